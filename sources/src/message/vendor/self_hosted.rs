//! Statements of filters that people run themselves: SpamAssassin, rspamd, amavis, clamav-milter.

use evidence::{Action, Address, Fact, Product, Scope, System, Verdict, VerdictKind};

use crate::message::fields::Field;
use crate::message::headers_of::{Row, Sample, cut, one_address};
use crate::message::received::{Received, label};
use crate::rspamd::symbols;

impl Sample<'_> {
    pub(crate) fn spam_flag(&self, name: &str, value: &str) -> Row {
        let first = value.split([',', ' ', ';']).next().unwrap_or("");
        // Score, threshold and tests as written.
        let said = format!("{name}: {}", cut(value));
        match first.to_ascii_lowercase().as_str() {
            "yes" => self.verdict(self.spam_checker.clone(), VerdictKind::Spam, Action::Tagged, said, first),
            "no" => self.verdict(self.spam_checker.clone(), VerdictKind::Clean, Action::None, said, first),
            _ => Row::PassedOver("vendor header not decoded"),
        }
    }

    /// `default: False [1.20 / 15.00]; SYMBOL(0.50)[option]; ...`: True only where the action is reject.
    pub(crate) fn spamd_result(&self, value: &str) -> Row {
        let head = value.split(';').next().unwrap_or(value).trim();
        let Some((_, after)) = head.split_once(": ") else { return Row::PassedOver("vendor header not decoded") };
        let said = format!("X-Spamd-Result: {}", cut(value));
        let verdict =
            |kind| Verdict { kind, action: Action::NotSaid, said: said.clone(), policy: None, scope: Scope::Enforced };
        let (fact, word) = match after.split_whitespace().next() {
            Some("True") => (Fact::Verdict(verdict(VerdictKind::Spam)), "True"),
            // Not refused; whether it was marked, the action says.
            Some("False") => (Fact::Note { said: format!("rspamd: {}", cut(value)) }, "False"),
            _ => (Fact::Verdict(verdict(VerdictKind::Unknown)), ""),
        };
        let sender =
            self.fields.iter().find(|field| field.is("return-path")).and_then(|field| one_address(&field.value));
        let symbols = symbols::of_header(value);
        let mut facts = vec![(self.rspamd(), None, fact, word.to_owned())];
        for (name, fact) in symbols::authentication(&symbols, sender.as_ref().and_then(Address::domain)) {
            facts.push((self.rspamd(), None, fact, name));
        }
        Row::Stated(facts)
    }

    /// `action=reject; module=antivirus; text`: a module that fixed the action.
    pub(crate) fn pre_result(&self, value: &str) -> Row {
        let get = |key: &str| value.split(';').find_map(|part| part.trim().strip_prefix(key));
        let Some(action) = get("action=") else { return Row::PassedOver("vendor header not decoded") };
        let said = format!("X-Rspamd-Pre-Result: {}", cut(value));
        let verdict = symbols::verdict(action, get("module="), &[], &said);
        Row::Stated(vec![(self.rspamd(), None, Fact::Verdict(verdict), action.to_owned())])
    }

    /// `X-Virus-Status: Clean` of clamav-milter, `X-Virus: Eicar` of rspamd.
    pub(crate) fn virus(&self, name: &str, value: &str) -> Row {
        let first = value.split([' ', '(', ';']).next().unwrap_or("");
        let (kind, action) = match first.to_ascii_lowercase().as_str() {
            "" => return Row::PassedOver("vendor header not decoded"),
            "clean" | "no" => (VerdictKind::Clean, Action::None),
            "infected" | "yes" => (VerdictKind::Malware, Action::Tagged),
            _ if name == "x-virus" => (VerdictKind::Malware, Action::Tagged),
            _ => (VerdictKind::Unknown, Action::NotSaid),
        };
        let speaker = match name {
            "x-virus" => self.rspamd(),
            _ => System::of(Product::Other("clamav-milter".to_owned())),
        };
        self.verdict(speaker, kind, action, format!("{name}: {}", cut(value)), first)
    }

    /// Who signs as the one that looked for malware.
    pub(crate) fn virus_scanner(&self, said: &str) -> System {
        let lower = said.to_ascii_lowercase();
        if lower.contains("amavis") {
            return amavis(&self.hops);
        }
        let name = if lower.contains("clamav-milter") { "clamav-milter" } else { "malware scanner" };
        System::of(Product::Other(name.to_owned()))
    }

    pub(crate) fn rspamd(&self) -> System {
        match self.fields.iter().find(|field| field.is("x-rspamd-server")) {
            Some(server) => System::at(Product::Rspamd, label(&server.value)),
            None => System::of(Product::Rspamd),
        }
    }

    pub(crate) fn rspamd_action(&self, value: &str) -> Row {
        let verdict = symbols::verdict(value, None, &[], &format!("X-Rspamd-Action: {value}"));
        Row::Stated(vec![(self.rspamd(), None, Fact::Verdict(verdict), value.to_owned())])
    }

    pub(crate) fn amavis_alert(&self, value: &str) -> Row {
        let upper = value.to_ascii_uppercase();
        let kind = if upper.starts_with("INFECTED") {
            VerdictKind::Malware
        } else if upper.starts_with("BANNED") {
            VerdictKind::Attachment
        } else if upper.starts_with("SPAM") {
            VerdictKind::Spam
        } else {
            VerdictKind::Unknown
        };
        let word = value.split([',', ' ']).next().unwrap_or("");
        self.verdict(amavis(&self.hops), kind, Action::Tagged, format!("X-Amavis-Alert: {value}"), word)
    }
}

fn amavis(hops: &[(usize, Received)]) -> System {
    hops.iter()
        .find(|(_, hop)| hop.speaker.product == Product::Amavis)
        .map_or_else(|| System::of(Product::Amavis), |(_, hop)| hop.speaker.clone())
}

/// Who wrote the X-Spam fields: the checker that signs with its name, else amavis if it is on the way.
pub(crate) fn spam_checker(fields: &[Field], hops: &[(usize, Received)], writer: &System) -> System {
    let first = |name: &str| fields.iter().find(|field| field.is(name));
    if let Some(version) = first("x-spam-checker-version") {
        let host = version.value.rsplit_once(" on ").map(|(_, host)| label(host.trim()));
        let product = Product::Other("SpamAssassin".to_owned());
        return host.map_or_else(|| System::of(product.clone()), |host| System::at(product.clone(), host));
    }
    if fields.iter().any(|field| field.is("x-spamd-result") || field.is("x-rspamd-server")) {
        return match first("x-rspamd-server") {
            Some(server) => System::at(Product::Rspamd, label(&server.value)),
            None => System::of(Product::Rspamd),
        };
    }
    if first("x-virus-scanned").is_some_and(|field| field.value.to_ascii_lowercase().contains("amavis"))
        || hops.iter().any(|(_, hop)| hop.speaker.product == Product::Amavis)
    {
        return amavis(hops);
    }
    match &writer.product {
        Product::Other(name) => System::of(Product::Other(format!("spam filter at {name}"))),
        _ => System { product: Product::Other("spam filter".to_owned()), instance: writer.instance.clone() },
    }
}
