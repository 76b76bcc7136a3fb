//! The four identifiers: envelope sender, envelope recipient, time, and Message-ID or subject.

use report::{Cite, MessageCopy, Part, Report};

use super::points::PointRow;
use super::{PointState, Stand, Work};

impl Work<'_> {
    pub(super) fn envelope_sender(&self, row: &PointRow) -> Stand {
        let (message, asked) = (&self.message, self.seen.asked.sender.as_deref());
        let Some(report) = self.report else { return self.reported(row, asked) };
        match (&message.envelope_sender, &message.header_from) {
            (Some(sender), from) => {
                let shown = if sender.is_empty() { "<> (the null sender)" } else { sender };
                let from = from.as_ref().filter(|from| *from != sender);
                let from = from.map_or(String::new(), |from| format!(", From: {from}"));
                let said = format!("{shown}{from}{}", other_than(asked, &[sender, &from]));
                Stand::of(PointState::Done, said).citing(stating(report, sender))
            }
            (None, Some(from)) => Stand::of(PointState::Open, format!("only the From address is shown: {from}"))
                .citing(stating(report, from))
                .doing(vec![self.ask(row)]),
            (None, None) => self.reported(row, asked),
        }
    }

    pub(super) fn envelope_recipient(&self, row: &PointRow) -> Stand {
        let asked = self.seen.asked.recipient.as_slice();
        let named = (!asked.is_empty()).then(|| asked.join(", "));
        let Some(report) = self.report else { return self.reported(row, named.as_deref()) };
        let copies = report.copies.iter().map(|copy| copy.envelope_recipient.as_str());
        let mut known: Vec<&str> = copies.filter(|to| !to.is_empty()).collect();
        known.dedup();
        if known.is_empty() {
            return self.reported(row, named.as_deref());
        }
        let strange: Vec<&str> =
            asked.iter().map(String::as_str).filter(|to| !known.iter().any(|one| same(one, to))).collect();
        let strange = match strange.is_empty() {
            true => String::new(),
            false => format!("; no record names {}, whom the reporter names", strange.join(", ")),
        };
        let shown = match known.as_slice() {
            [one] => (*one).to_owned(),
            [one, other] => format!("{one}, {other}"),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            [] => String::new(),
        };
        let cites = known.iter().flat_map(|to| stating(report, to));
        if report.copies.iter().all(is_by_to_alone) {
            let said = format!("only the To address is shown: {shown}{strange}");
            return Stand::of(PointState::Open, said).citing(cites).doing(vec![self.ask(row)]);
        }
        Stand::of(PointState::Done, format!("{shown}{strange}")).citing(cites)
    }

    pub(super) fn time(&self, row: &PointRow) -> Stand {
        let Some(report) = self.report else { return self.reported(row, self.seen.asked.at.as_deref()) };
        let first = report.copies.iter().flat_map(|copy| &copy.timeline).min_by_key(|event| event.at);
        match (first, self.message.sent_at) {
            (Some(event), sent_at) => {
                let assumed = event.assumed.as_ref().map_or(String::new(), |zone| format!(" ({zone})"));
                let sent = sent_at.map_or(String::new(), |at| format!("; dated {}", report::instant(at)));
                let said = format!("first seen {}{assumed}, by {}{sent}", report::instant(event.at), event.system);
                Stand::of(PointState::Done, said).citing(event.cites.iter().cloned())
            }
            (None, Some(at)) => {
                let cites = report.checked.iter().flat_map(|one| one.cites.iter().cloned());
                let said = format!("dated {}, by the sender's clock", report::instant(at));
                Stand::of(PointState::Done, said).citing(cites.take(1))
            }
            (None, None) => self.reported(row, self.seen.asked.at.as_deref()),
        }
    }

    pub(super) fn message_id(&self, row: &PointRow) -> Stand {
        let asked = &self.seen.asked.message_id;
        let subject = self.message.subject.as_deref().or(self.seen.asked.subject.as_deref());
        let about = subject.map_or(String::new(), |subject| format!(", subject “{subject}”"));
        let found = self.report.and_then(|report| Some((report, self.message.message_id.as_deref()?)));
        if let Some((report, id)) = found {
            let cites = stating(report, id);
            // An id that only the reporter names is no record's.
            if !cites.is_empty() || asked.iter().all(|one| !same(bare(one), id)) {
                return Stand::of(PointState::Done, format!("<{id}>{about}")).citing(cites);
            }
        }
        if let Some(id) = self.message.network_message_ids.first().filter(|_| asked.is_empty()) {
            let cites = self.report.map(|report| stating(report, id)).unwrap_or_default();
            return Stand::of(PointState::Done, format!("the service's own id {id}{about}; no Message-ID is shown"))
                .citing(cites);
        }
        if let Some(id) = asked.first() {
            return self.reported(row, Some(&format!("<{}>{about}", bare(id))));
        }
        match (self.report, subject) {
            (Some(report), Some(subject)) if self.message.subject.is_some() => {
                Stand::of(PointState::Done, format!("subject “{subject}”; no Message-ID is shown"))
                    .citing(stating(report, subject))
            }
            (_, Some(subject)) => self.reported(row, Some(&format!("subject “{subject}”"))),
            (_, None) => self.reported(row, None),
        }
    }

    /// What only the reporter says, or nobody.
    fn reported(&self, row: &PointRow, named: Option<&str>) -> Stand {
        match named {
            Some(named) => Stand::of(PointState::Done, format!("{named}, as reported; no record states it yet")),
            None => Stand::of(PointState::Open, "not known").doing(vec![self.ask(row)]),
        }
    }
}

/// A Message-ID without its brackets.
pub(super) fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

fn same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

/// That the reporter names another sender; a domain may stand for its addresses.
fn other_than(asked: Option<&str>, known: &[&str]) -> String {
    let Some(asked) = asked else { return String::new() };
    let domain = asked.trim_start_matches('@');
    let is_it = |one: &&str| same(one, asked) || one.rsplit_once('@').is_some_and(|(_, of)| same(of, domain));
    if known.iter().any(|one| is_it(&one.trim_start_matches(", From: "))) {
        return String::new();
    }
    format!("; the reporter names {asked}")
}

/// The records that state a value: those that the copies name for it, else the first whose own words hold it.
fn stating(report: &Report, value: &str) -> Vec<Cite> {
    let parts = report.copies.iter().flat_map(|copy| &copy.stated);
    let of_part = parts.into_iter().find(|part| same(&part.value, value) && !part.cites.is_empty());
    let ids = report.copies.iter().flat_map(|copy| &copy.identifiers);
    let of_id = ids.into_iter().find(|id| same(&id.id, value) && !id.cites.is_empty());
    if let Some(cites) = of_part.map(|part| &part.cites).or_else(|| of_id.map(|id| &id.cites)) {
        return cites.clone();
    }
    let events = report.copies.iter().flat_map(|copy| &copy.timeline).flat_map(|event| &event.cites);
    let layers = report.copies.iter().flat_map(|copy| &copy.layers).flat_map(|layer| &layer.cites);
    let checked = report.checked.iter().flat_map(|checked| &checked.cites);
    events.chain(layers).chain(checked).find(|cite| holds(&cite.said, value)).into_iter().cloned().collect()
}

/// Whether records name a copy's recipient in the To or Cc field only: that is what the reader sees, not where it was sent.
fn is_by_to_alone(copy: &MessageCopy) -> bool {
    let has = |wanted: Part| copy.stated.iter().any(|part| part.part == wanted);
    has(Part::HeaderTo) && !has(Part::EnvelopeRecipient)
}

/// Whether a text holds a value as a word of its own: not `ana@example.com` in `hana@example.com`.
fn holds(text: &str, value: &str) -> bool {
    if value.is_empty() {
        return text.contains("<>");
    }
    let (text, value) = (text.to_lowercase(), value.to_lowercase());
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '@');
    text.match_indices(&value).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + value.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(|c| is_part(c) && c != '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_holds() {
        for (text, value, expected) in [
            ("2026-08-20,billing@supplier.example,ana@example.com", "ana@example.com", true),
            ("2026-08-20,billing@supplier.example,hana@example.com", "ana@example.com", false),
            ("to=<ana@example.com>, relay=none", "Ana@Example.com", true),
            ("ana@example.community", "ana@example.com", false),
            ("sent to ana@example.com.", "ana@example.com", true),
            ("from=<>, size=3", "", true),
        ] {
            assert_eq!(holds(text, value), expected, "{text}");
        }
    }
}
