//! The answer to "do these first bytes begin that carrier?".
//!
//! In: nothing. Out: [`Look`], shared by the carriers that are told by their first bytes.

/// What a look at the first bytes of one direction says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// They begin it.
    Yes,
    /// They may: too few to tell.
    Short,
    /// They do not.
    No,
}

#[cfg(test)]
pub(super) mod strangers;
