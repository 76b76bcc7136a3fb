//! Every row of every file, in short: for questions about many messages.
//!
//! What stands around messages (settings, changes, sign-ins, alerts, totals, jobs) is kept in full, in a [`Lake`] of its own. What
//! is said about messages is kept as one [`Line`] a statement and copy: some hundred bytes, every text once. The record itself stays
//! in the file and is opened again when a line is cited.
//!
//! How much is kept is bounded: beyond [`MAX_LINES`] and [`MAX_AROUND`] rows are left out, and [`Ledger::left_out`] says how many.

mod line;
mod names;

use std::collections::{BTreeMap, HashMap};

use evidence::{Cite, Observation, Reading, SourceId};
use sources::{Clock, FileReading, Input, Progress, Readings};

pub use line::{Fared, Line, What};
pub use names::Name;
use names::Names;

use crate::{Entry, Lake};

/// How many lines about messages are kept of one file.
const MAX_LINES: usize = 4_000_000;
/// How many statements about what stands around messages are kept of one file.
const MAX_AROUND: usize = 400_000;

/// Every row of every file, in short.
#[derive(Debug)]
pub struct Ledger<'a> {
    files: &'a [Input<'a>],
    kinds: Vec<Option<SourceId>>,
    around: Lake,
    lines: Vec<Line>,
    names: Names,
    left_out: u64,
}

/// What is kept of one file while it is read.
#[derive(Default)]
struct Part {
    reading: Reading,
    lines: Vec<Line>,
    names: Names,
    left_out: u64,
}

impl Part {
    fn fold(&mut self, mut reading: Reading, file: u32) {
        let observations = std::mem::take(&mut reading.observations);
        self.reading.absorb(reading);
        let mut rest = observations.as_slice();
        while let Some(first) = rest.first() {
            let same = |one: &Observation| one.cite.bytes == first.cite.bytes;
            let len = rest.iter().position(|one| !same(one)).unwrap_or(rest.len());
            let (record, next) = rest.split_at(len);
            self.note(record, file);
            rest = next;
        }
    }

    fn note(&mut self, record: &[Observation], file: u32) {
        let (lines, names, left_out) = (&mut self.lines, &mut self.names, &mut self.left_out);
        let of_messages: Vec<Observation>;
        let about = if record.iter().all(|one| one.fact.is_of_a_message()) {
            record
        } else {
            let around = record.iter().filter(|one| !one.fact.is_of_a_message());
            if self.reading.observations.len() < MAX_AROUND {
                self.reading.observations.extend(around.cloned());
            } else {
                *left_out += 1;
            }
            of_messages = record.iter().filter(|one| one.fact.is_of_a_message()).cloned().collect();
            &of_messages
        };
        if lines.len() >= MAX_LINES {
            *left_out += u64::from(!about.is_empty());
            return;
        }
        line::lines(about, names, file, &mut |line| lines.push(line));
    }
}

impl<'a> Ledger<'a> {
    /// Reads every row of all files.
    pub fn read(files: &'a [Input<'a>], clock: &Clock, progress: &dyn Progress) -> Ledger<'a> {
        let every = sources::read_every(files, clock, progress, &Part::default, &|part: &mut Part, _, reading| {
            part.fold(reading, 0);
        });
        let numbers: HashMap<&str, u32> = files.iter().zip(0..).map(|(input, at)| (&*input.name, at)).collect();
        let mut ledger = Ledger {
            files,
            kinds: vec![None; files.len()],
            around: Lake::default(),
            lines: Vec::new(),
            names: Names::default(),
            left_out: 0,
        };
        let mut readings = Readings::default();
        for one in every {
            let number = numbers.get(&*one.file).copied().unwrap_or_default();
            if let Some(kind) = ledger.kinds.get_mut(number as usize) {
                *kind = one.source;
            }
            let reading = one.folded.map(|part| {
                ledger.left_out += part.left_out;
                ledger.take(part.lines, &part.names, number);
                part.reading
            });
            readings.files.push(FileReading { file: one.file, source: one.source, reading });
        }
        let around = least_stated(&readings);
        ledger.around = Lake::of(readings);
        let lines = ledger.least_said();
        ledger.settle(&lines, &around);
        ledger.around.recount(&|file| {
            let around = around.get(file).copied()?;
            let number = numbers.get(&**file)?;
            Some((around, lines.get(number).copied().map_or(around, |lines| lines.min(around))))
        });
        ledger
    }

    fn take(&mut self, lines: Vec<Line>, names: &Names, file: u32) {
        let new: Vec<Option<Name>> = names.all().map(|text| self.names.of(text)).collect();
        self.lines.reserve(lines.len());
        let lines = lines.into_iter().map(|line| Line { file, ..line.renamed(&new, Name::number) });
        self.lines.extend(lines);
    }

    /// How often each line stands in its file.
    fn of_file(&self) -> HashMap<(u32, u64), u32> {
        let mut of_file: HashMap<(u32, u64), u32> = HashMap::with_capacity(self.lines.len());
        for line in &self.lines {
            *of_file.entry((line.file, line.sameness)).or_default() += 1;
        }
        of_file
    }

    /// How often the line of each file that stands there least often does so: twice in a file that was copied as a whole.
    fn least_said(&self) -> BTreeMap<u32, u32> {
        let mut least: BTreeMap<u32, u32> = BTreeMap::new();
        for ((file, _), count) in self.of_file() {
            let known = least.entry(file).or_insert(count);
            *known = (*known).min(count);
        }
        least
    }

    /// Puts the lines in order, equal ones together, and fills in what other records of the same message say.
    fn settle(&mut self, lines: &BTreeMap<u32, u32>, around: &HashMap<evidence::FileName, u32>) {
        let of_file = self.of_file();
        let of_around = |file: u32| self.files.get(file as usize).and_then(|file| around.get(&file.name)).copied();
        let least: BTreeMap<u32, u32> =
            lines.iter().map(|(file, least)| (*file, of_around(*file).unwrap_or(*least).min(*least))).collect();
        self.lines.sort_by_key(|line| (line.at, line.file, line.start));
        if of_file.len() < self.lines.len() || self.files.len() > 1 {
            let mut copies: HashMap<u64, u32> = HashMap::with_capacity(of_file.len());
            for ((file, sameness), count) in &of_file {
                *copies.entry(*sameness).or_default() += count / least[file];
            }
            // What is left of the count is the mark that a line was kept.
            self.lines.retain_mut(|line| match copies.get_mut(&line.sameness) {
                Some(count) if *count > 0 => {
                    line.copies = std::mem::take(count);
                    true
                }
                _ => false,
            });
        }
        self.fill();
    }

    /// Fills in who sent a message, where only another record with the same id says so.
    fn fill(&mut self) {
        type Told = (Option<Name>, Option<Name>, Option<Name>);
        let mut told: HashMap<Name, Option<Told>> = HashMap::new();
        for line in &self.lines {
            let (Some(id), own) = (line.id, (line.envelope_sender, line.header_from, line.message_id)) else {
                continue;
            };
            if own == (None, None, None) {
                continue;
            }
            told.entry(id)
                .and_modify(|known| {
                    // An id that was given again tells nothing.
                    *known = known.and_then(|known| {
                        Some((agreed(known.0, own.0)?, agreed(known.1, own.1)?, agreed(known.2, own.2)?))
                    });
                })
                .or_insert(Some(own));
        }
        for line in &mut self.lines {
            let Some(Some((envelope_sender, header_from, message_id))) = line.id.and_then(|id| told.get(&id)) else {
                continue;
            };
            line.envelope_sender = line.envelope_sender.or(*envelope_sender);
            line.header_from = line.header_from.or(*header_from);
            line.message_id = line.message_id.or(*message_id);
        }
    }

    /// What stands around messages, in full, and the files.
    pub fn around(&self) -> &Lake {
        &self.around
    }

    /// What is said about messages, in short: by time, then by file and place; lines without an instant first.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How many rows were left out because there are too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The text of a name.
    pub fn text(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// The text of a name, empty if there is none.
    pub fn said(&self, name: Option<Name>) -> &str {
        name.map_or("", |name| self.names.text(name))
    }

    /// The name of a text; `None` if no line says it.
    pub fn name(&self, text: &str) -> Option<Name> {
        self.names.known(text)
    }

    /// The kind of export of a line.
    pub fn source(&self, line: &Line) -> SourceId {
        self.kinds.get(line.file as usize).copied().flatten().unwrap_or_default()
    }

    /// The file of a line.
    pub fn file(&self, line: &Line) -> &str {
        self.files.get(line.file as usize).map_or("", |file| &file.name)
    }

    /// Opens the record of a line.
    pub fn cite(&self, line: &Line) -> Cite {
        let input = &self.files[line.file as usize];
        let bytes = line.start..line.start + u64::from(line.len);
        Cite::new(input.name.clone(), line.place, bytes.clone(), &input.said(bytes))
    }

    /// All that is stated around messages, by file and place.
    pub fn entries(&self) -> &[Entry] {
        self.around.surroundings()
    }
}

/// How often the statement about what stands around messages that stands in each file least often does so.
fn least_stated(readings: &Readings) -> HashMap<evidence::FileName, u32> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut least = HashMap::new();
    for FileReading { file, reading, .. } in &readings.files {
        let Ok(reading) = reading else { continue };
        let mut counts: HashMap<u64, u32> = HashMap::with_capacity(reading.observations.len());
        for Observation { cite, when, speaker, about, fact } in &reading.observations {
            let mut hasher = DefaultHasher::new();
            (&cite.said, when, speaker, about, fact).hash(&mut hasher);
            *counts.entry(hasher.finish()).or_default() += 1;
        }
        if let Some(count) = counts.into_values().min() {
            least.insert(file.clone(), count);
        }
    }
    least
}

/// What two records of one message say of the same thing: `None` if they contradict.
fn agreed(one: Option<Name>, other: Option<Name>) -> Option<Option<Name>> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => None,
        (one, other) => Some(one.or(other)),
    }
}
