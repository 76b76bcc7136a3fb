//! Conditional access policies: who, to which applications, from where, under which demands.

use evidence::{Condition, ConditionOn, Product, SettingClass, SourceId, System, Unit};
use serde_json::Value;

use crate::microsoft::text;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

const NEEDS: &[Need] = &[
    ("displayName", &["displayname"]),
    ("state", &["state"]),
    ("conditions", &["conditions"]),
    ("grantControls", &["grantcontrols", "sessioncontrols"]),
];

const NAMES: SettingNames = SettingNames {
    name: &["displayname"],
    id: &["id"],
    enabled: &["state"],
    created: &["createddatetime"],
    changed: &["modifieddatetime"],
    ..SettingNames::NONE
};

/// Conditional access policies of Microsoft Entra ID.
pub(crate) struct ConditionalAccess;

impl Source for ConditionalAccess {
    fn id(&self) -> SourceId {
        "entra/conditional-access"
    }

    fn title(&self) -> &'static str {
        "Microsoft Entra conditional access policies"
    }

    fn unit(&self) -> Unit {
        Unit::Setting
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: Some("GET https://graph.microsoft.com/v1.0/identity/conditionalAccess/policies"),
            clicks: Some(
                "Microsoft Entra admin center > Protection > Conditional Access > (policy) > View policy information > \
                 Download as JSON file, policy by policy",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which sign-in a policy stopped: see the sign-in logs",
            "what a policy was before: take the export again, or read the audit log of Entra",
            "names of users, groups, locations and applications: only their ids",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["activitydisplayname", "severity"], None)
    }
}

impl Table for ConditionalAccess {
    const WRAPPERS: &'static [&'static str] = &["value"];
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(NAMES.name).is_some() { Ok(()) } else { Err(missing("displayName", "the row has other keys")) }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Entra)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let mut policy = setting(row, SettingClass::ConditionalAccess, &NAMES, facts);
        let mut found = Vec::new();
        if let Some(tree) = row.tree(&["conditions"]) {
            gather(&tree, "", DEPTH_MAX, &mut found);
        }
        let is_exception =
            |one: &Condition| one.name.rsplit('.').next().is_some_and(|name| name.starts_with("exclude"));
        (policy.exceptions, policy.conditions) = found.into_iter().partition(is_exception);
        policy.properties.retain(|property| property.name != "conditions");
        facts.say_setting(policy, &["state"]);
    }
}

/// How deep conditions lie, and how many of them one policy may have.
const DEPTH_MAX: u32 = 6;
const CONDITIONS_MAX: usize = 256;

/// The conditions of a tree by their paths, such as `users.includeGroups`; empty ones are none.
fn gather(tree: &Value, path: &str, depth: u32, found: &mut Vec<Condition>) {
    if depth == 0 || found.len() >= CONDITIONS_MAX {
        return;
    }
    match tree {
        Value::Object(object) => {
            for (name, value) in object.iter().filter(|(name, _)| !name.contains('@')) {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                gather(value, &inner, depth - 1, found);
            }
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().filter_map(text).collect();
            if !values.is_empty() {
                found.push(Condition { on: ConditionOn::Other, name: path.to_owned(), values });
            }
        }
        other => {
            let value = text(other).map(|value| Condition {
                on: ConditionOn::Other,
                name: path.to_owned(),
                values: vec![value],
            });
            found.extend(value);
        }
    }
}
