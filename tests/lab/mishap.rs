//! What goes wrong on a gateway, and what is left then.

use std::time::{Duration, Instant};

use crate::netns::world::POOLS;
use crate::watch::{MINEWATCH, Watch, held, lab, mines_until_cut, share};

/// Until the kernel holds it, or does not: it is told by another thread.
#[track_caller]
fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < Duration::from_mins(1), "{what}: never");
    }
}

#[test]
fn what_was_cut_off_is_cut_off_after_a_restart() {
    let Some(lab) = lab() else { return };
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut watch = lab.watch(&["--apply"]);
    let _miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    let said = watch.ends();
    assert!(said.contains("what is cut off stays so until its time is over"), "{said}");
    assert!(held(&lab.world.gateway, at), "ending it opens nothing");
    lab.world.gateway.run("nft flush ruleset");
    let _watch = lab.watch(&["--apply"]);
    wait_until("the entry of before", || held(&lab.world.gateway, at));
    assert!(lab.tries(at).starts_with("CUT"));
}

#[test]
fn a_flushed_firewall_is_mended() {
    let Some(lab) = lab() else { return };
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut watch = lab.watch(&["--apply", "--look-every", "1s"]);
    let _miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    lab.world.gateway.run("nft flush ruleset");
    watch.says("somebody changed what the firewall holds");
    assert!(held(&lab.world.gateway, at));
}

#[test]
fn a_person_can_release_and_block() {
    let Some(lab) = lab() else { return };
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut watch = lab.watch(&["--apply"]);
    let mut miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    mines_until_cut(&mut miner);
    lab.command(&["release", &at.ip().to_string(), "--for", "1h"]);
    watch.says(&format!("no longer cut off: {at}/tcp"));
    wait_until("the release", || !held(&lab.world.gateway, at));
    let mut again = lab.mines(at);
    assert_eq!([share(&mut again), share(&mut again)], ["SHARE", "SHARE"]);
    let order = ["block", &at.to_string(), "--for", "1h", "--reason", "ticket 7", "--allow-documentation-ranges"];
    lab.command(&order);
    watch.says(&format!("cut off {at}/tcp"));
    mines_until_cut(&mut again);
}

#[test]
fn killed_at_any_moment_it_leaves_a_kernel_and_a_database_that_agree() {
    let Some(lab) = lab() else { return };
    let (_pool, at) = lab.pool(POOLS[0].0);
    let mut watch = lab.watch(&["--apply"]);
    let _miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    wait_until("the entry on the disk", || lab.entries().len() == 1);
    watch.signal("-KILL");
    watch.over();
    assert!(held(&lab.world.gateway, at), "its entries end by themselves");
    let _watch = lab.watch(&["--apply"]);
    assert!(lab.tries(at).starts_with("CUT"));
    assert_eq!(lab.entries().len(), 1);
}

#[test]
fn without_the_right_to_it_says_so_in_a_sentence() {
    let Some(lab) = lab() else { return };
    let mut command = lab.world.gateway.command("setpriv");
    command.args(["--reuid", "65534", "--clear-groups", MINEWATCH, "watch", "-i", "in0", "--apply"]);
    let out = command.output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("CAP_NET_RAW") || said.contains("CAP_NET_ADMIN"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_state_that_cannot_be_saved_stops_nobody() {
    let Some(lab) = lab() else { return };
    let (_pool, at) = lab.pool(POOLS[0].0);
    // A file where the folder should be.
    let not_a_folder = lab.state().join("file");
    std::fs::write(&not_a_folder, "x").unwrap();
    let mut command = lab.world.gateway.command(MINEWATCH);
    command.args(["watch", "-i", "in0", "--apply", "--allow-documentation-ranges", "--state"]).arg(&not_a_folder);
    let mut watch = Watch::spawn(&mut command);
    let mut miner = lab.mines(at);
    watch.says(&format!("cut off {at}/tcp"));
    mines_until_cut(&mut miner);
    assert!(watch.ends().contains("state is NOT saved"));
}

/// Of two, each would take away what the other one cuts off.
#[test]
fn a_second_watch_does_not_tell_the_same_firewall() {
    let Some(lab) = lab() else { return };
    let watch = lab.watch(&["--apply"]);
    let mut second = lab.world.gateway.command(MINEWATCH);
    let out = second.args(["watch", "-i", "in0", "--apply"]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("another minewatch watch --apply tells this machine's firewall already"), "{said}");
    watch.ends();
}
