//! A hello as OpenSSL's own client sends it, where that is installed.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use minewatch::carrier::tls::{ClientHello, Step, TlsReader, Version};

use super::support::corpus::say;

/// What `openssl s_client` says with some options.
fn hello(options: &[&str]) -> Option<ClientHello> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &address])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reader = TlsReader::new();
    let mut buffer = [0; 4096];
    let said = loop {
        let n = stream.read(&mut buffer).unwrap();
        match reader.push(&buffer[..n]) {
            Step::More if n > 0 => {}
            Step::Client(hello) => break *hello,
            other => panic!("{other:?}"),
        }
    };
    drop(stream);
    client.wait().unwrap();
    Some(said)
}

#[test]
fn openssl_is_read() {
    let Some(bare) = hello(&["-noservername"]) else {
        say("skipped 1 test that asks openssl: it is not here");
        return;
    };
    say(&format!("openssl without a name: {}", bare.ja4));
    assert!(bare.sni.is_none() && bare.alpn.is_empty() && bare.ja4.has_no_sni() && bare.ja4.has_no_alpn());
    assert!(bare.version >= Version(0x0303) && !bare.resumption && !bare.ech);

    let named = hello(&["-servername", "XMR.pool.example", "-alpn", "h2,http/1.1", "-tls1_2"]).unwrap();
    say(&format!("openssl with a name: {}", named.ja4));
    assert_eq!(named.sni.as_deref(), Some("xmr.pool.example"));
    assert_eq!(named.alpn, ["h2".into(), "http/1.1".into()]);
    assert_eq!(named.version, Version(0x0303));
    assert!(named.ja4.as_str().starts_with("t12d") && named.ja4.as_str()[8..].starts_with("h2_"), "{}", named.ja4);
}
