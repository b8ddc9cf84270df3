//! Every capture of the project against the text beside it: what is expected is found, and nothing else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "../pcaps/generate/kit.rs"]
mod kit;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use kit::expect::{Contact, Expect, Flow, Known, Refused};
use serde_json::{Value, json};
use support::output::{Output, accuses, brief, endpoint, ends, forget_names, rank, verdict};
use support::run::{Run, minewatch, replay_json};
use support::{Failures, corpus, lists, parallel, pcaps};

/// A capture with its expectation.
struct Golden {
    name: String,
    expect: Expect,
    files: Vec<PathBuf>,
}

/// How tenants are told apart in a replay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tenants {
    Tunnel,
    Vlan,
}

impl Tenants {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Tunnel => &[],
            Self::Vlan => &["--tenant", "vlan"],
        }
    }

    /// What a tenant is in this mode: a VLAN is one only when asked for.
    fn of(self, tenant: &str) -> Option<&str> {
        (self == Self::Vlan || !tenant.starts_with("vlan:")).then_some(tenant)
    }

    /// The tenant that a flow has in this mode, where the expectation states one.
    fn of_flow(self, flow: &Flow) -> Option<Value> {
        Some(self.of(flow.tenant.as_deref()?).into())
    }
}

fn goldens() -> Vec<Golden> {
    let texts = corpus::files(&pcaps()).into_iter().filter(|f| f.to_string_lossy().ends_with(".expect.json"));
    let all: Vec<Golden> = texts
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".expect.json").to_owned();
            let expect = Expect::from_text(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let files = expect.files.iter().map(|f| pcaps().join(f)).collect();
            Golden { name, expect, files }
        })
        .collect();
    assert!(!all.is_empty(), "no expectation in {}", pcaps().display());
    all
}

/// Whether the expectation speaks of a tenant that is a VLAN.
fn by_vlan(g: &Golden) -> bool {
    g.expect.flows.iter().any(|f| f.tenant.as_deref().is_some_and(|t| t.starts_with("vlan:")))
}

impl Golden {
    /// The options that it is to be replayed with, and these.
    fn options<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        self.expect.options.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }
}

/// Replays; what is not to be read is a failure.
fn replay(of: &str, files: &[PathBuf], arguments: &[&str], failures: &mut Failures) -> Option<(Run, Output)> {
    let run = replay_json(files, arguments);
    if run.hung || !run.stderr.is_empty() {
        failures.add(of, format!("hung: {}, standard error: {:?}", run.hung, run.stderr));
    }
    match Output::parse(&run.stdout) {
        Ok(output) => Some((run, output)),
        Err(e) => {
            failures.add(of, e);
            None
        }
    }
}

#[test]
fn every_capture_gives_what_the_text_beside_it_says() {
    let goldens = goldens();
    let mut failures = Failures::default();
    for found in parallel(&goldens, |g| {
        let mut failures = Failures::default();
        check(g, Tenants::Tunnel, &mut failures);
        if by_vlan(g) {
            check(g, Tenants::Vlan, &mut failures);
        }
        failures
    }) {
        failures.extend(found);
    }
    failures.report();
}

fn check(g: &Golden, tenants: Tenants, failures: &mut Failures) {
    let of = if tenants == Tenants::Vlan { format!("{} (--tenant vlan)", g.name) } else { g.name.clone() };
    let Some((run, output)) = replay(&of, &g.files, &g.options(tenants.arguments()), failures) else { return };

    let mut rest: Vec<&Value> = output.of("miner_flow").collect();
    for want in &g.expect.flows {
        let tenant = tenants.of_flow(want);
        let at = rest.iter().position(|got| is_same(want, got) && tenant.as_ref().is_none_or(|t| got["tenant"] == *t));
        match at {
            Some(i) => compare(&of, want, rest.remove(i), failures),
            None if want.required => failures.add(&of, format!("not found: {}:{}", want.miner, want.miner_port)),
            None => {}
        }
    }
    for unlisted in rest.iter().filter(|f| accuses(f)) {
        failures.add(&of, format!("not listed, but reported: {}", brief(unlisted)));
    }
    for alert in output.of("miner_alert").filter(|a| accuses(a)) {
        let most = g.expect.flows.iter().filter(|w| is_same(w, alert)).map(|w| w.verdict_at_most.as_deref()).max();
        match most {
            None => failures.add(&of, format!("an alert of what is not listed: {alert}")),
            Some(Some(most)) if verdict(alert) > rank(most) => {
                failures.differ(&of, "alert", &alert["verdict"], format!("{most} at most"));
            }
            Some(_) => {}
        }
    }
    check_contacts(&of, g, &output, tenants, failures);
    check_hosts(&of, &output, failures);
    check_health(&of, &g.expect, output.health(), failures);

    let accused = output.of("miner_flow").any(accuses);
    let wanted = i32::from(accused);
    if run.code != Some(wanted) {
        failures.differ(&of, "exit status", format!("{:?}", run.code), wanted);
    }
    // Addresses between which tunnels run belong to the sensor, and in no output.
    if run.text().contains("\"10.9.") {
        failures.add(&of, "the address of a tunnel's end is in the output");
    }
}

fn is_same(want: &Flow, got: &Value) -> bool {
    let (miner, pool) = ends(got);
    miner.ip().to_string() == want.miner
        && miner.port() == want.miner_port
        && pool.ip().to_string() == want.pool
        && pool.port() == want.pool_port
}

/// Compares everything that is stated.
fn compare(of: &str, want: &Flow, got: &Value, failures: &mut Failures) {
    // All members by name, so that a new one cannot be forgotten here.
    let Flow { miner, miner_port, pool: _, pool_port: _, tenant: _, dialect, required, verdict_at_least, .. } = want;
    let Flow { verdict_at_most, stage, coin, login, wallet, worker, agent, style, shares, hashrate_between, .. } = want;
    let Flow { one_way, mid_stream, handshake_verified, vlans, wrapped, .. } = want;
    let Flow { names, known, shared_front, tls, evidence, no_evidence, .. } = want;
    let of = format!("{of}: {miner}:{miner_port}");

    if let Some(least) = verdict_at_least
        && verdict(got) < rank(least)
    {
        failures.differ(&of, "verdict", &got["verdict"], format!("{least} at least"));
    }
    if let Some(most) = verdict_at_most
        && verdict(got) > rank(most)
    {
        failures.differ(&of, "verdict", &got["verdict"], format!("{most} at most"));
    }
    if !required && !accuses(got) {
        // Nothing is said about it, so nothing is wrong about it.
        return;
    }
    if !dialect.iter().any(|d| got["dialect"] == **d) {
        failures.differ(&of, "dialect", &got["dialect"], format!("one of {dialect:?}"));
    }
    let texts = [("stage", stage), ("coin", coin), ("login", login), ("wallet", wallet), ("worker", worker)];
    for (field, want) in texts.into_iter().chain([("agent", agent), ("style", style)]) {
        if let Some(want) = want
            && got[field] != **want
        {
            failures.differ(&of, field, &got[field], format!("{want:?}"));
        }
    }
    let flags = [("one_way", one_way), ("mid_stream", mid_stream), ("handshake_verified", handshake_verified)];
    for (field, want) in flags {
        if let Some(want) = want
            && got[field] != *want
        {
            failures.differ(&of, field, &got[field], want);
        }
    }
    if let Some(s) = shares {
        let want = json!({"submitted": s.submitted, "accepted": s.accepted, "rejected": s.rejected});
        if got["shares"] != want {
            failures.differ(&of, "shares", &got["shares"], want);
        }
    }
    if let Some([low, high]) = hashrate_between {
        let rate = &got["hashrate"];
        let [l, e, h] = ["low", "estimate", "high"].map(|m| rate[m].as_f64().unwrap_or(f64::NAN));
        if !(low..=high).contains(&&e) {
            failures.differ(&of, "hashrate.estimate", rate, format!("between {low} and {high}"));
        }
        if !(l <= e && e <= h) {
            failures.differ(&of, "hashrate", rate, "low <= estimate <= high");
        }
    }
    if !vlans.is_empty() {
        let ids: BTreeSet<u64> = got["vlans"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        if ids != vlans.iter().map(|v| u64::from(*v)).collect() {
            failures.differ(&of, "vlans", &got["vlans"], format!("{vlans:?}"));
        }
    }
    if !wrapped.is_empty() && got["wrapped"] != json!(wrapped) {
        failures.differ(&of, "wrapped", &got["wrapped"], json!(wrapped));
    }
    if let Some(names) = names {
        let got: Vec<&str> = got["names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if got != *names {
            failures.differ(&of, "names", format!("{got:?}"), format!("{names:?}"));
        }
    }
    let said = [&got["known"]["name"], &got["known"]["role"]].map(|v| v.as_str().unwrap_or("-"));
    match known {
        Some(Known::Pool(name, role)) if said != [name, role] => {
            failures.differ(&of, "known", format!("{said:?}"), format!("{name} {role}"));
        }
        Some(Known::Nobody) if !got["known"].is_null() => failures.differ(&of, "known", &got["known"], "nothing"),
        _ => {}
    }
    if got["shared_front"].as_str() != shared_front.as_deref() {
        failures.differ(&of, "shared_front", &got["shared_front"], format!("{shared_front:?}"));
    }
    for (member, want) in tls.iter().filter(|(member, want)| got["tls"][*member] != **want) {
        failures.differ(&of, member, &got["tls"][member], want);
    }
    let codes: Vec<&str> =
        got["evidence"].as_array().into_iter().flatten().filter_map(|e| e["code"].as_str()).collect();
    for code in evidence.iter().filter(|code| !codes.contains(&code.as_str())) {
        failures.differ(&of, "evidence", format!("{codes:?}"), format!("{code} among it"));
    }
    for code in no_evidence.iter().filter(|code| codes.contains(&code.as_str())) {
        failures.differ(&of, "evidence", format!("{codes:?}"), format!("{code} not among it"));
    }
}

/// Every contact is expected, every expected one is there, and none is an accusation.
fn check_contacts(of: &str, g: &Golden, output: &Output, tenants: Tenants, failures: &mut Failures) {
    let mut wanted = g.expect.contacts.clone();
    for contact in &mut wanted {
        contact.tenant = contact.tenant.take().and_then(|t| tenants.of(&t).map(str::to_owned));
    }
    wanted.sort();
    let mut got: Vec<Contact> = output.of("pool_contact").map(contact).collect();
    got.sort();
    for missing in wanted.iter().filter(|w| !got.contains(w)) {
        failures.add(of, format!("not noted: {missing:?}"));
    }
    for extra in got.iter().filter(|g| !wanted.contains(g)) {
        failures.add(of, format!("noted, but not expected: {extra:?}"));
    }
    if got.len() != wanted.len() {
        failures.differ(of, "contacts", got.len(), wanted.len());
    }
    for line in output.of("pool_contact").filter(|line| accuses(line)) {
        failures.add(of, format!("a contact that accuses: {line}"));
    }
}

/// A `pool_contact` line, as far as it is expected.
fn contact(line: &Value) -> Contact {
    let text = |v: &Value| v.as_str().unwrap_or_else(|| panic!("no text: {line}")).to_owned();
    let list = |v: &Value, member: &dyn Fn(&Value) -> Value| {
        let mut list: Vec<String> = v.as_array().into_iter().flatten().map(|v| text(&member(v))).collect();
        list.sort();
        list
    };
    Contact {
        host: text(&line["ip"]),
        tenant: line["tenant"].as_str().map(str::to_owned),
        pool: text(&line["pool"]),
        kind: text(&line["kind"]),
        codes: list(&line["evidence"], &|e| e["code"].clone()),
        names: list(&line["names"], &Value::clone),
    }
}

/// A host's line follows its flows and is as strong as the strongest of them.
fn check_hosts(of: &str, output: &Output, failures: &mut Failures) {
    let mut flows: Vec<&Value> = Vec::new();
    for line in &output.lines {
        if line["event_type"] == "miner_flow" {
            flows.push(line);
        } else if line["event_type"] == "miner_host" {
            let same = flows.iter().all(|f| f["src_ip"] == line["ip"] && f["tenant"] == line["tenant"]);
            let strongest = flows.iter().map(|f| verdict(f)).max();
            if !same || strongest != Some(verdict(line)) || line["flows"] != flows.len() {
                failures
                    .add(of, format!("the host {} does not go with the {} flows before it", line["ip"], flows.len()));
            }
            flows.clear();
        }
    }
    if !flows.is_empty() {
        failures.add(of, "flows without their host");
    }
}

fn check_health(of: &str, expect: &Expect, health: &Value, failures: &mut Failures) {
    let exact = expect.health.iter().map(|(name, n)| (name.as_str(), *n)).chain([("frames", expect.frames)]);
    for (name, want) in exact {
        if health[name].as_u64() != Some(want) {
            failures.differ(of, name, &health[name], want);
        }
    }
    for (name, want) in &expect.health_at_least {
        if health[name].as_u64().is_none_or(|got| got < *want) {
            failures.differ(of, name, &health[name], format!("{want} at least"));
        }
    }
    // A capture that is whole and of a kind that is read has nothing to complain about, and no worker fails.
    for (name, want) in [("problems", json!([])), ("skipped", json!({})), ("worker_panics", json!(0))] {
        if health[name] != want {
            failures.differ(of, name, &health[name], want);
        }
    }
}

/// A person is told once: in the table that a host mines somewhere, or below it what else it met.
#[test]
fn what_is_noted_beside_is_not_in_the_table() {
    for (name, noted) in [
        ("names-then-mining", None),
        ("names-resolver", Some("Noted beside, no alarm: 2")),
        ("encrypted-by-name", Some("Noted beside, no alarm: 1")),
        ("encrypted-by-look-up", None),
        ("encrypted-through-proxy", Some("Noted beside, no alarm: 2")),
    ] {
        let file = pcaps().join(format!("{name}.pcap"));
        let run = minewatch(["replay", "--feeds", "pcaps/feed.toml", file.to_str().unwrap()]);
        let said = run.text().lines().find(|l| l.starts_with("Noted beside"));
        assert_eq!(said, noted, "{name}:\n{}", run.text());
    }
}

#[test]
fn block_lists_hold_what_they_must_and_nothing_else() {
    let goldens = goldens();
    let mut failures = Failures::default();
    for found in parallel(&goldens, |g| {
        let mut failures = Failures::default();
        check_blocks(g, &mut failures);
        failures
    }) {
        failures.extend(found);
    }
    failures.report();
}

fn check_blocks(g: &Golden, failures: &mut Failures) {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    let mut arguments = g.options(&["--allow-documentation-ranges", "--blocklist", list.to_str().unwrap()]);
    for format in ["nft", "ipset", "iptables", "plain"] {
        arguments.extend(["--format", format]);
    }
    let Some((_, output)) = replay(&g.name, &g.files, &arguments, failures) else { return };

    let wanted: BTreeSet<String> = g.expect.blocked.iter().cloned().collect();
    let overlooked = proxies(&g.expect, !gate_knows_proxies());
    let addresses = |set: &BTreeSet<String>| -> BTreeSet<String> {
        set.iter().map(|e| e.parse::<std::net::SocketAddr>().unwrap().ip().to_string()).collect()
    };
    let text = |extension: &str| fs::read_to_string(format!("{}.{extension}", list.display())).unwrap();
    let plain = lists::plain(&text("txt")).map(|set| set.iter().map(ToString::to_string).collect::<BTreeSet<_>>());
    for (format, held, wanted) in [
        ("blocked lines", Ok(output.endpoints("blocked")), &wanted),
        ("nft", lists::nft(&text("nft")), &wanted),
        ("ipset", lists::ipset(&text("ipset")), &wanted),
        ("iptables", lists::iptables(&text("iptables"), &text("iptables.v6")), &wanted),
        ("plain", plain, &addresses(&wanted)),
    ] {
        let known = if format == "plain" { addresses(&overlooked) } else { overlooked.clone() };
        match held.map(|held| held.difference(&known).cloned().collect::<BTreeSet<_>>()) {
            Ok(held) if held == *wanted => {}
            Ok(held) => failures.differ(&g.name, format, format!("{held:?}"), format!("{wanted:?}")),
            Err(e) => failures.differ(&g.name, format, e, format!("{wanted:?}")),
        }
    }
    check_refusals(g, &output, failures);
}

/// Whether the gate has a reason of its own for proxies.
fn gate_knows_proxies() -> bool {
    include_str!("../src/firewall/reason.rs").contains("\"proxy\"")
}

/// Endpoints that only a gate which knows proxies refuses, if `wanted`.
fn proxies(expect: &Expect, wanted: bool) -> BTreeSet<String> {
    let refused = expect.refused.iter().filter(|r| wanted && r.reason == "proxy");
    refused.map(|r| r.endpoint.clone()).collect()
}

fn check_refusals(g: &Golden, output: &Output, failures: &mut Failures) {
    let refused = |of: &str| -> BTreeSet<&str> {
        let lines = output.of("block_refused").filter(|l| endpoint(l, "ip", "port").to_string() == of);
        lines.filter_map(|l| l["reason"].as_str()).collect()
    };
    let overlooked = proxies(&g.expect, !gate_knows_proxies());
    for Refused { endpoint: to, reason } in g.expect.refused.iter().filter(|r| !overlooked.contains(&r.endpoint)) {
        let code = match reason.as_str() {
            "verdict_too_low" => "below-level",
            "one_way" => "one-way",
            "no_handshake" => "no-handshake",
            "datagrams" => "datagrams",
            "no_answer" => "no-peer-reply",
            "private_address" => "special-purpose",
            "proxy" => "proxy",
            "shared_front" => "shared-front",
            other => panic!("{}: {other:?} is no reason", g.name),
        };
        let reasons = refused(to);
        // Where saying nothing is right, there is nothing to refuse either.
        let silent = output.of("miner_flow").all(|f| ends(f).1.to_string() != *to)
            && g.expect.flows.iter().all(|f| !f.required || format!("{}:{}", f.pool, f.pool_port) != *to);
        // A proxy inside, or one that is not sure enough, is called a proxy.
        let proxy = matches!(code, "special-purpose" | "below-level") && reasons.contains("proxy");
        let right = reasons.contains(code) || proxy || (silent && reasons.is_empty());
        if !right {
            failures.differ(&g.name, &format!("refusal of {to}"), format!("{reasons:?}"), code);
        }
    }
    // Nothing that mines vanishes between the two lists.
    let told: BTreeSet<String> =
        output.endpoints("blocked").union(&output.endpoints("block_refused")).cloned().collect();
    // Who asks a rig is no pool.
    let asked: BTreeSet<String> = output
        .of("miner_flow")
        .filter(|f| f["category"] == "inventory")
        .map(|f| ends(f).1.to_string())
        .filter(|e| told.contains(e))
        .collect();
    if !asked.is_empty() {
        failures.add(&g.name, format!("an asker of rigs is told as a pool: {asked:?}"));
    }
    for flow in output.of("miner_flow").filter(|f| accuses(f) && f["category"] != "inventory") {
        if !told.contains(&ends(flow).1.to_string()) {
            failures.add(&g.name, format!("neither blocked nor refused: {}", brief(flow)));
        }
    }
}

#[test]
fn a_replay_of_the_whole_folder_finds_what_single_replays_find() {
    let goldens = goldens();
    let mut failures = Failures::default();
    let singles = parallel(&goldens, |g| {
        let mut failures = Failures::default();
        let output = replay(&g.name, &g.files, &g.options(&[]), &mut failures).map(|(_, o)| o).unwrap_or_default();
        (output, failures)
    });
    let mut wanted = Vec::new();
    let mut frames = 0;
    for (output, found) in singles {
        failures.extend(found);
        frames += output.health()["frames"].as_u64().unwrap();
        wanted.extend(findings(&output));
    }
    wanted.sort();

    // What one capture needs to be known changes nothing in the others.
    let options: BTreeSet<&Vec<String>> = goldens.iter().map(|g| &g.expect.options).collect();
    let options: Vec<&str> = options.into_iter().flatten().map(String::as_str).collect();
    let Some((run, output)) = replay("pcaps/", &[pcaps()], &options, &mut failures) else { return failures.report() };
    let got = findings(&output);
    for missing in wanted.iter().filter(|w| got.binary_search(w).is_err()) {
        failures.add("only in a single replay", missing);
    }
    for extra in got.iter().filter(|g| wanted.binary_search(g).is_err()) {
        failures.add("only in the replay of the folder", extra);
    }
    if output.health()["frames"] != frames {
        failures.differ("pcaps/", "frames", &output.health()["frames"], frames);
    }
    if run.code != Some(1) {
        failures.differ("pcaps/", "exit status", format!("{:?}", run.code), 1);
    }
    failures.report();
}

/// Flows, hosts, contacts and alerts without names of inputs, sorted.
fn findings(output: &Output) -> Vec<String> {
    let kinds = ["miner_flow", "miner_host", "miner_alert", "pool_contact", "relay"];
    let mut all: Vec<String> = kinds
        .iter()
        .flat_map(|kind| output.of(kind))
        .map(|line| {
            let mut line = line.clone();
            forget_names(&mut line);
            line.to_string()
        })
        .collect();
    all.sort();
    all
}

/// The lists' readers are strict: what they do not know, they refuse.
#[test]
fn a_reader_of_lists_overlooks_nothing() {
    for text in
        ["add element inet minewatch ep4 {\n    192.0.2.1 . tcp . 3333 timeout 0s\n}", "delete table inet x", "1"]
    {
        assert!(lists::nft(text).is_err(), "{text}");
    }
    assert!(lists::ipset("add minewatch4-new 192.0.2.1,tcp:3333").is_err());
    assert!(lists::iptables("-A MINEWATCH -d 192.0.2.0/24 -p tcp -m tcp --dport 1 -j REJECT", "").is_err());
    assert!(lists::plain("192.0.2.0/24").is_err());
}
