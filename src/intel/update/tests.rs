//! Updates against files and against a server of our own on the loopback interface.
#![cfg_attr(not(feature = "update"), allow(dead_code))] // the server and the keys are for fetching

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use super::*;

/// Of a key that was made for this test, and what it signed.
const KEY: &str = "RWRtaW5ld2F0Y96T6/hyn7KvhzJRRbG7/p9x5Ys4ZE0XChudnxb0nTGj";
const SIGNED: &str = "version = 1\n[[pool]]\nname = \"Signed\"\nentries = [{ names = [\"signed.example\"] }]\n";
const SIGNATURE: &str = "untrusted comment: x\nRURtaW5ld2F0Y7cSVto7bwscoD2IHRt5m9ejq97Zkv/AG5RPQSFH6y5KHrYjjFweaZp+5nN8UUhuwaHmuM0HwF3wsEniY6d82ws=\ntrusted comment: feed of a test\n3PZM1dDzKGMb0MFFjlVagt8QBcko61bZPtzwCFVCG4JUm0JsK+hbJASuglgT3Bvo1UnjXLCySOyfl4rF61i/DQ==\n";

fn list(n: usize) -> String {
    let names: Vec<String> = (0..n).map(|i| format!("    {{ names = [\"p{i}.example\"] }},")).collect();
    format!("version = 1\n[[pool]]\nname = \"P\"\nentries = [\n{}\n]\n", names.join("\n"))
}

/// A folder with a configuration for one feed called `own`.
struct Bench {
    dir: tempfile::TempDir,
    config: Config,
}

impl Bench {
    fn new(feed: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("version = 1\nfolder = \"out\"\n[[feed]]\nname = \"own\"\n{feed}\n");
        let config = Config::parse(&dir.path().join("feeds.conf"), &text).unwrap_or_else(|e| panic!("{e}"));
        Self { dir, config }
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn run(&self, accept_shrink: bool) -> State {
        let mut updated = update(&self.config, "2026-11-26".parse().unwrap(), accept_shrink, &|net| {
            (net.first() == IpAddr::from([192, 0, 2, 53])).then(|| "a resolver".to_owned())
        });
        assert_eq!(updated.len(), 1);
        updated.remove(0).state
    }

    #[track_caller]
    fn keeps(&self, says: &str, entries: Option<usize>) {
        match self.run(false) {
            State::Kept { why, entries: kept } => {
                assert!(why.contains(says), "{why:?} does not say {says:?}");
                assert_eq!(kept, entries);
            }
            other => panic!("{other:?}, and not kept because {says}"),
        }
        assert_eq!(self.stored(), entries.unwrap_or(0));
        assert_eq!(self.leftovers(), [""; 0]);
    }

    /// The file in place stays as it is, and the reason says so.
    #[track_caller]
    fn keeps_file(&self, says: &str) {
        let path = self.dir.path().join("out/own.toml");
        let before = std::fs::read(&path).unwrap();
        match self.run(false) {
            State::Kept { why, .. } => assert!(why.contains(says), "{why:?} does not say {says:?}"),
            other => panic!("{other:?}, and not kept because {says}"),
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    /// Entries of the file that is in place.
    fn stored(&self) -> usize {
        let path = self.dir.path().join("out/own.toml");
        std::fs::read_to_string(path).map_or(0, |t| t.matches("example\"").count())
    }

    /// Files that are neither feed nor note.
    fn leftovers(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.dir.path().join("out")) else { return Vec::new() };
        let names = files.map(|f| f.unwrap().file_name().into_string().unwrap());
        names.filter(|n| n != "own.toml" && n != "own.meta.json").collect()
    }
}

fn updated(entries: usize, before: Option<usize>) -> State {
    State::Updated { entries, before, left_out: 0, unshared: 0 }
}

#[test]
fn a_file_is_taken_once_and_again_when_it_changes() {
    let b = Bench::new("file = \"in.toml\"");
    b.keeps("cannot read", None);
    b.write("in.toml", list(10));
    assert_eq!(b.run(false), updated(10, None));
    assert_eq!(b.run(false), State::Unchanged { entries: 10 });
    b.write("in.toml", list(11));
    assert_eq!(b.run(false), updated(11, Some(10)));
    assert_eq!((b.stored(), b.leftovers()), (11, vec![]));
}

/// pwlgrzs/Mikrotik-Blacklist#12.
#[test]
fn il05_a_list_that_shrank_is_refused_until_it_is_accepted() {
    let b = Bench::new("file = \"in.toml\"");
    b.write("in.toml", list(1000));
    b.run(false);
    b.write("in.toml", list(40));
    b.keeps("has 40 entries and had 1000", Some(1000));
    b.keeps("--accept-shrink", Some(1000));
    assert_eq!(b.run(true), updated(40, Some(1000)));
    b.write("in.toml", list(20));
    assert_eq!(b.run(false), updated(20, Some(40)), "half may go");
}

/// firehol/blocklist-ipsets#82.
#[test]
fn il03_a_login_page_leaves_the_last_good_one() {
    let b = Bench::new("file = \"in.toml\"");
    b.write("in.toml", list(10));
    b.run(false);
    for (text, says) in [
        ("<!DOCTYPE html><title>Sign in</title>", "a web page"),
        ("", "empty"),
        ("version = 1\n", "no entry in it"),
        ("\u{1f}\u{8b}x", "is no feed"),
    ] {
        b.write("in.toml", text);
        b.keeps(says, Some(10));
    }
    b.write("in.toml", [0xff, 0xfe, 0]);
    b.keeps("UTF-16", Some(10));
    b.write("in.toml", [0xc3, 0x28]);
    b.keeps("no UTF-8", Some(10));
}

#[test]
fn what_must_never_be_blocked_is_left_out_of_a_list_of_others() {
    let b = Bench::new("file = \"in.txt\"\nformat = \"ips\"\npool = \"Bad\"");
    b.write("in.txt", "203.0.113.7\n192.0.2.53\n203.0.113.8\n");
    match b.run(false) {
        State::Updated { entries: 2, left_out: 1, .. } => {}
        other => panic!("{other:?}"),
    }
    let stored = std::fs::read_to_string(b.dir.path().join("out/own.toml")).unwrap();
    assert!(stored.contains("203.0.113.8") && !stored.contains("192.0.2.53"), "{stored}");
}

#[test]
fn a_list_in_another_format_is_converted_on_its_way() {
    let b = Bench::new("file = \"in.txt\"\nformat = \"coinblocker\"\nrole = \"web-miner\"\npool = \"Browsers\"");
    b.write("in.txt", "a.example\nb.example\n04.27.157.60\n");
    assert_eq!(b.run(false), State::Updated { entries: 2, before: None, left_out: 1, unshared: 0 });
    let (intel, _) = crate::intel::Intel::load_only(&[b.dir.path().join("out")]).unwrap();
    let m = intel.name("x.a.example", None).unwrap();
    assert_eq!((m.pool, m.role), ("Browsers", crate::intel::Role::WebMiner));
    b.write("in.txt", "a.example\n1.2.3\n04.27.157.60\n");
    b.keeps("2 of its lines cannot be read", Some(2));
}

#[test]
fn a_checksum_that_does_not_fit_is_refused() {
    let sum = hex(&Sha256::digest(list(3).as_bytes()));
    let b = Bench::new(&format!("file = \"in.toml\"\nsha256 = \"{}\"", sum.to_uppercase()));
    b.write("in.toml", list(3));
    assert_eq!(b.run(false), updated(3, None));
    b.write("in.toml", list(4));
    b.keeps("it was changed on its way", Some(3));
}

#[cfg(feature = "update")]
#[test]
fn a_signature_is_checked() {
    let b = Bench::new(&format!("file = \"in.toml\"\nminisign = \"{KEY}\""));
    b.write("in.toml", SIGNED);
    b.keeps("its signature is missing: cannot read", None);
    b.write("in.toml.minisig", SIGNATURE);
    assert_eq!(b.run(false), updated(1, None));
    b.write("in.toml", SIGNED.replace("signed.example", "forged.example"));
    b.keeps("signature does not fit", Some(1));
    b.write("in.toml.minisig", "<html>");
    b.keeps("none of minisign", Some(1));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let b = Bench::new("file = \"in.toml\"\nmax_megabytes = 1");
    b.write("in.toml", vec![b'#'; (1 << 20) + 1]);
    b.keeps("larger than 1 MiB", None);
}

#[test]
fn what_cannot_be_written_is_told() {
    let b = Bench::new("file = \"in.toml\"");
    b.write("in.toml", list(2));
    b.write("out", "a file where the folder should be");
    match b.run(false) {
        State::Kept { why, entries: None } => assert!(why.contains("cannot make the folder"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_configuration_says_what_is_wrong_with_it() {
    let said = |feed: &str| {
        let text = format!("version = 1\nfolder = \"out\"\n[[feed]]\n{feed}\n");
        Config::parse(Path::new("feeds.conf"), &text).unwrap_err().to_string()
    };
    for (feed, says) in [
        ("name = \"a\"", "either `url` or `file`"),
        ("name = \"a\"\nurl = \"https://f.example\"\nfile = \"x\"", "either `url` or `file`"),
        ("name = \"../a\"\nfile = \"x\"", "no name for a feed"),
        ("name = \"a\"\nurl = \"http://f.example/x\"", "can be changed by anybody"),
        ("name = \"a\"\nurl = \"http://127.0.0.1@f.example/x\"", "can be changed by anybody"),
        ("name = \"a\"\nurl = \"http://127.evil.example/x\"", "can be changed by anybody"),
        ("name = \"a\"\nurl = \"ftp://f.example/x\"", "neither https"),
        ("name = \"a\"\nfile = \"x\"\nformat = \"hots\"", "there are feed, hosts"),
        ("name = \"a\"\nfile = \"x\"\nsha256 = \"12\"", "64 hexadecimal digits"),
        ("name = \"a\"\nfile = \"x\"\n[[feed]]\nname = \"a\"\nfile = \"y\"", "feeds.conf:7: two feeds"),
        ("name = \"a\"\nfiel = \"x\"", "feeds.conf:5: unknown field `fiel`"),
    ] {
        assert!(said(feed).contains(says), "{feed}: {}", said(feed));
    }
    let e = Config::parse(Path::new("feeds.conf"), "version = 1\nfolder = \"out\"\n").unwrap_err().to_string();
    assert!(e.contains("names no [[feed]]"), "{e}");
}

/// A server that answers one connection after the other with what it is given, and says what it was asked.
struct Server {
    url: String,
    asked: Receiver<Vec<String>>,
    thread: JoinHandle<()>,
}

impl Server {
    fn new(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/own.toml", listener.local_addr().unwrap());
        let (tell, asked) = channel();
        let thread = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = tell.send(request(&stream));
                let _ = stream.write_all(&answer);
            }
        });
        Self { url, asked, thread }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.recv().unwrap()
    }

    fn done(self) {
        self.thread.join().unwrap();
    }
}

/// Lines of a request, in lower case.
fn request(stream: &TcpStream) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map(|l| l.unwrap_or_default().to_lowercase());
    lines.take_while(|l| !l.is_empty()).collect()
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

#[cfg(feature = "update")]
#[test]
fn a_server_is_asked_only_for_what_is_newer() {
    let s = Server::new(vec![
        answer("200 OK\r\nETag: \"one\"\r\nLast-Modified: Wed, 25 Nov 2026 00:00:00 GMT", &list(10)),
        b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_vec(),
        answer("200 OK", &list(12)),
    ]);
    let b = Bench::new(&format!("url = \"{}\"", s.url));
    assert_eq!(b.run(false), updated(10, None));
    let first = s.asked();
    assert_eq!(first[0], "get /own.toml http/1.1");
    assert!(!first.iter().any(|l| l.starts_with("if-")), "{first:?}");
    assert_eq!(b.run(false), State::Unchanged { entries: 10 });
    let second = s.asked();
    assert!(second.contains(&"if-none-match: \"one\"".to_owned()), "{second:?}");
    assert!(second.contains(&"if-modified-since: wed, 25 nov 2026 00:00:00 gmt".to_owned()), "{second:?}");
    // Somebody edited the file: what the server remembers does not belong to it any more.
    std::fs::write(b.dir.path().join("out/own.toml"), list(11)).unwrap();
    assert_eq!(b.run(false), updated(12, Some(11)));
    assert!(!s.asked().iter().any(|l| l.starts_with("if-")));
    s.done();
}

#[cfg(feature = "update")]
#[test]
fn whatever_a_server_does_the_last_good_one_stays() {
    let whole = list(10);
    let cut = answer("200 OK", &whole);
    let s = Server::new(vec![
        answer("200 OK", &whole),
        answer("404 Not Found", "<html>"),
        answer("403 Forbidden", ""),
        answer("200 OK", "<!DOCTYPE html><title>Sign in</title>"),
        cut[..cut.len() - 100].to_vec(),
        answer("302 Found\r\nLocation: http://127.0.0.1:1/x", ""),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(), vec![b'#'; (1 << 20) + 1]].concat(),
        b"SSH-2.0-x\r\n".to_vec(),
    ]);
    let b = Bench::new(&format!("url = \"{}\"\nmax_megabytes = 1", s.url));
    assert_eq!(b.run(false), updated(10, None));
    b.keeps("the list is gone", Some(10));
    b.keeps("wants a login", Some(10));
    b.keeps("a web page", Some(10));
    b.keeps("http://127", Some(10));
    b.keeps("http://127", Some(10));
    b.keeps("larger than 1 MiB", Some(10));
    b.keeps("larger than 1 MiB", Some(10));
    b.keeps("http://127", Some(10));
    s.done();
    b.keeps("http://127", Some(10));
}

#[cfg(feature = "update")]
#[test]
fn checksum_and_signature_are_fetched_beside_the_list() {
    let sum = hex(&Sha256::digest(SIGNED.as_bytes()));
    let s = Server::new(vec![
        answer("200 OK", SIGNED),
        answer("200 OK", &format!("{sum}  own.toml\n")),
        answer("200 OK", SIGNATURE),
        answer("200 OK", SIGNED),
        answer("200 OK", &format!("{}  own.toml\n", "0".repeat(64))),
        answer("200 OK", SIGNATURE),
    ]);
    let b = Bench::new(&format!("url = \"{0}\"\nsha256_url = \"{0}.sha256\"\nminisign = \"{KEY}\"", s.url));
    assert_eq!(b.run(false), updated(1, None));
    let asked: Vec<String> = (0..3).map(|_| s.asked()[0].clone()).collect();
    assert_eq!(asked, ["", ".sha256", ".minisig"].map(|end| format!("get /own.toml{end} http/1.1")));
    b.keeps("was changed on its way", Some(1));
    s.done();
}

#[cfg(feature = "update")]
#[test]
fn a_missing_signature_is_not_a_missing_list() {
    let s = Server::new(vec![answer("200 OK", SIGNED), answer("404 Not Found", "")]);
    let b = Bench::new(&format!("url = \"{}\"\nminisign = \"{KEY}\"", s.url));
    b.keeps(".minisig: its signature is missing (the server says 404)", None);
    s.done();
}

#[cfg(feature = "update")]
#[test]
fn redirects_are_followed_within_the_rules() {
    let to = |place: &str| answer(&format!("302 Found\r\nLocation: {place}"), "");
    let mut answers = vec![
        to("/other.toml"),
        answer("200 OK", &list(10)),
        to("http://f.example/own.toml"),
        to("file:///etc/passwd"),
        to(""),
    ];
    answers.extend(std::iter::repeat_with(|| to("/own.toml")).take(6));
    answers.pop();
    let s = Server::new(answers);
    let b = Bench::new(&format!("url = \"{}\"", s.url));
    assert_eq!(b.run(false), updated(10, None));
    assert_eq!([s.asked(), s.asked()].map(|a| a[0].clone()), ["get /own.toml http/1.1", "get /other.toml http/1.1"]);
    b.keeps("leads to \"http://f.example/own.toml\": ", Some(10));
    b.keeps("neither https:// nor http://", Some(10));
    b.keeps("more than 5 times", Some(10));
    s.done();
}

/// Whoever writes a list could say that everything is shared, and nothing would be blocked any more.
#[test]
fn what_is_never_blocked_is_not_taken_from_others_unless_that_is_wanted() {
    let shared = "\n  [[ \"shared\" ]]\nname = \"F\"\nsource = \"s\"\nprefixes = [\"198.51.100.0/24\"]\n";
    let text = list(10) + shared;
    let is_shared = |b: &Bench| {
        let (intel, problems) = crate::intel::Intel::load_only(&[b.dir.path().join("out")]).unwrap();
        assert_eq!((problems, intel.names()), (vec![], 10));
        intel.shared("198.51.100.7".parse().unwrap()).is_some()
    };
    let mut b = Bench::new("file = \"in.toml\"");
    b.write("in.toml", &text);
    assert_eq!(b.run(false), State::Updated { entries: 10, before: None, left_out: 0, unshared: 1 });
    assert!(!is_shared(&b));
    // From now on it is, although the list is the same.
    b.config.feeds[0].shared = true;
    assert_eq!(b.run(false), State::Updated { entries: 11, before: Some(10), left_out: 0, unshared: 0 });
    assert!(is_shared(&b));
    b.config.feeds[0].shared = false;
    let inline = "version = 1\nshared = [{ name = \"F\", source = \"s\", prefixes = [\"198.51.100.0/24\"] }]\n";
    b.write("in.toml", inline);
    b.keeps_file("in a form that cannot be taken out");
}

/// Only a feed makes room for a feed.
#[test]
fn other_files_at_the_place_of_a_feed_stay() {
    for other in ["precious", "{}"] {
        let b = Bench::new("file = \"in.toml\"");
        b.write("in.toml", list(2));
        std::fs::create_dir(b.dir.path().join("out")).unwrap();
        b.write("out/own.toml", other);
        match b.run(false) {
            State::Kept { why, entries: None } => assert!(why.contains("exists and is no feed"), "{why}"),
            state => panic!("{state:?}"),
        }
        assert_eq!(std::fs::read_to_string(b.dir.path().join("out/own.toml")).unwrap(), other);
    }
    let b = Bench::new("file = \"in.toml\"");
    b.write("in.toml", list(2));
    std::fs::create_dir(b.dir.path().join("out")).unwrap();
    b.write("victim.toml", list(1));
    std::os::unix::fs::symlink(b.dir.path().join("victim.toml"), b.dir.path().join("out/own.toml")).unwrap();
    match b.run(false) {
        State::Kept { why, .. } => assert!(why.contains("is a symbolic link"), "{why}"),
        state => panic!("{state:?}"),
    }
    assert_eq!(std::fs::read_to_string(b.dir.path().join("victim.toml")).unwrap(), list(1));
    // A damaged feed is one of ours, and so is an empty file.
    for ours in ["version = 1\n[[pool]]\nnam", ""] {
        let b = Bench::new("file = \"in.toml\"");
        b.write("in.toml", list(2));
        std::fs::create_dir(b.dir.path().join("out")).unwrap();
        b.write("out/own.toml", ours);
        assert_eq!(b.run(false), updated(2, None), "{ours}");
    }
}
