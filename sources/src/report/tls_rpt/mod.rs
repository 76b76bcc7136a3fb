//! TLS reports (RFC 8460): how many sessions of a sender to our servers used TLS as our policy asks, and why not.

use evidence::{
    CopyKey, Effect, Fact, Observation, Problem, Product, Property, Reading, Setting, SettingClass, SourceId, System,
    Total, Unit, When,
};
use serde_json::{Map, Value};

use super::packed::{self, Places};
use crate::records::{Grammar, Sieve, Splitter};
use crate::table::setting::bare;
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, Wanted, ZoneRule};

/// TLS reports.
pub(crate) struct TlsReport;

impl Source for TlsReport {
    fn id(&self) -> SourceId {
        "report/tls-rpt"
    }

    fn title(&self) -> &'static str {
        "TLS report (SMTP TLS reporting)"
    }

    fn unit(&self) -> Unit {
        Unit::Total
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: None,
            clicks: Some(
                "save the report mail (.eml) or its attachment from the mailbox that the record _smtp._tls names (rua)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "single messages: a report counts the sessions of a day; a session may carry no message or several",
            "senders that send no such report, and mail that was never tried because of an earlier failure",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_report(head.text.trim_start()) || packed::holds(head.bytes, is_report) {
            return Recognition::Certain;
        }
        Recognition::No
    }
}

impl Reader for TlsReport {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let Some(content) = packed::open(input.bytes, is_report) else {
            return Err(ReadError::Broken {
                file: input.name.to_string(),
                place: "the report".to_owned(),
                expected: "a TLS report as JSON, in gzip, or as a part of a mail".to_owned(),
                found: "none".to_owned(),
                hint: "save the report mail itself, or its attachment".to_owned(),
            });
        };
        let text = content.text();
        let heads = heads(text.as_str());
        let inner = Input { name: input.name.clone(), bytes: text.as_str().as_bytes() };
        let quiet = Query { progress: &crate::NoProgress, ..*query };
        let mut splitter = Splitter::new(&inner, Grammar::Json { wrappers: &["policies"] })?;
        let records = splitter.split(&Sieve::All, &quiet)?;
        let mut places: Places<'_> = content.places(&input.name, input.bytes);
        let mut reading = Reading { rows: records.rows, ..Reading::default() };
        let mut about = heads.iter().flat_map(|head| std::iter::repeat_n(head, head.policies));
        let none = Frame::default();
        for (number, record) in (1..).zip(&records.records) {
            let start = usize::try_from(record.bytes.start).unwrap_or(0);
            let cite = places.cite(&text, start..start + record.text.len(), number);
            let head = about.next().or(heads.last()).unwrap_or(&none);
            match serde_json::from_str::<Value>(&record.text) {
                Ok(Value::Object(policy)) if policy.contains_key("summary") || policy.contains_key("policy") => {
                    head.from.iter().chain(&head.to).for_each(|when| reading.covers(when.at));
                    let facts = facts(&policy, head, query);
                    if facts.is_empty() {
                        reading.pass_over("not about one message", 1, Some(cite));
                        continue;
                    }
                    reading.observed += 1;
                    for fact in facts {
                        let speaker = System::of(Product::Other(head.reporter.clone()));
                        let when = matches!(fact, Fact::Setting(_)).then(|| head.to.clone()).flatten();
                        let about = CopyKey::default();
                        reading.observations.push(Observation {
                            cite: cite.clone(),
                            when,
                            speaker,
                            about: about.into(),
                            fact,
                        });
                    }
                }
                Ok(Value::Object(_)) => reading.pass_over("report without a policy", 1, Some(cite)),
                other => reading.problems.push(Problem {
                    cite,
                    expected: "a policy with its summary (RFC 8460, 4.4)".to_owned(),
                    found: match other {
                        Err(error) => crate::text::json_fault(&error),
                        Ok(value) => crate::text::first_words(&value.to_string()),
                    },
                }),
            }
        }
        reading.coverage.limits.extend(content.loss.clone());
        if content.in_mail {
            reading.rows += 1;
            reading.pass_over("the mail around the report", 1, None);
        }
        query.progress.advance(input.bytes.len() as u64);
        Ok(reading)
    }
}

/// Whether a text is such a report, judged by its front.
fn is_report(front: &str) -> bool {
    let has = |name: &str| front.contains(&format!("\"{name}\""));
    front.starts_with('{') && has("policies") && has("date-range") && (has("policy-type") || has("summary"))
}

/// What holds for all policies of a report.
struct Frame {
    reporter: String,
    from: Option<When>,
    to: Option<When>,
    policies: usize,
}

impl Default for Frame {
    fn default() -> Frame {
        Frame { reporter: "unnamed reporter".to_owned(), from: None, to: None, policies: 0 }
    }
}

/// The heads of the reports in a text, one after the other.
fn heads(text: &str) -> Vec<Frame> {
    let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    documents.map_while(Result::ok).map(|document| head_of(&document)).collect()
}

fn head_of(document: &Value) -> Frame {
    let range = document.get("date-range");
    let instant_of = |name: &str| {
        let said = range?.get(name)?.as_str()?;
        instant(said, DayOrder::MonthFirst, Zoneless::Utc)
    };
    let text = |name: &str| document.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    Frame {
        reporter: text("organization-name").or(text("contact-info")).unwrap_or("unnamed reporter").to_owned(),
        from: instant_of("start-datetime"),
        to: instant_of("end-datetime"),
        policies: document.get("policies").and_then(Value::as_array).map_or(0, Vec::len),
    }
}

/// What one policy and its counts state; counts are about no message.
fn facts(entry: &Map<String, Value>, head: &Frame, query: &Query<'_>) -> Vec<Fact> {
    let empty = Map::new();
    let policy = entry.get("policy").and_then(Value::as_object).unwrap_or(&empty);
    let mut facts: Vec<Fact> = setting(policy).into_iter().map(|setting| Fact::Setting(Box::new(setting))).collect();
    if matches!(query.wanted, Wanted::Message(_)) {
        return facts;
    }
    let common = properties(policy, &["policy-string"]);
    let total = |measure: &str, count: u64, by: Vec<Property>| {
        let (from, to) = (head.from.clone(), head.to.clone());
        Fact::Total(Total { measure: measure.to_owned(), count, unit: None, from, to, by })
    };
    let summary = entry.get("summary").and_then(Value::as_object).unwrap_or(&empty);
    for (name, value) in summary {
        if let Some(count) = number(value) {
            facts.push(total(name, count, common.clone()));
        }
    }
    for detail in entry.get("failure-details").and_then(Value::as_array).into_iter().flatten() {
        let Some(detail) = detail.as_object() else { continue };
        let count = detail.get("failed-session-count").and_then(number).unwrap_or(0);
        let mut by = common.clone();
        by.extend(properties(detail, &["failed-session-count"]));
        facts.push(total("failed-session-count", count, by));
    }
    facts
}

/// A count as a number, or as text as some reporters write it.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The policy that the reporter found, where it repeats it.
fn setting(policy: &Map<String, Value>) -> Option<Setting> {
    let lines = policy.get("policy-string").map(texts).unwrap_or_default();
    let class = match policy.get("policy-type").and_then(Value::as_str)? {
        "sts" => "MTA-STS policy".to_owned(),
        "tlsa" => "TLSA record".to_owned(),
        _ => return None,
    };
    let mode = lines.iter().find_map(|line| line.trim().strip_prefix("mode:")).map(str::trim);
    let name = policy.get("policy-domain").and_then(Value::as_str).unwrap_or("").to_lowercase();
    Some(Setting {
        effect: match mode {
            Some("enforce") => Effect::Acts,
            Some("testing") => Effect::ReportOnly,
            Some("none") => Effect::Off,
            _ => Effect::NotSaid,
        },
        properties: properties(policy, &["policy-domain"]),
        ..bare(SettingClass::Other(class), name)
    })
}

/// The members of an object but these, as written.
fn properties(object: &Map<String, Value>, but: &[&str]) -> Vec<Property> {
    let kept = object.iter().filter(|(name, _)| !but.contains(&name.as_str()));
    let kept = kept.map(|(name, value)| Property { name: name.clone(), values: texts(value) });
    kept.filter(|property| !property.values.is_empty()).collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts_of_one).collect(),
        other => vec![other.to_string()],
    }
}

fn texts_of_one(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
