use std::io::Write as _;

use crate::message::{alert_name, cipher_name, version_name};
use crate::pairing::detail::{Shape, Tls};
use crate::pairing::{Exchange, Outcome, Side};
use crate::problem::Code;
use crate::report::write::{date, integer, json_string, shown};

/// Appends `,"tls":{...}`.
pub(super) fn json(out: &mut Vec<u8>, tls: &Tls) {
    out.extend_from_slice(b",\"tls\":");
    let mut object = Object { out, empty: true };
    object.text("sni", tls.sni.as_deref());
    object.text("version", tls.version.map(version_name).as_deref());
    object.text("highest", tls.highest.map(version_name).as_deref());
    object.text("cipher", tls.cipher.map(cipher).as_deref());
    if !tls.offered.is_empty() {
        let out = object.key("offered");
        for (place, protocol) in tls.offered.iter().enumerate() {
            out.push(if place == 0 { b'[' } else { b',' });
            json_string(out, protocol);
        }
        out.push(b']');
    }
    object.text("alpn", tls.alpn.as_deref());
    if let Some(certificate) = &tls.certificate {
        let mut inner = Object { out: object.key("certificate"), empty: true };
        inner.text("subject", Some(&certificate.subject));
        inner.text("issuer", Some(&certificate.issuer));
        for (key, time) in
            [("not_before", certificate.not_before), ("not_after", certificate.not_after)]
        {
            let out = inner.key(key);
            out.push(b'"');
            date(out, time);
            out.push(b'"');
        }
        inner.end();
    }
    if tls.client_certificate_asked {
        object.key("client_certificate_asked").extend_from_slice(b"true");
    }
    let shown = match (tls.client_certificate_empty, tls.shape) {
        (true, _) | (_, Some(Shape::NoCertificate)) => Some("none"),
        (_, Some(Shape::Certificate)) => Some("encrypted"),
        (_, None) => None,
    };
    object.text("client_certificate", shown);
    if let Some(alert) = tls.alert {
        let mut inner = Object { out: object.key("alert"), empty: true };
        inner.text("by", Some(side(alert.by)));
        if let Some(description) = alert.description {
            integer(inner.key("description"), description);
            inner.text("name", alert_name(description));
        }
        inner.end();
    }
    object.text("plaintext", tls.plaintext.map(side));
    object.end();
}

/// An object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    /// Begins a field; its value is to follow.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.out.push(if self.empty { b'{' } else { b',' });
        self.empty = false;
        json_string(self.out, key);
        self.out.push(b':');
        self.out
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            json_string(self.key(key), value);
        }
    }

    fn end(self) {
        if self.empty {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}

/// Its name, or its number where the registry has none.
fn cipher(cipher: u16) -> String {
    cipher_name(cipher).map_or_else(|| format!("0x{cipher:04x}"), str::to_owned)
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

pub(super) fn words(out: &mut Vec<u8>, exchange: &Exchange, tls: &Tls) {
    let who = exchange.by.map_or("one side", side);
    let _ = match (exchange.outcome, tls.plaintext) {
        (_, Some(Side::Client)) => write!(out, "the server wants TLS"),
        (_, Some(Side::Server)) => write!(out, "the server answered in plaintext"),
        (Outcome::TlsOk, _) => {
            let version = tls.version.map_or("version not captured".into(), version_name);
            let _ = write!(out, "{version}");
            if let Some(alpn) = &tls.alpn {
                out.push(b' ');
                shown(out, alpn, 20);
            }
            if exchange.findings.contains(Code::TlsCertificateExpired) {
                out.extend_from_slice(b"; its certificate has expired, or is not good yet");
            }
            Ok(())
        }
        (Outcome::TlsAlert, _) => match tls.alert.and_then(|alert| alert.description) {
            Some(description) => match alert_name(description) {
                Some(name) => write!(out, "{who}: {name} ({description})"),
                None => write!(out, "{who}: alert {description}"),
            },
            None if exchange.findings.contains(Code::TlsCertificateRejected) => {
                write!(out, "{who}: an encrypted alert; most likely it refuses the certificate")
            }
            None if exchange.findings.contains(Code::TlsClientCertificate) => {
                let what = match tls.shape {
                    Some(Shape::NoCertificate) => "got no client certificate",
                    _ => "refuses the client's certificate",
                };
                write!(out, "{who}: an encrypted alert; most likely it {what}")
            }
            None => write!(out, "{who}: an encrypted alert"),
        },
        _ if tls.answered.is_none() => write!(out, "{who} left; the server had not answered"),
        _ => write!(out, "{who} left without an alert"),
    };
}
