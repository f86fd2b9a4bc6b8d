use crate::pairing::detail::Connect;
use crate::report::write::integer;

pub(super) fn json(out: &mut Vec<u8>, connect: &Connect) {
    out.extend_from_slice(b",\"syn_ms\":[0");
    for repeat in &connect.repeats {
        out.push(b',');
        integer(out, *repeat);
    }
    out.push(b']');
}
