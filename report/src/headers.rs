//! What `throughline headers` shows: the way and the checks that a sample's header fields tell, and every vendor's field
//! decoded with its text beside.

use evidence::{Fact, Observation};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sources::{Decoded, HeaderSheet, SheetField, Weight, Written};

use crate::document::{Cite, Problem};
use crate::sample::{SampleHeaders, Trust, hops_section, results_section};
use crate::sheet::{Block, Row, Section, Sheet, Tone};
use crate::view;

/// The name and version of the document's form.
pub const HEADERS_SCHEMA: &str = "throughline.headers.v1";

/// A sample's header, read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Headers {
    /// Always `throughline.headers.v1`.
    pub schema: String,
    /// The kind of sample, such as `message/eml`.
    pub source: String,
    /// Who and what the message is.
    pub message: HeadersMessage,
    /// Hops and authentication results.
    pub sample: SampleHeaders,
    /// Every field that a vendor wrote, decoded, in the order of the text.
    pub vendor_fields: Vec<VendorField>,
    /// How many fields there are.
    pub fields: u64,
    /// Lines that could not be read as fields, and fields that could not be read.
    pub problems: Vec<Problem>,
}

/// Who and what the message is, as its header says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeadersMessage {
    /// The Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Return-Path: RFC 5321 MAIL FROM at the last delivery; empty text for the null sender.
    pub envelope_sender: Option<String>,
    /// RFC 5322 From.
    pub header_from: Option<String>,
    /// The decoded subject.
    pub subject: Option<String>,
    /// The Date field: the sender's clock.
    pub sent_at: Option<Timestamp>,
}

/// A vendor's header field, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VendorField {
    /// Its name as written.
    pub name: String,
    /// The vendor.
    pub vendor: String,
    /// Its value as written, unfolded.
    pub value: String,
    /// The line on which it starts.
    pub line: Option<u64>,
    /// What the field is; null if that is not known.
    pub says: Option<String>,
    /// Whether an earlier system wrote it (`-Untrusted`, `-Original`): no word about this copy's fate.
    pub earlier: bool,
    /// Its parts.
    pub parts: Vec<VendorPart>,
}

/// A part of a vendor's header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VendorPart {
    /// Its key; empty if the field is one value.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What it means; null if that is not known.
    pub means: Option<String>,
    /// How much it says: `decides`, `supports`, `context`, `opaque`, `unknown`.
    pub weight: String,
    /// Who says what it means, and when that was read.
    pub source: Option<String>,
}

impl VendorField {
    /// The vendors' fields of a sheet, in the order of the text.
    pub fn of(sheet: &HeaderSheet) -> Vec<VendorField> {
        let field = |field: &SheetField| {
            let vendor = field.vendor?;
            Some(VendorField {
                name: field.name.clone(),
                vendor: vendor.to_owned(),
                value: field.value.clone(),
                line: Cite::from(&field.cite).line,
                says: field.says.map(str::to_owned),
                earlier: field.written == Written::ByEarlierSystem,
                parts: field.decoded.iter().map(part).collect(),
            })
        };
        sheet.fields.iter().filter_map(field).collect()
    }
}

fn part(decoded: &Decoded) -> VendorPart {
    VendorPart {
        key: decoded.key.clone(),
        value: decoded.value.clone(),
        means: decoded.means.clone(),
        weight: match decoded.weight {
            Weight::Decides => "decides",
            Weight::Supports => "supports",
            Weight::Context => "context",
            Weight::Opaque => "opaque",
            Weight::Unknown => "unknown",
        }
        .to_owned(),
        source: decoded.source.map(str::to_owned),
    }
}

impl HeadersMessage {
    /// Puts together what the fields say.
    pub fn of(sample: &[&Observation]) -> HeadersMessage {
        let mut message = HeadersMessage::default();
        for observation in sample {
            if message.message_id.is_none() {
                message.message_id = observation.about.message_id().map(str::to_owned);
            }
            let Fact::Identity(identity) = &observation.fact else { continue };
            let address = |address: &Option<evidence::Address>| address.as_ref().map(|one| one.as_str().to_owned());
            message.envelope_sender = message.envelope_sender.take().or_else(|| address(&identity.envelope_sender));
            message.header_from = message.header_from.take().or_else(|| address(&identity.header_from));
            message.subject = message.subject.take().or_else(|| identity.subject.clone());
            message.sent_at = message.sent_at.or(identity.sent_at.as_ref().map(|when| when.at));
        }
        message
    }

    pub(crate) fn facts(&self, file: &str, source: &str) -> Section {
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "not stated".to_owned());
        let mut facts = vec![
            ("Sample".to_owned(), format!("{file} ({source})")),
            ("Subject".to_owned(), said(&self.subject)),
            ("From".to_owned(), said(&self.header_from)),
        ];
        facts.push(match self.envelope_sender.as_deref() {
            Some("") => ("Envelope sender".to_owned(), "<> (null sender: a notice)".to_owned()),
            _ => ("Envelope sender".to_owned(), said(&self.envelope_sender)),
        });
        facts.push(("Message-ID".to_owned(), self.message_id.as_ref().map_or(said(&None), |id| format!("<{id}>"))));
        facts.extend(self.sent_at.map(|at| ("Date".to_owned(), format!("{} (the sender's clock)", view::instant(at)))));
        Section { id: "message", title: "Message".to_owned(), blocks: vec![Block::Facts(facts)] }
    }
}

impl Headers {
    /// What is shown.
    pub fn sheet(&self) -> Sheet {
        let mut sections = vec![self.message.facts(&self.sample.file, &self.source)];
        sections.extend(hops_section(&self.sample, ""));
        sections.extend(results_section(&self.sample, ""));
        sections.extend(self.vendors());
        sections.extend(self.trouble());
        Sheet { title: self.message.subject.clone().unwrap_or_else(|| "One message".to_owned()), sections }
    }

    fn vendors(&self) -> Option<Section> {
        let mut blocks = Vec::new();
        let mut vendors: Vec<&str> = Vec::new();
        for field in &self.vendor_fields {
            if !vendors.contains(&field.vendor.as_str()) {
                vendors.push(&field.vendor);
            }
        }
        for vendor in vendors {
            blocks.push(Block::Text(Tone::Soft, vendor.to_owned()));
            let rows = self
                .vendor_fields
                .iter()
                .filter(|field| field.vendor == vendor)
                .map(|field| self.vendor_row(field))
                .collect();
            blocks.push(Block::Rows(rows));
        }
        (!blocks.is_empty()).then(|| Section {
            id: "vendor-fields",
            title: "What filters wrote, decoded".to_owned(),
            blocks,
        })
    }

    fn trouble(&self) -> Option<Section> {
        if self.problems.is_empty() {
            return None;
        }
        let row = |problem: &Problem| Row {
            tone: Tone::Bad,
            lead: problem.cite.place(),
            text: format!("expected {}, found {}", problem.expected, problem.found),
            ..Row::default()
        };
        let blocks = vec![Block::Rows(self.problems.iter().map(row).collect())];
        Some(Section { id: "problems", title: "Could not be read".to_owned(), blocks })
    }
}

impl Headers {
    fn vendor_row(&self, field: &VendorField) -> Row {
        let is_whole = |part: &VendorPart| part.key.is_empty() || part.key.eq_ignore_ascii_case(&field.name);
        let said = |part: &VendorPart| match (is_whole(part), part.value.is_empty()) {
            (true, _) => part.value.clone(),
            (false, true) => part.key.clone(),
            (false, false) => format!("{}:{}", part.key, part.value),
        };
        let told = |part: &VendorPart| {
            let means = part.means.as_deref()?;
            match part.weight.as_str() {
                "opaque" => None,
                _ if is_whole(part) && part.value == field.value => Some(means.to_owned()),
                _ => Some(format!("{}: {means}", said(part))),
            }
        };
        let listed = |weight: &str| {
            let parts = field.parts.iter().filter(|part| part.weight == weight && !is_whole(part));
            parts.map(|part| part.key.clone()).collect::<Vec<_>>().join(", ")
        };
        let says = field.says.as_deref().unwrap_or("");
        let mut notes: Vec<String> = field.parts.iter().filter_map(told).filter(|note| note != says).collect();
        let (opaque, unknown) = (listed("opaque"), listed("unknown"));
        notes.extend((!opaque.is_empty()).then(|| format!("not documented by the vendor: {opaque}")));
        notes.extend((!unknown.is_empty()).then(|| format!("meaning not known: {unknown}")));
        let words = self.sample.filters.iter().filter(|word| word.cite.line.is_some() && word.cite.line == field.line);
        notes.extend(words.clone().map(|word| {
            let counts = if word.trust == Trust::NotTrusted { "does not count" } else { "counts" };
            format!("{}: {} ({counts}: {})", word.system, word.said, word.because)
        }));
        let is_strangers = words.clone().next().is_some() && words.clone().all(|word| word.trust == Trust::NotTrusted);
        let is_unknown = field.parts.iter().all(|part| part.means.is_none());
        let text = match (field.earlier, is_unknown) {
            (true, _) => "written by an earlier system: no word about this copy".to_owned(),
            (false, true) => format!("meaning not known: {}", field.value),
            (false, false) => field.says.clone().unwrap_or_default(),
        };
        let decides = field.parts.iter().any(|part| part.weight == "decides");
        Row {
            tone: match (field.earlier || is_strangers, decides) {
                (true, _) => Tone::Soft,
                (false, true) => Tone::Warn,
                (false, false) => Tone::Plain,
            },
            lead: field.name.clone(),
            text,
            notes,
            raw: (!is_unknown).then(|| field.value.clone()),
            ..Row::default()
        }
    }
}
