//! Flows recorded elsewhere: real captures, cut into messages by whatever tool, as CSV like that of `--dump`.
//!
//! In: `flows.csv` (`id`, `label`, and if there `file` or `class`, `half`, `dialect`, `coin`) and `messages.csv` (`id`,
//! `t`, `way`, `size`) in a folder. Out: a report of what the detector says of them, as they are and with the octets of
//! a framing added.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use crate::figures::{Delays, MINUTES, minutes, percent, upper_bound};
use crate::judge::{Ours, judged};
use crate::tape::{Event, Framing, sort};
use crate::trial::each;

/// A flow with what is known of it.
struct Recorded {
    label: String,
    name: String,
    dialect: String,
    half: String,
    events: Vec<Event>,
}

/// Fields of a line; a field in quotes may hold commas.
fn fields(line: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    for c in line.trim_end_matches('\r').chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            _ => out.last_mut().into_iter().for_each(|f| f.push(c)),
        }
    }
    out
}

/// Lines of a file as maps from the names in its first line.
fn table(path: &Path) -> std::io::Result<Vec<HashMap<String, String>>> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let names = fields(lines.next().unwrap_or_default());
    Ok(lines.map(|l| names.iter().cloned().zip(fields(l)).collect()).collect())
}

fn read(folder: &Path) -> std::io::Result<Vec<Recorded>> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let mut messages: HashMap<String, Vec<Event>> = HashMap::new();
    let text = std::fs::read_to_string(folder.join("messages.csv"))?;
    for line in text.lines().skip(1) {
        let [id, at, way, size] = fields(line).try_into().map_err(|_| bad("messages.csv: not four fields"))?;
        let at = at.parse().map_err(|_| bad("messages.csv: no time"))?;
        let size = size.parse().map_err(|_| bad("messages.csv: no size"))?;
        messages.entry(id).or_default().push(Event { at, up: way == "U", size });
    }
    let mut flows = Vec::new();
    for row in table(&folder.join("flows.csv"))? {
        let get = |name: &str| row.get(name).cloned().unwrap_or_default();
        let mut events = messages.remove(&get("id")).unwrap_or_default();
        sort(&mut events);
        // Doubles hold seconds since 1970 to a tenth of a microsecond only; from the flow's start, all of it.
        let start = events.first().map_or(0.0, |e| e.at);
        for e in &mut events {
            e.at -= start;
        }
        let name = if row.contains_key("file") { get("file") } else { get("class") };
        flows.push(Recorded { label: get("label"), name, dialect: get("dialect"), half: get("half"), events });
    }
    Ok(flows)
}

/// Flows that last less are not asked for.
const LONG: f64 = 600.0;

pub(crate) fn report(folder: &Path) -> std::io::Result<String> {
    let flows = read(folder)?;
    let mut out = String::from("# Recorded flows, payload-blind\n");
    let framings = [Framing::Plain, Framing::Tls12, Framing::Tls12Cbc, Framing::Tls13];
    let _ = writeln!(
        out,
        "\nMining flows of ten minutes and more. Delay counts from the first message.\n\n| sizes | half | flows | 5 min | \
         10 min | 15 min | 30 min | 60 min | median | p90 |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    );
    let mut plain = Vec::new();
    for framing in framings {
        let verdicts = each(flows.len(), |n| {
            let mut events = flows[n].events.clone();
            framing.over(&mut events);
            judged(Ours::default(), &events)
        });
        let mut halves: BTreeMap<&str, Delays> = BTreeMap::new();
        for (flow, verdict) in flows.iter().zip(&verdicts) {
            if flow.label == "mining" && flow.events.last().is_some_and(|e| e.at >= LONG) {
                for half in [flow.half.as_str(), "all"] {
                    halves.entry(half).or_default().push(verdict.suspected);
                }
            }
        }
        for (half, d) in halves {
            let recalls = MINUTES.map(|m| percent(d.recall_by(m * 60.0))).join(" | ");
            let (median, p90) = (minutes(d.quantile(0.5)), minutes(d.quantile(0.9)));
            let name = if framing == Framing::Plain { "as recorded" } else { framing.name() };
            let _ = writeln!(out, "| {name} | {half} | {} | {recalls} | {median} | {p90} |", d.flows());
        }
        if framing == Framing::Plain {
            plain = verdicts;
        }
    }
    let _ = writeln!(
        out,
        "\n| dialect | flow | minutes | messages | suspected after | probable after | coin |\n|---|---|---:|---:|---:|---:|---|"
    );
    for (flow, v) in flows.iter().zip(&plain).filter(|(f, _)| f.label == "mining") {
        let _ = writeln!(
            out,
            "| {} | {} | {:.1} | {} | {} | {} | {} |",
            flow.dialect,
            flow.name,
            flow.events.last().map_or(0.0, |e| e.at / 60.0),
            flow.events.len(),
            minutes(v.suspected),
            minutes(v.probable),
            v.coin.as_ref().map_or("–", |(c, _)| c)
        );
    }
    for label in ["benign", "p2p-node", "unlabelled"] {
        let these: Vec<_> = flows.iter().zip(&plain).filter(|(f, _)| f.label == label).collect();
        let loud: Vec<_> = these.iter().filter(|(_, v)| v.suspected.is_some()).collect();
        let (n, k) = (these.len() as u64, loud.len() as u64);
        let _ = writeln!(out, "\n{label}: {k} of {n} suspected, at most {:.2} % (95 %).", upper_bound(n, k) * 100.0);
        for (flow, v) in loud {
            let _ = writeln!(out, "* {}: {}", flow.name, v.reasons.join("; "));
        }
    }
    Ok(out)
}
