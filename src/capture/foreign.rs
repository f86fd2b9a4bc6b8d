use super::error::Fault;

/// Says what a file that is no capture looks like from its first 4 bytes, and what to do.
pub(super) fn guess(head: &[u8]) -> Fault {
    const CONVERT: &str = "convert it: editcap IN OUT.pcapng";
    const UNPACK: &str = "unpack it first; only gzip and zstd are unpacked on the fly";
    const OTHER: &str = "give the file that tcpdump, Wireshark or this tool wrote";
    const KNOWN: [(&[u8], &str, &str); 13] = [
        (b"\x34\xcd\xb2\xa1", "a pcap of the modified kind (magic a1b2cd34)", CONVERT),
        (b"\xa1\xb2\xcd\x34", "a pcap of the modified kind (magic a1b2cd34)", CONVERT),
        (b"snoo", "a snoop capture", CONVERT),
        (b"GMBU", "a Network Monitor capture", CONVERT),
        (b"\xfd7zX", "an xz archive", UNPACK),
        (b"BZh", "a bzip2 archive", UNPACK),
        (b"PK\x03\x04", "a zip archive", UNPACK),
        (b"\x04\x22\x4d\x18", "an lz4 archive", UNPACK),
        (b"7z\xbc\xaf", "a 7z archive", UNPACK),
        (b"\x7fELF", "a program (ELF)", OTHER),
        (b"{", "JSON, perhaps a HAR file or Envoy's log", OTHER),
        (b"[", "JSON", OTHER),
        (b"<", "XML or HTML", OTHER),
    ];
    let known = KNOWN.iter().find(|(magic, ..)| head.starts_with(magic));
    let (found, step) = match known {
        Some((_, found, step)) => (*found, *step),
        None if head
            .iter()
            .take(64)
            .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 32..=126)) =>
        {
            ("text, perhaps what tcpdump prints without -w", OTHER)
        }
        None => ("bytes of an unknown kind", OTHER),
    };
    Fault::NotACapture { found, step }
}
