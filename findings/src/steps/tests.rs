use super::advice::{TABLE, advice_for};
use super::fill::{Shell, places};
use super::*;

#[test]
fn every_family_has_advice() {
    assert!(TABLE.iter().all(|advice| !advice.tier1.is_empty() && !advice.tier2.is_empty()));
    for family in [
        "policy-scope-or-order",
        "authentication-alignment",
        "content-verdict",
        "connector-routing",
        "release-handoff",
        "mailbox-rule",
    ] {
        assert!(advice_for(&format!("{family}/anything")).is_some(), "{family}");
    }
}

/// The order of the mission: quarantine and junk, address, headers; then policy, alignment, connectors, release, downstream,
/// audit history.
#[test]
fn the_checks_stand_in_order() {
    let ids: Vec<CheckId> = CHECKLIST.check.iter().map(|check| check.id).collect();
    assert!(!ids.is_empty() && ids.is_sorted(), "{ids:?}");
    let tiers: Vec<u8> = CHECKLIST.check.iter().map(|check| check.tier).collect();
    assert!(tiers.is_sorted(), "{tiers:?}");
    assert_eq!(ids.len(), 12);
}

#[test]
fn every_way_is_sound() {
    const PLACES: [&str; 12] = [
        "message_id",
        "<message_id>",
        "network_message_id",
        "sender",
        "dmarc_name",
        "sample",
        "start",
        "end",
        "start_utc",
        "end_utc",
        "before",
        "recipient",
    ];
    assert!(CHECKLIST.how.len() > 50);
    for how in &CHECKLIST.how {
        let name = format!("{:?} in {}", how.check, how.system);
        assert_eq!(how.command.is_some(), how.shell.is_some(), "{name}: a command and its shell go together");
        assert!(how.command.is_some() || how.place.is_some(), "{name}");
        assert!(how.source.contains("read 20"), "{name}: who says so, and when it was read");
        if let Some(fetches) = &how.fetches {
            assert!(sources::source(fetches).is_some(), "{name}: {fetches}");
        }
        for template in how.command.iter().chain(&how.place) {
            for place in places(template) {
                assert!(PLACES.contains(&place), "{name}: {place}");
            }
        }
        // A value is quoted where it is put in: quotes of the template around it would open it again.
        let command = how.command.as_deref().unwrap_or("");
        for (at, _) in command.match_indices('{') {
            assert!(command[..at].ends_with(' '), "{name}: {}", &command[at..]);
        }
        for (at, _) in command.match_indices('}') {
            assert!(command[at + 1..].is_empty() || command[at + 1..].starts_with([' ', ']', ';']), "{name}");
        }
        let twins = CHECKLIST.how.iter().filter(|other| other.check == how.check && other.system == how.system);
        assert_eq!(twins.count(), 1, "{name}: once");
    }
}

/// Looking changes nothing: no command sets, releases, deletes or sends.
#[test]
fn no_way_changes_anything() {
    const DEEDS: [&str; 14] = [
        "Set-",
        "New-",
        "Remove-",
        "Release-",
        "Delete-",
        "Add-",
        "Enable-",
        "Disable-",
        " postsuper -",
        "amavisd-release",
        "doveadm expunge",
        "doveadm move",
        "exim -M",
        "rm ",
    ];
    for how in CHECKLIST.how.iter().filter(|how| how.check != CheckId::LetGo) {
        let command = format!(" {}", how.command.as_deref().unwrap_or("").replace("Set-Content", ""));
        assert!(!DEEDS.iter().any(|deed| command.contains(deed)), "{command}");
        assert!(!command.contains("Get-MessageTrace ") && !command.contains("Get-MessageTraceDetail "), "{command}");
    }
}

/// Letting go is one message for one recipient: without both there is no command.
#[test]
fn letting_go_is_narrow() {
    let ways: Vec<&How> = CHECKLIST.how.iter().filter(|how| how.check == CheckId::LetGo).collect();
    assert!(ways.len() > 5);
    for command in ways.iter().filter_map(|how| how.command.as_deref()) {
        assert!(
            command.contains("{<message_id>}") && command.contains("{recipient}") && !command.contains('['),
            "{command}"
        );
        assert!(!command.contains("ReleaseToAll") && !command.contains("AllowSender"), "{command}");
    }
}

/// A Message-ID made to break out of the quotes of either shell stays one word of every command.
#[test]
fn hostile_values_stay_words() {
    let hostile = "x';reboot;'`id`$(id)\"\u{2019};id@x.example";
    for how in &CHECKLIST.how {
        let Some((template, shell)) = how.command.as_deref().zip(how.shell) else { continue };
        let filled = fill::command(template, shell, &|_| Some(hostile.to_owned())).unwrap();
        let word = fill::quoted(hostile, shell).unwrap();
        let left = filled.replace(&word, "");
        assert!(!left.contains("reboot") && !left.contains("$(id)"), "{filled}");
        assert!(word.starts_with('\'') && word.ends_with('\''));
        // A line break could not be quoted away: what can do without the value does, the rest is not offered.
        let broken = fill::command(template, shell, &|_| Some("a\nreboot".to_owned()));
        assert!(broken.is_none_or(|command| !command.contains("reboot")), "{template}");
    }
    assert_eq!(Shell::Sh.id(), "sh");
}

/// Whether a step opens a door for more than one message: an allow, a bypass and the like, unless it says not to.
fn is_broad(step: &str) -> bool {
    const DOORS: [&str; 7] = ["allow", "bypass", "exempt", "whitelist", "safe sender", "turn off", "disable"];
    const NEGATIONS: [&str; 4] = ["not ", "no ", "without ", "never "];
    // A cmdlet that looks opens nothing, whatever its name.
    let words = step.split(' ').filter(|word| !word.starts_with("Get-"));
    let lower = words.collect::<Vec<_>>().join(" ").to_lowercase();
    lower.split([';', ',', '.', ':']).any(|clause| {
        DOORS.iter().any(|door| clause.contains(door)) && !NEGATIONS.iter().any(|word| clause.contains(word))
    })
}

/// Promise 5: no recommendation is broad without a recorded approval, and none is recorded here.
#[test]
fn no_advice_is_broad() {
    let advice = TABLE.iter().flat_map(|advice| advice.tier1.iter().chain(&advice.tier2)).map(|deed| deed.step());
    let checks = CHECKLIST.check.iter().map(|check| check.step.as_str());
    let ways = CHECKLIST.how.iter().flat_map(|how| how.command.iter().chain(&how.place)).map(String::as_str);
    for step in advice.chain(checks).chain(ways) {
        assert!(!is_broad(step), "{step}");
    }
    for (step, expected) in [
        ("Add the sender's domain to the allow list", true),
        ("Release it, then exempt the sender from the policy", true),
        ("Ask whether it was expected; do not add an allow entry", false),
        ("Release this one message for this one recipient", false),
        ("Get-TenantAllowBlockListItems -ListType Sender", false),
        ("New-TenantAllowBlockListItems -Allow", true),
    ] {
        assert_eq!(is_broad(step), expected, "{step}");
    }
}
