//! Traffic whose sizes and times are a miner's, or nearly: long connections, small messages, regular words; and the
//! peers, tools and pages that stand beside mining.

use super::super::dialogue::{Dialogue, MILLI, SECOND, Side};
use super::super::rng::Rng;
use super::super::websocket::{frame, upgrade};
use super::super::wrappings::{behind, tls};

/// Monero nodes: Levin (monero `src/cryptonote_protocol`, `contrib/epee/include/net/levin_base.h`): a signature, length
/// of the body, whether an answer is expected, the command, a return code, flags, version.
pub fn levin(rng: &mut Rng) -> Dialogue {
    levin_of(rng, &[])
}

/// The same with the identification of Monero's network in both handshakes.
pub fn levin_of_monero(rng: &mut Rng) -> Dialogue {
    let id = [0x12, 0x30, 0xf1, 0x71, 0x61, 0x04, 0x41, 0x61, 0x17, 0x31, 0x00, 0x82, 0x16, 0xa1, 0xa1, 0x10];
    levin_of(rng, &[&b"\x0anetwork_id\x0a\x40"[..], &id].concat())
}

fn levin_of(rng: &mut Rng, network: &[u8]) -> Dialogue {
    let mut d = Dialogue::default();
    let message = |command: u32, asks: bool, flags: u32, body: &[u8]| {
        let mut m = 0x0101_0101_0101_2101_u64.to_le_bytes().to_vec();
        m.extend((body.len() as u64).to_le_bytes());
        m.push(u8::from(asks));
        m.extend(command.to_le_bytes());
        m.extend(u32::from(!asks && flags == 2).to_le_bytes());
        m.extend(flags.to_le_bytes());
        m.extend(1_u32.to_le_bytes());
        m.extend(body);
        m
    };
    // Portable storage: signature, version, then sections with named fields.
    let storage = |fields: &[(&str, u64)]| {
        let mut s = b"\x01\x11\x01\x01\x01\x01\x02\x01\x01".to_vec();
        s.push((fields.len() as u8) << 2);
        for (name, value) in fields {
            s.push(name.len() as u8);
            s.extend(name.as_bytes());
            s.push(5);
            s.extend(value.to_le_bytes());
        }
        s
    };
    let hello = storage(&[("current_height", 3_600_000), ("cumulative_difficulty", 1 << 58), ("peer_id", rng.bits())]);
    d.client(MILLI, message(1001, true, 1, &[&hello[..], network].concat()));
    d.server(
        60 * MILLI,
        message(
            1001,
            false,
            2,
            &[&storage(&[("current_height", 3_600_001), ("local_time", 1_772_409_600)])[..], network].concat(),
        ),
    );
    let mut at = 3 * SECOND;
    for n in 0..8_u64 {
        let (side, len) = if n % 3 == 0 { (Side::Server, 900) } else { (Side::Client, 240) };
        let body = [storage(&[("current_blockchain_height", 3_600_001 + n / 3)]), rng.bytes(len)].concat();
        // A new block, or transactions for the pool of them.
        let bytes = message(if n % 3 == 0 { 2008 } else { 2002 }, false, 1, &body);
        match side {
            Side::Client => d.client(at, bytes),
            Side::Server => d.server(at, bytes),
        }
        d.client(at + 20 * SECOND, message(1002, true, 1, &storage(&[("current_height", 3_600_001 + n / 3)])));
        d.server(at + 20 * SECOND + 45 * MILLI, message(1002, false, 2, &storage(&[("current_height", 3_600_001)])));
        at += 60 * SECOND;
    }
    d.done()
}

/// An editor and its debugger over TCP (Debug Adapter Protocol): `Content-Length` framing, `seq` and `type`, program
/// text of a miner in what it shows.
pub fn debug_adapter(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    for line in [
        r#">{"seq":1,"type":"request","command":"initialize","arguments":{"clientID":"vscode","adapterID":"python","linesStartAt1":true}}"#,
        r#"<{"seq":1,"type":"response","request_seq":1,"success":true,"command":"initialize","body":{"supportsConfigurationDoneRequest":true}}"#,
        r#"<{"seq":2,"type":"event","event":"initialized"}"#,
        r#">{"seq":2,"type":"request","command":"launch","arguments":{"program":"/src/miner/a.py"}}"#,
        r#"<{"seq":3,"type":"response","request_seq":2,"success":true,"command":"launch"}"#,
        r#"<{"seq":4,"type":"event","event":"output","body":{"category":"stdout","output":"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n"}}"#,
        r#">{"seq":3,"type":"request","command":"evaluate","arguments":{"expression":"job","context":"repl"}}"#,
        r#"<{"seq":5,"type":"response","request_seq":3,"success":true,"command":"evaluate","body":{"result":"{'job_id': '1f', 'target': 'b88d0600'}","variablesReference":7}}"#,
        r#">{"seq":4,"type":"request","command":"disconnect"}"#,
        r#"<{"seq":6,"type":"response","request_seq":4,"success":true,"command":"disconnect"}"#,
    ] {
        let (mark, body) = line.split_at(1);
        let text = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        if mark == ">" {
            d.client(at, text);
        } else {
            d.server(at, text);
        }
        at += rng.range(30, 900) * MILLI;
    }
    d.done()
}

/// A telephone system's login where it is usual: over a WebSocket.
pub fn verto(rng: &mut Rng) -> Dialogue {
    let mut d = super::lines::verto(rng);
    for turn in &mut d.turns {
        let text = turn.bytes.trim_ascii_end().to_vec();
        let mask = (turn.side == Side::Client).then(|| (rng.bits() as u32).to_be_bytes());
        turn.bytes = frame(&text, mask);
    }
    let (request, answer) = upgrade("/", "pbx.example", "dGhlIHNhbXBsZSBub25jZQ==");
    behind(&vec![(Side::Client, request), (Side::Server, answer)], &d)
}

/// Somebody reads a pool's web site.
pub fn pool_site(rng: &mut Rng) -> Dialogue {
    tls("www.pool.example", 12, rng)
}

/// LDAP (RFC 4511): a bind, then searches, each with one entry and the end of the results.
pub fn directory(rng: &mut Rng) -> Dialogue {
    fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = if body.len() < 128 { vec![body.len() as u8] } else { vec![0x81, body.len() as u8] };
        [&[tag][..], &length, body].concat()
    }
    let text = |s: &str| tlv(4, s.as_bytes());
    let message = |id: u8, operation: Vec<u8>| tlv(0x30, &[tlv(2, &[id]), operation].concat());
    let done = |tag: u8| tlv(tag, &[tlv(10, &[0]), text(""), text("")].concat());
    let mut d = Dialogue::default();
    d.client(
        MILLI,
        message(1, tlv(0x60, &[tlv(2, &[3]), text("cn=mail,dc=corp,dc=example"), tlv(0x80, b"secret")].concat())),
    );
    d.server(30 * MILLI, message(1, done(0x61)));
    let mut at = SECOND;
    for id in 2..26_u8 {
        let base =
            [text("dc=corp,dc=example"), tlv(10, &[2]), tlv(10, &[0]), tlv(2, &[1]), tlv(2, &[10]), tlv(1, &[0])]
                .concat();
        let filter = tlv(0xa3, &[text("uid"), text(&format!("user{:02}", rng.range(0, 100)))].concat());
        let search = [base, filter, tlv(0x30, &text("mail"))].concat();
        d.client(at, message(id, tlv(0x63, &search)));
        let entry = [text("uid=erin,dc=corp,dc=example"), tlv(0x30, &[])].concat();
        d.server(at + rng.range(3, 12) * MILLI, [message(id, tlv(0x64, &entry)), message(id, done(0x65))].concat());
        at += (rng.exponential(12.0) * SECOND as f64) as u64 + SECOND;
    }
    d.done()
}

/// `PostgreSQL` streams its log to a replica: blocks as they come, keepalives, and what was written told back.
pub fn replication(rng: &mut Rng) -> Dialogue {
    let message = |kind: u8, body: &[u8]| [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat();
    let mut d = Dialogue::default();
    let startup = b"\0\x03\0\0user\0replica\0replication\0true\0\0";
    d.client(MILLI, [&(startup.len() as u32 + 4).to_be_bytes()[..], startup].concat());
    d.server(20 * MILLI, [message(b'R', &[0, 0, 0, 0]), message(b'Z', b"I")].concat());
    d.client(40 * MILLI, message(b'Q', b"START_REPLICATION 0/3000000 TIMELINE 1\0"));
    d.server(60 * MILLI, message(b'W', &[0, 0, 0]));
    let (mut at, mut place) = (SECOND, 0x0300_0000_u64);
    for n in 0..40_u64 {
        let clock = 826_000_000_000_000 + at / 1000;
        if n % 5 == 4 {
            let keepalive = [&b"k"[..], &place.to_be_bytes(), &clock.to_be_bytes(), &[0]].concat();
            d.server(at, message(b'd', &keepalive));
        } else {
            let len = rng.range(60, 420) as usize;
            let block =
                [&b"w"[..], &place.to_be_bytes(), &place.to_be_bytes(), &clock.to_be_bytes(), &rng.bytes(len)].concat();
            place += len as u64;
            d.server(at, message(b'd', &block));
        }
        let p = place.to_be_bytes();
        let told = [&b"r"[..], &p, &p, &p, &clock.to_be_bytes(), &[0]].concat();
        d.client(at + 4 * MILLI, message(b'd', &told));
        at += (rng.exponential(8.0) * SECOND as f64) as u64 + 700 * MILLI;
    }
    d.done()
}

/// A record of TLS application data with so many bytes.
fn record(len: usize, rng: &mut Rng) -> Vec<u8> {
    [&[23, 3, 3][..], &(len as u16).to_be_bytes(), &rng.bytes(len)].concat()
}

/// A Tor circuit: cells of 514 bytes in records, either way, in bursts, and padding in between.
pub fn tor(rng: &mut Rng) -> Dialogue {
    let mut d = tls("www.pzt7vq3xkd.example", 0, rng);
    let mut at = 120 * MILLI;
    for _ in 0..10 {
        let cells = rng.range(1, 3);
        for n in 0..cells {
            d.client(at + n * MILLI, record(514 + 17, rng));
        }
        for n in 0..rng.range(1, 3) {
            d.server(at + (90 + n) * MILLI, record(514 + 17, rng));
        }
        at += (rng.exponential(6.0) * SECOND as f64) as u64 + 400 * MILLI;
    }
    d.done()
}

/// A phone's connection for notifications: a few words an hour, and a beat to keep it open.
pub fn push(rng: &mut Rng) -> Dialogue {
    let mut d = tls("push.example", 1, rng);
    for n in 1..16_u64 {
        let at = n * 240 * SECOND;
        d.client(at, record(27, rng));
        d.server(at + 60 * MILLI, record(27, rng));
        if n % 4 == 1 {
            let len = rng.range(180, 700) as usize;
            d.server(at + 71 * SECOND, record(len, rng));
            d.client(at + 71 * SECOND + 40 * MILLI, record(38, rng));
        }
    }
    d.done()
}

/// A resolver over TLS: questions by chance, all padded to 128 bytes and their answers to 468 (RFC 8467).
pub fn resolver(rng: &mut Rng) -> Dialogue {
    let mut d = tls("dns.example", 0, rng);
    let mut at = 120 * MILLI;
    for _ in 0..16 {
        d.client(at, record(128 + 2 + 17, rng));
        d.server(at + rng.range(8, 60) * MILLI, record(468 + 2 + 17, rng));
        at += (rng.exponential(7.0) * SECOND as f64) as u64 + 50 * MILLI;
    }
    d.done()
}

/// Calls of one size under an encryption of their own, that begin with a key of 64 bytes and 234 in answer: as Stratum
/// V2 does, and all the rest is not. 62 bytes are a share's, 58 its answer's.
pub fn fixed_sizes(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.client(MILLI, rng.bytes(64));
    d.server(40 * MILLI, rng.bytes(234));
    let mut at = 80 * MILLI;
    for _ in 0..30 {
        d.client(at, rng.bytes(62));
        d.server(at + rng.range(20, 90) * MILLI, rng.bytes(58));
        at += (rng.exponential(5.0) * SECOND as f64) as u64 + 100 * MILLI;
    }
    d.done()
}
