//! The enforcer as a process: what it may, what it survives, and what it leaves when it does not.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use minewatch::enforce::{Choice, EnforceError, Enforcer, Options, Rules};
use minewatch::firewall::Proto;

use super::{MINEWATCH, applier, block, endpoint, everything, with_each};
use crate::netns::Netns;

fn options(choice: Choice) -> Options {
    Options {
        program: MINEWATCH.into(),
        backend: choice,
        allow_documentation: true,
        back_off: Duration::ZERO,
        ..Options::default()
    }
}

pub(super) fn enforcer(ns: &Netns, choice: Choice) -> Enforcer {
    ns.within(|| Enforcer::spawn(options(choice))).unwrap()
}

/// Waits for something that happens soon.
fn until<T>(what: &str, mut happens: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(done) = happens() {
            return done;
        }
        assert!(Instant::now() < end, "{what} did not happen");
    }
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

#[test]
fn it_holds_no_right_but_those_of_the_firewall_and_works() {
    with_each(|choice| {
        let ns = Netns::new();
        let mut enforcer = enforcer(&ns, choice);
        assert_eq!(enforcer.backend(), choice.name());
        let status = fs::read_to_string(format!("/proc/{}/status", enforcer.pid().unwrap())).unwrap();
        // Bits 12 and 13 (capability.h).
        let rights = if choice == Choice::Ipset { "0000000000003000" } else { "0000000000001000" };
        for name in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
            assert_eq!(line.trim(), rights, "{name}");
        }
        assert!(status.lines().any(|l| l == "NoNewPrivs:\t1"));

        let done = enforcer.apply(&everything()).unwrap();
        assert_eq!((done.blocked, done.isolated, done.refused.len()), (9, 3, 0));
        assert_eq!(enforcer.read_back().unwrap().drift(&everything()), None);
        assert!(enforcer.remove().unwrap());
        assert!(!enforcer.remove().unwrap());
    });
}

#[test]
fn when_it_dies_entries_stay_and_it_is_started_again() {
    with_each(|choice| {
        let ns = Netns::new();
        let mut enforcer = enforcer(&ns, choice);
        enforcer.apply(&everything()).unwrap();
        kill(enforcer.pid().unwrap());
        let gone = until("an answer that it is gone", || ns.within(|| enforcer.read_back()).err());
        assert!(matches!(gone, EnforceError::Gone { .. }), "{gone}");
        assert!(gone.to_string().contains("keeps its entries"), "{gone}");
        assert_eq!(ns.within(|| applier(&ns, choice).read_back()).unwrap().drift(&everything()), None);

        // No wait is asked for, so the next call starts it.
        let held = ns.within(|| enforcer.read_back()).unwrap();
        assert_eq!((held.drift(&everything()), enforcer.restarts()), (None, 1));
        ns.within(|| enforcer.apply(&everything())).unwrap();

        // Nor does it stay when its owner goes.
        let pid = enforcer.pid().unwrap();
        drop(enforcer);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        assert_eq!(ns.within(|| applier(&ns, choice).read_back()).unwrap().drift(&everything()), None);
    });
}

#[test]
fn a_second_start_waits_longer_than_the_first() {
    with_each(|choice| {
        let ns = Netns::new();
        let patient = Options { back_off: Duration::from_secs(1000), ..options(choice) };
        let mut enforcer = ns.within(|| Enforcer::spawn(patient)).unwrap();
        kill(enforcer.pid().unwrap());
        until("an answer that it is gone", || enforcer.ping().err());
        let Err(EnforceError::Gone { retry_secs, .. }) = enforcer.ping() else { panic!("it does not wait") };
        assert!((900..=1000).contains(&retry_secs), "{retry_secs}");
        assert_eq!(enforcer.restarts(), 0);
    });
}

#[test]
fn where_no_firewall_can_be_used_starting_it_says_why() {
    if !crate::netns::available(&["setpriv true"]) {
        return;
    }
    let ns = Netns::new();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("nobody");
    fs::write(
        &program,
        format!("#!/bin/sh\nexec /usr/bin/setpriv --reuid=65534 --clear-groups --inh-caps=-all {MINEWATCH} \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let unable = Options { program, ..options(Choice::Auto) };
    let Err(why) = ns.within(|| Enforcer::spawn(unable)) else { panic!("it started") };
    assert!(matches!(why, EnforceError::NoBackend(_)) && why.to_string().contains("CAP_NET_ADMIN"), "{why}");
}

/// An enforcer spoken to by bytes.
struct Raw {
    child: Child,
    socket: UnixStream,
}

impl Raw {
    fn start(ns: &Netns, choice: Choice) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let child = ns
            .command(MINEWATCH)
            .args(["enforcer", "--allow-documentation-ranges", "--backend", choice.name()])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut raw = Self { child, socket };
        assert!(raw.ask(r#"{"Ping":{}}"#).unwrap().contains("Pong"));
        raw
    }

    fn send(&mut self, body: &[u8]) {
        let mut bytes = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(body);
        self.socket.write_all(&bytes).unwrap();
    }

    fn hear(&mut self) -> Option<String> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).ok()?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.socket.read_exact(&mut body).ok()?;
        Some(String::from_utf8(body).unwrap())
    }

    fn ask(&mut self, body: &str) -> Option<String> {
        self.send(body.as_bytes());
        self.hear()
    }

    /// Closes the socket; the exit status and what was complained about.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.socket);
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

const ONE: &str = r#"{"Apply":{"block":[[{"addr":"198.51.100.10","service":["tcp",3333]},3600]],"isolate":[]}}"#;

fn state(ns: &Netns) -> String {
    let text = ns.run("nft list ruleset; ipset save");
    let kept: Vec<_> = text.lines().filter(|l| !l.contains("expires") && !l.contains("add mwlive")).collect();
    kept.join("\n")
}

#[test]
fn bytes_that_are_no_message_change_nothing_and_crash_nothing() {
    with_each(|choice| {
        let ns = Netns::new();
        let mut raw = Raw::start(&ns, choice);
        assert!(raw.ask(ONE).unwrap().contains("Applied"));
        let (before, wanted) = (state(&ns), block(endpoint("198.51.100.10", Proto::Tcp, 3333)));
        let unchanged = |after: &str| {
            assert_eq!(state(&ns), before, "after {after}");
            assert_eq!(ns.within(|| applier(&ns, choice).read_back()).unwrap().drift(&wanted), None, "after {after}");
        };

        // Whole messages that are none: told so, and the next one is heard.
        let odd: [&[u8]; 12] = [
            b"",
            b"{",
            b"\xff\xfe\x00\x80",
            b"null",
            br#""Remove""#,
            br#"{"Remove":{"all":true}}"#,
            br#"{"Run":{"program":"nft","arguments":["flush","ruleset"]}}"#,
            br#"{"Apply":{"block":[]}}"#,
            br#"{"Apply":{"block":[[{"addr":"198.51.100.1; flush ruleset"},60]],"isolate":[]}}"#,
            br#"{"Apply":{"block":[[{"addr":"0.0.0.0/0"},60]],"isolate":[]}}"#,
            br#"{"Apply":{"block":[[{"addr":"198.51.100.1","service":["tcp",99999]},60]],"isolate":[]}}"#,
            br#"{"Apply":{"block":[],"isolate":[{"host":"10.0.0.5","ttl_secs":60,"keep":["10.0.0.0/8 accept"]}]}}"#,
        ];
        for body in odd {
            let shown = String::from_utf8_lossy(body).into_owned();
            raw.send(body);
            let answer = raw.hear().unwrap_or_else(|| panic!("no answer to {shown}"));
            assert!(answer.contains("Failed") && answer.contains("Protocol"), "{shown}: {answer}");
            unchanged(&shown);
        }
        let deep = "[".repeat(100_000);
        assert!(raw.ask(&deep).unwrap().contains("Protocol"));
        let many = format!(
            r#"{{"Apply":{{"block":[{}],"isolate":[]}}}}"#,
            vec![r#"[{"addr":"198.51.100.1"},60]"#; 100_001].join(",")
        );
        assert!(raw.ask(&many).unwrap().contains("TooMany"));
        unchanged("too many entries");
        assert!(raw.ask(r#"{"Ping":{}}"#).unwrap().contains("Pong"));
        assert_eq!(raw.end(), (Some(0), String::new()));

        // Lengths that lie, and ends in the middle: it ends, with a sentence where it was not its owner who left.
        for bytes in [&[0xff; 64][..], &[0xff, 0xff, 0xff, 0xff], &[0, 0, 1, 0, b'{'], &[0, 0], b"GET / HTTP/1.1\r\n"] {
            let mut raw = Raw::start(&ns, choice);
            raw.socket.write_all(bytes).unwrap();
            raw.socket.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(raw.hear(), None);
            let (code, said) = raw.end();
            assert!(code == Some(2) && said.lines().count() == 1 && said.contains("no message"), "{code:?} {said}");
            unchanged("a length that lies");
        }
    });
}

/// Processes below this one.
fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|p| p.parse().unwrap()).collect()
}

/// Whether a process ended. Nobody may be in a hurry to take note of its end.
fn is_over(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

#[test]
fn killed_in_the_middle_of_a_change_the_kernel_holds_the_old_set_or_the_new_one() {
    with_each(|choice| {
        let ns = Netns::new();
        let set = |n: u8| -> (String, BTreeSet<u16>) {
            let ports: BTreeSet<u16> = (1..=5_000).map(|p| p + 5_000 * u16::from(n)).collect();
            let all: Vec<_> =
                ports.iter().map(|p| format!(r#"[{{"addr":"198.51.100.10","service":["tcp",{p}]}},3600]"#)).collect();
            (format!(r#"{{"Apply":{{"block":[{}],"isolate":[]}}}}"#, all.join(",")), ports)
        };
        let sets = [set(0), set(1)];
        let mut raw = Raw::start(&ns, choice);
        assert!(raw.ask(&sets[0].0).unwrap().contains("Applied"));
        drop(raw.end());
        let mut outcomes = BTreeSet::new();
        for round in 0..8 {
            let mut raw = Raw::start(&ns, choice);
            let pid = raw.child.id();
            raw.send(sets[(round + 1) % 2].0.as_bytes());
            // The firewall's program runs. In every other round it is killed as well.
            let programs = until("a program", || Some(children(pid)).filter(|c| !c.is_empty()));
            kill(pid);
            if round % 4 < 2 {
                let _ = Command::new("kill").args(["-9", &programs[0].to_string()]).output();
            }
            let _ = raw.child.wait();
            until("its end", || programs.iter().all(|p| is_over(*p)).then_some(()));
            let held = ns.within(|| applier(&ns, choice).read_back()).unwrap();
            let ports: BTreeSet<u16> = held.blocked.keys().map(|t| t.service.unwrap().1).collect();
            let which = sets.iter().position(|(_, all)| *all == ports);
            assert!(which.is_some(), "{} entries, neither old nor new", ports.len());
            outcomes.insert(which);
            // What a half-done run left of ipset's half-made sets is cleaned up by the next one.
            assert!(choice == Choice::Ipset || held.rules == Rules::Intact);
        }
        let mut raw = Raw::start(&ns, choice);
        assert!(raw.ask(&sets[0].0).unwrap().contains("Applied"));
        let held = ns.within(|| applier(&ns, choice).read_back()).unwrap();
        assert_eq!((held.blocked.len(), held.rules), (5_000, Rules::Intact));
        println!("{choice:?}: {outcomes:?}");
    });
}

#[test]
fn by_hand_it_only_says_that_it_is_not_for_hands() {
    let out = Command::new(MINEWATCH).arg("enforcer").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("started by minewatch itself"), "{said}");
}
