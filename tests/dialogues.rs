//! Every mining dialogue that the project can make, in every spelling, damaged in every way, and everything that only
//! looks like one: what a user is told of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // allowed in tests; the helpers are one

#[path = "../pcaps/generate/kit.rs"]
mod kit;

mod dialects;
mod support2;
