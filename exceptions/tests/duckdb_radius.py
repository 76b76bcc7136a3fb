#!/usr/bin/env python3
"""Counts by SQL what scopes let through: a second opinion on `exceptions::measure`.

    duckdb_radius.py TRACE EVENTS LINKS < SCOPES

The three are CSV exports; SCOPES is a JSON list of scopes, each a list of conditions {"on", "values": [[kind, text], ...]}. Prints one JSON list
a scope: messages, recipients, senders, messages kept out, messages judged malware, phishing, forged or spam.
"""

import json
import sys

import duckdb

TRACE, EVENTS, LINKS = sys.argv[1:4]

def quoted(text):
    return "'" + text.replace("'", "''") + "'"


db = duckdb.connect()
for name, file in [("trace", TRACE), ("events", EVENTS), ("links", LINKS)]:
    db.execute(f"create view {name} as select * from read_csv({quoted(file)}, header = true, all_varchar = true)")

# One row a message, recipient and export, with all that this export states.
db.execute("""
create table said as
select MessageTraceId id, RecipientAddress recipient, coalesce(SenderAddress, '') envelope, null header, Subject subject, FromIP client, null dmarc,
       Status = 'FilteredAsSpam' bad,
       Status in ('Quarantined', 'FilteredAsSpam', 'Failed') kept, Status = 'Pending' put_off, Status = 'Delivered' let_on
from trace
union all by name
select NetworkMessageId id, RecipientEmailAddress recipient, nullif(SenderMailFromAddress, '') envelope, SenderFromAddress header, Subject subject,
       null client, json_extract_string(nullif(AuthenticationDetails, ''), '$.DMARC') dmarc,
       coalesce(ThreatTypes, '') <> '' bad,
       DeliveryLocation in ('Quarantine', 'Junk folder', 'Failed') kept, false put_off, DeliveryLocation = 'Inbox/folder' let_on
from events
""")
# Where no row states the From address, the envelope sender is taken for it.
db.execute("update said set header = envelope where id not in (select id from said where header is not null)")
# One row a copy, and one a message.
db.execute("""
create table copies as
select id, recipient, bool_or(bad) bad, bool_or(kept) kept
from said group by id, recipient
""")
# Of some messages only a link is known.
db.execute("insert into copies select distinct NetworkMessageId, null, false, false from links where NetworkMessageId not in (select id from said)")
db.execute("create table senders as select id, coalesce(header, envelope) sender from (select id, max(header) header, max(envelope) envelope from said group by id)")


def number(ip):
    one, two, three, four = (f"split_part({ip}, '.', {at})::bigint" for at in range(1, 5))
    return f"({one} * 16777216 + {two} * 65536 + {three} * 256 + {four})"


def of_text(column, kind, text):
    """Whether a column of text is as a value says."""
    domain = f"split_part({column}, '@', 2)"
    return {
        "address": f"lower({column}) = {quoted(text)}",
        "name": f"lower({column}) = lower({quoted(text)})",
        "domain": f"{domain} = {quoted(text)}",
        "below": f"({domain} = {quoted(text)} or ends_with({domain}, {quoted('.' + text)}))",
        "holds": f"contains(lower({column}), lower({quoted(text)}))",
    }[kind]


def of_link(kind, text):
    host = r"regexp_extract(lower(Url), '^[a-z]+://([^/?#:]*)', 1)"
    if kind in ("domain", "below"):
        is_below = f" or ends_with({host}, {quoted('.' + text)})" if kind == "below" else ""
        return f"({host} = {quoted(text)}{is_below})"
    return of_text("Url", kind, text)


def of_client(text):
    first, last = (number(quoted(ip)) for ip in text.split("-"))
    return f"contains(client, '.') and case when contains(client, '.') then {number('client')} between {first} and {last} end"


def condition(term):
    """A condition on a copy `c`: on its recipient, or on anything that is said of its message."""
    on, values = term["on"], term["values"]
    either = lambda each: "(" + " or ".join(each) + ")"
    if on == "recipient":
        return either(of_text("c.recipient", *value) for value in values)
    if on == "message":
        return either(of_text("c.id", *value) for value in values)
    if on == "url":
        return f"c.id in (select NetworkMessageId from links where {either(of_link(*value) for value in values)})"
    if on == "client":
        tests = either(of_client(text) for _, text in values)
    elif on == "either":
        tests = either(of_text(column, *value) for value in values for column in ("envelope", "header"))
    else:
        tests = either(of_text(on, *value) for value in values)
    return f"c.id in (select id from said where {tests})"


counts = []
for scope in json.load(sys.stdin):
    where = " and ".join(condition(term) for term in scope) or "true"
    row = db.execute(f"""
        with met as (select * from copies c where {where})
        select count(distinct id), count(distinct recipient),
               (select count(distinct sender) from senders where id in (select id from met)),
               count(distinct id) filter (kept), count(distinct id) filter (bad)
        from met
    """).fetchone()
    counts.append(list(row))
json.dump(counts, sys.stdout)
