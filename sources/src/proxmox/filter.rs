//! The lines of Proxmox Mail Gateway's filter and quarantine in the mail log.

use evidence::{
    Action, Address, CopyKey, Fact, Handover, Identifier, Identity, NextHop, Outcome, PolicyRef, Product, Quarantine,
    QuarantineState, Release, ReleaseStep, Scope, System, Verdict, VerdictKind,
};

use crate::lines::Said;

/// What tells the filter's ids from queue ids of the same host.
pub(crate) const INSTANCE: &str = "pmg";

/// One line of the filter, or of the quarantine's interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'t> {
    /// The filter's id of this message; `None` for lines of the quarantine.
    pub(crate) log_id: Option<&'t str>,
    /// What it says.
    pub(crate) event: Event<'t>,
    text: &'t str,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event<'t> {
    /// The filter took the message.
    New {
        /// As written.
        message_id: &'t str,
    },
    /// Envelope and author.
    Headers {
        /// MAIL FROM.
        from: &'t str,
        /// RCPT TO.
        to: Vec<&'t str>,
    },
    /// SpamAssassin's score against the level of the rules.
    Scored {
        /// Whether it reaches the level.
        is_spam: bool,
    },
    /// A virus was found.
    Virus,
    /// Let on, under a new queue id.
    Accepted {
        /// For whom.
        to: &'t str,
        /// The queue id behind the filter.
        queue_id: &'t str,
    },
    /// Not let on.
    Blocked {
        /// For whom.
        to: &'t str,
    },
    /// Moved to a quarantine.
    Held {
        /// For whom.
        to: &'t str,
        /// `spam`, `virus` or `attachment`.
        store: &'t str,
        /// The name of the file that holds it.
        file: &'t str,
    },
    /// A person's own list was hit.
    Listed {
        /// Whether it blocks.
        blocks: bool,
    },
    /// Let go from quarantine.
    Released {
        /// For whom.
        to: &'t str,
        /// The name of the file that held it.
        file: &'t str,
    },
    /// Deleted from quarantine.
    Deleted {
        /// The name of the file that held it.
        file: &'t str,
    },
    /// The filter is done.
    Done,
    /// Anything else about the message.
    Remark,
}

/// The programs of the gateway that log about messages.
pub(crate) fn is_tag(tag: &str) -> bool {
    matches!(tag, "pmg-smtp-filter" | "pmgproxy" | "pmgdaemon" | "pmgqm")
}

/// Reads the text of a line; `None` if it is not about a message.
pub(crate) fn read(body: &str) -> Option<Line<'_>> {
    if let Some((log_id, text)) = body.split_once(": ").filter(|(id, _)| is_log_id(id)) {
        return Some(Line { log_id: Some(log_id), event: event(text), text });
    }
    let event = if let Some(rest) = body.strip_prefix("delivered quarantined mail ") {
        Event::Released { to: angled(rest, " to <")?, file: file(rest)? }
    } else if let Some(rest) = body.strip_prefix("marked quarantined mail ") {
        Event::Deleted { file: file(rest)? }
    } else {
        return None;
    };
    Some(Line { log_id: None, event, text: body })
}

/// Whether a word is an id of the filter: hexadecimal, longer than a short queue id.
pub(crate) fn is_log_id(word: &str) -> bool {
    (12..=24).contains(&word.len()) && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

/// The filter's id in the answer that it gives Postfix: `250 2.5.0 OK (4800765FAD1117D3F6F)`.
pub(crate) fn answered(text: &str) -> Option<&str> {
    let id = text.trim_end().strip_suffix(')')?.rsplit_once('(')?.1;
    is_log_id(id).then_some(id)
}

fn event(text: &str) -> Event<'_> {
    read_event(text).unwrap_or(Event::Remark)
}

fn read_event(text: &str) -> Option<Event<'_>> {
    if let Some(id) = text.strip_prefix("new mail message-id=") {
        return Some(Event::New { message_id: id.trim_end_matches("#012").trim() });
    }
    if text.starts_with("mail-headers ") {
        let to = text.split("envelope-to=").nth(1)?;
        let to = to.split(" from=").next().unwrap_or(to);
        let to = to.split(['<', '>', ',', ' ']).filter(|word| word.contains('@')).collect();
        return Some(Event::Headers { from: angled(text, "envelope-from=<")?, to });
    }
    if let Some(score) = text.strip_prefix("SA score=") {
        let (score, level) = score.split(' ').next()?.split_once('/')?;
        let is_spam = score.parse::<f64>().ok()? >= level.parse::<f64>().ok()?;
        return Some(Event::Scored { is_spam });
    }
    if text.starts_with("virus detected") {
        return Some(Event::Virus);
    }
    if let Some(rest) = text.strip_prefix("accept mail to <") {
        let queue_id = rest.split_once("> (")?.1.split(')').next()?;
        return Some(Event::Accepted { to: rest.split('>').next()?, queue_id });
    }
    if let Some(rest) = text.strip_prefix("block mail to <") {
        return Some(Event::Blocked { to: rest.split('>').next()? });
    }
    if let Some(rest) = text.strip_prefix("moved mail for <") {
        let (to, rest) = rest.split_once("> to ")?;
        let (store, rest) = rest.split_once(" quarantine")?;
        let file = rest.strip_prefix(" - ").and_then(|rest| rest.split(' ').next()).unwrap_or("");
        return Some(Event::Held { to, store, file });
    }
    if text.starts_with("sender in user ") || text.starts_with("sender on user ") {
        let blocks = text.contains("blocklist") || text.contains("blacklist");
        return Some(Event::Listed { blocks });
    }
    text.starts_with("processing time: ").then_some(Event::Done)
}

fn angled<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text[text.find(key)? + key.len()..].split('>').next()
}

/// The last part of the path in brackets.
fn file(text: &str) -> Option<&str> {
    text.split_once('(')?.1.split(')').next()?.rsplit('/').next()
}

/// The name of the rule in `(rule: name)`; the name may hold brackets.
fn rule(text: &str) -> Option<PolicyRef> {
    let name = text.split_once("(rule: ")?.1;
    let name = name.trim_end().strip_suffix(')').unwrap_or(name).split(", ").next()?;
    Some(PolicyRef { kind: Some("rule".to_owned()), name: Some(name.to_owned()), id: None })
}

/// What a store or the name of a rule says about the kind of verdict; the rules that come with the product name it.
fn kind(words: &str) -> VerdictKind {
    let words = words.to_ascii_lowercase();
    let known = [
        ("virus", VerdictKind::Malware),
        ("spam", VerdictKind::Spam),
        ("attachment", VerdictKind::Attachment),
        ("dangerous", VerdictKind::Attachment),
        ("blocklist", VerdictKind::BlockEntry),
        ("blacklist", VerdictKind::BlockEntry),
    ];
    let found = known.into_iter().find(|(word, _)| words.contains(word));
    found.map_or(VerdictKind::TransportRule, |(_, kind)| kind)
}

impl<'t> Line<'t> {
    /// The gateway on a host.
    pub(crate) fn system(label: &str) -> System {
        System::at(Product::ProxmoxMailGateway, label)
    }

    /// What the line states; `label` is the first part of the host's name.
    pub(crate) fn said(&self, label: &str) -> Vec<Said<'t>> {
        let mut about = CopyKey::default();
        about.ids.extend(self.log_id.map(|id| Identifier::queue_id(label, Some(INSTANCE), id)));
        let text = self.text;
        let one = |to: &str| vec![Address::new(to)];
        let verdict = |kind, action| {
            Fact::Verdict(Verdict { kind, action, said: text.to_owned(), policy: rule(text), scope: Scope::Enforced })
        };
        let facts = match &self.event {
            Event::New { message_id } => {
                about.ids.extend(Identifier::message_id(message_id));
                vec![Fact::Identity(Identity::default())]
            }
            Event::Headers { from, to } => {
                about.envelope_recipients = to.iter().map(|to| Address::new(to)).collect();
                vec![Fact::Identity(Identity { envelope_sender: Some(Address::new(from)), ..Identity::default() })]
            }
            // The score is what the rules look at; what they do stands in lines of their own.
            Event::Scored { is_spam } => {
                let kind = if *is_spam { VerdictKind::Spam } else { VerdictKind::Clean };
                vec![verdict(kind, Action::NotSaid)]
            }
            Event::Virus => vec![verdict(VerdictKind::Malware, Action::NotSaid)],
            Event::Accepted { to, queue_id } => {
                about.envelope_recipients = one(to);
                let handover = Handover {
                    to: None,
                    next_hop: NextHop::ContentFilter,
                    outcome: Outcome::Accepted,
                    reply: None,
                    spoken_by_next_hop: false,
                    next: Some(Identifier::queue_id(label, None, queue_id)),
                    attempt: None,
                    connector: None,
                    tls: None,
                };
                vec![verdict(VerdictKind::Clean, Action::None), Fact::Handover(handover)]
            }
            Event::Blocked { to } => {
                about.envelope_recipients = one(to);
                let rule = rule(text).and_then(|rule| rule.name).unwrap_or_default();
                vec![verdict(kind(&rule), Action::NotSaid)]
            }
            Event::Held { to, store, file } => {
                about.envelope_recipients = one(to);
                about.ids.extend((!file.is_empty()).then(|| Identifier::MailId((*file).to_owned())));
                let quarantine = Quarantine {
                    state: QuarantineState::Held,
                    store: format!("Proxmox {store} quarantine"),
                    policy: rule(text),
                    id: None,
                    until: None,
                    said: text.to_owned(),
                };
                vec![verdict(kind(store), Action::Quarantined), Fact::Quarantine(quarantine)]
            }
            Event::Listed { blocks: true } => vec![verdict(VerdictKind::UserBlock, Action::NotSaid)],
            Event::Released { to, file } => {
                about.envelope_recipients = one(to);
                about.ids.push(Identifier::MailId((*file).to_owned()));
                vec![Fact::Release(Release {
                    step: ReleaseStep::Released,
                    by: None,
                    for_recipients: one(to),
                    next: None,
                    said: text.to_owned(),
                })]
            }
            Event::Deleted { file } => {
                about.ids.push(Identifier::MailId((*file).to_owned()));
                vec![Fact::Quarantine(Quarantine {
                    state: QuarantineState::Gone,
                    store: "Proxmox quarantine".to_owned(),
                    policy: None,
                    id: None,
                    until: None,
                    said: text.to_owned(),
                })]
            }
            Event::Done => vec![Fact::Closed],
            Event::Listed { .. } | Event::Remark => vec![Fact::Note { said: text.to_owned() }],
        };
        facts.into_iter().map(|fact| Said { about: about.clone(), fact, word: text }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_lines() {
        let id = "4800765FAD1117D3F6F";
        for (name, text, expected) in [
            ("new", "new mail message-id=<x@y.example>#012", Event::New { message_id: "<x@y.example>" }),
            ("score", "SA score=7/5 time=3.5 bayes=undefined hits=AWL(0.3)", Event::Scored { is_spam: true }),
            ("clean", "SA score=0/5 time=3.5", Event::Scored { is_spam: false }),
            (
                "accepted",
                "accept mail to <ben@client.example> (1B1571613C6) (rule: default-accept)",
                Event::Accepted { to: "ben@client.example", queue_id: "1B1571613C6" },
            ),
            (
                "held",
                "moved mail for <ben@client.example> to spam quarantine - B2B2B2B202 (rule: Quarantine/Mark Spam (Level 3))",
                Event::Held { to: "ben@client.example", store: "spam", file: "B2B2B2B202" },
            ),
            (
                "blocked",
                "block mail to <ben@client.example> (rule: Block Viruses)",
                Event::Blocked { to: "ben@client.example" },
            ),
            ("other", "something new", Event::Remark),
        ] {
            let body = format!("{id}: {text}");
            let found = read(&body).unwrap_or_else(|| panic!("{name}: nothing"));
            assert_eq!((found.log_id, found.event), (Some(id), expected), "{name}");
        }
        let text = "(rule: Quarantine/Mark Spam (Level 3))";
        assert_eq!(rule(text).and_then(|rule| rule.name).as_deref(), Some("Quarantine/Mark Spam (Level 3)"));
        let released =
            read("delivered quarantined mail 'C1R2T3' (/var/spool/pmg/spam/0F/B2B2B2B202) to <ben@client.example>");
        let expected = Event::Released { to: "ben@client.example", file: "B2B2B2B202" };
        assert_eq!(released.map(|line| line.event), Some(expected));
        for body in ["", "starting", "4800765FAD1117D3F6F", "delivered quarantined mail"] {
            assert_eq!(read(body), None, "{body}");
        }
        assert_eq!(answered("250 2.5.0 OK (4800765FAD1117D3F6F)"), Some(id));
        assert_eq!(answered("250 2.0.0 Ok: queued as 4C0FFEE"), None);
    }
}
