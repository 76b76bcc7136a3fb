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

/// Whether a text is that of Exchange's notice, copied without a header: its own words stand before any header field.
pub(crate) fn is_pasted(text: &[u8]) -> bool {
    let lower = text[..text.len().min(1 << 16)].to_ascii_lowercase();
    let at = |word: &str| memchr::memmem::find(&lower, word.as_bytes());
    let Some((admin, server)) = at("diagnostic information for administrators:").zip(at("generating server:")) else {
        return false;
    };
    let fields = ["\nfrom:", "\nreceived:", "\nmessage-id:", "\nsubject:", "\ndate:", "\nreturn-path:", "\nx-"];
    let starts_with_field = fields.iter().any(|field| lower.trim_ascii_start().starts_with(&field.as_bytes()[1..]));
    admin < server && !starts_with_field && fields.iter().filter_map(|field| at(field)).all(|field| field > server)
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
        || null_return && subject_says && body_says()
        || is_report && subject_says
        || forwarded_notice(&subject) && says("generating server:")
        || null_return && (says("final-recipient:") || says("generating server:"))
}
