//! What was observed, what it weighs, and what it adds up to.
//!
//! In: facts from dialects and detectors. Out: an [`EvidenceLog`] whose lines a person can check against the capture,
//! and a [`Judgement`]. Pure: no I/O, no clock.
//!
//! Weights are base-10 logarithms of likelihood ratios, judged by hand against the benign corpus: `2.0` means "a
//! hundred times likelier from a miner than from anything else". Each kind counts once, families are capped, and the
//! top levels have conditions of their own that no sum can replace (design: a conviction needs the conversation).

mod kinds;
mod verdict;

pub use kinds::{Code, Family};
pub use verdict::Verdict;

pub use crate::capture::Stamp;

/// One observed fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What kind.
    pub code: Code,
    /// When and where it was first seen.
    pub at: Stamp,
    /// How often it was seen.
    pub count: u64,
    /// A sentence a person can check. Peer strings in it are already made printable.
    pub text: String,
}

/// A line of an [`EvidenceLog`], as [`Evidence`] is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line<'a> {
    /// What kind.
    pub code: Code,
    /// When and where it was first seen.
    pub at: Stamp,
    /// How often it was seen.
    pub count: u64,
    /// A sentence a person can check.
    pub text: &'a str,
}

/// A kind's first sighting.
#[derive(Clone, Debug, PartialEq)]
struct First {
    code: Code,
    at: Stamp,
    text: String,
}

/// The evidence of one flow: one line a kind, the first sighting kept, later ones counted.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceLog {
    lines: Vec<First>,
    /// Sightings of each kind. Apart from the lines, as they change with every message and the lines hardly ever do.
    counts: [u32; Code::ALL.len()],
}

impl Default for EvidenceLog {
    fn default() -> Self {
        Self { lines: Vec::new(), counts: [0; Code::ALL.len()] }
    }
}

impl EvidenceLog {
    /// Records a sighting; `text` is only built for the first one of its kind.
    pub fn note(&mut self, code: Code, at: Stamp, text: impl FnOnce() -> String) {
        let Some(count) = self.counts.get_mut(code as usize) else { return };
        if *count == 0 {
            self.lines.push(First { code, at, text: text() });
        }
        *count = count.saturating_add(1);
    }

    fn count(&self, code: Code) -> u32 {
        self.counts.get(code as usize).copied().unwrap_or(0)
    }

    /// Whether a kind was seen.
    pub fn has(&self, code: Code) -> bool {
        self.count(code) > 0
    }

    /// Kinds seen.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing was seen.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines in order of observation, or of time once [sorted](Self::sort).
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().map(|l| Line { code: l.code, at: l.at, count: u64::from(self.count(l.code)), text: &l.text })
    }

    /// The lines, to be kept.
    pub fn to_vec(&self) -> Vec<Evidence> {
        let owned = |l: Line<'_>| Evidence { code: l.code, at: l.at, count: l.count, text: l.text.to_owned() };
        self.lines().map(owned).collect()
    }

    /// A log of lines that were kept.
    pub fn from_vec(lines: Vec<Evidence>) -> Self {
        let mut log = Self::default();
        for e in lines {
            if let Some(count) = log.counts.get_mut(e.code as usize) {
                *count = u32::try_from(e.count).unwrap_or(u32::MAX);
                log.lines.push(First { code: e.code, at: e.at, text: e.text });
            }
        }
        log
    }

    /// Takes a kind back: it turned out not to be so (an unanswered request that was answered after all).
    pub fn withdraw(&mut self, code: Code) {
        if let Some(count @ 1..) = self.counts.get_mut(code as usize) {
            *count = 0;
            self.lines.retain(|e| e.code != code);
        }
    }

    /// Puts the lines in time order; ties keep the order of observation.
    pub fn sort(&mut self) {
        self.lines.sort_by_key(|e| e.at);
    }
}

/// A verdict, the sum behind it and what the next level would take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The level.
    pub verdict: Verdict,
    /// Capped sum of weights (log10 of the likelihood ratio).
    pub score: f32,
    /// What is missing for the next level, as a sentence; `None` at the top.
    pub missing: Option<&'static str>,
}

/// Sum needed for `suspected`: ten to one.
const SUSPECTED: f32 = 1.0;
/// Sum needed for `probable`: a thousand to one.
const PROBABLE: f32 = 3.0;

/// What a conversation of which sizes and times are known lacks to be `probable`.
pub const NO_CLOCK: &str = "a clock that agrees (pushes that come with a coin's blocks, see --block-feed, or together with \
     other hosts'), or a pool's name: sizes and times alone say no more";
/// What it lacks beyond that.
const UNREADABLE: &str = "what is said inside: it cannot be read, so look at the machine";

/// Adds up what was seen. `None` when nothing was.
pub fn judge(log: &EvidenceLog) -> Option<Judgement> {
    if log.lines.is_empty() {
        return None;
    }
    let contradicted = log.has(Code::NodeRpc);
    let score: f32 = Family::ALL
        .iter()
        // Names of pools make no miner of a wallet that asks its node: they are easily forged.
        .filter(|family| !contradicted || **family != Family::Knowledge)
        .map(|&family| {
            let sum: f32 = log.lines.iter().filter(|e| e.code.family() == family).map(|e| e.code.weight()).sum();
            sum.min(family.cap())
        })
        .sum();
    let client = log.has(Code::ClientRequest) || log.has(Code::ShareSubmitted);
    let pool = log.has(Code::PoolReply) || log.has(Code::JobDelivered);
    let work = log.has(Code::JobDelivered) || log.has(Code::ShareAccepted);
    let knowledge_only =
        log.lines.iter().all(|e| matches!(e.code.family(), Family::Knowledge | Family::Context | Family::Against));
    if knowledge_only && log.lines.iter().any(|e| e.code.family() == Family::Knowledge) {
        let missing = Some("a conversation that is mining: names and addresses alone never say more");
        return Some(Judgement { verdict: Verdict::Noted, score, missing });
    }
    // Whoever mines goes on to send shares; a probe has its answer.
    let probe = log.has(Code::OtherAnswer) && !pool && !log.has(Code::ShareSubmitted);
    if probe && score >= SUSPECTED {
        let verdict = if log.has(Code::FromOutside) { Verdict::Noted } else { Verdict::Suspected };
        return Some(Judgement {
            verdict,
            score,
            missing: Some("an answer in its protocol: a probe gets another one"),
        });
    }
    let both_parts = log.has(Code::BothParts);
    // What one end can write alone frames nobody: a server that nobody asked, a recording that is sent somewhere.
    let alone = (both_parts && !(client && pool)) || (log.has(Code::NoRequest) && !client);
    let of = |family: Family| log.lines.iter().any(|e| e.code.family() == family);
    // Sizes and times together; the one without the other is said of nobody, but where each direction has times of its
    // own, and where the sizes are those of one protocol.
    let rhythmic = (of(Family::Shape) && (of(Family::Tempo) || of(Family::Clock)))
        || (log.has(Code::ChanceRequests) && log.has(Code::JobTimer))
        || log.has(Code::NoiseSizes);
    let named = rhythmic
        && !contradicted
        && [Code::TlsToPool, Code::NameSent, Code::NameInDns, Code::AddressInFeed, Code::PoolCertificate]
            .into_iter()
            .any(|c| log.has(c));
    let (verdict, missing) = if client && pool && work && !contradicted && !both_parts && score >= PROBABLE {
        (Verdict::Confirmed, None)
    } else if score >= PROBABLE && alone {
        (Verdict::Suspected, Some("the other end's part in its protocol"))
    } else if rhythmic && !client && !pool && !contradicted {
        // What cannot be read is never confirmed.
        if named || (of(Family::Shape) && of(Family::Tempo) && of(Family::Clock)) {
            (Verdict::Probable, Some(UNREADABLE))
        } else {
            (Verdict::Suspected, Some(NO_CLOCK))
        }
    } else if score >= PROBABLE && !contradicted {
        let missing = match (client, pool) {
            (true, false) => "an answer of the pool in its protocol: only the miner's half was seen",
            (false, true) => "a request of the miner in its protocol: only the pool's half was seen",
            _ if both_parts => "a pool that speaks for itself: the client sent the pool's part, too",
            _ => "work: the pool answered, but no job was delivered and no share accepted",
        };
        (Verdict::Probable, Some(missing))
    } else if score >= SUSPECTED {
        (Verdict::Suspected, Some("a known program, a checksum-valid wallet, or the pool's answer"))
    } else {
        (Verdict::Noted, Some("a mining request in its protocol position"))
    };
    Some(Judgement { verdict, score, missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(codes: &[Code]) -> EvidenceLog {
        let mut l = EvidenceLog::default();
        for &c in codes {
            l.note(c, Stamp::default(), String::new);
        }
        l
    }

    fn verdict(codes: &[Code]) -> Verdict {
        judge(&log(codes)).unwrap().verdict
    }

    #[test]
    fn a_conviction_needs_both_halves_and_work() {
        use Code::*;
        assert_eq!(verdict(&[ClientRequest]), Verdict::Suspected);
        assert_eq!(verdict(&[ClientRequest, KnownProgram, WalletChecksum]), Verdict::Probable);
        assert_eq!(verdict(&[ClientRequest, ShareSubmitted, KnownProgram, WalletChecksum]), Verdict::Probable);
        assert_eq!(verdict(&[ClientRequest, PoolReply]), Verdict::Probable);
        assert_eq!(verdict(&[ClientRequest, PoolReply, JobDelivered]), Verdict::Confirmed);
        assert_eq!(verdict(&[ShareSubmitted, PoolReply, ShareAccepted]), Verdict::Confirmed);
        assert_eq!(verdict(&[JobDelivered, PoolReply]), Verdict::Probable);
        assert_eq!(verdict(&[JobDelivered, DifficultySet]), Verdict::Probable);
    }

    #[test]
    fn a_probe_that_gets_another_answer_makes_no_miner() {
        use Code::*;
        let probe = [ClientRequest, KnownProgram, WalletChecksum, OtherAnswer];
        assert_eq!(verdict(&probe), Verdict::Suspected);
        assert_eq!(verdict(&[&probe[..], &[FromOutside]].concat()), Verdict::Noted);
        // What mines is known by what comes after.
        assert_eq!(verdict(&[&probe[..], &[FromOutside, ShareSubmitted]].concat()), Verdict::Probable);
        assert_eq!(verdict(&[&probe[..], &[FromOutside, PoolReply, JobDelivered]].concat()), Verdict::Confirmed);
    }

    #[test]
    fn context_alone_is_only_noted_however_much_of_it() {
        use Code::*;
        assert_eq!(verdict(&[OneWay, MidStream, HandshakeVerified, NoAnswer]), Verdict::Noted);
        assert_eq!(verdict(&[NodeRpc]), Verdict::Noted);
        assert_eq!(judge(&EvidenceLog::default()), None);
    }

    #[test]
    fn what_feeds_know_alone_is_only_noted_however_much_of_it() {
        use Code::*;
        let all: Vec<_> = Code::ALL.iter().copied().filter(|c| c.family() == Family::Knowledge).collect();
        assert!(all.len() > 5);
        assert_eq!(verdict(&all), Verdict::Noted);
        assert_eq!(verdict(&[all, vec![HandshakeVerified, MidStream]].concat()), Verdict::Noted);
        assert_eq!(verdict(&[MinerTls]), Verdict::Noted);
        assert_eq!(verdict(&[TlsToPool]), Verdict::Suspected);
        // A listed address, or a name without its port, with a hello like a miner's.
        assert_eq!(verdict(&[AddressInFeed, NameInDns, MinerTls]), Verdict::Suspected);
        assert_eq!(verdict(&[AddressInFeed, MinerTls]), Verdict::Noted);
        let most: Vec<_> = Code::ALL
            .iter()
            .copied()
            .filter(|c| matches!(c.family(), Family::Knowledge | Family::Unread | Family::Context))
            .collect();
        assert_eq!(verdict(&most), Verdict::Suspected, "nothing of it is a conversation");
        // The miner's half of a conversation, at a known pool.
        assert_eq!(verdict(&[ClientRequest, NameInDns, NameSent]), Verdict::Probable);
    }

    #[test]
    fn what_feeds_know_makes_no_miner_of_a_wallet() {
        use Code::*;
        assert_eq!(verdict(&[WorkPolled, NodeRpc]), Verdict::Noted);
        assert_eq!(verdict(&[WorkPolled, NodeRpc, NameInDns, NameSent, AddressInFeed]), Verdict::Noted);
        assert_eq!(verdict(&[ClientRequest, NodeRpc, NameInDns, NameSent]), Verdict::Suspected);
    }

    #[test]
    fn what_one_end_can_write_alone_is_only_suspected() {
        use Code::*;
        assert_eq!(verdict(&[PoolReply, DifficultySet, JobDelivered, NoRequest]), Verdict::Suspected);
        assert_eq!(verdict(&[PoolReply, JobDelivered, NoRequest, ClientRequest]), Verdict::Confirmed);
        assert_eq!(verdict(&[ClientRequest, ShareSubmitted, KnownProgram, BothParts]), Verdict::Suspected);
        assert_eq!(verdict(&[ClientRequest, PoolReply, JobDelivered, BothParts]), Verdict::Probable);
    }

    #[test]
    fn sizes_and_times_are_suspected_together_and_never_more_without_a_clock_or_a_name() {
        use Code::*;
        assert_eq!(verdict(&[SteadyExchange, SteadyPushes]), Verdict::Noted);
        assert_eq!(verdict(&[ChanceRequests]), Verdict::Noted);
        assert_eq!(verdict(&[JobTimer]), Verdict::Noted);
        assert_eq!(verdict(&[BlockClock, BlockPhase]), Verdict::Suspected, "a sum, which fusion never lets pass");
        assert_eq!(verdict(&[ChanceRequests, JobTimer]), Verdict::Suspected);
        assert_eq!(verdict(&[ChanceRequests, JobTimer, BlockClock]), Verdict::Suspected);
        assert_eq!(verdict(&[NoiseSizes]), Verdict::Suspected);
        assert_eq!(verdict(&[SteadyPushes, BlockPhase]), Verdict::Suspected);
        assert_eq!(verdict(&[SteadyExchange, SteadyPushes, ChanceRequests, JobTimer]), Verdict::Suspected);
        assert_eq!(verdict(&[SteadyPushes, JobTimer, MinerTls, FewVisitors]), Verdict::Suspected);
        assert_eq!(judge(&log(&[SteadyPushes, JobTimer])).unwrap().missing, Some(NO_CLOCK));
        for clock in [BlockClock, BlockPhase, PushedTogether, RelayedWork] {
            assert_eq!(verdict(&[SteadyPushes, JobTimer, clock]), Verdict::Probable);
        }
        for name in [TlsToPool, NameSent, NameInDns, AddressInFeed] {
            assert_eq!(verdict(&[SteadyExchange, ChanceRequests, name]), Verdict::Probable);
        }
        let said = [Family::Conversation, Family::Identity, Family::Inventory, Family::Against];
        let all: Vec<_> = Code::ALL.iter().copied().filter(|c| !said.contains(&c.family())).collect();
        assert_eq!(verdict(&all), Verdict::Probable, "what cannot be read is never confirmed");
    }

    #[test]
    fn a_kind_counts_once() {
        let mut l = log(&[Code::ClientRequest]);
        let once = judge(&l).unwrap();
        for _ in 0..1000 {
            l.note(Code::ClientRequest, Stamp::default(), String::new);
        }
        assert_eq!(judge(&l).unwrap(), once);
        assert_eq!(l.lines().next().unwrap().count, 1001);
    }
}
