//! From the words of a line to facts.

use evidence::{
    Action, Address, Arrival, AuthenticatedSender, CopyKey, Fact, Handover, Identifier, Identity, NextHop, Outcome,
    Peer, PolicyRef, Product, Quarantine, QuarantineState, Redirect, Release, ReleaseStep, Reply, Scope, Stored,
    System, Verdict, VerdictKind,
};

pub(super) use crate::lines::{Meaning, Role, Said};
use crate::lines::{facts, service};

use crate::proxmox::filter;
use crate::rspamd::{self, task};

use super::event::{self, Access, Delivery, Event};
use super::line::{Line, Program};
use super::{amavis, codes, dovecot, helpers};

const QUEUE: &str = "Postfix hold queue";

/// Says what a line states: about a message, else about the server itself.
pub(super) fn meaning<'t>(line: &Line<'t>, role: Role) -> Meaning<'t> {
    match of_a_message(line, role) {
        Meaning::PassedOver(reason) => of_the_server(line).unwrap_or(Meaning::PassedOver(reason)),
        facts => facts,
    }
}

/// That the server was started, or read its configuration anew.
fn of_the_server<'t>(line: &Line<'t>) -> Option<Meaning<'t>> {
    let (system, program) = match line.program {
        Program::Postfix { .. } => (System::at(Product::Postfix, place(line)), "postfix"),
        Program::Amavis => (System::at(Product::Amavis, line.host_label()), "amavis"),
        Program::Dovecot => (System::at(Product::Dovecot, line.host_label()), "dovecot"),
        Program::Rspamd => (rspamd::log::speaker(&line.host_label()), "rspamd"),
        Program::Proxmox | Program::Helper(_) | Program::Other(_) => return None,
    };
    Some(facts(system, vec![service::of(program, line.body)?]))
}

fn of_a_message<'t>(line: &Line<'t>, role: Role) -> Meaning<'t> {
    let label = line.host_label();
    match line.program {
        Program::Postfix { daemon, service, .. } => postfix(line, daemon, service, role),
        Program::Amavis => match amavis::read(line.body) {
            amavis::Event::Judged(judged) => {
                facts(System::at(Product::Amavis, label.clone()), amavis_judged(&judged, &label))
            }
            amavis::Event::Released { mail_id, sender, recipients, said } => {
                facts(System::at(Product::Amavis, label), amavis_released(mail_id, sender, &recipients, said))
            }
            amavis::Event::NotReleased { mail_id, said } => {
                facts(System::at(Product::Amavis, label), amavis_not_released(mail_id, said))
            }
            amavis::Event::Service => Meaning::PassedOver("service message"),
        },
        Program::Dovecot => match dovecot::read(line.body) {
            Some(read) => facts(System::at(Product::Dovecot, label.clone()), dovecot_facts(&read, &label)),
            None => Meaning::PassedOver("session line"),
        },
        Program::Proxmox => match filter::read(line.body) {
            Some(read) => facts(filter::Line::system(&label), read.said(&label)),
            None => Meaning::PassedOver("service message"),
        },
        Program::Helper(helper) => match helpers::read(helper, line.body) {
            Some(read) => facts(helper.system(&label), read.said(&label)),
            None => Meaning::PassedOver("service message"),
        },
        Program::Rspamd => match task::task(line.body) {
            Some(task) => facts(rspamd::log::speaker(&label), task::facts(&task, line.body, &label)),
            None => Meaning::PassedOver("service message"),
        },
        Program::Other(_) => Meaning::PassedOver("other daemon"),
    }
}

/// The label of host and instance, the same text as in a queue id.
fn place(line: &Line<'_>) -> String {
    match line.instance() {
        Some(instance) => format!("{}/{instance}", line.host_label()),
        None => line.host_label(),
    }
}

fn postfix<'t>(line: &Line<'t>, daemon: &'t str, service: Option<&'t str>, role: Role) -> Meaning<'t> {
    let text = event::read(daemon, line.body);
    let own = text.queue_id.map(|id| Identifier::queue_id(line.host, line.instance(), id));
    let context = Context { line, daemon, service, own, role };
    let said = match &text.event {
        Event::Session => return Meaning::PassedOver("session line"),
        Event::Statistics => return Meaning::PassedOver("connection statistics"),
        Event::Service => return Meaning::PassedOver("service message"),
        Event::Delivery(delivery) if delivery.status.contains("deliverable") => {
            return Meaning::PassedOver("address probe");
        }
        Event::Client { peer, sasl_username, orig_queue_id, orig_client } => {
            context.client(peer, *sasl_username, *orig_queue_id, orig_client.as_ref())
        }
        Event::Pickup { from, orig_id } => context.pickup(*from, *orig_id),
        Event::MessageId { said } | Event::ResentMessageId { said } => context.message_id(said),
        Event::Active { from, size_bytes, recipients } => context.active(from, *size_bytes, *recipients),
        Event::Expired => vec![context.all(Fact::Expired, "expired")],
        Event::Removed { why } => context.removed(*why),
        Event::Delivery(delivery) => context.delivery(delivery),
        Event::Notice { kind, notice } => context.notice(kind, notice),
        Event::Operator { said } => context.operator(said),
        Event::Access(access) => context.access(access),
        Event::Trouble { said } => {
            let note = Fact::Note { said: (*said).to_owned() };
            vec![Said { about: CopyKey::default(), fact: note, word: said }]
        }
        Event::Remark { said } => vec![context.all(Fact::Note { said: (*said).to_owned() }, said)],
    };
    facts(System::at(Product::Postfix, place(line)), said)
}

/// One Postfix line while its facts are made.
struct Context<'a, 't> {
    line: &'a Line<'t>,
    daemon: &'t str,
    service: Option<&'t str>,
    own: Option<Identifier>,
    role: Role,
}

impl<'t> Context<'_, 't> {
    fn ids(&self) -> Vec<Identifier> {
        self.own.iter().cloned().collect()
    }

    /// A fact about all copies.
    fn all(&self, fact: Fact, word: &'t str) -> Said<'t> {
        Said { about: CopyKey { ids: self.ids(), envelope_recipients: Vec::new() }, fact, word }
    }

    /// A fact about some recipients' copies.
    fn of(&self, recipients: Vec<Address>, fact: Fact, word: &'t str) -> Said<'t> {
        Said { about: CopyKey { ids: self.ids(), envelope_recipients: recipients }, fact, word }
    }

    /// An id on the same host and instance.
    fn sibling(&self, id: &str) -> Identifier {
        Identifier::queue_id(self.line.host, self.line.instance(), id)
    }

    fn note(&self, said: &str, word: &'t str) -> Said<'t> {
        self.all(Fact::Note { said: said.to_owned() }, word)
    }

    fn client(
        &self,
        peer: &Peer,
        sasl_username: Option<&str>,
        orig_queue_id: Option<&str>,
        orig_client: Option<&Peer>,
    ) -> Vec<Said<'t>> {
        if self.own.is_none() {
            // A before-queue filter is asked first; the line that follows names the id.
            return vec![self.note("handed to the before-queue filter", "client=")];
        }
        let connector = match (self.service, sasl_username) {
            (Some(service), Some(user)) => Some(format!("{service}, signed in as {user}")),
            (Some(service), None) => Some(service.to_owned()),
            (None, Some(user)) => Some(format!("signed in as {user}")),
            (None, None) => orig_client.map(|client| format!("on behalf of {client}")),
        };
        let arrival = Arrival {
            client: Some(peer.clone()),
            outcome: Outcome::Accepted,
            reply: None,
            connector,
            earlier: orig_queue_id.map(|id| self.sibling(id)),
            scope: Scope::Enforced,
        };
        let user = sasl_username.map(|user| Identity {
            authenticated_sender: Some(AuthenticatedSender::User(user.to_owned())),
            ..Identity::default()
        });
        let user = user.map(|identity| self.all(Fact::Identity(identity), "sasl_username="));
        [self.all(Fact::Arrival(arrival), "client=")].into_iter().chain(user).collect()
    }

    fn pickup(&self, from: Option<&str>, orig_id: Option<&'t str>) -> Vec<Said<'t>> {
        let arrival = Arrival {
            client: None,
            outcome: Outcome::Accepted,
            reply: None,
            connector: Some("pickup".to_owned()),
            earlier: orig_id.map(|id| self.sibling(id)),
            scope: Scope::Enforced,
        };
        let mut said = vec![self.all(Fact::Arrival(arrival), "uid=")];
        if let Some(from) = from {
            let identity = Identity { envelope_sender: Some(Address::new(from)), ..Identity::default() };
            said.push(self.all(Fact::Identity(identity), "from="));
        }
        if let Some(orig) = orig_id {
            let release = Release {
                step: ReleaseStep::Released,
                by: Some("postsuper".to_owned()),
                for_recipients: Vec::new(),
                next: self.own.clone(),
                said: format!("orig_id={orig}"),
            };
            let about = CopyKey { ids: vec![self.sibling(orig)], envelope_recipients: Vec::new() };
            said.push(Said { about, fact: Fact::Release(release), word: orig });
        }
        said
    }

    /// A notice's own Message-ID is not the followed message's: it does not stand among the ids then.
    fn message_id(&self, said: &'t str) -> Vec<Said<'t>> {
        let mut ids = self.ids();
        if self.role == Role::Notice {
            return vec![self.note("a notice was written", said)];
        }
        ids.extend(Identifier::message_id(said));
        let about = CopyKey { ids, envelope_recipients: Vec::new() };
        vec![Said { about, fact: Fact::Identity(Identity::default()), word: said }]
    }

    fn active(&self, from: &'t str, size_bytes: Option<u64>, recipients: Option<u32>) -> Vec<Said<'t>> {
        if self.role == Role::Notice {
            return vec![self.note("the notice is in the queue", from)];
        }
        let identity = Identity {
            envelope_sender: Some(Address::new(from)),
            size_bytes,
            recipients: recipients.filter(|count| *count > 1),
            ..Identity::default()
        };
        vec![self.all(Fact::Identity(identity), from)]
    }

    fn removed(&self, why: Option<&str>) -> Vec<Said<'t>> {
        let closed = self.all(Fact::Closed, "removed");
        match why {
            Some("discarded") => {
                vec![self.all(Fact::Discarded { said: "removed (discarded)".to_owned() }, "removed"), closed]
            }
            Some(why) => vec![self.note(&format!("removed ({why})"), "removed"), closed],
            None => vec![closed],
        }
    }

    fn notice(&self, kind: &'t str, notice: &'t str) -> Vec<Said<'t>> {
        match kind {
            "sender non-delivery" => {
                vec![self.all(Fact::NoticeSent { notice: Some(self.sibling(notice)) }, notice)]
            }
            _ => vec![self.note(&format!("{kind} notification sent as {notice}"), notice)],
        }
    }

    fn operator(&self, said: &'t str) -> Vec<Said<'t>> {
        match said {
            "placed on hold" => self.held(VerdictKind::Unknown, said, Vec::new(), None),
            "released from hold" | "requeued" => {
                let release = Release {
                    step: ReleaseStep::Released,
                    by: Some("postsuper".to_owned()),
                    for_recipients: Vec::new(),
                    next: None,
                    said: said.to_owned(),
                };
                vec![self.all(Fact::Release(release), said)]
            }
            _ => vec![
                self.all(Fact::Discarded { said: "removed by postsuper".to_owned() }, "removed"),
                self.all(Fact::Closed, "removed"),
            ],
        }
    }

    fn held(&self, kind: VerdictKind, said: &'t str, to: Vec<Address>, policy: Option<PolicyRef>) -> Vec<Said<'t>> {
        let verdict = verdict(kind, Action::Quarantined, said, policy.clone());
        let quarantine = Quarantine {
            state: QuarantineState::Held,
            store: QUEUE.to_owned(),
            policy,
            id: None,
            until: None,
            said: said.to_owned(),
        };
        vec![self.of(to.clone(), Fact::Verdict(verdict), said), self.of(to, Fact::Quarantine(quarantine), said)]
    }

    fn access(&self, access: &Access<'t>) -> Vec<Said<'t>> {
        let to: Vec<Address> = access.to.iter().map(|to| Address::new(to)).collect();
        let mut said = Vec::new();
        if let Some(from) = access.from {
            let identity = Identity { envelope_sender: Some(Address::new(from)), ..Identity::default() };
            said.push(self.of(to.clone(), Fact::Identity(identity), from));
        }
        let policy = policy_of(access);
        let is_content = matches!(access.stage, "header" | "body" | "content");
        // A header or body check is a rule of the organisation, unless its own words name something narrower; so is what an access
        // table, or a server asked about the policy, does instead of refusing.
        let by_rule = (matches!(access.stage, "header" | "body")
            || matches!(access.action, "hold" | "discard" | "redirect"))
        .then_some(VerdictKind::TransportRule);
        let kind = codes::refusal(access.said).or(by_rule);
        match access.action {
            "reject" | "milter-reject" | "proxy-reject" => {
                said.extend(self.refused(access, to, kind, policy, Scope::Enforced));
            }
            "reject_warning" => said.extend(self.refused(access, to, kind, policy, Scope::ReportOnly)),
            "hold" | "milter-hold" | "milter-quarantine" | "proxy-hold" => {
                said.extend(self.held(kind.unwrap_or(VerdictKind::Unknown), access.said, to, policy));
            }
            "discard" | "milter-discard" => {
                let verdict = verdict(kind.unwrap_or(VerdictKind::Unknown), Action::Discarded, access.said, policy);
                said.push(self.of(to.clone(), Fact::Verdict(verdict), access.said));
                said.push(self.of(to, Fact::Discarded { said: access.said.to_owned() }, access.said));
            }
            "redirect" => {
                // `REDIRECT user@domain` logs the bare address, or `... triggers REDIRECT user@domain`.
                let word = access.said.rsplit(' ').next().unwrap_or("");
                let target = word.contains('@').then(|| Address::new(word));
                let verdict = verdict(kind.unwrap_or(VerdictKind::Unknown), Action::Redirected, access.said, policy);
                said.push(self.of(to.clone(), Fact::Verdict(verdict), access.said));
                if let Some(target) = target {
                    let redirect = Redirect::Forwarded { to: vec![target], keeps_copy: Some(false) };
                    said.push(self.of(to, Fact::Redirect(redirect), access.said));
                }
            }
            "proxy-accept" => said.extend(self.proxied(access, to)),
            "prepend" | "replace" | "strip" if is_content => {
                let verdict = verdict(kind.unwrap_or(VerdictKind::Unknown), Action::Tagged, access.said, policy);
                said.push(self.of(to, Fact::Verdict(verdict), access.said));
            }
            other => {
                let note = format!("{other}: {}", access.said);
                said.push(self.of(to, Fact::Note { said: note }, access.said));
            }
        }
        said
    }

    fn refused(
        &self,
        access: &Access<'t>,
        to: Vec<Address>,
        kind: Option<VerdictKind>,
        policy: Option<PolicyRef>,
        scope: Scope,
    ) -> Vec<Said<'t>> {
        let reply = event::reply(access.said);
        let outcome = match event::outcome(&reply) {
            Outcome::NotSaid | Outcome::Accepted => Outcome::Refused,
            said => said,
        };
        let action = if outcome == Outcome::Deferred { Action::Deferred } else { Action::Rejected };
        let by_filter = access.action == "milter-reject" || matches!(access.stage, "header" | "body" | "content");
        // A scanner that cannot answer puts off; it found nothing.
        let found = [VerdictKind::Malware, VerdictKind::Phish, VerdictKind::Attachment];
        let kind = kind.filter(|kind| outcome != Outcome::Deferred || !found.contains(kind));
        let is_greylisting = outcome == Outcome::Deferred && kind.is_none();
        let kind = kind.or((by_filter && !is_greylisting).then_some(VerdictKind::Unknown));
        let arrival = Arrival {
            client: access.client.clone(),
            outcome,
            reply: Some(reply),
            connector: self.service.map(str::to_owned),
            earlier: None,
            scope,
        };
        let mut said = vec![self.of(to.clone(), Fact::Arrival(arrival), access.said)];
        if let Some(kind) = kind {
            let verdict = Verdict { kind, action, said: access.said.to_owned(), policy, scope };
            said.push(self.of(to, Fact::Verdict(verdict), access.said));
        }
        said
    }

    /// The answer of a before-queue filter names the id after it: the message's only id on this host.
    fn proxied(&self, access: &Access<'t>, to: Vec<Address>) -> Vec<Said<'t>> {
        let next = event::queued_as(access.said).map(|id| self.sibling(id));
        let handover = Handover {
            to: None,
            next_hop: NextHop::ContentFilter,
            outcome: Outcome::Accepted,
            reply: Some(event::reply(access.said)),
            spoken_by_next_hop: true,
            next: next.clone(),
            attempt: None,
            connector: Some("before-queue filter".to_owned()),
            tls: None,
        };
        let about = CopyKey { ids: next.into_iter().collect(), envelope_recipients: to };
        vec![Said { about, fact: Fact::Handover(handover), word: access.said }]
    }

    fn delivery(&self, delivery: &Delivery<'t>) -> Vec<Said<'t>> {
        let to = vec![Address::new(delivery.to)];
        let agent = Agent::of(self.daemon, delivery);
        let mut said = Vec::new();
        if let Some(orig) = delivery.orig_to.map(Address::new)
            && orig != to[0]
        {
            let resolved = Redirect::Resolved { to: Some(to[0].clone()) };
            said.push(self.of(vec![orig], Fact::Redirect(resolved), delivery.orig_to.unwrap_or("")));
        }
        if agent == Agent::Discard {
            said.push(self.of(to, Fact::Discarded { said: delivery.text.to_owned() }, delivery.status));
            return said;
        }
        let forwarded = delivery.text.strip_prefix("forwarded as ").map(|id| id.trim());
        let outcome = match delivery.status {
            "sent" => Outcome::Accepted,
            "deferred" | "SOFTBOUNCE" => Outcome::Deferred,
            "bounced" => Outcome::Refused,
            _ => Outcome::NotSaid,
        };
        let (reply, spoken_by_next_hop) = answer(self.daemon, delivery);
        let peer = relay(delivery.relay);
        let handover = Handover {
            next: match forwarded {
                Some(id) => Some(self.sibling(id)),
                None if outcome == Outcome::Accepted => self.next(delivery, peer.as_ref()),
                None => None,
            },
            to: peer,
            next_hop: if forwarded.is_some() { NextHop::ContentFilter } else { agent.next_hop() },
            outcome,
            reply: Some(reply),
            spoken_by_next_hop,
            attempt: None,
            connector: (!delivery.relay.contains('[') && delivery.relay != "none").then(|| delivery.relay.to_owned()),
            tls: delivery.tls.map(str::to_owned),
        };
        let word = &delivery.status;
        said.push(self.of(to.clone(), Fact::Handover(handover), word));
        if outcome == Outcome::Accepted && delivery.text.contains(" BLOCKED (") {
            // The filter of Proxmox took the message, and let nothing on.
            said.push(self.of(to.clone(), Fact::Discarded { said: delivery.text.to_owned() }, delivery.text));
        }
        if forwarded.is_some() {
            let redirect = Redirect::Forwarded { to: Vec::new(), keeps_copy: None };
            said.push(self.of(to, Fact::Redirect(redirect), delivery.text));
        } else if outcome == Outcome::Accepted && agent == Agent::Store {
            said.push(self.of(to, Fact::Stored(Stored { folder: None, chosen_by: None }), word));
        }
        said
    }

    /// The id that the other end gave.
    fn next(&self, delivery: &Delivery<'_>, peer: Option<&Peer>) -> Option<Identifier> {
        let text = delivery.text;
        if let Some(at) = text.find(" [InternalId=") {
            return Identifier::message_id(text[..at].rsplit(' ').next()?);
        }
        if let Some(session) = text.strip_suffix(" Saved").and_then(|text| text.rsplit(' ').next()) {
            let host = peer.and_then(|peer| peer.name.as_deref()).unwrap_or(self.line.host);
            let local = peer.is_none_or(Peer::is_loopback) || delivery.relay.contains("[private/");
            return Some(Identifier::queue_id(if local { self.line.host } else { host }, Some("dovecot"), session));
        }
        if let Some(code) = mimecast_code(text) {
            return Identifier::acode(code);
        }
        if let Some(id) = filter::answered(text).filter(|_| peer.is_some_and(Peer::is_loopback)) {
            return Some(Identifier::queue_id(self.line.host, Some(filter::INSTANCE), id));
        }
        let id = event::queued_as(text)?;
        if text.contains(" from MTA(") {
            // A content filter on another machine repeats the answer of the server that it handed the message back to.
            return Some(self.sibling(id));
        }
        match peer {
            Some(peer) if !peer.is_loopback() => Some(remote(peer, id)),
            _ => Some(self.sibling(id)),
        }
    }
}

/// A queue id on another server; an address is not cut at its first dot.
pub(crate) fn remote(peer: &Peer, id: &str) -> Identifier {
    let name = peer.name.as_deref().or(peer.ip.as_deref()).unwrap_or("");
    match name.parse::<std::net::IpAddr>() {
        Ok(_) => Identifier::QueueId { host: name.to_owned(), id: id.to_owned() },
        Err(_) => Identifier::queue_id(name, None, id),
    }
}

/// The 22 characters in `Received OK [aCode.uk1]`, at the end of Mimecast's answer.
pub(crate) fn mimecast_code(text: &str) -> Option<&str> {
    let (_, tail) = text.rsplit_once('[')?;
    let (code, _host) = tail.strip_suffix(']')?.split_once('.')?;
    (code.len() == 22 && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))).then_some(code)
}

/// `name[ip]:port`; `None` for `none`, `local` and other services without a host.
fn relay(text: &str) -> Option<Peer> {
    text.contains('[').then(|| event::peer(text))
}

/// What stands behind a delivery agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agent {
    Server,
    Filter,
    Store,
    Program,
    Discard,
    None,
}

impl Agent {
    fn of(daemon: &str, delivery: &Delivery<'_>) -> Agent {
        let peer = relay(delivery.relay);
        let loopback = peer.as_ref().is_some_and(Peer::is_loopback);
        let text = delivery.text;
        match daemon {
            "discard" => Agent::Discard,
            _ if text == "discarded" => Agent::Discard,
            "local" | "virtual" if text.starts_with("delivered to command") => Agent::Program,
            "local" | "virtual" => Agent::Store,
            "pipe" if delivery.relay.contains("dovecot") || text.contains("via dovecot") => Agent::Store,
            "pipe" => Agent::Program,
            "error" | "retry" => Agent::None,
            "smtp" if delivery.relay == "none" && is_filter(unreached(text).as_ref(), "") => Agent::Filter,
            _ if delivery.relay.contains("[private/") || delivery.relay.contains("[/") || text.ends_with(" Saved") => {
                Agent::Store
            }
            "lmtp" if !loopback || !is_filter(peer.as_ref(), text) => Agent::Store,
            _ if loopback || is_filter(peer.as_ref(), text) => Agent::Filter,
            "smtp" => Agent::Server,
            _ if delivery.relay == "local" || delivery.relay == "virtual" => Agent::Store,
            _ if delivery.relay == "none" => Agent::None,
            _ if !delivery.relay.contains('[') && delivery.relay.contains("dovecot") => Agent::Store,
            _ if !delivery.relay.contains('[') => Agent::Program,
            _ => Agent::Server,
        }
    }

    fn next_hop(self) -> NextHop {
        match self {
            Agent::Server => NextHop::MailServer,
            Agent::Filter => NextHop::ContentFilter,
            Agent::Store => NextHop::MailboxStore,
            Agent::Program => NextHop::Program,
            Agent::Discard | Agent::None => NextHop::NotSaid,
        }
    }
}

/// The host of `connect to name[ip]:port: reason`.
fn unreached(text: &str) -> Option<Peer> {
    let place = text.strip_prefix("connect to ")?;
    let end = place.find(": ")?;
    Some(event::peer(&place[..end])).filter(Peer::is_loopback)
}

/// Whether the answer is that of a content filter: amavis repeats its own MTA's answer, and listens on a port of its own.
fn is_filter(peer: Option<&Peer>, text: &str) -> bool {
    let port = peer.and_then(|peer| peer.port);
    let amavis = text.contains("from MTA(") || text.contains("Ok, discarded, id=") || text.contains(" Ok, id=");
    matches!(port, Some(10_000..=10_999)) || (amavis && !matches!(port, Some(25 | 465 | 587) | None))
}

/// The answer in a status text, and whether the other end gave it.
fn answer(daemon: &str, delivery: &Delivery<'_>) -> (Reply, bool) {
    let text = delivery.text;
    let quoted = [" said: ", " refused to talk to me: "]
        .iter()
        .find_map(|word| text.find(word).map(|at| &text[at + word.len()..]));
    let local = matches!(daemon, "local" | "virtual" | "pipe" | "error" | "retry");
    let (said, spoken) = match quoted {
        Some(said) => (said, true),
        None => (text, !local && event::reply(text).reply_code.is_some()),
    };
    let mut reply = event::reply(said);
    if reply.enhanced_status_code.is_none() {
        reply.enhanced_status_code = delivery.dsn.map(str::to_owned);
    }
    (reply, spoken)
}

fn verdict(kind: VerdictKind, action: Action, said: &str, policy: Option<PolicyRef>) -> Verdict {
    Verdict { kind, action, said: said.to_owned(), policy, scope: Scope::Enforced }
}

/// The table or milter stage that decided.
fn policy_of(access: &Access<'_>) -> Option<PolicyRef> {
    let kind = match access.stage {
        "header" => "header_checks",
        "body" => "body_checks",
        "content" => "content",
        _ if access.action.starts_with("milter-") => "milter",
        _ if matches!(access.action, "hold" | "discard" | "redirect") => "access",
        _ => return None,
    };
    Some(PolicyRef { kind: Some(kind.to_owned()), name: None, id: None })
}

fn addresses(said: &[&str]) -> Vec<Address> {
    said.iter().map(|address| Address::new(address)).collect()
}

fn amavis_judged<'t>(judged: &amavis::Judged<'t>, label: &str) -> Vec<Said<'t>> {
    let to = addresses(&judged.recipients);
    let mut ids: Vec<Identifier> = judged.message_id.and_then(Identifier::message_id).into_iter().collect();
    ids.extend(judged.queue_id.map(|id| Identifier::queue_id(label, None, id)));
    ids.extend(judged.mail_id.map(|id| Identifier::MailId(id.to_owned())));
    let about = CopyKey { ids, envelope_recipients: to };
    let said = |fact, word| Said { about: about.clone(), fact, word };
    let kind = judged.kind();
    let mut found = Vec::new();
    if let Some(sender) = judged.sender {
        let sender = Some(Address::new(sender));
        let identity = Identity { envelope_sender: sender, size_bytes: judged.size_bytes, ..Identity::default() };
        found.push(said(Fact::Identity(identity), judged.said));
    }
    let action = judged.action();
    if judged.is_word_of_the_next_server() {
        found.push(said(Fact::Note { said: judged.said.to_owned() }, judged.said));
        return found;
    }
    found.push(said(Fact::Verdict(verdict(kind, action.clone(), judged.said, None)), judged.said));
    if !judged.passed && action == Action::Quarantined {
        let quarantine = Quarantine {
            state: QuarantineState::Held,
            store: "amavis quarantine".to_owned(),
            policy: None,
            id: None,
            until: None,
            said: judged.quarantine.unwrap_or(judged.said).to_owned(),
        };
        found.push(said(Fact::Quarantine(quarantine), judged.said));
    }
    if !judged.passed && action == Action::Discarded {
        found.push(said(Fact::Discarded { said: judged.said.to_owned() }, judged.said));
    }
    for next in judged.queued_as.iter().filter(|_| judged.passed) {
        let handover = Handover {
            to: None,
            next_hop: NextHop::ContentFilter,
            outcome: Outcome::Accepted,
            reply: None,
            spoken_by_next_hop: false,
            next: Some(Identifier::queue_id(label, None, next)),
            attempt: None,
            connector: None,
            tls: None,
        };
        found.push(said(Fact::Handover(handover), next));
    }
    found
}

fn amavis_released<'t>(mail_id: &str, sender: &str, recipients: &[&str], text: &'t str) -> Vec<Said<'t>> {
    let to = addresses(recipients);
    let about = CopyKey { ids: vec![Identifier::MailId(mail_id.to_owned())], envelope_recipients: to.clone() };
    let identity = Identity { envelope_sender: Some(Address::new(sender)), ..Identity::default() };
    let release =
        Release { step: ReleaseStep::Released, by: None, for_recipients: to, next: None, said: text.to_owned() };
    vec![
        Said { about: about.clone(), fact: Fact::Identity(identity), word: text },
        Said { about, fact: Fact::Release(release), word: text },
    ]
}

fn amavis_not_released<'t>(mail_id: &str, text: &'t str) -> Vec<Said<'t>> {
    let about = CopyKey { ids: vec![Identifier::MailId(mail_id.to_owned())], envelope_recipients: Vec::new() };
    let release =
        Release { step: ReleaseStep::Failed, by: None, for_recipients: Vec::new(), next: None, said: text.to_owned() };
    vec![Said { about, fact: Fact::Release(release), word: text }]
}

fn dovecot_facts<'t>(line: &dovecot::Line<'t>, label: &str) -> Vec<Said<'t>> {
    let mut ids: Vec<Identifier> = line.message_id.and_then(Identifier::message_id).into_iter().collect();
    ids.extend(line.session.map(|id| Identifier::queue_id(label, Some("dovecot"), id)));
    // A user may be named without the domain: the trace finds the recipient that is meant.
    let to = line.user.map(Address::new);
    let about = CopyKey { ids, envelope_recipients: to.into_iter().collect() };
    let said = |fact, word| Said { about: about.clone(), fact, word };
    match &line.event {
        dovecot::Event::Stored { folder, by_sieve } => {
            let chosen_by = by_sieve.then(|| "sieve".to_owned());
            vec![said(Fact::Stored(Stored { folder: Some(dovecot::folder(folder)), chosen_by }), *folder)]
        }
        dovecot::Event::Forwarded { to } => {
            let redirect = Redirect::Forwarded { to: vec![Address::new(to)], keeps_copy: None };
            vec![said(Fact::Redirect(redirect), *to)]
        }
        dovecot::Event::Discarded { said: text } => vec![said(Fact::Discarded { said: (*text).to_owned() }, *text)],
        dovecot::Event::Rejected { said: text } => {
            let handover = Handover {
                to: None,
                next_hop: NextHop::MailboxStore,
                outcome: Outcome::Refused,
                reply: Some(event::reply(text)),
                spoken_by_next_hop: true,
                next: None,
                attempt: None,
                connector: Some("sieve".to_owned()),
                tls: None,
            };
            vec![said(Fact::Handover(handover), *text)]
        }
        dovecot::Event::Failed { said: text } | dovecot::Event::Remark { said: text } => {
            vec![said(Fact::Note { said: (*text).to_owned() }, *text)]
        }
    }
}
