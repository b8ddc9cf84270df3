//! What must hold for every dialect, tested over every dialogue the kit can make.

pub(crate) mod damage;
mod deviations;
mod found;
mod silence;
mod strangers;
