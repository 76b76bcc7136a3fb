//! `follow` for several messages: which are meant, each followed to its own answer, and what they share.

use std::collections::{BTreeSet, HashMap};

use evidence::{Address, Identifier, Outcome};
use findings::several::{Member, Whose};
use jiff::SignedDuration;
use lake::Ledger;
use layers::Fate;
use report::{Answered, Counts, FollowedMessage, Report};
use sources::{Clock, Input, Message, Readings, Sighted, Sought, SoughtSender};

use crate::cli::Follow;
use crate::failure::Failure;
use crate::follow::{self, Asked, addresses, with_answer};
use crate::progress::Meter;
use crate::supply::Supply;
use crate::times;

/// Which messages are meant.
pub enum Meant {
    /// One.
    One(Message),
    /// Several.
    Several(Chosen),
}

/// The messages that are meant.
pub struct Chosen {
    /// By time, then by Message-ID.
    list: Vec<Sighted>,
    /// What they have in common, for people.
    asked: String,
    /// The senders that were asked for.
    senders: BTreeSet<SoughtSender>,
    /// How many more there are at least.
    more: usize,
}

/// How far from the instant that is asked for a message may lie that only a sender, recipient or subject names.
const ABOUT: SignedDuration = SignedDuration::from_hours(24);

/// Tells by the options and the evidence which messages are meant.
///
/// One Message-ID means one message; so do two looks with a time. Several ids, several samples, and looks without a time mean
/// all that fit.
///
/// # Errors
/// [`Failure`] if an option cannot be read, or if the user stopped it.
pub fn meant(options: &Follow, supply: &Supply, inputs: &[Input<'_>], clock: &Clock) -> Result<Meant, Failure> {
    let one = follow::message(options, clock)?;
    let ids: BTreeSet<Identifier> = one.ids.clone();
    if ids.len() > 1 {
        let list = ids.into_iter().map(|id| by_id(id, &one)).collect();
        return Ok(several(list, options, "named by their ids".to_owned(), 0));
    }
    let looks = [options.sender.is_some(), !options.recipient.is_empty(), options.subject.is_some()];
    let looks = looks.into_iter().filter(|is_given| *is_given).count();
    let is_recipient_only = looks == 1 && !options.recipient.is_empty();
    if !ids.is_empty() || (looks == 0 && options.at.is_some()) {
        return Ok(Meant::One(one));
    }
    let samples = sources::sampled(inputs, clock, &sources::NoProgress);
    if looks == 0 || (is_recipient_only && !samples.is_empty() && options.at.is_none()) {
        return Ok(match samples.as_slice() {
            [] => Meant::One(one),
            [_] if looks == 0 => Meant::One(one),
            [only] => Meant::One(Message { ids: only.message.ids.clone(), ..one }),
            _ => several(samples, options, "of which samples were supplied".to_owned(), 0),
        });
    }
    let is_singled_out = looks > 1 && !is_domain(options);
    if is_singled_out && options.at.is_some() {
        return Ok(Meant::One(one));
    }
    let found = supply.find(inputs, &sought(options), clock)?;
    let mut list = found.list;
    if let Some(at) = one.likeness.around.first() {
        let near = |sighted: &Sighted| sighted.at.map(|one| one.duration_since(*at).abs());
        let nearest = list.into_iter().filter(|one| near(one).is_some_and(|apart| apart <= ABOUT)).min_by_key(near);
        return Ok(Meant::One(nearest.map_or(one, |nearest| nearest.message)));
    }
    let is_sampled = |one: &Sighted| samples.iter().any(|sample| sample.message_id == one.message_id);
    if is_singled_out && list.iter().any(is_sampled) {
        list.retain(is_sampled);
    }
    Ok(match list.as_slice() {
        [] => Meant::One(one),
        [_] if is_singled_out => Meant::One(one),
        [only] => Meant::One(only.message.clone()),
        _ => several(list, options, common(options), found.not_gathered),
    })
}

/// All messages that have something in common, whether or not they are samples, since an instant: those of which no record states one
/// are among them.
///
/// # Errors
/// [`Failure::Stopped`] if the user stopped it.
pub fn all(
    sought: Sought,
    since: Option<jiff::Timestamp>,
    supply: &Supply,
    inputs: &[Input<'_>],
    clock: &Clock,
) -> Result<Chosen, Failure> {
    let mut found = supply.find(inputs, &sought, clock)?;
    found.list.retain(|one| one.at.is_none() || one.at >= since);
    Ok(Chosen { list: found.list, asked: String::new(), senders: sought.senders, more: found.not_gathered })
}

fn several(list: Vec<Sighted>, options: &Follow, asked: String, more: usize) -> Meant {
    Meant::Several(Chosen { list, asked, senders: sought(options).senders, more })
}

fn by_id(id: Identifier, asked: &Message) -> Sighted {
    let message_id = Some(id.text().to_owned());
    let likeness = asked.likeness.clone();
    Sighted { message_id, message: Message { ids: [id].into(), likeness, ..Message::default() }, ..Sighted::default() }
}

fn is_domain(options: &Follow) -> bool {
    options.sender.as_deref().is_some_and(|sender| matches!(SoughtSender::new(sender), SoughtSender::Domain(_)))
}

fn sought(options: &Follow) -> Sought {
    Sought {
        senders: options.sender.iter().map(|sender| SoughtSender::new(sender)).collect(),
        envelope_recipients: addresses(&options.recipient).into_iter().collect(),
        subjects: options.subject.iter().cloned().collect(),
    }
}

/// What the options say that the messages have in common.
fn common(options: &Follow) -> String {
    let mut words = Vec::new();
    if let Some(sender) = &options.sender {
        words.push(match SoughtSender::new(sender) {
            SoughtSender::Address(address) => format!("from {address}"),
            SoughtSender::Domain(domain) => format!("from {domain} (any address)"),
        });
    }
    if !options.recipient.is_empty() {
        words.push(format!("to {}", options.recipient.join(", ")));
    }
    if let Some(subject) = &options.subject {
        words.push(format!("with the subject \"{subject}\""));
    }
    words.join(" ")
}

/// One message that was followed.
struct Followed {
    sighted: Sighted,
    member: Member,
    told: FollowedMessage,
}

/// Follows each of the messages, and tells one of them in full.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn answer(
    chosen: Chosen,
    options: &Follow,
    supply: &Supply,
    inputs: &[Input<'_>],
    clock: &Clock,
    ledger: &Ledger<'_>,
) -> Result<Report, Failure> {
    let Chosen { mut list, asked, senders, more } = chosen;
    let beyond = list.len().saturating_sub(options.limit);
    list.drain(..beyond);
    let ids: BTreeSet<Identifier> = list.iter().flat_map(|one| one.message.ids.iter().cloned()).collect();
    let work = Work { options, supply, inputs, clock, recipients: addresses(&options.recipient), senders };
    let mut followed = work.follow_all(list)?;
    followed.sort_by(|a, b| {
        let member = |one: &Followed| (one.member.at.is_none(), one.member.at, one.member.message_id.clone());
        let key = |one: &Followed| (member(one), one.sighted.places.clone());
        key(a).cmp(&key(b))
    });
    let members: Vec<Member> = followed.iter().map(|one| one.member.clone()).collect();
    let shared = findings::several::shared(&members);
    let in_full = representative(&members, &shared);
    let Some(example) = followed.get(in_full) else {
        // Records that looked like it turned out to be of others.
        let readings = supply.read(inputs, follow::message(options, clock)?, clock)?;
        return Ok(follow::answer(readings, options, inputs, &HashMap::new(), ledger));
    };
    let mut readings = work.read(&example.sighted, &sources::NoProgress)?;
    readings.others.retain(|other| {
        other.message_id.as_deref().and_then(Identifier::message_id).is_none_or(|id| !ids.contains(&id))
    });
    let hashes = supply.hashes(crate::supply::Hashed::by(options.hash_all));
    let report = follow::answer(readings, options, inputs, &hashes, ledger);
    let counts = Counts { asked, not_followed: beyond + more, in_full };
    Ok(report.among(followed.into_iter().map(|one| one.told).collect(), &members, &shared, counts))
}

/// Follows each of the messages, hands over what was found out about those that fit, and says how many were not followed.
///
/// # Errors
/// [`Failure`] if nothing can be read, or if the user stopped it.
pub fn each<R>(
    chosen: Chosen,
    options: &Follow,
    supply: &Supply,
    inputs: &[Input<'_>],
    clock: &Clock,
    mut take: impl FnMut(&Answered<'_>) -> R,
) -> Result<(Vec<R>, usize), Failure> {
    let Chosen { mut list, senders, more, .. } = chosen;
    let beyond = list.len().saturating_sub(options.limit);
    list.drain(..beyond);
    let work = Work { options, supply, inputs, clock, recipients: addresses(&options.recipient), senders };
    let meter = Meter::counting(list.len() as u64);
    let mut taken = Vec::new();
    for sighted in list {
        let readings = work.read(&sighted, &meter)?;
        taken.extend(work.fitting(readings, |answered, _| take(answered)));
        meter.step();
    }
    meter.finish();
    Ok((taken, beyond + more))
}

/// The message that is told in full: the first of the largest group, else the first exception that was not delivered.
fn representative(members: &[Member], shared: &findings::several::Shared) -> usize {
    let of_group = shared.groups.first().and_then(|group| group.copies.first()).map(|(at, _)| *at);
    let is_blocked = |(at, copy): &(usize, usize)| members[*at].copies[*copy].fate != Fate::Delivered;
    let mut exceptions = shared.exceptions.iter().map(|(at, copy, _)| (*at, *copy));
    let exception = || exceptions.find(is_blocked).map(|(at, _)| at);
    let counted = || findings::several::counted(members).into_iter().next();
    of_group.or_else(exception).or_else(counted).unwrap_or(0)
}

/// The work on one command line.
struct Work<'a> {
    options: &'a Follow,
    supply: &'a Supply,
    inputs: &'a [Input<'a>],
    clock: &'a Clock,
    recipients: Vec<Address>,
    senders: BTreeSet<SoughtSender>,
}

impl Work<'_> {
    /// Follows those first whose records bear ids: what of the others belongs to them is theirs.
    fn follow_all(&self, list: Vec<Sighted>) -> Result<Vec<Followed>, Failure> {
        let meter = Meter::counting(list.len() as u64);
        let (named, unnamed): (Vec<Sighted>, Vec<Sighted>) = list.into_iter().partition(|one| one.message_id.is_some());
        let mut followed: Vec<Followed> = Vec::new();
        for sighted in named.into_iter().chain(unnamed) {
            if !is_told_by_another(&sighted, &followed) {
                let one = self.follow(sighted, &meter)?;
                followed.extend(one.filter(|one| !is_followed(one, &followed)));
            }
            meter.step();
        }
        meter.finish();
        Ok(followed)
    }

    /// Follows one message; `None` if all its records together show that it does not fit.
    fn follow(&self, sighted: Sighted, meter: &Meter) -> Result<Option<Followed>, Failure> {
        let readings = self.read(&sighted, meter)?;
        Ok(self.fitting(readings, |answered, member| {
            let told = FollowedMessage::of(answered, &member, self.command(&sighted));
            Followed { sighted: sighted.clone(), member, told }
        }))
    }

    /// Follows one message and hands over what was found out; `None` if it does not fit.
    fn fitting<R>(&self, readings: Readings, take: impl FnOnce(&Answered<'_>, Member) -> R) -> Option<R> {
        let is_sender = |address: &Address| self.senders.iter().any(|sought| sought.is(address));
        let is_sender: Option<&dyn Fn(&Address) -> bool> =
            if self.senders.is_empty() { None } else { Some(&is_sender) };
        let now = times::now(&self.options.clocks);
        let asked = Asked { recipients: &self.recipients, trusted: &self.options.trust, now };
        with_answer(readings, asked, |answered| {
            let scene = findings::Scene { lake: answered.lake, trace: answered.trace, copies: answered.copies, now };
            let member = findings::several::member(&scene, answered.found, is_sender);
            let is_other = member.whose == Whose::Other || (member.copies.is_empty() && !self.recipients.is_empty());
            (!is_other).then(|| take(answered, member))
        })
    }

    fn read(&self, sighted: &Sighted, progress: &dyn sources::Progress) -> Result<Readings, Failure> {
        if !sighted.message.ids.is_empty() {
            return self.supply.read_with(self.inputs, sighted.message.clone(), self.clock, progress);
        }
        let reference = sighted.at.unwrap_or(self.clock.reference);
        let clock = Clock { reference, ..self.clock.clone() };
        let mut readings = self.supply.read_with(self.inputs, sighted.message.clone(), &clock, progress)?;
        readings.keep_only(&sighted.places);
        Ok(readings)
    }

    /// The command line that follows one message alone; `None` if a part of it might mean something to a shell.
    fn command(&self, sighted: &Sighted) -> Option<String> {
        let mut words = vec!["throughline follow".to_owned()];
        for path in &self.options.paths {
            words.push(quoted(path.to_str()?)?);
        }
        let mut option = |name: &str, value: &str| -> Option<()> {
            words.push(format!("{name} {}", quoted(value)?));
            Some(())
        };
        match &sighted.message_id {
            Some(id) => option("--message-id", id)?,
            None => {
                option("--sender", sighted.senders.iter().find(|sender| !sender.is_null())?.as_str())?;
                option("--recipient", sighted.envelope_recipients.first()?.as_str())?;
                option("--at", &sighted.at?.to_string())?;
                // One that cannot be copied is left out: the time tells the message as well as can be.
                let _ = sighted.message.likeness.subjects.first().and_then(|subject| option("--subject", subject));
            }
        }
        if self.options.clocks.tz != "UTC" {
            option("--tz", &self.options.clocks.tz)?;
        }
        for name in &self.options.trust {
            option("--trust", name)?;
        }
        Some(words.join(" "))
    }
}

/// Whether a message that was found by other ids turned out to be one that was followed by its Message-ID.
fn is_followed(one: &Followed, followed: &[Followed]) -> bool {
    one.member.message_id.is_some() && followed.iter().any(|other| other.member.message_id == one.member.message_id)
}

/// Whether the records of a message without a Message-ID are told with another message: as what decided over it, as an attempt
/// that was put off before it came through, or as a detail of it. A refusal stands alone otherwise.
fn is_told_by_another(sighted: &Sighted, followed: &[Followed]) -> bool {
    let places = || sighted.places.iter().map(|(file, start, end)| (file.to_string(), *start, *end));
    let named = || followed.iter().filter(|other| other.sighted.message_id.is_some());
    let decides = named().any(|other| places().any(|place| other.member.stage_places.contains(&place)));
    let is_read = || named().any(|other| places().any(|place| other.member.places.contains(&place)));
    let came_later = || named().any(|other| is_retry(sighted, other));
    match sighted.door {
        Some(Outcome::Refused) => decides,
        Some(Outcome::Deferred) => decides || is_read() || came_later(),
        _ => decides || is_read(),
    }
}

/// Whether a message came through that the same sender sent to the same recipient within a day after an attempt was put off: a
/// server that is put off tries again.
fn is_retry(put_off: &Sighted, other: &Followed) -> bool {
    let share = |a: &BTreeSet<Address>, b: &BTreeSet<Address>| !a.is_disjoint(b);
    let after = put_off.at.zip(other.member.at).map(|(before, after)| after.duration_since(before));
    after.is_some_and(|after| !after.is_negative() && after <= ABOUT)
        && share(&put_off.senders, &other.sighted.senders)
        && share(&put_off.envelope_recipients, &other.sighted.envelope_recipients)
}

/// A word as a shell takes it; `None` if it cannot be copied safely, for senders choose their Message-IDs.
fn quoted(word: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@._-+=/:~".contains(&byte);
    let is_safe = |byte: u8| is_plain(byte) || b" $\\".contains(&byte);
    if word.is_empty() || word.len() > 500 || !word.bytes().all(is_safe) {
        return None;
    }
    // What begins with a dash would be taken for an option.
    let is_option = word.starts_with('-') && word.len() > 1;
    match (is_option, word.bytes().all(is_plain)) {
        (true, _) => None,
        (false, true) => Some(word.to_owned()),
        (false, false) => Some(format!("'{word}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_words_are_told() {
        for (word, expected) in [
            ("inv-4711@supplier.example", Some("inv-4711@supplier.example")),
            ("000$01@x.example", Some("'000$01@x.example'")),
            ("my exports/", Some("'my exports/'")),
            ("-", Some("-")),
            ("--format=json@x", None),
            ("a'; reboot #@x.example", None),
            ("a&b@x.example", None),
            ("a`b`@x.example", None),
        ] {
            assert_eq!(quoted(word).as_deref(), expected, "{word}");
        }
    }
}
