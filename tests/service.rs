//! `minewatch watch` as a service manager runs it: readiness, signals, fewer rights.
//!
//! Needs root and iproute2; without them the tests say so and are skipped.
#![cfg(all(feature = "live", feature = "state"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[allow(dead_code)] // firewalls are for other tests
mod netns;
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use netns::Netns;
use support::pcaps;

/// A safety net for a program that never says what is expected.
const NEVER: Duration = Duration::from_mins(1);
/// A capture with one confirmed miner, and who that is.
const MINER: (&str, &str) = ("cryptonote-xmrig-v4.pcap", "192.168.1.11");

/// A namespace with a cable in it, whose other end is ours.
struct Place {
    sensor: Netns,
    switch: Netns,
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Option<Self> {
        if !netns::available(&[]) {
            return None;
        }
        let place = Self { sensor: Netns::new(), switch: Netns::new(), dir: tempfile::tempdir().unwrap() };
        for ns in [&place.sensor, &place.switch] {
            ns.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
        }
        place.sensor.wire("tap0", &place.switch, "mirror0");
        Some(place)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn send(&self, capture: &str) {
        self.send_with(capture, |_| {});
    }

    fn send_with(&self, capture: &str, change: impl Fn(&mut [u8]) + Send + Sync) {
        let file = pcaps().join(capture);
        self.switch.within(|| {
            let mut wire = pcap::Capture::from_device("mirror0").unwrap().open().unwrap();
            let mut frames = pcap::Capture::from_file(file).unwrap();
            while let Ok(frame) = frames.next_packet() {
                let mut frame = frame.data.to_vec();
                change(&mut frame);
                wire.sendpacket(frame).unwrap();
            }
        });
    }

    fn command(&self) -> Command {
        let mut c = self.sensor.command(env!("CARGO_BIN_EXE_minewatch"));
        c.args(["watch", "-i", "tap0"]).stdin(Stdio::null());
        c
    }

    fn watch(&self, options: &[&str]) -> Watch {
        let mut watch = Watch::spawn(self.command().args(options));
        watch.says("watching tap0;");
        watch
    }
}

/// A running watch, whose words of both streams are read as they come.
struct Watch {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Watch {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let tell = tell.clone();
            std::thread::spawn(move || {
                BufReader::new(stream).lines().map_while(Result::ok).all(|line| tell.send(line).is_ok())
            });
        }
        Self { child, lines, heard: Vec::new() }
    }

    #[track_caller]
    fn says(&mut self, words: &str) -> String {
        loop {
            match self.lines.recv_timeout(NEVER) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(e) => panic!("nobody said {words:?} ({e}):\n{}", self.heard.join("\n")),
            }
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn ends(mut self) -> (Option<i32>, String) {
        self.signal("-INT");
        let code = self.child.wait().unwrap().code();
        self.heard.extend(self.lines.iter());
        (code, self.heard.join("\n"))
    }

    /// A line of what the kernel says of it.
    fn status(&self, name: &str) -> String {
        let all = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        all.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_service_manager_hears_that_it_is_ready_that_it_lives_and_that_it_ends() {
    let Some(place) = Place::new() else { return };
    let at = place.path("notify");
    let manager = UnixDatagram::bind(&at).unwrap();
    manager.set_read_timeout(Some(NEVER)).unwrap();
    let hear = || {
        let mut buffer = [0; 512];
        let n = manager.recv(&mut buffer).expect("the manager hears something");
        String::from_utf8(buffer[..n].to_vec()).unwrap()
    };
    let mut command = place.command();
    let watch = Watch::spawn(command.env("NOTIFY_SOCKET", &at).env("WATCHDOG_USEC", "2000000"));
    assert_eq!(hear(), "READY=1");
    let mut heard: Vec<String> = (0..4).map(|_| hear()).collect();
    assert_eq!(heard.iter().filter(|h| *h == "WATCHDOG=1").count(), 2, "{heard:?}");
    assert!(heard.iter().any(|h| h.starts_with("STATUS=1 of 1 interface watched, ")), "{heard:?}");
    watch.ends();
    heard.clear();
    while heard.last().is_none_or(|h| h != "STOPPING=1") {
        heard.push(hear());
    }
}

#[test]
fn a_policy_is_read_again_when_asked_and_a_bad_one_changes_nothing() {
    let Some(place) = Place::new() else { return };
    let file = place.path("policy.toml");
    fs::write(&file, "version = 1\n").unwrap();
    let mut watch = place.watch(&["--dry-run", "--allow-documentation-ranges", "--policy", file.to_str().unwrap()]);
    fs::write(&file, "version = 1\n[allow]\nminers = [\"nobody\"]\n").unwrap();
    watch.signal("-HUP");
    let said = watch.says("policy.toml:3:");
    assert!(said.ends_with("the policy that was read before stays in use"), "{said}");
    place.send(MINER.0);
    watch.says(&format!("{} mines at", MINER.1));
    watch.says("would cut off");
    fs::write(&file, format!("version = 1\n[allow]\nminers = [\"{}\"]\n", MINER.1)).unwrap();
    watch.signal("-HUP");
    watch.says("policy.toml was read anew");
    watch.signal("-HUP");
    watch.says("policy.toml says what it said before");
    let (code, said) = watch.ends();
    assert!(said.contains(&format!("{} mines and is allowed to", MINER.1)), "{said}");
    assert_eq!(code, Some(0), "what is allowed is no finding");
}

#[test]
fn without_a_policy_there_is_nothing_to_read_again_and_the_watch_goes_on() {
    let Some(place) = Place::new() else { return };
    let mut watch = place.watch(&[]);
    watch.signal("-HUP");
    watch.says("there is no policy file to read again");
    place.send(MINER.0);
    watch.says(&format!("{} mines at", MINER.1));
    assert_eq!(watch.ends().0, Some(1));
}

/// An ssh session that ends must not take the report with it.
#[test]
fn a_terminal_that_closes_ends_it_with_a_report() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let Some(place) = Place::new() else { return };
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let end = fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
    let report = fs::File::create(place.path("report")).unwrap();
    let mut command = Command::new("setsid");
    let inside = place.command();
    command.arg("--ctty").arg(inside.get_program()).args(inside.get_args());
    command.stdin(end.try_clone().unwrap()).stdout(report).stderr(end);
    let mut child = command.spawn().unwrap();
    drop(command);
    // What it says on the terminal, until it watches.
    let mut screen = BufReader::new(fs::File::from(terminal));
    let mut line = String::new();
    while !line.contains("watching tap0;") {
        line.clear();
        assert!(screen.read_line(&mut line).unwrap() > 0);
    }
    place.send(MINER.0);
    let begun = Instant::now();
    let told = || fs::read_to_string(place.path("report")).unwrap();
    while !told().contains("mines at") {
        assert!(begun.elapsed() < NEVER, "no alert");
        std::thread::yield_now();
    }
    drop(screen);
    assert_eq!(child.wait().unwrap().code(), Some(1), "{}", told());
    assert!(told().contains("1 miner found: 1 confirmed."), "{}", told());
}

#[test]
fn rights_are_given_up_and_a_miner_is_found_on_an_interface_that_came_back() {
    let Some(place) = Place::new() else { return };
    if !Path::new("/etc/passwd").exists() || !fs::read_to_string("/etc/passwd").unwrap().contains("\nnobody:") {
        eprintln!("skipped: there is no user nobody");
        return;
    }
    let state = place.path("state");
    // Whoever it becomes must be able to go there.
    fs::set_permissions(place.dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut watch = Watch::spawn(place.command().args(["--user", "nobody", "--state", state.to_str().unwrap()]));
    let said = watch.says("sandbox: ");
    for words in ["user: nobody", "capabilities: cap_net_raw only", "no_new_privs: on", "seccomp: on"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    watch.says("watching tap0;");
    assert_ne!(watch.status("Uid:").split_whitespace().next(), Some("0"));
    assert_eq!(watch.status("CapEff:"), format!("{:016x}", 1 << 13));
    place.sensor.run("ip link del tap0");
    watch.says("looked for every second");
    place.sensor.wire("tap0", &place.switch, "mirror0");
    watch.says("tap0 is back and watched again");
    place.send(MINER.0);
    watch.says(&format!("{} mines at", MINER.1));
    let (code, said) = watch.ends();
    assert!(!said.contains("NOT saved"), "{said}");
    assert_eq!(code, Some(1));
    let incidents = Command::new(env!("CARGO_BIN_EXE_minewatch")).args(["incidents", "--state"]).arg(&state).output();
    assert!(String::from_utf8(incidents.unwrap().stdout).unwrap().contains(MINER.1));
}

#[test]
fn who_insists_on_the_sandbox_does_not_run_with_less() {
    let Some(place) = Place::new() else { return };
    // Root stays root here, which is less than what can be.
    let out = place.command().args(["--sandbox", "required"]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("--sandbox required, but not all of it is in force: user: root"), "{said}");
    let out = place.command().args(["--user", "no-such-user"]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no user \"no-such-user\""), "{said}");
    let mut watch = place.watch(&["--sandbox", "off"]);
    assert_ne!(watch.status("CapEff:"), format!("{:016x}", 1 << 13));
    place.send(MINER.0);
    watch.says(&format!("{} mines at", MINER.1));
}

/// Gives the miner's end of an IPv4 connection other sequence numbers, with the checksum that goes with them.
fn renumber(frame: &mut [u8]) {
    let tcp = 14 + usize::from(frame[14] & 15) * 4;
    let from_miner = frame[26..30] == "192.168.1.11".parse::<std::net::Ipv4Addr>().unwrap().octets();
    let at = tcp + if from_miner { 4 } else { 8 };
    if !from_miner && frame[tcp + 13] & 0x10 == 0 {
        return;
    }
    let word = |at: usize| u32::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    let (old, sum) = (word(at), word(tcp + 16));
    let new = (old + 0x1000) & 0xffff;
    // RFC 1624, equation 3.
    let folded = (!sum & 0xffff) + (!old & 0xffff) + new;
    let folded = (folded & 0xffff) + (folded >> 16);
    let sum = !((folded & 0xffff) + (folded >> 16)) & 0xffff;
    frame[at..at + 2].copy_from_slice(&(new as u16).to_be_bytes());
    frame[tcp + 16..tcp + 18].copy_from_slice(&(sum as u16).to_be_bytes());
}

/// Who reads lines must not wait for a report that may be months away.
#[test]
fn a_connection_is_told_when_it_is_over_and_once() {
    let Some(place) = Place::new() else { return };
    let mut watch = place.watch(&["--json"]);
    place.send(MINER.0);
    watch.says("\"miner_alert\"");
    // A new connection of the same ends: the first one is over.
    place.send_with(MINER.0, renumber);
    let told: serde_json::Value = serde_json::from_str(&watch.says("\"miner_flow\"")).unwrap();
    assert_eq!((told["src_ip"].as_str(), told["verdict"].as_str()), (Some(MINER.1), Some("confirmed")));
    let (_, said) = watch.ends();
    let kinds = |kind: &str| said.lines().filter(|l| l.contains(&format!("\"event_type\":\"{kind}\""))).count();
    assert_eq!((kinds("miner_flow"), kinds("miner_host"), kinds("health")), (2, 1, 1), "{said}");
}

#[test]
fn one_watch_keeps_a_folder() {
    let Some(place) = Place::new() else { return };
    let state = place.path("state");
    let options = ["--state", state.to_str().unwrap()];
    let watch = place.watch(&options);
    let second = place.command().args(options).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("another watch keeps its state in"), "{said}");
    watch.ends();
}

#[test]
fn a_dry_run_saves_nothing_and_an_order_that_nobody_carries_out_is_said_to_be_so() {
    let Some(place) = Place::new() else { return };
    let state = place.path("state");
    let dir = ["--state", state.to_str().unwrap(), "--allow-documentation-ranges"];
    let mut watch = place.watch(&[&dir[..], &["--dry-run"]].concat());
    place.send(MINER.0);
    watch.says("would cut off");
    watch.ends();
    let run = |words: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_minewatch")).args(words).args(dir).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    assert!(run(&["entries"]).0.starts_with("Nothing is blocked."));
    let (_, said) = run(&["block", "198.51.100.77:3333", "--for", "1h", "--reason", "test"]);
    assert!(said.contains("no watch runs with this state"), "{said}");
}

/// A list that says less than what is in force would unblock what it does not say.
#[test]
fn the_list_at_the_end_of_a_watch_holds_what_is_in_force_from_before_as_well() {
    let Some(place) = Place::new() else { return };
    let (state, list) = (place.path("state"), place.path("list.csv"));
    let dir = ["--state", state.to_str().unwrap(), "--allow-documentation-ranges"];
    let options = [&dir[..], &["--blocklist", list.to_str().unwrap()]].concat();
    let targets = |text: &str| -> Vec<String> {
        let cells = text.lines().skip(1).map(|l| l.split(',').take(4).collect::<Vec<_>>().join(" "));
        cells.collect()
    };
    let ask = |words: &[&str]| {
        // Nothing is judged when it is taken back.
        let given = if words[0] == "release" { &dir[..2] } else { &dir[..] };
        let out = Command::new(env!("CARGO_BIN_EXE_minewatch")).args(words).args(given).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    let mut watch = place.watch(&options);
    place.send(MINER.0);
    watch.says(&format!("{} mines at", MINER.1));
    watch.ends();
    let first = fs::read_to_string(&list).unwrap();
    assert_eq!(targets(&first), ["endpoint 198.51.100.1 tcp 3333"], "{first}");

    ask(&["block", "203.0.113.9", "--for", "1h", "--reason", "x"]);
    let (_, said) = place.watch(&options).ends();
    assert!(said.contains("Block list: 2 entries"), "{said}");
    let second = fs::read_to_string(&list).unwrap();
    assert_eq!(targets(&second), ["endpoint 198.51.100.1 tcp 3333", "address 203.0.113.9  "], "{second}");
    assert_eq!(targets(&ask(&["blocklist", "--format", "csv"])), targets(&second));

    ask(&["release", "198.51.100.1"]);
    place.watch(&options).ends();
    let third = fs::read_to_string(&list).unwrap();
    assert_eq!(targets(&third), ["address 203.0.113.9  "], "{third}");

    // Orders of the last moment count.
    let watch = place.watch(&options);
    ask(&["block", "203.0.113.10", "--for", "1h", "--reason", "x"]);
    ask(&["release", "203.0.113.9"]);
    watch.ends();
    let fourth = fs::read_to_string(&list).unwrap();
    assert_eq!(targets(&fourth), ["address 203.0.113.10  "], "{fourth}");
}

/// Of the two that judge, the one that watches follows its feeds, and the one that tells the kernel has read them, too.
#[test]
fn what_feeds_of_ones_own_call_shared_is_not_in_the_kernel_nor_stays_there() {
    let Some(place) = Place::new() else { return };
    if !netns::available(&["nft"]) {
        return;
    }
    let (state, feed) = (place.path("state"), place.path("own.toml"));
    let shared = |ranges: &str| {
        let head = "version = 1\n[[shared]]\nname = \"Own front\"\nkind = \"front\"\nsource = \"us\"\n";
        let new = place.path("new");
        fs::write(&new, format!("{head}prefixes = [{ranges}]\n")).unwrap();
        fs::rename(new, &feed).unwrap();
    };
    shared("\"198.51.100.0/24\"");
    let dir = ["--state", state.to_str().unwrap(), "--allow-documentation-ranges"];
    place.watch(&dir).ends();
    let block = |target: &str| {
        let order = ["block", target, "--for", "1h", "--reason", "x"];
        let out = Command::new(env!("CARGO_BIN_EXE_minewatch")).args(order).args(dir).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{out:?}");
    };
    block("198.51.100.77:3333");
    block("203.0.113.9:3333");
    let options = ["--apply", "--feeds", feed.to_str().unwrap()];
    let mut watch = place.watch(&[&dir[..], &options].concat());
    let holds = |addr: &str| place.sensor.run("nft list ruleset").contains(addr);
    let until = |what: &str, happens: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !happens() {
            assert!(begun.elapsed() < NEVER, "{what}");
        }
    };
    until("what is no front's is cut off", &|| holds("203.0.113.9"));
    assert!(!holds("198.51.100.77"));
    block("198.51.100.78");
    watch.says("198.51.100.78 is not blocked: the address serves many customers (Own front, 198.51.100.0/24)");
    shared("\"198.51.100.0/24\", \"203.0.113.0/24\"");
    watch.says("the feeds were read anew");
    until("what became a front's is free again", &|| !holds("203.0.113.9"));
    let (_, said) = watch.ends();
    assert!(!said.contains("198.51.100.77 is cut off") && !said.contains("is not cut off"), "{said}");
}
