//! Mining that real programs encrypt (`stunnel` in TLS 1.2 and 1.3, `openvpn` over UDP and TCP), and what else they
//! carry.
//!
//! Two ends that only talk (nobody mines) say what a miner and a pool for Monero say, with messages of real sizes, by
//! turns: one speaks, the other hears all of it, and the wire at the gateway is silent for [`QUIET`] before the next
//! turn. So the silence of minutes takes none. What a turn put on the wire (handshakes, records, segments,
//! acknowledgements, datagrams, and how far apart they are) is written as captured, at the time at which the turn is due
//! in the conversation; only the silence between turns is made up. How busy the machine is makes no difference.
//!
//! Not real here: the pace (that of the generator's miners, `kit::heard`), a network's losses and delays, what a tunnel
//! sends to keep itself alive while nothing is said, and whatever else a host does meanwhile.
//!
//! `MINEWATCH_KEEP=FOLDER` keeps the captures.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use pcap::{Active, Capture};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::carriers::{Carrier, OpenVpn, POOL, Stunnel};
use crate::kit::capture::WEEK;
use crate::kit::dialogue::{MILLI, SECOND, Side};
use crate::kit::file::{self, Format, Record};
use crate::kit::heard::{self, Said};
use crate::kit::rng::Rng;
use crate::netns::world::{World, ip};
use crate::netns::{Netns, available};
use crate::support::corpus;
use crate::support::output::{Output, accuses, ends};
use crate::support::run::replay_json;

/// Acknowledgements are delayed by 40 ms.
const QUIET: Duration = Duration::from_millis(50);
/// A safety net: everything that is waited for comes much sooner.
const NEVER: Duration = Duration::from_secs(30);
/// How long a conversation lasts, seconds.
const LENGTH: f64 = 1_200.0;
const MICRO: u64 = 1_000;
/// Runs of each kind that the README's figures are made of.
const SEEDS: u64 = 20;
/// The run of everyday tests, all found long before the end: milliseconds of a busy machine do not decide.
const EVERYDAY: u64 = 17;
/// More than any frame has here.
const SNAP: u16 = 4096;
/// The miner's.
const HOST: &str = "192.0.2.2";

/// A conversation: what is said, and whether it is mining.
struct Script {
    mines: bool,
    turns: Vec<(u64, Side, Vec<u8>)>,
}

impl Script {
    /// A miner whose pool renews jobs after `timer` seconds, and which finds a share every `mean` seconds.
    fn miner(timer: f64, mean: f64, rng: &mut Rng) -> Self {
        let said = heard::mining(LENGTH, timer, mean, rng);
        let mut turns = vec![(400 * MILLI, Side::Client, login(rng))];
        let mut id = 1;
        for (n, (at, side, size)) in said.into_iter().enumerate() {
            let message = match (n, side, size) {
                (0, ..) => welcome(rng),
                (_, Side::Client, _) => {
                    id += 1;
                    share(id, rng)
                }
                (_, Side::Server, 378) => {
                    format!(r#"{{"jsonrpc":"2.0","method":"job","params":{}}}"#, job(rng))
                }
                _ => format!(r#"{{"id":{id},"jsonrpc":"2.0","error":null,"result":{{"status":"OK"}}}}"#),
            };
            turns.push((at, side, format!("{message}\n").into_bytes()));
        }
        Self { mines: true, turns }
    }

    /// Something else, of which only sizes matter.
    fn other(said: Vec<Said>, rng: &mut Rng) -> Self {
        let turns = said.into_iter().map(|(at, side, size)| (at, side, rng.bytes(size))).collect();
        Self { mines: false, turns }
    }
}

fn login(rng: &mut Rng) -> Vec<u8> {
    let algorithms = r#"["cn/1","cn/2","cn/r","cn/fast","cn/half","cn/xao","cn/rto","cn/rwz","cn/zls","cn/double","cn/ccx","rx/0","rx/wow","rx/arq","rx/graft","rx/sfx","rx/keva","panthera","argon2/chukwa","argon2/chukwav2","argon2/ninja","ghostrider","cn/upx2"]"#;
    let said = format!(
        r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"4{}","pass":"x","rigid":"rig-one","agent":"XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/12.2.0","algo":{algorithms}}}}}"#,
        &rng.hex(47),
    );
    format!("{said}\n").into_bytes()
}

fn job(rng: &mut Rng) -> String {
    format!(
        r#"{{"blob":"{}","job_id":"{}","target":"{}","height":3300000,"seed_hash":"{}","next_seed_hash":"","algo":"rx/0"}}"#,
        rng.hex(75),
        rng.hex(6),
        rng.hex(4),
        rng.hex(32),
    )
}

fn welcome(rng: &mut Rng) -> String {
    let job = job(rng);
    format!(r#"{{"id":1,"jsonrpc":"2.0","error":null,"result":{{"id":"742","job":{job},"status":"OK"}}}}"#)
}

fn share(id: u32, rng: &mut Rng) -> String {
    let (job, nonce, result) = (rng.hex(6), rng.hex(4), rng.hex(32));
    format!(
        r#"{{"id":{id},"jsonrpc":"2.0","method":"submit","params":{{"id":"742","job_id":"{job}","nonce":"{nonce}","result":"{result}"}}}}"#
    )
}

/// The wire at the gateway, and what was on it, with the times of the conversation.
pub(crate) struct Wire {
    capture: Capture<Active>,
    records: Vec<Record>,
}

impl Wire {
    pub(crate) fn open(world: &World, filter: &str) -> Self {
        let capture = world.gateway.within(|| {
            let capture = Capture::from_device("in0").unwrap().snaplen(SNAP.into()).immediate_mode(true);
            let mut capture = capture.open().unwrap().setnonblock().unwrap();
            capture.filter(filter, true).unwrap();
            capture
        });
        Self { capture, records: Vec::new() }
    }

    /// Takes what comes until nothing does: that of a turn `due` nanoseconds after the beginning.
    fn settle(&mut self, due: u64) {
        let (mut first, mut last) = (None, self.records.last().map_or(0, |r| r.at));
        loop {
            match self.capture.next_packet() {
                Ok(packet) => {
                    let stamp = packet.header.ts;
                    let at = stamp.tv_sec as u64 * SECOND + stamp.tv_usec as u64 * MICRO;
                    let since = at.saturating_sub(*first.get_or_insert(at));
                    last = (WEEK + due + since).max(last + MICRO);
                    self.records.push(Record { at: last, link: 1, data: packet.data.to_vec() });
                }
                Err(pcap::Error::TimeoutExpired) => {
                    if self.is_quiet() {
                        return;
                    }
                }
                Err(e) => panic!("{e}"),
            }
        }
    }

    /// Waits for frames; whether none came.
    fn is_quiet(&self) -> bool {
        let quiet = Timespec { tv_sec: 0, tv_nsec: i64::from(QUIET.subsec_nanos()) };
        poll(&mut [PollFd::new(&self.capture, PollFlags::IN)], Some(&quiet)).unwrap() == 0
    }
}

/// A connection from end to end, through whatever is between them.
pub(crate) struct Talk {
    wire: Wire,
    ends: [TcpStream; 2],
}

impl Talk {
    /// Connects to `to` from inside, which leads to `listener`.
    pub(crate) fn begin(mut wire: Wire, inside: &Netns, to: SocketAddr, listener: TcpListener) -> Self {
        let (tell, told) = channel();
        std::thread::spawn(move || tell.send(listener.accept().unwrap().0));
        let client = inside.within(|| TcpStream::connect_timeout(&to, NEVER)).unwrap();
        let server = told.recv_timeout(NEVER).expect("nobody passed the connection on");
        wire.settle(0);
        let ends = [client, server];
        for end in &ends {
            end.set_read_timeout(Some(NEVER)).unwrap();
        }
        Self { wire, ends }
    }

    fn say(&mut self, at: u64, side: Side, bytes: &[u8]) {
        (&self.ends[side.index()]).write_all(bytes).unwrap();
        let mut heard = vec![0; bytes.len()];
        (&self.ends[side.other().index()]).read_exact(&mut heard).unwrap();
        assert_eq!(heard, bytes);
        self.wire.settle(at);
    }

    fn play(mut self, script: &Script) -> Vec<Record> {
        for (at, side, bytes) in &script.turns {
            self.say(*at, *side, bytes);
        }
        self.wire.records
    }
}

/// What the program said of a conversation.
struct Outcome {
    mines: bool,
    /// The flow, where it said anything.
    flow: Option<Value>,
    /// Seconds from its first packet until it was suspected.
    after: Option<f64>,
}

/// Plays all conversations at once, and replays what was on the wire.
fn heard(carrier: &dyn Carrier, name: &str, scripts: &[Script]) -> Vec<Outcome> {
    let mut records: Vec<Record> = std::thread::scope(|scope| {
        let play = |(n, script)| scope.spawn(move || carrier.begin(n).play(script));
        let all: Vec<_> = (0..).zip(scripts).map(play).collect();
        all.into_iter().flat_map(|talk| talk.join().unwrap()).collect()
    });
    records.sort_by_key(|r| r.at);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.pcap");
    std::fs::write(&path, file::write(Format::USUAL, &records, SNAP.into())).unwrap();
    if let Some(keep) = std::env::var_os("MINEWATCH_KEEP") {
        std::fs::copy(&path, Path::new(&keep).join(format!("{name}.pcap"))).unwrap();
    }
    let output = Output::parse(&replay_json(&[&path], &[]).stdout).unwrap();
    let (proto, base) = carrier.seen();
    let outcome = |(port, script): (u16, &Script)| {
        let far = SocketAddr::from((ip(POOL), port));
        let of = |line: &&Value| ends(line).1 == far && ends(line).0.ip() == ip(HOST);
        let flow = output.of("miner_flow").find(of).cloned();
        assert!(flow.as_ref().is_none_or(|f| f["proto"] == proto), "{flow:#?}");
        let after = output.of("miner_alert").find(of).map(|alert| {
            let at: jiff::Timestamp = alert["timestamp"].as_str().unwrap().parse().unwrap();
            (at.as_nanosecond() - i128::from(WEEK)) as f64 / 1e9
        });
        Outcome { mines: script.mines, flow, after }
    };
    let told: Vec<_> = (base..).zip(scripts).map(outcome).collect();
    // Who is told of with the ends reversed is told of wrongly.
    assert_eq!(output.of("miner_flow").count(), told.iter().filter(|o| o.flow.is_some()).count(), "{name}");
    told
}

/// Miners of two pools and several speeds, and what else goes on for as long.
fn scripts(seed: u64) -> Vec<Script> {
    let mut rng = Rng::named(&format!("lab {seed}"));
    let rng = &mut rng;
    let pushes = heard::push_service(LENGTH, rng);
    let (poller, sensor) = (heard::poller(LENGTH, rng), heard::sensor(LENGTH, rng));
    vec![
        Script::miner(30.0, 15.0, rng),
        Script::miner(60.0, 25.0, rng),
        Script::other(pushes, rng),
        Script::other(poller, rng),
        Script::other(sensor, rng),
    ]
}

/// Carries conversations, replays them, and says how many miners were found and how soon. Fails where anything else is
/// accused. How many there were, and after how many seconds those were suspected that were.
fn judge(name: &str, seed: u64, codes: &[&str]) -> (usize, Vec<f64>) {
    let scripts = scripts(seed);
    let talks = u16::try_from(scripts.len()).unwrap();
    let outcomes = match name {
        "OpenVPN-peers" => heard(&OpenVpn::peers(talks), name, &scripts),
        "OpenVPN-UDP" => heard(&OpenVpn::new("udp", talks), name, &scripts),
        "OpenVPN-TCP" => heard(&OpenVpn::new("tcp", talks), name, &scripts),
        version => heard(&Stunnel::new(version, talks), name, &scripts),
    };
    let mut delays = Vec::new();
    for o in &outcomes {
        let Some(flow) = o.flow.as_ref().filter(|f| accuses(f)) else { continue };
        assert!(o.mines, "{name} {seed}: {flow:#}");
        assert_eq!(flow["dialect"], "encrypted", "{flow:#}");
        assert_ne!(flow["verdict"], "confirmed", "{flow:#}");
        let evidence = flow["evidence"].as_array().unwrap();
        assert!(codes.iter().all(|code| evidence.iter().any(|e| e["code"] == *code)), "{name} {seed}: {flow:#}");
        delays.push(o.after.unwrap());
    }
    let mining = outcomes.iter().filter(|o| o.mines).count();
    let secs: Vec<_> = delays.iter().map(|d| format!("{d:.0} s")).collect();
    corpus::say(&format!("{name}, seed {seed}: {} of {mining} miners found, after {}", delays.len(), secs.join(", ")));
    (mining, delays)
}

/// Conversations of several names at once: they hardly need a processor.
fn all_found(names: &[&str], codes: &[&str]) {
    std::thread::scope(|scope| {
        for name in names {
            scope.spawn(move || {
                let (mining, delays) = judge(name, EVERYDAY, codes);
                assert_eq!(delays.len(), mining, "{name}");
            });
        }
    });
}

const TLS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];
const TUNNELS: [&str; 3] = ["OpenVPN-UDP", "OpenVPN-TCP", "OpenVPN-peers"];
const FOR_TLS: [&str; 2] = ["command -v stunnel4", "command -v openssl"];
const FOR_TUNNELS: [&str; 3] = ["command -v openvpn", "command -v openssl", "ip tuntap add dev probe mode tun"];

#[test]
fn miners_behind_stunnel_are_suspected_by_their_sizes_and_what_goes_on_beside_them_is_not() {
    if available(&FOR_TLS) {
        all_found(&TLS, &["steady-exchange", "steady-pushes", "known-sizes", "chance-requests"]);
    }
}

#[test]
fn miners_in_tunnels_of_openvpn_are_suspected_by_their_sizes_and_a_push_service_in_one_is_not() {
    if available(&FOR_TUNNELS) {
        all_found(&TUNNELS, &["steady-exchange", "steady-pushes", "known-sizes", "chance-requests"]);
    }
}

/// `cargo test --test lab encrypted -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes: the figures of README.md"]
fn how_many_and_how_soon() {
    if !available(&FOR_TLS) || !available(&FOR_TUNNELS) {
        return;
    }
    let series = |name: &'static str| {
        let (mut mining, mut delays) = (0, Vec::new());
        for seed in 1..=SEEDS {
            let (more, found) = judge(name, seed, &[]);
            mining += more;
            delays.extend(found);
        }
        delays.sort_by(f64::total_cmp);
        let at = |part: usize| delays.get(delays.len() * part / 10).map_or(f64::NAN, |d| *d);
        format!("{name}: {} of {mining}, half within {:.0} s, nine of ten within {:.0} s", delays.len(), at(5), at(9))
    };
    let figures = std::thread::scope(|scope| {
        let all = TLS.into_iter().chain(TUNNELS).map(|name| scope.spawn(move || series(name)));
        all.collect::<Vec<_>>().into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
    });
    corpus::say(&figures.join("\n"));
}
