//! Exchange Online's statements: the filter's report, and what the mailbox store did.

use evidence::{Access, Action, Fact, Folder, Identity, Release, ReleaseStep, Scope, Stored, Verdict, VerdictKind};

use super::book::book;
use crate::codes::verdict_kind;
use crate::message::headers_of::{Row, Sample, exchange_online, pairs};

const REPORT: &str = "x-forefront-antispam-report";
const MAILBOX: &str = "x-microsoft-antispam-mailbox-delivery";

/// Our word for a code of the filter's report.
fn means(key: &str, value: &str) -> Option<&'static str> {
    book().means(REPORT, Some(key), value)
}

impl Sample<'_> {
    pub(crate) fn forefront(&self, value: &str) -> Row {
        let pairs = pairs(value);
        let get = |key: &str| pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
        let (cat, sfv) = (get("CAT").unwrap_or(""), get("SFV").unwrap_or(""));
        let mut facts = Vec::new();
        if let Some(direction) = get("DIR").and_then(direction) {
            let identity = Identity { direction: Some(direction), ..Identity::default() };
            facts.push((exchange_online(), None, Fact::Identity(identity), String::new()));
        }
        if !cat.is_empty() || !sfv.is_empty() {
            let mut said: Vec<String> = ["SFV", "CAT", "SCL", "IPV", "SRV", "SFTY"]
                .iter()
                .filter_map(|key| get(key).filter(|value| !value.is_empty()).map(|value| format!("{key}:{value}")))
                .collect();
            said.extend(self.bulk_level.iter().map(|level| format!("BCL:{level}")));
            let word = if sfv.is_empty() { format!("CAT:{cat}") } else { format!("SFV:{sfv}") };
            if means("SFV", sfv) == Some("released_from_quarantine") {
                let release = Release {
                    step: ReleaseStep::Released,
                    by: None,
                    for_recipients: self.about.envelope_recipients.clone(),
                    next: None,
                    said: word.clone(),
                };
                facts.push((exchange_online(), None, Fact::Release(release), word.clone()));
            }
            let verdict = Verdict {
                kind: forefront_kind(cat, sfv),
                action: Action::NotSaid,
                said: said.join(";"),
                policy: None,
                scope: Scope::Enforced,
            };
            facts.push((exchange_online(), None, Fact::Verdict(verdict), word));
        }
        if facts.is_empty() { Row::PassedOver("no verdict in it") } else { Row::Stated(facts) }
    }

    pub(crate) fn mailbox_delivery(&self, value: &str) -> Row {
        let pairs = pairs(value);
        let get = |key: &str| pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
        let Some(dest) = get("dest").filter(|dest| !dest.is_empty()) else {
            return Row::PassedOver("vendor header not decoded");
        };
        let folder = match book().means(MAILBOX, Some("dest"), dest) {
            Some("inbox") => Folder::Inbox,
            Some("junk") => Folder::Junk,
            Some("custom_folder") => Folder::Other("custom folder".to_owned()),
            _ => Folder::Other(format!("dest:{dest}")),
        };
        let chosen_by = get("OFR").filter(|reason| !reason.is_empty()).map(|reason| format!("OFR:{reason}"));
        let stored = Stored { folder: Some(folder), chosen_by };
        Row::Stated(vec![(exchange_online(), None, Fact::Stored(stored), format!("dest:{dest}"))])
    }
}

/// The kind of a verdict by class (CAT) and by what decided (SFV).
///
/// What skipped or blocked by a setting goes before the class, except that no setting lets malware or high-confidence
/// phishing pass (Microsoft, secure by default).
fn forefront_kind(cat: &str, sfv: &str) -> VerdictKind {
    let class = means("CAT", cat).and_then(verdict_kind);
    let path = means("SFV", sfv).and_then(verdict_kind);
    match (path, class) {
        (_, Some(severe @ (VerdictKind::Malware | VerdictKind::HighConfidencePhish))) => severe,
        (Some(path @ (VerdictKind::UserBlock | VerdictKind::BlockEntry | VerdictKind::TransportRule)), _) => path,
        (Some(VerdictKind::Clean), _) => VerdictKind::Clean,
        (Some(VerdictKind::Spam), Some(VerdictKind::Clean)) => VerdictKind::Spam,
        (_, Some(class)) => class,
        (Some(path), None) => path,
        (None, None) if means("SFV", sfv) == Some("released_from_quarantine") && cat.is_empty() => VerdictKind::Clean,
        (None, None) => VerdictKind::Unknown,
    }
}

fn direction(said: &str) -> Option<Access> {
    match said.to_ascii_uppercase().as_str() {
        "INB" => Some(Access::Inbound),
        "OUT" => Some(Access::Outbound),
        "INT" => Some(Access::Internal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_forefront_kinds() {
        for (cat, sfv, expected) in [
            ("SPOOF", "SPM", VerdictKind::Spoof),
            ("SPM", "SPM", VerdictKind::Spam),
            ("NONE", "NSPM", VerdictKind::Clean),
            ("NONE", "SKN", VerdictKind::Clean),
            ("SPM", "SKA", VerdictKind::Clean),
            ("MALW", "SKA", VerdictKind::Malware),
            ("HPHISH", "SKN", VerdictKind::HighConfidencePhish),
            ("SPM", "BLK", VerdictKind::UserBlock),
            ("SPM", "SKB", VerdictKind::BlockEntry),
            ("SPM", "SKS", VerdictKind::TransportRule),
            ("", "SKQ", VerdictKind::Clean),
            ("PHSH", "SKQ", VerdictKind::Phish),
            ("BRANDNEW", "XYZ", VerdictKind::Unknown),
        ] {
            assert_eq!(forefront_kind(cat, sfv), expected, "CAT:{cat};SFV:{sfv}");
        }
    }
}
