//! The command line: one file a subcommand.
//!
//! In: arguments. Out: an exit status: 0 nothing found, 1 miners found, 2 error or damaged input (what was found is
//! still printed).

mod apply;
mod block_feed;
#[cfg(feature = "state")]
mod blocklist;
mod candidates;
mod check;
mod enforcer;
#[cfg(feature = "state")]
mod entries;
mod explain;
mod feeds;
#[cfg(feature = "state")]
mod incidents;
mod leave;
mod lists;
#[cfg(all(feature = "live", feature = "state"))]
mod living;
mod options;
#[cfg(feature = "state")]
mod orders;
mod relays;
#[cfg(feature = "live")]
mod reload;
#[cfg(feature = "state")]
mod remembered;
mod replay;
mod session;
mod signals;
#[cfg(all(feature = "live", feature = "state"))]
mod spared;
#[cfg(all(feature = "live", feature = "state"))]
mod status;
#[cfg(all(feature = "live", feature = "state"))]
mod telling;
#[cfg(feature = "live")]
mod vigil;
#[cfg(feature = "live")]
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit status 1: miners were found.
const FOUND: u8 = 1;
/// Exit status 2: an error, or damaged input.
const ERROR: u8 = 2;

/// Finds every machine that mines cryptocurrency by its network traffic.
#[derive(Parser, Debug)]
#[command(name = "minewatch", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 nothing found, 1 miners found, 2 error or damaged input (what was found is still printed)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant)] // there is one of them, once
enum Command {
    /// Read captures: which hosts mine, where, since when, how sure and why; write a block list
    Replay(replay::Args),
    /// Read captures and print all evidence about one host, in time order
    Explain(explain::Args),
    /// Look at, check, convert and refresh what is known of pools
    Feeds(feeds::Args),
    /// Check policy, feeds, databases and permissions without starting
    Check(check::Args),
    /// Look after what is cut off in this machine's firewall
    Apply(apply::Args),
    /// The process that changes the firewall; minewatch starts it by itself
    #[command(hide = true)]
    Enforcer(enforcer::Args),
    /// Watch an interface until interrupted
    #[cfg(feature = "live")]
    Watch(watch::Args),
    /// Ask a running watch how it is
    #[cfg(all(feature = "live", feature = "state"))]
    Status(status::Args),
    /// Show what is blocked now, since when and for how long, and what is released
    #[cfg(feature = "state")]
    Entries(entries::Args),
    /// Block an address, endpoint or name for a while
    #[cfg(feature = "state")]
    Block(orders::BlockArgs),
    /// Cut a host inside off for a while, but for DNS, DHCP and the networks that the policy keeps
    #[cfg(feature = "state")]
    Isolate(orders::IsolateArgs),
    /// Take an address, endpoint, name or isolated host out of what is blocked, and keep it out for a while
    #[cfg(feature = "state")]
    Release(orders::ReleaseArgs),
    /// Print what is blocked now as a list for a firewall
    #[cfg(feature = "state")]
    Blocklist(blocklist::Args),
    /// Show which hosts mined where, from when to when, and what became of it
    #[cfg(feature = "state")]
    Incidents(incidents::Args),
}

/// What a subcommand found.
enum Outcome {
    /// No miner.
    Clean,
    /// Miners.
    Found,
    /// Something went wrong that was already told.
    Failed,
}

/// An error as a sentence.
type Failure = anyhow::Error;

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            drop(e.print());
            if e.kind() == clap::error::ErrorKind::InvalidSubcommand
                && std::env::args_os().nth(1).is_some_and(|a| std::path::Path::new(&a).exists())
            {
                drop(writeln!(std::io::stderr(), "to read a capture: minewatch replay FILE"));
            }
            return if e.use_stderr() { ExitCode::from(ERROR) } else { ExitCode::SUCCESS };
        }
    };
    let result = match &cli.command {
        Command::Replay(args) => replay::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Feeds(args) => feeds::run(args),
        Command::Check(args) => check::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Enforcer(args) => enforcer::run(args),
        #[cfg(feature = "live")]
        Command::Watch(args) => watch::run(args),
        #[cfg(all(feature = "live", feature = "state"))]
        Command::Status(args) => status::run(args),
        #[cfg(feature = "state")]
        Command::Entries(args) => entries::run(args),
        #[cfg(feature = "state")]
        Command::Block(args) => orders::block(args),
        #[cfg(feature = "state")]
        Command::Isolate(args) => orders::isolate(args),
        #[cfg(feature = "state")]
        Command::Release(args) => orders::release(args),
        #[cfg(feature = "state")]
        Command::Blocklist(args) => blocklist::run(args),
        #[cfg(feature = "state")]
        Command::Incidents(args) => incidents::run(args),
    };
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(FOUND),
        Ok(Outcome::Failed) => ExitCode::from(ERROR),
        Err(e) if is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            drop(writeln!(std::io::stderr(), "minewatch: {}", crate::text::printable(&sentence(&e), 2048)));
            ExitCode::from(ERROR)
        }
    }
}

/// An error with those of its causes that it does not tell itself.
fn sentence(e: &Failure) -> String {
    let mut text = String::new();
    for cause in e.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// The reader of our output went away (`| head`): not our failure.
fn is_broken_pipe(e: &Failure) -> bool {
    e.chain().any(|c| c.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe))
}
