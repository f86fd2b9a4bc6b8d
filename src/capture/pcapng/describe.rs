//! The rare blocks: what describes packets instead of holding one.

use super::clock::Clock;
use super::options::{Options, text};
use super::{OPT_COMMENT, TOO_SHORT};
use crate::capture::error::Fault;
use crate::capture::order::Order;
use crate::capture::{Interface, LinkType, Section, Statistics};

/// Section header: byte-order magic 4 | major 2 | minor 2 | section length 8 | options.
pub(super) fn section(body: &[u8], order: Order) -> Result<Section, Fault> {
    let options = body.get(16..).ok_or(TOO_SHORT)?;
    if order.u16(body, 4) != 1 {
        return Err(Fault::Corrupt("the section has a version of pcapng other than 1"));
    }
    let mut section = Section::default();
    for (code, value) in Options::new(options, order) {
        match code {
            OPT_COMMENT => section.comments.push(text(value)),
            2 => section.hardware = Some(text(value)),
            3 => section.os = Some(text(value)),
            4 => section.application = Some(text(value)),
            _ => {}
        }
    }
    Ok(section)
}

/// Interface description: link type 2 | reserved 2 | snap length 4 | options.
pub(super) fn interface(body: &[u8], order: Order) -> Result<(Interface, Clock), Fault> {
    let options = body.get(8..).ok_or(TOO_SHORT)?;
    let link = LinkType::from_number(order.u16(body, 0).into());
    let mut interface = Interface::new(link, order.u32(body, 4));
    let (mut resolution, mut offset) = (6, 0);
    for (code, value) in Options::new(options, order) {
        match (code, value) {
            (OPT_COMMENT, _) => interface.comments.push(text(value)),
            (2, _) => interface.name = Some(text(value)),
            (3, _) => interface.description = Some(text(value)),
            (9, [byte, ..]) => resolution = *byte,
            // A filter of kind 0 is text, others are programs.
            (11, [0, filter @ ..]) => interface.filter = Some(text(filter)),
            (12, _) => interface.os = Some(text(value)),
            (14, [_, _, _, _, _, _, _, _]) => offset = order.u64(value, 0).cast_signed(),
            (15, _) => interface.hardware = Some(text(value)),
            _ => {}
        }
    }
    Ok((interface, Clock::new(resolution, offset)))
}

/// Interface statistics: interface 4 | time 8 | options. `find` knows the section's interfaces:
/// from a number within it to the number over the whole capture and the clock.
pub(super) fn statistics(
    body: &[u8],
    order: Order,
    find: impl Fn(u32) -> Result<(u32, Clock), Fault>,
) -> Result<Statistics, Fault> {
    let options = body.get(12..).ok_or(TOO_SHORT)?;
    let (interface, clock) = find(order.u32(body, 0))?;
    let time = clock.time(order.halves(body, 4));
    let mut statistics = Statistics { interface, time, ..Statistics::default() };
    for (code, value) in Options::new(options, order).filter(|(_, value)| value.len() == 8) {
        let number = Some(order.u64(value, 0));
        let time = Some(clock.time(order.halves(value, 0)));
        match code {
            2 => statistics.started = time,
            3 => statistics.ended = time,
            4 => statistics.received = number,
            5 => statistics.dropped = number,
            6 => statistics.accepted = number,
            7 => statistics.os_dropped = number,
            8 => statistics.delivered = number,
            _ => {}
        }
    }
    Ok(statistics)
}
