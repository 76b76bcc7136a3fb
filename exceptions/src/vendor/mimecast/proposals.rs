//! The ways of letting one message through, the narrowest first.
//!
//! Requests are of the API of Mimecast; types of policies that it does not take are made in the console. Each is judged as the request, or as
//! the export would show it.

use evidence::{Address, VerdictKind};
use findings::{Command, fill};
use serde_json::{Value as Json, json};

use crate::propose::{Draft, end_of};
use crate::{Need, Proposal, Way, World};

/// One way of letting mail through, where the sample supports it.
type Kind = fn(&Need, &World<'_>) -> Option<Draft>;

/// The ways of letting through what a sample needs.
pub(super) fn proposals(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let drafts = kinds(need).iter().filter_map(|kind| kind(need, world));
    drafts.filter_map(|draft| draft.judged(need, world)).collect()
}

/// Which ways reach what stopped the message, the narrowest first.
fn kinds(need: &Need) -> &'static [Kind] {
    match &need.verdict {
        Some(VerdictKind::Malware) => &[],
        Some(
            VerdictKind::Spam
            | VerdictKind::HighConfidenceSpam
            | VerdictKind::Bulk
            | VerdictKind::ConnectionFilter
            | VerdictKind::Greylisted,
        ) => &[release, managed_sender],
        Some(VerdictKind::Url) => &[release, managed_url],
        Some(VerdictKind::Spoof) => &[release, anti_spoofing],
        Some(VerdictKind::Impersonation) => &[release, impersonation],
        Some(VerdictKind::Attachment) => &[release, attachment],
        Some(VerdictKind::TransportRule | VerdictKind::DataLoss) => &[release, content],
        Some(VerdictKind::Authentication(_)) => &[release, dns_authentication],
        _ => &[release],
    }
}

const API: &str = "https://api.services.mimecast.com/api";

/// A request, as a shell takes it; `None` if no quoting makes a value harmless.
fn request(path: &str, data: &Json) -> Option<Command> {
    let body = fill::quoted(&json!({ "data": data }).to_string(), fill::Shell::Sh)?;
    let head = "-H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json'";
    Some(Command { text: format!("curl -X POST {head} {API}{path} -d {body}"), shell: fill::Shell::Sh.id() })
}

/// The sender that policies and lists look at.
fn sender(need: &Need) -> Option<&Address> {
    let is_whole = |address: &&Address| address.domain().is_some_and(|domain| domain.contains('.'));
    need.header_from.as_ref().or(need.envelope_sender.as_ref()).filter(is_whole)
}

/// That new mail comes in, and other mail does not.
fn works(other: &str) -> (Way, Way) {
    let clicks = "Administration Console > Message Center > Message Tracking > the sender";
    let works = Way {
        what: "A new message (no resend) of this sender to this recipient, ten minutes or more after the change, is delivered: Message Tracking names \
               this entry or policy and the next system's acknowledgement; once more after the next directory sync"
            .to_owned(),
        command: None,
        clicks: Some(format!("{clicks} > the message > Transmission and Processing Details")),
    };
    let holds = Way {
        what: format!(
            "{other} still meets the verdict of before; exports of policies and managed senders from before and after differ in this one entry"
        ),
        command: None,
        clicks: Some(clicks.to_owned()),
    };
    (works, holds)
}

/// Releases what is held of the message, each by its id (Mimecast, hold-release, read 2026-08-20).
fn release(need: &Need, _world: &World<'_>) -> Option<Draft> {
    let ids: Option<Vec<Json>> =
        need.held.iter().map(|held| held.id.as_deref().map(|id| json!({ "id": id }))).collect();
    let ids = ids.filter(|ids| !ids.is_empty())?;
    let command = request("/gateway/hold-release", &Json::Array(ids))?;
    let to: Vec<&str> = need.held.iter().map(|held| held.envelope_recipient.as_str()).collect();
    let (_, holds) = works("Other held mail of the sender");
    let held = "Administration Console > Message Center > Held Messages > the message";
    Some(Draft {
        text: command.text.clone(),
        what: format!("Release this one message for {}", to.join(", ")),
        because: format!(
            "{}; a release lets go this one message and leaves nothing behind. Look at the sample first",
            need.because
        ),
        doing: Way {
            what: "Release the message, without permitting its sender".to_owned(),
            command: Some(command),
            clicks: Some(format!("{held} > Release")),
        },
        undoing: Way {
            what: "A release ends with itself; what it let in is taken out of the mailbox again".to_owned(),
            command: None,
            clicks: Some(
                "Administration Console > Message Center > Message Tracking > the message > Remediate".to_owned(),
            ),
        },
        works: Way {
            what: "The release log names the message, and a delivery with the next system's acknowledgement follows"
                .to_owned(),
            command: None,
            clicks: Some("Administration Console > Message Center > Message Tracking > the message".to_owned()),
        },
        holds,
    })
}

/// Permits one sender for each of the recipients (Mimecast, Managed Senders, read 2026-08-20).
fn managed_sender(need: &Need, _world: &World<'_>) -> Option<Draft> {
    let sender = sender(need)?.as_str();
    let all = |action: &str| {
        let entry = |to: &Address| json!({ "sender": sender, "to": to.as_str(), "action": action });
        Json::Array(need.envelope_recipients.iter().map(entry).collect())
    };
    if need.envelope_recipients.is_empty() {
        return None;
    }
    let command = request("/managedsender/permit-or-block-sender", &all("permit"))?;
    let to: Vec<&str> = need.envelope_recipients.iter().map(Address::as_str).collect();
    let (works, holds) = works("Mail of this sender to another recipient, and of another sender of the domain,");
    let list = "Administration Console > Users & Groups > Managed Senders";
    Some(Draft {
        text: command.text.clone(),
        what: format!("Permit {sender} for {}", to.join(", ")),
        because: format!(
            "{}; a managed sender leaves out reputation and spam scanning for this recipient alone. It has no end: write the day of its review, 30 days \
             from now, into the runbook",
            need.because
        ),
        doing: Way {
            what: "Permit the sender for the recipient".to_owned(),
            command: Some(command),
            clicks: Some(format!("{list} > Add > Permit")),
        },
        undoing: Way {
            what: "Delete the entry, at the latest 30 days from now".to_owned(),
            command: None,
            clicks: Some(format!("{list} > {sender} > Delete")),
        },
        works,
        holds,
    })
}

/// Permits exactly the one link (Mimecast, Managed URLs, read 2026-08-20).
fn managed_url(need: &Need, _world: &World<'_>) -> Option<Draft> {
    // Which of several links was meant is not shown.
    let url = need.urls.iter().next().filter(|_| need.urls.len() == 1)?;
    let entry = json!([{ "url": url, "action": "permit", "matchType": "explicit", "disableRewrite": false, "disableLogClick": false,
        "comment": note(need) }]);
    let command = request("/ttp/url/create-managed-url", &entry)?;
    let (works, holds) = works("Another link of the same site");
    let list = "Administration Console > Services > URL Protection > Managed URLs";
    Some(Draft {
        text: command.text.clone(),
        what: format!("Permit exactly the link {url}"),
        because: format!(
            "{}; an explicit entry lets through this one link and no other of its site. It has no end: write the day of its review into the runbook",
            need.because
        ),
        doing: Way {
            what: "Permit the link, to be matched explicitly, still rewritten and logged".to_owned(),
            command: Some(command),
            clicks: Some(format!("{list} > Add URL > Permit, Explicit")),
        },
        undoing: Way {
            what: "Delete the entry, at the latest 30 days from now".to_owned(),
            command: None,
            clicks: Some(format!("{list} > the link > Delete")),
        },
        works,
        holds,
    })
}

fn note(need: &Need) -> String {
    format!("throughline: for the message <{}>", need.message_id.as_deref().unwrap_or("of the ticket"))
}

/// What a policy is to be.
struct Policy {
    kind: &'static str,
    /// Whether it has to name the sending address.
    by_address: bool,
    place: &'static str,
    what: &'static str,
}

/// A policy from this sender for this recipient, by the sending address where it is known to be the sender's, until the end.
fn policy(need: &Need, world: &World<'_>, policy: &Policy) -> Option<Draft> {
    let (sender, end) = (sender(need)?, end_of(world)?);
    let client = need.client.filter(|_| !need.is_behind_a_gateway);
    let to = need.envelope_recipients.iter().next().filter(|_| need.envelope_recipients.len() == 1)?;
    if policy.by_address && client.is_none() {
        return None;
    }
    // The console makes these policies, not the API: it is judged in our own form.
    let on = if need.header_from.is_some() { "header_from" } else { "envelope_sender" };
    let mut conditions =
        vec![json!({ "on": on, "values": [sender.as_str()] }), json!({ "on": "recipient", "values": [to.as_str()] })];
    conditions.extend(client.map(|client| json!({ "on": "client", "values": [client.to_string()] })));
    let text = json!({
        "schema": "throughline.exception.v1", "product": "mimecast", "device": "rule", "name": policy.kind, "conditions": conditions,
        "ends": end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "reason": note(need),
    });
    let by = client.map(|client| format!(", handed over by {client}")).unwrap_or_default();
    let until = end.strftime("%Y-%m-%d");
    let (works, holds) = works("Mail of this sender to another recipient, and of this address from another server,");
    Some(Draft {
        text: text.to_string(),
        what: format!("{} from {sender} to {to}{by}, until {until}", policy.what),
        because: format!(
            "{}; of the policies of a type the most specific applies, so all other mail is treated as before",
            need.because
        ),
        doing: Way {
            what: format!(
                "Make a policy: from the individual address {sender}, to the individual address {to}{}, valid until {until}, no override",
                client.map(|client| format!(", source IP range {client}")).unwrap_or_default()
            ),
            command: None,
            clicks: Some(format!("Administration Console > Gateway > Policies > {} > New Policy", policy.place)),
        },
        undoing: Way {
            what: format!("It ends on {until} by itself; before that, delete the policy"),
            command: None,
            clicks: Some(format!(
                "Administration Console > Gateway > Policies > {} > the policy > Delete",
                policy.place
            )),
        },
        works,
        holds,
    })
}

/// Mimecast, Anti-Spoofing policies, read 2026-08-20.
fn anti_spoofing(need: &Need, world: &World<'_>) -> Option<Draft> {
    const OF: Policy = Policy {
        kind: "Anti-Spoofing",
        by_address: true,
        place: "Anti-Spoofing",
        what: "Take no action against spoofing",
    };
    policy(need, world, &OF)
}

/// Mimecast, Impersonation Protection bypass policies, read 2026-08-20.
fn impersonation(need: &Need, world: &World<'_>) -> Option<Draft> {
    const OF: Policy = Policy {
        kind: "Impersonation Protection Bypass",
        by_address: false,
        place: "Impersonation Protection Bypass",
        what: "Leave out the look for imitated people",
    };
    policy(need, world, &OF)
}

/// Mimecast, Attachment Management bypass policies, read 2026-08-20.
fn attachment(need: &Need, world: &World<'_>) -> Option<Draft> {
    const OF: Policy = Policy {
        kind: "Attachment Management Bypass",
        by_address: true,
        place: "Attachment Management Bypass",
        what: "Leave out the rules about types of attachments",
    };
    policy(need, world, &OF)
}

/// Mimecast, Content Examination bypass policies, read 2026-08-20.
fn content(need: &Need, world: &World<'_>) -> Option<Draft> {
    const OF: Policy = Policy {
        kind: "Content Examination Bypass",
        by_address: false,
        place: "Content Examination Bypass",
        what: "Leave out the examination of content",
    };
    policy(need, world, &OF)
}

/// Mimecast, DNS Authentication - Inbound policies, read 2026-08-20.
fn dns_authentication(need: &Need, world: &World<'_>) -> Option<Draft> {
    const OF: Policy = Policy {
        kind: "DNS Authentication - Inbound",
        by_address: true,
        place: "DNS Authentication - Inbound",
        what: "Apply a definition that takes no action about SPF, DKIM and DMARC, while the sender mends them,",
    };
    policy(need, world, &OF)
}
