//! Whether the conditions of a rule hold for a copy, as far as the evidence shows.

use std::net::IpAddr;

use evidence::{Address, Condition, ConditionOn, Setting};
use sources::policy::{Comparison, Looks};

use super::view::View;

/// Whether a rule is for a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fits {
    /// It is: by which condition.
    Yes(String),
    /// It is not.
    No(Why),
    /// That depends on what the evidence does not show.
    NotShown(Vec<String>),
}

/// Why a rule is not for a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It names others.
    Others(String),
    /// One of its conditions holds, another does not, and all have to.
    Partly(String),
    /// An exception takes the copy out.
    Excepted(String),
}

impl Why {
    /// In a clause.
    pub(super) fn words(&self) -> String {
        match self {
            Why::Others(what) => format!("it is only for {what}"),
            Why::Partly(what) => format!("all its conditions have to hold, and {what} does not"),
            Why::Excepted(what) => format!("the recipient is excepted by {what}"),
        }
    }
}

/// Whether one condition holds.
enum Holds {
    Yes(String),
    No(String),
    NotShown(String),
}

/// Whether a rule is for the copy: all conditions have to hold, any value of one is enough, and any exception takes it out.
pub(super) fn fits(view: &View<'_>, rule: &Setting) -> Fits {
    let unread = view.vendor.unread(rule);
    if !unread.is_empty() {
        return Fits::NotShown(unread.into_iter().map(|name| format!("{name}, which the export cut")).collect());
    }
    let looks = view.vendor.looks(rule);
    let mut open = Vec::new();
    for exception in &rule.exceptions {
        match holds(view, rule, exception, looks) {
            Holds::Yes(what) => return Fits::No(Why::Excepted(what)),
            Holds::NotShown(what) => open.push(what),
            Holds::No(_) => {}
        }
    }
    let (mut met, mut failed) = (Vec::new(), None);
    for condition in &rule.conditions {
        match holds(view, rule, condition, looks) {
            Holds::Yes(what) => met.push(what),
            Holds::No(what) => failed = failed.or(Some(what)),
            Holds::NotShown(what) => open.push(what),
        }
    }
    match failed {
        Some(failed) if met.is_empty() => Fits::No(Why::Others(failed)),
        Some(failed) => Fits::No(Why::Partly(failed)),
        None if !open.is_empty() => Fits::NotShown(open),
        None if met.is_empty() => Fits::Yes("it is for everybody".to_owned()),
        None => Fits::Yes(met.join(" and ")),
    }
}

/// Whether no condition of a rule leaves this recipient out.
pub(super) fn is_for_recipient(view: &View<'_>, rule: &Setting) -> bool {
    use ConditionOn::{Recipient, RecipientDomain, RecipientGroup};
    rule.conditions
        .iter()
        .filter(|condition| matches!(condition.on, Recipient | RecipientDomain | RecipientGroup))
        .all(|condition| matches!(holds(view, rule, condition, Looks::Either), Holds::Yes(_)))
}

fn holds(view: &View<'_>, rule: &Setting, condition: &Condition, looks: Looks) -> Holds {
    let how = view.vendor.comparison(rule, condition);
    let named = format!("{} {}", condition.name, condition.values.join(", "));
    let is = |yes: bool| if yes { Holds::Yes(named.clone()) } else { Holds::No(named.clone()) };
    match condition.on {
        _ if how == Comparison::NotFollowed => Holds::NotShown(format!("{named}, which no record shows")),
        ConditionOn::RecipientGroup | ConditionOn::SenderGroup => {
            Holds::NotShown(format!("membership of {}", condition.values.join(" or ")))
        }
        ConditionOn::Recipient | ConditionOn::RecipientDomain => {
            let one = |address: &Address| condition.values.iter().any(|value| is_value(address, value, how));
            let found = view.recipients().any(one);
            let by_name = how == Comparison::Equal
                && condition.on == ConditionOn::Recipient
                && condition.values.iter().any(|value| !value.contains('@'));
            if !found && by_name { Holds::NotShown(format!("whom {named} means")) } else { is(found) }
        }
        ConditionOn::Sender | ConditionOn::SenderDomain => match sender(view, &condition.values, looks, how) {
            Match::Yes => is(true),
            Match::Doubtful(why) => Holds::NotShown(format!("{named}: {why}")),
            Match::Elsewhere(_) | Match::No => is(false),
        },
        ConditionOn::SourceAddress => match view.client() {
            Some(client) => is(condition.values.iter().any(|network| is_within(client, network))),
            None => Holds::NotShown(format!("{named}: the connecting address is not shown")),
        },
        ConditionOn::Other => Holds::NotShown(named),
    }
}

/// How a sender's entry and a message match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// They do.
    Yes,
    /// They do not.
    No,
    /// The value is that of a sender that is not looked at: which.
    Elsewhere(String),
    /// What is looked at is not shown.
    Doubtful(String),
}

/// Whether one of some values is the sender that is looked at.
pub(super) fn sender(view: &View<'_>, values: &[String], looks: Looks, how: Comparison) -> Match {
    let is =
        |address: Option<&Address>| address.map(|address| values.iter().any(|value| is_value(address, value, how)));
    let (header, envelope) = (is(view.header_from()), is(view.envelope_sender()));
    let (at, beside, part, other) = match looks {
        Looks::Either if header == Some(true) || envelope == Some(true) => return Match::Yes,
        Looks::Either => return Match::No,
        Looks::Header => (header, envelope, "the From field", "the envelope sender"),
        Looks::Envelope => (envelope, header, "the envelope sender", "the From field"),
    };
    let looked_at = if looks == Looks::Header { view.header_from() } else { view.envelope_sender() };
    match (at, beside) {
        (Some(true), _) => Match::Yes,
        (Some(false), Some(true)) => Match::Elsewhere(format!(
            "it is compared with {part} ({}); it is {other} that it names",
            looked_at.map(ToString::to_string).unwrap_or_default()
        )),
        (None, Some(true)) => Match::Doubtful(format!("{part} is not in the evidence")),
        _ => Match::No,
    }
}

/// Whether a value is an address, or its domain.
pub(super) fn is_value(address: &Address, value: &str, how: Comparison) -> bool {
    let value = value.trim().trim_start_matches('@').to_ascii_lowercase();
    if how == Comparison::Holds {
        return address.as_str().contains(&value);
    }
    if value.contains('@') {
        return *address == Address::new(&value);
    }
    let Some(domain) = address.domain() else { return false };
    domain == value
        || how == Comparison::EqualOrBelow && domain.strip_suffix(&value).is_some_and(|head| head.ends_with('.'))
}

/// Whether an address is a network's: one address, `net/bits`, or `first-last`.
pub(crate) fn is_within(client: &str, network: &str) -> bool {
    let Ok(client) = client.trim().parse::<IpAddr>() else { return false };
    if let Some((first, last)) = network.split_once('-') {
        let (first, last) = (first.trim().parse::<IpAddr>(), last.trim().parse::<IpAddr>());
        return matches!((first, last), (Ok(first), Ok(last))
            if first.is_ipv4() == client.is_ipv4() && first <= client && client <= last);
    }
    let (net, bits) = network.split_once('/').map_or((network, None), |(net, bits)| (net, bits.trim().parse().ok()));
    let Ok(net) = net.trim().parse::<IpAddr>() else { return false };
    let same = |client: u128, net: u128, width: u32| {
        let bits: u32 = bits.unwrap_or(width).min(width);
        let shift = width - bits;
        shift >= 128 || client >> shift == net >> shift
    };
    match (client, net) {
        (IpAddr::V4(client), IpAddr::V4(net)) => same(u128::from(client.to_bits()), u128::from(net.to_bits()), 32),
        (IpAddr::V6(client), IpAddr::V6(net)) => same(client.to_bits(), net.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_networks() {
        for (client, network, expected) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.0/24", true),
            ("192.0.3.7", "192.0.2.0/24", false),
            ("192.0.2.7", "192.0.2.1-192.0.2.9", true),
            ("192.0.2.17", "192.0.2.1-192.0.2.9", false),
            ("192.0.2.7", "0.0.0.0/0", true),
            ("2001:db8::7", "2001:db8::/64", true),
            ("2001:db8:1::7", "2001:db8::/64", false),
            ("2001:db8::7", "::/0", true),
            ("2001:db8::7", "192.0.2.0/24", false),
            ("192.0.2.7", "nonsense", false),
            ("nonsense", "192.0.2.0/24", false),
        ] {
            assert_eq!(is_within(client, network), expected, "{client} {network}");
        }
    }

    #[test]
    fn ok_values() {
        let ann = Address::new("ann@mail.example.com");
        for (value, how, expected) in [
            ("ann@mail.example.com", Comparison::Equal, true),
            ("ANN@mail.example.com", Comparison::Equal, true),
            ("mail.example.com", Comparison::Equal, true),
            ("@mail.example.com", Comparison::Equal, true),
            ("example.com", Comparison::Equal, false),
            ("example.com", Comparison::EqualOrBelow, true),
            ("ample.com", Comparison::EqualOrBelow, false),
            ("ann@", Comparison::Holds, true),
            ("bob", Comparison::Holds, false),
        ] {
            assert_eq!(is_value(&ann, value, how), expected, "{value} {how:?}");
        }
    }
}
