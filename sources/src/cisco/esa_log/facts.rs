//! From a line of `mail_logs` to facts.

use evidence::{
    Action, Address, Arrival, AuthMethod, AuthResult, Authentication, CopyKey, Fact, Handover, Identifier, Identity,
    NextHop, Outcome, Peer, PolicyRef, Quarantine, QuarantineState, Release, ReleaseStep, Reply, Scope, Verdict,
    VerdictKind,
};

use super::line::number;
use super::{CODES, key_id};
use crate::codes::{folded, verdict_kind};
use crate::lines::{Names, Role, Said, Seen};
use crate::postfix::event::reply;
use crate::postfix::facts::mimecast_code;

/// Where the spam quarantine of the appliance stands in our words.
const SPAM_QUARANTINE: &str = "IronPort Spam Quarantine";

/// Another number that a line ties to its own.
struct Tie<'t> {
    /// The message that was there before.
    old: &'t str,
    /// The message that was made of it.
    new: String,
    role: Role,
}

/// `MID 4 rewritten to MID 5 by ...`, `MID 5 was generated based on MID 4 by ...`, `MID 4 was split creating MID 5 ...`,
/// `MID 5 was generated for bounce of MID 4`.
fn tie(text: &str) -> Option<Tie<'_>> {
    let first = number(text, "MID")?;
    let rest = &text[text.find(first)? + first.len()..];
    let second = |after: &str| {
        let rest = &rest[rest.find(after)? + after.len()..];
        let digits = rest.trim_start().strip_prefix("MID ").unwrap_or(rest.trim_start());
        let end = digits.bytes().take_while(u8::is_ascii_digit).count();
        (end > 0).then(|| format!("MID {}", &digits[..end]))
    };
    if let Some(new) = second("rewritten to ").or_else(|| second("split creating ")).or_else(|| second("einjected as "))
    {
        return Some(Tie { old: first, new, role: Role::Own });
    }
    let role = if rest.contains("generated for bounce of ") { Role::Notice } else { Role::Own };
    let at = ["generated based on ", "generated for bounce of "]
        .iter()
        .find_map(|words| rest.find(words).map(|at| at + words.len()))?;
    let old = number(&rest[at..], "MID")?;
    Some(Tie { old, new: first.to_owned(), role })
}

/// Adds what a line says about ids and addresses.
pub(super) fn see(text: &str, seen: &mut Seen) {
    match tie(text) {
        Some(tie) if number(text, "MID") == Some(tie.old) => {
            seen.keys.push(tie.old.to_owned());
            seen.links.push((tie.new, tie.role));
        }
        Some(tie) => {
            seen.keys.push(tie.new);
            seen.parents.push((tie.old.to_owned(), tie.role));
        }
        None => seen.keys.extend(number(text, "MID").map(str::to_owned)),
    }
    let sessions = ["ICID", "DCID"].into_iter().filter_map(|word| number(text, word));
    seen.sessions.extend(sessions.map(str::to_owned));
    seen.begins = text.starts_with("Start MID ") || text.starts_with("New SMTP ");
    if let Some(id) = message_id(text).and_then(Identifier::message_id) {
        seen.message_ids.push(id.text().to_owned());
    }
    seen.senders.extend(after(text, " From: ").or_else(|| after(text, " bytes from ")).map(Address::new));
    seen.recipients.extend(after(text, " To: ").map(Address::new));
}

/// Notes the recipient that `MID 6 ICID 5 RID 0 To: <a>` numbers, and the server of
/// `New SMTP DCID 8 interface 198.51.100.10 address 198.51.100.20 port 25`.
pub(super) fn name(text: &str, names: &mut Names) {
    if let (Some(mid), Some(rid), Some(to)) = (number(text, "MID"), number(text, "RID"), after(text, " To: ")) {
        names.insert(format!("{mid} {rid}"), to.to_owned());
    }
    if let (true, Some(dcid), Some(ip)) =
        (text.starts_with("New SMTP DCID "), number(text, "DCID"), word_after(text, " address "))
    {
        names.insert(dcid.to_owned(), ip.to_owned());
    }
}

/// The word after a key.
fn word_after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let rest = &text[text.find(key)? + key.len()..];
    rest.split(' ').next().filter(|word| !word.is_empty())
}

/// The word after a key, in angle brackets or up to a blank.
fn after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let rest = &text[text.find(key)? + key.len()..];
    match rest.starts_with('<') {
        true => rest.get(..rest.find('>')? + 1),
        false => rest.split(' ').next().filter(|word| word.contains('@')),
    }
}

/// The text in quotes after a key.
fn quoted<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let rest = &text[text.find(key)? + key.len()..];
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest[1..].split(quote).next()
}

fn message_id(text: &str) -> Option<&str> {
    quoted(text, " Message-ID ").or_else(|| after(text, " Message-ID "))
}

/// One line while its facts are made.
pub(super) struct Context<'a> {
    pub(super) host: &'a str,
    pub(super) role: Role,
    pub(super) names: &'a Names,
}

/// What a line states: facts, or why there are none.
pub(super) fn said<'t>(text: &'t str, context: &Context<'_>) -> Result<Vec<Said<'t>>, &'static str> {
    let Some(mid) = number(text, "MID") else { return connection(text, context) };
    let line = Of { text, mid, context };
    if let Some(tie) = tie(text) {
        return Ok(line.tied(&tie));
    }
    let rest = text.find(mid).map_or("", |at| text[at + mid.len()..].trim_start());
    if context.role == Role::Notice {
        return Ok(vec![line.note()]);
    }
    let found = line
        .envelope(rest)
        .or_else(|| line.authentication(rest))
        .or_else(|| line.quarantined(rest))
        .or_else(|| line.delivered())
        .or_else(|| line.scanned(rest));
    Ok(found.unwrap_or_else(|| vec![line.note()]))
}

/// Lines about a connection: who it was, and what the host access table made of it.
fn connection<'t>(text: &'t str, _context: &Context<'_>) -> Result<Vec<Said<'t>>, &'static str> {
    let about = CopyKey::default();
    let plain = |fact| Said { about: about.clone(), fact, word: text };
    if text.starts_with("New SMTP ICID ") {
        let name = word_after(text, " reverse dns host ").filter(|name| *name != "unknown");
        let ip = word_after(text, " address ").map(str::to_owned);
        let client = Peer { name: name.map(str::to_ascii_lowercase), ip, port: None };
        let arrival = Arrival { client: Some(client), outcome: Outcome::NotSaid, reply: None, ..refusal("") };
        return Ok(vec![plain(Fact::Arrival(arrival))]);
    }
    if text.starts_with("New SMTP ") {
        return Ok(vec![plain(Fact::Note { said: text.to_owned() })]);
    }
    if !text.starts_with("ICID ") {
        return Err(if text.starts_with("DCID ") || text.contains("CID ") {
            "session line"
        } else {
            "service message"
        });
    }
    let words: Vec<&str> = text.split(' ').collect();
    let Some((decision, group)) = words.get(2).zip(words.get(3).filter(|word| **word == "SG").and(words.get(4))) else {
        return Err("session line");
    };
    let policy = PolicyRef { kind: Some("sender group".to_owned()), name: Some((*group).to_owned()), id: None };
    let is_refused = matches!(*decision, "REJECT" | "TCPREFUSE" | "BLOCK");
    let verdict = Verdict {
        kind: if is_refused { VerdictKind::ConnectionFilter } else { VerdictKind::Clean },
        action: if is_refused { Action::Rejected } else { Action::None },
        said: text.to_owned(),
        policy: Some(policy),
        scope: Scope::Enforced,
    };
    let mut all = vec![plain(Fact::Verdict(verdict))];
    if is_refused {
        all.push(plain(Fact::Arrival(refusal(text))));
    }
    Ok(all)
}

fn refusal(text: &str) -> Arrival {
    Arrival {
        client: None,
        outcome: Outcome::Refused,
        reply: Some(Reply { text: text.to_owned(), ..Reply::default() }),
        connector: None,
        earlier: None,
        scope: Scope::Enforced,
    }
}

/// One line about a message.
struct Of<'a, 't> {
    text: &'t str,
    mid: &'t str,
    context: &'a Context<'a>,
}

impl<'t> Of<'_, 't> {
    fn ids(&self) -> Vec<Identifier> {
        vec![key_id(self.context.host, self.mid)]
    }

    fn about(&self, to: Vec<Address>) -> CopyKey {
        CopyKey { ids: self.ids(), envelope_recipients: to }
    }

    fn all(&self, fact: Fact) -> Said<'t> {
        Said { about: self.about(Vec::new()), fact, word: self.text }
    }

    fn note(&self) -> Said<'t> {
        self.all(Fact::Note { said: self.text.to_owned() })
    }

    /// Both numbers are the message's, unless the new one is a notice's.
    fn tied(&self, tie: &Tie<'_>) -> Vec<Said<'t>> {
        let (old, new) = (key_id(self.context.host, tie.old), key_id(self.context.host, &tie.new));
        match tie.role {
            Role::Own => {
                let about = CopyKey { ids: vec![old, new], envelope_recipients: Vec::new() };
                vec![Said { about, fact: Fact::Note { said: self.text.to_owned() }, word: self.text }]
            }
            Role::Notice => {
                let about = CopyKey { ids: vec![old], envelope_recipients: Vec::new() };
                vec![Said { about, fact: Fact::NoticeSent { notice: Some(new) }, word: self.text }]
            }
        }
    }

    /// Sender, recipients, Message-ID, subject, size.
    fn envelope(&self, rest: &'t str) -> Option<Vec<Said<'t>>> {
        let text = self.text;
        let identity = |identity| self.all(Fact::Identity(identity));
        if let Some(from) = after(text, " From: ") {
            let from = Some(Address::new(from));
            return Some(vec![identity(Identity { envelope_sender: from, ..Identity::default() })]);
        }
        if let (Some(to), Some(_)) = (after(text, " To: "), number(text, "RID")) {
            let about = self.about(vec![Address::new(to)]);
            let why = &text[text.find(to)? + to.len()..];
            let fact = match why.trim() {
                "" => Fact::Identity(Identity::default()),
                why if why.to_ascii_lowercase().contains("reject") => Fact::Arrival(refusal(why)),
                why => Fact::Note { said: why.to_owned() },
            };
            return Some(vec![Said { about, fact, word: to }]);
        }
        if let Some(id) = message_id(text) {
            let mut about = self.about(Vec::new());
            about.ids.extend(Identifier::message_id(id));
            return Some(vec![Said { about, fact: Fact::Identity(Identity::default()), word: id }]);
        }
        if let Some(subject) = rest.strip_prefix("Subject ") {
            let bare = subject.strip_prefix(['"', '\'']).and_then(|text| text.strip_suffix(['"', '\'']));
            let subject = bare.unwrap_or(subject).replace("\\r\\n", "");
            return Some(vec![identity(Identity { subject: Some(subject), ..Identity::default() })]);
        }
        if let Some(ready) = rest.strip_prefix("ready ") {
            let size_bytes = ready.split(' ').next().and_then(|size| size.parse().ok());
            let envelope_sender = after(text, " bytes from ").map(Address::new);
            let arrival = Arrival { outcome: Outcome::Accepted, reply: None, ..refusal("") };
            return Some(vec![
                identity(Identity { envelope_sender, size_bytes, ..Identity::default() }),
                self.all(Fact::Arrival(arrival)),
            ]);
        }
        None
    }

    fn authentication(&self, rest: &'t str) -> Option<Vec<Said<'t>>> {
        let (method, said) = rest.split_once(": ")?;
        let fact = |method, result, domain: Option<&str>, disposition: Option<&str>, reason: Option<&str>| {
            self.all(Fact::Authentication(Authentication {
                method,
                result,
                domain: domain.map(str::to_owned).filter(|domain| !domain.is_empty()),
                authserv_id: None,
                arc_instance: None,
                client: None,
                fault: None,
                disposition: disposition.map(str::to_owned),
                reason: reason.map(str::to_owned),
                said: rest.to_owned(),
            }))
        };
        match method {
            "SPF" => {
                // `mailfrom identity a@b Pass (v=spf1)`; the purported author (`pra`) is no SPF of RFC 7208.
                let words: Vec<&str> = said.split(' ').collect();
                let &[identity @ ("mailfrom" | "helo"), "identity", who, word, ..] = words.as_slice() else {
                    return None;
                };
                let domain = who.rsplit('@').next();
                Some(vec![fact(AuthMethod::Spf, result(word), domain, None, Some(identity))])
            }
            "DKIM" => {
                let word = said.split([' ', ';']).next()?;
                CODES.means("DKIM", word)?;
                let domain = said.split_once("(d=").and_then(|(_, rest)| rest.split([' ', ')']).next());
                let reason = said[word.len()..].split('(').next().map(str::trim).filter(|reason| !reason.is_empty());
                Some(vec![fact(AuthMethod::Dkim, result(word), domain, None, reason)])
            }
            "DMARC" => self.dmarc(said, fact),
            _ => None,
        }
    }

    /// `Message from domain d, DMARC fail (SPF aligned False, DKIM aligned False) DMARC policy is reject, applied policy is none`.
    fn dmarc(
        &self,
        said: &'t str,
        fact: impl Fn(AuthMethod, AuthResult, Option<&str>, Option<&str>, Option<&str>) -> Said<'t>,
    ) -> Option<Vec<Said<'t>>> {
        let domain = said.split_once("from domain ").and_then(|(_, rest)| rest.split([',', ' ']).next());
        let word = said
            .split_once("DMARC ")
            .map(|(_, rest)| rest)
            .or_else(|| said.strip_prefix("Verification "))
            .and_then(|rest| rest.split([' ', ',', '.']).next())?;
        CODES.means("DMARC", word)?;
        let reason = said.split_once('(').and_then(|(_, rest)| rest.split(')').next());
        let applied = said.split_once("applied policy is ").and_then(|(_, rest)| rest.split([' ', ',', '.']).next());
        let mut all = vec![fact(AuthMethod::Dmarc, result_in("DMARC", word), domain, applied, reason)];
        let action = match applied {
            Some("reject") => Some(Action::Rejected),
            Some("quarantine") => Some(Action::Quarantined),
            _ => None,
        };
        if let Some(action) = action {
            all.push(self.verdict(VerdictKind::Authentication(AuthMethod::Dmarc), action, said, None));
        }
        Some(all)
    }

    fn verdict(&self, kind: VerdictKind, action: Action, said: &str, policy: Option<PolicyRef>) -> Said<'t> {
        self.all(Fact::Verdict(Verdict { kind, action, said: said.to_owned(), policy, scope: Scope::Enforced }))
    }

    /// What the engines and filters found, and what was dropped for it. A verdict named `interim` may still change.
    fn scanned(&self, rest: &'t str) -> Option<Vec<Said<'t>>> {
        if rest.starts_with("interim ") {
            return None;
        }
        if let Some(why) =
            rest.strip_prefix("Dropped by ").or_else(|| rest.split_once("Dropped by ").map(|(_, why)| why))
        {
            return Some(self.dropped(rest, why));
        }
        if let Some(why) = rest.strip_prefix("Bounced by ") {
            return Some(vec![self.verdict(reason(why), Action::Bounced, rest, rule(why))]);
        }
        let (engine, found) = match rest.strip_prefix("using engine: ") {
            Some(said) => said.split_once(' ')?,
            None => ENGINES.iter().find_map(|(words, engine)| Some((*engine, rest.strip_prefix(words)?)))?,
        };
        let found = found.trim_start_matches([':', ' ']);
        let words: Vec<&str> = found.split([' ', '.', '(']).filter(|word| !word.is_empty()).collect();
        // `spam positive` says more than `positive`.
        let two = words.get(..2).map(|words| words.join(" ")).unwrap_or_default();
        let means = CODES.means(engine, &two).or_else(|| CODES.means(engine, words.first()?));
        let kind = means.and_then(verdict_kind).unwrap_or(VerdictKind::Unknown);
        let action = if kind == VerdictKind::Clean { Action::None } else { Action::NotSaid };
        Some(vec![self.verdict(kind, action, rest, None)])
    }

    fn dropped(&self, rest: &'t str, why: &'t str) -> Vec<Said<'t>> {
        vec![
            self.verdict(reason(why), Action::Discarded, rest, rule(why)),
            self.all(Fact::Discarded { said: rest.to_owned() }),
        ]
    }

    fn held(&self, store: &str, said: &str, state: QuarantineState) -> Said<'t> {
        self.all(Fact::Quarantine(Quarantine {
            state,
            store: store.to_owned(),
            policy: rule(said),
            id: None,
            until: None,
            said: said.to_owned(),
        }))
    }

    fn quarantined(&self, rest: &'t str) -> Option<Vec<Said<'t>>> {
        let text = self.text;
        let is_spam_quarantine = text.contains("Spam Quarantine") || text.starts_with("ISQ: ");
        if is_spam_quarantine && (text.starts_with("ISQ: Quarantined ") || text.contains("Delivery start RCID")) {
            return Some(vec![
                self.verdict(VerdictKind::Spam, Action::Quarantined, text, None),
                self.held(SPAM_QUARANTINE, text, QuarantineState::Held),
            ]);
        }
        if is_spam_quarantine && (text.contains("einjected") || text.contains("eleased")) {
            return Some(vec![self.released(text, None)]);
        }
        if is_spam_quarantine && text.contains("eleted") {
            return Some(vec![self.held(SPAM_QUARANTINE, text, QuarantineState::Gone)]);
        }
        if rest.starts_with("quarantined to ") || rest.starts_with("enqueued for transfer to centralized quarantine") {
            let store = quoted(rest, "quarantined to ").or_else(|| quoted(rest, "quarantine ")).unwrap_or("quarantine");
            let why = rest.rsplit_once('(').map_or("", |(_, why)| why.trim_end_matches(')'));
            let kind = match reason(why) {
                VerdictKind::Unknown => reason(store),
                kind => kind,
            };
            return Some(vec![
                self.verdict(kind, Action::Quarantined, rest, rule(why)),
                self.held(store, rest, QuarantineState::Held),
            ]);
        }
        if rest.starts_with("released from ") {
            let by = rest.rsplit_once('(').map(|(_, by)| by.split(')').next().unwrap_or(by));
            return Some(vec![self.released(rest, by)]);
        }
        if rest.starts_with("deleted from ") {
            let store = quoted(rest, "quarantine ").unwrap_or("all quarantines");
            return Some(vec![self.held(store, rest, QuarantineState::Gone)]);
        }
        None
    }

    fn released(&self, said: &str, by: Option<&str>) -> Said<'t> {
        self.all(Fact::Release(Release {
            step: ReleaseStep::Released,
            by: by.map(str::to_owned),
            for_recipients: Vec::new(),
            next: None,
            said: said.to_owned(),
        }))
    }

    fn delivered(&self) -> Option<Vec<Said<'t>>> {
        let text = self.text;
        if text.starts_with("Message finished MID ") {
            return Some(vec![self.all(Fact::Closed)]);
        }
        if text.starts_with("Message aborted MID ") {
            return Some(match text.split_once("Dropped by ") {
                // DMARC is checked while the message is being received: the sender was told. The filters and engines of the
                // work queue drop what the appliance has already accepted.
                Some((_, why)) if !why.starts_with("DMARC") => self.dropped(text, why),
                Some((_, why)) => vec![
                    self.verdict(reason(why), Action::Rejected, text, rule(why)),
                    self.all(Fact::Arrival(refusal(text))),
                ],
                None => vec![self.note()],
            });
        }
        let (outcome_said, why) = match () {
            _ if text.starts_with("Message done DCID ") => (Outcome::Accepted, None),
            _ if text.contains(" Response '") || text.contains(" Response \"") => {
                (Outcome::Accepted, quoted(text, " Response "))
            }
            _ if text.starts_with("Bounced: ") => (Outcome::Refused, text.split_once(" - ").map(|(_, why)| why)),
            _ if text.starts_with("Delayed: ") => (Outcome::Deferred, text.split_once(" - ").map(|(_, why)| why)),
            _ => return None,
        };
        let answer = why.map(answer);
        // The remote server's own words stand in quotes; without them the appliance gave up by itself.
        let spoken = match outcome_said {
            Outcome::Accepted => true,
            _ => why.is_some_and(|why| why.contains("('")),
        };
        let handover = Handover {
            to: self.server(),
            next_hop: NextHop::MailServer,
            outcome: outcome_said,
            next: why.and_then(next),
            reply: answer,
            spoken_by_next_hop: spoken,
            attempt: None,
            connector: number(text, "DCID").map(str::to_owned),
            tls: None,
        };
        let recipients = self.recipients();
        if recipients.is_empty() && self.is_of_a_recipient_not_shown() {
            return Some(vec![self.note()]);
        }
        Some(vec![Said { about: self.about(recipients), fact: Fact::Handover(handover), word: text }])
    }

    /// The server behind `DCID 8`.
    fn server(&self) -> Option<Peer> {
        let ip = self.context.names.get(number(self.text, "DCID")?)?;
        Some(Peer { name: None, ip: Some(ip.clone()), port: None })
    }

    /// Whether a line gives the number of a recipient whose own line is missing, while other recipients of the message are
    /// known: it is about none of those.
    fn is_of_a_recipient_not_shown(&self) -> bool {
        let head = format!("{} RID ", self.mid);
        self.text.contains("RID ") && self.context.names.keys().any(|name| name.starts_with(&head))
    }

    /// The recipients behind `RID [0, 1]` or `RID 0`.
    fn recipients(&self) -> Vec<Address> {
        let Some((_, rest)) = self.text.split_once("RID ") else { return Vec::new() };
        let list = rest.strip_prefix('[').and_then(|rest| rest.split(']').next());
        let list = list.unwrap_or_else(|| rest.split([' ', '-']).next().unwrap_or(""));
        let named = list
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .filter_map(|rid| self.context.names.get(&format!("{} RID {rid}", self.mid)).map(|to| Address::new(to)));
        named.collect()
    }
}

/// The engines that name themselves at the head of a line.
const ENGINES: &[(&str, &str)] = &[
    ("antivirus ", "antivirus"),
    ("AMP file reputation verdict", "AMP"),
    ("Outbreak Filters: verdict ", "Outbreak"),
    ("DLP ", "DLP"),
];

fn result(word: &str) -> AuthResult {
    result_in("DKIM", word)
}

/// The result that a word stands for.
fn result_in(field: &str, word: &str) -> AuthResult {
    match CODES.means(field, word).or_else(|| CODES.means("SPF", word)) {
        Some("pass") => AuthResult::Pass,
        Some("fail") => AuthResult::Fail,
        Some("softfail") => AuthResult::SoftFail,
        Some("neutral") => AuthResult::Neutral,
        Some("none") => AuthResult::None,
        Some("temperror") => AuthResult::TempError,
        Some("permerror") => AuthResult::PermError,
        _ => AuthResult::Other(word.to_owned()),
    }
}

/// The kind of verdict that a reason names, such as `content filter 'x'` or `DMARC policy`.
pub(super) fn reason(why: &str) -> VerdictKind {
    let why = folded(why);
    let known = REASONS.iter().find(|(word, _)| why.contains(word));
    known.and_then(|(_, means)| verdict_kind(means)).unwrap_or(VerdictKind::Unknown)
}

/// Words of reasons, by their letters only; the first that occurs decides.
const REASONS: &[(&str, &str)] = &[
    ("contentfilter", "transport_rule"),
    ("messagefilter", "transport_rule"),
    ("dmarc", "dmarc"),
    ("antivirus", "malware"),
    ("amp", "malware"),
    ("virus", "malware"),
    ("outbreak", "malware"),
    ("case", "spam"),
    ("antispam", "spam"),
    ("spam", "spam"),
    ("graymail", "bulk"),
    ("dlp", "data_loss"),
    ("filter", "transport_rule"),
];

/// The rule that a reason names in quotes or after a colon.
fn rule(why: &str) -> Option<PolicyRef> {
    let name = match why.split_once('\'') {
        Some((_, rest)) => rest.split('\'').next(),
        None => why.split_once("filter:").map(|(_, name)| name.split(')').next().unwrap_or(name)),
    }?;
    Some(PolicyRef { kind: Some("filter".to_owned()), name: Some(name.to_owned()), id: None })
}

/// `5.1.0 - Unknown address error ('550', ['5.1.1 text'])`, or the answer itself. The other end's own code goes before
/// the appliance's.
fn answer(why: &str) -> Reply {
    let Some((code, rest)) = why.split_once("('").and_then(|(_, rest)| rest.split_once('\'')) else {
        return reply(why);
    };
    let inner = rest.split_once("['").and_then(|(_, text)| reply(text).enhanced_status_code);
    let enhanced_status_code = inner.or_else(|| reply(why).enhanced_status_code);
    Reply { reply_code: code.parse().ok(), enhanced_status_code, text: why.to_owned() }
}

/// The id that the other end gave in its answer.
fn next(said: &str) -> Option<Identifier> {
    if let Some(at) = said.find(" [InternalId=") {
        return Identifier::message_id(said[..at].rsplit(' ').next()?);
    }
    if let Some(code) = mimecast_code(said) {
        return Identifier::acode(code);
    }
    // A queue id is worth nothing without its server, which the line does not name.
    None
}
