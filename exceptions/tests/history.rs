//! What scopes would have let through is what a plain count says, however the files are cut.

mod support;

use std::path::Path;

use exceptions::{On, Scope, Term, Value};
use proptest::prelude::*;
use sources::{Input, NoProgress};
use support::{EVENTS, LINKS, Mail, Rows, TRACE, clock, file, history_of, naive, pool, read, rows};

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
    for said in [
        "Where no row states the From address, the envelope sender is taken for it",
        "Rows do not show whether this holds: a property x",
    ] {
        assert!(history.cannot_show.iter().any(|one| one.starts_with(said)), "{said}: {:?}", history.cannot_show);
    }
    let counted: Vec<(u64, u64)> = measured.radii.iter().map(|radius| (radius.messages, radius.possible)).collect();
    assert_eq!(counted, [(3, 0), (0, 3)]);
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

/// The log of a mail server that took a message and handed it on, or tried to.
fn log(id: &str, number: usize, sender: &str, ends: &[&str]) -> String {
    let at = "2026-04-02T08:00:0";
    let mut log = format!(
        "{at}0.000000+00:00 mx1 postfix/smtpd[311]: {id}: client=mail.a.example[192.0.2.7]\n\
         {at}1.000000+00:00 mx1 postfix/cleanup[312]: {id}: message-id=<m{number}@a.example>\n\
         {at}2.000000+00:00 mx1 postfix/qmgr[290]: {id}: from=<{sender}>, size=4096, nrcpt=1 (queue active)\n"
    );
    for (second, end) in (3..).zip(ends) {
        log += &format!(
            "{at}{second}.000000+00:00 mx1 postfix/smtp[315]: {id}: to=<kim@example.com>, relay=in.example.com[198.51.100.9]:25, delay=0.6, delays=0.2/0/0.2/0.2, {end}\n"
        );
    }
    log
}

const SENT: &str = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4Z1)";
const DEFERRED: &str = "dsn=4.4.1, status=deferred (connect to in.example.com[198.51.100.9]:25: Connection timed out)";
const BOUNCED: &str = "dsn=5.7.1, status=bounced (host in.example.com[198.51.100.9] said: 550 5.7.1 refused (in reply to end of DATA command))";

#[test]
fn a_message_counts_once_in_whichever_exports() {
    let trace = |rows: &[String]| file(TRACE, rows, "\n").expect("rows");
    let row = |number: usize| trace_row("2026-04-02T08:00:09Z", number);
    let logs = |parts: &[String]| parts.concat().into_bytes();
    for (name, files, messages, kept_out) in [
        ("log alone", vec![logs(&[log("4A1B2C3D4E", 1, "ann@a.example", &[SENT])])], 1, 0),
        ("put off, then sent", vec![logs(&[log("4A1B2C3D4E", 1, "ann@a.example", &[DEFERRED, SENT])])], 1, 0),
        ("put off", vec![logs(&[log("4A1B2C3D4E", 1, "ann@a.example", &[DEFERRED])])], 1, 0),
        ("refused", vec![logs(&[log("4A1B2C3D4E", 1, "ann@a.example", &[BOUNCED])])], 1, 1),
        ("log and trace", vec![logs(&[log("4A1B2C3D4E", 1, "ann@a.example", &[SENT])]), trace(&[row(1)])], 1, 0),
        ("trace first", vec![trace(&[row(1)]), logs(&[log("4A1B2C3D4E", 1, "ann@a.example", &[BOUNCED])])], 1, 1),
        ("other message", vec![trace(&[row(2)]), logs(&[log("4A1B2C3D4E", 1, "ann@a.example", &[SENT])])], 2, 0),
        (
            "twice through the server",
            vec![logs(&[
                log("4A1B2C3D4E", 1, "ann@a.example", &[SENT]),
                log("4B2C3D4E5F", 1, "ann@a.example", &[SENT]),
            ])],
            1,
            0,
        ),
        (
            "two senders of one Message-ID",
            vec![trace(&[row(1)]), logs(&[log("4A1B2C3D4E", 1, "ann@b.example", &[SENT])])],
            2,
            0,
        ),
    ] {
        let scope = Scope::of([Term::one(On::Recipient, Value::party("kim@example.com", Value::Domain))]);
        let mut turned = files.clone();
        turned.reverse();
        for files in [&files, &turned] {
            let radius = read(files, std::slice::from_ref(&scope)).radii.remove(0);
            assert_eq!((radius.messages, radius.kept_out), (messages, kept_out), "{name}: {radius:?}");
        }
    }
}

/// A held message stands in a list of what is held and in the log of what was released, which name no id: it counts once if a row with an id stands
/// beside it, and otherwise the count is an upper bound, and says so.
#[test]
fn rows_without_an_id_are_found_again_by_their_looks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the demo");
    let (held, released, siem) = (file("held-queue.json"), file("release-log.json"), file("mimecast-siem.json"));
    // Another message of the same looks, a moment later.
    let twin =
        siem.lines().next().expect("a line").replace("Q7vXk2", "R8wYl3").replace("20261117080209", "20261117080210");
    let twin = format!("{siem}{}\n", twin.replace("u3Zk9Q", "v4Al0R"));
    let scope = Scope::of([Term::one(On::EnvelopeSender, Value::party("orders@supplier.example", Value::Domain))]);
    for (name, files, messages, at_most) in [
        ("log alone", vec![siem.clone()], 1, false),
        ("held list and log", vec![held.clone(), siem.clone()], 1, true),
        ("all three", vec![held.clone(), released.clone(), siem.clone()], 1, true),
        ("without the log", vec![held.clone(), released.clone()], 2, true),
        ("another hour", vec![held.replace("T08:02:12", "T08:12:12"), siem.clone()], 2, true),
        ("another subject", vec![held.replace("48-1193", "48-1194"), siem.clone()], 2, true),
        ("a twin of the same minute", vec![held.clone(), twin.clone()], 3, true),
    ] {
        let mut files: Vec<Vec<u8>> = files.into_iter().map(String::into_bytes).collect();
        for _ in 0..2 {
            let measured = read(&files, std::slice::from_ref(&scope));
            assert_eq!(measured.radii[0].messages, messages, "{name}: {:?}", measured.radii);
            let says = measured.history.cannot_show.iter().any(|said| said.contains("every count is \"at most\""));
            assert_eq!(says, at_most, "{name}: {:?}", measured.history.cannot_show);
            files.reverse();
        }
    }
}

/// Files of all kinds together, as they lie beside the readers: read twice they say the same.
#[test]
fn samples_of_all_kinds_are_counted() {
    let mut files: Vec<Vec<u8>> = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../sources/src")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> =
            std::fs::read_dir(&folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort();
        let is_sample = folder.ends_with("samples");
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if is_sample && path.extension().is_none_or(|end| end != "expected") {
                // Larger samples would take too long.
                files.extend(std::fs::read(path).ok().filter(|bytes| bytes.len() <= 64 << 10));
            }
        }
    }
    let scopes: Vec<Scope> = pool().into_iter().map(|term| Scope::of([term])).chain([Scope::default()]).collect();
    let measured = read(&files, &scopes);
    assert!(measured.history.rows.len() > 20, "{:?}", measured.history.rows);
    let all = measured.radii.last().expect("a radius");
    assert!(all.messages > 100 && all.possible == 0, "{all:?}");
    assert!(measured.radii.iter().all(|radius| radius.messages + radius.possible <= all.messages));
    let twice = [files.clone(), files].concat();
    let again = read(&twice, &scopes);
    assert_eq!(again.radii, measured.radii);
    assert_eq!(again.history.rows, measured.history.rows);
}

/// A list that is read as a whole is counted in shares; each record in one of them.
#[test]
fn what_is_read_as_a_whole_counts_the_same() {
    let (mut text, mut rows) = (String::new(), Vec::new());
    for number in 0..2500_usize {
        let (sender, status) = (support::SENDERS[number % 4], support::FATES[number % 5].status);
        let (at, id, to) = ("2026-04-02T08:00:00Z", support::network_id(number / 2), support::RECIPIENTS[number % 3]);
        let fields = [at, sender, to, "Order", status, "", "192.0.2.7", "4096", "<m@a.example>", &id];
        let names: Vec<&str> = TRACE.split(',').map(|name| name.trim_matches('"')).collect();
        names.iter().zip(fields).for_each(|(name, field)| text += &format!("{name} : {field}\r\n"));
        text += "\r\n";
        rows.push(fields.map(|field| format!("\"{field}\"")).join(","));
    }
    let scopes: Vec<Scope> = pool().into_iter().map(|term| Scope::of([term])).collect();
    let (list, table) =
        (read(&[text.into_bytes()], &scopes), read(&[file(TRACE, &rows, "\n").expect("rows")], &scopes));
    assert_eq!(history_of(&list), history_of(&table));
    assert_eq!(list.radii, table.radii);
    assert!(list.radii.iter().any(|radius| radius.messages > 1000), "{:?}", list.radii);
}

/// Who uses a scope is told by name, whoever writes most first, however often a row is handed out; others are not.
#[test]
fn names_who_uses_a_scope() {
    let row = |from: &str, to: &str, number: usize| {
        trace_row("2026-04-02T08:00:00Z", number).replace("ann@a.example", from).replace("kim@example.com", to)
    };
    let mut rows = vec![
        row("ann@a.example", "kim@example.com", 1),
        row("bob@a.example", "kim@example.com", 2),
        row("bob@a.example", "lou@example.com", 3),
        row("eve@b.example", "kim@example.com", 4),
    ];
    let domain = Scope::of([Term::one(On::EitherSender, Value::Domain("a.example".to_owned()))]);
    let to_lou = domain.clone().and(Term::one(On::Recipient, Value::party("lou@example.com", Value::Domain)));
    let group = Scope::of([Term::one(On::RecipientGroup, Value::Name("Sales".to_owned()))]);
    let expected = [vec!["bob@a.example 2 to 2", "ann@a.example 1 to 1"], vec!["bob@a.example 1 to 1"], vec![]];
    for _ in 0..2 {
        let file = file(TRACE, &rows, "\r\n").expect("rows");
        let input = Input { name: "trace.csv".into(), bytes: &file };
        let users =
            exceptions::users(&[input], &[domain.clone(), to_lou.clone(), group.clone()], &clock(), &NoProgress);
        let said = |user: &exceptions::User| {
            format!("{} {} to {}", user.sender, user.messages, user.envelope_recipients.len())
        };
        let said: Vec<Vec<String>> = users.iter().map(|users| users.iter().map(said).collect()).collect();
        assert_eq!(said, expected);
        rows = rows.iter().flat_map(|row| [row.clone(), row.clone()]).rev().collect();
    }
}
