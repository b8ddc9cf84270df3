//! The program: parses the command line, runs a subcommand, gives its exit status.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// What readers find is freed by the main thread. glibc's allocator takes a lock for that which the reader holds, and both
/// wait: a fifth of all time where DNS look-ups are many.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    minewatch::cli::main()
}
