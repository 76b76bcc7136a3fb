//! The notes of a ticket: facts, analysis, and the text for the customer, as they will be pasted.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use case::Deed;
use case::notes::{self, Face, Looked, Notes, Redaction, Sources, Text};
use maud::{Markup, html};
use report::{Comparison, Report, visible};
use serde::Deserialize;

use super::{answered, shell};
use crate::entry::Visitor;
use crate::kept::Answer;
use crate::office::{Sides, Trouble, TroubleKind, Worked};
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}/notes", get(page)).route("/cases/{number}/notes/download", get(download))
}

/// The address of this page below the case.
const PART: &str = "/notes";
/// Columns of plain text that no ticket system breaks again.
const COLUMNS: usize = 76;

/// Which notes, and how, as the form says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    text: String,
    face: String,
    redact: String,
    map: String,
    part: String,
}

impl Asked {
    fn text(&self) -> Text {
        match self.text.as_str() {
            "facts" => Text::Facts,
            "analysis" => Text::Analysis,
            "customer" => Text::Customer,
            _ => Text::All,
        }
    }

    fn face(&self) -> Face {
        if self.face == "text" { Face::Text } else { Face::Markdown }
    }

    fn is_redacted(&self) -> bool {
        !self.redact.is_empty()
    }

    fn query(&self, part: &str) -> String {
        let text = match self.text() {
            Text::Facts => "facts",
            Text::Analysis => "analysis",
            Text::Customer => "customer",
            Text::All => "all",
        };
        let face = if self.face() == Face::Text { "text" } else { "markdown" };
        let redact = if self.is_redacted() { "&redact=on" } else { "" };
        format!("text={text}&face={face}{redact}&part={part}")
    }
}

/// What the notes rest on.
struct Grounds {
    report: Option<std::sync::Arc<Report>>,
    unreadable: Option<String>,
    comparison: Option<std::sync::Arc<Comparison>>,
    /// Whether the comparison is still worked on.
    is_comparing: bool,
}

/// One text that is pasted as a whole.
struct Piece {
    part: &'static str,
    title: &'static str,
    text: String,
}

async fn page(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(asked): Query<Asked>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let grounds = match grounds(&workbench, &worked, Patience::Short).await {
        Ok(grounds) => grounds,
        Err(Ended::Working(drawn)) => return shell::waiting_page(&visitor, &worked.case, PART, &drawn),
        Err(Ended::Trouble(trouble)) => return shell::failed(&visitor, &trouble),
    };
    let (noted, redaction) = noted(&worked, &grounds, &asked);
    match pieces(&noted, asked.face()) {
        Ok(pieces) => {
            let body = whole(number, &asked, &grounds, &pieces, redaction.as_ref());
            shell::case_page(&visitor, &worked.case, PART, "Notes", &body)
        }
        Err(trouble) => shell::failed(&visitor, &trouble),
    }
}

/// One of the texts as a file.
async fn download(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(asked): Query<Asked>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let grounds = match grounds(&workbench, &worked, Patience::Endless).await {
        Ok(grounds) => grounds,
        Err(Ended::Working(drawn)) => return shell::waiting_page(&visitor, &worked.case, PART, &drawn),
        Err(Ended::Trouble(trouble)) => return shell::failed(&visitor, &trouble),
    };
    let (noted, _) = noted(&worked, &grounds, &asked);
    let pieces = match pieces(&noted, asked.face()) {
        Ok(pieces) => pieces,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let Some(piece) = pieces.into_iter().find(|piece| piece.part == asked.part) else {
        let what = "expected `part=ticket` or `part=customer`, found another word. The links of the page name them";
        return shell::failed(&visitor, &Trouble::new(TroubleKind::NotFound, what));
    };
    let (end, kind) = match asked.face() {
        Face::Text => ("txt", "text/plain; charset=utf-8"),
        _ => ("md", "text/markdown; charset=utf-8"),
    };
    let redacted = if asked.is_redacted() { "-redacted" } else { "" };
    let name = format!("attachment; filename=\"notes-{number}-{}{redacted}.{end}\"", piece.part);
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], piece.text).into_response()
}

/// How long what the notes rest on is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Short,
    Endless,
}

/// Why there are no grounds yet.
enum Ended {
    Working(Markup),
    Trouble(Trouble),
}

/// What the evidence shows; that it cannot be read stands in the notes, and is no fault of theirs.
async fn grounds(workbench: &Workbench, worked: &Worked, patience: Patience) -> Result<Grounds, Ended> {
    let patience = if patience == Patience::Short { PATIENCE } else { None };
    let nothing = Grounds { report: None, unreadable: None, comparison: None, is_comparing: false };
    if !worked.journal.iter().any(|entry| matches!(entry.deed, Deed::EvidenceAdded { .. })) {
        return Ok(nothing);
    }
    let report = match workbench.report(worked, patience).await {
        Answer::Ready(Ok(report)) => report,
        Answer::Ready(Err(trouble)) => {
            return match trouble.kind {
                TroubleKind::WhichMessage | TroubleKind::NothingReadable => {
                    Ok(Grounds { unreadable: Some(trouble.what), ..nothing })
                }
                _ => Err(Ended::Trouble(trouble)),
            };
        }
        Answer::Working(progress) => return Err(Ended::Working(answered::how_far(&progress))),
    };
    let is_blocked = report.copies.iter().any(|copy| copy.fate != report::Fate::Delivered);
    if !is_blocked || report.several.is_some() || report.message.message_id.is_none() {
        return Ok(Grounds { report: Some(report), ..nothing });
    }
    // Without a comparison the notes say that there is none.
    let (comparison, is_comparing) = match workbench.comparison(worked, Sides::default(), patience).await {
        Answer::Ready(found) => (found.ok(), false),
        Answer::Working(_) => (None, true),
    };
    Ok(Grounds { report: Some(report), comparison, is_comparing, ..nothing })
}

fn noted(worked: &Worked, grounds: &Grounds, asked: &Asked) -> (Notes, Option<Redaction>) {
    let evidence = match (&grounds.report, &grounds.unreadable) {
        (Some(report), _) => Looked::Answered(report),
        (None, Some(why)) => Looked::Unreadable(why),
        (None, None) => Looked::NotSupplied,
    };
    let comparison = grounds.comparison.as_deref();
    let sources = Sources { case: &worked.case, journal: &worked.journal, evidence, comparison };
    if asked.is_redacted() {
        let (notes, redaction) = notes::redacted(&sources, asked.text());
        return (notes, Some(redaction));
    }
    (notes::notes(&sources, asked.text()), None)
}

/// The texts: what is for the ticket and what is for the customer are never one.
fn pieces(noted: &Notes, face: Face) -> Result<Vec<Piece>, Trouble> {
    let draw = |notes: &Notes| {
        notes::write(notes, face, COLUMNS, None).map_err(|error| Trouble::new(TroubleKind::Internal, error.to_string()))
    };
    let mut pieces = Vec::new();
    if !noted.facts.is_empty() || !noted.analysis.is_empty() {
        let ticket = Notes { customer: None, ..noted.clone() };
        pieces.push(Piece { part: "ticket", title: "For the ticket", text: draw(&ticket)? });
    }
    if noted.customer.is_some() {
        let customer = Notes {
            about: None,
            facts: Vec::new(),
            analysis: Vec::new(),
            records: Vec::new(),
            journal: Vec::new(),
            ..noted.clone()
        };
        pieces.push(Piece { part: "customer", title: "For the customer", text: draw(&customer)? });
    }
    Ok(pieces)
}

fn whole(number: u64, asked: &Asked, grounds: &Grounds, pieces: &[Piece], redaction: Option<&Redaction>) -> Markup {
    let base = format!("/cases/{number}{PART}");
    html! {
        (switches(&base, asked))
        div id="preview" aria-live="polite" {
            @if grounds.is_comparing {
                p.changed { "! The message is still being laid beside a delivered one: load the page again for what that shows." }
            }
            @if let Some(why) = &grounds.unreadable { p.changed { "! " (visible(why.lines().next().unwrap_or_default())) } }
            @for piece in pieces {
                section.piece id=(piece.part) aria-labelledby=(format!("{}-title", piece.part)) {
                    h2 id=(format!("{}-title", piece.part)) { (piece.title) @if asked.is_redacted() { " " span.tag { "redacted" } } }
                    @if piece.part == "customer" && pieces.len() > 1 { p.soft { "A text of its own: nothing of the one above is in it." } }
                    div.copy {
                        pre tabindex="0" id=(format!("{}-text", piece.part)) { (lines(&piece.text)) }
                        button type="button" data-copy hidden { "Copy" }
                    }
                    p { a download href=(format!("{base}/download?{}", asked.query(piece.part))) { "Download " (if asked.face() == Face::Text { "as plain text" } else { "as Markdown" }) } }
                }
            }
            @if let Some(redaction) = redaction.filter(|_| !asked.map.is_empty()) { (map(redaction)) }
        }
    }
}

/// The switches above the preview.
fn switches(base: &str, asked: &Asked) -> Markup {
    let text = match asked.text() {
        Text::Facts => "facts",
        Text::Analysis => "analysis",
        Text::Customer => "customer",
        Text::All => "all",
    };
    let face = if asked.face() == Face::Text { "text" } else { "markdown" };
    let choice = |name: &str, value: &str, label: &str, is_it: bool| {
        html! {
            label.inline { input type="radio" name=(name) value=(value) checked[is_it]; " " (label) } " "
        }
    };
    html! {
        form.switches method="get" action=(base) data-preview="preview" {
            fieldset {
                legend { "Which text" }
                @for (value, label) in [("all", "All"), ("facts", "Facts"), ("analysis", "Analysis"), ("customer", "Customer")] {
                    (choice("text", value, label, text == value))
                }
            }
            fieldset {
                legend { "As" }
                (choice("face", "markdown", "Markdown", face == "markdown"))
                (choice("face", "text", "Plain text", face == "text"))
            }
            fieldset {
                legend { "Names" }
                label.inline { input type="checkbox" name="redact" value="on" checked[asked.is_redacted()]; " Other names for people, hosts, addresses and ids" } " "
                label.inline { input type="checkbox" name="map" value="on" checked[!asked.map.is_empty()]; " Show me who is who" }
            }
            p { button type="submit" { "Show" } }
        }
    }
}

/// Which name stands for which: apart from the texts, and only if it is asked for.
fn map(redaction: &Redaction) -> Markup {
    html! {
        section.map id="map" aria-labelledby="map-title" {
            h2 id="map-title" { "Who is who: for you alone" }
            p.stopped { "✗ Never give this list away with the notes: it undoes the redaction." }
            table.stack {
                thead { tr { th scope="col" { "in the notes" } th scope="col" { "is" } } }
                tbody {
                    @for pair in &redaction.pairs {
                        tr { th scope="row" { (visible(&pair.pseudonym)) } td data-label="is" { (visible(&pair.original)) } }
                    }
                }
            }
        }
    }
}

/// A text of several lines, each made visible and none cut.
fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let chars: Vec<char> = line.chars().collect();
        chars.chunks(1000).for_each(|chunk| shown.push_str(&visible(&chunk.iter().collect::<String>())));
        shown.push_str(end);
    }
    shown
}
