//! Samples that were cut or bitten: each is read or refused, and every row is in one heap.

mod support;

use std::fs;

use sources::{ALL, Source, recognise};
use support::{check_reading, folder_of, try_read};

/// Cuts and bites a sample.
const TRIES: usize = 24;
/// Larger samples would take too long.
const SAMPLE_MAX_BYTES: usize = 64 << 10;

/// Kinds that are read by grammars of their own, and so have to be tried by themselves.
const OWN_GRAMMARS: &[&str] = &[
    "report/",
    "dns/",
    "job/",
    "probe/",
    "dovecot/sieve",
    "google/",
    "proofpoint/",
    "postfix/access-map",
    "postfix/configuration",
    "rspamd/configuration",
    "spamassassin/",
    "amavis/configuration",
];

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
