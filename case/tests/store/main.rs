//! What a store keeps, and what it refuses.

mod archive;
mod processes;
mod replay;
mod tampering;

use std::path::Path;

use case::{About, Asked, Case, Deed, Draft, Sqlite, Status, Store as _, StoreError, Wanted};
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn store(folder: &Path) -> Sqlite {
    Sqlite::open(&folder.join("throughline.sqlite3")).expect("a store")
}

fn opened(store: &mut Sqlite, about: About, asked: Asked) -> Case {
    store.open_case(at("2026-08-20T11:00:00.1239Z"), "ana", about, asked).expect("a case")
}

fn noted(text: &str, key: Option<&str>) -> Draft {
    let deed = Deed::Noted { text: text.to_owned() };
    Draft { at: at("2026-08-20T12:00:00Z"), who: "ben".to_owned(), key: key.map(str::to_owned), deed }
}

#[test]
fn instants_are_kept_to_the_millisecond_and_never_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let case = opened(&mut store(folder.path()), About::default(), Asked::default());
    assert_eq!(case.opened_at, at("2026-08-20T11:00:00.123Z"));
}

#[test]
fn a_key_is_unique_among_deeds_of_one_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = store(folder.path());
    let case = opened(&mut store, About::default(), Asked::default());
    let status =
        Draft { deed: Deed::StatusSet { status: Status::Waiting, why: "asked".to_owned() }, ..noted("", Some("one")) };
    let drafts = vec![noted("first", Some("one")), status, noted("again", Some("one")), noted("no key", None)];
    store.append(&case.uid, drafts.clone()).expect("appended");
    let case = store.append(&case.uid, drafts).expect("appended");
    let words: Vec<&str> =
        store.journal(&case.uid).expect("a journal").iter().map(|entry| entry.deed.word()).collect::<Vec<_>>();
    assert_eq!(words, ["opened", "noted", "status_set", "noted", "noted"]);
    assert_eq!(store.tampered().expect("read"), []);
}

#[test]
fn a_case_is_opened_once_with_one_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = store(folder.path());
    let mut open = |key: Option<&str>| {
        let key = key.map(str::to_owned);
        let now = at("2026-08-20T11:00:00Z");
        store.open_once(now, "ana", key, About::default(), Asked::default()).expect("a case").number
    };
    assert_eq!([open(Some("a")), open(Some("a")), open(Some("b")), open(None), open(None)], [1, 1, 2, 3, 4]);
}

#[test]
fn cases_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = store(folder.path());
    let about = |client: &str, ticket: &str| About {
        client: client.to_owned(),
        ticket: (!ticket.is_empty()).then(|| ticket.to_owned()),
        user: Some("Ana@Example.com".to_owned()),
        ..About::default()
    };
    let asked = Asked {
        message_id: vec!["<Inv-1@Supplier.example>".to_owned()],
        subject: Some("Über das ÄRGERNIS".to_owned()),
        ..Asked::default()
    };
    opened(&mut store, about("Müller", "INC-1"), asked);
    opened(&mut store, about("contoso", "1"), Asked::default());
    let uid = opened(&mut store, about("contoso", ""), Asked::default()).uid;
    let wanted = Wanted::default;
    for (name, wanted, expected) in [
        ("client, letters' case aside", Wanted { client: Some("MÜLLER".to_owned()), ..wanted() }, vec![1]),
        (
            "message id without brackets",
            Wanted { message_id: Some("inv-1@supplier.example".to_owned()), ..wanted() },
            vec![1],
        ),
        ("subject", Wanted { subject: Some("ärgernis".to_owned()), ..wanted() }, vec![1]),
        ("a wildcard is a letter", Wanted { subject: Some("%".to_owned()), ..wanted() }, vec![]),
        ("user", Wanted { address: Some("ana@example.com".to_owned()), ..wanted() }, vec![3, 2, 1]),
        ("domain", Wanted { address: Some("@example.com".to_owned()), limit: Some(1), ..wanted() }, vec![3]),
        ("offset", Wanted { offset: 1, ..wanted() }, vec![2, 1]),
        ("before", Wanted { before: Some(3), ..wanted() }, vec![2, 1]),
        ("before the largest number", Wanted { before: Some(u64::MAX), ..wanted() }, vec![3, 2, 1]),
        ("status", Wanted { status: vec![Status::Closed], ..wanted() }, vec![]),
        ("open or closed", Wanted { status: vec![Status::Open, Status::Closed], ..wanted() }, vec![3, 2, 1]),
        ("quote", Wanted { client: Some("' OR 1 --".to_owned()), ..wanted() }, vec![]),
    ] {
        let found: Vec<u64> = store.list(&wanted).expect("listed").iter().map(|case| case.number).collect();
        assert_eq!(found, expected, "{name}");
    }
    for (name, text, expected) in [
        ("a number here, and a ticket's of another", "1", vec![1, 2]),
        ("only a number here", "#1", vec![1]),
        ("ticket, letters' case aside", "inc-1", vec![1]),
        ("name everywhere", &uid[..8], vec![3]),
        ("too short for a name", "abc", vec![]),
        ("nothing", "", vec![]),
    ] {
        let found: Vec<u64> = store.named(text).expect("found").iter().map(|case| case.number).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn refused_files() {
    let foreign = |path: &Path| {
        let database = rusqlite::Connection::open(path).expect("a database");
        database.execute_batch("CREATE TABLE bookmarks (url TEXT)").expect("a table");
    };
    let newer = |path: &Path| {
        drop(Sqlite::open(path).expect("a store"));
        let database = rusqlite::Connection::open(path).expect("a database");
        database.pragma_update(None, "user_version", 99).expect("set");
    };
    type Make<'a> = &'a dyn Fn(&Path);
    for (name, make, expected) in [
        ("another program's database", &foreign as Make<'_>, "the database of another program"),
        ("of a newer program", &newer, "form 99 of a newer program"),
        (
            "no database",
            &|path| std::fs::write(path, "hello, this is no database at all").expect("written"),
            "not a database",
        ),
        ("a folder", &|path| std::fs::create_dir(path).expect("made"), "directory"),
        ("no folder", &|_| {}, "No such file"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let below = if name == "no folder" { "none/store.sqlite3" } else { "store.sqlite3" };
        let path = folder.path().join(below);
        make(&path);
        let before = std::fs::read(&path).unwrap_or_default();
        let error = Sqlite::open(&path).expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.contains("store.sqlite3"), "{name}: {error}");
        assert!(std::fs::read(&path).unwrap_or_default() == before, "{name}: the file was changed");
    }
}

#[test]
fn no_such_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = store(folder.path()).append("0011", vec![noted("x", None)]).expect_err("no case");
    assert!(matches!(error, StoreError::NoSuchCase(_)), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("a").join("store");
    case::private_folder(&root).expect("made");
    let mut store = store(&root);
    let case = opened(&mut store, About::default(), Asked::default());
    let files = case::Folder::of(&root, &case.uid);
    let evidence = folder.path().join("trace.csv");
    std::fs::write(&evidence, "a,b\n").expect("written");
    let added = files
        .stage(&[evidence], case::Purpose::Ticket, &mut std::io::empty(), || store.journal(&case.uid))
        .expect("staged");
    let deed =
        Deed::EvidenceAdded { batch: added.batch.clone(), purpose: case::Purpose::Ticket, files: added.files.clone() };
    store.append(&case.uid, vec![Draft { deed, ..noted("", None) }]).expect("appended");
    files.add(&added, &store.journal(&case.uid).expect("a journal")).expect("added");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let expected = [
        (root.clone(), 0o700),
        (root.join("throughline.sqlite3"), 0o600),
        (root.join("throughline.sqlite3-wal"), 0o600),
        (files.root().to_owned(), 0o700),
        (files.evidence().join("001"), 0o700),
        (files.evidence().join("001/trace.csv"), 0o400),
    ];
    for (path, expected) in expected {
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}
