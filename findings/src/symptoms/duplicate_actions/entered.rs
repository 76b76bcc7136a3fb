//! The message itself came in twice.
//!
//! Two ids of one system for one Message-ID and one recipient are two arrivals. They are a duplicate if both ended on their own: by two ways
//! (through the gateway and directly), or handed over twice by one server within minutes. A re-injection behind a content filter ends in
//! the filter and comes from it; a bifurcation has other recipients; a list sends with an envelope sender of its own; and who sends again
//! hours later by the same way meant to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use evidence::{Cite, Layer, Outcome, SourceId};
use jiff::{SignedDuration, Timestamp};
use lake::{Fared, Line, Name, What};

use super::{counted, first_few, told};
use crate::Standing;
use crate::symptoms::picture::{BeforeAfter, Compared, Weight};
use crate::symptoms::{Apart, Picture, Sign, Survey};

/// Within what time a server hands one message over twice by mistake; a retry after a lost answer comes with the next run of its queue.
const MISTAKEN_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// Within what time two ways can carry one sending: longer than queues wait.
const TWO_WAYS_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// How far the clocks of two servers may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(10);

/// What one system knows by one id.
#[derive(Clone, Default)]
struct Known<'a> {
    arrived: Option<&'a Line>,
    first: Option<&'a Line>,
    handed_to: BTreeSet<Name>,
    handed_over_at: Option<Timestamp>,
}

/// One arrival that ended on its own for a recipient.
#[derive(Clone, Copy)]
struct Entered<'a> {
    id: Name,
    line: &'a Line,
    /// The record of the arrival itself, else the one that says how it ended.
    from: &'a Line,
}

/// How two arrivals are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    TwoWays,
    TwoWaysLater,
    HandedOverTwice,
    NotSaid,
}

/// Two arrivals of one sending.
struct Pair<'a> {
    message_id: &'a str,
    recipient: &'a str,
    one: Entered<'a>,
    other: Entered<'a>,
}

/// What two arrivals show.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    if !has_two_ids(survey) {
        return Vec::new();
    }
    let known = known(survey);
    let mut by_why: BTreeMap<Why, Vec<Pair<'_>>> = BTreeMap::new();
    let mut told: HashSet<(Name, Name, Name)> = HashSet::new();
    for ((_, _, message_id, recipient), mut entered) in ended(survey, &known) {
        if entered.len() < 2 {
            continue;
        }
        entered.sort_by_key(|one| (one.from.at, survey.text(Some(one.id))));
        for (one, other) in entered.iter().zip(entered.iter().skip(1)) {
            if let Some(why) = why(survey, &known, *one, *other)
                && told.insert((one.id, other.id, recipient))
            {
                let (message_id, recipient) = (survey.text(Some(message_id)), survey.text(Some(recipient)));
                by_why.entry(why).or_default().push(Pair { message_id, recipient, one: *one, other: *other });
            }
        }
    }
    let clear: BTreeSet<(&str, &str)> = by_why
        .iter()
        .filter(|(why, _)| **why != Why::NotSaid)
        .flat_map(|(_, pairs)| pairs.iter().map(|pair| (pair.message_id, pair.recipient)))
        .collect();
    // What one witness tells without the way, another may have told with it.
    if let Some(pairs) = by_why.get_mut(&Why::NotSaid) {
        pairs.retain(|pair| !clear.contains(&(pair.message_id, pair.recipient)));
    }
    by_why
        .into_iter()
        .filter_map(|(why, mut pairs)| {
            pairs.sort_by_key(|pair| (pair.one.from.at, pair.message_id, pair.recipient));
            sign(survey, why, &pairs)
        })
        .collect()
}

/// Whether some message has two ids for one recipient: without that nothing came in twice.
fn has_two_ids(survey: &Survey<'_>) -> bool {
    let ids = survey.lines().iter().filter_map(|line| Some((line.message_id?, line.envelope_recipient?, line.id?)));
    let mut ids: Vec<(Name, Name, Name)> = ids.collect();
    ids.sort_unstable();
    ids.windows(2).any(|two| (two[0].0, two[0].1) == (two[1].0, two[1].1) && two[0].2 != two[1].2)
}

/// What is known by each id.
fn known<'a>(survey: &Survey<'a>) -> HashMap<Name, Known<'a>> {
    let mut known: HashMap<Name, Known<'a>> = HashMap::new();
    for line in survey.lines() {
        let Some(id) = line.id else { continue };
        let one = known.entry(id).or_default();
        if line.at.is_some() && !matches!(line.what, What::PostDelivery(..) | What::Release(_) | What::Handover(..)) {
            // A record that names the way goes before one that only tells of the message.
            let names_way = |line: &Line| line.peer.is_some() || line.connector.is_some();
            if one.first.is_none_or(|first| !names_way(first) && names_way(line)) {
                one.first = Some(line);
            }
        }
        match &line.what {
            What::Arrival(Outcome::Accepted | Outcome::NotSaid) => one.arrived = one.arrived.or(Some(line)),
            What::Handover(..) => {
                one.handed_to.extend(line.peer.into_iter().chain(line.peer_ip));
                one.handed_over_at = one.handed_over_at.or(line.at);
            }
            _ => {}
        }
    }
    known
}

type Copies<'a> = BTreeMap<(SourceId, &'a str, Name, Name), Vec<Entered<'a>>>;

/// The arrivals from outside that ended, by kind of export and product, Message-ID and recipient: two ids are two arrivals only to
/// one and the same witness.
fn ended<'a>(survey: &Survey<'a>, known: &HashMap<Name, Known<'a>>) -> Copies<'a> {
    let product = |line: &Line| survey.text(line.speaker).split('/').next().unwrap_or_default();
    let mut arrivals: HashMap<(&str, Name), Vec<(Name, &'a Line)>> = HashMap::new();
    for (id, of_id) in known {
        if let Some(arrived) = of_id.arrived.filter(|arrived| arrived.at.is_some())
            && let Some(message_id) = arrived.message_id
        {
            arrivals.entry((product(arrived), message_id)).or_default().push((*id, arrived));
        }
    }
    for all in arrivals.values_mut() {
        all.sort_by_key(|(id, line)| (line.at, survey.text(Some(*id))));
    }
    let mut copies: Copies<'a> = BTreeMap::new();
    let mut seen: HashSet<(SourceId, Name, Name)> = HashSet::new();
    for line in survey.lines() {
        let (Some(id), Some(message_id), Some(recipient)) = (line.id, line.message_id, line.envelope_recipient) else {
            continue;
        };
        let has_ended = matches!(line.fared(), Some(Fared::Through | Fared::Blocked))
            && !matches!(line.what, What::Arrival(_) | What::Verdict(..) | What::Dsn(_));
        if !has_ended || line.at.is_none() || !seen.insert((survey.ledger.source(line), id, recipient)) {
            continue;
        }
        let of_id = known.get(&id);
        let from = of_id.and_then(|of_id| of_id.arrived.or(of_id.first)).unwrap_or(line);
        let all = arrivals.get(&(product(line), message_id)).map(Vec::as_slice).unwrap_or_default();
        let (id, from) = origin(survey, known, all, (id, from));
        let source = survey.ledger.source(line);
        let of_copy = copies.entry((source, product(line), message_id, recipient)).or_default();
        if of_copy.iter().all(|known| known.id != id) {
            of_copy.push(Entered { id, line, from });
        }
    }
    copies
}

/// How many re-injections lie between an arrival and what a filter made of it, at most.
const REINJECTED_MAX: usize = 4;

/// The arrival from outside of what a filter gave back: the last one before it that went to where it came from.
fn origin<'a>(
    survey: &Survey<'a>,
    known: &HashMap<Name, Known<'a>>,
    arrivals: &[(Name, &'a Line)],
    entered: (Name, &'a Line),
) -> (Name, &'a Line) {
    let mut last = entered;
    for _ in 0..REINJECTED_MAX {
        let before = arrivals.iter().take(ARRIVALS_MAX).rev().find(|(id, arrived)| {
            *id != last.0
                && arrived.at < last.1.at
                && known.get(id).is_some_and(|of_id| {
                    (is_own(survey, last.1) && arrived.speaker == last.1.speaker) || went_to(of_id, last.1)
                })
        });
        match before {
            Some(before) => last = *before,
            None => break,
        }
    }
    last
}

/// How many arrivals of one Message-ID are looked through; a list that repeats its id has more.
const ARRIVALS_MAX: usize = 64;

/// Whether what is known by an id was handed to where another arrival came from.
fn went_to(known: &Known<'_>, from: &Line) -> bool {
    [from.peer, from.peer_ip].into_iter().flatten().any(|peer| known.handed_to.contains(&peer))
}

/// Whether two arrivals are one sending, and how they came in.
fn why(survey: &Survey<'_>, known: &HashMap<Name, Known<'_>>, one: Entered<'_>, other: Entered<'_>) -> Option<Why> {
    let apart = other.from.at?.duration_since(one.from.at?);
    let (first, second) = (known.get(&one.id)?, known.get(&other.id)?);
    // The earlier went to where the later came from: it is one message on its way, or in a circle.
    let came_from = |known: &Known<'_>, from: &Line| {
        let is_after = || match known.handed_over_at.zip(from.at) {
            Some((handed_over, arrived)) => arrived.duration_since(handed_over) >= -CLOCKS_APART,
            None => false,
        };
        let is_near = |peer: &Name| {
            let (to, ip, host) = (survey.text(Some(*peer)), survey.text(from.peer_ip), survey.text(from.peer));
            (net(to).is_some() && net(to) == net(ip)) || (domain(to).is_some() && domain(to) == domain(host))
        };
        went_to(known, from) || (is_after() && known.handed_to.iter().any(is_near))
    };
    if came_from(first, other.from)
        || came_from(second, one.from)
        || is_own(survey, one.from)
        || is_own(survey, other.from)
    {
        return None;
    }
    let speaks_of = |line: &Line| survey.text(line.speaker).split_once('/').map(|(_, host)| host.to_owned());
    let comes_from_host = |from: &Line, host: Option<String>| {
        host.is_some_and(|host| {
            let label = host.split(['/', '.']).next().unwrap_or_default().to_owned();
            survey.text(from.peer).split('.').next() == Some(label.as_str())
        })
    };
    if comes_from_host(other.from, speaks_of(one.from)) || comes_from_host(one.from, speaks_of(other.from)) {
        return None;
    }
    let senders = one.from.envelope_sender.zip(other.from.envelope_sender);
    if senders.is_some_and(|(one, other)| one != other) {
        return None;
    }
    match same_way(survey, one.from, other.from) {
        Some(true) if apart <= MISTAKEN_WITHIN => Some(Why::HandedOverTwice),
        Some(true) => None,
        Some(false) if apart <= MISTAKEN_WITHIN => Some(Why::TwoWays),
        Some(false) if apart <= TWO_WAYS_WITHIN => Some(Why::TwoWaysLater),
        Some(false) => None,
        None if apart <= MISTAKEN_WITHIN => Some(Why::NotSaid),
        None => None,
    }
}

/// Whether a message came from the same machine: then it is the system's own, or comes back from its filter.
fn is_own(survey: &Survey<'_>, from: &Line) -> bool {
    let ip = survey.text(from.peer_ip);
    ip.starts_with("127.") || ip == "::1" || survey.text(from.peer).starts_with("localhost")
}

/// Whether two arrivals took the same way; `None` if a record does not say. A sender's pool of addresses is one way.
fn same_way(survey: &Survey<'_>, one: &Line, other: &Line) -> Option<bool> {
    let (first, second) = (survey.text(one.peer_ip), survey.text(other.peer_ip));
    let (host, other_host) = (survey.text(one.peer), survey.text(other.peer));
    if (first.is_empty() || second.is_empty()) && (host.is_empty() || other_host.is_empty()) {
        // Where no address is told, two connectors are two ways; one connector may take several.
        return one.connector.zip(other.connector).filter(|(one, other)| one != other).map(|_| false);
    }
    let same_net = !first.is_empty() && net(first) == net(second);
    let same_domain = domain(host).is_some() && domain(host) == domain(other_host);
    Some(same_net || same_domain)
}

/// The domain of a host: its last two labels.
fn domain(host: &str) -> Option<String> {
    let labels: Vec<&str> = host.rsplit('.').take(2).collect();
    let is_name = host.contains('.') && host.parse::<std::net::IpAddr>().is_err();
    is_name.then(|| labels.join("."))
}

/// The network of an address: /24, or the first four groups.
fn net(ip: &str) -> Option<String> {
    match ip.parse::<std::net::IpAddr>().ok()? {
        std::net::IpAddr::V4(ip) => Some(ip.octets()[..3].iter().map(u8::to_string).collect::<Vec<_>>().join(".")),
        std::net::IpAddr::V6(ip) => Some(ip.segments()[..4].iter().map(u16::to_string).collect::<Vec<_>>().join(":")),
    }
}

fn sign(survey: &Survey<'_>, why: Why, pairs: &[Pair<'_>]) -> Option<Sign> {
    let first = pairs.first()?;
    let messages: BTreeSet<&str> = pairs.iter().map(|pair| pair.message_id).collect();
    let by = |line: &Line| match (survey.text(line.peer), survey.text(line.connector)) {
        ("", "") => "a way that no record names".to_owned(),
        (peer, "") => peer.to_owned(),
        ("", connector) => format!("connector {connector}"),
        (peer, connector) => format!("{peer} (connector {connector})"),
    };
    let at = |entered: &Entered<'_>| entered.from.at.map(told).unwrap_or_default();
    let head = format!(
        "{} came in twice, for {}: {} for {} as {} at {} from {}, and as {} at {} from {}.",
        counted(messages.len(), "message"),
        if pairs.len() == 1 { "1 copy".to_owned() } else { format!("{} copies", pairs.len()) },
        first.message_id,
        first.recipient,
        number(survey, &first.one),
        at(&first.one),
        by(first.one.from),
        number(survey, &first.other),
        at(&first.other),
        by(first.other.from),
    );
    let (specific, standing, tail) = match why {
        Why::TwoWays => (Some("entered-twice"), Standing::Proved, "Two ways carried one sending."),
        Why::TwoWaysLater => (
            Some("entered-twice"),
            Standing::Likely,
            "They came by two ways; so far apart, the sender may have sent it again.",
        ),
        Why::HandedOverTwice => {
            (Some("handed-over-twice"), Standing::Proved, "One server handed it over twice within minutes.")
        }
        Why::NotSaid => (None, Standing::NotShown, "The records do not say by which way each came."),
    };
    let cites: Vec<Cite> = first_few(pairs.iter().take(2).flat_map(|pair| {
        [pair.one.from, pair.other.from, pair.one.line, pair.other.line].map(|line| survey.cite(line))
    }));
    let other = match why {
        Why::TwoWays | Why::TwoWaysLater => {
            Some(("handed-over-twice", "They came from two networks or by two connectors."))
        }
        Why::HandedOverTwice => Some(("entered-twice", "Both came from the same network: it is one way.")),
        Why::NotSaid => None,
    };
    let mut apart: Vec<Apart> = other
        .map(|(specific, because)| Apart {
            specific,
            standing: Standing::Refuted,
            because: because.to_owned(),
            cites: cites.clone(),
        })
        .into_iter()
        .collect();
    apart.push(Apart {
        specific: "told-anew",
        standing: Standing::Refuted,
        because: "Each arrival has an id of its own: it is no row that was read again.".to_owned(),
        cites: cites.clone(),
    });
    let ask_for = match why {
        Why::NotSaid => vec!["exchange-online/extended-report", "exchange-online/message-trace"],
        _ => Vec::new(),
    };
    Some(Sign {
        specific,
        standing,
        layer: Layer::Arrival,
        envelope_recipient: None,
        statement: format!("{head} {tail}"),
        picture: Some(side_by_side(survey, first)),
        cites,
        ask_for,
        apart,
    })
}

/// The id of an arrival; of a log that names no host, without one.
fn number(survey: &Survey<'_>, entered: &Entered<'_>) -> String {
    survey.text(Some(entered.id)).trim_end_matches(" on ").to_owned()
}

/// The two arrivals beside each other.
fn side_by_side(survey: &Survey<'_>, pair: &Pair<'_>) -> Picture {
    let (one, other) = (&pair.one, &pair.other);
    let row = |field: &str, before: String, after: String, weight: Weight| {
        let some = |text: String| (!text.is_empty()).then_some(text);
        let weight = match (before.is_empty() || after.is_empty(), before == after) {
            (true, _) => Weight::Unknown,
            (false, true) => Weight::Same,
            (false, false) => weight,
        };
        let cites = first_few([survey.cite(one.from), survey.cite(other.from)]);
        Compared { field: field.to_owned(), before: some(before), after: some(after), weight, cites }
    };
    let text = |name| survey.text(name).to_owned();
    let instant = |at: Option<Timestamp>| at.map(told).unwrap_or_default();
    Picture::BeforeAfter(BeforeAfter {
        before: "first arrival".to_owned(),
        after: "second arrival".to_owned(),
        rows: vec![
            row("id", number(survey, one), number(survey, other), Weight::Differs),
            row("came in", instant(one.from.at), instant(other.from.at), Weight::Differs),
            row("from", text(one.from.peer), text(other.from.peer), Weight::Decides),
            row("by connector", text(one.from.connector), text(other.from.connector), Weight::Decides),
            row("sender", text(one.from.envelope_sender), text(other.from.envelope_sender), Weight::Differs),
            row("ended", instant(one.line.at), instant(other.line.at), Weight::Differs),
        ],
    })
}
