//! Message trace detail: what happened to one message for one recipient, one row an event.

use std::sync::LazyLock;

use evidence::{
    Action, Address, Arrival, Fact, Folder, Handover, Identifier, Identity, NextHop, Outcome, PolicyRef, Quarantine,
    QuarantineState, Redirect, Scope, SourceId, Stored, Unit, Verdict, VerdictKind,
};

use super::STORE;
use super::agent_data::{
    AGENT_CODES, AgentEntry, Meps, agent_entries, spam_filter_verdict, strongest_action, verdicts,
};
use super::message_trace::{ids, sender};
use super::refusal::Attempt;
use super::reply::{last_error, peer, reply};
use crate::codes::{self, Codes};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, decoded, missing};
use crate::text::encoding_of;
use crate::{Export, Head, Input, Likeness, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NETWORK_ID: &[&str] = &["messagetraceid", "networkmessageid", "id"];
const DATE: &[&str] = &["date", "datetime", "dateutc"];
const EVENT: &[&str] = &["event"];
const DETAIL: &[&str] = &["detail", "description"];
const RECIPIENT: &[&str] = &["recipientaddress"];
const NEEDS: &[Need] = &[
    ("MessageTraceId", &["messagetraceid", "networkmessageid", "messageid"]),
    ("Date", DATE),
    ("Event", EVENT),
    ("Detail", &["detail", "description", "data"]),
];

/// Message trace detail of Exchange Online.
pub(crate) struct MessageTraceDetail;

impl Source for MessageTraceDetail {
    fn id(&self) -> SourceId {
        "exchange-online/message-trace-detail"
    }

    fn title(&self) -> &'static str {
        "Exchange Online message trace detail"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "Get-MessageTraceV2 -MessageId '<{message_id}>' -StartDate '{start}' -EndDate '{end}' | \
                 ForEach-Object { Get-MessageTraceDetailV2 -MessageTraceId $_.MessageTraceId \
                 -RecipientAddress $_.RecipientAddress } | ConvertTo-Json -Depth 4 | \
                 Set-Content message_trace_detail.json -Encoding utf8",
            ),
            clicks: Some("Exchange admin center > Mail flow > Message trace > open the row > Message events"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "the order of events within one second",
            "other recipients of the message: one export is about one recipient",
            "what inbox rules, ZAP or a person did after delivery",
            "a recipient at all in the plain answer of the Graph call: keep the call's recipientAddress beside it",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["processingid", "aggregateid", "acode", "eventid", "status"], None)
    }
}

impl Table for MessageTraceDetail {
    const ROWS_STAND_ALONE: bool = false;
    const ID_NAMES: &'static [&'static str] = &["messagetraceid", "networkmessageid", "id", "messageid"];
    const DATE_NAMES: &'static [&'static str] = DATE;

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        ids(row, NETWORK_ID, &["messageid"])
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        likeness.fits(&row.addresses(&["senderaddress"]), &recipients(row), None, at)
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        row.text(EVENT).map(drop).ok_or_else(|| missing("Event", "the row has other keys"))
    }

    fn surround(&self, input: &Input<'_>, rows: &mut [Row]) {
        outer_recipients(input, rows);
    }

    fn needs_all_rows(&self, is_json: bool) -> bool {
        is_json
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = recipients(row);
        let event = Event::of(row);
        let return_path = event.meps.get("ReturnPath").map(Address::new);
        if let Some(sender) = sender(row, &["senderaddress"]).or(return_path) {
            facts.say(Fact::Identity(Identity { envelope_sender: Some(sender), ..Identity::default() }));
        }
        event.state(facts);
    }
}

fn recipients(row: &Row) -> Vec<Address> {
    let own = row.addresses(RECIPIENT);
    if own.is_empty() { row.outer_recipient.iter().map(|said| Address::new(said)).collect() } else { own }
}

/// One event with its sentence and properties.
struct Event<'r> {
    word: &'r str,
    action: &'r str,
    detail: &'r str,
    data: &'r str,
    meps: Meps,
}

impl<'r> Event<'r> {
    fn of(row: &'r Row) -> Event<'r> {
        let data = row.text(&["data"]).unwrap_or("");
        Event {
            word: row.text(EVENT).unwrap_or(""),
            action: row.text(&["action"]).unwrap_or(""),
            detail: row.text(DETAIL).unwrap_or(""),
            data,
            meps: Meps::of(data),
        }
    }

    fn state(&self, facts: &mut Facts<'_>) {
        match CODES.means("Event", self.word).unwrap_or("other") {
            "receive" => facts.say_by(EVENT, Fact::Arrival(self.arrival())),
            "spam" => self.state_filter(VerdictKind::Spam, facts),
            "malware" => self.state_filter(VerdictKind::Malware, facts),
            "transport_rule" => self.state_rule(VerdictKind::TransportRule, "Transport rule", facts),
            "dlp_rule" => self.state_rule(VerdictKind::DataLoss, "DLP rule", facts),
            "defer" => self.state_attempt(Outcome::Deferred, facts),
            "fail" => self.state_attempt(Outcome::Refused, facts),
            "drop" if self.detail.contains("RESOLVER.GRP.Expanded") => {
                facts.say_by(DETAIL, Fact::Redirect(Redirect::Expanded { members: Vec::new() }));
            }
            "drop" => facts.say_by(EVENT, Fact::Discarded { said: self.sentence() }),
            "expand" => {
                facts.say_by(EVENT, Fact::Redirect(Redirect::Expanded { members: Vec::new() }));
            }
            "resolve" => {
                let to = self.related().into_iter().next();
                facts.say_by(EVENT, Fact::Redirect(Redirect::Resolved { to }));
            }
            "redirect" => {
                let to = self.related();
                facts.say_by(EVENT, Fact::Redirect(Redirect::Forwarded { to, keeps_copy: None }));
            }
            "send" => facts.say_by(EVENT, Fact::Handover(self.sent())),
            "deliver" => self.state_delivery(facts),
            "submit" => facts.say(Fact::Note { said: format!("taken from a mailbox: {}", self.sentence()) }),
            _ => facts.say(Fact::Note { said: self.sentence() }),
        }
    }

    /// Event and detail in one line.
    fn sentence(&self) -> String {
        let parts: Vec<&str> =
            [self.word, self.action, self.detail].into_iter().filter(|text| !text.is_empty()).collect();
        parts.join(": ")
    }

    fn arrival(&self) -> Arrival {
        let name = self.meps.get("ProxiedClientHostname").or_else(|| self.meps.get("ClientName"));
        let ip = self.meps.get("ProxiedClientIPAddress").or_else(|| self.meps.get("ClientIP"));
        Arrival {
            client: peer(name, ip),
            outcome: Outcome::Accepted,
            reply: None,
            connector: self.meps.get("ConnectorId").map(str::to_owned),
            earlier: None,
            scope: Scope::Enforced,
        }
    }

    /// The verdict of a filter, and the hold if that is what it did.
    fn state_filter(&self, default: VerdictKind, facts: &mut Facts<'_>) {
        let custom = self.meps.get("CustomData").unwrap_or("");
        let entries = agent_entries(custom);
        let of_filter = |entry: &&AgentEntry<'_>| entry.agent.eq_ignore_ascii_case("SFA");
        let spam_filter = entries.iter().find(of_filter);
        let by_keys =
            spam_filter_verdict(|key| self.meps.get(key).or_else(|| spam_filter.and_then(|entry| entry.get(key))), "");
        let of_rule = |entry: &AgentEntry<'_>| ["TRA", "DPA"].iter().any(|rule| entry.agent.eq_ignore_ascii_case(rule));
        let others: Vec<AgentEntry<'_>> = entries.iter().filter(|entry| !of_rule(entry)).cloned().collect();
        let by_agent = verdicts(&others).into_iter().next();
        let mut kind = by_keys.as_ref().or(by_agent.as_ref()).map(|verdict| verdict.kind.clone());
        if default == VerdictKind::Malware || kind == Some(VerdictKind::Unknown) || kind == Some(VerdictKind::Clean) {
            kind = None;
        }
        let action = self.filter_action(by_keys.as_ref().or(by_agent.as_ref()));
        let said = self.sentence();
        facts.say_by(
            EVENT,
            Fact::Verdict(Verdict {
                kind: kind.unwrap_or(default),
                action: action.clone(),
                said: said.clone(),
                policy: None,
                scope: Scope::Enforced,
            }),
        );
        if action == Action::Quarantined {
            facts.say_by(EVENT, Fact::Quarantine(held(said)));
        }
    }

    /// The action: the Action column, else the quarantine agent's name, else what the agents' data says.
    fn filter_action(&self, agents: Option<&Verdict>) -> Action {
        if let Some(action) = AGENT_CODES.means("Action", self.action).and_then(codes::action) {
            return action;
        }
        let context = self.meps.get("SourceContext").unwrap_or("").to_ascii_lowercase();
        if context.contains("quarantine agent") || self.detail.to_ascii_lowercase().contains("quarantine") {
            return Action::Quarantined;
        }
        agents.map_or(Action::NotSaid, |verdict| verdict.action.clone())
    }

    fn state_rule(&self, kind: VerdictKind, prefix: &str, facts: &mut Facts<'_>) {
        let policy = rule_named(self.detail, prefix, &kind);
        let id = policy.as_ref().and_then(|policy| policy.id.clone());
        let entries = agent_entries(self.meps.get("CustomData").unwrap_or(""));
        let by_agent = verdicts(&entries).into_iter().find(|verdict| {
            verdict.kind == kind && verdict.policy.as_ref().is_none_or(|named| named.id == id || id.is_none())
        });
        let stated = strongest_action([self.action].into_iter());
        let action = match (stated, by_agent.as_ref()) {
            (Action::NotSaid, Some(verdict)) => verdict.action.clone(),
            (stated, _) => stated,
        };
        let scope = by_agent.map_or(Scope::Enforced, |verdict| verdict.scope);
        let said = self.sentence();
        let is_held = action == Action::Quarantined && scope == Scope::Enforced;
        facts.say_by(EVENT, Fact::Verdict(Verdict { kind, action, said: said.clone(), policy: policy.clone(), scope }));
        if is_held {
            facts.say_by(EVENT, Fact::Quarantine(Quarantine { policy, ..held(said) }));
        }
    }

    fn state_attempt(&self, outcome: Outcome, facts: &mut Facts<'_>) {
        let error = last_error(self.detail);
        let text = match self.meps.get("RecipientStatus") {
            Some(status) if error.text.is_empty() => status.to_owned(),
            _ => error.text,
        };
        let attempt = Attempt {
            outcome,
            reply: reply(&text),
            peer: error.peer.or_else(|| self.target()),
            agent: self.meps.get("SourceContext").unwrap_or(""),
            from_external_server: self.external_flag(),
            connector: self.meps.get("ConnectorId").map(str::to_owned),
        };
        facts.say_by(DETAIL, Fact::Handover(attempt.handover()));
        if let Some(verdict) = attempt.verdict() {
            facts.say_by(DETAIL, Fact::Verdict(verdict));
        }
    }

    fn external_flag(&self) -> Option<bool> {
        let custom = self.meps.get("CustomData").unwrap_or("");
        let lone = |entry: &AgentEntry<'_>| entry.agent.eq_ignore_ascii_case("IsSmtpResponseFromExternalServer");
        let entries = agent_entries(custom);
        let said = self
            .meps
            .get("IsSmtpResponseFromExternalServer")
            .or_else(|| entries.iter().find(|entry| lone(entry)).map(|entry| entry.part))?;
        said.parse::<bool>().ok().or_else(|| said.to_ascii_lowercase().parse().ok())
    }

    fn target(&self) -> Option<evidence::Peer> {
        let name = self.meps.get("OutboundProxyTargetHostName").or_else(|| self.meps.get("RcptDomainMailSvr"));
        peer(name, self.meps.get("OutboundProxyTargetIPAddress"))
    }

    /// `Message sent to mx.example.net at 192.0.2.1 using TLS1.2`, or the properties.
    fn sent(&self) -> Handover {
        let word_after = |word: &str| {
            let mut words = self.detail.split_whitespace().skip_while(|next| !next.eq_ignore_ascii_case(word));
            words.nth(1).map(|found| found.trim_end_matches(['.', ',']))
        };
        let is_sentence = self.detail.to_ascii_lowercase().contains("sent to");
        let by_text = if is_sentence { peer(word_after("to"), word_after("at")) } else { None };
        Handover {
            to: by_text.or_else(|| self.target()),
            next_hop: NextHop::MailServer,
            outcome: Outcome::Accepted,
            reply: self.meps.get("RecipientStatus").map(reply),
            spoken_by_next_hop: true,
            next: None,
            attempt: None,
            connector: self.meps.get("ConnectorId").map(str::to_owned),
            tls: word_after("using").filter(|_| is_sentence).or_else(|| self.meps.get("tlsversion")).map(str::to_owned),
        }
    }

    fn state_delivery(&self, facts: &mut Facts<'_>) {
        let named = folder_named(self.detail).or_else(|| folder_named(self.data));
        let (folder, word) = match named {
            Some((folder, word)) => (Some(folder), Some(word)),
            None => (None, None),
        };
        let is_held = folder == Some(Folder::Quarantine);
        facts.say_by(EVENT, Fact::Stored(Stored { folder, chosen_by: None }));
        if is_held {
            facts.say_by(EVENT, Fact::Quarantine(held(word.unwrap_or_default())));
        }
    }

    fn related(&self) -> Vec<Address> {
        let said = self.meps.get("RelatedRecipient").or_else(|| self.meps.get("RecipientReference")).unwrap_or("");
        said.split([';', ',']).map(Address::new).filter(|address| address.domain().is_some()).collect()
    }
}

/// A copy held by the service's quarantine.
pub(super) fn held(said: String) -> Quarantine {
    Quarantine { state: QuarantineState::Held, store: STORE.to_owned(), policy: None, id: None, until: None, said }
}

/// The folder after `DefaultFolderType:`, or the user's own after `delivered to the folder:`, and the words that say so.
pub(super) fn folder_named(text: &str) -> Option<(Folder, String)> {
    let Some(start) = text.find("DefaultFolderType") else { return own_folder(text) };
    let rest = &text[start + "DefaultFolderType".len()..];
    let name = rest.trim_start_matches([':', '=', ' ', '\'', '"']);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    let name = &name[..end];
    let lower = name.to_ascii_lowercase();
    let folder = match lower.as_str() {
        "" => return None,
        "inbox" => Folder::Inbox,
        "junkemail" => Folder::Junk,
        "deleteditems" => Folder::Deleted,
        _ if lower.starts_with("quarantinedemail") => Folder::Quarantine,
        _ => Folder::Other(name.to_owned()),
    };
    Some((folder, format!("DefaultFolderType:{name}")))
}

/// `delivered to the folder: Clients`.
fn own_folder(text: &str) -> Option<(Folder, String)> {
    const LEAD: &str = "delivered to the folder:";
    let start = text.to_ascii_lowercase().find(LEAD)?;
    let name = text.get(start + LEAD.len()..)?.lines().next()?.trim().trim_end_matches('.').trim_matches(['\'', '"']);
    let is_name = !name.is_empty() && name.len() <= 256 && !name.contains(['<', '|', ';']);
    is_name.then(|| (Folder::Other(name.to_owned()), format!("folder {name}")))
}

/// Name and id out of `Transport rule: 'name', ID: ('guid'), DLP policy: 'name', ID: (guid).`
fn rule_named(detail: &str, prefix: &str, kind: &VerdictKind) -> Option<PolicyRef> {
    let lower = detail.to_ascii_lowercase();
    let start = lower.find(&prefix.to_ascii_lowercase())? + prefix.len();
    let rest = detail.get(start..)?.trim_start_matches([':', ' ']);
    let rest = rest.strip_prefix('\'').unwrap_or(rest);
    // A rule's name may hold an apostrophe: it ends where the id begins.
    let end = rest.find("', ID").or_else(|| rest.find('\'')).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let id = rest.find('(').map(|at| &rest[at + 1..]).and_then(|inner| inner.split(')').next());
    let id = id.map(|id| id.trim_matches(['\'', ' ']).to_owned()).filter(|id| !id.is_empty());
    let kind = if *kind == VerdictKind::DataLoss { "DataLossPreventionRule" } else { "ExchangeTransportRule" };
    let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    Some(PolicyRef { kind: Some(kind.to_owned()), name, id })
}

/// Gives rows without a recipient the one that the object around their array names, before or after it.
fn outer_recipients(input: &Input<'_>, rows: &mut [Row]) {
    if rows.iter().all(|row| row.has(RECIPIENT)) {
        return;
    }
    let (encoding, _) = encoding_of(input.bytes);
    let between = |from: u64, to: u64| {
        let bytes = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        bytes.and_then(|(from, to)| input.bytes.get(from..to)).map(|bytes| decoded(bytes, encoding)).unwrap_or_default()
    };
    let (mut group_start, mut last_end, mut recipient) = (0, 0, None);
    for at in 0..=rows.len() {
        let start = rows.get(at).map_or(input.bytes.len() as u64, |row| row.bytes().start);
        let gap = between(last_end, start);
        let begins_anew = at == 0 || at == rows.len() || gap.contains(['[', '{', ']']);
        if begins_anew {
            // What stands before the closing brace belongs to the rows before it.
            let (after, before) = if at == 0 { ("", gap.as_str()) } else { split_gap(&gap) };
            let named = recipient.take().or_else(|| recipient_in(after));
            for row in rows.get_mut(group_start..at).unwrap_or_default() {
                row.outer_recipient = named.clone();
            }
            recipient = recipient_in(before);
            group_start = at;
        }
        last_end = rows.get(at).map_or(start, |row| row.bytes().end);
    }
}

/// Splits the text between two rows into the rest of the object around the first and the start of that around the next.
fn split_gap(gap: &str) -> (&str, &str) {
    let end = gap.find(']').map_or(0, |at| at + gap[at..].find('}').unwrap_or(gap.len() - at));
    gap.split_at(end)
}

/// The value of a key that ends in `recipientAddress`, or of the call's parameter of that name.
fn recipient_in(gap: &str) -> Option<String> {
    let lower = gap.to_ascii_lowercase();
    let at = lower.find("recipientaddress")? + "recipientaddress".len();
    let rest = gap.get(at..)?.trim_start_matches(['"', ' ', ':', '=', '\n', '\r', '\t', '\'']);
    let rest = rest.strip_prefix("%27").unwrap_or(rest);
    let end = rest.find(['"', '\'', ')', '%']).unwrap_or(rest.len());
    Some(rest[..end].to_owned()).filter(|said| said.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        let known = [
            "receive",
            "submit",
            "spam",
            "malware",
            "transport_rule",
            "dlp_rule",
            "note",
            "defer",
            "drop",
            "expand",
            "resolve",
            "redirect",
            "send",
            "deliver",
            "fail",
        ];
        codes::check_codes(&CODES, |code| known.contains(&code.means.as_str()));
    }

    #[test]
    fn ok_rules() {
        for (name, detail, rule, id) in [
            ("plain", "Transport rule: 'Stop it', ID: ('0-1'), DLP policy: '', ID: (0).", Some("Stop it"), Some("0-1")),
            ("apostrophe", "Transport rule: 'Don't', ID: (0-1).", Some("Don't"), Some("0-1")),
            ("no id", "Transport rule: 'x'", Some("x"), None),
        ] {
            let found = rule_named(detail, "Transport rule", &VerdictKind::TransportRule).unwrap_or_default();
            assert_eq!((found.name.as_deref(), found.id.as_deref()), (rule, id), "{name}");
        }
    }

    #[test]
    fn ok_folders() {
        for (text, expected) in [
            ("delivered to the folder: DefaultFolderType:Inbox", Some(Folder::Inbox)),
            ("DefaultFolderType:JunkEmail.", Some(Folder::Junk)),
            ("DefaultFolderType:QuarantinedEmailSecured", Some(Folder::Quarantine)),
            ("DefaultFolderType=Clutter", Some(Folder::Other("Clutter".to_owned()))),
            ("delivered", None),
        ] {
            assert_eq!(folder_named(text).map(|(folder, _)| folder), expected, "{text}");
        }
    }
}
