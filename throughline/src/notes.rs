//! `notes`: from a case to its notes; it only reads.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::case::notes::{self, Face, Looked, Notes, Redaction, Sources, TemplateError, Text};
use report::{Comparison, Fate, Report};

use crate::case::desk::{Desk, Worked};
use crate::cli::{self, Compare, Format};
use crate::failure::Failure;
use crate::{compare, follow, output};
use ::case::Purpose;

/// Columns of plain text that no ticket system breaks again.
const COLUMNS: u16 = 76;
/// A template larger than this is not read.
const MAX_TEMPLATE_BYTES: u64 = 1 << 20;

/// Writes the notes of a case; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no such case, or the template is broken.
pub fn run(options: &cli::notes::Notes) -> Result<u8, Failure> {
    if options.print_template {
        output::print(notes::template(face(options.output.format)?))?;
        return Ok(0);
    }
    let own = options.template.as_deref().map(Own::read).transpose()?;
    let desk = Desk::open(&options.store, &options.clocks)?;
    let worked = desk.of(options.client.as_deref(), options.case.as_deref().unwrap_or_default())?;
    let evidence = look(&desk, &worked, &options.output)?;
    let (notes, redaction) = noted(&worked, &evidence, options);
    let text = shown(&notes, options, own.as_ref())?;
    if let (Some(path), Some(redaction)) = (&options.redact_map, &redaction) {
        keep(path, redaction)?;
    }
    output::print(&text)?;
    Ok(evidence.status)
}

/// What became of looking at the evidence of a case.
struct Evidence {
    report: Option<Report>,
    unreadable: Option<String>,
    comparison: Option<Comparison>,
    status: u8,
}

/// Follows the message of a case; what cannot be followed yet is said in the notes, and is no fault of theirs.
fn look(desk: &Desk, worked: &Worked, output: &cli::Output) -> Result<Evidence, Failure> {
    let nothing = Evidence { report: None, unreadable: None, comparison: None, status: 1 };
    let supply = worked.supply(&[Purpose::Ticket]);
    if supply.inputs().is_empty() {
        return Ok(nothing);
    }
    match follow::report(&desk.follow(&worked.case, output), &supply) {
        Ok((report, status)) => {
            let comparison = beside(desk, worked, &report, &supply, output);
            Ok(Evidence { report: Some(report), comparison, status, ..nothing })
        }
        Err(unclear @ (Failure::WhichMessage { .. } | Failure::NothingReadable(_))) => {
            Ok(Evidence { unreadable: Some(unclear.to_string()), ..nothing })
        }
        Err(failure) => Err(failure),
    }
}

/// The delivered message that is most like the blocked one, if it was blocked and has an id by which it is found again.
fn beside(
    desk: &Desk,
    worked: &Worked,
    report: &Report,
    supply: &crate::supply::Supply,
    output: &cli::Output,
) -> Option<Comparison> {
    let id = report.message.message_id.clone()?;
    let is_blocked = report.copies.iter().any(|copy| copy.fate != Fate::Delivered);
    if !is_blocked || report.several.is_some() {
        return None;
    }
    let followed = desk.follow(&worked.case, output);
    let options = Compare {
        blocked: None,
        delivered: None,
        evidence: Vec::new(),
        blocked_message_id: Some(id),
        delivered_message_id: None,
        recipient: followed.recipient,
        delivered_recipient: Vec::new(),
        trust: followed.trust,
        clocks: followed.clocks,
        hash_all: false,
        output: followed.output,
    };
    // Without a comparison the notes say that there is none.
    compare::compared(&options, supply).ok()
}

fn noted(worked: &Worked, evidence: &Evidence, options: &cli::notes::Notes) -> (Notes, Option<Redaction>) {
    let looked = match (&evidence.report, &evidence.unreadable) {
        (Some(report), _) => Looked::Answered(report),
        (None, Some(why)) => Looked::Unreadable(why),
        (None, None) => Looked::NotSupplied,
    };
    let sources = Sources {
        case: &worked.case,
        journal: &worked.journal,
        evidence: looked,
        comparison: evidence.comparison.as_ref(),
    };
    let text = match options.text {
        cli::notes::Text::Facts => Text::Facts,
        cli::notes::Text::Analysis => Text::Analysis,
        cli::notes::Text::Customer => Text::Customer,
        cli::notes::Text::All => Text::All,
    };
    if options.redact {
        let (notes, redaction) = notes::redacted(&sources, text);
        return (notes, Some(redaction));
    }
    (notes::notes(&sources, text), None)
}

/// A template from a file.
struct Own {
    name: String,
    source: String,
    face: Face,
}

impl Own {
    fn read(path: &Path) -> Result<Own, Failure> {
        let name = path.display().to_string();
        let unfit = |expected: &str, found: String, hint: &str| Failure::Usage {
            what: name.clone(),
            expected: expected.to_owned(),
            found,
            hint: hint.to_owned(),
        };
        let ends = |end: &str| name.ends_with(end);
        let face = match () {
            () if ends(".txt.j2") => Face::Text,
            () if ends(".md.j2") => Face::Markdown,
            () if ends(".html.j2") => Face::Html,
            () => {
                let hint = "The end of its name says how values are made harmless in it";
                return Err(unfit("a template named .txt.j2, .md.j2 or .html.j2", "another name".to_owned(), hint));
            }
        };
        let size = std::fs::metadata(path).map(|data| data.len()).unwrap_or_default();
        if size > MAX_TEMPLATE_BYTES {
            let found = format!("{size} bytes");
            return Err(unfit("a template of 1 MiB at most", found, "`--print-template` prints the built-in one"));
        }
        let source = std::fs::read_to_string(path).map_err(|error| {
            unfit("a template in UTF-8", error.to_string(), "`--print-template` prints the built-in one")
        })?;
        Ok(Own { name, source, face })
    }
}

/// The form of an output format.
fn face(format: Format) -> Result<Face, Failure> {
    match format {
        Format::Text => Ok(Face::Text),
        Format::Markdown => Ok(Face::Markdown),
        Format::Html => Ok(Face::Html),
        Format::Json => Err(Failure::Usage {
            what: "--format".to_owned(),
            expected: "text, markdown or html with a template".to_owned(),
            found: "json, which has none".to_owned(),
            hint: "docs/notes.schema.json is its form".to_owned(),
        }),
    }
}

fn shown(notes: &Notes, options: &cli::notes::Notes, own: Option<&Own>) -> Result<String, Failure> {
    let width = usize::from(options.output.width.unwrap_or(COLUMNS));
    let face = match (own, options.output.format) {
        (Some(own), format) => {
            self::face(format)?;
            own.face
        }
        (None, Format::Json) => return output::json(notes),
        (None, format) => self::face(format)?,
    };
    let template = own.map(|own| (own.name.as_str(), own.source.as_str()));
    notes::write(notes, face, width, template).map_err(|error| broken(error, own.is_some()))
}

fn broken(error: TemplateError, is_own: bool) -> Failure {
    if !is_own {
        return Failure::Internal(error.to_string());
    }
    Failure::Usage {
        what: format!("{}:{}", error.name, error.line),
        expected: "a template that can be drawn".to_owned(),
        found: error.found,
        hint: "docs/notes.md lists what a template may use; `--print-template` prints the built-in one".to_owned(),
    }
}

/// Writes the map into a new file that only its owner reads.
fn keep(path: &PathBuf, redaction: &Redaction) -> Result<(), Failure> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    let text = output::json(redaction)?;
    let written = new.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::Usage {
        what: path.display().to_string(),
        expected: "a new file for the map".to_owned(),
        found: error.to_string(),
        hint: "It is never written over another file: it is the only way back".to_owned(),
    })
}
