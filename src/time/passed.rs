//! How much time has passed, whatever the stamps say it is.
//!
//! In: the stamps of all frames, in their order, before they are dealt to anybody. Out: [`Elapsed`], for who forgets what is
//! old. A stamp may be hours off: one sensor of several has a wrong clock, a file goes on where another one ended, a
//! machine's clock is set. What is forgotten must not depend on it, so nobody's stamps are held against anybody else's:
//! stamps that are near each other are a course of their own, and time passes as fast as the furthest course runs.
//!
//! It runs too slowly rather than too fast. What is forgotten late costs memory, and what is forgotten early is lost.

use std::time::Duration;

use super::PacketTime;

/// Time that has passed since the beginning of a run, in steps of 2^28 ns: a quarter of a second, for 36 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Elapsed(u32);

/// Nanoseconds of a step, as a power of two.
const STEP: u32 = 28;

impl Elapsed {
    /// The beginning.
    pub const ZERO: Self = Self(0);

    /// So long after the beginning, in whole steps.
    pub fn after(time: Duration) -> Self {
        Self(u32::try_from(time.as_nanos() >> STEP).unwrap_or(u32::MAX))
    }

    /// Time passed since `earlier`.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::from(self.0.saturating_sub(earlier.0)) << STEP)
    }
}

/// Stamps that are no further apart than this are of one course.
const NEAR: i64 = 600 * SECOND;
/// A silence counts for no more than this: who knows whether it was one, or a stamp that is off.
const SILENCE: i64 = 120 * SECOND;
/// Where the next stamp of a course is looked for first.
const NEXT: u64 = SECOND as u64;
const SECOND: i64 = 1_000_000_000;
/// Courses that run beside the one that was heard last.
const OTHERS: usize = 7;

/// Stamps that follow each other.
#[derive(Clone, Copy, Default, Debug)]
struct Course {
    at: i64,
    /// Nanoseconds since the beginning of the run, by this course.
    passed: u64,
    /// Frames when it was heard last.
    heard: u64,
    /// Whether it ever moved: a single stamp that is off does not.
    moved: bool,
}

/// Tells how much time has passed.
#[derive(Clone, Default, Debug)]
pub struct Clock {
    /// The course that was heard last.
    here: Course,
    others: [Option<Course>; OTHERS],
    frames: u64,
    passed: u64,
    told: Elapsed,
}

impl Clock {
    /// Takes the stamp of the next frame. How much time has passed since the first one, if that is a step more.
    #[inline]
    pub fn see(&mut self, stamp: PacketTime) -> Option<Elapsed> {
        let stamp = stamp.as_nanos();
        self.frames += 1;
        if stamp.abs_diff(self.here.at) > NEXT {
            self.change(stamp);
        }
        let step = stamp.saturating_sub(self.here.at);
        if step <= 0 {
            return None;
        }
        let course = &mut self.here;
        course.at = stamp;
        course.moved = true;
        // What others have told already is believed.
        let most = self.passed.max(course.passed.saturating_add(step.min(SILENCE).cast_unsigned()));
        course.passed = course.passed.saturating_add(step.cast_unsigned()).min(most);
        if course.passed <= self.passed {
            return None;
        }
        self.passed = course.passed;
        let now = Elapsed(u32::try_from(self.passed >> STEP).unwrap_or(u32::MAX));
        (now > self.told).then(|| {
            self.told = now;
            now
        })
    }

    /// Makes the course that is nearest to the stamp the one that is heard, or begins one.
    #[inline(never)]
    fn change(&mut self, stamp: i64) {
        let far = |c: &Course| c.at.abs_diff(stamp);
        let nearest = self.others.iter_mut().flatten().min_by_key(|c| far(c));
        let nearest = nearest.filter(|c| far(c) <= NEAR.cast_unsigned());
        if self.frames > 1 && far(&self.here) <= nearest.as_deref().map_or(NEAR.cast_unsigned(), far) {
            return;
        }
        self.here.heard = self.frames;
        if let Some(course) = nearest {
            std::mem::swap(&mut self.here, course);
            return;
        }
        let begun = Course { at: stamp, passed: self.passed, heard: self.frames, moved: false };
        let before = std::mem::replace(&mut self.here, begun);
        if self.frames > 1 {
            // Strays make room for each other before one that runs does.
            let place = self.others.iter_mut().min_by_key(|c| c.map(|c| (c.moved, c.heard)));
            if let Some(place) = place {
                *place = Some(before);
            }
        }
    }
}

#[cfg(test)]
mod tests;
