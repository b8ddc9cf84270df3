//! Lists for resolvers and routers in the programs that they are for: loaded, asked, and compared with what the gate
//! decided.
//!
//! Needs root for network namespaces, and dnsmasq, unbound, dig, named-checkzone and exabgp; without them the tests say
//! so and are skipped.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[allow(dead_code)] // firewalls and connections are for other tests
mod netns;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use minewatch::decode::Tenant;
use minewatch::evidence::Verdict;
use minewatch::firewall::{
    BlockCandidate, Decision, Destination, Meta, NameUse, NeverBlock, Policy, Proto, RenderOptions, Scope, decide,
    format_by_id, write_all,
};
use minewatch::time::PacketTime;
use netns::{Netns, available};

const NOW: PacketTime = PacketTime::from_parts(1_795_636_800, 0);

/// The longest label, and names that a sloppy reader would trip over.
const NAMES: [&str; 4] = [
    "pool.example",
    "_stratum._tcp.xn--bcher-kva.example",
    "a1234567890123456789012345678901234567890123456789012345678901x.example",
    "1-2.eu.miners.example",
];

/// Endpoints of both families and protocols, each with a name.
fn decided(names: &[&str], scope: Scope) -> Decision {
    let uses: Vec<[NameUse<'_>; 1]> = names
        .iter()
        .map(|name| [NameUse { name, told_by: None, sent: true, host: false, takes_miners: true }])
        .collect();
    let addresses = ["198.51.100.10", "203.0.113.1", "2001:db8::1", "2001:db8::2"];
    let candidates: Vec<_> = uses
        .iter()
        .zip(addresses)
        .zip([(Proto::Tcp, 3333), (Proto::Udp, 65_535), (Proto::Tcp, 443), (Proto::Udp, 1)])
        .map(|((names, addr), (proto, port))| BlockCandidate {
            addr: addr.parse().unwrap(),
            proto,
            port,
            tenant: Tenant::None,
            miner: [10, 0, 0, 5].into(),
            miner_mac: None,
            source: None,
            allowed: false,
            verdict: Verdict::Confirmed,
            handshake_verified: true,
            client_data_acked: true,
            peer_replied: true,
            one_way: false,
            tunnelled: false,
            proxied: false,
            shared_front: None,
            crowd: None,
            country: None,
            asn: None,
            names,
            last_seen: NOW,
        })
        .collect();
    let policy = Policy { scope, allow_documentation: true, ..Policy::default() };
    let d = decide(&candidates, &policy, &NeverBlock::new(), NOW);
    assert_eq!((d.list.names().len(), d.list.len()), (names.len(), names.len()));
    d
}

fn written(folder: &Path, id: &str, d: &Decision) -> PathBuf {
    let path = folder.join(id);
    let rendered = format_by_id(id).unwrap().render(&d.list, &Meta::of(d, NOW), &RenderOptions::default());
    assert!(rendered.warnings.is_empty(), "{:?}", rendered.warnings);
    write_all(&Destination::from(path.as_path()), &rendered.files).unwrap();
    path
}

/// A program that runs until its owner is done with it.
struct Daemon(Child);

impl Daemon {
    /// Starts it, and waits until it says `ready` on standard error.
    fn start(ns: &Netns, line: &str, ready: &str) -> Self {
        let mut child = ns.command("sh").args(["-c", &format!("exec {line}")]).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        loop {
            let Some(Ok(next)) = lines.next() else { panic!("{line} is over: {said}") };
            if next.contains(ready) {
                break;
            }
            said = said + &next + "\n";
        }
        // What nobody reads must not hold it up.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The status and the addresses of an answer.
fn ask(ns: &Netns, name: &str, kind: &str) -> (String, String) {
    let out = ns.run(&format!("dig @127.0.0.1 -p 5300 +tries=3 +time=5 +noall +comments +answer {name} {kind}"));
    let status = out.split("status: ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let address = out.lines().rfind(|l| !l.starts_with(';') && !l.is_empty());
    (status, address.map_or(String::new(), |l| l.split_whitespace().next_back().unwrap().to_owned()))
}

/// Everything that is listed and all below it does not exist; everything else is as before.
fn is_blocked(ns: &Netns) {
    for name in NAMES {
        for kind in ["A", "AAAA", "TXT", "HTTPS"] {
            for name in [name.to_owned(), format!("eu.{name}"), name.to_uppercase()] {
                assert_eq!(ask(ns, &name, kind), ("NXDOMAIN".to_owned(), String::new()), "{name} {kind}");
            }
        }
    }
    is_open(ns, &["notpool.example", "example", "miners.example", "pool.example.net", "bcher-kva.example"]);
}

fn is_open(ns: &Netns, names: &[&str]) {
    for name in names {
        assert_eq!(ask(ns, name, "A"), ("NOERROR".to_owned(), "192.0.2.9".to_owned()), "{name}");
    }
}

/// A resolver that answers anything.
const ANYTHING: &str = "dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --log-facility=- \
                        --bind-interfaces --listen-address=127.0.0.1 --pid-file --user=root --address=/#/192.0.2.9";

#[test]
fn eo09_dnsmasq_answers_for_no_listed_name_in_any_family() {
    if !available(&["dnsmasq --version", "dig -v"]) {
        return;
    }
    let (ns, folder) = (Netns::new(), tempfile::tempdir().unwrap());
    let start = |list: &Path| {
        let line =
            format!("{ANYTHING} --port=5300 --conf-file={}", list.display()).replace("--conf-file=/dev/null ", "");
        ns.run(&format!("dnsmasq --test --conf-file={}", list.display()));
        Daemon::start(&ns, &line, "started, version")
    };
    {
        let _resolver = start(&written(folder.path(), "dnsmasq", &decided(&NAMES, Scope::Endpoint)));
        is_blocked(&ns);
    }
    let _resolver = start(&written(folder.path(), "dnsmasq", &decided(&[], Scope::Endpoint)));
    is_open(&ns, &NAMES);
}

#[test]
fn a_hosts_file_answers_with_nowhere_in_both_families() {
    if !available(&["dnsmasq --version", "dig -v"]) {
        return;
    }
    let (ns, folder) = (Netns::new(), tempfile::tempdir().unwrap());
    let list = written(folder.path(), "hosts", &decided(&NAMES, Scope::Endpoint));
    let line = format!("{ANYTHING} --port=5300 --addn-hosts={}", list.display());
    let _resolver = Daemon::start(&ns, &line, "read ");
    for name in NAMES {
        assert_eq!(ask(&ns, name, "A"), ("NOERROR".to_owned(), "0.0.0.0".to_owned()), "{name}");
        assert_eq!(ask(&ns, name, "AAAA"), ("NOERROR".to_owned(), "::".to_owned()), "{name}");
    }
    is_open(&ns, &["eu.pool.example", "notpool.example"]);
}

/// unbound with a part of its configuration, in front of a resolver that answers anything.
fn unbound(ns: &Netns, folder: &Path, modules: &str, more: &str) -> [Daemon; 2] {
    let config = folder.join("unbound.conf");
    let text = format!(
        "server:\n  interface: 127.0.0.1\n  port: 5300\n  do-daemonize: no\n  use-syslog: no\n  verbosity: 1\n  \
         chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  directory: \"{0}\"\n  do-not-query-localhost: no\n  \
         module-config: \"{modules}\"\n{more}\nforward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@5301\n\
         remote-control:\n  control-enable: no\n",
        folder.display()
    );
    fs::write(&config, text).unwrap();
    ns.run(&format!("unbound-checkconf {}", config.display()));
    let upstream = Daemon::start(ns, &format!("{ANYTHING} --port=5301"), "started, version");
    [Daemon::start(ns, &format!("unbound -d -p -c {}", config.display()), "start of service"), upstream]
}

#[test]
fn unbound_answers_for_no_listed_name() {
    if !available(&["unbound -V", "dnsmasq --version", "dig -v"]) {
        return;
    }
    let (ns, folder) = (Netns::new(), tempfile::tempdir().unwrap());
    for names in [&NAMES[..], &[]] {
        let list = written(folder.path(), "unbound", &decided(names, Scope::Endpoint));
        let _resolver = unbound(&ns, folder.path(), "iterator", &format!("include: \"{}\"", list.display()));
        if names.is_empty() { is_open(&ns, &NAMES) } else { is_blocked(&ns) }
    }
}

#[test]
fn eo07_a_policy_zone_is_whole_and_answers_for_no_listed_name() {
    if !available(&["unbound -V", "dnsmasq --version", "dig -v", "named-checkzone -v"]) {
        return;
    }
    let (ns, folder) = (Netns::new(), tempfile::tempdir().unwrap());
    for names in [&NAMES[..], &[]] {
        let list = written(folder.path(), "rpz", &decided(names, Scope::Endpoint));
        let said = ns.run(&format!("named-checkzone -D minewatch.rpz {}", list.display()));
        assert!(!said.contains("out-of-zone") && !said.contains("ignor"), "{said}");
        let owners = said.lines().filter(|l| l.contains("CNAME")).count();
        assert_eq!(owners, 2 * names.len(), "{said}");
        let zone = format!("rpz:\n  name: minewatch.rpz\n  zonefile: \"{}\"", list.display());
        let _resolver = unbound(&ns, folder.path(), "respip iterator", &zone);
        if names.is_empty() { is_open(&ns, &NAMES) } else { is_blocked(&ns) }
    }
}

#[test]
fn exabgp_reads_the_routes_and_they_are_what_was_decided() {
    if !available(&["exabgp --help"]) {
        return;
    }
    let (ns, folder) = (Netns::new(), tempfile::tempdir().unwrap());
    for (names, scope) in [(&NAMES[..], Scope::Endpoint), (&NAMES, Scope::Address), (&[], Scope::Endpoint)] {
        let d = decided(names, scope);
        let list = written(folder.path(), "exabgp", &d);
        let mut config = fs::OpenOptions::new().append(true).open(&list).unwrap();
        writeln!(
            config,
            "neighbor 127.0.0.2 {{ inherit minewatch; router-id 192.0.2.1; local-address 127.0.0.1; local-as 64500; \
             peer-as 64501; family {{ ipv4 flow; ipv6 flow; }} }}"
        )
        .unwrap();
        let said = ns.run(&format!("exabgp --test --debug {} 2>&1", list.display()));
        for e in d.list.entries() {
            let (len, protocol) = if e.target.addr.is_ipv4() { ("/32", "protocol") } else { ("/128/0", "next-header") };
            let service = e
                .target
                .service
                .map_or(String::new(), |(proto, port)| format!(" {protocol} ={proto} destination-port ={port}"));
            let family = if e.target.addr.is_ipv4() { "ipv4" } else { "ipv6" };
            let route =
                format!("flow destination-{family} {}{len}{service} extended-community rate-limit:0", e.target.addr);
            assert!(said.contains(&format!("parsed route {route}")), "{route}: {said}");
        }
        assert_eq!(said.matches("parsed route flow ").count(), d.list.len(), "{said}");
    }
}
