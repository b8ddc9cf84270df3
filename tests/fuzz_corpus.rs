//! The fuzz targets in the ordinary test run: every file of `tests/fuzz/corpus`, and 200 mutations of each.
//!
//! An input that breaks a promise is written to a file, to be looked at with
//! `cargo fuzz run --fuzz-dir tests/fuzz TARGET FILE` (see `tests/fuzz/README.md`) and then kept in the corpus.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)] // allowed in tests; these are helpers of one

#[path = "fuzz/encrypted.rs"]
mod encrypted;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/targets/mod.rs"]
#[allow(unreachable_pub)] // the library of the fuzz project
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use targets::Target;

/// Mutations of each corpus file.
const MUTATIONS: u64 = 200;
/// The whole corpus, at most, in bytes: a clone should not be slow for it.
const MAX_CORPUS: usize = 1 << 20;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target)
}

/// The corpus of a target, by name of file.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder(target))
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// Runs one input; where it breaks a promise, says how to see it again.
fn run(target: &Target, from: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target.1(input))).is_err() {
        let name = format!("{}-{from}", target.0);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, input).unwrap();
        panic!("target {} breaks a promise; the input is in {}", target.0, path.display());
    }
}

fn replay(name: &str) {
    let target = targets::ALL.iter().find(|t| t.0 == name).unwrap();
    let files = corpus(name);
    assert!(!files.is_empty(), "no corpus");
    for (i, (file, bytes)) in files.iter().enumerate() {
        run(target, file, bytes);
        for n in 0..MUTATIONS {
            let mut dice = mutate::Dice::new(&[name.as_bytes(), file.as_bytes()], n);
            let other = &files[(i + dice.roll(files.len())) % files.len()].1;
            run(target, &format!("{file}-{n}"), &mutate::mutated(bytes, other, &mut dice));
        }
    }
    println!("{name}: {} corpus files and {} mutations", files.len(), files.len() as u64 * MUTATIONS);
}

macro_rules! replayed {
    ($($name:ident)+) => {
        $(#[test] fn $name() { replay(stringify!($name)); })+

        #[test]
        fn every_target_is_replayed_and_can_be_fuzzed() {
            let names: Vec<_> = targets::ALL.iter().map(|t| t.0).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
            for (folder, suffix) in [("corpus", ""), ("bins", ".rs")] {
                let mut found: Vec<_> = std::fs::read_dir(root.join(folder))
                    .unwrap()
                    .map(|e| e.unwrap().file_name().into_string().unwrap())
                    .collect();
                found.sort();
                assert_eq!(found, names.iter().map(|n| format!("{n}{suffix}")).collect::<Vec<_>>());
            }
        }
    };
}

replayed! {
    blocks decode dialects dns feeds flows http json lines node printable quic reader reassembly rhythm tls wallet worker
}

#[test]
fn the_corpus_stays_small() {
    let size: usize = targets::ALL.iter().flat_map(|t| corpus(t.0)).map(|(_, bytes)| bytes.len()).sum();
    assert!(size <= MAX_CORPUS, "{size} bytes");
}

/// Seeds have something to say: a corpus of noise would pass every test.
#[test]
fn seeds_reach_what_they_are_for() {
    use minewatch::capture::{Inputs, Options, Step};
    let readable = corpus("reader").into_iter().filter(|(_, bytes)| {
        Inputs::from_reader("seed", std::io::Cursor::new(bytes.clone()), Options::default())
            .is_ok_and(|mut inputs| matches!(inputs.next(), Step::Frame(_)))
    });
    assert!(readable.count() >= 15, "few seeds hold a frame");
    let found: std::collections::BTreeSet<_> =
        corpus("worker").iter().flat_map(|(_, bytes)| targets::worker::dialects(bytes)).collect();
    let all: std::collections::BTreeSet<_> = minewatch::dialect::DIALECTS.iter().map(|d| d.id()).collect();
    let missing: Vec<_> = all.difference(&found).collect();
    assert!(missing.is_empty(), "dialects without a seed: {missing:?}");
}

/// Not a test: `cargo test --test fuzz_corpus -- --ignored write_seeds` writes the seeds anew from `pcaps/`.
#[test]
#[ignore = "writes tests/fuzz/corpus"]
fn write_seeds() {
    for (target, ..) in targets::ALL {
        for (name, _) in corpus(target).iter().filter(|(name, _)| name.starts_with("seed-")) {
            std::fs::remove_file(folder(target).join(name)).unwrap();
        }
    }
    for (target, name, bytes) in seeds::all() {
        let path = folder(target).join(format!("seed-{name}"));
        std::fs::create_dir_all(folder(target)).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
