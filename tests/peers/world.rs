//! A miner, a machine in the middle and a pool, with everything captured that the one in the middle sees.

use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::netns::{Actor, Netns};
use crate::support::run::{Run, finish};
use crate::sv2;

/// The miner's addresses.
pub(crate) const MINER: [&str; 2] = ["192.0.2.2", "2001:db8:a::2"];
/// The middle, from the miner's side.
pub(crate) const INSIDE: [&str; 2] = ["192.0.2.1", "2001:db8:a::1"];
/// The middle, from the pool's side.
pub(crate) const OUTSIDE: [&str; 2] = ["198.51.100.1", "2001:db8:b::1"];
/// The pool's addresses.
pub(crate) const POOL: [&str; 2] = ["198.51.100.10", "2001:db8:b::10"];
/// Ports on which the pool speaks dialects of lines.
pub(crate) const PORTS: std::ops::Range<u16> = 3331..3339;
/// The pool's name, which the middle can resolve.
pub(crate) const NAME: &str = "pool.example";

/// A safety net for a peer that never gets ready or never ends.
const NEVER: Duration = Duration::from_mins(1);
/// What the last captured datagram says.
const MARK: &str = "here ends the capture of this test";

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip(address), port)
}

/// Who is where. Programs end before their namespaces, the folder last.
pub(crate) struct World {
    services: Vec<Service>,
    stratum: Actor,
    capture: Capture,
    pub(crate) miner: Netns,
    pub(crate) middle: Netns,
    pub(crate) pool: Netns,
    folder: tempfile::TempDir,
    sessions: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        let (miner, middle, pool) = (Netns::new(), Netns::new(), Netns::new());
        middle.cable(("in0", INSIDE.map(ip)), &miner, ("eth0", MINER.map(ip)));
        middle.cable(("out0", OUTSIDE.map(ip)), &pool, ("eth0", POOL.map(ip)));
        middle.run("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
        for (ns, [v4, v6]) in [(&miner, INSIDE), (&pool, OUTSIDE)] {
            ns.run(&format!("ip route add default via {v4}; ip -6 route add default via {v6}"));
        }
        let ports = PORTS.chain([sv2::PORT]);
        let listen: Vec<String> = ports.flat_map(|port| POOL.map(|address| at(address, port).to_string())).collect();
        let mut stratum = pool.role(&format!("pool {}", listen.join(" ")));
        assert_eq!(stratum.hear(), "READY");
        let capture = Capture::start(&middle);
        let folder = tempfile::tempdir().unwrap();
        // Peers that give up their rights write their logs here.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let world = Self { services: Vec::new(), stratum, capture, miner, middle, pool, folder, sessions: 0 };
        world.write("hosts", &format!("{} {NAME}\n", POOL[0]));
        world
    }

    /// A file that peers can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A path for a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a peer in the middle and waits until it listens on all of `ports`.
    pub(crate) fn start(&mut self, line: &str, ports: &[u16]) {
        let service = Service::start(&self.middle, line, self.path(&format!("service{}", self.services.len())));
        self.services.push(service.ready(&self.middle, TCP, ports));
    }

    /// Starts a peer beside the pool and waits until it listens.
    pub(crate) fn start_beside_pool(&mut self, line: &str, port: u16) {
        self.start_at_pool(line, TCP, port);
    }

    /// The same for one that speaks over UDP.
    pub(crate) fn start_udp_beside_pool(&mut self, line: &str, port: u16) {
        self.start_at_pool(line, UDP, port);
    }

    fn start_at_pool(&mut self, line: &str, table: SocketTable, port: u16) {
        let service = Service::start(&self.pool, line, self.path(&format!("service{}", self.services.len())));
        self.services.push(service.ready(&self.pool, table, &[port]));
    }

    /// Starts a peer beside the miner and waits until it listens.
    pub(crate) fn start_beside_miner(&mut self, line: &str, port: u16) {
        let service = Service::start(&self.miner, line, self.path(&format!("service{}", self.services.len())));
        self.services.push(service.ready(&self.miner, TCP, &[port]));
    }

    /// A whole session of a stub miner, `how` as the role wants it.
    pub(crate) fn mine(&mut self, how: &str) {
        let mut miner = self.miner.role(&format!("mine {how}"));
        assert_eq!(miner.hear(), "DONE");
        self.sessions += 1;
    }

    /// Begins such a session that goes on, and ends, when it is told to.
    pub(crate) fn mine_held(&mut self, how: &str) -> Actor {
        let mut miner = self.miner.role(&format!("mine {how}"));
        assert_eq!(miner.hear(), "HALF");
        self.sessions += 1;
        miner
    }

    /// Runs a client that somebody else wrote to its end, beside the miner.
    pub(crate) fn run_client(&mut self, line: &str) {
        self.visit(line);
        self.sessions += 1;
    }

    /// The same for one that has nothing to say to the pool's miners' ports. What it printed.
    pub(crate) fn visit(&self, line: &str) -> String {
        let out = self.miner.try_run(&format!("timeout {} {line}", NEVER.as_secs()));
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{line}: {said}");
        said
    }

    /// Waits until the pool has seen the end of every session.
    pub(crate) fn settle(&mut self) {
        for _ in 0..std::mem::take(&mut self.sessions) {
            assert_eq!(self.stratum.hear(), "CLOSED");
        }
    }

    /// Ends the peers in the middle: some keep their connection to the pool as long as they live.
    pub(crate) fn stop(&mut self) {
        self.services.clear();
    }

    /// Waits until the pool has seen the end of every session, and replays what was captured, with a block list.
    pub(crate) fn replay(self) -> Replay {
        self.replay_with(&[])
    }

    /// The same with more options.
    pub(crate) fn replay_with(mut self, options: &[&str]) -> Replay {
        self.settle();
        let mut mark = self.miner.role(&format!("mark {} {MARK}", at(INSIDE[0], 9)));
        assert_eq!(mark.hear(), "MARKED");
        let capture = self.path("capture.pcap");
        fs::write(&capture, self.capture.finish()).unwrap();
        if let Some(keep) = std::env::var_os("MINEWATCH_KEEP") {
            let name = thread::current().name().unwrap_or("capture").to_owned();
            fs::copy(&capture, Path::new(&keep).join(format!("{name}.pcap"))).unwrap();
        }
        let list = self.path("list.nft");
        // The machine's own addresses and gateways are never blocked, whatever they are: here it has none.
        let nowhere = Netns::new();
        let run = finish(
            nowhere
                .command(env!("CARGO_BIN_EXE_minewatch"))
                .args(["replay", "--json", "--allow-documentation-ranges", "--format", "nft", "--blocklist"])
                .args([&list, &capture])
                .args(options)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        );
        Replay { run, list: fs::read_to_string(list).unwrap() }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() {
            let said: String = self.services.iter().map(Service::log).collect();
            eprintln!("the peers said:\n{said}");
        }
    }
}

/// What a user gets of a capture.
pub(crate) struct Replay {
    pub(crate) run: Run,
    pub(crate) list: String,
}

/// A program inside a network namespace and a process namespace, with all that it starts. They are gone when the returned
/// command's standard input is closed, by whatever ends its owner, or when the program leaves.
fn held(ns: &Netns, line: &str) -> Command {
    // Signals at the death of a parent would be simpler, but whoever changes user loses them.
    let script =
        format!("exec 3<&0 </dev/null; trap 'exit 1' TERM; ( ( {line} ); kill 1 ) 3<&- & cat <&3 >/dev/null & wait $!");
    let mut command = ns.command("unshare");
    command.args(["--pid", "--fork", "sh", "-c", &script]).stdin(Stdio::piped());
    command
}

/// A peer.
struct Service {
    holder: Option<ChildStdin>,
    child: Child,
    log: PathBuf,
}

impl Service {
    fn start(ns: &Netns, line: &str, log: PathBuf) -> Self {
        let out = fs::File::create(&log).unwrap();
        let mut child = held(ns, line).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        Self { holder: child.stdin.take(), child, log }
    }

    fn ready(mut self, ns: &Netns, table: SocketTable, ports: &[u16]) -> Self {
        let begun = Instant::now();
        loop {
            // Connecting would show in the capture.
            let sockets = ns.run(&format!("cat /proc/net/{0} /proc/net/{0}6", table.0));
            if ports.iter().all(|p| listens(&sockets, table, *p)) {
                return self;
            }
            let left = self.child.try_wait().unwrap();
            assert!(
                left.is_none() && begun.elapsed() < NEVER,
                "not listening on {ports:?} ({left:?}):\n{}",
                self.log()
            );
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.holder = None;
        let _ = self.child.wait();
    }
}

/// A table of sockets in proc(5), and the state there of one that waits for peers.
#[derive(Clone, Copy)]
struct SocketTable(&'static str, &'static str);

const TCP: SocketTable = SocketTable("tcp", "0A");
const UDP: SocketTable = SocketTable("udp", "07");

/// Whether a table holds a socket that waits for peers on a port.
fn listens(sockets: &str, table: SocketTable, port: u16) -> bool {
    let end = format!(":{port:04X}");
    sockets.lines().any(|l| {
        let mut words = l.split_whitespace().skip(1);
        words.next().is_some_and(|local| local.ends_with(&end)) && words.nth(1) == Some(table.1)
    })
}

/// Everything that a namespace sees, from when it is started.
struct Capture {
    holder: Option<ChildStdin>,
    child: Child,
    bytes: Receiver<Vec<u8>>,
}

impl Capture {
    fn start(ns: &Netns) -> Self {
        // The ring has slots of one size in immediate mode: at the usual 256 KiB a busy machine soon runs out of them.
        let mut child = held(ns, "exec tcpdump -i any -U --immediate-mode -s 8192 -B 16384 -Z root -w -")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut heard = Vec::new();
        for line in said {
            heard.push(line);
            if heard.last().is_some_and(|l| l.contains("listening on ")) {
                break;
            }
        }
        assert!(heard.iter().any(|l| l.contains("listening on ")), "tcpdump: {heard:?}");
        let mut out = child.stdout.take().unwrap();
        let (tx, bytes) = mpsc::channel();
        thread::spawn(move || {
            let (mut all, mut piece) = (Vec::new(), vec![0; 65_536]);
            while let Ok(n @ 1..) = out.read(&mut piece) {
                let before = all.len().saturating_sub(MARK.len());
                all.extend_from_slice(&piece[..n]);
                if all[before..].windows(MARK.len()).any(|w| w == MARK.as_bytes()) {
                    break;
                }
            }
            let _ = tx.send(all);
        });
        Self { holder: child.stdin.take(), child, bytes }
    }

    /// What was captured up to the mark, which is there already or will be soon.
    fn finish(&mut self) -> Vec<u8> {
        self.bytes.recv_timeout(NEVER).expect("the mark was never captured")
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.holder = None;
        let _ = self.child.wait();
    }
}

/// The version of a program, as it says it itself.
pub(crate) fn version(line: &str) -> String {
    let out = Command::new("sh").args(["-c", line]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    said.lines().next().unwrap_or_default().trim().to_owned()
}
