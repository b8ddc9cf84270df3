//! Seccomp: what is never asked of the kernel can no longer be asked of it.
//!
//! Source: seccomp(2), syscalls(2). A list of what is denied, not of what is allowed: libraries change what they use. A
//! denied call fails with `EPERM` as if a right were missing, and nothing dies of it. Not a wall by itself, but it takes
//! starting programs, looking into other processes, and most of the kernel's rarely tested parts out of reach.

use super::Report;

const WHAT: &str = "seccomp";

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(super) fn deny(report: &mut Report) {
    report.lacks(WHAT, "off: there is no filter for this processor");
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
pub(super) fn deny(report: &mut Report) {
    match filters::load() {
        Ok(n) => report.holds(WHAT, format!("on, {n} calls denied")),
        Err(e) => report.lacks(WHAT, format!("off: {e}")),
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod filters {
    use std::collections::BTreeMap;

    use seccompiler::SeccompCmpArgLen::Dword;
    use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
    use seccompiler::{
        BackendError, BpfProgram, Error, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, apply_filter,
    };

    /// Never used, whatever the arguments.
    const DENIED: &[i64] = &[
        // Starting programs.
        libc::SYS_execve,
        libc::SYS_execveat,
        // Looking into other processes.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_process_madvise,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        // Becoming somebody else.
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setreuid,
        libc::SYS_setregid,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_setgroups,
        libc::SYS_setfsuid,
        libc::SYS_setfsgid,
        libc::SYS_capset,
        // Another view of the world.
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_chroot,
        libc::SYS_pivot_root,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_mount_setattr,
        libc::SYS_open_by_handle_at,
        libc::SYS_personality,
        // The kernel itself, and the machine.
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        #[cfg(not(target_arch = "riscv64"))]
        libc::SYS_kexec_file_load,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        // It does everything that this list forbids.
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_syslog,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_reboot,
        libc::SYS_vhangup,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_adjtimex,
        libc::SYS_clock_adjtime,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_iopl,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_ioperm,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_modify_ldt,
    ];
    /// What sockets are for: packets, names of services and of interfaces, lists that are served.
    const FAMILIES: &[libc::c_int] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];
    /// A thread needs none of these.
    const NAMESPACES: &[libc::c_int] = &[
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    /// Typing into the terminal of whoever started us.
    const TYPING: &[u64] = &[libc::TIOCSTI, libc::TIOCLINUX];

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// Loads them for this thread; how many calls are denied whatever their arguments.
    pub(super) fn load() -> Result<usize, Error> {
        let never = program(never()?, libc::EPERM)?;
        // As of a kernel that lacks them: libpcap takes another answer for a failure.
        let families = program(families()?, libc::EAFNOSUPPORT)?;
        // Its flags are behind a pointer, where no filter can look. The C library then takes the older call.
        let by_pointer = program(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?;
        for filter in [&by_pointer, &families, &never] {
            apply_filter(filter)?;
        }
        Ok(DENIED.len())
    }

    fn never() -> Result<Rules, BackendError> {
        let mut rules: Rules = DENIED.iter().map(|call| (*call, Vec::new())).collect();
        let namespaces = NAMESPACES.iter().map(|flag| {
            let flag = u64::from(flag.unsigned_abs());
            SeccompRule::new(vec![SeccompCondition::new(0, Dword, MaskedEq(flag), flag)?])
        });
        rules.insert(libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
        let typing = TYPING.iter().map(|n| SeccompRule::new(vec![SeccompCondition::new(1, Dword, Eq, *n)?]));
        rules.insert(libc::SYS_ioctl, typing.collect::<Result<_, _>>()?);
        Ok(rules)
    }

    fn families() -> Result<Rules, BackendError> {
        let other = FAMILIES.iter().map(|f| SeccompCondition::new(0, Dword, Ne, u64::from(f.unsigned_abs())));
        let rule = SeccompRule::new(other.collect::<Result<_, _>>()?)?;
        Ok(BTreeMap::from([(libc::SYS_socket, vec![rule])]))
    }

    fn program(rules: Rules, errno: libc::c_int) -> Result<BpfProgram, Error> {
        let arch = std::env::consts::ARCH.try_into()?;
        let refuse = SeccompAction::Errno(errno.unsigned_abs());
        let filter = SeccompFilter::new(with_other_numbers(rules), SeccompAction::Allow, refuse, arch)?;
        Ok(filter.try_into()?)
    }

    /// The same calls by the numbers of x32, which some kernels take from any program: those of x86-64 with a bit, and
    /// a range of its own.
    #[cfg(target_arch = "x86_64")]
    fn with_other_numbers(mut rules: Rules) -> Rules {
        const BIT: i64 = 0x4000_0000;
        let others: Rules = rules.iter().map(|(call, rules)| (call | BIT, rules.clone())).collect();
        if rules.contains_key(&libc::SYS_execve) {
            rules.extend((512..=547).map(|call| (call | BIT, Vec::new())));
        }
        rules.extend(others);
        rules
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn with_other_numbers(rules: Rules) -> Rules {
        rules
    }
}
