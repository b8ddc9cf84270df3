//! Feeds and databases that are replaced while `watch` runs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use std::{fs, thread};

use serde_json::json;

use crate::available;
use crate::netns::Netns;
use crate::support::output::{Output, ends};
use crate::support::places;
use crate::world::{MINER, POOL, World, at};

/// A safety net for a program that never says what is expected.
const NEVER: Duration = Duration::from_mins(1);

/// `minewatch watch --json`, the lines of which can be waited for.
struct Watch {
    child: Child,
    said: Receiver<String>,
    complained: Receiver<String>,
    stdout: String,
    stderr: String,
}

impl Watch {
    fn start(ns: &Netns, options: &[&str]) -> Self {
        let mut child = ns
            .command(env!("CARGO_BIN_EXE_minewatch"))
            .args(["watch", "--interface", "in0", "--json"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, complained) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, said, complained, stdout: String::new(), stderr: String::new() }
    }

    /// Waits for a line of standard output with all these words.
    fn hear(&mut self, words: &[&str]) -> String {
        wait_for(&self.said, &mut self.stdout, words)
    }

    /// The same of standard error.
    fn hear_complaint(&mut self, words: &[&str]) -> String {
        wait_for(&self.complained, &mut self.stderr, words)
    }

    /// Interrupts it; the rest of what it says.
    fn end(mut self) -> (Output, String) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
        for (from, all) in [(&self.said, &mut self.stdout), (&self.complained, &mut self.stderr)] {
            while let Ok(line) = from.recv_timeout(NEVER) {
                *all += &(line + "\n");
            }
        }
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{}", self.stderr);
        (Output::parse(self.stdout.as_bytes()).unwrap(), self.stderr.clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if tx.send(line).is_err() {
                break;
            }
        }
    });
    rx
}

#[track_caller]
fn wait_for(lines: &Receiver<String>, all: &mut String, words: &[&str]) -> String {
    loop {
        let line = lines.recv_timeout(NEVER).unwrap_or_else(|_| panic!("{words:?} was never said:\n{all}"));
        *all += &line;
        *all += "\n";
        if words.iter().all(|w| line.contains(w)) {
            return line;
        }
    }
}

/// Puts a file in the place of another, as a careful writer does.
fn replace(path: &Path, bytes: impl AsRef<[u8]>) {
    let new = path.with_extension("new");
    fs::write(&new, bytes).unwrap();
    fs::rename(new, path).unwrap();
}

fn feed(pool: &str, more: &[&str]) -> String {
    let names: Vec<String> = more.iter().map(|n| format!("{n:?}")).collect();
    format!(
        "version = 1\n\n[[pool]]\nname = {pool:?}\nentries = [\n\
         \x20   {{ addresses = [{:?}], plain = [3331, 3332, 3333, 3334] }},\n    {{ names = [{}] }},\n]\n",
        POOL[0],
        names.join(", ")
    )
}

#[test]
fn a_feed_that_is_replaced_names_the_next_flow_and_a_broken_one_is_refused() {
    if !cfg!(feature = "live") || !available(&[], false) {
        return;
    }
    let mut world = World::new();
    let names = ["a.example", "b.example", "c.example", "d.example"];
    let own = world.write("own.toml", &feed("Old Pool", &names));
    let countries = world.path("countries.mmdb");
    let [own_option, countries_option] = [&own, &countries].map(|p| p.to_str().unwrap().to_owned());
    let options = ["--feeds", &own_option, "--geo", &countries_option];
    let mut watch = Watch::start(&world.middle, &options);
    watch.hear_complaint(&["watching in0"]);

    let to = |port: u16| at(POOL[0], port);
    world.mine(&format!("cryptonote tcp {}", to(3331)));
    watch.hear(&["miner_alert", "confirmed", "3331"]);
    // Begins before, ends after.
    let mut held = world.mine_held(&format!("cryptonote held {}", to(3332)));

    replace(&own, feed("New Pool", &names));
    watch.hear_complaint(&["the feeds were read anew"]);
    replace(&countries, places::countries(&[("198.51.100.0", "NZ")]));
    watch.hear_complaint(&["countries and networks were read anew"]);
    // Any word will do.
    assert_eq!(held.ping(), "DONE");

    replace(&own, "version = 1\n[[pool]\n");
    let broken = watch.hear_complaint(&["NOT taken"]);
    assert!(broken.contains("own.toml"), "{broken}");
    world.mine(&format!("cryptonote tcp {}", to(3333)));
    watch.hear(&["miner_alert", "confirmed", "3333"]);

    // Well-formed, and most of it is gone.
    replace(&own, feed("Cut Pool", &names[..1]));
    let shrunk = watch.hear_complaint(&["NOT taken"]);
    assert!(shrunk.contains("had 5 entries and now has 2"), "{shrunk}");
    world.mine(&format!("cryptonote tcp {}", to(3334)));
    watch.hear(&["miner_alert", "confirmed", "3334"]);
    world.settle();

    let (out, complaints) = watch.end();
    let mut ports: Vec<u16> = Vec::new();
    for flow in out.of("miner_flow") {
        let (from, to) = ends(flow);
        assert_eq!(from.ip().to_string(), MINER[0]);
        let shares = json!({"submitted": 3, "accepted": 2, "rejected": 1});
        assert_eq!((&flow["shares"], &flow["mid_stream"]), (&shares, &json!(false)), "{flow}");
        // The first one may still be told as it was known then.
        if to.port() > 3331 {
            assert_eq!((&flow["known"]["name"], &flow["country"]), (&json!("New Pool"), &json!("NZ")), "{flow}");
        }
        ports.push(to.port());
    }
    ports.sort_unstable();
    assert_eq!(ports, [3331, 3332, 3333, 3334], "nothing is lost");
    assert_eq!(complaints.matches("NOT taken").count(), 2, "each is said once: {complaints}");
    let notes = out.health()["notes"].to_string();
    assert!(notes.contains("NOT taken") && notes.contains("had 5 entries"), "what is refused still: {notes}");
    assert!(notes.contains("countries.mmdb"), "it was missing at first: {notes}");
}
