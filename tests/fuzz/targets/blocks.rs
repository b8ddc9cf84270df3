//! Logs and lists of block times, as `--block-feed` reads them.
//!
//! Promises: whatever the bytes, there are no more problems, chains and blocks than the caps say; blocks are in order of
//! time; every problem has a line of the file; line by line gives no other blocks than the whole.

use minewatch::detect::feed::{MAX_BLOCKS, MAX_CHAINS, MAX_PROBLEMS, Reader, Source, read};

/// Reads the file.
pub fn run(data: &[u8]) {
    let Some((zone, rest)) = data.split_first() else { return };
    let coin = (zone & 1 == 1).then_some("XMR");
    let source = Source { file: "blocks", coin, zone: i32::from(zone.cast_signed()) * 900 };
    let all = read(rest, &source).unwrap();
    assert!(all.problems.len() <= MAX_PROBLEMS && all.feeds.len() <= MAX_CHAINS);
    assert!(all.problems.iter().all(|p| (1..=all.lines).contains(&p.line)), "{:?}", all.problems);
    assert!(all.untold == 0 || all.problems.len() == MAX_PROBLEMS);
    let mut blocks = 0;
    for feed in &all.feeds {
        assert!(feed.blocks.len() <= MAX_BLOCKS && feed.blocks.is_sorted());
        assert!(feed.chain.coin.len() <= 12 && feed.chain.coin.bytes().all(|b| b.is_ascii_alphanumeric()));
        blocks += feed.blocks.len();
    }
    let mut reader = Reader::new(&source);
    let single = rest.split_inclusive(|b| *b == b'\n').filter_map(|line| reader.line(line)).count();
    assert_eq!(single, blocks);
}
