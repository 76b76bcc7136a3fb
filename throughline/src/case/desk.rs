//! Where cases are worked on: the store, who works, and by which clock.

use std::io::ErrorKind;
use std::path::PathBuf;

use ::case::told::Done;
use ::case::{Asked, Case, Deed, Draft, Entry, EvidenceFile, Folder, Purpose, Sqlite, Store as _, Wanted};
use jiff::Timestamp;
use report::Report;

use crate::cli::case::{Named, Store};
use crate::cli::{Clocks, Follow, Output, Which};
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{follow, times};

/// The store, who works on it, and by which clock.
pub struct Desk {
    /// The folder of the store.
    pub root: PathBuf,
    /// The cases.
    pub store: Sqlite,
    /// Who works.
    pub who: String,
    /// What this command is called; see [`Draft::key`].
    pub key: Option<String>,
    clocks: Clocks,
}

/// A case that is being worked on.
pub struct Worked {
    /// What it is.
    pub case: Case,
    /// Its journal.
    pub journal: Vec<Entry>,
    /// Its evidence.
    pub folder: Folder,
}

impl Desk {
    /// Opens the store that the options name.
    ///
    /// # Errors
    /// [`Failure`] if there is none, or if it cannot be opened.
    pub fn open(options: &Store, clocks: &Clocks) -> Result<Desk, Failure> {
        Desk::at(there(options)?, options, clocks)
    }

    /// Opens the store that the options name, or makes it.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be opened or made.
    pub fn open_or_make(options: &Store, clocks: &Clocks) -> Result<Desk, Failure> {
        let root = root(options)?;
        ::case::private_folder(&root).map_err(|error| Failure::Usage {
            what: root.display().to_string(),
            expected: "the folder of the cases".to_owned(),
            found: error.to_string(),
            hint: "Name another with --store or THROUGHLINE_STORE".to_owned(),
        })?;
        Desk::at(root, options, clocks)
    }

    fn at(root: PathBuf, options: &Store, clocks: &Clocks) -> Result<Desk, Failure> {
        let store = Sqlite::open(&root.join(DATABASE))?;
        Ok(Desk { root, store, who: who(options)?, key: options.key.clone(), clocks: clocks.clone() })
    }

    /// Now: `--now`, else the machine's clock, for the journal says when somebody did something.
    pub fn now(&self) -> Timestamp {
        times::now(&self.clocks).unwrap_or_else(Timestamp::now)
    }

    /// An entry as this person makes it now.
    pub fn draft(&self, deed: Deed) -> Draft {
        Draft { at: self.now(), who: self.who.clone(), key: self.key.clone(), deed }
    }

    /// The one case that a name means.
    ///
    /// # Errors
    /// [`Failure`] if there is none, or several.
    pub fn case(&self, name: &str) -> Result<Worked, Failure> {
        let mut found = self.store.named(name)?;
        if found.is_empty() {
            // A ticket's number may have a slash of its own, so the whole name goes first.
            if let Some((client, ticket)) = name.split_once('/') {
                found = self.of_client(client, ticket)?;
            }
        }
        self.the_one(name, found)
    }

    /// The one case that a command line means.
    ///
    /// # Errors
    /// [`Failure`] if there is none, or several.
    pub fn named(&self, named: &Named) -> Result<Worked, Failure> {
        self.of(named.client.as_deref(), &named.case)
    }

    /// The one case that a name means, of a client if one is named.
    ///
    /// # Errors
    /// [`Failure`] if there is none, or several.
    pub fn of(&self, client: Option<&str>, name: &str) -> Result<Worked, Failure> {
        match client {
            Some(client) => self.the_one(name, self.of_client(client, name)?),
            None => self.case(name),
        }
    }

    /// The cases of one client that a name may mean.
    fn of_client(&self, client: &str, name: &str) -> Result<Vec<Case>, Failure> {
        let is_theirs = |case: &Case| case.about.client.trim().to_lowercase() == client.trim().to_lowercase();
        let mut found = self.store.named(name)?;
        found.retain(is_theirs);
        if found.is_empty() {
            // The number of another client's case may be that of this client's ticket.
            found = self.store.list(&Wanted { ticket: Some(name.trim().to_owned()), ..Wanted::default() })?;
            found.retain(is_theirs);
        }
        Ok(found)
    }

    fn the_one(&self, name: &str, mut found: Vec<Case>) -> Result<Worked, Failure> {
        let case = match found.len() {
            0 => return Err(Failure::Store(::case::StoreError::NoSuchCase(name.escape_debug().to_string()))),
            1 => found.remove(0),
            _ => {
                let whose = |case: &Case| match case.about.client.trim() {
                    "" => format!("#{}", case.number),
                    client => format!("#{} ({})", case.number, client.escape_debug()),
                };
                let all: Vec<String> = found.iter().take(MAX_NAMED).map(whose).collect();
                return Err(Failure::Usage {
                    what: "CASE".to_owned(),
                    expected: "one case".to_owned(),
                    found: format!("`{}`, which may be any of {}", name.escape_debug(), all.join(", ")),
                    hint: "Give its number, with the #, or the client with --client or as CLIENT/NUMBER".to_owned(),
                });
            }
        };
        self.worked(case)
    }

    /// A case with its journal and evidence.
    ///
    /// # Errors
    /// [`Failure`] if they cannot be read.
    pub fn worked(&self, case: Case) -> Result<Worked, Failure> {
        let folder = Folder::of(&self.root, &case.uid);
        folder.settle(|| self.store.journal(&case.uid))?;
        let journal = self.store.journal(&case.uid)?;
        Ok(Worked { case, journal, folder })
    }

    /// Adds to the journal of a case.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be written.
    pub fn append(&mut self, worked: &mut Worked, drafts: Vec<Draft>) -> Result<(), Failure> {
        worked.case = self.store.append(&worked.case.uid, drafts)?;
        worked.journal = self.store.journal(&worked.case.uid)?;
        Ok(())
    }

    /// The options by which the case's message is followed: what was asked when it was opened. What the evidence shows is judged as of
    /// the newest record in it: the same on every day on which somebody looks, whatever `--now` says for the journal. A change is judged as
    /// of now.
    pub fn follow(&self, case: &Case, output: &Output) -> Follow {
        let Asked { message_id, sender, recipient, at, subject, trust, tz } = case.asked.clone();
        let tz = tz.filter(|_| self.clocks.tz == "UTC").unwrap_or_else(|| self.clocks.tz.clone());
        Follow {
            paths: Vec::new(),
            message_id,
            sender,
            recipient,
            at,
            subject,
            trust,
            hash_all: false,
            limit: 200,
            clocks: Clocks { tz, now: None, opened: Some(case.opened_at), judged_at: Some(self.now()) },
            output: output.clone(),
        }
    }

    /// The clocks by which it is judged what is so by now: what `--now` says, as well.
    pub fn today(&self, followed: &Follow) -> Clocks {
        Clocks { now: self.clocks.now.clone(), opened: None, ..followed.clocks.clone() }
    }

    /// What the evidence of the case shows; `None` if it has none yet.
    ///
    /// # Errors
    /// [`Failure`] if no message is singled out, or nothing can be read.
    pub fn report(&self, worked: &Worked, output: &Output) -> Result<Option<Report>, Failure> {
        let supply = worked.supply(&[Purpose::Ticket]);
        if supply.inputs().is_empty() {
            return Ok(None);
        }
        let (report, _) = follow::report(&self.follow(&worked.case, output), &supply)?;
        Ok(Some(report))
    }
}

impl Worked {
    /// The folders of the evidence that is for a purpose, such as `001/`.
    pub fn batches(&self, purpose: Purpose) -> Vec<String> {
        let of_purpose = |entry: &Entry| match &entry.deed {
            Deed::EvidenceAdded { batch, purpose: own, .. } if *own == purpose => Some(format!("{batch}/")),
            _ => None,
        };
        self.journal.iter().filter_map(of_purpose).collect()
    }

    /// The evidence of the case that is for one of these purposes, named as its cites name it; what was altered since it was added is refused.
    pub fn supply(&self, purposes: &[Purpose]) -> Supply {
        let evidence = self.folder.evidence();
        let mut added: Vec<(PathBuf, &EvidenceFile)> = Vec::new();
        for entry in &self.journal {
            if let Deed::EvidenceAdded { purpose, files, .. } = &entry.deed
                && purposes.contains(purpose)
            {
                added.extend(files.iter().map(|file| (evidence.join(&file.name), file)));
            }
        }
        if added.is_empty() {
            return Supply::open(&[]);
        }
        let wanted: Vec<String> = purposes.iter().flat_map(|purpose| self.batches(*purpose)).collect();
        let is_wanted = |name: &str| wanted.iter().any(|batch| name.starts_with(batch));
        Supply::open(&[evidence]).keeping(is_wanted).unaltered(&added)
    }
}

/// The entries that a journal has behind the first `before` ones.
pub fn entries_since(worked: &Worked, before: u64) -> Vec<u64> {
    worked.journal.iter().map(|entry| entry.seq).filter(|seq| *seq > before).collect()
}

/// What a command did, by the entries that are new.
pub fn done_since(worked: &Worked, before: u64, said: String) -> Done {
    let entries = entries_since(worked, before);
    let known = "Nothing was added: the journal has an entry of this key".to_owned();
    Done { said: if entries.is_empty() { known } else { said }, entries, warnings: Vec::new() }
}

/// How many cases are named that a name may mean.
const MAX_NAMED: usize = 10;

/// What the options say about the message.
pub fn asked(which: &Which, clocks: &Clocks) -> Asked {
    let Which { message_id, sender, recipient, at, subject, trust } = which.clone();
    let tz = (clocks.tz != "UTC").then(|| clocks.tz.clone());
    Asked { message_id, sender, recipient, at, subject, trust, tz }
}

/// The file of the cases in the folder of a store.
const DATABASE: &str = "throughline.sqlite3";

/// The folder of the cases, which has to be there: a mistyped name is no store in which all is well.
///
/// # Errors
/// [`Failure::Usage`] if it is no store.
pub fn there(options: &Store) -> Result<PathBuf, Failure> {
    let root = root(options)?;
    let found = match root.join(DATABASE).symlink_metadata() {
        Ok(_) => return Ok(root),
        Err(error) if error.kind() != ErrorKind::NotFound => error.to_string(),
        Err(_) if root.is_dir() => "a folder without one".to_owned(),
        Err(_) if root.symlink_metadata().is_ok() => "something that is no folder".to_owned(),
        Err(_) => "no such folder".to_owned(),
    };
    Err(Failure::Usage {
        what: root.display().to_string(),
        expected: "a store of cases".to_owned(),
        found,
        hint: "`throughline case new` makes one; --store or THROUGHLINE_STORE names another".to_owned(),
    })
}

/// The folder of the cases.
fn root(options: &Store) -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = || {
        set("XDG_DATA_HOME").or_else(|| set("LOCALAPPDATA")).or_else(|| Some(set("HOME")?.join(".local").join("share")))
    };
    let named = options.store.clone().or_else(|| set("THROUGHLINE_STORE"));
    named.or_else(|| Some(data()?.join("throughline"))).ok_or_else(|| Failure::Usage {
        what: "--store".to_owned(),
        expected: "a folder for the cases".to_owned(),
        found: "none, and no home folder".to_owned(),
        hint: "Name one with --store or THROUGHLINE_STORE".to_owned(),
    })
}

/// Who works.
///
/// # Errors
/// [`Failure::Usage`] if that is empty.
fn who(options: &Store) -> Result<String, Failure> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let named = options.who.clone().or_else(|| set("THROUGHLINE_USER")).or_else(|| set("USER"));
    let named = named.or_else(|| set("USERNAME")).or_else(account).unwrap_or_else(|| "unknown".to_owned());
    match named.trim() {
        "" => Err(Failure::Usage {
            what: "--as".to_owned(),
            expected: "who does this, for the journal".to_owned(),
            found: "nobody".to_owned(),
            hint: "Name yourself with --as or THROUGHLINE_USER".to_owned(),
        }),
        named => Ok(named.to_owned()),
    }
}

/// The account that this process runs under, where the system says so in a file: a unit or a job has no USER.
fn account() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.to_owned();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of_uid = |line: &&str| line.split(':').nth(2) == Some(&*uid);
    let name = accounts.lines().find(of_uid).and_then(|line| line.split(':').next()).map(str::to_owned);
    name.or(Some(format!("uid {uid}")))
}
