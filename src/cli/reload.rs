//! Feeds and databases that are replaced while an interface is watched.
//!
//! In: the files of the command line, looked at every second. Out: [`News`]: what was read anew, or a sentence that it
//! was refused. A thread of its own reads: however large the files are, neither packets nor findings wait. What cannot
//! be read, or lost most of its entries, leaves what was loaded before in use.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::feeds::FeedArgs;
use super::session::News;
use crate::intel::{Files, Geo, Intel, ListInfo};

/// How often the files are looked at. A change is taken when two looks agree on it.
const LOOK: Duration = Duration::from_secs(1);
/// A list that lost more of its entries than this was cut off rather than tidied up.
const MAX_LOSS: usize = 50;

/// What to look at.
pub(super) struct Reload {
    feeds: FeedArgs,
    feed_files: Files,
    geo_files: Files,
    intel: Intel,
    geo: Geo,
    refused_feeds: Option<String>,
    refused_geo: Vec<String>,
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
            refused_feeds: None,
            refused_geo: Vec::new(),
        }
    }

    /// Looks until nobody listens any more. Blocks; to be called in a thread of its own, which the end of the program
    /// does not wait for.
    pub(super) fn run(mut self, news: &mpsc::Sender<News>) {
        while !news.is_closed() {
            std::thread::sleep(LOOK);
            if let Some(n) = self.look()
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
        let mut news = News { intel: None, geo: None, said: Vec::new(), refused: Vec::new() };
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
        news.refused.extend(self.refused_feeds.iter().chain(&self.refused_geo).cloned());
        Some(news)
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
                let lists = intel.lists().len();
                news.said.push(format!("the feeds were read anew: {lists} with {entries} entries are in use"));
                self.refused_feeds = None;
                self.intel = intel.clone();
                news.intel = Some(intel);
            }
        }
    }
}
