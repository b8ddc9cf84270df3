//! Miners inside TLS that nobody opens: what is told equals what openssl says of its own connection.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::available;
use crate::names::{FEED, certificate};
use crate::support::output::{Output, ends};
use crate::world::{MINER, POOL, World, at};

/// What one side of a connection is to be.
struct Case {
    /// Where the server listens: ports of the feed.
    port: u16,
    /// Who made its certificate, if it was not itself.
    issuer: Option<&'static str>,
    /// Options of the client.
    client: &'static str,
    /// The version that both have.
    version: &'static str,
    /// The name that the client sends.
    sni: Option<&'static str>,
    /// Whether the certificate travels in the clear.
    shown: bool,
    /// What speaks for mining.
    evidence: &'static [&'static str],
}

const NAME: &str = "eu1.mountainpool.example";

#[test]
fn miners_in_tls_are_suspected_by_name_or_certificate() {
    if !available(&["openssl"], false) {
        return;
    }
    let cases = [
        Case {
            port: 3443,
            issuer: None,
            client: "-tls1_3 -servername eu1.mountainpool.example",
            version: "1.3",
            sni: Some(NAME),
            shown: false,
            evidence: &["tls-to-pool", "miner-tls", "name-sent"],
        },
        Case {
            port: 3444,
            issuer: None,
            client: "-tls1_2 -servername eu1.mountainpool.example",
            version: "1.2",
            sni: Some(NAME),
            shown: true,
            evidence: &["tls-to-pool", "miner-tls", "name-sent", "pool-certificate"],
        },
        Case {
            port: 3443,
            issuer: None,
            client: "-tls1_2 -noservername",
            version: "1.2",
            sni: None,
            shown: true,
            evidence: &["miner-tls", "pool-certificate", "address-in-feed"],
        },
        Case {
            port: 3444,
            issuer: Some("Some Authority"),
            client: "-tls1_2 -noservername -alpn stratum/1",
            version: "1.2",
            sni: None,
            shown: true,
            evidence: &["tls-to-pool", "pool-certificate", "address-in-feed"],
        },
    ];
    for case in cases {
        check(&case);
    }
}

#[test]
fn tls_1_3_without_a_name_to_an_address_that_is_not_listed_is_nothing() {
    if !available(&["openssl"], false) {
        return;
    }
    let mut world = World::new();
    let keys = certificate(&world, NAME, None);
    let trace = connect(&mut world, &keys, 3443, "-tls1_3 -noservername");
    assert!(trace.contains("TLS 1.3 (772)"));
    let feed = world.write("own.toml", FEED);
    let replay = world.replay_with(&["--feeds", feed.to_str().unwrap()]);
    let out = Output::parse(&replay.run.stdout).unwrap();
    assert_eq!((out.of("miner_flow").count(), replay.run.code), (0, Some(0)));
    assert_eq!(out.of("pool_contact").count(), 0);
}

/// One connection; what the client wrote down of it.
fn connect(world: &mut World, keys: &str, port: u16, options: &str) -> String {
    let server = at(POOL[0], port);
    world.start_beside_pool(&format!("exec openssl s_server -accept {server} -rev {keys}"), port);
    let trace = world.path("trace");
    // Closed by the server, after its answer.
    let said = world.visit(&format!(
        "sh -c 'printf \"hello\\nCLOSE\\n\" | openssl s_client -quiet -connect {server} {options} -trace -msgfile {}'",
        trace.display()
    ));
    assert!(said.contains("olleh"), "{said}");
    std::fs::read_to_string(trace).unwrap()
}

fn check(case: &Case) {
    let mut world = World::new();
    let keys = certificate(&world, NAME, case.issuer);
    let trace = connect(&mut world, &keys, case.port, case.client);
    let file = keys.split(' ').nth(1).unwrap().to_owned();
    let ask = |what: &str| {
        let said = world.pool.run(&format!("openssl x509 -noout -nameopt multiline -in {file} {what}"));
        said.trim().to_owned()
    };
    let fingerprint = ask("-fingerprint -sha256").split_once('=').unwrap().1.replace(':', "").to_lowercase();
    let common_name = |what: &str| {
        let said = ask(what);
        let line = said.lines().find(|l| l.contains("commonName")).unwrap();
        line.split_once("= ").unwrap().1.to_owned()
    };
    let (subject, issuer) = (common_name("-subject"), common_name("-issuer"));
    let sans = ask("-ext subjectAltName");
    let sans: Vec<&str> =
        sans.lines().last().unwrap().split(", ").map(|n| n.trim().trim_start_matches("DNS:")).collect();

    // Anybody can show a certificate for any name: without the client's word the address has to be listed, too.
    let listed = format!(
        "{FEED}\n[[pool]]\nname = \"Mountain Pool\"\nentries = [{{ addresses = [\"{}\"], tls = [3443, 3444] }}]\n",
        POOL[0]
    );
    let feed = world.write("own.toml", if case.sni.is_some() { FEED } else { &listed });
    let replay = world.replay_with(&["--feeds", feed.to_str().unwrap()]);
    let out = Output::parse(&replay.run.stdout).unwrap();
    let [flow] = out.of("miner_flow").collect::<Vec<_>>()[..] else { panic!("{}: {:?}", case.client, out.lines) };
    let (from, to) = ends(flow);
    assert_eq!((from.ip().to_string().as_str(), to), (MINER[0], at(POOL[0], case.port)));
    assert_eq!((&flow["dialect"], &flow["verdict"]), (&json!("encrypted"), &json!("suspected")), "{flow}");
    assert_eq!((&flow["known"]["name"], replay.run.code), (&json!("Mountain Pool"), Some(1)), "{flow}");
    let codes: BTreeSet<&str> =
        flow["evidence"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
    assert_eq!(codes, case.evidence.iter().copied().chain(["handshake-verified"]).collect(), "{}", case.client);

    let tls = &flow["tls"];
    let version = tls["version"].as_str().unwrap();
    assert!(version.ends_with(case.version), "{version}");
    let text = |name: &str| tls.get(name).and_then(Value::as_str);
    assert_eq!(text("sni"), case.sni, "{tls}");
    assert_eq!(text("ja4"), Some(ja4(&trace).as_str()), "{tls}");
    let shown = |value: &str| case.shown.then(|| value.to_owned());
    let told = ["fingerprint", "subject", "issuer"].map(|name| text(name).map(str::to_owned));
    assert_eq!(told, [shown(&fingerprint), shown(&subject), shown(&issuer)], "{tls}");
    assert_eq!(tls.get("sans"), case.shown.then(|| json!(sans)).as_ref(), "{tls}");
    let alone = case.shown && case.issuer.is_none();
    assert_eq!(tls.get("self_signed"), alone.then_some(json!(true)).as_ref(), "{tls}");
    assert!(replay.list.lines().all(|l| !l.contains(POOL[0])), "what is suspected only is not blocked");
}

/// The fingerprint of a hello, out of what `openssl s_client -trace` says of it.
fn ja4(trace: &str) -> String {
    let hello = trace.split("Received ").next().unwrap();
    let number = |text: &str| u16::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap();
    let mut ciphers = Vec::new();
    let (mut extensions, mut signatures, mut versions, mut alpn) = (Vec::new(), Vec::new(), vec![0x303], None);
    let mut within = 0;
    for line in hello.lines().map(str::trim) {
        if let Some((high, low)) = line.strip_prefix('{').and_then(|l| l.split_once('}')?.0.split_once(", ")) {
            ciphers.push(number(high) << 8 | number(low));
        } else if let Some(kind) = line.strip_prefix("extension_type=") {
            within = kind[kind.find('(').unwrap() + 1..kind.find(')').unwrap()].parse::<u16>().unwrap();
            extensions.push(within);
        } else if let Some((_, value)) = line.strip_suffix(')').and_then(|l| l.rsplit_once('(')) {
            match within {
                13 => signatures.push(number(value)),
                43 => versions.push(value.parse().unwrap()),
                _ => {}
            }
        } else if within == 16 && alpn.is_none() {
            alpn = Some(line.to_owned());
        }
    }
    let version = if versions.contains(&0x304) { "13" } else { "12" };
    let name = if extensions.contains(&0) { 'd' } else { 'i' };
    let ends = alpn.map_or("00".to_owned(), |a| format!("{}{}", &a[..1], &a[a.len() - 1..]));
    let head = format!("t{version}{name}{:02}{:02}{ends}", ciphers.len(), extensions.len());
    ciphers.sort_unstable();
    extensions.retain(|e| !matches!(e, 0 | 16));
    extensions.sort_unstable();
    let list = |all: &[u16]| all.iter().map(|n| format!("{n:04x}")).collect::<Vec<_>>().join(",");
    let hash = |text: String| {
        let first = Sha256::digest(text).iter().take(6).fold(0, |n, b| n << 8 | u64::from(*b));
        format!("{first:012x}")
    };
    format!("{head}_{}_{}", hash(list(&ciphers)), hash(format!("{}_{}", list(&extensions), list(&signatures))))
}
