//! Rows of sign-ins, put together to attempts, and attempts to loops.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{SignIn, SignInKind, SignInOutcome, SourceId};
use jiff::{SignedDuration, Timestamp};

use super::codes::{self, Code, Does};
use crate::symptoms::{Stated, Survey};

/// The gateway's own record of logons.
pub(super) const GATEWAY: SourceId = "mimecast/audit-events";
/// The identity provider's sign-in log.
pub(super) const PROVIDER: SourceId = "entra/sign-ins";

/// The unified audit log, which has the provider's sign-ins too.
const UNIFIED: SourceId = "exchange-online/audit-log";

/// Rows further apart than this belong to two attempts: nobody fills in a form for longer.
const ATTEMPT_GAP: SignedDuration = SignedDuration::from_secs(120);
/// A success is undone if the next challenge comes within this time.
const UNDONE_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// Beyond that, so many that follow upon each other within this time are a loop as well.
const UNDONE_LATE: SignedDuration = SignedDuration::from_secs(120);
const LATE_ATTEMPTS: usize = 4;
/// A challenge that repeats sooner than this is one challenge, written by two services.
const SAME_CHALLENGE: SignedDuration = SignedDuration::from_secs(3);
/// This many attempts in this time are a loop: two can be a slip of the fingers.
pub(super) const LOOP_ATTEMPTS: usize = 3;
const LOOP_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Successes alone have to follow upon each other this often: three tabs are opened at once by anybody.
const LOOP_SUCCESSES: usize = 4;
/// Who gets in within this time after fewer attempts than [`HARD_LUCK`] had mistyped a code.
const RECOVERED_WITHIN: SignedDuration = SignedDuration::from_secs(120);
const HARD_LUCK: usize = 5;
/// A sign-in that the provider passed is taken up by the gateway within this time.
const TAKEN_UP_WITHIN: SignedDuration = SignedDuration::from_secs(120);
/// A log that has an event at most this long before and after an instant goes on there: nobody logs on over a weekend.
const GOES_ON: SignedDuration = SignedDuration::from_hours(72);
/// Clocks of two services differ by no more than this.
const CLOCKS: SignedDuration = SignedDuration::from_secs(10);
/// A device is enrolled once; this often in this time from one place is a loop.
const ENROLMENT_WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Prompts at a regular spacing are a loop up to this spacing: a prompt twice a day is a working day.
const REGULAR_UP_TO: SignedDuration = SignedDuration::from_hours(4);
/// By how much of the spacing, in percent, regular prompts may differ: people do not answer at once.
const REGULAR_WITHIN_PERCENT: i64 = 20;
/// Two identities that change this often in one window sign in from one seat.
const SWITCHES: usize = 3;

/// Which system asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// The gateway.
    Gateway,
    /// The identity provider.
    Provider,
}

/// What one row did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// A further step was asked for.
    Asked,
    /// Name or password were wrong, or the account is locked.
    Credentials,
    /// Something else refused.
    Refused,
    /// A device was enrolled.
    Enrolled,
    /// Signed in.
    Good,
}

/// One row of a log.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) stated: Stated<'a, SignIn>,
    pub(super) at: Timestamp,
    pub(super) side: Side,
    pub(super) source: SourceId,
    /// Lower case.
    pub(super) who: String,
    /// Lower case; empty if the row names none.
    pub(super) app: String,
    pub(super) deed: Deed,
    pub(super) code: Option<&'static Code>,
    /// Whether a client signed in on behalf of the person: such rows make no attempt.
    pub(super) is_silent: bool,
}

impl Row<'_> {
    pub(super) fn fact(&self) -> &SignIn {
        self.stated.fact
    }

    pub(super) fn ip(&self) -> Option<&str> {
        self.fact().from.as_ref().and_then(|peer| peer.ip.as_deref())
    }

    /// The first value of a detail, whatever the case and blanks of its name.
    pub(super) fn detail(&self, name: &str) -> Option<&str> {
        let is_meant =
            |said: &str| said.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).eq(name.chars());
        let found = self.fact().details.iter().find(|property| is_meant(&property.name))?;
        found.values.first().map(String::as_str)
    }

    /// The session as the log names it: the browser's, else that which the client chose.
    pub(super) fn session(&self) -> Option<&str> {
        self.fact().session.as_deref()
    }

    /// The same failure told a second time, with the record of the address.
    pub(super) fn is_second_telling(&self) -> bool {
        self.side == Side::Gateway
            && self.deed != Deed::Good
            && self.fact().client.is_none()
            && self.fact().steps.is_empty()
    }

    /// Whether the row tells that the person sat at a prompt: a step that was not just remembered.
    fn is_prompted(&self) -> bool {
        let steps = &self.fact().steps;
        self.deed == Deed::Asked
            || steps.iter().any(|step| codes::within("satisfied", step).is_none() && step.contains("succeeded"))
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Good,
    Bad,
    /// A step was asked for, and nothing more is written.
    Open,
}

/// One attempt of one person: numbers of rows, by time.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) rows: Vec<usize>,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) end: End,
    /// Ended well, and was not undone.
    pub(super) is_well: bool,
}

/// How a loop shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// No attempt ends well.
    NoneEndsWell,
    /// Each success is followed by a new challenge.
    Undone,
    /// The provider passes the person, and the gateway logs nobody on.
    NotTakenUp,
    /// Two identities take turns.
    Alternating,
    /// A device is enrolled again and again.
    Enrolment,
    /// Prompts at a regular spacing.
    Regular(SignedDuration),
}

/// Attempts that go round.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub(super) source: SourceId,
    pub(super) side: Side,
    pub(super) app: String,
    pub(super) who: BTreeSet<String>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) shape: Shape,
}

impl Loop {
    pub(super) fn from(&self) -> Timestamp {
        self.attempts.iter().map(|attempt| attempt.from).min().unwrap_or_default()
    }

    pub(super) fn to(&self) -> Timestamp {
        self.attempts.iter().map(|attempt| attempt.to).max().unwrap_or_default()
    }
}

/// The attempts of one person at one application in one log.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) source: SourceId,
    pub(super) app: String,
    pub(super) who: String,
    pub(super) attempts: Vec<Attempt>,
}

/// All sign-ins that matter, by time; rows of one instant in an order of their own, whatever the order of the files.
pub(super) fn rows<'a>(survey: &Survey<'a>) -> Vec<Row<'a>> {
    let unattended: BTreeSet<String> =
        survey.jobs().iter().filter_map(|job| job.fact.identity.as_deref()).map(str::to_lowercase).collect();
    let mut rows: Vec<Row<'a>> = survey.sign_ins().into_iter().filter_map(row).collect();
    rows.retain(|row| !unattended.contains(&row.who));
    leave_out_twins(&mut rows);
    rows.sort_by(|a, b| {
        let key = |row: &Row<'a>| (row.at, row.is_second_telling(), row.deed);
        let names = |row: &Row<'a>| (row.source, row.who.clone(), row.app.clone(), row.fact().request.clone());
        key(a).cmp(&key(b)).then_with(|| names(a).cmp(&names(b)))
    });
    rows
}

/// Leaves out sign-ins that another log tells as well, with less: the provider's own log counts.
fn leave_out_twins(rows: &mut Vec<Row<'_>>) {
    let mut told: BTreeMap<(String, Option<i64>), Vec<Timestamp>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.source == PROVIDER) {
        told.entry((row.who.clone(), row.fact().error_code)).or_default().push(row.at);
    }
    rows.retain(|row| {
        let times = told.get(&(row.who.clone(), row.fact().error_code)).filter(|_| row.source == UNIFIED);
        times.is_none_or(|times| {
            let from = row.at.checked_sub(CLOCKS).unwrap_or(row.at);
            let near = times.get(times.partition_point(|at| *at < from));
            near.is_none_or(|near| near.duration_since(row.at) > CLOCKS)
        })
    });
}

fn row(stated: Stated<'_, SignIn>) -> Option<Row<'_>> {
    let fact = stated.fact;
    let at = stated.at()?;
    let source = stated.source();
    let side = if source == GATEWAY { Side::Gateway } else { Side::Provider };
    let who = fact.who.as_deref()?.trim().to_lowercase();
    if who.is_empty()
        || who == "not available"
        || matches!(fact.kind, SignInKind::ServicePrincipal | SignInKind::ManagedIdentity)
    {
        return None;
    }
    let code = fact.error_code.and_then(codes::code);
    let said = || fact.details.iter().flat_map(|detail| &detail.values).chain(&fact.steps).chain(&fact.reason);
    // Somebody who declines a challenge did not ask for it: that is an attack, no loop.
    if said().any(|text| codes::within("declined", text).is_some()) {
        return None;
    }
    let is_unattended = fact.client.iter().chain(fact.details.iter().flat_map(|detail| &detail.values));
    if side == Side::Provider && is_unattended.into_iter().any(|text| codes::within("unattended", text).is_some()) {
        return None;
    }
    let deed = deed(fact, side, code)?;
    let app = fact.application.as_deref().unwrap_or_default().trim().to_lowercase();
    let is_silent = fact.kind == SignInKind::NonInteractive;
    Some(Row { stated, at, side, source, who, app, deed, code, is_silent })
}

fn deed(fact: &SignIn, side: Side, code: Option<&'static Code>) -> Option<Deed> {
    if fact.outcome == SignInOutcome::Succeeded {
        let is_enrolment = side == Side::Gateway && fact.steps.iter().any(|step| step == "device enrolment");
        return Some(if is_enrolment { Deed::Enrolled } else { Deed::Good });
    }
    if let Some(code) = code {
        return Some(match code.does {
            Does::Asks => Deed::Asked,
            Does::Credentials => Deed::Credentials,
            Does::Refuses => Deed::Refused,
        });
    }
    Some(match fact.outcome {
        SignInOutcome::Succeeded => Deed::Good,
        SignInOutcome::Interrupted => Deed::Asked,
        SignInOutcome::Failed => {
            let reason = fact.reason.as_deref().unwrap_or_default();
            match codes::within("reason", reason) {
                Some("wrong_password" | "locked") => Deed::Credentials,
                _ => Deed::Refused,
            }
        }
        SignInOutcome::NotSaid => return None,
    })
}

/// The attempts of each person at each application in each log.
pub(super) fn streams(rows: &[Row<'_>]) -> Vec<Stream> {
    let mut by_key: BTreeMap<(SourceId, &str, &str), Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        if row.is_silent || row.deed == Deed::Enrolled || row.is_second_telling() {
            continue;
        }
        by_key.entry((row.source, &row.app, &row.who)).or_default().push(number);
    }
    // A second telling of a failure joins the stream of the first, whatever application it names; alone it is one itself.
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.is_second_telling()) {
        let is_told = rows[number.saturating_sub(TELLINGS_BACK)..number].iter().any(|first| {
            first.source == row.source
                && first.who == row.who
                && !first.is_second_telling()
                && row.at.duration_since(first.at) <= SAME_CHALLENGE
        });
        if !is_told {
            by_key.entry((row.source, &row.app, &row.who)).or_default().push(number);
        }
    }
    let logons = Logons::of(rows);
    let mut streams: Vec<Stream> = Vec::new();
    for ((source, app, who), mut numbers) in by_key {
        numbers.sort_unstable();
        let mut attempts = attempts(rows, &numbers);
        judge(rows, &mut attempts, &logons);
        streams.push(Stream { source, app: app.to_owned(), who: who.to_owned(), attempts });
    }
    streams
}

/// How many rows before it the first telling of a failure is looked for.
const TELLINGS_BACK: usize = 16;

/// Puts rows of one stream together.
fn attempts(rows: &[Row<'_>], numbers: &[usize]) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for &number in numbers {
        let Some(row) = rows.get(number) else { continue };
        let goes_on = attempts.last().is_some_and(|attempt| goes_on(rows, attempt, row));
        let end = match row.deed {
            Deed::Good | Deed::Enrolled => End::Good,
            Deed::Asked => End::Open,
            Deed::Credentials | Deed::Refused => End::Bad,
        };
        match attempts.last_mut().filter(|_| goes_on) {
            Some(attempt) => {
                attempt.rows.push(number);
                attempt.to = row.at;
                attempt.end = end;
            }
            None => attempts.push(Attempt { rows: vec![number], from: row.at, to: row.at, end, is_well: false }),
        }
    }
    merged(rows, attempts)
}

fn goes_on(rows: &[Row<'_>], attempt: &Attempt, row: &Row<'_>) -> bool {
    let of = |number: &usize| rows.get(*number);
    let Some(last) = attempt.rows.last().and_then(of) else { return false };
    if row.at.duration_since(last.at) >= ATTEMPT_GAP {
        return false;
    }
    let is_same_request = row.fact().request.is_some() && row.fact().request == last.fact().request;
    if attempt.end != End::Open {
        return is_same_request;
    }
    if row.session().is_some() && last.session().is_some() && row.session() != last.session() {
        return false;
    }
    let asked_the_same =
        |known: &Row<'_>| known.deed == Deed::Asked && known.fact().error_code == row.fact().error_code;
    let is_repeated = row.deed == Deed::Asked
        && row.at.duration_since(last.at) >= SAME_CHALLENGE
        && attempt.rows.iter().filter_map(of).any(asked_the_same);
    !is_repeated || is_same_request
}

/// Challenges of one session that lead to a success are one attempt: a stream writes each of them, the portal one.
fn merged(rows: &[Row<'_>], attempts: Vec<Attempt>) -> Vec<Attempt> {
    let session = |attempt: &Attempt| {
        attempt.rows.first().and_then(|number| rows.get(*number)).and_then(|row| row.session().map(str::to_owned))
    };
    let mut kept: Vec<Attempt> = Vec::new();
    for next in attempts.into_iter().rev() {
        match kept.last_mut() {
            Some(later)
                if next.end == End::Open
                    && later.end == End::Good
                    && session(&next).is_some()
                    && session(&next) == session(later)
                    && later.from.duration_since(next.to) < ATTEMPT_GAP =>
            {
                later.rows.splice(0..0, next.rows);
                later.from = next.from;
            }
            _ => kept.push(next),
        }
    }
    kept.reverse();
    kept
}

/// When the gateway logged somebody on.
struct Logons<'r> {
    by_name: BTreeMap<&'r str, Vec<Timestamp>>,
    by_ip: BTreeMap<&'r str, Vec<Timestamp>>,
    /// All events of the gateway.
    all: Vec<Timestamp>,
}

impl<'r> Logons<'r> {
    fn of(rows: &'r [Row<'_>]) -> Logons<'r> {
        let mut logons = Logons { by_name: BTreeMap::new(), by_ip: BTreeMap::new(), all: Vec::new() };
        logons.all.extend(rows.iter().filter(|row| row.side == Side::Gateway).map(|row| row.at));
        for row in rows.iter().filter(|row| row.side == Side::Gateway && row.deed == Deed::Good) {
            logons.by_name.entry(&row.who).or_default().push(row.at);
            if let Some(user) = row.detail("user") {
                logons.by_name.entry(user).or_default().push(row.at);
            }
            if let Some(ip) = row.ip() {
                logons.by_ip.entry(ip).or_default().push(row.at);
            }
        }
        logons
    }

    /// Whether the gateway's events go on before and after an instant, so that they would show a logon; in how many files they came
    /// does not matter.
    fn span(&self, at: Timestamp) -> bool {
        let after = self.all.partition_point(|event| *event <= at);
        let before = after.checked_sub(1).and_then(|place| self.all.get(place));
        let is_near = |event: Option<&Timestamp>| event.is_some_and(|event| event.duration_since(at).abs() <= GOES_ON);
        is_near(before) && is_near(self.all.get(after))
    }

    /// Whether somebody of this name, or from this address, was logged on soon after.
    fn follow(&self, row: &Row<'_>) -> bool {
        let soon = |times: Option<&Vec<Timestamp>>| {
            times.is_some_and(|times| {
                let from = row.at.checked_sub(CLOCKS).unwrap_or(row.at);
                let first = times.partition_point(|at| *at < from);
                times.get(first).is_some_and(|at| at.duration_since(row.at) <= TAKEN_UP_WITHIN)
            })
        };
        soon(self.by_name.get(row.who.as_str())) || row.ip().is_some_and(|ip| soon(self.by_ip.get(ip)))
    }
}

/// Whether an application of the provider is the gateway, by its name.
pub(super) fn is_gateway(app: &str) -> bool {
    codes::within("gateway_application", app).is_some()
}

/// Says of each attempt whether it ended well and stayed so.
fn judge(rows: &[Row<'_>], attempts: &mut [Attempt], logons: &Logons<'_>) {
    let starts: Vec<Timestamp> = attempts.iter().map(|attempt| attempt.from).collect();
    for (at, attempt) in attempts.iter_mut().enumerate() {
        let is_undone = starts.get(at + 1).is_some_and(|next| next.duration_since(attempt.to) <= UNDONE_WITHIN);
        let is_left = attempt.rows.last().and_then(|number| rows.get(*number)).is_some_and(|row| {
            row.side == Side::Provider && is_gateway(&row.app) && logons.span(row.at) && !logons.follow(row)
        });
        attempt.is_well = attempt.end == End::Good && !is_undone && !is_left;
    }
}

/// All loops of all streams.
pub(super) fn loops(rows: &[Row<'_>], streams: &[Stream]) -> Vec<Loop> {
    let mut found: Vec<Loop> = streams.iter().flat_map(|stream| of_stream(rows, stream)).collect();
    found.extend(streams.iter().filter_map(|stream| undone_late(rows, stream)));
    found.extend(alternating(rows));
    found.extend(enrolments(rows));
    found.extend(regular(rows));
    found
}

/// Runs of attempts that do not end well.
fn of_stream(rows: &[Row<'_>], stream: &Stream) -> Vec<Loop> {
    let mut found = Vec::new();
    let mut run: Vec<&Attempt> = Vec::new();
    for (at, attempt) in stream.attempts.iter().enumerate() {
        let is_far = run.last().is_some_and(|last| attempt.from.duration_since(last.to) > LOOP_WINDOW);
        if is_far {
            found.extend(close(rows, stream, &run, None));
            run.clear();
        }
        if !attempt.is_well {
            run.push(attempt);
            continue;
        }
        // Well in another browser in between: that one works, this one goes on.
        let goes_on = stream
            .attempts
            .get(at + 1)
            .is_some_and(|next| !next.is_well && next.from.duration_since(attempt.to) <= LOOP_WINDOW);
        let other = run.last().is_some_and(|last| devices_differ(rows, last, attempt));
        if goes_on && other {
            continue;
        }
        found.extend(close(rows, stream, &run, Some(attempt)));
        run.clear();
    }
    found.extend(close(rows, stream, &run, None));
    found
}

/// Challenges that succeed and come back, more slowly, if there is no faster loop.
fn undone_late(rows: &[Row<'_>], stream: &Stream) -> Option<Loop> {
    if stream.attempts.iter().any(|attempt| !attempt.is_well) {
        return None;
    }
    let is_asked = |attempt: &&Attempt| {
        let mut own = attempt.rows.iter().filter_map(|number| rows.get(*number));
        own.any(|row| row.deed == Deed::Asked)
    };
    let asked: Vec<&Attempt> = stream.attempts.iter().filter(is_asked).collect();
    let is_next = |one: &&Attempt, next: &&Attempt| next.from.duration_since(one.to) <= UNDONE_LATE;
    let best = asked.chunk_by(is_next).max_by_key(|run| run.len())?;
    let attempts: Vec<Attempt> = best.iter().map(|attempt| (*attempt).clone()).collect();
    let first = rows.get(*attempts.first()?.rows.first()?)?;
    is_dense(&attempts, LATE_ATTEMPTS).then(|| Loop {
        source: stream.source,
        side: first.side,
        app: stream.app.clone(),
        who: BTreeSet::from([stream.who.clone()]),
        attempts,
        shape: Shape::Undone,
    })
}

fn device<'r>(rows: &'r [Row<'_>], attempt: &Attempt) -> Option<&'r str> {
    attempt.rows.iter().filter_map(|number| rows.get(*number)).find_map(|row| row.fact().device.as_deref())
}

fn devices_differ(rows: &[Row<'_>], one: &Attempt, other: &Attempt) -> bool {
    device(rows, one).zip(device(rows, other)).is_some_and(|(one, other)| one != other)
}

/// A run as a loop, if it is one; `last` is the attempt that ended it by going well.
fn close(rows: &[Row<'_>], stream: &Stream, run: &[&Attempt], last: Option<&Attempt>) -> Option<Loop> {
    let first = run.first()?;
    let of = |attempt: &Attempt| attempt.rows.iter().filter_map(|number| rows.get(*number)).collect::<Vec<&Row<'_>>>();
    let last_of_run = run.last()?;
    let soon = last.filter(|last| last.from.duration_since(last_of_run.to) <= UNDONE_WITHIN);
    let mut attempts: Vec<Attempt> = run.iter().map(|attempt| (*attempt).clone()).collect();
    let succeeded = attempts.iter().filter(|attempt| attempt.end == End::Good).count();
    // The last success of a row of undone ones is a challenge too.
    if succeeded == attempts.len() {
        attempts.extend(soon.cloned());
    }
    let (mut asked, mut refused) = (0, 0);
    for attempt in &attempts {
        let rows = of(attempt);
        asked += usize::from(rows.iter().any(|row| row.is_prompted()));
        refused += usize::from(rows.iter().any(|row| is_refusal(row) || is_old_method(row)));
    }
    if !is_dense(&attempts, LOOP_ATTEMPTS) {
        return None;
    }
    let row = of(first).first().copied()?;
    let shape = if succeeded == 0 {
        Shape::NoneEndsWell
    } else if row.side == Side::Provider && is_left_so(&attempts) {
        Shape::NotTakenUp
    } else {
        Shape::Undone
    };
    let ip = |attempt: &Attempt| attempt.rows.first().and_then(|number| rows.get(*number)?.ip());
    let is_recovered = last.is_some_and(|last| {
        last.from.duration_since(last_of_run.to) <= RECOVERED_WITHIN
            && ip(last) == ip(last_of_run)
            && !devices_differ(rows, last, last_of_run)
    });
    let is_loop = match shape {
        // Wrong passwords alone are no challenge, and a refusal alone is one only at the door of the gateway.
        Shape::NoneEndsWell if is_recovered && attempts.len() < HARD_LUCK => false,
        Shape::NoneEndsWell => {
            asked > 0
                || (refused >= LOOP_ATTEMPTS
                    && (row.side == Side::Gateway || is_gateway(&row.app) || speaks_of_a_loop(rows, &attempts)))
        }
        Shape::NotTakenUp => true,
        _ => {
            asked >= LOOP_ATTEMPTS
                || (is_web(row) && is_dense(&attempts, LOOP_SUCCESSES) && succeeded >= LOOP_SUCCESSES - 1)
        }
    };
    is_loop.then(|| Loop {
        source: stream.source,
        side: row.side,
        app: stream.app.clone(),
        who: BTreeSet::from([stream.who.clone()]),
        attempts,
        shape,
    })
}

/// Whether a success is left as it is: nothing new begins soon after it.
fn is_left_so(attempts: &[Attempt]) -> bool {
    let nexts = attempts.iter().skip(1).map(Some).chain([None]);
    attempts.iter().zip(nexts).any(|(attempt, next)| {
        let is_undone = next.is_some_and(|next| next.from.duration_since(attempt.to) <= UNDONE_WITHIN);
        attempt.end == End::Good && !attempt.is_well && !is_undone
    })
}

/// Whether the codes themselves are about challenges that fail or repeat, whatever the application.
fn speaks_of_a_loop(rows: &[Row<'_>], attempts: &[Attempt]) -> bool {
    let numbers = attempts.iter().flat_map(|attempt| &attempt.rows);
    let causes = numbers.filter_map(|number| rows.get(*number)?.code?.cause.as_deref());
    let telling = ["saml-mismatch", "clock", "cookies-or-session-lost", "second-factor-moved-or-incomplete"];
    causes.into_iter().any(|cause| telling.contains(&cause))
}

/// Whether this many attempts begin within one window.
fn is_dense(attempts: &[Attempt], count: usize) -> bool {
    attempts.windows(count).any(|window| match window {
        [first, .., last] => last.from.duration_since(first.from) <= LOOP_WINDOW,
        _ => false,
    })
}

/// Whether a person sits before a page, and no client polls.
fn is_web(row: &Row<'_>) -> bool {
    match row.side {
        Side::Gateway => codes::within("client", &row.app).is_none(),
        Side::Provider => is_gateway(&row.app) && row.fact().kind == SignInKind::Interactive,
    }
}

/// A refusal that is none of authorization: who may not use an application is not asked for anything.
fn is_refusal(row: &Row<'_>) -> bool {
    row.deed == Deed::Refused && !matches!(row.fact().error_code, Some(NOT_ASSIGNED | NOT_CONSENTED))
}

/// The codes of authorization.
const NOT_ASSIGNED: i64 = 50105;
const NOT_CONSENTED: i64 = 65001;

/// A failure of a logon method that is gone, at the gateway.
pub(super) fn is_old_method(row: &Row<'_>) -> bool {
    let method = row.fact().client.as_deref().unwrap_or_default();
    row.side == Side::Gateway
        && matches!(row.deed, Deed::Credentials | Deed::Refused)
        && codes::within("method", method) == Some("old")
}

/// Two identities that take turns at one application, from one session or one address.
fn alternating(rows: &[Row<'_>]) -> Vec<Loop> {
    let mut seats: BTreeMap<(SourceId, &str, &str), Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        if row.is_silent || row.deed == Deed::Enrolled || row.is_second_telling() {
            continue;
        }
        if let Some(ip) = row.ip() {
            seats.entry((row.source, &row.app, ip)).or_default().push(number);
        }
    }
    let mut found = Vec::new();
    for ((source, app, _), numbers) in seats {
        // Stretches in which only two identities sign in.
        let mut stretch: Vec<usize> = Vec::new();
        let mut pair: BTreeSet<&str> = BTreeSet::new();
        for &number in &numbers {
            let Some(row) = rows.get(number) else { continue };
            let is_far = stretch
                .last()
                .and_then(|last| rows.get(*last))
                .is_some_and(|last| row.at.duration_since(last.at) > LOOP_WINDOW);
            let is_third = pair.len() == 2 && !pair.contains(row.who.as_str());
            if is_far || is_third {
                found.extend(turns(rows, source, app, &stretch));
                stretch.clear();
                pair.clear();
            }
            pair.insert(&row.who);
            stretch.push(number);
        }
        found.extend(turns(rows, source, app, &stretch));
    }
    found
}

/// A stretch as a loop, if two identities take turns in it and do not both get in.
fn turns(rows: &[Row<'_>], source: SourceId, app: &str, stretch: &[usize]) -> Option<Loop> {
    let of = |number: &usize| rows.get(*number);
    let whos: Vec<&str> = stretch.iter().filter_map(of).map(|row| row.who.as_str()).collect();
    let switches = whos.windows(2).filter(|pair| pair.first() != pair.last()).count();
    if switches < SWITCHES {
        return None;
    }
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut part: Vec<usize> = Vec::new();
    for &number in stretch {
        let changes = part.last().and_then(of).zip(of(&number)).is_some_and(|(last, row)| last.who != row.who);
        if changes {
            attempts.extend(self::attempts(rows, &part));
            part.clear();
        }
        part.push(number);
    }
    attempts.extend(self::attempts(rows, &part));
    let names: BTreeSet<String> = whos.iter().map(|who| (*who).to_owned()).collect();
    let ended = |who: &String, end: End| {
        let own =
            attempts.iter().filter(|attempt| attempt.rows.first().and_then(of).is_some_and(|row| row.who == *who));
        own.filter(|attempt| (attempt.end == End::Good) == (end == End::Good)).count()
    };
    // One of the two never gets in; both in an office would. In one session both may get in, and neither stays.
    let kept_out = names.iter().find(|who| ended(who, End::Good) == 0 && ended(who, End::Bad) >= 2);
    let has_a_sign = kept_out.is_some_and(|kept_out| {
        stretch.iter().filter_map(of).filter(|row| row.who == *kept_out).any(|row| {
            row.side == Side::Gateway && row.deed == Deed::Asked
                || row.code.and_then(|code| code.cause.as_deref()).is_some_and(|cause| SECOND_IDENTITY.contains(&cause))
        })
    });
    let is_one_session = shares_a_session(rows, stretch) && (kept_out.is_some() || switches > SWITCHES);
    ((has_a_sign || is_one_session) && is_dense(&attempts, LOOP_ATTEMPTS)).then(|| Loop {
        source,
        side: if source == GATEWAY { Side::Gateway } else { Side::Provider },
        app: app.to_owned(),
        who: names,
        attempts,
        shape: Shape::Alternating,
    })
}

/// Causes whose codes say that the second identity may not be used.
const SECOND_IDENTITY: &[&str] = &["delegate-or-shared-mailbox", "different-profile-by-role"];

/// Whether one session names two identities.
pub(super) fn shares_a_session(rows: &[Row<'_>], numbers: &[usize]) -> bool {
    let mut by_session: BTreeMap<&str, &str> = BTreeMap::new();
    numbers
        .iter()
        .filter_map(|number| rows.get(*number))
        .any(|row| row.session().is_some_and(|session| *by_session.entry(session).or_insert(&row.who) != row.who))
}

/// Devices that are enrolled again and again from one place.
fn enrolments(rows: &[Row<'_>]) -> Vec<Loop> {
    let mut by_seat: BTreeMap<(SourceId, &str, &str), Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.deed == Deed::Enrolled) {
        by_seat.entry((row.source, &row.who, row.ip().unwrap_or_default())).or_default().push(number);
    }
    let mut found = Vec::new();
    for ((source, who, _), numbers) in by_seat {
        let attempts: Vec<Attempt> = numbers
            .iter()
            .filter_map(|number| {
                let at = rows.get(*number)?.at;
                Some(Attempt { rows: vec![*number], from: at, to: at, end: End::Good, is_well: false })
            })
            .collect();
        let is_dense = attempts.windows(LOOP_ATTEMPTS).any(|window| match window {
            [first, .., last] => last.from.duration_since(first.from) <= ENROLMENT_WINDOW,
            _ => false,
        });
        if is_dense {
            let who = BTreeSet::from([who.to_owned()]);
            found.push(Loop {
                source,
                side: Side::Gateway,
                app: String::new(),
                who,
                attempts,
                shape: Shape::Enrolment,
            });
        }
    }
    found
}

/// Prompts at a regular spacing because a session has run out.
fn regular(rows: &[Row<'_>]) -> Vec<Loop> {
    let mut by_key: BTreeMap<(SourceId, &str, &str), Vec<Attempt>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| has_run_out(row)) {
        let prompts = by_key.entry((row.source, &row.app, &row.who)).or_default();
        match prompts.last_mut().filter(|last| row.at.duration_since(last.to) < ATTEMPT_GAP) {
            Some(last) => {
                last.rows.push(number);
                last.to = row.at;
            }
            None => {
                prompts.push(Attempt { rows: vec![number], from: row.at, to: row.at, end: End::Open, is_well: false })
            }
        }
    }
    let mut found = Vec::new();
    for ((source, app, who), attempts) in by_key {
        if attempts.len() <= LOOP_ATTEMPTS {
            continue;
        }
        let Some(spacing) = spacing(&attempts) else { continue };
        found.push(Loop {
            source,
            side: Side::Provider,
            app: app.to_owned(),
            who: BTreeSet::from([who.to_owned()]),
            attempts,
            shape: Shape::Regular(spacing),
        });
    }
    found
}

/// Whether a row asks anew because what was given before has run out.
pub(super) fn has_run_out(row: &Row<'_>) -> bool {
    let says = row.code.is_some_and(|code| code.cause.as_deref() == Some("sign-in-frequency"));
    says || (row.deed == Deed::Asked && names_a_frequency(row))
}

/// Whether a row names a sign-in frequency that applied.
pub(super) fn names_a_frequency(row: &Row<'_>) -> bool {
    let lifetimes = row.fact().details.iter().filter(|one| one.name.to_lowercase().contains("sessionlifetime"));
    let mut lifetimes = lifetimes.flat_map(|one| &one.values);
    let mut policies =
        row.fact().policies.iter().filter(|policy| is_applied(&policy.result)).flat_map(|policy| &policy.controls);
    let is_meant = |text: &String| codes::within("frequency", text).is_some();
    lifetimes.any(is_meant) || policies.any(is_meant)
}

/// Whether an access policy took part in a sign-in, by its result.
pub(super) fn is_applied(result: &str) -> bool {
    let result = result.to_lowercase();
    !(result.starts_with("not") || result.starts_with("report") || result.starts_with("unknown") || result.is_empty())
}

/// The spacing of prompts, if it is regular.
fn spacing(prompts: &[Attempt]) -> Option<SignedDuration> {
    let mut gaps: Vec<i64> = prompts
        .windows(2)
        .filter_map(|pair| Some(pair.last()?.from.duration_since(pair.first()?.from).as_secs()))
        .collect();
    gaps.sort_unstable();
    let median = *gaps.get(gaps.len() / 2)?;
    let (least, most) = (*gaps.first()?, *gaps.last()?);
    let is_regular = (most - least) * 100 <= median * REGULAR_WITHIN_PERCENT + 6000;
    let median = SignedDuration::from_secs(median);
    (is_regular && median <= REGULAR_UP_TO && median > ATTEMPT_GAP).then_some(median)
}
