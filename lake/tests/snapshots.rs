//! Two exports of the same settings: which is the earlier, and what differs.

use evidence::Identifier;
use jiff::Timestamp;
use lake::{Lake, Order, Snapshot};
use sources::{Clock, Input, Message, NoProgress, read_all};

/// One transport rule as `ConvertTo-Json` prints it.
fn rule(mode: &str, level: &str, changed: &str) -> String {
    format!(
        r#"{{"Name":"Let invoices through","Guid":"0f3e2d1c-0b1a-4c2d-8e3f-5a6b7c8d9e0f","State":"Enabled","Mode":"{mode}","Priority":0,"Conditions":null,"From":["billing@example.net"],"SetSCL":"{level}","WhenChanged":"{changed}"}}"#
    )
}

fn snapshots(files: &[(&str, String)]) -> Vec<Snapshot> {
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, text)| Input { name: (*name).into(), bytes: text.as_bytes() }).collect();
    let message =
        Message { ids: Identifier::message_id("<any@example.net>").into_iter().collect(), ..Message::default() };
    let clock = Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
    Lake::of(read_all(&inputs, message, &clock, &NoProgress).expect("a message is named")).snapshots()
}

#[test]
fn ok_order() {
    let (old, new) = (rule("Enforce", "-1", "2026-11-01T09:00:00Z"), rule("Audit", "-1", "2026-11-05T09:00:00Z"));
    for (name, first, second, order, earlier) in [
        (
            "days in the names",
            "rules_2026-11-02.json",
            "rules_2026-11-06.json",
            Order::ByInstant,
            "rules_2026-11-02.json",
        ),
        (
            "days in folders",
            "2026-11-02/rules.json",
            "2026-11-06/rules.json",
            Order::ByInstant,
            "2026-11-02/rules.json",
        ),
        ("words against the alphabet", "rules before.json", "after/rules.json", Order::ByWord, "rules before.json"),
        ("the last change", "x.json", "a.json", Order::ByContent, "x.json"),
    ] {
        for files in [[(first, old.clone()), (second, new.clone())], [(second, new.clone()), (first, old.clone())]] {
            let found = snapshots(&files);
            let later = found.iter().find(|snapshot| snapshot.earlier.is_some()).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((later.order, later.earlier.as_deref()), (order, Some(earlier)), "{name}");
        }
    }
}

#[test]
fn ok_differences() {
    let before = rule("Enforce", "-1", "2026-11-01T09:00:00Z");
    for (name, after, expected) in [
        ("the same again", before.clone(), vec![]),
        ("only who looked at it", rule("Enforce", "-1", "2026-11-05T09:00:00Z"), vec![]),
        ("another level", rule("Enforce", "5", "2026-11-05T09:00:00Z"), vec!["SetSCL: -1 -> 5"]),
        (
            "switched to testing",
            rule("Audit", "-1", "2026-11-05T09:00:00Z"),
            vec!["Mode: Enforce -> Audit", "effect: acts -> reports only"],
        ),
        // No setting in common: all of them were changed between two exports of one name.
        (
            "another rule",
            before.replace("0f3e", "1f3e"),
            vec!["whole: Let invoices through -> ", "whole:  -> Let invoices through"],
        ),
    ] {
        let found = snapshots(&[("rules_2026-11-02.json", before.clone()), ("rules_2026-11-06.json", after)]);
        let differences: Vec<String> = found
            .iter()
            .flat_map(|snapshot| &snapshot.differences)
            .map(|found| {
                let both = if found.property.is_some() { 2 } else { 1 };
                assert_eq!(found.cites.len(), both, "{name}: the exports that show it are cited");
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                let property = found.property.clone().unwrap_or_else(|| "whole".to_owned());
                format!("{property}: {} -> {}", text(&found.before), text(&found.after))
            })
            .collect();
        assert_eq!(differences, expected, "{name}");
    }
}

#[test]
fn order_that_is_not_shown() {
    let same = rule("Enforce", "-1", "2026-11-01T09:00:00Z");
    let other = rule("Enforce", "5", "2026-11-01T09:00:00Z");
    let found = snapshots(&[("a.json", same), ("b.json", other)]);
    let later = found.iter().find(|snapshot| snapshot.earlier.is_some()).expect("a pair");
    assert_eq!((later.order, later.differences.len()), (Order::NotShown, 1));
}

/// Two exports without a common setting are two things if their names say nothing else, and an empty one is an export of nothing.
#[test]
fn ok_what_is_the_same_export() {
    let (rule, other) = (rule("Enforce", "-1", "2026-11-01T09:00:00Z"), rule("Audit", "5", "2026-11-05T09:00:00Z"));
    let other = other.replace("0f3e", "1f3e");
    for (name, first, second, expected) in [
        ("other names", ("a_2026-11-02.json", &*rule), ("b_2026-11-06.json", &*other), 0),
        ("no day and no word", ("rules.json", &*rule), ("rules (1).json", &*other), 0),
        ("before and after", ("before/rules.json", &*rule), ("after/rules.json", &*other), 2),
        ("nothing before", ("before/rules.json", "[]"), ("after/rules.json", &*other), 1),
        ("nothing, of another name", ("before/connectors.json", "[]"), ("after/rules.json", &*other), 0),
    ] {
        let found = snapshots(&[(first.0, first.1.to_owned()), (second.0, second.1.to_owned())]);
        let differences: usize = found.iter().map(|snapshot| snapshot.differences.len()).sum();
        assert_eq!(differences, expected, "{name}");
    }
}
