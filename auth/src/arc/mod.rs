//! ARC: the chain of those who handled the message and say how it was authenticated when it reached them (RFC 8617).
//!
//! The result is `none`, `pass` or `fail` (5.2). All errors are permanent, those of the DNS too (5.2.1); only an answer that
//! nobody saved makes the result `None`. A chain that passes says who vouches, not that they are to be believed.

mod chain;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest::{self, Context, Digest};
use evidence::AuthResult;
use jiff::Timestamp;

pub use chain::{ChainError, ChainValidation, MAX_SETS};

use crate::dkim::canon::{self, BodyHashes, Canon, FieldIndex};
use crate::dkim::key::{self, Found};
use crate::dkim::signature::{Algorithm, Signature};
use crate::dkim::{DkimReason, KeyRecord, Keys, instant};
use crate::dns::{Dns, Question};
use crate::message::Raw;
use chain::{Set, Signed};

/// What was found of the ARC chain of a message.
#[derive(Clone, Debug)]
pub struct ArcCheck {
    /// `none`, `pass` or `fail`; `None` if it could not be checked.
    pub result: Option<AuthResult>,
    /// Why.
    pub reason: ArcReason,
    /// The sets, from instance 1 on; empty if the chain is not built by the rules.
    pub sets: Vec<ArcSet>,
    /// The lowest instance from which on all message signatures hold (RFC 8617, 5.2, step 5; 7.1.4): 0 if all do. The message
    /// was not changed after that set was added. `None` if the newest does not hold, or if it could not be checked.
    pub oldest_pass: Option<u32>,
}

impl ArcCheck {
    /// The questions whose answers are missing for a result.
    pub fn needs(&self) -> impl Iterator<Item = &Question> {
        let signatures = self.sets.iter().flat_map(|set| [&set.message, &set.seal]);
        signatures.filter_map(|signature| match &signature.reason {
            Some(DkimReason::KeyNotSaved(question)) => Some(question),
            _ => None,
        })
    }
}

/// One set of a chain: what one handler added.
#[derive(Clone, Debug)]
pub struct ArcSet {
    /// `i=`.
    pub instance: u32,
    /// The `ARC-Authentication-Results` field, as bytes of the message.
    pub results: Range<usize>,
    /// The `ARC-Message-Signature`.
    pub message: ArcSignature,
    /// The `ARC-Seal`.
    pub seal: ArcSignature,
    /// `cv=`: what the sealer found of the chain before him; `None` if it is none of the three words.
    pub chain: Option<ChainValidation>,
}

/// One signature of a set.
#[derive(Clone, Debug)]
pub struct ArcSignature {
    /// The field, as bytes of the message.
    pub field: Range<usize>,
    /// `d=`, in normal form.
    pub domain: Option<String>,
    /// `s=`, in normal form.
    pub selector: Option<String>,
    /// `a=`; `None` if it is not known.
    pub algorithm: Option<Algorithm>,
    /// `pass` or `fail`; `None` if it could not or need not be checked.
    pub result: Option<AuthResult>,
    /// Why; `None` if it need not be checked.
    pub reason: Option<DkimReason>,
    /// The question whose answer holds the key.
    pub key: Option<Question>,
    /// The key record that was taken.
    pub key_record: Option<Arc<KeyRecord>>,
}

/// Why a chain has its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArcReason {
    /// The message has no ARC fields.
    NoSets,
    /// All seals and the newest message signature hold.
    Passed {
        /// How many sets there are.
        sets: u32,
    },
    /// The chain is not built by the rules (RFC 8617, 5.2, steps 1 and 3).
    Chain(ChainError),
    /// The newest sealer says `cv=fail`: the chain was broken before him (5.2, step 2).
    SealedAsFailed {
        /// The newest instance.
        instance: u32,
    },
    /// The newest message signature does not hold (5.2, step 4).
    Message {
        /// Its instance.
        instance: u32,
        /// Why not.
        why: DkimReason,
    },
    /// A seal does not hold (5.2, step 6).
    Seal {
        /// Its instance.
        instance: u32,
        /// Why not.
        why: DkimReason,
    },
    /// A key is not among the saved answers, and all that could be checked holds.
    KeyNotSaved(Question),
}

impl fmt::Display for ArcReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArcReason::NoSets => write!(f, "the message has no ARC fields"),
            ArcReason::Passed { sets } => write!(f, "the newest message signature and all {sets} seals hold"),
            ArcReason::Chain(error) => write!(f, "the chain is not built by the rules: {error}"),
            ArcReason::SealedAsFailed { instance } => {
                write!(f, "the newest seal, i={instance}, says cv=fail: the chain was broken before it")
            }
            ArcReason::Message { instance, why } => {
                write!(f, "the message signature i={instance} does not hold: {why}")
            }
            ArcReason::Seal { instance, why: DkimReason::HeaderChanged } => {
                write!(f, "the seal i={instance} does not hold: a field of the sets up to it was changed, or the key")
            }
            ArcReason::Seal { instance, why } => write!(f, "the seal i={instance} does not hold: {why}"),
            ArcReason::KeyNotSaved(question) => {
                write!(f, "could not be checked: the answer to {question} is not among the saved ones")
            }
        }
    }
}

/// Checks the chain of a message (RFC 8617, 5.2).
///
/// `at` is when the receiving system took the message; `x=` of a message signature is judged by it, and not without it.
pub fn check(raw: &Raw<'_>, dns: &dyn Dns, at: Option<Timestamp>, keys: &Keys) -> ArcCheck {
    check_sharing(raw, &mut BodyHashes::of(raw), dns, at, keys)
}

/// Checks like [`check`], and shares the hashes of the body with other checks of the same message.
pub fn check_sharing(
    raw: &Raw<'_>,
    hashes: &mut BodyHashes<'_>,
    dns: &dyn Dns,
    at: Option<Timestamp>,
    keys: &Keys,
) -> ArcCheck {
    let sets = match chain::sets(raw) {
        Ok(sets) => sets,
        Err(error) => return verdict(AuthResult::Fail, ArcReason::Chain(error), Vec::new()),
    };
    let Some(newest) = sets.last() else { return verdict(AuthResult::None, ArcReason::NoSets, Vec::new()) };
    let instance = newest.instance;
    if newest.chain == Some(ChainValidation::Fail) {
        let shown = sets.iter().map(Set::unchecked).collect();
        return verdict(AuthResult::Fail, ArcReason::SealedAsFailed { instance }, shown);
    }
    if let Err(error) = chain::claims(&sets) {
        let shown = sets.iter().map(Set::unchecked).collect();
        return verdict(AuthResult::Fail, ArcReason::Chain(error), shown);
    }
    let mut messages = Messages { raw, index: FieldIndex::of(raw), hashes, dns, at, keys };
    let (messages, oldest_pass) = messages.check_all(&sets);
    let seals = seals(&sets, dns, keys);
    let checked: Vec<ArcSet> =
        sets.iter().zip(messages).zip(seals).map(|((set, message), seal)| set.shown(message, seal)).collect();
    let (result, reason) = conclude(&checked);
    ArcCheck { result, reason, sets: checked, oldest_pass }
}

fn verdict(result: AuthResult, reason: ArcReason, sets: Vec<ArcSet>) -> ArcCheck {
    ArcCheck { result: Some(result), reason, sets, oldest_pass: None }
}

/// What was shown to fail fails the chain, whatever could not be checked besides.
fn conclude(sets: &[ArcSet]) -> (Option<AuthResult>, ArcReason) {
    let failed = |signature: &ArcSignature| {
        signature.reason.clone().filter(|_| signature.result.as_ref().is_some_and(|result| *result != AuthResult::Pass))
    };
    let newest = sets.last().and_then(|set| Some((set.instance, failed(&set.message)?)));
    if let Some((instance, why)) = newest {
        return (Some(AuthResult::Fail), ArcReason::Message { instance, why });
    }
    if let Some((instance, why)) = sets.iter().rev().find_map(|set| Some((set.instance, failed(&set.seal)?))) {
        return (Some(AuthResult::Fail), ArcReason::Seal { instance, why });
    }
    let decisive = sets.last().map(|set| &set.message).into_iter().chain(sets.iter().rev().map(|set| &set.seal));
    for signature in decisive {
        if let Some(DkimReason::KeyNotSaved(question)) = &signature.reason {
            return (None, ArcReason::KeyNotSaved(question.clone()));
        }
    }
    (Some(AuthResult::Pass), ArcReason::Passed { sets: sets.len() as u32 })
}

/// What checks the message signatures.
struct Messages<'m, 'b> {
    raw: &'m Raw<'m>,
    index: FieldIndex,
    hashes: &'m mut BodyHashes<'b>,
    dns: &'m dyn Dns,
    at: Option<Timestamp>,
    keys: &'m Keys,
}

impl Messages<'_, '_> {
    /// Checks from the newest down to the first that does not hold: those below say nothing more.
    fn check_all(&mut self, sets: &[Set<'_>]) -> (Vec<ArcSignature>, Option<u32>) {
        let mut checked: Vec<ArcSignature> = sets.iter().map(|set| set.message.unchecked()).collect();
        let mut oldest = None;
        for (set, signature) in sets.iter().zip(&mut checked).rev() {
            self.check(&set.message, signature);
            match &signature.result {
                Some(AuthResult::Pass) => oldest = Some(set.instance),
                // An older one that could not be checked leaves open how far back the message is unchanged.
                None => return (checked, None),
                Some(_) => return (checked, oldest),
            }
        }
        (checked, oldest.map(|_| 0))
    }

    fn check(&mut self, signed: &Signed<'_>, shown: &mut ArcSignature) {
        let signature = match &signed.signature {
            Ok(signature) => signature,
            Err(error) => return settle(shown, Err(DkimReason::Syntax(error.clone()))),
        };
        let body = self.hashes.get(signature.body_form());
        let key = usable_key(signature, self.dns, self.keys, shown);
        if body.digest.as_ref() != signature.body_hash {
            return settle(shown, Err(DkimReason::BodyChanged));
        }
        let key = match key {
            Ok(key) => key,
            Err(why) => return settle(shown, Err(why)),
        };
        let form = signature.canonicalization.header;
        let mut data = Vec::with_capacity(4096);
        for place in self.index.select(self.raw, signature.signed.iter().copied()) {
            canon::field(form, &self.raw.fields[place], &mut data);
        }
        canon::own_field(form, signed.field, signature.signature_place.clone(), &mut data);
        let digest = digest::digest(&digest::SHA256, &data);
        let expired = self.at.zip(signature.expires_at.and_then(instant)).filter(|(at, expires)| at > expires);
        settle(
            shown,
            match expired {
                _ if !key.verifies(&digest, &signature.signature) => Err(DkimReason::HeaderChanged),
                Some((at, expires)) => Err(DkimReason::Expired { by: at.duration_since(expires) }),
                None => Ok(verified(&key)),
            },
        );
    }
}

/// Checks the seals: each covers all sets up to its own, and itself without its `b=` (RFC 8617, 5.1.1).
fn seals(sets: &[Set<'_>], dns: &dyn Dns, keys: &Keys) -> Vec<ArcSignature> {
    // What seal N covers begins with all that seal N-1 covers: the hash goes on, so that the work does not grow with the square.
    let mut covered = Context::new(&digest::SHA256);
    let mut data = Vec::with_capacity(2048);
    let mut checked = Vec::with_capacity(sets.len());
    for set in sets {
        data.clear();
        canon::field(Canon::Relaxed, set.results, &mut data);
        canon::field(Canon::Relaxed, set.message.field, &mut data);
        covered.update(&data);
        let mut shown = set.seal.unchecked();
        match &set.seal.signature {
            Ok(signature) => {
                data.clear();
                canon::own_field(Canon::Relaxed, set.seal.field, signature.signature_place.clone(), &mut data);
                let mut own = covered.clone();
                own.update(&data);
                check_seal(signature, &own.finish(), dns, keys, &mut shown);
            }
            Err(error) => settle(&mut shown, Err(DkimReason::Syntax(error.clone()))),
        }
        checked.push(shown);
        data.clear();
        canon::field(Canon::Relaxed, set.seal.field, &mut data);
        covered.update(&data);
    }
    checked
}

fn check_seal(signature: &Signature<'_>, covered: &Digest, dns: &dyn Dns, keys: &Keys, shown: &mut ArcSignature) {
    let outcome = match usable_key(signature, dns, keys, shown) {
        Err(why) => Err(why),
        Ok(key) if key.verifies(covered, &signature.signature) => Ok(verified(&key)),
        Ok(_) => Err(DkimReason::HeaderChanged),
    };
    settle(shown, outcome);
}

fn usable_key(
    signature: &Signature<'_>,
    dns: &dyn Dns,
    keys: &Keys,
    shown: &mut ArcSignature,
) -> Result<Arc<KeyRecord>, DkimReason> {
    let (question, found) = key::find(signature, dns, keys);
    shown.key = Some(question.clone());
    match found {
        _ if signature.algorithm == Algorithm::RsaSha1 => Err(DkimReason::Sha1),
        Found::NotSaved => Err(DkimReason::KeyNotSaved(question)),
        Found::Failed(status) => Err(DkimReason::KeyNotAnswered(question, status)),
        Found::Nothing => Err(DkimReason::NoKey(question)),
        Found::Unfit(record, error, _) => {
            shown.key_record = Some(record);
            Err(DkimReason::KeyUnfit(question, error))
        }
        Found::Key(key, _) => {
            shown.key_record = Some(key.clone());
            Ok(key)
        }
    }
}

fn verified(key: &KeyRecord) -> DkimReason {
    DkimReason::Verified { kind: key.kind.to_string(), bits: key.bits.unwrap_or_default() }
}

fn settle(shown: &mut ArcSignature, outcome: Result<DkimReason, DkimReason>) {
    shown.result = match &outcome {
        Ok(_) => Some(AuthResult::Pass),
        Err(DkimReason::KeyNotSaved(_)) => None,
        Err(_) => Some(AuthResult::Fail),
    };
    let (Ok(reason) | Err(reason)) = outcome;
    shown.reason = Some(reason);
}
