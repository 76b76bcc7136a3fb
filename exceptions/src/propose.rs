//! The narrowest change that would have let exactly this mail through, if an exception is the right cure at all.
//!
//! First comes whether it is: a fault of the sender, of a connector or of a setting of ours is mended (`propose/cures.toml`), what nothing
//! overrides is said to be useless, and what is not shown is asked for. Only a filter's conclusion about the message itself is excepted, by
//! what the vendor of the filter offers.

mod cures;
mod draft;

use evidence::{Cite, Product, SourceId, System, VerdictKind};
use findings::Command;
use sources::policy::{self, Device, Honoured};

pub(crate) use draft::{Draft, end_of, powershell, without_scheme, word, words};

use crate::propose::cures::{Entry, Meanwhile};
use crate::{Ends, Exception, Grant, Need, On, Radius, World, vendor};

/// What is to be done about what stopped a message.
#[derive(Clone, Debug)]
pub struct Cure {
    /// What it needs.
    pub need: Need,
    /// What is to be done.
    pub done: Done,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Done {
    /// The fault is to be mended; an exception would hide it.
    Mend {
        /// What is to be done, in a sentence.
        what: String,
        /// Who can.
        owner: &'static str,
        /// Why no exception.
        because: String,
        /// Records.
        cites: Vec<Cite>,
        /// What may be done for the one message meanwhile, such as its release.
        meanwhile: Vec<Proposal>,
    },
    /// Nothing overrides this verdict; what can be done instead stands in `because`.
    Useless {
        /// Why, and what to do instead.
        because: String,
        /// The page that says so, and the day it was read.
        source: &'static str,
        /// Records.
        cites: Vec<Cite>,
        /// What may be done for the one message, such as a submission to the vendor.
        meanwhile: Vec<Proposal>,
    },
    /// An exception: the narrowest first ([`Cure::narrowest_first`]).
    Except(Vec<Proposal>),
    /// The evidence does not show what stopped it.
    NotShown {
        /// Why.
        because: String,
        /// Exports that would show it.
        ask_for: Vec<SourceId>,
    },
}

/// One exception, ready to be made.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What it is, in a sentence.
    pub what: String,
    /// Why this one, in a sentence.
    pub because: String,
    /// Records.
    pub cites: Vec<Cite>,
    /// What was judged: narrow by construction.
    pub exception: Exception,
    /// How to do it.
    pub doing: Way,
    /// How to undo it.
    pub undoing: Way,
    /// What shows that it works.
    pub works: Way,
    /// What shows that nothing else came in.
    pub holds: Way,
    /// What it would have let through over the history.
    pub radius: Option<Radius>,
}

/// How something is done: by a command, by clicks, or both.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// In a sentence.
    pub what: String,
    /// The command, with the ticket's values quoted in it.
    pub command: Option<Command>,
    /// The click path.
    pub clicks: Option<String>,
}

/// What is to be done about each need.
pub fn propose(needs: &[Need], world: &World<'_>) -> Vec<Cure> {
    let cure = |need: &Need| {
        let mut cure = Cure { need: need.clone(), done: done(need, world) };
        cure.narrowest_first();
        cure
    };
    needs.iter().map(cure).collect()
}

impl Cure {
    /// Puts exceptions in order: what acts once and leaves nothing behind, then what lets through less.
    ///
    /// What is within another goes before it, whatever was measured; of others that with the smaller radius, if they have one.
    pub fn narrowest_first(&mut self) {
        let Done::Except(list) = &mut self.done else { return };
        let mut left = std::mem::take(list);
        while !left.is_empty() {
            let is_free = |at: usize| {
                let own = left.get(at);
                !left.iter().enumerate().any(|(other, one)| other != at && own.is_some_and(|own| is_narrower(one, own)))
            };
            let next = (0..left.len()).filter(|at| is_free(*at)).min_by_key(|at| left.get(*at).map(lets_through));
            list.push(left.remove(next.unwrap_or(0)));
        }
    }
}

/// Whether a proposal acts once, then how many messages it would have let through at most.
fn lets_through(proposal: &Proposal) -> (bool, u64) {
    let stays = grants(proposal).any(|grant| grant.ends != Ends::AtOnce);
    (stays, proposal.radius.as_ref().map_or(0, |radius| radius.messages.saturating_add(radius.possible)))
}

/// Whether all that one standing proposal lets through the other does too, and not the other way round.
fn is_narrower(one: &Proposal, other: &Proposal) -> bool {
    let is_within = |one: &Proposal, other: &Proposal| {
        grants(one).next().is_some()
            && grants(one).all(|narrow| grants(other).any(|wide| narrow.scope.is_within(&wide.scope)))
    };
    is_within(one, other) && !is_within(other, one) && lets_through(one).0 <= lets_through(other).0
}

fn done(need: &Need, world: &World<'_>) -> Done {
    if !need.is_shown || need.cause.is_empty() {
        return Done::NotShown { because: need.because.clone(), ask_for: need.ask_for.clone() };
    }
    if let Some(entry) = cures::of(&need.cause) {
        return mend(need, entry, world);
    }
    let offered = offered(need, world);
    match useless(need) {
        Some((because, source)) => useless_for(need, because, source, offered),
        None if offered.is_empty() => none_left(need),
        None => Done::Except(offered),
    }
}

/// What the filter's vendor offers for a need: each is narrow, fits the sample, and helps against the verdict.
fn offered(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let Some(vendor) = vendor::of(&need.product) else { return Vec::new() };
    vendor.proposals(need, world).into_iter().filter(|proposal| helps(proposal, need)).collect()
}

/// The grants that a proposal would make.
fn grants(proposal: &Proposal) -> impl Iterator<Item = &Grant> {
    proposal.exception.checked().steps.iter().flat_map(|step| &step.grants)
}

/// Whether no table says that a proposal would leave the verdict as it is.
fn helps(proposal: &Proposal, need: &Need) -> bool {
    let Some((policies, verdict)) = policy::of(&need.product).zip(need.verdict.as_ref()) else { return true };
    let is_idle = |grant: &Grant| match policies.rulebook().overriding(grant.device, verdict).map(|one| one.honoured) {
        Some(Honoured::No) => grant.ends != Ends::AtOnce,
        Some(Honoured::OnlyBehindAGateway) => grant.ends != Ends::AtOnce && !need.is_behind_a_gateway,
        _ => false,
    };
    !grants(proposal).any(is_idle)
}

/// What is to be mended, and what may be done for the one message until it is.
fn mend(need: &Need, entry: &'static Entry, world: &World<'_>) -> Done {
    let meanwhile = match entry.meanwhile {
        Meanwhile::Nothing => Vec::new(),
        kind => offered(need, world).into_iter().filter(|proposal| may_meanwhile(proposal, kind)).collect(),
    };
    Done::Mend {
        what: entry.what(need),
        owner: &entry.owner,
        because: format!("{}: {}", need.because, entry.because(need)),
        cites: need.cites.clone(),
        meanwhile,
    }
}

/// Whether a proposal is something that may be done until the fault is mended.
fn may_meanwhile(proposal: &Proposal, kind: Meanwhile) -> bool {
    let is_release = || grants(proposal).all(|grant| grant.ends == Ends::AtOnce);
    let is_of_the_pair = || grants(proposal).all(|grant| is_dated(grant) && names_who_sent(grant));
    let changes_only =
        || proposal.exception.checked().steps.iter().all(|step| step.step.kind != evidence::ChangeKind::Created);
    let is_an_act = grants(proposal).next().is_some() && is_release();
    match kind {
        Meanwhile::Nothing => false,
        Meanwhile::Release => is_an_act,
        Meanwhile::Dated => is_an_act || is_of_the_pair(),
        Meanwhile::Setting => is_an_act || changes_only(),
    }
}

/// Whether a grant ends, or is of a device that knows no end, so that whoever made it has to take it back.
fn is_dated(grant: &Grant) -> bool {
    !matches!(grant.ends, Ends::Never | Ends::NotSaid)
}

/// Whether a grant holds only for mail that somebody can be shown to have sent.
fn names_who_sent(grant: &Grant) -> bool {
    [On::SignedBy, On::Infrastructure, On::Client, On::Message].iter().any(|on| grant.scope.on(on).next().is_some())
}

/// Why nothing overrides the verdict, and who says so; `None` if something does.
fn useless(need: &Need) -> Option<(String, &'static str)> {
    let verdict = need.verdict.as_ref()?;
    let rulebook = policy::of(&need.product).map(|policies| policies.rulebook());
    let of = |device| rulebook.and_then(|book| book.overriding(device, verdict));
    if *verdict == VerdictKind::Malware || need.cause == "content-verdict/malware" {
        let said = of(Device::ListEntry).or_else(|| of(Device::PolicySender)).or_else(|| of(Device::PermitPolicy));
        let source = said.map_or(cures::MALWARE_SOURCE, |said| said.source);
        return Some((cures::MALWARE.to_owned(), source));
    }
    let said: Vec<_> = cures::DEVICES.iter().filter_map(|device| of(*device)).collect();
    let is_idle = !said.is_empty() && said.iter().all(|said| said.honoured == Honoured::No);
    let first = said.first().filter(|_| is_idle && *verdict == VerdictKind::Attachment)?;
    Some((format!("No entry reaches it: {}. {}", first.because, cures::ATTACHMENT), first.source))
}

/// That standing exceptions are of no use; what acts once may still be.
fn useless_for(need: &Need, because: String, source: &'static str, offered: Vec<Proposal>) -> Done {
    let is_malware = need.verdict == Some(VerdictKind::Malware) || need.cause == "content-verdict/malware";
    let may = |proposal: &Proposal| {
        let is_release = grants(proposal).next().is_some() && grants(proposal).all(|grant| grant.ends == Ends::AtOnce);
        is_release && !is_malware
    };
    let meanwhile = offered.into_iter().filter(may).collect();
    let because = format!("{}. {because}", need.because);
    Done::Useless { because, source, cites: need.cites.clone(), meanwhile }
}

/// What is said where no narrow exception fits.
fn none_left(need: &Need) -> Done {
    let system = System::of(need.product.clone());
    if need.verdict == Some(VerdictKind::HighConfidencePhish) && need.product == Product::ExchangeOnline {
        let because = format!("{}. {}", need.because, cures::HIGH_CONFIDENCE_PHISH);
        return Done::Useless {
            because,
            source: cures::HIGH_CONFIDENCE_PHISH_SOURCE,
            cites: need.cites.clone(),
            meanwhile: Vec::new(),
        };
    }
    let missing = missing(need);
    let lacks = |on: &str| format!("{}; a narrow exception at {system} needs {on}", need.because);
    let because = match missing.as_slice() {
        _ if vendor::of(&need.product).is_none() => format!(
            "{}; the ways of {system} to let mail through are not known here, so that none can be called narrow: ask who runs it to look at this \
             one message, release it for this one recipient, and report it as wrongly judged",
            need.because
        ),
        [] => format!(
            "{}; no exception at {system} is narrow enough for it: release this one message, report it to the vendor as wrongly judged, and take it \
             to who runs the policy",
            need.because
        ),
        missing => lacks(&missing.iter().map(|(what, _)| *what).collect::<Vec<_>>().join(" and ")),
    };
    let ask_for = missing.into_iter().map(|(_, export)| export).collect();
    Done::NotShown { because, ask_for }
}

/// What a narrow exception would rest on and the evidence does not show, with the export that shows it.
fn missing(need: &Need) -> Vec<(&'static str, SourceId)> {
    let mut missing = Vec::new();
    if need.header_from.is_none() {
        missing.push(("the address in the From field", "message/eml"));
    } else if need.dmarc_passed.is_none() {
        missing.push(("the results of authentication", "message/eml"));
    }
    let lists = layers::exports::holds_of(&need.product).iter().copied().find(|list| layers::exports::is_list(list));
    if need.held.iter().any(|held| held.id.is_none()) {
        missing.extend(lists.map(|list| ("the id under which it is held", list)));
    }
    if need.cause == "content-verdict/url" && need.urls.is_empty() && need.product == Product::ExchangeOnline {
        missing.push(("the link that was judged", "defender/email-url-info"));
    }
    if need.client_is_disputed && need.product == Product::ExchangeOnline {
        missing.push(("one address of the sender on which the records agree", "defender/email-events"));
    }
    missing.dedup_by_key(|(_, export)| *export);
    missing
}
