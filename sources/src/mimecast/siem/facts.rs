//! What one SIEM event states, stage by stage.

use evidence::{
    Action, Arrival, Carried, Click, Fact, GOES_ON, Handover, Identifier, Identity, NextHop, Outcome, PolicyRef,
    Quarantine, QuarantineState, Reply, Scope, Verdict, VerdictKind,
};

use super::fields::Fields;
use super::integrated;
use super::{CODES, Stage, detection_action, envelope_sender, header_from};
use crate::mimecast::rows::Row;
use crate::mimecast::values::{direction, peer, reply, truth};
use crate::mimecast::{HELD_QUEUE, codes, detail, held_queue};
use crate::records::Record;

const ACTION: &[&str] = &["action", "act"];
const REJECTION_TYPE: &[&str] = &["rejectiontype", "rejtype"];
const REJECTION_CODE: &[&str] = &["rejectioncode", "rejcode"];
const REJECTION_INFO: &[&str] = &["rejectioninfo", "rejinfo"];
const ERRORS: &[&str] = &["receipterrors", "deliveryerrors", "error", "err"];
const HOLD_REASON: &[&str] = &["holdreason", "hld"];
const URL: &[&str] = &["url"];
const FILE: &[&str] = &["filename"];
const VIRUS: &[&str] = &["virusfound", "virus"];

/// States what the event says.
pub(super) fn state(row: &mut Row, record: &Record, fields: &Fields, stage: &Stage) {
    identity(row, fields, stage);
    carried(row, record, fields, stage);
    match stage {
        Stage::Receipt => receipt(row, record, fields),
        Stage::Process => process(row, record, fields),
        Stage::Delivery => delivery(row, record, fields),
        Stage::Spam => verdict(row, VerdictKind::Spam, Action::NotSaid, "spam event".to_owned(), None),
        Stage::Virus => virus(row, record, fields),
        Stage::Url => url(row, record, fields),
        Stage::Attachment => attachment(row, record, fields),
        Stage::Impersonation => impersonation(row, record, fields),
        Stage::Internal => internal(row, record, fields),
        Stage::Journal => {}
        Stage::Entity => integrated::entity(row, record, fields),
        Stage::Mailflow => integrated::mailflow(row, record, fields),
        Stage::Foreign(word) if word.is_empty() => row.note("an event that names no type", None),
        Stage::Foreign(word) => row.note(format!("event of type `{word}`"), None),
    }
}

fn identity(row: &mut Row, fields: &Fields, stage: &Stage) {
    let identity = Identity {
        recipients: None,
        envelope_sender: envelope_sender(fields),
        header_from: header_from(fields),
        header_to: Vec::new(),
        subject: row.subject.clone(),
        size_bytes: fields
            .text(&["emailsize", "msgsize", "snt"])
            .and_then(|size| size.parse().ok())
            .filter(|size| *size > 0),
        sent_at: None,
        // On delivery `Route` is a name; a direction stands in it only in detection logs.
        direction: match stage {
            Stage::Delivery => fields.text(&["direction", "dir"]),
            _ => fields.text(&["direction", "dir", "route"]),
        }
        .and_then(|word| direction(&word)),
        authenticated_sender: None,
    };
    if identity != Identity::default() {
        row.state(Fact::Identity(identity), None);
    }
}

/// States which links and files the message carries, as far as the event names them.
fn carried(row: &mut Row, record: &Record, fields: &Fields, stage: &Stage) {
    match stage {
        Stage::Url | Stage::Internal => {
            if let Some(url) = fields.text(URL) {
                row.state(Fact::Carried(Carried::Url { url, place: None }), fields.mark(record, URL));
            }
        }
        Stage::Attachment | Stage::Virus => {
            let sha256 = fields.text(&["sha256"]).map(|hash| hash.to_ascii_lowercase());
            let attachment = Carried::Attachment {
                name: fields.text(FILE),
                sha256: sha256.filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())),
                media_type: fields.text(&["filemime", "fileextension", "fileext"]),
                size_bytes: fields.text(&["sizeattachment", "size"]).and_then(|size| size.parse().ok()),
            };
            row.state(Fact::Carried(attachment), fields.mark(record, FILE));
        }
        Stage::Process => {
            for name in fields.text(&["attachments", "attnames"]).iter().flat_map(|said| file_names(said)) {
                let name = Some(name);
                let attachment = Carried::Attachment { name, sha256: None, media_type: None, size_bytes: None };
                row.state(Fact::Carried(attachment), fields.mark(record, &["attachments", "attnames"]));
            }
        }
        _ => {}
    }
}

/// The names of a list such as `"a.pdf","b.pdf"`; a text without quotes around it is one name.
fn file_names(said: &str) -> Vec<String> {
    match said.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.split("\",").map(|part| part.trim().trim_start_matches('"').to_owned()).collect(),
        None => vec![said.to_owned()],
    }
}

fn receipt(row: &mut Row, record: &Record, fields: &Fields) {
    let word = fields.text(ACTION).unwrap_or_default();
    let answer = refusal(fields);
    let outcome = match CODES.means("receipt.action", &word) {
        Some("accepted") => Outcome::Accepted,
        Some("refused") if is_temporary(answer.as_ref()) => Outcome::Deferred,
        Some("refused") => Outcome::Refused,
        _ => Outcome::NotSaid,
    };
    let client = peer(None, fields.text(&["senderip", "ip"]));
    let arrival = Arrival {
        client,
        outcome,
        reply: answer.clone().filter(|_| outcome != Outcome::Accepted),
        connector: None,
        earlier: None,
        scope: Scope::Enforced,
    };
    row.state(Fact::Arrival(arrival), fields.mark(record, ACTION));
    match outcome {
        Outcome::Refused | Outcome::Deferred => refused(row, record, fields, outcome),
        Outcome::NotSaid => row.note(format!("receipt action `{word}`"), fields.mark(record, ACTION)),
        Outcome::Accepted => accepted(row, record, fields),
    }
    if let Some(value) = fields.value(&["spamprocessingdetail"]) {
        detail::state(row, record, value);
    }
}

fn accepted(row: &mut Row, record: &Record, fields: &Fields) {
    for (names, what) in [(REJECTION_TYPE, "rejection type"), (ERRORS, "error"), (VIRUS, "virus found")] {
        if let Some(said) = fields.text(names) {
            row.note(format!("accepted, with {what} `{said}`"), fields.mark(record, names));
        }
    }
}

/// The answer to the refused side: code and text; the type or error where there is no text.
fn refusal(fields: &Fields) -> Option<Reply> {
    let text = [REJECTION_INFO, ERRORS, REJECTION_TYPE, VIRUS].iter().find_map(|names| fields.text(names));
    reply(fields.text(REJECTION_CODE).as_deref(), &text.unwrap_or_default())
}

fn is_temporary(reply: Option<&Reply>) -> bool {
    reply.and_then(|reply| reply.reply_code).is_some_and(|code| (400..500).contains(&code))
}

/// Says why, where the text or type of a refusal names a filter, list or policy.
fn refused(row: &mut Row, record: &Record, fields: &Fields, outcome: Outcome) {
    // The text is more exact than the type: `Manual Envelope Rejection` is an administrator's or a user's.
    let texts = [REJECTION_INFO, ERRORS, VIRUS, REJECTION_TYPE];
    let found = texts.iter().find_map(|names| {
        let text = fields.text(names)?;
        CODES.within("rejection", &text).map(|means| (means.to_owned(), *names))
    });
    let said =
        [REJECTION_TYPE, REJECTION_INFO].iter().filter_map(|names| fields.text(names)).collect::<Vec<_>>().join(": ");
    match found.as_ref().map(|(means, names)| (codes::verdict(means), *names)) {
        Some((Some(kind), names)) => {
            let action = if outcome == Outcome::Deferred { Action::Deferred } else { Action::Rejected };
            let said = if said.is_empty() { fields.text(names).unwrap_or_default() } else { said };
            verdict(row, kind, action, said, fields.mark(record, names));
        }
        // `no_verdict`, or a text of no table: the reply says it; the type, which is no part of the reply, is kept.
        _ => {
            if let Some(said) = fields.text(REJECTION_TYPE) {
                row.note(format!("rejection type `{said}`"), fields.mark(record, REJECTION_TYPE));
            }
        }
    }
}

fn process(row: &mut Row, record: &Record, fields: &Fields) {
    let word = fields.text(ACTION).unwrap_or_default();
    let reason = fields.text(HOLD_REASON);
    let mark = fields.mark(record, ACTION);
    match CODES.means("process.action", &word) {
        Some("held") => {
            let said = reason.clone().unwrap_or_else(|| "no reason given".to_owned());
            let quarantine = Quarantine {
                state: QuarantineState::Held,
                store: HELD_QUEUE.to_owned(),
                policy: None,
                id: None,
                until: None,
                said: said.clone(),
            };
            row.state(Fact::Quarantine(quarantine), mark);
            verdict(
                row,
                hold_reason(&said),
                Action::Quarantined,
                format!("held: {said}"),
                fields.mark(record, HOLD_REASON),
            );
        }
        Some("sandboxed") => {
            verdict(row, VerdictKind::Attachment, Action::Sandboxed, word, mark);
        }
        Some("bounced") => {
            let kind = reason.as_deref().map_or(VerdictKind::Unknown, bounce_reason);
            let said = reason.map_or_else(|| word.clone(), |reason| format!("{word}: {reason}"));
            verdict(row, kind, Action::Bounced, said, mark);
        }
        Some("accepted") => match reason {
            // `Hld` beside `Act=Acc` does not hold.
            Some(reason) => row.note(format!("{GOES_ON} (hold reason `{reason}`, not held)"), mark),
            None => row.note(GOES_ON, mark),
        },
        Some("retried") => row.note("processing is tried again", mark),
        _ => row.note(format!("process action `{word}`"), mark),
    }
}

/// The kind of verdict behind a hold reason: a short code, or a text as the held queue writes it.
fn hold_reason(said: &str) -> VerdictKind {
    match CODES.means("hold_reason", said).and_then(codes::verdict) {
        Some(kind) => kind,
        None => held_queue::verdict_of(said),
    }
}

/// The kind of verdict behind a bounce: a text as a refusal writes it, or as a hold does.
fn bounce_reason(said: &str) -> VerdictKind {
    CODES.within("rejection", said).and_then(codes::verdict).unwrap_or_else(|| hold_reason(said))
}

fn delivery(row: &mut Row, record: &Record, fields: &Fields) {
    let delivered = fields.text(&["delivered"]).and_then(|word| truth(&word));
    let refusal = refusal(fields);
    let has_rejection = fields.text(REJECTION_INFO).or(fields.text(REJECTION_TYPE)).is_some();
    let outcome = match (delivered, refusal.as_ref().and_then(|reply| reply.reply_code)) {
        (Some(true), _) => Outcome::Accepted,
        (Some(false), Some(400..=499)) => Outcome::Deferred,
        (Some(false), Some(500..=599)) => Outcome::Refused,
        (Some(false), _) if has_rejection => Outcome::Refused,
        _ => Outcome::NotSaid,
    };
    let acknowledged = fields.text(&["receiptack"]).and_then(|text| reply(None, &text));
    let answer = if outcome == Outcome::Accepted { acknowledged } else { refusal };
    let host = fields.text(&["hostname"]);
    let names: &[&str] = if outcome == Outcome::Accepted { &["delivered"] } else { REJECTION_INFO };
    let handover = Handover {
        next: host.as_deref().zip(answer.as_ref()).and_then(|(host, reply)| queued_as(host, reply)),
        to: peer(host, fields.text(&["destinationip", "ip"])),
        next_hop: NextHop::MailServer,
        outcome,
        spoken_by_next_hop: outcome == Outcome::Accepted
            || answer.as_ref().is_some_and(|reply| reply.reply_code.is_some()),
        reply: answer,
        attempt: fields.text(&["deliveryattempts", "attempt"]).and_then(|attempt| attempt.parse().ok()),
        connector: fields.text(&["route"]),
        tls: tls(fields),
    };
    let mark = fields.mark(record, names).or_else(|| fields.mark(record, &["delivered"]));
    row.state(Fact::Handover(handover), mark);
    if outcome == Outcome::NotSaid && delivered.is_none() {
        let word = fields.text(&["delivered"]).unwrap_or_else(|| "nothing".to_owned());
        row.note(format!("delivered says `{word}`"), None);
    }
    if outcome != Outcome::Accepted
        && let Some(said) = fields.text(REJECTION_TYPE)
    {
        // A headline for nearly any 5xx of the next hop: shown, never a verdict.
        row.note(format!("rejection type `{said}`"), fields.mark(record, REJECTION_TYPE));
    }
}

/// The id after `queued as` in the other end's answer.
fn queued_as(host: &str, reply: &Reply) -> Option<Identifier> {
    let at = reply.text.to_ascii_lowercase().find("queued as ")?;
    let id = reply.text.get(at + 10..)?.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    (!id.is_empty()).then(|| Identifier::queue_id(host, None, id))
}

/// Version and cipher; `no TLS` if the record says so.
fn tls(fields: &Fields) -> Option<String> {
    let version = [fields.text(&["tlsversion", "tlsver"]), fields.text(&["tlscipher", "cphr"])];
    let version = version.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !version.is_empty() {
        return Some(version);
    }
    let used = fields.text(&["tlsused", "usetls"])?;
    Some(match truth(&used) {
        Some(true) => "TLS".to_owned(),
        Some(false) => "no TLS".to_owned(),
        None => used,
    })
}

fn virus(row: &mut Row, record: &Record, fields: &Fields) {
    let said = said(fields, &[VIRUS, &["filename"]]).unwrap_or_else(|| "virus event".to_owned());
    verdict(row, VerdictKind::Malware, Action::NotSaid, said, fields.mark(record, VIRUS));
}

fn url(row: &mut Row, record: &Record, fields: &Fields) {
    let reason = fields.text(&["blockreason", "reason"]);
    let is_bad = reason.as_deref().is_some_and(|reason| CODES.means("url.reason", reason) != Some("clean"));
    let acted = action(fields);
    let kind = if acted == Action::None && !is_bad { VerdictKind::Clean } else { VerdictKind::Url };
    let said = said(fields, &[ACTION, &["blockreason", "reason"], &["urlcategory"], URL]).unwrap_or_default();
    // The processing id of a click is that of the request for the page.
    if fields.text(&["processingid"]).is_some_and(|id| id.starts_with("req-")) {
        let action = match acted {
            Action::None => Action::None,
            _ if fields.text(ACTION).is_some_and(|word| CODES.means("url.action", &word) == Some("blocked")) => {
                Action::Rejected
            }
            _ => Action::NotSaid,
        };
        let by = row.recipients.first().map(|address| address.as_str().to_owned());
        let url = fields.text(URL).unwrap_or_default();
        let click = Click { url, by, verdict: kind.clone(), action, said: said.clone() };
        row.state(Fact::Click(click), fields.mark(record, ACTION));
    }
    verdict(row, kind, acted, said, fields.mark(record, ACTION));
}

fn attachment(row: &mut Row, record: &Record, fields: &Fields) {
    let said = said(fields, &[ACTION, &["filename"]]).unwrap_or_else(|| "attachment protect event".to_owned());
    verdict(row, VerdictKind::Attachment, action(fields), said, fields.mark(record, &["filename"]));
}

fn impersonation(row: &mut Row, record: &Record, fields: &Fields) {
    let tagged = fields.text(&["taggedmalicious"]).and_then(|word| truth(&word)) == Some(true);
    let action = match action(fields) {
        Action::None if tagged => Action::Tagged,
        other => other,
    };
    let name = fields.text(&["policydefinition", "definition"]);
    let policy =
        name.map(|name| PolicyRef { kind: Some("Impersonation Protection".to_owned()), name: Some(name), id: None });
    let said = said(fields, &[ACTION, &["itemsdetected", "hits"]]).unwrap_or_else(|| "impersonation event".to_owned());
    let verdict = Verdict { kind: VerdictKind::Impersonation, action, said, policy, scope: Scope::Enforced };
    row.state(Fact::Verdict(verdict), fields.mark(record, ACTION));
}

fn internal(row: &mut Row, record: &Record, fields: &Fields) {
    const RESULT: &[&str] = &["scanresults", "scanresultinfo"];
    let said = said(fields, &[RESULT, &["urlcategory"], &["url"]]).unwrap_or_else(|| "internal email event".to_owned());
    let kind = CODES.within("internal.result", &said).and_then(codes::verdict).unwrap_or(VerdictKind::Url);
    verdict(row, kind, action(fields), said, fields.mark(record, RESULT));
}

/// What a detection event says was done with the message; a blocked click does nothing to the message.
fn action(fields: &Fields) -> Action {
    fields.text(ACTION).map_or(Action::NotSaid, |word| detection_action(&word))
}

/// The fields' own words, one after the other; `None` if none has any.
fn said(fields: &Fields, names: &[&[&str]]) -> Option<String> {
    let words: Vec<String> = names.iter().filter_map(|names| fields.text(names)).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn verdict(row: &mut Row, kind: VerdictKind, action: Action, said: String, mark: Option<std::ops::Range<usize>>) {
    row.state(Fact::Verdict(Verdict { kind, action, said, policy: None, scope: Scope::Enforced }), mark);
}
