//! DNS answers: saved output of dig, nslookup or host, zone files, and JSON of several tools.

mod json;
mod lines;
mod record;

use evidence::{Cite, CopyKey, DnsAnswer, Fact, Observation, Problem, Product, Reading, SourceId, System, Unit, When};
use serde_json::Value;

use crate::message::dates;
use crate::page::Page;
use crate::records::{Grammar, Sieve, Splitter};
use crate::snapshot::instant_in_name;
use crate::time::{DayOrder, Zoneless, instant};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Answers of the DNS.
pub(crate) struct Answers;

/// How many objects at the front of a file are looked at.
const GLANCE_OBJECTS: usize = 4;

impl Source for Answers {
    fn id(&self) -> SourceId {
        "dns/answers"
    }

    fn title(&self) -> &'static str {
        "DNS answers (dig, nslookup, JSON, zone text)"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Unstated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "for q in \"TXT example.com\" \"TXT _dmarc.example.com\" \"TXT s1._domainkey.example.com\" \"MX example.com\"; do dig $q; done > dns.txt",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what the DNS said when the message arrived: an answer is of the moment at which it was asked",
            "what another resolver saw: caches and split views differ",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let front = head.text.trim_start();
        let is_json = front.starts_with(['{', '[']);
        let known = if is_json { is_json_answers(front) } else { lines::spelling(head.text).is_some() };
        if known { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Answers {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let mut page = Page::of(input)?;
        let text = page.text();
        let asked_at = instant_in_name(&input.name, query.clock);
        let mut told = Told { reading: Reading::default(), asked_at, query };
        match lines::spelling(&text).filter(|_| !text.trim_start().starts_with(['{', '['])) {
            Some(spelling) => {
                for block in lines::blocks(&text, spelling) {
                    let cite = page.cite(block.span);
                    let when = block.when.as_deref().and_then(|said| dates::instant(said, query.clock));
                    told.row(cite, block.answers, when, block.torn);
                }
                query.progress.advance(input.bytes.len() as u64);
            }
            None => {
                let mut splitter = Splitter::new(input, Grammar::Json { wrappers: WRAPPERS })?;
                for record in splitter.split(&Sieve::All, query)?.records {
                    told.record(record.cite(&input.name), &record.text);
                }
            }
        }
        Ok(told.reading)
    }
}

const WRAPPERS: &[&str] = &["answers_of", "records", "value"];

/// Whether the first objects of a JSON text are answers; what is torn says nothing.
fn is_json_answers(front: &str) -> bool {
    let values = |text: &str| -> Vec<Value> {
        let found = serde_json::Deserializer::from_str(text).into_iter::<Value>().map_while(Result::ok);
        found.take(GLANCE_OBJECTS).collect()
    };
    let mut objects = values(front);
    if let [Value::Array(list)] = objects.as_slice() {
        objects = list.iter().take(GLANCE_OBJECTS).cloned().collect();
    }
    if objects.is_empty() {
        // A list that is longer than the head, or lines of which the first is torn.
        objects = values(front.trim_start_matches(['[', ' ', '\n', '\r', '\t']));
    }
    if objects.is_empty() {
        objects = front.lines().skip(1).take(GLANCE_OBJECTS).flat_map(values).collect();
    }
    let mut objects = objects.iter().peekable();
    let is_answer = |value: &Value| value.as_object().is_some_and(json::is_answer);
    objects.peek().is_some() && objects.any(is_answer)
}

/// What was read so far.
struct Told<'a> {
    reading: Reading,
    asked_at: Option<When>,
    query: &'a Query<'a>,
}

impl Told<'_> {
    /// One JSON record.
    fn record(&mut self, cite: Cite, text: &str) {
        let value = serde_json::from_str::<Value>(text);
        let found = match &value {
            Ok(Value::Object(object)) => {
                let said = json::when(object);
                let zoneless = Zoneless::AsAsked(self.query.clock);
                let when = said.and_then(|said| instant(&said, DayOrder::MonthFirst, zoneless));
                return self.row(cite, json::answers(object), when, Some("an object of another kind"));
            }
            Ok(value) => crate::text::first_words(&value.to_string()),
            Err(error) => crate::text::json_fault(error),
        };
        self.reading.rows += 1;
        self.reading.problems.push(Problem { cite, expected: EXPECTED.to_owned(), found });
    }

    /// One row: its answers, or why it has none.
    fn row(&mut self, cite: Cite, answers: Vec<DnsAnswer>, when: Option<When>, torn: Option<&str>) {
        self.reading.rows += 1;
        if answers.is_empty() {
            let found = torn.unwrap_or("none").to_owned();
            if found == "a signature" {
                return self.reading.pass_over("signature", 1, Some(cite));
            }
            self.reading.problems.push(Problem { cite, expected: EXPECTED.to_owned(), found });
            return;
        }
        self.reading.observed += 1;
        let when = when.or_else(|| self.asked_at.clone());
        when.iter().for_each(|when| self.reading.covers(when.at));
        for answer in answers {
            self.reading.observations.push(Observation {
                cite: cite.clone(),
                when: when.clone(),
                speaker: System::of(Product::Other("DNS".to_owned())),
                about: CopyKey::default().into(),
                fact: Fact::Dns(answer),
            });
        }
    }
}

/// What a row has to be.
const EXPECTED: &str = "an answer of the DNS: a name, a type, and data or a status";
