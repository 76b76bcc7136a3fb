//! Which tests of a way went well before it carried live mail, and what they covered.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Cite, Outcome, ProbeStep, Property, Setting, SettingClass};
use jiff::Timestamp;
use jiff::civil::DateTime;

use super::super::{Stated, Survey};

/// A test that went well.
#[derive(Clone, Debug, Default)]
pub(super) struct Tested {
    /// When; `None` if the record does not say.
    pub(super) at: Option<Timestamp>,
    /// What was done, in a few words.
    pub(super) how: String,
    /// What sort of test.
    pub(super) sort: Sort,
    /// The hosts that were asked, names and addresses, lower case.
    pub(super) hosts: BTreeSet<String>,
    /// The connector that was tried.
    pub(super) connector: Option<String>,
    /// Envelope senders.
    pub(super) senders: BTreeSet<String>,
    /// Envelope recipients.
    pub(super) recipients: BTreeSet<String>,
    /// What was said about encryption and certificates.
    pub(super) tls: Option<String>,
    /// The machine that tested.
    pub(super) from: Option<String>,
    /// The records.
    pub(super) cites: Vec<Cite>,
}

/// What sort of test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// Somebody or something talked to the host.
    #[default]
    Probe,
    /// The service's own validation of a connector.
    Validation,
    /// A few messages went that way beside the live traffic.
    Pilot,
}

/// All tests that went well, by time.
pub(super) fn all(survey: &Survey<'_>) -> Vec<Tested> {
    let mut found: Vec<Tested> = probes(survey);
    found.extend(survey.settings().iter().filter_map(validation));
    found.sort_by(|a, b| (a.at, &a.how, &a.hosts).cmp(&(b.at, &b.how, &b.hosts)));
    found
}

/// The runs of all tests: the steps that belong together, if all went well and one talked to a host.
fn probes(survey: &Survey<'_>) -> Vec<Tested> {
    type Run<'a> = (String, Option<Timestamp>, String);
    let mut runs: BTreeMap<Run<'_>, Vec<Stated<'_, ProbeStep>>> = BTreeMap::new();
    for step in survey.probes() {
        let fact = step.fact;
        // A test's own result is one record; the steps of a transcript are one session with one host.
        let own = match step.source() {
            "probe/result" => (fact.probe.clone(), None, place(&step)),
            _ => (fact.probe.clone(), step.at(), target(fact)),
        };
        runs.entry(own).or_default().push(step);
    }
    runs.into_values().filter_map(|steps| run(&steps)).collect()
}

fn place(step: &Stated<'_, ProbeStep>) -> String {
    let cite = &step.entry.observation.cite;
    format!("{} {}", cite.file, cite.bytes.start)
}

fn target(step: &ProbeStep) -> String {
    step.target.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Steps that only look a name up.
fn is_lookup(step: &str) -> bool {
    step.eq_ignore_ascii_case("dns") || step.eq_ignore_ascii_case("mx") || step.eq_ignore_ascii_case("resolve")
}

fn run(steps: &[Stated<'_, ProbeStep>]) -> Option<Tested> {
    let went_wrong = |step: &Stated<'_, ProbeStep>| {
        matches!(step.fact.outcome, Outcome::Refused | Outcome::Deferred) || step.fact.step == "fault"
    };
    let talked = |step: &Stated<'_, ProbeStep>| step.fact.outcome == Outcome::Accepted && !is_lookup(&step.fact.step);
    if steps.iter().any(went_wrong) || !steps.iter().any(talked) {
        return None;
    }
    let first = steps.first()?;
    let mut found = Tested {
        at: steps.iter().filter_map(Stated::at).min(),
        how: format!("the test `{}`", first.fact.probe),
        from: first.entry.observation.speaker.instance.as_deref().map(str::to_owned),
        ..Tested::default()
    };
    for step in steps {
        let fact = step.fact;
        if let Some(target) = fact.target.as_ref().filter(|_| !is_lookup(&fact.step)) {
            found.hosts.extend(target.name.iter().chain(&target.ip).map(|one| host(one)));
        }
        found.senders.extend(address_after(&fact.said, "MAIL FROM:"));
        found.recipients.extend(address_after(&fact.said, "RCPT TO:"));
        for detail in &fact.details {
            take_detail(detail, &mut found);
        }
        let is_tls = ["tls", "starttls"].contains(&fact.step.to_ascii_lowercase().as_str());
        if is_tls && !fact.said.is_empty() {
            found.tls = fact.said.lines().last().map(str::to_owned);
        }
        let cite = step.cite();
        if found.cites.len() < 3 && !found.cites.iter().any(|known| known.order() == cite.order()) {
            found.cites.push(cite);
        }
    }
    Some(found)
}

/// What a detail says of sender, recipient, certificate or origin.
fn take_detail(detail: &Property, found: &mut Tested) {
    let name = detail.name.to_ascii_lowercase();
    let addresses = || detail.values.iter().filter(|value| value.contains('@')).map(|value| address(value));
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["mail_from", "mailfrom", "sender", "envelope_from"]) || name == "from" {
        found.senders.extend(addresses());
    } else if has(&["rcpt", "recipient"]) || name == "to" {
        found.recipients.extend(addresses());
    } else if has(&["cert", "sni", "cipher", "tls"]) {
        let said = format!("{} {}", detail.name, detail.values.join(", "));
        found.tls = Some(found.tls.take().map_or(said.clone(), |known| format!("{known}; {said}")));
    }
}

/// The address in angle brackets after a command.
fn address_after(said: &str, command: &str) -> Option<String> {
    let line = said.lines().next()?;
    let upper = line.to_ascii_uppercase();
    let at = upper.find(command)?;
    let rest = line.get(at + command.len()..)?.trim_start();
    let inner = rest.strip_prefix('<').and_then(|rest| rest.split('>').next()).unwrap_or(rest);
    (!inner.is_empty()).then(|| address(inner))
}

fn address(said: &str) -> String {
    said.trim().trim_matches(['<', '>']).to_lowercase()
}

/// The validation of an outbound connector, if it went well.
fn validation(setting: &Stated<'_, Setting>) -> Option<Tested> {
    let fact = setting.fact;
    if fact.class != SettingClass::OutboundConnector {
        return None;
    }
    let values = |name: &str| property(fact, name).map(|property| property.values.clone()).unwrap_or_default();
    let is_true = values("IsValidated").iter().any(|value| value.eq_ignore_ascii_case("true"));
    is_true.then(|| Tested {
        at: values("LastValidationTimestamp").first().and_then(|said| instant(said)),
        how: format!("the validation of connector `{}`", fact.name),
        sort: Sort::Validation,
        hosts: values("SmartHosts").iter().flat_map(|value| list(value)).map(|one| host(&one)).collect(),
        connector: Some(fact.name.clone()),
        recipients: values("ValidationRecipients")
            .iter()
            .flat_map(|value| list(value))
            .map(|one| address(&one))
            .collect(),
        tls: values("TlsSettings").first().map(|value| format!("TlsSettings {value}")),
        cites: vec![setting.cite()],
        ..Tested::default()
    })
}

/// A property by the vendor's name.
pub(super) fn property<'a>(setting: &'a Setting, name: &str) -> Option<&'a Property> {
    setting.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name))
}

/// The values that one text holds: exports write lists as `{a, b}`, `a; b` or `a,b`.
pub(super) fn list(value: &str) -> Vec<String> {
    let inner = value.trim().trim_start_matches('{').trim_end_matches('}');
    let parts = inner.split([',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// A host or an address as all records are compared: lower case, without brackets and the last dot.
pub(super) fn host(said: &str) -> String {
    said.trim().trim_matches(['[', ']']).trim_end_matches('.').to_lowercase()
}

/// An instant among the values of a setting: `/Date(ms)/`, RFC 3339, or the table of a culture with the month first; UTC where
/// nothing is said, as the admin interface writes it.
pub(super) fn instant(said: &str) -> Option<Timestamp> {
    let said = said.trim();
    if let Some(millis) = said.strip_prefix("/Date(").and_then(|rest| rest.split(')').next()) {
        return Timestamp::from_millisecond(millis.parse().ok()?).ok();
    }
    let of_civil = |at: DateTime| at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp());
    let patterns = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"];
    said.parse::<Timestamp>()
        .ok()
        .or_else(|| of_civil(said.parse().ok()?))
        .or_else(|| patterns.iter().find_map(|pattern| of_civil(DateTime::strptime(pattern, said).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_instants() {
        for said in ["/Date(1793527200000)/", "2026-11-01T10:00:00Z", "2026-11-01T10:00:00", "11/1/2026 10:00:00 AM"] {
            assert_eq!(instant(said).map(|at| at.to_string()), Some("2026-11-01T10:00:00Z".to_owned()), "{said}");
        }
    }

    #[test]
    fn ok_addresses() {
        assert_eq!(
            address_after("MAIL FROM:<A@example.net> SIZE=1\n250 ok", "MAIL FROM:"),
            Some("a@example.net".to_owned())
        );
        assert_eq!(address_after("RCPT TO:<b@example.com>", "RCPT TO:"), Some("b@example.com".to_owned()));
    }
}
