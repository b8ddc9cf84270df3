//! What a list does not say, and why: for whoever loads it.
//!
//! In: a decision and the formats it is written in. Out: sentences.

use std::fmt;

use super::{Format, Says};
use crate::firewall::gate::Decision;
use crate::text::counted;

/// What the lists of one run lack together, in whichever formats they are.
pub fn left_out(formats: &[&dyn Format], decision: &Decision) -> Vec<Warning> {
    let list = &decision.list;
    let said = formats.iter().fold(Says::default(), |said, f| said.or(f.says()));
    let mut warnings = Vec::new();
    let names = list.indispensable_names();
    if names > 0 && !said.names {
        warnings.push(Warning::NamesLeftOut { names });
    }
    if !said.pairs && list.has_pairs() {
        let pairs = list.entries().iter().filter(|e| e.target.from.is_some()).count();
        warnings.push(Warning::PairsLeftOut { pairs });
    }
    let list = &list.without_pairs();
    let endpoints =
        list.nameless_entries(|t| if t.service.is_some() { said.endpoints } else { said.addresses || said.endpoints });
    if endpoints > 0 {
        warnings.push(Warning::EndpointsLeftOut { endpoints, addresses: said.addresses });
    }
    if !decision.hosts.is_empty() {
        warnings.push(Warning::HostsLeftOut { hosts: decision.hosts.len() });
    }
    warnings
}

/// A loss that a format brings with it. Its text is a sentence for the operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Warning {
    /// Life times longer than the format knows were shortened.
    TtlCapped {
        /// The format.
        format: &'static str,
        /// Its longest life time, in seconds.
        longest: u64,
        /// Entries concerned.
        entries: usize,
    },
    /// Names that are the only way to block something are in no list.
    NamesLeftOut {
        /// How many.
        names: usize,
    },
    /// Endpoints that no name in the list leads to are in no list.
    EndpointsLeftOut {
        /// How many.
        endpoints: usize,
        /// A format could say whole addresses.
        addresses: bool,
    },
    /// What one host has with an endpoint is in no list.
    PairsLeftOut {
        /// How many.
        pairs: usize,
    },
    /// Isolated hosts, which no format says.
    HostsLeftOut {
        /// How many.
        hosts: usize,
    },
    /// Names that do not fit below the name of a zone.
    NamesTooLong {
        /// The format.
        format: &'static str,
        /// How many.
        names: usize,
    },
    /// More lines than the usual reader of such lists takes.
    ManyLines {
        /// The format.
        format: &'static str,
        /// How many.
        lines: usize,
        /// What usual readers take.
        usual: usize,
    },
    /// So many rules that they slow every packet down.
    ManyRules {
        /// How many.
        rules: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TtlCapped { format, longest, entries } => write!(
                f,
                "{format} knows no life time above {longest} seconds: {} shortened to that",
                counted(*entries, "entry was", "entries were")
            ),
            Self::NamesLeftOut { names } => write!(
                f,
                "{} in no list: only formats like dnsmasq, unbound, rpz or hosts take names, and no entry for an address \
                 stands for all that {} to",
                counted(*names, "name is", "names are"),
                if *names == 1 { "it leads" } else { "they lead" }
            ),
            Self::EndpointsLeftOut { endpoints, addresses } => write!(
                f,
                "{} in no list: no blocked name leads there, and {}",
                counted(*endpoints, "endpoint is", "endpoints are"),
                if *addresses {
                    "the format takes whole addresses only, which --scope address lists"
                } else {
                    "only formats like nft, ipset or iptables take ports"
                }
            ),
            Self::PairsLeftOut { pairs } => write!(
                f,
                "{} in no list: only formats like nft, ipset, iptables or suricata say which host is cut off",
                counted(*pairs, "pair of a host and an endpoint is", "pairs of a host and an endpoint are")
            ),
            Self::HostsLeftOut { hosts } => write!(
                f,
                "{} in no list, as none holds hosts: only minewatch watch --apply cuts hosts off",
                counted(*hosts, "isolated host is", "isolated hosts are")
            ),
            Self::NamesTooLong { format, names } => {
                write!(f, "{} too long for a zone, and left out of {format}", counted(*names, "name is", "names are"))
            }
            Self::ManyLines { format, lines, usual } => write!(
                f,
                "the {format} list has {lines} lines, and many firewalls take {usual}: --max-entries {usual} keeps the \
                 most certain"
            ),
            Self::ManyRules { rules } => write!(
                f,
                "iptables walks through its rules one by one for every packet, and {rules} are many: the nft or ipset \
                 format costs one look-up"
            ),
        }
    }
}
