//! Risk detections: what Entra found suspicious about a sign-in or a user.

use evidence::{Alert, Fact, Product, SourceId, System, Unit};

use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

/// How many rows one download of the portal holds.
const ROWS_MAX: u64 = 2_500;

const DATE: &[&str] = &["detecteddatetime", "activitydatetime", "timegenerated", "time"];

const NEEDS: &[Need] = &[
    ("riskEventType", &["riskeventtype", "risktype"]),
    ("riskState", &["riskstate"]),
    ("riskLevel", &["risklevel"]),
    ("detectedDateTime", &["detecteddatetime", "activitydatetime"]),
];

/// Risk detections of Microsoft Entra ID Protection.
pub(crate) struct RiskDetections;

impl Source for RiskDetections {
    fn id(&self) -> SourceId {
        "entra/risk-detections"
    }

    fn title(&self) -> &'static str {
        "Microsoft Entra risk detections"
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
            command: Some("GET https://graph.microsoft.com/v1.0/identityProtection/riskDetections"),
            clicks: Some("Microsoft Entra admin center > Protection > Risky activities > Risk detections > Download"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "whether the sign-in was stopped: see the sign-in logs",
            "detections of more than 90 days ago; details of some detections need a P2 licence",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        // A log shipper's copy spells its names otherwise, and holds less.
        if head.text.contains("risk_event_type") {
            return Recognition::No;
        }
        table::recognise(head, NEEDS, &["conditionalaccessstatus"], None)
    }
}

impl Table for RiskDetections {
    const PAGE_ROWS: &'static [u64] = &[ROWS_MAX];
    const WRAPPERS: &'static [&'static str] = &["value", "records"];
    const INNER: &'static [&'static str] = &["properties"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const OTHERS: &'static str = "not about one message";

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(&["riskeventtype", "risktype"]).is_some() {
            Ok(())
        } else {
            Err(missing("riskEventType", "the row has other keys"))
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Entra)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let owned = |names: &[&str]| row.text(names).map(str::to_owned);
        let entities = [owned(&["userprincipalname", "userid"]), owned(&["ipaddress"]), owned(&["correlationid"])];
        let alert = Alert {
            id: owned(&["id"]).unwrap_or_default(),
            title: owned(&["riskeventtype", "risktype"]).unwrap_or_default(),
            raised_by: owned(&["source"]),
            rule: None,
            severity: owned(&["risklevel"]),
            status: owned(&["riskstate"]),
            incident: None,
            entities: entities.into_iter().flatten().collect(),
        };
        facts.say_by(&["riskeventtype", "risktype"], Fact::Alert(alert));
    }
}
