//! CSV for spreadsheets and inventories (RFC 4180 with plain line ends).
//!
//! Addresses, names and numbers begin with none of the signs that a spreadsheet takes for a formula, and hold no comma
//! and no quotation mark.

use std::fmt::Write as _;

use super::json::miners;
use super::{Format, Meta, RenderOptions, Rendered, Says};
use crate::evidence::Verdict;
use crate::firewall::candidate::Who;
use crate::firewall::list::BlockList;

/// A table with a line of titles.
pub(super) struct Csv;

/// The titles.
const TITLES: &str = "minewatch,value,protocol,port,ttl,expires,verdict,last_seen,miners,from\n";

/// What they begin with in every version, by which a file of ours is known again.
pub(in crate::firewall) const SIGNATURE: &str = "minewatch,value,protocol,port,";

impl Format for Csv {
    fn id(&self) -> &'static str {
        "csv"
    }

    fn extension(&self) -> &'static str {
        "csv"
    }

    fn says(&self) -> Says {
        Says::ALL
    }

    fn counts_down(&self) -> bool {
        true
    }

    fn print(&self, list: &BlockList, _meta: &Meta, _options: &RenderOptions) -> Rendered {
        let mut out = TITLES.to_owned();
        for e in list.entries() {
            let (kind, service) = match e.target.service {
                Some((proto, port)) if e.target.from.is_some() => ("pair", format!("{proto},{port}")),
                Some((proto, port)) => ("endpoint", format!("{proto},{port}")),
                None => ("address", ",".to_owned()),
            };
            let _ = writeln!(
                out,
                "{kind},{},{service},{},{},{},{},{},{}",
                e.target.addr,
                e.ttl_secs,
                e.expires,
                cell(e.verdict),
                e.last_seen,
                joined(&e.miners),
                e.target.from.map_or(String::new(), |from| from.to_string())
            );
        }
        for n in list.names() {
            let _ = writeln!(
                out,
                "name,{},,,{},{},{},{},{},",
                n.name,
                n.ttl_secs,
                n.expires,
                cell(n.verdict),
                n.last_seen,
                joined(&n.miners)
            );
        }
        Rendered::one(out.into_bytes())
    }
}

/// An order has no verdict, and a sign for that would begin a formula.
fn cell(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("", Verdict::name)
}

fn joined(all: &[Who]) -> String {
    miners(all).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
