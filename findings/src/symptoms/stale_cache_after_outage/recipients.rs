//! Addresses that are still what they were before the outage: in the sender's own list, or in the directory at the door.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Address, ChangeKind, Cite, Layer, Reply, SettingClass};
use jiff::Timestamp;
use lake::{Fared, Line, What};

use super::outage::Outage;
use super::{Leftover, clock};
use crate::Standing;
use crate::causes::stated::words::cause_of;
use crate::symptoms::Survey;
use crate::symptoms::picture::{Mark, MarkTone};

/// How the form begins in which a client keeps an internal address of Exchange (MS-OXCMAIL, 2.1.1.1).
const OLD_FORM: &str = "imceaex-";
/// Fewer refusals are a typing error.
const REFUSED_MIN: usize = 2;

/// Refusals for want of a recipient after an instant.
fn unknown<'a>(survey: &Survey<'a>, after: Timestamp) -> Vec<&'a Line> {
    let mut known: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    survey
        .lines()
        .iter()
        .filter(|line| line.at.is_some_and(|at| at > after) && line.fared() == Some(Fared::Blocked))
        .filter(|line| matches!(line.what, What::Arrival(_) | What::Handover(..) | What::Dsn(_) | What::Status(_)))
        .filter(|line| {
            let (said, code) = (survey.text(line.said), survey.text(line.enhanced_status_code));
            *known.entry((said, code)).or_insert_with(|| {
                let enhanced_status_code = (!code.is_empty()).then(|| code.to_owned());
                let reply = Reply { reply_code: line.reply_code, enhanced_status_code, text: said.to_owned() };
                cause_of(&reply, None).is_some_and(|(cause, _)| cause == "connector-routing/recipient-unknown")
            })
        })
        .collect()
}

/// Senders whose client writes to an internal address of the time before.
pub(super) fn cached(survey: &Survey<'_>, after: Timestamp) -> Option<Leftover> {
    let is_old = |line: &&Line| {
        let recipient = survey.text(line.envelope_recipient);
        recipient.starts_with(OLD_FORM) || survey.text(line.said).to_lowercase().contains(OLD_FORM)
    };
    let refused: Vec<&Line> = survey
        .lines()
        .iter()
        .filter(|line| line.at.is_some_and(|at| at > after) && line.fared() == Some(Fared::Blocked))
        .filter(is_old)
        .collect();
    let first = refused.first()?;
    let of_whom = name_in(survey.text(first.envelope_recipient)).or_else(|| name_in(survey.text(first.said)));
    // The mailbox is there: others reach it by its address.
    let reached = survey.lines().iter().rev().find(|line| {
        let recipient = survey.text(line.envelope_recipient);
        let local = recipient.split('@').next().unwrap_or("");
        let is_it = of_whom.as_deref().is_some_and(|name| is_named(name, local));
        is_it
            && !recipient.starts_with(OLD_FORM)
            && line.fared() == Some(Fared::Through)
            && line.at.is_some_and(|at| at > after)
    });
    let senders: BTreeSet<&str> =
        refused.iter().map(|line| survey.text(line.header_from.or(line.envelope_sender))).collect();
    let who = of_whom.unwrap_or_else(|| "a recipient".to_owned());
    let reach = match reached {
        Some(line) => format!("others reach {} at that time", survey.text(line.envelope_recipient)),
        None => "whether others reach the mailbox by its address is not shown".to_owned(),
    };
    let said = format!(
        "{} message(s) of {} went to an internal address of {who} that is no longer known, while {reach}; the entry lives in the sender's own list until it is removed",
        refused.len(),
        senders.into_iter().filter(|one| !one.is_empty()).take(3).collect::<Vec<_>>().join(", "),
    );
    let mut cites: Vec<Cite> = refused.iter().take(4).map(|line| survey.cite(line)).collect();
    cites.extend(reached.map(|line| survey.cite(line)));
    let marks = refused.iter().filter_map(|line| mark(survey, line, MarkTone::Bad, "refused: internal address"));
    let marks = marks.chain(reached.and_then(|line| mark(survey, line, MarkTone::Good, "reached by its address")));
    Some(Leftover {
        specific: "recipient-cache",
        standing: if reached.is_some() { Standing::Proved } else { Standing::NotShown },
        layer: Layer::Delivery,
        envelope_recipient: None,
        said,
        lane: "senders with an old entry".to_owned(),
        marks: marks.collect(),
        cites,
        ask_for: if reached.is_some() {
            Vec::new()
        } else {
            vec!["exchange-online/message-trace", "exchange-online/mailboxes"]
        },
        apart: Vec::new(),
    })
}

/// The last name in an internal address: what stands after its last `CN=`, decoded.
fn name_in(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let text = &text[text.find(OLD_FORM)?..];
    let text = &text[..text.find('@').unwrap_or(text.len())];
    let last = text.rsplit("cn=").next()?;
    let mut name = String::new();
    let mut rest = last;
    while let Some((before, after)) = rest.split_once('+') {
        name.push_str(before);
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                name.push(char::from(byte));
                rest = &after[2..];
            }
            None => rest = after,
        }
    }
    name.push_str(rest);
    // Before the name may stand an id and a dash.
    let name = match name.split_once('-') {
        Some((id, name)) if id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => name.to_owned(),
        _ => name,
    };
    (!name.is_empty()).then_some(name)
}

/// Whether a display or login name is that of an address's local part: `ines roth` and `ines.roth`.
fn is_named(name: &str, local: &str) -> bool {
    let bare =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase() };
    let (name, local) = (bare(name), bare(local));
    local.len() >= 3 && (name == local || name.ends_with(&local))
}

/// Recipients made or changed during the outage that are refused at the door afterwards, while others are known.
pub(super) fn not_synced(survey: &Survey<'_>, outage: &Outage<'_>) -> Option<Leftover> {
    let refused = unknown(survey, outage.back);
    if refused.len() < REFUSED_MIN {
        return None;
    }
    let mut of_recipient: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in &refused {
        let recipient = survey.text(line.envelope_recipient);
        if !recipient.is_empty() && !recipient.starts_with(OLD_FORM) {
            of_recipient.entry(recipient).or_default().push(line);
        }
    }
    let domains: BTreeSet<&str> = of_recipient.keys().filter_map(|one| Some(one.rsplit_once('@')?.1)).collect();
    let known = survey.lines().iter().filter(|line| line.at.is_some_and(|at| at > outage.back)).find(|line| {
        let recipient = survey.text(line.envelope_recipient);
        let is_ours = recipient.rsplit_once('@').is_some_and(|(_, domain)| domains.contains(domain));
        is_ours && line.fared() == Some(Fared::Through) && !of_recipient.contains_key(recipient)
    })?;
    let made = made(survey, outage);
    let is_made = |recipient: &str| made.iter().find(|(address, ..)| address == recipient);
    let fits: Vec<(&str, &Vec<&Line>, &(String, Timestamp, Cite))> =
        of_recipient.iter().filter_map(|(recipient, lines)| Some((*recipient, lines, is_made(recipient)?))).collect();
    let is_directory = outage.is_job;
    let (said, standing, ask_for, lines, made_cites): (_, _, Vec<&'static str>, Vec<&Line>, Vec<Cite>) = match fits
        .as_slice()
    {
        [] if !is_directory => return None,
        [] => {
            let names: Vec<&str> = of_recipient.keys().copied().take(3).collect();
            let said = format!(
                "{} are refused as unknown while {} is reached; when they were made or changed is not shown",
                names.join(", "),
                survey.text(known.envelope_recipient)
            );
            let lines = of_recipient.values().flatten().copied().collect();
            (
                said,
                Standing::NotShown,
                vec!["exchange-online/mailboxes", "exchange-online/audit-log"],
                lines,
                Vec::new(),
            )
        }
        fits => {
            let names: Vec<String> =
                fits.iter().take(3).map(|(name, _, made)| format!("{name} (made {})", clock(made.1))).collect();
            let others = of_recipient.len() - fits.len();
            let said = format!(
                "{} are refused as unknown, all made or changed during it, while {} is reached; they stay unknown until the directory is synchronised in full{}",
                names.join(", "),
                survey.text(known.envelope_recipient),
                if others > 0 {
                    format!("; {others} other unknown recipients were not made then")
                } else {
                    String::new()
                }
            );
            let standing = if others == 0 { Standing::Proved } else { Standing::Likely };
            let lines = fits.iter().flat_map(|(_, lines, _)| lines.iter().copied()).collect();
            (said, standing, Vec::new(), lines, fits.iter().map(|(_, _, made)| made.2.clone()).collect())
        }
    };
    let mut cites: Vec<Cite> = lines.iter().take(4).map(|line| survey.cite(line)).collect();
    cites.extend(made_cites.into_iter().take(3));
    cites.push(survey.cite(known));
    let marks = lines.iter().filter_map(|line| mark(survey, line, MarkTone::Bad, "refused as unknown"));
    Some(Leftover {
        specific: "directory-not-synced",
        standing,
        layer: Layer::Arrival,
        envelope_recipient: None,
        said,
        lane: "recipients made meanwhile".to_owned(),
        marks: marks.chain(mark(survey, known, MarkTone::Good, "another recipient is reached")).collect(),
        cites,
        ask_for,
        apart: Vec::new(),
    })
}

/// Mailboxes, users and groups that were made or changed during the outage, by address.
fn made(survey: &Survey<'_>, outage: &Outage<'_>) -> Vec<(String, Timestamp, Cite)> {
    let is_then = |at: Timestamp| outage.from <= at && at <= outage.back;
    let mut made = Vec::new();
    for change in survey.changes() {
        let is_recipient =
            matches!(change.fact.class, Some(SettingClass::Mailbox | SettingClass::User | SettingClass::Group));
        let (Some(at), true, false) = (change.at(), is_recipient, change.fact.kind == ChangeKind::Removed) else {
            continue;
        };
        if !is_then(at) {
            continue;
        }
        let altered = change.fact.alterations.iter().flat_map(|one| one.after.iter());
        for text in change.fact.object.iter().chain(altered) {
            for word in text.split([',', ';', ' ', '"', '[', ']']).filter(|word| word.contains('@')) {
                made.push((Address::new(word).as_str().to_owned(), at, change.cite()));
            }
        }
    }
    for setting in survey.settings() {
        let is_recipient =
            matches!(setting.fact.class, SettingClass::Mailbox | SettingClass::User | SettingClass::Group);
        let created = setting.fact.created.as_ref().map(|when| when.at);
        let (Some(at), true) = (created, is_recipient) else { continue };
        if !is_then(at) {
            continue;
        }
        let addresses = setting.fact.properties.iter().flat_map(|property| property.values.iter());
        let own = setting.fact.mailbox.iter().map(|address| address.as_str().to_owned());
        let more = addresses
            .filter(|value| value.contains('@') && !value.contains(' '))
            .map(|value| Address::new(value).as_str().to_owned());
        made.extend(own.chain(more).map(|address| (address, at, setting.cite())));
    }
    made
}

fn mark(survey: &Survey<'_>, line: &Line, tone: MarkTone, label: &str) -> Option<Mark> {
    Some(Mark { at: line.at?, tone, label: label.to_owned(), cites: vec![survey.cite(line)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names() {
        let text = "imceaex-_o=firm_ou=exchange+20administrative+20group+20+28fydibohf23spdlt+29_cn=recipients_cn=0a1b2c3d4e5f60718293a4b5c6d7e8f9-ines+20roth@client.example";
        assert_eq!(name_in(text).as_deref(), Some("ines roth"));
        assert!(is_named("ines roth", "ines.roth") && !is_named("ines roth", "paul"));
    }
}
