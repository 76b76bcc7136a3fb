//! From one number to another: bars that hang where the one before ends.

use maud::{Markup, html};

use super::super::reference::Around;
use super::super::terminal::style;
use super::super::{Numbers, Tone, reference};
use crate::markdown::{Within, escape};
use crate::picture::{Waterfall, WaterfallBar, WaterfallKind};
use crate::terminal::{FAINT, PLAIN, Page};
use crate::text::{cut, number, pad, visible, width, wrap};

/// With fewer columns left for them, the bars are not drawn: the numbers say all.
const MIN_BAR_COLUMNS: usize = 8;
/// Columns of the longest bar.
const MAX_BAR_COLUMNS: usize = 60;
/// Longer numbers are written without commas, so that a name has room beside them.
const MAX_VALUE_COLUMNS: usize = 16;
/// Lines that the name of one number takes at most.
const MAX_LABEL_LINES: usize = 6;

/// From where to where a bar reaches, in what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    from: i128,
    to: i128,
}

/// A number by itself stands on zero; every other one begins where the one before ends.
fn reaches(bars: &[WaterfallBar]) -> Vec<Reach> {
    let mut level = 0_i128;
    let mut reach = |bar: &WaterfallBar| {
        let value = i128::from(bar.value);
        let start = if bar.kind == WaterfallKind::Total { 0 } else { level };
        level = start.saturating_add(value);
        Reach { from: start.min(level), to: start.max(level) }
    };
    bars.iter().map(&mut reach).collect()
}

/// The lowest and the highest number of a picture; zero is among them.
#[derive(Clone, Copy, Debug)]
struct Scale {
    low: i128,
    high: i128,
}

impl Scale {
    fn of(reaches: &[Reach]) -> Scale {
        let low = reaches.iter().map(|reach| reach.from).fold(0, i128::min);
        let high = reaches.iter().map(|reach| reach.to).fold(0, i128::max);
        Scale { low, high }
    }

    /// Where a number stands on a line of so many parts.
    fn place(self, value: i128, parts: usize) -> usize {
        let whole = self.high - self.low;
        if whole == 0 {
            return 0;
        }
        let parts = parts as i128;
        let at = ((value - self.low).saturating_mul(parts) + whole / 2) / whole;
        usize::try_from(at.clamp(0, parts)).unwrap_or(0)
    }

    /// Where a bar begins and how long it is: at least one part, unless it is of nothing.
    fn bar(self, reach: Reach, parts: usize) -> (usize, usize) {
        let (start, end) = (self.place(reach.from, parts), self.place(reach.to, parts));
        let long = (end - start).max(usize::from(reach.from != reach.to));
        (start.min(parts.saturating_sub(long)), long)
    }
}

/// The number with its sign: of a number by itself only a minus.
fn told(bar: &WaterfallBar) -> String {
    let digits = number(bar.value.unsigned_abs());
    match (bar.kind, bar.value.signum()) {
        (_, -1) => format!("-{digits}"),
        (WaterfallKind::Step | WaterfallKind::Residue, 1) => format!("+{digits}"),
        _ => digits,
    }
}

fn sign(bar: &WaterfallBar) -> char {
    match (bar.kind, bar.value) {
        (WaterfallKind::Total, _) => '=',
        (WaterfallKind::Residue, 0) => '✓',
        (WaterfallKind::Residue, _) => '!',
        (WaterfallKind::Step, ..0) => '-',
        (WaterfallKind::Step, _) => '+',
    }
}

fn tone(bar: &WaterfallBar) -> Tone {
    match (bar.kind, bar.value) {
        (WaterfallKind::Residue, 0) => Tone::Good,
        (WaterfallKind::Residue, _) => Tone::Bad,
        (WaterfallKind::Step, _) => Tone::Warn,
        (WaterfallKind::Total, _) => Tone::Plain,
    }
}

/// What a bar is filled with, so that it is known without colour.
fn fill(bar: &WaterfallBar) -> char {
    match (bar.kind, bar.value) {
        (WaterfallKind::Total, _) => '█',
        (WaterfallKind::Residue, _) => '▚',
        (WaterfallKind::Step, ..0) => '░',
        (WaterfallKind::Step, _) => '▓',
    }
}

/// What is left over, in words; `None` if the numbers do not close.
fn verdict(waterfall: &Waterfall) -> Option<(Tone, String)> {
    let residues: Vec<i128> = waterfall
        .bars
        .iter()
        .filter(|bar| bar.kind == WaterfallKind::Residue)
        .map(|bar| i128::from(bar.value))
        .collect();
    let left: i128 = residues.iter().map(|value| value.abs()).sum();
    let unit = visible(&waterfall.unit);
    match left {
        0 if residues.is_empty() => closes(&waterfall.bars)
            .then(|| (Tone::Good, "The steps add up to the last number: nothing is left over.".to_owned())),
        0 => Some((Tone::Good, "Nothing is left over: the steps explain the whole difference.".to_owned())),
        _ => {
            let left = u64::try_from(left).map_or_else(|_| left.to_string(), number);
            Some((Tone::Bad, format!("Left unexplained: {left} {unit}.")))
        }
    }
}

/// Whether the steps after the first number by itself lead to the last one.
fn closes(bars: &[WaterfallBar]) -> bool {
    let totals: Vec<usize> =
        (0..bars.len()).filter(|at| bars.get(*at).is_some_and(|bar| bar.kind == WaterfallKind::Total)).collect();
    let (Some(first), Some(last)) = (totals.first(), totals.last()) else { return false };
    let sum: i128 = bars.get(*first..*last).unwrap_or(&[]).iter().map(|bar| i128::from(bar.value)).sum();
    totals.len() == 2 && last - first > 1 && bars.get(*last).is_some_and(|bar| i128::from(bar.value) == sum)
}

const NOTHING: &str = "No number is stated.";

pub(super) fn terminal(page: &mut Page, waterfall: &Waterfall, numbers: &Numbers) {
    if waterfall.bars.is_empty() {
        page.block("    ", FAINT, NOTHING);
        return;
    }
    let reaches = reaches(&waterfall.bars);
    let scale = Scale::of(&reaches);
    let mut values: Vec<String> = waterfall.bars.iter().map(told).collect();
    if values.iter().any(|value| value.len() > MAX_VALUE_COLUMNS) {
        values.iter_mut().for_each(|value| *value = value.replace(',', ""));
    }
    let value_columns = values.iter().map(|value| width(value)).max().unwrap_or(0);
    let label = |bar: &WaterfallBar| {
        let records = reference::text(&numbers.references(&bar.cites));
        format!("{}{records}", visible(&bar.label))
    };
    let labels: Vec<String> = waterfall.bars.iter().map(label).collect();
    let longest = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    // Four of indent, the sign, and two between label, number and bar.
    let room = page.width.saturating_sub(4 + 2 + 2 + value_columns + 2);
    let label_columns = longest.clamp(8, (room * 3 / 5).max(8)).min(room.max(8));
    let drawn = room.saturating_sub(label_columns).min(MAX_BAR_COLUMNS);
    page.block("    ", FAINT, &format!("counted: {}", visible(&waterfall.unit)));
    for (((bar, reach), value), label) in waterfall.bars.iter().zip(&reaches).zip(&values).zip(&labels) {
        let mut lines = wrap(label, label_columns);
        if lines.len() > MAX_LABEL_LINES {
            lines.truncate(MAX_LABEL_LINES);
            if let Some(last) = lines.last_mut() {
                *last = cut(&format!("{last} …"), label_columns);
            }
        }
        let picture = match drawn >= MIN_BAR_COLUMNS {
            true => {
                let (start, long) = scale.bar(*reach, drawn);
                format!("  {}{}", " ".repeat(start), fill(bar).to_string().repeat(long))
            }
            false => String::new(),
        };
        for (at, line) in lines.iter().enumerate() {
            let name = pad(line, label_columns);
            match at {
                0 => page.line(&[
                    (&format!("    {} ", sign(bar)), style(tone(bar))),
                    (&name, PLAIN),
                    (&format!("  {value:>value_columns$}"), style(tone(bar))),
                    (&picture, style(tone(bar))),
                ]),
                _ => page.line(&[("      ", PLAIN), (&name, PLAIN)]),
            }
        }
    }
    if let Some((tone, verdict)) = verdict(waterfall) {
        page.block(&format!("    {} ", tone.sign()), style(tone), &verdict);
    }
}

pub(super) fn markdown(out: &mut String, waterfall: &Waterfall, numbers: &Numbers) {
    if waterfall.bars.is_empty() {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    }
    out.push_str(&format!("| | {} | | records |\n|---|---:|---|---|\n", escape(&waterfall.unit)));
    for bar in &waterfall.bars {
        let strong = if bar.kind == WaterfallKind::Step { "" } else { "**" };
        let kind = match bar.kind {
            WaterfallKind::Total => "number",
            WaterfallKind::Step => "step",
            WaterfallKind::Residue => "left over",
        };
        out.push_str(&format!(
            "| {} | {strong}{}{strong} | {} {kind} |{} |\n",
            escape(&bar.label),
            told(bar),
            sign(bar),
            reference::markdown(&numbers.references(&bar.cites), Within::Table),
        ));
    }
    out.push('\n');
    if let Some((tone, verdict)) = verdict(waterfall) {
        out.push_str(&format!("{} {}\n\n", tone.sign(), escape(&verdict)));
    }
}

/// Parts of a line in HTML: tenths of a percent.
const PARTS: usize = 1000;

pub(super) fn html(waterfall: &Waterfall, numbers: &Numbers, around: Around<'_>) -> Markup {
    let reaches = reaches(&waterfall.bars);
    let scale = Scale::of(&reaches);
    html! {
        @if waterfall.bars.is_empty() { p.soft { (NOTHING) } }
        @else {
            table.stack.waterfall {
                thead { tr { th scope="col" { (around.heading("what")) } th scope="col" { (visible(&waterfall.unit)) } th scope="col" { (around.heading("drawn")) } } }
                tbody {
                    @for (bar, reach) in waterfall.bars.iter().zip(&reaches) {
                        @let (start, long) = scale.bar(*reach, PARTS);
                        tr.sum[bar.kind == WaterfallKind::Total] {
                            th scope="row" { (visible(&bar.label)) (reference::markup(&numbers.references(&bar.cites), around)) }
                            td.number.(tone(bar).class()) { (told(bar)) }
                            td.line.(tone(bar).class()) aria-hidden="true" {
                                @if long > 0 {
                                    span.bar.(kind_class(bar))
                                        style=(format!("margin-inline-start: {}; inline-size: {}", share(start), share(long))) {}
                                }
                            }
                        }
                    }
                }
            }
            @if let Some((tone, verdict)) = verdict(waterfall) {
                p.(tone.class()) { span aria-hidden="true" { (tone.sign()) } " " (verdict) }
            }
        }
    }
}

fn kind_class(bar: &WaterfallBar) -> &'static str {
    match (bar.kind, bar.value) {
        (WaterfallKind::Total, _) => "total",
        (WaterfallKind::Residue, _) => "residue",
        (WaterfallKind::Step, ..0) => "takes",
        (WaterfallKind::Step, _) => "adds",
    }
}

fn share(parts: usize) -> String {
    format!("{}.{}%", parts / 10, parts % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(kind: WaterfallKind, value: i64) -> WaterfallBar {
        WaterfallBar { label: String::new(), value, kind, cites: Vec::new() }
    }

    #[test]
    fn bars_hang_where_the_one_before_ends() {
        use WaterfallKind::{Residue, Step, Total};
        let bars = [bar(Total, 100), bar(Step, -30), bar(Step, 10), bar(Residue, -5), bar(Total, 75)];
        let spans: Vec<(i128, i128)> = reaches(&bars).iter().map(|reach| (reach.from, reach.to)).collect();
        assert_eq!(spans, [(0, 100), (70, 100), (70, 80), (75, 80), (0, 75)]);
    }

    #[test]
    fn what_is_left_is_said() {
        use WaterfallKind::{Residue, Step, Total};
        for (name, bars, expected) in [
            ("zero", vec![bar(Total, 9), bar(Step, -2), bar(Residue, 0), bar(Total, 7)], Some("Nothing is left over")),
            ("rest", vec![bar(Total, 9), bar(Step, -1), bar(Residue, -1), bar(Total, 7)], Some("Left unexplained: 1 ")),
            ("adds up", vec![bar(Total, 9), bar(Step, -2), bar(Total, 7)], Some("The steps add up")),
            ("does not", vec![bar(Total, 9), bar(Step, -1), bar(Total, 7)], None),
            ("no step", vec![bar(Total, 9), bar(Total, 9)], None),
            (
                "huge",
                vec![bar(Residue, i64::MIN), bar(Residue, i64::MIN)],
                Some("Left unexplained: 18446744073709551616"),
            ),
        ] {
            let waterfall = Waterfall { unit: "copies".to_owned(), bars };
            let told = verdict(&waterfall).map(|(_, told)| told);
            assert_eq!(told.is_some(), expected.is_some(), "{name}");
            assert!(told.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{name}");
        }
    }
}
