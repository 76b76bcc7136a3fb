//! How long things took: a line from the shortest to the longest, with the middle one and the ninetieth of a hundred on it.

use maud::{Markup, html};

use super::plot::{self, FRAMES, Frame, SPANS};
use crate::markdown::escape;
use crate::picture::{Spread, SpreadRow};
use crate::terminal::{FAINT, PLAIN, Page};
use crate::text::{number, visible};

/// With fewer columns left for them, the lines are not drawn: the numbers say all.
const MIN_LINE_COLUMNS: usize = 24;
/// Columns of a line.
const MAX_LINE_COLUMNS: usize = 60;

const NOTHING: &str = "Nothing was counted.";
/// What the signs mean.
const SIGNS: &str =
    "● median  ◆ 90 of 100 took no longer  ─ from the shortest to the longest  ▷ the oldest that is still open";

/// The shortest and the longest span of all, a little beyond both.
fn ends(spread: &Spread) -> (u64, u64) {
    let of = |row: &SpreadRow| [row.least_seconds, row.most_seconds, row.oldest_open_seconds];
    let all = || spread.rows.iter().flat_map(of).flatten();
    let low = all().min().unwrap_or(1).clamp(1, u64::MAX / 2);
    let high = all().max().unwrap_or(1).max(low.saturating_mul(2));
    let below = SPANS.iter().rev().map(|(span, _)| *span).find(|span| *span <= low).unwrap_or(1);
    let above = SPANS.iter().map(|(span, _)| *span).find(|span| *span >= high).unwrap_or(high);
    (below, above)
}

/// `12 answered: median 2 h 10 min, 90 of 100 within 3 d 04 h, the longest 9 d 00 h; 3 still open, the oldest for 12 d 01 h`.
fn told(spread: &Spread, row: &SpreadRow) -> String {
    let mut text = format!("{} {}", number(row.done), spread.done);
    if let (Some(median), Some(ninetieth), Some(most)) = (row.median_seconds, row.ninetieth_seconds, row.most_seconds) {
        text.push_str(&match row.done {
            1 => format!(" in {}", plot::span(median)),
            _ => format!(
                ": median {}, 90 of 100 within {}, the longest {}",
                plot::span(median),
                plot::span(ninetieth),
                plot::span(most)
            ),
        });
    }
    if row.open > 0 {
        let oldest = row.oldest_open_seconds.map(|oldest| format!(", the oldest for {}", plot::span(oldest)));
        text.push_str(&format!("; {} still open{}", number(row.open), oldest.unwrap_or_default()));
    }
    if row.without > 0 {
        text.push_str(&format!("; {} closed without being {}", number(row.without), spread.done));
    }
    visible(&text)
}

/// The signs of a line of so many columns.
fn line(row: &SpreadRow, (low, high): (u64, u64), columns: usize) -> String {
    let mut signs = vec![' '; columns];
    let place = |span: u64| plot::logarithmic(span, low, high, columns.saturating_sub(1));
    if let (Some(least), Some(most)) = (row.least_seconds, row.most_seconds) {
        let (from, to) = (place(least), place(most));
        for (at, sign) in signs.iter_mut().enumerate().skip(from).take((to + 1).saturating_sub(from)) {
            *sign = match at {
                at if at == from && at < to => '├',
                at if at == to && at > from => '┤',
                _ => '─',
            };
        }
    }
    for (span, sign) in [(row.oldest_open_seconds, '▷'), (row.ninetieth_seconds, '◆'), (row.median_seconds, '●')]
    {
        if let Some(at) = span.and_then(|span| signs.get_mut(place(span))) {
            *at = sign;
        }
    }
    signs.into_iter().collect()
}

pub(super) fn terminal(page: &mut Page, spread: &Spread) {
    page.block("    ", FAINT, &visible(&spread.title));
    if spread.rows.is_empty() {
        page.block("    ", FAINT, NOTHING);
        return;
    }
    let ends = ends(spread);
    let columns = page.width.saturating_sub(6 + 2).min(MAX_LINE_COLUMNS);
    for row in &spread.rows {
        page.block_of(&[("      ", PLAIN)], 8, &format!("{}: {}", visible(&row.name), told(spread, row)));
        if columns >= MIN_LINE_COLUMNS {
            let line = line(row, ends, columns);
            page.line(&[("        ", PLAIN), (&line, PLAIN)]);
        }
    }
    if columns >= MIN_LINE_COLUMNS {
        let named = |end: u64| {
            let known = SPANS.iter().find(|(span, _)| *span == end);
            known.map_or_else(|| plot::span(end), |(_, name)| (*name).to_owned())
        };
        let (low, high) = (named(ends.0), named(ends.1));
        let between = columns.saturating_sub(low.len() + high.len());
        page.line(&[("        ", PLAIN), (&format!("{low}{}{high}", " ".repeat(between)), FAINT)]);
        page.block("      ", FAINT, SIGNS);
    }
}

pub(super) fn markdown(out: &mut String, spread: &Spread) {
    out.push_str(&format!("**{}**\n\n", escape(&spread.title)));
    if spread.rows.is_empty() {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    }
    out.push_str(&format!(
        "| | {} | median | 90 of 100 within | longest | still open | oldest open | closed without |\n",
        escape(&spread.done)
    ));
    out.push_str("|---|---:|---:|---:|---:|---:|---:|---:|\n");
    for row in &spread.rows {
        let cells = cells(row).map(|cell| escape(&cell)).join(" | ");
        out.push_str(&format!("| {} | {cells} |\n", escape(&row.name)));
    }
    out.push('\n');
}

fn cells(row: &SpreadRow) -> [String; 7] {
    let shown = |span: Option<u64>| span.map_or("·".to_owned(), plot::span);
    let count = |count: u64| if count == 0 { "·".to_owned() } else { number(count) };
    [
        number(row.done),
        shown(row.median_seconds),
        shown(row.ninetieth_seconds),
        shown(row.most_seconds),
        count(row.open),
        shown(row.oldest_open_seconds),
        count(row.without),
    ]
}

/// Heights of a drawing: of a row, and of the line of time below.
const ROW: usize = 40;
const AXIS: usize = 24;
/// Free space at both sides.
const SIDE: usize = 14;

pub(super) fn html(spread: &Spread) -> Markup {
    html! {
        h3 { (visible(&spread.title)) }
        @if spread.rows.is_empty() { p.soft { (NOTHING) } }
        @else {
            @for frame in FRAMES { (lines(spread, frame)) }
            p.legend { span { (SIGNS.replace('◆', "◇")) } }
            div.scroll { (table(spread)) }
        }
    }
}

fn lines(spread: &Spread, frame: Frame) -> Markup {
    let (low, high) = ends(spread);
    let across = frame.width - 2 * SIDE;
    let place = |span: u64| SIDE + plot::logarithmic(span, low, high, across);
    let bottom = spread.rows.len() * ROW;
    let ticks: Vec<(usize, &str)> = SPANS
        .iter()
        .filter(|(span, _)| (low..=high).contains(span))
        .map(|(span, name)| (place(*span), *name))
        .collect();
    let widths: Vec<(usize, usize)> = ticks.iter().map(|(place, name)| (*place, plot::text_width(name) / 2)).collect();
    let named = plot::with_room(&widths);
    let content = html! {
        @for ((x, name), is_named) in ticks.iter().zip(&named) {
            line.grid x1=(x) x2=(x) y1="0" y2=(bottom + 4) {}
            @if *is_named { text x=(x) y=(bottom + 18) text-anchor="middle" { (name) } }
        }
        @for (at, row) in spread.rows.iter().enumerate() {
            @let y = at * ROW + 28;
            text.name x=(SIDE) y=(at * ROW + 15) { (crate::text::cut(&visible(&row.name), (across / plot::CHARACTER).max(8))) }
            @if let (Some(least), Some(most)) = (row.least_seconds, row.most_seconds) {
                line.reach x1=(place(least)) x2=(place(most)) y1=(y) y2=(y) {}
                line.reach x1=(place(least)) x2=(place(least)) y1=(y - 4) y2=(y + 4) {}
                line.reach x1=(place(most)) x2=(place(most)) y1=(y - 4) y2=(y + 4) {}
            }
            @if let Some(oldest) = row.oldest_open_seconds {
                @let x = place(oldest);
                path.open d=(format!("M{} {}L{} {y}L{} {}Z", x - 4, y - 6, x + 6, x - 4, y + 6)) { title { "the oldest that is still open: " (plot::span(oldest)) } }
            }
            @if let Some(ninetieth) = row.ninetieth_seconds {
                @let x = place(ninetieth);
                path.ninetieth d=(format!("M{x} {}L{} {y}L{x} {}L{} {y}Z", y - 7, x + 7, y + 7, x - 7)) { title { "90 of 100 within " (plot::span(ninetieth)) } }
            }
            @if let Some(median) = row.median_seconds {
                circle.median cx=(place(median)) cy=(y) r="5" { title { "median " (plot::span(median)) } }
            }
        }
    };
    let told: Vec<String> =
        spread.rows.iter().map(|row| format!("{}: {}", visible(&row.name), told(spread, row))).collect();
    plot::drawing(frame, bottom + AXIS, &visible(&spread.title), &told.join(". "), content)
}

fn table(spread: &Spread) -> Markup {
    html! {
        table.numbers {
            thead { tr {
                th scope="col" { "" }
                th.number scope="col" { (visible(&spread.done)) }
                th.number scope="col" { "median" } th.number scope="col" { "90 of 100 within" }
                th.number scope="col" { "longest" } th.number scope="col" { "still open" }
                th.number scope="col" { "oldest open" } th.number scope="col" { "closed without" }
            } }
            tbody {
                @for row in &spread.rows {
                    tr { th scope="row" { (visible(&row.name)) } @for cell in cells(row) { td.number.when { (cell) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(spans: Option<(u64, u64, u64, u64)>, oldest: Option<u64>) -> SpreadRow {
        SpreadRow {
            name: "all".to_owned(),
            done: if spans.is_some() { 20 } else { 0 },
            least_seconds: spans.map(|spans| spans.0),
            median_seconds: spans.map(|spans| spans.1),
            ninetieth_seconds: spans.map(|spans| spans.2),
            most_seconds: spans.map(|spans| spans.3),
            open: u64::from(oldest.is_some()),
            oldest_open_seconds: oldest,
            without: 0,
        }
    }

    fn spread(rows: Vec<SpreadRow>) -> Spread {
        Spread { title: "Time".to_owned(), unit: "cases".to_owned(), done: "answered".to_owned(), rows }
    }

    #[test]
    fn signs_stand_in_order_on_their_line() {
        let all = row(Some((60, 600, 6_000, 60_000)), Some(600_000));
        let line = line(&all, (60, 600_000), 41);
        assert_eq!(line, "├─────────●─────────◆─────────┤         ▷");
    }

    #[test]
    fn one_and_none_are_told() {
        for (name, row, expected) in [
            ("none", row(None, Some(86_400)), "0 answered; 1 still open, the oldest for 1 d 00 h"),
            (
                "many",
                row(Some((60, 600, 6_000, 60_000)), None),
                "20 answered: median 10 min 00 s, 90 of 100 within 1 h 40 min, the longest 16 h 40 min",
            ),
        ] {
            assert_eq!(told(&spread(Vec::new()), &row), expected, "{name}");
        }
    }

    #[test]
    fn any_span_can_be_drawn() {
        for spans in [(0, 0, 0, 0), (0, 1, u64::MAX, u64::MAX), (u64::MAX, u64::MAX, u64::MAX, u64::MAX)] {
            let spread = spread(vec![row(Some(spans), Some(u64::MAX))]);
            assert!(html(&spread).into_string().contains("median"), "{spans:?}");
        }
    }
}
