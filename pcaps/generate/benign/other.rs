//! Protocols without JSON, some of them carrying mining words.

use sha2::{Digest, Sha256};

use super::super::dialogue::{Dialogue, MILLI, SECOND};
use super::super::rng::Rng;

/// Redis.
pub fn redis(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let mut at = MILLI;
    let command = |words: &[&str]| {
        words.iter().fold(format!("*{}\r\n", words.len()), |s, w| s + &format!("${}\r\n{w}\r\n", w.len()))
    };
    for n in 0..12_u32 {
        let key = format!("job:{n}");
        let value = r#"{"method":"mining.notify","params":["1f"]}"#;
        d.client(at, command(&["SET", &key, value]));
        d.server(at + 21 * MILLI, "+OK\r\n");
        d.client(at + 300 * MILLI, command(&["GET", &key]));
        d.server(at + 322 * MILLI, format!("${}\r\n{value}\r\n", value.len()));
        at += rng.range(1, 20) * SECOND;
    }
    d.done()
}

/// IRC in a channel about mining.
pub fn irc(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.client(MILLI, "NICK dave\r\nUSER dave 0 * :Dave\r\n");
    d.server(60 * MILLI, ":irc.example 001 dave :Welcome to the network, dave\r\n");
    d.client(SECOND, "JOIN #mining\r\n");
    d.server(
        SECOND + 40 * MILLI,
        ":dave!dave@host.example JOIN #mining\r\n:irc.example 353 dave = #mining :dave erin\r\n",
    );
    let mut at = 5 * SECOND;
    for text in [
        "which pool? stratum+tcp://pool.example:3333 ?",
        "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}",
        "eth_submitLogin is what ethminer sends",
    ] {
        d.client(at, format!("PRIVMSG #mining :{text}\r\n"));
        d.server(at + 4 * SECOND, format!(":erin!erin@host.example PRIVMSG #mining :re: {text}\r\n"));
        at += rng.range(20, 90) * SECOND;
    }
    d.server(at, "PING :irc.example\r\n");
    d.client(at + MILLI, "PONG :irc.example\r\n");
    d.done()
}

/// MQTT 3.1.1: small messages, regular keepalives, hours on end; some topics carry JSON.
pub fn mqtt(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let packet = |kind: u8, body: &[u8]| [&[kind, body.len() as u8][..], body].concat();
    let text = |s: &str| [&(s.len() as u16).to_be_bytes()[..], s.as_bytes()].concat();
    let connect = [&text("MQTT")[..], &[4, 2, 0, 60], &text("meter-17")].concat();
    d.client(MILLI, packet(0x10, &connect));
    d.server(40 * MILLI, packet(0x20, &[0, 0]));
    d.client(SECOND, packet(0x82, &[&[0, 1][..], &text("job/meter-17"), &[0]].concat()));
    d.server(SECOND + 30 * MILLI, packet(0x90, &[0, 1, 0]));
    for minute in 1..=40_u64 {
        let at = minute * 60 * SECOND;
        d.client(at, packet(0xc0, &[]));
        d.server(at + 25 * MILLI, packet(0xd0, &[]));
        if minute % 4 == 1 {
            let body = format!(r#"{{"id":{minute},"method":"report","params":[{}]}}"#, rng.range(200, 300));
            d.client(at + 9 * SECOND, packet(0x30, &[text("meter/17"), body.into_bytes()].concat()));
        }
        if minute % 9 == 2 {
            let body = format!(r#"{{"job_id":"{}","target":"all"}}"#, rng.hex(3));
            d.server(at + 17 * SECOND, packet(0x30, &[text("job/meter-17"), body.into_bytes()].concat()));
        }
    }
    d.done()
}

/// XMPP without TLS.
pub fn xmpp(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.client(MILLI, "<?xml version='1.0'?><stream:stream to='chat.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>");
    d.server(60 * MILLI, "<?xml version='1.0'?><stream:stream from='chat.example' id='s1' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>");
    d.client(SECOND, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGRhdmUAc2VjcmV0</auth>");
    d.server(SECOND + 40 * MILLI, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let mut at = 4 * SECOND;
    for _ in 0..6 {
        d.client(at, "<message to='erin@chat.example' type='chat'><body>login, job, submit: the three words of a miner</body></message>");
        d.server(at + 700 * MILLI, "<message from='erin@chat.example' type='chat'><body>so I hear</body></message>");
        at += rng.range(10, 60) * SECOND;
    }
    d.done()
}

/// A mail about a miner.
pub fn smtp(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    d.server(30 * MILLI, "220 mail.example ESMTP\r\n");
    let mut at = 60 * MILLI;
    for (say, answer) in [
        ("EHLO client.example\r\n", "250-mail.example\r\n250 SIZE 1000000\r\n"),
        ("MAIL FROM:<alert@ids.example>\r\n", "250 ok\r\n"),
        ("RCPT TO:<admin@corp.example>\r\n", "250 ok\r\n"),
        ("DATA\r\n", "354 go ahead\r\n"),
        (
            "Subject: miner found\r\nFrom: alert@ids.example\r\nTo: admin@corp.example\r\n\r\nHost sent:\r\n{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11.1\"]}\r\n{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"w.1\",\"x\"]}\r\n.\r\n",
            "250 queued\r\n",
        ),
        ("QUIT\r\n", "221 bye\r\n"),
    ] {
        d.client(at, say);
        d.server(at + rng.range(22, 60) * MILLI, answer);
        at += rng.range(100, 300) * MILLI;
    }
    d.done()
}

/// `PostgreSQL`: rows that hold the text of detection rules.
pub fn postgres(rng: &mut Rng) -> Dialogue {
    let mut d = Dialogue::default();
    let message = |kind: u8, body: &[u8]| [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat();
    let startup = b"\0\x03\0\0user\0ids\0database\0rules\0\0";
    d.client(MILLI, [&(startup.len() as u32 + 4).to_be_bytes()[..], startup].concat());
    d.server(30 * MILLI, [message(b'R', &[0, 0, 0, 0]), message(b'Z', b"I")].concat());
    d.client(SECOND, message(b'Q', b"SELECT rule FROM rules WHERE msg LIKE '%miner%'\0"));
    let column =
        [&b"rule\0"[..], &[0, 0, 0x40, 1, 0, 1, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]].concat();
    let mut rows = message(b'T', &[&[0, 1][..], &column].concat());
    for n in 0..24_u32 {
        let text = format!(
            r#"alert tcp any any -> any any (msg:"stratum"; content:"{{\"method\":\"mining.notify\""; content:"mining.authorize"; content:"\"login\""; pcre:"/xmrig|getblocktemplate|eth_submitLogin/"; sid:{};)
{{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}}
"#,
            9_000_000 + n + rng.range(0, 9) as u32
        );
        rows.extend(message(b'D', &[&[0, 1][..], &(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()));
    }
    rows.extend(message(b'C', b"SELECT 24\0"));
    rows.extend(message(b'Z', b"I"));
    d.server(SECOND + 45 * MILLI, rows);
    d.client(4 * SECOND, message(b'X', &[]));
    d.done()
}

/// A Bitcoin node's handshake with a peer (FP03).
pub fn bitcoin_peer(rng: &mut Rng) -> Dialogue {
    let message = |command: &str, body: &[u8]| {
        let mut m = vec![0xf9, 0xbe, 0xb4, 0xd9];
        m.extend_from_slice(command.as_bytes());
        m.resize(16, 0);
        m.extend_from_slice(&(body.len() as u32).to_le_bytes());
        m.extend_from_slice(&Sha256::digest(Sha256::digest(body))[..4]);
        m.extend_from_slice(body);
        m
    };
    let version = |rng: &mut Rng| {
        let mut v = 70_016_u32.to_le_bytes().to_vec();
        v.extend_from_slice(&0x0409_u64.to_le_bytes());
        v.extend_from_slice(&1_772_600_000_u64.to_le_bytes());
        v.extend_from_slice(&[0; 52]);
        v.extend_from_slice(&rng.bytes(8));
        v.push(16);
        v.extend_from_slice(b"/Satoshi:28.0.0/");
        v.extend_from_slice(&941_300_u32.to_le_bytes());
        v.push(1);
        v
    };
    let mut d = Dialogue::default();
    let (ours, theirs) = (version(rng), version(rng));
    d.client(MILLI, message("version", &ours));
    d.server(40 * MILLI, message("version", &theirs));
    d.server(41 * MILLI, message("verack", &[]));
    d.client(45 * MILLI, message("verack", &[]));
    let mut at = SECOND;
    for _ in 0..8 {
        let nonce = rng.bytes(8);
        d.client(at, message("ping", &nonce));
        d.server(at + 35 * MILLI, message("pong", &nonce));
        at += 120 * SECOND;
    }
    d.done()
}
