//! Block chains: when blocks are found, when a pool and when a node hears of them.

use crate::random::Random;

/// Which seeds and parameters: detectors are tuned on one and judged on the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Set {
    Tuning,
    Test,
}

impl Set {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tuning => "tuning",
            Self::Test => "test",
        }
    }
}

/// What is mined. Block intervals are what the protocols aim at (seconds).
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) enum Coin {
    Monero,
    Bitcoin,
    BitcoinCash,
    Litecoin,
    /// Litecoin with Dogecoin mined along: a new job for a block of either.
    Merged,
    Dash,
    Zcash,
    Ravencoin,
    Ergo,
    EthereumClassic,
    Kaspa,
}

impl Coin {
    pub(crate) const ALL: [Self; 11] = [
        Self::Monero,
        Self::Bitcoin,
        Self::BitcoinCash,
        Self::Litecoin,
        Self::Merged,
        Self::Dash,
        Self::Zcash,
        Self::Ravencoin,
        Self::Ergo,
        Self::EthereumClassic,
        Self::Kaspa,
    ];

    pub(crate) fn ticker(self) -> &'static str {
        match self {
            Self::Monero => "XMR",
            Self::Bitcoin => "BTC",
            Self::BitcoinCash => "BCH",
            Self::Litecoin => "LTC",
            Self::Merged => "LTC+DOGE",
            Self::Dash => "DASH",
            Self::Zcash => "ZEC",
            Self::Ravencoin => "RVN",
            Self::Ergo => "ERG",
            Self::EthereumClassic => "ETC",
            Self::Kaspa => "KAS",
        }
    }

    pub(crate) fn interval(self) -> f64 {
        match self {
            Self::Monero | Self::Ergo => 120.0,
            Self::Bitcoin | Self::BitcoinCash => 600.0,
            Self::Litecoin | Self::Dash => 150.0,
            // 150 and 60 s together.
            Self::Merged => 300.0 / 7.0,
            Self::Zcash => 75.0,
            Self::Ravencoin => 60.0,
            Self::EthereumClassic => 13.0,
            Self::Kaspa => 1.0,
        }
    }
}

impl Coin {
    /// Whether a detector that names `symbol`, with this many seconds between blocks, is right. Timing cannot tell coins
    /// with the same interval apart, and is not asked to.
    pub(crate) fn is_named_by(self, symbol: &str, interval: f64) -> bool {
        match self {
            Self::Merged => matches!(symbol, "LTC" | "DOGE"),
            _ => symbol == self.ticker() || (interval - self.interval()).abs() < 0.5,
        }
    }
}

/// Times of blocks of every coin, up to `end`. One for a world: all its pools, nodes and feeds hear of the same blocks.
pub(crate) struct Chains {
    blocks: Vec<Vec<f64>>,
    pub(crate) end: f64,
}

impl Chains {
    pub(crate) fn new(seed: u64, number: u64, end: f64) -> Self {
        let chain = |coin: &Coin| {
            let mut random = Random::of(seed, coin.ticker(), number);
            // Difficulty lags hash rate: the mean of some hours is a few per cent off.
            let mean = coin.interval() * random.range(0.94, 1.06);
            let mut at = -random.exp(mean);
            let next = || {
                at += random.exp(mean);
                Some(at)
            };
            std::iter::from_fn(next).take_while(|at| *at < end).collect()
        };
        Self { blocks: Coin::ALL.iter().map(chain).collect(), end }
    }

    pub(crate) fn blocks(&self, coin: Coin) -> &[f64] {
        &self.blocks[coin as usize]
    }

    /// When a node that is no pool's hears of the blocks: what a feed of block times says.
    pub(crate) fn feed(&self, coin: Coin, random: &mut Random) -> Vec<f64> {
        let delay = random.log_range(0.15, 1.2);
        let mut heard: Vec<f64> =
            self.blocks(coin).iter().map(|at| at + random.log_normal(delay, 0.5).min(8.0)).collect();
        heard.sort_by(f64::total_cmp);
        heard
    }
}
