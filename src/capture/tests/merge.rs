//! Several inputs as one sequence.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::capture::{CaptureError, SourceId, What};

fn open(paths: &[PathBuf]) -> Inputs {
    Inputs::open(paths, Options::default()).unwrap()
}

/// First byte of each frame, as text.
fn story(frames: &[Got]) -> String {
    frames.iter().map(|f| char::from(f.data[0])).collect()
}

fn at(seconds: &[u32], mark: u8) -> Vec<u8> {
    let out = Out::new(false).header(MICROS, (2, 4), 1);
    seconds.iter().fold(out, |out, s| out.record(*s, 0, &[mark])).bytes
}

#[test]
fn a_rotated_set_in_any_order_is_one_sequence() {
    let f = Folder::new();
    let (a, b, c) =
        (f.put("9", at(&[1, 2], b'a')), f.put("5", gzip(&at(&[3, 4], b'b'))), f.put("7", at(&[5, 6], b'c')));
    for paths in [[&b, &c, &a], [&a, &b, &c], [&c, &b, &a]] {
        let mut inputs = open(&paths.map(Clone::clone));
        let frames = drain(&mut inputs);
        assert_eq!(story(&frames), "aabbcc");
        assert_eq!(frames.iter().map(|f| (f.source, f.number)).collect::<Vec<_>>()[2..4], [(1, 1), (1, 2)]);
        assert_eq!(inputs.source_name(SourceId(0)), a.to_str().unwrap());
        assert_eq!((inputs.source_count(), inputs.source_name(SourceId(3))), (3, ""));
        assert_eq!(inputs.problems(), []);
        let stored = paths.iter().map(|p| std::fs::metadata(p).unwrap().len()).sum();
        assert_eq!((inputs.total_bytes(), inputs.bytes_read()), (Some(stored), stored));
    }
}

#[test]
fn the_two_directions_of_a_tap_interleave() {
    let f = Folder::new();
    let (rx, tx) = (f.put("rx", at(&[1, 3, 3, 8], b'r')), f.put("tx", at(&[2, 3, 9], b't')));
    assert_eq!(story(&drain(&mut open(&[tx.clone(), rx.clone()]))), "rtrrtrt");
    // Equal times: the one that started first goes first, whatever the order on the command line.
    assert_eq!(story(&drain(&mut open(&[rx, tx]))), "rtrrtrt");
}

#[test]
fn a_clock_that_steps_back_keeps_the_order_of_the_file() {
    let f = Folder::new();
    let (a, b) = (f.put("a", at(&[10, 2, 30], b'a')), f.put("b", at(&[11, 12], b'b')));
    assert_eq!(story(&drain(&mut open(&[a, b]))), "aabba");
}

#[test]
fn many_at_once_are_the_same_sequence() {
    let f = Folder::new();
    let seconds: [&[u32]; 5] =
        [&[1, 3, 3, 8, 8, 8, 20], &[2, 3, 9, 7, 21], &[8, 8, 8], &[10, 2, 30, 31, 32], &[33, 34]];
    let paths: Vec<_> = seconds.iter().enumerate().map(|(i, s)| f.put(&i.to_string(), at(s, b'a' + i as u8))).collect();
    let one = drain(&mut open(&paths));
    assert_eq!(one.len(), seconds.iter().map(|s| s.len()).sum::<usize>());
    for most in [1, 2, 3, 64] {
        assert_eq!(drain_lent(&mut open(&paths), most), one, "{most}");
    }
}

#[test]
fn files_that_follow_each_other_need_one_descriptor() {
    let f = Folder::new();
    for i in 0..20 {
        f.put(&format!("{i}"), at(&[i * 10, i * 10 + 1], b'x'));
    }
    let options = Options { max_open: 1, ..Options::default() };
    let mut inputs = Inputs::open(&[f.path()], options).unwrap();
    let frames = drain(&mut inputs);
    assert!(frames.is_sorted_by_key(|f| f.nanos));
    assert_eq!((frames.len(), inputs.problems().len()), (40, 0));
}

#[test]
fn more_overlap_than_may_be_open_is_said_and_loses_nothing() {
    let f = Folder::new();
    for i in 0..5 {
        f.put(&format!("{i}"), at(&[i, 100], b'x'));
    }
    let options = Options { max_open: 2, ..Options::default() };
    let mut inputs = Inputs::open(&[f.path()], options).unwrap();
    assert_eq!(drain(&mut inputs).len(), 10);
    let notes: Vec<_> = inputs.problems().iter().map(|p| (p.severity, p.what.clone())).collect();
    assert_eq!(notes, [(Severity::Note, What::TooManyOpen { limit: 2 })]);
    assert!(!inputs.damaged());
}

#[test]
fn a_file_that_calls_itself_a_capture_is_a_damaged_one_in_a_folder_too() {
    let f = Folder::new();
    f.put("a.pcap", at(&[1], b'1'));
    f.put("b.pcap", vec![]);
    f.put("c.PcapNG.gz", gzip(b"# minewatch list"));
    let mut inputs = open(&[f.path()]);
    assert_eq!(story(&drain(&mut inputs)), "1");
    let notes = sentences(inputs.problems());
    assert!(notes.len() == 2 && notes.iter().all(|n| n.starts_with("error: ")), "{notes:?}");
    assert!(inputs.damaged());
}

#[test]
fn folders_are_searched_for_captures_by_content() {
    let f = Folder::new();
    f.put("b/deep/x.txt", at(&[2], b'2'));
    f.put("a.bin", at(&[1], b'1'));
    f.put("c.pcap.gz", gzip(&at(&[3], b'3')));
    f.put("header-only.pcap", classic(0, &[]));
    for name in ["notes.txt", "empty", "b/readme", "b/z.gz"] {
        f.put(name, if name == "empty" { vec![] } else { gzip(name.as_bytes()) });
    }
    symlink(f.path(), f.path().join("b/up")).unwrap();
    symlink(f.path().join("nowhere"), f.path().join("dangling")).unwrap();
    symlink(f.path().join("a.bin"), f.path().join("link")).unwrap();
    let mut inputs = open(&[f.path()]);
    assert_eq!(story(&drain(&mut inputs)), "123");
    assert_eq!(inputs.source_count(), 4);
    let (root, notes) = (f.path().to_str().unwrap().to_owned(), sentences(inputs.problems()));
    assert_eq!(
        notes,
        [
            format!("note: {root}/link: is the same file as {root}/a.bin; it is read once"),
            format!("note: {root}: left out 4 files that hold no capture: readme, z.gz, empty, …"),
        ]
    );
    assert!(!inputs.damaged());
}

#[test]
fn one_bad_input_does_not_stop_the_others() {
    let f = Folder::new();
    let good = f.put("good", at(&[5], b'g'));
    let cut = f.put("cut", &at(&[1, 2], b'c')[..50]);
    let text = f.put("text", "hello");
    let empty = f.put("empty", "");
    let missing = f.path().join("missing");
    let mut inputs = open(&[missing.clone(), text.clone(), empty.clone(), cut, good.clone(), good]);
    assert_eq!(story(&drain(&mut inputs)), "cg");
    let whats: Vec<_> = inputs.problems().iter().map(|p| p.what.clone()).collect();
    assert!(
        matches!(
            whats.as_slice(),
            [
                What::Missing,
                What::Twice { .. },
                What::NotACapture { looks_like: None },
                What::Empty,
                What::Cut { have: 9, need: 16, .. }
            ]
        ),
        "{whats:?}"
    );
    assert!(inputs.damaged());

    let error = Inputs::open(&[missing, text], Options::default()).unwrap_err().to_string();
    assert!(error.contains("missing: no such file") && error.contains("text: is not a capture"), "{error}");
    let void = Folder::new();
    let error = Inputs::open(&[void.path()], Options::default()).unwrap_err().to_string();
    assert!(error.ends_with(": no capture in this folder"), "{error}");
    assert!(matches!(Inputs::open(&[], Options::default()), Err(CaptureError::NoInput)));
}

#[test]
fn a_file_that_vanishes_during_the_run_is_reported() {
    let f = Folder::new();
    let (a, b) = (f.put("a", at(&[1], b'a')), f.put("b", at(&[9], b'b')));
    let mut inputs = open(&[a, b.clone()]);
    assert!(matches!(inputs.next(), Step::Frame(_)));
    std::fs::remove_file(b).unwrap();
    assert_eq!(drain(&mut inputs), []);
    assert!(matches!(inputs.problems()[0].what, What::Gone { .. }));
    assert!(inputs.damaged());
}

#[test]
fn a_damaged_capture_is_reported_once() {
    let f = Folder::new();
    let early = f.put("early", &at(&[1], b'a')[..30]);
    let late = f.put("late", &at(&[1, 2], b'a')[..50]);
    let mut inputs = open(&[early, late]);
    assert_eq!(drain(&mut inputs).len(), 1);
    assert_eq!(inputs.problems().len(), 2);
}

/// A pipe that gives one part a read, and counts the reads.
struct Pipe(Vec<Vec<u8>>, Arc<AtomicUsize>);

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        if self.0.is_empty() {
            return Ok(0);
        }
        let part = self.0.remove(0);
        buf[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }
}

#[test]
fn what_a_pipe_has_delivered_is_had_without_waiting_for_more() {
    let bytes = at(&[1, 2, 3, 4], b'p');
    let reads = Arc::new(AtomicUsize::new(0));
    // The header, two packets and a half; then the rest.
    let (first, rest) = bytes.split_at(24 + 17 * 2 + 9);
    let pipe = Pipe(vec![first.to_vec(), rest.to_vec()], Arc::clone(&reads));
    let mut inputs = Inputs::from_reader("x", pipe, Options::default()).unwrap();
    let mut took = || {
        let before = (inputs.ready(), reads.load(Ordering::Relaxed));
        (matches!(inputs.next(), Step::Frame(_)), before)
    };
    assert_eq!(took(), (true, (true, 1)));
    assert_eq!(took(), (true, (true, 1)));
    assert_eq!(took(), (true, (false, 1)), "half a packet would have to wait");
    assert_eq!(took(), (true, (true, 2)));
    assert_eq!(took(), (false, (false, 2)), "the end is not known before the pipe is closed");
    assert_eq!((inputs.total_bytes(), inputs.bytes_read()), (None, bytes.len() as u64));
}

#[test]
fn a_compressed_pipe_is_not_waited_on_either() {
    let bytes = at(&[1, 2, 3], b'p');
    let (a, b) = bytes.split_at(24 + 17 * 2);
    for (a, b) in [(gzip(a), gzip(b)), (zstd(a), zstd(b))] {
        let reads = Arc::new(AtomicUsize::new(0));
        let pipe = Pipe(vec![a, b], Arc::clone(&reads));
        let mut inputs = Inputs::from_reader("x", pipe, Options::default()).unwrap();
        for _ in 0..2 {
            assert!(inputs.ready());
            assert!(matches!(inputs.next(), Step::Frame(_)));
        }
        assert_eq!((inputs.ready(), reads.load(Ordering::Relaxed)), (false, 1));
        assert_eq!(drain(&mut inputs).len(), 1);
    }
}

#[test]
fn files_are_always_ready() {
    let f = Folder::new();
    let mut inputs = open(&[f.put("a", at(&[1, 2], b'a'))]);
    while let (true, Step::Frame(_)) = (inputs.ready(), inputs.next()) {}
    assert!(inputs.ready());
}

#[test]
fn inputs_may_move_to_a_reader_thread() {
    let f = Folder::new();
    let mut inputs = open(&[f.put("a", zstd(&at(&[1, 2], b'a')))]);
    assert_eq!(std::thread::spawn(move || drain(&mut inputs).len()).join().unwrap(), 2);
}
