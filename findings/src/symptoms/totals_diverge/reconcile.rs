//! From the total of a report to the number of rows, step by step, until nothing is left or the rest is named.

use std::collections::{BTreeMap, HashSet};

use evidence::{Access, Cite, SourceId};
use jiff::{SignedDuration, Timestamp};
use lake::{Name, What};

use super::counted::{self, Counts, CountsBy, RowIs};
use super::reports::{self, Group, Item};
use super::rows::{self, Part, Row, Rows, Tally, domain};
use super::shape;
use crate::Standing;
use crate::symptoms::Survey;

/// How many records of one number are cited.
pub(super) const CITED: usize = 3;
/// A total below this is met by chance.
const MIN_COUNT: u64 = 3;
/// Rows that are less than one in so many of what a report counts are an answer to a search, not the mail of the window.
const MIN_SHARE: u64 = 2;
/// How far a day of another zone can be shifted, in half hours.
const MAX_SHIFT_HALF_HOURS: i64 = 28;
/// For how long the numbers of a day still rise after it has ended.
const SETTLES: SignedDuration = SignedDuration::from_hours(24);

/// The total of a report beside the rows of a trace, list or log.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The report's side.
    pub report: ReportSide,
    /// The rows' side; `None` if there are no rows of that kind.
    pub rows: Option<RowsSide>,
    /// From the report's total to the number of rows.
    pub steps: Vec<Step>,
    /// What has to be added after all steps to arrive at the number of rows: less than 0 if rows are missing.
    pub residue: i64,
    /// What came of it.
    pub outcome: Reconciled,
    /// Exports that would explain what is left.
    pub ask_for: Vec<SourceId>,
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// The same number.
    Agrees,
    /// The steps explain the whole difference.
    Explained,
    /// Something is left unexplained.
    Left,
    /// The rows are not those of the total, for this reason.
    NotComparable(String),
}

/// A total.
#[derive(Clone, Debug)]
pub struct ReportSide {
    /// The kind of report.
    pub source: SourceId,
    /// What it counted, as written, with the number.
    pub measures: Vec<(String, u64)>,
    /// All of them.
    pub count: u64,
    /// One of what: `recipients` or `messages`.
    pub unit: &'static str,
    /// The window, as instants; the end is exclusive.
    pub from: Option<Timestamp>,
    /// Its end, or the instant of a count of what there is.
    pub to: Option<Timestamp>,
    /// By what it is restricted.
    pub filter: Vec<(String, String)>,
    /// Who says what it counts.
    pub says: String,
    /// Records.
    pub cites: Vec<Cite>,
}

/// A number of rows.
#[derive(Clone, Debug)]
pub struct RowsSide {
    /// The kind of export.
    pub source: SourceId,
    /// How many rows somebody counts.
    pub count: u64,
    /// Messages and recipients among them.
    pub copies: u64,
    /// Messages among them.
    pub messages: u64,
    /// One row is what.
    pub unit: &'static str,
    /// The first and the last instant of them.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
    /// What the files say about row limits.
    pub limits: Vec<String>,
    /// Which of the rows count.
    pub filter: String,
    /// Who says what one row is.
    pub says: String,
    /// Records: the first and the last.
    pub cites: Vec<Cite>,
}

/// A part of the difference.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which cause of the symptom it is.
    pub cause: &'static str,
    /// What it is.
    pub label: String,
    /// What it adds on the way from the report to the rows.
    pub value: i64,
    /// How well it stands.
    pub standing: Standing,
    /// Records.
    pub cites: Vec<Cite>,
}

impl Reconciliation {
    /// Whether the rows would be all mail of the window if nothing is missing: a log of one server need not be.
    pub(super) fn is_of_all_mail(&self) -> bool {
        let is_whole = |id: SourceId| {
            rows::is_of_copies(id) && counted::report(self.report.source).is_some_and(|entry| entry.sender.is_none())
        };
        self.rows.as_ref().is_some_and(|rows| is_whole(rows.source))
    }
}

/// Which rows a total counts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Filter {
    All,
    Good,
    Filtered,
    Policy(String),
    Event(String),
    Receiver { sender: String, receiver: String },
}

/// All totals beside the rows that hold the same mail.
pub fn reconcile(survey: &Survey<'_>) -> Vec<Reconciliation> {
    let groups = reports::groups(survey);
    let mut found = shape::find(survey, &groups);
    if groups.is_empty() {
        return found;
    }
    let rows = rows::all(survey);
    type Key = (SourceId, String, Option<Access>, Vec<(String, String)>);
    let mut series: BTreeMap<Key, Vec<Group>> = BTreeMap::new();
    for group in groups {
        let key = (group.source, group.maker.clone(), group.way, group.parted.clone());
        series.entry(key).or_default().push(group);
    }
    found.extend(series.into_values().flat_map(|groups| Series { survey, groups }.all(&rows)));
    found
}

/// The windows of one report.
struct Series<'s, 'a> {
    survey: &'s Survey<'a>,
    groups: Vec<Group>,
}

/// One window of a report beside one kind of rows.
struct Window<'g> {
    group: &'g Group,
    /// The numbers that the rows should hold.
    items: Vec<&'g Item>,
    /// The numbers that no row holds.
    edge: Vec<&'g Item>,
    /// The rows that somebody counts: of the UTC day, if the report's day is one of another zone.
    counted: Tally,
    /// The rows of the report's own window.
    own: Tally,
    /// By how much the window has to be shifted, the rows then, and how well that stands.
    shift: Option<(SignedDuration, Tally, Standing)>,
    is_unsettled: bool,
}

/// What is compared: one kind of rows, those of them that go one way and fit.
struct Side<'r> {
    rows: &'r Rows,
    way: Option<Access>,
    filter: Filter,
}

impl Side<'_> {
    fn tally(&self, survey: &Survey<'_>, from: Option<Timestamp>, to: Option<Timestamp>) -> Tally {
        self.rows.tally(self.within(survey, from, to))
    }

    fn within(
        &self,
        survey: &Survey<'_>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> impl Iterator<Item = &Row> {
        let fits = move |row: &&Row| self.way.is_none_or(|way| row.way == Some(way)) && self.filter.fits(survey, row);
        self.rows.within(from, to).filter(fits)
    }
}

impl Filter {
    fn fits(&self, survey: &Survey<'_>, row: &Row) -> bool {
        match self {
            Filter::All => true,
            Filter::Good => !row.is_filtered,
            Filter::Filtered => row.is_filtered,
            Filter::Policy(policy) => survey.text(row.policy).eq_ignore_ascii_case(policy),
            Filter::Event(event) => is_event(survey.text(row.said), event),
            Filter::Receiver { sender, receiver } => {
                let from = domain(survey.text(row.sender)).or(domain(survey.text(row.envelope_sender)));
                let to = row.recipients.iter().filter_map(|name| domain(survey.text(*name)));
                from.is_some_and(|from| is_within(from, sender))
                    && (to.into_iter().any(|to| is_within(to, receiver)) || is_within(survey.text(row.peer), receiver))
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Filter::All => "all of the window".to_owned(),
            Filter::Good => "those that no filter acted on".to_owned(),
            Filter::Filtered => "those that a filter acted on".to_owned(),
            Filter::Policy(policy) => format!("those held by `{policy}`"),
            Filter::Event(event) => format!("those of the event `{event}`"),
            Filter::Receiver { sender, receiver } => format!("those from {sender} to {receiver}"),
        }
    }
}

/// Whether the words of a detail row name an event.
fn is_event(said: &str, event: &str) -> bool {
    let rest = said.strip_prefix("EventType=").and_then(|rest| rest.strip_prefix(event));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
}

/// Whether a name is a domain or one below it.
fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.trim_end_matches('.').to_ascii_lowercase(), domain.to_ascii_lowercase());
    name == domain || name.strip_suffix(&domain).is_some_and(|front| front.ends_with('.'))
}

impl Series<'_, '_> {
    fn all(&self, rows: &[Rows]) -> Vec<Reconciliation> {
        let Some(first) = self.groups.first() else { return Vec::new() };
        let is_only = |counts| first.items.iter().all(|item| item.counts == counts);
        if is_only(Counts::RuleHits) {
            return Vec::new();
        }
        let wanted: Vec<&str> = match is_only(Counts::Event) {
            true => vec![first.source],
            false => first.entry.rows.iter().map(String::as_str).collect(),
        };
        let mut found: Vec<Reconciliation> = Vec::new();
        for id in wanted {
            if let Some(rows) = rows.iter().find(|rows| rows.source == id) {
                found.extend(self.beside(rows, first));
            }
        }
        if found.is_empty() {
            found.extend(self.groups.iter().map(without_rows));
        }
        found
    }

    /// The report with one kind of rows. A report that names no direction may count what comes in, or all.
    fn beside(&self, rows: &Rows, first: &Group) -> Vec<Reconciliation> {
        let ways = match (first.way, &first.entry.direction) {
            (None, Some(_)) => vec![None, Some(Access::Inbound)],
            (way, _) => vec![way],
        };
        // The one that leaves the least, by the fewest assumptions.
        let left = |all: &Vec<Reconciliation>| {
            let residue: u64 = all.iter().map(|one| one.residue.unsigned_abs()).sum();
            let steps = || all.iter().flat_map(|one| &one.steps);
            (residue, steps().filter(|step| step.standing != Standing::Proved).count(), steps().count())
        };
        let tried = ways.into_iter().map(|way| self.going(rows, way));
        tried.min_by_key(left).unwrap_or_default()
    }

    fn going(&self, rows: &Rows, way: Option<Access>) -> Vec<Reconciliation> {
        let mut sides: Vec<(Side<'_>, Vec<Window<'_>>)> = Vec::new();
        for group in &self.groups {
            let Some((filter, items, edge)) = chosen(group, rows) else { continue };
            let at = sides.iter().position(|(side, _)| side.filter == filter).unwrap_or(sides.len());
            if at == sides.len() {
                sides.push((Side { rows, way, filter }, Vec::new()));
            }
            if let Some((side, windows)) = sides.get_mut(at) {
                let window = self.window(group, items, edge, side);
                windows.push(window);
            }
        }
        let mut found = Vec::new();
        for (side, mut windows) in sides {
            windows.sort_by_key(|window| (window.group.from, window.group.to));
            self.shift(&side, &mut windows);
            self.settle(&mut windows);
            found.extend(windows.iter().map(|window| self.told(window, &side)));
            found.extend(windows.iter().filter_map(|window| self.changed_since(window, &side)));
        }
        found
    }

    fn window<'g>(&self, group: &'g Group, items: Vec<&'g Item>, edge: Vec<&'g Item>, side: &Side<'_>) -> Window<'g> {
        // A count of what there is has no beginning; rows of later mail are told apart afterwards.
        let own = match group.from {
            Some(_) => side.tally(self.survey, group.from, group.to),
            None => side.tally(self.survey, None, None),
        };
        let counted = match group.zone_offset.is_zero() {
            true => own.clone(),
            false => {
                let utc = |at: Option<Timestamp>| at.and_then(|at| at.checked_sub(group.zone_offset).ok());
                side.tally(self.survey, utc(group.from), utc(group.to))
            }
        };
        Window { group, items, edge, counted, own, shift: None, is_unsettled: false }
    }

    /// Looks for one shift of all windows by which each total is met: a day of another zone.
    fn shift(&self, side: &Side<'_>, windows: &mut [Window<'_>]) {
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

    /// The last day of a report that has fewer than the rows, although the days before agree, is not settled yet.
    fn settle(&self, windows: &mut [Window<'_>]) {
        let Some((last, before)) = windows.split_last_mut() else { return };
        let Some(end) = last.group.to.and_then(|to| to.checked_add(SETTLES).ok()) else { return };
        let is_fresh = match self.survey.now {
            Some(now) => now < end,
            None => self.last_instant().is_some_and(|at| at < end),
        };
        let is_met_before =
            !before.is_empty() && before.iter().all(|window| window.left() == 0 && window.own.copies > 0);
        last.is_unsettled = last.group.from.is_some() && last.left() < 0 && is_fresh && is_met_before;
    }

    /// The last instant that any record states.
    fn last_instant(&self) -> Option<Timestamp> {
        let of_lines = self.survey.lines().last().and_then(|line| line.at);
        let around = self.survey.ledger.entries().iter();
        let of_entries = around.filter(|entry| !matches!(entry.observation.fact, evidence::Fact::Total(_)));
        let of_entries = of_entries.filter_map(|entry| Some(entry.observation.when.as_ref()?.at)).max();
        of_lines.max(of_entries)
    }

    fn told(&self, window: &Window<'_>, side: &Side<'_>) -> Reconciliation {
        let mut steps = window.report_steps();
        let own = match &window.shift {
            Some((by, shifted, standing)) => {
                steps.extend(self.zone_step(window, *by, &window.counted, shifted, *standing));
                shifted
            }
            None if !window.group.zone_offset.is_zero() => {
                let by = window.group.zone_offset;
                steps.extend(self.zone_step(window, by, &window.counted, &window.own, Standing::Proved));
                &window.own
            }
            None => &window.own,
        };
        let mut left = window.left_of(own);
        if window.group.from.is_none() {
            left = self.since_the_count(window, side, left, &mut steps);
        }
        if window.is_unsettled && left < 0 {
            steps.push(Step {
                cause: "not-settled-yet",
                label: "not counted yet: the last day of the report, read before it had settled".to_owned(),
                value: -left,
                standing: Standing::Likely,
                cites: window.items.iter().map(|item| item.cite.clone()).take(CITED).collect(),
            });
            left = 0;
        }
        let limits = self.limits(side.rows.source);
        if left > 0 && self.is_cut_within(side, window) {
            let limit = limits.iter().map(String::as_str).next().unwrap_or("the export was cut");
            steps.push(Step {
                cause: "export-cut",
                label: format!("not in the export ({limit})"),
                value: -left,
                standing: Standing::Likely,
                cites: self.cites(&window.counted.ends),
            });
            left = 0;
        }
        self.unit_steps(window, &mut steps);
        let outcome = self.outcome(window, side, own, left, &steps);
        let ask_for = if left == 0 { Vec::new() } else { ask_for(window, side, left) };
        Reconciliation {
            report: window.report_side(side.way),
            rows: Some(self.rows_side(&window.counted, side, limits)),
            steps,
            residue: -left,
            outcome,
            ask_for,
        }
    }

    fn rows_side(&self, tally: &Tally, side: &Side<'_>, limits: Vec<String>) -> RowsSide {
        RowsSide {
            source: side.rows.source,
            count: tally.rows,
            copies: tally.copies,
            messages: tally.messages,
            unit: match side.rows.entry.row {
                RowIs::Copy => "one row a message and recipient",
                RowIs::Message => "one row a message",
                RowIs::Attempt => "one row an attempt that was handed on",
                RowIs::Event => "messages; a message has several events",
            },
            from: tally.from,
            to: tally.to,
            limits,
            filter: side.filter.words(),
            says: side.rows.entry.says(),
            cites: self.cites(&tally.ends),
        }
    }

    /// The rows of a shifted window instead of those that somebody counts.
    fn zone_step(
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

    /// What one row is, and rows that are no copy or tell of one again.
    fn unit_steps(&self, window: &Window<'_>, steps: &mut Vec<Step>) {
        let tally = &window.counted;
        let mut put = |cause, value: i64, lines: &[u32], label: String| {
            if value != 0 {
                let cites = self.cites(lines);
                steps.push(Step { cause, label, value, standing: Standing::Proved, cites });
            }
        };
        let recipients = |part: &Part| match part.lines.is_empty() {
            true => tally.ends.clone(),
            false => part.lines.clone(),
        };
        let further = signed(tally.further.count);
        match window.group.entry.counts_by {
            CountsBy::Recipient => put(
                "unit-differs",
                -further,
                &recipients(&tally.further),
                "recipients beyond the first of a message: the report counts each".to_owned(),
            ),
            CountsBy::Message => put(
                "unit-differs",
                signed(tally.copies) - signed(tally.messages) - further,
                &recipients(&tally.further),
                "recipients beyond the first of a message: the report counts messages".to_owned(),
            ),
        }
        let part = |part: &Part| signed(part.count);
        put(
            "unit-differs",
            part(&tally.groups),
            &tally.groups.lines,
            "rows of groups and aliases, which get no copy of their own".to_owned(),
        );
        put(
            "unit-differs",
            part(&tally.inner),
            &tally.inner.lines,
            "hand-overs to the own content filter: each of these messages is handed on a second time".to_owned(),
        );
        put(
            "rows-repeated",
            part(&tally.again),
            &tally.again.lines,
            "rows that tell of the same message and recipient again".to_owned(),
        );
        put("rows-repeated", part(&tally.repeats), &tally.repeats.lines, "rows repeated word for word".to_owned());
    }

    /// What arrived and what was let go after a count of what there is; gives what is left then.
    fn since_the_count(&self, window: &Window<'_>, side: &Side<'_>, left: i64, steps: &mut Vec<Step>) -> i64 {
        let Filter::Policy(policy) = &side.filter else { return left };
        if left == 0 {
            return left;
        }
        let counted_at = window.group.to;
        let later: Vec<&Row> = side.within(self.survey, counted_at, None).filter(|_| counted_at.is_some()).collect();
        let arrived = later.len() as i64;
        let gone = self.let_go(side.rows.source, policy, counted_at);
        let (arrived_counts, gone_counts) = match (left + arrived, gone.len() as i64) {
            (all, gone) if all == gone => (arrived, gone),
            (0, _) => (arrived, 0),
            _ if left == gone.len() as i64 => (0, left),
            _ => return left,
        };
        let standing = if counted_at.is_some() { Standing::Proved } else { Standing::Likely };
        if gone_counts != 0 {
            steps.push(Step {
                cause: "changed-after-delivery",
                label: "let go or refused after the count: no longer in the list".to_owned(),
                value: -gone_counts,
                standing,
                cites: self.cites(&gone),
            });
        }
        if arrived_counts != 0 {
            let lines: Vec<u32> = later.iter().map(|row| row.line).collect();
            steps.push(Step {
                cause: "window-or-zone-differs",
                label: "held after the count".to_owned(),
                value: arrived_counts,
                standing,
                cites: self.cites(&lines),
            });
        }
        0
    }

    /// Records of other kinds that say that something held by a policy was let go after an instant.
    fn let_go(&self, but: SourceId, policy: &str, after: Option<Timestamp>) -> Vec<u32> {
        let mut records: HashSet<(u32, u64)> = HashSet::new();
        let mut of_policy: HashSet<(u32, u64)> = HashSet::new();
        let lines = self.survey.lines();
        for line in lines.iter().filter(|line| self.survey.text(line.policy).eq_ignore_ascii_case(policy)) {
            of_policy.insert(line.record_key());
        }
        let mut found = Vec::new();
        for (number, line) in (0_u32..).zip(lines) {
            let is_gone = matches!(
                line.what,
                What::Quarantine(evidence::QuarantineState::Released | evidence::QuarantineState::Gone)
            );
            let is_after = after.is_none_or(|after| line.at.is_some_and(|at| at >= after));
            if is_gone
                && is_after
                && of_policy.contains(&line.record_key())
                && self.survey.ledger.source(line) != but
                && records.insert(line.record_key())
            {
                found.push((line.at, self.survey.text(line.envelope_recipient), self.survey.text(line.said), number));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, _, _, number)| number).collect()
    }

    /// Rows that follow what happens after delivery, beside a report that does not.
    fn changed_since(&self, window: &Window<'_>, side: &Side<'_>) -> Option<Reconciliation> {
        if !side.rows.entry.now || !matches!(side.filter, Filter::All | Filter::Good | Filter::Filtered) {
            return None;
        }
        let (first, wanted) = match side.rows.entry.only {
            Some(Counts::Filtered) => (Filter::Filtered, Counts::Filtered),
            _ => (Filter::Good, Counts::Good),
        };
        let items: Vec<&Item> = window.group.items.iter().filter(|item| item.counts == wanted).collect();
        if items.is_empty() {
            return None;
        }
        let from = Side { rows: side.rows, way: side.way, filter: Filter::All };
        let all: Vec<&Row> = from.within(self.survey, window.group.from, window.group.to).collect();
        let at_first = from.rows.tally(all.iter().copied().filter(|row| first.fits(self.survey, row)));
        let of_good = wanted == Counts::Good;
        let is_left = |row: &&Row| if of_good { !row.is_filtered && row.is_taken } else { row.is_released };
        let is_added = |row: &&Row| of_good && row.is_filtered && row.is_released;
        let taken: Vec<&Row> = all.iter().copied().filter(is_left).collect();
        let added: Vec<&Row> = all.iter().copied().filter(is_added).collect();
        if taken.is_empty() && added.is_empty() {
            return None;
        }
        let acts = self.acts(side.rows.source);
        let mut steps = Vec::new();
        let mut ask_for = Vec::new();
        let words = match wanted {
            Counts::Good => "taken away after delivery: the report still counts it as let through",
            _ => "let go afterwards: the report still counts it as filtered",
        };
        for (part, sign, words, export) in [
            (
                &taken,
                -1,
                words,
                if wanted == Counts::Good {
                    "defender/email-post-delivery-events"
                } else {
                    "exchange-online/audit-log"
                },
            ),
            (&added, 1, "let go afterwards: the report counts it as filtered", "exchange-online/quarantine"),
        ] {
            if part.is_empty() {
                continue;
            }
            let tally = from.rows.tally(part.iter().copied());
            let of = |row: &&Row| row.id.and_then(|id| acts.get(&id)).copied();
            let acted: Vec<u32> = part.iter().filter_map(of).collect();
            let is_told = acted.len() == part.len() || side.rows.entry.only.is_some();
            if !is_told {
                ask_for.extend(sources::source(export).map(|source| source.id()));
            }
            let lines: Vec<u32> = match is_told {
                true => acted.into_iter().chain(part.iter().map(|row| row.line)).collect(),
                false => part.iter().map(|row| row.line).collect(),
            };
            steps.push(Step {
                cause: "changed-after-delivery",
                label: words.to_owned(),
                value: sign * signed(tally.copies),
                standing: if is_told { Standing::Proved } else { Standing::NotShown },
                cites: self.cites(&lines),
            });
        }
        let count: u64 = items.iter().map(|item| item.count).sum();
        let left = signed(count) - signed(at_first.copies);
        let now = signed(at_first.copies) + steps.iter().map(|step| step.value).sum::<i64>();
        let only = Window { items, edge: Vec::new(), ..window.bare() };
        let mut rows = self.rows_side(&at_first, side, self.limits(side.rows.source));
        rows.count = u64::try_from(now).unwrap_or_default();
        rows.copies = rows.count;
        rows.unit = "messages and recipients as they stand now";
        let outcome = if left == 0 { Reconciled::Explained } else { Reconciled::Left };
        // Beside a list of what was held the rest lies in junk folders, which the list does not show.
        if left != 0 && (side.rows.entry.only.is_some() || count < MIN_COUNT) {
            return None;
        }
        Some(Reconciliation {
            report: only.report_side(side.way),
            rows: Some(rows),
            steps,
            residue: -left,
            outcome,
            ask_for,
        })
    }

    /// Which records of other kinds say that a message was moved or let go afterwards.
    fn acts(&self, but: SourceId) -> BTreeMap<Name, u32> {
        let mut acts = BTreeMap::new();
        for (number, line) in (0_u32..).zip(self.survey.lines()) {
            let is_act = matches!(
                line.what,
                What::PostDelivery(..)
                    | What::Release(evidence::ReleaseStep::Released)
                    | What::Quarantine(evidence::QuarantineState::Released)
            );
            if is_act && self.survey.ledger.source(line) != but {
                for id in [line.id, line.message_id].into_iter().flatten() {
                    acts.entry(id).or_insert(number);
                }
            }
        }
        acts
    }

    fn outcome(&self, window: &Window<'_>, side: &Side<'_>, own: &Tally, left: i64, steps: &[Step]) -> Reconciled {
        let is_empty = steps.iter().all(|step| step.value == 0);
        if left == 0 {
            return if is_empty { Reconciled::Agrees } else { Reconciled::Explained };
        }
        let count = window.count();
        let why = if side.rows.source == window.group.source && own.rows == 0 {
            Some("no detail rows of this event were supplied".to_owned())
        } else if own.rows == 0 {
            Some("no row of this window and direction was supplied".to_owned())
        } else if count < MIN_COUNT || own.copies < MIN_COUNT {
            Some("too few to compare: so small a number is met by chance".to_owned())
        } else if own.senders < 2 || own.recipients < 2 || own.messages < 2 {
            Some("the rows name one sender, recipient or message only: they were searched for".to_owned())
        } else if left > 0 && own.units(window) * MIN_SHARE < count {
            Some(
                "the rows are far fewer than what the report counts: an excerpt, not the mail of the window".to_owned(),
            )
        } else {
            None
        };
        why.map_or(Reconciled::Left, Reconciled::NotComparable)
    }

    /// Whether a file of the rows ends at its limit within the window.
    fn is_cut_within(&self, side: &Side<'_>, window: &Window<'_>) -> bool {
        let supplied = self.survey.ledger.around().supplied();
        let is_cut = supplied.iter().any(|file| file.source == Some(side.rows.source) && file.coverage.suspected_cut);
        let misses = match (side.rows.span(), window.group.from, window.group.to) {
            (Some((first, last)), Some(from), Some(to)) => first > from || last < to,
            _ => true,
        };
        is_cut && misses && window.own.rows > 0
    }

    /// What the files of a kind say about missing rows.
    fn limits(&self, source: SourceId) -> Vec<String> {
        let supplied = self.survey.ledger.around().supplied().iter();
        let cut = supplied.filter(|file| file.source == Some(source) && file.coverage.suspected_cut);
        let mut limits: Vec<String> = cut.flat_map(|file| file.coverage.limits.iter().cloned()).collect();
        limits.sort();
        limits.dedup();
        limits
    }

    fn cites(&self, lines: &[u32]) -> Vec<Cite> {
        let lines = lines.iter().take(CITED).filter_map(|line| self.survey.lines().get(*line as usize));
        lines.map(|line| self.survey.cite(line)).collect()
    }
}

impl Tally {
    /// What the report counts: recipients or messages.
    fn units(&self, window: &Window<'_>) -> u64 {
        match window.group.entry.counts_by {
            CountsBy::Recipient => self.copies,
            CountsBy::Message => self.messages,
        }
    }
}

impl<'g> Window<'g> {
    /// What the rows should hold.
    fn count(&self) -> u64 {
        self.items.iter().map(|item| item.later.as_ref().map_or(item.count, |(later, _)| *later)).sum()
    }

    /// What is left unexplained: more than 0 if rows are missing.
    fn left(&self) -> i64 {
        self.shift.as_ref().map_or_else(|| self.left_of(&self.own), |(_, tally, _)| self.left_of(tally))
    }

    fn left_of(&self, tally: &Tally) -> i64 {
        signed(self.count()) - signed(tally.units(self))
    }

    fn may_be_shifted(&self) -> bool {
        self.group.from.is_some() && self.group.zone_offset.is_zero() && self.own.rows > 0
    }

    fn bare(&self) -> Window<'g> {
        Window {
            group: self.group,
            items: Vec::new(),
            edge: Vec::new(),
            counted: Tally::default(),
            own: Tally::default(),
            shift: None,
            is_unsettled: false,
        }
    }

    /// What the report itself explains: numbers that no row holds, and what came in later.
    fn report_steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let edge: u64 = self.edge.iter().map(|item| item.count).sum();
        let is_by_receiver = self.group.entry.sender.is_some();
        if edge > 0 {
            steps.push(Step {
                cause: if is_by_receiver { "other-senders-counted" } else { "edge-blocks-not-in-trace" },
                label: match is_by_receiver {
                    true => {
                        "sent by others in the domain's name: neither SPF nor DKIM passes, our servers did not send it"
                            .to_owned()
                    }
                    false => "refused at the edge: counted by the report, in no trace".to_owned(),
                },
                value: -signed(edge),
                standing: if is_by_receiver { Standing::Likely } else { Standing::Proved },
                cites: self.edge.iter().map(|item| item.cite.clone()).take(CITED).collect(),
            });
        }
        let later: u64 = self.items.iter().filter_map(|item| Some(item.later.as_ref()?.0 - item.count)).sum();
        if later > 0 {
            steps.push(Step {
                cause: "not-settled-yet",
                label: "not counted yet when the report was read first: read again it has more".to_owned(),
                value: signed(later),
                standing: Standing::Proved,
                cites: self.items.iter().filter_map(|item| Some(item.later.as_ref()?.1.clone())).take(CITED).collect(),
            });
        }
        steps
    }

    fn report_side(&self, way: Option<Access>) -> ReportSide {
        let items = || self.items.iter().chain(&self.edge);
        let mut filter = self.group.parted.clone();
        if let Some(way) = way {
            filter.insert(0, ("direction".to_owned(), way_words(way).to_owned()));
        }
        ReportSide {
            source: self.group.source,
            measures: items().map(|item| (item.measure.clone(), item.count)).collect(),
            count: items().map(|item| item.count).sum(),
            unit: match self.group.entry.counts_by {
                CountsBy::Recipient => "recipients",
                CountsBy::Message => "messages",
            },
            from: self.group.from,
            to: self.group.to,
            filter,
            says: self.group.entry.says(),
            cites: items().map(|item| item.cite.clone()).take(CITED).collect(),
        }
    }
}

/// Which numbers the rows should hold, and which rows.
fn chosen<'g>(group: &'g Group, rows: &Rows) -> Option<(Filter, Vec<&'g Item>, Vec<&'g Item>)> {
    let of = |wanted: &[Counts]| -> Vec<&'g Item> {
        group.items.iter().filter(|item| wanted.contains(&item.counts)).collect()
    };
    let (good, filtered, edge) = (of(&[Counts::Good]), of(&[Counts::Filtered]), of(&[Counts::Edge]));
    let named = |name: &str| group.parted.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    if let Some(property) = &group.entry.sender {
        let sender = named(property)?;
        let receiver = group.maker.clone();
        // A receiver that is no domain cannot be found among recipients.
        return (receiver.contains('.') && !good.is_empty()).then_some((
            Filter::Receiver { sender, receiver },
            good,
            edge,
        ));
    }
    if let Some(property) = &group.entry.policy {
        let held = of(&[Counts::Held]);
        return (rows.names_policies && !held.is_empty()).then_some((Filter::Policy(named(property)?), held, edge));
    }
    if let [Item { counts: Counts::Event, measure, .. }] = group.items.as_slice() {
        return Some((Filter::Event(measure.clone()), of(&[Counts::Event]), edge));
    }
    if rows.entry.only == Some(Counts::Filtered) {
        return (!filtered.is_empty()).then_some((Filter::All, filtered, Vec::new()));
    }
    match (good.is_empty(), filtered.is_empty()) {
        (false, false) => Some((Filter::All, of(&[Counts::Good, Counts::Filtered]), edge)),
        (false, true) => Some((Filter::Good, good, edge)),
        (true, false) => Some((Filter::Filtered, filtered, edge)),
        (true, true) => {
            let sum = of(&[Counts::Sum]);
            (!sum.is_empty()).then_some((Filter::All, sum, edge))
        }
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

fn without_rows(group: &Group) -> Reconciliation {
    let items: Vec<&Item> = group.items.iter().collect();
    let window = Window {
        group,
        items,
        edge: Vec::new(),
        counted: Tally::default(),
        own: Tally::default(),
        shift: None,
        is_unsettled: false,
    };
    let report = window.report_side(group.way);
    let ask_for = group.entry.rows.first().and_then(|id| sources::source(id)).map(|source| source.id());
    Reconciliation {
        residue: -signed(report.count),
        report,
        rows: None,
        steps: Vec::new(),
        outcome: Reconciled::NotComparable("no rows were supplied that hold this mail".to_owned()),
        ask_for: ask_for.into_iter().collect(),
    }
}

/// Rows are missing: the rows once more and whole. Too many rows: the report once more.
fn ask_for(window: &Window<'_>, side: &Side<'_>, left: i64) -> Vec<SourceId> {
    if left > 0 { vec![side.rows.source, window.group.source] } else { vec![window.group.source, side.rows.source] }
}

fn way_words(way: Access) -> &'static str {
    match way {
        Access::Inbound => "inbound",
        Access::Outbound => "outbound",
        Access::Internal => "within the organisation",
    }
}

/// The zone whose day begins so much later than the UTC day.
fn zone_words(by: SignedDuration) -> String {
    let minutes = -by.as_mins();
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("UTC{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
