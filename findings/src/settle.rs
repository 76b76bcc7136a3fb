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
    let Some((layer, cause)) = answer.changed_layer.zip(cause.filter(|claim| claim.is_shown())) else { return stages };
    for stage in &mut stages {
        if stage.layer == layer && !explains(stage.state) {
            stage.state = state_of(copy.fate, layer);
            stage.summary.clone_from(&cause.statement);
            stage.cites.clone_from(&cause.cites);
            stage.ask_for.clear();
        } else if copy.fate == Fate::Bounced && only_a_notice(copy) && (layer..Layer::Delivery).contains(&stage.layer) {
            // The only speaker says that this layer ended the path: what lies behind was not reached.
            if stage.state == State::Passed && layer < stage.layer {
                stage.state = State::NotReached;
                stage.summary = "an earlier stage ended the path".to_owned();
                stage.cites.clone_from(&cause.cites);
            }
        } else if copy.fate == Fate::Rejected && layer != Layer::Arrival {
            if stage.layer == Layer::Arrival && stage.state == State::Stopped {
                stage.state = State::Passed;
            }
            if stage.layer > layer && stage.state == State::NotSupplied {
                stage.state = State::NotReached;
                stage.summary = "an earlier stage ended the path".to_owned();
                stage.cites.clone_from(&cause.cites);
                stage.ask_for.clear();
            }
        }
    }
    stages
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
