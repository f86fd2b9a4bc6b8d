use super::{LinkType, Mark};

/// One captured frame: a view of the reader's buffer, gone with the next packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its number in the capture and its time.
    pub mark: Mark,
    /// Which interface it was captured on: index in the order of description, from 0.
    pub interface: u32,
    /// What the bytes begin with.
    pub link: LinkType,
    /// Length on the wire, in bytes; more than `bytes` holds if the snap length cut it.
    pub original_len: u32,
    /// The frame, as far as it was captured.
    pub bytes: &'a [u8],
}

/// Packets for the tests of later stages.
#[cfg(test)]
pub(crate) mod testing {
    use super::{LinkType, Mark, Packet};

    /// A packet without bytes.
    pub(crate) fn packet(mark: Mark, link: LinkType) -> Packet<'static> {
        Packet { mark, interface: 0, link, original_len: 0, bytes: &[] }
    }
}
