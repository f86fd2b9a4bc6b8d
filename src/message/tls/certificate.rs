use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;
use x509_parser::x509::X509Name;

/// Longest name that is kept.
const NAME: usize = 512;

/// A certificate as its holder sent it; nothing of it is checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Certificate {
    /// Whose it is.
    pub subject: Box<str>,
    /// Who signed it.
    pub issuer: Box<str>,
    /// From when it is good, in seconds of the epoch.
    pub not_before: i64,
    /// Until when it is good, in seconds of the epoch.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a certificate in DER; its extensions are passed over.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let (_, certificate) = parser.parse(der).ok()?;
        let validity = certificate.validity();
        Some(Self {
            subject: text(certificate.subject()),
            issuer: text(certificate.issuer()),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }

    /// Whether it is good at this time, in seconds of the epoch.
    pub fn is_valid_at(&self, seconds: i64) -> bool {
        (self.not_before..=self.not_after).contains(&seconds)
    }
}

/// The first certificate of a Certificate message (RFC 5246 section 7.4.2), if it is whole.
pub(super) fn leaf(body: &[u8]) -> Option<&[u8]> {
    let [_, _, _, high, middle, low, rest @ ..] = body else { return None };
    rest.get(..u32::from_be_bytes([0, *high, *middle, *low]) as usize)
}

fn text(name: &X509Name<'_>) -> Box<str> {
    let name = name.to_string();
    let end = (0..=NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name[..end.unwrap_or(0)].into()
}
