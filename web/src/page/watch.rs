//! How the watchers of the store are: last runs, missed runs, what is due, and the alerts.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use maud::{Markup, html};
use report::{instant, visible};
use watch::{Alert, ClientStatus, LastRun, Level, Status};

use super::{cites, shell};
use crate::entry::Visitor;
use crate::workbench::Workbench;

/// Which page answers which address.
pub fn routes() -> Router<Workbench> {
    Router::new().route("/watch", get(page))
}

async fn page(State(workbench): State<Workbench>, visitor: Visitor) -> Response {
    let found = workbench
        .office(|office| {
            let status = office.watched()?;
            let runs = status.clients.iter().map(|client| office.runs(&client.client));
            let runs = runs.collect::<Result<Vec<Vec<LastRun>>, _>>()?;
            Ok((status, runs, office.alerts()?))
        })
        .await;
    match found {
        Ok((status, runs, alerts)) => shell::page(&visitor, "Watch", &whole(&status, &runs, &alerts)),
        Err(trouble) => shell::failed(&visitor, &trouble),
    }
}

fn whole(status: &Status, runs: &[Vec<LastRun>], alerts: &[Alert]) -> Markup {
    let alerts: Vec<&Alert> = alerts.iter().collect();
    html! {
        h1 { "Watch" }
        p.soft { "As of " (instant(status.now)) }
        @if status.clients.is_empty() {
            p { "Nobody was watched with this store yet. A watcher runs a client's runbooks when exports arrive, and looks again when a change is due:" }
            (shell::command("throughline watch --client CLIENT --in EXPORTS"))
        }
        @for (client, runs) in status.clients.iter().zip(runs) { (of_client(client, runs)) }
        section id="alerts" aria-labelledby="alerts-title" {
            h2 id="alerts-title" { "Last alerts" }
            (self::alerts(&alerts))
        }
    }
}

fn of_client(client: &ClientStatus, runs: &[LastRun]) -> Markup {
    let id = watch::slug(&client.client);
    html! {
        section id=(format!("client-{id}")) aria-labelledby=(format!("client-{id}-title")) {
            h2 id=(format!("client-{id}-title")) { (visible(&client.client)) }
            p.lead {
                @match (client.late_since, client.failures) {
                    (Some(since), _) => span.stopped { "✗ late since " (instant(since)) },
                    (None, 0) => span.passed { "✓ in time" },
                    (None, failures) => span.changed { "! in time, but the last " (failures) " runs failed" },
                }
            }
            dl {
                dt { "Last sign of life" }
                dd { (client.beat_at.map_or("never".to_owned(), instant)) span.soft { @if client.mode.as_deref() == Some("stay") { ", stays" } @else { ", started anew for each run" } } }
                dt { "Last run" }
                dd { @match &client.last_run { Some(last) => (run(last)), None => "none yet" } }
                dt { "Missed runs" }
                dd {
                    @match client.last_gap_at {
                        Some(at) => span.changed { "! " (client.gaps) " gaps told, the last " (instant(at)) },
                        None => span.passed { "✓ none" },
                    }
                }
                dt { "Next due" }
                dd {
                    @match (&client.schedule, client.next_due) {
                        (Some(schedule), Some(next)) => { (instant(next)) " by " code { (visible(schedule)) } },
                        _ => "no schedule: runs when exports arrive",
                    }
                }
                @if client.changes_waiting > 0 { dt { "Changes" } dd { (client.changes_waiting) " wait for evidence of the time after them" } }
                dt { "Alerts" }
                dd {
                    (client.alerts) " told"
                    @for sink in &client.undelivered {
                        p.changed {
                            "! " (sink.waiting) " wait for " code { (visible(&sink.sink)) } ", " (sink.given_up) " given up"
                            @if let Some(at) = sink.oldest_at { ", the oldest of " (instant(at)) }
                            @if let Some(fault) = &sink.fault { ": " (visible(fault)) }
                        }
                    }
                }
            }
            @if runs.len() > 1 { details { summary { "The last " (runs.len()) " runs" } (self::runs(runs)) } }
        }
    }
}

/// Runs one under the other, the newest first.
pub fn runs(runs: &[LastRun]) -> Markup {
    html! {
        @if runs.is_empty() { p.soft { "No run yet." } }
        @else {
            table.stack {
                thead { tr { th scope="col" { "began" } th scope="col" { "why" } th scope="col" { "outcome" } } }
                tbody {
                    @for one in runs {
                        tr {
                            th.when scope="row" { (instant(one.started_at)) }
                            td data-label="why" { (visible(&one.reasons.join(", ").replace('_', " "))) }
                            td data-label="outcome" { (outcome(one)) @if let Some(said) = &one.said { p.soft { (visible(said)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// A run in a line.
pub fn run(run: &LastRun) -> Markup {
    html! { (instant(run.started_at)) " " (outcome(run)) @if let Some(said) = &run.said { p.soft { (visible(said)) } } }
}

fn outcome(run: &LastRun) -> Markup {
    let ended = run.ended_at.map(|at: Timestamp| format!(" at {}", instant(at))).unwrap_or_default();
    match run.outcome.as_deref() {
        Some("quiet") => html! { span.passed { "✓ quiet" } (ended) },
        Some("told") => html! { span.changed { "! told something" } (ended) },
        Some("failed") => html! { span.stopped { "✗ failed" } (ended) },
        Some(other) => html! { span.conflict { "? " (visible(&other.replace('_', " "))) } (ended) },
        None => html! { span.pending { "◌ running, or broken off" } },
    }
}

/// Alerts one under the other, the newest first.
pub fn alerts(alerts: &[&Alert]) -> Markup {
    html! {
        @if alerts.is_empty() { p.soft { "None." } }
        @for alert in alerts {
            article.card id=(format!("alert-{}", alert.id)) {
                h3 { span.(class(alert)) { (alert.level.word()) } " " (visible(&alert.title)) }
                p.soft {
                    (instant(alert.at)) " · " (visible(&alert.client)) " · " (visible(alert.kind.words()))
                    @if let Some(case) = alert.case { " · " a href=(format!("/cases/{case}")) { "case #" (case) } }
                    @if let Some(runbook) = &alert.runbook { " · runbook " (visible(runbook)) }
                    @if let Some(owner) = &alert.owner { " · " (visible(owner)) }
                }
                p { (visible(&alert.statement)) (records(alert)) }
                @if let Some(span) = &alert.span {
                    p { (span.runs_missed) " runs missed from " (instant(span.from)) " to " (instant(span.to)) }
                }
                @if !alert.ask_for.is_empty() { p.soft { "would tell more: " (visible(&alert.ask_for.join(", "))) } }
            }
        }
    }
}

/// The records of an alert: links if they are a case's, else their places in the watched folder.
fn records(alert: &Alert) -> Markup {
    match alert.case {
        Some(case) => cites::links(case, &alert.cites),
        None => html! { @for cite in alert.cites.iter().take(3) { " " code.soft { (visible(&cite.place())) } } },
    }
}

/// The class of an alert in the style sheet.
pub fn class(alert: &Alert) -> &'static str {
    match alert.level {
        Level::Alert => "stopped",
        Level::Info => "soft",
    }
}
