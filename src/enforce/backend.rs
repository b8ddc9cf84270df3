//! What every firewall of the kernel must be able to do for us, and which one is taken.

use rustix::thread::{CapabilitySet, capabilities};

use super::confine::lend;
use super::held::Held;
use super::ipset::Ipset;
use super::nftables::Nftables;
use super::problem::EnforceError;
use super::wanted::Wanted;

/// One way to tell the kernel. What is passed in has been through the last gate.
pub trait Backend: Send {
    /// Its name: that of `--backend`.
    fn name(&self) -> &'static str;

    /// What is missing for it here; nothing if it can be used.
    fn check(&self) -> Vec<EnforceError>;

    /// Makes the kernel hold `wanted` and nothing else of ours, with the rules that look at it. When it fails the
    /// kernel holds what it held before.
    fn apply(&mut self, wanted: &Wanted) -> Result<(), EnforceError>;

    /// Asks the kernel what it holds of ours.
    fn read_back(&mut self) -> Result<Held, EnforceError>;

    /// Takes away everything that this backend ever made, and nothing else; whether anything was there.
    fn remove(&mut self) -> Result<bool, EnforceError>;
}

/// Which backend.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Choice {
    /// nftables where it can be used, else ipset.
    #[default]
    Auto,
    /// nftables.
    Nftables,
    /// ipset with iptables and ip6tables.
    Ipset,
}

impl Choice {
    /// As `--backend` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Nftables => "nftables",
            Self::Ipset => "ipset",
        }
    }
}

/// One backend, and what is missing for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// Its name.
    pub backend: &'static str,
    /// What is missing; nothing if it can be used.
    pub missing: Vec<EnforceError>,
}

fn all() -> [Box<dyn Backend>; 2] {
    [Box::new(Nftables::default()), Box::new(Ipset::default())]
}

/// All backends, in the order of preference. Leaves this thread able to start their programs.
pub fn check_all() -> Vec<Check> {
    // Without it they say themselves what they lack.
    let _ = lend();
    all().iter().map(|b| Check { backend: b.name(), missing: b.check() }).collect()
}

/// The chosen backend, if it can be used.
pub fn choose(choice: Choice) -> Result<Box<dyn Backend>, EnforceError> {
    let mut why = Vec::new();
    for backend in all() {
        if choice != Choice::Auto && choice.name() != backend.name() {
            continue;
        }
        match backend.check() {
            missing if missing.is_empty() => return Ok(backend),
            missing => why.extend(missing.iter().map(ToString::to_string)),
        }
    }
    why.dedup();
    Err(EnforceError::NoBackend(why.join("; ")))
}

/// Takes away what every other backend than `used` still holds: what was cut off by one is released by none else.
pub(super) fn take_over(used: &str) -> Result<(), EnforceError> {
    for mut other in all().into_iter().filter(|b| b.name() != used) {
        if other.check().is_empty() {
            other.remove()?;
        }
    }
    Ok(())
}

/// What [`remove_all`] did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Removed {
    /// Backends that had something there.
    pub had: Vec<&'static str>,
    /// Backends that cannot be used here, so that nothing can be there of them, and why.
    pub unusable: Vec<Check>,
}

/// Takes away what any backend made.
pub fn remove_all() -> Result<Removed, EnforceError> {
    let _ = lend();
    let mut removed = Removed::default();
    for mut backend in all() {
        let missing = backend.check();
        match missing.as_slice() {
            [] => {
                if backend.remove()? {
                    removed.had.push(backend.name());
                }
            }
            // Looking takes less than changing, and where nothing is there nothing is missing. Whatever it says when
            // something is there, the right is why.
            [right @ EnforceError::NoCapability { capabilities }] => {
                let looks = !capabilities.iter().any(|c| c == "CAP_NET_ADMIN");
                match looks.then(|| backend.remove()) {
                    Some(Ok(false)) => {}
                    Some(Ok(true)) => removed.had.push(backend.name()),
                    Some(Err(_)) | None => return Err(right.clone()),
                }
            }
            _ => removed.unusable.push(Check { backend: backend.name(), missing }),
        }
    }
    Ok(removed)
}

/// The error for capabilities that this thread does not have.
pub(super) fn lacks(all: &[(CapabilitySet, &str)]) -> Option<EnforceError> {
    let has = capabilities(None).map_or(CapabilitySet::empty(), |c| c.effective);
    let missing: Vec<_> =
        all.iter().filter(|(set, _)| !has.contains(*set)).map(|(_, name)| (*name).to_owned()).collect();
    (!missing.is_empty()).then_some(EnforceError::NoCapability { capabilities: missing })
}
