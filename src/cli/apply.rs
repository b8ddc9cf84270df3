//! `minewatch apply`: what can be cut off on this machine, and taking everything away again.

use std::fmt::Write as _;
use std::io::{Write, stdout};

use clap::Args as ClapArgs;

use super::{Failure, Outcome};
use crate::enforce::{Check, EnforceError, Removed, check_all, is_told, remove_all};

/// Arguments of `apply`.
#[derive(ClapArgs, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true))]
#[command(after_help = "Exit status: 0 done, or a firewall can be used; 2 not done, or no firewall can be used.")]
pub(super) struct Args {
    /// Say which firewall would be used here, and what is missing for it
    #[arg(long, group = "what")]
    check: bool,
    /// Take away everything that was ever cut off here with --apply, by whichever firewall; nothing else is touched
    #[arg(long, group = "what")]
    remove: bool,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> Result<Outcome, Failure> {
    let (text, outcome) = if args.remove { remove()? } else { check(&check_all()) };
    stdout().lock().write_all(text.as_bytes())?;
    Ok(outcome)
}

fn remove() -> Result<(String, Outcome), EnforceError> {
    let (text, outcome) = said_of(&remove_all()?);
    if is_told() {
        let first = "a running watch tells this firewall, and will put it back: end that first\n";
        return Ok((format!("{first}{text}"), Outcome::Failed));
    }
    Ok((text, outcome))
}

/// Where a program is not installed, minewatch made nothing with it. One that is there and fails may hide what it holds.
fn said_of(removed: &Removed) -> (String, Outcome) {
    let mut text = String::new();
    for backend in &removed.had {
        let _ = writeln!(text, "{backend}: everything of minewatch is removed");
    }
    let absent = |check: &Check| check.missing.iter().any(|e| matches!(e, EnforceError::NoProgram { .. }));
    let (absent, failing): (Vec<_>, Vec<_>) = removed.unusable.iter().partition(|check| absent(check));
    for check in absent {
        let _ = writeln!(text, "{}: not looked at ({})", check.backend, why(check));
    }
    for check in &failing {
        let _ = writeln!(text, "{}: cannot be asked, so something may still be there ({})", check.backend, why(check));
    }
    if removed.had.is_empty() && failing.is_empty() {
        text.push_str("nothing of minewatch was there\n");
    }
    (text, if failing.is_empty() { Outcome::Clean } else { Outcome::Failed })
}

fn check(all: &[Check]) -> (String, Outcome) {
    let mut text = String::new();
    let used = all.iter().position(|c| c.missing.is_empty());
    for (i, check) in all.iter().enumerate() {
        let line = match (check.missing.is_empty(), used == Some(i)) {
            (true, true) => "would be used".to_owned(),
            (true, false) => "could be used, too".to_owned(),
            (false, _) => format!("cannot be used: {}", why(check)),
        };
        let _ = writeln!(text, "{}: {line}", check.backend);
    }
    if used.is_none() {
        text.push_str("nothing can be cut off here\n");
    }
    (text, if used.is_some() { Outcome::Clean } else { Outcome::Failed })
}

/// What is missing for it.
pub(super) fn why(check: &Check) -> String {
    check.missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_asked_is_not_said_to_be_gone() {
        let with = |had: &[&'static str], error: EnforceError| {
            let unusable = vec![Check { backend: "ipset", missing: vec![error] }];
            said_of(&Removed { had: had.to_vec(), unusable })
        };
        let absent = || EnforceError::NoProgram { program: "ipset".into(), package: "ipset".into() };
        let failing = || EnforceError::TooSlow { program: "ipset".into(), doing: "list its sets".into(), secs: 10 };
        let (text, outcome) = with(&[], absent());
        assert!(text.ends_with("nothing of minewatch was there\n") && matches!(outcome, Outcome::Clean), "{text}");
        let (text, outcome) = with(&["nftables"], absent());
        assert!(text.starts_with("nftables: everything of minewatch is removed\n"), "{text}");
        assert!(matches!(outcome, Outcome::Clean));
        for had in [&[][..], &["nftables"]] {
            let (text, outcome) = with(had, failing());
            assert!(text.contains("ipset: cannot be asked, so something may still be there"), "{text}");
            assert!(!text.contains("nothing") && matches!(outcome, Outcome::Failed), "{text}");
        }
    }

    #[test]
    fn the_first_that_can_be_used_is_used_and_the_others_say_why_not() {
        let no = vec![EnforceError::NoProgram { program: "nft".into(), package: "nftables".into() }];
        let all = |nft: &[EnforceError], ipset: &[EnforceError]| {
            check(&[
                Check { backend: "nftables", missing: nft.to_vec() },
                Check { backend: "ipset", missing: ipset.to_vec() },
            ])
        };
        let (text, outcome) = all(&[], &[]);
        assert_eq!(text, "nftables: would be used\nipset: could be used, too\n");
        assert!(matches!(outcome, Outcome::Clean));
        let (text, _) = all(&no, &[]);
        let missing = "nftables: cannot be used: nft is not installed: install the package nftables\n";
        assert_eq!(text, format!("{missing}ipset: would be used\n"));
        let (text, outcome) = all(&no, &no);
        assert!(text.starts_with(missing) && text.ends_with("nothing can be cut off here\n"), "{text}");
        assert!(matches!(outcome, Outcome::Failed));
    }
}
