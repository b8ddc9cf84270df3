//! What is known of the world.

pub mod geo;
pub mod passive;

pub use geo::{Country, Geo, Place};
pub use passive::{LookUp, PassiveDns};
