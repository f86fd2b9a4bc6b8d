//! What a process's cgroup says of its container.

/// A container's ID, or a pod's UID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id(String);

/// Fewer letters and digits might be met by accident.
const SHORTEST: usize = 12;

impl Id {
    /// `None` if it cannot be one: too short, or of other characters.
    pub(super) fn new(text: &str) -> Option<Self> {
        let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let long = text.len() >= SHORTEST && text.bytes().any(|byte| byte.is_ascii_digit());
        // The systemd driver writes `_` where a UID has `-`, as `-` separates slices.
        (fits && long).then(|| Self(text.replace('-', "_")))
    }

    /// Whether a `/proc/PID/cgroup` names it, in any of its lines.
    ///
    /// Drivers decorate: `/kubepods/burstable/podUID/ID`, `/kubepods-podUID.slice/cri-containerd-ID.scope`,
    /// and from a private cgroup namespace `/../../kubepods/...`. So the name is looked for, on its
    /// own or behind `pod`, not a path.
    pub(super) fn is_in(&self, cgroup: &str) -> bool {
        cgroup.lines().any(|line| {
            // `0::/path`, `4:memory:/path`
            let path = line.splitn(3, ':').nth(2).unwrap_or_default().replace('-', "_");
            path.match_indices(&self.0).any(|(at, name)| {
                let (before, after) = (&path[..at], &path[at + name.len()..]);
                let part = |c: char| c.is_ascii_alphanumeric();
                !after.starts_with(part) && (!before.ends_with(part) || before.ends_with("pod"))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f1c2a9e8b7d4f1c2a9e8b7d4f1c2a9e8b7d4f1c2a9e8b7d4f1c2a9e8b7d4f1c";
    const UID: &str = "8b3e6f0a-1111-4222-8333-444455556666";
    const UID_: &str = "8b3e6f0a_1111_4222_8333_444455556666";

    /// How runtimes, drivers and kernels spell the same container.
    fn spellings() -> Vec<String> {
        vec![
            format!("0::/kubepods/burstable/pod{UID}/{ID}\n"),
            format!("0::/kubepods/pod{UID}/{ID}"),
            format!("0::/../../kubepods/besteffort/pod{UID}/{ID}\n"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/\
                 cri-containerd-{ID}.scope\n"
            ),
            format!("0::/kubepods.slice/kubepods-pod{UID_}.slice/crio-{ID}.scope/container\n"),
            format!("0::/kubelet.slice/kubelet-kubepods-pod{UID_}.slice/docker-{ID}.scope\n"),
            format!("0::/kubepods/pod{UID}/{ID}/init.scope\n"),
            format!(
                "12:pids:/user.slice\n4:memory:/kubepods/burstable/pod{UID}/{ID}\n\
                 1:name=systemd:/kubepods/burstable/pod{UID}/{ID}\n0::/\n"
            ),
            format!(
                "5:cpu,cpuacct:/system.slice/containerd.service/\
                 kubepods-burstable-pod{UID_}.slice:cri-containerd:{ID}\n"
            ),
        ]
    }

    #[test]
    fn every_spelling_names_container_and_pod() {
        for text in spellings() {
            assert!(Id::new(ID).unwrap().is_in(&text), "{text}");
            assert!(Id::new(UID).unwrap().is_in(&text), "{text}");
            assert!(Id::new(UID_.replace('_', "-").as_str()).unwrap().is_in(&text), "{text}");
        }
    }

    #[test]
    fn another_container_is_not_it() {
        let other = ID.replace("4f1c", "4f1d");
        for text in spellings() {
            assert!(!Id::new(&other).unwrap().is_in(&text), "{text}");
            assert!(!Id::new(&ID[..63]).unwrap().is_in(&text), "a part of an ID: {text}");
            assert!(!Id::new(&ID[1..]).unwrap().is_in(&text), "a part of an ID: {text}");
        }
        for text in ["", "\n", "0::/", "nonsense", "0::", ":::::", "4:memory"] {
            assert!(!Id::new(ID).unwrap().is_in(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_id() {
        for text in
            ["", "a", "4f1c2a9e8b7", "kubepods-burstable", "../../../../etc/1", "1234567890 12"]
        {
            assert_eq!(Id::new(text), None, "{text}");
        }
    }
}
