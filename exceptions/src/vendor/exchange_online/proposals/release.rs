//! Letting go one message that is kept back.

use std::collections::BTreeMap;

use evidence::{Address, VerdictKind};

use super::Sample;
use crate::Way;
use crate::propose::{Draft, powershell, word, words};

/// Releases one message for its recipients, each entry of the quarantine by its id (N8, with a report of it N9).
///
/// Microsoft, Release-QuarantineMessage, read 2026-08-20: one message, for the recipients named; nothing stays behind.
pub(super) fn release(sample: &Sample<'_>) -> Option<Draft> {
    let need = sample.need;
    let mut by_id: BTreeMap<Option<&str>, Vec<&Address>> = BTreeMap::new();
    for held in &need.held {
        by_id.entry(held.id.as_deref()).or_default().push(&held.envelope_recipient);
    }
    let is_spam = matches!(need.verdict, Some(VerdictKind::Spam | VerdictKind::HighConfidenceSpam | VerdictKind::Bulk));
    let report = if is_spam { " -ReportFalsePositive" } else { "" };
    let commands: Option<Vec<String>> = by_id
        .iter()
        .map(|(id, recipients)| {
            let id = word((*id)?)?;
            let users = words(recipients.iter().map(|recipient| recipient.as_str()))?;
            Some(format!("Release-QuarantineMessage -Identity {id} -User {users}{report}"))
        })
        .collect();
    let commands = commands.filter(|commands| !commands.is_empty())?;
    let text = commands.join("\n");
    let all: Vec<&str> = need.held.iter().map(|held| held.envelope_recipient.as_str()).collect();
    let reported = if is_spam { ", and reports it as wrongly judged" } else { "" };
    let quarantine = "Microsoft Defender portal > Email & collaboration > Review > Quarantine > Email > the message";
    Some(Draft {
        what: format!("Release this one message for {}{reported}", all.join(", ")),
        because: format!("{}; a release lets go this one message and leaves nothing behind. Look at the sample first", need.because),
        doing: Way {
            what: "Release the message for just these of its recipients".to_owned(),
            command: Some(powershell(text.clone())),
            clicks: Some(format!("{quarantine} > Release > Release to one or more of the original recipients")),
        },
        undoing: Way {
            what: "A release ends with itself; what it let in is taken out of the mailbox again".to_owned(),
            command: None,
            clicks: Some("Microsoft Defender portal > Email & collaboration > Explorer > the message > Take action > Move or delete > Soft deleted items".to_owned()),
        },
        works: Way {
            what: "The trace shows the message delivered to this recipient after the release, and its header says SFV:SKQ".to_owned(),
            command: sample.trace(),
            clicks: Some(format!("{quarantine} > Release status, Released to")),
        },
        holds: Way {
            what: "Of this message only these recipients stand under ReleasedUser, and other held messages of the sender are still held".to_owned(),
            command: by_id.keys().next().copied().flatten().and_then(word).map(|id| {
                powershell(format!("Get-QuarantineMessage -Identity {id} | Format-List ReleaseStatus,ReleasedUser,QuarantinedUser"))
            }),
            clicks: Some(format!("{quarantine} > Released to")),
        },
        text,
    })
}
