//! Sign-in logs: interactive, non-interactive, of service principals and of managed identities.

use std::sync::LazyLock;

use evidence::{AccessPolicy, Fact, Product, Property, SignIn, SignInKind, SignInOutcome, SourceId, System, Unit};
use serde_json::{Map, Value};

use crate::codes::Codes;
use crate::microsoft::{details, peer, text, text_of};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// How many rows one download of the portal holds.
const ROWS_MAX: u64 = 250_000;

const DATE: &[&str] =
    &["createddatetime", "createddatetimeutc", "dateutc", "date", "timegenerated", "timegeneratedutc", "time"];
const WHO: &[&str] = &["userprincipalname", "username", "serviceprincipalname", "identity", "userdisplayname", "user"];
const APPLICATION: &[&str] = &["appdisplayname", "application", "serviceprincipalname", "appid"];
const CODE: &[&str] = &["signinerrorcode", "resulttype", "errorcode"];
const ADDRESS: &[&str] = &["ipaddress", "calleripaddress"];
const CONDITIONAL: &[&str] = &["conditionalaccessstatus", "conditionalaccess"];

const NEEDS: &[Need] = &[
    ("createdDateTime", DATE),
    ("appDisplayName", &["appdisplayname", "application", "serviceprincipalname"]),
    ("status", &["status", "signinerrorcode", "resulttype", "errorcode"]),
    ("ipAddress", ADDRESS),
    ("conditionalAccessStatus", CONDITIONAL),
];

/// How a sign-in ended, by its error code: 0 is a success, some codes only ask for a further step.
pub(crate) fn outcome_of(code: i64) -> SignInOutcome {
    match CODES.means("ErrorCode", &code.to_string()) {
        Some(means) => outcome(means),
        None => SignInOutcome::Failed,
    }
}

fn outcome(means: &str) -> SignInOutcome {
    match means {
        "succeeded" => SignInOutcome::Succeeded,
        "interrupted" => SignInOutcome::Interrupted,
        "failed" => SignInOutcome::Failed,
        _ => SignInOutcome::NotSaid,
    }
}

/// Sign-in logs of Microsoft Entra ID.
pub(crate) struct SignIns;

impl Source for SignIns {
    fn id(&self) -> SourceId {
        "entra/sign-ins"
    }

    fn title(&self) -> &'static str {
        "Microsoft Entra sign-in logs"
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
                "GET https://graph.microsoft.com/beta/auditLogs/signIns?$filter=createdDateTime ge {start} and \
                 createdDateTime le {end} and signInEventTypes/any(t: t eq 'interactiveUser' or t eq \
                 'nonInteractiveUser' or t eq 'servicePrincipal' or t eq 'managedIdentity')",
            ),
            clicks: Some(
                "Microsoft Entra admin center > Monitoring & health > Sign-in logs > (tab, filter) > Download > JSON",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "sign-ins of more than 30 days ago (7 days without a P1 or P2 licence)",
            "other kinds than those of the tab or filter: the plain list of the API holds interactive sign-ins only",
            "which access policies were looked at, if the reader may not read policies: the list is then missing",
            "a fixed delay: rows come after minutes, and steps of authentication can be filled in later",
            "rows beyond about 250,000 of one download",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["riskeventtype", "operationtype", "activitydisplayname"], None)
    }
}

impl Table for SignIns {
    const PAGE_ROWS: &'static [u64] = &[ROWS_MAX];
    const WRAPPERS: &'static [&'static str] = &["value", "records"];
    const INNER: &'static [&'static str] = &["log", "properties"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const OTHERS: &'static str = "not about one message";

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if !row.has(APPLICATION) && !row.has(WHO) {
            return Err(missing("appDisplayName", "the row has other keys"));
        }
        if row.has(CODE) || row.has(&["status"]) { Ok(()) } else { Err(missing("status", "the row has other keys")) }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Entra)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.say_by(&["status", "signinerrorcode", "resulttype"], Fact::SignIn(Box::new(sign_in(row))));
    }
}

fn sign_in(row: &Row) -> SignIn {
    let owned = |names: &[&str]| row.text(names).map(str::to_owned);
    let status = row.objects(&["status"]).into_iter().next().unwrap_or_default();
    let code = text_of(&status, &["errorCode", "ErrorCode"]).or_else(|| owned(CODE));
    let error_code = code.and_then(|code| code.parse::<i64>().ok());
    SignIn {
        who: owned(WHO),
        who_id: owned(&["userid", "serviceprincipalid"]),
        kind: kind(row),
        outcome: match error_code {
            Some(code) => outcome_of(code),
            None => row
                .text(&["status"])
                .and_then(|word| CODES.means("Status", word))
                .map_or(SignInOutcome::NotSaid, outcome),
        },
        error_code,
        reason: text_of(&status, &["failureReason", "FailureReason"])
            .or_else(|| owned(&["failurereason", "resultdescription"]))
            .filter(|reason| error_code != Some(0) && reason != "Other."),
        application: owned(APPLICATION),
        resource: owned(&["resourcedisplayname", "resource", "resourceidentity", "resourceid"]),
        client: owned(&["clientappused", "clientapp"]),
        from: peer(row, ADDRESS),
        device: device(row),
        policy_result: owned(CONDITIONAL),
        policies: policies(row),
        steps: steps(row),
        credential: owned(&["serviceprincipalcredentialkeyid"]),
        session: owned(&["correlationid"]),
        request: owned(&["id", "requestid"]),
        details: more(row, &status),
    }
}

/// How: by the type of event, the category of the log, or whether a person was at a prompt.
fn kind(row: &Row) -> SignInKind {
    let words = row.list(&["signineventtypes"]).into_iter().chain(row.text(&["category"]));
    let mut means = words.filter_map(|word| CODES.means("SignInEventType", word));
    match means.next() {
        Some("interactive") => SignInKind::Interactive,
        Some("non_interactive") => SignInKind::NonInteractive,
        Some("service_principal") => SignInKind::ServicePrincipal,
        Some("managed_identity") => SignInKind::ManagedIdentity,
        _ if row.text(&["managedidentitytype"]).is_some_and(|said| !said.eq_ignore_ascii_case("none")) => {
            SignInKind::ManagedIdentity
        }
        _ => match row.flag(&["isinteractive"]) {
            Some(true) => SignInKind::Interactive,
            Some(false) if row.text(&["userprincipalname"]).is_none() && row.has(&["serviceprincipalid"]) => {
                SignInKind::ServicePrincipal
            }
            Some(false) => SignInKind::NonInteractive,
            // The portal's tab of service principals has no such column, and no user either.
            None if !row.has(&["userprincipalname", "username", "userid"]) && row.has(&["serviceprincipalid"]) => {
                SignInKind::ServicePrincipal
            }
            None => SignInKind::NotSaid,
        },
    }
}

/// Device and browser: an object of the API, or columns of the portal.
fn device(row: &Row) -> Option<String> {
    let object = row.objects(&["devicedetail"]).into_iter().next().unwrap_or_default();
    let of = |key: &str, names: &[&str]| text_of(&object, &[key]).or_else(|| row.text(names).map(str::to_owned));
    let parts = [
        of("displayName", &["devicename"]),
        of("operatingSystem", &["operatingsystem"]),
        of("browser", &["browser"]),
        of("trustType", &["jointype"]),
        of("isCompliant", &["compliant"]).map(|said| format!("compliant {}", said.to_lowercase())),
        of("isManaged", &["managed"]).map(|said| format!("managed {}", said.to_lowercase())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How many policies and steps of one sign-in are stated; a tenant has no more policies.
const PARTS_MAX: usize = 512;

/// What each access policy said.
fn policies(row: &Row) -> Vec<AccessPolicy> {
    let policy = |object: &Map<String, Value>| {
        let controls = |name: &str| {
            let list = object.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(text).collect::<Vec<String>>()
        };
        Some(AccessPolicy {
            name: text_of(object, &["displayName"]).or_else(|| text_of(object, &["id"]))?,
            id: text_of(object, &["id"]),
            result: text_of(object, &["result"]).unwrap_or_default(),
            controls: [controls("enforcedGrantControls"), controls("enforcedSessionControls")].concat(),
        })
    };
    let objects = row.objects(&["appliedconditionalaccesspolicies", "conditionalaccesspolicies"]);
    objects.iter().filter_map(policy).take(PARTS_MAX).collect()
}

/// The steps of authentication, and how each ended.
fn steps(row: &Row) -> Vec<String> {
    let step = |object: &Map<String, Value>| {
        let method = text_of(object, &["authenticationMethod"])?;
        let ended = match text_of(object, &["succeeded"]).map(|said| said.to_lowercase()).as_deref() {
            Some("true") => "succeeded",
            Some("false") => "failed",
            _ => "not said",
        };
        let detail = text_of(object, &["authenticationStepResultDetail"]);
        Some(detail.map_or(format!("{method}: {ended}"), |detail| format!("{method}: {ended} ({detail})")))
    };
    let mut found: Vec<String> =
        row.objects(&["authenticationdetails"]).iter().filter_map(step).take(PARTS_MAX).collect();
    if let Some(result) = row.text(&["multifactorauthenticationresult"]) {
        let method = row.text(&["multifactorauthenticationauthmethod"]).unwrap_or("Multifactor authentication");
        found.push(format!("{method}: {result}"));
    }
    found
}

/// Further details, as written.
fn more(row: &Row, status: &Map<String, Value>) -> Vec<Property> {
    const NAMES: &[&str] = &[
        "authenticationrequirement",
        "authenticationprotocol",
        "clientcredentialtype",
        "incomingtokentype",
        "tokenissuertype",
        "crosstenantaccesstype",
        "resourcetenantid",
        "hometenantid",
        "riskstate",
        "risklevelduringsignin",
        "riskeventtypesv2",
        "sessionlifetimepolicies",
        "authenticationrequirementpolicies",
        "originalrequestid",
        "sessionid",
        "uniquetokenidentifier",
        "useragent",
        "autonomoussystemnumber",
        "flaggedforreview",
    ];
    let mut found = details(row, NAMES);
    found.retain(|one| one.values.iter().any(|value| !matches!(value.as_str(), "none" | "{}" | "[]")));
    let place = row.objects(&["location", "locationdetails"]).into_iter().next();
    let place = place
        .map(|place| ["city", "state", "countryOrRegion"].iter().filter_map(|key| text_of(&place, &[key])).collect());
    let place: Vec<String> = place.unwrap_or_else(|| row.text(&["location"]).map(str::to_owned).into_iter().collect());
    let also = text_of(status, &["additionalDetails"]);
    for (name, values) in [("location", place), ("additionalDetails", also.into_iter().collect())] {
        if !values.is_empty() {
            found.push(Property { name: name.to_owned(), values });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{self, Code};

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |Code { field, means, .. }| match field.as_str() {
            "ErrorCode" | "Status" => outcome(means) != SignInOutcome::NotSaid,
            "SignInEventType" => {
                ["interactive", "non_interactive", "service_principal", "managed_identity"].contains(&means.as_str())
            }
            _ => false,
        });
    }
}
