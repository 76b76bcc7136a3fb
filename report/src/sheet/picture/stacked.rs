//! How many of several kinds there were in each stretch of time: columns, the kinds one on the other.

use maud::{Markup, html};

use super::super::Tone;
use super::super::terminal::style;
use super::plot::{self, FRAMES, Frame};
use crate::markdown::escape;
use crate::picture::{CountSeries, StackedCounts};
use crate::terminal::{FAINT, PLAIN, Page};
use crate::text::{cut, number, pad, visible, width};

/// With fewer columns left for them, the bars are not drawn: the numbers say all.
const MIN_BAR_COLUMNS: usize = 8;
/// Columns of the longest bar.
const MAX_BAR_COLUMNS: usize = 60;
/// Columns of the name of a stretch at most.
const MAX_STEP_COLUMNS: usize = 16;
/// What the kinds are drawn with where there is no colour.
const LETTERS: [char; plot::FILLINGS] = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];

const NOTHING: &str = "Nothing was counted.";

fn letter(at: usize) -> char {
    LETTERS[at.min(LETTERS.len() - 1)]
}

fn tone(at: usize) -> Tone {
    const TONES: [Tone; LETTERS.len()] =
        [Tone::Plain, Tone::Odd, Tone::Warn, Tone::Good, Tone::Bad, Tone::Plain, Tone::Odd, Tone::Soft];
    TONES[at.min(TONES.len() - 1)]
}

fn count(series: &CountSeries, step: usize) -> u64 {
    series.counts.get(step).copied().unwrap_or(0)
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn of_step(stacked: &StackedCounts, step: usize) -> u64 {
    sum(stacked.series.iter().map(|series| count(series, step)))
}

fn most(stacked: &StackedCounts) -> u64 {
    (0..stacked.steps.len()).map(|step| of_step(stacked, step)).max().unwrap_or(0)
}

fn whole(stacked: &StackedCounts) -> u64 {
    sum((0..stacked.steps.len()).map(|step| of_step(stacked, step)))
}

/// How long the parts of a bar are, of so many parts for `most`; what is not nothing shows.
fn parts(stacked: &StackedCounts, step: usize, parts: usize) -> Vec<usize> {
    let most = u128::from(most(stacked).max(1));
    let long = |count: u64| {
        let part = (u128::from(count) * parts as u128 + most / 2) / most;
        usize::try_from(part).unwrap_or(0).max(usize::from(count > 0))
    };
    stacked.series.iter().map(|series| long(count(series, step))).collect()
}

/// The busiest stretch and the whole, in words.
fn told(stacked: &StackedCounts) -> String {
    let busiest = (0..stacked.steps.len()).max_by_key(|step| (of_step(stacked, *step), std::cmp::Reverse(*step)));
    let busiest = busiest.and_then(|step| Some((stacked.steps.get(step)?, of_step(stacked, step))));
    let unit = &stacked.unit;
    let busiest = busiest.map_or(String::new(), |(step, count)| format!("; the most in {step}: {}", number(count)));
    let kinds: Vec<String> = stacked
        .series
        .iter()
        .map(|series| format!("{} {}", series.name, number(sum(series.counts.iter().copied()))))
        .collect();
    visible(&format!("{} {unit}{busiest}. {}", number(whole(stacked)), kinds.join(", ")))
}

pub(super) fn terminal(page: &mut Page, stacked: &StackedCounts) {
    page.block("    ", FAINT, &visible(&stacked.title));
    if whole(stacked) == 0 {
        page.block("    ", FAINT, NOTHING);
        return;
    }
    let names: Vec<String> = stacked.steps.iter().map(|step| cut(&visible(step), MAX_STEP_COLUMNS)).collect();
    let name_columns = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let sums: Vec<String> = (0..names.len()).map(|step| number(of_step(stacked, step))).collect();
    let sum_columns = sums.iter().map(|sum| width(sum)).max().unwrap_or(0);
    let room = page.width.saturating_sub(6 + name_columns + 2 + sum_columns + 2).min(MAX_BAR_COLUMNS);
    // Each kind that is there takes a column at least.
    let drawn = room.saturating_sub(stacked.series.len());
    for (step, (name, sum)) in names.iter().zip(&sums).enumerate() {
        let lead = format!("      {}  {sum:>sum_columns$}  ", pad(name, name_columns));
        let bar: Vec<(String, Tone)> = if drawn < MIN_BAR_COLUMNS {
            Vec::new()
        } else {
            let parts = parts(stacked, step, drawn);
            parts.iter().enumerate().map(|(at, part)| (letter(at).to_string().repeat(*part), tone(at))).collect()
        };
        let mut line = vec![(lead.as_str(), PLAIN)];
        line.extend(bar.iter().map(|(text, tone)| (text.as_str(), style(*tone))));
        page.line(&line);
    }
    let legend: Vec<String> = stacked
        .series
        .iter()
        .enumerate()
        .map(|(at, series)| format!("{} {} ({})", letter(at), series.name, number(sum(series.counts.iter().copied()))))
        .collect();
    let legend: Vec<String> = legend.iter().map(|one| visible(one).replace(' ', "\u{a0}")).collect();
    page.block("      ", FAINT, &legend.join("  "));
}

pub(super) fn markdown(out: &mut String, stacked: &StackedCounts) {
    out.push_str(&format!("**{}**\n\n", escape(&stacked.title)));
    if whole(stacked) == 0 {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    }
    let names: Vec<String> = stacked.series.iter().map(|series| escape(&series.name)).collect();
    out.push_str(&format!("| | {} | {} | |\n", names.join(" | "), escape(&stacked.unit)));
    out.push_str(&format!("|---|{}---:|---|\n", "---:|".repeat(names.len())));
    for (step, name) in stacked.steps.iter().enumerate() {
        let counts: Vec<String> = stacked.series.iter().map(|series| shown(count(series, step))).collect();
        let bar = "█".repeat(parts(stacked, step, 20).into_iter().sum());
        let sum = number(of_step(stacked, step));
        out.push_str(&format!("| {} | {} | {sum} | {bar} |\n", escape(name), counts.join(" | ")));
    }
    out.push('\n');
}

/// Nothing is a dot, so that what is there is seen.
fn shown(count: u64) -> String {
    if count == 0 { "·".to_owned() } else { number(count) }
}

/// Heights of a drawing: above the columns, of the columns, below them.
const ABOVE: usize = 14;
const COLUMNS: usize = 180;
const BELOW: usize = 26;
/// Width of the numbers at the side.
const SIDE: usize = 40;

pub(super) fn html(stacked: &StackedCounts) -> Markup {
    let id = plot::slug(&stacked.title);
    html! {
        h3 { (visible(&stacked.title)) }
        @if whole(stacked) == 0 { p.soft { (NOTHING) } }
        @else {
            @for frame in FRAMES { (columns(stacked, frame)) }
            p.legend {
                @for (at, series) in stacked.series.iter().enumerate() {
                    // The sample fills itself with the pattern of the drawing that is shown.
                    span { (sample(&id, at)) " " (visible(&series.name)) }
                }
            }
            details {
                summary { "the same in numbers" }
                div.scroll { (table(stacked)) }
            }
        }
    }
}

/// A sample for either frame: the style sheet shows the one whose drawing is shown.
fn sample(id: &str, at: usize) -> Markup {
    html! {
        @for frame in FRAMES { span.(frame.class) { (plot::swatch(&format!("{id}-{}", frame.class), at)) } }
    }
}

fn columns(stacked: &StackedCounts, frame: Frame) -> Markup {
    let id = format!("{}-{}", plot::slug(&stacked.title), frame.class);
    let ticks = plot::steps(most(stacked), 5);
    let top = ticks.last().copied().unwrap_or(1).max(1);
    let height = |count: u64| (u128::from(count) * COLUMNS as u128 / u128::from(top)) as usize;
    let across = frame.width - SIDE - 8;
    let steps = stacked.steps.len().max(1);
    let place = |step: usize| SIDE + across * step / steps;
    let middles: Vec<(usize, usize)> = stacked
        .steps
        .iter()
        .enumerate()
        .map(|(step, name)| ((place(step) + place(step + 1)) / 2, plot::text_width(&visible(name)) / 2))
        .collect();
    let named = plot::with_room(&middles);
    let content = html! {
        (plot::fillings(&id))
        @for tick in &ticks {
            @let y = ABOVE + COLUMNS - height(*tick);
            line.(if *tick == 0 { "axis" } else { "grid" }) x1=(SIDE) x2=(frame.width - 8) y1=(y) y2=(y) {}
            text x=(SIDE - 6) y=(y + 4) text-anchor="end" { (number(*tick)) }
        }
        @for step in 0..stacked.steps.len() {
            @let wide = place(step + 1) - place(step);
            @let gap = (wide / 5).min(10);
            @for (at, from, to) in stack(stacked, step) {
                @let (low, high) = (height(from), height(to).max(height(from) + 1));
                rect.(format!("part f{}", at.min(plot::FILLINGS - 1))) x=(place(step) + gap / 2) width=((wide - gap).max(1))
                    y=(ABOVE + COLUMNS - high) height=(high - low) fill=(plot::filling(&id, at)) {
                    title { (hint(stacked, step, at)) }
                }
            }
        }
        @for ((name, (middle, _)), is_named) in stacked.steps.iter().zip(&middles).zip(&named) {
            @if *is_named { text x=(middle) y=(ABOVE + COLUMNS + 18) text-anchor="middle" { (visible(name)) } }
        }
    };
    plot::drawing(frame, ABOVE + COLUMNS + BELOW, &visible(&stacked.title), &told(stacked), content)
}

/// From where to where each kind of a stretch reaches, in what is counted.
fn stack(stacked: &StackedCounts, step: usize) -> Vec<(usize, u64, u64)> {
    let mut level = 0_u64;
    let mut reach = |(at, series): (usize, &CountSeries)| {
        let from = level;
        level = level.saturating_add(count(series, step));
        (level > from).then_some((at, from, level))
    };
    stacked.series.iter().enumerate().filter_map(&mut reach).collect()
}

fn hint(stacked: &StackedCounts, step: usize, at: usize) -> String {
    let name = stacked.steps.get(step).map(|name| visible(name)).unwrap_or_default();
    let series = stacked.series.get(at);
    let of = series.map(|series| format!("{} {}", visible(&series.name), number(count(series, step))));
    format!("{name}: {}", of.unwrap_or_default())
}

fn table(stacked: &StackedCounts) -> Markup {
    html! {
        table.numbers {
            thead { tr {
                th scope="col" { "" }
                @for series in &stacked.series { th.number scope="col" { (visible(&series.name)) } }
                th.number scope="col" { (visible(&stacked.unit)) }
            } }
            tbody {
                @for (step, name) in stacked.steps.iter().enumerate() {
                    tr {
                        th.when scope="row" { (visible(name)) }
                        @for series in &stacked.series { td.number { (shown(count(series, step))) } }
                        td.number { (number(of_step(stacked, step))) }
                    }
                }
                tr.sum {
                    th scope="row" { "all" }
                    @for series in &stacked.series { td.number { (number(sum(series.counts.iter().copied()))) } }
                    td.number { (number(whole(stacked))) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacked(counts: &[&[u64]]) -> StackedCounts {
        StackedCounts {
            title: "Cases".to_owned(),
            unit: "cases".to_owned(),
            steps: (1..=counts.first().map_or(0, |first| first.len())).map(|step| format!("W{step}")).collect(),
            series: counts
                .iter()
                .enumerate()
                .map(|(at, counts)| CountSeries { name: format!("kind {at}"), counts: counts.to_vec() })
                .collect(),
        }
    }

    #[test]
    fn kinds_stand_one_on_the_other() {
        let stacked = stacked(&[&[2, 0], &[0, 1], &[3, 4]]);
        assert_eq!(stack(&stacked, 0), [(0, 0, 2), (2, 2, 5)]);
        assert_eq!(stack(&stacked, 1), [(1, 0, 1), (2, 1, 5)]);
        assert_eq!((most(&stacked), whole(&stacked)), (5, 10));
    }

    #[test]
    fn what_is_not_nothing_shows() {
        let stacked = stacked(&[&[1, 1_000_000], &[0, u64::MAX]]);
        assert_eq!(parts(&stacked, 0, 20), [1, 0]);
        assert_eq!(parts(&stacked, 1, 20), [1, 20]);
    }

    #[test]
    fn missing_numbers_are_nothing() {
        let mut stacked = stacked(&[&[1, 2]]);
        stacked.series[0].counts.truncate(1);
        assert_eq!(whole(&stacked), 1);
        assert!(html(&stacked).into_string().contains("W2"));
    }
}
