//! Which interfaces there are, as the kernel knows them now.
//!
//! In: a name or an index. Out: the interface's index, name, and whether it is up. Asked by rtnetlink (rtnetlink(7),
//! `RTM_GETLINK`) and not under `/sys`: that may be another network namespace's, or not there at all. A kernel without
//! rtnetlink knows nothing here; then only libpcap's errors tell that an interface is gone.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// Message types and flags of `linux/rtnetlink.h`, `linux/netlink.h` and `linux/if_link.h`.
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_EXT_MASK: u16 = 29;
/// The answer needs no counters.
const RTEXT_FILTER_SKIP_STATS: u32 = 8;
/// `IFF_UP` of netdevice(7).
const IFF_UP: u32 = 1;
/// Bytes of `nlmsghdr` and of `ifinfomsg`.
const HEADER: usize = 16;
const INFO: usize = 16;

/// An interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    /// Stays the same when it is renamed; one that was deleted and made again has another.
    pub(super) index: u32,
    /// Its name now.
    pub(super) name: String,
    /// Whether the administrator has it up.
    pub(super) up: bool,
}

/// Asks the kernel.
pub(super) struct Links {
    socket: Option<OwnedFd>,
    sequence: u32,
}

impl Links {
    pub(super) fn new() -> Self {
        // No protocol is number 0, NETLINK_ROUTE.
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None).ok();
        Self { socket, sequence: 0 }
    }

    /// The interface that is called so.
    pub(super) fn named(&mut self, name: &str) -> Option<Link> {
        self.ask(0, Some(name))
    }

    /// The interface with that index.
    pub(super) fn numbered(&mut self, index: u32) -> Option<Link> {
        self.ask(index, None)
    }

    fn ask(&mut self, index: u32, name: Option<&str>) -> Option<Link> {
        let socket = self.socket.as_ref()?;
        self.sequence = self.sequence.wrapping_add(1);
        let question = question(self.sequence, index, name);
        send(socket, &question, SendFlags::empty()).ok()?;
        // The kernel has answered before `send` returns. Whatever is left of an earlier question is passed over.
        let mut buffer = [0; 8192];
        for _ in 0..16 {
            let (_, n) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT | RecvFlags::TRUNC).ok()?;
            let answer = buffer.get(..n.min(buffer.len()))?;
            if u32_at(answer, 8) == Some(self.sequence) {
                return parse(answer);
            }
        }
        None
    }
}

fn question(sequence: u32, index: u32, name: Option<&str>) -> Vec<u8> {
    let mut q = Vec::with_capacity(64);
    q.extend(0u32.to_ne_bytes());
    q.extend(RTM_GETLINK.to_ne_bytes());
    q.extend(NLM_F_REQUEST.to_ne_bytes());
    q.extend(sequence.to_ne_bytes());
    q.extend(0u32.to_ne_bytes());
    // ifinfomsg: family, padding, type, index, flags, change.
    q.extend([0; 4]);
    q.extend(index.to_ne_bytes());
    q.extend([0; 8]);
    attribute(&mut q, IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
    if let Some(name) = name {
        attribute(&mut q, IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
    }
    let length = (q.len() as u32).to_ne_bytes();
    q.splice(..4, length);
    q
}

fn attribute(q: &mut Vec<u8>, kind: u16, value: &[u8]) {
    q.extend((value.len() as u16 + 4).to_ne_bytes());
    q.extend(kind.to_ne_bytes());
    q.extend(value);
    q.resize(q.len().next_multiple_of(4), 0);
}

/// An answer is `RTM_NEWLINK`, or an error: there is none.
fn parse(answer: &[u8]) -> Option<Link> {
    if u16_at(answer, 4)? != RTM_NEWLINK {
        return None;
    }
    let index = u32_at(answer, HEADER + 4)?;
    let up = u32_at(answer, HEADER + 8)? & IFF_UP != 0;
    let mut rest = answer.get(HEADER + INFO..)?;
    loop {
        let length = usize::from(u16_at(rest, 0)?);
        let value = rest.get(4..length)?;
        if u16_at(rest, 2)? == IFLA_IFNAME {
            let name = value.split(|&b| b == 0).next()?;
            return Some(Link { index, name: String::from_utf8_lossy(name).into_owned(), up });
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

fn u16_at(b: &[u8], at: usize) -> Option<u16> {
    b.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    b.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_found_by_name_and_by_index() {
        let mut links = Links::new();
        let lo = links.named("lo").unwrap();
        assert_eq!((lo.index, lo.name.as_str()), (1, "lo"));
        assert_eq!(links.numbered(1), Some(lo));
        assert_eq!(links.named("no-such-if0"), None);
        assert_eq!(links.numbered(1 << 30), None);
    }

    #[test]
    fn an_answer_cut_anywhere_is_none_and_no_panic() {
        let mut answer = question(7, 3, Some("eth1"));
        answer.splice(4..6, RTM_NEWLINK.to_ne_bytes());
        assert_eq!(parse(&answer), Some(Link { index: 3, name: "eth1".to_owned(), up: false }));
        for n in 0..answer.len() - 8 {
            assert_eq!(parse(&answer[..n]), None, "{n} bytes");
        }
    }
}
