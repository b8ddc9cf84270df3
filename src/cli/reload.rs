//! Feeds and databases that are replaced while an interface is watched, and the policy.
//!
//! In: the files of the command line, looked at every second; the policy only when asked for, since half of an edit may
//! block what the other half spares. Out: [`News`]: what was read anew, or a sentence that it
//! was refused. A thread of its own reads: however large the files are, neither packets nor findings wait. What cannot
//! be read, or lost most of its entries, leaves what was loaded before in use.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::feeds::FeedArgs;
use super::options::{BlockPlan, Blocking};
use super::session::News;
use crate::config::{Applying, Resolved, Watched};
use crate::intel::{Files, Geo, Intel, ListInfo};
use crate::text::counted;

/// How often the files are looked at. A change is taken when two looks agree on it.
const LOOK: Duration = Duration::from_secs(1);
/// A list that lost more of its entries than this was cut off rather than tidied up.
const MAX_LOSS: usize = 50;

/// A policy file.
struct Followed {
    file: Watched,
    /// What the command line says beside it.
    beside: Blocking,
    /// What cannot change while the watch runs: who is told how, and whether.
    fixed: Fixed,
}

/// See [`Followed`].
type Fixed = (Applying, bool, Vec<String>);

/// What to look at.
pub(super) struct Reload {
    feeds: FeedArgs,
    feed_files: Files,
    geo_files: Files,
    intel: Intel,
    geo: Geo,
    policy: Option<Followed>,
    refused_feeds: Option<String>,
    refused_geo: Vec<String>,
    refused_policy: Option<String>,
}

impl Reload {
    /// The files as they were before they were read, for [`Reload::new`].
    pub(super) fn files(feeds: &FeedArgs, geo: &[PathBuf]) -> (Files, Files) {
        (Files::new(feeds.paths()), Files::new(geo))
    }

    /// With what was read of them.
    pub(super) fn new(feeds: &FeedArgs, (feed_files, geo_files): (Files, Files), intel: &Intel, geo: &Geo) -> Self {
        Self {
            feeds: feeds.clone(),
            feed_files,
            geo_files,
            intel: intel.clone(),
            geo: geo.clone(),
            policy: None,
            refused_feeds: None,
            refused_geo: Vec::new(),
            refused_policy: None,
        }
    }

    /// With a policy file, and what the command line says beside it.
    pub(super) fn with_policy(mut self, plan: &mut BlockPlan, beside: &Blocking) -> Self {
        let fixed = (plan.applying, plan.limits.dry_run, plan.block_feeds.clone());
        self.policy = plan.file.take().map(|file| Followed { file, beside: beside.clone(), fixed });
        self
    }

    /// Looks until nobody listens any more. Blocks; to be called in a thread of its own, which the end of the program
    /// does not wait for.
    pub(super) fn run(mut self, news: &mpsc::Sender<News>, asked: &Receiver<()>) {
        while !news.is_closed() {
            let found = match asked.recv_timeout(LOOK) {
                Ok(()) => Some(self.read_policy()),
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(n) = found
                && news.blocking_send(n).is_err()
            {
                break;
            }
        }
    }

    fn look(&mut self) -> Option<News> {
        let (feeds, geo) = (self.feed_files.changed(), self.geo_files.changed());
        if !feeds && !geo {
            return None;
        }
        let mut news = News::default();
        if feeds {
            self.read_feeds(&mut news);
        }
        if geo {
            self.refused_geo = self.geo.refresh();
            news.said.extend(self.refused_geo.iter().cloned());
            if self.refused_geo.is_empty() {
                news.said.push("the databases of countries and networks were read anew".to_owned());
            }
            news.geo = Some(self.geo.clone());
        }
        news.refused = self.refused();
        Some(news)
    }

    fn refused(&self) -> Vec<String> {
        self.refused_feeds.iter().chain(&self.refused_geo).chain(&self.refused_policy).cloned().collect()
    }

    fn read_policy(&mut self) -> News {
        let mut news = News::default();
        match &mut self.policy {
            None => news.said.push("there is no policy file to read again: --policy FILE gives one".to_owned()),
            Some(Followed { file, beside, fixed }) => match file.reload(|said| whole(said, beside, fixed, &self.geo)) {
                Ok(new) => {
                    let what = if new.is_some() { "was read anew" } else { "says what it said before" };
                    news.said.push(format!("the policy {} {what}", file.path().display()));
                    news.said.extend(new.iter().flat_map(|n| &n.warnings).map(|w| w.at(file.path())));
                    news.policy = new;
                    self.refused_policy = None;
                }
                Err(why) => {
                    news.said.push(why.clone());
                    self.refused_policy = Some(why);
                }
            },
        }
        news.refused = self.refused();
        news
    }

    fn read_feeds(&mut self, news: &mut News) {
        let loaded = self.feeds.load().map_err(|e| format!("{e:#}")).and_then(|(intel, problems)| {
            match intel.shrunk_since(&self.intel, MAX_LOSS).into_iter().next() {
                Some(lost) => Err(format!("{lost} (a restart takes it as it is)")),
                None => Ok((intel, problems)),
            }
        });
        match loaded {
            Err(why) => {
                let said = format!("the feeds changed and were NOT taken, those loaded before stay in use: {why}");
                news.said.push(said.clone());
                self.refused_feeds = Some(said);
            }
            Ok((intel, problems)) => {
                news.said.extend(super::feeds::told(&problems));
                let entries: usize = intel.lists().iter().map(ListInfo::entries).sum();
                let (lists, entries) =
                    (counted(intel.lists().len(), "list", "lists"), counted(entries, "entry", "entries"));
                news.said.push(format!("the feeds were read anew, and are in use: {lists} with {entries}"));
                self.refused_feeds = None;
                self.intel = intel.clone();
                news.intel = Some(intel);
            }
        }
    }
}

/// What a policy file comes to, with the command line beside it.
fn whole(said: Resolved, beside: &Blocking, fixed: &Fixed, geo: &Geo) -> Result<Resolved, String> {
    let whole = beside.combine(said).map_err(|e| format!("{e:#}"))?;
    if !whole.policy.never_block_in.is_empty() && geo.is_empty() {
        return Err("`block.never.in` goes by a database of places, and none is in use (--geo FILE.mmdb)".to_owned());
    }
    if (whole.applying, whole.limits.dry_run, &whole.block_feeds) != (fixed.0, fixed.1, &fixed.2) {
        return Err("it changes `apply`, `block.dry_run` or `listen.block_feeds`, which takes a restart".to_owned());
    }
    Ok(whole)
}
