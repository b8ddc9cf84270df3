//! Giving up every right but the one to change the firewall.
//!
//! Source: capabilities(7), `prctl(2)` `PR_SET_NO_NEW_PRIVS`. Capabilities belong to threads, and threads and programs
//! that are started later inherit them, so this comes before any other thread there is.

use rustix::io::Result;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

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

/// Keeps `keep`, as far as it is there, and gives up everything else, for programs started from here too.
pub(super) fn confine(keep: CapabilitySet) -> Result<()> {
    let has = capabilities(None)?;
    let kept = has.permitted & keep;
    // Taking from the bounding set is a right of its own, and is the first to go below.
    if has.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..u64::BITS {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            match capability_is_in_bounding_set(one) {
                Ok(true) if !keep.contains(one) => remove_capability_from_bounding_set(one)?,
                Ok(_) => {}
                // Behind the last that this kernel knows.
                Err(_) => break,
            }
        }
    }
    clear_ambient_capability_set()?;
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: kept })?;
    // Ambient ones are what a program without rights of its own inherits.
    for one in kept.iter() {
        configure_capability_in_ambient_set(one, true)?;
    }
    set_no_new_privs(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_nothing_else_is_left_and_nothing_comes_back() {
        // Of this thread only.
        std::thread::spawn(|| {
            let before = capabilities(None).unwrap().permitted;
            confine(CapabilitySet::NET_ADMIN).unwrap();
            let now = capabilities(None).unwrap();
            assert_eq!(now.permitted, before & CapabilitySet::NET_ADMIN);
            assert_eq!((now.effective, now.inheritable), (now.permitted, now.permitted));
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let line = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned();
            assert_eq!(line("NoNewPrivs:"), "1");
            assert_eq!(line("CapAmb:"), format!("{:016x}", now.permitted.bits()));
            if before.contains(CapabilitySet::SETPCAP) {
                assert_eq!(line("CapBnd:"), format!("{:016x}", CapabilitySet::NET_ADMIN.bits()));
            }
        })
        .join()
        .unwrap();
    }
}
