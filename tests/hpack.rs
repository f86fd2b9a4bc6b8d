//! HPACK against what others have encoded: every block says what its story says.

use std::fs;
use std::path::Path;

use meshsniff::message::{Field, Hpack};
use serde_json::Value;

#[test]
fn every_block_of_every_story_says_what_was_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/hpack");
    let mut blocks = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "zst") {
            let story = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
            let story = serde_json::from_slice(&story).unwrap();
            blocks += told(&story, path.file_name().unwrap().to_str().unwrap());
        }
    }
    assert_eq!(blocks, 2239);
}

/// Reads a story from its beginning; the number of its blocks.
fn told(story: &Value, name: &str) -> usize {
    let mut hpack = Hpack::new();
    let cases = story["cases"].as_array().unwrap();
    for (number, case) in cases.iter().enumerate() {
        let mut fields = Vec::new();
        let say = |field: Field<'_>| fields.push((text(field.name), text(field.value)));
        let read = hpack.decode(&bytes(case["wire"].as_str().unwrap()), say);
        assert_eq!(read, Ok(()), "{name}, block {number}");
        let headers = case["headers"].as_array().unwrap().iter();
        let truth = headers.flat_map(|field| field.as_object().unwrap());
        let truth = truth.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        assert_eq!(fields, truth.collect::<Vec<_>>(), "{name}, block {number}");
    }
    cases.len()
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.expect("all is known from the beginning").to_vec()).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
