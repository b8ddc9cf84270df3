//! What comes over mirror ports.

use crate::netns::world::POOLS;
use crate::raw::{mac, shown};
use crate::watch::{held, lab, mines_until_cut};

/// Switches mirror a trunk with its tags, and many give each direction a VLAN of its own.
#[test]
fn a_miner_on_a_trunk_is_found_with_its_vlan_and_cut_off() {
    let Some(lab) = lab() else { return };
    let gateway = &lab.world.gateway;
    let mirror = |way| {
        format!("tc filter add dev in0 {way} protocol all u32 match u32 0 0 action mirred egress mirror dev mir0; ")
    };
    gateway.run(&format!(
        "set -e; ip link add mir0 type veth peer name mir1; ip link add tr0 type veth peer name tr1; for i in mir0 mir1 \
         tr0 tr1; do ip link set $i up; done; tc qdisc add dev in0 clsact; {}{}",
        mirror("ingress"),
        mirror("egress")
    ));
    let ours = shown(&mac(gateway, "in0"));
    for ((up, down), (pool, _)) in [(42, 42), (42, 43)].into_iter().zip(POOLS) {
        let mut switch = gateway.role(&format!("tagger mir1 tr0 {ours} {up} {down}"));
        assert_eq!(switch.hear(), "READY");
        let mut watch = lab.watch_at("tr1", &["--apply", "--json"]);
        let (_pool, at) = lab.pool(pool);
        let mut miner = lab.mines(at);
        watch.says(&format!("cut off {at}/tcp"));
        mines_until_cut(&mut miner);
        assert!(held(gateway, at));
        let said = watch.ends();
        let told = said.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
        let flows: Vec<_> = told.filter(|l| l["event_type"] == "miner_flow").collect();
        let vlans: &[u16] = if up == down { &[42] } else { &[42, 43] };
        assert!(flows.iter().any(|f| f["verdict"] == "confirmed"), "{said}");
        for flow in flows {
            assert_eq!(flow["vlans"], serde_json::json!(vlans), "{flow}");
        }
    }
}
