//! The hands: the last gate, the backend, then the connections that are open.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::backend::Backend;
use super::conntrack;
use super::gate::Gate;
use super::held::Held;
use super::keeper::Kernel;
use super::problem::EnforceError;
use super::wanted::Wanted;
use crate::firewall::Target;

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Applied {
    /// By which backend.
    pub backend: String,
    /// Endpoints and addresses that are now cut off.
    pub blocked: usize,
    /// Hosts that are now isolated.
    pub isolated: usize,
    /// What the last gate did not let pass. Without an error of ours this is empty: everything came through the same
    /// gate before.
    pub refused: Vec<Refused>,
    /// Connections that were open to what is newly cut off.
    pub connections: Connections,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Something that the last gate did not let pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// An endpoint or address.
    Block {
        /// Which.
        target: Target,
        /// Why.
        why: String,
    },
    /// A host.
    Isolate {
        /// Which.
        host: IpAddr,
        /// Why.
        why: String,
    },
}

/// What became of connections that connection tracking knew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Connections {
    /// It knew none, or nothing was newly cut off.
    NoneOpen,
    /// So many were forgotten.
    Ended(usize),
    /// It could not be asked. The rules reject packets of open connections all the same, but those that a flow table
    /// forwards do not come past the rules.
    Unknown(EnforceError),
}

/// The hands.
pub struct Applier {
    gate: Gate,
    backend: Box<dyn Backend>,
    /// What is cut off since the last time.
    targets: BTreeSet<Target>,
    hosts: BTreeSet<IpAddr>,
}

impl Applier {
    /// With a backend that can be used.
    pub fn new(gate: Gate, backend: Box<dyn Backend>) -> Self {
        Self { gate, backend, targets: BTreeSet::new(), hosts: BTreeSet::new() }
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        self.backend.name()
    }

    /// Makes the kernel hold what of `wanted` passes the gate, and nothing else.
    pub fn apply(&mut self, wanted: &Wanted) -> Result<Applied, EnforceError> {
        let start = std::time::Instant::now();
        let (wanted, refused) = self.gate.pass(wanted)?;
        self.backend.apply(&wanted)?;
        let targets: BTreeSet<Target> = wanted.block.iter().map(|b| b.target).collect();
        let hosts: BTreeSet<IpAddr> = wanted.isolate.iter().map(|i| i.host).collect();
        let connections = conntrack::forget(
            &targets.difference(&self.targets).copied().collect(),
            &hosts.difference(&self.hosts).copied().collect(),
        );
        (self.targets, self.hosts) = (targets, hosts);
        Ok(Applied {
            backend: self.backend.name().to_owned(),
            blocked: wanted.block.len(),
            isolated: wanted.isolate.len(),
            refused,
            connections,
            millis: start.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        })
    }

    /// Asks the kernel what it holds.
    pub fn read_back(&mut self) -> Result<Held, EnforceError> {
        self.backend.read_back()
    }

    /// Takes everything of ours away; whether anything was there.
    pub fn remove(&mut self) -> Result<bool, EnforceError> {
        self.targets.clear();
        self.hosts.clear();
        self.backend.remove()
    }
}

/// For a process that does all by itself.
impl Kernel for Applier {
    fn apply(&mut self, wanted: &Wanted) -> Result<Applied, EnforceError> {
        self.apply(wanted)
    }

    fn read_back(&mut self) -> Result<Held, EnforceError> {
        self.read_back()
    }

    fn remove(&mut self) -> Result<bool, EnforceError> {
        self.remove()
    }
}
