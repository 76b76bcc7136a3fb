//! The one sample that `headers` and `auth` look at.

use std::path::Path;

use evidence::{Observation, Reading};
use intake::{Evidence, Limits, Opened};
use sources::{Clock, Input, NoProgress, Query, Wanted};

use crate::failure::Failure;

/// A sample and what its fields state.
pub struct Sample {
    evidence: Evidence,
    at: usize,
    /// The kind of sample.
    pub source: &'static str,
    /// What was read.
    pub reading: Reading,
}

impl Sample {
    /// Opens the one sample of a file, folder or archive.
    ///
    /// # Errors
    /// [`Failure::NothingReadable`] if there is none, [`Failure::Usage`] if there are several.
    pub fn open(path: &Path, clock: &Clock) -> Result<Sample, Failure> {
        let evidence = intake::open(&[path.to_owned()], Limits::default());
        let mut found = Vec::new();
        let mut other: Vec<String> = evidence.refused.iter().map(ToString::to_string).collect();
        for (at, file) in evidence.files.iter().enumerate() {
            match sources::recognise(&file.bytes, &file.name) {
                Ok(source) if source.id().starts_with("message/") => found.push((at, source)),
                Ok(source) => other.push(format!(
                    "{}: expected a saved message or headers, found {}; `throughline follow` reads it",
                    file.name,
                    source.id()
                )),
                Err(error) => other.push(error.to_string()),
            }
        }
        let (at, source) = match found.as_slice() {
            [] => return Err(Failure::NothingReadable(other)),
            [one] => *one,
            several => {
                let names: Vec<&str> = several.iter().map(|(at, _)| &*evidence.files[*at].name).take(10).collect();
                return Err(Failure::Usage {
                    what: "FILE".to_owned(),
                    expected: "one sample".to_owned(),
                    found: format!("{}: {}", several.len(), names.join(", ")),
                    hint: "Name one of them".to_owned(),
                });
            }
        };
        let file = &evidence.files[at];
        let input = Input { name: file.name.clone(), bytes: &file.bytes };
        let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
        let reading = source.read(&input, &query).map_err(|error| Failure::NothingReadable(vec![error.to_string()]))?;
        Ok(Sample { source: source.id(), at, reading, evidence })
    }

    /// The file that holds it.
    pub fn file(&self) -> &Opened {
        &self.evidence.files[self.at]
    }

    /// What its fields state, in the order of the text.
    pub fn observations(&self) -> Vec<&Observation> {
        let mut all: Vec<&Observation> = self.reading.observations.iter().collect();
        all.sort_by(|a, b| a.cite.order().cmp(&b.cite.order()));
        all
    }
}
