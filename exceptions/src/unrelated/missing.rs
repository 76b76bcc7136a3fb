//! What the exception should have changed, and the newest exports do not show.

use evidence::{ChangeKind, Setting};
use lake::Snapshot;
use sources::proposed::{About, Step};

use super::steps::{contradictions, is_same_thing};
use super::{Around, Missing};
use crate::World;
use crate::audit::standing::{self, Standing};

/// Every step that the newest exports do not show as done. A class of which no two exports were compared shows nothing.
pub(super) fn missing(around: &Around<'_>, snapshots: &[Snapshot]) -> Vec<Missing> {
    let world = World { lake: around.lake, needs: &[], now: None };
    let standing = standing::all(&world);
    let is_compared = |one: &Standing<'_>| {
        let of_file = |snapshot: &&Snapshot| snapshot.file == one.cite().file && snapshot.source == one.entry.source;
        snapshots.iter().find(of_file).is_some_and(|snapshot| snapshot.earlier.is_some())
    };
    around.steps.iter().filter_map(|step| of_step(step, &standing, &is_compared)).collect()
}

fn of_step(step: &Step, standing: &[Standing<'_>], is_compared: &dyn Fn(&Standing<'_>) -> bool) -> Option<Missing> {
    let About::Setting(stated) = &step.about else { return None };
    let of_class = |one: &&Standing<'_>| {
        one.setting.class == stated.class
            && one.entry.observation.speaker.product == step.product
            && one.setting.entry.is_some() == stated.entry.is_some()
    };
    let mut shown = standing.iter().filter(of_class).filter(|one| is_compared(one)).peekable();
    let first = *shown.peek()?;
    let found = shown.find(|one| is_same_thing(stated, one.setting));
    let missing = |statement: String, one: &Standing<'_>| {
        Some(Missing { step: step.said.clone(), statement, cites: vec![one.cite().clone()] })
    };
    let name = name(stated);
    match (step.kind, found) {
        (ChangeKind::Removed, Some(one)) => missing(format!("{name} is still there"), one),
        (ChangeKind::Removed, None) => None,
        (_, None) => missing(format!("the newest export does not show {name}"), first),
        (_, Some(one)) => {
            let parts = contradictions(step, stated, one.setting);
            if parts.is_empty() {
                return None;
            }
            missing(format!("{name} is there, but not as stated: {}", parts.join(", ")), one)
        }
    }
}

fn name(stated: &Setting) -> String {
    format!("\"{}\"", stated.entry.as_ref().map_or(&stated.name, |entry| &entry.value))
}
