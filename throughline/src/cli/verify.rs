//! `verify`: whether a change held.

use std::path::PathBuf;

use clap::Args;

use super::case::{Named, Store};
use super::{Clocks, Output};

/// Examples of `verify`.
pub const EXAMPLES: &str = "Examples:
  throughline verify 42
      Judge the change of case 42 by the evidence that the case has.
  throughline verify 42 after/trace.csv after/audit_log.csv
      Add what was exported after the change, then judge.
  throughline verify INC-4711 after/ --due 2026-12-01 --format json
      Look again on that day, whatever the answer.
Four checks: the workflow works for the user, the log is clean at that moment, it survived a policy refresh, nothing else came in.
Each held, came back, or cannot be told; then the export that would tell is named.
Exit status: 0 held, 5 came back, 6 cannot tell.";

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub named: Named,
    /// Evidence of what is so after the change: added to the case first; - is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// When to look again; default is a week after it held, a day while it cannot be told, and before an exception ends
    #[arg(long, value_name = "DATE")]
    pub due: Option<String>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}
