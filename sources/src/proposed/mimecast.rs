//! Requests to Mimecast's API: a line with the address and the JSON that is sent, a call of `curl`, or the JSON alone.
//!
//! The entries and policies in it are read by the readers of their exports, so that a request and an export state the same setting.

mod endpoint;

use evidence::{Act, Actor, ChangeKind, Done, Fact, FileName, Product, Property, Setting, SettingClass};
use serde_json::Value;

use super::shell::{self, Command};
use super::{About, Candidate, Dialect, Step, Unread};
use crate::table::setting::bare;
use crate::{Clock, Input, NoProgress, Query, Reader, Wanted};
use endpoint::{Endpoint, Takes};

/// A request to Mimecast's API.
pub(super) struct Request;

impl Dialect for Request {
    fn is_written_in(&self, text: &str) -> bool {
        let is_request = || requests(text).iter().any(|request| endpoint::of(&request.path).is_some());
        let is_sent = || body_alone(text).is_some_and(|(value, _)| rows(&value).iter().any(|row| takes(row).is_some()));
        (text.contains("/api/") || text.contains("mimecast.com") || text.contains("/policy-management/"))
            && is_request()
            || is_sent()
    }

    fn read(&self, file: &FileName, text: &str, clock: &Clock) -> Candidate {
        let mut told = Told { file, clock, candidate: Candidate::default() };
        let requests = requests(text);
        match body_alone(text) {
            Some((value, line)) if requests.is_empty() => told.alone(&value, line, text),
            _ => requests.iter().for_each(|request| told.request(request)),
        }
        told.candidate
    }
}

/// One request.
struct Sent {
    method: String,
    path: String,
    /// What is sent, and the line on which it begins.
    body: Option<(String, u64)>,
    line: u64,
    said: String,
}

/// The methods of HTTP.
const METHODS: &[&str] = &["POST", "PUT", "PATCH", "DELETE", "GET"];

/// All requests of a text: lines such as `POST /api/...` with what follows, and calls of `curl`.
fn requests(text: &str) -> Vec<Sent> {
    let mut found: Vec<Sent> = Vec::new();
    let is_plain = text.lines().any(|line| begins(line).is_some());
    if !is_plain {
        found.extend(shell::commands(text).iter().filter_map(by_curl));
        return found;
    }
    for (number, line) in (1..).zip(text.lines()) {
        match (begins(line), found.last_mut()) {
            (Some((method, path)), _) => {
                let said = line.trim().to_owned();
                found.push(Sent { method, path, body: None, line: number, said });
            }
            (None, Some(last)) => match &mut last.body {
                Some((body, _)) => {
                    body.push('\n');
                    body.push_str(line);
                }
                None if line.trim_start().starts_with(['{', '[']) => last.body = Some((line.to_owned(), number)),
                // Header fields of the request, and blank lines.
                None => {}
            },
            (None, None) => {}
        }
    }
    found
}

/// The method and the path with which a line begins a request: `POST /api/x`, `POST https://host/api/x HTTP/1.1`, or the path alone.
fn begins(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (method, rest) = line.split_once(char::is_whitespace).unwrap_or(("", line));
    let is_method = METHODS.iter().any(|known| known.eq_ignore_ascii_case(method));
    let rest = if is_method { rest.trim() } else { line };
    let path = rest.split_whitespace().next()?;
    let is_alone = rest.split_whitespace().nth(1).is_none_or(|word| is_method && word.starts_with("HTTP/"));
    let is_path = path.starts_with("/api/") || path.starts_with("/policy-management/") || path.starts_with("https://");
    (is_path && is_alone).then(|| (if is_method { method.to_uppercase() } else { "POST".to_owned() }, path_of(path)))
}

/// The path of an address, lower case, without what is asked behind a `?`.
fn path_of(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = rest.split(['?', '#']).next().unwrap_or("");
    format!("/{}", path.trim_matches('/'))
}

/// A call of `curl`.
fn by_curl(command: &Command) -> Option<Sent> {
    if !["curl", "http", "https", "xh"].contains(&command.name().trim_end_matches(".exe")) {
        return None;
    }
    let (mut method, mut path, mut body) = (None, None, None);
    let mut words = command.arguments().iter();
    while let Some(word) = words.next() {
        let (option, joined) = match word.text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some((value.to_owned(), word.line))),
            _ => (word.text.as_str(), None),
        };
        let mut value = || joined.clone().or_else(|| words.next().map(|word| (word.text.clone(), word.line)));
        match option {
            "-X" | "--request" => method = value().map(|(text, _)| text.to_uppercase()),
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" | "--json" => body = value(),
            "-H" | "--header" | "-o" | "--output" | "-u" | "--user" | "-A" | "-e" | "-b" | "--url-query" | "-m" => {
                drop(value())
            }
            "--url" => path = value().map(|(text, _)| path_of(&text)),
            text if text.starts_with("-X") => method = Some(text.trim_start_matches("-X").to_uppercase()),
            text if text.starts_with("-d") => body = Some((text.trim_start_matches("-d").to_owned(), word.line)),
            text if METHODS.contains(&text) => method = Some(text.to_owned()),
            text if text.contains('/') && !text.starts_with('-') => path = Some(path_of(text)),
            _ => {}
        }
    }
    let body = body.or_else(|| command.given.clone());
    let unsent = || if body.is_some() { "POST" } else { "GET" }.to_owned();
    let method = method.unwrap_or_else(unsent);
    Some(Sent { method, path: path?, body, line: command.line, said: command.said.clone() })
}

/// A text that is JSON and nothing else, and the line on which it begins.
fn body_alone(text: &str) -> Option<(Value, u64)> {
    let body = text.trim_start();
    let before = text.get(..text.len() - body.len())?;
    let value = body.starts_with(['{', '[']).then(|| serde_json::from_str(body).ok()).flatten()?;
    Some((value, 1 + before.matches('\n').count() as u64))
}

/// What a request is about: the objects under `data`, or the whole.
fn rows(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(object) => match object.get("data") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => vec![value],
        },
        _ => Vec::new(),
    }
}

/// What an object without an address is about, by its keys. Answers and exports have ids and dates; they are read as such.
fn takes(row: &Value) -> Option<Takes> {
    let object = row.as_object()?;
    let has = |name: &str| object.contains_key(name);
    if has("id") || has("createTime") || has("created") || has("type") {
        return None;
    }
    match () {
        () if has("sender") && has("action") => Some(Takes::Sender),
        () if has("url") && (has("action") || has("matchType")) => Some(Takes::Url),
        () if has("policy") && has("option") => Some(Takes::Policy),
        () if has("fromPart") && has("from") && has("to") => Some(Takes::Policy),
        () => None,
    }
}

/// What was read so far.
struct Told<'a> {
    file: &'a FileName,
    clock: &'a Clock,
    candidate: Candidate,
}

impl Told<'_> {
    fn unread(&mut self, said: &str, line: u64, expected: &str, found: &str) {
        let said = said.chars().take(300).collect();
        self.candidate.unread.push(Unread { said, line, expected: expected.to_owned(), found: found.to_owned() });
    }

    /// JSON without an address.
    fn alone(&mut self, value: &Value, line: u64, text: &str) {
        let mut kinds: Vec<Option<Takes>> = rows(value).into_iter().map(takes).collect();
        kinds.dedup();
        match kinds.as_slice() {
            [Some(takes)] => {
                let endpoint = Endpoint {
                    takes: *takes,
                    operation: takes.operation().to_owned(),
                    kind: ChangeKind::Created,
                    of: None,
                };
                self.settings(&endpoint, text.trim(), line);
            }
            _ => self.unread(
                text.trim(),
                line,
                "one request, with the address that it is sent to",
                "objects of several kinds",
            ),
        }
    }

    fn request(&mut self, request: &Sent) {
        let Some(mut endpoint) = endpoint::of(&request.path) else {
            let (expected, found) =
                ("an address of Mimecast's API that changes a setting or releases a message", &request.path);
            return self.unread(&request.said, request.line, expected, found);
        };
        endpoint.kind = match request.method.as_str() {
            "GET" if request.body.is_none() && endpoint.is_rest() => return,
            "DELETE" => ChangeKind::Removed,
            "PUT" | "PATCH" => ChangeKind::Changed,
            _ => endpoint.kind,
        };
        if endpoint.takes == Takes::Nothing {
            return;
        }
        let by_path = endpoint.is_rest().then(|| endpoint::id_in(&request.path)).flatten();
        match (&request.body, endpoint.takes) {
            (_, Takes::Policy) if endpoint.kind == ChangeKind::Removed && by_path.is_some() => {
                self.removed(&endpoint, by_path.unwrap_or_default(), &request.said, request.line);
            }
            (None, _) => self.unread(&request.said, request.line, "the JSON that is sent", "nothing"),
            (Some((body, _)), _) if body.starts_with('@') => {
                self.unread(&request.said, request.line, "the JSON that is sent", "the name of a file");
            }
            (Some((body, line)), Takes::Message | Takes::Member) => self.acts(&endpoint, body, *line, request),
            (Some((body, line)), _) if endpoint.kind == ChangeKind::Removed => {
                self.acts(&endpoint, body, *line, request)
            }
            (Some((body, line)), _) => self.settings(&endpoint, body, *line),
        }
    }

    /// Entries or policies, as their exports would show them.
    fn settings(&mut self, endpoint: &Endpoint, body: &str, line: u64) {
        let reader: &dyn Reader = match endpoint.takes {
            Takes::Sender => &crate::mimecast::managed_senders::ManagedSenders,
            Takes::Url => &crate::mimecast::managed_urls::ManagedUrls,
            _ => &crate::mimecast::policies::Policies,
        };
        let body = first_value(body);
        let input = Input { name: self.file.clone(), bytes: body.as_bytes() };
        let query = Query { wanted: &Wanted::Everything, clock: self.clock, progress: &NoProgress };
        let reading = match reader.read(&input, &query) {
            Ok(reading) => reading,
            Err(error) => return self.unread(body, line, "the JSON of a request", &error.to_string()),
        };
        let place = |place| match place {
            evidence::Place::Line(number) => line + number - 1,
            evidence::Place::Record(_) => line,
        };
        for problem in reading.problems {
            self.unread(&problem.cite.said, place(problem.cite.place), &problem.expected, &problem.found);
        }
        for one in reading.observations {
            let Fact::Setting(mut setting) = one.fact else { continue };
            endpoint.name_class(&mut setting);
            self.step(endpoint, About::Setting(setting), &one.cite.said, place(one.cite.place));
        }
    }

    /// What names things by their ids.
    fn acts(&mut self, endpoint: &Endpoint, body: &str, line: u64, request: &Sent) {
        let Ok(value) = serde_json::from_str::<Value>(first_value(body)) else {
            return self.unread(body, line, "the JSON of a request", "broken JSON");
        };
        let rows = rows(&value);
        if rows.is_empty() {
            self.unread(body, line, "objects under `data`", "none");
        }
        for row in rows {
            let said = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
            match (said("id"), endpoint.takes) {
                (None, _) => self.unread(&row.to_string(), line, "an `id`", "none"),
                (Some(id), Takes::Message) => {
                    let details = properties(row);
                    let operation = endpoint.operation.clone();
                    let act = Act { operation, object: Some(id), by: Actor::default(), done: Done::NotSaid, details };
                    self.step(endpoint, About::Act(act), &request.said, line);
                }
                (Some(id), Takes::Member) => {
                    let group = bare(SettingClass::Group, id.clone());
                    let group = Setting { id: Some(id), properties: properties(row), ..group };
                    self.step(endpoint, About::Setting(Box::new(group)), &request.said, line);
                }
                (Some(id), _) => self.removed(endpoint, id, &request.said, line),
            }
        }
    }

    fn removed(&mut self, endpoint: &Endpoint, id: String, said: &str, line: u64) {
        let mut gone = Box::new(Setting { id: Some(id.clone()), ..bare(endpoint.class(), id) });
        endpoint.name_class(&mut gone);
        self.step(endpoint, About::Setting(gone), said, line);
    }

    fn step(&mut self, endpoint: &Endpoint, about: About, said: &str, line: u64) {
        let (operation, kind) = (endpoint.operation.clone(), endpoint.kind);
        let said = said.chars().take(evidence::SAID_MAX_CHARS).collect();
        let product = Product::Mimecast;
        self.candidate.steps.push(Step { said, line, product, operation, kind, about, replaces: Vec::new() });
    }
}

/// The first JSON value of a text, if one begins it; what stands behind it is not part of the request.
fn first_value(body: &str) -> &str {
    let mut values = serde_json::Deserializer::from_str(body).into_iter::<serde::de::IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => body.get(..values.byte_offset()).unwrap_or(body),
        _ => body,
    }
}

/// The plain values of an object, as written.
fn properties(row: &Value) -> Vec<Property> {
    let fields = row.as_object().into_iter().flatten().filter(|(name, _)| *name != "id");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    fields.map(|(name, value)| Property { name: name.clone(), values: vec![text(value)] }).collect()
}

#[cfg(test)]
mod tests;
