//! Reads all files, closing over the ids that the records reveal.

use std::collections::BTreeSet;

use evidence::{Address, Fact, FileName, Identifier, LooksUsed, Observation, Reading, SourceId, Zone};
use jiff::{SignedDuration, Timestamp};
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
    /// Other messages of which samples were supplied too.
    pub others: Vec<Candidate>,
    /// What the logs of a system, a list of which holds rows without ids, say about other messages that look like this one: such a
    /// row may be about one of them.
    pub alike: Vec<(SourceId, Observation)>,
}

/// A message that could be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Message-ID without brackets; `None` if the records carry none.
    pub message_id: Option<String>,
    /// Envelope sender, else header_from.
    pub sender: Option<Address>,
    /// Subject.
    pub subject: Option<String>,
    /// First instant.
    pub at: Option<Timestamp>,
    /// A file that speaks of it.
    pub file: FileName,
}

/// Which message is meant cannot be told from the evidence and the options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// No file holds a message sample, and none holds a record by which a message could be named.
    NoMessage,
    /// Several messages fit; the first few of them, and how many there are.
    Several(Vec<Candidate>, usize),
}

/// How many rounds of closing over revealed ids are made at most; every round but the last found a new id.
const MAX_ROUNDS: usize = 12;
/// How far a record may lie from the instant that is asked for to be meant by it.
const ABOUT: SignedDuration = SignedDuration::from_mins(10);
/// How many candidates are named.
const MAX_CANDIDATES: usize = 10;
/// Files up to this size are searched for messages if neither a sample nor an option names one.
const BROWSE_MAX_BYTES: usize = 64 << 20;

/// Reads the rows about one message from all files, until no record reveals a further id.
///
/// `message` holds what the options name; without any, the message of the sample is followed. Samples and exports that
/// state their zone are read first: they give the instant by which records without a year are dated;
/// `clock.reference` is the fallback.
///
/// # Errors
/// [`Unclear`] if neither options nor evidence single out one message.
pub fn read_all(
    files: &[Input<'_>],
    message: Message,
    clock: &Clock,
    progress: &dyn Progress,
) -> Result<Readings, Unclear> {
    let kinds: Vec<Result<&'static dyn Source, ReadError>> =
        files.par_iter().map(|input| recognise(input.bytes, &input.name)).collect();
    let named = !message.ids.is_empty();
    let mut round =
        Round { files, kinds: &kinds, message, clock: clock.clone(), done: vec![None; files.len()], aside: Vec::new() };
    let others = round.choose_sample(progress);
    if round.message.ids.is_empty() && round.message.likeness == Likeness::default() && !round.is_refusal_alone() {
        let candidates = round.browse(progress);
        round.single_out(candidates, None)?;
    }
    let by_looks = round.message.ids.is_empty().then(|| round.message.clone());
    round.follow(progress);
    if let Some(asked) = by_looks.filter(|_| !named) {
        // Several messages may look alike: keep the one that is meant, and read again by its id.
        let found = candidates_in(round.done.iter().flatten().map(|done| &done.reading));
        let near = asked.likeness.around.first().copied();
        let refused = near.and_then(|near| round.refused_near(near, &found));
        if refused.is_some() || found.len() > 1 {
            round.message = asked;
            match refused {
                Some(at) => {
                    let ids = found.iter().filter_map(|other| other.message_id.as_deref());
                    round.message.others = ids.filter_map(Identifier::message_id).collect();
                    round.message.likeness.around = [at].into();
                }
                None => round.single_out(found, near)?,
            }
            round.done = vec![None; files.len()];
            let _ = round.choose_sample(progress);
            round.follow(progress);
        }
    }
    let alike = round.alike(progress);
    let Round { done, message, .. } = round;
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
    Ok(Readings { files, message, others, alike })
}

/// Whose system a kind of evidence is of, such as `mimecast`.
fn system_of(source: SourceId) -> &'static str {
    source.split('/').next().unwrap_or(source)
}

/// Whether a kind of evidence is the message itself, to be taken rather than matched.
fn is_sample(source: &dyn Source) -> bool {
    source.id().starts_with("message/")
}

/// The messages that readings speak of, by Message-ID (a sample without one by its file), earliest first.
fn candidates_in<'r>(readings: impl Iterator<Item = &'r Result<Reading, ReadError>>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for observation in readings.flatten().flat_map(|reading| &reading.observations) {
        let Fact::Identity(identity) = &observation.fact else { continue };
        let candidate = Candidate {
            message_id: observation.about.message_id().map(str::to_owned),
            sender: identity.envelope_sender.clone().or_else(|| identity.header_from.clone()),
            subject: identity.subject.clone(),
            at: observation.when.as_ref().or(identity.sent_at.as_ref()).map(|when| when.at),
            file: observation.cite.file.clone(),
        };
        let same = |known: &&mut Candidate| match (&known.message_id, &candidate.message_id) {
            (Some(known), Some(new)) => known == new,
            (None, None) => known.sender == candidate.sender && known.subject == candidate.subject,
            _ => false,
        };
        match found.iter_mut().find(same) {
            Some(known) => {
                known.sender = known.sender.take().or(candidate.sender);
                known.subject = known.subject.take().or(candidate.subject);
                known.at = match (known.at, candidate.at) {
                    (Some(known), Some(new)) => Some(known.min(new)),
                    (one, other) => one.or(other),
                };
            }
            None => found.push(candidate),
        }
    }
    if found.iter().any(|candidate| candidate.message_id.is_some()) {
        found.retain(|candidate| candidate.message_id.is_some());
    }
    found.sort_by(|a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
    found
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
    /// Samples that carry no id of the message that is known so far, as they were read, with the number of their file.
    aside: Vec<(usize, Reading)>,
}

impl Round<'_> {
    /// Reads the samples, and takes the one that is meant: that with an id which the options name, that which looks as
    /// they say, else the first. Gives the messages of the other samples.
    fn choose_sample(&mut self, progress: &dyn Progress) -> Vec<Candidate> {
        let samples: Vec<usize> = (0..self.files.len())
            .filter(|at| self.kinds[*at].as_ref().is_ok_and(|source| is_sample(*source)))
            .collect();
        let query = Query { wanted: &Wanted::Everything, clock: &self.clock, progress };
        let read: Vec<(usize, Result<Reading, ReadError>)> = samples
            .par_iter()
            .filter_map(|at| self.kinds[*at].as_ref().ok().map(|source| (*at, source.read(&self.files[*at], &query))))
            .collect();
        let mut fitting = read.iter().filter_map(|(_, reading)| reading.as_ref().ok()).filter(|it| self.is_meant(it));
        // A sample that was cut before its Message-ID does not go before one that has it.
        let chosen = fitting.clone().find(|found| names_itself(found)).or_else(|| fitting.next());
        let ids = chosen.map(all_ids).unwrap_or_default();
        let mut meant = vec![false; read.len()];
        for (meant, (_, reading)) in meant.iter_mut().zip(&read) {
            let Ok(found) = reading else { continue };
            let same = chosen.is_some_and(|chosen| std::ptr::eq(chosen, found));
            if same || shares_message_id(&ids, found) {
                *meant = true;
                self.message.ids.extend(all_ids(found));
                learn_looks(&mut self.message.likeness, found);
            }
        }
        let mut others = Vec::new();
        self.aside.clear();
        if self.message.likeness.envelope_recipients.is_empty() {
            self.message.likeness.envelope_recipients = shown_recipients(&read, &meant);
        }
        for ((at, mut reading), meant) in read.into_iter().zip(meant) {
            if !meant {
                others.extend(candidates_in([&reading].into_iter()));
                if let Ok(found) = reading.as_mut()
                    && !found.observations.is_empty()
                {
                    let whole = std::mem::take(found);
                    *found = set_aside(&whole);
                    self.aside.push((at, whole));
                }
            }
            self.done[at] = Some(Done { reading, asked: self.message.ids.clone(), looks: Likeness::default() });
        }
        others
    }

    /// Whether nothing but samples was supplied, and one of them tells of a refusal without naming anybody: it can be explained,
    /// and nothing else could be taken for its message.
    fn is_refusal_alone(&self) -> bool {
        let tells = |reading: &Reading| reading.observations.iter().any(|said| matches!(said.fact, Fact::Dsn(_)));
        self.kinds.iter().all(|kind| kind.as_ref().map_or(true, |source| is_sample(*source)))
            && self.done.iter().flatten().any(|done| done.reading.as_ref().is_ok_and(tells))
    }

    /// Whether a sample is of the message that the options describe; any is, if they describe none.
    fn is_meant(&self, reading: &Reading) -> bool {
        if reading.observations.is_empty() {
            return false;
        }
        let asked = &self.message;
        if !asked.ids.is_empty() {
            return asked.has_any(&all_ids(reading));
        }
        if asked.likeness == Likeness::default() {
            return true;
        }
        let mut recipients: Vec<Address> = Vec::new();
        let (mut senders, mut subject, mut at) = (Vec::new(), None, None);
        for observation in &reading.observations {
            recipients.extend(observation.about.envelope_recipients.iter().cloned());
            if let Fact::Identity(identity) = &observation.fact {
                senders.extend(identity.envelope_sender.iter().chain(&identity.header_from).cloned());
                recipients.extend(identity.header_to.iter().cloned());
                subject = subject.or(identity.subject.as_deref());
                at = at.or(identity.sent_at.as_ref().map(|when| when.at));
            }
        }
        asked.likeness.fits(&senders, &recipients, subject, at)
    }

    /// The messages that small exports speak of, for evidence without a sample and options that name none.
    fn browse(&self, progress: &dyn Progress) -> Vec<Candidate> {
        let query = Query { wanted: &Wanted::Everything, clock: &self.clock, progress };
        let readings: Vec<Result<Reading, ReadError>> = self
            .files
            .par_iter()
            .zip(self.kinds)
            .filter(|(input, _)| input.bytes.len() <= BROWSE_MAX_BYTES)
            .filter_map(|(input, kind)| kind.as_ref().ok().map(|source| source.read(input, &query)))
            .collect();
        candidates_in(readings.iter())
    }

    /// When a message without an id was refused at about the instant that is asked for, if no message with an id came then:
    /// that refusal is meant, not what came hours later from the same sender.
    fn refused_near(&self, near: Timestamp, found: &[Candidate]) -> Option<Timestamp> {
        let distance = |at: Timestamp| at.duration_since(near).abs();
        if found.iter().filter_map(|candidate| candidate.at).any(|at| distance(at) <= ABOUT) {
            return None;
        }
        let readings = self.done.iter().flatten().filter_map(|done| done.reading.as_ref().ok());
        let refusals = readings.flat_map(|reading| &reading.observations).filter(|observation| {
            let is_refusal = |arrival: &evidence::Arrival| {
                arrival.outcome == evidence::Outcome::Refused && arrival.scope == evidence::Scope::Enforced
            };
            observation.about.ids.is_empty()
                && matches!(&observation.fact, Fact::Arrival(arrival) if is_refusal(arrival))
        });
        let instants = refusals.filter_map(|refusal| refusal.when.as_ref().map(|when| when.at));
        instants.filter(|at| distance(*at) <= ABOUT).min_by_key(|at| distance(*at))
    }

    /// Takes the only candidate, or the one nearest to an instant, as the message.
    fn single_out(&mut self, mut candidates: Vec<Candidate>, near: Option<Timestamp>) -> Result<(), Unclear> {
        if let Some(near) = near {
            candidates.sort_by_key(|candidate| candidate.at.map(|at| at.duration_since(near).abs()));
            candidates.truncate(1);
        }
        let count = candidates.len();
        match candidates.pop() {
            None => Err(Unclear::NoMessage),
            Some(only) if count == 1 => {
                match only.message_id.as_deref().and_then(Identifier::message_id) {
                    Some(id) => drop(self.message.ids.insert(id)),
                    None => {
                        self.message.likeness.senders.extend(only.sender);
                        self.message.likeness.subjects.extend(only.subject);
                        self.message.likeness.around.extend(only.at);
                    }
                }
                Ok(())
            }
            Some(last) => {
                candidates.push(last);
                candidates.truncate(MAX_CANDIDATES);
                Err(Unclear::Several(candidates, count))
            }
        }
    }

    /// Reads all exports, those that state their zone first, and closes over the ids.
    fn follow(&mut self, progress: &dyn Progress) {
        self.run(ZoneRule::Stated, progress);
        if let Some(reference) = self.stated_instant() {
            self.clock.reference = reference;
        }
        self.run(ZoneRule::Unstated, progress);
        self.close(progress);
    }

    /// Reads every file of one zone rule once, by what is known of the message now.
    fn run(&mut self, rule: ZoneRule, progress: &dyn Progress) {
        let due: Vec<usize> = (0..self.files.len())
            .filter(|at| self.kinds[*at].as_ref().is_ok_and(|source| source.zone() == rule && !is_sample(*source)))
            .collect();
        self.read(&due, progress);
    }

    /// Reads again the files that have not been asked for ids known by now, until nothing new is revealed.
    fn close(&mut self, progress: &dyn Progress) {
        for _ in 0..MAX_ROUNDS {
            self.take_samples();
            let due: Vec<usize> = (0..self.files.len())
                .filter(|at| self.done[*at].as_ref().is_some_and(|done| done.reading.is_ok() && self.is_due(*at, done)))
                .collect();
            if due.is_empty() || progress.is_cancelled() {
                return;
            }
            self.read(&due, progress);
        }
    }

    /// Takes the samples that were set aside and carry an id that an export has revealed since: a gateway's notice names the
    /// message by the gateway's own id alone.
    fn take_samples(&mut self) {
        let known = |reading: &Reading| all_ids(reading).iter().any(|id| self.message.ids.contains(id));
        let (ours, others) = std::mem::take(&mut self.aside).into_iter().partition(|(_, reading)| known(reading));
        self.aside = others;
        let ours: Vec<(usize, Reading)> = ours;
        for (at, reading) in ours {
            self.message.ids.extend(all_ids(&reading));
            self.done[at] =
                Some(Done { reading: Ok(reading), asked: self.message.ids.clone(), looks: Likeness::default() });
        }
    }

    /// Whether a file has not been asked for all that is known by now.
    fn is_due(&self, at: usize, done: &Done) -> bool {
        if self.kinds[at].as_ref().is_ok_and(|it| is_sample(*it) || it.matched_by() == MatchedBy::Nothing) {
            return false;
        }
        let by_looks = self.kinds[at].as_ref().is_ok_and(|source| source.matched_by() == MatchedBy::IdsOrLooks)
            && done.reading.as_ref().is_ok_and(|reading| reading.looks != LooksUsed::No);
        self.message.ids.iter().any(|id| !done.asked.contains(id)) || (by_looks && done.looks != self.message.likeness)
    }

    /// What is said, with ids, about other messages of the same looks by a system of which a hold or a release was taken by its looks.
    ///
    /// Files over 64 MiB are not read again for it.
    fn alike(&self, progress: &dyn Progress) -> Vec<(SourceId, Observation)> {
        let kind = |at: usize| self.kinds[at].as_ref().ok().copied().filter(|source| !is_sample(*source));
        let observations = |at: usize| {
            let reading = self.done[at].as_ref().and_then(|done| done.reading.as_ref().ok());
            reading.into_iter().flat_map(|reading| &reading.observations)
        };
        let is_by_looks = |said: &Observation| {
            said.about.ids.is_empty() && matches!(said.fact, Fact::Quarantine(_) | Fact::Release(_))
        };
        let systems: BTreeSet<&str> = (0..self.files.len())
            .filter(|at| observations(*at).any(is_by_looks))
            .filter_map(|at| kind(at).map(|source| system_of(source.id())))
            .collect();
        let due: Vec<(usize, &'static dyn Source)> = (0..self.files.len())
            .filter(|at| self.files[*at].bytes.len() <= BROWSE_MAX_BYTES)
            .filter_map(|at| kind(at).map(|source| (at, source)))
            .filter(|(_, source)| systems.contains(system_of(source.id())) && source.matched_by() != MatchedBy::Nothing)
            .collect();
        let likeness = Likeness { others_taken: BTreeSet::new(), ..self.message.likeness.clone() };
        let wanted = Wanted::Message(Message { ids: BTreeSet::new(), likeness, others: self.message.ids.clone() });
        let query = Query { wanted: &wanted, clock: &self.clock, progress };
        let read: Vec<(SourceId, Reading)> = due
            .par_iter()
            .filter_map(|(at, source)| Some((source.id(), source.read(&self.files[*at], &query).ok()?)))
            .collect();
        let is_another = |said: &Observation| {
            said.fact.is_of_a_message()
                && said.about.ids.iter().any(Identifier::is_strong)
                && !self.message.has_any(&said.about.ids)
        };
        let of =
            |(source, reading): (SourceId, Reading)| reading.observations.into_iter().map(move |said| (source, said));
        read.into_iter().flat_map(of).filter(|(_, said)| is_another(said)).collect()
    }

    fn read(&mut self, due: &[usize], progress: &dyn Progress) {
        let wanted = Wanted::Message(self.message.clone());
        let query = Query { wanted: &wanted, clock: &self.clock, progress };
        let read: Vec<(usize, Result<Reading, ReadError>)> = due
            .par_iter()
            .filter_map(|at| self.kinds[*at].as_ref().ok().map(|source| (*at, source.read(&self.files[*at], &query))))
            .collect();
        let Message { ids: asked, likeness: looks, .. } = self.message.clone();
        for (at, reading) in read {
            let (mut asked, mut looks) = (asked.clone(), looks.clone());
            if let Ok(reading) = &reading {
                if reading.looks == LooksUsed::WithOwn {
                    learn_looks(&mut looks, reading);
                }
                looks.others_taken.extend(reading.others_taken.iter().cloned());
                self.message.likeness.others_taken.extend(reading.others_taken.iter().cloned());
                // What a file reveals itself, it has already closed over.
                asked.extend(reading.revealed.iter().cloned());
                self.message.ids.extend(reading.revealed.iter().cloned());
                learn_looks(&mut self.message.likeness, reading);
            }
            self.done[at] = Some(Done { reading, asked, looks });
        }
    }

    /// The earliest instant with a stated zone in what has been read so far.
    fn stated_instant(&self) -> Option<Timestamp> {
        self.done
            .iter()
            .flatten()
            .filter_map(|done| done.reading.as_ref().ok())
            .flat_map(|reading| &reading.observations)
            .filter(|observation| observation.fact.is_of_a_message())
            .filter_map(|observation| match &observation.fact {
                Fact::Identity(identity) => observation.when.as_ref().or(identity.sent_at.as_ref()),
                _ => observation.when.as_ref(),
            })
            .filter(|when| when.zone == Zone::Stated)
            .map(|when| when.at)
            .min()
    }
}

/// The recipients that the To fields of the followed samples show: what a record without ids must name at least, if
/// nobody names an envelope recipient.
fn shown_recipients(read: &[(usize, Result<Reading, ReadError>)], meant: &[bool]) -> BTreeSet<Address> {
    let observations = read
        .iter()
        .zip(meant)
        .filter(|(_, meant)| **meant)
        .filter_map(|((_, reading), _)| reading.as_ref().ok())
        .flat_map(|reading| &reading.observations);
    let shown = observations.filter_map(|observation| match &observation.fact {
        Fact::Identity(identity) => Some(&identity.header_to),
        _ => None,
    });
    shown.flatten().filter(|address| !address.is_null()).cloned().collect()
}

/// All ids that the records of a reading carry for the message itself.
fn all_ids(reading: &Reading) -> Vec<Identifier> {
    let mut ids: Vec<Identifier> =
        reading.observations.iter().flat_map(|observation| observation.about.ids.iter().cloned()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Whether a sample says its Message-ID.
fn names_itself(reading: &Reading) -> bool {
    reading.observations.iter().any(|observation| observation.about.message_id().is_some())
}

/// Whether a sample carries one of these Message-IDs.
fn shares_message_id(ids: &[Identifier], reading: &Reading) -> bool {
    all_ids(reading).iter().any(|id| !id.is_strong() && ids.contains(id))
}

/// The reading of a sample that is not followed: every row is another message's.
fn set_aside(reading: &Reading) -> Reading {
    let mut aside = Reading { rows: reading.rows, coverage: reading.coverage.clone(), ..Reading::default() };
    aside.pass_over("other message", reading.rows, None);
    aside
}

/// Takes sender, recipients, subject and instant of a reading into the looks of the message.
fn learn_looks(looks: &mut Likeness, reading: &Reading) {
    for observation in reading.observations.iter().filter(|observation| observation.fact.is_of_a_message()) {
        if let Fact::Identity(identity) = &observation.fact {
            looks.senders.extend(identity.envelope_sender.iter().filter(|sender| !sender.is_null()).cloned());
            looks.senders.extend(identity.header_from.iter().cloned());
            looks.dated.extend(identity.sent_at.as_ref().map(|when| when.at));
            looks.subjects.extend(identity.subject.iter().filter(|subject| !subject.trim().is_empty()).cloned());
        }
        looks.envelope_recipients.extend(observation.about.envelope_recipients.iter().cloned());
        looks.around.extend(observation.when.as_ref().map(|when| when.at));
    }
}

/// So many zero bytes in front are a hole, not the first characters of UTF-16.
const MIN_HOLE_BYTES: usize = 16;
/// How much of a file is looked at to find its kind.
const HEAD_BYTES: usize = 64 * 1024;

/// Finds the kind of a file by its content.
///
/// # Errors
/// [`ReadError`] if the file is empty, no text, or of no kind that is read; it names the nearest kind.
pub fn recognise(bytes: &[u8], name: &str) -> Result<&'static dyn Source, ReadError> {
    // A log that was cut while it was written to begins with a hole of zero bytes (logrotate's copytruncate).
    let hole = bytes.iter().take_while(|byte| **byte == 0).count();
    let shown = if hole >= MIN_HOLE_BYTES { &bytes[hole..] } else { bytes };
    let start = &shown[..shown.len().min(HEAD_BYTES)];
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
            expected: match near {
                Some((_, missing)) if bytes.len() > HEAD_BYTES => format!("{missing} in the first 64 KiB"),
                Some((_, missing)) => missing,
                None => "columns, keys or log grammar of a kind that is read".to_owned(),
            },
            found: match &decoded {
                Err(ReadError::Encoding { found, .. }) => found.clone(),
                _ => text::first_words(whole),
            },
            hint: match &decoded {
                Err(ReadError::Encoding { hint, .. }) => hint.clone(),
                _ => text::advice(whole).to_owned(),
            },
        }),
    }
}
