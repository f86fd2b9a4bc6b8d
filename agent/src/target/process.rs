//! Processes, as `/proc` lists them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Id;

/// Processes whose cgroup names one of `ids`, the oldest first: it is the container's own, while
/// later ones may have made namespaces for themselves.
///
/// # Errors
/// If `proc` cannot be listed.
pub(super) fn find(proc: &Path, ids: &[Id]) -> io::Result<Vec<u32>> {
    let belongs = |process: u32| {
        // Processes end while this reads: no text, no match.
        let cgroup = fs::read(proc.join(process.to_string()).join("cgroup")).unwrap_or_default();
        let cgroup = String::from_utf8_lossy(&cgroup);
        ids.iter().any(|id| id.is_in(&cgroup))
    };
    Ok(oldest_first(proc, numbers(proc)?.filter(|process| belongs(*process))))
}

/// Processes in the network namespace with this inode, the oldest first.
pub(super) fn in_namespace(proc: &Path, inode: u64) -> Vec<u32> {
    let inside = |process: &u32| {
        let path = proc.join(process.to_string()).join("ns/net");
        fs::metadata(path).is_ok_and(|namespace| namespace.ino() == inode)
    };
    let own = std::process::id();
    let others = numbers(proc).into_iter().flatten().filter(|process| *process != own);
    oldest_first(proc, others.filter(inside))
}

fn numbers(proc: &Path) -> io::Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir(proc)?.filter_map(Result::ok);
    Ok(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

fn oldest_first(proc: &Path, processes: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut aged: Vec<_> = processes.map(|process| (started(proc, process), process)).collect();
    aged.sort_unstable();
    aged.into_iter().map(|(_, process)| process).collect()
}

/// When the process began, in ticks since the machine did: field 22 of `stat`. Of one that is gone:
/// late.
fn started(proc: &Path, process: u32) -> u64 {
    let stat = fs::read(proc.join(process.to_string()).join("stat")).unwrap_or_default();
    let stat = String::from_utf8_lossy(&stat);
    // Field 2 is the program's name in parentheses, with whatever characters it has.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_ascii_whitespace().nth(19).and_then(|ticks| ticks.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    /// A `/proc` of these processes: number, start, cgroup.
    fn made(name: &str, processes: &[(u32, u64, &str)]) -> std::path::PathBuf {
        let proc = std::env::temp_dir().join(format!("meshsniff-{name}-{}", std::process::id()));
        for (number, start, cgroup) in processes {
            let own = proc.join(number.to_string());
            fs::create_dir_all(&own).unwrap();
            fs::write(own.join("cgroup"), cgroup).unwrap();
            let zeros = "0 ".repeat(18);
            fs::write(own.join("stat"), format!("{number} (a) b) (c) S {zeros}{start} 0 0\n"))
                .unwrap();
        }
        fs::create_dir_all(proc.join("sys")).unwrap();
        fs::create_dir_all(proc.join("99")).unwrap();
        proc
    }

    #[test]
    fn several_processes_of_a_container_the_oldest_first() {
        let inside = format!("0::/kubepods/pod1/{ID}\n");
        let processes =
            [(7, 300, &*inside), (8, 100, "0::/init.scope\n"), (9, 200, &inside), (1, 1, "0::/")];
        let proc = made("find", &processes);
        assert_eq!(find(&proc, &[Id::new(ID).unwrap()]).unwrap(), [9, 7]);
        let unknown = Id::new("ffffffffffffffff0").unwrap();
        assert!(find(&proc, std::slice::from_ref(&unknown)).unwrap().is_empty());
        assert_eq!(find(&proc, &[unknown, Id::new(ID).unwrap()]).unwrap(), [9, 7], "any will do");
        fs::remove_dir_all(proc).unwrap();
    }

    #[test]
    fn no_proc_is_an_error() {
        assert!(find(Path::new("/nowhere"), &[]).is_err());
    }
}
