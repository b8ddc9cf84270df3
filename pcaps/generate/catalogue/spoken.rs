//! Each dialect over plain Ethernet, IPv4 and IPv6. Numbers 1 to 39.

use super::super::capture::{Capture, Family, Product};
use super::super::carriage::Carriage;
use super::super::dialogue::{Dialogue, MILLI, Side};
use super::super::dialogues::{bitcoin, cryptonote, equihash, ethproxy, ethstratum, getwork};
use super::super::rng::Rng;
use super::super::tcp::{self, End};

type Make = fn(&mut Rng, u8) -> Dialogue;

/// The captures.
pub fn all() -> Vec<Product> {
    use Family::{V4, V6};
    let plain: [(u8, &str, Family, u16, Make, &str); 26] = [
        (
            1,
            "cryptonote-xmrig-v4",
            V4,
            3333,
            cryptonote::xmrig,
            "XMRig: list of algorithms, keepalives when idle, refused shares (FN05)",
        ),
        (2, "cryptonote-xmrig-v6", V6, 10001, cryptonote::xmrig, "the same over IPv6"),
        (
            3,
            "cryptonote-xmr-stak-v4",
            V4,
            5555,
            cryptonote::xmr_stak,
            "xmr-stak: no jsonrpc member, every share with id 1, wallet without worker",
        ),
        (4, "cryptonote-ccminer-v4", V4, 8080, cryptonote::ccminer, "ccminer: spaces after colons, CRLF, getjob"),
        (
            5,
            "cryptonote-nicehash-v6",
            V6,
            3355,
            cryptonote::nicehash,
            "marketplace client: method first, worker after a plus sign",
        ),
        (
            6,
            "cryptonote-unnamed-v4",
            V4,
            443,
            |r, _| cryptonote::unnamed(r, "srv-17"),
            "dropped miner behind a private proxy: blank agent, a label as login, port 443 without TLS",
        ),
        (
            7,
            "cryptonote-donation-v4",
            V4,
            3333,
            |r, _| cryptonote::donation(r),
            "XMRig's donation minute: the login is 64 hex digits, no wallet",
        ),
        (
            8,
            "bitcoin-cgminer-v4",
            V4,
            3333,
            bitcoin::cgminer,
            "cgminer on a port as usual as any: vardiff, one refused share in eight",
        ),
        (9, "bitcoin-cgminer-v6", V6, 25, bitcoin::cgminer, "the same over IPv6, on port 25"),
        (
            10,
            "bitcoin-bfgminer-v4",
            V4,
            3334,
            bitcoin::bfgminer,
            "bfgminer: string ids, get_transactions after each job",
        ),
        (
            11,
            "bitcoin-cpuminer-v4",
            V4,
            7777,
            bitcoin::cpuminer,
            "cpuminer on scrypt: fixed ids, Litecoin address (FN01)",
        ),
        (
            12,
            "bitcoin-bitaxe-v6",
            V6,
            21496,
            bitcoin::bitaxe,
            "Bitaxe: configure, pipelined opening, version bits as sixth value",
        ),
        (
            13,
            "bitcoin-ccminer-v4",
            V4,
            4233,
            bitcoin::ccminer,
            "ccminer: extranonce subscription and change, version query, message, redirect",
        ),
        (
            14,
            "ethproxy-v4",
            V4,
            9999,
            ethproxy::polling,
            "EthProxy: polling, pushes with id 0, reported rate, worker after a slash",
        ),
        (15, "ethproxy-v6", V6, 4444, ethproxy::polling, "the same over IPv6"),
        (17, "ethereum-stratum-1-v4", V4, 3353, ethstratum::version_1, "EthereumStratum/1.0.0"),
        (18, "ethereum-stratum-1-v6", V6, 3353, ethstratum::version_1, "the same over IPv6"),
        (
            19,
            "ethereum-stratum-plain-v4",
            V4,
            2020,
            ethstratum::plain,
            "five values in share and job, no version announced",
        ),
        (20, "ethereum-stratum-2-v4", V4, 3333, ethstratum::version_2, "EthereumStratum/2.0.0: hello, set, noop, bye"),
        (21, "ethereum-stratum-2-v6", V6, 3333, ethstratum::version_2, "the same over IPv6"),
        (22, "equihash-v4", V4, 6666, equihash::zcash, "Zcash after ZIP 301: shares of 2.8 kB over several segments"),
        (23, "equihash-v6", V6, 3357, equihash::zcash, "the same over IPv6"),
        (
            24,
            "getwork-http-v4",
            V4,
            8332,
            |r, _| getwork::getwork(r),
            "getwork over HTTP: mining headers, Basic authentication, X-Stratum, long poll",
        ),
        (
            26,
            "getblocktemplate-http-v4",
            V4,
            8332,
            |r, _| getwork::getblocktemplate(r),
            "getblocktemplate over HTTP with mining headers, one block handed in",
        ),
        (
            28,
            "eth-getwork-http-v4",
            V4,
            8545,
            |r, _| getwork::eth_getwork(r),
            "eth_getWork polling over HTTP with accepted eth_submitWork",
        ),
        (
            30,
            "monero-daemon-http-v4",
            V4,
            18081,
            getwork::monero_daemon,
            "XMRig mining alone on a Monero node over HTTP: templates for a wallet, no block found",
        ),
    ];
    let sixth: [(u8, &str, u16, Make); 3] = [
        (25, "getwork-http-v6", 8332, |r, _| getwork::getwork(r)),
        (27, "getblocktemplate-http-v6", 8332, |r, _| getwork::getblocktemplate(r)),
        (29, "eth-getwork-http-v6", 8545, |r, _| getwork::eth_getwork(r)),
    ];
    let sixth = sixth.map(|(n, name, port, make)| (n, name, V6, port, make, "the same over IPv6"));
    let mut out = Vec::new();
    for (number, name, family, port, make, about) in plain.into_iter().chain(sixth) {
        let mut c = Capture::new(number.into(), name, about);
        let dialogue = make(&mut c.rng, number);
        let mut talk = c.line(family, 11, port);
        talk.timestamps = number % 4 != 3;
        talk.end = match number % 3 {
            0 => End::Open,
            1 => End::Fin(Side::Client),
            _ => End::Reset(Side::Client),
        };
        c.show(&talk, &dialogue, &Carriage::Plain).style = writing(name).map(str::to_owned);
        out.extend(c.finish());
    }
    out.extend(spellings());
    out.extend(attempts());
    out
}

/// Whose way of writing a dialogue was composed in, where that is that program's alone.
fn writing(name: &str) -> Option<&'static str> {
    let program = name.rsplit_once('-').map_or(name, |(program, _)| program);
    Some(match program {
        "cryptonote-xmrig" | "cryptonote-unnamed" | "cryptonote-donation" => "XMRig",
        "cryptonote-xmr-stak" => "xmr-stak",
        "cryptonote-ccminer" | "bitcoin-ccminer" | "bitcoin-cpuminer" => "cpuminer",
        "bitcoin-bfgminer" => "BFGMiner",
        "bitcoin-bitaxe" => "ESP-Miner",
        _ => return None,
    })
}

fn spellings() -> Vec<Product> {
    let mut c = Capture::new(16, "ethproxy-spellings", "eth_submitLogin in five spellings, a host each (FN03)");
    for (i, spacing) in ethproxy::Spacing::ALL.into_iter().enumerate() {
        let dialogue = ethproxy::spelled(&mut c.rng, 40 + i as u8, spacing);
        let talk = c.line(Family::V4, 11 + i as u8, 4444);
        c.show(&talk, &dialogue, &Carriage::Plain);
    }
    c.finish()
}

fn attempts() -> Vec<Product> {
    let mut c = Capture::new(
        31,
        "attempts",
        "miners that get no work: SYN into nothing, a login that is never answered, a banned address, a closed pool",
    );
    let talk = c.line(Family::V4, 11, 3333);
    let knocks = tcp::knock(&talk, 4, &mut c.rng);
    c.put(&talk, &knocks, &Carriage::Plain);

    let mut talk = c.line(Family::V4, 12, 3333);
    talk.end = End::Reset(Side::Client);
    c.show(&talk, &cryptonote::unanswered(31), &Carriage::Plain);

    let mut talk = c.line(Family::V4, 13, 3333);
    talk.end = End::Fin(Side::Server);
    let dialogue = cryptonote::refused(&mut c.rng, 32);
    c.show(&talk, &dialogue, &Carriage::Plain);

    let mut talk = c.line(Family::V4, 14, 3333);
    talk.start += 3000 * MILLI;
    let dialogue = bitcoin::unauthorised(&mut c.rng, 33);
    c.show(&talk, &dialogue, &Carriage::Plain);
    c.finish()
}
