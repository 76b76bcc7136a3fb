//! What a command states, as the row that an export would show afterwards, read by that export's own reader.

use evidence::{Act, Actor, ChangeKind, Done, Fact, FileName, Product, Property, Setting, SettingClass};
use serde_json::{Map, Value as Json};

use super::super::{About, Step};
use super::cmdlets::{Bound, Given};
use super::value::Fault;
use crate::exchange_online::allow_block_list::AllowBlockList;
use crate::exchange_online::connection_filter::ConnectionFilter;
use crate::exchange_online::connectors::Connectors;
use crate::exchange_online::inbox_rules::InboxRules;
use crate::exchange_online::junk_configuration::JunkConfiguration;
use crate::exchange_online::mailboxes::Mailboxes;
use crate::exchange_online::organisation::Organisation;
use crate::exchange_online::threat_policies::ThreatPolicies;
use crate::exchange_online::transport_rules::TransportRules;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Staying, Table};
use crate::{Clock, Input, NoProgress, Query, Wanted};

/// One kind of thing that commands set.
struct Kind {
    /// Its name in the table of cmdlets.
    id: &'static str,
    /// What the export's reader says of a row.
    state: fn(&Row, &mut Facts<'_>),
    /// Names by which that reader knows the kind, with or without a value.
    marks: &'static [&'static str],
    /// The class, where a row of a few properties does not tell.
    class: Option<fn() -> SettingClass>,
    /// What a new one has unless the command says otherwise.
    new: &'static [(&'static str, &'static str)],
}

const ON: &[(&str, &str)] = &[("State", "Enabled")];

fn rule(row: &Row, facts: &mut Facts<'_>) {
    TransportRules.state(row, facts);
}
fn policy(row: &Row, facts: &mut Facts<'_>) {
    ThreatPolicies.state(row, facts);
}
fn connector(row: &Row, facts: &mut Facts<'_>) {
    Connectors.state(row, facts);
}
fn listed(row: &Row, facts: &mut Facts<'_>) {
    AllowBlockList.state(row, facts);
}
fn organisation(row: &Row, facts: &mut Facts<'_>) {
    Organisation.state(row, facts);
}

const NOTHING: Kind = Kind { id: "", state: policy, marks: &[], class: None, new: &[] };

const KINDS: &[Kind] = &[
    Kind { id: "transport_rule", state: rule, new: &[("State", "Enabled"), ("Mode", "Enforce")], ..NOTHING },
    Kind { id: LIST_ENTRY, state: listed, ..NOTHING },
    Kind {
        id: SPOOF_PAIR,
        state: listed,
        marks: &["SpoofedUser"],
        class: Some(|| SettingClass::SpoofEntry),
        ..NOTHING
    },
    Kind { id: "connection_filter", state: |row, facts| ConnectionFilter.state(row, facts), ..NOTHING },
    Kind { id: "anti_spam", marks: &["AllowedSenderDomains"], ..NOTHING },
    Kind { id: "anti_spam_rule", marks: &["HostedContentFilterPolicy"], new: ON, ..NOTHING },
    Kind { id: "anti_phish", marks: &["PhishThresholdLevel"], ..NOTHING },
    Kind { id: "anti_phish_rule", marks: &["AntiPhishPolicy"], new: ON, ..NOTHING },
    Kind { id: "anti_malware", marks: &["EnableFileFilter"], ..NOTHING },
    Kind { id: "anti_malware_rule", marks: &["MalwareFilterPolicy"], new: ON, ..NOTHING },
    Kind { id: "safe_links", marks: &["EnableSafeLinksForEmail"], ..NOTHING },
    Kind { id: "safe_links_rule", marks: &["SafeLinksPolicy"], new: ON, ..NOTHING },
    Kind { id: "safe_attachments", marks: &["RedirectAddress"], ..NOTHING },
    Kind { id: "safe_attachments_rule", marks: &["SafeAttachmentPolicy"], new: ON, ..NOTHING },
    Kind { id: "safe_attachments_files", marks: &["EnableATPForSPOTeamsODB"], ..NOTHING },
    Kind { id: "outbound_spam", marks: &["AutoForwardingMode"], ..NOTHING },
    Kind { id: "outbound_spam_rule", marks: &["HostedOutboundSpamFilterPolicy"], new: ON, ..NOTHING },
    Kind { id: "quarantine_policy", marks: &["EndUserQuarantinePermissions"], ..NOTHING },
    Kind { id: "preset", marks: &["HostedContentFilterPolicy", "AntiPhishPolicy", "MalwareFilterPolicy"], ..NOTHING },
    Kind { id: "preset_defender", marks: &["SafeLinksPolicy", "SafeAttachmentPolicy"], ..NOTHING },
    Kind { id: "simulation", marks: &["Name", "Policy", "Domains", "SenderIpRanges"], new: ON, ..NOTHING },
    Kind { id: "simulation_policy", class: Some(|| other("phishing simulation override policy")), ..NOTHING },
    Kind { id: "security_operations", class: Some(|| other("security operations override")), ..NOTHING },
    Kind {
        id: "inbound_connector",
        state: connector,
        marks: &["SenderDomains"],
        new: &[("Enabled", "true")],
        ..NOTHING
    },
    Kind {
        id: "outbound_connector",
        state: connector,
        marks: &["RecipientDomains"],
        new: &[("Enabled", "true")],
        ..NOTHING
    },
    Kind { id: "arc", state: organisation, marks: &["ArcTrustedSealers"], ..NOTHING },
    Kind { id: "organisation", state: organisation, marks: &["Name", "RejectDirectSend"], ..NOTHING },
    Kind {
        id: "remote_domain",
        state: organisation,
        marks: &["DomainName", "AutoForwardEnabled", "AllowedOOFType"],
        ..NOTHING
    },
    Kind {
        id: "junk_filter",
        state: |row, facts| JunkConfiguration.state(row, facts),
        marks: &["TrustedSendersAndDomains"],
        ..NOTHING
    },
    Kind { id: "mailbox", state: |row, facts| Mailboxes.state(row, facts), ..NOTHING },
    Kind { id: "inbox_rule", state: |row, facts| InboxRules.state(row, facts), new: &[("Enabled", "true")], ..NOTHING },
    Kind { id: RELEASE, ..NOTHING },
];

const LIST_ENTRY: &str = "list_entry";
const SPOOF_PAIR: &str = "spoof_pair";
const RELEASE: &str = "release";

fn other(name: &str) -> SettingClass {
    SettingClass::Other(name.to_owned())
}

/// Whether the table of cmdlets may name this kind.
#[cfg(test)]
pub(super) fn is_row(id: &str) -> bool {
    KINDS.iter().any(|kind| kind.id == id)
}

/// Rows as the readers of exports take them, without the check that an export is whole.
struct Rows(&'static Kind);

impl Table for Rows {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] = &["activationdate", "expirydate", "expirationdate"];
    const STAYING: Staying = Staying::All;

    fn check(&self, _row: &Row) -> Result<(), Torn> {
        Ok(())
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        (self.0.state)(row, facts);
    }
}

/// One row to be read, and what it says of its step.
struct Planned {
    operation: String,
    kind: ChangeKind,
    object: Map<String, Json>,
    /// Properties that lose all they hold.
    emptied: Vec<String>,
    only: Only,
}

/// Which settings of a row count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    All,
    Entries,
}

/// The steps of a command.
///
/// # Errors
/// [`Fault`] if it names nothing that it would change, or says too little of it.
pub(super) fn steps(bound: Bound, said: &str, line: u64, file: &FileName, clock: &Clock) -> Result<Vec<Step>, Fault> {
    let Some(kind) = KINDS.iter().find(|kind| kind.id == bound.cmdlet.row) else {
        return Err(Fault::new("a cmdlet whose settings are read", &bound.cmdlet.name));
    };
    let replaces = replaces(&bound);
    let step = |operation: String, kind: ChangeKind, replaces: Vec<String>, about: About| Step {
        said: said.to_owned(),
        line,
        product: Product::ExchangeOnline,
        operation,
        kind,
        about,
        replaces,
    };
    if kind.id == RELEASE {
        let act = |act: About| step(bound.cmdlet.name.clone(), ChangeKind::Other, Vec::new(), act);
        return Ok(acts(&bound)?.into_iter().map(act).collect());
    }
    let plans = match kind.id {
        LIST_ENTRY => entries(&bound)?,
        SPOOF_PAIR => pairs(&bound)?,
        _ => objects(&bound, kind)?,
    };
    let mut steps = Vec::new();
    for plan in plans {
        let Planned { operation, kind: change, object, emptied, only } = plan;
        let name = ["Name", "Identity", "Mailbox", "Policy"]
            .iter()
            .find_map(|name| object.get(*name)?.as_str().map(str::to_owned));
        for mut setting in settings(kind, object, file, clock) {
            if only == Only::Entries && setting.entry.is_none() {
                continue;
            }
            complete(&mut setting, kind, name.as_deref(), &emptied);
            // What is taken out of a list leaves the rest of it.
            let replaces = if change == bound.cmdlet.kind() { replaces.clone() } else { Vec::new() };
            steps.push(step(operation.clone(), change, replaces, About::Setting(setting)));
        }
    }
    Ok(steps)
}

/// Names of lists of which the command gives all values.
fn replaces(bound: &Bound) -> Vec<String> {
    if bound.cmdlet.kind() != ChangeKind::Changed {
        return Vec::new();
    }
    let is_whole = |name: &&str| !IDS.contains(name) && alters(name).is_none();
    let lists = bound.given.iter().filter(|(_, given)| matches!(given, Given::All(_))).map(|(name, _)| *name);
    lists.filter(is_whole).map(str::to_owned).collect()
}

/// Lists that say what is changed, not how.
const IDS: &[&str] = &["Ids", "Entries"];

fn settings(kind: &'static Kind, object: Map<String, Json>, file: &FileName, clock: &Clock) -> Vec<Box<Setting>> {
    let text = Json::Array(vec![Json::Object(object)]).to_string();
    let input = Input { name: file.clone(), bytes: text.as_bytes() };
    let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
    let reading = table::read(&Rows(kind), &input, &query).unwrap_or_default();
    let settings = reading.observations.into_iter().filter_map(|one| match one.fact {
        Fact::Setting(setting) => Some(setting),
        _ => None,
    });
    settings.collect()
}

/// Adds what a row of a few properties does not show.
fn complete(setting: &mut Setting, kind: &Kind, name: Option<&str>, emptied: &[String]) {
    if let Some(class) = kind.class.filter(|_| setting.entry.is_none() || kind.id == SPOOF_PAIR) {
        setting.class = class();
    }
    if kind.id == SPOOF_PAIR && setting.conditions.is_empty()
        || kind.id == LIST_ENTRY && Some(&setting.name) == setting.id.as_ref()
    {
        // Named by its id: the command does not say what it lists.
        setting.entry = None;
        setting.name.clear();
    }
    if setting.name.is_empty() {
        setting.name = setting.id.clone().or_else(|| name.map(str::to_owned)).unwrap_or_default();
    }
    if setting.entry.as_ref().is_none_or(|_| [LIST_ENTRY, SPOOF_PAIR].contains(&kind.id)) {
        let empty = |name: &String| Property { name: name.clone(), values: Vec::new() };
        setting.properties.extend(emptied.iter().map(empty));
    }
}

/// What a command states of one object: what it sets, then what it takes out of lists.
fn objects(bound: &Bound, kind: &Kind) -> Result<Vec<Planned>, Fault> {
    let change = bound.cmdlet.kind();
    let is_new = change == ChangeKind::Created;
    let mut object = Map::new();
    for mark in kind.marks {
        object.insert((*mark).to_owned(), Json::Null);
    }
    if is_new {
        object.extend(kind.new.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))));
    }
    let mut whose = Map::new();
    let (mut emptied, mut removed) = (Vec::new(), Vec::new());
    let mut states = false;
    for (name, given) in &bound.given {
        let shown = shown(name, kind, is_new);
        if WHOSE.contains(name) {
            let (name, value) = (shown.to_owned(), json(given));
            whose.insert(name, value);
            continue;
        }
        match given {
            Given::Altered { add, remove } => {
                if !add.is_empty() {
                    states = true;
                    add_to(&mut object, shown, add);
                }
                if !remove.is_empty() {
                    removed.push((shown, remove));
                }
            }
            Given::All(values) if alters(name) == Some(Alters::Adds) => {
                states = true;
                add_to(&mut object, shown, values);
            }
            Given::All(values) if alters(name) == Some(Alters::Removes) => removed.push((shown, values)),
            Given::All(values) if values.is_empty() => {
                states = true;
                emptied.push(shown.to_owned());
            }
            Given::Nothing => {
                states = true;
                emptied.push(shown.to_owned());
            }
            given => {
                states = true;
                object.insert(shown.to_owned(), value(name, shown, given));
            }
        }
    }
    if !is_new && whose.is_empty() && !NAMELESS.contains(&kind.id) {
        return Err(Fault::new(&format!("what {} is to change, by its name", bound.cmdlet.name), "no -Identity"));
    }
    let marks: Map<String, Json> = kind.marks.iter().map(|mark| ((*mark).to_owned(), Json::Null)).collect();
    let mut plans = Vec::new();
    let operation = &bound.cmdlet.name;
    if states || removed.is_empty() {
        object.extend(whose.clone());
        plans.push(Planned { operation: operation.clone(), kind: change, object, emptied, only: Only::All });
    }
    for (name, values) in removed {
        let mut object = marks.clone();
        object.extend(whose.clone());
        add_to(&mut object, name, values);
        plans.push(taken_out(operation, name, object));
    }
    Ok(plans)
}

/// Values taken out of a list: each is an entry that is removed, or the operation says which list loses them.
fn taken_out(operation: &str, name: &str, object: Map<String, Json>) -> Planned {
    let of_entries = LISTS_OF_ENTRIES.contains(&name);
    Planned {
        operation: if of_entries { operation.to_owned() } else { format!("{operation} -{name} @{{Remove}}") },
        kind: if of_entries { ChangeKind::Removed } else { ChangeKind::Other },
        object,
        emptied: Vec::new(),
        only: if of_entries { Only::Entries } else { Only::All },
    }
}

/// Lists whose values are settings of their own.
const LISTS_OF_ENTRIES: &[&str] = &[
    "AllowedSenders",
    "AllowedSenderDomains",
    "BlockedSenders",
    "BlockedSenderDomains",
    "ExcludedSenders",
    "ExcludedDomains",
    "IPAllowList",
    "IPBlockList",
    "TrustedSendersAndDomains",
    "TrustedRecipientsAndDomains",
    "BlockedSendersAndDomains",
];

/// Parameters that say which object is meant.
const WHOSE: &[&str] = &["Identity", "Mailbox"];
/// Kinds of which there is one only, so that no command has to name it.
const NAMELESS: &[&str] = &["arc", "organisation", "safe_attachments_files"];

/// Under which property an export shows what a parameter sets.
fn shown<'n>(name: &'n str, kind: &Kind, is_new: bool) -> &'n str {
    let is_rule = || kind.new.iter().any(|(name, _)| *name == "State");
    match name {
        "Enabled" if is_rule() => "State",
        "Name" if !is_new => "NewName",
        name => ALTERING.iter().find(|(known, ..)| *known == name).map_or(name, |(.., shown)| *shown),
    }
}

/// What a parameter does with a list that has parameters of its own for what is added and what is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alters {
    Adds,
    Removes,
}

/// Those parameters, and the property that they alter.
const ALTERING: &[(&str, Alters, &str)] = &[
    ("AddDomains", Alters::Adds, "Domains"),
    ("RemoveDomains", Alters::Removes, "Domains"),
    ("AddSenderIpRanges", Alters::Adds, "SenderIpRanges"),
    ("RemoveSenderIpRanges", Alters::Removes, "SenderIpRanges"),
    ("AddSentTo", Alters::Adds, "SentTo"),
    ("RemoveSentTo", Alters::Removes, "SentTo"),
];

fn alters(name: &str) -> Option<Alters> {
    ALTERING.iter().find(|(known, ..)| *known == name).map(|(_, alters, _)| *alters)
}

fn value(name: &str, shown: &str, given: &Given) -> Json {
    match (given, shown) {
        (Given::Flag(flag), "State") if name == "Enabled" => Json::from(if *flag { "Enabled" } else { "Disabled" }),
        (given, _) => json(given),
    }
}

fn json(given: &Given) -> Json {
    match given {
        Given::Nothing => Json::Null,
        Given::Text(text) => Json::from(text.as_str()),
        Given::Flag(flag) => Json::from(*flag),
        Given::All(values) | Given::Altered { add: values, .. } => values.iter().map(String::as_str).collect(),
    }
}

fn add_to(object: &mut Map<String, Json>, name: &str, values: &[String]) {
    let values = values.iter().map(|value| Json::from(value.as_str()));
    match object.get_mut(name) {
        Some(Json::Array(known)) => known.extend(values),
        _ => {
            object.insert(name.to_owned(), values.collect());
        }
    }
}

impl Bound {
    fn get(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|(known, _)| *known == name).map(|(_, given)| given)
    }

    fn is_said(&self, name: &str) -> bool {
        self.get(name) == Some(&Given::Flag(true))
    }

    /// The values of a list.
    fn list(&self, name: &str) -> &[String] {
        match self.get(name) {
            Some(Given::All(values)) => values,
            _ => &[],
        }
    }

    /// All that is given beside these parameters, as properties.
    fn beside(&self, names: &[&str]) -> (Map<String, Json>, Vec<String>) {
        let (mut object, mut emptied) = (Map::new(), Vec::new());
        for (name, given) in self.given.iter().filter(|(name, _)| !names.contains(name)) {
            match given {
                Given::Nothing => emptied.push((*name).to_owned()),
                Given::All(values) if values.is_empty() => emptied.push((*name).to_owned()),
                given => {
                    object.insert((*name).to_owned(), json(given));
                }
            }
        }
        (object, emptied)
    }
}

/// How many bytes the rows of one command take at most.
const ROWS_MAX_BYTES: usize = 16 << 20;
/// How many rows one command makes at most; the service takes twenty entries at a time.
const ROWS_MAX: usize = 5_000;

/// One row a value of a list.
fn one_each(
    bound: &Bound,
    values: &[String],
    name: &str,
    object: &Map<String, Json>,
    emptied: &[String],
) -> Result<Vec<Planned>, Fault> {
    let of_one = object.values().map(|value| value.to_string().len()).sum::<usize>() + 200;
    if values.len() > ROWS_MAX || of_one.saturating_mul(values.len()) > ROWS_MAX_BYTES {
        return Err(Fault::new("entries that one command can take", format!("{} entries", values.len())));
    }
    let row = |value: &String| {
        let mut object = object.clone();
        object.insert(name.to_owned(), Json::from(value.as_str()));
        let (operation, kind) = (bound.cmdlet.name.clone(), bound.cmdlet.kind());
        Planned { operation, kind, object, emptied: emptied.to_vec(), only: Only::All }
    };
    Ok(values.iter().map(row).collect())
}

/// Entries of the tenant allow and block list.
fn entries(bound: &Bound) -> Result<Vec<Planned>, Fault> {
    let (mut object, emptied) = bound.beside(&["Entries", "Ids", "Allow", "Block", "OutputJson", "LogExtraDetails"]);
    match (bound.is_said("Allow"), bound.is_said("Block")) {
        (true, false) => drop(object.insert("Action".to_owned(), Json::from("Allow"))),
        (false, true) => drop(object.insert("Action".to_owned(), Json::from("Block"))),
        (false, false) if bound.cmdlet.kind() != ChangeKind::Created => {}
        (said, _) => {
            let found = if said { "both" } else { "neither" };
            return Err(Fault::new("either -Allow or -Block", found));
        }
    }
    let (entries, ids) = (bound.list("Entries"), bound.list("Ids"));
    if entries.is_empty() && ids.is_empty() {
        return Err(Fault::new("-Entries with the values of the list", "none"));
    }
    let mut plans = one_each(bound, entries, "Value", &object, &emptied)?;
    plans.extend(one_each(bound, ids, "Identity", &object, &emptied)?);
    Ok(plans)
}

/// Pairs of sender and sending infrastructure.
fn pairs(bound: &Bound) -> Result<Vec<Planned>, Fault> {
    // `-Identity Default` is the list, not the pair.
    let (object, emptied) = bound.beside(&["Identity", "Ids"]);
    if bound.cmdlet.kind() != ChangeKind::Created {
        let ids = bound.list("Ids");
        if ids.is_empty() {
            return Err(Fault::new("-Ids with the pairs that are meant", "none"));
        }
        let mut object = object;
        object.insert("SpoofedUser".to_owned(), Json::Null);
        return one_each(bound, ids, "Identity", &object, &emptied);
    }
    if let Some(missing) =
        ["SpoofedUser", "SendingInfrastructure", "Action"].into_iter().find(|name| !object.contains_key(*name))
    {
        return Err(Fault::new(&format!("-{missing}"), "a pair without it"));
    }
    let (operation, kind) = (bound.cmdlet.name.clone(), ChangeKind::Created);
    Ok(vec![Planned { operation, kind, object, emptied, only: Only::All }])
}

/// Releases: one act a message.
fn acts(bound: &Bound) -> Result<Vec<About>, Fault> {
    let detail = |(name, given): &(&'static str, Given)| {
        let values = match given {
            Given::Nothing => Vec::new(),
            Given::Text(text) => vec![text.clone()],
            Given::Flag(flag) => vec![if *flag { "True" } else { "False" }.to_owned()],
            Given::All(values) | Given::Altered { add: values, .. } => values.clone(),
        };
        Property { name: (*name).to_owned(), values }
    };
    let mut objects: Vec<&String> = bound.list("Identities").iter().collect();
    // With -Identities, an -Identity is asked for and not heeded.
    if let (true, Some(Given::Text(identity))) = (objects.is_empty(), bound.get("Identity")) {
        objects.push(identity);
    }
    if objects.is_empty() {
        return Err(Fault::new("-Identity of the message that is released", "none"));
    }
    let details: Vec<Property> = bound.given.iter().filter(|(name, _)| *name != "Identities").map(detail).collect();
    let of_one: usize = details.iter().flat_map(|detail| &detail.values).map(|value| value.len() + 64).sum();
    if objects.len() > ROWS_MAX || of_one.saturating_mul(objects.len()) > ROWS_MAX_BYTES {
        return Err(Fault::new("messages that one command can release", format!("{} messages", objects.len())));
    }
    let act = |object: &&String| {
        About::Act(Act {
            operation: bound.cmdlet.name.clone(),
            object: Some((*object).clone()),
            by: Actor::default(),
            done: Done::NotSaid,
            details: details.clone(),
        })
    };
    Ok(objects.iter().map(act).collect())
}
