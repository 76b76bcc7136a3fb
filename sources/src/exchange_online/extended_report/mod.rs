//! Extended report: every transport event of a message, with the data of each agent; also message tracking logs of
//! Exchange Server, which have the same columns.

use evidence::{
    Address, Arrival, Fact, Folder, Handover, Identifier, Identity, NextHop, Outcome, Peer, Product, Redirect, Release,
    ReleaseStep, Scope, SourceId, Stored, System, Unit,
};

use super::agent_data::{AGENT_CODES, AgentEntry, agent_entries, verdicts};
use super::enhanced_summary::direction;
use super::message_trace::{sender, subject};
use super::message_trace_detail::{folder_named, held};
use super::refusal::Attempt;
use super::reply::{is_inside, last_error, peer, reply};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Likeness, Recognition, Source, ZoneRule};

const DATE: &[&str] = &["datetimeutc", "datetime", "timestamp"];
const EVENT: &[&str] = &["eventid"];
const RECIPIENT: &[&str] = &["recipientaddress"];
const STATUS: &[&str] = &["recipientstatus"];
const CUSTOM: &[&str] = &["customdata"];
const NEEDS: &[Need] = &[
    ("date_time_utc", DATE),
    ("event_id", EVENT),
    ("source", &["source"]),
    ("message_id", &["messageid", "networkmessageid"]),
    ("recipient_address", RECIPIENT),
];

/// Columns of a message tracking log of Exchange Server 2016 and later, whose header is lost when lines are shipped.
const TRACKING_LOG: &[&str] = &[
    "date-time",
    "client-ip",
    "client-hostname",
    "server-ip",
    "server-hostname",
    "source-context",
    "connector-id",
    "source",
    "event-id",
    "internal-message-id",
    "message-id",
    "network-message-id",
    "recipient-address",
    "recipient-status",
    "total-bytes",
    "recipient-count",
    "related-recipient-address",
    "reference",
    "message-subject",
    "sender-address",
    "return-path",
    "message-info",
    "directionality",
    "tenant-id",
    "original-client-ip",
    "original-server-ip",
    "custom-data",
    "transport-traffic-type",
    "log-id",
    "schema-version",
];

/// Extended message trace report.
pub(crate) struct ExtendedReport;

impl Source for ExtendedReport {
    fn id(&self) -> SourceId {
        "exchange-online/extended-report"
    }

    fn title(&self) -> &'static str {
        "Exchange Online extended message trace report"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    /// The last 1 to 4 hours are missing.
    fn lag(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_mins(4 * 60)
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "Start-HistoricalSearch -ReportTitle throughline -ReportType MessageTraceDetail \
                 -MessageID '<{message_id}>' -StartDate '{start}' -EndDate '{end}'",
            ),
            clicks: Some(
                "Exchange admin center > Mail flow > Message trace > Start a trace > Report type: Extended report > \
                 Prepare report > Downloadable reports",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "the last 1 to 4 hours (by older pages 24 hours), and anything older than 90 days",
            "the connecting address of messages older than 10 days",
            "mail refused at the edge before a message id was read",
            "members of a group when the group itself was searched for",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["processingid", "aggregateid", "acode"], Some(TRACKING_LOG))
    }
}

/// What an `event_id` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Receive,
    Send,
    Deliver,
    Fail,
    Defer,
    Expand,
    Redirect,
    Resolve,
    Drop,
    Dsn,
    AgentInfo,
    Note,
}

/// The event for our word in `codes.toml`.
pub(super) fn event(means: &str) -> Option<Event> {
    Some(match means {
        "receive" => Event::Receive,
        "send" => Event::Send,
        "deliver" => Event::Deliver,
        "fail" => Event::Fail,
        "defer" => Event::Defer,
        "expand" => Event::Expand,
        "redirect" => Event::Redirect,
        "resolve" => Event::Resolve,
        "drop" => Event::Drop,
        "dsn" => Event::Dsn,
        "agent_info" => Event::AgentInfo,
        "note" => Event::Note,
        _ => return None,
    })
}

impl Table for ExtendedReport {
    const ID_NAMES: &'static [&'static str] = &["networkmessageid", "messageid"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const POSITIONS: Option<&'static [&'static str]> = Some(TRACKING_LOG);

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        if let Some(original) = bounced_message(row) {
            return vec![original];
        }
        super::message_trace::ids(row, &["networkmessageid"], &["messageid"])
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        let senders = row.addresses(&["returnpath", "senderaddress"]);
        likeness.fits(&senders, &row.addresses(RECIPIENT), row.text(&["messagesubject"]), at)
    }

    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (row.addresses(&["returnpath", "senderaddress"]), row.addresses(RECIPIENT))
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        row.text(EVENT).map(drop).ok_or_else(|| missing("event_id", "the row has other cells"))
    }

    /// A row with a schema version comes from the log of an Exchange Server.
    fn speaker(&self, row: &Row) -> System {
        match row.has(&["schemaversion"]) {
            true => System::of(Product::Other("Exchange Server".to_owned())),
            false => System::of(Product::ExchangeOnline),
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = row.addresses(RECIPIENT);
        if let Some(original) = bounced_message(row) {
            facts.about.envelope_recipients = Vec::new();
            facts.about.ids = vec![original];
            facts.say_by(EVENT, Fact::NoticeSent { notice: row.text(&["messageid"]).and_then(Identifier::message_id) });
            return;
        }
        facts.say(Fact::Identity(identity(row)));
        TransportEvent::of(row).state(facts);
        state_agents(row, facts);
    }
}

/// On a row about a bounce itself (null sender), the message for which it was made.
fn bounced_message(row: &Row) -> Option<Identifier> {
    let is_dsn = row.text(EVENT).is_some_and(|event| event.eq_ignore_ascii_case("DSN"));
    let from_nobody = sender(row, &["returnpath"]).is_some_and(|sender| sender.is_null());
    let reference = row.text(&["reference"]).filter(|reference| reference.contains('@'))?;
    (is_dsn && from_nobody).then(|| Identifier::message_id(reference)).flatten()
}

fn identity(row: &Row) -> Identity {
    // The return path is what MAIL FROM said; the sender column is the message's own Sender or From.
    let envelope_sender = match row.text(&["returnpath"]) {
        Some(_) => sender(row, &["returnpath"]),
        None => sender(row, &["senderaddress"]).filter(|sender| !sender.is_null()),
    };
    Identity {
        envelope_sender,
        subject: subject(row, &["messagesubject"]),
        size_bytes: row.text(&["totalbytes"]).and_then(|size| size.parse().ok()),
        direction: direction(row),
        ..Identity::default()
    }
}

/// What the agents wrote into `custom_data`.
fn state_agents(row: &Row, facts: &mut Facts<'_>) {
    let custom = row.text(CUSTOM).unwrap_or("");
    let entries = agent_entries(custom);
    for verdict in verdicts(&entries) {
        let is_held = verdict.action == evidence::Action::Quarantined && verdict.scope == Scope::Enforced;
        let said = verdict.said.clone();
        let policy = verdict.policy.clone();
        facts.say_by(CUSTOM, Fact::Verdict(verdict));
        if is_held {
            facts.say_by(CUSTOM, Fact::Quarantine(evidence::Quarantine { policy, ..held(said) }));
        }
    }
    let released = |entry: &&AgentEntry<'_>| entry.get("SFV").is_some_and(|sfv| sfv.eq_ignore_ascii_case("SKQ"));
    if let Some(entry) = entries.iter().find(released) {
        let said = format!("SFV:SKQ in {}", entry.said);
        let step = ReleaseStep::Released;
        facts.say_by(CUSTOM, Fact::Release(Release { step, by: None, for_recipients: Vec::new(), next: None, said }));
    }
}

/// One row, read as an event.
struct TransportEvent<'r> {
    row: &'r Row,
    event: Event,
    word: &'r str,
    source: &'r str,
    context: &'r str,
    recipients: Vec<Address>,
    related: Vec<Address>,
}

impl<'r> TransportEvent<'r> {
    fn of(row: &'r Row) -> TransportEvent<'r> {
        let word = row.text(EVENT).unwrap_or("");
        TransportEvent {
            row,
            event: AGENT_CODES.means("event_id", word).and_then(event).unwrap_or(Event::Note),
            word,
            source: row.text(&["source"]).unwrap_or(""),
            context: row.text(&["sourcecontext"]).unwrap_or(""),
            recipients: row.addresses(RECIPIENT),
            related: row.addresses(&["relatedrecipientaddress"]),
        }
    }

    fn state(&self, facts: &mut Facts<'_>) {
        match self.event {
            Event::Receive if self.source.eq_ignore_ascii_case("SMTP") => {
                facts.say_by(EVENT, Fact::Arrival(self.arrival()));
            }
            Event::Send if self.goes_out() => self.state_sent(facts),
            Event::Deliver => self.state_delivery(facts),
            Event::Fail => self.state_attempts(Outcome::Refused, facts),
            Event::Defer => self.state_attempts(Outcome::Deferred, facts),
            Event::Expand => self.state_expansion(facts),
            Event::Redirect => {
                let to = self.recipients.clone();
                facts.about(self.original(), |facts| {
                    facts.say_by(EVENT, Fact::Redirect(Redirect::Forwarded { to, keeps_copy: None }));
                });
            }
            Event::Resolve => {
                let to = self.recipients.first().filter(|_| !self.related.is_empty()).cloned();
                facts.about(self.original(), |facts| {
                    facts.say_by(EVENT, Fact::Redirect(Redirect::Resolved { to }));
                });
            }
            Event::Drop if self.statuses().contains("RESOLVER.GRP.Expanded") => self.state_expansion(facts),
            Event::Drop => facts.say_by(EVENT, Fact::Discarded { said: self.sentence() }),
            Event::Dsn => {
                let notice = self.row.text(&["reference"]).and_then(Identifier::message_id);
                facts.say_by(EVENT, Fact::NoticeSent { notice });
            }
            _ => facts.say_by(EVENT, Fact::Note { said: self.sentence() }),
        }
    }

    /// Event, source and context in one line, with the reference of a forked or rule-made copy.
    fn sentence(&self) -> String {
        let mut said = format!("{} by {}", self.word, self.source);
        let server = self.server().map(|server| server.to_string()).unwrap_or_default();
        for (name, text) in [
            ("server ", server.as_str()),
            ("", self.context),
            ("reference ", self.row.text(&["reference"]).unwrap_or("")),
            ("", self.row.text(STATUS).unwrap_or("")),
        ] {
            if !text.is_empty() {
                said.push_str(&format!("; {name}{text}"));
            }
        }
        said
    }

    fn statuses(&self) -> String {
        format!("{} {}", self.row.text(STATUS).unwrap_or(""), self.context)
    }

    fn connector(&self) -> Option<String> {
        self.row.text(&["connectorid"]).map(str::to_owned)
    }

    fn server(&self) -> Option<Peer> {
        peer(self.row.text(&["serverhostname"]), self.row.text(&["serverip"]))
    }

    /// The address before it was rewritten; the row's own recipients if it names none.
    fn original(&self) -> Vec<Address> {
        if self.related.is_empty() { self.recipients.clone() } else { self.related.clone() }
    }

    fn arrival(&self) -> Arrival {
        let ip = self.row.text(&["originalclientip", "clientip"]);
        let same = ip.is_none() || ip == self.row.text(&["clientip"]);
        let name = self.row.text(&["clienthostname"]).filter(|_| same);
        Arrival {
            client: peer(name, ip),
            outcome: Outcome::Accepted,
            reply: None,
            connector: self.connector(),
            earlier: None,
            scope: Scope::Enforced,
        }
    }

    /// Whether a SEND leaves the service, rather than passing between its own transport services.
    fn goes_out(&self) -> bool {
        let connector = self.row.text(&["connectorid"]).unwrap_or("").to_ascii_lowercase();
        let inside = connector.starts_with("intra-organization") || self.server().as_ref().is_some_and(is_inside);
        self.source.eq_ignore_ascii_case("SMTP") && !inside
    }

    fn state_sent(&self, facts: &mut Facts<'_>) {
        for (recipients, text) in self.replies() {
            let handover = Handover {
                to: self.server(),
                next_hop: NextHop::MailServer,
                outcome: Outcome::Accepted,
                reply: (!text.is_empty()).then(|| reply(&text)),
                spoken_by_next_hop: true,
                next: None,
                attempt: None,
                connector: self.connector(),
                tls: None,
            };
            facts.about(recipients, |facts| facts.say_by(EVENT, Fact::Handover(handover)));
        }
    }

    fn state_attempts(&self, outcome: Outcome, facts: &mut Facts<'_>) {
        for (recipients, text) in self.replies() {
            let error = last_error(&text);
            let attempt = Attempt {
                outcome,
                reply: reply(&error.text),
                peer: error.peer.or_else(|| self.server().filter(|_| self.source.eq_ignore_ascii_case("SMTP"))),
                agent: if self.source.eq_ignore_ascii_case("AGENT") { self.context } else { self.source },
                from_external_server: self.external_flag(),
                connector: self.connector(),
            };
            facts.about(recipients, |facts| {
                facts.say_by(STATUS, Fact::Handover(attempt.handover()));
                if let Some(verdict) = attempt.verdict() {
                    facts.say_by(STATUS, Fact::Verdict(verdict));
                }
            });
        }
    }

    fn external_flag(&self) -> Option<bool> {
        let entries = agent_entries(self.row.text(CUSTOM)?);
        let entry =
            entries.iter().find(|entry| entry.agent.eq_ignore_ascii_case("IsSmtpResponseFromExternalServer"))?;
        entry.part.to_ascii_lowercase().parse().ok()
    }

    /// Each recipient with its own answer where the two lists are of one length, else all with the whole text.
    fn replies(&self) -> Vec<(Vec<Address>, String)> {
        let whole = match self.row.text(STATUS) {
            Some(status) => status.to_owned(),
            None => self.context.to_owned(),
        };
        let parts: Vec<&str> = whole.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
        let braced = whole.contains("{LED=");
        if self.recipients.len() > 1 && parts.len() == self.recipients.len() && !braced {
            let pairs = self.recipients.iter().zip(parts);
            return pairs
                .map(|(recipient, part)| {
                    let text = part.split_once("##").map_or(part, |(_, text)| text);
                    (vec![recipient.clone()], text.to_owned())
                })
                .collect();
        }
        vec![(self.recipients.clone(), whole)]
    }

    fn state_expansion(&self, facts: &mut Facts<'_>) {
        let is_expansion = self.event == Event::Expand && !self.related.is_empty();
        let members = if is_expansion { self.recipients.clone() } else { Vec::new() };
        let group = if is_expansion { self.related.clone() } else { self.recipients.clone() };
        facts.about(group, |facts| facts.say_by(EVENT, Fact::Redirect(Redirect::Expanded { members })));
    }

    fn state_delivery(&self, facts: &mut Facts<'_>) {
        let named = [self.row.text(STATUS), Some(self.context), self.row.text(CUSTOM)]
            .into_iter()
            .flatten()
            .find_map(folder_named);
        let (folder, said) = named.map_or((None, String::new()), |(folder, said)| (Some(folder), said));
        let is_held = folder == Some(Folder::Quarantine);
        facts.say_by(EVENT, Fact::Stored(Stored { folder, chosen_by: None }));
        if is_held {
            facts.say_by(EVENT, Fact::Quarantine(held(said)));
        }
    }
}
