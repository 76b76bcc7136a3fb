//! What was changed, when it acts, and whether a record shows it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use evidence::{
    ActorKind, Address, Alteration, Change as Recorded, ChangeKind, Cite, Done, Fact, Product, SettingClass, System,
};
use exceptions::{Answer as Judged, Exception, Refused, World};
use jiff::{SignedDuration, Timestamp};
use lake::Entry;
use serde::Deserialize;
use sources::proposed::{About, Candidate, Step};

use super::{Scene, nothing_else};

/// A change that was made.
#[derive(Clone, Debug)]
pub struct Change {
    /// When, as the one who made it says, or as the record of it does.
    pub made_at: Timestamp,
    /// What, as it was written down, or the record's words.
    pub said: String,
    /// The same, read.
    pub candidate: Candidate,
    /// What the guard said of it when it was made.
    pub guard: Guard,
    /// Until when it holds by itself.
    pub ends: Option<Timestamp>,
    /// Records of the evidence that show it.
    pub cites: Vec<Cite>,
    /// The systems that it was made in; none, if that is not known.
    pub products: Vec<Product>,
    /// The kinds of setting that it is about.
    pub classes: Vec<SettingClass>,
}

/// What the guard said of a change when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It was narrow, or an approval covered it.
    Narrow,
    /// It was broad.
    Broad,
    /// It was not asked, or could not tell.
    NotSaid,
}

/// How a kind of change comes to act.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Effect {
    product: String,
    #[serde(default)]
    class: Option<String>,
    acts_after_minutes: i64,
    #[serde(default)]
    own_reload_minutes: i64,
    /// The page that says so, and the day on which it was read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people; a test reads it"))]
    source: String,
}

#[derive(Debug, Default, Deserialize)]
struct Effects {
    effect: Vec<Effect>,
}

static EFFECTS: LazyLock<Vec<Effect>> = LazyLock::new(|| {
    toml::from_str::<Effects>(include_str!("effects.toml")).map(|effects| effects.effect).unwrap_or_default()
});

/// A change in a system of which no page says how long it takes may take so long.
const UNKNOWN_ACTS_AFTER: SignedDuration = SignedDuration::from_mins(30);

impl Change {
    /// A change of the journal: `candidate` is what was written down, as it was read.
    pub fn recorded(
        made_at: Timestamp,
        said: String,
        candidate: Candidate,
        guard: Guard,
        ends: Option<Timestamp>,
    ) -> Change {
        let mut products: Vec<Product> = candidate.steps.iter().map(|step| step.product.clone()).collect();
        products.sort();
        products.dedup();
        let settings = candidate.steps.iter().filter_map(|step| match &step.about {
            About::Setting(setting) => Some(setting.class.clone()),
            About::Act(_) => None,
        });
        let classes: BTreeSet<SettingClass> = settings.collect();
        let classes = classes.into_iter().collect();
        Change { made_at, said, candidate, guard, ends, cites: Vec::new(), products, classes }
    }

    /// From when on it acts.
    pub fn acts_at(&self) -> Timestamp {
        self.after(|effect| effect.acts_after_minutes).unwrap_or_else(|| later(self.made_at, UNKNOWN_ACTS_AFTER))
    }

    /// Until when a reload is a part of making it.
    pub(super) fn own_until(&self) -> Timestamp {
        let own = self.after(|effect| effect.own_reload_minutes.max(effect.acts_after_minutes));
        own.unwrap_or_else(|| later(self.made_at, UNKNOWN_ACTS_AFTER))
    }

    /// The longest of what the table says of its systems; `None` if it says nothing of one of them.
    fn after(&self, minutes: impl Fn(&Effect) -> i64) -> Option<Timestamp> {
        let of_product = |product: &Product| {
            let name = System::of(product.clone()).id();
            let of_it = || EFFECTS.iter().filter(|effect| effect.product == name);
            let of_class = |class: &SettingClass| {
                of_it().find(|effect| effect.class.as_deref().is_some_and(|one| class_word(class) == one))
            };
            let general = of_it().filter(|effect| effect.class.is_none()).map(&minutes).max();
            let by_class: Option<Vec<i64>> =
                self.classes.iter().map(|class| of_class(class).map(&minutes).or(general)).collect();
            match by_class {
                Some(known) if !known.is_empty() => known.into_iter().max(),
                _ => of_it().map(&minutes).max(),
            }
        };
        let all: Option<Vec<i64>> = self.products.iter().map(of_product).collect();
        let longest = all?.into_iter().max()?;
        Some(later(self.made_at, SignedDuration::from_mins(longest)))
    }

    /// Whether all of it was read.
    pub(super) fn is_read(&self) -> bool {
        self.candidate.unread.is_empty() && !self.candidate.steps.is_empty()
    }

    /// Its steps.
    pub(super) fn steps(&self) -> &[Step] {
        &self.candidate.steps
    }
}

/// The word of a class in the table.
fn class_word(class: &SettingClass) -> &'static str {
    match class {
        SettingClass::ListEntry => "list_entry",
        SettingClass::SpoofEntry => "spoof_entry",
        _ => "",
    }
}

fn later(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(at)
}

/// The changes of the journal, with the records that show them; else what the evidence shows. Commands that only show something are none.
pub(super) fn all(scene: &Scene<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> =
        scene.recorded.iter().filter(|change| !change.candidate.changes_nothing()).cloned().collect();
    if changes.is_empty() {
        return found(scene).into_iter().collect();
    }
    changes.sort_by_key(|change| change.made_at);
    let products = blamed(scene);
    for change in &mut changes {
        if change.products.is_empty() {
            change.products.clone_from(&products);
        }
    }
    let all = changes.clone();
    for row in rows(scene) {
        let near = all.iter().zip(&mut changes).filter(|(one, _)| one.is_of_time(&row) && one.is_shown_by(&row, scene));
        let nearest = near.min_by_key(|(one, _)| one.made_at.duration_since(row.at).abs());
        if let Some((one, change)) = nearest {
            change.cites.push(row.entry.observation.cite.clone());
            // Who tells when it was made may be early; the record is not. What is said again later is no later change.
            if row.at > one.made_at && change.cites.len() == 1 {
                change.made_at = row.at;
            }
        }
    }
    changes
}

/// A record of a change is looked for so long before and after it is said to have been made.
const SAME_DAY: SignedDuration = SignedDuration::from_hours(12);

/// The systems whose doing stopped the messages of the ticket.
pub(super) fn blamed(scene: &Scene<'_>) -> Vec<Product> {
    let copies = scene.originals.iter().flat_map(|message| &message.copies);
    let causes = copies.filter_map(|copy| copy.cause.as_ref());
    let names: BTreeSet<&str> = causes.map(|cause| cause.system.as_str()).collect();
    let on_way = scene.originals.iter().flat_map(|message| &message.copies).flat_map(|copy| &copy.way);
    let products: BTreeSet<Product> = on_way
        .map(|stop| stop.system.product.clone())
        .filter(|product| names.contains(System::of(product.clone()).to_string().as_str()))
        .collect();
    products.into_iter().collect()
}

/// One record of a change that mail depends on.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) at: Timestamp,
    pub(super) change: &'a Recorded,
    pub(super) entry: &'a Entry,
}

/// Every record of a change on which the way of this mail may depend, by time; what failed is none.
pub(super) fn rows<'a>(scene: &Scene<'a>) -> Vec<Row<'a>> {
    rows_where(scene, |done| done != Done::No)
}

/// Every record of one that was tried and failed, by time.
pub(super) fn failed_rows<'a>(scene: &Scene<'a>) -> Vec<Row<'a>> {
    rows_where(scene, |done| done == Done::No)
}

fn rows_where<'a>(scene: &Scene<'a>, is_meant: impl Fn(Done) -> bool) -> Vec<Row<'a>> {
    let ledger = scene.ledger;
    let row = |entry: &'a Entry| {
        let Fact::Change(change) = &entry.observation.fact else { return None };
        let at = entry.observation.when.as_ref()?.at;
        (is_meant(change.done) && bears_on_this(scene, change)).then_some(Row { at, change, entry })
    };
    let mut rows: Vec<Row<'a>> = ledger.entries().iter().filter_map(row).collect();
    rows.sort_by(|a, b| {
        let key = |row: &Row<'a>| (row.at, row.entry.observation.cite.order());
        key(a).cmp(&key(b))
    });
    rows
}

/// Whether mail depends on what was changed: of one mailbox's own settings only on those of the recipients of the case.
fn bears_on_this(scene: &Scene<'_>, change: &Recorded) -> bool {
    use SettingClass::{
        AlertPolicy, Application, ConditionalAccess, Forwarding, Group, JunkFilter, Mailbox, MailboxPermission,
        MailboxRule, User, UserListEntry,
    };
    match &change.class {
        None | Some(AlertPolicy | Application | ConditionalAccess | Group | MailboxPermission | User) => false,
        Some(Mailbox | MailboxRule | JunkFilter | Forwarding | UserListEntry) => {
            scene.recipients.iter().any(|recipient| names(change, recipient.as_str()))
                || scene.recipients.iter().any(|recipient| is_mailbox_of(change, recipient))
        }
        // What has no class of its own is mail's too: advanced delivery, data loss prevention, a Gmail setting.
        Some(_) => true,
    }
}

/// Whether the object is a mailbox by the name before the `@`.
fn is_mailbox_of(change: &Recorded, recipient: &Address) -> bool {
    let local = recipient.as_str().split('@').next().unwrap_or_default().to_lowercase();
    let object = change.object.as_deref().unwrap_or_default().to_lowercase();
    !local.is_empty() && object.split(['\\', '/']).any(|part| part == local)
}

/// Whether a change names something, as a word of its own.
pub(super) fn names(change: &Recorded, text: &str) -> bool {
    let text = text.to_lowercase();
    let holds = |said: &str| {
        let said = said.to_lowercase();
        said == text
            || said
                .split(|c: char| c.is_whitespace() || ",;|\"'<>()[]{}:\\".contains(c))
                .any(|word| word.trim_start_matches('@') == text)
    };
    let altered = change.alterations.iter().flat_map(|one| one.before.iter().chain(&one.after));
    !text.is_empty() && change.object.iter().chain(altered).any(|said| holds(said))
}

/// How far the clock of the one who says when a change was made may be off.
const TOLD_ABOUT: SignedDuration = SignedDuration::from_hours(1);

impl Change {
    /// Whether a record is that of this change: it states what a step states, or, where the change is told in words only, the words tell all
    /// that it states. That it names the mail and was made about then is not enough: somebody else's change may do so too.
    pub(super) fn is_shown_by(&self, row: &Row<'_>, scene: &Scene<'_>) -> bool {
        if self.cites.iter().any(|cite| cite.order() == row.entry.observation.cite.order()) {
            return true;
        }
        if self.is_read() {
            return self.steps().iter().any(|step| self.states(step, row));
        }
        self.tells_all_of(row, scene)
    }

    /// Whether a record may be that of this change, which is told in words only: it was made then, or about then and names the mail.
    pub(super) fn may_be_shown_by(&self, row: &Row<'_>, scene: &Scene<'_>) -> bool {
        let away = row.at.duration_since(self.made_at).abs();
        let is_open = !self.is_read() && self.cites.is_empty();
        is_open && (away <= SAME_MOMENT || away <= TOLD_ABOUT && names_mail(scene, row.change))
    }

    /// Whether a record was written about when the change is said to have been made.
    pub(super) fn is_of_time(&self, row: &Row<'_>) -> bool {
        self.made_at.duration_since(row.at).abs() <= SAME_DAY
    }

    /// Whether a record states what a step of this change states.
    pub(super) fn states(&self, step: &Step, row: &Row<'_>) -> bool {
        states(step, row, row.at.duration_since(self.made_at).abs() <= TOLD_ABOUT)
    }

    /// Whether the words of a change, which are no commands, tell all that a record of that moment states: the thing, and of each property a
    /// value. Words do not say how wide it is, so the command of the record must be narrow, or approved.
    fn tells_all_of(&self, row: &Row<'_>, scene: &Scene<'_>) -> bool {
        let told = self.said.to_lowercase();
        let tells = |text: &str| has_word(&told, &text.trim().to_lowercase());
        let is_then = row.at.duration_since(self.made_at).abs() <= SAME_MOMENT;
        let is_named = row.change.object.as_deref().is_some_and(tells);
        let tells_value =
            |one: &Alteration| one.after.as_deref().is_some_and(|after| after.split([',', ';']).any(tells));
        if !is_then || !is_named || altered(row.change).next().is_none() || !altered(row.change).all(tells_value) {
            return false;
        }
        let Some(command) = nothing_else::command(row.change) else { return false };
        let candidate = nothing_else::read_at(&command, row.at);
        let recorded = Change::recorded(row.at, command, candidate, Guard::NotSaid, None);
        recorded.is_read() && matches!(breadth(scene, &recorded), Breadth::Fine)
    }
}

/// A record so near to a change that is told in words may be its record, though it does not name the mail.
const SAME_MOMENT: SignedDuration = SignedDuration::from_mins(15);

/// Whether a text holds another with nothing before or behind it that would make it a longer word, address or number.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '@' | '/' | ':' | '-' | '_');
    let is_alone = |(at, _): (usize, &str)| {
        let (before, behind) = (&text[..at], &text[at + word.len()..]);
        let is_dotted = behind.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        !before.ends_with(|c| joins(c) || c == '.') && !behind.starts_with(joins) && !is_dotted
    };
    !word.is_empty() && text.match_indices(word).any(is_alone)
}

/// Whether a record of a change states what a step states, and nothing beside it.
fn states(step: &Step, row: &Row<'_>, is_near: bool) -> bool {
    let About::Setting(stated) = &step.about else { return false };
    let change = row.change;
    if row.entry.observation.speaker.product != step.product {
        return false;
    }
    let own: Vec<&str> = std::iter::once(stated.name.as_str())
        .chain(stated.id.as_deref())
        .chain(stated.policy.as_deref())
        .chain(stated.entry.as_ref().map(|entry| entry.value.as_str()))
        .filter(|name| !name.is_empty())
        .collect();
    let values = stated.conditions.iter().chain(&stated.exceptions).flat_map(|one| &one.values);
    let values: Vec<&str> = values.map(String::as_str).chain(own.iter().copied()).collect();
    let is_of_thing = change.class.as_ref() == Some(&stated.class) || is_list(change.class.as_ref(), &stated.class);
    let is_named = values.iter().any(|value| names(change, value));
    if !is_of_thing || !is_named {
        return false;
    }
    // A cmdlet's record has its parameters: each must be one that the step states.
    let same_operation = change.operation.eq_ignore_ascii_case(&step.operation);
    let is_cmdlet = change.operation.contains('-') && !change.operation.contains(' ');
    let mut altered = change.alterations.iter().filter(|one| !is_about_the_command(&one.name));
    match is_cmdlet {
        true => same_operation && altered.all(|one| states_value(step, &one.name, one.after.as_deref())),
        false => is_near || change.alterations.is_empty() || same_operation,
    }
}

/// A list's entry may be told as an entry, or as a change of what holds it.
fn is_list(one: Option<&SettingClass>, other: &SettingClass) -> bool {
    let of_lists = |class: &SettingClass| {
        matches!(class, SettingClass::ListEntry | SettingClass::UserListEntry | SettingClass::SenderPolicy)
    };
    one.is_some_and(|one| of_lists(one) && of_lists(other))
}

/// Parameters that say how a command runs, or which thing is meant.
fn is_about_the_command(name: &str) -> bool {
    const NAMES: [&str; 9] =
        ["identity", "name", "confirm", "force", "erroraction", "whatif", "notes", "comments", "noexpiration"];
    NAMES.contains(&name.to_lowercase().as_str())
}

/// Whether the text of a step holds a parameter and each of its values.
fn states_value(step: &Step, name: &str, value: Option<&str>) -> bool {
    let said = step.said.to_lowercase();
    let is_named = said.contains(&name.to_lowercase()) || property_named(step, name);
    let parts = value.unwrap_or_default().split([',', ';', '|']);
    let mut parts = parts
        .map(|part| part.trim().trim_matches(['"', '\'', '{', '}', '[', ']', '(', ')', '$']).trim().to_lowercase())
        .filter(|part| !part.is_empty());
    is_named && parts.all(|part| said.contains(&part) || holds_value(step, &part) || is_same_instant(step, &part))
}

fn property_named(step: &Step, name: &str) -> bool {
    let About::Setting(stated) = &step.about else { return false };
    stated.properties.iter().any(|one| one.name.eq_ignore_ascii_case(name))
        || stated.conditions.iter().chain(&stated.exceptions).any(|one| one.name.eq_ignore_ascii_case(name))
        || stated.entry.is_some()
            && ["entries", "allow", "block", "listtype", "value"].contains(&name.to_lowercase().as_str())
        || stated.expires.is_some() && name.to_lowercase().contains("expir")
}

fn holds_value(step: &Step, value: &str) -> bool {
    let About::Setting(stated) = &step.about else { return false };
    let properties = stated.properties.iter().flat_map(|one| &one.values);
    let conditions = stated.conditions.iter().chain(&stated.exceptions).flat_map(|one| &one.values);
    let entry = stated.entry.iter().flat_map(|entry| [&entry.value, &entry.on]);
    let is_word = stated.entry.is_some() && ["true", "sender", "allow"].contains(&value);
    is_word || properties.chain(conditions).chain(entry).any(|one| one.eq_ignore_ascii_case(value))
}

/// Whether a value is an instant, and the step sets an end: consoles write it in several ways.
fn is_same_instant(step: &Step, value: &str) -> bool {
    let About::Setting(stated) = &step.about else { return false };
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    stated.expires.as_ref().is_some_and(|ends| {
        let day = ends.at.strftime("%Y-%m-%d").to_string();
        let american = ends.at.strftime("%-m/%-d/%Y").to_string();
        value.contains(&day) || value.contains(&american) || (digits(value) >= 8 && value.contains(&ends.said))
    })
}

/// Whether a change names the sender, the sender's domain, a recipient, or the policy that stopped the mail.
pub(super) fn names_mail(scene: &Scene<'_>, change: &Recorded) -> bool {
    let senders = scene.senders.iter().flat_map(|one| [Some(one.as_str()), one.domain()]).flatten();
    let recipients = scene.recipients.iter().map(Address::as_str);
    let causes = scene.originals.iter().flat_map(|one| &one.copies).filter_map(|copy| copy.cause.as_ref());
    let policies = causes.filter_map(|cause| match &cause.decider {
        findings::several::Decider::Policy(name) => Some(name.as_str()),
        _ => None,
    });
    senders.chain(recipients).chain(policies).any(|text| names(change, text))
}

/// The change as the evidence shows it: the first that somebody made after the mail was stopped and that names it; if it was undone and made
/// again, its last making.
fn found(scene: &Scene<'_>) -> Option<Change> {
    let is_stopped = |message: &&super::Message| message.copies.iter().any(|copy| copy.fate != layers::Fate::Delivered);
    let met = scene.originals.iter().filter(is_stopped).filter_map(|message| message.at).min()?;
    let is_it = |row: &Row<'_>| {
        let is_by_itself = matches!(row.change.by.kind, ActorKind::Vendor | ActorKind::Application);
        row.at > met && !is_by_itself && names_mail(scene, row.change)
    };
    let rows = rows(scene);
    let first = rows.iter().find(|row| is_it(row))?;
    let again = rows.iter().filter(|row| is_it(row) && is_same(row.change, first.change));
    let row = again.fold(first, |made, row| if is_undone_between(&rows, made, row) { row } else { made });
    let by = row.change.by.name.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let object = row.change.object.as_deref().map(|object| format!(" of \"{object}\"")).unwrap_or_default();
    Some(Change {
        made_at: row.at,
        said: format!("{}{object}{by}, as the evidence shows", row.change.operation),
        candidate: Candidate::default(),
        guard: Guard::NotSaid,
        ends: None,
        cites: vec![row.entry.observation.cite.clone()],
        products: vec![row.entry.observation.speaker.product.clone()],
        classes: row.change.class.iter().cloned().collect(),
    })
}

/// Whether two records are of the same change: the same operation on the same thing, to the same values.
fn is_same(one: &Recorded, other: &Recorded) -> bool {
    let values = |change: &Recorded| -> BTreeSet<(String, Option<String>)> {
        altered(change).map(|one| (one.name.to_lowercase(), one.after.clone())).collect()
    };
    one.operation == other.operation
        && one.class == other.class
        && one.object == other.object
        && values(one) == values(other)
}

/// Whether a record between two makings of a change takes it back: it removes the same thing, or sets the same property to something else.
fn is_undone_between(rows: &[Row<'_>], made: &Row<'_>, again: &Row<'_>) -> bool {
    let object = made.change.object.as_deref().filter(|object| !object.is_empty());
    let entries = || altered(made.change).filter(|one| one.name.eq_ignore_ascii_case("entries"));
    let is_of_it = |change: &Recorded| match object {
        Some(object) => change.object.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(object)),
        None => entries().filter_map(|one| one.after.as_deref()).any(|entry| names(change, entry)),
    };
    let is_gone = |change: &Recorded| matches!(change.kind, ChangeKind::Removed | ChangeKind::Disabled);
    let sets_otherwise = |change: &Recorded| {
        altered(change).any(|one| {
            altered(made.change).any(|own| own.name.eq_ignore_ascii_case(&one.name) && own.after != one.after)
        })
    };
    rows.iter().filter(|row| row.at > made.at && row.at < again.at).any(|row| {
        let change = row.change;
        change.class == made.change.class && is_of_it(change) && (is_gone(change) || sets_otherwise(change))
    })
}

/// What a change alters, without what says how its command runs.
fn altered(change: &Recorded) -> impl Iterator<Item = &Alteration> {
    change.alterations.iter().filter(|one| !is_about_the_command(&one.name))
}

/// What the guard says of a change now, and whether an approval covers it.
pub(super) enum Breadth {
    /// Narrow, or covered by an approval.
    Fine,
    /// Broad, and no approval covers it: why.
    Broad(String),
    /// Nobody can tell.
    NotKnown,
}

/// Whether the change itself is a broad bypass.
pub(super) fn breadth(scene: &Scene<'_>, change: &Change) -> Breadth {
    if change.guard == Guard::Narrow {
        return Breadth::Fine;
    }
    let world = World { lake: scene.ledger.around(), needs: &[], now: Some(change.made_at) };
    let checked = exceptions::check(&change.candidate, &world);
    let is_broad = change.guard == Guard::Broad || checked.answer == Judged::Broad;
    let reasons: Vec<String> = checked
        .reasons()
        .filter(|one| one.level >= exceptions::Level::Approval)
        .map(|one| one.statement.clone())
        .collect();
    let answer = checked.answer;
    match Exception::narrow(checked).map_err(|refused| *refused) {
        Ok(_) | Err(Refused::Useless(_)) if !is_broad => Breadth::Fine,
        Err(Refused::Broad(broad)) => {
            let mut approvals = scene.approvals.iter();
            let is_covered = approvals.any(|approval| {
                Exception::approved(broad.clone(), approval.clone(), scene.samples_sha256, Some(change.made_at)).is_ok()
            });
            match is_covered {
                true => Breadth::Fine,
                false if !is_broad && answer == Judged::Unknown => Breadth::NotKnown,
                false => Breadth::Broad(reasons.into_iter().next().unwrap_or_default()),
            }
        }
        _ => Breadth::Broad(reasons.into_iter().next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_dated() {
        assert!(!EFFECTS.is_empty());
        for effect in EFFECTS.iter() {
            assert!(effect.source.contains("read 2026-"), "{}: {}", effect.product, effect.source);
            assert!(effect.class.as_deref().is_none_or(|class| ["list_entry", "spoof_entry"].contains(&class)));
        }
    }

    #[test]
    fn a_change_acts_after_its_own_time() {
        let made_at: Timestamp = "2026-11-18T10:00:00Z".parse().expect("an instant");
        let change = |products: Vec<Product>, classes: Vec<SettingClass>| Change {
            made_at,
            said: String::new(),
            candidate: Candidate::default(),
            guard: Guard::NotSaid,
            ends: None,
            cites: Vec::new(),
            products,
            classes,
        };
        for (name, products, classes, minutes) in [
            ("list entry", vec![Product::ExchangeOnline], vec![SettingClass::ListEntry], 5),
            ("rule", vec![Product::ExchangeOnline], vec![SettingClass::TransportRule], 30),
            ("both", vec![Product::ExchangeOnline], vec![SettingClass::ListEntry, SettingClass::TransportRule], 30),
            ("not known what", vec![Product::ExchangeOnline], vec![], 30),
            ("gateway", vec![Product::Mimecast], vec![SettingClass::ListEntry], 5),
            ("two systems", vec![Product::Mimecast, Product::ExchangeOnline], vec![SettingClass::TransportRule], 30),
            ("mail server", vec![Product::Postfix], vec![], 0),
            ("no system", vec![], vec![], 30),
            ("a system of which nothing is known", vec![Product::Entra], vec![], 30),
        ] {
            let change = change(products, classes);
            assert_eq!(change.acts_at().duration_since(made_at).as_mins(), minutes, "{name}");
            assert!(change.own_until() >= change.acts_at(), "{name}");
        }
    }
}
