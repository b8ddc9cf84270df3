//! `minewatch apply`: what can be cut off on this machine, and taking everything away again.

use std::fmt::Write as _;
use std::io::{Write, stdout};

use clap::Args as ClapArgs;

use super::{Failure, Outcome};
use crate::enforce::{Check, EnforceError, check_all, is_told, remove_all};

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
    let removed = remove_all()?;
    let mut text = String::new();
    for backend in &removed.had {
        let _ = writeln!(text, "{backend}: everything of minewatch is removed");
    }
    for check in &removed.unusable {
        let _ = writeln!(text, "{}: cannot be used here, so nothing is there ({})", check.backend, why(check));
    }
    if removed.had.is_empty() {
        text.push_str("nothing of minewatch was there\n");
    }
    if is_told() {
        text.push_str("a running watch tells this firewall, and will put it back: end that first\n");
        return Ok((text, Outcome::Failed));
    }
    Ok((text, Outcome::Clean))
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
