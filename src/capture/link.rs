//! Link-layer header types by number and name.
//!
//! Facts: the registry at tcpdump.org/linktypes.html. Numbers that mean the same on different systems (raw IP is 101
//! in files, 12 or 14 where an old libpcap wrote its own) each have a constant, so that decode matches on all.

/// A link-layer header type as registered by tcpdump.org (`LINKTYPE_` values).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkType(pub u16);

macro_rules! link_types {
    ($($number:literal $name:ident $text:literal,)+) => {
        #[allow(missing_docs)] // the name is the registry's
        impl LinkType {
            $(pub const $name: Self = Self($number);)+

            /// Name in reports, or `None` for a number this table does not know.
            pub const fn known_name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)+ _ => None }
            }
        }
    };
}

link_types! {
    0 NULL "BSD loopback",
    1 ETHERNET "Ethernet",
    3 AX25 "AX.25",
    6 IEEE802_5 "Token Ring",
    7 ARCNET_BSD "ARCNET (BSD)",
    8 SLIP "SLIP",
    9 PPP "PPP",
    10 FDDI "FDDI",
    11 ATM_RFC1483_BSD "ATM RFC 1483 (BSD)",
    12 RAW_BSD "raw IP (12)",
    14 RAW_OPENBSD "raw IP (14)",
    50 PPP_HDLC "PPP in HDLC framing",
    51 PPP_ETHER "PPPoE session",
    99 SYMANTEC_FIREWALL "Symantec firewall",
    100 ATM_RFC1483 "ATM RFC 1483",
    101 RAW "raw IP",
    104 C_HDLC "Cisco HDLC",
    105 IEEE802_11 "802.11",
    107 FRELAY "Frame Relay",
    108 LOOP "OpenBSD loopback",
    109 ENC "OpenBSD IPsec",
    113 LINUX_SLL "Linux cooked",
    114 LTALK "LocalTalk",
    117 PFLOG "OpenBSD pflog",
    119 IEEE802_11_PRISM "802.11 with Prism header",
    122 IP_OVER_FC "IP over Fibre Channel",
    123 SUNATM "SunATM",
    127 IEEE802_11_RADIOTAP "802.11 with radiotap",
    129 ARCNET_LINUX "ARCNET (Linux)",
    130 JUNIPER_MLPPP "Juniper MLPPP",
    135 JUNIPER_ATM2 "Juniper ATM2",
    137 JUNIPER_ATM1 "Juniper ATM1",
    138 APPLE_IP_OVER_IEEE1394 "IP over FireWire",
    139 MTP2_WITH_PHDR "MTP2 with pseudo-header",
    140 MTP2 "MTP2",
    141 MTP3 "MTP3",
    142 SCCP "SCCP",
    143 DOCSIS "DOCSIS",
    144 LINUX_IRDA "Linux IrDA",
    163 IEEE802_11_AVS "802.11 with AVS header",
    165 BACNET_MS_TP "BACnet MS/TP",
    166 PPP_PPPD "PPP from pppd",
    169 GPRS_LLC "GPRS LLC",
    178 JUNIPER_ETHER "Juniper Ethernet",
    187 BLUETOOTH_HCI_H4 "Bluetooth HCI H4",
    189 USB_LINUX "USB (Linux)",
    192 PPI "PPI",
    195 IEEE802_15_4_WITHFCS "IEEE 802.15.4",
    197 ERF "ERF",
    201 BLUETOOTH_HCI_H4_WITH_PHDR "Bluetooth HCI H4 with direction",
    203 LAPD "LAPD",
    204 PPP_WITH_DIR "PPP with direction",
    205 C_HDLC_WITH_DIR "Cisco HDLC with direction",
    206 FRELAY_WITH_DIR "Frame Relay with direction",
    220 USB_LINUX_MMAPPED "USB (Linux, mmapped)",
    224 FC_2 "Fibre Channel",
    226 IPNET "Solaris ipnet",
    227 CAN_SOCKETCAN "SocketCAN",
    228 IPV4 "raw IPv4",
    229 IPV6 "raw IPv6",
    230 IEEE802_15_4_NOFCS "IEEE 802.15.4 without FCS",
    231 DBUS "D-Bus",
    235 DVB_CI "DVB-CI",
    239 NFLOG "netfilter log",
    240 NETANALYZER "Hilscher netANALYZER",
    242 IPOIB "IP over InfiniBand",
    243 MPEG_2_TS "MPEG-2 TS",
    245 NFC_LLCP "NFC LLCP",
    247 INFINIBAND "InfiniBand",
    248 SCTP "SCTP",
    249 USBPCAP "USBPcap",
    251 BLUETOOTH_LE_LL "Bluetooth LE",
    252 WIRESHARK_UPPER_PDU "Wireshark exported PDU",
    253 NETLINK "Linux netlink",
    254 BLUETOOTH_LINUX_MONITOR "Bluetooth (Linux monitor)",
    256 BLUETOOTH_LE_LL_WITH_PHDR "Bluetooth LE with pseudo-header",
    258 PKTAP "Apple PKTAP",
    259 EPON "EPON",
    266 USB_DARWIN "USB (macOS)",
    271 VSOCK "Linux vsock",
    274 ETHERNET_MPACKET "Ethernet mPackets",
    276 LINUX_SLL2 "Linux cooked v2",
    283 IEEE802_15_4_TAP "IEEE 802.15.4 TAP",
    290 ETW "Windows ETW",
    292 ZBOSS_NCP "ZBOSS NCP",
}

impl LinkType {
    /// Name in reports: `Ethernet`, or `link type 300` for one this table does not know.
    pub fn name(self) -> String {
        self.known_name().map_or_else(|| format!("link type {}", self.0), str::to_owned)
    }
}

impl std::fmt::Display for LinkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.known_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "link type {}", self.0),
        }
    }
}
