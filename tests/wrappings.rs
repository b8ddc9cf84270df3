//! Every mining dialogue inside every wrapping: what is found does not depend on what it travels in.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

#[path = "wrappings/bench.rs"]
mod bench;
#[path = "../pcaps/generate/kit.rs"]
mod kit;
#[path = "wrappings/list.rs"]
mod list;
mod support;

use bench::{Sight, facts, outline, recut, run, wraps};
use kit::dialogue::{Dialogue, Side, Stage};
use kit::rng::Rng;
use list::{ALL, Wrapping};
use minewatch::carrier::peel::Peel;
use minewatch::evidence::Verdict;
use support::{Failures, parallel};

/// Every mining dialogue with every wrapping that takes it.
fn pairs() -> Vec<(String, Dialogue, &'static Wrapping)> {
    let mut all = Vec::new();
    for (name, _, dialogue) in kit::dialogues::all(31) {
        for w in ALL.iter().filter(|w| w.fits(&dialogue)) {
            all.push((format!("{name} in {}", w.name), dialogue.clone(), w));
        }
    }
    assert!(all.len() > 500, "{}", all.len());
    all
}

/// The beginning of a dialogue and some of what follows: enough for a share and its answer, in few bytes.
fn short(inner: &Dialogue) -> Dialogue {
    let mut d = inner.clone();
    let shares = d.turns.iter().position(|t| {
        [&b"ubmit\""[..], b"submitWork\"", b"\"getwork\",\"params\":[\"", b"submitblock"]
            .iter()
            .any(|w| t.bytes.windows(w.len()).any(|b| b == *w))
    });
    let at = shares.filter(|at| *at > 10).unwrap_or(10);
    d.turns = inner
        .turns
        .iter()
        .enumerate()
        .filter(|(i, _)| *i < 10 || (at..at + 6).contains(i))
        .map(|(_, t)| t.clone())
        .collect();
    d
}

/// Runs the dialogue bare and wrapped, and compares what is found.
fn compare(name: &str, inner: &Dialogue, w: &Wrapping, bare: &Sight, wrapped: &Sight, failures: &mut Failures) {
    let outer = w.of(inner);
    compare_with(name, inner, &outer, w, bare, wrapped, failures);
}

fn compare_with(
    name: &str,
    inner: &Dialogue,
    outer: &Dialogue,
    w: &Wrapping,
    bare: &Sight,
    wrapped: &Sight,
    failures: &mut Failures,
) {
    let want = run(inner, bare);
    let got = run(outer, wrapped);
    if got.level != want.level {
        failures.differ(name, "level", format!("{:?}", got.level), format!("{:?}", want.level));
    }
    match (&got.finding, &want.finding) {
        (Some(got), Some(want)) => {
            if facts(got) != facts(want) {
                failures.differ(name, "facts", facts(got), facts(want));
            }
            let server_only = wrapped.only == Some(Side::Server);
            let target =
                |text: &str| if server_only { text.split(' ').next().unwrap().to_owned() } else { text.to_owned() };
            let kinds: Vec<String> = w.wraps.iter().map(|t| target(t)).collect();
            // Only clients send PROXY headers.
            let kinds = kinds.into_iter().filter(|k| !server_only || k != "proxy-protocol");
            // And then what the dialogue brings with it.
            let kinds: Vec<String> = kinds.chain(wraps(want)).collect();
            // A length of zero before more HTTP is an answer like any other.
            let hidden =
                server_only && w.name == "connect, length zero" && inner.stream(Side::Server).starts_with(b"HTTP/");
            if wraps(got) != kinds && !hidden {
                failures.differ(name, "wrapped", format!("{:?}", wraps(got)), format!("{kinds:?}"));
            }
        }
        (None, Some(want)) => failures.add(name, format!("not found: {}", facts(want))),
        (Some(got), None) => failures.add(name, format!("found only when wrapped: {}", facts(got))),
        (None, None) => {}
    }
}

fn all_pairs(job: impl Fn(&str, &Dialogue, &'static Wrapping, &mut Failures) + Sync) {
    let mut failures = Failures::default();
    for found in parallel(&pairs(), |(name, dialogue, w)| {
        let mut failures = Failures::default();
        job(name, dialogue, w, &mut failures);
        failures
    }) {
        failures.extend(found);
    }
    failures.report();
}

#[test]
fn what_is_found_does_not_depend_on_the_wrapping() {
    let whole = Sight::default();
    all_pairs(|name, dialogue, w, failures| {
        compare(name, dialogue, w, &whole, &whole, failures);
        let found = run(&w.of(dialogue), &whole).finding;
        let Some(f) = found else { return };
        let t = &dialogue.truth;
        let shares = (f.shares.submitted, f.shares.accepted, f.shares.rejected);
        if shares != (t.submitted, t.accepted, t.rejected) {
            failures.differ(name, "shares", format!("{shares:?}"), format!("{t:?}"));
        }
        if t.stage > Stage::Attempt && f.verdict != Verdict::Confirmed {
            failures.differ(name, "verdict", f.verdict, "confirmed");
        }
    });
}

#[test]
fn wrapped_in_segments_of_a_byte() {
    all_pairs(|name, dialogue, w, failures| {
        let dialogue = short(dialogue);
        for step in [1, 2, 3, 7, 61] {
            let cut = Sight { step: Some(step), ..Sight::default() };
            compare(&format!("{name} by {step}"), &dialogue, w, &cut, &cut, failures);
        }
    });
}

#[test]
fn wrapped_in_segments_that_begin_and_end_anywhere() {
    all_pairs(|name, dialogue, w, failures| {
        let dialogue = short(dialogue);
        let outer = w.of(&dialogue);
        for seed in 0..6 {
            let cut = recut(&outer, &mut Rng::new(seed));
            let whole = Sight::default();
            compare_with(&format!("{name}, cut {seed}"), &dialogue, &cut, w, &whole, &whole, failures);
        }
    });
}

#[test]
fn wrapped_and_one_direction_only() {
    all_pairs(|name, dialogue, w, failures| {
        for side in [Side::Client, Side::Server] {
            let half = Sight { only: Some(side), ..Sight::default() };
            compare(&format!("{name}, {side:?} only"), dialogue, w, &half, &half, failures);
        }
    });
}

/// Wrapped kinds that must be known although a word of the handshake was not seen: the other direction has them.
#[test]
fn a_hole_in_the_handshake_hides_nothing() {
    all_pairs(|name, dialogue, w, failures| {
        if w.handshake == 0 || w.name.contains("at once") {
            return;
        }
        let want = run(dialogue, &Sight::default());
        for missed in 0..w.handshake {
            let name = format!("{name} without word {missed}");
            let got = run(&w.of(dialogue), &Sight { missed: vec![missed], ..Sight::default() });
            match (&got.finding, &want.finding) {
                (Some(got), Some(want)) => {
                    // XMRig's KawPow is told from others' by the login, which is read late.
                    let twin = (want.dialect, got.dialect) == ("cryptonote", "kawpow");
                    if outline(got) != outline(want) && !twin {
                        failures.differ(&name, "outline", outline(got), outline(want));
                    }
                    let mut kinds: Vec<&str> = got.wraps.iter().map(minewatch::carrier::Wrap::kind).collect();
                    let mut wanted: Vec<&str> = w.wraps.iter().map(|t| t.split(' ').next().unwrap()).collect();
                    // A length of zero alone grants no tunnel, and nobody else tells what a load balancer said.
                    if w.name == "connect, length zero" && missed == 0 {
                        wanted.clear();
                        kinds.retain(|k| *k != "connect");
                    }
                    if !kinds.contains(&"proxy-protocol") {
                        wanted.retain(|k| *k != "proxy-protocol");
                    }
                    wanted.extend(want.wraps.iter().map(minewatch::carrier::Wrap::kind));
                    kinds.sort_unstable();
                    wanted.sort_unstable();
                    if kinds != wanted {
                        failures.differ(&name, "wrapped", format!("{kinds:?}"), format!("{wanted:?}"));
                    }
                }
                (None, Some(want)) => failures.add(&name, format!("not found: {}", facts(want))),
                (Some(got), None) => failures.add(&name, format!("found only when wrapped: {}", facts(got))),
                (None, None) => {}
            }
        }
    });
}

#[test]
fn a_hole_in_the_middle_costs_what_it_hides_and_no_more() {
    all_pairs(|name, dialogue, w, failures| {
        if w.name.contains("at once") || dialogue.turns.len() < 30 {
            return;
        }
        for at in [dialogue.turns.len() / 2, dialogue.turns.len() * 3 / 4] {
            let bare = Sight { missed: vec![at], ..Sight::default() };
            let wrapped = Sight { missed: vec![at + w.handshake], ..Sight::default() };
            let name = format!("{name} without turn {at}");
            if !w.refers_back {
                compare(&name, dialogue, w, &bare, &wrapped, failures);
                continue;
            }
            let (want, got) = (run(dialogue, &bare), run(&w.of(dialogue), &wrapped));
            let brief = |f: &minewatch::ledger::FlowFinding| format!("{} {}", f.dialect, f.verdict);
            if got.finding.as_ref().map(brief) != want.finding.as_ref().map(brief) {
                failures.add(&name, "another dialect or verdict");
            }
        }
    });
}

/// Tunnels and sockets that were open before the sensor was: plain ones read like any other stream.
#[test]
fn wrapped_and_picked_up_in_the_middle() {
    all_pairs(|name, dialogue, w, failures| {
        if w.refers_back
            || w.name.contains("packed")
            || w.name.contains("gzip")
            || w.name.contains("at once")
            || dialogue.turns.len() < 20
        {
            return;
        }
        let at = dialogue.turns.len() / 3;
        let bare = Sight { from: at, ..Sight::default() };
        let wrapped = Sight { from: at + w.handshake, ..Sight::default() };
        let (want, got) = (run(dialogue, &bare), run(&w.of(dialogue), &wrapped));
        let text = |o: &bench::Outcome| o.finding.as_ref().map(facts);
        if text(&want) != text(&got) {
            failures.differ(name, "facts", format!("{:?}", text(&got)), format!("{:?}", text(&want)));
        }
        if let Some(f) = &got.finding {
            let socket = w.wraps.contains(&"websocket").then(|| "websocket".to_owned());
            let own = want.finding.as_ref().map(wraps).unwrap_or_default();
            let wanted: Vec<String> = socket.into_iter().chain(own).collect();
            if wraps(f) != wanted {
                failures.differ(name, "wrapped", format!("{:?}", wraps(f)), format!("{wanted:?}"));
            }
        }
    });
}

#[test]
fn a_handshake_alone_says_nothing() {
    for w in ALL.iter().filter(|w| w.takes != list::Inner::Gzip) {
        let alone = w.of(&Dialogue::default());
        for only in [None, Some(Side::Client), Some(Side::Server)] {
            for step in [None, Some(1)] {
                let got = run(&alone, &Sight { step, only, ..Sight::default() });
                assert!(got.finding.is_none() && got.level.is_none(), "{} {only:?} {step:?}", w.name);
            }
        }
    }
}

#[test]
fn what_does_not_mine_is_silent_in_every_wrapping() {
    let mut benign = kit::benign::all(17);
    benign.extend(kit::benign::wrapped::all(17));
    benign.push(("opened", 80, kit::benign::wrapped::opened()));
    let mut failures = Failures::default();
    for found in parallel(&benign, |(name, _, dialogue)| {
        let mut failures = Failures::default();
        for w in ALL.iter().filter(|w| w.fits(dialogue)) {
            for (how, sight) in [
                ("whole", Sight::default()),
                ("client", Sight { only: Some(Side::Client), ..Sight::default() }),
                ("server", Sight { only: Some(Side::Server), ..Sight::default() }),
                ("late", Sight { from: w.handshake, ..Sight::default() }),
                ("cut", Sight { step: Some(64), ..Sight::default() }),
            ] {
                let got = run(&w.of(dialogue), &sight);
                if got.level >= Some(Verdict::Suspected) {
                    failures.add(format!("{name} in {}, {how}", w.name), facts(&got.finding.unwrap()));
                }
            }
        }
        let bare = run(dialogue, &Sight::default());
        if bare.level >= Some(Verdict::Suspected) {
            failures.add(name, facts(&bare.finding.unwrap()));
        }
        failures
    }) {
        failures.extend(found);
    }
    failures.report();
}

#[test]
fn no_depth_of_nesting_costs_more_than_a_bounded_buffer() {
    use kit::wrappings::{Answer, Words, behind, connect, proxy_v1, proxy_v2, socks4a, socks5};
    let source = "192.0.2.7:50123".parse().unwrap();
    let shells: [(&str, &dyn Fn(usize) -> Words); 6] = [
        ("connect", &|n| connect(&format!("p{n}.example:3128"), Answer::Usual)),
        ("connect, authentication", &|n| connect(&format!("p{n}.example:3128"), Answer::AuthenticationFirst)),
        ("socks5", &|n| socks5(&format!("p{n}.example"), 1080, n % 2 == 0)),
        ("socks4a", &|n| socks4a(&format!("p{n}.example"), 1080)),
        ("proxy 1", &|_| proxy_v1(source, source)),
        ("proxy 2", &|_| proxy_v2(source, source)),
    ];
    let (_, _, inner) = kit::dialogues::all(3).into_iter().find(|(name, ..)| *name == "cryptonote-brief").unwrap();
    for (name, shell) in shells {
        for depth in [2, 3, 64, 500] {
            let mut d = inner.clone();
            for n in 0..depth {
                d = behind(&shell(n), &d);
            }
            for step in [None, Some(1)] {
                let found = run(&d, &Sight { step, ..Sight::default() }).finding;
                assert!(found.is_some() || depth > 3, "{name} {depth} deep");
                let Some(f) = found else { continue };
                if depth <= 3 {
                    assert_eq!(f.wraps.len(), depth, "{name}: {:?}", f.wraps);
                } else {
                    // Given up and met again later: who the proxy is was forgotten, and so was the handshake, without
                    // which nothing is blocked.
                    assert!(!f.handshake_verified, "{name} {depth} deep");
                }
            }
            for side in [Side::Client, Side::Server] {
                let mut peel = Peel::default();
                let mut pieces = 0_usize;
                for chunk in d.stream(side).chunks(37) {
                    peel.data(chunk, &mut |_| pieces += 1);
                    assert!(peel.held() <= 4096, "{name} {depth} deep: {} bytes held", peel.held());
                }
            }
        }
    }
}

#[test]
fn damage_to_a_wrapping_costs_no_panic_and_no_more_than_a_bounded_buffer() {
    // A WebSocket message and a line at their caps, a decompressor in each direction.
    const MOST: usize = 512 * 1024;
    let (_, _, inner) = kit::dialogues::all(3).into_iter().find(|(name, ..)| *name == "ethereum-stratum-2").unwrap();
    let mut rng = Rng::new(9);
    for w in ALL {
        let whole = w.of(&inner);
        for _ in 0..40 {
            let mut d = recut(&whole, &mut rng);
            for _ in 0..rng.range(1, 6) {
                let turn = rng.range(0, d.turns.len() as u64) as usize;
                let bytes = &mut d.turns[turn].bytes;
                let at = rng.range(0, bytes.len() as u64) as usize;
                match rng.range(0, 3) {
                    0 => bytes[at] ^= 1 << rng.range(0, 8),
                    1 => bytes.truncate(at + 1),
                    _ => bytes.insert(at, rng.bits() as u8),
                }
            }
            for side in [Side::Client, Side::Server] {
                let mut peel = Peel::new(rng.chance(0.5), [None, Some(true), Some(false)][rng.range(0, 3) as usize]);
                for turn in d.turns.iter().filter(|t| t.side == side) {
                    if rng.chance(0.02) {
                        peel.gap(rng.range(1, 2000));
                    }
                    peel.data(&turn.bytes, &mut |_| {});
                    assert!(peel.held() <= MOST, "{}: {} bytes held", w.name, peel.held());
                }
                peel.end(&mut |_| {});
            }
            // The bench fails on a panic.
            run(&d, &Sight::default());
        }
    }
}
