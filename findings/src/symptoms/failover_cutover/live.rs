//! Which ways live mail took, and on which of them it fails.

use std::collections::{BTreeSet, HashMap, HashSet};

use evidence::VerdictKind;
use jiff::{SignedDuration, Timestamp};
use lake::{Fared, Line, Name, What};

use super::super::Survey;
use super::super::refusal::Refusal;
use super::tested::{Sort, Tested, host};

/// From which system over which connector to, or from, which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) speaker: Option<Name>,
    pub(super) connector: Option<Name>,
    pub(super) peer: Option<Name>,
}

/// One use of a way.
#[derive(Clone, Copy)]
struct Used {
    at: Timestamp,
    line: u32,
    fared: Fared,
    refusal: Option<Refusal>,
}

/// All ways and how each was used, by time.
pub(super) struct Live<'a> {
    survey: &'a Survey<'a>,
    ways: HashMap<Way, Vec<Used>>,
}

/// Live mail that fails on one way for one reason.
pub(super) struct Failing {
    pub(super) way: Way,
    pub(super) refusal: Refusal,
    /// The first that failed.
    pub(super) first: Timestamp,
    /// The last that failed.
    pub(super) last: Timestamp,
    /// How many copies failed, and how many went through on this way since.
    pub(super) copies: usize,
    pub(super) through: usize,
    /// How many went through on this way before the first that failed.
    pub(super) before: usize,
    /// The first use of the way by live mail.
    pub(super) first_use: Timestamp,
    pub(super) senders: BTreeSet<String>,
    pub(super) recipients: BTreeSet<String>,
    /// The server's names and addresses on the lines.
    pub(super) hosts: BTreeSet<String>,
    /// The connector or route that lines of this way name.
    pub(super) connector: Option<Name>,
    /// Numbers of the first few lines.
    pub(super) lines: Vec<u32>,
}

/// The way that the same mail took before.
pub(super) struct Former {
    pub(super) way: Way,
    pub(super) last: Timestamp,
    pub(super) copies: usize,
    /// Numbers of the last two lines.
    pub(super) lines: Vec<u32>,
}

/// So many addresses of a group are kept.
const KEPT: usize = 64;
/// A queue may still drain on the old way for so long.
const DRAINS: SignedDuration = SignedDuration::from_mins(15);
/// A pilot is so few messages, beside live mail that is at least three times as many.
const PILOT_MAX: usize = 5;

impl<'a> Live<'a> {
    /// Puts all lines to their ways; what belongs to a test is left out.
    pub(super) fn of(survey: &'a Survey<'a>, tests: &[Tested]) -> Live<'a> {
        let peers = peers(survey);
        let mut refusals: HashMap<(Option<Name>, Option<Name>), Option<Refusal>> = HashMap::new();
        let sources = sources_of(survey);
        let mut ways: HashMap<Way, Vec<Used>> = HashMap::new();
        let doors = doors(survey);
        // A copy that was put off and went through on the same way did not fail.
        let mut overcame: HashMap<(Way, Name, Option<Name>), Timestamp> = HashMap::new();
        for (number, line) in (0_u32..).zip(survey.lines()) {
            let (Some(fared), Some(at)) = (line.fared(), line.at) else { continue };
            if is_of_a_test(survey, line, tests) {
                continue;
            }
            let mut way = way(line, &peers);
            let refusal = match (&line.what, fared) {
                (What::Verdict(VerdictKind::Spoof | VerdictKind::Authentication(_), _), Fared::Blocked) => {
                    if let Some(source) = line.id.and_then(|id| sources.get(&id)) {
                        way = *source;
                    }
                    Some(Refusal::Authentication)
                }
                (_, Fared::Blocked | Fared::PutOff) => *refusals
                    .entry((line.enhanced_status_code, line.said))
                    .or_insert_with(|| Refusal::of(survey.text(line.enhanced_status_code), survey.text(line.said))),
                _ => None,
            };
            let door = Way { speaker: line.speaker, connector: None, peer: None };
            if matches!(line.what, What::Arrival(_)) {
                way = door;
            } else if way.peer.is_none() && way.connector.is_none() {
                continue;
            } else if fared == Fared::Through && doors.contains(&line.speaker) {
                // What it handed on it had taken in at its door.
                ways.entry(door).or_default().push(Used { at, line: number, fared, refusal: None });
            }
            if fared == Fared::Through
                && let Some(id) = line.id.or(line.message_id)
            {
                overcame.insert((way, id, line.envelope_recipient), at);
            }
            ways.entry(way).or_default().push(Used { at, line: number, fared, refusal });
        }
        let lines = survey.lines();
        for (way, uses) in &mut ways {
            uses.retain(|used| {
                let Some(line) = lines.get(used.line as usize).filter(|_| used.fared == Fared::PutOff) else {
                    return true;
                };
                let key = line.id.or(line.message_id).map(|id| (*way, id, line.envelope_recipient));
                !key.and_then(|key| overcame.get(&key)).is_some_and(|through| *through >= used.at)
            });
        }
        ways.retain(|_, uses| !uses.is_empty());
        Live { survey, ways }
    }

    /// Live mail that fails, by way and reason; the one that failed first comes first.
    pub(super) fn failing(&self) -> Vec<Failing> {
        let mut found: Vec<Failing> = Vec::new();
        for (way, uses) in &self.ways {
            let mut kinds: Vec<Refusal> = uses.iter().filter_map(|used| used.refusal).collect();
            kinds.sort_unstable();
            kinds.dedup();
            for kind in kinds.into_iter().filter(|kind| *kind != Refusal::Transient) {
                found.extend(self.group(*way, uses, kind));
            }
        }
        found.sort_by_key(|one| (one.first, one.lines.first().copied()));
        found
    }

    fn group(&self, way: Way, uses: &[Used], refusal: Refusal) -> Option<Failing> {
        let failed: Vec<&Used> = uses.iter().filter(|used| used.refusal == Some(refusal)).collect();
        let (first, last) = (failed.first()?, failed.last()?);
        let lines = self.survey.lines();
        let mut group = Failing {
            way,
            refusal,
            first: first.at,
            last: last.at,
            copies: 0,
            through: 0,
            before: 0,
            first_use: uses.first()?.at,
            senders: BTreeSet::new(),
            recipients: BTreeSet::new(),
            hosts: BTreeSet::new(),
            connector: None,
            lines: Vec::new(),
        };
        let mut copies: BTreeSet<(Option<Name>, Option<Name>)> = BTreeSet::new();
        for used in &failed {
            let Some(line) = lines.get(used.line as usize) else { continue };
            let id = line.message_id.or(line.id);
            let is_new = match id {
                Some(_) => copies.insert((id, line.envelope_recipient)),
                None => true,
            };
            group.copies += usize::from(is_new);
            let keep = |into: &mut BTreeSet<String>, name: Option<Name>| {
                let text = self.survey.text(name);
                if !text.is_empty() && into.len() < KEPT {
                    into.insert(host(text));
                }
            };
            keep(&mut group.senders, line.envelope_sender.or(line.header_from));
            keep(&mut group.recipients, line.envelope_recipient);
            keep(&mut group.hosts, line.peer);
            keep(&mut group.hosts, line.peer_ip);
            group.connector = group.connector.or(line.connector);
            if is_new && group.lines.len() < 4 {
                group.lines.push(used.line);
            }
        }
        let through = uses.iter().filter(|used| used.fared == Fared::Through);
        for used in through {
            if used.at < first.at { group.before += 1 } else { group.through += 1 }
        }
        Some(group)
    }

    /// The way that the same mail took before, if it takes it no more.
    pub(super) fn former(&self, group: &Failing) -> Option<Former> {
        let ends = group.first_use.checked_add(DRAINS).ok()?;
        let others = self.ways.iter().filter(|(way, _)| **way != group.way);
        let candidates = others.filter_map(|(way, uses)| {
            if !is_like(way, &group.way) {
                return None;
            }
            let same: Vec<&Used> =
                uses.iter().filter(|used| used.fared == Fared::Through && self.is_same_mail(used, group)).collect();
            let last = same.last()?;
            if last.at > ends || same.first()?.at >= group.first_use {
                return None;
            }
            let lines: Vec<u32> = same.iter().rev().take(2).map(|used| used.line).collect();
            Some(Former { way: *way, last: last.at, copies: same.len(), lines })
        });
        candidates.max_by_key(|former| (former.copies, former.last, std::cmp::Reverse(former.lines.clone())))
    }

    /// Whether a use is of the same mail as a group: to the same domain, or to outside from the same domain over a relay that
    /// carries mail to several domains.
    fn is_same_mail(&self, used: &Used, group: &Failing) -> bool {
        let Some(line) = self.survey.lines().get(used.line as usize) else { return false };
        let of = |name: Option<Name>| domain(self.survey.text(name)).map(str::to_owned);
        let in_set = |set: &BTreeSet<String>, wanted: &Option<String>| {
            wanted.as_deref().is_some_and(|wanted| set.iter().any(|one| domain(one) == Some(wanted)))
        };
        let is_relay = domains(&group.recipients).len() > 1;
        in_set(&group.recipients, &of(line.envelope_recipient))
            || is_relay && in_set(&group.senders, &of(line.envelope_sender.or(line.header_from)))
    }

    /// A few messages that went the failing way beside the live traffic before it was switched: the test that people make with
    /// mail of their own.
    pub(super) fn pilot(&self, group: &Failing, former: &Former) -> Option<Tested> {
        let uses = self.ways.get(&group.way)?;
        let early: Vec<&Used> =
            uses.iter().take_while(|used| used.at < former.last && used.fared == Fared::Through).collect();
        if early.is_empty() || early.len() > PILOT_MAX || former.copies < 3 * early.len() {
            return None;
        }
        // What came next on this way has to be later than the live mail of the former one.
        let next = uses.get(early.len())?;
        if next.at < former.last.checked_sub(DRAINS).ok()? {
            return None;
        }
        let lines = self.survey.lines();
        let of_early = || early.iter().filter_map(|used| lines.get(used.line as usize));
        let text = |name: Option<Name>| Some(host(self.survey.text(name))).filter(|text| !text.is_empty());
        Some(Tested {
            at: early.first().map(|used| used.at),
            how: match early.len() {
                1 => "one message".to_owned(),
                count => format!("{count} messages"),
            },
            sort: Sort::Pilot,
            hosts: group.hosts.clone(),
            connector: text(group.connector),
            senders: of_early().filter_map(|line| text(line.envelope_sender.or(line.header_from))).collect(),
            recipients: of_early().filter_map(|line| text(line.envelope_recipient)).collect(),
            tls: None,
            from: None,
            cites: of_early().take(2).map(|line| self.survey.cite(line)).collect(),
        })
    }

    /// Whether live mail went through to one of these hosts after an instant.
    pub(super) fn went_through_to(&self, hosts: &BTreeSet<String>, after: Option<Timestamp>) -> bool {
        self.ways.iter().any(|(way, uses)| {
            let peer = host(self.survey.text(way.peer));
            let last = || uses.iter().rev().find(|used| used.fared == Fared::Through).map(|used| used.at);
            hosts.contains(&peer) && last().is_some_and(|last| after.is_none_or(|after| last >= after))
        })
    }

    /// The machine that speaks on a way.
    pub(super) fn speaker(&self, way: Way) -> &'a str {
        self.survey.text(way.speaker)
    }

    /// A way in words: from where, over what, to where.
    pub(super) fn words(&self, way: Way) -> String {
        let over = match self.survey.text(way.connector) {
            "" => String::new(),
            connector => format!(" over `{connector}`"),
        };
        match self.survey.text(way.peer) {
            "" => format!("the door of {}{over}", self.survey.text(way.speaker)),
            peer => format!("{peer}{over}"),
        }
    }
}

/// Whether one way may stand in for another: one of the two ends is the same, or the system that speaks.
fn is_like(one: &Way, other: &Way) -> bool {
    let both_doors = one.peer.is_none() && other.peer.is_none();
    let no_door = one.peer.is_some() && other.peer.is_some();
    both_doors || no_door && (one.speaker == other.speaker || one.peer == other.peer)
}

/// Whether a line is about a message of a test: of its sender and for its recipient.
fn is_of_a_test(survey: &Survey<'_>, line: &Line, tests: &[Tested]) -> bool {
    let (sender, recipient) =
        (survey.text(line.envelope_sender.or(line.header_from)), survey.text(line.envelope_recipient));
    tests.iter().any(|test| {
        test.recipients.contains(recipient)
            && (test.senders.contains(sender) || test.sort == Sort::Validation && sender.is_empty())
    })
}

/// The systems that say who came to their door.
fn doors(survey: &Survey<'_>) -> HashSet<Option<Name>> {
    let arrivals = survey.lines().iter().filter(|line| matches!(line.what, What::Arrival(_)));
    arrivals.map(|line| line.speaker).collect()
}

/// The names of servers by their addresses, where a line has both.
fn peers(survey: &Survey<'_>) -> HashMap<Name, Name> {
    let mut found: HashMap<Name, Option<Name>> = HashMap::new();
    for line in survey.lines() {
        if let (Some(peer), Some(ip)) = (line.peer, line.peer_ip)
            && peer != ip
            && line.fared().is_some()
        {
            // An address of two names tells none.
            found.entry(ip).and_modify(|known| *known = known.filter(|known| *known == peer)).or_insert(Some(peer));
        }
    }
    found.into_iter().filter_map(|(ip, peer)| Some((ip, peer?))).collect()
}

fn way(line: &Line, peers: &HashMap<Name, Name>) -> Way {
    let is_about_a_domain = matches!(line.what, What::Authentication(..));
    let peer = line.peer.filter(|_| !is_about_a_domain);
    let peer = peer.map(|peer| peers.get(&peer).copied().unwrap_or(peer));
    // Many records of one way name the connector in one line only: the server tells more.
    Way { speaker: line.speaker, connector: line.connector.filter(|_| peer.is_none()), peer }
}

/// From which server a message came, by its id.
fn sources_of(survey: &Survey<'_>) -> HashMap<Name, Way> {
    let mut found = HashMap::new();
    for line in survey.lines() {
        let is_source = matches!(line.what, What::Arrival(_)) || matches!(line.what, What::Status(_));
        if let (true, Some(id), Some(_)) = (is_source, line.id, line.peer_ip) {
            found.entry(id).or_insert(Way { speaker: line.speaker, connector: None, peer: line.peer_ip });
        }
    }
    found
}

/// The domain of an address.
pub(super) fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// The domains of addresses.
pub(super) fn domains(addresses: &BTreeSet<String>) -> BTreeSet<&str> {
    addresses.iter().filter_map(|address| domain(address)).collect()
}
