//! What a policy file means, and what is said of a wrong one.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::evidence::Verdict;
use crate::firewall::{AllowedMiner, Prefix, Scope};

const SAMPLE: &str = include_str!("../../deploy/policy.toml");

fn read(text: &str) -> Result<Resolved, ConfigError> {
    parse(Path::new("policy.toml"), text)
}

fn good(text: &str) -> Resolved {
    read(&format!("version = 1\n{text}")).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn the_sample_holds_every_key_with_its_default() {
    assert_eq!(read(SAMPLE).unwrap(), Resolved::default());
    assert_eq!(good(""), Resolved::default());
    // Every key that the file may have is in it: take one away from what is known, and the sample is an error.
    let keys = |text: &str| text.lines().filter(|l| l.contains(" = ") && !l.starts_with('#')).count();
    assert_eq!(keys(SAMPLE), keys(ALL), "{SAMPLE}");
}

/// Every key, none with its default.
const ALL: &str = r#"
version = 1
[block]
least = "probable"
scope = "address"
names = false
ttl = "2h"
max_ttl = "7d"
max_entries = 500
per_minute = 5
dry_run = true
quiet_hours = ["22:00-06:00"]
[block.never]
addresses = ["192.0.2.7", "2001:db8::/32"]
names = ["shop.example"]
in = ["DE", "AS64500"]
[network]
home = ["203.0.113.0/24"]
resolvers = ["203.0.113.53"]
[allow]
miners = ["10.0.0.5", "02:00:00:00:00:05"]
segments = ["10.20.0.0/16"]
wallets = ["firm"]
pools = ["pool.example", "198.51.100.0/24"]
trust_proxy = ["10.0.0.8"]
[isolate]
enabled = true
least = "suspected"
ttl = "1h"
keep = ["10.9.0.0/16"]
never = ["10.0.0.1"]
[apply]
backend = "ipset"
check_every = "5m"
[listen]
block_feeds = ["XMR=blocks.csv"]
"#;

#[test]
fn every_key_reaches_what_it_is_for() {
    let r = read(ALL).unwrap();
    let p = &r.policy;
    let nets = |all: &[&str]| all.iter().map(|p| p.parse().unwrap()).collect::<Vec<Prefix>>();
    assert_eq!((p.least, p.scope, p.names), (Verdict::Probable, Scope::Address, false));
    assert_eq!((p.ttl.as_secs(), r.policy.max_ttl.as_secs()), (7_200, 604_800));
    assert_eq!((p.max_entries.get(), r.limits.per_minute, r.limits.dry_run), (500, 5, true));
    assert_eq!(r.limits.book().per_minute, 5);
    // 2026-11-25T23:00:00Z and twelve hours earlier.
    let night = PacketTime::from_parts(1_795_647_600, 0);
    assert!(r.limits.is_quiet(night));
    assert!(!r.limits.is_quiet(PacketTime::from_parts(1_795_604_400, 0)));
    assert_eq!(p.never_block, nets(&["192.0.2.7", "2001:db8::/32"]));
    assert_eq!((p.never_block_names.len(), p.never_block_in.len()), (1, 2));
    assert_eq!((&p.home, &p.trust_resolver), (&nets(&["203.0.113.0/24"]), &nets(&["203.0.113.53"])));
    let segment = AllowedMiner::Net("10.20.0.0/16".parse().unwrap());
    assert_eq!(p.allow_miner, ["10.0.0.5".parse().unwrap(), "02:00:00:00:00:05".parse().unwrap(), segment]);
    assert_eq!(p.allow_wallet, ["firm".parse().unwrap()]);
    assert_eq!(p.allow_pool, ["pool.example".parse().unwrap(), "198.51.100.0/24".parse().unwrap()]);
    assert_eq!(p.trust_proxy, ["10.0.0.8".parse().unwrap()]);
    let i = &r.policy.isolation;
    assert_eq!((i.enabled, i.least, i.ttl.as_secs()), (true, Verdict::Suspected, 3_600));
    for (host, spared) in [([10, 0, 0, 1], true), ([10, 9, 1, 1], true), ([10, 0, 0, 5], false)] {
        assert_eq!(i.spares(host.into()).is_some(), spared, "{host:?}");
    }
    assert_eq!((r.applying.backend, r.applying.check_every), (Choice::Ipset, Duration::from_mins(5)));
    assert_eq!(r.block_feeds, ["XMR=blocks.csv"]);
    assert_eq!(r.warnings, []);
}

#[test]
fn every_wrong_value_is_told_with_its_line_and_what_to_write() {
    let wrong = r#"version = 1
[block]
least = "noted"
scope = "subnet"
ttl = "0s"
max_ttl = "forever"
max_entries = 0
per_minute = -1
quiet_hours = [
    "22:00-06:00",
    "8am-9am",
]
[block.never]
addresses = ["10.1.2.3/24"]
names = ["shop..example"]
in = ["Germany"]
[network]
home = ["home"]
resolvers = ["dns.example"]
[allow]
miners = ["rig1"]
segments = ["02:00:00:00:00:05"]
wallets = ["two words"]
pools = ["co.uk"]
trust_proxy = ["10.0.0.300"]
[isolate]
least = "sure"
ttl = "1w"
keep = ["0.0.0.0/0"]
never = ["printer"]
[apply]
backend = "pf"
check_every = "2h"
"#;
    insta::assert_snapshot!("wrong-values", read(wrong).unwrap_err().sentences().join("\n"));
}

#[test]
fn what_the_parser_refuses_is_told_with_its_line_and_a_suggestion() {
    let texts = [
        "",
        "version = 2",
        "[block]\nttl = \"1d\"\n",
        "version = 1\n[blok]\n",
        "version = 1\n[block]\n\nleats = \"probable\"\n",
        "version = 1\n[allow]\nminer = [\"10.0.0.5\"]\n",
        "version = 1\n[block]\nttl = 86400\n",
        "version = 1\n[block]\nmax_entries = \"many\"\n",
        "version = 1\n[allow]\nminers = \"10.0.0.5\"\n",
        "version = 1\n[block]\nttl = \"1d\"\nttl = \"2d\"\n",
        "version = 1\n[block\n",
        "version = 1\n[block]\nper_minute = 99999999999999999999\n",
    ];
    let said: Vec<_> = texts.iter().map(|t| format!("{t:?}\n  {}", read(t).unwrap_err())).collect();
    insta::assert_snapshot!("refused-files", said.join("\n"));
}

#[test]
fn values_that_contradict_each_other() {
    let e = read("version = 1\n[block]\nttl = \"2d\"\nmax_ttl = \"1d\"\n").unwrap_err().to_string();
    assert_eq!(e, "policy.toml:4: `block.max_ttl`: 1d is less than `block.ttl`, which is 2d");
    // What is not given makes room for what is.
    let r = good("[block]\nttl = \"60d\"\n");
    assert_eq!((r.policy.ttl.as_secs(), r.policy.max_ttl.as_secs()), (60 * 86_400, 60 * 86_400));
    let r = good("[block]\nmax_ttl = \"1h\"\n");
    assert_eq!((r.policy.ttl.as_secs(), r.policy.max_ttl.as_secs()), (3_600, 3_600));
    let many: Vec<_> = (0..65).map(|n| format!("\"10.0.{n}.0/24\"")).collect();
    let e = read(&format!("version = 1\n[isolate]\nkeep = [{}]\n", many.join(", "))).unwrap_err().to_string();
    assert_eq!(e, "policy.toml:3: `isolate.keep`: 65 networks are too many, at most 64 are taken");
}

#[test]
fn a_prefix_of_everything_is_taken_and_told() {
    let r = good("[allow]\nsegments = [\"0.0.0.0/0\"]\n[block.never]\naddresses = [\"::/0\"]\n");
    let said: Vec<_> = r.warnings.iter().map(|w| w.at(Path::new("policy.toml"))).collect();
    assert_eq!(
        said,
        [
            "policy.toml:5: `block.never.addresses`: ::/0 holds every address: nothing of this family is ever blocked",
            "policy.toml:3: `allow.segments`: 0.0.0.0/0 holds every address: every host of this family may mine",
        ]
    );
}

#[test]
fn the_first_of_many_is_told_and_where_to_see_the_others() {
    let e = read("version = 1\n[block]\nttl = \"x\"\nleast = \"y\"\n").unwrap_err().to_string();
    assert!(e.starts_with("policy.toml:3: `block.ttl`: \"x\" is not a life time"), "{e}");
    assert!(e.ends_with("; and 1 more: minewatch check --policy policy.toml"), "{e}");
}

#[test]
fn a_file_that_is_no_text_or_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.toml");
    let said = |path: &Path| super::read(path).unwrap_err().to_string();
    assert!(said(&path).ends_with("policy.toml: the policy cannot be read: No such file or directory (os error 2)"));
    assert!(said(dir.path()).ends_with("the policy cannot be read: it is no ordinary file"));
    fs::write(&path, b"version = 1\n# caf\xe9\n").unwrap();
    assert!(said(&path).ends_with("policy.toml:2: here are bytes that are no text: save the file as UTF-8"));
    fs::write(&path, "#".repeat(MAX_BYTES as usize + 1)).unwrap();
    assert!(said(&path).ends_with("it has more than 1048576 bytes"));
}

#[test]
fn a_bad_file_keeps_the_old_policy_until_a_good_one_comes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.toml");
    let write = |text: &str| fs::write(&path, text).unwrap();
    write("version = 1\n");
    let (mut watched, first) = Watched::open(&path).unwrap();
    assert_eq!(first, Resolved::default());
    watched.in_use(&first);
    assert_eq!(watched.reload(Ok), Ok(None));
    write("version = 1\n[block]\nttl = \"never\"\n");
    for _ in 0..2 {
        let e = watched.reload(Ok).unwrap_err();
        assert!(e.contains("policy.toml:3: `block.ttl`: \"never\" is not a life time"), "{e}");
        assert!(e.ends_with("; the policy that was read before stays in use"), "{e}");
    }
    write("version = 1\n[block]\nttl = \"2h\"\n");
    assert_eq!(watched.reload(Ok).unwrap().unwrap().policy.ttl.as_secs(), 7_200);
    assert_eq!(watched.reload(Ok), Ok(None));
    fs::remove_file(&path).unwrap();
    assert!(watched.reload(Ok).unwrap_err().contains("cannot be read"));
    write("version = 1\n[block]\nttl = \"2h\"\n");
    assert_eq!(watched.reload(Ok), Ok(None), "what is in use is what the file says again");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}|(\\PC|\\n|=|\\[|\\]|\"){0,200}") {
        drop(read(&text));
    }

    /// Texts that are nearly policies: a line of the full one is changed.
    #[test]
    fn no_changed_line_makes_it_panic(at in 0..40usize, value in "\\PC{0,30}|\"\\PC{0,30}\"|\\[\"\\PC{0,20}\"\\]|-?[0-9]{1,22}") {
        let lines = ALL.lines().enumerate().map(|(n, line)| match line.split_once(" = ") {
            Some((key, _)) if n == at => format!("{key} = {value}"),
            _ => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        if let Err(ConfigError::Wrong { wrong, .. }) = read(&text) {
            prop_assert!(!wrong.is_empty());
            let last = text.lines().count() as u32 + 1;
            prop_assert!(wrong.iter().all(|w| w.line.is_none_or(|l| (1..=last).contains(&l))), "{:?}", wrong);
        }
    }
}
