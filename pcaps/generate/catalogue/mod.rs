//! Every capture of the project.
//!
//! In: nothing. Out: the files of `pcaps/`. A capture's number is its place in the invented fortnight and its addresses;
//! numbers are never given twice and never changed.

pub mod benign;
pub mod beside;
pub mod carried;
pub mod coins;
pub mod framed;
pub mod heard;
pub mod hostile;
pub mod met;
pub mod names;
pub mod newline;
pub mod rigs;
pub mod spoken;
pub mod streams;
pub mod wrapped;

use super::capture::Product;

/// All files.
pub fn all() -> Vec<Product> {
    let sets = [
        spoken::all(),
        streams::all(),
        carried::all(),
        hostile::all(),
        benign::all(),
        wrapped::all(),
        newline::all(),
        coins::all(),
        framed::all(),
        rigs::all(),
        names::all(),
        met::all(),
        beside::all(),
        heard::all(),
    ];
    sets.into_iter().flatten().collect()
}
