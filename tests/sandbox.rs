//! What is given up before packets are read: a process that gave it up tries what an intruder would, and what `watch`
//! goes on doing.
//!
//! Needs root; without, the tests say so and are skipped.

#![cfg(all(feature = "live", feature = "state"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[allow(dead_code)] // lists are for other tests
mod netns;
#[path = "sandbox/probe.rs"]
mod probe;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use netns::{Netns, available};

/// What a process said of itself after it was confined.
struct Said {
    tried: BTreeMap<String, String>,
    status: BTreeMap<String, String>,
    lines: Vec<String>,
    missing: Vec<String>,
}

impl Said {
    fn line(&self, what: &str) -> &str {
        let found = self.lines.iter().find_map(|l| l.strip_prefix(what)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("nothing of {what} in {:?}", self.lines))
    }

    fn tried(&self, what: &[&str], outcome: &str) {
        for what in what {
            assert_eq!(self.tried.get(*what).map(String::as_str), Some(outcome), "{what}; {:?}", self.tried);
        }
    }

    fn missing(&self) -> Vec<&str> {
        // The runner's own.
        let others = self.missing.iter().filter(|l| !l.starts_with("threads: 1 "));
        others.filter_map(|l| Some(l.split_once(": ")?.0)).collect()
    }
}

/// Lets a process of its own be confined, in a namespace of its own.
fn confined(dir: &Path, how: &[&str]) -> Said {
    let ns = Netns::new();
    let mut command: Command = ns.command(std::env::current_exe().unwrap());
    command.args(["--exact", "probe::role", "--nocapture", "--test-threads=1"]);
    let out = command
        .env(probe::HOW, how.join(" "))
        .env(probe::DIR, dir)
        .env("NOTIFY_SOCKET", dir.join("elsewhere/notify"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    let map = |mark: &str| {
        let lines = text.lines().filter_map(|l| l.split_once(mark)?.1.split_once('='));
        lines.map(|(k, v)| (k.to_owned(), v.trim().to_owned())).collect()
    };
    let list = |mark: &str| text.lines().filter_map(|l| Some(l.split_once(mark)?.1.to_owned())).collect();
    Said { tried: map("tried "), status: map("status "), lines: list("report "), missing: list("missing ") }
}

/// Folders that everybody may look into, as the temporary ones are for their owner only.
fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["state", "feeds", "elsewhere"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    std::fs::write(dir.path().join("feeds/own.toml"), "old").unwrap();
    std::fs::write(dir.path().join("elsewhere/secret"), "secret").unwrap();
    dir
}

const FORBIDDEN: &[&str] = &[
    "shadow",
    "elsewhere",
    "write elsewhere",
    "exec",
    "ptrace",
    "mount",
    "unshare",
    "bpf",
    "setuid",
    "keyctl",
    "io_uring",
];
const NEEDED: &[&str] =
    &["threads", "timer", "database", "list", "feeds replaced", "routes", "time zone", "devices", "panic", "notify"];

#[test]
fn an_intruder_is_nobody_and_can_do_nothing_while_the_watch_goes_on() {
    if !available(&[]) {
        return;
    }
    let dir = folder();
    let said = confined(dir.path(), &["user"]);
    let is = |what: &str, value: &str| assert_eq!(said.status[what], value, "{what}");
    is("Uid", "65534\t65534\t65534\t65534");
    is("Gid", "65534\t65534\t65534\t65534");
    is("Groups", "65534");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        is(set, "0000000000000000");
    }
    is("NoNewPrivs", "1");
    is("Seccomp", "2");
    said.tried(FORBIDDEN, "refused");
    said.tried(&["raw socket", "interface again", "odd socket"], "refused");
    said.tried(NEEDED, "done");
    assert_eq!(said.line("user"), "nobody (uid 65534, gid 65534)");
    assert_eq!(said.line("capabilities"), "none kept");
    assert_eq!(said.line("no_new_privs"), "on");
    assert!(said.line("landlock").starts_with("on ("), "{:?}", said.lines);
    assert!(said.line("seccomp").starts_with("on, "), "{:?}", said.lines);
    assert_eq!(said.missing(), [""; 0]);
}

#[test]
fn an_interface_that_comes_back_is_opened_again_by_the_one_right_that_is_kept() {
    if !available(&[]) {
        return;
    }
    let dir = folder();
    let said = confined(dir.path(), &["user", "raw"]);
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(said.status[set], "0000000000002000", "{set}");
    }
    assert_eq!(
        (said.status["CapInh"].as_str(), said.status["CapAmb"].as_str()),
        ("0000000000000000", "0000000000000000")
    );
    said.tried(&["raw socket", "interface again"], "done");
    said.tried(FORBIDDEN, "refused");
    said.tried(NEEDED, "done");
    assert_eq!(said.line("capabilities"), "cap_net_raw only");
    assert_eq!(said.missing(), [""; 0]);
}

#[test]
fn root_without_a_user_to_become_has_no_rights_and_no_secrets_left() {
    if !available(&[]) {
        return;
    }
    let dir = folder();
    let said = confined(dir.path(), &[]);
    assert_eq!(said.status["CapEff"], "0000000000000000");
    // Files of root are his by owner, not by a right: landlock keeps him from them.
    said.tried(FORBIDDEN, "refused");
    said.tried(NEEDED, "done");
    assert_eq!(said.missing(), ["user"]);
}

/// OP01: `--cap-drop ALL --cap-add NET_RAW` and `no-new-privileges`.
#[test]
fn a_container_without_the_right_to_become_somebody_captures_all_the_same() {
    if !available(&[]) {
        return;
    }
    let dir = folder();
    let said = confined(dir.path(), &["container", "user", "raw"]);
    assert_eq!(said.missing(), ["user"]);
    assert!(said.line("user").contains("CAP_SETUID"), "{:?}", said.lines);
    assert_eq!(said.status["CapEff"], "0000000000002000");
    said.tried(FORBIDDEN, "refused");
    said.tried(NEEDED, "done");
    said.tried(&["interface again"], "done");
}

#[test]
fn an_old_kernel_is_told_of_and_the_run_goes_on() {
    if !available(&[]) {
        return;
    }
    let dir = folder();
    let said = confined(dir.path(), &["user", "old"]);
    assert_eq!(said.missing(), ["landlock", "seccomp"]);
    assert!(said.line("landlock").starts_with("off: "), "{:?}", said.lines);
    assert_eq!(said.status["CapEff"], "0000000000000000");
    // What rights alone keep away.
    said.tried(&["shadow", "write elsewhere", "setuid", "raw socket"], "refused");
    said.tried(NEEDED, "done");
}

#[test]
fn threads_that_began_too_early_are_told_of() {
    if !available(&[]) {
        return;
    }
    let dir = folder();
    let said = confined(dir.path(), &["user", "late"]);
    assert_eq!(said.missing(), ["threads"]);
    assert!(said.line("threads").starts_with("2 were there before"), "{:?}", said.lines);
}

#[test]
fn a_folder_that_is_not_minewatchs_alone_is_not_given_away() {
    use std::os::unix::fs::{MetadataExt as _, symlink};
    if !available(&[]) {
        return;
    }
    let dir = folder();
    let at = |name: &str| dir.path().join("state").join(name);
    std::fs::write(at(".bashrc"), "").unwrap();
    symlink(dir.path().join("elsewhere/secret"), at("minewatch.db.link")).unwrap();
    std::fs::hard_link(dir.path().join("elsewhere/secret"), at("minewatch.db.twice")).unwrap();
    let said = confined(dir.path(), &["user"]);
    assert_eq!(said.missing(), ["state", "writing"]);
    assert!(said.line("state").contains(".bashrc"), "{:?}", said.lines);
    let owner = |path: &Path| std::fs::symlink_metadata(path).unwrap().uid();
    assert_eq!(owner(&at("")), 0);
    assert_eq!(owner(&dir.path().join("elsewhere/secret")), 0);
    assert_eq!(owner(&at("minewatch.db")), 65_534);
}

#[test]
fn the_enforcer_goes_on_and_cannot_be_started_again() {
    if !available(&["nft"]) {
        return;
    }
    let dir = folder();
    let said = confined(dir.path(), &["user", "enforcer"]);
    said.tried(&["enforcer asked", "enforcer applies", "enforcer left alone"], "done");
    said.tried(&["enforcer again"], "refused");
}

/// The figure that `deploy/README.md` names.
#[test]
fn the_unit_is_as_closed_as_it_is_said_to_be() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/minewatch.service");
    let out = Command::new("systemd-analyze").args(["security", "--no-pager", "--offline=true"]).arg(&unit).output();
    let text = out.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    let exposure =
        text.lines().find_map(|l| l.split_once("exposure level for minewatch.service: ")?.1.split(' ').next());
    let Some(exposure) = exposure.map(|e| e.parse::<f64>().unwrap()) else {
        println!("skipped: no systemd-analyze that looks at units offline (systemd 250)");
        return;
    };
    assert!(exposure <= 1.6, "{text}");
}
