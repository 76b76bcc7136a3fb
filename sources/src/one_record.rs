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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ALL;

    fn clock() -> Clock {
        Clock {
            zone: jiff::tz::TimeZone::UTC,
            zone_label: "UTC".to_owned(),
            reference: "2026-05-02T12:00:00Z".parse().expect("an instant"),
        }
    }

    /// The fields of the record that holds a word, as `name=value`, marked with `*` where the word is.
    fn fields(name: &str, file: &[u8], word: &[u8]) -> Vec<String> {
        let input = Input { name: name.into(), bytes: file };
        let source = recognise(file, name).expect("a kind");
        let query = Query { wanted: &Wanted::Everything, clock: &clock(), progress: &NoProgress };
        let reading = source.read(&input, &query).expect("a reading");
        let at = memchr::memmem::find(file, word).expect("the word") as u64;
        let holds = |cite: &&Cite| cite.bytes.contains(&at);
        let cite = reading.observations.iter().map(|one| &one.cite).find(holds).expect("a record");
        let one = one_record(&input, cite.bytes.clone(), &clock()).expect("a record");
        assert!(!one.observations.is_empty(), "{name}");
        let is_there = |field: &RecordField| field.bytes.as_ref().is_some_and(|bytes| bytes.contains(&at));
        let told =
            |field: &RecordField| format!("{}{}={}", if is_there(field) { "*" } else { "" }, field.name, field.value);
        one.fields.iter().filter(|field| !field.value.is_empty()).map(told).collect()
    }

    fn wide(text: &str) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    const TRACE: &str = "Received,SenderAddress,RecipientAddress,Subject,Status,MessageId,MessageTraceId\r\n\
        2026-04-02T08:15:30Z,a@example.net,ann@example.com,\"Grüße, \"\"bald\"\"\",Quarantined,<1@example.net>,\
        3f2a0021-6d1e-4c77-8b02-08de1a2b3c21\r\n";

    #[test]
    fn ok_fields() {
        let expected = [
            "Received=2026-04-02T08:15:30Z",
            "SenderAddress=a@example.net",
            "RecipientAddress=ann@example.com",
            "Subject=Grüße, \"bald\"",
            "*Status=Quarantined",
            "MessageId=<1@example.net>",
            "MessageTraceId=3f2a0021-6d1e-4c77-8b02-08de1a2b3c21",
        ];
        assert_eq!(fields("trace.csv", TRACE.as_bytes(), b"Quarantined"), expected);
        let word: Vec<u8> = "Quarantined".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(fields("wide.csv", &wide(TRACE), &word), expected);
        let nested = r#"{"id":"1","createdDateTime":"2026-04-02T08:15:30Z","userPrincipalName":"ann@example.com","appDisplayName":"Mail","ipAddress":"192.0.2.1","status":{"errorCode":50126,"failureReason":"Wrong"},"conditionalAccessStatus":"notApplied","appliedConditionalAccessPolicies":[{"displayName":"MFA","result":"success"}]}"#;
        let found = fields("sign_ins.json", nested.as_bytes(), b"50126");
        assert!(found.contains(&"*status.errorCode=50126".to_owned()), "{found:?}");
        assert!(found.contains(&"appliedConditionalAccessPolicies[0].displayName=MFA".to_owned()), "{found:?}");
    }

    /// Every record of every sample is given; what is called its neighbours are records that lie outside it and none lies between.
    #[test]
    fn ok_every_sample() {
        let mut seen = 0;
        for source in ALL {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/").to_owned() + &source.id().replace('-', "_");
            let samples = std::fs::read_dir(folder + "/samples").into_iter().flatten().flatten();
            for sample in
                samples.map(|entry| entry.path()).filter(|path| path.extension().is_none_or(|e| e != "expected"))
            {
                let bytes = std::fs::read(&sample).expect("a sample");
                let name = sample.display().to_string();
                let input = Input { name: name.as_str().into(), bytes: &bytes };
                let query = Query { wanted: &Wanted::Everything, clock: &clock(), progress: &NoProgress };
                let Ok(reading) = source.read(&input, &query) else { continue };
                let cites = reading.observations.iter().map(|one| &one.cite);
                let places: BTreeSet<(u64, u64)> = cites.map(|cite| (cite.bytes.start, cite.bytes.end)).collect();
                for (start, end) in places.iter().take(20) {
                    let one = one_record(&input, *start..*end, &clock()).unwrap_or_else(|| panic!("{name}: {start}"));
                    assert!(!one.observations.is_empty(), "{name}: {start}-{end}");
                    if source.id().starts_with("message/") {
                        continue;
                    }
                    let between = |range: Range<u64>| places.iter().find(|(s, e)| range.start <= *s && *e <= range.end);
                    if let Some(before) = one.before {
                        assert!(before.end <= *start, "{name}: {start}-{end}: {before:?}");
                        assert_eq!(between(before.end..*start), None, "{name}: {start}-{end}");
                    }
                    if let Some(after) = one.after {
                        assert!(
                            after.start >= *end && after.end <= bytes.len() as u64,
                            "{name}: {start}-{end}: {after:?}"
                        );
                        assert_eq!(between(*end..after.start), None, "{name}: {start}-{end}");
                    }
                    seen += 1;
                }
            }
        }
        assert!(seen > 200, "{seen}");
    }

    /// A record of a large file states what it states in a small one, and has the same fields.
    #[test]
    fn ok_in_a_large_file() {
        let row = TRACE.lines().nth(1).expect("a row");
        let other =
            row.replace("<1@", "<2@").replace("Quarantined", "Delivered").replace("\"\"bald\"\"", "\"\"bald\n\"\"");
        let header = TRACE.lines().next().expect("a header");
        let many = WHOLE_MAX_BYTES / row.len();
        let large = format!("{header}\r\n{}{row}\r\n{other}\r\n", format!("{other}\r\n").repeat(many));
        for (name, small, large) in
            [("UTF-8", TRACE.as_bytes().to_vec(), large.as_bytes().to_vec()), ("UTF-16", wide(TRACE), wide(&large))]
        {
            let place = |file: &[u8]| {
                let unit = if name == "UTF-8" { 1 } else { 2 };
                let needle: Vec<u8> = match unit {
                    1 => row.as_bytes().to_vec(),
                    _ => row.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                };
                let at = memchr::memmem::find(file, &needle).expect("the row") as u64;
                at..at + needle.len() as u64
            };
            let read = |file: &[u8]| {
                let input = Input { name: "trace.csv".into(), bytes: file };
                let one = one_record(&input, place(file), &clock()).expect("a record");
                let fields: Vec<String> = one.fields.into_iter().map(|field| field.value).collect();
                let facts: Vec<String> = one.observations.into_iter().map(|told| format!("{:?}", told.fact)).collect();
                (one.is_alone, fields, facts, one.before.is_some(), one.after.is_some())
            };
            let (small, large) = (read(&small), read(&large));
            assert_eq!((small.0, large.0), (false, true), "{name}");
            assert_eq!((&small.1, &small.2), (&large.1, &large.2), "{name}");
            assert!(large.3 && large.4 && !small.3, "{name}");
        }
    }

    #[test]
    fn none_outside_the_file() {
        let input = Input { name: "trace.csv".into(), bytes: TRACE.as_bytes() };
        let end = TRACE.len() as u64;
        for place in [0..end + 1, end..end + 1, 5..5, u64::MAX - 1..u64::MAX] {
            assert!(one_record(&input, place.clone(), &clock()).is_none(), "{place:?}");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "an address can say it")]
        let turned = 9..3;
        assert!(one_record(&input, turned, &clock()).is_none());
    }
}
