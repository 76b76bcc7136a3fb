//! A failed or put-off attempt: whose answer it was, and which policy stood behind it.

use evidence::{Action, Handover, NextHop, Outcome, Peer, PolicyRef, Reply, Scope, Verdict, VerdictKind};

use super::reply::{is_inside, is_made_up_locally, is_of_own_agent};

/// What a record says about an attempt that did not succeed.
pub(crate) struct Attempt<'t> {
    /// Put off or refused.
    pub(crate) outcome: Outcome,
    /// The answer.
    pub(crate) reply: Reply,
    /// The other end, as named.
    pub(crate) peer: Option<Peer>,
    /// The agent that wrote the record, such as `Transport Rule Agent`.
    pub(crate) agent: &'t str,
    /// Whether the record says that an external server answered.
    pub(crate) from_external_server: Option<bool>,
    /// The connector used.
    pub(crate) connector: Option<String>,
}

impl Attempt<'_> {
    /// The attempt as a handover. The next hop spoke only if another server is named and no agent of Exchange Online,
    /// nor its connection attempt, made the answer up.
    pub(crate) fn handover(&self) -> Handover {
        // Another Exchange Online tenant answers in the same words: only the record can tell that it was not ours.
        let own_agent = is_of_own_agent(&self.reply.text) || is_own_agent(self.agent);
        let own = (own_agent && self.from_external_server != Some(true)) || is_made_up_locally(&self.reply);
        let other = self.peer.as_ref().filter(|peer| !is_inside(peer));
        let spoken_by_next_hop = !own && self.from_external_server.unwrap_or(other.is_some());
        let next_hop = match other {
            Some(_) => NextHop::MailServer,
            None if spoken_by_next_hop => NextHop::MailServer,
            None => NextHop::NotSaid,
        };
        Handover {
            to: self.peer.clone(),
            next_hop,
            outcome: self.outcome,
            reply: Some(self.reply.clone()),
            spoken_by_next_hop,
            next: None,
            attempt: None,
            connector: self.connector.clone(),
            tls: None,
        }
    }

    /// The policy that refused, if the record names one: a transport rule, data loss prevention, or a restriction on
    /// the recipient (a verdict whose kind has no word of its own: the text says it).
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        if self.outcome != Outcome::Refused || self.handover().spoken_by_next_hop {
            return None;
        }
        let text = &self.reply.text;
        let agent = self.agent.to_ascii_lowercase();
        let (kind, policy_kind) = if text.contains("TRANSPORT.RULES.") || agent.contains("transport rule agent") {
            (VerdictKind::TransportRule, Some("ExchangeTransportRule"))
        } else if agent.contains("dlp") || text.contains("DLP") {
            (VerdictKind::DataLoss, Some("DataLossPreventionRule"))
        } else if text.contains("RESOLVER.RST.") {
            (VerdictKind::Unknown, None)
        } else {
            return None;
        };
        let policy = policy_kind.map(|kind| PolicyRef { kind: Some(kind.to_owned()), ..PolicyRef::default() });
        Some(Verdict { kind, action: Action::Rejected, said: text.clone(), policy, scope: Scope::Enforced })
    }
}

fn is_own_agent(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase();
    ["transport rule", "dlp", "resolver", "antispam", "malware", "categorizer"].iter().any(|own| agent.contains(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange_online::reply::{peer, reply};

    #[test]
    fn ok_whose_answer() {
        use VerdictKind as K;
        for (name, text, host, agent, external, spoken, verdict) in [
            ("next hop", "550 5.1.1 unknown", "mx.example.org", "", None, true, None),
            ("next hop on DLP", "550 5.7.1 DLP violation", "mx.example.org", "", None, true, None),
            ("inside", "550 5.1.1 unknown", "am1.eurprd01.prod.outlook.com", "", None, false, None),
            ("no host", "550 5.1.1 unknown", "", "", None, false, None),
            ("no connection", "450 4.4.317 Cannot connect", "mx.example.org", "", None, false, None),
            ("said to be ours", "550 5.4.1 no", "mx.example.org", "", Some(false), false, None),
            ("rule", "550 5.7.1 TRANSPORT.RULES.RejectMessage; x", "", "", None, false, Some(K::TransportRule)),
            ("rule of the next hop", "550 5.7.1 TRANSPORT.RULES.x", "mx.example.org", "", Some(true), true, None),
            ("rule agent", "550 5.7.1 no", "", "Transport Rule Agent", None, false, Some(K::TransportRule)),
            ("DLP agent", "550 5.7.171 no", "", "DLP Policy Agent", None, false, Some(K::DataLoss)),
            ("restriction", "550 5.7.1 RESOLVER.RST.NotAuthorized", "", "", None, false, Some(K::Unknown)),
            ("unknown", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "", "", None, false, None),
        ] {
            let attempt = Attempt {
                outcome: Outcome::Refused,
                reply: reply(text),
                peer: peer(Some(host), None),
                agent,
                from_external_server: external,
                connector: None,
            };
            assert_eq!(attempt.handover().spoken_by_next_hop, spoken, "{name}");
            assert_eq!(attempt.verdict().map(|verdict| verdict.kind), verdict, "{name}");
        }
    }
}
