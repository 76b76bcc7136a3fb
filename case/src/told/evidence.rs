//! The evidence of a case as it is told: what was copied, what it is, and what it cannot show.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::journal::{Deed, Entry, Purpose};

/// One file of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseFile {
    /// Its name below the evidence of the case, such as `001/trace.csv`: cites name it so.
    pub file: String,
    /// Lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What it is for.
    pub purpose: Purpose,
    /// The entry of the journal that added it.
    pub entry: u64,
    /// What it was read as; an archive holds several; none if it was not looked at.
    pub read: Vec<ReadFile>,
}

/// What a file, or a part of an archive, was read as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadFile {
    /// Its name, `001/archive.zip/inner` within an archive.
    pub file: String,
    /// The kind; null if nobody recognises the file.
    pub source: Option<String>,
    /// The kind in words.
    pub title: Option<String>,
    /// How many rows it has; null if they were not read.
    pub rows: Option<u64>,
    /// Rows that say something about the message; null if they were not read.
    pub observed: Option<u64>,
    /// Rows that could not be read; null if none was.
    pub problems: Option<u64>,
    /// Earliest instant of any row.
    pub from: Option<Timestamp>,
    /// Latest instant of any row.
    pub to: Option<Timestamp>,
    /// What it cannot show.
    pub cannot_show: Vec<String>,
    /// Why nothing could be read from it, with what to try; null if it was read.
    pub error: Option<String>,
}

/// What a command copied into a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddedEvidence {
    /// The folder that the files stand in, such as `001`; null if nothing new was copied.
    pub batch: Option<String>,
    /// The files, by name.
    pub files: Vec<String>,
    /// Files whose content the case has already.
    pub known: Vec<KnownFile>,
    /// What could not be copied, and why; one sentence each.
    pub refused: Vec<String>,
}

/// A file whose content the case has already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownFile {
    /// Its name.
    pub file: String,
    /// The file of the case that has its content.
    pub same_as: String,
}

impl CaseFile {
    /// The files that a journal names, in its order, with what was read from them.
    pub fn of(journal: &[Entry], read: &[ReadFile]) -> Vec<CaseFile> {
        let mut files = Vec::new();
        for entry in journal {
            let Deed::EvidenceAdded { purpose, files: added, .. } = &entry.deed else { continue };
            files.extend(added.iter().map(|file| CaseFile {
                file: file.name.clone(),
                sha256: file.sha256.clone(),
                bytes: file.bytes,
                purpose: *purpose,
                entry: entry.seq,
                read: read.iter().filter(|part| is_of(&part.file, &file.name)).cloned().collect(),
            }));
        }
        files
    }
}

/// Whether a part is the file, or lies in it.
fn is_of(part: &str, file: &str) -> bool {
    part.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
