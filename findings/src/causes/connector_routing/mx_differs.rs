//! Mail goes to another host than the one that the domain's MX records name.
//!
//! What it is: The domain has moved to another mail service, and a sender still delivers to the host of before: a route
//! entered by hand, a cached or internal DNS answer, an old MX record that nobody took out, or a system that was told the
//! service's own host name and so goes past the gateway. The host that is used refuses, or is gone.
//!
//! What proves it: the refusal or the failed attempt with the name of the host that was used, in the sending system's log
//! or in a notice, and the MX records of the recipient's domain of that time, which name other hosts. A DNS answer of
//! another day, or a notice alone for the host, makes it likely.
//!
//! What looks alike: a backup MX of the very set; another regional name of the same service; a gateway, itself the MX,
//! that hands on to the mail service behind it; a smart host or transport of the sender's own choice, which bears no name
//! of the recipient's domain. There the refusal itself is the cause.
//!
//! Narrow fix: take out the one stale route or record and send the message again; do not open the old host, or the way
//! past the gateway.
//!
//! Owner: who runs the sending system's route, or the DNS of the recipient's domain.

use evidence::{Cite, DnsAnswer, Fact, Layer, Outcome, Peer, Product, System};
use jiff::{SignedDuration, Timestamp};
use lake::Entry;
use layers::{End, Explained, Stay};
use trace::Event;

use crate::causes::ground::Ground;
use crate::causes::{Cause, claim, told};
use crate::{Claim, Scene, Standing};

/// `connector-routing/mx-differs`
pub(super) struct Rule;

const ID: &str = "connector-routing/mx-differs";

/// A DNS answer this near to the message is that of its time: MX records are kept for hours, and moved by the day.
const OF_THE_TIME: SignedDuration = SignedDuration::from_hours(24);
/// Answers this near to each other are one look at the DNS.
const ONE_LOOK: SignedDuration = SignedDuration::from_hours(1);

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("mx_differs.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        if ground.is_stated() && !WRONG_HOST_SAYS.iter().any(|id| ground.stated(id).is_some()) {
            return None;
        }
        let tried = tried(ground.stay)?;
        let domain = ground.copy.copy.envelope_recipient.domain()?;
        let records = MxRecords::of(domain, ground.scene, tried.event.at());
        let how = records.how_it_differs(tried.host, domain)?;
        if is_on_the_way_of_the_mx(ground, &tried, &records, domain) {
            return None;
        }
        let by_notice = matches!(tried.event.fact(), Fact::Dsn(_));
        let standing = if records.are_of_the_time && !by_notice { Standing::Proved } else { Standing::Likely };
        let statement = format!("{}; {how}", told(tried.event));
        let mut claim = claim(ID, standing, Layer::Delivery, statement, [tried.event]);
        claim.cites.extend(records.cites());
        if !records.are_of_the_time {
            claim.ask_for.push("dns/answers");
        }
        if by_notice {
            claim.ask_for.push("postfix/log");
        }
        Some(claim)
    }

    /// A refusal of that sort, or silence, of a host that bears the domain's name, while nobody asked the DNS: it may be
    /// the host of before.
    fn risk(&self, copy: &Explained<'_>, scene: &Scene<'_>) -> Option<Claim> {
        let ground = Ground::of(copy, scene)?;
        let refusal = STALE_HOST_SAYS.iter().find_map(|id| ground.stated(id))?;
        let tried = tried(ground.stay)?;
        let domain = copy.copy.envelope_recipient.domain()?;
        let records = MxRecords::of(domain, scene, tried.event.at());
        let name = tried.host.name.as_deref()?;
        if !records.nearest.is_empty()
            || !bears(name, domain)
            || is_on_the_way_of_the_mx(&ground, &tried, &records, domain)
        {
            return None;
        }
        let statement = format!("{}; whether {name} is the MX of {domain} at all is not shown", refusal.statement);
        let claim = claim(ID, Standing::NotShown, Layer::Delivery, statement, [tried.event]);
        Some(Claim { ask_for: vec!["dns/answers"], ..claim })
    }
}

/// What a host says that is the wrong one: a full mailbox, a limit or a greylist are reasons of a host that takes the domain.
const WRONG_HOST_SAYS: [&str; 5] = [
    "connector-routing/relay-denied",
    "connector-routing/connector-restriction",
    "connector-routing/dead-next-hop",
    "connector-routing/recipient-unknown",
    "connector-routing/loop",
];
/// How a host answers, or does not, from which the mail of a domain has moved away.
const STALE_HOST_SAYS: [&str; 3] =
    ["connector-routing/relay-denied", "connector-routing/connector-restriction", "connector-routing/dead-next-hop"];

/// The attempt that ended the way, and the host to which it went.
struct Tried<'t> {
    event: &'t Event,
    host: &'t Peer,
}

fn tried<'t>(stay: &Stay<'t>) -> Option<Tried<'t>> {
    let event = match stay.end {
        End::HandoverRefused(event) | End::Deferred(event) | End::GaveUp(_, Some(event)) => event,
        _ => return None,
    };
    let host = match event.fact() {
        Fact::Handover(handover)
            if handover.next_hop != evidence::NextHop::ContentFilter
                && handover.next_hop != evidence::NextHop::MailboxStore =>
        {
            handover.to.as_ref()
        }
        Fact::Dsn(dsn) => dsn.remote.as_ref(),
        _ => None,
    };
    host.filter(|host| host.name.is_some() && !host.is_loopback()).map(|host| Tried { event, host })
}

/// What the DNS said about the MX of one domain: at one look, nearest to the message, and before that.
struct MxRecords<'a> {
    /// The answers of the look that is nearest to the message.
    nearest: Vec<&'a Entry>,
    /// Those before it.
    earlier: Vec<&'a Entry>,
    are_of_the_time: bool,
    /// Addresses that names of hosts have.
    addresses: Vec<&'a DnsAnswer>,
}

impl<'a> MxRecords<'a> {
    fn of(domain: &str, scene: &Scene<'a>, sent_at: Option<Timestamp>) -> MxRecords<'a> {
        let answers = || scene.lake.surroundings().iter().filter_map(|entry| Some((entry, answer(entry)?)));
        let mut mx: Vec<&Entry> = answers()
            .filter(|(_, answer)| answer.name == domain && answer.record_type == "MX" && !answer.data.is_empty())
            .map(|(entry, _)| entry)
            .collect();
        mx.sort_by_key(|entry| (at(entry), entry.observation.cite.order()));
        let away = |entry: &Entry| {
            at(entry).zip(sent_at).map_or(SignedDuration::MAX, |(at, sent_at)| at.duration_since(sent_at).abs())
        };
        let nearest = mx.iter().copied().min_by_key(|entry| away(entry));
        let of_one_look = |entry: &Entry| match (at(entry), nearest.and_then(at)) {
            (Some(one), Some(other)) => one.duration_since(other).abs() <= ONE_LOOK,
            (one, other) => one.is_none() && other.is_none(),
        };
        let before = |entry: &Entry| at(entry).is_some() && at(entry) < nearest.and_then(at);
        MxRecords {
            are_of_the_time: nearest.is_some_and(|entry| away(entry) <= OF_THE_TIME),
            earlier: mx.iter().copied().filter(|entry| before(entry) && !of_one_look(entry)).collect(),
            nearest: mx.iter().copied().filter(|entry| of_one_look(entry)).collect(),
            addresses: answers().map(|(_, answer)| answer).filter(|answer| is_address(answer)).collect(),
        }
    }

    /// In what the host that was used differs from the MX; `None` if it does not, or if nothing ties it to the domain.
    fn how_it_differs(&self, host: &Peer, domain: &str) -> Option<String> {
        let name = host.name.as_deref()?;
        let names_it = |entry: &Entry| hosts(entry).iter().any(|mx| self.is_same(mx, host, domain));
        let (with, without): (Vec<&Entry>, Vec<&Entry>) = self.nearest.iter().partition(|entry| names_it(entry));
        let named = hosts(without.first()?).join(", ");
        if !with.is_empty() {
            return Some(format!("{name} is the MX of {domain} in one answer of the DNS only, another names {named}"));
        }
        if self.earlier.iter().any(|entry| names_it(entry)) {
            return Some(format!("{name} was the MX of {domain} before, it is {named} now"));
        }
        bears(name, domain).then(|| format!("the MX of {domain} is {named}, not {name}"))
    }

    /// Whether two hosts are one, or two names of one service.
    fn is_same(&self, mx: &str, host: &Peer, domain: &str) -> bool {
        let name = host.name.as_deref().unwrap_or("");
        let same_address = host.ip.as_deref().is_some_and(|ip| {
            self.addresses.iter().any(|answer| answer.name == mx && answer.data.iter().any(|data| data == ip))
        });
        let cloud = |name: &str| layers::is_vendor_cloud(Some(&named(name)), "");
        let same_service = match (cloud(mx), cloud(name)) {
            (Some(one), Some(other)) => one == other,
            (None, None) => service(mx) == service(name) && !bears(mx, domain),
            _ => false,
        };
        mx == name || same_address || same_service
    }

    /// The services and hosts that are the MX by any answer near the message.
    fn hosts(&self) -> impl Iterator<Item = String> + '_ {
        self.nearest.iter().flat_map(|entry| hosts(entry))
    }

    fn cites(&self) -> Vec<Cite> {
        self.nearest.iter().chain(self.earlier.last()).map(|entry| entry.observation.cite.clone()).collect()
    }
}

/// Whether the way led over the MX all the same, or the one who hands over is the recipient's own side: then the next host
/// is that side's own choice.
fn is_on_the_way_of_the_mx(ground: &Ground<'_>, tried: &Tried<'_>, records: &MxRecords<'_>, domain: &str) -> bool {
    let clouds: Vec<Product> =
        records.hosts().filter_map(|mx| layers::is_vendor_cloud(Some(&named(&mx)), "")).collect();
    let is_mx = |peer: &Peer| {
        let name = peer.name.as_deref().unwrap_or("");
        records.hosts().any(|mx| records.is_same(&mx, peer, domain))
            || layers::is_vendor_cloud(Some(peer), "").is_some_and(|cloud| clouds.contains(&cloud))
            || is_within(name, domain)
    };
    let decided = ground.copy.decided_at.unwrap_or(0);
    let stays = &ground.copy.stays[..=decided.min(ground.copy.stays.len() - 1)];
    let over_the_mx = stays.iter().any(|stay| {
        clouds.contains(&stay.station.system.product)
            || records.hosts().any(|mx| is_called(&stay.station.system, &mx))
            || stay.arrivals.iter().any(|event| {
                matches!(event.fact(), Fact::Arrival(arrival)
                if arrival.client.as_ref().is_some_and(is_mx))
            })
    });
    if over_the_mx {
        return true;
    }
    match tried.event.fact() {
        // The notice's writer is the sender's server, unless it bears the recipient's domain or is its gateway.
        Fact::Dsn(dsn) => dsn.reporting.as_ref().is_none_or(is_mx),
        // Nobody but the MX brings mail from outside to a server behind a cloud service; of another server that takes mail
        // from outside nothing tells whether it is the MX under another name.
        _ => clouds.is_empty() && !is_of_own_users(stays),
    }
}

/// Whether mail of the server's own users is handed over: it was sent by somebody who had logged in, or on the machine.
fn is_of_own_users(stays: &[Stay<'_>]) -> bool {
    stays.iter().any(|stay| {
        let signed_in = stay.station.events.iter().any(|event| {
            matches!(event.fact(), Fact::Identity(identity)
                if identity.authenticated_sender.is_some() || identity.direction == Some(evidence::Access::Outbound))
        });
        let local = stay.arrivals.iter().any(|event| {
            matches!(event.fact(), Fact::Arrival(arrival) if arrival.outcome == Outcome::Accepted
                && arrival.client.is_none() && arrival.earlier.is_none())
        });
        signed_in || local
    })
}

/// Whether a server writes this host's first label as its own name into its log.
fn is_called(system: &System, mx: &str) -> bool {
    let host = system.instance.as_deref().and_then(|instance| instance.split(['/', '.']).next());
    host.is_some_and(|host| mx.split('.').next() == Some(host))
}

fn answer(entry: &Entry) -> Option<&DnsAnswer> {
    match &entry.observation.fact {
        Fact::Dns(answer) => Some(answer),
        _ => None,
    }
}

fn at(entry: &Entry) -> Option<Timestamp> {
    entry.observation.when.as_ref().map(|when| when.at)
}

fn is_address(answer: &DnsAnswer) -> bool {
    ["A", "AAAA"].contains(&answer.record_type.as_str())
}

/// The hosts of an answer in lower case, without their preference; of a null MX (RFC 7505) none.
fn hosts(entry: &Entry) -> Vec<String> {
    let data = answer(entry).map_or(&[][..], |answer| answer.data.as_slice());
    let host =
        |data: &String| data.split_whitespace().next_back().map(|host| host.trim_end_matches('.').to_lowercase());
    data.iter().filter_map(host).filter(|host| !host.is_empty()).collect()
}

fn named(name: &str) -> Peer {
    Peer { name: Some(name.to_owned()), ip: None, port: None }
}

/// The end of a host's name under which its owner names hosts of one service.
fn service(name: &str) -> &str {
    let cut = name.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    &name[cut..]
}

/// Whether a host bears a domain's name: it lies in it, or a cloud service made its name of it, dots written as dashes.
fn bears(name: &str, domain: &str) -> bool {
    is_within(name, domain) || name.split('.').next() == Some(domain.replace('.', "-").as_str())
}

fn is_within(name: &str, domain: &str) -> bool {
    name == domain || name.strip_suffix(domain).is_some_and(|head| head.ends_with('.'))
}
