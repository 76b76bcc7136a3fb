//! Records about messages: releases from quarantine, verdicts, clicks, what users and clients did to items.

use evidence::{
    Access, Action, Actor, ActorKind, Address, Click, Fact, Folder, Identifier, Identity, PolicyRef, Quarantine,
    QuarantineState, Release, ReleaseStep, Scope, Verdict, VerdictKind,
};
use serde_json::{Map, Value};

use super::{CODES, OPERATION, RECORD_TYPE, actor, done, people};
use crate::codes;
use crate::defender::delivery::{Place, moved, place, say_authentications, say_place};
use crate::defender::verdict::{self, Override, say_override};
use crate::exchange_online::STORE;
use crate::microsoft::{beside, details, pairs, text_of};
use crate::table::Facts;
use crate::table::row::Row;

/// One item of a mailbox that a record names.
pub(super) struct Item {
    /// Its Message-ID.
    pub(super) id: Option<Identifier>,
    /// Its subject.
    pub(super) subject: Option<String>,
    /// The folder in which it lay.
    pub(super) folder: Option<String>,
}

/// How many items of one record are looked at.
const ITEMS_MAX: usize = 10_000;

/// The items of a mailbox that a record names: `Item`, `AffectedItems`, `Folders`.
pub(super) fn items(row: &Row) -> Vec<Item> {
    let mut found = Vec::new();
    for names in [["item"], ["affecteditems"]] {
        row.each_object(&names, |object| {
            let folder = object.get("ParentFolder").and_then(Value::as_object);
            found.push(item(object, folder.and_then(|folder| text_of(folder, &["Path", "Name"]))));
        });
    }
    row.each_object(&["folders"], |folder| {
        let path = text_of(folder, &["Path", "Name"]);
        let items = folder.get("FolderItems").and_then(Value::as_array).into_iter().flatten();
        found.extend(items.filter_map(Value::as_object).map(|object| item(object, path.clone())));
    });
    found.truncate(ITEMS_MAX);
    found
}

fn item(object: &Map<String, Value>, folder: Option<String>) -> Item {
    Item {
        id: text_of(object, &["InternetMessageId"]).as_deref().and_then(Identifier::message_id),
        subject: text_of(object, &["Subject"]),
        folder,
    }
}

/// Ids of the one message that a record is about.
pub(super) fn ids(row: &Row) -> Vec<Identifier> {
    let network = row.text(&["networkmessageid"]).and_then(Identifier::network_message_id);
    let message = row.text(&["internetmessageid"]).and_then(Identifier::message_id);
    let clicked = || match row.text(OPERATION) {
        Some("TIUrlClickData") => row.text(&["sourceid"]).and_then(Identifier::network_message_id),
        _ => None,
    };
    let ids: Vec<Identifier> = message.into_iter().chain(network.or_else(clicked)).collect();
    if !ids.is_empty() {
        return ids;
    }
    let mut items = items(row).into_iter().filter_map(|item| item.id);
    if let (Some(only), None) = (items.next(), items.next()) {
        return vec![only];
    }
    let of_cmdlet = || {
        let is_held = row.text(OPERATION).is_some_and(|operation| operation.ends_with("-QuarantineMessage"));
        let identity =
            is_held.then(|| pairs(row, &["parameters"]))?.into_iter().find(|(name, _)| name == "Identity")?;
        Identifier::network_message_id(identity.1.split(['\\', '/']).next()?)
    };
    let of_policy = || {
        let mut id = None;
        row.each_object(&["exchangemetadata"], |meta| id = text_of(meta, &["MessageID", "MessageId"]));
        Identifier::message_id(&id?)
    };
    of_cmdlet().or_else(of_policy).into_iter().collect()
}

/// Ids of the several messages that a record names; none if it is about one.
pub(super) fn mentions(row: &Row) -> Vec<Identifier> {
    let items: Vec<Identifier> = items(row).into_iter().filter_map(|item| item.id).collect();
    if items.len() > 1 { items } else { people::messages(row).into_iter().flat_map(|message| message.ids).collect() }
}

/// Whether a record is about a message in quarantine.
pub(super) fn is_quarantine(row: &Row, operation: &str) -> bool {
    let is_of_type = row.list(RECORD_TYPE).iter().any(|said| *said == "65" || said.eq_ignore_ascii_case("Quarantine"));
    is_of_type || CODES.means("QuarantineOperation", operation).is_some()
}

/// States what was done with a message in quarantine.
pub(super) fn quarantine(row: &Row, operation: &str, facts: &mut Facts<'_>) {
    let recipients = row.addresses(&["releaseto", "recipients", "recipientaddress"]);
    let mut recipients: Vec<Address> =
        recipients.into_iter().filter(|address| address.as_str().contains('@')).collect();
    let parameters = pairs(row, &["parameters"]);
    if let Some(users) = beside(&parameters, "User").filter(|_| recipients.is_empty()) {
        recipients = users.split([',', ';']).map(Address::new).filter(|address| !address.is_null()).collect();
    }
    let means = beside(&parameters, "ActionType")
        .and_then(|said| CODES.means("ActionType", said))
        .or_else(|| CODES.means("QuarantineOperation", operation))
        .or_else(|| row.text(&["requesttype"]).and_then(|said| CODES.means("RequestType", said)));
    if done(row) == evidence::Done::No && means != Some("released") {
        return people::act(row, operation, facts);
    }
    // A recipient asks for, or deletes, a copy of its own; what an administrator does may be for anybody.
    let by = actor(row);
    if let (Some("requested" | "gone"), true, ActorKind::Person, Some(name)) =
        (means, recipients.is_empty(), by.kind, by.name.filter(|name| name.contains('@')))
    {
        recipients = vec![Address::new(&name)];
    }
    facts.about.envelope_recipients = recipients.clone();
    let step = match means {
        Some("released") => ReleaseStep::Released,
        Some("requested") => ReleaseStep::Requested,
        Some("denied") => ReleaseStep::Denied,
        Some("gone") => {
            return facts.say_by(
                OPERATION,
                Fact::Quarantine(Quarantine {
                    state: QuarantineState::Gone,
                    store: STORE.to_owned(),
                    policy: None,
                    id: None,
                    until: None,
                    said: said(row, operation),
                }),
            );
        }
        _ => return people::act(row, operation, facts),
    };
    let step =
        if done(row) == evidence::Done::No && step == ReleaseStep::Released { ReleaseStep::Failed } else { step };
    facts.say_by(
        OPERATION,
        Fact::Release(Release {
            step,
            by: actor(row).name,
            for_recipients: recipients,
            next: None,
            said: said(row, operation),
        }),
    );
}

/// The operation and what decides about it, as written.
fn said(row: &Row, operation: &str) -> String {
    let names = ["requesttype", "requestsource", "releaseto", "usertype", "resultstatus"];
    let words = details(row, &names).into_iter().map(|one| format!("{}={}", one.name, one.values.join(", ")));
    std::iter::once(operation.to_owned()).chain(words).collect::<Vec<_>>().join(", ")
}

/// States that items of a mailbox were moved or deleted; one fact an item.
pub(super) fn removed(row: &Row, operation: &str, facts: &mut Facts<'_>) {
    if done(row) == evidence::Done::No {
        return people::act(row, operation, facts);
    }
    let means = CODES.means("ItemOperation", operation);
    let destination = row.objects(&["destfolder", "destinationfolder"]);
    let destination = destination.first().and_then(|folder| text_of(folder, &["Path", "Name"]));
    let by = actor(row).name.map_or(String::new(), |name| format!(" by {name}"));
    let client = row.text(&["clientinfostring"]).map_or(String::new(), |client| format!(" ({client})"));
    facts.about.envelope_recipients = row.addresses(&["mailboxownerupn"]);
    for item in items(row) {
        if item.folder.as_deref().is_some_and(is_of_sender) {
            facts.about(Vec::new(), |facts| people::act_on(row, operation, item, facts));
            continue;
        }
        let (action, folder) = match means {
            Some("deleted") => (Action::Discarded, Some(Folder::Deleted)),
            Some("moved") => (Action::NotSaid, destination.as_deref().map(folder_of)),
            _ => (Action::Discarded, None),
        };
        let action = if folder == Some(Folder::Junk) { Action::Junked } else { action };
        let from = item.folder.map_or(String::new(), |folder| format!(" from {folder}"));
        let said = format!("{operation}{from}{by}{client}");
        let fact = Fact::PostDelivery { action, folder, by: Some(mailbox_user(row)), said };
        facts.about_message(item.id.into_iter().collect(), |facts| {
            if let Some(subject) = item.subject {
                facts.say(Fact::Identity(Identity { subject: Some(subject), ..Identity::default() }));
            }
            facts.say_by(OPERATION, fact);
        });
    }
}

/// Who worked in a mailbox. `LogonType` 0 is its owner and 2 somebody with access to it: persons there, whatever rights
/// they have elsewhere; 1 is an administrator's way in, such as a content search.
fn mailbox_user(row: &Row) -> Actor {
    let actor = actor(row);
    let kind = match (row.text(&["logontype"]), actor.kind) {
        (Some("0" | "2" | "Owner" | "Delegated"), ActorKind::Administrator) => ActorKind::Person,
        (Some("1" | "Admin"), ActorKind::Person) => ActorKind::Administrator,
        (_, kind) => kind,
    };
    Actor { kind, ..actor }
}

/// Whether a folder holds what its owner wrote: such an item is no copy that was delivered.
fn is_of_sender(path: &str) -> bool {
    let top = path.trim_start_matches('\\').split('\\').next().unwrap_or_default();
    ["Sent Items", "Drafts", "Outbox"].contains(&top)
}

/// A folder by its path, such as `\Deleted Items`; the names of another language stay as they are.
fn folder_of(path: &str) -> Folder {
    match path.trim_start_matches('\\') {
        "Inbox" => Folder::Inbox,
        "Junk Email" | "Junk E-mail" => Folder::Junk,
        "Deleted Items" => Folder::Deleted,
        other => Folder::Other(other.to_owned()),
    }
}

/// States what threat intelligence says of a message: who it is, what was found, where it was put and where it lies.
pub(super) fn threat(row: &Row, facts: &mut Facts<'_>) {
    facts.about.envelope_recipients = row.addresses(&["recipients"]);
    let arrived = row.text(&["messagetime"]).and_then(|said| facts.instant(said));
    facts.say(Fact::Identity(Identity {
        envelope_sender: row.text(&["p1sender"]).map(Address::new),
        header_from: row.text(&["p2sender"]).map(Address::new),
        subject: row.text(&["subject"]).map(str::to_owned),
        direction: direction(row.text(&["directionality"])),
        ..Identity::default()
    }));
    let results = pairs(row, &["authdetails"]);
    facts.at(arrived.clone(), |facts| say_authentications(facts, &[], &results, None));
    facts.say_by(&["verdict", "policy"], Fact::Verdict(verdict(row)));
    for object in row.objects(&["systemoverrides"]) {
        let text = |name: &str| text_of(&object, &[name]).unwrap_or_default();
        let (result, source, level) = (text("Result"), text("Details"), format!("{} override", text("Source")));
        let is_final = !text("FinalOverride").eq_ignore_ascii_case("no");
        let action = if is_final { action_of(row) } else { Action::None };
        let of = Override {
            result: &result,
            source: &source,
            level: &level,
            otherwise: &VerdictKind::BlockEntry,
            rule: None,
        };
        say_override(facts, &[], of, action);
    }
    let original = row.text(&["originaldeliverylocation"]);
    let latest = row.text(&["latestdeliverylocation"]);
    let inline = row.text(&["detectiontype"]).is_none_or(|said| said.eq_ignore_ascii_case("inline"));
    if let Some(first) = original.or(latest.filter(|_| inline)) {
        let said = format!("{}, {first}", row.text(&["deliveryaction"]).unwrap_or("delivery"));
        facts.at(arrived, |facts| {
            say_place(facts, &["originaldeliverylocation", "latestdeliverylocation"], first, said)
        });
    }
    if let (false, Some(first), Some(latest)) = (inline, original, latest) {
        moved_later(row, facts, first, latest);
    }
}

/// States what was done after delivery; the record's own time is when that was recorded.
fn moved_later(row: &Row, facts: &mut Facts<'_>, first: &str, latest: &str) {
    let kind = row.text(&["detectiontype"]).unwrap_or_default();
    if place(first) == place(latest) {
        return facts
            .say_by(&["detectiontype"], Fact::Note { said: format!("{kind}: found later, stays in {latest}") });
    }
    let action = match place(latest) {
        Some(Place::Quarantine) => Action::Quarantined,
        Some(Place::Folder(Folder::Junk)) => Action::Junked,
        Some(Place::Folder(Folder::Deleted)) => Action::Discarded,
        _ => Action::NotSaid,
    };
    facts.say_by(&["latestdeliverylocation"], moved(action, latest, format!("{kind}: {first} to {latest}")));
}

fn direction(said: Option<&str>) -> Option<Access> {
    match said?.to_ascii_lowercase().as_str() {
        "inbound" => Some(Access::Inbound),
        "outbound" => Some(Access::Outbound),
        "intraorg" | "intra-org" => Some(Access::Internal),
        _ => None,
    }
}

/// What was done: the policy's action, else the word for the delivery.
fn action_of(row: &Row) -> Action {
    let by_policy = row.text(&["policyaction"]).and_then(|said| verdict::action("PolicyAction", said));
    let by_delivery = || row.text(&["deliveryaction"]).and_then(|said| verdict::action("DeliveryAction", said));
    let latest = row.text(&["originaldeliverylocation", "latestdeliverylocation"]).and_then(place);
    let by_place = || match latest {
        Some(Place::Quarantine) => Some(Action::Quarantined),
        _ => None,
    };
    by_policy.or_else(by_delivery).or_else(by_place).unwrap_or(Action::NotSaid)
}

fn verdict(row: &Row) -> Verdict {
    let found = row.list(&["threatsanddetectiontech", "detectionmethod"]).join("; ");
    let confidence = row.text(&["phishconfidencelevel"]).unwrap_or_default();
    let by_policy = row.text(&["policy"]).and_then(|said| verdict::kind("Policy", said));
    let by_word = row.text(&["verdict"]).and_then(verdict::threat);
    let kind = by_policy.or(by_word).unwrap_or(VerdictKind::Unknown);
    let words = details(
        row,
        &[
            "detectiontype",
            "verdict",
            "phishconfidencelevel",
            "threatsanddetectiontech",
            "detectionmethod",
            "policy",
            "policyaction",
            "deliveryaction",
        ],
    );
    let said = words.into_iter().map(|one| format!("{}={}", one.name, one.values.join("; ")));
    let policy = row.text(&["policy"]).map(|name| PolicyRef { kind: Some(name.to_owned()), name: None, id: None });
    Verdict {
        kind: verdict::sharpened(kind, confidence, &found),
        action: action_of(row),
        said: said.collect::<Vec<_>>().join(", "),
        policy,
        scope: Scope::Enforced,
    }
}

/// States that rules against data loss matched a message: who it is, and each rule with what it did.
pub(super) fn data_loss(row: &Row, facts: &mut Facts<'_>) {
    let mut identity = Identity::default();
    row.each_object(&["exchangemetadata"], |meta| {
        let all = |name: &str| {
            let list = meta.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(Address::new).collect::<Vec<Address>>()
        };
        identity = Identity {
            header_from: text_of(meta, &["From"]).map(|said| Address::new(&said)),
            header_to: [all("To"), all("CC")].concat(),
            subject: text_of(meta, &["Subject"]),
            sent_at: text_of(meta, &["Sent"]).and_then(|said| facts.instant(&said)),
            ..Identity::default()
        };
    });
    facts.say(Fact::Identity(identity));
    let mut verdicts = Vec::new();
    row.each_object(&["policydetails"], |policy| {
        let rules = policy.get("Rules").and_then(Value::as_array).into_iter().flatten();
        verdicts.extend(rules.filter_map(Value::as_object).take(ITEMS_MAX).map(|rule| matched(policy, rule)));
    });
    verdicts.into_iter().for_each(|verdict| facts.say_by(OPERATION, Fact::Verdict(verdict)));
}

/// One rule against data loss that matched; of several actions the hardest counts.
fn matched(policy: &Map<String, Value>, rule: &Map<String, Value>) -> Verdict {
    let actions = rule.get("Actions").and_then(Value::as_array).into_iter().flatten();
    let actions: Vec<String> = actions.filter_map(Value::as_str).map(str::to_owned).collect();
    let means = |said: &String| CODES.means("DlpAction", said).and_then(codes::action).unwrap_or(Action::NotSaid);
    let found: Vec<Action> = actions.iter().map(means).collect();
    let by_hardness = [Action::Rejected, Action::Quarantined, Action::Redirected, Action::Tagged, Action::NotSaid];
    let action = by_hardness.into_iter().find(|action| found.contains(action)).unwrap_or(Action::None);
    let mode = text_of(rule, &["RuleMode"]).unwrap_or_default();
    let is_test = CODES.means("RuleMode", &mode) == Some("report_only");
    let name = |object, names: &[&str]| text_of(object, names).unwrap_or_default();
    Verdict {
        kind: VerdictKind::DataLoss,
        action,
        said: format!("Actions={}, RuleMode={mode}, Severity={}", actions.join(", "), name(rule, &["Severity"])),
        policy: Some(PolicyRef {
            kind: Some(name(policy, &["PolicyName"])).filter(|kind| !kind.is_empty()),
            name: text_of(rule, &["RuleName"]),
            id: text_of(rule, &["RuleId"]),
        }),
        scope: if is_test { Scope::ReportOnly } else { Scope::Enforced },
    }
}

/// States that somebody followed a link that was judged bad.
pub(super) fn click(row: &Row, facts: &mut Facts<'_>) {
    let when = row.text(&["timeofclick", "eventtime"]).and_then(|said| facts.instant(said));
    let action = row.text(&["urlclickaction"]).and_then(|said| verdict::action("URLClickAction", said));
    let words = details(row, &["urlclickaction", "sourceworkload", "apptype"]);
    let said = words.into_iter().map(|one| format!("{}={}", one.name, one.values.join("; "))).collect::<Vec<_>>();
    let click = Click {
        url: row.text(&["url"]).unwrap_or_default().to_owned(),
        by: row.text(&["userid"]).map(str::to_owned),
        verdict: VerdictKind::Url,
        action: action.unwrap_or(Action::NotSaid),
        said: said.join(", "),
    };
    let when = when.or_else(|| facts.when.clone());
    facts.at(when, |facts| facts.say_by(&["urlclickaction", "url"], Fact::Click(click)));
}
