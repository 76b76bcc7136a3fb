//! The test suites of the SPF community, where they are at hand; nothing of them is copied into the project.

use std::collections::HashMap;
use std::path::Path;

use auth::spf::{Client, Identity, SpfCheck, check};
use auth::{Answer, Dns, RecordType, domain};
use evidence::AuthResult;
use serde::Deserialize;
use serde_yaml_ng::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/conformance/spf-openspf");

/// Tests that expect something else than we say, with the reason: suite, test, what we say, why.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[(
    "test.yml",
    "default-modifier-harsh",
    "neutral",
    "`ambiguous` is no result of RFC 7208, 2.6; unknown modifiers count for nothing (RFC 7208, 6)",
)];

#[derive(Deserialize)]
struct Scenario {
    #[serde(default)]
    tests: Option<HashMap<String, Test>>,
    #[serde(default)]
    zonedata: HashMap<String, Vec<Value>>,
}

#[derive(Deserialize)]
struct Test {
    helo: String,
    host: String,
    mailfrom: String,
    result: Value,
    explanation: Option<String>,
    receiver: Option<String>,
}

/// The zone of a scenario. A TXT record is made of every SPF record of a name that has no TXT entry of its own.
struct Zone(HashMap<String, Vec<(String, Option<String>)>>);

impl Zone {
    fn of(scenario: &Scenario) -> Zone {
        let entries = |records: &Vec<Value>| {
            let maps = || records.iter().filter_map(Value::as_mapping).flatten();
            let has_txt = maps().any(|(key, _)| key == "TXT");
            let mut entries = Vec::new();
            for record in records {
                let Some(map) = record.as_mapping() else {
                    entries.push((record.as_str().unwrap().to_owned(), None));
                    continue;
                };
                for (key, value) in map {
                    let kind = match key.as_str().unwrap() {
                        "SPF" if has_txt => continue,
                        "SPF" => "TXT",
                        kind => kind,
                    };
                    if value != "NONE" {
                        entries.push((kind.to_owned(), Some(record_text(value))));
                    }
                }
            }
            entries
        };
        Zone(scenario.zonedata.iter().map(|(name, records)| (domain::normal(name), entries(records))).collect())
    }

    fn resolve(&self, name: &str, record_type: RecordType, hops: usize) -> Answer {
        let Some(entries) = self.0.get(name) else { return Answer::NoName };
        let mut records = Vec::new();
        for (kind, text) in entries {
            match text {
                None if records.is_empty() => return Answer::of(kind, vec![]),
                None => break,
                Some(text) if kind == record_type.id() => records.push(text.clone()),
                Some(target) if kind == "CNAME" => {
                    return match hops {
                        0 => Answer::of("SERVFAIL", vec![]),
                        _ => self.resolve(&domain::normal(target), record_type, hops - 1),
                    };
                }
                Some(_) => {}
            }
        }
        Answer::of("NOERROR", records)
    }
}

impl Dns for Zone {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        self.resolve(name, record_type, 8)
    }
}

/// A list is an MX record or the strings of a TXT record.
fn record_text(value: &Value) -> String {
    match value {
        Value::Sequence(parts) if parts.first().is_some_and(Value::is_number) => {
            format!("{} {}.", parts[0].as_u64().unwrap(), parts[1].as_str().unwrap())
        }
        Value::Sequence(parts) => parts.iter().map(|part| part.as_str().unwrap()).collect(),
        value => value.as_str().unwrap().to_owned(),
    }
}

fn word(check: &SpfCheck) -> &'static str {
    match check.result {
        Some(AuthResult::Pass) => "pass",
        Some(AuthResult::Fail) => "fail",
        Some(AuthResult::SoftFail) => "softfail",
        Some(AuthResult::Neutral) => "neutral",
        Some(AuthResult::None) => "none",
        Some(AuthResult::TempError) => "temperror",
        Some(AuthResult::PermError) => "permerror",
        _ => "not checked",
    }
}

/// Runs a suite; gives how many tests it has.
fn run(file: &str) -> Option<usize> {
    let path = Path::new(ROOT).join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is not at hand", path.display());
        return None;
    };
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let scenario = Scenario::deserialize(document).unwrap();
        let zone = Zone::of(&scenario);
        for (name, test) in scenario.tests.iter().flatten() {
            count += 1;
            let client = Client {
                ip: test.host.parse().unwrap(),
                helo: test.helo.clone(),
                sender: test.mailfrom.clone(),
                receiver: test.receiver.clone(),
            };
            let check = check(&client, Identity::MailFrom, &zone);
            let said = word(&check);
            let allowed: Vec<&str> = match &test.result {
                Value::Sequence(words) => words.iter().filter_map(Value::as_str).collect(),
                word => vec![word.as_str().unwrap()],
            };
            let exception = EXCEPTIONS.iter().find(|(suite, test, ..)| *suite == file && test == name);
            let right = match exception {
                Some((_, _, ours, _)) => *ours == said && !allowed.contains(&said),
                None => allowed.contains(&said),
            };
            if !right {
                wrong.push(format!("{name}: {said} instead of {allowed:?}: {}", check.reason));
            }
            let expected = test.explanation.as_deref().filter(|text| *text != "DEFAULT");
            // The case of hexadecimal digits is open; RFC 7208, 7.4 writes them in lower case.
            let same = |said: &str, expected: &str| said.eq_ignore_ascii_case(expected);
            match (check.explanation.as_deref(), expected) {
                (Some(said), Some(expected)) if same(said, expected) => {}
                (None, None) => {}
                (_, None) if test.explanation.is_none() => {}
                (said, expected) => wrong.push(format!("{name}: explains {said:?} instead of {expected:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    println!("{file}: {count} tests");
    Some(count)
}

#[test]
fn rfc7208_suite() {
    assert!(run("rfc7208-tests.yml").is_none_or(|count| count > 80));
}

#[test]
fn rfc4408_suite() {
    assert!(run("rfc4408-tests.yml").is_none_or(|count| count > 70));
}

#[test]
fn pyspf_suite() {
    assert!(run("test.yml").is_none_or(|count| count > 6));
}

/// It holds a zone without tests; what is expected here was read off its records.
#[test]
fn pyspf_doctest_zone() {
    let path = Path::new(ROOT).join("doctest.yml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is not at hand", path.display());
        return;
    };
    let scenario: Scenario = serde_yaml_ng::from_str(&text).unwrap();
    let zone = Zone::of(&scenario);
    for name in scenario.zonedata.keys() {
        for ip in ["72.81.252.18", "66.39.138.46", "66.39.3.7", "192.0.2.225", "2001:db8:ff0:300::4"] {
            let client = Client {
                ip: ip.parse().unwrap(),
                helo: "mail.example.net".to_owned(),
                sender: format!("someone@{name}"),
                receiver: None,
            };
            let check = check(&client, Identity::MailFrom, &zone);
            let expected = match (name.as_str(), ip) {
                ("controlledmail.com" | "_spf.controlledmail.com", "72.81.252.18") => "pass",
                ("controlledmail.com" | "_spf.controlledmail.com", _) => "fail",
                ("kitterman.com", "66.39.138.46") => "pass",
                ("kitterman.com", _) => "fail",
                // Its includes lead to names that the zone does not have.
                ("parallel.kitterman.org", _) => "permerror",
                ("webmail.pair.com", "66.39.3.7") => "pass",
                ("webmail.pair.com", _) => "neutral",
                // For IPv6, `a` finds no address; that alone is no error.
                ("relay.pair.com", _) => "fail",
                // a.example.org has its record in the SPF type only, which RFC 7208, 3.1 gave up.
                ("parallel.example.org", _) => "permerror",
                _ => "none",
            };
            assert_eq!(word(&check), expected, "{name} from {ip}: {}", check.reason);
        }
    }
}
