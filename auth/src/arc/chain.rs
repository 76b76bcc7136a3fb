//! How a chain is built: which fields make a set, and what the sealers claim (RFC 8617, 4.2 and 5.2).

use std::fmt;

use super::{ArcSet, ArcSignature};
use crate::dkim::SignatureError;
use crate::dkim::signature::{Names, Rules, Signature};
use crate::message::{Field, Raw};
use crate::tags;

/// Most sets of a chain (RFC 8617, 4.2.1).
pub const MAX_SETS: u32 = 50;

/// What a sealer found of the chain before him, `cv=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainValidation {
    /// `none`: there was none.
    None,
    /// `pass`.
    Pass,
    /// `fail`.
    Fail,
}

impl ChainValidation {
    fn of(value: &[u8]) -> Option<ChainValidation> {
        match value.to_ascii_lowercase().as_slice() {
            b"none" => Some(ChainValidation::None),
            b"pass" => Some(ChainValidation::Pass),
            b"fail" => Some(ChainValidation::Fail),
            _ => None,
        }
    }
}

/// Which field of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `ARC-Authentication-Results`.
    Results,
    /// `ARC-Message-Signature`.
    Message,
    /// `ARC-Seal`.
    Seal,
}

impl Part {
    const ALL: [Part; 3] = [Part::Results, Part::Message, Part::Seal];

    /// The name of the field.
    pub fn name(self) -> &'static str {
        match self {
            Part::Results => "ARC-Authentication-Results",
            Part::Message => "ARC-Message-Signature",
            Part::Seal => "ARC-Seal",
        }
    }
}

/// Why a chain is not built by the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// The field has no instance from 1 to 50.
    Instance(&'static str),
    /// An instance has the field twice.
    Twice(&'static str, u32),
    /// An instance lacks the field.
    Missing(&'static str, u32),
    /// The first set does not say `cv=none`, or a later one not `cv=pass`.
    Claim {
        /// The instance.
        instance: u32,
        /// What it says; `None` if it is none of the three words.
        says: Option<ChainValidation>,
    },
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainError::Instance(field) => write!(f, "{field} has no i= from 1 to {MAX_SETS}"),
            ChainError::Twice(field, instance) => write!(f, "i={instance} has {field} twice"),
            ChainError::Missing(field, instance) => write!(f, "i={instance} has no {field}"),
            ChainError::Claim { instance, says } => {
                let says = match says {
                    Some(ChainValidation::None) => "cv=none",
                    Some(ChainValidation::Pass) => "cv=pass",
                    Some(ChainValidation::Fail) => "cv=fail",
                    None => "no known cv=",
                };
                write!(
                    f,
                    "i={instance} says {says} where only cv={} may stand",
                    if *instance == 1 { "none" } else { "pass" }
                )
            }
        }
    }
}

impl std::error::Error for ChainError {}

/// One signature field of a set, read but not checked yet.
pub(super) struct Signed<'r> {
    pub field: &'r Field<'r>,
    pub signature: Result<Signature<'r>, SignatureError>,
    names: Names,
}

impl<'r> Signed<'r> {
    fn of(field: &'r Field<'r>, rules: Rules) -> Signed<'r> {
        let (names, signature) = Signature::read(field.value(), rules);
        Signed { field, signature, names }
    }

    pub fn unchecked(&self) -> ArcSignature {
        ArcSignature {
            field: self.field.bytes(),
            domain: self.names.domain.clone(),
            selector: self.names.selector.clone(),
            algorithm: self.names.algorithm,
            result: None,
            reason: None,
            key: None,
            key_record: None,
        }
    }
}

/// One set: exactly one field of each kind.
pub(super) struct Set<'r> {
    pub instance: u32,
    pub results: &'r Field<'r>,
    pub message: Signed<'r>,
    pub seal: Signed<'r>,
    pub chain: Option<ChainValidation>,
}

impl Set<'_> {
    pub fn shown(&self, message: ArcSignature, seal: ArcSignature) -> ArcSet {
        ArcSet { instance: self.instance, results: self.results.bytes(), message, seal, chain: self.chain }
    }

    pub fn unchecked(&self) -> ArcSet {
        self.shown(self.message.unchecked(), self.seal.unchecked())
    }
}

/// Finds the sets of a message, from instance 1 on.
pub(super) fn sets<'r>(raw: &'r Raw<'r>) -> Result<Vec<Set<'r>>, ChainError> {
    let mut found: Vec<[Option<&Field<'_>>; 3]> = Vec::new();
    for field in &raw.fields {
        let Some(part) = Part::ALL.into_iter().find(|part| field.is(part.name())) else { continue };
        let instance = instance_of(field, part).ok_or(ChainError::Instance(part.name()))?;
        let place = instance as usize - 1;
        if found.len() <= place {
            found.resize(place + 1, [None; 3]);
        }
        if found[place][part as usize].replace(field).is_some() {
            return Err(ChainError::Twice(part.name(), instance));
        }
    }
    let complete = found.into_iter().zip(1..).map(|(fields, instance)| {
        let part = |part: Part| fields[part as usize].ok_or(ChainError::Missing(part.name(), instance));
        let (results, message, seal) = (part(Part::Results)?, part(Part::Message)?, part(Part::Seal)?);
        Ok(Set {
            instance,
            results,
            message: Signed::of(message, Rules::ArcMessage),
            seal: Signed::of(seal, Rules::ArcSeal),
            chain: tag(seal, "cv").and_then(|tag| ChainValidation::of(tag.value)),
        })
    });
    complete.collect()
}

/// Whether the first set says `cv=none` and all others `cv=pass` (RFC 8617, 5.2, step 3).
pub(super) fn claims(sets: &[Set<'_>]) -> Result<(), ChainError> {
    let wrong = sets.iter().find(|set| {
        let due = if set.instance == 1 { ChainValidation::None } else { ChainValidation::Pass };
        set.chain != Some(due)
    });
    wrong.map_or(Ok(()), |set| Err(ChainError::Claim { instance: set.instance, says: set.chain }))
}

fn instance_of(field: &Field<'_>, part: Part) -> Option<u32> {
    let tag = match part {
        // RFC 8617, 4.1.1: the instance leads the results.
        Part::Results => tags::each(field.value()).next()?.ok().filter(|tag| tag.name == "i")?,
        Part::Message | Part::Seal => tag(field, "i")?,
    };
    let instance = tag.number()?;
    u32::try_from(instance).ok().filter(|instance| (1..=MAX_SETS).contains(instance))
}

fn tag<'a>(field: &'a Field<'_>, name: &str) -> Option<tags::Tag<'a>> {
    tags::each(field.value()).flatten().find(|tag| tag.name == name)
}
