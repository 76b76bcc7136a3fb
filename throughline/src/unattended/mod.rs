//! `watch`: runs the checks of clients unattended, and tells each event once.

mod checks;
mod folder;
mod notify;
mod status;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use ::case::Sqlite;
use jiff::Timestamp;
use report::visible;
use watch::config::{Client, Config, ConfigError, Place};
use watch::world::{Clock, Pulse, Sink, Stopped};
use watch::{Alert, Around, Ended, Lock, LockError, Mode, Turn, Watcher, slug};

use self::checks::OfClient;
use self::folder::Exports;
use self::notify::{Life, Steps};
use crate::case::desk::Desk;
use crate::cli::watch::Watch;
use crate::cli::{Clocks, Format};
use crate::failure::Failure;
use crate::{output, progress};

/// So many turns in a row may fail at the store before the watcher ends, for whoever started it to see.
const STORE_FAILURES_MAX: u32 = 5;
/// A watcher that runs once waits for files to settle at most so many times.
const SETTLING_MAX: u32 = 6;

/// Watches; gives the exit status.
///
/// # Errors
/// [`Failure`] if it cannot begin, or not go on.
pub fn run(options: &Watch) -> Result<u8, Failure> {
    if options.status {
        return status::run(options, &Desk::open(&options.store, &clocks("UTC"))?);
    }
    let config = config(options)?;
    let mode = if options.once { Mode::Once } else { Mode::Stay };
    let mut sinks = sinks(&config)?;
    let mut life = Life::new();
    let begin = |client: &Client| Watched::begin(options, client, mode, life.another());
    let mut watched = config.clients.iter().map(begin).collect::<Result<Vec<_>, _>>()?;
    life.tell();
    notify::tell("READY=1");
    match mode {
        Mode::Once => once(options, &mut watched, &mut sinks),
        Mode::Stay => stay(options, watched, &config),
    }
}

fn sinks(config: &Config) -> Result<Vec<Box<dyn Sink>>, Failure> {
    Ok(config.sinks.iter().map(watch::sink::open).collect::<Result<Vec<_>, _>>()?)
}

/// One client that is watched by this process.
struct Watched {
    watcher: Watcher,
    store: Sqlite,
    folder: Exports,
    checks: OfClient,
    heartbeat: PathBuf,
    steps: Steps,
    _lock: Lock,
}

impl Watched {
    fn begin(options: &Watch, client: &Client, mode: Mode, steps: Steps) -> Result<Watched, Failure> {
        // The alerts of a client without a case are kept in a store as well.
        let desk = Desk::open_or_make(&options.store, &clocks(client.tz.as_deref().unwrap_or("UTC")))?;
        let lock = Lock::take(&desk.root, &client.name)?;
        let store = Sqlite::open(desk.store.path())?;
        let heartbeat = desk.root.join("watch").join(format!("{}.json", slug(&client.name)));
        let checks = OfClient::new(desk, client, options.output.clone());
        if !checks.is_known()? {
            eprintln!(
                "throughline: {}: expected a client with a case or a runbook, found none: until there is one, only policy changes in {} are looked \
                 at. `throughline case list` and `throughline runbook list` name the clients",
                visible(client.name.trim()),
                client.folder.display()
            );
        }
        Ok(Watched {
            watcher: Watcher::new(client.rules(mode)?),
            store,
            folder: Exports::at(&client.folder),
            checks,
            heartbeat,
            steps,
            _lock: lock,
        })
    }

    fn turn(&mut self, sinks: &mut [Box<dyn Sink>]) -> Result<Turn, Ended> {
        let mut around = Around {
            clock: &*MACHINE,
            folder: &mut self.folder,
            checks: &mut self.checks,
            sinks,
            pulse: &mut self.steps,
        };
        let turn = self.watcher.turn(&mut self.store, &mut around)?;
        let beat = self.watcher.heartbeat(&self.store)?;
        if let Err(error) = write_whole(&self.heartbeat, &serde_json::to_vec(&beat).unwrap_or_default()) {
            eprintln!("throughline: {}: expected to write the heartbeat, found {error}", self.heartbeat.display());
        }
        Ok(turn)
    }
}

/// What is due now, of each client.
fn once(options: &Watch, watched: &mut [Watched], sinks: &mut [Box<dyn Sink>]) -> Result<u8, Failure> {
    let mut status = 0;
    for one in watched {
        for _ in 0..SETTLING_MAX {
            let turn = one.turn(sinks).map_err(ended)?;
            tell(options, &turn)?;
            status = turn.told.iter().map(|alert| alert.kind.status()).chain([status]).fold(0, worse);
            if turn.not_sent > 0 {
                status = worse(status, 6);
            }
            if !turn.is_unsettled {
                break;
            }
            std::thread::sleep(one.watcher.rules().settle + Duration::from_millis(10));
        }
    }
    Ok(status)
}

/// Of two exit statuses the one that is told: a signal before what could not be checked.
fn worse(one: u8, other: u8) -> u8 {
    match (one, other) {
        (5, _) | (_, 5) => 5,
        (one, other) => one.max(other),
    }
}

/// One turn after the other, until the process ends; each client in a thread of its own, so that none waits for another.
fn stay(options: &Watch, watched: Vec<Watched>, config: &Config) -> Result<u8, Failure> {
    let (ends, first) = mpsc::channel();
    for one in watched {
        let (options, config, ends) = (options.clone(), config.clone(), ends.clone());
        std::thread::spawn(move || {
            let done = catch_unwind(AssertUnwindSafe(|| turns(&options, one, &config)));
            let fault = || Failure::Internal("a watcher ended by a panic".to_owned());
            // Nobody waits for it if another one ended first.
            let _ = ends.send(done.unwrap_or_else(|_| Err(fault())));
        });
    }
    drop(ends);
    // What the others were doing stands in the store as far as they came, and is gone on with at the next start.
    first.recv().unwrap_or_else(|_| Err(Failure::Internal("no watcher began".to_owned())))
}

fn turns(options: &Watch, mut one: Watched, config: &Config) -> Result<u8, Failure> {
    let mut sinks = sinks(config)?;
    let mut failures = 0;
    loop {
        match one.turn(&mut sinks) {
            Ok(turn) => {
                failures = 0;
                tell(options, &turn)?;
            }
            Err(Ended::Store(error)) if failures < STORE_FAILURES_MAX => {
                failures += 1;
                eprintln!("throughline: {}", visible(&error.to_string()));
            }
            Err(error) => return Err(ended(error)),
        }
        wait(Duration::try_from(options.poll.0).unwrap_or_default(), &one.steps)?;
    }
}

/// Waits for the next turn; Ctrl-C ends that.
fn wait(span: Duration, steps: &Steps) -> Result<(), Failure> {
    let until = Instant::now() + span.max(Duration::from_millis(50));
    while Instant::now() < until {
        steps.step();
        if progress::is_stopped() {
            return Err(Failure::Stopped);
        }
        std::thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(500)));
    }
    Ok(())
}

/// Prints what is new: alerts on standard output, what did not arrive on standard error.
fn tell(options: &Watch, turn: &Turn) -> Result<(), Failure> {
    for alert in &turn.told {
        output::print(&match options.output.format {
            Format::Json => {
                let line = serde_json::to_string(alert).map_err(|error| Failure::Internal(error.to_string()))?;
                line + "\n"
            }
            _ => line(alert),
        })?;
    }
    for fault in &turn.faults {
        eprintln!("throughline: an alert did not arrive: {}; it is tried again", visible(fault));
    }
    Ok(())
}

fn line(alert: &Alert) -> String {
    let title = alert.runbook.as_deref().unwrap_or(&alert.title);
    let case = alert.case.map(|case| format!(" case {case}")).unwrap_or_default();
    format!(
        "{} {}: {}{case}: {}: {}\n",
        alert.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        visible(&alert.client),
        alert.kind.words(),
        visible(title),
        visible(&alert.statement)
    )
}

/// The clocks of a process that nobody sits at.
fn clocks(tz: &str) -> Clocks {
    Clocks { tz: tz.to_owned(), now: None, opened: None, judged_at: None }
}

fn config(options: &Watch) -> Result<Config, Failure> {
    let mut config = match &options.config {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::Usage {
                what: path.display().to_string(),
                expected: "a configuration".to_owned(),
                found: error.to_string(),
                hint: "docs/watch.md has an example".to_owned(),
            })?;
            let mut config = Config::read(&text, path.parent().unwrap_or(Path::new("")))?;
            if let Some(wanted) = &options.client {
                config.clients.retain(|client| client.name.trim().eq_ignore_ascii_case(wanted.trim()));
            }
            config
        }
        None => Config { clients: alone(options).into_iter().collect(), sinks: Vec::new() },
    };
    if let Some(path) = &options.results {
        config.sinks.push(Place {
            name: "results".to_owned(),
            least: None,
            file: Some(path.clone()),
            webhook: None,
            mail: None,
        });
    }
    config.check()?;
    Ok(config)
}

/// The one client that the options name.
fn alone(options: &Watch) -> Option<Client> {
    let mut client = Client::of(options.client.clone()?, options.folder.clone()?);
    client.schedule.clone_from(&options.schedule);
    client.zone.clone_from(&options.zone);
    client.settle = options.settle;
    client.grace = options.grace;
    client.after_change = options.after_change;
    client.wait_after_change = options.wait_after_change;
    client.stale = options.stale;
    client.tz.clone_from(&options.tz);
    client.trust.clone_from(&options.trust);
    Some(client)
}

/// The clocks of this machine.
struct Machine {
    started: Instant,
}

static MACHINE: LazyLock<Machine> = LazyLock::new(|| Machine { started: Instant::now() });

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn passed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Pulse for Steps {
    fn beat(&mut self) -> Result<(), Stopped> {
        self.step();
        if progress::is_stopped() { Err(Stopped) } else { Ok(()) }
    }
}

/// Writes a file so that whoever looks sees all of it or the one before.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}

fn ended(error: Ended) -> Failure {
    match error {
        Ended::Stopped => Failure::Stopped,
        Ended::Store(error) => Failure::Store(error),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        let ConfigError { what, expected, found, hint } = error;
        Failure::Usage { what, expected, found, hint }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Failure {
        Failure::Watched(error)
    }
}
