//! Takes the agent in, if `make` has built it.
//!
//! `MESHSNIFF_AGENT` names the folder with `meshsniff-agent` (static) and `first-stage`. Without it
//! the plugin is built all the same, and says on use that it has no agent.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=MESHSNIFF_AGENT");
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    let parcel = match env::var_os("MESHSNIFF_AGENT").filter(|folder| !folder.is_empty()) {
        Some(folder) => {
            let (first_stage, agent) =
                (file(&folder, "first-stage"), file(&folder, "meshsniff-agent"));
            format!("Some((include_bytes!({first_stage:?}), include_bytes!({agent:?})))")
        }
        None => "None".to_owned(),
    };
    fs::write(out.join("parcel.rs"), parcel).expect("OUT_DIR can be written");
}

fn file(folder: &std::ffi::OsStr, name: &str) -> PathBuf {
    let path = Path::new(folder).join(name);
    println!("cargo:rerun-if-changed={}", path.display());
    fs::canonicalize(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
