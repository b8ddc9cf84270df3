//! A capture as tshark reads it, if it is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};

use super::flows::Way;
use super::reference::Lists;

const FIELDS: [&str; 19] = [
    "frame.number",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tcp.stream",
    "udp.stream",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str",
    "tls.handshake.ciphersuite",
    "tls.handshake.extension.type",
    "tls.handshake.sig_hash_alg",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.version",
    "tls.handshake.type",
];

/// A hello, with the frame that it ended in.
#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) frame: u64,
    pub(crate) lists: Lists,
}

/// Whether there is one to ask.
pub(crate) fn is_there() -> bool {
    let version = Command::new("tshark").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|s| s.success())
}

/// The first client's hello of each stream, by who sent it, in the order of frames. A packet in a tunnel has several
/// addresses of both kinds: it is listed under each pair that its innermost ones can be.
pub(crate) fn hellos(path: &Path) -> BTreeMap<Way, Vec<Hello>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"]);
    command.args(["-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "tls.handshake.type == 1 && (tcp || quic)", "-r"]);
    command.arg(path).stderr(Stdio::null());
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let out = command.output().unwrap();
    let mut found: BTreeMap<Way, Vec<Hello>> = BTreeMap::new();
    let mut streams = BTreeSet::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let all = |i: usize| columns.get(i).copied().unwrap_or_default().split(';').filter(|s| !s.is_empty());
        let last = |i: usize| all(i).next_back();
        let udp = last(7).is_some() && last(10).is_some() && last(9).is_none();
        let (from_port, to_port) = if udp { (last(7), last(8)) } else { (last(5), last(6)) };
        let (Some(from_port), Some(to_port)) = (from_port, to_port) else { continue };
        if !streams.insert((udp, last(if udp { 10 } else { 9 }).map(str::to_owned))) {
            continue;
        }
        let numbers = |i: usize| all(i).filter_map(number).collect::<Vec<u16>>();
        let lists = Lists {
            quic: udp,
            legacy: numbers(17).first().copied().unwrap_or(0),
            versions: numbers(16),
            ciphers: numbers(13),
            extensions: numbers(14),
            signatures: numbers(15),
            alpn: all(12).map(|a| a.as_bytes().to_vec()).collect(),
            sni: all(11).next().map(|s| s.as_bytes().to_vec()),
        };
        for (src, dst) in [(3, 4), (1, 2)] {
            let address = |i: usize| last(i).and_then(|a| a.parse::<IpAddr>().ok());
            let (Some(src), Some(dst)) = (address(src), address(dst)) else { continue };
            let way = Way {
                udp,
                from: SocketAddr::new(src, from_port.parse().unwrap()),
                to: SocketAddr::new(dst, to_port.parse().unwrap()),
            };
            let frame = columns[0].parse().unwrap();
            found.entry(way).or_default().push(Hello { frame, lists: lists.clone() });
        }
    }
    found
}

fn number(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(hex) => u16::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
