//! One enforcer for each firewall.
//!
//! In: nothing. Out: a lock that ends with the process. It is a name in the abstract namespace of UNIX sockets, which each
//! network namespace has of its own, as it has a firewall of its own (`unix(7)`, `network_namespaces(7)`).

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::Duration;

use super::problem::EnforceError;

/// The name.
const NAME: &str = "minewatch-enforcer";
/// How often, and how long apart, it is tried: one that was killed may be about to finish its last transaction.
const ATTEMPTS: u32 = 100;
const APART: Duration = Duration::from_millis(50);

/// Nobody else tells this firewall while it is held.
pub(super) struct Alone(#[allow(dead_code)] UnixListener); // held, not used

impl Alone {
    /// Here and now.
    pub(super) fn here() -> Result<Self, EnforceError> {
        for _ in 0..ATTEMPTS {
            match take() {
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => std::thread::sleep(APART),
                Err(e) => return Err(EnforceError::system("lock the firewall", &e)),
                Ok(listener) => return Ok(Self(listener)),
            }
        }
        Err(EnforceError::NotAlone)
    }
}

/// Whether a running watch tells this firewall.
pub fn is_told() -> bool {
    take().is_err_and(|e| e.kind() == io::ErrorKind::AddrInUse)
}

fn take() -> io::Result<UnixListener> {
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(NAME)?)
}
