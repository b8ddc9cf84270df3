//! What a user gets of `minewatch feeds`: answers, lints with file and line, conversions, updates, exit statuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

mod support;

use std::fs;

use support::run::{Run, minewatch, with_input};

const TODAY: &str = "--today=2026-11-26";

fn feeds(arguments: &[&str]) -> Run {
    minewatch(["feeds"].iter().chain(arguments).chain([&TODAY]))
}

#[track_caller]
fn prints(run: &Run, code: i32, stdout: &str, stderr: &str) {
    assert_eq!((run.code, run.text(), &*run.stderr), (Some(code), stdout, stderr));
}

/// A folder with a file in it; the file's path.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    (dir, path.to_str().unwrap().to_owned())
}

#[test]
fn test_says_who_says_what() {
    prints(
        &feeds(&["test", "ckb.2miners.com:16464"]),
        0,
        "ckb.2miners.com:16464: 2Miners (stratum)\n  pools.toml lists 2miners.com and all below it as 2Miners (CKB): a \
         host that takes miners, the port is listed for TLS; reported by RainbowMiner/RainbowMiner Pools/2Miners.ps1, \
         last seen 2026-07-24\n",
        "",
    );
    let run = feeds(&["test", "www.nanopool.org:443"]);
    assert_eq!(run.code, Some(0));
    assert!(run.text().starts_with("www.nanopool.org:443: Nanopool (web)\n"), "{}", run.text());
    assert!(run.text().contains("a web site, which is no mining"));
}

#[test]
fn test_ends_with_1_where_nothing_is_known() {
    prints(&feeds(&["test", "evilnanopool.org"]), 1, "evilnanopool.org: not known to any feed\n", "");
    let run = feeds(&["test", "198.51.100.7:3333"]);
    assert_eq!(run.code, Some(1));
    assert!(run.text().contains("a port alone says nothing"), "{}", run.text());
    assert_eq!(feeds(&["test", "--no-shipped-feeds", "nanopool.org"]).code, Some(1));
}

/// firehol/blocklist-ipsets#335: the address belongs to many.
#[test]
fn test_knows_addresses_that_serve_many() {
    prints(
        &feeds(&["test", "104.21.80.4"]),
        0,
        "104.21.80.4: not known to any feed\n  the address is one of Cloudflare and serves many customers: it is never \
         put on a block list\n",
        "",
    );
}

#[test]
fn test_reads_every_way_to_write_an_endpoint() {
    let text = "version = 1\ndate = \"2026-11-20\"\n[[pool]]\nname = \"Own\"\nentries = [\n\
                { addresses = [\"2001:db8::7\", \"198.51.100.7\"], plain = [4444] },\n{ names = [\"own.example\"] },\n]\n";
    let (_dir, path) = file("own.toml", text);
    for what in [
        "2001:db8::7",
        "[2001:db8::7]:4444",
        "[2001:db8::7]",
        "198.51.100.7",
        "::ffff:198.51.100.7",
        "EU.Own.Example.",
        "own.example:1",
    ] {
        let run = feeds(&["test", "--feeds", &path, what]);
        assert!(run.code == Some(0) && run.text().contains("lists"), "{what}: {run:?}");
        assert!(run.text().contains("own.toml lists"), "{}", run.text());
    }
    for (what, says) in [
        ("own.example:x", "is no port"),
        ("x:0", "\"0\" is no port"),
        ("198.51.100.7:0", "\"0\" is no port"),
        ("https://own.example/x", "no host name"),
        (":1", "no host name"),
        ("a b", "letters, digits, hyphens and dots only"),
        ("fe80::1%eth0", "leave out %eth0"),
        ("[fe80::1%eth0]:3333", "leave out %eth0"),
    ] {
        let run = feeds(&["test", what]);
        assert!(run.code == Some(2) && run.stderr.contains(says), "{what}: {run:?}");
    }
}

/// Ultimate-Hosts-Blacklist/whitelist#221: the coin left proof of work.
#[test]
fn il09_what_is_retired_is_said_to_be() {
    let text = "version = 1\n[[pool]]\nname = \"Nimiq\"\nentries = [\n{ names = [\"nimiq.example\"], retired = \"2024-11-19\", last_seen = \"2024-11-19\", source = \"x\" },\n]\n";
    let (_dir, path) = file("own.toml", text);
    let run = feeds(&["test", "--feeds", &path, "nimiq.example"]);
    assert!(run.code == Some(0) && run.text().contains("it does not mine any more"), "{run:?}");
    let run = feeds(&["stats", "--feeds", &path, "--no-shipped-feeds"]);
    let row: Vec<&str> = run.text().lines().nth(1).unwrap().split_whitespace().skip(1).collect();
    assert_eq!(row, ["-", "1", "0", "0", "0", "0", "1", "0"], "{}", run.text());
}

#[test]
fn check_tells_file_and_line_and_fails_on_errors() {
    let text = "version = 1\ndate = \"2026-11-20\"\n[[pool]]\nname = \"Own\"\nsource = \"desk\"\nentries = [\n\
                { names = [\"a.example\"] },\n\
                { names = [\"a.example\"] },\n\
                { addresses = [\"04.27.157.60\", \"192.168.1.1\", \"8.8.8.8\", \"198.51.100.1\"] },\n\
                { names = [\"co.uk\"] },\n\
                { names = [\"b.example\"], port = [1] },\n\
                ]\n";
    let (_dir, path) = file("own.toml", text);
    let run = feeds(&["check", &path]);
    assert_eq!(run.code, Some(2));
    let said = run.text().replace(&path, "own.toml");
    let wanted = [
        "own.toml:8: warning: a.example stands in line 7 already, from the same source: take one out",
        "own.toml:9: error: \"04.27.157.60\" has leading zeros, which some programs read as octal: write 4.27.157.60, if that is what is meant",
        "own.toml:9: error: 192.168.1.1: the address lies in a range that is never blocked: private (RFC 1918); take it out",
        "own.toml:9: error: 8.8.8.8: ",
        "own.toml:10: error: \"co.uk\" is a public suffix: it would match everybody below it; put hosts below it into `hosts`",
        "own.toml:11: error: unknown field `port`, expected one of ",
        "own.toml: 5 entries, 5 errors, 1 warning",
    ];
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_by_key(|l| wanted.iter().position(|w| l.starts_with(w)));
    assert_eq!(lines.len(), wanted.len(), "{said}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(line.starts_with(wanted), "{line} is not {wanted}");
    }
}

#[test]
fn check_passes_on_warnings_unless_it_is_strict() {
    let text = "version = 1\ndate = \"2020-01-01\"\n[[pool]]\nname = \"Own\"\nsource = \"desk\"\nentries = [{ names = [\"a.example\"] }]\n";
    let (_dir, path) = file("own.toml", text);
    let run = feeds(&["check", &path]);
    assert!(run.code == Some(0) && run.text().contains("last seen 2020-01-01, more than 365 days ago"), "{run:?}");
    assert_eq!(feeds(&["check", "--strict", &path]).code, Some(2));
    assert_eq!(feeds(&["check"]).code, Some(0), "the shipped feeds have errors");
}

/// firehol/blocklist-ipsets#82: HTTP 200 with a login page.
#[test]
fn il03_a_web_page_is_no_feed() {
    let (_dir, path) = file("own.toml", "<!DOCTYPE html><title>Sign in</title>");
    for arguments in [&["check", &path][..], &["stats", "--feeds", &path], &["test", "--feeds", &path, "a.example"]] {
        let run = feeds(arguments);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!((run.text().to_owned() + &run.stderr).contains("is a web page, such as a login"), "{run:?}");
    }
    let run = feeds(&["import", "--from", "hosts", &path]);
    assert!(run.code == Some(2) && run.stdout.is_empty() && run.stderr.contains("is a web page"), "{run:?}");
}

/// ZeroDot1/CoinBlockerLists#98 and JGeek00/crowdsec-monitor-api#28.
#[test]
fn il01_il07_import_reads_strictly_and_writes_a_feed() {
    let list = b"; header\n1.10.16.0/20 ; SBL1\n04.27.157.60\n010.010.010.010\n198.51.100.1 # x\n// y\n";
    let run = with_input(
        ["feeds", "import", "--from", "ips", "--pool", "Spam", "--source", "lists.example", "-", TODAY],
        list,
    );
    prints(
        &run,
        2,
        "# 2 entries, imported from lists.example.\n\nversion = 1\ndate = \"2026-11-26\"\n\n[[pool]]\nname = \"Spam\"\nsource = \
         \"lists.example\"\nentries = [\n    { addresses = [\"1.10.16.0/20\"] },\n    { addresses = [\"198.51.100.1\"] },\n]\n",
        "standard input:3: error: \"04.27.157.60\" has leading zeros, which some programs read as octal: write \
         4.27.157.60, if that is what is meant; left out\nstandard input:4: error: \"010.010.010.010\" has leading zeros, \
         which some programs read as octal: write 10.10.10.10, if that is what is meant; left out\n2 entries imported, 2 \
         left out\n",
    );
}

#[test]
fn what_was_imported_can_be_used() {
    let (dir, path) = file("list.txt", "0.0.0.0 pool.example\n0.0.0.0 other.example\n");
    let feed = dir.path().join("own.toml");
    let feed = feed.to_str().unwrap();
    let run = feeds(&["import", "--from", "hosts", "--role", "web-miner", "-o", feed, &path]);
    prints(&run, 0, "", "2 entries imported, 0 left out\n");
    assert_eq!(feeds(&["check", feed]).code, Some(0));
    let run = feeds(&["test", "--feeds", dir.path().to_str().unwrap(), "pool.example"]);
    assert!(run.code == Some(0) && run.text().starts_with("pool.example: list (web-miner)"), "{run:?}");
    assert_eq!(feeds(&["test", "--feeds", feed, "eu.pool.example"]).code, Some(1), "a hosts file names hosts alone");
}

/// pwlgrzs/Mikrotik-Blacklist#12.
#[test]
fn il05_update_keeps_the_last_good_list_loudly() {
    let names = |n: usize| (0..n).map(|i| format!("p{i}.example")).collect::<Vec<_>>().join("\n");
    let (dir, config) = file(
        "feeds.conf",
        "version = 1\nfolder = \"out\"\n[[feed]]\nname = \"own\"\nfile = \"in.txt\"\nformat = \"domains\"\n",
    );
    let list = dir.path().join("in.txt");
    fs::write(&list, names(1000)).unwrap();
    prints(&feeds(&["update", "--config", &config]), 0, "own: updated, 1000 entries\n", "");
    prints(&feeds(&["update", "--config", &config]), 0, "own: unchanged, 1000 entries\n", "");
    fs::write(&list, names(40)).unwrap();
    let run = feeds(&["update", "--config", &config]);
    assert!(run.code == Some(2) && run.stdout.is_empty(), "{run:?}");
    assert!(run.stderr.starts_with("minewatch: own: NOT updated: "), "{run:?}");
    assert!(run.stderr.contains("has 40 entries and had 1000"), "{run:?}");
    assert!(run.stderr.ends_with("the last good one stays in use, 1000 entries\n"), "{run:?}");
    let out = dir.path().join("out");
    assert_eq!(feeds(&["test", "--feeds", out.to_str().unwrap(), "p999.example"]).code, Some(0));
    prints(
        &feeds(&["update", "--config", &config, "--accept-shrink"]),
        0,
        "own: updated, 40 entries, 1000 before\n",
        "",
    );
    assert_eq!(feeds(&["test", "--feeds", out.to_str().unwrap(), "p999.example"]).code, Some(1));
}

/// A list of others must not be able to say that everything is shared, so that nothing is blocked.
#[test]
fn shared_ranges_are_no_large_part_of_the_world() {
    let text = "version = 1\ndate = \"2026-11-20\"\n[[pool]]\nname = \"P\"\nsource = \"s\"\nentries = [{ names = [\"a.example\"] }]\n\
                [[shared]]\nname = \"all\"\nsource = \"s\"\nprefixes = [\"0.0.0.0/0\"]\n";
    let (_dir, path) = file("own.toml", text);
    let run = feeds(&["check", &path]);
    assert!(run.code == Some(2) && run.text().contains(":10: error: 0.0.0.0/0 is too wide"), "{run:?}");
    let run = feeds(&["test", "--feeds", &path, "198.51.100.7"]);
    assert_eq!(run.text(), "198.51.100.7: not known to any feed\n");
    assert!(run.stderr.contains("own.toml:10: error: 0.0.0.0/0 is too wide"), "{run:?}");
}

#[test]
fn a_run_names_a_few_wrong_lines_and_where_the_others_are() {
    let line =
        |i: usize| format!("    {{ names = [\"p{i}.example\"]{} }},\n", if i < 49 { ", prots = [1]" } else { "" });
    let lines: String = (0..9000).map(line).collect();
    let text = format!("version = 1\n[[pool]]\nname = \"P\"\nentries = [\n{lines}]\n");
    let (_dir, path) = file("own.toml", &text);
    let capture = format!("{}/pcaps/cryptonote-xmrig-v4.pcap", env!("CARGO_MANIFEST_DIR"));
    let run = minewatch(["replay", "--feeds", &path, &capture]);
    let said: Vec<&str> = run.text().lines().filter(|l| l.contains("own.toml")).collect();
    assert_eq!(said.len(), 6, "{run:?}");
    for (i, said) in said[..5].iter().enumerate() {
        assert!(said.contains(&format!("own.toml:{}: error: unknown field `prots`", i + 5)), "{said}");
    }
    assert!(said[5].contains(&format!("and 44 more: minewatch feeds check {path}")), "{}", said[5]);
    let run = feeds(&["test", "--feeds", &path, "p8999.example"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = feeds(&["check", &path]);
    assert!(run.text().contains("8951 entries, 49 errors"), "{}", run.text());
}

#[test]
fn names_of_files_cannot_drive_a_terminal() {
    let (dir, path) = file(
        "e\u{1b}[31m\u{202e}.toml",
        "version = 1\n[[pool]]\nname = \"P\"\nentries = [{ names = [\"a.example\"] }]\n",
    );
    let config = dir.path().join("c\u{1b}.conf").to_str().unwrap().to_owned();
    for arguments in [
        &["check", &path][..],
        &["stats", "--feeds", &path],
        &["test", "--feeds", &path, "a.example"],
        &["import", "--from", "domains", &path],
        &["update", "--config", &config],
    ] {
        let run = feeds(arguments);
        let said = run.text().to_owned() + &run.stderr;
        assert!(!said.contains(['\u{1b}', '\u{202e}']) && said.contains("\\x1b"), "{arguments:?}: {said:?}");
    }
}

/// What is at the place of the output may be anything.
#[test]
fn import_replaces_nothing_but_a_feed() {
    let (dir, list) = file("list.txt", "a.example\n");
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("notes.txt"), "precious").unwrap();
    fs::write(at("old.toml"), "version = 1\n[[pool]]\nname = \"P\"\nentries = [{ names = [\"b.example\"] }]\n")
        .unwrap();
    std::os::unix::fs::symlink(at("old.toml"), at("link.toml")).unwrap();
    let import = |to: &str| feeds(&["import", "--from", "domains", "-o", to, &list]);
    for (to, says) in [
        (at("notes.txt"), "exists and is no feed: it is left alone; name another file"),
        (at("link.toml"), "is a symbolic link"),
        (at("."), "is no ordinary file"),
    ] {
        let run = import(&to);
        assert!(run.code == Some(2) && run.stderr.contains(says), "{run:?}");
    }
    assert_eq!(fs::read_to_string(at("notes.txt")).unwrap(), "precious");
    assert!(fs::read_to_string(at("old.toml")).unwrap().contains("b.example"));
    prints(&import(&at("old.toml")), 0, "", "1 entry imported, 0 left out\n");
    prints(&import(&at("old.toml")), 0, "", "1 entry imported, 0 left out\n");
    assert_eq!(feeds(&["test", "--feeds", &at("old.toml"), "a.example"]).code, Some(0));
    for out in ["-", "/dev/stdout"] {
        assert!(import(out).text().contains("{ names = [\"a.example\"] }"), "{out}");
    }
}

#[test]
fn import_counts_the_urls_that_it_leaves_out() {
    let list = b"https://github.com/evil/x\nstratum+tcp://pool.example:3333\nhttps://gist.github.com/x\n";
    let run = with_input(["feeds", "import", "--from", "domains", "-", TODAY], list);
    assert_eq!(
        (run.code, &*run.stderr),
        (
            Some(0),
            "1 entry imported, 0 left out, 2 URLs of pages or files left out: their hosts serve more than that\n"
        )
    );
    assert!(!run.text().contains("github.com"), "{}", run.text());
}

#[test]
fn update_says_what_is_wrong_with_its_configuration_and_where() {
    let (_dir, config) =
        file("feeds.conf", "version = 1\nfolder = \"o\"\n[[feed]]\nname = \"a\"\nfile = \"x\"\nformat = \"stixx\"\n");
    let run = feeds(&["update", "--config", &config]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("feeds.conf:4: \"stixx\" is no format"), "{run:?}");
    assert!(!run.stderr.contains("no feeds are configured"), "{run:?}");
}

#[test]
fn update_without_a_configuration_says_how_to_make_one() {
    let run = feeds(&["update", "--config", "/no/such/feeds.conf"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("SOURCES.md shows how") && run.stderr.contains("cannot read"), "{run:?}");
}

#[test]
fn stats_shows_every_shipped_list() {
    let run = feeds(&["stats"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for list in ["pools.toml", "webminers.toml", "shared.toml"] {
        assert!(run.text().lines().any(|l| l.starts_with(list)), "{}", run.text());
    }
}

/// What cannot be read is `suspected`: whoever wants that blocked gets it blocked, with the same proof as anything else.
#[test]
fn a_looser_policy_blocks_encrypted_conversations_that_a_pool_answered() {
    let list = |capture: &str| {
        let capture = format!("{}/pcaps/{capture}", env!("CARGO_MANIFEST_DIR"));
        let own = format!("{}/pcaps/feed.toml", env!("CARGO_MANIFEST_DIR"));
        let options = ["--least", "suspected", "--allow-documentation-ranges", "--blocklist", "-", "--format", "plain"];
        let run = minewatch(["replay", "--feeds", &own].iter().chain(&options).chain([&&*capture]));
        assert_eq!(run.code, Some(1), "{run:?}");
        run.text().lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list("encrypted-by-look-up.pcap"), ["203.0.113.21"]);
    assert_eq!(list("encrypted-through-proxy.pcap"), [""; 0]);
}

#[test]
fn import_leaves_out_what_must_never_be_blocked() {
    let run = with_input(["feeds", "import", "--from", "ips", "-", TODAY], b"10.0.0.1\n8.8.8.8\n45.9.148.117\n");
    assert_eq!(run.code, Some(2), "{run:#?}");
    assert!(run.text().contains("45.9.148.117") && !run.text().contains("8.8.8.8"), "{run:#?}");
    for words in
        ["standard input:1: error: 10.0.0.1", "standard input:2: error: 8.8.8.8", "1 entry imported, 2 left out"]
    {
        assert!(run.stderr.contains(words), "{words}: {run:#?}");
    }
}

#[test]
fn import_reads_tables_with_and_without_a_header() {
    for (table, entry) in [
        ("name,port,coin,tls\npool.example,3333,XMR,yes\n", "coins = [\"XMR\"], tls = [3333]"),
        ("name,address,port\nPool,45.9.148.117,3333\n", "{ addresses = [\"45.9.148.117\"], plain = [3333]"),
        ("pool.example,3333\n", "{ names = [\"pool.example\"], plain = [3333]"),
        ("pool.example,a pool,3333\n", "{ names = [\"pool.example\"] }"),
    ] {
        let run = with_input(["feeds", "import", "--from", "csv", "-", TODAY], table.as_bytes());
        assert!(run.code == Some(0) && run.text().contains(entry), "{table}: {run:#?}");
    }
    let run =
        with_input(["feeds", "import", "--from", "csv", "-", TODAY], b"ip,port\n45.9.148.1,70000\n45.9.148.2,1\n");
    assert!(run.code == Some(2) && run.stderr.contains("input:2: error: \"70000\" is no port"), "{run:#?}");
}

#[test]
fn hosts_of_kryptex_braiins_and_the_observer_of_p2pool_are_known() {
    for (asked, said) in [
        ("xmr.kryptex.network:7029", "kryptex"),
        ("etc.kryptex.network:7033", "kryptex"),
        ("pool.kryptex.com", "kryptex"),
        ("eu.stratum.braiins.com:3333", "Braiins"),
        ("academy.braiins.com", "web"),
        ("mini.p2pool.observer", "web"),
    ] {
        let run = feeds(&["test", asked]);
        assert!(run.code == Some(0) && run.text().contains(said), "{asked}: {run:#?}");
    }
}
