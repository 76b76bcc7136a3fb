//! Which side of the mail is ours: by what records say, else by who is affected, else by whose records the ticket holds.

use report::{Cite, Layer, MessageCopy, Part, State};

use crate::case::Case;

/// Which side of the mail is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Our user should get it.
    Receiving,
    /// Our user sent it.
    Sending,
    /// Both.
    Both,
    /// Not shown.
    NotShown,
}

/// Which side is ours, and the records that say so.
pub fn side(case: &Case, copy: &MessageCopy) -> (Side, Vec<Cite>) {
    if let Some((side, cites)) = stated(copy) {
        return (side, cites);
    }
    let sender = value(copy, &[Part::EnvelopeSender, Part::HeaderFrom]);
    let recipient = Some(copy.envelope_recipient.as_str()).filter(|recipient| !recipient.is_empty());
    let ours: Vec<&str> = case.about.user.iter().chain(&case.asked.trust).map(String::as_str).collect();
    let is_ours = |address: Option<&str>| address.is_some_and(|address| ours.iter().any(|one| is_of(address, one)));
    match (is_ours(recipient), is_ours(sender)) {
        (true, true) => (Side::Both, Vec::new()),
        (true, false) => (Side::Receiving, Vec::new()),
        (false, true) => (Side::Sending, Vec::new()),
        (false, false) => receiving_records(copy),
    }
}

/// The direction that a record states.
fn stated(copy: &MessageCopy) -> Option<(Side, Vec<Cite>)> {
    let ways: Vec<&report::StatedPart> = copy.stated.iter().filter(|part| part.part == Part::Direction).collect();
    let [way] = ways.as_slice() else { return None };
    let side = match way.value.as_str() {
        "inbound" => Side::Receiving,
        "outbound" => Side::Sending,
        _ => Side::Both,
    };
    Some((side, way.cites.clone()))
}

/// What only the receiving side has: a record of its quarantine, of a release, or of the mailbox.
fn receiving_records(copy: &MessageCopy) -> (Side, Vec<Cite>) {
    let is_stated = |state: State| matches!(state, State::Passed | State::Changed | State::Stopped | State::Pending);
    let own = [Layer::Quarantine, Layer::Release, Layer::Mailbox, Layer::Authentication];
    let shown = copy.layers.iter().find(|layer| {
        own.contains(&layer.layer) && is_stated(layer.state) && layer.system.is_some() && !layer.cites.is_empty()
    });
    shown.map_or((Side::NotShown, Vec::new()), |layer| (Side::Receiving, layer.cites.clone()))
}

fn value<'a>(copy: &'a MessageCopy, parts: &[Part]) -> Option<&'a str> {
    let of = |wanted: &Part| copy.stated.iter().find(|part| part.part == *wanted);
    parts.iter().find_map(of).map(|part| part.value.as_str()).filter(|value| !value.is_empty())
}

/// Whether an address is the one named, or of its domain, or of a domain below it.
fn is_of(address: &str, named: &str) -> bool {
    let (address, named) = (address.to_lowercase(), named.trim().to_lowercase());
    let domain = domain(&address);
    let named_domain = if named.contains('@') { self::domain(&named) } else { &named };
    if named_domain.is_empty() || !named_domain.contains('.') || domain.is_empty() {
        return false;
    }
    domain == named_domain || domain.strip_suffix(named_domain).is_some_and(|head| head.ends_with('.'))
}

/// The part of an address behind its last `@`; empty if there is none.
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn addresses_of_a_domain() {
        for (address, named, expected) in [
            ("ana@example.com", "ana@example.com", true),
            ("ana@example.com", "Ben@Example.COM", true),
            ("ana@mail.example.com", "example.com", true),
            ("ana@notexample.com", "example.com", false),
            ("ana@example.com", "mx1.example.com", false),
            ("ana@example.com", "Ana Lind", false),
            ("ana@example.com", "", false),
            ("", "example.com", false),
        ] {
            assert_eq!(is_of(address, named), expected, "{address} of {named}");
        }
    }
}
