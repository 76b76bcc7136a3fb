//! The seven stages, a lane a copy.

use maud::{Markup, html};
use report::{Layer, MessageCopy, Report, State, visible};

/// How many lanes a page draws; copies with the same states are one lane.
const MAX_LANES: usize = 60;

/// The lanes of a report; `open` is the stage that is shown below them.
pub fn lanes(number: u64, report: &Report, open: Option<(usize, Layer)>) -> Markup {
    let lanes = grouped(report);
    html! {
        @if lanes.is_empty() { p { "No copy of this message was found in the evidence." } }
        @else {
            table.lanes {
                caption { "Seven stages from left to right. Copies with the same states are drawn once; choose a stage for its records." }
                thead { tr { @for layer in Layer::ALL { th scope="col" { (layer.word()) } } } }
                tbody { @for lane in lanes.iter().take(MAX_LANES) { (drawn(number, lane, open)) } }
            }
            @if lanes.len() > MAX_LANES { p { (lanes.len() - MAX_LANES) " more kinds of copies are in the report." } }
        }
    }
}

/// Copies that fared the same.
struct Lane<'a> {
    /// The first of them.
    copy: &'a MessageCopy,
    /// Its number, from 1.
    place: usize,
    /// How many more.
    more: usize,
}

fn grouped(report: &Report) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for (at, copy) in report.copies.iter().enumerate() {
        let states: Vec<State> = Layer::ALL.map(|layer| state(copy, layer)).to_vec();
        let lane = *known.entry((copy.fate, copy.changed_layer, states)).or_insert(lanes.len());
        match lanes.get_mut(lane) {
            Some(lane) => lane.more += 1,
            None => lanes.push(Lane { copy, place: at + 1, more: 0 }),
        }
    }
    lanes
}

fn drawn(number: u64, lane: &Lane<'_>, open: Option<(usize, Layer)>) -> Markup {
    let copy = lane.copy;
    html! {
        tr {
            th scope="rowgroup" colspan="7" {
                (visible(if copy.envelope_recipient.is_empty() { "recipient not named" } else { &copy.envelope_recipient }))
                @if lane.more > 0 { span.soft { " (+" (lane.more) " more)" } }
                " → " (copy.fate.word())
            }
        }
        tr {
            @for (at, layer) in Layer::ALL.into_iter().enumerate() {
                @let now = state(copy, layer);
                @let goes_on = Layer::ALL[at + 1..].iter().any(|later| was_reached(state(copy, *later)));
                td.decided[copy.changed_layer == Some(layer)] data-label=(layer.word()) {
                    span.sign.way[goes_on] aria-hidden="true" { span class=(class(now)) { (sign(now)) } }
                    a.state.(class(now)) href=(format!("/cases/{number}/way/{}/{}#stage", lane.place, layer.word()))
                        aria-current=[(open == Some((lane.place, layer))).then_some("true")] { (now.word()) }
                }
            }
        }
        tr.why { td colspan="7" { (visible(copy.because.as_deref().unwrap_or_default())) } }
    }
}

fn state(copy: &MessageCopy, layer: Layer) -> State {
    copy.layers.iter().find(|one| one.layer == layer).map_or(State::NotSupplied, |one| one.state)
}

fn was_reached(state: State) -> bool {
    !matches!(state, State::NotReached | State::NotSupplied | State::Absent)
}

/// The sign of a state; its word stands beside it.
pub fn sign(state: State) -> char {
    match state {
        State::Passed => '●',
        State::Changed => '◆',
        State::Stopped => '✗',
        State::Pending => '◌',
        State::NotReached => '·',
        State::Absent => '○',
        State::NotSupplied => '?',
        State::Conflict => '≠',
    }
}

/// The class of a state in the style sheet.
pub fn class(state: State) -> &'static str {
    match state {
        State::Passed => "passed",
        State::Changed => "changed",
        State::Stopped => "stopped",
        State::Pending => "pending",
        State::NotReached => "not-reached",
        State::Absent => "absent",
        State::NotSupplied => "not-supplied",
        State::Conflict => "conflict",
    }
}
