//! Look-ups and name services of the local network. First byte: 0 a datagram, 1 mDNS, 2 LLMNR (from the address and port
//! that follow in it), and everything else a TCP stream, cut into segments by the second byte.
//!
//! Promises: names are printable ASCII; names and addresses are bounded; a host's own name is one label; segments make no
//! difference; what is held is bounded.

use std::net::IpAddr;

use minewatch::carrier::dns::local::{self, By};
use minewatch::carrier::dns::{self, Framed};

use super::{Bytes, pieces};

/// Twice the longest message that is kept, since vectors double.
const MAX_HELD: usize = 2 * 16 * 1024 + 64;
/// A name of 255 bytes in which every one is escaped.
const MAX_NAME: usize = 4 * 255;

/// Reads it.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    match bytes.u8() {
        Some(0) => message(bytes.0),
        Some(1) => own_name(&mut bytes, By::Mdns, local::MDNS_PORT),
        Some(2) => own_name(&mut bytes, By::Llmnr, local::LLMNR_PORT),
        Some(_) => {
            let cuts = bytes.u8().unwrap_or_default();
            let whole = framed(bytes.0, 0);
            assert_eq!(framed(bytes.0, cuts), whole, "segments change what is read");
            for m in &whole {
                message(m);
            }
        }
        None => {}
    }
}

fn message(bytes: &[u8]) {
    let Some(dns) = dns::read(bytes) else { return };
    assert!(dns::begins(bytes), "read, but not begun");
    assert!(dns.aliases.len() <= 16 && dns.addresses.len() <= 64);
    assert!(dns.reply || (dns.aliases.is_empty() && dns.addresses.is_empty()), "a question that answers");
    for name in dns.aliases.iter().chain([&dns.name]) {
        assert!(name.len() <= MAX_NAME && name.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{name:?}");
        assert_eq!(**name, name.to_ascii_lowercase());
    }
}

fn own_name(bytes: &mut Bytes<'_>, by: By, port: u16) {
    let Some(src) = bytes.take(4).first_chunk::<4>().map(|a| IpAddr::from(*a)) else { return };
    let Some(said) = local::read(bytes.0, by, src, port) else { return };
    if let Some(name) = said.own_name {
        let label = if by == By::Mdns { name.strip_suffix(".local").unwrap() } else { &*name };
        assert!((1..=63).contains(&label.len()) && !label.contains('.'), "{name:?}");
        assert!(label.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{name:?}");
        assert_eq!(local::read(bytes.0, by, src, 1).unwrap().own_name, None, "from another port");
    }
}

fn framed(stream: &[u8], cuts: u8) -> Vec<Vec<u8>> {
    let (mut reader, mut out) = (Framed::default(), Vec::new());
    for piece in pieces(stream, cuts) {
        reader.data(piece, |m| out.push(m.to_vec()));
        assert!(reader.held() <= MAX_HELD, "{} bytes held", reader.held());
    }
    out
}
