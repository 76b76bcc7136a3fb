//! Why a file gave nothing.

/// Nothing can be read from a file; a row that cannot be read is a [`evidence::Problem`] instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The file has no bytes, or only white space.
    #[error("{file}: the file is empty; expected an export with at least its header. Export it again, or leave it out")]
    Empty {
        /// The file.
        file: String,
    },
    /// The bytes are no text in an encoding that exports use.
    #[error("{file}: at byte {at}: found {found}; expected UTF-8 or UTF-16 text. {hint}")]
    Encoding {
        /// The file.
        file: String,
        /// Offset of the first byte that does not fit.
        at: u64,
        /// What the bytes look like, such as `a ZIP container (.xlsx?)`.
        found: String,
        /// What to try.
        hint: String,
    },
    /// The text is not the grammar of any kind that is read.
    #[error("{file}: not recognised; nearest kind is {nearest}: expected {expected}, found {found}. {hint}")]
    Unrecognised {
        /// The file.
        file: String,
        /// The nearest kind, or `none`.
        nearest: String,
        /// What that kind needs and is missing here.
        expected: String,
        /// What stands there instead.
        found: String,
        /// What to try.
        hint: String,
    },
    /// The kind is known, but the whole file cannot be parsed as it.
    #[error("{file}: {place}: expected {expected}, found {found}. {hint}")]
    Broken {
        /// The file.
        file: String,
        /// Line, record or byte.
        place: String,
        /// What was expected there.
        expected: String,
        /// What was found.
        found: String,
        /// What to try.
        hint: String,
    },
    /// The user asked to stop.
    #[error("{file}: stopped before the end was read")]
    Cancelled {
        /// The file.
        file: String,
    },
}

impl ReadError {
    /// Whether the file is an answer that holds no record: an empty list.
    pub fn is_without_records(&self) -> bool {
        let ReadError::Unrecognised { found, .. } = self else { return false };
        let text: String = found.chars().filter(|char| !char.is_whitespace() && *char != '`').collect();
        text == "[]" || text.ends_with(":[]}") && text.starts_with('{')
    }
}
