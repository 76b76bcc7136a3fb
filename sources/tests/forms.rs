//! How a file is spelled changes nothing of what it says: each sample of every kind with other line ends, byte marks and
//! encodings, with its rows turned, doubled and split over two files, and with another `--tz`.

mod support;

use std::collections::BTreeSet;
use std::fs;

use evidence::{Fact, FileName, Observation, Reading, Zone};
use jiff::tz::TimeZone;
use sources::{ALL, Clock, Input, NoProgress, Query, Source, Wanted, recognise};
use support::{clock, folder_of};

/// Kinds of which a form says something else, and why.
const EXCEPT: &[(&str, &str, &str)] = &[
    ("report/dmarc-aggregate", "UTF-16", "a mail is bytes: its parts are packed"),
    ("report/tls-rpt", "UTF-16", "a mail is bytes: its parts are packed"),
];

#[test]
fn spelling_changes_nothing() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for source in ALL {
        let folder = folder_of(source.id()).join("samples");
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in files.map(|entry| entry.expect("a readable folder").path()) {
            let Ok(bytes) = fs::read(&path) else { continue };
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".expected") {
                continue;
            }
            let Some(text) = text_of(&bytes) else { continue };
            let said = statements(*source, &name, &[text.clone().into_bytes()], &clock());
            for (form, files) in forms(&name, &text) {
                if EXCEPT.iter().any(|(id, except, _)| *id == source.id() && *except == form) {
                    continue;
                }
                tried += 1;
                // Half a file may hold nothing that tells its kind: whoever splits it knows what it is.
                let is_half = files.len() > 1;
                let taken = files.iter().map(|file| recognise(file, &name).ok().map(|kind| kind.id()));
                if !is_half && taken.clone().any(|taken| taken != Some(source.id())) {
                    wrong.push(format!("{}/{name}, {form}: taken for {:?}", source.id(), taken.collect::<Vec<_>>()));
                    continue;
                }
                let found = statements(*source, &name, &files, &clock());
                if let Some(difference) = difference(&said, &found) {
                    wrong.push(format!("{}/{name}, {form}: {difference}", source.id()));
                }
            }
            tried += 1;
            let east =
                Clock { zone: TimeZone::fixed(jiff::tz::offset(9)), zone_label: "UTC+9 by --tz".to_owned(), ..clock() };
            let (here, there) = (zoned(&said), zoned(&statements(*source, &name, &[bytes], &east)));
            if let Some(difference) = difference(&here, &there) {
                wrong.push(format!("{}/{name}, another zone: {difference}", source.id()));
            }
        }
    }
    assert!(tried > 1000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a file states, without the places; line ends within a text are one.
fn statements(source: &dyn Source, name: &str, files: &[Vec<u8>], clock: &Clock) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for bytes in files {
        let input = Input { name: FileName::from(name), bytes };
        let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
        let mut reading = Reading::default();
        match source.read_in_parts(&input, &query, &mut |part| reading.absorb(part)) {
            Ok(()) => said.extend(reading.observations.iter().map(statement)),
            Err(error) => drop(said.insert(error.to_string())),
        }
    }
    said
}

fn statement(observation: &Observation) -> String {
    let Observation { when, speaker, about, fact, .. } = observation;
    let when = when.as_ref().map(|when| match &when.zone {
        Zone::Stated => when.at.to_string(),
        Zone::Assumed(how) if how.starts_with("month before day, as no row") => when.at.to_string(),
        Zone::Assumed(how) => format!("Assumed({how}) {}", when.said),
    });
    let fact = match fact {
        Fact::Note { said } => said.clone(),
        fact => format!("{fact:?}"),
    };
    // Which number is the month may be told by a row of the other half.
    let text = format!("{when:?} {speaker} {about:?} {fact}").replace("\\r\\n", "\\n");
    text.replace("Assumed(\"month before day, as no row of the file tells; zone UTC\")", "Stated")
}

/// The statements that do not hang on an assumed zone.
fn zoned(said: &BTreeSet<String>) -> BTreeSet<String> {
    said.iter().filter(|said| !said.contains("Assumed(")).cloned().collect()
}

fn difference(said: &BTreeSet<String>, found: &BTreeSet<String>) -> Option<String> {
    let lost = said.difference(found).next();
    let new = found.difference(said).next();
    (lost.is_some() || new.is_some()).then(|| format!("lost {lost:?}\n  new {new:?}"))
}

/// A sample as text; `None` if it is none.
fn text_of(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => {
            let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
            String::from_utf16(&units).ok()
        }
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ if bytes.contains(&0) => None,
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// The same text in other forms: name of the form, and its files.
fn forms(name: &str, text: &str) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let unix = text.replace("\r\n", "\n");
    let mut forms = vec![
        ("LF", vec![unix.clone().into_bytes()]),
        ("CRLF", vec![unix.replace('\n', "\r\n").into_bytes()]),
        ("byte mark", vec![[b"\xEF\xBB\xBF", text.as_bytes()].concat()]),
    ];
    let wide: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    forms.push(("UTF-16", vec![wide]));
    if let Some((head, rows)) = rows(name, &unix) {
        let join = |rows: &[&str]| format!("{head}{}\n", rows.join("\n")).into_bytes();
        let mut turned = rows.clone();
        turned.reverse();
        let doubled: Vec<&str> = rows.iter().flat_map(|row| [*row, *row]).collect();
        let (one, other) = rows.split_at(rows.len() / 2);
        forms.push(("doubled rows", vec![join(&doubled)]));
        forms.push(("turned rows", vec![join(&turned)]));
        if !one.is_empty() {
            forms.push(("split file", vec![join(one), join(other)]));
        }
    }
    forms
}

/// The header and the rows of a table or of JSON lines, one a line; `None` for other texts.
fn rows<'t>(name: &str, text: &'t str) -> Option<(&'t str, Vec<&'t str>)> {
    let body = text.trim_end();
    if name.ends_with(".jsonl") || name.ends_with(".ndjson") {
        return Some(("", body.lines().collect()));
    }
    if !name.ends_with(".csv") || body.lines().any(|line| line.matches('"').count() % 2 == 1) {
        return None;
    }
    let mut start = 0;
    for line in body.split_inclusive('\n') {
        start += line.len();
        let is_preamble = line.starts_with("#TYPE") || line.to_lowercase().starts_with("sep=");
        if !is_preamble && !line.trim().is_empty() {
            break;
        }
    }
    let (head, rest) = body.split_at(start.min(body.len()));
    let rows: Vec<&str> = rest.lines().filter(|line| !line.trim().is_empty()).collect();
    (!rows.is_empty()).then_some((head, rows))
}
