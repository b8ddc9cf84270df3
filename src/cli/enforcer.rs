//! `minewatch enforcer`: the process that changes the firewall. `minewatch` starts it with a socket as its standard
//! input; by hand it only says so.

use clap::{Args as ClapArgs, ValueEnum};

use super::feeds::FeedArgs;
use super::{Failure, Outcome};
use crate::enforce::{Choice, Gate, serve};
use crate::firewall::NeverBlock;

/// Arguments of `enforcer`.
#[derive(ClapArgs, Debug)]
pub(super) struct Args {
    /// Which firewall
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// Let documentation ranges be blocked: for tests
    #[arg(long)]
    allow_documentation_ranges: bool,
    #[command(flatten)]
    feeds: FeedArgs,
}

/// A firewall of the kernel.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum Backend {
    Auto,
    Nftables,
    Ipset,
}

impl Backend {
    /// As the room takes it.
    pub(super) const fn choice(self) -> Choice {
        match self {
            Self::Auto => Choice::Auto,
            Self::Nftables => Choice::Nftables,
            Self::Ipset => Choice::Ipset,
        }
    }
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let (intel, _) = args.feeds.load()?;
    let never = NeverBlock::new().with_fronts(intel.fronts());
    serve(args.backend.choice(), Gate::new(args.allow_documentation_ranges).sparing(never))?;
    Ok(Outcome::Clean)
}
