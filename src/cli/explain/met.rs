//! Whether somebody who is asked for is met at all in what is read.
//!
//! In: frames on their way to the workers. Out: the same frames, and whether the subject's bytes are in any of them. A
//! host that does nothing wrong and one that was mistyped look alike in a report, and not here.

use memchr::memmem::Finder;

use super::subject::Subject;
use crate::capture::{Frame, Lent, PacketSource, Step};

/// How far behind an address its port may stand: both addresses of IPv6, or options of IPv4, lie in between.
const REACH: usize = 64;

/// A source that looks at what it passes on.
pub(super) struct Met<S> {
    /// The source.
    pub(super) inner: S,
    sought: Vec<Finder<'static>>,
    port: Option<[u8; 2]>,
    occurs: bool,
}

impl<S> Met<S> {
    /// Looks for `subject` in what `inner` gives.
    pub(super) fn new(inner: S, subject: &Subject) -> Self {
        let port = match subject {
            Subject::Endpoint(at) => Some(at.port().to_be_bytes()),
            _ => None,
        };
        let sought = subject.spellings().iter().map(|s| Finder::new(s).into_owned()).collect();
        Self { inner, sought, port, occurs: false }
    }

    /// Whether it was met. An address may be met by chance, never missed.
    pub(super) const fn met(&self) -> bool {
        self.occurs
    }
}

fn is_in(sought: &[Finder<'_>], port: Option<[u8; 2]>, frame: &Frame<'_>) -> bool {
    sought.iter().any(|s| {
        s.find_iter(frame.data).any(|at| {
            let behind = frame.data.get(at..frame.data.len().min(at + REACH)).unwrap_or_default();
            port.is_none_or(|port| behind.windows(2).any(|two| two == port))
        })
    })
}

impl<S: PacketSource> PacketSource for Met<S> {
    fn next(&mut self) -> Step<'_> {
        let step = self.inner.next();
        if let (false, Step::Frame(frame)) = (self.occurs, &step) {
            self.occurs = is_in(&self.sought, self.port, frame);
        }
        step
    }

    fn lend<'s>(&'s mut self, most: usize, out: &mut Vec<Frame<'s>>) -> Lent {
        let before = out.len();
        let lent = self.inner.lend(most, out);
        if !self.occurs {
            self.occurs = out.iter().skip(before).any(|frame| is_in(&self.sought, self.port, frame));
        }
        lent
    }

    fn ready(&mut self) -> bool {
        self.inner.ready()
    }
}
