//! Brings the stages into line with the cause: the layer follows the cause.

use evidence::{Fact, Layer};
use layers::{Explained, Fate, Stage, State};

use crate::{Answer, Claim};

/// The stages of a copy as they stand once the cause is known.
///
/// A refusal at a door first counts as the arrival's or the delivery's. If its words blame a verdict or authentication,
/// that stage ended the path: it is stopped, the arrival let the message come to the door, and what follows was not reached.
pub(crate) fn stages(copy: &Explained<'_>, answer: &Answer, cause: Option<&Claim>) -> Vec<Stage> {
    let mut stages = copy.stages.clone();
    if let Some((layer, cause)) = answer.changed_layer.zip(cause.filter(|claim| claim.is_shown())) {
        follow(&mut stages, copy.fate, layer, cause);
    }
    if matches!(copy.fate, Fate::Bounced | Fate::Deferred) && only_a_notice(copy) {
        stages.iter_mut().filter(|stage| is_a_filters(stage.layer)).for_each(unseen);
    }
    stages
}

fn follow(stages: &mut [Stage], fate: Fate, layer: Layer, cause: &Claim) {
    for stage in stages {
        if stage.layer == layer && !explains(stage.state) {
            stage.state = state_of(fate, layer);
            stage.summary.clone_from(&cause.statement);
            stage.cites.clone_from(&cause.cites);
            stage.ask_for.clear();
            continue;
        }
        // That it went on as far as the door that refused it is no word about what stands behind the layer that refused it.
        let behind = layer < stage.layer && is_a_filters(stage.layer);
        let is_behind_the_end = match fate {
            Fate::Bounced | Fate::Deferred => behind && stage.state == State::Passed,
            Fate::Rejected if layer != Layer::Arrival => {
                behind && stage.state == State::Passed || stage.layer > layer && stage.state == State::NotSupplied
            }
            _ => false,
        };
        if is_behind_the_end {
            stage.state = State::NotReached;
            stage.summary = "an earlier stage ended the path".to_owned();
            stage.cites.clone_from(&cause.cites);
            stage.ask_for.clear();
        } else if fate == Fate::Rejected
            && layer != Layer::Arrival
            && stage.layer == Layer::Arrival
            && stage.state == State::Stopped
        {
            stage.state = State::Passed;
        }
    }
}

/// The layers at which a filter looks at a message, keeps it, and lets it go.
fn is_a_filters(layer: Layer) -> bool {
    matches!(layer, Layer::Verdict | Layer::Quarantine | Layer::Release)
}

/// A notice tells of the failure alone: what a filter did before that, it does not show.
fn unseen(stage: &mut Stage) {
    if stage.state == State::Passed {
        stage.state = State::NotSupplied;
        stage.summary = "only a notice tells of it, and that says nothing of this".to_owned();
        stage.cites.clear();
    }
}

/// Whether a state can be that of the layer that explains a fate.
fn explains(state: State) -> bool {
    matches!(state, State::Changed | State::Stopped | State::Pending)
}

fn state_of(fate: Fate, layer: Layer) -> State {
    match fate {
        Fate::Quarantined if layer == Layer::Release => State::Stopped,
        Fate::Rejected | Fate::Bounced | Fate::Discarded | Fate::Lost => State::Stopped,
        Fate::Deferred | Fate::ReleasePending => State::Pending,
        _ => State::Changed,
    }
}

/// Whether nothing but a notice, or beside it a summary word, speaks of the copy.
fn only_a_notice(copy: &Explained<'_>) -> bool {
    copy.stays.iter().all(|stay| {
        let says_nothing_of_the_way = |event: &trace::Event| {
            trace::is_sample(event.source) || matches!(event.fact(), Fact::Identity(_) | Fact::Status(_))
        };
        stay.station.events.iter().all(says_nothing_of_the_way)
    })
}
