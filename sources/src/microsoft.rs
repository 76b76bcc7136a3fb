//! What Microsoft's logs have in common: who acted, from where, and values that stand as lists of names and values.

use evidence::{Done, Peer, Property};
use serde_json::{Map, Value};

use crate::table::row::Row;

/// The value of a JSON member as text; `None` if it is absent, null or blank.
pub(crate) fn text_of(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text(object.get(*name)?))
}

/// A JSON value as text; `None` if it is null or blank.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// The pairs of a list of `{"Name": "...", "Value": "..."}`, in its order; a missing value is the empty text.
pub(crate) fn pairs(row: &Row, names: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    row.each_object(names, |object| {
        let name = text_of(object, &["Name", "name", "key", "Key"]);
        found.extend(name.map(|name| (name, text_of(object, &["Value", "value"]).unwrap_or_default())));
    });
    found
}

/// The value beside a name in a list of pairs, without regard to case.
pub(crate) fn beside<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Pairs as properties, those without a value left out.
pub(crate) fn properties(pairs: Vec<(String, String)>) -> Vec<Property> {
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| Property { name, values: vec![value] }).collect()
}

/// Named fields of a row as properties, by their names as written; the empty ones are left out.
pub(crate) fn details(row: &Row, names: &[&str]) -> Vec<Property> {
    let of = |name: &&str| {
        let values: Vec<String> = row.list(&[name]).into_iter().map(str::to_owned).collect();
        (!values.is_empty()).then(|| Property { name: row.written(name).unwrap_or(name).to_owned(), values })
    };
    names.iter().filter_map(of).collect()
}

/// The address under the first of these names: `192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`, `2001:db8::1`.
pub(crate) fn peer(row: &Row, names: &[&str]) -> Option<Peer> {
    names.iter().find_map(|name| peer_of(row.text(&[name])?))
}

/// An address with or without port; `None` for `<null>` and other words that are no address.
pub(crate) fn peer_of(said: &str) -> Option<Peer> {
    let said = said.trim();
    let (ip, port) = if let Some(rest) = said.strip_prefix('[') {
        let (ip, after) = rest.split_once(']')?;
        (ip, after.strip_prefix(':'))
    } else if said.matches(':').count() == 1 {
        let (ip, port) = said.split_once(':')?;
        (ip, Some(port))
    } else {
        (said, None)
    };
    ip.parse::<std::net::IpAddr>().ok()?;
    Some(Peer { name: None, ip: Some(ip.to_owned()), port: port.and_then(|port| port.parse().ok()) })
}

/// Whether something was done, by the word of one of the workloads.
pub(crate) fn done(said: Option<&str>) -> Done {
    match said.map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "succeeded" | "success" | "successful" | "partiallysucceeded") => Done::Yes,
        Some("false" | "failed" | "failure" | "timeout" | "clienterror" | "usererror") => Done::No,
        _ => Done::NotSaid,
    }
}

#[cfg(test)]
mod tests;
