//! Answers as JSON: our own lines, DNS over HTTPS, ZDNS, RFC 8427, Resolve-DnsName, and lists of records by domain.

use evidence::{DnsAnswer, Peer};
use serde_json::{Map, Value};

use super::lines::grouped;
use super::record::{self, Record};

/// How many questions of one answer are looked at; more than one is rare.
const QUESTIONS_MAX: usize = 16;

/// Keys of which an object needs all, for each spelling.
const SPELLINGS: &[&[&str]] = &[
    &["name", "type", "status", "data"],
    &["Status", "Question"],
    &["name", "results"],
    &["name", "status", "data"],
    &["QNAME", "RCODE"],
    &["domain", "rdata", "log"],
    &["Name", "Type", "TTL", "Section"],
    &["Name", "Type", "TTL", "CharacterSet"],
];

/// Whether an object is an answer in one of the spellings.
pub(super) fn is_answer(object: &Map<String, Value>) -> bool {
    SPELLINGS.iter().any(|keys| keys.iter().all(|key| object.contains_key(*key))) && !answers(object).is_empty()
}

/// What an object answers; none if it is of no spelling that is known.
pub(super) fn answers(object: &Map<String, Value>) -> Vec<DnsAnswer> {
    let has = |key: &str| object.contains_key(key);
    if has("Question") && has("Status") {
        return over_https(object);
    }
    if has("QNAME") {
        return rfc_8427(object);
    }
    if has("rdata") && has("log") {
        return by_domain(object);
    }
    if has("results") || object.get("data").is_some_and(Value::is_object) {
        return zdns(object);
    }
    if has("Name") && has("Type") {
        return power_shell(object);
    }
    own(object).into_iter().collect()
}

/// When an object says that it was asked, as written.
pub(super) fn when(object: &Map<String, Value>) -> Option<String> {
    ["at", "timestamp", "asked_at", "dateString"].iter().find_map(|key| text(object.get(*key)?))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(values)) => values.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn seconds(value: Option<&Value>) -> Option<u32> {
    value.and_then(text)?.parse().ok()
}

fn server(value: Option<&Value>) -> Option<Peer> {
    let said = value.and_then(text)?;
    let ip = match said.rsplit_once(':') {
        Some((ip, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !ip.ends_with(':') && !ip.contains(':') =>
        {
            ip.to_owned()
        }
        _ => said,
    };
    Some(Peer { ip: Some(ip), ..Peer::default() })
}

fn answer(name: &str, kind: &str, status: &str) -> DnsAnswer {
    DnsAnswer {
        name: record::name(name),
        record_type: record::type_name(kind),
        status: record::status_name(status),
        ttl_seconds: None,
        data: Vec::new(),
        server: None,
    }
}

/// Our own spelling: `{"name":"example.com","type":"TXT","status":"NOERROR","ttl":300,"data":["v=spf1 -all"],"server":"192.0.2.53","at":"2026-05-02T08:00:00Z"}`.
fn own(object: &Map<String, Value>) -> Option<DnsAnswer> {
    let (name, kind) = (text(object.get("name")?)?, text(object.get("type")?)?);
    let status = text(object.get("status")?)?;
    let data = match object.get("data")? {
        // A list of strings of one TXT record may stand as a list within the list.
        Value::Array(values) => values
            .iter()
            .filter_map(|value| match value {
                Value::Array(parts) => Some(parts.iter().filter_map(text).collect::<String>()),
                other => text(other),
            })
            .collect(),
        other => texts(Some(other)),
    };
    let found = answer(&name, &kind, &status);
    Some(DnsAnswer { ttl_seconds: seconds(object.get("ttl")), data, server: server(object.get("server")), ..found })
}

/// `application/dns-json`: numbers for types and status, TXT data in quotes or bare.
fn over_https(object: &Map<String, Value>) -> Vec<DnsAnswer> {
    let status = object.get("Status").and_then(text).unwrap_or_default();
    let list = |key: &str| match object.get(key) {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_object).collect::<Vec<_>>(),
        Some(Value::Object(one)) => vec![one],
        _ => Vec::new(),
    };
    let of = |record: &Map<String, Value>, key: &str| record.get(key).and_then(text).unwrap_or_default();
    let records = list("Answer").into_iter().map(|record| {
        let record_type = record::type_name(&of(record, "type"));
        let data = record::data(&of(record, "data"), &record_type);
        let ttl_seconds = seconds(record.get("TTL"));
        Record { name: record::name(&of(record, "name")), record_type, ttl_seconds, data }
    });
    let mut found = grouped(records.collect(), &record::status_name(&status), None);
    for question in list("Question").into_iter().take(QUESTIONS_MAX) {
        let asked = answer(&of(question, "name"), &of(question, "type"), &status);
        if !asked.name.is_empty() && !found.iter().any(|known| known.record_type == asked.record_type) {
            found.push(asked);
        }
    }
    found
}

/// RFC 8427: `QNAME`, `RCODE`, `answerRRs`.
fn rfc_8427(object: &Map<String, Value>) -> Vec<DnsAnswer> {
    let of = |record: &Map<String, Value>, keys: &[&str]| keys.iter().find_map(|key| record.get(*key).and_then(text));
    let status = of(object, &["RCODE"]).unwrap_or_default();
    let Some(name) = of(object, &["QNAME"]) else { return Vec::new() };
    let kind = of(object, &["QTYPEname", "QTYPE"]).unwrap_or_default();
    let mut asked = answer(&name, &kind, &status);
    for record in object.get("answerRRs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let kind = record::type_name(&of(record, &["TYPEname", "TYPE"]).unwrap_or_default());
        if kind == asked.record_type {
            let data = texts(record.get(&format!("rdata{kind}")));
            asked.data.extend(data.iter().map(|data| record::data(data, &kind)));
            asked.ttl_seconds = asked.ttl_seconds.or(seconds(record.get("TTL")));
        }
    }
    vec![asked]
}

/// ZDNS, with the results by type or at the top.
fn zdns(object: &Map<String, Value>) -> Vec<DnsAnswer> {
    let asked_name = object.get("name").and_then(text).unwrap_or_default();
    let one = |kind: &str, result: &Map<String, Value>| {
        let status = result.get("status").and_then(text).unwrap_or_default();
        let data = result.get("data").and_then(Value::as_object);
        let records = data.and_then(|data| data.get("answers")).and_then(Value::as_array);
        let records: Vec<&Map<String, Value>> = records.into_iter().flatten().filter_map(Value::as_object).collect();
        let of = |record: &Map<String, Value>, key: &str| record.get(key).and_then(text);
        let kind = if kind.is_empty() {
            records.first().and_then(|record| of(record, "type")).unwrap_or_default()
        } else {
            kind.to_owned()
        };
        if kind.is_empty() {
            return None;
        }
        let mut found = answer(&asked_name, &kind, &status);
        for record in &records {
            if of(record, "type").is_some_and(|word| record::type_name(&word) == found.record_type) {
                let data = of(record, "answer").or_else(|| of(record, "data")).unwrap_or_default();
                let data = match of(record, "preference") {
                    Some(preference) => format!("{preference} {data}"),
                    None => data,
                };
                found.data.push(record::data(&data, &found.record_type));
                found.ttl_seconds = found.ttl_seconds.or(seconds(record.get("ttl")));
            }
        }
        found.server = server(data.and_then(|data| data.get("resolver")));
        Some(found)
    };
    match object.get("results").and_then(Value::as_object) {
        Some(results) => results.iter().filter_map(|(kind, result)| one(kind, result.as_object()?)).collect(),
        None => one("", object).into_iter().collect(),
    }
}

/// A list of TXT records by domain, with the log of the questions.
fn by_domain(object: &Map<String, Value>) -> Vec<DnsAnswer> {
    let mut found = Vec::new();
    for asked in object.get("log").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let Some(name) = asked.get("query_name").and_then(text) else { continue };
        let result = asked.get("query_result").and_then(text).unwrap_or_default().to_ascii_lowercase();
        let status = match result.as_str() {
            _ if result.contains("nxdomain") || result.contains("does not exist") => "NXDOMAIN",
            _ if result.contains("servfail") || result.contains("server fail") => "SERVFAIL",
            _ if result.contains("timed out") || result.contains("timeout") => "TIMEOUT",
            _ => "NOERROR",
        };
        let data = texts(asked.get("query_answers"));
        found.push(DnsAnswer { data, ..answer(&name, "TXT", status) });
    }
    if found.is_empty()
        && let Some(name) = object.get("domain").and_then(text)
    {
        found.push(DnsAnswer { data: texts(object.get("rdata")), ..answer(&name, "TXT", "NOERROR") });
    }
    found
}

/// `Resolve-DnsName | ConvertTo-Json`: one object a record, of whichever section.
fn power_shell(object: &Map<String, Value>) -> Vec<DnsAnswer> {
    let of = |key: &str| object.get(key).and_then(text);
    let (Some(name), Some(kind)) = (of("Name"), of("Type")) else { return Vec::new() };
    let mut found = answer(&name, &kind, "NOERROR");
    found.ttl_seconds = seconds(object.get("TTL"));
    let strings = object.get("Strings").or_else(|| object.get("Text"));
    let data = match found.record_type.as_str() {
        "TXT" => texts(strings).concat(),
        "MX" => {
            let exchange = of("NameExchange").or_else(|| of("Exchange")).unwrap_or_default();
            format!("{} {exchange}", of("Preference").unwrap_or_default())
        }
        _ => ["IPAddress", "IP4Address", "IP6Address", "NameHost", "PrimaryServer"]
            .iter()
            .find_map(|key| of(key))
            .unwrap_or_default(),
    };
    found.data = Some(data).filter(|data| !data.trim().is_empty()).into_iter().collect();
    vec![found]
}
