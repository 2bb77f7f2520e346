//! Every fixture decodes and comes out byte for byte.

use std::fmt::Write as _;
use std::path::Path;

use chat_proto::codec::{Client, Codec, Limits, Server, Wire};
use chat_proto::im::{Down, Im, Up, down, up};
use chat_proto::machine::Text;

/// Fixtures that do not come out as they went in, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// The samples of a folder by name, in the order of their names.
pub(crate) fn fixtures(folder: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(folder);
    let mut found: Vec<_> = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{folder}");
    found
}

/// JSON without the white space outside its strings.
fn compact(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    text.chars()
        .filter(|&letter| {
            if in_string {
                in_string = escaped || letter != '"';
                escaped = !escaped && letter == '\\';
                return true;
            }
            in_string = letter == '"';
            !letter.is_ascii_whitespace()
        })
        .collect()
}

/// Decodes each fixture with and without its white space, re-encodes it, compares the bytes, and
/// lists what came out.
fn round_trip(folder: &str, kinds: &[&str], again: impl Fn(&str) -> (String, String)) -> String {
    let mut listing = String::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, text) in fixtures(folder) {
        let wanted = compact(&text);
        let (kind, written) = again(&wanted);
        assert!(name.starts_with(&kind), "{folder}/{name} holds {kind}");
        // Values that are passed on untouched keep their spaces.
        let (_, spaced) = again(&text);
        let excepted = EXCEPTIONS.iter().any(|(exception, _)| *exception == name);
        assert_eq!(written == wanted, !excepted, "{folder}/{name}\n{wanted}\n{written}");
        assert_eq!(compact(&spaced) == wanted, !excepted, "{folder}/{name}");
        writeln!(listing, "{name}\n  {written}").unwrap();
        seen.push(kind);
    }
    for kind in kinds {
        assert!(seen.iter().any(|seen| seen == kind), "{folder}: no fixture of {kind}");
    }
    listing
}

#[test]
fn frames_to_the_server_come_out_as_they_went_in() {
    let codec = Codec::<Im, Server>::new(Limits::default());
    let listing = round_trip("im/up", up::KINDS, |text| {
        let frame = codec.decode(text).unwrap();
        let shared = Up::decode(text).unwrap().share(&Text::from(text));
        assert_eq!(frame.encode(), shared.encode());
        (frame.kind().to_string(), frame.encode().as_str().to_owned())
    });
    insta::assert_snapshot!("im_up_wire", listing);
}

#[test]
fn frames_to_the_client_come_out_as_they_went_in() {
    let codec = Codec::<Im, Client>::new(Limits::default());
    let listing = round_trip("im/down", down::KINDS, |text| {
        let frame = codec.decode(text).unwrap();
        let shared = Down::decode(text).unwrap().share(&Text::from(text));
        assert_eq!(frame.encode(), shared.encode());
        (frame.kind().to_string(), frame.encode().as_str().to_owned())
    });
    insta::assert_snapshot!("im_down_wire", listing);
}

/// The fixtures exercise the types only when nothing of them ends up among the unknown members.
#[test]
fn every_member_of_every_fixture_is_known() {
    for (name, text) in fixtures("im/up") {
        let text = compact(&text);
        let shown = format!("{:?}", Up::decode(&text).unwrap());
        assert_eq!(shown.matches("extra: [(").count(), 0, "{name}: {shown}");
    }
    for (name, text) in fixtures("im/down") {
        let text = compact(&text);
        let shown = format!("{:?}", Down::decode(&text).unwrap());
        assert_eq!(shown.matches("extra: [(").count(), 0, "{name}: {shown}");
    }
}

#[test]
fn white_space_inside_strings_stays() {
    assert_eq!(
        compact("{ \"a b\" : \"c \\\" d\\\\\" , \"e\":\t1 }\n"),
        r#"{"a b":"c \" d\\","e":1}"#
    );
}
