//! `case`: the ticket's life.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Clocks, Output, Which};

/// Where the cases are kept, and who works on them.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub struct Store {
    /// Folder of the cases; default is THROUGHLINE_STORE, else `throughline` among the user's data
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Who does this, for the journal; default is THROUGHLINE_USER, else the name of the user
    #[arg(long = "as", value_name = "NAME")]
    pub who: Option<String>,
    /// What this entry is called: a second one of the same key is not made, so that a command can be repeated
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// Commands of `case`.
#[derive(Debug, Subcommand)]
pub enum Case {
    /// Open a case: whose ticket it is, what they say, which message is meant; with evidence, follow it
    #[command(after_help = NEW_EXAMPLES)]
    New(NewCase),
    /// Add evidence: it is copied, hashed, never changed, and looked at
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddEvidence),
    /// List cases, the newest first: whose they are, how far they are, and the answer in short
    #[command(after_help = LIST_EXAMPLES)]
    List(ListCases),
    /// Show a case: how far it is, the answer, the triage with its open points, evidence, journal, next step
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowCase),
    /// Show how far a case is, or say so
    #[command(after_help = STATUS_EXAMPLES)]
    Status(CaseStatus),
    /// Note something in the journal
    #[command(after_help = NOTE_EXAMPLES)]
    Note(NoteCase),
    /// Record an approval of something broad
    #[command(after_help = APPROVE_EXAMPLES)]
    Approve(ApproveCase),
    /// Record a change that was made, judged by the guard
    #[command(after_help = CHANGE_EXAMPLES)]
    Change(ChangeCase),
    /// Close a case; refused while a change of it is not verified
    #[command(after_help = CLOSE_EXAMPLES)]
    Close(CloseCase),
    /// Open a closed case again
    #[command(after_help = REOPEN_EXAMPLES)]
    Reopen(ReopenCase),
    /// List what was done on a case: who, when, what, and the hash that binds each entry to all before it
    #[command(after_help = JOURNAL_EXAMPLES)]
    Journal(ListJournal),
    /// Find out whether journals and evidence are as they were written: each entry, the chain over all cases, each file
    #[command(after_help = VERIFY_JOURNAL_EXAMPLES)]
    VerifyJournal(VerifyJournal),
    /// Write a whole case into one file: journal and evidence; it opens in another store with all cites
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportCase),
    /// Take a case over from such a file; nothing is written before all of it was checked
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportCase),
    /// Count what came in by cause and client, how long it took, and what was changed since: with plots
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportCases),
}

const JOURNAL_EXAMPLES: &str = "Examples:
  throughline case journal 42
  throughline case journal INC-4711 --format json";

const VERIFY_JOURNAL_EXAMPLES: &str = "Examples:
  throughline case verify-journal
      All cases and all evidence.
  throughline case verify-journal 42
      The evidence of one case; the chain over all cases is looked at in any case.
  throughline case verify-journal --expect 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      Is there still an entry with the head hash that was noted on that day?
Who can write to the database can write the whole chain anew, with hashes that fit. Only --expect finds that: note a head hash
elsewhere now and then, such as in the ticket. `verify-journal` and `case journal` print it.
Exit status: 0 whole · 1 not as it was written";

const EXPORT_EXAMPLES: &str = "Examples:
  throughline case export 42 --to case-42.zip
The same case gives the same bytes. The file holds the evidence as it is: it is somebody's mail.";

const IMPORT_EXAMPLES: &str = "Examples:
  throughline case import case-42.zip --store /srv/throughline
A case that is there already is not doubled: importing twice does nothing, and a longer journal of the same case goes on.
Exit status: 0 taken over, or there already · 3 no archive, or not as it was written · 4 this store has another journal of it";

const NEW_EXAMPLES: &str = "Examples:
  throughline case new --client contoso --ticket INC-4711 --user ana@example.com --words 'the invoice never came' ticket/
      Open a case, copy the evidence, and follow the message in it.
  throughline case new --client contoso --sender billing@supplier.example --recipient ana@example.com --at 2026-08-20T11:00
      Nothing but what the reporter knows; evidence comes later, with `throughline case add`.
A second case of the same client and ticket is refused (2) without --anyway; the same command again under its --key is none.";

const ADD_EXAMPLES: &str = "Examples:
  throughline case add 42 trace.csv quarantine.json
  throughline case add INC-4711 exports/ --message-id inv-4711@supplier.example
      The message was not known until now; without a PATH it is only said which one is meant.
  throughline case add 42 after/ --verification
      What is so after a change: it answers `verify`, not what happened.
A case is named by its number, the number of its ticket, or the first digits of its name everywhere; CLIENT/NUMBER, or --client, tells
tickets of two clients apart.
Exit status: 0 added, 3 nothing could be copied";

const LIST_EXAMPLES: &str = "Examples:
  throughline case list
      The newest ones.
  throughline case list --client contoso --status open --status waiting
  throughline case list --message-id inv-4711@supplier.example
      By a Message-ID, or by the id of a service.
  throughline case list --address @supplier.example --cause release-handoff
      Any address of a domain as sender, recipient or user; a family of causes.
  throughline case list --due
      Changes that are to be looked at again by now; --due 2026-09-01 by then.";

const SHOW_EXAMPLES: &str = "Examples:
  throughline case show 42
  throughline case show INC-4711 --client contoso --format html > case.html
      Two clients may have tickets of one number.
  throughline case show 42 --format json
      As data (its schema is in docs/).";

const STATUS_EXAMPLES: &str = "Examples:
  throughline case status 42
  throughline case status 42 waiting --why 'asked the reporter for the original message'
A change makes a case `changed`, `verify` makes it `held` or `came_back`, `case close` and `case reopen` the rest.";

const NOTE_EXAMPLES: &str = "Examples:
  throughline case note 42 'The supplier says that they moved to a new mail service on Monday.'
  pbpaste | throughline case note 42 -";

const APPROVE_EXAMPLES: &str = "Example:
  throughline case approve 42 approval-4711.json
      The form is that of `throughline exception check --help`. It covers what it names when `case change` records it.";

const CHANGE_EXAMPLES: &str = "Examples:
  throughline case change 42 change.ps1 --made-at 2026-08-20T16:10Z
      What was done, as commands or in throughline's own form; the guard says what it is, and what it would have let through.
  echo 'Release-QuarantineMessage -Identity ...' | throughline case change 42 - --made-at 2026-08-20T16:10Z
  throughline case change 42 change.ps1 --made-at 2026-08-20T16:10Z --approval approval-4711.json
Exit status: 0 recorded; 4 recorded, but it is broad, not understood whole or useless, and no recorded approval covers it";

const CLOSE_EXAMPLES: &str = "Examples:
  throughline case close 42 --resolution 'Released to ana; the supplier mended their DKIM record.'
  throughline case close 42 --resolution 'Duplicate of 41' --anyway
      Although a change was made that is not verified.
Exit status: 0 closed; 4 refused: a change was made, and it is not verified that it held";

const REOPEN_EXAMPLES: &str = "Example:
  throughline case reopen 42 --why 'The next invoice was held again.'";

/// Which case is meant.
#[derive(Clone, Debug, Args)]
pub struct Named {
    /// The case: its number, the number of its ticket, or the first digits of its name everywhere
    #[arg(value_name = "CASE")]
    pub case: String,
    /// Client whose ticket it is, if several have one of that number
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
}

/// Options of `case new`.
#[derive(Debug, Args)]
pub struct NewCase {
    /// Evidence: folders, archives, files; - is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Client whose ticket it is
    #[arg(long, value_name = "NAME", default_value = "", help_heading = "The ticket")]
    pub client: String,
    /// Number of the ticket in the ticket system
    #[arg(long, value_name = "NUMBER", help_heading = "The ticket")]
    pub ticket: Option<String>,
    /// Site
    #[arg(long, value_name = "NAME", help_heading = "The ticket")]
    pub site: Option<String>,
    /// Who is affected
    #[arg(long, value_name = "NAME", help_heading = "The ticket")]
    pub user: Option<String>,
    /// Device
    #[arg(long, value_name = "NAME", help_heading = "The ticket")]
    pub device: Option<String>,
    /// What the reporter says, word by word
    #[arg(long, value_name = "TEXT", help_heading = "The ticket")]
    pub words: Option<String>,
    /// Even if a case of this client has the ticket already
    #[arg(long, help_heading = "The ticket")]
    pub anyway: bool,
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case add`.
#[derive(Debug, Args)]
pub struct AddEvidence {
    #[command(flatten)]
    pub named: Named,
    /// Evidence: folders, archives, files; - is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// It shows what is so after a change
    #[arg(long)]
    pub verification: bool,
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case list`.
#[derive(Debug, Args)]
pub struct ListCases {
    /// Of this client
    #[arg(long, value_name = "NAME", help_heading = "Which cases")]
    pub client: Option<String>,
    /// So far; may be given several times
    #[arg(long, value_enum, value_name = "STATUS", help_heading = "Which cases")]
    pub status: Vec<Progress>,
    /// With this number in the ticket system
    #[arg(long, value_name = "NUMBER", help_heading = "Which cases")]
    pub ticket: Option<String>,
    /// With this Message-ID, or a service's own id
    #[arg(long, value_name = "ID", help_heading = "Which cases")]
    pub message_id: Option<String>,
    /// With this address as sender, recipient or user; @domain is any address of it
    #[arg(long, value_name = "ADDRESS", help_heading = "Which cases")]
    pub address: Option<String>,
    /// With this in the subject
    #[arg(long, value_name = "TEXT", help_heading = "Which cases")]
    pub subject: Option<String>,
    /// With this cause or symptom, a family of causes, or the specific part of one (`spam`)
    #[arg(long, value_name = "ID", help_heading = "Which cases")]
    pub cause: Option<String>,
    /// Whose change is to be looked at again by then, or by now
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "now", help_heading = "Which cases")]
    pub due: Option<String>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100_000), help_heading = "Which cases")]
    pub limit: u64,
    /// Without so many of the newest
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = "Which cases")]
    pub offset: u64,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case show`.
#[derive(Debug, Args)]
pub struct ShowCase {
    #[command(flatten)]
    pub named: Named,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case status`.
#[derive(Debug, Args)]
pub struct CaseStatus {
    #[command(flatten)]
    pub named: Named,
    /// How far it is now
    #[arg(value_enum, value_name = "STATUS", requires = "why")]
    pub status: Option<Progress>,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "status")]
    pub why: Option<String>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case note`.
#[derive(Debug, Args)]
pub struct NoteCase {
    #[command(flatten)]
    pub named: Named,
    /// What is noted; - is standard input
    #[arg(value_name = "TEXT")]
    pub text: String,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case approve`.
#[derive(Debug, Args)]
pub struct ApproveCase {
    #[command(flatten)]
    pub named: Named,
    /// The recorded approval (throughline.approval.v1); - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case change`.
#[derive(Debug, Args)]
pub struct ChangeCase {
    #[command(flatten)]
    pub named: Named,
    /// What was changed: a file with commands, entries, or throughline's own form; - is standard input
    #[arg(value_name = "CANDIDATE")]
    pub candidate: PathBuf,
    /// When it was changed: 2026-08-20T16:10Z, or 2026-08-20T18:10 in the zone of --tz
    #[arg(long, value_name = "TIME")]
    pub made_at: String,
    /// The recorded approval that covers it; one that `case approve` recorded counts as well
    #[arg(long, value_name = "FILE")]
    pub approval: Option<PathBuf>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case close`.
#[derive(Debug, Args)]
pub struct CloseCase {
    #[command(flatten)]
    pub named: Named,
    /// What it was, and what mended it
    #[arg(long, value_name = "TEXT")]
    pub resolution: String,
    /// Even if a change is not verified
    #[arg(long)]
    pub anyway: bool,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case reopen`.
#[derive(Debug, Args)]
pub struct ReopenCase {
    #[command(flatten)]
    pub named: Named,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// How far a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Progress {
    /// Being worked on
    Open,
    /// Waiting for somebody else, such as the reporter
    Waiting,
    /// Given to somebody else
    Escalated,
    /// Something was changed, and it is not verified yet
    Changed,
    /// A change was verified: it held
    Held,
    /// A change was verified: the trouble came back
    CameBack,
    /// Done
    Closed,
}

impl From<Progress> for ::case::Status {
    fn from(progress: Progress) -> ::case::Status {
        match progress {
            Progress::Open => ::case::Status::Open,
            Progress::Waiting => ::case::Status::Waiting,
            Progress::Escalated => ::case::Status::Escalated,
            Progress::Changed => ::case::Status::Changed,
            Progress::Held => ::case::Status::Held,
            Progress::CameBack => ::case::Status::CameBack,
            Progress::Closed => ::case::Status::Closed,
        }
    }
}

/// Options of `case journal`.
#[derive(Debug, Args)]
pub struct ListJournal {
    #[command(flatten)]
    pub named: Named,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case verify-journal`.
#[derive(Debug, Args)]
pub struct VerifyJournal {
    /// The case; default is all
    #[arg(value_name = "CASE")]
    pub case: Option<String>,
    /// Client whose ticket it is, if several have one of that number
    #[arg(long, value_name = "NAME", requires = "case")]
    pub client: Option<String>,
    /// A head hash that was noted elsewhere: of all cases, or of one
    #[arg(long, value_name = "HASH")]
    pub expect: Option<String>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case export`.
#[derive(Debug, Args)]
pub struct ExportCase {
    #[command(flatten)]
    pub named: Named,
    /// The file to write; one that is there is replaced only if it is an archive of the same case
    #[arg(long, value_name = "FILE.zip")]
    pub to: PathBuf,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `case import`.
#[derive(Debug, Args)]
pub struct ImportCase {
    /// The file that `case export` wrote
    #[arg(value_name = "FILE.zip")]
    pub archive: PathBuf,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

const REPORT_EXAMPLES: &str = "Examples:
  throughline case report
  throughline case report --client contoso --from 2026-07-01 --to 2026-10-01 --format html > quarter.html
      One self-contained page: cases by cause over time, time to an answer and to the closing, changes by age and radius.
  throughline case report --format json | jq '.changes[] | select(.end == \"expired\")'
Exit status: 0 answered, 1 no case fits";

/// Options of `case report`.
#[derive(Debug, Args)]
pub struct ReportCases {
    /// Only cases of this client
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Only cases that were opened on this day or later (UTC)
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Only cases that were opened before this day (UTC)
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}
