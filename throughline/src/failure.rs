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
    },
    /// No file could be read; one sentence each.
    NothingReadable(Vec<String>),
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
            Failure::NothingReadable(_) => 3,
            Failure::Output(_) | Failure::Internal(_) => 70,
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
            Failure::WhichMessage { expected, found, hint } => {
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
            Failure::Stopped => f.write_str("stopped before all evidence was read; there is no answer"),
            Failure::Output(error) => write!(f, "standard output: expected to write the answer, found {error}"),
            Failure::Internal(what) => {
                write!(f, "internal fault: {what}. Please report it with the command line; evidence need not be sent")
            }
        }
    }
}
