//! The watcher of one client: what it does in one turn.

use std::time::Duration;

use case::{Sqlite, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;
use sha2::{Digest, Sha256};

use crate::alert::{Alert, Kind, Span, hex};
use crate::deliver;
use crate::heartbeat::{HEARTBEAT_SCHEMA, Heartbeat};
use crate::schedule::Schedule;
use crate::settle::Settling;
use crate::state::{self, Hashes, Place, Seen};
use crate::tell::{Goes, Teller};
use crate::world::{
    Asked, Checked, Checks, Clock, Event, Folder, Lasting, Listed, Look, Pulse, Reason, Settled, Sink, Stopped, Told,
};

/// By which rules a client is watched.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The client.
    pub client: String,
    /// When runs are due, whatever arrives; `None` if only arriving exports make runs.
    pub schedule: Option<Schedule>,
    /// How long a file must stay as it is before it is read.
    pub settle: Duration,
    /// A run that starts so long after it was due has taken place; a later one was missed.
    pub grace: SignedDuration,
    /// A change is looked at when the evidence goes on so long after it.
    pub after_change: SignedDuration,
    /// How long such evidence is waited for.
    pub wait_after_change: SignedDuration,
    /// Evidence that ends longer ago is told; `None` if its age does not matter.
    pub stale: Option<SignedDuration>,
    /// Whether the watcher stays.
    pub mode: Mode,
}

/// Whether a watcher stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It stays, and its silence is a gap.
    Stay,
    /// It is started anew for each turn.
    Once,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Mode::Stay => "stay",
            Mode::Once => "once",
        }
    }
}

/// What a watcher looks at and speaks to.
pub struct Around<'a> {
    /// The clocks.
    pub clock: &'a dyn Clock,
    /// The folder of the client.
    pub folder: &'a mut dyn Folder,
    /// The checks.
    pub checks: &'a mut dyn Checks,
    /// Where alerts go.
    pub sinks: &'a mut [Box<dyn Sink>],
    /// Who hears that it goes on.
    pub pulse: &'a mut dyn Pulse,
}

/// What became of one turn.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// Whether the checks ran.
    pub is_run: bool,
    /// What was told that was not known before.
    pub told: Vec<Alert>,
    /// Whether there are files that may still be written to.
    pub is_unsettled: bool,
    /// How many alerts could not be sent in this turn.
    pub not_sent: u64,
    /// What could not be sent, and why; one sentence a sink.
    pub faults: Vec<String>,
}

/// Why a turn did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The watcher shall end.
    #[error("stopped")]
    Stopped,
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Ended {
        Ended::Stopped
    }
}

/// A clock that is set back by up to so much is waited for: each instant of the schedule is due once. One that is set back further was
/// wrong before, and the schedule is planned anew.
const SET_BACK_MAX: SignedDuration = SignedDuration::from_hours(3);
/// How often the heartbeat is written if nothing else happens.
pub(crate) const BEAT_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// So many missed runs are counted one by one.
const MISSED_MAX: usize = 10_000;
/// So many changes are named in one alert.
const CHANGES_NAMED_MAX: usize = 20;
/// The first wait after a run that failed; it doubles each time, up to the last.
const RETRY_FIRST: SignedDuration = SignedDuration::from_mins(1);
const RETRY_LAST: SignedDuration = SignedDuration::from_hours(1);

/// The watcher of one client. There is only one of each client and store: the program holds its [`crate::Lock`].
pub struct Watcher {
    rules: Rules,
    client: String,
    settling: Settling,
}

/// What a look at the folder found.
struct Found {
    settled: Vec<Settled>,
    has_new: bool,
    fault: Option<String>,
}

/// A run that is due.
struct Due {
    reasons: Vec<Reason>,
    slot: Option<Timestamp>,
    looks: Vec<Look>,
}

impl Watcher {
    /// A watcher by these rules.
    pub fn new(rules: Rules) -> Watcher {
        let client = state::named(&rules.client);
        Watcher { rules, client, settling: Settling::default() }
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Looks once: was anything missed, did anything arrive, is anything due; runs the checks if so, tells what is new, and sends what
    /// waits to be sent.
    ///
    /// # Errors
    /// [`Ended`]; what was done until then stands, and the next turn, or the next process, goes on from there.
    pub fn turn(&mut self, store: &mut Sqlite, around: &mut Around<'_>) -> Result<Turn, Ended> {
        let mut turn = Turn::default();
        let goes: Vec<Goes> =
            around.sinks.iter().map(|sink| Goes { sink: sink.name().to_owned(), least: sink.least() }).collect();
        self.account(store, around, &goes, &mut turn)?;
        around.pulse.beat()?;
        let found = self.look(store, around, &goes, &mut turn)?;
        if let Some(due) = self.due(store, around, &found)? {
            self.run(store, around, &goes, &found, &due, &mut turn)?;
            around.pulse.beat()?;
        }
        self.expire(store, around.clock.now(), &goes, &mut turn)?;
        around.pulse.beat()?;
        deliver::deliver(store, &self.client, around, &mut turn)?;
        self.beat(store, around.clock.now())?;
        around.pulse.beat()?;
        Ok(turn)
    }

    /// The sign of life that the last turn left.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn heartbeat(&self, store: &Sqlite) -> Result<Heartbeat, StoreError> {
        let place = store.read("read the heartbeat", |connection| state::place(connection, &self.client))?;
        let place = place.unwrap_or_default();
        Ok(Heartbeat {
            schema: HEARTBEAT_SCHEMA.to_owned(),
            client: self.rules.client.clone(),
            at: place.beat_at,
            next_due: place.next_due,
            late_at: place.late_at,
        })
    }

    fn teller<'a>(&'a self, at: Timestamp, goes: &'a [Goes]) -> Teller<'a> {
        Teller { client: &self.rules.client, at, goes }
    }

    /// Accounts for the time since the last turn: a clock that was set back, and runs that were due and did not take place.
    fn account(
        &mut self,
        store: &mut Sqlite,
        around: &Around<'_>,
        goes: &[Goes],
        turn: &mut Turn,
    ) -> Result<(), Ended> {
        let now = around.clock.now();
        let known = store.read("read where the watcher is", |connection| state::place(connection, &self.client))?;
        let Some(known) = known else {
            let mut place = self.planned(Place::default(), now);
            self.alive(&mut place, now);
            let doing = "begin to watch a client";
            return Ok(state::whole(store, doing, |transaction| state::keep_place(transaction, &self.client, &place))?);
        };
        let mut place = known.clone();
        let mut events = Vec::new();
        let set_back = place.beat_at.filter(|beat| *beat - SET_BACK_MAX > now);
        if let Some(beat) = set_back {
            events.push(clock_set_back(beat, now));
            place.retry_at = place.retry_at.map(|_| now);
            place.accounted = None;
            place = self.planned(place, now);
            self.alive(&mut place, now);
        }
        events.extend(self.gap(&mut place, now));
        if place.schedule.as_deref() != self.rules.schedule.as_ref().map(Schedule::said) {
            place = self.planned(place, now);
        }
        if place == known {
            return Ok(());
        }
        let teller = self.teller(now, goes);
        let told = state::whole(store, "account for the time that passed", |transaction| {
            if set_back.is_some() {
                self.wait_anew(transaction, now)?;
            }
            state::keep_place(transaction, &self.client, &place)?;
            teller.tell(transaction, &events)
        })?;
        turn.told.extend(told);
        Ok(())
    }

    /// Plans by the schedule from an instant on.
    fn planned(&self, place: Place, from: Timestamp) -> Place {
        let schedule = self.rules.schedule.as_ref();
        Place {
            schedule: schedule.map(|schedule| schedule.said().to_owned()),
            next_due: schedule.and_then(|schedule| schedule.after(from)),
            ..place
        }
    }

    /// Notes a sign of life, and when the next one, or the next run, is late.
    fn alive(&self, place: &mut Place, now: Timestamp) {
        place.beat_at = Some(now);
        place.mode = Some(self.rules.mode.word().to_owned());
        place.late_at = match self.rules.mode {
            Mode::Stay => Some(now + self.rules.grace.max(BEAT_EVERY * 4)),
            Mode::Once => place.next_due.map(|due| due.max(now) + self.rules.grace),
        };
    }

    /// Runs that were due and did not take place, and time in which a watcher that stays was not there.
    fn gap(&self, place: &mut Place, now: Timestamp) -> Option<Event> {
        let horizon = now - self.rules.grace;
        let planned_by = place.schedule.as_deref().and_then(|said| Schedule::read(said, None).ok());
        let from = place.next_due.map(|due| {
            let accounted = place.accounted.map(|accounted| accounted + SignedDuration::from_nanos(1));
            accounted.map_or(due, |accounted| accounted.max(due))
        });
        let (missed, is_more) = match (planned_by, from) {
            (Some(schedule), Some(from)) => schedule.between(from, horizon, MISSED_MAX),
            _ => (Vec::new(), false),
        };
        let stayed = self.rules.mode == Mode::Stay && place.mode.as_deref() == Some(Mode::Stay.word());
        let silent = place.beat_at.filter(|beat| stayed && *beat < horizon && *beat < now - BEAT_EVERY * 4);
        let from = silent.into_iter().chain(missed.first().copied()).min()?;
        let event = gap(from, now, &missed, is_more, silent);
        if !missed.is_empty() {
            place.accounted = if is_more { Some(horizon) } else { missed.last().copied() };
        }
        self.alive(place, now);
        Some(event)
    }

    /// Waits anew for evidence after changes that were seen by a clock that was wrong.
    fn wait_anew(&self, transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
        for seen in state::seen(transaction, &self.client)? {
            if seen.seen_at > now && !seen.is_missed {
                let deadline = seen.change.made_at.max(now) + self.rules.wait_after_change;
                state::wait_anew(transaction, &self.client, &seen.change.key, now, deadline)?;
            }
        }
        Ok(())
    }

    /// Looks at the folder.
    fn look(
        &mut self,
        store: &mut Sqlite,
        around: &mut Around<'_>,
        goes: &[Goes],
        turn: &mut Turn,
    ) -> Result<Found, Ended> {
        let now = around.clock.now();
        let mut found = Found { settled: Vec::new(), has_new: false, fault: None };
        let mut events = Vec::new();
        match around.folder.list() {
            Ok(listed) => {
                let known = store.read("look for new exports", |connection| state::hashes(connection, &self.client))?;
                for file in self.settled(&known, around, listed, turn) {
                    match self.hashed(store, &known, around, &file)? {
                        Ok(Some(sha256)) => {
                            found.settled.push(Settled { name: file.name, sha256, changed_at: file.changed_at });
                        }
                        Ok(None) => turn.is_unsettled = true,
                        Err(fault) => events.push(not_readable(&file.name, &fault)),
                    }
                }
            }
            Err(fault) => {
                events.push(not_readable("", &fault));
                found.fault = Some(fault);
            }
        }
        found.settled.sort();
        found.has_new = store.read("look for new exports", |connection| {
            let mut files = found.settled.iter();
            files.try_fold(false, |has, file| Ok(has || !state::is_looked_at(connection, &self.client, &file.sha256)?))
        })?;
        let told = self.tell_of(store, now, goes, FOLDER, &events)?;
        turn.told.extend(told);
        Ok(found)
    }

    /// The files that nobody writes to any more.
    fn settled(&mut self, known: &Hashes, around: &Around<'_>, listed: Vec<Listed>, turn: &mut Turn) -> Vec<Listed> {
        let (mut same, unknown): (Vec<Listed>, Vec<Listed>) =
            listed.into_iter().partition(|file| known.of(file).is_some());
        let (settled, is_any_left) = self.settling.look(unknown, around.clock.passed(), self.rules.settle);
        turn.is_unsettled = turn.is_unsettled || is_any_left;
        same.extend(settled);
        same.sort();
        same
    }

    fn hashed(
        &self,
        store: &mut Sqlite,
        known: &Hashes,
        around: &mut Around<'_>,
        file: &Listed,
    ) -> Result<Result<Option<String>, String>, Ended> {
        if let Some(known) = known.of(file) {
            return Ok(Ok(Some(known.to_owned())));
        }
        let hash = around.folder.hash(file);
        if let Ok(Some(sha256)) = &hash {
            state::whole(store, "note an export", |transaction| {
                state::keep_hash(transaction, &self.client, file, sha256)
            })?;
            around.pulse.beat()?;
        }
        Ok(hash)
    }

    /// Tells what a source of the watcher's own says, and that the rest of what it said is over.
    fn tell_of(
        &self,
        store: &mut Sqlite,
        at: Timestamp,
        goes: &[Goes],
        source: &str,
        events: &[Event],
    ) -> Result<Vec<Alert>, Ended> {
        let lasts = store.read("read what lasts", |connection| state::lasts(connection, &self.client, source))?;
        if events.is_empty() && !lasts {
            return Ok(Vec::new());
        }
        let teller = self.teller(at, goes);
        let still: Vec<&str> = events.iter().map(|event| event.key.as_str()).collect();
        Ok(state::whole(store, "tell what is so", |transaction| {
            state::end_conditions(transaction, &self.client, source, &still, at)?;
            teller.tell(transaction, events)
        })?)
    }

    /// Whether the checks are due, and why.
    fn due(&self, store: &mut Sqlite, around: &mut Around<'_>, found: &Found) -> Result<Option<Due>, Ended> {
        let now = around.clock.now();
        let place = store.read("read where the watcher is", |connection| state::place(connection, &self.client))?;
        let place = place.unwrap_or_default();
        // A clock that was set back does not put a second try off for longer than the longest wait.
        let retry = place.retry_at.map(|at| at <= now || at - RETRY_LAST > now);
        let is_waiting = retry == Some(false);
        let slot = place.next_due.filter(|due| *due <= now);
        let mut looks = Vec::new();
        if !is_waiting {
            // What cannot be found out now shows as a run that fails as soon as one is due.
            for look in around.checks.looks(&self.rules.client).unwrap_or_default() {
                let is_done = |connection: &_| state::is_look_done(connection, &self.client, &look.key);
                if look.due <= now && !store.read("read which looks took place", is_done)? {
                    looks.push(look);
                }
            }
        }
        let mut reasons = Vec::new();
        let mut because = |is_so: bool, reason| {
            if is_so {
                reasons.push(reason)
            }
        };
        because(found.has_new && !is_waiting, Reason::Arrived);
        because(slot.is_some(), Reason::Scheduled);
        because(!looks.is_empty(), Reason::SecondLook);
        because(retry == Some(true), Reason::Retry);
        Ok((!reasons.is_empty()).then_some(Due { reasons, slot, looks }))
    }

    /// Runs the checks, and writes down what they found as one whole.
    fn run(
        &self,
        store: &mut Sqlite,
        around: &mut Around<'_>,
        goes: &[Goes],
        found: &Found,
        due: &Due,
        turn: &mut Turn,
    ) -> Result<(), Ended> {
        let started = around.clock.now();
        let reasons: Vec<&str> = due.reasons.iter().map(|reason| reason.word()).collect();
        let run = state::whole(store, "begin a run", |transaction| {
            state::break_off(transaction, &self.client)?;
            let mut place = state::place(transaction, &self.client)?.unwrap_or_default();
            self.alive(&mut place, started);
            state::keep_place(transaction, &self.client, &place)?;
            state::begin_run(transaction, &self.client, &reasons.join(","), due.slot, started)
        })?;
        around.pulse.beat()?;
        let asked = Asked {
            client: &self.rules.client,
            at: started,
            reasons: &due.reasons,
            files: &found.settled,
            looks: &due.looks,
        };
        let checked = match &found.fault {
            Some(fault) => Err(format!("the folder cannot be listed: {fault}")),
            None => around.checks.run(&asked),
        };
        around.pulse.beat()?;
        let ended = around.clock.now();
        let told = state::whole(store, "write down a run", |transaction| match &checked {
            Ok(checked) => self.finished(transaction, run, started, ended, found, due, checked, goes),
            Err(fault) => self.failed(transaction, run, started, ended, fault, goes),
        })?;
        turn.is_run = true;
        turn.told.extend(told);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one whole: what a run found, and where it leaves the watcher")]
    fn finished(
        &self,
        transaction: &Transaction<'_>,
        run: i64,
        started: Timestamp,
        ended: Timestamp,
        found: &Found,
        due: &Due,
        checked: &Checked,
        goes: &[Goes],
    ) -> rusqlite::Result<Vec<Alert>> {
        let client = &self.client;
        for file in &found.settled {
            state::keep_content(transaction, client, &file.sha256, &file.name, run)?;
        }
        for look in &due.looks {
            state::keep_look(transaction, client, &look.key, run)?;
        }
        for change in &checked.changes {
            let deadline = change.made_at.max(ended) + self.rules.wait_after_change;
            state::keep_change(transaction, client, change, ended, deadline)?;
        }
        let mut events = checked.events.clone();
        events.extend(self.changes_checked(transaction, run, checked)?);
        let stale = self.rules.stale.filter(|stale| checked.shown_until.is_none_or(|until| until + *stale < ended));
        events.extend(stale.map(|stale| too_old(checked.shown_until, stale)));
        let mut sources: Vec<&str> = events.iter().map(|event| event.source.as_str()).collect();
        sources.extend(checked.quiet.iter().map(String::as_str));
        sources.extend([RUN, STALE]);
        sources.sort_unstable();
        sources.dedup();
        for source in sources {
            let of_source = events.iter().filter(|event| event.source == source);
            let still: Vec<&str> = of_source
                .flat_map(|event| std::iter::once(&event.key).chain(&event.also))
                .map(String::as_str)
                .collect();
            state::end_conditions(transaction, client, source, &still, ended)?;
        }
        let told = self.teller(ended, goes).tell(transaction, &events)?;
        let place = self.place_after(transaction, started, ended)?;
        state::keep_place(transaction, client, &Place { retry_at: None, failures: 0, ..place })?;
        let said = format!("{} files, {} events, {} of them new", found.settled.len(), events.len(), told.len());
        let outcome = if told.is_empty() { "quiet" } else { "told" };
        state::end_run(transaction, run, ended, outcome, &said)?;
        Ok(told)
    }

    fn failed(
        &self,
        transaction: &Transaction<'_>,
        run: i64,
        started: Timestamp,
        ended: Timestamp,
        fault: &str,
        goes: &[Goes],
    ) -> rusqlite::Result<Vec<Alert>> {
        let statement = format!("The checks did not run to their end: {fault}. They are tried again until they do.");
        let event = Event {
            source: RUN.to_owned(),
            key: "run-failed".to_owned(),
            also: Vec::new(),
            lasting: Lasting::UntilQuiet,
            told: Told::of(Kind::RunFailed, "The checks did not run", statement),
        };
        let told = self.teller(ended, goes).tell(transaction, &[event])?;
        let mut place = self.place_after(transaction, started, ended)?;
        place.retry_at = Some(ended + backoff(RETRY_FIRST, RETRY_LAST, place.failures));
        place.failures = place.failures.saturating_add(1);
        state::keep_place(transaction, &self.client, &place)?;
        state::end_run(transaction, run, ended, "failed", fault)?;
        Ok(told)
    }

    /// Where a run leaves the watcher: what was due before the run started is done, or was told as missed.
    fn place_after(
        &self,
        transaction: &Transaction<'_>,
        started: Timestamp,
        ended: Timestamp,
    ) -> rusqlite::Result<Place> {
        let mut place = state::place(transaction, &self.client)?.unwrap_or_default();
        if place.next_due.is_none_or(|due| due <= started) {
            place = self.planned(place, started);
        }
        self.alive(&mut place, ended);
        Ok(place)
    }

    /// Changes after which the evidence goes on: they are looked at now, and told together.
    fn changes_checked(
        &self,
        transaction: &Transaction<'_>,
        run: i64,
        checked: &Checked,
    ) -> rusqlite::Result<Option<Event>> {
        let Some(until) = checked.shown_until else { return Ok(None) };
        let seen = state::seen(transaction, &self.client)?;
        let looked: Vec<&Seen> =
            seen.iter().filter(|seen| seen.change.made_at + self.rules.after_change <= until).collect();
        for seen in &looked {
            state::set_change(transaction, &self.client, &seen.change.key, "looked", Some(run))?;
        }
        let Some(first) = looked.first() else { return Ok(None) };
        let is_after = |event: &&Event| event.told.happened_at.is_some_and(|at| at >= first.change.made_at);
        let fired = checked.events.iter().filter(|event| event.told.kind.status() == 5).filter(is_after).count();
        let statement = format!(
            "The checks ran on evidence that goes on until {until}, after {}. {} of what they found happened after {}.",
            named(&looked),
            if fired == 0 { "Nothing".to_owned() } else { fired.to_string() },
            if looked.len() == 1 { "it" } else { "the first of them" },
        );
        Ok(Some(of_changes(Kind::ChangeChecked, "checked", &looked, "Changes were followed by checks", statement)))
    }

    /// Changes whose time is up: no evidence of the time after them came.
    fn expire(&self, store: &mut Sqlite, now: Timestamp, goes: &[Goes], turn: &mut Turn) -> Result<(), Ended> {
        let seen = store.read("read which changes wait", |connection| state::seen(connection, &self.client))?;
        let late: Vec<&Seen> = seen.iter().filter(|seen| !seen.is_missed && seen.deadline < now).collect();
        if late.is_empty() {
            return Ok(());
        }
        let statement = format!(
            "No evidence came that goes on at least {:#} after {}. Whether the mail still flows as it did is not known.",
            self.rules.after_change,
            named(&late),
        );
        let mut event = of_changes(Kind::ChangeNotChecked, "missed", &late, "Changes could not be checked", statement);
        event.told.ask_for = vec!["exchange-online/message-trace".to_owned(), "mimecast/message-finder".to_owned()];
        let teller = self.teller(now, goes);
        let told = state::whole(store, "give up waiting for evidence", |transaction| {
            for seen in &late {
                state::set_change(transaction, &self.client, &seen.change.key, "missed", None)?;
            }
            teller.tell(transaction, std::slice::from_ref(&event))
        })?;
        turn.told.extend(told);
        Ok(())
    }

    /// Leaves a sign of life if the last one is not fresh.
    fn beat(&self, store: &mut Sqlite, now: Timestamp) -> Result<(), Ended> {
        let place = store.read("read where the watcher is", |connection| state::place(connection, &self.client))?;
        let mut place = place.unwrap_or_default();
        let is_fresh = |beat: Timestamp| beat <= now && beat + BEAT_EVERY > now;
        if self.rules.mode == Mode::Stay && place.beat_at.is_some_and(is_fresh) {
            return Ok(());
        }
        // A clock that was set back a little does not make the time since count twice: see `SET_BACK_MAX`.
        self.alive(&mut place, now);
        Ok(state::whole(store, "leave a sign of life", |transaction| {
            state::keep_place(transaction, &self.client, &place)
        })?)
    }
}

/// Sources of the watcher's own events.
const FOLDER: &str = "watch/folder";
const RUN: &str = "watch/run";
const STALE: &str = "watch/stale";
const WATCH: &str = "watch";

/// How long is waited after a failure, the `failures`-th after others in a row.
pub(crate) fn backoff(first: SignedDuration, last: SignedDuration, failures: u32) -> SignedDuration {
    let times = 1_i32.checked_shl(failures.min(20)).unwrap_or(i32::MAX);
    first.checked_mul(times).map_or(last, |wait| wait.min(last))
}

fn clock_set_back(beat: Timestamp, now: Timestamp) -> Event {
    let statement = format!(
        "The clock of the machine shows {now}, and showed {beat} before. The schedule is planned anew from now on; \
         runs may take place at times at which one was noted already."
    );
    Event {
        source: WATCH.to_owned(),
        key: format!("clock/{beat}/{now}"),
        also: Vec::new(),
        lasting: Lasting::Once,
        told: Told::of(Kind::ClockSetBack, "The clock was set back", statement),
    }
}

fn gap(from: Timestamp, to: Timestamp, missed: &[Timestamp], is_more: bool, silent: Option<Timestamp>) -> Event {
    let count = match (missed.len(), is_more) {
        (0, _) => "No run was due by the schedule in this time".to_owned(),
        (1, _) => "1 run was due and did not take place".to_owned(),
        (count, false) => format!("{count} runs were due and did not take place"),
        (count, true) => format!("More than {count} runs were due and did not take place"),
    };
    let due = match missed {
        [] => String::new(),
        [one] => format!(" ({one})"),
        [first, .., last] => format!(" ({first} to {last})"),
    };
    let because = match silent {
        Some(_) => {
            "Nothing was watched: the machine was off or asleep, the watcher did not run, or the clock was set forward"
        }
        None => "The watcher was not started, the clock was set forward, or the run before took too long",
    };
    Event {
        source: WATCH.to_owned(),
        key: format!("gap/{from}"),
        also: Vec::new(),
        lasting: Lasting::Once,
        told: Told {
            happened_at: Some(from),
            span: Some(Span { from, to, runs_missed: missed.len() as u64 }),
            ..Told::of(
                Kind::RunsMissed,
                "Runs did not take place",
                format!("From {from} to {to}: {count}{due}. {because}."),
            )
        },
    }
}

/// The folder, or a file in it, cannot be read.
fn not_readable(name: &str, fault: &str) -> Event {
    let what = if name.is_empty() { "the watched folder".to_owned() } else { format!("`{name}`") };
    Event {
        source: FOLDER.to_owned(),
        key: format!("not-readable/{name}"),
        also: Vec::new(),
        lasting: Lasting::UntilQuiet,
        told: Told::of(
            Kind::NotReadable,
            "Exports cannot be read",
            format!("Expected to read {what}, found {fault}. What it holds is not checked until it can be read."),
        ),
    }
}

fn too_old(until: Option<Timestamp>, stale: SignedDuration) -> Event {
    let ends = match until {
        Some(until) => format!("The newest record about a message is of {until}"),
        None => "No record about a message has an instant".to_owned(),
    };
    Event {
        source: STALE.to_owned(),
        key: "stale".to_owned(),
        also: Vec::new(),
        lasting: Lasting::UntilQuiet,
        told: Told::of(
            Kind::Stale,
            "The exports are too old",
            format!("{ends}, and it may be at most {stale:#} old. Quiet checks say nothing about the time since."),
        ),
    }
}

/// One event for some changes: it is known by all of them, so that it is told once.
fn of_changes(kind: Kind, word: &str, seen: &[&Seen], title: &str, statement: String) -> Event {
    let mut hash = Sha256::new();
    for seen in seen {
        hash.update((seen.change.key.len() as u64).to_be_bytes());
        hash.update(seen.change.key.as_bytes());
    }
    let cites = seen.iter().take(CHANGES_NAMED_MAX).flat_map(|seen| seen.change.cites.clone()).collect();
    Event {
        source: WATCH.to_owned(),
        key: format!("changes/{word}/{}", hex(&hash.finalize()[..16])),
        also: Vec::new(),
        lasting: Lasting::Once,
        told: Told {
            happened_at: seen.first().map(|seen| seen.change.made_at),
            cites,
            ..Told::of(kind, title, statement)
        },
    }
}

fn named(seen: &[&Seen]) -> String {
    let named: Vec<String> = seen
        .iter()
        .take(CHANGES_NAMED_MAX)
        .map(|seen| format!("{} ({})", seen.change.said, seen.change.made_at))
        .collect();
    let more = match seen.len().saturating_sub(CHANGES_NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = if seen.len() == 1 { "this change: ".to_owned() } else { format!("{} changes: ", seen.len()) };
    format!("{count}{}{more}", named.join("; "))
}
