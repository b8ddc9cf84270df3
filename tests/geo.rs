//! Countries and networks of pools, out of databases that the tests make.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests, which clippy does not see

mod support;

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use support::output::Output;
use support::places;
use support::run::{Run, minewatch, replay_json};

const POOL4: &str = "cryptonote-xmrig-v4.pcap";
const POOL6: &str = "bitcoin-cgminer-v6.pcap";

fn pcap(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps").join(name).display().to_string()
}

/// The one flow of a capture, with these databases.
fn flow(capture: &str, databases: &[&Path]) -> (Value, Value, Run) {
    let options: Vec<&str> = databases.iter().flat_map(|d| ["--geo", d.to_str().unwrap()]).collect();
    let run = replay_json(&[pcap(capture)], &options);
    let out = Output::parse(&run.stdout).unwrap();
    let [flow] = out.of("miner_flow").collect::<Vec<_>>()[..] else { panic!("{capture}: {}", run.text()) };
    (flow.clone(), out.health()["notes"].clone(), run)
}

#[derive(Serialize)]
struct Network {
    autonomous_system_number: u32,
    autonomous_system_organization: &'static str,
}

#[test]
fn a_pool_is_told_with_its_country_and_network() {
    let folder = tempfile::tempdir().unwrap();
    let [countries, networks] = ["countries.mmdb", "networks.mmdb"].map(|name| folder.path().join(name));
    for capture in [POOL4, POOL6] {
        let (bare, notes, _) = flow(capture, &[]);
        let address = bare["dest_ip"].as_str().unwrap();
        assert_eq!((bare.get("country"), bare.get("asn"), notes), (None, None, json!([])));
        fs::write(&countries, places::countries(&[(&prefix(address), "NZ")])).unwrap();
        let network = Network { autonomous_system_number: 64_500, autonomous_system_organization: "EXAMPLE-AS" };
        fs::write(&networks, places::database(&[(&prefix(address), network)])).unwrap();
        let (told, notes, run) = flow(capture, &[&countries, &networks]);
        assert_eq!(
            (&told["country"], &told["asn"], &told["network"]),
            (&json!("NZ"), &json!(64_500), &json!("EXAMPLE-AS"))
        );
        assert_eq!((notes, run.code), (json!([]), Some(1)));
        // Where it is, changes nothing in what it is.
        let mut stripped = told;
        for member in ["country", "asn", "network"] {
            stripped.as_object_mut().unwrap().remove(member);
        }
        assert_eq!(stripped, bare);
        let table = minewatch(["replay", "--geo", countries.to_str().unwrap(), &pcap(capture)]);
        assert!(table.text().contains("NZ"), "{}", table.text());
    }
}

/// The network that an address is in.
fn prefix(address: &str) -> String {
    match address.parse().unwrap() {
        std::net::IpAddr::V4(a) => std::net::Ipv4Addr::from(u32::from(a) & !0xff).to_string(),
        std::net::IpAddr::V6(a) => std::net::Ipv6Addr::from(u128::from(a) & !u128::from(u64::MAX)).to_string(),
    }
}

#[test]
fn a_database_that_cannot_be_read_is_a_warning_and_changes_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.mmdb");
    fs::write(&damaged, "<html>").unwrap();
    let missing = folder.path().join("missing.mmdb");
    let (bare, _, good) = flow(POOL4, &[]);
    for (database, why) in [(&missing, "No such file"), (&damaged, "no database in MaxMind's format")] {
        let (told, notes, run) = flow(POOL4, &[database]);
        assert_eq!((told, run.code), (bare.clone(), good.code));
        let [note] = &notes.as_array().unwrap()[..] else { panic!("{notes}") };
        let note = note.as_str().unwrap();
        assert!(note.contains(database.to_str().unwrap()) && note.contains(why), "{note}");
    }
}

/// A pipe that nobody writes to, and a device without an end, keep nobody waiting.
#[test]
fn only_ordinary_files_are_read_as_databases() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.mmdb");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for database in [&*pipe, Path::new("/dev/zero"), folder.path()] {
        let (_, notes, run) = flow(POOL4, &[database]);
        let note = notes[0].as_str().unwrap();
        assert!(note.contains(database.to_str().unwrap()) && note.contains("no ordinary file"), "{note}");
        assert_eq!(run.code, Some(1));
    }
}
