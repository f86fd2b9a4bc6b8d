//! From flags, kubeconfig files and environment to a client.
//!
//! Everything that a flag overrides is written into the kubeconfig before it is used, as kubectl
//! does it, so there is one way only from a kubeconfig to a client: kube's, with exec credentials,
//! token files, OIDC and certificates.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use hyper_util::client::proxy::matcher::Matcher;
use kube::Config;
use kube::client::AuthError;
use kube::config::{
    AuthInfo, Cluster as ClusterEntry, Context, KubeConfigOptions, Kubeconfig, KubeconfigError,
    NamedAuthInfo, NamedCluster, NamedContext,
};

use super::Cluster;
use super::connection::Connection;
use super::suggest::nearest;

/// How long the address may take to accept a connection: kubectl waits as long, kube alone would
/// wait 30 s, which looks like a hanging program.
const CONNECT: Duration = Duration::from_secs(10);

/// The shortest limit for answers: shorter ones would end a stream between two life signs.
const SHORTEST_ANSWER: Duration = Duration::from_secs(5);

/// The name of the one context, cluster and user of a kubeconfig after all flags are applied.
const CHOSEN: &str = "chosen";

/// Makes a client for the cluster that flags, kubeconfig files and environment name.
///
/// Nothing is sent to the cluster yet, except that a credential plugin may talk to its own server.
///
/// # Errors
/// Where there is no kubeconfig, or it names what it does not have; the text lists what it has.
pub(crate) async fn connect(connection: &Connection) -> Result<Cluster> {
    let files = read(connection.kubeconfig.as_deref())?;
    let mut config = match files {
        Some(files) => from_files(&files, connection).await?,
        None if connection.server.is_some() => {
            from_files(&Kubeconfig::default(), connection).await?
        }
        None => within()?,
    };
    if let Some(limit) = connection.request_timeout.filter(|limit| !limit.is_zero()) {
        config.connect_timeout = Some(limit);
        config.read_timeout = Some(limit.max(SHORTEST_ANSWER));
    } else {
        config.connect_timeout = Some(CONNECT);
    }
    let namespace = connection.namespace.clone().unwrap_or(config.default_namespace.clone());
    let server = server(&config);
    let client = kube::Client::try_from(config).map_err(unusable)?;
    Ok(Cluster { client, namespace, server })
}

/// The address, and the proxy before it (without the password that it may have).
fn server(config: &Config) -> String {
    let server = config.cluster_url.to_string();
    let server = server.trim_end_matches('/');
    match config.proxy_url.as_ref().and_then(|proxy| proxy.host().map(|host| (host, proxy.port())))
    {
        Some((host, Some(port))) => format!("{server} through the proxy {host}:{port}"),
        Some((host, None)) => format!("{server} through the proxy {host}"),
        None => server.to_owned(),
    }
}

/// The kubeconfig of `--kubeconfig`, else of `KUBECONFIG` (several files merged), else of
/// `~/.kube/config`. As kubectl does it, files of a list that do not exist are passed over.
pub(crate) fn read(given: Option<&Path>) -> Result<Option<Kubeconfig>> {
    if let Some(file) = given {
        return Ok(Some(read_one(file)?));
    }
    let files: Vec<PathBuf> = match std::env::var_os("KUBECONFIG") {
        Some(list) if !list.is_empty() => std::env::split_paths(&list).collect(),
        _ => std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect(),
    };
    let mut merged = None;
    for file in files.iter().filter(|file| file.exists()) {
        let next = read_one(file)?;
        merged = Some(match merged {
            None => next,
            Some(before) => Kubeconfig::merge(before, next).map_err(|why| broken(file, &why))?,
        });
    }
    Ok(merged)
}

fn read_one(file: &Path) -> Result<Kubeconfig> {
    let mut config = Kubeconfig::read_from(file).map_err(|why| broken(file, &why))?;
    // Written by `kubectl config unset`: it must not hide the next file's.
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    Ok(config)
}

/// The first line only: the others quote the file, and secrets with it.
fn broken(file: &Path, why: &KubeconfigError) -> anyhow::Error {
    let why = match why {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        other => other.to_string(),
    };
    let why = why.lines().next().unwrap_or_default();
    anyhow!("cannot use the kubeconfig {}: {why}", file.display())
}

async fn from_files(files: &Kubeconfig, connection: &Connection) -> Result<Config> {
    let chosen = choose(files, connection)?;
    let entry = chosen.clusters.first().and_then(|named| named.cluster.as_ref());
    let explicit = entry.and_then(|entry| entry.proxy_url.as_ref()).is_some();
    let mut config = Config::from_custom_kubeconfig(chosen, &KubeConfigOptions::default())
        .await
        .map_err(|why| anyhow!("cannot use the kubeconfig: {why}"))?;
    if !explicit {
        // kube compares NO_PROXY with the address of the proxy; it is meant for the server's.
        set_proxy(&mut config, &Matcher::from_env());
    }
    if config.default_namespace.is_empty() {
        config.default_namespace = "default".into();
    }
    Ok(config)
}

/// Goes through the proxy that the environment has for this server. Never for the machine itself, as
/// in Go.
fn set_proxy(config: &mut Config, environment: &Matcher) {
    let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    let own = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let proxy = environment.intercept(&config.cluster_url).filter(|_| !own);
    config.proxy_url = proxy.map(|proxy| proxy.uri().clone());
}

/// Inside a pod: its service account.
fn within() -> Result<Config> {
    Config::incluster().map_err(|_| {
        anyhow!(
            "no kubeconfig: neither KUBECONFIG nor ~/.kube/config leads to a file; \
             give --kubeconfig FILE, or --server and --token"
        )
    })
}

/// A kubeconfig with one context, one cluster and one user: those that the flags choose, changed as
/// the flags say.
fn choose(files: &Kubeconfig, connection: &Connection) -> Result<Kubeconfig> {
    let context = context(files, connection)?;
    let mut cluster = cluster(files, connection, &context)?;
    let mut user = user(files, connection, &context)?;
    override_cluster(&mut cluster, connection);
    override_user(&mut user, connection);
    let context = Context {
        cluster: CHOSEN.into(),
        user: Some(CHOSEN.into()),
        namespace: context.namespace.filter(|name| !name.is_empty()),
        ..context
    };
    Ok(Kubeconfig {
        current_context: Some(CHOSEN.into()),
        contexts: vec![NamedContext {
            name: CHOSEN.into(),
            context: Some(context),
            ..Default::default()
        }],
        clusters: vec![NamedCluster {
            name: CHOSEN.into(),
            cluster: Some(cluster),
            ..Default::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: CHOSEN.into(),
            auth_info: Some(user),
            ..Default::default()
        }],
        ..Default::default()
    })
}

fn context(files: &Kubeconfig, connection: &Connection) -> Result<Context> {
    let name = connection.context.as_ref().or(files.current_context.as_ref());
    let names = || files.contexts.iter().map(|named| named.name.as_str());
    let Some(name) = name else {
        if connection.server.is_some() || connection.cluster.is_some() {
            return Ok(Context::default());
        }
        match files.contexts.is_empty() {
            true => bail!(
                "the kubeconfig has no context: is KUBECONFIG what it should be? \
                 Or give --server and --token"
            ),
            false => bail!(
                "the kubeconfig has no current context: give --context NAME ({})",
                names().collect::<Vec<_>>().join(", ")
            ),
        }
    };
    let found = files.contexts.iter().find(|named| &named.name == name);
    let Some(found) = found.and_then(|named| named.context.clone()) else {
        bail!("{}", none_called("context", name, names()));
    };
    Ok(found)
}

fn cluster(files: &Kubeconfig, connection: &Connection, context: &Context) -> Result<ClusterEntry> {
    let name = connection.cluster.as_ref().unwrap_or(&context.cluster);
    let found = files.clusters.iter().find(|named| &named.name == name);
    if let Some(found) = found.and_then(|named| named.cluster.clone()) {
        return Ok(found);
    }
    if connection.server.is_some() && connection.cluster.is_none() {
        return Ok(ClusterEntry::default());
    }
    let names = files.clusters.iter().map(|named| named.name.as_str());
    bail!("{}", none_called("cluster", name, names))
}

fn user(files: &Kubeconfig, connection: &Connection, context: &Context) -> Result<AuthInfo> {
    let name = connection.user.as_ref().or(context.user.as_ref());
    let Some(name) = name else { return Ok(AuthInfo::default()) };
    let found = files.auth_infos.iter().find(|named| &named.name == name);
    if let Some(found) = found.and_then(|named| named.auth_info.clone()) {
        return Ok(found);
    }
    if connection.user.is_none() {
        // As kubectl: the server will say that it does not know us.
        return Ok(AuthInfo::default());
    }
    let names = files.auth_infos.iter().map(|named| named.name.as_str());
    bail!("{}", none_called("user", name, names))
}

fn none_called<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names = nearest(name, names);
    match names.is_empty() {
        true => format!("the kubeconfig has no {what} {name:?}, nor any other"),
        false => format!("the kubeconfig has no {what} {name:?}; it has {}", names.join(", ")),
    }
}

fn override_cluster(cluster: &mut ClusterEntry, connection: &Connection) {
    if let Some(server) = &connection.server {
        let full = server.contains("://");
        cluster.server = Some(if full { server.clone() } else { format!("https://{server}") });
    }
    if let Some(file) = &connection.certificate_authority {
        cluster.certificate_authority = Some(file.to_string_lossy().into());
        cluster.certificate_authority_data = None;
    }
    if let Some(skip) = connection.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(skip);
    }
    if let Some(name) = &connection.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
    if let Some(proxy) = &connection.proxy_url {
        cluster.proxy_url = Some(proxy.clone());
    }
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    cluster.certificate_authority = given(&cluster.certificate_authority);
    cluster.certificate_authority_data = given(&cluster.certificate_authority_data);
    cluster.tls_server_name = given(&cluster.tls_server_name);
    // Names are looked up by the proxy either way.
    cluster.proxy_url =
        given(&cluster.proxy_url).map(|proxy| proxy.replacen("socks5h://", "socks5://", 1));
}

fn override_user(user: &mut AuthInfo, connection: &Connection) {
    if let Some(token) = &connection.token {
        // The token is who one wants to be: nothing else may speak before it.
        *user = AuthInfo {
            token: Some(token.clone().into()),
            impersonate: user.impersonate.take(),
            impersonate_uid: user.impersonate_uid.take(),
            impersonate_groups: user.impersonate_groups.take(),
            impersonate_user_extra: user.impersonate_user_extra.take(),
            ..Default::default()
        };
    }
    if let Some(name) = &connection.username {
        user.username = Some(name.clone());
    }
    if let Some(password) = &connection.password {
        user.password = Some(password.clone().into());
    }
    if let Some(file) = &connection.client_certificate {
        user.client_certificate = Some(file.to_string_lossy().into());
        user.client_certificate_data = None;
    }
    if let Some(file) = &connection.client_key {
        user.client_key = Some(file.to_string_lossy().into());
        user.client_key_data = None;
    }
    if let Some(name) = &connection.act_as {
        user.impersonate = Some(name.clone());
    }
    if !connection.act_as_groups.is_empty() {
        user.impersonate_groups = Some(connection.act_as_groups.clone());
    }
    if !connection.act_as_extra.is_empty() {
        let mut extra: HashMap<String, Vec<String>> = HashMap::new();
        for (key, value) in &connection.act_as_extra {
            extra.entry(key.clone()).or_default().push(value.clone());
        }
        user.impersonate_user_extra = Some(extra);
    }
    if let Some(uid) = &connection.act_as_uid {
        user.impersonate_uid = Some(uid.clone());
    }
}

/// Why no client could be made: certificates that cannot be read, a credential plugin that fails.
fn unusable(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Auth(why) => anyhow!("{}", credentials(&why)),
        other => anyhow!("cannot use the kubeconfig: {other}"),
    }
}

/// Without the environment and the output of the plugin, which kube would print: both may be secret.
/// What the plugin has to say to people it has said on stderr.
pub(super) fn credentials(why: &AuthError) -> String {
    match why {
        AuthError::AuthExecStart(error) => format!(
            "cannot get credentials: the credential plugin of the kubeconfig (exec) cannot be \
             started: {error}. Is it installed, and on PATH?"
        ),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let words = format!(
                "cannot get credentials: the credential plugin of the kubeconfig (exec) failed \
                 with {}: log in again, until kubectl get pods works. {said}",
                out.status
            );
            words.trim_end().to_owned()
        }
        AuthError::ReadTokenFile(error, file) => {
            format!("cannot read the token file {}: {error}", file.display())
        }
        other => format!("cannot get credentials: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Kubeconfig {
        Kubeconfig::from_yaml(
            "
current-context: dev
contexts:
- name: dev
  context: {cluster: here, user: me, namespace: shop}
- name: prod
  context: {cluster: there, user: me}
clusters:
- name: here
  cluster: {server: 'https://10.1.2.3:6443', insecure-skip-tls-verify: true}
- name: there
  cluster: {server: 'https://there:6443', proxy-url: 'http://proxy:3128'}
users:
- name: me
  user: {token: secret}
",
        )
        .unwrap()
    }

    #[tokio::test]
    async fn the_context_gives_server_and_namespace() {
        let config = from_files(&files(), &Connection::default()).await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://10.1.2.3:6443/");
        assert_eq!(config.default_namespace, "shop");
    }

    #[tokio::test]
    async fn flags_win() {
        let connection = Connection {
            context: Some("prod".into()),
            server: Some("else:1234".into()),
            act_as: Some("jane".into()),
            token: Some("other".into()),
            ..Default::default()
        };
        let config = from_files(&files(), &connection).await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://else:1234/");
        assert_eq!(config.default_namespace, "default");
        assert_eq!(config.auth_info.impersonate.as_deref(), Some("jane"));
        assert_eq!(config.proxy_url.unwrap().to_string(), "http://proxy:3128/");
    }

    #[test]
    fn an_unknown_context_lists_the_known() {
        let connection = Connection { context: Some("pord".into()), ..Default::default() };
        let error = choose(&files(), &connection).unwrap_err().to_string();
        assert_eq!(error, "the kubeconfig has no context \"pord\"; it has prod, dev");
    }

    #[test]
    fn no_current_context_asks_for_one() {
        let files = Kubeconfig { current_context: None, ..files() };
        let error = choose(&files, &Connection::default()).unwrap_err().to_string();
        assert!(error.ends_with("give --context NAME (dev, prod)"), "{error}");
    }

    #[tokio::test]
    async fn a_server_and_a_token_need_no_kubeconfig() {
        let connection = Connection {
            server: Some("https://h:6443".into()),
            token: Some("t".into()),
            ..Default::default()
        };
        let config = from_files(&Kubeconfig::default(), &connection).await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://h:6443/");
    }

    #[test]
    fn a_broken_kubeconfig_is_not_quoted() {
        let why = Kubeconfig::from_yaml("users: [{name: a, user: {token: [secret]}}]").unwrap_err();
        let text = broken(Path::new("/k"), &why).to_string();
        assert!(text.starts_with("cannot use the kubeconfig /k: "), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn the_password_of_a_proxy_is_not_shown() {
        let mut config = Config::new("https://h:6443".parse().unwrap());
        config.proxy_url = Some("http://me:secret@proxy:3128".parse().unwrap());
        assert_eq!(server(&config), "https://h:6443 through the proxy proxy:3128");
    }

    #[tokio::test]
    async fn no_proxy_is_about_the_server() {
        let mut config = from_files(&files(), &Connection::default()).await.unwrap();
        set_proxy(&mut config, &Matcher::builder().https("http://proxy:3128").build());
        assert!(config.proxy_url.is_some());
        let past = Matcher::builder().https("http://proxy:3128").no("10.0.0.0/8").build();
        set_proxy(&mut config, &past);
        assert!(config.proxy_url.is_none());
    }
}
