//! The ways of letting one message through, the narrowest first: each is judged as its own command reads.

use std::net::IpAddr;

use evidence::{Address, VerdictKind};
use findings::{Command, fill};

use crate::propose::Draft;
use crate::{Need, Proposal, Way, World};

/// What is done about the lack of an end.
const REVIEW: &str = "It has no end: write the day of its review, 30 days from now, into the runbook";

/// rspamd: one rule of settings for sender, recipient and sending address.
pub(super) fn rspamd(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let drafts = [release_of_postfix(need), settings(need)];
    judged(drafts, need, world)
}

/// amavis and SpamAssassin: the release, then an entry in the recipient's own preferences.
pub(super) fn amavis(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    judged([release_of_amavis(need), preferences(need)], need, world)
}

/// Postfix: the release of what waits, then one sending address.
pub(super) fn postfix(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    judged([release_of_postfix(need), client(need)], need, world)
}

fn judged(drafts: [Option<Draft>; 2], need: &Need, world: &World<'_>) -> Vec<Proposal> {
    if need.verdict == Some(VerdictKind::Malware) {
        return Vec::new();
    }
    drafts.into_iter().flatten().filter_map(|draft| draft.judged(need, world)).collect()
}

fn sh(text: String) -> Command {
    Command { text, shell: fill::Shell::Sh.id() }
}

/// A value that means itself in every file and shell here.
fn plain(text: &str) -> Option<&str> {
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "@._-+=:".contains(c));
    (is_plain && !text.starts_with('-')).then_some(text)
}

fn address(address: &Address) -> Option<&str> {
    let is_whole = address.domain().is_some_and(|domain| domain.contains('.')) && !address.as_str().starts_with('@');
    plain(address.as_str()).filter(|_| is_whole)
}

/// The address that handed the message over, if it is the sender's.
fn own_client(need: &Need) -> Option<IpAddr> {
    need.client.filter(|_| !need.is_behind_a_gateway)
}

/// The one recipient, if there is one.
fn recipient(need: &Need) -> Option<&str> {
    let mut all = need.envelope_recipients.iter();
    all.next().filter(|_| all.next().is_none()).and_then(address)
}

/// How an entry of a file is taken back, and until when.
fn taken_out(what: String, file: &str) -> Way {
    let what = format!("{what}, at the latest 30 days from now");
    Way { what, command: Some(sh(format!("vi {file}"))), clicks: None }
}

fn works(log: &str) -> Way {
    Way {
        what: format!(
            "A new message (no resend) of this sender to this recipient is delivered, and the lines of {log} name no verdict that stops it"
        ),
        command: Some(sh("journalctl --since today --no-pager | grep -E 'status=sent|no action'".to_owned())),
        clicks: None,
    }
}

fn holds(other: &str) -> Way {
    Way {
        what: format!(
            "{other} still meets the verdict of before; the configuration from before and after differs in this one entry"
        ),
        command: Some(sh("journalctl --since today --no-pager | grep -E 'reject|spam|Blocked|hold'".to_owned())),
        clicks: None,
    }
}

/// Lets go a message that is held, by its id: amavis, README.protocol (AM.PDP release); Postfix, postsuper(1), read 2026-08-20.
fn release(need: &Need, program: &str, log: &str) -> Option<Draft> {
    let ids: Option<Vec<&str>> = need.held.iter().map(|held| held.id.as_deref().and_then(plain)).collect();
    let ids = ids.filter(|ids| !ids.is_empty())?;
    let commands: Vec<String> = ids.iter().map(|id| format!("{program} {id}")).collect();
    let text = commands.join("\n");
    let to: Vec<&str> = need.held.iter().map(|held| held.envelope_recipient.as_str()).collect();
    Some(Draft {
        what: format!("Release this one message for {}", to.join(", ")),
        because: format!(
            "{}; a release lets go this one message and leaves nothing behind. Look at the sample first",
            need.because
        ),
        doing: Way { what: "Let the message go".to_owned(), command: Some(sh(text.clone())), clicks: None },
        undoing: Way {
            what: "A release ends with itself; what it let in is taken out of the mailbox again".to_owned(),
            command: None,
            clicks: Some("The mailbox of the recipient > the message > Delete".to_owned()),
        },
        works: Way {
            what: format!("The lines of {log} name the release, a new queue id, and `status=sent`"),
            command: Some(sh("journalctl --since today --no-pager | grep -E 'release|status=sent'".to_owned())),
            clicks: None,
        },
        holds: holds("Other held mail of the sender"),
        text,
    })
}

fn release_of_amavis(need: &Need) -> Option<Draft> {
    release(need, "amavisd-release", "amavis")
}

fn release_of_postfix(need: &Need) -> Option<Draft> {
    release(need, "postsuper -H", "Postfix")
}

/// One rule for sender, recipient and sending address: points stop the mail no more, what is found to be malware does.
///
/// rspamd, users settings, read 2026-11-22.
fn settings(need: &Need) -> Option<Draft> {
    let (sender, to, ip) = (address(need.envelope_sender.as_ref()?)?, recipient(need)?, own_client(need)?);
    let name = "throughline_ticket";
    let file = "/etc/rspamd/local.d/settings.conf".to_owned();
    let rule = format!(
        "{name} {{\n  from = \"{sender}\";\n  rcpt = \"{to}\";\n  ip = \"{ip}\";\n  apply {{\n    actions {{\n      reject = 999;\n      \"add header\" = 999;\n      greylist = 999;\n    }}\n  }}\n}}\n"
    );
    Some(Draft {
        text: rule.clone(),
        what: format!("Points stop no mail of {sender} to {to} that {ip} hands over"),
        because: format!(
            "{}; a rule of settings for sender, recipient and sending address leaves all other mail as it is, and mail with malware is still refused. {REVIEW}",
            need.because
        ),
        doing: Way {
            what: "Add the rule to the settings and load them anew".to_owned(),
            command: Some(sh(format!(
                "cat >> {file} <<'EOF'\n{rule}EOF\nrspamadm configtest && systemctl reload rspamd"
            ))),
            clicks: None,
        },
        undoing: taken_out(format!("Take `{name}` out of {file} and load it anew"), &file),
        works: works("rspamd"),
        holds: holds("Mail of this sender to another recipient, and of this address from another server,"),
    })
}

/// A proved sender in the recipient's own preferences (SpamAssassin, Mail::SpamAssassin::Conf, read 2026-11-22).
fn preferences(need: &Need) -> Option<Draft> {
    let is_spam = matches!(
        need.verdict,
        Some(VerdictKind::Spam | VerdictKind::HighConfidenceSpam | VerdictKind::Bulk | VerdictKind::Phish) | None
    );
    let sender = need.header_from.as_ref().filter(|_| is_spam)?;
    let domain = sender.domain().filter(|domain| need.signed_by.contains(*domain)).and_then(plain)?;
    let (sender, to) = (address(sender)?, recipient(need)?);
    let user =
        to.split('@').next().filter(|user| user.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))?;
    let file = format!("/home/{user}/.spamassassin/user_prefs");
    let line = format!("welcomelist_from_dkim {sender} {domain}");
    let text = format!("echo '{line}' >> {file}");
    Some(Draft {
        what: format!("Points for {sender}, signed by {domain}, in the preferences of {to}"),
        because: format!(
            "{}; the signature proves the sender, and only this user's preferences change. It takes a spamd that reads them; amavis does not. {REVIEW}",
            need.because
        ),
        doing: Way {
            what: "Add the line to the user's preferences; SpamAssassin before 4.0 writes it whitelist_from_dkim"
                .to_owned(),
            command: Some(sh(text.clone())),
            clicks: None,
        },
        undoing: taken_out(format!("Take the line out of {file}"), &file),
        works: works("spamd"),
        holds: holds("Mail of this sender to another recipient, and mail that is not signed so,"),
        text,
    })
}

/// One sending address before the lists and the greylisting (Postfix, access(5), read 2026-11-22).
fn client(need: &Need) -> Option<Draft> {
    let is_of_the_door = matches!(need.verdict, Some(VerdictKind::ConnectionFilter | VerdictKind::Greylisted));
    let ip = own_client(need).filter(|_| is_of_the_door)?;
    let file = "/etc/postfix/client_access".to_owned();
    let text = format!("echo '{ip} OK' >> {file}");
    Some(Draft {
        what: format!("Let {ip} past the lists and the greylisting"),
        because: format!(
            "{}; a connecting address cannot be forged, relaying stays refused where `reject_unauth_destination` stands first, and filters still read the \
             message. {REVIEW}",
            need.because
        ),
        doing: Way {
            what: format!(
                "Add the address to the table that `check_client_access` asks, after `reject_unauth_destination` and before `reject_rbl_client`; `postconf \
                 smtpd_recipient_restrictions` shows its name, here taken to be {file}"
            ),
            command: Some(sh(format!("{text} && postmap {file}"))),
            clicks: None,
        },
        undoing: taken_out(format!("Take the line out of {file}, then `postmap {file}`"), &file),
        works: works("Postfix"),
        holds: holds("Mail from another address that is listed"),
        text,
    })
}
