//! SIEM logs of the Cloud Gateway: receipt, process, delivery and detection events in every dialect.
//!
//! API 1.0 as pipe-delimited text and as JSON, API 2.0 with `type` or `eventType`, pages, batches, and the table of
//! Microsoft Sentinel as CSV or JSON. One event speaks about one message at one stage; a message has several.

mod facts;
mod fields;
mod integrated;

use std::sync::LazyLock;

use evidence::{Action, Address, Identifier, Reading, Unit, VerdictKind};
use serde_json::Value;

use self::fields::Fields;
use super::codes;
use super::rows::{self, Kind, Large, Parsed, Row, torn};
use super::values::{addresses, instant, message_id, subject};
use super::{look, values};
use crate::codes::Codes;
use crate::records::{self, Cells, Grammar, Record};
use crate::text::{Text, first_words};
use crate::{Clock, Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// SIEM logs.
pub struct Siem;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// The kind of verdict that the text or type of a refusal speaks of: `Some(None)` for one that no filter, list or policy
/// made, `None` for words of no table.
pub(super) fn refusal_verdict(text: &str) -> Option<Option<VerdictKind>> {
    CODES.within("rejection", text).map(codes::verdict)
}

/// What a detection did with the message, by its word.
pub(super) fn detection_action(word: &str) -> Action {
    match CODES.means("detection.action", word) {
        Some("none") => Action::None,
        Some("held") => Action::Quarantined,
        Some("bounced") => Action::Bounced,
        Some("discarded") => Action::Discarded,
        Some("tagged") => Action::Tagged,
        _ => Action::NotSaid,
    }
}

/// Keys whose arrays hold events.
const WRAPPERS: &[&str] = &["value", "data", "fail"];

impl Source for Siem {
    fn id(&self) -> evidence::SourceId {
        "mimecast/siem"
    }

    fn title(&self) -> &'static str {
        "Mimecast SIEM logs"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "curl -H \"Authorization: Bearer $TOKEN\" 'https://api.services.mimecast.com/siem/v1/events/cg?\
                 types=receipt,process,delivery&dateRangeStartsAt={start}&dateRangeEndsAt={end}&pageSize=100'",
            ),
            clicks: Some(
                "Administration Console > Services > API and Platform Integrations: an API 2.0 application with the SIEM \
                 role; then the call, or the export of the collector that already runs it",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "goes back 7 days at most; older events are only in the archive of the collector",
            "a refusal before DATA carries no Message-ID",
            "accepted by the next hop is not placed in a mailbox: folder and mailbox rules are not in Mimecast",
            "who released a held message, and why: held release logs",
            "why a message was held beyond a short code such as `Spm`: held queue or message info",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        match grammar_of(head.text) {
            Grammar::Json { .. } => recognise_objects(head),
            Grammar::Csv => recognise_columns(head.text),
            Grammar::Lines => recognise_lines(head.text),
        }
    }
}

impl Reader for Siem {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let form = Form::of(input)?;
        let parse = |record: &Record, columns: &[String]| form.event(record, columns, query.clock);
        let kind = Kind { grammar: form.grammar, large: Large::Yes, by: MatchedBy::Ids, parse: &parse };
        rows::read(input, query, &kind)
    }

    fn spelled(&self, input: &Input<'_>) -> crate::table::Spelled {
        crate::table::Spelled::in_rows(input)
    }

    fn read_in_parts(
        &self,
        input: &Input<'_>,
        query: &Query<'_>,
        take: &mut dyn FnMut(Reading),
    ) -> Result<(), ReadError> {
        let form = Form::of(input)?;
        let parse = |record: &Record, columns: &[String]| form.event(record, columns, query.clock);
        let kind = Kind { grammar: form.grammar, large: Large::Yes, by: MatchedBy::Ids, parse: &parse };
        rows::read_in_parts(input, query, &kind, take)
    }
}

/// How much of a file is looked at to tell its grammar.
const START_BYTES: usize = 64 * 1024;

/// How the records of a file are written.
struct Form {
    grammar: Grammar,
    /// The delimiter of a table's cells.
    delimiter: u8,
}

impl Form {
    fn of(input: &Input<'_>) -> Result<Form, ReadError> {
        let start = Text::decode(&input.bytes[..input.bytes.len().min(START_BYTES)], &input.name)?;
        let header = records::csv_header(start.as_str());
        let delimiter = header.map_or(b',', |(header, _)| records::delimiter_of(header));
        Ok(Form { grammar: grammar_of(start.as_str()), delimiter })
    }

    /// What a record says.
    fn event(&self, record: &Record, columns: &[String], clock: &Clock) -> Parsed {
        match self.fields(record, columns) {
            Ok(fields) => event(record, &fields, clock),
            Err(other) => other,
        }
    }

    /// The fields of a record; what else it is where it has none.
    fn fields(&self, record: &Record, columns: &[String]) -> Result<Fields, Parsed> {
        Ok(match self.grammar {
            Grammar::Json { .. } => Fields::of_object(rows::object_of(record)?),
            Grammar::Lines => Fields::of_line(&record.text),
            Grammar::Csv => {
                let mut splitter = Cells::new(self.delimiter);
                let cells = splitter.of(&record.text);
                match splitter.lines_joined(&record.text) {
                    0 if cells.len() < columns.len() => {
                        return Err(rows::torn(&format!("{} cells", columns.len()), format!("{} cells", cells.len())));
                    }
                    0 => Fields::of_cells(columns, cells),
                    joined => {
                        let found = format!("a stray quote that joins {joined} more lines to the row");
                        return Err(rows::torn(records::QUOTES, found));
                    }
                }
            }
        })
    }
}

/// How many lines are looked at: the first may be torn.
const LINES_LOOKED_AT: usize = 20;

/// JSON if it begins so, lines if one of the first is pipe-delimited, else a table.
fn grammar_of(text: &str) -> Grammar {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    // The first line may be torn.
    if text.starts_with(['{', '[']) || text.lines().nth(1).is_some_and(|line| line.starts_with("{\"")) {
        return Grammar::Json { wrappers: WRAPPERS };
    }
    let is_piped = |line: &str| line.contains('|') && fields::pairs(line.trim_end()).len() > 1;
    if text.lines().take(LINES_LOOKED_AT).any(is_piped) { Grammar::Lines } else { Grammar::Csv }
}

fn recognise_objects(head: &Head<'_>) -> Recognition {
    let mut foreign = None;
    for object in look::objects(head, WRAPPERS) {
        let fields = Fields::of_object(object);
        match stage_of(&fields) {
            Stage::Foreign(word) if is_two(&fields) => foreign = foreign.or(Some(word)),
            Stage::Foreign(_) => {}
            _ if is_two(&fields) || is_one(&fields) => return Recognition::Certain,
            _ => {}
        }
    }
    match foreign {
        Some(word) => Recognition::Near { missing: format!("a known event type (found `{word}`)") },
        None => Recognition::No,
    }
}

/// An event of API 2.0, or of the Sentinel table made from it.
fn is_two(fields: &Fields) -> bool {
    fields.has(&["aggregateid"])
        && fields.has(&["type", "eventtype"])
        && fields.has(&["processingid"])
        && fields.has(&["accountid", "timestamp"])
}

/// An event of API 1.0.
fn is_one(fields: &Fields) -> bool {
    fields.has(&["datetime"])
        && fields.has(&["acc"])
        && (fields.has(&["acode"]) || !matches!(stage_of(fields), Stage::Foreign(_)))
}

fn recognise_columns(text: &str) -> Recognition {
    let Some((header, _)) = records::csv_header(text) else { return Recognition::No };
    let columns = records::column_names(header);
    let fields = Fields::of_cells(&columns, columns.iter().map(|_| "x".to_owned()).collect());
    match (is_two(&fields), fields.has(&["aggregateid"])) {
        (true, _) => Recognition::Certain,
        (false, true) if fields.has(&["processingid", "accountid"]) => {
            Recognition::Near { missing: "columns `type` (or `type_s`), `processingId` and `timestamp`".to_owned() }
        }
        _ => Recognition::No,
    }
}

fn recognise_lines(text: &str) -> Recognition {
    let seen = text.lines().take(LINES_LOOKED_AT).map(|line| Fields::of_line(line.trim_end()));
    match seen.into_iter().any(|fields| is_one(&fields)) {
        true => Recognition::Certain,
        false => Recognition::No,
    }
}

/// At which stage an event speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Receipt,
    Process,
    Delivery,
    Journal,
    Spam,
    Virus,
    Url,
    Attachment,
    Impersonation,
    Internal,
    /// What Cloud Integrated found in a message.
    Entity,
    /// Authentication results as Cloud Integrated saw them.
    Mailflow,
    /// A type that is none of the known ones, as written; empty if none is named.
    Foreign(String),
}

/// The stage by the type that the event names, by the name of the file that it came in, or by its keys.
fn stage_of(fields: &Fields) -> Stage {
    if let Some(word) = fields.text(&["type", "eventtype"]) {
        let bare = word.strip_prefix("email_").unwrap_or(&word).replace(['_', '-'], " ");
        return CODES.means("type", &bare).and_then(stage).unwrap_or(Stage::Foreign(word));
    }
    let by_file = fields.text(&["content-disposition"]).and_then(|said| stage_of_file(&said));
    by_file.or_else(|| stage_of_keys(fields)).unwrap_or(Stage::Foreign(String::new()))
}

fn stage(means: &str) -> Option<Stage> {
    Some(match means {
        "receipt" => Stage::Receipt,
        "process" => Stage::Process,
        "delivery" => Stage::Delivery,
        "journal" => Stage::Journal,
        "spam" => Stage::Spam,
        "virus" => Stage::Virus,
        "url" => Stage::Url,
        "attachment" => Stage::Attachment,
        "impersonation" => Stage::Impersonation,
        "internal" => Stage::Internal,
        "entity" => Stage::Entity,
        "mailflow" => Stage::Mailflow,
        _ => return None,
    })
}

/// `attachment; filename="process_20260703110000001.json"`.
fn stage_of_file(said: &str) -> Option<Stage> {
    let name = said.split("filename=").nth(1)?.trim_start_matches('"');
    let kind = name.trim_end_matches(|c| c != '_').trim_end_matches('_');
    CODES.means("file", kind).and_then(stage)
}

/// The keys that only one log type of API 1.0 has.
fn stage_of_keys(fields: &Fields) -> Option<Stage> {
    let has = |names: &[&str]| fields.has(names);
    Some(if has(&["attempt", "delivered", "latency", "receiptack", "snt", "usetls"]) {
        Stage::Delivery
    } else if has(&["rcptacttype"]) {
        Stage::Journal
    } else if has(&["spamscore", "spamlimit", "spamprocessingdetail"]) {
        Stage::Receipt
    } else if has(&["hld", "msgsize", "attnames"]) {
        Stage::Process
    } else if has(&["scanresultinfo"]) {
        Stage::Internal
    } else if has(&["reason"]) && has(&["url"]) {
        Stage::Url
    } else if has(&["definition"]) && has(&["hits"]) {
        Stage::Impersonation
    } else if has(&["sha256", "md5"]) && has(&["virus"]) {
        Stage::Virus
    } else if has(&["sha256", "md5", "filename"]) {
        Stage::Attachment
    } else if has(&["acode"]) && has(&["sourceip"]) && has(&["senderdomain"]) {
        Stage::Spam
    } else if has(&["act", "rejtype", "rejinfo", "rejcode"]) && has(&["ip", "rcpt"]) {
        Stage::Receipt
    } else {
        return None;
    })
}

fn event(record: &Record, fields: &Fields, clock: &Clock) -> Parsed {
    let is_event = fields.has(&["aggregateid", "acode", "messageid", "msgid", "acc", "accountid"])
        && fields.has(&["timestamp", "datetime", "type", "eventtype"]);
    if !is_event {
        return torn(
            "an event with `aggregateId` or `aCode`, and `timestamp` or `datetime`",
            first_words(&record.text),
        );
    }
    let stage = stage_of(fields);
    if stage == Stage::Journal {
        return Parsed::Pass("journal copy");
    }
    let mut row = row(fields, clock);
    facts::state(&mut row, record, fields, &stage);
    Parsed::Row(Box::new(row))
}

fn row(fields: &Fields, clock: &Clock) -> Row {
    let mut row = Row::by(fields.text(&["accountid", "acc"]));
    row.id(fields.text(&["aggregateid", "acode"]).and_then(|id| Identifier::acode(&id)));
    let run = fields.text(&["processingid"]).filter(|id| !id.starts_with("req-")); // a click, not a run
    row.id(run.map(Identifier::ProcessingId));
    row.id(fields.text(&["messageid", "msgid"]).and_then(|id| message_id(&id)));
    row.recipients = fields.value(&["recipients", "recipient", "rcpt"]).map(addresses).unwrap_or_default();
    row.senders = [envelope_sender(fields), header_from(fields)].into_iter().flatten().collect();
    row.subject = fields.text(&["subject"]).map(|said| subject(&said));
    row.when = fields.text(&["timestamp"]).and_then(|said| instant(&said, clock));
    row.when = row.when.or_else(|| fields.text(&["datetime"]).and_then(|said| instant(&said, clock)));
    row
}

/// The envelope sender; an empty one is the null sender of a notice.
fn envelope_sender(fields: &Fields) -> Option<Address> {
    fields
        .value(&["senderenvelope", "sender"])
        .filter(|value| matches!(value, Value::String(_)))
        .and_then(values::address)
}

fn header_from(fields: &Fields) -> Option<Address> {
    fields.value(&["senderheader", "headerfrom"]).and_then(values::address).filter(|address| !address.is_null())
}
