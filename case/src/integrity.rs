//! What `case verify-journal`, `case journal`, `case export` and `case import` show.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use report::{Block, Row, Section, Sheet, Tone, visible};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::folder::{Folder, Strange};
use crate::journal::{Deed, Entry, EvidenceFile, Tampered, Verification};
use crate::store::{Place, Store, StoreError, Wanted};

/// The name and version of the form of [`JournalVerified`].
pub const JOURNAL_SCHEMA: &str = "throughline.journal.v1";
/// The name and version of the form of [`JournalEntries`].
pub const ENTRIES_SCHEMA: &str = "throughline.journal_entries.v1";
/// The name and version of the form of [`ArchiveTold`].
pub const ARCHIVED_SCHEMA: &str = "throughline.archived_case.v1";

/// Whether journals and evidence are as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalVerified {
    /// Always `throughline.journal.v1`.
    pub schema: String,
    /// Whether they are.
    pub whole: bool,
    /// Which case was looked at; null if all were.
    pub case: Option<CaseName>,
    /// How many cases were looked at.
    pub cases: u64,
    /// How many entries the chain over all cases has: it was looked at in any case.
    pub entries: u64,
    /// How many files of evidence were hashed.
    pub files: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// The last hash of the chain over all cases: it stands for every journal of the store. Empty if there is none.
    pub head: String,
    /// The last hash of the case; null if all were looked at.
    pub case_head: Option<String>,
    /// The hash that was noted elsewhere; null if none was given.
    pub expected: Option<ExpectedHash>,
    /// What is wrong; empty if all is as it was written.
    pub wrong: Vec<Wrong>,
}

/// A case by its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseName {
    /// Its number in this store.
    pub number: u64,
    /// Its name everywhere.
    pub uid: String,
    /// The client; empty if nobody said.
    pub client: String,
    /// Its number in the ticket system.
    pub ticket: Option<String>,
}

impl CaseName {
    /// The names of a case.
    pub fn of(case: &Case) -> CaseName {
        let (client, ticket) = (case.about.client.clone(), case.about.ticket.clone());
        CaseName { number: case.number, uid: case.uid.clone(), client, ticket }
    }
}

/// A hash that was noted elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedHash {
    /// The hash.
    pub hash: String,
    /// The entry that has it: all up to that one is as it was then. Null if none has it.
    pub place: Option<Place>,
    /// How many entries came since; null if none has it.
    pub since: Option<u64>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wrong {
    /// Of which case, by its name everywhere; null if of the store.
    pub uid: Option<String>,
    /// Its number in this store; null if it has none.
    pub number: Option<u64>,
    /// At which entry; null if of none.
    pub seq: Option<u64>,
    /// In which file of the evidence; null if in none.
    pub file: Option<String>,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Wrong {
    fn of(wrong: Tampered) -> Wrong {
        let Tampered { uid, seq, expected, found } = wrong;
        Wrong { uid, number: None, seq, file: None, expected, found }
    }

    fn in_file(uid: &str, strange: Strange) -> Wrong {
        let Strange { name, expected, found } = strange;
        Wrong { uid: Some(uid.to_owned()), number: None, seq: None, file: Some(name), expected, found }
    }
}

impl JournalVerified {
    /// Looks at everything in the store whose folder is `root`: each entry, the chain over all, what cases add up to, each file of the
    /// evidence. With `only`, at the files of that case, and says of the other cases nothing but what the chain over all says.
    ///
    /// # Errors
    /// [`StoreError`] if something cannot be read.
    pub fn of(
        root: &Path,
        store: &impl Store,
        only: Option<&Case>,
        expected: Option<&str>,
    ) -> Result<JournalVerified, StoreError> {
        let is_wanted = |uid: &str| only.is_none_or(|only| only.uid == uid);
        let mut wrong: Vec<Wrong> = store.tampered()?.into_iter().map(Wrong::of).collect();
        wrong.retain(|wrong| wrong.uid.as_deref().is_none_or(is_wanted));
        let uids = store.uids()?;
        let (mut files, mut bytes, mut cases) = (0_u64, 0_u64, 0_u64);
        for uid in uids.iter().filter(|uid| is_wanted(uid)) {
            cases += 1;
            // Of a journal that cannot be read, that was told above; which files it names is not known then.
            let Ok(journal) = store.journal(uid) else { continue };
            let named = crate::folder::files(&journal);
            files += named.len() as u64;
            bytes += named.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
            let folder = Folder::of(root, uid);
            // What a kill left unfinished is no tampering.
            folder.settle(|| store.journal(uid))?;
            let strange = folder.strange(&journal)?;
            wrong.extend(strange.into_iter().map(|strange| Wrong::in_file(uid, strange)));
        }
        if only.is_none() {
            wrong.extend(of_no_case(root, &uids));
        }
        let head = store.head()?;
        let expected = expected.map(|hash| look_up(store, hash, head.entries)).transpose()?;
        if let Some(ExpectedHash { hash, place: None, .. }) = &expected {
            wrong.push(Wrong {
                uid: None,
                number: None,
                seq: None,
                file: None,
                expected: format!("an entry with the hash {hash}, which was noted elsewhere"),
                found: "none: the journals were written anew, or it was noted of another store".to_owned(),
            });
        }
        let numbers: HashMap<String, u64> = match store.list(&Wanted::default()) {
            Ok(cases) => cases.into_iter().map(|case| (case.uid, case.number)).collect(),
            // A row that cannot be read is told above.
            Err(_) => HashMap::new(),
        };
        for wrong in &mut wrong {
            wrong.number = wrong.uid.as_ref().and_then(|uid| numbers.get(uid)).copied();
        }
        Ok(JournalVerified {
            schema: JOURNAL_SCHEMA.to_owned(),
            whole: wrong.is_empty(),
            case: only.map(CaseName::of),
            cases,
            entries: head.entries,
            files,
            bytes,
            head: head.hash,
            case_head: only.map(|case| case.head.clone()),
            expected,
            wrong,
        })
    }

    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let of = match &self.case {
            Some(case) => format!("case {} ({})", case.number, case.uid),
            None => counted(self.cases, "case", "cases"),
        };
        let looked = format!(
            "{} in the chain over all cases, {} of {of} with {}.",
            counted(self.entries, "entry", "entries"),
            counted(self.files, "file", "files"),
            counted(self.bytes, "byte", "bytes")
        );
        let answer = match self.wrong.len() {
            0 => Block::Text(Tone::Good, format!("All is as it was written: {looked}")),
            1 => Block::Text(Tone::Bad, format!("One thing is not as it was written. Looked at: {looked}")),
            many => Block::Text(Tone::Bad, format!("{many} things are not as they were written. Looked at: {looked}")),
        };
        let mut blocks = vec![answer];
        blocks.push(Block::Rows(self.wrong.iter().map(Wrong::row).collect()));
        blocks.extend(self.hashes());
        if let Some(expected) = &self.expected
            && let (Some(place), Some(since)) = (&expected.place, expected.since)
        {
            let text = format!(
                "The hash that was noted elsewhere is that of entry {} of all, entry {} of case {}; {since} came since. \
                 What stood there then stands there now.",
                place.n, place.seq, place.uid
            );
            blocks.push(Block::Text(Tone::Good, text));
        } else if self.expected.is_none() {
            let text = "Who can write to the database can write the whole chain anew. Only a hash that was noted elsewhere, in the \
                        ticket say, finds that: --expect HASH.";
            blocks.push(Block::Text(Tone::Soft, text.to_owned()));
        }
        let section = Section { id: "journal", title: "Journal".to_owned(), blocks };
        Sheet { title: "Is the journal whole?".to_owned(), sections: vec![section] }
    }

    /// The hashes to be noted elsewhere, each on a line of its own: they are to be copied.
    fn hashes(&self) -> Vec<Block> {
        let heads = [("of all cases", Some(&self.head)), ("of the case", self.case_head.as_ref())];
        let there = heads.into_iter().filter_map(|(of, head)| Some((of, head.filter(|head| !head.is_empty())?)));
        there.flat_map(|(of, head)| head_blocks(of, head)).collect()
    }
}

fn head_blocks(of: &str, head: &str) -> [Block; 2] {
    [Block::Text(Tone::Plain, format!("Head {of}:")), Block::Commands(vec![head.to_owned()])]
}

impl Wrong {
    fn row(&self) -> Row {
        let case = match (&self.number, &self.uid) {
            (Some(number), _) => format!("case {number}"),
            (None, Some(uid)) => format!("case {}", visible(uid)),
            (None, None) => "store".to_owned(),
        };
        let at = match (&self.file, self.seq) {
            (Some(file), _) => format!(", {}", visible(file)),
            (None, Some(seq)) => format!(", entry {seq}"),
            (None, None) => String::new(),
        };
        let text = format!("expected {}, found {}", visible(&self.expected), visible(&self.found));
        Row { tone: Tone::Bad, lead: format!("{case}{at}"), text, ..Row::default() }
    }
}

fn look_up(store: &impl Store, hash: &str, entries: u64) -> Result<ExpectedHash, StoreError> {
    let hash = hash.trim().to_ascii_lowercase();
    let place = store.hashed(&hash)?;
    let since = place.as_ref().map(|place| entries.saturating_sub(place.n));
    Ok(ExpectedHash { hash, place, since })
}

/// Evidence of cases that are not in the store. What an import that was killed left is none: it stands ready only.
fn of_no_case(root: &Path, uids: &[String]) -> Vec<Wrong> {
    let known: HashSet<&str> = uids.iter().map(String::as_str).collect();
    let folders = fs::read_dir(root.join("cases")).into_iter().flatten().flatten();
    let names = folders.map(|folder| folder.file_name().to_string_lossy().into_owned());
    let mut strangers: Vec<String> = names
        .filter(|name| !known.contains(name.as_str()))
        .filter(|name| {
            let path = root.join("cases").join(name);
            !path.is_dir() || path.is_symlink() || path.join("evidence").symlink_metadata().is_ok()
        })
        .collect();
    strangers.sort();
    let wrong = |name: String| Wrong {
        uid: Some(name),
        number: None,
        seq: None,
        file: None,
        expected: "the journal of a case whose evidence is there".to_owned(),
        found: "none".to_owned(),
    };
    strangers.into_iter().map(wrong).collect()
}

/// The journal of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalEntries {
    /// Always `throughline.journal_entries.v1`.
    pub schema: String,
    /// Of which case.
    pub case: CaseName,
    /// The entries, the first first.
    pub entries: Vec<Entry>,
    /// The hash of the last one: it stands for the whole journal.
    pub head: String,
}

impl JournalEntries {
    /// The document of a case and its journal.
    pub fn of(case: &Case, journal: &[Entry]) -> JournalEntries {
        JournalEntries {
            schema: ENTRIES_SCHEMA.to_owned(),
            case: CaseName::of(case),
            entries: journal.to_vec(),
            head: case.head.clone(),
        }
    }

    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let rows = self.entries.iter().map(|entry| {
            let key = entry.key.iter().map(|key| format!("key {}", visible(key)));
            let files = match &entry.deed {
                Deed::EvidenceAdded { files, .. } => files.as_slice(),
                _ => &[],
            };
            let file = |file: &EvidenceFile| format!("{}, {} bytes, {}", visible(&file.name), file.bytes, file.sha256);
            let notes = key.chain(files.iter().map(file)).chain([format!("hash {}", entry.hash)]);
            Row {
                lead: format!("{} {} {}", entry.seq, entry.at, visible(&entry.who)),
                text: visible(&entry.deed.sentence()),
                notes: notes.collect(),
                ..Row::default()
            }
        });
        let about = [
            ("case".to_owned(), format!("{} ({})", self.case.number, self.case.uid)),
            ("ticket".to_owned(), self.case.ticket.as_deref().map_or_else(|| "none".to_owned(), visible)),
        ];
        let mut blocks = vec![Block::Facts(about.to_vec()), Block::Rows(rows.collect())];
        blocks.extend(head_blocks("of the case", &self.head));
        let section = Section { id: "journal", title: "Journal".to_owned(), blocks };
        Sheet { title: format!("What was done on case {}", self.case.number), sections: vec![section] }
    }
}

/// What became of a case that was brought into an archive, or out of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveTold {
    /// Always `throughline.archived_case.v1`.
    pub schema: String,
    /// `exported`, `imported` (a new case), `continued` (more of one that was there), `known` (nothing new).
    pub done: String,
    /// The case.
    pub case: CaseName,
    /// The archive, as it was named.
    pub archive: String,
    /// SHA-256 of the archive; null for one that was just written.
    pub sha256: Option<String>,
    /// How many entries the journal in it has.
    pub entries: u64,
    /// How many files of evidence are in it.
    pub files: u64,
    /// The hash of the last entry in it.
    pub head: String,
}

impl ArchiveTold {
    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let case = format!("case {} ({})", self.case.number, self.case.uid);
        let text = match self.done.as_str() {
            "exported" => format!("{case} is in the archive, whole."),
            "imported" => format!("{case} is new in this store."),
            "continued" => format!("{case} goes on as the archive says."),
            _ => format!("{case} was in this store already, with all that the archive has. Nothing was done."),
        };
        let facts = vec![
            ("archive".to_owned(), visible(&self.archive)),
            ("journal".to_owned(), counted(self.entries, "entry", "entries")),
            ("evidence".to_owned(), counted(self.files, "file", "files")),
        ];
        let mut blocks = vec![Block::Text(Tone::Good, text), Block::Facts(facts)];
        if let Some(hash) = &self.sha256 {
            blocks.extend([Block::Text(Tone::Plain, "SHA-256 of it:".to_owned()), Block::Commands(vec![hash.clone()])]);
        }
        blocks.extend(head_blocks("of its journal", &self.head));
        let section = Section { id: "archive", title: "Archive".to_owned(), blocks };
        Sheet { title: "A case in an archive".to_owned(), sections: vec![section] }
    }
}

impl Deed {
    /// What was done, in a sentence for people; what somebody wrote stands in it as it was written.
    pub fn sentence(&self) -> String {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Deed::Opened { about, .. } => {
                format!("Opened for client `{}`, ticket {}", about.client, or_none(&about.ticket))
            }
            Deed::Asked { asked } => {
                let of = |values: &[String]| if values.is_empty() { "any".to_owned() } else { values.join(", ") };
                format!("Asked for the message {} from {}", of(&asked.message_id), or_none(&asked.sender))
            }
            Deed::EvidenceAdded { batch, purpose, files } => {
                let purpose = match purpose {
                    crate::journal::Purpose::Ticket => "what happened",
                    crate::journal::Purpose::Verification => "what is so after a change",
                };
                format!("Evidence added in {batch}: {}, for {purpose}", counted(files.len() as u64, "file", "files"))
            }
            Deed::Answered { answered } => match answered.causes.first() {
                Some(cause) => format!("The evidence shows {}", cause.id),
                None => "The evidence shows no cause".to_owned(),
            },
            Deed::Noted { text } => format!("Noted: {text}"),
            Deed::Approved { by, role, ends, .. } => format!("Approved by {by} ({role}) until {ends}"),
            Deed::ChangeMade { made_at, candidate, guard, .. } => {
                format!("Changed at {made_at} ({}): {candidate}", guard.as_deref().unwrap_or("not checked"))
            }
            Deed::Verified { verification: Verification { answer, .. }, due } => {
                let answer = match answer {
                    crate::journal::Answer::Held => "it held",
                    crate::journal::Answer::CannotTell => "cannot tell",
                    crate::journal::Answer::CameBack => "it came back",
                };
                let due = due.map(|due| format!("; to be looked at again at {due}")).unwrap_or_default();
                format!("Verified: {answer}{due}")
            }
            Deed::Escalated { to, reasons, .. } => format!("Escalated to {to}: {}", reasons.join("; ")),
            Deed::RunbookWritten { runbook, version, .. } => format!("Runbook {runbook} written, version {version}"),
            Deed::StatusSet { status, why } => format!("Status set to {}: {why}", status.word()),
            Deed::Imported { sha256 } => format!("Brought from another store, in the archive {sha256}"),
        }
    }
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
