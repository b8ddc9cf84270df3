//! What a workload promises: right sums, time that goes on, the same bytes for the same seed, the size asked for.

use std::net::IpAddr;

use minewatch::capture::{Inputs, Options, Step};
use minewatch::decode::{DecodeOptions, Decoder, Tenant, Transport};
use minewatch::health::Counter;
use minewatch::time::PacketTime;

use crate::workload::{Kind, Size, bytes};

const SMALL: Size = Size::packets(20_000);

#[test]
fn every_frame_is_whole_and_right_and_none_is_earlier_than_the_one_before() {
    for kind in Kind::ALL {
        let (file, tally) = bytes(kind, SMALL, 1);
        let mut inputs = Inputs::from_reader(kind.name(), std::io::Cursor::new(file), Options::default()).unwrap();
        let mut decoder = Decoder::new(DecodeOptions::default());
        let (mut before, mut frames) = (PacketTime::ZERO, 0);
        while let Step::Frame(frame) = inputs.next() {
            assert!(frame.time >= before, "{} goes back", kind.name());
            before = frame.time;
            frames += 1;
            let packet = decoder.decode(&frame).unwrap();
            assert_eq!(frame.wire_len as usize, frame.data.len());
            assert_eq!(packet.wire_payload_len as usize, packet.payload.len());
            assert_eq!(packet.tenant == Tenant::Vxlan(77), kind == Kind::Vxlan);
        }
        let health = decoder.finish();
        assert_eq!(frames, tally.packets, "{}", kind.name());
        for counter in [Counter::BadChecksum, Counter::Malformed, Counter::FramesTruncated] {
            assert_eq!(health.get(counter), 0, "{}: {counter:?}", kind.name());
        }
        assert!(inputs.problems().is_empty(), "{}: {:?}", kind.name(), inputs.problems());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    for kind in Kind::ALL {
        let size = Size::packets(3000);
        let (first, _) = bytes(kind, size, 5);
        assert!(first == bytes(kind, size, 5).0, "{}", kind.name());
        assert!(first != bytes(kind, size, 6).0, "{}", kind.name());
    }
}

#[test]
fn the_size_is_the_one_asked_for() {
    let (file, tally) = bytes(Kind::Mix, Size { bytes: 2_000_000, ..Size::UNBOUNDED }, 1);
    assert_eq!(file.len() as u64, tally.bytes);
    assert!((2_000_000..2_002_000).contains(&tally.bytes), "{}", tally.bytes);
    let (_, tally) = bytes(Kind::Tiny, Size { flows: 500, ..Size::UNBOUNDED }, 1);
    assert_eq!(tally.flows, 500);
    let (_, tally) = bytes(Kind::Stratum, Size { flows: 400, bytes: 1_000_000, ..Size::UNBOUNDED }, 1);
    // A ninth are look-ups, which end.
    assert!(tally.live >= 350, "{tally:?}");
}

#[test]
fn holes_are_never_filled() {
    let (file, _) = bytes(Kind::OutOfOrder, SMALL, 1);
    let mut inputs = Inputs::from_reader("holes", std::io::Cursor::new(file), Options::default()).unwrap();
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut owed: std::collections::HashMap<(IpAddr, u16), u32> = std::collections::HashMap::new();
    let mut after = 0;
    while let Step::Frame(frame) = inputs.next() {
        let packet = decoder.decode(&frame).unwrap();
        let Transport::Tcp { src_port, dst_port: 3333, seq, flags, .. } = packet.transport else { continue };
        if !matches!(packet.dst, IpAddr::V4(ip) if ip.octets()[0] == 198 && ip.octets()[1] == 18) {
            continue;
        }
        if flags.syn {
            owed.insert((packet.src, src_port), seq.wrapping_add(1));
        } else if !packet.payload.is_empty() {
            assert_ne!(owed[&(packet.src, src_port)], seq);
            after += 1;
        }
    }
    assert!(after > 10_000, "{after}");
}
