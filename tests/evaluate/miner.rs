//! One miner at one pool: jobs, shares, answers and keepalives, before any evasion and framing.

use crate::chain::{Chains, Set};
use crate::pool::{Pool, Push, Restart, Vardiff};
use crate::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Greeting,
    Job,
    Share,
    Answer,
    Keepalive,
}

/// A message as the program hands it to its socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) at: f64,
    pub(crate) up: bool,
    pub(crate) size: u32,
    pub(crate) what: What,
}

/// How much a miner has to say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Work {
    /// As the pool's difficulty wants it.
    Usual,
    /// A share each so many seconds: a slow processor, a low priority or a high fixed difficulty.
    Rare(f64),
    /// Never a share: only jobs come.
    None,
    /// So many miners behind one proxy, all their shares on this one connection.
    Proxy(u32),
}

/// The conversation of one connection.
pub(crate) struct Miner<'a> {
    pub(crate) pool: &'a Pool,
    /// What the pool tells all its miners.
    pub(crate) pushes: &'a [Push],
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) work: Work,
}

/// A share count's digits beyond the first.
fn digits(n: u32) -> u32 {
    n.max(1).ilog10()
}

impl Miner<'_> {
    pub(crate) fn run(&self, random: &mut Random) -> Vec<Said> {
        let rtt = random.log_range(0.008, 0.28);
        let mut said = Vec::new();
        let greeted = self.greet(random, rtt, &mut said);
        let mut retargets = Vec::new();
        self.shares(random, rtt, greeted, &mut said, &mut retargets);
        self.jobs(random, rtt, greeted, &retargets, &mut said);
        said.retain(|s| s.at < self.end);
        said.sort_by(|a, b| a.at.total_cmp(&b.at));
        self.keep_alive(random, rtt, &mut said);
        said
    }

    fn greet(&self, random: &mut Random, rtt: f64, said: &mut Vec<Said>) -> f64 {
        let mut at = self.start;
        for (up, size) in &self.pool.sizes.greeting {
            at += if *up { random.range(0.001, 0.01) } else { rtt + self.think(random) };
            said.push(Said { at, up: *up, size: *size, what: What::Greeting });
        }
        at
    }

    fn think(&self, random: &mut Random) -> f64 {
        let lost = if random.chance(self.pool.lost) { random.log_range(0.2, 3.0) } else { 0.0 };
        random.log_normal(self.pool.think, 0.5) + lost
    }

    /// Mean seconds between shares as the connection starts, and what it should become.
    fn first_gap(&self, random: &mut Random) -> f64 {
        match (self.work, self.pool.vardiff) {
            (Work::Rare(mean), _) => mean,
            (Work::Proxy(n), _) => random.range(20.0, 45.0) / f64::from(n),
            (_, Vardiff::Fixed) => random.log_range(4.0, 100.0),
            (_, Vardiff::Window { target, .. } | Vardiff::Doubling { target }) => {
                (target * random.log_range(0.12, 4.0)).clamp(0.3, 300.0)
            }
        }
    }

    fn shares(&self, random: &mut Random, rtt: f64, from: f64, said: &mut Vec<Said>, retargets: &mut Vec<f64>) {
        if self.work == Work::None {
            return;
        }
        let sizes = &self.pool.sizes;
        let mut gap = self.first_gap(random);
        let (mut at, mut count, mut unanswered) = (from, 0u32, 0u32);
        let adjusts = !matches!(self.work, Work::Rare(_) | Work::Proxy(_));
        // How often it is looked at, how many shares are enough then, and how many are at any time.
        let (every, least, most) = match self.pool.vardiff {
            Vardiff::Window { every, least, .. } if adjusts => (every, least, u32::MAX),
            Vardiff::Doubling { .. } if adjusts => (240.0, 16, 72),
            _ => (f64::INFINITY, u32::MAX, u32::MAX),
        };
        let (mut since, mut look, mut in_window) = (from, from + every, 0u32);
        // Now and then somebody uses the machine, and the miner is slower.
        let mut speed: f64 = 1.0;
        let mut change = if random.chance(0.3) { from + random.exp(1500.0) } else { f64::INFINITY };
        while at < self.end {
            let next = at + random.exp(gap / speed);
            if next > look.min(change) && look.min(change) < self.end {
                // Nothing is remembered between shares, so the wait may be drawn again from here.
                if change <= look {
                    at = change;
                    speed = random.pick(&[1.0, 1.0, 0.5, 0.75, 0.3, 0.04]);
                    change += random.exp(1500.0);
                } else {
                    at = look;
                    look += every;
                    // Far too few for a long time are enough to know, too.
                    if in_window >= least || at - since > 8.0 * every {
                        gap = self.retarget(random, gap, at - since, in_window, at, retargets);
                        (since, in_window) = (at, 0);
                    }
                }
                continue;
            }
            at = next;
            (count, in_window, unanswered) = (count + 1, in_window + 1, unanswered + 1);
            let digits = if sizes.numbered { digits(count) } else { 0 };
            let spread = if sizes.submit_spread > 0 { random.int(0, sizes.submit_spread) } else { 0 };
            said.push(Said { at, up: true, size: sizes.submit + digits + spread, what: What::Share });
            if unanswered >= sizes.answers_batched {
                unanswered = 0;
                let size = if random.chance(0.006) { sizes.reject } else { sizes.reply };
                let back = at + rtt + self.think(random);
                said.push(Said { at: back, up: false, size: size + digits, what: What::Answer });
            }
            if in_window >= most {
                gap = self.retarget(random, gap, at - since, in_window, at, retargets);
                (since, look, in_window) = (at, at + every, 0);
            }
        }
    }

    /// The mean gap from now on; says so to `retargets` if it changes.
    fn retarget(
        &self,
        random: &mut Random,
        gap: f64,
        seconds: f64,
        shares: u32,
        at: f64,
        retargets: &mut Vec<f64>,
    ) -> f64 {
        let seen = seconds / f64::from(shares).max(0.5);
        let new = match self.pool.vardiff {
            Vardiff::Fixed => gap,
            Vardiff::Window { target, band, .. } if (seen / target - 1.0).abs() < band => gap,
            Vardiff::Window { target, clip, .. } => gap * (target / seen).clamp(1.0 / clip, clip),
            Vardiff::Doubling { target } => gap * 2f64.powf((target / seen).log2().round().clamp(-3.0, 3.0)),
        };
        if (new / gap - 1.0).abs() > 0.01 {
            retargets.push(at + random.range(0.001, 0.05));
        }
        new.clamp(0.2, 1200.0)
    }

    fn jobs(&self, random: &mut Random, rtt: f64, from: f64, retargets: &[f64], said: &mut Vec<Said>) {
        let pool = self.pool;
        let sizes = &pool.sizes;
        // Where in the pool's list this connection stands.
        let place = random.unit() * pool.fan_out;
        let push = |random: &mut Random, at: f64, size: u32, said: &mut Vec<Said>| {
            let late = if random.chance(pool.lost) { random.log_range(0.2, 3.0) } else { 0.0 };
            let at = at + rtt / 2.0 + random.exp(0.004) + late;
            said.push(Said { at, up: false, size, what: What::Job });
        };
        let mut own = Vec::new();
        let shared = self.pushes.iter().filter(|p| p.at + place > from && p.at < self.end);
        if let (Some(timer), Restart::Connection) = (pool.timer, pool.restart) {
            // Jobs of this connection alone, between the blocks of all.
            let job_now = |at: &f64| (*at, sizes.difficulty.is_none());
            let mut fixed: Vec<(f64, bool)> = shared.clone().map(|p| (p.at + place, true)).collect();
            fixed.extend(retargets.iter().map(job_now).filter(|(_, job)| *job));
            fixed.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut at = from;
            for (next, _) in fixed.into_iter().chain([(self.end, false)]) {
                let mut tick = at + timer + random.normal() * pool.timer_jitter;
                while tick < next {
                    own.push(tick);
                    tick += timer + random.normal() * pool.timer_jitter;
                }
                at = next;
            }
        }
        for p in shared {
            // Stratum V2 names the job and then the block that it is for.
            push(random, p.at + place, p.size, said);
            if let (true, Some(size)) = (p.block, sizes.with_block) {
                push(random, p.at + place + 0.001, size, said);
            }
        }
        for at in own {
            let size = sizes.job(random, false);
            push(random, at, size, said);
        }
        for at in retargets {
            let size = sizes.difficulty.unwrap_or_else(|| sizes.job(random, false));
            push(random, *at, size, said);
        }
    }

    fn keep_alive(&self, random: &mut Random, rtt: f64, said: &mut Vec<Said>) {
        let mut more = Vec::new();
        if let Some((size, answer, quiet)) = self.pool.sizes.keepalive {
            // xmrig counts from what it received last, and looks at its clock now and then.
            let heard: Vec<f64> = said.iter().filter(|s| !s.up).map(|s| s.at).chain([self.end]).collect();
            for pair in heard.windows(2) {
                let mut last = pair[0];
                loop {
                    let at = last + quiet + random.range(0.0, 0.5);
                    if at >= pair[1] {
                        break;
                    }
                    more.push((at, size, answer));
                    last = at + rtt + self.think(random);
                }
            }
        }
        if let Some((size, answer, period)) = self.pool.sizes.hash_rate {
            let mut at = self.start + random.unit() * period;
            while at < self.end {
                more.push((at, size, answer));
                at += period + random.range(0.0, 0.02);
            }
        }
        for (at, size, answer) in more {
            said.push(Said { at, up: true, size, what: What::Keepalive });
            let back = at + rtt + self.think(random);
            said.push(Said { at: back, up: false, size: answer, what: What::Keepalive });
        }
        said.retain(|s| s.at < self.end);
        said.sort_by(|a, b| a.at.total_cmp(&b.at));
    }
}

/// A pool and its pushes in a world.
pub(crate) struct Serving {
    pub(crate) pool: Pool,
    pub(crate) pushes: Vec<Push>,
}

impl Serving {
    pub(crate) fn new(
        random: &mut Random,
        set: Set,
        chains: &Chains,
        (coin, dialect): (crate::chain::Coin, crate::dialect::Dialect),
    ) -> Self {
        let pool = Pool::draw(random, set, coin, dialect);
        let pushes = pool.pushes(random, chains);
        Self { pool, pushes }
    }
}
