//! Kills, full disks and disks that take no writes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use minewatch::firewall::{Limits, NeverBlock, Policy, admit};
use minewatch::ledger::Patience;
use minewatch::state::{Keepsake, StateError, Store};

use super::{batch, fill, from_now, record};

/// Tells the `role` test what to play, in which folder.
const ROLE: &str = "MINEWATCH_STATE_ROLE";
const FOLDER: &str = "MINEWATCH_STATE_FOLDER";

/// What this very program plays in another process.
#[test]
fn role() {
    let (Ok(role), Ok(folder)) = (std::env::var(ROLE), std::env::var(FOLDER)) else { return };
    let folder = PathBuf::from(folder);
    match role.as_str() {
        "writer" => write_until_killed(&folder),
        "full" => full(&folder),
        "read-only" => read_only(&folder),
        other => panic!("{other} is no role"),
    }
}

fn play(mut command: Command, role: &str, folder: &Path) -> Child {
    let arguments = ["--exact", "accidents::role", "--nocapture", "--test-threads=1"];
    command.args(arguments).env(ROLE, role).env(FOLDER, folder).stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// Saves a hundred entries at a time, and says which are saved.
fn write_until_killed(folder: &Path) {
    let mut store = Store::open(folder).unwrap().store;
    for round in 0..u16::MAX / 100 {
        let ports = (0..100).map(|n| record("198.51.100.7", 1 + round * 100 + n));
        store.save(batch(ports), from_now(0)).unwrap();
        println!("saved {round}");
    }
}

#[test]
fn whenever_it_is_killed_the_database_is_sound_and_has_all_that_was_saved() {
    for rounds in [1usize, 2, 3, 5, 8, 13, 21, 34] {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = play(Command::new(std::env::current_exe().unwrap()), "writer", dir.path());
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
        let saved = lines.filter(|l| l.starts_with("saved ")).take(rounds).count();
        // SIGKILL, most likely within the next transaction.
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert_eq!(saved, rounds);
        let mut opened = Store::open(dir.path()).unwrap();
        assert_eq!(opened.warnings, [""; 0], "after {rounds}");
        let loaded = opened.store.load().unwrap();
        let n = loaded.book.records.len();
        assert!(n >= rounds * 100 && n.is_multiple_of(100) && loaded.dropped == 0, "after {rounds} there are {n}");
    }
}

/// A folder with a file system of a megabyte of its own, for one role.
fn on_a_small_disk(role: &str) {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=1m,mode=0700 minewatch \"$1\" && shift && exec \"$@\"";
    let unshare = |how: &[&str]| {
        let mut c = Command::new("unshare");
        c.args(how).args(["sh", "-c", script, "sh"]).arg(dir.path());
        c
    };
    // As root, or as whoever may play root in a namespace of users.
    let how = [&["-m"][..], &["-rm"]].into_iter().find(|how| {
        let mut probe = unshare(how);
        probe.arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    });
    let Some(how) = how else {
        static SKIPPED: AtomicUsize = AtomicUsize::new(0);
        let n = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = writeln!(std::io::stderr(), "disk tests skipped so far: {n} (no right to mount a file system)");
        return;
    };
    let mut command = unshare(how);
    command.arg(std::env::current_exe().unwrap());
    let out = play(command, role, dir.path()).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && said.contains("played to the end"), "{said}");
}

#[test]
fn on_a_full_disk_everything_goes_on_and_is_saved_when_there_is_room() {
    on_a_small_disk("full");
}

#[test]
fn on_a_disk_that_takes_no_writes_everything_goes_on() {
    on_a_small_disk("read-only");
}

fn policy() -> Policy {
    Policy { allow_documentation: true, ..Policy::default() }
}

fn keepsake(folder: &Path) -> (Keepsake, Vec<String>) {
    Keepsake::load(
        Some(folder),
        (Limits { per_minute: 10_000, ..Limits::default() }, Patience::default()),
        &policy(),
        from_now(0),
    )
}

/// Blocks so many ports.
fn block(kept: &mut Keepsake, ports: std::ops::Range<u16>) {
    let entries = ports.map(|port| {
        let r = record("198.51.100.7", port);
        minewatch::firewall::Entry {
            target: r.key.endpoint().unwrap(),
            ttl_secs: 0,
            expires: r.expires,
            verdict: Some(r.verdict),
            last_seen: r.last_seen,
            miners: r.miners,
        }
    });
    let d = admit(entries.collect(), &policy(), &NeverBlock::new(), from_now(0));
    kept.merge_decision(&d, &policy(), from_now(0));
}

fn held(kept: &Keepsake) -> usize {
    kept.list(&policy(), &NeverBlock::new(), from_now(0)).list.len()
}

fn full(folder: &Path) {
    // From the first moment on.
    let filler = folder.join("filler");
    fill_up(&filler);
    let (mut kept, said) = keepsake(folder);
    assert!(said[0].starts_with("state is NOT saved") && said[0].contains("full"), "{said:?}");
    block(&mut kept, 1..100);
    assert_eq!(held(&kept), 99);
    fs::remove_file(&filler).unwrap();
    let again = ["state is saved again, with all that waited".to_owned()];
    let said = kept.save_dirty(&policy(), from_now(11));
    assert!(said.ends_with(&again), "{said:?}");

    // On the way.
    fill_up(&filler);
    block(&mut kept, 100..2_000);
    let said = kept.save_dirty(&policy(), from_now(0));
    assert!(matches!(said.as_slice(), [s] if s.contains("is full")), "{said:?}");
    assert!(matches!(kept.health().why, Some(StateError::Full(_))), "{:?}", kept.health());
    assert_eq!((kept.health().unsaved, kept.health().lost, held(&kept)), (1_900, 0, 1_999));
    // The orders of an operator are not swallowed either.
    let mut store = Store::open_existing(folder).unwrap();
    assert!(matches!(store.save(batch([record("198.51.100.9", 1)]), from_now(0)), Err(StateError::Full(_))));
    drop(store);
    fs::remove_file(&filler).unwrap();
    assert_eq!(kept.save_dirty(&policy(), from_now(11)), again);
    drop(kept);
    // A restart meanwhile forgets nothing.
    fill_up(&filler);
    let (kept, said) = keepsake(folder);
    assert_eq!((held(&kept), said.len()), (1_999, 1), "{said:?}");
    drop(kept);
    fs::remove_file(&filler).unwrap();
    let mut opened = Store::open(folder).unwrap();
    assert_eq!((opened.warnings.len(), opened.store.load().unwrap().book.records.len()), (0, 1_999));
    println!("played to the end");
}

/// Writes until nothing fits any more, down to the last byte.
fn fill_up(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [65_536, 4_096, 512, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

fn read_only(folder: &Path) {
    let remount = |how: &str| {
        let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(folder).status().unwrap();
        assert!(status.success());
    };
    let new = folder.join("new");
    remount("ro");
    assert!(matches!(Store::open(&new), Err(StateError::NotWritable { .. })), "{:?}", Store::open(&new));
    let (mut kept, said) = keepsake(folder);
    assert!(said[0].contains("make it writable"), "{said:?}");
    block(&mut kept, 1..100);
    assert_eq!(held(&kept), 99);
    remount("rw");
    assert_eq!(kept.save_dirty(&policy(), from_now(11)).len(), 1);

    drop(kept);
    fill(folder, [record("198.51.100.9", 1)]);
    remount("ro");
    let error = Store::open(folder).unwrap_err();
    assert!(matches!(error, StateError::NotWritable { .. }), "{error:?}");
    let (kept, said) = keepsake(folder);
    assert!(said[0].starts_with("state is NOT saved"), "{said:?}");
    assert!(kept.health().since.is_some());
    assert_eq!(held(&kept), 100, "what was saved is forgotten");
    remount("rw");
    println!("played to the end");
}
