//! The process that is confined: tries things, and prints what became of each.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use minewatch::capture::live::{Live, LiveOptions};
use minewatch::enforce::{Block, Choice, Enforcer, Options, Wanted};
use minewatch::firewall::Target;
use minewatch::notify::Notifier;
use minewatch::sandbox::{Plan, User, confine};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// What to do, as words.
pub(crate) const HOW: &str = "MINEWATCH_TEST_CONFINED";
/// Where.
pub(crate) const DIR: &str = "MINEWATCH_TEST_FOLDER";

/// Not a test: the process that the others start.
#[test]
fn role() {
    let Ok(how) = std::env::var(HOW) else { return };
    let wants = |word: &str| how.split(' ').any(|w| w == word);
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    if wants("old") {
        old_kernel();
    }
    if wants("container") {
        let only = rustix::thread::CapabilitySet::NET_RAW;
        let sets = rustix::thread::CapabilitySets { effective: only, permitted: only, inheritable: only };
        rustix::thread::set_capabilities(None, sets).unwrap();
    }
    let late = wants("late").then(|| std::thread::spawn(std::thread::park));
    let handle = Live::open(&["lo".to_owned()], LiveOptions::default()).unwrap();
    let enforcer = wants("enforcer").then(enforcer);
    let database = database(&dir.join("state"));
    let manager = UnixDatagram::bind(dir.join("elsewhere/notify")).unwrap();
    manager.set_nonblocking(true).unwrap();
    let notifier = Notifier::from_env();
    let mut operator = operator(&dir.join("feeds"));
    let report = confine(&Plan {
        user: wants("user").then(|| User::named("nobody").unwrap()),
        keep_net_raw: wants("raw"),
        readable: vec![dir.join("feeds/own.toml")],
        writable: Vec::new(),
        own: vec![dir.join("state")],
    });
    // Past what the test runner writes before its own lines.
    println!();
    report.lines().for_each(|l| println!("report {l}"));
    report.missing().for_each(|l| println!("missing {l}"));
    for line in fs::read_to_string("/proc/thread-self/status").unwrap().lines() {
        println!("status {}", line.replacen(":\t", "=", 1));
    }
    if let Some(enforcer) = enforcer {
        ask(enforcer);
    } else {
        forbidden(&dir);
        needed(&dir, &database, &mut operator, (&notifier, &manager));
    }
    drop(operator.stdin.take());
    let _ = operator.wait();
    drop((handle, manager));
    if let Some(thread) = late {
        thread.thread().unpark();
        thread.join().unwrap();
    }
}

fn tell<T, E: std::fmt::Display>(what: &str, outcome: Result<T, E>) {
    match outcome {
        Ok(_) => println!("tried {what}=done"),
        Err(e) => {
            println!("tried {what}=refused");
            println!("because {e}");
        }
    }
}

/// A call by its number, with arguments that do no harm should it be allowed.
#[allow(unsafe_code)]
fn call(number: i64, args: [i64; 3]) -> io::Result<i64> {
    // SAFETY: no argument that is passed here is an address, other than a null one, which the kernel does not follow
    // on our behalf but refuses.
    match unsafe { libc::syscall(number, args[0], args[1], args[2], 0, 0, 0) } {
        -1 => match io::Error::last_os_error() {
            e if matches!(e.raw_os_error(), Some(libc::EPERM | libc::EAFNOSUPPORT)) => Err(e),
            // The kernel looked at the arguments, and found them wrong.
            _ => Ok(-1),
        },
        n => Ok(n),
    }
}

fn forbidden(dir: &Path) {
    tell("shadow", File::open("/etc/shadow"));
    tell("elsewhere", File::open(dir.join("elsewhere/secret")));
    tell("write elsewhere", File::create(dir.join("elsewhere/new")));
    tell("exec", Command::new("/bin/true").status());
    tell("ptrace", call(libc::SYS_ptrace, [libc::PTRACE_DETACH.into(), 1, 0]));
    tell("mount", call(libc::SYS_mount, [0, 0, 0]));
    tell("unshare", call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0]));
    tell("bpf", call(libc::SYS_bpf, [0, 0, 0]));
    tell("setuid", call(libc::SYS_setuid, [0, 0, 0]));
    // The thread's own keyring needs no right.
    tell("keyctl", call(libc::SYS_keyctl, [0, -1, 1]));
    tell("io_uring", call(libc::SYS_io_uring_setup, [1, 0, 0]));
    tell("raw socket", call(libc::SYS_socket, [libc::AF_PACKET.into(), libc::SOCK_RAW.into(), 0]));
    tell("odd socket", call(libc::SYS_socket, [libc::AF_VSOCK.into(), libc::SOCK_STREAM.into(), 0]));
}

fn needed(
    dir: &Path,
    database: &rusqlite::Connection,
    operator: &mut Child,
    (notifier, manager): (&Notifier, &UnixDatagram),
) {
    tell("threads", std::thread::Builder::new().spawn(|| ()).map(|t| t.join().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tell("timer", runtime.map(|r| r.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await })));
    let changed = database.execute_batch(
        "BEGIN IMMEDIATE; CREATE TABLE t (n); INSERT INTO t VALUES (1); COMMIT; PRAGMA wal_checkpoint(TRUNCATE);
         INSERT INTO t VALUES (2);",
    );
    tell("database", changed);
    tell(
        "list",
        fs::write(dir.join("state/minewatch-list.tmp"), "list")
            .and_then(|()| fs::rename(dir.join("state/minewatch-list.tmp"), dir.join("state/minewatch-list"))),
    );
    tell("routes", fs::read("/proc/net/route"));
    tell("time zone", fs::read_dir("/usr/share/zoneinfo"));
    tell("devices", fs::OpenOptions::new().write(true).open("/dev/null").and_then(|mut n| n.write_all(b"x")));
    let panicked = std::panic::catch_unwind(|| panic!("caught"));
    tell("panic", panicked.err().map(|_| ()).ok_or("it did not unwind"));
    notifier.ready();
    tell("notify", manager.recv(&mut [0; 64]));
    let filtered = LiveOptions { filter: Some("tcp port 3333".to_owned()), ..LiveOptions::default() };
    tell("interface again", Live::open(&["lo".to_owned()], filtered));
    operator.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(operator.wait().unwrap().success());
    let new = fs::read_to_string(dir.join("feeds/own.toml"));
    tell("feeds replaced", new.map_err(|e| e.to_string()).and_then(|t| if t == "new\n" { Ok(()) } else { Err(t) }));
}

/// Replaces a file when told, as an editor does: by another.
fn operator(feeds: &Path) -> Child {
    let mut sh = Command::new("sh");
    sh.args(["-c", "read -r go && echo new >own.toml~ && mv -f own.toml~ own.toml"]);
    sh.current_dir(feeds).stdin(Stdio::piped()).spawn().unwrap()
}

fn database(state: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(state.join("minewatch.db")).unwrap();
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    db
}

/// As if the kernel had neither.
fn old_kernel() {
    let none = [libc::SYS_landlock_create_ruleset, libc::SYS_seccomp].map(|call| (call, Vec::new()));
    let refuse = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(none.into(), SeccompAction::Allow, refuse, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}

fn enforcer() -> Enforcer {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_minewatch"));
    let back_off = Duration::ZERO;
    Enforcer::spawn(Options {
        program,
        backend: Choice::Nftables,
        allow_documentation: true,
        back_off,
        ..Options::default()
    })
    .unwrap()
}

fn ask(mut enforcer: Enforcer) {
    tell("enforcer asked", enforcer.ping());
    let target = Target { addr: IpAddr::from([198, 51, 100, 7]), service: None, from: None };
    let wanted = Wanted { block: vec![Block { target, ttl_secs: 60 }], isolate: Vec::new() };
    tell("enforcer applies", enforcer.apply(&wanted));
    // It is root's.
    let pid = rustix::process::Pid::from_raw(i32::try_from(enforcer.pid().unwrap()).unwrap()).unwrap();
    tell(
        "enforcer left alone",
        match rustix::process::kill_process(pid, rustix::process::Signal::KILL) {
            Err(rustix::io::Errno::PERM) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    // Its end is waited for, though it cannot be killed.
    drop(enforcer);
    let again = Enforcer::spawn(Options { program: "/proc/self/exe".into(), ..Options::default() });
    tell("enforcer again", again.map(|_| ()));
}
