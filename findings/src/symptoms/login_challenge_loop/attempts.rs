//! Rows put together to attempts, and how each of them ended.

use std::collections::BTreeMap;

use evidence::SourceId;
use jiff::{SignedDuration, Timestamp};

use super::rows::{CLOCKS, Deed, Row, Side, is_gateway};

/// Rows further apart than this belong to two attempts: nobody fills in a form for longer.
pub(super) const ATTEMPT_GAP: SignedDuration = SignedDuration::from_secs(120);
/// A success is undone if the next challenge comes within this time.
pub(super) const UNDONE_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// A challenge that repeats sooner than this is one challenge, written by two services.
const SAME_CHALLENGE: SignedDuration = SignedDuration::from_secs(3);
/// A sign-in that the provider passed is taken up by the gateway within this time.
const TAKEN_UP_WITHIN: SignedDuration = SignedDuration::from_secs(120);
/// A log that has an event at most this long before and after an instant goes on there: nobody logs on over a weekend.
const GOES_ON: SignedDuration = SignedDuration::from_hours(72);

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

/// The attempts of one person at one application in one log.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) source: SourceId,
    pub(super) app: String,
    pub(super) who: String,
    pub(super) attempts: Vec<Attempt>,
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
pub(super) fn attempts(rows: &[Row<'_>], numbers: &[usize]) -> Vec<Attempt> {
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
