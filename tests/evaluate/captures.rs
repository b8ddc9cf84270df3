//! Real captures through the program's own path from frames to rhythms, with payloads, names and ports hidden.
//!
//! In: a folder with `mining/`, `benign/`, `node/` and `truth.json`, which says per file what each flow is (`label`,
//! `client`, `client_port`, `server`, `server_port`, `duration`, `dialect`). Out: a report. Without a folder or without
//! its truth there is nothing to say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};

use minewatch::capture::{Inputs, Options};
use minewatch::detect::Party;
use minewatch::pipeline::{RunOptions, What, run};
use minewatch::rhythm::{Beat, Standing};
use minewatch::time::PacketTime;
use serde_json::Value;

use crate::figures::{Delays, MINUTES, minutes, percent, upper_bound};
use crate::nulls::{self, Beating};
use crate::trial::each;

/// What was heard of one flow of a file.
#[derive(Clone, Default)]
struct Heard {
    first: PacketTime,
    last: PacketTime,
    suspected: Option<PacketTime>,
    probable: Option<PacketTime>,
    coin: Option<&'static str>,
    why: Vec<String>,
    party: Option<Party>,
    beats: Vec<Beat>,
}

type Ends = (SocketAddr, SocketAddr);

/// All flows of a capture that last and are slow: those that something was said of, and how many there are in all.
fn listen(file: &Path) -> (BTreeMap<Ends, Heard>, u64) {
    let mut silent = 0;
    let mut heard: BTreeMap<Ends, Heard> = BTreeMap::new();
    let mut beats: BTreeMap<Party, Vec<Beat>> = BTreeMap::new();
    let Ok(inputs) = Inputs::open(&[file.to_owned()], Options::default()) else { return (heard, 0) };
    let (tx, mut rx) = tokio::sync::mpsc::channel(64);
    let (stop, frames) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let tx = tx;
            run(inputs, &RunOptions { blind: true, ..RunOptions::default() }, &stop, &frames, &tx)
        });
        while let Some(batch) = rx.blocking_recv() {
            for event in batch.events {
                let o = match event.what {
                    What::Overheard(o) => o,
                    What::Unheard(_) => {
                        silent += 1;
                        continue;
                    }
                    What::Beat(beat) => {
                        beats.entry(beat.0).or_default().push(beat.1);
                        continue;
                    }
                    _ => continue,
                };
                let flow = heard.entry((o.finding.miner, o.finding.pool)).or_default();
                if flow.first == PacketTime::ZERO {
                    flow.first = o.finding.first.time;
                }
                flow.last = o.at.time;
                flow.party = Some(o.party);
                flow.coin = o.tone.coins.iter().next().map(|fit| fit.coin.symbol).or(flow.coin);
                if o.tone.level >= Standing::Suspected && flow.suspected.is_none() {
                    flow.suspected = Some(o.at.time);
                    flow.why = o.tone.witnesses.iter().map(|w| format!("{w} [{:+.1}]", w.weight)).collect();
                }
                if o.tone.level >= Standing::ProbableEligible && flow.probable.is_none() {
                    flow.probable = Some(o.at.time);
                }
            }
        }
    });
    for flow in heard.values_mut() {
        flow.beats = flow.party.and_then(|party| beats.remove(&party)).unwrap_or_default();
    }
    let all = heard.len() as u64 + silent;
    (heard, all)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// A flow as the truth has it.
struct True {
    label: String,
    dialect: String,
    seconds: f64,
    client: SocketAddr,
    server: SocketAddr,
}

fn truths(file: &Value) -> Vec<True> {
    let end = |flow: &Value, who: &str| {
        let ip = flow[who].as_str()?.parse().ok()?;
        Some(SocketAddr::new(ip, flow[format!("{who}_port")].as_u64()? as u16))
    };
    let text = |flow: &Value, what: &str| flow[what].as_str().unwrap_or_default().to_owned();
    let flow = |flow: &Value| {
        Some(True {
            label: text(flow, "label"),
            dialect: text(flow, "dialect"),
            seconds: flow["duration"].as_f64()?,
            client: end(flow, "client")?,
            server: end(flow, "server")?,
        })
    };
    file["flows"].as_array().into_iter().flatten().filter_map(flow).collect()
}

/// Flows that last less are not asked for.
const LONG: f64 = 600.0;

pub(crate) fn report(folder: &Path) -> std::io::Result<String> {
    let truth: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("truth.json"))?)?;
    let truth: Vec<&Value> = truth.as_array().into_iter().flatten().collect();
    let mut out = String::from("# Real captures, payload-blind\n");
    let _ = writeln!(
        out,
        "\nMining flows of ten minutes and more. Delay counts from when the flow was first listened to: half a minute into \
         it, as short and fast flows cost nothing. One flow at a time: no feed, no other flow.\n\n| dialect | file | minutes | suspected after | probable after | coin \
         |\n|---|---|---:|---:|---:|---|"
    );
    let mining: Vec<_> =
        truth.iter().filter(|t| t["file"].as_str().is_some_and(|f| f.starts_with("mining/"))).collect();
    let heard = each(mining.len(), |n| listen(&folder.join(mining[n]["file"].as_str().unwrap_or_default())));
    let (mut delays, mut wrong, mut beating) = (Delays::default(), Vec::new(), Vec::new());
    for (file, (heard, _)) in mining.iter().zip(&heard) {
        let name = file["file"].as_str().unwrap_or_default();
        let truths = truths(file);
        for t in truths.iter().filter(|t| t.label == "mining" && t.seconds >= LONG) {
            let h = heard.get(&(t.client, t.server)).or_else(|| heard.get(&(t.server, t.client)));
            let after = |at: Option<PacketTime>| Some(at?.since(h?.first).as_secs_f64());
            let (suspected, probable) = (h.and_then(|h| after(h.suspected)), h.and_then(|h| after(h.probable)));
            delays.push(suspected);
            if let Some((h, party)) = h.and_then(|h| Some((h, h.party?)))
                && t.dialect.starts_with("monero")
            {
                beating.push(Beating { party, beats: h.beats.clone() });
            }
            let _ = writeln!(
                out,
                "| {} | {name} | {:.1} | {} | {} | {} |",
                t.dialect,
                t.seconds / 60.0,
                minutes(suspected),
                minutes(probable),
                h.and_then(|h| h.coin).unwrap_or("–")
            );
        }
        // What is mining or near it is no false alarm, whatever its length.
        for ((client, server), h) in heard.iter().filter(|(_, h)| h.suspected.is_some()) {
            let known = |t: &&True| [(t.client, t.server), (t.server, t.client)].contains(&(*client, *server));
            if truths.iter().find(known).is_none_or(|t| !t.label.starts_with("mining")) {
                wrong.push(format!("{name}: {}", h.why.join("; ")));
            }
        }
    }
    let recalls = MINUTES.map(|m| percent(delays.recall_by(m * 60.0))).join(" | ");
    let _ = writeln!(
        out,
        "\n| flows | 5 min | 10 min | 15 min | 30 min | 60 min | ever | median | p90 |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n| {} | \
         {recalls} | {} | {} | {} |",
        delays.flows(),
        percent(delays.recall_by(f64::INFINITY)),
        minutes(delays.quantile(0.5)),
        minutes(delays.quantile(0.9))
    );
    out.push_str(&nulls::report(&beating));
    let _ = writeln!(out, "\nOther flows of the same files that were suspected: {}.", wrong.len());
    for w in &wrong {
        let _ = writeln!(out, "* {w}");
    }
    for kind in ["benign", "node"] {
        let all = files(&folder.join(kind));
        let heard = each(all.len(), |n| listen(&all[n]));
        let flows: Vec<_> = all.iter().zip(&heard).flat_map(|(f, (h, _))| h.values().map(move |h| (f, h))).collect();
        let loud: Vec<_> = flows.iter().filter(|(_, h)| h.suspected.is_some()).collect();
        let (n, k) = (heard.iter().map(|(_, all)| all).sum(), loud.len() as u64);
        let _ = writeln!(
            out,
            "\n{kind}: of {} files, {n} flows of half a minute and more that are slow; {k} suspected, at most {:.2} % \
             (95 %).",
            all.len(),
            upper_bound(n, k) * 100.0
        );
        for (file, h) in loud {
            let name = file.strip_prefix(folder).unwrap_or(file);
            let _ = writeln!(out, "* {}: {}", name.display(), h.why.join("; "));
        }
    }
    Ok(out)
}
