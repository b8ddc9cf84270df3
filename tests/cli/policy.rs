//! The policy file on the command line, and `minewatch check`.

use std::fs;
use std::path::PathBuf;

use super::support::run::{Run, minewatch};
use super::{MINER, exits, pcap, refused};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn policy(&self, text: &str) -> String {
        let path = self.path("policy.toml");
        fs::write(&path, format!("version = 1\n{text}")).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The list of a replay in which one endpoint is mined at.
    fn list(&self, policy: &str, more: &[&str]) -> (Run, Option<String>) {
        let (policy, list) = (self.policy(policy), self.path("list.nft"));
        drop(fs::remove_file(&list));
        let (capture, file) = (pcap(MINER), list.to_str().unwrap().to_owned());
        let run = minewatch(
            ["replay", &capture, "--policy", &policy, "--blocklist", &file, "--allow-documentation-ranges"]
                .iter()
                .chain(more),
        );
        (run, fs::read_to_string(list).ok())
    }
}

const ENTRY: &str = "198.51.100.81 . tcp . 3333 timeout 7200s";

#[test]
fn single_values_of_the_command_line_come_before_those_of_the_file() {
    let folder = Folder::new();
    let (run, list) = folder.list("[block]\nttl = \"2h\"\n", &[]);
    exits(&run, 1);
    assert!(list.unwrap().contains(ENTRY));
    let (_, list) = folder.list("[block]\nttl = \"2h\"\nscope = \"address\"\n", &["--ttl", "1h"]);
    assert!(list.unwrap().contains("198.51.100.81 timeout 3600s"));
    let (_, list) = folder.list("[block]\nttl = \"2h\"\nscope = \"address\"\n", &["--scope", "endpoint"]);
    assert!(list.unwrap().contains(ENTRY));
}

#[test]
fn lists_add_up() {
    let folder = Folder::new();
    for (policy, more) in [
        ("[block.never]\naddresses = [\"198.51.100.0/24\"]\n", ["--never-block", "192.0.2.1"]),
        ("[block.never]\naddresses = [\"192.0.2.1\"]\n", ["--never-block", "198.51.100.0/24"]),
        ("[network]\nhome = [\"198.51.100.0/24\"]\n", ["--home-net", "203.0.113.0/24"]),
    ] {
        let (run, list) = folder.list(policy, &more);
        exits(&run, 1);
        assert!(!list.unwrap().contains("198.51.100.81"), "{policy}");
    }
}

#[test]
fn a_dry_run_tells_what_it_would_block_and_writes_nothing() {
    let folder = Folder::new();
    for (policy, more) in [("[block]\ndry_run = true\n", &[][..]), ("", &["--dry-run"])] {
        let (run, list) = folder.list(policy, more);
        exits(&run, 1);
        assert_eq!(list, None);
        assert!(run.text().contains("dry run: no block list was written"), "{}", run.text());
        assert!(run.text().contains("198.51.100.81"), "{}", run.text());
    }
}

#[test]
fn a_format_of_whole_addresses_wants_the_scope_of_the_policy() {
    let folder = Folder::new();
    let policy = folder.policy("[block]\nscope = \"address\"\n");
    let (capture, list) = (pcap(MINER), folder.path("list.pf"));
    let arguments = ["replay", &capture, "--policy", &policy, "--blocklist", list.to_str().unwrap()];
    exits(&minewatch(arguments), 1);
    folder.policy("");
    refused(&arguments, "add --scope address");
}

#[test]
fn a_policy_that_is_wrong_ends_the_run_before_anything_is_read() {
    let folder = Folder::new();
    let policy = folder.policy("[block]\nttl = \"0s\"\nleast = \"sure\"\n");
    for command in ["replay", "check"] {
        let capture = pcap(MINER);
        let arguments = if command == "replay" { vec![command, &capture] } else { vec![command] };
        let run = minewatch(arguments.into_iter().chain(["--policy", &policy]));
        exits(&run, 2);
        let said = format!("{}{}", run.text(), run.stderr);
        assert!(said.contains("policy.toml:3: `block.ttl`: \"0s\" is not a life time"), "{said}");
    }
}

#[test]
fn check_says_what_a_policy_comes_to() {
    let folder = Folder::new();
    let run = minewatch(["check"]);
    exits(&run, 0);
    assert!(run.text().starts_with("ok: policy: none is given, so the defaults hold\nok: feeds: "), "{}", run.text());
    let policy = folder.policy(
        "[block]\nquiet_hours = [\"22:00-06:00\"]\ndry_run = true\n[block.never]\nin = [\"DE\"]\n[allow]\nwallets = \
         [\"firm\"]\nsegments = [\"0.0.0.0/0\"]\n[isolate]\nenabled = true\n",
    );
    let run = minewatch(["check", "--policy", &policy]);
    exits(&run, 0);
    let said = run.text().replace(&policy, "policy.toml");
    let first: Vec<_> = said.lines().take(3).collect();
    assert_eq!(
        first,
        [
            "ok: policy policy.toml: blocks endpoints from confirmed on, for 1d up to 30d; 1 entry for what is never \
             blocked; 2 entries for who may mine; nothing new at 22:00-06:00 UTC; isolates hosts from confirmed on, for 1d; dry \
             run: nothing is written or changed",
            "warning: policy.toml:9: `allow.segments`: 0.0.0.0/0 holds every address: every host of this family may mine",
            "warning: `block.never.in` spares nothing without databases of countries and networks: add --geo FILE",
        ]
    );
}

#[test]
fn check_tells_every_wrong_value_each_on_its_line() {
    let folder = Folder::new();
    let policy = folder.policy("[block]\nttl = \"0s\"\nleast = \"sure\"\n[alow]\n");
    let run = minewatch(["check", "--policy", &policy]);
    exits(&run, 2);
    assert!(run.text().contains("policy.toml:5: unknown field `alow`"), "{}", run.text());
    folder.policy("[block]\nttl = \"0s\"\nleast = \"sure\"\n");
    let run = minewatch(["check", "--policy", &policy]);
    exits(&run, 2);
    let errors: Vec<_> = run.text().lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{}", run.text());
    assert!(errors[0].contains("policy.toml:3: `block.ttl`") && errors[1].contains("policy.toml:4: `block.least`"));
}

#[test]
fn check_looks_at_feeds_and_databases() {
    let folder = Folder::new();
    let feed = folder.path("own.toml");
    fs::write(&feed, "version = 1\n[[pool]]\nname = \"Own\"\nentries = [{ names = [\"pool.example\"] }]\n").unwrap();
    let feed = feed.to_str().unwrap();
    let run = minewatch(["check", "--no-shipped-feeds", "--feeds", feed]);
    exits(&run, 0);
    assert!(run.text().contains("ok: feeds: 1 entry in 1 list"), "{}", run.text());
    fs::write(feed, "<html>").unwrap();
    let run = minewatch(["check", "--feeds", feed, "--geo", feed]);
    exits(&run, 2);
    let errors: Vec<_> = run.text().lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{}", run.text());
    assert!(errors[0].contains("own.toml") && errors[0].contains("web page"), "{errors:?}");
    assert!(errors[1].contains("own.toml"), "{errors:?}");
}

#[test]
fn check_looks_at_block_feeds_of_the_policy_and_of_the_command_line() {
    let folder = Folder::new();
    let (blocks, policy) = (folder.path("blocks.csv"), folder.path("policy.toml"));
    let times: String = (0..40).map(|n| 1_700_000_000 + 600 * n).map(|t| format!("{t}\n")).collect::<Vec<_>>().concat();
    fs::write(&blocks, times).unwrap();
    fs::write(&policy, format!("version = 1\n[listen]\nblock_feeds = [\"XMR={}\"]\n", blocks.display())).unwrap();
    let run = minewatch(["check", "--policy", policy.to_str().unwrap()]);
    exits(&run, 0);
    let line = |begins: &str| run.text().lines().any(|l| l.starts_with(begins));
    assert!(line("ok: block feed blocks.csv: 40 blocks of XMR, the newest of 2023-11-15T04:43:20"), "{}", run.text());
    assert!(line("warning: blocks.csv tells of no block for "), "{}", run.text());
    assert!(
        line("warning: blocks.csv tells of a block each 866 s on average, and XMR has one each 120 s"),
        "{}",
        run.text()
    );
    let run = minewatch(["check", "--block-feed", folder.path("none.log").to_str().unwrap()]);
    exits(&run, 2);
    assert!(run.text().contains("error: block feed none.log: "), "{}", run.text());
}

#[test]
#[cfg(feature = "state")]
fn check_looks_at_the_state_and_makes_nothing() {
    let folder = Folder::new();
    let state = folder.path("new/state");
    let run = minewatch(["check", "--state", state.to_str().unwrap()]);
    exits(&run, 0);
    assert!(run.text().contains("state: nothing is remembered yet"), "{}", run.text());
    assert!(!folder.path("new").exists());
    let there = folder.path("there");
    std::fs::create_dir(&there).unwrap();
    exits(&minewatch(["check", "--state", there.to_str().unwrap()]), 0);
    assert_eq!(std::fs::read_dir(&there).unwrap().count(), 0, "something was left behind");
    let file = folder.policy("");
    // Root may do everything there, and nothing can be kept.
    for bad in [file.clone(), format!("{file}/below"), "/proc".to_owned(), "/proc/minewatch".to_owned()] {
        let run = minewatch(["check", "--state", &bad]);
        exits(&run, 2);
        assert!(run.text().contains("error: "), "{}", run.text());
    }
    fs::create_dir(folder.path("old")).unwrap();
    fs::write(folder.path("old/minewatch.db"), "no database").unwrap();
    let run = minewatch(["check", "--state", folder.path("old").to_str().unwrap()]);
    exits(&run, 2);
    assert!(run.text().contains("is damaged"), "{}", run.text());
    assert_eq!(fs::read(folder.path("old/minewatch.db")).unwrap(), b"no database");
}

#[test]
#[cfg(feature = "live")]
fn check_looks_at_the_interface() {
    let run = minewatch(["check", "-i", "nonesuch0"]);
    exits(&run, 2);
    assert!(run.text().contains("error: no interface is called \"nonesuch0\""), "{}", run.text());
}

#[test]
#[cfg(feature = "state")]
fn lists_of_what_is_remembered_take_the_policy() {
    let folder = Folder::new();
    let policy = folder.policy("[block.never]\naddresses = [\"198.51.100.0/24\"]\n");
    let state = folder.path("state");
    // The store is made by whoever watches; an order needs one.
    let state = state.to_str().unwrap();
    refused(&["entries", "--state", state, "--policy", "/nonesuch.toml"], "the policy cannot be read");
    refused(&["blocklist", "--state", state, "--policy", &policy], "holds no database");
}
