//! Results of repeatable tests, in our own JSON: which steps were tried against whom, and how each ended.

use std::sync::LazyLock;

use evidence::{Fact, Outcome, Peer, ProbeStep, Product, Property, SourceId, System, Unit};
use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NEEDS: &[Need] = &[("probe", &["probe"]), ("started_at", &["startedat"]), ("steps", &["steps"])];

/// Results of tests.
pub(crate) struct ProbeResult;

impl Source for ProbeResult {
    fn id(&self) -> SourceId {
        "probe/result"
    }

    fn title(&self) -> &'static str {
        "result of a repeatable test"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export { command: Some("throughline probe ... >> probes.jsonl"), clicks: None }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what happened to real mail: a test takes its own way, at its own time, from its own address",
            "anything about the time before or after the test",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &[], None)
    }
}

impl Table for ProbeResult {
    const WRAPPERS: &'static [&'static str] = &["probes"];
    const DATE_NAMES: &'static [&'static str] = &["startedat"];
    const STAYING: Staying = Staying::All;
    const OTHERS: &'static str = "not about one message";

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(&["probe"]).is_none() {
            return Err(missing("probe", "the row has other keys"));
        }
        match row.objects(&["steps"]).is_empty() {
            true => Err(missing("steps", "the test has no steps")),
            false => Ok(()),
        }
    }

    fn zoneless<'c>(&self, _row: &Row, _clock: &'c Clock) -> Zoneless<'c> {
        Zoneless::Utc
    }

    fn speaker(&self, row: &Row) -> System {
        let product = Product::Other("throughline probe".to_owned());
        match row.text(&["host"]) {
            Some(host) => System::at(product, host.to_lowercase()),
            None => System::of(product),
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let probe = row.text(&["probe"]).unwrap_or_default().to_owned();
        let started = facts.when.clone();
        for step in row.objects(&["steps"]) {
            let at = text(&step, "at").and_then(|at| facts.instant(&at));
            facts.when = at.or_else(|| started.clone());
            facts.say(Fact::Probe(probe_step(&probe, &step)));
        }
    }
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// Keys of a step that have a place of their own.
const KNOWN: &[&str] = &["step", "target", "outcome", "took_ms", "said", "at", "details"];

fn probe_step(probe: &str, step: &Map<String, Value>) -> ProbeStep {
    let word = text(step, "outcome").unwrap_or_default();
    let outcome = match CODES.means("outcome", &word) {
        Some("accepted") => Outcome::Accepted,
        Some("deferred") => Outcome::Deferred,
        Some("refused") => Outcome::Refused,
        _ => Outcome::NotSaid,
    };
    let target = step.get("target").and_then(Value::as_object).map(|target| Peer {
        name: text(target, "name").map(|name| name.to_lowercase()),
        ip: text(target, "ip"),
        port: text(target, "port").and_then(|port| port.parse().ok()),
    });
    let mut details = step.get("details").and_then(Value::as_object).map(properties).unwrap_or_default();
    let others = step.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
    details.extend(properties(&others.map(|(name, value)| (name.clone(), value.clone())).collect()));
    if outcome == Outcome::NotSaid && !word.is_empty() && CODES.means("outcome", &word).is_none() {
        details.push(Property { name: "outcome".to_owned(), values: vec![word] });
    }
    let took = step.get("took_ms").and_then(Value::as_f64).filter(|ms| (0.0..1e12).contains(ms));
    ProbeStep {
        probe: probe.to_owned(),
        step: text(step, "step").unwrap_or_default(),
        target,
        outcome,
        took: took.map(|ms| SignedDuration::from_micros((ms * 1000.0) as i64)),
        said: text(step, "said").unwrap_or_default(),
        details,
    }
}

fn properties(object: &Map<String, Value>) -> Vec<Property> {
    let of = |(name, value): (&String, &Value)| Property {
        name: name.clone(),
        values: match value {
            Value::Null => Vec::new(),
            Value::String(text) => vec![text.clone()],
            Value::Array(values) => {
                values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect()
            }
            other => vec![other.to_string()],
        },
    };
    object.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| {
            ["accepted", "deferred", "refused", "not_said"].contains(&code.means.as_str())
        });
    }
}
