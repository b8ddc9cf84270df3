//! Names that hosts give themselves on the local network: multicast DNS (RFC 6762) and LLMNR (RFC 4795).
//!
//! In: the payload of a UDP datagram and who sent it. Out: whether it is such a message, and the sender's own name, if it
//! says one: a record that gives the sender's own address. Anybody can send anything to a multicast group, so what is
//! said of others teaches nothing, and nothing of it is a look-up.

use std::net::IpAddr;

use domain::base::Message;
use domain::base::iana::Rtype;
use domain::rdata::AllRecordData;

use super::{MAX_RECORDS, Wire, text};

/// Multicast DNS (RFC 6762 §3).
pub const MDNS_PORT: u16 = 5353;
/// Link-local multicast name resolution (RFC 4795 §2.4).
pub const LLMNR_PORT: u16 = 5355;

/// A message of either.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// What the sender calls itself: one label below `.local` in mDNS, one label in LLMNR.
    pub own_name: Option<Box<str>>,
    /// Which of the two.
    pub by: By,
}

/// Ways to say one's own name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Multicast DNS.
    Mdns,
    /// LLMNR.
    Llmnr,
}

impl By {
    /// Name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mdns => "mdns",
            Self::Llmnr => "llmnr",
        }
    }

    /// By the ports of a datagram.
    pub const fn of(src_port: u16, dst_port: u16) -> Option<Self> {
        match (src_port, dst_port) {
            (MDNS_PORT, _) | (_, MDNS_PORT) => Some(Self::Mdns),
            (LLMNR_PORT, _) | (_, LLMNR_PORT) => Some(Self::Llmnr),
            _ => None,
        }
    }
}

/// Reads a datagram whose ports say that it is one. `None` when it is something else all the same.
pub fn read(bytes: &[u8], by: By, src: IpAddr, src_port: u16) -> Option<Local> {
    let message = Message::from_octets(bytes).ok()?;
    let header = message.header();
    if header.opcode().to_int() != 0 || message.header_counts().qdcount() > MAX_RECORDS as u16 {
        return None;
    }
    // Answers come from the service's port (RFC 6762 §6, RFC 4795 §2.4).
    let answers = header.qr()
        && src_port
            == match by {
                By::Mdns => MDNS_PORT,
                By::Llmnr => LLMNR_PORT,
            };
    let own_name = if answers { own_name(&message, by, src) } else { None };
    Some(Local { own_name, by })
}

fn own_name(message: &Message<&[u8]>, by: By, src: IpAddr) -> Option<Box<str>> {
    let mut found: Option<Box<str>> = None;
    for (record, _) in message.iter().take(MAX_RECORDS).map_while(Result::ok) {
        // The top bit says that caches are to forget what they had (RFC 6762 §10.2); a life of 0 is a farewell (§10.1).
        let internet = record.class().to_int() & 0x7fff == 1;
        if !internet || record.ttl().as_secs() == 0 || !matches!(record.rtype(), Rtype::A | Rtype::AAAA) {
            continue;
        }
        let Ok(r) = record.to_any_record::<AllRecordData<&[u8], Wire<'_>>>() else { continue };
        let ip = match r.data() {
            AllRecordData::A(a) => IpAddr::V4(a.addr()),
            AllRecordData::Aaaa(a) => IpAddr::V6(a.addr()),
            _ => continue,
        };
        if ip.to_canonical() != src.to_canonical() {
            continue;
        }
        let name = text(r.owner());
        let label = match by {
            By::Mdns => name.strip_suffix(".local").unwrap_or_default(),
            By::Llmnr => &name,
        };
        // Escapes of the text form (`\.`) would hide where a label ends.
        if label.is_empty() || label.contains(['.', '\\']) {
            continue;
        }
        // Two names for one's own address are none.
        if found.as_deref().is_some_and(|f| *f != *name) {
            return None;
        }
        found = Some(name);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 5));

    fn name(out: &mut Vec<u8>, name: &str) {
        for label in name.split('.') {
            out.push(label.len() as u8);
            out.extend(label.as_bytes());
        }
        out.push(0);
    }

    /// A response with records of names for 192.0.2.X.
    fn response(records: &[(&str, u8, u32)]) -> Vec<u8> {
        let mut m = vec![0, 0, 0x84, 0, 0, 0, 0, records.len() as u8, 0, 0, 0, 0];
        for (owner, last, ttl) in records {
            name(&mut m, owner);
            m.extend([0, 1, 0x80, 1]);
            m.extend(ttl.to_be_bytes());
            m.extend([0, 4, 192, 0, 2, *last]);
        }
        m
    }

    fn said(bytes: &[u8], by: By, port: u16) -> Option<String> {
        read(bytes, by, ME, port).and_then(|l| l.own_name).map(String::from)
    }

    #[test]
    fn a_host_names_itself_and_nobody_else() {
        let m = response(&[("Printer.local", 5, 120)]);
        assert_eq!(said(&m, By::Mdns, 5353).as_deref(), Some("printer.local"));
        assert_eq!(said(&response(&[("printer.local", 6, 120)]), By::Mdns, 5353), None, "another's address");
        assert_eq!(said(&m, By::Mdns, 5354), None, "not from the port of answers");
        assert_eq!(said(&response(&[("printer.local", 5, 0)]), By::Mdns, 5353), None, "a farewell");
        assert_eq!(said(&response(&[("laptop", 5, 30)]), By::Llmnr, 5355).as_deref(), Some("laptop"));
    }

    #[test]
    fn what_is_no_name_of_a_host_is_none() {
        for bad in ["local", "a.b.local", "printer.example", "pool.printer.local", "xmr.hashdig.example"] {
            assert_eq!(said(&response(&[(bad, 5, 120)]), By::Mdns, 5353), None, "{bad}");
        }
        assert_eq!(said(&response(&[("a.example", 5, 120)]), By::Llmnr, 5355), None);
        assert_eq!(said(&response(&[("a.local", 5, 120), ("b.local", 5, 120)]), By::Mdns, 5353), None, "two names");
        let twice = response(&[("a.local", 5, 120), ("x.local", 9, 120), ("a.local", 5, 120)]);
        assert_eq!(said(&twice, By::Mdns, 5353).as_deref(), Some("a.local"));
    }

    #[test]
    fn names_are_safe_to_show() {
        let m = response(&[("a\u{202e}\u{7}\n\"b.local", 5, 120)]);
        assert_eq!(said(&m, By::Mdns, 5353), None, "escapes are no host's");
        let long = format!("{}.local", "x".repeat(63));
        assert_eq!(said(&response(&[(&long, 5, 120)]), By::Mdns, 5353), Some(long));
    }

    #[test]
    fn questions_are_recognised_and_teach_nothing() {
        let mut q = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        name(&mut q, "printer.local");
        q.extend([0, 1, 0, 1]);
        assert_eq!(read(&q, By::Mdns, ME, 5353), Some(Local { own_name: None, by: By::Mdns }));
        assert_eq!(read(&q[..11], By::Mdns, ME, 5353), None);
        assert_eq!(read(&[0xc3; 1200], By::Mdns, ME, 5353), None, "QUIC from that port");
    }

    #[test]
    fn loops_and_cuts_end() {
        let mut m = response(&[("printer.local", 5, 120)]);
        m.truncate(12);
        m.extend([0xc0, 12]);
        assert_eq!(said(&m, By::Mdns, 5353), None);
        let whole = response(&[("printer.local", 5, 120)]);
        for cut in 0..whole.len() {
            assert_eq!(said(&whole[..cut], By::Mdns, 5353), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn anything_can_be_read(bytes: Vec<u8>, llmnr: bool) {
            let by = if llmnr { By::Llmnr } else { By::Mdns };
            if let Some(n) = said(&bytes, by, if llmnr { 5355 } else { 5353 }) {
                proptest::prop_assert!(n.is_ascii() && n.len() <= 69 && !n.contains(|c: char| c.is_control()));
            }
        }
    }
}
