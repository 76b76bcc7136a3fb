//! Whatever is altered is found.

use std::fs;
use std::path::{Path, PathBuf};

use case::{About, Asked, Deed, Draft, Folder, JournalVerified, Purpose, Sqlite, Status, Store as _};
use proptest::prelude::*;
use rusqlite::Connection;

use super::{at, noted, opened, store};

/// A store with three cases, the first of which has evidence; gives the names everywhere.
pub fn filled(root: &Path) -> Vec<String> {
    case::private_folder(root).expect("made");
    let mut store = store(root);
    let uids: Vec<String> = ["INC-1", "INC-2", "INC-3"]
        .into_iter()
        .map(|ticket| {
            let about = About { ticket: Some(ticket.to_owned()), client: "contoso".to_owned(), ..About::default() };
            let asked = Asked { message_id: vec![format!("{ticket}@example.com")], ..Asked::default() };
            opened(&mut store, about, asked).uid
        })
        .collect();
    for (name, text) in [("trace.csv", "a,b\n1,2\n"), ("sub/Größe 1.log", "line\n")] {
        added(root, &mut store, &uids[0], name, text);
    }
    for uid in &uids {
        let closed = Deed::StatusSet { status: Status::Closed, why: "done".to_owned() };
        let drafts = vec![noted("one", Some("k")), noted("two", None), Draft { deed: closed, ..noted("", None) }];
        store.append(uid, drafts).expect("appended");
    }
    uids
}

/// Adds a file of evidence to a case.
pub fn added(root: &Path, store: &mut Sqlite, uid: &str, name: &str, text: &str) {
    let from = tempfile::tempdir().expect("a folder");
    let path = from.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
    let folder = Folder::of(root, uid);
    let paths = [from.path().to_owned()];
    let added = folder.stage(&paths, Purpose::Ticket, &mut std::io::empty(), || store.journal(uid)).expect("staged");
    let files = added.files.clone();
    let deed = Deed::EvidenceAdded { batch: added.batch.clone(), purpose: Purpose::Ticket, files };
    store.append(uid, vec![Draft { deed, ..noted("", None) }]).expect("appended");
    folder.add(&added, &store.journal(uid).expect("a journal")).expect("added");
}

/// Does something to the database behind the program's back, and leaves no trace in what guards it.
fn edited(root: &Path, sql: &str) {
    try_edited(root, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The same; what the database itself refuses (two entries of one key) is no change.
fn try_edited(root: &Path, sql: &str) -> rusqlite::Result<()> {
    let database = Connection::open(root.join("throughline.sqlite3")).expect("a database");
    let mut statement = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").expect("sql");
    let triggers: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("read")
        .collect::<Result<_, _>>()
        .expect("triggers");
    triggers.iter().for_each(|(name, _)| database.execute_batch(&format!("DROP TRIGGER {name}")).expect("dropped"));
    let done = database.execute_batch(sql);
    triggers.iter().for_each(|(_, made)| database.execute_batch(made).expect("made"));
    done
}

fn verified(root: &Path, expect: Option<&str>) -> JournalVerified {
    JournalVerified::of(root, &store(root), None, expect).expect("verified")
}

fn shown(verified: &JournalVerified) -> String {
    let row = |wrong: &case::Wrong| {
        let at = wrong.file.clone().or(wrong.seq.map(|seq| seq.to_string())).unwrap_or_default();
        format!("{}/{at}: {} <> {}\n", wrong.number.unwrap_or_default(), wrong.expected, wrong.found)
    };
    verified.wrong.iter().map(row).collect()
}

#[test]
fn what_nobody_touched_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let verified = verified(folder.path(), None);
    assert!(verified.whole, "{}", shown(&verified));
    assert_eq!((verified.cases, verified.entries, verified.files), (3, 14, 2));
}

#[test]
fn tampered_database() {
    let second = "uid = (SELECT uid FROM cases WHERE number = 2)";
    let first = "uid = (SELECT uid FROM cases WHERE number = 1)";
    for (name, sql, expected) in [
        ("text", format!("UPDATE entry SET deed = replace(deed, 'two', 'TWO') WHERE {second} AND seq = 3"), "2/3: the hash"),
        ("text, of the last entry", "UPDATE entry SET deed = replace(deed, 'done', 'none') WHERE n = 14".to_owned(), "3/4: the hash"),
        ("text that is none any more", format!("UPDATE entry SET deed = '{{' WHERE {second} AND seq = 3"), "a deed that this program knows"),
        ("hash", format!("UPDATE entry SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE {second} AND seq = 2"), "2/2: the hash x"),
        ("hash of the one before", format!("UPDATE entry SET previous = '00' WHERE {second} AND seq = 2"), "2/2: an entry behind"),
        ("hash over all cases", "UPDATE entry SET store_hash = 'ff' WHERE n = 7".to_owned(), "entry 7 of the store bound to"),
        ("time", format!("UPDATE entry SET at = '2026-08-20T11:00:00Z' WHERE {second} AND seq = 2"), "2/2: the hash"),
        ("time, spelled otherwise", format!("UPDATE entry SET at = replace(at, 'Z', '+00:00') WHERE {second} AND seq = 2"), "2/2: the hash"),
        ("time that is none", format!("UPDATE entry SET at = 'yesterday' WHERE {second} AND seq = 2"), "2/2: an instant"),
        ("author", format!("UPDATE entry SET who = 'eve' WHERE {second} AND seq = 2"), "2/2: the hash"),
        ("key", format!("UPDATE entry SET key = 'other' WHERE {second} AND seq = 2"), "2/2: the hash"),
        ("key taken away", format!("UPDATE entry SET key = NULL WHERE {second} AND seq = 2"), "2/2: the hash"),
        ("kind", format!("UPDATE entry SET kind = 'approved' WHERE {second} AND seq = 2"), "2/2: the kind `noted`"),
        (
            "order",
            format!("UPDATE entry SET seq = 99 WHERE {second} AND seq = 2; UPDATE entry SET seq = 2 WHERE {second} AND seq = 3; UPDATE entry SET seq = 3 WHERE {second} AND seq = 99"),
            "2/2: an entry behind",
        ),
        ("order over all cases", "UPDATE entry SET n = 99 WHERE n = 7; UPDATE entry SET n = 7 WHERE n = 8; UPDATE entry SET n = 8 WHERE n = 99".to_owned(), "entry 7 of the store bound to"),
        ("entry of another case", format!("UPDATE entry SET uid = (SELECT uid FROM cases WHERE number = 3), seq = 5 WHERE {second} AND seq = 4"), "3/5: the hash"),
        ("entry removed in the middle", format!("DELETE FROM entry WHERE {second} AND seq = 2"), "2/2: entry 2 <> entry 3"),
        ("entry removed at the end", "DELETE FROM entry WHERE n = 14".to_owned(), "entry 14 with the hash"),
        (
            "entry removed at the end, and the case set back",
            format!("DELETE FROM entry WHERE {second} AND seq = 4; UPDATE cases SET status = 'open' WHERE number = 2"),
            "behind entry",
        ),
        ("entry removed at the end, and the head set back", "DELETE FROM entry WHERE n = 14; UPDATE head SET n = 13, store_hash = (SELECT store_hash FROM entry WHERE n = 13)".to_owned(), "3/: case 3, which its journal adds up to"),
        ("head removed", "DELETE FROM head".to_owned(), "as the last of the store"),
        ("whole case removed", format!("DELETE FROM entry WHERE {second}; DELETE FROM mark WHERE {second}; DELETE FROM cases WHERE number = 2"), "behind entry"),
        ("last case removed", "DELETE FROM entry WHERE uid = (SELECT uid FROM cases WHERE number = 3); DELETE FROM mark WHERE uid = (SELECT uid FROM cases WHERE number = 3); DELETE FROM cases WHERE number = 3".to_owned(), "as the last of the store"),
        ("case row removed", "DELETE FROM cases WHERE number = 2".to_owned(), "a case that has this journal"),
        ("journal removed", format!("DELETE FROM entry WHERE {second}"), "2/: the journal of this case"),
        ("case row edited", "UPDATE cases SET body = replace(body, 'closed', 'open') WHERE number = 2".to_owned(), "2/: case 2, which its journal adds up to"),
        ("case row that is none", "UPDATE cases SET body = '?' WHERE number = 2".to_owned(), "case 2, which its journal adds up to"),
        ("what it is found by edited", "UPDATE cases SET client = 'fabrikam' WHERE number = 2".to_owned(), "2/: the case found by"),
        ("ticket", "UPDATE cases SET ticket = NULL WHERE number = 2".to_owned(), "2/: the case found by"),
        (
            "numbers swapped",
            "UPDATE cases SET number = 99, body = replace(body, '\"number\":2', '\"number\":3') WHERE number = 2; UPDATE cases SET number = 2, body = replace(body, '\"number\":3', '\"number\":2') WHERE number = 3; UPDATE cases SET number = 3 WHERE number = 99".to_owned(),
            "which its journal adds up to",
        ),
        ("mark edited", format!("UPDATE mark SET value = 'other@example.com' WHERE {second}"), "2/: the marks"),
        ("mark removed", format!("DELETE FROM mark WHERE {first}"), "1/: the marks"),
        ("mark added", "INSERT INTO mark VALUES ((SELECT uid FROM cases WHERE number = 2), 'address', 'eve@example.com')".to_owned(), "2/: the marks"),
        ("mark of no case", "INSERT INTO mark VALUES ('00', 'address', 'eve@example.com')".to_owned(), "the case of these marks"),
        ("guard added", "CREATE TRIGGER eve AFTER INSERT ON entry BEGIN UPDATE head SET n = 0; END".to_owned(), "nothing but what this program made of the table `entry`"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        filled(folder.path());
        edited(folder.path(), &sql);
        let verified = verified(folder.path(), None);
        assert!(!verified.whole, "{name}: not found");
        assert!(shown(&verified).contains(expected), "{name}: {}", shown(&verified));
    }
}

#[test]
fn guards_taken_away() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let database = Connection::open(folder.path().join("throughline.sqlite3")).expect("a database");
    let guarded = database.execute("UPDATE entry SET who = 'eve'", []).expect_err("guarded").to_string();
    assert!(guarded.contains("only added"), "{guarded}");
    database.execute_batch("DROP TRIGGER entry_is_not_altered").expect("dropped");
    assert!(shown(&verified(folder.path(), None)).contains("the part `entry_is_not_altered` of the database"));
}

#[test]
fn tampered_evidence() {
    type Tamper<'a> = &'a dyn Fn(&Path, &Path);
    let writable = |path: &Path| {
        fs::remove_file(path).expect("removed");
        path.to_owned()
    };
    for (name, tamper, expected) in [
        (
            "altered",
            &(|trace: &Path, _: &Path| fs::write(writable(trace), "a,b\n1,3\n").expect("written")) as Tamper<'_>,
            "1/001/trace.csv: a file of 8 bytes",
        ),
        ("cut", &|trace, _| fs::write(writable(trace), "a,b\n").expect("written"), "1/001/trace.csv"),
        ("removed", &|trace, _| fs::remove_file(trace).expect("removed"), "<> none"),
        (
            "added",
            &|_, evidence| fs::write(evidence.join("001/more.csv"), "x").expect("written"),
            "1/001/more.csv: no file that no entry names",
        ),
        (
            "folder added",
            &|_, evidence| {
                fs::create_dir(evidence.join("009")).expect("made");
                fs::write(evidence.join("009/x"), "x").expect("written");
            },
            "1/009/x: no file",
        ),
        (
            "moved",
            &|trace, evidence| fs::rename(trace, evidence.join("001/other.csv")).expect("moved"),
            "1/001/other.csv",
        ),
        ("all gone", &|_, evidence| fs::remove_dir_all(evidence).expect("removed"), "1/002/sub/Größe 1.log"),
        (
            "folder of no case",
            &|_, evidence| {
                let cases = evidence.parent().and_then(Path::parent).expect("a folder");
                fs::create_dir_all(cases.join("ffffffffffffffffffffffffffffffff/evidence/001")).expect("made");
            },
            "the journal of a case whose evidence is there",
        ),
        #[cfg(unix)]
        (
            "a link to the same bytes",
            &|trace, evidence| {
                fs::rename(trace, evidence.join("../elsewhere")).expect("moved");
                std::os::unix::fs::symlink("../../elsewhere", trace).expect("linked");
            },
            "<> a link at",
        ),
        #[cfg(unix)]
        (
            "a name with a backslash",
            &|_, evidence| fs::write(evidence.join("001\\trace.csv"), "x").expect("written"),
            "no file that no entry names",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let uids = filled(folder.path());
        let evidence = Folder::of(folder.path(), &uids[0]).evidence();
        tamper(&evidence.join("001/trace.csv"), &evidence);
        let verified = verified(folder.path(), None);
        assert!(shown(&verified).contains(expected), "{name}: {}", shown(&verified));
        let one = JournalVerified::of(folder.path(), &store(folder.path()), None, None).expect("verified");
        assert!(!one.whole, "{name}");
    }
}

#[test]
fn of_one_case_only() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    edited(folder.path(), "UPDATE cases SET client = 'eve' WHERE number = 2");
    let store = store(folder.path());
    for (number, expected) in [("#1", true), ("#2", false)] {
        let case = store.named(number).expect("found").remove(0);
        let verified = JournalVerified::of(folder.path(), &store, Some(&case), None).expect("verified");
        assert_eq!(verified.whole, expected, "{number}: {}", shown(&verified));
    }
}

/// The whole chain written anew, with hashes that fit: nothing in the store can tell, a hash noted elsewhere can.
#[test]
fn a_chain_that_was_written_anew_is_found_by_a_hash_noted_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let uids = filled(folder.path());
    let noted_of_all = store(folder.path()).head().expect("a head").hash;
    let noted_of_one = store(folder.path()).journal(&uids[1]).expect("a journal")[2].hash.clone();
    added(folder.path(), &mut store(folder.path()), &uids[2], "later.csv", "x");
    for (hash, since) in [(&noted_of_all, 1), (&noted_of_one, 5)] {
        let verified = verified(folder.path(), Some(&format!(" {} ", hash.to_uppercase())));
        assert!(verified.whole, "{}", shown(&verified));
        assert_eq!(verified.expected.and_then(|expected| expected.since), Some(since));
    }
    // The same deeds, made by another.
    let anew = tempfile::tempdir().expect("a folder");
    let mut other = store(anew.path());
    for uid in &uids {
        let journal = store(folder.path()).journal(uid).expect("a journal");
        let mut forged: Vec<case::Entry> = Vec::new();
        for entry in journal {
            let last = forged.last().map(|last| (last.seq, last.hash.clone()));
            let draft = Draft { at: entry.at, who: "eve".to_owned(), key: entry.key, deed: entry.deed };
            let last = last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
            forged.push(case::Entry::behind(uid, last, draft).expect("an entry"));
        }
        other.import(&forged, Vec::new()).expect("imported");
    }
    drop(other);
    let database = |root: &Path| root.join("throughline.sqlite3");
    fs::copy(database(anew.path()), database(folder.path())).expect("copied");
    assert!(verified(folder.path(), None).whole, "nothing in the store can tell");
    for hash in [&noted_of_all, &noted_of_one] {
        let verified = verified(folder.path(), Some(hash));
        assert!(shown(&verified).contains("which was noted elsewhere"), "{}", shown(&verified));
    }
}

#[test]
fn a_damaged_file_is_said_to_be_one() {
    let folder = tempfile::tempdir().expect("a folder");
    filled(folder.path());
    let path: PathBuf = folder.path().join("throughline.sqlite3");
    let mut bytes = fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0x5a);
    fs::write(&path, bytes).expect("written");
    let wrong = store(folder.path()).tampered().expect("an answer");
    assert!(!wrong.is_empty());
}

const COLUMNS: [&str; 9] = ["uid", "at", "who", "key", "kind", "deed", "previous", "hash", "store_hash"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any byte of any text, and any number, that is changed in the table of the entries is found.
    #[test]
    fn any_change_of_an_entry_is_found(n in 1_i64..=14, column in 0_usize..11, place in any::<prop::sample::Index>(), by in 1_u8..=255) {
        let folder = tempfile::tempdir().expect("a folder");
        filled(folder.path());
        let sql = match COLUMNS.get(column) {
            Some(column) => {
                let database = Connection::open(folder.path().join("throughline.sqlite3")).expect("a database");
                let read = format!("SELECT CAST({column} AS BLOB) FROM entry WHERE n = {n}");
                let text: Option<Vec<u8>> = database.query_row(&read, [], |row| row.get(0)).expect("read");
                let mut text = text.unwrap_or_default();
                if text.is_empty() {
                    text.push(by);
                } else {
                    let place = place.index(text.len());
                    text[place] ^= by;
                }
                let digits: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("UPDATE entry SET {column} = CAST(x'{digits}' AS TEXT) WHERE n = {n}")
            }
            None if column == 9 => format!("UPDATE entry SET seq = seq + {} WHERE n = {n}", i64::from(by) + 10),
            None => format!("UPDATE entry SET n = {} WHERE n = {n}", n + i64::from(by) + 14),
        };
        prop_assume!(try_edited(folder.path(), &sql).is_ok());
        let wrong = store(folder.path()).tampered().expect("an answer");
        prop_assert!(!wrong.is_empty(), "{sql}");
    }
}

#[test]
fn instants_in_the_future_of_the_clock_are_no_tampering() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = store(folder.path());
    let case = opened(&mut store, About::default(), Asked::default());
    let earlier = Draft { at: at("2020-01-01T00:00:00Z"), ..noted("the clock was set back", None) };
    let case = store.append(&case.uid, vec![earlier]).expect("appended");
    assert_eq!(case.changed_at, case.opened_at);
    assert_eq!(store.tampered().expect("read"), []);
}
