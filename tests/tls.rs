//! Names and fingerprints of TLS and QUIC in captures that nobody here made are those that others read.
//!
//! Skipped, with a count, where the captures are missing; what needs tshark, where that is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

mod support;

#[path = "tls/build.rs"]
mod build;
#[path = "tls/cost.rs"]
mod cost;
#[path = "tls/flows.rs"]
mod flows;
#[path = "tls/openssl.rs"]
mod openssl;
#[path = "tls/parser.rs"]
mod parser;
#[path = "tls/reference.rs"]
mod reference;
#[path = "tls/tshark.rs"]
mod tshark;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use flows::{Capture, Side};
use parser::Read;
use reference::{MORE_SIGNATURES, differences};
use support::{Failures, corpus, parallel};

/// Tests in here that need the captures.
const TESTS: usize = 4;

/// Files with hellos that contradict themselves: lists of ciphers with odd lengths or none, extensions cut short. No server
/// takes them.
const MALFORMED: [&str; 2] = ["tls_cipher_lens.pcap", "ssl-malformed1.pcap"];

static CORPUS: LazyLock<Option<(PathBuf, Vec<Capture>)>> = LazyLock::new(|| {
    let root = corpus::folder(TESTS)?;
    let files: Vec<PathBuf> = ["mining", "benign"].iter().flat_map(|d| corpus::files(&root.join(d))).collect();
    let captures = parallel(&files, |path| flows::read(path));
    Some((root, captures))
});

#[test]
fn streams_say_what_tls_parser_reads() {
    let Some((root, captures)) = &*CORPUS else { return };
    let mut failures = Failures::default();
    let (mut clients, mut servers, mut certificates, mut malformed) = (0, 0, 0, Vec::new());
    for capture in captures {
        let file = capture.file.strip_prefix(root).unwrap().display();
        for (way, sides) in capture.sides.iter().filter(|(w, _)| !w.udp) {
            for side in sides {
                let of = format!("{file} {} - {}", way.from, way.to);
                match parser::read(&side.bytes) {
                    Read::Client(lists) => match &side.client {
                        None if MALFORMED.iter().any(|f| capture.file.ends_with(f)) => {}
                        None => failures.add(&of, format!("no hello, but elsewhere {:?}", lists.said())),
                        Some(ours) => {
                            clients += 1;
                            for d in differences(ours, &lists.said()) {
                                failures.add(&of, d);
                            }
                        }
                    },
                    Read::Server { version, cipher, certificate } => match &side.server {
                        None => failures.add(&of, format!("no server's hello, but elsewhere {cipher:04x}")),
                        Some(ours) => {
                            servers += 1;
                            if ours.certificate_malformed {
                                malformed.push(of.clone());
                            }
                            let found = ours.certificate.as_ref().map(|c| c.fingerprint);
                            certificates += usize::from(found.is_some());
                            let same = (ours.version.0, ours.cipher) == (version, cipher);
                            // Ours needs no more than the first certificate of the chain.
                            let proven = found == certificate || certificate.is_none() || ours.certificate_malformed;
                            if !same || !proven {
                                failures.differ(
                                    &of,
                                    "server",
                                    format!("{ours:?}"),
                                    format!("{version:04x} {cipher:04x}"),
                                );
                            }
                        }
                    },
                    Read::Nothing => {
                        if side.client.is_some() || side.server.is_some() {
                            failures.add(&of, format!("elsewhere nothing, but {:?} {:?}", side.client, side.server));
                        }
                    }
                }
            }
        }
    }
    corpus::say(&format!(
        "tls-parser: {clients} clients, {servers} servers, {certificates} certificates; malformed: {malformed:#?}"
    ));
    assert!(clients > 100 && servers > 100 && certificates > 50, "too little to compare");
    failures.report();
}

/// Whether a file can hold a hello of TLS or QUIC, by a look at its bytes alone.
fn may_hold_a_hello(bytes: &[u8]) -> bool {
    let packed = bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    packed
        || bytes.windows(6).any(|w| {
            matches!(w, [0x16, 3, 0..=4, _, _, 1])
                || matches!(w, [0x80..=0xff, 0, 0, 0, 1, 0..=20])
                || matches!(w, [0x80..=0xff, 0x6b, 0x33, 0x43, 0xcf, _] | [0x80..=0xff, 0xff, 0, 0, 0x1d..=0x22, _])
        })
}

/// File, name, fingerprint, and common names of subject and issuer, as `FoxIO` and nDPI publish them beside their
/// captures (FoxIO-LLC/ja4 `rust/ja4/src/snapshots`, ntop/nDPI `tests/cfgs/default/result`).
type Published = (&'static str, &'static str, &'static str, Option<[&'static str; 2]>);

const PUBLISHED: [Published; 4] = [
    (
        "arkime/tests/pcap/badcurveball.235d1c2e.pcap",
        "bad.curveballtest.com",
        "t13d1615h2_46e7e9700bed_45f260be83e2",
        Some(["SANS ISC DShield Test", "INFIGO"]),
    ),
    (
        "arkime/tests/pcap/https3-301-get.pcap",
        "www.github.com",
        "t10d230100_6a57a6f57151_000000000000",
        Some(["github.com", "DigiCert High Assurance EV CA-1"]),
    ),
    ("ja4/pcap/macos_tcp_flags.pcap", "venarisecurity.com", "t13d2613h2_2802a3db6c62_845d286b0d67", None),
    ("ndpi/default/pcap/quic-v2.pcapng", "test", "q13d0310h3_55b375c5d22e_0a3b52e28cea", None),
];

#[test]
fn published_fingerprints_come_out() {
    let Some((root, captures)) = &*CORPUS else { return };
    let mut failures = Failures::default();
    for (file, name, ja4, certificate) in PUBLISHED {
        let path = root.join("benign").join(file);
        let capture = captures.iter().find(|c| c.file == path).unwrap();
        let sides = || capture.sides.values().flatten();
        let client = sides().find_map(|s| s.client.as_ref()).unwrap();
        if client.sni.as_deref() != Some(name) || client.ja4.as_str() != ja4 {
            failures.differ(file, "client", format!("{client:?}"), format!("{name} {ja4}"));
        }
        let Some([subject, issuer]) = certificate else { continue };
        let found = sides().find_map(|s| s.server.as_ref()?.certificate.as_ref()).unwrap();
        if found.subject_cn.as_deref() != Some(subject) || &*found.issuer != issuer || found.self_signed {
            failures.differ(file, "certificate", format!("{found:?}"), format!("{subject} by {issuer}"));
        }
    }
    failures.report();
}

/// Files whose names promise TLS or QUIC; all that can hold some if `MINEWATCH_TSHARK` is set, which takes minutes.
fn ask(capture: &Capture) -> bool {
    let name = capture.file.to_string_lossy().to_ascii_lowercase();
    let promising = ["quic", "tls", "ssl", "ja4"].iter().any(|word| name.contains(word));
    (promising || std::env::var_os("MINEWATCH_TSHARK").is_some())
        && may_hold_a_hello(&std::fs::read(&capture.file).unwrap_or_default())
}

/// Why tshark has a hello that is not ours, if that is as it should be.
fn excused(file: &str, hello: &tshark::Hello, sides: &[Side]) -> Option<&'static str> {
    if hello.lists.quic {
        return sides.iter().all(|s| s.initials == 0).then_some("a version of QUIC that is not read");
    }
    // Of whoever upgrades, the reader is given the stream from there on; these tests give it the whole.
    if sides.iter().any(|s| s.bytes.starts_with(&[0x80]) && s.bytes.get(2) == Some(&1)) {
        return Some("an SSL 2.0 hello");
    }
    if !sides.iter().any(|s| s.bytes.first() == Some(&0x16)) {
        return Some("later in its stream");
    }
    MALFORMED.iter().any(|f| file.ends_with(f)).then_some("malformed")
}

#[test]
fn streams_and_datagrams_say_what_tshark_reads() {
    let Some((root, captures)) = &*CORPUS else { return };
    if !tshark::is_there() {
        corpus::say("skipped 1 test that asks tshark: it is not here");
        return;
    }
    let asked: Vec<&Capture> = captures.iter().filter(|c| ask(c)).collect();
    let answers = parallel(&asked, |c| tshark::hellos(&c.file));
    let mut failures = Failures::default();
    let (mut tls, mut quic, mut partly) = (0, 0, 0);
    let mut excuses: BTreeMap<&str, u32> = BTreeMap::new();
    for (capture, theirs) in asked.iter().zip(&answers) {
        let file = capture.file.strip_prefix(root).unwrap().display().to_string();
        for (way, hellos) in theirs {
            let none = Vec::new();
            let sides = capture.sides.get(way).unwrap_or(&none);
            let ours: Vec<&Side> = sides.iter().filter(|s| s.client.is_some()).collect();
            for (i, hello) in hellos.iter().enumerate() {
                let of = format!("{file} frame {} {} - {}", hello.frame, way.from, way.to);
                let Some(client) = ours.get(i).and_then(|s| s.client.as_ref()) else {
                    match excused(&file, hello, sides) {
                        Some(why) => *excuses.entry(why).or_default() += 1,
                        None => failures.add(of, format!("no hello, but elsewhere {:?}", hello.lists.said())),
                    }
                    continue;
                };
                if way.udp {
                    quic += 1;
                } else {
                    tls += 1;
                }
                let mut said = hello.lists.said();
                if hello.lists.extensions.iter().any(|e| MORE_SIGNATURES.contains(e)) {
                    partly += 1;
                    said.ja4.replace_range(24.., &client.ja4.as_str()[24..]);
                }
                for d in differences(client, &said) {
                    failures.add(&of, d);
                }
            }
        }
        for (way, sides) in &capture.sides {
            let ours = sides.iter().filter(|s| s.client.is_some()).count();
            let known = theirs.get(way).map_or(0, Vec::len);
            // To tshark, whatever goes to port 80 is HTTP.
            if ours > known && way.to.port() == 80 {
                *excuses.entry("port 80").or_default() += 1;
            } else if ours > known {
                failures.add(&file, format!("{} - {}: {ours} hellos, elsewhere {known}", way.from, way.to));
            }
        }
    }
    corpus::say(&format!(
        "tshark: {} captures, {tls} hellos of TLS, {quic} of QUIC, {partly} of them without the last hash; {excuses:?}",
        asked.len()
    ));
    failures.report();
}

/// What needs no other reader: a client's Initial packets of a version that is read give its hello.
#[test]
fn quic_clients_are_read() {
    let Some((root, captures)) = &*CORPUS else { return };
    let (mut read, mut refused, mut partial) = (0, 0, Vec::new());
    for capture in captures {
        let file = capture.file.strip_prefix(root).unwrap().display();
        for (way, side) in capture.sides.iter().flat_map(|(w, s)| s.iter().map(move |s| (w, s))).filter(|(w, _)| w.udp)
        {
            match (side.initials, &side.client) {
                (0, _) => {}
                (_, Some(_)) => read += 1,
                (_, None) if side.refused > 0 => refused += 1,
                (n, None) => partial.push(format!("{file} {} - {}: {n} Initial packets", way.from, way.to)),
            }
        }
    }
    corpus::say(&format!("QUIC: {read} clients read, {refused} sides with other keys, no whole hello: {partial:#?}"));
    assert!(read > 100, "only {read} clients");
}
