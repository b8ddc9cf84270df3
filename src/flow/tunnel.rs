//! Datagrams of tunnels that may carry one miner's conversation: `WireGuard`, `OpenVPN`, DTLS.
//!
//! In: a datagram's first bytes and its length. Out: whether it is data of such a tunnel, and whether it carries more than
//! an acknowledgement of TCP inside.

/// What a datagram of a tunnel's data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tunnel {
    /// Transport data (`WireGuard`'s white paper §5.4.6): type 4, three zeros, padded to 16 bytes.
    WireGuard,
    /// `P_DATA_V2` (openvpn `src/openvpn/ssl_pkt.h`): opcode 9, key id, a peer id of 24 bits, small in practice.
    OpenVpn,
    /// Application data (RFC 6347 §4.1): type 23, version 254.
    Dtls,
}

/// Headers of `WireGuard`'s data: 16 bytes and a tag of 16.
const WIREGUARD_ADDS: u32 = 32;
/// An acknowledgement of TCP with timestamps over IPv6, padded.
const BARE_IN_WIREGUARD: u32 = WIREGUARD_ADDS + 80;
/// The same in `OpenVPN`'s data: 4 bytes of header, 4 of packet id, a tag of 16.
const BARE_IN_OPENVPN: u32 = 24 + 72;

fn tunnel(payload: &[u8], len: u32) -> Option<Tunnel> {
    match payload {
        [4, 0, 0, 0, ..] if len >= WIREGUARD_ADDS && len.is_multiple_of(16) => Some(Tunnel::WireGuard),
        [0x48..=0x4f, 0, 0, _, ..] if len > 24 => Some(Tunnel::OpenVpn),
        [23, 0xfe, 0xfd | 0xff, ..] if len > 13 => Some(Tunnel::Dtls),
        _ => None,
    }
}

/// Whether a datagram is a tunnel's data.
pub fn is_tunnelled(payload: &[u8], len: u32) -> bool {
    tunnel(payload, len).is_some()
}

/// Whether it carries no more than an acknowledgement, or keeps the tunnel alive.
pub(super) fn is_bare(payload: &[u8], len: u32) -> bool {
    match tunnel(payload, len) {
        Some(Tunnel::WireGuard) => len <= BARE_IN_WIREGUARD,
        Some(Tunnel::OpenVpn) => len <= BARE_IN_OPENVPN,
        Some(Tunnel::Dtls) | None => false,
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
    fn what_acknowledges_alone_is_no_message() {
        let data = [4, 0, 0, 0];
        assert!(is_bare(&data, 32) && is_bare(&data, 96) && is_bare(&data, 112));
        // A reply of 63 bytes to a share.
        assert!(!is_bare(&data, 160));
        assert!(is_bare(&[0x48, 0, 0, 1], 76) && !is_bare(&[0x48, 0, 0, 1], 139));
    }
}
