//! Allow entries that name a message: whether they could act, and why they did not.

use evidence::{Action, Fact, Setting, SettingClass, VerdictKind};
use jiff::{SignedDuration, Timestamp};
use lake::Entry;
use sources::policy::{Allow, Comparison, Device, Honoured};

use super::applying::{Applying, applying};
use super::fits::{Fits, Match, Why, fits, is_for_recipient, is_within, sender};
use super::held::held;
use super::view::{View, is_on, setting};

/// An allow entry that names the message, and why it did not act.
pub(super) struct Matching<'s> {
    /// The entry.
    pub(super) entry: &'s Entry,
    /// What it is.
    pub(super) device: Device,
    /// Its value, as people see it.
    pub(super) value: String,
    /// Why it did not act.
    pub(super) because: Because<'s>,
}

/// Why an allow did not act.
pub(super) enum Because<'s> {
    /// The records show it: in a clause, and further records.
    Shown(String, Vec<&'s Entry>),
    /// It is likely: in a clause.
    Likely(String),
    /// Nothing that was supplied explains it.
    NotShown,
}

/// The allow entries that name the message, in the order of their records.
pub(super) fn matching<'s>(view: &View<'s>) -> Vec<Matching<'s>> {
    let mut found: Vec<Matching<'s>> = Vec::new();
    for entry in view.settings.iter().copied() {
        let Some(setting) = setting(entry) else { continue };
        let Some(allow) = view.vendor.allow(setting) else { continue };
        let Some(because) = weigh(view, entry, setting, &allow) else { continue };
        let value = setting.entry.as_ref().map_or(setting.name.clone(), |entry| entry.value.clone());
        let is_told = found.iter().any(|known| known.device == allow.device && known.value == value);
        if !is_told {
            found.push(Matching { entry, device: allow.device, value, because });
        }
    }
    found
}

/// An allowed sender within a policy that names the message and would help against a verdict.
pub(super) fn within<'s>(view: &View<'s>, policy: &str, verdict: &VerdictKind) -> Option<(&'s Entry, String)> {
    view.settings.iter().copied().find_map(|entry| {
        let setting = setting(entry)?;
        let allow = view.vendor.allow(setting).filter(|allow| allow.device == Device::PolicySender)?;
        let listed = setting.entry.as_ref().filter(|_| setting.policy.as_deref() == Some(policy))?;
        let names_it = named(view, setting, &allow) == Match::Yes;
        let helps = view.vendor.rulebook().overriding(allow.device, verdict)?.honoured == Honoured::Yes;
        (names_it && helps).then(|| (entry, listed.value.clone()))
    })
}

/// Why an allow did not act; `None` if it does not name the message.
fn weigh<'s>(view: &View<'s>, entry: &'s Entry, setting: &'s Setting, allow: &Allow) -> Option<Because<'s>> {
    if !concerns(view, setting, allow) {
        return None;
    }
    match named(view, setting, allow) {
        Match::No => return None,
        Match::Elsewhere(why) => return Some(Because::Shown(why, Vec::new())),
        Match::Doubtful(why) => return Some(Because::Likely(format!("whether it names this message is open: {why}"))),
        Match::Yes => {}
    }
    by_its_life(view, setting)
        .map(|why| Because::Shown(why, Vec::new()))
        .or_else(|| unused(view, setting).map(Because::Likely))
        .or_else(|| by_its_scope(view, setting, allow))
        .or_else(|| by_a_block(view, allow))
        .or_else(|| by_the_verdict(view, entry, allow))
        .or(Some(Because::NotShown))
}

/// Whether an allow is for this recipient and this kind of verdict at all.
fn concerns(view: &View<'_>, setting: &Setting, allow: &Allow) -> bool {
    let of_recipient = |mailbox| view.recipients().any(|recipient| *recipient == mailbox);
    let forged = view.kind().is_some_and(|kind| matches!(kind, VerdictKind::Spoof | VerdictKind::Authentication(_)));
    match allow.device {
        Device::UserList | Device::UserListDomain => setting.mailbox.clone().is_some_and(of_recipient),
        Device::SpoofPair => forged,
        Device::Rule | Device::PermitPolicy | Device::Simulation => is_on(setting),
        _ => true,
    }
}

/// Whether an allow names the message.
fn named(view: &View<'_>, setting: &Setting, allow: &Allow) -> Match {
    let value = || setting.entry.iter().map(|entry| entry.value.clone()).collect::<Vec<String>>();
    match allow.device {
        Device::ConnectingAddress => match view.client() {
            Some(client) if value().iter().any(|network| is_within(client, network)) => Match::Yes,
            _ => Match::No,
        },
        Device::Rule => match fits(view, setting) {
            Fits::Yes(_) if !setting.conditions.is_empty() => Match::Yes,
            Fits::NotShown(what) if names_the_sender(view, setting, allow) => Match::Doubtful(what.join(" and ")),
            _ => Match::No,
        },
        Device::SpoofPair => pair(view, setting, allow),
        Device::Simulation => match fits(view, setting) {
            Fits::Yes(_) => Match::Yes,
            Fits::NotShown(what) if names_the_sender(view, setting, allow) => Match::Doubtful(what.join(" and ")),
            Fits::No(Why::Partly(what)) if names_the_sender(view, setting, allow) => {
                Match::Elsewhere(format!("both its domain and its address have to fit, and {what} does not"))
            }
            _ => Match::No,
        },
        Device::PermitPolicy => permitted(view, setting, allow),
        Device::ListEntry | Device::SubmittedEntry => match &setting.entry {
            Some(entry) if entry.on == "connecting address" => match view.client() {
                Some(client) if is_within(client, &entry.value) => Match::Yes,
                _ => Match::No,
            },
            Some(entry) if entry.on.starts_with("sender") => sender(view, &value(), allow.looks, allow.domains),
            // A domain whose list is not named may stand in that of links.
            Some(entry) if entry.on == "domain" => match sender(view, &value(), allow.looks, allow.domains) {
                Match::Yes => Match::Doubtful("the export does not say which list it is in".to_owned()),
                other => other,
            },
            _ => Match::No,
        },
        Device::PolicySender | Device::UserList | Device::UserListDomain => {
            sender(view, &value(), allow.looks, allow.domains)
        }
        // No vendor says of a setting that it is one of these: they are no entry that could have been heeded.
        Device::SecurityMailbox
        | Device::Release
        | Device::RuleException
        | Device::PolicyException
        | Device::ImpersonationExclusion
        | Device::LinkExclusion
        | Device::VendorSafeList
        | Device::InternalTrust
        | Device::EnhancedFiltering => Match::No,
    }
}

/// Whether a condition of a rule names this very sender.
fn names_the_sender(view: &View<'_>, rule: &Setting, allow: &Allow) -> bool {
    sender_conditions(rule).any(|values| sender(view, values, allow.looks, Comparison::EqualOrBelow) == Match::Yes)
}

fn sender_conditions(rule: &Setting) -> impl Iterator<Item = &[String]> {
    use evidence::ConditionOn::{Sender, SenderDomain};
    rule.conditions
        .iter()
        .filter(|condition| matches!(condition.on, Sender | SenderDomain))
        .map(|condition| condition.values.as_slice())
}

/// A pair names the sender and where it comes from: a network, the domain of a host, or that of a signature.
fn pair(view: &View<'_>, setting: &Setting, allow: &Allow) -> Match {
    use evidence::ConditionOn::Other;
    let names = sender_conditions(setting).any(|values| sender(view, values, allow.looks, allow.domains) == Match::Yes);
    if !names {
        return Match::No;
    }
    let from: Vec<&str> = setting
        .conditions
        .iter()
        .filter(|condition| condition.on == Other)
        .flat_map(|condition| condition.values.iter().map(String::as_str))
        .collect();
    let Some(client) = view.client() else {
        return Match::Doubtful("the address that it came from is not shown".to_owned());
    };
    if from.iter().any(|network| is_within(client, network)) {
        return Match::Yes;
    }
    match from.iter().any(|infrastructure| infrastructure.contains('/')) {
        true => Match::Elsewhere(format!("the pair is for {}, and the message came from {client}", from.join(", "))),
        false => Match::Doubtful(format!("whether {client} belongs to {} is not shown", from.join(", "))),
    }
}

/// A permit policy is for a sender, a recipient and perhaps a connecting address; with the sender of the wrong kind it is near.
fn permitted(view: &View<'_>, setting: &Setting, allow: &Allow) -> Match {
    let elsewhere =
        sender_conditions(setting).find_map(|values| match sender(view, values, allow.looks, allow.domains) {
            Match::Elsewhere(why) => Some(why),
            _ => None,
        });
    let names_nobody = sender_conditions(setting).next().is_none();
    match fits(view, setting) {
        _ if names_nobody || !is_for_recipient(view, setting) => Match::No,
        Fits::Yes(_) => Match::Yes,
        Fits::NotShown(what) if names_the_sender(view, setting, allow) => Match::Doubtful(what.join(" and ")),
        Fits::NotShown(_) => Match::No,
        Fits::No(why) => match (elsewhere, why) {
            (Some(elsewhere), Why::Others(_) | Why::Partly(_)) => Match::Elsewhere(elsewhere),
            (None, Why::Partly(_)) if names_the_sender(view, setting, allow) => {
                Match::Elsewhere("another of its conditions does not hold".to_owned())
            }
            _ => Match::No,
        },
    }
}

/// An entry that was not there yet, or not any more, or is switched off.
fn by_its_life(view: &View<'_>, setting: &Setting) -> Option<String> {
    let after = |when: &Option<evidence::When>| when.as_ref().map(|when| when.at).filter(|at| *at > view.at);
    let over = |when: &Option<evidence::When>| when.as_ref().map(|when| when.at).filter(|at| *at <= view.at);
    let told = |what: &str, at: Timestamp| Some(format!("{what} {at}; the message came {}", view.at));
    if let Some(at) = after(&setting.created) {
        return told("it was made only", at);
    }
    if let Some(at) = after(&setting.starts) {
        return told("it acts only from", at);
    }
    if let Some(at) = over(&setting.expires) {
        return told("it had expired", at);
    }
    (!is_on(setting)).then(|| "it is switched off, or only reports".to_owned())
}

/// An entry that ends by itself some days after its last use: by what the export shows it was over. It may have been used once
/// more after the export was taken.
fn unused(view: &View<'_>, setting: &Setting) -> Option<String> {
    let days = view.vendor.ends_unused_after(setting)?;
    let used = setting.last_used.as_ref().or(setting.created.as_ref())?.at;
    let end = used.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok()?;
    (end <= view.at).then(|| {
        format!("it ends {days} days after its last use, and by the export that was {used}, so that it was over {end}")
    })
}

/// A sender who is allowed in a policy that is not the one that applied.
fn by_its_scope<'s>(view: &View<'s>, setting: &'s Setting, allow: &Allow) -> Option<Because<'s>> {
    let policy = setting.policy.as_deref().filter(|_| allow.device == Device::PolicySender)?;
    let applied = match applying(view, &SettingClass::AntiSpam) {
        Applying::Shown(applied) => applied,
        Applying::NotExported(_, name) => {
            let why =
                format!("it stands in the policy \"{policy}\", and the record names \"{name}\" as the one that acted");
            return Some(Because::Shown(why, Vec::new()));
        }
        _ => {
            return Some(Because::Likely(format!(
                "it stands in the policy \"{policy}\", and which policy applied to this recipient is not shown"
            )));
        }
    };
    if applied.candidate.name() == policy {
        return None;
    }
    let name = applied.candidate.name();
    let why = format!(
        "it stands in the policy \"{policy}\", and to this recipient \"{name}\" applied ({})",
        applied.candidate.place()
    );
    let sure = applied.named_by.is_some() || applied.candidate.entries().all(|entry| held(view, entry).is_shown());
    Some(if sure { Because::Shown(why, applied.candidate.entries().collect()) } else { Because::Likely(why) })
}

/// A block of the same level that names the sender too.
fn by_a_block<'s>(view: &View<'s>, allow: &Allow) -> Option<Because<'s>> {
    let (_, verdict) = view.acted()?;
    if verdict.kind != VerdictKind::BlockEntry || allow.device != Device::PermitPolicy {
        return None;
    }
    let Applying::Shown(applied) = applying(view, &SettingClass::SenderPolicy) else { return None };
    let blocks = applied.candidate.policy().and_then(|policy| policy.entry.as_ref());
    let is_block = blocks.is_some_and(|entry| entry.says == evidence::ListWord::Block);
    let why = format!("\"{}\" blocks the sender and goes first", applied.candidate.name());
    is_block.then(|| Because::Shown(why, applied.candidate.entries().collect()))
}

/// What the vendor's pages say about the device and the verdict that acted.
fn by_the_verdict<'s>(view: &View<'s>, entry: &'s Entry, allow: &Allow) -> Option<Because<'s>> {
    let page = view.vendor.rulebook().overriding(allow.device, view.kind()?)?;
    let why = format!("{} ({})", page.because, page.source);
    let behind = view.is_behind_another();
    let lasts = held(view, entry);
    match page.honoured {
        Honoured::UnlessKeptBack if view.done() == Some(Action::Quarantined) => Some(match lasts.is_shown() {
            true => Because::Shown(why, Vec::new()),
            false => Because::Likely(why),
        }),
        Honoured::Yes | Honoured::UnlessKeptBack => {
            let doubt = lasts.words(&allowed(entry))?;
            Some(Because::Likely(format!("{doubt}; it may not have been there")))
        }
        Honoured::Disputed => Some(Because::Likely(why)),
        Honoured::OnlyBehindAGateway if behind => Some(Because::Likely(format!(
            "{why}; another system takes the mail first here, where the pages grant an exception"
        ))),
        Honoured::No | Honoured::OnlyBehindAGateway if lasts.is_shown() => Some(Because::Shown(why, Vec::new())),
        Honoured::No | Honoured::OnlyBehindAGateway => Some(Because::Likely(why)),
    }
}

fn allowed(entry: &Entry) -> String {
    match &entry.observation.fact {
        Fact::Setting(setting) => setting.name.clone(),
        _ => String::new(),
    }
}
