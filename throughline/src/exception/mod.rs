//! `exception propose`, `exception check` and `audit-exceptions`: what lets mail through, planned or there already.

mod audit;
mod check;
mod propose;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use evidence::FileName;
use exceptions::{Approval, Measured, Need, Scope, User};
use findings::Scene;
use jiff::Timestamp;
use lake::{Lake, Ledger};
use report::{Answered, EvidenceFile, Message};
use sources::{Clock, Input};

use crate::cli::{self, Clocks, Follow, Output, Which};
use crate::failure::Failure;
use crate::follow::{Asked, addresses, with_answer};
use crate::progress::Meter;
use crate::several::{self, Meant};
use crate::supply::{Hashed, Supply};
use crate::{survey, times};

pub use audit::run as audit;
pub use check::{Question, REFUSED, judged};
pub use propose::propose;

/// How many messages are followed at most.
const MAX_FOLLOWED: usize = 50;

/// Runs a command about exceptions; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(command: &cli::Exception) -> Result<u8, Failure> {
    match command {
        cli::Exception::Propose(options) => propose::run(options),
        cli::Exception::Check(options) => check::run(options),
    }
}

/// The files of a command line, and how they are read.
struct Work<'a> {
    supply: &'a Supply,
    inputs: &'a [Input<'a>],
    clock: &'a Clock,
    clocks: &'a Clocks,
    hashes: HashMap<String, String>,
}

impl<'a> Work<'a> {
    fn of(supply: &'a Supply, inputs: &'a [Input<'a>], clock: &'a Clock, clocks: &'a Clocks) -> Work<'a> {
        Work { supply, inputs, clock, clocks, hashes: supply.hashes(Hashed::Small) }
    }

    /// Counts what scopes would have let through; nothing if there are none.
    fn measure(&self, scopes: &[Scope]) -> Result<Measured, Failure> {
        if scopes.is_empty() || self.inputs.is_empty() {
            return Ok(Measured { radii: vec![exceptions::Radius::default(); scopes.len()], ..Measured::default() });
        }
        let meter = Meter::start(self.inputs.iter().map(|input| input.bytes.len() as u64).sum());
        let measured = exceptions::measure(self.inputs, scopes, self.clock, &meter);
        meter.finish();
        use sources::Progress as _;
        if meter.is_cancelled() { Err(Failure::Stopped) } else { Ok(measured) }
    }

    /// Who uses what lets mail through, in the order of `scopes`.
    fn users(&self, scopes: &[(usize, Scope)]) -> Result<Vec<Vec<User>>, Failure> {
        if scopes.is_empty() {
            return Ok(Vec::new());
        }
        let scopes: Vec<Scope> = scopes.iter().map(|(_, scope)| scope.clone()).collect();
        let meter = Meter::start(self.inputs.iter().map(|input| input.bytes.len() as u64).sum());
        let users = exceptions::users(self.inputs, &scopes, self.clock, &meter);
        meter.finish();
        use sources::Progress as _;
        if meter.is_cancelled() { Err(Failure::Stopped) } else { Ok(users) }
    }

    /// What the user calls now; of a case when its change is judged; else the newest instant that the evidence states: the clock of the
    /// machine is nobody's evidence.
    fn now(&self, lake: &Lake, found: &Found) -> Option<Timestamp> {
        let newest = || lake.supplied().iter().filter_map(|file| file.coverage.to).chain(found.newest).max();
        times::now(self.clocks).or(self.clocks.judged_at).or_else(newest)
    }

    /// What was read from each file; of those that are too large for all settings in them to be looked for, that.
    fn evidence(&self, lake: &Lake, too_large: &[String]) -> Vec<EvidenceFile> {
        let mut files = report::evidence_files(lake, |file| self.hashes.get(file).cloned());
        files.extend(too_large.iter().map(|file| EvidenceFile {
            file: file.clone(),
            source: self.kind(file),
            limits: vec![
                "over 64 MiB: rows about messages were counted, settings in it were not looked for".to_owned(),
            ],
            ..EvidenceFile::default()
        }));
        files.extend(self.supply.refused());
        files
    }

    fn kind(&self, file: &str) -> Option<String> {
        let input = self.inputs.iter().find(|input| *input.name == *file)?;
        sources::recognise(input.bytes, &input.name).ok().map(|kind| kind.id().to_owned())
    }

    /// SHA-256 of the samples among the files.
    fn samples(&self) -> Vec<String> {
        let is_sample = |input: &&Input<'_>| {
            sources::recognise(input.bytes, &input.name).is_ok_and(|kind| kind.id().starts_with("message/"))
        };
        let samples = self.inputs.iter().filter(is_sample);
        samples.filter_map(|input| self.hashes.get(&*input.name).cloned()).collect()
    }

    /// Follows the messages that are meant.
    ///
    /// # Errors
    /// [`Failure`] if none is singled out.
    fn follow(&self, options: &Follow) -> Result<Found, Failure> {
        let now = times::now(self.clocks);
        let (all, not_followed) = match several::meant(options, self.supply, self.inputs, self.clock)? {
            Meant::One(message) => {
                let readings = self.supply.read(self.inputs, message, self.clock)?;
                let recipients = addresses(&options.recipient);
                let asked = Asked { recipients: &recipients, trusted: &options.trust, now };
                (vec![with_answer(readings, asked, |answered| One::of(answered, now))], 0)
            }
            Meant::Several(chosen) => {
                let take = |answered: &Answered<'_>| One::of(answered, now);
                several::each(chosen, options, self.supply, self.inputs, self.clock, take)?
            }
        };
        Ok(Found::of(all, not_followed))
    }
}

/// What was found out about one message.
struct One {
    needs: Vec<Need>,
    message: Message,
    is_shown: bool,
    newest: Option<Timestamp>,
}

impl One {
    fn of(answered: &Answered<'_>, now: Option<Timestamp>) -> One {
        let scene = Scene { lake: answered.lake, trace: answered.trace, copies: answered.copies, now };
        let answers = &answered.found.answers;
        One {
            needs: Need::of(&scene, answers, &answered.found.findings),
            message: report::message(answered.trace),
            is_shown: !answers.is_empty() && answers.iter().all(|answer| answer.shown),
            newest: answered.lake.supplied().iter().filter_map(|file| file.coverage.to).max(),
        }
    }
}

/// What was found out about all messages that are meant.
#[derive(Default)]
struct Found {
    needs: Vec<Need>,
    /// The first one.
    message: Message,
    messages: u64,
    is_shown: bool,
    newest: Option<Timestamp>,
    not_followed: usize,
}

impl Found {
    fn of(all: Vec<One>, not_followed: usize) -> Found {
        let mut found = Found {
            messages: all.len() as u64,
            is_shown: !all.is_empty() && all.iter().all(|one| one.is_shown),
            newest: all.iter().filter_map(|one| one.newest).max(),
            not_followed,
            ..Found::default()
        };
        for (at, one) in all.into_iter().enumerate() {
            found.needs.extend(one.needs);
            if at == 0 {
                found.message = one.message;
            }
        }
        found
    }

    /// What was left aside, in sentences.
    fn left_aside(&self) -> Option<String> {
        (self.not_followed > 0).then(|| format!("{} further messages fit and were not followed", self.not_followed))
    }
}

/// The options of `follow` that say the same.
fn as_follow(paths: &[PathBuf], which: &Which, clocks: &Clocks, output: &Output) -> Follow {
    Follow {
        paths: paths.to_vec(),
        message_id: which.message_id.clone(),
        sender: which.sender.clone(),
        recipient: which.recipient.clone(),
        at: which.at.clone(),
        subject: which.subject.clone(),
        limit: MAX_FOLLOWED,
        trust: which.trust.clone(),
        clocks: clocks.clone(),
        hash_all: false,
        output: output.clone(),
    }
}

/// Whether options name a message.
fn is_named(which: &Which) -> bool {
    !which.message_id.is_empty()
        || which.sender.is_some()
        || !which.recipient.is_empty()
        || which.at.is_some()
        || which.subject.is_some()
}

/// A recorded approval.
///
/// # Errors
/// [`Failure::NothingReadable`] if the file cannot be opened, [`Failure::Usage`] if it is no approval.
fn approval(path: &Path, clock: &Clock) -> Result<Approval, Failure> {
    let supply = Supply::open(&[path.to_owned()]);
    let inputs = supply.inputs();
    recorded("--approval", one_file("--approval", &supply, &inputs)?, clock)
}

/// A recorded approval that a part of the command line names.
///
/// # Errors
/// [`Failure::Usage`] if it is none.
pub fn recorded(what: &str, file: &Input<'_>, clock: &Clock) -> Result<Approval, Failure> {
    Approval::recorded(file, clock).map_err(|error| Failure::Usage {
        what: what.to_owned(),
        expected: "a recorded approval".to_owned(),
        found: error.to_string(),
        hint: "It is never read from the evidence".to_owned(),
    })
}

/// The one file of a path that is meant to be one.
///
/// # Errors
/// [`Failure::NothingReadable`] if there is none, [`Failure::Usage`] if there are several.
pub fn one_file<'a>(what: &str, supply: &Supply, inputs: &'a [Input<'a>]) -> Result<&'a Input<'a>, Failure> {
    match inputs {
        [file] => Ok(file),
        [] => Err(Failure::NothingReadable(supply.refused().filter_map(|file| file.error).collect())),
        several => Err(Failure::Usage {
            what: what.to_owned(),
            expected: "one file".to_owned(),
            found: format!("{} files", several.len()),
            hint: "Name one of them".to_owned(),
        }),
    }
}

/// Files among the evidence that look like a recorded approval: they do not count.
fn stray_approvals(inputs: &[Input<'_>]) -> impl Iterator<Item = String> {
    let bears_the_name = |input: &&Input<'_>| {
        let head = input.bytes.get(..input.bytes.len().min(4096)).unwrap_or_default();
        let name = exceptions::APPROVAL_SCHEMA.as_bytes();
        head.windows(name.len()).any(|window| window == name)
    };
    let told = |name: &FileName| format!("{name}: looks like a recorded approval; one counts only by --approval");
    inputs.iter().filter(bears_the_name).map(move |input| told(&input.name)).collect::<Vec<_>>().into_iter()
}

/// Every row of the files that are not too large: what stands around messages is told in full.
fn around<'a>(small: &'a [Input<'a>], clock: &Clock) -> Result<Ledger<'a>, Failure> {
    survey::read(small, clock)
}
