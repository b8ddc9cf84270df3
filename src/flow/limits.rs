//! Caps and timeouts of a flow table, with their defaults.

use std::sync::LazyLock;
use std::time::Duration;

use memchr::memmem::Finder;

use super::lasting::Pace;
use super::slot::Class;
use crate::decode::Packet;

/// The least that a small table has room for of what nobody answered.
const LEAST_UNANSWERED: usize = 1024;

/// Caps and timeouts of a table. Times are packet time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Flows with payload.
    pub max_flows: usize,
    /// Flows charged to one source address.
    pub per_source: usize,
    /// Connections without payload.
    pub half_open: usize,
    /// Bytes all streams together may buffer out of order.
    pub buffered: usize,
    /// Silence after which a flow is over. Above the few minutes between two shares of a slow miner.
    pub idle: Duration,
    /// The same for flows that bear evidence.
    pub idle_kept: Duration,
    /// The same after FIN or RST.
    pub idle_closed: Duration,
    /// Which datagrams make a UDP flow.
    pub udp: fn(&Packet<'_>) -> bool,
    /// Which payloads of a flow that was let go are worth another look, now and then.
    pub again: fn(&[u8]) -> bool,
    /// Which of them are worth it out of turn. Asked of every fourth only.
    pub telling: fn(&[u8]) -> bool,
    /// Which flows are told of as lasting.
    pub pace: Pace,
    /// Flows that are listened to.
    pub listeners: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_flows: 262_144,
            per_source: 32_768,
            half_open: 65_536,
            buffered: 64 << 20,
            idle: Duration::from_mins(10),
            idle_kept: Duration::from_hours(1),
            idle_closed: Duration::from_secs(10),
            udp: |_| false,
            again: is_promising,
            telling: has_a_miners_word,
            pace: Pace::SLOW,
            listeners: 65_536,
        }
    }
}

impl Limits {
    /// Silence after which a flow of this class is over.
    pub(super) const fn idle_of(&self, class: Class) -> Duration {
        match class {
            Class::Closed => self.idle_closed,
            Class::Plain => self.idle,
            Class::Unanswered | Class::Kept => self.idle_kept,
        }
    }

    /// Flows that bear evidence and that nobody answered.
    pub(super) const fn unanswered(&self) -> usize {
        let some = self.max_flows / 8;
        if some < LEAST_UNANSWERED { LEAST_UNANSWERED } else { some }
    }
}

/// The beginning of an object, perhaps behind what parsers skip, or of an HTTP request with a body.
fn is_promising(payload: &[u8]) -> bool {
    let skipped = |b: &&u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xef | 0xbb | 0xbf);
    let first = payload.iter().take(16).find(|b| !skipped(b));
    first == Some(&b'{') || payload.starts_with(b"POST ")
}

/// Bytes of a payload in which words are looked for.
const HEAD: usize = 256;

/// A word that messages of mining have, and few others.
fn has_a_miners_word(payload: &[u8]) -> bool {
    static WORDS: LazyLock<[Finder<'static>; 5]> =
        LazyLock::new(|| ["mining.", "\"job", "submit", "\"login\"", "template"].map(Finder::new));
    let head = payload.get(..HEAD).unwrap_or(payload);
    WORDS.iter().any(|word| word.find(head).is_some())
}
