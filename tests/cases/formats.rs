//! capture-format: files as sensors, rotations and crashes leave them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::kit::carriage::{Carriage, SLL2};
use crate::kit::file::{Format, gzip, write};
use crate::said::bitcoin;
use crate::scene::{BINARY, Run, Said, Scene, given, run_bytes, run_files, run_paths, run_piped, said};

/// A whole session as records.
pub(crate) fn session() -> Scene {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &bitcoin());
    scene
}

/// What of a run does not depend on how the file was written.
fn essence(run: &Run) -> String {
    let flow = run.confirmed();
    let mut flow = flow.clone();
    flow.as_object_mut().unwrap().remove("file");
    flow.to_string()
}

fn same_as_plain(bytes: &[u8]) {
    let plain = essence(&session().run());
    let run = run_bytes(bytes, &[]);
    assert_eq!(essence(&run), plain);
    assert_eq!(run.code, 1, "{}", run.err);
    let run = run_piped(bytes, &[]);
    assert_eq!(essence(&run), plain);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn cf01_two_link_types_in_one_pcapng() {
    let Some(path) = given("ng_two_linktypes.pcapng") else { return };
    let run = run_paths(&[path], &[], None);
    assert_eq!(run.count("frames"), 2);
    assert_eq!(run.count("link_type_unknown"), 0);
    assert_eq!(run.health()["link_types"].as_object().unwrap().len(), 2);
}

#[test]
fn cf01_sibling_a_session_over_two_interfaces() {
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", "198.51.100.5:3333");
    let segments = scene.segments(&talk, &bitcoin());
    for (i, s) in segments.iter().enumerate() {
        scene.put(&talk, std::slice::from_ref(s), if i % 2 == 0 { &Carriage::Sll } else { &Carriage::Raw });
    }
    let run = run_bytes(&write(Format::PcapNg, &scene.sorted(), 262_144), &[]);
    let flow = run.confirmed();
    assert_eq!((&flow["shares"]["accepted"], &flow["handshake_verified"]), (&1.into(), &true.into()));
}

/// A detection must be told while the pipe is still open.
fn told_before_the_end(bytes: &[u8]) {
    for args in [&["replay", "-"][..], &["replay", "-", "--json"]] {
        let mut child = Command::new(BINARY)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
        let mut line = String::new();
        // Would wait for ever if nothing came before the end of the input.
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("10.0.0.5"), "{line}");
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
}

#[test]
fn cf03_a_pipe_is_read_as_it_comes() {
    if let Some(path) = given("us_le.pcap") {
        // The row's exit status 0 is of a tool without one for findings; here 1 says that miners were found.
        let run = run_piped(&std::fs::read(path).unwrap(), &[]);
        assert_eq!(run.count("frames"), 1);
        assert_eq!(run.miners().len(), 1);
        assert!(run.code <= 1, "{}", run.err);
    }
    told_before_the_end(&session().pcap());
}

#[test]
fn cf03_sibling_a_pipe_in_pcapng_and_in_zstd() {
    let scene = session();
    told_before_the_end(&write(Format::PcapNg, &scene.sorted(), 262_144));
    same_as_plain(&zstd::encode_all(scene.pcap().as_slice(), 3).unwrap());
}

#[test]
fn cf05_gzip_and_zstd_by_content() {
    if let Some(path) = given("gz.pcap.gz") {
        let bytes = std::fs::read(&path).unwrap();
        let plain = std::fs::read(given("us_le.pcap").unwrap()).unwrap();
        let zst = zstd::encode_all(plain.as_slice(), 3).unwrap();
        for run in [run_paths(&[path], &[], None), run_piped(&bytes, &[]), run_bytes(&zst, &[]), run_piped(&zst, &[])] {
            assert_eq!((run.count("frames"), run.miners().len()), (1, 1));
        }
    }
    same_as_plain(&gzip(&session().pcap()));
}

#[test]
fn cf05_sibling_several_gzip_members_and_zstd_frames() {
    let plain = session().pcap();
    let (a, b) = plain.split_at(500);
    same_as_plain(&[gzip(a), gzip(b)].concat());
    same_as_plain(&[zstd::encode_all(a, 1).unwrap(), zstd::encode_all(b, 19).unwrap()].concat());
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18][..], &3_u32.to_le_bytes(), b"abc"].concat();
    same_as_plain(&[skippable, zstd::encode_all(plain.as_slice(), 3).unwrap()].concat());
}

#[test]
fn cf05_sibling_a_gzip_that_ends_early_gives_what_it_holds() {
    let mut scene = session();
    // Something incompressible behind the session, so that the cut is behind it, too.
    let filler = scene.rng.bytes(150_000);
    for chunk in filler.chunks(1000) {
        let at = crate::kit::capture::WEEK + 60_000_000_000;
        scene.frame(at, 1, [&[0; 12][..], &[0x88, 0xb5], chunk].concat());
    }
    let packed = gzip(&scene.pcap());
    for run in [run_bytes(&packed[..packed.len() - 40_000], &[]), run_piped(&packed[..packed.len() - 40_000], &[])] {
        run.confirmed();
        assert_eq!(run.code, 2);
        assert!(run.err.contains("the gzip stream ends early"), "{}", run.err);
        assert_eq!(run.blocked(), ["198.51.100.5:3333"]);
    }
}

#[test]
fn cf07_a_cut_file_gives_what_it_holds_says_where_and_exits_2() {
    if let Some(path) = given("trunc_lastpkt.pcap") {
        let run = run_paths(&[path], &[], None);
        assert_eq!((run.count("frames"), run.miners().len(), run.code), (1, 1, 2));
        assert!(run.err.contains("trunc_lastpkt.pcap") && run.err.contains("byte 143"), "{}", run.err);
    }
    let whole = session().pcap();
    let run = run_bytes(&whole[..whole.len() - 7], &[]);
    run.confirmed();
    assert_eq!(run.code, 2);
    assert!(run.err.contains("cut off inside a packet"), "{}", run.err);
}

#[test]
fn cf07_sibling_damage_of_other_kinds() {
    // A packet header that claims two gigabytes, alone and in the middle.
    if let Some(path) = given("caplen_huge.pcap") {
        let run = run_paths(&[path], &[], None);
        assert_eq!((run.count("frames"), run.code), (0, 2));
        assert!(run.err.contains("caplen_huge.pcap: damaged at byte 24"), "{}", run.err);
    }
    let mut broken = session().pcap();
    let good = broken.len();
    broken.extend_from_slice(&[1, 2, 3, 4, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f, 9, 9]);
    let run = run_bytes(&broken, &[]);
    run.confirmed();
    assert_eq!(run.code, 2);
    assert!(run.err.contains(&format!("byte {good}")), "{}", run.err);
    // The disk was full: zeros to the end.
    let mut zeros = session().pcap();
    zeros.resize(good + 4096, 0);
    let run = run_bytes(&zeros, &[]);
    run.confirmed();
    assert_eq!(run.code, 2);
}

#[test]
fn cf07_sibling_a_header_alone_is_no_error_and_nothing_at_all_is() {
    let header = session().pcap()[..24].to_vec();
    for run in [run_bytes(&header, &[]), run_piped(&header, &[])] {
        run.silent();
        assert_eq!(run.count("frames"), 0);
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("empty", &b""[..]), ("half", &header[..11]), ("text", b"GET / HTTP/1.1\r\n\r\n")] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let Said { code, err, .. } = said(Command::new(BINARY).arg("replay").arg(&path), None);
        assert_eq!(code, 2, "{name}");
        assert!(err.contains(name), "{err}");
    }
}

#[test]
fn cf09_a_file_of_an_unknown_link_type_alone_is_an_error_that_names_it() {
    if let Some(path) = given("linktype_unknown_147.pcap") {
        let run = run_paths(std::slice::from_ref(&path), &[], None);
        assert_eq!(run.miners().len(), 0);
        let text = said(Command::new(BINARY).arg("replay").arg(&path), None);
        assert!((text.text() + &text.err).contains("link type 147"), "{} {}", text.text(), text.err);
        assert_eq!(run.code, 2, "nothing in the file could be read");
        assert_eq!(text.code, 2);
    }
}

#[test]
fn cf09_linux_cooked_v2_is_read() {
    if let Some(path) = given("sll2.pcap") {
        assert_eq!(run_paths(&[path], &[], None).miners().len(), 1);
    }
    let mut scene = Scene::new();
    scene.carry("10.0.0.5", "198.51.100.5:3333", &bitcoin(), &Carriage::Sll2);
    assert_eq!(scene.records[0].link, SLL2);
    scene.run().confirmed();
}

#[test]
fn cf09_sibling_an_unknown_type_among_known_ones_is_counted_and_named() {
    let mut scene = session();
    for n in 0..3 {
        scene.frame(crate::kit::capture::WEEK + n, 147, vec![0; 60]);
    }
    let run = run_bytes(&write(Format::PcapNg, &scene.sorted(), 262_144), &[]);
    run.confirmed();
    assert_eq!(run.count("link_type_unknown"), 3);
    assert!(run.health()["skipped"].to_string().contains("147"), "{}", run.health()["skipped"]);
    assert_eq!(run.warned("link type"), 1);
    assert_eq!(run.code, 1, "the rest was read: {}", run.err);
}

#[test]
fn cf09_sibling_every_link_type_that_is_promised() {
    use Carriage::{Null, Ppp, Raw, Sll, Sll2, Wifi};
    for carriage in [Sll, Sll2, Raw, Null, Ppp, Wifi] {
        for (client, server) in [("10.0.0.5", "198.51.100.5:3333"), ("2001:db8:5::5", "[2001:db8:9::5]:3333")] {
            let mut scene = Scene::new();
            scene.carry(client, server, &bitcoin(), &carriage);
            assert_eq!(scene.run().confirmed()["src_ip"], client, "{carriage:?}");
        }
    }
}

/// A session in three files: handshake, subscription to job, shares.
fn rotated() -> [Vec<u8>; 3] {
    let scene = session();
    let records = scene.sorted();
    let share = records.iter().position(|r| r.data.windows(13).any(|w| w == b"mining.submit")).unwrap();
    [&records[..3], &records[3..share], &records[share..]].map(|part| write(Format::USUAL, part, 262_144))
}

#[test]
fn cf11_rotated_files_in_any_order_are_one_flow() {
    let [zero, one, two] = rotated();
    let run = run_files(&[("rot-2.pcap", &two), ("rot-0.pcap", &zero), ("rot-1.pcap", &one)], &[]);
    let flow = run.confirmed();
    assert_eq!((&flow["shares"]["accepted"], &flow["handshake_verified"]), (&1.into(), &true.into()));
    assert_eq!((run.of("miner_flow").len(), run.count("flows")), (1, 1));
    let told: Vec<_> = run.of("miner_alert").iter().map(|a| a["verdict"].as_str().unwrap().to_owned()).collect();
    let mut levels = told.clone();
    levels.dedup();
    assert_eq!(told, levels, "each level is told once");
}

#[test]
fn cf11_sibling_a_folder_with_compressed_parts_and_other_files() {
    let [zero, one, two] = rotated();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("old")).unwrap();
    std::fs::write(dir.path().join("a.pcap2"), &two).unwrap();
    std::fs::write(dir.path().join("old/z.pcap0.gz"), gzip(&zero)).unwrap();
    std::fs::write(dir.path().join("m.pcap1"), zstd::encode_all(one.as_slice(), 3).unwrap()).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "captured at the gateway\n").unwrap();
    let run = run_paths(&[dir.path().to_owned()], &[], None);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn cf11_sibling_captures_appended_to_one_another() {
    let [zero, one, two] = rotated();
    let joined = [zero, one, two].concat();
    let run = run_bytes(&joined, &[]);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn cf_sibling_pcap_in_all_four_forms_and_a_modified_one() {
    let scene = session();
    for (nanos, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
        let bytes = write(Format::Pcap { nanos, big_endian }, &scene.sorted(), 262_144);
        assert_eq!(run_bytes(&bytes, &[]).confirmed()["shares"]["accepted"], 1);
    }
    // Kuznetzov's: eight more bytes in each packet header.
    let mut modified = 0xa1b2_cd34_u32.to_le_bytes().to_vec();
    let plain = scene.pcap();
    modified.extend_from_slice(&plain[4..24]);
    let mut rest = &plain[24..];
    while let Some((header, tail)) = rest.split_first_chunk::<16>() {
        let n = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        modified.extend_from_slice(header);
        modified.extend_from_slice(&[1, 0, 0, 0, 0x08, 0, 0, 0]);
        modified.extend_from_slice(&tail[..n]);
        rest = &tail[n..];
    }
    same_as_plain(&modified);
}

#[test]
fn cf_sibling_the_given_captures_one_by_one() {
    for (name, frames) in [
        ("us_le.pcap", 1),
        ("us_be.pcap", 1),
        ("ns_le.pcap", 1),
        ("ng_one.pcapng", 1),
        ("ng_tsresol_ns.pcapng", 1),
        ("snap60.pcap", 1),
    ] {
        let Some(path) = given(name) else { return };
        let run = run_paths(&[path], &[], None);
        assert_eq!(run.count("frames"), frames, "{name}");
        assert!(run.code <= 1, "{name}: {}", run.err);
        assert_eq!(run.miners().len(), usize::from(name != "snap60.pcap"), "{name}");
        run.blocks_nothing();
    }
}

#[test]
fn cf_sibling_one_input_of_several_is_missing_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good.pcap");
    std::fs::write(&good, session().pcap()).unwrap();
    let run = run_paths(&[PathBuf::from("/nowhere/missing.pcap"), good.clone(), good], &[], None);
    run.confirmed();
    assert_eq!((run.code, run.count("frames")), (2, session().records.len() as u64));
    assert!(run.err.contains("/nowhere/missing.pcap: no such file"), "{}", run.err);
}

#[test]
fn cf_sibling_odd_values_in_headers() {
    let scene = session();
    let plain = scene.pcap();
    let with = |at: usize, value: u32| {
        let mut bytes = plain.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    // The upper bits of the link type tell of a frame check sequence; a snaplen of 0, or of nonsense; a time zone.
    for bytes in [with(20, 0x2400_0001), with(20, 0x1400_0001), with(16, 0), with(16, u32::MAX), with(8, 3600)] {
        assert_eq!(run_bytes(&bytes, &[]).confirmed()["shares"]["accepted"], 1);
    }
    // A length on the wire below the captured one, and a million and more microseconds.
    let run = run_bytes(&with(24 + 12, 1), &[]);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    let run = run_bytes(&with(24 + 4, 1_500_000), &[]);
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
}

#[test]
fn cf_sibling_times_at_both_ends_of_what_a_file_can_say() {
    for second in [0, 1, u64::from(u32::MAX) - 60] {
        let mut scene = Scene::new();
        let mut talk = scene.talk("10.0.0.5", "198.51.100.5:3333");
        talk.start = second * 1_000_000_000;
        let segments = scene.segments(&talk, &bitcoin());
        scene.put(&talk, &segments, &Carriage::Plain);
        let run = scene.run();
        assert_eq!(run.confirmed()["shares"]["accepted"], 1, "{second}");
        assert_eq!(run.blocked(), ["198.51.100.5:3333"], "{second}");
    }
}

#[test]
fn cf_sibling_a_named_pipe_and_standard_input_among_files() {
    let [zero, one, two] = rotated();
    let dir = tempfile::tempdir().unwrap();
    let (pipe, file) = (dir.path().join("pipe"), dir.path().join("rot-0.pcap"));
    std::fs::write(&file, zero).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let feeder = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, two).unwrap())
    };
    let run = run_paths(&[pipe, PathBuf::from("-"), file], &[], Some(&one));
    feeder.join().unwrap();
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.code, 1, "{}", run.err);
}

#[test]
fn cf_sibling_file_names_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let [zero, one, two] = rotated();
    let paths: Vec<PathBuf> = [(&b"a\xff\xfe.pcap"[..], zero), (b"b \"quoted\" '; x.pcap", one), (b"-c", two)]
        .into_iter()
        .map(|(name, bytes)| {
            let path = dir.path().join(std::ffi::OsStr::from_bytes(name));
            std::fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    assert_eq!(run_paths(&paths, &[], None).confirmed()["shares"]["accepted"], 1);
}

/// A mirror that wraps everything into what is not opened must not look like a quiet network; one that is quiet must not
/// look broken.
#[test]
fn op_sibling_what_cannot_be_read_is_warned_of_and_control_traffic_is_not() {
    for (ethertype, times) in [([0x22, 0xf3], 1), ([0x08, 0x06], 0), ([0x88, 0xcc], 0)] {
        let mut scene = crate::scene::Scene::new();
        for at in 0..20 {
            let frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &ethertype, &[0; 46]].concat();
            scene.frame(1_700_000_000_000_000_000 + at, 1, frame);
        }
        assert_eq!(scene.run().warned("100% of the frames hold nothing that can be read"), times, "{ethertype:x?}");
    }
}
