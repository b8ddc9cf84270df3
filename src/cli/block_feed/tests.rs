use super::*;

#[test]
fn a_coin_may_stand_before_the_file() {
    let named = |s: &str| {
        let n: Named = s.parse().unwrap();
        (n.coin, n.path.display().to_string())
    };
    assert_eq!(named("xmr=blocks.csv"), (Some("XMR".to_owned()), "blocks.csv".to_owned()));
    assert_eq!(named("monerod.log"), (None, "monerod.log".to_owned()));
    assert_eq!(named("dir/a=b.log"), (None, "dir/a=b.log".to_owned()));
}

/// Times of blocks in a row, `apart` seconds on average, as a list.
fn list(from: i64, count: i64, apart: i64) -> String {
    let times: Vec<_> = (0..count).map(|n| (from + n * apart + (n * n) % 7 * apart / 20).to_string()).collect();
    times.join("\n") + "\n"
}

#[test]
fn blocks_of_another_coin_or_another_day_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.csv");
    let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path: path.clone() }] };
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        feeds.load(&mut Detect::default()).unwrap()
    };
    // Blocks by chance would be 83 s apart half of the time; these are as regular as half of those of 120 s.
    let right = load(&list(1_700_000_000, 100, 83));
    assert_eq!(right.said, [""; 0]);
    let at = |seconds: i64| PacketTime::from_parts(seconds, 0);
    assert_eq!(right.of_other_times(Some((at(1_700_000_500), at(1_700_000_600)))), [""; 0]);
    assert_eq!(right.of_other_times(None), [""; 0]);
    let other_day = right.of_other_times(Some((at(1_700_100_000), at(1_700_100_600))));
    assert!(other_day.len() == 1 && other_day[0].contains("another day"), "{other_day:?}");
    let wrong = load(&list(1_700_000_000, 100, 420)).said;
    assert!(wrong.len() == 1 && wrong[0].contains("another coin's"), "{wrong:?}");
    let few = load(&list(1_700_000_000, 20, 420)).said;
    assert_eq!(few, [""; 0]);
}

#[test]
fn who_checks_a_feed_is_told_what_it_holds_and_how_old_that_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.csv");
    let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path: path.clone() }] };
    let look = |text: &str, now: i64| {
        std::fs::write(&path, text).unwrap();
        let say = |l| match l {
            Look::Good(s) => format!("good: {s}"),
            Look::Odd(s) => format!("odd: {s}"),
            Look::Bad(s) => format!("bad: {s}"),
        };
        feeds.look(PacketTime::from_parts(now, 0)).into_iter().map(say).collect::<Vec<_>>()
    };
    let blocks = list(1_700_000_000, 40, 83);
    let good = look(&blocks, 1_700_003_600);
    assert_eq!(good.len(), 1, "{good:?}");
    assert!(good[0].starts_with("good: block feed blocks.csv: 40 blocks of XMR, the newest of 2023-11-14T23:07:"));
    let stale = look(&blocks, 1_700_090_000);
    assert!(stale[1].starts_with("odd: blocks.csv tells of no block for 24 h"), "{stale:?}");
    let ahead = look(&blocks, 1_699_990_000);
    assert!(ahead[1].contains("another zone"), "{ahead:?}");
    assert_eq!(look("", 0), ["odd: block feed blocks.csv holds no block yet"]);
    assert!(look("nonsense\n", 0)[0].starts_with("bad: block feed blocks.csv: no block in a block feed"));
}

#[cfg(feature = "live")]
#[test]
fn a_log_that_grows_is_read_on_line_by_line() {
    use std::io::Write;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.csv");
    let mut log = File::create(&path).unwrap();
    writeln!(log, "1700000000").unwrap();
    let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path }] };
    let (mut tails, mut detect) = (feeds.follow().unwrap(), Detect::default());
    let chain = Chain { coin: "XMR".into(), source: "blocks.csv".into() };
    // One that is no news is not taken.
    let mut knows = |tails: &mut Tails, seconds: i64| {
        assert_eq!(tails.tick(&mut detect), [""; 0]);
        let before = detect.tally().blocks;
        detect.block(&chain, PacketTime::from_parts(seconds, 0));
        detect.tally().blocks > before
    };
    assert!(knows(&mut tails, 1_700_000_000));
    write!(log, "17000").unwrap();
    assert!(!knows(&mut tails, 1_700_000_100));
    writeln!(log, "00300").unwrap();
    assert!(knows(&mut tails, 1_700_000_300));
}

#[cfg(feature = "live")]
#[test]
fn a_log_that_is_rotated_or_emptied_is_read_on_and_nonsense_in_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.csv");
    std::fs::write(&path, "1700000000\n1700000300\n").unwrap();
    let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path: path.clone() }] };
    let (mut tails, mut detect) = (feeds.follow().unwrap(), Detect::default());
    assert_eq!(tails.tick(&mut detect), [""; 0]);
    assert_eq!(tails.state(), ["blocks.csv: 2 blocks so far"]);
    std::fs::rename(&path, dir.path().join("blocks.csv.1")).unwrap();
    std::fs::write(&path, "1700000600\n1700000900\n1700001200\n").unwrap();
    assert_eq!(tails.tick(&mut detect), ["blocks.csv is another file now: it is read from its beginning"]);
    assert_eq!(tails.state(), ["blocks.csv: 5 blocks so far"]);
    std::fs::write(&path, "1700001500\nnonsense\n").unwrap();
    let said = tails.tick(&mut detect);
    assert_eq!(said[0], "blocks.csv became shorter: it is read from its beginning");
    assert!(said[1].contains("no time that can be read"), "{said:?}");
    assert_eq!((said.len(), tails.state()), (2, vec!["blocks.csv: 6 blocks so far".to_owned()]));
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let feeds = BlockFeeds { block_feed: vec![Named { coin: None, path }] };
    assert!(feeds.load(&mut Detect::default()).is_err_and(|e| format!("{e:?}").contains("is no file")));
}

#[test]
fn a_feed_that_holds_nonsense_is_refused_and_an_empty_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let feeds = |text: &str| {
        let path = dir.path().join("feed.csv");
        std::fs::write(&path, text).unwrap();
        let feeds = BlockFeeds { block_feed: vec![Named { coin: Some("XMR".to_owned()), path }] };
        feeds.load(&mut Detect::default()).map(|l| l.said)
    };
    assert!(feeds("nonsense\n").is_err());
    assert_eq!(feeds("").unwrap(), ["feed.csv holds no block yet"]);
    assert_eq!(feeds("1700000000\n1700000120\n").unwrap(), [""; 0]);
    let missing = BlockFeeds { block_feed: vec![Named { coin: None, path: dir.path().join("none") }] };
    assert!(missing.load(&mut Detect::default()).is_err());
}
