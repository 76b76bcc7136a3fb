//! What would be enough, narrower.

use std::collections::BTreeSet;

use evidence::{Address, VerdictKind};
use sources::policy::Device;

use super::{Audited, scopes};
use crate::{Answer, Ends, Grant, Need, On, Proposal, Scope, User, Value, World, vendor};

/// For how many settings, the widest first, replacements are worked out whole.
const PROPOSED_MAX: usize = 40;

/// For how many senders of one setting, and how many proposals are kept.
const SENDERS_MAX: usize = 3;

/// Finds for each that is not narrow what would be enough.
pub(super) fn propose(all: &mut [Audited], world: &World<'_>) {
    let wide = all.iter_mut().filter(|one| one.answer != Answer::Narrow && !one.grants.is_empty());
    for (at, audited) in wide.enumerate() {
        if at < PROPOSED_MAX && audited.acts {
            audited.instead = proposals(audited, world);
        }
        if audited.instead.is_empty() {
            audited.advice = advice(audited);
        }
    }
}

/// What the vendor offers for the same senders, as far as it is narrow and lets through nothing that the setting does not.
fn proposals(audited: &Audited, world: &World<'_>) -> Vec<Proposal> {
    narrower(audited, &needs(audited, world), world)
}

/// What the vendor offers for some needs, the first of each that is narrow and lets through nothing that the setting does not.
fn narrower(audited: &Audited, needs: &[Need], world: &World<'_>) -> Vec<Proposal> {
    let Some(vendor) = vendor::of(&audited.product) else { return Vec::new() };
    let wide: Vec<Scope> = audited.grants.iter().map(|grant| scopes::loose(&grant.scope)).collect();
    let is_within = |grant: &Grant| wide.iter().any(|wide| scopes::loose(&grant.scope).is_within(wide));
    let is_standing = |proposal: &Proposal| proposal.doing.command.is_some();
    let is_narrower = |proposal: &Proposal| {
        let mut grants = proposal.exception.checked().steps.iter().flat_map(|step| &step.grants).peekable();
        grants.peek().is_some() && grants.all(is_within)
    };
    let first = |need| {
        let mut offered = vendor.proposals(need, world).into_iter();
        offered.find(|proposal| is_standing(proposal) && is_narrower(proposal))
    };
    needs.iter().filter_map(first).take(NAMED).collect()
}

/// How many senders are named.
const NAMED: usize = 5;

/// Finds what would be enough for those who use a setting, and says who they are.
pub(super) fn for_users(audited: &mut Audited, users: &[User], world: &World<'_>) {
    let told: Vec<String> = users.iter().take(NAMED).map(words).collect();
    let more = match users.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let lacks = advice(audited).map(|advice| advice.replace(WHO, "")).unwrap_or_default();
    audited.advice = Some(format!("Over the history it was used by {}{more}. {}", told.join(", "), lacks.trim()));
    if users.len() > NAMED {
        return;
    }
    let of_user = |user: &User| Need {
        header_from: Some(user.sender.clone()),
        envelope_recipients: user.envelope_recipients.clone(),
        ..need(audited, "content-verdict/spam", VerdictKind::Spam)
    };
    let needs: Vec<Need> = users.iter().map(of_user).collect();
    audited.instead = narrower(audited, &needs, world);
}

fn words(user: &User) -> String {
    let number = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let messages = usize::try_from(user.messages).unwrap_or(usize::MAX);
    let recipients = number(user.envelope_recipients.len(), "recipient");
    format!("{} ({} to {recipients})", user.sender, number(messages, "message"))
}

/// What the mail needs that a setting lets through: that of the followed message, else of the senders that it names.
fn needs(audited: &Audited, world: &World<'_>) -> Vec<Need> {
    let followed: Vec<Need> =
        world.needs.iter().filter(|need| need.product == audited.product && lets(audited, need)).cloned().collect();
    if !followed.is_empty() {
        return followed;
    }
    let mut found = Vec::new();
    for grant in audited.grants.iter().filter(|grant| REPLACED.contains(&grant.device)) {
        let recipients = addresses(&grant.scope, &[On::Recipient]);
        for sender in addresses(&grant.scope, SENDERS) {
            found.push(Need {
                header_from: Some(sender),
                envelope_recipients: recipients.clone(),
                dmarc_passed: Some(!recipients.is_empty()),
                ..need(audited, "content-verdict/spam", VerdictKind::Spam)
            });
        }
        let links = grant.scope.on(&On::Url).flat_map(|term| &term.values).filter_map(|value| match value {
            Value::Name(link) => Some(link.clone()),
            _ => None,
        });
        found.extend(
            links.map(|link| Need { urls: [link].into(), ..need(audited, "content-verdict/url", VerdictKind::Url) }),
        );
    }
    found.truncate(SENDERS_MAX);
    found
}

/// Devices that stand against a judgement of the content, as what takes their place does.
const REPLACED: &[Device] = &[
    Device::ListEntry,
    Device::SubmittedEntry,
    Device::PolicySender,
    Device::ConnectingAddress,
    Device::Rule,
    Device::PermitPolicy,
];

/// Devices that know no recipients.
const FOR_ALL: &[Device] = &[Device::ListEntry, Device::SubmittedEntry, Device::SpoofPair, Device::ConnectingAddress];

const SENDERS: &[On] = &[On::HeaderFrom, On::EnvelopeSender, On::EitherSender];

/// The single addresses that a scope names.
fn addresses(scope: &Scope, on: &[On]) -> BTreeSet<Address> {
    let terms = scope.terms.iter().filter(|term| on.contains(&term.on));
    let address = |value: &Value| match value {
        Value::Address(address) => Some(address.clone()),
        _ => None,
    };
    terms.flat_map(|term| &term.values).filter_map(address).collect()
}

/// Whether the sender of a followed message is one that a setting lets through.
fn lets(audited: &Audited, need: &Need) -> bool {
    let senders: Vec<Value> =
        need.header_from.iter().chain(&need.envelope_sender).cloned().map(Value::Address).collect();
    let clients: Vec<Value> = need.client.iter().map(|ip| Value::Network(*ip, *ip)).collect();
    audited.grants.iter().any(|grant| {
        let holds = |on: &On, values: &[Value]| {
            grant
                .scope
                .on(on)
                .all(|term| values.iter().any(|value| term.values.iter().any(|wide| value.is_within(wide))))
        };
        let says_something = grant.scope.terms.iter().any(|term| SENDERS.contains(&term.on) || term.on == On::Client);
        says_something && SENDERS.iter().all(|on| holds(on, &senders)) && holds(&On::Client, &clients)
    })
}

fn need(audited: &Audited, cause: &str, verdict: VerdictKind) -> Need {
    Need {
        product: audited.product.clone(),
        verdict: Some(verdict),
        cause: cause.to_owned(),
        is_shown: true,
        because: format!("it takes the place of \"{}\", which lets through more than this sender needs", audited.name),
        cites: audited.cites.iter().take(1).cloned().collect(),
        ask_for: Vec::new(),
        policy: None,
        envelope_recipients: BTreeSet::new(),
        held: Vec::new(),
        header_from: None,
        envelope_sender: None,
        client: None,
        client_is_disputed: false,
        is_behind_a_gateway: false,
        signed_by: BTreeSet::new(),
        dmarc_passed: None,
        message_id: None,
        subject: None,
        urls: BTreeSet::new(),
        attachments: BTreeSet::new(),
        at: None,
    }
}

/// What would make it narrow, in a sentence.
fn advice(audited: &Audited) -> Option<String> {
    let mut parts: BTreeSet<String> = BTreeSet::new();
    for grant in &audited.grants {
        parts.extend(missing(grant));
    }
    let parts: Vec<String> = parts.into_iter().take(6).collect();
    (!parts.is_empty()).then(|| format!("Narrower would be: {}.{WHO}", parts.join("; ")))
}

/// Said where nobody was looked for.
const WHO: &str = " The history of mail shows who uses it.";

/// Which conditions a grant lacks.
fn missing(grant: &Grant) -> Vec<String> {
    let has = |on: &[On]| grant.scope.terms.iter().any(|term| on.contains(&term.on));
    let mut found = Vec::new();
    let mut put = |is_missing: bool, what: &str| {
        if is_missing {
            found.push(what.to_owned());
        }
    };
    let of_sender = [SENDERS, &[On::Client, On::SignedBy, On::Infrastructure, On::SenderGroup]].concat();
    let of_content = [On::Url, On::Attachment, On::Message];
    put(!has(&of_sender) && !has(&of_content), "a condition on who sends");
    put(
        has(SENDERS) && !has(&[On::Client, On::SignedBy, On::Infrastructure, On::Dmarc]),
        "a condition that authentication passed",
    );
    let knows_recipients = !FOR_ALL.contains(&grant.device);
    put(knows_recipients && !has(&[On::Recipient, On::RecipientGroup]), "the recipients who need it");
    put(matches!(grant.ends, Ends::Never | Ends::DeviceHasNone), "an end, by the device or as a date in the ticket");
    for value in grant.scope.terms.iter().filter(|term| of_sender.contains(&term.on)).flat_map(|term| &term.values) {
        match value {
            Value::Domain(_) | Value::DomainAndBelow(_) | Value::Holds(_) | Value::Pattern(_) => {
                found.push(format!("single addresses instead of {value}"));
            }
            Value::Network(first, last) if first != last => {
                found.push(format!("the one address that sends instead of {value}"));
            }
            _ => {}
        }
    }
    found
}
