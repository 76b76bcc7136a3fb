//! One header field in words: what it is, and what each part of it means by the tables.

use std::borrow::Cow;

use super::book::{FieldCodes, Key, Meaning, Weight, book, compauth_reason, folded};
use super::parts::{self, Parts};
use crate::message::{auth_results, boundary};

/// One part of a header field with its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The key within the field as written; the field's own name where it has no parts.
    pub key: String,
    /// The value as written.
    pub value: String,
    /// What it means, as a short sentence; `None` if that is not known, and then nothing is concluded from it.
    pub means: Option<String>,
    /// How much it weighs.
    pub weight: Weight,
    /// The page that says so, and the day it was read.
    pub source: Option<&'static str>,
}

/// Whether a field says of itself that an earlier system wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Written {
    /// It does not; who wrote it follows from where it stands among the Received fields.
    #[default]
    Unmarked,
    /// A copy of what a system further back on the way wrote (`-Untrusted`, `-Original`): never a verdict of the receiving side.
    ByEarlierSystem,
}

/// A field in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) vendor: Option<&'static str>,
    pub(crate) says: Option<&'static str>,
    pub(crate) decoded: Vec<Decoded>,
    pub(crate) written: Written,
}

/// Names of fields that hold the results of an earlier system.
const EARLIER_RESULTS: &[&str] = &[
    "x-original-authentication-results",
    "original-authentication-results",
    "x-ms-exchange-authentication-results",
    "x-authentication-results",
    "x-forwarded-authentication-results",
];

/// Whether a field is a copy of what a system further back on the way wrote; by its name in lower case.
pub(crate) fn written(lower: &str) -> Written {
    let is_copy = || {
        let names = ["x-ms-", "x-microsoft-", "x-forefront-", "x-message-", "authentication-", "received-spf"];
        let is_marked = lower.ends_with("-untrusted") || lower.ends_with("-original") || lower.contains("-original-");
        is_marked && names.iter().any(|head| lower.starts_with(head))
    };
    if EARLIER_RESULTS.contains(&lower) || is_copy() { Written::ByEarlierSystem } else { Written::Unmarked }
}

/// The name under which the tables have a field, without marks of an earlier system and running numbers.
fn table_name(lower: &str, written: Written) -> Cow<'_, str> {
    let numbered = lower.trim_end_matches(|c: char| c.is_ascii_digit());
    let lower = numbered.strip_suffix('-').filter(|_| numbered.len() < lower.len()).unwrap_or(lower);
    if written == Written::Unmarked {
        return Cow::Borrowed(lower);
    }
    if EARLIER_RESULTS.contains(&lower) {
        return Cow::Borrowed("authentication-results");
    }
    let stripped = lower.strip_suffix("-untrusted").or_else(|| lower.strip_suffix("-original"));
    stripped.map_or_else(|| Cow::Owned(lower.replace("-original-", "-")), Cow::Borrowed)
}

/// Decodes a field by its name in lower case.
pub(crate) fn decode(name: &str, lower: &str, value: &str) -> Words {
    let written = written(lower);
    let found = book().field(lower).or_else(|| book().field(&table_name(lower, written)));
    let vendor = found.and_then(|field| field.vendor.as_deref()).or_else(|| book().vendor_of(lower));
    let mut words = Words { vendor, written, ..Words::default() };
    // Some systems wrote the fields of others anew, as encoded words; what nobody can read stays as it is.
    let is_opaque = found.is_some_and(FieldCodes::is_opaque);
    let is_encoded = !is_opaque && value.contains("=?");
    let plain = if is_encoded { Cow::Owned(boundary::words(value)) } else { Cow::Borrowed(value) };
    match found {
        Some(field) => {
            words.says = field.whole.meaning.as_ref().map(|meaning| meaning.says.as_str());
            match lower.ends_with("authentication-results") || lower.starts_with("authentication-results-") {
                true => results(field, &plain, &mut words.decoded),
                false => parts_of(field, name, &plain, &mut words.decoded),
            }
            // Nothing but separators: no part of it is known, and it is not dropped.
            if vendor.is_some() && words.decoded.is_empty() && !plain.is_empty() {
                words.decoded.push(unknown(name, &plain));
            }
        }
        None if vendor.is_some() => words.decoded.push(unknown(name, &plain)),
        None if lower == "arc-authentication-results" => {
            if let Some(field) = book().field("authentication-results") {
                results(field, &plain, &mut words.decoded);
            }
        }
        None if is_encoded => words.decoded.push(Decoded {
            key: name.to_owned(),
            value: plain.into_owned(),
            means: Some("encoded words as text".to_owned()),
            weight: Weight::Context,
            source: Some("RFC 2047, section 2, read 2026-11-21"),
        }),
        None => {}
    }
    if written == Written::ByEarlierSystem {
        for part in words.decoded.iter_mut().filter(|part| matches!(part.weight, Weight::Decides | Weight::Supports)) {
            part.weight = Weight::Context;
        }
    }
    words
}

fn parts_of(field: &'static FieldCodes, name: &str, value: &str, decoded: &mut Vec<Decoded>) {
    for (key, value) in parts::cut(field.parts, value) {
        let Some(key) = key else {
            // Among pairs a loose word means something only if it is listed.
            let meaning = match field.parts {
                Parts::Whole | Parts::First => field.whole.value(&value),
                _ => field.whole.listed(&value),
            };
            decoded.push(told(name, &value, meaning));
            continue;
        };
        let Some(codes) = field.key(&key) else {
            decoded.push(unknown(&key, &value));
            continue;
        };
        match codes.each {
            None => decoded.push(of_key(codes, &key, &value)),
            Some(each) => {
                let items = value.split(each).map(str::trim).filter(|item| !item.is_empty());
                decoded.extend(items.map(|item| of_key(codes, &key, item)));
            }
        }
    }
}

/// A value of a key; an item such as `BAYES_99=3.5` or `R_SPF_ALLOW(-0.20)[...]` is known by its name.
fn of_key(codes: &'static Key, key: &str, value: &str) -> Decoded {
    if value.is_empty() {
        let meaning = codes.meaning.as_ref();
        return Decoded {
            key: key.to_owned(),
            value: String::new(),
            means: Some("nothing is stated".to_owned()),
            weight: Weight::Context,
            source: meaning.map(|meaning| meaning.source.as_str()),
        };
    }
    let item = value.split(['=', '(', '[']).next().unwrap_or(value);
    let is_item = codes.each.is_some() || key == "symbol";
    told(key, value, codes.value(if is_item { item } else { value }))
}

fn told(key: &str, value: &str, meaning: Option<&'static Meaning>) -> Decoded {
    match meaning {
        Some(meaning) => Decoded {
            key: key.to_owned(),
            value: value.to_owned(),
            means: Some(meaning.says.clone()),
            weight: meaning.weight,
            source: Some(&meaning.source),
        },
        None => unknown(key, value),
    }
}

fn unknown(key: &str, value: &str) -> Decoded {
    Decoded { key: key.to_owned(), value: value.to_owned(), means: None, weight: Weight::Unknown, source: None }
}

/// Authentication-Results and its relatives: the writer, each method with its result, and its properties.
fn results(field: &'static FieldCodes, value: &str, decoded: &mut Vec<Decoded>) {
    let mut is_told = false;
    auth_results::each_part(value, &mut |key, value| {
        let Some(key) = key else {
            // The first loose word is who wrote it (RFC 8601, 2.2), unless it is `none`.
            if !is_told && let Some(codes) = field.key("authserv-id") {
                decoded.push(of_key(codes, "authserv-id", value));
                is_told = true;
            }
            return;
        };
        let is_code = value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit());
        decoded.push(match field.key(&folded(key)) {
            Some(codes) if key == "reason" => match (is_code, compauth_reason(value)) {
                (true, Some(says)) => Decoded {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    means: Some(says.to_owned()),
                    weight: Weight::Decides,
                    source: codes.meaning.as_ref().map(|meaning| meaning.source.as_str()),
                },
                (true, None) => unknown(key, value),
                (false, _) => told(key, value, codes.meaning.as_ref()),
            },
            Some(codes) => of_key(codes, key, value),
            None => unknown(key, value),
        });
    });
}
