//! A target: found by what its processes say of themselves, entered before anything is opened.

mod cgroup;
mod namespace;
mod process;
mod sandbox;

use std::path::Path;
use std::str::FromStr;

pub(crate) use cgroup::Id;
pub(crate) use sandbox::Sandbox;

/// Whose network namespace is captured, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `namespace/pod`.
    pub(crate) name: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Of a process whose cgroup names one of these.
    Cgroup(Vec<Id>),
    /// Of this process: where there is no cgroup of its own, as in tests.
    Process(u32),
}

/// A target that is not understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "--target {0:?} is not NAME=ID[,ID...]: a name, and a container's ID without its runtime's \
     name (64 letters and digits) or the pod's UID; or NAME=pid:PID"
)]
pub(crate) struct NotATarget(String);

/// What keeps a target from being captured. Every text has the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "no process here belongs to it: it has ended or moved to another node, or this pod does \
         not see the node's processes (hostPID: true shows them)"
    )]
    NotFound,
    #[error(
        "no right to look into process {process}: this needs the capability SYS_PTRACE ({reason})"
    )]
    MayNotLook { process: u32, reason: std::io::Error },
    #[error(
        "no right to enter the network namespace of process {process}: this needs the capability \
         SYS_ADMIN ({reason})"
    )]
    MayNotEnter { process: u32, reason: nix::Error },
    #[error("the processes of this node cannot be listed: is /proc mounted? ({0})")]
    NoProcesses(std::io::Error),
}

impl FromStr for Target {
    type Err = NotATarget;

    fn from_str(text: &str) -> Result<Self, NotATarget> {
        let not = || NotATarget(text.to_owned());
        let (name, place) = text.split_once('=').ok_or_else(not)?;
        let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
        if name.is_empty() || name.len() > 512 || !printable {
            return Err(not());
        }
        let place = match place.strip_prefix("pid:") {
            Some(process) => Place::Process(process.parse().map_err(|_| not())?),
            None => {
                let ids = place.split(',').map(Id::new);
                Place::Cgroup(ids.collect::<Option<_>>().ok_or_else(not)?)
            }
        };
        Ok(Self { name: name.to_owned(), place })
    }
}

impl Target {
    /// Moves this thread into the target's network namespace.
    ///
    /// # Errors
    /// [`Error`] if there is no such process, or no right.
    pub(crate) fn enter(&self) -> Result<Sandbox, Error> {
        let proc = Path::new("/proc");
        let processes = match &self.place {
            Place::Process(process) => vec![*process],
            Place::Cgroup(ids) => process::find(proc, ids).map_err(Error::NoProcesses)?,
        };
        let inside = namespace::enter(proc, &processes)?;
        Ok(Sandbox::look(process::in_namespace(proc, inside)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_where_it_is() {
        let id = "4f1c2a9e8b7d4f1c2a9e8b7d4f1c2a9e8b7d4f1c2a9e8b7d4f1c2a9e8b7d4f1c";
        let uid = "8b3e6f0a-1111-4222-8333-444455556666";
        let target: Target = format!("shop/a={id},{uid}").parse().unwrap();
        assert_eq!(target.name, "shop/a");
        assert_eq!(target.place, Place::Cgroup(vec![Id::new(id).unwrap(), Id::new(uid).unwrap()]));
        let target: Target = "a=pid:17".parse().unwrap();
        assert_eq!(target.place, Place::Process(17));
    }

    #[test]
    fn what_would_find_anything_is_refused() {
        for text in ["", "a", "a=", "=pid:1", "a=pid:", "a=pid:x", "a=kubepods", "a b=pid:1"] {
            assert_eq!(text.parse::<Target>(), Err(NotATarget(text.into())), "{text}");
        }
        assert!("a=0123456789abcdef,".parse::<Target>().is_err());
        assert!("a=../../../etc/passwd".parse::<Target>().is_err());
    }
}
