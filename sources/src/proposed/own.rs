//! Throughline's own form of an exception: one JSON object, or a list of them.
//!
//! ```json
//! {
//!   "schema": "throughline.exception.v1",
//!   "product": "exchange-online",
//!   "device": "rule",
//!   "name": "ticket 4711",
//!   "conditions": [
//!     {"on": "header_from", "values": ["ann@vendor.example"]},
//!     {"on": "recipient", "values": ["bob@example.com"]},
//!     {"on": "dmarc", "values": ["pass"]}
//!   ],
//!   "except": [],
//!   "ends": "2026-09-20",
//!   "reason": "quotes of this vendor are taken for bulk mail"
//! }
//! ```
//!
//! All conditions have to hold, one value of each is enough. `ends` is a day, which ends it as it begins, or an instant; without
//! a zone it is UTC. The setting is of the class `exception`; its conditions bear the words of the form.

use evidence::{ChangeKind, Condition, ConditionOn, FileName, Product, Property, Setting, SettingClass, System, When};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{About, Candidate, Dialect, Step, Unread};
use crate::Clock;
use crate::policy::Device;
use crate::table::setting::bare;
use crate::time::{DayOrder, Zoneless, instant};

/// The schema of the form.
pub const EXCEPTION_SCHEMA: &str = "throughline.exception.v1";

/// What a step of this form is called.
pub const EXCEPTION: &str = "exception";

/// What schemas of exceptions begin with, whatever their version.
const FAMILY: &str = "throughline.exception.";

/// Whose exceptions the form can state.
const PRODUCTS: &[Product] =
    &[Product::ExchangeOnline, Product::Mimecast, Product::Rspamd, Product::Amavis, Product::Postfix];

/// What a condition looks at, by the form's words.
const WORDS: &[(&str, ConditionOn)] = &[
    ("header_from", ConditionOn::Sender),
    ("envelope_sender", ConditionOn::Sender),
    ("sender", ConditionOn::Sender),
    ("sender_group", ConditionOn::SenderGroup),
    ("client", ConditionOn::SourceAddress),
    ("signed_by", ConditionOn::Other),
    ("dmarc", ConditionOn::Other),
    ("infrastructure", ConditionOn::Other),
    ("recipient", ConditionOn::Recipient),
    ("recipient_group", ConditionOn::RecipientGroup),
    ("subject", ConditionOn::Other),
    ("url", ConditionOn::Other),
    ("attachment", ConditionOn::Other),
    ("message", ConditionOn::Other),
];

/// How the word for a header field begins; its name follows.
const HEADER: &str = "header:";

/// How much of what could not be read is repeated, in characters.
const UNREAD_CHARS: usize = 300;
/// How many parts that could not be read are told one by one; the next stands for the rest.
const UNREAD_MAX: usize = 1_000;
/// How much of an entry is repeated with its step, in characters.
const SAID_CHARS: usize = 4_000;

/// Throughline's own form of an exception.
pub(super) struct Own;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    schema: String,
    product: String,
    device: String,
    #[serde(default)]
    name: String,
    conditions: Vec<Part>,
    #[serde(default)]
    except: Vec<Part>,
    ends: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    on: String,
    values: Vec<String>,
}

impl Dialect for Own {
    fn is_written_in(&self, text: &str) -> bool {
        text.trim_start().starts_with(['{', '[']) && text.contains(FAMILY)
    }

    fn read(&self, _file: &FileName, text: &str, _clock: &Clock) -> Candidate {
        let mut candidate = Candidate::default();
        let mut lines = Lines { text, counted: 0, line: 1 };
        for (at, entry) in entries(text) {
            let line = lines.of(at);
            let is_too_much = candidate.unread.len() == UNREAD_MAX;
            let entry = if is_too_much {
                Err(fault("fewer entries that cannot be read", "this one and those after it"))
            } else {
                entry
            };
            let unread = |fault: Fault| Unread {
                said: first_chars(text.get(at..).unwrap_or_default(), UNREAD_CHARS),
                line,
                expected: fault.expected,
                found: fault.found,
            };
            match entry.and_then(|entry| step(entry, line)) {
                Ok(step) => candidate.steps.push(step),
                Err(fault) => candidate.unread.push(unread(fault)),
            }
            if is_too_much {
                break;
            }
        }
        candidate
    }
}

struct Fault {
    expected: String,
    found: String,
}

fn fault(expected: impl Into<String>, found: &str) -> Fault {
    Fault { expected: expected.into(), found: first_chars(found, 120) }
}

fn first_chars(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// Counts lines as it goes through a text.
struct Lines<'t> {
    text: &'t str,
    counted: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> u64 {
        let part = self.text.as_bytes().get(self.counted..at).unwrap_or_default();
        self.line += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted = self.counted.max(at);
        self.line
    }
}

/// The objects of a text, each with where it begins; what is torn is the last.
fn entries(text: &str) -> Vec<(usize, Result<&str, Fault>)> {
    let mut found = Vec::new();
    let mut at = text.len() - text.trim_start().len();
    let is_list = text.get(at..).is_some_and(|rest| rest.starts_with('['));
    at += usize::from(is_list);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let skipped = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' && is_list && !found.is_empty());
        at += rest.len() - skipped.len();
        if skipped.is_empty() && !is_list {
            return found;
        }
        if let (Some(after), true) = (skipped.strip_prefix(']'), is_list) {
            if !after.trim().is_empty() {
                found.push((at + 1, Err(fault("the end of the text after the list", after.trim()))));
            }
            return found;
        }
        let mut stream = serde_json::Deserializer::from_str(skipped).into_iter::<IgnoredAny>();
        match stream.next() {
            Some(Ok(_)) => {
                let end = at + stream.byte_offset();
                found.push((at, Ok(text.get(at..end).unwrap_or_default())));
                at = end;
            }
            other => {
                let why =
                    other.and_then(Result::err).map_or_else(|| "the end of the text".to_owned(), |e| e.to_string());
                found.push((at, Err(fault("a JSON object, and `]` at the end of a list", &why))));
                return found;
            }
        }
    }
}

fn step(entry: &str, line: u64) -> Result<Step, Fault> {
    let form: Form = match serde_json::from_str(entry) {
        Ok(form) => form,
        Err(error) => return Err(fault(format!("an object of {EXCEPTION_SCHEMA}"), &error.to_string())),
    };
    if form.schema != EXCEPTION_SCHEMA {
        return Err(fault(EXCEPTION_SCHEMA, &form.schema));
    }
    let Some(product) = PRODUCTS.iter().find(|product| id(product) == form.product) else {
        let known: Vec<String> = PRODUCTS.iter().map(id).collect();
        return Err(fault(format!("a product: {}", known.join(", ")), &form.product));
    };
    if Device::of_id(&form.device).is_none() {
        let known: Vec<&str> = Device::ALL.iter().map(|device| device.id()).collect();
        return Err(fault(format!("a device: {}", known.join(", ")), &form.device));
    }
    Ok(Step {
        said: first_chars(entry, SAID_CHARS),
        line,
        product: product.clone(),
        operation: EXCEPTION.to_owned(),
        kind: ChangeKind::Created,
        about: About::Setting(Box::new(setting(form)?)),
        replaces: Vec::new(),
    })
}

fn id(product: &Product) -> String {
    System::of(product.clone()).id()
}

fn setting(form: Form) -> Result<Setting, Fault> {
    let conditions = form.conditions.into_iter().map(condition).collect::<Result<_, _>>()?;
    let exceptions = form.except.into_iter().map(condition).collect::<Result<_, _>>()?;
    let expires = form.ends.as_deref().map(ends).transpose()?;
    let property = |name: &str, value: String| Property { name: name.to_owned(), values: vec![value] };
    let reason = form.reason.filter(|reason| !reason.trim().is_empty()).map(|reason| property("reason", reason));
    let properties = std::iter::once(property("device", form.device)).chain(reason).collect();
    let exception = bare(SettingClass::Other(EXCEPTION.to_owned()), form.name);
    Ok(Setting { effect: evidence::Effect::Acts, conditions, exceptions, expires, properties, ..exception })
}

fn condition(part: Part) -> Result<Condition, Fault> {
    let known = WORDS.iter().find(|(word, _)| *word == part.on).map(|(_, on)| on.clone());
    let is_header = || part.on.strip_prefix(HEADER).is_some_and(|name| !name.trim().is_empty());
    let Some(on) = known.or_else(|| is_header().then_some(ConditionOn::Other)) else {
        let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        return Err(fault(format!("what a condition looks at: {}, {HEADER}NAME", words.join(", ")), &part.on));
    };
    if part.values.is_empty() || part.values.iter().any(|value| value.trim().is_empty()) {
        return Err(fault(
            format!("values of the condition on {}, none of them empty", part.on),
            "an empty one, or none",
        ));
    }
    Ok(Condition { on, name: part.on, values: part.values })
}

/// A day or an instant, in ISO 8601.
fn ends(said: &str) -> Result<When, Fault> {
    let is_iso = said.len() >= 10 && said.bytes().take(4).all(|byte| byte.is_ascii_digit());
    let when = is_iso.then(|| instant(said, DayOrder::MonthFirst, Zoneless::Utc)).flatten();
    when.ok_or_else(|| fault("when it ends, as 2026-09-20 or 2026-09-20T18:00:00Z", said))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Candidate {
        let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
        let input = crate::Input { name: FileName::from("exception.json".to_owned()), bytes: text.as_bytes() };
        super::super::read(&input, &clock)
    }

    fn form() -> Value {
        json!({
            "schema": EXCEPTION_SCHEMA,
            "product": "exchange-online",
            "device": "rule",
            "name": "T-1",
            "conditions": [
                {"on": "header_from", "values": ["ann@vendor.example"]},
                {"on": "header:List-Id", "values": ["news.vendor.example"]},
            ],
            "except": [{"on": "subject", "values": ["invoice"]}],
            "ends": "2026-09-20",
            "reason": "bulk",
        })
    }

    #[test]
    fn ok_read() {
        let candidate = read(&format!("[\n{},\n{}]\n", form(), form()));
        assert_eq!(candidate.unread, []);
        let [first, second] = candidate.steps.as_slice() else { panic!("{candidate:?}") };
        assert_eq!((first.line, second.line, first.operation.as_str()), (2, 3, EXCEPTION));
        let About::Setting(setting) = &first.about else { panic!("{first:?}") };
        assert_eq!(setting.class, SettingClass::Other(EXCEPTION.to_owned()));
        assert_eq!((setting.name.as_str(), setting.conditions.len(), setting.exceptions.len()), ("T-1", 2, 1));
        assert_eq!(setting.conditions[0].on, ConditionOn::Sender);
        assert_eq!(setting.conditions[1].name, "header:List-Id");
        assert_eq!(setting.expires.as_ref().map(|when| when.at.to_string()).as_deref(), Some("2026-09-20T00:00:00Z"));
        let properties: Vec<&str> = setting.properties.iter().map(|property| property.name.as_str()).collect();
        assert_eq!(properties, ["device", "reason"]);
    }

    #[test]
    fn err_read() {
        for (name, key, value, found) in [
            ("other version", "schema", json!("throughline.exception.v9"), "throughline.exception.v9"),
            ("unknown product", "product", json!("sendmail"), "sendmail"),
            ("unknown device", "device", json!("allow"), "allow"),
            ("unknown key", "enabled", json!(true), "unknown field `enabled`"),
            ("unknown word", "conditions", json!([{"on": "from", "values": ["a@vendor.example"]}]), "from"),
            ("header without name", "conditions", json!([{"on": "header:", "values": ["a"]}]), "header:"),
            ("no value", "conditions", json!([{"on": "sender", "values": []}]), "an empty one"),
            ("empty value", "except", json!([{"on": "sender", "values": [" "]}]), "an empty one"),
            ("a number", "conditions", json!([{"on": "sender", "values": [1]}]), "invalid type"),
            ("a word for a day", "ends", json!("tomorrow"), "tomorrow"),
            ("day first", "ends", json!("20.09.2026"), "20.09.2026"),
        ] {
            let mut form = form();
            form[key] = value;
            let candidate = read(&form.to_string());
            assert!(candidate.steps.is_empty(), "{name}");
            let [unread] = candidate.unread.as_slice() else { panic!("{name}: {candidate:?}") };
            assert!(unread.found.contains(found), "{name}: {}", unread.found);
        }
    }

    #[test]
    fn err_torn() {
        let whole = form().to_string();
        for (name, text, steps, unread) in [
            ("a key twice", whole.replacen("{\"", "{\"name\":\"x\",\"", 1), 0, 1),
            ("cut", whole[..whole.len() - 3].to_owned(), 0, 1),
            ("list without end", format!("[{whole}"), 1, 1),
            ("one of two cut", format!("[{whole},{}", &whole[..whole.len() / 2]), 1, 1),
            ("one of two wrong", format!("[{},{whole}]", whole.replace("rule", "ruler")), 1, 1),
            ("text after the list", format!("[{whole}] New-TransportRule x"), 1, 1),
            ("text after the object", format!("{whole} New-TransportRule x"), 1, 1),
            ("two objects", format!("{whole}\n{whole}"), 2, 0),
            ("other things in the list", format!("[{whole}, 1, \"x\"]"), 1, 2),
        ] {
            let candidate = read(&text);
            assert_eq!((candidate.steps.len(), candidate.unread.len()), (steps, unread), "{name}: {candidate:?}");
        }
    }
}
