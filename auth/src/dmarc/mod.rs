//! DMARC: is what SPF or DKIM vouch for aligned with the domain that the reader sees? (RFC 9989)
//!
//! [`check`] gives the result and how it came about: each name of the tree walk and what stands there, each identifier and
//! whether it is aligned, and which one would have made a failed message pass.
//!
//! RFC 7489 found organizational domains by a list of public suffixes. RFC 9989 finds them in the DNS, so that there is no
//! list here.
//!
//! ```text
//!  record: text -> tags     walk: names up to the top -> organizational domain
//!  discover: which record applies     align: which identifiers are aligned     remedy: what would have passed
//! ```

mod align;
mod discover;
mod note;
mod record;
mod remedy;
mod walk;

use evidence::{AuthMethod, AuthResult};

use crate::dns::{Dns, Question};
use crate::domain;

pub use note::{DmarcNote, DmarcReason};
pub use record::{AlignmentMode, DmarcRecord, Policy, Psd, Testing};

use discover::{Applies, Discovery};
use walk::{Found, Walk, Walker};

/// What SPF or a DKIM signature came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// SPF or DKIM; others count for nothing.
    pub method: AuthMethod,
    /// SPF: the domain of the envelope sender, or the HELO name for the null sender (RFC 9989, 3.2.4). DKIM: `d=`.
    pub domain: String,
    /// The result; `None` if it could not be checked.
    pub result: Option<AuthResult>,
}

/// What the check came to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmarcCheck {
    /// The domain of the header From, in normal form; empty if there is none.
    pub author_domain: String,
    /// Its organizational domain; `None` if answers are missing for that.
    pub organizational_domain: Option<String>,
    /// `pass`, `fail`, `none`, `temperror` or `permerror`; `None` if it could not be checked.
    pub result: Option<AuthResult>,
    /// Why.
    pub reason: DmarcReason,
    /// The record that applies.
    pub record: Option<DmarcRecord>,
    /// Its text.
    pub record_text: Option<String>,
    /// The domain whose record applies.
    pub found_at: Option<String>,
    /// The policy that the owner publishes for this domain; `None` if no record applies, or if it rests on missing answers.
    pub policy: Option<Policy>,
    /// The tag that it is from.
    pub policy_tag: Option<PolicyTag>,
    /// The policy that the owner asks for at present: one level below the published one while testing (`t=y`).
    pub requested_policy: Option<Policy>,
    /// The names that were walked from the author's domain up, and what stands there.
    pub walk: Vec<WalkStep>,
    /// Each identifier, and whether it is aligned.
    pub alignment: Vec<AlignmentCheck>,
    /// For a failed message: which identifier would have made it pass. One sentence.
    pub would_align: Option<String>,
    /// What else is worth knowing.
    pub notes: Vec<DmarcNote>,
    /// Questions whose answers led to the result.
    pub asked: Vec<Question>,
    /// Questions without a saved answer that the result rests on, or the policy of a failed message.
    pub needs: Vec<Question>,
}

/// Where in a record a policy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyTag {
    /// `p`: the domain itself, or names below it in want of the others.
    P,
    /// `sp`: names below.
    Sp,
    /// `np`: names below that do not exist.
    Np,
}

impl PolicyTag {
    /// The tag as written.
    pub fn id(self) -> &'static str {
        match self {
            PolicyTag::P => "p",
            PolicyTag::Sp => "sp",
            PolicyTag::Np => "np",
        }
    }
}

/// One name of the tree walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkStep {
    /// The domain.
    pub domain: String,
    /// The question for its record.
    pub question: Question,
    /// What stands there.
    pub found: WalkFound,
}

/// What stands at a name of the tree walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalkFound {
    /// A record, as written.
    Record(String),
    /// No record.
    Nothing,
    /// So many records that none of them counts.
    Several(usize),
    /// No answer, with the status.
    Failed(String),
    /// No saved answer.
    NotSaved,
}

/// How an identifier stands to the author's domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alignment {
    /// The very same domain.
    Identical,
    /// Of the same organizational domain, which relaxed alignment takes.
    SameOrganization,
    /// Of the same organizational domain, but the record asks for strict alignment.
    OnlyRelaxed,
    /// Of another organizational domain, or not identical where strict alignment is asked for.
    NotAligned,
    /// It rests on answers that are not there.
    Unknown,
}

impl Alignment {
    /// Whether the identifier counts.
    pub fn is_aligned(self) -> bool {
        matches!(self, Alignment::Identical | Alignment::SameOrganization)
    }
}

/// An identifier, and whether it is aligned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlignmentCheck {
    /// SPF or DKIM.
    pub method: AuthMethod,
    /// Its domain, in normal form.
    pub domain: String,
    /// Its organizational domain; `None` if answers are missing for that, or if no record applies.
    pub organizational_domain: Option<String>,
    /// What the record asks for.
    pub mode: AlignmentMode,
    /// How it stands to the author's domain.
    pub alignment: Alignment,
    /// What SPF or DKIM came to.
    pub result: Option<AuthResult>,
}

impl AlignmentCheck {
    /// Whether it passed.
    pub fn passed(&self) -> bool {
        self.result == Some(AuthResult::Pass)
    }
}

/// Checks the domains of the header From against what SPF and DKIM came to (RFC 9989, 5.3).
///
/// It asks at most eight questions for the author's domain, eight for each other domain, and four for whether the author's
/// domain exists.
pub fn check(author_domains: &[String], authenticated: &[Authenticated], dns: &dyn Dns) -> DmarcCheck {
    let author = match author_domain(author_domains) {
        Ok(author) => author,
        Err(check) => return *check,
    };
    let mut walker = Walker::new(dns);
    let walk = walker.walk(&author);
    let mut check =
        DmarcCheck { organizational_domain: walk.organizational_domain().map(str::to_owned), ..empty(author) };
    check.walk = walk.stops.iter().map(walk_step).collect();
    check.notes = walk_notes(&walk);
    match discover::record(&walk) {
        Discovery::Applies(applies) => apply(&mut check, &applies, &walk, authenticated, &mut walker, dns),
        Discovery::Nothing => {
            let reason = DmarcReason::NoRecord { domain: check.author_domain.clone() };
            settle(&mut check, Some(AuthResult::None), reason);
        }
        Discovery::Unusable { domain, notes } => {
            check.notes.extend(notes);
            settle(&mut check, Some(AuthResult::PermError), DmarcReason::RecordUnusable { domain });
        }
        Discovery::Failed { question, status } => {
            settle(&mut check, Some(AuthResult::TempError), DmarcReason::DnsFailed { question, status });
        }
        Discovery::NotSaved => {
            check.needs.extend(walk.missing().cloned());
            let reason = not_saved(&check.needs, &walk);
            settle(&mut check, None, reason);
        }
    }
    check.asked.splice(0..0, walker.asked);
    check
}

/// The one domain of the header From (RFC 9989, 5.3.1).
fn author_domain(author_domains: &[String]) -> Result<String, Box<DmarcCheck>> {
    let mut domains: Vec<String> = author_domains.iter().map(|domain| domain::normal(domain)).collect();
    domains.sort();
    domains.dedup();
    let refused = |author: String, reason: DmarcReason, notes: Vec<DmarcNote>| {
        let mut check = DmarcCheck { notes, ..empty(author) };
        settle(&mut check, Some(AuthResult::PermError), reason);
        Err(Box::new(check))
    };
    match domains.len() {
        0 => refused(String::new(), DmarcReason::NoAuthorDomain { text: String::new() }, vec![]),
        1 => {
            let domain = domains.remove(0);
            // A name of one label can be asked for as well.
            if domain::is_mail_domain(&format!("x.{domain}")) {
                Ok(domain)
            } else {
                refused(String::new(), DmarcReason::NoAuthorDomain { text: domain }, vec![])
            }
        }
        count => {
            let note = DmarcNote::SeveralAuthorDomains { domains };
            refused(String::new(), DmarcReason::SeveralAuthorDomains { count }, vec![note])
        }
    }
}

/// Applies a record: which identifiers are aligned, the result, the policy.
fn apply(
    check: &mut DmarcCheck,
    applies: &Applies<'_>,
    walk: &Walk,
    authenticated: &[Authenticated],
    walker: &mut Walker<'_>,
    dns: &dyn Dns,
) {
    let record = &applies.reading.record;
    check.notes.extend(applies.reading.notes.iter().cloned());
    check.record = Some(record.clone());
    check.record_text = Some(applies.text.to_owned());
    check.found_at = Some(applies.domain.to_owned());

    let identifiers = align::identifiers(walk, record, authenticated, walker);
    let (result, reason) = align::result(walk, &identifiers, &mut check.needs);
    check.alignment = identifiers.into_iter().map(|identifier| identifier.check).collect();

    let policy = discover::policy(applies, walk.start(), dns, &mut check.asked);
    check.policy = policy.as_ref().ok().map(|(policy, _)| *policy);
    check.policy_tag = policy.as_ref().ok().map(|(_, tag)| *tag);
    check.requested_policy = check.policy.map(|policy| match record.testing {
        Testing::On => policy.lowered(),
        Testing::Off => policy,
    });
    if result != Some(AuthResult::Pass) {
        match policy {
            Err(discover::NoPolicy::NotSaved(question)) => check.needs.push(question),
            Err(discover::NoPolicy::Failed) => check.notes.push(DmarcNote::ExistenceUnknown),
            Ok(_) => {}
        }
    }
    settle(check, result, reason);
    if check.result == Some(AuthResult::Fail) {
        check.would_align = Some(remedy::sentence(check));
    }
}

fn settle(check: &mut DmarcCheck, result: Option<AuthResult>, reason: DmarcReason) {
    check.result = result;
    check.reason = reason;
}

fn empty(author_domain: String) -> DmarcCheck {
    DmarcCheck {
        author_domain,
        organizational_domain: None,
        result: None,
        reason: DmarcReason::NothingPassed,
        record: None,
        record_text: None,
        found_at: None,
        policy: None,
        policy_tag: None,
        requested_policy: None,
        walk: Vec::new(),
        alignment: Vec::new(),
        would_align: None,
        notes: Vec::new(),
        asked: Vec::new(),
        needs: Vec::new(),
    }
}

fn not_saved(needs: &[Question], walk: &Walk) -> DmarcReason {
    let question = needs.first().unwrap_or(&walk.stops[0].question).clone();
    DmarcReason::NotSaved { question, count: needs.len() }
}

fn walk_step(stop: &walk::Stop) -> WalkStep {
    let found = match &stop.found {
        Found::Record { text, .. } => WalkFound::Record(text.clone()),
        Found::Nothing => WalkFound::Nothing,
        Found::Several(count) => WalkFound::Several(*count),
        Found::Failed(status) => WalkFound::Failed(status.to_string()),
        Found::NotSaved => WalkFound::NotSaved,
    };
    WalkStep { domain: stop.domain.clone(), question: stop.question.clone(), found }
}

/// What the walk showed beside the record that applies.
fn walk_notes(walk: &Walk) -> Vec<DmarcNote> {
    let mut notes = Vec::new();
    for stop in &walk.stops {
        let name = || stop.question.name.clone();
        for text in stop.almost.iter() {
            notes.push(DmarcNote::AlmostRecord { name: name(), text: text.clone() });
        }
        match &stop.found {
            Found::Several(count) => notes.push(DmarcNote::SeveralRecords { name: name(), count: *count }),
            Found::Record { reading, .. } => match reading.record.psd {
                Psd::PublicSuffix => notes.push(DmarcNote::PublicSuffix { domain: stop.domain.clone() }),
                Psd::Organizational => notes.push(DmarcNote::Organizational { domain: stop.domain.clone() }),
                Psd::Unsaid => {}
            },
            Found::Nothing | Found::Failed(_) | Found::NotSaved => {}
        }
    }
    notes
}
