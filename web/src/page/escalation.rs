//! Gives a ticket to somebody else: what it would say, live, and the package.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use case::escalation::{self, Escalation, EscalationAnswer, FactState, ReceiverKind, Sample};
use case::{Deed, Entry};
use maud::{Markup, html};
use report::{ExceptionProposal, Report, instant, visible};
use serde::Deserialize;

use super::{answered, cites, forms, shell};
use crate::entry::{Role, Visitor};
use crate::kept::Answer;
use crate::office::{EscalationAsked, Trouble, TroubleKind, Worked};
use crate::workbench::{PATIENCE, Workbench};

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/cases/{number}/escalation", get(page).post(give_away))
}

/// The address of this page below the case.
const PART: &str = "/escalation";

/// To whom, why, and with what, as the form says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    to: String,
    reason: String,
    anyway: String,
    sample: String,
}

/// Those to whom a ticket can go.
const RECEIVERS: [(ReceiverKind, &str); 5] = [
    (ReceiverKind::Vendor, "The vendor of a service"),
    (ReceiverKind::Server, "Who runs a server, or the network to it"),
    (ReceiverKind::Security, "The security team"),
    (ReceiverKind::PolicyOwner, "Who owns a policy, rule, connector or list"),
    (ReceiverKind::Sender, "The sending side's administrator"),
];

impl Wish {
    fn to(&self) -> Option<ReceiverKind> {
        RECEIVERS.into_iter().map(|(kind, _)| kind).find(|kind| kind.word() == self.to)
    }
}

/// Why there is no document.
enum Ended {
    Working(Markup),
    Trouble(Trouble),
}

async fn page(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Query(wish): Query<Wish>,
) -> Response {
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    match document(&workbench, &visitor, &worked, &wish, Patience::Short).await {
        Ok(document) => {
            let body = whole(&visitor, &worked, &wish, &document, None);
            shell::case_page(&visitor, &worked.case, PART, "Escalation", &body)
        }
        Err(Ended::Working(drawn)) => shell::waiting_page(&visitor, &worked.case, PART, &drawn),
        Err(Ended::Trouble(trouble)) => shell::failed(&visitor, &trouble),
    }
}

/// Makes the package, puts that into the journal, and sends the package.
async fn give_away(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path(number): Path<u64>,
    Form(wish): Form<Wish>,
) -> Response {
    if let Err(trouble) = visitor.may(Role::Engineer) {
        return shell::failed(&visitor, &trouble);
    }
    let worked = match workbench.case(number).await {
        Ok(worked) => worked,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let document = match document(&workbench, &visitor, &worked, &wish, Patience::Endless).await {
        Ok(document) => document,
        Err(Ended::Working(drawn)) => return shell::waiting_page(&visitor, &worked.case, PART, &drawn),
        Err(Ended::Trouble(trouble)) => return shell::failed(&visitor, &trouble),
    };
    let what = match document.answer {
        EscalationAnswer::Escalated => None,
        EscalationAnswer::Refused => {
            Some("expected the four facts, found that some are missing: see below what to fetch")
        }
        EscalationAnswer::NoReason => {
            Some("expected a reason, found that none of the four applies. Say why it is given away all the same")
        }
    };
    if let Some(what) = what {
        return refused(&visitor, &worked, &wish, &document, &Trouble::new(TroubleKind::WhichMessage, what));
    }
    let sample = if wish.sample == "whole" { Sample::Whole } else { Sample::Header };
    let (user, packed) = (visitor.user.name.clone(), document.clone());
    let done = workbench
        .office(move |office| office.escalate(&EscalationAsked { who: &user, number, document: &packed, sample }))
        .await;
    match done {
        Ok(bytes) => {
            let name = format!("attachment; filename=\"escalation-{number}.zip\"");
            let head = [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, name)];
            (head, bytes).into_response()
        }
        Err(trouble) => refused(&visitor, &worked, &wish, &document, &trouble),
    }
}

fn refused(visitor: &Visitor, worked: &Worked, wish: &Wish, document: &Escalation, trouble: &Trouble) -> Response {
    let body = whole(visitor, worked, wish, document, Some(trouble));
    forms::again(shell::case_page(visitor, &worked.case, PART, "Escalation", &body), trouble)
}

/// How long what it rests on is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Short,
    Endless,
}

/// What an escalation of this case says.
async fn document(
    workbench: &Workbench,
    visitor: &Visitor,
    worked: &Worked,
    wish: &Wish,
    patience: Patience,
) -> Result<Escalation, Ended> {
    let patience = if patience == Patience::Short { PATIENCE } else { None };
    let nothing = |why: &str| Report { assumptions: vec![why.to_owned()], ..Report::default() };
    let report = match workbench.report(worked, patience).await {
        Answer::Ready(Ok(report)) => report,
        Answer::Ready(Err(trouble)) => match trouble.kind {
            // Of a message that is not singled out yet nothing is known; that is what is refused, with what to fetch.
            TroubleKind::WhichMessage | TroubleKind::NothingReadable => {
                nothing(trouble.what.lines().next().unwrap_or_default()).into()
            }
            _ => return Err(Ended::Trouble(trouble)),
        },
        Answer::Working(progress) => return Err(Ended::Working(answered::how_far(&progress))),
    };
    let proposal = match workbench.proposal(worked, patience).await {
        Answer::Ready(found) => found.ok(),
        Answer::Working(progress) => return Err(Ended::Working(answered::how_far(&progress))),
    };
    let case = worked.case.clone();
    let known = workbench.office(move |office| Ok((office.others(&case)?, office.now()))).await;
    let (others, now) = known.map_err(Ended::Trouble)?;
    let reason = forms::said(&wish.reason);
    let proposal: Option<&ExceptionProposal> = proposal.as_deref();
    Ok(escalation::escalate(&escalation::Asked {
        case: &worked.case,
        journal: &worked.journal,
        report: &report,
        proposal,
        others: &others,
        now,
        who: &visitor.user.name,
        to: wish.to(),
        reason: reason.as_deref(),
        is_wanted_anyway: !wish.anyway.is_empty(),
    }))
}

fn whole(visitor: &Visitor, worked: &Worked, wish: &Wish, document: &Escalation, trouble: Option<&Trouble>) -> Markup {
    let number = worked.case.number;
    html! {
        (forms::refusal(trouble))
        (wished(number, wish))
        div id="preview" aria-live="polite" {
            (headline(document))
            (given(worked))
            (giving(visitor, number, wish, document))
            (cites::sheet(number, &document.sheet()))
        }
    }
}

/// The form that says to whom and why: the preview follows it.
fn wished(number: u64, wish: &Wish) -> Markup {
    html! {
        section aria-labelledby="wish-title" {
            h2 id="wish-title" { "To whom, and why" }
            form method="get" action=(format!("/cases/{number}{PART}")) data-preview="preview" {
                label for="to" { "To whom" }
                select id="to" name="to" {
                    option value="" { "To whom the records point" }
                    @for (kind, name) in RECEIVERS { option value=(kind.word()) selected[wish.to() == Some(kind)] { (name) } }
                }
                label for="reason" { "A reason that no record states; it is marked as said by you" }
                input id="reason" name="reason" value=(wish.reason) autocomplete="off";
                p { label.inline { input type="checkbox" name="anyway" value="on" checked[!wish.anyway.is_empty()]; " Though no reason applies" } }
                p { button type="submit" { "Show" } }
            }
        }
    }
}

fn headline(document: &Escalation) -> Markup {
    let missing: Vec<&str> =
        document.facts.iter().filter(|fact| fact.state == FactState::Missing).map(|fact| fact.fact.word()).collect();
    match document.answer {
        EscalationAnswer::Escalated => html! {
            p.lead.passed {
                "✓ The four facts are in"
                @if let Some(receiver) = &document.receiver { ": it goes to " b { (visible(&receiver.name)) } " (" (receiver.to.word().replace('_', " ")) ")" }
                "."
            }
        },
        EscalationAnswer::Refused => html! {
            p.lead.stopped { "✗ Not yet: " b { (missing.join(", ")) } (if missing.len() == 1 { " is" } else { " are" }) " missing. What to fetch stands with each." }
        },
        EscalationAnswer::NoReason => html! {
            p.lead.changed { "! The four facts are in, and none of the four reasons applies: nobody else is needed." }
        },
    }
}

/// To whom it was given before, by the journal.
fn given(worked: &Worked) -> Markup {
    let number = worked.case.number;
    let told = |entry: &Entry| match &entry.deed {
        Deed::Escalated { to, .. } => Some((entry.seq, entry.at, entry.who.clone(), to.clone())),
        _ => None,
    };
    html! {
        @for (seq, at, who, to) in worked.journal.iter().filter_map(told) {
            p { "Given to " b { (visible(&to.replace('_', " "))) } " by " (visible(&who)) ", " (instant(at)) " "
                a.cite href=(format!("/cases/{number}/journal#entry-{seq}")) { "journal entry " (seq) } }
        }
    }
}

/// The form that gives it away.
fn giving(visitor: &Visitor, number: u64, wish: &Wish, document: &Escalation) -> Markup {
    html! {
        @if document.answer == EscalationAnswer::Escalated {
            @if visitor.may(Role::Engineer).is_err() { p.soft { "An engineer gives it away." } }
            @else {
                form method="post" action=(format!("/cases/{number}{PART}")) data-download {
                    (shell::csrf(visitor))
                    input type="hidden" name="to" value=(wish.to);
                    input type="hidden" name="reason" value=(wish.reason);
                    input type="hidden" name="anyway" value=(wish.anyway);
                    fieldset {
                        legend { "The message sample" }
                        label.inline { input type="radio" name="sample" value="header" checked[wish.sample != "whole"]; " Its header only" } " "
                        label.inline { input type="radio" name="sample" value="whole" checked[wish.sample == "whole"]; " All of it" }
                    }
                    p { button.main type="submit" { "Give it away and download the package" } }
                    p.soft { "The journal keeps to whom, why, and the SHA-256 of the package." }
                }
            }
        }
    }
}
