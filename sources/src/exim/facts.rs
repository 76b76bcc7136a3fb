//! From an Exim line to facts.

use evidence::{
    Action, Address, Arrival, AuthMethod, AuthResult, AuthenticatedSender, Authentication, CopyKey, Fact, Folder,
    Handover, Identifier, Identity, NextHop, Outcome, Peer, PolicyRef, Product, Quarantine, QuarantineState, Redirect,
    Release, ReleaseStep, Reply, Scope, Stored, System, Verdict, VerdictKind,
};

use super::line::{self, Fields, Line, delivered_to, peer};
use crate::lines::{Meaning, Role, Said, Seen, facts, service};
use crate::message::boundary::words;
use crate::postfix::codes::refusal;
use crate::postfix::dovecot::folder;
use crate::postfix::event::{outcome, queued_as, reply};
use crate::postfix::facts::{mimecast_code, remote};

/// What stands behind the message id.
enum Event<'t> {
    /// `<=`, also `(=` (the client was told that it is refused).
    Arrived(&'t str),
    /// `=>`, `->`, `>>`.
    Delivered(&'t str),
    /// `**`.
    Failed(&'t str),
    /// `==`.
    Deferred(&'t str),
    /// `*>`.
    Suppressed(&'t str),
    Completed,
    Other(&'t str),
}

fn event(rest: &str) -> Event<'_> {
    if rest == "Completed" || rest.starts_with("Completed ") {
        return Event::Completed;
    }
    match rest.split_once(' ') {
        Some(("<=" | "(=", text)) => Event::Arrived(text),
        Some(("=>" | "->" | ">>", text)) => Event::Delivered(text),
        Some(("**", text)) => Event::Failed(text),
        Some(("==", text)) => Event::Deferred(text),
        Some(("*>", text)) => Event::Suppressed(text),
        _ => Event::Other(rest),
    }
}

/// Adds what a line says about ids and addresses.
pub(super) fn see(line: &Line<'_>, whole: &str, seen: &mut Seen) {
    match event(line.rest) {
        Event::Arrived(text) => {
            let fields = Fields::of(text);
            seen.senders.push(Address::new(sender(&fields)));
            seen.recipients.extend(recipients(text));
            match fields.word("R").filter(|id| line::is_id(id)) {
                Some(parent) => seen.parents.push((parent.to_owned(), Role::Notice)),
                None => seen.message_ids.extend(fields.word("id").and_then(bare)),
            }
        }
        Event::Delivered(text) | Event::Failed(text) | Event::Deferred(text) => {
            let fields = Fields::of(text);
            let (to, original) = delivered_to(fields.head.trim_end_matches(':'));
            seen.recipients.extend([Some(to), original].into_iter().flatten().map(Address::new));
            let here = fields.get("H").and_then(peer).is_some_and(|peer| peer.is_loopback());
            let next = fields.get("C").filter(|_| here).and_then(next_word).filter(|id| line::is_id(id));
            seen.links.extend(next.map(|id| (id.to_owned(), Role::Own)));
        }
        Event::Other(text) => {
            if let Some(refused) = Refused::of(text) {
                seen.senders.extend(refused.from.map(Address::new));
                seen.recipients.extend(refused.to.map(Address::new));
            }
            let head = Head::of(whole);
            seen.message_ids.extend(head.message_id.and_then(bare));
            seen.recipients.extend(head.to.into_iter().map(Address::new));
        }
        Event::Suppressed(_) | Event::Completed => {}
    }
}

fn bare(said: &str) -> Option<String> {
    Identifier::message_id(said).map(|id| id.text().to_owned())
}

/// Says what a line states; `whole` is the record with the header lines of the reject log.
pub(super) fn meaning<'t>(line: &Line<'t>, whole: &'t str, host: &str, role: Role) -> Meaning<'t> {
    let speaker = match host {
        "" => System::of(Product::Exim),
        host => System::at(Product::Exim, host),
    };
    let context = Context { host, own: line.id, role };
    let said = match event(line.rest) {
        Event::Arrived(text) => context.arrived(text),
        Event::Delivered(text) => context.delivered(text, line.rest),
        Event::Failed(text) => context.not_delivered(text, Outcome::Refused),
        Event::Deferred(text) => context.not_delivered(text, Outcome::Deferred),
        Event::Suppressed(text) => vec![context.note(format!("delivery was not tried: {text}"), text)],
        Event::Completed => vec![context.all(Fact::Closed, "Completed")],
        Event::Other(text) => match context.other(text, whole) {
            said if said.is_empty() => match service::of("exim", text) {
                Some(of_the_server) => vec![of_the_server],
                None => return Meaning::PassedOver(reason(text)),
            },
            said => said,
        },
    };
    facts(speaker, said)
}

/// Why a line without a message id is left out.
fn reason(text: &str) -> &'static str {
    let piece = text.strip_prefix('[').and_then(|rest| rest.split([']', ' ']).next()).unwrap_or("");
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if piece.split_once(['/', '\\']).is_some_and(|(at, of)| is_number(at) && is_number(of)) {
        return "rest of a line that syslog split";
    }
    if text.contains("authenticator failed") {
        return "sign-in at the mail server";
    }
    let session = ["SMTP ", "TLS ", "no ", "unexpected disconnection", "refused connection", "lost connection"];
    match session.iter().any(|word| text.starts_with(word)) || text.starts_with("H=") {
        true => "session line",
        false => "service message",
    }
}

struct Context<'a, 't> {
    host: &'a str,
    own: Option<&'t str>,
    role: Role,
}

impl<'t> Context<'_, 't> {
    fn id(&self, id: &str) -> Identifier {
        Identifier::QueueId { host: self.host.to_owned(), id: id.to_owned() }
    }

    fn ids(&self) -> Vec<Identifier> {
        self.own.iter().map(|id| self.id(id)).collect()
    }

    fn all(&self, fact: Fact, word: &'t str) -> Said<'t> {
        self.of(Vec::new(), fact, word)
    }

    fn of(&self, to: Vec<Address>, fact: Fact, word: &'t str) -> Said<'t> {
        Said { about: CopyKey { ids: self.ids(), envelope_recipients: to }, fact, word }
    }

    /// A line without a fact of its own; an answer to one recipient is about that one.
    fn note(&self, said: String, word: &'t str) -> Said<'t> {
        let to = said.split_once("after RCPT TO:<").and_then(|(_, rest)| Some(rest.split_once('>')?.0));
        let to = to.map(Address::new).into_iter().collect();
        self.of(to, Fact::Note { said }, word)
    }

    fn arrived(&self, text: &'t str) -> Vec<Said<'t>> {
        let fields = Fields::of(text);
        let from = sender(&fields);
        let parent = fields.word("R").filter(|id| line::is_id(id));
        let notice = parent.map(|parent| Said {
            about: CopyKey { ids: vec![self.id(parent)], envelope_recipients: Vec::new() },
            fact: Fact::NoticeSent { notice: self.own.map(|id| self.id(id)) },
            word: parent,
        });
        if self.role == Role::Notice {
            return notice.into_iter().chain([self.note("a notice is in the queue".to_owned(), from)]).collect();
        }
        let to = recipients(text);
        let mut ids = self.ids();
        ids.extend(fields.word("id").and_then(Identifier::message_id));
        let about = CopyKey { ids, envelope_recipients: to };
        let identity = Identity {
            envelope_sender: Some(Address::new(from)),
            subject: fields.get("T").map(|subject| words(&unescaped(subject))),
            size_bytes: fields.word("S").and_then(|size| size.parse().ok()),
            authenticated_sender: fields.word("A").map(|who| match who.split_once(':') {
                Some((_, user)) => AuthenticatedSender::User(user.to_owned()),
                None => AuthenticatedSender::NotNamed,
            }),
            ..Identity::default()
        };
        let by = [fields.word("P").map(str::to_owned), fields.word("A").map(|who| format!("signed in as {who}"))];
        let connector: Vec<String> = by.into_iter().flatten().collect();
        let arrival = Arrival {
            client: fields.get("H").and_then(peer),
            outcome: Outcome::Accepted,
            reply: None,
            connector: (!connector.is_empty()).then(|| connector.join(", ")),
            earlier: None,
            scope: Scope::Enforced,
        };
        let mut said = vec![
            Said { about: about.clone(), fact: Fact::Identity(identity), word: from },
            Said { about: about.clone(), fact: Fact::Arrival(arrival), word: from },
        ];
        if let Some(domain) = fields.get("DKIM") {
            let fact = authentication(AuthMethod::Dkim, AuthResult::Pass, Some(domain), None, domain);
            said.push(Said { about, fact, word: domain });
        }
        said.extend(notice);
        said
    }

    fn delivered(&self, text: &'t str, line: &'t str) -> Vec<Said<'t>> {
        let fields = Fields::of(text);
        let (to, original) = delivered_to(fields.head);
        if is_thrown_away(to, text) {
            let about = original.map(Address::new).into_iter().collect();
            return vec![self.of(about, Fact::Discarded { said: text.to_owned() }, text)];
        }
        let (about, mut said) = self.recipient(to, original);
        let client = fields.get("H").and_then(peer);
        let answer = fields.get("C").map(|said| reply(&unescaped(said)));
        let next_hop = next_hop(to, client.as_ref(), fields.word("T"));
        let handover = Handover {
            next: fields.get("C").and_then(|said| self.next(said, client.as_ref())),
            spoken_by_next_hop: answer.is_some(),
            to: client,
            next_hop,
            outcome: Outcome::Accepted,
            reply: answer,
            attempt: None,
            connector: connector(&fields),
            tls: fields.get("X").map(str::to_owned),
        };
        let word = &line[..2];
        said.push(self.of(about.clone(), Fact::Handover(handover), word));
        if next_hop == NextHop::MailboxStore {
            let chosen_by = fields.word("R").filter(|router| router.contains("filter") || router.contains("forward"));
            let stored = Stored { folder: folder_of(to), chosen_by: chosen_by.map(str::to_owned) };
            said.push(self.of(about, Fact::Stored(stored), word));
        }
        said
    }

    /// The recipient that a delivery line is about, and the rewriting that it shows.
    fn recipient(&self, to: &'t str, original: Option<&'t str>) -> (Vec<Address>, Vec<Said<'t>>) {
        let Some(original) = original else { return (vec![Address::new(to)], Vec::new()) };
        let first = Address::new(original);
        let last = Address::new(to);
        if !to.contains('@') || to.starts_with(['/', '|']) || first == last {
            return (vec![first], Vec::new());
        }
        let redirect = Fact::Redirect(Redirect::Resolved { to: Some(last.clone()) });
        (vec![last], vec![self.of(vec![first], redirect, original)])
    }

    fn not_delivered(&self, text: &'t str, outcome_said: Outcome) -> Vec<Said<'t>> {
        let (head, why) = fault(text);
        let fields = Fields::of(head);
        let named = fields.head.split(" routing defer").next().unwrap_or(fields.head);
        let named = named.split(" defer (").next().unwrap_or(named);
        let (to, original) = delivered_to(named.trim_end_matches(':'));
        let (about, mut said) = self.recipient(to, original);
        let client = fields.get("H").and_then(peer);
        let (answer, spoken) = answer(why);
        let handover = Handover {
            next_hop: match client {
                Some(_) => next_hop(to, client.as_ref(), fields.word("T")),
                None => NextHop::NotSaid,
            },
            to: client,
            outcome: outcome_said,
            reply: Some(answer),
            spoken_by_next_hop: spoken,
            next: None,
            attempt: None,
            connector: connector(&fields),
            tls: fields.get("X").map(str::to_owned),
        };
        said.push(self.of(about.clone(), Fact::Handover(handover), why));
        if outcome_said == Outcome::Refused
            && (why.contains("retry timeout exceeded") || why.contains("failing for a long time"))
        {
            said.push(self.of(about, Fact::Expired, why));
        }
        said
    }

    /// The id that the other end gave.
    fn next(&self, said: &str, peer: Option<&Peer>) -> Option<Identifier> {
        if let Some(at) = said.find(" [InternalId=") {
            return Identifier::message_id(said[..at].rsplit(' ').next()?);
        }
        if let Some(code) = mimecast_code(said) {
            return Identifier::acode(code);
        }
        let id = next_word(said)?;
        match peer {
            Some(peer) if !peer.is_loopback() => Some(remote(peer, id)),
            _ => Some(self.id(id)),
        }
    }

    fn other(&self, text: &'t str, whole: &'t str) -> Vec<Said<'t>> {
        if let Some(refused) = Refused::of(text) {
            return self.refused(&refused, whole);
        }
        if let Some(signature) = text.strip_prefix("DKIM: ") {
            return dkim(signature).into_iter().map(|fact| self.all(fact, signature)).collect();
        }
        if let Some(results) = text.strip_prefix("DMARC results: ") {
            return dmarc(results).into_iter().map(|fact| self.all(fact, results)).collect();
        }
        if let Some(scanned) = text.strip_prefix("SA: Action: ") {
            return self.scanned(scanned);
        }
        if self.own.is_none() {
            return Vec::new();
        }
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("unfrozen") || lower.starts_with("message thawed") {
            let release = Release {
                step: ReleaseStep::Released,
                by: text.split_once(" by ").map(|(_, who)| who.to_owned()),
                for_recipients: Vec::new(),
                next: None,
                said: text.to_owned(),
            };
            return vec![self.all(Fact::Release(release), text)];
        }
        // A notice that could not be delivered is frozen too: nobody holds the message back then.
        if lower.starts_with("frozen by ") {
            let verdict = Verdict {
                kind: VerdictKind::Unknown,
                action: Action::Quarantined,
                said: text.to_owned(),
                policy: None,
                scope: Scope::Enforced,
            };
            let quarantine = Quarantine {
                state: QuarantineState::Held,
                store: "Exim queue (frozen)".to_owned(),
                policy: None,
                id: None,
                until: None,
                said: text.to_owned(),
            };
            return vec![self.all(Fact::Verdict(verdict), text), self.all(Fact::Quarantine(quarantine), text)];
        }
        if lower.starts_with("removed by ") {
            return vec![self.all(Fact::Discarded { said: text.to_owned() }, text), self.all(Fact::Closed, text)];
        }
        vec![self.note(text.to_owned(), text)]
    }

    fn refused(&self, refused: &Refused<'t>, whole: &'t str) -> Vec<Said<'t>> {
        let head = Head::of(whole);
        let mut ids = self.ids();
        ids.extend(head.message_id.and_then(Identifier::message_id));
        let to: Vec<Address> = refused.to.into_iter().chain(head.to).map(Address::new).collect();
        let about = CopyKey { ids, envelope_recipients: to };
        let said = |fact| Said { about: about.clone(), fact, word: refused.why };
        let from = refused.from.map(Address::new);
        let mut all = Vec::new();
        if from.is_some() || head.subject.is_some() {
            all.push(said(Fact::Identity(Identity {
                envelope_sender: from,
                header_from: head.from.map(Address::new),
                subject: head.subject.map(words),
                ..Identity::default()
            })));
        }
        let answer = Reply { text: refused.why.to_owned(), ..reply(refused.why) };
        let kind = refusal(refused.why);
        let policy =
            refused.acl.map(|acl| PolicyRef { kind: Some("ACL".to_owned()), name: Some(acl.to_owned()), id: None });
        let verdict = |kind, action| {
            Fact::Verdict(Verdict {
                kind,
                action,
                said: refused.why.to_owned(),
                policy: policy.clone(),
                scope: Scope::Enforced,
            })
        };
        if refused.is_discarded {
            all.push(said(verdict(kind.unwrap_or(VerdictKind::Unknown), Action::Discarded)));
            all.push(said(Fact::Discarded { said: refused.why.to_owned() }));
            return all;
        }
        let arrival = Arrival {
            client: refused.client.clone(),
            outcome: if refused.is_temporary { Outcome::Deferred } else { Outcome::Refused },
            reply: Some(answer),
            connector: None,
            earlier: None,
            scope: Scope::Enforced,
        };
        all.push(said(Fact::Arrival(arrival)));
        let action = if refused.is_temporary { Action::Deferred } else { Action::Rejected };
        // Content was looked at after DATA; a refusal of a recipient needs no filter.
        let by_filter = refused.is_of_content && !refused.is_temporary;
        if let Some(kind) = kind.or(by_filter.then_some(VerdictKind::Unknown)) {
            all.push(said(verdict(kind, action)));
        }
        all
    }

    /// `silently tossed message: score=31.0 required=5.0 ... From <a> (host=name [ip]) for b`, the line of SA-Exim.
    fn scanned(&self, text: &'t str) -> Vec<Said<'t>> {
        let (kind, action) = match text {
            _ if text.starts_with("silently tossed") => (VerdictKind::Spam, Action::Discarded),
            _ if text.starts_with("permanently rejected") => (VerdictKind::Spam, Action::Rejected),
            _ if text.starts_with("temporarily rejected") => (VerdictKind::Spam, Action::Deferred),
            _ if text.starts_with("flagged as Spam") => (VerdictKind::Spam, Action::Tagged),
            _ if text.contains("isn't spam") => (VerdictKind::Clean, Action::None),
            _ => (VerdictKind::Unknown, Action::NotSaid),
        };
        let end = text.find(" (").unwrap_or(text.len());
        let message_id = text.split_once("Message-Id: ").and_then(|(_, rest)| rest.split([')', ' ']).next());
        let from = text.split_once("). From <").and_then(|(_, rest)| rest.split('>').next());
        let to = text.rsplit_once(") for ").map(|(_, to)| to.split([',', ' ']).filter(|to| to.contains('@')));
        let mut ids = self.ids();
        ids.extend(message_id.and_then(Identifier::message_id));
        let about = CopyKey { ids, envelope_recipients: to.into_iter().flatten().map(Address::new).collect() };
        let said = |fact| Said { about: about.clone(), fact, word: &text[..end] };
        let identity = from.map(|from| Identity { envelope_sender: Some(Address::new(from)), ..Identity::default() });
        let verdict = Verdict {
            kind,
            action: action.clone(),
            said: text[..end].to_owned(),
            policy: None,
            scope: Scope::Enforced,
        };
        let mut all: Vec<Said<'t>> = identity.into_iter().map(|identity| said(Fact::Identity(identity))).collect();
        all.push(said(Fact::Verdict(verdict)));
        if action == Action::Discarded {
            all.push(said(Fact::Discarded { said: text[..end].to_owned() }));
        }
        all
    }
}

/// `<= sender H=...`: the sender as written.
fn sender<'t>(fields: &Fields<'t>) -> &'t str {
    fields.head.split(' ').next().unwrap_or("<>")
}

/// The addresses after `for` (`log_selector = +received_recipients`).
fn recipients(text: &str) -> Vec<Address> {
    // A subject in quotes may hold the word.
    let tail = text.rfind('"').map_or(text, |at| &text[at..]);
    let list = tail.rfind(" for ").map_or("", |at| &tail[at + 5..]);
    list.split(' ').filter(|word| !word.is_empty() && !word.contains('=')).map(Address::new).collect()
}

/// Whether a delivery line says that the copy was thrown away.
fn is_thrown_away(to: &str, text: &str) -> bool {
    to == ":blackhole:" || text.starts_with("blackhole (") || text.starts_with("discarded ") || to == "/dev/null"
}

fn next_hop(to: &str, peer: Option<&Peer>, transport: Option<&str>) -> NextHop {
    let transport = transport.unwrap_or("");
    match peer {
        _ if transport.contains("lmtp") => NextHop::MailboxStore,
        Some(peer) if peer.is_loopback() => NextHop::ContentFilter,
        Some(_) => NextHop::MailServer,
        None if to.starts_with('|') || transport.contains("pipe") => NextHop::Program,
        None => NextHop::MailboxStore,
    }
}

/// The folder that a filter or forward file names by its path: a folder of a Maildir begins with a dot, another file is a
/// folder of its own. `None` for the place where the system keeps inboxes, and for a user's name.
fn folder_of(to: &str) -> Option<Folder> {
    let path = to.strip_prefix('/')?.trim_end_matches('/');
    let (parents, last) = path.rsplit_once('/')?;
    let is_inbox = ["var/mail", "var/spool/mail"].contains(&parents)
        || ["maildir", "mbox"].contains(&last.to_lowercase().as_str());
    (!is_inbox).then(|| folder(last.trim_start_matches('.'))).filter(|folder| *folder != Folder::Inbox)
}

/// Router and transport.
fn connector(fields: &Fields<'_>) -> Option<String> {
    let parts = [fields.word("R").map(|r| format!("R={r}")), fields.word("T").map(|t| format!("T={t}"))];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| part.trim_end_matches(':').to_owned()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Splits a failure into the part with the keys, and the reason.
fn fault(text: &str) -> (&str, &str) {
    match text.find(": ") {
        Some(at) => (&text[..at], text[at + 2..].trim()),
        None => (text, ""),
    }
}

/// The other end's answer in a reason, and whether it gave one: `SMTP error from remote mail server after RCPT TO:<a>:
/// 550 5.1.1 text`.
fn answer(why: &str) -> (Reply, bool) {
    let said = ["SMTP error from remote mail server after ", "LMTP error after "]
        .iter()
        .find_map(|words| why.find(words).map(|at| &why[at + words.len()..]));
    let after = said.and_then(|said| {
        said.match_indices(": ").map(|(at, _)| &said[at + 2..]).find(|text| {
            let reply = reply(text);
            reply.reply_code.is_some() && outcome(&reply) != Outcome::Accepted
        })
    });
    match after {
        Some(after) => (reply(&unescaped(after)), true),
        None => (Reply { text: why.to_owned(), ..Reply::default() }, false),
    }
}

/// The id in `OK id=1AbCdE-0001Xy-5Z` or `queued as 4C0FFEE`.
fn next_word(said: &str) -> Option<&str> {
    if let Some(at) = said.rfind(" id=") {
        return said[at + 4..].split([' ', ')', '"']).next().filter(|id| !id.is_empty());
    }
    queued_as(said)
}

/// A quoted value with its escapes undone.
fn unescaped(said: &str) -> String {
    said.replace("\\\\n", " ").replace("\\n", " ").replace("\\\"", "\"").replace("\\\\", "\\")
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
        fault: None,
        disposition: None,
        reason: reason.map(str::to_owned),
        said: said.to_owned(),
    })
}

/// `d=client.example s=sel c=relaxed/relaxed a=rsa-sha256 b=2048 [verification failed - reason]`.
fn dkim(text: &str) -> Option<Fact> {
    let domain = text.split(' ').find_map(|word| word.strip_prefix("d="));
    domain?;
    let (result, reason) = match text.rfind('[').map(|at| text[at + 1..].trim_end_matches(']')) {
        Some("verification succeeded") => (AuthResult::Pass, None),
        Some(said) => {
            let (word, reason) = said.split_once(" - ").unwrap_or((said, ""));
            let temporary = reason.contains("currently") || reason.contains("temporar");
            let result = match word {
                "verification failed" => AuthResult::Fail,
                "invalid" if temporary => AuthResult::TempError,
                "invalid" => AuthResult::Neutral,
                other => AuthResult::Other(other.to_owned()),
            };
            (result, (!reason.is_empty()).then_some(reason))
        }
        None => return None,
    };
    Some(authentication(AuthMethod::Dkim, result, domain, reason, text))
}

/// `spf_domain=a dmarc_domain=b spf_align=yes dkim_align=no enforcement='Accept'`.
fn dmarc(text: &str) -> Option<Fact> {
    let value = |key: &str| text.split(' ').find_map(|word| word.strip_prefix(key));
    let passed = [value("spf_align="), value("dkim_align=")].contains(&Some("yes"));
    let enforcement = text.split_once("enforcement='").and_then(|(_, rest)| rest.split('\'').next());
    let result = if passed { AuthResult::Pass } else { AuthResult::Fail };
    let fact = authentication(AuthMethod::Dmarc, result, Some(value("dmarc_domain=")?), None, text);
    match fact {
        Fact::Authentication(authentication) => {
            let disposition = enforcement.map(str::to_owned);
            Some(Fact::Authentication(Authentication { disposition, ..authentication }))
        }
        other => Some(other),
    }
}

/// A refusal in the SMTP session.
struct Refused<'t> {
    client: Option<Peer>,
    from: Option<&'t str>,
    to: Option<&'t str>,
    why: &'t str,
    acl: Option<&'t str>,
    is_temporary: bool,
    is_discarded: bool,
    is_of_content: bool,
}

impl<'t> Refused<'t> {
    /// `H=name (helo) [ip] F=<a> temporarily rejected RCPT <b>: text`; `None` if the line refuses no message.
    fn of(text: &'t str) -> Option<Refused<'t>> {
        let words = [" temporarily rejected ", " rejected ", " discarded "];
        let (at, word) = words.iter().filter_map(|word| Some((text.find(word)?, *word))).min_by_key(|(at, _)| *at)?;
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let is_client = before.is_empty() || ["H=", "U=", "F=", "P="].iter().any(|key| before.starts_with(key));
        if !is_client {
            return None;
        }
        let fields = Fields::of(before);
        let (what, why) = match after.strip_prefix("by ") {
            Some(by) => ("by", by),
            None => (after.split([' ', ':']).next().unwrap_or(""), after),
        };
        if !matches!(what, "RCPT" | "MAIL" | "after" | "by" | "from" | "DATA" | "header" | "PRDR" | "VRFY" | "predata")
        {
            return None;
        }
        let acl = after.split(" ACL").next().filter(|acl| acl.len() < after.len());
        let acl = acl.and_then(|acl| acl.rsplit(' ').next()).filter(|_| what == "by" || word.contains("discarded"));
        let address = |text: &'t str| {
            let open = text.find('<')?;
            text.get(open..open + text[open..].find('>')? + 1)
        };
        let named = if matches!(what, "RCPT" | "MAIL") { address(after) } else { None };
        let from = fields.word("F").or(if what == "MAIL" { named } else { None });
        let why = match why.find(": ") {
            Some(at) => &why[at + 2..],
            None => why,
        };
        Some(Refused {
            client: fields.get("H").and_then(peer),
            from: from.or(if what == "from" { address(after) } else { None }),
            to: if what == "RCPT" { named } else { None },
            why,
            acl,
            is_temporary: word.contains("temporarily"),
            is_discarded: word.contains("discarded"),
            is_of_content: matches!(what, "after" | "by" | "DATA" | "header" | "PRDR"),
        })
    }
}

/// What the header lines of the reject log say of a refused message.
#[derive(Default)]
struct Head<'t> {
    message_id: Option<&'t str>,
    from: Option<&'t str>,
    subject: Option<&'t str>,
    to: Vec<&'t str>,
}

impl<'t> Head<'t> {
    fn of(whole: &'t str) -> Head<'t> {
        let mut head = Head::default();
        for line in whole.lines().skip(1) {
            if let Some(to) = line.strip_prefix("Envelope-to: ") {
                head.to.extend(to.split(' ').map(|to| to.trim_matches(',')).filter(|to| to.contains('@')));
                continue;
            }
            let Some((name, value)) = line.get(2..).and_then(|line| line.split_once(':')) else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "message-id" => head.message_id = Some(value),
                "from" => head.from = value.rsplit('<').next().map(|from| from.trim_end_matches('>')),
                "subject" => head.subject = Some(value),
                _ => {}
            }
        }
        head
    }
}
