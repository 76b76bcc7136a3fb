//! The timeline: events along an axis with the delays between them, a lane a copy, and the same as a table.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use report::{Event, Happened, Report, instant, span, visible};

use super::cites;
use super::lanes::{self, Lane};

/// How many lanes and how many events the axis has; all others stand in the table.
const MAX_LANES: usize = 12;
const MAX_DRAWN: usize = 80;
/// How many events the table has.
const MAX_LISTED: usize = 300;
/// Up to how many events it is open.
const MAX_OPEN: usize = 60;

/// The room of an event on the axis, and the least and most of a delay, in tenths of a rem.
const EVENT_ROOM: u32 = 20;
const DELAY_LEAST: u32 = 60;
const DELAY_MOST: u32 = 140;
/// From here on a delay is drawn shorter than its like, and with a break.
const LONG: SignedDuration = SignedDuration::from_hours(1);

/// Something that happened, to one copy or several.
struct Entry<'a> {
    event: &'a Event,
    /// The numbers of the copies, from 1.
    places: Vec<usize>,
    /// Time since the one before.
    delay: Option<SignedDuration>,
}

/// The axis and the table of the copies of some lanes.
pub fn drawn(number: u64, report: &Report, lanes: &[Lane<'_>]) -> Markup {
    let places: Vec<usize> =
        lanes.iter().flat_map(|lane| std::iter::once(&lane.place).chain(&lane.others)).copied().collect();
    let entries = entries(report, &places);
    html! {
        @if entries.is_empty() { p { "No record states an instant." } }
        @else {
            (axis(number, &entries, lanes))
            @if entries.len() > MAX_OPEN {
                details { summary { "The timeline as a table: " (entries.len()) " events" } (table(number, report, &entries, places.len())) }
            } @else { (table(number, report, &entries, places.len())) }
        }
    }
}

/// The events of some copies by time; the same event of several copies is one.
fn entries<'a>(report: &'a Report, places: &[usize]) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for Happened { event, places } in report::happened(report, places.iter().copied()) {
        let delay = entries.last().map(|before| event.at.duration_since(before.event.at));
        entries.push(Entry { event, places, delay: delay.filter(|delay| !delay.is_zero()) });
    }
    entries
}

/// An event on the axis: its number, where it stands, and the delay before it with its room.
struct Slot<'a> {
    number: usize,
    entry: &'a Entry<'a>,
    at: u32,
    delay: Option<(SignedDuration, u32)>,
}

/// Places events along the axis: those of one instant close together, others apart by the logarithm of the delay.
fn slots<'a>(entries: &'a [Entry<'a>], lanes: &[Lane<'_>]) -> (Vec<Slot<'a>>, u32) {
    let is_drawn = |entry: &Entry<'_>| lanes.iter().any(|lane| entry.places.contains(&lane.place));
    let mut slots: Vec<Slot<'a>> = Vec::new();
    let mut at = EVENT_ROOM / 2;
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| is_drawn(entry)).take(MAX_DRAWN) {
        let before = slots.last().map(|slot| slot.entry.event.at);
        let delay = before.map(|before| entry.event.at.duration_since(before)).filter(|delay| !delay.is_zero());
        let delay = delay.map(|delay| (delay, room(delay)));
        at += if slots.is_empty() { 0 } else { delay.map_or(EVENT_ROOM, |(_, room)| room) };
        slots.push(Slot { number: index + 1, entry, at, delay });
    }
    (slots, at + DELAY_LEAST)
}

/// The room of a delay: a minute is not sixty times a second, and an hour is as long as a day.
fn room(delay: SignedDuration) -> u32 {
    let seconds = delay.as_secs().unsigned_abs();
    let digits_in_two = u64::BITS - seconds.leading_zeros();
    (DELAY_LEAST + digits_in_two * 7).min(DELAY_MOST)
}

/// A place on the axis as a share of its length.
fn share(at: u32, whole: u32) -> String {
    let permille = u64::from(at) * 10_000 / u64::from(whole.max(1));
    format!("{}.{:02}%", permille / 100, permille % 100)
}

fn axis(number: u64, entries: &[Entry<'_>], lanes: &[Lane<'_>]) -> Markup {
    let shown = &lanes[..lanes.len().min(MAX_LANES)];
    let (slots, whole) = slots(entries, shown);
    let start = |at: u32| format!("inset-inline-start: {}", share(at, whole));
    html! {
        div.timeaxis role="group" aria-label="Events along the time; the table below says the same" {
            div.scroll tabindex="0" role="region" aria-label="Axis of time, to be scrolled sideways" {
                div.length style=(format!("inline-size: {}.{}rem; min-inline-size: 100%", whole / 10, whole % 10)) {
                    div.times aria-hidden="true" {
                        @for slot in slots.iter().filter(|slot| slot.delay.is_some() || slot.number == slots[0].number) {
                            span style=(start(slot.at)) { (clock(slot.entry.event.at)) }
                        }
                    }
                    div.delays aria-hidden="true" {
                        @for slot in &slots {
                            @if let Some((delay, room)) = slot.delay {
                                span.long[delay >= LONG] style=(format!("{}; inline-size: {}", start(slot.at - room), share(room, whole))) {
                                    "+" (span(delay))
                                }
                            }
                        }
                    }
                    @for lane in shown {
                        p.who { (visible(report::recipient(lane.copy))) @if !lane.others.is_empty() { " +" (lane.others.len()) } }
                        div.line {
                            @for slot in slots.iter().filter(|slot| slot.entry.places.contains(&lane.place)) {
                                (dot(number, lane, slot, &start(slot.at)))
                            }
                        }
                    }
                }
            }
            @if lanes.len() > MAX_LANES { p.soft { "The first " (MAX_LANES) " lanes are drawn; look for a recipient to see another." } }
            @if slots.len() == MAX_DRAWN { p.soft { "The first " (MAX_DRAWN) " events are drawn; the table goes on." } }
        }
    }
}

fn dot(number: u64, lane: &Lane<'_>, slot: &Slot<'_>, style: &str) -> Markup {
    let event = slot.entry.event;
    // What became of a stage is no sign of each thing that happened there: the event says it in its own words.
    let told = format!(
        "{}. {} {}: {} ({})",
        slot.number,
        instant(event.at),
        visible(&event.system),
        visible(&event.summary),
        event.layer.word()
    );
    html! {
        a.dot style=(style) href=(lanes::stage(number, lane.place, event.layer)) aria-label=(told) title=(told) {
            span aria-hidden="true" { "•" } small { (slot.number) }
        }
    }
}

fn table(number: u64, report: &Report, entries: &[Entry<'_>], copies: usize) -> Markup {
    html! {
        table.stack.events-table {
            caption { "Timeline (UTC), by the clocks of the systems that wrote the records." }
            thead {
                tr {
                    th scope="col" { "No." } th scope="col" { "Time" } th scope="col" { "After" } th scope="col" { "System" }
                    th scope="col" { "What happened" } th scope="col" { "Stage" }
                    @if copies > 1 { th scope="col" { "Copies" } }
                }
            }
            tbody {
                @for (at, entry) in entries.iter().take(MAX_LISTED).enumerate() { (row(number, report, at + 1, entry, copies)) }
            }
        }
        @if entries.len() > MAX_LISTED { p.soft { (entries.len() - MAX_LISTED) " more events: look for a recipient." } }
    }
}

fn row(number: u64, report: &Report, at: usize, entry: &Entry<'_>, copies: usize) -> Markup {
    let event = entry.event;
    let first = entry.places.first().copied().unwrap_or(1);
    let copy = report.copies.get(first - 1);
    html! {
        tr id=(format!("event-{at}")) {
            th scope="row" data-label="no." { (at) }
            td.when data-label="time" {
                time datetime=(event.at) { (instant(event.at)) }
                @if let Some(assumed) = &event.assumed { br; span.soft { "assumed: " (visible(assumed)) } }
            }
            td.when.soft data-label="after" { @if let Some(delay) = entry.delay { "+" (span(delay)) } }
            td data-label="system" { (visible(&event.system)) }
            td data-label="what happened" { (visible(&event.summary)) (cites::links(number, &event.cites)) }
            td data-label="stage" {
                @if copy.is_some() { a href=(lanes::stage(number, first, event.layer)) { (event.layer.word()) } }
            }
            @if copies > 1 {
                td.soft data-label="copies" {
                    @match copy {
                        Some(_) if entry.places.len() == copies => "all",
                        Some(copy) => {
                            (visible(report::recipient(copy)))
                            @if entry.places.len() > 1 { " +" (entry.places.len() - 1) " more" }
                        }
                        None => {}
                    }
                }
            }
        }
    }
}

/// Day of the year and time of day.
fn clock(at: Timestamp) -> String {
    at.strftime("%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Delays in seconds, in the order of the room that they take.
    #[test]
    fn ok_room() {
        let rooms: Vec<u32> =
            [1, 30, 600, 3600, 86_400, 10_000_000].map(|s| room(SignedDuration::from_secs(s))).to_vec();
        assert!(rooms.is_sorted(), "{rooms:?}");
        assert!(rooms[0] >= DELAY_LEAST && rooms[5] == DELAY_MOST, "{rooms:?}");
        assert_eq!(room(SignedDuration::from_millis(20)), DELAY_LEAST);
    }

    #[test]
    fn ok_share() {
        for (at, whole, expected) in [(0, 100, "0.00%"), (1, 3, "33.33%"), (100, 100, "100.00%")] {
            assert_eq!(share(at, whole), expected);
        }
    }
}
