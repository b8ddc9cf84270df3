//! Captures that nobody here made: every file of the corpus is read to its end, and each capture-format case gives
//! what it should. Skipped, with a count, where the folders are missing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

use std::path::{Path, PathBuf};

use minewatch::capture::{CaptureError, Inputs, LinkType, Options, Severity, Step, What};

fn folder(variable: &str, default: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(default), PathBuf::from);
    path.is_dir().then_some(path)
}

/// A frame in short: link type, captured length, wire length, nanoseconds.
type Brief = (u16, usize, u32, i64);

fn brief(inputs: &mut Inputs) -> Vec<Brief> {
    let mut frames = Vec::new();
    while let Step::Frame(f) = inputs.next() {
        frames.push((f.link.0, f.data.len(), f.wire_len, f.time.as_nanos()));
    }
    frames
}

/// Reads one case by name and as a pipe, which must agree; `None` if the cases are not here.
fn case(name: &str) -> Option<(Vec<Brief>, Vec<String>)> {
    let Some(path) = folder("MINEWATCH_CASES", "cases").map(|f| f.join("captures").join(name)).filter(|p| p.is_file())
    else {
        println!("skipped 1 case: {name} is not here");
        return None;
    };
    let mut by_name = Inputs::open(std::slice::from_ref(&path), Options::default()).unwrap();
    let frames = brief(&mut by_name);
    let mut piped = Inputs::from_reader("pipe", std::fs::File::open(path).unwrap(), Options::default()).unwrap();
    assert_eq!(brief(&mut piped), frames);
    assert_eq!(piped.problems().len(), by_name.problems().len());
    assert_eq!(by_name.damaged(), by_name.problems().iter().any(|p| p.severity == Severity::Error));
    Some((frames, by_name.problems().iter().map(ToString::to_string).collect()))
}

const AT: i64 = 1_700_000_000_000_000_000;

fn check(name: &str, expected: &[Brief]) {
    if let Some((frames, problems)) = case(name) {
        assert_eq!(frames, expected);
        assert_eq!(problems, [""; 0]);
    }
}

#[test]
fn cf01_two_link_types_in_one_pcapng() {
    if let Some((frames, problems)) = case("ng_two_linktypes.pcapng") {
        assert_eq!(frames.iter().map(|f| f.0).collect::<Vec<_>>(), [1, 113]);
        assert_eq!(problems, [""; 0]);
    }
}

#[test]
fn cf03_every_form_of_one_capture_is_the_same() {
    check("us_le.pcap", &[(1, 103, 103, AT)]);
    check("us_be.pcap", &[(1, 103, 103, AT)]);
}

#[test]
fn cf03_nanoseconds() {
    check("ns_le.pcap", &[(1, 103, 103, AT + 999_999_999)]);
}

#[test]
fn cf05_gzip_and_zstd_by_content() {
    check("gz.pcap.gz", &[(1, 103, 103, AT)]);
    let Some(path) = folder("MINEWATCH_CASES", "cases").map(|f| f.join("captures/us_le.pcap")) else { return };
    let plain = std::fs::read(path).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let zst = dir.path().join("named-like-nothing");
    std::fs::write(&zst, zstd::encode_all(plain.as_slice(), 3).unwrap()).unwrap();
    let mut inputs = Inputs::open(&[zst], Options::default()).unwrap();
    assert_eq!(brief(&mut inputs), [(1, 103, 103, AT)]);
}

#[test]
fn cf07_a_cut_last_packet_keeps_the_earlier_ones() {
    if let Some((frames, problems)) = case("trunc_lastpkt.pcap") {
        assert_eq!(frames, [(1, 103, 103, AT)]);
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert!(problem.contains("trunc_lastpkt.pcap: cut off inside a packet that starts at byte 143"), "{problem}");
        assert!(problem.ends_with("the 1 packet before it was read"), "{problem}");
    }
}

#[test]
fn cf09_link_types_reach_decode_by_number() {
    check("sll2.pcap", &[(LinkType::LINUX_SLL2.0, 109, 109, AT)]);
    check("linktype_unknown_147.pcap", &[(147, 103, 103, AT)]);
    assert_eq!(LinkType(147).name(), "link type 147");
}

#[test]
fn cf11_rotated_files_in_any_order_are_one_capture() {
    let Some(path) = folder("MINEWATCH_CASES", "cases").map(|f| f.join("captures/us_le.pcap")) else { return };
    let one = std::fs::read(path).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let rotated = |n: u8| {
        let mut bytes = one.clone();
        bytes[24] += n;
        let path = dir.path().join(format!("rot-{n}.pcap"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let files = [rotated(2), rotated(0), rotated(1)];
    let want: Vec<Brief> = (0..3).map(|n| (1, 103, 103, AT + n * 1_000_000_000)).collect();
    assert_eq!(brief(&mut Inputs::open(&files, Options::default()).unwrap()), want);
    assert_eq!(brief(&mut Inputs::open(&[dir.path().to_owned()], Options::default()).unwrap()), want);
}

#[test]
fn a_captured_length_of_two_gigabytes_is_damage() {
    if let Some((frames, problems)) = case("caplen_huge.pcap") {
        assert_eq!(frames, []);
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert!(problem.contains("damaged at byte 24: a packet header claims 2147483647 bytes"), "{problem}");
    }
}

#[test]
fn a_snaplen_shows_in_the_wire_length() {
    check("snap60.pcap", &[(1, 60, 103, AT)]);
}

#[test]
fn pcapng_files_with_and_without_a_clock_option() {
    for name in ["ng_one.pcapng", "ng_tsresol_ns.pcapng"] {
        if let Some((frames, problems)) = case(name) {
            assert_eq!((frames.len(), frames[0].0, frames[0].3 / 1_000_000_000), (1, 1, AT / 1_000_000_000), "{name}");
            assert_eq!(problems, [""; 0]);
        }
    }
}

#[test]
fn every_capture_of_the_corpus_is_read_to_its_end() {
    let Some(root) = folder("MINEWATCH_CAPTURES", "captures") else {
        println!("skipped the corpus: it is not here");
        return;
    };
    let (mut files, mut frames, mut refused, mut damaged) = (0u64, 0u64, 0u64, 0u64);
    let mut folders: Vec<PathBuf> = ["benign", "mining", "node"].iter().map(|f| root.join(f)).collect();
    let mut paths = Vec::new();
    while let Some(f) = folders.pop() {
        for entry in std::fs::read_dir(f).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { paths.push(entry) }
        }
    }
    for path in paths {
        files += 1;
        match Inputs::open(std::slice::from_ref(&path), Options::default()) {
            Ok(mut inputs) => {
                let got = brief(&mut inputs);
                let bytes = std::fs::metadata(&path).unwrap().len();
                assert!(got.len() as u64 <= bytes / 16, "{}", path.display());
                assert!(got.iter().all(|f| f.1 <= f.2 as usize), "{}", path.display());
                frames += got.len() as u64;
                damaged += u64::from(inputs.damaged());
            }
            Err(CaptureError::NothingToRead { problems }) => {
                assert!(
                    problems.iter().all(|p| matches!(p.what, What::NotACapture { .. } | What::Empty)),
                    "{}: {problems:?}",
                    path.display()
                );
                refused += 1;
            }
            Err(e) => panic!("{}: {e}", path.display()),
        }
    }
    println!("{files} files, {frames} frames, {damaged} damaged, {refused} no captures");
    // Counted file by file against capinfos: the same but for damaged and ERF files. The folder may grow.
    assert!(frames >= 288_000, "{frames}");
    assert!(damaged * 50 < files, "{damaged} of {files}");
    assert!(refused * 200 < files, "{refused} of {files}");
}
