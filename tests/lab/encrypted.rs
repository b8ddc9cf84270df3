//! Mining that real programs encrypt: `stunnel` in TLS 1.2 and 1.3, `openvpn` over UDP; and what else they carry.
//!
//! Two ends that only talk (nobody mines) say what a miner and a pool for Monero say, with messages of real sizes, by
//! turns: one speaks, the other hears all of it, and the wire at the gateway is silent for [`QUIET`] before the next turn.
//! So the silence of minutes takes none. What a turn put on the wire (handshakes, records, segments, acknowledgements,
//! datagrams, and how far apart they are) is written as captured, at the time at which the turn is due in the
//! conversation; only the silence between turns is made up. How busy the machine is makes no difference.
//!
//! Not real here: the pace (that of the generator's miners, `kit::heard`), a network's losses and delays, and whatever else
//! a host does meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use pcap::{Active, Capture};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::kit::capture::WEEK;
use crate::kit::dialogue::{MILLI, SECOND, Side};
use crate::kit::file::{self, Format, Record};
use crate::kit::heard::{self, Said};
use crate::kit::rng::Rng;
use crate::netns::world::{POOLS, World, ip};
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
const SEEDS: u64 = 10;
/// More than any frame has here.
const SNAP: u32 = 4096;
/// The first port where the far end listens, which the gateway does not see.
const HIDDEN: u16 = 3333;
/// Where it does.
const HTTPS: u16 = 443;
const VPN: u16 = 1194;
/// The miner's host, and where its pool is.
const HOST: &str = "192.0.2.2";
const POOL: &str = POOLS[0].0;

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
        let mut said_so: Vec<_> = said.into_iter().map(|(at, side, size)| (at, side, rng.bytes(size))).collect();
        said_so.sort_by_key(|turn| turn.0);
        Self { mines: false, turns: said_so }
    }

    fn push_service(rng: &mut Rng) -> Self {
        Self::other(heard::push_service(LENGTH, rng), rng)
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
struct Wire {
    capture: Capture<Active>,
    records: Vec<Record>,
}

impl Wire {
    fn open(world: &World, filter: &str) -> Self {
        let capture = world.gateway.within(|| {
            let capture = Capture::from_device("in0").unwrap().snaplen(SNAP as i32).immediate_mode(true);
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
struct Talk {
    wire: Wire,
    ends: [TcpStream; 2],
}

impl Talk {
    /// Connects to `to` from inside, which leads to `listener`.
    fn begin(mut wire: Wire, inside: &Netns, to: SocketAddr, listener: TcpListener) -> Self {
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

/// A program in a namespace, ended with its owner.
struct Program(Child);

impl Program {
    /// Starts it and waits until it has said that it is `ready`.
    fn start(ns: &Netns, line: &str, ready: &str) -> Self {
        let mut command = ns.command("sh");
        command.args(["-c", &format!("exec {line} 2>&1")]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut program = Self(command.spawn().unwrap());
        let out = BufReader::new(program.0.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut heard = Vec::new();
        loop {
            match lines.recv_timeout(NEVER) {
                Ok(line) if line.contains(ready) => return program,
                Ok(line) => heard.push(line),
                Err(e) => panic!("{line} is not ready ({e}):\n{}", heard.join("\n")),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A certificate and its key in one file.
fn certificate(ns: &Netns, folder: &Path) -> String {
    let path = folder.join("both.pem").display().to_string();
    ns.run(&format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=far.example \
         -keyout {path}.key -out {path}.crt 2>/dev/null && cat {path}.crt {path}.key > {path}"
    ));
    path
}

/// Connections from inside to the far end, the n-th to its port [`HIDDEN`] + n.
trait Carrier: Sync {
    /// What is seen at the gateway, and to the first of which ports.
    fn seen(&self) -> (&'static str, u16);

    fn begin(&self, n: u16) -> Talk;
}

/// TLS, from one `stunnel` to another.
struct Stunnel {
    _programs: [Program; 2],
    world: World,
    _folder: tempfile::TempDir,
}

impl Stunnel {
    fn new(version: &str, talks: u16) -> Self {
        let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
        let certificate = certificate(&world.outside, folder.path());
        let start = |ns: &Netns, name: &str, more: &str, way: &dyn Fn(u16) -> (SocketAddr, SocketAddr)| {
            let mut config = format!(
                "foreground = yes\npid =\nsyslog = no\ndebug = 6\nsslVersionMin = {version}\nsslVersionMax = {version}\n{more}\n"
            );
            for n in 0..talks {
                let (accept, connect) = way(n);
                config += &format!("[{n}]\naccept = {accept}\nconnect = {connect}\n");
            }
            let file = folder.path().join(name);
            std::fs::write(&file, config).unwrap();
            Program::start(ns, &format!("stunnel4 {}", file.display()), "Accepting new connections")
        };
        let far = |n| SocketAddr::from((ip(POOL), HTTPS + n));
        let programs = [
            start(&world.outside, "far", &format!("cert = {certificate}"), &|n| (far(n), local(n))),
            start(&world.inside, "near", "client = yes", &|n| (local(n), far(n))),
        ];
        Self { _programs: programs, world, _folder: folder }
    }
}

impl Carrier for Stunnel {
    fn seen(&self) -> (&'static str, u16) {
        ("tcp", HTTPS)
    }

    fn begin(&self, n: u16) -> Talk {
        let listener = listen(&self.world.outside, local(n));
        let wire = Wire::open(&self.world, &format!("tcp port {}", HTTPS + n));
        Talk::begin(wire, &self.world.inside, local(n), listener)
    }
}

fn local(n: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, HIDDEN + n).into()
}

fn listen(ns: &Netns, at: SocketAddr) -> TcpListener {
    ns.within(|| TcpListener::bind(at)).unwrap()
}

/// Tunnels of `openvpn` over UDP or TCP, one for each connection.
struct OpenVpn {
    proto: &'static str,
    /// Of the near ends; those of the far ends.
    near: Mutex<Vec<Program>>,
    _far: Vec<Program>,
    world: World,
    certificate: String,
    _folder: tempfile::TempDir,
}

impl OpenVpn {
    fn new(proto: &'static str, talks: u16) -> Self {
        let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
        let certificate = certificate(&world.outside, folder.path());
        let mut it = Self { proto, near: Mutex::default(), _far: Vec::new(), world, certificate, _folder: folder };
        for n in 0..talks {
            let [a, b, c, d] = Self::network(n);
            let server = format!(
                "--proto {proto}{} --local {POOL} --port {} --server {a}.{b}.{c}.{d} 255.255.255.240 --topology subnet \
                 --dh none",
                if proto == "tcp" { "-server" } else { "" },
                VPN + n
            );
            it._far.push(it.openvpn(&it.world.outside, &server));
        }
        it
    }

    /// Inside of a tunnel: 16 addresses.
    fn network(n: u16) -> [u8; 4] {
        [203, 0, 113, u8::try_from(16 * n).unwrap()]
    }

    fn openvpn(&self, ns: &Netns, more: &str) -> Program {
        let all = format!("--dev tun --ca {0}.crt --cert {0}.crt --key {0}.key", self.certificate);
        Program::start(ns, &format!("openvpn {all} {more}"), "Initialization Sequence Completed")
    }
}

impl Carrier for OpenVpn {
    fn seen(&self) -> (&'static str, u16) {
        (self.proto, VPN)
    }

    fn begin(&self, n: u16) -> Talk {
        let mut there = Self::network(n);
        there[3] += 1;
        let there = SocketAddr::from((there, HIDDEN));
        let listener = listen(&self.world.outside, there);
        let (proto, port) = (self.proto, VPN + n);
        let wire = Wire::open(&self.world, &format!("{proto} port {port}"));
        let way = if proto == "tcp" { "tcp-client" } else { proto };
        let near = format!("--proto {way} --client --nobind --remote {POOL} {port}");
        let near = self.openvpn(&self.world.inside, &near);
        self.near.lock().unwrap().push(near);
        Talk::begin(wire, &self.world.inside, there, listener)
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
    std::fs::write(&path, file::write(Format::USUAL, &records, SNAP)).unwrap();
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
    // Whoever is told of with the ends reversed is told of wrongly.
    assert_eq!(output.of("miner_flow").count(), told.iter().filter(|o| o.flow.is_some()).count(), "{name}");
    told
}

/// Miners of two pools and several speeds, and what else goes on for as long.
fn scripts(seed: u64) -> Vec<Script> {
    let mut rng = Rng::named(&format!("lab {seed}"));
    let rng = &mut rng;
    let (poller, sensor) = (heard::poller(LENGTH, rng), heard::sensor(LENGTH, rng));
    vec![
        Script::miner(30.0, 15.0, rng),
        Script::miner(60.0, 25.0, rng),
        Script::push_service(rng),
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
                let (mining, delays) = judge(name, 1, codes);
                assert_eq!(delays.len(), mining, "{name}");
            });
        }
    });
}

const TLS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];
const TUNNELS: [&str; 2] = ["OpenVPN-UDP", "OpenVPN-TCP"];
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
        all_found(&TUNNELS, &["steady-exchange", "steady-pushes", "chance-requests"]);
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
        let all = [TLS, TUNNELS].concat().into_iter().map(|name| scope.spawn(move || series(name)));
        all.collect::<Vec<_>>().into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
    });
    corpus::say(&figures.join("\n"));
}
