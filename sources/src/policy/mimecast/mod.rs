//! Mimecast: of the policies of one type the most specific applies, senders weighed before recipients, overrides before all.

use std::cmp::Reverse;
use std::sync::LazyLock;

use evidence::{Action, Condition, ConditionOn, ListWord, Product, Setting, SettingClass, Tier, VerdictKind};

use super::{
    Acted, AfterAMatch, Allow, Comparison, Device, Exports, Looks, Part, Planned, Policies, Rank, Rulebook, property,
};

static RULES: LazyLock<Rulebook> = LazyLock::new(|| Rulebook::of(include_str!("rules.toml")));

/// The policies of Mimecast.
pub(super) struct Mimecast;

impl Policies for Mimecast {
    fn product(&self) -> Product {
        Product::Mimecast
    }

    fn rulebook(&self) -> &'static Rulebook {
        &RULES
    }

    fn part(&self, setting: &Setting) -> Part {
        let is_whole = setting.class == SettingClass::SenderPolicy && setting.entry.is_some();
        if is_whole { Part::Whole } else { Part::None }
    }

    fn rank(&self, rule: &Setting) -> Rank {
        let of = |sides: [&ConditionOn; 3]| {
            let side = rule.conditions.iter().filter(|condition| sides.contains(&&condition.on));
            side.map(|condition| specific(&condition.on)).max().unwrap_or(0)
        };
        let sender = of([&ConditionOn::Sender, &ConditionOn::SenderDomain, &ConditionOn::SenderGroup]);
        let recipient = of([&ConditionOn::Recipient, &ConditionOn::RecipientDomain, &ConditionOn::RecipientGroup]);
        let with_address = rule.conditions.iter().any(|condition| condition.on == ConditionOn::SourceAddress);
        // A block goes before a permit that is as specific.
        let blocks = rule.entry.as_ref().is_some_and(|entry| entry.says == ListWord::Block);
        let narrow = Reverse((sender, recipient, u8::from(with_address)));
        let overrides = overrides(rule);
        Rank {
            tier: if overrides { Tier::StrictPreset } else { Tier::Custom },
            narrow,
            priority: if blocks { 0 } else { 1 },
        }
    }

    fn before(&self, first: &Setting, second: &Setting) -> String {
        if overrides(first) && !overrides(second) {
            return "it is set to override the order".to_owned();
        }
        if self.rank(first).narrow == self.rank(second).narrow {
            return "a block goes before a permit that is as specific".to_owned();
        }
        "the more specific policy goes first, and the sender is weighed before the recipient".to_owned()
    }

    fn planned(&self, policy: &Setting, acted: &Acted) -> Option<Planned> {
        let entry = policy.entry.as_ref()?;
        let decides = acted.kind == VerdictKind::BlockEntry;
        let action = match entry.says {
            ListWord::Block => Action::Rejected,
            ListWord::Allow => Action::None,
            ListWord::Other(_) => return None,
        };
        let said = property(policy, "option").unwrap_or("its option").to_owned();
        decides.then_some(Planned { action, said })
    }

    fn allow(&self, setting: &Setting) -> Option<Allow> {
        let entry = setting.entry.as_ref().filter(|entry| entry.says == ListWord::Allow)?;
        let device = match setting.class {
            SettingClass::SenderPolicy => Device::PermitPolicy,
            SettingClass::UserListEntry if entry.on.contains("sender") || entry.on.contains("domain") => {
                Device::UserList
            }
            _ => return None,
        };
        Some(Allow { device, looks: self.looks(setting), domains: Comparison::Equal })
    }

    fn looks(&self, rule: &Setting) -> Looks {
        match property(rule, "frompart").map(str::to_ascii_lowercase).as_deref() {
            Some(part) if part.contains("both") => Looks::Either,
            Some(part) if part.contains("header") => Looks::Header,
            // The envelope is what a policy looks at unless it says otherwise.
            _ if rule.class == SettingClass::SenderPolicy => Looks::Envelope,
            _ => Looks::Either,
        }
    }

    fn comparison(&self, _rule: &Setting, condition: &Condition) -> Comparison {
        if condition.on == ConditionOn::Other { Comparison::NotFollowed } else { Comparison::Equal }
    }

    fn unread(&self, _rule: &Setting) -> Vec<String> {
        Vec::new()
    }

    fn after_a_match(&self, _rule: &Setting) -> AfterAMatch {
        AfterAMatch::NotSaid
    }

    fn exports(&self) -> Exports {
        Exports {
            policies: "mimecast/policies",
            allows: &["mimecast/policies", "mimecast/managed-senders"],
            rules: "mimecast/policies",
            changes: "mimecast/audit-events",
            acted_on_held: "mimecast/message-info",
            acted: "mimecast/message-info",
        }
    }
}

fn overrides(rule: &Setting) -> bool {
    property(rule, "override").is_some_and(|said| said.eq_ignore_ascii_case("true"))
}

/// The ladder of specificity: everyone, domain, group, one address. A side by attribute cannot be followed and is never ranked.
fn specific(on: &ConditionOn) -> u8 {
    match on {
        ConditionOn::Sender | ConditionOn::Recipient => 4,
        ConditionOn::SenderGroup | ConditionOn::RecipientGroup => 3,
        ConditionOn::SenderDomain | ConditionOn::RecipientDomain => 2,
        _ => 1,
    }
}
