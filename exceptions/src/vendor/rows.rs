//! The dated tables of one vendor: which changes are narrow and which are broad.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::Level;

/// All rows of one vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    row: Vec<Row>,
}

/// A row: what it says is data, when it fits is code that names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name, such as `N2` or `B3`.
    pub id: String,
    /// What it comes to.
    pub level: Level,
    /// What is done, in a few words.
    pub title: String,
    /// Why that is narrow or broad, in a sentence.
    pub because: String,
    /// The page, and the day it was read.
    pub source: String,
}

impl Rows {
    /// Reads a table that is part of the program.
    ///
    /// # Panics
    /// If the table is not as it has to be, or a row is there twice.
    pub fn of(text: &str) -> Rows {
        let rows: Rows = toml::from_str(text).unwrap_or_else(|error| panic!("a table of rows: {error}"));
        let mut ids = BTreeSet::new();
        rows.row.iter().for_each(|row| assert!(ids.insert(&row.id), "row {} is there twice", row.id));
        rows
    }

    /// The row of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn row(&self, id: &str) -> &Row {
        self.row.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no row {id}"))
    }

    /// All rows, in their order.
    pub fn all(&self) -> impl Iterator<Item = &Row> {
        self.row.iter()
    }
}
