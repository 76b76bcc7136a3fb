//! Events over time: one line a subject over a common axis, and below it the events one by one.

use std::collections::BTreeMap;

use anstyle::Style;
use jiff::Timestamp;
use maud::{Markup, html};

use super::super::reference::Around;
use super::super::terminal::style;
use super::super::{Numbers, Tone, reference};
use crate::document::Cite;
use crate::markdown::{Within, escape};
use crate::picture::{EventStrip, StripLane, StripMark, StripTone};
use crate::terminal::{Color, FAINT, PLAIN, Page, Terminal};
use crate::text::{cut, number, pad, visible, width};
use crate::view;

/// In fewer columns a subject stands above its line.
const MIN_BESIDE_WIDTH: usize = 72;
/// Columns of a subject beside its line, at most.
const MAX_SUBJECT: usize = 26;
/// How many subjects are drawn.
const LANES_SHOWN: usize = 16;
/// How many events are told one by one.
const EVENTS_SHOWN: usize = 30;
/// Columns from one tick to the next at least: a day and a time fit between them.
const TICK_COLUMNS: usize = 14;

const NOTHING: &str = "No event is stated.";

const TONES: [StripTone; 4] = [StripTone::Bad, StripTone::Change, StripTone::Good, StripTone::Plain];

fn sign(tone: StripTone) -> char {
    match tone {
        StripTone::Good => '✓',
        StripTone::Bad => '✗',
        StripTone::Change => '◆',
        StripTone::Plain => '○',
    }
}

fn means(tone: StripTone) -> &'static str {
    match tone {
        StripTone::Good => "went well",
        StripTone::Bad => "went wrong",
        StripTone::Change => "was changed",
        StripTone::Plain => "something else",
    }
}

fn colored(tone: StripTone) -> Tone {
    match tone {
        StripTone::Good => Tone::Good,
        StripTone::Bad => Tone::Bad,
        StripTone::Change => Tone::Warn,
        StripTone::Plain => Tone::Plain,
    }
}

/// The subjects that are drawn, and how many are left out.
fn lanes(strip: &EventStrip) -> (&[StripLane], usize) {
    let count = strip.lanes.len().min(LANES_SHOWN);
    (&strip.lanes[..count], strip.lanes.len() - count)
}

/// The time from the first event to the last, and its ticks.
#[derive(Clone, Copy, Debug)]
struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    /// `None` if there is no event.
    fn of(strip: &EventStrip) -> Option<Axis> {
        let at = || strip.lanes.iter().flat_map(|lane| &lane.marks).map(|mark| mark.at.as_millisecond());
        Some(Axis { from: at().min()?, to: at().max()? })
    }

    fn span(self) -> i128 {
        i128::from(self.to) - i128::from(self.from)
    }

    /// Where an instant stands on a line of so many columns.
    fn column(self, at: i64, columns: usize) -> usize {
        let last = columns.saturating_sub(1) as i128;
        let span = self.span();
        if span == 0 {
            return 0;
        }
        let column = ((i128::from(at) - i128::from(self.from)) * last + span / 2) / span;
        usize::try_from(column.clamp(0, last)).unwrap_or(0)
    }

    /// A few round instants with their columns and names, at least `apart` columns from each other.
    fn ticks(self, columns: usize, apart: usize) -> Vec<(usize, String)> {
        let step = self.step(columns, apart);
        let first = i128::from(self.from).div_euclid(step) * step;
        let mut at = if first < i128::from(self.from) { first + step } else { first };
        let mut ticks = Vec::new();
        while at <= i128::from(self.to) && ticks.len() <= columns {
            if let Some(instant) = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()) {
                ticks.push((self.column(instant.as_millisecond(), columns), name(instant, step)));
            }
            at += step;
        }
        if ticks.is_empty()
            && let Ok(first) = Timestamp::from_millisecond(self.from)
        {
            ticks.push((0, name(first, 1000)));
        }
        ticks
    }

    /// Milliseconds from one tick to the next.
    fn step(self, columns: usize, apart: usize) -> i128 {
        const SECOND: i128 = 1000;
        const MINUTE: i128 = 60 * SECOND;
        const HOUR: i128 = 60 * MINUTE;
        const DAY: i128 = 24 * HOUR;
        const STEPS: [i128; 20] = [
            SECOND,
            5 * SECOND,
            15 * SECOND,
            30 * SECOND,
            MINUTE,
            5 * MINUTE,
            15 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            6 * HOUR,
            12 * HOUR,
            DAY,
            2 * DAY,
            7 * DAY,
            14 * DAY,
            30 * DAY,
            90 * DAY,
            180 * DAY,
            360 * DAY,
        ];
        let least = self.span() * apart as i128 / (columns.max(1) as i128);
        match STEPS.iter().find(|step| **step >= least) {
            Some(step) => *step,
            None => (least / (360 * DAY) + 1) * 360 * DAY,
        }
    }
}

/// An instant as the step between ticks needs it.
fn name(at: Timestamp, step: i128) -> String {
    let format = match step {
        ..60_000 => "%m-%d %H:%M:%S",
        60_000..86_400_000 => "%m-%d %H:%M",
        _ => "%Y-%m-%d",
    };
    at.strftime(format).to_string()
}

/// How many events of each tone stand in each column of a line.
fn columns_of(lane: &StripLane, axis: Axis, columns: usize) -> BTreeMap<usize, [usize; 4]> {
    let mut bins: BTreeMap<usize, [usize; 4]> = BTreeMap::new();
    for mark in &lane.marks {
        let bin = bins.entry(axis.column(mark.at.as_millisecond(), columns)).or_default();
        if let Some(at) = TONES.iter().position(|tone| *tone == mark.tone) {
            bin[at] += 1;
        }
    }
    bins
}

/// Rows of signs of one subject: where two tones share a column, the second stands in the row below. Each row has a tone
/// and a count by column.
fn rows(bins: &BTreeMap<usize, [usize; 4]>) -> Vec<BTreeMap<usize, (StripTone, usize)>> {
    let mut rows: Vec<BTreeMap<usize, (StripTone, usize)>> = vec![BTreeMap::new()];
    for (column, counts) in bins {
        let present = TONES.into_iter().zip(counts).filter(|(_, count)| **count > 0);
        for (at, (tone, count)) in present.enumerate() {
            if rows.len() == at {
                rows.push(BTreeMap::new());
            }
            if let Some(row) = rows.get_mut(at) {
                row.insert(*column, (tone, *count));
            }
        }
    }
    rows
}

/// Neighbours of one tone in a row: first column, last column, tone, how many events.
fn runs(row: &BTreeMap<usize, (StripTone, usize)>) -> Vec<(usize, usize, StripTone, usize)> {
    let mut runs: Vec<(usize, usize, StripTone, usize)> = Vec::new();
    for (column, (tone, count)) in row {
        match runs.last_mut() {
            Some((_, last, known, all)) if *last + 1 == *column && known == tone => {
                *last = *column;
                *all += count;
            }
            _ => runs.push((*column, *column, *tone, *count)),
        }
    }
    runs
}

/// Events that are told as one line: neighbours in time of one subject, tone and label.
pub(super) struct Listed<'a> {
    subject: &'a str,
    first: &'a StripMark,
    last: &'a StripMark,
    count: usize,
    /// The records of the first and of the last.
    pub(super) cites: Vec<&'a Cite>,
}

/// The events that are told one by one, by time, and how many are left out. What changes something goes before what
/// repeats.
pub(super) fn listed(strip: &EventStrip) -> (Vec<Listed<'_>>, usize) {
    let mut all: Vec<(&str, &StripMark)> =
        strip.lanes.iter().flat_map(|lane| lane.marks.iter().map(|mark| (lane.label.as_str(), mark))).collect();
    all.sort_by_key(|(_, mark)| mark.at);
    let mut listed: Vec<Listed<'_>> = Vec::new();
    for (subject, mark) in all {
        match listed.last_mut() {
            Some(last) if last.subject == subject && last.first.tone == mark.tone && last.first.label == mark.label => {
                last.last = mark;
                last.count += 1;
            }
            _ => listed.push(Listed { subject, first: mark, last: mark, count: 1, cites: Vec::new() }),
        }
    }
    let turns = turns(&listed);
    let mut order: Vec<usize> = (0..listed.len()).collect();
    order.sort_by_key(|at| (!turns.get(*at).copied().unwrap_or(false), *at));
    let mut kept = vec![false; listed.len()];
    for at in order.into_iter().take(EVENTS_SHOWN) {
        if let Some(kept) = kept.get_mut(at) {
            *kept = true;
        }
    }
    let left = listed.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(one, _)| one.count).sum();
    let mut kept = kept.into_iter();
    listed.retain(|_| kept.next().unwrap_or(false));
    for one in &mut listed {
        one.cites = one.first.cites.iter().collect();
        if one.count > 1 {
            one.cites.extend(&one.last.cites);
        }
    }
    (listed, left)
}

/// Which lines tell a change, or are the first or last of their subject before it fares otherwise.
fn turns(listed: &[Listed<'_>]) -> Vec<bool> {
    let mut turns = vec![false; listed.len()];
    let mut last: BTreeMap<&str, (usize, StripTone)> = BTreeMap::new();
    for (at, one) in listed.iter().enumerate() {
        let tone = one.first.tone;
        let before = last.insert(one.subject, (at, tone));
        let parts = before.is_none_or(|(_, known)| known != tone);
        if parts && let Some((before, _)) = before {
            turns[before] = true;
        }
        turns[at] = parts || tone == StripTone::Change;
    }
    for (at, _) in last.values() {
        turns[*at] = true;
    }
    turns
}

impl Listed<'_> {
    /// `mail from supplier.example: held (14 times, until 06:12:00)`.
    fn told(&self) -> String {
        let subject = visible(self.subject);
        let label = visible(&self.first.label);
        let text = if subject.is_empty() { label } else { format!("{subject}: {label}") };
        let (first, last) = (self.first.at, self.last.at);
        let until = match (first == last, view::day(first) == view::day(last)) {
            (true, _) => String::new(),
            (false, true) => format!(", until {}", view::clock(last)),
            (false, false) => format!(", until {} {}", view::day(last), view::clock(last)),
        };
        match self.count {
            1 => text,
            count => format!("{text} ({} times{until})", number(count as u64)),
        }
    }

    fn references(&self, numbers: &Numbers) -> Vec<super::super::Reference> {
        let cites: Vec<Cite> = self.cites.iter().map(|cite| (*cite).clone()).collect();
        numbers.references(&cites)
    }
}

/// From when to when.
fn window(axis: Axis) -> String {
    let instant = |at: i64| Timestamp::from_millisecond(at).map_or(String::new(), view::instant);
    match axis.from == axis.to {
        true => format!("all at {}", instant(axis.from)),
        false => format!("{} to {}", instant(axis.from), instant(axis.to)),
    }
}

/// The signs that are drawn, with what they mean.
fn legend(strip: &EventStrip) -> Vec<(StripTone, &'static str)> {
    let used = |tone: StripTone| lanes(strip).0.iter().flat_map(|lane| &lane.marks).any(|mark| mark.tone == tone);
    [StripTone::Good, StripTone::Bad, StripTone::Change, StripTone::Plain]
        .into_iter()
        .filter(|tone| used(*tone))
        .map(|tone| (tone, means(tone)))
        .collect()
}

pub(super) fn terminal(page: &mut Page, strip: &EventStrip, numbers: &Numbers) {
    let Some(axis) = Axis::of(strip) else {
        page.block("    ", FAINT, NOTHING);
        return;
    };
    drawn(page, strip, axis);
    events(page, strip, numbers);
}

/// The lines over the axis, without the events below.
fn drawn(page: &mut Page, strip: &EventStrip, axis: Axis) {
    let (lanes, left) = lanes(strip);
    let longest = lanes.iter().map(|lane| width(&visible(&lane.label))).max().unwrap_or(0);
    let is_beside = page.width >= MIN_BESIDE_WIDTH;
    let subject = if is_beside { longest.clamp(5, MAX_SUBJECT) } else { 0 };
    let indent = if is_beside { 4 + subject + 2 } else { 4 };
    let columns = page.width.saturating_sub(indent + 1).max(8);
    let ticks = axis.ticks(columns, TICK_COLUMNS);
    page.block("    ", FAINT, &format!("{} ({})", window(axis), "time from left to right"));
    let lead = if is_beside { format!("    {}  ", pad("UTC", subject)) } else { " ".repeat(indent) };
    page.line(&[(&lead, FAINT), (&names(&ticks, columns), FAINT)]);
    let mut is_counted = false;
    for lane in lanes {
        let bins = columns_of(lane, axis, columns);
        let name = visible(&lane.label);
        if !is_beside {
            page.line(&[("    ", PLAIN), (&cut(&name, page.width - 4), PLAIN)]);
        }
        for (at, row) in rows(&bins).iter().enumerate() {
            let lead = match (is_beside, at) {
                (true, 0) => format!("    {}  ", pad(&cut(&name, subject), subject)),
                _ => " ".repeat(indent),
            };
            let ground = if at == 0 { Ground::Line } else { Ground::Blank };
            signs(page, &lead, row, &ticks, columns, ground);
            let counts = counts(row, columns);
            if !counts.trim().is_empty() {
                is_counted = true;
                page.line(&[(&" ".repeat(indent), PLAIN), (&counts, FAINT)]);
            }
        }
    }
    let mut told: Vec<String> = legend(strip).iter().map(|(tone, means)| format!("{} {means}", sign(*tone))).collect();
    if is_counted {
        told.push("a number below: so many".to_owned());
    }
    if left > 0 {
        told.push(format!("{} more not drawn, see the JSON", number(left as u64)));
    }
    page.block("    ", FAINT, &told.join(", "));
}

/// What signs stand on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// The line of the subject, with its ticks.
    Line,
    Blank,
}

fn signs(
    page: &mut Page,
    lead: &str,
    row: &BTreeMap<usize, (StripTone, usize)>,
    ticks: &[(usize, String)],
    columns: usize,
    ground: Ground,
) {
    let mut parts: Vec<(String, Style)> = vec![(lead.to_owned(), PLAIN)];
    for column in 0..columns {
        let is_tick = ticks.iter().any(|(at, _)| *at == column);
        let (c, style) = match (row.get(&column), ground) {
            (Some((tone, _)), _) => (sign(*tone), style(colored(*tone))),
            (None, Ground::Line) if is_tick => ('┼', FAINT),
            (None, Ground::Line) => ('─', FAINT),
            (None, Ground::Blank) => (' ', PLAIN),
        };
        match parts.last_mut() {
            Some((text, known)) if *known == style && column > 0 => text.push(c),
            _ => parts.push((c.to_string(), style)),
        }
    }
    let parts: Vec<(&str, Style)> = parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    page.line(&parts);
}

/// Under each run of signs that stand for more events than columns: how many.
fn counts(row: &BTreeMap<usize, (StripTone, usize)>, columns: usize) -> String {
    let mut line = String::new();
    for (first, last, _, count) in runs(row) {
        let told = number(count as u64);
        let start = first.min(columns.saturating_sub(told.len()));
        let is_free = line.is_empty() || line.len() < start;
        if count > last - first + 1 && is_free {
            line = pad(&line, start);
            line.push_str(&told);
        }
    }
    line
}

/// The names of ticks over their columns; one that has no room is left out.
fn names(ticks: &[(usize, String)], columns: usize) -> String {
    let mut line = String::new();
    for (column, name) in ticks {
        let start = (*column).min(columns.saturating_sub(name.len()));
        if (line.is_empty() || line.len() < start) && name.len() <= columns {
            line = pad(&line, start);
            line.push_str(name);
        }
    }
    line
}

fn events(page: &mut Page, strip: &EventStrip, numbers: &Numbers) {
    let (listed, left) = listed(strip);
    let clock = listed.iter().map(|one| view::clock(one.first.at).len()).max().unwrap_or(0);
    let mut day = String::new();
    for one in &listed {
        let today = view::day(one.first.at);
        if today != day {
            page.line(&[("    ", PLAIN), (&today, FAINT)]);
            day = today;
        }
        let time = format!("    {:<clock$} ", view::clock(one.first.at));
        let sign = format!("{} ", sign(one.first.tone));
        let text = format!("{}{}", one.told(), reference::text(&one.references(numbers)));
        let indent = width(&time) + width(&sign);
        page.block_of(&[(&time, FAINT), (&sign, style(colored(one.first.tone)))], indent, &text);
    }
    if left > 0 {
        page.block("    ", FAINT, &and_more(left));
    }
}

fn and_more(left: usize) -> String {
    format!("and {} more, see the JSON", number(left as u64))
}

/// Columns of the drawing within a code block.
const MARKDOWN_COLUMNS: usize = 100;

pub(super) fn markdown(out: &mut String, strip: &EventStrip, numbers: &Numbers) {
    let Some(axis) = Axis::of(strip) else {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    };
    let mut page = Page::new(Terminal { width: MARKDOWN_COLUMNS, color: Color::Never });
    drawn(&mut page, strip, axis);
    crate::markdown::fenced(out, &page.out);
    let (listed, left) = listed(strip);
    out.push_str("\n| UTC | | event | records |\n|---|---|---|---|\n");
    for one in &listed {
        out.push_str(&format!(
            "| {} {} | {} | {} |{} |\n",
            view::day(one.first.at),
            view::clock(one.first.at),
            sign(one.first.tone),
            escape(&one.told()),
            reference::markdown(&one.references(numbers), Within::Table),
        ));
    }
    out.push('\n');
    if left > 0 {
        out.push_str(&format!("{}\n\n", and_more(left)));
    }
}

/// Columns in which events are collapsed in HTML.
const HTML_COLUMNS: usize = 90;
/// Columns from one tick to the next there: room for its name in a narrow window.
const HTML_TICK_COLUMNS: usize = 20;

pub(super) fn html(strip: &EventStrip, numbers: &Numbers, around: Around<'_>) -> Markup {
    let Some(axis) = Axis::of(strip) else { return html! { p.soft { (NOTHING) } } };
    let ticks = axis.ticks(HTML_COLUMNS, HTML_TICK_COLUMNS);
    let (lanes, left) = lanes(strip);
    html! {
        p.soft { (window(axis)) ": time from left to right. "
            @for (tone, means) in legend(strip) { span.(colored(tone).class()) { (sign(tone)) } " " (means) "  " }
            @if left > 0 { (number(left as u64)) " more not drawn, see the JSON" }
        }
        div.strip aria-hidden="true" {
            div.axis {
                @for (at, name) in &ticks {
                    // The name of a tick near the end would stand out of the line.
                    @if *at * 10 <= HTML_COLUMNS * 8 { span style=(place(*at)) { (name) } }
                }
            }
            @for lane in lanes {
                @let rows = rows(&columns_of(lane, axis, HTML_COLUMNS));
                div.who { (visible(&lane.label)) }
                div.line style=(format!("block-size: {}.{}rem", rows.len() * 14 / 10 , rows.len() * 14 % 10)) {
                    @for (at, _) in &ticks { i style=(place(*at)) {} }
                    @for (at, row) in rows.iter().enumerate() {
                        @for (first, last, tone, count) in runs(row) {
                            @for column in first..=last {
                                b.(colored(tone).class()) style=(format!("{}; inset-block-start: {}.{}rem", place(column), at * 14 / 10, at * 14 % 10)) {
                                    (sign(tone))
                                    @if column == last && count > last - first + 1 { sub { (number(count as u64)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
        (table(strip, numbers, around))
    }
}

fn table(strip: &EventStrip, numbers: &Numbers, around: Around<'_>) -> Markup {
    let (listed, left) = listed(strip);
    html! {
        table.stack.events {
            thead { tr { th scope="col" { "UTC" } th scope="col" { (around.heading("how")) } th scope="col" { "event" } } }
            tbody {
                @for one in &listed {
                    tr {
                        td.when { time datetime=(one.first.at) { (view::day(one.first.at)) " " (view::clock(one.first.at)) } }
                        td.when.(colored(one.first.tone).class()) { (sign(one.first.tone)) " " (means(one.first.tone)) }
                        td { (one.told()) (reference::markup(&one.references(numbers), around)) }
                    }
                }
            }
        }
        @if left > 0 { p.soft { (and_more(left)) } }
    }
}

/// Where a column stands, in tenths of a percent of the line.
fn place(column: usize) -> String {
    let tenths = column * 1000 / (HTML_COLUMNS - 1);
    format!("inset-inline-start: {}.{}%", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(from: &str, to: &str) -> Axis {
        let at = |text: &str| text.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond);
        Axis { from: at(from), to: at(to) }
    }

    #[test]
    fn ticks_are_round() {
        for (name, from, to, expected) in [
            ("equal", "2026-05-13T16:10:07Z", "2026-05-13T16:10:07Z", vec!["05-13 16:10:07"]),
            (
                "seconds",
                "2026-05-13T16:10:07Z",
                "2026-05-13T16:10:27Z",
                vec!["05-13 16:10:10", "05-13 16:10:15", "05-13 16:10:20", "05-13 16:10:25"],
            ),
            (
                "a night",
                "2026-05-13T16:10:00Z",
                "2026-05-14T06:12:00Z",
                vec!["05-13 18:00", "05-14 00:00", "05-14 06:00"],
            ),
            (
                "weeks",
                "2026-05-01T00:00:00Z",
                "2026-05-29T00:00:00Z",
                vec!["2026-05-07", "2026-05-14", "2026-05-21", "2026-05-28"],
            ),
        ] {
            let ticks = axis(from, to).ticks(60, TICK_COLUMNS);
            let names: Vec<&str> = ticks.iter().map(|(_, name)| name.as_str()).collect();
            assert_eq!(names, expected, "{name}");
        }
        let all = Axis { from: Timestamp::MIN.as_millisecond(), to: Timestamp::MAX.as_millisecond() };
        assert!((2..=5).contains(&all.ticks(60, TICK_COLUMNS).len()));
    }

    #[test]
    fn repeated_events_are_one_line_and_turns_are_kept() {
        let mark = |second: i64, tone, label: &str| StripMark {
            at: Timestamp::from_second(second).unwrap_or_default(),
            tone,
            label: label.to_owned(),
            cites: Vec::new(),
        };
        let mail = (0..200).map(|at| match at {
            100 => mark(at, StripTone::Good, "through"),
            _ => mark(at, StripTone::Bad, &format!("held {at}")),
        });
        let again = (0..9).map(|at| mark(500 + at, StripTone::Good, "signed in"));
        let strip = EventStrip {
            lanes: vec![
                StripLane { label: "mail".to_owned(), marks: mail.collect() },
                StripLane { label: "ana".to_owned(), marks: again.collect() },
            ],
        };
        let (listed, left) = listed(&strip);
        let told: Vec<String> = listed.iter().map(Listed::told).collect();
        assert_eq!((told.len(), left), (EVENTS_SHOWN, 200 + 1 - EVENTS_SHOWN));
        for wanted in [
            "mail: held 0",
            "mail: held 99",
            "mail: through",
            "mail: held 101",
            "mail: held 199",
            "ana: signed in (9 times, until 00:08:28)",
        ] {
            assert!(told.iter().any(|one| one == wanted), "{wanted}: {told:?}");
        }
    }
}
