use super::*;
use proptest::prelude::*;
use serde_json::Value as Reference;

const CAP: usize = 32 * 1024;

fn read(bytes: &[u8]) -> Result<(), JsonError> {
    Parser::new(CAP).parse(bytes).map(|_| ())
}

/// Rebuilds the message from the cursors, as the reference reader would hold it.
fn rebuild(v: Value<'_>) -> Reference {
    match v.kind() {
        Kind::Null => Reference::Null,
        Kind::Bool => Reference::Bool(v.as_bool().unwrap()),
        Kind::Number => serde_json::from_str(v.as_number_text().unwrap()).unwrap(),
        Kind::String => Reference::String(v.as_str().unwrap().into_owned()),
        Kind::Array => {
            let all: Vec<_> = v.as_array().unwrap().map(rebuild).collect();
            assert_eq!(all.len(), v.len());
            Reference::Array(all)
        }
        Kind::Object => {
            assert_eq!(v.members().count(), v.len());
            Reference::Object(v.members().map(|(k, v)| (k.as_str().unwrap().into_owned(), rebuild(v))).collect())
        }
    }
}

#[test]
fn accepts_what_the_grammar_allows() {
    for text in [
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1",
        "1.5",
        "1e5",
        "1E+5",
        "-1.25e-3",
        "\"\"",
        "\"a\"",
        " [1 , 2 ] ",
        "{\"a\":{\"b\":[]}}",
        "[[],{},\"\",0,null]",
        "\"\\u0000\\ud83d\\ude00\\/\"",
        "\"\u{7f}\"",
        "{\"\":0}",
        "{\"a\":1,\"a\":2}",
        "\r\n{\"id\":1}\r\n",
        "123456789012345678901234567890",
        "\"é東🚀\"",
    ] {
        assert_eq!(read(text.as_bytes()), Ok(()), "{text}");
        serde_json::from_str::<Reference>(text).unwrap();
    }
}

#[test]
fn refuses_what_it_does_not() {
    for text in [
        "{,}",
        "[,]",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "{'a':1}",
        "01",
        "-01",
        "+1",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "0x10",
        "NaN",
        "Infinity",
        "-",
        "nul",
        "True",
        "nulll",
        "tru",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\0\"",
        "[1]]",
        "{}{}",
        "1 2",
        "{\"a\":1]",
        "[1}",
        "]",
        "}",
        ":",
        ",",
        "[1:2]",
        "{\"a\",1}",
        "//x\n1",
        "/*x*/1",
        "[1,,2]",
        "\"a\" \"b\"",
        "[\"a\",\n4\n,1,",
        "{\"a\":1 \0 \"b\":2}",
    ] {
        assert!(matches!(read(text.as_bytes()), Err(JsonError::Syntax { .. } | JsonError::Truncated)), "{text}");
        assert!(serde_json::from_str::<Reference>(text).is_err(), "{text}");
    }
    assert_eq!(read(b""), Err(JsonError::Empty));
    assert_eq!(read(b" \r\n\0"), Err(JsonError::Empty));
    assert_eq!(read(b"\x16\x03\x01\x02\0"), Err(JsonError::Syntax { at: 0 }));
}

#[test]
fn padding_around_a_message_is_tolerated() {
    for text in ["\u{feff}{\"id\":7}", "\0\0 {\"id\":7}\0", "\u{feff} \n{\"id\":7}\r\n\0\0"] {
        let mut p = Parser::new(CAP);
        assert_eq!(p.parse(text.as_bytes()).unwrap().root().get("id").unwrap().as_u64(), Some(7), "{text:?}");
    }
}

#[test]
fn every_proper_prefix_of_a_message_is_unfinished() {
    let text = r#" {"id":-1.5e3,"jsonrpc":"2.0","params":["\u00e9\ud83d\ude00é",[true,false,null],{"a":{}}],"x":""}"#
        .as_bytes();
    assert_eq!(read(text), Ok(()));
    for end in 0..text.len() {
        let got = read(&text[..end]);
        assert!(matches!(got, Err(JsonError::Truncated | JsonError::Empty)), "{end} {got:?}");
    }
}

#[test]
fn se07_nesting_and_size_are_capped() {
    let nest = |n: usize| ["[".repeat(n), "]".repeat(n)].concat();
    assert_eq!(read(nest(MAX_DEPTH).as_bytes()), Ok(()));
    assert_eq!(read(nest(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep { at: MAX_DEPTH }));
    assert!(matches!(
        Parser::new(1 << 20).parse("[".repeat(100_000).as_bytes()),
        Err(JsonError::TooDeep { at: MAX_DEPTH })
    ));
    let objects = "{\"a\":".repeat(10_000);
    assert!(matches!(Parser::new(1 << 20).parse(objects.as_bytes()), Err(JsonError::TooDeep { .. })));
    let huge = format!("\"{}\"", "x".repeat(10 << 20));
    assert_eq!(read(huge.as_bytes()), Err(JsonError::TooLong { max: CAP }));
    assert_eq!(Parser::new(11 << 20).parse(huge.as_bytes()).unwrap().root().raw().len(), 10 << 20);
    let many = |n: usize| format!("[{}0]", "0,".repeat(n - 2));
    assert_eq!(read(many(MAX_NODES).as_bytes()), Ok(()));
    assert_eq!(read(many(MAX_NODES + 1).as_bytes()), Err(JsonError::TooManyValues));
}

#[test]
fn duplicate_keys_are_seen_and_the_last_counts() {
    let mut p = Parser::new(CAP);
    let v = p.parse(br#"{"method":"login","x":1,"m\u0065thod":"other"}"#).unwrap();
    assert!(v.root().has_duplicate("method") && !v.root().has_duplicate("x"));
    assert_eq!(v.root().get_all("method").filter_map(Value::as_str).collect::<Vec<_>>(), ["login", "other"]);
    assert_eq!(v.root().keys().collect::<Vec<_>>(), ["method", "x", "method"]);
    let rpc = v.rpc().unwrap();
    assert_eq!(rpc.method.as_deref(), Some("other"));
    assert!(rpc.repeated);
}

#[test]
fn escapes_decode_and_damage_is_flagged() {
    for (text, want, lossy) in [
        (&br#""\u006dining.notify""#[..], "mining.notify", false),
        (br#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz", false),
        (br#""\ud83d\ude00""#, "😀", false),
        (br#""\ud83d""#, "\u{fffd}", true),
        (br#""\ude00x""#, "\u{fffd}x", true),
        (br#""\ud83dA""#, "\u{fffd}A", true),
        (br#""\ud83d\u0041""#, "\u{fffd}A", true),
        (b"\"\xff\"", "\u{fffd}", true),
        (b"\"\\n\xff\"", "\n\u{fffd}", true),
        ("\"é\\né\"".as_bytes(), "é\né", false),
    ] {
        let mut p = Parser::new(CAP);
        let v = p.parse(text).unwrap().root();
        assert_eq!(v.as_str().unwrap(), want);
        assert_eq!(v.is_lossy(), lossy, "{want:?}");
        assert!(v.is_str(want) || lossy);
    }
}

#[test]
fn numbers_keep_their_text() {
    let mut p = Parser::new(CAP);
    let v = p.parse(b"[18446744073709551615,-1,0.5,1e999,18446744073709551616,\"1\"]").unwrap().root();
    let at = |i| v.index(i).unwrap();
    assert_eq!(at(0).as_u64(), Some(u64::MAX));
    assert_eq!((at(1).as_u64(), at(1).as_i64()), (None, Some(-1)));
    assert_eq!((at(2).as_u64(), at(2).as_f64()), (None, Some(0.5)));
    assert_eq!((at(3).as_number_text(), at(3).as_f64()), (Some("1e999"), None));
    assert_eq!((at(4).as_u64(), at(4).as_number_text()), (None, Some("18446744073709551616")));
    assert_eq!((at(5).as_f64(), at(5).as_number_text()), (None, None));
    assert!(v.index(6).is_none());
}

#[test]
fn cursors_of_the_wrong_kind_answer_nothing() {
    let mut p = Parser::new(CAP);
    let v = p.parse(br#"{"a":[],"n":null,"t":true,"s":"x"}"#).unwrap().root();
    assert!(v.as_array().is_none() && v.index(0).is_none() && v.as_str().is_none() && v.as_bool().is_none());
    assert!(v.get("a").unwrap().is_empty() && v.get("a").unwrap().get("a").is_none());
    assert!(v.get("n").unwrap().is_null() && v.get("n").unwrap().members().next().is_none());
    assert_eq!(v.get("t").unwrap().as_bool(), Some(true));
    assert_eq!((v.len(), v.get("s").unwrap().len()), (4, 0));
}

#[test]
fn rpc_view_of_each_kind_of_message() {
    let mut p = Parser::new(CAP);
    let doc = p.parse(br#"{"params": ["a", 2], "id": "auth", "method": "mining.authorize", "worker":"rig1"}"#).unwrap();
    let rpc = doc.rpc().unwrap();
    assert_eq!(rpc.method.as_deref(), Some("mining.authorize"));
    assert_eq!(rpc.id.unwrap().as_str().unwrap(), "auth");
    assert_eq!(rpc.params.unwrap().len(), 2);
    assert!(rpc.result.is_none() && rpc.error.is_none() && !rpc.repeated);
    assert!(rpc.root.get("worker").unwrap().is_str("rig1"));

    let doc = p.parse(br#"{"id":null,"result":true,"error":null,"method":5}"#).unwrap();
    let rpc = doc.rpc().unwrap();
    assert!(rpc.id.unwrap().is_null() && rpc.method.is_none() && rpc.failure().is_none());

    for (text, failed) in [
        (r#"{"error":[23,"Low difficulty share",null]}"#, true),
        (r#"{"error":{"code":-1}}"#, true),
        (r#"{"error":"no"}"#, true),
        (r#"{"error":""}"#, false),
        (r#"{"error":[]}"#, false),
        (r#"{"error":false}"#, false),
        (r#"{"error":0}"#, false),
        (r#"{"error":20}"#, true),
        ("{}", false),
    ] {
        assert_eq!(p.parse(text.as_bytes()).unwrap().rpc().unwrap().failure().is_some(), failed, "{text}");
    }
    assert!(p.parse(b"[1]").unwrap().rpc().is_none());
}

#[test]
fn a_parser_is_reused_without_growing() {
    let mut p = Parser::new(CAP);
    let text = br#"{"id":4,"method":"mining.submit","params":["w.r","4b9e","00000001","6650f00a","9f3300c7"]}"#;
    p.parse(text).unwrap();
    let before = p.tape.capacity();
    for _ in 0..100 {
        assert_eq!(p.parse(text).unwrap().rpc().unwrap().params.unwrap().len(), 5);
    }
    assert_eq!(p.tape.capacity(), before);
}

/// Any JSON value within the caps, numbers as integers and simple fractions.
fn any_json() -> impl Strategy<Value = Reference> {
    let leaf = prop_oneof![
        Just(Reference::Null),
        any::<bool>().prop_map(Reference::from),
        any::<i64>().prop_map(Reference::from),
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Reference::from),
        ".{0,20}".prop_map(Reference::from),
        any::<String>().prop_map(Reference::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Reference::from),
            prop::collection::vec((".{0,8}", inner), 0..6).prop_map(|m| Reference::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_the_reference_writes(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let mut p = Parser::new(1 << 20);
        // Compared with what the reference reads back: its own floats do not survive a round trip to the last bit.
        let theirs: Reference = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(rebuild(p.parse(text.as_bytes()).unwrap().root()), theirs);
    }

    #[test]
    fn agrees_with_the_reference_on_damaged_messages(value in any_json(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut text = serde_json::to_vec(&value).unwrap();
        for (at, byte) in edits {
            let i = at.index(text.len());
            text[i] = byte;
        }
        agree(&text)?;
    }

    #[test]
    fn agrees_with_the_reference_on_json_like_noise(text in "[\\[\\]{}:,\"\\\\0-9eE.+\\-truefalsn u \\n\u{e9}]{0,40}") {
        agree(text.as_bytes())?;
    }

    #[test]
    fn a_member_is_found_by_its_key(
        keys in prop::collection::vec("[a-c]{0,3}|\\\\u0061[bc]|[a-z_]{8,12}", 0..40),
        asked in "[a-c]{0,3}",
    ) {
        let members: Vec<_> = keys.iter().enumerate().map(|(n, key)| format!("\"{key}\":{n}")).collect();
        let text = format!("{{{}}}", members.join(","));
        let mut parser = Parser::new(1 << 16);
        let object = parser.parse(text.as_bytes()).unwrap().root();
        let last = keys.iter().rposition(|key| key.replace("\\u0061", "a") == asked);
        prop_assert_eq!(object.get(&asked).and_then(Value::as_u64), last.map(|n| n as u64));
        for key in keys.iter().filter(|key| !key.contains('\\')) {
            prop_assert!(object.get(key).is_some());
        }
    }

    #[test]
    fn no_bytes_are_a_panic(bytes: Vec<u8>) {
        let mut p = Parser::new(CAP);
        if let Ok(doc) = p.parse(&bytes) {
            walk(doc.root());
            doc.rpc();
        }
    }
}

/// Same verdict and same content as the reference, apart from the documented leniencies.
fn agree(text: &[u8]) -> Result<(), TestCaseError> {
    let mut p = Parser::new(1 << 20);
    let ours = p.parse(text);
    match (ours, serde_json::from_slice::<Reference>(text)) {
        (Ok(doc), Ok(theirs)) => {
            walk(doc.root());
            prop_assert_eq!(rebuild(doc.root()), theirs);
        }
        (Ok(doc), Err(e)) => {
            let padded = text.contains(&0) || text.starts_with(b"\xEF\xBB\xBF");
            prop_assert!(walk(doc.root()) || padded || e.to_string().contains("number out of range"), "{e}");
        }
        (Err(e), Ok(_)) => prop_assert!(matches!(e, JsonError::TooDeep { .. } | JsonError::TooManyValues), "{e}"),
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

/// Touches every value; whether one of its strings is lossy.
fn walk(v: Value<'_>) -> bool {
    let mut lossy = v.is_lossy();
    let _ = (v.as_str(), v.as_f64(), v.as_bool(), v.raw());
    for e in v.as_array().into_iter().flatten() {
        lossy |= walk(e);
    }
    for (k, e) in v.members() {
        lossy |= walk(k) | walk(e);
    }
    lossy
}
