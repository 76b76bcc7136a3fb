//! Runs of jobs: what belongs to one run, how it was started, how it ended.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Cite, JobStage, JobStep, SourceId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::signs;
use crate::symptoms::Stated;

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Start {
    /// A person.
    ByHand,
    /// A clock or another event.
    ByClock,
    /// The records do not tell.
    NotSaid,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    /// Nothing went wrong.
    Well,
    /// It failed, or did nothing.
    Badly,
    /// The records do not tell.
    NotSaid,
}

/// One run of a job.
#[derive(Clone, Debug)]
pub(super) struct Run<'s, 'a> {
    /// The job's name as written.
    pub(super) job: String,
    /// The first instant.
    pub(super) at: Timestamp,
    /// The last instant.
    pub(super) until: Timestamp,
    /// As whom.
    pub(super) identity: Option<String>,
    /// On which machine.
    pub(super) host: Option<String>,
    /// What started it.
    pub(super) start: Start,
    /// How it ended.
    pub(super) ended: Ended,
    /// How many rows it says that it read or wrote.
    pub(super) rows: Option<u64>,
    /// Its records.
    pub(super) steps: Vec<&'s Stated<'a, JobStep>>,
}

/// Two records of one run that has no id are this close.
const ONE_RUN: SignedDuration = SignedDuration::from_secs(10 * 60);
/// Records of one id further apart than this are of two runs.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(12);
/// A script's own record starts this soon after its task, and ends this soon after it.
const WITHIN_TASK: SignedDuration = SignedDuration::from_secs(60);
/// Runs of a schedule start within this many minutes of the same time of day.
const CLOCK_MINUTES: i64 = 10;
const DAY_MINUTES: i64 = 24 * 60;

const TRANSCRIPT: SourceId = "job/transcript";

/// All runs, by time. `steps` are by time, those without an instant first.
pub(super) fn of<'s, 'a>(steps: &'s [Stated<'a, JobStep>]) -> Vec<Run<'s, 'a>> {
    let (scripts, others): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.source() == TRANSCRIPT);
    let mut runs = of_ids(others);
    for script in of_transcripts(scripts) {
        // The task that ran the script and the script's own record are one run.
        let is_of = |run: &&mut Run<'_, '_>| {
            let (from, to) = (run.at - WITHIN_TASK, run.until.max(run.at + ONE_RUN) + WITHIN_TASK);
            from <= script.at && script.at <= to && hosts_fit(run.host.as_deref(), script.host.as_deref())
        };
        let mut tasks = runs.iter_mut().filter(|run| run.is_of_a_task()).filter(is_of);
        match (tasks.next(), tasks.next()) {
            (Some(task), None) if names_fit(&task.job, &script.job) || users_fit(task, &script) => task.join(script),
            _ => runs.push(script),
        }
    }
    for run in &mut runs {
        run.judge();
    }
    runs.sort_by(|a, b| (a.at, &a.job, a.cite_order()).cmp(&(b.at, &b.job, b.cite_order())));
    by_the_clock(&mut runs);
    runs
}

/// The name by which records of one job are put together: without folder and ending.
pub(super) fn stem(job: &str) -> String {
    let last = job.rsplit(['\\', '/']).next().unwrap_or(job).to_lowercase();
    let endings = [".ps1", ".service", ".timer", ".sh", ".py", ".exe", ".cmd", ".bat"];
    let stem = endings.iter().find_map(|ending| last.strip_suffix(ending)).unwrap_or(&last);
    stem.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn names_fit(a: &str, b: &str) -> bool {
    stem(a) == stem(b)
}

fn users_fit(a: &Run<'_, '_>, b: &Run<'_, '_>) -> bool {
    match (&a.identity, &b.identity) {
        (Some(a), Some(b)) => local_part(a) == local_part(b),
        _ => false,
    }
}

fn hosts_fit(a: Option<&str>, b: Option<&str>) -> bool {
    let short = |host: &str| host.split('.').next().unwrap_or(host).to_lowercase();
    match (a, b) {
        (Some(a), Some(b)) => short(a) == short(b),
        _ => true,
    }
}

/// The user's own name in `EXAMPLE\svc-mail` and `svc-mail@example.com`.
pub(super) fn local_part(user: &str) -> String {
    let user = user.rsplit('\\').next().unwrap_or(user);
    user.split('@').next().unwrap_or(user).to_lowercase()
}

/// Runs whose records bear an id: a task's instance, a unit's invocation.
fn of_ids<'s, 'a>(steps: Vec<&'s Stated<'a, JobStep>>) -> Vec<Run<'s, 'a>> {
    type Key<'k> = (SourceId, &'k str, Option<&'k str>, Option<&'k str>);
    let mut by_id: BTreeMap<Key<'_>, Vec<&'s Stated<'a, JobStep>>> = BTreeMap::new();
    for step in steps {
        let fact = step.fact;
        by_id.entry((step.source(), &fact.job, fact.host.as_deref(), fact.run.as_deref())).or_default().push(step);
    }
    let mut runs = Vec::new();
    for ((_, _, _, id), steps) in by_id {
        let mut open: Vec<&'s Stated<'a, JobStep>> = Vec::new();
        for step in steps.into_iter().filter(|step| step.at().is_some()) {
            let is_next = open.last().is_some_and(|last| {
                // A process id comes again after days; without any id what stands close together is one run.
                let longest = if id.is_some() { LONGEST_RUN } else { ONE_RUN };
                step.at().zip(last.at()).is_some_and(|(at, before)| at.duration_since(before) > longest)
            });
            if is_next {
                runs.extend(Run::of(std::mem::take(&mut open)));
            }
            open.push(step);
        }
        runs.extend(Run::of(open));
    }
    // What says nothing but that a task was registered or changed is no run.
    runs.retain(|run| run.steps.iter().any(|step| !matches!(step.fact.stage, JobStage::Output | JobStage::Warning)));
    runs
}

/// Runs as transcripts have them: from a start to the next one in the same file.
fn of_transcripts<'s, 'a>(mut steps: Vec<&'s Stated<'a, JobStep>>) -> Vec<Run<'s, 'a>> {
    steps.sort_by_key(|step| place(step));
    let mut runs = Vec::new();
    let mut open: Vec<&'s Stated<'a, JobStep>> = Vec::new();
    for step in steps {
        let is_next = open.first().is_some_and(|first| first.cite().file != step.cite().file);
        if is_next || step.fact.stage == JobStage::Started {
            runs.extend(Run::of(std::mem::take(&mut open)));
        }
        open.push(step);
    }
    runs.extend(Run::of(open));
    runs
}

impl<'s, 'a> Run<'s, 'a> {
    /// Of the records of one run; `None` if none has an instant.
    fn of(steps: Vec<&'s Stated<'a, JobStep>>) -> Option<Run<'s, 'a>> {
        let times = || steps.iter().filter_map(|step| step.at());
        let (at, until) = (times().min()?, times().max()?);
        let first = steps.first()?.fact;
        let host = steps.iter().find_map(|step| step.fact.host.clone());
        let mut run = Run {
            job: first.job.clone(),
            at,
            until,
            identity: None,
            host,
            start: Start::NotSaid,
            ended: Ended::NotSaid,
            rows: None,
            steps,
        };
        run.judge();
        Some(run)
    }

    fn is_of_a_task(&self) -> bool {
        self.steps.iter().any(|step| step.source() != TRANSCRIPT)
    }

    fn join(&mut self, script: Run<'s, 'a>) {
        self.at = self.at.min(script.at);
        self.until = self.until.max(script.until);
        self.steps.extend(script.steps);
        self.steps.sort_by_key(|step| (step.at().is_none(), step.at(), place(step)));
        self.host = self.host.take().or(script.host);
        self.judge();
    }

    /// Reads from the records how the run was started and how it ended.
    fn judge(&mut self) {
        let trigger = |step: &&&Stated<'_, JobStep>| event(step.fact).is_some_and(|id| start_of(id) != Start::NotSaid);
        self.start = self
            .steps
            .iter()
            .find(trigger)
            .map_or(Start::NotSaid, |step| event(step.fact).map_or(Start::NotSaid, start_of));
        // Who triggered a task is not as whom it runs; the service manager's own lines bear its own account.
        let own = self.steps.iter().filter(|step| !trigger(step)).filter_map(|step| step.fact.identity.as_deref());
        let (managers, users): (Vec<&str>, Vec<&str>) = own.partition(|identity| *identity == "uid 0");
        self.identity = users.last().or(managers.last()).map(|identity| (*identity).to_owned());
        let has = |stages: &[JobStage]| self.steps.iter().any(|step| stages.contains(&step.fact.stage));
        let failed = has(&[JobStage::Failed, JobStage::Error]);
        self.rows = self.steps.iter().filter_map(|step| signs::rows(&step.fact.said)).max();
        self.ended = if failed || self.rows == Some(0) {
            Ended::Badly
        } else if has(&[JobStage::Succeeded, JobStage::Ended]) {
            Ended::Well
        } else {
            Ended::NotSaid
        };
    }

    /// Who triggered the run by hand, where a record names somebody.
    pub(super) fn started_by(&self) -> Option<&str> {
        let by_hand = |step: &&&Stated<'_, JobStep>| event(step.fact).is_some_and(|id| start_of(id) == Start::ByHand);
        self.steps.iter().find(by_hand).and_then(|step| step.fact.identity.as_deref())
    }

    /// The records that say that something went wrong.
    pub(super) fn faults(&self) -> impl Iterator<Item = &'s Stated<'a, JobStep>> {
        let is_fault = |step: &&&Stated<'_, JobStep>| {
            matches!(step.fact.stage, JobStage::Failed | JobStage::Error | JobStage::Warning)
        };
        self.steps.iter().filter(is_fault).copied()
    }

    /// The record that tells best how it ended, and the one of its start.
    pub(super) fn cites(&self) -> Vec<Cite> {
        let rank = |step: &&&Stated<'_, JobStep>| match step.fact.stage {
            JobStage::Error => 0,
            JobStage::Failed => 1,
            JobStage::Output if signs::rows(&step.fact.said).is_some() => 2,
            JobStage::Succeeded => 3,
            JobStage::Warning => 4,
            JobStage::Ended => 5,
            JobStage::Started => 6,
            JobStage::Output => 7,
        };
        let telling = self.steps.iter().min_by_key(|step| (rank(step), place(step)));
        let trigger = self.steps.iter().find(|step| event(step.fact).is_some_and(|id| start_of(id) != Start::NotSaid));
        let mut cites: Vec<Cite> = telling.into_iter().chain(trigger).map(|step| step.cite()).collect();
        cites.dedup_by(|a, b| a.order() == b.order());
        cites
    }

    fn cite_order(&self) -> Option<(evidence::FileName, u64)> {
        self.steps.first().map(|step| place(step))
    }
}

/// Where a record stands.
fn place(step: &Stated<'_, JobStep>) -> (evidence::FileName, u64) {
    let cite = &step.entry.observation.cite;
    (cite.file.clone(), cite.bytes.start)
}

/// The number of a Task Scheduler event.
fn event(step: &JobStep) -> Option<&str> {
    step.said.strip_prefix("event ")?.split(':').next()
}

fn start_of(event: &str) -> Start {
    if signs::is_value("start", "by-hand", event) {
        Start::ByHand
    } else if signs::is_value("start", "by-clock", event) {
        Start::ByClock
    } else {
        Start::NotSaid
    }
}

/// The minute of the day, and the day.
pub(super) fn clock(at: Timestamp) -> (i64, i64) {
    let minutes = at.as_second().div_euclid(60);
    (minutes.rem_euclid(DAY_MINUTES), minutes.div_euclid(DAY_MINUTES))
}

/// Instants that come again at the same time of another day.
#[derive(Default)]
pub(super) struct Clock(BTreeMap<i64, BTreeSet<i64>>);

impl Clock {
    /// Takes an instant in.
    pub(super) fn tick(&mut self, at: Timestamp) {
        let (minute, day) = clock(at);
        self.0.entry(minute / CLOCK_MINUTES).or_default().insert(day);
    }

    /// Whether an instant is one of a schedule.
    pub(super) fn has(&self, at: Timestamp) -> bool {
        self.days(at) >= 2
    }

    /// On how many days something stands at this time of day.
    pub(super) fn days(&self, at: Timestamp) -> usize {
        let buckets = DAY_MINUTES / CLOCK_MINUTES;
        let bucket = clock(at).0 / CLOCK_MINUTES;
        let near = [bucket - 1, bucket, bucket + 1].map(|bucket| bucket.rem_euclid(buckets));
        let days: BTreeSet<i64> = near.iter().filter_map(|bucket| self.0.get(bucket)).flatten().copied().collect();
        days.len()
    }
}

/// Whether an instant looks like a time that a schedule names: a round minute, within its first seconds.
fn is_round(at: Timestamp) -> bool {
    let civil = at.to_zoned(TimeZone::UTC);
    civil.minute() % 5 == 0 && civil.second() <= 5
}

/// Tells by the clock what started a run where no record says it: what comes again at the same time of day is a schedule, and
/// what does not come again beside one is not. Where nothing comes again, a round time is taken for a schedule.
fn by_the_clock(runs: &mut [Run<'_, '_>]) {
    let mut clocks: BTreeMap<String, Clock> = BTreeMap::new();
    for run in runs.iter() {
        clocks.entry(stem(&run.job)).or_default().tick(run.at);
    }
    let mut scheduled: BTreeSet<String> = BTreeSet::new();
    for run in runs.iter_mut() {
        let job = stem(&run.job);
        let is_regular = clocks.get(&job).is_some_and(|clock| clock.has(run.at));
        if run.start == Start::NotSaid && is_regular {
            run.start = Start::ByClock;
        }
        if run.start == Start::ByClock {
            scheduled.insert(job);
        }
    }
    for run in runs.iter_mut().filter(|run| run.start == Start::NotSaid) {
        run.start = match scheduled.contains(&stem(&run.job)) {
            true => Start::ByHand,
            false if is_round(run.at) => Start::ByClock,
            false => Start::ByHand,
        };
    }
}
