//! The picture in the README is the beginning of what the program prints.

use std::fs;
use std::path::Path;
use std::process::Command;

/// How many lines of the answer the README shows.
const SHOWN_LINES: usize = 40;

const START: &str = "<!-- demo:";
const FENCE: &str = "```text\n";

/// With `UPDATE_README=1` in the environment the picture is drawn anew.
#[test]
fn readme_shows_what_the_demo_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO_BIN_EXE_throughline"))
        .current_dir(&root)
        .args(["follow", "demo", "--now", "2026-11-20T08:00:00Z"])
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!printed.trim().is_empty(), "follow demo prints nothing");
    assert!(!printed.contains('\u{1b}'), "no colours where nobody looks");
    for line in printed.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }

    let file = root.join("README.md");
    let readme = fs::read_to_string(&file).expect("README.md");
    let mark = readme.find(START).expect("the mark before the picture");
    let from = mark + readme[mark..].find(FENCE).expect("the picture's fence") + FENCE.len();
    let to = from + readme[from..].find("```").expect("the end of the picture");
    let picture = picture_of(&printed);
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&file, format!("{}{picture}{}", &readme[..from], &readme[to..])).expect("a writable README.md");
        return;
    }
    assert!(
        readme[from..to] == picture,
        "the picture in README.md is old; draw it anew with UPDATE_README=1. It should be:\n{picture}"
    );
}

fn picture_of(printed: &str) -> String {
    let mut lines: Vec<&str> = printed.lines().map(str::trim_end).take(SHOWN_LINES).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let mut picture = lines.join("\n");
    if printed.lines().count() > SHOWN_LINES {
        picture.push_str("\n...");
    }
    picture.push('\n');
    picture
}
