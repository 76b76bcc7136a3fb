//! Facts in one sentence.

use evidence::{
    Action, Arrival, Authentication, Carried, Dsn, DsnAction, Fact, Folder, Handover, NextHop, Outcome, Peer,
    PolicyRef, Quarantine, QuarantineState, Redirect, Release, ReleaseStep, Reply, Stored, Verdict, VerdictKind,
};
use trace::Event;

/// What an event says, as a clause without its speaker, such as `held in quarantine by policy "Default"`.
pub fn of_event(event: &Event) -> String {
    of_fact(event.fact())
}

/// What a fact says, in one sentence without its speaker.
pub fn of_fact(fact: &Fact) -> String {
    match fact {
        Fact::Identity(identity) => match &identity.subject {
            Some(subject) => format!("names the message: \"{subject}\""),
            None => "names the message".to_owned(),
        },
        Fact::Hop(hop) => {
            format!("transfer from {} to {}", peer(hop.from.as_ref()), peer(hop.by.as_ref()))
        }
        Fact::Arrival(arrival) => of_arrival(arrival),
        Fact::Authentication(authentication) => of_authentication(authentication),
        Fact::Verdict(verdict) => of_verdict(verdict),
        Fact::Quarantine(quarantine) => of_quarantine(quarantine),
        Fact::Release(release) => of_release(release),
        Fact::Handover(handover) => of_handover(handover),
        Fact::Stored(stored) => of_stored(stored),
        Fact::Redirect(redirect) => of_redirect(redirect),
        Fact::Status(status) => format!("status {}", status.said),
        Fact::Dsn(dsn) => of_dsn(dsn),
        Fact::Discarded { said } => format!("thrown away without a notice ({said})"),
        Fact::NoticeSent { notice } => match notice {
            Some(notice) => format!("non-delivery notice {notice} sent"),
            None => "non-delivery notice sent".to_owned(),
        },
        Fact::Expired => "gave up retrying".to_owned(),
        Fact::Closed => "closed: nothing is left to do for this message".to_owned(),
        Fact::PostDelivery { action, folder, said, .. } => match folder {
            Some(folder) => format!("after delivery: {} to {} ({said})", done(action), of_folder(folder)),
            None => format!("after delivery: {} ({said})", done(action)),
        },
        Fact::Note { said } => said.clone(),
        Fact::Carried(Carried::Url { url, .. }) => format!("carries the link {url}"),
        Fact::Carried(Carried::Attachment { name, .. }) => {
            format!("carries the attachment {}", name.as_deref().unwrap_or("without a name"))
        }
        Fact::Click(click) => {
            let who = click.by.as_deref().unwrap_or("somebody");
            format!("{who} followed the link {} ({})", click.url, click.said)
        }
        _ => "said beside the way of the message".to_owned(), // see `Fact::is_of_a_message`
    }
}

fn of_arrival(arrival: &Arrival) -> String {
    let from = arrival.client.as_ref().map_or(String::new(), |client| format!(" from {client}"));
    let over = arrival.connector.as_ref().map_or(String::new(), |connector| format!(" over connector \"{connector}\""));
    let answer = arrival.reply.as_ref().map_or(String::new(), |reply| format!(": {}", of_reply(reply)));
    match arrival.outcome {
        Outcome::Accepted => format!("accepted{from}{over}"),
        Outcome::Deferred => format!("put off{from}{over}{answer}"),
        Outcome::Refused => format!("refused{from}{over}{answer}"),
        Outcome::NotSaid => format!("came in{from}{over}"),
    }
}

/// A reply as a person reads it: its text, which repeats the codes.
pub(crate) fn of_reply(reply: &Reply) -> String {
    let text = reply.text.trim();
    let codes = [reply.reply_code.map(|code| code.to_string()), reply.enhanced_status_code.clone()];
    let missing: Vec<String> = codes.into_iter().flatten().filter(|code| !text.contains(code.as_str())).collect();
    if missing.is_empty() { text.to_owned() } else { format!("{} {text}", missing.join(" ")).trim().to_owned() }
}

fn of_authentication(authentication: &Authentication) -> String {
    let domain = authentication.domain.as_ref().map_or(String::new(), |domain| format!(" for {domain}"));
    let reason = authentication.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    format!("{}={}{domain}{reason}", authentication.method.id(), authentication.result.word())
}

/// The conclusion of a filter in plain words.
pub fn of_verdict_kind(kind: &VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Clean => "clean",
        VerdictKind::Spam => "spam",
        VerdictKind::HighConfidenceSpam => "high-confidence spam",
        VerdictKind::Phish => "phishing",
        VerdictKind::HighConfidencePhish => "high-confidence phishing",
        VerdictKind::Malware => "malware",
        VerdictKind::Bulk => "bulk mail",
        VerdictKind::Spoof => "spoofed sender",
        VerdictKind::Impersonation => "impersonation",
        VerdictKind::Url => "bad link",
        VerdictKind::Attachment => "bad or forbidden attachment",
        VerdictKind::TransportRule => "matched a rule of the organisation",
        VerdictKind::DataLoss => "matched a data loss prevention rule",
        VerdictKind::BlockEntry => "sender blocked by an entry of the organisation",
        VerdictKind::UserBlock => "sender blocked by the recipient's own list",
        VerdictKind::ConnectionFilter => "connecting address blocked",
        VerdictKind::Greylisted => "greylisted",
        VerdictKind::Authentication(_) => "authentication failed",
        VerdictKind::Unknown => "a verdict whose kind is not named",
    }
}

fn of_verdict(verdict: &Verdict) -> String {
    let by = verdict.policy.as_ref().and_then(policy).map_or(String::new(), |policy| format!(" by {policy}"));
    let action = match verdict.action {
        Action::None | Action::NotSaid => String::new(),
        ref action => format!(", {}", done(action)),
    };
    if verdict.action == Action::Sandboxed {
        return format!("the attachment waits in the sandbox{by} ({})", verdict.said);
    }
    format!("verdict {}{action}{by} ({})", of_verdict_kind(&verdict.kind), verdict.said)
}

pub(crate) fn done(action: &Action) -> &'static str {
    match action {
        Action::None => "nothing done",
        Action::Tagged => "marked",
        Action::Junked => "put to junk",
        Action::Quarantined => "kept back",
        Action::Rejected => "refused",
        Action::Deferred => "put off",
        Action::Discarded => "thrown away",
        Action::Bounced => "bounced",
        Action::Redirected => "redirected",
        Action::Sandboxed => "waiting in the sandbox",
        Action::NotSaid => "moved",
    }
}

pub(crate) fn policy(policy: &PolicyRef) -> Option<String> {
    match (&policy.kind, &policy.name, &policy.id) {
        (Some(kind), Some(name), _) => Some(format!("{kind} \"{name}\"")),
        (None, Some(name), _) => Some(format!("\"{name}\"")),
        (Some(kind), None, _) => Some(kind.clone()),
        (None, None, Some(id)) => Some(id.clone()),
        (None, None, None) => None,
    }
}

fn of_quarantine(quarantine: &Quarantine) -> String {
    let by = quarantine.policy.as_ref().and_then(policy).map_or(String::new(), |policy| format!(" by {policy}"));
    let reason = if quarantine.said.is_empty() { String::new() } else { format!(" ({})", quarantine.said) };
    match quarantine.state {
        QuarantineState::Held => format!("held in {}{by}{reason}", quarantine.store),
        QuarantineState::Released => format!("listed as released in {}{reason}", quarantine.store),
        QuarantineState::Gone => format!("no longer in {}{reason}", quarantine.store),
    }
}

fn of_release(release: &Release) -> String {
    let by = release.by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
    let what = match release.step {
        ReleaseStep::Requested => "release requested",
        ReleaseStep::Approved => "release approved, not yet done",
        ReleaseStep::Denied => "release denied",
        ReleaseStep::Released => "released",
        ReleaseStep::Failed => "release failed",
        ReleaseStep::Expired => "expired in quarantine without a release",
    };
    format!("{what}{by}")
}

fn of_handover(handover: &Handover) -> String {
    let to = match (handover.to.as_ref(), handover.next_hop) {
        (Some(to), NextHop::ContentFilter) => format!("content filter {to}"),
        (None, NextHop::ContentFilter) => "the content filter".to_owned(),
        (Some(to), _) => to.to_string(),
        (None, NextHop::MailboxStore) => "the mailbox store".to_owned(),
        (None, _) => "the next hop".to_owned(),
    };
    let answer = handover.reply.as_ref().map_or(String::new(), |reply| format!(": {}", of_reply(reply)));
    match (handover.outcome, handover.spoken_by_next_hop) {
        (Outcome::Accepted, _) => format!("handed over to {to}{answer}"),
        (Outcome::Deferred, true) => format!("{to} put it off{answer}"),
        (Outcome::Deferred, false) => format!("hand-over to {to} failed for now{answer}"),
        (Outcome::Refused, true) => format!("{to} refused it{answer}"),
        (Outcome::Refused, false) => format!("could not be delivered{answer}"),
        (Outcome::NotSaid, _) => format!("tried to hand over to {to}{answer}"),
    }
}

fn of_stored(stored: &Stored) -> String {
    let by = stored.chosen_by.as_ref().map_or(String::new(), |by| format!(" ({by})"));
    match &stored.folder {
        Some(folder) => format!("stored in {}{by}", of_folder(folder)),
        None => format!("stored in the mailbox{by}"),
    }
}

pub(crate) fn of_folder(folder: &Folder) -> String {
    match folder {
        Folder::Inbox => "the inbox".to_owned(),
        Folder::Junk => "the junk folder".to_owned(),
        Folder::Quarantine => "the quarantine store".to_owned(),
        Folder::Deleted => "deleted items".to_owned(),
        Folder::Other(name) => format!("folder \"{name}\""),
    }
}

fn of_redirect(redirect: &Redirect) -> String {
    let list =
        |addresses: &[evidence::Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match redirect {
        Redirect::Expanded { members } if members.is_empty() => "group expanded to its members".to_owned(),
        Redirect::Expanded { members } => format!("group expanded to {}", list(members)),
        Redirect::Resolved { to: Some(to) } => format!("address resolved to {to}"),
        Redirect::Resolved { to: None } => "address resolved to another".to_owned(),
        Redirect::Forwarded { to, .. } => format!("forwarded to {}", list(to)),
    }
}

fn of_dsn(dsn: &Dsn) -> String {
    let by = dsn.remote.as_ref().or(dsn.reporting.as_ref()).map_or(String::new(), |by| format!(" by {by}"));
    let what = match dsn.action {
        DsnAction::Failed => "notice: not delivered, refused",
        DsnAction::Delayed => "notice: delayed",
        DsnAction::Delivered => "notice: delivered",
        DsnAction::Relayed => "notice: relayed",
        DsnAction::Expanded => "notice: expanded",
    };
    format!("{what}{by}: {}", of_reply(&dsn.reply))
}

fn peer(peer: Option<&Peer>) -> String {
    peer.map_or("an unnamed host".to_owned(), ToString::to_string)
}
