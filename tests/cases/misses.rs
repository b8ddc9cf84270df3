//! detection-fn: miners that others miss.

use crate::kit::dialogue::Side;
use crate::kit::tcp::Cut;
use crate::kit::{dialogues, tcp, wallet};
use crate::said::{
    AUTHORIZE, AUTHORIZED, DIFFICULTY, NOTIFY, SUBMIT, SUBMITTED, SUBSCRIBE, SUBSCRIBED, bitcoin, job, monero,
    monero_logged_in, monero_wallet, monero_with,
};
use crate::scene::{Run, Scene, Words};

fn mined(words: &Words) -> Run {
    mined_at("10.0.0.5", "198.51.100.50:7777", words)
}

fn mined_at(client: &str, server: &str, words: &Words) -> Run {
    let mut scene = Scene::new();
    scene.play(client, server, words);
    scene.run()
}

#[test]
fn fn01_an_unlisted_pool_and_a_coin_that_nobody_knows() {
    let run = mined(&bitcoin());
    let flow = run.confirmed();
    assert_eq!((&flow["src_ip"], &flow["dest_ip"]), (&"10.0.0.5".into(), &"198.51.100.50".into()));
    assert_eq!((&flow["dest_port"], &flow["dialect"]), (&7777.into(), &"bitcoin-v1".into()));
    assert_eq!((&flow["login"], &flow["agent"]), (&"DGcoinAddr.rig1".into(), &"cgminer/4.11.1".into()));
    assert_eq!(flow["shares"]["accepted"], 1);
    assert_eq!(run.code, 1);
    assert_eq!(run.blocked(), ["198.51.100.50:7777"]);
}

#[test]
fn fn01_sibling_any_port() {
    for port in [443, 25, 53, 80, 22, 8080, 123, 65535] {
        let run = mined_at("10.0.0.5", &format!("198.51.100.50:{port}"), &bitcoin());
        assert_eq!(run.confirmed()["dest_port"], port);
        let run = mined_at("10.0.0.5", &format!("198.51.100.50:{port}"), &monero());
        assert_eq!(run.confirmed()["dest_port"], port);
    }
}

#[test]
fn fn01_sibling_ipv6() {
    let run = mined_at("2001:db8:5::5", "[2001:db8:9::50]:3333", &bitcoin());
    assert_eq!(run.confirmed()["src_ip"], "2001:db8:5::5");
    assert_eq!(run.blocked(), ["[2001:db8:9::50]:3333"]);
}

/// What a pool says to an `eth_submitLogin`, and what follows.
fn ethproxy(login: &str) -> Words {
    let work = concat!(
        r#"{"id":2,"jsonrpc":"2.0","result":["0x9c0ec1b7b3a7f4c9f1b8a3d55c4f3e2d1c0b9a8f7e6d5c4b3a29180f7e6d5c4b","#,
        r#""0x5eed00000000000000000000000000005eed0000000000000000000000000000","#,
        r#""0x00000000ffff00000000000000000000000000000000000000000000000000ff"]}"#,
        "\n"
    );
    Words::new()
        .c(login)
        .s(concat!(r#"{"id":1,"jsonrpc":"2.0","result":true}"#, "\n"))
        .c(concat!(r#"{"id":2,"jsonrpc":"2.0","method":"eth_getWork","params":[]}"#, "\n"))
        .s(work)
}

#[test]
fn fn03_spacing_and_order_do_not_matter() {
    let address = wallet::eth(3);
    let variants = [
        format!(r#"{{"id":1,"jsonrpc":"2.0","method":"eth_submitLogin","params":["{address}","x"],"worker":"rig1"}}"#),
        format!(
            "{{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":  \t\"eth_submitLogin\",\"params\":[\"{address}\",\"x\"],\"worker\":\"rig1\"}}"
        ),
        format!(r#"{{"params":["{address}","x"],"id":1,"method":"eth_submitLogin","jsonrpc":"2.0","worker":"rig1"}}"#),
        format!(
            "\r\n {{\"id\":1,\"method\":\"eth_submitLogin\",\"params\":[\"{address}\",\"x\"],\"worker\":\"rig1\"}}"
        ),
        format!(
            r#"{{"worker": "rig1", "jsonrpc": "2.0", "params": ["{address}", "x"], "id": 1, "method": "eth_submitLogin"}}"#
        ),
    ];
    for line in variants {
        let run = mined(&ethproxy(&(line.clone() + "\n")));
        let flow = run.confirmed();
        assert_eq!(flow["dialect"], "ethproxy", "{line}");
        assert_eq!((&flow["wallet"], &flow["worker"]), (&address.clone().into(), &"rig1".into()), "{line}");
    }
}

#[test]
fn fn03_sibling_the_same_freedom_for_every_dialect() {
    let wallet = monero_wallet();
    let logins = [
        format!(
            r#"{{"params":{{"agent":"XMRig/6.21.0","pass":"x","login":"{wallet}"}},"method":"login","jsonrpc":"2.0","id":1}}"#
        ),
        format!(
            "{{ \"method\" :\t\"login\" , \"params\" : {{ \"login\" : \"{wallet}\" , \"pass\" : \"x\" }} , \"id\" : 1 }}"
        ),
        format!(r#"{{"id":1,"\u006dethod":"\u006cogin","params":{{"login":"{wallet}","pass":"x"}}}}"#),
        format!("\u{feff}{{\"id\":1,\"method\":\"login\",\"params\":{{\"login\":\"{wallet}\",\"pass\":\"x\"}}}}\r"),
    ];
    for line in logins {
        let run = mined(&monero_logged_in(&line));
        assert_eq!(run.confirmed()["wallet"], wallet, "{line}");
    }
    for line in [
        "{\"params\":[\"cgminer/4.11.1\"],\"method\":\"mining.subscribe\",\"id\":1}\r\n",
        "{\"id\":\"1\",\"method\":\"mining.subscribe\",\"params\":[]}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"mining.subscribe\"}\n",
        " \t{\"id\":1,\"method\":\"mining\\u002esubscribe\",\"params\":[\"\"]}\n",
        "\n\n{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"a\",null,\"pool.example\",\"3333\"]}\n",
    ] {
        let words = Words::new()
            .c(line)
            .s(SUBSCRIBED)
            .c(AUTHORIZE)
            .s([AUTHORIZED, DIFFICULTY, NOTIFY].concat())
            .c(SUBMIT)
            .s(SUBMITTED);
        assert_eq!(mined(&words).confirmed()["dialect"], "bitcoin-v1", "{line:?}");
    }
}

#[test]
fn fn05_xmrig_by_login_and_job() {
    let run = mined(&monero());
    let flow = run.confirmed();
    assert_eq!((&flow["dialect"], &flow["wallet"]), (&"cryptonote".into(), &monero_wallet().into()));
    assert_eq!((&flow["program"], &flow["coin"]), (&"XMRig".into(), &"XMR".into()));
    assert_eq!(flow["stage"], "accepted");
    // The row's wallet: 95 characters after a 4, whatever their checksum.
    let run = mined(&monero_with(&format!("4{}", "A".repeat(94)), "x", "XMRig/6.21.0"));
    run.confirmed();
}

#[test]
fn fn05_sibling_the_agent_is_only_enrichment() {
    for agent in ["", "xmr-stak/2.10.8/b5c2a4e", "-", "Mozilla/5.0", "a\\u0000b", "\u{96ea}"] {
        let run = mined(&monero_with(&monero_wallet(), "x", agent));
        assert_eq!(run.confirmed()["dialect"], "cryptonote", "{agent:?}");
    }
    // A label for a private proxy instead of a wallet.
    for login in ["srv-17", "x", "user@example.org", "48edf"] {
        let run = mined(&monero_with(login, "x", ""));
        assert_eq!(run.confirmed()["login"], login);
    }
}

#[test]
fn fn05_sibling_every_dialect_of_the_generator_by_its_words_alone() {
    // A Monero node that is mined at directly belongs to a later issue.
    for (name, dialect, dialogue) in dialogues::all(31).into_iter().filter(|(n, ..)| *n != "getblocktemplate-monero") {
        let mut scene = Scene::new();
        let talk = scene.talk("10.0.0.5", "198.51.100.50:8443");
        let segments = tcp::play(&talk, &dialogue, &mut scene.rng);
        scene.put(&talk, &segments, &crate::kit::carriage::Carriage::Plain);
        let run = scene.run();
        let flow = run.miner();
        assert!(flow["dialect"] == dialect || name.ends_with("plain"), "{name}: {}", flow["dialect"]);
        let attempt = dialogue.truth.stage == crate::kit::dialogue::Stage::Attempt;
        assert_eq!(flow["verdict"] == "confirmed", !attempt, "{name}: {flow:#}");
        assert_eq!(run.blocked().is_empty(), attempt, "{name}");
    }
}

#[test]
fn fn11_workers_and_a_relay_inside() {
    let mut scene = Scene::new();
    scene.play("10.0.1.5", "10.0.9.9:3333", &bitcoin());
    scene.play("10.0.1.6", "10.0.9.9:3333", &bitcoin());
    let run = scene.run();
    assert_eq!(run.of("miner_host").iter().map(|h| &h["ip"]).collect::<Vec<_>>(), ["10.0.1.5", "10.0.1.6"]);
    let relays = run.of("relay");
    assert_eq!(relays.len(), 1);
    assert_eq!((&relays[0]["ip"], &relays[0]["miners"]), (&"10.0.9.9".into(), &2.into()));
    assert_eq!(run.refused("10.0.9.9:3333"), ["special-purpose"]);
    run.blocks_nothing();
    assert_eq!(run.code, 1);
    let text = scene.text(&[]).text();
    assert!(text.contains("Internal pool or relay: 10.0.9.9:3333 serves 2 inside hosts"), "{text}");
}

#[test]
fn fn11_sibling_outside_miners_name_the_pool_inside_and_a_scan_names_none() {
    let mut scene = Scene::new();
    scene.play("203.0.113.8", "100.64.0.9:3333", &bitcoin());
    scene.play("10.0.1.5", "100.64.0.9:3333", &bitcoin());
    let words = Words::new().c("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n").s("-ERR unknown\r\n");
    scene.play("10.0.1.6", "10.0.9.80:6379", &words);
    let run = scene.run();
    let relays = run.of("relay");
    assert_eq!(relays.len(), 1, "{relays:?}");
    let of = |member: &str| &relays[0][member];
    assert_eq!((of("ip"), of("miners"), of("outside")), (&"100.64.0.9".into(), &2.into(), &1.into()));
    let text = scene.text(&[]).text();
    assert!(text.contains("100.64.0.9:3333 serves 1 inside host and 1 outside"), "{text}");
}

#[test]
fn fn11_sibling_the_relay_mines_at_a_pool_outside() {
    let mut scene = Scene::new();
    scene.play("10.0.1.5", "10.0.9.9:3333", &monero_with("rack-1", "x", ""));
    scene.play("10.0.9.9", "198.51.100.5:3333", &monero());
    let run = scene.run();
    assert_eq!(run.of("relay")[0]["mines"], true);
    assert_eq!(run.blocked(), ["198.51.100.5:3333"]);
}

#[test]
fn fn13_a_line_over_three_segments() {
    let words = Words::new()
        .c(r#"{"id":1,"method":"mining.sub"#)
        .c(r#"scribe","par"#)
        .c("ams\":[]}\n")
        .s(SUBSCRIBED)
        .c(AUTHORIZE)
        .s(AUTHORIZED)
        .s(NOTIFY);
    let run = mined(&words);
    let flow = run.confirmed();
    let request = flow["evidence"].as_array().unwrap().iter().find(|e| e["code"] == "client-request").unwrap();
    assert_eq!(request["text"], "the client sent mining.subscribe");
}

#[test]
fn fn13_sibling_byte_by_byte_both_sides() {
    for side in [Side::Client, Side::Server] {
        let mut scene = Scene::new();
        let mut talk = scene.talk("10.0.0.5", "198.51.100.50:7777");
        talk.cut = Cut::Every(side, 1);
        let segments = scene.segments(&talk, &monero());
        scene.put(&talk, &segments, &crate::kit::carriage::Carriage::Plain);
        assert_eq!(scene.run().confirmed()["shares"]["accepted"], 1);
    }
}

#[test]
fn fn13_sibling_many_messages_in_one_segment_and_none_ends_in_a_newline() {
    let words = Words::new()
        .c([SUBSCRIBE, AUTHORIZE].concat())
        .s([SUBSCRIBED, AUTHORIZED, DIFFICULTY, NOTIFY].concat())
        .c(SUBMIT.trim_end())
        .s(SUBMITTED.trim_end());
    assert_eq!(mined(&words).confirmed()["shares"]["accepted"], 1);
}

#[test]
fn fn13_sibling_odd_handshakes() {
    // Authorisation first; the answer to the subscription last.
    let words = Words::new()
        .c(AUTHORIZE)
        .s(AUTHORIZED)
        .c(SUBSCRIBE)
        .s([DIFFICULTY, NOTIFY].concat())
        .s(SUBSCRIBED)
        .c(SUBMIT)
        .s(SUBMITTED);
    assert_eq!(mined(&words).confirmed()["stage"], "accepted");
    // Never subscribes.
    let words = Words::new().c(AUTHORIZE).s([AUTHORIZED, NOTIFY].concat()).c(SUBMIT).s(SUBMITTED);
    assert_eq!(mined(&words).confirmed()["dialect"], "bitcoin-v1");
    // Configures first, and the pool numbers its pushes.
    let words = Words::new()
        .c(concat!(r#"{"id":3,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}"#, "\n"))
        .s(concat!(r#"{"id":3,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#, "\n"))
        .then(&bitcoin());
    assert_eq!(mined(&words).confirmed()["stage"], "accepted");
}

#[test]
fn fn_sibling_ids_of_every_type() {
    for id in ["\"abc\"", "null", "0", "18446744073709551615", "-1", "1.5"] {
        let login = format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"login","params":{{"login":"{}","pass":"x","agent":"XMRig/6.21.0"}}}}"#,
            monero_wallet()
        );
        let words = Words::new()
            .c(login + "\n")
            .s(format!(r#"{{"id":{id},"error":null,"result":{{"id":"s","job":{},"status":"OK"}}}}"#, job(1)) + "\n");
        assert_eq!(mined(&words).confirmed()["stage"], "session", "{id}");
    }
}

#[test]
fn fn_sibling_a_miner_whose_pool_is_a_web_server() {
    let html = "<html><head><title>400 Bad Request</title></head></html>";
    let error = format!("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: {}\r\n\r\n{html}", html.len());
    let run = mined_at("10.0.0.5", "198.51.100.50:80", &Words::new().c(SUBSCRIBE).s(error.clone()));
    assert_eq!(run.attempt()["stage"], "attempt");
    let login = format!(
        r#"{{"id":1,"method":"login","params":{{"login":"{}","pass":"x","agent":"XMRig/6.21.0"}}}}"#,
        monero_wallet()
    );
    let run = mined_at("10.0.0.5", "198.51.100.50:80", &Words::new().c(login + "\n").s(error));
    assert_eq!(run.attempt()["stage"], "attempt");
}

#[test]
fn fn_sibling_a_pool_that_refuses_is_an_attempt() {
    let words = Words::new()
        .c(SUBSCRIBE)
        .s(SUBSCRIBED)
        .c(AUTHORIZE)
        .s(concat!(r#"{"id":2,"result":null,"error":[24,"Unauthorized worker",null]}"#, "\n"));
    assert_eq!(mined(&words).attempt()["stage"], "attempt");
}

#[test]
fn fn03_sibling_of_repeated_keys_the_last_counts_as_for_most_pools() {
    // What json.loads, JSON.parse, Go and jansson understand; a miner may hide behind a first key.
    let wallet = monero_wallet();
    let mut wallets = Vec::new();
    for line in [
        format!(r#"{{"method":"ping","id":1,"method":"login","params":{{"login":"{wallet}","pass":"x"}}}}"#),
        format!(r#"{{"params":[],"id":1,"method":"login","params":{{"login":"{wallet}","pass":"x"}}}}"#),
        format!(r#"{{"id":1,"method":"login","params":{{"login":"guest","login":"{wallet}","pass":"x"}}}}"#),
    ] {
        let run = mined(&monero_logged_in(&line));
        wallets.push(run.miners().first().map_or("no miner".to_owned(), |f| f["wallet"].to_string()));
    }
    assert_eq!(wallets, [format!("{wallet:?}"), format!("{wallet:?}"), format!("{wallet:?}")]);
}

#[test]
fn fn_sibling_a_login_padded_up_to_what_pools_accept() {
    let wallet = monero_wallet();
    for pad in [1_000, 5_000, 9_500, 17_000] {
        let line = format!(
            r#"{{"id":1,"note":"{}","method":"login","params":{{"login":"{wallet}","pass":"x","agent":"XMRig/6"}}}}"#,
            "a".repeat(pad)
        );
        assert_eq!(mined(&monero_logged_in(&line)).confirmed()["wallet"], wallet, "{pad}");
    }
}

#[test]
fn fn_sibling_only_keepalives_are_seen_of_a_miner() {
    let alive = concat!(r#"{"id":9,"jsonrpc":"2.0","method":"keepalived","params":{"id":"s-1"}}"#, "\n");
    let yes = concat!(r#"{"id":9,"jsonrpc":"2.0","error":null,"result":{"status":"KEEPALIVED"}}"#, "\n");
    let mut words = Words::new();
    for _ in 0..5 {
        words = words.c(alive).s(yes).later(60);
    }
    let mut scene = Scene::new();
    let talk = scene.talk("10.0.0.5", "198.51.100.50:7777");
    let segments = scene.segments(&talk, &words);
    scene.put(&talk, &segments[3..], &crate::kit::carriage::Carriage::Plain);
    let run = scene.run();
    assert_eq!(run.attempt()["src_ip"], "10.0.0.5");
}

#[test]
fn fn_sibling_one_decoy_line_before_the_real_ones_hides_nothing() {
    let mut missed = Vec::new();
    for (name, session, decoys) in [
        (
            "cryptonote",
            monero(),
            [
                r#"{"id":0,"method":"login","params":[]}"#,
                r#"{"id":0,"method":"get_status"}"#,
                r#"{"id":0,"method":"mining.ping"}"#,
                r#"{"id":0,"method":"submit","params":[]}"#,
            ],
        ),
        (
            "bitcoin-v1",
            bitcoin(),
            [
                r#"{"id":0,"method":"login","params":[]}"#,
                r#"{"id":0,"method":"eth_status"}"#,
                r#"{"id":0,"method":"mining.hello"}"#,
                r#"{"id":0,"method":"mining.submit","params":[]}"#,
            ],
        ),
    ] {
        for decoy in decoys {
            let answer = concat!(r#"{"id":0,"result":null,"error":[20,"Unknown method",null]}"#, "\n");
            for words in [Words::new().c(format!("{decoy}\n")), Words::new().c(format!("{decoy}\n")).s(answer)] {
                let run = mined(&words.then(&session));
                if run.miners().first().is_none_or(|f| f["verdict"] != "confirmed" || f["dialect"] != name) {
                    let got = run.miners().first().map(|f| f["verdict"].to_string());
                    missed.push(format!("{name} after {decoy}: {got:?}"));
                }
            }
        }
    }
    missed.dedup();
    assert_eq!(missed, [""; 0]);
}

#[test]
fn fn_sibling_chatter_before_the_login_hides_nothing() {
    for lines in [5, 20] {
        let chatter: String = (0..lines).map(|n| format!(r#"{{"id":{n},"method":"ping"}}"#) + "\n").collect();
        let run = mined(&Words::new().c(chatter).then(&monero()));
        assert_eq!(run.miners().len(), 1, "{lines} lines");
    }
}
