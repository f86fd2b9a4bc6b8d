use super::*;
use crate::capture::{LinkType, Mark};

/// A TCP header with ports 4000 → 80, PSH and ACK.
const TCP: [u8; 20] =
    [0x0f, 0xa0, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 1, 0, 0xde, 0xad, 0, 0];

fn ipv4(total: u16, protocol: u8, fragment: u16) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend(total.to_be_bytes());
    ip.extend([0, 1]);
    ip.extend(fragment.to_be_bytes());
    ip.extend([64, protocol, 0xba, 0xd0, 127, 0, 0, 6, 10, 0, 0, 1]);
    ip
}

fn ipv6(len: u16, next: u8) -> Vec<u8> {
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend(len.to_be_bytes());
    ip.extend([next, 64]);
    ip.extend([0; 15]);
    ip.push(6);
    ip.extend([0; 15]);
    ip.push(1);
    ip
}

fn ethernet(types: &[u16], rest: &[&[u8]]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    for (i, kind) in types.iter().enumerate() {
        if i > 0 {
            frame.extend([0, 42]);
        }
        frame.extend(kind.to_be_bytes());
    }
    frame.extend(rest.concat());
    frame
}

fn packet(link: LinkType, bytes: &[u8]) -> Packet<'_> {
    packet_of(link, bytes, bytes.len() as u32)
}

fn packet_of(link: LinkType, bytes: &[u8], original_len: u32) -> Packet<'_> {
    Packet { bytes, original_len, ..crate::capture::testing::packet(Mark::default(), link) }
}

#[test]
fn every_link_header_leads_to_the_same_segment() {
    let ip = [&ipv4(45, 6, 0x4000)[..], &TCP, b"hello"].concat();
    let mut sll = vec![0; 14];
    sll.extend([8, 0]);
    let mut sll2 = vec![8, 0, 0, 0, 0, 0, 0, 3];
    sll2.extend([0; 12]);
    let frames = [
        (LinkType::Ethernet, ethernet(&[0x0800], &[&ip])),
        (LinkType::Ethernet, ethernet(&[0x8100, 0x0800], &[&ip])),
        (LinkType::Ethernet, ethernet(&[0x88a8, 0x8100, 0x0800], &[&ip])),
        (LinkType::LinuxSll, [sll, ip.clone()].concat()),
        (LinkType::LinuxSll2, [sll2, ip.clone()].concat()),
        (LinkType::Raw, ip.clone()),
        (LinkType::Ipv4, ip.clone()),
        (LinkType::Null, [vec![2, 0, 0, 0], ip.clone()].concat()),
        (LinkType::Loop, [vec![0, 0, 0, 2], ip.clone()].concat()),
    ];
    for (link, frame) in frames {
        let segment = decode(&packet(link, &frame)).unwrap();
        assert_eq!(segment.payload, b"hello", "{link:?}");
        assert_eq!(segment.payload_len, 5);
        assert_eq!(segment.addresses.src.socket().to_string(), "127.0.0.6:4000");
        assert_eq!(segment.addresses.dst.socket().to_string(), "10.0.0.1:80");
        assert_eq!((segment.seq, segment.ack), (Seq(7), Seq(9)));
        assert!(segment.flags.ack() && !segment.flags.syn());
        assert_eq!(segment.place, if link == LinkType::LinuxSll2 { 3 } else { 0 });
    }
}

#[test]
fn padding_of_a_short_frame_is_not_payload() {
    let frame = ethernet(&[0x0800], &[&ipv4(40, 6, 0), &TCP, &[0; 6]]);
    let segment = decode(&packet(LinkType::Ethernet, &frame)).unwrap();
    assert_eq!((segment.payload.len(), segment.payload_len), (0, 0));
}

#[test]
fn length_zero_means_longer_than_the_field_can_say() {
    let body = vec![b'x'; 80_000];
    for ip in [ipv4(0, 6, 0), ipv6(0, 6)] {
        let frame = [&ip[..], &TCP, &body].concat();
        let segment = decode(&packet(LinkType::Raw, &frame)).unwrap();
        assert_eq!(segment.payload_len, 80_000);
        assert_eq!(segment.payload.len(), 80_000);
    }
    // The same, cut by the snap length.
    let frame = [&ipv4(0, 6, 0)[..], &TCP, &body].concat();
    let segment = decode(&packet_of(LinkType::Raw, &frame[..140], 80_040)).unwrap();
    assert_eq!((segment.payload.len(), segment.payload_len), (100, 80_000));
}

#[test]
fn jumbo_hop_by_hop_header_is_passed() {
    let hop = [6, 0, 0xc2, 4, 0, 1, 0x38, 0xa0];
    let body = vec![b'x'; 80_000];
    let frame = [&ipv6(0, 0)[..], &hop, &TCP, &body].concat();
    let segment = decode(&packet(LinkType::Raw, &frame)).unwrap();
    assert_eq!(segment.payload_len, 80_000);
}

#[test]
fn a_snap_length_inside_the_options_keeps_the_segment() {
    let mut tcp = TCP;
    tcp[12] = 0x80;
    let frame = [&ipv4(152, 6, 0)[..], &tcp, &[1; 12]].concat();
    let segment = decode(&packet_of(LinkType::Raw, &frame[..44], 152)).unwrap();
    assert_eq!((segment.payload.len(), segment.payload_len), (0, 100));
}

#[test]
fn what_is_not_a_segment_has_a_reason() {
    let frag6 = [6, 0, 0, 9, 0, 0, 0, 1];
    let atomic6 = [6, 0, 0, 0, 0, 0, 0, 1];
    let cases: [(Vec<u8>, Skip); 9] = [
        (ethernet(&[0x0806], &[&[0; 28]]), Skip::NotIp),
        (ethernet(&[0x0800], &[&ipv4(28, 17, 0), &[0; 8]]), Skip::NotTcp),
        (ethernet(&[0x0800], &[&ipv4(40, 6, 0x2000), &TCP]), Skip::Fragment),
        (ethernet(&[0x0800], &[&ipv4(40, 6, 0x0010), &TCP]), Skip::Fragment),
        (ethernet(&[0x86dd], &[&ipv6(28, 44), &frag6, &TCP]), Skip::Fragment),
        (ethernet(&[0x0800], &[&ipv4(40, 6, 0), &TCP[..19]]), Skip::Cut),
        (ethernet(&[0x0800], &[&ipv4(40, 6, 0)[..19]]), Skip::Cut),
        (ethernet(&[0x0800], &[&ipv4(12, 6, 0), &TCP]), Skip::Malformed),
        (vec![0; 5], Skip::Cut),
    ];
    for (frame, reason) in cases {
        assert_eq!(decode(&packet(LinkType::Ethernet, &frame)).err(), Some(reason), "{frame:x?}");
    }
    let whole = ethernet(&[0x86dd], &[&ipv6(28, 44), &atomic6, &TCP]);
    assert!(decode(&packet(LinkType::Ethernet, &whole)).is_ok(), "one fragment is the whole");
    assert_eq!(decode(&packet(LinkType::Other(147), &whole)).err(), Some(Skip::LinkType));
}
