//! What is not mining is never called so: not from its beginning, not from the middle, not by one half alone, not the
//! other way round, not after something else.

use minewatch::carrier::first_bytes;
use minewatch::evidence::Verdict;

use crate::kit::dialogue::{Dialogue, SECOND, Side};
use crate::kit::rng::Rng;
use crate::kit::{benign, mangle};
use crate::support2::deviate::{cut, joined};
use crate::support2::{Run, line, lookalikes, segments, some, whole};

fn everything(seed: u64) -> Vec<(&'static str, Dialogue)> {
    let kit = benign::all(seed).into_iter().map(|(name, _, d)| (name, d));
    // Asking a rig for its figures is inventory, a finding of its own kind.
    kit.chain(lookalikes::all(seed)).filter(|(name, _)| *name != "miner-management").collect()
}

/// What a run was wrongly taken for.
fn alarm(what: &str, run: &Run) -> Option<String> {
    let level = run.level().filter(|l| *l >= Verdict::Suspected)?;
    let texts = |f: &minewatch::ledger::FlowFinding| f.evidence.iter().map(|e| e.text.clone()).collect::<Vec<_>>();
    let why: Vec<_> = run.findings.iter().map(|f| (f.dialect, texts(f))).collect();
    Some(format!("{what}: {level}: {why:?}"))
}

fn none(alarms: Vec<Option<String>>) {
    let alarms: Vec<String> = alarms.into_iter().flatten().collect();
    let first = alarms.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(alarms.is_empty(), "{} alarms\n{first}", alarms.len());
}

/// The same words with the ends exchanged.
fn swapped(d: &Dialogue) -> Dialogue {
    let mut d = d.clone();
    for t in &mut d.turns {
        t.side = t.side.other();
    }
    d
}

fn after(first: &Dialogue, second: &Dialogue) -> Dialogue {
    let mut d = first.clone();
    let from = d.length() + SECOND;
    d.turns.extend(second.turns.iter().cloned().map(|mut t| {
        t.at += from;
        t
    }));
    d
}

#[test]
fn look_alikes_are_silent_from_the_beginning() {
    let mut alarms = Vec::new();
    for seed in [1, 2] {
        for (name, d) in everything(seed) {
            alarms.push(alarm(name, &whole(name, &d)));
            alarms.push(alarm(&format!("{name}, ends exchanged"), &whole(name, &swapped(&d))));
            alarms.push(alarm(&format!("{name}, in one go"), &whole(name, &joined(&d, u64::MAX))));
            alarms.push(alarm(
                &format!("{name}, in pieces"),
                &whole(name, &cut(&d, |rng, n| rng.range(1, n as u64 + 1) as usize, SECOND / 1000)),
            ));
        }
    }
    none(alarms);
}

#[test]
fn look_alikes_are_silent_from_the_middle_and_by_halves() {
    let mut alarms = Vec::new();
    for (name, d) in everything(3) {
        let talk = line(0, 3333);
        for (said, d) in [("", d.clone()), (", ends exchanged", swapped(&d))] {
            let all = segments(&talk, &d);
            for side in [Side::Client, Side::Server] {
                let half = mangle::one_way(all.clone(), side);
                alarms.push(alarm(&format!("{name}{said}, only {side:?}"), &some(name, &talk, &half)));
                let data: Vec<_> = half.iter().filter(|s| !s.payload.is_empty()).collect();
                alarms.push(alarm(&format!("{name}{said}, only data of {side:?}"), &some(name, &talk, data)));
            }
            for from in (0..all.len()).filter(|i| !all[*i].payload.is_empty()) {
                alarms.push(alarm(&format!("{name}{said}, from segment {from}"), &some(name, &talk, &all[from..])));
            }
        }
    }
    none(alarms);
}

#[test]
fn look_alikes_are_silent_one_after_the_other() {
    let mut alarms = Vec::new();
    // A connection that changes from JSON lines to HTTP, to mail or to a document is nobody's; within JSON lines or HTTP it
    // is a proxy's or a multiplexer's.
    let kind = |d: &Dialogue| format!("{:?}", first_bytes(&d.stream(Side::Client)));
    let all: Vec<_> = everything(4).into_iter().filter(|(_, d)| matches!(kind(d).as_str(), "Lines" | "Http")).collect();
    for (first, a) in &all {
        for (second, b) in all.iter().filter(|(_, b)| kind(a) == kind(b)) {
            alarms.push(alarm(&format!("{first}, then {second}"), &whole(first, &after(a, b))));
        }
    }
    let mut rng = Rng::new(9);
    for _ in 0..50 {
        let (mut names, mut d) = (Vec::new(), Dialogue::default());
        let first = kind(&all[rng.range(0, all.len() as u64) as usize].1);
        let like: Vec<_> = all.iter().filter(|(_, d)| kind(d) == first).collect();
        for _ in 0..8 {
            let (name, next) = like[rng.range(0, like.len() as u64) as usize];
            names.push(*name);
            d = after(&d, next);
        }
        alarms.push(alarm(&names.join(", "), &whole("a chain", &d)));
    }
    none(alarms);
}

#[test]
fn look_alikes_are_silent_when_damaged() {
    let mut alarms = Vec::new();
    let mut rng = Rng::new(10);
    for (name, d) in everything(5) {
        let talk = line(0, 3333);
        let all = segments(&talk, &d);
        for round in 0..60 {
            let mut damaged = all.clone();
            for _ in 0..rng.range(1, 6) {
                let at = rng.range(0, damaged.len() as u64) as usize;
                let n = damaged[at].payload.len() as u64;
                match rng.range(0, 3) {
                    0 => drop(damaged.remove(at)),
                    _ if n == 0 => {}
                    1 => damaged[at].payload[rng.range(0, n) as usize] ^= rng.range(1, 256) as u8,
                    _ => damaged[at].payload.truncate(rng.range(0, n) as usize),
                }
            }
            alarms.push(alarm(&format!("{name}, damaged {round}"), &some(name, &talk, &damaged)));
        }
    }
    none(alarms);
}
