//! Infected hosts that are cut off, and what they keep.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::netns::Netns;
use crate::netns::world::ip;
use crate::watch::{Lab, lab, mines_until_cut, share};

/// A safety net.
const NEVER: Duration = Duration::from_mins(1);
/// Of each family an inside host, where it mines, and from where it is managed.
const SIDES: [(&str, &str, &str); 2] =
    [("192.0.2.2", "198.51.100.10", "198.51.100.11"), ("2001:db8:a::2", "2001:db8:b::10", "2001:db8:b::11")];

/// A policy that isolates, in a file.
fn policy(lab: &Lab) -> String {
    let text = "version = 1\n[network]\nhome = [\"192.0.2.0/24\", \"2001:db8:a::/64\"]\n\
                [isolate]\nenabled = true\nkeep = [\"198.51.100.11\", \"2001:db8:b::11\"]\n";
    let file = lab.state().join("policy.toml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Another host inside, at a port of its own.
pub(crate) fn neighbour(lab: &Lab) -> Netns {
    let other = Netns::new();
    lab.world.gateway.cable(
        ("in1", [ip("203.0.113.1"), ip("2001:db8:c::1")]),
        &other,
        ("eth0", [ip("203.0.113.2"), ip("2001:db8:c::2")]),
    );
    other.run("ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:c::1");
    other
}

fn hosts(lab: &Lab) -> Vec<String> {
    let lines = lab.command(&["entries", "--json", "--allow-documentation-ranges"]);
    let lines = lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    lines.filter(|l| l["kind"] == "host").map(|l| l["ip"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_infected_host_keeps_dns_and_its_management_until_it_is_released_and_others_notice_nothing() {
    for (host, mined, kept) in SIDES {
        let Some(lab) = lab() else { return };
        let (policy, neighbour, inside) = (policy(&lab), neighbour(&lab), &lab.world.inside);
        let at = |a: &str, port| SocketAddr::from((ip(a), port));
        let _dns = lab.world.outside.serve(&[at(mined, 53)]);
        let mut watch = lab.watch(&["--apply", "--policy", &policy]);
        let (_pool, pool) = lab.pool(mined);
        let mut managed = inside.connect(at(kept, 3333)).unwrap();
        let mut beside = neighbour.connect(at(mined, 3333)).unwrap();
        let mut miner = lab.mines(pool);
        let told = watch.says(&format!("isolated {host}: it mines at {pool}/tcp (confirmed), until 20"));
        assert!(!told.contains("would"), "{told}");
        mines_until_cut(&mut miner);
        assert!(inside.connect(at(mined, 3333)).is_err(), "not only the pool is out of reach");
        assert_eq!(managed.ping(), "PONG", "management was cut");
        assert!(inside.connect(at(kept, 3333)).is_ok(), "management cannot begin");
        assert!(inside.connect(at(mined, 53)).is_ok(), "names");
        assert_eq!(beside.ping(), "PONG", "another host was cut");
        assert!(neighbour.connect(at(mined, 3333)).is_ok(), "another host cannot begin");

        watch.ends();
        assert_eq!(hosts(&lab), [host]);
        let mut watch = lab.watch(&["--apply", "--policy", &policy]);
        assert!(inside.connect(at(mined, 3333)).is_err(), "a restart let it out");
        let released = lab.command(&["release", host]);
        assert!(released.contains(&format!("{host} is not isolated any more")), "{released}");
        watch.says(&format!("no longer isolated: {host}"));
        let since = Instant::now();
        while inside.connect(at(mined, 3333)).is_err() {
            assert!(since.elapsed() < NEVER, "it is still cut off");
        }
        let said = watch.ends();
        assert!(said.contains("hosts that stay isolated from before: 1"), "{said}");
        assert_eq!(hosts(&lab), [""; 0]);
    }
}

#[test]
fn a_dry_run_says_whom_it_would_isolate() {
    let Some(lab) = lab() else { return };
    let policy = policy(&lab);
    let mut watch = lab.watch(&["--dry-run", "--policy", &policy]);
    let (_pool, pool) = lab.pool(SIDES[0].1);
    let mut miner = lab.mines(pool);
    watch.says(&format!("would isolate 192.0.2.2: it mines at {pool}/tcp (confirmed), until 20"));
    assert_eq!(share(&mut miner), "SHARE");
    lab.world.gateway.fails("nft list table inet minewatch_live");
}
