//! Which host below a pool's name takes miners, and which is a web site.
//!
//! In: a name, the listed name above it, a port. Out: a [`Role`]. Pools use one name for both: `pool.example` and
//! `www.pool.example` are pages, `eu1.pool.example` takes miners, and some take them on `pool.example:3333`.

use super::name;
use super::words::Role;

/// First labels of hosts that serve people.
const WEB: &[&str] = &[
    "account",
    "accounts",
    "admin",
    "app",
    "assets",
    "auth",
    "blog",
    "cdn",
    "chat",
    "cloud",
    "community",
    "dashboard",
    "demo",
    "dev",
    "doc",
    "docs",
    "email",
    "explorer",
    "faq",
    "files",
    "forum",
    "ftp",
    "git",
    "grafana",
    "help",
    "home",
    "images",
    "imap",
    "img",
    "info",
    "ipfs",
    "join",
    "login",
    "m",
    "mail",
    "media",
    "mobile",
    "monitor",
    "mx",
    "my",
    "news",
    "newsletter",
    "ns",
    "ns1",
    "ns2",
    "ns3",
    "ns4",
    "pay",
    "pop",
    "pop3",
    "portal",
    "shop",
    "site",
    "smtp",
    "stage",
    "staging",
    "stat",
    "static",
    "stats",
    "status",
    "store",
    "support",
    "test",
    "vpn",
    "web",
    "webmail",
    "wiki",
    "www",
    "www1",
    "www2",
];
/// First labels of hosts that serve programs.
const API: &[&str] = &["api", "api1", "api2", "api3", "graphql", "rest", "rpc", "webhook", "webhooks"];

/// Ports on which a name that takes miners elsewhere is a web site, unless the feed lists them for it.
const WEB_PORTS: &[u16] = &[80, 443];

/// What `host` is, when `listed` is a name that takes miners. `fits`: the feed lists the port; `usual`: many pools use
/// it. Both are false without a port.
///
/// 1. On port 80 or 443 a web label, `api` or the registered name itself is a web site or an API, listed or not:
///    pools list these ports for hosts of their own. Any other host takes miners there if the port is listed, and is a
///    web site if it is not.
/// 2. On any other port that the feed lists, or that many pools use, every host takes miners.
/// 3. Else a web label or the registered name itself is a web site, `api` an API, and any other host takes miners.
pub(super) fn role(taking: Role, host: &str, listed: &str, port: Option<u16>, fits: bool, usual: bool) -> Role {
    let own = host.strip_suffix(listed).unwrap_or_default().trim_end_matches('.');
    // `www.eu.pool.example` and `eu.www.pool.example` are both web.
    let mut labels = own.split('.').filter(|l| !l.is_empty());
    let (first, last) = (labels.next(), labels.next_back());
    let any = |words: &[&str]| [first, last].into_iter().flatten().any(|l| words.binary_search(&l).is_ok());
    let page = if any(API) {
        Some(Role::Api)
    } else if any(WEB) || (first.is_none() && name::is_registrable(listed)) {
        Some(Role::Web)
    } else {
        None
    };
    match port {
        Some(p) if WEB_PORTS.contains(&p) => page.unwrap_or(if fits { taking } else { Role::Web }),
        Some(_) if fits || usual => taking,
        _ => page.unwrap_or(taking),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_order() {
        assert!(WEB.is_sorted() && API.is_sorted());
    }

    #[test]
    fn pages_are_no_stratum_hosts() {
        let role = |host, port, fits, usual| super::role(Role::Stratum, host, "pool.example", port, fits, usual);
        // A look-up in DNS.
        assert_eq!(role("pool.example", None, false, false), Role::Web);
        assert_eq!(role("www.pool.example", None, false, false), Role::Web);
        assert_eq!(role("www.eu.pool.example", None, false, false), Role::Web);
        assert_eq!(role("api.pool.example", None, false, false), Role::Api);
        assert_eq!(role("eu1.pool.example", None, false, false), Role::Stratum);
        // Pages, on the ports of pages.
        for host in ["pool.example", "www.pool.example", "eu1.pool.example"] {
            assert_eq!(role(host, Some(443), false, false), Role::Web, "{host}");
        }
        // A pool that lists 443 means its own hosts, not its page.
        assert_eq!(role("pool.example", Some(443), true, false), Role::Web);
        assert_eq!(role("ss.pool.example", Some(443), true, false), Role::Stratum);
        // Ports of miners.
        for host in ["pool.example", "www.pool.example", "eu1.pool.example"] {
            assert_eq!(role(host, Some(4444), true, false), Role::Stratum, "{host}");
            assert_eq!(role(host, Some(3333), false, true), Role::Stratum, "{host}");
        }
        // Neither.
        assert_eq!(role("www.pool.example", Some(8443), false, false), Role::Web);
        assert_eq!(role("eu1.pool.example", Some(8443), false, false), Role::Stratum);
    }

    #[test]
    fn a_listed_host_below_the_registered_name_takes_miners_itself() {
        assert_eq!(super::role(Role::Stratum, "ss.pool.example", "ss.pool.example", None, false, false), Role::Stratum);
        assert_eq!(super::role(Role::Proxy, "ss.pool.example", "ss.pool.example", Some(443), true, false), Role::Proxy);
    }
}
