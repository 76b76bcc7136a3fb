//! Which statements of a sample count: those that our own systems, or a gateway directly in front of them, wrote.
//!
//! Anybody can write an Authentication-Results field (RFC 8601, 1.6). What tells is who the field names, and where it
//! stands: fields are put on top, so that everything below the field in which we took the message from strangers came
//! with it.

use std::collections::HashMap;
use std::fmt;

use evidence::{Fact, Observation, Product};

use crate::hops::{self, Admd, Hops, Phase};

/// Whether a statement of a sample counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Our own mail system wrote it.
    Ours(Because),
    /// A gateway directly in front of our mail system wrote it: its own statement, about what it saw.
    Gateway(Because),
    /// Nobody we trust wrote it, or it cannot be told: it is shown, and nothing is concluded from it.
    NotTrusted(Because),
}

impl Trust {
    /// Whether something may be concluded from the statement.
    pub fn counts(&self) -> bool {
        !matches!(self, Trust::NotTrusted(_))
    }

    /// Why.
    pub fn because(&self) -> &Because {
        match self {
            Trust::Ours(because) | Trust::Gateway(because) | Trust::NotTrusted(because) => because,
        }
    }
}

/// Why a statement counts, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// The user named its writer (`--trust`).
    Named(String),
    /// Its writer is the host, or of the owner, of our stretch of the way.
    OurHost(String),
    /// Its writer is the gateway directly in front of our mail system.
    GatewayInFront(String),
    /// It names no writer; the topmost hop is the service that writes so.
    TopmostOfService(String),
    /// It names no writer, and the topmost hop is no service that writes so.
    NoWriter,
    /// It names no writer, and another one like it stands above.
    NotTopmost,
    /// The name of its writer cannot be read as a host.
    UnreadableWriter(String),
    /// Its writer is none of our systems.
    Stranger(String),
    /// It names one of our systems, but stands below the field in which that took the message: it came with the message.
    CameWithMessage(String),
    /// A like field of the same writer stands above it: that is the writer's, and this one came with the message.
    Repeated(String),
    /// The sample has no Received field, but only this service writes such a field.
    Unplaced(String),
    /// An earlier system's word that an ARC set keeps: it counts only if the chain holds and we trust the sealer.
    Sealed(u32),
    /// The sample has no Received field: it cannot be told who wrote what.
    NoHops,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Named(id) => write!(f, "{id} is trusted by --trust"),
            Because::OurHost(id) => write!(f, "{id} is on our stretch of the way"),
            Because::GatewayInFront(name) => write!(f, "{name} stands directly in front of our mail system"),
            Because::TopmostOfService(name) => {
                write!(f, "the topmost one without an authserv-id, and the topmost hop is {name}")
            }
            Because::NoWriter => {
                f.write_str("no authserv-id, and the topmost hop is no service that writes its results so")
            }
            Because::NotTopmost => f.write_str("no authserv-id, and not the topmost such field"),
            Because::UnreadableWriter(id) => write!(f, "the authserv-id `{id}` cannot be read as a host's name"),
            Because::Stranger(id) => write!(f, "{id} is none of our systems"),
            Because::CameWithMessage(id) => {
                write!(f, "names {id}, but stands below the field in which our side took the message")
            }
            Because::Repeated(id) => write!(f, "a like field of {id} stands above it: this one came with the message"),
            Because::Unplaced(name) => {
                write!(f, "the sample has no Received field; only {name} writes such a field")
            }
            Because::Sealed(instance) => {
                write!(f, "kept by ARC set {instance}: counts only if the chain holds and its sealer is trusted")
            }
            Because::NoHops => f.write_str("the sample has no Received field that would tell who wrote it"),
        }
    }
}

/// A statement of a sample, and whether it counts.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// The statement.
    pub observation: &'a Observation,
    /// Whether it counts.
    pub trust: Trust,
}

/// Judges every authentication result, verdict and other filter's word of a sample.
///
/// `sample` are the observations of one sample, in its order; `trusted` are names that the user calls ours.
pub fn judge<'a>(sample: &[&'a Observation], hops: &Hops<'a>, trusted: &[String]) -> Vec<Judged<'a>> {
    let border = Border::of(hops);
    let mut first = HashMap::new();
    let mut judged: Vec<Judged<'a>> = sample
        .iter()
        .filter(|observation| is_judged(&observation.fact))
        .map(|observation| Judged { observation, trust: border.judge(observation, trusted) })
        .collect();
    judged.sort_by_key(|judged| judged.observation.cite.order().1);
    for one in judged.iter_mut().filter(|one| one.trust.counts()) {
        let Fact::Authentication(result) = &one.observation.fact else { continue };
        // Two fields of one name with one method, not both above the border's own hop: the writer puts its own on top.
        let place = one.observation.cite.bytes.start;
        if border.own_hop.is_some_and(|own| place < own) {
            first.entry((field_of(one.observation), result.authserv_id.clone(), result.method)).or_insert(place);
            continue;
        }
        let key = (field_of(one.observation), result.authserv_id.clone(), result.method);
        if *first.entry(key).or_insert(place) != place {
            one.trust = Trust::NotTrusted(match &result.authserv_id {
                Some(id) => Because::Repeated(id.clone()),
                None => Because::NotTopmost,
            });
        }
    }
    judged
}

/// The name of the header field that states something, lower case.
fn field_of(observation: &Observation) -> String {
    observation.cite.said.split(':').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// Whether the word of a filter or verifier stands in a fact.
fn is_judged(fact: &Fact) -> bool {
    matches!(fact, Fact::Authentication(_) | Fact::Verdict(_) | Fact::Release(_) | Fact::Stored(_))
}

/// Where our side of the way ends, seen from a sample's fields.
struct Border<'h, 'a> {
    hops: &'h Hops<'a>,
    /// The offset of the field in which our mail system took the message: what stands above it came to it later.
    own_hop: Option<u64>,
    /// The offset of the first Received field that a server before our mail system wrote.
    ours_ends: Option<u64>,
    /// The offset of the first Received field that a server before our gateway wrote.
    gateway_ends: Option<u64>,
}

impl<'h, 'a> Border<'h, 'a> {
    fn of(hops: &'h Hops<'a>) -> Border<'h, 'a> {
        let first =
            |phases: &[Phase]| hops.legs.iter().find(|leg| phases.contains(&leg.phase)).map(|leg| leg.cite.bytes.start);
        let is_own = |phase: Phase| matches!(phase, Phase::OurSystem | Phase::Mailbox);
        let own = hops.legs.iter().rev().find(|leg| is_own(leg.phase));
        let own_hop = own.map(|leg| leg.cite.bytes.start);
        Border {
            hops,
            own_hop,
            ours_ends: first(&[Phase::Gateway, Phase::Sender]),
            gateway_ends: first(&[Phase::Sender]),
        }
    }

    fn judge(&self, observation: &Observation, trusted: &[String]) -> Trust {
        let place = observation.cite.bytes.start;
        let (writer, sealed) = match &observation.fact {
            Fact::Authentication(result) => (result.authserv_id.as_deref(), result.arc_instance),
            _ => (None, None),
        };
        if let Some(instance) = sealed {
            return Trust::NotTrusted(Because::Sealed(instance));
        }
        if let Some(id) = writer {
            return self.of_writer(id, place, trusted);
        }
        if self.hops.legs.is_empty() {
            return self.without_hops(observation);
        }
        self.of_service(observation, place)
    }

    /// A field that names its writer.
    fn of_writer(&self, id: &str, place: u64, trusted: &[String]) -> Trust {
        let host = id.trim_end_matches('.').to_ascii_lowercase();
        if !is_host(&host) {
            return Trust::NotTrusted(Because::UnreadableWriter(id.chars().take(80).collect()));
        }
        if self.hops.legs.is_empty() {
            return match hops::is_named(&host, trusted) {
                true => Trust::Ours(Because::Named(host)),
                false => Trust::NotTrusted(Because::NoHops),
            };
        }
        let admd = admd_of(&host);
        let runs = |phases: &[Phase]| {
            self.hops.legs.iter().any(|leg| {
                phases.contains(&leg.phase) && (leg.admd == admd || hops::host_of(leg.hop) == Some(host.as_str()))
            })
        };
        let is_above = |end: Option<u64>| end.is_none_or(|end| place < end);
        let is_ours = runs(&[Phase::OurSystem, Phase::Mailbox]);
        let is_named = hops::is_named(&host, trusted);
        match () {
            () if is_ours && is_above(self.ours_ends) => Trust::Ours(Because::OurHost(host)),
            () if is_named && is_above(self.gateway_ends) => Trust::Ours(Because::Named(host)),
            () if runs(&[Phase::Gateway]) && is_above(self.gateway_ends) => {
                Trust::Gateway(Because::GatewayInFront(service_name(admd, &host)))
            }
            () if is_ours || is_named || runs(&[Phase::Gateway]) => Trust::NotTrusted(Because::CameWithMessage(host)),
            () => Trust::NotTrusted(Because::Stranger(host)),
        }
    }

    /// A field that names nobody: it is known by the service that writes it.
    fn of_service(&self, observation: &Observation, place: u64) -> Trust {
        let product = &observation.speaker.product;
        let speaks = |phases: &[Phase]| {
            self.hops.legs.iter().any(|leg| phases.contains(&leg.phase) && leg.speaker.product == *product)
        };
        let name = observation.speaker.to_string();
        let is_above = |end: Option<u64>| end.is_none_or(|end| place < end);
        let top = self.hops.legs.iter().find(|leg| leg.admd != Admd::NotNamed);
        let is_top = top.is_some_and(|leg| leg.speaker.product == *product);
        match field_of(observation).as_str() {
            "authentication-results" if is_top && is_above(self.ours_ends) => {
                Trust::Ours(Because::TopmostOfService(name))
            }
            "authentication-results" => Trust::NotTrusted(Because::NoWriter),
            _ if speaks(&[Phase::OurSystem, Phase::Mailbox]) => Trust::Ours(Because::OurHost(name)),
            _ if speaks(&[Phase::Gateway]) => Trust::Gateway(Because::GatewayInFront(name)),
            _ if speaks(&[Phase::Sender]) => Trust::NotTrusted(Because::Stranger(name)),
            // A filter that our own server asks writes no Received field: what stands above our border is its word.
            _ if is_above(self.ours_ends) => Trust::Ours(Because::OurHost(name)),
            _ => Trust::NotTrusted(Because::CameWithMessage(name)),
        }
    }

    /// Fields that were pasted without their Received fields: nothing tells where they stood.
    fn without_hops(&self, observation: &Observation) -> Trust {
        match &observation.fact {
            Fact::Authentication(_) if observation.speaker.product != Product::ExchangeOnline => {
                Trust::NotTrusted(Because::NoHops)
            }
            _ => Trust::Ours(Because::Unplaced(observation.speaker.to_string())),
        }
    }
}

/// Whether a text reads as the name of a host (RFC 8601, 2.5: an authserv-id is a token that should be one).
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

fn admd_of(host: &str) -> Admd<'_> {
    match sources::service_of_host(host) {
        Some(service) => Admd::Service(&service.name),
        None => Admd::Domain(hops::registered(host)),
    }
}

fn service_name(admd: Admd<'_>, host: &str) -> String {
    match admd {
        Admd::Service(name) => name.to_owned(),
        _ => host.to_owned(),
    }
}
