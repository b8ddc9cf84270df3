use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::capture::FrameRef;
use crate::decode::{TcpFlags, Tenant, Transport};

/// A flow, cut.
#[derive(Default)]
struct Bench {
    cutter: Cutter,
    out: Vec<(u32, char)>,
    at: Vec<i64>,
    now: i64,
    seq: BothWays<u32>,
}

const UP: Direction = Direction::LoToHi;
const DOWN: Direction = Direction::HiToLo;
const MS: i64 = 1_000_000;

impl Bench {
    fn lines() -> Self {
        Self { cutter: Cutter::with_lines(true), ..Self::default() }
    }

    fn segment(&mut self, way: Direction, seq: u32, payload: &[u8], wire: usize, psh: bool) {
        self.now += MS;
        let flags = TcpFlags { ack: true, psh, ..TcpFlags::default() };
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let packet = Packet {
            at: FrameRef::default(),
            time: PacketTime::from_nanos(self.now),
            tenant: Tenant::None,
            outer: None,
            vlan: None,
            src_mac: None,
            dst_mac: None,
            src: ip,
            dst: ip,
            ip_id: 0,
            transport: Transport::Tcp { src_port: 1, dst_port: 2, seq, ack: 0, window: 0, flags },
            payload,
            wire_payload_len: wire as u32,
            wire_ip_len: wire as u32 + 40,
        };
        let tcp = Header::of(&packet);
        let Self { cutter, out, at, .. } = self;
        cutter.packet(&packet, tcp.as_ref(), way, &mut |s: Sent| {
            out.push((s.size, if s.way == UP { 'u' } else { 'd' }));
            at.push(s.at.as_nanos());
        });
    }

    fn wait(&mut self, seconds: i64) {
        self.now += seconds * 1000 * MS;
    }

    /// The next bytes of a direction.
    fn sends(&mut self, way: Direction, payload: &[u8], psh: bool) {
        let seq = *self.seq.get(way);
        self.segment(way, seq, payload, payload.len(), psh);
        *self.seq.get_mut(way) = seq.wrapping_add(payload.len() as u32);
    }

    fn up(&mut self, payload: &[u8]) {
        self.sends(UP, payload, true);
    }

    fn down(&mut self, payload: &[u8]) {
        self.sends(DOWN, payload, true);
    }

    fn pause(&mut self) {
        self.now += 400 * MS;
    }

    fn ended(mut self) -> Vec<(u32, char)> {
        let out = &mut self.out;
        self.cutter.finish(|s| out.push((s.size, if s.way == UP { 'u' } else { 'd' })));
        self.out
    }
}

/// A TLS record with so many bytes behind its header.
fn record(kind: u8, len: u16) -> Vec<u8> {
    let mut r = vec![kind, 3, 3];
    r.extend(len.to_be_bytes());
    r.extend((0..len).map(|n| (n * 7) as u8));
    r
}

#[test]
fn a_reply_and_a_job_in_one_segment_are_two_messages() {
    let mut b = Bench::default();
    b.up(&record(23, 200));
    b.down(&[record(23, 80), record(23, 390)].concat());
    assert_eq!(b.ended(), [(205, 'u'), (85, 'd'), (395, 'd')]);
}

#[test]
fn handshakes_and_alerts_are_no_messages() {
    let mut b = Bench::default();
    b.up(&record(22, 500));
    b.down(&[record(22, 100), record(20, 1), record(23, 40)].concat());
    b.up(&record(21, 2));
    assert_eq!(b.ended(), [(45, 'd')]);
}

#[test]
fn a_record_may_come_in_any_pieces() {
    // The first piece has to show a whole header: in the middle of a stream nothing else tells where one begins.
    let whole = [record(23, 300), record(23, 88), record(22, 9), record(23, 1000)].concat();
    for cut in 5..60 {
        let mut b = Bench::default();
        whole.chunks(cut).for_each(|piece| b.sends(DOWN, piece, false));
        assert_eq!(b.ended(), [(305, 'd'), (93, 'd'), (1005, 'd')], "in pieces of {cut}");
    }
}

#[test]
fn a_run_ends_with_a_push_the_other_end_or_a_pause() {
    let mut b = Bench::default();
    b.sends(UP, &[b'a'; 100], false);
    b.sends(UP, &[b'b'; 20], true);
    b.sends(UP, &[b'c'; 30], false);
    b.sends(DOWN, &[b'd'; 5], false);
    b.pause();
    b.sends(DOWN, &[b'e'; 6], false);
    assert_eq!(b.ended(), [(120, 'u'), (30, 'u'), (5, 'd'), (6, 'd')]);
}

#[test]
fn what_was_sent_again_is_no_message() {
    let mut b = Bench::default();
    b.up(&[b'a'; 100]);
    b.segment(UP, 0, &[b'a'; 100], 100, true);
    // A keep-alive probe's byte.
    b.segment(UP, 99, b"a", 1, false);
    // The same with something new.
    b.segment(UP, 50, &[b'a'; 70], 70, true);
    b.seq.lo_to_hi = 120;
    b.up(&[b'b'; 10]);
    assert_eq!(b.ended(), [(100, 'u'), (20, 'u'), (10, 'u')]);
}

#[test]
fn a_hole_costs_the_message_that_it_is_in() {
    let mut b = Bench::default();
    b.down(&record(23, 80));
    // Lost: a record, and the first ten bytes of the next.
    b.seq.hi_to_lo += 100;
    b.down(&record(23, 80)[10..]);
    b.down(&record(23, 81));
    assert_eq!(b.ended(), [(85, 'd'), (75, 'd'), (86, 'd')]);
    // A hole within a record: its header said how long it is.
    let mut b = Bench::default();
    let long = record(23, 4000);
    b.sends(DOWN, &long[..1000], false);
    b.seq.hi_to_lo += 1000;
    b.sends(DOWN, &long[2000..], true);
    b.down(&record(23, 50));
    assert_eq!(b.ended(), [(4005, 'd'), (55, 'd')]);
}

#[test]
fn what_a_snaplen_cut_off_counts() {
    let mut b = Bench::default();
    let two = [record(23, 500), record(23, 60)].concat();
    b.segment(DOWN, 0, &two[..96], 505, true);
    b.segment(DOWN, 505, &two[505..], 65, true);
    b.segment(UP, 0, &[b'x'; 96], 300, true);
    assert_eq!(b.ended(), [(505, 'd'), (65, 'd'), (300, 'u')]);
}

#[test]
fn one_segment_from_far_away_is_not_believed_and_several_are() {
    let mut b = Bench::default();
    b.up(&[b'a'; 10]);
    b.segment(UP, 1 << 30, &[b'z'; 10], 10, true);
    b.up(&[b'b'; 11]);
    for n in 0..4 {
        b.segment(UP, (1 << 30) + 12 * n, &[b'c'; 12], 12, true);
    }
    assert_eq!(b.ended(), [(10, 'u'), (11, 'u'), (12, 'u'), (12, 'u')]);
}

#[test]
fn lines_are_messages_only_for_who_may_not_read_them() {
    let two = b"{\"id\":1,\"result\":true}\n{\"method\":\"job\"}\n";
    let mut plain = Bench::default();
    plain.down(two);
    assert_eq!(plain.ended(), [(40, 'd')]);
    let mut b = Bench::lines();
    b.down(two);
    b.sends(DOWN, b"{\"method\":", false);
    b.sends(DOWN, b"\"job\"}\n{\"x\"", true);
    b.up(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n{}\n");
    assert_eq!(b.ended(), [(23, 'd'), (17, 'd'), (17, 'd'), (4, 'd'), (31, 'u')]);
}

#[test]
fn times_are_those_of_first_bytes_and_never_go_back() {
    let mut b = Bench::default();
    b.sends(UP, &record(23, 100)[..50], false);
    b.down(&record(23, 10));
    b.sends(UP, &record(23, 100)[50..], true);
    assert_eq!(b.out, [(15, 'd'), (105, 'u')]);
    assert_eq!(b.at, [2 * MS, 2 * MS]);
}

/// A datagram of `OpenVPN` as it is sent over TCP, with so many bytes behind opcode and peer id.
fn framed(len: u8) -> Vec<u8> {
    [&[0, len + 4, 0x48, 0, 0, 1][..], &vec![7; len.into()]].concat()
}

#[test]
fn datagrams_of_openvpn_over_tcp_are_messages_but_for_acknowledgements() {
    let mut b = Bench::default();
    b.up(&framed(200));
    b.down(&framed(72));
    // Two at once; one that is not all in its segment.
    b.down(&[framed(72), framed(135)].concat());
    b.sends(UP, &framed(90)[..50], false);
    b.sends(UP, &framed(90)[50..], true);
    assert_eq!(b.ended(), [(204, 'u'), (63, 'd'), (96, 'u')]);
}

proptest! {
    #[test]
    fn nothing_is_said_of_bytes_that_were_not_sent(
        parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..80), any::<bool>(), any::<bool>()), 0..60),
        lines in any::<bool>(),
    ) {
        let mut b = Bench { cutter: Cutter::with_lines(lines), ..Bench::default() };
        let mut sent = 0;
        for (up, bytes, psh, again) in parts {
            let way = if up { UP } else { DOWN };
            sent += bytes.len() as u64;
            let at = *b.seq.get(way);
            b.sends(way, &bytes, psh);
            if again {
                b.segment(way, at, &bytes, bytes.len(), psh);
            }
        }
        prop_assert!(b.at.is_sorted());
        // A record header that was made up may promise what never comes: then nothing is said of it.
        let told: u64 = b.ended().iter().map(|(size, _)| u64::from(*size)).sum();
        prop_assert!(told <= sent);
    }
}

/// A header before each message says that 18 KiB follow: taken at its word, nothing would be a message for hours.
#[test]
fn a_record_that_never_ends_is_a_message_as_far_as_it_came_and_headers_are_believed_no_more() {
    let mut bench = Bench::default();
    for _ in 0..4 {
        bench.sends(DOWN, &[&[23, 3, 3, 0x48, 0][..], &[7; 400]].concat(), true);
        bench.wait(30);
    }
    bench.sends(DOWN, b"end", true);
    assert_eq!(bench.out, [(405, 'd'), (405, 'd'), (405, 'd'), (405, 'd'), (3, 'd')]);
}

#[test]
fn a_long_record_in_many_segments_is_one_message() {
    let mut bench = Bench::default();
    bench.sends(DOWN, &[&[23, 3, 3, 0x10, 0][..], &[7; 96]].concat(), false);
    for _ in 0..40 {
        bench.sends(DOWN, &[7; 100], true);
    }
    assert_eq!(bench.out, [(4101, 'd')]);
}

/// Whoever labels messages as something else than data is heard all the same, once hands were shaken.
#[test]
fn records_of_other_types_are_messages_when_no_handshake_can_be_meant() {
    let mut bench = Bench::default();
    let record = |kind: u8| [&[kind, 3, 3, 0, 100][..], &[7; 100]].concat();
    bench.sends(UP, &record(22), true);
    bench.wait(60);
    bench.sends(UP, &record(22), true);
    bench.sends(DOWN, &record(24), true);
    assert_eq!(bench.out, [(105, 'u'), (105, 'd')]);
}
