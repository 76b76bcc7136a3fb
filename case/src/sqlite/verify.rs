//! Whether all in the file is as it was written.
//!
//! Read as it stands there, byte by byte: what was edited may be no instant, no deed and no text any more.

use std::collections::HashMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::marks;
use super::opening::STEPS;
use crate::case::Case;
use crate::journal::{Deed, Entry, NO_HASH, Tampered, chained, hash_of};

/// What is wrong, in all journals, the chain over them, and what is kept beside them. Each row is read once.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Tampered>> {
    let mut wrong = structure(connection)?;
    let numbers = chain(connection, &mut wrong)?;
    journals(connection, &numbers, &mut wrong)?;
    orphans(connection, &mut wrong)?;
    Ok(wrong)
}

fn of_store(expected: impl Into<String>, found: impl Into<String>) -> Tampered {
    Tampered { uid: None, seq: None, expected: expected.into(), found: found.into() }
}

fn of_case(uid: &str, expected: impl Into<String>, found: impl Into<String>) -> Tampered {
    Tampered { uid: Some(uid.to_owned()), seq: None, expected: expected.into(), found: found.into() }
}

/// Whether the pages fit together, and whether the tables, and what guards them, are those that this program made.
fn structure(connection: &Connection) -> rusqlite::Result<Vec<Tampered>> {
    let mut wrong = Vec::new();
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    for said in statement.query_map([], |row| Ok(text(row, 0)))? {
        let said = said?;
        if said != "ok" {
            wrong.push(of_store("a database whose parts fit together", said));
        }
    }
    let fresh = Connection::open_in_memory()?;
    STEPS.iter().try_for_each(|step| fresh.execute_batch(step))?;
    let (made, there) = (objects(&fresh)?, objects(connection)?);
    for (name, (_, sql)) in &made {
        match there.get(name) {
            None => wrong.push(of_store(format!("the part `{name}` of the database"), "none")),
            Some((_, found)) if found != sql => {
                wrong.push(of_store(format!("the part `{name}` of the database as it was made"), found.as_str()));
            }
            Some(_) => {}
        }
    }
    let tables: Vec<&String> = made.values().map(|(table, _)| table).collect();
    for (name, (table, sql)) in &there {
        if !made.contains_key(name) && tables.contains(&table) {
            wrong.push(of_store(format!("nothing but what this program made of the table `{table}`"), sql.as_str()));
        }
    }
    Ok(wrong)
}

/// What a database is made of: for each name its table and the statement that made it.
fn objects(connection: &Connection) -> rusqlite::Result<std::collections::BTreeMap<String, (String, String)>> {
    let mut statement = connection
        .prepare("SELECT name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'")?;
    statement.query_map([], |row| Ok((text(row, 0), (text(row, 1), text(row, 2)))))?.collect()
}

/// Looks at the chain over all cases; gives the number that each case must have: the order in which their openings came.
fn chain(connection: &Connection, wrong: &mut Vec<Tampered>) -> rusqlite::Result<HashMap<String, u64>> {
    let head = |row: &Row<'_>| Ok((number(row, 0), text(row, 1)));
    let (head_n, head_hash) = match connection.query_row("SELECT n, store_hash FROM head", [], head) {
        Ok(head) => head,
        Err(rusqlite::Error::QueryReturnedNoRows) => (-1, String::new()),
        Err(error) => return Err(error),
    };
    let mut statement = connection.prepare("SELECT n, uid, seq, hash, store_hash FROM entry ORDER BY n")?;
    let mut rows = statement.query([])?;
    let (mut last_n, mut last, mut numbers) = (0_i64, String::new(), HashMap::new());
    while let Some(row) = rows.next()? {
        let (n, uid, hash, store_hash) = (number(row, 0), text(row, 1), text(row, 3), text(row, 4));
        if last_n.checked_add(1) != Some(n) {
            wrong.push(of_store(
                format!("entry {} of the store behind entry {last_n}", last_n.saturating_add(1)),
                format!("entry {n}"),
            ));
        }
        if chained(&[&last, &hash]) != store_hash {
            let found = format!("one that was bound to another: entry {} of case {uid}", number(row, 2));
            wrong.push(of_store(format!("entry {n} of the store bound to the one before it"), found));
        }
        if number(row, 2) == 1 {
            let next = numbers.len() as u64 + 1;
            numbers.entry(uid).or_insert(next);
        }
        (last_n, last) = (n, store_hash);
    }
    if (last_n, &last) != (head_n, &head_hash) {
        let expected = format!("entry {head_n} with the hash {head_hash} as the last of the store");
        wrong.push(of_store(expected, format!("entry {last_n} with the hash {last}")));
    }
    Ok(numbers)
}

/// One row of the entries, as it stands there.
struct Written {
    uid: String,
    seq: i64,
    at: String,
    who: String,
    key: Option<String>,
    kind: String,
    deed: String,
    previous: String,
    hash: String,
}

impl Written {
    fn of(row: &Row<'_>) -> Written {
        let key = !matches!(row.get_ref(4), Ok(ValueRef::Null));
        Written {
            uid: text(row, 0),
            seq: number(row, 1),
            at: text(row, 2),
            who: text(row, 3),
            key: key.then(|| text(row, 4)),
            kind: text(row, 5),
            deed: text(row, 6),
            previous: text(row, 7),
            hash: text(row, 8),
        }
    }

    /// The entry that it is, if it is one; says what is wrong with it behind an entry with the hash `previous`.
    fn entry(self, seq: u64, previous: &str, wrong: &mut Vec<Tampered>) -> Option<Entry> {
        let uid = self.uid.clone();
        let mut tell = |expected: String, found: String| {
            wrong.push(Tampered { uid: Some(uid.clone()), seq: Some(seq), expected, found });
        };
        if u64::try_from(self.seq) != Ok(seq) {
            tell(format!("entry {seq}"), format!("entry {}", self.seq));
        }
        if self.previous != previous {
            tell(format!("an entry behind {previous}"), format!("one behind {}", self.previous));
        }
        let made = [self.uid.as_str(), &self.seq.to_string(), &self.at, &self.who];
        let hash = hash_of(&made, self.key.as_deref(), &self.deed, &self.previous);
        if self.hash != hash {
            tell(format!("the hash {} of what was written", self.hash), format!("{hash} of what stands there"));
        }
        let (at, deed) = match (self.at.parse(), serde_json::from_str::<Deed>(&self.deed)) {
            (Ok(at), Ok(deed)) => (at, deed),
            (at, deed) => {
                let found = at.err().map(|error: jiff::Error| error.to_string());
                let found = found.or(deed.err().map(|error| error.to_string())).unwrap_or_default();
                tell("an instant and a deed that this program knows".to_owned(), found);
                return None;
            }
        };
        if self.kind != deed.word() {
            tell(format!("the kind `{}`", deed.word()), format!("`{}`", self.kind));
        }
        let Written { uid, who, key, deed: written, previous, hash, .. } = self;
        Some(Entry { uid, seq, at, who, key, deed, written, previous, hash })
    }
}

/// Looks at the journal of each case, and at what is kept beside it.
fn journals(
    connection: &Connection,
    numbers: &HashMap<String, u64>,
    wrong: &mut Vec<Tampered>,
) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT uid, seq, at, who, key, kind, deed, previous, hash FROM entry ORDER BY uid, seq")?;
    let mut rows = statement.query([])?;
    let mut journal = Journal::default();
    while let Some(row) = rows.next()? {
        let row = Written::of(row);
        if row.uid != journal.uid {
            journal.end(connection, numbers, wrong)?;
            journal = Journal { uid: row.uid.clone(), previous: NO_HASH.to_owned(), ..Journal::default() };
        }
        journal.take(row, wrong);
    }
    journal.end(connection, numbers, wrong)
}

/// A journal as it is read.
#[derive(Default)]
struct Journal {
    uid: String,
    seen: u64,
    previous: String,
    /// What it adds up to so far; `None` once an entry could not be read.
    case: Option<Case>,
}

impl Journal {
    fn take(&mut self, row: Written, wrong: &mut Vec<Tampered>) {
        self.seen += 1;
        let previous = std::mem::replace(&mut self.previous, row.hash.clone());
        let entry = row.entry(self.seen, &previous, wrong);
        self.case = match (entry, self.case.take()) {
            (Some(first), None) if self.seen == 1 => Case::of(0, &[first]),
            (Some(entry), Some(mut case)) => {
                case.take(&entry);
                Some(case)
            }
            _ => None,
        };
    }

    /// Compares what it adds up to with what is kept.
    fn end(
        self: &mut Journal,
        connection: &Connection,
        numbers: &HashMap<String, u64>,
        wrong: &mut Vec<Tampered>,
    ) -> rusqlite::Result<()> {
        if self.seen == 0 {
            return Ok(());
        }
        let Some(mut case) = self.case.take() else {
            wrong.push(of_case(&self.uid, "a journal that adds up to a case", "one that does not"));
            return Ok(());
        };
        case.number = numbers.get(&self.uid).copied().unwrap_or_default();
        wrong.extend(beside(connection, &case)?);
        Ok(())
    }
}

/// What is wrong with what is kept of a case beside its journal.
fn beside(connection: &Connection, case: &Case) -> rusqlite::Result<Vec<Tampered>> {
    let uid = &case.uid;
    let mut wrong = Vec::new();
    let expected = marks::row(case)?;
    let mut statement =
        connection.prepare_cached("SELECT number, client, ticket, status, subject, body FROM cases WHERE uid = ?")?;
    let mut rows = statement.query([uid])?;
    match rows.next()? {
        None => wrong.push(of_case(uid, "a case that has this journal", "none")),
        Some(row) => {
            let ticket = !matches!(row.get_ref(2), Ok(ValueRef::Null));
            let there = marks::Row {
                client: text(row, 1),
                ticket: ticket.then(|| text(row, 2)),
                status: text(row, 3),
                subject: text(row, 4),
                body: text(row, 5),
            };
            let is_same_body = serde_json::from_str::<Case>(&there.body).ok().as_ref() == Some(case);
            if number(row, 0) != i64::try_from(case.number).unwrap_or(i64::MAX) || !is_same_body {
                let number = number(row, 0);
                let found = format!("case {number} that says otherwise");
                wrong.push(of_case(uid, format!("case {}, which its journal adds up to", case.number), found));
            }
            if (&there.client, &there.ticket, &there.status, &there.subject)
                != (&expected.client, &expected.ticket, &expected.status, &expected.subject)
            {
                let found = "another client, ticket, status or subject".to_owned();
                wrong.push(of_case(uid, "the case found by what its journal says", found));
            }
        }
    }
    let mut marked: Vec<(String, String)> =
        marks::of(case).into_iter().map(|(kind, value)| (kind.to_owned(), value)).collect();
    marked.sort();
    marked.dedup();
    let mut statement = connection.prepare_cached("SELECT kind, value FROM mark WHERE uid = ? ORDER BY kind, value")?;
    let there = statement.query_map(params![uid], |row| Ok((text(row, 0), text(row, 1))))?;
    if there.collect::<Result<Vec<_>, _>>()? != marked {
        wrong.push(of_case(uid, "the marks by which the case is found", "other ones"));
    }
    Ok(wrong)
}

/// What stands beside the journals and belongs to none.
fn orphans(connection: &Connection, wrong: &mut Vec<Tampered>) -> rusqlite::Result<()> {
    for (expected, sql) in [
        ("the journal of this case", "SELECT uid FROM cases WHERE uid NOT IN (SELECT uid FROM entry)"),
        ("the case of these marks", "SELECT DISTINCT uid FROM mark WHERE uid NOT IN (SELECT uid FROM cases)"),
    ] {
        let mut statement = connection.prepare(sql)?;
        for uid in statement.query_map([], |row| Ok(text(row, 0)))? {
            wrong.push(of_case(&uid?, expected, "none"));
        }
    }
    Ok(())
}

/// A text as it stands there. What is none gets a sign behind it that no text of ours has, so that it is never taken for one.
fn text(row: &Row<'_>, column: usize) -> String {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("{}\0 not UTF-8", String::from_utf8_lossy(bytes)),
        },
        Ok(other) => format!("\0 not a text: {:?}", other.data_type()),
        Err(error) => format!("\0 {error}"),
    }
}

/// A number as it stands there; -1 if it is none.
fn number(row: &Row<'_>, column: usize) -> i64 {
    row.get(column).unwrap_or(-1)
}
