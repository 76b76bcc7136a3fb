//! `runbook`: what a client's tickets taught, and whether it is there again.

mod bench;
mod draft;
mod tested;

use std::path::Path;

use ::case::Deed;
use ::case::runbook::{
    self, CHECK_SCHEMA, Checked, Kept, LISTED_SCHEMA, Listed, ListedRunbook, Ran, Runbook, RunbookStatus, Shelf,
    ShelfError, Signalled, Tested, WRITTEN_SCHEMA, Written,
};
use checks::signal::{Signal, SignalError};

use crate::case::desk::{self, Desk, Worked};
use crate::cli::runbook::{CheckRunbook, ListRunbooks, NewRunbook, ShowRunbook, TestRunbook, WriteRunbook};
use crate::cli::{self, Clocks, Output};
use crate::failure::Failure;
use crate::supply::Supply;
use crate::{excerpt, output};
use bench::{Bench, with_bench};
use tested::with_sides;

/// Runs the command; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(command: &cli::runbook::Runbook) -> Result<u8, Failure> {
    match command {
        cli::runbook::Runbook::New(options) => new(options),
        cli::runbook::Runbook::Write(options) => write(options),
        cli::runbook::Runbook::List(options) => list(options),
        cli::runbook::Runbook::Show(options) => show(options),
        cli::runbook::Runbook::Check(options) => check(options),
        cli::runbook::Runbook::Test(options) => test(options),
    }
}

/// Runs all runbooks of a client that stand below the folder of the store on evidence, by name. One whose file cannot be read
/// answers that it cannot tell, and why.
///
/// # Errors
/// [`Failure`] if none of the evidence can be read, or if the user stopped it.
pub fn run_all(store: &Path, client: &str, supply: &Supply, clocks: &Clocks) -> Result<Vec<Ran>, Failure> {
    Ok(of_client(store, client, supply, clocks)?.0)
}

/// What the runbooks of a client said, and what was read for it.
fn of_client(store: &Path, client: &str, supply: &Supply, clocks: &Clocks) -> Result<Answered, Failure> {
    let kept = Shelf::of(store).of_client(client)?;
    if kept.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    with_bench(supply, clocks, &[], |bench| {
        let mut all = Vec::new();
        for one in &kept {
            all.push(of_kept(client, one, bench)?);
        }
        excerpt::add(bench.inputs(), |visit| all.iter_mut().for_each(|ran: &mut Ran| ran.each_cite(visit)));
        Ok((all, bench.evidence()))
    })
}

fn of_kept(client: &str, kept: &Kept, bench: &mut Bench<'_>) -> Result<Ran, Failure> {
    match &kept.runbook {
        Ok(runbook) => ran(runbook, bench),
        Err(error) => Ok(Ran {
            runbook: format!("{client}/{}", kept.slug),
            version: 0,
            title: String::new(),
            root_cause: String::new(),
            signal: String::new(),
            owner: String::new(),
            answer: Signalled::CannotTell,
            statement: format!("Cannot tell: {error}."),
            events: Vec::new(),
            undecided: 0,
            ask_for: Vec::new(),
        }),
    }
}

fn ran(runbook: &Runbook, bench: &mut Bench<'_>) -> Result<Ran, Failure> {
    let said = match Signal::read(&runbook.signal) {
        Ok(signal) => bench.ask(&signal, &runbook.needs)?,
        Err(error) => bench::Said::cannot_tell(format!("Cannot tell: the signal cannot be read: {error}."), Vec::new()),
    };
    Ok(Ran {
        runbook: name_of(runbook),
        version: runbook.version,
        title: runbook.title.clone(),
        root_cause: runbook.root_cause.clone(),
        signal: runbook.signal.clone(),
        owner: runbook.owner.clone(),
        answer: said.answer,
        statement: said.statement,
        events: said.events,
        undecided: said.undecided as u64,
        ask_for: said.ask_for,
    })
}

fn name_of(runbook: &Runbook) -> String {
    format!("{}/{}", runbook.client, runbook.slug)
}

fn new(options: &NewRunbook) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.named(&options.named)?;
    let shelf = Shelf::of(&desk.root);
    let subject = draft::subject(options, &desk, &worked)?;
    let mut drafted = subject.draft(options, &desk, &worked);
    if !runbook::is_slug(&drafted.slug) {
        return Err(Failure::Usage {
            what: "--slug".to_owned(),
            expected: "lower-case letters, digits and single dashes, 80 at most".to_owned(),
            found: format!("`{}`", drafted.slug.escape_debug()),
            hint: format!("Try --slug {}", runbook::slug_of(&drafted.slug)),
        });
    }
    if let Some(before) = shelf.one(&drafted.client, &drafted.slug, None)? {
        if before.case.uid != drafted.case.uid {
            return Err(taken(&before));
        }
        drafted.version = before.version + 1;
    }
    let texts = options.signal.clone().map_or_else(|| subject.signals(), |signal| vec![signal]);
    let mut signals = Vec::new();
    for text in texts {
        signals.push(Signal::read(&text).map_err(|error| no_signal("--signal", &error))?);
    }
    let clocks = tested::clocks_of(&desk, &worked, &options.output);
    let (tried, test, needs) = first_that_passes(&worked, &clocks, &signals)?;
    drafted.signal.clone_from(&test.signal);
    drafted.needs = needs;
    finish(&mut desk, &mut worked, &shelf, drafted, tried, test, &options.output)
}

/// Tries signals one after the other; gives those that did not pass, the first that did (or the last), and the kinds of export that it
/// reads. One that is only missing verified evidence is taken before the next is tried.
fn first_that_passes(
    worked: &Worked,
    clocks: &Clocks,
    signals: &[Signal],
) -> Result<(Vec<Tested>, Tested, Vec<String>), Failure> {
    with_sides(worked, clocks, |sides| {
        let mut tried = Vec::new();
        for signal in signals {
            let needs = sides.needs(signal)?;
            let test = sides.test(signal, &needs)?;
            if test.accepted {
                return Ok((tried, test, needs));
            }
            tried.push(test);
        }
        let last = tried.pop().ok_or_else(|| Failure::Usage {
            what: "--signal".to_owned(),
            expected: "a signal".to_owned(),
            found: "none that can be proposed from what the ticket shows".to_owned(),
            hint: "Give one with --signal; docs/runbook.md says what it can ask for".to_owned(),
        })?;
        Ok((tried, last, Vec::new()))
    })
}

/// Keeps a runbook whose signal passed, tells what came of it, and gives the exit status.
fn finish(
    desk: &mut Desk,
    worked: &mut Worked,
    shelf: &Shelf,
    mut runbook: Runbook,
    tried: Vec<Tested>,
    test: Tested,
    output: &Output,
) -> Result<u8, Failure> {
    runbook.status = if test.passed { RunbookStatus::Tested } else { RunbookStatus::Draft };
    runbook.verified_by = if test.passed { tested::verified_by(worked) } else { String::new() };
    let status = match (test.accepted, test.passed) {
        (false, _) => 4,
        (true, false) => 1,
        (true, true) => 0,
    };
    let mut written = Written { schema: WRITTEN_SCHEMA.to_owned(), runbook, file: None, sha256: None, tried, test };
    let before = shelf.one(&written.runbook.client, &written.runbook.slug, None)?;
    if let Some(before) = before.filter(|before| written.test.accepted && says_the_same(before, &written.runbook)) {
        written.file = Some(shelf.file(&before).display().to_string());
        written.runbook = before;
    } else if written.test.accepted {
        // What people wrote by hand has to be readable before it is kept.
        Runbook::read(&written.runbook.write()).map_err(|error| Failure::Usage {
            what: "runbook".to_owned(),
            expected: error.expected,
            found: error.found,
            hint: "Give it another value".to_owned(),
        })?;
        let (name, version) = (name_of(&written.runbook), written.runbook.version);
        let mut sha256 = String::new();
        let file = shelf.keep::<Failure>(&written.runbook, |hash| {
            hash.clone_into(&mut sha256);
            let draft = desk.draft(Deed::RunbookWritten { runbook: name, version, sha256: hash.to_owned() });
            desk.append(worked, vec![draft])
        })?;
        (written.file, written.sha256) = (Some(file.display().to_string()), Some(sha256));
    }
    output::print(&output::page(&written, &written.sheet(), output)?)?;
    Ok(status)
}

/// Whether a version would be the one before over again.
fn says_the_same(before: &Runbook, now: &Runbook) -> bool {
    let version = before.version;
    let (written_at, written_by) = (before.written_at, before.written_by.clone());
    *before == Runbook { version, written_at, written_by, ..now.clone() }
}

fn write(options: &WriteRunbook) -> Result<u8, Failure> {
    let edited = runbook::read(&options.file)?;
    let signal = Signal::read(&edited.signal).map_err(|error| no_signal("signal", &error))?;
    known_kinds(&edited)?;
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let mut worked = desk.case(&edited.case.uid)?;
    if runbook::client_name(&worked.case.about.client).to_lowercase() != edited.client.to_lowercase() {
        return Err(Failure::Usage {
            what: options.file.display().to_string(),
            expected: format!("a runbook of the client of its case, `{}`", worked.case.about.client.escape_debug()),
            found: format!("one of `{}`", edited.client.escape_debug()),
            hint: "A ticket teaches its own client's runbooks only".to_owned(),
        });
    }
    let shelf = Shelf::of(&desk.root);
    let newest = shelf.one(&edited.client, &edited.slug, None)?.map_or(0, |before| before.version);
    if edited.version != newest && edited.version != newest + 1 {
        return Err(Failure::Usage {
            what: options.file.display().to_string(),
            expected: format!("a text made from version {newest}, the newest"),
            found: format!("version {}", edited.version),
            hint: format!(
                "`throughline runbook show {}` shows the newest; take over what you changed",
                name_of(&edited)
            ),
        });
    }
    let clocks = tested::clocks_of(&desk, &worked, &options.output);
    let test = with_sides(&worked, &clocks, |sides| sides.test(&signal, &edited.needs))?;
    let written = Runbook { version: newest + 1, written_by: desk.who.clone(), written_at: desk.now(), ..edited };
    finish(&mut desk, &mut worked, &shelf, written, Vec::new(), test, &options.output)
}

fn list(options: &ListRunbooks) -> Result<u8, Failure> {
    let document = listed(&Shelf::of(&desk::there(&options.store)?), options.client.as_deref())?;
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(0)
}

/// The runbooks of a client, or of all.
///
/// # Errors
/// [`Failure`] if they cannot be read.
pub fn listed(shelf: &Shelf, client: Option<&str>) -> Result<Listed, Failure> {
    let kept = match client {
        Some(client) => shelf.of_client(client)?,
        None => shelf.all()?,
    };
    let listed = |one: Kept| {
        let folder = one.file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let (name, runbook, error) = match one.runbook {
            Ok(runbook) => (name_of(&runbook), Some(Runbook { text: String::new(), ..runbook }), None),
            Err(error) => (format!("{folder}/{}", one.slug), None, Some(error.to_string())),
        };
        ListedRunbook { name, file: one.file.display().to_string(), runbook, error }
    };
    Ok(Listed { schema: LISTED_SCHEMA.to_owned(), runbooks: kept.into_iter().map(listed).collect() })
}

fn show(options: &ShowRunbook) -> Result<u8, Failure> {
    let shelf = Shelf::of(&desk::there(&options.store)?);
    let runbook = named(&shelf, &options.name, options.version)?;
    let file = shelf.file(&runbook);
    output::print(&output::page(&runbook, &runbook.sheet(&file.display().to_string()), &options.output)?)?;
    Ok(0)
}

fn check(options: &CheckRunbook) -> Result<u8, Failure> {
    let supply = Supply::open(&options.paths);
    let file = Path::new(&options.name);
    let (runbooks, evidence) = if file.is_file() {
        let runbook = runbook::read(file)?;
        Signal::read(&runbook.signal).map_err(|error| no_signal("signal", &error))?;
        of_one(&runbook, &supply, &options.clocks)?
    } else {
        let root = desk::there(&options.store)?;
        match options.name.strip_suffix('/') {
            Some(client) => some(client, of_client(&root, client, &supply, &options.clocks)?)?,
            None => of_one(&named(&Shelf::of(&root), &options.name, None)?, &supply, &options.clocks)?,
        }
    };
    let answer = runbooks.iter().map(|ran| ran.answer).max().unwrap_or(Signalled::CannotTell);
    let document = Checked { schema: CHECK_SCHEMA.to_owned(), answer, runbooks, evidence };
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(answer.exit())
}

type Answered = (Vec<Ran>, Vec<report::EvidenceFile>);

fn of_one(runbook: &Runbook, supply: &Supply, clocks: &Clocks) -> Result<Answered, Failure> {
    with_bench(supply, clocks, &[], |bench| {
        let mut one = ran(runbook, bench)?;
        excerpt::add(bench.inputs(), |visit| one.each_cite(visit));
        Ok((vec![one], bench.evidence()))
    })
}

/// The answer of a client that has runbooks.
fn some(client: &str, answered: Answered) -> Result<Answered, Failure> {
    match answered.0.is_empty() {
        false => Ok(answered),
        true => Err(Failure::Usage {
            what: "RUNBOOK".to_owned(),
            expected: "a client with runbooks".to_owned(),
            found: format!("`{}`, which has none", client.escape_debug()),
            hint: "`throughline runbook list` lists them".to_owned(),
        }),
    }
}

fn test(options: &TestRunbook) -> Result<u8, Failure> {
    let desk = Desk::open(&options.store, &options.clocks)?;
    let runbook = named(&Shelf::of(&desk.root), &options.name, None)?;
    let signal = Signal::read(&runbook.signal).map_err(|error| no_signal("signal", &error))?;
    let worked = desk.case(&runbook.case.uid)?;
    let clocks = tested::clocks_of(&desk, &worked, &options.output);
    let test = with_sides(&worked, &clocks, |sides| sides.test(&signal, &runbook.needs))?;
    output::print(&output::page(&test, &test.sheet(), &options.output)?)?;
    Ok(match (test.passed, test.ticket.answer, test.verified.answer) {
        (true, ..) => 0,
        (false, Signalled::CannotTell, Signalled::Quiet | Signalled::CannotTell) => 6,
        (false, Signalled::Fires, Signalled::CannotTell) => 6,
        _ => 4,
    })
}

/// The runbook that CLIENT/NAME means.
fn named(shelf: &Shelf, name: &str, version: Option<u64>) -> Result<Runbook, Failure> {
    let (client, slug) = name.rsplit_once('/').unwrap_or(("", name));
    shelf.one(client, slug, version)?.ok_or_else(|| Failure::Usage {
        what: "CLIENT/NAME".to_owned(),
        expected: "a runbook that is kept".to_owned(),
        found: match version {
            Some(version) => format!("`{}` in version {version}", name.escape_debug()),
            None => format!("`{}`", name.escape_debug()),
        },
        hint: "`throughline runbook list` lists them".to_owned(),
    })
}

fn known_kinds(runbook: &Runbook) -> Result<(), Failure> {
    match runbook.needs.iter().find(|need| sources::source(need).is_none()) {
        None => Ok(()),
        Some(unknown) => Err(Failure::Usage {
            what: "needs".to_owned(),
            expected: "kinds of export".to_owned(),
            found: format!("`{}`", unknown.escape_debug()),
            hint: "`throughline sources` lists them".to_owned(),
        }),
    }
}

fn no_signal(what: &str, error: &SignalError) -> Failure {
    Failure::Usage {
        what: what.to_owned(),
        expected: "a signal in CEL".to_owned(),
        found: report::visible(&error.to_string()),
        hint: "docs/runbook.md says what a signal can ask for".to_owned(),
    }
}

fn taken(before: &Runbook) -> Failure {
    Failure::Usage {
        what: "--slug".to_owned(),
        expected: "a name that no other ticket's runbook has".to_owned(),
        found: format!("`{}`, taught by case {}", name_of(before), before.case.number),
        hint: "Give another name, or edit that one and keep it with `throughline runbook write`".to_owned(),
    }
}

impl From<ShelfError> for Failure {
    fn from(error: ShelfError) -> Failure {
        let usage = |what: String, expected: String, found: String, hint: &str| Failure::Usage {
            what: report::visible(&what),
            expected: report::visible(&expected),
            found: report::visible(&found),
            hint: hint.to_owned(),
        };
        match error {
            ShelfError::Text { file, error } => {
                let what = format!("{file}, line {}", error.line);
                usage(what, error.expected, error.found, "docs/runbook.md shows a whole one")
            }
            ShelfError::File { file, doing, found } => {
                usage(file, format!("to {doing}"), found, "Is it there, and yours to read and write?")
            }
            ShelfError::Misplaced { file, expected, found } => usage(
                file,
                format!("a runbook of {expected}"),
                format!("one of {found}"),
                "Put it where it belongs, or keep it with `throughline runbook write`",
            ),
        }
    }
}
