//! What is known of one mining flow: the facts its dialect read, and the evidence they make.
//!
//! In: calls from a dialect's session. Out: the fields of a finding. Everything from the peer is capped here, so that
//! no dialect can be made to hoard.

use super::program;
use super::program::style::Style;
use crate::carrier::Target;
use crate::evidence::{Code, EvidenceLog, Stamp};
use crate::text::printable;
use crate::wallet::{self, Coin};

/// Peer strings are kept to this many bytes; longer ones are cut.
const MAX_TEXT: usize = 512;
/// Algorithms kept of an advertised list.
const MAX_ALGORITHMS: usize = 32;
/// Jobs whose difficulty is remembered; shares for older ones count at the current difficulty.
const MAX_JOBS: usize = 8;

/// How far the conversation got.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// A miner asked; no work came.
    Attempt,
    /// Work was delivered.
    Session,
    /// A share was accepted.
    Accepted,
}

impl Stage {
    /// Name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Session => "session",
            Self::Accepted => "accepted",
        }
    }
}

/// What the password field carries. Its text is only kept when it is options, never when it may be a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Password {
    /// `x`, empty, or any single word.
    Plain,
    /// Pool options such as `d=1024` or `c=BTC,zap=LTC`.
    Options(String),
    /// `worker:email` or an e-mail address.
    Email,
    /// `x~algo`: the algorithm wanted of a multi-algorithm pool.
    Algorithm(String),
}

/// Shares counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Shares {
    /// Sent by the miner.
    pub submitted: u64,
    /// Accepted by the pool.
    pub accepted: u64,
    /// Rejected by the pool.
    pub rejected: u64,
}

/// Facts of one mining flow.
#[derive(Default)]
pub struct Conversation {
    /// Evidence in order of observation.
    pub evidence: EvidenceLog,
    /// Login as sent.
    pub login: Option<String>,
    /// Coins that the login's wallet can belong to, where its checksum holds.
    pub wallet_coins: &'static [Coin],
    /// Worker name given apart from the login.
    pub worker: Option<String>,
    /// Password kind.
    pub password: Option<Password>,
    /// Agent string as sent.
    pub agent: Option<String>,
    /// The program that the client writes like; ends in `?` when others may write so.
    pub style: Option<&'static str>,
    /// Algorithms advertised by the miner or named in jobs.
    pub algorithms: Vec<String>,
    /// Last difficulty as the pool's own unit says it.
    pub difficulty: Option<f64>,
    /// Coin hint from the conversation (algorithm, job shape), with its basis.
    pub coin: Option<(Coin, &'static str)>,
    /// Shares.
    pub shares: Shares,
    /// Jobs delivered.
    pub jobs: u64,
    /// Last block height named in a job.
    pub height: Option<u64>,
    /// The pool that a rig's management interface names.
    pub reported_pool: Option<Target>,
    /// The jobs are of an algorithm that the coin of the login's wallet is not mined with: it is paid in that coin, and
    /// something else is mined.
    pub other_algorithm: bool,
    /// Hash rate the miner reported of itself, in hashes per second.
    pub reported_hashrate: Option<f64>,
    /// Sum of expected hashes behind accepted shares.
    pub work: f64,
    /// Accepted shares of known difficulty: the `n` behind [`Self::work`].
    pub weighed: u64,
    /// First and last message of the conversation.
    pub span: Option<(Stamp, Stamp)>,
    /// From the first job or share to the last accepted share: the time in which [`Self::work`] was done.
    work_span: Option<(Stamp, Stamp)>,
    current_work: f64,
    jobs_seen: JobsSeen,
    /// A request that others send as well: a miner's if work comes of it.
    polled: Option<(Stamp, String)>,
}

impl Conversation {
    /// Whether nothing was recorded yet.
    pub(crate) fn is_blank(&self) -> bool {
        let Self {
            evidence,
            login,
            wallet_coins: _, // there is a login then
            worker,
            password,
            agent,
            style,
            algorithms,
            difficulty,
            coin,
            shares,
            jobs,
            height,
            reported_pool,
            other_algorithm,
            reported_hashrate,
            work,
            weighed,
            span,
            work_span,
            current_work,
            jobs_seen,
            polled,
        } = self;
        let texts = login.is_none() && worker.is_none() && agent.is_none() && algorithms.is_empty() && polled.is_none();
        let facts =
            password.is_none() && style.is_none() && coin.is_none() && reported_pool.is_none() && height.is_none();
        let rates = difficulty.is_none() && reported_hashrate.is_none() && work.to_bits() | current_work.to_bits() == 0;
        let counts = *shares == Shares::default() && *jobs | *weighed == 0 && jobs_seen.is_empty() && !other_algorithm;
        evidence.is_empty() && span.is_none() && work_span.is_none() && texts && facts && rates && counts
    }

    /// Any message of the conversation, understood.
    pub fn spoke(&mut self, at: Stamp) {
        match &mut self.span {
            Some((_, last)) => *last = at,
            None => self.span = Some((at, at)),
        }
    }

    /// A request that only miners send.
    pub fn asked(&mut self, at: Stamp, what: &str) {
        self.evidence.note(Code::ClientRequest, at, || format!("the client sent {what}"));
        self.evidence.withdraw(Code::WorkPolled);
        self.polled = None;
    }

    /// A request that miners send, and others too. Until work was delivered or a miner's own request was sent, neither
    /// it nor its answer says much.
    pub fn polled(&mut self, at: Stamp, what: &str) {
        if !self.evidence.has(Code::ClientRequest) {
            self.evidence.note(Code::WorkPolled, at, || format!("the client sent {what}, as other programs also do"));
            self.polled.get_or_insert_with(|| (at, what.to_owned()));
        }
    }

    /// The pool answered or pushed something in the protocol.
    pub fn replied(&mut self, at: Stamp, what: &str) {
        if self.polled.is_some() {
            return;
        }
        self.evidence.note(Code::PoolReply, at, || format!("the server {what}"));
    }

    /// An answer that servers of other things give as well: it counts once something was seen that only miners and pools
    /// say.
    pub fn replied_too(&mut self, at: Stamp, what: &str) {
        if self.is_known() {
            self.replied(at, what);
        }
    }

    /// Whether something was seen that only miners and pools say: a request, a share, a job.
    pub fn is_known(&self) -> bool {
        [Code::ClientRequest, Code::ShareSubmitted, Code::JobDelivered].iter().any(|&code| self.evidence.has(code))
    }

    /// Whether both ends were heard, and work.
    pub(super) fn is_whole(&self) -> bool {
        let has = |code| self.evidence.has(code);
        (has(Code::ClientRequest) || has(Code::ShareSubmitted))
            && (has(Code::PoolReply) || has(Code::JobDelivered))
            && (has(Code::JobDelivered) || has(Code::ShareAccepted))
    }

    /// Whether the client was heard to ask for something, after it could have: what the server says unasked, it may
    /// say to anybody.
    pub(crate) fn heard(&mut self, at: Stamp) {
        let has = |code| self.evidence.has(code);
        if has(Code::ClientRequest) || has(Code::ShareSubmitted) {
            if has(Code::NoRequest) {
                self.evidence.withdraw(Code::NoRequest);
            }
        } else if has(Code::PoolReply) || has(Code::JobDelivered) {
            self.evidence.note(Code::NoRequest, at, || "the client was heard, and sent no miner's request".to_owned());
        }
    }

    /// The login string, as sent. The first one stays; it names the flow.
    pub fn login(&mut self, at: Stamp, login: &str) {
        if self.login.is_some() || login.is_empty() {
            return;
        }
        let login = capped(login);
        if let Some(w) = wallet::recognise(&login).wallet.filter(wallet::Wallet::is_verified) {
            self.wallet_coins = w.coins;
            let coins = match w.coins {
                [] => "wallet".to_owned(),
                coins => coins.iter().map(|c| c.ticker()).collect::<Vec<_>>().join("/"),
            };
            let shown = printable(w.text, 24).to_string();
            self.evidence.note(Code::WalletChecksum, at, || {
                format!("the login holds a checksum-valid {coins} address ({shown})")
            });
        }
        self.login = Some(login);
    }

    /// Worker name sent apart from the login.
    pub fn worker(&mut self, worker: &str) {
        if self.worker.is_none() && !worker.is_empty() {
            self.worker = Some(capped(worker));
        }
    }

    /// The password field.
    pub fn password(&mut self, pass: &str) {
        if self.password.is_none() {
            self.password = Some(password_kind(pass));
        }
    }

    /// The agent string.
    pub fn agent(&mut self, at: Stamp, agent: &str) {
        if self.agent.is_some() || agent.is_empty() {
            return;
        }
        let agent = capped(agent);
        if program::mines(&agent) {
            let program = program::name(&agent).unwrap_or_default();
            // Behind a management interface the program is the one that was asked.
            let rig = self.evidence.has(Code::RigAnswered);
            self.evidence.note(Code::KnownProgram, at, || {
                let who = if rig { "rig" } else { "client" };
                format!("the {who} calls itself {} ({program})", printable(&agent, 80))
            });
        }
        self.agent = Some(agent);
    }

    /// The client writes as a known program does. Called behind [`Self::agent`], whose word it may contradict.
    pub(super) fn written(&mut self, at: Stamp, style: &Style) {
        self.style = Some(style.name);
        if style.is_certain() {
            let agent = self.agent.as_deref();
            self.evidence.note(Code::WritingStyle, at, || style.told(agent));
        }
    }

    /// The login is one that only a mining program sends, for its authors.
    pub fn donation(&mut self, at: Stamp, what: &str) {
        self.evidence.note(Code::DonationLogin, at, || format!("the login is {what}"));
    }

    /// The pool that a rig says it mines at: `stratum+tcp://pool.example:3333`, or without the scheme.
    pub fn reported_pool(&mut self, url: &str) {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split(['/', '#', '?']).next().unwrap_or_default();
        if let Some(pool) = Target::parse_authority(authority) {
            self.reported_pool = Some(pool);
        }
    }

    /// An algorithm name.
    pub fn algorithm(&mut self, name: &str) {
        if self.algorithms.len() < MAX_ALGORITHMS && name.len() <= 64 && !self.algorithms.iter().any(|a| a == name) {
            self.algorithms.push(name.to_owned());
        }
    }

    /// Difficulty for jobs from now on: in the pool's unit, and as expected hashes a share.
    pub fn difficulty(&mut self, at: Stamp, difficulty: f64, work: f64) {
        if !(difficulty.is_finite() && work.is_finite() && difficulty > 0.0 && work > 0.0) {
            return;
        }
        self.difficulty = Some(difficulty);
        self.current_work = work;
        self.evidence.note(Code::DifficultySet, at, || format!("the server set difficulty {difficulty}"));
    }

    /// Difficulty in a unit whose expected work is not known: it is told, and rates nothing.
    pub fn difficulty_alone(&mut self, at: Stamp, difficulty: f64) {
        if difficulty.is_finite() && difficulty > 0.0 {
            self.difficulty = Some(difficulty);
            self.current_work = 0.0;
            self.evidence.note(Code::DifficultySet, at, || format!("the server set difficulty {difficulty}"));
        }
    }

    /// A job was delivered; `id` is what shares will name it by.
    pub fn job(&mut self, at: Stamp, id: Option<&str>, height: Option<u64>, what: &str) {
        if let Some((asked, request)) = self.polled.take() {
            self.asked(asked, &request);
            self.replied(at, &format!("answered with {what}"));
        }
        self.jobs = self.jobs.saturating_add(1);
        if height.is_some() {
            self.height = height;
        }
        if let Some(id) = id {
            self.jobs_seen.add(id, self.current_work);
        }
        self.work_span.get_or_insert((at, at));
        self.evidence.note(Code::JobDelivered, at, || match height {
            Some(h) => format!("the server delivered {what} (height {h})"),
            None => format!("the server delivered {what}"),
        });
    }

    /// A share was sent; the expected hashes behind it, 0 if not known.
    pub fn submitted(&mut self, at: Stamp, job: Option<&str>) -> f64 {
        self.shares.submitted = self.shares.submitted.saturating_add(1);
        self.work_span.get_or_insert((at, at));
        self.evidence.note(Code::ShareSubmitted, at, || "the client submitted a share".to_owned());
        job.and_then(|id| self.jobs_seen.work_of(id)).unwrap_or(self.current_work)
    }

    /// The pool accepted a share of that many expected hashes.
    pub fn accepted(&mut self, at: Stamp, work: f64) {
        self.shares.accepted = self.shares.accepted.saturating_add(1);
        if work > 0.0 {
            self.work += work;
            self.weighed = self.weighed.saturating_add(1);
        }
        if let Some((_, last)) = &mut self.work_span {
            *last = at;
        }
        self.replied(at, "answered a share");
        self.evidence.note(Code::ShareAccepted, at, || "the server accepted a share".to_owned());
    }

    /// The pool rejected a share.
    pub fn rejected(&mut self, at: Stamp, reason: &str) {
        self.shares.rejected = self.shares.rejected.saturating_add(1);
        self.replied(at, "answered a share");
        self.evidence.note(Code::ShareRejected, at, || match reason {
            "" => "the server rejected a share".to_owned(),
            reason => format!("the server rejected a share ({reason})"),
        });
    }

    /// How far it got.
    pub fn stage(&self) -> Stage {
        if self.shares.accepted > 0 {
            Stage::Accepted
        } else if self.jobs > 0 {
            Stage::Session
        } else {
            Stage::Attempt
        }
    }

    /// Seconds in which the accepted work was done.
    pub fn work_seconds(&self) -> f64 {
        self.work_span.map_or(0.0, |(a, b)| b.time.since(a.time).as_secs_f64())
    }
}

/// The last few jobs, by a hash of their ids, with the expected hashes of a share for each.
#[derive(Default)]
struct JobsSeen {
    ring: [Option<(u64, f64)>; MAX_JOBS],
    next: u8,
}

impl JobsSeen {
    fn is_empty(&self) -> bool {
        self.next == 0 && self.ring.first().is_none_or(Option::is_none)
    }

    fn add(&mut self, id: &str, work: f64) {
        if let Some(place) = self.ring.get_mut(usize::from(self.next)) {
            *place = Some((hash(id), work));
        }
        self.next = (self.next + 1) % MAX_JOBS as u8;
    }

    /// Of the latest job with this id.
    fn work_of(&self, id: &str) -> Option<f64> {
        let id = hash(id);
        let (later, earlier) = self.ring.split_at_checked(usize::from(self.next))?;
        let newest_first = later.iter().rev().chain(earlier.iter().rev()).flatten();
        newest_first.into_iter().find(|(k, _)| *k == id).map(|(_, work)| *work)
    }
}

fn hash(s: &str) -> u64 {
    use std::hash::BuildHasher;
    foldhash::quality::FixedState::with_seed(0).hash_one(s)
}

fn capped(s: &str) -> String {
    s.get(..s.floor_char_boundary(MAX_TEXT)).unwrap_or_default().to_owned()
}

fn password_kind(pass: &str) -> Password {
    let pass = pass.trim();
    if let Some((_, algo)) = pass.split_once('~') {
        return Password::Algorithm(capped(algo));
    }
    if pass.contains('@') {
        return Password::Email;
    }
    let options = pass.split([',', ';']).filter(|o| {
        o.split_once('=').is_some_and(|(k, v)| {
            !k.is_empty() && k.len() <= 12 && !v.is_empty() && k.bytes().all(|b| b.is_ascii_alphanumeric())
        })
    });
    if options.count() > 0 { Password::Options(capped(pass)) } else { Password::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_at_the_difficulty_of_its_job() {
        let at = Stamp::default();
        let mut c = Conversation::default();
        let job = |n: u32| format!("job-{n}");
        for n in 1..=MAX_JOBS as u32 + 1 {
            c.difficulty(at, f64::from(n), f64::from(n) * 100.0);
            c.job(at, Some(&job(n)), None, "a job");
        }
        let now = (MAX_JOBS as f64 + 1.0) * 100.0;
        for (id, work) in [(job(2), 200.0), (job(8), 800.0), (job(9), 900.0), (job(1), now), (job(77), now)] {
            assert!((c.submitted(at, Some(&id)) - work).abs() < f64::EPSILON, "{id}");
        }
        c.difficulty(at, 5.0, 500.0);
        c.job(at, Some(&job(2)), None, "the same job again");
        assert!((c.submitted(at, Some(&job(2))) - 500.0).abs() < f64::EPSILON);
    }
}
