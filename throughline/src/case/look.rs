//! The look at a case: its evidence followed, its triage, and its document.

use ::case::Purpose;
use ::case::told::{AddedEvidence, CaseDocument, CaseFile, Done, Known, ReadFile};
use ::case::triage::{self, Looked, Seen, Triage};
use report::{Comparison, Fate, Report};

use super::desk::{Desk, Worked};
use crate::cli::Output;
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{compare, follow};

/// What the evidence of a case shows.
pub enum Look {
    /// There is none yet.
    NoEvidence,
    /// No message could be followed, and why.
    NotFollowed(String),
    /// What it shows, and the message beside a delivered one.
    Followed(Box<Report>, Option<Box<Comparison>>),
}

impl Look {
    /// Follows the message of a case.
    ///
    /// # Errors
    /// [`Failure`] if the evidence cannot be read.
    pub fn at(desk: &Desk, worked: &Worked, output: &Output) -> Result<Look, Failure> {
        let supply = worked.supply(&[Purpose::Ticket]);
        if supply.inputs().is_empty() && supply.refused().next().is_none() {
            return Ok(Look::NoEvidence);
        }
        let options = desk.follow(&worked.case, output);
        let report = match follow::report(&options, &supply) {
            Ok((report, _)) => report,
            // What cannot be followed yet is an open point of the triage, no fault.
            Err(Failure::WhichMessage { found, hint, .. }) => {
                return Ok(Look::NotFollowed(which_message(&found, &hint, worked.case.number)));
            }
            Err(Failure::NothingReadable(files)) => return Ok(Look::NotFollowed(nothing_readable(&files))),
            Err(failure) => return Err(failure),
        };
        let was_kept_back = report.copies.iter().any(|copy| copy.fate != Fate::Delivered);
        let compared = match was_kept_back {
            true => compare::beside_delivered(&options, &report, &supply)?.map(Box::new),
            false => None,
        };
        Ok(Look::Followed(Box::new(report), compared))
    }

    /// The report, if there is one.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Look::Followed(report, _) => Some(report),
            Look::NoEvidence | Look::NotFollowed(_) => None,
        }
    }

    fn looked(&self) -> Looked<'_> {
        match self {
            Look::NoEvidence => Looked::NoEvidence,
            Look::NotFollowed(why) => Looked::NotFollowed(why),
            Look::Followed(report, _) => Looked::Followed(report),
        }
    }

    /// The triage of the case.
    pub fn triage(&self, worked: &Worked) -> Triage {
        let compared = match self {
            Look::Followed(_, compared) => compared.as_deref(),
            Look::NoEvidence | Look::NotFollowed(_) => None,
        };
        let (asked, journal) = (&worked.case.asked, &worked.journal);
        triage::of(&Seen { looked: self.looked(), compared, asked, journal })
    }
}

/// How many messages that could be meant are named.
const MAX_MEANT: usize = 3;

/// The first of what could be meant, on one line.
fn which_message(found: &str, hint: &str, number: u64) -> String {
    let mut lines = found.lines().map(str::trim);
    let head = lines.next().unwrap_or_default();
    let meant: Vec<&str> = lines.take(MAX_MEANT).collect();
    let meant = if meant.is_empty() { String::new() } else { format!(" {}", meant.join("; ")) };
    let _ = hint;
    format!(
        "expected one message, found {head}{meant}; name it with `throughline case add {number} --message-id ID`, or by --sender, \
        --recipient, --at"
    )
}

fn nothing_readable(files: &[String]) -> String {
    let more = files.len().saturating_sub(MAX_MEANT);
    let named: Vec<&str> = files.iter().take(MAX_MEANT).map(String::as_str).collect();
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    format!("nothing in the evidence is of a kind that is read: {}{more}", named.join("; "))
}

/// The document of a case, looked at.
pub fn document(worked: &Worked, look: &Look, done: Option<Done>, added: Option<AddedEvidence>) -> CaseDocument {
    let supply = worked.supply(&[Purpose::Ticket, Purpose::Verification]);
    let read = read_files(&supply, look.report());
    CaseDocument::of(Known {
        case: &worked.case,
        journal: &worked.journal,
        looked: Some((look.looked(), look.triage(worked))),
        evidence: CaseFile::of(&worked.journal, &read),
        evidence_folder: worked.folder.evidence().display().to_string(),
        done,
        added,
    })
}

/// The document of a case whose evidence was not looked at.
pub fn receipt(worked: &Worked, done: Option<Done>) -> CaseDocument {
    CaseDocument::of(Known {
        case: &worked.case,
        journal: &worked.journal,
        looked: None,
        evidence: CaseFile::of(&worked.journal, &[]),
        evidence_folder: worked.folder.evidence().display().to_string(),
        done,
        added: None,
    })
}

/// What each file was read as: as the report says; what it does not speak of is recognised by its content.
fn read_files(supply: &Supply, report: Option<&Report>) -> Vec<ReadFile> {
    let told: &[report::EvidenceFile] = report.map_or(&[], |report| &report.evidence);
    let mut read: Vec<ReadFile> = told.iter().map(of_report).collect();
    for input in supply.inputs() {
        if read.iter().any(|known| *known.file == *input.name) {
            continue;
        }
        let mut one = ReadFile { file: input.name.to_string(), ..ReadFile::default() };
        match sources::recognise(input.bytes, &input.name) {
            Ok(source) => {
                one.source = Some(source.id().to_owned());
                one.title = Some(source.title().to_owned());
                one.cannot_show = source.cannot_show().iter().map(|limit| (*limit).to_owned()).collect();
            }
            Err(error) => one.error = Some(error.to_string()),
        }
        read.push(one);
    }
    for refused in supply.refused() {
        if !read.iter().any(|known| known.file == refused.file) {
            read.push(ReadFile { file: refused.file, error: refused.error, ..ReadFile::default() });
        }
    }
    read
}

fn of_report(file: &report::EvidenceFile) -> ReadFile {
    let source = file.source.as_deref().and_then(sources::source);
    let mut cannot_show = file.limits.clone();
    for limit in source.iter().flat_map(|source| source.cannot_show()) {
        if !cannot_show.iter().any(|known| known == limit) {
            cannot_show.push((*limit).to_owned());
        }
    }
    let is_read = file.error.is_none();
    ReadFile {
        file: file.file.clone(),
        source: file.source.clone(),
        title: source.map(|source| source.title().to_owned()),
        rows: is_read.then_some(file.rows),
        observed: is_read.then_some(file.observed),
        problems: is_read.then_some(file.problems),
        from: file.from,
        to: file.to,
        cannot_show,
        error: file.error.clone(),
    }
}
