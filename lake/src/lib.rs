//! Keeps observations and finds them by identifier, recipient, time or speaker; counts them.
//!
//! The lake never interprets. A record that was exported twice, or that stands in two files, is one entry: what counts
//! is what was said, by whom, when and about what, not how often it was copied.

mod ledger;
mod snapshots;

use std::collections::{BTreeSet, HashMap};

use evidence::{Address, Coverage, FileName, Observation, Parties, Reading, SourceId};
use jiff::Timestamp;
use sources::{FileReading, Readings};

pub use ledger::{Fared, Ledger, Line, Name, What};
pub use snapshots::{Difference, Order, Snapshot};

/// One observation and the kind of export that it came from.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was stated.
    pub observation: Observation,
    /// The kind of export.
    pub source: SourceId,
    /// How often the evidence states it, word for word: more than once if a record was handed out again. A file of which
    /// every row is there twice is a copied file, and counts once.
    pub copies: u32,
}

/// A file as it was supplied: what kind it is, what it covers, how its rows were accounted for.
#[derive(Clone, Debug)]
pub struct Supplied {
    /// The file's name.
    pub file: FileName,
    /// Its kind; `None` if nobody recognised it.
    pub source: Option<SourceId>,
    /// Why nothing was read, if so.
    pub error: Option<sources::ReadError>,
    /// Rows, and in which heap they ended.
    pub rows: u64,
    /// Rows that gave an observation.
    pub observed: u64,
    /// Rows that could not be read.
    pub problems: Vec<evidence::Problem>,
    /// Rows left out, by reason.
    pub passed_over: Vec<evidence::PassedOver>,
    /// What the file covers.
    pub coverage: Coverage,
}

/// All that was stated about the followed message, and what was supplied.
#[derive(Clone, Debug, Default)]
pub struct Lake {
    entries: Vec<Entry>,
    surroundings: Vec<Entry>,
    alike: Vec<Entry>,
    supplied: Vec<Supplied>,
    least: HashMap<FileName, u32>,
    around: Option<Timestamp>,
    asked: Option<String>,
    asked_recipients: BTreeSet<Address>,
    asked_senders: BTreeSet<Address>,
}

impl Lake {
    /// Takes in all readings; equal statements become one entry, that of the first file and place.
    pub fn of(readings: Readings) -> Lake {
        let asked = readings.message.message_ids().next().map(str::to_owned);
        let likeness = &readings.message.likeness;
        let mut lake = Lake {
            around: likeness.around.first().copied(),
            asked,
            asked_recipients: likeness.envelope_recipients.clone(),
            asked_senders: likeness.senders.clone(),
            ..Lake::default()
        };
        for FileReading { file, source, reading } in readings.files {
            let (reading, error) = match reading {
                Ok(reading) => (reading, None),
                Err(error) => (Reading::default(), Some(error)),
            };
            let Reading { observations, problems, passed_over, rows, observed, coverage, .. } = reading;
            if let Some(source) = source {
                lake.entries.extend(observations.into_iter().map(|observation| Entry {
                    observation,
                    source,
                    copies: 1,
                }));
            }
            lake.supplied.push(Supplied { file, source, error, rows, observed, problems, passed_over, coverage });
        }
        let alike = readings.alike.into_iter();
        lake.alike = alike.map(|(source, observation)| Entry { observation, source, copies: 1 }).collect();
        lake.alike.sort_by(|a, b| a.observation.cite.order().cmp(&b.observation.cite.order()));
        (lake.alike, _) = once_each(std::mem::take(&mut lake.alike));
        lake.entries.sort_by(|a, b| a.observation.cite.order().cmp(&b.observation.cite.order()));
        (lake.entries, lake.least) = once_each(std::mem::take(&mut lake.entries));
        (lake.entries, lake.surroundings) =
            lake.entries.into_iter().partition(|entry| entry.observation.fact.is_of_a_message());
        lake
    }

    /// All entries about the message's own way, by file and place.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All entries about what stands around messages, by file and place: settings and their changes, sign-ins, totals.
    pub fn surroundings(&self) -> &[Entry] {
        &self.surroundings
    }

    /// Entries about other messages that look like this one, of systems of which a list holds rows without ids.
    pub fn alike(&self) -> &[Entry] {
        &self.alike
    }

    /// How often the entry of each file that stands there least often does so: twice in a file that was copied as a whole.
    pub(crate) fn least(&self) -> &HashMap<FileName, u32> {
        &self.least
    }

    /// Counts anew how often what stands around messages is stated, where rows of another sort tell that the file was copied less
    /// often: `others` gives how often they stand there.
    pub(crate) fn recount(&mut self, others: &dyn Fn(&FileName) -> Option<u32>) {
        for entry in &mut self.surroundings {
            let file = &entry.observation.cite.file;
            if let (Some(own), Some(others)) = (self.least.get(file).copied(), others(file))
                && others > 0
                && others < own
            {
                entry.copies = entry.copies * own / others;
            }
        }
    }

    /// All files that were supplied, in the order of the input.
    pub fn supplied(&self) -> &[Supplied] {
        &self.supplied
    }

    /// Whether a kind of export was supplied that would show something at `at`: read, its span covers the instant, and
    /// it is not suspected to be cut.
    pub fn would_show(&self, source: SourceId, at: Timestamp) -> bool {
        self.stretches(source).iter().any(|stretch| stretch.covers(source, at))
    }

    /// Whether a kind of export was supplied that would show something about a copy at `at`: as [`Lake::would_show`], and it
    /// was not searched for somebody else. An export whose rows all name one recipient (or one sender) who is not among
    /// `recipients` (or `senders`) probably was; one that names nobody of their domain is of another tenant.
    pub fn would_show_copy(
        &self,
        source: SourceId,
        at: Timestamp,
        recipients: &BTreeSet<Address>,
        senders: &BTreeSet<Address>,
    ) -> bool {
        let is_of_the_tenant = |stretch: &Stretch| {
            let mut domains = recipients.iter().filter_map(Address::domain).peekable();
            domains.peek().is_none()
                || domains.any(|domain| stretch.recipients.may_name(domain) || stretch.senders.may_name(domain))
        };
        self.stretches(source).iter().any(|stretch| {
            stretch.covers(source, at)
                && !stretch.recipients.searched_for_others(recipients, at)
                && !stretch.senders.searched_for_others(senders, at)
                && is_of_the_tenant(stretch)
        })
    }

    /// Until when the stretch of a kind of export goes on that spans an instant.
    pub fn covers_until(&self, source: SourceId, at: Timestamp) -> Option<Timestamp> {
        self.stretches(source).iter().find(|stretch| stretch.from <= at && at <= stretch.to).map(|stretch| stretch.to)
    }

    /// Whether the rows of a kind of export name anybody: of some kinds only those rows do that tell of somebody's mailbox.
    pub fn names_recipients(&self, source: SourceId) -> bool {
        let read = |file: &&Supplied| file.source == Some(source) && file.error.is_none();
        self.supplied.iter().filter(read).any(|file| file.coverage.recipients.names_anybody())
    }

    /// The stretches of time that the files of a kind cover, those left out that were not read or are suspected to be cut.
    ///
    /// Files that overlap are parts of one export, as far as can be told; between two that do not, nothing is covered.
    fn stretches(&self, source: SourceId) -> Vec<Stretch> {
        let whole =
            |file: &&Supplied| file.source == Some(source) && file.error.is_none() && !file.coverage.suspected_cut;
        let mut parts: Vec<Stretch> =
            self.supplied.iter().filter(whole).filter_map(|file| Stretch::of(&file.coverage)).collect();
        parts.sort_by_key(|part| (part.from, part.to));
        let mut stretches: Vec<Stretch> = Vec::new();
        for part in parts {
            match stretches.last_mut() {
                Some(last) if part.from <= last.to => {
                    last.to = last.to.max(part.to);
                    last.senders.absorb(part.senders);
                    last.recipients.absorb(part.recipients);
                }
                _ => stretches.push(part),
            }
        }
        stretches
    }

    /// The Message-ID that was looked for, whether or not a record speaks of it.
    pub fn asked_message_id(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// The recipients that were looked for, whether or not a record speaks of them.
    pub fn asked_recipients(&self) -> impl Iterator<Item = &Address> {
        self.asked_recipients.iter()
    }

    /// The senders that were looked for, whether or not a record speaks of them.
    pub fn asked_senders(&self) -> impl Iterator<Item = &Address> {
        self.asked_senders.iter()
    }

    /// When the message travelled, as far as options or records say: the earliest instant.
    pub fn around(&self) -> Option<Timestamp> {
        self.around
    }

    /// Whether a kind of export was supplied at all.
    pub fn has(&self, source: SourceId) -> bool {
        self.supplied.iter().any(|file| file.source == Some(source) && file.error.is_none())
    }
}

/// Keeps the first of equal statements, and counts the others; gives how often that of each file that stands there least often does. The entries are in the order of their files.
fn once_each(entries: Vec<Entry>) -> (Vec<Entry>, HashMap<FileName, u32>) {
    let mut by_hash: HashMap<u64, Vec<u32>> = HashMap::with_capacity(entries.len());
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    // How often each stands in the file in which it stands first, and in the others.
    let (mut own, mut others): (Vec<u32>, HashMap<(u32, FileName), u32>) = (Vec::new(), HashMap::new());
    for entry in entries {
        let numbers = by_hash.entry(said_hash(&entry)).or_default();
        match numbers.iter().find(|number| says_the_same(&kept[**number as usize], &entry)) {
            None => {
                numbers.push(u32::try_from(kept.len()).unwrap_or(u32::MAX));
                kept.push(entry);
                own.push(1);
            }
            Some(number) if kept[*number as usize].observation.cite.file == entry.observation.cite.file => {
                own[*number as usize] += 1;
            }
            Some(number) => *others.entry((*number, entry.observation.cite.file)).or_default() += 1,
        }
    }
    let mut least: HashMap<FileName, u32> = HashMap::new();
    let mut note = |file: &FileName, count: u32| match least.get_mut(file) {
        Some(known) => *known = (*known).min(count),
        None => drop(least.insert(file.clone(), count)),
    };
    kept.iter().zip(&own).for_each(|(entry, count)| note(&entry.observation.cite.file, *count));
    others.iter().for_each(|((_, file), count)| note(file, *count));
    for (entry, count) in kept.iter_mut().zip(&own) {
        entry.copies = count / least[&entry.observation.cite.file];
    }
    for ((number, file), count) in &others {
        kept[*number as usize].copies += count / least[file];
    }
    (kept, least)
}

/// What makes two entries one: everything but the place where it is written.
fn said_hash(entry: &Entry) -> u64 {
    use std::hash::BuildHasher;
    let Observation { cite, when, speaker, about, fact } = &entry.observation;
    let at = when.as_ref().map(|when| when.at);
    foldhash::fast::FixedState::default().hash_one((&cite.said, at, speaker, about, fact, entry.source))
}

fn says_the_same(one: &Entry, other: &Entry) -> bool {
    let at = |entry: &Entry| entry.observation.when.as_ref().map(|when| when.at);
    let (first, second) = (&one.observation, &other.observation);
    // Two exports of the same settings are two statements: each holds at its own moment.
    let is_snapshot = matches!(first.fact, evidence::Fact::Setting(_));
    one.source == other.source
        && first.cite.said == second.cite.said
        && first.speaker == second.speaker
        && at(one) == at(other)
        && first.about == second.about
        && first.fact == second.fact
        && (!is_snapshot || first.cite.file == second.cite.file)
}

/// A stretch of time without a gap between its files, and whom their rows name.
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    senders: Parties,
    recipients: Parties,
}

impl Stretch {
    fn of(coverage: &Coverage) -> Option<Stretch> {
        let Coverage { from, to, senders, recipients, .. } = coverage;
        Some(Stretch { from: (*from)?, to: (*to)?, senders: senders.clone(), recipients: recipients.clone() })
    }

    /// Whether it spans an instant, and the time after which the service shows it.
    fn covers(&self, source: SourceId, at: Timestamp) -> bool {
        let lag = sources::source(source).map(|source| source.lag()).unwrap_or_default();
        self.from <= at && at.checked_add(lag).unwrap_or(at) <= self.to
    }
}
