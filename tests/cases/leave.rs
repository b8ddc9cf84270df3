//! safety: leave to mine by account, wallet, pool and segment, on the command line and in a policy file.

use crate::kit::capture::WEEK;
use crate::kit::carriage::Carriage;
use crate::kit::dialogue::{MILLI, Side};
use crate::kit::dns::{Data, Outcome, answer, question, record};
use crate::kit::wire;
use crate::said::{bitcoin, monero_wallet, monero_with};
use crate::scene::{Run, Scene};

const POOL: &str = "198.51.100.5:3333";
const OTHER: &str = "198.51.100.6:3333";

/// One that logs in as `DGcoinAddr.rig1`, and one that logs in with a Monero address.
fn two() -> Scene {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    scene.play("10.0.0.6", OTHER, &monero_with(&format!("{}.rig2", monero_wallet()), "x", "XMRig/6.21.0"));
    scene
}

/// The first of two is allowed and nothing else is, or the other way round.
fn allows(run: &Run, first: bool, what: &str) {
    let hosts: Vec<_> = run.of("miner_host").iter().map(|h| (h["ip"].clone(), h["allowed"] == true)).collect();
    assert_eq!(hosts, [("10.0.0.5".into(), first), ("10.0.0.6".into(), !first)], "{what}");
    let (allowed, blocked) = if first { (POOL, OTHER) } else { (OTHER, POOL) };
    assert_eq!(run.blocked(), [blocked], "{what}");
    assert_eq!(run.refused(allowed), ["allow-listed"], "{what}");
    assert_eq!(run.code, 1, "{what}");
    let ip = if first { "10.0.0.5" } else { "10.0.0.6" };
    let alarms = run.of("miner_alert");
    assert!(alarms.iter().all(|a| a["src_ip"] != ip || a["verdict"] != "confirmed"), "{what}: {alarms:#?}");
}

#[test]
fn sf09_sibling_by_account_wallet_pool_and_segment() {
    let scene = two();
    let wallet = monero_wallet();
    for (args, first) in [
        (["--allow-wallet", "DGcoinAddr"], true),
        (["--allow-wallet", "DGcoinAddr.rig1"], true),
        (["--allow-wallet", &wallet], false),
        (["--allow-pool", "198.51.100.5"], true),
        (["--allow-pool", "198.51.100.6/31"], false),
    ] {
        allows(&scene.run_with(&args), first, &args.join(" "));
    }
    for args in [["--allow-wallet", "DGcoin"], ["--allow-wallet", "rig1"], ["--allow-pool", "pool.example"]] {
        let run = scene.run_with(&args);
        assert_eq!(run.blocked(), [POOL, OTHER], "{args:?}");
    }
}

#[test]
fn sf09_sibling_by_the_keys_of_a_policy_file() {
    let scene = two();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("policy.toml");
    let with = |keys: &str| {
        std::fs::write(&file, format!("version = 1\n[allow]\n{keys}\n")).unwrap();
        scene.run_with(&["--policy", file.to_str().unwrap()])
    };
    for (keys, first) in [
        ("miners = [\"02:4d:0a:00:00:05\"]".to_owned(), true),
        ("segments = [\"10.0.0.6/31\"]".to_owned(), false),
        ("wallets = [\"DGcoinAddr\"]".to_owned(), true),
        (format!("wallets = [\"{}\"]", monero_wallet()), false),
        ("pools = [\"198.51.100.5\"]".to_owned(), true),
    ] {
        allows(&with(&keys), first, &keys);
    }
    // Lists of the file and of the command line add up.
    std::fs::write(&file, "version = 1\n[allow]\nwallets = [\"DGcoinAddr\"]\n").unwrap();
    let run = scene.run_with(&["--policy", file.to_str().unwrap(), "--allow-miner", "10.0.0.6"]);
    run.blocks_nothing();
    assert_eq!(run.code, 0);
}

fn look_up(scene: &mut Scene, resolver: &str, name: &str) {
    let (client, resolver) = ("10.0.0.5:50000".parse().unwrap(), format!("{resolver}:53").parse().unwrap());
    let ask = wire::udp(client, resolver, 1, &question(7, name, 1, true));
    scene.packet(WEEK, &ask, Side::Client, client.ip(), &Carriage::Plain);
    let pool = Data::Address([198, 51, 100, 5].into());
    let told = wire::udp(resolver, client, 2, &answer(7, name, 1, true, Outcome::Whole, &[record(name, pool)]));
    scene.packet(WEEK + MILLI, &told, Side::Server, client.ip(), &Carriage::Plain);
}

#[test]
fn sf09_sibling_a_pools_name_counts_where_a_believed_resolver_led_there_by_it() {
    let mined = |resolver: &str, name: &str, args: &[&str]| {
        let mut scene = Scene::new();
        look_up(&mut scene, resolver, name);
        scene.play("10.0.0.5", POOL, &bitcoin());
        scene.run_with(args)
    };
    let run = mined("10.0.0.53", "eu1.pool.example", &["--allow-pool", "pool.example"]);
    run.blocks_nothing();
    assert_eq!((run.code, run.of("miner_alert").len()), (0, 0));
    // One label more is another name.
    let run = mined("10.0.0.53", "eu1.nopool.example", &["--allow-pool", "pool.example"]);
    assert_eq!(run.blocked(), [POOL]);
    // A miner's accomplice may say of his pool that it is called so.
    let run = mined("203.0.113.53", "eu1.pool.example", &["--allow-pool", "pool.example"]);
    assert_eq!((run.blocked(), run.code), (vec![POOL.to_owned()], 1));
    assert_eq!(run.warned("names eu1.pool.example, which is allowed, but no believed resolver led it"), 1);
    let trusting = ["--allow-pool", "pool.example", "--trust-resolver", "203.0.113.53"];
    mined("203.0.113.53", "eu1.pool.example", &trusting).blocks_nothing();
}

#[test]
fn sf09_sibling_an_allowed_wallet_keeps_its_pool_open_and_a_forged_login_does_not() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", POOL, &bitcoin());
    scene.play("10.0.0.6", POOL, &monero_with(&monero_wallet(), "x", "XMRig/6.21.0"));
    let run = scene.run_with(&["--allow-wallet", "DGcoinAddr"]);
    run.blocks_nothing();
    assert!(run.refused(POOL).contains(&"used-by-allowed-miner"));
    // Only one side of the allowed conversation was captured: anybody can have written it.
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", POOL);
    let segments: Vec<_> = scene.segments(&talk, &bitcoin()).into_iter().filter(|s| s.side == Side::Client).collect();
    scene.put(&talk, &segments, &Carriage::Plain);
    scene.play("10.0.0.6", POOL, &monero_with(&monero_wallet(), "x", "XMRig/6.21.0"));
    assert_eq!(scene.run_with(&["--allow-wallet", "DGcoinAddr"]).blocked(), [POOL]);
}
