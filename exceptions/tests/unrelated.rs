//! What changed beside the exception: explained by its steps, by the system itself, or by nothing.

use evidence::Identifier;
use exceptions::{Compared, Exception, World, check, unrelated};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lake::Lake;
use sources::{Clock, Input, Message, NoProgress, proposed, read_all};

fn clock() -> Clock {
    Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH }
}

fn lake(files: &[(&str, String)]) -> Lake {
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, text)| Input { name: (*name).into(), bytes: text.as_bytes() }).collect();
    let message =
        Message { ids: Identifier::message_id("<any@example.net>").into_iter().collect(), ..Message::default() };
    Lake::of(read_all(&inputs, message, &clock(), &NoProgress).expect("a message is named"))
}

/// The exception that commands make; they have to be narrow.
fn exception(lake: &Lake, commands: &str) -> Exception {
    let candidate = proposed::read(&Input { name: "change.ps1".into(), bytes: commands.as_bytes() }, &clock());
    let world = World { lake, needs: &[], now: "2026-11-09T12:00:00Z".parse().ok() };
    let checked = check(&candidate, &world);
    let said = format!("{commands}: {:?} {:?}", checked.reasons().collect::<Vec<_>>(), checked.unread);
    Exception::narrow(checked).unwrap_or_else(|refused| panic!("{refused}: {said}"))
}

fn compared(files: &[(&str, String)], commands: Option<&str>) -> Compared {
    let lake = lake(files);
    let exception = commands.map(|commands| exception(&lake, commands));
    unrelated(&lake, exception.as_ref())
}

/// The differences that nothing explains: name, property, before and after.
fn told(compared: &Compared) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
    let line = |one: &exceptions::Explained| {
        let difference = &one.difference;
        assert!(!difference.cites.is_empty(), "{}: no cite", difference.name);
        let weakens = if one.weakens { " (lets more through)" } else { "" };
        let (name, property) = (&difference.name, difference.property.as_deref().unwrap_or("all of it"));
        format!("{name}, {property}: {} -> {}{weakens}", text(&difference.before), text(&difference.after))
    };
    compared.unrelated().map(line).collect()
}

fn missing(compared: &Compared) -> Vec<&str> {
    compared.missing.iter().map(|one| one.statement.as_str()).collect()
}

const BEFORE: &str = "2026-11-08_0900.json";
const AFTER: &str = "2026-11-10_0900.json";

fn two(kind: &str, before: &[String], after: &[String]) -> Vec<(&'static str, String)> {
    let name = |when: &str| -> &'static str { Box::leak(format!("{kind}_{when}").into_boxed_str()) };
    vec![(name(BEFORE), list(before)), (name(AFTER), list(after))]
}

fn list(rows: &[String]) -> String {
    format!("[{}]", rows.join(","))
}

fn rule(name: &str, priority: u32, more: &str) -> String {
    let id: u32 = name.bytes().map(u32::from).sum();
    format!(
        r#"{{"Name":"{name}","Guid":"{id:08}-0b1a-4c2d-8e3f-5a6b7c8d9e0f","State":"Enabled","Mode":"Enforce","Priority":{priority},"Conditions":null,{more},"WhenChanged":"2026-11-0{}T09:00:00Z"}}"#,
        priority + 1
    )
}

fn entry(value: &str, says: &str, more: &str) -> String {
    format!(
        r#"{{"Value":"{value}","Action":"{says}","ListType":"Sender","ListSubType":"Tenant","SubmissionID":"Non-Submission","Identity":"Rg-{value}-{says}","CreatedDateTime":"2026-11-09T08:00:00Z","LastModifiedDateTime":"2026-11-09T08:00:00Z","ModifiedBy":"admin@example.com",{more}}}"#
    )
}

fn policy(name: &str, tier: &str, more: &str) -> String {
    format!(
        r#"{{"Name":"{name}","IsDefault":false,"RecommendedPolicyType":"{tier}","SpamAction":"MoveToJmf","HighConfidenceSpamAction":"Quarantine","PhishSpamAction":"Quarantine",{more},"WhenChangedUTC":"2026-10-20T09:00:00Z"}}"#
    )
}

const ENDS: &str = r#""ExpirationDate":"2026-12-01T00:00:00.0000000Z""#;
const ALLOW: &str = "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries ann@partner.example -ExpirationDate 2026-12-01T00:00:00Z";

#[test]
fn ok_entries() {
    let other = entry("carl@other.example", "Block", ENDS);
    let ann = entry("ann@partner.example", "Allow", ENDS);
    let whole = entry("partner.example", "Allow", ENDS);
    for (name, after, unrelated, lacks) in [
        ("just as stated", vec![other.clone(), ann.clone()], vec![], vec![]),
        (
            "another one beside it",
            vec![other.clone(), ann.clone(), whole.clone()],
            vec!["partner.example, all of it: - -> partner.example (lets more through)"],
            vec![],
        ),
        (
            "wider than stated",
            vec![other.clone(), whole],
            vec!["partner.example, all of it: - -> partner.example (lets more through)"],
            vec!["the newest export does not show \"ann@partner.example\""],
        ),
        (
            "another end than stated",
            vec![
                other.clone(),
                entry("ann@partner.example", "Allow", r#""ExpirationDate":"2027-12-01T00:00:00.0000000Z""#),
            ],
            vec!["ann@partner.example, all of it: - -> ann@partner.example (lets more through)"],
            vec!["\"ann@partner.example\" is there, but not as stated: its end"],
        ),
        ("a block is gone", vec![ann], vec!["carl@other.example, all of it: carl@other.example -> -"], vec![]),
        ("not done", vec![other.clone()], vec![], vec!["the newest export does not show \"ann@partner.example\""]),
    ] {
        // A third entry keeps the two exports two of the same list.
        let keep = entry("keep@other.example", "Block", ENDS);
        let before = [other.clone(), keep.clone()];
        let after: Vec<String> = after.into_iter().chain([keep]).collect();
        let compared = compared(&two("allow_block_list", &before, &after), Some(ALLOW));
        assert_eq!(told(&compared), unrelated, "{name}");
        assert_eq!(missing(&compared), lacks, "{name}");
        assert!(compared.pairs > 0, "{name}");
    }
}

const RULE: &str = "New-TransportRule -Name 'Invoices' -Priority 0 -From ann@partner.example -SentTo bob@example.com \
                    -HeaderContainsMessageHeader Authentication-Results -HeaderContainsWords 'dmarc=pass' -SetSCL -1 -SetHeaderName X-ETR \
                    -SetHeaderValue INC-1 -ExpiryDate 2026-12-01";

fn invoices(priority: u32, more: &str) -> String {
    rule(
        "Invoices",
        priority,
        &format!(
            r#""From":["ann@partner.example"],"SentTo":["bob@example.com"],"HeaderContainsMessageHeader":"Authentication-Results","HeaderContainsWords":["dmarc=pass"],"SetSCL":"-1","SetHeaderName":"X-ETR","SetHeaderValue":"INC-1","ExpiryDate":"2026-12-01T00:00:00","Description":"long text"{more}"#
        ),
    )
}

#[test]
fn ok_rules() {
    let footer = |priority| rule("Footer", priority, r#""ApplyHtmlDisclaimerText":"x""#);
    let hold = |priority| rule("Hold", priority, r#""SubjectContainsWords":["x"],"Quarantine":true"#);
    for (name, after, unrelated, lacks) in [
        ("as stated, and the others move down", vec![invoices(0, ""), footer(1), hold(2)], vec![], vec![]),
        (
            "and the others change places",
            vec![invoices(0, ""), hold(1), footer(2)],
            vec!["Footer, priority: 0 -> 2"],
            vec![],
        ),
        (
            "and another one is switched off",
            vec![invoices(0, ""), footer(1), hold(2).replace("Enabled", "Disabled")],
            vec![
                "Hold, State: Enabled -> Disabled (lets more through)",
                "Hold, effect: acts -> off (lets more through)",
            ],
            vec![],
        ),
        (
            "without its recipient",
            vec![invoices(0, "").replace(r#""SentTo":["bob@example.com"],"#, ""), footer(1), hold(2)],
            vec!["Invoices, all of it: - -> Invoices (lets more through)"],
            vec!["\"Invoices\" is there, but not as stated: SentTo"],
        ),
        (
            "with a recipient more",
            vec![
                invoices(0, "").replace(r#"["bob@example.com"]"#, r#"["bob@example.com","carl@example.com"]"#),
                footer(1),
                hold(2),
            ],
            vec!["Invoices, all of it: - -> Invoices (lets more through)"],
            vec!["\"Invoices\" is there, but not as stated: SentTo"],
        ),
    ] {
        let compared = compared(&two("transport_rules", &[footer(0), hold(1)], &after), Some(RULE));
        assert_eq!(told(&compared), unrelated, "{name}");
        assert_eq!(missing(&compared), lacks, "{name}");
    }
}

/// A list that got a value, shown by the policy and by the entry; and one that lost others by it.
#[test]
fn ok_lists_of_policies() {
    let phish = |senders: &str, more: &str| {
        format!(
            r#"{{"Name":"Office","IsDefault":false,"PhishThresholdLevel":2,"AuthenticationFailAction":"MoveToJmf","EnableSpoofIntelligence":true,"HonorDmarcPolicy":true,"ExcludedSenders":[{senders}]{more},"WhenChangedUTC":"2026-10-20T09:00:00Z"}}"#
        )
    };
    let add = "Set-AntiPhishPolicy -Identity Office -ExcludedSenders @{Add='ann@partner.example'}";
    for (name, after, unrelated) in [
        ("one more", phish(r#""old@partner.example","ann@partner.example""#, ""), vec![]),
        (
            "one more, and one less",
            phish(r#""ann@partner.example""#, ""),
            vec![
                "Office, ExcludedSenders: old@partner.example -> ann@partner.example",
                "old@partner.example, all of it: old@partner.example -> -",
            ],
        ),
        (
            "one more, and a switch",
            phish(r#""old@partner.example","ann@partner.example""#, "")
                .replace(r#""HonorDmarcPolicy":true"#, r#""HonorDmarcPolicy":false"#),
            vec!["Office, HonorDmarcPolicy: true -> false (lets more through)"],
        ),
    ] {
        let before = phish(r#""old@partner.example""#, "");
        let compared = compared(&two("threat_policies", &[before], &[after]), Some(add));
        assert_eq!(told(&compared), unrelated, "{name}");
    }
}

#[test]
fn ok_by_itself() {
    let keep = entry("keep@other.example", "Block", ENDS);
    let over = entry("ann@partner.example", "Allow", r#""ExpirationDate":"2026-11-09T00:00:00Z""#);
    let later = entry("ann@partner.example", "Allow", r#""ExpirationDate":"2026-11-30T00:00:00Z""#);
    let unused =
        |used: &str| entry("ann@partner.example", "Allow", &format!(r#""RemoveAfter":45,"LastUsedDate":"{used}""#));
    let gone = vec!["ann@partner.example, all of it: ann@partner.example -> -"];
    for (name, before, expected) in [
        ("it was over", over, vec![]),
        ("it was not over", later, gone.clone()),
        ("unused for 45 days", unused("2026-09-01T00:00:00Z"), vec![]),
        ("used last week", unused("2026-11-01T00:00:00Z"), gone),
    ] {
        let found = compared(&two("allow_block_list", &[before, keep.clone()], std::slice::from_ref(&keep)), None);
        assert_eq!(told(&found), expected, "{name}");
        assert!(expected.is_empty() == found.differences.iter().all(|one| one.by.is_some()), "{name}");
    }
}

/// A rule that is altered: only what the command states is explained.
#[test]
fn ok_switches() {
    let hold = |more: &str| rule("Hold", 0, &format!(r#""SubjectContainsWords":["x"],"Quarantine":true{more}"#));
    let off = hold(r#","StopRuleProcessing":false"#).replace("Enabled", "Disabled");
    let lists = |ips: &str| {
        format!(
            r#"{{"Name":"From the gateway","Enabled":true,"ConnectorType":"Partner","SenderDomains":["smtp:*;1"],"SenderIPAddresses":["192.0.2.10"],"RestrictDomainsToIPAddresses":true,"RequireTls":true,"EFSkipIPs":[{ips}],"EFSkipLastIP":false,"TreatMessagesAsInternal":false,"WhenChangedUTC":"2026-10-20T09:00:00Z"}}"#
        )
    };
    let add = "Set-InboundConnector -Identity 'From the gateway' -EFSkipIPs @{Add='192.0.2.11'}";
    for (name, kind, before, after, commands, unrelated) in [
        ("one address more", "connectors", lists(r#""192.0.2.10""#), lists(r#""192.0.2.10","192.0.2.11""#), add, 0),
        ("one more and one less", "connectors", lists(r#""192.0.2.10""#), lists(r#""192.0.2.11""#), add, 1),
        ("a wider one", "connectors", lists(r#""192.0.2.10""#), lists(r#""192.0.2.10","192.0.2.0/24""#), add, 1),
        (
            "something else of it",
            "connectors",
            lists(r#""192.0.2.10""#),
            lists(r#""192.0.2.10","192.0.2.11""#).replace(r#""RequireTls":true"#, r#""RequireTls":false"#),
            add,
            1,
        ),
        ("a rule that somebody switched on", "transport_rules", off, hold(r#","StopRuleProcessing":true"#), add, 3),
    ] {
        let compared = compared(&two(kind, &[before], &[after]), Some(add).filter(|add| commands == *add));
        let of_it: Vec<String> = told(&compared).into_iter().filter(|line| !line.starts_with("192.0.2.")).collect();
        assert_eq!(of_it.len(), unrelated, "{name}: {of_it:?}");
    }
}

fn change(at: &str, user: &str, kind: u8, operation: &str, object: &str, name: &str, value: &str) -> String {
    format!(
        r#"{{"CreationTime":"{at}","Id":"{at}{operation}","Operation":"{operation}","OrganizationId":"o","RecordType":1,"ResultStatus":"True","UserKey":"k","UserType":{kind},"Workload":"Exchange","ObjectId":"{object}","UserId":"{user}","Parameters":[{{"Name":"Identity","Value":"{object}"}},{{"Name":"{name}","Value":"{value}"}}]}}"#
    )
}

#[test]
fn ok_presets() {
    let strict = "Strict Preset Security Policy1700000000001";
    let by_vendor = || {
        change(
            "2026-11-09T02:00:00",
            "NT AUTHORITY\\\\SYSTEM (Service)",
            3,
            "Set-HostedContentFilterPolicy",
            strict,
            "BulkThreshold",
            "4",
        )
    };
    let by_admin = || {
        change(
            "2026-11-09T02:00:00",
            "admin@example.com",
            2,
            "Set-HostedContentFilterPolicy",
            "Finance",
            "BulkThreshold",
            "4",
        )
    };
    let vendor_in_custom = || {
        change(
            "2026-11-09T02:00:00",
            "NT AUTHORITY\\\\SYSTEM (Service)",
            3,
            "Set-HostedContentFilterPolicy",
            "Finance",
            "BulkThreshold",
            "4",
        )
    };
    for (name, of, tier, record, explained, by) in [
        ("a preset, by its vendor", strict, "Strict", Some(by_vendor()), true, Some("NT AUTHORITY\\SYSTEM (Service)")),
        ("a preset, by nobody whom a record names", strict, "Strict", None, false, None),
        ("an own policy, by an administrator", "Finance", "Custom", Some(by_admin()), false, Some("admin@example.com")),
        (
            "an own policy, by the vendor",
            "Finance",
            "Custom",
            Some(vendor_in_custom()),
            false,
            Some("NT AUTHORITY\\SYSTEM (Service)"),
        ),
    ] {
        let mut files = two(
            "threat_policies",
            &[policy(of, tier, r#""BulkThreshold":5"#)],
            &[policy(of, tier, r#""BulkThreshold":4"#)],
        );
        files.extend(record.map(|record| ("audit_log.json", list(&[record]))));
        let compared = compared(&files, None);
        assert_eq!(compared.differences.len(), 1, "{name}");
        let one = &compared.differences[0];
        assert_eq!(one.by.is_some(), explained, "{name}: {:?}", one.by);
        let said = one.changed.as_deref().unwrap_or_default();
        assert!(by.is_none_or(|by| said.contains(by) && !one.cites.is_empty()), "{name}: {said}");
    }
}

#[test]
fn ok_nothing_to_compare() {
    let one = [("transport_rules_2026-11-10.json", list(&[invoices(0, "")]))];
    let compared = compared(&one, Some(RULE));
    assert_eq!((compared.pairs, compared.differences.len(), compared.missing.len()), (0, 0, 0));
}

/// The same from doubled rows and from files in another order; and twice the same export shows no difference.
#[test]
fn the_order_changes_nothing() {
    let footer = |priority| rule("Footer", priority, r#""ApplyHtmlDisclaimerText":"x""#);
    let files = two("transport_rules", &[footer(0)], &[invoices(0, ""), footer(1), footer(1)]);
    let turned: Vec<(&str, String)> = files.iter().rev().cloned().collect();
    for files in [files, turned] {
        let compared = compared(&files, Some(RULE));
        assert_eq!((told(&compared), missing(&compared)), (vec![], vec![]));
    }
    let same = two("transport_rules", &[footer(0)], &[footer(0)]);
    assert!(compared(&same, None).differences.is_empty());
}
