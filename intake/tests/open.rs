//! What is opened, under which name, and what is refused with which words.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use intake::{Evidence, Limits, open};
use zip::write::{SimpleFileOptions, ZipWriter};

fn names(evidence: &Evidence) -> Vec<&str> {
    evidence.files.iter().map(|file| &*file.name).collect()
}

fn refusals(evidence: &Evidence) -> Vec<(&str, &str)> {
    evidence.refused.iter().map(|refusal| (refusal.file.as_str(), refusal.found.as_str())).collect()
}

fn one(path: impl Into<PathBuf>) -> Evidence {
    open(&[path.into()], Limits::default())
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).expect("a member");
        writer.write_all(bytes).expect("its bytes");
    }
    writer.finish().expect("an archive").into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("its bytes");
    writer.finish().expect("a gzip file")
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn ok_folder_sorted_and_relative() {
    let root = tempfile::tempdir().expect("a folder");
    for name in ["b.csv", "a/z.log", "a/b.log", "empty"] {
        put(root.path(), name, if name == "empty" { b"" } else { b"x" });
    }
    let found = one(root.path());
    assert_eq!(names(&found), ["a/b.log", "a/z.log", "b.csv", "empty"]);
    assert_eq!(found.files[3].bytes.len(), 0);
    assert_eq!(found.files[2].sha256(), "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    let both = open(&[root.path().join("a"), root.path().join("b.csv")], Limits::default());
    assert_eq!(names(&both), ["a/b.log", "a/z.log", "b.csv"]);
    assert_eq!(names(&one(root.path().join("a/z.log"))), ["z.log"]);
    let apart = open(&[root.path().join("a/z.log"), root.path().join("b.csv")], Limits::default());
    assert_eq!(names(&apart), ["a/z.log", "b.csv"]);
}

#[test]
fn ok_archives() {
    let root = tempfile::tempdir().expect("a folder");
    let members: &[(&str, &[u8])] = &[
        ("z.csv", b"z"),
        ("../../etc/up.csv", b"u"),
        ("/abs.csv", b"a"),
        ("win\\dir.csv", b"w"),
        ("old.log.gz", &gzipped(b"line")),
        ("sheet.xlsx", &zipped(&[("[Content_Types].xml", b"<x/>")])),
    ];
    // The name does not tell: the content does.
    put(root.path(), "export.dat", &zipped(members));
    put(root.path(), "mail.log.1.gz", &gzipped(b"rotated"));
    let found = one(root.path());
    assert_eq!(refusals(&found), []);
    assert_eq!(
        names(&found),
        [
            "export.dat/../../etc/up.csv",
            "export.dat/abs.csv",
            "export.dat/old.log.gz",
            "export.dat/sheet.xlsx",
            "export.dat/win/dir.csv",
            "export.dat/z.csv",
            "mail.log.1.gz"
        ]
    );
    assert_eq!(&*found.files[2].bytes, b"line");
    assert_eq!(&*found.files[6].bytes, b"rotated");
}

#[test]
fn ok_same_file_twice_has_two_names() {
    let root = tempfile::tempdir().expect("a folder");
    let path = put(root.path(), "a.csv", b"x");
    let found = open(&[path.clone(), path], Limits::default());
    assert_eq!(names(&found), ["a.csv", "a.csv (2)"]);
}

#[test]
fn refused_archives() {
    let bomb = zipped(&[("zeros.log", &vec![0; 8 << 20])]);
    let nested = zipped(&[("inner.zip", &zipped(&[("a.csv", b"a")])), ("b.csv", b"b")]);
    let good = zipped(&[("a.csv", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]);
    let mut encrypted = good.clone();
    // General purpose flag bit 0, in the local header and in the directory.
    encrypted[6] |= 1;
    let directory = encrypted.windows(4).position(|at| at == b"PK\x01\x02").expect("a directory");
    encrypted[directory + 8] |= 1;
    for (name, bytes, expected) in [
        ("bomb.zip", bomb, "a zip bomb?"),
        ("bomb.gz", gzipped(&vec![0; 8 << 20]), "a zip bomb?"),
        ("nested.zip", nested, "an archive within an archive"),
        ("nested.gz", gzipped(&gzipped(b"x")), "an archive within an archive"),
        ("cut.zip", good[..good.len() - 30].to_vec(), ""),
        ("cut.gz", gzipped(b"some text that is long enough")[..20].to_vec(), ""),
        ("locked.zip", encrypted, "encrypted"),
    ] {
        let root = tempfile::tempdir().expect("a folder");
        put(root.path(), name, &bytes);
        let found = one(root.path());
        assert_eq!(found.refused.len(), 1, "{name}: {found:?}");
        assert!(found.refused[0].found.contains(expected), "{name}: {}", found.refused[0]);
        assert!(!found.refused[0].hint.is_empty());
        assert_eq!(names(&found), if name == "nested.zip" { vec!["nested.zip/b.csv"] } else { vec![] }, "{name}");
    }
}

#[test]
fn refused_budget_and_counts() {
    let root = tempfile::tempdir().expect("a folder");
    for name in ["1.csv", "2.csv", "3.csv"] {
        put(root.path(), name, b"x");
    }
    put(root.path(), "d/d/d/deep.csv", b"x");
    let limits = Limits { files: 2, depth: 2, ..Limits::default() };
    let found = open(&[root.path().to_owned()], limits);
    assert_eq!(names(&found), ["1.csv", "2.csv"]);
    assert_eq!(refusals(&found), [("d/d/d", "folders more than 2 deep"), ("3.csv", "more than 2 files")]);

    let root = tempfile::tempdir().expect("a folder");
    put(root.path(), "a.zip", &zipped(&[("1", b"12345"), ("2", b"12345"), ("3", b"12")]));
    let found = open(&[root.path().to_owned()], Limits { unpacked_bytes: 8, ..Limits::default() });
    assert_eq!(names(&found), ["a.zip/1", "a.zip/3"]);
    assert_eq!(refusals(&found), [("a.zip/2", "more than 8 bytes unpacked")]);
}

#[test]
fn ok_more_than_is_held_in_memory() {
    let root = tempfile::tempdir().expect("a folder");
    let block: String = (0..4096).map(|at| format!("{at:015}\n")).collect();
    let times = intake::HELD_MAX_BYTES as usize / block.len() + 1;
    let long = block.repeat(times).into_bytes();
    put(root.path(), "a.zip", &zipped(&[("1.log", &long), ("2.log", b"short"), ("3.log", b"")]));
    put(root.path(), "b.log.gz", &gzipped(&long));
    let found = one(root.path());
    assert_eq!(refusals(&found), []);
    assert_eq!(names(&found), ["a.zip/1.log", "a.zip/2.log", "a.zip/3.log", "b.log.gz"]);
    let contents: Vec<&[u8]> = found.files.iter().map(|file| &*file.bytes).collect();
    assert!(contents == [&*long, b"short", b"", &*long]);
}

#[test]
fn refused_missing() {
    assert_eq!(refusals(&one("no/such/file")), [("no/such/file", "no such file or folder")]);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn refused_loop() {
        let root = tempfile::tempdir().expect("a folder");
        put(root.path(), "a/b/file.csv", b"x");
        symlink(root.path(), root.path().join("a/b/up")).expect("a link");
        symlink(root.path().join("nothing"), root.path().join("broken")).expect("a link");
        let found = one(root.path());
        assert_eq!(names(&found), ["a/b/file.csv"]);
        assert_eq!(
            refusals(&found),
            [("a/b/up", "a link to a folder that is read already"), ("broken", "no such file or folder")]
        );
    }

    #[test]
    fn refused_pipe_and_device() {
        let root = tempfile::tempdir().expect("a folder");
        let pipe = root.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            assert_eq!(refusals(&one(root.path())), [("pipe", "a pipe, socket or device")]);
        }
        assert_eq!(refusals(&one("/dev/null")), [("null", "a pipe, socket or device")]);
    }

    #[test]
    fn refused_unreadable() {
        let root = tempfile::tempdir().expect("a folder");
        let path = put(root.path(), "secret.csv", b"x");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("set");
        if fs::read(&path).is_ok() {
            eprintln!("SKIPPED: this user may read everything");
            return;
        }
        assert_eq!(refusals(&one(root.path())), [("secret.csv", "a file that this user may not read")]);
    }
}
