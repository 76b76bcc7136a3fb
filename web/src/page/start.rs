//! The first page: the cases, and the search over them.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use case::{Case, Wanted};
use maud::{Markup, html};
use report::{instant, visible};
use serde::Deserialize;

use super::shell;
use crate::entry::{Role, Visitor};
use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/", get(page))
}

/// How many cases a page lists.
const SHOWN: u64 = 50;

/// What is searched for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Search {
    q: String,
    from: u64,
}

/// The page.
async fn page(State(workbench): State<Workbench>, visitor: Visitor, Query(search): Query<Search>) -> Response {
    let words = search.q.trim().to_owned();
    let from = search.from;
    let asked = words.clone();
    let found = workbench
        .office(move |office| {
            let mut all: Vec<Case> = Vec::new();
            for wanted in meanings(&asked) {
                let wanted = Wanted { limit: Some(from + SHOWN + 1), ..wanted };
                for case in office.list(&wanted)? {
                    if !all.iter().any(|known| known.uid == case.uid) {
                        all.push(case);
                    }
                }
            }
            all.sort_by_key(|case| std::cmp::Reverse(case.number));
            Ok(all)
        })
        .await;
    let cases = match found {
        Ok(cases) => cases,
        Err(trouble) => return shell::failed(&visitor, &trouble),
    };
    let first = usize::try_from(from).unwrap_or(usize::MAX).min(cases.len());
    let shown: Vec<&Case> = cases[first..].iter().take(SHOWN as usize).collect();
    let is_more = cases.len() - first > shown.len();
    let body = html! {
        h1 { "Cases" }
        form.search role="search" method="get" action="/" {
            label for="q" { "Search" }
            input id="q" type="search" name="q" value=(words) placeholder="Message-ID, address, subject, cause, ticket";
            button type="submit" { "Search" }
        }
        @if shown.is_empty() { (nothing(&visitor, &words)) } @else { (table(&shown)) }
        @if is_more { p { a rel="next" href=(format!("/?q={}&from={}", encoded(&words), from + SHOWN)) { "Older cases" } } }
    };
    shell::page(&visitor, "Cases", &body)
}

/// What words may mean: everything is looked for, and what is found is shown once.
fn meanings(words: &str) -> Vec<Wanted> {
    let all = Wanted::default;
    if words.is_empty() {
        return vec![all()];
    }
    let text = || Some(words.to_owned());
    let mut meant = vec![
        Wanted { message_id: Some(words.trim_matches(['<', '>']).to_owned()), ..all() },
        Wanted { subject: text(), ..all() },
        Wanted { cause: text(), ..all() },
        Wanted { ticket: text(), ..all() },
        Wanted { client: text(), ..all() },
    ];
    if words.contains('@') {
        meant.push(Wanted { address: text(), ..all() });
    } else if words.contains('.') {
        meant.push(Wanted { address: Some(format!("@{words}")), ..all() });
    }
    if let Ok(number) = words.trim_start_matches('#').parse() {
        meant.push(Wanted { number: Some(number), ..all() });
    }
    meant
}

fn nothing(visitor: &Visitor, words: &str) -> Markup {
    html! {
        @if words.is_empty() {
            p { "No case yet." }
            @if visitor.user.roles.has(Role::Engineer) { p { a.button href="/cases/new" { "Open the first one" } } }
        } @else {
            p { "No case has " b { (visible(words)) } " as Message-ID, address, subject, cause, ticket or client." }
        }
    }
}

fn table(cases: &[&Case]) -> Markup {
    html! {
        table.stack.cases {
            thead { tr { th scope="col" { "Case" } th scope="col" { "Message" } th scope="col" { "Answer" } th scope="col" { "State" } } }
            tbody {
                @for case in cases {
                    @let answered = case.answered.as_ref();
                    tr {
                        th scope="row" {
                            a href=(format!("/cases/{}", case.number)) { "#" (case.number) }
                            p.soft {
                                (visible(&case.about.client))
                                @if let Some(ticket) = &case.about.ticket { " " (visible(ticket)) }
                            }
                        }
                        td data-label="message" {
                            (visible(answered.and_then(|one| one.subject.as_deref()).or(case.about.words.as_deref()).unwrap_or("")))
                            @if let Some(sender) = answered.and_then(|one| one.senders.first()) { p.soft { "from " (visible(sender)) } }
                        }
                        td data-label="answer" {
                            @if let Some(cause) = answered.and_then(|one| one.causes.first()) { code { (visible(&cause.id)) } }
                            @else if let Some(copy) = answered.and_then(|one| one.copies.first()) { (copy.fate.word()) }
                            @else { span.soft { "not shown yet" } }
                        }
                        td data-label="state" {
                            (case.status.word().replace('_', " "))
                            p.soft { (instant(case.changed_at)) }
                        }
                    }
                }
            }
        }
    }
}

/// Text as a part of an address.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
