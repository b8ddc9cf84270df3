//! Miners come and go for as long as one likes: memory stays flat, and nobody is lost.
//!
//! `MINEWATCH_SOAK_SECS=3600 cargo test --test lab soak -- --ignored --nocapture` prints a line of figures every ten
//! seconds.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::ends::Miner;
use crate::netns::say;
use crate::netns::world::{POOLS, ip};
use crate::watch::{PORT, lab};

/// A new miner so often.
const EACH: Duration = Duration::from_secs(1);
/// One in so many mines where nothing is cut off, and leaves by itself.
const SPARED: u64 = 4;
/// Hosts that they are on.
const HOSTS: u64 = 200;
/// Ports that pools listen on.
const PORTS: u64 = 16;
/// A miner that mined so long has not been cut off.
const OVERLOOKED: Duration = Duration::from_secs(20);
/// How often figures are taken.
const SAMPLE: Duration = Duration::from_secs(10);
/// What may come and go with the load of the moment: buffers of the allocator, the list that is being told.
const SLACK: u64 = 4 << 20;
/// What a miner leaves behind for a day, in the report, the incidents and the book.
const OF_ONE: u64 = 4 << 10;

/// Where the n-th miner is, and where it mines.
fn nth(n: u64) -> (IpAddr, SocketAddr) {
    let host = 10 + n % HOSTS;
    let here = Ipv4Addr::new(192, 0, 2, u8::try_from(host).unwrap());
    let port = |n: u64| PORT + u16::try_from(n % PORTS).unwrap();
    if n.is_multiple_of(SPARED) {
        (here.into(), (ip(POOLS[0].0), PORT).into())
    } else if n.is_multiple_of(2) {
        let at = Ipv4Addr::new(203, 0, 113, u8::try_from(1 + n / 2 % 254).unwrap());
        (here.into(), (at, port(n / 2 / 254)).into())
    } else {
        let here = Ipv6Addr::from_bits(ip6("2001:db8:a::") + u128::from(host));
        (here.into(), (Ipv6Addr::from_bits(ip6("2001:db8:c::") + u128::from(n) + 1), port(n)).into())
    }
}

fn ip6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().unwrap().to_bits()
}

/// Starts miners for some seconds, and says what became of each.
pub(crate) fn crowd(secs: &str) -> String {
    let until = Instant::now() + Duration::from_secs(secs.parse().unwrap());
    std::thread::scope(|scope| {
        for n in 0.. {
            if Instant::now() >= until {
                break;
            }
            scope.spawn(move || say(&format!("{n} {}", one(n))));
            std::thread::sleep(EACH);
        }
    });
    "OVER".to_owned()
}

fn one(n: u64) -> &'static str {
    let (here, at) = nth(n);
    let stays = if n.is_multiple_of(SPARED) { Duration::from_secs(3 + n / SPARED % 8) } else { OVERLOOKED };
    let since = Instant::now();
    let Ok(mut miner) = Miner::begin(Some(here), at) else { return "REFUSED" };
    while since.elapsed() < stays {
        if miner.share().is_err() {
            return "CUT";
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    "LEFT"
}

/// Memory of the two processes in bytes.
#[derive(Clone, Copy)]
struct Memory {
    watch: u64,
    peak: u64,
    enforcer: u64,
}

impl Memory {
    fn of(watch: u32) -> Self {
        let enforcer = children(watch).into_iter().next();
        Self {
            watch: field(watch, "VmRSS:"),
            peak: field(watch, "VmHWM:"),
            enforcer: enforcer.map_or(0, |pid| field(pid, "VmRSS:")),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = |bytes: u64| bytes >> 10;
        write!(f, "watch {} KiB (peak {}), enforcer {} KiB", kib(self.watch), kib(self.peak), kib(self.enforcer))
    }
}

/// A size out of the status of a process.
pub(crate) fn field(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn children(of: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|l| l.strip_prefix("PPid:").is_some_and(|p| p.trim() == of.to_string()))
    })
    .collect()
}

#[test]
#[ignore = "takes as long as MINEWATCH_SOAK_SECS says"]
fn soak() {
    let Some(lab) = lab() else { return };
    let secs: u64 = std::env::var("MINEWATCH_SOAK_SECS").map_or(60, |s| s.parse().unwrap());
    let world = &lab.world;
    let hosts = (0..HOSTS).map(|n| {
        let (v4, v6) = (10 + n, format!("2001:db8:a::{:x}", 10 + n));
        format!("echo addr add 192.0.2.{v4}/24 dev eth0; echo addr add {v6}/64 dev eth0 nodad; ")
    });
    world.inside.run(&format!("({}) | ip -batch -", hosts.collect::<String>()));
    // Every address of these networks is the pools'.
    world.outside.run("ip route add local 203.0.113.0/24 dev lo; ip -6 route add local 2001:db8:c::/64 dev lo");
    let routes = "ip route add 203.0.113.0/24 via 198.51.100.10; ip -6 route add 2001:db8:c::/64 via 2001:db8:b::10";
    world.gateway.run(routes);
    let ports: Vec<_> = (0..PORTS).map(|n| format!("[::]:{}", u64::from(PORT) + n)).collect();
    let mut pools = world.outside.role(&format!("pool {}", ports.join(" ")));
    assert_eq!(pools.hear(), "READY");

    let mut watch = lab.watch(&["--apply", "--ttl", "2m", "--never-block", POOLS[0].0]);
    let mut crowd = world.inside.role(&format!("crowd {secs}"));
    let (tell, told) = channel();
    std::thread::spawn(move || {
        while let line = crowd.hear()
            && line != "OVER"
            && tell.send(line).is_ok()
        {}
    });
    let (begun, mut due) = (Instant::now(), SAMPLE);
    let (mut cut, mut left) = (Vec::new(), Vec::new());
    let mut samples: Vec<(usize, Memory)> = Vec::new();
    loop {
        match told.recv_timeout(due.saturating_sub(begun.elapsed())) {
            Ok(line) => {
                let (n, what) = line.split_once(' ').unwrap();
                let n: u64 = n.parse().unwrap();
                match (what, n.is_multiple_of(SPARED)) {
                    ("CUT", false) => cut.push(n),
                    ("LEFT", true) => left.push(n),
                    _ => panic!("miner {n}, {:?}: {what}\n{}", nth(n), watch.heard().join("\n")),
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                due += SAMPLE;
                let memory = Memory::of(watch.pid());
                samples.push((cut.len() + left.len(), memory));
                let secs = begun.elapsed().as_secs();
                println!("{secs} s: {memory}; {} cut off, {} left", cut.len(), left.len());
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(cut.len() as u64 > secs / 2 && left.len() as u64 > secs / 8, "{} cut off, {} left", cut.len(), left.len());

    let said = watch.ends();
    let incidents = lab.command(&["incidents", "--json"]);
    let known: BTreeSet<(IpAddr, SocketAddr)> = incidents
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
        .filter(|i| i["verdict"] == "confirmed")
        .map(|i| {
            let addr = |name: &str| ip(i[name].as_str().unwrap());
            let port = u16::try_from(i["pool_port"].as_u64().unwrap()).unwrap();
            (addr("host"), SocketAddr::from((addr("pool_ip"), port)))
        })
        .collect();
    let lost: Vec<_> = cut.iter().chain(&left).filter(|n| !known.contains(&nth(**n))).collect();
    assert!(lost.is_empty(), "not in the incidents: {lost:?}");
    let untold: Vec<_> = cut.iter().filter(|n| !said.contains(&format!("cut off {}/tcp", nth(**n).1))).collect();
    assert!(untold.is_empty(), "cut off and not told: {untold:?}");

    // Buffers and tables have found their size after a third.
    let (Some(&(before, warm)), Some(&(after, end))) = (samples.get(samples.len() / 3), samples.last()) else { return };
    let more = (after - before) as u64;
    let each = end.watch.saturating_sub(warm.watch) / more.max(1);
    println!("after warm-up: {more} miners; {warm} -> {end}; {each} bytes a miner");
    assert!(end.watch <= warm.watch + SLACK + more * OF_ONE, "the watch grows");
    assert!(end.enforcer <= warm.enforcer + SLACK, "the enforcer grows");
}
