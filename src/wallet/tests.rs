use super::*;
use proptest::prelude::*;

const XMR: &str = "41d7ke5VQnR2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZ89rbBUS";
const BTC: &str = "11MXTrefsj1ZS3Q5e9D6DxGzZKHWALyo9";
const KAS: &str = "kaspa:qqqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7u4jhsajr";
const ETH: &str = "0x00112233445566778899AABbCCdDeeFf00112233";
const PAYMENT_ID: &str = "cb2b0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab";

/// Addresses made for tests from the bytes 0, 1, 2 …; they belong to nobody.
const VECTORS: &[(&str, &[Coin])] = &[
    (XMR, &[Coin::Xmr]),
    ("82TG61jL1Cq2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZ8A56Ye5", &[Coin::Xmr]),
    (
        "4BKnmStz23w2BDNSgrTE9j3X8QQ5Bnbbs4s3SMTX7y416CxUJqrTLW97YsWGEBnhxH8tnYDcX85QRAEhaAzrTSrZBYBNsrb5Jrb11aJpJ4",
        &[Coin::Xmr],
    ),
    (
        "SaLvdSxxqEi1fzjTfjCiMg31umR44Y5op4MpoNSPsTFx5hjqKpjCpi673esHD4YCAE8PZuEbPsZcN9jUwByjCw4WB5Py9SLFXqA",
        &[Coin::Sal],
    ),
    (BTC, &[Coin::Btc, Coin::Bch]),
    ("bc1qqqgjyv6y24n80zye42aueh0wluqpzg3ndy2ehs", &[Coin::Btc]),
    ("bc1pqqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0sg5tmnz", &[Coin::Btc]),
    ("LKEJngAUkXy4pEjZFn8WNF23CmgZdcPzTp", &[Coin::Ltc]),
    ("D59T4ioHyHdJ6SDzpE8mdz7ssh3atQqjiG", &[Coin::Doge, Coin::Dgb]),
    ("XahCMiWYdawbiNdywXTRwke4pttybM2CKo", &[Coin::Dash]),
    ("R9HYbyjwGhXadSQbYp8LBkHUkpmtDr4vo3", &[Coin::Rvn, Coin::Kmd, Coin::Vrsc, Coin::Rtm]),
    ("t1HsxXoGneCWcA56J24xLE34CFDWNK6RCqD", &[Coin::Zec, Coin::Flux]),
    ("znR6GWtVGKTEdAYJvvxNhzXypA4DxueL6f2", &[Coin::Zen]),
    ("bitcoincash:qqqpzg3ng32kvaugnx4thnxaamlsqyfzxv88em0nwe", &[Coin::Bch]),
    ("qqqpzg3ng32kvaugnx4thnxaamlsqyfzxv88em0nwe", &[Coin::Bch]),
    (KAS, &[Coin::Kas]),
    (ETH, &[Coin::Etc, Coin::Ethw, Coin::Eth, Coin::Quai, Coin::Cfx]),
    ("9eX4cf6VN7qi3cyv7BUa1DLmsTKMyXvLiCeqwwMCgcN3U8ayM61", &[Coin::Erg]),
];

#[test]
fn reference_addresses_are_valid_and_name_their_coins() {
    for &(text, coins) in VECTORS {
        assert_eq!(address(text), Some(Wallet { text, coins, checksum: Checksum::Valid }));
        assert_eq!(recognise(text).wallet, address(text), "{text}");
    }
    let alph = address("11thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE").unwrap();
    assert_eq!((alph.coin(), alph.checksum, alph.is_verified()), (Some(Coin::Alph), Checksum::Absent, false));
}

#[test]
fn every_one_character_change_breaks_the_checksum() {
    for &(text, _) in VECTORS {
        let fixed = text.find(':').map_or(if text.starts_with("0x") { 2 } else { 0 }, |i| i + 1);
        for i in fixed..text.len() {
            let old = text.as_bytes()[i];
            for new in b"023456789abcdefghkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ1" {
                // The case of a digit, of a bech32 letter and of an odd hexadecimal digit outside EIP-55 say nothing.
                if old.eq_ignore_ascii_case(new) {
                    continue;
                }
                let mut changed = text.as_bytes().to_vec();
                changed[i] = *new;
                let changed = String::from_utf8(changed).unwrap();
                assert!(address(&changed).is_none_or(|w| w.checksum != Checksum::Valid), "{changed}");
            }
        }
    }
}

#[test]
fn an_address_is_of_one_family_only() {
    for &(text, _) in VECTORS {
        let valid = FORMATS.iter().filter(|f| f(text).is_some_and(|m| m.checksum == Checksum::Valid)).count();
        let any = FORMATS.iter().filter(|f| f(text).is_some()).count();
        assert_eq!((valid, any), (1, 1), "{text}");
    }
}

#[test]
fn a_damaged_address_is_shown_but_proves_nothing() {
    let damaged = XMR.replace("BDNS", "BDNT");
    let text = format!("{damaged}.rig1");
    let login = recognise(&text);
    let wallet = login.wallet.unwrap();
    assert_eq!((wallet.text, wallet.coin(), wallet.checksum), (&*damaged, Some(Coin::Xmr), Checksum::Invalid));
    assert!(!wallet.is_verified());
    assert_eq!(login.worker, Some("rig1"));
}

/// What a login is expected to say, in short.
fn said(login: &str) -> (Option<&str>, Option<&str>, Option<&str>, Option<u64>) {
    let l = recognise(login);
    (l.wallet.map(|w| w.text), l.account, l.worker, l.fixed_difficulty)
}

#[test]
fn separators_between_wallet_and_worker() {
    for (tail, worker, difficulty) in [
        ("", None, None),
        (".rig1", Some("rig1"), None),
        ("+rig1", Some("rig1"), None),
        ("/rig1", Some("rig1"), None),
        ("=rig1", Some("rig1"), None),
        (":rig1", Some("rig1"), None),
        ("@rig1", Some("rig1"), None),
        ("|rig1", Some("rig1"), None),
        ("_rig1", Some("rig1"), None),
        ("-rig1", Some("rig1"), None),
        (".rig.1", Some("rig.1"), None),
        (".", None, None),
        ("..", Some("."), None),
        (".01", Some("01"), None),
        ("+50000", None, Some(50_000)),
        (".50000", None, Some(50_000)),
        ("=50000", None, Some(50_000)),
        ("@50000", None, Some(50_000)),
        ("+50000.rig1", Some("rig1"), Some(50_000)),
        (".rig1+50000", Some("rig1"), Some(50_000)),
        (".50000.rig1", Some("rig1"), Some(50_000)),
        ("+50000/rig1", Some("rig1"), Some(50_000)),
        (".007", Some("007"), None),
        (".büro", Some("büro"), None),
        (" rig1", Some("rig1"), None),
    ] {
        let login = format!("{XMR}{tail}");
        assert_eq!(said(&login), (Some(XMR), None, worker, difficulty), "{tail}");
    }
    // Only CryptoNote pools take a difficulty behind a dot.
    assert_eq!(said(&format!("{BTC}.50000")), (Some(BTC), None, Some("50000"), None));
}

#[test]
fn extras_are_kept_apart() {
    let text = format!("{XMR}.{PAYMENT_ID}.ryzen");
    let l = recognise(&text);
    assert_eq!((l.payment_id, l.worker), (Some(PAYMENT_ID), Some("ryzen")));

    let text = format!("{ETH}/farm.rig1/someone@mail.example");
    let l = recognise(&text);
    assert_eq!((l.worker, l.email), (Some("farm.rig1"), Some("someone@mail.example")));

    let text = format!("{XMR}.rig1:someone@mail.example");
    let l = recognise(&text);
    assert_eq!((l.worker, l.email), (Some("rig1"), Some("someone@mail.example")));

    let text = format!("{XMR}~rx/0");
    assert_eq!(recognise(&text).algorithm, Some("rx/0"));

    let text = format!("solo:{BTC}.rig1");
    let l = recognise(&text);
    assert!(l.solo);
    assert_eq!((l.wallet.unwrap().text, l.worker), (BTC, Some("rig1")));

    let text = format!("DOGE:{}.rig1#ab12-cd34", VECTORS[8].0);
    let l = recognise(&text);
    assert_eq!((l.payout, l.payout_coin(), l.referral), (Some("DOGE"), Some(Coin::Doge), Some("ab12-cd34")));
    assert_eq!((l.wallet.unwrap().text, l.worker), (VECTORS[8].0, Some("rig1")));
}

#[test]
fn prefixes_with_a_colon_belong_to_the_address() {
    for address in [KAS.to_owned(), bech32::tests::encode_40("cfx", 0, 20, true), format!("k:{}", "0a".repeat(32))] {
        assert_eq!(said(&format!("{address}.rig1")), (Some(&*address), None, Some("rig1"), None));
        assert_eq!(said(&format!("{address}:rig1")), (Some(&*address), None, Some("rig1"), None));
    }
    let options = bech32::tests::encode_40("cfx", 0, 20, true).replace("cfx:", "cfx:type.user:");
    assert_eq!(said(&format!("{options}.rig1")), (Some(&*options), None, Some("rig1"), None));
    let nimiq = "NQ07 0000 0000 0000 0000 0000 0000 0000 0000";
    assert_eq!(said(&format!("{nimiq}.rig1")), (Some(nimiq), None, Some("rig1"), None));
}

#[test]
fn names_are_no_wallet() {
    for (login, kind, account, worker) in [
        ("Bitcoin", LoginKind::Account, Some("Bitcoin"), None),
        ("farm01.rig7", LoginKind::Account, Some("farm01"), Some("rig7")),
        ("my-farm_2.rig.7", LoginKind::Account, Some("my-farm_2"), Some("rig.7")),
        ("label+5000", LoginKind::Account, Some("label"), None),
        ("a.b@mail.example", LoginKind::Email, Some("a.b@mail.example"), None),
        ("a.b@mail.example/rig1", LoginKind::Email, Some("a.b@mail.example"), Some("rig1")),
        ("192.0.2.1", LoginKind::Account, Some("192.0.2.1"), None),
        ("two words.x", LoginKind::Account, Some("two words.x"), None),
        ("x", LoginKind::Account, Some("x"), None),
        ("name.", LoginKind::Account, Some("name."), None),
        ("abc+def==", LoginKind::Account, Some("abc+def=="), None),
        (PAYMENT_ID, LoginKind::Hex64, Some(PAYMENT_ID), None),
        ("", LoginKind::Empty, None, None),
        (" \r\n", LoginKind::Empty, None, None),
        ("solo:", LoginKind::Empty, None, None),
    ] {
        let l = recognise(login);
        assert_eq!((l.kind, l.wallet, l.account, l.worker), (kind, None, account, worker), "{login}");
    }
}

#[test]
fn long_logins_are_looked_at_only_so_far() {
    let text = format!("{XMR}.{}", "é".repeat(100_000));
    let l = recognise(&text);
    assert_eq!(l.wallet.unwrap().text, XMR);
    assert!(l.worker.unwrap().len() <= MAX_LOGIN);
    assert_eq!(address(&"1".repeat(10_000)), None);
}

proptest! {
    #[test]
    fn any_login_is_no_panic_and_parts_are_of_it(login in "\\PC{0,80}|[0-9a-zA-Z.+/=~:@|#_{} -]{0,120}") {
        let l = recognise(&login);
        for part in [l.account, l.worker, l.payment_id, l.email, l.algorithm, l.payout, l.referral, l.wallet.map(|w| w.text)].into_iter().flatten() {
            prop_assert!(login.contains(part));
        }
        prop_assert!(l.wallet.is_none_or(|w| !w.is_verified()));
        prop_assert!(l.wallet.is_none() || l.account.is_none());
    }

    #[test]
    fn a_wallet_is_found_before_any_worker(index in 0..VECTORS.len(), worker in "[a-zA-Z][a-zA-Z0-9_-]{0,30}") {
        let (wallet, _) = VECTORS[index];
        for separator in ['.', '/', '+'] {
            let login = format!("{wallet}{separator}{worker}");
            let l = recognise(&login);
            prop_assert_eq!((l.wallet.map(|w| w.text), l.worker), (Some(wallet), Some(&*worker)));
        }
    }
}

/// Logins of real captures: those of the dialects that pay to an address must hold one.
#[test]
fn real_logins_are_split() {
    let folder = std::env::var("MINEWATCH_CAPTURES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/captures").to_owned());
    let Ok(text) = std::fs::read_to_string(format!("{folder}/truth.json")) else {
        println!("skipped 1 test: no captures in {folder}");
        return;
    };
    let files: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut seen = 0;
    for flow in files.iter().filter_map(|f| f["flows"].as_array()).flatten() {
        let (Some(text), Some(dialect)) = (flow["worker"].as_str(), flow["dialect"].as_str()) else { continue };
        let l = recognise(text);
        let (wallet, first) = (l.wallet.map(|w| w.text), text.split(['.', '/']).next());
        if dialect.starts_with("monero") || dialect.starts_with("zcash") || dialect == "ethproxy" {
            assert_eq!((l.kind, wallet), (LoginKind::Address, first), "{text}");
            assert!(l.wallet.is_some_and(|w| w.checksum != Checksum::Invalid), "{text}");
            assert_eq!(l.worker.is_some(), wallet != Some(text), "{text}");
        } else {
            assert_eq!((l.kind, l.account), (LoginKind::Account, Some(text)));
        }
        seen += 1;
    }
    assert!(seen > 0);
    println!("{seen} logins");
}
