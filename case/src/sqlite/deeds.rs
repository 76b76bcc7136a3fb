//! Entries of all cases by what was done.

use rusqlite::{Connection, params_from_iter};

use super::{ENTRY, entry};
use crate::journal::Entry;

/// The entries in which one of these things was done, case by case.
pub(super) fn entries(connection: &Connection, words: &[&str]) -> rusqlite::Result<Vec<Entry>> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let places = vec!["?"; words.len()].join(", ");
    let mut statement =
        connection.prepare(&format!("SELECT {ENTRY} FROM entry WHERE kind IN ({places}) ORDER BY uid, seq"))?;
    let rows = statement.query_map(params_from_iter(words), entry)?;
    rows.collect()
}
