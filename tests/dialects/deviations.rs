//! Another spelling of the same words is the same dialogue.

use minewatch::evidence::Verdict;
use minewatch::ledger::FlowFinding;

use super::found::wrong;
use crate::kit::dialogues;
use crate::support2::deviate::WAYS;
use crate::support2::{is_dialect, whole};

/// What is known less well in another way: way, dialogue, and why.
const LESS: &[(&str, &str, &str)] = &[(
    "single bytes, one a second",
    "eth-getwork",
    "a request takes minutes, and work that is asked for every few minutes is asked for by a monitor",
)];

#[test]
fn another_spelling_is_the_same_dialogue() {
    let mut faults = Vec::new();
    for (name, _, d) in dialogues::all(5) {
        for way in WAYS.iter().filter(|w| w.takes(&d)) {
            let plain = (way.of)(&d);
            let all = plain.turns.len() == d.turns.len();
            let (run, as_it_was) = (whole(name, &(way.say)(&plain)), whole(name, &plain));
            if LESS.iter().any(|(w, n, _)| *w == way.name && *n == name) {
                assert!(run.level() < as_it_was.level(), "{}: {name} is no exception any more", way.name);
                continue;
            }
            let least = as_it_was.one(name).verdict.min(Verdict::Probable);
            match run.only(name) {
                Some(f) if !is_dialect(&d, f.dialect) || f.verdict < least => {
                    faults.push(format!("{}: {name}: found {} {}", way.name, f.dialect, f.verdict));
                }
                None => faults.push(format!("{}: {name}: not found", way.name)),
                Some(f) if way.exact && all => {
                    faults.extend(wrong(&d, f).map(|w| format!("{}: {name}: {w}", way.name)));
                }
                Some(f) if way.exact => {
                    let known =
                        |f: &FlowFinding| (f.verdict, f.stage, f.shares, f.jobs, f.login.clone(), f.agent.clone());
                    assert_eq!(known(f), known(as_it_was.one(name)), "{}: {name}", way.name);
                }
                Some(_) => {}
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
