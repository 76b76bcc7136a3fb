//! Thirty days of an invented watcher: each event is told once and each gap once, whatever happens to the machine meanwhile.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use support::{Chance, File, Sim, minutes};
use watch::Kind;

/// What happens to the machine and to the exports in thirty days, drawn from a seed.
struct Story {
    sim: Sim,
    /// Events of which a whole row reached the folder.
    bad: BTreeSet<String>,
    /// Changes of which a whole row reached the folder.
    changes: BTreeSet<String>,
    /// Times at which nobody watched, by the clock on the wall.
    outages: Vec<(Timestamp, Timestamp)>,
}

const DAYS: i64 = 30;
const FEW_DAYS: i64 = 8;
/// How often the watcher looks.
const POLL: SignedDuration = SignedDuration::from_mins(10);
const GRACE: SignedDuration = SignedDuration::from_mins(25);

#[derive(Clone, Copy, PartialEq)]
enum Kills {
    None,
    /// The process is killed after one of so many steps.
    OneIn(u64),
}

/// What is told in the story of a seed.
fn story(seed: u64, start: &str, days: i64, kills: Kills) -> Story {
    let begin: Timestamp = start.parse().expect("an instant");
    let mut chance = Chance::of(seed);
    let mut story = Story {
        sim: Sim::new(begin, "17 */4 * * *", "Europe/Berlin", GRACE),
        bad: BTreeSet::new(),
        changes: BTreeSet::new(),
        outages: Vec::new(),
    };
    if let Kills::OneIn(steps) = kills {
        story.sim.kill_one_in(steps, seed);
    }
    let mut rows: Vec<String> = Vec::new();
    let mut last_file: Option<File> = None;
    let end = begin + SignedDuration::from_hours(24 * days);
    let mut next_export = begin + minutes(30);
    let mut next_trouble = begin + minutes(60 * 7);
    let mut number = 0_u64;
    while story.sim.real() < end {
        if story.sim.real() >= next_export {
            number += 1;
            story.export(&mut chance, number, &mut rows, &mut last_file);
            next_export += minutes(60 * chance.within(2, 12));
        }
        if story.sim.real() >= next_trouble {
            story.trouble(&mut chance);
            next_trouble = story.sim.real() + minutes(60 * chance.within(9, 40));
        }
        story.sim.turns();
        story.sim.pass(POLL);
    }
    // Everything answers again, and two quiet days pass.
    story.sim.world().borrow_mut().heal();
    for turn in 0..2 * 24 * 6 {
        if turn == 24 {
            let now = story.sim.wall();
            story.sim.world().borrow_mut().write("last.txt", &[format!("message {now} last")]);
        }
        story.sim.turns();
        story.sim.pass(POLL);
    }
    story
}

impl Story {
    /// An export arrives: new rows, often with those of the days before, in one of the ways in which exports repeat.
    fn export(&mut self, chance: &mut Chance, number: u64, rows: &mut Vec<String>, last: &mut Option<File>) {
        let now = self.sim.wall();
        let mut fresh = vec![format!("message {now} m{number}")];
        for at in 0..chance.within(0, 3) {
            fresh.push(format!("bad {} ev-{number}-{at}", now - minutes(5)));
            self.bad.insert(format!("ev-{number}-{at}"));
        }
        if chance.one_in(4) {
            fresh.push(format!("change {} ch-{number}", now - minutes(3)));
            self.changes.insert(format!("ch-{number}"));
        }
        let from = rows.len().saturating_sub(chance.within(0, 12) as usize);
        let old: Vec<String> = rows.get(from..).unwrap_or_default().to_vec();
        rows.extend(fresh.clone());
        let all: Vec<String> = old.into_iter().chain(fresh).collect();
        let world = self.sim.world();
        let mut world = world.borrow_mut();
        let name = format!("export-{number:04}.txt");
        match chance.within(0, 6) {
            // In two files.
            0 => {
                let (one, two) = all.split_at(all.len() / 2);
                world.write(&format!("a-{name}"), one);
                world.write(&format!("b-{name}"), two);
            }
            // Half of it first: the last row is cut off until the next look.
            1 => world.write_slowly(&name, &all),
            // The one before under another name, and the new one.
            2 => {
                if let Some(last) = last.take() {
                    world.rename(&last, &format!("renamed-{name}"));
                }
                world.write(&name, &all);
            }
            // Twice.
            3 => {
                world.write(&name, &all);
                world.write(&format!("copy-of-{name}"), &all);
            }
            // Its rows turned.
            4 => {
                let turned: Vec<String> = all.iter().rev().cloned().collect();
                world.write(&name, &turned);
            }
            _ => world.write(&name, &all),
        }
        *last = Some(File::named(&name));
    }

    /// Something happens to the machine.
    fn trouble(&mut self, chance: &mut Chance) {
        let from = self.sim.wall();
        match chance.within(0, 6) {
            // It is off, and the watcher is started anew after it.
            0 => {
                self.sim.restart();
                self.sim.pass(minutes(60 * chance.within(1, 30)));
                self.outages.push((from, self.sim.wall()));
            }
            // It sleeps: the process lives on, and its own clock stands still.
            1 => {
                self.sim.sleep(minutes(60 * chance.within(1, 12)));
                self.outages.push((from, self.sim.wall()));
            }
            // The clock is set forward; nobody watched in between by the clock on the wall.
            2 => {
                self.sim.set_clock(minutes(chance.within(40, 100)));
                self.outages.push((from, self.sim.wall()));
            }
            // It is set back.
            3 => self.sim.set_clock(-minutes(chance.within(5, 100))),
            // A place to which alerts go does not answer for hours.
            4 => self.sim.world().borrow_mut().sink_fails_for(minutes(60 * chance.within(2, 20))),
            // The checks do not run.
            5 => self.sim.world().borrow_mut().checks_fail_for(minutes(chance.within(20, 200))),
            // Nothing but a restart.
            _ => self.sim.restart(),
        }
    }

    /// Fails unless each event and each gap was told exactly once, everywhere.
    fn check(&self, name: &str) {
        let alerts = self.sim.alerts();
        let mut told: BTreeMap<String, u32> = BTreeMap::new();
        for alert in alerts.iter().filter(|alert| alert.kind == Kind::Signal) {
            *told.entry(alert.title.clone()).or_default() += 1;
        }
        let told_once: BTreeSet<String> =
            told.iter().filter(|(_, count)| **count == 1).map(|(id, _)| id.clone()).collect();
        assert_eq!(told_once, self.bad, "{name}: each event once");
        assert_eq!(told.len(), told_once.len(), "{name}: no event twice: {told:?}");
        self.check_changes(name);
        self.check_gaps(name);
        self.check_slots(name);
        let wanted: BTreeSet<&str> = alerts.iter().map(|alert| alert.id.as_str()).collect();
        assert_eq!(wanted.len(), alerts.len(), "{name}: each alert has an id of its own");
        let lines = self.sim.lines();
        assert_eq!(lines.len(), lines.iter().collect::<BTreeSet<_>>().len(), "{name}: no alert twice in the file");
        assert_eq!(lines.iter().map(String::as_str).collect::<BTreeSet<_>>(), wanted, "{name}: all in the file");
        let needing: BTreeSet<&str> =
            alerts.iter().filter(|alert| alert.level == watch::Level::Alert).map(|alert| alert.id.as_str()).collect();
        let received = self.sim.received();
        assert_eq!(
            received.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            needing,
            "{name}: all at the place that fails"
        );
        assert!(self.sim.status().clients[0].undelivered.is_empty(), "{name}: nothing is left");
    }

    /// Each change is told as checked once, and at most once as not checked before.
    fn check_changes(&self, name: &str) {
        let alerts = self.sim.alerts();
        for change in &self.changes {
            let named = format!("{change} (");
            let count =
                |kind: Kind| alerts.iter().filter(|one| one.kind == kind && one.statement.contains(&named)).count();
            assert_eq!(count(Kind::ChangeChecked), 1, "{name}: {change} is checked once");
            assert!(count(Kind::ChangeNotChecked) <= 1, "{name}: {change} is missed once at most");
        }
    }

    /// Each outage longer than the grace lies in exactly one gap that was told, and no gap was told without one.
    fn check_gaps(&self, name: &str) {
        let alerts = self.sim.alerts();
        let gaps: Vec<_> = alerts
            .iter()
            .filter(|alert| alert.kind == Kind::RunsMissed)
            .filter_map(|alert| alert.span.clone())
            .collect();
        for (from, to) in &self.outages {
            let around = gaps.iter().filter(|gap| gap.from <= *from + POLL && gap.to >= *to).count();
            assert_eq!(around, 1, "{name}: the outage {from} to {to} in {gaps:?}");
        }
        for gap in &gaps {
            let is_any = self.outages.iter().any(|(from, to)| *from < gap.to && *to > gap.from);
            assert!(is_any, "{name}: {gap:?} without an outage among {:?}", self.outages);
        }
    }

    /// Each instant of the schedule has exactly one run in time, or is counted in exactly one gap.
    fn check_slots(&self, name: &str) {
        let runs = self.sim.scheduled_runs();
        let alerts = self.sim.alerts();
        let missed: u64 = alerts.iter().filter_map(|alert| alert.span.as_ref()).map(|span| span.runs_missed).sum();
        let slots = self.sim.slots();
        let in_time: Vec<&Timestamp> =
            slots.iter().filter(|slot| runs.iter().any(|(_, at)| at >= *slot && *at <= **slot + GRACE)).collect();
        assert_eq!(slots.len() as u64, in_time.len() as u64 + missed, "{name}: every slot is run or told as missed");
        let mut of_slot: BTreeMap<Timestamp, u32> = BTreeMap::new();
        for (slot, _) in &runs {
            *of_slot.entry(*slot).or_default() += 1;
        }
        let twice: Vec<_> = of_slot.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{name}: no slot twice: {twice:?}");
    }
}

const AUTUMN: &str = "2026-10-08T00:00:00Z";
const SPRING: &str = "2026-03-12T00:00:00Z";

/// Some seeds, and from when on they are told; SEEDS=20 tries more.
fn seeds(first: u64, count: u64) -> impl Iterator<Item = (u64, &'static str)> {
    let count = std::env::var("SEEDS").ok().and_then(|more| more.parse().ok()).unwrap_or(count);
    (first..first + count).map(|seed| (seed, if seed.is_multiple_of(2) { SPRING } else { AUTUMN }))
}

#[test]
fn thirty_days_tell_each_event_and_each_gap_once() {
    for (seed, start) in seeds(1, 2) {
        story(seed, start, DAYS, Kills::None).check(&format!("seed {seed} from {start}"));
    }
}

#[test]
fn killed_again_and_again_it_tells_each_once() {
    for (seed, start) in seeds(101, 2) {
        let name = format!("seed {seed} from {start}, killed");
        let killed = story(seed, start, DAYS, Kills::OneIn(40));
        assert!(killed.sim.kills() > 100, "{name}: {} kills", killed.sim.kills());
        killed.check(&name);
    }
}

#[test]
fn kills_change_nothing_of_what_is_told() {
    let ids = |kills: Kills| {
        let alerts = story(202, SPRING, FEW_DAYS, kills).sim.alerts();
        alerts.into_iter().filter(|alert| alert.kind == Kind::Signal).map(|alert| alert.id).collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(Kills::OneIn(25)), ids(Kills::None));
}

#[test]
fn the_same_seed_tells_the_same() {
    let bodies = || {
        let alerts = story(301, AUTUMN, FEW_DAYS, Kills::OneIn(60)).sim.alerts();
        alerts.iter().map(|alert| serde_json::to_string(alert).expect("JSON")).collect::<Vec<_>>()
    };
    assert_eq!(bodies(), bodies());
}

/// Started anew by a timer every ten minutes: what a schedule says was due while nobody started it is one gap.
#[test]
fn started_anew_each_time() {
    let mut sim = Sim::new("2026-05-01T00:05:00Z".parse().expect("an instant"), "0 * * * *", "UTC", GRACE);
    sim.once();
    for turn in 0..6 * 24 {
        sim.restart();
        sim.turns();
        sim.pass(POLL);
        if turn == 30 {
            sim.pass(minutes(60 * 5));
        }
    }
    let alerts = sim.alerts();
    let spans: Vec<_> =
        alerts.iter().map(|alert| (alert.kind, alert.span.as_ref().map(|span| span.runs_missed))).collect();
    // Of five the last is still in time.
    assert_eq!(spans, [(Kind::RunsMissed, Some(4))]);
}

/// Two days with everything in them, killed after each single step of them.
#[test]
fn killed_after_any_one_step_it_tells_the_same() {
    let run = |kill_at: Option<u64>| {
        let mut sim =
            Sim::new("2026-10-24T20:00:00Z".parse().expect("an instant"), "30 2,14 * * *", "Europe/Berlin", GRACE);
        sim.kill_at(kill_at);
        for turn in 0..60_u32 {
            let now = sim.wall();
            let world = sim.world();
            match turn {
                3 => world.borrow_mut().write(
                    "a.txt",
                    &[format!("bad {now} one"), format!("change {now} set"), format!("message {now} m")],
                ),
                9 => world.borrow_mut().write("b.txt", &[format!("bad {now} two"), format!("lasts {now} full")]),
                12 => world.borrow_mut().sink_fails_for(minutes(90)),
                15 => world.borrow_mut().write("c.txt", &[format!("message {now} m2"), format!("over {now} full")]),
                20 => sim.sleep(minutes(60 * 14)),
                25 => world.borrow_mut().write("d.txt", &[format!("lasts {now} full")]),
                _ => {}
            }
            sim.turns();
            sim.pass(POLL);
        }
        let told: Vec<(Kind, String)> = sim.alerts().into_iter().map(|alert| (alert.kind, alert.title)).collect();
        (sim.steps(), told, sim.lines(), sim.received(), sim.status().clients[0].undelivered.len())
    };
    let (steps, told, lines, received, left) = run(None);
    assert_eq!(left, 0, "nothing is left");
    let count = |kind: Kind| told.iter().filter(|(one, _)| *one == kind).count();
    assert_eq!((count(Kind::Signal), count(Kind::RunsMissed), count(Kind::ChangeChecked)), (4, 1, 1), "{told:?}");
    for kill_at in 1..=steps {
        let (_, again, lines_again, received_again, left) = run(Some(kill_at));
        assert_eq!(again, told, "killed after step {kill_at}");
        assert_eq!(lines_again, lines, "killed after step {kill_at}: the file");
        let once: BTreeSet<&String> = received_again.iter().collect();
        assert_eq!(once, received.iter().collect(), "killed after step {kill_at}: the other place");
        assert_eq!(left, 0, "killed after step {kill_at}: nothing is left");
    }
}

/// A clock that was wrong by days is put right: the schedule goes on from the right time on.
#[test]
fn a_clock_that_was_wrong_by_days() {
    let mut sim = Sim::new("2026-05-01T00:00:00Z".parse().expect("an instant"), "0 * * * *", "UTC", GRACE);
    let hours = |sim: &mut Sim, hours: i64| {
        for _ in 0..hours * 6 {
            sim.turns();
            sim.pass(POLL);
        }
    };
    hours(&mut sim, 5);
    sim.set_clock(minutes(60 * 24 * 10));
    hours(&mut sim, 5);
    sim.set_clock(-minutes(60 * 24 * 10));
    hours(&mut sim, 5);
    let kinds: Vec<Kind> = sim.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [Kind::RunsMissed, Kind::ClockSetBack]);
    let runs = sim.scheduled_runs().len();
    assert!((12..=16).contains(&runs), "an hour has one run, whatever the clock says: {runs}");
}

/// A change of which the evidence never goes on is told when its time is up.
#[test]
fn a_change_without_evidence_after_it() {
    let mut sim = Sim::new("2026-05-01T00:00:00Z".parse().expect("an instant"), "0 6 * * *", "UTC", GRACE);
    let now = sim.wall();
    let rows = [format!("message {now} m"), format!("change {} set", now + minutes(20))];
    sim.world().borrow_mut().write("audit.txt", &rows);
    for _ in 0..30 * 6 {
        sim.turns();
        sim.pass(POLL);
    }
    let kinds: Vec<Kind> = sim.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [Kind::ChangeNotChecked]);
    let now = sim.wall();
    sim.world().borrow_mut().write("trace.txt", &[format!("message {now} late")]);
    for _ in 0..12 {
        sim.turns();
        sim.pass(POLL);
    }
    let kinds: Vec<Kind> = sim.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [Kind::ChangeNotChecked, Kind::ChangeChecked], "it comes late, and is looked at all the same");
}

/// An export of a very bad day: what is more than somebody can read is told together, and nothing of it again.
#[test]
fn thousands_of_events_at_once() {
    let mut sim = Sim::new("2026-05-01T00:00:00Z".parse().expect("an instant"), "0 6 * * *", "UTC", GRACE);
    let now = sim.wall();
    let rows: Vec<String> = (0..3000).map(|number| format!("bad {now} ev-{number}")).collect();
    for (name, from, to) in [("a.txt", 0, 2000), ("b.txt", 1000, 2000), ("c.txt", 1990, 3000)] {
        sim.world().borrow_mut().write(name, &rows[from..to]);
        for _ in 0..3 {
            sim.turns();
            sim.pass(POLL);
        }
    }
    let titles: Vec<String> = sim.alerts().into_iter().map(|alert| alert.title).collect();
    assert_eq!(titles.len(), 202, "{titles:?}");
    let together: Vec<&String> = titles.iter().filter(|title| title.contains("more:")).collect();
    let counts: Vec<&str> = together.iter().filter_map(|title| title.split(' ').next()).collect();
    assert_eq!(counts, ["1900", "900"]);
}
