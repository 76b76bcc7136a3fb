//! The seven stages, a lane a copy.

use std::collections::HashMap;

use maud::{Markup, html};
use report::{Layer, MessageCopy, Report, State, visible};

/// How many lanes a page draws; copies with the same states are one lane.
const MAX_LANES: usize = 60;
/// How many copies of one lane are listed.
const MAX_LISTED: usize = 200;

/// Copies that fared the same.
pub struct Lane<'a> {
    /// The first of them.
    pub copy: &'a MessageCopy,
    /// Its number in the report, from 1.
    pub place: usize,
    /// The numbers of the others.
    pub others: Vec<usize>,
}

/// The stage that is open: of which copy, which one, and what is shown of it.
pub struct Open {
    /// The number of the copy, from 1.
    pub place: usize,
    /// The stage.
    pub layer: Layer,
    /// What is shown.
    pub panel: Markup,
}

/// The lanes of a report: copies with the same states together, but `alone` by itself. Only those for recipients whose address holds
/// `wanted`, each by itself, if that is not empty.
pub fn lanes<'a>(report: &'a Report, wanted: &str, alone: Option<usize>) -> Vec<Lane<'a>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    let mut known = HashMap::new();
    let wanted = wanted.to_lowercase();
    for (at, copy) in report.copies.iter().enumerate() {
        let place = at + 1;
        if !wanted.is_empty() && !copy.envelope_recipient.to_lowercase().contains(&wanted) {
            continue;
        }
        let is_alone = !wanted.is_empty() || alone == Some(place);
        let states = Layer::ALL.map(|layer| state(copy, layer));
        let key = (copy.fate, copy.changed_layer, states, is_alone.then_some(place));
        let lane = *known.entry(key).or_insert(lanes.len());
        match lanes.get_mut(lane) {
            Some(lane) => lane.others.push(place),
            None => lanes.push(Lane { copy, place, others: Vec::new() }),
        }
    }
    // The one that was chosen is always drawn.
    if let Some(at) = lanes.iter().position(|lane| Some(lane.place) == alone).filter(|at| *at >= MAX_LANES) {
        let chosen = lanes.remove(at);
        lanes.insert(0, chosen);
    }
    lanes
}

/// Draws lanes; the stage that is open is shown below its own.
pub fn drawn(number: u64, report: &Report, lanes: &[Lane<'_>], open: Option<&Open>) -> Markup {
    html! {
        @if lanes.is_empty() { p { "No copy of this message was found in the evidence." } }
        @else {
            table.lanes {
                caption { "Seven stages from left to right. Copies with the same states are drawn once; choose a stage for its records." }
                thead { tr { @for layer in Layer::ALL { th scope="col" { (layer.word()) } } } }
                tbody { @for lane in lanes.iter().take(MAX_LANES) { (one(number, report, lane, open)) } }
            }
            @if lanes.len() > MAX_LANES {
                p { (lanes.len() - MAX_LANES) " more lanes are not drawn: look for a recipient." }
            }
        }
    }
}

fn one(number: u64, report: &Report, lane: &Lane<'_>, open: Option<&Open>) -> Markup {
    let copy = lane.copy;
    let opened = open.filter(|open| open.place == lane.place);
    html! {
        tr {
            th scope="rowgroup" colspan="7" {
                (visible(report::recipient(copy)))
                " → " (copy.fate.word())
                @if !lane.others.is_empty() { (others(number, report, lane)) }
            }
        }
        tr {
            @for (at, layer) in Layer::ALL.into_iter().enumerate() {
                @let now = state(copy, layer);
                @let goes_on = Layer::ALL[at + 1..].iter().any(|later| was_reached(state(copy, *later)));
                td.decided[copy.changed_layer == Some(layer)] data-label=(layer.word()) {
                    span.sign.way[goes_on] aria-hidden="true" { span class=(class(now)) { (sign(now)) } }
                    a.state.(class(now)) id=(anchor(lane.place, layer)) href=(stage(number, lane.place, layer))
                        aria-current=[opened.is_some_and(|open| open.layer == layer).then_some("true")] {
                        (now.word()) span.aside { " at " (layer.word()) }
                    }
                }
            }
        }
        @if let Some(open) = opened { tr.open { td colspan="7" { (open.panel) } } }
        tr.why { td colspan="7" { (visible(&report::because(copy))) } }
    }
}

/// The copies that are drawn with another one, each with its own way.
fn others(number: u64, report: &Report, lane: &Lane<'_>) -> Markup {
    let layer = lane.copy.changed_layer.unwrap_or(Layer::Delivery);
    html! {
        details.others {
            summary { (lane.others.len()) " more fared the same" }
            ul {
                @for place in lane.others.iter().take(MAX_LISTED) {
                    @if let Some(copy) = report.copies.get(place - 1) {
                        li { a href=(stage(number, *place, layer)) { (visible(report::recipient(copy))) } }
                    }
                }
                @if lane.others.len() > MAX_LISTED { li { "and " (lane.others.len() - MAX_LISTED) " more" } }
            }
        }
    }
}

/// The address of a stage.
pub fn stage(number: u64, place: usize, layer: Layer) -> String {
    format!("/cases/{number}/way/{place}/{}#stage", layer.word())
}

/// The anchor of a stage among the lanes.
pub fn anchor(place: usize, layer: Layer) -> String {
    format!("at-{place}-{}", layer.word())
}

/// What a layer did with a copy.
pub fn state(copy: &MessageCopy, layer: Layer) -> State {
    copy.layers.iter().find(|one| one.layer == layer).map_or(State::NotSupplied, |one| one.state)
}

fn was_reached(state: State) -> bool {
    !matches!(state, State::NotReached | State::NotSupplied | State::Absent)
}

/// The sign of a state; its word stands beside it.
pub fn sign(state: State) -> char {
    report::sign(state)
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
