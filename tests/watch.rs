//! `minewatch watch` in network namespaces: interfaces that come and go, frames shared out to several readers, drops.
//!
//! Needs root and iproute2; without them the tests say so and are skipped.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[allow(dead_code)] // firewalls are for other tests
mod netns;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use minewatch::capture::live::{Live, LiveOptions};
use minewatch::capture::{PacketSource, Step};
use netns::Netns;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use support::output::{Output, accuses, brief};
use support::pcaps;
use support::run::replay_json;

/// A safety net for a program that never says what is expected.
const NEVER: Duration = Duration::from_mins(1);
/// Captures with one confirmed miner each, and who that is.
const FIRST: (&str, &str) = ("cryptonote-xmrig-v4.pcap", "192.168.1.11");
const SECOND: (&str, &str) = ("cryptonote-donation-v4.pcap", "192.168.7.11");

struct Watch {
    child: Child,
    said: Receiver<String>,
    complained: Receiver<String>,
}

impl Watch {
    fn start(ns: &Netns, options: &[&str]) -> Self {
        let mut child = ns
            .command(env!("CARGO_BIN_EXE_minewatch"))
            .args(["watch", "--json"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, complained) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, said, complained }
    }

    /// Waits for a line of standard output with all these words.
    #[track_caller]
    fn hear(&self, words: &[&str]) -> String {
        wait_for(&self.said, words)
    }

    /// The same of standard error.
    #[track_caller]
    fn hear_complaint(&self, words: &[&str]) -> String {
        wait_for(&self.complained, words)
    }

    /// Interrupts it; the exit status.
    fn end(&mut self) -> Option<i32> {
        kill_process(self.pid(), Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }

    /// Interrupts it; everything that it said and was not heard yet.
    fn finish(mut self) -> Output {
        self.end();
        let lines: Vec<String> = self.said.iter().collect();
        Output::parse(lines.join("\n").as_bytes()).unwrap()
    }

    /// Holds it until [`go_on`](Self::go_on).
    fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let (_, status) = waitpid(Some(self.pid()), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped());
    }

    fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if tx.send(line).is_err() {
                break;
            }
        }
    });
    rx
}

#[track_caller]
fn wait_for(lines: &Receiver<String>, words: &[&str]) -> String {
    let mut all = String::new();
    loop {
        let line = lines.recv_timeout(NEVER).unwrap_or_else(|_| panic!("{words:?} was never said:\n{all}"));
        if words.iter().all(|w| line.contains(w)) {
            return line;
        }
        all += &(line + "\n");
    }
}

/// Two namespaces with cables between them, on which no kernel says anything by itself.
struct Wires {
    sensor: Netns,
    switch: Netns,
}

impl Wires {
    fn new(cables: &[(&str, &str)]) -> Self {
        let wires = Self { sensor: Netns::new(), switch: Netns::new() };
        for ns in [&wires.sensor, &wires.switch] {
            ns.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
        }
        for (mine, theirs) in cables {
            wires.plug(mine, theirs);
        }
        wires
    }

    fn plug(&self, mine: &str, theirs: &str) {
        self.sensor.wire(mine, &self.switch, theirs);
    }

    /// Sends every frame of a capture to the sensor.
    fn send(&self, from: &str, capture: &str) {
        let file = pcaps().join(capture);
        self.switch.within(|| {
            let mut wire = pcap::Capture::from_device(from).unwrap().open().unwrap();
            let mut frames = pcap::Capture::from_file(file).unwrap();
            while let Ok(frame) = frames.next_packet() {
                wire.sendpacket(frame.data).unwrap();
            }
        });
    }
}

#[test]
fn findings_of_every_interface_whatever_becomes_of_one_and_not_a_packet_is_sent() {
    if !netns::available(&[]) {
        return;
    }
    let wires = Wires::new(&[("tap0", "mirror0"), ("tap1", "mirror1")]);
    let mut heard = wires.switch.within(|| {
        let open = pcap::Capture::from_device("mirror0").unwrap().immediate_mode(true).open().unwrap();
        open.direction(pcap::Direction::In).unwrap();
        open.setnonblock().unwrap()
    });
    let mut watch = Watch::start(&wires.sensor, &["-i", "tap0", "-i", "tap1", "-i", "tap0"]);
    watch.hear_complaint(&["watching tap0, tap1;"]);
    wires.send("mirror0", FIRST.0);
    watch.hear(&["miner_alert", "confirmed", FIRST.1, "\"tap0\""]);

    wires.sensor.run("ip link set tap1 down");
    watch.hear_complaint(&["tap1 is down"]);
    wires.sensor.run("ip link set tap1 up");
    watch.hear_complaint(&["tap1 is up again"]);

    wires.sensor.run("ip link del tap1");
    watch.hear_complaint(&["tap1", "looked for every second"]);
    wires.plug("tap1", "mirror1");
    watch.hear_complaint(&["tap1 is back and watched again"]);
    wires.send("mirror1", SECOND.0);
    watch.hear(&["miner_alert", "confirmed", SECOND.1, "\"tap1\""]);

    assert_eq!(watch.end(), Some(1), "miners were found, and all interfaces are there");
    let sent = heard.next_packet().map(|p| p.data.to_vec());
    assert_eq!(sent, Err(pcap::Error::TimeoutExpired), "something was sent");
}

#[test]
fn an_interface_that_stays_away_makes_no_silent_success() {
    if !netns::available(&[]) {
        return;
    }
    let wires = Wires::new(&[("tap0", "mirror0")]);
    let mut watch = Watch::start(&wires.sensor, &["-i", "tap0"]);
    watch.hear_complaint(&["watching tap0;"]);
    wires.sensor.run("ip link del tap0");
    watch.hear_complaint(&["tap0", "looked for every second"]);
    assert_eq!(watch.end(), Some(2));
    watch.hear_complaint(&["tap0 was gone at the end"]);
}

#[test]
fn several_readers_come_back_with_their_interface() {
    if !netns::available(&[]) {
        return;
    }
    let wires = Wires::new(&[("tap0", "mirror0")]);
    let watch = Watch::start(&wires.sensor, &["-i", "tap0", "--workers", "3"]);
    watch.hear_complaint(&["watching tap0;"]);
    wires.send("mirror0", FIRST.0);
    watch.hear(&["miner_alert", "confirmed", FIRST.1]);

    wires.sensor.run("ip link set tap0 down");
    watch.hear_complaint(&["tap0 is down"]);
    wires.sensor.run("ip link set tap0 up");
    watch.hear_complaint(&["tap0 is up again"]);

    wires.sensor.run("ip link del tap0");
    watch.hear_complaint(&["tap0", "looked for every second"]);
    wires.plug("tap0", "mirror0");
    watch.hear_complaint(&["tap0 is back and watched again"]);
    wires.send("mirror0", SECOND.0);
    watch.hear(&["miner_alert", "confirmed", SECOND.1]);

    let read = watch.finish().health()["frames"].as_u64().unwrap();
    let all: usize = [FIRST.0, SECOND.0].map(frames_of).iter().sum();
    assert!(read <= all as u64, "{read} frames were read of {all}");
}

fn frames_of(capture: &str) -> usize {
    let mut frames = pcap::Capture::from_file(pcaps().join(capture)).unwrap();
    std::iter::from_fn(|| frames.next_packet().ok().map(drop)).count()
}

/// Captures of every kind of frame that keeps its findings when it is sent in an instant: plain, tagged, in tunnels, in
/// fragments, with names asked for by DNS.
const ALL_KINDS: [&str; 24] = [
    "6in4",
    "vxlan",
    "geneve",
    "gre",
    "gtp-u",
    "erspan-2",
    "ip-in-ip",
    "mpls",
    "pppoe",
    "qinq",
    "tenants-vlan",
    "tenants-vxlan",
    "vlan-per-direction",
    "fragments-v4",
    "fragments-v6",
    "names-then-mining",
    "names-vxlan",
    "names-chain",
    "wrapped-socks5",
    "cryptonote-xmrig-v4",
    "cryptonote-xmrig-v6",
    "ethproxy-v4",
    "bitcoin-cgminer-v6",
    "relay-inside",
];

/// What was found of the captures, in words that do not depend on when their frames were sent.
fn findings(output: &Output) -> BTreeSet<String> {
    let flows = output.of("miner_flow").filter(|f| accuses(f));
    flows.map(|f| format!("{} {} {} {}", brief(f), f["shares"], f["dest_names"], f["feeds"])).collect()
}

#[test]
fn several_readers_find_what_one_finds_and_what_replay_finds() {
    if !netns::available(&[]) {
        return;
    }
    let wires = Wires::new(&[("tap0", "mirror0")]);
    // The last one, whose alert says that everything before it was read, may itself be cut off.
    let captures: Vec<_> = ALL_KINDS.iter().map(|name| format!("{name}.pcap")).collect();
    let files: Vec<_> = captures.iter().map(|name| pcaps().join(name)).collect();
    let replayed = replay_json(&files, &[]);
    let replayed = Output::parse(&replayed.stdout).unwrap();
    let expected = findings(&replayed);
    assert!(expected.len() >= ALL_KINDS.len(), "{expected:#?}");
    for workers in ["1", "2", "5"] {
        let watch = Watch::start(&wires.sensor, &["-i", "tap0", "--workers", workers]);
        watch.hear_complaint(&["watching tap0;"]);
        for capture in &captures {
            wires.send("mirror0", capture);
        }
        wires.send("mirror0", SECOND.0);
        watch.hear(&["miner_alert", "confirmed", SECOND.1]);
        let live = watch.finish();
        let mut found = findings(&live);
        found.retain(|f| !f.starts_with(SECOND.1));
        assert_eq!(found, expected, "{workers} workers");
        for counter in ["fragments", "fragments_reassembled", "dns_messages", "dns_unasked"] {
            assert_eq!(live.health()[counter], replayed.health()[counter], "{counter} of {workers} workers");
        }
    }
}

#[test]
fn the_kernel_deals_each_frame_to_one_reader_and_both_directions_to_the_same() {
    if !netns::available(&[]) {
        return;
    }
    let wires = Wires::new(&[("tap0", "mirror0")]);
    let options = LiveOptions { readers: 3, ..LiveOptions::default() };
    let mut live = wires.sensor.within(|| Live::open(&["tap0".to_owned()], options).unwrap());
    assert_eq!(live.status().take_news(), [""; 0]);
    let mut shares = live.take_shares();
    assert_eq!(shares.len(), 2);
    // Frames from before the group was whole are nobody's.
    let mut sent = 0;
    let mut of = BTreeMap::<(u8, u8), BTreeSet<usize>>::new();
    let mut read = [0; 3];
    wires.switch.within(|| {
        let mut wire = pcap::Capture::from_device("mirror0").unwrap().open().unwrap();
        for a in 0..100 {
            for (src, dst) in [(a, 200), (200, a)] {
                wire.sendpacket(ping_of_tcp(src, dst)).unwrap();
                sent += 1;
            }
        }
    });
    let mut sources: Vec<&mut dyn PacketSource> = vec![&mut live];
    sources.extend(shares.iter_mut().map(|s| -> &mut dyn PacketSource { s.as_mut() }));
    let begun = std::time::Instant::now();
    while read.iter().sum::<usize>() < sent {
        assert!(begun.elapsed() < NEVER, "{read:?} of {sent}");
        for (i, source) in sources.iter_mut().enumerate() {
            while let Step::Frame(f) = source.next() {
                let (a, b) = (f.data[29], f.data[33]);
                of.entry((a.min(b), a.max(b))).or_default().insert(i);
                read[i] += 1;
            }
        }
    }
    assert_eq!(read.iter().sum::<usize>(), sent);
    assert_eq!(of.len(), 100);
    assert!(of.values().all(|readers| readers.len() == 1), "{of:?}");
    assert!(read.iter().all(|n| *n > 10), "{read:?}");
}

/// A TCP segment between two documentation addresses, as far as anybody reads it here.
fn ping_of_tcp(src: u8, dst: u8) -> Vec<u8> {
    let mut f = vec![2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 0x08, 0x00];
    f.extend([0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, src, 192, 0, 2, dst]);
    f.extend([0x9c, 0x40, 0x0d, 0x05, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    f
}

#[test]
fn what_the_kernel_had_to_drop_is_told_while_it_happens_and_counted_at_the_end() {
    if !netns::available(&[]) {
        return;
    }
    for workers in ["1", "2"] {
        let wires = Wires::new(&[("tap0", "mirror0")]);
        let watch = Watch::start(&wires.sensor, &["-i", "tap0", "--buffer", "1", "--workers", workers]);
        watch.hear_complaint(&["watching tap0;"]);
        // A program that cannot keep up, in the extreme.
        watch.stop();
        let frames = 4_000;
        wires.switch.within(|| {
            let mut wire = pcap::Capture::from_device("mirror0").unwrap().open().unwrap();
            for n in 0..frames {
                let mut frame = ping_of_tcp((n % 250) as u8, 251);
                frame.resize(1_400, 0);
                wire.sendpacket(frame).unwrap();
            }
        });
        watch.go_on();
        watch.hear_complaint(&["tap0: the kernel drops", "% of the frames", "miners may be missed", "--buffer"]);
        let health = watch.finish();
        let health = health.health();
        let (read, dropped) = (health["frames"].as_u64().unwrap(), health["kernel_drops"].as_u64().unwrap());
        assert!(dropped > 500, "{dropped} dropped with {workers} workers");
        assert_eq!(read + dropped, frames, "{read} read, {dropped} dropped with {workers} workers");
    }
}
