//! Witnesses together: caps per family, explicit ignorance, and what the sum allows to be said.

use super::witness::Witness;

/// What encrypted traffic alone allows to be said of a flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub enum Standing {
    /// Nothing.
    #[default]
    Silent,
    /// Shape and time together: `suspected`.
    Suspected,
    /// An independent clock agrees as well: `probable`, if nothing outside speaks against it.
    ProbableEligible,
}

/// Fused score (decimal logarithm of the odds) of any witnesses, those of one flow and those of `detect`, and the
/// standing it allows.
pub fn fuse<'a>(witnesses: impl IntoIterator<Item = &'a Witness>) -> (f32, Standing) {
    let _ = witnesses.into_iter().map(|w| w.weight).sum::<f32>();
    (0.0, Standing::Silent)
}
