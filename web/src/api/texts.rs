//! Texts of a ticket: its notes, and whether it is given to somebody else.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use case::escalation::{self, Escalation, EscalationAnswer, FactState, ReceiverKind, Sample};
use case::notes::{self, Face, Notes, Sources, Text};
use report::{ExceptionProposal, Report};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{Reply, Tag, Wait, document, working};
use super::cases::{CaseAt, Looked, looked};
use super::form::{At, Given, Query};
use super::problem::{Refusal, Sort};
use crate::entry::Visitor;
use crate::kept::Answer;
use crate::office::{EscalationAsked, Office, Trouble, TroubleKind, Worked};
use crate::workbench::Workbench;

/// Which notes are wanted, and in which form.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Wanted {
    /// Which text.
    text: Which,
    /// Whether people, hosts, addresses and ids get other names.
    redact: bool,
    /// In which form.
    r#as: Form,
    #[serde(flatten)]
    wait: Wait,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { text: Which::All, redact: false, r#as: Form::Json, wait: Wait::default() }
    }
}

/// One of the texts, or all.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// The six points.
    Facts,
    /// Why it is so.
    Analysis,
    /// What the customer may read.
    Customer,
    /// All three.
    All,
}

/// The form of a text.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// The document.
    Json,
    /// Markdown.
    Markdown,
    /// Plain text.
    Text,
}

/// Columns of plain text that no ticket system breaks again.
const COLUMNS: usize = 76;

/// Writes the notes of a case.
pub async fn notes(
    State(workbench): State<Workbench>,
    At(at): At<CaseAt>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let tag = Tag::of(&worked, worked.case.entries, &headers);
    if let Some(known) = tag.known() {
        return Ok(known);
    }
    let looked = match looked(&workbench, &worked, wanted.wait).await? {
        Ok(looked) => looked,
        Err(working) => return Ok(working),
    };
    let (form, text) = (wanted.r#as, wanted.text);
    let notes = noted(&worked, &looked, text, wanted.redact);
    let (face, kind) = match form {
        Form::Json => return tag.on(document(StatusCode::OK, &notes)),
        Form::Markdown => (Face::Markdown, "text/markdown; charset=utf-8"),
        Form::Text => (Face::Text, "text/plain; charset=utf-8"),
    };
    let text = notes::write(&notes, face, COLUMNS, None).map_err(|error| Sort::Internal.with(error.to_string()))?;
    tag.on(Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()))
}

fn noted(worked: &Worked, looked: &Looked, text: Which, is_redacted: bool) -> Notes {
    let evidence = match looked.report() {
        Ok(report) => notes::Looked::Answered(report),
        Err(trouble) if worked.has_evidence() => notes::Looked::Unreadable(&trouble.what),
        Err(_) => notes::Looked::NotSupplied,
    };
    let sources =
        Sources { case: &worked.case, journal: &worked.journal, evidence, comparison: looked.compared.as_deref() };
    let text = match text {
        Which::Facts => Text::Facts,
        Which::Analysis => Text::Analysis,
        Which::Customer => Text::Customer,
        Which::All => Text::All,
    };
    if is_redacted { notes::redacted(&sources, text).0 } else { notes::notes(&sources, text) }
}

/// To whom a ticket is given, and why, if a person says so.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Whom {
    /// To whom; the one that the records name, if it is not said.
    to: Option<ReceiverKind>,
    /// Why, in a person's words.
    reason: Option<String>,
    /// Whether it is given away though no reason applies.
    anyway: bool,
}

/// What is asked of an escalation that is only looked at.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Looking {
    #[serde(flatten)]
    whom: Whom,
    #[serde(flatten)]
    wait: Wait,
}

/// Says whether a ticket is given to somebody else, to whom, why, and what is still missing.
pub async fn escalation(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Query(looking): Query<Looking>,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let patience = looking.wait.patience();
    let report = match workbench.report(&worked, patience).await {
        Answer::Working(progress) => return Ok(working(&progress)),
        Answer::Ready(report) => report,
    };
    let proposal = match workbench.proposal(&worked, patience).await {
        Answer::Working(progress) => return Ok(working(&progress)),
        Answer::Ready(proposal) => proposal.ok(),
    };
    let grounds = Grounds::of(worked, report, proposal)?;
    let found = workbench.office(move |office| grounds.weigh(office, &visitor.user.name, &looking.whom)).await?;
    document(StatusCode::OK, &found)
}

/// A ticket that is given away.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct GiveAway {
    /// To whom; the one that the records name, if it is not said.
    #[serde(default)]
    to: Option<ReceiverKind>,
    /// Why, in a person's words.
    #[serde(default)]
    reason: Option<String>,
    /// Whether it is given away though no reason applies.
    #[serde(default)]
    anyway: bool,
    /// Whether the whole sample goes with it; else only its header.
    #[serde(default)]
    with_sample: bool,
}

/// Gives a ticket to somebody else: the package with all they need, named by the entry that the journal gets.
pub async fn give_away(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Given(given): Given<GiveAway>,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let Answer::Ready(report) = workbench.report(&worked, None).await else {
        return Err(Sort::Internal.with("expected an answer, found one that is worked on"));
    };
    let Answer::Ready(proposal) = workbench.proposal(&worked, None).await else {
        return Err(Sort::Internal.with("expected an answer, found one that is worked on"));
    };
    let grounds = Grounds::of(worked, report, proposal.ok())?;
    let package = workbench
        .office(move |office| {
            let who = visitor.user.name.as_str();
            let whom = Whom { to: given.to, reason: given.reason, anyway: given.anyway };
            let found = grounds.weigh(office, who, &whom)?;
            match found.answer {
                EscalationAnswer::Escalated => {}
                EscalationAnswer::Refused => {
                    let missing = found.facts.iter().filter(|fact| fact.state == FactState::Missing);
                    let missing: Vec<&str> = missing.flat_map(|fact| &fact.missing).map(String::as_str).collect();
                    let what = format!(
                        "expected the four facts, found that these are missing: {}. GET the escalation: it says how to get them",
                        missing.join(", and ")
                    );
                    return Err(Trouble::new(TroubleKind::Conflict, what));
                }
                EscalationAnswer::NoReason => {
                    let what = "expected a reason to give it away, found none in the records. Say one, or `anyway`";
                    return Err(Trouble::new(TroubleKind::Conflict, what));
                }
            }
            let sample = if given.with_sample { Sample::Whole } else { Sample::Header };
            office.escalate(&EscalationAsked { who, number: at.number, document: &found, sample })
        })
        .await?;
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"))];
    Ok((StatusCode::OK, kind, package).into_response())
}

/// What an escalation rests on.
struct Grounds {
    worked: Worked,
    report: Arc<Report>,
    proposal: Option<Arc<ExceptionProposal>>,
}

impl Grounds {
    /// Of what the evidence shows; of a case whose message is not singled out yet, nothing.
    fn of(
        worked: Worked,
        report: Result<Arc<Report>, Trouble>,
        proposal: Option<Arc<ExceptionProposal>>,
    ) -> Result<Grounds, Refusal> {
        let report = match report {
            Err(trouble) if matches!(trouble.kind, TroubleKind::WhichMessage | TroubleKind::NothingReadable) => {
                let why = trouble.what.lines().next().unwrap_or_default().to_owned();
                Arc::new(Report { assumptions: vec![why], ..Report::default() })
            }
            report => report?,
        };
        Ok(Grounds { worked, report, proposal })
    }

    fn weigh(&self, office: &dyn Office, who: &str, whom: &Whom) -> Result<Escalation, Trouble> {
        let others = office.others(&self.worked.case)?;
        Ok(escalation::escalate(&escalation::Asked {
            case: &self.worked.case,
            journal: &self.worked.journal,
            report: &self.report,
            proposal: self.proposal.as_deref(),
            others: &others,
            now: office.now(),
            who,
            to: whom.to,
            reason: whom.reason.as_deref(),
            is_wanted_anyway: whom.anyway,
        }))
    }
}
