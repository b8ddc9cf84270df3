//! A capture composed for one case, and what the program made of it.
//!
//! In: what two programs say, and how their packets travel. Out: a [`Run`] of the binary over the file: exit code,
//! JSON events, text and every block list.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::kit::capture::{Capture, WEEK};
use crate::kit::carriage::{Carriage, ETHERNET};
use crate::kit::dialogue::{Dialogue, MILLI, SECOND, Side};
use crate::kit::file::{Format, Record, write};
use crate::kit::rng::Rng;
use crate::kit::tcp::{self, Conversation, Segment};

/// What two programs say to each other, a fifth of a second between turns.
#[derive(Clone, Default)]
pub(crate) struct Words {
    dialogue: Dialogue,
    now: u64,
}

impl Words {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn of(dialogue: Dialogue) -> Self {
        Self { dialogue, now: 0 }
    }

    pub(crate) fn c(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.now += 200 * MILLI;
        self.dialogue.client(self.now, text);
        self
    }

    pub(crate) fn s(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.now += 200 * MILLI;
        self.dialogue.server(self.now, text);
        self
    }

    /// Silence.
    pub(crate) fn later(mut self, seconds: u64) -> Self {
        self.now += seconds * SECOND;
        self
    }

    pub(crate) fn then(mut self, more: &Self) -> Self {
        for t in &more.dialogue.turns {
            self.dialogue.turns.push(crate::kit::dialogue::Turn { at: self.now + t.at, ..t.clone() });
        }
        self.now += more.now;
        self
    }

    pub(crate) fn dialogue(&self) -> &Dialogue {
        &self.dialogue
    }
}

/// The capture of a case.
pub(crate) struct Scene {
    pub(crate) records: Vec<Record>,
    pub(crate) rng: Rng,
    ports: u16,
    frames: u32,
}

/// The ends of the tunnels of all cases.
pub(crate) const OUTER: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(10, 9, 0, 2)];

impl Scene {
    pub(crate) fn new() -> Self {
        Self { records: Vec::new(), rng: Rng::named("cases"), ports: 40_000, frames: 0 }
    }

    /// A connection. Without a port, the client takes the next one.
    pub(crate) fn talk(&mut self, client: &str, server: &str) -> Conversation {
        let client = client.parse().unwrap_or_else(|_| {
            self.ports += 1;
            SocketAddr::new(client.parse().unwrap(), self.ports)
        });
        Conversation::new(client, server.parse().unwrap(), WEEK, &mut self.rng)
    }

    /// Segments of a dialogue.
    pub(crate) fn segments(&mut self, talk: &Conversation, words: &Words) -> Vec<Segment> {
        tcp::play(talk, words.dialogue(), &mut self.rng)
    }

    /// Plays a dialogue in the open.
    pub(crate) fn play(&mut self, client: &str, server: &str, words: &Words) -> Conversation {
        self.carry(client, server, words, &Carriage::Plain)
    }

    /// Plays a dialogue in some carriage.
    pub(crate) fn carry(&mut self, client: &str, server: &str, words: &Words, carriage: &Carriage) -> Conversation {
        let talk = self.talk(client, server);
        let segments = self.segments(&talk, words);
        self.put(&talk, &segments, carriage);
        talk
    }

    pub(crate) fn put(&mut self, talk: &Conversation, segments: &[Segment], carriage: &Carriage) {
        for s in segments {
            self.packet(s.at, &Capture::packet(talk, s), s.side, talk.client.ip(), carriage);
        }
    }

    /// One IP packet in a carriage.
    pub(crate) fn packet(&mut self, at: u64, packet: &[u8], side: Side, host: IpAddr, carriage: &Carriage) {
        self.frames += 1;
        let data = carriage.frame(packet, side, host, OUTER, self.frames);
        self.frame(at, carriage.link_type(), data);
    }

    pub(crate) fn frame(&mut self, at: u64, link: u16, data: Vec<u8>) {
        self.records.push(Record { at, link, data });
    }

    /// Every packet of a dialogue, wrapped into Ethernet frames by `wrap`.
    pub(crate) fn wrapped(
        &mut self,
        client: &str,
        server: &str,
        words: &Words,
        mut wrap: impl FnMut(&[u8], Side, u32) -> Vec<Vec<u8>>,
    ) -> Conversation {
        let talk = self.talk(client, server);
        for (s, n) in self.segments(&talk, words).iter().zip(0..) {
            for frame in wrap(&Capture::packet(&talk, s), s.side, n) {
                self.frame(s.at, ETHERNET, frame);
            }
        }
        talk
    }

    /// The records in time order.
    pub(crate) fn sorted(&self) -> Vec<Record> {
        let mut records = self.records.clone();
        records.sort_by_key(|r| r.at);
        records
    }

    /// As a usual pcap.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        write(Format::USUAL, &self.sorted(), 262_144)
    }

    pub(crate) fn run(&self) -> Run {
        self.run_with(&[])
    }

    pub(crate) fn run_with(&self, args: &[&str]) -> Run {
        run_bytes(&self.pcap(), args)
    }

    /// The report for people.
    pub(crate) fn text(&self, args: &[&str]) -> Said {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("case.pcap");
        std::fs::write(&file, self.pcap()).unwrap();
        said(Command::new(BINARY).arg("replay").arg(file).args(args), None)
    }
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_minewatch");

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }
}

/// Runs a command to its end. A panic of the program is never right.
pub(crate) fn said(command: &mut Command, input: Option<&[u8]>) -> Said {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().unwrap();
    let writer = input.map(|bytes| {
        let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
        // The program may end without reading all.
        std::thread::spawn(move || drop(stdin.write_all(&bytes)))
    });
    let out = child.wait_with_output().unwrap();
    if let Some(writer) = writer {
        writer.join().unwrap();
    }
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!err.contains("panicked"), "{err}");
    Said { code: out.status.code().expect("killed by a signal"), out: out.stdout, err }
}

/// The binary's answer: JSON lines and the four lists.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) err: String,
    pub(crate) out: Vec<u8>,
    pub(crate) events: Vec<Value>,
    pub(crate) lists: BTreeMap<&'static str, String>,
    folder: tempfile::TempDir,
}

/// Replays one capture given as bytes.
pub(crate) fn run_bytes(bytes: &[u8], args: &[&str]) -> Run {
    run_files(&[("case.pcap", bytes)], args)
}

/// Replays captures given as names and bytes, in that order.
pub(crate) fn run_files(files: &[(&str, &[u8])], args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, bytes)| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    run_paths(&paths, args, None)
}

/// Replays from standard input.
pub(crate) fn run_piped(bytes: &[u8], args: &[&str]) -> Run {
    run_paths(&[PathBuf::from("-")], args, Some(bytes))
}

const LISTS: [(&str, &str); 5] = [
    ("nft", "list.nft"),
    ("ipset", "list.ipset"),
    ("iptables", "list.iptables"),
    ("ip6tables", "list.iptables.v6"),
    ("plain", "list.txt"),
];

pub(crate) fn run_paths(paths: &[PathBuf], args: &[&str], input: Option<&[u8]>) -> Run {
    run_where(paths, &[args, &["--allow-documentation-ranges"]].concat(), input)
}

/// Like the others, but documentation ranges are as never blocked as usual.
pub(crate) fn run_where(paths: &[PathBuf], args: &[&str], input: Option<&[u8]>) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(BINARY);
    command.arg("replay").args(paths).arg("--json").arg("--blocklist").arg(folder.path().join("list"));
    for format in ["nft", "ipset", "iptables", "plain"] {
        command.args(["--format", format]);
    }
    let Said { code, out, err } = said(command.args(args), input);
    let text = std::str::from_utf8(&out).unwrap();
    let events = text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let lists = LISTS.iter().map(|(format, name)| (*format, read(name))).collect();
    Run { code, err, out, events, lists, folder }
}

impl Run {
    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|e| e["event_type"] == kind).collect()
    }

    /// Mining flows that raise an alarm.
    pub(crate) fn miners(&self) -> Vec<&Value> {
        self.of("miner_flow").into_iter().filter(|f| f["verdict"] != "noted").collect()
    }

    /// The one mining flow there is.
    pub(crate) fn miner(&self) -> &Value {
        let all = self.miners();
        assert_eq!(all.len(), 1, "mining flows: {all:#?}\n{}\n{}", self.health_text(), self.err);
        all[0]
    }

    /// The one mining flow, which is certain, with all it takes.
    pub(crate) fn confirmed(&self) -> &Value {
        let flow = self.miner();
        assert_eq!(flow["verdict"], "confirmed", "{flow:#}");
        flow
    }

    pub(crate) fn health(&self) -> &Value {
        let last = self.events.last().unwrap_or_else(|| panic!("no output: {}", self.err));
        assert_eq!(last["event_type"], "health");
        last
    }

    fn health_text(&self) -> String {
        let health = self.health().as_object().unwrap();
        health.iter().filter(|(_, v)| **v != 0).map(|(k, v)| format!("{k} {v}")).collect::<Vec<_>>().join("; ")
    }

    /// All that was printed, but for the names of the inputs.
    pub(crate) fn findings(&self) -> String {
        let mut events = self.events.clone();
        for e in &mut events {
            e.as_object_mut().unwrap().remove("inputs");
        }
        events.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn count(&self, counter: &str) -> u64 {
        self.health()[counter].as_u64().unwrap_or_else(|| panic!("no counter {counter}"))
    }

    pub(crate) fn warned(&self, part: &str) -> usize {
        let all = [&self.health()["warnings"], &self.health()["notes"]];
        all.into_iter().flat_map(|w| w.as_array().unwrap()).filter(|w| w.as_str().unwrap().contains(part)).count()
    }

    /// Blocked endpoints.
    pub(crate) fn blocked(&self) -> Vec<String> {
        self.of("blocked").iter().map(|b| endpoint(b)).collect()
    }

    /// Blocked names.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.of("name_blocked").iter().map(|n| n["name"].as_str().unwrap()).collect()
    }

    /// Refusals of a name, by code.
    pub(crate) fn refused_name(&self, name: &str) -> Vec<&str> {
        let all = self.of("name_refused");
        all.into_iter().filter(|r| r["name"] == name).map(|r| r["reason"].as_str().unwrap()).collect()
    }

    /// Refusals of an endpoint, by code.
    pub(crate) fn refused(&self, target: &str) -> Vec<&str> {
        let all = self.of("block_refused");
        all.into_iter().filter(|r| endpoint(r) == target).map(|r| r["reason"].as_str().unwrap()).collect()
    }

    /// Addresses in the plain list.
    pub(crate) fn plain(&self) -> Vec<&str> {
        self.lists["plain"].lines().filter(|l| !l.starts_with('#')).collect()
    }

    pub(crate) fn list_file(&self, format: &str) -> PathBuf {
        let (_, name) = LISTS.iter().find(|(id, _)| *id == format).unwrap();
        self.folder.path().join(name)
    }

    /// Nothing is blocked, in any format.
    pub(crate) fn blocks_nothing(&self) {
        assert_eq!(self.blocked(), [""; 0]);
        assert_eq!(self.plain(), [""; 0]);
        assert!(self.lists["nft"].contains("add table"), "the nft list is there, and valid when empty");
        for (format, word) in
            [("nft", "add element"), ("ipset", "\nadd "), ("iptables", "\n-A "), ("ip6tables", "\n-A ")]
        {
            assert!(!self.lists[format].contains(word), "{format}: {}", self.lists[format]);
        }
    }

    /// No alarm, no entry, exit status 0.
    pub(crate) fn silent(&self) {
        assert!(self.miners().is_empty(), "{:#?}", self.miners());
        let alarms = self.of("miner_alert");
        assert!(alarms.is_empty(), "{alarms:#?}");
        self.blocks_nothing();
        assert_eq!(self.code, 0, "{}", self.err);
    }

    /// Found, at most `probable`, and nothing blocked.
    pub(crate) fn attempt(&self) -> &Value {
        let flow = self.miner();
        assert!(["suspected", "probable"].contains(&flow["verdict"].as_str().unwrap()), "{flow:#}");
        assert_eq!(self.code, 1, "{}", self.err);
        self.blocks_nothing();
        flow
    }
}

fn endpoint(e: &Value) -> String {
    let ip: IpAddr = e["ip"].as_str().unwrap().parse().unwrap();
    match e["port"].as_u64() {
        Some(port) => SocketAddr::new(ip, port.try_into().unwrap()).to_string(),
        None => ip.to_string(),
    }
}

/// A capture that comes with the cases, or a note that it is not here.
pub(crate) fn given(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("MINEWATCH_CASES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases"), PathBuf::from);
    let path = folder.join("captures").join(name);
    if path.is_file() {
        return Some(path);
    }
    let _ = writeln!(std::io::stderr(), "skipped 1 case: {name} is not here");
    None
}
