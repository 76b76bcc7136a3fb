//! From events to alerts: each event once, however often the evidence repeats.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rusqlite::Transaction;

use crate::alert::{self, ALERT_SCHEMA, Alert, Level};
use crate::state;
use crate::world::{Event, Lasting, Told};

/// A place that alerts go to, as far as it matters before they are sent.
#[derive(Clone, Debug)]
pub(crate) struct Goes {
    pub(crate) sink: String,
    pub(crate) least: Level,
}

/// Who is told what, and when.
pub(crate) struct Teller<'a> {
    /// The client as it is named.
    pub(crate) client: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) goes: &'a [Goes],
}

/// Of one source so many new events of one run have an alert each; the rest are told together, so that an export of a bad day does not
/// send thousands of mails.
const ALONE_MAX: usize = 100;
/// So many of those that are told together are told in words.
const IN_WORDS_MAX: usize = 20;

/// New events of one source that are told together.
struct Together<'a> {
    /// The key of the first of them stands for all.
    key: String,
    events: Vec<&'a Event>,
}

impl Teller<'_> {
    /// Writes an alert for each event that is not known, and puts it into the outbox of each sink that takes it. Gives what is new.
    pub(crate) fn tell(&self, transaction: &Transaction<'_>, events: &[Event]) -> rusqlite::Result<Vec<Alert>> {
        let client = state::named(self.client);
        let mut events: Vec<&Event> = events.iter().collect();
        events.sort_by(|a, b| (a.told.happened_at, &a.key).cmp(&(b.told.happened_at, &b.key)));
        let mut told = Vec::new();
        let mut alone: HashMap<&str, usize> = HashMap::new();
        let mut together: BTreeMap<&str, Together<'_>> = BTreeMap::new();
        for event in events {
            if event.lasting == Lasting::UntilQuiet {
                if let Some(times) = self.begins(transaction, event)? {
                    told.push(self.write(transaction, &event.key, &event.told, times)?);
                }
                continue;
            }
            let keys: Vec<&str> = keys(event).collect();
            if let Some(known) = state::is_event_known(transaction, &client, &keys)? {
                state::keep_event(transaction, &client, &keys, &known)?;
                continue;
            }
            let count = alone.entry(&event.source).or_default();
            *count += 1;
            if *count <= ALONE_MAX {
                state::keep_event(transaction, &client, &keys, &alert::id(&client, &event.key, 0))?;
                told.push(self.write(transaction, &event.key, &event.told, 0)?);
                continue;
            }
            let more = together
                .entry(&event.source)
                .or_insert_with(|| Together { key: format!("more/{}", event.key), events: Vec::new() });
            state::keep_event(transaction, &client, &keys, &alert::id(&client, &more.key, 0))?;
            more.events.push(event);
        }
        for more in together.values() {
            if let Some(all) = as_one(&more.events) {
                told.push(self.write(transaction, &more.key, &all, 0)?);
            }
        }
        Ok(told)
    }

    /// How often the condition began, if it begins now.
    fn begins(&self, transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<Option<u64>> {
        let client = state::named(self.client);
        let mut before = 0;
        for key in keys(event) {
            match state::condition(transaction, &client, key)? {
                Some((_, true)) => return Ok(None),
                Some((times, false)) => before = before.max(times),
                None => {}
            }
        }
        state::keep_condition(transaction, &client, &event.key, &event.source, before + 1)?;
        Ok(Some(before + 1))
    }

    fn write(&self, transaction: &Transaction<'_>, key: &str, told: &Told, times: u64) -> rusqlite::Result<Alert> {
        let client = state::named(self.client);
        let Told { kind, happened_at, title, statement, owner, runbook, case, span, cites, ask_for } = told.clone();
        let alert = Alert {
            schema: ALERT_SCHEMA.to_owned(),
            id: alert::id(&client, key, times),
            client: self.client.to_owned(),
            kind,
            level: kind.level(),
            at: self.at,
            happened_at,
            title,
            statement,
            owner,
            runbook,
            case,
            span,
            cites,
            ask_for,
        };
        state::keep_alert(transaction, &client, &alert)?;
        for goes in self.goes.iter().filter(|goes| alert.level >= goes.least) {
            state::post(transaction, &alert.id, &goes.sink)?;
        }
        Ok(alert)
    }
}

/// Some events as one: what the first of them is, in the words of the first few.
fn as_one(events: &[&Event]) -> Option<Told> {
    let first = events.first()?;
    let named: Vec<&str> = events.iter().take(IN_WORDS_MAX).map(|event| event.told.statement.as_str()).collect();
    let and_more = if events.len() > IN_WORDS_MAX { " ..." } else { "" };
    let cites = events.iter().take(IN_WORDS_MAX).flat_map(|event| event.told.cites.clone()).collect();
    Some(Told {
        title: format!("{} more: {}", events.len(), first.told.title),
        statement: format!("{} more in the same run, told together: {}{and_more}", events.len(), named.join(" ")),
        cites,
        ..first.told.clone()
    })
}

fn keys(event: &Event) -> impl Iterator<Item = &str> {
    std::iter::once(&event.key).chain(&event.also).map(String::as_str)
}
