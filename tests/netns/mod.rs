//! Network namespaces with real firewalls and real connections in them, nothing of which leaves the machine.

pub(crate) mod readback;
pub(crate) mod world;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Tells the `role` test which end of a connection to play.
const ROLE: &str = "MINEWATCH_TEST_ROLE";

/// A safety net for a peer that never answers. What is expected happens at once.
const NEVER: Duration = Duration::from_secs(20);

/// Whether namespaces and `tools` can be used here. If not, says so past the capture of the test runner.
pub(crate) fn available(tools: &[&str]) -> bool {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let Some(why) = obstacle(tools) else { return true };
    let n = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let _ = writeln!(std::io::stderr(), "firewall tests skipped so far: {n} ({why})");
    false
}

/// Why namespaces or `tools` cannot be used here.
pub(crate) fn obstacle(tools: &[&str]) -> Option<String> {
    let Some(ns) = Netns::create() else {
        return Some("no right to make network namespaces: root and iproute2 are needed".to_owned());
    };
    tools.iter().find_map(|tool| {
        let probe = match *tool {
            "nft" => "nft list ruleset",
            "ipset" => "ipset list -n",
            "iptables" => "iptables -S",
            "ip6tables" => "ip6tables -S",
            other => other,
        };
        let out = ns.try_run(probe);
        (!out.status.success()).then(|| format!("{probe}: {}", String::from_utf8_lossy(&out.stderr).trim()))
    })
}

/// A network namespace, gone with its owner.
pub(crate) struct Netns {
    name: String,
}

impl Netns {
    /// A fresh one, with its loopback up.
    pub(crate) fn new() -> Self {
        Self::create().expect("the namespace was allowed a moment ago")
    }

    fn create() -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let ns = Self { name: format!("minewatch-{}-{n}", std::process::id()) };
        let made = Command::new("ip").args(["netns", "add", &ns.name]).output().ok()?;
        (made.status.success() && ns.try_run("ip link set lo up").status.success()).then_some(ns)
    }

    /// A program that will run inside.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut c = Command::new("ip");
        c.args(["netns", "exec", &self.name]).arg(program);
        c
    }

    /// Runs a shell line inside.
    pub(crate) fn try_run(&self, line: &str) -> Output {
        self.command("sh").args(["-c", line]).output().unwrap()
    }

    /// Runs a shell line inside, which must succeed, and gives what it printed.
    pub(crate) fn run(&self, line: &str) -> String {
        let out = self.try_run(line);
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// Runs a shell line inside, which must fail, and gives what it complained about.
    pub(crate) fn fails(&self, line: &str) -> String {
        let out = self.try_run(line);
        assert!(!out.status.success(), "{line} succeeded");
        String::from_utf8(out.stderr).unwrap()
    }

    /// Runs something on a thread that lives inside; programs that it starts do, too.
    #[allow(dead_code)] // scripts load block lists
    pub(crate) fn within<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let inside = std::fs::File::open(format!("/var/run/netns/{}", self.name)).unwrap();
        let enter = || {
            let kind = Some(rustix::thread::LinkNameSpaceType::Network);
            rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&inside), kind).unwrap();
            what()
        };
        std::thread::scope(|scope| scope.spawn(enter).join()).unwrap_or_else(|e| std::panic::resume_unwind(e))
    }

    /// A copy of this test program that plays `role` inside.
    pub(crate) fn role(&self, role: &str) -> Actor {
        let me = std::env::current_exe().unwrap();
        Actor::spawn(self.command(me).env(ROLE, role))
    }

    /// Listens inside and echoes, until dropped.
    pub(crate) fn serve(&self, at: &[SocketAddr]) -> Actor {
        let list: Vec<String> = at.iter().map(ToString::to_string).collect();
        let mut server = self.role(&format!("serve {}", list.join(" ")));
        assert_eq!(server.hear(), "READY");
        server
    }

    /// Connects from inside and keeps the connection.
    pub(crate) fn connect(&self, to: SocketAddr) -> Result<Actor, String> {
        let mut client = self.role(&format!("connect {to}"));
        match client.hear().as_str() {
            "CONNECTED" => Ok(client),
            failure => Err(failure.to_owned()),
        }
    }

    /// A cable between two namespaces, with an IPv4 /24 and an IPv6 /64 address at each end.
    pub(crate) fn cable(&self, mine: (&str, [IpAddr; 2]), other: &Self, theirs: (&str, [IpAddr; 2])) {
        self.run(&format!("ip link add {} type veth peer name {} netns {}", mine.0, theirs.0, other.name));
        for (ns, (device, addresses)) in [(self, mine), (other, theirs)] {
            for a in addresses {
                ns.address(device, a);
            }
            ns.run(&format!("ip link set {device} up"));
        }
    }

    /// A cable between two namespaces, both ends up, without addresses.
    #[allow(dead_code)] // firewalls need some
    pub(crate) fn wire(&self, mine: &str, other: &Self, theirs: &str) {
        self.run(&format!("ip link add {mine} type veth peer name {theirs} netns {}", other.name));
        self.run(&format!("ip link set {mine} up"));
        other.run(&format!("ip link set {theirs} up"));
    }

    /// One more address.
    pub(crate) fn address(&self, device: &str, a: IpAddr) {
        // Without duplicate address detection an IPv6 address can be used at once.
        let (len, flags) = if a.is_ipv4() { (24, "") } else { (64, "nodad") };
        self.run(&format!("ip addr add {a}/{len} dev {device} {flags}"));
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

/// A copy of this test program that plays a role, spoken to by lines. It ends with its owner.
pub(crate) struct Actor {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Actor {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .args(["--exact", "role", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    /// Plays a role in a mount namespace with a tiny file system at `folder`.
    pub(crate) fn on_tiny_disk(folder: &Path, role: &str) -> Self {
        let line = "mount -t tmpfs -o size=64k none \"$1\" && shift && exec \"$@\"";
        let mut c = Command::new("unshare");
        c.args(["-m", "sh", "-c", line, "sh"]).arg(folder).arg(std::env::current_exe().unwrap());
        Self::spawn(c.env(ROLE, format!("{role} {}", folder.display())))
    }

    /// Next answer. The test runner around the actor prints lines of its own; ours are marked.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            let n = self.stdout.read_line(&mut line).unwrap();
            assert!(n > 0, "the actor left without an answer");
            if let Some(said) = line.strip_prefix('@') {
                return said.trim_end().to_owned();
            }
        }
    }

    /// Tells it to go on.
    #[allow(dead_code)] // tests of firewalls hold nobody back
    pub(crate) fn go_on(&mut self) {
        writeln!(self.stdin.as_mut().unwrap(), "go on").unwrap();
    }

    /// Sends something over the connection and waits for its echo: `PONG`, or `CUT` with the reason.
    pub(crate) fn ping(&mut self) -> String {
        writeln!(self.stdin.as_mut().unwrap(), "ping").unwrap();
        self.hear()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells the owner of this actor something.
pub(crate) fn say(what: &str) {
    // On a line of its own, whatever the test runner has printed before.
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "\n@{what}\n");
    let _ = out.flush();
}

/// What the `role` test does. `extra` plays the roles that are not of this module.
pub(crate) fn play(extra: impl Fn(&str, &str) -> String) {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.split_once(' ').unwrap() {
        ("serve", list) => {
            for at in list.split(' ') {
                let listener = TcpListener::bind(at).unwrap();
                std::thread::spawn(move || listener.incoming().flatten().for_each(echo));
            }
            say("READY");
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        }
        ("connect", to) => match TcpStream::connect_timeout(&to.parse().unwrap(), NEVER) {
            Err(e) => say(&format!("{:?}", e.kind())),
            Ok(connection) => {
                say("CONNECTED");
                for _ in std::io::stdin().lines() {
                    say(&ping(&connection).map_or_else(|e| format!("CUT {:?}", e.kind()), |()| "PONG".to_owned()));
                }
            }
        },
        (other, rest) => say(&extra(other, rest)),
    }
}

fn echo(mut connection: TcpStream) {
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok(n @ 1..) = connection.read(&mut buffer) {
            if connection.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
    });
}

fn ping(mut connection: &TcpStream) -> std::io::Result<()> {
    connection.set_read_timeout(Some(NEVER))?;
    connection.write_all(b"ping")?;
    connection.read_exact(&mut [0; 4])
}
