//! Samples: the one that `headers` and `auth` look at, and those of a message.

use std::path::Path;

use evidence::{Fact, Identifier, Observation, Reading};
use intake::{Evidence, Limits, Opened};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sources::{Clock, Input, NoProgress, Query, Source, Wanted};

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

/// Whether a file is a message as somebody wrote it, with this Message-ID. A message within another one, such as the original in a bounce,
/// does not make it one.
pub fn is_of(input: &Input<'_>, source: &dyn Source, message_id: &str) -> bool {
    if !matches!(source.id(), "message/eml" | "message/msg" | "message/headers") {
        return false;
    }
    // Only its id is asked for, which no zone changes.
    let clock = Clock { zone: TimeZone::UTC, zone_label: String::new(), reference: Timestamp::UNIX_EPOCH };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let Ok(reading) = source.read(input, &query) else { return false };
    let own = reading.observations.iter().find(|one| matches!(one.fact, Fact::Identity(_)));
    let is_it = |id: &Identifier| matches!(id, Identifier::MessageId(id) if id == message_id);
    own.is_some_and(|own| own.about.ids.iter().any(is_it))
}
