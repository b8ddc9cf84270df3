//! Messages of several flows that cannot be read, with any sizes and times, into `Rhythm` and `Detect`.
//!
//! Promises: no sequence makes it panic; times that go back or wrap do no harm; weights are numbers; nothing is said of a
//! flow that is younger than a minute.

use minewatch::detect::{Detect, Facts, Limits, Party};
use minewatch::rhythm::{Message, Rhythm, Standing, Way};
use minewatch::time::PacketTime;

use super::Bytes;

const FLOWS: u8 = 4;

/// Plays the messages.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let start = PacketTime::from_parts(1_700_000_000, 0);
    let party = |n: u8| Party {
        flow: n.into(),
        tenant: 0,
        inside: [192, 0, 2, n % 2].into(),
        server: ([198, 51, 100, n / 2], 443).into(),
    };
    let mut flows: Vec<(Rhythm, PacketTime)> = (0..FLOWS).map(|_| (Rhythm::new(start), start)).collect();
    let mut detect = Detect::new(Limits::default());
    let mut now = start;
    while let (Some(kind), Some(gap), Some(size)) = (bytes.u8(), bytes.u16(), bytes.u16()) {
        let step = i64::from(gap) * if kind & 0x40 == 0 { 1_000_000 } else { 1_000_000_000 };
        now = PacketTime::from_nanos(now.as_nanos().saturating_add(if kind & 0x80 == 0 { step } else { -step }));
        let n = kind % FLOWS;
        let (rhythm, first) = &mut flows[usize::from(n)];
        let way = if kind & 0x20 == 0 { Way::Up } else { Way::Down };
        let size = if kind & 0x10 == 0 { u32::from(size) } else { u32::MAX - u32::from(size) };
        if let Some(beat) = rhythm.message(Message { at: now, way, size }) {
            detect.beat(&party(n), beat);
        }
        if rhythm.is_due() {
            let reading = rhythm.judge(now);
            assert!(reading.score.is_finite());
            assert!(reading.witnesses.iter().all(|w| w.weight.is_finite() && !w.to_string().is_empty()));
            assert!(reading.level == Standing::Silent || now.since(*first).as_secs() >= 60);
            for saying in detect.judge(&party(n), &Facts::default(), now) {
                assert!(saying.weight.is_finite() && !saying.to_string().is_empty());
            }
        }
    }
}
