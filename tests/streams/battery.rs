//! What networks, sensors and captures do to a session, for every protocol that cannot be spelled in another way: it is
//! found as what it is or not at all, counts stay below the truth, and nothing convicts without evidence.

use std::net::{IpAddr, SocketAddr};

use minewatch::dialect::{Category, Stage};
use minewatch::evidence::{Code, Verdict};
use minewatch::ledger::FlowFinding;

use crate::kit::dialogue::{Dialogue, MILLI, Side, Stage as Wanted};
use crate::kit::rng::Rng;
use crate::kit::tcp::{Conversation, Segment};
use crate::kit::{dialogues, mangle};
use crate::support2::{Bench, Run, START, line, segments, some};

/// A session with its name.
type Session = (&'static str, Dialogue);

/// Every dialogue with framing of its own, mining or managing.
fn everything(seed: u64) -> Vec<Session> {
    let managed = dialogues::managed(seed);
    dialogues::streams(seed).into_iter().chain(managed).map(|(name, _, d)| (name, d)).collect()
}

/// All that it can say, in few turns: its opening and what follows it for a while.
fn brief(d: &Dialogue) -> Dialogue {
    let mut d = d.clone();
    d.turns.truncate(22);
    d
}

/// What is known of a session, for comparisons.
type Known = (&'static str, Verdict, Stage, [u64; 4]);

fn known(f: Option<&FlowFinding>) -> Option<Known> {
    let counts = |f: &FlowFinding| [f.shares.submitted, f.shares.accepted, f.shares.rejected, f.jobs];
    f.map(|f| (f.dialect, f.verdict, f.stage, counts(f)))
}

/// What no way to see a part of a session may make of it; `None` when all is well.
fn unsound(d: &Dialogue, seen: &[Segment], run: &Run) -> Option<String> {
    let levels = run.alerts.iter().map(|a| (a.dialect, a.verdict));
    let ends = run.findings.iter().map(|f| (f.dialect, f.verdict));
    // What BTCAgent says in lines is Bitcoin stratum's; only its frames and its name tell it from a miner.
    let own = |dialect: &str| dialect == d.truth.dialect || (d.truth.dialect == "btcagent" && dialect == "bitcoin-v1");
    if let Some((dialect, verdict)) = ends.chain(levels).find(|(dialect, _)| !own(dialect)) {
        return Some(format!("taken for {dialect}, {verdict}"));
    }
    let [f] = run.findings.as_slice() else {
        return (run.findings.len() > 1).then(|| format!("{} findings", run.findings.len()));
    };
    let (s, t) = (f.shares, &d.truth);
    let stage = |f: &FlowFinding| match f.stage {
        Stage::Attempt => Wanted::Attempt,
        Stage::Session => Wanted::Session,
        Stage::Accepted => Wanted::Accepted,
    };
    let more = s.submitted > t.submitted || s.accepted > t.accepted || s.rejected > t.rejected || f.jobs > t.jobs;
    if more || s.accepted + s.rejected > s.submitted || stage(f) > t.stage {
        return Some(format!("{s:?}, {} jobs, {}", f.jobs, f.stage.name()));
    }
    if f.category == Category::Inventory && run.level() > Some(Verdict::Suspected) {
        return Some(format!("a rig that was asked is {:?}", run.level()));
    }
    let has = |codes: &[Code]| f.evidence.iter().any(|e| codes.contains(&e.code));
    let both =
        [Side::Client, Side::Server].iter().all(|side| seen.iter().any(|s| s.side == *side && !s.payload.is_empty()));
    let proven = both
        && has(&[Code::ClientRequest, Code::ShareSubmitted])
        && has(&[Code::PoolReply, Code::JobDelivered])
        && has(&[Code::JobDelivered, Code::ShareAccepted]);
    (run.level() == Some(Verdict::Confirmed) && !proven).then(|| "confirmed without evidence".to_owned())
}

/// Runs what was seen of each session and collects what is wrong with what is said of it.
#[derive(Default)]
struct Watch {
    faults: Vec<String>,
    runs: u32,
}

impl Watch {
    fn see(&mut self, name: &str, how: &str, d: &Dialogue, talk: &Conversation, seen: &[Segment]) -> Run {
        let run = some(name, talk, seen);
        self.runs += 1;
        if let Some(fault) = unsound(d, seen, &run) {
            self.faults.push(format!("{name}, {how}: {fault}"));
        }
        run
    }

    /// The same must be known as of `wanted`.
    fn same(
        &mut self,
        name: &str,
        how: &str,
        d: &Dialogue,
        talk: &Conversation,
        seen: &[Segment],
        wanted: Option<Known>,
    ) {
        let now = known(self.see(name, how, d, talk, seen).findings.first());
        if now != wanted {
            self.faults.push(format!("{name}, {how}: {now:?} not {wanted:?}"));
        }
    }

    fn end(self, least: u32) {
        let first = self.faults.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(self.faults.is_empty(), "{} of {} runs\n{first}", self.faults.len(), self.runs);
        assert!(self.runs >= least, "{} runs", self.runs);
    }
}

fn data(all: &[Segment]) -> Vec<usize> {
    (0..all.len()).filter(|i| !all[*i].payload.is_empty()).collect()
}

#[test]
fn where_a_segment_is_cut_and_which_part_comes_first_does_not_matter() {
    let mut watch = Watch::default();
    for (name, d) in everything(21) {
        let d = brief(&d);
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        let wanted = known(some(name, &talk, &plain).findings.first());
        assert!(wanted.is_some(), "{name}");
        for i in data(&plain) {
            let len = plain[i].payload.len();
            let cuts = (1..len.min(50)).chain((50..len).step_by(97)).chain(len.saturating_sub(9).max(1)..len);
            for (n, at) in cuts.enumerate() {
                let mut seen = plain.clone();
                let mut second = seen[i].clone();
                second.payload.drain(..at);
                second.seq = second.seq.wrapping_add(at as u32);
                seen[i].payload.truncate(at);
                // Every other time the second part comes first.
                seen.insert(i + (n + 1) % 2, second);
                watch.same(name, &format!("segment {i} cut at {at}, order {}", n % 2), &d, &talk, &seen, wanted);
            }
        }
    }
    watch.end(5_000);
}

#[test]
fn what_comes_twice_or_in_another_order_counts_once() {
    let mut watch = Watch::default();
    for (name, d) in everything(22) {
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        let wanted = known(some(name, &talk, &plain).findings.first());
        watch.same(name, "mirrored", &d, &talk, &mangle::mirrored(plain.clone()), wanted);
        watch.same(name, "neighbours swapped", &d, &talk, &mangle::reordered(plain.clone(), 1), wanted);
        watch.same(
            name,
            "overlapping",
            &d,
            &talk,
            &mangle::overlapping(plain.clone(), &[1, 3, 4, 5, 7, 9, 12]),
            wanted,
        );
        for i in data(&plain).into_iter().take(60) {
            // At once, and after what the other side answered.
            for later in [1, 4] {
                let mut seen = plain.clone();
                let mut again = seen[i].clone();
                let to = (i + later).min(seen.len() - 1);
                again.at = seen[to - 1].at + 1;
                seen.insert(to, again);
                watch.same(name, &format!("segment {i} again, {later} later"), &d, &talk, &seen, wanted);
            }
        }
    }
    watch.end(500);
}

#[test]
fn the_family_of_addresses_does_not_matter() {
    let mut watch = Watch::default();
    for (name, d) in everything(23) {
        let v4 = line(0, 3333);
        let wanted = known(some(name, &v4, &segments(&v4, &d)).findings.first());
        let host = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, n, 0, 0, 0, n]);
        // Whoever has the lower address.
        for (client, server) in [(1, 2), (9, 3)] {
            let ends = (SocketAddr::new(host(client), 20_000), SocketAddr::new(host(server), 3333));
            let talk = Conversation::new(ends.0, ends.1, START, &mut Rng::new(5));
            watch.same(name, &format!("over IPv6 from {client} to {server}"), &d, &talk, &segments(&talk, &d), wanted);
        }
    }
    watch.end(20);
}

/// Sessions that are read by sizes alone: what was an answer is a part of what is said next as long as nobody pauses.
const SIZES: &[&str] = &["stratum-v2-device", "stratum-v2-proxy"];

#[test]
fn more_of_a_session_never_says_less() {
    let mut watch = Watch::default();
    for (name, d) in everything(24) {
        let talk = line(0, 3333);
        let mut before: Option<Known> = None;
        for turns in 1..=d.turns.len() {
            let mut part = d.clone();
            part.turns.truncate(turns);
            let how = format!("{turns} turns");
            let now = known(watch.see(name, &how, &d, &talk, &segments(&talk, &part)).findings.first());
            let less = match (before, now) {
                (Some((_, verdict, stage, counts)), Some((_, v, s, c))) => {
                    v < verdict
                        || s < stage
                        || (!SIZES.contains(&name) && counts.iter().zip(c).any(|(old, new)| new < *old))
                }
                (old, new) => old.is_some() && new.is_none(),
            };
            if less {
                watch.faults.push(format!("{name}, {how}: {before:?} became {now:?}"));
            }
            before = now;
        }
    }
    watch.end(500);
}

#[test]
fn broken_off_within_a_message_it_is_what_it_was_before_or_after() {
    let mut watch = Watch::default();
    for (name, d) in everything(25) {
        let d = brief(&d);
        let talk = line(0, 3333);
        for turn in 0..d.turns.len() {
            let len = d.turns[turn].bytes.len();
            for to in (1..len.min(70)).chain([len / 2, len.saturating_sub(1)]).filter(|n| *n > 0) {
                let mut part = d.clone();
                part.turns.truncate(turn + 1);
                part.turns[turn].bytes.truncate(to);
                watch.see(name, &format!("{to} bytes of turn {turn}"), &d, &talk, &segments(&talk, &part));
            }
        }
    }
    watch.end(1_000);
}

#[test]
fn one_half_never_convicts() {
    let mut watch = Watch::default();
    for (name, d) in everything(26) {
        let talk = line(0, 3333);
        let all = segments(&talk, &d);
        for side in [Side::Client, Side::Server] {
            let half = mangle::one_way(all.clone(), side);
            // The other half's packets are there, but not their bytes.
            let hushed =
                |s: &Segment| if s.side == side { s.clone() } else { Segment { payload: Vec::new(), ..s.clone() } };
            let silent: Vec<_> = all.iter().map(hushed).collect();
            for (how, seen) in [("whole", &half[..]), ("rest", &half[half.len() / 3..]), ("bytes", &silent)] {
                let run = watch.see(name, &format!("only {side:?}, {how}"), &d, &talk, seen);
                if run.level() == Some(Verdict::Confirmed) {
                    watch.faults.push(format!("{name}, only {side:?}, {how}: confirmed"));
                }
            }
        }
    }
    watch.end(80);
}

#[test]
fn a_loss_never_makes_more_of_the_rest() {
    let mut watch = Watch::default();
    let mut rng = Rng::new(27);
    for (name, d) in [27, 127, 227, 327].into_iter().flat_map(everything) {
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        let most = some(name, &talk, &plain).level();
        let with_data = data(&plain);
        for i in with_data.iter().take(60) {
            let mut seen = plain.clone();
            seen.remove(*i);
            let run = watch.see(name, &format!("without segment {i}"), &d, &talk, &seen);
            if run.level() > most {
                watch.faults.push(format!("{name}, without segment {i}: {:?} of {most:?}", run.level()));
            }
        }
        for round in 0..80 {
            let mut seen = plain.clone();
            let near = (with_data.len() as u64).min(if round % 2 == 0 { 12 } else { u64::MAX });
            let from = with_data[rng.range(0, near) as usize];
            let to = (from + rng.range(1, 9) as usize).min(seen.len());
            // What is left of the last one is its end.
            let last = seen[to - 1].payload.len();
            let left = rng.range(0, 300) as usize;
            let cut = last.saturating_sub(left);
            seen[to - 1].payload.drain(..cut);
            seen[to - 1].seq = seen[to - 1].seq.wrapping_add(cut as u32);
            seen.drain(from..to - 1);
            watch.see(name, &format!("hole {round}, segments {from} to {to}"), &d, &talk, &seen);
        }
    }
    watch.end(1_000);
}

/// Sessions that have a mark of their own in every message, so that they are found from their middle.
const MARKED: &[&str] = &["stratum-v2-clear", "btcagent", "duino-coin", "rig-claymore"];

#[test]
fn picked_up_anywhere_it_is_the_same_or_nothing() {
    let mut watch = Watch::default();
    for (name, d) in [28, 128].into_iter().flat_map(everything) {
        let talk = line(0, 3333);
        let all = segments(&talk, &d);
        let with_data = data(&all);
        for (n, from) in with_data.iter().enumerate().skip(1) {
            let how = format!("from data segment {n}");
            let run = watch.see(name, &how, &d, &talk, &all[*from..]);
            match run.findings.first() {
                Some(f) if !f.mid_stream => watch.faults.push(format!("{name}, {how}: not said to be mid-stream")),
                None if MARKED.contains(&name) && n * 2 < with_data.len() => {
                    watch.faults.push(format!("{name}, {how}: not found"));
                }
                _ => {}
            }
        }
    }
    watch.end(500);
}

#[test]
fn worse_networks_never_convict_the_wrong_one() {
    let mut rng = Rng::new(29);
    let mut wrong = Vec::new();
    for (name, d) in [29, 129, 229].into_iter().flat_map(everything) {
        let d = brief(&d);
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        for round in 0..200 {
            let mut bad = plain.clone();
            for _ in 0..rng.range(1, 10) {
                let i = rng.range(0, bad.len() as u64) as usize;
                let len = bad[i].payload.len() as u64;
                match rng.range(0, 7) {
                    0 => drop(bad.remove(i)),
                    1 => bad.insert(i, bad[i].clone()),
                    2 if i > 0 => bad.swap(i, i - 1),
                    3 if len > 0 => bad[i].payload[rng.range(0, len) as usize] ^= rng.range(1, 256) as u8,
                    4 if len > 0 => bad[i].payload.truncate(rng.range(0, len) as usize),
                    5 => bad[i].seq = bad[i].seq.wrapping_add(rng.range(0, 9) as u32).wrapping_sub(4),
                    _ => bad[i].at += rng.range(0, 3000) * MILLI,
                }
            }
            let mut bench = Bench::new();
            bench.all(&talk, &bad);
            for f in bench.end(name).findings {
                let own = f.dialect == d.truth.dialect || (name == "btcagent" && f.dialect == "bitcoin-v1");
                // A damaged count may say anything, but never more than was sent.
                let most = f.shares.accepted + f.shares.rejected <= f.shares.submitted;
                let rig = f.category != Category::Inventory || f.verdict <= Verdict::Suspected;
                if !(own && most && rig) {
                    wrong.push(format!("{name}, {round}: {} {} {:?}", f.dialect, f.verdict, f.shares));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
