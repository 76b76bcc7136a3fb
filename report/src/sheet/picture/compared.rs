//! What was and what is, side by side.

use maud::{Markup, html};

use super::super::reference::Around;
use super::super::terminal::style;
use super::super::{Numbers, Tone, reference};
use crate::markdown::{Within, escape};
use crate::picture::{BeforeAfter, ComparedRow, ComparedWeight};
use crate::terminal::{FAINT, HEADING, PLAIN, Page};
use crate::text::{cut, number, pad, visible, width, wrap};

/// In fewer columns the two sides stand one under the other.
const MIN_BESIDE_WIDTH: usize = 72;
/// So do they where a value would take more lines than this beside the other.
const MAX_BESIDE_LINES: usize = 4;
/// How many lines are shown; those that are the same on both sides are left out first.
const ROWS_SHOWN: usize = 40;
/// Columns of the name of a line and of one side, at most.
const MAX_FIELD: usize = 24;
const MAX_SIDE: usize = 44;
/// Lines that the name of a line takes at most.
const MAX_NAME_LINES: usize = 4;

const NOT_THERE: &str = "(nothing)";
const NOTHING: &str = "Nothing is compared.";

/// The lines that are shown, and how many are left out: that are the same, and others.
pub(super) fn shown(rows: &[ComparedRow]) -> (Vec<&ComparedRow>, usize, usize) {
    let telling = rows.iter().filter(|row| row.weight != ComparedWeight::Same).count();
    let room_for_same = ROWS_SHOWN.saturating_sub(telling);
    let (mut same, mut others) = (0, 0);
    let mut shown = Vec::new();
    for row in rows {
        let (count, room) = match row.weight {
            ComparedWeight::Same => (&mut same, room_for_same),
            _ => (&mut others, ROWS_SHOWN),
        };
        *count += 1;
        if *count <= room {
            shown.push(row);
        }
    }
    (shown, same.saturating_sub(room_for_same), others.saturating_sub(ROWS_SHOWN))
}

/// What is said about the lines that are left out.
fn left_out(same: usize, others: usize) -> Option<String> {
    let others = (others > 0).then(|| format!("{} more that differ, see the JSON", number(others as u64)));
    let same = (same > 0).then(|| format!("{} more that are the same", number(same as u64)));
    let told: Vec<String> = [others, same].into_iter().flatten().collect();
    (!told.is_empty()).then(|| format!("and {}", told.join(", and ")))
}

fn sign(weight: ComparedWeight) -> char {
    match weight {
        ComparedWeight::Same => '=',
        ComparedWeight::Differs => '≠',
        ComparedWeight::Decides => '◆',
        ComparedWeight::Unknown => '?',
    }
}

fn word(weight: ComparedWeight) -> &'static str {
    match weight {
        ComparedWeight::Same => "same",
        ComparedWeight::Differs => "differs",
        ComparedWeight::Decides => "decides",
        ComparedWeight::Unknown => "not shown",
    }
}

fn tone(weight: ComparedWeight) -> Tone {
    match weight {
        ComparedWeight::Same => Tone::Soft,
        ComparedWeight::Differs => Tone::Warn,
        ComparedWeight::Decides => Tone::Bad,
        ComparedWeight::Unknown => Tone::Odd,
    }
}

/// A side in words; one that no record shows is another thing than one on which nothing is there.
fn side(value: Option<&String>, weight: ComparedWeight) -> String {
    match (value, weight) {
        (Some(text), _) if text.trim().is_empty() => "(empty)".to_owned(),
        (Some(text), _) => visible(text),
        (None, ComparedWeight::Unknown) => "(not shown)".to_owned(),
        (None, _) => NOT_THERE.to_owned(),
    }
}

/// Columns of the widest word about a line.
const WORD_COLUMNS: usize = 9;

pub(super) fn terminal(page: &mut Page, table: &BeforeAfter, numbers: &Numbers) {
    let (rows, same, others) = shown(&table.rows);
    if rows.is_empty() {
        page.block("    ", FAINT, NOTHING);
        return;
    }
    let records = Records::of(&rows, numbers);
    let field = rows.iter().map(|row| width(&records.named(row))).max().unwrap_or(0).clamp(6, MAX_FIELD);
    // Four of indent, the sign, and two between the columns.
    let room = page.width.saturating_sub(4 + 2 + field + 2 + 2 + 2 + WORD_COLUMNS);
    let column = (room / 2).clamp(8, MAX_SIDE);
    let fits = |row: &&ComparedRow| {
        [&row.before, &row.after]
            .iter()
            .all(|value| wrap(&side(value.as_ref(), row.weight), column).len() <= MAX_BESIDE_LINES)
    };
    if page.width >= MIN_BESIDE_WIDTH && rows.iter().all(fits) {
        beside(page, table, &rows, &records, [field, column]);
    } else {
        stacked(page, table, &rows, &records);
    }
    if !records.of_all.is_empty() {
        page.block("      ", FAINT, &format!("records:{}", records.of_all));
    }
    if let Some(told) = left_out(same, others) {
        page.block("      ", FAINT, &told);
    }
}

/// How the records of lines are told: once, if they are the same for all; else behind the name of each line.
struct Records<'a> {
    numbers: &'a Numbers,
    of_all: String,
}

impl<'a> Records<'a> {
    fn of(rows: &[&ComparedRow], numbers: &'a Numbers) -> Records<'a> {
        let told = |row: &&ComparedRow| reference::text(&numbers.references(&row.cites));
        let first = rows.first().map(told).unwrap_or_default();
        let are_same = rows.len() > 1 && rows.iter().all(|row| told(row) == first);
        Records { numbers, of_all: if are_same { first } else { String::new() } }
    }

    /// The name of a line with its records.
    fn named(&self, row: &ComparedRow) -> String {
        let name = visible(&row.field);
        if self.of_all.is_empty() { name + &reference::text(&self.numbers.references(&row.cites)) } else { name }
    }
}

fn beside(
    page: &mut Page,
    table: &BeforeAfter,
    rows: &[&ComparedRow],
    records: &Records<'_>,
    [field, column]: [usize; 2],
) {
    let heads = [&table.before, &table.after].map(|head| lines(&visible(head), column));
    let blank = " ".repeat(6 + field + 2);
    for at in 0..heads.iter().map(Vec::len).max().unwrap_or(0) {
        let head = |side: usize| pad(heads[side].get(at).map_or("", String::as_str), column + 2);
        page.line(&[(&blank, PLAIN), (&head(0), FAINT), (&head(1), FAINT)]);
    }
    for row in rows {
        let fields = lines(&records.named(row), field);
        let before = lines(&side(row.before.as_ref(), row.weight), column);
        let after = lines(&side(row.after.as_ref(), row.weight), column);
        let strong = if row.weight == ComparedWeight::Decides { HEADING } else { PLAIN };
        let value = if row.weight == ComparedWeight::Same { FAINT } else { style(tone(row.weight)) };
        for at in 0..fields.len().max(before.len()).max(after.len()) {
            let of = |lines: &[String], columns: usize| pad(lines.get(at).map_or("", String::as_str), columns + 2);
            let sign = if at == 0 { sign(row.weight) } else { ' ' };
            let word = if at == 0 { word(row.weight) } else { "" };
            page.line(&[
                (&format!("    {sign} "), style(tone(row.weight))),
                (&of(&fields, field), strong),
                (&of(&before, column), value),
                (&of(&after, column), value),
                (word, style(tone(row.weight))),
            ]);
        }
    }
}

fn stacked(page: &mut Page, table: &BeforeAfter, rows: &[&ComparedRow], records: &Records<'_>) {
    let heads = [visible(&table.before), visible(&table.after)];
    let columns = heads.iter().map(|head| width(head)).max().unwrap_or(0).min(page.width / 3);
    for row in rows {
        let lead = format!("    {} {}: ", sign(row.weight), word(row.weight));
        page.block_of(&[(&lead, style(tone(row.weight)))], 6, &records.named(row));
        if row.weight == ComparedWeight::Same && row.before == row.after {
            page.block("      ", FAINT, &side(row.before.as_ref(), row.weight));
            continue;
        }
        for (head, value) in heads.iter().zip([&row.before, &row.after]) {
            let lead = format!("      {}  ", pad(&cut(head, columns), columns));
            page.block(&lead, FAINT, &side(value.as_ref(), row.weight));
        }
    }
}

fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines = wrap(text, columns);
    if lines.len() > MAX_NAME_LINES {
        lines.truncate(MAX_NAME_LINES);
        if let Some(last) = lines.last_mut() {
            *last = format!("{}…", cut(last, columns.saturating_sub(1)).trim_end_matches('…'));
        }
    }
    lines
}

pub(super) fn markdown(out: &mut String, table: &BeforeAfter, numbers: &Numbers) {
    let (rows, same, others) = shown(&table.rows);
    if rows.is_empty() {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    }
    out.push_str(&format!(
        "| | {} | {} | | records |\n|---|---|---|---|---|\n",
        escape(&table.before),
        escape(&table.after)
    ));
    for row in rows {
        let strong = if row.weight == ComparedWeight::Decides { "**" } else { "" };
        out.push_str(&format!(
            "| {} | {} | {} | {} {strong}{}{strong} |{} |\n",
            escape(&row.field),
            escape(&side(row.before.as_ref(), row.weight)),
            escape(&side(row.after.as_ref(), row.weight)),
            sign(row.weight),
            word(row.weight),
            reference::markdown(&numbers.references(&row.cites), Within::Table),
        ));
    }
    out.push('\n');
    if let Some(told) = left_out(same, others) {
        out.push_str(&format!("{told}\n\n"));
    }
}

pub(super) fn html(table: &BeforeAfter, numbers: &Numbers, around: Around<'_>) -> Markup {
    let (rows, same, others) = shown(&table.rows);
    html! {
        @if rows.is_empty() { p.soft { (NOTHING) } }
        @else {
            table.stack.compared {
                thead {
                    tr {
                        th scope="col" { (around.heading("what")) } th scope="col" { (visible(&table.before)) }
                        th scope="col" { (visible(&table.after)) } th scope="col" { (around.heading("how much it counts")) }
                    }
                }
                tbody {
                    @for row in rows {
                        tr.decided[row.weight == ComparedWeight::Decides] {
                            th scope="row" { (visible(&row.field)) (reference::markup(&numbers.references(&row.cites), around)) }
                            @for (head, value) in [(&table.before, &row.before), (&table.after, &row.after)] {
                                td.soft[row.weight == ComparedWeight::Same] data-label=(visible(head)) {
                                    (side(value.as_ref(), row.weight))
                                }
                            }
                            td.when.(tone(row.weight).class()) {
                                span aria-hidden="true" { (sign(row.weight)) } " " (word(row.weight))
                            }
                        }
                    }
                }
            }
            @if let Some(told) = left_out(same, others) { p.soft { (told) } }
        }
    }
}
