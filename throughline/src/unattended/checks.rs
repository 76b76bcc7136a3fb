//! The checks of a client: its runbooks, its cases with an open change, and the changes that the evidence shows.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use ::case::runbook::{Fired, Ran, Shelf, Signalled};
use ::case::{Answer, Case, Deed, Draft, Entry, Purpose, Status, Store as _, Verification, Wanted};
use evidence::{Done, Fact};
use jiff::Timestamp;
use lake::Ledger;
use report::Cite;
use sha2::{Digest, Sha256};
use sources::Input;
use watch::Kind;
use watch::config::Client;
use watch::world::{Asked, Change, Checked, Checks, Event, Lasting, Look, Settled, Told};

use crate::case::desk::{Desk, Worked};
use crate::case::evidence::take;
use crate::cli::{Clocks, Output};
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{runbook, survey, times, verify};

/// The checks of one client.
pub struct OfClient {
    desk: Desk,
    client: String,
    folder: PathBuf,
    clocks: Clocks,
    output: Output,
}

/// The settled files by name.
struct ByName<'a>(HashMap<&'a str, &'a Settled>);

impl<'a> ByName<'a> {
    fn of(files: &'a [Settled]) -> ByName<'a> {
        ByName(files.iter().map(|file| (file.name.as_str(), file)).collect())
    }

    /// The file of a name, or the archive that holds it: `exports.zip` for `exports.zip/trace.csv`.
    fn holding(&self, name: &str) -> Option<&'a Settled> {
        let archives = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
        std::iter::once(name).chain(archives).find_map(|name| self.0.get(name).copied())
    }
}

/// Who makes entries of journals without anybody sitting there.
const WHO: &str = "throughline watch";
/// The key of such an entry begins so.
const KEY: &str = "watch:";
/// Instants of records may be so far ahead of the clock of the machine.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

impl OfClient {
    /// The checks of a client, whose cases and runbooks are at `desk`.
    pub fn new(desk: Desk, client: &Client, output: Output) -> OfClient {
        let tz = client.tz.clone().unwrap_or_else(|| "UTC".to_owned());
        OfClient {
            desk,
            client: client.name.trim().to_owned(),
            folder: client.folder.clone(),
            clocks: Clocks { tz, now: None, opened: None, judged_at: None },
            output,
        }
    }

    /// Whether the store has a case or a runbook of the client: without one, changes alone are looked at, and a mistyped name goes unnoticed.
    ///
    /// # Errors
    /// [`Failure`] if store or runbooks cannot be read.
    pub fn is_known(&self) -> Result<bool, Failure> {
        let wanted = Wanted { client: Some(self.client.clone()), limit: Some(1), ..Wanted::default() };
        let has_case = !self.desk.store.list(&wanted)?.is_empty();
        Ok(has_case || !runbook::listed(&Shelf::of(&self.desk.root), Some(&self.client))?.runbooks.is_empty())
    }

    fn checked(&mut self, asked: &Asked<'_>) -> Result<Checked, Failure> {
        let mut checked = Checked::default();
        if !asked.files.is_empty() {
            let supply = self.supply(asked.files);
            self.evidence(&supply, asked, &mut checked)?;
            self.runbooks(&supply, &mut checked)?;
        }
        for case in self.open_cases()? {
            self.verified(case, asked, &mut checked)?;
        }
        Ok(checked)
    }

    /// The files of the folder that nobody writes to any more, and what is packed into them.
    fn supply(&self, files: &[Settled]) -> Supply {
        let files = ByName::of(files);
        Supply::open(std::slice::from_ref(&self.folder)).keeping(|name| files.holding(name).is_some())
    }

    /// What the evidence shows by itself: changes, until when there is mail in it, and what of it nobody reads.
    fn evidence(&self, supply: &Supply, asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Failure> {
        let clock = times::clock(&self.clocks, None)?;
        let inputs: Vec<Input<'_>> = supply.inputs();
        let ledger = survey::read(&inputs, &clock)?;
        let until = ledger.lines().iter().filter_map(|line| line.at).filter(|at| *at <= asked.at + AHEAD).max();
        checked.shown_until = until;
        checked.changes = changes(&ledger);
        let files = ByName::of(asked.files);
        // What is packed into a file has its hash, and a name within it.
        let hash_of = |name: &str| match files.holding(name) {
            Some(file) => format!("{}{}", file.sha256, name.get(file.name.len()..).unwrap_or_default()),
            None => name.to_owned(),
        };
        let faults =
            ledger.around().supplied().iter().filter_map(|file| Some((file.file.to_string(), file.error.as_ref()?)));
        let faults = faults.map(|(file, error)| (file, error.to_string()));
        let refused = supply.refused().map(|file| (file.file, file.error.unwrap_or_default()));
        checked.events.extend(faults.chain(refused).map(|(file, fault)| unread(&hash_of(&file), &file, &fault)));
        Ok(())
    }

    fn runbooks(&self, supply: &Supply, checked: &mut Checked) -> Result<(), Failure> {
        match runbook::run_all(&self.desk.root, &self.client, supply, &self.clocks) {
            Ok(ran) => ran.iter().for_each(|ran| signalled(ran, checked)),
            // That is told file by file.
            Err(Failure::NothingReadable(_)) => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    /// The cases of the client with a change that is not done with.
    fn open_cases(&self) -> Result<Vec<Case>, Failure> {
        let wanted = Wanted { client: Some(self.client.clone()), ..Wanted::default() };
        let mut cases = self.desk.store.list(&wanted)?;
        cases.retain(|case| case.status == Status::Changed || (case.due.is_some() && case.status != Status::Closed));
        Ok(cases)
    }

    /// Judges the change of a case by what arrived since it was made, journals the answer, and tells it.
    fn verified(&mut self, case: Case, asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Failure> {
        let look = case.due.filter(|due| *due <= asked.at);
        let mut worked = self.desk.worked(case)?;
        let Some((made_at, change)) = changed(&worked.journal) else { return Ok(()) };
        let fresh = fresh(&worked.journal, asked.files, made_at);
        if !fresh.is_empty() {
            let paths: Vec<PathBuf> = fresh.iter().map(|file| self.folder.join(&file.name)).collect();
            take(&mut self.desk, &mut worked, &paths, Purpose::Verification, &self.output)?;
        }
        if is_to_judge(&worked.journal) {
            self.judge(&mut worked, look.is_some(), asked.at)?;
        } else if let Some(due) = look {
            checked.events.push(no_evidence(&worked.case, due));
        }
        checked.events.extend(told(&worked, &change, look));
        Ok(())
    }

    fn judge(&mut self, worked: &mut Worked, is_due: bool, at: Timestamp) -> Result<(), Failure> {
        let supply = worked.supply(&[Purpose::Ticket, Purpose::Verification]);
        let document = verify::look(&self.desk, worked, &supply, &[], &self.output)?;
        // What cannot be told yet does not put the planned look off.
        let keeps = !is_due && document.answer == Answer::CannotTell;
        let due = if keeps { worked.case.due.or(document.due) } else { document.due };
        let draft = Draft {
            at,
            who: WHO.to_owned(),
            key: Some(format!("{KEY}{}", worked.case.head)),
            deed: Deed::Verified { verification: document.verification(), due },
        };
        self.desk.append(worked, vec![draft])
    }
}

impl Checks for OfClient {
    fn looks(&mut self, _: &str) -> Result<Vec<Look>, String> {
        let cases = self.open_cases().map_err(|failure| failure.to_string())?;
        Ok(cases.iter().filter_map(|case| Some(look_at(case, case.due?))).collect())
    }

    fn run(&mut self, asked: &Asked<'_>) -> Result<Checked, String> {
        // Nobody is there to start it again, so a fault in a check is told like any other.
        let done = catch_unwind(AssertUnwindSafe(|| self.checked(asked)));
        match done {
            Ok(done) => done.map_err(|failure| failure.to_string()),
            Err(_) => Err("an internal fault of a check; please report it".to_owned()),
        }
    }
}

fn look_at(case: &Case, due: Timestamp) -> Look {
    Look { key: format!("{}@{due}", case.uid), due }
}

/// The newest change of a case: when it was made, and the hash of its entry.
fn changed(journal: &[Entry]) -> Option<(Timestamp, String)> {
    journal.iter().rev().find_map(|entry| match &entry.deed {
        Deed::ChangeMade { made_at, .. } => Some((*made_at, entry.hash.clone())),
        _ => None,
    })
}

/// Files that were written after a change, and that the case does not have.
fn fresh<'a>(journal: &'a [Entry], files: &'a [Settled], made_at: Timestamp) -> Vec<&'a Settled> {
    let of = |entry: &'a Entry| match &entry.deed {
        Deed::EvidenceAdded { files, .. } => files.as_slice(),
        _ => &[],
    };
    let known: HashSet<&str> = journal.iter().flat_map(of).map(|file| file.sha256.as_str()).collect();
    let is_fresh = |file: &&Settled| file.changed_at >= made_at && !known.contains(file.sha256.as_str());
    files.iter().filter(is_fresh).collect()
}

/// Whether evidence of the time after the change was added since it was judged last.
fn is_to_judge(journal: &[Entry]) -> bool {
    let newest = journal.iter().rev().find(|entry| match &entry.deed {
        Deed::EvidenceAdded { purpose, .. } => *purpose == Purpose::Verification,
        Deed::Verified { .. } | Deed::ChangeMade { .. } => true,
        _ => false,
    });
    newest.is_some_and(|entry| matches!(entry.deed, Deed::EvidenceAdded { .. }))
}

/// What the watcher found out about the newest change of a case, as its journal has it: so it is told after a kill too.
fn told(worked: &Worked, change: &str, look: Option<Timestamp>) -> Option<Event> {
    let since = worked.journal.iter().position(|entry| entry.hash == change)?;
    let judged = worked.journal.iter().skip(since).rev().find_map(|entry| match &entry.deed {
        Deed::Verified { verification, due } if entry.key.as_deref().is_some_and(|key| key.starts_with(KEY)) => {
            Some((due, verification))
        }
        _ => None,
    });
    let (due, verification) = judged?;
    let uid = &worked.case.uid;
    let (kind, title, key) = match verification.answer {
        Answer::CameBack => (Kind::CameBack, "A change did not hold", format!("verify/{uid}/{change}/came_back")),
        // What shows nothing new leaves the next look where it was, and is not told again.
        Answer::Held => {
            let next = due.map(|due| due.to_string()).unwrap_or_default();
            (Kind::Held, "A change held", format!("verify/{uid}/{change}/held/{next}"))
        }
        // Told when a look is due; until then more evidence may come.
        Answer::CannotTell => {
            let due = look?;
            (Kind::CannotTell, "Whether a change held cannot be told", format!("verify/{uid}/look/{due}"))
        }
    };
    let told = Told { case: Some(worked.case.number), ..of_answer(kind, title, verification) };
    Some(once(format!("case/{uid}"), key, told))
}

/// The checks that gave the answer, with their records.
fn of_answer(kind: Kind, title: &str, verification: &Verification) -> Told {
    let decisive = verification.checks.iter().filter(|check| check.answer == verification.answer);
    let statements: Vec<String> = decisive.clone().map(|check| check.statement.clone()).collect();
    let mut ask_for: Vec<String> = decisive.clone().flat_map(|check| check.ask_for.clone()).collect();
    ask_for.sort();
    ask_for.dedup();
    Told {
        cites: decisive.flat_map(|check| check.cites.clone()).collect(),
        ask_for,
        ..Told::of(kind, title, statements.join(" "))
    }
}

/// A look was due, and nothing came that could answer it.
fn no_evidence(case: &Case, due: Timestamp) -> Event {
    let statement = format!(
        "The change was to be looked at again at {due}, and no export came since it was looked at last. \
         That it held before says nothing about the time since."
    );
    let told = Told {
        case: Some(case.number),
        ask_for: vec!["exchange-online/message-trace".to_owned()],
        ..Told::of(Kind::CannotTell, "A second look found no evidence", statement)
    };
    once(format!("case/{}", case.uid), format!("verify/{}/look/{due}", case.uid), told)
}

/// What a runbook said.
fn signalled(ran: &Ran, checked: &mut Checked) {
    let blind = format!("{}#cannot-tell", ran.runbook);
    let told = |kind: Kind, statement: &str| Told {
        owner: Some(ran.owner.clone()).filter(|owner| !owner.is_empty()),
        runbook: Some(ran.runbook.clone()),
        ask_for: ran.ask_for.clone(),
        ..Told::of(kind, ran.title.clone(), statement)
    };
    if ran.answer == Signalled::CannotTell {
        let (source, key) = (blind.clone(), blind);
        let told = told(Kind::CannotTell, &ran.statement);
        checked.events.push(Event { source, key, also: Vec::new(), lasting: Lasting::UntilQuiet, told });
        return;
    }
    checked.quiet.push(blind);
    if ran.answer == Signalled::Quiet {
        checked.quiet.push(ran.runbook.clone());
    }
    let named = |key: &String| format!("{}/{key}", ran.runbook);
    let event = |fired: &Fired| Event {
        source: ran.runbook.clone(),
        key: named(&fired.key),
        also: fired.also.iter().map(named).collect(),
        lasting: if fired.lasts { Lasting::UntilQuiet } else { Lasting::Once },
        told: Told { happened_at: fired.at, cites: fired.cites.clone(), ..told(Kind::Signal, &fired.statement) },
    };
    checked.events.extend(ran.events.iter().map(event));
}

/// A file that nobody reads: it is told once, whatever name it comes by.
fn unread(hash: &str, file: &str, fault: &str) -> Event {
    let statement = format!("What stands in `{file}` was not checked: {fault}.");
    once(
        "watch/evidence".to_owned(),
        format!("unread/{hash}"),
        Told::of(Kind::NotReadable, "An export is not read", statement),
    )
}

fn once(source: String, key: String, told: Told) -> Event {
    Event { source, key, also: Vec::new(), lasting: Lasting::Once, told }
}

/// Changes to what mail depends on, however many exports tell of one: the same operation on the same thing in the same second is one.
fn changes(ledger: &Ledger<'_>) -> Vec<Change> {
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    for entry in ledger.entries() {
        let Fact::Change(change) = &entry.observation.fact else { continue };
        let Some(when) = &entry.observation.when else { continue };
        if change.class.is_none() || change.done == Done::No {
            continue;
        }
        let object = change.object.clone().unwrap_or_default();
        let second = when.at.as_second().to_string();
        let mut hash = Sha256::new();
        for part in [&second, &change.operation.to_lowercase(), &object.to_lowercase()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let key: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if !known.insert(key.clone()) {
            continue;
        }
        let by = change.by.name.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let of = if object.is_empty() { String::new() } else { format!(" of `{object}`") };
        found.push(Change {
            key,
            made_at: when.at,
            said: format!("{}{of}{by}", change.operation),
            cites: vec![Cite::from(&entry.observation.cite)],
        });
    }
    found
}
