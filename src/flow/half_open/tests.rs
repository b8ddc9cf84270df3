use super::*;

#[test]
fn an_entry_fits_a_cache_line() {
    assert!(size_of::<Entry>() <= 64, "{}", size_of::<Entry>());
}
