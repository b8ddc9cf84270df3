//! Memory: what a flood costs at most, as the kernel accounts for the whole program, and that the only code that the
//! compiler does not check touches none that is not its own.
//!
//! A flood four times as long must not take more: each of these grows without bound if its cap is taken away. What the
//! caps are is in `ARCHITECTURE.md`, "Everything has a cap".

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of a test, which clippy does not see

#[path = "../pcaps/generate/kit.rs"]
mod kit;
#[path = "../pcaps/generate/workload/mod.rs"]
mod workload;

use std::path::Path;
use std::process::{Command, Stdio};

use wait4::Wait4;
use workload::{Kind, Size};

/// What the kernel and the allocator round up, and what a longer report takes.
const SLACK: u64 = 12 << 20;

/// Most memory that a replay had at once, in bytes.
fn peak(kind: Kind, size: Size, folder: &Path) -> u64 {
    let file = folder.join(format!("{}.{}", kind.name(), kind.suffix()));
    workload::write(kind, &file, size, 7).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_minewatch"))
        .args(["replay", "--workers", "1", "--json"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let used = child.wait4().unwrap();
    assert!(matches!(used.status.code(), Some(0 | 1)), "{:?}", used.status);
    used.rusage.maxrss
}

fn is_flat(kind: Kind, full: Size) {
    let folder = tempfile::tempdir().unwrap();
    let short = peak(kind, full.scaled(250), folder.path());
    let long = peak(kind, full, folder.path());
    assert!(long <= short + SLACK, "{}: {} KiB, and four times as long {} KiB", kind.name(), short >> 10, long >> 10);
}

/// The table of half-open connections holds 65,536; without that cap 400,000 more of them would take 40 MiB.
#[test]
fn a_flood_of_syns_costs_the_same_however_long_it_is() {
    is_flat(Kind::SynFlood, Size::packets(560_000));
}

/// Streams whose first byte never comes: without the caps, every byte after it would be kept.
#[test]
fn holes_that_are_never_filled_cost_the_same_however_much_follows_them() {
    is_flat(Kind::OutOfOrder, Size { bytes: 240_000_000, ..Size::UNBOUNDED });
}

/// A connection that is over costs a place in the table until its late packets came, not what was learned of it.
#[test]
fn many_short_conversations_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let peak = peak(Kind::Tiny, Size { flows: 250_000, ..Size::UNBOUNDED }, folder.path());
    assert!(peak < 120 << 20, "{} MiB", peak >> 20);
}

/// The prefetch under the address sanitizer, which comes with the compiler.
#[test]
fn the_prefetch_touches_no_memory_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("prefetch");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["--edition", "2024", "--test", "-Zsanitizer=address", "src/prefetch.rs", "-o"])
        .arg(&program)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let Ok(built) = built else {
        println!("skipped: no rustc");
        return;
    };
    if !built.status.success() {
        // Not every platform has the sanitizer.
        let has_it = cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"));
        assert!(!has_it, "{built:?}");
        return;
    }
    let ran = Command::new(&program).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
