//! (d) No broad bypass and no unrelated change came in: settings before and after are compared, and the audit log after the change is read.

use std::collections::{BTreeSet, HashMap, HashSet};

use evidence::{ActorKind, Change as Recorded, ChangeKind, Cite, Fact, Product, SettingClass, SourceId};
use exceptions::{Answer as Judged, Audited, Explained, Missing, World};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lake::{Difference, Snapshot};
use sources::proposed::{self, About, Step};
use sources::{Clock, Input};

use super::change::{self, Breadth, Change, Row};
use super::{Check, Later, Scene, not_made, refresh, shown};

/// The id of the check.
const ID: &str = "nothing_else";

/// Clocks of the one who made the change and of the records may differ so much.
const SLACK: SignedDuration = SignedDuration::from_mins(5);

/// How many changes a statement names.
const NAMED: usize = 3;

/// What exports of settings show of the change and beside it.
pub(super) struct Exports {
    broad: Vec<Audited>,
    pairs: Pairs,
    /// That records show the change as not made, or as made no more: in a clause, with the records.
    pub(super) undone: Option<(String, Vec<Cite>)>,
}

impl Exports {
    /// Compares the exports from before and after the changes.
    pub(super) fn of(scene: &Scene<'_>, changes: &[Change]) -> Exports {
        let world = World { lake: scene.ledger.around(), needs: &[], now: scene.now };
        let broad = broad_settings(&world, scene);
        let pairs = Pairs::of(scene, changes, &broad);
        let missing = undone(scene, changes).into_iter().next().map(|missing| (missing.statement, missing.cites));
        let not_exported = missing.or_else(|| pairs.not_shown(scene, changes));
        let not_exported = not_exported.map(|(missing, cites)| {
            let told = format!("the newest export does not show the change as it was stated ({missing})");
            (format!("{told}: it is undone, or the export is older than it"), cites)
        });
        let undone = not_made::failed(scene, changes)
            .or(not_exported)
            .or_else(|| if pairs.is_shown { None } else { not_made::not_logged(scene, changes) });
        Exports { broad, pairs, undone }
    }
}

/// Something that came in beside the change.
struct CameIn {
    told: String,
    is_broad: bool,
    cites: Vec<Cite>,
}

impl CameIn {
    /// The same, where it may be the change itself.
    fn not_told_apart(self) -> CameIn {
        let told = format!(
            "{}; whether it is the change that was made cannot be told: write the change down as commands",
            self.told
        );
        CameIn { told, ..self }
    }
}

/// Whether anything else came in.
pub(super) fn check(scene: &Scene<'_>, changes: &[Change], later: &[Later], exports: Exports) -> Check {
    let Exports { broad, pairs, undone } = exports;
    let rows = Rows::of(scene, changes);
    let own = own_breadth(scene, changes);
    let is_own = !own.is_empty();
    let mut came_in = own;
    came_in.extend(new_bypasses(&broad, changes));
    came_in.extend(pairs.came_in);
    came_in.extend(rows.came_in);
    if let Some((statement, cites)) = all_told(&came_in) {
        // How wide the change is, and that nobody approved it, the journal itself says.
        let came_back = if is_own { Check::came_back_by_journal } else { Check::came_back };
        return came_back(ID, statement, cites);
    }
    if let Some(open) = pairs.open.into_iter().chain(rows.open).next() {
        return Check::cannot_tell(ID, open.told, Vec::new()).citing(open.cites);
    }
    if let Some((told, cites)) = undone {
        return Check::cannot_tell(ID, told, ask_for(scene, changes)).citing(cites);
    }
    if let Some(change) =
        changes.iter().find(|change| change.is_read() && matches!(change::breadth(scene, change), Breadth::NotKnown))
    {
        let told = format!("nothing else came in, but how wide the change itself is cannot be told: `{}`", change.said);
        return Check::cannot_tell(ID, told, Vec::new());
    }
    held_or_open(scene, changes, later, &pairs.compared)
}

/// What came in, the broad first, with all its records; `None` if nothing did.
fn all_told(came_in: &[CameIn]) -> Option<(String, Vec<Cite>)> {
    let first = came_in.iter().find(|one| one.is_broad).or(came_in.first())?;
    let what = if first.is_broad { "a broad bypass came in" } else { "an unrelated change came in" };
    let others: Vec<&str> = came_in
        .iter()
        .map(|one| one.told.as_str())
        .filter(|told| *told != first.told)
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .collect();
    let mut statement = format!("{what}: {}", first.told);
    if !others.is_empty() {
        let named: Vec<&str> = others.iter().copied().take(NAMED - 1).collect();
        statement = format!("{statement}; and {}", named.join("; "));
        if others.len() > named.len() {
            statement = format!("{statement}; and {} more", others.len() - named.len());
        }
    }
    let cites = std::iter::once(first).chain(came_in).flat_map(|one| one.cites.clone()).collect();
    Some((statement, cites))
}

/// Held if exports of what was changed, from before and after, or an audit log over the time, show that there is nothing else.
fn held_or_open(scene: &Scene<'_>, changes: &[Change], later: &[Later], compared: &[Compared]) -> Check {
    let from = changes.iter().map(|change| change.made_at).min();
    // What ends before the last change was made says nothing of the time after it.
    let good = later.iter().filter(|one| one.is_good()).map(|one| one.at);
    let until = changes.iter().map(|change| change.made_at).chain(good).max();
    let logs = logs(scene, changes);
    let spans = |log: &&SourceId| {
        let lake = scene.ledger.around();
        let (Some(from), Some(until)) = (from, until) else { return false };
        lake.covers_until(log, from).is_some_and(|to| to >= until)
            && !lake.supplied().iter().any(|file| file.source == Some(**log) && file.coverage.suspected_cut)
    };
    let all_logs = !logs.is_empty() && logs.iter().all(|log| spans(&log));
    let classes: BTreeSet<&SettingClass> = changes.iter().flat_map(|change| &change.classes).collect();
    let is_of_change = |one: &&Compared| classes.is_empty() || one.classes.iter().any(|class| classes.contains(class));
    let pairs: Vec<&Compared> = compared.iter().filter(|one| one.spans && one.is_after_last).collect();
    let has_pair = pairs.iter().any(is_of_change);
    if !all_logs && !has_pair {
        let ends_early = ends_early(scene, &logs, from, changes.iter().map(|change| change.made_at).max());
        let told = match (ends_early, pairs.is_empty(), compared.is_empty()) {
            (Some(told), ..) => told,
            (None, false, _) => {
                "the exports that could be compared are not of the kind of setting that was changed".to_owned()
            }
            (None, true, false) => {
                "no export from before the change could be compared with one from after it".to_owned()
            }
            (None, true, true) => {
                "no exports of settings from before and after the change, and no audit log that covers the time"
                    .to_owned()
            }
        };
        let asked = ask_for(scene, changes);
        return Check::cannot_tell(ID, told, asked)
            .citing(changes.iter().flat_map(|change| change.cites.clone()).take(NAMED).collect());
    }
    let mut told: Vec<String> = Vec::new();
    let mut cites: Vec<Cite> = Vec::new();
    if has_pair {
        let kinds: BTreeSet<String> = pairs.iter().map(|one| one.title.clone()).collect();
        told.push(format!(
            "exports from before and after the change differ in nothing else ({})",
            kinds.into_iter().collect::<Vec<_>>().join(", ")
        ));
        cites.extend(pairs.iter().flat_map(|one| one.cites.clone()));
    }
    if all_logs {
        let titles: Vec<&str> =
            logs.iter().filter_map(|log| sources::source(log)).map(|source| source.title()).collect();
        let until = until.map(shown).unwrap_or_default();
        told.push(format!(
            "{} covers the time until {until} and shows no other change of mail settings",
            titles.join(", ")
        ));
        cites.extend(changes.iter().flat_map(|change| change.cites.clone()));
        cites.extend(spanning(scene, &logs));
    } else {
        told.push("what was not exported, and no audit log shows, was not compared".to_owned());
    }
    Check::held(ID, told.join("; "), cites)
}

/// That a log covers the time of the first change, and ends before the last one was made.
fn ends_early(
    scene: &Scene<'_>,
    logs: &[SourceId],
    first: Option<Timestamp>,
    last: Option<Timestamp>,
) -> Option<String> {
    let (first, last) = (first?, last?);
    let lake = scene.ledger.around();
    let ends = |log: &&SourceId| lake.covers_until(log, first).is_some_and(|to| to < last);
    let log = logs.iter().find(ends)?;
    let title = sources::source(log).map_or(*log, |source| source.title());
    let to = lake.covers_until(log, first).map(shown)?;
    Some(format!("{title} ends {to}, before the last change was made ({}): fetch it once more", shown(last)))
}

/// The first and the last record of a log: between them it goes on.
pub(super) fn spanning(scene: &Scene<'_>, logs: &[SourceId]) -> Vec<Cite> {
    let of_log = |log: &SourceId| {
        let entries = scene.ledger.entries().iter().filter(|entry| entry.source == *log);
        let timed =
            || entries.clone().filter_map(|entry| Some((entry.observation.when.as_ref()?.at, &entry.observation.cite)));
        let key = |one: &(Timestamp, &Cite)| (one.0, one.1.order().1);
        let (first, last) = (timed().min_by_key(key), timed().max_by_key(key));
        first.into_iter().chain(last).map(|(_, cite)| cite.clone()).collect::<Vec<Cite>>()
    };
    logs.iter().flat_map(of_log).collect()
}

/// The audit log of a system.
pub(super) fn log_of(product: &Product) -> Option<SourceId> {
    sources::policy::of(product).map(|vendor| vendor.exports().changes)
}

/// The audit logs that would show a change in the systems that matter.
fn logs(scene: &Scene<'_>, changes: &[Change]) -> Vec<SourceId> {
    let mut products: BTreeSet<Product> = changes.iter().flat_map(|change| change.products.clone()).collect();
    if products.is_empty() {
        products = change::blamed(scene).into_iter().collect();
    }
    let all: Option<BTreeSet<SourceId>> = products.iter().map(log_of).collect();
    all.unwrap_or_default().into_iter().collect()
}

/// What to fetch: the audit log, else the settings once more.
fn ask_for(scene: &Scene<'_>, changes: &[Change]) -> Vec<SourceId> {
    let mut asked = logs(scene, changes);
    if asked.is_empty() {
        let products: BTreeSet<&Product> = changes.iter().flat_map(|change| &change.products).collect();
        asked = products
            .into_iter()
            .filter_map(|product| match product {
                Product::Postfix => Some("postfix/configuration"),
                Product::Rspamd => Some("rspamd/configuration"),
                Product::Amavis => Some("amavis/configuration"),
                Product::GoogleWorkspace => Some("google/activity"),
                _ => None,
            })
            .collect();
    }
    if asked.is_empty() {
        asked = refresh::ask_for(scene, changes);
    }
    asked
}

/// That the change itself is broad, and nobody approved it.
fn own_breadth(scene: &Scene<'_>, changes: &[Change]) -> Vec<CameIn> {
    let own = |change: &Change| match change::breadth(scene, change) {
        Breadth::Broad(why) => {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let told = format!(
                "the change itself, `{}`, is broad and no recorded approval covers it{why}",
                first_line(&change.said)
            );
            Some(CameIn { told, is_broad: true, cites: change.cites.clone() })
        }
        _ => None,
    };
    changes.iter().filter_map(own).collect()
}

pub(super) fn first_line(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default();
    match line.char_indices().nth(120) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line.to_owned(),
    }
}

/// Settings that stand now, act, and are broad without an approval.
fn broad_settings(world: &World<'_>, scene: &Scene<'_>) -> Vec<Audited> {
    let audited = exceptions::audit(world, scene.approvals).all;
    audited.into_iter().filter(|one| one.answer == Judged::Broad && one.acts && one.approved.is_none()).collect()
}

/// Broad settings that say themselves that they were made after the change, and are not what it made.
fn new_bypasses(broad: &[Audited], changes: &[Change]) -> Vec<CameIn> {
    let Some(made_at) = changes.iter().map(|change| change.made_at).min() else { return Vec::new() };
    let since = made_at.checked_sub(SLACK).unwrap_or(made_at);
    let is_new = |one: &&Audited| {
        let About::Setting(setting) = &one.step.about else { return false };
        setting.created.as_ref().is_some_and(|created| created.at >= since)
    };
    let is_own = |one: &Audited| {
        let mut steps = changes.iter().flat_map(|change| change.steps());
        steps.any(|step| is_of_step(step, one))
    };
    let told = |one: &Audited| CameIn {
        told: format!("\"{}\"{}", one.name, why(one)),
        is_broad: true,
        cites: one.cites.clone(),
    };
    broad.iter().filter(is_new).filter(|one| !is_own(one)).map(told).collect()
}

fn why(one: &Audited) -> String {
    let made = one.made.as_ref().map(|made| format!(", {made}")).unwrap_or_default();
    let reason = one.reasons.first().map(|reason| format!(": {}", reason.statement)).unwrap_or_default();
    format!("{made}{reason}")
}

/// Whether a setting is the one that a step makes.
fn is_of_step(step: &Step, one: &Audited) -> bool {
    let About::Setting(shown) = &one.step.about else { return false };
    is_made_by(step, &one.step.product, shown)
}

/// The same of a setting as an export shows it.
pub(super) fn is_made_by(step: &Step, product: &Product, shown: &evidence::Setting) -> bool {
    let About::Setting(stated) = &step.about else { return false };
    let entry = |setting: &evidence::Setting| setting.entry.as_ref().map(|entry| entry.value.to_lowercase());
    stated.class == shown.class
        && step.product == *product
        && (entry(stated).is_some() && entry(stated) == entry(shown)
            || stated.entry.is_none() && stated.name.eq_ignore_ascii_case(&shown.name))
}

/// Two exports of the same settings.
struct Compared {
    title: String,
    classes: BTreeSet<SettingClass>,
    /// Whether one is from before the first change and the other from after it.
    spans: bool,
    /// Whether the other can be from after the last change too.
    is_after_last: bool,
    cites: Vec<Cite>,
}

/// What exports of the same settings show.
#[derive(Default)]
struct Pairs {
    compared: Vec<Compared>,
    came_in: Vec<CameIn>,
    open: Vec<CameIn>,
    /// Whether a step of the change explains a difference.
    is_shown: bool,
}

impl Pairs {
    /// That exports from before and after, of the kind of setting that was changed, do not show the change: nothing of it differs.
    fn not_shown(&self, scene: &Scene<'_>, changes: &[Change]) -> Option<(String, Vec<Cite>)> {
        let is_over = |change: &Change| change.ends.zip(scene.now).is_some_and(|(ends, now)| ends <= now);
        let standing = || changes.iter().filter(|change| !is_over(change));
        let classes: BTreeSet<&SettingClass> = standing().flat_map(|change| &change.classes).collect();
        if self.is_shown || classes.is_empty() || !standing().all(Change::is_read) {
            return None;
        }
        let is_of_change = |one: &&Compared| one.spans && one.classes.iter().any(|class| classes.contains(class));
        let pair = self.compared.iter().find(is_of_change)?;
        Some((format!("nothing of it differs between the exports of {}", pair.title), pair.cites.clone()))
    }

    fn of(scene: &Scene<'_>, changes: &[Change], broad: &[Audited]) -> Pairs {
        let lake = scene.ledger.around();
        let snapshots = lake.snapshots();
        let compared = exceptions::unrelated_to(lake, &steps(changes));
        let made = || changes.iter().map(|change| change.made_at);
        let (Some(made_at), Some(last)) = (made().min(), made().max()) else { return Pairs::default() };
        let beside = Beside::of(scene, changes, broad, made_at);
        let mut pairs = Pairs::default();
        // The differences of each pair, in the order of the exports.
        let mut explained = compared.differences.iter();
        for snapshot in &snapshots {
            let Some(earlier) = &snapshot.earlier else { continue };
            let own: Vec<&Explained> = explained.by_ref().take(snapshot.differences.len()).collect();
            if !is_after(scene, snapshot, made_at) {
                continue;
            }
            let before = snapshots.iter().find(|one| one.file == *earlier && one.source == snapshot.source);
            let spans = before.is_some_and(|before| !is_after(scene, before, made_at));
            pairs.compared.push(Compared {
                title: sources::source(snapshot.source).map_or(snapshot.source, |source| source.title()).to_owned(),
                classes: classes_in(scene, [&snapshot.file, earlier]),
                spans,
                is_after_last: !is_days_before(snapshot, last),
                cites: first_records(scene, [earlier, &snapshot.file]),
            });
            let properties: Vec<&Explained> =
                own.iter().copied().filter(|one| predicates(&one.difference).is_none()).collect();
            own.into_iter()
                .filter(|one| !beside.is_said_by_properties(one, &properties))
                .for_each(|one| pairs.take(&beside, one));
        }
        pairs
    }

    fn take(&mut self, beside: &Beside<'_>, one: &Explained) {
        self.is_shown |= one.by.as_deref().is_some_and(|by| beside.said.iter().any(|said| by.contains(said)));
        if one.by.is_some() || beside.was_so_before(&one.difference) {
            return;
        }
        let is_broad = one.difference.cites.iter().any(|cite| beside.broad.contains(&cite.order()));
        let cites = [one.difference.cites.clone(), one.cites.clone()].concat();
        let told = told(&one.difference, one.changed.as_deref());
        let came_in = CameIn { told, is_broad: is_broad || one.weakens && is_bypass(&one.difference), cites };
        // What is not read whole may be what was changed.
        if beside.is_told_apart || is_broad {
            if !beside.own_rows.iter().any(|row| states_difference(row.change, &one.difference)) {
                self.came_in.push(came_in);
            }
        } else {
            self.open.push(came_in.not_told_apart());
        }
    }
}

/// Where a record stands.
type Place<'a> = (&'a str, u64, u64);

/// What differences are judged by, looked up once.
struct Beside<'a> {
    /// The steps of the changes, as written.
    said: Vec<&'a str>,
    /// The records of broad settings that stand now.
    broad: HashSet<Place<'a>>,
    /// Settings that were last changed before the change was made, by their record.
    older: HashMap<Place<'a>, Vec<&'a evidence::Setting>>,
    /// The records of changes that are told in words only.
    own_rows: Vec<Row<'a>>,
    /// Whether it can be told of each difference whether it is the change's.
    is_told_apart: bool,
}

impl<'a> Beside<'a> {
    fn of(scene: &Scene<'a>, changes: &'a [Change], broad: &'a [Audited], made_at: Timestamp) -> Beside<'a> {
        let since = made_at.checked_sub(SLACK).unwrap_or(made_at);
        let mut older: HashMap<Place<'a>, Vec<&'a evidence::Setting>> = HashMap::new();
        for entry in scene.ledger.entries() {
            let Fact::Setting(setting) = &entry.observation.fact else { continue };
            if setting.changed.as_ref().or(setting.created.as_ref()).is_some_and(|changed| changed.at < since) {
                older.entry(entry.observation.cite.order()).or_default().push(setting);
            }
        }
        let unread = || changes.iter().filter(|change| !change.is_read());
        let own: HashSet<Place<'_>> = unread().flat_map(|change| &change.cites).map(Cite::order).collect();
        let is_own = |row: &Row<'_>| own.contains(&row.entry.observation.cite.order());
        Beside {
            said: steps(changes).into_iter().map(|step| step.said.as_str()).collect(),
            broad: broad.iter().flat_map(|one| &one.cites).map(Cite::order).collect(),
            older,
            own_rows: change::rows(scene).into_iter().filter(is_own).collect(),
            is_told_apart: unread().all(|change| !change.cites.is_empty()),
        }
    }

    /// Whether what differs in a rule's list of predicates is no more than its properties tell, which the change explains.
    fn is_said_by_properties(&self, list: &Explained, properties: &[&Explained]) -> bool {
        let is_of_rule = |one: &&&Explained| {
            one.difference.class == list.difference.class && one.difference.name == list.difference.name
        };
        let is_own = |one: &&&Explained| {
            let is_exception = one.difference.property.as_deref().is_some_and(|name| name.starts_with("ExceptIf"));
            let is_of_list = list
                .difference
                .property
                .as_deref()
                .is_some_and(|name| name.eq_ignore_ascii_case("exceptions") == is_exception);
            let by_record = || self.own_rows.iter().any(|row| states_difference(row.change, &one.difference));
            is_of_list && one.difference.property.is_some() && (one.by.is_some() || by_record())
        };
        let explained = properties.iter().filter(is_of_rule).filter(is_own).count();
        predicates(&list.difference).is_some_and(|count| count <= explained)
    }

    /// Whether the later export itself says that the setting was last changed before the change was made.
    fn was_so_before(&self, difference: &Difference) -> bool {
        let is_there = difference.after.is_some() || difference.property.is_some();
        let Some(last) = difference.cites.last().filter(|_| is_there) else { return false };
        let is_it = |setting: &&evidence::Setting| setting.class == difference.class && setting.name == difference.name;
        self.older.get(&last.order()).is_some_and(|settings| settings.iter().any(is_it))
    }
}

/// How many predicates came into, or left, a rule's own list of them; `None` if it is another property.
fn predicates(difference: &Difference) -> Option<usize> {
    let property = difference.property.as_deref()?.to_lowercase();
    if difference.class != SettingClass::TransportRule || !["conditions", "exceptions"].contains(&property.as_str()) {
        return None;
    }
    let of = |value: &Option<String>| -> BTreeSet<String> {
        let value = value.as_deref().unwrap_or_default();
        value.split([',', ';', '|']).map(|one| one.trim().to_lowercase()).filter(|one| !one.is_empty()).collect()
    };
    Some(of(&difference.before).symmetric_difference(&of(&difference.after)).count())
}

/// Whether a record of a change names the setting, and the property with its value.
fn states_difference(change: &Recorded, difference: &Difference) -> bool {
    let is_class = change.class.as_ref() == Some(&difference.class);
    let named = change::names(change, &difference.name);
    let is_property = difference
        .property
        .as_ref()
        .is_none_or(|property| change.alterations.iter().any(|one| one.name.eq_ignore_ascii_case(property)));
    is_class && named && is_property
}

fn steps(changes: &[Change]) -> Vec<&Step> {
    changes.iter().flat_map(|change| change.steps()).collect()
}

/// Whether an export shows what is so after the change: it was added for that, or its name or content says so.
fn is_after(scene: &Scene<'_>, snapshot: &Snapshot, made_at: Timestamp) -> bool {
    if (scene.is_after)(&snapshot.file) {
        return true;
    }
    match &snapshot.taken {
        Some(taken) => taken.at >= made_at,
        None => false,
    }
}

/// Whether an export says of itself that it was taken before an instant. Its name may have a day alone, which is its first instant.
fn is_days_before(snapshot: &Snapshot, at: Timestamp) -> bool {
    let day = SignedDuration::from_hours(24);
    snapshot.taken.as_ref().is_some_and(|taken| at.duration_since(taken.at) >= day)
}

/// The classes that some files show.
fn classes_in(scene: &Scene<'_>, files: [&evidence::FileName; 2]) -> BTreeSet<SettingClass> {
    let settings = scene.ledger.entries().iter().filter(|entry| files.contains(&&entry.observation.cite.file));
    let class = |entry: &lake::Entry| match &entry.observation.fact {
        Fact::Setting(setting) => Some(setting.class.clone()),
        _ => None,
    };
    settings.filter_map(class).collect()
}

/// The first record of each of two files.
fn first_records(scene: &Scene<'_>, files: [&evidence::FileName; 2]) -> Vec<Cite> {
    let first = |file: &evidence::FileName| {
        let mut entries = scene.ledger.entries().iter();
        let is_setting = |entry: &&lake::Entry| matches!(entry.observation.fact, Fact::Setting(_));
        entries.find(|entry| is_setting(entry) && entry.observation.cite.file == *file)
    };
    files.into_iter().filter_map(first).map(|entry| entry.observation.cite.clone()).collect()
}

/// Whether what differs is something that lets mail through as a whole, rather than one property of a policy.
fn is_bypass(difference: &Difference) -> bool {
    difference.property.is_none()
        && difference.after.is_some()
        && matches!(
            difference.class,
            SettingClass::TransportRule
                | SettingClass::ListEntry
                | SettingClass::UserListEntry
                | SettingClass::SenderPolicy
                | SettingClass::SpoofEntry
                | SettingClass::ConnectionFilter
        )
}

fn told(difference: &Difference, changed: Option<&str>) -> String {
    let name = &difference.name;
    let what = match (&difference.property, &difference.before, &difference.after) {
        (Some(property), before, after) => {
            let word = |value: &Option<String>| match value.as_deref() {
                None | Some("") => "nothing".to_owned(),
                Some(value) => format!("`{}`", first_line(value)),
            };
            format!("{property} of \"{name}\" went from {} to {}", word(before), word(after))
        }
        (None, _, Some(_)) => format!("\"{name}\" was made"),
        (None, ..) => format!("\"{name}\" was removed"),
    };
    changed.map_or_else(|| what.clone(), |changed| format!("{what} ({changed})"))
}

/// What the audit log shows after the change.
#[derive(Default)]
struct Rows {
    came_in: Vec<CameIn>,
    open: Vec<CameIn>,
}

impl Rows {
    fn of(scene: &Scene<'_>, changes: &[Change]) -> Rows {
        let Some(made_at) = changes.iter().map(|change| change.made_at).min() else { return Rows::default() };
        let since = made_at.checked_sub(SLACK).unwrap_or(made_at);
        let mut rows = Rows::default();
        let mut judged = Commands { scene, known: HashMap::new() };
        let after = change::rows(scene).into_iter().filter(|row| row.at >= since);
        for row in after.filter(|row| !changes.iter().any(|change| change.is_shown_by(row, scene))) {
            let is_broad = judged.is_broad(&row);
            let cites = vec![row.entry.observation.cite.clone()];
            let by_itself = matches!(row.change.by.kind, ActorKind::Application | ActorKind::Vendor);
            if by_itself && is_broad.is_none() {
                let told = format!("{}; there are too many changes to judge each", told_row(&row));
                rows.open.push(CameIn { told, is_broad: false, cites });
                continue;
            }
            let is_broad = is_broad == Some(true);
            // What runs by itself, or what the vendor does, renews policies: it is a refresh, unless it opens something.
            if by_itself && !is_broad || takes_back(&row, changes) {
                continue;
            }
            let came_in = CameIn { told: told_row(&row), is_broad, cites };
            if !is_broad && changes.iter().any(|change| change.may_be_shown_by(&row, scene)) {
                rows.open.push(came_in.not_told_apart());
            } else {
                rows.came_in.push(came_in);
            }
        }
        rows
    }
}

/// Whether a record tells that the change itself was taken away when it was over.
fn takes_back(row: &Row<'_>, changes: &[Change]) -> bool {
    let is_gone = matches!(row.change.kind, ChangeKind::Removed | ChangeKind::Disabled);
    let is_over = |change: &Change| {
        let names = change.steps().iter().any(|step| match &step.about {
            About::Setting(stated) => {
                let value = stated.entry.as_ref().map(|entry| entry.value.as_str());
                value.is_some_and(|value| change::names(row.change, value)) || change::names(row.change, &stated.name)
            }
            About::Act(_) => false,
        });
        names && change.ends.is_some_and(|ends| row.at >= ends)
    };
    is_gone && changes.iter().any(is_over)
}

fn told_row(row: &Row<'_>) -> String {
    let change = row.change;
    let what = change.object.as_deref().map(|object| format!(" of \"{}\"", first_line(object))).unwrap_or_default();
    let by = change.by.name.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let altered: Vec<String> = change
        .alterations
        .iter()
        .filter(|one| !["identity", "name"].contains(&one.name.to_lowercase().as_str()))
        .take(2)
        .map(|one| format!("{} {}", one.name, first_line(one.after.as_deref().unwrap_or_default())))
        .collect();
    let altered = if altered.is_empty() { String::new() } else { format!(" ({})", altered.join(", ")) };
    format!("{}{what}{by} at {}{altered}", change.operation, shown(row.at))
}

/// Records of cmdlets, written as commands again and judged like them, each text once.
struct Commands<'a, 's> {
    scene: &'s Scene<'a>,
    known: HashMap<String, bool>,
}

/// So many different commands of an audit log are judged.
const COMMANDS_MAX: usize = 500;

impl Commands<'_, '_> {
    /// Whether a record is of something broad; `None` if there are too many to judge this one too.
    fn is_broad(&mut self, row: &Row<'_>) -> Option<bool> {
        if row.entry.observation.speaker.product != Product::ExchangeOnline {
            return Some(false);
        }
        let Some(command) = command(row.change) else { return Some(false) };
        if let Some(known) = self.known.get(&command) {
            return Some(*known);
        }
        if self.known.len() >= COMMANDS_MAX {
            return None;
        }
        let candidate = read_at(&command, row.at);
        let world = World { lake: self.scene.ledger.around(), needs: &[], now: Some(row.at) };
        let is_broad = exceptions::check(&candidate, &world).answer == Judged::Broad;
        self.known.insert(command, is_broad);
        Some(is_broad)
    }
}

/// A command of a record, read with the clock of that moment.
pub(super) fn read_at(command: &str, at: Timestamp) -> proposed::Candidate {
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: at };
    proposed::read(&Input { name: "record".into(), bytes: command.as_bytes() }, &clock)
}

/// A cmdlet's record as the command that it records; `None` if it is none.
pub(super) fn command(change: &Recorded) -> Option<String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let (verb, noun) = change.operation.split_once('-')?;
    if !is_word(verb) || !is_word(noun) {
        return None;
    }
    let quoted = |value: &str| format!("'{}'", value.replace('\'', "''").replace(['\r', '\n'], " "));
    let value = |said: &str| match said.to_ascii_lowercase().as_str() {
        "true" => "$true".to_owned(),
        "false" => "$false".to_owned(),
        _ => said.split(';').map(|part| quoted(part.trim())).collect::<Vec<String>>().join(","),
    };
    let mut command = change.operation.clone();
    let has = |name: &str| change.alterations.iter().any(|one| one.name.eq_ignore_ascii_case(name));
    if let Some(object) = change.object.as_deref().filter(|_| !has("Identity") && !has("Name")) {
        let name = if verb.eq_ignore_ascii_case("New") { "Name" } else { "Identity" };
        command.push_str(&format!(" -{name} {}", quoted(object)));
    }
    for one in change.alterations.iter().filter(|one| is_word(&one.name)) {
        if let Some(after) = one.after.as_deref().filter(|after| !after.is_empty()) {
            command.push_str(&format!(" -{} {}", one.name, value(after)));
        }
    }
    Some(command)
}

/// Steps of the change that the newest export, which could be compared, does not show as done, unless they are over by themselves.
fn undone(scene: &Scene<'_>, changes: &[Change]) -> Vec<Missing> {
    let standing: Vec<&Step> = changes
        .iter()
        .filter(|change| change.ends.zip(scene.now).is_none_or(|(ends, now)| ends > now))
        .flat_map(|change| change.steps())
        .collect();
    if standing.is_empty() { Vec::new() } else { exceptions::unrelated_to(scene.ledger.around(), &standing).missing }
}
