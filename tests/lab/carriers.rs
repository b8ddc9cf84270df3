//! Real programs that carry connections over the gateway so that it cannot read them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::encrypted::{Talk, Wire};
use crate::netns::Netns;
use crate::netns::world::{POOLS, World, ip};

/// A safety net: everything that is waited for comes much sooner.
const NEVER: Duration = Duration::from_secs(30);
/// Where connections lead.
pub(crate) const POOL: &str = POOLS[0].0;
/// The first port where the far end listens, which the gateway does not see.
const HIDDEN: u16 = 3333;
/// What it sees instead.
const HTTPS: u16 = 443;
const VPN: u16 = 1194;
/// What `openvpn` says when its tunnel stands, or it waits for clients.
const READY: &str = "Initialization Sequence Completed";

/// Connections from inside to the far end, the n-th to its port [`HIDDEN`] + n.
pub(crate) trait Carrier: Sync {
    /// What is seen at the gateway, and to the first of which ports.
    fn seen(&self) -> (&'static str, u16);

    fn begin(&self, n: u16) -> Talk;
}

/// TLS, from one `stunnel` to another.
pub(crate) struct Stunnel {
    _programs: [Program; 2],
    world: World,
    _folder: tempfile::TempDir,
}

impl Stunnel {
    pub(crate) fn new(version: &str, talks: u16) -> Self {
        let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
        let certificate = certificate(&world.outside, folder.path());
        let start = |ns: &Netns, name: &str, more: &str, way: &dyn Fn(u16) -> (SocketAddr, SocketAddr)| {
            let mut config = format!(
                "foreground = yes\npid =\nsyslog = no\ndebug = 6\nsslVersionMin = {version}\nsslVersionMax = {version}\n{more}\n"
            );
            for n in 0..talks {
                let (accept, connect) = way(n);
                writeln!(config, "[{n}]\naccept = {accept}\nconnect = {connect}").unwrap();
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
pub(crate) struct OpenVpn {
    proto: &'static str,
    /// Between two ends of which none is a server.
    peers: bool,
    /// Of the ends near the miners; the pools'.
    near: Mutex<Vec<Program>>,
    far: Vec<Program>,
    world: World,
    certificate: String,
    _folder: tempfile::TempDir,
}

impl OpenVpn {
    pub(crate) fn new(proto: &'static str, talks: u16) -> Self {
        Self::between(proto, false, talks)
    }

    /// Over UDP, without a server.
    pub(crate) fn peers(talks: u16) -> Self {
        Self::between("udp", true, talks)
    }

    fn between(proto: &'static str, peers: bool, talks: u16) -> Self {
        let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
        let certificate = certificate(&world.outside, folder.path());
        let mut it =
            Self { proto, peers, near: Mutex::default(), far: Vec::new(), world, certificate, _folder: folder };
        for n in 0..talks {
            let [a, b, c, d] = Self::network(n);
            let (suffix, inside, ready) = if peers {
                ("", format!("--tls-server {}", Self::ends(n, [1, 2])), "link remote: [AF_UNSPEC]")
            } else {
                let suffix = if proto == "tcp" { "-server" } else { "" };
                let network = format!("--server {a}.{b}.{c}.{d} 255.255.255.240 --topology subnet");
                (suffix, network, READY)
            };
            let far = format!("--proto {proto}{suffix} --local {POOL} --port {} --dh none {inside}", VPN + n);
            let far = it.openvpn(&it.world.outside, &far, ready);
            it.far.push(far);
        }
        it
    }

    /// An end's own address and the other's.
    fn ends(n: u16, [own, other]: [u8; 2]) -> String {
        let at = |host: u8| {
            let [first, second, third, last] = Self::network(n);
            Ipv4Addr::from([first, second, third, last + host])
        };
        format!("--ifconfig {} {}", at(own), at(other))
    }

    /// Inside of a tunnel: 16 addresses.
    fn network(n: u16) -> [u8; 4] {
        [203, 0, 113, u8::try_from(16 * n).unwrap()]
    }

    fn openvpn(&self, ns: &Netns, more: &str, ready: &str) -> Program {
        let all = format!("--dev tun --ca {0}.crt --cert {0}.crt --key {0}.key", self.certificate);
        Program::start(ns, &format!("openvpn {all} {more}"), ready)
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
        let (proto, port) = (self.proto, VPN + n);
        let wire = Wire::open(&self.world, &format!("{proto} port {port}"));
        let way = if proto == "tcp" { "tcp-client" } else { proto };
        let role = if self.peers { format!("--tls-client {}", Self::ends(n, [2, 1])) } else { "--client".to_owned() };
        let near = format!("--proto {way} {role} --nobind --remote {POOL} {port}");
        let near = self.openvpn(&self.world.inside, &near, READY);
        self.near.lock().unwrap().push(near);
        // Without a server, an end has its address inside only then.
        let listener = listen(&self.world.outside, there);
        Talk::begin(wire, &self.world.inside, there, listener)
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
