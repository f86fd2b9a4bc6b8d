use std::path::{Path, PathBuf};

/// Access logs of Envoys, beside a capture
#[derive(Debug, clap::Args)]
pub(crate) struct LogFiles {
    /// Envoy's access log, of the pod or a caller; NAME=FILE
    ///
    /// Each exchange gets the flags that were logged, joined by request id and addresses, and a
    /// table says what the log has and the packets have not, and the reverse. Formats: Istio's text
    /// and JSON, Envoy's default; as a file or as kubectl logs prints it. NAME is what the proxy is
    /// called, otherwise as the file. May be given several times.
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub(crate) access_log: Vec<LogFile>,
}

/// A file with a log.
#[derive(Clone, Debug)]
pub(crate) struct LogFile {
    /// What the proxy is called.
    pub(crate) proxy: String,
    pub(crate) file: PathBuf,
}

/// Access logs of Envoys in the cluster
#[derive(Debug, clap::Args)]
pub(crate) struct LogsOfPods {
    /// Also what the pods' proxies logged
    ///
    /// Istio's or Envoy's access log of istio-proxy (or envoy), read through the API at the end, at
    /// most 12 s after it. Needs get on pods/log. With -o jsonl or json the lines come at the end.
    #[arg(long)]
    pub(crate) access_log: bool,

    /// The same of callers: pod/NAME, deploy/NAME, NAMESPACE/NAME
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) access_log_of: Vec<String>,
}

impl LogsOfPods {
    /// Whether logs are wanted.
    pub(crate) fn wanted(&self) -> bool {
        self.access_log || !self.access_log_of.is_empty()
    }
}

fn file(given: &str) -> Result<LogFile, String> {
    let (name, file) = match given.split_once('=') {
        Some((name, file)) if !Path::new(given).exists() => (Some(name), PathBuf::from(file)),
        _ => (None, PathBuf::from(given)),
    };
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    match name.map(str::to_owned).or(stem).filter(|name| !name.is_empty()) {
        Some(proxy) => Ok(LogFile { proxy, file }),
        None => Err("it is FILE, or NAME=FILE".into()),
    }
}
