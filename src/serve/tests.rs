use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::decode::Tenant;
use crate::enforce;
use crate::evidence::Verdict;
use crate::firewall::{
    Book, Decision, Item, NeverBlock, Origin, Policy, Proto, Record, Saved, Scope, Target, Ttl, Who,
};
use crate::health::{self, Counter, Health};
use crate::time::PacketTime;

#[cfg(feature = "serve")]
mod http;
#[cfg(feature = "serve")]
mod metrics;

/// The time on the wall, `secs` from now.
fn from_now(secs: i64) -> PacketTime {
    PacketTime::from_parts(jiff::Timestamp::now().as_second() + secs, 0)
}

fn record(addr: &str, port: Option<u16>) -> Record {
    Record {
        key: Item::Endpoint(Target { addr: addr.parse().unwrap(), service: port.map(|p| (Proto::Tcp, p)), from: None }),
        origin: Origin::Seen,
        verdict: Verdict::Confirmed,
        first: from_now(-60),
        last_seen: from_now(-60),
        expires: from_now(3_600),
        times: 1,
        reason: String::new(),
        by: String::new(),
        miners: vec![Who { tenant: Tenant::None, miner: IpAddr::from([10, 0, 0, 5]) }],
        endpoints: Vec::new(),
    }
}

/// What a book with these records lists at a time.
fn decided(records: Vec<Record>, at: PacketTime) -> Decision {
    let policy = Policy { allow_documentation: true, ttl: Ttl::MAX, ..Policy::default() };
    let mut book = Book::default();
    book.load(Saved { records, releases: Vec::new() }, &policy, at);
    book.list(&policy, &NeverBlock::new(), at)
}

fn pools() -> Vec<Record> {
    vec![record("198.51.100.7", Some(3333)), record("198.51.100.9", None), record("2001:db8::7", Some(443))]
}

fn interface(name: &str, state: crate::capture::live::LinkState) -> crate::capture::live::Interface {
    crate::capture::live::Interface { name: name.to_owned(), state, frames: 7, kernel_drops: 2, interface_drops: 1 }
}

fn trouble(trouble: health::Trouble, interface: Option<&str>) -> health::State {
    health::State { trouble, interface: interface.map(str::to_owned), since: Duration::ZERO, share: 20_000 }
}

/// A board of a watch with which nothing is wrong.
fn well() -> Board {
    let board = Board::new(from_now(-5));
    let mut health = Health::default();
    health.add_n(Counter::Frames, 7);
    let eth1 = interface("eth1", crate::capture::live::LinkState::Watched);
    board.watched(vec![eth1], health, Vec::new(), Duration::from_secs(5));
    board
}

#[test]
fn what_is_wrong_is_told_and_what_is_usual_only_noted() {
    use crate::capture::live::LinkState;
    let board = well();
    let standing = board.standing(from_now(0));
    assert!(standing.well && standing.wrong.is_empty() && standing.notes.is_empty(), "{standing:?}");
    assert_eq!(standing.counters.get("frames"), Some(&7));
    let troubles = vec![trouble(health::Trouble::BadChecksums, None), trouble(health::Trouble::Idle, Some("eth1"))];
    let links = vec![interface("eth1", LinkState::Watched), interface("eth2", LinkState::Gone)];
    board.watched(links, Health::default(), troubles, Duration::from_secs(9));
    let why = enforce::EnforceError::NoProgram { program: "nft".into(), package: "nftables".into() };
    board.kernel(&enforce::Status { errors: 3, last_error: Some(why), ..enforce::Status::default() });
    let lost = crate::state::Health { unsaved: 4, since: Some(from_now(-3)), ..crate::state::Health::default() };
    board.kept(Kept { dir: Some("/var/lib/minewatch".into()), health: lost, ..Kept::default() });
    board.confined(["user: root".to_owned()].into_iter(), ["user: root".to_owned()].into_iter());
    let standing = board.standing(from_now(0));
    assert!(!standing.well);
    let wrong = standing.wrong.join("\n");
    for says in ["eth2 is gone", "state is NOT saved", "4 things wait", "NOT cut off: nft"] {
        assert!(wrong.contains(says), "{says}: {wrong}");
    }
    assert!(!wrong.contains("checksums"), "{wrong}");
    // A network may sleep for a minute.
    assert!(standing.notes.iter().any(|n| n.contains("eth1: no frame")), "{:?}", standing.notes);
    assert!(standing.notes.iter().any(|n| n.contains("checksums")), "{:?}", standing.notes);
    assert!(standing.notes.iter().any(|n| n == "sandbox: user: root"), "{:?}", standing.notes);
}

#[test]
fn the_time_to_cut_off_is_the_median_of_the_latest() {
    let board = well();
    assert_eq!(board.standing(from_now(0)).cut, Cuts::default());
    for ms in [100, 900, 300] {
        board.cut(Duration::from_millis(ms));
    }
    let cut = board.standing(from_now(0)).cut;
    assert_eq!((cut.count, cut.median_secs), (3, Some(0.3)));
    // Thousands of others later it is theirs.
    for _ in 0..5_000 {
        board.cut(Duration::from_secs(2));
    }
    let cut = board.standing(from_now(0)).cut;
    assert_eq!((cut.count, cut.median_secs), (5_003, Some(2.0)));
}

#[test]
fn a_list_that_says_the_same_stays_the_one_it_was() {
    let board = well();
    assert!(board.lists().is_none());
    let records = pools();
    board.list(decided(records.clone(), from_now(0)), from_now(0), Scope::Endpoint);
    board.list(decided(records.clone(), from_now(100)), from_now(100), Scope::Endpoint);
    let lists = board.lists().unwrap();
    assert_eq!((lists.still.number, lists.fresh.number), (1, 2));
    let ttl = |l: &Listed| l.decision.list.entries()[0].ttl_secs;
    assert!(ttl(&lists.still) > ttl(&lists.fresh));
    // One fewer is another list.
    board.list(decided(records[1..].to_vec(), from_now(100)), from_now(100), Scope::Endpoint);
    let lists = board.lists().unwrap();
    assert_eq!((lists.still.number, lists.fresh.number), (3, 3));
    // So is one that lives longer.
    let longer = records[1..].iter().map(|r| Record { expires: from_now(7_200), ..r.clone() }).collect();
    board.list(decided(longer, from_now(100)), from_now(100), Scope::Endpoint);
    assert_eq!(board.lists().unwrap().still.number, 4);
}

fn asked(dir: &Path) -> Result<Standing, AskError> {
    ask(dir).map(|(standing, _)| standing)
}

#[test]
fn a_socket_tells_whoever_asks_until_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("not/there/yet");
    assert!(matches!(asked(&state), Err(AskError::NotRunning { .. })));
    let (socket, said) = Socket::bind(&state).unwrap();
    assert_eq!(said, None);
    let answering = socket.start(well()).unwrap();
    for _ in 0..3 {
        assert_eq!(asked(&state).unwrap().pid, std::process::id());
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(state.join(FILE)).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o660);
    // A second watch leaves it alone.
    assert!(matches!(Socket::bind(&state), Err(AskError::Taken { .. })));
    assert!(asked(&state).is_ok());
    drop(answering);
    assert!(!state.join(FILE).exists());
    assert!(matches!(asked(&state), Err(AskError::NotRunning { .. })));
}

#[test]
fn one_that_was_left_behind_is_replaced_and_anything_else_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(asked(dir.path()), Err(AskError::NotRunning { .. })));
    let (socket, said) = Socket::bind(dir.path()).unwrap();
    assert_eq!(said, None);
    let answering = socket.start(well()).unwrap();
    assert!(asked(dir.path()).is_ok());
    drop(answering);
    std::fs::write(&path, "somebody's").unwrap();
    let (socket, said) = Socket::bind(dir.path()).unwrap();
    assert!(said.is_some());
    drop(socket.start(well()).unwrap());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's");
}

#[test]
fn who_hangs_up_or_never_reads_keeps_nobody_from_asking() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, _) = Socket::bind(dir.path()).unwrap();
    let _answering = socket.start(well()).unwrap();
    let idle: Vec<_> =
        (0..20).map(|_| std::os::unix::net::UnixStream::connect(dir.path().join(FILE)).unwrap()).collect();
    drop(std::os::unix::net::UnixStream::connect(dir.path().join(FILE)).unwrap());
    assert!(asked(dir.path()).is_ok());
    // They got theirs, too.
    for mut stream in idle {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("}\n"), "{text}");
    }
}

#[test]
fn what_answers_something_else_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join(FILE)).unwrap();
    let answers = std::thread::spawn(move || {
        for text in ["hello", "{\"well\":1}", "{\"well\":true,\"later\":[1]}"] {
            let (mut stream, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut stream, text.as_bytes()).unwrap();
        }
    });
    for _ in 0..2 {
        assert!(matches!(asked(dir.path()), Err(AskError::Odd { .. })));
    }
    // A newer version says more.
    assert!(asked(dir.path()).unwrap().well);
    answers.join().unwrap();
}

/// An address that nobody listens at yet.
#[cfg(feature = "serve")]
fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
