//! What makes a message a bounce.

use crate::message::boundary;
use crate::message::fields::Header;

/// Local parts that only mail systems write from.
const SYSTEM_SENDERS: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "mail-daemon",
    "mailerdaemon",
    "mdaemon",
    "mailer daemon",
    "post_master",
    "mail.delivery.system",
    "microsoftexchange",
];

/// Words of a subject that say that delivery failed or is late.
const SUBJECTS: &[&str] = &[
    "undeliver",
    "returned mail",
    "returned to sender",
    "failure notice",
    "delivery failure",
    "delivery status notification",
    "delivery notification",
    "mail delivery failed",
    "mail delivery failure",
    "delivery report",
    "mail could not be delivered",
    "message delivery failure",
    "delivery delayed",
    "delayed",
    "mail failed",
    "error sending your mail",
    "could not send message",
    "mail system error",
    "returning message to sender",
    "delivery has failed",
    "message not delivered",
    "delivery error",
    "mail failure",
    "bounce",
    "unzustellbar",
    "non remis",
    "no se puede entregar",
    "onbestelbaar",
    "non recapitabile",
];

/// Words of a body that say so; each decides only together with a system's sender.
const BODIES: &[&str] = &[
    "generating server:",
    "diagnostic information for administrators",
    "transcript of session follows",
    "could not be delivered",
    "couldn't be delivered",
    "wasn't able to deliver",
    "unable to deliver",
    "delivery failed",
    "delivery to the following recipient",
    "did not reach the following recipient",
    "permanent fatal errors",
    "returned mail",
    "the following address",
    "final-recipient:",
    "was not delivered",
    "not been delivered",
    "failed permanently",
    "undeliverable",
    "remote host said",
    "user unknown",
    "no such user",
];

/// How lines of a notice's text begin, whatever the language of the rest: the words are those of servers that speak, or of
/// programs that know one language. A log or a table that repeats them begins its lines otherwise.
const PASTED: &[&str] = &[
    "generating server:",
    "generierender server:",
    "servidor de generación:",
    "servidor de geração:",
    "serveur de génération",
    "server di generazione:",
    "genererende server:",
    "diagnostic information for administrators",
    "remote server returned '",
    "the response from the remote server was",
    "the response was:",
    "this is the mail system at host",
    "this message was created automatically by mail delivery software",
    "hi. this is the qmail-send program",
    "remote host said:",
    "the following addresses had permanent fatal errors",
    "transcript of session follows",
    "delivery has failed to these recipients",
    "did not reach the following recipient",
    "your message did not reach some or all of the intended recipients",
    "final-recipient:",
    "smtp error from remote mail server after",
];

/// How many lines of nothing but an answer are taken for one.
const MAX_ANSWER_LINES: usize = 12;

/// Whether a text is that of a notice, copied without a header: a mail system's own words and a refusal stand in it before any
/// header field. So is a text that is nothing but a server's refusal.
pub(crate) fn is_pasted(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&text[..text.len().min(1 << 16)]).to_lowercase();
    let head = head.trim_start_matches('\u{feff}').trim_start();
    let fields = ["from:", "received:", "message-id:", "subject:", "date:", "return-path:", "x-"];
    if fields.iter().any(|field| head.starts_with(field)) {
        return false;
    }
    let is_field = |line: &str| fields.iter().any(|field| line.starts_with(field));
    // Fields that are quoted are those of the notice itself.
    let before: Vec<&str> = head.lines().map(str::trim_end).take_while(|line| !is_field(line)).collect();
    let begins = |line: &&str| {
        let line = line.trim_start_matches([' ', '\t', '-', '*', '>']);
        PASTED.iter().any(|word| line.starts_with(word)) || line.starts_with('<') && line.contains(">: host ")
    };
    let tells = |line: &&str| super::text::has_reply(line) || line.contains('@');
    before.iter().any(begins) && before.iter().any(tells) || is_answer(&before)
}

/// Whether lines are nothing but the refusal of a server: they begin with a reply code and an enhanced status code of one class.
fn is_answer(lines: &[&str]) -> bool {
    let told: Vec<&str> = lines.iter().copied().filter(|line| !line.trim().is_empty()).collect();
    let Some(first) = told.first() else { return false };
    let bytes = first.as_bytes();
    let has_codes = bytes.len() > 8
        && matches!(bytes[0], b'4' | b'5')
        && bytes[1..3].iter().all(u8::is_ascii_digit)
        && matches!(bytes[3], b' ' | b'-')
        && bytes[4] == bytes[0]
        && bytes[5] == b'.';
    has_codes && told.len() <= MAX_ANSWER_LINES && super::text::has_reply(first)
}

/// Whether a person's subject is that of a notice which they pass on as text: it begins so, but for the forward's mark.
/// An answer (`Re:`) or a sentence about a failed delivery is none.
fn forwarded_notice(subject: &str) -> bool {
    let mut rest = subject.trim_start();
    while let Some(tail) = ["fwd:", "fw:", "wg:", "tr:", "rv:", "[fwd:"].iter().find_map(|mark| rest.strip_prefix(mark))
    {
        rest = tail.trim_start();
    }
    SUBJECTS.iter().any(|word| rest.starts_with(word))
}

/// Whether a message with this header and (the first part of) this body is a bounce.
///
/// Reports of other kinds (disposition notifications, abuse reports) and automatic answers are none.
pub(crate) fn is_bounce(header: &Header, body: &[u8]) -> bool {
    let field = |name: &str| header.first(name).map(|field| field.value.to_ascii_lowercase());
    let content_type = field("content-type").unwrap_or_default();
    if content_type.contains("feedback-report") || content_type.contains("disposition-notification") {
        return false;
    }
    let lower = body[..body.len().min(1 << 16)].to_ascii_lowercase();
    let says = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    if says("content-type: message/feedback-report") || says("content-type: message/disposition-notification") {
        return false;
    }
    let is_report = content_type.starts_with("multipart/report");
    if is_report && (content_type.contains("delivery-status") || says("delivery-status")) {
        return true;
    }
    let from = field("from").map(|from| boundary::addresses(&from)).unwrap_or_default();
    let local = from.first().map(|from| from.as_str().split('@').next().unwrap_or("").to_owned()).unwrap_or_default();
    let raw_from = field("from").unwrap_or_default();
    let null_return = field("return-path").is_some_and(|path| path.trim() == "<>" || path.contains("mailer-daemon"));
    let by_system = SYSTEM_SENDERS.iter().any(|name| local.starts_with(name) || raw_from.contains(name))
        || raw_from.contains("mail delivery")
        || raw_from.trim() == "<>";
    let marked = field("x-failed-recipients").is_some() || field("x-ms-exchange-message-is-ndr").is_some();
    let auto_answer =
        field("auto-submitted").is_some_and(|word| word.starts_with("auto-replied")) && !marked && !by_system;
    if auto_answer {
        return false;
    }
    let subject = field("subject").map(|subject| boundary::words(&subject).to_lowercase()).unwrap_or_default();
    let subject_says = SUBJECTS.iter().any(|word| subject.contains(word));
    let body_says = || BODIES.iter().any(|word| says(word));
    let machine_part = content_type.starts_with("multipart/") && says("message/delivery-status");
    machine_part && (by_system || null_return || subject_says)
        || marked && (subject_says || body_says())
        || by_system && (subject_says || body_says())
        || by_system && null_return && super::text::has_reply(&String::from_utf8_lossy(&lower))
        || null_return && subject_says && body_says()
        || is_report && subject_says
        || forwarded_notice(&subject) && says("generating server:")
        || null_return && (says("final-recipient:") || says("generating server:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_pasted() {
        for (name, text, expected) in [
            (
                "Exchange",
                "Delivery has failed to these recipients or groups:\n\na@example.com\n\nGenerating server: x.example.com\n",
                true,
            ),
            (
                "German",
                "Fehler bei der Zustellung\n\nGenerierender Server: x.example.com\n\na@example.com\nRemote Server returned '550 5.1.1 no'\n",
                true,
            ),
            (
                "Postfix, one paragraph",
                "<a@example.com>: host mx.example.com[192.0.2.1] said: 550 5.1.1 no\n    (in reply to RCPT TO command)\n",
                true,
            ),
            (
                "quoted",
                "Please look\n\n> This is the mail system at host mx.example.com.\n>\n> <a@example.com>: host mx said: 550 no\n",
                true,
            ),
            ("one line", "550 5.7.64 TenantAttribution; Relay Access Denied\n", true),
            ("several lines", "550-5.7.26 not authenticated\n550 5.7.26 see the page\n", true),
            (
                "a person's words",
                "The mail to a@example.com came back, it said 550 5.7.1 or so and that it could not be delivered.\n",
                false,
            ),
            (
                "Postfix's log",
                "Nov 18 10:11:13 mx1 postfix/smtp[1]: 4F: to=<a@example.com>, status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 no (in reply to RCPT TO command))\n",
                false,
            ),
            (
                "Exim's log",
                "2026-11-18 10:11:13 1abc-0001-2A ** a@example.com R=r T=t: SMTP error from remote mail server after RCPT TO:<a@example.com>: 550 no\n",
                false,
            ),
            ("a table", "date,detail\n2026-11-18,\"Reason: 550 5.1.1 Remote Server returned '550 5.1.1 no'\"\n", false),
            ("a header", "From: a@example.com\nSubject: x\n\nGenerating server: x.example.com\n550 5.1.1 no\n", false),
            ("a number", "5500 5.1 things\n", false),
        ] {
            assert_eq!(is_pasted(text.as_bytes()), expected, "{name}");
        }
    }
}
