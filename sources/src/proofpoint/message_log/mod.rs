//! Proofpoint on Demand log stream: what the filter did with each message, and what the mail transfer agent did after it.

use std::sync::LazyLock;

use evidence::{
    Access, Action, Address, Arrival, AuthMethod, Authentication, Carried, Fact, Handover, Identifier, Identity,
    NextHop, Outcome, Peer, PolicyRef, Product, Quarantine, QuarantineState, Release, ReleaseStep, Reply, Scope,
    SourceId, System, Unit, Verdict, VerdictKind,
};
use serde_json::{Map, Value};

use super::{HOST, classified, id, queue_ids};
use crate::codes::{self, Codes};
use crate::message::auth_results::result_of;
use crate::message::boundary::words;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const MESSAGE: &[Need] =
    &[("guid", &["guid"]), ("filter", &["filter"]), ("envelope", &["envelope"]), ("connection", &["connection"])];
const MAILLOG: &[Need] = &[("sm", &["sm"]), ("data", &["data"]), ("pps", &["pps"]), ("ts", &["ts"])];
const PART: &[Need] =
    &[("guid", &["guid"]), ("ts", &["ts"]), ("disposition", &["disposition"]), ("msgParts", &["msgparts", "partuuid"])];

/// The log stream of Proofpoint on Demand.
pub(crate) struct MessageLog;

impl Source for MessageLog {
    fn id(&self) -> SourceId {
        "proofpoint/message-log"
    }

    fn title(&self) -> &'static str {
        "Proofpoint on Demand log (message and maillog events)"
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
                "websocat -H \"Authorization: Bearer $TOKEN\" \"wss://logstream.proofpoint.com/v1/stream?cid=$CLUSTER&type=message&sinceTime={start}&toTime={end}\" > message.jsonl; the same with type=maillog",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "delivery, from message events alone: `delivered.rcpts` is filled for held copies too; the maillog event with `Sent` and a relay is the proof",
            "that a mailbox store took the message: the relay that said 2xx may hold it again",
            "what the stream no longer keeps: it goes back about 30 days, and only as far as the licence allows",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let found = [MESSAGE, MAILLOG, PART].map(|needs| table::recognise(head, needs, &["observer"], None));
        match found.contains(&Recognition::Certain) {
            true => Recognition::Certain,
            false => Recognition::No,
        }
    }
}

impl Table for MessageLog {
    const WRAPPERS: &'static [&'static str] = &["events", "records", "log"];
    const ID_NAMES: &'static [&'static str] = &["guid", "sm", "msg"];
    const DATE_NAMES: &'static [&'static str] = &["ts"];
    const QUEUE_HOST: Option<&'static str> = Some(HOST);

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let message_id = row
            .at(&["msg", "header", "message-id"])
            .or_else(|| row.at(&["msg", "normalizedHeader", "message-id"]))
            .or_else(|| row.at(&["sm", "msgid"]));
        let mut ids: Vec<Identifier> = message_id.and_then(|id| Identifier::message_id(&id)).into_iter().collect();
        ids.extend(row.text(&["guid"]).and_then(id));
        let session = row.at(&["connection", "sid"]);
        let queue = row.at(&["filter", "qid"]).or_else(|| row.at(&["sm", "qid"]));
        ids.extend(queue.map(|qid| queue_ids(&qid, session.as_deref())).unwrap_or_default());
        ids
    }

    fn parties(&self, row: &Row) -> (Vec<Address>, Vec<Address>) {
        let all = |names: &[&str]| row.all_at(names).iter().map(|said| Address::new(said)).collect::<Vec<_>>();
        let senders = [all(&["envelope", "from"]), all(&["sm", "from"])].concat();
        (senders, [all(&["envelope", "rcpts"]), all(&["sm", "to"])].concat())
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let is_event = row.has(&["filter", "sm", "msgparts", "partuuid"]);
        if is_event { Ok(()) } else { Err(missing("filter`, `sm` or `msgParts", "the row has other keys")) }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Proofpoint)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        if row.has(&["sm"]) {
            maillog(row, facts);
        } else if row.has(&["filter"]) {
            message(row, facts);
        } else {
            part(row, facts);
        }
    }
}

/// What the filter did with a message.
fn message(row: &Row, facts: &mut Facts<'_>) {
    facts.about.envelope_recipients =
        row.all_at(&["envelope", "rcpts"]).iter().map(|rcpt| Address::new(rcpt)).collect();
    facts.say(Fact::Identity(identity(row)));
    let disposition = row.at(&["filter", "disposition"]).unwrap_or_default();
    arrival(row, &disposition, facts);
    authentication(row, facts);
    let decision = Decision::of(row, &disposition);
    facts.say_key("disposition", Fact::Verdict(decision.verdict(&disposition)));
    quarantine(row, &decision, facts);
    if row.at(&["filter", "isMsgReinjected"]).as_deref() == Some("true") {
        let release = Release {
            step: ReleaseStep::Released,
            by: None,
            for_recipients: facts.about.envelope_recipients.clone(),
            next: None,
            said: "isMsgReinjected: true".to_owned(),
        };
        facts.say_key("isMsgReinjected", Fact::Release(release));
    }
}

fn identity(row: &Row) -> Identity {
    let addresses = |path: &[&str]| row.all_at(path).iter().map(|text| Address::new(text)).collect::<Vec<_>>();
    let mut header_to = addresses(&["msg", "parsedAddresses", "to"]);
    header_to.extend(addresses(&["msg", "parsedAddresses", "cc"]));
    let subject = row.at(&["msg", "normalizedHeader", "subject"]).or_else(|| row.at(&["msg", "header", "subject"]));
    let subject = subject.map(|subject| words(&subject));
    let size = row.at(&["msg", "sizeBytes"]).or_else(|| row.at(&["filter", "msgSizeBytes"]));
    Identity {
        recipients: None,
        envelope_sender: row.at(&["envelope", "from"]).map(|from| Address::new(&from)),
        header_from: addresses(&["msg", "parsedAddresses", "from"]).into_iter().next(),
        header_to,
        subject,
        size_bytes: size.and_then(|size| size.parse().ok()),
        sent_at: None,
        direction: match row.at(&["filter", "routeDirection"]).as_deref() {
            Some("inbound") => Some(Access::Inbound),
            Some("outbound") => Some(Access::Outbound),
            Some("internal") => Some(Access::Internal),
            _ => None,
        },
        authenticated_sender: None,
    }
}

fn arrival(row: &Row, disposition: &str, facts: &mut Facts<'_>) {
    let ip = row.at(&["connection", "ip"]);
    let name = row.at(&["connection", "host"]).or_else(|| row.at(&["connection", "helo"]));
    let client = Peer { name: name.map(|name| name.to_lowercase()), ip, port: None };
    let outcome = match CODES.means("disposition", disposition) {
        Some("rejected") => Outcome::Refused,
        Some("deferred") => Outcome::Deferred,
        Some(_) => Outcome::Accepted,
        None => Outcome::NotSaid,
    };
    let reply = match outcome {
        Outcome::Refused | Outcome::Deferred => row.at(&["filter", "smtp", "response"]),
        _ => None,
    };
    let arrival = Arrival {
        client: Some(client),
        outcome,
        reply: reply.map(|text| Reply { text, ..Reply::default() }),
        connector: None,
        earlier: None,
        scope: Scope::Enforced,
    };
    facts.say_key("ip", Fact::Arrival(arrival));
}

fn authentication(row: &Row, facts: &mut Facts<'_>) {
    let Some(filter) = row.tree(&["filter"]) else { return };
    let Some(modules) = filter.get("modules") else { return };
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut found = Vec::new();
    if let Some(spf) = modules.get("spf") {
        found.push((AuthMethod::Spf, text(spf, "result"), text(spf, "domain")));
    }
    for signature in modules.get("dkimv").and_then(Value::as_array).into_iter().flatten() {
        found.push((AuthMethod::Dkim, text(signature, "result"), text(signature, "domain")));
    }
    let dmarc = modules.get("dmarc");
    for result in dmarc.and_then(|dmarc| dmarc.get("authResults")).and_then(Value::as_array).into_iter().flatten() {
        if result.get("method").and_then(Value::as_str) == Some("dmarc") {
            let from = result.get("emailIdentities").and_then(|ids| text(ids, "header.from"));
            found.push((AuthMethod::Dmarc, text(result, "result"), from));
        }
    }
    for (method, result, domain) in found {
        let Some(said) = result else { continue };
        facts.say(Fact::Authentication(Authentication {
            method,
            result: result_of(&said),
            domain: domain.map(|domain| domain.to_lowercase()),
            authserv_id: None,
            arc_instance: None,
            client: None,
            fault: None,
            disposition: None,
            reason: None,
            said,
        }));
    }
}

/// Which module and rule decided, and what was done.
struct Decision {
    module: Option<String>,
    rule: Option<String>,
    action: Action,
    said: Vec<String>,
}

impl Decision {
    /// The final action, else the last one; a quarantine before a final `discard` keeps the copy.
    fn of(row: &Row, disposition: &str) -> Decision {
        let filter = row.tree(&["filter"]);
        let actions = filter.as_ref().and_then(|filter| filter.get("actions")).and_then(Value::as_array);
        let actions: Vec<&Map<String, Value>> = actions.into_iter().flatten().filter_map(Value::as_object).collect();
        let text =
            |action: &Map<String, Value>, name: &str| action.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_final = |action: &&&Map<String, Value>| action.get("isFinal").and_then(Value::as_bool) == Some(true);
        let deciding = actions.iter().find(is_final).or(actions.last());
        let older = |name: &str| row.at(&["filter", name]);
        let module = deciding.and_then(|action| text(action, "module")).or_else(|| older("final_module"));
        let rule = deciding.and_then(|action| text(action, "rule")).or_else(|| older("final_rule"));
        let said: Vec<String> = actions
            .iter()
            .filter_map(|action| {
                let (module, rule) = (text(action, "module"), text(action, "rule"));
                let place = [module, rule].into_iter().flatten().collect::<Vec<_>>().join("/");
                Some(format!("{} ({place})", text(action, "action")?))
            })
            .collect();
        let is_held = row.at(&["filter", "quarantine", "folder"]).is_some()
            || actions.iter().any(|action| text(action, "action").as_deref() == Some("quarantine"));
        let word = match disposition {
            "" => older("final_action").or_else(|| deciding.and_then(|action| text(action, "action"))),
            word => Some(word.to_owned()),
        };
        let action = word.as_deref().and_then(|word| CODES.means("disposition", word)).and_then(codes::action);
        let action = match action {
            Some(Action::Discarded) if is_held => Action::Quarantined,
            Some(action) => action,
            None if is_held => Action::Quarantined,
            None => Action::NotSaid,
        };
        Decision { module, rule, action, said }
    }

    fn verdict(&self, disposition: &str) -> Verdict {
        let module = self.module.as_deref().unwrap_or("");
        let rule = self.rule.as_deref().unwrap_or("");
        let by_rule = CODES.means(&format!("rule of {module}"), rule);
        let kind = match by_rule.or_else(|| CODES.means("rule", rule)).or_else(|| CODES.means("module", module)) {
            Some("spf") => VerdictKind::Authentication(AuthMethod::Spf),
            Some("dkim") => VerdictKind::Authentication(AuthMethod::Dkim),
            Some(means) => classified(Some(means)),
            None if self.action == Action::None => VerdictKind::Clean,
            None => VerdictKind::Unknown,
        };
        let name = self.rule.clone();
        Verdict {
            kind,
            action: self.action.clone(),
            said: format!("disposition={disposition}; {}", self.said.join(", ")),
            policy: (self.rule.is_some() || self.module.is_some()).then(|| PolicyRef {
                kind: self.module.clone(),
                name,
                id: None,
            }),
            scope: Scope::Enforced,
        }
    }
}

fn quarantine(row: &Row, decision: &Decision, facts: &mut Facts<'_>) {
    let folder = row.at(&["filter", "quarantine", "folder"]);
    if decision.action != Action::Quarantined {
        if let Some(folder) = folder {
            let said =
                format!("a copy was put into the quarantine folder `{folder}`, the message itself was not kept back");
            facts.say_key("folder", Fact::Note { said });
        }
        return;
    }
    let part = |name: &str| row.at(&["filter", "quarantine", name]);
    let hold = Quarantine {
        state: QuarantineState::Held,
        store: format!("Proofpoint quarantine ({})", folder.as_deref().unwrap_or("folder not named")),
        policy: part("rule").map(|rule| PolicyRef { kind: part("module"), name: Some(rule), id: None }),
        id: None,
        until: None,
        said: decision.said.last().cloned().unwrap_or_default(),
    };
    facts.say_key("folder", Fact::Quarantine(hold));
}

/// What the mail transfer agent did: one line of sendmail, taken apart.
fn maillog(row: &Row, facts: &mut Facts<'_>) {
    facts.about.envelope_recipients = row.all_at(&["sm", "to"]).iter().map(|to| Address::new(to)).collect();
    if let Some(from) = row.at(&["sm", "from"]) {
        let size = row.at(&["sm", "sizeBytes"]).and_then(|size| size.parse().ok());
        let identity = Identity { envelope_sender: Some(Address::new(&from)), size_bytes: size, ..Identity::default() };
        facts.say_key("from", Fact::Identity(identity));
    }
    let Some(stat) = row.at(&["sm", "stat"]) else { return };
    let mailer = row.at(&["sm", "mailer"]).unwrap_or_default();
    if CODES.means("mailer", &mailer) == Some("no_delivery") {
        let said = format!("`{stat}` by the mailer `{mailer}`: handed to a program of its own, no delivery");
        facts.say_key("stat", Fact::Note { said });
        return;
    }
    let dsn = row.at(&["sm", "dsn"]);
    let relay = row.at(&["sm", "relay"]).map(|relay| peer(&relay));
    let outcome = outcome(&stat, dsn.as_deref());
    let next = stat.split_once("queued as ").map(|(_, rest)| {
        rest.split(|c: char| c.is_whitespace() || matches!(c, ')' | ']' | ',' | ';')).next().unwrap_or("")
    });
    let host = relay.as_ref().and_then(|relay| relay.name.clone());
    let next = next.zip(host).filter(|(next, _)| !next.is_empty());
    let handover = Handover {
        next_hop: if relay.is_some() { NextHop::MailServer } else { NextHop::NotSaid },
        spoken_by_next_hop: relay.is_some() && stat.contains('('),
        to: relay,
        outcome,
        reply: Some(Reply { reply_code: None, enhanced_status_code: dsn, text: stat.clone() }),
        next: next.map(|(next, host)| Identifier::queue_id(&host, None, next)),
        attempt: None,
        connector: None,
        tls: row.at(&["tls", "version"]).filter(|version| version != "NONE"),
    };
    facts.say_key("stat", Fact::Handover(handover));
}

/// How an attempt ended: by the class of its status code, else by sendmail's word.
fn outcome(stat: &str, dsn: Option<&str>) -> Outcome {
    let word = stat.to_ascii_lowercase();
    match dsn.and_then(|dsn| dsn.chars().next()) {
        _ if word.starts_with("deferred") || word.starts_with("queued") => Outcome::Deferred,
        Some('2') => Outcome::Accepted,
        Some('4') => Outcome::Deferred,
        Some('5') => Outcome::Refused,
        _ if word.starts_with("sent") => Outcome::Accepted,
        _ => Outcome::NotSaid,
    }
}

/// `mx.example.com. [192.0.2.1]`.
fn peer(relay: &str) -> Peer {
    let (name, ip) = match relay.split_once('[') {
        Some((name, rest)) => (name, rest.split(']').next()),
        None => (relay, None),
    };
    let name = name.trim().trim_end_matches('.').to_lowercase();
    Peer { name: (!name.is_empty()).then_some(name), ip: ip.map(str::to_owned), port: None }
}

/// A part of a message, or a link in it.
fn part(row: &Row, facts: &mut Facts<'_>) {
    if let Some(url) = row.text(&["url"]) {
        let place = row.list(&["src"]).first().map(|place| (*place).to_owned());
        facts.say_by(&["url"], Fact::Carried(Carried::Url { url: url.to_owned(), place }));
        return;
    }
    let of = |name: &str| row.at(&["msgParts", name]);
    facts.say(Fact::Carried(Carried::Attachment {
        name: of("labeledName").or_else(|| of("detectedName")),
        sha256: of("sha256").map(|hash| hash.to_lowercase()),
        media_type: of("detectedMime").or_else(|| of("labeledMime")),
        size_bytes: of("sizeDecodedBytes").or_else(|| of("detectedSizeBytes")).and_then(|size| size.parse().ok()),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "disposition" => codes::action(&code.means).is_some(),
            "mailer" => code.means == "no_delivery",
            _ => ["spf", "dkim"].contains(&code.means.as_str()) || codes::verdict_kind(&code.means).is_some(),
        });
    }

    #[test]
    fn outcomes() {
        for (stat, dsn, expected) in [
            ("Sent (ok: queued as 4Zk2)", Some("2.0.0"), Outcome::Accepted),
            ("Deferred: Connection refused by mx.example.com.", Some("4.0.0"), Outcome::Deferred),
            ("User unknown", Some("5.1.1"), Outcome::Refused),
            ("Sent", None, Outcome::Accepted),
            ("something new", None, Outcome::NotSaid),
        ] {
            assert_eq!(outcome(stat, dsn), expected, "{stat}");
        }
    }
}
