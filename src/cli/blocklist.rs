//! `minewatch blocklist`: what is blocked now as a list for a firewall.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::options::known;
use super::remembered::{Choice, LastGate, StateDir, now};
use super::replay::complain;
use super::{Failure, Outcome};
use crate::firewall::{Destination, Meta, RenderOptions, write_all};

/// Arguments of `blocklist`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Format, as for replay --format
    #[arg(long, value_name = "FORMAT", default_value = "nft")]
    format: String,
    /// Write it here instead of to standard output
    #[arg(short, long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    output: PathBuf,
    /// nft: write the sets without chains and rules, for hooking them into your own
    #[arg(long)]
    sets_only: bool,
    #[command(flatten)]
    dir: StateDir,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    gate: LastGate,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let format = known(&args.format)?;
    let (mut policy, never) = args.gate.resolve()?;
    args.choice.refine(&mut policy)?;
    let now = now();
    let (_, book) = args.dir.book(&policy, now)?;
    let decision = book.list(&policy, &never, now);
    let rendered =
        format.render(&decision.list, &Meta::of(&decision, now), &RenderOptions { sets_only: args.sets_only });
    let warnings: Vec<_> = rendered.warnings.iter().map(ToString::to_string).collect();
    complain(&warnings)?;
    write_all(&Destination::from(Path::new(&args.output)), &rendered.files)?;
    Ok(Outcome::Clean)
}
