//! The coins that an address can name.

use std::fmt;

macro_rules! coins {
    ($($name:ident = $ticker:literal, $full:literal;)+) => {
        /// A coin, by its usual ticker.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Coin { $(#[doc = $full] $name,)+ }

        impl Coin {
            /// Every coin known here.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The ticker, as outputs write it: `XMR`.
            pub const fn ticker(self) -> &'static str {
                match self { $(Self::$name => $ticker,)+ }
            }

            /// The coin of a ticker.
            pub fn by_ticker(ticker: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|c| c.ticker() == ticker)
            }
        }
    };
}

coins! {
    Xmr = "XMR", "Monero";
    Sal = "SAL", "Salvium";
    Zeph = "ZEPH", "Zephyr";
    Sumo = "SUMO", "Sumokoin";
    Arq = "ARQ", "`ArQmA`";
    Wow = "WOW", "Wownero";
    Grft = "GRFT", "Graft";
    Zano = "ZANO", "Zano";
    Btc = "BTC", "Bitcoin";
    Bch = "BCH", "Bitcoin Cash";
    Ltc = "LTC", "Litecoin";
    Doge = "DOGE", "Dogecoin";
    Dgb = "DGB", "`DigiByte`";
    Dash = "DASH", "Dash";
    Rvn = "RVN", "Ravencoin";
    Kmd = "KMD", "Komodo";
    Vrsc = "VRSC", "Verus";
    Rtm = "RTM", "Raptoreum";
    Zec = "ZEC", "Zcash";
    Flux = "FLUX", "Flux";
    Zen = "ZEN", "Horizen";
    Btg = "BTG", "Bitcoin Gold";
    Vtc = "VTC", "Vertcoin";
    Firo = "FIRO", "Firo";
    Neox = "NEOX", "Neoxa";
    Xna = "XNA", "Neurai";
    Clore = "CLORE", "Clore.ai";
    Aipg = "AIPG", "AI Power Grid";
    Mewc = "MEWC", "Meowcoin";
    Evr = "EVR", "Evrmore";
    Kas = "KAS", "Kaspa";
    Kls = "KLS", "Karlsen";
    Pyi = "PYI", "Pyrin";
    Spr = "SPR", "Spectre";
    Htn = "HTN", "Hoosat";
    Nxl = "NXL", "Nexellia";
    Eth = "ETH", "Ethereum";
    Etc = "ETC", "Ethereum Classic";
    Ethw = "ETHW", "`EthereumPoW`";
    Quai = "QUAI", "Quai";
    Cfx = "CFX", "Conflux";
    Erg = "ERG", "Ergo";
    Alph = "ALPH", "Alephium";
    Ckb = "CKB", "Nervos CKB";
    Xel = "XEL", "Xelis";
    Dero = "DERO", "DERO";
    Grin = "GRIN", "Grin";
    Epic = "EPIC", "Epic Cash";
    Beam = "BEAM", "Beam";
    Iron = "IRON", "Iron Fish";
    Aleo = "ALEO", "Aleo";
    Nim = "NIM", "Nimiq";
    Xch = "XCH", "Chia";
    Kda = "KDA", "Kadena";
    Ae = "AE", "Aeternity";
    Sc = "SC", "Siacoin";
    Qubic = "QUBIC", "Qubic";
}

impl fmt::Display for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.ticker())
    }
}

impl serde::Serialize for Coin {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.ticker())
    }
}
