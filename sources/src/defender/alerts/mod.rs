//! Alerts and incidents of Microsoft Defender XDR, and the messages that are evidence of them.

use evidence::{Address, Alert, Fact, Identifier, Identity, Product, SourceId, System, Unit};
use serde_json::{Map, Value};

use crate::microsoft::{text, text_of};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Recognition, Source, ZoneRule};

/// How many rows one export of the portal holds.
const ROWS_MAX: u64 = 10_000;

const DATE: &[&str] = &[
    "createddatetime",
    "timestamp",
    "timestamputc",
    "eventdatetime",
    "timegenerated",
    "timegeneratedutc",
    "firstactivitydatetime",
    "firstactivity",
    "lastactivity",
    "time",
];
const ID: &[&str] = &["alertid", "id", "incidentid"];
const TITLE: &[&str] = &["title", "alertname", "displayname", "incidentname"];
const SOURCE: &[&str] = &["servicesource", "servicesources", "productname"];
const DETECTION: &[&str] = &["detectionsource", "detectionsources"];

/// An alert or an incident, of the API, of the hunting tables, of the portal.
const NEEDS: &[Need] = &[
    ("id", ID),
    ("title", TITLE),
    ("severity", &["severity"]),
    ("createdDateTime", DATE),
    (
        "serviceSource",
        &["servicesource", "servicesources", "detectionsource", "vendorinformation", "redirectincidentid"],
    ),
];

/// Alerts of Microsoft Defender XDR.
pub(crate) struct Alerts;

impl Source for Alerts {
    fn id(&self) -> SourceId {
        "defender/alerts"
    }

    fn title(&self) -> &'static str {
        "Microsoft Defender XDR alerts and incidents"
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
                "GET https://graph.microsoft.com/v1.0/security/alerts_v2?$filter=createdDateTime ge {start} and \
                 createdDateTime le {end}",
            ),
            clicks: Some(
                "Microsoft Defender portal > Investigation & response > Incidents & alerts > (filter) > Export",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what became of a message: an alert is raised beside its way",
            "alerts that a tuning rule suppressed, and alerts of more than 180 days ago",
            "who decided over an alert before its last change",
            "the evidence, in the portal's list of incidents and in AlertInfo: only the API and AlertEvidence name it",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["recordtype", "recipientemailaddress", "riskeventtype"], None)
    }
}

impl Table for Alerts {
    const PAGE_ROWS: &'static [u64] = &[ROWS_MAX];
    const WRAPPERS: &'static [&'static str] = &["value", "records", "results", "Results", "alerts"];
    // An incident whose alerts went to another one is still a row.
    const PAGES: &'static [&'static str] = &["value", "records", "results", "Results"];
    const INNER: &'static [&'static str] = &["log", "properties"];
    const ID_NAMES: &'static [&'static str] = &["networkmessageid", "evidence", "properties", "messagesecuritystates"];
    const DATE_NAMES: &'static [&'static str] = DATE;

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let messages = messages(row);
        let same = |one: &Message| messages.first().is_some_and(|first| first.ids == one.ids);
        if messages.iter().all(same) {
            messages.into_iter().next().map(|one| one.ids).unwrap_or_default()
        } else {
            Vec::new()
        }
    }

    fn mentions(&self, row: &Row) -> Vec<Identifier> {
        messages(row).into_iter().flat_map(|one| one.ids).collect()
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(ID).is_some() { Ok(()) } else { Err(missing("id", "the row has other keys")) }
    }

    fn speaker(&self, row: &Row) -> System {
        match row.text(SOURCE) {
            Some(source) if is_of_mail(source) => System::of(Product::ExchangeOnline),
            _ => System::of(Product::Other("Microsoft Defender".to_owned())),
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let alert = Fact::Alert(alert(row));
        let messages = messages(row);
        if messages.is_empty() {
            return facts.say_by(TITLE, alert);
        }
        for message in messages {
            facts.about_message(message.ids, |facts| {
                facts.about(message.recipients, |facts| {
                    if message.identity != Identity::default() {
                        let received = message.received.and_then(|said| facts.instant(&said));
                        facts.at(received, |facts| facts.say(Fact::Identity(message.identity)));
                    }
                    facts.say_by(TITLE, alert.clone());
                });
            });
        }
    }
}

/// Whether a service is the one that filters mail: `microsoftDefenderForOffice365`, `Microsoft Defender for Office 365`.
fn is_of_mail(source: &str) -> bool {
    source.replace(' ', "").to_ascii_lowercase().contains("office365")
}

fn alert(row: &Row) -> Alert {
    let owned = |names: &[&str]| row.text(names).map(str::to_owned);
    let vendor = row.objects(&["vendorinformation"]).into_iter().next();
    let by_vendor = || vendor.and_then(|vendor| text_of(&vendor, &["provider", "vendor"]));
    let is_incident = row.has(&["redirectincidentid", "incidentname"]);
    Alert {
        id: owned(ID).unwrap_or_default(),
        title: owned(TITLE).unwrap_or_default(),
        raised_by: owned(SOURCE).or_else(by_vendor).or_else(|| owned(DETECTION)),
        rule: owned(&["alertpolicyid", "detectorid", "azuresentinelrule", "detectionids"]),
        severity: owned(&["severity"]),
        status: owned(&["status"]),
        incident: owned(&["incidentid"]).or_else(|| owned(&["id"]).filter(|_| is_incident)),
        entities: entities(row),
    }
}

/// How many pieces of evidence of one alert are looked at.
const EVIDENCE_MAX: usize = 2_000;

/// A message that is evidence of an alert.
struct Message {
    ids: Vec<Identifier>,
    recipients: Vec<Address>,
    identity: Identity,
    received: Option<String>,
}

/// The messages that are evidence of an alert: of the API, of the former API, of a row of AlertEvidence.
fn messages(row: &Row) -> Vec<Message> {
    let mut found: Vec<Message> = Vec::new();
    let objects = row.objects(&["evidence"]).into_iter().chain(row.objects(&["messagesecuritystates"]));
    for object in objects.take(EVIDENCE_MAX) {
        found.extend(message(&object));
    }
    if let Some(id) = row.text(&["networkmessageid"]).and_then(Identifier::network_message_id) {
        let more = row.objects(&["additionalfields"]).into_iter().next().unwrap_or_default();
        let internet = text_of(&more, &["InternetMessageId"]).as_deref().and_then(Identifier::message_id);
        let address = |names: &[&str]| text_of(&more, names).map(|said| Address::new(&said));
        found.push(Message {
            ids: internet.into_iter().chain([id]).collect(),
            recipients: address(&["Recipient"]).into_iter().collect(),
            identity: Identity {
                envelope_sender: address(&["P1Sender"]),
                header_from: address(&["P2Sender", "Sender"]),
                subject: row.text(&["emailsubject"]).map(str::to_owned),
                ..Identity::default()
            },
            received: text_of(&more, &["ReceivedDate"]),
        });
    }
    found
}

/// One piece of evidence of the API, if it is a message.
fn message(object: &Map<String, Value>) -> Option<Message> {
    let internet = text_of(object, &["internetMessageId"]).as_deref().and_then(Identifier::message_id);
    let network = text_of(object, &["networkMessageId"]).as_deref().and_then(Identifier::network_message_id);
    let ids: Vec<Identifier> = internet.into_iter().chain(network).collect();
    if ids.is_empty() {
        return None;
    }
    let sender = |name: &str| {
        let address = match object.get(name)? {
            Value::Object(sender) => text_of(sender, &["emailAddress"]),
            other => text(other),
        };
        address.map(|said| Address::new(&said))
    };
    let recipient = text_of(object, &["recipientEmailAddress"]).map(|said| Address::new(&said));
    Some(Message {
        ids,
        recipients: recipient.into_iter().collect(),
        identity: Identity {
            envelope_sender: sender("p1Sender"),
            header_from: sender("p2Sender"),
            subject: text_of(object, &["subject"]),
            ..Identity::default()
        },
        received: text_of(object, &["receivedDateTime"]),
    })
}

/// Whom or what an alert is about: users, mailboxes, links, addresses, files, machines.
fn entities(row: &Row) -> Vec<String> {
    const NAMES: &[&str] = &[
        "accountupn",
        "accountname",
        "remoteip",
        "remoteurl",
        "filename",
        "devicename",
        "impactedassets",
        "impactedentities",
    ];
    let mut found: Vec<String> = Vec::new();
    let mut add = |said: Option<String>| {
        if let Some(said) = said.filter(|said| found.len() < ENTITIES_MAX && !found.contains(said)) {
            found.push(said);
        }
    };
    for name in NAMES {
        row.list(&[name]).into_iter().for_each(|said| add(Some(said.to_owned())));
    }
    for object in row.objects(&["evidence"]).iter().take(EVIDENCE_MAX) {
        let within = |outer: &str, names: &[&str]| text_of(object.get(outer)?.as_object()?, names);
        add(within("userAccount", &["userPrincipalName", "accountName"]));
        add(text_of(object, &["primaryAddress", "url", "ipAddress", "deviceDnsName", "displayName"]));
        add(within("fileDetails", &["fileName"]));
    }
    for object in row.objects(&["userstates"]).iter().take(EVIDENCE_MAX) {
        add(text_of(object, &["userPrincipalName", "accountName"]));
    }
    found
}

/// How many entities of one alert are named.
const ENTITIES_MAX: usize = 64;
