//! One window of a report beside one kind of rows.

use evidence::Access;
use jiff::SignedDuration;

use super::super::counted::{Counts, CountsBy};
use super::super::reports::{Group, Item};
use super::super::rows::{Rows, Tally};
use super::side::Filter;
use super::{CITED, ReportSide, Step, signed, way_words};
use crate::Standing;

/// One window of a report beside one kind of rows.
pub(super) struct Window<'g> {
    pub(super) group: &'g Group,
    /// The numbers that the rows should hold.
    pub(super) items: Vec<&'g Item>,
    /// The numbers that no row holds.
    pub(super) edge: Vec<&'g Item>,
    /// The rows that somebody counts: of the UTC day, if the report's day is one of another zone.
    pub(super) counted: Tally,
    /// The rows of the report's own window.
    pub(super) own: Tally,
    /// By how much the window has to be shifted, the rows then, and how well that stands.
    pub(super) shift: Option<(SignedDuration, Tally, Standing)>,
    pub(super) is_unsettled: bool,
}

impl Tally {
    /// What the report counts: recipients or messages.
    pub(super) fn units(&self, window: &Window<'_>) -> u64 {
        match window.group.entry.counts_by {
            CountsBy::Recipient => self.copies,
            CountsBy::Message => self.messages,
        }
    }
}

impl<'g> Window<'g> {
    /// What the rows should hold.
    pub(super) fn count(&self) -> u64 {
        self.items.iter().map(|item| item.later.as_ref().map_or(item.count, |(later, _)| *later)).sum()
    }

    /// What is left unexplained: more than 0 if rows are missing.
    pub(super) fn left(&self) -> i64 {
        self.shift.as_ref().map_or_else(|| self.left_of(&self.own), |(_, tally, _)| self.left_of(tally))
    }

    pub(super) fn left_of(&self, tally: &Tally) -> i64 {
        signed(self.count()) - signed(tally.units(self))
    }

    pub(super) fn may_be_shifted(&self) -> bool {
        self.group.from.is_some() && self.group.zone_offset.is_zero() && self.own.rows > 0
    }

    pub(super) fn bare(&self) -> Window<'g> {
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
    pub(super) fn report_steps(&self) -> Vec<Step> {
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

    pub(super) fn report_side(&self, way: Option<Access>) -> ReportSide {
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
pub(super) fn chosen<'g>(group: &'g Group, rows: &Rows) -> Option<(Filter, Vec<&'g Item>, Vec<&'g Item>)> {
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
