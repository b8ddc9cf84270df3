use std::fs;

use clap::Parser;

use super::*;
use crate::cli::options::Blocking;
use crate::cli::replay;
use crate::cli::session::{self, Listener, World};
use crate::firewall::Limits;
use crate::intel::{Geo, Intel};
use crate::pipeline::RunOptions;

/// One confirmed miner.
const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pcaps/cryptonote-donation-v4.pcap");
const MINER: &str = "192.168.7.11";

struct Deaf;

impl Listener for Deaf {
    fn alert(&mut self, _: &Alert) -> Result<(), Failure> {
        Ok(())
    }

    fn progress(&mut self, _: u64) {}
}

/// Keeps the last claim.
#[derive(Default)]
struct Last(Option<FlowFinding>);

impl Companion for Last {
    fn claim(&mut self, f: &FlowFinding) {
        self.0 = Some(f.clone());
    }

    fn alert(&mut self, _: &Alert) {}

    fn tick(&mut self, _: &Knowledge) -> Vec<String> {
        Vec::new()
    }

    fn obey(&mut self, _: &Resolved) {}

    fn refused(&mut self, _: &[String]) {}

    fn keeps_since(&mut self) -> Option<PacketTime> {
        None
    }
}

/// A confirmed miner, as if it had just been seen.
fn flow() -> FlowFinding {
    let mut last = Last::default();
    let world = World {
        geo: Geo::default(),
        news: None,
        companion: Some(&mut last),
        overhearing: crate::ledger::Overhearing::default(),
        feeds: crate::cli::block_feed::Tails::default(),
    };
    let inputs = replay::open(&[CAPTURE.into()]).unwrap();
    session::run(inputs, &RunOptions::default(), world, &Policy::default(), None, &mut Deaf).unwrap();
    let mut f = last.0.unwrap();
    (f.first.time, f.last.time) = (now(), now());
    f.evidence.clear();
    f
}

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    blocking: Blocking,
}

/// Something that acts by this policy, and changes nothing.
fn living(policy: &str) -> Living {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("policy.toml");
    fs::write(&file, format!("version = 1\n{policy}")).unwrap();
    let words = ["minewatch", "--allow-documentation-ranges", "--policy", file.to_str().unwrap()];
    let plan = Options::parse_from(words).blocking.resolve_for_kernel().unwrap();
    Living::open(&plan, None, How::Say, Board::new(now())).unwrap().begin().unwrap().0
}

fn tick(living: &mut Living) -> Vec<String> {
    living.slowly = None;
    living.tick(&Knowledge::new(Intel::default(), Geo::default()))
}

#[test]
fn forged_claims_leave_half_of_the_room_to_those_that_are_verified() {
    let mut living = living("");
    let mut f = flow();
    for (verified, kept) in [(false, MAX_CLAIMS / 2), (true, MAX_CLAIMS)] {
        f.handshake_verified = verified;
        for id in 0..MAX_CLAIMS as u64 {
            f.flow_id = id + (u64::from(verified) << 32);
            living.claim(&f);
        }
        assert_eq!(living.claims.len(), kept, "verified: {verified}");
    }
    // One direction alone verifies nothing; what is known is heard again.
    (f.flow_id, f.one_way) = (1 << 40, true);
    living.claim(&f);
    assert!(!living.claims.contains_key(&f.flow_id));
    (f.flow_id, f.jobs) = (7, 12_345);
    living.claim(&f);
    assert_eq!(living.claims[&7].flow.jobs, 12_345);
}

#[test]
fn quiet_hours_hold_back_what_a_dry_run_would_do_and_it_is_told_once() {
    let all_day = r#"quiet_hours = ["00:00-12:00", "12:00-24:00"]"#;
    let mut living = living(&format!("[block]\n{all_day}\n[isolate]\nenabled = true"));
    let mut f = flow();
    living.claim(&f);
    assert!(matches!(tick(&mut living).as_slice(), [one] if one.starts_with("quiet hours: ")));
    living.claim(&f);
    assert_eq!(tick(&mut living), [""; 0], "told once");
    living.keepsake.limit(Limits::default());
    assert!(matches!(tick(&mut living).as_slice(), [one] if one.starts_with("quiet hours are over")));
    f.last.time = now();
    living.claim(&f);
    let (pool, said) = (f.pool, tick(&mut living));
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0], format!("would cut off {pool}/tcp (used by {MINER})"));
    assert!(said[1].starts_with(&format!("would isolate {MINER}: it mines at {pool}/tcp (confirmed), until 20")));
    let d = living.keepsake.list(&living.policy, &living.never, now());
    let wanted = wanted(&d, &living.policy);
    assert_eq!((wanted.block.len(), wanted.isolate[0].host), (1, MINER.parse().unwrap()));
}

/// What a dry run says of what it does not do must not be taken for what was done.
#[test]
fn what_is_over_in_a_dry_run_never_was() {
    let said = |item: &str, dry| words::is_over(&item.parse().unwrap(), dry);
    assert_eq!(said("198.51.100.7:3333", true), "would no longer cut off 198.51.100.7:3333/tcp");
    assert_eq!(said("198.51.100.7:3333", false), "no longer cut off: 198.51.100.7:3333/tcp");
    assert_eq!(said("pool.example", true), "would no longer block the name pool.example");
    let host = Item::Host(MINER.parse().unwrap());
    assert_eq!(words::is_over(&host, true), format!("would no longer isolate {MINER}"));
    let before = words::from_before((1, 2), true);
    assert!(before.len() == 2 && before.iter().all(|s| s.contains("dry run")), "{before:?}");
    assert_eq!(words::from_before((1, 0), false), ["block entries that hold from before: 1"]);
    assert_eq!(words::from_before((0, 0), true), [""; 0]);
}

#[test]
fn a_dry_run_says_so_first_and_to_those_who_ask() {
    let board = Board::new(now());
    let plan = Options::parse_from(["minewatch"]).blocking.resolve_for_kernel().unwrap();
    let (_, said) = Living::open(&plan, None, How::Say, board.clone()).unwrap().begin().unwrap();
    assert_eq!(said.first().map(String::as_str), Some(DRY_RUN));
    assert!(board.standing(now()).dry_run);
    let (_, said) = Living::open(&plan, None, How::Remember, board.clone()).unwrap().begin().unwrap();
    assert!(said.is_empty() && !board.standing(now()).dry_run, "{said:?}");
}

#[test]
fn a_host_that_others_depend_on_is_told_of_once_and_stays_connected() {
    let mut living = living(&format!("[isolate]\nenabled = true\nnever = [\"{MINER}\"]"));
    let f = flow();
    living.claim(&f);
    let said = tick(&mut living);
    let words = format!("{MINER} mines and would not be isolated: the policy never isolates {MINER}");
    assert!(
        said.iter().any(|s| s.starts_with(&words)) && !said.iter().any(|s| s.contains("would isolate")),
        "{said:?}"
    );
    living.claim(&f);
    assert_eq!(tick(&mut living), [""; 0]);
}
