//! Links without a C library, and as small as the file format lets it.

fn main() {
    let arguments = [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        // One piece of the file, not one a kind of memory: each would be padded to a page.
        "-Wl,-z,noseparate-code",
        "-Wl,-z,max-page-size=4096",
    ];
    for argument in arguments {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
