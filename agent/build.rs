//! Lets the agent be linked where libpcap's development files are missing.
//!
//! The linker asks for `libpcap.so`, which only those files bring. Where they are absent it gets
//! one from here: a link to the library itself if that is installed, otherwise an empty shape of
//! it. Either way the agent loads the system's libpcap when it starts.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What Debian calls the library since 2003, and what its authors do.
const NAMES: [&str; 2] = ["libpcap.so.0.8", "libpcap.so.1"];

/// What the crate `pcap` declares of it.
const FUNCTIONS: &str = "\
    pcap_activate pcap_breakloop pcap_can_set_rfmon pcap_close pcap_compile pcap_compile_nopcap \
    pcap_create pcap_datalink pcap_datalink_ext pcap_datalink_name_to_val \
    pcap_datalink_val_to_description pcap_datalink_val_to_name pcap_dispatch pcap_dump \
    pcap_dump_close pcap_dump_file pcap_dump_flush pcap_dump_fopen pcap_dump_ftell \
    pcap_dump_open pcap_dump_open_append pcap_file pcap_fileno pcap_findalldevs \
    pcap_fopen_offline pcap_fopen_offline_with_tstamp_precision pcap_free_datalinks \
    pcap_free_tstamp_types pcap_freealldevs pcap_freecode pcap_get_selectable_fd \
    pcap_get_tstamp_precision pcap_geterr pcap_getevent pcap_getnonblock pcap_inject \
    pcap_is_swapped pcap_lib_version pcap_list_datalinks pcap_list_tstamp_types pcap_lookupdev \
    pcap_lookupnet pcap_loop pcap_major_version pcap_minor_version pcap_next pcap_next_ex \
    pcap_offline_filter pcap_open_dead pcap_open_dead_with_tstamp_precision pcap_open_live \
    pcap_open_offline pcap_open_offline_with_tstamp_precision pcap_perror pcap_sendpacket \
    pcap_sendqueue_alloc pcap_sendqueue_destroy pcap_sendqueue_queue pcap_sendqueue_transmit \
    pcap_set_buffer_size pcap_set_datalink pcap_set_immediate_mode pcap_set_promisc \
    pcap_set_rfmon pcap_set_snaplen pcap_set_timeout pcap_set_tstamp_precision \
    pcap_set_tstamp_type pcap_set_want_pktap pcap_setdirection pcap_setfilter pcap_setmintocopy \
    pcap_setnonblock pcap_snapshot pcap_stats pcap_statustostr pcap_strerror \
    pcap_tstamp_type_name_to_val pcap_tstamp_type_val_to_description \
    pcap_tstamp_type_val_to_name";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBPCAP_LIBDIR");
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    if env::var_os("LIBPCAP_LIBDIR").is_some() || compiles(&out, "", &["-lpcap"], "probe.so") {
        return;
    }
    let library = out.join("libpcap.so");
    let _ = fs::remove_file(&library);
    let shaped = match installed() {
        Some(path) => symlink(path, &library).is_ok(),
        None => shape(&out),
    };
    if shaped {
        println!("cargo:rustc-link-search=native={}", out.display());
        println!(
            "cargo:warning=the development files of libpcap are missing; meshsniff-agent will \
             load the libpcap of the machine it runs on (Debian: apt-get install libpcap0.8)"
        );
    }
}

/// The library, where dynamic linkers look for it.
fn installed() -> Option<PathBuf> {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let folders = [format!("/usr/lib/{arch}-linux-gnu"), "/usr/lib64".into(), "/usr/lib".into()];
    let paths = folders.iter().flat_map(|folder| NAMES.map(|name| Path::new(folder).join(name)));
    paths.into_iter().find(|path| path.exists())
}

/// Makes a library with the functions' names and nothing in them.
fn shape(out: &Path) -> bool {
    let functions = FUNCTIONS.split_whitespace();
    let source: String = functions.map(|name| format!("void {name}(void) {{}}\n")).collect();
    compiles(out, &source, &[&format!("-Wl,-soname,{}", NAMES[0])], "libpcap.so")
}

/// Whether a shared library can be made of this C.
fn compiles(out: &Path, source: &str, options: &[&str], library: &str) -> bool {
    let file = out.join("libpcap.c");
    let cc = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    fs::write(&file, source).is_ok()
        && Command::new(cc)
            .args(["-shared", "-fPIC", "-o"])
            .arg(out.join(library))
            .arg(&file)
            .args(options)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}
