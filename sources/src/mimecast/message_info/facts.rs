//! What a tracking record states, in the order of the message's way.

use evidence::{
    Action, Address, Arrival, Fact, Handover, Identity, NextHop, Outcome, PolicyRef, Quarantine, QuarantineState,
    Release, ReleaseStep, Reply, Scope, Status, TraceStatus, Verdict,
};
use serde_json::Value;

use super::{CODES, headers};
use crate::Clock;
use crate::mimecast::rows::{MARKABLE_BYTES, Row, place};
use crate::mimecast::values::{
    Object, address, addresses, direction, instant_at, object_at, peer, reply, subject, text_at,
};
use crate::mimecast::{HELD_QUEUE, detail, held_queue, message_finder};
use crate::records::Record;

/// Reads one record.
pub(super) fn row(record: &Record, object: &Object, clock: &Clock) -> Row {
    let mut row = Row::by(None);
    let received = object_at(object, "recipientInfo");
    let message = received.and_then(|info| object_at(info, "messageInfo")).or_else(|| first_delivered(object));
    let queue = object_at(object, "queueInfo");
    row.recipients = recipients(object);
    identity(&mut row, object, message.or(queue), clock);
    if let Some(meta) = received.and_then(|info| object_at(info, "recipientMetaInfo")) {
        arrival(&mut row, record, meta, clock);
    }
    if let Some(checks) = object_at(object, "spamInfo").and_then(|spam| spam.get("spamProcessingDetail")) {
        detail::state(&mut row, record, checks);
    }
    let word = text_at(object, "status").unwrap_or_default();
    if let Some(queue) = queue {
        queued(&mut row, record, queue, &word, clock);
    }
    if let Some(waiting) = received.and_then(|info| object_at(info, "txInfo")) {
        transmission(&mut row, record, waiting, None, clock);
    }
    for (rcpt, copy) in object_at(object, "deliveredMessage").into_iter().flatten() {
        if let Some(copy) = copy.as_object() {
            delivered(&mut row, record, rcpt, copy, clock);
        }
    }
    if !word.is_empty() {
        let status = Status { status: message_finder::status_of(&word), said: word.clone(), to: None, from: None };
        row.state_at(Fact::Status(status), None, None, place(record, "status", &word));
    }
    row
}

fn first_delivered(object: &Object) -> Option<&Object> {
    object_at(object, "deliveredMessage")?.values().find_map(|copy| object_at(copy.as_object()?, "messageInfo"))
}

/// Envelope recipients: the keys of `deliveredMessage` and the queue's `to`; never the header's To.
fn recipients(object: &Object) -> Vec<Address> {
    let mut found: Vec<Address> = object_at(object, "deliveredMessage")
        .into_iter()
        .flat_map(Object::keys)
        .map(|rcpt| Address::new(rcpt))
        .collect();
    let waiting = object_at(object, "recipientInfo").and_then(|info| object_at(info, "txInfo"));
    for part in [object_at(object, "queueInfo"), waiting].into_iter().flatten() {
        found.extend(part.get("to").map(addresses).unwrap_or_default());
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|rcpt| !rcpt.is_null() && seen.insert(rcpt.clone()));
    found
}

fn identity(row: &mut Row, object: &Object, message: Option<&Object>, clock: &Clock) {
    let Some(message) = message else { return };
    for id in text_at(message, "transmissionInfo").map(|text| headers::ids(&text)).unwrap_or_default() {
        row.id(Some(id));
    }
    let envelope_sender = message.get("fromEnvelope").and_then(address);
    let header_from = message.get("fromHeader").and_then(address).filter(|address| !address.is_null());
    let list = |key| message.get(key).map(addresses).unwrap_or_default();
    let meta = object_at(object, "recipientInfo").and_then(|info| object_at(info, "recipientMetaInfo"));
    row.senders = [envelope_sender.clone(), header_from.clone()].into_iter().flatten().collect();
    row.subject = text_at(message, "subject").map(|said| subject(&said));
    row.when = meta
        .and_then(|meta| instant_at(meta, &["transmissionEnd", "transmissionStart"], clock))
        .or_else(|| instant_at(message, &["processed", "createTime", "sent"], clock));
    let identity = Identity {
        recipients: None,
        envelope_sender,
        header_from,
        header_to: [list("to"), list("cc")].concat(),
        subject: row.subject.clone(),
        size_bytes: meta.and_then(|meta| meta.get("transmissionSize")).and_then(Value::as_u64),
        sent_at: instant_at(message, &["sent"], clock),
        direction: text_at(message, "route").and_then(|word| direction(&word)),
        authenticated_sender: None,
    };
    row.state(Fact::Identity(identity), None);
}

fn arrival(row: &mut Row, record: &Record, meta: &Object, clock: &Clock) {
    let said = text_at(meta, "receiptAcknowledgement");
    let event = text_at(meta, "receiptEvent");
    let answer = said.as_deref().and_then(|text| reply(None, text));
    let outcome = by_reply(answer.as_ref()).unwrap_or_else(|| {
        match event.as_deref().and_then(|event| CODES.within("receiptEvent", event)) {
            Some("accepted") => Outcome::Accepted,
            Some("deferred") => Outcome::Deferred,
            Some("refused") => Outcome::Refused,
            _ => Outcome::NotSaid,
        }
    });
    let arrival = Arrival {
        client: peer(text_at(meta, "remoteHost"), text_at(meta, "remoteIp")),
        outcome,
        reply: answer,
        connector: None,
        earlier: None,
        scope: Scope::Enforced,
    };
    let when = instant_at(meta, &["transmissionEnd", "transmissionStart"], clock);
    let mark = said.and_then(|said| place(record, "receiptAcknowledgement", &said));
    row.state_at(Fact::Arrival(arrival), when.clone(), None, mark);
    for key in ["receiptEvent", "spamEvent"] {
        if let Some(said) = text_at(meta, key).filter(|said| said != "na") {
            let mark = place(record, key, &said);
            row.state_at(Fact::Note { said: format!("{key}: {said}") }, when.clone(), None, mark);
        }
    }
}

/// How an attempt ended by its reply code.
fn by_reply(reply: Option<&Reply>) -> Option<Outcome> {
    let reply = reply?;
    // Without the reply code, as in `2.6.0 <id> Queued mail for delivery`, the enhanced code's class says the same.
    let by_status =
        || reply.enhanced_status_code.as_ref()?.chars().next()?.to_digit(10).map(|class| class as u16 * 100);
    match reply.reply_code.or_else(by_status)? {
        200..=299 => Some(Outcome::Accepted),
        400..=499 => Some(Outcome::Deferred),
        500..=599 => Some(Outcome::Refused),
        _ => None,
    }
}

/// States what the queue entry of a held, refused or expired message says.
fn queued(row: &mut Row, record: &Record, queue: &Object, word: &str, clock: &Clock) {
    let info = text_at(queue, "info").unwrap_or_default();
    let when = instant_at(queue, &["createTime"], clock);
    let mark = place(record, "info", &info);
    let told = CODES.within("queue", &info);
    if told == Some("expired") {
        let release = Release {
            step: ReleaseStep::Expired,
            by: None,
            for_recipients: queue.get("to").map(addresses).unwrap_or_default(),
            next: None,
            said: info,
        };
        return row.state_at(Fact::Release(release), None, None, mark);
    }
    let is_held = message_finder::status_of(word) == TraceStatus::Held || (word.is_empty() && told == Some("held"));
    if !is_held {
        return row.state_at(Fact::Note { said: format!("queue entry: {info}") }, when, None, mark);
    }
    let definition = text_at(queue, "reason");
    let said = if info.is_empty() { definition.clone().unwrap_or_default() } else { info };
    let store = match text_at(queue, "heldGroup") {
        Some(group) => format!("{HELD_QUEUE} ({group})"),
        None => HELD_QUEUE.to_owned(),
    };
    let policy = definition.clone().map(|name| PolicyRef { kind: None, name: Some(name), id: None });
    let state = QuarantineState::Held;
    let quarantine = Quarantine { state, store, policy: policy.clone(), id: None, until: None, said: said.clone() };
    row.state_at(Fact::Quarantine(quarantine), when.clone(), None, mark.clone());
    let kinds = [Some(said.clone()), definition].into_iter().flatten().map(|text| held_queue::verdict_of(&text));
    let kind = kinds.into_iter().find(|kind| *kind != evidence::VerdictKind::Unknown);
    let kind = kind.unwrap_or(evidence::VerdictKind::Unknown);
    let verdict = Verdict { kind, action: Action::Quarantined, said, policy, scope: Scope::Enforced };
    row.state_at(Fact::Verdict(verdict), when, None, mark);
}

/// One entry of `deliveredMessage`: its presence proves no delivery, the next hop's answer does.
fn delivered(row: &mut Row, record: &Record, rcpt: &str, copy: &Object, clock: &Clock) {
    let about = vec![Address::new(rcpt)];
    let policies: Vec<(String, String)> = copy
        .get("policyInfo")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter_map(|policy| Some((text_at(policy, "policyType")?, text_at(policy, "policyName").unwrap_or_default())))
        .collect();
    if !policies.is_empty() {
        let list: Vec<String> = policies.iter().map(|(kind, name)| format!("{kind} = {name}")).collect();
        let said = format!("policies applied: {}", list.join("; "));
        row.state_at(
            Fact::Note { said },
            None,
            Some(about.clone()),
            place_of_copy(record, rcpt, "policyType", &policies[0].0),
        );
    }
    let route = policies.iter().find(|(kind, _)| kind == "Delivery Routing").map(|(_, name)| name.clone());
    if let Some(meta) = object_at(copy, "deliveryMetaInfo") {
        handover(row, record, meta, route, rcpt, clock);
    }
    if let Some(waiting) = object_at(copy, "txInfo") {
        transmission(row, record, waiting, Some(about), clock);
    }
}

fn handover(row: &mut Row, record: &Record, meta: &Object, route: Option<String>, rcpt: &str, clock: &Clock) {
    let about = vec![Address::new(rcpt)];
    let said = text_at(meta, "receiptAcknowledgement");
    let answer = said.as_deref().and_then(|text| reply(None, text));
    let when = instant_at(meta, &["transmissionEnd", "transmissionStart"], clock);
    let event = text_at(meta, "deliveryEvent");
    let handover = Handover {
        to: peer(text_at(meta, "remoteHost"), text_at(meta, "remoteIp")),
        next_hop: NextHop::MailServer,
        outcome: by_reply(answer.as_ref()).unwrap_or(Outcome::NotSaid),
        spoken_by_next_hop: answer.as_ref().is_some_and(|reply| reply.reply_code.is_some()),
        reply: answer,
        next: None,
        attempt: None,
        connector: route,
        tls: text_at(meta, "encryptionInfo"),
    };
    let mark = said.and_then(|said| place_of_copy(record, rcpt, "receiptAcknowledgement", &said));
    row.state_at(Fact::Handover(handover), when.clone(), Some(about.clone()), mark);
    if let Some(event) = event {
        let mark = place_of_copy(record, rcpt, "deliveryEvent", &event);
        row.state_at(Fact::Note { said: format!("deliveryEvent: {event}") }, when, Some(about.clone()), mark);
    }
}

/// The place of a value in the part of `deliveredMessage` about `rcpt`.
fn place_of_copy(record: &Record, rcpt: &str, key: &str, value: &str) -> Option<std::ops::Range<usize>> {
    let text = record.text.as_str();
    if text.len() > MARKABLE_BYTES {
        return None;
    }
    let mut from = 0;
    for word in ["deliveredMessage", rcpt, key] {
        from += text.get(from..)?.find(&format!("\"{word}\""))?;
    }
    let at = from + text.get(from..)?.find(value)?;
    Some(from..at + value.len())
}

/// A transmission that waits or was tried: states an attempt only if the next hop answered.
fn transmission(row: &mut Row, record: &Record, waiting: &Object, about: Option<Vec<Address>>, clock: &Clock) {
    let when = instant_at(waiting, &["smtpEndTime", "smtpStartTime", "processEndTime", "processStartTime"], clock);
    let said = text_at(waiting, "remoteServerReceiptAck");
    if let Some(answer) = said.as_deref().and_then(|text| reply(None, text)).filter(|reply| reply.reply_code.is_some())
    {
        let handover = Handover {
            to: peer(text_at(waiting, "remoteServer"), text_at(waiting, "remoteIp")),
            next_hop: NextHop::MailServer,
            outcome: by_reply(Some(&answer)).unwrap_or(Outcome::NotSaid),
            reply: Some(answer),
            spoken_by_next_hop: true,
            next: None,
            attempt: None,
            connector: None,
            tls: None,
        };
        let mark = said.and_then(|said| place(record, "remoteServerReceiptAck", &said));
        row.state_at(Fact::Handover(handover), when.clone(), about.clone(), mark);
    }
    let words: Vec<String> = ["txEvent", "queueDetailStatus"].iter().filter_map(|key| text_at(waiting, key)).collect();
    if let Some(first) = words.first() {
        let mark = place(record, "txEvent", first);
        row.state_at(Fact::Note { said: format!("transmission: {}", words.join("; ")) }, when, about, mark);
    }
}
