/// What a connection changes to by the Upgrade field (RFC 9110 section 7.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Upgrade {
    /// WebSocket (RFC 6455).
    WebSocket,
    /// HTTP/2 in plaintext (RFC 7540 section 3.2).
    H2c,
}

impl Upgrade {
    /// The first of a field's protocols that is known.
    pub(super) fn of(value: &[u8]) -> Option<Self> {
        value.split(|byte| *byte == b',').find_map(|item| match item.trim_ascii() {
            item if item.eq_ignore_ascii_case(b"websocket") => Some(Self::WebSocket),
            item if item.eq_ignore_ascii_case(b"h2c") => Some(Self::H2c),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_protocol_counts() {
        assert_eq!(Upgrade::of(b"WebSocket"), Some(Upgrade::WebSocket));
        assert_eq!(Upgrade::of(b"TLS/1.0, h2c"), Some(Upgrade::H2c));
        assert_eq!(Upgrade::of(b"websockets"), None);
    }
}
