//! Which rows are worth parsing, and which are about the message.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicBool;

use evidence::Identifier;

use super::dates::{date_of, dates_of};
use super::parse::ParsedRows;
use super::recognise::{folded_names, json_objects};
use super::shape::Shape;
use super::{Staying, Table};
use crate::records::{Sieve, column_names, csv_header};
use crate::{Input, Query, Wanted};

/// Files up to this size are parsed whole, so that their coverage is exact.
pub(super) const SMALL_FILE_BYTES: usize = 1 << 20;

pub(super) fn first_sieve(
    table: &impl Table,
    input: &Input<'_>,
    query: &Query<'_>,
    shape: &Shape,
    head: &str,
    known: &BTreeSet<Identifier>,
) -> Sieve {
    let small = input.bytes.len() <= SMALL_FILE_BYTES;
    if small || matches!(query.wanted, Wanted::Everything) || known.is_empty() || *shape == Shape::Blocks {
        return Sieve::All;
    }
    if staying(table) == Staying::All || matches!(shape, Shape::Clixml | Shape::Own) {
        return Sieve::All;
    }
    if table.needs_all_rows(*shape == Shape::Json) || (table.by_looks() && !names_ids(table, shape, head)) {
        return Sieve::All;
    }
    sieve_of(table, known, &|_| false)
}

/// The sieve that lets pass the rows that hold one of the ids, and those that may stay in any case.
pub(super) fn sieve_of<T: Table>(table: &T, known: &BTreeSet<Identifier>, is_written: &dyn Fn(&str) -> bool) -> Sieve {
    let Some(mut words) = needles(known, is_written) else { return Sieve::All };
    words.extend(known.iter().filter_map(|id| match id {
        Identifier::QueueId { host, id } if T::QUEUE_HOST == Some(host.as_str()) => Some(id.clone()),
        _ => None,
    }));
    if let Staying::Holding(also) = staying(table) {
        words.extend(also.iter().map(|word| (*word).to_owned()));
    }
    Sieve::AnyOf(words)
}

pub(super) fn staying<T: Table>(_: &T) -> Staying {
    T::STAYING
}

pub(super) fn names_ids<T: Table>(_: &T, shape: &Shape, head: &str) -> bool {
    let of = |names: &BTreeSet<String>| names.iter().any(|name| T::ID_NAMES.contains(&name.as_str()));
    match shape {
        Shape::Csv => csv_header(head).is_some_and(|(header, _)| of(&folded_names(&column_names(header)))),
        Shape::Json => json_objects(head).iter().any(of),
        Shape::Blocks | Shape::Clixml | Shape::Log { .. } | Shape::Own => true,
    }
}

/// Shortest part of an id that is worth searching for.
pub(super) const NEEDLE_MIN_BYTES: usize = 8;
/// A word up to this length is searched about twice as fast as a longer one.
pub(super) const NEEDLE_MAX_BYTES: usize = 32;

/// Words of which a row about one of the ids holds at least one, whatever escapes its grammar uses; `None` if an id
/// gives no such word. An id that the file is known to spell in one way is searched in that way only: an export has one
/// writer.
pub(super) fn needles(known: &BTreeSet<Identifier>, is_written: &dyn Fn(&str) -> bool) -> Option<Vec<String>> {
    let mut needles = Vec::new();
    for id in known {
        match id {
            Identifier::MessageId(id) => needles.push(longest_plain_part(id)?),
            Identifier::NetworkMessageId(id) => {
                // All but the first eight of its digits tell it well enough from others.
                let tail = id.get(9..).unwrap_or(id);
                let bare = tail.replace('-', "");
                let spellings = [tail.to_ascii_uppercase(), bare.to_ascii_uppercase(), tail.to_owned(), bare];
                match spellings.iter().find(|spelling| is_written(spelling)) {
                    Some(spelling) => needles.push(spelling.clone()),
                    None => needles.extend(spellings),
                }
            }
            _ => {}
        }
    }
    Some(needles)
}

/// The longest run of characters that no JSON or CSV writer escapes.
pub(super) fn longest_plain_part(id: &str) -> Option<String> {
    let parts =
        id.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '$' | '!' | '*')));
    let longest = parts.max_by_key(|part| part.len()).filter(|part| part.len() >= NEEDLE_MIN_BYTES)?;
    Some(longest[..longest.len().min(NEEDLE_MAX_BYTES)].to_owned())
}

/// The numbers of the rows that are about the message; ids that they reveal are added to `known`.
pub(super) fn keep<T: Table>(
    table: &T,
    query: &Query<'_>,
    parsed: &ParsedRows,
    known: &mut BTreeSet<Identifier>,
) -> Vec<bool> {
    let Wanted::Message(message) = query.wanted else { return vec![true; parsed.rows.len()] };
    let mut kept = vec![false; parsed.rows.len()];
    let ids: Vec<Vec<Identifier>> =
        parsed.rows.iter().map(|row| row.as_ref().map(|row| table.ids(row)).unwrap_or_default()).collect();
    let mentions: Vec<Vec<Identifier>> =
        parsed.rows.iter().map(|row| row.as_ref().map(|row| table.mentions(row)).unwrap_or_default()).collect();
    let mut rows_of: HashMap<&Identifier, Vec<usize>> = HashMap::new();
    for (number, (ids, mentions)) in ids.iter().zip(&mentions).enumerate() {
        for id in ids.iter().chain(mentions) {
            rows_of.entry(id).or_default().push(number);
        }
    }
    let mut due: Vec<Identifier> = known.iter().cloned().collect();
    let met_zoneless = AtomicBool::new(false);
    let dates = dates_of(table, parsed, query, &met_zoneless);
    for (number, row) in parsed.rows.iter().enumerate() {
        let Ok(row) = row else {
            kept[number] = true; // what cannot be read cannot be said to be about another message
            continue;
        };
        if T::STAYING != Staying::None && table.stays(row) {
            kept[number] = true;
            continue;
        }
        let by_looks = message.ids.is_empty() || (table.by_looks() && ids[number].is_empty());
        let may_be_it = by_looks && !message.is_other(&ids[number]);
        if may_be_it && table.looks_like(row, date_of(table, row, dates).map(|when| when.at), &message.likeness) {
            kept[number] = true;
            due.extend(ids[number].iter().filter(|id| !known.contains(id)).cloned());
        }
    }
    known.extend(due.iter().cloned());
    while let Some(id) = due.pop() {
        for number in rows_of.get(&id).into_iter().flatten() {
            kept[*number] = true;
            for revealed in &ids[*number] {
                if known.insert(revealed.clone()) {
                    due.push(revealed.clone());
                }
            }
        }
    }
    kept
}
