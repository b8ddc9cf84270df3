//! What a flow comes to that nobody can read: its own rhythm, and what other flows and the world's clock say of it.
//!
//! In: flows that are listened to, with what their sizes and times say; beats of all of them; hellos of TLS that went by
//! without a name. Out: findings, if there is anything to report. All in packet order, so that it does not matter how
//! many workers there are.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::finding::{FlowFinding, LikelyCoin, TlsSeen};
use crate::decode::Tenant;
use crate::detect::{Chain, Detect, Facts, Named, Party, Seen, Tally, Visit};
use crate::dialect::{Stage, missing};
use crate::evidence::{Code, Evidence, EvidenceLog, Family, Stamp, Verdict, judge};
use crate::rhythm::{Beat, Coins, Standing, Witness, WitnessKind, Witnesses, fuse};
use crate::time::PacketTime;
use crate::wallet::Coin;

/// Hellos remembered.
const MAX_HELLOS: usize = 32_768;
/// Flows that go on of which something was said.
const MAX_SAID: usize = 65_536;
/// What a flow lacks to be told of.
pub(super) const TOO_LITTLE: &str = "anything that many harmless connections do not have as well: nothing is reported of it, and there is nothing to do";
/// Where blocks are told of that nobody's feed tells of.
const IN_CLEAR: &str = "pools that are read";
/// Coins that a finding names.
const MAX_COINS: usize = 4;
/// How likely a coin has to be before it is called the coin that is mined.
const SURE: f32 = 0.9;

/// A flow that is listened to.
#[derive(Clone, Debug)]
pub struct Overheard {
    /// What is to be reported of it, without what its rhythm says.
    pub finding: FlowFinding,
    /// Whose it is.
    pub party: Party,
    /// What was heard.
    pub tone: Tone,
    /// The packet that made it worth telling.
    pub at: Stamp,
    /// The flow is over.
    pub over: bool,
}

/// Work that a pool handed out in the clear.
#[derive(Clone, Copy, Debug)]
pub struct PlainJob {
    /// Of which coin.
    pub coin: Coin,
    /// Height of the block that is looked for.
    pub height: u64,
    /// When.
    pub at: PacketTime,
}

/// What was heard of a flow.
#[derive(Clone, Copy, Debug)]
pub struct Tone {
    /// What sizes and times say.
    pub witnesses: Witnesses,
    /// What they allow to be said by themselves, with hysteresis.
    pub level: Standing,
    /// Coins that fit.
    pub coins: Coins,
    /// Application messages heard.
    pub messages: u64,
}

/// One end of a connection, the miner's, and the other.
type Ends = (Tenant, SocketAddr, SocketAddr);

/// A flow that nobody listens to any more.
#[derive(Clone, Copy, Debug)]
pub struct Unheard {
    /// Whose it was.
    pub party: Party,
    /// Overlay or VLAN.
    pub tenant: Tenant,
    /// The end that would be the miner's.
    pub miner: SocketAddr,
    /// When.
    pub at: PacketTime,
    /// Whether it was harmless, if it lasted long enough to say that.
    pub harmless: Option<bool>,
}

/// A hello of TLS that is not forgotten while its connection lasts.
struct Hello {
    flow_id: u64,
    first: Stamp,
    tls: Option<Box<TlsSeen>>,
    sent: Vec<Box<str>>,
    evidence: Vec<Evidence>,
}

/// Everything that is overheard.
#[derive(Default)]
pub struct Overhearing {
    detect: Detect,
    hellos: HashMap<Ends, Hello, foldhash::quality::RandomState>,
    order: VecDeque<Ends>,
    /// What was said so far of flows that go on.
    said: HashMap<Ends, Vec<Evidence>, foldhash::quality::RandomState>,
    /// From when until when somebody was listened to.
    listened: Option<(PacketTime, PacketTime)>,
    /// Of flows that come to nothing it is told what was heard all the same.
    telling_all: bool,
}

impl Overhearing {
    /// Whether it is told what was heard of flows that come to nothing, too: for who asks why not.
    pub const fn tell_all(&mut self) {
        self.telling_all = true;
    }

    /// Whether it is.
    pub const fn tells_all(&self) -> bool {
        self.telling_all
    }

    /// The detectors, to give them feeds.
    pub const fn detect_mut(&mut self) -> &mut Detect {
        &mut self.detect
    }

    /// A flow's rhythm told a beat.
    pub fn beat(&mut self, party: &Party, beat: Beat) {
        self.detect.beat(party, beat);
    }

    /// A pool handed out work in the clear: when its height is new, a block was found.
    pub fn job(&mut self, job: &PlainJob) {
        let chain = Chain { coin: job.coin.ticker().into(), source: IN_CLEAR.into() };
        self.detect.job(&chain, job.height, job.at);
    }

    /// What the detectors could not keep or use.
    pub fn tally(&self) -> Tally {
        self.detect.tally()
    }

    /// From when until when somebody was listened to, if anybody was.
    pub const fn listened(&self) -> Option<(PacketTime, PacketTime)> {
        self.listened
    }

    fn listens(&mut self, from: PacketTime, to: PacketTime) {
        let (begin, end) = self.listened.unwrap_or((from, to));
        self.listened = Some((begin.min(from), end.max(to)));
    }

    /// A flow is over of which nothing is to be reported.
    pub fn end(&mut self, u: &Unheard) {
        self.listens(u.at, u.at);
        if let Some(harmless) = u.harmless {
            let Party { tenant, inside, server, .. } = u.party;
            self.detect.visit(&Visit { tenant, inside, server, at: u.at, harmless });
        }
        self.detect.end(u.party.flow);
        self.said.remove(&(u.tenant, u.miner, u.party.server));
    }

    /// Adds to a finding that goes on what was said of it before, for other reasons than those it has.
    pub fn recall(&self, f: &mut FlowFinding) {
        let Some(said) = self.said.get(&(f.tenant, f.miner, f.pool)) else { return };
        let mut log = EvidenceLog::from_vec(std::mem::take(&mut f.evidence));
        for e in said {
            log.note(e.code, e.at, || e.text.clone());
        }
        settle(f, log);
    }

    /// A connection began with TLS as mining programs begin it, and is let go.
    pub fn hello(&mut self, f: &FlowFinding) {
        let ends = (f.tenant, f.miner, f.pool);
        let flow_id = f.flow_id;
        let hello =
            Hello { flow_id, first: f.first, tls: f.tls.clone(), sent: f.sent.clone(), evidence: f.evidence.clone() };
        if self.hellos.insert(ends, hello).is_none() {
            self.order.push_back(ends);
            while self.hellos.len() > MAX_HELLOS || self.order.len() > 2 * MAX_HELLOS {
                let Some(old) = self.order.pop_front() else { break };
                self.hellos.remove(&old);
            }
        }
    }

    /// What the flow comes to. The finding has not been joined with what is known of names and places; it may be no more
    /// than [`Verdict::Noted`], which is nothing to report.
    pub fn weigh(&mut self, heard: Overheard) -> FlowFinding {
        let Overheard { finding: mut f, party, tone, at, over } = heard;
        self.listens(f.first.time, at.time);
        let ends = (f.tenant, f.miner, f.pool);
        let mut log = EvidenceLog::from_vec(std::mem::take(&mut f.evidence));
        if f.tls.is_none()
            && let Some(hello) = self.hellos.get(&ends)
        {
            f.tls.clone_from(&hello.tls);
            f.sent.clone_from(&hello.sent);
            for e in hello.evidence.iter().filter(|e| e.code.family() == Family::Unread) {
                log.note(e.code, e.at, || e.text.clone());
            }
            (f.flow_id, f.first) = (hello.flow_id, f.first.min(hello.first));
        }
        let named = match (f.tls.as_deref(), f.handshake_verified) {
            (Some(tls), _) if tls.sni.is_none() => Named::Nothing,
            (Some(tls), _) if tls.sni.as_deref().is_some_and(sounds_like_a_pool) => Named::PoolLike,
            (Some(_), _) => Named::Other,
            (None, _) => Named::Unknown,
        };
        let facts = Facts {
            since: f.first.time,
            messages: tone.messages,
            named,
            ja4: f.tls.as_deref().and_then(|t| t.ja4.as_deref()),
        };
        let said = self.detect.judge(&party, &facts, at.time);
        let before = self.said.remove(&ends).unwrap_or_default();
        let others: Vec<Witness> = said.iter().map(crate::detect::Saying::witness).collect();
        let (_, fused) = fuse(tone.witnesses.iter().chain(&others));
        // What was once told is not taken back: who was told would have to be told that, and most refutations of simulated
        // miners were wrong.
        let told = if before.is_empty() { Standing::Silent } else { Standing::Suspected };
        let standing = fused.max(tone.level).max(told);
        if over {
            let harmless = standing == Standing::Silent;
            let Party { tenant, inside, server, flow } = party;
            self.detect.visit(&Visit { tenant, inside, server, at: at.time, harmless });
            self.detect.end(flow);
            self.hellos.remove(&ends);
        }
        if standing > Standing::Silent {
            let own = tone.witnesses.iter().map(|w| (*w, w.to_string()));
            let all: Vec<_> = own.chain(others.iter().zip(&said).map(|(w, s)| (*w, s.to_string()))).collect();
            let timed = all.iter().any(|(w, _)| code(w.kind()).family() == Family::Tempo);
            let mut lines: Vec<Evidence> = Vec::new();
            for (w, text) in &all {
                let code = code(w.kind());
                if w.weight <= 0.0 {
                    continue;
                }
                // Beside a tempo a clock makes a flow probable: only one that fusion believes.
                if code.family() == Family::Clock && timed && standing < Standing::ProbableEligible {
                    continue;
                }
                // The numbers in its sentence are those of now.
                lines.push(Evidence { code, at, count: 1, text: text.clone() });
            }
            let again: Vec<_> = before.into_iter().filter(|b| !lines.iter().any(|l| l.code == b.code)).collect();
            lines.extend(again);
            for e in &lines {
                log.note(e.code, e.at, || e.text.clone());
            }
            if !over && self.said.len() < MAX_SAID {
                self.said.insert(ends, lines);
            }
            f.coins = likely(&tone.coins, said.iter().map(|s| &s.seen));
            if let [LikelyCoin { coin, likelihood }, ..] = f.coins.as_slice()
                && *likelihood >= SURE
                && f.coin.is_none()
                && let Some(coin) = Coin::by_ticker(coin)
            {
                f.coin = Some((coin, "timing"));
            }
            f.stage = f.stage.max(Stage::Session);
        } else if self.telling_all && over && judge(&log).is_none_or(|j| j.verdict < Verdict::Suspected) {
            let own = tone.witnesses.iter().map(|w| (*w, w.to_string()));
            let all = own.chain(others.iter().zip(&said).map(|(w, s)| (*w, s.to_string())));
            for (w, text) in all.filter(|(w, _)| w.weight > 0.0) {
                log.note(code(w.kind()), at, || text);
            }
            log.sort();
            f.evidence = log.to_vec();
            (f.verdict, f.missing) = (Verdict::Noted, Some(TOO_LITTLE));
            return f;
        }
        f.verdict = Verdict::Noted;
        settle(&mut f, log);
        f
    }
}

/// What a person is told first: the sentences of what was heard.
pub fn what_was_heard(f: &FlowFinding) -> Option<String> {
    let is_heard = |e: &&Evidence| matches!(e.code.family(), Family::Shape | Family::Tempo | Family::Clock);
    let all: Vec<_> = f.evidence.iter().filter(is_heard).map(|e| e.text.as_str()).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Judges a finding by this evidence.
fn settle(f: &mut FlowFinding, mut log: EvidenceLog) {
    if let Some(j) = judge(&log) {
        f.verdict = j.verdict;
        f.missing = missing(f.dialect, f.category, j.verdict, j.missing);
    }
    log.sort();
    f.evidence = log.to_vec();
}

/// Whether a name has a word in it that pools have in theirs.
fn sounds_like_a_pool(name: &str) -> bool {
    const WORDS: [&str; 12] =
        ["pool", "pools", "mine", "miner", "miners", "mining", "stratum", "xmr", "monero", "btc", "eth", "rvn"];
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric());
    words().any(|w| {
        let w = w.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
        WORDS.contains(&&*w) || w.ends_with("pool") || w.starts_with("minexmr")
    })
}

/// The reason code of a witness.
const fn code(kind: WitnessKind) -> Code {
    match kind {
        WitnessKind::SteadyExchange => Code::SteadyExchange,
        WitnessKind::SteadyPushes => Code::SteadyPushes,
        WitnessKind::KnownSizes => Code::KnownSizes,
        WitnessKind::NoiseSizes => Code::NoiseSizes,
        WitnessKind::MemorylessShares => Code::ChanceRequests,
        WitnessKind::JobTimer => Code::JobTimer,
        WitnessKind::BlockClock => Code::BlockClock,
        WitnessKind::BlockPhase => Code::BlockPhase,
        WitnessKind::PushedTogether => Code::PushedTogether,
        WitnessKind::Relay => Code::RelayedWork,
        WitnessKind::FewVisitors => Code::FewVisitors,
    }
}

/// Coins by the flow's own clock; a chain whose blocks were met says more.
fn likely<'a>(coins: &Coins, seen: impl Iterator<Item = &'a Seen>) -> Vec<LikelyCoin> {
    let mut out: Vec<LikelyCoin> = Vec::new();
    for s in seen {
        if let Seen::BlockPhase { chain, .. } = s {
            out.push(LikelyCoin { coin: (*chain.coin).into(), likelihood: 1.0 });
        }
    }
    if out.is_empty() {
        out.extend(coins.iter().map(|c| LikelyCoin { coin: c.coin.symbol.into(), likelihood: c.likelihood }));
    }
    out.truncate(MAX_COINS);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_named_like_pools_and_pages_are_not() {
        for name in [
            "eu1.pool.example",
            "xmr-eu2.example",
            "minexmr.example",
            "xmrpool.example",
            "btc.example",
            "pool01.example",
        ] {
            assert!(sounds_like_a_pool(name), "{name}");
        }
        for name in ["cdn.files.example", "spoon.example", "method.example", "determined.example", ""] {
            assert!(!sounds_like_a_pool(name), "{name}");
        }
    }

    #[test]
    fn every_witness_has_a_code_of_what_it_is_a_witness_of() {
        use WitnessKind::*;
        let of = |k| code(k).family();
        for k in [SteadyExchange, SteadyPushes, KnownSizes, NoiseSizes] {
            assert_eq!(of(k), Family::Shape);
        }
        assert_eq!([of(MemorylessShares), of(JobTimer)], [Family::Tempo; 2]);
        for k in [BlockClock, BlockPhase, PushedTogether, Relay] {
            assert_eq!(of(k), Family::Clock);
        }
        assert_eq!(of(FewVisitors), Family::Context);
    }
}
