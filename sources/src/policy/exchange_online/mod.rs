//! Exchange Online and Defender: presets before custom policies by priority before the default, and lists beside them.

use std::cmp::Reverse;
use std::sync::LazyLock;

use evidence::{
    Action, AuthMethod, Condition, ConditionOn, ListWord, Product, Setting, SettingClass, Tier, VerdictKind,
};

use super::{
    Acted, AfterAMatch, Allow, Comparison, Device, Exports, Forged, Looks, Part, Planned, Policies, Rank, Rulebook,
    property,
};

static RULES: LazyLock<Rulebook> = LazyLock::new(|| Rulebook::of(include_str!("rules.toml")));

/// The policies of Exchange Online.
pub(super) struct ExchangeOnline;

impl Policies for ExchangeOnline {
    fn product(&self) -> Product {
        Product::ExchangeOnline
    }

    fn rulebook(&self) -> &'static Rulebook {
        &RULES
    }

    fn part(&self, setting: &Setting) -> Part {
        match setting {
            Setting { entry: Some(_), .. } => Part::None,
            Setting { class: SettingClass::SenderPolicy, .. } => Part::None,
            Setting { policy: Some(_), .. } => Part::Rule,
            Setting { tier: Tier::Default, .. } => Part::Default,
            _ if is_simulation(setting) => Part::None,
            _ => Part::Body,
        }
    }

    fn rank(&self, rule: &Setting) -> Rank {
        Rank { tier: rule.tier, narrow: Reverse((0, 0, 0)), priority: rule.priority.unwrap_or(u32::MAX) }
    }

    fn before(&self, first: &Setting, second: &Setting) -> String {
        match (first.tier, second.tier) {
            (one, other) if one == other => match (first.priority, second.priority) {
                (Some(one), Some(other)) => format!("priority {one} goes before priority {other}"),
                _ => "the export does not show both priorities".to_owned(),
            },
            (Tier::StrictPreset | Tier::StandardPreset, _) => "a preset goes before every other policy".to_owned(),
            (Tier::Evaluation, _) => "an evaluation policy goes before custom policies".to_owned(),
            _ => "a custom policy goes before the default".to_owned(),
        }
    }

    /// Honor DMARC and spoof intelligence are switches of the policy, and say which of its actions counts (Microsoft,
    /// Anti-phishing policies, Spoof protection and sender DMARC policies, read 2026-08-20).
    fn planned(&self, policy: &Setting, acted: &Acted) -> Option<Planned> {
        let Acted { kind: verdict, forged, bulk_level } = acted;
        if *verdict == VerdictKind::Bulk && policy.class == SettingClass::AntiSpam {
            return below_threshold(policy, *bulk_level).or_else(|| RULES.planned(policy, verdict));
        }
        let is_forged = matches!(verdict, VerdictKind::Spoof | VerdictKind::Authentication(AuthMethod::Dmarc));
        if policy.class != SettingClass::AntiPhish || !is_forged {
            return RULES.planned(policy, verdict);
        }
        let is_on = |name: &str| property(policy, name).map(|said| said.eq_ignore_ascii_case("true"));
        let by_intelligence = || match is_on("enablespoofintelligence") {
            Some(false) => Some(Planned { action: Action::None, said: "EnableSpoofIntelligence: False".to_owned() }),
            Some(true) => RULES.said_under(policy, "AuthenticationFailAction"),
            None => None,
        };
        match (forged, is_on("honordmarcpolicy")) {
            (Forged::Implicit, _) | (Forged::Asked(_), Some(false)) => {
                by_intelligence().or_else(|| RULES.said_under(policy, "AuthenticationFailAction"))
            }
            (Forged::Asked(Action::Quarantined), Some(true)) => RULES.said_under(policy, "DmarcQuarantineAction"),
            (Forged::Asked(Action::Rejected), Some(true)) => RULES.said_under(policy, "DmarcRejectAction"),
            // What is not said could be any of the actions: it counts only where all agree.
            _ => RULES.planned(policy, &VerdictKind::Spoof),
        }
    }

    fn bulk_level(&self, said: &str) -> Option<u8> {
        let said = said.to_ascii_lowercase();
        ["bcl:", "bulkcomplaintlevel="].iter().find_map(|name| {
            let rest = &said[said.find(name)? + name.len()..];
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
    }

    fn allow(&self, setting: &Setting) -> Option<Allow> {
        let allow = |device, looks, domains| Some(Allow { device, looks, domains });
        if is_simulation(setting) {
            return allow(Device::Simulation, Looks::Either, Comparison::Equal);
        }
        let Some(entry) = &setting.entry else {
            let stands_aside =
                setting.class == SettingClass::TransportRule && property(setting, "setscl") == Some("-1");
            return if stands_aside {
                allow(Device::Rule, self.looks(setting), Comparison::EqualOrBelow)
            } else {
                None
            };
        };
        if entry.says != ListWord::Allow {
            return None;
        }
        match setting.class {
            SettingClass::ListEntry => {
                let by_hand = property(setting, "submissionid").is_none_or(|id| id == "Non-Submission");
                let device = if by_hand { Device::ListEntry } else { Device::SubmittedEntry };
                allow(device, Looks::Header, Comparison::Equal)
            }
            SettingClass::SpoofEntry => allow(Device::SpoofPair, Looks::Header, Comparison::Equal),
            // A trusted sender of an anti-phishing policy is excepted from impersonation only.
            SettingClass::SenderPolicy if entry.on.contains(',') => None,
            SettingClass::SenderPolicy => allow(Device::PolicySender, Looks::Either, Comparison::Equal),
            SettingClass::ConnectionFilter => allow(Device::ConnectingAddress, Looks::Either, Comparison::Equal),
            SettingClass::UserListEntry if entry.on.contains("recipient") => None,
            SettingClass::UserListEntry => {
                let device = if entry.value.contains('@') { Device::UserList } else { Device::UserListDomain };
                allow(device, Looks::Header, Comparison::Equal)
            }
            _ => None,
        }
    }

    fn ends_unused_after(&self, entry: &Setting) -> Option<u16> {
        let days = property(entry, "removeafter")?.trim().parse().ok();
        days.filter(|_| entry.class == SettingClass::ListEntry && entry.expires.is_none())
    }

    fn looks(&self, rule: &Setting) -> Looks {
        match property(rule, "senderaddresslocation") {
            Some("Envelope") => Looks::Envelope,
            Some("HeaderOrEnvelope") => Looks::Either,
            _ => Looks::Header,
        }
    }

    fn comparison(&self, rule: &Setting, condition: &Condition) -> Comparison {
        let name = condition.name.to_ascii_lowercase();
        match condition.on {
            ConditionOn::Other => Comparison::NotFollowed,
            _ if name.contains("pattern") || name.contains("attribute") || name.contains("list") => {
                Comparison::NotFollowed
            }
            // A recipient in the To field is not always one of the envelope.
            _ if name.contains("header") => Comparison::NotFollowed,
            _ if name.contains("words") => Comparison::Holds,
            ConditionOn::SenderDomain => Comparison::EqualOrBelow,
            // Domains of a threat policy take in those below them unless one is excepted (Microsoft, Configure anti-spam
            // policies, read 2026-08-20); a transport rule's do not.
            ConditionOn::RecipientDomain if rule.class != SettingClass::TransportRule => Comparison::EqualOrBelow,
            _ => Comparison::Equal,
        }
    }

    fn unread(&self, rule: &Setting) -> Vec<String> {
        let of_scope = |name: &str| RULES.scope.iter().any(|scope| scope.eq_ignore_ascii_case(name));
        let left = rule.properties.iter().map(|property| &property.name).filter(|name| of_scope(name));
        let mut unread: Vec<String> = left.cloned().collect();
        // A custom rule always has a condition.
        let is_custom = rule.tier == Tier::Custom && rule.class != SettingClass::TransportRule;
        if unread.is_empty() && is_custom && rule.conditions.is_empty() {
            unread.push("its conditions".to_owned());
        }
        unread
    }

    fn after_a_match(&self, rule: &Setting) -> AfterAMatch {
        match property(rule, "stopruleprocessing").map(str::to_ascii_lowercase).as_deref() {
            Some("true") => AfterAMatch::Stops,
            Some(_) => AfterAMatch::GoesOn,
            None => AfterAMatch::NotSaid,
        }
    }

    fn exports(&self) -> Exports {
        Exports {
            policies: "exchange-online/threat-policies",
            allows: &["exchange-online/allow-block-list"],
            rules: "exchange-online/transport-rules",
            changes: "exchange-online/audit-log",
            acted_on_held: "exchange-online/quarantine",
            acted: "defender/email-events",
        }
    }
}

/// What a policy does about a sender that is less bulky than its threshold, or with bulk mail switched off: nothing (Microsoft,
/// Bulk complaint level, and Set-HostedContentFilterPolicy, read 2026-08-20).
fn below_threshold(policy: &Setting, level: Option<u8>) -> Option<Planned> {
    let let_on = |said: String| Some(Planned { action: Action::None, said });
    if property(policy, "markasspambulkmail").is_some_and(|said| said.eq_ignore_ascii_case("off")) {
        return let_on("MarkAsSpamBulkMail: Off".to_owned());
    }
    let threshold: u8 = property(policy, "bulkthreshold")?.trim().parse().ok()?;
    let level = level.filter(|level| *level < threshold)?;
    let_on(format!("BulkThreshold: {threshold}, and the sender's level is {level}"))
}

/// Whether a setting lets simulated phishing pass.
fn is_simulation(setting: &Setting) -> bool {
    setting.class == SettingClass::Other("phishing simulation override".to_owned())
}
