//! Days of another zone: by how much the window of a report has to be shifted for its numbers to fit.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use lake::Name;

use super::super::counted::CountsBy;
use super::super::rows::Tally;
use super::side::Side;
use super::window::Window;
use super::{MAX_SHIFT_HALF_HOURS, Series, Step, signed};
use crate::Standing;
use crate::symptoms::Survey;

impl Series<'_, '_> {
    /// Looks for one shift of all windows by which each total is met: a day of another zone.
    pub(super) fn shift(&self, side: &Side<'_>, windows: &mut [Window<'_>]) {
        let open: Vec<usize> =
            (0..windows.len()).filter(|at| windows.get(*at).is_some_and(Window::may_be_shifted)).collect();
        if !open.iter().any(|at| windows.get(*at).is_some_and(|window| window.left() != 0)) {
            return;
        }
        let mut halves: Vec<i64> = (1..=MAX_SHIFT_HALF_HOURS).flat_map(|half| [half, -half]).collect();
        // Most zones differ by whole hours.
        halves.sort_by_key(|half| (half % 2 != 0, half.abs()));
        let counts = Counted::of(self.survey, side);
        for half in halves {
            let by = SignedDuration::from_mins(30 * half);
            let fits = |window: &Window<'_>| counts.meets(window, by) && (open.len() > 1 || spans(side, window, by));
            if !open.iter().all(|at| windows.get(*at).is_some_and(fits)) {
                continue;
            }
            let days = open.len();
            for at in &open {
                let Some(window) = windows.get_mut(*at) else { continue };
                let moved = |instant: Option<Timestamp>| instant.and_then(|instant| instant.checked_add(by).ok());
                let tally = side.tally(self.survey, moved(window.group.from), moved(window.group.to));
                // One day may be met by chance, several by the same shift are not.
                let standing = if days > 1 { Standing::Proved } else { Standing::Likely };
                if window.left_of(&tally) == 0 {
                    window.shift = Some((by, tally, standing));
                }
            }
            return;
        }
    }

    /// The rows of a shifted window instead of those that somebody counts.
    pub(super) fn zone_step(
        &self,
        window: &Window<'_>,
        by: SignedDuration,
        counted: &Tally,
        own: &Tally,
        standing: Standing,
    ) -> Option<Step> {
        let value = signed(counted.units(window)) - signed(own.units(window));
        if value == 0 {
            return None;
        }
        let zone = zone_words(by);
        let mut lines: Vec<u32> = own.ends.first().into_iter().chain(counted.ends.last()).copied().collect();
        lines.dedup();
        Some(Step {
            cause: "window-or-zone-differs",
            label: format!(
                "rows at the edges of the day: the report's day is one of {zone}, the rows are counted by the UTC day"
            ),
            value,
            standing,
            cites: self.cites(&lines),
        })
    }
}

/// Whether rows go on beyond both ends of a window and of the shifted one: what lies in between is then all that there is.
fn spans(side: &Side<'_>, window: &Window<'_>, by: SignedDuration) -> bool {
    let moved = |at: Option<Timestamp>| at.and_then(|at| at.checked_add(by).ok());
    let (from, to) = (window.group.from.min(moved(window.group.from)), window.group.to.max(moved(window.group.to)));
    side.rows.span().is_some_and(|(first, last)| Some(first) < from && to <= Some(last))
}

/// Copies by time, so that a window is counted without going over its rows.
struct Counted {
    until: Vec<(Timestamp, u64)>,
}

impl Counted {
    fn of(survey: &Survey<'_>, side: &Side<'_>) -> Counted {
        let mut until: Vec<(Timestamp, u64)> = Vec::new();
        let mut seen: HashSet<(Name, Option<Name>)> = HashSet::new();
        let mut count = 0_u64;
        for row in side.within(survey, None, None).filter(|row| row.counts()) {
            let Some(at) = row.at else { continue };
            count += match (row.id, row.recipients.as_slice()) {
                (None, recipients) => recipients.len().max(1) as u64,
                (Some(id), []) => u64::from(seen.insert((id, None))),
                (Some(id), some) => some.iter().filter(|one| seen.insert((id, **one))).count() as u64,
            };
            until.push((at, count));
        }
        Counted { until }
    }

    /// Whether a window has as many copies as its total, if it is shifted.
    fn meets(&self, window: &Window<'_>, by: SignedDuration) -> bool {
        let before = |at: Option<Timestamp>| {
            let at = at.and_then(|at| at.checked_add(by).ok())?;
            let rows = self.until.partition_point(|(known, _)| *known < at);
            Some(rows.checked_sub(1).and_then(|last| self.until.get(last)).map_or(0, |(_, count)| *count))
        };
        let (Some(from), Some(to)) = (before(window.group.from), before(window.group.to)) else { return false };
        // Of messages the rows have at least as many recipients: the whole count decides afterwards.
        match window.group.entry.counts_by {
            CountsBy::Recipient => to.saturating_sub(from) == window.count(),
            CountsBy::Message => to.saturating_sub(from) >= window.count(),
        }
    }
}

/// The zone whose day begins so much later than the UTC day.
fn zone_words(by: SignedDuration) -> String {
    let minutes = -by.as_mins();
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}
