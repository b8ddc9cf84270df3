//! Giving up every right but the one to change the firewall.

use rustix::io::Result;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, configure_capability_in_ambient_set, set_capabilities,
};

use crate::sandbox::{Heirs, keep_only};

/// What a backend needs. Raw sockets are what iptables' `set` match asks ipset's version over.
pub(super) fn needs(backend: &str) -> CapabilitySet {
    match backend {
        "ipset" => CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW,
        _ => CapabilitySet::NET_ADMIN,
    }
}

/// Lets programs that are started from here have what this one has of the firewall's rights. Rights that came with a
/// file (setcap) are otherwise this program's alone.
pub(super) fn lend() -> Result<()> {
    let has = capabilities(None)?;
    let lent = has.permitted & (CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW);
    let inheritable = has.inheritable | lent;
    set_capabilities(None, CapabilitySets { effective: has.effective | lent, inheritable, ..has })?;
    lent.iter().try_for_each(|one| configure_capability_in_ambient_set(one, true))
}

/// Keeps `keep`, as far as it is there, for the firewall's programs too, and gives up everything else.
pub(super) fn confine(keep: CapabilitySet) -> Result<()> {
    keep_only(keep, Heirs::Programs)
}
