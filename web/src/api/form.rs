//! What a client gives, held to the very schema that the document shows of it: path, query and body.

use axum::body::Bytes;
use axum::extract::{self, FromRequest, FromRequestParts, Path, Request};
use axum::http::header;
use axum::http::request::Parts;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use super::problem::{Refusal, Sort};

/// The form of what is given: one whole, in which no other field is taken.
pub fn schema<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let closed = RecursiveTransform(|schema: &mut Schema| {
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    });
    settings.with_transform(closed).into_generator().into_root_schema_for::<T>()
}

/// What stands in the path.
pub struct At<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Refusal> {
        let nothing =
            |found: String| Sort::NotFound.with(format!("{found}. `GET /api/v1/openapi.json` says what there is"));
        let Path(pairs) = Path::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| nothing(format!("path: {}", rejection.body_text())))?;
        read(&pairs).map(At).map_err(|found| nothing(format!("path: {found}")))
    }
}

/// What stands in the query.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query<T>, Refusal> {
        let extract::Query(pairs) = extract::Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Sort::Form.with(format!("query: {}", rejection.body_text())))?;
        read(&pairs).map(Query).map_err(|found| Sort::Form.with(format!("query: {found}")))
    }
}

/// A body in JSON.
pub struct Given<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + JsonSchema> FromRequest<S> for Given<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Given<T>, Refusal> {
        let kind = media_type(request.headers());
        if kind != "application/json" {
            let what = format!("Content-Type: expected application/json, found `{}`", kind.escape_debug());
            return Err(Sort::MediaType.with(what));
        }
        let bytes = Bytes::from_request(request, state).await?;
        parsed(&bytes).map(Given).map_err(|found| Sort::Form.with(format!("body: {found}")))
    }
}

/// The media type of a body in lower case, without what stands behind it; empty if none is named.
pub fn media_type(headers: &header::HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads a body.
fn parsed<T: DeserializeOwned + JsonSchema>(bytes: &[u8]) -> Result<T, String> {
    let given: Value = serde_json::from_slice(bytes).map_err(|error| format!("expected JSON, found {error}"))?;
    fits("", &given, schema::<T>().as_value())?;
    serde_json::from_value(given).map_err(|error| error.to_string())
}

/// Reads names and values, as their schema says what each is.
fn read<T: DeserializeOwned + JsonSchema>(pairs: &[(String, String)]) -> Result<T, String> {
    let schema = schema::<T>();
    let none = Map::new();
    let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let mut given = Map::new();
    for (name, text) in pairs {
        let Some(form) = known.get(name) else {
            return Err(unknown(name, known));
        };
        let is_list = form.get("type").and_then(Value::as_str) == Some("array");
        match given.get_mut(name) {
            Some(Value::Array(list)) if is_list => list.push(value(text, &form["items"])),
            Some(_) => return Err(format!("`{}`: expected it once, found it twice", name.escape_debug())),
            None if is_list => {
                given.insert(name.clone(), Value::Array(vec![value(text, &form["items"])]));
            }
            None => {
                given.insert(name.clone(), value(text, form));
            }
        }
    }
    let given = Value::Object(given);
    fits("", &given, schema.as_value())?;
    serde_json::from_value(given).map_err(|error| error.to_string())
}

/// A text as what its schema says it is; itself, if it is none.
fn value(text: &str, form: &Value) -> Value {
    if is(form, "integer") && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u64>().map_or_else(|_| text.into(), |number| Value::Number(Number::from(number)));
    }
    match text {
        "true" | "false" if is(form, "boolean") => Value::Bool(text == "true"),
        _ => text.into(),
    }
}

/// Whether a schema is, among others, of a type.
fn is(form: &Value, wanted: &str) -> bool {
    match &form["type"] {
        Value::String(one) => one == wanted,
        Value::Array(several) => several.iter().any(|one| one == wanted),
        _ => form["anyOf"].as_array().is_some_and(|several| several.iter().any(|one| is(one, wanted))),
    }
}

fn unknown(name: &str, known: &Map<String, Value>) -> String {
    let names: Vec<String> = known.keys().map(|name| format!("`{name}`")).collect();
    let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    format!("expected {names}, found `{}`", name.escape_debug())
}

/// Asks of a value what its type does not ask by itself: that no field is unknown, and that lengths and ranges are kept.
fn fits(place: &str, value: &Value, form: &Value) -> Result<(), String> {
    let at = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    let wrong = |expected: String| {
        let found: String = value.to_string().chars().take(80).collect();
        let place = if place.is_empty() { String::new() } else { format!("`{place}`: ") };
        Err(format!("{place}expected {expected}, found {found}"))
    };
    let limit = |name: &str| form[name].as_u64();
    let is_type = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => true,
    };
    let types = form["type"].as_array().map_or_else(|| std::slice::from_ref(&form["type"]), Vec::as_slice);
    if !types.iter().any(is_type) {
        let words: Vec<&str> =
            types.iter().filter_map(Value::as_str).filter(|word| *word != "null").map(kind).collect();
        return wrong(words.join(" or "));
    }
    match value {
        Value::Object(fields) => {
            let Some(known) = form["properties"].as_object() else { return Ok(()) };
            for (name, value) in fields {
                let form = known.get(name).ok_or_else(|| unknown(&at(name), known))?;
                fits(&at(name), value, form)?;
            }
            let required = form["required"].as_array().map(Vec::as_slice).unwrap_or_default();
            let missing = required.iter().filter_map(Value::as_str).find(|name| !fields.contains_key(*name));
            missing.map_or(Ok(()), |name| Err(format!("expected `{}`, found none", at(name))))
        }
        Value::Array(values) => {
            let mut each = values.iter().enumerate();
            each.try_for_each(|(index, value)| fits(&format!("{place}[{index}]"), value, &form["items"]))
        }
        Value::String(text) => {
            let letters = text.chars().count() as u64;
            match (limit("minLength"), limit("maxLength")) {
                (Some(least), _) if letters < least => wrong(format!("{least} characters at least")),
                (_, Some(most)) if letters > most => wrong(format!("{most} characters at most")),
                _ => Ok(()),
            }
        }
        Value::Number(number) => match (limit("minimum"), limit("maximum"), number.as_u64()) {
            (Some(least), _, Some(number)) if number < least => wrong(format!("{least} at least")),
            (_, Some(most), Some(number)) if number > most => wrong(format!("{most} at most")),
            _ => Ok(()),
        },
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

/// A type in words.
fn kind(word: &str) -> &'static str {
    match word {
        "object" => "an object",
        "array" => "a list",
        "string" => "a text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Inner {
        words: Option<String>,
    }

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Outer {
        #[schemars(range(min = 1, max = 200))]
        limit: Option<u64>,
        #[schemars(length(min = 1, max = 3))]
        name: Option<String>,
        redact: bool,
        mark: Vec<String>,
        inner: Inner,
    }

    #[test]
    fn queries() {
        for (name, query, expected) in [
            ("nothing", "", Ok("None None false []")),
            ("all", "limit=7&name=a&redact=true&mark=1&mark=2", Ok(r#"Some(7) Some("a") true ["1", "2"]"#)),
            ("digits are a name too", "name=007", Ok(r#"None Some("007") false []"#)),
            (
                "the largest number",
                "limit=18446744073709551615",
                Err("`limit`: expected 200 at most, found 18446744073709551615"),
            ),
            (
                "a larger one",
                "limit=18446744073709551616",
                Err("`limit`: expected a whole number, found \"18446744073709551616\""),
            ),
            ("a sign", "limit=+7", Err("`limit`: expected a whole number, found \"+7\"")),
            ("too small", "limit=0", Err("`limit`: expected 1 at least, found 0")),
            ("too long", "name=abcd", Err("`name`: expected 3 characters at most, found \"abcd\"")),
            ("empty", "name=", Err("`name`: expected 1 characters at least, found \"\"")),
            ("twice", "name=a&name=b", Err("`name`: expected it once, found it twice")),
            ("unknown", "nmae=a", Err("expected `inner`, `limit`, `mark`, `name`, `redact`, found `nmae`")),
            ("neither", "redact=yes", Err("`redact`: expected true or false, found \"yes\"")),
        ] {
            let pairs: Vec<(String, String)> = query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let found = read::<Outer>(&pairs)
                .map(|read| format!("{:?} {:?} {} {:?}", read.limit, read.name, read.redact, read.mark));
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
        }
    }

    #[test]
    fn bodies() {
        for (name, body, expected) in [
            ("nothing said", "{}", Ok("None")),
            ("said", r#"{"inner": {"words": "x"}}"#, Ok("x")),
            ("null is nothing said", r#"{"inner": {"words": null}}"#, Ok("None")),
            ("unknown", r#"{"inne": {}}"#, Err("found `inne`")),
            ("unknown within", r#"{"inner": {"word": "x"}}"#, Err("found `inner.word`")),
            ("another type", r#"{"inner": {"words": 1}}"#, Err("`inner.words`: expected a text, found 1")),
            ("a list", "[]", Err("expected an object, found []")),
            ("a list within", r#"{"inner": []}"#, Err("`inner`: expected an object, found []")),
            ("cut", "{", Err("expected JSON")),
            ("more behind it", "{} {}", Err("expected JSON")),
            ("deep", &"[".repeat(100_000), Err("expected JSON")),
        ] {
            match (parsed::<Outer>(body.as_bytes()), expected) {
                (Ok(found), Ok(words)) => {
                    assert_eq!(found.inner.words.as_deref().unwrap_or("None"), words, "{name}");
                }
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{name}: {found}"),
                (found, expected) => panic!("{name}: expected {expected:?}, found {found:?}"),
            }
        }
    }
}
