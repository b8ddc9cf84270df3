//! Addresses that no list may ever hold, whoever asks: special-purpose ranges and well-known public resolvers.
//!
//! Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and the RFC named in each row), the
//! multicast and reserved classes, and for resolvers the pages on which their operators publish the addresses. The
//! list in the project's block list notes is covered row for row, and a little more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::firewall::prefix::Prefix;

/// Special-purpose ranges with the name a person knows them by. The first match names the refusal, so narrower
/// ranges stand before the wider ones that hold them.
pub(super) const SPECIAL: &[(Prefix, &str)] = &[
    (Prefix::v4(0, 0, 0, 0, 8), "this network (RFC 791)"),
    (Prefix::v4(10, 0, 0, 0, 8), "private (RFC 1918)"),
    (Prefix::v4(100, 64, 0, 0, 10), "carrier-grade NAT (RFC 6598)"),
    (Prefix::v4(127, 0, 0, 0, 8), "loopback (RFC 1122)"),
    (Prefix::v4(169, 254, 0, 0, 16), "link-local (RFC 3927)"),
    (Prefix::v4(172, 16, 0, 0, 12), "private (RFC 1918)"),
    (Prefix::v4(192, 0, 0, 0, 24), "IETF protocol assignments (RFC 6890)"),
    (Prefix::v4(192, 31, 196, 0, 24), "AS112 (RFC 7535)"),
    (Prefix::v4(192, 52, 193, 0, 24), "AMT (RFC 7450)"),
    (Prefix::v4(192, 88, 99, 0, 24), "6to4 relay anycast (RFC 7526)"),
    (Prefix::v4(192, 168, 0, 0, 16), "private (RFC 1918)"),
    (Prefix::v4(192, 175, 48, 0, 24), "AS112 (RFC 7534)"),
    (Prefix::v4(198, 18, 0, 0, 15), "benchmarking (RFC 2544)"),
    (Prefix::v4(224, 0, 0, 0, 4), "multicast (RFC 5771)"),
    (Prefix::v4(255, 255, 255, 255, 32), "limited broadcast (RFC 919)"),
    (Prefix::v4(240, 0, 0, 0, 4), "reserved (RFC 1112)"),
    (Prefix::v6(0, 0, 0, 96), "unspecified, loopback or IPv4-compatible (RFC 4291)"),
    (Prefix::v6(0x64, 0xff9b, 0, 96), "NAT64 (RFC 6052)"),
    (Prefix::v6(0x64, 0xff9b, 1, 48), "local-use NAT64 (RFC 8215)"),
    (Prefix::v6(0x100, 0, 0, 64), "discard-only (RFC 6666)"),
    (Prefix::v6(0x2001, 0, 0, 23), "IETF protocol assignments, Teredo and ORCHID (RFC 2928)"),
    (Prefix::v6(0x2002, 0, 0, 16), "6to4 (RFC 3056)"),
    (Prefix::v6(0x2620, 0x4f, 0x8000, 48), "AS112 (RFC 7534)"),
    (Prefix::v6(0x5f00, 0, 0, 16), "segment routing (RFC 9602)"),
    (Prefix::v6(0xfc00, 0, 0, 7), "unique local (RFC 4193)"),
    (Prefix::v6(0xfe80, 0, 0, 10), "link-local (RFC 4291)"),
    (Prefix::v6(0xfec0, 0, 0, 10), "site-local (RFC 3879)"),
    (Prefix::v6(0xff00, 0, 0, 8), "multicast (RFC 4291)"),
];

/// Documentation ranges: refused like the others, unless the test switch lifts them.
pub(super) const DOCUMENTATION: &[(Prefix, &str)] = &[
    (Prefix::v4(192, 0, 2, 0, 24), "documentation (RFC 5737)"),
    (Prefix::v4(198, 51, 100, 0, 24), "documentation (RFC 5737)"),
    (Prefix::v4(203, 0, 113, 0, 24), "documentation (RFC 5737)"),
    (Prefix::v6(0x2001, 0xdb8, 0, 32), "documentation (RFC 3849)"),
    (Prefix::v6(0x3fff, 0, 0, 20), "documentation (RFC 9637)"),
];

const fn a4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// Host-order groups, as an IPv6 address is written.
#[allow(clippy::many_single_char_names)] // eight groups have no better names
const fn a6([a, b, c, d, e, f, g, h]: [u16; 8]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

/// Public resolvers, by operator: the addresses that operators give out for plain DNS (developers.google.com/speed/
/// public-dns, one.one.one.one, quad9.net, opendns.com/setupguide, adguard-dns.io, cleanbrowsing.org, dns.yandex.com,
/// dns.he.net, alidns.com, dnspod.cn, vercara.com, controld.com, nextdns.io, mullvad.net), compared in November 2026
/// with the lists of resolvers that several public projects keep. Whole networks lose name resolution when one is
/// blocked, and a forged answer is enough to make one look like a pool.
pub(super) const PUBLIC_RESOLVERS: &[(IpAddr, &str)] = &[
    (a4(8, 8, 8, 8), "Google"),
    (a4(8, 8, 4, 4), "Google"),
    (a6([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888]), "Google"),
    (a6([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844]), "Google"),
    (a6([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x64]), "Google"),
    (a6([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x6464]), "Google"),
    (a4(1, 1, 1, 1), "Cloudflare"),
    (a4(1, 0, 0, 1), "Cloudflare"),
    (a4(1, 1, 1, 2), "Cloudflare"),
    (a4(1, 0, 0, 2), "Cloudflare"),
    (a4(1, 1, 1, 3), "Cloudflare"),
    (a4(1, 0, 0, 3), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111]), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001]), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1112]), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1002]), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1113]), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1003]), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x64]), "Cloudflare"),
    (a6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x6400]), "Cloudflare"),
    (a4(9, 9, 9, 9), "Quad9"),
    (a4(9, 9, 9, 10), "Quad9"),
    (a4(9, 9, 9, 11), "Quad9"),
    (a4(149, 112, 112, 112), "Quad9"),
    (a4(149, 112, 112, 10), "Quad9"),
    (a4(149, 112, 112, 11), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe]), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0, 9]), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0, 0x10]), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0, 0x11]), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0xfe, 9]), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0xfe, 0x10]), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0xfe, 0x11]), "Quad9"),
    (a4(208, 67, 222, 222), "OpenDNS"),
    (a4(208, 67, 220, 220), "OpenDNS"),
    (a4(208, 67, 222, 220), "OpenDNS"),
    (a4(208, 67, 220, 222), "OpenDNS"),
    (a4(208, 67, 222, 123), "OpenDNS"),
    (a4(208, 67, 220, 123), "OpenDNS"),
    (a6([0x2620, 0x119, 0x35, 0, 0, 0, 0, 0x35]), "OpenDNS"),
    (a6([0x2620, 0x119, 0x53, 0, 0, 0, 0, 0x53]), "OpenDNS"),
    (a4(94, 140, 14, 14), "AdGuard"),
    (a4(94, 140, 15, 15), "AdGuard"),
    (a4(94, 140, 14, 15), "AdGuard"),
    (a4(94, 140, 15, 16), "AdGuard"),
    (a4(94, 140, 14, 140), "AdGuard"),
    (a4(94, 140, 14, 141), "AdGuard"),
    (a6([0x2a10, 0x50c0, 0, 0, 0, 0, 0xad1, 0xff]), "AdGuard"),
    (a6([0x2a10, 0x50c0, 0, 0, 0, 0, 0xad2, 0xff]), "AdGuard"),
    (a4(185, 228, 168, 9), "CleanBrowsing"),
    (a4(185, 228, 169, 9), "CleanBrowsing"),
    (a4(185, 228, 168, 168), "CleanBrowsing"),
    (a4(185, 228, 169, 168), "CleanBrowsing"),
    (a4(185, 228, 168, 10), "CleanBrowsing"),
    (a4(185, 228, 169, 11), "CleanBrowsing"),
    (a4(77, 88, 8, 8), "Yandex"),
    (a4(77, 88, 8, 1), "Yandex"),
    (a6([0x2a02, 0x6b8, 0, 0, 0, 0, 0xfeed, 0xff]), "Yandex"),
    (a4(74, 82, 42, 42), "Hurricane Electric"),
    (a6([0x2001, 0x470, 0x20, 0, 0, 0, 0, 2]), "Hurricane Electric"),
    (a4(223, 5, 5, 5), "AliDNS"),
    (a4(223, 6, 6, 6), "AliDNS"),
    (a6([0x2400, 0x3200, 0, 0, 0, 0, 0, 1]), "AliDNS"),
    (a6([0x2400, 0x3200, 0xbaba, 0, 0, 0, 0, 1]), "AliDNS"),
    (a4(119, 29, 29, 29), "DNSPod"),
    (a4(114, 114, 114, 114), "114DNS"),
    (a4(114, 114, 115, 115), "114DNS"),
    (a4(64, 6, 64, 6), "UltraDNS"),
    (a4(64, 6, 65, 6), "UltraDNS"),
    (a4(76, 76, 2, 0), "Control D"),
    (a4(76, 76, 10, 0), "Control D"),
    (a4(4, 2, 2, 1), "Level 3"),
    (a4(4, 2, 2, 2), "Level 3"),
    (a4(4, 2, 2, 3), "Level 3"),
    (a4(4, 2, 2, 4), "Level 3"),
    (a4(9, 9, 9, 12), "Quad9"),
    (a4(149, 112, 112, 12), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0, 0x12]), "Quad9"),
    (a6([0x2620, 0xfe, 0, 0, 0, 0, 0xfe, 0x12]), "Quad9"),
    (a6([0x2620, 0x119, 0x35, 0, 0, 0, 0, 0x123]), "OpenDNS"),
    (a6([0x2620, 0x119, 0x53, 0, 0, 0, 0, 0x123]), "OpenDNS"),
    (a6([0x2a10, 0x50c0, 0, 0, 0, 0, 0xbad1, 0xff]), "AdGuard"),
    (a6([0x2a10, 0x50c0, 0, 0, 0, 0, 0xbad2, 0xff]), "AdGuard"),
    (a6([0x2a10, 0x50c0, 0, 0, 0, 0, 1, 0xff]), "AdGuard"),
    (a6([0x2a10, 0x50c0, 0, 0, 0, 0, 2, 0xff]), "AdGuard"),
    (a6([0x2a0d, 0x2a00, 1, 0, 0, 0, 0, 0]), "CleanBrowsing"),
    (a6([0x2a0d, 0x2a00, 2, 0, 0, 0, 0, 0]), "CleanBrowsing"),
    (a6([0x2a0d, 0x2a00, 1, 0, 0, 0, 0, 1]), "CleanBrowsing"),
    (a6([0x2a0d, 0x2a00, 2, 0, 0, 0, 0, 1]), "CleanBrowsing"),
    (a6([0x2a0d, 0x2a00, 1, 0, 0, 0, 0, 2]), "CleanBrowsing"),
    (a6([0x2a0d, 0x2a00, 2, 0, 0, 0, 0, 2]), "CleanBrowsing"),
    (a4(77, 88, 8, 88), "Yandex"),
    (a4(77, 88, 8, 2), "Yandex"),
    (a4(77, 88, 8, 7), "Yandex"),
    (a4(77, 88, 8, 3), "Yandex"),
    (a6([0x2a02, 0x6b8, 0, 1, 0, 0, 0xfeed, 0xff]), "Yandex"),
    (a6([0x2620, 0x74, 0x1b, 0, 0, 0, 1, 1]), "UltraDNS"),
    (a6([0x2620, 0x74, 0x1c, 0, 0, 0, 2, 2]), "UltraDNS"),
    (a6([0x2606, 0x1a40, 0, 0, 0, 0, 0, 0]), "Control D"),
    (a6([0x2606, 0x1a40, 1, 0, 0, 0, 0, 0]), "Control D"),
    (a4(4, 2, 2, 5), "Level 3"),
    (a4(4, 2, 2, 6), "Level 3"),
    (a4(45, 90, 28, 0), "NextDNS"),
    (a4(45, 90, 30, 0), "NextDNS"),
    (a6([0x2a07, 0xa8c0, 0, 0, 0, 0, 0, 0]), "NextDNS"),
    (a6([0x2a07, 0xa8c1, 0, 0, 0, 0, 0, 0]), "NextDNS"),
    (a4(194, 242, 2, 2), "Mullvad"),
    (a6([0x2a07, 0xe340, 0, 0, 0, 0, 0, 2]), "Mullvad"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_clean_prefix() {
        for (p, name) in SPECIAL.iter().chain(DOCUMENTATION) {
            assert_eq!(p.to_string().parse::<Prefix>().as_ref(), Ok(p), "{name}: host bits set");
        }
    }

    #[test]
    fn no_public_resolver_hides_in_a_special_range_or_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for (a, name) in PUBLIC_RESOLVERS {
            assert!(seen.insert(a), "{a} ({name}) is listed twice");
            assert!(!SPECIAL.iter().any(|(p, _)| p.contains(*a)), "{a} ({name}) is already a special range");
        }
    }
}
