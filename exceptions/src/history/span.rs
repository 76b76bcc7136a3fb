//! Which history was read, and what it cannot show.

use evidence::{FileName, SourceId};
use jiff::{SignedDuration, Timestamp};
use sources::ReadError;

use super::History;
use super::part::{MAX_ROWS, Part};
use super::terms::{Terms, dim, is_by_envelope};

/// How many gaps are named.
const MAX_GAPS: usize = 366;
/// How many conditions that no row can show are named.
const MAX_CONDITIONS: usize = 20;

/// What became of a file, and what it says that it lacks.
pub(super) struct FileSpan {
    /// The file.
    pub(super) file: FileName,
    /// Its kind, if it is recognised.
    pub(super) kind: Option<SourceId>,
    /// Why it could not be read.
    pub(super) error: Option<ReadError>,
    /// Whether it gave rows about messages.
    pub(super) is_history: bool,
    /// Whether it ends at a row cap.
    pub(super) is_cut: bool,
    /// What it says that it lacks.
    pub(super) limits: Vec<String>,
}

/// The history of all files.
pub(super) fn history(part: &Part, terms: &Terms, files: &[FileSpan]) -> History {
    let mut cannot_show = Vec::new();
    not_kept(part, &mut cannot_show);
    not_stated(part, terms, &mut cannot_show);
    let mut of_files: Vec<String> = files.iter().flat_map(lacks).collect();
    of_files.sort();
    of_files.dedup();
    cannot_show.extend(of_files);
    let gaps = gaps(part);
    if gaps.len() > MAX_GAPS {
        cannot_show.push(format!("There are {} gaps; the first {MAX_GAPS} are named.", gaps.len()));
    }
    History {
        from: part.from,
        to: part.to,
        gaps: gaps.into_iter().take(MAX_GAPS).collect(),
        rows: part.rows().filter(|(_, rows)| *rows > 0).collect(),
        cannot_show,
    }
}

fn not_kept(part: &Part, put: &mut Vec<String>) {
    if part.copies.is_empty() {
        put.push("No file has rows about many messages: nothing is counted.".to_owned());
    }
    if part.left_out > 0 {
        put.push(format!(
            "{} rows were left out because there are too many (more than {MAX_ROWS}, or too many that differ): every count is \"at least\".",
            part.left_out
        ));
    }
    if part.without_id > 0 {
        put.push(format!(
            "{} rows name no id of their message, and no other row shows for sure which it is: each is counted for itself, so every count is \"at most\".",
            part.without_id
        ));
    }
}

/// Said where the From address is not stated.
const BY_ENVELOPE: &str = "Where no row states the From address, the envelope sender is taken for it: mail that a service sends in somebody's name is missed.";

fn not_stated(part: &Part, terms: &Terms, put: &mut Vec<String>) {
    if part.copies.is_empty() {
        return;
    }
    let is_any_by_envelope =
        terms.used & dim::HEADER != 0 && part.patterns.iter().any(|one| is_by_envelope(one.stated));
    if is_any_by_envelope {
        put.push(BY_ENVELOPE.to_owned());
    }
    for (bit, words) in dim::ALL.into_iter().filter(|(bit, _)| *bit != dim::HEADER || !is_any_by_envelope) {
        if terms.used & bit != 0 && part.stated & bit == 0 {
            put.push(format!("No row states the {words}: whether a condition on it holds is not shown."));
        }
    }
    let mut never: Vec<&str> = terms.never_shown().collect();
    never.sort_unstable();
    never.dedup();
    for words in never.iter().take(MAX_CONDITIONS) {
        put.push(format!("Rows do not show whether this holds: {words}."));
    }
    if never.len() > MAX_CONDITIONS {
        put.push(format!("Nor whether {} further conditions hold.", never.len() - MAX_CONDITIONS));
    }
}

/// What one file lacks.
fn lacks(file: &FileSpan) -> Vec<String> {
    let name = &file.file;
    let source = file.kind.filter(|_| file.is_history).and_then(sources::source);
    let unread = file.error.as_ref().filter(|_| file.kind.is_some());
    let cut = file
        .is_cut
        .then(|| format!("{name} ends at a row cap: rows are probably missing, and counts are \"at least\"."));
    let limits = file.limits.iter().filter(|_| file.is_history || file.is_cut).map(|limit| format!("{name}: {limit}."));
    unread
        .map(|error| format!("{name} could not be read: {error}."))
        .into_iter()
        .chain(cut)
        .chain(limits)
        .chain(source.into_iter().flat_map(|source| {
            source.cannot_show().iter().map(|what| format!("{} does not show {what}.", source.title()))
        }))
        .collect()
}

/// Whole days without a row between the first and the last instant.
fn gaps(part: &Part) -> Vec<(Timestamp, Timestamp)> {
    let start = |day: i64| Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(day.checked_mul(86_400)?)).ok();
    let days: Vec<i64> = part.days.iter().copied().collect();
    let missing = days.windows(2).filter_map(|pair| match pair {
        [one, next] if next - one > 1 => Some((start(one + 1)?, start(*next)?)),
        _ => None,
    });
    missing.collect()
}
