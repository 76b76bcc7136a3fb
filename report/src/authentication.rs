//! What `throughline auth` shows: what each system said and whether it counts, our own check beside it, and where the two
//! disagree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::headers::HeadersMessage;
use crate::own;
use crate::sample::{SampleHeaders, SampleResult, Trust, results_section};
use crate::sheet::{Block, Row, Section, Sheet, Tone};

/// The name and version of the document's form.
pub const AUTHENTICATION_SCHEMA: &str = "throughline.auth.v1";

/// A sample's authentication: what was said, and what we find ourselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthenticationReport {
    /// Always `throughline.auth.v1`.
    pub schema: String,
    /// The kind of sample, such as `message/eml`.
    pub source: String,
    /// Who and what the message is.
    pub message: HeadersMessage,
    /// Hops, results and our own check.
    pub sample: SampleHeaders,
    /// Where our own check and a result that counts differ.
    pub disagreements: Vec<Disagreement>,
}

/// Our own check and a system say different things about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disagreement {
    /// `spf`, `dkim`, `arc` or `dmarc`.
    pub method: String,
    /// The domain.
    pub domain: Option<String>,
    /// Which system.
    pub system: String,
    /// What it said.
    pub said: String,
    /// What we find.
    pub found: String,
    /// What a difference can come from, one sentence. Our check does not overrule the system's.
    pub reading: String,
}

impl AuthenticationReport {
    /// Compares what was said with our own check.
    pub fn of(source: &str, message: HeadersMessage, sample: SampleHeaders) -> AuthenticationReport {
        AuthenticationReport {
            schema: AUTHENTICATION_SCHEMA.to_owned(),
            source: source.to_owned(),
            message,
            disagreements: disagreements(&sample),
            sample,
        }
    }

    /// What is shown.
    pub fn sheet(&self) -> Sheet {
        let mut sections = vec![self.message.facts(&self.sample.file, &self.source)];
        match results_section(&self.sample, "") {
            Some(said) => sections.push(said),
            None => sections.push(Section {
                id: "results",
                title: "Authentication results".to_owned(),
                blocks: vec![Block::Text(Tone::Soft, "No system states a result in this sample.".to_owned())],
            }),
        }
        sections.extend(self.sample.own.iter().flat_map(|own| own::sections(own, "")));
        if !self.disagreements.is_empty() {
            let rows = self.disagreements.iter().map(row).collect();
            let title = "Where the two disagree".to_owned();
            sections.push(Section { id: "disagreements", title, blocks: vec![Block::Rows(rows)] });
        }
        Sheet { title: self.message.subject.clone().unwrap_or_else(|| "One message".to_owned()), sections }
    }
}

fn row(one: &Disagreement) -> Row {
    let domain = one.domain.as_ref().map_or(String::new(), |domain| format!(" for {domain}"));
    Row {
        tone: Tone::Odd,
        lead: format!("{}{domain}", one.method),
        text: format!("{} said {}, we find {}", one.system, one.said, one.found),
        notes: vec![one.reading.clone()],
        ..Row::default()
    }
}

/// Each counted result of SPF, DKIM, ARC and DMARC against the own check of the same domain. Words that say neither yes nor
/// no are no disagreement.
fn disagreements(sample: &SampleHeaders) -> Vec<Disagreement> {
    let Some(own) = &sample.own else { return Vec::new() };
    let mut found: Vec<Disagreement> = Vec::new();
    for said in sample.results.iter().filter(|result| result.trust != Trust::NotTrusted) {
        let same: Vec<&own::OwnResult> = own
            .results
            .iter()
            .filter(|own| own.method == said.method && (said.domain.is_none() || own.domain == said.domain))
            .collect();
        let Some(yes) = is_yes(&said.result) else { continue };
        let answers: Vec<bool> = same.iter().filter_map(|own| is_yes(own.result.as_deref()?)).collect();
        if answers.is_empty() || answers.contains(&yes) {
            continue;
        }
        let Some(first) = same.first() else { continue };
        let one = Disagreement {
            method: said.method.clone(),
            domain: said.domain.clone(),
            system: said.system.clone(),
            said: said.result.clone(),
            found: first.result.clone().unwrap_or_default(),
            reading: reading(said, yes, own.client.as_deref()),
        };
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn is_yes(result: &str) -> Option<bool> {
    match result {
        "pass" => Some(true),
        "fail" | "softfail" | "permerror" => Some(false),
        _ => None,
    }
}

fn reading(said: &SampleResult, it_passed: bool, own_client: Option<&str>) -> String {
    if let (Some(theirs), Some(own)) = (&said.client, own_client)
        && theirs != own
    {
        return format!("it checked {theirs}; we check {own}, the first address that connected to our side");
    }
    match (said.method.as_str(), said.trust, it_passed) {
        ("spf", Trust::Ours, false) => {
            "it may have checked another address than the first one that connected to our side: that of a gateway between"
        }
        ("spf", ..) => "it may have checked another address, or the record has changed since",
        ("dkim" | "arc", Trust::Ours, false) => {
            "a system between may have changed the message before it was checked there, or the key has changed since"
        }
        ("dkim" | "arc", _, true) => "the sample may have been changed after it was checked, or the key has changed since",
        _ => "what it rests on differs: see the other lines; the records may have changed since",
    }
    .to_owned()
}
