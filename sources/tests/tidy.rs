//! Every source is whole: folder, page, samples, codes with their origin, one line in the table.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sources::{ALL, Source};
use support::folder_of;

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All folders below `folder`, not counting those of samples.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() && !path.ends_with("samples") {
            found.extend(folders(&path));
            found.push(path);
        }
    }
    found.sort();
    found
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn every_folder_is_registered_and_every_source_has_a_folder() {
    let mut registered: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for source in ALL {
        let folder = folder_of(source.id());
        if let Some(other) = registered.insert(folder.clone(), source.id()) {
            panic!("{} and {other} share {}", source.id(), folder.display());
        }
    }
    assert!(!registered.is_empty(), "no source is registered in sources::ALL");
    let with_a_reader: Vec<PathBuf> = folders(&src())
        .into_iter()
        .filter(|folder| folder.join("mod.rs").is_file() && text(&folder.join("mod.rs")).contains("impl Source for "))
        .collect();
    assert_eq!(
        with_a_reader,
        registered.into_keys().collect::<Vec<_>>(),
        "folders with a reader, and those of sources::ALL"
    );
}

#[test]
fn every_source_is_whole() {
    let mut missing = Vec::new();
    for source in ALL {
        missing.extend(what_is_missing(*source).into_iter().map(|what| format!("{}: {what}", source.id())));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

fn what_is_missing(source: &dyn Source) -> Vec<String> {
    let mut missing = Vec::new();
    let folder = folder_of(source.id());
    let page = folder.join("README.md");
    if !page.is_file() {
        missing.push("no README.md".to_owned());
    } else if text(&page) != source.page() {
        missing.push("its page is not the folder's README.md".to_owned());
    }
    if !source.page().to_lowercase().contains("cannot show") {
        missing.push("README.md does not say what the export cannot show".to_owned());
    }
    let samples = fs::read_dir(folder.join("samples")).map_or(0, |entries| entries.count());
    if samples == 0 {
        missing.push("no samples".to_owned());
    }
    if source.cannot_show().is_empty() {
        missing.push("cannot_show() is empty".to_owned());
    }
    let export = source.export();
    if export.command.is_none() && export.clicks.is_none() {
        missing.push("export() names neither a command nor a click path".to_owned());
    }
    let well_formed =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if !source.id().split_once('/').is_some_and(|(vendor, kind)| well_formed(vendor) && well_formed(kind)) {
        missing.push("its id is not `vendor/kind` in lower case".to_owned());
    }
    missing
}

#[derive(Deserialize)]
struct Codes {
    #[serde(default)]
    code: Vec<Code>,
}

#[derive(Deserialize)]
struct Code {
    field: String,
    value: String,
    means: String,
    source: String,
}

/// Vendors change their codes: each one says what it means, who says so, and the day that was read.
#[test]
fn every_code_has_its_origin() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in folders(&src()).into_iter().map(|folder| folder.join("codes.toml")).filter(|file| file.is_file()) {
        let name = file.display();
        let codes: Codes = match toml::from_str(&text(&file)) {
            Ok(codes) => codes,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        if codes.code.is_empty() {
            wrong.push(format!("{name}: no [[code]]"));
        }
        for code in &codes.code {
            seen += 1;
            let place = format!("{name}: {} = {}", code.field, code.value);
            if code.field.trim().is_empty() || code.means.trim().is_empty() {
                wrong.push(format!("{place}: field and means may not be empty"));
            }
            if !has_a_date(&code.source) {
                wrong.push(format!("{place}: source `{}` does not end in `, read YYYY-MM-DD`", code.source));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 0, "no codes.toml found");
}

/// Whether a source note ends in `, read YYYY-MM-DD`.
fn has_a_date(source: &str) -> bool {
    let Some((who, date)) = source.rsplit_once(", read ") else { return false };
    let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    match date.trim().split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => !who.trim().is_empty() && digits(year, 4) && digits(month, 2) && digits(day, 2),
        _ => false,
    }
}

#[test]
fn dates_of_source_notes() {
    for (note, expected) in [
        ("Microsoft, anti-spam message headers, read 2026-08-20", true),
        ("Microsoft, anti-spam message headers", false),
        (", read 2026-08-20", false),
        ("Microsoft, read yesterday", false),
        ("Microsoft, read 2026-8-20", false),
    ] {
        assert_eq!(has_a_date(note), expected, "{note}");
    }
}
