use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn nobody_else_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let mut store = Store::open(&state).unwrap().store;
    store.save(entries([record("198.51.100.7", 3333)]), at(0)).unwrap();
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for name in [FILE, "minewatch.db-wal", "minewatch.db-shm"] {
        assert_eq!(mode(&state.join(name)), 0o600, "{name}");
    }
    drop(store);
    fs::set_permissions(state.join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    let opened = Store::open(&state).unwrap();
    assert_eq!(mode(&state.join(FILE)), 0o600);
    assert!(matches!(opened.warnings.as_slice(), [w] if w.contains("other users")), "{:?}", opened.warnings);
}

#[test]
fn a_database_that_is_damaged_is_moved_aside_as_it_is() {
    let sound = {
        let dir = filled((1..2_000).map(|p| record("198.51.100.7", p)));
        raw(&dir).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        fs::read(db(&dir)).unwrap()
    };
    let noise: Vec<u8> = (0..40_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut torn = sound.clone();
    for page in torn.chunks_mut(4_096).skip(2).step_by(3) {
        page[..64].fill(0xa5);
    }
    let mut foreign_mark = sound.clone();
    foreign_mark[68..72].copy_from_slice(b"xxxx");
    for (what, bytes) in [
        ("random bytes", noise),
        ("a short text", b"Dear Sir or Madam".to_vec()),
        ("half of it", sound[..sound.len() / 2 / 4_096 * 4_096].to_vec()),
        ("cut within a page", sound[..sound.len() / 3 + 17].to_vec()),
        ("torn pages", torn),
        ("of another program", foreign_mark),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(db(&dir), &bytes).unwrap();
        assert!(Store::open_existing(dir.path()).unwrap_err().is_damage(), "{what}");
        assert_eq!(fs::read(db(&dir)).unwrap(), bytes, "{what}: looking at it changed it");
        let mut opened = Store::open(dir.path()).unwrap_or_else(|e| panic!("{what}: {e}"));
        let aside = moved(&dir);
        assert!(aside[0].starts_with("minewatch.db.damaged-"), "{what}: {aside:?}");
        assert_eq!(fs::read(dir.path().join(&aside[0])).unwrap(), bytes, "{what}");
        assert!(matches!(opened.warnings.as_slice(), [w] if w.contains(&aside[0])), "{what}: {:?}", opened.warnings);
        assert_eq!(opened.store.load().unwrap().book.records, []);
        opened.store.save(entries([record("198.51.100.7", 1)]), at(0)).unwrap();
        drop(opened);
        assert_eq!(Store::open(dir.path()).unwrap().warnings, [""; 0], "{what}");
    }
}

#[test]
fn two_damaged_ones_in_one_second_are_both_kept() {
    let dir = tempfile::tempdir().unwrap();
    for n in 1..=3 {
        fs::write(db(&dir), format!("no database {n}")).unwrap();
        drop(Store::open(dir.path()).unwrap());
        assert_eq!(moved(&dir).len(), n);
    }
}

#[test]
fn an_empty_file_is_begun_anew_and_changes_without_their_database_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(db(&dir), "").unwrap();
    let opened = Store::open(dir.path()).unwrap();
    assert!(matches!(opened.warnings.as_slice(), [w] if w.contains("was empty")), "{:?}", opened.warnings);
    for with_file in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        if with_file {
            fs::write(db(&dir), "").unwrap();
        }
        fs::write(dir.path().join("minewatch.db-wal"), "changes").unwrap();
        let opened = Store::open(dir.path()).unwrap();
        assert_eq!(opened.warnings.len(), 1);
        let wal = moved(&dir).into_iter().find(|n| n.ends_with("-wal")).unwrap();
        assert_eq!(fs::read(dir.path().join(wal)).unwrap(), b"changes");
    }
}

#[test]
fn a_folder_or_a_link_in_its_place_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(db(&dir)).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StateError::NotAFile(_))));
    let victim = dir.path().join("victim");
    fs::write(&victim, "").unwrap();
    for aim in [victim.clone(), dir.path().join("nothing")] {
        let dir = tempfile::tempdir().unwrap();
        symlink(aim, db(&dir)).unwrap();
        assert!(matches!(Store::open(dir.path()), Err(StateError::Symlink(_))));
        assert!(matches!(Store::open_existing(dir.path()), Err(StateError::Symlink(_))));
    }
    assert_eq!(fs::read(&victim).unwrap(), b"");
    // A link on the way to the folder is the operator's.
    let (real, links) = (filled([record("198.51.100.7", 1)]), tempfile::tempdir().unwrap());
    symlink(real.path(), links.path().join("state")).unwrap();
    assert_eq!(Store::open(&links.path().join("state")).unwrap().store.load().unwrap().book.records.len(), 1);
}

#[test]
fn a_database_of_a_newer_version_is_moved_aside_and_named_so() {
    let dir = filled([record("198.51.100.7", 1)]);
    raw(&dir).pragma_update(None, "user_version", VERSION + 1).unwrap();
    assert!(
        matches!(Store::open_existing(dir.path()), Err(StateError::Newer { found, known: VERSION, .. }) if found > VERSION)
    );
    let opened = Store::open(dir.path()).unwrap();
    let aside = moved(&dir);
    assert!(aside[0].starts_with("minewatch.db.newer-"), "{aside:?}");
    assert!(opened.warnings[0].contains("a newer version wrote it"), "{:?}", opened.warnings);
    // The newer version would find all of it there.
    let kept = Connection::open(dir.path().join(&aside[0])).unwrap();
    let rows: i64 = kept.query_row("SELECT count(*) FROM entries", [], |r| r.get(0)).unwrap();
    let version: i64 = kept.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
    assert_eq!((rows, version), (1, VERSION + 1));
}

#[test]
fn tables_that_are_not_what_they_should_be_are_damage() {
    for sql in ["DROP TABLE incidents", "ALTER TABLE entries DROP COLUMN verdict"] {
        let dir = filled([record("198.51.100.7", 1)]);
        raw(&dir).execute_batch(sql).unwrap();
        assert!(Store::open_existing(dir.path()).unwrap_err().is_damage(), "{sql}");
        assert_eq!(Store::open(dir.path()).unwrap().warnings.len(), 1, "{sql}");
    }
}
