//! kubectl-meshsniff: which requests were given up by their client, and the packets that prove it.

mod access_log;
mod analyze;
mod args;
mod capture;
mod check;
mod clean;
mod cluster;
mod complete;
mod demo;
mod exit;
mod explain;
mod metrics;
mod slow;
mod talk;
mod timeouts;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use exit::{Exit, Usage, is_broken_pipe};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = demo::inside() {
        return code;
    }
    if let Some(code) = complete::asked() {
        return code;
    }
    let args = Args::parse_from(args::with_command(std::env::args_os()));
    let ended = match args.command {
        Command::Pod(pod) => capture::run(*pod),
        Command::Slow(slow) => slow::run(*slow),
        Command::Analyze(analyze) => analyze::run(&analyze),
        Command::Explain(explain) => explain::run(&explain),
        Command::Demo(demo) => demo::run(demo.duration),
        Command::Check(check) => cluster::finish(check::run(&check)),
        Command::Clean(clean) => cluster::finish(clean::run(&clean)),
    };
    let exit = match ended {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            // If stderr is gone as well, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            if error.is::<Usage>() { Exit::Usage } else { Exit::Error }
        }
    };
    exit.into()
}
