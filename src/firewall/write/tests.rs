//! A list is replaced whole or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn file(suffix: &'static str, text: &str) -> OutFile {
    OutFile { suffix, bytes: list_of(text).into_bytes() }
}

fn list_of(text: &str) -> String {
    format!("# minewatch {text}")
}

fn names(folder: &Path) -> Vec<String> {
    let mut v: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    v.sort();
    v
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn writes_and_replaces_all_files_of_a_list_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    let to = Destination::from(list.as_path());
    for round in ["one", "two"] {
        write_all(&to, &[file("", round), file(".v6", round)]).unwrap();
        assert_eq!(fs::read_to_string(&list).unwrap(), list_of(round));
        assert_eq!(fs::read_to_string(dir.path().join("list.v6")).unwrap(), list_of(round));
        assert_eq!(names(dir.path()), ["list", "list.v6"]);
    }
}

#[test]
fn a_private_list_stays_private_and_no_list_is_writable_by_others() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    let to = Destination::from(list.as_path());
    write_all(&to, &[file("", "new")]).unwrap();
    assert_eq!(mode(&list) & !0o644, 0, "a new file is at most 0644: {:o}", mode(&list));
    for (before, after) in [(0o600, 0o600), (0o644, 0o644), (0o666, 0o644), (0o4755, 0o644), (0o400, 0o600)] {
        fs::set_permissions(&list, fs::Permissions::from_mode(before)).unwrap();
        write_all(&to, &[file("", "newer")]).unwrap();
        assert_eq!(mode(&list), after, "{before:o}");
    }
}

#[test]
fn a_link_at_the_target_is_refused_and_what_it_points_to_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let (victim, link) = (dir.path().join("victim"), dir.path().join("list"));
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let e = write_all(&Destination::from(link.as_path()), &[file("", "new")]).unwrap_err();
    assert!(matches!(e, WriteError::Symlink(_)));
    assert!(e.to_string().contains("symbolic link") && e.to_string().contains(&link.display().to_string()), "{e}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(names(dir.path()), ["list", "victim"]);
}

#[test]
fn a_link_under_the_temporary_name_is_no_way_in() {
    let dir = tempfile::tempdir().unwrap();
    let (victim, list) = (dir.path().join("victim"), dir.path().join("list"));
    fs::write(&victim, "precious").unwrap();
    let trap = dir.path().join(format!(".list.{}.tmp", std::process::id()));
    std::os::unix::fs::symlink(&victim, trap).unwrap();
    write_all(&Destination::from(list.as_path()), &[file("", "new")]).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(fs::read_to_string(&list).unwrap(), list_of("new"));
    assert_eq!(names(dir.path()), ["list", "victim"]);
}

#[test]
fn when_one_file_of_a_list_cannot_be_written_none_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    fs::write(&list, list_of("old")).unwrap();
    fs::create_dir(dir.path().join("list.v6")).unwrap();
    let e = write_all(&Destination::from(list.as_path()), &[file("", "new"), file(".v6", "new")]).unwrap_err();
    assert!(matches!(e, WriteError::NotAFile(_)), "{e}");
    assert_eq!(fs::read_to_string(&list).unwrap(), list_of("old"));
    assert_eq!(names(dir.path()), ["list", "list.v6"]);
}

#[test]
fn a_missing_folder_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("nowhere/list");
    let e = write_all(&Destination::from(list.as_path()), &[file("", "new")]).unwrap_err().to_string();
    assert!(e.contains(&list.display().to_string()) && e.contains("create its folder first"), "{e}");
    let e = write_all(&Destination::from(dir.path()), &[file("", "new")]).unwrap_err();
    assert!(matches!(e, WriteError::NotAFile(_)), "{e}");
    let slash = PathBuf::from(format!("{}/list/", dir.path().display()));
    assert!(write_all(&Destination::from(slash.as_path()), &[file("", "new")]).is_err());
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_dash_is_standard_output_which_takes_one_file_only() {
    assert_eq!(Destination::from(Path::new("-")), Destination::Stdout);
    assert_eq!(Destination::from(Path::new("./-")), Destination::File("./-".into()));
    let e = write_all(&Destination::Stdout, &[file("", "a"), file(".v6", "b")]).unwrap_err();
    assert!(e.to_string().starts_with("this format is 2 files"), "{e}");
}

#[test]
fn what_is_no_list_is_never_replaced_and_a_look_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (capture, empty, list) = (dir.path().join("a.pcap"), dir.path().join("empty"), dir.path().join("list"));
    fs::write(&capture, b"\xd4\xc3\xb2\xa1 precious").unwrap();
    fs::write(&empty, b"").unwrap();
    fs::write(&list, list_of("old")).unwrap();
    let to = Destination::from(capture.as_path());
    for result in [probe(&to, false), write_all(&to, &[file("", "new")])] {
        let e = result.unwrap_err();
        assert!(matches!(e, WriteError::NotAList(_)), "{e}");
        assert!(e.to_string().contains("a.pcap") && e.to_string().contains("name another file"), "{e}");
    }
    assert_eq!(fs::read(&capture).unwrap(), b"\xd4\xc3\xb2\xa1 precious");
    for path in [&empty, &list, &dir.path().join("fresh")] {
        probe(&Destination::from(path.as_path()), false).unwrap();
    }
    assert!(probe(&Destination::from(dir.path().join("nowhere/list").as_path()), false).is_err());
    assert_eq!(names(dir.path()), ["a.pcap", "empty", "list"]);
    assert_eq!(fs::read_to_string(&list).unwrap(), list_of("old"));
}

#[test]
fn a_list_of_any_format_is_known_again_and_nothing_else_is() {
    use crate::firewall::format::{FORMATS, Meta, RenderOptions};
    use crate::firewall::testing::{at, candidate, test_policy};
    use crate::firewall::{BlockList, NeverBlock, decide};

    let dir = tempfile::tempdir().unwrap();
    let policy = crate::firewall::Policy { scope: crate::firewall::Scope::Address, ..test_policy() };
    let full = decide(&[candidate("198.51.100.10", 3333)], &policy, &NeverBlock::new(), at(0)).list;
    let meta = Meta { captured_until: at(0), refused: 0, never_block_refused: 0, capped: 0, pairs_left_out: 0 };
    for format in FORMATS {
        let path = dir.path().join(format.id());
        let to = Destination::from(path.as_path());
        for list in [&full, &BlockList::default(), &full] {
            probe(&to, format.is_bare()).unwrap();
            write_all(&to, &format.render(list, &meta, &RenderOptions::default()).files)
                .unwrap_or_else(|e| panic!("{}: {e}", format.id()));
        }
        // Somebody else's file.
        for other in [
            "0.0.0.0 tracker.example\n",
            "{\"type\":\"bundle\"}",
            "type,value\n",
            "[{\"reason\":\"spam\"}]",
            "\u{d4}\u{c3}",
        ] {
            fs::write(&path, other).unwrap();
            assert!(matches!(probe(&to, format.is_bare()), Err(WriteError::NotAList(_))), "{}: {other}", format.id());
        }
    }
    // A list of addresses without a word is nobody's, and gives way to another such list only.
    let path = dir.path().join("bare");
    fs::write(&path, "198.51.100.1\n2001:db8::1\n").unwrap();
    let to = Destination::from(path.as_path());
    assert!(probe(&to, false).is_err() && write_all(&to, &[file("", "new")]).is_err());
    assert!(probe(&to, true).is_ok());
    write_all(&to, &[OutFile { suffix: "", bytes: b"198.51.100.2\n".to_vec() }]).unwrap();
}
