//! What every list format has in common: its name, its header, its warnings, and the slice they stand in.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::firewall::gate::Decision;
use crate::firewall::list::{BlockList, Entry};
use crate::firewall::{ipset, iptables, nft, plain};
use crate::time::PacketTime;

/// A firewall's way to write a list.
///
/// A renderer prints typed values only. Body lines never start with `#`, so that everybody can check the checksum in
/// the header with `grep -v '^#'`.
pub trait Format: Sync {
    /// Name on the command line.
    fn id(&self) -> &'static str;

    /// File name extension, without the dot, for lists written side by side.
    fn extension(&self) -> &'static str;

    /// The files of a list. An empty list is a valid file that empties what an earlier one filled.
    fn render(&self, list: &BlockList, meta: &Meta, options: &RenderOptions) -> Rendered;
}

/// Every format, in the order of the help text.
pub static FORMATS: &[&dyn Format] = &[&nft::Nft, &ipset::Ipset, &iptables::Iptables, &plain::Plain];

/// The format of that name.
pub fn format_by_id(id: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.id() == id)
}

/// What the header says about where a list comes from. Packet time only: the same capture gives the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meta {
    /// Time of the last packet captured.
    pub captured_until: PacketTime,
    /// Refusals, all reasons.
    pub refused: usize,
    /// Refusals by the never-block gate.
    pub never_block_refused: usize,
    /// Entries that did not fit the cap.
    pub capped: usize,
}

impl Meta {
    /// The header facts of a decision.
    pub fn of(decision: &Decision, captured_until: PacketTime) -> Self {
        Self {
            captured_until,
            refused: decision.refusals.len(),
            never_block_refused: decision.never_block_refused(),
            capped: decision.capped(),
        }
    }
}

/// What the operator chose about the files.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RenderOptions {
    /// nft: only the sets, for people who hook them into rules of their own.
    pub sets_only: bool,
}

/// One file of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutFile {
    /// Appended to the name that the operator gave; empty for the first file.
    pub suffix: &'static str,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A list in one format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rendered {
    /// Files to write, together.
    pub files: Vec<OutFile>,
    /// What the format could not say as the list says it.
    pub warnings: Vec<Warning>,
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
                "{format} knows no life time above {longest} seconds: {entries} {} shortened to that",
                if *entries == 1 { "entry was" } else { "entries were" }
            ),
            Self::ManyRules { rules } => write!(
                f,
                "iptables walks through its rules one by one for every packet, and {rules} are many: the nft or ipset \
                 format costs one look-up"
            ),
        }
    }
}

/// The life time to print, counting those that had to be shortened.
pub(super) fn capped_ttl(e: &Entry, longest: u64, shortened: &mut usize) -> u64 {
    if e.ttl_secs > longest {
        *shortened += 1;
    }
    e.ttl_secs.min(longest)
}

/// `# ` lines, then the body. `entries` are those in this file.
pub(super) fn with_header<'a>(
    title: &str,
    entries: impl Iterator<Item = &'a Entry>,
    meta: &Meta,
    notes: &[&str],
    body: &str,
) -> Vec<u8> {
    let (v4, v6) = entries.fold((0, 0), |(a, b), e| if e.target.addr.is_ipv4() { (a + 1, b) } else { (a, b + 1) });
    let mut out = format!("# minewatch {} block list: {title}\n", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(out, "# captured until: {}", meta.captured_until);
    let _ = writeln!(out, "# entries: {} (IPv4 {v4}, IPv6 {v6})", v4 + v6);
    let _ = writeln!(
        out,
        "# refused: {} (never-block gate {}, list full {})",
        meta.refused, meta.never_block_refused, meta.capped
    );
    let _ = write!(out, "# sha256: ");
    for byte in Sha256::digest(body.as_bytes()) {
        let _ = write!(out, "{byte:02x}");
    }
    out.push_str("\n# check: grep -v '^#' FILE | sha256sum\n");
    for note in notes {
        let _ = writeln!(out, "# {note}");
    }
    out.push_str(body);
    out.into_bytes()
}

#[cfg(test)]
mod tests;
