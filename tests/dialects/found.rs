//! Every dialogue is found, and what is said of it is what is true of it.

use std::time::Duration;

use minewatch::capture::{Frame, FrameRef, LinkType, SourceId};
use minewatch::decode::{DecodeOptions, Decoder};
use minewatch::evidence::{Code, Verdict};
use minewatch::flow::Limits;
use minewatch::health::Counter;
use minewatch::ledger::FlowFinding;
use minewatch::pipeline::{What, Worker};
use minewatch::time::PacketTime;

use crate::kit::carriage::{Carriage, ETHERNET};
use crate::kit::dialogue::{Dialogue, Stage};
use crate::kit::{dialogues, wire};
use crate::support2::inside::is_packed;
use crate::support2::{Bench, is_dialect, line, may_be, segments, whole};

/// What is wrong with a finding, if anything, given that all of the dialogue was seen.
pub(super) fn wrong(d: &Dialogue, f: &FlowFinding) -> Option<String> {
    let t = &d.truth;
    let verdict = match t.stage {
        Stage::Attempt => Verdict::Suspected..=Verdict::Probable,
        Stage::Session | Stage::Accepted => Verdict::Confirmed..=Verdict::Confirmed,
    };
    let mut wrong = Vec::new();
    let mut check = |ok: bool, what: String| {
        if !ok {
            wrong.push(what);
        }
    };
    check(is_dialect(d, f.dialect), format!("dialect {}", f.dialect));
    check(verdict.contains(&f.verdict), format!("verdict {}", f.verdict));
    check(f.stage.name() == t.stage.name(), format!("stage {} not {}", f.stage.name(), t.stage.name()));
    check(
        (f.shares.submitted, f.shares.accepted, f.shares.rejected) == (t.submitted, t.accepted, t.rejected),
        format!("{:?} not {}/{}/{}", f.shares, t.submitted, t.accepted, t.rejected),
    );
    // Two polls alone could be a monitor's; work that answered them is not counted when a third makes it a miner.
    let unsure = if f.dialect == "eth-getwork" { 2 } else { 0 };
    check(f.jobs + unsure == t.jobs, format!("{} jobs not {}", f.jobs, t.jobs));
    check(t.login.is_none() || f.login == t.login, format!("login {:?} not {:?}", f.login, t.login));
    check(f.wallet == t.wallet, format!("wallet {:?} not {:?}", f.wallet, t.wallet));
    check(t.worker.is_none() || f.worker == t.worker, format!("worker {:?} not {:?}", f.worker, t.worker));
    check(t.agent.is_none() || f.agent == t.agent, format!("agent {:?} not {:?}", f.agent, t.agent));
    check(t.coin.is_none() || f.coin.map(|c| c.0.ticker()) == t.coin, format!("coin {:?} not {:?}", f.coin, t.coin));
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

#[test]
fn every_dialogue_is_found_as_what_it_is() {
    let mut faults = Vec::new();
    for seed in [1, 7] {
        for (name, _, d) in dialogues::all(seed) {
            let run = whole(name, &d);
            match run.only(name) {
                None => faults.push(format!("{name} (seed {seed}): not found")),
                Some(f) => {
                    if let Some(w) = wrong(&d, f) {
                        faults.push(format!("{name} (seed {seed}): {w}"));
                    }
                    assert!(f.handshake_verified && !f.mid_stream && !f.one_way, "{name}");
                    // What was reached is also told while it is going on.
                    assert_eq!(run.alerts.iter().map(|a| a.verdict).max(), Some(f.verdict), "{name}");
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn frames_say_the_same_as_packets() {
    for (name, _, d) in dialogues::all(2) {
        let talk = line(0, 3333);
        let (mut decoder, mut worker) = (Decoder::new(DecodeOptions::default()), Worker::new(Limits::default()));
        for (s, n) in segments(&talk, &d).iter().zip(1_u32..) {
            let packet = wire::tcp(talk.address(s.side), talk.address(s.side.other()), s);
            let data = Carriage::Plain.frame(&packet, s.side, talk.client.ip(), [[10, 9, 0, 1].into(); 2], n);
            let frame = Frame {
                at: FrameRef { source: SourceId(0), number: n.into() },
                time: PacketTime::ZERO.plus(Duration::from_nanos(s.at)),
                link: LinkType(ETHERNET),
                data: &data,
                wire_len: data.len() as u32,
            };
            worker.packet(&decoder.decode(&frame).unwrap(), n.into());
        }
        worker.finish(u64::MAX);
        let framed = worker.take_events().into_iter().find_map(|e| match e.what {
            What::Flow(f) => Some(f),
            _ => None,
        });
        let bare = whole(name, &d);
        let key = |f: &FlowFinding| {
            (f.dialect, f.verdict, f.stage, f.login.clone(), f.shares, f.jobs, f.packets, f.evidence.len())
        };
        assert_eq!(framed.as_deref().map(key), bare.only(name).map(key), "{name}");
    }
}

#[test]
fn dialogues_at_the_same_time_do_not_disturb_each_other() {
    let all = dialogues::all(3);
    let talks: Vec<_> = (0..).zip(&all).map(|(n, _)| line(n, 3333)).collect();
    let mut mixed: Vec<_> =
        talks.iter().zip(&all).flat_map(|(t, (_, _, d))| segments(t, d).into_iter().map(move |s| (t, s))).collect();
    mixed.sort_by_key(|(_, s)| s.at);
    let mut bench = Bench::new();
    for (talk, s) in &mixed {
        bench.segment(talk, s);
    }
    let run = bench.end("all at once");
    assert_eq!(run.findings.len(), all.len());
    for f in &run.findings {
        let n = talks.iter().position(|t| t.client == f.miner).unwrap();
        let (name, _, d) = &all[n];
        assert_eq!(wrong(d, f), None, "{name}");
    }
    assert!(run.health.get(Counter::MiningMessages) > 1000);
}

#[test]
fn a_dialogue_that_is_picked_up_in_the_middle_is_still_found() {
    let (mut tried, mut quiet) = (0, Vec::new());
    for (name, _, d) in dialogues::all(4).into_iter().filter(|(_, _, d)| d.truth.stage == Stage::Accepted) {
        let talk = line(0, 3333);
        let all = segments(&talk, &d);
        let data: Vec<usize> = (0..all.len()).filter(|i| !all[*i].payload.is_empty()).collect();
        for share in [3, 4, 5] {
            // From a third, a half … on: at least half of the session is left.
            let from = data[data.len() / share];
            let run = crate::support2::some(name, &talk, &all[from..]);
            tried += 1;
            match run.only(name) {
                // Packed messages refer to ones that were not seen.
                None if is_packed(&d) => {}
                Some(f) if f.verdict >= Verdict::Probable && may_be(&d, f.dialect) => {
                    assert!(f.mid_stream && !f.handshake_verified, "{name}");
                    assert_eq!(f.miner, talk.client, "{name}");
                    assert!(f.evidence.iter().any(|e| e.code == Code::MidStream), "{name}");
                }
                other => quiet.push(format!("{name} from 1/{share}: {:?}", other.map(|f| (f.dialect, f.verdict)))),
            }
        }
    }
    assert!(tried > 60);
    assert!(quiet.is_empty(), "\n{}", quiet.join("\n"));
}
