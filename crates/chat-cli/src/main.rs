//! The `chat` command.

#![expect(clippy::print_stderr, reason = "a command speaks to its terminal")]

#[expect(clippy::wildcard_enum_match_arm, reason = "an exchange looks for one event among many")]
mod demo;
mod serve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chat_server::World;
use clap::{Parser, Subcommand};
use runtime_core::{Proxies, Proxy};
use tracing_subscriber::EnvFilter;

/// A local server for PortSIP PBX IM and Binance C2C order chat, and a tour of both.
///
/// Nothing here talks to the live services.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    /// What to log to standard error: error, warn, info, debug, trace, or a filter by module.
    #[arg(long, global = true, value_name = "FILTER", env = "CHAT_LOG", default_value = "warn")]
    log: EnvFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve both services on this machine until Ctrl-C.
    Serve(serve::Args),
    /// Run every documented exchange of both services against a server in this process.
    Demo(DemoArgs),
}

#[derive(Debug, clap::Args)]
struct DemoArgs {
    /// Accounts and orders to use instead of the built-in ones (TOML).
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// The async runtime of the clients. The server is on tokio.
    #[arg(long, value_enum, default_value_t = demo::Kind::Tokio)]
    runtime: demo::Kind,
    /// Let the clients go through this proxy, HTTP and WebSocket alike: `http://`, `https://` or
    /// `socks5h://`, with `USER:PASSWORD@` where it asks for them. Without it they go directly,
    /// whatever the environment says: the server is on this machine.
    #[arg(long, value_name = "URL", env = "CHAT_PROXY", hide_env_values = true)]
    proxy: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt().with_env_filter(cli.log).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let outcome = match cli.command {
        Command::Serve(args) => runtime.block_on(serve::run(args)).map(|()| true),
        Command::Demo(args) => run_demo(&args, &runtime),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&*error),
    }
}

fn run_demo(
    args: &DemoArgs,
    tokio: &tokio::runtime::Runtime,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let world = world(args.world.as_deref())?;
    // Its errors do not show the password that may be in it.
    let proxy = args.proxy.as_deref().map(Proxy::parse).transpose();
    let proxies = proxy.map_err(|error| format!("--proxy: {error}"))?.map(Proxies::all);
    let demo = demo::run(args.runtime, world, proxies.unwrap_or_default(), std::io::stdout());
    args.runtime.block_on(tokio, demo)
}

/// The world in a file, or the built-in one.
fn world(file: Option<&Path>) -> Result<World, Box<dyn std::error::Error + Send + Sync>> {
    Ok(match file {
        Some(path) => chat_server::world::load(path)?,
        None => chat_server::world::builtin(),
    })
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    let mut text = error.to_string();
    eprintln!("chat: {text}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        // Most errors name their cause themselves.
        if !text.ends_with(&why) {
            eprintln!("  because: {why}");
        }
        (text, cause) = (why, error.source());
    }
    ExitCode::from(2)
}
