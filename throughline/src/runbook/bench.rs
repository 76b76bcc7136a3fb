//! Signals on evidence: every row is read once, messages are followed as far as signals ask for it.

use std::collections::{BTreeMap, BTreeSet};

use ::case::runbook::{Fired, Signalled};
use checks::signal::{Answer, Event, FollowedCopy, Shown, Signal, Sought};
use evidence::{Address, Identifier};
use findings::Scene;
use findings::symptoms::{self, Survey};
use jiff::Timestamp;
use lake::Ledger;
use report::EvidenceFile;
use sources::{Clock, Input, Message, NoProgress};

use crate::cli::Clocks;
use crate::failure::Failure;
use crate::follow::{Asked, with_answer};
use crate::supply::{Hashed, Supply};
use crate::{survey, times};

/// So many messages are followed for the signals of one body of evidence, the newest that they ask for.
const MAX_FOLLOWED: usize = 200;
/// A signal is asked again so often after messages were followed.
const MAX_ROUNDS: usize = 6;

/// One body of evidence on which signals are tried.
pub struct Bench<'a> {
    survey: &'a Survey<'a>,
    shown: Shown<'a>,
    supply: &'a Supply,
    inputs: &'a [Input<'a>],
    clock: &'a Clock,
    trusted: &'a [String],
    /// What following each message told, by Message-ID, then by recipient.
    followed: BTreeMap<String, Vec<(String, FollowedCopy)>>,
}

/// What a signal said, in the words of a document.
pub struct Said {
    /// What it said.
    pub answer: Signalled,
    /// That in a sentence or two.
    pub statement: String,
    /// What fired.
    pub events: Vec<Fired>,
    /// How many items are left of which it cannot tell.
    pub undecided: usize,
    /// How many items were left aside.
    pub left_aside: usize,
    /// How many items were looked at, if it is quiet.
    pub looked_at: usize,
    /// Kinds of export that would tell more.
    pub ask_for: Vec<String>,
    /// Kinds of export whose records made it fire.
    pub rests_on: BTreeSet<String>,
}

/// Reads the evidence of a supply, whole, and hands it over for signals to be tried on. `trusted` are hosts and domains that are ours.
///
/// # Errors
/// [`Failure`] if nothing can be read, or if the user stopped it.
pub fn with_bench<R>(
    supply: &Supply,
    clocks: &Clocks,
    trusted: &[String],
    take: impl FnOnce(&mut Bench<'_>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let clock = times::clock(clocks, None)?;
    let inputs = supply.inputs();
    supply.require_readable(&inputs)?;
    let ledger = survey::read(&inputs, &clock)?;
    let survey = Survey::of(&ledger, None, times::now(clocks));
    let found = symptoms::find(&survey);
    let shown = Shown::of(&survey, &found);
    take(&mut Bench {
        survey: &survey,
        shown,
        supply,
        inputs: &inputs,
        clock: &clock,
        trusted,
        followed: BTreeMap::new(),
    })
}

impl Bench<'_> {
    /// What a signal says.
    ///
    /// # Errors
    /// [`Failure`] if the user stopped it.
    pub fn ask(&mut self, signal: &Signal, needs: &[String]) -> Result<Said, Failure> {
        let mut checked = signal.check(&self.shown, needs);
        for _ in 0..MAX_ROUNDS {
            let open: Vec<usize> =
                checked.to_follow.iter().rev().copied().filter(|copy| !self.shown.is_followed(*copy)).collect();
            let mut is_any = false;
            for copy in open {
                is_any |= self.follow(copy)?;
            }
            if !is_any {
                break;
            }
            checked = signal.check(&self.shown, needs);
        }
        let rests_on = self.rests_on(&checked.answer);
        Ok(Said { left_aside: checked.left_aside, rests_on, ..Said::of(checked.answer) })
    }

    /// The kinds of export whose records made a signal fire.
    fn rests_on(&self, answer: &Answer) -> BTreeSet<String> {
        let Answer::Fires { events, .. } = answer else { return BTreeSet::new() };
        let files: BTreeSet<&str> =
            events.iter().flat_map(|event| &event.grounds).map(|cite| cite.file.as_ref()).collect();
        let supplied = self.ledger().around().supplied().iter().filter(|file| files.contains(file.file.as_ref()));
        supplied.filter_map(|file| file.source).map(str::to_owned).collect()
    }

    /// Leaves items aside that are no return, see [`Shown::leave_aside`].
    pub fn leave_aside(&mut self, keys: BTreeSet<String>, since: Option<Timestamp>) {
        self.shown.leave_aside(keys, since);
    }

    /// Follows the message of a copy; whether anything new is known.
    fn follow(&mut self, copy: usize) -> Result<bool, Failure> {
        let Some(sought) = self.shown.message_of(copy) else { return Ok(false) };
        let looks = || format!("{} {} {}", sought.sender, sought.recipient, sought.at);
        let name = sought.message_id.map_or_else(looks, str::to_owned);
        if !self.followed.contains_key(&name) {
            if self.followed.len() >= MAX_FOLLOWED {
                return Ok(false);
            }
            let told = self.read(&sought)?;
            self.followed.insert(name.clone(), told);
        }
        let told = self.followed.get(&name).map(Vec::as_slice).unwrap_or_default();
        let is_only = told.len() == 1 && sought.recipient.is_empty();
        let own = || told.iter().filter(|(own, _)| is_only || own.eq_ignore_ascii_case(sought.recipient));
        // What only looks alike may be another message: its cause has to rest on a record of this copy.
        let is_of_this = |(_, told): &&(String, FollowedCopy)| self.shown.is_told_by(copy, &told.cites);
        let by_id = || own().next().filter(|_| sought.message_id.is_some());
        let told = own().find(is_of_this).or_else(by_id).map(|(_, told)| told.clone());
        self.shown.follow(copy, told.unwrap_or_default());
        Ok(true)
    }

    fn read(&self, sought: &Sought<'_>) -> Result<Vec<(String, FollowedCopy)>, Failure> {
        let mut message = Message::default();
        match sought.message_id.and_then(Identifier::message_id) {
            Some(id) => drop(message.ids.insert(id)),
            None => {
                message.likeness.senders.insert(Address::new(sought.sender));
                message.likeness.envelope_recipients.insert(Address::new(sought.recipient));
                message.likeness.around.insert(sought.at);
            }
        }
        let readings = match self.supply.read_with(self.inputs, message, self.clock, &NoProgress) {
            Ok(readings) => readings,
            Err(Failure::Stopped) => return Err(Failure::Stopped),
            // What cannot be followed is not shown.
            Err(_) => return Ok(Vec::new()),
        };
        let now = self.survey.now;
        let asked = Asked { recipients: &[], trusted: self.trusted, now };
        Ok(with_answer(readings, asked, |answered| {
            let scene = Scene { lake: answered.lake, trace: answered.trace, copies: answered.copies, now };
            let member = findings::several::member(&scene, answered.found, None);
            member.copies.iter().map(|copy| (copy.envelope_recipient.to_string(), FollowedCopy::of(copy))).collect()
        }))
    }

    /// The newest instant that the evidence covers.
    pub fn covers_until(&self) -> Option<Timestamp> {
        self.ledger().around().supplied().iter().filter_map(|file| file.coverage.to).max()
    }

    fn ledger(&self) -> &Ledger<'_> {
        self.survey.ledger
    }

    /// What was read.
    pub fn evidence(&self) -> Vec<EvidenceFile> {
        let hashes = self.supply.hashes(Hashed::Small);
        let mut files = report::evidence_files(self.ledger().around(), |file| hashes.get(file).cloned());
        files.extend(self.supply.refused());
        files
    }

    /// The files, for excerpts.
    pub fn inputs(&self) -> &[Input<'_>] {
        self.inputs
    }
}

impl Said {
    fn of(answer: Answer) -> Said {
        let owned = |kinds: Vec<&str>| kinds.into_iter().map(str::to_owned).collect();
        let said = |answer, statement| Said {
            answer,
            statement,
            events: Vec::new(),
            undecided: 0,
            left_aside: 0,
            looked_at: 0,
            ask_for: Vec::new(),
            rests_on: BTreeSet::new(),
        };
        match answer {
            Answer::Fires { events, undecided, ask_for } => {
                let events: Vec<Fired> = events.into_iter().map(fired).collect();
                Said {
                    statement: told(&events, undecided),
                    events,
                    undecided,
                    ask_for: owned(ask_for),
                    ..said(Signalled::Fires, String::new())
                }
            }
            Answer::Quiet { looked_at } => {
                let statement = match looked_at {
                    0 => "The evidence shows no item at all.".to_owned(),
                    1 => "1 item was looked at, and it is no sign.".to_owned(),
                    count => format!("{count} items were looked at, and none is a sign."),
                };
                Said { looked_at, ..said(Signalled::Quiet, statement) }
            }
            Answer::CannotTell { because, ask_for } => {
                Said { ask_for: owned(ask_for), ..said(Signalled::CannotTell, format!("Cannot tell: {because}.")) }
            }
        }
    }

    /// That nothing can be told, and why.
    pub fn cannot_tell(statement: String, ask_for: Vec<String>) -> Said {
        Said {
            answer: Signalled::CannotTell,
            statement,
            events: Vec::new(),
            undecided: 0,
            left_aside: 0,
            looked_at: 0,
            ask_for,
            rests_on: BTreeSet::new(),
        }
    }
}

/// How many events there are, and the newest of them.
fn told(events: &[Fired], undecided: usize) -> String {
    let newest = events.last().map(|event| event.statement.as_str()).unwrap_or_default();
    let count = match events.len() {
        1 => "1 event".to_owned(),
        count => format!("{count} events, the last"),
    };
    let undecided = match undecided {
        0 => String::new(),
        1 => ". Of 1 more item it cannot tell".to_owned(),
        count => format!(". Of {count} more items it cannot tell"),
    };
    format!("{count}: {newest}{undecided}.")
}

fn fired(event: Event) -> Fired {
    Fired {
        key: event.key,
        also: event.also,
        lasts: event.lasts,
        at: event.at,
        statement: event.statement,
        cites: event.cites.iter().map(report::Cite::from).collect(),
    }
}
