//! One record of a file, for a person who looks at it: its values by their names, what its reader takes from it, and what stands
//! beside it.

use std::ops::Range;

use evidence::{Cite, Observation, Place, Problem, Reading};

use crate::message::header_sheet::{HeaderSheet, SheetField, header_sheet};
use crate::text::{self, encoding_of};
use crate::{Clock, Input, NoProgress, Query, Source, Wanted, recognise};

/// One record of a file.
#[derive(Clone, Default)]
pub struct OneRecord {
    /// The kind of its file; `None` if nobody recognises it.
    pub source: Option<&'static dyn Source>,
    /// Which record it is; `None` if its reader does not know it as one, or if the file is too large to count in.
    pub place: Option<Place>,
    /// Its values by their names.
    pub fields: Vec<RecordField>,
    /// What its reader takes from it.
    pub observations: Vec<Observation>,
    /// Why its reader cannot read it.
    pub problem: Option<Problem>,
    /// Whether it was read with what stands next to it only, because the file is large: what its reader learns from lines far away is
    /// missing then.
    pub is_alone: bool,
    /// The record before it, where lines or fields tell records apart.
    pub before: Option<Range<u64>>,
    /// The record behind it.
    pub after: Option<Range<u64>>,
}

/// A named value of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordField {
    /// Its name as written; of a value within objects the names on the way to it.
    pub name: String,
    /// Its value, decoded.
    pub value: String,
    /// What it means, part by part.
    pub means: Vec<String>,
    /// Where it stands in the file, if that is known.
    pub bytes: Option<Range<u64>>,
}

/// Files up to this size are read as a whole for one record.
const WHOLE_MAX_BYTES: usize = 2 << 20;
/// How many observations of one record are given.
const OBSERVATIONS_MAX: usize = 200;

/// Reads the record that stands at some bytes of a file; `None` if the file ends before.
///
/// `clock` dates records without year or zone. What is no record of its reader's is given as the text that it is.
pub fn one_record(input: &Input<'_>, record: Range<u64>, clock: &Clock) -> Option<OneRecord> {
    let bytes = usize::try_from(record.start).ok()?..usize::try_from(record.end).ok()?;
    let is_within = bytes.start < bytes.end && bytes.end <= input.bytes.len();
    let Some(source) = is_within.then(|| recognise(input.bytes, &input.name)) else { return None };
    let Ok(source) = source else { return Some(OneRecord::default()) };
    let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
    let mut one = OneRecord { source: Some(source), ..OneRecord::default() };
    if source.id().starts_with("message/") {
        one.of_message(input, &record);
    } else if is_text(input) {
        let spelled = source.spelled(input);
        let named = |value: crate::table::RowValue| RecordField {
            name: value.name,
            value: value.value,
            bytes: value.bytes,
            means: Vec::new(),
        };
        one.fields = spelled.values(input, bytes.clone()).into_iter().map(named).collect();
        [one.before, one.after] = spelled.neighbours(input, &bytes);
        if input.bytes.len() > WHOLE_MAX_BYTES {
            one.is_alone = true;
            if let Some(part) = spelled.excerpt(input, bytes.clone()) {
                let of_it = Input { name: input.name.clone(), bytes: &part.bytes };
                let at = |offset: u64| (offset + part.stands_at).checked_sub(part.from);
                let moved = |cite: &Cite| Some(at(cite.bytes.start)?..at(cite.bytes.end)?);
                if let Ok(reading) = source.read(&of_it, &query) {
                    one.take(reading, |cite| moved(cite).is_some_and(|place| is_of(&place, &record)));
                }
            }
            one.place = line_of(input, &record);
            return Some(one);
        }
    }
    if let Ok(reading) = source.read(input, &query) {
        let place = |cite: &Cite| (cite.bytes == record).then_some(cite.place);
        let cites =
            reading.observations.iter().map(|one| &one.cite).chain(reading.problems.iter().map(|one| &one.cite));
        one.place = cites.into_iter().find_map(place).or(one.place);
        one.take(reading, |cite| is_of(&cite.bytes, &record));
    }
    one.place = one.place.or_else(|| line_of(input, &record));
    Some(one)
}

impl OneRecord {
    fn take(&mut self, reading: Reading, is_own: impl Fn(&Cite) -> bool) {
        self.problem = reading.problems.into_iter().find(|problem| is_own(&problem.cite));
        let own = reading.observations.into_iter().filter(|observation| is_own(&observation.cite));
        self.observations = own.take(OBSERVATIONS_MAX).collect();
    }

    /// The header fields that stand in it, decoded, and the fields before and behind.
    fn of_message(&mut self, input: &Input<'_>, record: &Range<u64>) {
        let Ok(sheet) = header_sheet(input) else { return };
        let mut fields: Vec<SheetField> = Vec::new();
        let mut next = Some(Box::new(sheet));
        while let Some(sheet) = next {
            let HeaderSheet { fields: own, carried, .. } = *sheet;
            fields.extend(own);
            next = carried;
        }
        let is_own = |field: &SheetField| is_of(&field.cite.bytes, record);
        if let Some(at) = fields.iter().position(is_own)
            && fields[at].cite.bytes == *record
        {
            self.place = Some(fields[at].cite.place);
            self.before = at.checked_sub(1).map(|at| fields[at].cite.bytes.clone());
            self.after = fields.get(at + 1).map(|field| field.cite.bytes.clone());
            // Of an Outlook item all fields stand in the same bytes.
            self.before = self.before.take().filter(|place| place != record);
            self.after = self.after.take().filter(|place| place != record);
        }
        self.fields = fields.into_iter().filter(is_own).map(RecordField::from).collect();
    }
}

impl From<SheetField> for RecordField {
    fn from(field: SheetField) -> RecordField {
        let parts = field.decoded.iter().filter_map(|part| {
            let means = part.means.as_deref()?;
            Some(if part.value.is_empty() { means.to_owned() } else { format!("{}={}: {means}", part.key, part.value) })
        });
        let means = field.says.map(str::to_owned).into_iter().chain(parts).collect();
        RecordField { name: field.name, value: field.value, means, bytes: Some(field.cite.bytes) }
    }
}

/// Whether a place lies in a record.
fn is_of(place: &Range<u64>, record: &Range<u64>) -> bool {
    record.start <= place.start && place.end <= record.end
}

fn is_text(input: &Input<'_>) -> bool {
    text::refuse_binary(input.bytes, encoding_of(input.bytes).0, &input.name).is_ok()
}

/// The line at which a record of a text starts.
fn line_of(input: &Input<'_>, record: &Range<u64>) -> Option<Place> {
    let before = input.bytes.get(..usize::try_from(record.start).ok()?)?;
    let is_on_one_line = memchr::memchr(b'\n', input.bytes.trim_ascii()).is_none();
    let is_wide = matches!(encoding_of(input.bytes).0, text::Encoding::Utf16Le | text::Encoding::Utf16Be);
    let line_ends = match is_wide {
        // A byte of another character may have the value of a line end.
        true => before.chunks_exact(2).filter(|unit| matches!(unit, [b'\n', 0] | [0, b'\n'])).count(),
        false => memchr::memchr_iter(b'\n', before).count(),
    };
    (is_text(input) && !is_on_one_line).then_some(Place::Line(line_ends as u64 + 1))
}
