use crate::capture::{Mark, Timestamp};
use crate::pairing::Side;

/// What a TLS handshake shows in plaintext.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tls {
    /// The server name that the client asked for.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub sni: Option<Box<str>>,
    /// The protocols that the client offered (ALPN).
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub offered: Vec<Box<str>>,
    /// The protocol that the server chose (ALPN), where that is not encrypted.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub alpn: Option<Box<str>>,
    /// The version that the server chose, such as 0x0303 for TLS 1.2.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub version: Option<u16>,
    /// The highest version that the client offered.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub highest: Option<u16>,
    /// The cipher suite that the server chose, as its number.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub cipher: Option<u16>,
    /// The server's certificate, where it is not encrypted.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub certificate: Option<Certificate>,
    /// The server asked for a client certificate, where that is not encrypted.
    pub client_certificate_asked: bool,
    /// The client's answer to that had no certificate in it, where that is not encrypted.
    pub client_certificate_empty: bool,
    /// The alert that ended it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub alert: Option<Alert>,
    /// Records of application data from the client.
    pub records_request: u64,
    /// Records of application data from the server.
    pub records_response: u64,
}

/// A certificate as its holder sent it; nothing of it is checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Certificate {
    /// Whose it is.
    pub subject: Box<str>,
    /// Who signed it.
    pub issuer: Box<str>,
    /// From when it is good.
    pub not_before: Timestamp,
    /// Until when it is good.
    pub not_after: Timestamp,
}

/// An alert (RFC 8446 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Alert {
    /// Who sent it.
    pub by: Side,
    /// Its description, such as 48 for unknown_ca; absent if it was encrypted.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub description: Option<u8>,
    /// The packet.
    pub mark: Mark,
}
