//! What happened around the messages: sign-ins, jobs, probes, DNS answers, totals of reports.

use jiff::SignedDuration;

use crate::{Outcome, Peer, Property, Unit, When};

/// How somebody signed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignInKind {
    /// A person at a prompt.
    Interactive,
    /// A client on behalf of a person, with a token that it had.
    NonInteractive,
    /// An application as itself, with a secret or certificate.
    ServicePrincipal,
    /// An application as itself, with an identity that the platform keeps.
    ManagedIdentity,
    /// The record does not say.
    #[default]
    NotSaid,
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignInOutcome {
    /// Signed in.
    Succeeded,
    /// Refused.
    Failed,
    /// Neither: a further step was asked for.
    Interrupted,
    /// The record does not say.
    #[default]
    NotSaid,
}

/// What one access policy said about a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessPolicy {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Option<String>,
    /// Its result, as written, such as `failure` or `notApplied`.
    pub result: String,
    /// What it demanded, as written, such as `Mfa` or `SignInFrequency`.
    pub controls: Vec<String>,
}

/// An attempt to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SignIn {
    /// Who, as written: a user principal name, or the name of an application.
    pub who: Option<String>,
    /// Who, by lasting id.
    pub who_id: Option<String>,
    /// How.
    pub kind: SignInKind,
    /// How it ended.
    pub outcome: SignInOutcome,
    /// The vendor's error code, such as 50126; 0 is none.
    pub error_code: Option<i64>,
    /// Why it ended so, as written.
    pub reason: Option<String>,
    /// The application that asked.
    pub application: Option<String>,
    /// The resource that it asked for.
    pub resource: Option<String>,
    /// The protocol or client, as written, such as `Authenticated SMTP`.
    pub client: Option<String>,
    /// From where.
    pub from: Option<Peer>,
    /// Device or browser, as written.
    pub device: Option<String>,
    /// The verdict of all access policies together, as written.
    pub policy_result: Option<String>,
    /// What each access policy said.
    pub policies: Vec<AccessPolicy>,
    /// The steps of authentication, as written, such as `Password: succeeded`.
    pub steps: Vec<String>,
    /// The credential used, by its id.
    pub credential: Option<String>,
    /// The id that groups the attempts of one session; the client chooses it.
    pub session: Option<String>,
    /// The id of this attempt.
    pub request: Option<String>,
    /// Further details, as written.
    pub details: Vec<Property>,
}

/// A number that a report gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Total {
    /// What was counted, as written, such as `GoodMail` or `total-failure-session-count`.
    pub measure: String,
    /// How many.
    pub count: u64,
    /// One of what; `None` if the report does not say.
    pub unit: Option<Unit>,
    /// The window's first instant.
    pub from: Option<When>,
    /// The window's end.
    pub to: Option<When>,
    /// By what it was broken down, such as `source_ip` or `Direction`.
    pub by: Vec<Property>,
}

/// How far a run of a job got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobStage {
    /// It began.
    Started,
    /// It said something.
    Output,
    /// It warned.
    Warning,
    /// It reported an error.
    Error,
    /// It ended well.
    Succeeded,
    /// It ended badly, or did not start.
    Failed,
    /// It ended; the record does not say how.
    Ended,
}

/// One line of what a job did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobStep {
    /// The job's name: task, unit or script.
    pub job: String,
    /// How far it got.
    pub stage: JobStage,
    /// As whom it ran.
    pub identity: Option<String>,
    /// On which machine.
    pub host: Option<String>,
    /// The run's own id, such as a process id or an instance id.
    pub run: Option<String>,
    /// Exit code or result code, as written.
    pub code: Option<String>,
    /// The record's own words.
    pub said: String,
}

/// What the DNS answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsAnswer {
    /// The name asked for, lower case, without the last dot.
    pub name: String,
    /// The type, such as `TXT`.
    pub record_type: String,
    /// The status, as in RFC 1035 and RFC 6895: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, or `TIMEOUT`.
    pub status: String,
    /// How long it may be kept, in seconds.
    pub ttl_seconds: Option<u32>,
    /// The data of the records, in presentation form; the strings of a TXT record joined. None if there is no such record.
    pub data: Vec<String>,
    /// Who answered.
    pub server: Option<Peer>,
}

/// One step of a repeatable test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeStep {
    /// The test's name.
    pub probe: String,
    /// The step, such as `dns`, `connect`, `tls`, `smtp`.
    pub step: String,
    /// Whom it asked.
    pub target: Option<Peer>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Option<SignedDuration>,
    /// What was seen, as written.
    pub said: String,
    /// Further values, as written.
    pub details: Vec<Property>,
}
