//! Changes that were made: how old each is, and how much it lets through.

use maud::{Markup, html};

use super::super::Tone;
use super::super::terminal::style;
use super::plot::{self, FRAMES, Frame};
use crate::markdown::escape;
use crate::picture::{AgeRadius, AgedChange, ChangeEnd, ChangeVerified};
use crate::terminal::{FAINT, PLAIN, Page};
use crate::text::{counted, cut, number, visible};
use crate::view;

/// Columns of the longest bar.
const MAX_BAR_COLUMNS: usize = 40;
/// With fewer columns left for them, the bars are not drawn.
const MIN_BAR_COLUMNS: usize = 10;

const NOTHING: &str = "No change was made.";
/// What the signs mean.
const SIGNS: [&str; 6] = [
    "● held",
    "○ never verified, or it could not be told",
    "! came back",
    "round: it will end",
    "square: no end is stated",
    "on its point: expired",
];

/// How much a change wants a look.
fn tone(row: &AgedChange) -> Tone {
    match (end_tone(row), verified_tone(row)) {
        (Tone::Bad, _) | (_, Tone::Bad) => Tone::Bad,
        (Tone::Warn, _) | (_, Tone::Warn) => Tone::Warn,
        _ => Tone::Good,
    }
}

fn end_tone(row: &AgedChange) -> Tone {
    match row.end {
        ChangeEnd::Expired => Tone::Bad,
        ChangeEnd::NoEnd => Tone::Warn,
        ChangeEnd::Ends => Tone::Plain,
    }
}

fn verified_tone(row: &AgedChange) -> Tone {
    match row.verified {
        ChangeVerified::CameBack => Tone::Bad,
        ChangeVerified::Never | ChangeVerified::CannotTell => Tone::Warn,
        ChangeVerified::Held => Tone::Plain,
    }
}

fn end(row: &AgedChange) -> String {
    match (row.end, row.ends) {
        (ChangeEnd::Expired, Some(at)) => format!("expired {}", view::day(at)),
        (ChangeEnd::Expired, None) => "expired".to_owned(),
        (ChangeEnd::Ends, Some(at)) => format!("ends {}", view::day(at)),
        (ChangeEnd::NoEnd, _) | (ChangeEnd::Ends, None) => "no end stated".to_owned(),
    }
}

fn titled(row: &AgedChange) -> String {
    let about = if row.about.is_empty() { String::new() } else { format!(" {}", row.about) };
    visible(&format!("{}{about}", row.name))
}

fn verified(row: &AgedChange) -> &'static str {
    match row.verified {
        ChangeVerified::Held => "held",
        ChangeVerified::CameBack => "came back",
        ChangeVerified::CannotTell => "looked at, cannot tell",
        ChangeVerified::Never => "never verified",
    }
}

fn guard(row: &AgedChange) -> String {
    row.guard.as_deref().map_or("not asked".to_owned(), visible)
}

fn radius(row: &AgedChange) -> String {
    row.messages.map_or("not measured".to_owned(), |messages| counted(messages, "message"))
}

fn most_messages(aged: &AgeRadius) -> u64 {
    aged.rows.iter().filter_map(|row| row.messages).max().unwrap_or(0)
}

fn most_age(aged: &AgeRadius) -> u64 {
    aged.rows.iter().map(|row| row.age_seconds).max().unwrap_or(0)
}

/// How many changes are told one by one; all are drawn.
const LISTED: usize = 60;

fn listed(aged: &AgeRadius) -> &[AgedChange] {
    aged.rows.get(..LISTED).unwrap_or(&aged.rows)
}

fn not_listed(aged: &AgeRadius) -> Option<String> {
    let more = (aged.rows.len() - listed(aged).len()) as u64 + aged.not_drawn;
    let not_drawn = match aged.not_drawn {
        0 => String::new(),
        count => format!(", {} of them not drawn either", number(count)),
    };
    (more > 0)
        .then(|| format!("{} are not listed here{not_drawn}; the JSON holds all", counted(more, "further change")))
}

pub(super) fn terminal(page: &mut Page, aged: &AgeRadius) {
    page.block("    ", FAINT, &visible(&aged.title));
    if aged.rows.is_empty() {
        page.block("    ", FAINT, NOTHING);
        return;
    }
    let columns = page.width.saturating_sub(6 + 30).min(MAX_BAR_COLUMNS);
    let most = most_age(aged).max(1);
    for row in listed(aged) {
        let text = format!(
            "{}: {}; guard: {}; {}; lets through: {}",
            titled(row),
            end(row),
            guard(row),
            verified(row),
            radius(row)
        );
        page.block(&format!("    {} ", tone(row).sign()), style(tone(row)), &text);
        let bar = (u128::from(row.age_seconds) * columns as u128 / u128::from(most)) as usize;
        let bar = if columns < MIN_BAR_COLUMNS { String::new() } else { "▒".repeat(bar.max(1)) };
        page.line(&[
            ("      ", PLAIN),
            (&bar, style(tone(row))),
            (&format!(" {} old", plot::span(row.age_seconds)), FAINT),
        ]);
        let room = page.width.saturating_sub(6);
        page.line(&[("      ", PLAIN), (&cut(&visible(&row.what), room), FAINT)]);
    }
    if let Some(more) = not_listed(aged) {
        page.block("      ", FAINT, &more);
    }
}

pub(super) fn markdown(out: &mut String, aged: &AgeRadius) {
    out.push_str(&format!("**{}**\n\n", escape(&aged.title)));
    if aged.rows.is_empty() {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    }
    out.push_str("| | | age | lets through | end | verified | guard | change |\n|---|---|---:|---:|---|---|---|---|\n");
    for row in listed(aged) {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            tone(row).sign(),
            escape(&titled(row)),
            plot::span(row.age_seconds),
            radius(row),
            end(row),
            verified(row),
            escape(&guard(row)),
            escape(&row.what),
        ));
    }
    out.push('\n');
    if let Some(more) = not_listed(aged) {
        out.push_str(&format!("{more}\n\n"));
    }
}

/// Heights of a drawing: above, of the field, of the lane of what was not measured, of the line of time.
const ABOVE: usize = 32;
const FIELD: usize = 190;
const LANE: usize = 34;
const AXIS: usize = 40;
/// Width of the numbers at the side.
const SIDE: usize = 60;

pub(super) fn html(aged: &AgeRadius) -> Markup {
    html! {
        h3 { (visible(&aged.title)) }
        @if aged.rows.is_empty() { p.soft { (NOTHING) } }
        @else {
            @for frame in FRAMES { (field(aged, frame)) }
            p.legend { @for sign in SIGNS { span { (sign) } } }
            div.scroll { (table(aged)) }
            @if let Some(more) = not_listed(aged) { p.soft { (more) } }
        }
    }
}

/// Where a change stands in a field of this width.
fn place(row: &AgedChange, aged: &AgeRadius, across: usize) -> (usize, usize) {
    let most = plot::steps(most_age(aged) / DAY + 1, 6).last().copied().unwrap_or(1).saturating_mul(DAY).max(1);
    let x = SIDE + (u128::from(row.age_seconds) * across as u128 / u128::from(most)) as usize;
    let y = match row.messages {
        Some(messages) => ABOVE + FIELD - plot::logarithmic(messages.saturating_add(1), 1, top(aged), FIELD),
        None => ABOVE + FIELD + LANE - 10,
    };
    (x, y)
}

/// The widest radius that the field shows, and one: nothing at all stands at the bottom.
fn top(aged: &AgeRadius) -> u64 {
    let mut top = 10_u64;
    while top < most_messages(aged) {
        top = top.saturating_mul(10);
    }
    top.saturating_add(1)
}

/// A day.
const DAY: u64 = 86_400;

fn field(aged: &AgeRadius, frame: Frame) -> Markup {
    let across = frame.width - SIDE - 16;
    let bottom = ABOVE + FIELD + LANE;
    let days = plot::steps(most_age(aged) / DAY + 1, if frame.width > 500 { 6 } else { 4 });
    let last = plot::steps(most_age(aged) / DAY + 1, 6).last().copied().unwrap_or(1).max(1);
    let x = |days: u64| SIDE + (u128::from(days) * across as u128 / u128::from(last)) as usize;
    let mut powers = vec![0_u64];
    let mut power = 1_u64;
    while power < top(aged) {
        powers.push(power);
        power = power.saturating_mul(10);
    }
    let every = powers.len().div_ceil(8).max(1);
    let y = |messages: u64| ABOVE + FIELD - plot::logarithmic(messages.saturating_add(1), 1, top(aged), FIELD);
    let marks = aged.rows.iter().map(|row| place(row, aged, across));
    let mut taken: Vec<(usize, usize, usize)> = marks.map(|(x, y)| (x.saturating_sub(8), x + 8, y)).collect();
    let content = html! {
        @for (at, power) in powers.iter().enumerate() {
            line.grid x1=(SIDE) x2=(frame.width - 16) y1=(y(*power)) y2=(y(*power)) {}
            @if at.is_multiple_of(every) { text x=(SIDE - 6) y=(y(*power) + 4) text-anchor="end" { (short(*power)) } }
        }
        text x="0" y="10" { "messages" }
        text x=(SIDE - 6) y=(bottom - 12) text-anchor="end" { "not" }
        text x=(SIDE - 6) y=(bottom - 1) text-anchor="end" { "measured" }
        line.axis x1=(SIDE) x2=(frame.width - 16) y1=(bottom) y2=(bottom) {}
        @for day in days.iter().filter(|day| **day <= last) {
            line.grid x1=(x(*day)) x2=(x(*day)) y1=(ABOVE) y2=(bottom + 4) {}
            text x=(x(*day)) y=(bottom + 17) text-anchor="middle" { (number(*day)) }
        }
        text x=(SIDE + across / 2) y=(bottom + 34) text-anchor="middle" { "days since it was made" }
        @for row in aged.rows.iter().rev() { (mark(row, place(row, aged, across))) }
        @for row in &aged.rows {
            @if let Some((left, base)) = label(row, place(row, aged, across), frame, &mut taken) {
                text.name x=(left) y=(base) { (visible(&row.name)) }
            }
        }
    };
    plot::drawing(frame, bottom + AXIS, &visible(&aged.title), &told(aged), content)
}

/// A large number in a few signs.
fn short(value: u64) -> String {
    match value {
        ..10_000 => number(value),
        10_000..1_000_000 => format!("{}k", value / 1_000),
        1_000_000..1_000_000_000 => format!("{}M", value / 1_000_000),
        _ => format!("{}G", value / 1_000_000_000),
    }
}

/// Where the name of a change stands beside its mark; `None` if another one stands there.
fn label(
    row: &AgedChange,
    (x, y): (usize, usize),
    frame: Frame,
    taken: &mut Vec<(usize, usize, usize)>,
) -> Option<(usize, usize)> {
    let long = plot::text_width(&visible(&row.name));
    let left = if x + 12 + long < frame.width { x + 12 } else { x.checked_sub(12 + long)? };
    let is_free =
        |(from, to, base): &(usize, usize, usize)| left > *to || left + long < *from || y.abs_diff(*base) > 13;
    taken.iter().all(is_free).then(|| {
        taken.push((left, left + long, y));
        (left, y + 4)
    })
}

fn mark(row: &AgedChange, (x, y): (usize, usize)) -> Markup {
    let look = if row.verified == ChangeVerified::Held { "full" } else { "hollow" };
    let class = format!("mark {look} {}", tone(row).class());
    let hint = format!(
        "{}: {}, {} old, {}, {}",
        titled(row),
        radius(row),
        plot::span(row.age_seconds),
        end(row),
        verified(row)
    );
    html! {
        g.(class) {
            title { (hint) }
            @match row.end {
                ChangeEnd::Ends => { circle cx=(x) cy=(y) r="6" {} }
                ChangeEnd::NoEnd => { rect x=(x - 6) y=(y.saturating_sub(6)) width="12" height="12" {} }
                ChangeEnd::Expired => { path d=(format!("M{x} {}L{} {y}L{x} {}L{} {y}Z", y.saturating_sub(8), x + 8, y + 8, x - 8)) {} }
            }
            @if row.verified == ChangeVerified::CameBack { text x=(x) y=(y + 4) text-anchor="middle" { "!" } }
        }
    }
}

fn told(aged: &AgeRadius) -> String {
    let count =
        |wanted: &dyn Fn(&AgedChange) -> bool| number(aged.rows.iter().filter(|row| wanted(row)).count() as u64);
    format!(
        "{}: {} expired, {} without a stated end, {} never verified, {} came back, {} not measured; the oldest {} old",
        counted(aged.rows.len() as u64, "change"),
        count(&|row| row.end == ChangeEnd::Expired),
        count(&|row| row.end == ChangeEnd::NoEnd),
        count(&|row| row.verified == ChangeVerified::Never),
        count(&|row| row.verified == ChangeVerified::CameBack),
        count(&|row| row.messages.is_none()),
        plot::span(most_age(aged)),
    )
}

fn table(aged: &AgeRadius) -> Markup {
    html! {
        table.numbers {
            thead { tr {
                th scope="col" { "" } th.number scope="col" { "age" } th.number scope="col" { "messages let through" }
                th scope="col" { "end" } th scope="col" { "verified" } th scope="col" { "guard" } th scope="col" { "change" }
            } }
            tbody {
                @for row in listed(aged) {
                    tr {
                        th scope="row" {
                            span.(tone(row).class()) aria-hidden="true" { (tone(row).sign()) } " " (titled(row))
                        }
                        td.number.when { (plot::span(row.age_seconds)) }
                        td.number.when { (row.messages.map_or("not measured".to_owned(), number)) }
                        td.when.(end_tone(row).class()) { (end(row)) }
                        td.(verified_tone(row).class()) { (verified(row)) }
                        td { (guard(row)) }
                        td.what { code { (cut(&visible(&row.what), WHAT_COLUMNS)) } }
                    }
                }
            }
        }
    }
}

/// Columns of a change in a table; the journal holds it whole.
const WHAT_COLUMNS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn change(age_seconds: u64, messages: Option<u64>, end: ChangeEnd, verified: ChangeVerified) -> AgedChange {
        AgedChange {
            name: "case 1".to_owned(),
            about: String::new(),
            what: "an entry".to_owned(),
            age_seconds,
            messages,
            end,
            ends: None,
            verified,
            guard: Some("narrow".to_owned()),
        }
    }

    #[test]
    fn what_wants_a_look_is_marked() {
        use ChangeEnd::{Ends, Expired, NoEnd};
        use ChangeVerified::{CameBack, CannotTell, Held, Never};
        for (end, verified, expected) in [
            (Ends, Held, Tone::Good),
            (Ends, Never, Tone::Warn),
            (Ends, CannotTell, Tone::Warn),
            (NoEnd, Held, Tone::Warn),
            (Expired, Held, Tone::Bad),
            (Ends, CameBack, Tone::Bad),
        ] {
            assert_eq!(tone(&change(1, None, end, verified)), expected, "{end:?} {verified:?}");
        }
    }

    #[test]
    fn any_numbers_can_be_drawn() {
        let rows = vec![
            change(0, Some(0), ChangeEnd::Ends, ChangeVerified::Held),
            change(u64::MAX, Some(u64::MAX), ChangeEnd::Expired, ChangeVerified::CameBack),
            change(86_400, None, ChangeEnd::NoEnd, ChangeVerified::Never),
        ];
        let aged = AgeRadius { title: "Changes".to_owned(), rows, not_drawn: 2 };
        let drawn = html(&aged).into_string();
        for words in ["not measured", "expired", "came back", "2 further changes"] {
            assert!(drawn.contains(words), "{words}");
        }
    }

    #[test]
    fn names_do_not_cover_each_other() {
        let row = change(0, Some(1), ChangeEnd::Ends, ChangeVerified::Held);
        let mut taken = Vec::new();
        assert_eq!(label(&row, (100, 50), FRAMES[0], &mut taken), Some((112, 54)));
        assert_eq!(label(&row, (105, 55), FRAMES[0], &mut taken), None);
        assert_eq!(label(&row, (755, 50), FRAMES[0], &mut taken), Some((701, 54)));
    }
}
