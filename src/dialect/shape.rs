//! Small shape tests shared by dialects: hex of a length, host names, miner user agents.

use std::borrow::Cow;

use super::json::Value;

/// Text of a JSON string.
pub(super) fn text(v: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    v?.as_str()
}

/// Text of a JSON string, or of a number as it was written: job ids are either.
pub(super) fn word(v: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    let v = v?;
    v.as_str().or_else(|| v.as_number_text().map(Cow::Borrowed))
}

/// A JSON string of hexadecimal digits, `0x` allowed in front; the number of digits.
pub(super) fn hex_len(v: Option<Value<'_>>) -> Option<usize> {
    let s = v?.bytes()?;
    let digits = s.strip_prefix(b"0x").unwrap_or(&s);
    // To the end in any case: so the compiler looks at many bytes at a time.
    let strange = digits.iter().fold(false, |strange, b| strange | !b.is_ascii_hexdigit());
    (!digits.is_empty() && !strange).then_some(digits.len())
}

/// A JSON string of exactly `n` hexadecimal digits.
pub(super) fn is_hex(v: Option<Value<'_>>, n: usize) -> bool {
    hex_len(v) == Some(n)
}

/// Starts with `0x`.
pub(super) fn has_0x(v: Option<Value<'_>>) -> bool {
    text(v).is_some_and(|s| s.starts_with("0x"))
}

/// The message of an error: `[code,"text",…]`, `{"message":…}` or a string.
pub(super) fn error_text(v: Option<Value<'_>>) -> String {
    let Some(e) = v else { return String::new() };
    let t = e.as_str().or_else(|| text(e.index(1))).or_else(|| text(e.get("message"))).unwrap_or_default();
    crate::text::printable(t.as_ref(), 80).to_string()
}

/// Whether an answer to a share says that it was taken: `true`, or a status or word that says OK.
pub(super) fn says_yes(result: Value<'_>) -> bool {
    let ok = |v: Value<'_>| v.as_str().is_some_and(|s| s.eq_ignore_ascii_case("ok"));
    result.as_bool() == Some(true) || ok(result) || result.get("status").is_some_and(ok)
}

/// Whether an error is any JSON-RPC server's answer to what it does not know (JSON-RPC 2.0 §5.1).
pub(super) fn is_unknown_method(error: Option<Value<'_>>) -> bool {
    let code = error.and_then(|e| e.get("code").or_else(|| e.index(0)));
    code.and_then(Value::as_i64) == Some(-32_601)
}

/// A hexadecimal number of up to 64 digits, `0x` allowed in front, as a float.
pub(super) fn hex_number(s: &str) -> Option<f64> {
    let digits = s.strip_prefix("0x").unwrap_or(s);
    if digits.is_empty() || digits.len() > 64 {
        return None;
    }
    digits.chars().try_fold(0.0, |n, c| Some(n * 16.0 + f64::from(c.to_digit(16)?)))
}
