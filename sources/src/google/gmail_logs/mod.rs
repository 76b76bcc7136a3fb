//! Gmail logs: one row a step of a message, from BigQuery or the activity report of the application `gmail`.

mod positional;

use std::sync::LazyLock;

use evidence::{
    Access, Action, Address, Arrival, AuthMethod, AuthResult, Authentication, Carried, Fact, Folder, Handover,
    Identifier, Identity, NextHop, Outcome, Peer, PolicyRef, Product, Quarantine, QuarantineState, Reading, Redirect,
    Release, ReleaseStep, Reply, Scope, SourceId, Status, Stored, System, TraceStatus, Unit, Verdict, VerdictKind,
};
use serde_json::{Map, Value};

use super::{message_id, parameters, texts};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NEEDS: &[Need] = &[("event_info", &["eventinfo"]), ("message_info", &["messageinfo"])];

/// Gmail logs.
pub(crate) struct GmailLogs;

impl Source for GmailLogs {
    fn id(&self) -> SourceId {
        "google/gmail-logs"
    }

    fn title(&self) -> &'static str {
        "Gmail logs (BigQuery or activity report)"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "bq query --format=prettyjson --max_rows=10000 --nouse_legacy_sql \"SELECT event_info, message_info FROM gmail_logs_dataset.daily_20261101 WHERE message_info.rfc2822_message_id = '<{message_id}>' ORDER BY event_info.timestamp_usec\" > gmail_logs.json",
            ),
            clicks: Some("Google Admin console > Reporting > Audit and investigation > Gmail log events > Export all"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "why authentication did not pass: the rows say only whether it did",
            "what a person did in a mail program before the logs were switched on; rows come some minutes to hours late",
            "which folder rows without the service gmail-ui end in",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let is_report = head.text.contains("admin#reports#activit")
            && head.text.contains("\"gmail\"")
            && head.text.contains("\"delivery\"");
        if is_report || positional::is_answer(head.text) {
            return Recognition::Certain;
        }
        table::recognise(head, NEEDS, &[], None)
    }
}

impl Reader for GmailLogs {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        if let Some(rows) = positional::rows(input, query)? {
            let named = Input { name: input.name.clone(), bytes: rows.text.as_bytes() };
            let reading = table::read(&Named, &named, query)?;
            return Ok(rows.cited(reading));
        }
        table::read(&Named, input, query)
    }

    fn spelled(&self, input: &Input<'_>) -> crate::table::Spelled {
        crate::table::Spelled::in_table(&Named, input)
    }
}

/// Rows whose fields are named.
struct Named;

impl Table for Named {
    const WRAPPERS: &'static [&'static str] = &["items", "rows", "log"];
    const INNER: &'static [&'static str] = &["id", "parameters", "eventinfo", "messageinfo"];
    const ID_NAMES: &'static [&'static str] = &["messageinfo", "rfc2822messageid", "events"];
    const DATE_NAMES: &'static [&'static str] = &["timestampusec", "time"];

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        steps(row).iter().filter_map(|step| message_id(&step.text("rfc2822_message_id")?)).collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &crate::Likeness) -> bool {
        steps(row).iter().any(|step| {
            let identity = step.identity();
            let senders: Vec<Address> = identity.envelope_sender.into_iter().chain(identity.header_from).collect();
            likeness.fits(&senders, &step.recipients(), identity.subject.as_deref(), at)
        })
    }

    fn parties(&self, row: &Row) -> (Vec<Address>, Vec<Address>) {
        let steps = steps(row);
        let senders = steps.iter().filter_map(|step| step.identity().envelope_sender).collect();
        (senders, steps.iter().flat_map(Step::recipients).collect())
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        match steps(row).is_empty() {
            true => Err(missing("message_info", "the row has other keys")),
            false => Ok(()),
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::GoogleWorkspace)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        for step in steps(row) {
            let at = step.text("timestamp_usec").and_then(|at| facts.instant(&at));
            facts.when = at.or(facts.when.take());
            facts.about.envelope_recipients = step.recipients();
            step.state(facts);
        }
    }
}

/// One step of a message: the members of `event_info` and `message_info`, side by side.
struct Step {
    members: Map<String, Value>,
}

/// Members that a row opened from `event_info` and `message_info` may have.
const MEMBERS: &[&str] = &[
    "timestamp_usec",
    "success",
    "mail_event_type",
    "rfc2822_message_id",
    "subject",
    "source",
    "destination",
    "flattened_destinations",
    "action_type",
    "description",
    "is_spam",
    "spam_info",
    "triggered_rule_info",
    "connection_info",
    "payload_size",
    "attachment",
    "post_delivery_info",
];

/// The steps of a row: itself, or the events of an activity that are deliveries.
fn steps(row: &Row) -> Vec<Step> {
    let events = row.objects(&["events"]);
    if !events.is_empty() {
        return events.iter().filter_map(step_of_event).collect();
    }
    let mut members = Map::new();
    for name in MEMBERS {
        let key = crate::codes::folded(name);
        let value = match row.tree(&[&key]) {
            Some(tree) => tree.into_owned(),
            None => match row.list(&[&key]).as_slice() {
                [] => continue,
                [one] => Value::String((*one).to_owned()),
                several => several.iter().map(|text| Value::String((*text).to_owned())).collect(),
            },
        };
        members.insert((*name).to_owned(), value);
    }
    let is_step =
        ["action_type", "mail_event_type", "rfc2822_message_id"].iter().any(|name| members.contains_key(*name));
    if is_step { vec![Step { members }] } else { Vec::new() }
}

fn step_of_event(event: &Map<String, Value>) -> Option<Step> {
    let list = event.get("parameters")?.as_array()?;
    let of_event = parameters(list, 0);
    let mut members = Map::new();
    for name in ["event_info", "message_info"] {
        if let Some(Value::Object(inner)) = of_event.get(name) {
            members.extend(inner.clone());
        }
    }
    (!members.is_empty()).then_some(Step { members })
}

impl Step {
    fn text(&self, name: &str) -> Option<String> {
        texts(self.members.get(name)?).into_iter().next()
    }

    fn within(&self, outer: &str, name: &str) -> Option<String> {
        texts(self.members.get(outer)?.get(name)?).into_iter().next()
    }

    /// The objects under a name: one, or those of a list.
    fn objects(&self, name: &str) -> Vec<&Map<String, Value>> {
        match self.members.get(name) {
            Some(Value::Object(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_object).collect(),
            _ => Vec::new(),
        }
    }

    /// Service, selector and address of each destination, also as one text (`service:selector:address`).
    fn destinations(&self) -> Vec<(String, String, Address)> {
        let of = |object: &Map<String, Value>, name: &str| {
            object.get(name).map(texts).unwrap_or_default().into_iter().next().unwrap_or_default()
        };
        let objects = self.objects("destination");
        if !objects.is_empty() {
            let each = |object: &&Map<String, Value>| {
                (of(object, "service"), of(object, "selector"), Address::new(&of(object, "address")))
            };
            return objects.iter().map(each).collect();
        }
        let flat = self.text("flattened_destinations").unwrap_or_default();
        let each = |part: &str| {
            let mut words = part.trim().splitn(3, ':');
            let (service, selector) = (words.next()?.to_owned(), words.next()?.to_owned());
            Some((service, selector, Address::new(words.next()?)))
        };
        flat.split(',').filter_map(each).collect()
    }

    fn recipients(&self) -> Vec<Address> {
        let mut found: Vec<Address> = self.destinations().into_iter().map(|(_, _, address)| address).collect();
        found.retain(|address| !address.is_null());
        found.dedup();
        found
    }

    fn identity(&self) -> Identity {
        let is_internal = self.within("connection_info", "is_internal").as_deref() == Some("true");
        Identity {
            envelope_sender: self.within("source", "address").map(|sender| Address::new(&sender)),
            header_from: self.within("source", "from_header_address").map(|from| Address::new(&from)),
            subject: self.text("subject"),
            size_bytes: self.text("payload_size").and_then(|size| size.parse().ok()),
            direction: is_internal.then_some(Access::Internal),
            ..Identity::default()
        }
    }

    fn succeeded(&self) -> Option<bool> {
        self.text("success").and_then(|word| word.parse().ok())
    }

    fn state(&self, facts: &mut Facts<'_>) {
        facts.say(Fact::Identity(self.identity()));
        self.authentication(facts);
        self.stage(facts);
        self.event(facts);
        self.verdicts(facts);
        for file in self.objects("attachment") {
            let of = |name: &str| file.get(name).map(texts).unwrap_or_default().into_iter().next();
            facts.say(Fact::Carried(Carried::Attachment {
                name: of("file_name"),
                sha256: of("sha256").map(|hash| hash.to_lowercase()),
                media_type: of("file_extension_type"),
                size_bytes: None,
            }));
            if let Some(family) = of("malware_family").filter(|family| family != "0") {
                let said = format!("malware_family={family}");
                facts
                    .say_key("malware_family", Fact::Verdict(verdict(VerdictKind::Malware, self.action(), said, None)));
            }
        }
    }

    /// Whether each method passed. A `false` is any other result, which the log does not tell.
    fn authentication(&self, facts: &mut Facts<'_>) {
        for (method, name) in
            [(AuthMethod::Spf, "spf_pass"), (AuthMethod::Dkim, "dkim_pass"), (AuthMethod::Dmarc, "dmarc_pass")]
        {
            let Some(word) = self.within("connection_info", name) else { continue };
            let said = format!("{name}={word}");
            let result = if word == "true" { AuthResult::Pass } else { AuthResult::Other("not passed".to_owned()) };
            let domain = None;
            facts.say_key(
                name,
                Fact::Authentication(Authentication {
                    method,
                    result,
                    domain,
                    authserv_id: None,
                    arc_instance: None,
                    client: None,
                    fault: None,
                    disposition: None,
                    reason: None,
                    said,
                }),
            );
        }
    }

    fn reply(&self) -> Option<Reply> {
        let code = self.within("connection_info", "smtp_reply_code");
        let reason = self.within("connection_info", "smtp_response_reason");
        let response =
            self.objects("destination").iter().find_map(|to| texts(to.get("rcpt_response")?).into_iter().next());
        if code.is_none() && response.is_none() {
            return None;
        }
        let reason = reason.map(|reason| match CODES.means("smtp_response_reason", &reason) {
            Some(means) => format!("smtp_response_reason={reason} ({means})"),
            None => format!("smtp_response_reason={reason}"),
        });
        let text = [response, reason, self.text("description")].into_iter().flatten().collect::<Vec<_>>().join("; ");
        Some(Reply { reply_code: code.and_then(|code| code.parse().ok()), enhanced_status_code: None, text })
    }

    /// How the step ended, by the reply code, else by whether the event succeeded.
    fn outcome(&self) -> Outcome {
        match (self.reply().and_then(|reply| reply.reply_code), self.succeeded()) {
            (Some(200..=299), _) => Outcome::Accepted,
            (Some(400..=499), _) => Outcome::Deferred,
            (Some(500..=599), _) => Outcome::Refused,
            (_, Some(true)) => Outcome::Accepted,
            (_, Some(false)) => Outcome::Refused,
            _ => Outcome::NotSaid,
        }
    }

    fn arrival(&self) -> Arrival {
        let ip = self.within("connection_info", "client_ip");
        let ip = ip.or_else(|| self.within("connection_info", "smtp_in_connect_ip"));
        Arrival {
            client: ip.map(|ip| Peer { ip: Some(ip), ..Peer::default() }),
            outcome: self.outcome(),
            reply: self.reply(),
            connector: None,
            earlier: None,
            scope: Scope::Enforced,
        }
    }

    /// What the stage of the pipeline (`action_type`) says.
    fn stage(&self, facts: &mut Facts<'_>) {
        let Some(number) = self.text("action_type").filter(|number| number != "0") else { return };
        let described = self.text("description").map(|text| format!(", {text}")).unwrap_or_default();
        let said = format!("action_type={number}{described}");
        let fact = match CODES.means("action_type", &number) {
            Some("received") => Fact::Arrival(self.arrival()),
            Some("accepted") if self.outcome() == Outcome::Refused => Fact::Arrival(self.arrival()),
            Some("handled") => return self.handled(&said, facts),
            Some("sent_out") => Fact::Handover(self.handover(self.outcome())),
            Some("retry") => Fact::Handover(self.handover(Outcome::Deferred)),
            Some("bounced") => Fact::Status(Status { status: TraceStatus::Bounced, said, to: None, from: None }),
            Some("dropped") => {
                let status = TraceStatus::Other("dropped".to_owned());
                facts.limit("action_type 19 (dropped) says neither whether a quarantine or a rule took the message: the events quarantined and the rules of the same message do");
                Fact::Status(Status { status, said, to: None, from: None })
            }
            Some("group") => Fact::Redirect(Redirect::Expanded { members: Vec::new() }),
            Some(means) => Fact::Note { said: format!("{} ({said})", means.replace('_', " ")) },
            None => Fact::Note { said },
        };
        facts.say_key("action_type", fact);
    }

    /// Handed to a mailbox or to a further service; only `gmail-ui` is a mailbox.
    fn handled(&self, said: &str, facts: &mut Facts<'_>) {
        let (mailboxes, others): (Vec<_>, Vec<_>) =
            self.destinations().into_iter().partition(|(service, _, _)| service.eq_ignore_ascii_case("gmail-ui"));
        for (service, selector, address) in mailboxes {
            let folder = match CODES.means("selector", &selector) {
                Some("inbox") => Some(Folder::Inbox),
                Some("junk") => Some(Folder::Junk),
                _ if selector.is_empty() => None,
                _ => Some(Folder::Other(selector.clone())),
            };
            let chosen_by = Some(format!("{service}:{selector}"));
            facts.about(vec![address], |facts| {
                let stored = if self.succeeded() == Some(false) {
                    Fact::Note { said: format!("not stored ({said})") }
                } else {
                    Fact::Stored(Stored { folder, chosen_by })
                };
                facts.say_key("action_type", stored);
            });
        }
        for (service, selector, address) in others {
            let note = format!("handed to the service `{service}:{selector}` ({said})");
            facts.about(vec![address], |facts| facts.say_key("action_type", Fact::Note { said: note }));
        }
    }

    fn handover(&self, outcome: Outcome) -> Handover {
        let name = self.within("connection_info", "smtp_out_remote_host").map(|host| host.to_lowercase());
        let ip = self
            .within("connection_info", "smtp_out_connect_ip")
            .or_else(|| self.within("connection_info", "failed_smtp_out_connect_ip"));
        let to = (name.is_some() || ip.is_some()).then_some(Peer { name, ip, port: None });
        Handover {
            to,
            next_hop: NextHop::MailServer,
            outcome,
            reply: self.reply(),
            spoken_by_next_hop: self.within("connection_info", "smtp_reply_code").is_some(),
            next: None,
            attempt: None,
            connector: None,
            tls: self.within("connection_info", "smtp_tls_state").map(|state| format!("smtp_tls_state={state}")),
        }
    }

    /// What the logged event (`mail_event_type`) says; 0 is a stage of the pipeline.
    fn event(&self, facts: &mut Facts<'_>) {
        let Some(number) = self.text("mail_event_type").filter(|number| number != "0") else { return };
        let said = format!("mail_event_type={number}");
        let moved = |folder: Folder, action: Action| Fact::PostDelivery {
            action,
            folder: Some(folder),
            by: None,
            said: said.clone(),
        };
        let recipients = facts.about.envelope_recipients.clone();
        let fact = match CODES.means("mail_event_type", &number) {
            Some("quarantined") => Fact::Quarantine(Quarantine {
                state: QuarantineState::Held,
                store: "Gmail admin quarantine".to_owned(),
                policy: self.rules().into_iter().next(),
                id: None,
                until: None,
                said: said.clone(),
            }),
            Some("released") => Fact::Release(Release {
                step: ReleaseStep::Released,
                by: None,
                for_recipients: recipients,
                next: None,
                said: said.clone(),
            }),
            Some("late_spam") => moved(Folder::Junk, Action::Junked),
            Some("to_inbox") => moved(Folder::Inbox, Action::NotSaid),
            Some("to_trash") => moved(Folder::Deleted, Action::NotSaid),
            Some("deleted") => {
                Fact::PostDelivery { action: Action::Discarded, folder: None, by: None, said: said.clone() }
            }
            Some("auto_forwarded") => Fact::Redirect(Redirect::Forwarded { to: Vec::new(), keeps_copy: None }),
            Some("bounced") => {
                Fact::Status(Status { status: TraceStatus::Bounced, said: said.clone(), to: None, from: None })
            }
            Some(means) => Fact::Note { said: format!("{} ({said})", means.replace('_', " ")) },
            None => Fact::Note { said: said.clone() },
        };
        facts.say_key("mail_event_type", fact);
    }

    /// What the spam filter and the rules of the organisation concluded.
    fn verdicts(&self, facts: &mut Facts<'_>) {
        let reason = self.within("spam_info", "classification_reason");
        let disposition = self.within("spam_info", "disposition");
        let details = [("classification_reason", &reason), ("disposition", &disposition)]
            .into_iter()
            .filter_map(|(name, value)| Some(format!(" {name}={}", value.as_ref()?)))
            .collect::<String>();
        if let Some(word) = self.text("is_spam") {
            let kind = match (word.as_str(), disposition.as_deref().and_then(|word| CODES.means("disposition", word))) {
                ("true", Some(means)) => crate::codes::verdict_kind(means).unwrap_or(VerdictKind::Spam),
                ("true", None) => VerdictKind::Spam,
                _ => VerdictKind::Clean,
            };
            let action = if kind == VerdictKind::Clean { Action::None } else { self.action() };
            facts.say_key("is_spam", Fact::Verdict(verdict(kind, action, format!("is_spam={word}{details}"), None)));
        }
        for rule in self.rules() {
            let said = format!("triggered rule {}", rule.name.as_deref().unwrap_or("without a name"));
            facts.say_key(
                "triggered_rule_info",
                Fact::Verdict(verdict(VerdictKind::TransportRule, self.action(), said, Some(rule))),
            );
        }
    }

    /// What was done, as far as this one row says it.
    fn action(&self) -> Action {
        let is_junk =
            self.destinations().iter().any(|(_, selector, _)| CODES.means("selector", selector) == Some("junk"));
        match self.text("mail_event_type").as_deref().and_then(|number| CODES.means("mail_event_type", number)) {
            Some("quarantined") => Action::Quarantined,
            _ if self.outcome() == Outcome::Refused => Action::Rejected,
            _ if is_junk => Action::Junked,
            _ => Action::NotSaid,
        }
    }

    fn rules(&self) -> Vec<PolicyRef> {
        let of =
            |rule: &Map<String, Value>, name: &str| rule.get(name).map(texts).unwrap_or_default().into_iter().next();
        let each = |rule: &&Map<String, Value>| PolicyRef {
            kind: of(rule, "rule_type").or_else(|| of(rule, "policy_holder_address")),
            name: of(rule, "rule_name"),
            id: of(rule, "rule_id"),
        };
        self.objects("triggered_rule_info").iter().map(each).collect()
    }
}

fn verdict(kind: VerdictKind, action: Action, said: String, policy: Option<PolicyRef>) -> Verdict {
    Verdict { kind, action, said, policy, scope: Scope::Enforced }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "disposition" => codes::verdict_kind(&code.means).is_some(),
            "selector" => ["inbox", "junk"].contains(&code.means.as_str()),
            _ => !code.means.is_empty(),
        });
    }
}
