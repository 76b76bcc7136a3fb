//! A case that goes from one store to another, and archives that do not get in.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use case::{Archive, Deed, Draft, Entry, EvidenceFile, Folder, Imported, JournalVerified, Purpose, Store as _, Wanted};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::{noted, store, tampering};

fn imported() -> Draft {
    Draft { deed: Deed::Imported { sha256: "00".to_owned() }, ..noted("", None) }
}

fn exported(root: &Path, number: &str, to: &Path) {
    let store = store(root);
    let case = store.named(number).expect("found").remove(0);
    let journal = store.journal(&case.uid).expect("a journal");
    case::export(&Folder::of(root, &case.uid), &case, &journal, to).expect("exported");
}

fn import(root: &Path, archive: &Path) -> Imported {
    Archive::open(archive).expect("an archive").import(root, &mut store(root), imported()).expect("imported")
}

fn whole(root: &Path) {
    let verified = JournalVerified::of(root, &store(root), None, None).expect("verified");
    assert!(verified.whole, "{:#?}", verified.wrong);
}

#[test]
fn there_and_back() {
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let uids = tampering::filled(here.path());
    let archive = here.path().join("case.zip");
    exported(here.path(), "#1", &archive);
    let first = fs::read(&archive).expect("read");
    exported(here.path(), "#1", &archive);
    assert!(fs::read(&archive).expect("read") == first, "the same case gives the same bytes");

    super::opened(&mut store(there.path()), Default::default(), Default::default());
    let Imported::New(case) = import(there.path(), &archive) else { panic!("not new") };
    assert_eq!((case.number, case.uid.as_str(), case.entries), (2, uids[0].as_str(), 7));
    let evidence = |root: &Path| Folder::of(root, &uids[0]).evidence();
    for name in ["001/trace.csv", "002/sub/Größe 1.log"] {
        let [from, to] = [here.path(), there.path()].map(|root| fs::read(evidence(root).join(name)).expect("read"));
        assert!(from == to, "{name}");
    }
    assert!(matches!(import(there.path(), &archive), Imported::Known(known) if known == case), "twice does nothing");
    whole(there.path());

    // Worked on there, and back again: the rest is put behind what is here.
    tampering::added(there.path(), &mut store(there.path()), &uids[0], "later.csv", "later");
    let back = there.path().join("back.zip");
    exported(there.path(), "#2", &back);
    let Imported::Continued(case) = import(here.path(), &back) else { panic!("not continued") };
    assert_eq!((case.number, case.entries), (1, 9));
    assert!(evidence(here.path()).join("003/later.csv").exists());
    assert!(matches!(import(here.path(), &archive), Imported::Known(_)), "an older archive is nothing new");
    whole(here.path());

    // Worked on in both: refused, and nothing is changed.
    store(there.path()).append(&uids[0], vec![noted("there", None)]).expect("appended");
    exported(there.path(), "#2", &back);
    let error = Archive::open(&back).expect("an archive").import(here.path(), &mut store(here.path()), imported());
    let error = error.expect_err("another journal").to_string();
    assert!(error.contains("another one from entry 9 on"), "{error}");
    whole(here.path());
}

#[test]
fn what_is_in_the_way_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    tampering::filled(folder.path());
    let target = folder.path().join("out.zip");
    for (name, number, make, expected) in
        [("another file", "#1", "text", "another file"), ("another case", "#2", "archive", "an archive of case")]
    {
        match make {
            "text" => fs::write(&target, "mine").expect("written"),
            _ => {
                fs::remove_file(&target).expect("removed");
                exported(folder.path(), "#1", &target);
            }
        }
        let before = fs::read(&target).expect("read");
        let store = store(folder.path());
        let case = store.named(number).expect("found").remove(0);
        let journal = store.journal(&case.uid).expect("a journal");
        let error = case::export(&Folder::of(folder.path(), &case.uid), &case, &journal, &target).expect_err(name);
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(fs::read(&target).expect("read") == before, "{name}");
    }
}

#[test]
fn evidence_that_was_altered_is_not_given_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let uids = tampering::filled(folder.path());
    let evidence = Folder::of(folder.path(), &uids[0]).evidence().join("001/trace.csv");
    fs::remove_file(&evidence).expect("removed");
    fs::write(&evidence, "a,b\n1,3\n").expect("written");
    let store = store(folder.path());
    let case = store.named("#1").expect("found").remove(0);
    let journal = store.journal(&case.uid).expect("a journal");
    let target = folder.path().join("out.zip");
    let error = case::export(&Folder::of(folder.path(), &case.uid), &case, &journal, &target).expect_err("altered");
    assert!(error.to_string().contains("the evidence that was added"), "{error}");
    let names = fs::read_dir(folder.path()).expect("listed").flatten().map(|entry| entry.file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("out.zip")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A journal whose hashes fit, of a case that names these files: what somebody could make who knows the form.
fn forged(uid: &str, batch: &str, files: &[(&str, &[u8], u64)]) -> Vec<(String, Vec<u8>)> {
    let mut journal: Vec<Entry> = Vec::new();
    let named = |(name, bytes, claimed): &(&str, &[u8], u64)| {
        use sha2::Digest as _;
        let sha256 = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        EvidenceFile { name: (*name).to_owned(), sha256, bytes: *claimed }
    };
    let files_named = files.iter().map(named).collect();
    for deed in [
        Deed::Opened { about: Default::default(), asked: Default::default() },
        Deed::EvidenceAdded { batch: batch.to_owned(), purpose: Purpose::Ticket, files: files_named },
    ] {
        let last = journal.last().map(|last| (last.seq, last.hash.clone()));
        let last = last.as_ref().map(|(seq, hash)| (*seq, hash.as_str()));
        journal.push(Entry::behind(uid, last, Draft { deed, ..noted("", None) }).expect("an entry"));
    }
    let mut lines = String::new();
    for entry in &journal {
        let line = serde_json::json!({
            "uid": entry.uid, "seq": entry.seq, "at": entry.at, "who": entry.who, "deed": entry.written,
            "previous": entry.previous, "hash": entry.hash,
        });
        lines.push_str(&format!("{line}\n"));
    }
    let head = &journal[1].hash;
    let manifest = serde_json::json!({
        "schema": "throughline.case_archive.v1", "uid": uid, "entries": 2, "head": head, "files": files.len(), "bytes": 0,
    });
    let case = serde_json::json!({ "uid": uid, "head": head });
    let mut members = vec![
        ("throughline.json".to_owned(), manifest.to_string().into_bytes()),
        ("journal.jsonl".to_owned(), lines.into_bytes()),
        ("case.json".to_owned(), case.to_string().into_bytes()),
    ];
    members.extend(files.iter().map(|(name, bytes, _)| (format!("evidence/{name}"), bytes.to_vec())));
    members
}

const UID: &str = "0123456789abcdef0123456789abcdef";

fn members(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(File::open(archive).expect("opened")).expect("a zip");
    (0..zip.len())
        .map(|at| {
            let mut member = zip.by_index(at).expect("a member");
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).expect("read");
            (member.name().expect("a name").into_owned(), bytes)
        })
        .collect()
}

fn packed(members: &[(String, Vec<u8>)], to: &Path) {
    let mut zip = ZipWriter::new(File::create(to).expect("made"));
    for (name, bytes) in members {
        if name == "link" {
            zip.add_symlink("evidence/001/a.csv", "/etc/passwd", SimpleFileOptions::default()).expect("added");
            continue;
        }
        if name.ends_with('/') {
            zip.add_directory(name.as_str(), SimpleFileOptions::default()).expect("added");
            continue;
        }
        zip.start_file(name.as_str(), SimpleFileOptions::default()).expect("started");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("finished");
}

/// An archive that must be refused with these words, and of which nothing may be written.
fn refused(name: &str, archive: &Path, expected: &str) {
    let root = tempfile::tempdir().expect("a folder");
    let target = root.path().join("in/store");
    case::private_folder(&target).expect("made");
    let opened = Archive::open(archive);
    let error = match opened {
        Err(error) => error.to_string(),
        Ok(archive) => match archive.import(&target, &mut store(&target), imported()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{name}: taken over"),
        },
    };
    assert!(error.contains(expected), "{name}: {error}");
    assert_eq!(store(&target).list(&Wanted::default()).expect("listed").len(), 0, "{name}");
    let mut written: Vec<PathBuf> =
        fs::read_dir(&target).expect("listed").flatten().map(|entry| entry.path()).collect();
    written.retain(|path| !path.to_string_lossy().contains("throughline.sqlite3"));
    assert_eq!(written, Vec::<PathBuf>::new(), "{name}: something was written");
    assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 1, "{name}: something was written elsewhere");
}

#[test]
fn refused_archives() {
    let folder = tempfile::tempdir().expect("a folder");
    tampering::filled(folder.path());
    let good = folder.path().join("good.zip");
    exported(folder.path(), "#1", &good);
    let good = members(&good);
    type Change<'a> = &'a dyn Fn(&mut Vec<(String, Vec<u8>)>);
    let text = |members: &mut Vec<(String, Vec<u8>)>, member: &str, from: &str, to: &str| {
        let bytes = &mut members.iter_mut().find(|(name, _)| name == member).expect("a member").1;
        let changed = String::from_utf8(bytes.clone()).expect("text").replacen(from, to, 1);
        assert!(changed.as_bytes() != bytes.as_slice(), "{from} is not there");
        *bytes = changed.into_bytes();
    };
    for (name, change, expected) in [
        (
            "surplus file",
            &(|all: &mut Vec<(String, Vec<u8>)>| all.push(("evidence/001/x.csv".to_owned(), vec![1]))) as Change<'_>,
            "nothing but what the journal names",
        ),
        ("surplus file above", &|all| all.push(("../x.csv".to_owned(), vec![1])), "nothing but what the journal names"),
        (
            "surplus folder",
            &|all| all.push(("evidence/009/".to_owned(), Vec::new())),
            "nothing but what the journal names",
        ),
        ("missing file", &|all| drop(all.pop()), "each file that the journal names"),
        ("missing journal", &|all| all.retain(|(name, _)| name != "journal.jsonl"), "found"),
        ("missing case", &|all| all.retain(|(name, _)| name != "case.json"), "case.json of a case"),
        ("missing manifest", &|all| all.retain(|(name, _)| name != "throughline.json"), "with throughline.json in it"),
        (
            "another form",
            &|all| text(all, "throughline.json", "case_archive.v1", "case_archive.v2"),
            "the form `throughline.case_archive.v2`",
        ),
        ("altered file", &|all| text(all, "evidence/001/trace.csv", "1,2", "1,3"), "evidence/001/trace.csv of 8 bytes"),
        ("longer file", &|all| text(all, "evidence/001/trace.csv", "1,2", "1,2,3"), "a longer one"),
        ("altered entry", &|all| text(all, "journal.jsonl", "two", "TWO"), "the hash"),
        ("altered author", &|all| text(all, "journal.jsonl", "ben", "eve"), "the hash"),
        (
            "unknown deed",
            &|all| text(all, "journal.jsonl", "\\\"noted\\\"", "\\\"sung\\\""),
            "an entry that this program knows",
        ),
        (
            "more in an entry",
            &|all| text(all, "journal.jsonl", "{\"uid\"", "{\"more\":1,\"uid\""),
            "an entry that this program knows",
        ),
        (
            "entry removed at the end",
            &|all| {
                let journal = &mut all[1].1;
                let end = journal[..journal.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("a line");
                journal.truncate(end + 1);
            },
            "as throughline.json says",
        ),
        (
            "another case in case.json",
            &|all| text(all, "case.json", "\"uid\": \"", "\"uid\": \"f"),
            "the case of this journal in case.json",
        ),
        ("no entries", &|all| all[1].1.clear(), "begins with the opening"),
    ] {
        let archive = folder.path().join("bad.zip");
        let mut changed = good.clone();
        change(&mut changed);
        packed(&changed, &archive);
        refused(name, &archive, expected);
    }
}

#[test]
fn refused_forgeries() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("forged.zip");
    let small: &[u8] = b"x";
    let zeros = vec![0_u8; 3 << 20];
    for (name, members, expected) in [
        ("above", forged(UID, "001", &[("001/../../../../x", small, 1)]), "a file of its own below 001/"),
        ("absolute", forged(UID, "001", &[("/tmp/x", small, 1)]), "a file of its own below 001/"),
        ("backslash", forged(UID, "001", &[("001/..\\..\\x", small, 1)]), "a file of its own below 001/"),
        ("empty part", forged(UID, "001", &[("001//x", small, 1)]), "a file of its own below 001/"),
        ("another batch", forged(UID, "001", &[("002/x", small, 1)]), "a file of its own below 001/"),
        ("twice", forged(UID, "001", &[("001/x", small, 1), ("001/X", small, 1)]), "a file of its own below 001/"),
        (
            "file and folder",
            forged(UID, "001", &[("001/x", small, 1), ("001/x/y", small, 1)]),
            "a file or a folder of one name",
        ),
        ("batch that leads elsewhere", forged(UID, "../001", &[]), "a number of its own"),
        ("name of the case that leads elsewhere", forged("../../../x", "001", &[]), "32 hexadecimal digits"),
        ("more than claimed", forged(UID, "001", &[("001/x", &zeros, 10)]), "a longer one"),
        ("bomb", forged(UID, "001", &[("001/x", &zeros, 1 << 40)]), "a zip bomb?"),
        (
            "sum of claims too large to add",
            forged(UID, "001", &[("001/x", small, u64::MAX), ("001/y", small, u64::MAX)]),
            "a zip bomb?",
        ),
    ] {
        packed(&members, &archive);
        refused(name, &archive, expected);
    }
    let mut linked = forged(UID, "001", &[("001/a.csv", b"/etc/passwd", 11)]);
    linked.pop();
    linked.push(("link".to_owned(), Vec::new()));
    packed(&linked, &archive);
    refused("link", &archive, "a plain file");

    // Two members of one name: what is checked must be what is unpacked.
    let twice = forged(UID, "001", &[("001/a.csv", small, 1)]);
    let mut doubled = twice.clone();
    doubled.push(("evidence/001/b.csv".to_owned(), b"y".to_vec()));
    packed(&doubled, &archive);
    let bytes = fs::read(&archive).expect("read");
    let from = b"evidence/001/b.csv";
    let mut renamed = bytes.clone();
    for at in (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)) {
        renamed[at..at + from.len()].copy_from_slice(b"evidence/001/a.csv");
    }
    fs::write(&archive, renamed).expect("written");
    refused("one name twice", &archive, "one member of each name");

    packed(&twice, &archive);
    let whole = fs::read(&archive).expect("read");
    for (name, bytes, expected) in [
        ("cut", &whole[..whole.len() / 2], "an archive that `throughline case export` wrote"),
        ("empty", &[][..], "an archive that `throughline case export` wrote"),
        ("text", &b"hello"[..], "an archive that `throughline case export` wrote"),
    ] {
        fs::write(&archive, bytes).expect("written");
        refused(name, &archive, expected);
    }
    refused("nothing there", &folder.path().join("none.zip"), "an archive that `throughline case export` wrote");
    refused("a folder", folder.path(), "something else than a file");

    // And one that is well made, to show that the rest of the forgery is not what is refused.
    packed(&twice, &archive);
    let target = tempfile::tempdir().expect("a folder");
    assert!(matches!(import(target.path(), &archive), Imported::New(_)));
    self::whole(target.path());
}

/// What packs too well to be told from a trap is not packed.
#[test]
fn evidence_of_nothing_but_zeros_comes_back() {
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut kept = store(here.path());
    let case = super::opened(&mut kept, Default::default(), Default::default());
    tampering::added(here.path(), &mut kept, &case.uid, "zeros.log", &"\0".repeat(80 << 20));
    let archive = here.path().join("case.zip");
    exported(here.path(), "#1", &archive);
    assert!(matches!(import(there.path(), &archive), Imported::New(_)));
    whole(there.path());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    /// Whatever is altered in an archive, it is refused or it is the same case, and nothing panics.
    #[test]
    fn any_byte_of_an_archive(place in proptest::prelude::any::<proptest::sample::Index>(), by in 1_u8..=255) {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("case.zip");
        packed(&forged(UID, "001", &[("001/a.csv", b"a,b\n1,2\n", 8), ("001/b/c.log", b"line\nline\n", 10)]), &archive);
        let before: Vec<Entry> = Archive::open(&archive).expect("an archive").journal().to_vec();
        let mut bytes = fs::read(&archive).expect("read");
        let place = place.index(bytes.len());
        bytes[place] ^= by;
        fs::write(&archive, bytes).expect("written");
        if let Ok(archive) = Archive::open(&archive) {
            proptest::prop_assert_eq!(archive.journal(), &before[..]);
        }
    }
}
