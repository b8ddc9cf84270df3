//! Giving up what is not needed, before the first byte of a stranger is read.
//!
//! In: a `Plan`: what this run still needs. Out: a `Report` of what is in force. The order is a contract: open what
//! needs rights (captures, database, sockets), start the enforcer, `confine`, then start threads. Everything here is a
//! matter of threads for the kernel: those that are there before keep what they have, those that come after inherit.
//!
//! Nothing here fails a run. An old kernel, or a container that forbids some of it, leaves a line in the report; whoever
//! insists asks `Report::missing`.

#[cfg(feature = "live")]
mod calls;
#[cfg(feature = "live")]
mod files;
#[cfg(feature = "live")]
mod owner;
mod rights;
#[cfg(feature = "live")]
mod user;

pub(crate) use rights::{Heirs, keep_only};
#[cfg(feature = "live")]
pub use user::{User, UserError};

#[cfg(feature = "live")]
use std::path::PathBuf;

#[cfg(feature = "live")]
use rustix::process::geteuid;
#[cfg(feature = "live")]
use rustix::thread::{CapabilitySet, capabilities, no_new_privs};

/// What it takes to become another user. A container may have taken it.
#[cfg(feature = "live")]
const TO_BECOME: CapabilitySet = CapabilitySet::SETUID.union(CapabilitySet::SETGID);

/// What a run needs from here on.
#[cfg(feature = "live")]
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Whom to become when started as root. Nobody: stays root, without its rights.
    pub user: Option<User>,
    /// Whether packets will be captured by handles that are not open yet: an interface that comes back.
    pub keep_net_raw: bool,
    /// Files and folders that are read again later. Of a file the whole folder, since files are replaced by others.
    pub readable: Vec<PathBuf>,
    /// Folders in which files are written, or such files.
    pub writable: Vec<PathBuf>,
    /// Folders that belong to minewatch alone, which the user gets if root made them. Written, too.
    pub own: Vec<PathBuf>,
}

/// One thing that is in force, or is not.
#[cfg(feature = "live")]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    what: &'static str,
    holds: bool,
    says: String,
}

/// What is in force.
#[cfg(feature = "live")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<Line>);

#[cfg(feature = "live")]
impl Report {
    /// One that says that nobody wanted any of it.
    #[must_use]
    pub fn off() -> Self {
        let mut report = Self::default();
        report.lacks("sandbox", "off, as asked for");
        report
    }

    /// A sentence for each thing, as in `landlock: on (ABI 5), 3 paths`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|l| format!("{}: {}", l.what, l.says))
    }

    /// The sentences about what is not in force, and should be.
    pub fn missing(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter(|l| !l.holds).map(|l| format!("{}: {}", l.what, l.says))
    }

    fn holds(&mut self, what: &'static str, says: impl Into<String>) {
        self.0.push(Line { what, holds: true, says: says.into() });
    }

    fn lacks(&mut self, what: &'static str, says: impl Into<String>) {
        self.0.push(Line { what, holds: false, says: says.into() });
    }
}

/// Gives up everything that is not in the plan. To be called while there is one thread.
///
/// Afterwards no program can be started: an enforcer that dies stays dead until minewatch is started again, and the
/// kernel's entries end with their life times.
#[cfg(feature = "live")]
pub fn confine(plan: &Plan) -> Report {
    let mut report = Report::default();
    let root = geteuid().is_root();
    let able = capabilities(None).is_ok_and(|has| has.effective.contains(TO_BECOME));
    let user = plan.user.as_ref().filter(|_| root && able);
    // While paths can still be opened, whoever is allowed to.
    let files = files::Rules::new(plan, root && user.is_none());
    if let Some(user) = user {
        for dir in &plan.own {
            if let Err(why) = owner::hand_over(dir, user) {
                report.lacks("state", format!("{} stays root's: {why}", dir.display()));
            }
        }
    }
    let keep = if plan.keep_net_raw { CapabilitySet::NET_RAW } else { CapabilitySet::empty() };
    let became = rights::become_and_keep(user, keep);
    tell_rights(&mut report, plan, became);
    files.restrict(&mut report);
    calls::deny(&mut report);
    for path in plan.own.iter().chain(&plan.writable) {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
        let there = if path.is_dir() { path } else { parent };
        if rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
            report.lacks("writing", format!("{} cannot be written from now on", there.display()));
        }
    }
    match std::fs::read_dir("/proc/self/task").map(Iterator::count) {
        Ok(1) => {}
        Ok(n) => report.lacks("threads", format!("{} were there before and keep their rights", n.saturating_sub(1))),
        Err(_) => report.lacks("threads", "unknown: /proc cannot be read"),
    }
    report
}

/// What the kernel says, rather than what was asked of it.
#[cfg(feature = "live")]
fn tell_rights(report: &mut Report, plan: &Plan, became: rustix::io::Result<()>) {
    let why = became.err().map(|e| format!(" ({e})")).unwrap_or_default();
    let uid = geteuid();
    match &plan.user {
        None if uid.is_root() => report.lacks("user", format!("root{why}; --user NAME would be another")),
        Some(user) if uid.is_root() => {
            let lacking = "CAP_SETUID and CAP_SETGID are needed to become";
            report.lacks("user", format!("root{why}; {lacking} {user}"));
        }
        Some(user) if uid == user.uid() => report.holds("user", user.to_string()),
        _ => report.holds("user", format!("uid {}, as started", uid.as_raw())),
    }
    match capabilities(None) {
        Ok(has) if has.permitted.is_empty() => report.holds("capabilities", "none kept"),
        Ok(has) if has.permitted == CapabilitySet::NET_RAW => report.holds("capabilities", "cap_net_raw only"),
        Ok(has) => report.lacks("capabilities", format!("{} are left{why}", has.permitted.iter().count())),
        Err(e) => report.lacks("capabilities", format!("unknown: {e}")),
    }
    match no_new_privs() {
        Ok(true) => report.holds("no_new_privs", "on"),
        Ok(false) => report.lacks("no_new_privs", format!("off{why}")),
        Err(e) => report.lacks("no_new_privs", format!("unknown: {e}")),
    }
}
