//! Google Workspace: Gmail's log of what became of each message, the e-mail log search, and the activity reports.

pub(crate) mod activity;
pub(crate) mod email_log_search;
pub(crate) mod gmail_logs;
#[cfg(test)]
mod tests;

use evidence::{Identifier, Property};
use serde_json::{Map, Value};

/// How deep the values of a report's parameters are looked into.
const DEPTH_MAX: usize = 8;

/// A Message-ID. What Google puts in its place where a message had none, without a host, is no key.
fn message_id(said: &str) -> Option<Identifier> {
    said.contains('@').then(|| Identifier::message_id(said)).flatten()
}

/// The parameters of an event of the Reports API as a plain object: `[{"name": "a", "intValue": "1"}]` is `{"a": "1"}`.
fn parameters(list: &[Value], depth: usize) -> Map<String, Value> {
    let mut object = Map::new();
    for parameter in list.iter().filter_map(Value::as_object) {
        if let Some(name) = parameter.get("name").and_then(Value::as_str) {
            object.insert(name.to_owned(), parameter_value(parameter, depth));
        }
    }
    object
}

/// The value of one parameter, whichever of its keys holds it.
fn parameter_value(parameter: &Map<String, Value>, depth: usize) -> Value {
    let nested = |message: &Value| match message.get("parameter").and_then(Value::as_array) {
        Some(list) if depth < DEPTH_MAX => Value::Object(parameters(list, depth + 1)),
        _ => Value::Null,
    };
    for (key, value) in parameter {
        match key.as_str() {
            "value" | "intValue" | "boolValue" | "multiValue" | "multiIntValue" => return value.clone(),
            "messageValue" => return nested(value),
            "multiMessageValue" => {
                let messages = value.as_array().map(Vec::as_slice).unwrap_or_default();
                return Value::Array(messages.iter().map(nested).collect());
            }
            _ => {}
        }
    }
    Value::Null
}

/// The texts of a value: one for a scalar, those of its elements for a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()].into_iter().filter(|text| !text.is_empty()).collect(),
        Value::Array(values) => values
            .iter()
            .flat_map(|value| match value {
                Value::Array(_) => vec![value.to_string()],
                other => texts(other),
            })
            .collect(),
        other => vec![other.to_string()],
    }
}

/// The members of an object as properties, in its order.
fn properties(object: &Map<String, Value>) -> Vec<Property> {
    let of = |(name, value): (&String, &Value)| Property { name: name.clone(), values: texts(value) };
    object.iter().map(of).filter(|property| !property.values.is_empty()).collect()
}
