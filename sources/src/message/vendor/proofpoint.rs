//! Proofpoint's statements.

use evidence::{Action, Fact, PolicyRef, Product, Scope, System, Verdict, VerdictKind};

use super::book::book;
use super::parts::{Parts, cut as cut_parts};
use crate::codes::verdict_kind;
use crate::message::headers_of::{Row, Sample, cut};

const DETAILS: &str = "x-proofpoint-spam-details";

impl Sample<'_> {
    /// `rule=notspam policy=default score=0 ...`: the rule that matched tells the verdict.
    pub(crate) fn proofpoint_details(&self, value: &str) -> Row {
        let decoded = crate::message::boundary::words(value);
        let parts = cut_parts(Parts::Words, &decoded);
        let get = |name: &str| parts.iter().find(|(key, _)| key.as_deref() == Some(name)).map(|(_, value)| &**value);
        let Some(rule) = get("rule").filter(|rule| !rule.is_empty()) else {
            return Row::PassedOver("vendor header not decoded");
        };
        let said = format!("X-Proofpoint-Spam-Details: {}", cut(&decoded));
        let word = format!("rule={rule}");
        // Mail that leaves: the sender's own gateway judged it, and nobody on the receiving side.
        if rule.starts_with("outbound") || get("policy").is_some_and(|policy| policy.starts_with("outbound")) {
            let said = format!("judged by the sender's own gateway: {word}");
            return self.note(&System::of(Product::Proofpoint), said, &word);
        }
        let policy = get("policy").map(|name| PolicyRef {
            kind: Some("Proofpoint spam policy".to_owned()),
            name: Some(name.to_owned()),
            id: None,
        });
        let kind = kind_of(rule).unwrap_or(VerdictKind::Unknown);
        let action = if kind == VerdictKind::Clean { Action::None } else { Action::NotSaid };
        let verdict = Verdict { kind, action, said, policy, scope: Scope::Enforced };
        Row::Stated(vec![(System::of(Product::Proofpoint), None, Fact::Verdict(verdict), word)])
    }
}

/// The kind of a rule by its name, or by the end of it: administrators put the name of their policy before it.
fn kind_of(rule: &str) -> Option<VerdictKind> {
    let ends = std::iter::once(rule).chain(rule.match_indices('_').map(|(at, _)| &rule[at + 1..]));
    ends.into_iter().find_map(|end| book().means(DETAILS, Some("rule"), end)).and_then(verdict_kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_rules() {
        for (rule, expected) in [
            ("notspam", Some(VerdictKind::Clean)),
            ("inbound_notspam", Some(VerdictKind::Clean)),
            ("spam", Some(VerdictKind::Spam)),
            ("inbound_spam_definite", Some(VerdictKind::HighConfidenceSpam)),
            ("our_policy_phish", Some(VerdictKind::Phish)),
            ("bulk", Some(VerdictKind::Bulk)),
            // Looks alike: no word of a rule stands at its end.
            ("notspamming", None),
            ("spam_but_not_really", None),
            ("", None),
        ] {
            assert_eq!(kind_of(rule), expected, "{rule}");
        }
    }
}
