//! Signs of life: what a watcher says of itself, and how all of them are.

use case::{Sqlite, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::state;

/// The name and version of the form of [`Heartbeat`].
pub const HEARTBEAT_SCHEMA: &str = "throughline.heartbeat.v1";
/// The name and version of the form of [`Status`].
pub const STATUS_SCHEMA: &str = "throughline.watch-status.v1";

/// A sign of life, as it stands in a file for other programs to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Always `throughline.heartbeat.v1`.
    pub schema: String,
    /// The client.
    pub client: String,
    /// When it was left.
    pub at: Option<Timestamp>,
    /// When the next run is due by the schedule; null without one.
    pub next_due: Option<Timestamp>,
    /// From when on the watcher is late if nothing newer stands here; null if nothing is expected.
    pub late_at: Option<Timestamp>,
}

/// How all watchers of a store are: the JSON of `watch --status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Always `throughline.watch-status.v1`.
    pub schema: String,
    /// By which instant it was looked at.
    pub now: Timestamp,
    /// Whether any of them is late.
    pub is_late: bool,
    /// Each client.
    pub clients: Vec<ClientStatus>,
}

/// How the watcher of one client is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientStatus {
    /// The client, in lower case.
    pub client: String,
    /// `stay`, or `once` if it is started anew for each run.
    pub mode: Option<String>,
    /// Whether there should have been a sign of life, or a run.
    pub is_late: bool,
    /// Since when.
    pub late_since: Option<Timestamp>,
    /// The last sign of life.
    pub beat_at: Option<Timestamp>,
    /// The schedule with its zone.
    pub schedule: Option<String>,
    /// When the next run is due by it.
    pub next_due: Option<Timestamp>,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// How often runs failed in a row until now.
    pub failures: u32,
    /// Spans in which runs did not take place: how many were told.
    pub gaps: u64,
    /// When the last of them was noticed.
    pub last_gap_at: Option<Timestamp>,
    /// Changes that wait for evidence of the time after them.
    pub changes_waiting: u64,
    /// Alerts that were told.
    pub alerts: u64,
    /// Alerts that did not arrive.
    pub undelivered: Vec<Undelivered>,
}

/// The last run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastRun {
    /// Why it took place: `arrived`, `scheduled`, `second_look`, `retry`.
    pub reasons: Vec<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; null if it runs, or was broken off.
    pub ended_at: Option<Timestamp>,
    /// `quiet`, `told`, `failed`, `broken_off`; null while it runs.
    pub outcome: Option<String>,
    /// What came of it, in short.
    pub said: Option<String>,
}

/// Alerts that did not arrive at a sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undelivered {
    /// Where.
    pub sink: String,
    /// How many wait.
    pub waiting: u64,
    /// How many were given up.
    pub given_up: u64,
    /// When the oldest of them was noticed.
    pub oldest_at: Option<Timestamp>,
    /// What was said last.
    pub fault: Option<String>,
}

/// How all watchers of a store are; `client` picks one.
///
/// # Errors
/// [`StoreError`] if it cannot be read.
pub fn status(store: &Sqlite, client: Option<&str>, now: Timestamp) -> Result<Status, StoreError> {
    let wanted = client.map(state::named);
    let clients = store.read("read how the watchers are", |connection| {
        let mut statement =
            connection.prepare("SELECT client FROM watch_client WHERE ?1 IS NULL OR client = ?1 ORDER BY client")?;
        let named: Vec<String> = statement.query_map([wanted], |row| row.get(0))?.collect::<Result<_, _>>()?;
        named.iter().map(|client| of(connection, client, now)).collect::<Result<Vec<_>, _>>()
    })?;
    let is_late = clients.iter().any(|client| client.is_late);
    Ok(Status { schema: STATUS_SCHEMA.to_owned(), now, is_late, clients })
}

fn of(connection: &Connection, client: &str, now: Timestamp) -> rusqlite::Result<ClientStatus> {
    let place = state::place(connection, client)?.unwrap_or_default();
    let count = |sql: &str| connection.query_row(sql, [client], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let last_gap_at = connection.query_row(
        "SELECT at FROM watch_alert WHERE client = ? AND kind = 'runs_missed' ORDER BY n DESC LIMIT 1",
        [client],
        |row| state::instant(row, 0),
    );
    let late_since = place.late_at.filter(|late| *late < now);
    Ok(ClientStatus {
        client: client.to_owned(),
        mode: place.mode,
        is_late: late_since.is_some(),
        late_since,
        beat_at: place.beat_at,
        schedule: place.schedule,
        next_due: place.next_due,
        last_run: last_run(connection, client)?,
        failures: place.failures,
        gaps: count("SELECT count(*) FROM watch_alert WHERE client = ? AND kind = 'runs_missed'")?,
        last_gap_at: last_gap_at.optional()?.flatten(),
        changes_waiting: count("SELECT count(*) FROM watch_change WHERE client = ? AND state = 'waiting'")?,
        alerts: count("SELECT count(*) FROM watch_alert WHERE client = ?")?,
        undelivered: undelivered(connection, client)?,
    })
}

/// The last runs of the watcher of a client, the newest first, `most` of them at most.
///
/// # Errors
/// [`StoreError`] if they cannot be read.
pub fn runs(store: &Sqlite, client: &str, most: usize) -> Result<Vec<LastRun>, StoreError> {
    let client = state::named(client);
    store.read("read the runs of a watcher", |connection| last_runs(connection, &client, most))
}

/// The last alerts of all clients, the newest first, `most` of them at most.
///
/// # Errors
/// [`StoreError`] if they cannot be read.
pub fn alerts(store: &Sqlite, most: usize) -> Result<Vec<Alert>, StoreError> {
    store.read("read the alerts", |connection| state::alerts(connection, most))
}

fn last_run(connection: &Connection, client: &str) -> rusqlite::Result<Option<LastRun>> {
    Ok(last_runs(connection, client, 1)?.into_iter().next())
}

fn last_runs(connection: &Connection, client: &str, most: usize) -> rusqlite::Result<Vec<LastRun>> {
    let mut statement = connection.prepare(
        "SELECT reasons, started_at, ended_at, outcome, said FROM watch_run WHERE client = ? ORDER BY n DESC LIMIT ?",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let runs = statement.query_map(params![client, most], |row| {
        Ok(LastRun {
            reasons: row.get::<_, String>(0)?.split(',').map(str::to_owned).collect(),
            started_at: state::instant(row, 1)?.unwrap_or_default(),
            ended_at: state::instant(row, 2)?,
            outcome: row.get(3)?,
            said: row.get(4)?,
        })
    })?;
    runs.collect()
}

fn undelivered(connection: &Connection, client: &str) -> rusqlite::Result<Vec<Undelivered>> {
    let mut statement = connection.prepare(
        "SELECT o.sink, count(*) FILTER (WHERE o.given_up_at IS NULL), count(*) FILTER (WHERE o.given_up_at IS NOT NULL),
                min(a.n), max(o.fault)
         FROM watch_outbox o JOIN watch_alert a ON a.id = o.alert
         WHERE a.client = ? AND o.sent_at IS NULL GROUP BY o.sink ORDER BY o.sink",
    )?;
    let rows = statement.query_map([client], |row| {
        let oldest: i64 = row.get(3)?;
        let one = Undelivered {
            sink: row.get(0)?,
            waiting: row.get::<_, i64>(1)?.unsigned_abs(),
            given_up: row.get::<_, i64>(2)?.unsigned_abs(),
            oldest_at: None,
            fault: row.get(4)?,
        };
        Ok((oldest, one))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (oldest, one) = row?;
        let at = connection
            .query_row("SELECT at FROM watch_alert WHERE n = ?", params![oldest], |row| state::instant(row, 0))?;
        found.push(Undelivered { oldest_at: at, ..one });
    }
    Ok(found)
}
