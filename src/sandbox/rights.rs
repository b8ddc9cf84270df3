//! Capabilities: the parts of root's rights.
//!
//! Source: capabilities(7), `prctl(2)` `PR_SET_NO_NEW_PRIVS` and `PR_SET_KEEPCAPS`. Capabilities belong to threads, and
//! threads and programs that are started later inherit them, so this comes before any other thread there is.

use rustix::io::Result;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
#[cfg(feature = "live")]
use rustix::thread::{set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

#[cfg(feature = "live")]
use super::user::User;

/// Whether programs that are started from here get what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heirs {
    /// They do.
    Programs,
    /// They get nothing.
    #[cfg_attr(not(feature = "live"), allow(dead_code))]
    None,
}

/// Becomes a user, if there is one to become, and keeps nothing but `keep` of what is there; that even if the first fails.
#[cfg(feature = "live")]
pub(super) fn become_and_keep(user: Option<&User>, keep: CapabilitySet) -> Result<()> {
    let became = user.map_or(Ok(()), become_user);
    keep_only(keep, Heirs::None).and(became)
}

#[cfg(feature = "live")]
fn become_user(user: &User) -> Result<()> {
    // Otherwise a change of user takes them all.
    set_keep_capabilities(true)?;
    set_thread_groups(&[user.gid()])?;
    set_thread_res_gid(user.gid(), user.gid(), user.gid())?;
    set_thread_res_uid(user.uid(), user.uid(), user.uid())?;
    set_keep_capabilities(false)?;
    // Only what is permitted survives that.
    let has = capabilities(None)?;
    set_capabilities(None, CapabilitySets { effective: has.permitted, ..has })
}

/// Keeps `keep`, as far as it is there, and gives up everything else, for programs started from here too.
pub(crate) fn keep_only(keep: CapabilitySet, heirs: Heirs) -> Result<()> {
    let has = capabilities(None)?;
    let kept = has.permitted & keep;
    let lent = if heirs == Heirs::Programs { kept } else { CapabilitySet::empty() };
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
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: lent })?;
    // Ambient ones are what a program without rights of its own inherits.
    for one in lent.iter() {
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
            keep_only(CapabilitySet::NET_ADMIN, Heirs::Programs).unwrap();
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
            keep_only(CapabilitySet::NET_ADMIN, Heirs::None).unwrap();
            let last = capabilities(None).unwrap();
            assert_eq!((last.permitted, last.inheritable), (now.permitted, CapabilitySet::empty()));
        })
        .join()
        .unwrap();
    }
}
