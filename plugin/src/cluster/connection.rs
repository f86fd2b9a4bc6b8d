use std::path::PathBuf;
use std::time::Duration;

/// Which cluster, and as whom: kubectl's own flags, spelled as kubectl spells them, so that what
/// works with `kubectl get pods` works here.
///
/// `-h` shows `-n` alone; `--help` shows all of them, under a heading of their own.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Connection {
    /// Namespace [default: that of the context]
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Connection")]
    pub(crate) namespace: Option<String>,

    /// The kubeconfig file, instead of $KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig to use
    #[arg(long, value_name = "NAME", help_heading = "Connection", hide_short_help = true)]
    pub(crate) context: Option<String>,

    /// The cluster of the kubeconfig to use
    #[arg(long, value_name = "NAME", help_heading = "Connection", hide_short_help = true)]
    pub(crate) cluster: Option<String>,

    /// The user of the kubeconfig to use
    #[arg(long, value_name = "NAME", help_heading = "Connection", hide_short_help = true)]
    pub(crate) user: Option<String>,

    /// Address of the API server
    #[arg(short, long, value_name = "URL", help_heading = "Connection", hide_short_help = true)]
    pub(crate) server: Option<String>,

    /// Proxy on the way there: http, https or socks5, as socks5://localhost:1080
    #[arg(long, value_name = "URL", help_heading = "Connection", hide_short_help = true)]
    pub(crate) proxy_url: Option<String>,

    /// Bearer token; takes the place of the kubeconfig's credentials
    #[arg(long, value_name = "TOKEN", help_heading = "Connection", hide_short_help = true)]
    pub(crate) token: Option<String>,

    /// Name for basic authentication, which few API servers still take
    #[arg(long, value_name = "NAME", help_heading = "Connection", hide_short_help = true)]
    pub(crate) username: Option<String>,

    /// Password for basic authentication
    #[arg(long, value_name = "PASSWORD", help_heading = "Connection", hide_short_help = true)]
    pub(crate) password: Option<String>,

    /// User to act as
    #[arg(long = "as", value_name = "USER", help_heading = "Connection", hide_short_help = true)]
    pub(crate) act_as: Option<String>,

    /// Group to act as; may be repeated
    #[arg(
        long = "as-group",
        value_name = "GROUP",
        help_heading = "Connection",
        hide_short_help = true
    )]
    pub(crate) act_as_groups: Vec<String>,

    /// UID to act as
    #[arg(
        long = "as-uid",
        value_name = "UID",
        help_heading = "Connection",
        hide_short_help = true
    )]
    pub(crate) act_as_uid: Option<String>,

    /// More of who one acts as, as KEY=VALUE; may be repeated
    #[arg(
        long = "as-user-extra",
        value_name = "KEY=VALUE",
        help_heading = "Connection",
        hide_short_help = true,
        value_parser = pair
    )]
    pub(crate) act_as_extra: Vec<(String, String)>,

    /// Certificates that the API server's must be signed by
    #[arg(long, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub(crate) certificate_authority: Option<PathBuf>,

    /// Client certificate
    #[arg(long, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub(crate) client_certificate: Option<PathBuf>,

    /// Key of the client certificate
    #[arg(long, value_name = "FILE", help_heading = "Connection", hide_short_help = true)]
    pub(crate) client_key: Option<PathBuf>,

    /// Do not check the API server's certificate: anyone may answer in its place
    #[arg(
        long,
        value_name = "BOOL",
        help_heading = "Connection",
        hide_short_help = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(crate) insecure_skip_tls_verify: Option<bool>,

    /// Name that the API server's certificate must have [default: its host]
    #[arg(long, value_name = "NAME", help_heading = "Connection", hide_short_help = true)]
    pub(crate) tls_server_name: Option<String>,

    /// How long the API server may take to answer, as 30s [default: no limit]
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Connection",
        hide_short_help = true,
        value_parser = timeout
    )]
    pub(crate) request_timeout: Option<Duration>,
}

fn pair(given: &str) -> Result<(String, String), String> {
    let (key, value) = given.split_once('=').ok_or("it is as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `30s`, `1m`, `500ms`, or seconds without a unit, as kubectl takes it; 0 is no limit.
fn timeout(given: &str) -> Result<Duration, String> {
    let end = given.find(|c: char| !c.is_ascii_digit()).unwrap_or(given.len());
    let (number, unit) = given.split_at(end);
    let number: u64 =
        number.parse().map_err(|_| format!("a time is as 30s or 1m; {given:?} is none"))?;
    match unit {
        "" | "s" => Ok(Duration::from_secs(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        _ => Err(format!("a time is as 30s or 1m; {given:?} is none")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        connection: Connection,
    }

    #[test]
    fn flags_are_spelled_as_kubectl_spells_them() {
        let line = [
            "x",
            "--kubeconfig=/k",
            "--context=c",
            "--cluster=l",
            "--user=u",
            "-n",
            "shop",
            "--as=me",
            "--as-group=g",
            "--as-group=h",
            "--as-uid=7",
            "--as-user-extra=scopes=view",
            "--username=u",
            "--password=p",
            "--token=t",
            "-s",
            "https://h:6443",
            "--certificate-authority=/ca",
            "--client-certificate=/cert",
            "--client-key=/key",
            "--insecure-skip-tls-verify",
            "--tls-server-name=name",
            "--proxy-url=socks5://p:1080",
            "--request-timeout=5",
        ];
        let connection = Line::parse_from(line).connection;
        assert_eq!(connection.act_as_groups, ["g", "h"]);
        assert_eq!(connection.insecure_skip_tls_verify, Some(true));
        assert_eq!(connection.request_timeout, Some(Duration::from_secs(5)));
        assert_eq!(connection.namespace.as_deref(), Some("shop"));
    }

    #[test]
    fn timeouts_may_lack_a_unit() {
        assert_eq!(timeout("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(timeout("0"), Ok(Duration::ZERO));
        assert!(timeout("soon").is_err());
    }
}
