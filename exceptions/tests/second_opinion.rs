//! DuckDB counts by SQL what `measure` counts: a second opinion that shares no line with ours.
//!
//! `.ci/setup` gets DuckDB into `target/duckdb`; `THROUGHLINE_DUCKDB` names another Python that has it. Without one this says that it skips.

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exceptions::{On, Scope, Term, Value};
use serde_json::json;
use support::{EVENTS, FATES, LINKS, Mail, TRACE, file, pool, read, rows};

const MAILS: usize = 1500;
const SCOPES: usize = 80;

#[test]
fn duckdb_counts_the_same() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with duckdb; .ci/setup gets one, or THROUGHLINE_DUCKDB names one");
        return;
    };
    let mut dice = Dice(11);
    let mails: Vec<Mail> = (0..MAILS).map(|_| mail(&mut dice)).collect();
    let terms: Vec<Term> = pool().into_iter().filter(|term| told(term).is_some()).collect();
    let mut scopes: Vec<Scope> = terms.iter().cloned().map(|term| Scope::of([term])).collect();
    while scopes.len() < SCOPES {
        let count = 2 + dice.below(2);
        scopes.push(Scope::of((0..count).map(|_| terms[dice.below(terms.len())].clone())));
    }
    let rows = rows(&mails);
    let kinds = [("trace", TRACE, &rows.trace), ("events", EVENTS, &rows.events), ("links", LINKS, &rows.links)];
    let files: Vec<Vec<u8>> = kinds.iter().filter_map(|(_, header, rows)| file(header, rows, "\n")).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("second_opinion");
    std::fs::create_dir_all(&folder).expect("a writable target folder");
    let paths = kinds.iter().zip(&files).map(|((name, ..), bytes)| {
        let path = folder.join(format!("{name}.csv"));
        std::fs::write(&path, bytes).expect("a writable target folder");
        path
    });
    let theirs = ask(&python, &paths.collect::<Vec<_>>(), &scopes);
    let ours = read(&files, &scopes).radii;
    for ((scope, radius), theirs) in scopes.iter().zip(&ours).zip(&theirs) {
        let ours = [radius.messages, radius.recipients, radius.senders, radius.kept_out, radius.bad()];
        assert_eq!(&ours, theirs, "{scope}: messages, recipients, senders, kept out, judged bad");
    }
    assert_eq!(theirs.len(), scopes.len());
    assert!(theirs.iter().filter(|counts| counts[0] > 0).count() > SCOPES / 3, "too few scopes have any mail");
}

/// A Python that has duckdb.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/duckdb/bin/python");
    let named = std::env::var_os("THROUGHLINE_DUCKDB").map(PathBuf::from);
    let has_it = |python: &PathBuf| {
        let mut command = Command::new(python);
        command.args(["-c", "import duckdb"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    named.into_iter().chain([own, PathBuf::from("python3")]).find(has_it)
}

fn ask(python: &Path, files: &[PathBuf], scopes: &[Scope]) -> Vec<[u64; 5]> {
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.terms.iter().map(told).collect::<Option<Vec<_>>>()).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/duckdb_radius.py");
    let mut child = Command::new(python)
        .arg(script)
        .args(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(json!(scopes).to_string().as_bytes()).expect("python reads");
    drop(input);
    let output = child.wait_with_output().expect("python ends");
    assert!(output.status.success(), "the script failed");
    serde_json::from_slice(&output.stdout).expect("counts")
}

/// A condition as the script reads it; `None` for one that SQL over these files has no answer to.
fn told(term: &Term) -> Option<serde_json::Value> {
    let names: BTreeMap<On, &str> = BTreeMap::from([
        (On::EnvelopeSender, "envelope"),
        (On::HeaderFrom, "header"),
        (On::EitherSender, "either"),
        (On::Client, "client"),
        (On::Recipient, "recipient"),
        (On::Subject, "subject"),
        (On::Dmarc, "dmarc"),
        (On::Url, "url"),
        (On::Message, "message"),
    ]);
    let values: Option<Vec<(&str, String)>> = term
        .values
        .iter()
        .map(|value| match value {
            Value::Address(address) => Some(("address", address.to_string())),
            Value::Domain(domain) => Some(("domain", domain.clone())),
            Value::DomainAndBelow(domain) => Some(("below", domain.clone())),
            Value::Network(first, last) if first.is_ipv4() => Some(("network", format!("{first}-{last}"))),
            Value::Holds(text) => Some(("holds", text.clone())),
            Value::Name(text) => Some(("name", text.clone())),
            Value::Network(..) | Value::Pattern(_) | Value::Any => None,
        })
        .collect();
    let values = values.filter(|values| !values.is_empty())?;
    Some(json!({"on": names.get(&term.on)?, "values": values}))
}

fn mail(dice: &mut Dice) -> Mail {
    Mail {
        sender: dice.below(5),
        from: dice.below(4),
        client: dice.below(4),
        subject: dice.below(4),
        dmarc: dice.below(3),
        url: (dice.below(2) == 0).then(|| dice.below(3)),
        to: (0..1 + dice.below(3)).map(|_| (dice.below(4), dice.below(FATES.len()))).collect(),
        in_trace: dice.below(3) > 0,
        in_events: dice.below(3) > 0,
        in_urls: dice.below(2) == 0,
    }
}

/// Numbers that depend on nothing but the seed (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }
}
