//! Every row of every file, in short: for questions about many messages.
//!
//! What stands around messages (settings, changes, sign-ins, alerts, totals, jobs) is kept in full, in a [`Lake`] of its own. What
//! is said about messages is kept as one [`Line`] a statement and copy: some hundred bytes, every text once. The record itself stays
//! in the file and is opened again when a line is cited.
//!
//! How much is kept is bounded: beyond [`MAX_LINES`], [`MAX_AROUND`] and [`MAX_OF_ONE`] rows are left out, and [`Ledger::left_out`] says
//! how many.

mod line;
mod names;

use std::collections::HashMap;

use evidence::{Cite, Fact, Observation, Reading, SignInKind, SignInOutcome, SourceId};
use sources::{Clock, FileReading, Input, Progress, Readings};

pub use line::{Fared, Line, What};
pub use names::Name;
use names::Names;

use crate::{Entry, Lake};

/// How many lines about messages are kept of one file.
const MAX_LINES: usize = 4_000_000;
/// How many statements about what stands around messages are kept of one file.
const MAX_AROUND: usize = 400_000;

/// How many acts of one operation are kept of one file.
const MAX_OF_ONE: usize = 20_000;

/// Kinds in whose files the bytes of a record are not its words: parts are encoded, each in its own way.
const CONTAINERS: &str = "message/";

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
    frequent: HashMap<String, usize>,
    left_out: u64,
}

impl Part {
    fn fold(&mut self, mut reading: Reading, kind: SourceId) {
        let observations = std::mem::take(&mut reading.observations);
        self.reading.absorb(reading);
        let mut record: Vec<Observation> = Vec::new();
        for one in observations {
            if record.first().is_some_and(|first| first.cite.bytes != one.cite.bytes) {
                self.note(&mut record, kind);
            }
            if one.fact.is_of_a_message() {
                record.push(one);
            } else if self.is_kept(&one.fact) {
                self.reading.observations.push(one);
            } else {
                self.left_out += 1;
            }
        }
        self.note(&mut record, kind);
    }

    /// Whether there is room for what stands around messages. Of what people do all day, and of tokens that are renewed without them,
    /// a part is enough.
    fn is_kept(&mut self, fact: &Fact) -> bool {
        let frequent = match fact {
            Fact::Act(act) => Some(act.operation.as_str()),
            Fact::SignIn(one) if one.kind == SignInKind::NonInteractive && one.outcome == SignInOutcome::Succeeded => {
                Some("")
            }
            _ => None,
        };
        let is_room = frequent.is_none_or(|operation| match self.frequent.get_mut(operation) {
            Some(count) => {
                *count += 1;
                *count <= MAX_OF_ONE
            }
            None => self.frequent.insert(operation.to_owned(), 1).is_none(),
        });
        is_room && self.reading.observations.len() < MAX_AROUND
    }

    /// Notes what one record states about messages.
    fn note(&mut self, record: &mut Vec<Observation>, kind: SourceId) {
        let lines = &mut self.lines;
        if lines.len() < MAX_LINES {
            line::lines(record, &mut self.names, kind.starts_with(CONTAINERS), &mut |line| lines.push(line));
        } else {
            self.left_out += u64::from(!record.is_empty());
        }
        record.clear();
    }
}

impl<'a> Ledger<'a> {
    /// Reads every row of all files.
    pub fn read(files: &'a [Input<'a>], clock: &Clock, progress: &dyn Progress) -> Ledger<'a> {
        let every = sources::read_every(files, clock, progress, &Part::default, &|part: &mut Part, kind, reading| {
            part.fold(reading, kind);
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
                ledger.take(part.lines, part.names, number);
                part.reading
            });
            readings.files.push(FileReading { file: one.file, source: one.source, reading });
        }
        ledger.around = Lake::of(readings);
        ledger.settle();
        ledger
    }

    fn take(&mut self, mut lines: Vec<Line>, names: Names, file: u32) {
        if self.lines.is_empty() {
            lines.iter_mut().for_each(|line| line.file = file);
            (self.lines, self.names) = (lines, names);
            return;
        }
        let new: Vec<Option<Name>> = names.all().map(|text| self.names.of(text)).collect();
        self.lines.reserve(lines.len());
        let lines = lines.into_iter().map(|line| Line { file, ..line.renamed(&new, Name::number) });
        self.lines.extend(lines);
    }

    /// Puts the lines in order, equal ones together, and fills in what other records of the same message say.
    fn settle(&mut self) {
        let lines = self.least_said();
        let around = self.around.least();
        let of_around = |file: u32| self.files.get(file as usize).and_then(|file| around.get(&file.name)).copied();
        // A file that was copied as a whole was so with all its rows, whatever they are about.
        let least: HashMap<u32, u32> =
            lines.iter().map(|(file, least)| (*file, of_around(*file).unwrap_or(*least).min(*least))).collect();
        let by_name: HashMap<&str, u32> =
            least.iter().filter_map(|(file, least)| Some((&*self.files.get(*file as usize)?.name, *least))).collect();
        self.around.recount(&|file| by_name.get(&**file).copied());
        self.put_equal_ones_together(&least);
        self.lines.sort_by_key(|line| (line.at, line.file, line.start));
        self.fill();
    }

    /// How often the line of each file that stands there least often does so: twice in a file that was copied as a whole.
    fn least_said(&self) -> HashMap<u32, u32> {
        let mut all: Vec<(u32, u64)> = self.lines.iter().map(|line| (line.file, line.sameness)).collect();
        all.sort_unstable();
        let mut least: HashMap<u32, u32> = HashMap::new();
        for same in all.chunk_by(|a, b| a == b) {
            let Some((file, _)) = same.first() else { continue };
            let count = u32::try_from(same.len()).unwrap_or(u32::MAX);
            least.entry(*file).and_modify(|known| *known = (*known).min(count)).or_insert(count);
        }
        least
    }

    fn put_equal_ones_together(&mut self, least: &HashMap<u32, u32>) {
        let mut all: Vec<(u64, u32)> = self.lines.iter().map(|line| (line.sameness, line.file)).collect();
        all.sort_unstable();
        let mut copies: HashMap<u64, u32> = HashMap::new();
        for same in all.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            let of_file = same.chunk_by(|a, b| a.1 == b.1).filter_map(|own| Some((own.first()?.1, own.len() as u32)));
            let count = of_file.map(|(file, count)| count / least.get(&file).copied().unwrap_or(1)).sum();
            copies.extend(same.first().map(|(sameness, _)| (*sameness, count)));
        }
        if copies.is_empty() {
            return;
        }
        self.lines.sort_by_key(|line| (line.file, line.start));
        // What is left of the count is the mark that a line was kept.
        self.lines.retain_mut(|line| match copies.get_mut(&line.sameness) {
            None => true,
            Some(0) => false,
            Some(count) => {
                line.copies = std::mem::take(count);
                true
            }
        });
    }

    /// Fills in who sent a message, where only another record with the same id says so.
    fn fill(&mut self) {
        let is_whole = |line: &Line| line.id.is_none() || (line.message_id.is_some() && line.envelope_sender.is_some());
        if self.lines.iter().all(is_whole) {
            return;
        }
        let mut told: Vec<Told> = vec![Told::Nothing; self.names.len()];
        for line in &self.lines {
            let (Some(id), own) = (line.id, [line.envelope_sender, line.header_from, line.message_id]) else {
                continue;
            };
            let known = &mut told[id.number()];
            *known = known.and(own);
        }
        for line in &mut self.lines {
            let Some(Told::This([envelope_sender, header_from, message_id])) = line.id.map(|id| told[id.number()])
            else {
                continue;
            };
            line.envelope_sender = line.envelope_sender.or(envelope_sender);
            line.header_from = line.header_from.or(header_from);
            line.message_id = line.message_id.or(message_id);
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
        match line.record {
            Some(words) => Cite::new(input.name.clone(), line.place, bytes, self.names.text(words)),
            None => Cite::new(input.name.clone(), line.place, bytes.clone(), &input.said(bytes)),
        }
    }

    /// All that is stated around messages, by file and place.
    pub fn entries(&self) -> &[Entry] {
        self.around.surroundings()
    }
}

/// What the records with one id say of the message: its envelope sender, From address and Message-ID.
#[derive(Clone, Copy)]
enum Told {
    Nothing,
    This([Option<Name>; 3]),
    /// They contradict: the id was given again, and tells nothing.
    Several,
}

impl Told {
    fn and(self, own: [Option<Name>; 3]) -> Told {
        match self {
            Told::Nothing => Told::This(own),
            Told::Several => Told::Several,
            Told::This(known) => {
                let differ = |at: usize| known[at].zip(own[at]).is_some_and(|(known, own)| known != own);
                if (0..3).any(differ) {
                    return Told::Several;
                }
                Told::This([known[0].or(own[0]), known[1].or(own[1]), known[2].or(own[2])])
            }
        }
    }
}
