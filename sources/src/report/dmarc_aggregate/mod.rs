//! DMARC aggregate reports: what receivers saw of a domain's mail, by source, with what DMARC made of it.

mod xml;

use std::ops::ControlFlow;

use evidence::{
    CopyKey, Effect, Fact, Observation, Problem, Product, Property, Reading, Setting, SettingClass, SourceId, System,
    Total, Unit, When, Zone,
};
use jiff::Timestamp;

use super::packed::{self, Places};
use crate::table::setting::bare;
use crate::text::Text;
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, Wanted, ZoneRule};
use xml::{Element, Piece};

/// DMARC aggregate reports (RFC 7489, appendix C; RFC 9990).
pub(crate) struct DmarcAggregate;

/// Under which name its counts stand.
const MEASURE: &str = "dmarc";

impl Source for DmarcAggregate {
    fn id(&self) -> SourceId {
        "report/dmarc-aggregate"
    }

    fn title(&self) -> &'static str {
        "DMARC aggregate report"
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
                "save the report mail (.eml) or its attachment from the mailbox that the rua tag of the DMARC record names",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "single messages: a report counts a day's mail of one source, it names no recipient and no Message-ID",
            "what a receiver did that sends no report, and what our own gateway made of the message",
            "that mail was delivered: a disposition `none` means only that DMARC asked for nothing",
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

impl Reader for DmarcAggregate {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let Some(content) = packed::open(input.bytes, is_report) else {
            return Err(ReadError::Broken {
                file: input.name.to_string(),
                place: "the report".to_owned(),
                expected: "a DMARC report as XML, in gzip, in a zip archive, or as a part of a mail".to_owned(),
                found: "none".to_owned(),
                hint: "save the report mail itself, or its attachment".to_owned(),
            });
        };
        let text = content.text();
        let mut report = Report {
            places: content.places(&input.name, input.bytes),
            text: &text,
            query,
            about: About::default(),
            reading: Reading::default(),
        };
        // The head holds for all records and may stand below them; records are handed on one by one, lest a large report
        // takes as much memory again.
        xml::pieces(text.as_str(), &mut |piece| report.learn(&piece));
        report.say_what_is_missing();
        xml::pieces(text.as_str(), &mut |piece| {
            report.take(piece);
            ControlFlow::Continue(())
        });
        let mut reading = report.reading;
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
    if !front.starts_with('<') {
        return false;
    }
    let front = front.to_ascii_lowercase();
    let has = |name: &str| front.contains(&format!("<{name}")) || front.contains(&format!(":{name}"));
    has("feedback") && (has("report_metadata") || has("policy_published"))
}

/// What stands at the head of a report and holds for all its records.
#[derive(Default)]
struct About {
    reporter: Option<String>,
    from: Option<When>,
    to: Option<When>,
}

/// A report that is being read.
struct Report<'a> {
    places: Places<'a>,
    text: &'a Text<'a>,
    query: &'a Query<'a>,
    about: About,
    reading: Reading,
}

impl Report<'_> {
    /// Takes what the metadata say, wherever they stand.
    fn learn(&mut self, piece: &Piece) -> ControlFlow<()> {
        match piece {
            Piece::Unit(unit) if unit.name == "report_metadata" => {
                self.metadata(unit);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn say_what_is_missing(&mut self) {
        if self.about.reporter.is_none() {
            self.limit("the report does not name who made it".to_owned());
        }
        if self.about.from.is_none() || self.about.to.is_none() {
            self.limit("the report does not say for which time it counts, or in a way that cannot be read".to_owned());
        }
    }

    fn metadata(&mut self, unit: &Element) {
        let mail_domain = unit.text(&["email"]).and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
        self.about.reporter = unit.text(&["org_name"]).or(mail_domain).map(str::to_owned);
        let of = |path: &[&str]| unit.text(path).and_then(epoch);
        self.about.from = of(&["date_range", "begin"]);
        self.about.to = of(&["date_range", "end"]);
        let (from, to) = (self.about.from.clone(), self.about.to.clone());
        [&from, &to].into_iter().flatten().for_each(|when| self.reading.covers(when.at));
        if let (Some(from), Some(to)) = (from, to)
            && to.at < from.at
        {
            self.limit(format!("the report's time ends ({}) before it begins ({})", to.at, from.at));
        }
        for error in unit.all("error").filter(|error| !error.text.is_empty()) {
            self.limit(format!("the reporter says: {}", error.text));
        }
    }

    fn limit(&mut self, sentence: String) {
        let limits = &mut self.reading.coverage.limits;
        if !limits.contains(&sentence) {
            limits.push(sentence);
        }
    }

    /// One row: a record, the policy, the metadata, or a stretch that cannot be read.
    fn take(&mut self, piece: Piece) {
        self.reading.rows += 1;
        let number = self.reading.rows;
        match piece {
            Piece::Torn(span, found) => {
                let cite = self.places.cite(self.text, span, number);
                let expected = "a whole <record> of a DMARC report (RFC 9990)".to_owned();
                self.reading.problems.push(Problem { cite, expected, found });
            }
            Piece::Unit(unit) => match unit.name.as_str() {
                "record" if matches!(self.query.wanted, Wanted::Message(_)) => {
                    let cite = self.places.cite(self.text, unit.span.clone(), number);
                    self.reading.pass_over("not about one message", 1, Some(cite));
                }
                "record" => self.record(&unit, number),
                "policy_published" => {
                    let setting = Fact::Setting(Box::new(policy(&unit)));
                    let when = self.about.to.clone();
                    self.say(&unit, number, when, setting);
                }
                _ => {
                    let cite = self.places.cite(self.text, unit.span.clone(), number);
                    self.reading.pass_over("head of the report", 1, Some(cite));
                }
            },
        }
    }

    fn record(&mut self, record: &Element, number: u64) {
        let said = record.text(&["row", "count"]);
        let Some(count) = said.and_then(|said| said.parse::<u64>().ok()) else {
            let cite = self.places.cite(self.text, record.span.clone(), number);
            let expected = "a number in <row><count>".to_owned();
            let found = said.map_or("none".to_owned(), |said| format!("`{said}`"));
            self.reading.problems.push(Problem { cite, expected, found });
            return;
        };
        let total = Total {
            measure: MEASURE.to_owned(),
            count,
            unit: Some(Unit::Message),
            from: self.about.from.clone(),
            to: self.about.to.clone(),
            by: broken_down(record),
        };
        self.say(record, number, None, Fact::Total(total));
    }

    fn say(&mut self, unit: &Element, number: u64, when: Option<When>, fact: Fact) {
        self.reading.observed += 1;
        let cite = self.places.cite(self.text, unit.span.clone(), number);
        let name = self.about.reporter.clone().unwrap_or_else(|| "unnamed reporter".to_owned());
        let speaker = System::of(Product::Other(name));
        self.reading.observations.push(Observation { cite, when, speaker, about: CopyKey::default().into(), fact });
    }
}

/// Seconds since 1970 (RFC 9990), also milliseconds or ISO 8601 as some reporters write.
fn epoch(said: &str) -> Option<When> {
    let at = match said.parse::<i64>() {
        Ok(0) => return None,
        Ok(milliseconds) if milliseconds > 100_000_000_000 => Timestamp::from_millisecond(milliseconds).ok()?,
        Ok(seconds) => Timestamp::from_second(seconds).ok()?,
        Err(_) => return instant(said, DayOrder::MonthFirst, Zoneless::Utc),
    };
    Some(When { at, zone: Zone::Stated, said: said.to_owned() })
}

/// Parts of a record with a name of their own.
const PARTS: &[(&str, &[&str])] = &[
    ("source_ip", &["row", "source_ip"]),
    ("disposition", &["row", "policy_evaluated", "disposition"]),
    ("dkim", &["row", "policy_evaluated", "dkim"]),
    ("spf", &["row", "policy_evaluated", "spf"]),
    ("header_from", &["identifiers", "header_from"]),
    ("envelope_from", &["identifiers", "envelope_from"]),
    ("envelope_to", &["identifiers", "envelope_to"]),
];

/// By what a record is broken down.
fn broken_down(record: &Element) -> Vec<Property> {
    let one = |(name, path): &(&str, &[&str])| {
        Some(Property { name: (*name).to_owned(), values: vec![record.text(path)?.to_owned()] })
    };
    let mut by: Vec<Property> = PARTS.iter().filter_map(one).collect();
    let evaluated = record.child("row").and_then(|row| row.child("policy_evaluated"));
    let results = record.child("auth_results");
    for (name, within, child) in
        [("reason", evaluated, "reason"), ("auth_results.dkim", results, "dkim"), ("auth_results.spf", results, "spf")]
    {
        let values: Vec<String> = within.iter().flat_map(|within| within.all(child)).map(words).collect();
        let values: Vec<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
        if !values.is_empty() {
            by.push(Property { name: name.to_owned(), values });
        }
    }
    let known = ["row", "identifiers", "auth_results"];
    for further in record.children.iter().filter(|child| !known.contains(&child.name.as_str())) {
        by.push(Property { name: further.name.clone(), values: vec![words(further)] });
    }
    by
}

/// An element in one line: `domain=example.com selector=s1 result=pass`, or its text.
fn words(element: &Element) -> String {
    if element.children.is_empty() {
        return element.text.clone();
    }
    let pairs = element.children.iter().filter(|child| !child.text.is_empty());
    pairs.map(|child| format!("{}={}", child.name, child.text)).collect::<Vec<_>>().join(" ")
}

/// The record that the domain published, as the reporter found it.
fn policy(unit: &Element) -> Setting {
    let said = |name: &str| unit.text(&[name]).unwrap_or("").to_ascii_lowercase();
    let effect = match said("p").as_str() {
        _ if said("testing") == "y" => Effect::ReportOnly,
        "none" => Effect::ReportOnly,
        "quarantine" | "reject" => Effect::Acts,
        _ => Effect::NotSaid,
    };
    let properties = unit.children.iter().filter(|child| child.name != "domain" && !child.text.is_empty());
    Setting {
        effect,
        properties: properties.map(|child| Property { name: child.name.clone(), values: vec![words(child)] }).collect(),
        ..bare(SettingClass::Other("DMARC record".to_owned()), said("domain"))
    }
}
