//! (c) It survived a refresh: policies were renewed after the change, and mail still came through after that.

use super::change::Change;
use super::nothing_else::Exports;
use super::refresh::{self, Refresh};
use super::{Check, Later, Scene, shown, workflow};

/// The id of the check.
const ID: &str = "policy_refresh";

/// Whether the change outlived a refresh.
pub(super) fn check(
    scene: &Scene<'_>,
    later: &[Later],
    refreshes: &[Refresh],
    changes: &[Change],
    exports: &Exports,
) -> Check {
    let Some(first) = refreshes.first() else {
        let told = "no record shows a refresh, restart, sync or push of policies after the change: \
                    the change itself does not count as one";
        return Check::cannot_tell(ID, told.to_owned(), refresh::ask_for(scene, changes));
    };
    let is_passed = |refresh: &Refresh, one: &Later| one.copy().is_none_or(|copy| refresh.is_on_way_of(copy));
    let before = |one: &&Later| refreshes.iter().rev().find(|refresh| refresh.at < one.at && is_passed(refresh, one));
    if let Some((stopped, refresh)) =
        later.iter().filter(|one| one.is_stopped()).find_map(|one| Some((one, before(&one)?)))
    {
        let statement = format!(
            "{} for {} was stopped at {}, after {} at {}: {}",
            stopped.message.name(),
            stopped.envelope_recipient,
            shown(stopped.at),
            refresh.told,
            shown(refresh.at),
            stopped.because
        );
        return Check::came_back(ID, statement, [refresh.cites.clone(), stopped.cites.clone()].concat());
    }
    let good = |recipient: &evidence::Address| {
        let own = later.iter().filter(move |one| one.is_good() && one.envelope_recipient == *recipient);
        own.filter_map(|one| Some((one, before(&one)?))).next_back()
    };
    let each: Option<Vec<(&Later, &Refresh)>> = scene.recipients.iter().map(good).collect();
    let Some(((last, refresh), each)) = each.and_then(|each| Some((*each.last()?, each))) else {
        let told = format!(
            "{} at {} renewed policies, and no message that passed it is shown to have been delivered after it{}",
            first.told,
            shown(first.at),
            scene.since_when()
        );
        // One beside the way may be followed by one on it.
        let is_beside = later.iter().any(|one| one.is_good() && one.at > first.at);
        let asked = if is_beside { refresh::ask_for(scene, changes) } else { workflow::traces(scene) };
        return Check::cannot_tell(ID, told, asked).citing(first.cites.clone());
    };
    if let Some((undone, cites)) = &exports.undone {
        let told = format!("mail came through after {} at {}, but {undone}", refresh.told, shown(refresh.at));
        return Check::cannot_tell(ID, told, Vec::new()).citing(cites.clone());
    }
    let statement = format!(
        "{} was delivered at {}, after {} at {}",
        last.message.name(),
        shown(last.at),
        refresh.told,
        shown(refresh.at)
    );
    let cites = each.iter().flat_map(|(one, refresh)| [refresh.cites.clone(), one.cites.clone()].concat());
    Check::held(ID, statement, cites.collect())
}
