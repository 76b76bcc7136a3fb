//! What renewed that on which policies rest, after a change: a sync, a push, a reload, a restart, a change of a policy or preset.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use evidence::{ActorKind, Cite, Done, Fact, JobStage, Product, SettingClass, System};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::change::{self, Change, Row};
use super::{CopyFared, Scene, workflow};

/// Something that renewed policies.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// When.
    pub at: Timestamp,
    /// What, in a few words.
    pub told: String,
    /// The host on which, of a server that reads its own policies anew; `None` if no record names it.
    pub host: Option<String>,
    /// The records.
    pub cites: Vec<Cite>,
}

impl Refresh {
    /// Whether it renewed what a copy passed: a server that was restarted beside its way proves nothing.
    pub(super) fn is_on_way_of(&self, copy: &CopyFared) -> bool {
        let Some(host) = &self.host else { return true };
        let hosts = || copy.way.iter().filter_map(|stop| host_of(&stop.system));
        hosts().next().is_none() || hosts().any(|one| is_same_host(&one, host))
    }
}

/// The host that a system names; services of a vendor have none.
fn host_of(system: &System) -> Option<String> {
    let is_own = is_self_hosted(&system.product);
    let host = system.instance.as_deref()?.split('/').next()?;
    (is_own && !host.is_empty()).then(|| host.to_lowercase())
}

/// Whether a product runs on hosts of one's own, each of which reads its own policies.
fn is_self_hosted(product: &Product) -> bool {
    matches!(
        product,
        Product::Postfix
            | Product::Exim
            | Product::Dovecot
            | Product::Rspamd
            | Product::Amavis
            | Product::ProxmoxMailGateway
            | Product::Other(_)
    )
}

/// Whether two names are of one host: logs write some short and some in full.
fn is_same_host(one: &str, other: &str) -> bool {
    let is_short_of = |short: &str, full: &str| full.strip_prefix(short).is_some_and(|rest| rest.starts_with('.'));
    one == other || is_short_of(one, other) || is_short_of(other, one)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    job: Option<String>,
    told: String,
    /// Whose log or page says so.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people; a test reads it"))]
    source: String,
}

#[derive(Debug, Default, Deserialize)]
struct Table {
    refresh: Vec<Known>,
}

static TABLE: LazyLock<Vec<Known>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("refreshes.toml")).map(|table| table.refresh).unwrap_or_default()
});

/// Records of one refresh may lie so far apart.
const ONE_REFRESH: SignedDuration = SignedDuration::from_secs(60);

/// Everything that renewed policies after the change acted, by time.
pub(super) fn all(scene: &Scene<'_>, changes: &[Change], acts_at: Timestamp) -> Vec<Refresh> {
    let own_until = changes.iter().map(Change::own_until).max().unwrap_or(acts_at);
    let concerned = concerned(scene, changes);
    let mut found: Vec<Refresh> = Vec::new();
    for entry in scene.ledger.entries() {
        let observation = &entry.observation;
        let Some(at) = observation.when.as_ref().map(|when| when.at).filter(|at| *at > own_until) else { continue };
        let host = || host_of(&observation.speaker);
        let found_here = match &observation.fact {
            Fact::Act(act) if act.done != Done::No => by_operation(&act.operation)
                .filter(|_| concerned.contains(&observation.speaker.product))
                .map(|told| (format!("{told} of {}", observation.speaker), host())),
            Fact::Job(step)
                if matches!(step.stage, JobStage::Succeeded | JobStage::Ended) || is_reloaded(&step.said) =>
            {
                // A push may run on a host of its own; a unit is reloaded where it runs.
                let host = if is_reloaded(&step.said) { host() } else { None };
                by_job(&step.job).map(|told| (format!("{told} (`{}`)", step.job), host))
            }
            _ => None,
        };
        found.extend(found_here.map(|(told, host)| Refresh { at, told, host, cites: vec![observation.cite.clone()] }));
    }
    found.extend(by_changes(scene, changes, own_until, &concerned));
    found.extend(by_settings(scene, changes, own_until, &concerned));
    found.sort_by(|a, b| {
        let key = |one: &Refresh| (one.at, one.told.clone(), one.cites.first().map(|cite| cite.order().1));
        key(a).cmp(&key(b))
    });
    found.dedup_by(|later, earlier| {
        let is_one = later.told == earlier.told
            && later.host == earlier.host
            && later.at.duration_since(earlier.at) <= ONE_REFRESH;
        if is_one {
            earlier.cites.append(&mut later.cites);
        }
        is_one
    });
    found
}

/// The systems whose policies matter: those that the change was made in, else those that stopped the mail, else those on its way. A
/// filter is reloaded by itself or with the server that calls it.
fn concerned(scene: &Scene<'_>, changes: &[Change]) -> BTreeSet<Product> {
    let mut all: BTreeSet<Product> = changes.iter().flat_map(|change| change.products.clone()).collect();
    if all.is_empty() {
        all = change::blamed(scene).into_iter().collect();
    }
    if all.is_empty() {
        all = workflow::carriers(scene);
    }
    if all.contains(&Product::ExchangeOnline) {
        // The directory's own log tells of its policies.
        all.insert(Product::Entra);
    }
    all
}

fn by_operation(operation: &str) -> Option<&'static str> {
    let known =
        TABLE.iter().find(|known| known.operation.as_deref().is_some_and(|one| one.eq_ignore_ascii_case(operation)));
    known.map(|known| known.told.as_str())
}

/// Whether a job's name holds the word of a refresh.
fn by_job(job: &str) -> Option<&'static str> {
    let job = job.to_lowercase();
    let words: BTreeSet<&str> = job.split(|c: char| !c.is_alphanumeric()).collect();
    let known = TABLE.iter().find(|known| known.job.as_deref().is_some_and(|word| words.contains(word)));
    known.map(|known| known.told.as_str())
}

/// Whether a unit's journal says that it was reloaded or restarted.
fn is_reloaded(said: &str) -> bool {
    ["Reloaded ", "Restarted ", "Started "].iter().any(|word| said.starts_with(word))
}

/// Changes of policies by somebody or something else: what they state is read anew then.
fn by_changes(
    scene: &Scene<'_>,
    changes: &[Change],
    own_until: Timestamp,
    concerned: &BTreeSet<Product>,
) -> Vec<Refresh> {
    let classes: BTreeSet<&SettingClass> = changes.iter().flat_map(|change| &change.classes).collect();
    let rows = change::rows(scene);
    let is_own = |row: &&Row<'_>| changes.iter().any(|change| is_cited(change, row));
    let tenants: BTreeSet<String> = rows.iter().filter(is_own).filter_map(tenant).collect();
    let is_other = |row: &Row<'_>| {
        let class = row.change.class.as_ref();
        row.at > own_until
            && tenant(row).is_none_or(|tenant| tenants.is_empty() || tenants.contains(&tenant))
            && concerned.contains(&row.entry.observation.speaker.product)
            && class.is_some_and(|class| is_policy(class) || classes.contains(class))
            && !changes.iter().any(|change| is_shown_before(change, row, own_until))
    };
    let refresh = |row: Row<'_>| {
        let what = row.change.object.as_deref().map(|object| format!(" of \"{object}\"")).unwrap_or_default();
        let by = match (&row.change.by.name, row.change.by.kind) {
            (_, ActorKind::Vendor) => " by the vendor".to_owned(),
            (Some(name), _) => format!(" by {name}"),
            (None, _) => String::new(),
        };
        Refresh {
            at: row.at,
            told: format!("{}{what}{by}", row.change.operation),
            host: None,
            cites: vec![row.entry.observation.cite.clone()],
        }
    };
    rows.into_iter().filter(is_other).map(refresh).collect()
}

/// The tenant that a record names.
fn tenant(row: &Row<'_>) -> Option<String> {
    row.change.tenant.as_deref().map(str::to_lowercase)
}

fn is_cited(change: &Change, row: &Row<'_>) -> bool {
    change.cites.iter().any(|cite| cite.order() == row.entry.observation.cite.order())
}

/// Whether a record is one of the change itself: those of which `all` found the records, as long as the change was being made.
fn is_shown_before(change: &Change, row: &Row<'_>, own_until: Timestamp) -> bool {
    row.at <= own_until && is_cited(change, row)
}

/// Policies that say that they were changed after the change acted.
fn by_settings(
    scene: &Scene<'_>,
    changes: &[Change],
    own_until: Timestamp,
    concerned: &BTreeSet<Product>,
) -> Vec<Refresh> {
    let classes: BTreeSet<&SettingClass> = changes.iter().flat_map(|change| &change.classes).collect();
    let entries = scene.ledger.entries().iter();
    let found = entries.filter_map(|entry| {
        let Fact::Setting(setting) = &entry.observation.fact else { return None };
        let at = setting.changed.as_ref()?.at;
        let is_meant = is_policy(&setting.class) || classes.contains(&setting.class) && setting.entry.is_none();
        let is_concerned = concerned.contains(&entry.observation.speaker.product);
        (at > own_until && is_meant && is_concerned).then(|| Refresh {
            at,
            told: format!("a change of \"{}\", as its export says", setting.name),
            host: None,
            cites: vec![entry.observation.cite.clone()],
        })
    });
    found.collect()
}

fn is_policy(class: &SettingClass) -> bool {
    matches!(
        class,
        SettingClass::AntiSpam
            | SettingClass::AntiPhish
            | SettingClass::AntiMalware
            | SettingClass::Preset
            | SettingClass::UrlProtection
            | SettingClass::AttachmentProtection
            | SettingClass::ConnectionFilter
            | SettingClass::QuarantinePolicy
            | SettingClass::GatewayPolicy(_)
            | SettingClass::SenderPolicy
    )
}

/// The exports that would show what renewed policies in the systems that matter.
pub(super) fn ask_for(scene: &Scene<'_>, changes: &[Change]) -> Vec<&'static str> {
    let of = |product: &Product| match sources::policy::of(product) {
        Some(vendor) => vendor.exports().changes,
        None => layers::exports::logs_of(product).first().copied().unwrap_or("job/systemd-journal"),
    };
    let mut asked: Vec<&'static str> =
        concerned(scene, changes).iter().filter(|product| !matches!(product, Product::Entra)).map(of).collect();
    if asked.is_empty() {
        asked = vec!["exchange-online/audit-log"];
    }
    asked.sort_unstable();
    asked.dedup();
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_sourced() {
        assert!(!TABLE.is_empty());
        for known in TABLE.iter() {
            assert!(known.operation.is_some() != known.job.is_some(), "{}", known.told);
            assert!(!known.source.is_empty(), "{}", known.told);
        }
    }

    #[test]
    fn a_job_is_known_by_a_whole_word() {
        for (job, expected) in [
            ("baseline-push.service", true),
            ("\\Admin\\Policy Baseline", true),
            ("postfix.service", true),
            ("asynchronous-export.service", false),
            ("mail-export.service", false),
            ("", false),
        ] {
            assert_eq!(by_job(job).is_some(), expected, "{job}");
        }
    }
}
