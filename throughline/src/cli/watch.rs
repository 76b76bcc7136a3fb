//! `watch`: checks that run unattended.

use std::path::PathBuf;

use clap::Args;
use watch::config::Span;

use super::Output;
use super::case::Store;

/// Examples of `watch`.
pub const EXAMPLES: &str = "Examples:
  throughline watch --client contoso --in /srv/exports/contoso
      Stay, and run all checks of the client whenever exports arrive; alerts are printed.
  throughline watch --client contoso --in /srv/exports/contoso --schedule '15 6 * * *' --zone Europe/Berlin --results alerts.jsonl
      Also every morning, and a line for each alert in a file.
  throughline watch --config /etc/throughline/watch.toml --once
      What is due now, of all clients of a file, then end: for a timer of systemd, or cron.
  throughline watch --status
      Last run, next run, gaps, alerts that did not arrive; for a monitor.
docs/watch.md has the file, webhooks, mail, and units for systemd.
Exit status: 0 nothing to do · 5 a signal fired, or a change came back · 6 something could not be checked · 2 usage · 75 another
process watches the client already · 70 internal fault. With --status: 0 all are in time · 1 one is late.";

/// Options of `watch`.
#[derive(Clone, Debug, Args)]
pub struct Watch {
    /// Folder in which the exports of the client arrive
    #[arg(long = "in", value_name = "FOLDER", requires = "client")]
    pub folder: Option<PathBuf>,
    /// Client, as its cases and runbooks are named
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Several clients, and where alerts go: a TOML file, see docs/watch.md
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folder", "schedule", "zone", "settle", "grace", "after_change", "wait_after_change", "stale", "tz", "trust"])]
    pub config: Option<PathBuf>,
    /// Run what is due and end; without it, stay
    #[arg(long)]
    pub once: bool,
    /// Say how the watchers of the store are, and end
    #[arg(long, conflicts_with_all = ["once", "folder"])]
    pub status: bool,
    /// Also add a line of JSON for each alert to a file
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,

    /// When to run besides: minute, hour, day of month, month, day of week
    #[arg(long, value_name = "CRON", help_heading = "When")]
    pub schedule: Option<String>,
    /// Zone of the schedule; default is UTC
    #[arg(long, value_name = "ZONE", requires = "schedule", help_heading = "When")]
    pub zone: Option<String>,
    /// How often to look at the folder
    #[arg(long, value_name = "SPAN", default_value = "10s", help_heading = "When")]
    pub poll: Span,
    /// How long a file must stay as it is before it is read; default is 10s
    #[arg(long, value_name = "SPAN", help_heading = "When")]
    pub settle: Option<Span>,
    /// A run that starts so long after it was due has not been missed; default is 15m
    #[arg(long, value_name = "SPAN", help_heading = "When")]
    pub grace: Option<Span>,
    /// A change is looked at when the evidence goes on so long after it; default is 30m
    #[arg(long, value_name = "SPAN", help_heading = "When")]
    pub after_change: Option<Span>,
    /// How long such evidence is waited for before it is told that it did not come; default is 24h
    #[arg(long, value_name = "SPAN", help_heading = "When")]
    pub wait_after_change: Option<Span>,
    /// Tell when the newest record about a message is older; default is not to
    #[arg(long, value_name = "SPAN", help_heading = "When")]
    pub stale: Option<Span>,

    /// Zone of records that do not state theirs: UTC, +02:00 or Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Host or domain that is the client's own; may be given several times
    #[arg(long, value_name = "NAME")]
    pub trust: Vec<String>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub output: Output,
}
