//! What the filters concluded, as threat types, policies and overrides say.

use evidence::{Action, AuthMethod, Fact, PolicyRef, Scope, Verdict, VerdictKind};

use super::CODES;
use crate::codes;
use crate::table::Facts;

/// The kind that a word of a field stands for.
pub(crate) fn kind(field: &str, said: &str) -> Option<VerdictKind> {
    codes::verdict_kind(CODES.means(field, said)?)
}

/// The action that a word of a field stands for.
pub(crate) fn action(field: &str, said: &str) -> Option<Action> {
    codes::action(CODES.means(field, said)?)
}

/// What a list of threat types says, the first one counts: `Phish, Spam`, `["Malware"]`; `None` for none.
pub(crate) fn threat(types: &str) -> Option<VerdictKind> {
    let mut words = types.split([',', ';', '[', ']', '"']).map(str::trim).filter(|word| !word.is_empty());
    let word = words.next()?;
    Some(kind("ThreatType", word).unwrap_or(VerdictKind::Unknown))
}

/// Sharpens a kind by how sure the filter was and by what it found it: both as written, mostly JSON.
pub(crate) fn sharpened(kind: VerdictKind, confidence: &str, methods: &str) -> VerdictKind {
    let confidence = confidence.to_ascii_lowercase().replace(' ', "");
    let is_high = |threat: &str| confidence.contains(&format!("\"{threat}\":\"high\"")) || confidence == "high";
    match kind {
        VerdictKind::Phish | VerdictKind::Spoof if methods.contains("Spoof DMARC") => {
            VerdictKind::Authentication(AuthMethod::Dmarc)
        }
        VerdictKind::Phish if methods.contains("Spoof ") => VerdictKind::Spoof,
        VerdictKind::Phish if methods.to_ascii_lowercase().contains("impersonation") => VerdictKind::Impersonation,
        VerdictKind::Phish if is_high("phish") => VerdictKind::HighConfidencePhish,
        VerdictKind::Spam if is_high("spam") => VerdictKind::HighConfidenceSpam,
        other => other,
    }
}

/// Whether a kind says how bad the content is, and not by what.
pub(crate) fn is_class_of_content(kind: &VerdictKind) -> bool {
    use VerdictKind::{HighConfidencePhish, HighConfidenceSpam, Malware, Phish, Spam};
    matches!(kind, Phish | HighConfidencePhish | Spam | HighConfidenceSpam | Malware)
}

/// By what a threat was found, where one sort of detection alone found it: a link.
pub(crate) fn ground(threat: &VerdictKind, methods: &str) -> Option<VerdictKind> {
    let is_of = |name: &str| match threat {
        VerdictKind::Phish | VerdictKind::HighConfidencePhish => name.contains("phish"),
        VerdictKind::Spam | VerdictKind::HighConfidenceSpam => name.contains("spam"),
        VerdictKind::Malware => name.contains("malware"),
        _ => false,
    };
    let mut found = detections(methods).into_iter().filter(|(name, _)| is_of(name)).map(|(_, by)| by).peekable();
    found.peek()?;
    found.all(|by| by.starts_with("url ")).then_some(VerdictKind::Url)
}

/// Each detection with the threat that it found, lower case: `{"Phish":["URL detonation","Advanced filter"]}`, or
/// `["Phish: [URL detonation]"]`.
pub(crate) fn detections(methods: &str) -> Vec<(String, String)> {
    let plain = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    let mut found = Vec::new();
    for (head, list) in methods.split(']').filter_map(|part| part.rsplit_once('[')) {
        let threat = plain(head.rsplit([',', '[', '{', ';']).next().unwrap_or(head));
        let each = list.split(',').map(plain).filter(|by| !by.is_empty());
        found.extend(each.map(|by| (threat.clone(), by)));
    }
    found
}

/// An override by the organisation or the user: what it says, and by which setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Override<'r> {
    /// `Allow`, `Block`, or another word.
    pub(crate) result: &'r str,
    /// The setting, such as `Connection policy`.
    pub(crate) source: &'r str,
    /// Whose setting it is, as the record's field says.
    pub(crate) level: &'r str,
    /// What a block by an unlisted setting is.
    pub(crate) otherwise: &'r VerdictKind,
    /// The rule that it names, if any.
    pub(crate) rule: Option<&'r str>,
}

/// States an override; a block is a verdict of the setting's kind, an allow is a clean one.
pub(crate) fn say_override(facts: &mut Facts<'_>, names: &[&str], of: Override<'_>, action: Action) {
    let is_block = of.result.eq_ignore_ascii_case("block");
    let is_allow = of.result.eq_ignore_ascii_case("allow");
    let of_source = || kind("OverrideSource", of.source).unwrap_or_else(|| of.otherwise.clone());
    let (kind, action) = match (is_block, is_allow) {
        (true, _) => (of_source(), action),
        (_, true) => (VerdictKind::Clean, Action::None),
        _ => (VerdictKind::Unknown, action),
    };
    let said = format!("{}={}, {}", of.level, of.result, of.source);
    let name = of.rule.or(Some(of.source).filter(|source| !source.is_empty())).map(str::to_owned);
    let policy = Some(PolicyRef { kind: Some(of.level.to_owned()), name, id: None });
    facts.say_by(names, Fact::Verdict(Verdict { kind, action, said, policy, scope: Scope::Enforced }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_grounds() {
        for (threat, methods, expected) in [
            (VerdictKind::Phish, r#"{"Phish":["URL malicious reputation"]}"#, Some(VerdictKind::Url)),
            (VerdictKind::Phish, r#"{"Phish":["URL detonation","URL detonation reputation"]}"#, Some(VerdictKind::Url)),
            (VerdictKind::Phish, r#"{"Phish":["URL detonation","Advanced filter"]}"#, None),
            (VerdictKind::Phish, r#"{"Phish":["Advanced filter"],"Spam":["URL malicious reputation"]}"#, None),
            (
                VerdictKind::Spam,
                r#"["Phish: [Spoof DMARC]","Spam: [URL malicious reputation]"]"#,
                Some(VerdictKind::Url),
            ),
            (VerdictKind::Malware, r#"{"Malware":["File detonation"]}"#, None),
            (VerdictKind::Phish, "", None),
            (VerdictKind::Phish, "[[[,]{", None),
        ] {
            assert_eq!(ground(&threat, methods), expected, "{threat:?} {methods}");
        }
    }
}
