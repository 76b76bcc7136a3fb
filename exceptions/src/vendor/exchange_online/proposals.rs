//! The ways of letting one message through, the narrowest first.
//!
//! Which way helps against which verdict is Microsoft's; what each is and who says so stands at its function. Nothing is proposed that
//! the guard would not call narrow: a way that the sample does not support (no result of DMARC, no end) is left out.

mod entries;
mod release;
mod settings;

use evidence::{Address, VerdictKind};
use findings::Command;
use jiff::Timestamp;

use crate::propose::{Draft, end_of, powershell, word, words};
use crate::{Need, Proposal, Way, World};

/// One way of letting mail through, where the sample supports it.
type Kind = fn(&Sample<'_>) -> Option<Draft>;

/// The ways of letting through what a sample needs.
pub(super) fn proposals(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let sample = Sample { need, world, end: end_of(world) };
    kinds(need).iter().filter_map(|kind| kind(&sample)?.judged(need, world)).collect()
}

/// Which ways reach what stopped the message, the narrowest first.
fn kinds(need: &Need) -> &'static [Kind] {
    match (need.cause.as_str(), &need.verdict) {
        ("content-verdict/malware", _) | (_, Some(VerdictKind::Malware)) => &[],
        (_, Some(VerdictKind::HighConfidencePhish)) => &[entries::submission],
        ("authentication-alignment/spf-of-the-gateway", _) => &[release::release, settings::enhanced_filtering],
        ("content-verdict/spoof", _) => &[release::release, entries::spoof_pair],
        (cause, _) if cause.starts_with("authentication-alignment/") => &[release::release, entries::spoof_pair],
        ("content-verdict/impersonation", _) => &[release::release, settings::trusted_sender],
        ("content-verdict/url", _) => &[release::release, entries::submission, entries::link],
        ("content-verdict/spam" | "content-verdict/bulk" | "content-verdict/phish", _) => {
            &[release::release, entries::submission, settings::rule, entries::sender]
        }
        ("policy-scope-or-order/transport-rule", _) => &[release::release, settings::rule_exception],
        ("policy-scope-or-order/block-entry", _) => &[release::release, entries::unblock],
        _ => &[release::release],
    }
}

/// What proposals are made from.
struct Sample<'a> {
    need: &'a Need,
    world: &'a World<'a>,
    /// When what is made now has to end.
    end: Option<Timestamp>,
}

impl Sample<'_> {
    /// RFC 5322 From: what lists and rules of the service look at.
    fn sender(&self) -> Option<&Address> {
        self.need.header_from.as_ref().filter(|sender| sender.domain().is_some_and(|domain| domain.contains('.')))
    }

    /// All recipients as a list of PowerShell.
    fn recipients(&self) -> Option<String> {
        words(self.need.envelope_recipients.iter().map(Address::as_str))
    }

    /// The end as PowerShell takes it.
    fn end(&self) -> Option<String> {
        self.end.map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// The day of the end, for people.
    fn day(&self) -> String {
        self.end.map_or("30 days from now".to_owned(), |end| end.strftime("%Y-%m-%d").to_string())
    }

    /// What stands in notes and stamps: the message that showed the need.
    fn note(&self) -> String {
        let id = self.need.message_id.as_deref().map(|id| format!("<{id}>"));
        format!("throughline: for the message {}", id.unwrap_or_else(|| "of the ticket".to_owned()))
    }

    /// The one message in the service's own trace.
    fn trace(&self) -> Option<Command> {
        let id = word(&format!("<{}>", self.need.message_id.as_deref()?))?;
        let recipients = self.recipients()?;
        Some(powershell(format!(
            "Get-MessageTraceV2 -MessageId {id} -RecipientAddress {recipients} | Format-List Received,RecipientAddress,Status"
        )))
    }

    /// New mail of the sender, in the service's own trace.
    fn trace_of_sender(&self) -> Option<Command> {
        let sender = word(self.sender()?.as_str())?;
        Some(powershell(format!(
            "Get-MessageTraceV2 -SenderAddress {sender} | Format-Table Received,RecipientAddress,Subject,Status"
        )))
    }

    /// New mail of all senders of the domain, in the service's own trace.
    fn trace_of_domain(&self) -> Option<Command> {
        let sender = word(&format!("*@{}", self.sender()?.domain()?))?;
        Some(powershell(format!(
            "Get-MessageTraceV2 -SenderAddress {sender} | Format-Table Received,SenderAddress,RecipientAddress,Subject,Status"
        )))
    }

    /// That a new message of the same sender comes in as it should.
    fn works(&self, sign: &str) -> Way {
        Way {
            what: format!(
                "A new message (no resend) of this sender to this recipient is delivered, its header lacks the verdict that stopped the first, and {sign}"
            ),
            command: self.trace_of_sender(),
            clicks: Some("Microsoft Defender portal > Email & collaboration > Explorer > All email > Sender address: the new message > Detection details, Overrides".to_owned()),
        }
    }

    /// That mail outside of the exception is judged as before.
    fn holds(&self, other: &str) -> Way {
        Way {
            what: format!("{other} still meets the verdict of before; beside this one entry the exports of policies and lists from before and after are equal"),
            command: self.trace_of_domain(),
            clicks: Some("Microsoft Defender portal > Email & collaboration > Explorer > All email > Sender domain: verdict and overrides of all that came since".to_owned()),
        }
    }
}
