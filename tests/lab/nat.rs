//! A gateway that translates addresses.

use crate::netns::world::POOLS;
use crate::watch::{Lab, held, lab, mines_until_cut};

fn masquerade(lab: &Lab) {
    lab.world.gateway.run(
        "nft 'table ip nat { chain postrouting { type nat hook postrouting priority srcnat; oifname \"out0\" masquerade; \
         }; }'",
    );
}

/// Hosts in the JSON of a report, with their verdicts.
fn hosts(said: &str) -> Vec<(String, String)> {
    let told = said.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let text = |l: &serde_json::Value, name: &str| l[name].as_str().unwrap().to_owned();
    told.filter(|l| l["event_type"] == "miner_host").map(|l| (text(&l, "ip"), text(&l, "verdict"))).collect()
}

#[test]
fn seen_from_inside_the_miner_behind_it_is_named_and_cut_off() {
    let Some(lab) = lab() else { return };
    masquerade(&lab);
    let mut watch = lab.watch(&["--apply", "--json"]);
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp (used by 192.0.2.2)"));
    mines_until_cut(&mut miner);
    assert!(lab.tries(at).starts_with("CUT"));
    assert!(held(&lab.world.gateway, at));
    let said = watch.ends();
    assert_eq!(hosts(&said), [("192.0.2.2".to_owned(), "confirmed".to_owned())], "{said}");
}

#[test]
fn seen_from_both_sides_it_is_said_that_the_other_address_is_no_machine() {
    let Some(lab) = lab() else { return };
    masquerade(&lab);
    let mut watch = lab.watch(&["-i", "out0", "--apply", "--home-net", "198.51.100.1/32"]);
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    mines_until_cut(&mut miner);
    assert!(lab.tries(at).starts_with("CUT"));
    let said = watch.ends();
    assert!(said.contains("198.51.100.1 is a public address of yours: behind NAT"), "{said}");
    assert!(!said.contains("192.0.2.2 is a public address of yours"), "{said}");
    assert!(said.lines().any(|l| l.starts_with("192.0.2.2 ") && l.contains("confirmed")), "{said}");
    assert_eq!(lab.entries(), [format!("{} {}", at.ip(), at.port())], "the gateway's own address is no pool");
}
