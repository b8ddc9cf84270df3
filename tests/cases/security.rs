//! security: what peers say to attack whoever reads it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::kit::capture::WEEK;
use crate::kit::dialogue::SECOND;
use crate::netns::{Netns, available};
use crate::said::{
    AUTHORIZE, AUTHORIZED, NOTIFY, SUBMIT, SUBSCRIBE, SUBSCRIBED, bitcoin, http_ok, monero, monero_wallet, monero_with,
};
use crate::scene::{BINARY, Scene, Words, said};

/// As sent in JSON, and what that means.
const HOSTILE: [(&str, &str); 9] = [
    (r"x\u001b]0;pwn\u0007\nALERT none", "x\u{1b}]0;pwn\u{7}\nALERT none"),
    (r"a\u001b[2J\u001b[1;1H\u001b[31mb\r\nALERT none", "a\u{1b}[2J\u{1b}[1;1H\u{1b}[31mb\r\nALERT none"),
    ("c1 \u{9b}2J \u{9d}0;t\u{9c} \u{85}ALERT none", "c1 \u{9b}2J \u{9d}0;t\u{9c} \u{85}ALERT none"),
    (
        "bidi \u{202e}gpj.exe \u{2066}x\u{2069} \u{2028}ALERT none\u{2029}",
        "bidi \u{202e}gpj.exe \u{2066}x\u{2069} \u{2028}ALERT none\u{2029}",
    ),
    (r"del\u007f nul\u0000 bs\b\f\t tab", "del\u{7f} nul\0 bs\u{8}\u{c}\t tab"),
    (
        r#"x\" }\ndelete table inet victim\nadd element inet minewatch ep4 { 8.8.8.8 . tcp . 53 comment \"y"#,
        "x\" }\ndelete table inet victim\nadd element inet minewatch ep4 { 8.8.8.8 . tcp . 53 comment \"y",
    ),
    (
        r"'; iptables -F; $(touch /tmp/pwned) `id` {a,b} | & > <",
        "'; iptables -F; $(touch /tmp/pwned) `id` {a,b} | & > <",
    ),
    (r"COMMIT\n*filter\n-F\nCOMMIT\n#", "COMMIT\n*filter\n-F\nCOMMIT\n#"),
    (r"flush ruleset\nadd minewatch4 1.1.1.1,tcp:53\n", "flush ruleset\nadd minewatch4 1.1.1.1,tcp:53\n"),
];

/// Nothing in it moves a cursor, starts a line, reorders one or is invisible.
fn is_harmless(text: &str) {
    for c in text.chars().filter(|c| *c != '\n') {
        assert!(!c.is_control(), "{c:?} in {text}");
        assert!(
            !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}'),
            "{c:?} in {text}"
        );
    }
    assert!(text.lines().all(|l| !l.trim_start().starts_with("ALERT")), "{text}");
}

/// Runs a scene whose pool is blocked, as JSON and as text, and checks all that comes out.
fn harmless(scene: &Scene) -> crate::scene::Run {
    let run = scene.run();
    is_harmless(std::str::from_utf8(&run.out).unwrap());
    let text = scene.text(&[]);
    is_harmless(&text.text());
    is_harmless(&text.err);
    let piped = said(Command::new(BINARY).args(["replay", "-"]), Some(&scene.pcap()));
    is_harmless(&piped.text());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("case.pcap");
    std::fs::write(&file, scene.pcap()).unwrap();
    for host in ["10.0.0.5", "198.51.100.5"] {
        is_harmless(&said(Command::new(BINARY).args(["explain", host]).arg(&file), None).text());
    }
    run
}

/// Every line of a firewall file is of a form that our lists have.
fn typed_only(run: &crate::scene::Run) {
    let word = |c: char| c.is_ascii_alphanumeric() || " .:_-{};,@*/[]()'=+|#".contains(c);
    for (format, list) in &run.lists {
        for line in list.lines().filter(|l| !l.starts_with('#')) {
            assert!(line.chars().all(word) && line.len() < 160, "{format}: {line}");
        }
        for word in [
            "pwn",
            "victim",
            "ALERT",
            "touch",
            "1.1.1.1",
            "8.8.8.8",
            "*filter
-F",
            "ruleset",
            "XMRig",
            "cgminer",
        ] {
            assert!(!list.contains(word), "{format}: {list}");
        }
    }
}

#[test]
fn se01_hostile_strings_are_shown_escaped_and_round_trip_in_json() {
    for (sent, means) in HOSTILE {
        // Agent, worker with login, password with options.
        let mut scene = Scene::new();
        scene.play("10.0.0.5", "198.51.100.5:3333", &monero_with(&monero_wallet(), "x", sent));
        let run = harmless(&scene);
        assert_eq!(run.confirmed()["agent"], means);
        typed_only(&run);

        let mut scene = Scene::new();
        let login = format!("{}.{sent}", monero_wallet());
        scene.play("10.0.0.5", "198.51.100.5:3333", &monero_with(&login, &format!("d=5,c={sent}"), "XMRig/6"));
        let run = harmless(&scene);
        assert_eq!(run.confirmed()["login"], format!("{}.{means}", monero_wallet()));
        typed_only(&run);
    }
}

#[test]
fn se01_sibling_agents_errors_jobs_and_algorithms_of_the_other_dialects() {
    for (sent, means) in HOSTILE {
        let mut scene = Scene::new();
        let words = Words::new()
            .c(format!(r#"{{"id":1,"method":"mining.subscribe","params":["cgminer{sent}"]}}"#) + "\n")
            .s(SUBSCRIBED)
            .c(format!(r#"{{"id":2,"method":"mining.authorize","params":["{sent}","{sent}"]}}"#) + "\n")
            .s([AUTHORIZED, NOTIFY].concat())
            .c(SUBMIT)
            .s(format!(r#"{{"id":4,"result":null,"error":[23,"{sent}",null]}}"#) + "\n");
        scene.play("10.0.0.5", "198.51.100.5:3333", &words);
        let run = harmless(&scene);
        assert_eq!(run.confirmed()["login"], means);
        assert_eq!(run.confirmed()["shares"]["rejected"], 1);
        typed_only(&run);

        let mut scene = Scene::new();
        let login = format!(
            r#"{{"id":1,"method":"login","params":{{"login":"{}","pass":"x","rigid":"{sent}","agent":"XMRig/6 {sent}","algo":["{sent}"]}}}}"#,
            monero_wallet()
        );
        let words =
            Words::new().c(login + "\n").s(format!(r#"{{"id":1,"error":{{"code":-1,"message":"{sent}"}}}}"#) + "\n");
        scene.play("10.0.0.5", "198.51.100.5:3333", &words);
        typed_only(&harmless(&scene));
    }
}

#[test]
fn se01_sibling_http_user_agents_and_logins() {
    let work = format!(
        r#"{{"result":{{"data":"{:0256}","target":"{}","midstate":"{:064}","hash1":"{:0128}"}},"error":null,"id":0}}"#,
        1,
        "f".repeat(64),
        2,
        3
    );
    for raw in [
        &b"cgminer\x1b]0;pwn\x07"[..],
        b"cgminer/4\x9b2J",
        "cgminer \u{202e}x\u{9b}2J".as_bytes(),
        b"cgminer \" }\x0bdelete table inet victim",
    ] {
        let body = r#"{"method":"getwork","params":[],"id":0}"#;
        let head = format!(
            "Host: pool.example\r\nAuthorization: Basic {}\r\nX-Mining-Extensions: midstate\r\nContent-Length: {}\r\nUser-Agent: ",
            "cmlnXHgxYiBbMko6cGFzcwobWzJK",
            body.len()
        );
        let request = [b"POST / HTTP/1.1\r\n", head.as_bytes(), raw, b"\r\n\r\n", body.as_bytes()].concat();
        let mut scene = Scene::new();
        let words = Words::new()
            .c(request.clone())
            .s(http_ok("application/json", &work))
            .c(request)
            .s(http_ok("application/json", &work));
        scene.play("10.0.0.5", "198.51.100.5:8332", &words);
        let run = harmless(&scene);
        assert_eq!(run.miner()["dialect"], "getwork");
        typed_only(&run);
    }
}

/// A folder with these files, and what three subcommands say about each, and about the folder.
fn named(files: &[(&str, &[u8])]) {
    let dir = tempfile::tempdir().unwrap();
    let mut all = vec![dir.path().to_owned()];
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        all.push(path);
    }
    for path in &all {
        for args in [&["replay"][..], &["replay", "--json"], &["explain", "10.0.0.5"]] {
            let run = said(Command::new(BINARY).args(args).arg(path), None);
            is_harmless(&run.text());
            is_harmless(&run.err);
        }
    }
}

fn mined() -> Vec<u8> {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &bitcoin());
    scene.pcap()
}

#[test]
fn se01_sibling_names_of_captures_whole_and_cut() {
    let pcap = mined();
    named(&[("a\u{1b}[2J\nALERT none.pcap", &pcap[..pcap.len() - 3]), ("b\u{202e}\u{9b}2J\nALERT.pcap", &pcap)]);
}

#[test]
fn se01_sibling_names_of_files_that_are_no_captures() {
    named(&[("a\u{1b}[2J\nALERT.pcap", &[]), ("c\u{202e}\u{9b}2J.pcap", b"no capture")]);
}

#[test]
fn se01_sibling_names_of_inputs_and_lists_that_are_not_there() {
    let run = said(Command::new(BINARY).args(["replay", "/nowhere/\u{1b}[2J\nALERT"]), None);
    assert_eq!(run.code, 2);
    is_harmless(&run.err);
    let run =
        said(Command::new(BINARY).args(["replay", "-", "--blocklist", "/nowhere/\u{1b}[2J\nALERT"]), Some(&mined()));
    assert_eq!(run.code, 2);
    is_harmless(&run.err);
}

#[test]
fn se01_sibling_bytes_that_are_no_text() {
    let login =
        format!(r#"{{"id":1,"method":"login","params":{{"login":"{}","pass":"x","agent":"XMRig "#, monero_wallet());
    let line = [login.as_bytes(), b"\xff\xfe\xc3( \\ud800 \xed\xa0\x80", br#""}}"#, b"\n"].concat();
    let mut words = Words::new().c(line);
    for turn in &monero().dialogue().turns[1..] {
        words = words.later(1);
        words = match turn.side {
            crate::kit::dialogue::Side::Client => words.c(turn.bytes.clone()),
            crate::kit::dialogue::Side::Server => words.s(turn.bytes.clone()),
        };
    }
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &words);
    let run = harmless(&scene);
    assert!(run.confirmed()["agent"].as_str().unwrap().starts_with("XMRig "));
}

#[test]
fn se03_no_string_of_a_peer_gets_into_a_firewall() {
    if !available(&["nft", "ipset", "iptables", "ip6tables"]) {
        return;
    }
    let ns = Netns::new();
    ns.run("nft add table inet victim; ipset create victim hash:ip; iptables -N VICTIM; iptables -A FORWARD -j VICTIM");
    let before = ns.run("nft list table inet victim; ipset list victim; iptables -S VICTIM; iptables -S FORWARD");
    for (sent, _) in HOSTILE {
        let mut scene = Scene::new();
        scene.play("10.0.0.5", "198.51.100.5:3333", &monero_with(&format!("{}.{sent}", monero_wallet()), sent, sent));
        let run = scene.run();
        assert_eq!(run.blocked(), ["198.51.100.5:3333"]);
        typed_only(&run);
        let file = |format| run.list_file(format).display().to_string();
        ns.run(&format!(
            "nft -f {} && ipset restore -file {} && iptables-restore --noflush {} && ip6tables-restore --noflush {}",
            file("nft"),
            file("ipset"),
            file("iptables"),
            file("ip6tables")
        ));
        assert_eq!(
            ns.run("nft list table inet victim; ipset list victim; iptables -S VICTIM; iptables -S FORWARD"),
            before
        );
        assert!(!ns.run("nft list ruleset; ipset list; iptables-save").contains("8.8.8.8"));
    }
}

#[test]
fn se07_bombs_are_junk_and_the_miner_beside_them_is_found() {
    let deep = r#"{"a":"#.repeat(10_000) + "1" + &"}".repeat(10_000);
    let bombs = [
        "[".repeat(100_000),
        deep.clone(),
        format!("{}\n", "[".repeat(100_000)),
        format!("{deep}\n"),
        format!(r#"{{"id":1,"method":"login","params":{{"login":{deep}}}}}"#) + "\n",
        format!(r#"{{"id":1,"method":"{}"#, "x".repeat(10 << 20)),
        format!("{{{}\"x\":1}}\n", r#""id":1,"#.repeat(3000)),
        format!(r#"{{"id":1,"method":"mining.subscribe","params":[{}1]}}"#, "1,".repeat(12_000)) + "\n",
        format!("{{\"id\":1e{}}}\n", "9".repeat(1000)),
        "{\"a\":\"\\ud800\\udfff\\u0000\\uZZZZ\"}\n".repeat(200),
    ];
    let mut scene = Scene::new();
    for (n, bomb) in bombs.iter().enumerate() {
        let words = Words::new().c(bomb.as_str()).s(bomb[..bomb.len().min(200_000)].to_owned());
        scene.play(&format!("10.0.1.{}", n + 1), "203.0.113.9:3333", &words);
    }
    scene.play("10.0.0.5", "198.51.100.5:3333", &monero());
    let run = scene.run();
    assert_eq!(run.miners().iter().filter(|f| f["src_ip"] == "10.0.0.5").count(), 1);
    let wrong: Vec<_> =
        run.miners().into_iter().filter(|f| f["verdict"] == "confirmed" && f["src_ip"] != "10.0.0.5").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(run.count("lines_too_long") >= 2 && run.count("json_invalid") >= 1, "{}", run.health());
    assert_eq!(run.count("worker_panics"), 0);
    assert_eq!(run.blocked(), ["198.51.100.5:3333"]);
}

#[test]
fn se07_sibling_a_session_goes_on_after_a_bomb() {
    let bomb = format!("{}\n", r#"{"a":["#.repeat(20_000));
    let words = Words::new()
        .c([SUBSCRIBE, bomb.as_str(), AUTHORIZE].concat())
        .s([SUBSCRIBED, bomb.as_str(), AUTHORIZED, NOTIFY].concat())
        .c(SUBMIT)
        .s(crate::said::SUBMITTED);
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &words);
    assert_eq!(scene.run().confirmed()["shares"]["accepted"], 1);
}

#[test]
fn se07_sibling_names_without_end_are_kept_short() {
    let long = "A".repeat(8_000);
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &monero_with(&long, &long, &format!("XMRig{long}")));
    let run = scene.run();
    let flow = run.confirmed();
    for field in ["login", "agent"] {
        assert!(flow[field].as_str().is_some_and(|text| (100..=512).contains(&text.len())), "{field}: {}", flow[field]);
    }
    assert!(scene.text(&[]).text().lines().all(|l| l.len() < 1000));
}

#[test]
fn se_sibling_lists_are_not_written_through_links_or_over_other_things() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &bitcoin());
    let victim = dir.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    for (name, target) in [("link", victim.clone()), ("dangling", dir.path().join("nothing"))] {
        let link = dir.path().join(name);
        symlink(&target, &link).unwrap();
        let out = scene.text(&["--allow-documentation-ranges", "--blocklist", link.to_str().unwrap()]);
        assert_eq!(out.code, 2, "{}", out.err);
        assert!(out.err.contains("symbolic link"), "{}", out.err);
        assert!(out.text().is_empty(), "told before anything is read: {}", out.text());
        assert!(link.is_symlink());
    }
    let out = scene.text(&["--blocklist", victim.to_str().unwrap()]);
    assert!(out.code == 2 && out.err.contains("no minewatch list"), "{}", out.err);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    assert!(!dir.path().join("nothing").exists());
    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    for target in [folder.to_str().unwrap(), "/dev/null", "/nowhere/at/all"] {
        let out = scene.text(&["--blocklist", target]);
        assert_eq!(out.code, 2, "{target}");
        assert!(out.err.contains(target), "{}", out.err);
    }
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|n| !n.to_string_lossy().contains("tmp")), "{left:?}");
}

#[test]
fn se_sibling_files_and_folders_without_permission() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &bitcoin());
    let (good, secret, locked) =
        (dir.path().join("good.pcap"), dir.path().join("secret.pcap"), dir.path().join("locked"));
    std::fs::write(&good, scene.pcap()).unwrap();
    std::fs::write(&secret, scene.pcap()).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    let binary = dir.path().join("minewatch");
    std::fs::copy(BINARY, &binary).unwrap();
    // Root may read everything; nobody may not.
    let nobody = || {
        let mut c = Command::new(&binary);
        if std::fs::read(&secret).is_ok() {
            c.uid(65_534).gid(65_534);
        }
        c
    };
    for bad in [&secret, &locked] {
        let run = said(nobody().arg("replay").arg(&good).arg(bad), None);
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.err.contains(bad.to_str().unwrap()) && run.err.contains("ermission"), "{}", run.err);
        assert!(run.text().starts_with("1 miner found"), "{}", run.text());
    }
    let run = said(nobody().arg("replay").arg(&secret), None);
    assert_eq!(run.code, 2);
    // A list that nobody may write, as the row of the unprivileged sensor has it.
    let list = dir.path().join("list.nft");
    let run = said(nobody().arg("replay").arg(&good).arg("--blocklist").arg(&list), None);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("list.nft") && run.err.contains("writable"), "{}", run.err);
    assert!(run.text().is_empty(), "told before anything is read: {}", run.text());
    assert!(!list.exists());
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn se_sibling_garbage_of_every_kind_is_no_crash() {
    let mut scene = Scene::new();
    scene.play("10.0.0.5", "198.51.100.5:3333", &bitcoin());
    let good = scene.sorted();
    let mut rng = scene.rng.fork();
    for n in 0..4000_u64 {
        let mut data = good[n as usize % good.len()].data.clone();
        for _ in 0..=rng.range(0, 6) {
            let at = rng.range(0, data.len() as u64) as usize;
            data[at] = rng.bits() as u8;
        }
        data.truncate(rng.range(0, data.len() as u64 + 1) as usize);
        let link = [1, 0, 9, 101, 105, 113, 276, 127, 228, 229, 12][rng.range(0, 11) as usize];
        scene.frame(WEEK + 30 * SECOND + n, link, data);
    }
    let run = crate::scene::run_bytes(
        &crate::kit::file::write(crate::kit::file::Format::PcapNg, &scene.sorted(), 262_144),
        &[],
    );
    assert_eq!(run.count("worker_panics"), 0);
    assert!(run.miners().iter().any(|f| f["src_ip"] == "10.0.0.5" && f["verdict"] == "confirmed"));
    assert!(run.count("malformed") > 0);
}
