//! Values as Mimecast writes them: numbers and truth values as text, addresses as text or object, lists as text.

use evidence::{Access, Address, Identifier, Peer, Reply, When};
use serde_json::Value;

use crate::Clock;
use crate::time::{self, DayOrder, Zoneless};

/// An object of JSON.
pub(super) type Object = serde_json::Map<String, Value>;

/// A scalar as text, trimmed; `None` for null, the empty text, lists and objects.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text != "null").then_some(text)
}

/// The text under `key` of an object.
pub(super) fn text_at(object: &Object, key: &str) -> Option<String> {
    object.get(key).and_then(text)
}

/// The object under `key` of an object.
pub(super) fn object_at<'o>(object: &'o Object, key: &str) -> Option<&'o Object> {
    object.get(key).and_then(Value::as_object)
}

/// A truth value in any of its spellings: `true`, `"True"`, `Yes`, `1`.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// An instant; the unset times of Mimecast (1900, 1970, 2100) give `None`.
pub(super) fn instant(said: &str, clock: &Clock) -> Option<When> {
    let whole = said.strip_suffix(".0").unwrap_or(said);
    let when = time::instant(whole, DayOrder::MonthFirst, Zoneless::AsAsked(clock))?;
    (when.at.as_second() < 4_102_444_800).then_some(When { said: said.to_owned(), ..when })
}

/// The instant under the first of `keys` that has one.
pub(super) fn instant_at(object: &Object, keys: &[&str], clock: &Clock) -> Option<When> {
    keys.iter().find_map(|key| instant(&text_at(object, key)?, clock))
}

/// One address: text, or an object with `emailAddress`. The empty text is the null sender.
pub(super) fn address(value: &Value) -> Option<Address> {
    match value {
        Value::String(said) => Some(Address::new(bare_address(said))),
        Value::Object(object) => object.get("emailAddress")?.as_str().map(Address::new),
        _ => None,
    }
}

/// The address of `Name <address>`, else the text as it is.
fn bare_address(said: &str) -> &str {
    match said.rsplit_once('<') {
        Some((_, tail)) => tail.split('>').next().unwrap_or(tail),
        None => said,
    }
}

/// Addresses in any of their forms: one text, several in one text, a list, a list as JSON text, objects.
pub(super) fn addresses(value: &Value) -> Vec<Address> {
    let found: Vec<Address> = match value {
        Value::Array(all) => all.iter().filter_map(address).collect(),
        Value::String(said) if said.trim_start().starts_with('[') => match serde_json::from_str(said) {
            Ok(Value::Array(all)) => all.iter().filter_map(address).collect(),
            _ => split_addresses(said),
        },
        Value::String(said) => split_addresses(said),
        other => address(other).into_iter().collect(),
    };
    let mut once = Vec::with_capacity(found.len());
    let mut seen = std::collections::BTreeSet::new();
    for address in found {
        if !address.is_null() && seen.insert(address.clone()) {
            once.push(address);
        }
    }
    once
}

fn split_addresses(said: &str) -> Vec<Address> {
    said.split([',', ';']).map(|part| Address::new(bare_address(part.trim()))).collect()
}

/// A Message-ID, also one whose brackets were escaped twice (`\u003c...\u003e`).
pub(super) fn message_id(said: &str) -> Option<Identifier> {
    if !said.contains("\\u00") {
        return Identifier::message_id(said);
    }
    let mut plain = String::with_capacity(said.len());
    let mut rest = said;
    while let Some(at) = rest.find("\\u00") {
        plain.push_str(&rest[..at]);
        let code = rest.get(at + 4..at + 6).and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii);
        match code {
            Some(code) => {
                plain.push(char::from(code));
                rest = &rest[at + 6..];
            }
            None => {
                plain.push_str("\\u00");
                rest = &rest[at + 4..];
            }
        }
    }
    plain.push_str(rest);
    Identifier::message_id(&plain)
}

/// A subject, decoded (RFC 2047) where it is encoded.
pub(super) fn subject(said: &str) -> String {
    if !said.contains("=?") || said.len() > 8192 {
        return said.to_owned();
    }
    let line = said.replace(['\r', '\n'], " ");
    let decoded = std::panic::catch_unwind(|| {
        let header = format!("Subject: {line}\r\n\r\n");
        let message = mail_parser::MessageParser::default().parse_headers(header.as_bytes());
        message.and_then(|message| message.subject().map(str::to_owned))
    });
    decoded.ok().flatten().unwrap_or_else(|| said.to_owned())
}

/// A server by name and address; `None` if the record names neither.
pub(super) fn peer(name: Option<String>, ip: Option<String>) -> Option<Peer> {
    let name = name.map(|name| name.to_lowercase());
    (name.is_some() || ip.is_some()).then_some(Peer { name, ip, port: None })
}

/// Which way a message goes; `External` (neither side ours) is none of our three.
pub(super) fn direction(word: &str) -> Option<Access> {
    match word.to_ascii_lowercase().as_str() {
        "inbound" => Some(Access::Inbound),
        "outbound" => Some(Access::Outbound),
        "internal" => Some(Access::Internal),
        _ => None,
    }
}

/// A reply from its code, where given apart, and its text; `None` if there is neither.
pub(super) fn reply(code: Option<&str>, text: &str) -> Option<Reply> {
    let text = text.trim();
    let reply_code = code.and_then(reply_code).or_else(|| reply_code(text.split([' ', '-']).next().unwrap_or("")));
    (reply_code.is_some() || !text.is_empty()).then(|| Reply {
        reply_code,
        enhanced_status_code: enhanced_status_code(text),
        text: text.to_owned(),
    })
}

/// A reply code of RFC 5321, 4.2; Mimecast writes `0` for none.
fn reply_code(word: &str) -> Option<u16> {
    let word = word.trim();
    let code: u16 = (word.len() == 3).then(|| word.parse().ok()).flatten()?;
    (200..600).contains(&code).then_some(code)
}

/// The enhanced status code (RFC 3463) among the first words of a reply.
fn enhanced_status_code(text: &str) -> Option<String> {
    let is_code = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        matches!(parts.as_slice(), ["2" | "4" | "5", subject, detail] if [subject, detail]
            .iter()
            .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())))
    };
    text.split([' ', '-', '\t']).take(4).find(is_code).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_message_ids() {
        for (name, said, expected) in [
            ("brackets", "<a@example.com>", "a@example.com"),
            ("none", "a@example.com", "a@example.com"),
            ("escaped twice", "\\u003ca@example.com\\u003e", "a@example.com"),
            ("no code", "\\u00zz@example.com", "\\u00zz@example.com"),
        ] {
            assert_eq!(message_id(said).map(|id| id.text().to_owned()).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn ok_replies() {
        for (name, code, text, expected) in [
            ("code apart", Some("550"), "Envelope blocked", (Some(550), None)),
            ("zero is none", Some("0"), "Rejected", (None, None)),
            ("in the text", None, "250 2.6.0 <a@b> Queued", (Some(250), Some("2.6.0"))),
            ("with a hyphen", None, "451-4.7.1 later", (Some(451), Some("4.7.1"))),
            ("a local reason", None, "Domain has no MX records", (None, None)),
        ] {
            let found = reply(code, text).map(|reply| (reply.reply_code, reply.enhanced_status_code));
            assert_eq!(found, Some((expected.0, expected.1.map(str::to_owned))), "{name}");
        }
        assert_eq!(reply(None, " "), None);
    }

    #[test]
    fn ok_addresses() {
        for (name, value, expected) in [
            ("one", serde_json::json!("A@Example.com"), vec!["a@example.com"]),
            (
                "several in a text",
                serde_json::json!("a@example.com, b@example.com;a@example.com"),
                vec!["a@example.com", "b@example.com"],
            ),
            ("list as text", serde_json::json!("[\"a@example.com\"]"), vec!["a@example.com"]),
            ("objects", serde_json::json!([{"emailAddress": "a@example.com"}]), vec!["a@example.com"]),
            ("nothing", serde_json::json!(null), vec![]),
        ] {
            let found = addresses(&value);
            assert_eq!(found.iter().map(Address::as_str).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
