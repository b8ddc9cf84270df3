//! The program: parses the command line, runs a subcommand, gives its exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    minewatch::cli::main()
}
