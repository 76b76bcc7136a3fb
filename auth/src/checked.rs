//! All checks of one message, in the order in which they rest on each other.

use std::net::IpAddr;

use evidence::{AuthMethod, AuthResult};
use jiff::Timestamp;

use crate::arc::{self, ArcCheck};
use crate::dkim::{self, BodyHashes, DkimCheck, Explain, Keys};
use crate::dmarc::{self, Authenticated, DmarcCheck, DmarcReason};
use crate::dns::{Dns, Question};
use crate::message::Raw;
use crate::spf::{self, Client, Identity, SpfCheck};

/// What is known of the transfer over which the message came to the receiving side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The address that connected to the first server of the receiving side.
    pub client: Option<IpAddr>,
    /// The name that it gave at HELO or EHLO; empty if that is not known.
    pub helo: String,
    /// RFC 5321 MAIL FROM without angle brackets; empty for the null sender, `None` if it is not known.
    pub sender: Option<String>,
    /// The receiving server, for explanations.
    pub receiver: Option<String>,
    /// When it took the message: signatures expire by it.
    pub at: Option<Timestamp>,
    /// The domains of the header From.
    pub author_domains: Vec<String>,
}

/// How much of a sample there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The raw message, header and body as they were received.
    Whole,
    /// Header fields only, or a message whose bytes are not the received ones: nothing can be said about signatures.
    HeaderOnly,
}

/// What the checks of one message came to.
#[derive(Clone, Debug)]
pub struct Checked {
    /// SPF of the envelope sender, or of the HELO name for the null sender; `None` if client or sender is not known.
    pub spf: Option<SpfCheck>,
    /// SPF of the HELO name; only where things are to be explained.
    pub helo: Option<SpfCheck>,
    /// One entry a signature, from the top; empty if there are none, or if nothing can be said about them.
    pub dkim: Vec<DkimCheck>,
    /// The ARC chain; `None` if nothing can be said about it.
    pub arc: Option<ArcCheck>,
    /// DMARC.
    pub dmarc: DmarcCheck,
    /// Questions whose answers would settle what could not be checked, each once.
    pub needs: Vec<Question>,
}

/// Checks a message: SPF, DKIM, ARC, and DMARC over the first two.
///
/// `message` are its raw bytes. A check that lacks answers has the result `None`, and its questions stand in
/// [`Checked::needs`].
pub fn check(
    message: &[u8],
    extent: Extent,
    envelope: &Envelope,
    dns: &dyn Dns,
    keys: &Keys,
    explain: Explain,
) -> Checked {
    let (mut signatures, mut chain) = (Vec::new(), None);
    if extent == Extent::Whole {
        let raw = Raw::of(message);
        let mut hashes = BodyHashes::of(&raw);
        signatures = dkim::check_sharing(&raw, &mut hashes, dns, envelope.at, keys, explain);
        chain = Some(arc::check_sharing(&raw, &mut hashes, dns, envelope.at, keys));
    }
    let client = client(envelope);
    let sender = client.as_ref().map(|client| spf::check(client, Identity::MailFrom, dns));
    let helo = client
        .as_ref()
        .filter(|client| explain == Explain::Yes && !client.helo.is_empty() && !client.sender.is_empty())
        .map(|client| spf::check(client, Identity::Helo, dns));
    let authenticated = authenticated(sender.as_ref(), &signatures);
    let mut dmarc = dmarc::check(&envelope.author_domains, &authenticated, dns);
    if let Some(method) = unknown(sender.as_ref(), extent) {
        leave_open(&mut dmarc, method);
    }
    if extent == Extent::HeaderOnly && envelope.author_domains.is_empty() {
        dmarc.result = None; // no From field was handed over: that the message had none, nobody says
    }
    let mut checked = Checked { spf: sender, helo, dkim: signatures, arc: chain, dmarc, needs: Vec::new() };
    checked.needs = checked.missing();
    checked
}

fn client(envelope: &Envelope) -> Option<Client> {
    Some(Client {
        ip: envelope.client?,
        helo: envelope.helo.clone(),
        sender: envelope.sender.clone()?,
        receiver: envelope.receiver.clone(),
    })
}

/// What DMARC looks at: the envelope sender's SPF and each signature.
fn authenticated(spf: Option<&SpfCheck>, dkim: &[DkimCheck]) -> Vec<Authenticated> {
    let spf = spf.map(|spf| Authenticated {
        method: AuthMethod::Spf,
        domain: spf.domain.clone(),
        result: spf.result.clone(),
    });
    let signed = |check: &DkimCheck| {
        let domain = check.domain.clone()?;
        Some(Authenticated { method: AuthMethod::Dkim, domain, result: check.result.clone() })
    };
    spf.into_iter().chain(dkim.iter().filter_map(signed)).collect()
}

/// What could still make the message pass, because it could not be looked at.
fn unknown(spf: Option<&SpfCheck>, extent: Extent) -> Option<AuthMethod> {
    match (spf, extent) {
        (_, Extent::HeaderOnly) => Some(AuthMethod::Dkim),
        (None, _) => Some(AuthMethod::Spf),
        _ => None,
    }
}

/// Takes a failure back: nobody can say that nothing passed where not everything was looked at.
fn leave_open(dmarc: &mut DmarcCheck, method: AuthMethod) {
    if dmarc.result == Some(AuthResult::Fail) {
        dmarc.result = None;
        dmarc.reason = DmarcReason::IdentifierNotChecked { method, domain: dmarc.author_domain.clone() };
        dmarc.would_align = None;
    }
}

impl Checked {
    fn missing(&self) -> Vec<Question> {
        let spf = self.spf.iter().chain(&self.helo).flat_map(|check| &check.needs);
        let dkim = self.dkim.iter().filter_map(DkimCheck::needs);
        let arc = self.arc.iter().flat_map(ArcCheck::needs);
        let mut needs: Vec<Question> = Vec::new();
        for question in spf.chain(dkim).chain(arc).chain(&self.dmarc.needs) {
            if !needs.contains(question) {
                needs.push(question.clone());
            }
        }
        needs
    }

    /// The result of the whole, as DMARC sees it.
    pub fn result(&self) -> Option<&AuthResult> {
        self.dmarc.result.as_ref()
    }
}
