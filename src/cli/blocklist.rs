//! `minewatch blocklist`: what is blocked now as a list for a firewall.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args as ClapArgs;

use super::options::{by_extension, known};
use super::remembered::{Choice, LastGate, StateDir, now};
use super::replay::complain;
use super::{Failure, Outcome};
use crate::firewall::{Destination, Meta, RenderOptions, left_out, write_all};
use crate::text::counted;

/// Arguments of `blocklist`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Format, as for replay --format [default: by the end of the file's name, else nft]
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
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
    let format = match &args.format {
        Some(name) => known(name)?,
        None => by_extension(&args.output)?,
    };
    let (mut policy, never) = args.gate.resolve()?;
    args.choice.refine(&mut policy)?;
    let now = now();
    let (_, book) = args.dir.book(&policy, now)?;
    let decision = book.list(&policy, &never, now);
    #[cfg(feature = "live")]
    args.dir.tell_what_differs(decision.list.len())?;
    // What a format says of one host is left out where it cannot say which, and told below.
    let ports = decision.list.entries().iter().filter(|e| e.target.service.is_some() && e.target.from.is_none());
    let ports = ports.count();
    if ports > 0 && format.needs_address_scope() {
        bail!(
            "{} cannot say ports, and would block whatever else lives at the addresses of {ports} of {}: use a \
             format that takes ports, such as nft, or order whole addresses with minewatch block ADDR and release the \
             ports",
            format.id(),
            counted(decision.list.len(), "entry", "entries")
        );
    }
    let rendered =
        format.render(&decision.list, &Meta::of(&decision, now), &RenderOptions { sets_only: args.sets_only });
    let lost = left_out(&[format], &decision);
    let warnings: Vec<_> = lost.iter().chain(&rendered.warnings).map(ToString::to_string).collect();
    complain(&warnings)?;
    write_all(&Destination::from(Path::new(&args.output)), &rendered.files)?;
    Ok(Outcome::Clean)
}
