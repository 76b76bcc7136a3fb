//! Entries of the Tenant Allow/Block List.

use std::collections::BTreeSet;
use std::net::IpAddr;

use evidence::{Address, Effect, ListWord, SettingClass, VerdictKind};
use jiff::SignedDuration;
use serde_json::json;

use super::Sample;
use crate::Way;
use crate::propose::{Draft, powershell, without_scheme, word};

const LIST: &str =
    "Microsoft Defender portal > Email & collaboration > Policies & rules > Threat policies > Tenant Allow/Block Lists";

/// How old a message may be to be submitted.
const TAKEN_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// An entry that comes out of a submission to the vendor (N1): the service chooses what of the message it allows.
///
/// Microsoft, Admin submissions, read 2026-08-20.
pub(super) fn submission(sample: &Sample<'_>) -> Option<Draft> {
    let need = sample.need;
    let age = need.at.zip(sample.world.now).map(|(at, now)| now.duration_since(at));
    if age.is_some_and(|age| age > TAKEN_FOR) {
        return None;
    }
    let (list, value) = match need.cause.as_str() {
        "content-verdict/url" => ("Url", one_link(&need.urls)?),
        _ => ("Sender", sample.sender()?.as_str().to_owned()),
    };
    let id = need.message_id.as_deref().unwrap_or("of the ticket");
    let mut entry = json!({
        "Value": value, "Action": "Allow", "ListType": list, "ListSubType": "Tenant",
        "SubmissionID": "given by the submission", "Notes": sample.note(),
    });
    let end = match sample.end() {
        Some(end) => {
            entry["ExpirationDate"] = json!(end);
            format!("on {}", sample.day())
        }
        None => {
            entry["ExpirationDate"] = json!(null);
            entry["RemoveAfter"] = json!(45);
            "45 days after its last use".to_owned()
        }
    };
    let reach = match need.verdict {
        Some(VerdictKind::HighConfidencePhish) => {
            "; against phishing of high confidence this is the only entry that helps: entries made by hand, rules and safe lists are useless"
        }
        _ => "; the vendor looks at the message, learns from it, and takes the entry away once it has",
    };
    Some(Draft {
        text: json!([entry]).to_string(),
        what: format!("Submit this one message to Microsoft as one that should not have been blocked, with an allow entry that ends {end}"),
        because: format!("{}{reach}", need.because),
        doing: Way {
            what: format!("Submit the message <{id}> with its network message id or as a file, choose that it is clean, and let the allow entry end {end}"),
            command: None,
            clicks: Some("Microsoft Defender portal > Actions & submissions > Submissions > Emails > Submit to Microsoft for analysis > I've confirmed it's clean > Allow this message > Remove allow entry after".to_owned()),
        },
        undoing: Way {
            what: "Remove the entry that the submission made; Microsoft removes it by itself once it is not needed".to_owned(),
            command: word(&value).map(|value| powershell(format!("Remove-TenantAllowBlockListItems -ListType {list} -Entries {value}"))),
            clicks: Some(format!("{LIST} > the entry > Delete")),
        },
        works: sample.works("the submission's result is that it should not have been blocked"),
        holds: sample.holds("A message of another sender of the domain"),
    })
}

/// An entry for one sender address that ends (N2). It has no recipient: it is for everybody in the organisation.
///
/// Microsoft, New-TenantAllowBlockListItems, read 2026-08-20.
pub(super) fn sender(sample: &Sample<'_>) -> Option<Draft> {
    let sender = sample.sender()?;
    let quoted = word(sender.as_str())?;
    let (ends, end) = end(sample)?;
    let notes = word(&sample.note())?;
    let text = format!("New-TenantAllowBlockListItems -Allow -ListType Sender -Entries {quoted} {ends} -Notes {notes}");
    Some(Draft {
        what: format!(
            "Allow the one address {sender} in the organisation's list; it ends {end}. The entry is for all recipients of the organisation"
        ),
        because: format!(
            "{}; the entry reaches up to regular phishing, never malware, and looks at the From address alone: anybody can write that one",
            sample.need.because
        ),
        doing: Way {
            what: format!("Make the entry for the address, not for its domain; it ends {end}"),
            command: Some(powershell(text.clone())),
            clicks: Some(format!("{LIST} > Domains & addresses > Add > Allow > the address, Remove allow entry after")),
        },
        undoing: Way {
            what: format!("Remove the entry; by itself it ends {end}"),
            command: Some(powershell(format!("Remove-TenantAllowBlockListItems -ListType Sender -Entries {quoted}"))),
            clicks: Some(format!("{LIST} > Domains & addresses > the entry > Delete")),
        },
        works: sample.works("the override is named as the Tenant Allow/Block List"),
        holds: sample.holds("A message of another address of the same domain"),
        text,
    })
}

/// An entry for one link that ends (N3).
///
/// Microsoft, New-TenantAllowBlockListItems, read 2026-08-20.
pub(super) fn link(sample: &Sample<'_>) -> Option<Draft> {
    let link = one_link(&sample.need.urls)?;
    let quoted = word(&link)?;
    let (ends, end) = end(sample)?;
    let notes = word(&sample.note())?;
    let text = format!("New-TenantAllowBlockListItems -Allow -ListType Url -Entries {quoted} {ends} -Notes {notes}");
    Some(Draft {
        what: format!(
            "Allow the one link {link} in the organisation's list; it ends {end}. The entry is for all recipients of the organisation"
        ),
        because: format!(
            "{}; the message carries this one link, and the entry names its host and path, no whole host",
            sample.need.because
        ),
        doing: Way {
            what: format!(
                "Make the entry for host and path, once the vendor or the security team found the link clean; it ends {end}"
            ),
            command: Some(powershell(text.clone())),
            clicks: Some(format!("{LIST} > URLs > Add > Allow > the link, Remove allow entry after")),
        },
        undoing: Way {
            what: format!("Remove the entry; by itself it ends {end}"),
            command: Some(powershell(format!("Remove-TenantAllowBlockListItems -ListType Url -Entries {quoted}"))),
            clicks: Some(format!("{LIST} > URLs > the entry > Delete")),
        },
        works: sample.works("the override is named as the Tenant Allow/Block List"),
        holds: sample.holds("A message with another link of the same host"),
        text,
    })
}

/// One pair of forged domain and the system that sends for it (N4). A pair never ends by itself.
///
/// Microsoft, Spoofed senders in the Tenant Allow/Block List, read 2026-08-20: an outside sender is named by its domain, an own one by its
/// address; the system by the domain of its PTR name, its network of 24 bits if it has none, or the domain of a verified signature.
pub(super) fn spoof_pair(sample: &Sample<'_>) -> Option<Draft> {
    let sender = sample.sender()?;
    let domain = sender.domain()?;
    let is_own = sample.world.accepted_domains().contains(domain);
    let (user, kind) = if is_own { (sender.as_str(), "Internal") } else { (domain, "External") };
    let system = infrastructure(sample)?;
    let (quoted_user, quoted_system) = (word(user)?, word(&system)?);
    let text = format!(
        "New-TenantAllowBlockListSpoofItems -Identity Default -SpoofedUser {quoted_user} -SendingInfrastructure {quoted_system} -SpoofType {kind} -Action Allow"
    );
    let day = sample.day();
    Some(Draft {
        what: format!(
            "Allow just the pair of {user} and {system} to send in that name; a pair never ends by itself: take it back by {day}"
        ),
        because: format!(
            "{}; the pair says only that this system may send for {user}, what it sends is judged all the same. Mend the sender's authentication meanwhile",
            sample.need.because
        ),
        doing: Way {
            what: format!(
                "Ask the sender first, by a way that the message does not name, whether it is theirs. Make the pair as the spoof intelligence insight names it, and enter {day} in the ticket as the day on which it is taken back"
            ),
            command: Some(powershell(text.clone())),
            clicks: Some(format!("{LIST} > Spoofed senders > Add > Allow > the pair")),
        },
        undoing: Way {
            what: format!("Remove the pair by {day}, or as soon as the sender's authentication is mended"),
            command: Some(powershell(format!(
                "Get-TenantAllowBlockListSpoofItems -Action Allow | Where-Object SpoofedUser -eq {quoted_user} | Where-Object SendingInfrastructure -eq {quoted_system} | ForEach-Object {{ Remove-TenantAllowBlockListSpoofItems -Identity Default -Ids $_.Identity }}"
            ))),
            clicks: Some(format!("{LIST} > Spoofed senders > the pair > Delete")),
        },
        works: sample.works("compauth no longer fails with reason 000, 001 or 002"),
        holds: sample.holds("A message in the name of the same domain from another system"),
        text,
    })
}

/// Takes out the one block entry that names this sender, if the list was supplied.
pub(super) fn unblock(sample: &Sample<'_>) -> Option<Draft> {
    let sender = sample.sender()?;
    let names_it = |value: &str| Address::new(value) == *sender;
    let entry = sample.world.settings().find_map(|(setting, _)| {
        let entry = setting.entry.as_ref().filter(|entry| entry.says == ListWord::Block && names_it(&entry.value))?;
        (setting.class == SettingClass::ListEntry && setting.effect != Effect::Off).then_some(entry)
    })?;
    let quoted = word(&entry.value)?;
    let text = format!("Remove-TenantAllowBlockListItems -ListType Sender -Entries {quoted}");
    Some(Draft {
        what: format!(
            "This is the mend itself: take the block entry of the one address {} out of the organisation's list",
            entry.value
        ),
        because: format!("{}; the entry is ours, and names this sender alone", sample.need.because),
        doing: Way {
            what: "Remove the block entry, after who made it agreed".to_owned(),
            command: Some(powershell(text.clone())),
            clicks: Some(format!("{LIST} > Domains & addresses > the entry > Delete")),
        },
        undoing: Way {
            what: "Make the block entry again".to_owned(),
            command: Some(powershell(format!(
                "New-TenantAllowBlockListItems -Block -ListType Sender -Entries {quoted}"
            ))),
            clicks: Some(format!("{LIST} > Domains & addresses > Add > Block")),
        },
        works: sample.works("no block entry is named as the override"),
        holds: sample.holds("A message of another blocked sender"),
        text,
    })
}

/// The parameter by which an entry ends, and the same in words; without a clock it ends by its last use.
fn end(sample: &Sample<'_>) -> Option<(String, String)> {
    let Some(end) = sample.end() else {
        return Some(("-RemoveAfter 45".to_owned(), "45 days after its last use (pass --now for a day)".to_owned()));
    };
    Some((format!("-ExpirationDate {}", word(&end)?), format!("on {}", sample.day())))
}

/// Host and path of the only link; `None` if there are several, or it names a whole host.
fn one_link(urls: &BTreeSet<String>) -> Option<String> {
    let links: BTreeSet<String> = urls
        .iter()
        .map(|url| {
            let bare = without_scheme(url);
            bare.split(['?', '#']).next().unwrap_or(bare).trim_end_matches('/').to_owned()
        })
        .collect();
    let only = links.first().filter(|_| links.len() == 1)?;
    let (host, path) = only.split_once('/')?;
    (host.contains('.') && !host.contains(['*', '@', ' ']) && !path.is_empty() && !path.contains('*'))
        .then(|| only.clone())
}

/// The system that sends, as a pair names it: the domain of a verified signature, else the network of the address.
fn infrastructure(sample: &Sample<'_>) -> Option<String> {
    let need = sample.need;
    let by_signature = need.signed_by.first().filter(|_| need.signed_by.len() == 1);
    let by_address = || match need.client.filter(|_| !need.is_behind_a_gateway)? {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Some(format!("{a}.{b}.{c}.0/24"))
        }
        IpAddr::V6(_) => None,
    };
    by_signature.cloned().or_else(by_address)
}
