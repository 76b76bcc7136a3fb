//! What other programs expect of real activities.

use std::path::Path;

use evidence::{Fact, Reading};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{Clock, Input, NoProgress, Query, Wanted, source};

fn read_as(kind: &str, bytes: &[u8]) -> Reading {
    let source = source(kind).expect("registered");
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    source.read(&Input { name: "file".into(), bytes }, &query).expect("readable")
}

/// The name of what was done, and who did it.
fn told(fact: &Fact) -> (Option<&str>, Option<&str>) {
    match fact {
        Fact::Act(act) => (Some(&act.operation), act.by.name.as_deref()),
        Fact::Change(change) => (Some(&change.operation), change.by.name.as_deref()),
        Fact::SignIn(sign_in) => (None, sign_in.who.as_deref()),
        _ => (None, None),
    }
}

#[test]
fn real_activities_agree_with_their_own_tests() {
    let folder =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/sekoia-intake-formats/google-workspace-report");
    if !Path::new(folder).is_dir() {
        println!("SKIPPED: no samples of third parties at {folder}: nothing was compared");
        return;
    }
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        let Some(stem) = path.to_str().and_then(|name| name.strip_suffix(".raw.json")) else { continue };
        let Ok(test) = std::fs::read(format!("{stem}.test.json")) else { continue };
        let expected = &serde_json::from_slice::<Value>(&test).expect("JSON")["expected"];
        let reading = read_as("google/activity", &std::fs::read(&path).expect("readable"));
        assert_eq!((reading.observed, reading.problems.len()), (1, 0), "{stem}");
        let first = &reading.observations[0];
        if let Some(at) = expected["@timestamp"].as_str() {
            let at: Timestamp = at.parse().expect("an instant");
            assert_eq!(first.when.as_ref().map(|when| when.at), Some(at), "{stem}");
            compared += 1;
        }
        let (operation, who) = told(&first.fact);
        // They put the name of another thing there where the actor is a device or a group.
        if let (Some(email), Some(who)) = (expected["google"]["report"]["actor"]["email"].as_str(), who) {
            assert_eq!(email, who, "{stem}");
            compared += 1;
        }
        if let (Some(action), Some(operation)) = (expected["event"]["action"].as_str(), operation) {
            assert!(action.eq_ignore_ascii_case(operation), "{stem}: {action} {operation}");
            compared += 1;
        }
    }
    assert!(compared >= 30, "{compared}");
}
