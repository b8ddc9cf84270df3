//! What people are told: about proxies, balancers, rigs, allowed hosts, and by which words they can ask.

use std::fs;

use serde_json::Value;

use super::{MINER, exits, pcap, refused};
use crate::support::output::Output;
use crate::support::run::{Run, minewatch, replay_json};

fn text(arguments: &[&str]) -> String {
    let run = minewatch(arguments);
    assert!(!run.hung && run.stderr.is_empty(), "{run:#?}");
    run.text().to_owned()
}

fn json(run: &Run) -> Output {
    Output::parse(&run.stdout).unwrap()
}

fn flows(name: &str, more: &[&str]) -> Vec<Value> {
    json(&replay_json(&[pcap(name)], more)).of("miner_flow").cloned().collect()
}

#[test]
fn a_proxy_that_passes_on_requests_is_named_as_one() {
    let shown = text(&["replay", &pcap("wrapped-http-proxy.pcap.gz")]);
    assert!(shown.contains("pool.example:8332 via 198.51.100.240:8080"), "{shown}");
    assert!(
        shown.lines().any(|l| l.split_whitespace().eq(["wrapped", "http-proxy", "to", "pool.example:8332"])),
        "{shown}"
    );
}

#[test]
fn whoever_asks_a_rig_is_no_pool() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.nft");
    for name in ["rig-cgminer-json.pcap", "rig-cgminer-text.pcap", "rig-claymore.pcap", "rig-xmrig-http.pcap"] {
        let (file, list) = (pcap(name), list.to_str().unwrap());
        let shown = text(&["replay", "--blocklist", list, &file]);
        for lie in ["mines at", "Internal", "Not blocked", "the client calls itself"] {
            assert!(!shown.contains(lie), "{name}: {lie}: {shown}");
        }
        assert!(shown.contains("as a rig that") && shown.contains("management interface tells"), "{shown}");
        let output = json(&replay_json(&[&file], &["--blocklist", list]));
        assert_eq!(output.of("relay").count() + output.of("block_refused").count(), 0);
        let alert = output.of("miner_alert").next().unwrap();
        assert_eq!(alert["category"], "inventory");
        let flow = output.of("miner_flow").next().unwrap();
        let host = output.of("miner_host").next().unwrap();
        let reported: Vec<&Value> = flow.get("reported_pool").into_iter().collect();
        assert_eq!(host["pools"].as_array().unwrap().iter().collect::<Vec<_>>(), reported);
    }
    let shown = text(&["replay", &pcap("rig-xmrig-http.pcap")]);
    assert!(shown.contains("pool.example:443"), "{shown}");
}

#[test]
fn the_client_behind_a_load_balancer_is_shown_and_found() {
    let file = pcap("wrapped-proxy-protocol.pcap");
    let shown = text(&["replay", &file]);
    assert!(shown.contains(" for 192.0.2.33 ") && shown.contains("proxy-header"), "{shown}");
    let shown = text(&["explain", "192.0.2.33", &file]);
    assert!(shown.contains("a PROXY header says that the connection is that of 192.0.2.33:50123"), "{shown}");
    let said = String::from_utf8(crate::support::run::with_input(["replay", "-"], &fs::read(&file).unwrap()).stdout);
    assert!(said.unwrap().lines().next().unwrap().contains(" for 192.0.2.33 mines at "));
}

#[test]
fn a_header_allows_only_what_a_trusted_balancer_writes() {
    let file = pcap("wrapped-proxy-protocol.pcap");
    let sender = flows("wrapped-proxy-protocol.pcap", &[])[0]["src_ip"].as_str().unwrap().to_owned();
    let allowed = |more: &[&str]| {
        let mut arguments = vec!["--allow-miner", "192.0.2.33"];
        arguments.extend(more);
        let output = json(&replay_json(&[&file], &arguments));
        let named = |f: &&Value| f["wrapped"][0]["source"] == "192.0.2.33:50123";
        let n = output.of("miner_flow").filter(named).filter(|f| f["allowed"] == true).count();
        (n, output.health()["notes"].to_string())
    };
    // A miner may write such a header itself.
    let (n, notes) = allowed(&[]);
    assert!(n == 0 && notes.contains(&format!("add --trust-proxy {sender}")), "{n} {notes}");
    assert_eq!(allowed(&["--trust-proxy", &sender]).0, 1);
}

#[test]
fn destinations_behind_proxies_are_found_and_told() {
    let file = &pcap("wrapped-connect.pcap");
    for (subject, flows) in [("pool.example", 3), ("POOL.example:443", 1), ("192.0.2.77", 1), ("192.0.2.77:14444", 1)] {
        let shown = text(&["explain", subject, file]);
        assert_eq!(shown.matches(" -> ").count(), flows, "{subject}: {shown}");
    }
    let shown = text(&["explain", "192.0.2.77", file]);
    assert!(shown.contains("-> 192.0.2.77:14444 via 10.20.220.200:3128"), "{shown}");
    let output = json(&replay_json(&[file], &[]));
    assert!(output.of("miner_alert").all(|a| a["wrapped"][0]["target"].is_string()));
    let shown = text(&["replay", &pcap("wrapped-chains.pcap")]);
    assert!(shown.contains("[2001:db8:aaaa::53]:3333 via proxy.example:8080 via 10.20.230.200:1080"), "{shown}");
    assert!(shown.contains("connect to ws.pool.example:80, websocket"), "{shown}");
    assert!(shown.contains("Internal proxy: 10.20.230.200:1080"), "{shown}");
}

#[test]
fn explain_takes_endpoints_and_hardware_addresses_and_filters() {
    let file = &pcap(MINER);
    let shown = text(&["explain", "198.51.100.81:3333", file]);
    assert!(shown.contains("192.168.81.11"), "{shown}");
    exits(&minewatch(["explain", "198.51.100.81:3334", file]), 2);
    refused(&["explain", "some body", file], "some body");

    let rigs = &pcap("attempts.pcap");
    let all = json(&minewatch(["explain", "--json", "198.51.100.31", rigs]));
    let file = &pcap("cryptonote-xmrig-v4.pcap");
    let mac = flows("cryptonote-xmrig-v4.pcap", &[])[0]["src_mac"].as_str().unwrap().to_owned();
    exits(&minewatch(["explain", &mac, file]), 1);
    assert!(all.of("miner_flow").all(|f| f["dest_ip"] == "198.51.100.31"));
    let strong = minewatch(["explain", "--verdict", "confirmed", "198.51.100.31", rigs]);
    let n = all.of("miner_flow").filter(|f| f["verdict"] == "confirmed").count();
    assert_eq!(strong.text().matches(" -> ").count(), n);
}

#[test]
fn what_is_mined_is_what_the_jobs_are_of() {
    // The wallet is Monero's: that is what is paid out.
    for flow in flows("cryptonote-kawpow-v4.pcap.gz", &[]) {
        assert_eq!((&flow["coin"], flow["wallet"].is_string()), (&Value::Null, true), "{flow}");
    }
    for flow in flows("cryptonote-xmrig-v4.pcap", &[]) {
        assert_eq!(flow["coin"], "XMR");
    }
}

#[test]
fn dialects_that_cannot_be_confirmed_do_not_ask_for_the_impossible() {
    for (name, says) in [
        ("datum-v4.pcap", "cannot be read"),
        ("rig-claymore.pcap", "a mining conversation of the rig"),
        ("benign-rig-scan.pcap", "nobody answered as a mining rig"),
    ] {
        let flows = flows(name, &[]);
        assert!(!flows.is_empty(), "{name}");
        assert!(flows.iter().all(|f| f["missing"].as_str().unwrap().contains(says)), "{name}: {flows:#?}");
    }
}

#[test]
fn names_that_peers_made_up_are_quoted_and_descendants_are_no_liars() {
    let shown = text(&["replay", &pcap("autolykos-target-v6.pcap.gz")]);
    assert!(shown.contains("\"ergminer-v1.0.0\""), "{shown}");
    let shown = text(&["replay", &pcap("cryptonote-ccminer-v4.pcap")]);
    assert!(shown.contains("cpuminer (ccminer writes so, too)") && shown.contains("and so does ccminer"), "{shown}");
}

#[test]
fn an_allowed_miner_is_not_denied() {
    let shown = text(&["replay", "--allow-miner", "192.168.81.11", &pcap(MINER)]);
    assert!(shown.starts_with("No miners but allowed ones found in"), "{shown}");
    assert!(shown.contains("192.168.81.11 mines and is allowed to (1 flow)"), "{shown}");
}

#[test]
fn lists_of_hosts_may_be_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("allowed"), "# the lab\n\n192.168.81.11  # a rig of ours\n").unwrap();
    exits(&minewatch(["replay", "--allow-miner-file", &path("allowed"), &pcap(MINER)]), 0);
    fs::write(path("kept"), "198.51.100.0/24\n").unwrap();
    let more = ["--blocklist", &path("l.nft"), "--allow-documentation-ranges", "--never-block-file", &path("kept")];
    let output = json(&replay_json(&[pcap(MINER)], &more));
    assert!(output.of("block_refused").all(|r| r["reason"] == "never-block-list"));
    assert_eq!(output.of("blocked").count(), 0);
    fs::write(path("odd"), "192.0.2.1\nsomebody\n").unwrap();
    refused(&["replay", "--allow-miner-file", &path("odd"), &pcap(MINER)], "odd, line 2");
    refused(&["replay", "--allow-miner-file", &path("missing"), &pcap(MINER)], "missing cannot be read");
}

#[test]
fn options_of_a_list_say_that_they_need_one() {
    for option in [&["--least", "probable"][..], &["--ttl", "1h"], &["--allow-documentation-ranges"], &["--sets-only"]]
    {
        let mut arguments = vec!["replay"];
        arguments.extend(option);
        let file = pcap(MINER);
        arguments.push(&file);
        refused(
            &arguments,
            &format!("{} says what is in a block list, but there is none: add --blocklist FILE", option[0]),
        );
    }
}

#[test]
fn an_endpoint_is_refused_once_and_a_remark_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.nft");
    let all = crate::support::pcaps();
    let shown = text(&["replay", "--blocklist", list.to_str().unwrap(), all.to_str().unwrap()]);
    let refused: Vec<&str> = shown
        .lines()
        .skip_while(|l| !l.starts_with("Not blocked"))
        .skip(1)
        .map_while(|l| l.strip_prefix("  ")?.split_whitespace().next())
        .collect();
    let mut once = refused.clone();
    once.dedup();
    assert!(refused.len() > 5 && once == refused, "{refused:?}");

    // A pcapng file with a packet that has no time.
    let block = |kind: u32, body: &[u8]| {
        let len = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    };
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let packet = [&4_u32.to_le_bytes()[..], &[0; 4]].concat();
    let file = [block(0x0a0d_0d0a, &section), block(1, &[1, 0, 0, 0, 0, 0, 0, 0]), block(3, &packet)].concat();
    let files: Vec<String> =
        ["a", "b", "c"].map(|n| folder.path().join(format!("{n}.pcapng")).to_str().unwrap().to_owned()).into();
    for f in &files {
        fs::write(f, &file).unwrap();
    }
    let shown = text(&["replay", &files[0], &files[1], &files[2]]);
    let notes: Vec<&str> = shown.lines().filter(|l| l.starts_with("Note: ")).collect();
    assert!(notes.len() == 1 && notes[0].contains("a.pcapng and 2 more inputs: "), "{shown}");
}

#[test]
#[cfg(feature = "live")]
fn watching_ends_after_the_time_given() {
    refused(&["watch", "-i", "lo", "--for", "soon"], "1s to 3650d");
    let run = minewatch(["watch", "-i", "lo", "--for", "1s", "--json"]);
    if run.code == Some(2) {
        eprintln!("skipped: {}", run.stderr);
        return;
    }
    assert!(!run.hung && json(&run).health()["frames"].is_u64(), "{run:#?}");
}

/// Multicast DNS and LLMNR: a host's own word, shown as such; what is said of others is not.
#[test]
fn a_host_is_shown_by_its_own_name_where_it_mines() {
    let file = pcap("names-local.pcap");
    let own = "says its name is rig-7.local (mDNS)";
    for shown in [text(&["replay", &file]), text(&["explain", "10.21.39.11", &file])] {
        assert!(shown.contains(own) && !shown.contains("laptop") && !shown.contains("rig-8"), "{shown}");
    }
    let output = json(&replay_json(&[&file], &[]));
    let hosts: Vec<&Value> = output.of("miner_host").collect();
    assert_eq!((&hosts[0]["hostname"], &hosts[0]["hostname_by"]), (&"rig-7.local".into(), &"mdns".into()));
    assert_eq!((hosts.len(), output.of("pool_contact").count()), (1, 0));
    let other = json(&replay_json(&[pcap(MINER)], &[]));
    assert!(other.of("miner_host").all(|h| h.get("hostname").is_none()));
}

/// FP03: a full node is a node, and no miner; nothing of it is blocked.
#[test]
fn a_node_is_noted_as_one_and_never_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    let options = ["--blocklist", list.to_str().unwrap(), "--least", "suspected", "--allow-documentation-ranges"];
    let run = replay_json(&[pcap("benign-bitcoin-peer.pcap")], &options);
    exits(&run, 0);
    let output = json(&run);
    let contact = output.of("pool_contact").next().unwrap();
    assert_eq!([&contact["kind"], &contact["pool"], &contact["verdict"]], ["node", "Bitcoin", "noted"]);
    assert_eq!(contact["coins"], serde_json::json!(["BTC"]));
    for none in ["miner_flow", "miner_host", "miner_alert", "blocked", "block_refused"] {
        assert_eq!(output.of(none).count(), 0, "{none}");
    }
    // Beside mining it changes nothing: the pool alone is found.
    let output = json(&replay_json(&[pcap("nodes-beside-a-miner.pcap")], &[]));
    assert_eq!((output.of("miner_flow").count(), output.of("pool_contact").count()), (1, 5));
    assert!(output.of("miner_flow").all(|f| f["dest_port"] == 4777));
}

/// That look-ups are hidden is worth a line beside a finding, and nothing by itself.
#[test]
fn an_encrypted_resolver_is_told_beside_a_finding_only() {
    let shown = text(&["explain", "10.21.41.12", &pcap("names-encrypted.pcap")]);
    let said = "asked an encrypted resolver (dns.google of Google, 203.0.113.81:443) by DNS over HTTPS, so its look-ups \
                cannot be seen";
    assert!(shown.contains(said), "{shown}");
    let shown = text(&["replay", &pcap("names-encrypted.pcap")]);
    assert!(!shown.contains("10.21.41.13") && shown.matches("encrypted-dns").count() == 2, "{shown}");
    let output = json(&replay_json(&[pcap("benign-dns-over-tls.pcap")], &[]));
    assert_eq!(output.of("pool_contact").count() + output.of("miner_flow").count(), 0);
}

/// What is told of a whole capture must be true of the whole: a clock that was wrong for some frames makes no feed stale.
#[test]
fn a_few_frames_of_another_year_make_no_feed_stale() {
    let whole = fs::read(pcap("cryptonote-xmrig-v4.pcap")).unwrap();
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut starts = vec![24];
    while starts.last().unwrap() + 16 <= whole.len() {
        starts.push(starts.last().unwrap() + 16 + number(&whole, starts.last().unwrap() + 8) as usize);
    }
    let notes = |odd: &[usize]| {
        let mut bytes = whole.clone();
        for frame in odd {
            // The year 2033.
            bytes[starts[*frame]..starts[*frame] + 4].copy_from_slice(&2_000_000_000_u32.to_le_bytes());
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let file = file.path().to_str().unwrap();
        ["1", "2"].map(|workers| text(&["replay", "--workers", workers, file]).matches(" stale: ").count())
    };
    let all: Vec<usize> = (0..starts.len() - 1).collect();
    for odd in [&[][..], &[0], &[100], &[50, 51, 52], &all[all.len() - 4..]] {
        assert_eq!(notes(odd), [0, 0], "{odd:?}");
    }
    let [one, two] = notes(&all);
    assert!(one > 0 && one == two, "{one}, {two}");
}
