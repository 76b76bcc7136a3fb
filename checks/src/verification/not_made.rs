//! That a change was not made: its record says that it failed, or the audit log of that moment has none of it.

use evidence::{ChangeKind, Cite, Fact};
use sources::proposed::{About, Step};

use super::change::{self, Change, Row};
use super::{Scene, nothing_else, shown};

/// Every step of the changes that were read.
fn steps(changes: &[Change]) -> impl Iterator<Item = (&Change, &Step)> {
    let read = changes.iter().filter(|change| change.is_read());
    read.flat_map(|change| change.steps().iter().map(move |step| (change, step)))
}

/// That a step was tried and failed, and no record shows it done: in a clause, with the record.
pub(super) fn failed(scene: &Scene<'_>, changes: &[Change]) -> Option<(String, Vec<Cite>)> {
    let failures = change::failed_rows(scene);
    let rows = change::rows(scene);
    let (change, step, row) = steps(changes).find_map(|(change, step)| {
        let is_its = |row: &&Row<'_>| change.is_of_time(row) && change.states(step, row);
        let row = failures.iter().rfind(is_its)?;
        rows.iter().find(is_its).is_none().then_some((change, step, *row))
    })?;
    let told = format!(
        "the record of the change says that it failed, {} at {}, and none shows it done: what let the mail through is not `{}`",
        row.change.operation,
        shown(row.at),
        nothing_else::first_line(if change.steps().len() == 1 { &change.said } else { &step.said })
    );
    Some((told, vec![row.entry.observation.cite.clone()]))
}

/// That the audit log covers the moment of a step and has no record of it, and no later export shows what it makes: in a clause, with the
/// first and the last record of the log.
pub(super) fn not_logged(scene: &Scene<'_>, changes: &[Change]) -> Option<(String, Vec<Cite>)> {
    let rows = change::rows(scene);
    let lake = scene.ledger.around();
    let is_missing = |change: &Change, step: &Step| {
        let About::Setting(_) = &step.about else { return None };
        let log = nothing_else::log_of(&step.product)?;
        lake.covers_until(log, change.made_at)?;
        let is_logged = rows.iter().any(|row| change.is_of_time(row) && change.states(step, row));
        (!is_logged && !is_exported(scene, change, step)).then_some(log)
    };
    let (step, log) = steps(changes).find_map(|(change, step)| Some((step, is_missing(change, step)?)))?;
    let title = sources::source(log).map_or(log, |source| source.title());
    let told = format!(
        "{title} covers the moment of the change and has no such change: nothing shows that `{}` was made",
        nothing_else::first_line(&step.said)
    );
    Some((told, nothing_else::spanning(scene, &[log])))
}

/// Whether an export from after the change shows what a step makes.
fn is_exported(scene: &Scene<'_>, change: &Change, step: &Step) -> bool {
    if step.kind != ChangeKind::Created {
        return false;
    }
    scene.ledger.entries().iter().any(|entry| {
        let Fact::Setting(setting) = &entry.observation.fact else { return false };
        let taken = entry.observation.when.as_ref().map(|when| when.at);
        let is_after = (scene.is_after)(&entry.observation.cite.file) || taken.is_some_and(|at| at >= change.made_at);
        is_after && nothing_else::is_made_by(step, &entry.observation.speaker.product, setting)
    })
}
