//! What a running `minewatch watch` tells others: `minewatch status`, block lists, metrics and health over HTTP.
//!
//! Needs root and iproute2; without them the tests say so and are skipped.

#![cfg(feature = "serve")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[allow(dead_code)] // firewalls are for other tests
mod netns;
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use minewatch::decode::Tenant;
use minewatch::evidence::Verdict;
use minewatch::firewall::{
    Book, FORMATS, Item, Lives, Meta, NeverBlock, Origin, Policy, Proto, Record, RenderOptions, Target, Touched, Ttl,
    Who,
};
use minewatch::state::{Batch, Store};
use minewatch::time::PacketTime;
use netns::{Netns, available};
use serde_json::Value;
use support::pcaps;
use support::run::{Run, minewatch};

/// A safety net for a program that never says what is expected.
const NEVER: Duration = Duration::from_mins(1);

struct Watch {
    child: Child,
    said: Receiver<String>,
}

impl Watch {
    /// Runs after `before`, a line for the shell, in a namespace.
    fn start(ns: &Netns, before: &str, state: &Path, options: &[&str]) -> Self {
        let line = format!("{before}exec \"$0\" watch --state \"$@\"");
        let mut command = ns.command("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_minewatch")]).arg(state).args(options);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, said) = channel();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).all(|line| tell.send(line).is_ok())
        });
        let watch = Self { child, said };
        watch.says("watching ");
        watch
    }

    #[track_caller]
    fn says(&self, words: &str) -> String {
        let mut all = String::new();
        loop {
            let line = self.said.recv_timeout(NEVER).unwrap_or_else(|_| panic!("{words:?} was never said:\n{all}"));
            if line.contains(words) {
                return line;
            }
            all += &(line + "\n");
        }
    }

    fn ends(&mut self) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        self.child.wait().unwrap();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(dir: &Path, more: &[&str]) -> Run {
    minewatch(["status", "--state", dir.to_str().unwrap()].iter().chain(more))
}

/// Asks until it is so.
#[track_caller]
fn until(dir: &Path, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let run = status(dir, &["--json"]);
        assert!(run.code.is_some_and(|c| c < 2), "{run:?}");
        let value: Value = serde_json::from_str(run.text()).unwrap();
        assert_eq!(run.code == Some(0), value["well"] == true);
        if is_so(&value) {
            return value;
        }
        assert!(begun.elapsed() < NEVER, "never so: {value:#}");
        std::thread::yield_now();
    }
}

fn get(ns: &Netns, at: SocketAddr, path: &str) -> (String, Vec<u8>) {
    let all = ns.within(|| {
        let mut stream = TcpStream::connect(at).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    (String::from_utf8(all[..end].to_vec()).unwrap(), all[end + 4..].to_vec())
}

fn served_at(watch: &Value) -> SocketAddr {
    watch["serving"]["address"].as_str().unwrap().parse().unwrap()
}

fn from_now(secs: i64) -> PacketTime {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    PacketTime::from_parts(i64::try_from(now).unwrap() + secs, 0)
}

/// Two endpoints that were blocked a minute ago.
fn fill(dir: &Path) {
    let record = |addr: &str, port| Record {
        key: Item::Endpoint(Target { addr: addr.parse().unwrap(), service: Some((Proto::Tcp, port)), from: None }),
        origin: Origin::Seen,
        verdict: Verdict::Confirmed,
        first: from_now(-60),
        last_seen: from_now(-60),
        expires: from_now(3_600),
        times: 1,
        reason: String::new(),
        by: String::new(),
        miners: vec![Who { tenant: Tenant::None, miner: IpAddr::from([10, 0, 0, 5]) }],
        endpoints: Vec::new(),
    };
    let records = [record("198.51.100.7", 3333), record("2001:db8::7", 443)];
    let mut batch = Batch::default();
    batch.entries(records.into_iter().map(|r| Touched { item: r.key.clone(), origin: r.origin, record: Some(r) }));
    Store::open(dir).unwrap().store.save(batch, from_now(0)).unwrap();
}

/// What `minewatch blocklist` would print of that state at that time.
fn listed(dir: &Path, at: PacketTime, format: &str) -> Vec<u8> {
    let policy = Policy { allow_documentation: true, ttl: Ttl::MAX, lives: Lives::FromLastPacket, ..Policy::default() };
    let mut book = Book::default();
    book.load(Store::open_existing(dir).unwrap().load().unwrap().book, &policy, at);
    let decision = book.list(&policy, &NeverBlock::new(), at);
    let format = minewatch::firewall::format_by_id(format).unwrap();
    let meta = Meta::of(&decision, at);
    format.render(&decision.list, &meta, &RenderOptions::default()).files.remove(0).bytes
}

#[test]
fn without_a_watch_there_is_a_sentence_and_status_2() {
    let dir = tempfile::tempdir().unwrap();
    for json in [&[][..], &["--json"]] {
        let run = status(dir.path(), json);
        assert_eq!((run.code, run.stdout.len()), (Some(2), 0));
        assert!(run.stderr.contains("no watch with --state") && run.stderr.contains("start one"), "{}", run.stderr);
    }
}

#[test]
fn what_is_cut_off_and_served_is_told_and_is_what_the_state_says() {
    if !available(&["nft"]) {
        return;
    }
    let (ns, dir) = (Netns::new(), tempfile::tempdir().unwrap());
    fill(dir.path());
    let options = ["-i", "lo", "--allow-documentation-ranges", "--apply", "--serve", "127.0.0.1:0"];
    let mut watch = Watch::start(&ns, "", dir.path(), &options);
    let told = until(dir.path(), |v| v["firewall"]["entries"] == 2 && v["interfaces"][0]["state"] == "watched");
    assert_eq!((&told["firewall"]["backend"], &told["entries"]), (&"nftables".into(), &2.into()));
    assert_eq!((&told["state"]["saved"], &told["firewall"]["errors"]), (&true.into(), &0.into()));
    assert!(told["feeds"].as_array().unwrap().iter().any(|f| f["name"] == "pools.toml" && f["entries"] != 0));
    let text = status(dir.path(), &[]);
    for says in ["All is well.", "lo         watched", "nftables holds 2 entries", "saved in", "pools.toml of"] {
        assert!(text.text().contains(says), "{says:?}: {}", text.text());
    }
    let at = served_at(&told);
    for format in FORMATS {
        let (head, body) = get(&ns, at, &format!("/lists/{}", format.id()));
        if format.needs_address_scope() {
            assert!(head.starts_with("HTTP/1.1 409"), "{head}");
            continue;
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{}: {head}", format.id());
        // Formats without a header line of the time have it in no other place either.
        let text = String::from_utf8(body).unwrap();
        let Some(time) = text.lines().find_map(|l| l.split_once(" captured until: ")).map(|(_, t)| t.to_owned()) else {
            continue;
        };
        let time: jiff::Timestamp = time.parse().unwrap();
        let whole =
            listed(dir.path(), PacketTime::from_nanos(i64::try_from(time.as_nanosecond()).unwrap()), format.id());
        // The header's time is cut to microseconds, which may take a second off a life.
        assert_eq!(lines_without_checksum(&text), lines_without_checksum(&String::from_utf8(whole).unwrap()));
    }
    let (head, health) = get(&ns, at, "/health");
    assert!(head.starts_with("HTTP/1.1 200") && health == b"well\n", "{head}");
    let (_, metrics) = get(&ns, at, "/metrics");
    assert!(String::from_utf8(metrics).unwrap().contains("\nminewatch_firewall_entries 2\n"));
    // An order of another program is in the list at once.
    let state = dir.path().to_str().unwrap();
    let run = minewatch(["release", "198.51.100.7", "--state", state]);
    assert_eq!(run.code, Some(0), "{run:?}");
    until(dir.path(), |v| v["entries"] == 1 && v["firewall"]["entries"] == 1);
    let (_, list) = get(&ns, at, "/lists/nft");
    let list = String::from_utf8(list).unwrap();
    assert!(list.contains("2001:db8::7 . tcp . 443") && !list.contains("198.51.100.7"), "{list}");
    watch.ends();
    assert_eq!(status(dir.path(), &[]).code, Some(2), "nobody is left");
    assert!(!dir.path().join("minewatch.sock").exists());
}

fn lines_without_checksum(text: &str) -> Vec<String> {
    let numbers_end = |l: &str| l.rsplit_once(" timeout ").map_or(l.to_owned(), |(a, _)| a.to_owned());
    text.lines().filter(|l| !l.contains("sha256:")).map(numbers_end).collect()
}

#[test]
fn a_watch_that_was_killed_is_told_from_one_that_runs() {
    if !available(&[]) {
        return;
    }
    let (ns, dir) = (Netns::new(), tempfile::tempdir().unwrap());
    let mut watch = Watch::start(&ns, "", dir.path(), &["-i", "lo"]);
    until(dir.path(), |v| v["well"] == true);
    watch.child.kill().unwrap();
    watch.child.wait().unwrap();
    let run = status(dir.path(), &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("no watch with --state"), "{}", run.stderr);
    let mut again = Watch::start(&ns, "", dir.path(), &["-i", "lo"]);
    until(dir.path(), |v| v["pid"] == again.child.id());
    again.ends();
}

#[test]
fn an_interface_that_goes_down_is_told_with_status_1() {
    if !available(&[]) {
        return;
    }
    let (ns, other, dir) = (Netns::new(), Netns::new(), tempfile::tempdir().unwrap());
    ns.wire("tap0", &other, "mirror0");
    let mut watch = Watch::start(&ns, "", dir.path(), &["-i", "tap0", "--serve", "127.0.0.1:0"]);
    let at = served_at(&until(dir.path(), |v| v["well"] == true));
    ns.run("ip link set tap0 down");
    let told = until(dir.path(), |v| v["well"] == false);
    assert!(told["wrong"][0].as_str().unwrap().contains("tap0 is down"), "{told:#}");
    assert!(status(dir.path(), &[]).text().contains("WRONG: tap0 is down"));
    assert!(get(&ns, at, "/health").0.starts_with("HTTP/1.1 503"));
    ns.run("ip link set tap0 up");
    until(dir.path(), |v| v["well"] == true);
    watch.ends();
}

#[test]
fn a_full_disk_silences_nobody_and_is_told() {
    if !available(&[]) {
        return;
    }
    let (ns, other, dir) = (Netns::new(), Netns::new(), tempfile::tempdir().unwrap());
    for ns in [&ns, &other] {
        ns.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
    }
    ns.wire("tap0", &other, "mirror0");
    let disk = format!("mount -t tmpfs -o size=512k none {} && ", dir.path().display());
    let mut watch = Watch::start(&ns, &disk, dir.path(), &["-i", "tap0", "--allow-documentation-ranges"]);
    // The disk is there for the watch only; `ip` and the shell became it.
    let there = PathBuf::from(format!("/proc/{}/root{}", watch.child.id(), dir.path().display()));
    until(&there, |v| v["well"] == true && v["state"]["saved"] == true);
    let mut full = std::fs::File::create(there.join("full")).unwrap();
    while full.write_all(&[0; 4_096]).is_ok() {}
    other.within(|| {
        let mut wire = pcap::Capture::from_device("mirror0").unwrap().open().unwrap();
        let mut frames = pcap::Capture::from_file(pcaps().join("cryptonote-xmrig-v4.pcap")).unwrap();
        while let Ok(frame) = frames.next_packet() {
            wire.sendpacket(frame.data).unwrap();
        }
    });
    watch.says("state is NOT saved");
    let told = until(&there, |v| v["state"]["saved"] == false);
    assert!(told["state"]["unsaved"].as_u64().unwrap() > 0, "{told:#}");
    let run = status(&there, &[]);
    assert_eq!(run.code, Some(1));
    assert!(run.text().contains("WRONG: state is NOT saved"), "{}", run.text());
    drop(full);
    std::fs::remove_file(there.join("full")).unwrap();
    until(&there, |v| v["well"] == true && v["state"]["unsaved"] == 0 && v["hosts"] == 1);
    watch.ends();
}
