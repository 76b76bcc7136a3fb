//! Barracuda's statements.

use evidence::{Action, Product, System, VerdictKind};

use super::book::book;
use crate::codes::verdict_kind;
use crate::message::headers_of::{Row, Sample, cut};

impl Sample<'_> {
    /// `Yes, SCORE=3.60 using per-user scores of TAG_LEVEL=3.5 ...`: which level was reached is not said by `Yes`, so that
    /// nothing is said of what was done.
    pub(crate) fn barracuda_status(&self, name: &str, value: &str) -> Row {
        let first = value.split([',', ' ', ';']).next().unwrap_or("");
        let said = format!("{name}: {}", cut(value));
        let speaker = System::of(Product::Other("Barracuda".to_owned()));
        match book().means(name, None, first).and_then(verdict_kind) {
            Some(kind @ VerdictKind::Clean) => self.verdict(speaker, kind, Action::None, said, first),
            Some(kind) => self.verdict(speaker, kind, Action::NotSaid, said, first),
            // The service writes points and levels alone.
            None if value.contains("SCORE=") => self.note(&speaker, said, "SCORE="),
            None => Row::PassedOver("vendor header not decoded"),
        }
    }
}
