//! What the evidence of a case shows: report, comparison, exception, verification, records.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use case::told::Done;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{Reply, Tag, Wait, answered, document, ready};
use super::cases::{CaseAt, Words};
use super::form::{At, Given, Query};
use super::problem::Sort;
use crate::entry::Visitor;
use crate::office::{ChangeMade, RecordPlace, Sides};
use crate::workbench::Workbench;

/// What the evidence of a case shows.
pub async fn report(
    State(workbench): State<Workbench>,
    At(at): At<CaseAt>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let tag = Tag::of(&worked, worked.revision(), &headers);
    match tag.known() {
        Some(known) => Ok(known),
        None => answered(workbench.report(&worked, wait.patience()).await, &tag),
    }
}

/// Which two messages are laid beside each other.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Beside {
    /// Message-ID of the one that was kept back; the case's own, if it is not said.
    blocked: Option<String>,
    /// Message-ID of the delivered one; the one most like it, if it is not said.
    delivered: Option<String>,
    #[serde(flatten)]
    wait: Wait,
}

/// Two messages of the evidence beside each other.
pub async fn comparison(
    State(workbench): State<Workbench>,
    At(at): At<CaseAt>,
    Query(beside): Query<Beside>,
    headers: HeaderMap,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let tag = Tag::of(&worked, worked.revision(), &headers);
    if let Some(known) = tag.known() {
        return Ok(known);
    }
    let sides = Sides { blocked: beside.blocked, delivered: beside.delivered };
    answered(workbench.comparison(&worked, sides, beside.wait.patience()).await, &tag)
}

/// The narrowest exception.
pub async fn exception(
    State(workbench): State<Workbench>,
    At(at): At<CaseAt>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let tag = Tag::of(&worked, worked.revision(), &headers);
    match tag.known() {
        Some(known) => Ok(known),
        None => answered(workbench.proposal(&worked, wait.patience()).await, &tag),
    }
}

/// A change that somebody proposes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Candidate {
    /// What: the vendor's commands, or throughline's own form (`docs/exception.schema.json`).
    candidate: Words,
}

/// What the guard says of a change; the approvals of the journal count.
pub async fn check(State(workbench): State<Workbench>, At(at): At<CaseAt>, Given(proposed): Given<Candidate>) -> Reply {
    let worked = workbench.case(at.number).await?;
    match ready(workbench.check(&worked, proposed.candidate.0, None).await)? {
        Ok(found) => document(StatusCode::OK, &*found),
        Err(working) => Ok(working),
    }
}

/// An approval.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Approved {
    /// Its document, in the form that `throughline exception check --approval` takes.
    document: Words,
}

/// Records an approval.
pub async fn approve(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Given(approved): Given<Approved>,
) -> Reply {
    let done: Done =
        workbench.office(move |office| office.approve(&visitor.user.name, at.number, &approved.document.0)).await?;
    document(StatusCode::OK, &done)
}

/// A change that was made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Made {
    /// What: the vendor's commands, or throughline's own form.
    candidate: Words,
    /// When: RFC 3339, or a date and time in the case's zone.
    made_at: Words,
}

/// Records a change that was made.
pub async fn change(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    At(at): At<CaseAt>,
    Given(made): Given<Made>,
) -> Reply {
    let made = ChangeMade { candidate: made.candidate.0, made_at: made.made_at.0 };
    let done: Done = workbench
        .office(move |office| office.change(&visitor.user.name, at.number, &made, &std::sync::Arc::default()))
        .await?;
    document(StatusCode::OK, &done)
}

/// Whether the change of a case held.
pub async fn verification(
    State(workbench): State<Workbench>,
    At(at): At<CaseAt>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
) -> Reply {
    let worked = workbench.case(at.number).await?;
    let tag = Tag::of(&worked, worked.decided(), &headers);
    match tag.known() {
        Some(known) => Ok(known),
        None => answered(workbench.verification(&worked, wait.patience()).await, &tag),
    }
}

/// Puts into the journal whether the change of a case held.
pub async fn verified(State(workbench): State<Workbench>, visitor: Visitor, At(at): At<CaseAt>) -> Reply {
    let worked = workbench.case(at.number).await?;
    let decided = worked.decided();
    match ready(workbench.verification(&worked, None).await)? {
        Ok(found) => {
            let done: Done =
                workbench.office(move |office| office.verified(&visitor.user.name, at.number, &found, decided)).await?;
            document(StatusCode::OK, &done)
        }
        Err(working) => Ok(working),
    }
}

/// Which record is meant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct RecordAt {
    /// The number of the case.
    #[schemars(extend("maximum" = 18_446_744_073_709_551_615_u64))]
    number: u64,
    /// The first 16 hexadecimal digits of the SHA-256 of the name of its file, as a cite gives it.
    #[schemars(extend("pattern" = "^[0-9a-f]{16}$"))]
    file: String,
    /// Its bytes, the end exclusive, as a cite gives them: `START-END`.
    #[schemars(extend("pattern" = "^[0-9]{1,19}-[0-9]{1,19}$"))]
    range: String,
}

/// What is marked in a record.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Marked {
    /// Bytes of the file that are marked, the end exclusive: `START-END`. May be given several times.
    mark: Vec<Span>,
}

/// Bytes of a file, the end exclusive.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]{1,19}-[0-9]{1,19}$"))]
pub struct Span([u64; 2]);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        let digits = |part: &str| (1..=19).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let span = text.split_once('-').filter(|(start, end)| digits(start) && digits(end));
        let span = span.and_then(|(start, end)| Some(Span([start.parse().ok()?, end.parse().ok()?])));
        span.ok_or_else(|| format!("expected START-END, found `{}`", text.escape_debug()))
    }
}

/// A record of the evidence, raw and decoded.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Always `throughline.record.v1`.
    pub schema: String,
    /// Its file.
    pub file: String,
    /// The kind of the file in words; null if nobody recognises it.
    pub kind: Option<String>,
    /// The line at which it starts, from 1; null where lines mean nothing.
    pub line: Option<u64>,
    /// Its text in pieces.
    pub raw: Vec<Piece>,
    /// Whether it goes on behind the last piece.
    pub is_cut: bool,
    /// Its fields, as its kind reads them.
    pub fields: Vec<Decoded>,
    /// What the reader took from it, one sentence each.
    pub facts: Vec<String>,
    /// What the kind of its file cannot show.
    pub limits: Vec<String>,
}

/// A piece of a record's text.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    /// The text; other bytes than UTF-8 are replaced.
    pub text: String,
    /// Whether it is marked.
    pub is_marked: bool,
}

/// A field of a record.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Decoded {
    /// Its name.
    pub name: String,
    /// Its value, decoded.
    pub value: String,
    /// Whether it is marked.
    pub is_marked: bool,
}

/// Shows a record.
pub async fn record(State(workbench): State<Workbench>, At(at): At<RecordAt>, Query(marked): Query<Marked>) -> Reply {
    let nowhere = |found: String| Sort::NotFound.with(format!("path: {found}"));
    let Span(bytes) = Span::try_from(at.range).map_err(nowhere)?;
    if at.file.len() != 16 || !at.file.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        let found = format!("expected 16 hexadecimal digits, found `{}`", at.file.escape_debug());
        return Err(nowhere(found));
    }
    let marks = marked.mark.into_iter().map(|Span(bytes)| bytes).collect();
    let place = RecordPlace { file: at.file, bytes, marks };
    let shown = workbench.office(move |office| office.record(at.number, &place)).await?;
    let fields = shown.fields.into_iter();
    let found = Record {
        schema: "throughline.record.v1".to_owned(),
        file: shown.file,
        kind: shown.kind,
        line: shown.line,
        raw: shown.raw.into_iter().map(|(is_marked, text)| Piece { text, is_marked }).collect(),
        is_cut: shown.is_cut,
        fields: fields.map(|one| Decoded { name: one.name, value: one.value, is_marked: one.is_marked }).collect(),
        facts: shown.facts,
        limits: shown.limits,
    };
    document(StatusCode::OK, &found)
}
