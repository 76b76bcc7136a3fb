//! To be read.

use evidence::FileName;

use super::{Candidate, Dialect};
use crate::Clock;

/// To be read.
pub(super) struct Maps;

impl Dialect for Maps {
    fn is_written_in(&self, _text: &str) -> bool {
        false
    }

    fn read(&self, _file: &FileName, _text: &str, _clock: &Clock) -> Candidate {
        Candidate::default()
    }
}
