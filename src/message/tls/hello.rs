use std::borrow::Cow;

use tls_parser::{
    TlsCipherSuite, TlsExtension, TlsMessageHandshake, parse_tls_client_hello_extension,
    parse_tls_handshake_client_hello, parse_tls_handshake_msg_server_hello,
    parse_tls_server_hello_extension,
};

/// Protocols (ALPN) that are kept of an offer; nobody offers more in earnest.
const OFFERED: usize = 16;
/// Longest name that is kept of a server (RFC 1035: 253 letters) or a protocol (RFC 7301: 255).
const NAME: usize = 255;

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientHello {
    pub(crate) sni: Option<Box<str>>,
    pub(crate) offered: Vec<Box<str>>,
    /// The highest version it offers.
    pub(crate) highest: u16,
    /// Data may follow at once, encrypted with an earlier session's keys (0-RTT).
    pub(crate) early_data: bool,
}

/// What a server chose.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) version: u16,
    pub(crate) cipher: u16,
    pub(crate) alpn: Option<Box<str>>,
    /// The client is to ask once more (HelloRetryRequest).
    pub(crate) retry: bool,
}

impl ClientHello {
    /// Reads the content of the message.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (_, hello) = parse_tls_handshake_client_hello(body).ok()?;
        let mut read =
            Self { sni: None, offered: Vec::new(), highest: hello.version.0, early_data: false };
        each_extension(hello.ext, |extension| {
            let Ok((_, extension)) = parse_tls_client_hello_extension(extension) else { return };
            match extension {
                TlsExtension::SNI(names) => {
                    // Type 0 is a host's name; no other was ever defined.
                    read.sni = names.iter().find(|(kind, _)| kind.0 == 0).map(|name| text(name.1));
                }
                TlsExtension::ALPN(names) => {
                    // By reference: into_iter would keep the allocation of all names.
                    read.offered = names.iter().take(OFFERED).map(|name| text(name)).collect();
                }
                TlsExtension::SupportedVersions(versions) => {
                    let real = versions.iter().map(|v| v.0).filter(|v| !is_grease(*v));
                    read.highest = real.max().unwrap_or(read.highest);
                }
                TlsExtension::EarlyData(_) => read.early_data = true,
                _ => {}
            }
        });
        Some(read)
    }
}

impl ServerHello {
    /// Reads the content of the message.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (_, message) = parse_tls_handshake_msg_server_hello(body).ok()?;
        let (version, cipher, random, ext) = match message {
            TlsMessageHandshake::ServerHello(hello) => {
                (hello.version, hello.cipher, hello.random, hello.ext)
            }
            // Drafts up to 21 have the version in front, and no session id.
            TlsMessageHandshake::ServerHelloV13Draft18(hello) => {
                (hello.version, hello.cipher, hello.random, hello.ext)
            }
            _ => return None,
        };
        let mut read =
            Self { version: version.0, cipher: cipher.0, alpn: None, retry: random == RETRY };
        each_extension(ext, |extension| {
            let Ok((_, extension)) = parse_tls_server_hello_extension(extension) else { return };
            match extension {
                TlsExtension::ALPN(names) => read.alpn = names.first().map(|name| text(name)),
                TlsExtension::SupportedVersions(versions) => {
                    read.version = versions.first().map_or(read.version, |version| version.0);
                }
                _ => {}
            }
        });
        Some(read)
    }
}

/// Tells each extension by itself, so that one that cannot be read does not hide the others.
fn each_extension(extensions: Option<&[u8]>, mut tell: impl FnMut(&[u8])) {
    let mut rest = extensions.unwrap_or_default();
    while let [_, _, high, low, ..] = *rest {
        let len = 4 + usize::from(u16::from_be_bytes([high, low]));
        let Some((extension, more)) = rest.split_at_checked(len) else { return };
        tell(extension);
        rest = more;
    }
}

/// Values that are sent to see whether the peer passes over them (RFC 8701).
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(NAME)]).into()
}

/// The name of a version, as OpenSSL and Envoy write it: `TLSv1.2`.
pub fn version_name(version: u16) -> Cow<'static, str> {
    match version {
        0x0300 => "SSLv3".into(),
        0x0301 => "TLSv1.0".into(),
        0x0302 => "TLSv1.1".into(),
        0x0303 => "TLSv1.2".into(),
        0x0304 => "TLSv1.3".into(),
        0x7f00..=0x7fff => format!("TLSv1.3-draft{}", version & 0xff).into(),
        _ => format!("0x{version:04x}").into(),
    }
}

/// The name of a cipher suite, as the registry of IANA has it.
pub fn cipher_name(cipher: u16) -> Option<&'static str> {
    TlsCipherSuite::from_id(cipher).map(|suite| suite.name)
}
