//! The samples of every source: recognised as what they are, and read as the `.expected` file beside each says.
//!
//! `UPDATE_EXPECTED=1 cargo test -p sources --test samples` writes the expected texts anew, to be read before they are kept.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use evidence::{Address, Identifier, Observation, Reading, Zone};
use jiff::Timestamp;
use sources::{ALL, Message, Source, Wanted, recognise};
use support::{check_reading, folder_of, marked, try_read, try_read_wanted};

#[test]
fn every_sample_is_read_as_expected() {
    let mut wrong = Vec::new();
    for source in ALL {
        for path in samples(*source) {
            if let Err(why) = check(*source, &path) {
                wrong.push(why);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the samples differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The samples of a source, without what is expected of them.
fn samples(source: &dyn Source) -> Vec<PathBuf> {
    let folder = folder_of(source.id()).join("samples");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = files.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_none_or(|end| end != "expected")).collect();
    files.sort();
    files
}

fn check(source: &dyn Source, path: &PathBuf) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let found = recognise(&bytes, &name).map_err(|error| format!("{}: {error}", path.display()))?;
    if found.id() != source.id() {
        return Err(format!("{}: taken for {}", path.display(), found.id()));
    }
    let reading = try_read(source, &name, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    check_reading(&name, &bytes, &reading)?;
    let told = told(&bytes, &reading);
    let expected = path.with_file_name(format!("{name}.expected"));
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        return fs::write(&expected, told).map_err(|error| format!("{}: {error}", expected.display()));
    }
    let text = fs::read_to_string(&expected).unwrap_or_default();
    if text == told {
        return Ok(());
    }
    let (at, found) = (0..)
        .zip(told.lines().chain(["(the end)"]))
        .find(|(at, line)| text.lines().nth(*at) != Some(line))
        .unwrap_or((0, "(the end)"));
    let wanted = text.lines().nth(at).unwrap_or("(the end)");
    Err(format!("{}:{}:\n  expected {wanted}\n  found    {found}", expected.display(), at + 1))
}

/// What is read, as a person would check it.
fn told(bytes: &[u8], reading: &Reading) -> String {
    let mut text = format!("rows {} observed {} problems {}", reading.rows, reading.observed, reading.problems.len());
    for heap in &reading.passed_over {
        let _ = write!(text, " passed over {} ({})", heap.rows, heap.reason);
    }
    let span = |at: Option<Timestamp>| at.map_or("unknown".to_owned(), |at| at.to_string());
    let _ = writeln!(text, "\nfrom {} to {}", span(reading.coverage.from), span(reading.coverage.to));
    for limit in &reading.coverage.limits {
        let _ = writeln!(text, "limit: {limit}");
    }
    for problem in &reading.problems {
        let place = place(&problem.cite.to_string());
        let _ = writeln!(text, "problem at {place}: expected {}, found {}", problem.expected, problem.found);
    }
    let mut last = String::new();
    for observation in &reading.observations {
        let record = record_line(observation);
        if record != last {
            let _ = writeln!(text, "\n{record}");
            last = record;
        }
        let mark = marked(bytes, &observation.cite);
        let mark = mark.map_or(String::new(), |mark| format!(" <- {}", mark.replace(['\r', '\n'], " ")));
        let mark: String = mark.chars().take(80).collect();
        let about: Vec<&str> = observation.about.envelope_recipients.iter().map(Address::as_str).collect();
        let _ = writeln!(text, "  [{}] {}{mark}", about.join(" "), short(&format!("{:?}", observation.fact)));
    }
    text
}

/// The record's number or line, without the file.
fn place(cite: &str) -> String {
    cite.split_once([':', '#']).map_or("", |(_, place)| place).to_owned()
}

fn record_line(observation: &Observation) -> String {
    let when = observation.when.as_ref().map_or("no time".to_owned(), |when| match &when.zone {
        Zone::Stated => when.at.to_string(),
        Zone::Assumed(zone) => format!("{} ({zone})", when.at),
    });
    let ids: Vec<&str> = observation.about.ids.iter().map(Identifier::text).collect();
    format!("record {}: {when} {} {}", place(&observation.cite.to_string()), observation.speaker, ids.join(" "))
}

/// A fact without the fields that hold nothing.
fn short(fact: &str) -> String {
    let mut text = fact.to_owned();
    for nothing in [": None", ": []"] {
        while let Some(at) = text.find(nothing) {
            let start = text[..at].rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
            let mut end = at + nothing.len();
            let mut start = start;
            if text[end..].starts_with(", ") {
                end += 2;
            } else if text[..start].ends_with(", ") {
                start -= 2;
            }
            text.replace_range(start..end, "");
        }
    }
    text
}

/// Ids that alone do not lead back to a record: only a helper's line or another id's line names them, and what goes on
/// from there needs the Message-ID beside it. One that is found after all is to be struck here.
const NOT_FOUND_ALONE: [(&str, &str); 5] = [
    ("mail_logs.text", "MID 906"),
    ("syslog.text", "MID 80"),
    ("milters.log", "4C0FFEE13"),
    ("two_instances.log", "vwQ8DCqjqlqdHgAAwl8aWQ"),
    ("two_instances.log", "aB3dE5gH7jK9"),
];

/// One message of each sample is followed by each of its ids alone: its records are found again, every row is in one heap, every cite at its record.
#[test]
fn every_sample_can_be_followed() {
    let mut wrong = Vec::new();
    let mut followed = 0;
    for source in ALL {
        for path in samples(*source) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let all = try_read(*source, &name, &bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let ids: BTreeSet<&Identifier> = all.observations.iter().flat_map(|told| &told.about.ids).collect();
            for id in ids {
                followed += 1;
                let shown = id.to_string();
                let known = NOT_FOUND_ALONE.iter().any(|(file, part)| *file == name && shown.contains(part));
                let found = follow(*source, &name, &bytes, id);
                if found != Ok(!known) {
                    wrong.push(format!("{}, {id}: found again: {found:?}", path.display()));
                }
            }
        }
    }
    assert!(followed > 300, "{followed}");
    assert!(wrong.is_empty(), "{} of {followed}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether a record of the id is found by the id alone.
fn follow(source: &dyn Source, name: &str, bytes: &[u8], id: &Identifier) -> Result<bool, String> {
    let message = Message { ids: [id.clone()].into(), ..Message::default() };
    let reading = try_read_wanted(source, name, bytes, &Wanted::Message(message))?;
    check_reading(name, bytes, &reading)?;
    Ok(reading.observations.iter().any(|told| told.about.ids.contains(id)))
}
