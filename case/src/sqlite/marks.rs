//! By what a case is found.

use rusqlite::types::Value;

use crate::case::Case;
use crate::store::Wanted;

/// The kinds and values by which a case is found.
pub fn of(case: &Case) -> Vec<(&'static str, String)> {
    let mut marks = Vec::new();
    let answered = case.answered.as_ref();
    let ids = case.asked.message_id.iter().chain(answered.iter().flat_map(|answered| &answered.message_ids));
    marks.extend(ids.map(|id| ("message_id", message_id(id))));
    let senders = answered.iter().flat_map(|answered| &answered.senders);
    let recipients = answered.iter().flat_map(|answered| &answered.copies).map(|copy| &copy.envelope_recipient);
    let asked = case.asked.sender.iter().chain(&case.asked.recipient).chain(&case.about.user);
    for address in senders.chain(recipients).chain(asked) {
        let address = address.trim().to_lowercase();
        if let Some((_, domain)) = address.rsplit_once('@') {
            marks.push(("domain", domain.to_owned()));
        }
        marks.push(("address", address));
    }
    for shown in answered.iter().flat_map(|answered| answered.causes.iter().chain(&answered.symptoms)) {
        marks.push(("cause", shown.id.clone()));
        let parts = shown.id.split_once('/').map(|(family, specific)| [family, specific]);
        marks.extend(parts.into_iter().flatten().map(|part| ("cause", part.to_owned())));
    }
    marks
}

/// What is kept of a case beside its journal: the case, and in lower case by what it is found.
pub struct Row {
    pub client: String,
    pub ticket: Option<String>,
    pub status: String,
    pub subject: String,
    pub body: String,
}

/// What is kept of a case beside its journal.
///
/// # Errors
/// If the case is no JSON.
pub fn row(case: &Case) -> rusqlite::Result<Row> {
    let body = serde_json::to_string(case).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let answered = case.answered.as_ref().and_then(|answered| answered.subject.as_deref());
    Ok(Row {
        client: folded(&case.about.client),
        ticket: case.about.ticket.as_deref().map(folded),
        status: case.status.word().to_owned(),
        subject: folded(answered.or(case.asked.subject.as_deref()).unwrap_or_default()),
        body,
    })
}

/// As clients, tickets and subjects are compared.
fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A Message-ID as it is compared: letters' case counts on its left only, but nobody pastes it so.
fn message_id(id: &str) -> String {
    id.trim().trim_start_matches('<').trim_end_matches('>').to_lowercase()
}

/// The question for the cases that are wanted, and its values.
pub fn query(wanted: &Wanted) -> (String, Vec<Value>) {
    let mut conditions: Vec<String> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut ask = |condition: String, given: Vec<Value>| {
        conditions.push(condition);
        values.extend(given);
    };
    let text = |value: &str| Value::Text(value.to_owned());
    if let Some(number) = wanted.number {
        ask("number = ?".to_owned(), vec![Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))]);
    }
    if let Some(before) = wanted.before {
        ask("number < ?".to_owned(), vec![Value::Integer(i64::try_from(before).unwrap_or(i64::MAX))]);
    }
    if let Some(uid) = &wanted.uid {
        ask("uid >= ? AND uid < ?".to_owned(), vec![text(uid), text(&format!("{uid}g"))]);
    }
    if let Some(ticket) = &wanted.ticket {
        ask("ticket = ?".to_owned(), vec![text(&folded(ticket))]);
    }
    if let Some(client) = &wanted.client {
        ask("client = ?".to_owned(), vec![text(&folded(client))]);
    }
    if !wanted.status.is_empty() {
        let places = vec!["?"; wanted.status.len()].join(", ");
        ask(format!("status IN ({places})"), wanted.status.iter().map(|status| text(status.word())).collect());
    }
    let mut marked = |kind: &str, value: String| {
        ask("uid IN (SELECT uid FROM mark WHERE kind = ? AND value = ?)".to_owned(), vec![text(kind), text(&value)]);
    };
    if let Some(id) = &wanted.message_id {
        marked("message_id", message_id(id));
    }
    if let Some(address) = &wanted.address {
        let address = address.trim().to_lowercase();
        match address.strip_prefix('@') {
            Some(domain) => marked("domain", domain.to_owned()),
            None => marked("address", address),
        }
    }
    if let Some(cause) = &wanted.cause {
        marked("cause", cause.trim().to_lowercase());
    }
    if let Some(due) = &wanted.due {
        let is_due = "unixepoch(json_extract(body, '$.due')) <= ?";
        ask(is_due.to_owned(), vec![Value::Integer(due.as_second())]);
    }
    if let Some(subject) = &wanted.subject {
        ask("instr(subject, ?) > 0".to_owned(), vec![text(&folded(subject))]);
    }
    let conditions = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
    values.push(Value::Integer(wanted.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))));
    values.push(Value::Integer(i64::try_from(wanted.offset).unwrap_or(i64::MAX)));
    (format!("SELECT body FROM cases WHERE {conditions} ORDER BY number DESC LIMIT ? OFFSET ?"), values)
}
