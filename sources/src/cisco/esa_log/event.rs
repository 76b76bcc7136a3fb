//! The consolidated event: one CEF record a message, with what every engine found.

use evidence::{
    Access, Action, Address, Arrival, AuthMethod, AuthResult, Authentication, CopyKey, Fact, Identifier, Identity,
    Outcome, Peer, PolicyRef, Quarantine, QuarantineState, Scope, Status, TraceStatus, Verdict, VerdictKind,
};

use super::{CODES, key_id};
use crate::codes::verdict_kind;
use crate::lines::{Said, Seen};
use crate::message::boundary::words;

/// The extension of a CEF record, `key=value key=value`.
pub(super) struct Event<'t> {
    pairs: Vec<(&'t str, &'t str)>,
}

impl<'t> Event<'t> {
    /// Takes an extension apart. Values hold blanks, and nested values hold `key: value` within braces.
    pub(super) fn of(text: &'t str) -> Event<'t> {
        let mut starts: Vec<(usize, usize)> = Vec::new();
        let (mut depth, mut word) = (0usize, 0usize);
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                b' ' => word = at + 1,
                b'=' if depth == 0 && at > word && (at == 0 || bytes[at - 1] != b'\\') => {
                    let is_key = bytes[word..at].iter().all(|byte| byte.is_ascii_alphanumeric());
                    if is_key {
                        starts.push((word, at));
                        word = at + 1;
                    }
                }
                _ => {}
            }
        }
        let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
        let pairs = starts
            .iter()
            .zip(ends)
            .map(|((start, equals), end)| (&text[*start..*equals], text[equals + 1..end].trim()));
        Event { pairs: pairs.collect() }
    }

    /// The value of a key, without quotes around it.
    pub(super) fn get(&self, key: &str) -> Option<&'t str> {
        let value = self.pairs.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)?;
        let bare = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value);
        (!bare.is_empty()).then_some(bare)
    }

    /// The instant as written: the end of the processing, else its start.
    pub(super) fn stamp(&self) -> Option<&'t str> {
        ["endTime", "end", "startTime", "start"].iter().find_map(|key| self.get(key))
    }

    fn message_id(&self) -> Option<Identifier> {
        // The label says what stands under `cs4`.
        let key =
            (1..=6).map(|n| format!("cs{n}")).find(|key| self.get(&format!("{key}Label")) == Some("ExternalMsgID"));
        Identifier::message_id(self.get(&key?)?)
    }

    fn labelled(&self, label: &str) -> Option<&'t str> {
        let key = (1..=6).map(|n| format!("cs{n}")).find(|key| self.get(&format!("{key}Label")) == Some(label))?;
        self.get(&key)
    }

    fn recipients(&self) -> Vec<Address> {
        let list = self.get("duser").unwrap_or("");
        list.split([';', ',']).map(Address::new).filter(|to| !to.is_null()).collect()
    }
}

/// The key of the message number.
fn key(event: &Event<'_>) -> Option<String> {
    event.get("ESAMID").filter(|mid| mid.bytes().all(|byte| byte.is_ascii_digit())).map(|mid| format!("MID {mid}"))
}

/// Adds what the record says about ids and addresses. Its number is written otherwise than in `mail_logs`: it is
/// believed where no Message-ID speaks against it.
pub(super) fn see(event: &Event<'_>, seen: &mut Seen) {
    seen.message_ids.extend(event.message_id().map(|id| id.text().to_owned()));
    seen.borrowed.extend(key(event));
    seen.senders.extend(event.get("suser").map(Address::new));
    seen.recipients.extend(event.recipients());
}

/// What the record states; empty if it names no message.
pub(super) fn said<'t>(event: &Event<'t>, host: &str) -> Vec<Said<'t>> {
    let mut ids: Vec<Identifier> = key(event).map(|key| key_id(host, &key)).into_iter().collect();
    ids.extend(event.message_id());
    if ids.is_empty() {
        return Vec::new();
    }
    let about = CopyKey { ids, envelope_recipients: event.recipients() };
    let say = |fact, word| Said { about: about.clone(), fact, word };
    let mut all = vec![say(Fact::Identity(identity(event)), event.get("suser").unwrap_or(""))];
    if let Some(ip) = event.get("sourceAddress").or(event.get("src")) {
        let name = event.get("sourceHostName").or(event.get("shost")).filter(|name| *name != "unknown");
        let client = Peer { name: name.map(str::to_ascii_lowercase), ip: Some(ip.to_owned()), port: None };
        all.push(say(
            Fact::Arrival(Arrival {
                client: Some(client),
                outcome: Outcome::Accepted,
                reply: None,
                connector: event.get("ESAMailFlowPolicy").map(str::to_owned),
                earlier: None,
                scope: Scope::Enforced,
            }),
            ip,
        ));
    }
    all.extend(authentication(event).into_iter().map(|(fact, word)| say(fact, word)));
    let act = event.get("act");
    let done = act.and_then(|act| CODES.means("act", act));
    all.extend(verdicts(event, done).into_iter().map(|(fact, word)| say(fact, word)));
    all.extend(end(event, act, done).into_iter().map(|(fact, word)| say(fact, word)));
    all
}

fn identity(event: &Event<'_>) -> Identity {
    let friendly = event.get("ESAFriendlyFrom").map(|from| from.rsplit('<').next().unwrap_or(from));
    Identity {
        envelope_sender: event.get("suser").map(Address::new),
        header_from: friendly.map(Address::new),
        subject: event.get("msg").map(|subject| words(&subject.replace("\\=", "=").replace("\\|", "|"))),
        size_bytes: event.get("ESAMsgSize").and_then(|size| size.parse().ok()),
        direction: match event.get("deviceDirection") {
            Some("0") => Some(Access::Inbound),
            Some("1") => Some(Access::Outbound),
            _ => None,
        },
        ..Identity::default()
    }
}

fn authentication<'t>(event: &Event<'t>) -> Vec<(Fact, &'t str)> {
    let fact = |method, word: &str, domain: Option<&str>, reason: Option<&str>, said: &'t str, key: &str| {
        let result = match CODES.means(key, word) {
            Some("pass") => AuthResult::Pass,
            Some("fail") => AuthResult::Fail,
            Some("softfail") => AuthResult::SoftFail,
            Some("neutral") => AuthResult::Neutral,
            Some("none") => AuthResult::None,
            Some("temperror") => AuthResult::TempError,
            Some("permerror") => AuthResult::PermError,
            _ => AuthResult::Other(word.to_owned()),
        };
        let fact = Fact::Authentication(Authentication {
            method,
            result,
            domain: domain.map(str::to_owned),
            authserv_id: None,
            arc_instance: None,
            client: None,
            fault: None,
            disposition: None,
            reason: reason.map(str::to_owned),
            said: format!("ESA{}Verdict={said}", key.to_ascii_uppercase()),
        });
        (fact, said)
    };
    let mut all = Vec::new();
    if let Some(said) = event.get("ESASPFVerdict") {
        // `{'mailfrom': {'result': 'Pass', 'sender': 'a@b'}, ...}`: not JSON, single quotes.
        let identities = ["mailfrom", "helo"].into_iter().filter_map(|identity| {
            let rest = &said[said.find(&format!("'{identity}': "))?..];
            let value = |key: &str| rest.split_once(key).and_then(|(_, rest)| rest.split('\'').next());
            Some((identity, value("'result': '")?, value("'sender': '").and_then(|sender| sender.rsplit('@').next())))
        });
        let before = all.len();
        for (identity, word, domain) in identities {
            all.push(fact(AuthMethod::Spf, word, domain, Some(identity), said, "SPF"));
        }
        if all.len() == before && !said.starts_with('{') {
            all.push(fact(AuthMethod::Spf, said, None, None, said, "SPF"));
        }
    }
    all.extend(event.get("ESADKIMVerdict").map(|said| fact(AuthMethod::Dkim, said, None, None, said, "DKIM")));
    all.extend(event.get("ESADMARCVerdict").map(|said| fact(AuthMethod::Dmarc, said, None, None, said, "DMARC")));
    all
}

/// The engines, in the order of the work queue.
const ENGINES: &[&str] = &[
    "ESAMFVerdict",
    "ESAASVerdict",
    "ESAAVVerdict",
    "ESAAMPVerdict",
    "ESAGMVerdict",
    "ESACFVerdict",
    "ESAOFVerdict",
    "ESADLPVerdict",
];

/// What the engines found; the record does not say which of them decided.
fn verdicts<'t>(event: &Event<'t>, done: Option<&str>) -> Vec<(Fact, &'t str)> {
    let policy = event.labelled("MailPolicy");
    let policy =
        policy.map(|name| PolicyRef { kind: Some("mail policy".to_owned()), name: Some(name.to_owned()), id: None });
    let was_let_on = done == Some("delivered");
    let found = ENGINES.iter().filter_map(|key| {
        let said = event.get(key).filter(|said| !crate::codes::folded(said).starts_with("notevaluated"))?;
        let kind = CODES.means(key, said).and_then(verdict_kind).unwrap_or(VerdictKind::Unknown);
        let action = if kind == VerdictKind::Clean || was_let_on { Action::None } else { Action::NotSaid };
        let verdict =
            Verdict { kind, action, said: format!("{key}={said}"), policy: policy.clone(), scope: Scope::Enforced };
        Some((Fact::Verdict(verdict), said))
    });
    found.collect()
}

/// How the message ended here. `DELIVERED` is a hand-over to the next server, not a mailbox.
fn end<'t>(event: &Event<'t>, act: Option<&'t str>, done: Option<&str>) -> Vec<(Fact, &'t str)> {
    let Some(act) = act else { return Vec::new() };
    let details = event.get("ESAFinalActionDetails");
    let said = details.map_or(act.to_owned(), |details| format!("{act}: {details}"));
    let status = match done {
        Some("delivered") => TraceStatus::Delivered,
        Some("bounced") => TraceStatus::Bounced,
        Some("quarantined") => TraceStatus::Quarantined,
        Some("pending") => TraceStatus::Pending,
        _ => TraceStatus::Other(act.to_owned()),
    };
    let mut all = vec![(Fact::Status(Status { status, said: said.clone(), to: None, from: None }), act)];
    match done {
        Some("quarantined") => {
            let kind = details.map_or(VerdictKind::Unknown, super::facts::reason);
            let policy = event.labelled("MailPolicy").map(|name| PolicyRef {
                kind: Some("mail policy".to_owned()),
                name: Some(name.to_owned()),
                id: None,
            });
            let verdict = Verdict {
                kind,
                action: Action::Quarantined,
                said: said.clone(),
                policy: policy.clone(),
                scope: Scope::Enforced,
            };
            let quarantine = Quarantine {
                state: QuarantineState::Held,
                store: "Cisco Secure Email quarantine".to_owned(),
                policy,
                id: None,
                until: None,
                said,
            };
            all.push((Fact::Verdict(verdict), act));
            all.push((Fact::Quarantine(quarantine), act));
        }
        Some("dropped") => all.push((Fact::Discarded { said }, act)),
        _ => {}
    }
    all
}
