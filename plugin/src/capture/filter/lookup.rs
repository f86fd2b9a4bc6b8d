//! What a name means on this machine.

use std::fs;
use std::net::{IpAddr, ToSocketAddrs as _};

use anyhow::Result;

use crate::exit::Usage;

/// Whose ports are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Udp,
    Any,
}

/// The number of a service.
pub(super) fn port(name: &str, transport: Transport) -> Result<u16> {
    let wanted = match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Any => "",
    };
    let found = entry("/etc/services", name, |number| {
        let (number, of) = number.split_once('/')?;
        if of.contains(wanted) { number.parse().ok() } else { None }
    });
    found.ok_or_else(|| unknown("port", name, "/etc/services", "number"))
}

/// The number of a protocol above IP.
pub(super) fn protocol(name: &str) -> Result<u32> {
    // libpcap's names, which the file spells otherwise, if it is there.
    let known = match name {
        "icmp" => Some(1),
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp6" => Some(58),
        _ => entry("/etc/protocols", name, |number| number.parse().ok()),
    };
    known.ok_or_else(|| unknown("protocol", name, "/etc/protocols", "number"))
}

/// A network by its leading numbers: `127` for `127.0.0.0`.
pub(super) fn network(name: &str) -> Result<String> {
    let found =
        entry("/etc/networks", name, |number| Some(number.trim_end_matches(".0").to_owned()));
    found.ok_or_else(|| unknown("network", name, "/etc/networks", "address"))
}

/// Those addresses of a host that are wanted.
pub(super) fn host(name: &str, wanted: impl Fn(&IpAddr) -> bool) -> Result<Vec<IpAddr>> {
    let found = (name, 0).to_socket_addrs();
    let mut all: Vec<IpAddr> =
        found.into_iter().flatten().map(|one| one.ip()).filter(wanted).collect();
    all.sort();
    all.dedup();
    match all.is_empty() {
        true => {
            Err(Usage(format!("the filter's host {name:?} is not known here; give its address"))
                .into())
        }
        false => Ok(all),
    }
}

/// From a file whose lines have a name, a number, other names, and comments behind `#`.
fn entry<T>(file: &str, name: &str, number: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (first, value) = (words.next()?, words.next()?);
        if first == name || words.any(|alias| alias == name) { number(value) } else { None }
    })
}

fn unknown(what: &str, name: &str, file: &str, instead: &str) -> anyhow::Error {
    Usage(format!("the filter's {what} {name:?} is not in {file}; give its {instead}")).into()
}
