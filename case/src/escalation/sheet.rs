//! What an escalation shows: the page that is printed, and the pages of the package.

use std::collections::HashMap;

use jiff::Timestamp;
use report::{Block, Cite, Place, Reference, Row, Section, Sheet, Tone};

use super::document::{
    CitedRecords, Escalation, EscalationAnswer, EscalationFact, EscalationReason, FactState, Fetch, Receiver, VendorIds,
};
use super::package::Sample;

/// How a page points at records.
#[derive(Clone, Debug, Default)]
pub struct Pointers(HashMap<(String, [u64; 2]), usize>);

/// How many events a printed page shows; the package has all.
const EVENTS_SHOWN: usize = 40;
/// How many recipients are named.
const RECIPIENTS_SHOWN: usize = 12;

impl Pointers {
    /// By the numbers of the records in a package.
    pub fn numbered(records: &CitedRecords) -> Pointers {
        let key = |record: &super::CitedRecord| (record.cite.file.clone(), record.cite.bytes);
        let number = |record: &super::CitedRecord| usize::try_from(record.number).unwrap_or_default();
        Pointers(records.records.iter().map(|record| (key(record), number(record))).collect())
    }

    fn of(&self, cites: &[Cite]) -> Vec<Reference> {
        let mut all: Vec<Reference> = Vec::new();
        for cite in cites {
            let one = match self.0.get(&(cite.file.clone(), cite.bytes)) {
                Some(number) => Reference::Number(*number),
                None => Reference::Place(Place::of(cite)),
            };
            if !all.iter().any(|known| known.reads_like(&one)) {
                all.push(one);
            }
        }
        all
    }
}

impl Escalation {
    /// The page that is printed: the answer first.
    pub fn sheet(&self) -> Sheet {
        let to = &Pointers::default();
        let mut sections = vec![self.answered()];
        sections.push(self.fact_section(to));
        if self.answer != EscalationAnswer::Refused || !self.reasons.is_empty() {
            sections.push(self.reason_section(to));
        }
        if self.answer == EscalationAnswer::Escalated {
            sections.extend(self.receiver_section(to));
            sections.push(self.id_section(to));
            sections.push(self.impact_section());
            sections.extend(self.tried_section());
            sections.push(self.timeline_section(to, EVENTS_SHOWN));
        }
        sections.extend(self.not_shown_section());
        sections.extend(self.package_section());
        Sheet { title: self.title(), sections }
    }

    /// The first page of the package, in which so much of the samples is attached; `None` if there is no sample.
    pub fn summary(&self, to: &Pointers, sample: Option<Sample>) -> Sheet {
        let mut sections = vec![self.what_section(to)];
        sections.push(self.impact_section());
        sections.push(self.reason_section(to));
        sections.extend(self.receiver_section(to));
        sections.push(self.id_section(to));
        sections.extend(self.tried_section());
        sections.push(self.fact_section(to));
        sections.extend(self.not_shown_section());
        sections.push(self.contents_section(sample));
        Sheet { title: self.title(), sections }
    }

    /// The timeline of the package.
    pub fn timeline_page(&self, to: &Pointers) -> Sheet {
        Sheet {
            title: format!("Timeline of {} (UTC)", self.named()),
            sections: vec![self.timeline_section(to, usize::MAX)],
        }
    }

    /// The questions of the package.
    pub fn questions_page(&self) -> Sheet {
        Sheet {
            title: format!("Questions about {}", self.named()),
            sections: self.question_section().into_iter().collect(),
        }
    }

    fn named(&self) -> String {
        match &self.case.ticket {
            Some(ticket) => format!("{ticket} (case {})", self.case.number),
            None => format!("case {}", self.case.number),
        }
    }

    fn title(&self) -> String {
        match (self.answer, &self.receiver) {
            (EscalationAnswer::Escalated, Some(receiver)) => format!("{} for {}", self.named(), receiver.name),
            _ => format!("Escalation of {}", self.named()),
        }
    }

    fn answered(&self) -> Section {
        let mut blocks = Vec::new();
        match self.answer {
            EscalationAnswer::Refused => {
                let missing: Vec<&str> = self
                    .facts
                    .iter()
                    .filter(|fact| fact.state == FactState::Missing)
                    .map(|fact| fact.fact.word())
                    .collect();
                let text = format!("Refused: {} missing. Nothing was written.", missing.join(", "));
                blocks.push(Block::Text(Tone::Bad, text));
            }
            EscalationAnswer::NoReason => {
                let text = "The four facts are in, and none of the four reasons applies: nothing was written. Give a reason with --reason, or \
                            write the package all the same with --anyway.";
                blocks.push(Block::Text(Tone::Warn, text.to_owned()));
            }
            EscalationAnswer::Escalated => {
                let to = self.receiver.as_ref().map_or("somebody else", |receiver| receiver.name.as_str());
                let text = match &self.package {
                    Some(package) => format!("For {to}: the package is {}.", package.path),
                    None => format!("For {to}."),
                };
                blocks.push(Block::Text(Tone::Good, text));
            }
        }
        blocks.push(Block::Facts(self.about()));
        Section { id: "answer", title: "Answer".to_owned(), blocks }
    }

    fn about(&self) -> Vec<(String, String)> {
        let case = &self.case;
        let pairs = [
            ("Client", Some(case.client.clone()).filter(|client| !client.is_empty())),
            ("Site", case.site.clone()),
            ("User", case.user.clone()),
            ("Device", case.device.clone()),
            ("Reported", case.words.clone()),
            ("Message-ID", self.message.message_id.as_ref().map(|id| format!("<{id}>"))),
            ("Subject", self.message.subject.clone()),
        ];
        pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn what_section(&self, to: &Pointers) -> Section {
        let mut blocks = vec![Block::Facts(self.about())];
        let mut rows: Vec<Row> = Vec::new();
        match &self.cause {
            Some(cause) => rows.push(Row {
                tone: Tone::Bad,
                lead: format!("{} ({})", cause.id, cause.standing.word()),
                text: cause.statement.clone(),
                records: to.of(&cause.cites),
                notes: cause.decided_by.iter().map(|by| format!("decided by: {by}")).collect(),
                ..Row::default()
            }),
            None => rows.push(Row {
                tone: Tone::Odd,
                text: "The records do not show the cause.".to_owned(),
                ..Row::default()
            }),
        }
        for copy in self.copies.iter().filter(|copy| copy.is_concerned).take(RECIPIENTS_SHOWN) {
            let layer = copy.changed_layer.map_or(String::new(), |layer| format!(" at {}", layer.word()));
            rows.push(Row {
                lead: recipient(&copy.envelope_recipient).to_owned(),
                text: format!("{}{layer}", copy.fate.word()),
                notes: copy.because.clone().into_iter().collect(),
                ..Row::default()
            });
        }
        blocks.push(Block::Rows(rows));
        Section { id: "what", title: "What happened".to_owned(), blocks }
    }

    fn fact_section(&self, to: &Pointers) -> Section {
        let rows = self
            .facts
            .iter()
            .flat_map(|fact| std::iter::once(fact_row(fact, to)).chain(fact.fetch.iter().map(fetched)));
        let rows = rows.collect();
        Section { id: "facts", title: "The four facts".to_owned(), blocks: vec![Block::Rows(rows)] }
    }

    fn reason_section(&self, to: &Pointers) -> Section {
        let mut rows: Vec<Row> = self.reasons.iter().map(|reason| reason_row(reason, Tone::Good, to)).collect();
        if self.answer != EscalationAnswer::Escalated {
            rows.extend(self.not_reasons.iter().map(|reason| reason_row(reason, Tone::Soft, to)));
        }
        if rows.is_empty() {
            rows.push(Row {
                tone: Tone::Warn,
                text: format!("None of the four reasons applies; {} wants it all the same.", self.prepared_by),
                ..Row::default()
            });
        }
        Section { id: "reasons", title: "Why it is given away".to_owned(), blocks: vec![Block::Rows(rows)] }
    }

    fn receiver_section(&self, to: &Pointers) -> Option<Section> {
        let receiver = self.receiver.as_ref()?;
        let mut blocks = vec![Block::Rows(vec![receiver_row(receiver, to)])];
        if !receiver.attach.is_empty() {
            blocks.push(Block::Heading("They need".to_owned()));
            blocks.push(Block::Rows(plain(&receiver.attach)));
        }
        if let Some(questions) = self.question_section() {
            blocks.push(Block::Heading("Questions".to_owned()));
            blocks.extend(questions.blocks);
        }
        Some(Section { id: "receiver", title: "To whom, and what is asked".to_owned(), blocks })
    }

    fn question_section(&self) -> Option<Section> {
        let blocks = vec![Block::Rows(plain(&self.questions))];
        (!self.questions.is_empty()).then(|| Section { id: "questions", title: "Questions".to_owned(), blocks })
    }

    fn id_section(&self, to: &Pointers) -> Section {
        let mut blocks = Vec::new();
        for vendor in &self.ids {
            blocks.push(Block::Heading(format!("{}, {}", vendor.vendor, recipient(&vendor.envelope_recipient))));
            blocks.push(Block::Rows(id_rows(vendor, to)));
        }
        if blocks.is_empty() {
            blocks.push(Block::Text(Tone::Odd, "No record names a system whose ids are known here.".to_owned()));
        }
        Section { id: "ids", title: "By what it is found".to_owned(), blocks }
    }

    fn impact_section(&self) -> Section {
        let impact = &self.impact;
        let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let named: Vec<&str> = impact.envelope_recipients.iter().take(RECIPIENTS_SHOWN).map(String::as_str).collect();
        let more = impact.envelope_recipients.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let not_followed = (impact.not_followed > 0)
            .then(|| format!("{} further messages fit and were not followed", impact.not_followed));
        let pairs = [
            ("Messages", Some(impact.messages.to_string())),
            ("Copies", Some(impact.copies.to_string())),
            ("For", Some(format!("{}{more}", named.join(", "))).filter(|_| !named.is_empty())),
            ("Sites", Some(impact.sites.join(", ")).filter(|sites| !sites.is_empty())),
            ("Since", at(impact.first)),
            ("Until", at(impact.last)),
            ("Last delivered before", at(impact.delivered_before)),
            ("Not counted", not_followed),
        ];
        let facts = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        Section { id: "impact", title: "For whom, since when (UTC)".to_owned(), blocks: vec![Block::Facts(facts)] }
    }

    fn tried_section(&self) -> Option<Section> {
        if self.tried.is_empty() {
            let none = Block::Text(Tone::Plain, "The journal names no change and no verification.".to_owned());
            return (self.answer == EscalationAnswer::Escalated).then(|| Section {
                id: "tried",
                title: "What was tried".to_owned(),
                blocks: vec![none],
            });
        }
        let rows = self.tried.iter().map(|tried| Row {
            lead: tried.at.to_string(),
            text: format!("{} ({})", tried.what, tried.who),
            notes: vec![format!(
                "journal entry {} of case {}, {}",
                tried.entry.seq, tried.entry.case, tried.entry.hash
            )],
            raw: tried.change.clone(),
            ..Row::default()
        });
        let blocks = vec![Block::Rows(rows.collect())];
        Some(Section { id: "tried", title: "What was tried".to_owned(), blocks })
    }

    fn timeline_section(&self, to: &Pointers, limit: usize) -> Section {
        let rows = self.timeline.iter().take(limit).map(|event| {
            let whose = if event.envelope_recipient.is_empty() {
                String::new()
            } else {
                format!(" ({})", event.envelope_recipient)
            };
            Row {
                lead: format!("{} {}", event.at, event.system),
                text: format!("{}{whose}", event.summary),
                records: to.of(&event.cites),
                notes: event.assumed.iter().map(|how| format!("read as {how}")).collect(),
                ..Row::default()
            }
        });
        let mut blocks = vec![Block::Rows(rows.collect())];
        let more = self.timeline.len().saturating_sub(limit);
        if more > 0 {
            blocks.push(Block::Text(Tone::Soft, format!("{more} more events are in the package.")));
        }
        Section { id: "timeline", title: "Timeline (UTC)".to_owned(), blocks }
    }

    fn not_shown_section(&self) -> Option<Section> {
        let blocks = vec![Block::Rows(plain(&self.not_shown))];
        (!self.not_shown.is_empty()).then(|| Section {
            id: "not-shown",
            title: "What the evidence does not show".to_owned(),
            blocks,
        })
    }

    fn package_section(&self) -> Option<Section> {
        let package = self.package.as_ref()?;
        let rows = package.files.iter().map(|file| Row {
            lead: file.name.clone(),
            text: format!("{} bytes, SHA-256 {}", file.bytes, file.sha256),
            ..Row::default()
        });
        let facts = vec![("Package".to_owned(), package.path.clone()), ("SHA-256".to_owned(), package.sha256.clone())];
        let blocks = vec![Block::Facts(facts), Block::Rows(rows.collect())];
        Some(Section { id: "package", title: "The package".to_owned(), blocks })
    }

    fn contents_section(&self, sample: Option<Sample>) -> Section {
        let sample = match sample {
            Some(Sample::Whole) => "The message sample is attached whole, as somebody asked for with --with-sample.",
            Some(Sample::Header) => {
                "Of message samples only the header is attached; the body was left out on purpose and can be asked for."
            }
            None => "No message sample is attached: the ticket has none of this message that could be.",
        };
        let mut rows = plain(&[
            "timeline.md: what happened, each event with its record".to_owned(),
            "records.md, records.json: every cited record in its own words, with file, line and SHA-256".to_owned(),
            "evidence/: the files that are cited, whole if small, else the cited records, and samples of the message"
                .to_owned(),
            "questions.md: what is asked; escalation.json: all of this as data".to_owned(),
            sample.to_owned(),
        ]);
        rows.extend(self.left_out.iter().map(|what| Row { text: format!("Left out: {what}"), ..Row::default() }));
        let made = format!(
            "Prepared {} by {}; case {} opened {}.",
            self.prepared_at,
            self.prepared_by,
            self.case.uid,
            self.case.opened_at.map_or(String::new(), |at| at.to_string())
        );
        Section {
            id: "contents",
            title: "In this package".to_owned(),
            blocks: vec![Block::Rows(rows), Block::Text(Tone::Soft, made)],
        }
    }
}

fn recipient(recipient: &str) -> &str {
    if recipient.is_empty() { "a recipient that no record names" } else { recipient }
}

fn plain(texts: &[String]) -> Vec<Row> {
    texts.iter().map(|text| Row { text: text.clone(), ..Row::default() }).collect()
}

fn fact_row(fact: &EscalationFact, to: &Pointers) -> Row {
    let (tone, word) = match fact.state {
        FactState::In => (Tone::Good, "in"),
        FactState::Absent => (Tone::Good, "checked, and absent"),
        FactState::NotReached => (Tone::Good, "not reached"),
        FactState::Missing => (Tone::Bad, "missing"),
    };
    let text = match fact.state {
        FactState::Missing => fact.missing.join("; "),
        _ => fact.statement.clone(),
    };
    Row { tone, lead: format!("{} ({word})", fact.fact.word()), text, records: to.of(&fact.cites), ..Row::default() }
}

/// What to fetch, and how.
fn fetched(fetch: &Fetch) -> Row {
    Row {
        tone: Tone::Odd,
        lead: "fetch".to_owned(),
        text: fetch.title.clone(),
        notes: fetch.clicks.clone().into_iter().collect(),
        command: fetch.command.clone(),
        ..Row::default()
    }
}

fn reason_row(reason: &EscalationReason, tone: Tone, to: &Pointers) -> Row {
    let said = reason.said_by.as_ref().map_or(String::new(), |who| format!(" (said by {who}, no record)"));
    let entry = |entry: &super::JournalEntry| {
        format!("journal of case {}, entry {} ({}) of {} by {}", entry.case, entry.seq, entry.deed, entry.at, entry.who)
    };
    Row {
        tone,
        lead: reason.reason.title().to_owned(),
        text: format!("{}{said}", reason.statement),
        records: to.of(&reason.cites),
        notes: reason.entries.iter().map(entry).collect(),
        ..Row::default()
    }
}

fn receiver_row(receiver: &Receiver, to: &Pointers) -> Row {
    let said = receiver.said_by.as_ref().map_or(String::new(), |who| format!(" (said by {who})"));
    Row {
        tone: Tone::Good,
        lead: format!("{} ({})", receiver.name, receiver.to.word()),
        text: format!("{}{said}", receiver.because),
        records: to.of(&receiver.cites),
        notes: receiver.source.iter().map(|source| format!("source: {source}")).collect(),
        ..Row::default()
    }
}

fn id_rows(vendor: &VendorIds, to: &Pointers) -> Vec<Row> {
    let row = |id: &super::VendorId| match id.values.is_empty() {
        false => Some(Row {
            tone: Tone::Good,
            lead: id.label.clone(),
            text: id.values.join(", "),
            records: to.of(&id.cites),
            ..Row::default()
        }),
        true if id.needed => Some(Row {
            tone: Tone::Odd,
            lead: id.label.clone(),
            text: "no record in the evidence states it".to_owned(),
            ..Row::default()
        }),
        true => None,
    };
    vendor.ids.iter().filter_map(row).collect()
}
