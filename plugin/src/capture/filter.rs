//! The capture filter: names in it are looked up here, and what is left is tried here.
//!
//! In the image that the agent runs in there may be neither `/etc/services` nor a resolver, and
//! names mean what they mean where they were typed.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::parcel::Parcel;
use crate::exit::Usage;

/// The filter without names.
///
/// # Errors
/// [`Usage`] for a name that nobody knows.
pub(super) fn resolve(filter: &str) -> Result<String> {
    let mut words: Vec<String> = Vec::new();
    let spaced = filter.replace('(', " ( ").replace(')', " ) ");
    for word in spaced.split_whitespace() {
        let replaced = match words.last().map(String::as_str) {
            Some("port") => port(word)?,
            Some("host") => match host(word)? {
                Some(addresses) => {
                    spread(&mut words, &addresses);
                    continue;
                }
                None => None,
            },
            _ => None,
        };
        words.push(replaced.unwrap_or_else(|| word.to_owned()));
    }
    Ok(words.join(" "))
}

/// The number of a service; `None` if it is a number already.
fn port(word: &str) -> Result<Option<String>> {
    if word.starts_with(|c: char| c.is_ascii_digit() || !c.is_ascii_alphabetic()) {
        return Ok(None);
    }
    let services = fs::read_to_string("/etc/services").unwrap_or_default();
    let found = services.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (name, number) = (words.next()?, words.next()?.split('/').next()?);
        (name == word || words.any(|alias| alias == word)).then(|| number.to_owned())
    });
    found.map(Some).ok_or_else(|| {
        Usage(format!("the filter's port {word:?} is not in /etc/services; give its number")).into()
    })
}

/// The addresses of a host; `None` if it is an address already.
fn host(word: &str) -> Result<Option<Vec<IpAddr>>> {
    if word.parse::<IpAddr>().is_ok() {
        return Ok(None);
    }
    let found: Vec<_> = (word, 0)
        .to_socket_addrs()
        .map(|addresses| addresses.map(|address| address.ip()).collect())
        .unwrap_or_default();
    if found.is_empty() {
        let why = format!("the filter's host {word:?} is not known here; give its address");
        return Err(Usage(why).into());
    }
    Ok(Some(found))
}

/// `src host NAME` becomes `( src host A or src host B )`.
fn spread(words: &mut Vec<String>, addresses: &[IpAddr]) {
    let mut begin = words.len() - 1;
    while begin > 0 && matches!(words[begin - 1].as_str(), "src" | "dst" | "ip" | "ip6") {
        begin -= 1;
    }
    let qualifiers = words.split_off(begin).join(" ");
    let mut addresses: Vec<_> = addresses.iter().map(|a| format!("{qualifiers} {a}")).collect();
    addresses.dedup();
    words.push(format!("( {} )", addresses.join(" or ")));
}

/// Has the agent, here, compile the filter as it will there.
///
/// # Errors
/// [`Usage`] with libpcap's words if it is not understood.
pub(super) fn check(parcel: &Parcel, interface: &str, filter: &str) -> Result<()> {
    let Ok(program) = Program::of(parcel) else { return Ok(()) };
    let ran = Command::new(&program.0)
        .args(["filter", "--interface", interface, "--filter", filter])
        .stdin(Stdio::null())
        .output();
    // Where the agent cannot run (another system, noexec), the one on the node will tell.
    let Ok(output) = ran else { return Ok(()) };
    if output.status.code() != Some(1) {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(Usage(why.trim().trim_start_matches("meshsniff-agent: ").to_owned()).into())
}

/// The agent as a file, for as long as this lives.
struct Program(PathBuf);

impl Program {
    fn of(parcel: &Parcel) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("meshsniff-agent-{}", std::process::id()));
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path);
        let program = Self(path);
        file.context("no temporary file")?.write_all(parcel.agent)?;
        Ok(program)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_stay() {
        let filter = "tcp port 8080 and not (src host 10.0.0.1 or dst host fe80::1)";
        let same = "tcp port 8080 and not ( src host 10.0.0.1 or dst host fe80::1 )";
        assert_eq!(resolve(filter).unwrap(), same);
        assert_eq!(resolve("tcp portrange 80-90").unwrap(), "tcp portrange 80-90");
        assert_eq!(resolve("tcp[13] & 7 != 0").unwrap(), "tcp[13] & 7 != 0");
    }

    #[test]
    fn a_host_is_looked_up_here() {
        let filter = resolve("port 80 and src host localhost").unwrap();
        assert!(filter.starts_with("port 80 and ( src host "), "{filter}");
        assert!(filter.contains("127.0.0.1") || filter.contains("::1"), "{filter}");
        assert!(!filter.contains("localhost"));
    }

    #[test]
    fn what_nobody_knows_is_said() {
        let error = resolve("port nosuchservice").unwrap_err().to_string();
        assert!(error.contains("nosuchservice"), "{error}");
        assert!(resolve("host no.such.host.invalid").is_err());
    }

    #[test]
    fn data_is_not_shell() {
        let filter = "tcp port 80; touch /tmp/x";
        assert_eq!(resolve(filter).unwrap(), filter);
    }
}
