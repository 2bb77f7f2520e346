//! Allocations a message: `runtime-allocs`, the program beside this one, counts them.

use std::net::SocketAddr;
use std::process::Command;

/// Runs it; what it prints is a table.
///
/// # Errors
///
/// It is not there, or failed.
pub fn measure(server: SocketAddr) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| format!("no own path: {error}"))?;
    let name = format!("runtime-allocs{}", std::env::consts::EXE_SUFFIX);
    let counter = program.with_file_name(name);
    let output = Command::new(&counter).arg(server.to_string()).output();
    let output = output.map_err(|error| format!("`{}`: {error}", counter.display()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` failed: {}", counter.display(), stderr.trim_end()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
