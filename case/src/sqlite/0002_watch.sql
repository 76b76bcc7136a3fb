-- What is watched, and how far the watcher of each client is. A client is named in lower case.
CREATE TABLE watch_client (
    client        TEXT    PRIMARY KEY,
    -- The schedule by which `next_due` was planned; both are null if there is none.
    schedule      TEXT,
    next_due      TEXT,
    -- Runs that were due up to here and did not take place were told.
    accounted     TEXT,
    -- After a run that failed: when it is tried again, and how often it failed in a row.
    retry_at      TEXT,
    failures      INTEGER NOT NULL DEFAULT 0,
    -- The heartbeat: when, and whether the watcher stays (`stay`) or is started anew for each run (`once`).
    beat_at       TEXT,
    mode          TEXT,
    -- From when on there should have been a sign of life, or a run; null if none is expected.
    late_at       TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE watch_run (
    n             INTEGER PRIMARY KEY AUTOINCREMENT,
    client        TEXT    NOT NULL,
    -- Why it ran: `arrived`, `scheduled`, `second_look`, `retry`, with commas between them.
    reasons       TEXT    NOT NULL,
    -- When it was due by the schedule; null if it was not.
    slot          TEXT,
    started_at    TEXT    NOT NULL,
    ended_at      TEXT,
    -- Null while it runs; `quiet`, `told`, `failed`, or `broken_off` if its process ended before it.
    outcome       TEXT,
    said          TEXT
) STRICT;
CREATE INDEX watch_run_client ON watch_run (client, n);

-- The files of the folder as they were hashed last, so that they are not hashed again.
CREATE TABLE watch_file (
    client        TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    bytes         INTEGER NOT NULL,
    changed_at    TEXT    NOT NULL,
    sha256        TEXT    NOT NULL,
    PRIMARY KEY (client, name)
) STRICT, WITHOUT ROWID;

-- Contents that a run has looked at, whatever file they stood in.
CREATE TABLE watch_content (
    client        TEXT    NOT NULL,
    sha256        TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    run           INTEGER NOT NULL,
    PRIMARY KEY (client, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE watch_alert (
    n             INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    client        TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    level         TEXT    NOT NULL,
    at            TEXT    NOT NULL,
    body          TEXT    NOT NULL
) STRICT;
CREATE INDEX watch_alert_client ON watch_alert (client, n);

-- Every key by which an event is known: one event, one alert.
CREATE TABLE watch_event (
    client        TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    alert         TEXT    NOT NULL,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;

-- What lasts: it is told once, and again only if it was over meanwhile.
CREATE TABLE watch_condition (
    client        TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    -- Who says so; when that one says nothing of it any more, it is over.
    source        TEXT    NOT NULL,
    times         INTEGER NOT NULL,
    over_at       TEXT,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE watch_outbox (
    alert         TEXT    NOT NULL,
    sink          TEXT    NOT NULL,
    -- Counted before an attempt is made: after a kill nobody knows whether it arrived.
    attempts      INTEGER NOT NULL DEFAULT 0,
    -- The first attempt, and the earliest instant of the next one.
    first_at      TEXT,
    next_at       TEXT,
    sent_at       TEXT,
    given_up_at   TEXT,
    fault         TEXT,
    PRIMARY KEY (alert, sink)
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_outbox_waiting ON watch_outbox (alert) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- Changes that were seen, and the check that each of them calls for.
CREATE TABLE watch_change (
    client        TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    made_at       TEXT    NOT NULL,
    seen_at       TEXT    NOT NULL,
    deadline      TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    -- `waiting` for evidence of the time after it, `looked` at, or `missed`.
    state         TEXT    NOT NULL,
    run           INTEGER,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_change_waiting ON watch_change (client) WHERE state = 'waiting';

-- Second looks that took place.
CREATE TABLE watch_look (
    client        TEXT    NOT NULL,
    key           TEXT    NOT NULL,
    run           INTEGER NOT NULL,
    PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;
