use jiff::ToSpan as _;
use report::{ChangeEnd, ChangeVerified};

use super::*;
use crate::case::{About, Answered, AnsweredCause, Asked};
use crate::journal::{Answer, Deed, Draft, Verification};

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn asked() -> AskedFigures {
    AskedFigures { client: None, from: None, to: None, now: at("2026-08-31T12:00:00Z") }
}

/// A journal of deeds, each so many minutes after the opening.
fn journal(number: u64, client: &str, opened_at: &str, deeds: Vec<(i64, Deed)>) -> (Case, Vec<Entry>) {
    let uid = format!("{number:032x}");
    let about = About { client: client.to_owned(), ..About::default() };
    let opening = (0, Deed::Opened { about, asked: Asked::default() });
    let mut entries: Vec<Entry> = Vec::new();
    for (minutes, deed) in std::iter::once(opening).chain(deeds) {
        let at = at(opened_at) + minutes.minutes();
        let draft = Draft { at, who: "ana".to_owned(), key: None, deed };
        let last = entries.last().map(|last| (last.seq, last.hash.clone()));
        let last = last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
        entries.push(Entry::behind(&uid, last, draft).expect("an entry"));
    }
    (Case::of(number, &entries).expect("a case"), entries)
}

fn answered(cause: &str) -> Deed {
    let cause = AnsweredCause {
        id: cause.to_owned(),
        standing: report::Standing::Proved,
        layer: report::Layer::Verdict,
        envelope_recipient: None,
        system: String::new(),
        decided_by: None,
    };
    Deed::Answered { answered: Answered { causes: vec![cause], ..Answered::default() } }
}

fn closed() -> Deed {
    Deed::StatusSet { status: Status::Closed, why: "done".to_owned() }
}

fn change(made_at: &str, ends: Option<&str>, messages: Option<u64>) -> Deed {
    serde_json::from_value(serde_json::json!({
        "deed": "change_made", "made_at": made_at, "candidate": "New-Thing", "guard": "narrow", "ends": ends, "messages": messages,
    }))
    .expect("a change")
}

fn verified(answer: Answer) -> Deed {
    Deed::Verified { verification: Verification { answer, checks: Vec::new() }, due: None }
}

fn figures(journals: Vec<(Case, Vec<Entry>)>, asked: &AskedFigures) -> Figures {
    let (cases, entries): (Vec<Case>, Vec<Vec<Entry>>) = journals.into_iter().unzip();
    Figures::of(&cases, &entries.concat(), asked)
}

#[test]
fn cases_count_once_by_cause_and_client() {
    let figures = figures(
        vec![
            journal(1, "contoso", "2026-08-03T09:00:00Z", vec![(5, answered("content-verdict/spam"))]),
            journal(2, "Contoso", "2026-08-04T09:00:00Z", vec![(5, answered("content-verdict/spam"))]),
            journal(3, "contoso", "2026-08-20T09:00:00Z", vec![]),
            journal(4, "fabrikam", "2026-08-20T09:00:00Z", vec![(5, answered("content-verdict/spam"))]),
        ],
        &asked(),
    );
    let rows: Vec<(&str, &str, u64)> =
        figures.incidents.rows.iter().map(|row| (row.cause.as_str(), row.client.as_str(), row.cases)).collect();
    assert_eq!(
        rows,
        [("content-verdict/spam", "contoso", 2), ("content-verdict/spam", "fabrikam", 1), ("not_shown", "contoso", 1)]
    );
    let labels: Vec<&str> = figures.incidents.periods.iter().map(|period| period.label.as_str()).collect();
    assert_eq!(labels, ["2026-08-03", "2026-08-10", "2026-08-17", "2026-08-24", "2026-08-31"], "up to now");
    assert_eq!(figures.incidents.rows[0].counts, [2, 0, 0, 0, 0]);
    assert_eq!((figures.cases, figures.open), (4, 4));
}

#[test]
fn open_cases_stand_beside_the_median() {
    let mut journals = vec![
        journal(1, "a", "2026-08-01T00:00:00Z", vec![]),
        journal(2, "a", "2026-08-02T00:00:00Z", vec![(9, closed())]),
    ];
    journals.extend((3..=12).map(|n| {
        let minutes = i64::try_from(n).unwrap() * 10;
        let deeds = vec![(minutes, answered("content-verdict/spam")), (minutes * 2, closed())];
        journal(n, "a", "2026-08-03T00:00:00Z", deeds)
    }));
    let figures = figures(journals, &asked());
    let all = &figures.times.answered[0];
    assert_eq!((all.done, all.open, all.without), (10, 1, 1));
    assert_eq!((all.median_seconds, all.ninetieth_seconds), (Some(70 * 60), Some(110 * 60)));
    assert_eq!(all.oldest_open_seconds, Some(30 * 86_400 + 12 * 3_600));
    let closed = &figures.times.closed[0];
    assert_eq!((closed.done, closed.open, closed.without), (11, 1, 0));
    let families: Vec<&TimeOf> = figures.times.answered.iter().map(|row| &row.group).collect();
    let family = |name: &str| TimeOf::Family(name.to_owned());
    assert_eq!(families, [&TimeOf::All, &family("content-verdict"), &family("not_shown")], "one client is all");
}

#[test]
fn a_reopened_case_is_open() {
    let reopened = Deed::StatusSet { status: Status::Open, why: "again".to_owned() };
    let figures =
        figures(vec![journal(1, "a", "2026-08-03T00:00:00Z", vec![(10, closed()), (20, reopened)])], &asked());
    assert_eq!((figures.times.closed[0].done, figures.times.closed[0].open), (0, 1));
}

#[test]
fn changes_that_want_a_look_come_first() {
    let day = "2026-08-03T00:00:00Z";
    let figures = figures(
        vec![
            journal(
                1,
                "a",
                day,
                vec![(1, change(day, Some("2026-09-30T00:00:00Z"), Some(3))), (2, verified(Answer::Held))],
            ),
            journal(
                2,
                "a",
                day,
                vec![(1, change(day, Some("2026-08-30T00:00:00Z"), Some(3))), (2, verified(Answer::Held))],
            ),
            journal(3, "a", day, vec![(1, change(day, None, None))]),
            journal(
                4,
                "a",
                day,
                vec![(1, verified(Answer::Held)), (2, change(day, Some("2026-09-30T00:00:00Z"), Some(9)))],
            ),
            journal(
                5,
                "a",
                day,
                vec![
                    (1, change(day, Some("2026-09-30T00:00:00Z"), None)),
                    (2, verified(Answer::Held)),
                    (3, verified(Answer::CameBack)),
                ],
            ),
        ],
        &asked(),
    );
    let told: Vec<(u64, ChangeEnd, ChangeVerified)> =
        figures.changes.iter().map(|change| (change.case, change.end, change.verified)).collect();
    use ChangeEnd::{Ends, Expired, NoEnd};
    use ChangeVerified::{CameBack, Held, Never};
    assert_eq!(
        told,
        [(2, Expired, Held), (3, NoEnd, Never), (5, Ends, CameBack), (4, Ends, Never), (1, Ends, Held)],
        "a look before the change is none at it"
    );
    assert_eq!(figures.changes[0].age_seconds, 28 * 86_400 + 12 * 3_600);
}

#[test]
fn only_what_was_asked_for() {
    let make = || {
        vec![
            journal(1, "a", "2026-07-01T00:00:00Z", vec![(1, change("2026-07-01T00:00:00Z", None, None))]),
            journal(2, "B", "2026-08-10T00:00:00Z", vec![(1, change("2026-08-10T00:00:00Z", None, None))]),
            journal(3, "b", "2026-08-20T00:00:00Z", vec![]),
        ]
    };
    let (from, to) = (Some(at("2026-08-01T00:00:00Z")), Some(at("2026-08-20T00:00:00Z")));
    for (name, asked, cases, changes) in [
        ("all", asked(), 3, 2),
        ("client", AskedFigures { client: Some(" b ".to_owned()), ..asked() }, 2, 1),
        ("from", AskedFigures { from, ..asked() }, 2, 2),
        ("to is not included", AskedFigures { to, ..asked() }, 2, 2),
        ("neither", AskedFigures { client: Some("c".to_owned()), ..asked() }, 0, 0),
    ] {
        let figures = figures(make(), &asked);
        assert_eq!((figures.cases, figures.changes.len()), (cases, changes), "{name}");
        assert!(!report::sheet_html(&figures.sheet()).is_empty(), "{name}");
    }
    let named = figures(make(), &AskedFigures { client: Some("b".to_owned()), ..asked() });
    assert_eq!(named.client.as_deref(), Some("B"), "as the first case spells it");
}

#[test]
fn the_order_of_cases_and_entries_changes_nothing() {
    let mut journals = vec![
        journal(1, "a", "2026-08-03T09:00:00Z", vec![(5, answered("content-verdict/spam")), (9, closed())]),
        journal(
            2,
            "b",
            "2026-08-04T09:00:00Z",
            vec![(1, change("2026-08-04T09:00:00Z", None, Some(2))), (5, verified(Answer::Held))],
        ),
        journal(3, "A", "2026-08-05T09:00:00Z", vec![(5, answered("mailbox-rule/moved"))]),
    ];
    let straight = figures(journals.clone(), &asked());
    journals.reverse();
    journals.iter_mut().for_each(|(_, entries)| entries.reverse());
    assert_eq!(figures(journals, &asked()), straight);
}

#[test]
fn what_strangers_wrote_runs_nowhere() {
    let (evil, now) = ("</svg><script>alert(1)</script>\u{202e}", "2026-08-03T09:00:00Z");
    let deeds = vec![(1, answered(&format!("content-verdict/{evil}"))), (2, change(now, None, Some(u64::MAX)))];
    let figures = figures(vec![journal(1, evil, now, deeds), journal(2, "| a | `b`", now, vec![])], &asked());
    let page = report::sheet_html(&figures.sheet());
    assert!(!page.contains("<script>") && !page.contains('\u{202e}'), "{page}");
    let terminal = report::Terminal { width: 80, color: report::Color::Never };
    let text = report::sheet_terminal(&figures.sheet(), terminal);
    assert!(!text.contains('\u{202e}'), "{text}");
}

/// `docs/figures.schema.json` is the schema of the type; written anew with `THROUGHLINE_BLESS=1`.
#[test]
fn the_schema_file_is_current() {
    let mut now = serde_json::to_string_pretty(&schemars::schema_for!(Figures)).expect("a schema is JSON");
    now.push('\n');
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/figures.schema.json");
    if std::env::var_os("THROUGHLINE_BLESS").is_some() {
        std::fs::write(&path, &now).expect("docs/ can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/figures.schema.json is stale; run the tests with THROUGHLINE_BLESS=1 and read the diff");
}
