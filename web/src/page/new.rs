//! A new case.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use case::{About, Asked};
use maud::{Markup, html};
use serde::Deserialize;

use super::supplied::{self, Kept};
use super::{asked, evidence, shell};
use crate::entry::{Role, Visitor};
use crate::office::{Trouble, TroubleKind};
use crate::upload::{self, Sent};
use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .route("/cases/new", get(page))
        .route("/cases", post(open).layer(DefaultBodyLimit::disable()).get(|| async { Redirect::to("/") }))
}

/// The longest words of a reporter, in bytes.
const MAX_WORDS_BYTES: usize = 1 << 20;

/// What the page is opened with.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    words: String,
}

/// What the form keeps.
#[derive(Default)]
struct Typed {
    about: About,
    asked: Asked,
    kept: Kept,
    trouble: Option<Trouble>,
}

async fn page(State(workbench): State<Workbench>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Response {
    if let Err(trouble) = visitor.may(Role::Engineer) {
        return shell::failed(&visitor, &trouble);
    }
    let words = Some(wanted.words).filter(|words| !words.trim().is_empty());
    let typed = Typed { about: About { words, ..About::default() }, ..Typed::default() };
    shell::page(&visitor, "New case", &form(&workbench, &visitor, &typed))
}

/// Opens a case, and adds what came with it.
async fn open(State(workbench): State<Workbench>, visitor: Visitor, request: Request) -> Response {
    let sent = async {
        visitor.may(Role::Engineer)?;
        upload::sent(&workbench, &visitor, request).await
    };
    let sent = match sent.await {
        Ok(sent) => sent,
        Err(trouble) if trouble.kind == TroubleKind::Refused => return shell::failed(&visitor, &trouble),
        // What was typed is gone with the upload; whoever goes back in the browser finds it.
        Err(trouble) => return again(&workbench, &visitor, Typed { trouble: Some(trouble), ..Typed::default() }),
    };
    let number = match opened(&workbench, &visitor, &sent).await {
        Ok(number) => number,
        Err(trouble) => {
            let typed = Typed {
                about: about(&sent),
                asked: asked::read(|name| sent.text(name).to_owned()).unwrap_or_default(),
                kept: Kept::of(&workbench, &visitor, sent.batch.as_deref()),
                trouble: Some(trouble),
            };
            return again(&workbench, &visitor, typed);
        }
    };
    if sent.batch.is_none() && sent.refused.is_empty() {
        return Redirect::to(&format!("/cases/{number}/evidence")).into_response();
    }
    match evidence::added(&workbench, &visitor, number, &sent).await {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(trouble) => evidence::not_added(&workbench, &visitor, number, trouble, Some(&sent)).await,
    }
}

fn again(workbench: &Workbench, visitor: &Visitor, typed: Typed) -> Response {
    let status = typed.trouble.as_ref().map_or(StatusCode::OK, |trouble| shell::status(trouble.kind));
    let mut response = shell::page(visitor, "New case", &form(workbench, visitor, &typed));
    *response.status_mut() = status;
    response
}

async fn opened(workbench: &Workbench, visitor: &Visitor, sent: &Sent) -> Result<u64, Trouble> {
    let about = about(sent);
    let fields = [("ticket", &about.ticket), ("site", &about.site), ("user", &about.user), ("device", &about.device)];
    asked::fits("client", &about.client)?;
    fields.into_iter().try_for_each(|(name, text)| asked::fits(name, text.as_deref().unwrap_or_default()))?;
    if about.words.as_ref().is_some_and(|words| words.len() > MAX_WORDS_BYTES) {
        let what = "words: expected at most 1 MiB, found more. Paste it as evidence";
        return Err(Trouble::new(TroubleKind::TooLarge, what));
    }
    let asked = asked::read(|name| sent.text(name).to_owned())?;
    let who = visitor.user.name.clone();
    let case = workbench.office(move |office| office.open(&who, about, asked)).await?;
    Ok(case.number)
}

fn about(sent: &Sent) -> About {
    About {
        client: sent.text("client").to_owned(),
        ticket: sent.said("ticket"),
        site: sent.said("site"),
        user: sent.said("user"),
        device: sent.said("device"),
        words: sent.said("words"),
    }
}

fn form(workbench: &Workbench, visitor: &Visitor, typed: &Typed) -> Markup {
    let Typed { about, asked, kept, trouble } = typed;
    let text = |one: &Option<String>| one.clone().unwrap_or_default();
    html! {
        h1 { "New case" }
        @if let Some(trouble) = trouble { (shell::not_done(trouble)) }
        form method="post" enctype="multipart/form-data" action=(supplied::action("/cases", visitor)) data-evidence {
            h2 { "The ticket" }
            div.fields {
                p { label for="client" { "Client" } input id="client" name="client" value=(about.client) autocomplete="organization"; }
                p { label for="ticket" { "Ticket" } input id="ticket" name="ticket" value=(text(&about.ticket)) autocomplete="off"; }
                p { label for="user" { "Who is affected" } input id="user" name="user" value=(text(&about.user)) autocomplete="off"; }
                p { label for="site" { "Site" } input id="site" name="site" value=(text(&about.site)) autocomplete="off"; }
                p { label for="device" { "Device" } input id="device" name="device" value=(text(&about.device)) autocomplete="off"; }
            }
            label for="words" { "What they say, in their words" }
            textarea.words id="words" name="words" rows="3" { (text(&about.words)) }
            h2 { "Evidence" }
            p { "A sample of the message first, if there is one. Everything can be added later too." }
            (supplied::fields(workbench, kept))
            h2 { "Which message is meant" }
            details open[*asked != Asked::default()] {
                summary { "Name it, if there is no sample" }
                (asked::fields(asked))
            }
            p { button.main type="submit" { "Open the case" } }
        }
    }
}
