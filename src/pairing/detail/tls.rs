use crate::capture::Mark;
use crate::message::Certificate;
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
    /// The alert that ended it; of an HTTP/1 exchange, the server's answer in TLS.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub alert: Option<Alert>,
    /// What shows that the client answered with a certificate, or with none, where that is
    /// encrypted: by the lengths of its records.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub shape: Option<Shape>,
    /// The one that speaks plaintext, where only the other speaks TLS.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub plaintext: Option<Side>,
    /// The packet that proves that the handshake has succeeded.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub done: Option<Mark>,
    /// The server's first message.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub answered: Option<Mark>,
}

/// How the client answered, by the lengths of its encrypted records (TLS 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Shape {
    /// With a Certificate message that has no certificate in it.
    NoCertificate,
    /// With more than its Finished: a certificate.
    Certificate,
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
