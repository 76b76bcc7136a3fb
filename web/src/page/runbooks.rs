//! The runbooks of all clients: what tickets taught, and when their signals were asked last.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use case::runbook::{Listed, ListedRunbook, Runbook, RunbookStatus};
use maud::{Markup, html};
use report::{instant, visible};
use watch::{Alert, ClientStatus, LastRun};

use super::start::encoded;
use super::{shell, watch as watchers};
use crate::entry::Visitor;
use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/runbooks", get(page)).route("/runbooks/{client}/{slug}", get(one))
}

async fn page(State(workbench): State<Workbench>, visitor: Visitor) -> Response {
    let found = workbench.office(|office| Ok((office.runbooks()?, office.watched()?.clients, office.alerts()?))).await;
    match found {
        Ok((listed, clients, alerts)) => shell::page(&visitor, "Runbooks", &list(&listed, &clients, &alerts)),
        Err(trouble) => shell::failed(&visitor, &trouble),
    }
}

async fn one(
    State(workbench): State<Workbench>,
    visitor: Visitor,
    Path((client, slug)): Path<(String, String)>,
) -> Response {
    let found = workbench
        .office(move |office| {
            let runbook = office.runbook(&client, &slug)?;
            let runs = office.runs(&runbook.client)?;
            Ok((runbook, runs, office.alerts()?))
        })
        .await;
    match found {
        Ok((runbook, runs, alerts)) => shell::page(&visitor, &runbook.title, &whole(&runbook, &runs, &alerts)),
        Err(trouble) => shell::failed(&visitor, &trouble),
    }
}

fn list(listed: &Listed, clients: &[ClientStatus], alerts: &[Alert]) -> Markup {
    html! {
        h1 { "Runbooks" }
        p.soft { "What tickets taught: a cause, the signal that tells when it is there again, what validates the mend, and who looks after it." }
        @if listed.runbooks.is_empty() {
            p { "None yet. A case that is verified teaches the first:" }
            (shell::command("throughline runbook new CASE"))
        } @else {
            table.stack {
                thead { tr {
                    th scope="col" { "Runbook" } th scope="col" { "Cause and signal" } th scope="col" { "Version" }
                    th scope="col" { "Last run" } th scope="col" { "Last alert" }
                } }
                tbody { @for one in &listed.runbooks { (row(one, clients, alerts)) } }
            }
        }
    }
}

fn row(one: &ListedRunbook, clients: &[ClientStatus], alerts: &[Alert]) -> Markup {
    let Some(runbook) = &one.runbook else {
        return html! {
            tr {
                th scope="row" { (visible(&one.name)) }
                td.conflict data-label="fault" colspan="4" { "? " (visible(one.error.as_deref().unwrap_or_default())) }
            }
        };
    };
    let watcher = clients.iter().find(|client| client.client == runbook.client.trim().to_lowercase());
    let run = watcher.and_then(|client| client.last_run.as_ref());
    html! {
        tr {
            th scope="row" {
                a href=(address(runbook)) { (visible(&runbook.title)) }
                p.soft { (visible(&one.name)) @if !runbook.owner.is_empty() { " · " (visible(&runbook.owner)) } }
            }
            td data-label="cause" { code { (visible(&runbook.root_cause)) } p { code.soft { (visible(&runbook.signal)) } } }
            td data-label="version" { (runbook.version) " " (status(runbook.status)) p.soft { (instant(runbook.written_at)) } }
            td data-label="last run" {
                @match run {
                    Some(run) => (watchers::run(run)),
                    None => span.soft { "nobody watches this client" },
                }
            }
            td data-label="last alert" {
                @match alerts.iter().find(|alert| alert.runbook.as_deref() == Some(&*one.name)) {
                    Some(alert) => span.(watchers::class(alert)) { (instant(alert.at)) " " (visible(&alert.title)) },
                    None => span.soft { "none" },
                }
            }
        }
    }
}

fn whole(runbook: &Runbook, runs: &[LastRun], alerts: &[Alert]) -> Markup {
    let name = format!("{}/{}", runbook.client, runbook.slug);
    let of_it: Vec<&Alert> = alerts.iter().filter(|alert| alert.runbook.as_deref() == Some(&*name)).collect();
    html! {
        h1 { (visible(&runbook.title)) }
        p { span.tag { "version " (runbook.version) } (status(runbook.status)) " · " (visible(&runbook.client)) }
        h2 { "Run it" }
        (shell::command(&format!("throughline runbook check {name} EVIDENCE")))
        div.sheet { (report::sheet_markup(&runbook.sheet(&format!("{}.md", runbook.slug)), "", &|_| None)) }
        section id="runs" aria-labelledby="runs-title" {
            h2 id="runs-title" { "Last runs of the client's watcher" }
            (watchers::runs(runs))
        }
        section id="alerts" aria-labelledby="alerts-title" {
            h2 id="alerts-title" { "Last alerts of this runbook" }
            (watchers::alerts(&of_it))
        }
        p { a href="/runbooks" { "All runbooks" } }
    }
}

fn status(status: RunbookStatus) -> Markup {
    match status {
        RunbookStatus::Tested => html! { span.passed { "✓ tested" } },
        RunbookStatus::Draft => html! { span.changed { "! draft" } },
    }
}

fn address(runbook: &Runbook) -> String {
    format!("/runbooks/{}/{}", encoded(&runbook.client), encoded(&runbook.slug))
}
