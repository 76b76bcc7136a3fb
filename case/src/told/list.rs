//! Many cases: the document of `case list`, and its page.

use report::{Block, Row, Section, Sheet, Tone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deeds;
use crate::case::{Case, Status};
use crate::store::Wanted;

/// The name and version of the form of the list.
pub const CASES_SCHEMA: &str = "throughline.cases.v1";

/// The cases that fit, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseList {
    /// Always `throughline.cases.v1`.
    pub schema: String,
    /// Which were wanted.
    pub wanted: Wanted,
    /// Those that fit.
    pub cases: Vec<Case>,
    /// Whether more fit than are listed.
    pub more: bool,
}

impl CaseList {
    /// The list of the cases that fit; of more than `wanted` asks for, those are left out.
    pub fn of(wanted: Wanted, mut cases: Vec<Case>) -> CaseList {
        let limit = wanted.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let more = cases.len() > limit;
        cases.truncate(limit);
        CaseList { schema: CASES_SCHEMA.to_owned(), wanted, cases, more }
    }

    /// The list as a page: two lines a case.
    pub fn sheet(&self) -> Sheet {
        let title = match (self.cases.len(), self.more) {
            (1, false) => "1 case".to_owned(),
            (count, false) => format!("{count} cases"),
            (count, true) => format!("The newest {count} cases"),
        };
        let mut blocks = Vec::new();
        if self.cases.is_empty() {
            let none = "None fits. Without options, `throughline case list` lists all.";
            blocks.push(Block::Text(Tone::Soft, none.to_owned()));
        }
        blocks.push(Block::Rows(self.cases.iter().map(row).collect()));
        if self.more {
            let more =
                "More fit: ask for more with --limit, or for fewer by client, status, address, subject or cause.";
            blocks.push(Block::Text(Tone::Soft, more.to_owned()));
        }
        Sheet { title: title.clone(), sections: vec![Section { id: "cases", title, blocks }] }
    }
}

fn row(case: &Case) -> Row {
    let about = &case.about;
    let mut whose: Vec<&str> = Vec::new();
    whose.extend(Some(about.client.as_str()).filter(|client| !client.is_empty()));
    whose.extend(about.ticket.as_deref());
    whose.extend(about.user.as_deref());
    let answered = case.answered.as_ref();
    let subject = answered.and_then(|answered| answered.subject.as_deref()).or(case.asked.subject.as_deref());
    let what = subject.map(|subject| format!("“{subject}”")).or_else(|| about.words.as_deref().map(deeds::cut));
    let mut parts = vec![word(case.status)];
    parts.extend((!whose.is_empty()).then(|| whose.join(", ")));
    parts.extend(what);
    let mut notes = vec![format!(
        "{}{}",
        answered.filter(|answered| !answered.is_empty()).map_or("no answer yet".to_owned(), deeds::answer),
        case.due.map_or(String::new(), |due| format!("; look again by {}", report::instant(due))),
    )];
    notes.push(format!("opened {}, last entry {}", report::instant(case.opened_at), report::instant(case.changed_at)));
    Row {
        tone: tone(case.status), lead: format!("#{}", case.number), text: parts.join(" · "), notes, ..Row::default()
    }
}

/// How far a ticket is, for people.
pub(super) fn word(status: Status) -> String {
    status.word().replace('_', " ")
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Open => Tone::Warn,
        Status::Waiting | Status::Escalated => Tone::Plain,
        Status::Changed => Tone::Odd,
        Status::Held => Tone::Good,
        Status::CameBack => Tone::Bad,
        Status::Closed => Tone::Soft,
    }
}
