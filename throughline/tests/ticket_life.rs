//! The lives of whole tickets in `cases/life/`: the real program, as a user types it, says at each step what the mail engineer who wrote
//! the ticket says (format: `cases/README.md`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// One ticket.
struct Life {
    name: String,
    /// Its files: path below the folder that it is worked on in, and bytes.
    files: Vec<(String, Vec<u8>)>,
    /// What is typed and expected: line of the ticket, and the line.
    lines: Vec<(usize, String)>,
}

/// What every life goes through; `cases/README.md` lists them.
const COMMANDS: [&str; 13] = [
    "case new",
    "case show",
    "case add",
    "case change",
    "notes",
    "escalate",
    "verify",
    "runbook new",
    "runbook check",
    "watch",
    "case close",
    "case verify-journal",
    "case import",
];

/// Commands that go by the machine's clock alone.
const WITHOUT_CLOCK: [&str; 1] = ["watch"];

#[test]
fn every_ticket_lives_as_its_page_says() {
    let lives = lives();
    assert!(lives.len() >= 5 || is_one_named(), "only {} tickets found", lives.len());
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let walks: Vec<_> = lives.iter().map(|life| scope.spawn(|| walk(life))).collect();
        walks.into_iter().flat_map(|walk| walk.join().expect("a walk that ends")).collect()
    });
    assert!(wrong.is_empty(), "{} statements do not hold:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_ticket_goes_all_the_way() {
    for life in lives() {
        let typed: Vec<&str> = life.lines.iter().filter_map(|(_, line)| line.strip_prefix("$ throughline ")).collect();
        for command in COMMANDS {
            assert!(typed.iter().any(|line| line.starts_with(command)), "{}.md: no `{command}`", life.name);
        }
    }
}

/// The tickets, by name; only one whose name holds `TICKETS`, while it is written.
fn lives() -> Vec<Life> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/life");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let mut lives: Vec<Life> = pages.iter().map(|page| read(page)).collect();
    if let Ok(only) = std::env::var("TICKETS") {
        lives.retain(|life| life.name.contains(&only));
    }
    lives
}

fn is_one_named() -> bool {
    std::env::var_os("TICKETS").is_some()
}

fn read(page: &Path) -> Life {
    let name = page.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut life = Life { name, files: Vec::new(), lines: Vec::new() };
    let mut lines = text.lines().zip(1..);
    while let Some((line, at)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let mut block: Vec<(usize, &str)> = Vec::new();
        let is_closed = lines.by_ref().any(|(line, at)| {
            let is_end = line == "```";
            if !is_end {
                block.push((at, line));
            }
            is_end
        });
        assert!(is_closed, "{}.md:{at}: the block is not closed", life.name);
        let words: Vec<&str> = info.split_whitespace().collect();
        match words.as_slice() {
            ["walk"] => life.lines.extend(block.iter().map(|(at, line)| (*at, line.trim().to_owned()))),
            [_, file, how @ ..] => {
                let end = if how.contains(&"crlf") { "\r\n" } else { "\n" };
                let text: String = block.iter().flat_map(|(_, line)| [*line, end]).collect();
                life.files.push(((*file).to_owned(), text.into_bytes()));
            }
            _ => panic!("{}.md:{at}: expected `walk`, or a kind and a file name, found `{info}`", life.name),
        }
    }
    let known = life.files.clone();
    for (_, bytes) in &mut life.files {
        *bytes = with_hashes(bytes, &known);
    }
    life
}

/// `{sha256:FILE}` in a file is the hash of that file.
fn with_hashes(bytes: &[u8], all: &[(String, Vec<u8>)]) -> Vec<u8> {
    use sha2::Digest as _;
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for (name, bytes) in all {
        let placeholder = format!("{{sha256:{name}}}");
        if text.contains(&placeholder) {
            let hash: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            text = text.replace(&placeholder, &hash);
        }
    }
    text.into_bytes()
}

/// What the last command said.
struct Said {
    command: String,
    exit: i32,
    stdout: String,
    stderr: String,
}

/// Goes through a ticket; gives what does not hold.
fn walk(life: &Life) -> Vec<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("life-{}", life.name));
    let _ = fs::remove_dir_all(&folder);
    for (name, bytes) in &life.files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        fs::write(&path, bytes).expect("a writable file");
    }
    let mut wrong = Vec::new();
    let (mut now, mut who) = (String::new(), "tier1".to_owned());
    let mut said: Option<Said> = None;
    let mut is_status_checked = true;
    for (at, line) in &life.lines {
        let place = format!("cases/life/{}.md:{at}", life.name);
        let mut tell = |found: String| wrong.push(format!("{place}: `{line}`\n    {found}"));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(typed) = line.strip_prefix("$ ") {
            if let Some(last) = said.as_ref().filter(|last| !is_status_checked && last.exit != 0) {
                tell(format!("the command before it, `{}`, ended with {}:\n{}", last.command, last.exit, both(last)));
            }
            is_status_checked = false;
            match run(typed, &folder, &now, &who) {
                Ok(done) => said = Some(done),
                Err(error) => tell(error),
            }
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "at" => rest.clone_into(&mut now),
            "as" => rest.clone_into(&mut who),
            "exit" => is_status_checked = true,
            _ => {}
        }
        if let Err(found) = check(word, rest, said.as_ref(), &folder) {
            tell(found);
        }
    }
    wrong
}

/// Holds one statement against what the last command said.
fn check(word: &str, rest: &str, said: Option<&Said>, folder: &Path) -> Result<(), String> {
    if matches!(word, "at" | "as") {
        return Ok(());
    }
    if word == "same" {
        let (one, other) = rest.split_once(' ').ok_or("expected two files")?;
        let read = |name: &str| fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"));
        let (one, other) = (read(one)?, read(other)?);
        return if one == other { Ok(()) } else { Err("the two files differ".to_owned()) };
    }
    let said = said.ok_or("no command was typed before it")?;
    let words = flat(&both(said));
    let has_any = || rest.split(" | ").any(|words_of_it| words.contains(&flat(words_of_it)));
    match word {
        "exit" if rest == said.exit.to_string() => Ok(()),
        "exit" => Err(format!("found exit status {}:\n{}", said.exit, both(said))),
        "says" if has_any() => Ok(()),
        "says" => Err(format!("found only:\n{}", both(said))),
        "never" => match rest.strip_prefix("says ").map(|rest| words.contains(&flat(rest))) {
            Some(false) => Ok(()),
            Some(true) => Err(format!("found it:\n{}", both(said))),
            None => Err("expected `never says`".to_owned()),
        },
        "json" => {
            let (pointer, wanted) = rest.split_once(" = ").ok_or("expected `json POINTER = VALUE`")?;
            let document: Value =
                serde_json::from_str(&said.stdout).map_err(|error| format!("no JSON: {error}:\n{}", both(said)))?;
            let found = document.pointer(pointer).unwrap_or(&Value::Null);
            let shown = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            if wanted.split('|').any(|wanted| wanted == shown) { Ok(()) } else { Err(format!("found {shown}")) }
        }
        _ => Err("no statement begins with this word: expected at, as, exit, says, never, json or same".to_owned()),
    }
}

fn both(said: &Said) -> String {
    format!("{}{}", said.stdout, said.stderr)
}

/// Words with one blank between them, so that it does not matter where a line was broken.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// Runs one line as a shell would: `throughline ...`, with `< FILE` and `> FILE`, or `cp FILE... FOLDER`.
fn run(typed: &str, folder: &Path, now: &str, who: &str) -> Result<Said, String> {
    let mut words = split(typed)?;
    let target = |words: &mut Vec<String>, sign: &str| -> Option<PathBuf> {
        let at = words.iter().position(|word| word == sign)?;
        let name = words.get(at + 1)?.clone();
        words.drain(at..at + 2);
        Some(folder.join(name))
    };
    let (output, input) = (target(&mut words, ">"), target(&mut words, "<"));
    let program = words.first().cloned().ok_or("nothing is typed")?;
    if program == "cp" {
        return copy(words.get(1..).unwrap_or_default(), folder, typed);
    }
    if program != "throughline" {
        return Err(format!("expected throughline or cp, found {program}"));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.args(words.get(1..).unwrap_or_default()).current_dir(folder);
    if !now.is_empty() && !WITHOUT_CLOCK.contains(&words.get(1).map_or("", String::as_str)) {
        command.args(["--now", now]);
    }
    command.env("THROUGHLINE_STORE", folder.join("store")).env("THROUGHLINE_USER", who);
    command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").stdin(match input {
        Some(file) => Stdio::from(fs::File::open(&file).map_err(|error| format!("{}: {error}", file.display()))?),
        None => Stdio::null(),
    });
    let done = command.output().map_err(|error| format!("the program does not start: {error}"))?;
    if let Some(file) = output {
        fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(|error| error.to_string())?;
        fs::write(&file, &done.stdout).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(Said {
        command: typed.to_owned(),
        exit: done.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
    })
}

fn copy(names: &[String], folder: &Path, typed: &str) -> Result<Said, String> {
    let (to, from) = names.split_last().ok_or("expected files and a folder")?;
    let to = folder.join(to);
    fs::create_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
    for name in from {
        let file = folder.join(name);
        let file_name = file.file_name().ok_or("expected a file")?;
        fs::copy(&file, to.join(file_name)).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(Said { command: typed.to_owned(), exit: 0, stdout: String::new(), stderr: String::new() })
}

/// The words of a line, quoted as in a shell.
fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut is_begun, mut quote) = (Vec::new(), String::new(), false, None::<char>);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => (quote, is_begun) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if std::mem::take(&mut is_begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, c) => {
                word.push(c);
                is_begun = true;
            }
        }
    }
    if is_begun {
        words.push(word);
    }
    if quote.is_some() { Err("a quote is not closed".to_owned()) } else { Ok(words) }
}

/// The runner itself: each statement holds where it should, and fails where it should.
#[test]
fn statements_can_fail() {
    let said = Said {
        command: "throughline".to_owned(),
        exit: 4,
        stdout: "{\"status\": \"open\",\n  \"due\": null, \"n\": 2}".to_owned(),
        stderr: String::new(),
    };
    for (word, rest, expected) in [
        ("exit", "4", true),
        ("exit", "0", false),
        ("says", "\"open\", \"due\"", true),
        ("says", "nothing like it | \"due\"", true),
        ("says", "nothing like it", false),
        ("never", "says closed", true),
        ("never", "says open", false),
        ("json", "/status = open|closed", true),
        ("json", "/due = null", true),
        ("json", "/n = 2", true),
        ("json", "/n = 3", false),
        ("same", "a b", false),
        ("sais", "open", false),
    ] {
        let found = check(word, rest, Some(&said), Path::new("no-such-folder"));
        assert_eq!(found.is_ok(), expected, "{word} {rest}: {found:?}");
    }
    let words: BTreeSet<String> = split("a 'b c' d\"e f\"").expect("words").into_iter().collect();
    assert_eq!(words, ["a", "b c", "de f"].map(str::to_owned).into());
}
