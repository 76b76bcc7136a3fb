//! The OpenAPI 3.1 document of all operations.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::files::{ONE_FILE, SEVERAL};
use super::operation::{Answer, Body, Operation, SchemaOf};
use super::operations::ABOUTS;
use super::problem::{Problem, Sort};
use crate::entry::Role;

/// The document of these operations. Schemas of answers are made of the very types that are sent, and stand once, by their names.
pub fn of(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let told = told(operation, &mut generator, &problem);
        paths.entry(operation.path).or_default().insert(operation.method.as_str().to_ascii_lowercase(), told);
    }
    let tags: Vec<Value> = ABOUTS.iter().map(|(name, says)| json!({ "name": name, "description": says })).collect();
    let names = names(&mut generator);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "throughline",
            "version": "1",
            "summary": "Follows one message through every system and shows which layer changed its fate, with the records.",
            "description": "The workbench over HTTP as JSON. Within v1 a field may be added, never renamed or removed; unknown fields of an \
                answer are to be passed over. Every problem is `application/problem+json` (RFC 9457) with a `type` that stays.",
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/api/v1" }],
        "tags": tags,
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of a user, made on the page Account or printed by `throughline serve --token-for NAME`.",
                },
            },
            "schemas": generator.take_definitions(true),
        },
    });
    renamed(document, &names)
}

/// The names in the document of types of several crates that share one there: they do not depend on which is told first.
fn names(generator: &mut SchemaGenerator) -> BTreeMap<String, &'static str> {
    let types: [(&'static str, SchemaOf); 8] = [
        ("Problem", |generator| generator.subschema_for::<Problem>()),
        ("RowProblem", |generator| generator.subschema_for::<report::Problem>()),
        ("EvidenceFile", |generator| generator.subschema_for::<report::EvidenceFile>()),
        ("AddedFile", |generator| generator.subschema_for::<case::EvidenceFile>()),
        ("NotesPoint", |generator| generator.subschema_for::<case::notes::Point>()),
        ("TriagePoint", |generator| generator.subschema_for::<case::triage::Point>()),
        ("Status", |generator| generator.subschema_for::<case::Status>()),
        ("WatchStatus", |generator| generator.subschema_for::<watch::Status>()),
    ];
    let mut names = BTreeMap::new();
    for (name, of) in types {
        let place = of(generator);
        let given = place.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next());
        names.extend(given.map(|given| (given.to_owned(), name)));
    }
    names
}

/// The document with these names.
fn renamed(mut document: Value, names: &BTreeMap<String, &'static str>) -> Value {
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        let old = std::mem::take(schemas);
        let new = |name: String| names.get(&name).map_or(name, |name| (*name).to_owned());
        schemas.extend(old.into_iter().map(|(name, schema)| (new(name), schema)));
    }
    let mut left = vec![&mut document];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(place)) = fields.get_mut("$ref")
                    && let Some((folder, name)) = place.rsplit_once('/')
                    && let Some(name) = names.get(name)
                {
                    *place = format!("{folder}/{name}");
                }
                left.extend(fields.values_mut());
            }
            Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
    document
}

fn told(operation: &Operation, generator: &mut SchemaGenerator, problem: &Schema) -> Value {
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("operationId", operation.id.into());
    put("tags", json!([operation.about]));
    put("summary", operation.summary.into());
    put("description", format!("{}{}", operation.says, who(operation.roles)).into());
    let words: Vec<&str> = operation.roles.iter().map(|role| word(*role)).collect();
    put("x-roles", json!(words));
    if operation.roles.is_empty() {
        put("security", json!([]));
    }
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        put("parameters", parameters.into());
    }
    match &operation.body {
        Body::None => {}
        Body::Json(schema, example) => {
            let content = json!({ "application/json": { "schema": untitled(schema), "example": example } });
            put("requestBody", json!({ "required": true, "content": content }));
        }
        Body::Files => {
            put("requestBody", json!({ "required": true, "content": files() }));
        }
    }
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for answer in &operation.answers {
        responses.insert(answer.status.as_str().to_owned(), answered(answer, generator));
    }
    for (status, sorts) in problems(operation) {
        responses.insert(status.as_str().to_owned(), refused(status, &sorts, problem));
    }
    put("responses", json!(responses));
    Value::Object(told)
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Engineer => "engineer",
        Role::Security => "security",
    }
}

fn who(roles: &[Role]) -> &'static str {
    match roles {
        [] | [Role::Reader] => "",
        [Role::Security] => " Needs the role security.",
        [Role::Engineer] => " Needs the role engineer.",
        _ => " Needs the role engineer or security.",
    }
}

/// What stands in the path, the query and the headers.
fn parameters(operation: &Operation) -> Vec<Value> {
    let mut all = Vec::new();
    for (place, schema) in [("path", &operation.at), ("query", &operation.query)] {
        let Some(schema) = schema else { continue };
        let required: BTreeSet<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, field) in fields {
            let mut field = given(field);
            let says = field.as_object_mut().and_then(|field| field.remove("description")).unwrap_or_default();
            let mut told = json!({ "name": name, "in": place, "description": says, "schema": field });
            if place == "path" || required.contains(name.as_str()) {
                told["required"] = Value::Bool(true);
            }
            all.push(told);
        }
    }
    for (name, says, schema) in &operation.headers {
        all.push(json!({ "name": name, "in": "header", "description": says, "schema": schema }));
    }
    all
}

/// A field as it can stand in an address: what is not said is left out, never null.
fn given(field: &Value) -> Value {
    let mut field = field.clone();
    let Some(told) = field.as_object_mut() else { return field };
    if let Some(Value::Array(types)) = told.get("type") {
        let kept: Vec<&Value> = types.iter().filter(|one| *one != "null").collect();
        if let [one] = kept.as_slice() {
            let one = (*one).clone();
            told.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(several)) = told.get("anyOf") {
        let kept: Vec<&Value> = several.iter().filter(|one| one["type"] != "null").collect();
        if let [Value::Object(one)] = kept.as_slice() {
            let one = one.clone();
            told.remove("anyOf");
            for (name, value) in one {
                told.entry(name).or_insert(value);
            }
        }
    }
    if told.get("default").is_some_and(Value::is_null) {
        told.remove("default");
    }
    field
}

/// A schema without the name of our type.
fn untitled(schema: &Schema) -> Value {
    let mut told = schema.as_value().clone();
    if let Some(told) = told.as_object_mut() {
        told.remove("title");
    }
    told
}

/// Bodies of files.
fn files() -> Value {
    let mut content = Map::new();
    content.insert(
        SEVERAL.to_owned(),
        json!({
            "schema": {
                "type": "object",
                "properties": {
                    "file": {
                        "type": "array",
                        "minItems": 1,
                        "items": { "type": "string", "format": "binary", "contentMediaType": "application/octet-stream" },
                        "description": "The files, each with its file name.",
                    },
                },
                "required": ["file"],
                "additionalProperties": false,
            },
        }),
    );
    for kind in ONE_FILE {
        content.insert(
            kind.to_owned(),
            json!({ "schema": { "type": "string", "format": "binary", "contentMediaType": kind } }),
        );
    }
    Value::Object(content)
}

fn answered(answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    let mut told = json!({ "description": answer.says });
    let mut content = Map::new();
    for (kind, schema) in &answer.content {
        let schema = match schema {
            Some(schema) => schema(generator).to_value(),
            None if kind.starts_with("text/") => json!({ "type": "string" }),
            None if *kind == "application/json" => json!({ "type": "object" }),
            None => json!({ "type": "string", "format": "binary", "contentMediaType": kind }),
        };
        content.insert((*kind).to_owned(), json!({ "schema": schema }));
    }
    if !content.is_empty() {
        told["content"] = content.into();
    }
    let headers: Map<String, Value> = answer.headers.iter().map(|(name, says)| header(name, says)).collect();
    if !headers.is_empty() {
        told["headers"] = headers.into();
    }
    told
}

fn header(name: &str, says: &str) -> (String, Value) {
    (name.to_owned(), json!({ "description": says, "schema": { "type": "string" } }))
}

/// The sorts of problems that an operation may meet, by their status.
fn problems(operation: &Operation) -> BTreeMap<StatusCode, Vec<Sort>> {
    let mut all = operation.problems.clone();
    all.extend([Sort::WrongHost, Sort::Internal]);
    if !operation.roles.is_empty() {
        all.push(Sort::NoToken);
    }
    if !operation.roles.is_empty() && operation.roles != [Role::Reader] {
        all.push(Sort::Refused);
    }
    if operation.query.is_some() || !operation.headers.is_empty() || !matches!(operation.body, Body::None) {
        all.push(Sort::Form);
    }
    if operation.at.is_some() || operation.id == "follow" {
        all.push(Sort::Stopped);
    }
    let mut by_status: BTreeMap<StatusCode, Vec<Sort>> = BTreeMap::new();
    for sort in Sort::ALL.into_iter().filter(|sort| all.contains(sort)) {
        by_status.entry(sort.status()).or_default().push(sort);
    }
    by_status
}

fn refused(status: StatusCode, sorts: &[Sort], problem: &Schema) -> Value {
    let says: Vec<String> = sorts.iter().map(|sort| format!("{} (`{}`).", sort.title(), sort.r#type())).collect();
    let mut told = json!({
        "description": says.join(" "),
        "content": { "application/problem+json": { "schema": problem } },
    });
    if status == StatusCode::UNAUTHORIZED {
        told["headers"] = [header("WWW-Authenticate", "`Bearer`.")].into_iter().collect::<Map<_, _>>().into();
    }
    told
}
