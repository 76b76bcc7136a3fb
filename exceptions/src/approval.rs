//! A recorded approval of something broad.

use evidence::FileName;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;
use sources::proposed::{self, Candidate};
use sources::{Clock, Input};

/// The name and version of a recorded approval.
pub const APPROVAL_SCHEMA: &str = "throughline.approval.v1";

/// That somebody who may approve something broad did so: who, in which role, when, what, until when, why, and for which sample.
///
/// There is one door: [`Approval::recorded`], for a file that the user names as an approval. One that comes with the evidence does not
/// count, because evidence comes from outside.
#[derive(Clone, Debug)]
pub struct Approval {
    file: FileName,
    who: String,
    role: String,
    when: Timestamp,
    ends: Timestamp,
    reason: String,
    sample_sha256: String,
    scope: Candidate,
}

/// Why a file is no approval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// It is no JSON of this form.
    #[error(
        "{file}: expected an approval ({APPROVAL_SCHEMA}), found {found}. `throughline exception check --help` shows one"
    )]
    Form {
        /// The file.
        file: String,
        /// What was found.
        found: String,
    },
    /// A part says nothing.
    #[error("{file}: the approval's `{part}` expected {expected}, found {found}")]
    Part {
        /// The file.
        file: String,
        /// Which part.
        part: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    schema: String,
    who: String,
    role: String,
    when: String,
    scope: Vec<Json>,
    ends: String,
    reason: String,
    sample_sha256: String,
}

/// The largest approval that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// How many exceptions one approval is for at most: nobody looks at more one by one.
const MAX_STEPS: usize = 100;

impl Approval {
    /// Reads a recorded approval: JSON with `schema`, `who`, `role`, `when`, `scope`, `ends`, `reason`, `sample_sha256`.
    ///
    /// `scope` is a list of what is approved: commands as text, or exceptions in throughline's own form.
    ///
    /// # Errors
    /// [`ApprovalError`] if it is no such document, if a part is empty or contradicts another, or if what is approved cannot be read whole.
    pub fn recorded(file: &Input<'_>, clock: &Clock) -> Result<Approval, ApprovalError> {
        let name = file.name.to_string();
        let form = |found: String| ApprovalError::Form { file: name.clone(), found };
        if file.bytes.len() > MAX_BYTES {
            return Err(form(format!("{} bytes", file.bytes.len())));
        }
        let bytes = file.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file.bytes);
        let recorded: Recorded = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
        if recorded.schema != APPROVAL_SCHEMA {
            return Err(form(format!("schema `{}`", recorded.schema.escape_debug())));
        }
        let part = |part, expected, found: String| ApprovalError::Part { file: name.clone(), part, expected, found };
        for (of, said) in [("who", &recorded.who), ("role", &recorded.role), ("reason", &recorded.reason)] {
            if said.trim().is_empty() {
                return Err(part(of, "a few words", "nothing".to_owned()));
            }
        }
        let hash = recorded.sample_sha256.trim().to_ascii_lowercase();
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let expected = "the SHA-256 of the sample: 64 hexadecimal digits";
            return Err(part("sample_sha256", expected, format!("`{}`", recorded.sample_sha256.escape_debug())));
        }
        let instant = |of, said: &str| {
            let expected = "a date, or an instant with its offset";
            instant(said, clock).ok_or_else(|| part(of, expected, format!("`{}`", said.escape_debug())))
        };
        let (when, ends) = (instant("when", &recorded.when)?, instant("ends", &recorded.ends)?);
        if ends <= when {
            return Err(part("ends", "an instant after `when`", recorded.ends));
        }
        let scope = approved(&recorded.scope, &file.name, clock);
        if let Some(unread) = scope.unread.first() {
            return Err(part("scope", "what is approved", unread.found.clone()));
        }
        if scope.steps.is_empty() || scope.steps.len() > MAX_STEPS {
            let found = format!("{} exceptions", scope.steps.len());
            return Err(part("scope", "what is approved: one exception or a few", found));
        }
        let Recorded { who, role, reason, .. } = recorded;
        Ok(Approval { file: file.name.clone(), who, role, when, ends, reason, sample_sha256: hash, scope })
    }

    /// The file that records it.
    pub fn file(&self) -> &FileName {
        &self.file
    }

    /// Who approved.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// In which role.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// When.
    pub fn when(&self) -> Timestamp {
        self.when
    }

    /// Until when at the latest.
    pub fn ends(&self) -> Timestamp {
        self.ends
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// SHA-256 of the sample that shows the need, in hexadecimal digits, lower case.
    pub fn sample_sha256(&self) -> &str {
        &self.sample_sha256
    }

    /// What is approved.
    pub(crate) fn scope(&self) -> &Candidate {
        &self.scope
    }
}

/// An instant with an offset, or a date or date and time in the clock's zone; of a date, its beginning.
fn instant(said: &str, clock: &Clock) -> Option<Timestamp> {
    let civil = || said.parse::<jiff::civil::DateTime>().ok()?.to_zoned(clock.zone.clone()).ok();
    said.parse().ok().or_else(|| civil().map(|zoned| zoned.timestamp()))
}

/// All that is approved, read like a candidate.
fn approved(scope: &[Json], file: &FileName, clock: &Clock) -> Candidate {
    let mut all = Candidate::default();
    for one in scope {
        let text = one.as_str().map_or_else(|| one.to_string(), str::to_owned);
        let read = proposed::read(&Input { name: file.clone(), bytes: text.as_bytes() }, clock);
        all.steps.extend(read.steps);
        all.unread.extend(read.unread);
    }
    all
}
