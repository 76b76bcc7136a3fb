//! Several processes on one store. A process is this test program again, told by the environment what to do.

use std::process::{Command, Stdio};

use case::{About, Asked, Store as _, Wanted};

use super::{noted, opened, store, tampering};

const WORKER: &str = "THROUGHLINE_TEST_WORKER";

/// What each worker does: `NAME COUNT UID ROOT`. Does nothing when it is run as a test.
#[test]
fn worker() {
    let Ok(told) = std::env::var(WORKER) else { return };
    let mut told = told.splitn(4, ' ');
    let mut next = || told.next().expect("told").to_owned();
    let (name, count, uid, root) = (next(), next().parse::<usize>().expect("a number"), next(), next());
    let root = std::path::Path::new(&root);
    let mut store = store(root);
    for number in 0..count {
        let key = format!("{name}-{number}");
        store.append(&uid, vec![noted(&key, Some(&key))]).expect("appended");
        // Once more, as somebody does who saw no answer.
        store.append(&uid, vec![noted(&key, Some(&key))]).expect("appended");
        if number % 20 == 0 {
            opened(&mut store, About { ticket: Some(key.clone()), ..About::default() }, Asked::default());
            tampering::added(root, &mut store, &uid, &format!("{key}.csv"), &key);
        }
    }
}

fn spawned(name: &str, count: usize, uid: &str, root: &std::path::Path) -> std::process::Child {
    let program = std::env::current_exe().expect("this program");
    let told = format!("{name} {count} {uid} {}", root.display());
    let mut command = Command::new(program);
    command.args(["--exact", "processes::worker"]).env(WORKER, told).stdout(Stdio::null());
    command.spawn().expect("started")
}

#[test]
fn two_processes_append_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let case = opened(&mut store(folder.path()), About::default(), Asked::default());
    let workers: Vec<_> = ["a", "b"].map(|name| spawned(name, 200, &case.uid, folder.path())).into();
    for mut worker in workers {
        assert!(worker.wait().expect("waited").success());
    }
    let store = store(folder.path());
    let journal = store.journal(&case.uid).expect("a journal");
    let mut noted: Vec<String> = journal.iter().filter_map(|entry| entry.key.clone()).collect();
    noted.sort();
    let mut expected: Vec<String> =
        ["a", "b"].iter().flat_map(|name| (0..200).map(move |number| format!("{name}-{number}"))).collect();
    expected.sort();
    assert_eq!(noted, expected);
    assert_eq!(store.list(&Wanted::default()).expect("listed").len(), 21);
    let verified = case::JournalVerified::of(folder.path(), &store, None, None).expect("verified");
    assert!(verified.whole, "{:#?}", verified.wrong);
    assert_eq!((verified.entries, verified.files), (1 + 400 + 20 + 20, 20));
}

#[test]
fn several_processes_make_the_store_at_once() {
    for _ in 0..8 {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        // None of them finds the case: they only make the store, or find it made.
        let makers: Vec<_> = (0..4).map(|_| spawned("x", 0, "00", root)).collect();
        for mut maker in makers {
            assert!(maker.wait().expect("waited").success());
        }
        assert_eq!(store(root).tampered().expect("read"), []);
    }
}
