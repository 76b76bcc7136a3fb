//! amavis: held messages that are let go, whom it does not check, its limits.

use evidence::{Act, ChangeKind, ListWord, Product, Setting, VerdictKind};
use sources::policy::Device;
use sources::proposed::Step;

use super::{
    Trusted, act_of, class_of, for_whom, grant, is_no, is_yes, limit, no_end, one_id, party, released, row, setting_of,
    spamassassin, trusted, value, values_of,
};
use crate::{Grant, On, Reason, Scope, Term, World};

/// What a step lets through.
pub(super) fn grants(step: &Step) -> Vec<Grant> {
    match (act_of(step), setting_of(step)) {
        (Some(act), _) if step.operation.contains("release") => released(Product::Amavis, act),
        (_, Some(setting)) if spamassassin::is_one(setting) => spamassassin::grants(step, setting),
        _ if step.kind == ChangeKind::Removed => Vec::new(),
        (_, Some(setting)) if setting.entry.is_some() => of_list(setting),
        (_, Some(setting)) => left_out(setting),
        _ => Vec::new(),
    }
}

/// The name of a variable without its sign, its underlining and what `_maps`, `_acl` and `_re` say of its form.
fn folded(setting: &Setting) -> String {
    let name = value(setting, "variable").unwrap_or_else(|| class_of(setting));
    let name = name.trim_start_matches(['@', '$', '%', '&', '\\']).to_lowercase();
    let ends = ["_maps", "_acl", "_re", "_ldap", "_sql", "_by_ccat"];
    ends.iter().fold(name, |name, end| name.strip_suffix(end).map(str::to_owned).unwrap_or(name))
}

/// Recipients for whom a check is left out; without any it is all mail.
fn left_out(setting: &Setting) -> Vec<Grant> {
    let name = folded(setting);
    let leaves_out = name.contains("bypass") || name.contains("lovers");
    if !leaves_out || is_empty(setting) {
        return Vec::new();
    }
    let recipients = setting.conditions.iter().map(|condition| super::parties(On::Recipient, condition));
    vec![grant(Product::Amavis, Device::Rule, &setting.name, Scope::of(recipients))]
}

/// Whether a variable takes in nobody.
fn is_empty(setting: &Setting) -> bool {
    values_of(setting).iter().all(|value| is_no(value.trim()) || value.trim().is_empty())
}

/// A list of senders that amavis lets through.
fn of_list(setting: &Setting) -> Vec<Grant> {
    let Some(entry) = setting.entry.as_ref().filter(|entry| entry.says == ListWord::Allow) else { return Vec::new() };
    let is_recipient = entry.on.contains("recipient");
    let on = if is_recipient { On::Recipient } else { On::EnvelopeSender };
    let mut terms = vec![Term::one(on, party(&entry.value))];
    for condition in &setting.conditions {
        match condition.on {
            evidence::ConditionOn::Recipient | evidence::ConditionOn::RecipientDomain => {
                terms.push(super::parties(On::Recipient, condition))
            }
            evidence::ConditionOn::Sender | evidence::ConditionOn::SenderDomain => {
                terms.push(super::parties(On::EnvelopeSender, condition))
            }
            evidence::ConditionOn::SourceAddress => terms.push(super::networks(&condition.values)),
            _ => {}
        }
    }
    vec![grant(Product::Amavis, Device::PolicySender, &entry.value, Scope::of(terms))]
}

/// Which rows a step is.
pub(super) fn judge(step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    match (act_of(step), setting_of(step)) {
        (Some(act), _) => act_rows(step, act, world),
        (_, Some(setting)) if spamassassin::is_one(setting) => spamassassin::judge(step, setting, grants, world),
        (_, Some(setting)) => match grants.first().filter(|_| setting.entry.is_some()) {
            Some(grant) => listed(setting, &grant.scope, world),
            None => variable(step, setting, world),
        },
        _ => Vec::new(),
    }
}

/// An entry that lets somebody through.
fn listed(setting: &Setting, scope: &Scope, world: &World<'_>) -> Vec<Reason> {
    let mut reasons = for_whom(scope, "AN2", world);
    if folded(setting).contains("virus") {
        reasons.push(row("SB12", format!("`{}` is not looked at for malware", setting.name)));
    }
    reasons
}

fn act_rows(step: &Step, act: &Act, world: &World<'_>) -> Vec<Reason> {
    let operation = step.operation.to_lowercase();
    let to: Vec<evidence::Address> = act
        .details
        .iter()
        .filter(|detail| detail.name == "recipients")
        .flat_map(|detail| detail.values.iter().map(|value| evidence::Address::new(value)))
        .collect();
    match one_id(act) {
        Some(id) if operation.contains("release") => {
            let mut reasons = release_of(id, world, Product::Amavis);
            reasons.extend(other_recipients(&to, world));
            reasons
        }
        None if operation.contains("release") => vec![row("SB15", "it does not name one held message".to_owned())],
        Some(file) if operation.ends_with("--ham") => {
            vec![
                row("AN4", format!("`{file}` is taught as no spam")),
                row("SO2", "what is taught counts for all mail".to_owned()),
            ]
        }
        _ if operation.ends_with("--clear") => vec![row("SB11", "all that was taught is forgotten".to_owned())],
        _ if operation.ends_with("--spam") || operation.ends_with("--forget") => {
            vec![row("SN4", "it lets nothing through by itself".to_owned())]
        }
        _ => Vec::new(),
    }
}

/// The release of one message.
pub(super) fn release_of(id: &str, world: &World<'_>, product: Product) -> Vec<Reason> {
    let malware = world.needs.iter().find(|need| need.product == product && need.verdict == Some(VerdictKind::Malware));
    match malware {
        Some(need) => {
            vec![row("SB12", "the sample was held because of malware".to_owned()).cited(need.cites.iter().cloned())]
        }
        // amavis names held mail by why it was held.
        None if ["virus-", "banned-"].iter().any(|why| id.rsplit('/').next().unwrap_or(id).starts_with(why)) => {
            vec![row("SB12", format!("`{id}` was held because of a virus or a forbidden file"))]
        }
        None => vec![row("SN6", format!("message `{id}` alone is let go"))],
    }
}

/// Recipients to whom a message is let go that was for somebody else.
fn other_recipients(to: &[evidence::Address], world: &World<'_>) -> Option<Reason> {
    let first = to.first()?;
    let known: Vec<_> = world.needs.iter().flat_map(|need| &need.envelope_recipients).collect();
    if to.iter().all(|one| known.contains(&one)) {
        return None;
    }
    let id = if known.is_empty() { "SO3" } else { "SB14" };
    Some(row(id, format!("it goes to `{first}`, and the evidence does not show that it was for them")))
}

/// Variables that are a limit in points, and what is usual.
const LIMITS: &[(&str, f64)] =
    &[("sa_tag2_level_deflt", 6.2), ("sa_kill_level_deflt", 6.9), ("sa_tag2_level", 6.2), ("sa_kill_level", 6.9)];

fn variable(step: &Step, setting: &Setting, world: &World<'_>) -> Vec<Reason> {
    let (name, folded) = (setting.name.as_str(), folded(setting));
    if let Some(entry) = &setting.entry {
        return match &entry.says {
            ListWord::Block => vec![row("SN4", format!("`{}` is kept out", entry.value))],
            ListWord::Allow => vec![row("SN1", format!("`{}` is no longer let through", entry.value))],
            ListWord::Other(_) => {
                vec![row("SU1", format!("nothing here shows what an entry for `{}` does", entry.value))]
            }
        };
    }
    let said: Vec<&str> = values_of(setting).iter().map(|value| value.trim()).collect();
    let all = said.join(" ").to_lowercase();
    if step.kind == ChangeKind::Removed {
        return Vec::new();
    }
    let is_empty = is_empty(setting);
    // A bare `1` is asked for each recipient, and takes in all of them.
    let is_for_all = setting.conditions.is_empty() && said.iter().any(|value| is_yes(value));
    let limits = LIMITS.iter().find(|(limit, _)| *limit == folded);
    match folded.as_str() {
        _ if limits.is_some() => {
            let usual = limits.map_or(0.0, |(_, usual)| *usual);
            let current = world.current(&Product::Amavis, &setting.class, name);
            let number =
                |setting: &Setting| values_of(setting).first().and_then(|value| value.trim().parse::<f64>().ok());
            let now = current.and_then(|(now, _)| number(now)).unwrap_or(usual);
            vec![limit(
                name,
                number(setting),
                now,
                current.map(|(_, entry)| entry.observation.cite.clone()).into_iter().collect(),
            )]
        }
        "mynetworks" => trusted(setting, &Product::Amavis, &Trusted { one: "RB3", more: "SB9" }, world),
        "policy_bank" => bank(setting),
        "final_virus_destiny" => vec![destiny(name, &all, "SB12")],
        "final_spam_destiny" | "final_banned_destiny" | "final_bad_header_destiny" => vec![destiny(name, &all, "SB10")],
        folded if folded.contains("bypass") || folded.contains("lovers") => {
            let is_virus = folded.contains("virus");
            match (is_empty, is_virus, is_for_all) {
                (true, ..) => vec![row("SN4", format!("`{name}` leaves nobody out"))],
                (_, true, _) => vec![row("SB12", format!("`{name}` lets malware through"))],
                (_, _, true) => vec![row("SB10", format!("`{name}` leaves out all mail"))],
                _ => vec![row("SB11", format!("`{name}` leaves a check out for: {all}")), no_end()],
            }
        }
        folded if folded.contains("whitelist") || folded.contains("score_sender") => {
            vec![row("SB3", format!("`{name}` lets senders through whom nothing proves: {all}")), no_end()]
        }
        _ => Vec::new(),
    }
}

fn destiny(name: &str, said: &str, id: &str) -> Reason {
    match said.contains("pass") {
        true => row(id, format!("`{name}` lets through all that is found")),
        false => row("SN4", format!("`{name}` keeps back what is found")),
    }
}

/// What is set for some mail alone, such as that of one port.
fn bank(setting: &Setting) -> Vec<Reason> {
    let leaves_out = setting.properties.iter().filter(|property| {
        let name = property.name.to_lowercase();
        (name.contains("bypass") || name.contains("lovers")) && !property.values.iter().all(|value| is_no(value))
    });
    let of = |property: &evidence::Property| {
        let id = if property.name.to_lowercase().contains("virus") { "SB12" } else { "SB11" };
        row(id, format!("`{}` in the bank `{}` leaves a check out", property.name, setting.name))
    };
    let mut reasons: Vec<Reason> = leaves_out.map(of).collect();
    if reasons.is_empty() {
        reasons.push(row("SU1", format!("for which mail the bank `{}` is used stands elsewhere", setting.name)));
    }
    reasons
}
