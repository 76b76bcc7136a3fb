//! `case approve` and `case change`: what was approved, and what was changed.

use std::path::Path;

use ::case::told::Done;
use ::case::{Deed, Entry, Purpose, Status};
use exceptions::Approval;
use jiff::Timestamp;
use report::{ExceptionCheck, GuardAnswer};
use sources::{Clock, Input, proposed};

use super::by_hand::{append, told};
use super::desk::{self, Desk, Worked};
use super::look;
use crate::cli::case::{ApproveCase, ChangeCase};
use crate::cli::{Clocks, Output, Which};
use crate::exception::{self, Question};
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{output, times};

/// Records an approval; gives the exit status.
///
/// # Errors
/// [`Failure`] if it is none.
pub fn approve(options: &ApproveCase) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let clock = times::clock(&options.clocks, None)?;
    let given = Given::read("FILE", &options.file, &worked)?;
    let done = approved(&mut desk, &mut worked, &given, &clock)?;
    told(&worked, Some(done), &options.output)
}

/// Records an approval in the journal, once.
///
/// # Errors
/// [`Failure`] if it is none.
pub fn approved(desk: &mut Desk, worked: &mut Worked, given: &Given, clock: &Clock) -> Result<Done, Failure> {
    let approval = given.approval("FILE", clock)?;
    let draft = desk.draft(recorded(&approval, given));
    if let Some(entry) = same_approval(&worked.journal, &given.text) {
        let said = format!("This approval is recorded already, in entry {}", entry.seq);
        return Ok(Done { said, ..Done::default() });
    }
    let said = format!(
        "Recorded in case {}: approved by {} ({}), until {}",
        worked.case.number,
        approval.who(),
        approval.role(),
        report::instant(approval.ends())
    );
    append(desk, worked, draft, said)
}

/// Records a change that was made; gives the exit status: 4 if the guard would have refused it.
///
/// # Errors
/// [`Failure`] if the change or the evidence cannot be read.
pub fn change(options: &ChangeCase) -> Result<u8, Failure> {
    one_reader_of_standard_input(options)?;
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let clock = times::clock(&options.clocks, None)?;
    let candidate = Given::read("CANDIDATE", &options.candidate, &worked)?;
    let given = options.approval.as_deref().map(|path| Given::read("--approval", path, &worked)).transpose()?;
    let made = Made { candidate, approval: given, made_at: options.made_at.clone() };
    let (done, document) = made_known(&mut desk, &mut worked, &made, &clock, &options.output)?;
    let told = look::receipt(&worked, Some(done));
    output::print(&output::page(&told, &told.receipt(), &options.output)?)?;
    Ok(if document.refused { exception::REFUSED } else { 0 })
}

/// A change that was made.
pub struct Made {
    /// What.
    pub candidate: Given,
    /// The recorded approval that goes with it.
    pub approval: Option<Given>,
    /// When, as it was given.
    pub made_at: String,
}

/// Records a change that was made, with what the guard says of it.
///
/// # Errors
/// [`Failure`] if the change or the evidence cannot be read.
pub fn made_known(
    desk: &mut Desk,
    worked: &mut Worked,
    made: &Made,
    clock: &Clock,
    output: &Output,
) -> Result<(Done, ExceptionCheck), Failure> {
    let made_at = times::instant("--made-at", &made.made_at, &clock.zone)?;
    not_ahead(made_at, desk.now())?;
    if worked.case.status == Status::Closed {
        let hint = format!("`throughline case reopen {} --why TEXT` opens it again", worked.case.number);
        return Err(Failure::Usage {
            what: format!("case {}", worked.case.number),
            expected: "a case that is not closed".to_owned(),
            found: "a closed one".to_owned(),
            hint,
        });
    }
    let mut approvals = Vec::new();
    let mut drafts = Vec::new();
    if let Some(given) = &made.approval {
        let approval = given.approval("--approval", clock)?;
        if same_approval(&worked.journal, &given.text).is_none() {
            drafts.push(desk.draft(recorded(&approval, given)));
        }
        approvals.push(approval);
    }
    approvals.extend(journaled(&worked.journal, clock));
    let document = judged(desk, worked, &made.candidate, &approvals, Some(made_at), output)?;
    if let Some(entry) = same_change(&worked.journal, &made.candidate.text, made_at) {
        let said = format!("This change is recorded already, in entry {}", entry.seq);
        return Ok((Done { said, ..Done::default() }, document));
    }
    drafts.push(desk.draft(Deed::ChangeMade {
        made_at,
        candidate: made.candidate.text.clone(),
        guard: Some(word(document.answer).to_owned()),
        ends: ends(&document),
        messages: messages(&document),
    }));
    let before = worked.case.entries;
    desk.append(worked, drafts)?;
    let mut done = desk::done_since(worked, before, said(&document, worked.case.number));
    done.warnings.extend(document.warnings());
    Ok((done, document))
}

/// What the guard says of a change that is not made yet, with the approvals of the journal.
///
/// # Errors
/// [`Failure`] if the evidence cannot be read.
pub fn checked(desk: &Desk, worked: &Worked, candidate: &Given, output: &Output) -> Result<ExceptionCheck, Failure> {
    let follow = desk.follow(&worked.case, output);
    let clock = times::clock(&follow.clocks, follow.at.as_deref())?;
    judged(desk, worked, candidate, &journaled(&worked.journal, &clock), None, output)
}

/// A text from people that is no evidence: a change, or an approval.
pub struct Given {
    /// What it is called where it is cited.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The largest file of the command line that is kept in the journal, in bytes.
const MAX_GIVEN_BYTES: usize = 4 << 20;

impl Given {
    /// Reads a file, or standard input; never one of the case's evidence, which comes from strangers.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be read.
    fn read(what: &str, path: &Path, worked: &Worked) -> Result<Given, Failure> {
        let wrong = |found: String, hint: &str| Failure::Usage {
            what: what.to_owned(),
            expected: "one file of text that is no evidence of the case".to_owned(),
            found,
            hint: hint.to_owned(),
        };
        if path.as_os_str() != "-" && crate::supply::is_within(path, worked.folder.root()) {
            let hint = "What people decide comes from them; what strangers send may look like it";
            return Err(wrong(format!("`{}` in it", path.display()), hint));
        }
        let supply = Supply::open(&[path.to_owned()]);
        let inputs = supply.inputs();
        let input = exception::one_file(what, &supply, &inputs)?;
        if input.bytes.len() > MAX_GIVEN_BYTES {
            return Err(wrong(format!("{} bytes", input.bytes.len()), "Give only what was changed"));
        }
        Ok(Given { name: input.name.to_string(), text: proposed::text(input.bytes) })
    }

    fn input(&self) -> Input<'_> {
        Input { name: self.name.as_str().into(), bytes: self.text.as_bytes() }
    }

    /// The approval that it is.
    ///
    /// # Errors
    /// [`Failure`] if it is none.
    pub fn approval(&self, what: &str, clock: &Clock) -> Result<Approval, Failure> {
        exception::recorded(what, &self.input(), clock)
    }
}

/// Standard input can be read once.
fn one_reader_of_standard_input(options: &ChangeCase) -> Result<(), Failure> {
    let is_input = |path: &Path| path.as_os_str() == "-";
    if !(is_input(&options.candidate) && options.approval.as_deref().is_some_and(is_input)) {
        return Ok(());
    }
    Err(Failure::Usage {
        what: "-".to_owned(),
        expected: "standard input to be the candidate or the approval".to_owned(),
        found: "both".to_owned(),
        hint: "Put one of them into a file".to_owned(),
    })
}

/// Asks that a change that was made was not made later than now, clocks may differ by a day, nor before 1970.
fn not_ahead(made_at: Timestamp, now: Timestamp) -> Result<(), Failure> {
    const APART: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
    if made_at < Timestamp::UNIX_EPOCH {
        return Err(Failure::Usage {
            what: "--made-at".to_owned(),
            expected: "when the change was made".to_owned(),
            found: format!("{made_at}, before there was such mail"),
            hint: "Try --made-at 2026-08-20T09:14Z".to_owned(),
        });
    }
    if now.checked_add(APART).is_ok_and(|latest| made_at > latest) {
        return Err(Failure::Usage {
            what: "--made-at".to_owned(),
            expected: "when the change was made".to_owned(),
            found: format!("{made_at}, which is to come"),
            hint: "Record it once it is made; `throughline exception check` judges it before".to_owned(),
        });
    }
    Ok(())
}

fn recorded(approval: &Approval, given: &Given) -> Deed {
    Deed::Approved {
        by: approval.who().to_owned(),
        role: approval.role().to_owned(),
        ends: approval.ends(),
        document: given.text.clone(),
    }
}

fn same_approval<'j>(journal: &'j [Entry], text: &str) -> Option<&'j Entry> {
    let is_it = |entry: &&Entry| matches!(&entry.deed, Deed::Approved { document, .. } if document == text);
    journal.iter().find(is_it)
}

fn same_change<'j>(journal: &'j [Entry], text: &str, at: Timestamp) -> Option<&'j Entry> {
    let is_it = |entry: &&Entry| matches!(&entry.deed, Deed::ChangeMade { candidate, made_at, .. } if candidate == text && *made_at == at);
    journal.iter().find(is_it)
}

/// The approvals that the journal records, read through the same door again.
fn journaled(journal: &[Entry], clock: &Clock) -> Vec<Approval> {
    let read = |entry: &Entry| {
        let Deed::Approved { document, .. } = &entry.deed else { return None };
        let name = format!("journal entry {}", entry.seq);
        Approval::recorded(&Input { name: name.as_str().into(), bytes: document.as_bytes() }, clock).ok()
    };
    journal.iter().filter_map(read).collect()
}

/// What the guard says of the change, with the case's evidence, as of when it was made, if it was.
fn judged(
    desk: &Desk,
    worked: &Worked,
    candidate: &Given,
    approvals: &[Approval],
    made_at: Option<Timestamp>,
    output: &Output,
) -> Result<ExceptionCheck, Failure> {
    let follow = desk.follow(&worked.case, output);
    let clocks = match made_at {
        Some(made_at) => Clocks { judged_at: Some(made_at), ..follow.clocks },
        None => follow.clocks,
    };
    let clock = times::clock(&clocks, follow.at.as_deref())?;
    let which = Which {
        message_id: follow.message_id,
        sender: follow.sender,
        recipient: follow.recipient,
        at: follow.at,
        subject: follow.subject,
        trust: follow.trust,
    };
    let candidate = proposed::read(&candidate.input(), &clock);
    let supply = worked.supply(&[Purpose::Ticket]);
    let question =
        Question { candidate: &candidate, approvals, supply: &supply, which: &which, clocks: &clocks, output };
    match exception::judged(&question) {
        // A change is a fact, whether its message is found or not.
        Err(Failure::WhichMessage { .. } | Failure::NothingReadable(_)) => {
            let nothing = Supply::open(&[]);
            let which = Which {
                message_id: Vec::new(),
                sender: None,
                recipient: Vec::new(),
                at: None,
                subject: None,
                trust: Vec::new(),
            };
            exception::judged(&Question { supply: &nothing, which: &which, ..question })
        }
        document => document,
    }
}

fn word(answer: GuardAnswer) -> &'static str {
    match answer {
        GuardAnswer::Narrow => "narrow",
        GuardAnswer::Broad => "broad",
        GuardAnswer::Useless => "useless",
        GuardAnswer::Unknown => "unknown",
    }
}

/// When the last of its parts ends; `None` if one does not, or if that is not known.
fn ends(document: &ExceptionCheck) -> Option<Timestamp> {
    let ends = document.candidate.iter().filter_map(|step| step.ends.as_deref());
    let ends: Option<Vec<Timestamp>> = ends.map(|end| end.parse().ok()).collect();
    ends?.into_iter().max()
}

/// How many messages it would have let through, each scope by itself; `None` if that was not measured.
fn messages(document: &ExceptionCheck) -> Option<u64> {
    let is_measured = document.history.has_rows() && !document.radius.is_empty();
    is_measured.then(|| document.radius.iter().map(|scope| scope.messages).sum())
}

fn said(document: &ExceptionCheck, number: u64) -> String {
    let messages = messages(document).map_or("what it lets through was not measured".to_owned(), |count| {
        format!("it would have let through {count} messages of the evidence")
    });
    let ends = ends(document).map_or("no end of its own".to_owned(), |end| format!("ends {}", report::instant(end)));
    format!("Recorded in case {number} as made. Guard: {}; {messages}; {ends}", word(document.answer))
}
