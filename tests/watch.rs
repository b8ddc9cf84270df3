//! `minewatch watch` on interfaces that come and go, in network namespaces.
//!
//! Needs root and iproute2; without them the tests say so and are skipped.
#![cfg(feature = "live")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[allow(dead_code)] // firewalls are for other tests
mod netns;
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use netns::Netns;
use support::pcaps;

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
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        self.child.wait().unwrap().code()
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
