//! Sends what waits in the outbox, each sink for itself: one that fails neither loses nor blocks what goes to the others.

use case::Sqlite;
use jiff::{SignedDuration, Timestamp};

use crate::state::{self, Waiting};
use crate::watcher::{Around, Ended, Turn, backoff};
use crate::world::{Before, Fault, NotSent};

/// The first wait after a failure; it doubles each time, up to the last.
const WAIT_FIRST: SignedDuration = SignedDuration::from_secs(30);
const WAIT_LAST: SignedDuration = SignedDuration::from_hours(1);
/// An alert is given up after so many attempts, if the first of them is so long ago.
const ATTEMPTS_LEAST: u32 = 20;
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// So many alerts are sent to one sink in one turn: other things have to be looked at too.
const OF_ONE_TURN: usize = 100;

/// Sends what is due.
pub(crate) fn deliver(store: &mut Sqlite, client: &str, around: &mut Around<'_>, turn: &mut Turn) -> Result<(), Ended> {
    for at in 0..around.sinks.len() {
        let Some(name) = around.sinks.get(at).map(|sink| sink.name().to_owned()) else { continue };
        let waiting = store
            .read("read what waits to be sent", |connection| state::waiting(connection, client, &name, OF_ONE_TURN))?;
        for one in waiting {
            if !is_due(&one, around.clock.now()) {
                continue;
            }
            if let Some(not_sent) = send(store, client, around, at, &name, &one)? {
                turn.not_sent += 1;
                let fault = format!("{name}: {}", not_sent.said);
                if !turn.faults.contains(&fault) {
                    turn.faults.push(fault);
                }
                if not_sent.fault == Fault::Place {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Whether an alert is to be tried now. A clock that was set back puts nothing off for longer than the longest wait.
fn is_due(one: &Waiting, now: Timestamp) -> bool {
    one.next_at.is_none_or(|next| next <= now || next - WAIT_LAST * 2 > now)
}

/// Tries to send one alert. That it is tried is noted before, so that after a kill in between it is known that it may have arrived.
fn send(
    store: &mut Sqlite,
    client: &str,
    around: &mut Around<'_>,
    at: usize,
    name: &str,
    one: &Waiting,
) -> Result<Option<NotSent>, Ended> {
    let started = around.clock.now();
    let first_at = one.first_at.unwrap_or(started);
    let id = &one.alert.id;
    state::whole(store, "note an attempt", |transaction| state::attempt(transaction, id, name, first_at))?;
    around.pulse.beat()?;
    let before = if one.attempts == 0 { Before::NotThere } else { Before::MayBeThere };
    let done = match around.sinks.get_mut(at) {
        Some(sink) => sink.send(&one.alert, started, before),
        None => return Ok(None),
    };
    around.pulse.beat()?;
    let now = around.clock.now();
    state::whole(store, "note what became of an attempt", |transaction| match &done {
        Ok(()) => state::sent(transaction, id, name, now),
        Err(not_sent) => {
            let next = next_attempt(one, first_at, now);
            state::not_sent(transaction, id, name, &not_sent.said, next, now)?;
            match (not_sent.fault, next) {
                (Fault::Place, Some(next)) => state::put_off(transaction, client, name, next),
                _ => Ok(()),
            }
        }
    })?;
    around.pulse.beat()?;
    Ok(done.err())
}

/// When an alert that failed is tried again; `None` if it is given up.
fn next_attempt(one: &Waiting, first_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let attempts = one.attempts + 1;
    if attempts >= ATTEMPTS_LEAST && first_at + TRIED_FOR < now {
        return None;
    }
    Some(now + backoff(WAIT_FIRST, WAIT_LAST, one.attempts))
}
