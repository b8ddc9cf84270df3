//! What is cut off, and what is not.

use std::net::SocketAddr;

use crate::isolate::neighbour;
use crate::netns::world::{POOLS, ip};
use crate::watch::{PORT, held, lab, mines_until_cut, share};

#[test]
fn a_miner_is_cut_off_while_it_mines_and_at_the_next_pool_too() {
    let Some(lab) = lab() else { return };
    for (first, second) in POOLS {
        let mut watch = lab.watch(&["--apply"]);
        for addr in [first, second] {
            let (_pool, at) = lab.pool(addr);
            let mut miner = lab.mines(at);
            watch.says(&format!("mines at {at} (confirmed)"));
            let told = watch.says(&format!("cut off {at}/tcp"));
            assert!(told.contains("after the first packet of the connection"), "{told}");
            mines_until_cut(&mut miner);
            assert!(lab.tries(at).starts_with("CUT"), "a new connection");
            assert!(held(&lab.world.gateway, at));
            // What else is at the address goes on.
            let beside = SocketAddr::from((ip(addr), 3333));
            assert_eq!(lab.world.inside.connect(beside).unwrap().ping(), "PONG");
        }
        watch.ends();
        let incidents = lab.command(&["incidents"]);
        assert!(incidents.contains("contained"), "{incidents}");
        lab.world.gateway.run("nft delete table inet minewatch_live");
    }
    assert_eq!(lab.entries().len(), 4);
}

#[test]
fn an_allowed_rig_is_left_alone() {
    let Some(lab) = lab() else { return };
    let mut watch = lab.watch(&["--apply", "--allow-miner", "192.0.2.2"]);
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    assert_eq!([share(&mut miner), share(&mut miner)], ["SHARE", "SHARE"]);
    // The next one is not allowed, and cut off at a pool of its own: by then the first would have been, too.
    let (_other, theirs) = lab.pool(POOLS[1].0);
    let mut stranger = lab.mines(theirs);
    watch.says(&format!("cut off {theirs}/tcp"));
    mines_until_cut(&mut stranger);
    assert_eq!(share(&mut miner), "SHARE");
    let said = watch.ends();
    assert!(said.contains("192.0.2.2 mines and is allowed to"), "{said}");
    assert_eq!(lab.entries(), [format!("{} {}", theirs.ip(), theirs.port())]);
}

/// The pair that is cut off is one host's: an allowed rig mines on at the very same pool.
#[test]
fn of_two_hosts_at_one_pool_the_one_that_may_not_is_cut_off_alone() {
    let Some(lab) = lab() else { return };
    let rig = neighbour(&lab);
    let options = [
        "-i",
        "in1",
        "--apply",
        "--scope",
        "host-pair",
        "--allow-miner",
        "203.0.113.2",
        "--allow-miner",
        "2001:db8:c::2",
    ];
    let mut watch = lab.watch(&options);
    for ((addr, _), host) in POOLS.into_iter().zip(["192.0.2.2", "2001:db8:a::2"]) {
        let (_pool, at) = lab.pool(addr);
        let mut allowed = rig.role(&format!("mine {at}"));
        assert_eq!(allowed.hear(), "MINING");
        assert_eq!(share(&mut allowed), "SHARE");
        let mut miner = lab.mines(at);
        let told = watch.says(&format!("cut off {host}@{at}/tcp"));
        assert!(!told.contains("used by"), "{told}");
        mines_until_cut(&mut miner);
        assert!(lab.tries(at).starts_with("CUT"), "a new connection");
        assert_eq!([share(&mut allowed), share(&mut allowed)], ["SHARE", "SHARE"], "{at}");
        let mut again = rig.role(&format!("mine {at}"));
        assert_eq!((again.hear(), share(&mut again)), ("MINING".to_owned(), "SHARE".to_owned()), "{at}");
    }
    watch.ends();
    let incidents = lab.command(&["incidents"]);
    assert_eq!(incidents.matches("contained").count(), 2, "{incidents}");
    // A person frees one, and the other stays.
    let pair = format!("192.0.2.2@{}:{PORT}", POOLS[0].0);
    assert!(lab.command(&["entries", "--allow-documentation-ranges"]).contains(&format!("{pair}/tcp")));
    let said = lab.command(&["release", &pair]);
    assert!(said.contains(&format!("{pair}/tcp is not blocked any more")), "{said}");
    assert_eq!(lab.entries(), [format!("{} {PORT}", POOLS[1].0)]);
}

#[test]
fn nothing_is_cut_off_that_the_gate_refuses() {
    let Some(lab) = lab() else { return };
    let mut watch = lab.watch(&["--apply", "--never-block", "198.51.100.10"]);
    let (_pool, at) = lab.pool("198.51.100.10");
    let mut miner = lab.mines(at);
    // Not after the alert: that is on standard output, and this on standard error.
    watch.says(&format!("{at}/tcp is not cut off (used by 192.0.2.2): the never-block list holds 198.51.100.10"));
    let (_other, second) = lab.pool("198.51.100.11");
    let mut other = lab.mines(second);
    watch.says(&format!("cut off {second}/tcp"));
    mines_until_cut(&mut other);
    assert_eq!(share(&mut miner), "SHARE");
    assert!(watch.ends().contains(&format!("mines at {at} (confirmed)")));
    assert!(!held(&lab.world.gateway, at));
}

/// A session that began before the watch cannot be told from one that somebody made up.
#[test]
fn a_miner_that_was_connected_before_is_told_and_not_cut_off_until_it_connects_again() {
    let Some(lab) = lab() else { return };
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    let mut watch = lab.watch(&["--apply"]);
    assert_eq!(share(&mut miner), "SHARE");
    watch.says(&format!("mines at {at}"));
    assert_eq!([share(&mut miner), share(&mut miner)], ["SHARE", "SHARE"]);
    assert!(!held(&lab.world.gateway, at));
    let mut again = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    mines_until_cut(&mut again);
    mines_until_cut(&mut miner);
}

#[test]
fn a_mirror_of_one_direction_alarms_and_cuts_nothing_off() {
    let Some(lab) = lab() else { return };
    let gateway = &lab.world.gateway;
    gateway.run(
        "ip link add mir0 type veth peer name mir1 && ip link set mir0 up && ip link set mir1 up && tc qdisc add dev in0 \
         ingress && tc filter add dev in0 parent ffff: u32 match u32 0 0 action mirred egress mirror dev mir0",
    );
    let mut watch = lab.watch_at("mir1", &["--apply"]);
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    assert_eq!(share(&mut miner), "SHARE");
    watch.says(&format!("mines at {at}"));
    assert_eq!([share(&mut miner), share(&mut miner)], ["SHARE", "SHARE"]);
    let said = watch.ends();
    assert!(!said.contains("cut off") || !said.contains(&format!("cut off {at}")), "{said}");
    assert!(!held(gateway, at) && lab.entries().is_empty());
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let Some(lab) = lab() else { return };
    let mut watch = lab.watch(&["--dry-run"]);
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    watch.says(&format!("would cut off {at}/tcp (used by 192.0.2.2)"));
    assert_eq!(share(&mut miner), "SHARE");
    lab.world.gateway.fails("nft list table inet minewatch_live");
}

/// What was captured while it ran gives the same findings afterwards.
#[test]
fn replaying_the_capture_gives_what_the_watch_gave() {
    let Some(lab) = lab() else { return };
    if std::process::Command::new("tcpdump").arg("--version").output().is_err() {
        eprintln!("skipped: tcpdump is not there");
        return;
    }
    let capture = lab.state().join("lab.pcap");
    let mut dump = lab.world.gateway.command("tcpdump");
    dump.args(["-i", "in0", "--immediate-mode", "-U", "-w"]).arg(&capture).stderr(std::process::Stdio::piped());
    let mut dump = dump.spawn().unwrap();
    let mut ready = std::io::BufReader::new(dump.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut ready, &mut String::new()).unwrap();
    let mut watch = lab.watch(&["--json"]);
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    watch.says("\"confirmed\"");
    for _ in 0..5 {
        assert_eq!(share(&mut miner), "SHARE");
    }
    // When this one is told, whatever came before it has been read.
    let (_last, end) = lab.pool(POOLS[1].0);
    let _other = lab.mines(end);
    while !watch.says("\"confirmed\"").contains(&end.ip().to_string()) {}
    let live = watch.ends();
    let stopped = std::process::Command::new("kill").args(["-INT", &dump.id().to_string()]).status().unwrap();
    assert!(stopped.success() && dump.wait().is_ok());
    let replay = std::process::Command::new(crate::watch::MINEWATCH).args(["replay", "--json"]).arg(&capture).output();
    let replay = String::from_utf8(replay.unwrap().stdout).unwrap();
    let flows = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
        let keys =
            ["src_ip", "dest_ip", "dest_port", "dialect", "verdict", "login", "shares", "jobs", "stage", "agent"];
        let of_first = |l: &serde_json::Value| l["event_type"] == "miner_flow" && l["dest_ip"] == at.ip().to_string();
        let flows = lines.filter(of_first);
        flows.map(|f| keys.iter().map(|k| (k.to_string(), f[k].clone())).collect()).collect()
    };
    assert_eq!((flows(&live).len(), flows(&live)), (1, flows(&replay)));
}
