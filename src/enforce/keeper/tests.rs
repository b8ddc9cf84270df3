//! What the kernel is told and when, with a stand-in for it.

use super::*;
use crate::enforce::applier::Connections;
use crate::enforce::held::Rules;
use crate::firewall::Proto;

/// Holds what it was told, unless it is broken.
#[derive(Default)]
struct Fake {
    held: Held,
    told: usize,
    asked: usize,
    broken: bool,
    refuses: Option<Target>,
}

const BROKEN: EnforceError = EnforceError::Protocol(String::new());

impl Kernel for Fake {
    fn apply(&mut self, wanted: &Wanted) -> Result<Applied, EnforceError> {
        self.told += 1;
        if self.broken {
            return Err(BROKEN);
        }
        let mut refused = Vec::new();
        self.held = Held { rules: Rules::Intact, ..Held::default() };
        for b in &wanted.block {
            if self.refuses == Some(b.target) {
                refused.push(Refused::Block { target: b.target, why: String::new() });
            } else {
                self.held.blocked.insert(b.target, b.ttl_secs);
            }
        }
        Ok(Applied {
            backend: "fake".into(),
            blocked: self.held.blocked.len(),
            isolated: 0,
            refused,
            connections: Connections::NoneOpen,
            millis: 0,
        })
    }

    fn read_back(&mut self) -> Result<Held, EnforceError> {
        self.asked += 1;
        if self.broken { Err(BROKEN) } else { Ok(self.held.clone()) }
    }

    fn remove(&mut self) -> Result<bool, EnforceError> {
        self.held = Held::default();
        Ok(true)
    }
}

fn target(port: u16) -> Target {
    Target { addr: [198, 51, 100, 1].into(), service: Some((Proto::Tcp, port)), from: None }
}

fn wanted(all: &[(u16, u64)]) -> Wanted {
    let block = all.iter().map(|(port, ttl_secs)| Block { target: target(*port), ttl_secs: *ttl_secs });
    Wanted { block: block.collect(), isolate: Vec::new() }
}

const EVERY: Duration = Duration::from_secs(30);

fn keeper() -> (Keeper<Fake>, Instant) {
    let (mut keeper, now) = (Keeper::new(Fake::default(), EVERY), Instant::now());
    assert!(matches!(keeper.tick(now), Tick::Applied(_)), "what an earlier run left is replaced");
    (keeper, now)
}

fn after(now: Instant, secs: u64) -> Instant {
    now + Duration::from_secs(secs)
}

#[test]
fn many_changes_are_told_once_and_the_same_again_is_no_change() {
    let (mut keeper, now) = keeper();
    for n in 1..=50 {
        keeper.want(&wanted(&[(n, 3600)]), now);
    }
    assert!(matches!(keeper.tick(now), Tick::Applied(_)));
    assert_eq!(keeper.kernel().told, 2);
    assert_eq!(keeper.kernel().held.blocked, [(target(50), 3600)].into());
    keeper.want(&wanted(&[(50, 3590)]), after(now, 10));
    assert_eq!(keeper.tick(after(now, 10)), Tick::Idle);
    keeper.want(&wanted(&[(50, 3600)]), after(now, 10));
    assert!(matches!(keeper.tick(after(now, 10)), Tick::Applied(_)), "a life that was made longer");
}

#[test]
fn a_kernel_that_lost_something_is_found_at_the_next_look_and_repaired_with_the_time_that_is_left() {
    let (mut keeper, now) = keeper();
    keeper.want(&wanted(&[(1, 3600), (2, 3600)]), now);
    keeper.tick(now);
    keeper.kernel().held = Held::default();
    assert_eq!(keeper.tick(after(now, 29)), Tick::Idle);
    assert_eq!(keeper.kernel().asked, 0, "it is not yet time to look");
    let Tick::Repaired(drift, _) = keeper.tick(after(now, 30)) else { panic!("not repaired") };
    assert_eq!((drift.missing, drift.rules), (2, Rules::Absent));
    assert_eq!(keeper.kernel().held.blocked, [(target(1), 3570), (target(2), 3570)].into());
    assert_eq!((keeper.status().drift_repaired, keeper.status().entries), (1, 2));
    assert_eq!(keeper.tick(after(now, 60)), Tick::Repaired(drift_of_lives(), applied(2)));
}

/// The stand-in does not count down, so that lives look longer than they should after a while.
fn drift_of_lives() -> Drift {
    Drift { missing: 0, foreign: 0, retimed: 2, rules: Rules::Intact }
}

fn applied(blocked: usize) -> Applied {
    Applied {
        backend: "fake".into(),
        blocked,
        isolated: 0,
        refused: Vec::new(),
        connections: Connections::NoneOpen,
        millis: 0,
    }
}

#[test]
fn what_expired_is_not_wanted_any_more_and_nobody_is_told() {
    let (mut keeper, now) = keeper();
    keeper.want(&wanted(&[(1, 10), (2, 15)]), now);
    keeper.tick(now);
    keeper.kernel().held.blocked.clear();
    assert_eq!(keeper.tick(after(now, 31)), Tick::Idle);
    assert_eq!(keeper.status().drift_repaired, 0);
    assert!(keeper.wanted(after(now, 31)).is_empty());
}

#[test]
fn a_failure_is_counted_and_tried_again_after_a_while_until_it_works() {
    let (mut keeper, now) = keeper();
    keeper.kernel().broken = true;
    keeper.want(&wanted(&[(1, 3600)]), now);
    assert_eq!(keeper.tick(now), Tick::Failed(BROKEN));
    assert_eq!(keeper.tick(after(now, 1)), Tick::Idle, "not at once");
    assert_eq!(keeper.tick(after(now, 5)), Tick::Failed(BROKEN));
    assert_eq!((keeper.status().errors, keeper.status().last_error.clone()), (2, Some(BROKEN)));
    keeper.kernel().broken = false;
    assert_eq!(keeper.tick(after(now, 10)), Tick::Applied(applied(1)));
    assert_eq!(keeper.status().last_error, None);

    // A look that fails leads to telling everything again.
    keeper.kernel().broken = true;
    assert_eq!(keeper.tick(after(now, 40)), Tick::Failed(BROKEN));
    keeper.kernel().broken = false;
    assert_eq!(keeper.tick(after(now, 45)), Tick::Applied(applied(1)));
}

#[test]
fn what_the_last_gate_refuses_is_told_once_and_is_no_drift_afterwards() {
    let (mut keeper, now) = keeper();
    keeper.kernel().refuses = Some(target(1));
    keeper.want(&wanted(&[(1, 3600), (2, 3600)]), now);
    let Tick::Applied(done) = keeper.tick(now) else { panic!("not applied") };
    assert_eq!((done.refused.len(), keeper.status().refused), (1, 1));
    keeper.kernel().held.blocked.insert(target(2), 3570);
    assert_eq!(keeper.tick(after(now, 30)), Tick::Idle);
    keeper.want(&wanted(&[(1, 3570), (2, 3570)]), after(now, 30));
    assert_eq!(keeper.tick(after(now, 31)), Tick::Idle);
}
