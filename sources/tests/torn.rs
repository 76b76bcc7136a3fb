//! Samples that were cut, bitten, or written by another system: each is read or refused, and says the same.

mod support;

use std::fs;

use evidence::{Fact, Reading};
use sources::{ALL, Source, recognise};
use support::{check_reading, folder_of, try_read};

/// Cuts and bites a sample.
const TRIES: usize = 24;
/// Larger samples would take too long.
const SAMPLE_MAX_BYTES: usize = 64 << 10;

/// Kinds that are read by grammars of their own, and so have to be tried by themselves.
const OWN_GRAMMARS: &[&str] = &["report/", "dns/", "job/", "probe/", "dovecot/sieve", "google/", "proofpoint/"];

fn samples(source: &dyn Source) -> Vec<(String, Vec<u8>)> {
    let folder = folder_of(source.id()).join("samples");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = files.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_none_or(|end| end != "expected")).collect();
    files.sort();
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name, fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    files.into_iter().map(read).filter(|(_, bytes)| bytes.len() <= SAMPLE_MAX_BYTES).collect()
}

fn tried() -> impl Iterator<Item = &'static dyn Source> {
    ALL.iter().copied().filter(|source| OWN_GRAMMARS.iter().any(|kind| source.id().starts_with(kind)))
}

#[test]
fn cut_and_bitten_samples_are_read_or_refused() {
    let mut wrong = Vec::new();
    for source in tried() {
        for (name, bytes) in samples(source) {
            for at in 0..TRIES {
                let place = at * bytes.len() / TRIES;
                let mut bitten = bytes.clone();
                // Half of a UTF-16 character that looks like a line end would only confuse the counting of this test.
                let is_wide = bytes.starts_with(b"\xFF\xFE");
                if let Some(byte) = bitten.get_mut(place + at % 7).filter(|_| !is_wide) {
                    *byte = [b'"', b'<', 0xFF, b'}', b'\n', 0, b'('][at % 7];
                }
                for torn in [bytes[..place].to_vec(), bitten] {
                    let _ = recognise(&torn, &name);
                    if let Ok(reading) = try_read(source, &name, &torn)
                        && let Err(why) = check_reading(&name, &torn, &reading)
                    {
                        wrong.push(format!("{} torn at {place}: {why}", source.id()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a reading states, without where it is written.
fn facts(reading: &Reading) -> Vec<Fact> {
    reading.observations.iter().map(|observation| observation.fact.clone()).collect()
}

#[test]
fn other_line_ends_and_encodings_say_the_same() {
    let mut wrong = Vec::new();
    for source in tried() {
        for (name, bytes) in samples(source) {
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            // A mail is bytes: its parts are encoded, and nobody writes it as UTF-16.
            if name.ends_with(".eml") {
                continue;
            }
            let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
            let plain = try_read(source, &name, text.as_bytes()).expect("as the sample");
            let utf_16: Vec<u8> =
                "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            for (how, spelled) in [
                ("CRLF", text.replace('\n', "\r\n").into_bytes()),
                ("byte order mark", format!("\u{feff}{text}").into_bytes()),
                ("UTF-16", utf_16),
            ] {
                match recognise(&spelled, &name) {
                    Ok(found) if found.id() == source.id() => {}
                    Ok(found) => wrong.push(format!("{} {name} as {how}: taken for {}", source.id(), found.id())),
                    Err(error) => wrong.push(format!("{} {name} as {how}: {error}", source.id())),
                }
                let reading = try_read(source, &name, &spelled).expect("as the sample");
                if let Err(why) = check_reading(&name, &spelled, &reading) {
                    wrong.push(format!("{} {name} as {how}: {why}", source.id()));
                }
                if facts(&reading) != facts(&plain) {
                    wrong.push(format!("{} {name} as {how}: says something else", source.id()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}
