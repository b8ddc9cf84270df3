//! Do messages of one size come again: requests with their replies, and pushes that nobody asked for? And are they the
//! sizes of a mining dialect?

use super::stat::ramp;

/// Sizes that are one: numbers in a message grow by a digit now and then.
const SPREAD: u16 = 8;
/// How far sizes may be from the middle of a class, narrowest first, and what is left of its weight: benign flows with
/// constant sizes are about twice as many within 36 bytes, and five times as many within 80. Wider ones are what random
/// padding leaves.
const WIDTHS: [(u16, f32); 3] = [(SPREAD, 1.0), (36, 0.75), (80, 0.4)];
/// So many of all messages are in a class that is all there is,
const MOST: f32 = 0.6;
/// and so many in one that is mixed with others: then it must be narrow.
const SOME: f32 = 0.25;

/// The longest reply to a share of any dialect has 72 bytes; the records of block ciphers add 53.
const LONGEST_REPLY: u16 = 72 + 53;
/// How much shorter a reply is than a job.
const LESS: u16 = 75;
/// What TLS and a web socket add, at most.
const FRAMING: u16 = 40;

/// A size that comes again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Class {
    /// In the middle.
    pub size: u16,
    /// Furthest from it.
    pub width: u16,
    /// Messages that have it.
    pub count: u16,
    /// What is left of the weight of a constant size, 0 to 1.
    pub worth: f32,
}

impl Class {
    /// Of one message.
    pub(super) fn of(size: u16) -> Self {
        Self { size, width: SPREAD, count: 1, worth: 1.0 }
    }

    pub(super) fn holds(&self, size: u16) -> bool {
        self.size.abs_diff(size) <= self.width
    }

    /// Sizes cannot tell one class from the other.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.size.abs_diff(other.size) <= self.width.max(other.width)
    }
}

/// The commonest size, as narrow as it can be; none where sizes say nothing.
pub(super) fn commonest(sizes: &(impl Iterator<Item = u16> + Clone)) -> Option<Class> {
    let all = sizes.clone().count() as f32;
    let holds = |c: &Class, share: f32| c.count >= 2 && f32::from(c.count) >= share * all;
    let mut narrowest = None;
    for (width, worth) in WIDTHS {
        let class = within(sizes, width, worth)?;
        if holds(&class, MOST) {
            return Some(class);
        }
        narrowest = narrowest.or(Some(class));
    }
    narrowest.filter(|c| holds(c, SOME))
}

fn within(sizes: &(impl Iterator<Item = u16> + Clone), width: u16, worth: f32) -> Option<Class> {
    let mut best: Option<Class> = None;
    for size in sizes.clone() {
        if best.is_some_and(|b| b.size == size) {
            continue;
        }
        let count = sizes.clone().filter(|s| s.abs_diff(size) <= width).count() as u16;
        if best.is_none_or(|b| count > b.count) {
            best = Some(Class { size, width, count, worth });
        }
    }
    best
}

/// Weight of `steady` exchanges of one size of request and reply among `all` that were answered. `chance` is how
/// early, among all that came from the other side, a reply comes on average: one half if it is none.
///
/// Of public mining flows of ten minutes or more 92 % have eight such, of 320 benign flows of a minute or more at most
/// 2.2 % (Tor cells, data bases, resolvers, directories), which would be 10^1.6. Networks with more of those than test
/// suites have: half of that is taken off.
pub(super) fn exchange_weight(steady: u16, all: u16, request: &Class, reply: &Class, chance: f32, tunnel: u16) -> f32 {
    // The shortest shares of any dialect that is not Stratum V2, which has its own witness.
    if steady < 4 || all == 0 || request.size < 80 {
        return 0.0;
    }
    let share = f32::from(steady) / f32::from(all);
    let weight = ramp(f32::from(steady), (3.0, 0.4), (8.0, 1.3)) * ramp(share, (0.2, 0.0), (0.6, 1.0));
    let short = is_short(request, reply, tunnel) || is_padded(request, reply);
    weight * request.worth.min(reply.worth) * ramp(chance, (0.15, 1.0), (0.35, 0.0)) * if short { 1.0 } else { 0.3 }
}

/// A yes or no is the shortest of all that is said, in every dialect.
fn is_short(request: &Class, reply: &Class, tunnel: u16) -> bool {
    let inner = reply.size.saturating_sub(tunnel);
    inner <= LONGEST_REPLY + reply.width - SPREAD && request.size > reply.size
}

/// A job is longer than a yes or no, by [`LESS`] at least in every dialect; sizes of blocks and random ones do not tell.
pub(super) fn is_no_job(push: &Class, request: &Class, reply: &Class) -> bool {
    let one = push.worth >= 1.0 && reply.worth >= 1.0;
    one && push.size < reply.size.saturating_add(LESS) && !is_padded(request, reply)
}

/// Sizes of blocks, with framing or without.
fn is_padded(request: &Class, reply: &Class) -> bool {
    let over = reply.size % 64;
    request.size.abs_diff(reply.size).is_multiple_of(64) && (over == 0 || (16..=FRAMING).contains(&over))
}

/// Weight of `steady` pushes of one size among `all` that nobody asked for.
///
/// 94 % of public mining flows against at most 2.2 % of benign ones have six; taken down as above, and further because
/// push services and tickers are more common still. Jobs have 120 to 2100 bytes in every dialect but Stratum V2's,
/// which has a witness of its own; smaller ones are heartbeats, larger ones pieces of downloads.
///
/// `mean` seconds apart: what comes every other second is a stream more often than jobs are.
pub(super) fn push_weight(steady: u16, all: u16, class: &Class, mean: f32) -> f32 {
    if steady < 3 || all == 0 || !(120..=2100).contains(&class.size) {
        return 0.0;
    }
    let share = f32::from(steady) / f32::from(all);
    let weight = class.worth * ramp(f32::from(steady), (2.0, 0.2), (6.0, 1.0)) * ramp(share, (0.2, 0.0), (0.5, 1.0));
    // With what encryption adds no job but those of chains of a second is that short; marks and notices are.
    weight
        * ramp(mean, (1.0, 0.7), (4.0, 1.0))
        * if mean > STREAMING { ramp(f32::from(class.size), (160.0, 0.0), (205.0, 1.0)) } else { 1.0 }
}

/// What a dialect's messages measure without framing. Framing adds the same to each, so that differences are compared:
/// share less its reply, job less that reply; and the reply itself with up to 40 bytes of TLS or a web socket on top.
#[derive(Debug)]
pub(super) struct Dialect {
    pub name: &'static str,
    /// Coins mined with it.
    pub coins: &'static [&'static str],
    reply: (u16, u16),
    share: (u16, u16),
    job: (u16, u16),
    /// Decimal logarithm: how much likelier these sizes are in a flow that mines than in another one with a constant
    /// exchange and constant pushes. Sizes there are spread over the logarithm of 20 to 1500 bytes.
    pub weight: f32,
}

/// Sizes: public traces (CryptoNote 60,000 messages: 182-187, 63-66, 279-442; EthProxy; Equihash), others from the
/// fields that their messages must have, with workers' names of 1 to 64 characters.
const DIALECTS: &[Dialect] = &[
    // One in 100 by chance, nine in ten of hidden miners. On public traces share and reply are 119 to 124 apart; longer
    // names of jobs and sessions make it more.
    Dialect { name: "CryptoNote", coins: &["XMR"], reply: (60, 72), share: (105, 145), job: (170, 460), weight: 1.2 },
    Dialect { name: "CryptoNote", coins: &["XMR"], reply: (60, 72), share: (146, 175), job: (170, 460), weight: 0.7 },
    Dialect { name: "Equihash", coins: &["ZEC"], reply: (24, 46), share: (2600, 2950), job: (240, 290), weight: 2.3 },
    // Between them one in 20 by chance.
    Dialect { name: "EthProxy", coins: &["ETC"], reply: (34, 46), share: (100, 190), job: (170, 213), weight: 0.6 },
    Dialect { name: "KawPow", coins: &["RVN"], reply: (34, 46), share: (165, 240), job: (222, 270), weight: 0.6 },
    Dialect {
        name: "Stratum V1",
        coins: &["BTC", "LTC", "BCH", "DASH", "DOGE"],
        reply: (34, 48),
        share: (24, 120),
        job: (500, 2100),
        weight: 0.5,
    },
    Dialect {
        name: "Stratum V1 of other coins",
        coins: &["ETC", "ERG", "RVN"],
        reply: (34, 48),
        share: (24, 120),
        job: (85, 330),
        weight: 0.15,
    },
];

impl Dialect {
    /// Plain, or in some framing of 16 to 40 bytes.
    fn fits(&self, request: &Class, reply: &Class, push: &Class, tunnel: u16) -> bool {
        let within = |(low, high): (u16, u16), size: u16| (low..=high).contains(&size);
        let inner = reply.size.saturating_sub(tunnel);
        let (low, high) = self.reply;
        (within((low, high), inner) || within((low + 16, high + FRAMING), inner))
            && within(self.share, request.size.saturating_sub(reply.size))
            && within(self.job, push.size.saturating_sub(reply.size))
    }
}

/// xmrig's sign of life, which has another reply than a share.
pub(super) const KEEPALIVE: Dialect = Dialect {
    name: "CryptoNote (signs of life)",
    coins: &["XMR"],
    reply: (68, 80),
    share: (4, 40),
    job: (150, 400),
    // Some programs show life each minute whatever else they send; so do many that do not mine.
    weight: 0.6,
};

/// The same, when each comes a minute after what was received last, jobs too, as the program's own timer has it: few
/// others begin anew with what they receive, and with a minute.
pub(super) const IDLE: Dialect = Dialect { weight: 1.7, ..KEEPALIVE };

/// Whether requests and replies on a timer are a miner's signs of life.
pub(super) fn is_keepalive(request: &Class, reply: &Class, push: &Class, tunnel: u16) -> bool {
    KEEPALIVE.fits(request, reply, push, tunnel)
}

/// Whether a job for this coin may be as long as these pushes: not if it is known how long they are, and they are other.
pub(super) fn may_push(coin: &str, push: &Class) -> bool {
    let mut of_it = DIALECTS.iter().filter(|d| d.coins.contains(&coin)).peekable();
    let holds = |d: &Dialect| (d.job.0 + d.reply.0..=d.job.1 + d.reply.1 + FRAMING).contains(&push.size);
    push.worth < 1.0 || of_it.peek().is_none() || of_it.any(holds)
}

/// A chain of a block each second or less, whose jobs come in a stream: only of pushes that are one.
pub(super) const STREAM: Dialect =
    Dialect { name: "Kaspa", coins: &[], reply: (34, 48), share: (24, 120), job: (80, 160), weight: 0.45 };
/// Seconds between those, at most.
pub(super) const STREAMING: f32 = 4.0;

/// Whether sizes are those of [`STREAM`].
pub(super) fn is_stream(request: &Class, reply: &Class, push: &Class, tunnel: u16) -> bool {
    STREAM.fits(request, reply, push, tunnel) && request.size >= 80
}

/// Any of them, filled up to blocks.
const PADDED: Dialect = Dialect {
    name: "a mining dialect filled up to blocks",
    coins: &[],
    reply: (0, 0),
    share: (0, 0),
    job: (0, 0),
    // That both differences are multiples of 64 by chance is one in 4000; but those who pad their messages are few
    // among miners too.
    weight: 0.6,
};

/// The dialects that the middles of classes fit, likeliest first; `tunnel` is what an empty packet measures inside one.
pub(super) fn dialects(
    request: &Class,
    reply: &Class,
    push: &Class,
    tunnel: u16,
) -> impl Iterator<Item = &'static Dialect> {
    let below = |larger: u16, less: u16| larger.checked_sub(less).unwrap_or(u16::MAX);
    let (share, job) = (below(request.size, reply.size), below(push.size, reply.size));
    let inner = below(reply.size, tunnel);
    // Tunnels, SSH and block ciphers round up to 16, and may add more.
    let round = tunnel > 0 || (share % 16 == 0 && job % 16 == 0);
    let loose = if round { 16 } else { 0 };
    let within = move |(low, high): (u16, u16), size: u16| (low.saturating_sub(loose)..=high + loose).contains(&size);
    // Readable, or in some framing of 16 to 40 bytes, and on average half of what random padding adds at most.
    let framing = FRAMING + reply.width - SPREAD;
    let reply_fits = move |d: &Dialect| within(d.reply, inner) || within((d.reply.0 + 16, d.reply.1 + framing), inner);
    // A worker's name is in the request, so that small ones are something else.
    let large = request.size >= 80;
    let fits = move |d: &&Dialect| reply_fits(d) && within(d.share, share) && within(d.job, job) && large;
    // All of one size may be cells of anything, and two of one size are a weaker sign.
    let padded = match (share, job) {
        (0, 0) => false,
        (0, one) | (one, 0) => one % 128 == 0,
        _ => share % 64 == 0 && job % 64 == 0,
    };
    let padded = padded && is_padded(request, reply) && share < u16::MAX && job < u16::MAX;
    DIALECTS.iter().filter(fits).chain(padded.then_some(&PADDED))
}
