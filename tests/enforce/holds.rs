//! What the kernel holds is what is wanted; nothing of others is touched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use minewatch::enforce::{Choice, Connections, Drift, Held, Keeper, Rules, Tick, Wanted};
use minewatch::firewall::{Proto, Target};

use super::{HOUR, MINEWATCH, applier, block, endpoint, everything, ip, with_each};
use crate::netns::{Netns, available};

/// What a backend made, in the words of its own tool.
fn told(ns: &Netns, choice: Choice) -> String {
    match choice {
        Choice::Ipset => ns.run("ipset save"),
        _ => ns.run("nft list ruleset"),
    }
}

#[test]
fn the_kernel_holds_what_is_wanted_and_a_second_run_changes_nothing() {
    with_each(|choice| {
        let ns = Netns::new();
        let mut applier = applier(&ns, choice);
        for _ in 0..2 {
            let done = ns.within(|| applier.apply(&everything())).unwrap();
            assert_eq!((done.blocked, done.isolated, done.refused.len()), (9, 3, 0));
            let held = ns.within(|| applier.read_back()).unwrap();
            assert_eq!(held.drift(&everything()), None, "{held:#?}");
            let wanted: BTreeMap<Target, u64> = everything().block.iter().map(|b| (b.target, b.ttl_secs)).collect();
            assert_eq!(held.blocked.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
            for (target, left) in &held.blocked {
                assert!(*left <= wanted[target] && left + 60 > wanted[target], "{target}: {left} s left");
            }
            assert_eq!((held.isolated.len(), held.kept.len(), held.rules), (3, 3, Rules::Intact));
        }
        // In the tool's own words, in case that what reads and what writes share an error.
        let text = told(&ns, choice);
        let words = match choice {
            Choice::Ipset => [
                "198.51.100.11,tcp:65535 timeout",
                "2001:db8:b::12 timeout",
                "10.77.0.5 timeout",
                "10.77.0.7,udp:3333,198.51.100.12 timeout",
            ],
            _ => [
                "198.51.100.11 . tcp . 65535 timeout",
                "2001:db8:b::12 timeout",
                "10.77.0.5 . 10.9.0.0/16 timeout",
                "10.77.0.7 . 198.51.100.12 . udp . 3333 timeout",
            ],
        };
        for word in words {
            assert!(text.contains(word), "{word} is not in {text}");
        }

        // Less is wanted, then nothing.
        let less = block(endpoint("198.51.100.10", Proto::Tcp, 3333));
        ns.within(|| applier.apply(&less)).unwrap();
        assert_eq!(ns.within(|| applier.read_back()).unwrap().blocked.len(), 1);
        ns.within(|| applier.apply(&Wanted::default())).unwrap();
        let held = ns.within(|| applier.read_back()).unwrap();
        assert_eq!((held.blocked.len(), held.isolated.len(), held.rules), (0, 0, Rules::Intact));
    });
}

#[test]
fn an_entry_ends_by_itself() {
    with_each(|choice| {
        let ns = Netns::new();
        let mut applier = applier(&ns, choice);
        let mut wanted = everything();
        wanted.block[0].ttl_secs = 1;
        wanted.isolate[0].ttl_secs = 1;
        ns.within(|| applier.apply(&wanted)).unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let held = ns.within(|| applier.read_back()).unwrap();
            if !held.blocked.contains_key(&wanted.block[0].target) && !held.isolated.contains_key(&ip("10.77.0.5")) {
                assert_eq!((held.blocked.len(), held.isolated.len(), held.kept.len()), (8, 2, 1));
                break;
            }
            assert!(Instant::now() < until, "still there: {held:?}");
        }
    });
}

#[test]
fn what_is_not_ours_stays_as_it_is_and_removing_leaves_nothing_of_ours() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    // Others' tables and sets, and what block list files make.
    ns.run(
        "nft 'add table inet gw; add set inet gw s { type ipv4_addr; flags timeout; }; \
         add element inet gw s { 192.0.2.9 timeout 1d }; add chain inet gw f { type filter hook forward priority 0; }; \
         add rule inet gw f ct state established accept; add table inet minewatch; add chain inet minewatch mw_block'",
    );
    ns.run("ipset create minewatch4 hash:ip,port; ipset create mwother hash:ip; ipset add mwother 192.0.2.9");
    for tool in ["iptables", "ip6tables"] {
        ns.run(&format!(
            "{tool} -N DOCKER-USER; {tool} -A FORWARD -j DOCKER-USER; {tool} -A DOCKER-USER -j RETURN; \
             {tool} -N MINEWATCH; {tool} -A FORWARD -j MINEWATCH; {tool} -A INPUT -p tcp --dport 22 -j ACCEPT; \
             {tool} -A OUTPUT -o lo -j ACCEPT"
        ));
    }
    let all = || {
        let text = ns.run("nft list ruleset; iptables-save; ip6tables-save; ipset save");
        // Time goes on in others' sets, too.
        let kept: Vec<_> = text.lines().filter(|l| !l.contains(" expires ") && !l.starts_with('#')).collect();
        kept.join("\n")
    };
    let before = all();
    for _ in 0..2 {
        with_each(|choice| {
            ns.within(|| applier(&ns, choice).apply(&everything())).unwrap();
            assert_ne!(all(), before);
        });
        // Twice: the second one finds nothing.
        for had in [true, false] {
            let out = ns.command(MINEWATCH).args(["apply", "--remove"]).output().unwrap();
            assert_eq!(out.status.code(), Some(0), "{out:?}");
            let said = String::from_utf8(out.stdout).unwrap();
            assert_eq!(said.contains("nothing of minewatch was there"), !had, "{said}");
            assert_eq!(all(), before);
        }
    }
}

#[test]
fn exactly_one_jump_and_it_is_the_first_rule_wherever_docker_and_others_put_theirs() {
    if !available(&["ipset", "iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    for tool in ["iptables", "ip6tables"] {
        ns.run(&format!("{tool} -N DOCKER-USER; {tool} -A DOCKER-USER -j RETURN"));
    }
    let mut applier = applier(&ns, Choice::Ipset);
    ns.within(|| applier.apply(&everything())).unwrap();
    let spoil = [
        "iptables -I FORWARD 1 -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "ip6tables -A DOCKER-USER -j MINEWATCH-LIVE-FWD",
        "iptables -D OUTPUT -j MINEWATCH-LIVE-OUT",
        "ip6tables -I INPUT 1 -j ACCEPT; ip6tables -A INPUT -j MINEWATCH-LIVE-IN",
    ];
    for line in spoil {
        ns.run(line);
        let held = ns.within(|| applier.read_back()).unwrap();
        assert_eq!(held.rules, Rules::Changed, "{line}");
        ns.within(|| applier.apply(&everything())).unwrap();
        assert_eq!(ns.within(|| applier.read_back()).unwrap().drift(&everything()), None, "{line}");
        for tool in ["iptables", "ip6tables"] {
            for (hook, chain) in [("FORWARD", "FWD"), ("INPUT", "IN"), ("OUTPUT", "OUT"), ("DOCKER-USER", "FWD")] {
                let rules = ns.run(&format!("{tool} -S {hook} | grep '^-A'"));
                let jumps: Vec<_> = rules.lines().map(|l| l.ends_with(&format!("-j MINEWATCH-LIVE-{chain}"))).collect();
                assert!(jumps[0] && jumps.iter().filter(|j| **j).count() == 1, "{tool} after {line}: {rules}");
            }
        }
    }
}

/// What other hands do to a firewall, as shell lines.
fn accidents(choice: Choice) -> &'static [&'static str] {
    match choice {
        Choice::Ipset => &[
            "ipset flush mwlive-ep4",
            "ipset del mwlive-ep6 2001:db8:b::10,tcp:3333",
            "ipset del mwlive-pair6 fd00::7,tcp:443,2001:db8:b::12",
            "ipset add mwlive-pair4 10.77.0.8,tcp:3333,198.51.100.10",
            "ipset add mwlive-addr4 192.0.2.66",
            "ipset add mwlive-addr4 203.0.113.7 timeout 60 -exist",
            "iptables -D MINEWATCH-LIVE-FROM -s 10.77.0.5 -d 10.9.0.0/16 -j RETURN",
            "iptables -F MINEWATCH-LIVE-CUT",
            "iptables -D MINEWATCH-LIVE-FWD 1",
            "ip6tables -I MINEWATCH-LIVE-FWD 1 -j ACCEPT",
            "iptables -R MINEWATCH-LIVE-CUT 1 -j ACCEPT",
            "iptables -F FORWARD",
            "iptables -F; iptables -X; ip6tables -F; ip6tables -X; ipset destroy",
        ],
        _ => &[
            "nft flush ruleset",
            "nft flush set inet minewatch_live ep4",
            "nft 'delete element inet minewatch_live ep6 { 2001:db8:b::10 . tcp . 3333 }'",
            "nft 'delete element inet minewatch_live pair6 { fd00::7 . 2001:db8:b::12 . tcp . 443 }'",
            "nft 'add element inet minewatch_live pair4 { 10.77.0.8 . 198.51.100.10 . tcp . 3333 }'",
            "nft 'add element inet minewatch_live addr4 { 192.0.2.66 }'",
            "nft 'flush set inet minewatch_live addr4; add element inet minewatch_live addr4 { 203.0.113.7 timeout 1m }'",
            "nft flush set inet minewatch_live keep4",
            "nft flush chain inet minewatch_live forward",
            "nft insert rule inet minewatch_live forward accept",
            "nft 'flush chain inet minewatch_live cut; add rule inet minewatch_live cut accept; \
             add rule inet minewatch_live cut accept; add rule inet minewatch_live cut accept'",
            "nft 'add chain inet minewatch_live output { policy drop; }'",
            "nft 'delete table inet minewatch_live; add table inet minewatch_live; \
             add set inet minewatch_live ep4 { type ipv6_addr; }'",
            "nft 'delete table inet minewatch_live; add table inet minewatch_live; \
             add chain inet minewatch_live forward { type filter hook input priority 7; }'",
            "nft 'add table inet minewatch_live { flags dormant; }'",
        ],
    }
}

#[test]
fn whatever_somebody_does_to_it_is_noticed_and_repaired() {
    const EVERY: Duration = Duration::from_secs(30);
    with_each(|choice| {
        let ns = Netns::new();
        let mut keeper = Keeper::new(applier(&ns, choice), EVERY);
        let mut now = Instant::now();
        keeper.want(&everything(), now);
        assert!(matches!(ns.within(|| keeper.tick(now)), Tick::Applied(_)));
        for (line, n) in accidents(choice).iter().zip(1..) {
            ns.run(line);
            // The lives go on by the real clock, of which nothing passes here.
            keeper.want(&everything(), now + EVERY);
            now += EVERY;
            let looked = ns.within(|| keeper.kernel().read_back()).unwrap();
            assert!(looked.drift(&everything()).is_some(), "{line}: {looked:#?}");
            let tick = ns.within(|| keeper.tick(now));
            assert!(matches!(tick, Tick::Applied(_) | Tick::Repaired(..)), "{line}: {tick:?}");
            let looked = ns.within(|| keeper.kernel().read_back()).unwrap();
            assert_eq!(looked.drift(&everything()), None, "{line}: {looked:#?}");
            assert!(keeper.status().applied > n, "{line}");
        }
    });
}

#[test]
fn a_look_at_intervals_finds_a_flushed_ruleset() {
    with_each(|choice| {
        let ns = Netns::new();
        let mut keeper = Keeper::new(applier(&ns, choice), Duration::ZERO);
        let now = Instant::now();
        keeper.want(&everything(), now);
        ns.within(|| keeper.tick(now));
        assert_eq!(ns.within(|| keeper.tick(now)), Tick::Idle);
        ns.run(match choice {
            Choice::Ipset => accidents(choice).last().unwrap(),
            _ => "nft flush ruleset",
        });
        let Tick::Repaired(drift, done) = ns.within(|| keeper.tick(now)) else { panic!("not noticed") };
        assert_eq!(drift, Drift { missing: 15, foreign: 0, retimed: 0, rules: Rules::Absent });
        assert_eq!((done.blocked, keeper.status().drift_repaired), (9, 1));
        assert_eq!(ns.within(|| keeper.tick(now)), Tick::Idle);
    });
}

#[test]
fn a_table_that_was_never_made_holds_nothing_and_removing_it_is_no_error() {
    with_each(|choice| {
        let ns = Netns::new();
        let mut applier = applier(&ns, choice);
        assert_eq!(ns.within(|| applier.read_back()).unwrap(), Held::default());
        assert!(!ns.within(|| applier.remove()).unwrap());
        let done = ns.within(|| applier.apply(&everything())).unwrap();
        assert!(!matches!(done.connections, Connections::Ended(_)), "{done:?}");
        assert!(ns.within(|| applier.remove()).unwrap());
        assert_eq!(ns.within(|| applier.read_back()).unwrap(), Held::default());
    });
}

#[test]
fn without_the_right_there_is_one_sentence_with_a_remedy() {
    if !available(&["nft", "setpriv true"]) {
        return;
    }
    let ns = Netns::new();
    let nobody = |what: &str| {
        let mut command = ns.command("setpriv");
        command.args(["--reuid=65534", "--clear-groups", "--inh-caps=-all", MINEWATCH, "apply", what]).output().unwrap()
    };
    let out = nobody("--remove");
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.lines().count() == 1 && said.contains("CAP_NET_ADMIN") && said.contains("root"), "{said}");
    let out = nobody("--check");
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("nftables: cannot be used: the right") && said.contains("CAP_NET_ADMIN"), "{said}");
    let out = ns.command(MINEWATCH).args(["apply", "--check"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    assert!(String::from_utf8(out.stdout).unwrap().starts_with("nftables: would be used\n"));
}

/// With nftables only, the right to change the firewall is all there is: nothing of ipset's is there to be removed, and
/// looking for it needs no more.
#[test]
fn the_right_of_nftables_is_enough_to_remove_what_nftables_made_and_not_what_ipset_did() {
    if !available(&["nft", "ipset", "iptables", "ip6tables", "setpriv true"]) {
        return;
    }
    let ns = Netns::new();
    let remove = || {
        let mut command = ns.command("setpriv");
        let only = ["--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin"];
        command.args(only).args(["--reuid=65534", "--clear-groups", MINEWATCH, "apply", "--remove"]).output().unwrap()
    };
    ns.within(|| applier(&ns, Choice::Nftables).apply(&everything())).unwrap();
    let out = remove();
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    assert!(String::from_utf8(out.stdout).unwrap().starts_with("nftables: everything"));
    assert!(!ns.run("nft list ruleset").contains("minewatch_live"));

    ns.within(|| applier(&ns, Choice::Ipset).apply(&everything())).unwrap();
    let out = remove();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(2) && said.contains("CAP_NET_RAW"), "{said}");
    assert!(ns.run("iptables-save; ipset list -n").contains("mwlive-ep4"));
}

#[test]
#[ignore = "takes a while: prints how long many entries take"]
fn how_long_many_entries_take() {
    with_each(|choice| {
        for n in [10_000_u32, 100_000] {
            let ns = Netns::new();
            let mut applier = applier(&ns, choice);
            let target = |i: u32| Target {
                addr: std::net::Ipv4Addr::from(0xc633_6400 & 0xffff_ff00 | (i & 0xff)).into(),
                service: Some((Proto::Tcp, u16::try_from(1 + (i >> 8)).unwrap())),
                from: None,
            };
            let wanted = Wanted {
                block: (0..n).map(|i| minewatch::enforce::Block { target: target(i), ttl_secs: HOUR }).collect(),
                isolate: Vec::new(),
            };
            for round in ["first", "again"] {
                let (start, done) = (Instant::now(), ns.within(|| applier.apply(&wanted)).unwrap());
                let took = start.elapsed();
                let start = Instant::now();
                let held = ns.within(|| applier.read_back()).unwrap();
                assert_eq!((done.blocked, held.blocked.len()), (n as usize, n as usize));
                assert_eq!(held.drift(&wanted), None);
                println!("{choice:?} {n} {round}: applied in {took:?}, read back in {:?}", start.elapsed());
            }
        }
    });
}
