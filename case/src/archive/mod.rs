//! A whole case in one zip: written from one store, taken over by another, with all names that cites use.
//!
//! | member | holds |
//! |---|---|
//! | `throughline.json` | form, name of the case everywhere, head hash, how much there is |
//! | `journal.jsonl` | the entries, one a line, each deed as the very text that its hash is of |
//! | `case.json` | what they add up to, for people and other programs |
//! | `evidence/001/...` | the files, named as cites name them |
//!
//! Nothing else. The same case gives the same bytes, on every machine.

mod read;
mod write;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::journal::{Deed, Entry};

pub use read::{Archive, Imported};
pub use write::export;

/// The name and version of the archive's form.
pub const ARCHIVE_SCHEMA: &str = "throughline.case_archive.v1";

const MANIFEST: &str = "throughline.json";
const JOURNAL: &str = "journal.jsonl";
const CASE: &str = "case.json";
const EVIDENCE: &str = "evidence/";

/// An archive unpacks to at most so many times its size, and this much more: what packs better is no evidence but a trap.
const MAX_RATIO: u64 = 200;
const ALWAYS_BYTES: u64 = 64 << 20;

/// What an archive says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Always `throughline.case_archive.v1`.
    pub schema: String,
    /// The name of the case everywhere.
    pub uid: String,
    /// How many entries its journal has.
    pub entries: u64,
    /// The hash of the last one: it stands for the whole journal, and through it for every file.
    pub head: String,
    /// How many files of evidence there are.
    pub files: u64,
    /// Their size together.
    pub bytes: u64,
}

/// One entry as a line of `journal.jsonl`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    uid: String,
    seq: u64,
    at: Timestamp,
    who: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The text that the hash is of, not what it says.
    deed: String,
    previous: String,
    hash: String,
}

impl Line {
    fn of(entry: &Entry) -> Line {
        let Entry { uid, seq, at, who, key, written, previous, hash, .. } = entry.clone();
        Line { uid, seq, at, who, key, deed: written, previous, hash }
    }

    fn entry(self) -> Result<Entry, serde_json::Error> {
        let Line { uid, seq, at, who, key, deed: written, previous, hash } = self;
        let deed: Deed = serde_json::from_str(&written)?;
        Ok(Entry { uid, seq, at, who, key, deed, written, previous, hash })
    }
}

/// Whether an archive of so many bytes may hold this much.
fn is_bomb(archive_bytes: u64, unpacked_bytes: u64) -> bool {
    unpacked_bytes > archive_bytes.saturating_mul(MAX_RATIO).saturating_add(ALWAYS_BYTES)
}
