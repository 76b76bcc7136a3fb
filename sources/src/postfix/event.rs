//! What the text of one Postfix line says, word by word; no conclusions yet.

use evidence::{Outcome, Peer, Reply};

use super::line::{SESSION, is_queue_id};

/// A line's text: the queue id it is about, and the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'t> {
    /// The queue id at the head; `None` for `NOQUEUE` and for lines about no message.
    pub(super) queue_id: Option<&'t str>,
    /// What happened.
    pub(super) event: Event<'t>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event<'t> {
    /// smtpd took a transaction.
    Client { peer: Peer, sasl_username: Option<&'t str>, orig_queue_id: Option<&'t str>, orig_client: Option<Peer> },
    /// pickup took a local message, or one that postsuper requeued.
    Pickup { from: Option<&'t str>, orig_id: Option<&'t str> },
    /// cleanup read the Message-ID.
    MessageId { said: &'t str },
    /// cleanup read the Resent-Message-ID.
    ResentMessageId { said: &'t str },
    /// qmgr made it active.
    Active { from: &'t str, size_bytes: Option<u64>, recipients: Option<u32> },
    /// qmgr gave up.
    Expired,
    /// The queue file was removed; the words in brackets, if any.
    Removed { why: Option<&'t str> },
    /// A delivery agent reports on a recipient.
    Delivery(Delivery<'t>),
    /// bounce made a notice: `sender non-delivery`, and its queue id.
    Notice { kind: &'t str, notice: &'t str },
    /// An operator's postsuper command.
    Operator { said: &'t str },
    /// An access decision, a milter's or a header check's.
    Access(Access<'t>),
    /// A line about the message that decides nothing.
    Remark { said: &'t str },
    /// Something that the server needs did not answer, whichever message it was for.
    Trouble { said: &'t str },
    /// A line about a session, not a message.
    Session,
    /// Counters of anvil and scache.
    Statistics,
    /// Anything else.
    Service,
}

/// A delivery agent's report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery<'t> {
    pub(super) to: &'t str,
    pub(super) orig_to: Option<&'t str>,
    pub(super) relay: &'t str,
    pub(super) tls: Option<&'t str>,
    pub(super) dsn: Option<&'t str>,
    pub(super) status: &'t str,
    /// The text in brackets after the status.
    pub(super) text: &'t str,
}

/// An access decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access<'t> {
    /// The word, such as `reject`, `reject_warning`, `milter-hold`, `proxy-accept`.
    pub(super) action: &'t str,
    /// The protocol stage, or `header`, `body`, `content`.
    pub(super) stage: &'t str,
    /// The subject that a header check logged, where no encoding hides it.
    pub(super) subject: Option<&'t str>,
    pub(super) client: Option<Peer>,
    /// The answer, or the text of the matching rule.
    pub(super) said: &'t str,
    pub(super) from: Option<&'t str>,
    pub(super) to: Option<&'t str>,
}

impl Access<'_> {
    /// Whether the decision ends the way of the whole message, not of one recipient.
    pub(super) fn ends_all(&self) -> bool {
        let is_end = ["reject", "discard", "milter-reject", "milter-discard"].contains(&self.action);
        is_end && self.stage != "RCPT"
    }
}

/// Reads the text of a Postfix line.
pub(super) fn read<'t>(daemon: &str, body: &'t str) -> Text<'t> {
    let Some((queue_id, rest)) = head(body) else {
        let event = match daemon {
            "anvil" | "scache" => Event::Statistics,
            _ if body.starts_with("statistics: ") => Event::Statistics,
            _ => no_id(body),
        };
        return Text { queue_id: None, event };
    };
    Text { queue_id, event: event(daemon, rest) }
}

/// The queue id (or `NOQUEUE`) at the head, also after `warning: `, and the text after it.
fn head(body: &str) -> Option<(Option<&str>, &str)> {
    let body = ["warning: ", "info: "].iter().find_map(|word| body.strip_prefix(word)).unwrap_or(body);
    let (id, rest) = body.split_once(": ")?;
    match id {
        "NOQUEUE" => Some((None, rest)),
        _ => is_queue_id(id).then_some((Some(id), rest)),
    }
}

/// How a warning starts that names a milter, policy service or socket which did not answer.
const TROUBLE: &[&str] =
    &["milter ", "connect to ", "timeout on ", "problem talking to server ", "problem talking to service "];

fn no_id(body: &str) -> Event<'_> {
    if let Some(access) =
        ["proxy-accept: ", "proxy-reject: "].iter().any(|word| body.starts_with(word)).then(|| access(body))
    {
        return access.map_or(Event::Service, Event::Access);
    }
    if SESSION.iter().any(|word| body.starts_with(word)) || body.contains(" TLS connection established ") {
        return Event::Session;
    }
    match body.strip_prefix("warning: ") {
        Some(said) if TROUBLE.iter().any(|word| said.starts_with(word)) || said.contains(" lookup error: ") => {
            Event::Trouble { said }
        }
        _ => Event::Service,
    }
}

fn event<'t>(daemon: &str, rest: &'t str) -> Event<'t> {
    if let Some(client) = rest.strip_prefix("client=") {
        return self::client(client);
    }
    if let Some(said) = rest.strip_prefix("message-id=") {
        return Event::MessageId { said };
    }
    if let Some(said) = rest.strip_prefix("resent-message-id=") {
        return Event::ResentMessageId { said };
    }
    if rest.starts_with("uid=") {
        return Event::Pickup { from: value(rest, " from="), orig_id: value(rest, " orig_id=") };
    }
    if let Some(from) = rest.strip_prefix("from=") {
        return sender(from);
    }
    if rest.starts_with("to=") {
        return delivery(rest).map_or(Event::Remark { said: rest }, Event::Delivery);
    }
    if let Some(why) = rest.strip_prefix("removed") {
        let why = why.trim().strip_prefix('(').and_then(|why| why.strip_suffix(')'));
        return if daemon == "postsuper" { Event::Operator { said: rest } } else { Event::Removed { why } };
    }
    if let Some((kind, notice)) = rest.split_once(" notification: ")
        && is_queue_id(notice.trim())
    {
        return Event::Notice { kind, notice: notice.trim() };
    }
    if matches!(rest, "requeued" | "placed on hold" | "released from hold") {
        return Event::Operator { said: rest };
    }
    access(rest).map_or(Event::Remark { said: rest }, Event::Access)
}

/// `name[ip]:port, sasl_method=..., sasl_username=..., orig_queue_id=..., orig_client=name[ip]`.
fn client(text: &str) -> Event<'_> {
    let end = text.find(", ").unwrap_or(text.len());
    let rest = &text[end..];
    Event::Client {
        peer: peer(&text[..end]),
        sasl_username: value(rest, ", sasl_username="),
        orig_queue_id: value(rest, ", orig_queue_id="),
        orig_client: value(rest, ", orig_client=").map(peer),
    }
}

/// The word after `key`, up to a comma or blank.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let rest = &text[text.find(key)? + key.len()..];
    let end = if rest.starts_with('<') { rest.find('>')? + 1 } else { rest.find([',', ' ']).unwrap_or(rest.len()) };
    Some(&rest[..end])
}

/// `<a>, size=1, nrcpt=1 (queue active)` or `<a>, status=expired, returned to sender`.
fn sender(text: &str) -> Event<'_> {
    let (from, rest) = address(text);
    let status = value(rest, ", status=");
    if status.is_some_and(|status| status.ends_with("expired")) {
        return Event::Expired;
    }
    Event::Active {
        from,
        size_bytes: value(rest, ", size=").and_then(|size| size.parse().ok()),
        recipients: value(rest, ", nrcpt=").and_then(|count| count.parse().ok()),
    }
}

/// An address in angle brackets, or up to a comma; and the text after it.
fn address(text: &str) -> (&str, &str) {
    let end = match text.starts_with('<') {
        true => text.find(">, ").or_else(|| text.find('>')).map_or(text.len(), |at| at + 1),
        false => text.find(", ").unwrap_or(text.len()),
    };
    (&text[..end], &text[end..])
}

fn delivery(text: &str) -> Option<Delivery<'_>> {
    let (to, rest) = address(text.strip_prefix("to=")?);
    let (orig_to, rest) = match rest.strip_prefix(", orig_to=") {
        Some(orig) => {
            let (orig, rest) = address(orig);
            (Some(orig), rest)
        }
        None => (None, rest),
    };
    let (fields, status) = rest.split_once(", status=")?;
    let (status, text) = status.split_once(' ').unwrap_or((status, ""));
    let text = text.strip_prefix('(').unwrap_or(text);
    Some(Delivery {
        to,
        orig_to,
        relay: value(fields, ", relay=").unwrap_or("none"),
        tls: value(fields, ", tls="),
        dsn: value(fields, ", dsn="),
        status,
        text: text.strip_suffix(')').unwrap_or(text),
    })
}

/// The words that start an access decision.
const ACTIONS: &[&str] = &[
    "reject",
    "reject_warning",
    "hold",
    "discard",
    "filter",
    "redirect",
    "warn",
    "warning",
    "bcc",
    "replace",
    "prepend",
    "strip",
    "info",
    "trace",
    "delay",
    "permit",
    "milter-reject",
    "milter-discard",
    "milter-hold",
    "milter-quarantine",
    "proxy-accept",
    "proxy-reject",
    "proxy-hold",
    "abort",
];

/// `reject: RCPT from name[ip]: 550 5.7.1 text; from=<a> to=<b> proto=ESMTP helo=<c>`, with the rule after the last
/// bracket for header checks.
fn access(text: &str) -> Option<Access<'_>> {
    let (action, rest) = text.split_once(": ")?;
    if !(ACTIONS.contains(&action) || action.starts_with("milter-header-")) {
        return None;
    }
    // What a client says in HELO stands last, and may look like all that stands before it; a header's text stands first.
    let is_content = matches!(rest.split([' ', ':']).next(), Some("header" | "body" | "content"));
    let place = |word: &str| if is_content { rest.rfind(word) } else { rest.find(word) };
    let (main, tail) = match place("; from=<").or_else(|| place("; proto=")).or_else(|| place("; helo=")) {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, ""),
    };
    let from = value(tail, "; from=").filter(|from| from.starts_with('<'));
    let to = value(tail, " to=").filter(|to| to.starts_with('<'));
    let stage = main.split([' ', ':']).next().unwrap_or("");
    let (place, answer) = match main.find(" from ") {
        _ if is_content => (main.rfind(" from ").map_or(main, |at| &main[at + 6..]), ""),
        Some(at) => client_end(&main[at + 6..]),
        None => ("", main.split_once(": ").map_or("", |(_, answer)| answer)),
    };
    let said = match is_content {
        true => tail.rfind(">: ").map_or(main, |at| &tail[at + 3..]),
        false if answer.is_empty() => main,
        false => answer,
    };
    let logged = main.strip_prefix("header Subject: ").and_then(|text| text.rsplit_once(" from "));
    let subject = logged.map(|(subject, _)| subject).filter(|subject| !subject.contains("=?"));
    Some(Access { action, stage, subject, client: (!place.is_empty()).then(|| peer(place)), said, from, to })
}

/// Splits `name[ip]:port: answer`.
fn client_end(text: &str) -> (&str, &str) {
    let bracket = text.find(']').map_or(0, |at| at + 1);
    match text.get(bracket..).and_then(|rest| rest.find(": ")) {
        Some(at) => (&text[..bracket + at], &text[bracket + at + 2..]),
        None => (text, ""),
    }
}

/// `name[ip]:port`, where the name may be `unknown` or missing, and the brackets may hold a local socket.
pub(crate) fn peer(text: &str) -> Peer {
    let (name, rest) = text.split_once('[').unwrap_or((text, ""));
    let (ip, port) = rest.split_once(']').unwrap_or((rest, ""));
    let known = !name.is_empty() && name != "unknown";
    Peer {
        name: known.then(|| name.to_ascii_lowercase()),
        ip: (!ip.is_empty() && !ip.contains('/')).then(|| ip.strip_prefix("IPv6:").unwrap_or(ip).to_owned()),
        port: port.strip_prefix(':').and_then(|port| port.parse().ok()),
    }
}

/// Splits an SMTP answer into reply code, enhanced status code and text; the text is kept whole.
pub(crate) fn reply(said: &str) -> Reply {
    let code = said.get(..3).filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
    let code = code.and_then(|code| code.parse().ok()).filter(|code| (200..600).contains(code));
    let rest = if code.is_some() { said[3..].trim_start_matches(['-', ' ']) } else { said };
    Reply { reply_code: code, enhanced_status_code: enhanced(rest), text: said.to_owned() }
}

/// The enhanced status code (RFC 3463) at the head of a text.
fn enhanced(text: &str) -> Option<String> {
    let word = text.split([' ', ';', ')']).next()?;
    let mut parts = word.split('.');
    let class = parts.next()?;
    let small =
        |part: Option<&str>| part.is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    (matches!(class, "2" | "4" | "5") && small(parts.next()) && small(parts.next()) && parts.next().is_none())
        .then(|| word.to_owned())
}

/// How an answer ends an attempt, by its first digit: the reply code decides, else the enhanced status code.
pub(crate) fn outcome(reply: &Reply) -> Outcome {
    let class = match reply.reply_code {
        Some(code) => u8::try_from(code / 100).ok(),
        None => reply.enhanced_status_code.as_deref().and_then(|code| code.bytes().next()).map(|b| b - b'0'),
    };
    match class {
        Some(2) => Outcome::Accepted,
        Some(4) => Outcome::Deferred,
        Some(5) => Outcome::Refused,
        _ => Outcome::NotSaid,
    }
}

/// The queue id that the other end gave, after `queued as `.
pub(crate) fn queued_as(text: &str) -> Option<&str> {
    let at = text.to_ascii_lowercase().rfind("queued as ")? + "queued as ".len();
    let id = text.get(at..)?.split([' ', ')', ';', ',', '/']).next()?;
    let id = id.trim_end_matches('.');
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_deliveries() {
        for (name, body, expected) in [
            (
                "plain",
                "4C0FFEE: to=<a@example.com>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5C0FFEE)",
                ("<a@example.com>", None, "mx.example.net[192.0.2.7]:25", "sent", "250 2.0.0 Ok: queued as 5C0FFEE"),
            ),
            (
                "alias",
                "4C0FFEE: to=<a@example.com>, orig_to=<b@example.com>, relay=local, delay=1, dsn=2.0.0, status=sent (delivered to command: x \"$E\")",
                ("<a@example.com>", Some("<b@example.com>"), "local", "sent", "delivered to command: x \"$E\""),
            ),
            (
                "no brackets, lost end",
                "4C0FFEE: to=a@example.com, relay=none, delay=1, dsn=4.4.1, status=deferred (connect to x",
                ("a@example.com", None, "none", "deferred", "connect to x"),
            ),
        ] {
            match read("smtp", body).event {
                Event::Delivery(d) => {
                    assert_eq!((d.to, d.orig_to, d.relay, d.status, d.text), expected, "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn ok_decisions() {
        for (name, body, action, stage, said, from, to) in [
            (
                "refused",
                "NOQUEUE: reject: RCPT from x.example[192.0.2.7]: 554 5.7.1 <b@example.com>: Relay access denied; from=<a@example.net> to=<b@example.com> proto=SMTP helo=<x>",
                "reject",
                "RCPT",
                "554 5.7.1 <b@example.com>: Relay access denied",
                Some("<a@example.net>"),
                Some("<b@example.com>"),
            ),
            (
                "postscreen writes commas",
                "NOQUEUE: reject: RCPT from [192.0.2.7]:60591: 450 4.3.2 Service currently unavailable; from=<a@example.net>, to=<b@example.com>, proto=ESMTP, helo=<x>",
                "reject",
                "RCPT",
                "450 4.3.2 Service currently unavailable",
                Some("<a@example.net>"),
                Some("<b@example.com>"),
            ),
            (
                "header check",
                "4C0FFEE: hold: header Subject: from here; x from x.example[192.0.2.7]; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>: looks odd",
                "hold",
                "header",
                "looks odd",
                Some("<a@example.net>"),
                Some("<b@example.com>"),
            ),
            (
                "milter",
                "4C0FFEE: milter-reject: END-OF-MESSAGE from x.example[192.0.2.7]: 5.7.1 Spam message rejected; from=<a@example.net> to=<b@example.com> proto=ESMTP helo=<x>",
                "milter-reject",
                "END-OF-MESSAGE",
                "5.7.1 Spam message rejected",
                Some("<a@example.net>"),
                Some("<b@example.com>"),
            ),
            (
                "a client that says a line's end in HELO",
                "NOQUEUE: reject: RCPT from x.example[192.0.2.7]: 554 5.7.1 <z@example.org>: Relay access denied; from=<a@example.net> to=<z@example.org> proto=SMTP helo=<x; from=<c@example.com> to=<b@example.com> proto=SMTP helo=<y>>",
                "reject",
                "RCPT",
                "554 5.7.1 <z@example.org>: Relay access denied",
                Some("<a@example.net>"),
                Some("<z@example.org>"),
            ),
            (
                "too early for an address",
                "NOQUEUE: reject: EHLO from x.example[192.0.2.7]: 504 5.5.2 <User>: Helo command rejected; proto=SMTP helo=<User>",
                "reject",
                "EHLO",
                "504 5.5.2 <User>: Helo command rejected",
                None,
                None,
            ),
        ] {
            match read("smtpd", body).event {
                Event::Access(a) => {
                    assert_eq!((a.action, a.stage, a.said, a.from, a.to), (action, stage, said, from, to), "{name}")
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn ok_replies() {
        for (said, code, status) in [
            ("250 2.0.0 Ok", Some(250), Some("2.0.0")),
            ("421-4.7.0 [192.0.2.1] too many", Some(421), Some("4.7.0")),
            ("5.7.1 refused", None, Some("5.7.1")),
            ("delivered to mailbox", None, None),
            ("999 9.9.9 x", None, None),
        ] {
            let reply = reply(said);
            assert_eq!((reply.reply_code, reply.enhanced_status_code.as_deref()), (code, status), "{said}");
        }
    }
}
