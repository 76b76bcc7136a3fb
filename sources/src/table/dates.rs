//! The instants of a file: which number is the month, and what an instant without a zone means.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use evidence::{When, Zone};

use super::Table;
use super::parse::ParsedRows;
use super::row::Row;
use crate::Query;
use crate::time::{DayOrder, Zoneless, instant};

/// How the instants of a file are read.
#[derive(Clone, Copy)]
pub(super) struct Dates<'a> {
    pub(super) order: DayOrder,
    pub(super) is_order_known: bool,
    pub(super) zoneless: Zoneless<'a>,
    /// Whether an instant was read that names no zone.
    pub(super) met_zoneless: &'a AtomicBool,
}

impl Dates<'_> {
    pub(super) fn read(&self, said: &str) -> Option<When> {
        let mut when = instant(said, self.order, self.zoneless)?;
        if matches!(when.zone, Zone::Assumed(_)) && !self.met_zoneless.load(Relaxed) {
            self.met_zoneless.store(true, Relaxed);
        }
        if !self.is_order_known && is_ambiguous(said) {
            let assumed = match &when.zone {
                Zone::Assumed(zone) => format!("month before day, {zone}"),
                Zone::Stated => "month before day, as no row of the file tells; zone UTC".to_owned(),
            };
            when.zone = Zone::Assumed(assumed);
        }
        Some(when)
    }
}

/// Whether `3/4/2026` could be March or April.
pub(super) fn is_ambiguous(said: &str) -> bool {
    let said = said.trim();
    let Some((first, rest)) = said.split_once('/') else { return false };
    let second = rest.split('/').next().unwrap_or("");
    let number = |text: &str| text.parse::<u8>().ok().filter(|number| *number <= 12);
    matches!((number(first), number(second)), (Some(first), Some(second)) if first != second)
}

pub(super) fn dates_of<'c>(
    table: &impl Table,
    parsed: &ParsedRows,
    query: &Query<'c>,
    met_zoneless: &'c AtomicBool,
) -> Dates<'c> {
    let rows = || parsed.rows.iter().filter_map(|row| row.as_ref().ok());
    let (order, is_order_known) = order_of(table, rows());
    let zoneless = rows().next().map_or(Zoneless::Utc, |row| table.zoneless(row, query.clock));
    Dates { order, is_order_known, zoneless, met_zoneless }
}

pub(super) fn order_of<'r, T: Table>(_: &T, rows: impl Iterator<Item = &'r Row>) -> (DayOrder, bool) {
    let further = |row: &'r Row| T::INSTANT_NAMES.iter().filter_map(|name| row.text(&[name]));
    DayOrder::of(rows.flat_map(|row| row.text(T::DATE_NAMES).into_iter().chain(further(row))))
}

pub(super) fn date_of<T: Table>(_: &T, row: &Row, dates: Dates<'_>) -> Option<When> {
    dates.read(row.text(T::DATE_NAMES)?)
}

/// The instant of a row, as written.
pub(super) fn date_texts<'r, T: Table>(_: &T, row: &'r Row) -> Option<&'r str> {
    row.text(T::DATE_NAMES)
}

/// What stands where the date of a row should.
pub(super) fn date_words<T: Table>(_: &T, row: &Row) -> String {
    row.text(T::DATE_NAMES).map_or_else(|| "none".to_owned(), crate::text::first_words)
}
