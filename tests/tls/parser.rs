//! A stream as the crate tls-parser reads it.

use sha2::{Digest, Sha256};
use tls_parser::{TlsMessage, TlsMessageHandshake, TlsRecordType, TlsVersion};

use super::reference::Lists;

/// What a stream begins with.
#[derive(Debug)]
pub(crate) enum Read {
    Client(Lists),
    Server { version: u16, cipher: u16, certificate: Option<[u8; 32]> },
    Nothing,
}

/// Records' handshake content, joined, up to the first other record but warnings.
fn handshake(mut stream: &[u8]) -> Vec<u8> {
    let mut joined = Vec::new();
    while let Ok((rest, record)) = tls_parser::parse_tls_raw_record(stream) {
        stream = rest;
        match record.hdr.record_type {
            _ if !(0x300..=0x304).contains(&record.hdr.version.0) => break,
            TlsRecordType::Handshake => joined.extend_from_slice(record.data),
            TlsRecordType::Alert if record.data.first() == Some(&1) => {}
            _ => break,
        }
    }
    // Of the record that was cut by the end, what there is.
    if let Ok((rest, header)) = tls_parser::parse_tls_record_header(stream)
        && header.record_type == TlsRecordType::Handshake
        && (0x300..=0x304).contains(&header.version.0)
        && rest.len() < usize::from(header.len)
    {
        joined.extend_from_slice(rest);
    }
    joined
}

pub(crate) fn read(stream: &[u8]) -> Read {
    let joined = handshake(stream);
    let Ok((rest, TlsMessage::Handshake(message))) = tls_parser::parse_tls_message_handshake(&joined) else {
        return Read::Nothing;
    };
    match message {
        TlsMessageHandshake::ClientHello(hello) => Read::Client(client(&hello)),
        TlsMessageHandshake::ServerHello(hello) => {
            let mut version = hello.version.0;
            let extensions = tls_parser::parse_tls_server_hello_extensions(hello.ext.unwrap_or_default());
            for extension in extensions.map(|(_, e)| e).unwrap_or_default() {
                if let tls_parser::TlsExtension::SupportedVersions(list) = extension {
                    version = list.first().map_or(version, |v: &TlsVersion| v.0);
                }
            }
            let certificate = match tls_parser::parse_tls_message_handshake(rest) {
                Ok((_, TlsMessage::Handshake(TlsMessageHandshake::Certificate(c)))) if version < 0x0304 => {
                    c.cert_chain.first().map(|c| Sha256::digest(c.data).into())
                }
                _ => None,
            };
            Read::Server { version, cipher: hello.cipher.0, certificate }
        }
        _ => Read::Nothing,
    }
}

fn client(hello: &tls_parser::TlsClientHelloContents<'_>) -> Lists {
    let mut lists =
        Lists { legacy: hello.version.0, ciphers: hello.ciphers.iter().map(|c| c.0).collect(), ..Lists::default() };
    let mut rest = hello.ext.unwrap_or_default();
    while let Some((head, tail)) = rest.split_first_chunk::<4>() {
        let [a, b, c, d] = *head;
        let Some(tail) = tail.get(usize::from(u16::from_be_bytes([c, d]))..) else { break };
        lists.extensions.push(u16::from_be_bytes([a, b]));
        let one = &rest[..rest.len() - tail.len()];
        rest = tail;
        match tls_parser::parse_tls_client_hello_extension(one) {
            Ok((_, tls_parser::TlsExtension::SNI(names))) => lists.sni = names.first().map(|n| n.1.to_vec()),
            Ok((_, tls_parser::TlsExtension::ALPN(names))) => lists.alpn = names.iter().map(|n| n.to_vec()).collect(),
            Ok((_, tls_parser::TlsExtension::SignatureAlgorithms(list))) => lists.signatures = list,
            Ok((_, tls_parser::TlsExtension::SupportedVersions(list))) => {
                lists.versions = list.iter().map(|v| v.0).collect();
            }
            _ => {}
        }
    }
    lists
}
