//! Stratum V2 as its reference implementation speaks it is found, however it is cut; what only begins like it is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "../pcaps/generate/kit.rs"]
mod kit;

#[path = "sv2/bench.rs"]
mod bench;
#[path = "sv2/genuine.rs"]
mod genuine;
#[path = "sv2/strangers.rs"]
mod strangers;

use bench::{CUTS, findings, said};
use genuine::{Channel, Session, Veil};
use kit::dialogue::{MILLI, SECOND, Side};
use kit::rng::Rng;
use minewatch::dialect::Stage;
use minewatch::evidence::Verdict;

/// Sessions of every kind, from a small device to a proxy of a farm.
fn sessions() -> Vec<Session> {
    let mut all = Vec::new();
    for (i, extranonce) in [0_u8, 4, 6, 8, 14, 15, 16, 24, 32].into_iter().enumerate() {
        for (channel, batch) in [(Channel::Standard, 1), (Channel::Extended(extranonce), 1 + i as u64 % 4)] {
            // The reference pool answers every tenth share.
            let batch = if i == 8 { 10 } else { batch };
            all.push(Session {
                channel,
                batch,
                shares: 50 + i as u64 % 3,
                user: ["", "alice.rig1", "bc1qexamplexxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.barn-7"][i % 3].to_owned(),
                vendor: ["", "Example Asics", "an uncommonly long vendor name, as nobody forbids it to be"][i % 3]
                    .to_owned(),
                refuse_second: false,
            });
        }
    }
    all
}

#[test]
fn every_genuine_session_is_confirmed_in_every_segmentation() {
    let mut n = 0;
    for (i, session) in sessions().iter().enumerate() {
        let d = session.play(Veil::Noise, &mut Rng::new(i as u64));
        for (name, cut) in CUTS {
            let found = findings(&[cut(&d)]);
            let what = format!("session {i}, {name}");
            let [f] = found.as_slice() else { panic!("{what}: {} findings", found.len()) };
            assert_eq!((f.dialect, f.verdict), ("stratum-v2", Verdict::Confirmed), "{what}: {}", said(f));
            assert!(f.stage >= Stage::Session && f.jobs >= 1, "{what}");
            assert!(f.miner.port() > 30_000, "{what}: the miner is who connected");
            n += 1;
        }
    }
    println!("{n} sessions");
}

#[test]
fn shares_are_counted_where_only_one_reading_is_possible() {
    for (i, session) in sessions().iter().enumerate() {
        let d = session.play(Veil::Noise, &mut Rng::new(i as u64));
        let found = findings(&[d]);
        let s = found[0].shares;
        // A share with 15 bytes of extranonce is as long as the channel update: that one cannot be told from it.
        let more = u64::from(session.channel == Channel::Extended(15));
        assert_eq!(s.submitted, session.shares + more, "session {i}: {:?}", session.channel);
        // Answers in batches are for all shares before them; the last few may be waiting for theirs.
        let answered = session.shares / session.batch * session.batch;
        assert!((answered..=answered + more).contains(&s.accepted), "session {i}: {}", s.accepted);
        assert_eq!(s.rejected, 0, "session {i}");
    }
}

#[test]
fn a_refused_share_is_seen_by_the_size_of_its_answer() {
    for channel in [Channel::Standard, Channel::Extended(8)] {
        let session = Session { channel, refuse_second: true, shares: 50, ..Session::default() };
        let found = findings(&[session.play(Veil::Noise, &mut Rng::new(3))]);
        let s = found[0].shares;
        assert_eq!((s.submitted, s.accepted, s.rejected), (50, 49, 1), "{channel:?}");
    }
}

#[test]
fn a_hundred_sessions_are_confirmed_within_minutes() {
    for channel in [Channel::Standard, Channel::Extended(8)] {
        let session = Session { channel, shares: 60, ..Session::default() };
        let all: Vec<_> = (0..100).map(|i| session.play(Veil::Noise, &mut Rng::new(i))).collect();
        let found = findings(&all);
        assert_eq!(found.iter().filter(|f| f.verdict == Verdict::Confirmed).count(), 100, "{channel:?}");
    }
}

#[test]
fn the_level_grows_with_what_was_seen() {
    let session = Session { shares: 60, ..Session::default() };
    for seed in 0..100 {
        let d = session.play(Veil::Noise, &mut Rng::new(seed));
        let mut levels = Vec::new();
        for turns in 1..d.turns.len() {
            let mut seen = d.clone();
            seen.turns.truncate(turns);
            // One in seven of all lengths, each of the first ones.
            if turns < 16 || turns % 7 == seed as usize % 7 {
                levels.push((turns, findings(&[seen]).first().map(|f| f.verdict)));
            }
        }
        // Keys, certificate, request and its success: nothing, since whoever would go on may be anyone.
        assert!(levels.iter().all(|(turns, l)| (*turns < 5) == l.is_none()), "{seed}: {levels:?}");
        assert!(levels.is_sorted(), "{seed}: {levels:?}");
        // A channel, its job and the previous hash are turns 6 to 8; a share and its answer, perhaps a job, follow.
        for (turns, level) in &levels {
            match turns {
                5..=8 => assert_eq!(*level, Some(Verdict::Suspected), "{seed}: {levels:?}"),
                13..=24 => assert_eq!(*level, Some(Verdict::Probable), "{seed}: {levels:?}"),
                _ => {}
            }
        }
        assert_eq!(levels.last().unwrap().1, Some(Verdict::Confirmed), "{seed}: {levels:?}");
    }
}

#[test]
fn the_answer_of_an_older_text_convicts_nobody() {
    let mut d = Session { shares: 60, ..Session::default() }.play(Veil::Noise, &mut Rng::new(4));
    d.turns[1].bytes.truncate(170);
    assert_eq!(findings(&[d])[0].verdict, Verdict::Probable);
}

#[test]
fn sizes_without_chance_between_the_shares_convict_nobody() {
    for channel in [Channel::Standard, Channel::Extended(8)] {
        let mut d = Session { channel, shares: 60, ..Session::default() }.play(Veil::Noise, &mut Rng::new(4));
        let shares = d.turns.iter().filter(|t| t.side == Side::Client).count();
        assert!(shares > 60);
        // Everything at a beat of two seconds, the answers behind it.
        let mut at = 0;
        for t in &mut d.turns {
            if t.side == Side::Client {
                at += 2 * SECOND;
                t.at = at;
            } else {
                at += 40 * MILLI;
                t.at = at;
            }
        }
        let found = findings(&[d]);
        assert!(found[0].verdict <= Verdict::Probable, "{channel:?}: {}", said(&found[0]));
    }
}

#[test]
fn sessions_in_the_clear_are_read_in_every_segmentation() {
    for (i, session) in sessions().iter().enumerate() {
        let d = session.play(Veil::Clear, &mut Rng::new(i as u64));
        for (name, cut) in CUTS {
            let found = findings(&[cut(&d)]);
            let what = format!("session {i}, {name}");
            let [f] = found.as_slice() else { panic!("{what}: {} findings", found.len()) };
            assert_eq!((f.dialect, f.verdict), ("stratum-v2", Verdict::Confirmed), "{what}: {}", said(f));
            assert_eq!(f.login.as_deref().unwrap_or(""), session.user, "{what}");
            let accepted = session.shares / session.batch * session.batch;
            assert_eq!((f.shares.submitted, f.shares.accepted), (session.shares, accepted), "{what}");
            assert!(f.difficulty.is_some_and(|d| (d - 65_536.0).abs() < 8.0), "{what}: {:?}", f.difficulty);
            assert!(f.reported_hashrate.is_some_and(|r| (r - 1e14).abs() < 1e8), "{what}");
        }
    }
}

#[test]
fn a_session_in_the_clear_is_picked_up_in_the_middle() {
    for channel in [Channel::Standard, Channel::Extended(8)] {
        let session = Session { channel, shares: 6, ..Session::default() };
        let mut d = session.play(Veil::Clear, &mut Rng::new(9));
        d.turns.drain(..6);
        let found = bench::findings_mid_stream(&d);
        let [f] = found.as_slice() else { panic!("{channel:?}: {} findings", found.len()) };
        assert_eq!((f.dialect, f.verdict), ("stratum-v2", Verdict::Confirmed), "{channel:?}: {}", said(f));
        assert!(f.miner.port() > 30_000, "{channel:?}: who submits is the miner");
    }
}

#[test]
fn nothing_else_that_opens_with_64_bytes_is_taken_for_it() {
    for (name, make) in strangers::ALL {
        let mut rng = Rng::named(name);
        let all: Vec<_> = (0..200).map(|_| make(&mut rng)).collect();
        let found: Vec<_> = findings(&all).iter().map(said).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn twenty_thousand_random_conversations_are_not_reported() {
    let mut rng = Rng::new(64);
    let mut n = 0;
    for _ in 0..20 {
        let all: Vec<_> = (0..1000).map(|_| strangers::random(&mut rng)).collect();
        n += all.len();
        let found: Vec<_> = findings(&all).iter().map(said).collect();
        assert!(found.is_empty(), "{found:?}");
    }
    assert_eq!(n, 20_000);
}
