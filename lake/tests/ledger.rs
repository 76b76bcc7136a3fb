//! The ledger: a line opens at its record, equal records count once, and one that was handed out again is counted.

use std::path::{Path, PathBuf};

use evidence::{Cite, FileName};
use jiff::tz::TimeZone;
use lake::{Fared, Ledger};
use sources::{Clock, Input, NoProgress, Query, Wanted};

fn clock() -> Clock {
    Clock {
        zone: TimeZone::UTC,
        zone_label: "UTC".to_owned(),
        reference: "2026-11-20T08:00:00Z".parse().expect("an instant"),
    }
}

/// The samples of every kind of export.
fn samples(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            samples(&path, found);
        } else if path.parent().is_some_and(|parent| parent.ends_with("samples")) {
            found.push(path);
        }
    }
}

/// What a line cites is what the reading of the same file cites there.
#[test]
fn a_line_opens_at_its_record() {
    let mut files = Vec::new();
    samples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sources/src"), &mut files);
    files.retain(|file| file.extension().is_none_or(|extension| extension != "expected"));
    assert!(files.len() > 100, "only {} samples", files.len());
    let (clock, mut opened) = (clock(), 0);
    for file in files {
        let bytes = std::fs::read(&file).expect("a sample");
        let input = Input { name: file.display().to_string().into(), bytes: &bytes };
        let Ok(source) = sources::recognise(&bytes, &input.name) else { continue };
        let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
        let Ok(reading) = source.read(&input, &query) else { continue };
        let cites: Vec<&Cite> = reading.observations.iter().map(|one| &one.cite).collect();
        let inputs = [input];
        let ledger = Ledger::read(&inputs, &clock, &NoProgress);
        for line in ledger.lines() {
            let cite = ledger.cite(line);
            let known = cites.iter().find(|known| known.bytes == cite.bytes);
            let known = known.unwrap_or_else(|| panic!("{cite}: no observation there"));
            assert_eq!((cite.place, &cite.said), (known.place, &known.said), "{cite}");
            opened += 1;
        }
    }
    assert!(opened > 500, "only {opened} lines");
}

const HEAD: &str = "Received,SenderAddress,RecipientAddress,Subject,Status,MessageId,MessageTraceId\n";
const ROWS: [&str; 3] = [
    "2026-11-16T07:12:03Z,a@x.example,b@example.com,One,Quarantined,<1@x.example>,5a1e0000-2c35-4f68-a9e0-08de27a4e500\n",
    "2026-11-16T08:12:03Z,a@x.example,b@example.com,Two,Delivered,<2@x.example>,5a1e0000-2c35-4f68-a9e0-08de27a4e501\n",
    "2026-11-16T09:12:03Z,a@x.example,b@example.com,Three,Pending,<3@x.example>,5a1e0000-2c35-4f68-a9e0-08de27a4e502\n",
];

/// How each line fared, and how often it counts.
fn read(files: &[(&str, &[usize])]) -> Vec<(Option<Fared>, u32)> {
    let texts: Vec<(FileName, String)> = files
        .iter()
        .map(|(name, rows)| {
            ((*name).into(), format!("{HEAD}{}", rows.iter().map(|row| ROWS[*row]).collect::<String>()))
        })
        .collect();
    let inputs: Vec<Input<'_>> =
        texts.iter().map(|(name, text)| Input { name: name.clone(), bytes: text.as_bytes() }).collect();
    let ledger = Ledger::read(&inputs, &clock(), &NoProgress);
    // A record that says two things of one copy gives two lines.
    let mut lines: Vec<(Option<Fared>, u32, Cite)> =
        ledger.lines().iter().map(|line| (line.fared(), line.copies, ledger.cite(line))).collect();
    lines.dedup_by(|a, b| a.2 == b.2);
    lines.into_iter().map(|(fared, copies, _)| (fared, copies)).collect()
}

#[test]
fn equal_records_count_once() {
    let [held, through, put_off] = [Fared::Blocked, Fared::Through, Fared::PutOff].map(Some);
    for (name, files, expected) in [
        ("as they are", vec![("a.csv", &[0, 1, 2][..])], vec![(held, 1), (through, 1), (put_off, 1)]),
        ("in another order", vec![("a.csv", &[2, 0, 1][..])], vec![(held, 1), (through, 1), (put_off, 1)]),
        ("a file that was copied within itself", vec![("a.csv", &[0, 1, 0, 1][..])], vec![(held, 1), (through, 1)]),
        ("one row handed out again", vec![("a.csv", &[0, 1, 1, 2][..])], vec![(held, 1), (through, 2), (put_off, 1)]),
        (
            "pages that overlap",
            vec![("a.csv", &[0, 1][..]), ("b.csv", &[1, 2][..])],
            vec![(held, 1), (through, 2), (put_off, 1)],
        ),
        ("split", vec![("a.csv", &[0][..]), ("b.csv", &[1, 2][..])], vec![(held, 1), (through, 1), (put_off, 1)]),
    ] {
        assert_eq!(read(&files), expected, "{name}");
    }
}
