//! Who is signed in, and the tokens of the API.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use report::{instant, visible};

use super::shell;
use crate::Roles;
use crate::entry::{Role, Visitor};
use crate::office::{Trouble, TroubleKind};
use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new()
        .route("/account", get(page))
        .route("/account/tokens", post(make))
        .route("/account/tokens/{number}/revoke", post(revoke))
}

/// The roles that a token may have beside reading.
const ROLES: [(&str, Role, &str); 2] = [
    ("engineer", Role::Engineer, "Engineer: opens cases, adds evidence, works on them"),
    ("security", Role::Security, "Security approver: approves what is broad"),
];
/// The longest purpose, in characters.
const MAX_PURPOSE: usize = 100;

async fn page(State(workbench): State<Workbench>, visitor: Visitor) -> Response {
    shell::page(&visitor, "Account", &body(&workbench, &visitor, &html! {}, ""))
}

/// Makes a token. It is shown in this answer and nowhere else, so the answer is no redirect.
async fn make(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let purpose = form.get("purpose").map(|purpose| purpose.trim()).unwrap_or_default();
    if purpose.is_empty() || purpose.chars().count() > MAX_PURPOSE {
        let what = format!("purpose: expected 1 to {MAX_PURPOSE} characters that say what the token is for");
        return not_made(&workbench, &visitor, Trouble::new(TroubleKind::Unfit, what), purpose);
    }
    let wanted = ROLES.into_iter().filter(|(name, ..)| form.contains_key(*name));
    let mut roles = Roles::default();
    for (_, role, _) in wanted {
        if let Err(trouble) = visitor.may(role) {
            return not_made(&workbench, &visitor, trouble, purpose);
        }
        roles = roles.with(role);
    }
    let Some(made) = workbench.doors().tokens().make(&visitor.user, roles, purpose) else {
        let what = "expected room for one more token, found as many as there may be. Revoke one first";
        return not_made(&workbench, &visitor, Trouble::new(TroubleKind::TooLarge, what), purpose);
    };
    let told = html! {
        section.outcome aria-labelledby="made-title" role="status" {
            h2 id="made-title" { "Your token" }
            p { b { "It is shown this once." } " Copy it now; it ends " (instant(made.ends)) ", or when the workbench is stopped." }
            (shell::command(&made.text))
        }
    };
    shell::page(&visitor, "Account", &body(&workbench, &visitor, &told, ""))
}

fn not_made(workbench: &Workbench, visitor: &Visitor, trouble: Trouble, purpose: &str) -> Response {
    let told = shell::not_done(&trouble);
    let mut response = shell::page(visitor, "Account", &body(workbench, visitor, &told, purpose));
    *response.status_mut() = shell::status(trouble.kind);
    response
}

/// Ends a token of the user's own.
async fn revoke(State(workbench): State<Workbench>, visitor: Visitor, Path(number): Path<u64>) -> Response {
    workbench.doors().tokens().revoke(&visitor.user, number);
    Redirect::to("/account").into_response()
}

fn body(workbench: &Workbench, visitor: &Visitor, told: &Markup, purpose: &str) -> Markup {
    let tokens = workbench.doors().tokens().list(&visitor.user);
    let user = &visitor.user;
    html! {
        h1 { "Account" }
        (told)
        dl {
            dt { "Name" } dd { (visible(&user.name)) }
            dt { "May" } dd { (user.roles) }
        }
        p.soft { "The journal names you so. Whoever starts " code { "throughline serve" } " says who may come in, and as what." }
        section aria-labelledby="tokens-title" {
            h2 id="tokens-title" { "Tokens for programs" }
            p { "With a token a program uses " code { "/api/v1" } " in your name. A token lives as long as the workbench runs, for 30 days at most: after a start, make new ones." }
            @if tokens.is_empty() { p.soft { "None yet." } } @else {
                table.stack {
                    thead { tr { th scope="col" { "For" } th scope="col" { "May" } th scope="col" { "Made" } th scope="col" { "Ends" } th scope="col" { "Used last" } th scope="col" { "Revoke" } } }
                    tbody {
                        @for token in &tokens {
                            tr {
                                th scope="row" { (visible(&token.purpose)) }
                                td data-label="may" { (token.user.roles) }
                                td.when data-label="made" { (instant(token.made)) }
                                td.when data-label="ends" { (instant(token.ends)) }
                                td.when data-label="used last" { @if let Some(used) = token.used { (instant(used)) } @else { "never" } }
                                td data-label="revoke" {
                                    form method="post" action=(format!("/account/tokens/{}/revoke", token.number)) {
                                        (shell::csrf(visitor))
                                        button type="submit" aria-label=(format!("Revoke {}", visible(&token.purpose))) { "Revoke" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        section aria-labelledby="make-title" {
            h2 id="make-title" { "Make a token" }
            form method="post" action="/account/tokens" {
                (shell::csrf(visitor))
                label for="purpose" { "What it is for" }
                input id="purpose" name="purpose" value=(purpose) maxlength=(MAX_PURPOSE) required autocomplete="off";
                fieldset {
                    legend { "What it may do" }
                    p { "It reads." }
                    @for (name, role, says) in ROLES {
                        @if user.roles.has(role) {
                            p { input type="checkbox" id=(name) name=(name); " " label.inline for=(name) { (says) } }
                        }
                    }
                }
                p { button type="submit" { "Make it" } }
            }
        }
    }
}
