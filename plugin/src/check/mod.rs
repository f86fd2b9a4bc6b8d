//! `check`: would a capture work, and if not, what is missing?
//!
//! Nothing is created. Each line is one condition; one that fails is followed by its fix.

mod admission;
mod rights;

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Result;

use crate::args::Check;
use crate::cluster::{Cluster, Target, Wanted, connect, explain, resolve};
use crate::exit::Exit;

/// Role and ClusterRole, as documented.
const RBAC: &str = include_str!("../../../docs/rbac.yaml");

/// How one condition is met.
enum Line {
    Ok(String),
    /// Not needed, but something goes without it.
    Note(String),
    /// What is missing, and what to do.
    Fail(String, String),
}

/// Prints every condition. Ends with 1 if one fails.
pub(crate) async fn run(args: &Check) -> Result<Exit> {
    if args.rbac {
        return print(RBAC).map(|()| Exit::Done);
    }
    let cluster = connect(&args.connection).await?;
    let place = args.agent_namespace.clone().unwrap_or(cluster.namespace.clone());
    let mut lines = vec![server(&cluster).await?];
    let answers = rights::check(&cluster, &place).await?;
    lines.extend(answers.lines);
    let targets = targets(&cluster, args, &mut lines).await;
    lines.push(match answers.may_try {
        true => admission::check(&cluster, args, &place, &targets).await,
        false => admission::not_asked(&place),
    });
    let failed = lines.iter().any(|line| matches!(line, Line::Fail(..)));
    print(&text(&lines))?;
    Ok(if failed { Exit::Error } else { Exit::Done })
}

/// Whether it answers at all. Without it there is nothing else to check.
async fn server(cluster: &Cluster) -> Result<Line> {
    let version = cluster.client.apiserver_version().await;
    let version = version.map_err(|error| explain(error, &cluster.server))?;
    Ok(Line::Ok(format!("{} answers: Kubernetes {}", cluster.server, version.git_version)))
}

/// The pods that were named, each with what is known of it.
async fn targets(cluster: &Cluster, args: &Check, lines: &mut Vec<Line>) -> Vec<Target> {
    if args.names.is_empty() && args.selector.is_none() {
        return Vec::new();
    }
    let wanted = Wanted {
        names: args.names.clone(),
        selector: args.selector.clone(),
        max_pods: usize::MAX,
        ..Default::default()
    };
    match resolve(cluster, &wanted).await {
        Ok(targets) => {
            lines.extend(targets.iter().map(describe));
            targets
        }
        Err(error) => {
            lines.push(Line::Fail(format!("{error:#}"), String::new()));
            Vec::new()
        }
    }
}

fn describe(target: &Target) -> Line {
    let mut text = format!("{} on {}", target.full_name(), target.node);
    match (&target.os, &target.architecture) {
        (Some(os), Some(architecture)) => text += &format!(" ({os}/{architecture})"),
        _ => text += " (architecture unknown)",
    }
    match target.mesh {
        Some(mesh) => text += &format!(": {mesh}"),
        None => text += ": no mesh found",
    }
    if !target.ports.is_empty() {
        let ports: Vec<String> = target.ports.iter().map(|port| format!(":{port}")).collect();
        text += &format!(", application on {}", ports.join(" "));
    }
    match &target.runtime_class {
        Some(class) => Line::Note(format!(
            "{text}. Its runtime class is {class}: in gVisor or Kata, lo is out of the node's reach"
        )),
        None => Line::Ok(text),
    }
}

fn text(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let (mark, words, fix) = match line {
            Line::Ok(words) => ("ok  ", words, ""),
            Line::Note(words) => ("note", words, ""),
            Line::Fail(words, fix) => ("FAIL", words, fix.as_str()),
        };
        let _ = writeln!(text, "{mark}  {words}");
        for line in fix.lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_followed_by_its_fix() {
        let lines = [
            Line::Ok("may get pods".into()),
            Line::Fail("may not create jobs.batch".into(), "ask for the Role".into()),
        ];
        assert_eq!(
            text(&lines),
            "ok    may get pods\nFAIL  may not create jobs.batch\n      ask for the Role\n"
        );
    }
}
