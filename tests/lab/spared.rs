//! What the network lives on is never cut off, whoever plays a pool there, and it is said why.

use std::net::SocketAddr;

use crate::netns::Actor;
use crate::netns::world::ip;
use crate::raw::{Way, Wire, mac};
use crate::watch::{Lab, MINEWATCH, PORT, Watch, held, lab, mines_until_cut, share};

/// Mines at a pool that must be spared until a miner elsewhere was cut off: by then it would have been, too.
fn stays(lab: &Lab, watch: &mut Watch, pool: Actor, at: SocketAddr, fence: &str, why: &str) {
    let mut miner = lab.mines(at);
    watch.says(&format!("{at}/tcp is not cut off (used by 192.0.2.2): it is {why}"));
    assert_eq!(share(&mut miner), "SHARE");
    let (_other, elsewhere) = lab.pool(fence);
    let mut other = lab.mines(elsewhere);
    watch.says(&format!("cut off {elsewhere}/tcp"));
    mines_until_cut(&mut other);
    assert_eq!([share(&mut miner), share(&mut miner)], ["SHARE", "SHARE"]);
    assert!(!held(&lab.world.gateway, at), "{at}");
    drop(pool);
}

#[test]
fn the_gateway_its_router_and_resolvers_are_not_cut_off() {
    let Some(lab) = lab() else { return };
    let world = &lab.world;
    world.outside.address("eth0", ip("198.51.100.12"));
    world.gateway.run("ip route add default via 198.51.100.10");
    let resolv = lab.state().join("resolv.conf");
    std::fs::write(&resolv, "nameserver 198.51.100.11\n").unwrap();
    let mut command = world.gateway.command("unshare");
    command.args(["-m", "sh", "-c", "mount --bind \"$1\" /etc/resolv.conf; shift; exec \"$@\"", "sh"]).arg(&resolv);
    command.args([MINEWATCH, "watch", "-i", "in0", "--apply", "--allow-documentation-ranges"]);
    command.arg("--state").arg(lab.state());
    let mut watch = Watch::spawn(&mut command);

    // A DHCP server, as the watch sees it, names the resolver of the network.
    let there = mac(&world.inside, "eth0");
    let way = Way {
        macs: (mac(&world.gateway, "in0"), there),
        from: "192.0.2.1:67".parse().unwrap(),
        to: "192.0.2.2:68".parse().unwrap(),
    };
    Wire::open_in(&world.gateway, "in0").send(&way.udp(&acknowledgement(there, [192, 0, 2, 2], [198, 51, 100, 12])));

    let spared = [
        (&world.gateway, "192.0.2.1", PORT, "an address of this machine"),
        (&world.gateway, "198.51.100.1", PORT, "an address of this machine"),
        (&world.outside, "198.51.100.10", PORT, "a gateway of this machine"),
        (&world.outside, "198.51.100.11", PORT, "a resolver of this network"),
        // What anybody may have said is believed as far as it goes: names are resolved there.
        (&world.outside, "198.51.100.12", 853, "a resolver of this network"),
    ];
    for ((ns, addr, port, why), n) in spared.iter().zip(0..) {
        let at = SocketAddr::from((ip(addr), *port));
        let mut pool = ns.role(&format!("pool {at}"));
        assert_eq!(pool.hear(), "READY");
        let fence = format!("2001:db8:b::{}", 20 + n);
        world.outside.address("eth0", ip(&fence));
        stays(&lab, &mut watch, pool, at, &fence, why);
    }
    let said = watch.ends();
    for (_, addr, port, _) in spared {
        let told = format!("{addr}:{port}/tcp is not cut off");
        assert_eq!(said.matches(&told).count(), 1, "told once: {said}");
        assert!(said.contains(&format!("mines at {addr}:{port} (confirmed)")), "{said}");
    }
    assert_eq!(lab.entries().len(), spared.len(), "only the others");
}

/// RFC 2131 §2 and RFC 2132: kind of message, lease, resolver.
fn acknowledgement(mac: [u8; 6], yours: [u8; 4], resolver: [u8; 4]) -> Vec<u8> {
    let mut m = vec![0; 236];
    m[..4].copy_from_slice(&[2, 1, 6, 0]);
    m[16..20].copy_from_slice(&yours);
    m[28..34].copy_from_slice(&mac);
    m.extend([99, 130, 83, 99, 53, 1, 5, 51, 4, 0, 0, 14, 16, 6, 4]);
    m.extend(resolver);
    m.push(255);
    m
}
