//! Tells the service manager how things are: started, what is going on, still alive.
//!
//! Source: `sd_notify(3)`: datagrams of `NAME=value` lines to the socket that `NOTIFY_SOCKET` names. Without it, nothing
//! happens. Nothing here waits, and nothing fails: whoever does not listen misses it.
//!
//! Open it before the sandbox closes: afterwards only the socket is needed.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Longest status, in bytes.
const MOST: usize = 256;

/// A line to the service manager, or none.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// As the environment says. Programs that are started later should not get `NOTIFY_SOCKET`.
    #[must_use]
    pub fn from_env() -> Self {
        let var = |name| std::env::var_os(name);
        let number = |name| var(name).and_then(|v| v.to_str()?.parse().ok());
        let ours = var("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| ours);
        var("NOTIFY_SOCKET").map_or_else(Self::default, |at| Self::new(&at, watchdog))
    }

    fn new(at: &OsStr, watchdog_us: Option<u64>) -> Self {
        let address = match at.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(at),
        };
        let open = |address| {
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&address)?;
            // A manager that is stuck must not stick us.
            socket.set_nonblocking(true)?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = address.and_then(open).ok();
        let watchdog = socket.as_ref().and(watchdog_us).filter(|us| *us > 0).map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// How often [`Notifier::alive`] is to be called: half of what the manager waits. None: nobody waits for it.
    pub fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|w| w / 2)
    }

    /// Everything is open, and packets are read.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Still alive. To be called by what would hang if something hung.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// One line for `systemctl status`. Must hold no text of a peer that was not made safe to show.
    pub fn status(&self, text: &str) {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let end = line.floor_char_boundary(MOST);
        self.send(&format!("STATUS={}", line.get(..end).unwrap_or_default()));
    }

    fn send(&self, line: &str) {
        if let Some(socket) = &self.socket {
            let _nobody_listens = socket.send(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let n = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..n].to_vec()).unwrap()
    }

    fn speaks(at: &OsStr, manager: &UnixDatagram) {
        manager.set_nonblocking(true).unwrap();
        let notifier = Notifier::new(at, Some(30_000_000));
        assert_eq!(notifier.alive_every(), Some(Duration::from_secs(15)));
        notifier.ready();
        notifier.alive();
        notifier.stopping();
        for line in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
            assert_eq!(heard(manager), line);
        }
        // A second line would be an order of its own.
        notifier.status("2 miners\nMAINPID=1");
        assert_eq!(heard(manager), "STATUS=2 miners MAINPID=1");
        notifier.status(&"é".repeat(400));
        assert_eq!(heard(manager), format!("STATUS={}", "é".repeat(128)));
    }

    #[test]
    fn a_manager_hears_one_line_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        speaks(path.as_os_str(), &UnixDatagram::bind(&path).unwrap());
        let name = format!("minewatch-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        speaks(OsStr::new(&format!("@{name}")), &UnixDatagram::bind_addr(&address).unwrap());
    }

    #[test]
    fn without_a_manager_nothing_happens_and_nothing_waits() {
        for notifier in [Notifier::default(), Notifier::new(OsStr::new("/nowhere/at/all"), Some(1_000_000))] {
            notifier.ready();
            notifier.status("alone");
            assert_eq!(notifier.alive_every(), None);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(path.as_os_str(), None);
        assert_eq!(notifier.alive_every(), None);
        // More than a queue that nobody reads holds.
        for _ in 0..10_000 {
            notifier.alive();
        }
        assert_eq!(heard(&manager), "WATCHDOG=1");
    }
}
