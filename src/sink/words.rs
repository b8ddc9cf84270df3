//! Phrases that outputs for people share.
//!
//! In: parts of a finding. Out: text. Names in it are targets and addresses, which are safe to print as they are.

use std::net::SocketAddr;

use crate::carrier::Wrap;
use crate::intel::Place;
use crate::ledger::{FlowFinding, TlsSeen};
pub(super) use crate::text::counted as count;
use crate::text::printable;

/// Where a conversation went: the innermost destination, through which proxies, and the endpoint that was seen.
pub(super) fn route(wraps: &[Wrap], endpoint: SocketAddr) -> String {
    let hops = wraps.iter().rev().filter_map(Wrap::proxy);
    let mut out = String::new();
    for hop in hops {
        out.push_str(&hop.map_or_else(|| "?".to_owned(), ToString::to_string));
        out.push_str(" via ");
    }
    out.push_str(&endpoint.to_string());
    out
}

/// The same, with the name by which an endpoint was reached without a proxy.
pub(super) fn named_route(wraps: &[Wrap], endpoint: SocketAddr, name: Option<&str>) -> String {
    match name {
        Some(name) if !wraps.iter().any(|w| w.proxy().is_some()) => {
            format!("{}:{} ({})", printable(name, 128), endpoint.port(), endpoint.ip())
        }
        _ => route(wraps, endpoint),
    }
}

/// Country and network, as far as they are known: `DE, AS64500 EXAMPLE`.
pub(super) fn place(p: &Place) -> Option<String> {
    let asn = p.asn.map(|n| format!("AS{n}"));
    let network = [asn.as_deref(), p.network.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [p.country.as_ref().map_or("", |c| c.as_str()), network.as_str()];
    let parts: Vec<_> = parts.into_iter().filter(|t| !t.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What TLS showed.
pub(super) fn tls(t: &TlsSeen) -> String {
    let mut parts = Vec::new();
    parts.extend(t.version.clone());
    parts.extend(t.sni.as_ref().map(|n| format!("to {n}")));
    parts.extend(t.ja4.as_ref().map(|j| format!("JA4 {j}")));
    parts.extend(t.subject.as_ref().or(t.sans.first()).map(|s| format!("certificate of {s}")));
    parts.extend(t.self_signed.then(|| "self-signed".to_owned()));
    parts.extend(t.fingerprint.as_ref().map(|f| format!("SHA-256 {f}")));
    parts.join(", ")
}

/// What a conversation was unwrapped from, outermost first; `None` when it was not wrapped.
pub(super) fn wrapped(wraps: &[Wrap]) -> Option<String> {
    let one = |w: &Wrap| match (w, w.proxy()) {
        (_, Some(Some(target))) => format!("{} to {target}", w.kind()),
        (Wrap::Proxy(Some(source)), _) => format!("{} for {source}", w.kind()),
        _ => w.kind().to_owned(),
    };
    (!wraps.is_empty()).then(|| wraps.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// The other end of a flow: a pool, or for a rig's management the pool that the rig names and who asked.
pub(super) fn pool(f: &FlowFinding) -> String {
    if !f.is_inventory() {
        return named_route(&f.wraps, f.pool, f.names.first().map(|n| &**n));
    }
    let asker = f.pool.ip();
    match &f.reported_pool {
        Some(pool) => format!("{pool} (told {asker})"),
        None => format!("? (asked by {asker})"),
    }
}

/// What a hint says.
pub(super) fn hint(word: &str) -> &'static str {
    match word {
        "account" => "somebody registered at the pool",
        "donation" => "the program mines for its authors for a while",
        "email" => "the miner left an e-mail address",
        "nicehash" => "hash rate is sold there by registered people",
        "nicehash-rental" => "rented hash rate, no rig of its own",
        _ => "",
    }
}

/// The names of a list, the first `most` of them, and how many more there are.
pub(super) fn some(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(most) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hop_of_a_chain_is_told() {
        let endpoint = "192.0.2.1:1080".parse().unwrap();
        let target = |text| crate::carrier::Target::parse_authority(text);
        let chain =
            [Wrap::Socks(target("proxy.example:8080")), Wrap::Connect(target("pool.example:3333")), Wrap::WebSocket];
        assert_eq!(route(&chain, endpoint), "pool.example:3333 via proxy.example:8080 via 192.0.2.1:1080");
        assert_eq!(
            wrapped(&chain).as_deref(),
            Some("socks to proxy.example:8080, connect to pool.example:3333, websocket")
        );
        assert_eq!(route(&[Wrap::Socks(None)], endpoint), "? via 192.0.2.1:1080");
        assert_eq!(route(&[], endpoint), "192.0.2.1:1080");
        assert_eq!(wrapped(&[]), None);
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(some(&names, 3), "a, b, c");
        assert_eq!(some(&names, 2), "a, b and 1 more");
    }
}
