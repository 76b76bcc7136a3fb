//! `spamProcessingDetail`: what the checks at the door said, as an object, as JSON text, or as JSON text in JSON text.

use std::sync::LazyLock;

use evidence::{Action, AuthMethod, AuthResult, Authentication, Fact, Scope, Verdict};
use serde_json::Value;

use super::codes;
use super::rows::{MARKABLE_BYTES, Row};
use super::values::{Object, object_at, text, text_at};
use crate::codes::Codes;
use crate::records::Record;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// How many layers of text are unwrapped.
const MAX_LAYERS: usize = 3;

/// States what a spam processing detail says.
pub(super) fn state(row: &mut Row, record: &Record, detail: &Value) {
    let Some(detail) = unwrapped(detail) else { return };
    for (key, method) in [("spf", AuthMethod::Spf), ("dkim", AuthMethod::Dkim), ("dmarc", AuthMethod::Dmarc)] {
        let Some(check) = object_at(&detail, key) else { continue };
        let Some(said) = text_at(check, "info") else { continue };
        let mark = mark(record, &[key, "info"], &said);
        row.state(Fact::Authentication(authentication(method, said, check)), mark);
    }
    for key in ["permittedSender", "managedSender", "managedsender", "rbl"] {
        let info = object_at(&detail, key).and_then(|check| text_at(check, "info"));
        if let Some(info) = info.filter(|info| !["none", "unknown", "allow"].contains(&info.to_lowercase().as_str())) {
            let mark = mark(record, &[key, "info"], &info);
            row.note(format!("{key}: {info}"), mark);
        }
    }
    if let Some(verdict) = object_at(&detail, "verdict").or_else(|| object_at(&detail, "spamVerdict")) {
        decision(row, record, verdict);
    }
}

fn unwrapped(detail: &Value) -> Option<Object> {
    let mut detail = detail.clone();
    for _ in 0..MAX_LAYERS {
        match detail {
            Value::Object(object) => return Some(object),
            Value::String(inner) => detail = serde_json::from_str(&inner).ok()?,
            _ => return None,
        }
    }
    detail.as_object().cloned()
}

/// `allow` says that the check let the message pass on, never that its result is a pass.
fn authentication(method: AuthMethod, said: String, check: &Object) -> Authentication {
    let word = said.split_once('_').filter(|(head, _)| is_method(head)).map_or(said.as_str(), |(_, word)| word);
    let result = result_of(word);
    let reason = check.get("allow").and_then(text).map(|allow| format!("allow: {allow}"));
    Authentication {
        method,
        result,
        domain: None,
        authserv_id: None,
        arc_instance: None,
        client: None,
        disposition: None,
        reason,
        said,
    }
}

/// The result that a word stands for; the word itself if it is none of RFC 8601's.
pub(super) fn result_of(word: &str) -> AuthResult {
    CODES.means("info", word).and_then(codes::auth_result).unwrap_or_else(|| AuthResult::Other(word.to_owned()))
}

fn is_method(word: &str) -> bool {
    ["spf", "dkim", "dmarc"].iter().any(|method| word.eq_ignore_ascii_case(method))
}

fn decision(row: &mut Row, record: &Record, verdict: &Object) {
    let Some(word) = text_at(verdict, "decision") else { return };
    let kind = CODES.means("decision", &word).and_then(codes::verdict).unwrap_or(evidence::VerdictKind::Unknown);
    let said = match text_at(verdict, "risk") {
        Some(risk) => format!("verdict {word}, risk {risk}"),
        None => format!("verdict {word}"),
    };
    let mark = mark(record, &["decision"], &word);
    // What was then done stands in the action of this or a later record, not here.
    row.state(
        Fact::Verdict(Verdict { kind, action: Action::NotSaid, said, policy: None, scope: Scope::Enforced }),
        mark,
    );
}

/// The word after the keys, one within the other, at whatever depth of quoting.
fn mark(record: &Record, keys: &[&str], word: &str) -> Option<std::ops::Range<usize>> {
    let text = record.text.as_str();
    if text.len() > MARKABLE_BYTES {
        return None;
    }
    let mut from = text.to_ascii_lowercase().find("spamprocessingdetail")?;
    for key in keys {
        let rest = text.get(from..)?;
        from += rest.find(&format!("{key}\\")).or_else(|| rest.find(&format!("{key}\"")))? + key.len();
    }
    let at = from + text.get(from..)?.find(word)?;
    (at - from < 64).then_some(at..at + word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        assert!(CODES.all.len() > 10);
        for code in &CODES.all {
            let known = match code.field.as_str() {
                "info" => codes::auth_result(&code.means).is_some() || code.means == "as_written",
                "decision" => codes::verdict(&code.means).is_some(),
                _ => false,
            };
            assert!(known && code.source.contains("read 20"), "{code:?}");
        }
    }

    #[test]
    fn ok_layers_of_text() {
        let object = serde_json::json!({"spf": {"allow": true, "info": "SPF_FAIL"}});
        let once = Value::String(object.to_string());
        let twice = Value::String(once.to_string());
        for (name, detail) in [("object", object.clone()), ("text", once), ("text in text", twice)] {
            assert_eq!(unwrapped(&detail).map(Value::Object), Some(object.clone()), "{name}");
        }
    }
}
