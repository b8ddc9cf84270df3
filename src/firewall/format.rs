//! What every list format has in common: its name, what it can say, its header, its warnings, and the slice they stand
//! in.

mod cisco;
mod crowdsec;
mod csv;
mod dataset;
mod dnsmasq;
mod domains;
mod edl;
mod exabgp;
mod hosts;
mod ipset;
mod iptables;
mod json;
mod mikrotik;
mod misp;
mod nft;
mod pf;
mod plain;
mod rpz;
mod stix;
mod suricata;
mod unbound;
mod uuid;
mod warning;
mod zeek;

pub(super) use csv::SIGNATURE;
pub use warning::{Warning, left_out};

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::firewall::gate::Decision;
use crate::firewall::list::{BlockList, Entry};
use crate::firewall::policy::Scope;
use crate::text::counted;
use crate::time::PacketTime;

/// A firewall's way to write a list.
///
/// A renderer prints typed values only. Body lines never start with the sign that begins a comment, so that everybody
/// can check the checksum in the header with `grep -v '^#'`.
pub trait Format: Sync {
    /// Name on the command line.
    fn id(&self) -> &'static str;

    /// File name extension, without the dot, for lists written side by side.
    fn extension(&self) -> &'static str;

    /// What it can say.
    fn says(&self) -> Says;

    /// Whether it would block whole addresses where the list names ports only, which an operator has to ask for.
    fn needs_address_scope(&self) -> bool {
        let Says { endpoints, addresses, names, .. } = self.says();
        addresses && !endpoints && !names
    }

    /// Whether it would block for everybody, or not at all, what the list blocks for one host.
    fn needs_endpoint_scope(&self) -> bool {
        !self.says().pairs
    }

    /// Why it is no format for lists in `scope`, if it is none. What to do is said beside it.
    fn is_unfit(&self, scope: Scope) -> Option<Unfit> {
        if scope != Scope::Address && self.needs_address_scope() {
            Some(Unfit::Ports)
        } else if scope == Scope::HostPair && self.needs_endpoint_scope() {
            Some(Unfit::Hosts)
        } else {
            None
        }
    }

    /// Whether its files hold entries and nothing else, so that no line can say whose they are.
    fn is_bare(&self) -> bool {
        false
    }

    /// Whether it says how long entries still live, so that a file that lies about makes them live longer.
    fn counts_down(&self) -> bool {
        false
    }

    /// The files of a list. An empty list is a valid file that empties what an earlier one filled. What one host is cut
    /// from is left out where the format cannot say it: [`left_out`] tells.
    fn render(&self, list: &BlockList, meta: &Meta, options: &RenderOptions) -> Rendered {
        if self.says().pairs || !list.has_pairs() {
            self.print(list, meta, options)
        } else {
            let rest = list.without_pairs();
            let meta = Meta { pairs_left_out: list.len() - rest.len(), ..*meta };
            self.print(&rest, &meta, options)
        }
    }

    /// The same for a list that the format can say, or whose ports it may leave away.
    fn print(&self, list: &BlockList, meta: &Meta, options: &RenderOptions) -> Rendered;
}

/// What a format would need to say for a list, and cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// Ports.
    Ports,
    /// Which host is cut off.
    Hosts,
}

impl Unfit {
    /// The scope that it is fit for, as on the command line.
    pub const fn fit(self) -> &'static str {
        match self {
            Self::Ports => "--scope address",
            Self::Hosts => "--scope endpoint",
        }
    }
}

impl fmt::Display for Unfit {
    /// Goes on behind the name of the format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ports => "cannot say ports, and would block whatever else lives at the addresses",
            Self::Hosts => "cannot say which host, and would block the pool for everybody",
        })
    }
}

/// Every format, in the order of the help text.
pub static FORMATS: &[&dyn Format] = &[
    &nft::Nft,
    &ipset::Ipset,
    &iptables::Iptables,
    &plain::Plain,
    &pf::Pf,
    &mikrotik::Mikrotik,
    &cisco::Cisco,
    &edl::Edl,
    &exabgp::Exabgp,
    &dnsmasq::Dnsmasq,
    &unbound::Unbound,
    &rpz::Rpz,
    &hosts::Hosts,
    &domains::Domains,
    &suricata::Suricata,
    &dataset::Dataset,
    &zeek::Zeek,
    &crowdsec::Crowdsec,
    &stix::Stix,
    &misp::Misp,
    &csv::Csv,
    &json::Json,
];

/// The format of that name.
pub fn format_by_id(id: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.id() == id)
}

/// What a format can say.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[allow(clippy::struct_excessive_bools)] // each is said or not, whatever the others are
pub struct Says {
    /// Address, protocol and port.
    pub endpoints: bool,
    /// A whole address.
    pub addresses: bool,
    /// A name.
    pub names: bool,
    /// What one host has with an endpoint.
    pub pairs: bool,
}

impl Says {
    /// Nothing.
    const NOTHING: Self = Self { endpoints: false, addresses: false, names: false, pairs: false };
    /// Endpoints and whole addresses.
    pub const ENDPOINTS: Self = Self { endpoints: true, addresses: true, ..Self::NOTHING };
    /// The same, and what one host has with an endpoint.
    pub const PAIRS: Self = Self { pairs: true, ..Self::ENDPOINTS };
    /// Whole addresses only.
    pub const ADDRESSES: Self = Self { addresses: true, ..Self::NOTHING };
    /// Names only.
    pub const NAMES: Self = Self { names: true, ..Self::NOTHING };
    /// Everything but what one host has with an endpoint.
    pub const ENDPOINTS_AND_NAMES: Self = Self { names: true, ..Self::ENDPOINTS };
    /// Everything.
    pub const ALL: Self = Self { names: true, ..Self::PAIRS };
    /// Whole addresses and names.
    pub const ADDRESSES_AND_NAMES: Self = Self { names: true, ..Self::ADDRESSES };

    /// What two formats can say together.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            endpoints: self.endpoints || other.endpoints,
            addresses: self.addresses || other.addresses,
            names: self.names || other.names,
            pairs: self.pairs || other.pairs,
        }
    }
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
    /// What one host has with an endpoint and this format cannot say.
    pub pairs_left_out: usize,
}

impl Meta {
    /// The header facts of a decision.
    pub fn of(decision: &Decision, captured_until: PacketTime) -> Self {
        Self {
            captured_until,
            refused: decision.refused(),
            never_block_refused: decision.never_block_refused(),
            capped: decision.capped(),
            pairs_left_out: 0,
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

impl Rendered {
    fn one(bytes: Vec<u8>) -> Self {
        Self { files: vec![OutFile { suffix: "", bytes }], warnings: Vec::new() }
    }
}

/// The life time to print, counting those that had to be shortened.
pub(super) fn capped_ttl(e: &Entry, longest: u64, shortened: &mut usize) -> u64 {
    if e.ttl_secs > longest {
        *shortened += 1;
    }
    e.ttl_secs.min(longest)
}

/// "use a newer list by" for formats whose lines cannot expire: when the first of them is over. `None` for an empty
/// list.
pub(super) fn use_newer_by(lives: impl Iterator<Item = u64>, meta: &Meta) -> Option<String> {
    let shortest = lives.min()?;
    let until = meta.captured_until.plus(Duration::from_secs(shortest));
    Some(format!("no line can expire: use a newer list by {until}"))
}

/// `# ` lines, then the body. `entries` are those in this file.
pub(super) fn with_header<'a>(
    title: &str,
    entries: impl Iterator<Item = &'a Entry>,
    meta: &Meta,
    notes: &[&str],
    body: &str,
) -> Vec<u8> {
    Header { title, sign: '#', entries: Some(families(entries)), names: None, meta, notes }.above(body)
}

/// How many of each family.
fn families<'a>(entries: impl Iterator<Item = &'a Entry>) -> (usize, usize) {
    entries.fold((0, 0), |(a, b), e| if e.target.addr.is_ipv4() { (a + 1, b) } else { (a, b + 1) })
}

/// What stands above a list: who wrote it, of what, and its checksum.
struct Header<'a> {
    title: &'a str,
    /// Begins a comment.
    sign: char,
    /// IPv4 and IPv6 entries, where the format has such.
    entries: Option<(usize, usize)>,
    /// Names, where the format has such.
    names: Option<usize>,
    meta: &'a Meta,
    notes: &'a [&'a str],
}

impl Header<'_> {
    /// The whole file.
    fn above(&self, body: &str) -> Vec<u8> {
        let (sign, meta) = (self.sign, self.meta);
        let mut out = format!("{sign} minewatch {} block list: {}\n", env!("CARGO_PKG_VERSION"), self.title);
        let _ = writeln!(out, "{sign} captured until: {}", meta.captured_until);
        if let Some((v4, v6)) = self.entries {
            let _ = writeln!(out, "{sign} entries: {} (IPv4 {v4}, IPv6 {v6})", v4 + v6);
        }
        if let Some(names) = self.names {
            let _ = writeln!(out, "{sign} names: {names}");
        }
        let _ = writeln!(
            out,
            "{sign} refused: {} (never-block gate {}, list full {})",
            meta.refused, meta.never_block_refused, meta.capped
        );
        if meta.pairs_left_out > 0 {
            let pairs = counted(meta.pairs_left_out, "pair", "pairs");
            let _ = writeln!(
                out,
                "{sign} left out: {pairs} of a host and an endpoint, which this format cannot say: nft, ipset, iptables or \
                 suricata can"
            );
        }
        let _ = writeln!(out, "{sign} sha256: {}", sha256(body));
        let _ = writeln!(out, "{sign} check: grep -v '^{sign}' FILE | sha256sum");
        for note in self.notes {
            let _ = writeln!(out, "{sign} {note}");
        }
        out.push_str(body);
        out.into_bytes()
    }
}

/// Of a body, in hexadecimal.
fn sha256(body: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(body.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A file of names with a header, and the note by when it is to be replaced.
fn names_file(title: &str, sign: char, list: &BlockList, meta: &Meta, notes: &[&str], body: &str) -> Rendered {
    let expiry = use_newer_by(list.names().iter().map(|n| n.ttl_secs), meta);
    let notes: Vec<_> = notes.iter().copied().chain(expiry.as_deref()).collect();
    let header = Header { title, sign, entries: None, names: Some(list.names().len()), meta, notes: &notes };
    Rendered::one(header.above(body))
}

/// Entries, one for each address: for formats without ports.
fn addresses(list: &BlockList) -> Vec<&Entry> {
    let mut all: Vec<&Entry> = Vec::with_capacity(list.len());
    for e in list.entries() {
        match all.last_mut() {
            Some(same) if same.target.addr == e.target.addr => {
                if e.ttl_secs > same.ttl_secs {
                    *same = e;
                }
            }
            _ => all.push(e),
        }
    }
    all
}

/// RFC 3339 in UTC with milliseconds, as STIX wants it.
fn millis(t: PacketTime) -> String {
    let text = t.to_string();
    match text.strip_suffix('Z') {
        Some(micros) => format!("{}Z", micros.get(..micros.len().saturating_sub(3)).unwrap_or(micros)),
        None => text,
    }
}

#[cfg(test)]
mod tests;
