//! Captures of real miners, nodes and everything else that nobody here made: every miner is found, nothing else is.
//!
//! One run of the program a file. Skipped, with a count, where the captures are missing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use support::corpus::{self, Ends, Truth, unordered};
use support::output::{Output, accuses, brief, ends, rank, verdict};
use support::run::{Run, replay_json};
use support::{Failures, parallel};

/// Tests in here that need the captures.
const TESTS: usize = 9;

/// A capture and what came out of it.
struct Replayed {
    /// Relative to the folder.
    file: PathBuf,
    run: Run,
    output: Result<Output, String>,
}

impl Replayed {
    /// Accused flows by their ends, in order of their first frame.
    fn accused(&self) -> BTreeMap<Ends, Vec<&Value>> {
        let mut by_ends: BTreeMap<Ends, Vec<&Value>> = BTreeMap::new();
        for flow in self.output.iter().flat_map(|o| o.of("miner_flow")).filter(|f| accuses(f)) {
            let (miner, pool) = ends(flow);
            by_ends.entry(unordered(miner, pool)).or_default().push(flow);
        }
        for flows in by_ends.values_mut() {
            flows.sort_by_key(|f| f["first_frame"].as_u64());
        }
        by_ends
    }
}

/// The whole corpus, replayed once for all tests.
struct Corpus {
    replayed: Vec<Replayed>,
    truth: BTreeMap<PathBuf, Vec<Truth>>,
}

static CORPUS: LazyLock<Option<Corpus>> = LazyLock::new(|| {
    let root = corpus::folder(TESTS)?;
    let files: Vec<PathBuf> = ["mining", "node", "benign"].iter().flat_map(|d| corpus::files(&root.join(d))).collect();
    assert!(!files.is_empty(), "no captures in {}", root.display());
    let replayed = parallel(&files, |path| {
        let run = replay_json(std::slice::from_ref(path), &[]);
        let output = Output::parse(&run.stdout);
        Replayed { file: path.strip_prefix(&root).unwrap().to_owned(), run, output }
    });
    Some(Corpus { replayed, truth: corpus::truth(&root) })
});

/// One mining flow of the truth with the flow that was reported for it.
struct Pair<'a> {
    file: &'a Path,
    truth: &'a Truth,
    found: Option<&'a Value>,
}

impl std::fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let t = self.truth;
        let [a, b] = t.ends();
        write!(f, "{} frame {} {a} - {b}", self.file.display(), t.first_frame)
    }
}

impl Corpus {
    /// Every flow that the payload shows to be mining. Flows between the same ends are paired in time order.
    fn pairs(&self) -> Vec<Pair<'_>> {
        let mut pairs = Vec::new();
        for r in &self.replayed {
            let accused = r.accused();
            let mut by_ends: BTreeMap<Ends, Vec<&Truth>> = BTreeMap::new();
            for t in self.truth.get(&r.file).into_iter().flatten().filter(|t| t.must_be_found()) {
                by_ends.entry(t.ends()).or_default().push(t);
            }
            for (ends, mut truths) in by_ends {
                truths.sort_by_key(|t| t.first_frame);
                let found = accused.get(&ends).map_or(&[][..], Vec::as_slice);
                for (i, truth) in truths.into_iter().enumerate() {
                    pairs.push(Pair { file: &r.file, truth, found: found.get(i).copied() });
                }
            }
        }
        assert!(pairs.len() > 2000, "the truth lists only {} mining flows", pairs.len());
        pairs
    }
}

#[test]
fn every_mining_flow_is_found() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    let mut recall: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for pair in corpus.pairs() {
        let (found, all) = recall.entry(pair.truth.dialect.as_deref().unwrap()).or_default();
        *all += 1;
        match pair.found {
            Some(_) => *found += 1,
            None => failures.add(&pair, format!("missed (the pool's answer: {:?})", pair.truth.pool_response)),
        }
    }
    for (dialect, (found, all)) in recall {
        corpus::say(&format!("recall {dialect}: {found}/{all}"));
    }
    failures.report();
}

/// What may be reported for the truth's wording.
fn dialects(truth: &Truth) -> &'static [&'static str] {
    match truth.dialect.as_deref().unwrap() {
        "monero-stratum (login)" => &["cryptonote"],
        // The truth calls all that says `mining.subscribe` by this one name. 25 of the sessions of the two cgminer
        // walks were at Ethash pools, which show it by a `mining.notify` of five elements: job, header hash, seed hash,
        // target, clean. A Bitcoin job has nine. cgminer cannot mine there, but that is what was spoken.
        "stratum-v1" if truth.notify_elements() == Some(5) => &["ethereum-stratum"],
        "stratum-v1" => &["bitcoin-v1"],
        "zcash-stratum (ZIP301)" => &["equihash"],
        "ethproxy" => &["ethproxy"],
        // The methods and headers are told apart per request, and the truth names what the server could do.
        "getblocktemplate/getwork over HTTP" | "getwork over HTTP" => &["getblocktemplate", "getwork"],
        other => panic!("the truth has a dialect that this test does not know: {other:?}"),
    }
}

#[test]
fn the_dialect_is_the_one_that_was_spoken() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    for pair in corpus.pairs() {
        let Some(found) = pair.found else { continue };
        let wanted = dialects(pair.truth);
        if !wanted.iter().any(|d| found["dialect"] == *d) {
            failures.differ(&pair, "dialect", &found["dialect"], format!("one of {wanted:?}"));
        }
    }
    failures.report();
}

#[test]
fn login_and_agent_are_as_sent() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    let mut compared = 0;
    for pair in corpus.pairs() {
        let Some(found) = pair.found else { continue };
        for (field, wanted) in [("login", &pair.truth.worker), ("agent", &pair.truth.agent)] {
            let Some(wanted) = wanted else { continue };
            compared += 1;
            if found[field] != **wanted {
                failures.differ(&pair, field, &found[field], format!("{wanted:?}"));
            }
        }
    }
    corpus::say(&format!("compared {compared} logins and agents"));
    assert!(compared > 2000, "only {compared} strings to compare");
    failures.report();
}

#[test]
fn delivered_work_is_a_session() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    for pair in corpus.pairs().iter().filter(|p| p.truth.pool_response.as_deref() == Some("work")) {
        let Some(found) = pair.found else { continue };
        if found["stage"] != "session" && found["stage"] != "accepted" {
            failures.differ(pair, "stage", &found["stage"], "session or accepted");
        }
    }
    failures.report();
}

/// A client that talks into silence proves nothing about a pool.
#[test]
fn silence_is_never_confirmed() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    for pair in corpus.pairs().iter().filter(|p| p.truth.pool_response.as_deref() == Some("none")) {
        let Some(found) = pair.found else { continue };
        if found["verdict"] == "confirmed" || found["stage"] != "attempt" {
            failures.add(pair, format!("the pool never answered, but it is {}", brief(found)));
        }
    }
    failures.report();
}

#[test]
fn nothing_else_is_accused() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    for r in &corpus.replayed {
        let file = r.file.display();
        let innocent_file = !r.file.starts_with("mining");
        for (ends, flows) in r.accused() {
            let truths: Vec<&Truth> =
                corpus.truth.get(&r.file).into_iter().flatten().filter(|t| t.ends() == ends).collect();
            // A flow that the truth does not list is invented, such as out of an ICMP error that quotes a packet.
            if innocent_file || truths.iter().all(|t| t.is_innocent()) {
                for flow in flows {
                    failures.add(&file, format!("accused: {}", brief(flow)));
                }
            }
        }
        for alert in r.output.iter().flat_map(|o| o.of("miner_alert")).filter(|a| innocent_file && accuses(a)) {
            failures.add(&file, format!("alert: {alert}"));
        }
    }
    failures.report();
}

/// Whom a host met is worth a line, never an accusation; and where nobody mines, no TLS is taken for mining.
#[test]
fn what_hosts_met_is_noted_and_no_more() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    let mut contacts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for r in &corpus.replayed {
        let top = r.file.iter().next().and_then(|f| f.to_str()).unwrap();
        for contact in r.output.iter().flat_map(|o| o.of("pool_contact")) {
            *contacts.entry((top, contact["kind"].as_str().unwrap())).or_default() += 1;
            if contact["verdict"] != "noted" {
                failures.add(r.file.display(), format!("a contact that accuses: {contact}"));
            }
        }
        let node = r.output.iter().flat_map(|o| o.of("pool_contact")).any(|c| c["kind"] == "node");
        if node != (top == "node") {
            failures.differ(r.file.display(), "a node", node, top == "node");
        }
        let unread = r.output.iter().flat_map(|o| o.of("miner_flow")).filter(|f| f["dialect"] == "encrypted");
        // A name alone says no more than `suspected`; with sizes and times that sound like mining it is more.
        let heard = |f: &Value| {
            let is_shape =
                |e: &Value| ["steady-exchange", "steady-pushes", "known-sizes"].contains(&e["code"].as_str().unwrap());
            f["evidence"].as_array().unwrap().iter().any(is_shape)
        };
        let most = |f: &Value| rank(if heard(f) { "probable" } else { "suspected" });
        for flow in unread.filter(|f| top == "benign" || verdict(f) > most(f)) {
            failures.add(r.file.display(), brief(flow));
        }
    }
    for ((top, kind), n) in contacts {
        corpus::say(&format!("{n:5} contacts of kind {kind} in {top}/"));
    }
    failures.report();
}

#[test]
fn every_file_is_read_to_a_clean_end() {
    let Some(corpus) = &*CORPUS else { return };
    let mut failures = Failures::default();
    let mut statuses: BTreeMap<Option<i32>, usize> = BTreeMap::new();
    for r in &corpus.replayed {
        let file = r.file.display();
        *statuses.entry(r.run.code).or_default() += 1;
        if r.run.hung {
            failures.add(&file, "hangs");
        }
        if r.run.stderr.contains("panicked") {
            failures.add(&file, &r.run.stderr);
        }
        let nothing_to_read = r.run.code == Some(2) && r.run.stdout.is_empty() && !r.run.stderr.is_empty();
        match &r.output {
            // A file that is no capture at all has no report.
            Err(_) if nothing_to_read => {}
            Err(e) => failures.add(&file, e),
            Ok(output) => {
                let health = output.health();
                if health["worker_panics"] != 0 {
                    failures.differ(&file, "worker_panics", &health["worker_panics"], 0);
                }
                let damaged = health["problems"].as_array().is_some_and(|p| !p.is_empty());
                let found = output.of("miner_flow").any(|f| verdict(f) > 0);
                let wanted = if damaged { 2 } else { i32::from(found) };
                if r.run.code != Some(wanted) {
                    failures.differ(&file, "exit status", format!("{:?}", r.run.code), wanted);
                }
                if damaged == r.run.stderr.is_empty() {
                    failures.add(&file, format!("damaged: {damaged}, but it says {:?}", r.run.stderr));
                }
            }
        }
    }
    corpus::say(&format!("{} captures by exit status: {statuses:?}", corpus.replayed.len()));
    failures.report();
}

/// How many flows of a program are written in which style.
#[test]
fn the_writing_style_agrees_with_the_agent() {
    let Some(corpus) = CORPUS.as_ref() else { return };
    let mut table: BTreeMap<(String, String), u32> = BTreeMap::new();
    for flow in corpus.replayed.iter().flat_map(|r| r.output.iter()).flat_map(|o| o.of("miner_flow")) {
        let text = |field: &str| flow[field].as_str().unwrap_or("-").to_owned();
        *table.entry((text("program"), text("style"))).or_default() += 1;
    }
    let mut failures = Failures::default();
    for ((program, style), flows) in &table {
        corpus::say(&format!("{flows:5} flows of {program} are written like {style}"));
        let unnamed = program == "-" || style == "-";
        if !unnamed && program != style.trim_end_matches('?') {
            failures.add(program, format!("{flows} flows are said to be written like {style}"));
        }
    }
    let agree = |program: &str, style: &str| table.get(&(program.to_owned(), style.to_owned())).copied().unwrap_or(0);
    for (program, least) in [("XMRig", 54), ("xmr-stak", 2), ("cgminer", 95), ("BFGMiner", 1)] {
        if agree(program, program) < least {
            failures.differ(program, "told by style", agree(program, program), format!("{least} at least"));
        }
    }
    if agree("XMRig", "-") > 0 {
        failures.differ("XMRig", "not told", agree("XMRig", "-"), 0);
    }
    failures.report();
}
