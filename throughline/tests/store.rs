//! The store under kills, a full disk, and a disk that cannot be written: nothing that was acknowledged is lost, nothing is there twice.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use case::{Deed, JournalVerified, Sqlite, Store as _, Wanted};

const PROGRAM: &str = env!("CARGO_BIN_EXE_throughline");

/// What changes a disk. A kill comes before the call is made: so between each two of these calls, and before the first.
const WRITES: &[&str] = &[
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "copy_file_range",
    "sendfile",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "fchmod",
    "fchmodat",
];

/// A command on a store; `before` are the commands that made what is there before it.
struct Disturbed {
    name: &'static str,
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
}

const FIRST: &[&str] = &["case", "new", "--key", "first", "--ticket", "INC-1", "--client", "contoso", "in/first"];
const MORE: &[&str] = &["case", "add", "INC-1", "in/more"];

/// Runs the program in a folder, with a clock and a name that do not change.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    with(&mut command, folder, arguments);
    command
}

fn with(command: &mut Command, folder: &Path, arguments: &[&str]) {
    command.args(arguments).args(["--format", "json", "--now", "2026-11-20T08:00:00Z"]);
    command.env("THROUGHLINE_STORE", folder.join("store")).env("THROUGHLINE_USER", "ana").current_dir(folder);
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().expect("the program runs")
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {} {said}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// A folder with evidence in it and the store as it is before the command.
fn prepared(before: &[&[&str]]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    for (from, to) in [
        ("message.eml", "in/first"),
        ("message-trace.csv", "in/first/exports"),
        ("release-log.json", "in/more"),
        ("ndr.eml", "in/more"),
    ] {
        let to = folder.path().join(to);
        fs::create_dir_all(&to).expect("made");
        fs::copy(demo.join(from), to.join(from)).expect("copied");
    }
    for command in before {
        done(folder.path(), command);
    }
    folder
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("an entry").path();
        let below = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copied(&path, &below);
        } else {
            fs::copy(&path, &below).expect("copied");
        }
    }
}

fn store(folder: &Path) -> Sqlite {
    Sqlite::open(&folder.join("store/throughline.sqlite3")).expect("the store opens")
}

/// What a store holds, without what a second run of the same has otherwise: names everywhere and hashes.
fn held(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let store = store(folder);
    let cases = store.list(&Wanted::default()).expect("listed");
    let of = |case: &case::Case| {
        let root = case::Folder::of(&folder.join("store"), &case.uid);
        assert!(!root.root().join("staging").exists(), "nothing stands ready any more");
        let told = |entry: case::Entry| match entry.deed {
            Deed::EvidenceAdded { batch, files, .. } => format!("{batch} {files:?}"),
            deed => format!("{} {:?}", deed.word(), entry.key),
        };
        let journal = store.journal(&case.uid).expect("a journal");
        (format!("{} {:?}", case.number, case.about.ticket), journal.into_iter().map(told).collect())
    };
    cases.iter().map(of).collect()
}

fn whole(folder: &Path, when: &str) {
    let store = store(folder);
    let verified = JournalVerified::of(&folder.join("store"), &store, None, None).expect("verified");
    assert!(verified.whole, "{when}: {:#?}", verified.wrong);
}

/// The hash that a command gave as that of its last entry, if it came so far.
fn acknowledged(output: &Output) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let heads = [&document["case"]["head"], &document["head"]];
    heads.into_iter().find_map(|head| head.as_str().map(str::to_owned))
}

fn can_kill() -> bool {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=write:signal=SIGKILL:when=1", PROGRAM, "--version"]);
    let can = probe.output().is_ok_and(|output| output.status.signal() == Some(9));
    if !can {
        eprintln!("skipped: strace is not there, or may not trace");
    }
    can
}

/// Runs the command and kills it before each call that writes, one after the other, until it survives; gives how many kills it took.
fn check(disturbed: &Disturbed) -> usize {
    let base = prepared(disturbed.before);
    let head = |folder: &Path| store(folder).head().expect("a head").hash;
    let had = base.path().join("store").exists().then(|| head(base.path()));
    let undisturbed = tempfile::tempdir().expect("a folder");
    copied(base.path(), undisturbed.path());
    done(undisturbed.path(), disturbed.command);
    let expected = held(undisturbed.path());
    let mut kills = 0;
    for call in WRITES {
        for nth in 1.. {
            let folder = tempfile::tempdir().expect("a folder");
            copied(base.path(), folder.path());
            let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject, PROGRAM]);
            with(&mut command, folder.path(), disturbed.command);
            let output = command.output().expect("strace runs");
            if output.status.success() {
                break;
            }
            kills += 1;
            let when = format!("{}: killed before {call} {nth}", disturbed.name);
            assert_eq!(output.status.signal(), Some(9), "{when}: {}", String::from_utf8_lossy(&output.stderr));
            if folder.path().join("store").exists() {
                whole(folder.path(), &when);
                let kept =
                    |hash: &String| hash.is_empty() || store(folder.path()).hashed(hash).expect("read").is_some();
                assert!(had.as_ref().is_none_or(kept), "{when}: what was there before is lost");
                assert!(acknowledged(&output).as_ref().is_none_or(kept), "{when}: what was acknowledged is lost");
            }
            done(folder.path(), disturbed.command);
            whole(folder.path(), &format!("{when}, and run again"));
            assert_eq!(held(folder.path()), expected, "{when}, and run again");
            let strays = fs::read_dir(folder.path()).expect("listed").flatten().map(|entry| entry.path());
            let archives: Vec<PathBuf> =
                strays.filter(|path| path.extension().is_some_and(|end| end == "zip")).collect();
            for archive in archives {
                assert!(case::Archive::open(&archive).is_ok(), "{when}: half an archive");
            }
        }
    }
    eprintln!("{}: {kills} kills", disturbed.name);
    kills
}

fn survives(disturbed: &Disturbed, at_least: usize) {
    if can_kill() {
        let kills = check(disturbed);
        assert!(kills >= at_least, "{}: only {kills} places to kill at", disturbed.name);
    }
}

#[test]
fn a_kill_while_the_first_case_is_opened() {
    survives(&Disturbed { name: "first case", before: &[], command: FIRST }, 60);
}

#[test]
fn a_kill_while_another_case_is_opened() {
    let command = &["case", "new", "--key", "other", "--ticket", "INC-2", "in/more", "in/first"];
    survives(&Disturbed { name: "another case", before: &[FIRST], command }, 60);
}

#[test]
fn a_kill_while_evidence_is_added() {
    survives(&Disturbed { name: "evidence", before: &[FIRST], command: MORE }, 40);
}

#[test]
fn a_kill_while_something_is_noted() {
    let command = &["case", "note", "INC-1", "asked the sender", "--key", "note-1"];
    survives(&Disturbed { name: "note", before: &[FIRST], command }, 10);
}

#[test]
fn a_kill_while_a_case_is_exported() {
    let command = &["case", "export", "INC-1", "--to", "case.zip"];
    survives(&Disturbed { name: "export", before: &[FIRST, MORE], command }, 5);
}

#[test]
fn a_kill_while_a_case_is_imported() {
    let before: &[&[&str]] = &[
        &["case", "new", "--key", "first", "--ticket", "INC-1", "--store", "elsewhere", "in/first"],
        &["case", "add", "INC-1", "in/more", "--store", "elsewhere"],
        &["case", "export", "INC-1", "--to", "case.zip", "--store", "elsewhere"],
        &["case", "new", "--ticket", "INC-9"],
    ];
    survives(&Disturbed { name: "import", before, command: &["case", "import", "case.zip"] }, 60);
}

/// A small disk of its own, as long as this lives.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn of(kibibytes: u32) -> Option<Disk> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "tmpfs"]).arg(folder.path());
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Disk { folder });
        }
        eprintln!("skipped: nothing can be mounted here");
        None
    }

    fn remounted(&self, how: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(self.folder.path());
        assert!(mount.status().expect("mount runs").success());
    }

    /// Leaves no room on it.
    fn filled(&self) -> PathBuf {
        use std::io::Write as _;
        let filler = self.folder.path().join("filler");
        let mut file = fs::File::create(&filler).expect("made");
        while file.write_all(&[0; 512]).is_ok() {}
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

fn refused(folder: &Path, arguments: &[&str], expected: &[&str]) {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?} went through");
    assert!(output.status.code().is_some_and(|code| code != 101), "{arguments:?}: {} {said}", output.status);
    assert!(expected.iter().any(|expected| said.contains(expected)), "{arguments:?}: {said}");
}

const NO_ROOM: &[&str] = &["No space left", "disk is full"];

#[test]
fn a_full_disk() {
    let Some(disk) = Disk::of(1024) else { return };
    let folder = disk.folder.path();
    let base = prepared(&[]);
    copied(base.path(), folder);
    done(folder, FIRST);
    let before = held(folder);

    // More than there is room for: nothing of it stays, and what is there is untouched.
    let large = base.path().join("large.log");
    fs::write(&large, vec![b'x'; 4 << 20]).expect("written");
    refused(folder, &["case", "add", "INC-1", large.to_str().expect("text")], NO_ROOM);
    whole(folder, "after evidence that had no room");
    assert_eq!(held(folder), before);

    // No room at all.
    let filler = disk.filled();
    refused(folder, MORE, NO_ROOM);
    refused(folder, &["case", "note", "INC-1", "no room for this", "--key", "n"], NO_ROOM);
    refused(folder, &["case", "export", "INC-1", "--to", "case.zip"], NO_ROOM);
    assert!(!folder.join("case.zip").exists(), "half an archive");
    let journal = run(folder, &["case", "journal", "INC-1"]);
    assert!(journal.status.success(), "can be read: {}", String::from_utf8_lossy(&journal.stderr));

    // And room again.
    fs::remove_file(filler).expect("removed");
    whole(folder, "after there was no room");
    assert_eq!(held(folder), before);
    done(folder, MORE);
    done(folder, &["case", "note", "INC-1", "there is room", "--key", "n"]);
    whole(folder, "with room again");
}

#[test]
fn a_disk_that_cannot_be_written() {
    let Some(disk) = Disk::of(4096) else { return };
    let folder = disk.folder.path();
    let base = prepared(&[]);
    copied(base.path(), folder);
    done(folder, FIRST);
    disk.remounted("ro");
    for command in [MORE, &["case", "journal", "INC-1"], &["case", "verify-journal"]] {
        refused(folder, command, &["Read-only file system"]);
    }
    disk.remounted("rw");
    done(folder, MORE);
    whole(folder, "writable again");
}
