//! Looks at the start of a file, for recognising its kind.

use serde_json::Value;

use super::values::Object;
use crate::Head;

/// How many objects are looked at.
const ENOUGH: usize = 12;
/// How many starts of an object are tried.
const MAX_STARTS: usize = 48;

/// The first objects of a JSON text that may be cut: those in the arrays of `wrappers`, else the outermost ones.
pub(super) fn objects(head: &Head<'_>, wrappers: &[&str]) -> Vec<Object> {
    let mut found = Vec::new();
    let mut rest = head.text.trim_start_matches('\u{feff}').trim_start();
    if !rest.starts_with(['{', '[']) {
        // The first of some lines may be torn.
        match rest.split_once('\n') {
            Some((_, second)) if second.starts_with("{\"") => rest = second,
            _ => return found,
        }
    }
    for _ in 0..MAX_STARTS {
        let Some(start) = rest.find('{') else { break };
        rest = &rest[start..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                unwrap(value, wrappers, 8, &mut found);
                rest = &rest[values.byte_offset()..];
            }
            _ => rest = &rest[1..], // cut within: its inner objects may be whole
        }
        if found.len() >= ENOUGH {
            break;
        }
    }
    found
}

fn unwrap(value: Value, wrappers: &[&str], depth: usize, found: &mut Vec<Object>) {
    match value {
        Value::Array(all) if depth > 0 => {
            for value in all.into_iter().take(ENOUGH) {
                unwrap(value, wrappers, depth - 1, found);
            }
        }
        Value::Object(mut object) => {
            let full: Vec<&str> =
                wrappers.iter().copied().filter(|key| object.get(*key).is_some_and(is_full)).collect();
            let inner: Vec<Value> = full.into_iter().filter_map(|key| object.remove(key)).collect();
            if inner.is_empty() || depth == 0 {
                // What lies deeper than any answer's envelope is looked at as it is.
                found.push(object);
                return;
            }
            for value in inner {
                unwrap(value, wrappers, depth - 1, found);
            }
        }
        _ => {}
    }
}

fn is_full(value: &Value) -> bool {
    value.as_array().is_some_and(|all| !all.is_empty())
}

/// Whether an object has all of these keys.
pub(super) fn has(object: &Object, keys: &[&str]) -> bool {
    keys.iter().all(|key| object.contains_key(*key))
}
