//! Exports of Microsoft Defender XDR and Defender for Office 365: hunting tables, alerts.

pub(crate) mod alerts;
pub(crate) mod delivery;
pub(crate) mod email_attachment_info;
pub(crate) mod email_events;
pub(crate) mod email_post_delivery_events;
pub(crate) mod email_url_info;
pub(crate) mod hunting;
pub(crate) mod identity_logon_events;
pub(crate) mod url_click_events;
pub(crate) mod verdict;

use std::sync::LazyLock;

use crate::codes::Codes;

/// Words that the hunting tables and the audit log share.
pub(crate) static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{self, Code};

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |Code { field, means, .. }| match field.as_str() {
            "ThreatType" | "EmailActionPolicy" | "OverrideSource" | "Policy" => codes::verdict_kind(means).is_some(),
            "EmailAction" | "DeliveryAction" | "PolicyAction" | "ClickAction" | "URLClickAction" => {
                codes::action(means).is_some()
            }
            "DeliveryLocation" => delivery::place_of(means).is_some(),
            "PostDeliveryAction" => {
                ["quarantine", "junk", "deleted", "inbox", "removed", "release", "redelivery"].contains(&means.as_str())
            }
            "LogonAction" => ["succeeded", "failed"].contains(&means.as_str()),
            _ => false,
        });
    }
}
