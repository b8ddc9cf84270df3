//! Packets with long headers, one after the other in a datagram, and what protects them (RFC 9000 §17.2, RFC 9001 §5).

use super::keys::{Keys, SAMPLE, TAG};
use crate::carrier::tls::Cursor;

/// The longest connection id of the versions read (RFC 9000 §17.2).
pub(super) const MAX_CONNECTION_ID: usize = 20;

/// Versions whose Initial packets are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    V1,
    V2,
    Draft29,
}

impl Version {
    pub(super) fn from_wire(version: u32) -> Option<Self> {
        match version {
            1 => Some(Self::V1),
            0x6b33_43cf => Some(Self::V2),
            // Drafts 29 to 32 share their salt.
            0xff00_001d..=0xff00_0020 => Some(Self::Draft29),
            // 33 and 34 have version 1's.
            0xff00_0021 | 0xff00_0022 => Some(Self::V1),
            _ => None,
        }
    }

    /// Whether a first byte is that of an Initial packet (RFC 9000 §17.2, RFC 9369 §3.2). The fixed bit is not asked for:
    /// RFC 9287 allows to send it either way.
    pub(super) fn is_initial(self, first: u8) -> bool {
        let kind = if self == Self::V2 { 0b1001_0000 } else { 0b1000_0000 };
        first & 0b1011_0000 == kind
    }

    fn is_retry(self, first: u8) -> bool {
        let kind = if self == Self::V2 { 0b1000_0000 } else { 0b1011_0000 };
        first & 0b1011_0000 == kind
    }
}

/// Whether a datagram begins with a long header of a version that is read, or that lists versions (0).
pub(super) fn is_long(payload: &[u8]) -> bool {
    let mut c = Cursor(payload);
    let (Some(first), Some(version)) = (c.u8(), c.u32()) else { return false };
    first & 0x80 != 0 && (version == 0 || Version::from_wire(version).is_some())
}

/// A packet with a long header.
pub(super) enum Long<'a> {
    Initial(Initial<'a>),
    /// 0-RTT or Handshake.
    Other,
}

/// An Initial packet as it was sent.
pub(super) struct Initial<'a> {
    pub(super) version: Version,
    pub(super) dcid: &'a [u8],
    /// All of it.
    packet: &'a [u8],
    /// Where the packet number begins.
    number_at: usize,
}

impl<'a> Long<'a> {
    /// Takes the packet that a datagram begins with off its front. `None` for whatever ends the datagram for us: another
    /// version, version negotiation, Retry, a short header, nonsense.
    pub(super) fn split(datagram: &mut &'a [u8]) -> Option<Self> {
        let mut c = Cursor(datagram);
        let first = c.u8()?;
        let version = c.u32()?;
        let version = Version::from_wire(version).filter(|v| first & 0x80 != 0 && !v.is_retry(first))?;
        let dcid = c.vec8()?;
        let scid = c.vec8()?;
        if dcid.len() > MAX_CONNECTION_ID || scid.len() > MAX_CONNECTION_ID {
            return None;
        }
        let initial = version.is_initial(first);
        if initial {
            let token = c.varint()?;
            c.take(token.try_into().ok()?)?;
        }
        let length = c.varint()?;
        let number_at = datagram.len() - c.0.len();
        c.take(length.try_into().ok()?)?;
        let (packet, rest) = datagram.split_at_checked(datagram.len() - c.0.len())?;
        *datagram = rest;
        Some(if initial { Self::Initial(Initial { version, dcid, packet, number_at }) } else { Self::Other })
    }
}

/// Decrypts a packet: its number, and its frames in `out`. `None` if it was not made with these keys.
pub(super) fn open(initial: &Initial<'_>, keys: &Keys, largest: Option<u64>, out: &mut Vec<u8>) -> Option<u64> {
    let (header, protected) = initial.packet.split_at_checked(initial.number_at)?;
    // The sample is taken where the payload begins if the number has all four bytes (RFC 9001 §5.4.2).
    let sample = protected.get(4..)?.first_chunk::<SAMPLE>()?;
    let [mask, number_mask @ ..] = keys.mask(*sample);
    let first = header.first()? ^ (mask & 0x0f);
    let number_len = usize::from(first & 3) + 1;
    let (number, sealed) = protected.split_at_checked(number_len)?;
    let (payload, tag) = sealed.split_last_chunk::<TAG>()?;

    out.clear();
    out.push(first);
    out.extend_from_slice(header.get(1..)?);
    out.extend(number.iter().zip(number_mask).map(|(b, m)| b ^ m));
    let header_len = out.len();
    let truncated = out.get(initial.number_at..)?.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    let number = full_number(largest, truncated, number_len);
    out.extend_from_slice(payload);
    let (header, payload) = out.split_at_mut_checked(header_len)?;
    if !keys.decrypt(number, header, payload, *tag) {
        return None;
    }
    out.drain(..header_len);
    Some(number)
}

/// The packet number that was shortened to some bytes: the one nearest to what is expected (RFC 9000 §A.3).
fn full_number(largest: Option<u64>, truncated: u64, bytes: usize) -> u64 {
    let expected = largest.map_or(0, |n| n + 1);
    let window = 1 << (8 * bytes);
    let candidate = expected & !(window - 1) | truncated;
    if candidate + window / 2 <= expected && candidate + window < 1 << 62 {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_completed_as_the_rfc_says() {
        // RFC 9000 §A.3
        assert_eq!(full_number(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(full_number(None, 2, 4), 2);
        assert_eq!(full_number(Some(255), 0, 1), 256);
        assert_eq!(full_number(Some(256), 255, 1), 255);
    }
}
