//! Errors of the API server in our words: what was refused, by whom, and what to do.
//!
//! The same status 403 comes from RBAC (you may not) and from admission (nobody may, like this). The
//! first is solved by a Role, the second by other flags or another namespace, so they are told apart
//! by the texts that Kubernetes has had for both since long before 1.20.

use std::error::Error as _;
use std::io;

use kube::client::AuthError;
use kube::core::Status;

use super::connect::credentials;

/// Who refused a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// RBAC, or another authorizer: this user may not.
    Rights { verb: String, resource: String, namespace: Option<String>, user: String },
    /// Pod Security: the namespace allows less than the agent needs.
    PodSecurity { level: String },
    /// A ResourceQuota: full, or it wants requests and limits to be given.
    Quota,
    /// A LimitRange: requests or limits are out of its bounds.
    Limits,
    /// A webhook or a ValidatingAdmissionPolicy.
    Policy { name: String },
    /// The namespace is being deleted.
    NamespaceEnds,
    /// The namespace does not exist.
    NoNamespace { name: String },
    /// Who are you?
    Credentials,
    /// The object does not exist.
    NotFound,
    /// A page of a proxy or of some other server.
    NoApiServer { code: u16 },
    /// Anything else.
    Other,
}

/// The user may not, as [`explain`] says it.
#[derive(Debug)]
pub(crate) struct Forbidden(String);

impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Forbidden {}

/// Tells who refused.
pub(crate) fn refusal(status: &Status) -> Refusal {
    let message = status.message.as_str();
    let after = |marker: &str| Some(quoted(message.split_once(marker)?.1));
    if status.code == 401 || status.reason == "Unauthorized" {
        return Refusal::Credentials;
    }
    // What kube writes where the body is no Status.
    if status.reason == "Failed to parse error data" {
        return Refusal::NoApiServer { code: status.code };
    }
    let details = status.details.as_ref();
    let causes = details.map(|details| details.causes.as_slice()).unwrap_or_default();
    if causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
        || message.contains("because it is being terminated")
    {
        return Refusal::NamespaceEnds;
    }
    if status.is_not_found() {
        let kind = details.map(|details| details.kind.as_str()).unwrap_or_default();
        return match (kind, after("namespaces ")) {
            ("namespaces", Some(name)) => Refusal::NoNamespace { name },
            _ => Refusal::NotFound,
        };
    }
    if let Some(rights) = rights(message) {
        return rights;
    }
    if let Some(level) = after("violates PodSecurity ") {
        let level = level.split(':').next().unwrap_or_default();
        return Refusal::PodSecurity { level: level.into() };
    }
    if let Some(name) = after("admission webhook ").or_else(|| after("ValidatingAdmissionPolicy "))
    {
        return Refusal::Policy { name };
    }
    if message.contains("exceeded quota") || message.contains("failed quota") {
        return Refusal::Quota;
    }
    let limit = ["usage per Container", "usage per Pod", "limit to request ratio per"];
    if status.is_forbidden() && limit.iter().any(|marker| message.contains(marker)) {
        return Refusal::Limits;
    }
    Refusal::Other
}

/// `User "jane" cannot create resource "pods/exec" in API group "" in the namespace "shop"`.
fn rights(message: &str) -> Option<Refusal> {
    let (before, after) = message.split_once(" cannot ")?;
    let (verb, after) = after.split_once(" resource ")?;
    let user = quoted(before.rsplit_once("User ")?.1);
    let group = after.split_once("in API group ").map(|(_, after)| quoted(after));
    let resource = match group.filter(|group| !group.is_empty()) {
        Some(group) => format!("{}.{group}", quoted(after)),
        None => quoted(after),
    };
    let namespace = after.split_once("in the namespace ").map(|(_, after)| quoted(after));
    Some(Refusal::Rights { verb: verb.into(), resource, namespace, user })
}

/// What stands in the quotes that `text` begins with; double or single, as Kubernetes has both.
fn quoted(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(quote @ ('"' | '\'')) => rest.take_while(|&c| c != quote).collect(),
        _ => String::new(),
    }
}

/// Says what went wrong while `doing` (as "listing pods"), and what to do about it.
pub(crate) fn explain(error: kube::Error, doing: &str) -> anyhow::Error {
    let advice = match &error {
        kube::Error::Api(status) => {
            let refusal = refusal(status);
            let text = format!("{doing}: {}", advise(&refusal, &status.message));
            return match refusal {
                Refusal::Rights { .. } => Forbidden(text).into(),
                _ => anyhow::Error::msg(text),
            };
        }
        kube::Error::Auth(why) => credentials(why),
        other => match unreachable(other) {
            Some(why) => why,
            None => other.to_string(),
        },
    };
    anyhow::anyhow!("{doing}: {advice}")
}

/// One or two sentences for `refusal`; `message` is the API server's own.
pub(crate) fn advise(refusal: &Refusal, message: &str) -> String {
    let message = &brief(message);
    match refusal {
        Refusal::Rights { verb, resource, namespace, user } => {
            let place = match namespace {
                Some(namespace) => format!("in namespace {namespace}"),
                None => "in the whole cluster".into(),
            };
            let role = role(verb, resource, namespace.is_some());
            format!(
                "{user} may not {verb} {resource} {place} (RBAC): the {role} has it, and `{ROLE}` prints it"
            )
        }
        Refusal::PodSecurity { level } => format!(
            "Pod Security \"{level}\" of this namespace does not admit the agent, which needs \
             hostPID: --agent-namespace NAME runs it in another. To make one:\n\
             kubectl create namespace meshsniff\n\
             kubectl label namespace meshsniff pod-security.kubernetes.io/enforce=privileged\n\
             The API server: {message}"
        ),
        Refusal::Quota => format!(
            "the ResourceQuota of this namespace does not admit the agent: ask for less XX, or use another namespace with --agent-namespace NAME. \
             The API server: {message}"
        ),
        Refusal::Limits => format!(
            "the LimitRange of this namespace does not admit the agent: change --agent-cpu and \
             --agent-memory, or use another namespace with --agent-namespace NAME. \
             The API server: {message}"
        ),
        Refusal::Policy { name } => format!(
            "the admission policy {name} of this cluster does not admit it: --least-privilege asks \
             for less, --agent-namespace NAME goes to a namespace that is exempt. \
             The API server: {message}"
        ),
        Refusal::NamespaceEnds => {
            "the namespace is being deleted, so nothing can be created in it: \
             use another with --agent-namespace NAME"
                .into()
        }
        Refusal::NoNamespace { name } => {
            format!("there is no namespace {name}: kubectl get namespaces lists them")
        }
        Refusal::Credentials => {
            "the cluster does not accept these credentials (401 Unauthorized). They may have \
             expired: log in again, until kubectl get pods works"
                .into()
        }
        Refusal::NoApiServer { code } => format!(
            "the answer ({code}) is not an API server's but that of a proxy or of some other \
             server: is the address right? kubectl cluster-info tells"
        ),
        Refusal::NotFound | Refusal::Other => message.into(),
    }
}

/// Without the name of a pod that nobody has seen, and no longer than a few lines.
fn brief(message: &str) -> String {
    let reason = message.split_once(" is forbidden: ").map_or(message, |(_, reason)| reason);
    match reason.char_indices().nth(BRIEF) {
        Some((end, _)) => format!("{} ...", &reason[..end]),
        None => reason.to_owned(),
    }
}

/// Characters of the API server's own words: Pod Security's list is long and says little more.
const BRIEF: usize = 240;

/// Which of the documented Roles has that right.
fn role(verb: &str, resource: &str, in_a_namespace: bool) -> &'static str {
    match (in_a_namespace, verb, resource) {
        (false, ..) => "ClusterRole meshsniff",
        (true, _, "pods/log") => "Role meshsniff-logs",
        (true, _, "events.events.k8s.io") => "Role meshsniff-events",
        (true, "list" | "delete", "configmaps")
        | (true, "list", "jobs.batch")
        | (true, "delete", "pods") => "Role meshsniff-clean",
        _ => "Role meshsniff",
    }
}

/// The command that prints the Role.
const ROLE: &str = "kubectl meshsniff check --rbac";

/// Why the API server could not be reached, if that is what happened.
fn unreachable(error: &kube::Error) -> Option<String> {
    let next = "is the cluster running, and is this its address? kubectl cluster-info tells";
    let mut texts = Vec::new();
    let mut cause = error.source();
    let mut proxy = "";
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<AuthError>() {
            return Some(credentials(error));
        }
        let text = error.to_string();
        if text.starts_with("SOCKS error") || text.starts_with("tunnel error") {
            proxy = " through its proxy (proxy-url of the kubeconfig, --proxy-url or HTTPS_PROXY)";
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let why = match error.kind() {
                io::ErrorKind::ConnectionRefused => "connection refused",
                io::ErrorKind::TimedOut => "no answer in time",
                io::ErrorKind::ConnectionReset => "connection reset",
                io::ErrorKind::HostUnreachable => "no route to it",
                io::ErrorKind::NetworkUnreachable => "no network",
                _ => "",
            };
            if !why.is_empty() {
                return Some(format!("cannot reach the API server{proxy}: {why}; {next}"));
            }
        }
        texts.push(text);
        cause = error.source();
    }
    let text = texts.last()?;
    if text.contains("certificate") || text.contains("UnknownIssuer") {
        return Some(format!(
            "the API server's certificate is not the one the kubeconfig expects ({text}): \
             is it the right cluster (--context), the right --certificate-authority?"
        ));
    }
    let outside = matches!(error, kube::Error::Service(_) | kube::Error::HyperError(_));
    outside.then(|| format!("cannot reach the API server{proxy}: {text}; {next}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbidden(message: &str) -> Refusal {
        refusal(&Status::failure(message, "Forbidden").with_code(403))
    }

    #[test]
    fn rights_are_told_by_verb_and_resource() {
        let refused = forbidden(
            "jobs.batch is forbidden: User \"dev\" cannot create resource \"jobs\" in API group \
             \"batch\" in the namespace \"shop\"",
        );
        assert_eq!(
            refused,
            Refusal::Rights {
                verb: "create".into(),
                resource: "jobs.batch".into(),
                namespace: Some("shop".into()),
                user: "dev".into(),
            }
        );
        let advice = advise(&refused, "");
        assert!(
            advice.starts_with("dev may not create jobs.batch in namespace shop (RBAC)"),
            "{advice}"
        );
    }

    #[test]
    fn only_a_missing_right_is_forbidden() {
        let error = |message: &str| {
            let status = Status::failure(message, "Forbidden").with_code(403);
            explain(kube::Error::Api(status.boxed()), "reading deploy/x")
        };
        let right = error(
            "deployments.apps \"x\" is forbidden: User \"dev\" cannot get resource \"deployments\" \
             in API group \"apps\" in the namespace \"web\"",
        );
        let text = "reading deploy/x: dev may not get deployments.apps in namespace web (RBAC)";
        assert!(right.is::<Forbidden>() && right.to_string().starts_with(text), "{right}");
        assert!(!error("pods \"x\" is forbidden: exceeded quota: small").is::<Forbidden>());
    }

    #[test]
    fn a_subresource_and_a_whole_cluster() {
        let exec = "pods \"x\" is forbidden: User \"dev\" cannot create resource \"pods/exec\" in \
                    API group \"\" in the namespace \"shop\"";
        assert!(matches!(forbidden(exec),
            Refusal::Rights { resource, .. } if resource == "pods/exec"));
        let all = "pods is forbidden: User \"dev\" cannot list resource \"pods\" in API group \"\" \
                   at the cluster scope";
        assert!(matches!(forbidden(all), Refusal::Rights { namespace: None, .. }));
    }

    #[test]
    fn admission_is_not_rights() {
        let level = "pods \"meshsniff-x\" is forbidden: violates PodSecurity \"baseline:latest\": \
                     host namespaces (hostPID=true)";
        assert_eq!(forbidden(level), Refusal::PodSecurity { level: "baseline".into() });
        let quota = "pods \"meshsniff-x\" is forbidden: exceeded quota: small, requested: pods=1, \
                     used: pods=1, limited: pods=1";
        assert_eq!(forbidden(quota), Refusal::Quota);
        let must = "pods \"x\" is forbidden: failed quota: small: must specify limits.cpu for: app";
        assert_eq!(forbidden(must), Refusal::Quota);
        let limit = "pods \"x\" is forbidden: maximum memory usage per Container is 8Mi, but \
                     limit is 256Mi";
        assert_eq!(forbidden(limit), Refusal::Limits);
        let webhook = "admission webhook \"validate.kyverno.svc-fail\" denied the request: no";
        assert_eq!(
            forbidden(webhook),
            Refusal::Policy { name: "validate.kyverno.svc-fail".into() }
        );
        let policy = "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'no-host' with binding \
                      'all' denied request: no";
        assert_eq!(forbidden(policy), Refusal::Policy { name: "no-host".into() });
    }

    #[test]
    fn a_namespace_that_ends_and_one_that_is_not() {
        let ends = "pods \"x\" is forbidden: unable to create new content in namespace old because \
                    it is being terminated";
        assert_eq!(forbidden(ends), Refusal::NamespaceEnds);
        let status: Status = serde_json::from_value(serde_json::json!({
            "code": 404, "reason": "NotFound", "message": "namespaces \"nope\" not found",
            "details": {"name": "nope", "kind": "namespaces"}
        }))
        .unwrap();
        assert_eq!(refusal(&status), Refusal::NoNamespace { name: "nope".into() });
    }

    #[test]
    fn a_page_is_not_printed() {
        let page = Status::failure("<html><title>404", "Failed to parse error data").with_code(404);
        let text = explain(kube::Error::Api(page.boxed()), "listing pods").to_string();
        assert!(text.contains("the answer (404) is not an API server's"), "{text}");
        assert!(!text.contains("html"), "{text}");
    }

    #[test]
    fn expired_credentials_say_so() {
        let status = Status::failure("Unauthorized", "Unauthorized").with_code(401);
        let text = explain(kube::Error::Api(status.boxed()), "listing pods").to_string();
        assert!(text.starts_with("listing pods: the cluster does not accept"), "{text}");
    }

    #[test]
    fn a_refused_connection_says_so() {
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        let text = explain(kube::Error::Service(error.into()), "listing pods").to_string();
        assert!(text.contains("cannot reach the API server: connection refused"), "{text}");
    }
}
