//! The lines of Dovecot's LMTP server and LDA, with Sieve.

use evidence::Folder;

/// What a Dovecot delivery line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// The user, usually the recipient's address.
    pub(super) user: Option<&'t str>,
    /// The session, which Postfix repeats in its `Saved` reply.
    pub(super) session: Option<&'t str>,
    /// The Message-ID, as written.
    pub(super) message_id: Option<&'t str>,
    /// What happened.
    pub(super) event: Event<'t>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event<'t> {
    /// Saved; Sieve chose the folder or not.
    Stored { folder: &'t str, by_sieve: bool },
    /// Saving failed.
    Failed { said: &'t str },
    /// Sent on by a Sieve redirect.
    Forwarded { to: &'t str },
    /// A Sieve discard.
    Discarded { said: &'t str },
    /// A Sieve reject.
    Rejected { said: &'t str },
    /// Anything else about the message.
    Remark { said: &'t str },
}

/// Reads the text of a Dovecot line; `None` if it is not about a delivery.
pub(super) fn read(body: &str) -> Option<Line<'_>> {
    let rest = ["lmtp(", "lda(", "deliver("].iter().find_map(|word| body.strip_prefix(word))?;
    let (inside, mut rest) = rest.split_once(')')?;
    let user = inside.rsplit(", ").next().filter(|user| !user.is_empty() && !user.bytes().all(|b| b.is_ascii_digit()));
    let mut session = None;
    while let Some((word, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        session = (!word.bytes().all(|b| b.is_ascii_digit())).then_some(word).or(session);
        rest = after;
    }
    let mut text = rest.strip_prefix(':')?.trim_start();
    if let Some((word, after)) = text.split_once(": ")
        && session.is_none()
        && word.len() >= 16
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b':'))
    {
        session = Some(word);
        text = after;
    }
    let text = text.strip_prefix("Info: ").unwrap_or(text);
    let (by_sieve, text) = text.strip_prefix("sieve: ").map_or((false, text), |text| (true, text));
    let rest = text.strip_prefix("msgid=")?;
    let end = if rest.starts_with('<') { rest.find(">: ")? + 1 } else { rest.find(": ")? };
    let message_id = Some(&rest[..end]).filter(|id| !matches!(*id, "" | "<>" | "unspecified"));
    Some(Line { user, session, message_id, event: event(&rest[end + 2..], by_sieve) })
}

/// Words that newer releases of Pigeonhole write before what an action did (seen in Dovecot 2.3.19).
const ACTIONS: &[&str] = &[
    "fileinto action: ",
    "keep action: ",
    "store action: ",
    "redirect action: ",
    "discard action: ",
    "reject action: ",
];

fn event(said: &str, by_sieve: bool) -> Event<'_> {
    let said = ACTIONS.iter().find_map(|action| said.strip_prefix(action)).unwrap_or(said);
    let lower = said.to_ascii_lowercase();
    if let Some(folder) = said.strip_prefix("stored mail into mailbox ").or_else(|| said.strip_prefix("saved mail to "))
    {
        return Event::Stored { folder: folder.trim().trim_matches('\''), by_sieve };
    }
    if let Some(to) = said.strip_prefix("forwarded to ") {
        return Event::Forwarded { to: to.trim() };
    }
    if lower.contains("marked message to be discarded") {
        return Event::Discarded { said };
    }
    if lower.starts_with("rejected message from ") {
        return Event::Rejected { said };
    }
    match lower.contains("save failed") || lower.starts_with("failed to store ") {
        true => Event::Failed { said },
        false => Event::Remark { said },
    }
}

/// The folder by its name: `INBOX`, and the usual names of the junk and trash folder, also under `INBOX`.
pub(crate) fn folder(name: &str) -> Folder {
    let last = name.rsplit(['/', '.']).next().unwrap_or(name);
    match last.to_ascii_lowercase().as_str() {
        "inbox" if name.len() == last.len() => Folder::Inbox,
        "junk" | "spam" | "junk e-mail" | "junk email" | "junkmail" => Folder::Junk,
        "trash" | "deleted items" | "deleted messages" => Folder::Deleted,
        "quarantine" => Folder::Quarantine,
        _ => Folder::Other(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_lines() {
        for (name, body, user, session, id, event) in [
            (
                "2.2 with Sieve",
                "lmtp(b@example.com): vwQ8DCqjqlqdHgAAwl8aWQ: sieve: msgid=<x@example.net>: stored mail into mailbox 'Junk'",
                Some("b@example.com"),
                Some("vwQ8DCqjqlqdHgAAwl8aWQ"),
                Some("<x@example.net>"),
                Event::Stored { folder: "Junk", by_sieve: true },
            ),
            (
                "2.3",
                "lmtp(b@example.com)<77><vwQ8DCqjqlqdHgAAwl8aWQ>: msgid=<x@example.net>: saved mail to INBOX",
                Some("b@example.com"),
                Some("vwQ8DCqjqlqdHgAAwl8aWQ"),
                Some("<x@example.net>"),
                Event::Stored { folder: "INBOX", by_sieve: false },
            ),
            (
                "2.3.19 with Sieve names the action",
                "lmtp(b@example.com)<77><vwQ8DCqjqlqdHgAAwl8aWQ>: sieve: msgid=<x@example.net>: fileinto action: stored mail into mailbox 'Junk'",
                Some("b@example.com"),
                Some("vwQ8DCqjqlqdHgAAwl8aWQ"),
                Some("<x@example.net>"),
                Event::Stored { folder: "Junk", by_sieve: true },
            ),
            (
                "2.3.19 forward",
                "lmtp(b@example.com)<77><vwQ8DCqjqlqdHgAAwl8aWQ>: sieve: msgid=<x@example.net>: redirect action: forwarded to <c@example.org>",
                Some("b@example.com"),
                Some("vwQ8DCqjqlqdHgAAwl8aWQ"),
                Some("<x@example.net>"),
                Event::Forwarded { to: "<c@example.org>" },
            ),
            (
                "forward",
                "lda(b@example.com): sieve: msgid=<x@example.net>: forwarded to <c@example.org>",
                Some("b@example.com"),
                None,
                Some("<x@example.net>"),
                Event::Forwarded { to: "<c@example.org>" },
            ),
            (
                "no Message-ID",
                "lmtp(9, b@example.com): sieve: msgid=unspecified: marked message to be discarded if not explicitly delivered (discard action)",
                Some("b@example.com"),
                None,
                None,
                Event::Discarded {
                    said: "marked message to be discarded if not explicitly delivered (discard action)",
                },
            ),
        ] {
            let found = read(body).unwrap_or_else(|| panic!("{name}: nothing"));
            assert_eq!(
                (found.user, found.session, found.message_id, found.event),
                (user, session, id, event),
                "{name}"
            );
        }
        assert_eq!(read("lmtp(7837): Connect from local"), None);
        assert_eq!(read("imap-login: Login: user=<b@example.com>"), None);
    }
}
