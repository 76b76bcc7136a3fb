//! Reads a table part by part, in memory that does not grow with the file.

use std::sync::atomic::AtomicBool;

use evidence::Reading;

use super::dates::{Dates, date_texts, is_ambiguous, order_of};
use super::parse::{Made, Parsed, RowReader, checked, sample};
use super::row::Names;
use super::shape::{Shape, delimiter, head_text, shape_in};
use super::tell::{Teller, Told, suspect_cut_at};
use super::{Table, read};
use crate::records::Grammar;
use crate::records::parts::{PART_BYTES, Part, Parts, in_order};
use crate::time::{DayOrder, Zoneless};
use crate::{Input, Query, ReadError, Wanted};

/// Reads every row of a file of one kind, part after part; the last reading holds what there is to say of all of them.
///
/// # Errors
/// [`ReadError`] if the bytes are no text or the user asked to stop.
pub(crate) fn read_in_parts<T: Table + Sync>(
    table: &T,
    input: &Input<'_>,
    query: &Query<'_>,
    take: &mut dyn FnMut(Reading),
) -> Result<(), ReadError> {
    let met_zoneless = AtomicBool::new(false);
    let Some(way) = Way::of(table, input, query, &met_zoneless)? else {
        take(read(table, input, query)?);
        return Ok(());
    };
    let Some(parts) = Parts::new(input, way.shape.grammar(T::WRAPPERS), PART_BYTES)? else { return Ok(()) };
    let teller = Teller::new(table, input, query, way.dates);
    let mut sum = Told::default();
    let mut rows = 0;
    in_order(
        parts,
        &input.name,
        query.progress,
        |part| way.tell(&teller, part),
        |mut told: Told| {
            rows += told.reading.rows;
            sum.add(&mut told);
            take(told.reading);
        },
    )?;
    let mut last = sum.finish(input, way.dates, T::PAGE_ROWS);
    suspect_cut_at(rows, T::PAGE_ROWS, &mut last);
    table.conclude(input, &mut last);
    take(last);
    Ok(())
}

/// How a file is read in parts.
struct Way<'a> {
    shape: Shape,
    columns: Vec<String>,
    delimiter: u8,
    dates: Dates<'a>,
}

impl<'a> Way<'a> {
    /// Finds out how; `None` if the file has to be read as a whole.
    fn of<T: Table>(
        table: &T,
        input: &Input<'a>,
        query: &Query<'a>,
        met_zoneless: &'a AtomicBool,
    ) -> Result<Option<Way<'a>>, ReadError> {
        let head = head_text(input);
        let shape = shape_in(table, &head);
        let is_whole = matches!(shape, Shape::Blocks | Shape::Clixml | Shape::Own)
            || (shape == Shape::Json && !T::ROWS_STAND_ALONE);
        if is_whole || matches!(query.wanted, Wanted::Message(_)) {
            return Ok(None);
        }
        let grammar: Grammar = shape.grammar(T::WRAPPERS);
        let Some(parts) = Parts::new(input, grammar, PART_BYTES)? else { return Ok(None) };
        let ends = sample(table, input, query);
        let (order, is_order_known) = order_of(table, ends.iter());
        let zoneless = ends.first().map_or(Zoneless::Utc, |row| table.zoneless(row, query.clock));
        let columns = parts.columns().to_vec();
        let dates = Dates { order, is_order_known, zoneless, met_zoneless };
        let mut way = Way { shape, columns, delimiter: delimiter(input), dates };
        // The ends of the file leave it open which number is the month: all rows are asked.
        if !is_order_known && ends.iter().flat_map(|row| date_texts(table, row)).any(is_ambiguous) {
            let mut parts = Parts::new(input, grammar, PART_BYTES)?.into_iter().flatten();
            if let Some(order) = parts.find_map(|part| way.order(table, &part)) {
                way.dates = Dates { order, is_order_known: true, zoneless, met_zoneless };
            }
        }
        Ok(Some(way))
    }

    /// Calls `each` with every row of a part, one after the other; how many records are no rows: empty pages, comments.
    fn each_row<T: Table>(&self, table: &T, part: &Part<'_>, mut each: impl FnMut(Parsed)) -> (u64, u64) {
        let mut reader = RowReader::new(&self.shape, &self.columns, self.delimiter);
        let mut names = Names::default();
        let (mut blank_pages, mut comments) = (0, 0);
        part.each_record(&mut |record| match reader.read::<T>(record) {
            Made::Row(mut row) => {
                checked(table, &mut row, &mut names);
                each(row);
            }
            Made::BlankPage => blank_pages += 1,
            Made::Comment => comments += 1,
        });
        (blank_pages, comments)
    }

    /// What the rows of a part state.
    fn tell<T: Table>(&self, teller: &Teller<'_, T>, part: &Part<'_>) -> Told {
        let mut told = Told::default();
        let mut rows = 0;
        let (blank_pages, comments) = self.each_row(teller.table, part, |row| {
            rows += 1;
            teller.tell_one(&row, true, &mut told);
        });
        told.reading.rows = rows + blank_pages + comments;
        told.reading.pass_over("empty page", blank_pages, None);
        told.reading.pass_over("log header", comments, None);
        told
    }

    /// The order of day and month, if a row of the part tells it.
    fn order<T: Table>(&self, table: &T, part: &Part<'_>) -> Option<DayOrder> {
        let mut found = None;
        self.each_row(table, part, |row| {
            if let (None, Ok(row)) = (found, &row) {
                let (order, is_known) = order_of(table, std::iter::once(row));
                found = is_known.then_some(order);
            }
        });
        found
    }
}
