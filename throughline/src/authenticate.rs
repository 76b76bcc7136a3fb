//! `auth`: what a sample's systems said of its authentication, and our own check beside it.

use std::path::PathBuf;

use auth::{Answer, Answers, Dns, RecordType};
use evidence::Observation;
use intake::Limits;
use report::{AuthenticationReport, HeadersMessage, SampleHeaders};
use sources::{Clock, Input, NoProgress, Query, Wanted};

use crate::cli::Auth;
use crate::failure::Failure;
use crate::own::{self, Named, Subject};
use crate::resolve::Live;
use crate::sample::Sample;
use crate::{output, times};

/// Checks one sample and prints what was said and what we find.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &Auth) -> Result<(), Failure> {
    let clock = times::clock(&options.clocks, options.at.as_deref())?;
    let sample = Sample::open(&options.file, &clock)?;
    let saved = read_answers(&options.dns, &clock)?;
    let known = saved.len() as u64;
    let live = options.resolve.then(|| Live::new(options.resolver)).transpose()?;
    let observations = sample.observations();
    let subject = Subject {
        bytes: &sample.file().bytes,
        source: sample.source,
        observations: &observations,
        trusted: &options.trust,
    };
    let named = Named {
        client: options.client,
        helo: options.helo.clone(),
        sender: options.sender.as_ref().map(|sender| sender.trim_matches(['<', '>', ' ']).to_owned()),
        at: options.at.as_deref().map(|at| times::instant("--at", at, &clock.zone)).transpose()?,
    };
    let mut own = match &live {
        Some(live) => own::check(&subject, &named, &SavedFirst { saved: &saved, live }, known),
        None => own::check(&subject, &named, &saved, known),
    };
    if let Some(live) = &live {
        own.dns_answers = live.len();
        options.save_dns.as_ref().map(|path| live.save(path)).transpose()?;
    }
    let headers = SampleHeaders { own: Some(own), ..SampleHeaders::of(&observations, &options.trust) };
    let report = AuthenticationReport::of(sample.source, HeadersMessage::of(&observations), headers);
    output::print(&output::page(&report, &report.sheet(), &options.output)?)
}

/// Saved answers, and the live DNS for what they do not hold.
struct SavedFirst<'a> {
    saved: &'a Answers,
    live: &'a Live,
}

impl Dns for SavedFirst<'_> {
    fn ask(&self, name: &str, record_type: RecordType) -> Answer {
        match self.saved.ask(name, record_type) {
            Answer::NotSaved => self.live.ask(name, record_type),
            answer => {
                self.live.keep(name, record_type, &answer);
                answer
            }
        }
    }
}

/// Reads saved answers out of files.
fn read_answers(paths: &[PathBuf], clock: &Clock) -> Result<Answers, Failure> {
    if paths.is_empty() {
        return Ok(Answers::default());
    }
    let evidence = intake::open(paths, Limits::default());
    let mut stated: Vec<Observation> = Vec::new();
    let mut faults: Vec<String> = evidence.refused.iter().map(ToString::to_string).collect();
    for file in &evidence.files {
        let input = Input { name: file.name.clone(), bytes: &file.bytes };
        let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
        let read =
            sources::recognise(input.bytes, &input.name).map(|source| (source.id(), source.read(&input, &query)));
        match read {
            Ok(("dns/answers", Ok(reading))) => stated.extend(reading.observations),
            Ok(("dns/answers", Err(error))) | Err(error) => faults.push(error.to_string()),
            Ok((kind, _)) => faults.push(format!("{}: expected DNS answers, found {kind}", file.name)),
        }
    }
    let answers = own::answers(stated.iter());
    match answers.is_empty() {
        true => Err(Failure::NothingReadable(faults)),
        false => Ok(answers),
    }
}
