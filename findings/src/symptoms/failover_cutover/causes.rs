//! Why live mail fails where the test went well: in which mark the two differ, and which record says so.

use std::collections::BTreeSet;

use evidence::{Cite, Effect, Setting, SettingClass, SourceId};

use super::super::refusal::Refusal;
use super::super::{Stated, Survey};
use super::cutover::{Cutover, Sort as CutoverSort, exchanger};
use super::live::{Failing, Former, Live, domains};
use super::tested::{Sort, Tested, host, list, property};
use crate::Standing;
use crate::policy::is_within;

/// In what the tested and the live way differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Server,
    Connector,
    Encryption,
    Sender,
    Recipients,
    Source,
    Unknown,
}

/// The cause, and what carries it.
pub(super) struct Why {
    pub(super) specific: Option<&'static str>,
    pub(super) standing: Standing,
    /// In words that go on after a comma.
    pub(super) because: String,
    pub(super) cites: Vec<Cite>,
    pub(super) ask_for: Vec<SourceId>,
    pub(super) field: Field,
}

/// Whether live mail came where the test was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The tested server, connector or door is the one that live mail meets.
    Same,
    /// Live mail goes elsewhere.
    Other,
}

/// What is looked at together.
pub(super) struct Scene<'a> {
    pub(super) survey: &'a Survey<'a>,
    pub(super) live: &'a Live<'a>,
    pub(super) group: &'a Failing,
    pub(super) test: &'a Tested,
    pub(super) cutovers: &'a [Cutover],
    pub(super) former: Option<&'a Former>,
}

const CONNECTORS: SourceId = "exchange-online/connectors";

/// How a test and a group hang together; `None` if nothing ties them.
pub(super) fn relation(survey: &Survey<'_>, live: &Live<'_>, test: &Tested, group: &Failing) -> Option<Relation> {
    let connector = survey.text(group.connector);
    let by_connector = test.connector.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(connector));
    let at_door = group.way.peer.is_none() && test.hosts.iter().any(|one| is_machine(live.speaker(group.way), one));
    let is_hosts = group.way.peer.is_some() && test.hosts.iter().any(|one| group.hosts.contains(one));
    if by_connector || at_door || is_hosts {
        return Some(Relation::Same);
    }
    let shares = |one: &BTreeSet<String>, other: &BTreeSet<String>| !domains(one).is_disjoint(&domains(other));
    let is_tied = shares(&test.recipients, &group.recipients) || shares(&test.senders, &group.senders);
    (test.sort == Sort::Probe && is_tied && !test.hosts.is_empty()).then_some(Relation::Other)
}

/// Whether a speaker such as `postfix/mx1` is the machine of a host name.
fn is_machine(speaker: &str, host: &str) -> bool {
    let Some(machine) = speaker.split('/').nth(1).filter(|machine| !machine.is_empty()) else { return false };
    let is_head =
        |whole: &str, head: &str| whole.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    is_head(host, machine) || is_head(machine, host)
}

/// The cause for a group that failed where the test went well, or elsewhere.
pub(super) fn why(scene: &Scene<'_>, relation: Relation) -> Option<Why> {
    match relation {
        Relation::Other => elsewhere(scene),
        Relation::Same => there(scene),
    }
}

/// Live mail fails at another server than the tested one.
fn elsewhere(scene: &Scene<'_>) -> Option<Why> {
    let (survey, group, test) = (scene.survey, scene.group, scene.test);
    // Mail that goes through to the tested server did move: what fails elsewhere is another matter.
    if scene.live.went_through_to(&test.hosts, test.at) {
        return None;
    }
    let planned = scene.cutovers.iter().any(|one| matches!(one.sort, CutoverSort::Change | CutoverSort::Dns));
    // A server that no longer serves the domain at all was taken out: that is a cutover by itself.
    let is_retired = matches!(group.refusal, Refusal::Relay | Refusal::Hostname) && group.through == 0;
    if !planned && !is_retired && (scene.former.is_none() || group.before > 0) {
        return None;
    }
    let live = scene.live.words(group.way);
    let asked = test.hosts.iter().next().cloned().unwrap_or_default();
    let points: Vec<_> = survey
        .dns()
        .into_iter()
        .filter(|answer| {
            let fact = answer.fact;
            let names = |one: &String| group.hosts.contains(one) || is_machine(scene.live.speaker(group.way), one);
            match fact.record_type.to_ascii_uppercase().as_str() {
                "MX" => fact.data.iter().any(|data| names(&exchanger(data))),
                "A" | "AAAA" => {
                    test.hosts.contains(&fact.name) && fact.data.iter().any(|data| group.hosts.contains(data))
                }
                _ => false,
            }
        })
        .collect();
    if let Some(answer) = points.first() {
        let ttl = answer.fact.ttl_seconds.map(|ttl| format!(" (kept for {ttl} s)")).unwrap_or_default();
        return Some(Why {
            specific: Some("dns-or-mx-points-elsewhere"),
            standing: Standing::Proved,
            because: format!(
                "the DNS answers {} for {} {}{ttl}, which is {live} and not the tested {asked}",
                answer.fact.data.join(", "),
                answer.fact.record_type,
                answer.fact.name
            ),
            cites: points.iter().take(2).map(Stated::cite).collect(),
            ask_for: Vec::new(),
            field: Field::Server,
        });
    }
    let named: Vec<_> =
        survey.settings().into_iter().filter(|setting| names_host(setting.fact, &group.hosts)).collect();
    let is_door = group.way.peer.is_none();
    let has_log = !survey.text(group.way.speaker).starts_with("exchange-online") && !is_door;
    let standing = if named.is_empty() && !has_log { Standing::Likely } else { Standing::Proved };
    let (specific, because, ask_for): (_, _, Vec<SourceId>) = if is_door {
        let because = format!("live mail still comes to {live}, and what the DNS answers is not shown");
        (None, because, vec!["dns/answers"])
    } else {
        let because = format!("the test asked {asked}, live mail is handed to {live}");
        (
            Some("live-mail-takes-another-relay"),
            because,
            if named.is_empty() { vec!["dns/answers"] } else { Vec::new() },
        )
    };
    Some(Why {
        specific,
        standing: if is_door { Standing::NotShown } else { standing },
        because,
        cites: named.iter().take(2).map(Stated::cite).collect(),
        ask_for: if standing == Standing::Proved && !is_door { Vec::new() } else { ask_for },
        field: Field::Server,
    })
}

/// Whether a connector or route leads to one of these hosts.
fn names_host(setting: &Setting, hosts: &BTreeSet<String>) -> bool {
    if !matches!(setting.class, SettingClass::OutboundConnector | SettingClass::DeliveryRoute)
        || setting.effect == Effect::Off
    {
        return false;
    }
    let values = setting
        .properties
        .iter()
        .filter(|property| ["smarthosts", "hostname", "host"].contains(&property.name.to_ascii_lowercase().as_str()));
    values.flat_map(|property| &property.values).flat_map(|value| list(value)).any(|one| hosts.contains(&host(&one)))
}

/// Live mail fails at the very server, connector or door that was tested.
fn there(scene: &Scene<'_>) -> Option<Why> {
    let (group, test) = (scene.group, scene.test);
    let early = if test.sort == Sort::Pilot { test.cites.len().max(group.before) } else { 0 };
    let is_settling = group.first.duration_since(group.first_use) <= SETTLES;
    let is_partial = matches!(group.refusal, Refusal::Recipient | Refusal::Relay | Refusal::DirectSend);
    // A way that carried live mail before is no way that was only tested.
    if group.before > early && !(is_partial && is_settling && !scene.cutovers.is_empty()) {
        return None;
    }
    match group.refusal {
        Refusal::Tls => Some(proved(
            "certificate-or-tls-name-differs",
            "the refusal is about encryption or the certificate, which the test did not try like live mail".to_owned(),
            Field::Encryption,
        )),
        Refusal::Hostname => Some(proved(
            "dns-or-mx-points-elsewhere",
            "the server was called by a name that is for something else".to_owned(),
            Field::Server,
        )),
        Refusal::DirectSend => Some(direct_send(scene)),
        Refusal::Connector => Some(connector(scene)),
        Refusal::Authentication => authentication(scene),
        Refusal::Recipient | Refusal::Relay => Some(recipients(scene)),
        Refusal::NoAnswer => no_answer(scene),
        Refusal::Login => Some(Why {
            specific: None,
            standing: Standing::Likely,
            because: "the server wants a login that live mail does not bring".to_owned(),
            cites: Vec::new(),
            ask_for: Vec::new(),
            field: Field::Sender,
        }),
        Refusal::Forwarding | Refusal::Transient => None,
    }
}

/// Within such a time of the first live mail on a new way those that fail belong to the cutover.
const SETTLES: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

fn proved(specific: &'static str, because: String, field: Field) -> Why {
    Why { specific: Some(specific), standing: Standing::Proved, because, cites: Vec::new(), ask_for: Vec::new(), field }
}

/// Mail of our own domain is refused: the test was made as somebody else, or from a source that a connector knows.
fn direct_send(scene: &Scene<'_>) -> Why {
    let (group, test) = (scene.group, scene.test);
    let (own, tested) = (domains(&group.senders), domains(&test.senders));
    let list = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(", ");
    if tested.is_empty() {
        return Why {
            specific: None,
            standing: Standing::NotShown,
            because: "as whom the test sent is not shown".to_owned(),
            cites: Vec::new(),
            ask_for: vec!["probe/swaks"],
            field: Field::Sender,
        };
    }
    if own.is_disjoint(&tested) {
        let rejects = rejects_direct_send(scene.survey);
        let because = format!(
            "the test sent as {}, live mail is of {}, the organisation's own, which is refused without a connector that knows the source",
            list(&tested),
            list(&own)
        );
        return Why { cites: rejects, ..proved("envelope-sender-differs", because, Field::Sender) };
    }
    sources_missing(scene, "both sent as the same domain, so that the source makes the difference")
}

/// The organisation refuses mail of its own domains without a connector, as an export says.
fn rejects_direct_send(survey: &Survey<'_>) -> Vec<Cite> {
    let is_on = |setting: &Stated<'_, Setting>| {
        property(setting.fact, "RejectDirectSend")
            .is_some_and(|property| property.values.iter().any(|value| value.eq_ignore_ascii_case("true")))
    };
    survey.settings().iter().filter(|setting| is_on(setting)).take(1).map(Stated::cite).collect()
}

/// No connector knows the source, or one demands a mark that it lacks.
fn connector(scene: &Scene<'_>) -> Why {
    let inbound: Vec<Stated<'_, Setting>> = inbound(scene.survey);
    if inbound.is_empty() {
        return Why {
            specific: None,
            standing: Standing::NotShown,
            because: "which mark of the inbound connector did not fit is not shown".to_owned(),
            cites: Vec::new(),
            ask_for: vec![CONNECTORS],
            field: Field::Connector,
        };
    }
    let by_address = |setting: &&Stated<'_, Setting>| !addresses(setting.fact).is_empty();
    let by_name = |setting: &&Stated<'_, Setting>| !names(setting.fact).is_empty();
    let restricted = |name: &'static str| {
        move |setting: &&Stated<'_, Setting>| {
            property(setting.fact, name)
                .is_some_and(|one| one.values.iter().any(|value| value.eq_ignore_ascii_case("true")))
        }
    };
    let (with_address, with_name) = (inbound.iter().find(by_address), inbound.iter().find(by_name));
    // What a connector demands goes before what it only knows.
    let demands_address = inbound.iter().find(restricted("RestrictDomainsToIPAddresses"));
    let demands_name = inbound.iter().find(restricted("RestrictDomainsToCertificate"));
    match (demands_address.or(with_address), demands_name.or(with_name)) {
        (Some(_), None) => sources_missing(scene, "the inbound connectors know their sources by address alone"),
        (None, Some(setting)) => certificate(setting),
        (Some(_), Some(setting)) if demands_name.is_some() && demands_address.is_none() => certificate(setting),
        (Some(_), Some(_)) if demands_address.is_some() && demands_name.is_none() => {
            sources_missing(scene, "the connector demands a known address")
        }
        (Some(address), Some(name)) => Why {
            specific: None,
            standing: Standing::NotShown,
            because: "the inbound connectors know their sources by address and by certificate; which did not fit is not shown"
                .to_owned(),
            cites: vec![address.cite(), name.cite()],
            ask_for: vec!["postfix/log", "probe/swaks"],
            field: Field::Connector,
        },
        (None, None) => Why {
            specific: Some("address-missing-in-connector"),
            standing: Standing::Likely,
            because: "no inbound connector knows a source by address or certificate".to_owned(),
            cites: inbound.iter().take(2).map(Stated::cite).collect(),
            ask_for: Vec::new(),
            field: Field::Connector,
        },
    }
}

fn certificate(setting: &Stated<'_, Setting>) -> Why {
    let names = names(setting.fact).join(", ");
    let because = format!("inbound connector `{}` knows its source by the certificate name {names}", setting.fact.name);
    Why { cites: vec![setting.cite()], ..proved("certificate-or-tls-name-differs", because, Field::Encryption) }
}

/// The addresses by which connectors know a source leave the new one out.
fn sources_missing(scene: &Scene<'_>, because: &str) -> Why {
    let inbound = inbound(scene.survey);
    let source = source(scene);
    let lists = |setting: &Setting, ip: &str| addresses(setting).iter().any(|network| is_within(ip, network));
    let with: Vec<&Stated<'_, Setting>> =
        inbound.iter().filter(|setting| !addresses(setting.fact).is_empty()).collect();
    let known: Vec<String> = with.iter().flat_map(|setting| addresses(setting.fact)).collect();
    let standing = match (&source, with.is_empty()) {
        (_, true) if inbound.is_empty() => Standing::NotShown,
        (_, true) => Standing::Likely,
        (Some(ip), false) if with.iter().any(|setting| lists(setting.fact, ip)) => Standing::Likely,
        _ => Standing::Proved,
    };
    let source_words = source.map_or("the address of the live source".to_owned(), |ip| format!("the live source {ip}"));
    let lists_words = match (known.is_empty(), inbound.is_empty()) {
        (true, true) => "what the inbound connectors list is not shown".to_owned(),
        (true, false) => "no inbound connector lists an address".to_owned(),
        (false, _) => format!("{source_words} is not what they list ({})", known.join(", ")),
    };
    Why {
        specific: (standing != Standing::NotShown).then_some("address-missing-in-connector"),
        standing,
        because: format!("{because}; {lists_words}"),
        cites: with.iter().take(2).map(|setting| setting.cite()).collect(),
        ask_for: if inbound.is_empty() { vec![CONNECTORS] } else { Vec::new() },
        field: Field::Source,
    }
}

/// The address from which live mail comes to the service, where a line says so.
fn source(scene: &Scene<'_>) -> Option<String> {
    let is_inbound = scene.survey.text(scene.group.way.speaker).starts_with("exchange-online");
    let peer = scene.group.hosts.iter().find(|one| one.parse::<std::net::IpAddr>().is_ok());
    peer.filter(|_| is_inbound).cloned()
}

/// All connectors by which mail comes in and that act.
fn inbound<'a>(survey: &Survey<'a>) -> Vec<Stated<'a, Setting>> {
    let is_inbound =
        |one: &Stated<'_, Setting>| one.fact.class == SettingClass::InboundConnector && one.fact.effect != Effect::Off;
    let all: Vec<Stated<'a, Setting>> = survey.settings().into_iter().filter(is_inbound).collect();
    // Of several exports the latest counts.
    let latest = all.iter().filter_map(Stated::at).max();
    all.into_iter().filter(|one| one.at() == latest || one.at().is_none() && latest.is_none()).collect()
}

/// The addresses by which a connector knows a source, those behind which it looks among them.
fn addresses(setting: &Setting) -> Vec<String> {
    let conditions = setting.conditions.iter().filter(|one| one.name.eq_ignore_ascii_case("SenderIPAddresses"));
    let properties = setting
        .properties
        .iter()
        .filter(|one| ["senderipaddresses", "efskipips"].contains(&one.name.to_ascii_lowercase().as_str()));
    let values = conditions.flat_map(|one| &one.values).chain(properties.flat_map(|one| &one.values));
    let is_address = |one: &String| one.starts_with(|first: char| first.is_ascii_digit()) || one.contains(':');
    values.flat_map(|value| list(value)).filter(is_address).collect()
}

/// The certificate names by which a connector knows a source.
fn names(setting: &Setting) -> Vec<String> {
    let conditions = setting.conditions.iter().filter(|one| one.name.eq_ignore_ascii_case("TlsSenderCertificateName"));
    conditions.flat_map(|one| one.values.clone()).filter(|value| !value.trim().is_empty()).collect()
}

/// Mail from the new source fails authentication that it passed from the old one.
fn authentication(scene: &Scene<'_>) -> Option<Why> {
    let inbound = inbound(scene.survey);
    let Some(source) = source(scene) else {
        return Some(Why {
            specific: None,
            standing: Standing::NotShown,
            because: "which source the filter checked is not shown".to_owned(),
            cites: Vec::new(),
            ask_for: vec!["defender/email-events", CONNECTORS],
            field: Field::Source,
        });
    };
    if inbound.is_empty() {
        return Some(Why {
            specific: None,
            standing: Standing::NotShown,
            because: format!("whether the inbound connectors look behind {source} is not shown"),
            cites: Vec::new(),
            ask_for: vec![CONNECTORS],
            field: Field::Source,
        });
    }
    let lists =
        |setting: &Stated<'_, Setting>| addresses(setting.fact).iter().any(|network| is_within(&source, network));
    if inbound.iter().any(lists) {
        return None;
    }
    Some(sources_missing(
        scene,
        "authentication was checked against the gateway itself and not against the sender behind it",
    ))
}

/// The server does not take the live recipients, or not from this client.
fn recipients(scene: &Scene<'_>) -> Why {
    let (group, test) = (scene.group, scene.test);
    let (live, tested) = (&group.recipients, &test.recipients);
    let show = |set: &BTreeSet<String>| {
        let mut shown: Vec<&str> = set.iter().take(3).map(String::as_str).collect();
        if set.len() > 3 {
            shown.push("...");
        }
        shown.join(", ")
    };
    if test.sort == Sort::Validation {
        let because = format!("the validation tried {} alone, and live mail is for {}", show(tested), show(live));
        return Why {
            cites: test.cites.clone(),
            ..proved("validation-covered-test-recipient-only", because, Field::Recipients)
        };
    }
    if tested.is_empty() {
        return Why {
            standing: Standing::Likely,
            ..proved(
                "recipients-not-accepted-there",
                format!("the test named no recipient, and live mail for {} is refused", show(live)),
                Field::Recipients,
            )
        };
    }
    let same_domain = !domains(live).is_disjoint(&domains(tested));
    if group.refusal == Refusal::Relay && same_domain {
        return Why { standing: Standing::Likely, ..sources_or_relay(scene) };
    }
    if live.iter().any(|recipient| tested.contains(recipient)) {
        return Why {
            specific: None,
            standing: Standing::NotShown,
            because: "the tested recipient itself is refused, which the test does not explain".to_owned(),
            cites: Vec::new(),
            ask_for: vec!["postfix/log"],
            field: Field::Recipients,
        };
    }
    proved(
        "recipients-not-accepted-there",
        format!("the test was for {}, and live mail for {} is refused", show(tested), show(live)),
        Field::Recipients,
    )
}

/// The relay takes mail to this domain from the tester and not from the live source.
fn sources_or_relay(scene: &Scene<'_>) -> Why {
    let from = scene.test.from.as_deref().unwrap_or("another machine");
    proved(
        "tested-from-elsewhere",
        format!("the test came from {from}, and the server does not relay for {}", scene.live.speaker(scene.group.way)),
        Field::Source,
    )
}

/// Nobody answers live mail.
fn no_answer(scene: &Scene<'_>) -> Option<Why> {
    let (group, test) = (scene.group, scene.test);
    let is_moved = scene.cutovers.iter().any(|one| one.sort != CutoverSort::Stamp)
        || test.connector.is_some() && !scene.cutovers.is_empty();
    match test.sort {
        Sort::Validation if is_moved => {
            let shown: Vec<&str> = test.recipients.iter().take(3).map(String::as_str).collect();
            let because = format!("the validation tried {} alone, at another time than live mail", shown.join(", "));
            Some(Why {
                cites: test.cites.clone(),
                ..proved("validation-covered-test-recipient-only", because, Field::Recipients)
            })
        }
        Sort::Probe if is_moved => {
            let speaker = scene.live.speaker(group.way);
            let from = test.from.as_deref().unwrap_or_default();
            let is_elsewhere = !from.is_empty() && !is_machine(speaker, from);
            let why = proved(
                "tested-from-elsewhere",
                format!("the test ran on {from}, live mail is sent by {speaker}, which gets no answer"),
                Field::Source,
            );
            Some(match is_elsewhere {
                true => Why { standing: Standing::Likely, ..why },
                false => {
                    unknown("whether the server is down since the test, or answers the tester alone, is not shown")
                }
            })
        }
        Sort::Pilot => Some(unknown("the server does not answer since, and why is not shown")),
        _ => None,
    }
}

fn unknown(because: &str) -> Why {
    Why {
        specific: None,
        standing: Standing::NotShown,
        because: because.to_owned(),
        cites: Vec::new(),
        ask_for: vec!["probe/result"],
        field: Field::Unknown,
    }
}
