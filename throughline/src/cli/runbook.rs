//! `runbook`: what a client's tickets taught.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::case::{Named, Store};
use super::{Clocks, Output};

/// Commands of `runbook`.
#[derive(Debug, Subcommand)]
pub enum Runbook {
    /// Draft a runbook from a ticket, try its signal on the ticket's evidence, and keep it
    #[command(after_help = NEW_EXAMPLES)]
    New(NewRunbook),
    /// Keep an edited file as the next version, if its signal passes the same test
    #[command(after_help = WRITE_EXAMPLES)]
    Write(WriteRunbook),
    /// List the runbooks
    #[command(after_help = LIST_EXAMPLES)]
    List(ListRunbooks),
    /// Show one, or an earlier version of it
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowRunbook),
    /// Say whether it is there again: runs the signal on evidence
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckRunbook),
    /// Try a signal again on the evidence of the ticket that taught it
    #[command(after_help = TEST_EXAMPLES)]
    Test(TestRunbook),
}

const NEW_EXAMPLES: &str = "Examples:
  throughline runbook new 42 --owner 'mail team'
      Cause, signal, validation and rollback are drafted from the ticket.
  throughline runbook new INC-4711 --signal 'copies.filter(c, c.sender_domain == \"supplier.example\" && \"held\" in c.states)'
      The signal has to fire on the ticket's evidence, and to be quiet on what came after the change (case add --verification).
Exit status: 0 written, 1 written as a draft (nothing was verified yet), 4 refused: the signal did not pass.
docs/runbook.md says what a signal can ask for.";

const WRITE_EXAMPLES: &str = "Examples:
  throughline runbook write edited.md
      The file is one that `runbook show` names, changed in an editor; the version before is kept beside it.
Exit status: as `runbook new`.";

const LIST_EXAMPLES: &str = "Examples:
  throughline runbook list
  throughline runbook list --client contoso --format json";

const SHOW_EXAMPLES: &str = "Examples:
  throughline runbook show contoso/released-rejected
  throughline runbook show contoso/released-rejected --version 1";

const CHECK_EXAMPLES: &str = "Examples:
  throughline runbook check contoso/released-rejected trace.csv quarantine.csv
  throughline runbook check contoso/ exports/
      All runbooks of the client.
  throughline runbook check edited.md exports/
      A file that is not kept yet.
Exit status: 0 quiet, 5 it is there again, 6 cannot tell: the answer names the exports to fetch.";

const TEST_EXAMPLES: &str = "Examples:
  throughline runbook test contoso/released-rejected
Exit status: 0 passed, 4 it does not fire on the ticket's evidence or fires on what was verified, 6 cannot tell.";

/// Options of `runbook new`.
#[derive(Debug, Args)]
pub struct NewRunbook {
    #[command(flatten)]
    pub named: Named,
    /// Its name among the client's: lower-case letters, digits and dashes; default is the cause's name
    #[arg(long, value_name = "NAME")]
    pub slug: Option<String>,
    /// What it is about, in one line
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// The cause or symptom, where the ticket's evidence does not show the one that is meant
    #[arg(long, value_name = "ID")]
    pub cause: Option<String>,
    /// When it is there again: an expression in CEL
    #[arg(long, value_name = "EXPR")]
    pub signal: Option<String>,
    /// What shows that the mend holds
    #[arg(long, value_name = "TEXT")]
    pub validation: Option<String>,
    /// When to take the mend back
    #[arg(long, value_name = "TEXT")]
    pub rollback: Option<String>,
    /// Who looks after it
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `runbook write`.
#[derive(Debug, Args)]
pub struct WriteRunbook {
    /// The edited file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `runbook list`.
#[derive(Debug, Args)]
pub struct ListRunbooks {
    /// Only this client's
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `runbook show`.
#[derive(Debug, Args)]
pub struct ShowRunbook {
    /// Which, CLIENT/NAME
    #[arg(value_name = "CLIENT/NAME")]
    pub name: String,
    /// Which version; default is the newest
    #[arg(long, value_name = "NUMBER")]
    pub version: Option<u64>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `runbook check`.
#[derive(Debug, Args)]
pub struct CheckRunbook {
    /// Which: CLIENT/NAME, CLIENT/ for all of a client, or a file
    #[arg(value_name = "RUNBOOK")]
    pub name: String,
    /// Evidence: folders, archives, files; - is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `runbook test`.
#[derive(Debug, Args)]
pub struct TestRunbook {
    /// Which, CLIENT/NAME
    #[arg(value_name = "CLIENT/NAME")]
    pub name: String,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}
