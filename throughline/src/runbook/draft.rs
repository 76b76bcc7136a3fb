//! Drafts a runbook from what a ticket shows and what the guides say of its cause.

use ::case::runbook::{RUNBOOK_SCHEMA, Runbook, RunbookStatus, SourceCase, client_name, slug_of};
use ::case::{Answered, AnsweredCause};
use checks::signal::{self, Given};
use findings::symptoms;
use report::{Standing, visible};

use crate::case::desk::{Desk, Worked};
use crate::cli::Output;
use crate::cli::runbook::NewRunbook;
use crate::failure::Failure;

/// What a runbook is about.
pub struct Subject {
    /// The cause, `family/specific`, or the symptom.
    pub id: String,
    given: Vec<Given>,
    told: Told,
}

/// What the guides say of a cause.
struct Told {
    title: String,
    validation: String,
    rollback: String,
    owner: String,
    text: Vec<(&'static str, String)>,
}

/// The cause that is named, else the one that the ticket's evidence shows.
///
/// # Errors
/// [`Failure::Usage`] if there is none, or if no guide knows it.
pub fn subject(options: &NewRunbook, desk: &Desk, worked: &Worked) -> Result<Subject, Failure> {
    let answered = worked.case.answered.clone().unwrap_or_default();
    let shown = || answered.causes.first().map(|cause| cause.id.clone());
    let symptom = || answered.symptoms.first().map(|symptom| symptom.id.clone());
    let id = options.cause.clone().or_else(shown).or_else(symptom).ok_or_else(|| Failure::Usage {
        what: "root cause".to_owned(),
        expected: "a ticket whose evidence shows a cause".to_owned(),
        found: "none".to_owned(),
        hint: "Add the evidence that shows it, or name it with --cause; `throughline causes` and `throughline symptoms` list them".to_owned(),
    })?;
    let is_symptom = symptoms::guides().iter().any(|guide| guide.id == id);
    let specific = if is_symptom { specific_of(desk, worked, &id, &options.output) } else { None };
    let told = match is_symptom {
        true => of_symptom(&id, specific.as_deref()),
        false => of_cause(&id),
    };
    let told = told.ok_or_else(|| Failure::Usage {
        what: "--cause".to_owned(),
        expected: "a cause or symptom".to_owned(),
        found: format!("`{}`", id.escape_debug()),
        hint: "`throughline causes` and `throughline symptoms` list them".to_owned(),
    })?;
    Ok(Subject { given: given(&id, is_symptom, specific.as_deref(), &answered), id, told })
}

/// Which of a symptom's causes the evidence shows; `None` if it does not tell.
fn specific_of(desk: &Desk, worked: &Worked, id: &str, output: &Output) -> Option<String> {
    let report = desk.report(worked, output).ok()??;
    let is_shown = |standing| matches!(standing, Standing::Proved | Standing::Likely);
    let shown = report.findings.into_iter().find(|finding| finding.id == id && is_shown(finding.standing));
    shown?.specific
}

/// What proposals are made from: the sender as the reader sees it goes before the envelope's.
fn given(id: &str, is_symptom: bool, specific: Option<&str>, answered: &Answered) -> Vec<Given> {
    let domain = |address: &String| address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
    let mut domains: Vec<String> =
        answered.senders.iter().rev().filter_map(domain).filter(|domain| !domain.is_empty()).collect();
    domains.dedup();
    let named = |cause: &&AnsweredCause| cause.id == id;
    let of_cause = answered.causes.iter().find(named).and_then(|cause| cause.envelope_recipient.clone());
    let recipient = of_cause.or_else(|| answered.copies.first().map(|copy| copy.envelope_recipient.clone()));
    let one = |sender_domain: Option<String>| Given {
        cause: id.to_owned(),
        specific: specific.map(str::to_owned),
        is_symptom,
        sender_domain,
        recipient: recipient.clone().filter(|recipient| !recipient.is_empty()),
    };
    match domains.is_empty() {
        true => vec![one(None)],
        false => domains.into_iter().map(|domain| one(Some(domain))).collect(),
    }
}

fn of_cause(id: &str) -> Option<Told> {
    let page = findings::page_of(id)?;
    let given = Given { cause: id.to_owned(), ..Given::default() };
    let (validation, rollback) = signal::steps(&given);
    let text = vec![
        ("What it is", page.what.clone()),
        ("What proves it", page.proof.clone()),
        ("What looks alike", page.alike.clone()),
        ("Narrow fix", page.fix.clone()),
    ];
    Some(Told {
        title: page.title.trim_end_matches('.').to_owned(),
        validation: validation.to_owned(),
        rollback: rollback.to_owned(),
        owner: page.owner.clone(),
        text,
    })
}

fn of_symptom(id: &str, specific: Option<&str>) -> Option<Told> {
    let guide = symptoms::guides().iter().find(|guide| guide.id == id)?;
    let cause = specific.and_then(|specific| symptoms::cause(id, specific));
    let given = Given { cause: id.to_owned(), is_symptom: true, ..Given::default() };
    let (validation, rollback) = signal::steps(&given);
    let mut text = vec![
        ("What it is", guide.what.clone()),
        ("The sign", guide.sign.clone()),
        ("What looks alike", guide.alike.clone()),
    ];
    if let Some(cause) = cause {
        text.push(("What proves it", cause.proof.clone()));
        text.push(("Narrow fix", cause.fix.clone()));
    }
    Some(Told {
        title: cause.map_or(&guide.title, |cause| &cause.title).trim_end_matches('.').to_owned(),
        validation: cause.map_or(validation.to_owned(), |cause| cause.verify.clone()),
        rollback: cause.map_or(rollback.to_owned(), |cause| cause.rollback.clone()),
        owner: cause.map(|cause| cause.owner.clone()).unwrap_or_default(),
        text,
    })
}

impl Subject {
    /// Signals that may tell when it is there again, the narrowest first, each once.
    pub fn signals(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for text in self.given.iter().flat_map(signal::propose) {
            if !all.contains(&text) {
                all.push(text);
            }
        }
        all
    }

    /// The draft, without a signal.
    pub fn draft(&self, options: &NewRunbook, desk: &Desk, worked: &Worked) -> Runbook {
        let case = &worked.case;
        let specific = self.id.rsplit('/').next().unwrap_or(&self.id);
        let own =
            |option: &Option<String>, told: &str| option.clone().unwrap_or_else(|| told.to_owned()).trim().to_owned();
        let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Runbook {
            schema: RUNBOOK_SCHEMA.to_owned(),
            client: client_name(&case.about.client),
            slug: options.slug.clone().unwrap_or_else(|| slug_of(specific)),
            title: line(visible(&own(&options.title, &self.told.title))),
            version: 1,
            status: RunbookStatus::Draft,
            root_cause: self.id.clone(),
            signal: String::new(),
            needs: Vec::new(),
            validation: own(&options.validation, &self.told.validation),
            rollback: own(&options.rollback, &self.told.rollback),
            owner: own(&options.owner, &self.told.owner),
            written_by: line(visible(&desk.who)),
            written_at: desk.now(),
            verified_by: String::new(),
            case: SourceCase {
                number: case.number,
                uid: case.uid.clone(),
                ticket: case.about.ticket.as_deref().map(visible).unwrap_or_default(),
            },
            text: self.text(),
        }
    }

    fn text(&self) -> String {
        let sections = self.told.text.iter().filter(|(_, text)| !text.is_empty());
        let sections: Vec<String> = sections.map(|(title, text)| format!("# {title}\n\n{text}")).collect();
        sections.join("\n\n")
    }
}
