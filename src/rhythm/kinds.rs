//! Are all pushes of one kind, as jobs are? A pool sends one thing unasked, again and again; services that tell of several
//! things send several.

use super::record::{PUSHES, Push, Record};
use super::ring::List;
use super::shape::{self, Class};
use super::timer::JobTimer;

/// Sizes of one kind of message that has nothing of varying length but numbers.
const ONE_KIND: f32 = 2.0;
/// Jobs of one pool may differ by that much: by a digit, by a seed of 64 digits, or by both that and the height's name
/// (378, 442 and 279 bytes on public traces).
const KIN: [std::ops::RangeInclusive<u16>; 3] = [0..=12, 58..=70, 92..=105];

impl Record {
    /// There are pushes of another size that comes again, one in five at least: jobs are all of one, but for those whose
    /// length depends on what is in a block.
    pub(super) fn has_other_kind(&self, push: &Class) -> bool {
        let is_kin = |size: u16| KIN.iter().any(|kin| kin.contains(&size.abs_diff(push.size)));
        let others = self.pushes.iter().map(|p| p.size).filter(|s| !push.holds(*s) && !is_kin(*s));
        let foreign = others.clone().count();
        let second = shape::commonest(&others).filter(|c| c.worth > 0.5).map_or(0, |c| usize::from(c.count));
        push.worth >= 1.0 && second >= 2 && second * 5 >= foreign * 3 && foreign * 5 >= self.pushes.len()
    }

    /// What comes when the timer runs out is at least as long as what comes before: a job renewed, not a sign of life
    /// where there is no news.
    pub(super) fn is_renewed(&self, timer: &JobTimer) -> bool {
        let (mut renewed, mut early) = ((0.0, 0.0), (0.0, 0.0));
        for (before, push) in self.pushes.iter().zip(self.pushes.iter().skip(1)) {
            let gap = push.at.wrapping_sub(before.at) as f32 / 1000.0;
            let sum = if gap < timer.whole { &mut early } else { &mut renewed };
            *sum = (sum.0 + f32::from(push.size), sum.1 + 1.0);
        }
        renewed.0 / f32::max(renewed.1, 1.0) >= 0.9 * early.0 / f32::max(early.1, 1.0)
    }

    /// Pushes when the timer ran out are of one size, and what comes before is mostly of another: two things, of which
    /// neither is a job renewed.
    pub(super) fn are_two_kinds(&self, timer: &JobTimer, of_it: impl Fn(&Push) -> bool) -> bool {
        let (mut full, mut early) = (List::<PUSHES>::new(), List::<PUSHES>::new());
        let mut before = None;
        for push in self.pushes.iter().filter(|p| of_it(p)) {
            if let Some(at) = before.replace(push.at) {
                let gap = push.at.wrapping_sub(at) as f32 / 1000.0;
                let list = if gap < timer.whole { &mut early } else { &mut full };
                list.push(f32::from(push.size));
            }
        }
        full.as_mut_slice().sort_by(f32::total_cmp);
        let Some(&middle) = full.as_slice().get(full.as_slice().len() / 2) else { return false };
        let alike = |list: &[f32]| list.iter().filter(|s| (**s - middle).abs() <= ONE_KIND).count() * 10;
        alike(full.as_slice()) >= full.as_slice().len() * 7 && alike(early.as_slice()) < early.as_slice().len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Way};
    use super::*;
    use crate::time::PacketTime;

    /// Whether pushes of 400 bytes have company, where pushes of these sizes come each half minute.
    fn have_company(sizes: &[u32]) -> bool {
        let mut record = Record::new();
        for (at, &size) in (30_000_u32..).step_by(30_000).zip(sizes) {
            record.message(at, Message { at: PacketTime::ZERO, way: Way::Down, size });
        }
        record.has_other_kind(&Class::of(400))
    }

    #[test]
    fn orders_and_books_are_two_kinds_and_jobs_with_a_seed_are_one() {
        assert!(have_company(&[400, 400, 900, 400, 902, 400, 898]));
        assert!(!have_company(&[400, 400, 464, 400, 464, 400, 464, 301]));
        // What is of any size is padding or something else, and no kind.
        assert!(!have_company(&[400, 400, 900, 400, 200, 400, 700]));
        assert!(!have_company(&[400, 400, 400, 400, 400, 900]));
    }
}
