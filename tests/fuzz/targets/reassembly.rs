//! One direction's stream against a model. First byte: one-way or not, start known or not, and the budget; then
//! operations of four bytes and a payload.
//!
//! Promises: each byte given out is the first that was believed at its place; positions add up; nothing follows the
//! end; the budget is kept, and given back whole.

use std::collections::HashMap;
use std::time::Duration;

use minewatch::flow::{Budget, Context, Item, Reassembler, Segment};
use minewatch::health::{Counter, Health};
use minewatch::time::PacketTime;

use super::Bytes;

/// Sequence number that offsets are counted from: numbers wrap soon after.
const BASE: u32 = u32::MAX - 700;

/// An item that outlives the call that gave it.
#[derive(Clone, PartialEq, Debug)]
enum Out {
    Data(Vec<u8>),
    Gap(u64),
    End,
}

impl From<Item<'_>> for Out {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Data(d) => Self::Data(d.to_vec()),
            Item::Gap(n) => Self::Gap(n),
            Item::End => Self::End,
        }
    }
}

/// What the stream must do.
#[derive(Clone, Default)]
struct Model {
    /// First-believed byte of each place.
    first: HashMap<u32, u8>,
    next: Option<u32>,
    position: u64,
    ended: bool,
}

impl Model {
    /// What a believed segment claims where nothing was claimed before.
    fn claim(&mut self, segment: &Segment<'_>) {
        for (i, byte) in segment.payload.iter().enumerate() {
            self.first.entry(segment.seq.wrapping_add(i as u32)).or_insert(*byte);
        }
    }

    /// Follows what came out, or says what is wrong with it.
    fn follow(&mut self, items: &[Out]) -> Result<(), String> {
        for item in items {
            let Some(next) = self.next.filter(|_| !self.ended) else {
                return Err(format!("{item:?} before the start or after the end"));
            };
            match item {
                Out::Data(data) => {
                    for (i, byte) in data.iter().enumerate() {
                        let place = next.wrapping_add(i as u32);
                        if self.first.get(&place) != Some(byte) {
                            return Err(format!("{byte:#x} is not the first byte seen at {place}"));
                        }
                    }
                    self.next = Some(next.wrapping_add(data.len() as u32));
                    self.position += data.len() as u64;
                    if data.is_empty() {
                        return Err("empty data".to_owned());
                    }
                }
                Out::Gap(0) => return Err("a hole of unknown size without a jump".to_owned()),
                Out::Gap(n) => {
                    self.next = Some(next.wrapping_add(*n as u32));
                    self.position += n;
                }
                Out::End => self.ended = true,
            }
        }
        Ok(())
    }

    /// The same for a segment that made the stream jump to it: the last hole before its bytes is the jump.
    fn follow_jump(&mut self, segment: &Segment<'_>, items: &[Out]) -> Result<(), String> {
        let cut = segment.wire_len as usize > segment.payload.len();
        let tail = usize::from(!segment.payload.is_empty()) + usize::from(cut);
        let Some((before, rest)) = items.len().checked_sub(tail + 1).and_then(|at| items.split_at_checked(at)) else {
            return Err("no jump".to_owned());
        };
        let Some((Out::Gap(lost), rest)) = rest.split_first() else { return Err("no hole before a jump".to_owned()) };
        self.follow(before)?;
        self.position += lost;
        self.next = Some(segment.seq);
        self.first.clear();
        self.claim(segment);
        self.follow(rest)
    }
}

/// Runs the operations.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some(kind) = bytes.u8() else { return };
    let one_way = kind & 1 != 0;
    let cap = usize::from(kind >> 2) * 256;
    let mut budget = Budget::new(cap);
    let mut health = Health::default();
    let mut stream = Reassembler::default();
    let mut model = Model::default();
    let mut now = PacketTime::from_parts(1_700_000_000, 0);
    if kind & 2 != 0 {
        stream.start(BASE);
        model.next = Some(BASE);
    }
    let mut items: Vec<Out> = Vec::new();
    while let (Some(op), Some(at), Some(len)) = (bytes.u8(), bytes.u16(), bytes.u8()) {
        let place = BASE.wrapping_add(if op & 64 == 0 { u32::from(at) & 0x1fff } else { u32::from(at) << 16 });
        now = now.plus(Duration::from_millis(u64::from(op >> 3 & 7) * 150));
        items.clear();
        let wild = health.get(Counter::WildSegments);
        let mut cx = Context { now, one_way, budget: &mut budget, health: &mut health };
        if op & 1 != 0 {
            stream.acked(Some(place), &mut cx, |item| items.push(item.into()));
            assert_eq!(model.follow(&items), Ok(()));
        } else {
            let payload = bytes.take(usize::from(len));
            let wire_len = payload.len() as u32 + if op & 4 != 0 { u32::from(len) / 2 } else { 0 };
            let segment = Segment { seq: place, payload, wire_len, fin: op & 2 != 0 };
            if model.next.is_none() && (wire_len > 1 || segment.fin) {
                model.next = Some(place);
            }
            stream.segment(segment, &mut cx, |item| items.push(item.into()));
            if health.get(Counter::WildSegments) > wild {
                let mut jumped = model.clone();
                let jump = jumped.follow_jump(&segment, &items);
                match (model.follow(&items), jump) {
                    (Ok(()), Err(_)) => {}
                    (Err(_), Ok(())) => model = jumped,
                    // The same bytes at both places: which it was cannot be told from outside.
                    (Ok(()), Ok(())) => return,
                    (Err(a), Err(b)) => panic!("neither in place ({a}) nor a jump ({b}): {items:?}"),
                }
            } else {
                if model.next.is_some() && !model.ended {
                    model.claim(&segment);
                }
                assert_eq!(model.follow(&items), Ok(()));
            }
        }
        assert_eq!(stream.position(), model.position, "positions do not add up");
        assert!(stream.acknowledged() <= stream.position());
        assert_eq!(stream.ended(), model.ended);
        assert!(budget.used() <= cap, "{} bytes held, {cap} allowed", budget.used());
    }
    items.clear();
    let mut cx = Context { now, one_way, budget: &mut budget, health: &mut health };
    stream.finish(&mut cx, |item| items.push(item.into()));
    assert_eq!(model.follow(&items), Ok(()));
    assert!(model.ended || model.next.is_none(), "no end");
    assert_eq!(budget.used(), 0, "budget lost");
}
