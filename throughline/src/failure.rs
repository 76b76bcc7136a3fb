//! Why there is no answer, and with which status the program ends.

use std::fmt;

use report::visible;

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that cannot be done.
    Usage {
        /// Which option or argument.
        what: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// What to try.
        hint: String,
    },
    /// Neither the options nor the evidence single out one message.
    WhichMessage {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// What to try.
        hint: String,
        /// The first of the messages that could be meant.
        meant: Vec<sources::Candidate>,
    },
    /// No file could be read; one sentence each.
    NothingReadable(Vec<String>),
    /// The store of cases did not do what was asked.
    Store(case::StoreError),
    /// A client cannot be watched: another process does, or its lock cannot be made.
    Watched(watch::LockError),
    /// Ctrl-C.
    Stopped,
    /// The answer could not be written.
    Output(std::io::Error),
    /// A fault of this program.
    Internal(String),
}

/// How many files that could not be read are named.
const MAX_FILES: usize = 50;

impl Failure {
    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Failure::Usage { .. } | Failure::WhichMessage { .. } => 2,
            Failure::Store(case::StoreError::NoSuchCase(_) | case::StoreError::Unusable { .. }) => 2,
            Failure::Store(case::StoreError::Journal { .. }) => 4,
            Failure::NothingReadable(_) | Failure::Store(case::StoreError::Archive { .. }) => 3,
            Failure::Store(_) | Failure::Output(_) | Failure::Internal(_) => 70,
            // EX_TEMPFAIL of sysexits.h: nothing is wrong, and later it may go.
            Failure::Watched(watch::LockError::Taken { .. }) => 75,
            Failure::Watched(_) => 70,
            // As a shell reports a program that SIGINT ended.
            Failure::Stopped => 130,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage { what, expected, found, hint } => {
                write!(f, "{what}: expected {expected}, found {found}. {hint}")
            }
            Failure::WhichMessage { expected, found, hint, .. } => {
                write!(f, "which message: expected {expected}, found {found}. {hint}")
            }
            Failure::NothingReadable(files) if files.is_empty() => f.write_str(
                "nothing readable: expected at least one file, found none. Name a folder with exports in it",
            ),
            Failure::NothingReadable(files) => {
                f.write_str("nothing readable:")?;
                files.iter().take(MAX_FILES).try_for_each(|file| write!(f, "\n  {}", visible(file)))?;
                match files.len().saturating_sub(MAX_FILES) {
                    0 => Ok(()),
                    more => write!(f, "\n  and {more} more"),
                }
            }
            Failure::Store(error) => f.write_str(&visible(&error.to_string())),
            Failure::Watched(error) => f.write_str(&visible(&error.to_string())),
            Failure::Stopped => f.write_str("stopped before all evidence was read; there is no answer"),
            Failure::Output(error) => write!(f, "standard output: expected to write the answer, found {error}"),
            Failure::Internal(what) => {
                write!(f, "internal fault: {what}. Please report it with the command line; evidence need not be sent")
            }
        }
    }
}

impl From<case::StoreError> for Failure {
    fn from(error: case::StoreError) -> Failure {
        Failure::Store(error)
    }
}
