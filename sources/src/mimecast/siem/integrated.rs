//! Events of Cloud Integrated, the product that looks into mailboxes at Microsoft 365 instead of standing before them.

use evidence::{
    Action, AuthMethod, Authentication, Carried, Fact, PolicyRef, Scope, Status, TraceStatus, Verdict, VerdictKind,
};
use serde_json::Value;

use super::CODES;
use super::fields::Fields;
use crate::mimecast::rows::Row;
use crate::mimecast::values::{Object, text, text_at};
use crate::mimecast::{codes, detail};
use crate::records::Record;

const THREAT: &[&str] = &["threattype", "subtype"];
const STATE: &[&str] = &["threatstate"];

/// States what was found in a message, which policies applied, and what became of it.
pub(super) fn entity(row: &mut Row, record: &Record, fields: &Fields) {
    for name in list(fields, "attachments").iter().filter_map(text) {
        let attachment = Carried::Attachment { name: Some(name), sha256: None, media_type: None, size_bytes: None };
        row.state(Fact::Carried(attachment), None);
    }
    let threat = fields.text(THREAT).unwrap_or_default();
    let kind = CODES.means("integrated.threat", &threat).and_then(codes::verdict).unwrap_or(VerdictKind::Unknown);
    let tags: Vec<String> = list(fields, "tags").iter().filter_map(text).collect();
    let said = [vec![threat], tags].concat().join(", ");
    let mut policies: Vec<Object> = Vec::new();
    for policy in list(fields, "policiesapplied").iter().filter_map(Value::as_object) {
        if !policies.contains(policy) {
            policies.push(policy.clone());
        }
    }
    let mark = fields.mark(record, THREAT);
    for policy in &policies {
        row.state(Fact::Verdict(by_policy(kind.clone(), said.clone(), policy)), mark.clone());
    }
    if policies.is_empty() {
        let verdict = Verdict { kind, action: Action::NotSaid, said, policy: None, scope: Scope::Enforced };
        row.state(Fact::Verdict(verdict), mark);
    }
    if let Some(word) = fields.text(STATE) {
        let status = CODES.means("integrated.state", &word).and_then(codes::status);
        let status = status.unwrap_or_else(|| TraceStatus::Other(word.clone()));
        row.state(Fact::Status(Status { status, said: word, to: None, from: None }), fields.mark(record, STATE));
    }
}

fn by_policy(kind: VerdictKind, said: String, policy: &Object) -> Verdict {
    let action = match text_at(policy, "action") {
        Some(word) => match CODES.means("integrated.action", &word) {
            Some("none") => Action::None,
            Some("junked") => Action::Junked,
            Some("quarantined") => Action::Quarantined,
            _ => Action::NotSaid,
        },
        None => Action::NotSaid,
    };
    let acts = text_at(policy, "mode").is_none_or(|mode| CODES.means("integrated.mode", &mode) == Some("enforced"));
    let words = ["action", "mode"].iter().filter_map(|key| Some(format!("{key} {}", text_at(policy, key)?)));
    let said = std::iter::once(said).chain(words).collect::<Vec<_>>().join("; ");
    let name = text_at(policy, "name");
    let policy = PolicyRef { kind: Some("Cloud Integrated policy".to_owned()), name, id: None };
    Verdict { kind, action, said, policy: Some(policy), scope: if acts { Scope::Enforced } else { Scope::ReportOnly } }
}

/// States the authentication results of a message, one a method.
pub(super) fn mailflow(row: &mut Row, record: &Record, fields: &Fields) {
    for result in list(fields, "authresults").iter().filter_map(Value::as_object) {
        let word = text_at(result, "result").unwrap_or_default();
        let method = match text_at(result, "type").unwrap_or_default().to_ascii_lowercase().as_str() {
            "spf" => AuthMethod::Spf,
            "dkim" => AuthMethod::Dkim,
            "dmarc" => AuthMethod::Dmarc,
            other => {
                row.note(format!("authentication method `{other}`: {word}"), fields.mark(record, &["type"]));
                continue;
            }
        };
        let authentication = Authentication {
            method,
            result: detail::result_of(&word),
            domain: None,
            authserv_id: None,
            arc_instance: None,
            client: None,
            disposition: None,
            reason: text_at(result, "aligned").map(|aligned| format!("aligned: {aligned}")),
            said: Value::Object(result.clone()).to_string(),
        };
        row.state(Fact::Authentication(authentication), None);
    }
}

/// A list, also one that a table holds as text.
fn list(fields: &Fields, name: &'static str) -> Vec<Value> {
    match fields.value(&[name]) {
        Some(Value::Array(values)) => values.clone(),
        Some(Value::String(said)) if said.trim_start().starts_with('[') => {
            serde_json::from_str(said).unwrap_or_default()
        }
        Some(Value::String(said)) if !said.trim().is_empty() => vec![Value::String(said.clone())],
        _ => Vec::new(),
    }
}
