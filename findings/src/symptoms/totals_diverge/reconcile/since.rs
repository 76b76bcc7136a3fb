//! What has changed since a list was counted: copies that were let go, rows that came later.

use std::collections::{BTreeMap, HashSet};

use evidence::SourceId;
use jiff::Timestamp;
use lake::{Name, What};

use super::super::counted::Counts;
use super::super::reports::Item;
use super::super::rows::Row;
use super::side::{Filter, Side};
use super::window::Window;
use super::{MIN_COUNT, Reconciled, Reconciliation, Series, Step, signed};
use crate::Standing;

impl Series<'_, '_> {
    /// What arrived and what was let go after a count of what there is; gives what is left then.
    pub(super) fn since_the_count(
        &self,
        window: &Window<'_>,
        side: &Side<'_>,
        left: i64,
        steps: &mut Vec<Step>,
    ) -> i64 {
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
    pub(super) fn changed_since(&self, window: &Window<'_>, side: &Side<'_>) -> Option<Reconciliation> {
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
}
