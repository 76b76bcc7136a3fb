//! Signing in by a one-time link, and out.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;

use super::guard::{cookie, cookie_name, is_foreign};
use crate::office::{Trouble, TroubleKind};
use crate::page;
use crate::workbench::Workbench;

/// The page of who is not signed in.
pub async fn login() -> Response {
    let body = html! {
        h1 { "Sign in" }
        p { "Open the link that " code { "throughline serve" } " printed when it started. Each link can be used once, for an hour." }
        p.soft { "No link any more? Press Enter in the terminal in which it runs: it prints new ones." }
    };
    page::bare("Sign in", &body, StatusCode::OK)
}

/// The page of a link. Looking at it does not use it up: programs look at links too.
pub async fn welcome(State(workbench): State<Workbench>, Path(link): Path<String>) -> Response {
    if !workbench.doors().is_link(&link) {
        return used_up();
    }
    let body = html! {
        h1 { "throughline" }
        p { "The whole way of one message, with the records." }
        form method="post" action="/login" {
            input type="hidden" name="link" value=(link);
            button.main type="submit" autofocus { "Sign in" }
        }
    };
    page::bare("Sign in", &body, StatusCode::OK)
}

/// What the page of a link sends.
#[derive(Deserialize)]
pub struct Enter {
    link: String,
}

/// Opens a session, and uses the link up.
pub async fn enter(State(workbench): State<Workbench>, headers: HeaderMap, Form(form): Form<Enter>) -> Response {
    // A foreign page could otherwise sign somebody in as somebody else.
    if is_foreign(&workbench, &headers).is_some() {
        return used_up();
    }
    let Some(user) = workbench.doors().take_link(&form.link) else { return used_up() };
    // Whoever signs in anew has a new session, and no old one beside it.
    if let Some(cookie) = cookie(&workbench, &headers) {
        workbench.doors().sessions().close(&cookie);
    }
    let secret = workbench.doors().sessions().open(user);
    let secure = if workbench.doors().origins().is_tls() { "; Secure" } else { "" };
    let cookie = format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}", cookie_name(&workbench));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn used_up() -> Response {
    let what = "expected a login link that was not used yet, found another. Press Enter in the terminal in which \
        `throughline serve` runs: it prints new ones";
    page::refused(&Trouble::new(TroubleKind::Refused, what), StatusCode::FORBIDDEN)
}

/// Ends the session.
pub async fn leave(State(workbench): State<Workbench>, headers: HeaderMap) -> Response {
    if let Some(cookie) = cookie(&workbench, &headers) {
        workbench.doors().sessions().close(&cookie);
    }
    let secure = if workbench.doors().origins().is_tls() { "; Secure" } else { "" };
    let gone = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", cookie_name(&workbench));
    ([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response()
}
