//! throughline at a prompt: follows one message and shows which layer changed its fate, with the records.

mod authenticate;
mod case;
mod causes;
mod cli;
mod codes;
mod compare;
mod escalate;
mod exception;
mod excerpt;
mod failure;
mod follow;
mod headers;
mod list;
mod notes;
mod output;
mod own;
mod progress;
mod reconcile;
mod resolve;
mod runbook;
mod sample;
mod serve;
mod several;
mod supply;
mod survey;
mod symptoms;
mod times;
mod unattended;
mod verify;

use std::process::ExitCode;
use std::sync::Mutex;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// Where and why the last panic was.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A panic that a parser's guard catches is a problem of one row; only what comes up to here is told.
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("a panic");
        let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
        if let Ok(mut last) = PANIC.lock() {
            *last = Some(format!("{what}{place}"));
        }
    }));
    let done = std::panic::catch_unwind(|| run(&cli.command)).unwrap_or_else(|_| {
        let what = PANIC.lock().ok().and_then(|mut last| last.take());
        Err(Failure::Internal(what.unwrap_or_else(|| "a panic".to_owned())))
    });
    done.map_or_else(
        |failure| {
            eprintln!("throughline: {failure}");
            ExitCode::from(failure.status())
        },
        ExitCode::from,
    )
}

fn run(command: &Command) -> Result<u8, Failure> {
    match command {
        Command::Follow(options) => return follow::run(options),
        Command::Compare(options) => return compare::run(options),
        Command::Codes(options) => return codes::run(options),
        Command::Symptoms(options) => return symptoms::run(options),
        Command::Reconcile(options) => return reconcile::run(options),
        Command::Exception { command } => return exception::run(command),
        Command::AuditExceptions(options) => return exception::audit(options),
        Command::Case { command } => return case::run(command),
        Command::Notes(options) => return notes::run(options),
        Command::Escalate(options) => return escalate::run(options),
        Command::Verify(options) => return verify::run(options),
        Command::Runbook { command } => return runbook::run(command),
        Command::Watch(options) => return unattended::run(options),
        Command::Serve(options) => return serve::run(options),
        Command::Headers(options) => headers::run(options)?,
        Command::Auth(options) => authenticate::run(options)?,
        Command::Causes(options) => causes::run(options)?,
        Command::Sources { kind } => output::print(&list::run(kind.as_deref())?)?,
        Command::Completions { shell } => output::print(&completions(*shell))?,
        Command::Man { command } => output::print(&man(command.as_deref())?)?,
    }
    Ok(0)
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "throughline", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn man(name: Option<&str>) -> Result<String, Failure> {
    let mut command = Cli::command();
    command.build();
    if let Some(name) = name {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| Failure::Usage {
            what: "man".to_owned(),
            expected: "a command".to_owned(),
            found: format!("`{}`", name.escape_debug()),
            hint: "`throughline help` lists the commands".to_owned(),
        })?;
    }
    let mut out = Vec::new();
    clap_mangen::Man::new(command).render(&mut out).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
