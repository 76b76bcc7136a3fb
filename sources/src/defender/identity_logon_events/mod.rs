//! The hunting table `IdentityLogonEvents`: sign-ins to the cloud and to the domain controllers, as Defender saw them.

use evidence::{Fact, Peer, Product, SignIn, SignInOutcome, SourceId, System, Unit};

use super::CODES;
use super::hunting::{self, DATE};
use crate::microsoft::{details, text_of};
use crate::table::row::{Row, Torn};
use crate::table::{Facts, Need, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

const NEEDS: &[Need] = &[
    ("ActionType", &["actiontype"]),
    ("LogonType", &["logontype"]),
    ("AccountUpn", &["accountupn", "accountname", "accountobjectid"]),
    ("FailureReason", &["failurereason", "protocol", "application"]),
];

/// How many rows the portal shows and exports of one query.
const PORTAL_ROWS: u64 = 30_000;

/// Defender hunting table IdentityLogonEvents.
pub(crate) struct IdentityLogonEvents;

impl Source for IdentityLogonEvents {
    fn id(&self) -> SourceId {
        "defender/identity-logon-events"
    }

    fn title(&self) -> &'static str {
        "Defender hunting table IdentityLogonEvents"
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
                "POST https://graph.microsoft.com/v1.0/security/runHuntingQuery {\"Query\": \"IdentityLogonEvents | where \
                 Timestamp between (datetime({start}) .. datetime({end}))\"}",
            ),
            clicks: Some("Microsoft Defender portal > Hunting > Advanced hunting > (query) > Run query > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "access policies, steps and error codes: see the sign-in logs of Entra",
            "sign-ins of more than 30 days ago, and those to systems that Defender does not watch",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        hunting::recognise(head, NEEDS, &["networkmessageid", "recordtype", "initiatingprocessfilename"])
    }
}

impl Table for IdentityLogonEvents {
    const PAGE_ROWS: &'static [u64] = &[PORTAL_ROWS];
    const WRAPPERS: &'static [&'static str] = &["results", "Results", "value", "records"];
    const INNER: &'static [&'static str] = &["properties"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const OTHERS: &'static str = "not about one message";

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(&["actiontype"]).is_some() {
            Ok(())
        } else {
            Err(missing("ActionType", "the row has other columns"))
        }
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c crate::Clock) -> crate::time::Zoneless<'c> {
        hunting::zoneless(row, clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Other("Microsoft Defender".to_owned()))
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let owned = |names: &[&str]| row.text(names).map(str::to_owned);
        let more = row.objects(&["additionalfields"]).into_iter().next().unwrap_or_default();
        let from = Peer {
            name: row.text(&["devicename"]).map(str::to_lowercase),
            ip: owned(&["ipaddress"]),
            port: row.text(&["port"]).and_then(|port| port.parse().ok()),
        };
        let word = row.text(&["actiontype"]).unwrap_or_default();
        let outcome = match CODES.means("LogonAction", word) {
            Some("succeeded") => SignInOutcome::Succeeded,
            Some("failed") => SignInOutcome::Failed,
            _ => SignInOutcome::NotSaid,
        };
        let device =
            [owned(&["devicetype"]), owned(&["osplatform"])].into_iter().flatten().collect::<Vec<_>>().join(", ");
        facts.say_by(
            &["actiontype"],
            Fact::SignIn(Box::new(SignIn {
                who: owned(&["accountupn", "accountname", "accountdisplayname"]),
                who_id: owned(&["accountobjectid", "accountsid"]),
                outcome,
                reason: owned(&["failurereason"]),
                application: owned(&["application"]),
                resource: owned(&["destinationdevicename", "targetdevicename", "destinationipaddress"]),
                client: owned(&["protocol", "logontype"]),
                from: (from != Peer::default()).then_some(from),
                device: (!device.is_empty()).then_some(device),
                request: text_of(&more, &["Request ID", "RequestId"]),
                details: details(row, &["actiontype", "logontype", "isp", "location", "destinationport", "reportid"]),
                ..SignIn::default()
            })),
        );
    }
}
