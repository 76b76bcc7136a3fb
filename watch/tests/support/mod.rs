//! An invented machine: its clocks, its folder, its checks, and the places that alerts go to.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use case::Sqlite;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use watch::sink::FileSink;
use watch::world::{
    Asked, Before, Change, Checked, Checks, Clock, Event, Fault, Folder, Lasting, Listed, Look, NotSent, Pulse, Sink,
    Stopped, Told,
};
use watch::{Alert, Around, Ended, Kind, Level, Mode, Rules, Schedule, Status, Watcher};

pub fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// Numbers that look drawn and are the same for one seed.
pub struct Chance(u64);

impl Chance {
    pub fn of(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// From `least` to `most`.
    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        least + (self.next() % (most - least + 1).unsigned_abs()) as i64
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }
}

/// A file by its name.
pub struct File(String);

impl File {
    pub fn named(name: &str) -> File {
        File(name.to_owned())
    }
}

/// All that is around a watcher.
pub struct World {
    real: Timestamp,
    set: SignedDuration,
    passed: Duration,
    files: BTreeMap<String, (String, Timestamp)>,
    /// Files of which only the first half stands there, and since when.
    slow: Vec<(String, String, Timestamp)>,
    sink_fails_until: Option<Timestamp>,
    checks_fail_until: Option<Timestamp>,
    received: Vec<String>,
    steps: u64,
    kill_at: Option<u64>,
    kill_one_in: Option<(u64, Chance)>,
    kills: u64,
}

impl World {
    fn wall(&self) -> Timestamp {
        self.real + self.set
    }

    pub fn write(&mut self, name: &str, rows: &[String]) {
        let now = self.wall();
        self.files.insert(name.to_owned(), (rows.join("\n") + "\n", now));
    }

    /// Half of it now, the rest at the next look.
    pub fn write_slowly(&mut self, name: &str, rows: &[String]) {
        let whole = rows.join("\n") + "\n";
        let half = whole[..whole.len() - 3].to_owned();
        let now = self.wall();
        self.files.insert(name.to_owned(), (half, now));
        self.slow.push((name.to_owned(), whole, self.real + minutes(5)));
    }

    pub fn rename(&mut self, file: &File, name: &str) {
        if let Some(content) = self.files.remove(&file.0) {
            self.files.insert(name.to_owned(), content);
        }
    }

    pub fn sink_fails_for(&mut self, span: SignedDuration) {
        self.sink_fails_until = Some(self.real + span);
    }

    pub fn checks_fail_for(&mut self, span: SignedDuration) {
        self.checks_fail_until = Some(self.real + span);
    }

    pub fn heal(&mut self) {
        (self.sink_fails_until, self.checks_fail_until) = (None, None);
    }

    fn go_on(&mut self) {
        let now = self.wall();
        for (name, whole, at) in std::mem::take(&mut self.slow) {
            if at <= self.real {
                self.files.insert(name, (whole, now));
            } else {
                self.slow.push((name, whole, at));
            }
        }
    }
}

type Shared = Rc<RefCell<World>>;

struct Clocks(Shared);

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        self.0.borrow().wall()
    }

    fn passed(&self) -> Duration {
        self.0.borrow().passed
    }
}

struct Exports(Shared);

impl Folder for Exports {
    fn list(&mut self) -> Result<Vec<Listed>, String> {
        let world = self.0.borrow();
        let listed = |(name, (content, at)): (&String, &(String, Timestamp))| Listed {
            name: name.clone(),
            bytes: content.len() as u64,
            changed_at: *at,
        };
        Ok(world.files.iter().map(listed).collect())
    }

    fn hash(&mut self, listed: &Listed) -> Result<Option<String>, String> {
        let world = self.0.borrow();
        Ok(world
            .files
            .get(&listed.name)
            .map(|(content, _)| Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

/// Checks of rows such as `bad 2026-05-01T00:00:00Z name`.
struct Rows(Shared);

impl Checks for Rows {
    fn looks(&mut self, _: &str) -> Result<Vec<Look>, String> {
        Ok(Vec::new())
    }

    fn run(&mut self, asked: &Asked<'_>) -> Result<Checked, String> {
        let world = self.0.borrow();
        if world.checks_fail_until.is_some_and(|until| world.real < until) {
            return Err("something".to_owned());
        }
        let mut checked = Checked::default();
        let mut lasting: Option<(Timestamp, bool, String)> = None;
        for file in asked.files {
            let Some((content, _)) = world.files.get(&file.name) else { continue };
            for row in content.lines().filter(|row| !row.is_empty()) {
                let words: Vec<&str> = row.split(' ').collect();
                let [kind, at, name] = words[..] else { panic!("half a row was read: {row}") };
                let at: Timestamp = at.parse().expect("half a row was read");
                match kind {
                    "message" => checked.shown_until = checked.shown_until.max(Some(at)),
                    "bad" => checked.events.push(event(at, name, Lasting::Once)),
                    "change" => checked.changes.push(Change {
                        key: name.to_owned(),
                        made_at: at,
                        said: name.to_owned(),
                        cites: Vec::new(),
                    }),
                    "lasts" | "over" => {
                        lasting = lasting.max(Some((at, kind == "lasts", name.to_owned())));
                    }
                    _ => panic!("half a row was read: {row}"),
                }
            }
        }
        match lasting {
            Some((at, true, name)) => checked.events.push(event(at, &name, Lasting::UntilQuiet)),
            _ => checked.quiet.push("contoso/lasting".to_owned()),
        }
        Ok(checked)
    }
}

fn event(at: Timestamp, name: &str, lasting: Lasting) -> Event {
    let source = match lasting {
        Lasting::Once => "contoso/bad",
        Lasting::UntilQuiet => "contoso/lasting",
    };
    let told = Told { happened_at: Some(at), ..Told::of(Kind::Signal, name, "It is there.") };
    Event { source: source.to_owned(), key: name.to_owned(), also: Vec::new(), lasting, told }
}

/// A place that does not always answer.
struct Elsewhere(Shared);

impl Sink for Elsewhere {
    fn name(&self) -> &str {
        "elsewhere"
    }

    fn least(&self) -> Level {
        Level::Alert
    }

    fn send(&mut self, alert: &Alert, _: Timestamp, _: Before) -> Result<(), NotSent> {
        let mut world = self.0.borrow_mut();
        if world.sink_fails_until.is_some_and(|until| world.real < until) {
            return Err(NotSent { fault: Fault::Place, said: "no answer".to_owned() });
        }
        world.received.push(alert.id.clone());
        Ok(())
    }
}

struct Steps(Shared);

impl Pulse for Steps {
    fn beat(&mut self) -> Result<(), Stopped> {
        let mut world = self.0.borrow_mut();
        world.steps += 1;
        let steps = world.steps;
        let is_killed = world.kill_at == Some(steps)
            || world.kill_one_in.as_mut().is_some_and(|(count, chance)| chance.one_in(*count));
        world.kills += u64::from(is_killed);
        if is_killed { Err(Stopped) } else { Ok(()) }
    }
}

/// A watcher in its world.
pub struct Sim {
    world: Shared,
    rules: Rules,
    begin: Timestamp,
    last: Timestamp,
    watcher: Watcher,
    store: Option<Sqlite>,
    folder: tempfile::TempDir,
}

impl Sim {
    pub fn new(begin: Timestamp, schedule: &str, zone: &str, grace: SignedDuration) -> Sim {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let rules = Rules {
            client: "Contoso".to_owned(),
            schedule: Some(Schedule::read(schedule, Some(zone)).expect("a schedule")),
            settle: Duration::from_secs(60),
            grace,
            after_change: minutes(30),
            wait_after_change: minutes(60 * 24),
            stale: None,
            mode: Mode::Stay,
        };
        let world = World {
            real: begin,
            set: SignedDuration::ZERO,
            passed: Duration::from_secs(1),
            files: BTreeMap::new(),
            slow: Vec::new(),
            sink_fails_until: None,
            checks_fail_until: None,
            received: Vec::new(),
            steps: 0,
            kill_at: None,
            kill_one_in: None,
            kills: 0,
        };
        Sim {
            world: Rc::new(RefCell::new(world)),
            watcher: Watcher::new(rules.clone()),
            rules,
            begin,
            last: begin,
            store: None,
            folder: folder.expect("a folder"),
        }
    }

    pub fn world(&self) -> Shared {
        self.world.clone()
    }

    /// From now on it is started anew for each turn.
    pub fn once(&mut self) {
        self.rules.mode = Mode::Once;
        self.restart();
    }

    pub fn kill_at(&mut self, step: Option<u64>) {
        self.world.borrow_mut().kill_at = step;
    }

    pub fn kill_one_in(&mut self, steps: u64, seed: u64) {
        self.world.borrow_mut().kill_one_in = Some((steps, Chance::of(seed + 1000)));
    }

    pub fn kills(&self) -> u64 {
        self.world.borrow().kills
    }

    pub fn steps(&self) -> u64 {
        self.world.borrow().steps
    }

    pub fn real(&self) -> Timestamp {
        self.world.borrow().real
    }

    pub fn wall(&self) -> Timestamp {
        self.world.borrow().wall()
    }

    pub fn pass(&mut self, span: SignedDuration) {
        let mut world = self.world.borrow_mut();
        world.real += span;
        world.passed += Duration::try_from(span).expect("time goes on");
        world.go_on();
    }

    pub fn sleep(&mut self, span: SignedDuration) {
        let mut world = self.world.borrow_mut();
        world.real += span;
        world.go_on();
    }

    pub fn set_clock(&mut self, by: SignedDuration) {
        self.world.borrow_mut().set += by;
    }

    /// The process ends at any moment, and another one begins.
    pub fn restart(&mut self) {
        self.store = None;
        self.watcher = Watcher::new(self.rules.clone());
        self.world.borrow_mut().passed = Duration::from_secs(1);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One turn; after a kill the next process takes it again.
    pub fn turns(&mut self) {
        for _ in 0..200 {
            let mut store =
                self.store.take().unwrap_or_else(|| Sqlite::open(&self.path("store.sqlite3")).expect("a store"));
            let (clock, mut folder) = (Clocks(self.world()), Exports(self.world()));
            let (mut checks, mut pulse) = (Rows(self.world()), Steps(self.world()));
            let file = FileSink::new("results".to_owned(), Level::Info, self.path("alerts.jsonl"));
            let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(Elsewhere(self.world())), Box::new(file)];
            let mut around = Around {
                clock: &clock,
                folder: &mut folder,
                checks: &mut checks,
                sinks: &mut sinks,
                pulse: &mut pulse,
            };
            match self.watcher.turn(&mut store, &mut around) {
                Ok(_) => {
                    self.store = Some(store);
                    self.last = self.last.max(self.wall());
                    return;
                }
                Err(Ended::Stopped) => {
                    drop(store);
                    self.watcher = Watcher::new(self.rules.clone());
                }
                Err(Ended::Store(error)) => panic!("{error}"),
            }
        }
        panic!("killed again and again");
    }

    fn store(&self) -> Sqlite {
        Sqlite::open(&self.path("store.sqlite3")).expect("a store")
    }

    /// All that was told, in order.
    pub fn alerts(&self) -> Vec<Alert> {
        let bodies = self.store().read("read alerts", |connection| {
            let mut statement = connection.prepare("SELECT body FROM watch_alert ORDER BY n")?;
            statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
        });
        bodies.expect("alerts").iter().map(|body| serde_json::from_str(body).expect("an alert")).collect()
    }

    /// Runs that were due by the schedule and came to their end: when they were due, and when they began.
    pub fn scheduled_runs(&self) -> Vec<(Timestamp, Timestamp)> {
        let runs = self.store().read("read runs", |connection| {
            let sql = "SELECT slot, started_at FROM watch_run
                       WHERE slot IS NOT NULL AND outcome <> 'broken_off' ORDER BY n";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            rows.collect::<Result<Vec<_>, _>>()
        });
        let instant = |text: &String| text.parse().expect("an instant");
        runs.expect("runs").iter().map(|(slot, at)| (instant(slot), instant(at))).collect()
    }

    /// The instants of the schedule in the time that was lived through, as far as their grace is over.
    pub fn slots(&self) -> Vec<Timestamp> {
        let schedule = self.rules.schedule.as_ref().expect("a schedule");
        schedule.between(self.begin, self.last - self.rules.grace, 100_000).0
    }

    /// The ids in the file, line by line.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("alerts.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str::<Alert>(line).expect("an alert a line").id).collect()
    }

    /// The ids that arrived at the other place, however often.
    pub fn received(&self) -> Vec<String> {
        let world: Ref<'_, World> = self.world.borrow();
        world.received.clone()
    }

    pub fn status(&self) -> Status {
        watch::status(&self.store(), None, self.wall()).expect("a status")
    }
}
