//! How often each of several like things did well and failed in one window.

use maud::{Markup, html};

use super::super::reference::Around;
use super::super::terminal::style;
use super::super::{Numbers, Tone, reference};
use crate::markdown::{Within, escape};
use crate::picture::{CountRow, DependencyCounts};
use crate::terminal::{FAINT, PLAIN, Page};
use crate::text::{cut, number, pad, visible, width};
use crate::view;

/// With fewer columns left for them, the bars are not drawn: the numbers say all.
const MIN_BAR_COLUMNS: usize = 8;
/// Columns of the longest bar.
const MAX_BAR_COLUMNS: usize = 50;
/// How many things are shown, the worst first.
const ROWS_SHOWN: usize = 30;

const NOTHING: &str = "Nothing was counted.";

/// The things that are shown, and how many are left out.
pub(super) fn shown(rows: &[CountRow]) -> (&[CountRow], usize) {
    let count = rows.len().min(ROWS_SHOWN);
    (&rows[..count], rows.len() - count)
}

/// What is counted, and in which window.
fn window(counts: &DependencyCounts) -> String {
    let unit = visible(&counts.unit);
    match (counts.from, counts.to) {
        (Some(from), Some(to)) => format!("counted: {unit}, {} to {}", view::instant(from), view::instant(to)),
        (Some(from), None) => format!("counted: {unit}, from {}", view::instant(from)),
        (None, Some(to)) => format!("counted: {unit}, up to {}", view::instant(to)),
        (None, None) => format!("counted: {unit}"),
    }
}

/// `120 of 123 failed`.
fn told(row: &CountRow) -> String {
    let all = u128::from(row.good) + u128::from(row.bad);
    let all = u64::try_from(all).map_or_else(|_| all.to_string(), number);
    format!("{} of {all} failed", number(row.bad))
}

fn tone(row: &CountRow) -> Tone {
    if row.bad > 0 { Tone::Bad } else { Tone::Good }
}

/// How long the failed and the good part of a bar are, of so many parts for the longest; what is not nothing shows.
fn parts(row: &CountRow, rows: &[CountRow], parts: usize) -> (usize, usize) {
    let most = rows.iter().map(|row| u128::from(row.good) + u128::from(row.bad)).max().unwrap_or(0).max(1);
    let long = |count: u64| {
        let part = (u128::from(count) * parts as u128 + most / 2) / most;
        usize::try_from(part).unwrap_or(0).max(usize::from(count > 0))
    };
    let (bad, good) = (long(row.bad), long(row.good));
    // What was lengthened so that it shows is taken from the other part.
    match (bad + good).saturating_sub(parts) {
        over if bad > good => (bad.saturating_sub(over), good),
        over => (bad, good.saturating_sub(over)),
    }
}

pub(super) fn terminal(page: &mut Page, counts: &DependencyCounts, numbers: &Numbers) {
    let (rows, left) = shown(&counts.rows);
    page.block("    ", FAINT, &window(counts));
    if rows.is_empty() {
        page.block("    ", FAINT, NOTHING);
        return;
    }
    let tolds: Vec<String> = rows.iter().map(told).collect();
    let told_columns = tolds.iter().map(|told| width(told)).max().unwrap_or(0);
    let longest = rows.iter().map(|row| width(&visible(&row.name))).max().unwrap_or(0);
    let is_beside = page.width >= 6 + longest.min(24) + 2 + told_columns;
    let room = page.width.saturating_sub(6 + 2 + told_columns + 2);
    let name_columns = if is_beside { longest.min((room * 3 / 5).max(24)).min(room + 2) } else { page.width - 6 };
    let drawn = if is_beside { room.saturating_sub(name_columns) } else { page.width.saturating_sub(6) };
    let drawn = drawn.min(MAX_BAR_COLUMNS);
    for (row, told) in rows.iter().zip(&tolds) {
        let sign = format!("    {} ", tone(row).sign());
        let name = pad(&cut(&visible(&row.name), name_columns), name_columns);
        let (bad, good) = parts(row, rows, drawn);
        let (bad, good) = ("█".repeat(bad), "░".repeat(good));
        let bars: [(&str, _); 2] = match drawn >= MIN_BAR_COLUMNS {
            true => [(&bad, style(Tone::Bad)), (&good, style(Tone::Good))],
            false => [("", PLAIN), ("", PLAIN)],
        };
        if is_beside {
            let told = format!("  {told:>told_columns$}");
            let gap = ("  ", PLAIN);
            page.line(&[(&sign, style(tone(row))), (&name, PLAIN), (&told, style(tone(row))), gap, bars[0], bars[1]]);
        } else {
            page.line(&[(&sign, style(tone(row))), (&name, PLAIN)]);
            page.block("      ", style(tone(row)), told);
            page.line(&[("      ", PLAIN), bars[0], bars[1]]);
        }
        let records = reference::text(&numbers.references(&row.cites));
        let note = format!("{}{records}", row.note.as_deref().map_or(String::new(), visible));
        if !note.trim().is_empty() {
            page.block("        ", FAINT, note.trim_start());
        }
    }
    if drawn >= MIN_BAR_COLUMNS {
        page.line(&[("      █ failed  ░ went well", FAINT)]);
    }
    if left > 0 {
        page.block("      ", FAINT, &format!("and {} more, see the JSON", number(left as u64)));
    }
}

pub(super) fn markdown(out: &mut String, counts: &DependencyCounts, numbers: &Numbers) {
    let (rows, left) = shown(&counts.rows);
    out.push_str(&format!("{}\n\n", escape(&window(counts))));
    if rows.is_empty() {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    }
    out.push_str("| | | went well | failed | | records |\n|---|---|---:|---:|---|---|\n");
    for row in rows {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} |{} |\n",
            tone(row).sign(),
            escape(&row.name),
            number(row.good),
            number(row.bad),
            row.note.as_deref().map_or(String::new(), escape),
            reference::markdown(&numbers.references(&row.cites), Within::Table),
        ));
    }
    out.push('\n');
    if left > 0 {
        out.push_str(&format!("and {} more, see the JSON\n\n", number(left as u64)));
    }
}

/// Parts of a line in HTML: tenths of a percent of the cell, with room for the words beside it.
const PARTS: usize = 1000;

pub(super) fn html(counts: &DependencyCounts, numbers: &Numbers, around: Around<'_>) -> Markup {
    let (rows, left) = shown(&counts.rows);
    let share = |parts: usize| format!("inline-size: {}.{}%", parts / 10, parts % 10);
    html! {
        @if rows.is_empty() { p.soft { (window(counts)) ". " (NOTHING) } }
        @else {
            table.stack.counts {
                caption { (window(counts)) }
                thead { tr { th scope="col" { (around.heading("what")) } th scope="col" { "failed" } th scope="col" { "failed, then what went well" } } }
                tbody {
                    @for row in rows {
                        @let (bad, good) = parts(row, rows, PARTS);
                        tr {
                            th scope="row" {
                                span.(tone(row).class()) aria-hidden="true" { (tone(row).sign()) } " " (visible(&row.name))
                                (reference::markup(&numbers.references(&row.cites), around))
                                @if let Some(note) = &row.note { p.soft { (visible(note)) } }
                            }
                            td.when.(tone(row).class()) { (told(row)) }
                            td.line aria-hidden="true" {
                                @if bad > 0 { span.bar.stopped style=(share(bad)) {} }
                                @if good > 0 { span.bar.good.passed style=(share(good)) {} }
                            }
                        }
                    }
                }
            }
            @if left > 0 { p.soft { "and " (number(left as u64)) " more, see the JSON" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_nothing_shows() {
        let row = |good, bad| CountRow { name: String::new(), good, bad, note: None, cites: Vec::new() };
        for (good, bad, most, expected) in [
            (0, 0, 0, (0, 0)),
            (1000, 1, 0, (1, 9)),
            (1, 1000, 0, (9, 1)),
            (u64::MAX, u64::MAX, 0, (5, 5)),
            (1, 1, 1_000_000, (1, 1)),
        ] {
            let rows = [row(good, bad), row(most, 0)];
            assert_eq!(parts(&rows[0], &rows, 10), expected, "{good} {bad}");
        }
    }
}
