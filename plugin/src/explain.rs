use std::io::Write as _;

use meshsniff::pairing::Outcome;
use meshsniff::problem::{Code, DETECTORS};

use crate::args::Explain;
use crate::exit::{Exit, Usage};

/// Prints the page of a finding, or the list of all.
pub(crate) fn run(args: &Explain) -> anyhow::Result<Exit> {
    let text = match &args.code {
        None => list(),
        Some(name) => page(name)?,
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}

fn list() -> String {
    let mut text = String::from("Findings; kubectl meshsniff explain CODE tells more:\n\n");
    for detector in &DETECTORS {
        text += &format!("  {:<24} {}\n", detector.code.name(), detector.title);
    }
    text
}

fn page(name: &str) -> Result<String, Usage> {
    if let Some(code) = code_of(name) {
        let text = code.detector().explain;
        return Ok(match code.name() == name {
            true => text.into(),
            false => format!("{name} is explained by {}:\n\n{text}", code.name()),
        });
    }
    if ["complete", "half_close_ok", "tls_ok"].contains(&name) {
        return Ok(format!("{name}: {}\n", fine(name)));
    }
    let near = nearest(name);
    Err(Usage(format!(
        "no finding is called {name:?}; the nearest are {}; kubectl meshsniff explain lists all",
        near.join(", ")
    )))
}

fn fine(name: &str) -> &'static str {
    match name {
        "half_close_ok" => {
            "the client closed its half after the request and took the answer all the same. \
             Nothing is wrong."
        }
        "tls_ok" => "the TLS handshake succeeded. Nothing is wrong.",
        _ => "the whole response was seen, before anyone closed. Nothing is wrong.",
    }
}

/// The finding that a code, an outcome or a response flag of Envoy leads to.
fn code_of(name: &str) -> Option<Code> {
    let code = Code::ALL.into_iter().find(|code| code.name() == name);
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.name() == name);
    code.or_else(|| {
        Some(match outcome? {
            Outcome::ClientFinBeforeResponse => Code::ClientClosedFirst,
            Outcome::ClientRstBeforeResponse => Code::ClientReset,
            Outcome::ClientRstStreamBeforeResponse => Code::ClientResetStream,
            Outcome::ServerClosedBeforeResponse => Code::ServerClosedFirst,
            Outcome::ServerRstStreamBeforeResponse => Code::ServerResetStream,
            Outcome::TruncatedResponse | Outcome::TruncatedRequest => Code::Truncated,
            Outcome::Refused => Code::ConnectRefused,
            Outcome::ConnectTimeout => Code::ConnectTimeout,
            Outcome::InProgress => Code::NoResponse,
            Outcome::Unknown => Code::CaptureLossy,
            Outcome::WsClosed => Code::WebsocketError,
            Outcome::WsAborted => Code::WebsocketAborted,
            Outcome::TlsAlert => Code::TlsHandshakeFailed,
            Outcome::TlsClosedNoAlert => Code::TlsLeftSilently,
            Outcome::Complete | Outcome::HalfCloseOk | Outcome::TlsOk => return None,
        })
    })
    .or_else(|| {
        Some(match name {
            "DC" | "DR" => Code::ClientClosedFirst,
            "UT" => Code::InferredTimeout,
            "UC" => Code::ServerClosedFirst,
            "DT" => Code::MaxConnectionAge,
            "UR" => Code::ServerResetStream,
            "UF" => Code::ConnectRefused,
            "UPE" => Code::Truncated,
            "UH" | "UO" | "URX" | "NC" | "NR" | "SI" | "UMSDR" => Code::ProxyAnswered,
            _ => return None,
        })
    })
}

/// The three names most like this one.
fn nearest(name: &str) -> Vec<&'static str> {
    let codes = Code::ALL.map(Code::name);
    let mut all: Vec<_> = codes.into_iter().chain(Outcome::ALL.map(Outcome::name)).collect();
    all.sort_by_key(|candidate| {
        let part = candidate.contains(name) || name.contains(candidate);
        (!part, strsim::damerau_levenshtein(candidate, &name.to_lowercase().replace('_', "-")))
    });
    all.truncate(3);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_outcome_and_flag_has_a_page() {
        for name in Code::ALL.map(Code::name).into_iter().chain(Outcome::ALL.map(Outcome::name)) {
            assert!(page(name).is_ok(), "{name}");
        }
        assert!(page("UT").is_ok_and(|text| text.contains("inferred-timeout")));
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        assert_eq!(nearest("client-close-first")[0], "client-closed-first");
        assert_eq!(nearest("refused")[0], "refused");
        assert_eq!(nearest("Truncate")[0], "truncated");
    }
}
