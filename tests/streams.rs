//! Protocols with framing of their own: each is found as what it is, however it is cut, and as nothing else when it is
//! broken off or damaged.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "streams/battery.rs"]
mod battery;
#[path = "sv2/bench.rs"]
mod bench;
#[path = "../pcaps/generate/kit.rs"]
mod kit;
mod support2;

use bench::{CUTS, findings, findings_mid_stream, said};
use kit::dialogue::Stage as Wanted;
use kit::dialogues;
use kit::rng::Rng;
use minewatch::dialect::{STREAM_DIALECTS, Stage};
use minewatch::evidence::Verdict;

#[test]
fn each_is_found_in_every_segmentation() {
    for (name, dialect, d) in dialogues::streams(3) {
        for (cut_name, cut) in CUTS {
            // Single bytes of whole sessions are many packets; the beginning says as much, unless all is in the sizes.
            let mut d = d.clone();
            let short = cut_name == "single bytes" && dialect != "stratum-v2";
            d.turns.truncate(if short { 24 } else { usize::MAX });
            let found = findings(&[cut(&d)]);
            let what = format!("{name}, {cut_name}");
            let [f] = found.as_slice() else { panic!("{what}: {} findings", found.len()) };
            assert_eq!(f.dialect, dialect, "{what}: {}", said(f));
            let stage = match f.stage {
                Stage::Attempt => Wanted::Attempt,
                Stage::Session => Wanted::Session,
                Stage::Accepted => Wanted::Accepted,
            };
            let wanted = if d.truth.stage == Wanted::Attempt { Verdict::Probable } else { Verdict::Confirmed };
            assert_eq!(f.verdict, wanted, "{what}: {}", said(f));
            if cut_name == "as written" {
                let (s, t) = (f.shares, &d.truth);
                assert_eq!(stage, t.stage, "{what}");
                assert_eq!((s.submitted, s.accepted, s.rejected), (t.submitted, t.accepted, t.rejected), "{what}");
                assert_eq!(
                    (f.login.as_deref(), f.worker.as_deref()),
                    (t.login.as_deref(), t.worker.as_deref()),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn broken_off_anywhere_it_is_the_same_or_nothing() {
    for (name, dialect, d) in dialogues::streams(4) {
        for turns in 0..d.turns.len().min(12) {
            for part in [1, 2, 3] {
                let mut d = d.clone();
                d.turns.truncate(turns + 1);
                let last = &mut d.turns[turns].bytes;
                last.truncate(last.len() * part / 3);
                for f in findings(&[d]) {
                    let known = f.dialect == dialect || (name == "btcagent" && f.dialect == "bitcoin-v1");
                    assert!(known, "{name} up to turn {turns}: {}", f.dialect);
                }
            }
        }
    }
}

#[test]
fn picked_up_in_the_middle_it_is_the_same_or_nothing() {
    for (name, dialect, d) in dialogues::streams(8) {
        for skip in [1, 3, 6, 9, 20] {
            let mut d = d.clone();
            d.turns.drain(..skip.min(d.turns.len()));
            let found = findings_mid_stream(&d);
            assert!(found.iter().all(|f| f.dialect == dialect || name == "btcagent"), "{name} from turn {skip}");
            // Sizes alone say nothing without the handshake before them.
            assert!(found.is_empty() || !matches!(name, "stratum-v2-device" | "stratum-v2-proxy" | "datum"), "{name}");
        }
    }
}

#[test]
fn damage_makes_nothing_else_of_it() {
    for (name, dialect, d) in dialogues::streams(5) {
        let mut rng = Rng::named(name);
        for _ in 0..60 {
            let mut d = d.clone();
            d.turns.truncate(14);
            for _ in 0..rng.range(1, 6) {
                let turn = rng.range(0, d.turns.len() as u64) as usize;
                let bytes = &mut d.turns[turn].bytes;
                let at = rng.range(0, bytes.len() as u64) as usize;
                bytes[at] ^= 1 << rng.range(0, 8);
            }
            for f in findings(&[d]) {
                let known = f.dialect == dialect || (name == "btcagent" && f.dialect == "bitcoin-v1");
                assert!(known, "{name} damaged: {} {:?}: {}", f.dialect, f.verdict, said(&f));
            }
        }
    }
}

#[test]
fn none_takes_messages_in_lines_for_its_own() {
    let own: Vec<_> = STREAM_DIALECTS.iter().map(|d| d.id()).collect();
    for (name, _, d) in dialogues::all(6) {
        for f in findings(&[d]) {
            assert!(!own.contains(&f.dialect), "{name}: {}", f.dialect);
        }
    }
    for (name, _, d) in kit::benign::all(6) {
        for f in findings(&[d]) {
            assert!(!own.contains(&f.dialect), "{name}: {}: {}", f.dialect, said(&f));
        }
    }
}
