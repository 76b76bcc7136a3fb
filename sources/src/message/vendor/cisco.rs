//! Statements of Cisco Secure Email (IronPort, ESA).

use evidence::{Action, Product, System, VerdictKind};

use super::book::book;
use super::parts::{Parts, cut as cut_parts};
use crate::codes::verdict_kind;
use crate::message::headers_of::{Row, Sample, cut};

impl Sample<'_> {
    /// The malware scan, coded: only `v` names what was found. Without it the field says that a scan took place.
    pub(crate) fn cisco_scan(&self, value: &str) -> Row {
        let parts = cut_parts(Parts::Semicolons, value);
        let names = parts.iter().find(|(key, value)| key.as_deref() == Some("v") && !value.is_empty());
        let Some((_, names)) = names else { return Row::PassedOver("vendor header without a verdict") };
        let said = format!("X-IronPort-AV: v=\"{}\"", cut(names));
        self.verdict(self.cisco(), VerdictKind::Malware, Action::NotSaid, said, names)
    }

    /// What file reputation and analysis found.
    pub(crate) fn cisco_files(&self, value: &str) -> Row {
        let means = book().means("x-amp-result", None, value);
        let kind = means.and_then(verdict_kind).unwrap_or(VerdictKind::Unknown);
        let action = if kind == VerdictKind::Clean { Action::None } else { Action::NotSaid };
        self.verdict(self.cisco(), kind, action, format!("X-Amp-Result: {}", cut(value)), value.trim())
    }

    /// The appliance by its Received field, where it stands there.
    fn cisco(&self) -> System {
        let hop = self.hops.iter().find(|(_, hop)| hop.speaker.product == Product::CiscoSecureEmail);
        hop.map_or_else(|| System::of(Product::CiscoSecureEmail), |(_, hop)| hop.speaker.clone())
    }
}
