//! The command line: the one definition from which help, completions and the man page come.

pub mod case;
pub mod escalate;
pub mod notes;
pub mod runbook;
pub mod serve;
pub mod verify;
pub mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Follows one message through every system and shows which layer changed its fate, with the records.
#[derive(Debug, Parser)]
#[command(name = "throughline", version, after_help = STATUS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const STATUS: &str = "Exit status: 0 answered · 1 answered, but the changed layer or cause is not shown · 2 usage · \
3 nothing readable · 4 refused · 5 came back · 6 cannot tell (verify) · 70 internal fault · 130 stopped by Ctrl-C";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow a message through the evidence: its way, the layer that changed it, why, and what to do next
    #[command(after_help = FOLLOW_EXAMPLES)]
    Follow(Follow),
    /// Compare a blocked message with a delivered one: the first layer at which they part, what was equal, what is not known
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(Compare),
    /// Read a sample's header: hops and delays, whose authentication results count, vendor fields decoded
    #[command(after_help = HEADERS_EXAMPLES)]
    Headers(Headers),
    /// Check SPF, DKIM, DMARC and ARC of a sample: what was said, whether it counts, and our own check beside it
    #[command(after_help = AUTH_EXAMPLES)]
    Auth(Auth),
    /// Explain a refusal: what its code and words mean, by whom, which layer, and who can mend it; without one, list the codes
    #[command(after_help = CODES_EXAMPLES)]
    Codes(Codes),
    /// Lead from the totals of reports to the rows of traces and logs, step by step, until nothing is left or the rest is named
    #[command(after_help = RECONCILE_EXAMPLES)]
    Reconcile(Reconcile),
    /// Propose the narrowest exception for a message, or check one that somebody proposes: refused if it is broad
    #[command(after_help = EXCEPTION_STATUS)]
    Exception {
        /// What to do
        #[command(subcommand)]
        command: Exception,
    },
    /// List what lets mail through already, the widest first: by whom, until when, what it let through, what would be enough
    #[command(after_help = AUDIT_EXAMPLES)]
    AuditExceptions(AuditExceptions),
    /// Keep a ticket: its evidence, its journal, how far it is
    Case {
        /// What to do
        #[command(subcommand)]
        command: case::Case,
    },
    /// Write the notes of a ticket: facts, analysis with records, a text for the customer
    Notes(notes::Notes),
    /// Give a ticket to somebody else: says to whom and why, and writes the package; refuses until the facts are in
    #[command(after_help = escalate::EXAMPLES)]
    Escalate(escalate::Escalate),
    /// Say of a ticket's change whether it held, came back, or cannot be told, check by check
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::Verify),
    /// Keep what a client's tickets taught: root cause, signal, validation, rollback
    Runbook {
        /// What to do
        #[command(subcommand)]
        command: runbook::Runbook,
    },
    /// Run the checks of the runbooks unattended, when exports arrive or on a schedule
    #[command(after_help = watch::EXAMPLES)]
    Watch(watch::Watch),
    /// Open the workbench: the whole ticket in a browser, on this machine
    #[command(after_help = serve::EXAMPLES)]
    Serve(serve::Serve),
    /// List which exports are read, or explain one: how to get it, and what it cannot show
    #[command(after_help = SOURCES_EXAMPLES)]
    Sources {
        /// Kind of export, such as exchange-online/message-trace
        kind: Option<String>,
    },
    /// List why copies meet their fate, or explain one cause: what proves it, what looks alike, the narrow fix, who owns it
    #[command(after_help = CAUSES_EXAMPLES)]
    Causes(Causes),
    /// List symptoms in plain words, lead through one, find the closest to what is said, or say which of them records show
    #[command(after_help = SYMPTOMS_EXAMPLES)]
    Symptoms(Symptoms),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  throughline completions bash > ~/.local/share/bash-completion/completions/throughline"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or that of one command
    #[command(after_help = "Example:\n  throughline man follow > throughline-follow.1")]
    Man {
        /// The command
        command: Option<String>,
    },
}

const FOLLOW_EXAMPLES: &str = "Examples:
  throughline follow ticket-4711/
      Follow the message sample in the folder through all exports and logs beside it.
  throughline follow blocked.eml trace.csv mail.log.1.gz
      The same with single files; kinds are detected by content, never by name.
  throughline follow exports.zip --message-id inv-4711@supplier.example
      No sample at hand: name the message.
  throughline follow ticket-4711/ --sender billing@supplier.example --recipient ana@example.com --at 2026-08-20T11:00
      Not even a Message-ID: say what it looks like.
  throughline follow exports/ --sender billing@supplier.example
      Mail from them is blocked: all their messages, how many share the cause, and the exceptions.
  throughline follow exports/ --sender supplier.example --recipient ana@example.com
      All messages of any address of a domain (@supplier.example means the same) to one recipient.
  throughline follow exports/ --message-id inv-4711@supplier.example --message-id inv-4712@supplier.example
      These messages; so does a folder with several samples.
  pbpaste | throughline follow - trace.csv --format markdown
      Pasted headers from standard input; the answer as Markdown for the ticket.";

const COMPARE_EXAMPLES: &str = "Examples:
  throughline compare --blocked blocked.eml --delivered fine.eml exports/
      Follow both samples through all records, and say where they part.
  throughline compare --blocked blocked.eml exports/
      No delivered sample at hand: the delivered message that is most like it is picked from the records.
  throughline compare --blocked ticket-4711/ --delivered ticket-4712.zip
      Each side with its own sample and exports; both are followed through all of them.
  throughline compare exports/ --blocked-message-id inv-4711@supplier.example --delivered-message-id inv-4709@supplier.example
      No samples: name both messages.
  throughline compare exports/ --blocked-message-id memo-7@example.com --recipient ana@example.com --delivered-recipient ben@example.com
      One message, blocked for one recipient and delivered to another.
Exit status: 0 the layer at which they part is shown, 1 it is not";

const HEADERS_EXAMPLES: &str = "Examples:
  throughline headers message.eml
  pbpaste | throughline headers -
  throughline headers message.eml --trust mx1.example.com --format html > header.html
      Results that mx1.example.com wrote count as well.";

const AUTH_EXAMPLES: &str = "Examples:
  throughline auth message.eml
      What the systems said, and which DNS records our own check needs.
  throughline auth message.eml --dns dns.txt
      Our own check with saved answers (dig's output, JSON, a zone file).
  throughline auth message.eml --resolve --save-dns dns.jsonl
      Ask the DNS now, and keep the answers; --dns dns.jsonl repeats the check without a network.
  throughline auth headers.txt --client 203.0.113.7 --sender bounce@supplier.example --dns dns.txt
      Nothing but headers at hand: SPF and DMARC for a client that you name.";

const CAUSES_EXAMPLES: &str = "Examples:
  throughline causes
  throughline causes connector-routing/tls-failure
  throughline causes greylisted
  throughline causes release-handoff --format markdown
      All causes of one family.";

const SYMPTOMS_EXAMPLES: &str = "Examples:
  throughline symptoms
      All of them, in plain words.
  throughline symptoms returns-after-policy-refresh
      Be led through one: its sign, what to collect, what to look at and what each result means, causes, fixes, what looks alike.
  throughline symptoms the exception worked yesterday and now it is blocked again
      The closest to what somebody says, and why; pick one.
  throughline symptoms --in exports/
      Read every row, and say which of them the records show.
  throughline symptoms totals-diverge --in report.csv --in trace.csv --format html > totals.html
      One of them, with its picture, and which of the exports to collect are there.
Exit status: 0 a symptom is shown, or no records were named; 1 none is shown, or no words fit; 3 nothing readable";

const CODES_EXAMPLES: &str = "Examples:
  throughline codes 5.7.64
  throughline codes '550 5.7.64 TenantAttribution; Relay Access Denied'
      The words tell who speaks: the same number means different things by different systems.
  throughline codes 'host mx1.client.mail.protection.outlook.com said: 550 5.4.1 Recipient address rejected: Access denied.'
      With the host that refused, as the notice names it.
  pbpaste | throughline codes -
      Every refusal in the text of a notice.
  throughline codes --format json
      All that is known, as data.
Exit status: 0 explained, 1 neither a code of a refusal nor known words stand in it";

const RECONCILE_EXAMPLES: &str = "Examples:
  throughline reconcile ticket-4711/
      Every total of every report in the folder, beside the rows that hold the same mail.
  throughline reconcile mail_flow_status.json trace_page_1.json trace_page_2.json
      A report and the pages of a trace.
  throughline reconcile exports.zip --format json > reconciliation.json
      As data (its schema is in docs/).
  throughline reconcile hold_summary_2026-05-02T0900Z.json held_queue.json release_log.json --format markdown
      What Mimecast counts as held, beside the list; put the time of reading into the file's name.
Exit status: 0 every total is met or explained, 1 something is left or could not be compared, 3 nothing readable";

const EXCEPTION_STATUS: &str = "Exit status: 0 answered, narrow, or covered by an approval; 1 what stopped the message is not shown; 2 usage; 3 nothing readable; 4 refused by the guard";

const PROPOSE_EXAMPLES: &str = "Examples:
  throughline exception propose ticket-4711/
      Follow the sample in the folder, say whether an exception is the right cure at all, and which is the narrowest.
  throughline exception propose ticket-4711/ --message-id inv-4711@supplier.example
      No sample at hand: name the message.
  throughline exception propose blocked.eml settings/ trace-of-30-days.csv.gz
      With a history: what each candidate would have let through, narrow to wide. Every path is history.
  throughline exception propose ticket-4711/ --format markdown > proposal.md
      For the ticket: what, why, how to do it and to undo it, its end, and the two checks.
Exit status: 0 answered (an exception, something to mend, or that none helps), 1 what stopped the message is not shown, 3 nothing readable";

const CHECK_EXAMPLES: &str = "Examples:
  throughline exception check change.ps1 ticket-4711/
      A command as it would be run, judged with the message and the settings of the ticket.
  echo 'New-TenantAllowBlockListItems -ListType Sender -Entries billing@supplier.example -Allow -ExpirationDate 2026-09-01' | throughline exception check -
      From standard input, with nothing else known.
  throughline exception check entry.json exports/ --message-id inv-4711@supplier.example
      An entry as the vendor's interface takes it, or as an export shows it, or lines of a map; the message is named.
  throughline exception check change.ps1 ticket-4711/ --approval approval-4711.json
      Something broad that was approved. The file is read from here only, never from the evidence:

  {
    \"schema\": \"throughline.approval.v1\",
    \"who\": \"Noor Haddad\",
    \"role\": \"head of security operations\",
    \"when\": \"2026-08-20T09:00:00Z\",
    \"scope\": [\"Set-HostedContentFilterPolicy -Identity Default -AllowedSenders @{Add='billing@supplier.example'}\"],
    \"ends\": \"2026-09-03T00:00:00Z\",
    \"reason\": \"month-end invoices; the supplier mends DMARC until 1 September\",
    \"sample_sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"
  }

      scope lists what is approved: commands or entries as CANDIDATE takes them. What is narrower and ends no later is covered too.
      sample_sha256 is the hash of the sample among the evidence; `throughline follow --format json` names it.
Exit status: 0 narrow, or covered by the approval; 4 refused: broad, not understood whole, or useless for the message; 3 nothing readable";

const AUDIT_EXAMPLES: &str = "Examples:
  throughline audit-exceptions settings/ trace-of-30-days.csv.gz
      Every allow entry, rule, list and connector in the exports that lets mail through, by what it let through.
  throughline audit-exceptions exports.zip audit_log.csv --approval approval-4711.json --approval approval-4712.json
      With the log that says who made them, and the approvals that cover some.
  throughline audit-exceptions exports/ --now 2026-09-01 --format html > bypasses.html
      What has ended by that day is called expired.
Exit status: 0 answered, 1 no export of settings is among the files, 3 nothing readable";

const SOURCES_EXAMPLES: &str = "Examples:
  throughline sources
  throughline sources mimecast/held-queue";

/// Options of `follow`.
#[derive(Debug, Args)]
pub struct Follow {
    /// A folder, a zip archive, or files; - is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Message-ID, with or without angle brackets; may be given several times
    #[arg(long, value_name = "ID", help_heading = "Which message (if there is no sample)")]
    pub message_id: Vec<String>,
    /// Envelope sender or From address, or a sender's domain; without --at all messages that fit are followed
    #[arg(long, value_name = "ADDRESS", help_heading = "Which message (if there is no sample)")]
    pub sender: Option<String>,
    /// Envelope recipient; may be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "Which message (if there is no sample)")]
    pub recipient: Vec<String>,
    /// About when it was sent (within a day): 2026-08-20T09:14Z, or 2026-08-20T11:14 in the zone of --tz
    #[arg(long, value_name = "TIME", help_heading = "Which message (if there is no sample)")]
    pub at: Option<String>,
    /// Subject
    #[arg(long, value_name = "TEXT", help_heading = "Which message (if there is no sample)")]
    pub subject: Option<String>,
    /// How many messages are followed at most, the latest ones; the others are counted
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = limit, help_heading = "Which message (if there is no sample)")]
    pub limit: usize,

    /// Host or domain that is ours: its authentication results count; may be given several times
    #[arg(long, value_name = "NAME")]
    pub trust: Vec<String>,
    #[command(flatten)]
    pub clocks: Clocks,
    /// Also hash files over 64 MiB
    #[arg(long)]
    pub hash_all: bool,

    #[command(flatten)]
    pub output: Output,
}

/// At least two messages, and no more than a page of them can be read for.
fn limit(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (2..=10_000).contains(count)).ok_or_else(|| "expected 2 to 10000".to_owned())
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The blocked message: a sample, or a folder or archive with its sample and exports; - is standard input
    #[arg(long, value_name = "PATH", required_unless_present = "blocked_message_id")]
    pub blocked: Option<PathBuf>,
    /// The delivered message, likewise; without it one is picked from the records
    #[arg(long, value_name = "PATH")]
    pub delivered: Option<PathBuf>,
    /// Exports and logs about both: folders, archives, files
    #[arg(value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// Message-ID of the blocked message
    #[arg(long, value_name = "ID", help_heading = "Which messages (if there are no samples)")]
    pub blocked_message_id: Option<String>,
    /// Message-ID of the delivered message
    #[arg(long, value_name = "ID", help_heading = "Which messages (if there are no samples)")]
    pub delivered_message_id: Option<String>,
    /// Recipient of the copy that is meant, on both sides where both have one; may be given several times
    #[arg(long, value_name = "ADDRESS", help_heading = "Which copies")]
    pub recipient: Vec<String>,
    /// Recipient of the delivered copy, if it is another one
    #[arg(long, value_name = "ADDRESS", help_heading = "Which copies")]
    pub delivered_recipient: Vec<String>,

    /// Host or domain that is ours: its authentication results count; may be given several times
    #[arg(long, value_name = "NAME")]
    pub trust: Vec<String>,
    #[command(flatten)]
    pub clocks: Clocks,
    /// Also hash files over 64 MiB
    #[arg(long)]
    pub hash_all: bool,

    #[command(flatten)]
    pub output: Output,
}

/// Options of `reconcile`.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Reports, traces and logs: folders, archives, files; - is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// The commands about exceptions.
#[derive(Debug, Subcommand)]
pub enum Exception {
    /// Find the smallest change that would have let exactly this mail through, if an exception is the right cure at all
    #[command(after_help = PROPOSE_EXAMPLES)]
    Propose(Propose),
    /// Judge a proposed change: narrow, broad, useless or unknown, and why; broad without an approval is refused
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckException),
}

/// Options of `exception propose`.
#[derive(Debug, Args)]
pub struct Propose {
    /// Sample, settings and history: folders, archives, files; - is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `exception check`.
#[derive(Debug, Args)]
pub struct CheckException {
    /// The proposed change: a file with commands, an entry as JSON, lines of a map, an export; - is standard input
    #[arg(value_name = "CANDIDATE")]
    pub candidate: PathBuf,
    /// Sample, settings and history: folders, archives, files
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A recorded approval (JSON, see the examples); the only way in which one counts
    #[arg(long, value_name = "FILE")]
    pub approval: Option<PathBuf>,
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `audit-exceptions`.
#[derive(Debug, Args)]
pub struct AuditExceptions {
    /// Settings, audit logs and history: folders, archives, files; - is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A recorded approval; may be given several times
    #[arg(long, value_name = "FILE")]
    pub approval: Vec<PathBuf>,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options that name a message.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which message (if there is no sample)")]
pub struct Which {
    /// Message-ID, with or without angle brackets; may be given several times
    #[arg(long, value_name = "ID")]
    pub message_id: Vec<String>,
    /// Envelope sender or From address, or a sender's domain
    #[arg(long, value_name = "ADDRESS")]
    pub sender: Option<String>,
    /// Envelope recipient; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub recipient: Vec<String>,
    /// About when it was sent (within a day): 2026-08-20T09:14Z, or 2026-08-20T11:14 in the zone of --tz
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    pub subject: Option<String>,
    /// Host or domain that is ours: its authentication results count; may be given several times
    #[arg(long, value_name = "NAME")]
    pub trust: Vec<String>,
}

/// Options about clocks.
#[derive(Clone, Debug, Args)]
pub struct Clocks {
    /// Zone of records that do not state theirs: UTC, +02:00 or Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub tz: String,
    /// The instant taken as now, for records that do not state their year
    #[arg(long, value_name = "TIME")]
    pub now: Option<String>,
    /// When the case was opened whose evidence is read: no option, but what stands in for `--now` where a record states no year.
    #[arg(skip)]
    pub opened: Option<jiff::Timestamp>,
    /// As of when a change to a case's settings is judged: no option, but what stands in for `--now` there, for people decide it today.
    #[arg(skip)]
    pub judged_at: Option<jiff::Timestamp>,
}

/// Options about how the answer is printed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Whether to use colour; auto is: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// Columns of the text; default is the terminal's width, else 80
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=500))]
    pub width: Option<u16>,
}

/// Options of `causes`.
#[derive(Debug, Args)]
pub struct Causes {
    /// A cause, such as connector-routing/tls-failure or tls-failure, or a family; all if none is named
    pub id: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `symptoms`.
#[derive(Debug, Args)]
pub struct Symptoms {
    /// A symptom, such as stale-search, or what is seen, in your own words; all if none is named
    #[arg(value_name = "ID or WORDS")]
    pub asked: Vec<String>,
    /// Look for it in these records: a folder, a zip archive, or a file; may be given several times; - is standard input
    #[arg(long = "in", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub clocks: Clocks,
    /// Also hash files over 64 MiB
    #[arg(long)]
    pub hash_all: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `headers`.
#[derive(Debug, Args)]
pub struct Headers {
    /// A saved message (.eml, .msg) or pasted headers; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Host or domain that is ours: its authentication results count; may be given several times
    #[arg(long, value_name = "NAME")]
    pub trust: Vec<String>,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `codes`.
#[derive(Debug, Args)]
pub struct Codes {
    /// A code, or a reply or notice as it was pasted; - is standard input
    #[arg(value_name = "CODE or REPLY")]
    pub reply: Vec<String>,
    #[command(flatten)]
    pub output: Output,
}

/// Options of `auth`.
#[derive(Debug, Args)]
pub struct Auth {
    /// A saved message (.eml), as it was received; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Host or domain that is ours: its authentication results count; may be given several times
    #[arg(long, value_name = "NAME")]
    pub trust: Vec<String>,

    /// Saved DNS answers: a file, folder or archive; may be given several times
    #[arg(long, value_name = "ANSWERS", help_heading = "DNS")]
    pub dns: Vec<PathBuf>,
    /// Ask the DNS for what the saved answers do not hold
    #[arg(long, help_heading = "DNS")]
    pub resolve: bool,
    /// The name server to ask; default is the machine's own
    #[arg(long, value_name = "ADDRESS", requires = "resolve", value_parser = crate::resolve::server, help_heading = "DNS")]
    pub resolver: Option<std::net::SocketAddr>,
    /// Save every answer that was used, so that --dns repeats the check without a network
    #[arg(long, value_name = "FILE", requires = "resolve", help_heading = "DNS")]
    pub save_dns: Option<PathBuf>,

    /// The address that connected to our side; default is what the Received field of our first server says
    #[arg(long, value_name = "ADDRESS", help_heading = "The transfer that is checked")]
    pub client: Option<std::net::IpAddr>,
    /// The name that it gave at HELO or EHLO
    #[arg(long, value_name = "NAME", help_heading = "The transfer that is checked")]
    pub helo: Option<String>,
    /// Envelope sender; <> is the null sender; default is the Return-Path
    #[arg(long, value_name = "ADDRESS", help_heading = "The transfer that is checked")]
    pub sender: Option<String>,
    /// When our side took it: signatures expire by it
    #[arg(long, value_name = "TIME", help_heading = "The transfer that is checked")]
    pub at: Option<String>,

    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Forms of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Text,
    /// One JSON document (its schema is in docs/)
    Json,
    /// For a ticket
    Markdown,
    /// One self-contained file
    Html,
}

/// When to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// If it suits the place
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
