//! Says what each stage decided over a copy, on which evidence; never why in the vendor's terms.
//!
//! [`explain`] walks the stations of a copy: `stay` reads how the stay at each ended, `fate` what became of the copy,
//! `stages` the state of the seven layers. Vendor codes stay where the sources put them: in `said`.

mod covers;
pub mod exports;
mod fate;
pub mod part;
mod say;
mod stages;
mod stay;

use evidence::{Cite, Fact, Layer, SourceId};
use lake::Lake;
use trace::{Copy, Event, Trace};

pub use covers::{would_show, would_show_after};
pub use fate::{Fate, is_vendor_cloud};
pub use say::{of_event, of_fact, of_verdict_kind};
pub use stay::{End, Stay};

/// What a stage did to a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It let the copy go on.
    Passed,
    /// It marked, held, moved or let go the copy.
    Changed,
    /// The path ended here.
    Stopped,
    /// It has not decided yet.
    Pending,
    /// An earlier stage provably ended the path.
    NotReached,
    /// Evidence that would show it was supplied and covers the instant; it shows nothing.
    Absent,
    /// Evidence that would show it was not supplied.
    NotSupplied,
    /// Two speakers disagree.
    Conflict,
}

/// One of the seven stages of a copy.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Which.
    pub layer: Layer,
    /// What it did.
    pub state: State,
    /// One sentence.
    pub summary: String,
    /// Where that is written.
    pub cites: Vec<Cite>,
    /// The exports that would show it, if it is not shown.
    pub ask_for: Vec<SourceId>,
}

/// What became of one copy, stage by stage.
#[derive(Clone, Debug)]
pub struct Explained<'t> {
    /// The copy.
    pub copy: &'t Copy,
    /// Its stays, one a station, in the order of the way.
    pub stays: Vec<Stay<'t>>,
    /// What became of it.
    pub fate: Fate,
    /// Number of the stay that decided the fate; `None` if none did.
    pub decided_at: Option<usize>,
    /// The seven stages in order.
    pub stages: Vec<Stage>,
}

impl<'t> Explained<'t> {
    /// The stay that decided the fate.
    pub fn decided(&self) -> Option<&Stay<'t>> {
        self.decided_at.and_then(|at| self.stays.get(at))
    }

    /// One stage.
    pub fn stage(&self, layer: Layer) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.layer == layer)
    }
}

/// Explains every copy of a trace.
pub fn explain<'t>(trace: &'t Trace, lake: &Lake) -> Vec<Explained<'t>> {
    trace
        .copies
        .iter()
        .map(|copy| {
            let stays = without_look_alikes(copy.stations.iter().map(Stay::of).collect(), copy);
            let (fate, decided_at) = fate::of(copy, &stays, &trace.copies, lake);
            let stages = stages::of(copy, &stays, fate, decided_at, lake, &trace.not_counted);
            Explained { copy, stays, fate, decided_at, stages }
        })
        .collect()
}

/// Leaves out refusals at a door that only look like the copy (no id of the message stands in them) once records with its
/// ids say how it fared: then they are an earlier attempt, or another message.
fn without_look_alikes<'t>(stays: Vec<Stay<'t>>, copy: &Copy) -> Vec<Stay<'t>> {
    let overruled: Vec<bool> = stays
        .iter()
        .map(|stay| {
            let known = || stays.iter().filter(|other| !other.is_by_looks() && fate::has_own_record(other));
            let accepted_later = || known().any(|other| other.accepted_at().is_some_and(|at| Some(at) >= stay.start()));
            match stay.end {
                End::PutOff(attempt) if stay.is_by_looks() && came_again(attempt, copy) => true,
                End::Refused(_) | End::PutOff(_) if stay.is_by_looks() => {
                    known().any(Stay::has_ended) || accepted_later()
                }
                _ => false,
            }
        })
        .collect();
    stays.into_iter().zip(overruled).filter(|(_, overruled)| !overruled).map(|(stay, _)| stay).collect()
}

/// Whether the sample's own Received fields show the message coming later from the server that was put off.
fn came_again(attempt: &Event, copy: &Copy) -> bool {
    let Fact::Arrival(arrival) = attempt.fact() else { return false };
    let Some(client) = arrival.client.as_ref().and_then(|client| client.ip.as_ref()) else { return false };
    copy.beside.iter().any(|event| {
        matches!(event.fact(), Fact::Hop(hop) if hop.from.as_ref().and_then(|from| from.ip.as_ref()) == Some(client))
            && event.at() > attempt.at()
    })
}

/// The cites of events, each once.
pub fn cites<'e>(events: impl IntoIterator<Item = &'e Event>) -> Vec<Cite> {
    let mut found: Vec<Cite> = Vec::new();
    for event in events {
        let cite = &event.observation.cite;
        if !found.iter().any(|known| known.order() == cite.order()) {
            found.push(cite.clone());
        }
    }
    found
}
