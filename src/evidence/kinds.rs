//! The table of evidence kinds: one row a reason code.

use serde::Serialize;

/// Kinds that say the same thing in other words share a cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// The mining conversation itself.
    Conversation,
    /// Who mines: wallet, program, headers.
    Identity,
    /// A machine that mines stands there, whatever it does now.
    Inventory,
    /// What feeds know of whom a host talks to: a hint, which alone never says more than `noted`.
    Knowledge,
    /// A conversation that cannot be read, by what is around it.
    Unread,
    /// What the messages of a conversation that cannot be read look like. Alone it says nothing.
    Shape,
    /// When they come: like shares, or on a pool's timer.
    Tempo,
    /// That a clock outside the conversation agrees: a coin's blocks, other miners.
    Clock,
    /// How it was seen; says nothing for or against.
    Context,
    /// Speaks against mining.
    Against,
}

impl Family {
    /// Every family.
    pub const ALL: &[Self] = &[
        Self::Conversation,
        Self::Identity,
        Self::Inventory,
        Self::Knowledge,
        Self::Unread,
        Self::Shape,
        Self::Tempo,
        Self::Clock,
        Self::Context,
        Self::Against,
    ];

    /// The most a family may add to the sum.
    pub const fn cap(self) -> f32 {
        match self {
            Self::Conversation => 8.0,
            Self::Identity => 3.0,
            Self::Inventory => 2.0,
            Self::Knowledge => 1.0,
            Self::Unread => 1.5,
            Self::Shape => 0.9,
            Self::Tempo => 0.6,
            Self::Clock => 1.6,
            Self::Context | Self::Against => 0.0,
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $family:ident, $weight:literal;)+) => {
        /// A reason code. Its name in outputs is the variant in kebab-case.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Stable name in outputs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Its family.
            pub const fn family(self) -> Family {
                match self { $(Self::$name => Family::$family,)+ }
            }

            /// log10 of its likelihood ratio; absence is never evidence against.
            pub const fn weight(self) -> f32 {
                match self { $(Self::$name => $weight,)+ }
            }
        }
    };
}

kinds! {
    /// The client sent a request that only miners send, in its protocol position and with the right shape.
    ClientRequest = "client-request", Conversation, 2.0;
    /// The server answered such a request in the protocol, or sent a push that only pools send.
    PoolReply = "pool-reply", Conversation, 1.0;
    /// The server set a difficulty or target.
    DifficultySet = "difficulty-set", Conversation, 1.0;
    /// The server delivered work of the right shape.
    JobDelivered = "job-delivered", Conversation, 2.0;
    /// The client submitted a share of the right shape.
    ShareSubmitted = "share-submitted", Conversation, 2.0;
    /// The server accepted a share that the client had submitted.
    ShareAccepted = "share-accepted", Conversation, 2.0;
    /// The server rejected a share with a pool's error.
    ShareRejected = "share-rejected", Conversation, 1.0;
    /// The login holds a wallet address whose checksum is right.
    WalletChecksum = "wallet-checksum", Identity, 2.0;
    /// The program names itself a miner.
    KnownProgram = "known-program", Identity, 1.0;
    /// HTTP headers that only miners and their servers send.
    MiningHeaders = "mining-headers", Identity, 2.0;
    /// The login is XMRig's donation login, or another that only a mining program sends.
    DonationLogin = "donation-login", Identity, 2.0;
    /// The way the messages are written is that of a known mining program.
    WritingStyle = "writing-style", Identity, 0.5;
    /// Somebody asked a mining program's management interface something.
    RigAsked = "rig-asked", Inventory, 0.5;
    /// A mining program's management interface answered.
    RigAnswered = "rig-answered", Inventory, 1.0;
    /// The host asked DNS for the name of a known pool.
    NameInDns = "name-in-dns", Knowledge, 0.5;
    /// A name that the client sent in TLS, QUIC, HTTP or to a proxy is that of a known pool.
    NameSent = "name-sent", Knowledge, 0.5;
    /// The address is listed as a pool's.
    AddressInFeed = "address-in-feed", Knowledge, 0.5;
    /// The server's certificate is for the name of a known pool.
    PoolCertificate = "pool-certificate", Knowledge, 0.5;
    /// Data went both ways on a port that many pools use.
    PoolPort = "pool-port", Knowledge, 0.1;
    /// A mining program, or a script that installs one, was downloaded.
    ProgramDownload = "program-download", Knowledge, 0.5;
    /// A script was fetched that mines in browsers.
    WebMinerScript = "web-miner-script", Knowledge, 0.5;
    /// The host speaks the protocol of a cryptocurrency's nodes: no mining.
    NodeP2p = "node-p2p", Knowledge, 0.0;
    /// TLS with a host that takes miners, on a port of miners, under its name.
    TlsToPool = "tls-to-pool", Unread, 1.0;
    /// The TLS hello is like those of mining programs: no names of protocols, and the program's fingerprint.
    MinerTls = "miner-tls", Unread, 0.3;
    /// Requests of one size, each answered at once by a reply of one size.
    SteadyExchange = "steady-exchange", Shape, 0.9;
    /// Messages of one size from the other end that nobody asked for.
    SteadyPushes = "steady-pushes", Shape, 0.9;
    /// Requests, replies and pushes are as long as those of a mining protocol.
    KnownSizes = "known-sizes", Shape, 0.9;
    /// Message sizes that Stratum V2 has, encrypted.
    NoiseSizes = "noise-sizes", Shape, 0.9;
    /// Requests come by chance, as shares are found.
    ChanceRequests = "chance-requests", Tempo, 0.6;
    /// Pushes come on a timer that something restarts, as jobs do.
    JobTimer = "job-timer", Tempo, 0.6;
    /// What restarts it comes at the rate of a coin's blocks.
    BlockClock = "block-clock", Clock, 1.6;
    /// Pushes come when blocks of a chain do.
    BlockPhase = "block-phase", Clock, 1.6;
    /// Several hosts are pushed to at the same moments.
    PushedTogether = "pushed-together", Clock, 1.6;
    /// An inside host passes on at once what it is pushed.
    RelayedWork = "relayed-work", Clock, 1.6;
    /// Few inside hosts talk to that address.
    FewVisitors = "few-visitors", Context, 0.0;
    /// The requests also occur in node and wallet software, and nothing else points to a miner.
    NodeRpc = "node-rpc", Against, 0.0;
    /// One end spoke the parts of both: a recording, an echo, a relay.
    BothParts = "both-parts", Against, 0.0;
    /// The server answered at once, and in no mining protocol: the request was a probe, or went to a wrong port.
    OtherAnswer = "other-answer", Against, 0.0;
    /// The client is outside, as those are who probe.
    FromOutside = "from-outside", Against, 0.0;
    /// The client was heard from the beginning, and sent no request of a miner.
    NoRequest = "no-request", Against, 0.0;
    /// A request that also occurs outside mining (work templates asked for without a miner's headers).
    WorkPolled = "work-polled", Conversation, 0.5;
    /// The TCP handshake was seen with matching numbers and the client's data was acknowledged.
    HandshakeVerified = "handshake-verified", Context, 0.0;
    /// The capture starts in the middle of the conversation.
    MidStream = "mid-stream", Context, 0.0;
    /// Only one direction was captured.
    OneWay = "one-way", Context, 0.0;
    /// A PROXY header says whose connection it is.
    ProxyHeader = "proxy-header", Context, 0.0;
    /// The host asked an encrypted resolver: its look-ups cannot be seen.
    EncryptedDns = "encrypted-dns", Context, 0.0;
    /// The server never answered in the protocol.
    NoAnswer = "no-answer", Context, 0.0;
    /// The stream has holes: messages may be missing.
    StreamGaps = "stream-gaps", Context, 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_variants_in_kebab_case() {
        for &c in Code::ALL {
            assert_eq!(serde_json::to_string(&c).unwrap(), format!("\"{}\"", c.name()));
        }
    }

    #[test]
    fn context_weighs_nothing() {
        for &c in Code::ALL.iter().filter(|c| matches!(c.family(), Family::Context | Family::Against)) {
            assert!(c.weight().abs() < f32::EPSILON, "{}", c.name());
        }
    }
}
