//! Sizes of what miners and pools say, by protocol: measured on public traces where there are any, counted from the
//! protocol's fields where not.

use crate::chain::Coin;
use crate::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    /// xmrig's login, job, submit, keepalived.
    CryptoNote,
    /// `mining.notify` of Bitcoin and its kin.
    StratumV1,
    EthProxy,
    EthereumStratum,
    Equihash,
    KawPow,
    Autolykos,
    Kaspa,
    /// Stratum V2 over Noise: never in TLS, sizes by the specification.
    StratumV2,
}

impl Dialect {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CryptoNote => "CryptoNote login",
            Self::StratumV1 => "Stratum V1",
            Self::EthProxy => "EthProxy",
            Self::EthereumStratum => "EthereumStratum",
            Self::Equihash => "Equihash",
            Self::KawPow => "KawPow",
            Self::Autolykos => "Autolykos",
            Self::Kaspa => "Kaspa",
            Self::StratumV2 => "Stratum V2",
        }
    }
}

/// What is mined with which protocol.
pub(crate) const MINED: [(Coin, Dialect); 13] = [
    (Coin::Monero, Dialect::CryptoNote),
    (Coin::Bitcoin, Dialect::StratumV1),
    (Coin::Bitcoin, Dialect::StratumV2),
    (Coin::BitcoinCash, Dialect::StratumV1),
    (Coin::Litecoin, Dialect::StratumV1),
    (Coin::Merged, Dialect::StratumV1),
    (Coin::Dash, Dialect::StratumV1),
    (Coin::Zcash, Dialect::Equihash),
    (Coin::Ravencoin, Dialect::KawPow),
    (Coin::Ergo, Dialect::Autolykos),
    (Coin::EthereumClassic, Dialect::EthProxy),
    (Coin::EthereumClassic, Dialect::EthereumStratum),
    (Coin::Kaspa, Dialect::Kaspa),
];

/// Octets of each message of one pool's conversation, before any framing.
#[derive(Clone)]
pub(crate) struct Sizes {
    /// Greeting: direction and size, each answering the one before.
    pub(crate) greeting: Vec<(bool, u32)>,
    job: u32,
    /// Octets of one Merkle branch, and how many branches there are at least and at most.
    branch: (u32, u32, u32),
    /// Part of jobs that are larger or smaller, and by how much.
    odd: (f64, i32),
    pub(crate) submit: u32,
    /// Submits vary by up to this, beside the digits of their number.
    pub(crate) submit_spread: u32,
    pub(crate) reply: u32,
    pub(crate) reject: u32,
    /// The message that changes difficulty; where there is none a job does it.
    pub(crate) difficulty: Option<u32>,
    /// Size, answer and seconds of silence before it.
    pub(crate) keepalive: Option<(u32, u32, f64)>,
    /// Size, answer and period of a report of the hash rate.
    pub(crate) hash_rate: Option<(u32, u32, f64)>,
    /// Whether message numbers are written in decimal and grow.
    pub(crate) numbered: bool,
    /// Answers are sent for so many shares together (Stratum V2).
    pub(crate) answers_batched: u32,
    /// The message that goes with the job of a new block.
    pub(crate) with_block: Option<u32>,
}

impl Sizes {
    /// The size of one job.
    pub(crate) fn job(&self, random: &mut Random, new_block: bool) -> u32 {
        let (octets, least, most) = self.branch;
        let branches = if new_block && octets > 0 && random.chance(0.25) {
            // The first job of a block is often empty, to be sent sooner.
            0
        } else if random.chance(0.85) {
            most
        } else {
            random.int(least, most)
        };
        let odd = if random.chance(self.odd.0) { self.odd.1 } else { 0 };
        (self.job + octets * branches).saturating_add_signed(odd)
    }
}

impl Dialect {
    /// The sizes at one pool.
    #[allow(clippy::too_many_lines)] // a table
    pub(crate) fn sizes(self, r: &mut Random) -> Sizes {
        // A worker's name or wallet goes into many requests; here, how long it is.
        let name = r.pick(&[8, 14, 22, 34, 42, 48, 62]);
        let plain = Sizes {
            greeting: Vec::new(),
            job: 300,
            branch: (0, 0, 0),
            odd: (0.0, 0),
            submit: 100 + name,
            submit_spread: 0,
            reply: r.int(36, 45),
            reject: r.int(66, 110),
            difficulty: Some(r.int(50, 64)),
            keepalive: None,
            hash_rate: None,
            numbered: true,
            answers_batched: 1,
            with_block: None,
        };
        match self {
            Self::CryptoNote => {
                let job = r.pick(&[378, 378, 378, 442, 279, 357, 384, 406]);
                Sizes {
                    greeting: vec![(true, r.int(240, 546)), (false, job + r.int(70, 130))],
                    job,
                    odd: (0.05, r.pick(&[2, 2, -2, 64, 4])),
                    submit: r.int(181, 186),
                    reply: r.int(62, 66),
                    reject: r.int(78, 112),
                    difficulty: None,
                    keepalive: r.chance(0.6).then_some((r.int(84, 102), r.int(68, 80), 60.0)),
                    ..plain
                }
            }
            Self::StratumV1 => {
                let most = r.int(8, 14);
                Sizes {
                    greeting: vec![(true, r.int(60, 120)), (false, r.int(90, 190)), (true, 60 + name), (false, 38)],
                    job: r.int(330, 620),
                    branch: (67, most - r.int(1, 3), most),
                    submit: 78 + name + r.pick(&[0, 11]),
                    ..plain
                }
            }
            Self::EthProxy => Sizes {
                greeting: vec![(true, 90 + name), (false, 39), (true, 58), (false, 243)],
                job: r.pick(&[243, 231, 246, 251]),
                submit: r.int(204, 222),
                reply: r.int(38, 41),
                difficulty: None,
                hash_rate: r.chance(0.5).then_some((r.int(180, 205), 39, r.pick(&[10.0, 60.0, 5.0]))),
                ..plain
            },
            Self::EthereumStratum => Sizes {
                greeting: vec![(true, 85), (false, 125), (true, 65 + name), (false, 38)],
                job: r.int(205, 262),
                submit: 62 + name,
                ..plain
            },
            Self::Equihash => Sizes {
                greeting: vec![(true, 90), (false, 75), (true, 70 + name), (false, 38)],
                job: r.pick(&[297, 297, 301, 309]),
                submit: 2800 + name,
                difficulty: Some(114),
                ..plain
            },
            Self::KawPow => Sizes {
                greeting: vec![(true, 80), (false, 70), (true, 65 + name), (false, 38)],
                job: r.int(268, 300),
                submit: 205 + name,
                difficulty: Some(114),
                ..plain
            },
            Self::Autolykos => Sizes {
                greeting: vec![(true, 75), (false, 95), (true, 65 + name), (false, 38)],
                job: r.int(260, 330),
                odd: (0.3, r.pick(&[1, -1])),
                submit: 90 + name,
                submit_spread: 1,
                ..plain
            },
            Self::Kaspa => Sizes {
                greeting: vec![(true, 85), (false, 110), (true, 105 + name), (false, 38)],
                job: r.int(128, 190),
                odd: (0.4, r.pick(&[1, 2, -1])),
                submit: 72 + name,
                ..plain
            },
            Self::StratumV2 => Sizes {
                greeting: vec![
                    (true, 64),
                    (false, 234),
                    (true, r.int(120, 170)),
                    (false, 46),
                    (true, 90),
                    (false, 120),
                ],
                job: r.pick(&[83, 87, 83]),
                submit: 62,
                reply: 58,
                reject: r.int(50, 66),
                difficulty: Some(74),
                numbered: false,
                answers_batched: r.pick(&[1, 1, 5, 10]),
                with_block: Some(86),
                ..plain
            },
        }
    }
}
