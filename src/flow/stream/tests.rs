use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A direction under test, what it gave out, and how.
struct Bench {
    stream: Reassembler,
    budget: Budget,
    health: Health,
    now: PacketTime,
    one_way: bool,
    items: Vec<Got>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Got {
    Data(Vec<u8>),
    Gap(u64),
    End,
}

impl Bench {
    fn new() -> Self {
        Self {
            stream: Reassembler::default(),
            budget: Budget::new(1 << 20),
            health: Health::default(),
            now: PacketTime::from_parts(1_700_000_000, 0),
            one_way: false,
            items: Vec::new(),
        }
    }

    fn started(first_byte: u32) -> Self {
        let mut bench = Self::new();
        bench.stream.start(first_byte);
        bench
    }

    fn run(&mut self, call: impl FnOnce(&mut Reassembler, &mut Context<'_>, &mut dyn FnMut(Item<'_>))) {
        let mut cx =
            Context { now: self.now, one_way: self.one_way, budget: &mut self.budget, health: &mut self.health };
        let items = &mut self.items;
        call(&mut self.stream, &mut cx, &mut |item| {
            items.push(match item {
                Item::Data(d) => Got::Data(d.to_vec()),
                Item::Gap(n) => Got::Gap(n),
                Item::End => Got::End,
            });
        });
    }

    fn data(&mut self, seq: u32, payload: &[u8]) {
        self.segment(Segment { seq, payload, wire_len: payload.len() as u32, fin: false });
    }

    fn segment(&mut self, segment: Segment<'_>) {
        self.run(|s, cx, out| s.segment(segment, cx, out));
    }

    fn ack(&mut self, ack: u32) {
        self.run(|s, cx, out| s.acked(Some(ack), cx, out));
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }

    fn finish(&mut self) {
        self.run(|s, cx, out| s.finish(cx, out));
    }

    /// Everything given out as text: gaps as `<n>`, the end as `.`.
    fn text(&self) -> String {
        self.items
            .iter()
            .map(|item| match item {
                Got::Data(d) => String::from_utf8_lossy(d).into_owned(),
                Got::Gap(n) => format!("<{n}>"),
                Got::End => ".".to_owned(),
            })
            .collect()
    }

    fn count(&self, c: Counter) -> u64 {
        self.health.get(c)
    }
}

#[test]
fn in_order_bytes_pass_through_one_item_a_segment() {
    let mut b = Bench::new();
    b.data(100, b"{\"id\":1,\"method\":\"mining.sub");
    b.data(128, b"scribe\",\"par");
    b.data(140, b"ams\":[]}\n");
    assert_eq!(b.text(), "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n");
    assert_eq!(b.items.len(), 3);
    assert_eq!(b.budget.used(), 0);
}

#[test]
fn reordered_segments_come_out_in_order() {
    let mut b = Bench::started(u32::MAX - 2);
    b.data(1, b"ef");
    b.data(u32::MAX, b"cd");
    assert_eq!(b.text(), "");
    b.data(u32::MAX - 2, b"ab");
    assert_eq!(b.text(), "abcdef");
    assert_eq!(b.stream.position(), 6);
    assert_eq!(b.budget.used(), 0);
}

#[test]
fn whole_and_partial_retransmissions_add_only_what_is_new() {
    let mut b = Bench::new();
    b.data(0, b"abcd");
    b.data(0, b"abcd");
    b.data(2, b"cdef");
    b.data(0, b"ab");
    assert_eq!(b.text(), "abcdef");
    assert_eq!(b.count(Counter::OverlapConflicts), 0);
}

#[test]
fn the_bytes_seen_first_win_and_a_different_retransmission_is_counted() {
    let mut b = Bench::new();
    b.data(0, b"abcd");
    b.data(0, b"0123");
    assert_eq!(b.count(Counter::OverlapConflicts), 1);
    b.data(6, b"gh");
    b.data(5, b"fXXi");
    assert_eq!(b.count(Counter::OverlapConflicts), 2);
    b.data(4, b"e123");
    assert_eq!(b.count(Counter::OverlapConflicts), 3);
    assert_eq!(b.text(), "abcdefghi");
}

#[test]
fn a_segment_that_covers_waiting_ones_fills_the_holes_between() {
    let mut b = Bench::started(0);
    b.data(2, b"c");
    b.data(4, b"e");
    b.data(0, b"abcdefg");
    assert_eq!(b.text(), "abcdefg");
    assert_eq!(b.count(Counter::OverlapConflicts), 0);
    assert_eq!(b.budget.used(), 0);
}

#[test]
fn keepalive_and_window_probes_disturb_nothing() {
    let mut b = Bench::new();
    b.data(10, b"abc");
    b.data(12, b"\0");
    b.data(12, b"");
    b.data(13, b"d");
    b.data(13, b"def");
    assert_eq!(b.text(), "abcdef");
    assert_eq!(b.count(Counter::OverlapConflicts), 0);
}

#[test]
fn a_keepalive_probe_is_no_place_to_start_mid_stream() {
    let mut b = Bench::new();
    b.data(99, b"\0");
    b.data(100, b"{}\n");
    assert_eq!(b.text(), "{}\n");
}

#[test]
fn a_hole_the_peer_acknowledged_is_given_up_when_more_data_arrives() {
    let mut b = Bench::started(0);
    b.data(0, b"ab");
    b.data(5, b"f");
    b.ack(6);
    assert_eq!(b.text(), "ab");
    b.data(6, b"g");
    assert_eq!(b.text(), "ab<3>fg");
    assert_eq!((b.count(Counter::ReassemblyGaps), b.count(Counter::ReassemblyGapBytes)), (1, 3));
}

#[test]
fn a_hole_not_acknowledged_waits_for_the_retransmission() {
    let mut b = Bench::started(0);
    b.data(0, b"ab");
    b.ack(2);
    b.data(5, b"f");
    b.data(6, b"g");
    b.wait(1900);
    b.ack(2);
    assert_eq!(b.text(), "ab");
    b.data(2, b"cde");
    assert_eq!(b.text(), "abcdefg");
}

#[test]
fn a_hole_is_given_up_after_two_seconds_or_half_of_one_in_one_way_captures() {
    for (one_way, short, long) in [(false, 1990, 20), (true, 490, 20)] {
        let mut b = Bench::started(0);
        b.one_way = one_way;
        b.data(2, b"c");
        b.wait(short);
        b.data(3, b"d");
        assert_eq!(b.text(), "");
        b.wait(long);
        b.data(4, b"e");
        assert_eq!(b.text(), "<2>cde");
    }
}

#[test]
fn a_snaplen_cut_is_a_gap_at_its_place() {
    let mut b = Bench::started(0);
    b.segment(Segment { seq: 0, payload: b"ab", wire_len: 5, fin: false });
    b.data(5, b"f");
    b.segment(Segment { seq: 10, payload: b"k", wire_len: 3, fin: false });
    b.data(13, b"n");
    b.data(6, b"ghij");
    b.segment(Segment { seq: 14, payload: b"", wire_len: 2, fin: false });
    assert_eq!(b.text(), "ab<3>fghijk<2>n<2>");
}

#[test]
fn the_end_comes_once_and_only_when_the_peer_agrees() {
    let mut b = Bench::started(0);
    b.segment(Segment { seq: 0, payload: b"ab", wire_len: 2, fin: true });
    assert_eq!(b.text(), "ab");
    b.ack(3);
    b.data(3, b"late");
    b.finish();
    assert_eq!(b.text(), "ab.");
    assert!(b.stream.ended());
}

#[test]
fn a_forged_fin_does_not_silence_the_stream() {
    let mut b = Bench::started(0);
    b.data(0, b"ab");
    b.segment(Segment { seq: 2, payload: b"", wire_len: 0, fin: true });
    b.data(2, b"cd");
    b.ack(4);
    b.finish();
    assert_eq!(b.text(), "abcd.");
}

#[test]
fn a_flow_that_ends_with_a_hole_gives_out_what_it_has() {
    let mut b = Bench::started(0);
    b.data(4, b"e");
    b.data(8, b"i");
    b.finish();
    assert_eq!(b.text(), "<4>e<3>i.");
    assert_eq!(b.budget.used(), 0);
}

#[test]
fn a_forged_segment_far_away_is_ignored_and_counted() {
    let mut b = Bench::started(0);
    b.data(0, b"ab");
    b.ack(2);
    for i in 0..10 {
        b.data(0x8000_0000 + i, b"X");
    }
    b.data(2, b"cd");
    assert_eq!(b.text(), "abcd");
    assert_eq!(b.count(Counter::WildSegments), 10);
}

#[test]
fn after_a_long_loss_the_stream_goes_on_where_the_peer_acknowledges() {
    let mut b = Bench::started(0);
    b.data(0, b"ab");
    let far = 50_000_000;
    b.ack(far);
    b.data(far, b"cd");
    b.ack(far + 2);
    b.data(far + 2, b"ef");
    assert_eq!(b.text(), "ab<50000000>ef");
}

#[test]
fn one_way_the_stream_goes_on_after_three_segments_in_a_row() {
    let mut b = Bench::started(0);
    b.one_way = true;
    b.data(0, b"ab");
    let far = 50_000_000;
    b.data(far, b"c");
    b.data(far + 1, b"d");
    b.data(2, b"!");
    b.data(far + 2, b"e");
    b.data(far + 3, b"f");
    assert_eq!(b.text(), "ab!");
    b.data(far + 4, b"g");
    assert_eq!(b.text(), "ab!<50000001>g");
}

#[test]
fn acknowledged_bytes_are_counted_in_stream_offsets() {
    let mut b = Bench::started(u32::MAX);
    b.data(u32::MAX, b"abcd");
    assert_eq!(b.stream.acknowledged(), 0);
    b.ack(1);
    assert_eq!(b.stream.acknowledged(), 2);
    b.ack(0);
    assert_eq!(b.stream.acknowledged(), 2);
    b.ack(3);
    assert_eq!(b.stream.acknowledged(), 4);
    b.ack(0x7000_0000);
    assert_eq!(b.stream.acknowledged(), 0);
}

#[test]
fn a_sender_of_single_bytes_is_capped() {
    let mut b = Bench::started(0);
    for i in 0..1000 {
        b.data(1 + i * 2, b"x");
        assert!(b.stream.pending.len() <= 64);
    }
    assert!(b.count(Counter::ReassemblyCapped) > 0);
    b.finish();
    let bytes = b.text().matches('x').count();
    assert_eq!(bytes, 1000);
}

#[test]
fn without_budget_nothing_is_held_and_nothing_is_lost() {
    let mut b = Bench::started(0);
    b.budget = Budget::new(0);
    b.data(3, b"d");
    b.data(4, b"e");
    assert_eq!(b.text(), "<3>de");
    assert_eq!(b.budget.used(), 0);
}

const ISNS: [u32; 4] = [0, 7, u32::MAX - 300, 0x7fff_ff00];

/// Segments that cover a stream, extra overlapping ones, and an order that is off by a few places.
fn lossless() -> impl Strategy<Value = (Vec<u8>, u32, Vec<(usize, usize)>)> {
    (
        prop::collection::vec(any::<u8>(), 1..1200),
        prop::sample::select(ISNS.as_slice()),
        prop::collection::vec(1_usize..200, 1..60),
        prop::collection::vec((0_usize..1200, 1_usize..300, 0_usize..80), 0..20),
        prop::collection::vec(0_usize..12, 100),
    )
        .prop_map(|(data, isn, cuts, extra, jitter)| {
            let mut segments = Vec::new();
            let mut at = 0;
            for cut in cuts.iter().cycle() {
                let end = (at + cut).min(data.len());
                segments.push((segments.len() + jitter[segments.len() % jitter.len()], at, end));
                at = end;
                if at == data.len() {
                    break;
                }
            }
            for (start, len, key) in extra {
                let start = start.min(data.len() - 1);
                segments.push((key.min(segments.len()), start, (start + len).min(data.len())));
            }
            segments.sort_unstable();
            (data, isn, segments.into_iter().map(|(_, start, end)| (start, end)).collect())
        })
}

proptest! {
    #[test]
    fn without_loss_the_stream_is_what_was_sent((data, isn, segments) in lossless()) {
        let mut b = Bench::started(isn);
        for (start, end) in segments {
            b.data(isn.wrapping_add(start as u32), &data[start..end]);
            b.wait(1);
        }
        b.finish();
        let got: Vec<u8> = b.items.iter().flat_map(|i| match i { Got::Data(d) => d.clone(), _ => vec![] }).collect();
        if b.count(Counter::ReassemblyCapped) == 0 {
            prop_assert_eq!(got, data);
            prop_assert_eq!(b.count(Counter::ReassemblyGaps), 0);
        }
        prop_assert_eq!(b.count(Counter::OverlapConflicts), 0);
        prop_assert_eq!(b.budget.used(), 0);
        prop_assert_eq!(b.items.last(), Some(&Got::End));
    }

    #[test]
    fn with_loss_every_byte_given_out_is_at_its_place(
        (data, isn, segments) in lossless(),
        lost in prop::collection::vec(any::<bool>(), 80),
        acks in prop::collection::vec(0_usize..1300, 80),
        waits in prop::collection::vec(0_u64..900, 80),
        cut in 1_usize..400,
        one_way in any::<bool>(),
    ) {
        let mut b = Bench::started(isn);
        b.one_way = one_way;
        for (i, (start, end)) in segments.into_iter().enumerate() {
            if lost[i % lost.len()] {
                continue;
            }
            let seq = isn.wrapping_add(start as u32);
            let kept = (end - start).min(cut);
            b.segment(Segment { seq, payload: &data[start..start + kept], wire_len: (end - start) as u32, fin: false });
            b.wait(waits[i % waits.len()]);
            if !one_way {
                b.ack(isn.wrapping_add(acks[i % acks.len()] as u32));
            }
            prop_assert!(b.budget.used() <= 256 * 1024 && b.stream.pending.len() <= 64);
        }
        b.finish();
        let mut at = 0;
        for item in &b.items {
            match item {
                Got::Data(d) => {
                    prop_assert_eq!(d.as_slice(), &data[at..at + d.len()]);
                    at += d.len();
                }
                Got::Gap(n) => at += usize::try_from(*n).unwrap(),
                Got::End => {}
            }
        }
        prop_assert_eq!(at as u64, b.stream.position());
        prop_assert!(at <= data.len());
        prop_assert_eq!(b.budget.used(), 0);
    }

    #[test]
    fn any_segments_at_all_stay_within_the_caps(
        ops in prop::collection::vec(
            (any::<u32>(), 0_u32..3, 0_usize..3000, any::<bool>(), 0_u32..2000, any::<u32>(), 0_u64..1500), 1..150),
        cap in 0_usize..100_000,
        one_way in any::<bool>(),
    ) {
        let mut b = Bench::new();
        b.one_way = one_way;
        b.budget = Budget::new(cap);
        let payload = vec![7; 3000];
        for (seq, kind, len, fin, cut, ack, wait) in ops {
            // Mostly near each other, sometimes anywhere.
            let seq = if kind == 0 { seq } else { 0xffff_f000_u32.wrapping_add(seq % 400_000) };
            b.segment(Segment { seq, payload: &payload[..len], wire_len: len as u32 + cut / 2, fin });
            b.ack(if kind == 1 { ack } else { seq.wrapping_add(cut) });
            b.wait(wait);
            prop_assert!(b.budget.used() <= cap);
            prop_assert_eq!(b.budget.used(), b.stream.pending.bytes());
            prop_assert!(b.stream.pending.len() <= 64);
        }
        b.finish();
        prop_assert_eq!(b.budget.used(), 0);
        let given: u64 = b.items.iter().map(|i| match i { Got::Data(d) => d.len() as u64, Got::Gap(n) => *n, Got::End => 0 }).sum();
        prop_assert_eq!(given, b.stream.position());
        prop_assert!(b.items.iter().filter(|i| **i == Got::End).count() <= 1);
    }
}
