//! Names in a filter, replaced by what they mean here.
//!
//! Only names change: everything else is passed on letter by letter, for libpcap to judge. What a
//! word is follows pcap-filter(7): a word that is not of the language is an identifier, of the type
//! that the last `port`, `portrange`, `host`, `net` or `proto` before it said, also behind `and` and
//! `or`.

use std::net::IpAddr;
use std::ops::Range;

use anyhow::Result;

use super::lookup::{self, Transport};

/// What an identifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Host,
    Net,
    Port,
    PortRange,
    /// A protocol above IP.
    Protocol,
    /// What libpcap looks up without the system: link-layer protocols and addresses, VLANs.
    Other,
}

/// Words of the language that are not identifiers, nor qualifiers of them.
const WORDS: [&str; 52] = [
    "and",
    "or",
    "not",
    "less",
    "greater",
    "len",
    "length",
    "inbound",
    "outbound",
    "broadcast",
    "multicast",
    "vlan",
    "mpls",
    "pppoed",
    "pppoes",
    "geneve",
    "ifname",
    "on",
    "rnr",
    "rulenum",
    "reason",
    "rset",
    "ruleset",
    "srnr",
    "subrulenum",
    "action",
    "type",
    "subtype",
    "dir",
    "mask",
    "byte",
    "llc",
    "iso",
    "clnp",
    "esis",
    "isis",
    "stp",
    "ipx",
    "netbeui",
    "aarp",
    "atalk",
    "decnet",
    "lat",
    "moprc",
    "mopdl",
    "l1",
    "l2",
    "iih",
    "lsp",
    "snp",
    "csnp",
    "psnp",
];

/// Qualifiers that name a protocol; alone they are a filter of their own.
const PROTOCOLS: [&str; 18] = [
    "ether", "link", "ppp", "slip", "fddi", "tr", "wlan", "ip", "ip6", "arp", "rarp", "tcp", "udp",
    "sctp", "icmp", "icmp6", "igmp", "igrp",
];

/// More of them, which have no qualifiers behind.
const ALONE: [&str; 5] = ["pim", "vrrp", "carp", "ah", "esp"];

/// The filter without names.
///
/// # Errors
/// [`Usage`](crate::exit::Usage) for a name that nobody knows.
pub(super) fn resolve(filter: &str) -> Result<String> {
    let mut reader = Reader { out: String::with_capacity(filter.len()), ..Reader::default() };
    let mut rest = filter;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            _ if is_of_a_word(first) => rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        if is_of_a_word(first) {
            reader.word(token)?;
        } else {
            reader.other(token);
        }
    }
    Ok(reader.out)
}

/// Letters of names, numbers, addresses, networks; `\tcp` is a name, too.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '\\')
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reader {
    out: String,
    /// Where the qualifiers of the identifier to come begin in `out`, if there are any.
    begin: Option<usize>,
    /// The qualifiers of the last identifier, which hold for the next one if it has none.
    last: Qualifiers,
}

#[derive(Clone, Debug, Default)]
struct Qualifiers {
    text: String,
    protocol: String,
    kind: Option<Type>,
}

impl Reader {
    fn other(&mut self, token: &str) {
        if !token.trim().is_empty() {
            self.begin = None;
        }
        self.out.push_str(token);
    }

    fn word(&mut self, word: &str) -> Result<()> {
        let kind = match word {
            "host" => Some(Type::Host),
            "net" => Some(Type::Net),
            "port" => Some(Type::Port),
            "portrange" => Some(Type::PortRange),
            "proto" | "protochain" if self.is_of_link() => Some(Type::Other),
            "proto" | "protochain" => Some(Type::Protocol),
            "gateway" | "vlan" | "mpls" | "ifname" => Some(Type::Other),
            _ => None,
        };
        if let Some(kind) = kind {
            self.qualifier(word).kind = Some(kind);
        } else if matches!(word, "src" | "dst") {
            self.qualifier(word);
        } else if PROTOCOLS.contains(&word) {
            self.qualifier(word).protocol = word.into();
        } else if matches!(word, "and" | "or") && self.joins_directions() {
            self.out.push_str(word);
        } else if WORDS.contains(&word) || ALONE.contains(&word) {
            self.other(word);
        } else {
            self.identifier(word)?;
        }
        Ok(())
    }

    /// `ether proto`, whose names libpcap knows itself.
    fn is_of_link(&self) -> bool {
        let link = ["ether", "link", "ppp", "slip", "fddi", "tr", "wlan"];
        self.begin.is_some() && link.contains(&self.last.protocol.as_str())
    }

    /// `src or dst`, `src and dst`: one direction.
    fn joins_directions(&self) -> bool {
        let so_far = self.begin.map(|begin| self.out[begin..].trim_end());
        so_far.is_some_and(|text| text.ends_with("src") || text.ends_with("dst"))
    }

    /// A word that says what the identifier behind it is.
    fn qualifier(&mut self, word: &str) -> &mut Qualifiers {
        if self.begin.is_none() {
            self.begin = Some(self.out.len());
            self.last = Qualifiers::default();
        }
        self.out.push_str(word);
        &mut self.last
    }

    fn identifier(&mut self, word: &str) -> Result<()> {
        let begin = self.begin.take();
        if let Some(begin) = begin {
            self.last.text = self.out[begin..].trim_end().to_owned();
        }
        match self.meaning(word)? {
            None => self.out.push_str(word),
            Some(one) if one.len() == 1 => self.out.push_str(&one[0]),
            Some(several) => {
                self.out.truncate(begin.unwrap_or(self.out.len()));
                let text = match self.last.text.as_str() {
                    "" => "host",
                    text => text,
                };
                let each: Vec<_> = several.iter().map(|one| format!("{text} {one}")).collect();
                self.out += &format!("( {} )", each.join(" or "));
            }
        }
        Ok(())
    }

    /// What stands for the name; `None` for a number or an address, and for what is no name here.
    fn meaning(&self, word: &str) -> Result<Option<Vec<String>>> {
        let plain = word.strip_prefix('\\').unwrap_or(word);
        let one = |number: u32| Some(vec![number.to_string()]);
        let port = |name: &str| lookup::port(name, self.transport());
        Ok(match self.last.kind.unwrap_or(Type::Host) {
            Type::Other => None,
            _ if plain.is_empty() || is_number(plain) || is_constant(plain) => None,
            Type::Protocol => one(lookup::protocol(plain)?),
            Type::Port => one(port(plain)?.into()),
            Type::PortRange => range(plain, port)?.map(|text| vec![text]),
            Type::Net => match plain.contains(['/', ':']) || is_address(plain) {
                true => None,
                false => Some(vec![lookup::network(plain)?]),
            },
            Type::Host => match plain.contains([':', '/']) || is_address(plain) {
                true => None,
                false => Some(self.addresses(plain)?),
            },
        })
    }

    fn addresses(&self, name: &str) -> Result<Vec<String>> {
        let wanted = |address: &IpAddr| match self.last.protocol.as_str() {
            "ip" | "arp" | "rarp" => address.is_ipv4(),
            "ip6" => address.is_ipv6(),
            _ => true,
        };
        let all = lookup::host(name, wanted)?;
        Ok(all.iter().map(IpAddr::to_string).collect())
    }

    fn transport(&self) -> Transport {
        match self.last.protocol.as_str() {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => Transport::Any,
        }
    }
}

/// `http-https`, `80-http-alt`: at one of its dashes it is a range.
fn range(word: &str, port: impl Fn(&str) -> Result<u16>) -> Result<Option<String>> {
    let one = |name: &str| match is_number(name) {
        true => Ok(name.to_owned()),
        false => port(name).map(|number| number.to_string()),
    };
    let mut failed = None;
    for (dash, _) in word.match_indices('-') {
        let Range { start, end } = dash..dash + 1;
        match (one(&word[..start]), one(&word[end..])) {
            (Ok(from), Ok(to)) => return Ok(Some(format!("{from}-{to}"))),
            (Err(error), _) | (_, Err(error)) => failed = failed.or(Some(error)),
        }
    }
    // Without a dash libpcap takes it for a single port.
    match failed {
        Some(error) => Err(error),
        None => one(word).map(Some),
    }
}

/// `80`, `0x50`, `80-90`.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(word)
        || word.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
        || word.split_once('-').is_some_and(|(from, to)| digits(from) && digits(to))
}

/// `10`, `10.1`, `10.1.2.3`.
fn is_address(word: &str) -> bool {
    word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// `tcp-syn`, `icmp-echo`: what expressions with brackets are compared with.
fn is_constant(word: &str) -> bool {
    ["tcp-fin", "tcp-syn", "tcp-rst", "tcp-push", "tcp-ack", "tcp-urg", "tcp-ece", "tcp-cwr"]
        .contains(&word)
        || word.starts_with("icmp-")
        || word.starts_with("icmp6-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(filter: &str) -> String {
        resolve(filter).unwrap()
    }

    #[test]
    fn what_has_no_names_stays_as_it_is() {
        for filter in [
            "",
            "tcp port 8080 and not (src host 10.0.0.1 or dst host fe80::1)",
            "tcp portrange 80-90",
            "tcp[13] & 7 != 0",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.1",
            "ip[6:2] & 0x1fff = 0 || icmp[icmptype] == icmp-echo",
            "net 10.0.0.0/8 or net 10.0.0.0 mask 255.0.0.0 or ip6 net 2001:db8::/32",
            "ether proto \\arp or ether host 02:00:00:00:00:01 or vlan 5 && tcp",
            "less 100 or greater 200 or len > 100 or ip broadcast or ip6 multicast",
        ] {
            assert_eq!(resolved(filter), filter);
        }
    }

    #[test]
    fn ports_by_name_also_behind_or_and_in_ranges() {
        assert_eq!(resolved("tcp port http or https"), "tcp port 80 or 443");
        assert_eq!(
            resolved("src port http and dst port not ssh"),
            "src port 80 and dst port not 22"
        );
        assert_eq!(resolved("port (http or https or 9080)"), "port (80 or 443 or 9080)");
        assert_eq!(resolved("tcp portrange ftp-http"), "tcp portrange 21-80");
        assert_eq!(resolved("portrange 80-http-alt"), "portrange 80-8080");
        assert_eq!(resolved("src or dst port domain"), "src or dst port 53");
    }

    #[test]
    fn hosts_become_all_their_addresses() {
        assert_eq!(resolved("ip host localhost"), "ip host 127.0.0.1");
        assert_eq!(resolved("port 80 and ip src localhost"), "port 80 and ip src 127.0.0.1");
        let both = resolved("tcp and src or dst host localhost");
        assert!(both.contains("host 127.0.0.1"), "{both}");
        assert!(both == "tcp and src or dst host 127.0.0.1" || both.contains("( src or dst host "));
    }

    #[test]
    fn addresses_of_one_kind_alone() {
        let last = Qualifiers { protocol: "ip6".into(), ..Qualifiers::default() };
        let reader = Reader { last, ..Reader::default() };
        let all = reader.addresses("localhost").unwrap_or_default();
        assert!(all.iter().all(|address| address.contains(':')), "{all:?}");
    }

    #[test]
    fn protocols_by_name() {
        assert_eq!(resolved("ip proto \\tcp or udp"), "ip proto 6 or udp");
        assert_eq!(resolved("ip proto ospf"), "ip proto 89");
        assert_eq!(resolved("ip6 proto \\icmp6"), "ip6 proto 58");
    }

    #[test]
    fn networks_by_name() {
        assert_eq!(resolved("net loopback"), "net 127");
    }

    #[test]
    fn what_nobody_knows_is_said() {
        let said = |filter: &str| resolve(filter).unwrap_err().to_string();
        assert!(said("port nosuchservice").contains("port \"nosuchservice\""));
        assert!(said("tcp port http or nosuchservice").contains("nosuchservice"));
        assert!(said("host no.such.host.invalid").contains("host \"no.such.host.invalid\""));
        assert!(said("net nosuchnet").contains("network \"nosuchnet\""));
        assert!(said("ip proto nosuch").contains("protocol \"nosuch\""));
        // A word that is no qualifier is a host's name, as for tcpdump.
        assert!(said("tcp prot 80").contains("prot"));
        // Nor is it a shell's.
        assert!(said("(tcp port 80) or tcp port 81; touch /x").contains("touch"));
    }
}
