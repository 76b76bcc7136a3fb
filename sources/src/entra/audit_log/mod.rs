//! The audit log of the directory: users, groups, applications and their credentials, access policies, domains.

use evidence::{
    Act, Actor, ActorKind, Alteration, Change, Fact, Product, Property, SettingClass, SourceId, System, Unit,
};
use serde_json::{Map, Value};

use super::directory::{change_of, modified_property};
use crate::microsoft::{self, details, pairs, peer, peer_of, text_of};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

/// How many rows one download of the portal holds.
const ROWS_MAX: u64 = 250_000;

const DATE: &[&str] = &["activitydatetime", "dateutc", "date", "timegenerated", "timegeneratedutc", "time"];
const ACTIVITY: &[&str] = &["activitydisplayname", "operationname", "activity"];
const RESULT: &[&str] = &["result"];

const NEEDS: &[Need] = &[
    ("activityDisplayName", ACTIVITY),
    ("targetResources", &["targetresources", "target1type", "target1displayname"]),
    ("category", &["category"]),
    ("result", RESULT),
];

/// Audit log of Microsoft Entra ID.
pub(crate) struct AuditLog;

impl Source for AuditLog {
    fn id(&self) -> SourceId {
        "entra/audit-log"
    }

    fn title(&self) -> &'static str {
        "Microsoft Entra audit log"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "GET https://graph.microsoft.com/v1.0/auditLogs/directoryAudits?$filter=activityDateTime ge {start} and \
                 activityDateTime le {end}",
            ),
            clicks: Some("Microsoft Entra admin center > Monitoring & health > Audit logs > (filter) > Download"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "changes of more than 30 days ago (7 days without a P1 or P2 licence)",
            "changes of Exchange settings: see the unified audit log",
            "the values before and after, where the service writes only the names of the properties",
            "rows beyond 250,000 of one download",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["recordtype", "riskeventtype"], None)
    }
}

impl Table for AuditLog {
    const PAGE_ROWS: &'static [u64] = &[ROWS_MAX];
    const WRAPPERS: &'static [&'static str] = &["value", "records"];
    const INNER: &'static [&'static str] = &["log", "properties"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const STAYING: Staying = Staying::Holding(&["onditional access", "amed location", " domain"]);
    const OTHERS: &'static str = "not about one message";

    /// Who may sign in how, and for which domains mail is taken; users, groups and applications are passed over.
    fn stays(&self, row: &Row) -> bool {
        let class = row.text(ACTIVITY).and_then(change_of).and_then(|(_, class)| class);
        matches!(class, Some(SettingClass::ConditionalAccess | SettingClass::AcceptedDomain))
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(ACTIVITY).is_some() {
            Ok(())
        } else {
            Err(missing("activityDisplayName", "the row has other keys"))
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Entra)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let operation = row.text(ACTIVITY).unwrap_or_default().to_owned();
        let (by, done) = (actor(row), microsoft::done(row.text(RESULT)));
        let (object, alterations) = targets(row);
        let fact = match change_of(&operation) {
            // In a table of Log Analytics `TenantId` is the workspace.
            Some((kind, class)) => {
                Fact::Change(Change { operation, kind, class, object, by, tenant: None, alterations, done })
            }
            None => Fact::Act(Act { operation, object, by, done, details: more(row, alterations) }),
        };
        facts.say_by(ACTIVITY, fact);
    }
}

/// Who did it: a person, or an application.
fn actor(row: &Row) -> Actor {
    let initiator = row.objects(&["initiatedby"]).into_iter().next().unwrap_or_default();
    let part = |name: &str| initiator.get(name).and_then(Value::as_object);
    if let Some(user) = part("user") {
        let name = text_of(user, &["userPrincipalName", "displayName", "id"]);
        let client = text_of(user, &["ipAddress"]).as_deref().and_then(peer_of);
        return Actor { name, kind: ActorKind::Person, client: client.or_else(|| peer(row, &["calleripaddress"])) };
    }
    if let Some(app) = part("app") {
        let name = text_of(app, &["displayName", "servicePrincipalName", "appId", "servicePrincipalId"]);
        return Actor { name, kind: ActorKind::Application, client: peer(row, &["calleripaddress"]) };
    }
    let names =
        ["actoruserprincipalname", "actordisplayname", "actorserviceprincipalname", "actorobjectid", "identity"];
    let kind = match row.text(&["actortype"]).map(str::to_ascii_lowercase).as_deref() {
        Some("user") => ActorKind::Person,
        Some("application" | "serviceprincipal" | "service principal") => ActorKind::Application,
        _ => ActorKind::NotSaid,
    };
    Actor { name: row.text(&names).map(str::to_owned), kind, client: peer(row, &["ipaddress", "calleripaddress"]) }
}

/// How many targets and properties of one record are stated.
const PARTS_MAX: usize = 512;

/// What was acted upon, and what became of its properties.
fn targets(row: &Row) -> (Option<String>, Vec<Alteration>) {
    let objects = row.objects(&["targetresources"]);
    if objects.is_empty() {
        return columns(row);
    }
    let names: Vec<String> = objects.iter().take(PARTS_MAX).filter_map(name).collect();
    let modified = |object: &Map<String, Value>| {
        let list = object.get("modifiedProperties").and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_object).filter_map(modified_property).collect::<Vec<Alteration>>()
    };
    let alterations = objects.iter().flat_map(modified).take(PARTS_MAX).collect();
    ((!names.is_empty()).then(|| names.join(", ")), alterations)
}

/// The name of a target: what people call it, then its id.
fn name(target: &Map<String, Value>) -> Option<String> {
    text_of(target, &["userPrincipalName", "displayName", "id"])
}

/// The targets of the portal's CSV: `Target1DisplayName`, `Target1ModifiedProperty1Name`, ...
fn columns(row: &Row) -> (Option<String>, Vec<Alteration>) {
    let mut names = Vec::new();
    let mut alterations = Vec::new();
    for target in 1..=TARGETS_MAX {
        let of = |part: &str| row.text(&[&format!("target{target}{part}")]).map(str::to_owned);
        let Some(name) = of("userprincipalname").or_else(|| of("displayname")).or_else(|| of("objectid")) else {
            break;
        };
        names.push(name);
        for property in 1..=PROPERTIES_MAX {
            let of = |part: &str| of(&format!("modifiedproperty{property}{part}"));
            let Some(name) = of("name") else { break };
            alterations.push(Alteration { name, before: of("oldvalue"), after: of("newvalue") });
        }
    }
    ((!names.is_empty()).then(|| names.join(", ")), alterations)
}

/// How many targets, and properties of each, the portal's CSV has columns for.
const TARGETS_MAX: usize = 3;
const PROPERTIES_MAX: usize = 5;

/// Details of something that changes no setting.
fn more(row: &Row, alterations: Vec<Alteration>) -> Vec<Property> {
    let mut found = details(row, &["category", "operationtype", "loggedbyservice", "resultreason", "useragent"]);
    found.extend(microsoft::properties(pairs(row, &["additionaldetails"])));
    let altered = alterations.into_iter().map(|one| (one.name, one.after.unwrap_or_default()));
    found.extend(microsoft::properties(altered.collect()));
    found
}
