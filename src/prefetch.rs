//! Asks the processor to fetch memory that will be needed soon.
//!
//! In: references. Out: nothing but time saved later; no result can depend on it. The package's only `unsafe` block.

/// Bytes that processors fetch at once.
const LINE: usize = 64;

/// Fetches the memory of a value, but not what it points to.
#[inline]
pub fn fetch<T: ?Sized>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for at in (0..size_of_val(value)).step_by(LINE) {
        line(start.wrapping_add(at));
    }
}

/// Fetches one line.
#[inline]
#[allow(unsafe_code)]
fn line(place: *const u8) {
    // Proof: a prefetch is a hint. It reads nothing that the program could see, changes no memory and never faults,
    // whatever the address (Intel SDM volume 2, PREFETCHh; AMD64 manual volume 3, PREFETCHlevel). The instruction is part
    // of SSE, which every x86-64 processor has. So there is no condition that a caller could break.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetching_changes_nothing_and_takes_any_value() {
        let values: Vec<u64> = (0..1000).collect();
        fetch(&values);
        fetch(values.as_slice());
        fetch(&values[999]);
        fetch("");
        fetch(&());
        let boxed: Box<dyn Fn() -> u64> = Box::new(move || values.iter().sum());
        fetch(&*boxed);
        assert_eq!(boxed(), 499_500);
    }

    #[test]
    fn places_that_are_no_memory_do_no_harm() {
        for at in [0, 1, 4095, usize::MAX] {
            line(std::ptr::without_provenance(at));
        }
    }
}
