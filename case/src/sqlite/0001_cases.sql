-- Entries are only ever added; n counts them from 1 without a gap.
CREATE TABLE entry (
    n          INTEGER PRIMARY KEY,
    uid        TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    at         TEXT    NOT NULL,
    who        TEXT    NOT NULL,
    key        TEXT,
    -- The word of the deed, so that a key need be unique only among deeds of one kind.
    kind       TEXT    NOT NULL,
    deed       TEXT    NOT NULL,
    previous   TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    -- Of the chain over all cases: SHA-256 of the one before it and `hash`.
    store_hash TEXT    NOT NULL,
    UNIQUE (uid, seq)
) STRICT;
CREATE UNIQUE INDEX entry_key ON entry (uid, key, kind) WHERE key IS NOT NULL;
CREATE INDEX entry_opening ON entry (key) WHERE seq = 1 AND key IS NOT NULL;
CREATE TRIGGER entry_is_not_altered BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;
CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;

-- The last entry: without it, entries that are missing at the end would not be missed.
CREATE TABLE head (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    n          INTEGER NOT NULL,
    store_hash TEXT    NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, '');

-- What the journals add up to, so that a list need not replay them. Numbers follow the order in which the cases came into the store.
-- `client`, `ticket` and `subject` are in lower case: by them it is found.
CREATE TABLE cases (
    number     INTEGER PRIMARY KEY,
    uid        TEXT    NOT NULL UNIQUE,
    client     TEXT    NOT NULL,
    ticket     TEXT,
    status     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    body       TEXT    NOT NULL
) STRICT;
CREATE INDEX cases_client ON cases (client, number);
CREATE INDEX cases_status ON cases (status, number);
CREATE INDEX cases_ticket ON cases (ticket);

-- By what a case is found: kind is `message_id`, `address`, `domain`, `cause`.
CREATE TABLE mark (
    uid        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    PRIMARY KEY (kind, value, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX mark_uid ON mark (uid);
