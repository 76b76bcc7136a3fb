//! What the drawn pictures share: two frames, one for wide pages and one for narrow ones, scales, and fillings that differ without colour.

use jiff::SignedDuration;
use maud::{Markup, html};

use crate::text::number;
use crate::view;

/// The size of a drawing, in units that are about a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Its class in the style sheet, which shows one of the two.
    pub class: &'static str,
    /// Its width.
    pub width: usize,
}

/// Both are drawn; the style sheet shows the one that fits.
pub(super) const FRAMES: [Frame; 2] = [Frame { class: "wide", width: 760 }, Frame { class: "narrow", width: 320 }];

/// About how wide a character of the small letters is.
pub(super) const CHARACTER: usize = 7;

/// A drawing with its title and what it shows in words, for who does not see it.
pub(super) fn drawing(frame: Frame, height: usize, title: &str, told: &str, content: Markup) -> Markup {
    let id = format!("{}-{}", slug(title), frame.class);
    html! {
        svg.plot.(frame.class) xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {} {height}", frame.width))
            role="img" aria-labelledby=(format!("{id}-title {id}-told")) {
            title id=(format!("{id}-title")) { (title) }
            desc id=(format!("{id}-told")) { (told) }
            (content)
        }
    }
}

/// A title as a part of an id: lower-case letters, digits and dashes.
pub(super) fn slug(title: &str) -> String {
    let sign = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    title.chars().map(sign).collect()
}

/// How many fillings there are.
pub(super) const FILLINGS: usize = 8;

/// The fillings of a drawing: no two look alike in black and white.
pub(super) fn fillings(id: &str) -> Markup {
    html! {
        defs {
            @for at in 0..FILLINGS {
                pattern.(format!("f{at}")) id=(format!("{id}-f{at}")) width="8" height="8" patternUnits="userSpaceOnUse" {
                    @match at {
                        0 => { rect.ink width="8" height="8" {} }
                        1 => { rect.faint width="8" height="8" {} path.stroke d="M-2 2l4-4M0 8l8-8M6 10l4-4" {} }
                        2 => { circle.ink cx="2" cy="2" r="1.6" {} circle.ink cx="6" cy="6" r="1.6" {} }
                        3 => { rect.faint width="8" height="8" {} path.stroke d="M0 2h8M0 6h8" {} }
                        4 => { path.stroke d="M-2 6l4 4M0 0l8 8M6-2l4 4" {} }
                        5 => { rect.faint width="8" height="8" {} path.stroke d="M2 0v8M6 0v8" {} }
                        6 => { path.stroke d="M0 0l8 8M0 8l8-8" {} }
                        _ => { rect.faint width="8" height="8" {} }
                    }
                }
            }
        }
    }
}

/// The filling of the kind at a place.
pub(super) fn filling(id: &str, at: usize) -> String {
    format!("url(#{id}-f{})", at.min(FILLINGS - 1))
}

/// A sample of a filling for a legend.
pub(super) fn swatch(id: &str, at: usize) -> Markup {
    html! {
        svg.sample viewBox="0 0 16 16" aria-hidden="true" {
            rect.(format!("part f{}", at.min(FILLINGS - 1))) x="0.5" y="0.5" width="15" height="15" fill=(filling(id, at)) {}
        }
    }
}

/// Round numbers from nothing to at least `most`, few enough to be read.
pub(super) fn steps(most: u64, at_most: u64) -> Vec<u64> {
    let mut step = 1_u64;
    let mut turn = [2, 5, 10].into_iter().cycle();
    let mut decade = 1_u64;
    while most.div_ceil(step) > at_most.max(1) {
        let factor = turn.next().unwrap_or(10);
        let Some(next) = decade.checked_mul(factor) else { break };
        step = next;
        if factor == 10 {
            decade = next;
        }
    }
    let last = most.div_ceil(step).max(1);
    (0..=last).map(|at| at.saturating_mul(step)).collect()
}

/// Where a number stands on a line of so many units, by the logarithm; below `low` it stands at the beginning.
pub(super) fn logarithmic(value: u64, low: u64, high: u64, units: usize) -> usize {
    let (low, high) = (low.max(1), high.max(low.saturating_add(1)).max(2));
    let log = |value: u64| (value.clamp(low, high) as f64).ln();
    let share = (log(value) - log(low)) / (log(high) - log(low)).max(f64::MIN_POSITIVE);
    (share * units as f64).round() as usize
}

/// Spans that are marked on a line of time.
pub(super) const SPANS: [(u64, &str); 12] = [
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3_600, "1 h"),
    (6 * 3_600, "6 h"),
    (86_400, "1 d"),
    (7 * 86_400, "1 w"),
    (30 * 86_400, "30 d"),
    (365 * 86_400, "1 y"),
    (3_650 * 86_400, "10 y"),
    (36_500 * 86_400, "100 y"),
];

/// A span in words, as everywhere.
pub(super) fn span(seconds: u64) -> String {
    match i64::try_from(seconds) {
        Ok(seconds) => view::span(SignedDuration::from_secs(seconds)),
        Err(_) => format!("{} s", number(seconds)),
    }
}

/// About how wide a text is.
pub(super) fn text_width(text: &str) -> usize {
    crate::text::width(text) * CHARACTER
}

/// Those of some marks on a line that leave room between each other: `(place, half of the width)` in order.
pub(super) fn with_room(marks: &[(usize, usize)]) -> Vec<bool> {
    let mut end = None::<usize>;
    marks
        .iter()
        .map(|(place, half)| {
            let fits = end.is_none_or(|end| place.saturating_sub(*half) >= end);
            if fits {
                end = Some(place + half + CHARACTER);
            }
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_reach_the_most() {
        for (most, expected) in [
            (0, vec![0, 1]),
            (1, vec![0, 1]),
            (4, vec![0, 1, 2, 3, 4]),
            (7, vec![0, 2, 4, 6, 8]),
            (48, vec![0, 10, 20, 30, 40, 50]),
            (101, vec![0, 50, 100, 150]),
        ] {
            assert_eq!(steps(most, 5), expected, "{most}");
        }
        assert!(steps(u64::MAX, 5).len() <= 20);
    }

    #[test]
    fn a_logarithm_stays_on_its_line() {
        for (value, low, high, expected) in [
            (1, 1, 1000, 0),
            (10, 1, 1000, 100),
            (1000, 1, 1000, 300),
            (0, 1, 1000, 0),
            (5000, 1, 1000, 300),
            (7, 7, 7, 0),
        ] {
            assert_eq!(logarithmic(value, low, high, 300), expected, "{value} from {low} to {high}");
        }
    }

    #[test]
    fn marks_that_would_touch_are_left_out() {
        assert_eq!(with_room(&[(0, 10), (15, 10), (40, 10), (200, 10)]), [true, false, true, true]);
    }
}
