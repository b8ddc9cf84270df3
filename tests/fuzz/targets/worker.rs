//! Frames through decoder, workers, ledger and outputs. First byte: link type; then frames as in `decode`.
//!
//! Promises: no panic inside a worker either; three workers find what one finds; a one-way conversation convicts
//! nobody; every JSON line is one object, and neither output holds a character that a terminal obeys.

use minewatch::decode::{DecodeOptions, Decoder};
use minewatch::evidence::Verdict;
use minewatch::flow::{FlowHasher, Limits};
use minewatch::health::{Counter, Health};
use minewatch::intel::{Geo, Intel};
use minewatch::ledger::{Knowledge, Ledger, Overhearing};
use minewatch::pipeline::{Event, What, Worker};
use minewatch::sink::{self, Report, table::Style};
use minewatch::time::Clock;

use super::decode::frames;
use super::{Bytes, is_hostile};

/// Runs the frames through one worker and through three.
pub fn run(data: &[u8]) {
    let (events, health) = work(data, 1);
    let (others, _) = work(data, 3);
    let told = |events: &[Event]| {
        let mut all: Vec<_> = events.iter().map(|e| format!("{:?}", e.what)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(told(&events), told(&others), "the number of workers changes what is found");
    for event in &events {
        if let What::Flow(f) = &event.what {
            assert!(!f.one_way || f.verdict < Verdict::Confirmed, "convicted by one direction");
            assert!(f.handshake_verified <= !f.one_way, "a handshake of one end");
            assert!(f.packets > 0 && !f.evidence.is_empty());
            assert!(f.work.hashes.is_finite() && f.work.hashes >= 0.0);
        }
    }
    shown(events, health);
}

fn work(data: &[u8], n: usize) -> (Vec<Event>, Health) {
    let mut bytes = Bytes(data);
    let Some(kind) = bytes.u8() else { return (Vec::new(), Health::default()) };
    let mut decoder = Decoder::new(DecodeOptions::default());
    let mut workers: Vec<_> = (0..n)
        .map(|_| {
            let mut worker = Worker::new(Limits::default()).telling_claims(true);
            worker.set_intel(Intel::shipped());
            worker
        })
        .collect();
    let hasher = FlowHasher::new();
    let mut order = 0;
    let mut clock = Clock::default();
    for frame in frames(kind, &mut bytes) {
        order += 1;
        if let Some(now) = clock.see(frame.time) {
            for worker in &mut workers {
                worker.tick(now, order);
            }
        }
        if let Some(packet) = decoder.decode(&frame) {
            let to = hasher.pair(packet.tenant, packet.src, packet.dst) % n as u64;
            workers[to as usize].packet(&packet, order);
        }
    }
    let mut health = decoder.finish();
    let mut events = Vec::new();
    for worker in &mut workers {
        worker.finish(order);
        assert_eq!(worker.health().get(Counter::WorkerPanics), 0, "a panic in a worker");
        let found = worker.take_events();
        assert!(found.is_sorted_by_key(|e| e.order), "events out of order");
        events.extend(found);
        health.merge(worker.health());
    }
    (events, health)
}

/// What a user would read.
fn shown(events: Vec<Event>, health: Health) {
    if events.is_empty() {
        return;
    }
    let mut ledger = Ledger::default();
    let mut overhearing = Overhearing::default();
    let mut knowledge = Knowledge::new(Intel::shipped(), Geo::default());
    let (mut json, mut text) = (Vec::new(), Vec::new());
    let style = Style { width: Some(100), colour: false };
    let sources = vec!["input.pcap".to_owned()];
    for event in events {
        match event.what {
            What::Alert(mut alert) => {
                knowledge.name_alert(&mut alert);
                if let Some(alert) = ledger.alert(*alert) {
                    sink::json::alert(&mut json, &alert, &sources).unwrap();
                    sink::table::alert(&mut text, &alert, style).unwrap();
                }
            }
            What::Flow(mut flow) => {
                knowledge.enrich(&mut flow);
                ledger.flow(*flow);
            }
            What::Claim(mut flow) => {
                overhearing.recall(&mut flow);
                knowledge.enrich(&mut flow);
            }
            What::Beat(b) => overhearing.beat(&b.0, b.1),
            What::Job(job) => overhearing.job(&job),
            What::Unheard(u) => overhearing.end(&u),
            What::Overheard(heard) => {
                let over = heard.over;
                let mut flow = overhearing.weigh(*heard);
                knowledge.enrich(&mut flow);
                if over {
                    ledger.flow(flow);
                }
            }
            What::Unnamed(mut flow) => {
                overhearing.hello(&flow);
                if knowledge.leads_to_a_pool(&mut flow) {
                    ledger.flow(*flow);
                }
            }
            What::Lease(l) => knowledge.identities.learn(&l),
            What::Sighting(s) => ledger.sighting(*s),
            What::Aside(a) => ledger.aside(*a),
            What::LookUp(l) => {
                if let Some(s) = knowledge.look_up(&l) {
                    ledger.sighting(s);
                }
            }
        }
    }
    let dropped = ledger.dropped();
    let contacts = ledger.take_contacts(&knowledge);
    let hosts = ledger.into_hosts();
    let report = Report {
        hosts,
        contacts,
        relays: Vec::new(),
        blocks: None,
        health,
        sources,
        problems: Vec::new(),
        notes: Vec::new(),
        dropped,
    };
    sink::json::report(&mut json, &report, true).unwrap();
    sink::table::report(&mut text, &report, style).unwrap();
    for host in &report.hosts {
        sink::table::explain(&mut text, host, &report, style).unwrap();
    }
    let (json, text) = (String::from_utf8(json).unwrap(), String::from_utf8(text).unwrap());
    for line in json.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok_and(|v| v.is_object()), "{line}");
    }
    for c in json.chars().chain(text.chars()).filter(|c| *c != '\n') {
        assert!(!is_hostile(c), "{c:?} in an output");
    }
}

/// Dialects that are found in an input.
pub fn dialects(data: &[u8]) -> Vec<&'static str> {
    let (events, _) = work(data, 1);
    events.iter().filter_map(|e| if let What::Flow(f) = &e.what { Some(f.dialect) } else { None }).collect()
}
