//! JSON as a hostile or merely careless peer may write it, in an otherwise complete Bitcoin session.
//!
//! After the deviation list of the project's protocol notes, section 2: duplicate keys, escapes in method names, a
//! byte order mark, null ids, deep nesting, lines of 10 kB, blank lines, a trailing NUL.

use super::super::dialogue::{Dialogue, MILLI, SECOND, Truth, reply};
use super::super::rng::Rng;
use super::super::wallet;

/// The session. Login, agent and shares are those of the lines that count: the last of duplicate keys (what miners'
/// and pools' JSON libraries take), escapes undone.
pub fn odd_json(rng: &mut Rng, number: u8) -> Dialogue {
    let mut truth = Truth::of("bitcoin-v1", Some("BTC"), &wallet::btc_bech32(number), "odd");
    truth.agent = Some("cgminer/4.11.1".to_owned());
    let login = truth.login().to_owned();
    let mut d = Dialogue::new(truth);
    d.client(
        MILLI,
        "\u{feff}{\"id\":null,\"id\":1,\"method\":\"x\",\"\\u006dethod\":\"\\u006dining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}\n",
    );
    d.server(
        MILLI + reply(rng),
        concat!(
            r#"{"error":null,"id":"1","result":[[["mining.set_difficulty","b4b6693b"],["mining.notify","ae6812eb"]],"08000002",4]}"#,
            "\n"
        ),
    );
    d.client(
        300 * MILLI,
        format!(
            "\n\r\n  {{\"params\":[\"{login}\",\"x\"],\"id\":2,\"method\":\"mining.authorize\",\"extra\":{}1{}}}\n",
            "[".repeat(60),
            "]".repeat(60)
        ),
    );
    let long = "f".repeat(10_000);
    let branches: Vec<String> = (0..4).map(|_| format!(r#""{}""#, rng.hex(32))).collect();
    let burst = "{\"id\":2,\"result\":true}\r\n".to_owned()
        + "{\"params\":[512],\"method\":\"mining.set_difficulty\",\"id\":null}\n\n"
        + &format!(
            "{{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1f\",\"{}\",\"01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff2c03\",\"{}\",[{}],\"20000000\",\"17021c4a\",\"69a4d0c0\",true],\"comment\":\"{long}\"}}\n",
            rng.hex(32),
            rng.hex(60),
            branches.join(",")
        );
    d.server(380 * MILLI, burst);
    d.job();
    let mut at = 20 * SECOND;
    for n in 0..6_u32 {
        let line = format!(
            r#"{{"method":"mining.submit","params":["{login}","1f","{n:08x}","69a4d0c0","{}"],"id":{}}}"#,
            rng.hex(4),
            9_000_000_000_u64 + u64::from(n)
        );
        // A NUL and a line end more than needed, as a careless C program writes them.
        d.client(at, if n == 3 { line + "\n\0\n" } else { line + "\n" });
        d.server(
            at + reply(rng),
            format!("{{ \"id\" : {} , \"result\" : true , \"error\" : null }}\n", 9_000_000_000_u64 + u64::from(n)),
        );
        d.share(true, 512.0 * 4_294_967_296.0);
        at += rng.range(8, 40) * SECOND;
    }
    // Nothing that a parser could keep: depth beyond any bound, then a line that never ends well.
    d.server(at, "[".repeat(4000) + "\n");
    d.server(at + SECOND, r#"{"a":"#.repeat(700) + "\n");
    d.done()
}
