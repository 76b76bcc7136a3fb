//! What must hold of our own check for any message, answers and envelope.

use std::ops::Range;

use auth::arc::ArcCheck;
use auth::dkim::{Cause, Change, DkimCheck, Explain, Keys};
use auth::dmarc::DmarcReason;
use auth::{Answer, Answers, Checked, Dns, Envelope, Extent, Question, RecordType};
use evidence::AuthResult;
use jiff::Timestamp;

/// Saved answers, and everything else with one and the same.
struct Zone {
    saved: Answers,
    otherwise: Answer,
}

impl Dns for Zone {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        match self.saved.ask(name, record_type) {
            Answer::NotSaved => self.otherwise.clone(),
            answer => answer,
        }
    }
}

/// Checks `bytes` as the answers and the envelope up to a line `=`, and the message after it; all is message without such a line.
///
/// One thing a line: `client 192.0.2.1`, `helo NAME`, `sender ADDRESS`, `author DOMAIN`, `at SECONDS`, and answers such as
/// `TXT example.com v=spf1 -all` or `TXT example.com !SERVFAIL`.
pub fn auth(bytes: &[u8]) {
    let cut = bytes.windows(3).position(|three| three == b"\n=\n");
    let (head, message) = cut.map_or((&[][..], bytes), |at| (&bytes[..at], &bytes[at + 3..]));
    let (envelope, saved) = known(&String::from_utf8_lossy(head));
    let mut zone = Zone { saved, otherwise: Answer::NotSaved };
    let open = check(message, &envelope, &zone, Explain::Yes);
    let quick = check(message, &envelope, &zone, Explain::No);
    assert_eq!(results(&open), results(&quick), "a result does not rest on whether it is explained");
    let header = auth::check(message, Extent::HeaderOnly, &envelope, &zone, &Keys::default(), Explain::No);
    assert!(header.dkim.is_empty() && header.arc.is_none(), "nothing is said of signatures without the bytes");

    // With every answer there, everything has a result but what lacks client, sender or author.
    zone.otherwise = Answer::NoName;
    let closed = check(message, &envelope, &zone, Explain::No);
    assert_eq!(closed.needs, [], "nothing is missing");
    for (open, closed) in open.dkim.iter().zip(&closed.dkim) {
        assert!(open.result.is_none() || open.result == closed.result, "an answer took a result back: {}", open.reason);
    }
    zone.otherwise = Answer::of("SERVFAIL", Vec::new());
    check(message, &envelope, &zone, Explain::No);
}

fn known(head: &str) -> (Envelope, Answers) {
    let (mut envelope, mut answers) = (Envelope::default(), Answers::default());
    for line in head.lines() {
        let Some((word, rest)) = line.split_once(' ') else { continue };
        match word {
            "client" => envelope.client = rest.parse().ok(),
            "helo" => envelope.helo = rest.to_owned(),
            "sender" => envelope.sender = Some(rest.to_owned()),
            "receiver" => envelope.receiver = Some(rest.to_owned()),
            "author" => envelope.author_domains.push(rest.to_owned()),
            "at" => envelope.at = rest.parse().ok().and_then(|at| Timestamp::from_second(at).ok()),
            _ => {
                let (Some(record_type), Some((name, text))) = (RecordType::of(word), rest.split_once(' ')) else {
                    continue;
                };
                let answer = match text.strip_prefix('!') {
                    Some(status) => Answer::of(status, Vec::new()),
                    None => Answer::of("NOERROR", vec![text.to_owned()]),
                };
                answers.insert(&Question::new(name, record_type), answer);
            }
        }
    }
    (envelope, answers)
}

fn check(message: &[u8], envelope: &Envelope, dns: &Zone, explain: Explain) -> Checked {
    let checked = auth::check(message, Extent::Whole, envelope, dns, &Keys::default(), explain);
    honest(&checked);
    for check in &checked.dkim {
        dkim(check, message);
    }
    let arc = checked.arc.as_ref().expect("the whole message");
    chain(arc, message);
    checked
}

/// What lacks answers has no result, and what has none says what it lacks.
fn honest(checked: &Checked) {
    for spf in checked.spf.iter().chain(&checked.helo) {
        assert_eq!(spf.result.is_none(), !spf.needs.is_empty(), "SPF: {}: {:?}", spf.reason, spf.needs);
    }
    for dkim in &checked.dkim {
        let left_out = matches!(dkim.reason, auth::dkim::DkimReason::TooManySignatures { .. });
        assert_eq!(dkim.result.is_none(), dkim.needs().is_some() || left_out, "DKIM: {}", dkim.reason);
    }
    if let Some(arc) = &checked.arc {
        let needs = arc.needs().next();
        assert!(arc.result.is_some() || needs.is_some(), "ARC: {}", arc.reason);
        assert!(needs.is_none() || arc.result.is_none() || arc.result == Some(AuthResult::Fail), "ARC: {}", arc.reason);
    }
    let dmarc = &checked.dmarc;
    let unchecked = matches!(dmarc.reason, DmarcReason::IdentifierNotChecked { .. });
    assert!(dmarc.result.is_some() || unchecked || !dmarc.needs.is_empty(), "DMARC: {}", dmarc.reason);
    assert!(dmarc.result != Some(AuthResult::Pass) || dmarc.needs.is_empty(), "DMARC: {:?}", dmarc.needs);
}

fn results(checked: &Checked) -> Vec<Option<&AuthResult>> {
    let dkim = checked.dkim.iter().map(|check| check.result.as_ref());
    let spf = checked.spf.iter().map(|check| check.result.as_ref());
    let arc = checked.arc.iter().map(|check| check.result.as_ref());
    dkim.chain(spf).chain(arc).chain([checked.dmarc.result.as_ref()]).collect()
}

fn within(place: &Range<usize>, message: &[u8]) {
    assert!(place.start <= place.end && place.end <= message.len(), "{place:?} of {} bytes", message.len());
}

fn is_field(place: &Range<usize>, name: &str, message: &[u8]) {
    within(place, message);
    let field = &message[place.clone()];
    assert!(
        field.len() > name.len() && field[..name.len()].eq_ignore_ascii_case(name.as_bytes()),
        "{name} at {place:?}"
    );
}

fn dkim(check: &DkimCheck, message: &[u8]) {
    is_field(&check.field, "DKIM-Signature", message);
    for note in &check.notes {
        assert!(!note.to_string().is_empty(), "{note:?}");
    }
    assert!(!check.reason.to_string().is_empty(), "{:?}", check.reason);
    let Some(broken) = &check.broken else { return };
    assert!(check.result != Some(AuthResult::Pass), "broken and holds: {broken:?}");
    for cause in broken.body.iter().chain(&broken.header) {
        assert!(!cause.to_string().is_empty(), "{cause:?}");
        let Cause::Proved(changes) = cause else { continue };
        for change in changes {
            match change {
                Change::Appended { place, .. }
                | Change::Inserted { place, .. }
                | Change::FieldTagged { place, .. }
                | Change::FieldReplaced { place, .. }
                | Change::FieldAdded { place, .. }
                | Change::FieldWhiteSpace { place, .. } => within(place, message),
                _ => {}
            }
        }
    }
}

fn chain(check: &ArcCheck, message: &[u8]) {
    for (set, instance) in check.sets.iter().zip(1..) {
        assert_eq!(set.instance, instance, "sets stand in their order");
        is_field(&set.results, "ARC-Authentication-Results", message);
        is_field(&set.message.field, "ARC-Message-Signature", message);
        is_field(&set.seal.field, "ARC-Seal", message);
    }
    assert!(check.oldest_pass.is_none_or(|oldest| oldest as usize <= check.sets.len()), "{:?}", check.oldest_pass);
    assert!(!check.reason.to_string().is_empty(), "{:?}", check.reason);
}
