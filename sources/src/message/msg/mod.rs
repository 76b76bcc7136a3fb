//! Outlook items (.msg, MS-OXMSG): transport headers, else sender, subject, recipients; nested messages; reports.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use evidence::{
    Address, Cite, CopyKey, Fact, FileName, Identifier, Identity, Observation, Place, Problem, Product, Reading,
    SourceId, System, Unit, When, Zone,
};
use jiff::Timestamp;

use super::fields::{self, Field, Header};
use super::keep::keep;
use super::sheet::Sheet;
use super::{bounce, carrier, headers_of};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, Wanted, ZoneRule};

/// The reader of Outlook items.
pub(crate) struct Msg;

const MAGIC: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
/// Largest property that is taken into memory.
const MAX_STREAM_BYTES: u64 = 4 << 20;
/// Most entries of a container that are looked at.
const MAX_ENTRIES: usize = 50_000;
/// Most messages within a message, the outer one included.
const MAX_MESSAGES: usize = 16;
/// Largest file in which single fields are searched for.
const SEARCH_BYTES: usize = 64 << 20;

impl Source for Msg {
    fn id(&self) -> SourceId {
        "message/msg"
    }

    fn title(&self) -> &'static str {
        "Outlook item (.msg)"
    }

    fn unit(&self) -> Unit {
        Unit::Field
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: None,
            clicks: Some(
                "classic Outlook: open the message > File > Save As > Outlook Message Format - Unicode (.msg), or drag it to a folder",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        CANNOT_SHOW
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if !head.bytes.starts_with(MAGIC) {
            return Recognition::No;
        }
        let has = |name: &str| {
            let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            memchr::memmem::find(head.bytes, &wide).is_some()
        };
        if has("__substg1.0_") || has("__properties_version1.0") {
            Recognition::Certain
        } else if ["Workbook", "WordDocument", "PowerPoint Document", "VisioDocument", "!_StringData"]
            .iter()
            .any(|n| has(n))
        {
            Recognition::No
        } else if head.size_bytes > head.bytes.len() as u64 {
            // The directory lies further on.
            Recognition::Fits
        } else {
            Recognition::Near {
                missing: "the Outlook streams `__properties_version1.0` and `__substg1.0_...`".to_owned(),
            }
        }
    }
}

impl Reader for Msg {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let container = items_of(input)?;
        let mut whole = Reading::default();
        let header = |at: usize| container.get(at).map(|item| item.transport_header(input)).unwrap_or_default();
        let outer_tells = container.first().is_some_and(Item::tells);
        let carries = container.len() > 1
            && container.get(1).is_some_and(Item::tells)
            && (!outer_tells || carrier::is_carrier(&header(0), &header(1)));
        if carries {
            let said = "this item only carries another one: the attached message is followed";
            whole.coverage.limits.push(said.to_owned());
        } else if container.len() > 1 {
            let said = "a message is attached: it is not followed; save it by itself to follow it";
            whole.coverage.limits.push(said.to_owned());
        }
        for (number, item) in container.iter().enumerate() {
            let mut reading = Reading { rows: 0, ..Reading::default() };
            let ids = item.state(input, query, &mut reading);
            // Without any known id the sample is the outer item, unless that one only carries another.
            let sample = number == usize::from(carries);
            let unknown = match query.wanted {
                Wanted::Everything => true,
                Wanted::Message(message) => message.ids.is_empty(),
            };
            let seeding = unknown && !sample;
            let kept = if seeding { other(reading) } else { keep(reading, &ids, &[], query) };
            merge(&mut whole, kept);
        }
        whole.coverage.limits.extend(CANNOT_SHOW.iter().map(|limit| (*limit).to_owned()));
        query.progress.advance(input.bytes.len() as u64);
        Ok(whole)
    }
}

/// The messages of an item, the outer one first; never none.
fn items_of(input: &Input<'_>) -> Result<Vec<Item>, ReadError> {
    let broken = |expected: &str, found: String| ReadError::Broken {
        file: input.name.to_string(),
        place: "byte 0".to_owned(),
        expected: expected.to_owned(),
        found,
        hint: "save the message again from Outlook, or fetch it as .eml".to_owned(),
    };
    let container = open(input.bytes).map_err(|found| broken("a sound compound file", found))?;
    if container.is_empty() {
        return Err(broken("an Outlook item with `__properties_version1.0`", "another compound file".to_owned()));
    }
    Ok(container)
}

/// The transport headers of an item and of those that it carries, the outer one first.
pub(crate) fn headers_of(input: &Input<'_>) -> Result<Vec<Header>, ReadError> {
    Ok(items_of(input)?.iter().map(|item| item.transport_header(input)).collect())
}

const CANNOT_SHOW: &[&str] = &[
    "an Outlook item without transport headers (a draft, a sent item, mail within the organisation) shows no hops, no results and no verdict",
    "a sample shows the way of this one copy up to the mailbox, never what happened to other copies or afterwards",
];

fn other(reading: Reading) -> Reading {
    let first = reading.observations.first().map(|observation| observation.cite.clone());
    let mut other = Reading { rows: reading.rows, coverage: reading.coverage, ..Reading::default() };
    other.pass_over("other message", other.rows, first);
    other
}

fn merge(whole: &mut Reading, part: Reading) {
    whole.rows += part.rows;
    whole.observed += part.observed;
    whole.observations.extend(part.observations);
    whole.problems.extend(part.problems);
    for heap in part.passed_over {
        whole.pass_over(heap.reason, heap.rows, heap.first);
    }
    part.revealed.into_iter().for_each(|id| whole.reveal(id));
    [part.coverage.from, part.coverage.to].into_iter().flatten().for_each(|at| whole.covers(at));
    whole.coverage.limits.extend(part.coverage.limits);
}

/// One message of a container: the outer item, or one that it carries.
#[derive(Default)]
struct Item {
    /// String and binary properties by tag and type, such as `007D001F`.
    properties: BTreeMap<String, Vec<u8>>,
    /// Recipients' properties, one map a recipient.
    recipients: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// How deep it lies: 0 is the outer item.
    depth: usize,
}

/// Opens a compound file and collects its messages; the error says what is wrong.
fn open(bytes: &[u8]) -> Result<Vec<Item>, String> {
    catch_unwind(AssertUnwindSafe(|| collect(bytes)))
        .map_err(|_| "a container that its reader gave up on".to_owned())?
}

fn collect(bytes: &[u8]) -> Result<Vec<Item>, String> {
    let mut file = cfb::CompoundFile::open(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let wanted: Vec<(String, std::path::PathBuf, u64)> = file
        .walk()
        .take(MAX_ENTRIES)
        .filter(|entry| entry.is_stream() && entry.len() <= MAX_STREAM_BYTES)
        .map(|entry| (entry.path().to_string_lossy().into_owned(), entry.path().to_owned(), entry.len()))
        .filter(|(path, ..)| is_wanted(path))
        .collect();
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut budget = 4 * MAX_STREAM_BYTES;
    for (path, at, len) in wanted {
        let Some((owner, rest)) = owner_of(&path) else { continue };
        if (!items.contains_key(&owner) && items.len() >= MAX_MESSAGES) || len > budget {
            continue;
        }
        let mut content = Vec::new();
        if file.open_stream(&at).and_then(|stream| stream.take(MAX_STREAM_BYTES).read_to_end(&mut content)).is_err() {
            continue;
        }
        budget -= len;
        let depth = owner.matches("__attach").count();
        let item = items.entry(owner).or_insert_with(|| Item { depth, ..Item::default() });
        match rest.split_once('/') {
            Some((recipient, stream)) => {
                if item.recipients.len() < 1_000 || item.recipients.contains_key(recipient) {
                    item.recipients.entry(recipient.to_owned()).or_default().insert(tag_of(stream), content);
                }
            }
            None => {
                item.properties.insert(tag_of(&rest), content);
            }
        }
    }
    let mut items: Vec<Item> = items.into_values().filter(|item| !item.properties.is_empty()).collect();
    items.sort_by_key(|item| item.depth);
    Ok(items)
}

/// Properties that are read: transport headers, class, subject, sender, ids, body, and the fixed-size ones.
fn is_wanted(path: &str) -> bool {
    const TAGS: &[&str] = &[
        "007D", "001A", "0037", "0C1A", "0C1F", "5D01", "5D02", "0065", "1035", "1000", "0E04", "39FE", "3003", "3001",
    ];
    match path.rsplit_once("__substg1.0_") {
        Some((_, tag)) => {
            !tag.contains('/') && tag.get(..4).is_some_and(|tag| TAGS.iter().any(|want| want.eq_ignore_ascii_case(tag)))
        }
        None => path.ends_with("__properties_version1.0"),
    }
}

/// Cuts a path into the message that owns the stream, and the rest (`recipient/stream` or `stream`); `None` for the
/// properties of an attachment, which is no message of its own.
fn owner_of(path: &str) -> Option<(String, String)> {
    let path = path.replace('\\', "/");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let owner_len =
        parts.iter().rposition(|part| part.to_ascii_uppercase().contains("3701000D")).map_or(0, |at| at + 1);
    let rest = &parts[owner_len..];
    if rest.first().is_some_and(|part| part.starts_with("__attach") || part.starts_with("__nameid")) {
        return None;
    }
    Some((parts[..owner_len].join("/"), rest.join("/")))
}

fn tag_of(stream: &str) -> String {
    stream.rsplit_once("__substg1.0_").map_or_else(|| "PROPS".to_owned(), |(_, tag)| tag.to_ascii_uppercase())
}

/// Text of a property: UTF-16 (type 001F) or 8-bit (001E).
fn text_in(properties: &BTreeMap<String, Vec<u8>>, tag: &str) -> Option<String> {
    let wide = properties.get(&format!("{tag}001F")).map(|bytes| {
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    });
    let text =
        wide.or_else(|| properties.get(&format!("{tag}001E")).map(|bytes| super::sheet::text_of(bytes.as_slice())))?;
    let text = text.trim_end_matches('\0').trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A fixed-size property (eight bytes of value) out of the property stream, whose header has `skip` bytes.
fn fixed(stream: &[u8], tag: u32) -> Option<u64> {
    [32usize, 24, 8].iter().find_map(|skip| {
        stream.get(*skip..)?.chunks_exact(16).find_map(|row| {
            let found = u32::from_le_bytes([row[0], row[1], row[2], row[3]]);
            (found == tag)
                .then(|| u64::from_le_bytes([row[8], row[9], row[10], row[11], row[12], row[13], row[14], row[15]]))
        })
    })
}

/// An instant of the Windows file time: tenths of microseconds since 1601, UTC.
fn file_time(ticks: u64) -> Option<When> {
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - 11_644_473_600;
    let at = Timestamp::new(seconds, i32::try_from(ticks % 10_000_000).ok()? * 100).ok()?;
    (seconds > 31_536_000).then(|| When { at, zone: Zone::Stated, said: at.to_string() })
}

impl Item {
    fn text(&self, tag: &str) -> Option<String> {
        text_in(&self.properties, tag)
    }

    /// Whether it says anything that identifies a message: headers, or an id.
    fn tells(&self) -> bool {
        self.text("007D").is_some() || self.text("1035").is_some()
    }

    /// States the item and gives its ids.
    fn state(&self, input: &Input<'_>, query: &Query<'_>, reading: &mut Reading) -> Vec<Identifier> {
        let header = self.transport_header(input);
        let is_report = self.text("001A").is_some_and(|class| {
            let class = class.to_ascii_uppercase();
            class.starts_with("REPORT.") && class.ends_with(".NDR")
        });
        if is_report && let Some(body) = self.text("1000") {
            let cite = whole_cite(&input.name, input.bytes.len(), 1, &body);
            let report = bounce::of_text(&body, &header, &cite);
            return bounce::state_text(&report, &header, input.bytes, query.clock, reading);
        }
        if !header.fields.is_empty() {
            let ids = headers_of::state(&header, input.bytes, &CopyKey::default(), query.clock, reading);
            self.pass_over_body(input, header.fields.len() as u64 + 1, reading);
            return ids;
        }
        self.state_properties(input, reading)
    }

    fn pass_over_body(&self, input: &Input<'_>, number: u64, reading: &mut Reading) {
        if let Some(body) = self.text("1000") {
            reading.rows += 1;
            reading.pass_over("body not read", 1, Some(whole_cite(&input.name, input.bytes.len(), number, &body)));
        }
    }

    /// The transport headers with the places of their fields in the file.
    fn transport_header(&self, input: &Input<'_>) -> Header {
        let raw = self.properties.get("007D001F").map(|raw| (raw, true));
        let Some((raw, wide)) = raw.or_else(|| self.properties.get("007D001E").map(|raw| (raw, false))) else {
            return Header::default();
        };
        let Some(text) = self.text("007D") else { return Header::default() };
        let sheet = Sheet::of(text.as_bytes());
        let mut header = fields::header(&sheet, &input.name, sheet.start()..sheet.bytes().len());
        // Outlook may put `Microsoft Mail Internet Headers Version 2.0` on top, which is no field.
        if header.fields.is_empty() {
            header = fields::pasted(&sheet, &input.name);
        }
        let base = memchr::memmem::find(input.bytes, raw).filter(|_| !raw.is_empty());
        let find = Finder { file: input.bytes, text: &text, wide, base };
        let cites = header.fields.iter_mut().map(|field: &mut Field| &mut field.cite);
        let rest = header.torn.iter_mut().chain(&mut header.separators).chain(&mut header.prose);
        for (number, cite) in cites.chain(rest).enumerate() {
            *cite = find.cite(cite, number as u64 + 1);
        }
        header
    }

    /// States sender, subject, recipients and time where there are no transport headers: drafts, sent and internal mail.
    fn state_properties(&self, input: &Input<'_>, reading: &mut Reading) -> Vec<Identifier> {
        let sender =
            ["5D01", "5D02", "0C1F", "0065"].iter().filter_map(|tag| self.text(tag)).find(|text| text.contains('@'));
        let header_to: Vec<Address> = self
            .recipients
            .values()
            .filter_map(|recipient| {
                ["39FE", "3003", "3001"]
                    .iter()
                    .filter_map(|tag| text_in(recipient, tag))
                    .find(|text| text.contains('@'))
            })
            .map(|text| Address::new(text.trim_matches(['\'', '"'])))
            .collect();
        let sent = self.properties.get("PROPS").and_then(|stream| fixed(stream, 0x0039_0040)).and_then(file_time);
        let id = self.text("1035").and_then(|id| Identifier::message_id(&id));
        let about = CopyKey { ids: id.iter().cloned().collect(), envelope_recipients: Vec::new() };
        let speaker = System::of(Product::Other("Outlook".to_owned()));
        let mut rows: Vec<(String, Identity)> = Vec::new();
        if let Some(id) = &id {
            rows.push((format!("PR_INTERNET_MESSAGE_ID {id}"), Identity::default()));
        }
        if let Some(sender) = sender {
            let header_from = Some(Address::new(&sender));
            rows.push((format!("sender {sender}"), Identity { header_from, ..Identity::default() }));
        }
        if let Some(subject) = self.text("0037") {
            rows.push((subject.clone(), Identity { subject: Some(subject), ..Identity::default() }));
        }
        if !header_to.is_empty() {
            let said = header_to.iter().map(Address::as_str).collect::<Vec<_>>().join(", ");
            rows.push((said, Identity { header_to, ..Identity::default() }));
        }
        if let Some(sent) = sent {
            rows.push((sent.said.clone(), Identity { sent_at: Some(sent), ..Identity::default() }));
        }
        for (number, (said, identity)) in rows.into_iter().enumerate() {
            reading.rows += 1;
            reading.observed += 1;
            let cite = whole_cite(&input.name, input.bytes.len(), number as u64 + 1, &said);
            let (speaker, about) = (speaker.clone(), about.clone());
            reading.observations.push(Observation {
                cite,
                when: None,
                speaker,
                about: about.into(),
                fact: Fact::Identity(identity),
            });
        }
        self.pass_over_body(input, reading.rows + 1, reading);
        if reading.rows == 0 {
            reading.rows = 1;
            reading.problems.push(Problem {
                cite: whole_cite(&input.name, input.bytes.len(), 1, "an item without headers, sender or subject"),
                expected: "transport headers, or sender, subject and recipients".to_owned(),
                found: "none of them".to_owned(),
            });
        }
        about.ids
    }
}

fn whole_cite(file: &FileName, len: usize, number: u64, said: &str) -> Cite {
    Cite::new(file.clone(), Place::Record(number), 0..len as u64, said)
}

/// Finds header fields again in the file.
struct Finder<'a> {
    file: &'a [u8],
    text: &'a str,
    wide: bool,
    base: Option<usize>,
}

impl Finder<'_> {
    /// The cite of a field, whose `cite` counts in the decoded text, as a cite in the file.
    fn cite(&self, cite: &Cite, number: u64) -> Cite {
        let (start, end) = (cite.bytes.start as usize, cite.bytes.end as usize);
        let whole = || whole_cite(&cite.file, self.file.len(), number, &cite.said);
        let Some(field) = self.text.get(start..end) else { return whole() };
        let spelled: Vec<u8> = if self.wide {
            field.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            field.as_bytes().to_vec()
        };
        let expected = self.base.and_then(|base| {
            let before = self.text.get(..start)?;
            Some(base + if self.wide { 2 * before.encode_utf16().count() } else { before.len() })
        });
        let sits = |at: &usize| self.file.get(*at..at + spelled.len()) == Some(&spelled[..]);
        let searched = || {
            let small = self.file.len() <= SEARCH_BYTES && number <= 300 && spelled.len() >= 16;
            small.then(|| memchr::memmem::find(self.file, &spelled)).flatten()
        };
        match expected.filter(sits).or_else(searched) {
            Some(at) => {
                let bytes = at as u64..(at + spelled.len()) as u64;
                Cite::new(cite.file.clone(), Place::Record(number), bytes, &cite.said)
            }
            None => whole(),
        }
    }
}
