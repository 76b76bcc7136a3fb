//! The fields of one SIEM record under one set of names, whatever the dialect.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use serde_json::Value;

use crate::mimecast::rows::place;
use crate::mimecast::values::{Object, text};
use crate::records::Record;

/// Fields by lower-case name without Log Analytics suffix; each with its key as written.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, (String, Value)>);

/// Suffixes that Log Analytics adds for text, number, time, truth value and GUID.
const SUFFIXES: [&str; 5] = ["_s", "_d", "_t", "_b", "_g"];

impl Fields {
    /// The fields of a JSON object.
    pub(super) fn of_object(object: Object) -> Fields {
        let suffixed = is_suffixed(object.keys().map(String::as_str));
        let mut fields = Fields::default();
        for (key, value) in object {
            fields.add(&key, value, suffixed);
        }
        fields
    }

    /// The fields of a CSV row. Empty cells are left out: the export writes null and the empty text alike.
    pub(super) fn of_cells(columns: &[String], cells: Vec<String>) -> Fields {
        let suffixed = is_suffixed(columns.iter().map(String::as_str));
        let mut fields = Fields::default();
        for (column, cell) in columns.iter().zip(cells) {
            if !cell.trim().is_empty() {
                fields.add(column, Value::String(cell), suffixed);
            }
        }
        fields
    }

    /// The fields of a pipe-delimited line of API 1.0.
    pub(super) fn of_line(line: &str) -> Fields {
        let mut fields = Fields::default();
        for (key, value) in pairs(line) {
            fields.add(key, Value::String(value.to_owned()), false);
        }
        fields
    }

    fn add(&mut self, key: &str, value: Value, suffixed: bool) {
        let name = key.trim().trim_end_matches(" [UTC]");
        let name = match suffixed {
            true => SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name),
            false => name,
        };
        // `Type` is the name of the Log Analytics table wherever the event's own `type` or `type_s` stands beside it.
        let is_table = |key: &str| key == "Type";
        match self.0.entry(name.to_ascii_lowercase()) {
            Entry::Vacant(place) => {
                place.insert((key.to_owned(), value));
            }
            Entry::Occupied(mut known) if is_table(&known.get().0) => {
                known.insert((key.to_owned(), value));
            }
            Entry::Occupied(_) => {}
        }
    }

    /// The value under the first of `names` that is there, null too.
    pub(super) fn value(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.0.get(*name)).map(|(_, value)| value)
    }

    /// The text under the first of `names` that has some.
    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.0.get(*name).and_then(|(_, value)| text(value)))
    }

    /// Whether one of `names` is there.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains_key(*name))
    }

    /// The place in the record of the field among `names` that has text.
    pub(super) fn mark(&self, record: &Record, names: &[&str]) -> Option<Range<usize>> {
        let (key, value) =
            names.iter().filter_map(|name| self.0.get(*name)).find(|(_, value)| text(value).is_some())?;
        place(record, key, &text(value)?)
    }
}

fn is_suffixed<'k>(keys: impl Iterator<Item = &'k str>) -> bool {
    const SIGNS: [&str; 5] = ["aggregateId_s", "aCode_s", "processingId_s", "type_s", "accountId_s"];
    keys.into_iter().any(|key| SIGNS.contains(&key.trim()))
}

/// Keys of API 1.0 (reference: the vendor's field lists by log type). A `|` splits only in front of one of these.
pub(super) const KEYS: &[&str] = &[
    "datetime",
    "aCode",
    "acc",
    "SpamLimit",
    "IP",
    "Dir",
    "MsgId",
    "Subject",
    "headerFrom",
    "Sender",
    "Rcpt",
    "SpamInfo",
    "Act",
    "TlsVer",
    "Cphr",
    "SpamProcessingDetail",
    "SpamScore",
    "Virus",
    "Error",
    "RejType",
    "RejCode",
    "RejInfo",
    "AttSize",
    "AttCnt",
    "AttNames",
    "MsgSize",
    "Hld",
    "IPNewDomain",
    "IPReplyMismatch",
    "IPInternalName",
    "IPThreadDict",
    "IPSimilarDomain",
    "Delivered",
    "ReceiptAck",
    "Latency",
    "Attempt",
    "Snt",
    "UseTls",
    "Route",
    "Err",
    "SourceIP",
    "SenderDomain",
    "SenderDomainInternal",
    "Recipient",
    "MimecastIP",
    "CustomerIP",
    "fileName",
    "sha256",
    "sha1",
    "md5",
    "Size",
    "fileExt",
    "fileMime",
    "RcptActType",
    "RcptHdrType",
    "Action",
    "Definition",
    "Hits",
    "InternalName",
    "NewDomain",
    "CustomName",
    "ReplyMismatch",
    "ThreatDictionary",
    "CustomThreatDictionary",
    "SimilarInternalDomain",
    "SimilarCustomExternalDomain",
    "SimilarMimecastExternalDomain",
    "TaggedExternal",
    "TaggedMalicious",
    "reason",
    "url",
    "route",
    "sourceIp",
    "sender",
    "recipient",
    "urlCategory",
    "senderDomain",
    "action",
    "msgid",
    "subject",
    "credentialTheft",
    "ScanResultInfo",
    "URL",
    "UrlCategory",
];

/// One start of a field: where its key begins and where its value begins.
struct Start {
    key: Range<usize>,
    /// Whether the value before it may end here as one wrapped in backslashes.
    closes: bool,
}

/// Splits `key=value|key=value`; values may hold `|` and `=`, and may be wrapped in backslashes.
pub(super) fn pairs(line: &str) -> Vec<(&str, &str)> {
    let starts = starts(line);
    let closing = next_closing(&starts);
    let mut found = Vec::with_capacity(starts.len());
    let mut at = 0;
    while let Some(start) = starts.get(at) {
        let from = start.key.end + 1;
        let value = &line[from..];
        let wrapped_to = match closing.get(at + 1).copied().flatten() {
            Some(next) if value.starts_with('\\') && starts[next].key.start > from + 1 => Some(next),
            None if value.starts_with('\\') && value.len() > 1 && value.ends_with('\\') => Some(starts.len()),
            _ => None,
        };
        let next = wrapped_to.unwrap_or(at + 1);
        let end = starts.get(next).map_or(line.len(), |next| next.key.start - 1).max(from);
        let value = &line[from..end];
        let value = value.strip_prefix('\\').and_then(|value| value.strip_suffix('\\')).unwrap_or(value);
        found.push((&line[start.key.clone()], value));
        at = next;
    }
    found
}

fn starts(line: &str) -> Vec<Start> {
    let bytes = line.as_bytes();
    let candidates = std::iter::once(0).chain(memchr::memchr_iter(b'|', bytes).map(|at| at + 1));
    candidates
        .filter_map(|start| {
            let rest = &bytes[start..];
            let length = rest.iter().take(32).position(|byte| *byte == b'=')?;
            let key = start..start + length;
            KEYS.contains(&&line[key.clone()]).then(|| Start { key, closes: start >= 2 && bytes[start - 2] == b'\\' })
        })
        .collect()
}

/// For each start, the first one at or after it that a value wrapped in backslashes may end at.
fn next_closing(starts: &[Start]) -> Vec<Option<usize>> {
    let mut next = None;
    let mut closing = vec![None; starts.len()];
    for (at, start) in starts.iter().enumerate().rev() {
        if start.closes {
            next = Some(at);
        }
        closing[at] = next;
    }
    closing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_pairs() {
        for (name, line, expected) in [
            ("plain", "acc=C1|Act=Acc", vec![("acc", "C1"), ("Act", "Acc")]),
            ("pipe and equals inside", "Subject=a|b=c|Act=Acc", vec![("Subject", "a|b=c"), ("Act", "Acc")]),
            ("wrapped", "Subject=\\a|Act=Rej|b\\|Act=Acc", vec![("Subject", "a|Act=Rej|b"), ("Act", "Acc")]),
            ("wrapped at the end", "Act=Acc|Subject=\\x|y\\", vec![("Act", "Acc"), ("Subject", "x|y")]),
            ("only begins with one", "Subject=\\x|Act=Acc", vec![("Subject", "\\x"), ("Act", "Acc")]),
            ("empty", "Sender=|Act=Acc", vec![("Sender", ""), ("Act", "Acc")]),
            ("empty wrapped", "Subject=\\\\|Act=Acc", vec![("Subject", ""), ("Act", "Acc")]),
            ("not ours", "no fields here", vec![]),
        ] {
            assert_eq!(pairs(line), expected, "{name}");
        }
    }
}
