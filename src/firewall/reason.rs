//! Why something is not blocked: one variant a reason, with a stable code for machines and a sentence for people.

use std::fmt;
use std::net::IpAddr;

use crate::evidence::Verdict;
use crate::firewall::name::{DomainName, NameError};
use crate::firewall::policy::Region;
use crate::firewall::prefix::Prefix;
use crate::text::counted;

/// Why an endpoint, a name or a host was refused. Its code is stable; its sentence may be reworded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Forgery gate: only one direction was captured.
    OneWay,
    /// Forgery gate: no handshake with matching numbers.
    NoHandshake,
    /// Forgery gate: over UDP there is no handshake that would prove anything.
    Datagrams,
    /// Forgery gate: the peer never acknowledged what the client sent.
    DataNotAcknowledged,
    /// Forgery gate: no plausible answer.
    NoPeerReply,
    /// Forgery gate: it came in a tunnel that one host outside could have written alone.
    Tunnelled,
    /// Policy: not sure enough.
    BelowLevel {
        /// How sure we are.
        verdict: Verdict,
        /// How sure the policy wants us.
        least: Verdict,
    },
    /// Policy: the operator lets this host mine.
    AllowListed,
    /// Policy: a host that may mine uses the same endpoint, and the rule would cut it off too.
    UsedByAllowedMiner,
    /// Policy: its life time is over.
    Expired,
    /// Port 0 is no port; to nft and ipset it would be a rule that never matches.
    UnspecifiedPort,
    /// Never-block: a special-purpose range, by name.
    SpecialPurpose(&'static str),
    /// Never-block: a documentation range, by name.
    Documentation(&'static str),
    /// Never-block: an address or broadcast address of this machine.
    OwnAddress,
    /// Never-block: a next hop of this machine.
    Gateway,
    /// Never-block: a resolver that this network uses.
    Resolver,
    /// Never-block: a well-known public resolver, by operator.
    PublicResolver(&'static str),
    /// Never-block: the operator's own list.
    NeverBlockList(Prefix),
    /// Never-block: one of the operator's own networks.
    HomeNet(Prefix),
    /// Policy: nothing in that country or network is blocked.
    SparedRegion(Region),
    /// Never-block: a front that serves many customers, by name.
    SharedFront(String),
    /// The endpoint is a proxy that a miner goes through: whoever else uses it would be cut off, and the miner would
    /// find another way.
    Proxy,
    /// Names: the text is no host name.
    NotAName(NameError),
    /// Names: nobody but the client says that the name is the pool's, and a client can say any.
    NotVouched,
    /// Names: the resolver that told where it leads may be the miner's accomplice.
    UnknownResolver(IpAddr),
    /// Names: the conversation itself was for another name.
    NotMeant,
    /// Names: it leads to a front that serves many customers, and no request of the conversation was for it alone.
    NameOnFront(String),
    /// Never-block for names: anybody can register below it.
    PublicSuffix,
    /// Never-block for names: a special-use zone.
    SpecialName(&'static str),
    /// Never-block for names: a zone for documentation.
    DocumentationName(&'static str),
    /// Never-block for names: the operator's own list holds it or what it lies below.
    NeverBlockName(DomainName),
    /// Never-block for names: a name on the operator's own list lies below it.
    CoversNeverBlock(DomainName),
    /// Policy: names are not blocked.
    NamesOff,
    /// Policy: no host is isolated.
    IsolationOff,
    /// Hosts: it is no machine of this network.
    NotInside,
    /// Hosts: the policy never isolates it, or keeps it for the isolated ones.
    SparedHost(Prefix),
    /// Hosts: it spoke for others by a PROXY header.
    SpeaksForOthers,
    /// Hosts: it lives in an overlay or VLAN, and here its address may be another machine's.
    OtherTenant,
    /// Pairs: no packet has this host's address and the endpoint's, or there is no port.
    NoPair,
    /// Pairs: the host has an address of this machine, and whoever is behind its address translation has it, too.
    OwnHost,
    /// The list is full with entries at least as certain and as recent.
    CapReached {
        /// Entries in a full list.
        max: usize,
    },
}

impl Reason {
    /// Stable kebab-case code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OneWay => "one-way",
            Self::NoHandshake => "no-handshake",
            Self::Datagrams => "datagrams",
            Self::DataNotAcknowledged => "data-not-acknowledged",
            Self::NoPeerReply => "no-peer-reply",
            Self::Tunnelled => "tunnelled",
            Self::BelowLevel { .. } => "below-level",
            Self::AllowListed => "allow-listed",
            Self::UsedByAllowedMiner => "used-by-allowed-miner",
            Self::Expired => "expired",
            Self::UnspecifiedPort => "unspecified-port",
            Self::SpecialPurpose(_) => "special-purpose",
            Self::Documentation(_) => "documentation",
            Self::OwnAddress => "own-address",
            Self::Gateway => "gateway",
            Self::Resolver => "resolver",
            Self::PublicResolver(_) => "public-resolver",
            Self::NeverBlockList(_) => "never-block-list",
            Self::HomeNet(_) => "home-net",
            Self::SparedRegion(_) => "spared-region",
            Self::SharedFront(_) => "shared-front",
            Self::Proxy => "proxy",
            Self::NotAName(_) => "not-a-name",
            Self::NotVouched => "not-vouched",
            Self::UnknownResolver(_) => "unknown-resolver",
            Self::NotMeant => "not-meant",
            Self::NameOnFront(_) => "shared-front",
            Self::PublicSuffix => "public-suffix",
            Self::SpecialName(_) => "special-name",
            Self::DocumentationName(_) => "documentation",
            Self::NeverBlockName(_) => "never-block-list",
            Self::CoversNeverBlock(_) => "covers-never-block",
            Self::NamesOff => "names-off",
            Self::IsolationOff => "isolation-off",
            Self::NotInside => "not-inside",
            Self::SparedHost(_) => "spared-host",
            Self::SpeaksForOthers => "speaks-for-others",
            Self::OtherTenant => "other-tenant",
            Self::NoPair => "no-pair",
            Self::OwnHost => "own-host",
            Self::CapReached { .. } => "cap-reached",
        }
    }

    /// Whether the never-block gate said it.
    pub const fn is_never_block(&self) -> bool {
        matches!(
            self,
            Self::SpecialPurpose(_)
                | Self::Documentation(_)
                | Self::OwnAddress
                | Self::Gateway
                | Self::Resolver
                | Self::PublicResolver(_)
                | Self::NeverBlockList(_)
                | Self::HomeNet(_)
                | Self::SharedFront(_)
                | Self::NotAName(_)
                | Self::NameOnFront(_)
                | Self::PublicSuffix
                | Self::SpecialName(_)
                | Self::DocumentationName(_)
                | Self::NeverBlockName(_)
                | Self::CoversNeverBlock(_)
        )
    }

    /// Whether it speaks of one conversation only, so that another conversation may still get the endpoint or the name
    /// listed.
    pub const fn is_about_one_conversation(&self) -> bool {
        matches!(
            self,
            Self::OneWay
                | Self::NoHandshake
                | Self::Datagrams
                | Self::DataNotAcknowledged
                | Self::NoPeerReply
                | Self::Tunnelled
                | Self::BelowLevel { .. }
                | Self::Expired
                | Self::NotVouched
                | Self::UnknownResolver(_)
                | Self::NotMeant
                | Self::NameOnFront(_)
                | Self::SpeaksForOthers
                | Self::OtherTenant
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneWay => f.write_str("only one direction was captured, and one direction can be forged"),
            Self::NoHandshake => f.write_str("no complete handshake was seen, so the addresses may be forged"),
            Self::Datagrams => f.write_str("it goes over UDP, where no handshake proves that the addresses are not forged"),
            Self::DataNotAcknowledged => f.write_str("the peer never acknowledged what the miner sent"),
            Self::NoPeerReply => f.write_str("the peer gave no plausible answer"),
            Self::Tunnelled => {
                f.write_str("it came in a tunnel from outside, and whoever sent that could have written both sides")
            }
            Self::BelowLevel { verdict, least } => {
                write!(f, "the verdict is {verdict}, the policy blocks from {least} on")
            }
            Self::AllowListed => f.write_str("the host may mine, or anybody may for this wallet or at this pool"),
            Self::UsedByAllowedMiner => {
                f.write_str("an allowed miner uses it too, and the block would cut that one off as well")
            }
            Self::Expired => f.write_str("the last traffic is older than the life time of an entry"),
            Self::UnspecifiedPort => f.write_str("port 0 is not a port"),
            Self::SpecialPurpose(name) | Self::Documentation(name) => {
                write!(f, "the address lies in a range that is never blocked: {name}")
            }
            Self::OwnAddress => f.write_str("it is an address of this machine"),
            Self::Gateway => f.write_str("it is a gateway of this machine"),
            Self::Resolver => f.write_str("it is a resolver of this network"),
            Self::PublicResolver(who) => write!(f, "it is a public resolver ({who})"),
            Self::NeverBlockList(p) => write!(f, "the never-block list holds {p}"),
            Self::HomeNet(p) => write!(f, "it lies in a network of your own, {p} (--home-net)"),
            Self::SparedRegion(r) => write!(f, "the policy blocks nothing in {r} (--never-block-in)"),
            Self::SharedFront(name) => {
                write!(f, "the address serves many customers ({name})")
            }
            Self::Proxy => {
                f.write_str("the endpoint is a proxy, the pool is behind it: block the pool's name, or the host")
            }
            Self::NotAName(rule) => write!(f, "it is no host name: {rule}"),
            Self::NotVouched => f.write_str(
                "only the client says so, which could name anybody: no feed lists it, no resolver led there",
            ),
            Self::UnknownResolver(ip) => write!(
                f,
                "{ip} said that it leads there, and may be the miner's accomplice: if it is a resolver of yours, add \
                 --trust-resolver {ip}"
            ),
            Self::NotMeant => f.write_str("it was asked for, but the conversation itself was for another name"),
            Self::NameOnFront(front) => write!(
                f,
                "it leads to an address that serves many customers ({front}), and the conversation does not show that \
                 it was meant: if it is the pool's own, order it (minewatch block NAME)"
            ),
            Self::PublicSuffix => f.write_str("anybody can register below it"),
            Self::SpecialName(zone) => write!(f, "names below .{zone} are never blocked"),
            Self::DocumentationName(zone) => write!(f, "names below {zone} are for documentation"),
            Self::NeverBlockName(n) => write!(f, "the never-block list holds {n}"),
            Self::CoversNeverBlock(n) => write!(f, "a block would cover {n}, which the never-block list holds"),
            Self::NamesOff => f.write_str("the policy blocks no names"),
            Self::IsolationOff => f.write_str("the policy isolates no hosts"),
            Self::NotInside => f.write_str(
                "it is no host of this network: neither at a private address nor in a network of your own (--home-net)",
            ),
            Self::SparedHost(p) => write!(f, "the policy never isolates {p}"),
            Self::SpeaksForOthers => f.write_str("it spoke for another by a PROXY header, and others may be behind it"),
            Self::OtherTenant => {
                f.write_str("it lives in an overlay or VLAN, and here its address may be another machine's")
            }
            Self::NoPair => f.write_str("no packet goes from such a host to such an endpoint"),
            Self::OwnHost => f.write_str(
                "the host has an address of this machine, and so seem to have all behind its address translation, whom no \
                 rule for one host stops: block the endpoint (--scope endpoint)",
            ),
            Self::CapReached { max } => write!(f, "the list is full ({}, the most certain were kept)", counted(*max, "entry", "entries")),
        }
    }
}

impl serde::Serialize for Reason {
    /// As its code.
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}
