//! What the workbench asks of the program, answered by the functions of the commands.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ::case::escalation::{Shape, write};
use ::case::runbook::{Listed, Runbook, Shelf};
use ::case::told::{AddedEvidence, CaseDocument, Done};
use ::case::{About, Asked, Case, Deed, Purpose, Status, Store as _, StoreError, VerificationReport, Wanted};
use jiff::Timestamp;
use report::{Comparison, ExceptionCheck, ExceptionProposal, Finding, Report, Standing};
use web::{
    ChangeMade, EscalationAsked, Meant, Office, Others, Progress, Recognised, RecordPlace, RecordShown, Sides, Trouble,
    TroubleKind, Worked,
};

use super::record::{self, LookedInto};
use super::staging::Staging;
use crate::case::by_hand::{self, Closed};
use crate::case::change::{self, Given, Made};
use crate::case::desk::{self, Desk};
use crate::case::evidence;
use crate::case::look::{self, Look};
use crate::cli::case::Store;
use crate::cli::{Clocks, Compare, Follow, Format, Output, When};
use crate::failure::Failure;
use crate::several::{self, Meant as Which};
use crate::supply::Supply;
use crate::{compare, escalate, exception, follow, progress, runbook, symptoms, times, verify};

/// The program, as the workbench asks it.
pub struct Program {
    root: PathBuf,
    clocks: Clocks,
    staging: Staging,
    looked_into: LookedInto,
    turns: Mutex<HashMap<u64, Arc<Mutex<()>>>>,
}

impl Program {
    /// The program over the store in a folder.
    pub fn new(root: PathBuf, clocks: Clocks) -> Program {
        let staging = Staging::below(&root);
        Program { root, clocks, staging, looked_into: LookedInto::default(), turns: Mutex::default() }
    }

    /// Removes what uploads left that were broken off by the end of a program.
    pub fn tidy(&self) {
        self.staging.tidy();
    }

    /// The desk of a user. Each call opens its own: the database is made for several at once.
    fn desk(&self, who: &str) -> Result<Desk, Trouble> {
        let store = Store { store: Some(self.root.clone()), who: Some(who.to_owned()), key: None };
        Desk::open(&store, &self.clocks).map_err(trouble)
    }

    /// A desk at which nothing is written.
    fn reader(&self) -> Result<Desk, Trouble> {
        self.desk(READER)
    }

    /// A case on a desk.
    fn worked(&self, desk: &Desk, number: u64) -> Result<desk::Worked, Trouble> {
        let wanted = Wanted { number: Some(number), ..Wanted::default() };
        let case = desk.store.list(&wanted).map_err(Failure::from).map_err(trouble)?.into_iter().next();
        let gone = || Failure::Store(StoreError::NoSuchCase(number.to_string()));
        desk.worked(case.ok_or_else(gone).map_err(trouble)?).map_err(trouble)
    }

    /// Does something to a case in the name of a user.
    fn on<R>(
        &self,
        who: &str,
        number: u64,
        work: impl FnOnce(&mut Desk, &mut desk::Worked) -> Result<R, Failure>,
    ) -> Result<R, Trouble> {
        // What is looked at before something is done must be so still when it is done.
        let turn = self.turn(number);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut desk = self.desk(who)?;
        let mut worked = self.worked(&desk, number)?;
        work(&mut desk, &mut worked).map_err(trouble)
    }

    /// Whose turn it is on a case: one at a time. Number 0 is the opening of cases.
    fn turn(&self, number: u64) -> Arc<Mutex<()>> {
        Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default())
    }

    /// Looks at a case, and tells how far that is.
    fn look<R>(
        &self,
        number: u64,
        told: &Arc<Progress>,
        work: impl FnOnce(&Desk, &desk::Worked) -> Result<R, Failure>,
    ) -> Result<R, Trouble> {
        let desk = self.reader()?;
        let worked = self.worked(&desk, number)?;
        progress::told(told, || work(&desk, &worked)).map_err(trouble)
    }
}

/// How many runs and alerts are told at most.
const MAX_TOLD: usize = 50;
/// Who looks without doing anything.
const READER: &str = "workbench";

/// Documents are drawn by the pages: nothing is printed.
fn output() -> Output {
    Output { format: Format::Json, color: When::Never, width: None }
}

impl Office for Program {
    fn list(&self, wanted: &Wanted) -> Result<Vec<Case>, Trouble> {
        self.reader()?.store.list(wanted).map_err(Failure::from).map_err(trouble)
    }

    fn case(&self, number: u64) -> Result<Worked, Trouble> {
        let desk = self.reader()?;
        let desk::Worked { case, journal, .. } = self.worked(&desk, number)?;
        Ok(Worked { case, journal })
    }

    fn open_once(&self, who: &str, key: Option<String>, about: About, asked: Asked) -> Result<Case, Trouble> {
        are_short(&about, &asked)?;
        let turn = self.turn(0);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut desk = self.desk(who)?;
        is_usable(&self.clocks, &asked)?;
        let mut known = evidence::of_ticket(&desk, &about).map_err(trouble)?;
        if key.is_some() {
            // The one that this very call opened before is no other.
            let journals = known.iter().map(|case| desk.store.journal(&case.uid));
            let journals: Vec<_> = journals.collect::<Result<_, _>>().map_err(Failure::from).map_err(trouble)?;
            if journals.iter().filter_map(|journal| journal.first()).any(|opened| opened.key == key) {
                known.clear();
            }
        }
        if let Some(known) = known.first() {
            let (ticket, number) = (about.ticket.as_deref().unwrap_or_default(), known.number);
            let what = format!(
                "ticket: expected one of this client that no case has yet, found `{}`, which case {number} has already. \
                Add to case {number}, or give the ticket another number",
                ticket.escape_debug()
            );
            return Err(Trouble::new(TroubleKind::Conflict, what));
        }
        let (now, who) = (desk.now(), desk.who.clone());
        desk.store.open_once(now, &who, key, about, asked).map_err(Failure::from).map_err(trouble)
    }

    fn ask(&self, who: &str, number: u64, asked: Asked) -> Result<Done, Trouble> {
        are_short(&About::default(), &asked)?;
        is_usable(&self.clocks, &asked)?;
        self.on(who, number, |desk, worked| {
            if asked == worked.case.asked {
                return Ok(Done { said: "That is what was meant before".to_owned(), ..Done::default() });
            }
            let draft = desk.draft(Deed::Asked { asked });
            by_hand::append(desk, worked, draft, "Said anew which message is meant".to_owned())
        })
    }

    fn staging(&self) -> Result<PathBuf, Trouble> {
        self.staging.folder().map_err(|error| {
            let what = format!("{}: expected room for an upload, found {error}", self.root.display());
            Trouble::new(TroubleKind::Internal, what)
        })
    }

    fn recognise(&self, file: &Path, name: &str) -> Vec<Recognised> {
        let own = file.file_name().unwrap_or_default().to_string_lossy();
        // A member of an archive is named behind the archive.
        let told = |found: &str| format!("{name}{}", found.strip_prefix(&*own).unwrap_or_default());
        let supply = Supply::open(&[file.to_owned()]);
        let inputs = supply.inputs();
        let read = inputs.iter().map(|input| match sources::recognise(input.bytes, name) {
            Ok(kind) => Recognised { file: told(&input.name), kind: Some(kind.title().to_owned()), why: None },
            Err(error) => Recognised { file: told(&input.name), kind: None, why: Some(error.to_string()) },
        });
        let refused = supply.refused().map(|file| Recognised { file: told(&file.file), kind: None, why: file.error });
        read.chain(refused).collect()
    }

    fn add(&self, who: &str, number: u64, folder: &Path, purpose: Purpose) -> Result<AddedEvidence, Trouble> {
        self.on(who, number, |desk, worked| {
            evidence::taken(desk, worked, &[folder.to_owned()], purpose).map(evidence::told)
        })
    }

    fn answered(&self, who: &str, number: u64, report: Option<&Report>) -> Result<(), Trouble> {
        self.on(who, number, |desk, worked| evidence::answered(desk, worked, report))
    }

    fn document(
        &self,
        number: u64,
        report: Result<&Report, &Trouble>,
        compared: Option<&Comparison>,
    ) -> Result<CaseDocument, Trouble> {
        let desk = self.reader()?;
        let worked = self.worked(&desk, number)?;
        let look = match report {
            Ok(report) => Look::Followed(Box::new(report.clone()), compared.cloned().map(Box::new)),
            Err(_) if worked.supply(&[Purpose::Ticket]).inputs().is_empty() => Look::NoEvidence,
            Err(trouble) => Look::NotFollowed(trouble.what.clone()),
        };
        Ok(look::document(&worked, &look, None, None))
    }

    fn report(&self, number: u64, told: &Arc<Progress>) -> Result<Report, Trouble> {
        self.look(number, told, |desk, worked| {
            let report = desk.report(worked, &output())?.ok_or_else(|| Failure::NothingReadable(Vec::new()))?;
            if let Some(unclear) = one_to_choose(desk, worked, &report)? {
                return Err(unclear);
            }
            Ok(report)
        })
    }

    fn compare(&self, number: u64, sides: &Sides, told: &Arc<Progress>) -> Result<Comparison, Trouble> {
        self.look(number, told, |desk, worked| {
            let supply = worked.supply(&[Purpose::Ticket]);
            let followed = desk.follow(&worked.case, &output());
            let (report, _) = match &sides.blocked {
                Some(_) => (None, 0),
                None => follow::report(&followed, &supply).map(|(report, status)| (Some(report), status))?,
            };
            let own = || report.as_ref().and_then(|report| report.message.message_id.clone());
            if sides.blocked.is_none() && sides.delivered.is_none() {
                let found = report.as_ref().map(|report| compare::beside_delivered(&followed, report, &supply));
                let nothing = || Failure::NothingReadable(vec!["no record speaks of the message".to_owned()]);
                return found.transpose()?.flatten().ok_or_else(nothing);
            }
            let options = Compare {
                blocked: None,
                delivered: None,
                evidence: Vec::new(),
                blocked_message_id: sides.blocked.clone().or_else(own),
                delivered_message_id: sides.delivered.clone(),
                recipient: followed.recipient,
                delivered_recipient: Vec::new(),
                trust: followed.trust,
                clocks: followed.clocks,
                hash_all: false,
                output: output(),
            };
            compare::compared(&options, &supply)
        })
    }

    fn propose(&self, number: u64, told: &Arc<Progress>) -> Result<ExceptionProposal, Trouble> {
        self.look(number, told, |desk, worked| {
            exception::propose(&desk.follow(&worked.case, &output()), &worked.supply(&[Purpose::Ticket]))
        })
    }

    fn check(&self, number: u64, candidate: &str, told: &Arc<Progress>) -> Result<ExceptionCheck, Trouble> {
        let given = Given { name: "candidate".to_owned(), text: candidate.to_owned() };
        self.look(number, told, |desk, worked| change::checked(desk, worked, &given, &output()))
    }

    fn verification(&self, number: u64, told: &Arc<Progress>) -> Result<VerificationReport, Trouble> {
        self.look(number, told, |desk, worked| {
            let supply = worked.supply(&[Purpose::Ticket, Purpose::Verification]);
            verify::look(desk, worked, &supply, &[], &output())
        })
    }

    fn verified(&self, who: &str, number: u64, found: &VerificationReport, decided: u64) -> Result<Done, Trouble> {
        let done = self.on(who, number, |desk, worked| {
            let now = Worked { case: worked.case.clone(), journal: worked.journal.clone() };
            if now.decided() != decided {
                return Ok(None);
            }
            let draft = desk.draft(Deed::Verified { verification: found.verification(), due: found.due });
            by_hand::append(desk, worked, draft, format!("Verified: {}", found.answer.words())).map(Some)
        })?;
        done.ok_or_else(|| {
            let what = "expected the case as it was verified, found that it was worked on meanwhile. Verify it again";
            Trouble::new(TroubleKind::Conflict, what)
        })
    }

    fn approve(&self, who: &str, number: u64, document: &str) -> Result<Done, Trouble> {
        is_short("document", document, MAX_DECISION_BYTES)?;
        let given = Given { name: "approval".to_owned(), text: document.to_owned() };
        self.on(who, number, |desk, worked| {
            let clock = times::clock(&self.clocks, None)?;
            let approval = given.approval("document", &clock)?;
            if approval.who() != who {
                return Err(Failure::Usage {
                    what: "who".to_owned(),
                    expected: format!(
                        "`{}`, who is signed in: everybody approves in their own name",
                        who.escape_debug()
                    ),
                    found: format!("`{}`", approval.who().escape_debug()),
                    hint: "`throughline case approve` records what somebody else has signed".to_owned(),
                });
            }
            change::approved(desk, worked, &given, &clock)
        })
    }

    fn change(&self, who: &str, number: u64, made: &ChangeMade, told: &Arc<Progress>) -> Result<Done, Trouble> {
        is_short("candidate", &made.candidate, MAX_DECISION_BYTES)?;
        let candidate = Given { name: "candidate".to_owned(), text: made.candidate.clone() };
        let made = Made { candidate, approval: None, made_at: made.made_at.clone() };
        self.on(who, number, |desk, worked| {
            let clock = times::clock(&self.clocks, None)?;
            let (done, _) = progress::told(told, || change::made_known(desk, worked, &made, &clock, &output()))?;
            Ok(done)
        })
    }

    fn note(&self, who: &str, number: u64, text: &str) -> Result<Done, Trouble> {
        is_short("text", text, MAX_NOTE_BYTES)?;
        self.on(who, number, |desk, worked| by_hand::noted(desk, worked, text))
    }

    fn status(&self, who: &str, number: u64, status: Status, why: &str) -> Result<Done, Trouble> {
        is_short("why", why, MAX_NOTE_BYTES)?;
        let turn = self.turn(number);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let is_refused = |done: &Done| Trouble::new(TroubleKind::Refused, done.said.clone());
        let mut desk = self.desk(who)?;
        let mut worked = self.worked(&desk, number)?;
        match (status, worked.case.status) {
            (Status::Closed, _) => {
                match by_hand::closed(&mut desk, &mut worked, why, false, Vec::new()).map_err(trouble)? {
                    Closed::Done(done) => Ok(done),
                    Closed::Refused(done) => Err(is_refused(&done)),
                }
            }
            (Status::Open, Status::Closed) => by_hand::opened_again(&mut desk, &mut worked, why).map_err(trouble),
            _ => by_hand::set(&mut desk, &mut worked, status, why).map_err(trouble),
        }
    }

    fn others(&self, case: &Case) -> Result<Others, Trouble> {
        escalate::others(&self.reader()?, case).map_err(trouble)
    }

    fn escalate(&self, asked: &EscalationAsked<'_>) -> Result<Vec<u8>, Trouble> {
        let folder = self.staging()?;
        let packed = self.on(asked.who, asked.number, |desk, worked| {
            let package = escalate::pack(worked, asked.document, asked.sample)?;
            let out = folder.join("package.zip");
            let sha256 = write(&package, &out, Shape::Archive).map_err(escalate::not_written)?;
            let bytes = std::fs::read(&out).map_err(Failure::Output)?;
            let draft = desk.draft(escalate::given_away(asked.document, &sha256));
            desk.append(worked, vec![draft])?;
            Ok(bytes)
        });
        // It is only on its way through: whoever asked has its bytes.
        let _ = std::fs::remove_dir_all(&folder);
        packed
    }

    fn record(&self, number: u64, place: &RecordPlace) -> Result<RecordShown, Trouble> {
        let desk = self.reader()?;
        let worked = self.worked(&desk, number)?;
        let supply = self.looked_into.supply(&worked);
        let followed = desk.follow(&worked.case, &output());
        let mut clock = times::clock(&followed.clocks, followed.at.as_deref()).map_err(trouble)?;
        // The message's own date tells the year best, as it does when the message is followed.
        let sent_at = worked.case.answered.as_ref().and_then(|answered| answered.sent_at);
        clock.reference = sent_at.unwrap_or(clock.reference);
        record::shown(&supply.inputs(), place, &clock).ok_or_else(|| {
            let what =
                "expected a record of this case's evidence, found none there. Follow a link of a page of the case";
            Trouble::new(TroubleKind::NotFound, what)
        })
    }

    fn follow(&self, folder: &Path, asked: &Asked, told: &Arc<Progress>) -> Result<Report, Trouble> {
        let Asked { message_id, sender, recipient, at, subject, trust, tz } = asked.clone();
        let clocks = Clocks { tz: tz.unwrap_or_else(|| self.clocks.tz.clone()), ..self.clocks.clone() };
        let options = Follow {
            paths: Vec::new(),
            message_id,
            sender,
            recipient,
            at,
            subject,
            trust,
            hash_all: false,
            limit: 200,
            clocks,
            output: output(),
        };
        let supply = Supply::open(&[folder.to_owned()]);
        progress::told(told, || follow::report(&options, &supply)).map(|(report, _)| report).map_err(trouble)
    }

    fn runbooks(&self) -> Result<Listed, Trouble> {
        runbook::listed(&Shelf::of(&self.root), None).map_err(trouble)
    }

    fn runbook(&self, client: &str, slug: &str) -> Result<Runbook, Trouble> {
        let found = Shelf::of(&self.root).one(client, slug, None).map_err(Failure::from).map_err(trouble)?;
        found.ok_or_else(|| {
            let what = "expected a runbook of that client, found none of that name. The list has them all";
            Trouble::new(TroubleKind::NotFound, what)
        })
    }

    fn watched(&self) -> Result<watch::Status, Trouble> {
        watch::status(&self.reader()?.store, None, Timestamp::now()).map_err(Failure::from).map_err(trouble)
    }

    fn runs(&self, client: &str) -> Result<Vec<watch::LastRun>, Trouble> {
        watch::runs(&self.reader()?.store, client, MAX_TOLD).map_err(Failure::from).map_err(trouble)
    }

    fn alerts(&self) -> Result<Vec<watch::Alert>, Trouble> {
        watch::alerts(&self.reader()?.store, MAX_TOLD).map_err(Failure::from).map_err(trouble)
    }

    fn symptoms(&self, words: &str) -> Result<report::Symptoms, Trouble> {
        symptoms::asked(&[words.to_owned()], findings::symptoms::guides()).map_err(trouble)
    }

    fn now(&self) -> Timestamp {
        times::now(&self.clocks).unwrap_or_else(Timestamp::now)
    }
}

/// Asks that what is said about a message can be read: its ids, its instant, and the zone.
fn is_usable(clocks: &Clocks, asked: &Asked) -> Result<(), Trouble> {
    asked.message_id.iter().try_for_each(|id| follow::message_id("--message-id", id).map(drop)).map_err(trouble)?;
    let tz = asked.tz.clone().unwrap_or_else(|| clocks.tz.clone());
    times::clock(&Clocks { tz, ..clocks.clone() }, asked.at.as_deref()).map(drop).map_err(trouble)
}

/// The longest approval or change, note, and line about a case, in bytes: what is kept is listed to everybody.
const MAX_DECISION_BYTES: usize = 1 << 20;
const MAX_NOTE_BYTES: usize = 256 << 10;
const MAX_WORDS_BYTES: usize = 64 << 10;
const MAX_LINE_BYTES: usize = 2 << 10;
/// How many Message-IDs, recipients or hosts one case may name.
const MAX_NAMED: usize = 1000;

fn is_short(what: &str, text: &str, most: usize) -> Result<(), Trouble> {
    if text.len() <= most {
        return Ok(());
    }
    let what = format!("{what}: expected {most} bytes at most, found {}. Add a longer text as evidence", text.len());
    Err(Trouble::new(TroubleKind::TooLarge, what))
}

/// Asks that what is said of a case is no more than lines and a few words.
fn are_short(about: &About, asked: &Asked) -> Result<(), Trouble> {
    is_short("words", about.words.as_deref().unwrap_or_default(), MAX_WORDS_BYTES)?;
    is_short("client", &about.client, MAX_LINE_BYTES)?;
    let lines =
        [&about.ticket, &about.site, &about.user, &about.device, &asked.sender, &asked.at, &asked.subject, &asked.tz];
    for line in lines.into_iter().flatten() {
        is_short("a line about the case or its message", line, MAX_LINE_BYTES)?;
    }
    for list in [&asked.message_id, &asked.recipient, &asked.trust] {
        if list.len() > MAX_NAMED {
            let what = format!("expected {MAX_NAMED} ids, recipients or hosts at most, found {}", list.len());
            return Err(Trouble::new(TroubleKind::TooLarge, what));
        }
        for one in list {
            is_short("an id, recipient or host", one, MAX_LINE_BYTES)?;
        }
    }
    Ok(())
}

/// That one of several messages has to be chosen, where the rows around them show nothing either: a page can offer the choice.
fn one_to_choose(desk: &Desk, worked: &desk::Worked, report: &Report) -> Result<Option<Failure>, Failure> {
    let is_shown = |finding: &Finding| matches!(finding.standing, Standing::Proved | Standing::Likely);
    if !report.copies.is_empty() || report.findings.iter().any(is_shown) {
        return Ok(None);
    }
    let options = desk.follow(&worked.case, &output());
    let clock = times::clock(&options.clocks, options.at.as_deref())?;
    let supply = worked.supply(&[Purpose::Ticket]);
    let inputs = supply.inputs();
    let Which::One(message) = several::meant(&options, &supply, &inputs, &clock)? else { return Ok(None) };
    match supply.read(&inputs, message, &clock) {
        Err(Failure::WhichMessage { expected, found, hint, meant }) if !meant.is_empty() => {
            Ok(Some(Failure::WhichMessage { expected, found, hint, meant }))
        }
        _ => Ok(None),
    }
}

/// Why there is no answer, as pages say it.
fn trouble(failure: Failure) -> Trouble {
    let kind = match &failure {
        Failure::Usage { .. } => TroubleKind::Unfit,
        Failure::WhichMessage { .. } => TroubleKind::WhichMessage,
        Failure::NothingReadable(_) => TroubleKind::NothingReadable,
        Failure::Store(StoreError::NoSuchCase(_)) => TroubleKind::NotFound,
        Failure::Store(StoreError::Journal { .. }) => TroubleKind::Conflict,
        Failure::Store(StoreError::Archive { .. } | StoreError::Unusable { .. }) => TroubleKind::Unfit,
        Failure::Stopped => TroubleKind::Stopped,
        Failure::Store(_) | Failure::Watched(_) | Failure::Output(_) | Failure::Internal(_) => TroubleKind::Internal,
    };
    // A page and a client have fields, not options.
    let what = match &failure {
        Failure::WhichMessage { expected, found, .. } => format!(
            "which message: expected {expected}, found {found}. Name it by its Message-ID, or by sender, recipient or subject and about when"
        ),
        failure => failure.to_string(),
    };
    let meant = match failure {
        Failure::WhichMessage { meant, .. } => meant,
        _ => Vec::new(),
    };
    let meant = meant.into_iter().map(|one| Meant {
        message_id: one.message_id,
        sender: one.sender.map(|sender| sender.to_string()),
        subject: one.subject,
        at: one.at,
        file: one.file.to_string(),
    });
    Trouble { meant: meant.collect(), ..Trouble::new(kind, what) }
}
