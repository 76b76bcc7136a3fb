//! `compare`: a blocked message beside a delivered one, from what the user named to the printed answer.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use evidence::{Address, Identifier, Observation, Reading};
use layers::part::{self, Kinship, Lookalike, Side};
use report::{Answered, Comparison, Picked, Report, RunnerUp, Sides};
use sources::{Clock, Input, Message, NoProgress, Query, Readings, Wanted};

use crate::cli::{Compare, Follow};
use crate::failure::Failure;
use crate::follow::{Asked, addresses, message_id, with_answer};
use crate::supply::{Hashed, Supply, is_within};
use crate::{excerpt, output, times};

/// Larger files are not searched for a delivered message.
const SEARCHED_MAX_BYTES: usize = 64 << 20;
/// How many messages are followed to find one that was delivered.
const MAX_FOLLOWED: usize = 8;
/// How many that come next are named.
const MAX_RUNNERS_UP: usize = 5;

/// Compares two messages and prints where they part; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &Compare) -> Result<u8, Failure> {
    let comparison = compared(options, &Supply::open(&paths(options)))?;
    output::print(&output::page(&comparison, &comparison.sheet(), &options.output)?)?;
    Ok(u8::from(comparison.parted_at.is_none()))
}

/// Compares two messages in what was supplied.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn compared(options: &Compare, supply: &Supply) -> Result<Comparison, Failure> {
    let inputs = supply.inputs();
    let work = Work { options, clock: times::clock(&options.clocks, None)?, supply, inputs: &inputs };
    let blocked = work.read(work.named_blocked()?)?;
    let mut comparison = match work.named_delivered()? {
        Some(message) => {
            let delivered = work.read(message)?;
            work.compare(blocked, |_| Ok((Some(delivered), None)))?
        }
        None => work.compare(blocked, |answered| work.pick(answered))?,
    };
    comparison.evidence.extend(supply.refused().map(|file| report::ComparedFile {
        file: file.file,
        error: file.error,
        ..report::ComparedFile::default()
    }));
    excerpt::add(&inputs, |visit| comparison.each_cite(visit));
    Ok(comparison)
}

/// A followed message beside the delivered one that is most like it in the same evidence; `None` if no record speaks of the message.
///
/// # Errors
/// [`Failure`] if the evidence cannot be read.
pub fn beside_delivered(options: &Follow, report: &Report, supply: &Supply) -> Result<Option<Comparison>, Failure> {
    if report.copies.is_empty() {
        return Ok(None);
    }
    let clock = times::clock(&options.clocks, options.at.as_deref())?;
    let message = match &report.message.message_id {
        Some(id) => Message { ids: [message_id("--message-id", id)?].into(), ..Message::default() },
        None => crate::follow::message(options, &clock)?,
    };
    let compare = Compare {
        blocked: None,
        delivered: None,
        evidence: Vec::new(),
        blocked_message_id: None,
        delivered_message_id: None,
        recipient: options.recipient.clone(),
        delivered_recipient: Vec::new(),
        trust: options.trust.clone(),
        clocks: options.clocks.clone(),
        hash_all: options.hash_all,
        output: options.output.clone(),
    };
    let inputs = supply.inputs();
    let work = Work { options: &compare, clock, supply, inputs: &inputs };
    let blocked = match work.read(message) {
        Ok(readings) => readings,
        Err(Failure::WhichMessage { .. } | Failure::NothingReadable(_)) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let mut comparison = work.compare(blocked, |answered| work.pick(answered))?;
    excerpt::add(&inputs, |visit| comparison.each_cite(visit));
    Ok(Some(comparison))
}

/// All that was named, without what lies in a folder that is named too.
fn paths(options: &Compare) -> Vec<PathBuf> {
    let named: Vec<&PathBuf> = options.blocked.iter().chain(&options.delivered).chain(&options.evidence).collect();
    let mut paths: Vec<PathBuf> = Vec::new();
    for (at, path) in named.iter().enumerate() {
        let within = |other: &&PathBuf| is_within(path, other);
        let in_folder = named
            .iter()
            .enumerate()
            .any(|(other, folder)| other != at && !within_each_other(path, folder) && within(folder));
        if !in_folder && !paths.iter().any(|known| within_each_other(known, path)) {
            paths.push((*path).clone());
        }
    }
    paths
}

/// Whether two paths name one place.
fn within_each_other(one: &Path, other: &Path) -> bool {
    is_within(one, other) && is_within(other, one)
}

/// The work on one command line.
struct Work<'a> {
    options: &'a Compare,
    clock: Clock,
    supply: &'a Supply,
    inputs: &'a [Input<'a>],
}

impl Work<'_> {
    fn named_blocked(&self) -> Result<Message, Failure> {
        let id = self.options.blocked_message_id.as_deref();
        let named = self.named("--blocked", self.options.blocked.as_deref(), "--blocked-message-id", id)?;
        // The command line asks for one of the two.
        Ok(named.unwrap_or_default())
    }

    fn named_delivered(&self) -> Result<Option<Message>, Failure> {
        let id = self.options.delivered_message_id.as_deref();
        self.named("--delivered", self.options.delivered.as_deref(), "--delivered-message-id", id)
    }

    /// The message of one side: by its id, else the one that its own files hold. `None` if neither is given.
    fn named(
        &self,
        path_option: &str,
        path: Option<&Path>,
        id_option: &str,
        id: Option<&str>,
    ) -> Result<Option<Message>, Failure> {
        if let Some(id) = id {
            return Ok(Some(Message { ids: [message_id(id_option, id)?].into(), ..Message::default() }));
        }
        let Some(path) = path else { return Ok(None) };
        let own = self.supply.within(path);
        let readings = self.supply.read(&own, Message::default(), &self.clock).map_err(|failure| match failure {
            Failure::WhichMessage { expected, found, .. } => Failure::Usage {
                what: path_option.to_owned(),
                expected,
                found,
                hint: format!("Name the sample itself, or the message with {id_option}"),
            },
            other => other,
        })?;
        let message = readings.message;
        let ids: BTreeSet<Identifier> = message.ids.iter().filter(|id| !id.is_strong()).cloned().collect();
        Ok(Some(if ids.is_empty() { message } else { Message { ids, ..Message::default() } }))
    }

    fn read(&self, message: Message) -> Result<Readings, Failure> {
        self.supply.read(self.inputs, message, &self.clock)
    }

    /// Follows the blocked message, lets `other` give the delivered one, and lays them beside each other.
    fn compare(
        &self,
        blocked: Readings,
        other: impl FnOnce(&Answered<'_>) -> Result<(Option<Readings>, Option<Picked>), Failure>,
    ) -> Result<Comparison, Failure> {
        let hashes = self.supply.hashes(Hashed::by(self.options.hash_all));
        let sha256 = |file: &str| hashes.get(file).cloned();
        let recipients = addresses(&self.options.recipient);
        with_answer(blocked, self.asked(&recipients), |blocked| {
            let (delivered, picked) = other(blocked)?;
            let picked = picked.as_ref();
            let Some(delivered) = delivered else {
                return Ok(Comparison::of(&Sides { blocked, delivered: None, picked }, sha256));
            };
            let recipients = self.delivered_recipients(&delivered, &recipients);
            Ok(with_answer(delivered, self.asked(&recipients), |delivered| {
                Comparison::of(&Sides { blocked, delivered: Some(delivered), picked }, sha256)
            }))
        })
    }

    fn asked<'a>(&'a self, recipients: &'a [Address]) -> Asked<'a> {
        Asked { recipients, trusted: &self.options.trust, now: times::now(&self.options.clocks) }
    }

    /// The recipients that are meant on the delivered side: its own option, else those of the blocked side if it has one of
    /// them, else all.
    fn delivered_recipients(&self, delivered: &Readings, recipients: &[Address]) -> Vec<Address> {
        if !self.options.delivered_recipient.is_empty() {
            return addresses(&self.options.delivered_recipient);
        }
        let known = &delivered.message.likeness.envelope_recipients;
        if recipients.iter().any(|one| known.contains(one)) { recipients.to_vec() } else { Vec::new() }
    }

    /// Picks the delivered message that is most like the blocked one: another copy of the same message, else the first of its
    /// likes that turns out to be delivered.
    fn pick(&self, blocked: &Answered<'_>) -> Result<(Option<Readings>, Option<Picked>), Failure> {
        let at = part::blocked_copy(blocked.copies);
        let Some((copy, answer)) = at.and_then(|at| Some((blocked.copies.get(at)?, blocked.found.answers.get(at)?)))
        else {
            let because = "No record speaks of the blocked message, so nothing is like it.".to_owned();
            return Ok((None, Some(Picked { because, ..Picked::default() })));
        };
        let own = &blocked.trace.message.message_id;
        let named: Option<Identifier> = own.as_deref().and_then(Identifier::message_id);
        if let Some(id) = named {
            let message = Message { ids: [id].into(), ..Message::default() };
            if self.other_copies_delivered(&message, &copy.copy.envelope_recipient)? {
                let because = "Picked: another copy of the same message was delivered.".to_owned();
                let picked = Picked { kinship: Some(report::Kinship::SameMessage), because, ..Picked::default() };
                return Ok((Some(self.read(message)?), Some(picked)));
            }
        }
        let (stated, not_searched) = self.everything();
        let side = Side { copy, stages: &answer.stages, lake: blocked.lake, trusted: &self.options.trust };
        let stated: Vec<&Observation> = stated.iter().flat_map(|reading| &reading.observations).collect();
        let likes = part::lookalikes(&side, &own.iter().cloned().collect(), &stated);
        for (at, like) in likes.iter().enumerate().take(MAX_FOLLOWED) {
            let Some(id) = Identifier::message_id(&like.message_id) else { continue };
            let message = Message { ids: [id].into(), ..Message::default() };
            let readings = self.read(message)?;
            let recipients = self.delivered_recipients(&readings, &[]);
            let is_delivered = with_answer(readings.clone(), self.asked(&recipients), |answered| {
                answered.copies.iter().any(|copy| part::mailbox_distance(copy.fate) == 0)
            });
            if is_delivered {
                let runners_up = likes.iter().skip(at + 1).take(MAX_RUNNERS_UP).map(runner_up).collect();
                let picked = Picked {
                    kinship: Some(kinship(&like.kinship)),
                    because: format!("Picked because: {}.", told(like)),
                    runners_up,
                    not_searched,
                };
                return Ok((Some(readings), Some(picked)));
            }
        }
        let because = match likes.len() {
            0 => {
                "No record names a delivered message of the same sender, domain, policy or recipient. Give a delivered \
                sample with --delivered, or logs of a longer time."
                    .to_owned()
            }
            n => format!(
                "None of {n} messages like it is shown in a mailbox. Give a delivered sample with --delivered, or the \
                records that show where these ended."
            ),
        };
        let runners_up = likes.iter().take(MAX_RUNNERS_UP).map(runner_up).collect();
        Ok((None, Some(Picked { kinship: None, because, runners_up, not_searched })))
    }

    /// Whether a copy of the message for another recipient than this one was delivered.
    fn other_copies_delivered(&self, message: &Message, than: &Address) -> Result<bool, Failure> {
        let recipients = addresses(&self.options.delivered_recipient);
        let readings = self.read(message.clone())?;
        Ok(with_answer(readings, self.asked(&recipients), |answered| {
            let others = answered.copies.iter().filter(|copy| copy.copy.envelope_recipient != *than);
            others.into_iter().any(|copy| part::mailbox_distance(copy.fate) == 0)
        }))
    }

    /// Every row of every file that is not too large, and the files that are.
    fn everything(&self) -> (Vec<Reading>, Vec<String>) {
        let query = Query { wanted: &Wanted::Everything, clock: &self.clock, progress: &NoProgress };
        let (small, large): (Vec<&Input<'_>>, Vec<&Input<'_>>) =
            self.inputs.iter().partition(|input| input.bytes.len() <= SEARCHED_MAX_BYTES);
        let read = |input: &&Input<'_>| sources::recognise(input.bytes, &input.name).ok()?.read(input, &query).ok();
        (small.iter().filter_map(read).collect(), large.iter().map(|input| input.name.to_string()).collect())
    }
}

fn kinship(kinship: &Kinship) -> report::Kinship {
    match kinship {
        Kinship::SameMessage => report::Kinship::SameMessage,
        Kinship::SameSender(_) => report::Kinship::SameSender,
        Kinship::SameDomain(_) => report::Kinship::SameDomain,
        Kinship::SamePolicy(_) => report::Kinship::SamePolicy,
        Kinship::SameRecipient(_) => report::Kinship::SameRecipient,
    }
}

/// What two messages share, and how far apart they are.
fn told(like: &Lookalike) -> String {
    let apart = like.apart.map_or("at an unknown time".to_owned(), |apart| format!("{} apart", report::span(apart)));
    format!("{}, {apart}", like.kinship)
}

fn runner_up(like: &Lookalike) -> RunnerUp {
    RunnerUp {
        message_id: like.message_id.clone(),
        sender: like.sender.as_ref().map(|sender| sender.as_str().to_owned()),
        at: like.at,
        because: told(like),
        file: like.file.to_string(),
    }
}
