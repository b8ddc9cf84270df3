//! flow-state: conversations as sensors see them.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::kit::capture::{Capture, WEEK};
use crate::kit::carriage::Carriage;
use crate::kit::dialogue::{MILLI, SECOND, Side};
use crate::kit::mangle;
use crate::kit::tcp::{Conversation, End, Segment, flag};
use crate::kit::wire;
use crate::said::{
    AUTHORIZE, AUTHORIZED, DIFFICULTY, NOTIFY, SUBMIT, SUBMITTED, SUBSCRIBE, SUBSCRIBED, bitcoin, http_ok, monero,
    monero_with,
};
use crate::scene::{BINARY, Run, Scene, Words, run_bytes};

const POOL: &str = "198.51.100.5:3333";

/// A session, its segments changed on the way.
fn seen(words: &Words, change: impl FnOnce(Vec<Segment>, &Conversation) -> Vec<Segment>) -> Run {
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    let segments = scene.segments(&talk, words);
    let segments = change(segments, &talk);
    scene.put(&talk, &segments, &Carriage::Plain);
    // In the order given, as a sensor would write them.
    run_bytes(&crate::kit::file::write(crate::kit::file::Format::USUAL, &scene.records, 262_144), &[])
}

fn accepted(run: &Run) {
    let flow = run.confirmed();
    assert_eq!(flow["shares"], serde_json::json!({"submitted": 1, "accepted": 1, "rejected": 0}), "{flow:#}");
}

/// Feeds the program through a pipe and tells its peak memory in kB before the pipe is closed.
fn peak_memory(args: &[&str], chunks: impl Iterator<Item = Vec<u8>>) -> (u64, String) {
    let mut child = Command::new(BINARY)
        .args(["replay", "-"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    for chunk in chunks {
        stdin.write_all(&chunk).unwrap();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().code().is_some_and(|c| c <= 1));
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    (peak.trim().trim_end_matches(" kB").parse().unwrap(), reader.join().unwrap())
}

#[test]
fn fs01_a_flood_of_syns_costs_bounded_memory_and_hides_no_miner() {
    const SYNS: u64 = 500_000;
    let mut scene = Scene::new();
    // Half of the session before the flood, half after it.
    let words = Words::new()
        .c(SUBSCRIBE)
        .s(SUBSCRIBED)
        .later(65)
        .c(AUTHORIZE)
        .s([AUTHORIZED, NOTIFY].concat())
        .c(SUBMIT)
        .s(SUBMITTED);
    scene.play("10.0.0.5", POOL, &words);
    let records = scene.sorted();
    let late = records.iter().position(|r| r.at > WEEK + 30 * SECOND).unwrap();
    let file =
        |part: &[crate::kit::file::Record]| crate::kit::file::write(crate::kit::file::Format::USUAL, part, 262_144);
    let mut rng = scene.rng.fork();
    let server = "203.0.113.80:80".parse().unwrap();
    let start = records[late - 1].at;
    let flood = (0..SYNS / 1000).map(move |k| {
        let mut out = Vec::new();
        for n in 0..1000 {
            let at = start + (k * 1000 + n) * 60 * SECOND / SYNS;
            let syn = Segment {
                at,
                side: Side::Client,
                seq: rng.bits() as u32,
                ack: 0,
                flags: flag::SYN,
                options: Vec::new(),
                window: 1024,
                payload: Vec::new(),
                ip_id: 0,
            };
            let from = std::net::Ipv4Addr::from(0x0b00_0000 | (rng.bits() as u32 & 0x3fff_ffff));
            let from = std::net::SocketAddr::new(from.into(), rng.bits() as u16 | 1024);
            let frame = wire::ethernet([2; 6], [4; 6], 0x0800, &wire::tcp(from, server, &syn));
            for word in [(at / SECOND) as u32, (at % SECOND / 1000) as u32, frame.len() as u32, frame.len() as u32] {
                out.extend_from_slice(&word.to_le_bytes());
            }
            out.extend_from_slice(&frame);
        }
        out
    });
    let chunks = std::iter::once(file(&records[..late]))
        .chain(flood)
        .chain(std::iter::once(file(&records[late..])[24..].to_vec()));
    let (peak, out) = peak_memory(&["--json"], chunks);
    let events: Vec<serde_json::Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let flow = events.iter().find(|e| e["event_type"] == "miner_flow").unwrap();
    assert_eq!((&flow["verdict"], &flow["shares"]["accepted"]), (&"confirmed".into(), &1.into()));
    let health = events.last().unwrap();
    assert!(health["half_open_evicted"].as_u64().unwrap() > 100_000, "{health}");
    assert_eq!(health["flows"], 1, "a SYN makes no flow");
    assert!(peak < 96 * 1024, "{peak} kB");
}

#[test]
fn fs01_sibling_a_flood_of_flows_with_payload_evicts_idle_ones_not_the_miner() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &Words::new().then(&bitcoin()).later(50).c(SUBMIT).s(SUBMITTED));
    for n in 0..60_000_u32 {
        let from = std::net::SocketAddr::new(std::net::Ipv4Addr::new(10, 0, 0, 66).into(), 1025 + n as u16 % 64_000);
        let to =
            std::net::SocketAddr::new(std::net::Ipv4Addr::from(0xcb00_7100 + n % 250).into(), 80 + (n / 64_000) as u16);
        let s = Segment {
            at: WEEK + 20 * SECOND + u64::from(n) * 100_000,
            side: Side::Client,
            seq: n,
            ack: 1,
            flags: flag::ACK | flag::PSH,
            options: Vec::new(),
            window: 500,
            payload: b"{\"id\":1,\"method\":\"ping\"}".to_vec(),
            ip_id: n as u16,
        };
        scene.frame(s.at, 1, wire::ethernet([2; 6], [4; 6], 0x0800, &wire::tcp(from, to, &s)));
    }
    let run = scene.run();
    assert_eq!(run.confirmed()["shares"]["accepted"], 2);
    assert!(run.count("flows_evicted") > 0, "one host may not fill the table");
}

#[test]
fn fs03_an_old_capture_gives_the_same_at_any_time() {
    const OLD: u64 = 1_550_000_000 * SECOND;
    let mut scene = Scene::new();
    let mut talk = scene.talk("10.0.0.5", POOL);
    talk.start = OLD;
    let mut words = bitcoin();
    for _ in 0..6 {
        words = words.later(240).c(SUBMIT).s(SUBMITTED);
    }
    let segments = scene.segments(&talk, &words);
    scene.put(&talk, &segments, &Carriage::Plain);
    let first = scene.run();
    assert_eq!(first.confirmed()["shares"]["accepted"], 7);
    assert!(first.confirmed()["first_seen"].as_str().unwrap().starts_with("2019-"));
    assert_eq!(first.blocked(), [POOL], "the entry lives from the end of the capture on");
    let again = scene.run();
    assert_eq!(again.findings(), first.findings());
    assert_eq!(again.lists, first.lists);
    for (workers, batch) in [("1", "1"), ("4", "7"), ("2", "65536")] {
        let other = scene.run_with(&["--workers", workers, "--batch", batch]);
        assert_eq!(other.findings(), first.findings(), "{workers} workers, batches of {batch}");
        assert_eq!(other.lists, first.lists);
    }
}

#[test]
fn fs03_sibling_hours_of_keepalives_are_one_flow() {
    let alive = concat!(r#"{"id":9,"jsonrpc":"2.0","method":"keepalived","params":{"id":"s-1"}}"#, "\n");
    let yes = concat!(r#"{"id":9,"jsonrpc":"2.0","error":null,"result":{"status":"KEEPALIVED"}}"#, "\n");
    let mut words = monero();
    for _ in 0..300 {
        words = words.later(60).c(alive).s(yes);
    }
    let run = seen(&words, |s, _| s);
    accepted(&run);
    assert_eq!(run.count("flows"), 1);
    // The same with nothing but the kernel's probes: a byte before the next one, and its acknowledgement.
    let mut words = bitcoin();
    words = words.later(5 * 3600).c(SUBMIT).s(SUBMITTED);
    let run = seen(&words, |mut segments, _| {
        let gap = segments.iter().position(|s| s.at > WEEK + 3600 * SECOND).unwrap();
        let last = |side| segments[..gap].iter().rfind(|s| s.side == side).unwrap().clone();
        let (client, server) = (last(Side::Client), last(Side::Server));
        let next = segments[gap..].iter().find(|s| s.side == Side::Client).unwrap().seq;
        for n in 1..120 {
            let at = WEEK + n * 150 * SECOND;
            let probe = Segment { at, seq: next.wrapping_sub(1), flags: flag::ACK, payload: vec![0], ..client.clone() };
            let answer = Segment { at: at + MILLI, ack: next, flags: flag::ACK, payload: Vec::new(), ..server.clone() };
            segments.extend([probe, answer]);
        }
        segments.sort_by_key(|s| s.at);
        segments
    });
    let flow = run.confirmed();
    assert_eq!(flow["shares"]["accepted"], 2, "{flow:#}");
    assert_eq!(run.count("flows"), 1);
}

#[test]
fn fs05_the_first_packet_is_the_servers() {
    let run = seen(&bitcoin(), |s, _| mangle::from_message(s, 0, b"{\"id\":null,\"method\":\"mining.notify\""));
    let flow = run.confirmed();
    assert_eq!((&flow["src_ip"], &flow["dest_ip"]), (&"10.0.0.5".into(), &"198.51.100.5".into()));
    assert_eq!(flow["mid_stream"], true);
    assert_eq!(run.refused(POOL), ["no-handshake"]);
    run.blocks_nothing();
}

#[test]
fn fs05_sibling_other_first_packets() {
    // A share, with the miner's port lower than the pool's, and the other way round.
    for (client, server) in [("10.0.0.5:1024", "198.51.100.5:60000"), ("10.0.0.5:60000", "198.51.100.5:1024")] {
        for words in [bitcoin(), monero()] {
            let mut scene = Scene::new();
            let talk = scene.talk(client, server);
            let segments = scene.segments(&talk, &words);
            let share = segments.iter().position(|s| s.payload.windows(6).any(|w| w == b"submit")).unwrap();
            scene.put(&talk, &segments[share..], &Carriage::Plain);
            let run = scene.run();
            let flow = run.miner();
            assert_eq!(flow["src_ip"], "10.0.0.5", "{flow:#}");
            run.blocks_nothing();
        }
    }
    // The middle of a line, then a job.
    let run = seen(
        &monero().then(
            &Words::new()
                .later(3)
                .s(format!(r#"{{"jsonrpc":"2.0","method":"job","params":{}}}"#, crate::said::job(9)) + "\n"),
        ),
        |mut s, _| {
            let push =
                s.iter().position(|s| s.payload.starts_with(b"{\"jsonrpc\":\"2.0\",\"method\":\"job\"")).unwrap();
            s[push].payload.drain(..100);
            s[push].seq = s[push].seq.wrapping_add(100);
            s.split_off(push)
        },
    );
    assert_eq!(run.miner()["src_ip"], "10.0.0.5");
}

#[test]
fn fs07_the_upload_alone() {
    let run = seen(&bitcoin(), |s, _| mangle::one_way(s, Side::Client));
    let flow = run.attempt();
    assert_eq!((&flow["one_way"], &flow["src_ip"]), (&true.into(), &"10.0.0.5".into()));
    assert_eq!(flow["shares"]["submitted"], 1);
    assert_eq!(run.refused(POOL), ["one-way"]);
    assert_eq!(run.warned("one-way 100%"), 1);
}

#[test]
fn fs07_sibling_the_download_alone() {
    for words in [bitcoin(), monero()] {
        let run = seen(&words, |s, _| mangle::one_way(s, Side::Server));
        let flow = run.attempt();
        assert_eq!((&flow["one_way"], &flow["src_ip"]), (&true.into(), &"10.0.0.5".into()));
        assert_eq!(run.refused(POOL), ["one-way"]);
    }
}

#[test]
fn fs09_packets_seen_twice_count_once() {
    let once = seen(&monero(), |s, _| s);
    let twice = seen(&monero(), |s, _| mangle::mirrored(s));
    let facts = |r: &Run| {
        let f = r.confirmed();
        (f["shares"].clone(), f["bytes"].clone(), f["packets"].clone(), f["jobs"].clone())
    };
    assert_eq!(facts(&twice), facts(&once));
    assert_eq!(twice.of("miner_alert").len(), once.of("miner_alert").len());
    assert!(twice.count("duplicate_packets") > 5);
    assert_eq!(twice.blocked(), [POOL]);
}

#[test]
fn fs09_sibling_copies_of_ipv6_and_copies_that_come_much_later() {
    let mut scene = Scene::new();
    let talk = scene.talk("2001:db8:5::5", "[2001:db8:9::5]:3333");
    let segments = mangle::mirrored(scene.segments(&talk, &monero()));
    scene.put(&talk, &segments, &Carriage::Plain);
    accepted(&scene.run());
    // A share that is sent again after a second is one share.
    let mut scene = Scene::new();
    let mut talk = scene.talk("10.0.0.5", POOL);
    talk.resend = vec![5, 6, 7];
    let segments = scene.segments(&talk, &bitcoin());
    scene.put(&talk, &segments, &Carriage::Plain);
    accepted(&scene.run());
}

#[test]
fn fs_sibling_sequence_numbers_wrap() {
    for isn in [u32::MAX, u32::MAX - 20, u32::MAX - 70, u32::MAX - 140] {
        let mut scene = Scene::new();
        let mut talk = scene.talk("10.0.0.5", POOL);
        talk.isn = [isn, isn.wrapping_sub(200)];
        let segments = scene.segments(&talk, &bitcoin());
        scene.put(&talk, &segments, &Carriage::Plain);
        let run = scene.run();
        accepted(&run);
        assert_eq!(run.blocked(), [POOL]);
    }
}

#[test]
fn fs_sibling_reset_and_the_five_tuple_again() {
    // A web session, reset; a second later a miner with the same ports.
    for end in [End::Reset(Side::Client), End::Reset(Side::Server), End::Fin(Side::Client), End::Open] {
        let mut scene = Scene::new();
        let mut web = scene.talk("10.0.0.5:50000", "198.51.100.5:8080");
        web.end = end;
        let get = "GET / HTTP/1.1\r\nHost: www.example\r\n\r\n";
        let words = Words::new().c(get).s(http_ok("text/html", "<html></html>"));
        let mut segments = scene.segments(&web, &words);
        let mut mine = scene.talk("10.0.0.5:50000", "198.51.100.5:8080");
        mine.start = segments.last().unwrap().at + SECOND;
        segments.extend(scene.segments(&mine, &bitcoin()));
        scene.put(&web, &segments, &Carriage::Plain);
        let run = scene.run();
        accepted(&run);
        assert_eq!(run.confirmed()["handshake_verified"], true, "{end:?}");
        assert_eq!(run.blocked(), ["198.51.100.5:8080"], "{end:?}");
    }
}

#[test]
fn fs_sibling_port_reuse_after_hours_is_another_flow() {
    let mut scene = Scene::new();
    let first = scene.talk("10.0.0.5:50000", POOL);
    let mut segments = scene.segments(&first, &bitcoin());
    let mut second = scene.talk("10.0.0.5:50000", POOL);
    second.start = WEEK + 5 * 3600 * SECOND;
    segments.extend(scene.segments(&second, &monero_with("48edf.rig2", "x", "")));
    scene.put(&first, &segments, &Carriage::Plain);
    let run = scene.run();
    let dialects: Vec<_> = run.miners().iter().map(|f| f["dialect"].as_str().unwrap().to_owned()).collect();
    assert_eq!(dialects, ["bitcoin-v1", "cryptonote"]);
    assert_eq!(run.of("miner_host").len(), 1);
}

#[test]
fn fs_sibling_a_retransmission_with_other_bytes_is_counted_and_the_first_word_holds() {
    let run = seen(&bitcoin(), |mut segments, _| {
        let at = segments.iter().position(|s| s.payload.starts_with(SUBSCRIBE.as_bytes())).unwrap();
        let mut other = segments[at].clone();
        other.at += MILLI;
        other.ip_id = other.ip_id.wrapping_add(77);
        other.payload = vec![b'x'; other.payload.len()];
        segments.insert(at + 1, other);
        segments
    });
    accepted(&run);
    assert!(run.count("overlap_conflicts") >= 1);
}

#[test]
fn fs_sibling_out_of_order_and_lost_segments() {
    let many: String = (0..60)
        .map(|n| format!(r#"{{"id":{},"method":"mining.extranonce.subscribe","params":[]}}"#, 100 + n) + "\n")
        .collect();
    let words = Words::new()
        .c([SUBSCRIBE, AUTHORIZE, many.as_str()].concat())
        .s([SUBSCRIBED, AUTHORIZED, DIFFICULTY, NOTIFY].concat())
        .c(SUBMIT)
        .s(SUBMITTED);
    let run = seen(&words, |s, _| mangle::reordered(s, 1));
    accepted(&run);
    assert_eq!(run.count("reassembly_gaps"), 0);
    // The answer before the question: two mirror ports, two queues.
    let run = seen(&bitcoin(), |mut s, _| {
        let at = s.iter().position(|s| s.payload.starts_with(SUBSCRIBE.as_bytes())).unwrap();
        let answer = s.iter().position(|s| s.payload.starts_with(SUBSCRIBED.as_bytes())).unwrap();
        s.swap(at, answer);
        s
    });
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    // The sensor lost the pool's first words.
    let run = seen(&bitcoin(), |s, _| mangle::missed(s, Side::Server, &[0]));
    assert_eq!(run.confirmed()["shares"]["accepted"], 1);
    assert_eq!(run.count("reassembly_gaps"), 1);
}

#[test]
fn fs_sibling_time_that_steps_backwards() {
    // The sensor's clock is set back an hour in the middle of the session.
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    let segments = scene.segments(&talk, &bitcoin());
    for (i, s) in segments.iter().enumerate() {
        let at = if i > segments.len() / 2 { s.at - 3600 * SECOND } else { s.at };
        scene.packet(at, &Capture::packet(&talk, s), s.side, talk.client.ip(), &Carriage::Plain);
    }
    let run = run_bytes(&crate::kit::file::write(crate::kit::file::Format::USUAL, &scene.records, 262_144), &[]);
    accepted(&run);
    assert_eq!(run.blocked(), [POOL]);
}

#[test]
fn fs_sibling_icmp_errors_that_quote_a_miner_make_no_flow() {
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    for s in scene.segments(&talk, &bitcoin()) {
        let quote = wire::unreachable("203.0.113.1".parse().unwrap(), &Capture::packet(&talk, &s), 1);
        scene.packet(s.at, &quote, Side::Server, talk.client.ip(), &Carriage::Plain);
    }
    let run = scene.run();
    run.silent();
    assert_eq!(run.count("flows"), 0);
}

/// Inserts a segment of an outsider before the share.
fn disturbed(make: impl Fn(&Segment, &Conversation) -> Segment) -> Run {
    seen(&bitcoin(), |mut segments, talk| {
        let share = segments.iter().position(|s| s.payload.starts_with(SUBMIT.as_bytes())).unwrap();
        let mut forged = make(&segments[share], talk);
        forged.at = segments[share].at - SECOND;
        segments.insert(share, forged);
        segments
    })
}

/// Makes a segment of an outsider from the miner's share and a way to strip it.
type Forge = fn(&Segment, &dyn Fn(&Segment, u8) -> Segment) -> Segment;

#[test]
fn fs_sibling_forged_segments_do_not_end_what_is_seen_of_a_miner() {
    let bare = |s: &Segment, flags| Segment { flags, payload: Vec::new(), options: Vec::new(), ..s.clone() };
    // A reset far outside the window, a reset of the other side, a SYN, a SYN-ACK, data far away.
    let forgeries: [(&str, Forge); 5] = [
        ("reset", |s, bare| Segment { seq: s.seq.wrapping_add(0x4000_0000), ..bare(s, flag::RST) }),
        ("reset by the pool", |s, bare| Segment { side: Side::Server, seq: 77, ..bare(s, flag::RST) }),
        ("syn", |s, bare| Segment { seq: 12_345, ack: 0, ..bare(s, flag::SYN) }),
        ("syn-ack", |s, bare| Segment { side: Side::Server, seq: 99, ack: 5, ..bare(s, flag::SYN | flag::ACK) }),
        ("data", |s, bare| Segment {
            seq: s.seq.wrapping_add(0x3000_0000),
            payload: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            ..bare(s, flag::PSH | flag::ACK)
        }),
    ];
    for (name, forge) in forgeries {
        let run = disturbed(|s, _| forge(s, &bare));
        assert_eq!(run.of("miner_flow").len(), 1, "{name}");
        let flow = run.confirmed();
        assert_eq!((&flow["shares"]["accepted"], &flow["handshake_verified"]), (&1.into(), &true.into()), "{name}");
        assert_eq!(run.blocked(), [POOL], "{name}");
    }
}

#[test]
fn fs_sibling_data_in_the_syn_and_after_a_half_close() {
    // TCP fast open: the subscription travels in the SYN.
    let run = seen(&bitcoin(), |mut segments, _| {
        let first = segments.iter().position(|s| s.payload.starts_with(SUBSCRIBE.as_bytes())).unwrap();
        let words = segments.remove(first).payload;
        let n = words.len() as u32;
        segments[1].ack = segments[1].ack.wrapping_add(n);
        segments[0].payload = words;
        segments[2].seq = segments[2].seq.wrapping_add(n);
        segments
    });
    accepted(&run);
    // The miner closes its half and still gets an answer.
    let run = seen(&bitcoin(), |mut segments, _| {
        let share = segments.iter().position(|s| s.payload.starts_with(SUBMIT.as_bytes())).unwrap();
        segments[share].flags |= flag::FIN;
        segments.retain(|s| s.payload.len() + usize::from(s.at <= WEEK + 12 * SECOND) > 0);
        segments
    });
    accepted(&run);
}

#[test]
fn fs_sibling_restarts_within_a_second_are_flows_of_one_host() {
    let mut scene = Scene::new();
    for n in 0..40 {
        let mut talk = scene.talk("10.0.0.5", POOL);
        talk.start += n * SECOND / 2;
        talk.end = End::Reset(Side::Server);
        let segments = scene.segments(&talk, &Words::new().c(SUBSCRIBE).s([SUBSCRIBED, NOTIFY].concat()));
        scene.put(&talk, &segments, &Carriage::Plain);
    }
    let run = scene.run();
    assert_eq!((run.miners().len(), run.of("miner_host").len()), (40, 1));
    assert_eq!(run.blocked(), [POOL]);
    assert!(run.of("miner_alert").len() <= 3, "a level is told once for a host and endpoint");
}
