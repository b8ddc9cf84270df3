//! Frames to packets. First byte: link type, tenant mode; then frames, each a byte of time, two of length, bytes.
//!
//! Promises: every frame is counted exactly once by what became of it; no packet claims more bytes than were captured;
//! two decoders agree, and checking checksums changes no packet.

use std::time::Duration;

use minewatch::capture::{Frame, FrameRef, LinkType, SourceId};
use minewatch::decode::{DecodeOptions, Decoder, TenantMode};
use minewatch::health::{Counter, Health};
use minewatch::time::PacketTime;

use super::Bytes;

/// Link types by the low five bits of the first byte.
pub const LINKS: [u16; 24] =
    [1, 0, 9, 10, 12, 50, 51, 101, 104, 105, 108, 113, 117, 119, 127, 163, 166, 192, 204, 228, 229, 239, 258, 276];

/// Frames of one input, with the link type that its first byte names.
pub fn frames<'a>(kind: u8, bytes: &mut Bytes<'a>) -> impl Iterator<Item = Frame<'a>> {
    let link = LinkType(LINKS.get(usize::from(kind & 31)).copied().unwrap_or(147));
    let cut = kind & 128 != 0;
    let mut time = PacketTime::from_parts(1_700_000_000, 0);
    let mut number = 0;
    std::iter::from_fn(move || {
        let (pause, len) = (bytes.u8()?, bytes.u16()?);
        let data = bytes.take(usize::from(len));
        number += 1;
        time = time.plus(Duration::from_millis(u64::from(pause).pow(2)));
        let wire_len = data.len() as u32 + if cut { 1000 } else { 0 };
        Some(Frame { at: FrameRef { source: SourceId(0), number }, time, link, data, wire_len })
    })
}

/// Decodes the frames.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some(kind) = bytes.u8() else { return };
    let tenant = match kind >> 5 & 3 {
        1 => TenantMode::Vlan,
        2 => TenantMode::None,
        _ => TenantMode::Tunnel,
    };
    let mut decoder = Decoder::new(DecodeOptions { tenant, verify_checksums: true });
    let mut other = Decoder::new(DecodeOptions { tenant, verify_checksums: false });
    let (mut seen, mut captured) = (0, 0);
    for frame in frames(kind, &mut bytes) {
        seen += 1;
        captured += frame.data.len() as u64;
        let fragments = decoder.health().get(Counter::Fragments) > 0;
        let packet = decoder.decode(&frame);
        let same = other.decode(&frame);
        assert_eq!(format!("{packet:?}"), format!("{same:?}"), "checksums, or chance, change a packet");
        let Some(p) = packet else { continue };
        let most = if fragments { 65_535 } else { frame.data.len() };
        assert!(p.payload.len() <= most, "more payload than was captured");
        assert!(p.wire_payload_len as usize >= p.payload.len(), "less payload on the wire than captured");
        assert!(p.wire_ip_len >= p.wire_payload_len, "an IP packet shorter than its payload");
        assert_eq!((p.at, p.time), (frame.at, frame.time));
    }
    accounted(&decoder.health(), seen, captured);
    accounted(&decoder.finish(), seen, captured);
}

/// The equation in the decoder's documentation.
fn accounted(h: &Health, frames: u64, bytes: u64) {
    use Counter as C;
    assert_eq!((h.get(C::Frames), h.get(C::Bytes)), (frames, bytes));
    let ends = [
        C::TcpPackets,
        C::UdpPackets,
        C::IcmpPackets,
        C::OtherPackets,
        C::NotIp,
        C::Malformed,
        C::LinkTypeUnknown,
        C::TunnelTooDeep,
    ];
    let ended: u64 = ends.iter().map(|c| h.get(*c)).sum();
    assert_eq!(
        ended + h.get(C::Fragments),
        frames + h.get(C::FragmentsReassembled),
        "a frame was not accounted for: {h:?}"
    );
    assert!(h.skipped.len() <= Health::MAX_REASONS + 1);
    assert_eq!(h.link_types.values().sum::<u64>(), frames);
}
