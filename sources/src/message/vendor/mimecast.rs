//! Mimecast's statements.

use evidence::{Action, Fact, PolicyRef, Product, Scope, System, Verdict, VerdictKind};

use crate::message::headers_of::{Row, Sample};

impl Sample<'_> {
    pub(crate) fn mimecast_impersonation(&self, value: &str) -> Row {
        let hit = value.to_ascii_lowercase().starts_with("suspicious");
        let policy = value.split(';').find_map(|part| part.trim().strip_prefix("Policy=")).map(|name| PolicyRef {
            kind: Some("Impersonation Protect".to_owned()),
            name: Some(name.trim().to_owned()),
            id: None,
        });
        let (kind, action, word) = if hit {
            (VerdictKind::Impersonation, Action::Tagged, "suspicious")
        } else {
            (VerdictKind::Clean, Action::None, "")
        };
        let said = format!("X-Mimecast-Impersonation-Protect: {value}");
        let verdict = Verdict { kind, action, said, policy, scope: Scope::Enforced };
        Row::Stated(vec![(System::of(Product::Mimecast), None, Fact::Verdict(verdict), word.to_owned())])
    }
}
