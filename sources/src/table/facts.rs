//! Where the facts of a row go.

use std::collections::BTreeSet;
use std::sync::Arc;

use evidence::{Address, Cite, CopyKey, Fact, FileName, Identifier, Observation, System, When};

use super::dates::Dates;
use super::row::Row;

/// Where the facts of one row go.
pub(crate) struct Facts<'a> {
    /// Ids and recipients of the row.
    pub(crate) about: CopyKey,
    /// Instant of the row.
    pub(crate) when: Option<When>,
    pub(super) row: &'a Row,
    pub(super) file: &'a FileName,
    pub(super) dates: Dates<'a>,
    pub(super) speaker: System,
    pub(super) said: &'a mut Vec<Observation>,
    pub(super) cite: Option<Cite>,
    pub(super) shared: Option<Arc<CopyKey>>,
    pub(super) limits: &'a mut BTreeSet<String>,
    pub(super) snapshot: &'a Option<When>,
}

impl Facts<'_> {
    /// States a fact with the whole row as its cite.
    pub(crate) fn say(&mut self, fact: Fact) {
        let cite = self.cite();
        self.push(cite, fact);
    }

    /// States a fact; the value under one of these names is marked as the deciding word.
    pub(crate) fn say_by(&mut self, names: &[&str], fact: Fact) {
        let cite = match self.row.place(names) {
            Some(mark) => self.cite().marked(mark),
            None => self.cite(),
        };
        self.push(cite, fact);
    }

    /// States facts about one of several messages that the row names.
    pub(crate) fn about_message(&mut self, ids: Vec<Identifier>, state: impl FnOnce(&mut Self)) {
        let all = std::mem::replace(&mut self.about.ids, ids);
        state(self);
        self.about.ids = all;
    }

    /// States facts that happened at another instant than the row's, or at none that the row tells.
    pub(crate) fn at(&mut self, when: Option<When>, state: impl FnOnce(&mut Self)) {
        let of_row = std::mem::replace(&mut self.when, when);
        state(self);
        self.when = of_row;
    }

    /// States a fact; the value of this key, however deep it lies in a JSON row, is marked as the deciding word.
    pub(crate) fn say_key(&mut self, key: &str, fact: Fact) {
        let cite = self.row.cite_key(self.file, key);
        self.push(cite, fact);
    }

    /// States facts about some of the row's recipients only.
    pub(crate) fn about(&mut self, recipients: Vec<Address>, state: impl FnOnce(&mut Self)) {
        let all = std::mem::replace(&mut self.about.envelope_recipients, recipients);
        state(self);
        self.about.envelope_recipients = all;
    }

    /// Reads an instant as the file writes them.
    pub(crate) fn instant(&self, said: &str) -> Option<When> {
        self.dates.read(said)
    }

    /// When the export was taken, as far as its name says.
    pub(crate) fn snapshot(&self) -> Option<When> {
        self.snapshot.clone()
    }

    /// Notes what the file cannot show.
    pub(crate) fn limit(&mut self, sentence: impl Into<String>) {
        self.limits.insert(sentence.into());
    }

    /// A cite of the whole row.
    fn cite(&mut self) -> Cite {
        self.cite.get_or_insert_with(|| self.row.cite(self.file)).clone()
    }

    pub(super) fn push(&mut self, cite: Cite, fact: Fact) {
        let about = match &self.shared {
            Some(shared) if **shared == self.about => shared.clone(),
            _ => self.shared.insert(Arc::new(self.about.clone())).clone(),
        };
        let (when, speaker) = (self.when.clone(), self.speaker.clone());
        self.said.push(Observation { cite, when, speaker, about, fact });
    }
}
