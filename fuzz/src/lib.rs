//! What must hold for any bytes at any door.
//!
//! A door is a source's `read`. For any bytes: no panic, every row in exactly one heap, every cite inside its file.
//! `any-kind` tries the way that `follow` takes: the kind found by content, then every file closed over the ids. `archive`
//! tries what opens files: zip, gzip, nested and bent. `auth` tries our own check of a message: any bytes as message, saved answers and
//! envelope. `proposed-change` tries what somebody proposes to do: every part of it is a step or said to be unread.

mod change;
mod own;

use std::fs;
use std::sync::Arc;

use evidence::{Cite, Fact, Identifier, Reading, SAID_MAX_CHARS};
use intake::Limits;
use jiff::{Timestamp, tz::TimeZone};
use sources::{Clock, Input, Likeness, Message, NoProgress, Query, Source, Wanted};

pub use change::proposed_change;
pub use own::auth;

/// Makes a fuzz target of one source, of all (`"any-kind"`), of what opens files (`"archive"`), of our own check (`"auth"`), or of changes that
/// somebody proposes (`"proposed-change"`).
#[macro_export]
macro_rules! door {
    ("any-kind") => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::any_kind(bytes));
    };
    ("archive") => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::archive(bytes));
    };
    ("auth") => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::auth(bytes));
    };
    ("proposed-change") => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::proposed_change(bytes));
    };
    ($id:literal) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::door($id, bytes));
    };
}

/// Reads `bytes` as an export of the kind `id`: every row, then the rows about a message that the file itself names.
pub fn door(id: &str, bytes: &[u8]) {
    let source = sources::source(id).unwrap_or_else(|| panic!("no source is called {id}"));
    let input = Input { name: Arc::from("file"), bytes };
    let Some(reading) = read(source, &input, &Wanted::Everything) else { return };
    read(source, &input, &Wanted::Message(message_of(&reading)));
    read(source, &input, &Wanted::Message(looks_of(&reading)));
}

/// Reads `bytes` as whatever they look like, as one of two files.
pub fn any_kind(bytes: &[u8]) {
    let half = bytes.len() / 2;
    let files = [
        Input { name: Arc::from("whole"), bytes },
        Input { name: Arc::from("half"), bytes: bytes.get(half..).unwrap_or(&[]) },
    ];
    let message = Message {
        ids: [Identifier::MessageId("id@host.example".to_owned())].into_iter().collect(),
        ..Message::default()
    };
    let Ok(readings) = sources::read_all(&files, message, &clock(), &NoProgress) else { return };
    assert_eq!(readings.files.len(), files.len(), "one entry a file");
    for (file, input) in readings.files.iter().zip(&files) {
        if let Ok(reading) = &file.reading {
            check(reading, input);
        }
    }
}

/// Opens `bytes` as a file that may be an archive: within the limits, every name a label, every refusal said in full.
pub fn archive(bytes: &[u8]) {
    let limits = Limits { files: 64, depth: 4, unpacked_bytes: 8 << 20, unpacked_ratio: 200, stdin_bytes: 0 };
    let file = std::env::temp_dir().join(format!("throughline-door-{}", std::process::id()));
    fs::write(&file, bytes).expect("a writable folder for temporary files");
    let evidence = intake::open(std::slice::from_ref(&file), limits);
    assert!(evidence.files.len() <= limits.files, "{} files", evidence.files.len());
    let unpacked: u64 = evidence.files.iter().map(|file| file.bytes.len() as u64).sum();
    assert!(unpacked <= limits.unpacked_bytes + bytes.len() as u64, "{unpacked} bytes from {}", bytes.len());
    assert!(
        !evidence.files.is_empty() || !evidence.refused.is_empty() || bytes.is_empty(),
        "neither opened nor refused"
    );
    for refusal in &evidence.refused {
        assert!(!refusal.expected.is_empty() && !refusal.found.is_empty(), "{refusal}");
    }
}

pub(crate) fn clock() -> Clock {
    Clock {
        zone: TimeZone::UTC,
        zone_label: "UTC (default)".to_owned(),
        reference: Timestamp::from_second(1_795_000_000).unwrap_or(Timestamp::UNIX_EPOCH),
    }
}

fn read(source: &dyn Source, input: &Input<'_>, wanted: &Wanted) -> Option<Reading> {
    let reading = source.read(input, &Query { wanted, clock: &clock(), progress: &NoProgress }).ok()?;
    check(&reading, input);
    Some(reading)
}

/// Every row in one heap, every cite inside its file.
fn check(reading: &Reading, input: &Input<'_>) {
    assert_eq!(reading.rows_accounted_for(), reading.rows, "rows in heaps against rows of the file");
    let observed = reading.observations.iter().map(|observation| &observation.cite);
    let problems = reading.problems.iter().map(|problem| &problem.cite);
    let passed_over = reading.passed_over.iter().filter_map(|passed_over| passed_over.first.as_ref());
    for cite in observed.chain(problems).chain(passed_over) {
        check_cite(cite, input);
    }
    if let (Some(from), Some(to)) = (reading.coverage.from, reading.coverage.to) {
        assert!(from <= to, "coverage from {from} to {to}");
    }
}

fn check_cite(cite: &Cite, input: &Input<'_>) {
    assert_eq!(cite.file, input.name, "a cite names its file");
    assert!(
        cite.bytes.start <= cite.bytes.end && cite.bytes.end <= input.bytes.len() as u64,
        "{cite}: {:?} in a file of {} bytes",
        cite.bytes,
        input.bytes.len()
    );
    assert!(cite.said.chars().count() <= SAID_MAX_CHARS, "{cite}: said is too long");
    if let Some(mark) = &cite.mark {
        assert!(
            cite.bytes.start <= mark.start && mark.start < mark.end && mark.end <= cite.bytes.end,
            "{cite}: mark {mark:?} outside {:?}",
            cite.bytes
        );
    }
}

/// A message that the file speaks about, by the ids of its first record that has some.
fn message_of(reading: &Reading) -> Message {
    let ids = reading.observations.iter().map(|observation| &observation.about.ids).find(|ids| !ids.is_empty());
    Message { ids: ids.into_iter().flatten().cloned().collect(), ..Message::default() }
}

/// A message that the file speaks about, by the looks of its first record.
fn looks_of(reading: &Reading) -> Message {
    let mut looks = Likeness::default();
    for observation in reading.observations.iter().take(4) {
        if let Fact::Identity(identity) = &observation.fact {
            looks.senders.extend(identity.envelope_sender.iter().cloned());
            looks.subjects.extend(identity.subject.iter().cloned());
        }
        looks.envelope_recipients.extend(observation.about.envelope_recipients.iter().cloned());
        looks.around.extend(observation.when.as_ref().map(|when| when.at));
    }
    Message { ids: Default::default(), likeness: looks, ..Message::default() }
}
