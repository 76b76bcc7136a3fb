//! What a sample's header fields tell of its way and of who checked it: as data, and as sections to be drawn.

use evidence::{AuthMethod, AuthenticatedSender, Authentication, Fact, Observation, Tls};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trace::{Admd, Because, Hops, Judged, Leg, Took};

use crate::document::Cite;
use crate::own::{self, OwnCheck};
use crate::sheet::{Bar, Block, Row, Section, Tone};
use crate::view;

/// The header of one sample: its hops, and every authentication result in it with whether it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampleHeaders {
    /// The sample's file.
    pub file: String,
    /// The hops in the order of the way, the sender's first.
    pub hops: Vec<SampleHop>,
    /// Seconds from the first to the last hop whose clocks agree; null if there are none.
    pub total_seconds: Option<i64>,
    /// Every authentication result, in the order of the fields from the top.
    pub results: Vec<SampleResult>,
    /// Every authserv-id that results name, once.
    pub authserv_ids: Vec<AuthservId>,
    /// Every filter's verdict, folder and release mark, in the order of the fields from the top.
    #[serde(default)]
    pub filters: Vec<SampleWord>,
    /// Our own check, where the raw message allows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnCheck>,
}

/// One Received field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampleHop {
    /// The sending server, as the field names it.
    pub from: Option<String>,
    /// The receiving server.
    pub by: Option<String>,
    /// The transport's words, such as `ESMTPS`.
    pub with: Option<String>,
    /// The name by which the sending server called itself, where it differs from the one its address resolves to.
    pub helo: Option<String>,
    /// Who logged in to send it, where the field says that somebody did: a name, or `not named`.
    pub authenticated_sender: Option<String>,
    /// TLS version and cipher as written; null if the field does not state them.
    pub tls: Option<String>,
    /// When it was received, by the clock of the server that wrote the field.
    pub at: Option<Timestamp>,
    /// Who runs the receiving server, as far as its name shows; null if it names none.
    pub admd: Option<String>,
    /// The stretch of the way.
    pub phase: Phase,
    /// Seconds since the hop before; null for the first, and where the clocks cannot be right.
    pub delay_seconds: Option<i64>,
    /// The delay's share of the whole, in thousandths.
    pub share_permille: Option<u32>,
    /// Seconds by which this hop's clock is ahead (negative: behind) at the least; null if it agrees with the others.
    pub skew_seconds: Option<i64>,
    /// Whether the delay is about a whole number of half hours, as a wrongly set zone would make it look.
    pub may_be_zone: bool,
    /// Where it is written.
    pub cite: Cite,
}

/// A stretch of the way, by whose servers it runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Everything before our first server.
    Sender,
    /// A filtering service directly in front of our mail system, or a server that `--trust` names.
    Gateway,
    /// Our mail system.
    OurSystem,
    /// The mailbox store.
    Mailbox,
}

/// An authentication result in a sample, and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampleResult {
    /// `spf`, `dkim`, `dmarc`, `arc` or `compauth`.
    pub method: String,
    /// The result, as RFC 8601 spells it, or as written.
    pub result: String,
    /// The domain it is about.
    pub domain: Option<String>,
    /// The authserv-id as written.
    pub authserv_id: Option<String>,
    /// Who speaks.
    pub system: String,
    /// Whose word it is.
    pub trust: Trust,
    /// Why it counts, or does not.
    pub because: String,
    /// The address that was checked (SPF), where the field names it.
    pub client: Option<String>,
    /// What the receiver applied (DMARC).
    pub disposition: Option<String>,
    /// The reason or comment as written.
    pub reason: Option<String>,
    /// What a vendor's reason code means, in our words.
    pub means: Option<String>,
    /// Where it is written.
    pub cite: Cite,
}

/// What a filter wrote into a sample, and whether it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampleWord {
    /// Who speaks.
    pub system: String,
    /// What is said, in our words.
    pub said: String,
    /// Whose word it is.
    pub trust: Trust,
    /// Why it counts, or does not.
    pub because: String,
    /// Where it is written.
    pub cite: Cite,
}

/// Whose word a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Our mail system's.
    Ours,
    /// A gateway's directly in front of our mail system.
    Gateway,
    /// Nobody's whom we trust: shown, never counted.
    NotTrusted,
}

/// An authserv-id that results name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthservId {
    /// As written.
    pub id: String,
    /// Whether any of its results counts.
    pub trust: Trust,
    /// Whether its results would count if the user named it (`--trust`): not those that stand where the message brought them.
    pub could_be_named: bool,
}

impl Phase {
    /// The phase in words for people.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Sender => "sender's side",
            Phase::Gateway => "gateway in front of our mail system",
            Phase::OurSystem => "our mail system",
            Phase::Mailbox => "mailbox store",
        }
    }
}

impl From<trace::Phase> for Phase {
    fn from(phase: trace::Phase) -> Phase {
        match phase {
            trace::Phase::Sender => Phase::Sender,
            trace::Phase::Gateway => Phase::Gateway,
            trace::Phase::OurSystem => Phase::OurSystem,
            trace::Phase::Mailbox => Phase::Mailbox,
        }
    }
}

impl From<&trace::Trust> for Trust {
    fn from(trust: &trace::Trust) -> Trust {
        match trust {
            trace::Trust::Ours(_) => Trust::Ours,
            trace::Trust::Gateway(_) => Trust::Gateway,
            trace::Trust::NotTrusted(_) => Trust::NotTrusted,
        }
    }
}

impl SampleHeaders {
    /// Reads hops and results out of one sample's observations, in the order of its fields.
    ///
    /// `trusted` are names of hosts or domains that the user calls ours.
    pub fn of(sample: &[&Observation], trusted: &[String]) -> SampleHeaders {
        let hops = trace::hops(sample, trusted);
        let judged = trace::judge(sample, &hops, trusted);
        let results: Vec<SampleResult> = judged.iter().filter_map(result).collect();
        SampleHeaders {
            file: sample.first().map_or(String::new(), |first| first.cite.file.to_string()),
            hops: hops.legs.iter().rev().map(hop).collect(),
            total_seconds: total(&hops),
            authserv_ids: ids(&judged),
            filters: judged.iter().filter_map(word).collect(),
            results,
            own: None,
        }
    }

    /// Whether there is anything to show.
    pub fn is_empty(&self) -> bool {
        self.hops.is_empty() && self.results.is_empty()
    }
}

fn total(hops: &Hops<'_>) -> Option<i64> {
    hops.total.map(|total| total.as_secs())
}

fn hop(leg: &Leg<'_>) -> SampleHop {
    let (delay, skew) = match leg.took {
        Took::Delay(delay) => (Some(delay.as_secs()), None),
        Took::Skew(skew) => (None, Some(skew.as_secs())),
        Took::First | Took::NotStated => (None, None),
    };
    SampleHop {
        from: leg.hop.from.as_ref().map(ToString::to_string),
        by: leg.hop.by.as_ref().map(ToString::to_string),
        with: leg.hop.with.clone(),
        helo: leg.hop.helo.clone(),
        authenticated_sender: leg.hop.authenticated_sender.as_ref().map(|sender| match sender {
            AuthenticatedSender::User(user) => user.clone(),
            AuthenticatedSender::NotNamed => "not named".to_owned(),
        }),
        tls: leg.hop.tls.as_ref().map(tls),
        at: leg.when.map(|when| when.at),
        admd: match leg.admd {
            Admd::Service(name) | Admd::Domain(name) => Some(name.to_owned()),
            Admd::NotNamed => None,
        },
        phase: leg.phase.into(),
        delay_seconds: delay,
        share_permille: leg.share_permille,
        skew_seconds: skew,
        may_be_zone: leg.may_be_zone(),
        cite: Cite::from(leg.cite),
    }
}

/// `TLSv1.3, TLS_AES_256_GCM_SHA384`, or the writer's words where they name neither.
fn tls(tls: &Tls) -> String {
    let parts: Vec<&str> = tls.version.as_deref().into_iter().chain(tls.cipher.as_deref()).collect();
    if parts.is_empty() { tls.said.clone() } else { parts.join(", ") }
}

fn result(judged: &Judged<'_>) -> Option<SampleResult> {
    let Fact::Authentication(stated) = &judged.observation.fact else { return None };
    Some(SampleResult {
        method: stated.method.id().to_owned(),
        result: stated.result.word().to_owned(),
        domain: stated.domain.clone(),
        authserv_id: stated.authserv_id.clone(),
        system: judged.observation.speaker.to_string(),
        trust: Trust::from(&judged.trust),
        because: judged.trust.because().to_string(),
        client: stated.client.clone(),
        disposition: stated.disposition.clone(),
        reason: stated.reason.clone(),
        means: stated
            .reason
            .as_deref()
            .filter(|_| stated.method == AuthMethod::CompAuth)
            .and_then(sources::compauth_reason)
            .map(str::to_owned),
        cite: Cite::from(&judged.observation.cite),
    })
}

fn word(judged: &Judged<'_>) -> Option<SampleWord> {
    let fact = &judged.observation.fact;
    (!matches!(fact, Fact::Authentication(_))).then(|| SampleWord {
        system: judged.observation.speaker.to_string(),
        said: layers::of_fact(fact),
        trust: Trust::from(&judged.trust),
        because: judged.trust.because().to_string(),
        cite: Cite::from(&judged.observation.cite),
    })
}

fn ids(judged: &[Judged<'_>]) -> Vec<AuthservId> {
    let mut ids: Vec<AuthservId> = Vec::new();
    for one in judged {
        let Fact::Authentication(Authentication { authserv_id: Some(id), .. }) = &one.observation.fact else {
            continue;
        };
        let trust = Trust::from(&one.trust);
        let could_be_named = matches!(one.trust.because(), Because::Stranger(_) | Because::NoHops);
        match ids.iter_mut().find(|known| known.id.eq_ignore_ascii_case(id)) {
            Some(known) => {
                known.could_be_named |= could_be_named;
                known.trust = if known.trust == Trust::NotTrusted { trust } else { known.trust };
            }
            None => ids.push(AuthservId { id: id.clone(), trust, could_be_named }),
        }
    }
    ids
}

/// The samples' sections in a report.
pub(crate) fn sections(samples: &[SampleHeaders]) -> Vec<Section> {
    let several = samples.len() > 1;
    let mut sections = Vec::new();
    for sample in samples.iter().filter(|sample| !sample.is_empty()) {
        let of = if several { format!(" of {}", sample.file) } else { String::new() };
        sections.extend(hops_section(sample, &of));
        sections.extend(results_section(sample, &of));
        sections.extend(sample.own.iter().flat_map(|own| own::sections(own, &of)));
    }
    sections
}

/// The hops, oldest first, with how long each took.
pub(crate) fn hops_section(sample: &SampleHeaders, of: &str) -> Option<Section> {
    if sample.hops.is_empty() {
        return None;
    }
    let mut phase = None;
    let bars = sample.hops.iter().map(|hop| {
        let group = (phase != Some(hop.phase)).then(|| hop.phase.word().to_owned());
        phase = Some(hop.phase);
        bar(hop, group)
    });
    let mut blocks = vec![Block::Bars(bars.collect())];
    blocks.push(Block::Text(Tone::Plain, summary(sample)));
    Some(Section { id: "hops", title: format!("The hops{of}, oldest first"), blocks })
}

fn bar(hop: &SampleHop, group: Option<String>) -> Bar {
    let name = |side: &Option<String>| side.clone().unwrap_or_else(|| "unnamed host".to_owned());
    let label = match (&hop.from, &hop.by) {
        (None, by) => format!("within {}", name(by)),
        (from, by) => format!("{} → {}", short(&name(from)), short(&name(by))),
    };
    let (value, tone) = match (hop.delay_seconds, hop.skew_seconds, hop.at) {
        (Some(delay), ..) => (view::span(SignedDuration::from_secs(delay)), slow(delay)),
        (None, Some(skew), _) => {
            let which = if skew > 0 { "ahead" } else { "behind" };
            (format!("clock {} {which}", view::span(SignedDuration::from_secs(skew.abs()))), Tone::Odd)
        }
        (None, None, Some(_)) => ("start".to_owned(), Tone::Soft),
        (None, None, None) => ("no time".to_owned(), Tone::Odd),
    };
    let mut notes: Vec<String> = Vec::new();
    let mut transport: Vec<&str> = hop.with.as_deref().into_iter().chain(hop.tls.as_deref()).collect();
    transport.dedup();
    let at = hop.at.map(view::instant).into_iter();
    notes.push(at.chain(transport.iter().map(|word| (*word).to_owned())).collect::<Vec<_>>().join(" · "));
    if let Some(helo) = hop.helo.as_ref().filter(|helo| !hop.from.as_deref().unwrap_or("").starts_with(helo.as_str())) {
        notes.push(format!("called itself {helo}"));
    }
    notes.extend(hop.authenticated_sender.as_ref().map(|user| format!("logged in: {user}")));
    if hop.may_be_zone {
        notes.push("about whole half hours: a wrongly set clock or zone would look the same".to_owned());
    }
    notes.retain(|note| !note.is_empty());
    Bar { group, label, value, share_permille: hop.share_permille, tone, notes }
}

/// A host's name without its address, where it has one.
fn short(peer: &str) -> &str {
    peer.split(" [").next().unwrap_or(peer)
}

/// A delay of a minute is worth a look, one of ten is trouble.
fn slow(seconds: i64) -> Tone {
    match seconds {
        ..60 => Tone::Plain,
        60..600 => Tone::Warn,
        _ => Tone::Bad,
    }
}

fn summary(sample: &SampleHeaders) -> String {
    let skewed = sample.hops.iter().filter(|hop| hop.skew_seconds.is_some()).count();
    let silent = sample.hops.iter().filter(|hop| hop.at.is_none()).count();
    let mut text = match sample.total_seconds {
        Some(total) => format!(
            "{} from the first to the last hop{}.",
            view::span(SignedDuration::from_secs(total)),
            if skewed > 0 { " whose clocks agree" } else { "" }
        ),
        None => "No two hops state instants from which a delay would follow.".to_owned(),
    };
    if skewed > 0 {
        text.push_str(&format!(
            " {} cannot be right beside the others: shown as skew, and no delay is taken from it.",
            if skewed == 1 { "One clock".to_owned() } else { format!("{skewed} clocks") }
        ));
    }
    if silent > 0 {
        text.push_str(&format!(" {silent} without a readable time."));
    }
    text.push_str(" What stands below our first server may be forged.");
    text
}

/// Every result with whose word it is, and the ids that could be configured.
pub(crate) fn results_section(sample: &SampleHeaders, of: &str) -> Option<Section> {
    if sample.results.is_empty() {
        return None;
    }
    let mut blocks = Vec::new();
    for (trust, title) in [
        (Trust::Ours, "Our mail system states (counts):"),
        (Trust::Gateway, "The gateway in front of it states (its own word, about what it saw):"),
        (Trust::NotTrusted, "Written by nobody we trust (shown, never counted):"),
    ] {
        let stated = sample.results.iter().filter(|result| result.trust == trust);
        blocks.extend(stated_blocks(title, &stated.collect::<Vec<_>>()));
    }
    let strangers: Vec<String> = sample
        .authserv_ids
        .iter()
        .filter(|id| id.trust == Trust::NotTrusted && id.could_be_named && is_plain(&id.id))
        .map(|id| format!("--trust {}", id.id))
        .collect();
    if !strangers.is_empty() {
        let text = "If one of these is a server of ours, say so and run it again:";
        blocks.push(Block::Text(Tone::Plain, text.to_owned()));
        blocks.push(Block::Commands(strangers));
    }
    Some(Section { id: "results", title: format!("Authentication results{of}, and whether they count"), blocks })
}

/// Whether an id may stand in a command line as it is: senders choose what they write.
fn is_plain(id: &str) -> bool {
    id.len() <= 253
        && !id.starts_with('-')
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// Results under a title, those of one field together.
pub(crate) fn stated_blocks(title: &str, results: &[&SampleResult]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for of_field in results.chunk_by(|a, b| a.cite.bytes == b.cite.bytes && a.because == b.because) {
        let Some(first) = of_field.first() else { continue };
        if blocks.is_empty() {
            blocks.push(Block::Text(Tone::Soft, title.to_owned()));
        }
        let writer = format!("{} in {}: {}", first.system, first.cite.place(), first.because);
        blocks.push(Block::Text(Tone::Plain, writer));
        blocks.push(Block::Rows(of_field.iter().map(|result| row(result)).collect()));
    }
    blocks
}

/// One result as a row.
fn row(result: &SampleResult) -> Row {
    let domain = result.domain.as_ref().map(|domain| format!("for {domain}"));
    let applied = result.disposition.as_ref().map(|done| format!("applied: {done}"));
    let reason = result.reason.as_ref().map(|reason| match &result.means {
        Some(means) => format!("reason {reason}: {means}"),
        None => reason.clone(),
    });
    Row {
        tone: if result.trust == Trust::NotTrusted { Tone::Soft } else { tone(&result.result) },
        lead: format!("{}={}", result.method, result.result),
        text: [domain, applied, reason].into_iter().flatten().collect::<Vec<_>>().join("; "),
        ..Row::default()
    }
}

/// The tone of a result word.
pub(crate) fn tone(result: &str) -> Tone {
    match result {
        "pass" => Tone::Good,
        "fail" | "permerror" => Tone::Bad,
        "softfail" | "policy" => Tone::Warn,
        "temperror" => Tone::Odd,
        "none" | "neutral" => Tone::Soft,
        _ => Tone::Warn,
    }
}
