use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::Report;
use crate::exit::Usage;

/// Where what is seen goes as OpenMetrics
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Metrics {
    /// Figures as OpenMetrics, to a file or over HTTP
    ///
    /// FILE is written every 10 s and at the end, each time as a whole. :PORT serves /metrics on
    /// 127.0.0.1 while the command runs, ADDR:PORT elsewhere; with port 0 the system chooses one.
    /// docs/metrics.md has the names.
    #[arg(long, value_name = "FILE|:PORT", value_parser = place)]
    pub(crate) metrics: Option<Place>,
}

impl Metrics {
    /// What clap cannot know.
    pub(crate) fn check(&self, report: &Report) -> Result<(), Usage> {
        match (&self.metrics, &report.write) {
            (Some(Place::File(metrics)), Some(packets)) if metrics == packets => {
                Err(Usage("-w and --metrics name one file: give them two".into()))
            }
            _ => Ok(()),
        }
    }
}

/// A place for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Http(SocketAddr),
}

fn place(given: &str) -> Result<Place, String> {
    if let Some(port) = given.strip_prefix(':') {
        let port = port.parse().map_err(|_| format!("{port:?} is not a port; as :9464"))?;
        return Ok(Place::Http(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
    }
    if let Ok(address) = given.parse() {
        return Ok(Place::Http(address));
    }
    match given.rsplit_once(':') {
        _ if given == "-" => {
            Err("stdout has the report; name a file or a port, as metrics.prom or :9464".into())
        }
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains('/') => Err(format!(
            "an address is an IP, as 127.0.0.1:{port} or [::1]:{port}; a file is ./{given}"
        )),
        None if given.parse::<u16>().is_ok() => {
            Err(format!("a port is written :{given}, a file ./{given}"))
        }
        _ => Ok(Place::File(given.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_an_address_or_a_file() {
        let http = |address: &str| Ok(Place::Http(address.parse().unwrap()));
        assert_eq!(place(":9464"), http("127.0.0.1:9464"));
        assert_eq!(place("0.0.0.0:9464"), http("0.0.0.0:9464"));
        assert_eq!(place("[::1]:0"), http("[::1]:0"));
        for file in ["metrics.prom", "./9464", "a:b", "/tmp/x:1"] {
            assert_eq!(place(file), Ok(Place::File(file.into())));
        }
        for bad in [":", ":x", ":99999", "9464", "localhost:9464", "-"] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
