//! The same programs on async-std and smol. What a reader changes by hand is changed here: the crate,
//! and how the program is started. A change that leaves them no longer alike fails the build.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// The programs that name a runtime.
const PROGRAMS: [&str; 7] = [
    "01_connect_and_send",
    "02_echo_bot",
    "03_group_administration",
    "04_history_export",
    "05_file_up_and_down",
    "06_order_auto_reply_bot",
    "07_proxy_and_pinned_ca",
];

const MAIN: &str = "#[tokio::main]\nasync fn main() -> Result<(), Box<dyn Error>> {";

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    for (name, clients, runtime) in [
        ("async_std", "runtime_async_std", "AsyncStdRuntime"),
        ("smol", "runtime_async_std::smol", "SmolRuntime"),
    ] {
        let mut all = String::new();
        let mut choices = String::new();
        for program in PROGRAMS {
            let file = format!("{program}.rs");
            println!("cargo::rerun-if-changed={file}");
            let text = fs::read_to_string(&file)?;
            if text.matches(MAIN).count() != 1 {
                return Err(format!("{file} does not start as the others do").into());
            }
            let start = format!(
                "pub(crate) fn main() -> Result<(), Box<dyn Error>> {{\n    \
                 runtime_async_std::{runtime}::block_on(program())\n}}\n\n\
                 async fn program() -> Result<(), Box<dyn Error>> {{"
            );
            let text = text
                .replace(MAIN, &start)
                .replace("use runtime_tokio::im", &format!("use {clients}::im"))
                .replace("use runtime_tokio::c2c", &format!("use {clients}::c2c"))
                .replace("runtime_tokio", "runtime_async_std");
            if text.contains("tokio") {
                return Err(format!("{file} knows tokio beyond its first lines").into());
            }
            all += &format!("mod p{program} {{\n{text}}}\n");
            choices += &format!("        Ok(\"{program}\") => p{program}::main(),\n");
        }
        all += &format!(
            "fn main() -> Result<(), Box<dyn std::error::Error>> {{\n    \
             match std::env::var(\"CHAT_EXAMPLE\").as_deref() {{\n{choices}        \
             _ => Err(\"CHAT_EXAMPLE names no example\".into()),\n    }}\n}}\n"
        );
        fs::write(Path::new(&out).join(format!("{name}.rs")), all)?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
