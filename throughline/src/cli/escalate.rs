//! `escalate`: give a ticket to somebody else.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::case::{Named, Store};
use super::{Clocks, Output};

pub const EXAMPLES: &str = "Examples:
  throughline escalate 42
      Says whether the four facts are in, why the ticket is given away and to whom, and writes escalation-42.zip.
  throughline escalate INC-4711 --out incident.zip --with-sample
      Under another name, with the whole message: without that only its header goes in.
  throughline escalate 42 --to security --reason 'the executive asked for a second look'
      To somebody else than what was computed, for a reason that no record states: both are marked as said by you.
  throughline escalate 42 --format json | jq -r '.facts[] | select(.state == \"missing\") | .fetch[].command'
      What to fetch before it can be given away.
The four reasons: several users or sites; somebody else owns what has to be mended; the fix changes something for everybody; it is back
after a fix that was verified.
Exit status: 0 the package is written; 1 no reason applies, nothing was written; 4 refused: identifiers, authentication, verdict or downstream
is missing; 2 usage, also if the package would overwrite something";

/// Options of `escalate`.
#[derive(Debug, Args)]
pub struct Escalate {
    #[command(flatten)]
    pub named: Named,
    /// To whom, if not to whom the records point
    #[arg(long, value_enum, value_name = "WHOM")]
    pub to: Option<Whom>,
    /// A reason that no record states; it is marked as said by you
    #[arg(long, value_name = "TEXT", value_parser = said)]
    pub reason: Option<String>,
    /// Write the package though none of the four reasons applies
    #[arg(long)]
    pub anyway: bool,
    /// Where to write the package: an archive if it ends in .zip, else a folder; default is escalation-CASE.zip. Nothing is overwritten
    #[arg(long, value_name = "FILE.zip or FOLDER")]
    pub out: Option<PathBuf>,
    /// Attach message samples whole; without it only their headers
    #[arg(long)]
    pub with_sample: bool,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("expected a reason in words".to_owned()) } else { Ok(text.to_owned()) }
}

/// Those to whom a ticket can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whom {
    /// The vendor of a service
    Vendor,
    /// Who runs a server, or the network to it
    Server,
    /// The security team
    Security,
    /// Who owns a policy, rule, connector or list
    #[value(alias = "policy_owner")]
    PolicyOwner,
    /// The sending side's administrator
    Sender,
}
