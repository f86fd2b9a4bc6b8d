//! The capture stage against tshark, cut files, slow streams and hostile bytes.

#[path = "capture/builder.rs"]
mod builder;
#[path = "capture/cuts.rs"]
mod cuts;
#[path = "capture/hostile.rs"]
mod hostile;
#[path = "capture/pcapng.rs"]
mod pcapng;
#[path = "capture/slow.rs"]
mod slow;
#[path = "capture/support.rs"]
mod support;
#[path = "capture/tshark.rs"]
mod tshark;
#[path = "capture/writer.rs"]
mod writer;
