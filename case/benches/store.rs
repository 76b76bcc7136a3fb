//! What lists and searches cost in a store of 10,000 cases, each with a journal of six entries.
//!
//! `cargo bench -p case --bench store` prints percentiles of what a caller waits for, a connection of its own included. With the path of the
//! program behind it, whole processes too: `cargo bench -p case --bench store -- target/release/throughline`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use case::{
    About, Answered, AnsweredCause, AnsweredCopy, Asked, Deed, Draft, JournalVerified, Sqlite, Status, Store as _,
    Wanted,
};

const CASES: usize = 10_000;
const ROUNDS: usize = 200;

fn main() {
    let program = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let began = Instant::now();
    fill(&mut open(root));
    println!("{CASES} cases written in {:.1} s, each entry brought to the disk", began.elapsed().as_secs_f64());
    let size = std::fs::metadata(root.join("throughline.sqlite3")).map(|file| file.len()).unwrap_or_default();
    println!("database: {:.1} MB", size as f64 / 1e6);
    let wanted = Wanted::default;
    let by_id = |number: usize| Wanted { message_id: Some(format!("<msg-{number}@supplier.example>")), ..wanted() };
    println!("{:<44} {:>9} {:>9} {:>9} {:>9}", "milliseconds", "p50", "p95", "p99", "longest");
    for (name, asked) in [
        ("list, newest 50", Wanted { limit: Some(50), ..wanted() }),
        ("list, newest 50 of a client", Wanted { client: Some("client-7".to_owned()), limit: Some(50), ..wanted() }),
        ("list, open ones", Wanted { status: vec![Status::Open], limit: Some(50), ..wanted() }),
        ("list, all 10,000", wanted()),
        ("search, subject", Wanted { subject: Some("order 77".to_owned()), limit: Some(50), ..wanted() }),
        ("search, domain", Wanted { address: Some("@supplier.example".to_owned()), limit: Some(50), ..wanted() }),
        ("search, family of causes", Wanted { cause: Some("content-verdict".to_owned()), limit: Some(50), ..wanted() }),
    ] {
        measured(name, ROUNDS, |_| drop(open(root).list(&asked).expect("listed")));
    }
    measured("search, message id", ROUNDS, |round| {
        assert_eq!(open(root).list(&by_id(round * 37 % CASES)).expect("listed").len(), 1);
    });
    measured("search, message id that is not there", ROUNDS, |_| {
        drop(open(root).list(&by_id(CASES + 1)).expect("listed"));
    });
    measured("one case by its ticket", ROUNDS, |round| {
        assert_eq!(open(root).named(&format!("INC-{}", round * 37 % CASES)).expect("found").len(), 1);
    });
    measured("verify all journals", 5, |_| {
        let store = open(root);
        assert!(JournalVerified::of(root, &store, None, None).expect("verified").whole);
    });
    if let Some(program) = program {
        let run = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.args(arguments).arg("--store").arg(root).stdout(Stdio::null());
            assert!(command.status().expect("the program runs").success(), "{arguments:?}");
        };
        measured("process: case list", 50, |_| run(&["case", "list"]));
        measured("process: case list --message-id", 50, |round| {
            run(&["case", "list", "--message-id", &format!("msg-{}@supplier.example", round * 37 % CASES)]);
        });
        measured("process: case journal", 50, |round| {
            run(&["case", "journal", &format!("INC-{}", round * 37 % CASES)])
        });
        measured("process: --version", 50, |_| run_plain(&program));
    }
}

fn run_plain(program: &str) {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    assert!(status.expect("the program runs").success());
}

fn open(root: &Path) -> Sqlite {
    Sqlite::open(&root.join("throughline.sqlite3")).expect("a store")
}

fn measured(name: &str, rounds: usize, mut work: impl FnMut(usize)) {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|round| {
            let began = Instant::now();
            work(round);
            began.elapsed()
        })
        .collect();
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("{name:<44} {:>9.2} {:>9.2} {:>9.2} {:>9.2}", at(50), at(95), at(99), at(100));
}

fn fill(store: &mut Sqlite) {
    let at = |number: usize| jiff::Timestamp::from_second(1_780_000_000 + number as i64 * 600).expect("an instant");
    for number in 0..CASES {
        let about = About {
            client: format!("client-{}", number % 40),
            ticket: Some(format!("INC-{number}")),
            user: Some(format!("user-{}@example.com", number % 700)),
            words: Some("The order confirmation did not arrive, and the supplier says it was sent.".to_owned()),
            ..About::default()
        };
        let case = store.open_case(at(number), "ana", about, Asked::default()).expect("a case");
        let draft = |deed: Deed| Draft { at: at(number), who: "ana".to_owned(), key: None, deed };
        let mut drafts = vec![draft(Deed::Answered { answered: answered(number) })];
        drafts.extend(
            (0..3).map(|note| draft(Deed::Noted { text: format!("Note {note}: asked, waited, looked again.") })),
        );
        if number % 3 > 0 {
            drafts.push(draft(Deed::StatusSet { status: Status::Closed, why: "The sender mended it.".to_owned() }));
        }
        store.append(&case.uid, drafts).expect("appended");
    }
}

fn answered(number: usize) -> Answered {
    let families = ["content-verdict/url", "release-handoff/released-rejected", "policy-scope-or-order/block-entry"];
    Answered {
        message_ids: vec![
            format!("msg-{number}@supplier.example"),
            format!("{number:08x}-aaaa-bbbb-cccc-000000000000"),
        ],
        senders: vec![format!("orders-{}@supplier.example", number % 90)],
        subject: Some(format!("Your order {number}")),
        sent_at: None,
        copies: vec![AnsweredCopy {
            envelope_recipient: format!("user-{}@example.com", number % 700),
            fate: report::Fate::Quarantined,
            changed_layer: Some(report::Layer::Verdict),
        }],
        causes: vec![AnsweredCause {
            id: families[number % 3].to_owned(),
            standing: report::Standing::Proved,
            layer: report::Layer::Verdict,
            envelope_recipient: None,
            system: String::new(),
            decided_by: None,
        }],
        symptoms: Vec::new(),
    }
}
