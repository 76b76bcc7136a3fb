//! `watch --status`: how the watchers of a store are.

use jiff::Timestamp;
use report::visible;
use watch::{ClientStatus, Status};

use crate::case::desk::Desk;
use crate::cli::Format;
use crate::cli::watch::Watch;
use crate::failure::Failure;
use crate::output;

/// Prints how they are; gives the exit status: 1 if one is late.
///
/// # Errors
/// [`Failure`] if the store cannot be read.
pub fn run(options: &Watch, desk: &Desk) -> Result<u8, Failure> {
    let status = watch::status(&desk.store, options.client.as_deref(), Timestamp::now())?;
    let text = if options.output.format == Format::Json { output::json(&status)? } else { text(&status) };
    output::print(&text)?;
    Ok(u8::from(status.is_late))
}

fn text(status: &Status) -> String {
    if status.clients.is_empty() {
        return "Nobody was watched with this store yet.\n".to_owned();
    }
    let mut lines = Vec::new();
    for client in &status.clients {
        lines.push(format!("{}: {}", visible(&client.client), how(client)));
        lines.extend(details(client).into_iter().map(|line| format!("  {}", visible(&line))));
    }
    lines.join("\n") + "\n"
}

fn how(client: &ClientStatus) -> String {
    match (client.late_since, client.failures) {
        (Some(since), _) => format!("LATE since {}", second(since)),
        (None, 0) => "in time".to_owned(),
        (None, failures) => format!("in time, but the last {failures} runs failed"),
    }
}

fn details(client: &ClientStatus) -> Vec<String> {
    let mut lines = vec![format!(
        "last sign of life {}, {}",
        client.beat_at.map_or("never".to_owned(), second),
        if client.mode.as_deref() == Some("stay") { "stays" } else { "started anew for each run" },
    )];
    lines.push(match &client.last_run {
        None => "no run yet".to_owned(),
        Some(run) => {
            let how = match (&run.outcome, run.ended_at) {
                (Some(outcome), Some(ended)) => format!("{outcome} at {}", second(ended)),
                (Some(outcome), None) => outcome.replace('_', " "),
                (None, _) => "running, or broken off".to_owned(),
            };
            let said = run.said.as_deref().map(|said| format!(": {said}")).unwrap_or_default();
            format!("last run {} ({}), {how}{said}", second(run.started_at), run.reasons.join(", ").replace('_', " "))
        }
    });
    lines.push(match (&client.schedule, client.next_due) {
        (Some(schedule), Some(next)) => format!("next run due {} by `{schedule}`", second(next)),
        _ => "no schedule: runs when exports arrive".to_owned(),
    });
    if let Some(at) = client.last_gap_at {
        lines.push(format!("{} gaps told, the last {}", client.gaps, second(at)));
    }
    if client.changes_waiting > 0 {
        lines.push(format!("{} changes wait for evidence of the time after them", client.changes_waiting));
    }
    for sink in &client.undelivered {
        let fault = sink.fault.as_deref().map(|fault| format!(": {fault}")).unwrap_or_default();
        let since = sink.oldest_at.map(|at| format!(", the oldest of {}", second(at))).unwrap_or_default();
        lines.push(format!(
            "{} alerts wait for `{}`, {} given up{since}{fault}",
            sink.waiting, sink.sink, sink.given_up
        ));
    }
    lines
}

/// An instant to the second.
pub fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
