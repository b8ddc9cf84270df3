//! Landlock: which files can still be opened. What is open stays open.
//!
//! Source: landlock(7), <https://docs.kernel.org/userspace-api/landlock.html>. Rules hang on inodes, not on names: a file
//! that is replaced by another of the same name needs a rule on its folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus, make_bitflags,
};

use super::{Plan, Report};

/// The newest right that is asked for is of this version. What an older kernel does not know is left out.
const NEWEST: ABI = ABI::V5;
/// What libpcap looks at when it opens an interface, which addresses and routes this machine has, the libraries that the
/// C library loads late, and time zones.
const SYSTEM: &[&str] =
    &["/proc", "/sys/class/net", "/sys/devices", "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo"];
/// Which resolvers it has. Their files are replaced, never changed.
const RESOLVERS: &[&str] = &["/run/systemd/resolve", "/run/NetworkManager", "/run/dnsmasq", "/run/resolvconf"];
/// What is needed of `/etc`, where all of it would be too much.
const SETTINGS: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/services",
    "/etc/localtime",
    "/etc/ld.so.cache",
];
/// Devices that libraries expect.
const DEVICES: &[&str] = &["/dev/null", "/dev/urandom", "/dev/random"];
/// Folders that hold more than what the file in them needs.
const TOO_WIDE: &[&str] = &["/", "/etc", "/root", "/home", "/usr", "/var", "/run", "/tmp", "/dev"];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const WRITE: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeSock | RemoveFile});

/// Rules that are ready and not yet in force.
pub(super) struct Rules {
    made: Result<RulesetCreated, RulesetError>,
    paths: usize,
    alone: Vec<PathBuf>,
}

impl Rules {
    /// Opens the paths. `root`: file permissions will not keep us from what is secret in `/etc`.
    pub(super) fn new(plan: &Plan, root: bool) -> Self {
        let mut read: BTreeSet<PathBuf> = SYSTEM.iter().chain(RESOLVERS).map(PathBuf::from).collect();
        if root {
            read.extend(SETTINGS.iter().map(PathBuf::from));
        } else {
            read.insert(PathBuf::from("/etc"));
        }
        let mut alone = Vec::new();
        for path in &plan.readable {
            for folder in folders(path) {
                let is_wide = TOO_WIDE.iter().any(|w| folder == Path::new(w));
                if is_wide && (root || folder != Path::new("/etc")) {
                    alone.push(path.clone());
                    read.insert(path.clone());
                } else {
                    read.insert(folder);
                }
            }
        }
        let write: BTreeSet<PathBuf> = plan.writable.iter().chain(&plan.own).flat_map(|p| folders(p)).collect();
        let paths = plan.readable.len() + plan.writable.len() + plan.own.len();
        Self { made: ruleset(&read, &write), paths, alone }
    }

    /// Puts them in force.
    pub(super) fn restrict(self, report: &mut Report) {
        const WHAT: &str = "landlock";
        let status = match self.made.and_then(RulesetCreated::restrict_self) {
            Ok(status) => status,
            Err(e) => return report.lacks(WHAT, format!("off: {e}")),
        };
        let abi = match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => effective_abi as i32,
            LandlockStatus::NotEnabled => return report.lacks(WHAT, "off: the kernel was started without it"),
            LandlockStatus::NotImplemented => return report.lacks(WHAT, "off: the kernel does not have it"),
        };
        let paths = if self.paths == 1 { "1 path".to_owned() } else { format!("{} paths", self.paths) };
        match status.ruleset {
            RulesetStatus::FullyEnforced => {
                report.holds(WHAT, format!("on (ABI {abi}), {paths} and the system's"));
            }
            RulesetStatus::PartiallyEnforced => {
                report.holds(WHAT, format!("on as far as the kernel knows it (ABI {abi}), {paths} and the system's"));
            }
            RulesetStatus::NotEnforced => report.lacks(WHAT, format!("off (ABI {abi})")),
        }
        for path in self.alone {
            let path = path.display();
            report
                .holds(WHAT, format!("{path} is read again only if it is changed in place, because of where it lies"));
        }
    }
}

/// The folder itself; of a file the folder in which it is, and that in which it seems to be.
fn folders(path: &Path) -> BTreeSet<PathBuf> {
    if path.is_dir() {
        return BTreeSet::from([path.to_owned()]);
    }
    // "." for a bare name.
    let parent = |p: &Path| p.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let real = std::fs::canonicalize(path).ok().map(|p| parent(&p));
    let seems = std::fs::canonicalize(parent(path)).unwrap_or_else(|_| parent(path));
    real.into_iter().chain([seems]).collect()
}

fn ruleset(read: &BTreeSet<PathBuf>, write: &BTreeSet<PathBuf>) -> Result<RulesetCreated, RulesetError> {
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(NEWEST))?.create()?;
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile});
    let devices: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
    let all = read.iter().map(|p| (p, READ)).chain(write.iter().map(|p| (p, WRITE)));
    for (path, access) in all.chain(devices.iter().map(|p| (p, device))) {
        // What is not there cannot be read either.
        let Ok(fd) = PathFd::new(path) else { continue };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
        rules = rules.add_rule(PathBeneath::new(fd, access))?;
    }
    Ok(rules)
}
