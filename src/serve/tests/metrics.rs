use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A sample: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// As the format is described; what is not so fails.
fn read(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'));
    let (mut samples, mut kinds, mut once) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty(), "{line}");
            name.clone_into(&mut family);
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(name == family && ["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            continue;
        }
        let end = line.find(['{', ' ']).unwrap();
        let (name, mut rest) = line.split_at(end);
        let of = name.strip_suffix("_sum").or(name.strip_suffix("_count")).filter(|_| kinds[&family] == "summary");
        assert!(is_name(name) && of.unwrap_or(name) == family, "{line}");
        let mut labels = BTreeMap::new();
        while let Some(more) = rest.strip_prefix(['{', ',']) {
            let (label, more) = more.split_once("=\"").unwrap();
            let (mut value, mut chars) = (String::new(), more.char_indices());
            let end = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => match chars.next().unwrap().1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        c => panic!("\\{c} in {line}"),
                    },
                    (_, c) => value.push(c),
                }
            };
            assert!(is_name(label), "{line}");
            labels.insert(label.to_owned(), value);
            rest = &more[end + 1..];
        }
        rest = rest.strip_prefix('}').unwrap_or(rest);
        let value: f64 = rest.strip_prefix(' ').unwrap().parse().unwrap();
        assert!(once.insert((name.to_owned(), labels.clone())), "twice: {line}");
        samples.push((name.to_owned(), labels, value));
    }
    samples
}

fn value(samples: &[Sample], name: &str, label: Option<(&str, &str)>) -> f64 {
    let is = |l: &BTreeMap<String, String>| label.is_none_or(|(k, v)| l.get(k).is_some_and(|x| x == v));
    samples.iter().find(|(n, l, _)| n == name && is(l)).unwrap_or_else(|| panic!("no {name} {label:?}")).2
}

fn full() -> Board {
    use crate::capture::live::LinkState;
    let board = well();
    let mut health = Health::default();
    for (n, c) in (1..).zip(Counter::ALL) {
        health.add_n(*c, n);
    }
    let links = vec![interface("eth1", LinkState::Watched), interface("e\"v\\il\n{}", LinkState::Down)];
    let troubles = vec![trouble(health::Trouble::Idle, Some("eth1")), trouble(health::Trouble::Idle, Some("eth2"))];
    board.watched(links, health, troubles, Duration::ZERO);
    let hits = enforce::Hits { blocked: 12, isolated: 3 };
    board.kernel(&enforce::Status { entries: 5, hits, errors: 2, ..enforce::Status::default() });
    let incidents = Incidents { open: 2, ..Incidents::default() };
    board.kept(Kept { dir: Some("/x".into()), hosts: 4, incidents, ..Kept::default() });
    board.cut(Duration::from_millis(250));
    let feed = |name: &str| crate::intel::ListInfo {
        name: name.to_owned(),
        shipped: false,
        date: Some(crate::intel::Day::of(from_now(-10 * 86_400))),
        stale_after: 5,
        names: 3,
        addresses: 2,
        shared: 1,
        left_out: 0,
    };
    board.knows(&[feed("own.toml"), feed("own.toml"), feed("q\"uote")]);
    board.list(decided(pools(), from_now(0)), from_now(0), Scope::Endpoint);
    board
}

#[test]
fn every_line_can_be_read_and_says_what_is_so() {
    let board = full();
    let text = super::super::metrics(&board.standing(from_now(0)), &board.health());
    let samples = read(&text);
    for (n, c) in (1_u32..).zip(Counter::ALL) {
        if !matches!(c, Counter::KernelDrops | Counter::InterfaceDrops) {
            assert!((value(&samples, &format!("minewatch_{}_total", c.name()), None) - f64::from(n)).abs() < 0.5);
        }
    }
    let odd = "e\"v\\il\\n{}";
    for (name, label, wanted) in [
        ("minewatch_interface_frames_total", Some(("interface", "eth1")), 7.0),
        ("minewatch_interface_kernel_drops_total", Some(("interface", odd)), 2.0),
        ("minewatch_interface_drops_total", Some(("interface", "eth1")), 1.0),
        ("minewatch_interface_watched", Some(("interface", odd)), 0.0),
        ("minewatch_trouble", Some(("trouble", "idle")), 2.0),
        ("minewatch_trouble", Some(("trouble", "blind")), 0.0),
        ("minewatch_firewall_entries", None, 5.0),
        ("minewatch_firewall_rejected_packets_total", Some(("of", "blocked")), 12.0),
        ("minewatch_firewall_errors_total", None, 2.0),
        ("minewatch_incidents", Some(("state", "open")), 2.0),
        ("minewatch_hosts", None, 4.0),
        ("minewatch_state_saved", None, 1.0),
        ("minewatch_list_entries", None, 3.0),
        ("minewatch_cut_seconds", Some(("quantile", "0.5")), 0.25),
        ("minewatch_cut_seconds_count", None, 1.0),
        ("minewatch_feed_entries", Some(("feed", "q\"uote")), 6.0),
        ("minewatch_feed_age_days", Some(("feed", "own.toml")), 10.0),
        ("minewatch_feed_stale", Some(("feed", "own.toml")), 1.0),
        ("minewatch_well", None, 0.0),
    ] {
        let got = value(&samples, name, label);
        assert!((got - wanted).abs() < 1e-9, "{name} {label:?}: {got}, wanted {wanted}");
    }
}

#[test]
fn no_host_and_no_pool_is_a_label() {
    let board = full();
    let before = read(&super::super::metrics(&board.standing(from_now(0)), &board.health())).len();
    let many = (0..200).map(|n| record(&format!("198.51.100.{n}"), Some(3333))).collect();
    board.list(decided(many, from_now(0)), from_now(0), Scope::Endpoint);
    let text = super::super::metrics(&board.standing(from_now(0)), &board.health());
    assert_eq!(read(&text).len(), before);
    assert!(!text.contains("198.51.100") && !text.contains("10.0.0.5"));
}

#[test]
fn a_watch_that_does_little_has_metrics_as_well() {
    let board = Board::new(from_now(0));
    let samples = read(&super::super::metrics(&board.standing(from_now(0)), &board.health()));
    assert!(samples.iter().all(|(name, ..)| !name.contains("firewall") && !name.contains("state_saved")));
}
