//! The gateway's side of the lab: `minewatch watch` as a child, read line by line.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::netns::world::{World, ip};
use crate::netns::{Actor, Netns, available};

pub(crate) const MINEWATCH: &str = env!("CARGO_BIN_EXE_minewatch");
/// A safety net: everything that is waited for comes much sooner.
const NEVER: Duration = Duration::from_mins(1);
/// Where the lab's pools listen, beside the ports of the world.
pub(crate) const PORT: u16 = 7777;

/// The network, or nothing where it cannot be made.
pub(crate) fn lab() -> Option<Lab> {
    available(&["nft"]).then(|| Lab { world: World::new(), state: tempfile::tempdir().unwrap() })
}

pub(crate) struct Lab {
    pub(crate) world: World,
    state: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// A pool outside.
    pub(crate) fn pool(&self, addr: &str) -> (Actor, SocketAddr) {
        let at = SocketAddr::from((ip(addr), PORT));
        let mut pool = self.world.outside.role(&format!("pool {at}"));
        assert_eq!(pool.hear(), "READY");
        (pool, at)
    }

    /// A miner inside that has begun to mine.
    pub(crate) fn mines(&self, at: SocketAddr) -> Actor {
        let mut miner = self.world.inside.role(&format!("mine {at}"));
        assert_eq!(miner.hear(), "MINING");
        miner
    }

    /// What a new miner gets to see.
    pub(crate) fn tries(&self, at: SocketAddr) -> String {
        self.world.inside.role(&format!("mine {at}")).hear()
    }

    /// Watches the inside of the gateway with state and documentation addresses.
    pub(crate) fn watch(&self, options: &[&str]) -> Watch {
        self.watch_at("in0", options)
    }

    pub(crate) fn watch_at(&self, interface: &str, options: &[&str]) -> Watch {
        let state = self.state().to_str().unwrap();
        let mut command = self.world.gateway.command(MINEWATCH);
        command.args(["watch", "-i", interface, "--state", state, "--allow-documentation-ranges"]).args(options);
        Watch::spawn(&mut command)
    }

    /// A command on the state, which succeeds.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        let out = Command::new(MINEWATCH).args(words).arg("--state").arg(self.state()).output().unwrap();
        assert!(out.status.code().is_some_and(|c| c < 2), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// What is in the book.
    pub(crate) fn entries(&self) -> Vec<String> {
        let lines = self.command(&["entries", "--json", "--allow-documentation-ranges"]);
        let entries = lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        let entries = entries.filter(|e| e["event_type"] == "block_entry");
        entries.map(|e| format!("{} {}", e["ip"].as_str().unwrap(), e["port"])).collect()
    }
}

/// A share, and what came of it.
pub(crate) fn share(miner: &mut Actor) -> String {
    miner.ping()
}

/// Shares until the connection is cut.
pub(crate) fn mines_until_cut(miner: &mut Actor) {
    let since = Instant::now();
    loop {
        let said = share(miner);
        if said.starts_with("CUT") {
            return;
        }
        assert_eq!(said, "SHARE");
        assert!(since.elapsed() < NEVER, "nobody cut it off");
    }
}

/// A running watch.
pub(crate) struct Watch {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Watch {
    pub(crate) fn spawn(command: &mut Command) -> Self {
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
        let mut watch = Self { child, lines, heard: Vec::new() };
        watch.says("watching");
        watch
    }

    /// Waits for a line with these words.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> String {
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

    /// Everything that it said so far.
    pub(crate) fn heard(&mut self) -> &[String] {
        self.heard.extend(self.lines.try_iter());
        &self.heard
    }

    /// Its process: the child is `ip`, which became the program.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Everything that it said until it was ended.
    pub(crate) fn ends(mut self) -> String {
        self.signal("-INT");
        self.over()
    }

    pub(crate) fn over(&mut self) -> String {
        self.child.wait().unwrap();
        self.heard.extend(self.lines.iter());
        self.heard.join("\n")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the kernel of a gateway holds an endpoint.
pub(crate) fn held(gateway: &Netns, at: SocketAddr) -> bool {
    let listed = gateway.try_run("nft list table inet minewatch_live");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    text.contains(&format!("{} . tcp . {}", at.ip(), at.port()))
}
