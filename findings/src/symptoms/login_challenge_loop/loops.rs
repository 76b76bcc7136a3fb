//! Attempts that go round.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{SignInKind, SourceId};
use jiff::{SignedDuration, Timestamp};

use super::attempts::{ATTEMPT_GAP, Attempt, End, Stream, UNDONE_WITHIN, attempts as attempts_of};
use super::codes;
use super::rows::{Deed, GATEWAY, Row, Side, has_run_out, is_gateway, is_old_method, is_refusal};

/// Beyond that, so many that follow upon each other within this time are a loop as well.
const UNDONE_LATE: SignedDuration = SignedDuration::from_secs(120);
const LATE_ATTEMPTS: usize = 4;
/// This many attempts in this time are a loop: two can be a slip of the fingers.
pub(super) const LOOP_ATTEMPTS: usize = 3;
const LOOP_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Successes alone have to follow upon each other this often: three tabs are opened at once by anybody.
const LOOP_SUCCESSES: usize = 4;
/// Who gets in within this time after fewer attempts than [`HARD_LUCK`] had mistyped a code.
const RECOVERED_WITHIN: SignedDuration = SignedDuration::from_secs(120);
const HARD_LUCK: usize = 5;
/// A device is enrolled once; this often in this time from one place is a loop.
const ENROLMENT_WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Prompts at a regular spacing are a loop up to this spacing: a prompt twice a day is a working day.
const REGULAR_UP_TO: SignedDuration = SignedDuration::from_hours(4);
/// By how much of the spacing, in percent, regular prompts may differ: people do not answer at once.
const REGULAR_WITHIN_PERCENT: i64 = 20;
/// Two identities that change this often in one window sign in from one seat.
const SWITCHES: usize = 3;

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
        // Elsewhere, a success after the other is what any client does.
        Shape::NotTakenUp => is_gateway(&row.app),
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
            attempts.extend(attempts_of(rows, &part));
            part.clear();
        }
        part.push(number);
    }
    attempts.extend(attempts_of(rows, &part));
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
