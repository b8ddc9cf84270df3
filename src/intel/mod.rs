//! What is known of the world.

pub mod passive;

pub use passive::{LookUp, PassiveDns};
