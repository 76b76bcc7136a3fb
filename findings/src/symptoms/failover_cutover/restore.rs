//! Whether there is something good to go back to: the last export of the settings from before the cutover, whether it is whole, and
//! what putting it back would change today. Nothing is called recoverable before that is shown.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Cite, FileName, Layer, SettingClass, SourceId};
use jiff::Timestamp;
use lake::Snapshot;

use super::super::altered::{class, minute, short, shown};
use super::super::picture::{BeforeAfter, Compared, Weight};
use super::super::{Picture, Sign, Survey};
use crate::Standing;

/// So many lines of the dry run are shown.
const MAX_ROWS: usize = 16;

/// One file of settings.
struct Export {
    file: FileName,
    source: SourceId,
    taken: Option<Timestamp>,
    /// Is told to be from before by its name or order.
    classes: BTreeMap<SettingClass, usize>,
    first: Cite,
}

/// What is there to go back to; `None` if no settings were supplied that a cutover moves.
pub(super) fn sign(survey: &Survey<'_>, cut: Timestamp, main: Standing) -> Option<Sign> {
    let snapshots = survey.ledger.around().snapshots();
    let exports = exports(survey, &snapshots);
    let moved: BTreeSet<SourceId> = exports.iter().filter(|one| moves_mail(one)).map(|one| one.source).collect();
    if moved.is_empty() {
        return None;
    }
    let (mut said, mut lacks, mut cites, mut rows, mut ask_for) = (vec![], vec![], vec![], vec![], vec![]);
    for source in moved {
        let own: Vec<&Export> = exports.iter().filter(|one| one.source == source).collect();
        let ordered = order(&own, &snapshots, cut);
        let Some((backup, today)) = ordered else {
            let title = sources::source(source).map_or(source, |source| source.title());
            lacks.push(format!("no export of {title} from before the cutover is here"));
            ask_for.push(source);
            cites.extend(own.first().map(|one| one.first.clone()));
            continue;
        };
        let faults = faults(survey, backup, today);
        let when = backup.taken.map(minute).map(|at| format!(" of {at}")).unwrap_or_default();
        cites.push(backup.first.clone());
        cites.extend(today.map(|today| today.first.clone()));
        if !faults.is_empty() {
            ask_for.push(source);
            lacks.push(format!("the last export{when} ({}) is not whole: {}", backup.file, faults.join("; ")));
            continue;
        }
        let own_rows = today.map(|today| dry_run(&snapshots, backup, today)).unwrap_or_default();
        let kinds: Vec<String> =
            backup.classes.iter().map(|(one, count)| format!("{count} x {}", class(one))).collect();
        let change = match (today.is_some(), own_rows.len()) {
            (false, _) => "no export of today is here to compare it with".to_owned(),
            (true, 0) => "putting it back would change nothing".to_owned(),
            (true, 1) => "putting it back would change 1 property".to_owned(),
            (true, count) => format!("putting it back would change {count} properties"),
        };
        said.push(format!("{}{when} is whole ({}); {change}", backup.file, kinds.join(", ")));
        if today.is_none() {
            lacks.push(format!("no export of today is here to compare {} with", backup.file));
            ask_for.push(source);
        }
        rows.extend(own_rows);
    }
    let is_whole = lacks.is_empty();
    let statement = match is_whole {
        true => format!("Recoverable: the last good export {}", said.join("; ")),
        false => {
            let good = if said.is_empty() { String::new() } else { format!("; {}", said.join("; ")) };
            format!("Not called recoverable: {}{good}", lacks.join("; "))
        }
    };
    ask_for.dedup();
    cites.truncate(8);
    rows.truncate(MAX_ROWS);
    let picture = (!rows.is_empty()).then(|| {
        Picture::BeforeAfter(BeforeAfter { before: "restore target".to_owned(), after: "today".to_owned(), rows })
    });
    Some(Sign {
        specific: None,
        // It never stands above the sign that it belongs to.
        standing: if is_whole { main } else { Standing::NotShown },
        layer: Layer::Delivery,
        envelope_recipient: None,
        statement,
        cites,
        ask_for,
        apart: Vec::new(),
        picture,
    })
}

/// Whether an export holds settings that a cutover moves.
fn moves_mail(export: &Export) -> bool {
    export.classes.keys().any(|class| {
        matches!(class, SettingClass::InboundConnector | SettingClass::OutboundConnector | SettingClass::DeliveryRoute)
    })
}

fn exports(survey: &Survey<'_>, snapshots: &[Snapshot]) -> Vec<Export> {
    let mut found: BTreeMap<(FileName, SourceId), Export> = BTreeMap::new();
    for setting in survey.settings() {
        let cite = setting.cite();
        let key = (cite.file.clone(), setting.source());
        let export = found.entry(key).or_insert_with(|| Export {
            file: cite.file.clone(),
            source: setting.source(),
            taken: setting.at(),
            classes: BTreeMap::new(),
            first: cite.clone(),
        });
        *export.classes.entry(setting.fact.class.clone()).or_insert(0) += 1;
        if cite.order() < export.first.order() {
            export.first = cite;
        }
    }
    for snapshot in snapshots {
        if let Some(export) = found.get_mut(&(snapshot.file.clone(), snapshot.source)) {
            export.taken = export.taken.or(snapshot.taken.as_ref().map(|when| when.at));
        }
    }
    found.into_values().collect()
}

/// The last export from before the cutover, and the last one of all if it is another.
fn order<'e>(own: &[&'e Export], snapshots: &[Snapshot], cut: Timestamp) -> Option<(&'e Export, Option<&'e Export>)> {
    let by_file = |file: &FileName| own.iter().copied().find(|one| one.file == *file);
    let mut dated: Vec<&Export> = own.iter().copied().filter(|one| one.taken.is_some()).collect();
    dated.sort_by(|a, b| (a.taken, &a.file).cmp(&(b.taken, &b.file)));
    if let Some(backup) = dated.iter().rev().find(|one| one.taken.is_some_and(|taken| taken < cut)) {
        let today = dated.last().filter(|last| last.file != backup.file);
        return Some((backup, today.copied()));
    }
    // Without instants the words of the names or the contents tell which is the earlier.
    let pair = snapshots.iter().find(|one| {
        one.taken.is_none()
            && one.earlier.is_some()
            && one.order != lake::Order::NotShown
            && by_file(&one.file).is_some()
    })?;
    let backup = by_file(pair.earlier.as_ref()?)?;
    Some((backup, by_file(&pair.file)))
}

/// What speaks against putting an export back.
fn faults(survey: &Survey<'_>, backup: &Export, today: Option<&Export>) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, count) in today.map(|today| &today.classes).into_iter().flatten() {
        if !backup.classes.contains_key(kind) {
            found.push(format!("it holds no {}, of which there are {count} today", class(kind)));
        }
    }
    let supplied = survey.ledger.around().supplied().iter().find(|one| one.file == backup.file);
    if let Some(supplied) = supplied {
        match supplied.problems.len() {
            0 => {}
            1 => found.push("1 row of it could not be read".to_owned()),
            count => found.push(format!("{count} rows of it could not be read")),
        }
        if supplied.coverage.suspected_cut {
            found.push("it seems to be cut".to_owned());
        }
        found.extend(
            supplied.coverage.limits.iter().filter(|limit| limit.contains("were cut")).map(|limit| limit.to_string()),
        );
    }
    found
}

/// What putting the backup back would change today: the differences of all exports between the two, the first value against the last.
fn dry_run(snapshots: &[Snapshot], backup: &Export, today: &Export) -> Vec<Compared> {
    let by_file = |file: &FileName| snapshots.iter().find(|one| one.file == *file && one.source == backup.source);
    let mut chain = Vec::new();
    let mut at = by_file(&today.file);
    // Each export has one before it: the chain ends at the backup, or at the first.
    while let Some(snapshot) = at.filter(|one| one.file != backup.file && chain.len() < snapshots.len()) {
        chain.push(snapshot);
        at = snapshot.earlier.as_ref().and_then(by_file);
    }
    type Ends = (Option<String>, Option<String>, Vec<Cite>);
    let mut changed: BTreeMap<(String, String, Option<String>), Ends> = BTreeMap::new();
    for snapshot in chain.iter().rev() {
        for one in &snapshot.differences {
            let key = (class(&one.class), one.name.clone(), one.property.clone());
            let known = changed.entry(key).or_insert_with(|| (one.before.clone(), None, one.cites.clone()));
            known.1.clone_from(&one.after);
        }
    }
    let rows = changed.into_iter().filter(|(_, (before, after, _))| before != after);
    rows.map(|((class, name, property), (before, after, cites))| {
        let of = property.map(|property| format!(" {property}")).unwrap_or_default();
        Compared {
            field: format!("{class} {}{of}", short(&name)),
            before: before.as_deref().map(shown),
            after: after.as_deref().map(shown),
            weight: Weight::Differs,
            cites,
        }
    })
    .collect()
}
