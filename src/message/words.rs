use std::borrow::Cow;

/// A method; the usual ones need no copy.
#[inline]
pub(crate) fn method(name: &str) -> Cow<'static, str> {
    match name {
        "GET" => "GET".into(),
        "POST" => "POST".into(),
        "PUT" => "PUT".into(),
        "HEAD" => "HEAD".into(),
        "DELETE" => "DELETE".into(),
        other => other.to_owned().into(),
    }
}

/// Text of a field, whatever bytes are in it.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Box<str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes).into(),
    }
}
