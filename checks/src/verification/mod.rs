//! Whether a change held: four checks on what came after it, each held, came back, or cannot tell.
//!
//! `held` needs a record that says so: a later message in the inbox, logs that cover its moment, a refresh that it outlived, exports or an
//! audit log over the time in which something else could have come in. Where a record is missing, the check cannot tell and says
//! which export would. Nothing here reads files or a clock.

mod change;
mod clean_log;
mod message;
mod not_made;
mod nothing_else;
mod over;
mod policy_refresh;
mod refresh;
mod workflow;

use std::collections::BTreeSet;

use evidence::{Address, Cite, SourceId};
use exceptions::Approval;
use jiff::{SignedDuration, Timestamp};
use lake::Ledger;

pub use change::{Change, Guard};
pub use message::{CopyFared, Lies, Log, Message, Stop};
pub use refresh::Refresh;
pub use workflow::{Counts, Later};

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Records show that it did.
    Held,
    /// The evidence shows neither.
    CannotTell,
    /// Records show that it did not.
    CameBack,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// `workflow`, `clean_log`, `policy_refresh` or `nothing_else`.
    pub id: &'static str,
    /// What it found.
    pub answer: Answer,
    /// That in a sentence or two.
    pub statement: String,
    /// The records; empty only if it cannot tell, or if what the journal records of a change is what failed.
    pub cites: Vec<Cite>,
    /// Exports that would tell.
    pub ask_for: Vec<SourceId>,
}

impl Check {
    fn new(id: &'static str, answer: Answer, statement: String, cites: Vec<Cite>) -> Check {
        let mut once: Vec<Cite> = Vec::new();
        for cite in cites {
            if !once.iter().any(|known| known.order() == cite.order()) {
                once.push(cite);
            }
        }
        // What may not happen cannot be written: an answer without a record is none.
        let answer = if once.is_empty() { Answer::CannotTell } else { answer };
        Check { id, answer, statement, cites: once, ask_for: Vec::new() }
    }

    fn held(id: &'static str, statement: String, cites: Vec<Cite>) -> Check {
        Check::new(id, Answer::Held, statement, cites)
    }

    fn came_back(id: &'static str, statement: String, cites: Vec<Cite>) -> Check {
        Check::new(id, Answer::CameBack, statement, cites)
    }

    /// It did not, and the journal says so: of that the evidence need not have a record.
    fn came_back_by_journal(id: &'static str, statement: String, cites: Vec<Cite>) -> Check {
        Check { answer: Answer::CameBack, ..Check::new(id, Answer::CameBack, statement, cites) }
    }

    fn cannot_tell(id: &'static str, statement: String, ask_for: Vec<SourceId>) -> Check {
        let mut check = Check::new(id, Answer::CannotTell, statement, Vec::new());
        for source in ask_for {
            if !check.ask_for.contains(&source) {
                check.ask_for.push(source);
            }
        }
        check
    }

    fn citing(mut self, cites: Vec<Cite>) -> Check {
        self.cites = cites;
        self
    }
}

/// All that is looked at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The messages of the ticket, as they fared before the change.
    pub originals: &'a [Message],
    /// Whom the case is about: the sender's addresses.
    pub senders: &'a BTreeSet<Address>,
    /// For whom it is to work.
    pub recipients: &'a BTreeSet<Address>,
    /// Every other message of the same sender to the same recipients in the evidence.
    pub others: &'a [Message],
    /// How many further ones there are that were not followed, all of them earlier.
    pub not_followed: usize,
    /// The changes that the journal records, by time.
    pub recorded: &'a [Change],
    /// Every row of every file.
    pub ledger: &'a Ledger<'a>,
    /// Whether a file was added to show what is so after the change.
    pub is_after: &'a dyn Fn(&str) -> bool,
    /// What was approved.
    pub approvals: &'a [Approval],
    /// SHA-256 of the samples in the evidence.
    pub samples_sha256: &'a [String],
    /// The instant that the user calls now, else the newest that the evidence states.
    pub now: Option<Timestamp>,
    /// The last look at which it held; `None` if it was not looked at, or did not hold then.
    pub looked: Option<Looked>,
    /// Whether a file was added after that look.
    pub is_since: &'a dyn Fn(&str) -> bool,
    /// What of the evidence of the time after the change could not be read at all, a sentence each.
    pub unread: &'a [String],
}

/// An earlier look at which it held.
#[derive(Clone, Copy, Debug)]
pub struct Looked {
    /// When.
    pub at: Timestamp,
    /// Whether the next look is due: then only what came since counts, as what was seen then shows nothing of the time since.
    pub is_due: bool,
}

impl Scene<'_> {
    /// The earlier look after which records have to show that it holds still.
    fn due(&self) -> Option<Looked> {
        self.looked.filter(|looked| looked.is_due)
    }

    /// From when on messages count, if not from the change on; to be put behind what was looked for.
    fn since_when(&self) -> String {
        let since = |looked: Looked| format!(" that came after {}, when it was looked at and held", shown(looked.at));
        self.due().map(since).unwrap_or_default()
    }

    /// Those of the later messages on which a check may rest now.
    fn counted(&self, later: &[Later]) -> Vec<Later> {
        let is_counted = |one: &&Later| !one.is_good() || self.due().is_none_or(|looked| one.at > looked.at);
        later.iter().filter(is_counted).cloned().collect()
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Over all checks.
    pub answer: Answer,
    /// The four checks.
    pub checks: Vec<Check>,
    /// The changes that were judged; empty if none is known.
    pub changes: Vec<Change>,
    /// Every later message, by time, with what it counts for.
    pub later: Vec<Later>,
    /// What renewed policies after the change.
    pub refreshes: Vec<Refresh>,
}

/// The checks, in the order in which they are told.
pub const CHECKS: [&str; 4] = ["workflow", "clean_log", "policy_refresh", "nothing_else"];

/// Judges whether a change held.
pub fn verify(scene: &Scene<'_>) -> Verified {
    let changes = change::all(scene);
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return nothing_changed() };
    // What the evidence of the ticket shows of the time after the change is no message of the ticket.
    let originals: Vec<Message> =
        scene.originals.iter().filter(|one| one.at.is_none_or(|at| at < first.made_at)).cloned().collect();
    let scene = &Scene { originals: &originals, ..*scene };
    let acts_at = changes.iter().map(Change::acts_at).max().unwrap_or(last.made_at);
    let later = workflow::later(scene, &changes, acts_at);
    let counted = scene.counted(&later);
    let workflow = workflow::check(scene, &counted);
    let clean_log = whole(scene, first.made_at, clean_log::check(scene, &counted));
    let refreshes = refresh::all(scene, &changes, acts_at);
    let exports = nothing_else::Exports::of(scene, &changes);
    let policy_refresh = policy_refresh::check(scene, &counted, &refreshes, &changes, &exports);
    let nothing_else = nothing_else::check(scene, &changes, &later, exports);
    let nothing_else = whole(scene, first.made_at, since(scene, nothing_else));
    let checks = vec![workflow, clean_log, policy_refresh, nothing_else];
    let answer = checks.iter().map(|check| check.answer).max().unwrap_or(Answer::CannotTell);
    Verified { answer, checks, changes, later, refreshes }
}

/// A check that rests on what exports do not say, with what could not be read of them: it may be just that. `made_at` is when the first
/// change was made; what was lost of an export of the time before it does not matter.
fn whole(scene: &Scene<'_>, made_at: Timestamp, check: Check) -> Check {
    if check.answer != Answer::Held {
        return check;
    }
    if let Some(unread) = scene.unread.first() {
        return Check::cannot_tell(check.id, format!("{}; but {unread}", check.statement), Vec::new())
            .citing(check.cites);
    }
    let kinds = kinds(scene, &check);
    let is_after =
        |file: &lake::Supplied| (scene.is_after)(&file.file) || file.coverage.to.is_none_or(|newest| newest >= made_at);
    let mut supplied = scene.ledger.around().supplied().iter();
    let torn = supplied.find_map(|file| {
        let kind = file.source.filter(|kind| kinds.contains(kind) && is_after(file))?;
        Some((kind, file.problems.first()?))
    });
    let Some((kind, problem)) = torn else { return check };
    let title = sources::source(kind).map_or(kind, |source| source.title());
    let told = format!(
        "{}; but a row of {title} could not be read: the export is cut or broken, and what is lost may be just that",
        check.statement
    );
    Check::cannot_tell(check.id, told, vec![kind]).citing(vec![problem.cite.clone()])
}

/// A check of settings at a look that is due: it has to rest on an export from after the look before.
fn since(scene: &Scene<'_>, check: Check) -> Check {
    let Some(looked) = scene.due().filter(|_| check.answer == Answer::Held) else { return check };
    let kinds = kinds(scene, &check);
    let mut supplied = scene.ledger.around().supplied().iter();
    let is_new = |file: &lake::Supplied| {
        file.source.is_some_and(|kind| kinds.contains(kind)) && file.rows > 0 && (scene.is_since)(&file.file)
    };
    if supplied.any(is_new) {
        return check;
    }
    let told = format!(
        "it held when it was looked at {} ({}); no such export was added since then",
        shown(looked.at),
        check.statement
    );
    Check::cannot_tell(check.id, told, kinds.into_iter().collect()).citing(check.cites)
}

/// The kinds of the files that a check cites.
fn kinds(scene: &Scene<'_>, check: &Check) -> BTreeSet<SourceId> {
    let is_cited = |file: &&lake::Supplied| check.cites.iter().any(|cite| cite.file == file.file);
    scene.ledger.around().supplied().iter().filter(is_cited).filter_map(|file| file.source).collect()
}

/// Without a change there is no after.
fn nothing_changed() -> Verified {
    let told = "no change is recorded, and no record of the evidence shows one that names this mail: \
                without it nothing is after it. Record what was changed and when, or add the audit log";
    let asked = vec!["exchange-online/audit-log", "mimecast/audit-events"];
    let check = |id| Check::cannot_tell(id, told.to_owned(), asked.clone());
    Verified {
        answer: Answer::CannotTell,
        checks: CHECKS.into_iter().map(check).collect(),
        changes: Vec::new(),
        later: Vec::new(),
        refreshes: Vec::new(),
    }
}

/// When to look again: a while after it held, sooner if it cannot be told, and before an exception ends; not at all if it came back.
pub fn due(answer: Answer, ends: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let days = match answer {
        Answer::Held => HELD_DAYS,
        Answer::CannotTell => OPEN_DAYS,
        Answer::CameBack => return None,
    };
    let after = |days: i64| now.checked_add(SignedDuration::from_hours(24 * days)).ok();
    let before_end = ends.filter(|ends| *ends > now).map(|ends| {
        let day_before = ends.checked_sub(SignedDuration::from_hours(24)).unwrap_or(ends);
        if day_before > now { day_before } else { ends }
    });
    [after(days), before_end].into_iter().flatten().min()
}

/// What held is looked at again after a week: by then most policies were pushed and synced anew.
const HELD_DAYS: i64 = 7;
/// What cannot be told yet is looked at the next day, after the refreshes of a night.
const OPEN_DAYS: i64 = 1;

/// An instant to the second, as statements write it.
fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_look_is_due() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let now = at("2026-11-20T08:00:00Z");
        for (name, answer, ends, expected) in [
            ("held", Answer::Held, None, Some("2026-11-27T08:00:00Z")),
            ("open", Answer::CannotTell, None, Some("2026-11-21T08:00:00Z")),
            ("came back", Answer::CameBack, None, None),
            ("ends in three days", Answer::Held, Some("2026-11-23T00:00:00Z"), Some("2026-11-22T00:00:00Z")),
            ("ends tonight", Answer::Held, Some("2026-11-20T23:00:00Z"), Some("2026-11-20T23:00:00Z")),
            ("ended", Answer::Held, Some("2026-11-01T00:00:00Z"), Some("2026-11-27T08:00:00Z")),
            ("ends late", Answer::Held, Some("2027-11-01T00:00:00Z"), Some("2026-11-27T08:00:00Z")),
        ] {
            assert_eq!(due(answer, ends.map(at), now), expected.map(at), "{name}");
        }
    }
}
