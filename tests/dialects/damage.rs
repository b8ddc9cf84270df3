//! A dialogue that was cut off, cut up, damaged, or seen in part: never a panic, never more than the rest supports.
//!
//! What "supports" means is said here without the dialects' help: `confirmed` takes a whole message of either side; no
//! damage makes it another dialect, nor makes up a wallet whose checksum is right.

use minewatch::dialect::Stage;
use minewatch::dialect::json::{Doc, Parser};
use minewatch::evidence::{Code, Verdict};
use minewatch::ledger::FlowFinding;

use crate::kit::dialogue::{Dialogue, MILLI, Side};
use crate::kit::rng::Rng;
use crate::kit::tcp::{Conversation, Segment};
use crate::kit::{dialogues, mangle};
use crate::support2::messages::of;
use crate::support2::{Bench, Run, line, may_be, segments, short, some, whole};

/// What no damage may do.
fn check(name: &str, how: &str, d: &Dialogue, run: &Run) {
    let Some(f) = run.only(&format!("{name}, {how}")) else { return };
    let about = || format!("{name}, {how}: {} {} wallet {:?}", f.dialect, f.verdict, f.wallet);
    assert!(f.verdict < Verdict::Confirmed || may_be(d, f.dialect), "{}", about());
    if f.evidence.iter().any(|e| e.code == Code::WalletChecksum) {
        // EIP-55 is one bit a letter, and some of the kit's addresses have six letters: one wrong digit in 64 passes.
        let weak = f.wallet.as_ref().is_some_and(|w| w.to_ascii_lowercase().starts_with("0x"));
        assert!(weak || f.wallet == d.truth.wallet || f.login == d.truth.login, "{}: was never sent", about());
    }
    assert!(f.shares.accepted + f.shares.rejected <= f.shares.submitted, "{}: {:?}", about(), f.shares);
    assert!(run.alerts.iter().all(|a| a.verdict < Verdict::Confirmed || may_be(d, a.dialect)), "{}", about());
}

/// Whole messages that begin a share, by what names them alone: a method with its parameters, the word of a dialect
/// without methods, a proof of space or of a miniblock.
fn shares_sent(d: &Dialogue) -> u64 {
    let mut parser = Parser::new(1 << 20);
    let is_share = |json: &[u8], parser: &mut Parser| {
        let Some(rpc) = parser.parse(json).ok().and_then(Doc::rpc) else { return false };
        match rpc.method.as_deref() {
            Some("getwork") => rpc.params.is_some_and(|p| p.len() == 1),
            Some(m) => matches!(m, "submit" | "mining.submit" | "eth_submitWork" | "submitblock" | "solution"),
            None => {
                let words = [("type", "submit"), ("identifier", "solved"), ("message", "share")];
                let proof = rpc.root.get("payload").and_then(|p| p.get("proof_of_space")).or(rpc.root.get("mbl_blob"));
                let says = |(key, word): (&str, &str)| rpc.root.get(key)?.as_str().map(|w| w == word);
                proof.is_some() || words.into_iter().any(|w| says(w) == Some(true))
            }
        }
    };
    of(d).iter().filter(|m| m.side == Side::Client && is_share(&m.json, &mut parser)).count() as u64
}

fn said(d: &Dialogue, side: Side) -> bool {
    of(d).iter().any(|m| m.side == side)
}

fn first_turns(d: &Dialogue, n: usize) -> Dialogue {
    Dialogue { turns: d.turns[..n].to_vec(), truth: d.truth.clone() }
}

/// What grows with every message: verdict, stage, shares sent, accepted, rejected, jobs.
type Known = (Verdict, Stage, u64, u64, u64, u64);

fn known(f: Option<&FlowFinding>) -> Option<Known> {
    f.map(|f| (f.verdict, f.stage, f.shares.submitted, f.shares.accepted, f.shares.rejected, f.jobs))
}

#[test]
fn more_of_a_dialogue_never_says_less() {
    for (name, _, d) in dialogues::all(11) {
        let mut before: Option<Known> = None;
        for n in 0..=d.turns.len() {
            let part = first_turns(&d, n);
            let run = whole(name, &part);
            let how = format!("{n} of {} turns", d.turns.len());
            check(name, &how, &d, &run);
            let f = run.only(name);
            let now = known(f);
            if let Some((verdict, ..)) = now {
                let both = said(&part, Side::Client) && said(&part, Side::Server);
                assert!(verdict < Verdict::Confirmed || both, "{name}, {how}: confirmed by one side");
            }
            if let (Some((v, s, ..)), Some((v2, s2, ..))) = (before, now) {
                assert!(v2 >= v && s2 >= s, "{name}, {how}: {before:?} became {now:?}");
            }
            assert!(before.is_none() || now.is_some(), "{name}, {how}: {before:?} was forgotten");
            if let Some(f) = f.filter(|f| f.dialect != "eth-getwork" || f.verdict > Verdict::Noted) {
                assert_eq!(f.shares.submitted, shares_sent(&part), "{name}, {how}");
            }
            before = now;
        }
    }
}

#[test]
fn a_dialogue_that_stops_in_the_middle_of_a_message_is_what_it_was_before() {
    let mut rng = Rng::new(12);
    for (name, _, d) in dialogues::all(12) {
        let d = short(&d);
        for n in 0..d.turns.len() {
            let len = d.turns[n].bytes.len();
            let line = d.turns[n].bytes.iter().position(|b| *b == b'\n').unwrap_or(len - 1);
            for to in [1, 2, line, len / 2, len - 1, rng.range(1, len as u64) as usize] {
                let mut part = first_turns(&d, n + 1);
                part.turns[n].bytes.truncate(to.max(1));
                let run = whole(name, &part);
                let how = format!("{to} bytes of turn {n}");
                check(name, &how, &d, &run);
                let most = known(whole(name, &first_turns(&d, n + 1)).only(name));
                let (now, least) = (known(run.only(name)), known(whole(name, &first_turns(&d, n)).only(name)));
                assert!(least <= now && now <= most, "{name}, {how}: {least:?} <= {now:?} <= {most:?}");
            }
        }
    }
}

#[test]
fn where_a_message_is_cut_does_not_matter() {
    for (name, _, d) in dialogues::all(13) {
        let d = short(&d);
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        let wanted = known(some(name, &talk, &plain).only(name));
        for (i, s) in plain.iter().enumerate().filter(|(_, s)| s.payload.len() > 1) {
            let len = s.payload.len();
            let cuts = (1..len.min(40)).chain((40..len).step_by(29)).chain(len.saturating_sub(12).max(1)..len);
            for (n, cut) in cuts.enumerate() {
                let (a, b) = s.payload.split_at(cut);
                let (a, b) = ((a, s.seq), (b, s.seq.wrapping_add(cut as u32)));
                // Every other time the second part comes first.
                let parts = if n % 2 == 0 { [a, b] } else { [b, a] };
                let mut bench = Bench::new();
                bench.all(&talk, &plain[..i]);
                for (payload, seq) in parts {
                    bench.part(&talk, s, payload, seq);
                }
                bench.all(&talk, &plain[i + 1..]);
                let run = bench.end(name);
                assert_eq!(known(run.only(name)), wanted, "{name}, segment {i} cut at {cut}, order {}", n % 2);
            }
        }
    }
}

#[test]
fn a_wrong_byte_never_makes_another_dialect_or_another_wallet() {
    let mut rng = Rng::new(14);
    let mut flips = 0_u32;
    for (name, _, d) in dialogues::all(14) {
        let d = short(&d);
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        for (i, s) in plain.iter().enumerate() {
            for at in 0..s.payload.len() {
                // Half of them a single bit: a letter becomes a near one, or changes its case.
                let mask = if rng.chance(0.5) { 1 << rng.range(0, 8) } else { rng.range(1, 256) as u8 };
                let mut payload = s.payload.clone();
                payload[at] ^= mask;
                let mut bench = Bench::new();
                bench.all(&talk, &plain[..i]);
                bench.part(&talk, s, &payload, s.seq);
                bench.all(&talk, &plain[i + 1..]);
                check(name, &format!("byte {at} of segment {i} ^ {mask:#04x}"), &d, &bench.end(name));
                flips += 1;
            }
        }
    }
    assert!(flips > 50_000, "{flips}");
}

#[test]
fn a_lost_message_never_makes_more_of_the_rest() {
    let mut rng = Rng::new(15);
    for (name, _, d) in dialogues::all(15) {
        let d = short(&d);
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        let wanted = known(some(name, &talk, &plain).only(name));
        for i in (0..plain.len()).filter(|i| !plain[*i].payload.is_empty()) {
            let rest = plain.iter().enumerate().filter(|(n, _)| *n != i).map(|(_, s)| s);
            let run = some(name, &talk, rest);
            let how = format!("without segment {i}");
            check(name, &how, &d, &run);
            let verdict = run.level();
            assert!(verdict <= wanted.map(|w| w.0), "{name}, {how}: {verdict:?} of {wanted:?}");
        }
        for round in 0..60 {
            let from = rng.range(1, plain.len() as u64) as usize;
            let to = (from + rng.range(1, 8) as usize).min(plain.len());
            let (first, last) = (rng.range(0, 300) as usize, rng.range(0, 300) as usize);
            let run = hole(name, &talk, &plain, from..to, first, last);
            check(name, &format!("hole {round}, segments {from} to {to}"), &d, &run);
        }
    }
}

/// The bytes of segments `of` are lost, but for the `first` of the first and the `last` of the last one.
fn hole(
    name: &str,
    talk: &Conversation,
    plain: &[Segment],
    of: std::ops::Range<usize>,
    first: usize,
    last: usize,
) -> Run {
    let mut bench = Bench::new();
    for (i, s) in plain.iter().enumerate() {
        if !of.contains(&i) {
            bench.segment(talk, s);
            continue;
        }
        let (first, last) = (first.min(s.payload.len()), last.min(s.payload.len()));
        if i == of.start && first > 0 {
            bench.part(talk, s, &s.payload[..first], s.seq);
        }
        if i + 1 == of.end && last > 0 {
            let at = s.payload.len() - last;
            bench.part(talk, s, &s.payload[at..], s.seq.wrapping_add(at as u32));
        }
    }
    bench.end(name)
}

#[test]
fn one_half_is_found_and_never_convicts() {
    let mut faults = Vec::new();
    for (name, _, d) in dialogues::all(16) {
        let talk = line(0, 3333);
        let all = segments(&talk, &d);
        for side in [Side::Client, Side::Server] {
            let half = mangle::one_way(all.clone(), side);
            // Once from the start, once from the middle, once with the other half's bytes lost but not its packets.
            let silent: Vec<_> = all
                .iter()
                .map(|s| if s.side == side { s.clone() } else { Segment { payload: Vec::new(), ..s.clone() } })
                .collect();
            for (how, seen) in [("whole", &half[..]), ("rest", &half[half.len() / 3..]), ("bytes", &silent)] {
                let run = some(name, &talk, seen);
                check(name, how, &d, &run);
                assert!(run.level() < Some(Verdict::Confirmed), "{name}, {how}, only {side:?}");
                let mute = MUTE.iter().any(|(n, s, _)| *n == name && *s == side);
                if how == "whole" && said(&d, side) {
                    match run.only(name) {
                        Some(f) if f.verdict >= Verdict::Suspected && may_be(&d, f.dialect) && !mute => {}
                        None if mute => {}
                        f => faults.push(format!("{name}, {side:?}: {:?}", f.map(|f| (f.dialect, f.verdict)))),
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Halves that say nothing which only miners or pools say: dialogue, side, and what it says.
const MUTE: &[(&str, Side, &str)] = &[
    ("cryptonote-refused", Side::Server, "one error, as any server may answer"),
    ("bitcoin-unauthorised", Side::Server, "two errors, as any server may answer"),
    ("getblocktemplate-monero", Side::Server, "templates as a node answers them to a wallet or a pool"),
    ("eth-getwork", Side::Server, "work as a node answers it to its monitor"),
    ("qubic", Side::Server, "a status, as any server may answer; what the pool's other messages are is not known"),
];

#[test]
fn worse_networks_never_convict_the_wrong_one() {
    let mut rng = Rng::new(17);
    for (name, _, d) in dialogues::all(17) {
        let d = short(&d);
        let talk = line(0, 3333);
        let plain = segments(&talk, &d);
        for round in 0..150 {
            let mut bad = plain.clone();
            for _ in 0..rng.range(1, 12) {
                let i = rng.range(0, bad.len() as u64) as usize;
                let len = bad[i].payload.len() as u64;
                match rng.range(0, 8) {
                    0 => drop(bad.remove(i)),
                    1 => bad.insert(i, bad[i].clone()),
                    2 if i > 0 => bad.swap(i, i - 1),
                    3 if len > 0 => bad[i].payload[rng.range(0, len) as usize] ^= rng.range(1, 256) as u8,
                    4 if len > 0 => bad[i].payload.truncate(rng.range(0, len) as usize),
                    5 => bad[i].seq = bad[i].seq.wrapping_add(rng.range(0, 9) as u32).wrapping_sub(4),
                    6 => bad[i].ack = bad[i].ack.wrapping_add(rng.range(0, 9000) as u32),
                    7 => bad[i].flags ^= rng.range(1, 32) as u8,
                    _ => bad[i].at += rng.range(0, 3000) * MILLI,
                }
            }
            let run = some(name, &talk, &bad);
            for f in &run.findings {
                assert!(f.verdict < Verdict::Confirmed || may_be(&d, f.dialect), "{name}, {round}: {}", f.dialect);
            }
        }
    }
}
