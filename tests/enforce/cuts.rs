//! What becomes of connections: those that are open, those that begin, and those beside.

use std::net::{IpAddr, SocketAddr};

use minewatch::enforce::{Applied, Choice, Connections, Enforcer, Wanted};
use minewatch::firewall::{Proto, Target};

use super::accidents::enforcer;
use super::{HOUR, applier, block, endpoint, ip, isolate, pair, with_each};
use crate::netns::world::{POOLS, World};
use crate::netns::{Actor, Netns, available};

/// What most gateways have, and what lets established connections past any rule below it.
const ACCEPT_ESTABLISHED: &str = "nft 'add table inet gw; add chain inet gw f { type filter hook forward priority \
                                  filter; }; add rule inet gw f ct state established accept'";

/// By the process that users have, which knows the addresses of the namespace that it lives in.
fn apply(enforcer: &mut Enforcer, wanted: &Wanted) -> Applied {
    let done = enforcer.apply(wanted).unwrap();
    assert_eq!(done.refused, []);
    done
}

/// Why a connection was not made.
fn failure(from: &Netns, to: SocketAddr) -> String {
    from.connect(to).err().unwrap_or_else(|| "nothing stopped it".to_owned())
}

const REFUSED: &str = "ConnectionRefused";

/// The inside and the outside end of one open connection.
fn open(world: &World, from: &Netns, pool: SocketAddr) -> (Actor, Actor) {
    let mut server = world.outside.role(&format!("pool {pool}"));
    assert_eq!(server.hear(), "READY");
    let client = from.connect(pool).expect("nothing is blocked yet");
    assert_eq!(server.hear(), "ACCEPTED");
    (client, server)
}

#[test]
fn an_open_connection_ends_at_both_ends_and_what_is_beside_it_goes_on() {
    with_each(|choice| {
        let world = World::new();
        world.gateway.run(ACCEPT_ESTABLISHED);
        let mut enforcer = enforcer(&world.gateway, choice);
        for (listed, other) in POOLS {
            apply(&mut enforcer, &Wanted::default());
            let pool = SocketAddr::from((ip(listed), 3333));
            let beside = SocketAddr::from((ip(listed), 4444));
            let mut mining = world.inside.connect(pool).expect("nothing is blocked yet");
            let mut own = world.gateway.connect(pool).expect("nothing is blocked yet");
            let mut web = world.inside.connect(beside).expect("nothing is blocked yet");
            // Two connections of their own, so that each end is the first to speak once.
            let (_client, mut server) = open(&world, &world.inside, SocketAddr::from((ip(listed), 5555)));
            for actor in [&mut mining, &mut own, &mut web] {
                assert_eq!(actor.ping(), "PONG");
            }

            let mut wanted = block(endpoint(listed, Proto::Tcp, 3333));
            wanted.block.extend(block(endpoint(listed, Proto::Tcp, 5555)).block);
            apply(&mut enforcer, &wanted);
            assert_eq!(mining.ping(), "CUT ConnectionReset", "{pool}: the miner's end lives on");
            assert_eq!(server.ping(), "CUT ConnectionReset", "{pool}: the pool's end lives on");
            assert_eq!(own.ping(), "CUT ConnectionReset", "{pool}: the gateway's own connection lives on");
            assert_eq!(web.ping(), "PONG", "{beside}: a connection to another port was cut");
            assert_eq!(failure(&world.inside, pool), REFUSED, "{pool} through the gateway");
            assert_eq!(failure(&world.gateway, pool), REFUSED, "{pool} from the gateway itself");
            assert!(world.inside.connect(beside).is_ok(), "{beside}: another port of the same address");
            assert!(world.inside.connect(SocketAddr::from((ip(other), 3333))).is_ok(), "{other}: another address");
            let hits = enforcer.read_back().unwrap().hits;
            assert!(hits.blocked >= 5 && hits.isolated == 0, "{hits:?}");

            // The whole address, on request.
            apply(&mut enforcer, &block(Target { addr: ip(listed), service: None, from: None }));
            assert_eq!(web.ping(), "CUT ConnectionReset");
            assert_eq!(failure(&world.inside, beside), REFUSED, "{beside} in address scope");
            assert!(world.inside.connect(SocketAddr::from((ip(other), 3333))).is_ok());
            let later = enforcer.read_back().unwrap().hits;
            assert!(later.blocked > hits.blocked, "the count begins anew with each change");

            apply(&mut enforcer, &Wanted::default());
            assert!(world.inside.connect(pool).is_ok(), "{pool}: nothing is wanted any more");
        }
    });
}

#[test]
fn of_a_pair_one_host_is_cut_off_and_another_reaches_the_same_endpoint() {
    with_each(|choice| {
        let world = World::new();
        world.gateway.run(ACCEPT_ESTABLISHED);
        let other = neighbour(&world);
        let mut enforcer = enforcer(&world.gateway, choice);
        for (side, (listed, _)) in SIDES.iter().zip(POOLS) {
            apply(&mut enforcer, &Wanted::default());
            let at = |port| SocketAddr::from((ip(listed), port));
            let _udp = datagrams(&world.outside, at(9999));
            let mut mining = world.inside.connect(at(3333)).expect("nothing is blocked yet");
            let mut beside = world.inside.connect(at(4444)).expect("nothing is blocked yet");
            let mut theirs = other.connect(at(3333)).expect("nothing is blocked yet");
            let (_client, mut server) = open(&world, &world.inside, at(5555));
            let (mut asks, mut they_ask) = (asking(&world.inside, at(9999)), asking(&other, at(9999)));
            let mut own = world.gateway.connect(at(3333)).expect("nothing is blocked yet");
            for actor in [&mut mining, &mut beside, &mut theirs, &mut asks, &mut they_ask, &mut own] {
                assert_eq!(actor.ping(), "PONG");
            }

            let pairs = [(Proto::Tcp, 3333), (Proto::Tcp, 5555), (Proto::Udp, 9999)];
            let block = pairs.iter().flat_map(|(proto, port)| block(pair(side.host, listed, *proto, *port)).block);
            apply(&mut enforcer, &Wanted { block: block.collect(), isolate: Vec::new() });
            assert_eq!(mining.ping(), "CUT ConnectionReset", "{listed}: the miner's end lives on");
            assert_eq!(server.ping(), "CUT ConnectionReset", "{listed}: the pool's end lives on");
            assert_eq!(asks.ping(), "CUT ConnectionRefused", "{listed}: datagrams still pass");
            assert_eq!(failure(&world.inside, at(3333)), REFUSED, "{listed}: a new connection");
            assert_eq!(beside.ping(), "PONG", "another port of the pool");
            assert!(world.inside.connect(at(4444)).is_ok(), "another port of the pool");
            assert_eq!([theirs.ping(), they_ask.ping(), own.ping()], ["PONG"; 3], "another host was cut off");
            assert!(other.connect(at(3333)).is_ok(), "another host is kept from it");
            assert!(world.gateway.connect(at(3333)).is_ok(), "the gateway is kept from it");
            let held = enforcer.read_back().unwrap();
            assert!(held.blocked.len() == 3 && held.hits.blocked >= 4, "{held:?}");
        }
    });
}

#[test]
fn of_a_pair_connection_tracking_forgets_that_hosts_connections_only() {
    with_each(|choice| {
        if !available(&["conntrack -L"]) {
            return;
        }
        let world = World::new();
        world.gateway.run(ACCEPT_ESTABLISHED);
        world.gateway.run(
            "nft 'add table inet nat; add chain inet nat post { type nat hook postrouting priority srcnat; }; \
             add rule inet nat post oifname out0 masquerade'",
        );
        let other = neighbour(&world);
        let mut enforcer = enforcer(&world.gateway, choice);
        for (side, (listed, _)) in SIDES.iter().zip(POOLS) {
            let pool = SocketAddr::from((ip(listed), 3333));
            let (mut mining, mut theirs) = (world.inside.connect(pool).unwrap(), other.connect(pool).unwrap());
            assert_eq!([mining.ping(), theirs.ping()], ["PONG"; 2]);
            let done = apply(&mut enforcer, &block(pair(side.host, listed, Proto::Tcp, 3333)));
            assert_eq!(done.connections, Connections::Ended(1), "{listed}");
            assert_eq!(mining.ping(), "CUT ConnectionReset");
            assert_eq!(theirs.ping(), "PONG", "{listed}: another host's connection was forgotten");
        }
    });
}

/// Another host inside, at a port of its own.
fn neighbour(world: &World) -> Netns {
    let other = Netns::new();
    world.gateway.cable(
        ("in1", [ip("203.0.113.1"), ip("2001:db8:c::1")]),
        &other,
        ("eth0", [ip("203.0.113.2"), ip("2001:db8:c::2")]),
    );
    other.run("ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:c::1");
    other
}

#[test]
fn behind_address_translation_both_ends_are_cut_as_well() {
    with_each(|choice| {
        if !available(&["conntrack -L"]) {
            return;
        }
        let world = World::new();
        world.gateway.run(ACCEPT_ESTABLISHED);
        world.gateway.run(
            "nft 'add table inet nat; add chain inet nat post { type nat hook postrouting priority srcnat; }; \
             add rule inet nat post oifname out0 masquerade'",
        );
        let mut enforcer = enforcer(&world.gateway, choice);
        for (listed, _) in POOLS {
            let pool = SocketAddr::from((ip(listed), 5555));
            let (mut client, _server) = open(&world, &world.inside, pool);
            let (_client, mut server) = open(&world, &world.inside, SocketAddr::from((ip(listed), 6666)));
            let mut wanted = block(endpoint(listed, Proto::Tcp, 5555));
            wanted.block.extend(block(endpoint(listed, Proto::Tcp, 6666)).block);
            let done = apply(&mut enforcer, &wanted);
            assert!(matches!(done.connections, Connections::Ended(2..)), "{done:?}");
            assert_eq!(server.ping(), "CUT ConnectionReset", "the pool's end lives on");
            assert_eq!(client.ping(), "CUT ConnectionReset", "the miner's end lives on");
        }
    });
}

#[test]
fn a_connection_that_a_flow_table_forwards_past_all_rules_is_cut_as_well() {
    with_each(|choice| {
        if !available(&["conntrack -L"]) {
            return;
        }
        let world = World::new();
        let table = "nft 'add table inet fast; add flowtable inet fast ft { hook ingress priority 0; devices = { in0, \
                     out0 }; }; add chain inet fast f { type filter hook forward priority filter; }; \
                     add rule inet fast f ct state established flow add @ft'";
        let made = world.gateway.try_run(table);
        if !made.status.success() {
            eprintln!("no flow tables here: {}", String::from_utf8_lossy(&made.stderr));
            return;
        }
        let mut enforcer = enforcer(&world.gateway, choice);
        let pool = SocketAddr::from((ip(POOLS[0].0), 3333));
        let mut mining = world.inside.connect(pool).unwrap();
        for _ in 0..5 {
            assert_eq!(mining.ping(), "PONG");
        }
        assert!(
            world.gateway.run("conntrack -L 2>/dev/null").contains("OFFLOAD"),
            "the flow table does not forward it"
        );
        apply(&mut enforcer, &block(endpoint(POOLS[0].0, Proto::Tcp, 3333)));
        assert_eq!(mining.ping(), "CUT ConnectionReset");
    });
}

fn datagrams(at: &Netns, socket: SocketAddr) -> Actor {
    let mut server = at.role(&format!("answer {socket}"));
    assert_eq!(server.hear(), "READY");
    server
}

fn asking(from: &Netns, to: SocketAddr) -> Actor {
    let mut client = from.role(&format!("ask {to}"));
    assert_eq!(client.hear(), "READY");
    client
}

/// One address family's side of the isolated host's world.
struct Side {
    host: &'static str,
    gateway: &'static str,
    lost: &'static str,
    kept: &'static str,
    dhcp: u16,
}

const SIDES: [Side; 2] = [
    Side { host: "192.0.2.2", gateway: "192.0.2.1", lost: "198.51.100.10", kept: "198.51.100.11", dhcp: 67 },
    Side { host: "2001:db8:a::2", gateway: "2001:db8:a::1", lost: "2001:db8:b::10", kept: "2001:db8:b::11", dhcp: 547 },
];

#[test]
fn an_isolated_host_keeps_names_addresses_and_its_management_and_loses_the_rest() {
    with_each(|choice| {
        let world = World::new();
        world.gateway.run(ACCEPT_ESTABLISHED);
        // What comes from outside comes from the address that is not kept.
        world.outside.run("ip -6 addr change 2001:db8:b::11/64 dev eth0 preferred_lft 0");
        let mut enforcer = enforcer(&world.gateway, choice);
        for side in SIDES {
            let at = |a: &str, port| SocketAddr::from((ip(a), port));
            let _tcp = [
                world.outside.serve(&[at(side.lost, 53)]),
                world.gateway.serve(&[at(side.gateway, 22), at(side.gateway, 53)]),
                world.inside.serve(&[at(side.host, 8000)]),
            ];
            let _udp = [
                datagrams(&world.outside, at(side.lost, 53)),
                datagrams(&world.gateway, at(side.gateway, side.dhcp)),
                datagrams(&world.outside, at(side.lost, 9999)),
            ];
            let (mut before, mut managed) = (
                world.inside.connect(at(side.lost, 3333)).unwrap(),
                world.inside.connect(at(side.kept, 3333)).unwrap(),
            );
            let mut tunnel = asking(&world.inside, at(side.lost, 9999));
            assert_eq!([before.ping(), managed.ping(), tunnel.ping()], ["PONG"; 3]);
            assert!(world.outside.connect(at(side.host, 8000)).is_ok());

            let wanted = Wanted { block: Vec::new(), isolate: vec![isolate(side.host, &[side.kept])] };
            apply(&mut enforcer, &wanted);
            // Nobody must remember who has which address.
            world.inside.run("ip neigh flush all");
            world.gateway.run("ip neigh flush all");

            assert_eq!(before.ping(), "CUT ConnectionReset", "an open connection lives on");
            assert_eq!(failure(&world.inside, at(side.lost, 3333)), REFUSED, "a new one begins");
            assert_eq!(tunnel.ping(), "CUT ConnectionRefused", "datagrams still pass");
            assert_eq!(failure(&world.inside, at(side.gateway, 22)), REFUSED, "the gateway itself is reached");
            assert_eq!(failure(&world.outside, at(side.host, 8000)), REFUSED, "it is reached from outside");

            assert_eq!(managed.ping(), "PONG", "management was cut");
            assert!(world.inside.connect(at(side.kept, 3333)).is_ok(), "management cannot begin");
            assert!(world.inside.connect(at(side.gateway, 53)).is_ok(), "names, asked at the gateway by TCP");
            assert!(world.inside.connect(at(side.lost, 53)).is_ok(), "names, asked outside by TCP");
            assert_eq!(asking(&world.inside, at(side.lost, 53)).ping(), "PONG", "names, asked outside by UDP");
            assert_eq!(
                asking(&world.inside, at(side.gateway, side.dhcp)).ping(),
                "PONG",
                "an address from the gateway"
            );
            let hits = enforcer.read_back().unwrap().hits;
            assert!(hits.isolated >= 4, "{hits:?}");

            apply(&mut enforcer, &Wanted::default());
            assert!(world.inside.connect(at(side.lost, 3333)).is_ok(), "it is free again");
        }
    });
}

#[test]
fn a_machine_does_not_cut_itself_or_its_gateway_off_whoever_asks() {
    with_each(|choice| {
        let world = World::new();
        world.outside.run("ip route replace default via 198.51.100.1");
        // At the inside host, whose gateway is 192.0.2.1. What runs there reads its own addresses.
        let mut enforcer = enforcer(&world.inside, choice);
        let mut wanted = Wanted::default();
        for own in ["192.0.2.2", "192.0.2.1", "192.0.2.255", "2001:db8:a::2", "127.0.0.1", "8.8.8.8", "224.0.0.1"] {
            wanted.block.extend(block(Target { addr: ip(own), service: None, from: None }).block);
        }
        // An address that the shipped feeds call a front's: whole, and a port of it.
        wanted.block.extend(block(Target { addr: ip("104.21.80.4"), service: None, from: None }).block);
        wanted.block.extend(block(endpoint("104.21.80.4", Proto::Tcp, 443)).block);
        wanted.isolate = vec![isolate("192.0.2.2", &[]), isolate("192.0.2.1", &[])];
        wanted.block.extend(block(endpoint("198.51.100.10", Proto::Tcp, 3333)).block);
        let done = enforcer.apply(&wanted).unwrap();
        assert_eq!((done.refused.len(), done.blocked, done.isolated), (11, 1, 0), "{done:#?}");
        let held = enforcer.read_back().unwrap();
        let addresses: Vec<IpAddr> = held.blocked.keys().map(|t| t.addr).collect();
        assert_eq!((addresses, held.isolated.len()), (vec![ip("198.51.100.10")], 0));
        assert!(held.blocked.values().all(|left| *left <= HOUR));
    });
}

/// Not every name in [`Choice`] is a backend.
#[test]
fn the_one_that_is_chosen_is_the_one_that_is_used() {
    with_each(|choice| {
        let ns = Netns::new();
        assert_eq!(applier(&ns, choice).backend(), choice.name());
        assert_eq!(applier(&ns, Choice::Auto).backend(), "nftables");
    });
}
