//! Our own check of a sample, beside what the systems said and never instead of it.

use std::ops::Range;

use auth::arc::ArcCheck;
use auth::dkim::{DkimCheck, DkimNote};
use auth::dmarc::{AlignmentMode, DmarcCheck};
use auth::spf::{LookupStep, Reached, SpfCheck};
use auth::{Checked, Envelope, Extent};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Cite;
use crate::sample::tone;
use crate::sheet::{Block, Row, Section, Tone};
use crate::view;

/// What our own check of a sample came to: a speaker of its own, from the raw bytes and saved DNS answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnCheck {
    /// The address that connected to the first server of our side.
    pub client: Option<String>,
    /// The name that it gave.
    pub helo: Option<String>,
    /// RFC 5321 MAIL FROM; empty text for the null sender.
    pub envelope_sender: Option<String>,
    /// When our side took the message.
    pub at: Option<Timestamp>,
    /// Where these four come from, one sentence.
    pub taken_from: String,
    /// How many DNS answers there were to check with.
    pub dns_answers: u64,
    /// One entry a check.
    pub results: Vec<OwnResult>,
    /// Questions whose answers would settle what could not be checked, such as `TXT _dmarc.example.com`.
    pub needs: Vec<String>,
    /// What could not be checked for other reasons than missing answers, one sentence each.
    pub not_checked: Vec<String>,
}

/// One check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnResult {
    /// `spf`, `spf helo`, `dkim`, `arc` or `dmarc`.
    pub method: String,
    /// The domain that was checked.
    pub domain: Option<String>,
    /// The result as RFC 8601 spells it; null if it could not be checked.
    pub result: Option<String>,
    /// Why, one sentence.
    pub reason: String,
    /// What else was found: what broke it, limits, alignment, obsolete tags.
    pub details: Vec<String>,
    /// The field that was checked.
    pub cite: Option<Cite>,
}

impl OwnCheck {
    /// Puts a check into words. `cite` gives the cite of a field by its bytes within the message.
    pub fn of(
        checked: &Checked,
        envelope: &Envelope,
        extent: Extent,
        taken_from: String,
        dns_answers: u64,
        cite: impl Fn(&Range<usize>) -> Option<Cite>,
    ) -> OwnCheck {
        let mut results: Vec<OwnResult> = Vec::new();
        results.extend(checked.spf.as_ref().map(|spf| of_spf("spf", spf)));
        results.extend(checked.helo.as_ref().map(|spf| of_spf("spf helo", spf)));
        results.extend(checked.dkim.iter().map(|dkim| OwnResult { cite: cite(&dkim.field), ..of_dkim(dkim) }));
        if let Some(arc) = checked.arc.as_ref().filter(|arc| !arc.sets.is_empty() || is_chain_broken(arc)) {
            let seal = arc.sets.last().and_then(|set| cite(&set.seal.field));
            results.push(OwnResult { cite: seal, ..of_arc(arc) });
        }
        results.push(of_dmarc(&checked.dmarc));
        OwnCheck {
            client: envelope.client.map(|client| client.to_string()),
            helo: Some(envelope.helo.clone()).filter(|helo| !helo.is_empty()),
            envelope_sender: envelope.sender.clone(),
            at: envelope.at,
            taken_from,
            dns_answers,
            results,
            needs: checked.needs.iter().map(ToString::to_string).collect(),
            not_checked: not_checked(checked, envelope, extent),
        }
    }

    /// Whether anything came out of it: a result, or that a body is not as it was signed.
    pub fn says_something(&self) -> bool {
        self.results.iter().any(|result| result.result.is_some() && result.result.as_deref() != Some("none"))
            || self.results.iter().any(|result| result.method == "dkim")
    }
}

fn is_chain_broken(arc: &ArcCheck) -> bool {
    arc.result == Some(evidence::AuthResult::Fail)
}

fn not_checked(checked: &Checked, envelope: &Envelope, extent: Extent) -> Vec<String> {
    let mut said = Vec::new();
    if checked.spf.is_none() {
        let missing = match (envelope.client, &envelope.sender) {
            (None, None) => "client address and envelope sender are",
            (None, _) => "client address is",
            _ => "envelope sender is",
        };
        said.push(format!("SPF: the {missing} not known; name them with --client and --sender"));
    }
    if extent == Extent::HeaderOnly {
        said.push(
            "DKIM and ARC: they need the raw message as it was received (.eml); header fields alone, a .msg, or a message \
             within another one do not have its bytes"
                .to_owned(),
        );
    }
    said
}

fn of_spf(method: &str, spf: &SpfCheck) -> OwnResult {
    let mut details = Vec::new();
    if let Some((question, text)) = &spf.record {
        details.push(format!("record ({question}): {text}"));
    }
    if spf.result.is_some() && spf.record.is_some() {
        let total = match spf.total_lookups {
            Some(total) if total != spf.lookups => format!("; the whole record needs {total}"),
            _ => String::new(),
        };
        details.push(format!(
            "look-ups: {} of 10 to the decision{total}; {} of 2 with an empty answer",
            spf.lookups, spf.void_lookups
        ));
    }
    if spf.total_lookups.is_none_or(|total| total > 10) && spf.lookup_tree.len() > 10 {
        details.push(format!("over the limit of 10 at: {}", step(&spf.lookup_tree[10])));
    }
    let heavy = spf.lookup_tree.iter().filter(|step| step.depth == 0);
    let tree: Vec<String> = heavy.map(step).collect();
    if tree.len() > 1 {
        details.push(format!("what the look-ups are spent on: {}", tree.join("; ")));
    }
    details.extend(spf.explanation.as_ref().map(|text| format!("the domain's own explanation: {text}")));
    OwnResult {
        method: method.to_owned(),
        domain: Some(spf.domain.clone()),
        result: spf.result.as_ref().map(|result| result.word().to_owned()),
        reason: spf.reason.to_string(),
        details,
        cite: None,
    }
}

fn step(step: &LookupStep) -> String {
    let only = if step.reached == Reached::OnlyCounted { ", not reached" } else { "" };
    format!("{} of {} (look-up {}{only})", step.term, step.domain, step.count)
}

fn of_dkim(dkim: &DkimCheck) -> OwnResult {
    let mut details = Vec::new();
    let by = [
        dkim.selector.as_ref().map(|selector| format!("selector {selector}")),
        dkim.algorithm.map(|algorithm| algorithm.id().to_owned()),
        dkim.canonicalization.as_ref().map(ToString::to_string),
    ];
    let by: Vec<String> = by.into_iter().flatten().collect();
    if !by.is_empty() {
        details.push(by.join(", "));
    }
    if let Some(broken) = &dkim.broken {
        details.extend(broken.body.as_ref().map(|cause| format!("what changed in the body: {cause}")));
        details.extend(broken.header.as_ref().map(|cause| format!("what changed in the header: {cause}")));
    }
    // What the sentence of the reason says already stands there only once.
    let said = |note: &&DkimNote| !matches!(note, DkimNote::Expired { .. }) || dkim.result.is_none();
    details.extend(dkim.notes.iter().filter(said).map(ToString::to_string));
    OwnResult {
        method: "dkim".to_owned(),
        domain: dkim.domain.clone(),
        result: dkim.result.as_ref().map(|result| result.word().to_owned()),
        reason: dkim.reason.to_string(),
        details,
        cite: None,
    }
}

fn of_arc(arc: &ArcCheck) -> OwnResult {
    let word = |result: &Option<evidence::AuthResult>| {
        result.as_ref().map_or("not checked".to_owned(), |result| result.word().to_owned())
    };
    let details = arc.sets.iter().map(|set| {
        format!(
            "set {}: sealed by {} ({}), message signature {}",
            set.instance,
            set.seal.domain.as_deref().unwrap_or("nobody named"),
            word(&set.seal.result),
            word(&set.message.result)
        )
    });
    OwnResult {
        method: "arc".to_owned(),
        domain: arc.sets.last().and_then(|set| set.seal.domain.clone()),
        result: arc.result.as_ref().map(|result| result.word().to_owned()),
        reason: arc.reason.to_string(),
        details: details.collect(),
        cite: None,
    }
}

fn of_dmarc(dmarc: &DmarcCheck) -> OwnResult {
    let mut details = Vec::new();
    if let (Some(text), Some(at)) = (&dmarc.record_text, &dmarc.found_at) {
        details.push(format!("record of {at}: {text}"));
    }
    if let (Some(policy), Some(tag)) = (dmarc.policy, dmarc.policy_tag) {
        let lowered = match dmarc.requested_policy {
            Some(requested) if requested != policy => format!(", lowered to {} while testing (t=y)", requested.id()),
            _ => String::new(),
        };
        details.push(format!("policy {} (tag {}){lowered}", policy.id(), tag.id()));
    }
    for one in &dmarc.alignment {
        let result = one.result.as_ref().map_or("not checked", |result| result.word());
        let aligned = if one.alignment.is_aligned() { "aligned" } else { alignment_word(one.alignment) };
        let mode = match one.mode {
            AlignmentMode::Relaxed => "relaxed",
            AlignmentMode::Strict => "strict",
        };
        details.push(format!("{} {}: {result}, {aligned} ({mode})", one.method.id(), one.domain));
    }
    details.extend(dmarc.would_align.clone());
    details.extend(dmarc.notes.iter().map(ToString::to_string));
    OwnResult {
        method: "dmarc".to_owned(),
        domain: Some(dmarc.author_domain.clone()).filter(|domain| !domain.is_empty()),
        result: dmarc.result.as_ref().map(|result| result.word().to_owned()),
        reason: dmarc.reason.to_string(),
        details,
        cite: None,
    }
}

fn alignment_word(alignment: auth::dmarc::Alignment) -> &'static str {
    match alignment {
        auth::dmarc::Alignment::Identical | auth::dmarc::Alignment::SameOrganization => "aligned",
        auth::dmarc::Alignment::OnlyRelaxed => "aligned only in relaxed mode, and the record asks for strict",
        auth::dmarc::Alignment::NotAligned => "not aligned",
        auth::dmarc::Alignment::Unknown => "alignment not known: answers are missing",
    }
}

/// The own check as sections.
pub(crate) fn sections(own: &OwnCheck, of: &str) -> Vec<Section> {
    let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    let mut facts = vec![
        ("Client".to_owned(), said(&own.client)),
        ("HELO".to_owned(), said(&own.helo)),
        (
            "Envelope sender".to_owned(),
            match own.envelope_sender.as_deref() {
                Some("") => "<> (null sender)".to_owned(),
                _ => said(&own.envelope_sender),
            },
        ),
    ];
    facts.extend(own.at.map(|at| ("Received at".to_owned(), view::instant(at))));
    facts.push(("Taken from".to_owned(), own.taken_from.clone()));
    facts.push(("DNS answers".to_owned(), own.dns_answers.to_string()));
    let rows = own.results.iter().map(row).collect();
    let mut blocks = vec![Block::Facts(facts), Block::Rows(rows)];
    blocks.extend(own.not_checked.iter().map(|text| Block::Text(Tone::Odd, text.clone())));
    let mut sections = vec![Section { id: "own-check", title: format!("Our own check{of}"), blocks }];
    if !own.needs.is_empty() {
        let text = "Could not be checked without these records; save the answers and run it again with --dns:";
        let blocks = vec![Block::Text(Tone::Odd, text.to_owned()), Block::Commands(dig(&own.needs))];
        sections.push(Section { id: "needs", title: format!("DNS records that are needed{of}"), blocks });
    }
    sections
}

/// The command that fetches the answers: for names that a shell takes for no more than words.
fn dig(needs: &[String]) -> Vec<String> {
    let is_plain = |question: &&String| {
        question.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte)) && !question.contains(" -")
    };
    let (plain, odd): (Vec<&String>, Vec<&String>) = needs.iter().partition(is_plain);
    let mut lines: Vec<String> = Vec::new();
    if !plain.is_empty() {
        let listed: Vec<String> = plain.iter().map(|question| format!("\"{question}\"")).collect();
        lines.push(format!("for q in {}; do dig $q; done > dns.txt", listed.join(" ")));
    }
    lines.extend(odd.iter().map(|question| format!("# ask by hand: {question}")));
    lines
}

fn row(result: &OwnResult) -> Row {
    let place = result.cite.as_ref().map_or(String::new(), |cite| format!(" ({})", cite.place()));
    let domain = result.domain.as_ref().map_or(String::new(), |domain| format!("for {domain}: "));
    Row {
        tone: result.result.as_deref().map_or(Tone::Odd, tone),
        lead: format!("{}={}", result.method, result.result.as_deref().unwrap_or("not checked")),
        text: format!("{domain}{}{place}", result.reason),
        notes: result.details.clone(),
        ..Row::default()
    }
}
