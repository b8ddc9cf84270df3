//! Tunnels that may carry one miner's conversation: `WireGuard`, `OpenVPN`, DTLS.
//!
//! In: a datagram's first bytes and its length. Out: whether it is data of such a tunnel, and how much of TCP it carries: what
//! the tunnel adds, and the headers of the packet inside, are learned from acknowledgements, which have nothing else.

/// What a datagram of a tunnel's data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tunnel {
    /// Transport data (`WireGuard`'s white paper §5.4.6): type 4, three zeros, padded to 16 bytes.
    WireGuard,
    /// `P_DATA_V1` and `P_DATA_V2` (openvpn `src/openvpn/ssl_pkt.h`): opcodes 6 and 9 with a key id in three bits.
    OpenVpn,
    /// Application data (RFC 6347 §4.1): type 23, version 254.
    Dtls,
}

/// Headers of `WireGuard`'s data: 16 bytes and a tag of 16.
const WIREGUARD_ADDS: u32 = 32;
/// The least that `OpenVPN`'s data has: opcode, packet id of 4 bytes, a tag of 16, and something in it.
const OPENVPN_LEAST: u32 = 24;

impl Tunnel {
    /// Sizes that an acknowledgement of TCP may have: 40 bytes of IPv4 without options, to 72 of IPv6 with time stamps.
    const fn bare(self) -> Option<std::ops::RangeInclusive<u32>> {
        match self {
            // Padded.
            Self::WireGuard => Some(WIREGUARD_ADDS + 48..=WIREGUARD_ADDS + 80),
            // Between 21 bytes (P_DATA_V1) and 29 (epochs in the packet id, and a byte that says what is not compressed).
            Self::OpenVpn => Some(21 + 40..=29 + 72),
            Self::Dtls => None,
        }
    }

    /// What an acknowledgement that tells of one hole (RFC 2018 §3) has more.
    const fn more(self) -> u32 {
        match self {
            Self::WireGuard => 16,
            _ => 12,
        }
    }
}

fn tunnel(payload: &[u8], len: u32) -> Option<Tunnel> {
    match payload {
        [4, 0, 0, 0, ..] if len >= WIREGUARD_ADDS && len.is_multiple_of(16) => Some(Tunnel::WireGuard),
        // The peer id that a server gives out is small. None is all ones.
        [0x48..=0x4f, 0, 0, _, ..] | [0x48..=0x4f, 0xff, 0xff, 0xff, ..] if len > OPENVPN_LEAST => {
            Some(Tunnel::OpenVpn)
        }
        // Between two ends without a server it is anything (`ssl_ncp.c`), or there is none. The packet id, counted from 1
        // for each key, is small all the same.
        [0x48..=0x4f, _, _, _, 0, 0, a, b, ..] | [0x30..=0x37, 0, 0, a, b, ..]
            if len > OPENVPN_LEAST && (*a, *b) != (0, 0) =>
        {
            Some(Tunnel::OpenVpn)
        }
        [23, 0xfe, 0xfd | 0xff, ..] if len > 13 => Some(Tunnel::Dtls),
        _ => None,
    }
}

/// Whether a datagram is a tunnel's data.
pub fn is_tunnelled(payload: &[u8], len: u32) -> bool {
    tunnel(payload, len).is_some()
}

/// The length of a datagram of `OpenVPN`'s that is sent over TCP, with the two bytes that say it, if it is all there.
pub(super) fn in_tcp(bytes: &[u8]) -> Option<usize> {
    let (length, datagram) = bytes.split_first_chunk()?;
    let len = u16::from_be_bytes(*length);
    let all = usize::from(len) + length.len();
    let is_data = tunnel(datagram, len.into()) == Some(Tunnel::OpenVpn);
    (is_data && all <= bytes.len()).then_some(all)
}

/// What is learned of a tunnel.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Inside {
    /// Length of an acknowledgement; zero before the first.
    bare: u32,
    /// A shorter one, seen once.
    shorter: u32,
}

impl Inside {
    /// The bytes of TCP that a datagram carries; all of it where it is no tunnel's, or nothing was learned. `None` where it
    /// only acknowledges, or keeps the tunnel alive.
    pub(super) fn carries(&mut self, payload: &[u8], len: u32) -> Option<u32> {
        let Some((tunnel, bare)) = tunnel(payload, len).and_then(|t| Some((t, t.bare()?))) else { return Some(len) };
        // Nothing that comes again is shorter. What comes once may be anything.
        if bare.contains(&len) {
            if self.bare == 0 || len == self.shorter {
                self.bare = len;
            } else if len < self.bare {
                self.shorter = len;
            }
        }
        let most = if self.bare == 0 { *bare.start() } else { self.bare + tunnel.more() };
        (len > most).then(|| len - self.bare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_tunnels_is_told_from_their_handshakes_and_from_other_datagrams() {
        let wireguard = |kind: u8| [kind, 0, 0, 0, 9, 9, 9, 9];
        assert!(is_tunnelled(&wireguard(4), 160));
        assert!(!is_tunnelled(&wireguard(1), 148) && !is_tunnelled(&wireguard(4), 161));
        assert!(is_tunnelled(&[0x48, 0, 0, 1, 0, 0], 150) && is_tunnelled(&[23, 0xfe, 0xfd, 0], 90));
        for other in [&b"NOTIFY * HTTP/1.1"[..], b"M-SEARCH", b"\x30\x29\x02\x01\x00", b"\x17\x03\x03\x00", b""] {
            assert!(!is_tunnelled(other, 160), "{other:?}");
        }
    }

    #[test]
    fn openvpn_is_known_between_two_ends_that_are_no_server() {
        // None, one that was made up, and the older way without one: then the packet id.
        for data in [&[0x4a, 255, 255, 255, 7][..], &[0x48, 9, 200, 31, 0, 0, 1, 2], &[0x30, 0, 0, 0, 9, 77]] {
            assert!(is_tunnelled(data, 150), "{data:?}");
        }
        // Control channel; a short header of QUIC; SNMP; a packet id that nothing has.
        for other in [
            &[0x20, 9, 200, 31, 0, 0, 1, 2][..],
            &[0x48, 9, 200, 31, 77, 3, 1, 2],
            &[0x30, 0x82, 0, 9, 2],
            &[0x48, 9, 200, 31, 0, 0, 0, 0],
        ] {
            assert!(!is_tunnelled(other, 150), "{other:?}");
        }
    }

    #[test]
    fn what_acknowledges_alone_is_no_message_and_the_rest_is_as_long_as_what_is_in_it() {
        let wireguard = |sizes: &[u32]| -> Vec<Option<u32>> {
            let mut inside = Inside::default();
            sizes.iter().map(|s| inside.carries(&[4, 0, 0, 0], *s)).collect()
        };
        // To keep it alive; with time stamps; a reply of 63 bytes to a share; one that tells of a hole.
        assert_eq!(wireguard(&[32, 96, 160, 112]), [None, None, Some(64), None]);
        // Without time stamps, a reply of 34 bytes.
        assert_eq!(wireguard(&[80, 112]), [None, Some(32)]);
        let openvpn = |sizes: &[u32]| -> Vec<Option<u32>> {
            let mut inside = Inside::default();
            sizes.iter().map(|s| inside.carries(&[0x48, 0, 0, 1], *s)).collect()
        };
        assert_eq!(openvpn(&[40, 76, 260, 139, 454]), [None, None, Some(184), Some(63), Some(378)]);
        // What came first was none.
        assert_eq!(openvpn(&[98, 64, 64, 98]), [None, None, None, Some(34)]);
        // None yet.
        assert_eq!(openvpn(&[260]), [Some(260)]);
    }

    #[test]
    fn openvpn_over_tcp_says_how_long_it_is() {
        let mut frame = vec![0, 30, 0x48, 0, 0, 1];
        frame.resize(32, 9);
        assert_eq!(in_tcp(&frame), Some(32));
        assert_eq!(in_tcp(&frame[..31]), None);
        frame[2] = 0x20;
        assert_eq!(in_tcp(&frame), None);
        assert_eq!(in_tcp(&[0]), None);
    }
}
