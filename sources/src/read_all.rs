//! Reads all files, closing over the ids that the records reveal.

use std::collections::BTreeSet;

use evidence::{Fact, FileName, Identifier, Reading, SourceId, Zone};
use jiff::Timestamp;
use rayon::prelude::*;

use crate::text::{self, Text};
use crate::{
    ALL, Clock, Head, Input, Likeness, MatchedBy, Message, Progress, Query, ReadError, Recognition, Source, Wanted,
    ZoneRule,
};

/// What was read from one file, and as which kind.
#[derive(Clone, Debug)]
pub struct FileReading {
    /// The file.
    pub file: FileName,
    /// The kind, `None` if nobody recognises it.
    pub source: Option<SourceId>,
    /// The reading; an error if nothing could be read.
    pub reading: Result<Reading, ReadError>,
}

/// What was read from all files, and what the message turned out to be.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// One entry a file, in the order of the input.
    pub files: Vec<FileReading>,
    /// The message with all ids and looks that were revealed.
    pub message: Message,
}

/// How many rounds of closing over revealed ids are made at most; every round but the last found a new id.
const MAX_ROUNDS: usize = 12;

/// Reads the rows about `message` from all files, until no record reveals a further id.
///
/// Message samples and exports that state their zone are read first: they give the instant by which records without a
/// year are dated. `clock.reference` is the fallback.
pub fn read_all(files: &[Input<'_>], message: Message, clock: &Clock, progress: &dyn Progress) -> Readings {
    let kinds: Vec<Result<&'static dyn Source, ReadError>> =
        files.par_iter().map(|input| recognise(input.bytes, &input.name)).collect();
    let mut reading = Round { files, kinds: &kinds, message, clock: clock.clone(), done: vec![None; files.len()] };
    reading.run(ZoneRule::Stated, progress);
    if let Some(reference) = reading.stated_instant() {
        reading.clock.reference = reference;
    }
    reading.run(ZoneRule::Unstated, progress);
    reading.close(progress);
    let Round { done, message, .. } = reading;
    let files = files
        .iter()
        .zip(kinds.iter().zip(done))
        .map(|(input, (kind, done))| FileReading {
            file: input.name.clone(),
            source: kind.as_ref().ok().map(|source| source.id()),
            reading: match (kind, done) {
                (Err(error), _) => Err(error.clone()),
                (Ok(_), Some(done)) => done.reading,
                (Ok(_), None) => Err(ReadError::Cancelled { file: input.name.to_string() }),
            },
        })
        .collect();
    Readings { files, message }
}

#[derive(Clone)]
struct Done {
    reading: Result<Reading, ReadError>,
    asked: BTreeSet<Identifier>,
    looks: Likeness,
}

struct Round<'a> {
    files: &'a [Input<'a>],
    kinds: &'a [Result<&'static dyn Source, ReadError>],
    message: Message,
    clock: Clock,
    done: Vec<Option<Done>>,
}

impl Round<'_> {
    /// Reads every file of one zone rule once, by what is known of the message now.
    fn run(&mut self, rule: ZoneRule, progress: &dyn Progress) {
        let due: Vec<usize> = (0..self.files.len())
            .filter(|at| self.kinds[*at].as_ref().is_ok_and(|source| source.zone() == rule))
            .collect();
        self.read(&due, progress);
    }

    /// Reads again the files that have not been asked for ids known by now, until nothing new is revealed.
    fn close(&mut self, progress: &dyn Progress) {
        for _ in 0..MAX_ROUNDS {
            let due: Vec<usize> = (0..self.files.len())
                .filter(|at| self.done[*at].as_ref().is_some_and(|done| done.reading.is_ok() && self.is_due(*at, done)))
                .collect();
            if due.is_empty() || progress.is_cancelled() {
                return;
            }
            self.read(&due, progress);
        }
    }

    /// Whether a file has not been asked for all that is known by now.
    fn is_due(&self, at: usize, done: &Done) -> bool {
        let by_looks = self.kinds[at].as_ref().is_ok_and(|source| source.matched_by() == MatchedBy::IdsOrLooks);
        self.message.ids.iter().any(|id| !done.asked.contains(id)) || (by_looks && done.looks != self.message.likeness)
    }

    fn read(&mut self, due: &[usize], progress: &dyn Progress) {
        let wanted = Wanted::Message(self.message.clone());
        let query = Query { wanted: &wanted, clock: &self.clock, progress };
        let read: Vec<(usize, Result<Reading, ReadError>)> = due
            .par_iter()
            .filter_map(|at| self.kinds[*at].as_ref().ok().map(|source| (*at, source.read(&self.files[*at], &query))))
            .collect();
        let Message { ids: asked, likeness: looks } = self.message.clone();
        for (at, reading) in read {
            let mut asked = asked.clone();
            if let Ok(reading) = &reading {
                // What a file reveals itself, it has already closed over.
                asked.extend(reading.revealed.iter().cloned());
                self.message.ids.extend(reading.revealed.iter().cloned());
                learn_looks(&mut self.message, reading);
            }
            self.done[at] = Some(Done { reading, asked, looks: looks.clone() });
        }
    }

    /// The earliest instant with a stated zone in what has been read so far.
    fn stated_instant(&self) -> Option<Timestamp> {
        self.done
            .iter()
            .flatten()
            .filter_map(|done| done.reading.as_ref().ok())
            .flat_map(|reading| &reading.observations)
            .filter_map(|observation| observation.when.as_ref())
            .filter(|when| when.zone == Zone::Stated)
            .map(|when| when.at)
            .min()
    }
}

/// Takes sender, recipients, subject and instant of a reading into the looks of the message.
fn learn_looks(message: &mut Message, reading: &Reading) {
    let looks = &mut message.likeness;
    for observation in &reading.observations {
        if let Fact::Identity(identity) = &observation.fact {
            looks.senders.extend(identity.envelope_sender.iter().filter(|sender| !sender.is_null()).cloned());
            looks.senders.extend(identity.header_from.iter().cloned());
            looks.subjects.extend(identity.subject.iter().filter(|subject| !subject.trim().is_empty()).cloned());
        }
        looks.envelope_recipients.extend(observation.about.envelope_recipients.iter().cloned());
        looks.around.extend(observation.when.as_ref().map(|when| when.at));
    }
}

/// How much of a file is looked at to find its kind.
const HEAD_BYTES: usize = 64 * 1024;

/// Finds the kind of a file by its content.
///
/// # Errors
/// [`ReadError`] if the file is empty, no text, or of no kind that is read; it names the nearest kind.
pub fn recognise(bytes: &[u8], name: &str) -> Result<&'static dyn Source, ReadError> {
    let start = &bytes[..bytes.len().min(HEAD_BYTES)];
    if text::is_blank(start) {
        return Err(ReadError::Empty { file: name.to_owned() });
    }
    let decoded = Text::decode(start, name);
    let whole = match &decoded {
        Ok(text) => text.as_str(),
        Err(_) => "",
    };
    let cut = if bytes.len() > HEAD_BYTES { whole.rfind('\n').map_or(whole.len(), |at| at + 1) } else { whole.len() };
    let head = Head { text: &whole[..cut], bytes: start, size_bytes: bytes.len() as u64 };
    let mut fits = None;
    let mut near = None;
    for source in ALL {
        match source.recognise(&head) {
            Recognition::Certain => return Ok(*source),
            Recognition::Fits => fits = fits.or(Some(*source)),
            Recognition::Near { missing } => near = near.or(Some((*source, missing))),
            Recognition::No => {}
        }
    }
    if let Some(source) = fits {
        return Ok(source);
    }
    match (near, &decoded) {
        (None, Err(error)) => Err(error.clone()),
        (near, _) => Err(ReadError::Unrecognised {
            file: name.to_owned(),
            nearest: near.as_ref().map_or("none", |(source, _)| source.id()).to_owned(),
            expected: near
                .map_or("columns, keys or log grammar of a kind that is read".to_owned(), |(_, missing)| missing),
            found: text::first_words(whole),
            hint: "`throughline sources` lists what is read and how to get it".to_owned(),
        }),
    }
}
