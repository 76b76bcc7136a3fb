//! Feedback reports (RFC 5965): a receiver says something about one message that it got, and hands back its header.

use std::sync::LazyLock;

use evidence::{
    Action, Address, AuthMethod, AuthResult, Authentication, CopyKey, Fact, FileName, Identifier, Identity,
    Observation, Problem, Reading, Scope, System, Verdict, VerdictKind, When,
};

use crate::codes::{self, Codes};
use crate::message::fields::Header;
use crate::message::keep::keep;
use crate::message::received::system_of_host;
use crate::message::sheet::Sheet;
use crate::message::{auth_results, bounce, boundary, dates, eml, headers_of};
use crate::{Head, Input, Query};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("dmarc_failure/codes.toml")));

/// What a feedback report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Authentication failed (RFC 6591).
    AuthFailure,
    /// A person complained, or a receiver found something else worth telling (RFC 5965, 7.3).
    Complaint,
}

/// Which class of feedback report a file is, judged by its front; `None` if it is none.
pub(super) fn class_of(head: &Head<'_>) -> Option<Class> {
    let sheet = Sheet::of(head.bytes);
    let name: FileName = "".into();
    let outer = eml::start_of(&sheet, &name);
    let kind = outer.first("content-type")?.value.to_ascii_lowercase();
    if !kind.trim_start().starts_with("multipart/report") {
        return None;
    }
    let body = sheet.bytes().get(outer.body?..)?.to_ascii_lowercase();
    memchr::memmem::find(&body, b"message/feedback-report")?;
    let is_failure = body.split(|byte| *byte == b'\n').any(|line| {
        let line = line.strip_prefix(b"feedback-type:").unwrap_or_default();
        line.trim_ascii().starts_with(b"auth-failure")
    });
    Some(if is_failure { Class::AuthFailure } else { Class::Complaint })
}

/// What every feedback report cannot show.
pub(super) const CANNOT_SHOW: &[&str] = &[
    "what our own systems did: a report is the word of the receiver that wrote it, and can be forged",
    "messages about which nobody reported: few receivers send such reports, and they may leave out or redact addresses",
];

/// Reads a feedback report: every statement is about the original message.
pub(super) fn read(input: &Input<'_>, query: &Query<'_>) -> Reading {
    let sheet = Sheet::of(input.bytes);
    let outer = eml::start_of(&sheet, &input.name);
    let mut reading = Reading::default();
    let mut ids = Vec::new();
    match boundary::parts(sheet.bytes()) {
        Ok(parts) => {
            let parts: Vec<_> = parts.iter().filter(|part| part.depth == 0).collect();
            let report = parts.iter().find(|part| part.content_type.ends_with("feedback-report"));
            let report = report.map(|part| bounce::header_in(&sheet, &input.name, part, 0)).unwrap_or_default();
            let original = parts.iter().find(|part| part.is_message || part.content_type.contains("rfc822"));
            let original = original.map(|part| bounce::header_in(&sheet, &input.name, part, 0)).unwrap_or_default();
            let of_report = Report::of(&report, &original, &outer, query);
            ids = headers_of::state(&original, input.bytes, &of_report.about, query.clock, &mut reading);
            of_report.state(&report, &outer, &mut reading);
        }
        Err(found) => {
            let start = outer.body.unwrap_or(0);
            reading.rows += 1;
            reading.problems.push(Problem {
                cite: sheet.cite(&input.name, start..sheet.bytes().len(), sheet.line_of(start)),
                expected: format!("a report of at most {} parts", boundary::MAX_PARTS),
                found,
            });
        }
    }
    for field in &outer.fields {
        reading.rows += 1;
        reading.pass_over("header of the report mail", 1, Some(field.cite.clone()));
    }
    headers_of::state_rest(&outer, &mut reading);
    eml::pass_over_body(&sheet, &input.name, &outer, &mut reading);
    reading.coverage.limits.extend(CANNOT_SHOW.iter().map(|limit| (*limit).to_owned()));
    query.progress.advance(input.bytes.len() as u64);
    keep(reading, &ids, &[], query)
}

/// What holds for everything that a report states.
struct Report {
    about: CopyKey,
    speaker: System,
    when: Option<When>,
}

impl Report {
    fn of(report: &Header, original: &Header, outer: &Header, query: &Query<'_>) -> Report {
        let id = |header: &Header| header.first("message-id").and_then(|field| Identifier::message_id(&field.value));
        let recipients = report.fields.iter().filter(|field| field.is("original-rcpt-to"));
        let dates = ["arrival-date", "received-date"].iter().find_map(|name| report.first(name));
        Report {
            about: CopyKey {
                ids: id(original).or_else(|| id(report)).into_iter().collect(),
                envelope_recipients: recipients
                    .map(|field| Address::new(&field.value))
                    .filter(|address| !address.is_null())
                    .collect(),
            },
            speaker: speaker(report, outer),
            when: dates.and_then(|field| dates::instant(&field.value, query.clock)),
        }
    }

    /// States what the machine part says, which is one row.
    fn state(&self, report: &Header, outer: &Header, reading: &mut Reading) {
        reading.rows += 1;
        let Some(kind) = report.first("feedback-type") else {
            let cite = report.fields.first().or(outer.fields.first()).map(|field| field.cite.clone());
            match cite {
                Some(cite) => reading.problems.push(Problem {
                    cite,
                    expected: "`Feedback-Type:` in the part message/feedback-report (RFC 5965, 3.1)".to_owned(),
                    found: "none".to_owned(),
                }),
                None => reading.pass_over("empty report", 1, None),
            }
            return;
        };
        reading.observed += 1;
        let mut say = |fact: Fact, name: &str| {
            let cite = report.first(name).unwrap_or(kind).cite.clone();
            let (when, speaker, about) = (self.when.clone(), self.speaker.clone(), self.about.clone());
            when.iter().for_each(|when| reading.covers(when.at));
            reading.observations.push(Observation { cite, when, speaker, about: about.into(), fact });
        };
        let sender = report.first("original-mail-from").map(|field| Address::new(&field.value));
        if sender.is_some() {
            let identity = Identity { envelope_sender: sender, ..Identity::default() };
            say(Fact::Identity(identity), "original-mail-from");
        }
        let results = results(report);
        let failed = results.iter().find(|result| result.result != AuthResult::Pass).map(|result| result.method);
        results.into_iter().for_each(|result| say(Fact::Authentication(result), "authentication-results"));
        let method = failure(report).map(|failure| failure.method).or(failed);
        if failed.is_none()
            && let Some(failure) = failure(report)
        {
            say(Fact::Authentication(failure), "auth-failure");
        }
        if let Some(verdict) = delivery_result(report, method) {
            say(Fact::Verdict(verdict), "delivery-result");
        }
        say(Fact::Note { said: sentence(report, &kind.value) }, "feedback-type");
    }
}

/// Who reports: the server that it names, else the domain from which the mail came.
fn speaker(report: &Header, outer: &Header) -> System {
    let mta = report.first("reporting-mta").map(|field| field.value.rsplit(';').next().unwrap_or("").trim().to_owned());
    let from = outer.first("from").map(|from| boundary::addresses(&from.value)).unwrap_or_default();
    let domain = from.first().and_then(|from| from.domain()).map(str::to_owned);
    system_of_host(mta.filter(|mta| !mta.is_empty()).or(domain).as_deref().unwrap_or("unnamed reporter"))
}

/// The authentication results that the report repeats.
fn results(report: &Header) -> Vec<Authentication> {
    let fields = report.fields.iter().filter(|field| field.is("authentication-results"));
    fields.flat_map(|field| auth_results::parse(&field.value).results).collect()
}

/// What `Auth-Failure` says (RFC 6591, 3.3).
fn failure(report: &Header) -> Option<Authentication> {
    let said = report.first("auth-failure")?.value.trim().to_owned();
    let method = match CODES.means("Auth-Failure", &said)? {
        "spf" => AuthMethod::Spf,
        "dmarc" => AuthMethod::Dmarc,
        _ => AuthMethod::Dkim,
    };
    let signer = (method == AuthMethod::Dkim).then(|| report.first("dkim-domain")).flatten();
    let domain = signer.or(report.first("reported-domain")).map(|field| field.value.to_lowercase());
    Some(Authentication {
        method,
        result: AuthResult::Fail,
        domain,
        authserv_id: None,
        arc_instance: None,
        client: None,
        disposition: None,
        reason: Some(said.clone()),
        said: format!("Auth-Failure: {said}"),
    })
}

/// What the receiver says that it did with the message (RFC 6591, 3.2.2).
fn delivery_result(report: &Header, method: Option<AuthMethod>) -> Option<Verdict> {
    let said = report.first("delivery-result")?.value.trim();
    let action = CODES.means("Delivery-Result", said).and_then(codes::action).unwrap_or(Action::NotSaid);
    Some(Verdict {
        kind: method.map_or(VerdictKind::Unknown, VerdictKind::Authentication),
        action,
        said: format!("Delivery-Result: {said}"),
        policy: None,
        scope: Scope::Enforced,
    })
}

/// What the report is about, in one sentence.
fn sentence(report: &Header, kind: &str) -> String {
    let what = match CODES.means("Feedback-Type", kind) {
        Some("abuse") => "a recipient complained about the message",
        Some("not_spam") => "a recipient says that the message is no spam",
        Some("fraud") => "the message was reported as fraud",
        Some("virus") => "the message was reported to carry malware",
        Some("auth_failure") => "the message failed authentication at the reporter",
        Some("unsubscribe") => "a recipient wants no more of such messages",
        _ => "the reporter has something else to say of the message",
    };
    let mut text = format!("{what} (Feedback-Type: {kind}");
    for name in ["Source-IP", "Reported-Domain", "Incidents", "Original-Envelope-Id"] {
        if let Some(field) = report.first(name) {
            text.push_str(&format!(", {name}: {}", field.value));
        }
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "Auth-Failure" => ["spf", "dkim", "dmarc"].contains(&code.means.as_str()),
            "Delivery-Result" => codes::action(&code.means).is_some(),
            "Feedback-Type" => ["abuse", "not_spam", "fraud", "virus", "auth_failure", "unsubscribe", "other"]
                .contains(&code.means.as_str()),
            _ => false,
        });
    }
}
