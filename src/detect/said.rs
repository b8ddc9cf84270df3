//! What a witness of several flows says: what it saw, its weight, and the sentence for a person.

use std::fmt;
use std::net::IpAddr;

use crate::rhythm::{Fact, Witness};

use super::feed::Chain;

/// What was seen, with the numbers that its sentence needs. Times in seconds.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    /// Pushes come when blocks of a chain do.
    BlockPhase {
        /// Of which.
        chain: Chain,
        /// Blocks that a push came with.
        hits: u32,
        /// Blocks in all.
        blocks: u32,
        /// Share of hits that chance gives, 0 to 1.
        chance: f32,
        /// How much later than the feed's the gateway's clock is.
        offset: f32,
        /// Chance that this is chance, over all looks and all that was searched (log10).
        bound: f32,
        /// Hardly any push came without a block.
        only_blocks: bool,
        /// `MineHunter`'s score of the last full hour, else of what there is of it; above 0.6 it suspects.
        minehunter: Option<f32>,
    },
    /// Hosts are pushed to at the same moments.
    PushedTogether {
        /// Inside hosts, this one too.
        hosts: u32,
        /// Services that they talk to.
        services: u32,
        /// Unforeseen pushes that came together with another host's.
        times: u32,
        /// Unforeseen pushes in all.
        pushes: u32,
        /// Share of them that chance gives, 0 to 1.
        chance: f32,
        /// As in [`Seen::BlockPhase`].
        bound: f32,
        /// Hardly any push of any kind came without the other host's, or they are told of blocks only, or too often for
        /// news.
        twins: bool,
    },
    /// A host passes on at once what it is pushed.
    Relay {
        /// Who.
        relay: IpAddr,
        /// Hosts that it feeds.
        hosts: u32,
        /// Pushes that it passed on.
        echoes: u32,
        /// Pushes that it received.
        pushes: u32,
        /// Requests a minute that the hosts send it, and that it sends on.
        shares: Option<(f32, f32)>,
        /// As in [`Seen::BlockPhase`].
        bound: f32,
    },
    /// What is known of the address beside the flow's rhythm.
    Context {
        /// Inside hosts that visited it of late.
        visitors: u32,
        /// Visits that were judged, and how many of them were harmless.
        visits: Option<(u32, u32)>,
        /// Further words, in the order of their weight.
        words: Vec<&'static str>,
    },
}

/// One witness.
#[derive(Clone, PartialEq, Debug)]
pub struct Saying {
    /// What it saw.
    pub seen: Seen,
    /// Decimal logarithm of its likelihood ratio, mining against everything else, after its own cap.
    pub weight: f32,
}

impl Saying {
    /// The same as fusion takes it.
    pub fn witness(&self) -> Witness {
        let fact = match &self.seen {
            Seen::BlockPhase { hits, blocks, chance, .. } => {
                Fact::BlockPhase { hits: *hits, blocks: *blocks, chance: *chance }
            }
            Seen::PushedTogether { hosts, times, .. } => Fact::PushedTogether { hosts: *hosts, times: *times },
            Seen::Relay { hosts, echoes, .. } => Fact::Relay { hosts: *hosts, times: *echoes },
            Seen::Context { visitors, .. } => Fact::FewVisitors { hosts: *visitors },
        };
        Witness { fact, weight: self.weight }
    }
}

impl fmt::Display for Saying {
    /// The sentence that a person can check.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.seen {
            Seen::BlockPhase { chain, hits, blocks, chance, offset, bound, only_blocks, minehunter } => {
                write!(
                    f,
                    "a push came with {hits} of {blocks} {} blocks ({:.1} expected by chance, {})",
                    chain.coin,
                    chance * *blocks as f32,
                    Odds(*bound)
                )?;
                if offset.abs() > 1.0 {
                    write!(f, ", {:.0} s {} than the feed says", offset.abs(), later(*offset))?;
                }
                if *only_blocks {
                    f.write_str(", and hardly anything else was pushed, as to a node or a wallet")?;
                }
                match minehunter {
                    Some(score) => write!(f, "; MineHunter's score {score:.2}"),
                    None => Ok(()),
                }
            }
            Seen::PushedTogether { hosts, services, times, pushes, chance, bound, twins } => {
                write!(
                    f,
                    "{times} of {pushes} unforeseen pushes came at the same moment as another host's ({:.1} expected by \
                     chance, {}): {hosts} hosts, {services} {}",
                    chance * *pushes as f32,
                    Odds(*bound),
                    if *services == 1 { "service" } else { "services" }
                )?;
                if *services == 1 || *twins {
                    f.write_str("; anything that is sent to many at once does that, too")?;
                }
                Ok(())
            }
            Seen::Relay { relay, hosts, echoes, pushes, shares, bound } => {
                write!(
                    f,
                    "{relay} passed on {echoes} of {pushes} pushes at once to {hosts} inside {} ({})",
                    if *hosts == 1 { "host" } else { "hosts" },
                    Odds(*bound)
                )?;
                match shares {
                    Some((down, up)) => {
                        write!(f, "; they send it {down:.1} requests a minute, it sends on {up:.1}")
                    }
                    None => Ok(()),
                }
            }
            Seen::Context { visitors, visits, words } => {
                match visitors {
                    0 | 1 => f.write_str("no other host inside talks to that address")?,
                    n => write!(f, "{n} hosts inside talk to that address")?,
                }
                if let Some((all, harmless)) = visits {
                    write!(f, ", {harmless} of {all} visits to it came to nothing")?;
                }
                for word in words {
                    write!(f, ", {word}")?;
                }
                Ok(())
            }
        }
    }
}

fn later(offset: f32) -> &'static str {
    if offset > 0.0 { "later" } else { "earlier" }
}

/// A bound on a probability, given as its decimal logarithm.
struct Odds(f32);

impl fmt::Display for Odds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > -1.0 {
            return f.write_str("may be chance");
        }
        write!(f, "odds below 1 in 1e{:.0}", -self.0.ceil())
    }
}
