//! Rules, policies and connectors.

use std::collections::BTreeSet;

use evidence::{Address, ConditionOn, Effect, Product, SettingClass, VerdictKind};

use super::Sample;
use crate::propose::{Draft, powershell, word, words};
use crate::{Value, Way};

/// How many recipients are a small group that a rule may name.
const RECIPIENTS_MAX: usize = 5;
/// How long the name of a rule may be.
const NAME_MAX_CHARS: usize = 64;

/// A rule for this sender, these recipients, and a passed DMARC, with a stamp and an end (N6).
///
/// Only where DMARC passed for the sample: else its condition would not hold. Microsoft, Create sender allowlists, read 2026-08-20.
pub(super) fn rule(sample: &Sample<'_>) -> Option<Draft> {
    let need = sample.need;
    let reaches = !matches!(need.verdict, Some(VerdictKind::HighConfidencePhish | VerdictKind::Malware));
    if need.dmarc_passed != Some(true) || need.envelope_recipients.len() > RECIPIENTS_MAX || !reaches {
        return None;
    }
    let sender = sample.sender()?;
    let name: String = format!("Until {}: {sender}", sample.day()).chars().take(NAME_MAX_CHARS).collect();
    let (quoted_name, quoted_sender, recipients) = (word(&name)?, word(sender.as_str())?, sample.recipients()?);
    let (end, note) = (word(&sample.end()?)?, word(&sample.note())?);
    let text = format!(
        "New-TransportRule -Name {quoted_name} -From {quoted_sender} -SentTo {recipients} -HeaderContainsMessageHeader 'Authentication-Results' \
         -HeaderContainsWords 'dmarc=pass' -SetSCL -1 -SetHeaderName 'X-ETR' -SetHeaderValue {quoted_name} -ExpiryDate {end} -Comments {note}"
    );
    let to: Vec<&str> = need.envelope_recipients.iter().map(Address::as_str).collect();
    let to = to.join(" and ");
    let rules = "Exchange admin center > Mail flow > Rules";
    Some(Draft {
        what: format!(
            "A rule that lets mail of {sender} to {to} past the spam filter while DMARC passes, stamps it, and ends on {}",
            sample.day()
        ),
        because: format!(
            "{}; DMARC passed for the sample, so that the rule tells the sender from whoever writes its name; it names the recipients, and does not reach malware \
             or phishing of high confidence",
            need.because
        ),
        doing: Way {
            what: "Make the rule with all its conditions at once: sender and recipient and passed DMARC".to_owned(),
            command: Some(powershell(text.clone())),
            clicks: Some(format!(
                "{rules} > Add a rule > Create a new rule: the sender is, the recipient is, a message header includes; modify the spam confidence level; set a message header; deactivate on"
            )),
        },
        undoing: Way {
            what: format!("Remove the rule; by itself it ends on {}", sample.day()),
            command: Some(powershell(format!("Remove-TransportRule -Identity {quoted_name}"))),
            clicks: Some(format!("{rules} > the rule > Delete")),
        },
        works: sample.works("it bears SFV:SKN and the stamp X-ETR; a new rule takes up to 30 minutes"),
        holds: sample.holds("A message of the same sender to another recipient, and one in its name that fails DMARC,"),
        text,
    })
}

/// One trusted sender in the one anti-phishing policy that acted (N5). The policy knows no end for it.
///
/// Microsoft, Impersonation settings in anti-phishing policies, read 2026-08-20.
pub(super) fn trusted_sender(sample: &Sample<'_>) -> Option<Draft> {
    let (policy, sender) = (sample.need.policy.as_deref()?, sample.sender()?);
    let is = |class| sample.world.current(&Product::ExchangeOnline, &class, policy).is_some();
    // A hold can name the policy of another kind that only carried it out.
    if is(SettingClass::AntiSpam) && !is(SettingClass::AntiPhish) {
        return None;
    }
    let (quoted_policy, quoted_sender) = (word(policy)?, word(sender.as_str())?);
    let text = format!("Set-AntiPhishPolicy -Identity {quoted_policy} -ExcludedSenders @{{Add={quoted_sender}}}");
    let day = sample.day();
    let place = "Microsoft Defender portal > Email & collaboration > Policies & rules > Threat policies > Anti-phishing > the policy > Edit protection settings > Manage trusted senders and domains";
    Some(Draft {
        what: format!(
            "Trust the one address {sender} in the one anti-phishing policy \"{policy}\"; it never ends by itself: take it back by {day}"
        ),
        because: format!(
            "{}; the address is excepted from the likeness check of this policy alone, all else is judged",
            sample.need.because
        ),
        doing: Way {
            what: format!(
                "Add the address to what is there (the list is not replaced), and enter {day} in the ticket as the day on which it is taken back"
            ),
            command: Some(powershell(text.clone())),
            clicks: Some(format!("{place} > Senders > Add")),
        },
        undoing: Way {
            what: format!("Take the address out again by {day}"),
            command: Some(powershell(format!(
                "Set-AntiPhishPolicy -Identity {quoted_policy} -ExcludedSenders @{{Remove={quoted_sender}}}"
            ))),
            clicks: Some(format!("{place} > Senders > Delete")),
        },
        works: sample.works("CAT is no longer UIMP, DIMP or GIMP"),
        holds: sample.holds("A message of another address with the same display name"),
        text,
    })
}

/// The gateway's own address in the enhanced filtering of its connector (N10).
///
/// Microsoft, Enhanced filtering for connectors, read 2026-08-20: the list holds addresses that are skipped when the sender's is looked for.
pub(super) fn enhanced_filtering(sample: &Sample<'_>) -> Option<Draft> {
    let gateway = sample.need.client.filter(|_| sample.need.is_behind_a_gateway)?.to_string();
    let connector = connector(sample, &gateway)?;
    let (name, address) = (word(connector)?, word(&gateway)?);
    let text = format!("Set-InboundConnector -Identity {name} -EFSkipIPs @{{Add={address}}}");
    let place = "Microsoft Defender portal > Email & collaboration > Policies & rules > Threat policies > Enhanced filtering > the connector";
    Some(Draft {
        what: format!("This is the mend itself: let the connector \"{connector}\" skip the gateway's one address {gateway} when it looks for the sender's"),
        because: format!("{}; it makes the checks right for all mail of the gateway instead of leaving them out", sample.need.because),
        doing: Way {
            what: "Add the gateway's exact address; disable rules that skip the spam filter for this connector".to_owned(),
            command: Some(powershell(text.clone())),
            clicks: Some(format!("{place} > Skip these IP addresses")),
        },
        undoing: Way {
            what: "Take the address out again; it ends with the gateway, look at it when the gateway's addresses change".to_owned(),
            command: Some(powershell(format!("Set-InboundConnector -Identity {name} -EFSkipIPs @{{Remove={address}}}"))),
            clicks: Some(format!("{place} > Skip these IP addresses")),
        },
        works: Way {
            what: "A new message bears X-MS-Exchange-ExternalOriginalInternetSender with the sender's own address, and SPF is checked against that".to_owned(),
            command: sample.trace_of_sender(),
            clicks: None,
        },
        holds: Way {
            what: "Mail that does not come through the gateway is checked by its own address as before; no other property of the connector changed".to_owned(),
            command: Some(powershell(format!("Get-InboundConnector -Identity {name} | Format-List"))),
            clicks: Some(place.to_owned()),
        },
        text,
    })
}

/// The connector by which the gateway's mail comes in: the one that names its address, else the only one that acts.
fn connector<'s>(sample: &Sample<'s>, gateway: &str) -> Option<&'s str> {
    let connectors = || {
        sample.world.settings().filter(|(setting, entry)| {
            setting.class == SettingClass::InboundConnector
                && entry.observation.speaker.product == Product::ExchangeOnline
                && !matches!(setting.effect, Effect::Off | Effect::ReportOnly)
                // One that skips the last hop already has another fault.
                && !setting.properties.iter().any(|property| property.name == "EFSkipLastIP" && is_true(&property.values))
        })
    };
    let address = Value::network(gateway);
    let takes_it_in = |text: &String| {
        let network = Value::network(text);
        address.as_ref().zip(network).is_some_and(|(address, network)| address.is_within(&network))
    };
    let names_it = |values: &[String]| values.iter().any(takes_it_in);
    let named = connectors().find(|(setting, _)| {
        setting.properties.iter().any(|property| names_it(&property.values))
            || setting
                .conditions
                .iter()
                .any(|condition| condition.on == ConditionOn::SourceAddress && names_it(&condition.values))
    });
    let only = || {
        let names: BTreeSet<&str> = connectors().map(|(setting, _)| setting.name.as_str()).collect();
        names.first().copied().filter(|_| names.len() == 1)
    };
    named.map(|(setting, _)| setting.name.as_str()).or_else(only)
}

fn is_true(values: &[String]) -> bool {
    values.iter().any(|value| value.eq_ignore_ascii_case("true") || value == "1")
}

/// This sender among the exceptions of the rule that acted (N7), with all that stand there already: the list is replaced.
///
/// Microsoft, Set-TransportRule, read 2026-08-20.
pub(super) fn rule_exception(sample: &Sample<'_>) -> Option<Draft> {
    let (policy, sender) = (sample.need.policy.as_deref()?, sample.sender()?);
    let (rule, _) = sample.world.current(&Product::ExchangeOnline, &SettingClass::TransportRule, policy)?;
    let known = rule.exceptions.iter().filter(|condition| condition.name.eq_ignore_ascii_case("ExceptIfFrom"));
    let known: Vec<&str> = known.flat_map(|condition| &condition.values).map(String::as_str).collect();
    let name = word(&rule.name)?;
    let all = words(known.iter().copied().chain([sender.as_str()]))?;
    let text = format!("Set-TransportRule -Identity {name} -ExceptIfFrom {all}");
    let before = words(known.iter().copied()).unwrap_or_else(|| "$null".to_owned());
    let place =
        "Exchange admin center > Mail flow > Rules > the rule > Edit rule conditions > Except if > The sender is";
    Some(Draft {
        what: format!(
            "This is the mend itself: except the one address {sender} in the rule \"{}\", which acted",
            rule.name
        ),
        because: format!(
            "{}; the rule is for all else as before. The exception is for all recipients of the rule: a second one for the recipient would widen it",
            sample.need.because
        ),
        doing: Way {
            what: "Set the exception with all senders that stand there already: what the list does not repeat is lost"
                .to_owned(),
            command: Some(powershell(text.clone())),
            clicks: Some(place.to_owned()),
        },
        undoing: Way {
            what: "Set the exception as it was before".to_owned(),
            command: Some(powershell(format!("Set-TransportRule -Identity {name} -ExceptIfFrom {before}"))),
            clicks: Some(place.to_owned()),
        },
        works: sample.works("the rule is not among the events of its trace; a changed rule takes up to 30 minutes"),
        holds: sample.holds("A message of another sender that the rule is meant for"),
        text,
    })
}
