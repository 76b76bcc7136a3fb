//! What scopes would have let through is what a plain count says, however the files are cut.

mod support;

use exceptions::{On, Scope, Term, Value};
use proptest::prelude::*;
use support::{EVENTS, LINKS, Mail, Rows, TRACE, file, history_of, naive, pool, read, rows};

fn mail() -> impl Strategy<Value = Mail> {
    let who = (0..5_usize, 0..4_usize, 0..4_usize, 0..4_usize, 0..3_usize);
    let to = prop::collection::btree_map(0..4_usize, 0..5_usize, 1..4);
    let within = (prop::bool::weighted(0.7), prop::bool::weighted(0.6), any::<bool>());
    (who, prop::option::of(0..3_usize), to, within).prop_map(|(who, url, to, (in_trace, in_events, in_urls))| {
        let (sender, from, client, subject, dmarc) = who;
        Mail { sender, from, client, subject, dmarc, url, to, in_trace, in_events, in_urls }
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    let terms = prop::collection::vec(0..pool().len(), 0..4);
    let except = prop::collection::vec(0..pool().len(), 0..2);
    (terms, except).prop_map(|(terms, except)| {
        let pool = pool();
        let of = |numbers: Vec<usize>| numbers.into_iter().map(|number| pool[number].clone()).collect();
        Scope { terms: of(terms), except: of(except) }
    })
}

fn files(rows: &Rows) -> Vec<Vec<u8>> {
    let kinds = [(TRACE, &rows.trace), (EVENTS, &rows.events), (LINKS, &rows.links)];
    kinds.into_iter().filter_map(|(header, rows)| file(header, rows, "\n")).collect()
}

/// Every row twice, the other way round, in two files with other line ends.
fn otherwise(rows: &Rows) -> Vec<Vec<u8>> {
    let kinds = [(TRACE, &rows.trace), (EVENTS, &rows.events), (LINKS, &rows.links)];
    let halves = kinds.into_iter().flat_map(|(header, rows)| {
        let turned: Vec<String> = rows.iter().rev().flat_map(|row| [row.clone(), row.clone()]).collect();
        // The second file overlaps with the first.
        let (first, second) = (turned.len().div_ceil(2), turned.len() / 3);
        [file(header, &turned[..first], "\r\n"), file(header, &turned[second..], "\n")]
    });
    let mut all: Vec<Vec<u8>> = halves.flatten().collect();
    all.reverse();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn equals_a_plain_count(
        mails in prop::collection::vec(mail(), 1..40),
        scopes in prop::collection::vec(scope(), 1..12),
    ) {
        let rows = rows(&mails);
        let measured = read(&files(&rows), &scopes);
        for (scope, radius) in scopes.iter().zip(&measured.radii) {
            prop_assert_eq!(radius, &naive(&mails, scope), "{}", scope);
        }
        let other = read(&otherwise(&rows), &scopes);
        prop_assert_eq!(&other.radii, &measured.radii);
        prop_assert_eq!(history_of(&other), history_of(&measured));
    }

    /// Dropping a condition never lets less through, and what is within another scope lets through no more.
    #[test]
    fn wider_is_never_less(
        mails in prop::collection::vec(mail(), 1..30),
        scope in scope(),
    ) {
        let mut scopes = vec![scope.clone()];
        scopes.extend(scope.terms.iter().map(|term| scope.clone().without(term)));
        let measured = read(&files(&rows(&mails)), &scopes);
        for (wider, radius) in scopes.iter().zip(&measured.radii) {
            prop_assert!(scope.is_within(wider));
            let own = &measured.radii[0];
            prop_assert!(own.messages <= radius.messages && own.recipients <= radius.recipients);
            prop_assert!(own.senders <= radius.senders && own.kept_out <= radius.kept_out);
            prop_assert!(own.messages + own.possible <= radius.messages + radius.possible);
        }
    }
}

#[test]
fn says_what_it_cannot_show() {
    let trace = vec![
        trace_row("2026-04-02T08:00:00Z", 1),
        trace_row("2026-04-03T23:59:59Z", 2),
        trace_row("2026-04-06T00:00:00Z", 3),
    ];
    let scopes = [
        Scope::of([Term::one(On::HeaderFrom, Value::party("ann@a.example", Value::Domain))]),
        Scope::of([Term::one(On::Other("a property".to_owned()), Value::Name("x".to_owned()))]),
    ];
    let measured = read(&[file(TRACE, &trace, "\n").expect("rows")], &scopes);
    let history = &measured.history;
    assert_eq!(history.from.map(|at| at.to_string()).as_deref(), Some("2026-04-02T08:00:00Z"));
    assert_eq!(history.to.map(|at| at.to_string()).as_deref(), Some("2026-04-06T00:00:00Z"));
    let gaps: Vec<String> = history.gaps.iter().map(|(from, to)| format!("{from} to {to}")).collect();
    assert_eq!(gaps, ["2026-04-04T00:00:00Z to 2026-04-06T00:00:00Z"]);
    assert_eq!(history.rows.values().copied().collect::<Vec<_>>(), [3]);
    for said in ["No row states the From address", "Rows do not show whether this holds: a property x"] {
        assert!(history.cannot_show.iter().any(|one| one.starts_with(said)), "{said}: {:?}", history.cannot_show);
    }
    assert!(measured.radii.iter().all(|radius| radius.messages == 0 && radius.possible == 3), "{:?}", measured.radii);
}

fn trace_row(at: &str, number: usize) -> String {
    format!(
        "\"{at}\",\"ann@a.example\",\"kim@example.com\",\"Order {number}\",\"Delivered\",\"\",\"192.0.2.7\",\"4096\",\"<m{number}@a.example>\",\"{}\"",
        support::network_id(number)
    )
}

#[test]
fn no_history_counts_nothing() {
    let measured = read(&[], &[Scope::default()]);
    assert_eq!(measured.radii, [exceptions::Radius::default()]);
    assert!(measured.history.cannot_show.iter().any(|said| said.contains("nothing is counted")));
}
