//! Whose addresses serve many customers, for who must not block them.
//!
//! In: an address. Out: the front, and its range.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Inner, Intel, Net};

/// The shared ranges of the feeds that were read together. Copies of it are the same ranges.
#[derive(Clone, Default)]
pub struct Fronts(Arc<Inner>);

impl Fronts {
    /// The front that serves many customers from this address, and the smallest of its ranges around it.
    pub fn at(&self, addr: IpAddr) -> Option<(&str, Net)> {
        let (front, net) = self.0.shared.get(addr)?;
        Some((self.0.fronts.get(front as usize)?, net))
    }

    /// Whether both come from the same reading of the same feeds.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Fronts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fronts({:?})", self.0.fronts)
    }
}

impl Intel {
    /// Its shared ranges.
    pub fn fronts(&self) -> Fronts {
        Fronts(Arc::clone(&self.0))
    }
}
