//! Where cases are kept.

use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{About, Asked, Case, Status};
use crate::journal::{Draft, Entry, Tampered};

/// Keeps cases and their journals. Every call is one whole: after a kill at any moment it was done or it was not.
///
/// A store only ever adds entries; it has no call that alters or removes one.
pub trait Store {
    /// Opens a case: its first entry.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be written.
    fn open_case(&mut self, at: Timestamp, who: &str, about: About, asked: Asked) -> Result<Case, StoreError> {
        self.open_once(at, who, None, about, asked)
    }

    /// Opens a case, unless one was opened with this key: then gives that one, as it is now.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be written.
    fn open_once(
        &mut self,
        at: Timestamp,
        who: &str,
        key: Option<String>,
        about: About,
        asked: Asked,
    ) -> Result<Case, StoreError>;

    /// Puts entries behind the journal of a case, all or none; gives the case as it is then. One is left out if the journal has one
    /// of the same deed and the same key already.
    ///
    /// # Errors
    /// [`StoreError`] if there is no such case, or if they could not be written.
    fn append(&mut self, uid: &str, drafts: Vec<Draft>) -> Result<Case, StoreError>;

    /// The journal of a case.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be read.
    fn journal(&self, uid: &str) -> Result<Vec<Entry>, StoreError>;

    /// The cases that fit, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] if they could not be read.
    fn list(&self, wanted: &Wanted) -> Result<Vec<Case>, StoreError>;

    /// The entries of all cases in which one of these things was done, such as `change_made`: case by case, in the order of each journal.
    ///
    /// # Errors
    /// [`StoreError`] if they could not be read.
    fn done(&self, words: &[&str]) -> Result<Vec<Entry>, StoreError>;

    /// Takes over the journal of a case from elsewhere, and puts `drafts` behind it, all or none. If the store has the case already
    /// with the same journal or a longer one that begins with it, nothing is done; if it has the beginning of the journal, the rest is
    /// put behind it.
    ///
    /// # Errors
    /// [`StoreError`] if the journal is not whole, if the store has another journal of that case, or if it could not be written.
    fn import(&mut self, journal: &[Entry], drafts: Vec<Draft>) -> Result<Case, StoreError>;

    /// What is wrong with the journals of all cases, with the chain over all of them, and with what is kept beside them; nothing if all
    /// is as it was written. Whoever rewrites the whole chain can only be found by a hash that was noted elsewhere: see [`Store::head`].
    ///
    /// # Errors
    /// [`StoreError`] if it could not be read.
    fn tampered(&self) -> Result<Vec<Tampered>, StoreError>;

    /// The names everywhere of all cases that have a journal, in the order in which they came into the store.
    ///
    /// # Errors
    /// [`StoreError`] if they could not be read.
    fn uids(&self) -> Result<Vec<String>, StoreError>;

    /// The last entry of all cases: its hash stands for all journals of the store.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be read.
    fn head(&self) -> Result<Head, StoreError>;

    /// The entry that has a hash, or at which the store had it as its head; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be read.
    fn hashed(&self, hash: &str) -> Result<Option<Place>, StoreError>;

    /// The cases that a name may mean: a number (`42`, `#42`), the number of a ticket, or else the beginning of a name everywhere
    /// (6 digits at least).
    ///
    /// # Errors
    /// [`StoreError`] if they could not be read.
    fn named(&self, name: &str) -> Result<Vec<Case>, StoreError> {
        let name = name.trim();
        let number = name.strip_prefix('#').unwrap_or(name).parse().ok();
        let by = |wanted: Wanted| self.list(&wanted);
        let mut found = match number {
            Some(number) => by(Wanted { number: Some(number), ..Wanted::default() })?,
            None => Vec::new(),
        };
        // `42` may be a number here and that of a ticket, of two cases: never take one for the other.
        if found.is_empty() || !name.starts_with('#') {
            let numbered: Vec<u64> = found.iter().map(|case| case.number).collect();
            let of_ticket = by(Wanted { ticket: Some(name.to_owned()), ..Wanted::default() })?;
            found.extend(of_ticket.into_iter().filter(|case| !numbered.contains(&case.number)));
        }
        if found.is_empty() && name.len() >= 6 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            found = by(Wanted { uid: Some(name.to_ascii_lowercase()), ..Wanted::default() })?;
        }
        Ok(found)
    }
}

/// The last entry of all cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// How many cases there are.
    pub cases: u64,
    /// How many entries their journals have together.
    pub entries: u64,
    /// The hash of the chain over all of them: empty if there is none.
    pub hash: String,
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// In which case, by its name everywhere.
    pub uid: String,
    /// Its number in the journal of that case.
    pub seq: u64,
    /// Its number among the entries of all cases.
    pub n: u64,
}

/// Which cases are wanted; what is not said fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Wanted {
    /// With this number.
    pub number: Option<u64>,
    /// Whose name everywhere begins so.
    pub uid: Option<String>,
    /// With this number in the ticket system, letters' case aside.
    pub ticket: Option<String>,
    /// Of this client, letters' case aside.
    pub client: Option<String>,
    /// With one of these; any, if none is named.
    pub status: Vec<Status>,
    /// With this Message-ID, or a service's own id.
    pub message_id: Option<String>,
    /// With this address as sender, recipient or affected user; `@domain` is any address of it.
    pub address: Option<String>,
    /// With this in the subject, letters' case aside.
    pub subject: Option<String>,
    /// With this cause or symptom, or of this family, or with this specific part (`spam` of `content-verdict/spam`).
    pub cause: Option<String>,
    /// Whose fix is to be looked at again by then.
    pub due: Option<jiff::Timestamp>,
    /// With a smaller number than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Without so many of the newest.
    pub offset: u64,
}

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database.
    #[error("{path}: expected to {doing}, found {found}. {hint}")]
    Database {
        /// Its file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What came of it.
        found: String,
        /// What to try.
        hint: &'static str,
    },
    /// A file of a case.
    #[error("{path}: expected to {doing}, found {found}")]
    File {
        /// Which.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What came of it.
        found: String,
    },
    /// A file or folder that was named for something that it cannot be used for.
    #[error("{path}: expected {expected}, found {found}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found, and what to try.
        found: String,
    },
    /// An archive of a case that cannot be taken over as it is.
    #[error("{path}: expected {expected}, found {found}")]
    Archive {
        /// Its file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// No such case.
    #[error("case {0}: not in this store. `throughline case list` lists those that are")]
    NoSuchCase(String),
    /// A journal that is not whole, or that contradicts the one that is there.
    #[error("case {uid}: expected {expected}, found {found}")]
    Journal {
        /// Of which case.
        uid: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}
