//! First bytes of what is none of the carriers, for their tests.

/// Opening bytes of protocols that share ports, lengths or bytes with the wrappings.
pub(in crate::carrier) const STRANGERS: [(&str, &[u8]); 17] = [
    (
        "TLS ClientHello",
        b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03\
        \x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\
        \x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x00\x00\x04\x13\x01\x13\x02\x01\x00",
    ),
    ("TLS application data", b"\x17\x03\x03\x00\x05\x81\x03{1}"),
    ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("HTTP request", b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"),
    ("HTTP response", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    ("SMTP", b"220 mail.example ESMTP\r\n"),
    ("MQTT CONNECT", b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03abc"),
    ("MQTT SUBSCRIBE", b"\x82\x08\x00\x01\x00\x03a/b\x00"),
    ("MQTT UNSUBACK and JSON", b"\x82\x08\x00\x01\x00\x03{1}\x00"),
    ("XMPP", b"<?xml version='1.0'?><stream:stream to='chat.example' xmlns='jabber:client'>"),
    ("Redis", b"*1\r\n$4\r\nPING\r\n"),
    (
        "DCE/RPC bind",
        b"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x01\x00\x00\x00\xb8\x10\xb8\x10\x00\x00\x00\x00",
    ),
    (
        "DCE/RPC 5.1",
        b"\x05\x01\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x01\x00\x00\x00\xb8\x10\xb8\x10\x00\x00\x00\x00",
    ),
    ("BitTorrent", b"\x13BitTorrent protocol\x00\x00\x00\x00\x00\x10\x00\x05"),
    ("JSON line", b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n"),
    ("PostgreSQL", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"),
    ("Bitcoin version", b"\xf9\xbe\xb4\xd9version\x00\x00\x00\x00\x00\x66\x00\x00\x00\x00\x00\x00\x00"),
];

/// `count` buffers of 1 to 256 random bytes, the same ones on every run (`SplitMix64`).
pub(in crate::carrier) fn random(count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut state = 0x6d69_6e65_7761_7463_u64;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..count).map(move |_| {
        let len = 1 + (next() % 256) as usize;
        (0..len).map(|_| next() as u8).collect()
    })
}

/// Cuts `whole` at the given places (taken modulo its length).
pub(in crate::carrier) fn split(whole: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts = cuts.iter().map(|c| c % (whole.len() + 1)).collect::<Vec<_>>();
    cuts.sort_unstable();
    cuts.push(whole.len());
    let mut from = 0;
    cuts.into_iter()
        .map(|to| {
            let part = whole[from..to].to_vec();
            from = to;
            part
        })
        .collect()
}
