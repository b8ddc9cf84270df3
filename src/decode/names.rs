//! Names of the numbers that a skipped frame is reported by.
//!
//! In: a registered number. Out: its name, if it is common enough that a person should not have to look it up.
//! Sources: the IANA registries of IEEE 802 and PPP numbers; etherparse's copy of the IP protocol numbers.

/// IEEE 802 ethertypes.
pub(super) fn ethertype(n: u16) -> Option<&'static str> {
    Some(match n {
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x2000 => "CDP",
        0x22f0 => "AVTP",
        0x22f3 => "TRILL",
        0x4305 => "batman-adv",
        0x6001..=0x6007 => "DECnet",
        0x8035 => "RARP",
        0x809b => "AppleTalk",
        0x80f3 => "AppleTalk AARP",
        0x8137 => "IPX",
        0x8808 => "Ethernet flow control",
        0x8809 => "slow protocols (LACP)",
        0x8863 => "PPPoE discovery",
        0x887b => "HomePlug",
        0x888e => "EAPOL",
        0x8892 => "PROFINET",
        0x8899 => "Realtek",
        0x88a4 => "EtherCAT",
        0x88ab => "POWERLINK",
        0x88b8 => "GOOSE",
        0x88ba => "IEC 61850 sampled values",
        0x88ca => "TIPC",
        0x88cc => "LLDP",
        0x88cd => "SERCOS III",
        0x88e1 => "HomePlug AV",
        0x88e3 => "MRP",
        0x88f7 => "PTP",
        0x8902 => "CFM",
        0x8903 => "FabricPath",
        0x8906 => "FCoE",
        0x890d => "IEEE 802.11 data encapsulation",
        0x8914 => "FCoE initialization",
        0x8915 => "RoCE",
        0x892f => "HSR",
        0x893a => "IEEE 1905.1",
        0x9000 => "loopback test",
        _ => return None,
    })
}

/// IEEE 802.2 service access points.
pub(super) fn llc_sap(n: u8) -> Option<&'static str> {
    Some(match n {
        0x00 => "null",
        0x04 | 0x05 | 0x08 | 0x0c => "SNA",
        0x42 => "STP",
        0xe0 => "IPX",
        0xf0 => "NetBIOS",
        0xfe => "OSI (IS-IS)",
        0xff => "IPX raw or global",
        _ => return None,
    })
}

/// PPP protocol numbers.
pub(super) fn ppp_protocol(n: u16) -> Option<&'static str> {
    Some(match n {
        0x002d => "VJ compressed TCP",
        0x002f => "VJ uncompressed TCP",
        0x0031 => "bridging",
        0x003d => "multilink",
        0x00fd => "compressed or encrypted",
        0x8021 => "IPCP",
        0x8057 => "IPV6CP",
        0x80fd => "CCP",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc025 => "LQR",
        0xc223 => "CHAP",
        0xc227 => "EAP",
        _ => return None,
    })
}

/// IP protocol numbers.
pub(super) fn ip_protocol(n: u8) -> Option<&'static str> {
    etherparse::IpNumber(n).keyword_str()
}
