//! The JSON reader against `serde_json`: same verdict, same content, apart from what its documentation allows.

use std::borrow::Cow;

use minewatch::dialect::json::{JsonError, Kind, MAX_DEPTH, MAX_NODES, Parser, Value};
use serde_json::Value as Reference;

/// Cap of the parser under test, in bytes.
const CAP: usize = 32 * 1024;

/// Reads the input with both.
pub fn run(data: &[u8]) {
    let mut parser = Parser::new(CAP);
    let ours = parser.parse(data);
    let theirs = serde_json::from_slice::<Reference>(data);
    match (ours, theirs) {
        (Ok(doc), theirs) => {
            let mut nodes = 0;
            let mut lossy = false;
            walk(doc.root(), 0, &mut nodes, &mut lossy);
            assert!(nodes <= MAX_NODES);
            assert_eq!(doc.rpc().is_some(), doc.root().is_object());
            match theirs {
                Ok(theirs) => {
                    assert!(!lossy, "flagged as damaged, and is not");
                    assert_eq!(rebuild(doc.root()), theirs);
                }
                Err(e) => {
                    let padded = data.contains(&0) || data.starts_with(b"\xEF\xBB\xBF");
                    let e = e.to_string();
                    let limits = e.contains("number out of range") || e.contains("recursion limit");
                    assert!(lossy || padded || limits, "accepted, and {e}");
                }
            }
            if let Some(rpc) = doc.rpc() {
                let first = doc.root().get("method");
                assert_eq!(rpc.method, first.and_then(Value::as_str), "the first of repeated keys counts");
                let repeated =
                    ["id", "method", "params", "result", "error"].iter().any(|k| doc.root().has_duplicate(k));
                assert_eq!(rpc.repeated, repeated);
            }
        }
        (Err(e), Ok(_)) => {
            let capped = matches!(e, JsonError::TooDeep { .. } | JsonError::TooManyValues | JsonError::TooLong { .. });
            assert!(capped, "refused ({e}), and is JSON");
        }
        (Err(_), Err(_)) => {}
    }
}

/// Touches every value in every way.
fn walk(v: Value<'_>, depth: usize, nodes: &mut usize, lossy: &mut bool) {
    assert!(depth <= MAX_DEPTH);
    *nodes += 1;
    *lossy |= v.is_lossy();
    let kinds = [
        v.is_null(),
        v.as_bool().is_some(),
        v.as_number_text().is_some(),
        v.as_str().is_some(),
        v.is_array(),
        v.is_object(),
    ];
    assert_eq!(kinds.iter().filter(|k| **k).count(), 1, "more than one kind, or none");
    assert!(v.as_f64().is_none_or(f64::is_finite));
    if let (Some(n), Some(f)) = (v.as_u64(), v.as_f64()) {
        assert!((n as f64 - f).abs() <= f * 1e-9, "{n} is not {f}");
    }
    assert!(v.as_str().is_none_or(|s| v.is_str(&s) || v.is_lossy()));
    let mut count = 0;
    for (i, e) in v.as_array().into_iter().flatten().enumerate() {
        count += 1;
        if i < 4 {
            assert_eq!(v.index(i).map(Value::raw), Some(e.raw()));
        }
        walk(e, depth + 1, nodes, lossy);
    }
    for (k, e) in v.members() {
        count += 1;
        walk(k, depth + 1, nodes, lossy);
        walk(e, depth + 1, nodes, lossy);
    }
    assert_eq!(count, v.len());
}

/// The message as the reference holds it.
fn rebuild(v: Value<'_>) -> Reference {
    let text = |v: Value<'_>| v.as_str().map(Cow::into_owned).unwrap_or_default();
    match v.kind() {
        Kind::Null => Reference::Null,
        Kind::Bool => Reference::Bool(v.as_bool().unwrap()),
        Kind::Number => serde_json::from_str(v.as_number_text().unwrap()).unwrap(),
        Kind::String => Reference::String(text(v)),
        Kind::Array => Reference::Array(v.as_array().unwrap().map(rebuild).collect()),
        Kind::Object => Reference::Object(v.members().map(|(k, v)| (text(k), rebuild(v))).collect()),
    }
}
