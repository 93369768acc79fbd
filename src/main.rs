//! Arguments in, exit code out.

// An optimised build lays out every command's future here.
#![recursion_limit = "256"]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = uriba::cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("uriba: no threads can be started: {error}");
            return ExitCode::from(1);
        }
    };
    let code = runtime.block_on(uriba::cli::run(cli));
    // What is still under way is not waited for: every step leaves a state that the next start goes on from.
    runtime.shutdown_background();
    ExitCode::from(code)
}
