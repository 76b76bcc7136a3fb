//! Faults of a real mail path (`lab/README.md`) are named right, from the logs and files that the daemons wrote.
//!
//! Runs as root on Debian with the packages that `.ci/setup` installs; elsewhere it says so and does nothing.
//! `THROUGHLINE_LAB_READY=FOLDER` reads the evidence that an earlier run left there, and starts nothing.

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::statements::check;
use support::{Case, Evidence, broken_promises, cases_in, follow};

/// The lab ends by itself before this.
const AT_MOST: Duration = Duration::from_secs(260);

#[test]
fn every_fault_is_named_right() {
    let made = tempfile::tempdir().expect("a folder");
    let folder = match std::env::var_os("THROUGHLINE_LAB_READY") {
        Some(ready) => PathBuf::from(ready),
        None => match missing() {
            Some(missing) => {
                // Not `eprintln!`, which a passing test swallows.
                let _ = writeln!(std::io::stderr(), "\nSKIPPED: the lab cannot run here: {missing}\n");
                return;
            }
            None => {
                make_faults(made.path());
                made.path().to_owned()
            }
        },
    };
    let faults = cases_in("../lab/faults");
    assert!(faults.len() >= 10, "only {} faults found", faults.len());
    let wrong: Vec<String> = faults.into_iter().flat_map(|fault| check_fault(fault, &folder)).collect();
    assert!(wrong.is_empty(), "{} statements do not hold:\n\n{}\n", wrong.len(), wrong.join("\n"));
}

/// What the lab lacks here; `None` if it can run.
fn missing() -> Option<String> {
    match Command::new("python3").arg(lab()).arg("check").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Some(String::from_utf8_lossy(&said).trim().replace('\n', "; "))
        }
        Err(error) => Some(format!("python3: {error}")),
    }
}

fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/lab.py")
}

/// Starts the path, makes all faults, and leaves the evidence of each in a folder of its name.
fn make_faults(folder: &Path) {
    let said = folder.join("said");
    let out = fs::File::create(&said).expect("a file");
    let mut command = Command::new("python3");
    command.arg(lab()).arg("run").arg(folder).stdin(Stdio::null());
    command.stdout(out.try_clone().expect("a second handle")).stderr(out);
    let ended_well = within(AT_MOST, command.spawn().expect("python3 starts"));
    let said = fs::read_to_string(&said).unwrap_or_default();
    assert!(ended_well, "the lab did not end well:\n{said}");
}

/// Whether a process ends by itself with success; after `limit` it is ended, and the namespaces die with it.
fn within(limit: Duration, mut process: Child) -> bool {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(status) = process.try_wait().expect("a process to wait for") {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = process.kill();
    let _ = process.wait();
    false
}

/// What does not hold of one fault, one sentence each.
fn check_fault(mut fault: Case, folder: &Path) -> Vec<String> {
    fault.now = fs::read_to_string(folder.join("ended")).expect("the instant at which the lab ended");
    let folder = folder.join(&fault.name);
    let sent = fs::read_to_string(folder.join("sent")).unwrap_or_default();
    for (_, value) in &mut fault.options {
        *value = value.replace("{sent}", sent.lines().next().unwrap_or(""));
    }
    fault.options.push(("--tz".to_owned(), "UTC".to_owned()));
    let evidence = evidence(&folder);
    let run = match follow(&fault, "lab", &evidence, &[]) {
        Ok(run) => run,
        Err(error) => return vec![format!("{}: {error}", fault.name)],
    };
    let mut wrong: Vec<String> = broken_promises(&run, &evidence)
        .into_iter()
        .map(|broken| format!("{}: contract: {broken}", fault.name))
        .collect();
    let mut taken = Vec::new();
    for (at, statement) in fault.sections.iter().flat_map(|section| &section.statements) {
        if let Some(right) = statement.strip_prefix("known:") {
            if check(right.trim(), &run, &mut Vec::new()).is_ok() {
                wrong.push(format!("lab/faults/{}.md:{at}: holds now, so take `known:` away", fault.name));
            }
        } else if let Err(found) = check(statement, &run, &mut taken) {
            wrong.push(format!("lab/faults/{}.md:{at}: expected `{statement}`\n    found {found}", fault.name));
        }
    }
    wrong
}

/// The files that the lab left for a fault.
fn evidence(folder: &Path) -> Vec<Evidence> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let entry = entry.expect("a readable folder");
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "sent" {
            let text = fs::read_to_string(entry.path()).expect("a text file");
            let kind = if name.ends_with(".log") { "log" } else { "eml" };
            found.push(Evidence { name, kind: kind.to_owned(), text, crlf: false, utf16: false });
        }
    }
    found
}
