//! The lines of what Postfix asks while a message comes in: OpenDKIM, OpenDMARC, policyd-spf, postgrey, milter-greylist,
//! spamd, clamav-milter.

use evidence::{
    Action, Address, Arrival, AuthMethod, AuthResult, Authentication, CopyKey, Fact, Identifier, Identity, Outcome,
    Peer, Product, Scope, System, Verdict, VerdictKind,
};

use super::codes;
use super::event;
use super::line::is_queue_id;
use crate::lines::Said;

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helper {
    OpenDkim,
    OpenDmarc,
    PolicydSpf,
    Postgrey,
    MilterGreylist,
    Spamd,
    ClamavMilter,
}

/// The program tags by which they log.
const TAGS: &[(&str, Helper)] = &[
    ("opendkim", Helper::OpenDkim),
    ("opendmarc", Helper::OpenDmarc),
    ("policyd-spf", Helper::PolicydSpf),
    ("postfix/policy-spf", Helper::PolicydSpf),
    ("postgrey", Helper::Postgrey),
    ("milter-greylist", Helper::MilterGreylist),
    ("spamd", Helper::Spamd),
    ("clamav-milter", Helper::ClamavMilter),
];

/// Words by which the lines that name no queue id are found.
pub(super) const UNNAMED: &[&str] = &["clamav-milter", "postgrey", "policyd-spf", "policy-spf", "milter-greylist"];

impl Helper {
    /// The helper behind a tag.
    pub(super) fn of(tag: &str) -> Option<Helper> {
        TAGS.iter().find(|(known, _)| *known == tag).map(|(_, helper)| *helper)
    }

    /// The helper on a host.
    pub(super) fn system(self, label: &str) -> System {
        let name = match self {
            Helper::OpenDkim => "OpenDKIM",
            Helper::OpenDmarc => "OpenDMARC",
            Helper::PolicydSpf => "policyd-spf",
            Helper::Postgrey => "postgrey",
            Helper::MilterGreylist => "milter-greylist",
            Helper::Spamd => "SpamAssassin",
            Helper::ClamavMilter => "clamav-milter",
        };
        System::at(Product::Other(name.to_owned()), label)
    }
}

/// What a line is about, and what it states.
#[derive(Debug, Default)]
pub(super) struct Line<'t> {
    /// Postfix's queue id.
    pub(super) queue_id: Option<&'t str>,
    /// The Message-ID, as written.
    pub(super) message_id: Option<&'t str>,
    /// The envelope sender.
    pub(super) from: Option<&'t str>,
    /// The envelope recipient.
    pub(super) to: Option<&'t str>,
    facts: Vec<(Fact, &'t str)>,
}

/// Reads the text of a line; `None` if it is not about a message.
pub(super) fn read(helper: Helper, body: &str) -> Option<Line<'_>> {
    match helper {
        Helper::OpenDkim => opendkim(body),
        Helper::OpenDmarc => opendmarc(body),
        Helper::PolicydSpf => policyd_spf(body),
        Helper::Postgrey => postgrey(body),
        Helper::MilterGreylist => milter_greylist(body),
        Helper::Spamd => spamd(body),
        Helper::ClamavMilter => clamav_milter(body),
    }
}

impl<'t> Line<'t> {
    /// What the line states; `label` is the first part of the host's name.
    pub(super) fn said(self, label: &str) -> Vec<Said<'t>> {
        let mut ids: Vec<Identifier> = self.message_id.and_then(Identifier::message_id).into_iter().collect();
        ids.extend(self.queue_id.map(|id| Identifier::queue_id(label, None, id)));
        let about = CopyKey { ids, envelope_recipients: self.to.into_iter().map(Address::new).collect() };
        let identity = self.from.map(|from| {
            let identity = Identity { envelope_sender: Some(Address::new(from)), ..Identity::default() };
            (Fact::Identity(identity), from)
        });
        let all = identity.into_iter().chain(self.facts);
        all.map(|(fact, word)| Said { about: about.clone(), fact, word }).collect()
    }
}

/// The queue id at the head, followed by a colon or a blank, and the text after it.
fn head(body: &str) -> (Option<&str>, &str) {
    match body.split_once(' ') {
        Some((word, rest)) if is_queue_id(word.trim_end_matches(':')) => (Some(word.trim_end_matches(':')), rest),
        _ => (None, body),
    }
}

/// The value of `key=value`, up to a blank, comma, semicolon or bracket.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let at = text.match_indices(key).map(|(at, _)| at).find(|at| {
        let before = text[..*at].bytes().next_back();
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'-' && byte != b'_')
    })?;
    let rest = &text[at + key.len()..];
    Some(&rest[..rest.find([',', ' ', ';', ')']).unwrap_or(rest.len())])
}

fn authentication(
    method: AuthMethod,
    result: AuthResult,
    domain: Option<&str>,
    reason: Option<&str>,
    said: &str,
) -> Fact {
    Fact::Authentication(Authentication {
        method,
        result,
        domain: domain.map(str::to_owned),
        authserv_id: None,
        arc_instance: None,
        client: None,
        disposition: None,
        reason: reason.map(str::to_owned),
        said: said.to_owned(),
    })
}

fn verdict(kind: VerdictKind, action: Action, said: &str) -> Fact {
    Fact::Verdict(Verdict { kind, action, said: said.to_owned(), policy: None, scope: Scope::Enforced })
}

fn note(said: &str) -> Fact {
    Fact::Note { said: said.to_owned() }
}

/// The result that a word stands for (RFC 8601, 2.7).
fn result(word: &str) -> AuthResult {
    match word.to_ascii_lowercase().as_str() {
        "pass" => AuthResult::Pass,
        "fail" => AuthResult::Fail,
        "softfail" => AuthResult::SoftFail,
        "neutral" => AuthResult::Neutral,
        "none" => AuthResult::None,
        "policy" => AuthResult::Policy,
        "temperror" => AuthResult::TempError,
        "permerror" => AuthResult::PermError,
        _ => AuthResult::Other(word.to_owned()),
    }
}

/// `4C0FFEE: DKIM verification successful`, `4C0FFEE: s=sel d=client.example a=rsa-sha256 SSL error:...`.
fn opendkim(body: &str) -> Option<Line<'_>> {
    let (queue_id, text) = head(body);
    queue_id?;
    let domain = value(text, "d=");
    let fact = match codes::opendkim(text) {
        Some(said) => authentication(AuthMethod::Dkim, result(said), domain, Some(text), text),
        None => note(text),
    };
    Some(Line { queue_id, facts: vec![(fact, text)], ..Line::default() })
}

/// `4C0FFEE: client.example fail`, `4C0FFEE: SPF(mailfrom): client.example pass`, `rejected by DMARC policy for`.
fn opendmarc(body: &str) -> Option<Line<'_>> {
    let (queue_id, text) = head(body);
    queue_id?;
    let line = |fact| Some(Line { queue_id, facts: vec![(fact, text)], ..Line::default() });
    let policy = VerdictKind::Authentication(AuthMethod::Dmarc);
    if text.starts_with("rejected by DMARC policy") {
        return line(verdict(policy, Action::Rejected, text));
    }
    if text.starts_with("quarantined by DMARC policy") {
        return line(verdict(policy, Action::Quarantined, text));
    }
    if let Some((_, spf)) = text.strip_prefix("SPF(").and_then(|rest| rest.split_once("): ")) {
        let (domain, word) = spf.split_once(' ').unwrap_or(("", spf));
        let domain = Some(domain).filter(|domain| !domain.is_empty());
        return line(authentication(AuthMethod::Spf, result(word), domain, None, text));
    }
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        [domain, word] if !matches!(result(word), AuthResult::Other(_)) => {
            line(authentication(AuthMethod::Dmarc, result(word), Some(domain), None, text))
        }
        _ => line(note(text)),
    }
}

/// `prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.7; helo=a; envelope-from=b; receiver=c`,
/// also without the field's name, or `550 5.7.23 Message rejected due to: SPF fail ...; identity=...`.
fn policyd_spf(body: &str) -> Option<Line<'_>> {
    let ip = value(body, "client-ip=").or_else(|| value(body, "ip="));
    let helo = value(body, "helo=");
    let from = value(body, "envelope-from=").or_else(|| value(body, "mailfrom=")).or_else(|| value(body, "id="));
    if ip.is_none() && from.is_none() {
        return None;
    }
    let text = body.find("Received-SPF: ").map_or(body, |at| &body[at + "Received-SPF: ".len()..]);
    let refused =
        body.find("Message rejected due to: SPF ").map(|at| &body[at + "Message rejected due to: SPF ".len()..]);
    let word = refused.unwrap_or(text).split([' ', ';', ':', '.']).next()?;
    let of_helo = value(body, "identity=") == Some("helo");
    let domain = match from.filter(|_| !of_helo).and_then(|from| from.rsplit_once('@')) {
        Some((_, domain)) => Some(domain.trim_end_matches('>')),
        None => helo,
    };
    let known = result(word);
    if matches!(known, AuthResult::Other(_)) {
        return None;
    }
    let identity = value(body, "identity=").map(|identity| format!("identity={identity}"));
    let mut facts = vec![(authentication(AuthMethod::Spf, known, domain, identity.as_deref(), text), word)];
    if refused.is_some() {
        let action = if body.contains("550 ") || body.contains("554 ") { Action::Rejected } else { Action::Deferred };
        facts.push((verdict(VerdictKind::Authentication(AuthMethod::Spf), action, body), word));
    }
    Some(Line { from, facts, ..Line::default() })
}

/// `4C0FFEE: action=greylist, reason=new, client_name=a, client_address=192.0.2.7/32, sender=b, recipient=c`.
fn postgrey(body: &str) -> Option<Line<'_>> {
    let (queue_id, text) = head(body);
    let action = value(text, "action=")?;
    let to = value(text, "recipient=")?;
    let name = value(text, "client_name=").filter(|name| *name != "unknown");
    let ip = value(text, "client_address=").map(|ip| ip.split('/').next().unwrap_or(ip));
    let client = Peer { name: name.map(str::to_ascii_lowercase), ip: ip.map(str::to_owned), port: None };
    let end = text.find(", client_name=").unwrap_or(text.len());
    let fact = match action {
        "greylist" => put_off(&client, &text[..end]),
        _ => note(&text[..end]),
    };
    // A message from the null sender is logged with an empty value.
    let from = value(text, "sender=");
    Some(Line { queue_id, from, to: Some(to), facts: vec![(fact, &text[..end])], ..Line::default() })
}

/// A door that says: not now.
fn put_off(client: &Peer, said: &str) -> Fact {
    Fact::Arrival(Arrival {
        client: Some(client.clone()),
        outcome: Outcome::Deferred,
        reply: Some(evidence::Reply { text: said.to_owned(), ..evidence::Reply::default() }),
        connector: None,
        earlier: None,
        scope: Scope::Enforced,
    })
}

/// `4C0FFEE: addr mx.example.net[192.0.2.7] from <a> to <b> delayed for 00:05:00 (ACL 45)`.
fn milter_greylist(body: &str) -> Option<Line<'_>> {
    let (queue_id, text) = head(body);
    let text = text.strip_prefix("(unknown id): ").unwrap_or(text);
    let at = text.find("addr ")?;
    let (place, rest) = text[at + 5..].split_once(" from ")?;
    let (from, rest) = rest.split_once(' ')?;
    let to = rest.split_once("to ").and_then(|(_, to)| to.split(' ').next());
    let client = event::peer(place);
    let said = rest.split_once("> ").map_or(text, |(_, said)| said);
    let fact = if text.contains(" delayed for ") { put_off(&client, said) } else { note(text) };
    Some(Line { queue_id, from: Some(from), to, facts: vec![(fact, said)], ..Line::default() })
}

/// `spamd: result: Y 12 - TEST,TEST scantime=1.2,size=999,user=u,uid=1,required_score=5.0,...,mid=<a>,autolearn=no`.
fn spamd(body: &str) -> Option<Line<'_>> {
    let text = body.strip_prefix("spamd: ").unwrap_or(body);
    if let Some(rest) = text.strip_prefix("processing message ").or_else(|| text.strip_prefix("checking message ")) {
        let message_id = rest.split(" for ").next().filter(|id| id.starts_with('<'))?;
        return Some(Line { message_id: Some(message_id), facts: vec![(note(text), text)], ..Line::default() });
    }
    let rest = text.strip_prefix("result: ")?;
    let kind = match rest.split(' ').next()? {
        "Y" => VerdictKind::Spam,
        "." => VerdictKind::Clean,
        _ => VerdictKind::Unknown,
    };
    let message_id = rest.find(",mid=").map(|at| &rest[at + 5..]).and_then(|rest| rest.split(',').next());
    let message_id = message_id.filter(|id| id.starts_with('<'));
    let end = text.find(",rhost=").or_else(|| text.find(",mid=")).unwrap_or(text.len());
    let said = &text[..end];
    let size_bytes = value(rest, "size=").and_then(|size| size.parse().ok());
    let identity = Fact::Identity(Identity { size_bytes, ..Identity::default() });
    // What was done with the message is up to whoever asked.
    let facts = vec![(identity, ""), (verdict(kind, Action::NotSaid, said), said)];
    Some(Line { message_id, facts, ..Line::default() })
}

/// `Message 4C0FFEE from <a> to <b> with subject 'x' message-id '<c>' date 'd' infected by E`, `Clean message from <a> to <b>`.
fn clamav_milter(body: &str) -> Option<Line<'_>> {
    let (queue_id, text) = head(body);
    let queue_id = queue_id.or_else(|| text.split(' ').find(|word| is_queue_id(word)));
    let between = |open: &str| {
        let rest = &text[text.find(open)? + open.len()..];
        rest.split('>').next()
    };
    let from = between(" from <");
    let to = between(" to <");
    let message_id = text.split_once("message-id '").and_then(|(_, rest)| rest.split('\'').next());
    let (kind, said) = match text.find("infected by ") {
        Some(at) => (VerdictKind::Malware, &text[at..]),
        None if text.to_ascii_lowercase().starts_with("clean message") => (VerdictKind::Clean, &text[..13]),
        None => return None,
    };
    let fact = verdict(kind, Action::NotSaid, said);
    Some(Line { queue_id, message_id, from, to, facts: vec![(fact, said)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_lines() {
        for (name, helper, body, ids, expected) in [
            ("signature", Helper::OpenDkim, "4C0FFEE: DKIM verification successful", "4C0FFEE", "Dkim, result: Pass"),
            ("no signature", Helper::OpenDkim, "4C0FFEE: no signature data", "4C0FFEE", "Dkim, result: None"),
            ("broken", Helper::OpenDkim, "4C0FFEE: bad signature data", "4C0FFEE", "Dkim, result: Fail"),
            (
                "domain",
                Helper::OpenDkim,
                "4C0FFEE: key retrieval failed (s=sel, d=client.example): not found",
                "4C0FFEE",
                "Some(\"client.example\")",
            ),
            (
                "signed",
                Helper::OpenDkim,
                "4C0FFEE: DKIM-Signature field added (s=sel, d=client.example)",
                "4C0FFEE",
                "Note",
            ),
            (
                "DMARC",
                Helper::OpenDmarc,
                "4C0FFEE: client.example fail",
                "4C0FFEE",
                "Dmarc, result: Fail, domain: Some(\"client.example\")",
            ),
            ("DMARC none", Helper::OpenDmarc, "4C0FFEE: client.example none", "4C0FFEE", "Dmarc, result: None"),
            (
                "SPF",
                Helper::OpenDmarc,
                "4C0FFEE: SPF(mailfrom): client.example softfail",
                "4C0FFEE",
                "Spf, result: SoftFail",
            ),
            (
                "refused",
                Helper::OpenDmarc,
                "4C0FFEE: rejected by DMARC policy for client.example",
                "4C0FFEE",
                "Authentication(Dmarc), action: Rejected",
            ),
            (
                "ignored",
                Helper::OpenDmarc,
                "4C0FFEE ignoring Authentication-Results at 1 from mx.example",
                "4C0FFEE",
                "Note",
            ),
            (
                "policy server",
                Helper::PolicydSpf,
                "prepend Received-SPF: Softfail (mailfrom) identity=mailfrom; client-ip=192.0.2.7; helo=h.example; envelope-from=a@client.example; receiver=<UNKNOWN>",
                "",
                "Spf, result: SoftFail, domain: Some(\"client.example\")",
            ),
            (
                "refusal",
                Helper::PolicydSpf,
                "550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see http://spf.example/why?s=mfrom;id=a@client.example;ip=192.0.2.7;r=mx",
                "",
                "Authentication(Spf), action: Rejected",
            ),
            (
                "greylisted",
                Helper::Postgrey,
                "action=greylist, reason=new, client_name=unknown, client_address=192.0.2.7/32, sender=a@x.example, recipient=b@y.example",
                "",
                "outcome: Deferred",
            ),
            (
                "let in",
                Helper::Postgrey,
                "4C0FFEE: action=pass, reason=triplet found, delay=301, client_name=m, client_address=192.0.2.7, sender=, recipient=b@y.example",
                "4C0FFEE",
                "action=pass, reason=triplet found, delay=301",
            ),
            (
                "milter",
                Helper::MilterGreylist,
                "(unknown id): addr mx.example.net[192.0.2.7] from <a@x.example> to <b@y.example> delayed for 00:05:00 (ACL 45)",
                "",
                "delayed for 00:05:00",
            ),
            (
                "spam",
                Helper::Spamd,
                "spamd: result: Y 12 - BAYES_99,HTML_MESSAGE scantime=1.2,size=999,user=u,uid=1,required_score=5.0,rhost=::1,raddr=::1,rport=4,mid=<x@y.example>,autolearn=no",
                "x@y.example",
                "kind: Spam, action: NotSaid, said: \"result: Y 12 - BAYES_99,HTML_MESSAGE",
            ),
            (
                "virus",
                Helper::ClamavMilter,
                "Message 4C0FFEE from <a@x.example> to <b@y.example> with subject 'x' message-id '<x@y.example>' date 'y' infected by Eicar",
                "x@y.example 4C0FFEE",
                "kind: Malware",
            ),
        ] {
            let line = read(helper, body).unwrap_or_else(|| panic!("{name}: nothing"));
            let said = line.said("mx1");
            let found: Vec<&str> = said[0].about.ids.iter().map(Identifier::text).collect();
            assert_eq!(found.join(" "), ids, "{name}");
            let facts: Vec<String> = said.iter().map(|said| format!("{:?}", said.fact)).collect();
            assert!(facts.iter().any(|fact| fact.contains(expected)), "{name}: {facts:?}");
        }
        for (helper, body) in [
            (Helper::OpenDmarc, "ignoring connection from localhost"),
            (Helper::PolicydSpf, "Starting"),
            (Helper::Postgrey, "whitelisted: unknown[192.0.2.7/32]"),
            (Helper::Spamd, "spamd: identified spam (12.0/5.0) for u:1 in 1.2 seconds, 999 bytes."),
            (Helper::ClamavMilter, "Probe for slot 1 returned: success"),
        ] {
            assert!(read(helper, body).is_none(), "{body}");
        }
    }
}
