//! What lets mail through already: what is listed, what is wrong with it, in which order.

use evidence::Identifier;
use exceptions::{Answer, Approval, Audit, Audited, History, Judged, Measured, Radius, World, audit};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lake::Lake;
use sources::{Clock, Input, Message, NoProgress, read_all};

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

const NOW: &str = "2026-11-20T12:00:00Z";

fn audited_with(files: &[(&str, String)], approvals: &[Approval]) -> Audit {
    let lake = lake(files);
    let world = World { lake: &lake, needs: &[], now: NOW.parse().ok() };
    audit(&world, approvals)
}

/// One line a setting: name, answer, faults.
fn told(audit: &Audit) -> Vec<String> {
    let line = |one: &Audited| {
        let faults: Vec<&str> = one.faults.iter().map(|fault| fault.id).collect();
        let faults = if faults.is_empty() { String::new() } else { format!(": {}", faults.join(" ")) };
        let off = if one.acts { "" } else { " (does not act)" };
        format!("{} {:?}{off}{faults}", one.name, one.answer)
    };
    audit.all.iter().map(line).collect()
}

fn has_fault(audit: &Audit, name: &str, fault: &str) -> bool {
    let of_name = audit.all.iter().find(|one| one.name == name);
    let one = of_name.unwrap_or_else(|| panic!("{name} is not listed: {:?}", told(audit)));
    for fault in &one.faults {
        assert!(!fault.cites.is_empty(), "{name}: {} has no cite", fault.id);
    }
    one.faults.iter().any(|known| known.id == fault)
}

/// A transport rule that lets mail through; `more` is further properties.
fn rule(name: &str, priority: u32, more: &str) -> String {
    format!(
        r#"{{"Name":"{name}","Guid":"{priority:08}-0b1a-4c2d-8e3f-5a6b7c8d9e0f","State":"Enabled","Mode":"Enforce","Priority":{priority},"Conditions":null,{more},"WhenChanged":"2026-10-01T09:00:00Z"}}"#
    )
}

const LETS_THROUGH: &str = r#""SetSCL":"-1""#;

/// An entry of the organisation's list.
fn entry(value: &str, says: &str, more: &str) -> String {
    format!(
        r#"{{"Value":"{value}","Action":"{says}","ListType":"Sender","ListSubType":"Tenant","SubmissionID":"Non-Submission","Identity":"Rg-{value}-{says}",{more}}}"#
    )
}

const MADE: &str = r#""CreatedDateTime":"2026-11-10T08:00:00Z","LastModifiedDateTime":"2026-11-10T08:00:00Z","ModifiedBy":"admin@example.com""#;

/// An anti-spam policy.
fn policy(name: &str, is_default: bool, more: &str) -> String {
    format!(
        r#"{{"Name":"{name}","IsDefault":{is_default},"SpamAction":"MoveToJmf","HighConfidenceSpamAction":"Quarantine","PhishSpamAction":"Quarantine","BulkThreshold":6,{more},"WhenChangedUTC":"2026-10-20T09:00:00Z"}}"#
    )
}

/// The rule that says for whom an anti-spam policy is.
fn scope_of(policy: &str, state: &str, recipients: &str) -> String {
    format!(
        r#"{{"Name":"{policy}","HostedContentFilterPolicy":"{policy}","State":"{state}","Priority":0,{recipients},"WhenChangedUTC":"2026-10-20T09:00:00Z"}}"#
    )
}

fn list(rows: &[String]) -> String {
    format!("[{}]", rows.join(","))
}

#[test]
fn ok_listed() {
    let ends = r#""ExpirationDate":"2026-12-01T08:00:00Z""#;
    for (name, file, text, expected) in [
        (
            "a rule for a domain, and one that lets nothing through",
            "transport_rules.json",
            list(&[
                rule("Partner", 0, &format!(r#""SenderDomainIs":["partner.example"],{LETS_THROUGH}"#)),
                rule("Footer", 1, r#""ApplyHtmlDisclaimerText":"sent from outside""#),
            ]),
            vec!["Partner Broad"],
        ),
        (
            "a broad rule that is switched off, and a narrow one",
            "transport_rules.json",
            list(&[
                rule("Off", 0, &format!(r#""SenderDomainIs":["partner.example"],{LETS_THROUGH}"#)).replace("Enabled", "Disabled"),
                rule(
                    "Narrow and off",
                    1,
                    &format!(
                        r#""From":["ann@partner.example"],"SentTo":["bob@example.com"],"HeaderContainsMessageHeader":"Authentication-Results","HeaderContainsWords":["dmarc=pass"],"SetHeaderName":"X-ETR","SetHeaderValue":"INC-1","ExpiryDate":"2026-12-01T00:00:00",{LETS_THROUGH}"#
                    ),
                )
                .replace("Enabled", "Disabled"),
            ]),
            vec!["Off Broad (does not act)"],
        ),
        (
            "an allow entry that ends, and a block entry",
            "allow_block_list.json",
            list(&[
                entry("ann@partner.example", "Allow", &format!("{ends},{MADE}")),
                entry("bob@partner.example", "Block", &format!("{ends},{MADE}")),
            ]),
            vec!["ann@partner.example Narrow"],
        ),
        (
            "what a policy allows is told once, by its entries",
            "threat_policies.json",
            list(&[policy("Default", true, r#""AllowedSenders":["ann@partner.example"],"AllowedSenderDomains":["partner.example"]"#)]),
            vec!["partner.example Broad", "ann@partner.example Broad: shadowed"],
        ),
        (
            "a policy that protects less than it should",
            "threat_policies.json",
            list(&[
                policy("Default", true, r#""AllowedSenders":[]"#).replace(r#""PhishSpamAction":"Quarantine""#, r#""PhishSpamAction":"MoveToJmf""#),
            ]),
            vec!["Default Broad"],
        ),
        (
            "a policy that lets nobody through",
            "threat_policies.json",
            list(&[policy("Default", true, r#""AllowedSenders":[],"BlockedSenders":["bob@partner.example"]"#)]),
            vec![],
        ),
    ] {
        let audit = audited_with(&[(file, text)], &[]);
        let reasons: Vec<_> = audit.all.iter().flat_map(|one| &one.reasons).map(|one| &one.statement).collect();
        assert_eq!(told(&audit), expected, "{name}: {reasons:?}");
    }
}

#[test]
fn ok_cites_and_scopes() {
    let files = [(
        "transport_rules.json",
        list(&[rule("Partner", 0, &format!(r#""SenderDomainIs":["partner.example"],{LETS_THROUGH}"#))]),
    )];
    let audit = audited_with(&files, &[]);
    assert_eq!(audit.all.len(), 1);
    assert!(audit.all[0].cites.iter().all(|cite| &*cite.file == "transport_rules.json"));
    assert_eq!(audit.scopes.len(), 1);
    assert_eq!(audit.scopes[0], audit.all[0].grants[0].scope);
}

/// Doubled rows, doubled files and files in another order say the same.
#[test]
fn the_order_of_files_and_rows_changes_nothing() {
    let rows = [
        rule("Partner", 0, &format!(r#""SenderDomainIs":["partner.example"],{LETS_THROUGH}"#)),
        rule("Ann", 1, &format!(r#""From":["ann@partner.example"],{LETS_THROUGH}"#)),
    ];
    let entries = [entry("carl@other.example", "Allow", &format!(r#""NoExpiration":true,{MADE}"#))];
    let files = [("transport_rules.json", list(&rows)), ("allow_block_list.json", list(&entries))];
    let expected = told(&audited_with(&files, &[]));
    assert_eq!(expected.len(), 3, "{expected:?}");
    let reversed: Vec<(&str, String)> = files.iter().rev().cloned().collect();
    assert_eq!(told(&audited_with(&reversed, &[])), expected, "files the other way round");
    let turned = [rows[1].clone(), rows[0].clone(), rows[0].clone()];
    let doubled = [("transport_rules.json", list(&turned)), ("allow_block_list.json", list(&entries))];
    assert_eq!(told(&audited_with(&doubled, &[])), expected, "rows the other way round, one twice");
    let copied = [files[0].clone(), files[1].clone(), ("copy_of_transport_rules.json", list(&rows))];
    assert_eq!(told(&audited_with(&copied, &[])), expected, "a copy of a file");
    let split = [
        ("transport_rules_1.json", list(&rows[..1])),
        ("transport_rules_2.json", list(&rows[1..])),
        ("allow_block_list.json", list(&entries)),
    ];
    assert_eq!(told(&audited_with(&split, &[])), expected, "a file in two parts");
}

#[test]
fn only_the_newest_export_counts() {
    let partner = rule("Partner", 0, &format!(r#""SenderDomainIs":["partner.example"],{LETS_THROUGH}"#));
    let mended = rule("Partner", 0, r#""SenderDomainIs":["partner.example"],"SetSCL":"0""#);
    let other = rule("Other", 1, &format!(r#""SenderDomainIs":["other.example"],{LETS_THROUGH}"#));
    for (name, files, expected) in [
        (
            "mended since",
            vec![
                ("rules_2026-11-01.json", list(std::slice::from_ref(&partner))),
                ("rules_2026-11-10.json", list(std::slice::from_ref(&mended))),
            ],
            vec![],
        ),
        (
            "taken away since",
            vec![
                ("rules_2026-11-01.json", list(&[partner.clone(), other.clone()])),
                ("rules_2026-11-10.json", list(std::slice::from_ref(&other))),
            ],
            vec!["Other Broad"],
        ),
        (
            "two parts of one export",
            vec![
                ("rules_2026-11-10_0400.json", list(std::slice::from_ref(&partner))),
                ("rules_2026-11-10_0401.json", list(std::slice::from_ref(&other))),
            ],
            vec!["Other Broad", "Partner Broad"],
        ),
        (
            "before and after by their names",
            vec![
                ("rules before.json", list(std::slice::from_ref(&partner))),
                ("rules after.json", list(std::slice::from_ref(&mended))),
            ],
            vec![],
        ),
        (
            "nothing tells which is the newer",
            vec![
                ("rules a.json", list(std::slice::from_ref(&partner))),
                ("rules b.json", list(std::slice::from_ref(&other))),
            ],
            vec!["Other Broad", "Partner Broad"],
        ),
    ] {
        assert_eq!(told(&audited_with(&files, &[])), expected, "{name}");
    }
}

/// A name, files, the setting, the fault, and whether it has it.
type Case<'a> = (&'a str, Vec<(&'a str, String)>, &'a str, &'a str, bool);

/// Each fault, and what looks like it and is none.
#[test]
fn ok_faults() {
    let rules = |rows: &[String]| vec![("transport_rules.json", list(rows))];
    let entries = |rows: &[String]| vec![("allow_block_list.json", list(rows))];
    let policies = |rows: &[String]| vec![("threat_policies.json", list(rows))];
    let wide = format!(r#""SenderDomainIs":["partner.example"],{LETS_THROUGH}"#);
    let ann = format!(r#""From":["ann@partner.example"],{LETS_THROUGH}"#);
    let ann_to = format!(r#""From":["ann@partner.example"],"SentTo":["bob@example.com"],{LETS_THROUGH}"#);
    let never = format!(r#""NoExpiration":true,{MADE}"#);
    let ended = format!(r#""ExpirationDate":"2026-11-12T08:00:00Z",{MADE}"#);
    let used = |used: &str| {
        format!(
            r#""RemoveAfter":45,"LastUsedDate":"{used}","CreatedDateTime":"2026-06-01T08:00:00Z","LastModifiedDateTime":"2026-06-01T08:00:00Z""#
        )
    };
    let unused =
        r#""RemoveAfter":45,"CreatedDateTime":"2026-06-01T08:00:00Z","LastModifiedDateTime":"2026-06-01T08:00:00Z""#;
    let fresh =
        r#""RemoveAfter":45,"CreatedDateTime":"2026-11-15T08:00:00Z","LastModifiedDateTime":"2026-11-15T08:00:00Z""#;
    let allowed = r#""AllowedSenders":["ann@partner.example"]"#;
    let to_finance = r#""SentToMemberOf":["finance@example.com"]"#;
    let to_all = r#""RecipientDomainIs":["example.com"]"#;
    let preset = |recipients: &str| {
        scope_of("Strict Preset Security Policy1700000000001", "Enabled", recipients).replace(
            r#""Name":"Strict Preset Security Policy1700000000001""#,
            r#""Name":"Strict Preset Security Policy""#,
        )
    };
    let accepted = ("accepted_domains.json", r#"[{"Name":"example.com","DomainName":"example.com","DomainType":"Authoritative","Default":true,"MatchSubDomains":false,"AddressBookEnabled":true}]"#.to_owned());
    let with = |mut files: Vec<(&'static str, String)>, more: &(&'static str, String)| {
        files.push(more.clone());
        files
    };
    let cases: Vec<Case<'_>> = vec![
        (
            "a rule whose end has passed",
            rules(&[rule("R", 0, &format!(r#"{wide},"ExpiryDate":"2026-11-01T00:00:00""#))]),
            "R",
            "expired",
            true,
        ),
        (
            "a rule that ends later",
            rules(&[rule("R", 0, &format!(r#"{wide},"ExpiryDate":"2026-12-01T00:00:00""#))]),
            "R",
            "expired",
            false,
        ),
        (
            "an entry that ended and is listed",
            entries(&[entry("ann@partner.example", "Allow", &ended)]),
            "ann@partner.example",
            "expired",
            true,
        ),
        (
            "an entry that ended after the export was taken",
            vec![("allow_block_list_2026-11-11.json", list(&[entry("ann@partner.example", "Allow", &ended)]))],
            "ann@partner.example",
            "expired",
            false,
        ),
        (
            "last used in summer",
            entries(&[entry("ann@partner.example", "Allow", &used("2026-07-01T08:00:00Z"))]),
            "ann@partner.example",
            "unused",
            true,
        ),
        (
            "last used last month",
            entries(&[entry("ann@partner.example", "Allow", &used("2026-10-18T08:00:00Z"))]),
            "ann@partner.example",
            "unused",
            false,
        ),
        (
            "never used, where the export shows use",
            entries(&[
                entry("ann@partner.example", "Allow", unused),
                entry("bob@partner.example", "Allow", &used("2026-11-18T08:00:00Z")),
            ]),
            "ann@partner.example",
            "unused",
            true,
        ),
        (
            "never used, where the export shows no use at all",
            entries(&[entry("ann@partner.example", "Allow", unused)]),
            "ann@partner.example",
            "unused",
            false,
        ),
        (
            "never used, and made last week",
            entries(&[
                entry("ann@partner.example", "Allow", fresh),
                entry("bob@partner.example", "Allow", &used("2026-11-18T08:00:00Z")),
            ]),
            "ann@partner.example",
            "unused",
            false,
        ),
        ("a rule within a wider one", rules(&[rule("Wide", 0, &wide), rule("Ann", 1, &ann)]), "Ann", "shadowed", true),
        ("the wider one itself", rules(&[rule("Wide", 0, &wide), rule("Ann", 1, &ann)]), "Wide", "shadowed", false),
        (
            "a wider one that is switched off",
            rules(&[rule("Wide", 0, &wide).replace("Enabled", "Disabled"), rule("Ann", 1, &ann)]),
            "Ann",
            "shadowed",
            false,
        ),
        (
            "a wider one that is over",
            rules(&[rule("Wide", 0, &format!(r#"{wide},"ExpiryDate":"2026-11-01T00:00:00""#)), rule("Ann", 1, &ann)]),
            "Ann",
            "shadowed",
            false,
        ),
        (
            "the second of two alike",
            rules(&[rule("First", 0, &ann), rule("Second", 1, &ann)]),
            "Second",
            "shadowed",
            true,
        ),
        (
            "the first of two alike",
            rules(&[rule("First", 0, &ann), rule("Second", 1, &ann)]),
            "First",
            "shadowed",
            false,
        ),
        (
            "one for a recipient does not cover one for all",
            rules(&[rule("To", 0, &ann_to), rule("Ann", 1, &ann)]),
            "Ann",
            "shadowed",
            false,
        ),
        (
            "after a rule that ends the processing",
            rules(&[
                rule("Stop", 0, r#""From":["ann@partner.example"],"StopRuleProcessing":true,"PrependSubject":"x""#),
                rule("Ann", 1, &ann),
            ]),
            "Ann",
            "shadowed",
            true,
        ),
        (
            "after one that ends it for other mail",
            rules(&[
                rule("Stop", 0, r#""From":["bob@partner.example"],"StopRuleProcessing":true,"PrependSubject":"x""#),
                rule("Ann", 1, &ann),
            ]),
            "Ann",
            "shadowed",
            false,
        ),
        (
            "before one that ends it",
            rules(&[
                rule("Ann", 0, &ann),
                rule("Stop", 1, r#""From":["ann@partner.example"],"StopRuleProcessing":true,"PrependSubject":"x""#),
            ]),
            "Ann",
            "shadowed",
            false,
        ),
        (
            "in a policy that is for nobody",
            policies(&[
                policy("Old", false, allowed),
                policy("Finance", false, r#""AllowedSenders":[]"#),
                scope_of("Finance", "Enabled", to_finance),
            ]),
            "ann@partner.example",
            "shadowed",
            true,
        ),
        (
            "in a policy whose rule is off",
            policies(&[policy("Finance", false, allowed), scope_of("Finance", "Disabled", to_finance)]),
            "ann@partner.example",
            "shadowed",
            true,
        ),
        (
            "in a policy for some",
            policies(&[policy("Finance", false, allowed), scope_of("Finance", "Enabled", to_finance)]),
            "ann@partner.example",
            "shadowed",
            false,
        ),
        (
            "in a policy without any rules exported",
            policies(&[policy("Finance", false, allowed)]),
            "ann@partner.example",
            "shadowed",
            false,
        ),
        (
            "after a preset for all domains",
            with(
                policies(&[
                    policy("Finance", false, allowed),
                    scope_of("Finance", "Enabled", to_finance),
                    preset(to_all),
                ]),
                &accepted,
            ),
            "ann@partner.example",
            "shadowed",
            true,
        ),
        (
            "after a preset for others",
            with(
                policies(&[
                    policy("Finance", false, allowed),
                    scope_of("Finance", "Enabled", to_finance),
                    preset(r#""SentTo":["ceo@example.com"]"#),
                ]),
                &accepted,
            ),
            "ann@partner.example",
            "shadowed",
            false,
        ),
        (
            "allowed and blocked",
            entries(&[entry("ann@partner.example", "Allow", &never), entry("ann@partner.example", "Block", &never)]),
            "ann@partner.example",
            "contradicting",
            true,
        ),
        (
            "allowed, and its domain blocked",
            entries(&[entry("ann@partner.example", "Allow", &never), entry("partner.example", "Block", &never)]),
            "ann@partner.example",
            "contradicting",
            true,
        ),
        (
            "a domain allowed, and one address of it blocked",
            entries(&[entry("partner.example", "Allow", &never), entry("bob@partner.example", "Block", &never)]),
            "partner.example",
            "contradicting",
            false,
        ),
        (
            "a block that is over",
            entries(&[entry("ann@partner.example", "Allow", &never), entry("partner.example", "Block", &ended)]),
            "ann@partner.example",
            "contradicting",
            false,
        ),
        (
            "allowed in one policy, blocked in another",
            policies(&[
                policy("A", false, allowed),
                policy("B", false, r#""BlockedSenders":["ann@partner.example"]"#),
                scope_of("A", "Enabled", r#""SentTo":["a@example.com"]"#),
                scope_of("B", "Enabled", r#""SentTo":["b@example.com"]"#),
            ]),
            "ann@partner.example",
            "contradicting",
            false,
        ),
    ];
    for (name, files, setting, fault, expected) in cases {
        let audit = audited_with(&files, &[]);
        assert_eq!(has_fault(&audit, setting, fault), expected, "{name}: {fault} {:?}", told(&audit));
    }
}

#[test]
fn ok_made() {
    let change = |at: &str, user: &str, operation: &str, object: &str, parameters: &str| {
        format!(
            r#"{{"CreationTime":"{at}","Id":"{at}{operation}","Operation":"{operation}","OrganizationId":"o","RecordType":1,"ResultStatus":"True","UserKey":"k","UserType":2,"Workload":"Exchange","ObjectId":"{object}","UserId":"{user}","Parameters":[{parameters}]}}"#
        )
    };
    let parameter = |name: &str, value: &str| format!(r#"{{"Name":"{name}","Value":"{value}"}}"#);
    let audit_log = list(&[
        change(
            "2026-09-01T08:00:00",
            "early@example.com",
            "New-TransportRule",
            "tenant.example\\\\Partner",
            &parameter("Name", "Partner"),
        ),
        change("2026-10-01T09:00:00", "late@example.com", "Set-TransportRule", "Partner", &parameter("SetSCL", "-1")),
        change(
            "2026-10-02T09:00:00",
            "other@example.com",
            "Set-TransportRule",
            "Partner two",
            &parameter("SetSCL", "-1"),
        ),
        change(
            "2026-10-03T09:00:00",
            "list@example.com",
            "New-TenantAllowBlockListItems",
            "",
            &[
                parameter("ListType", "Sender"),
                parameter("Entries", "ann@partner.example;bob@partner.example"),
                parameter("Allow", "True"),
            ]
            .join(","),
        ),
        change(
            "2026-10-04T09:00:00",
            "policy@example.com",
            "Set-HostedContentFilterPolicy",
            "Default",
            &[
                parameter("Identity", "Default"),
                parameter("AllowedSenders", "carl@partner.example;dora@partner.example"),
            ]
            .join(","),
        ),
    ]);
    let files = [
        (
            "transport_rules.json",
            list(&[rule("Partner", 0, &format!(r#""SenderDomainIs":["a.example"],{LETS_THROUGH}"#))]),
        ),
        (
            "allow_block_list.json",
            list(&[entry("ann@partner.example", "Allow", &format!(r#""NoExpiration":true,{MADE}"#))]),
        ),
        (
            "threat_policies.json",
            list(&[policy("Default", true, r#""AllowedSenders":["carl@partner.example","eve@partner.example"]"#)]),
        ),
        ("audit_log.json", audit_log),
    ];
    let audit = audited_with(&files, &[]);
    for (name, expected) in [
        (
            "Partner",
            "made by early@example.com 2026-09-01T08:00:00Z (New-TransportRule), last changed by late@example.com 2026-10-01T09:00:00Z (Set-TransportRule)",
        ),
        ("ann@partner.example", "allowed by list@example.com 2026-10-03T09:00:00Z (New-TenantAllowBlockListItems)"),
        ("carl@partner.example", "allowed by policy@example.com 2026-10-04T09:00:00Z (Set-HostedContentFilterPolicy)"),
        (
            "eve@partner.example",
            "who added it is not shown; \"Default\", which holds it, was last changed by policy@example.com 2026-10-04T09:00:00Z (Set-HostedContentFilterPolicy)",
        ),
    ] {
        let one = audit.all.iter().find(|one| one.name == name).unwrap_or_else(|| panic!("{name}: {:?}", told(&audit)));
        assert_eq!(one.made.as_deref(), Some(expected), "{name}");
        assert!(
            one.cites.iter().any(|cite| &*cite.file == "audit_log.json"),
            "{name}: the record of the change is cited"
        );
    }
}

fn approval(scope: &str, ends: &str) -> Approval {
    let text = format!(
        r#"{{"schema":"throughline.approval.v1","who":"Dana Example","role":"head of security","when":"2026-10-01T00:00:00Z","scope":[{scope}],"ends":"{ends}","reason":"invoices were held","sample_sha256":"{}"}}"#,
        "ab".repeat(32)
    );
    Approval::recorded(&Input { name: "approval.json".into(), bytes: text.as_bytes() }, &clock()).expect("an approval")
}

#[test]
fn ok_wider_than_approved() {
    let command = |text: &str| format!("{text:?}");
    let ann = "New-TransportRule -Name Partner -From ann@partner.example -SentTo bob@example.com -SetSCL -1 -ExpiryDate 2026-12-01";
    let of_rule = |more: &str| vec![("transport_rules.json", list(&[rule("Partner", 0, more)]))];
    let narrow = format!(
        r#""From":["ann@partner.example"],"SentTo":["bob@example.com"],"ExpiryDate":"2026-12-01T00:00:00",{LETS_THROUGH}"#
    );
    for (name, files, scope, ends, fault, approved) in [
        ("as approved", of_rule(&narrow), ann, "2026-12-01T00:00:00Z", false, true),
        (
            "without its recipient",
            of_rule(&format!(r#""From":["ann@partner.example"],"ExpiryDate":"2026-12-01T00:00:00",{LETS_THROUGH}"#)),
            ann,
            "2026-12-01T00:00:00Z",
            true,
            false,
        ),
        (
            "without its end",
            of_rule(&format!(r#""From":["ann@partner.example"],"SentTo":["bob@example.com"],{LETS_THROUGH}"#)),
            ann,
            "2026-12-01T00:00:00Z",
            true,
            false,
        ),
        (
            "for the whole domain",
            of_rule(&format!(
                r#""SenderDomainIs":["partner.example"],"ExpiryDate":"2026-12-01T00:00:00",{LETS_THROUGH}"#
            )),
            ann,
            "2026-12-01T00:00:00Z",
            true,
            false,
        ),
        ("after the approval ended", of_rule(&narrow), ann, "2026-11-10T00:00:00Z", true, false),
        (
            "approved for somebody else",
            of_rule(&narrow),
            "New-TransportRule -Name Other -From carl@other.example -SentTo bob@example.com -SetSCL -1 -ExpiryDate 2026-12-01",
            "2026-12-01T00:00:00Z",
            false,
            false,
        ),
    ] {
        let audit = audited_with(&files, &[approval(&command(scope), ends)]);
        assert_eq!(has_fault(&audit, "Partner", "wider-than-approved"), fault, "{name}: {:?}", audit.all[0].faults);
        assert_eq!(audit.all[0].approved.is_some(), approved, "{name}");
    }
}

#[test]
fn ok_ranked_by_what_came_in() {
    let files = [(
        "transport_rules.json",
        list(&[
            rule("A quiet", 0, &format!(r#""SenderDomainIs":["quiet.example"],{LETS_THROUGH}"#)),
            rule("B busy", 1, &format!(r#""SenderDomainIs":["busy.example"],{LETS_THROUGH}"#)),
            rule("C bad", 2, &format!(r#""SenderDomainIs":["bad.example"],{LETS_THROUGH}"#)),
            rule("D held", 3, &format!(r#""SenderDomainIs":["held.example"],{LETS_THROUGH}"#)),
        ]),
    )];
    let audit = audited_with(&files, &[]);
    assert_eq!(
        told(&audit),
        ["A quiet Broad", "B busy Broad", "C bad Broad", "D held Broad"],
        "by name while nothing is measured"
    );
    let radius = |scope: &exceptions::Scope| match scope.to_string() {
        text if text.contains("busy") => Radius { messages: 900, senders: 3, recipients: 40, ..Radius::default() },
        text if text.contains("bad") => {
            Radius { messages: 20, judged: [(Judged::Phish, 4)].into(), ..Radius::default() }
        }
        text if text.contains("held") => Radius { messages: 5, kept_out: 5, ..Radius::default() },
        _ => Radius::default(),
    };
    let measured = |from: &str, rows: u64, gaps: Vec<(Timestamp, Timestamp)>| Measured {
        radii: audit.scopes.iter().map(radius).collect(),
        history: History {
            from: from.parse().ok(),
            to: NOW.parse().ok(),
            rows: [("exchange-online/message-trace", rows)].into(),
            gaps,
            ..History::default()
        },
    };
    let ranked = audit.clone().with_radii(&measured("2026-10-10T00:00:00Z", 1000, Vec::new()));
    assert_eq!(told(&ranked), ["D held Broad", "C bad Broad", "B busy Broad", "A quiet Broad: unused"]);
    let short = audit.clone().with_radii(&measured("2026-11-10T00:00:00Z", 1000, Vec::new()));
    assert_eq!(told(&short).last().map(String::as_str), Some("A quiet Broad"), "ten days do not tell");
    let instant = |text: &str| text.parse::<Timestamp>().expect("an instant");
    let gap = vec![(instant("2026-10-12T00:00:00Z"), instant("2026-11-12T00:00:00Z"))];
    let gappy = audit.clone().with_radii(&measured("2026-10-10T00:00:00Z", 1000, gap));
    assert_eq!(told(&gappy).last().map(String::as_str), Some("A quiet Broad"), "a month is missing");
    let empty = audit.clone().with_radii(&measured("2026-10-10T00:00:00Z", 0, Vec::new()));
    assert!(empty.all.iter().all(|one| one.radius.is_none()), "a history without rows measures nothing");
}

#[test]
fn ok_instead() {
    for (name, files, setting, proposed, advised) in [
        (
            "an allowed address gets an entry that ends",
            vec![(
                "threat_policies.json",
                list(&[policy("Default", true, r#""AllowedSenders":["ann@partner.example"]"#)]),
            )],
            "ann@partner.example",
            true,
            false,
        ),
        (
            "of a domain nobody knows which address",
            vec![(
                "threat_policies.json",
                list(&[policy("Default", true, r#""AllowedSenderDomains":["partner.example"]"#)]),
            )],
            "partner.example",
            false,
            true,
        ),
        (
            "what is narrow stays",
            vec![(
                "allow_block_list.json",
                list(&[entry(
                    "ann@partner.example",
                    "Allow",
                    &format!(r#""ExpirationDate":"2026-12-01T08:00:00Z",{MADE}"#),
                )]),
            )],
            "ann@partner.example",
            false,
            false,
        ),
    ] {
        let audit = audited_with(&files, &[]);
        let one =
            audit.all.iter().find(|one| one.name == setting).unwrap_or_else(|| panic!("{name}: {:?}", told(&audit)));
        assert_eq!((!one.instead.is_empty(), one.advice.is_some()), (proposed, advised), "{name}: {:?}", one.advice);
        for proposal in &one.instead {
            let checked = proposal.exception.checked();
            assert_eq!(checked.answer, Answer::Narrow, "{name}");
            assert!(
                proposal.doing.command.is_some() && proposal.undoing.command.is_some(),
                "{name}: {}",
                proposal.what
            );
            assert!(!proposal.works.what.is_empty() && !proposal.holds.what.is_empty(), "{name}");
        }
    }
}

#[test]
fn ok_mimecast() {
    let policy = |id: &str, name: &str, option: &str, from: &str| {
        format!(
            r#"{{"id":"{id}","option":"{option}","policy":{{"description":"{name}","enabled":true,"enforced":false,"override":false,"bidirectional":false,"fromPart":"envelope_from","from":{from},"to":{{"type":"everyone"}},"fromEternal":true,"toEternal":true,"fromDate":"1900-01-01T00:00:00+0000","toDate":"2100-01-01T23:59:59+0000","createTime":"2026-01-10T08:00:00+0000","lastUpdated":"2026-05-02T08:10:00+0000"}}}}"#
        )
    };
    let domain = r#"{"type":"email_domain","emailDomain":"partner.example"}"#;
    let address = r#"{"type":"individual_email_address","emailAddress":"ann@partner.example"}"#;
    let of = |policies: &[String]| format!(r#"{{"meta":{{"status":200}},"data":[{}],"fail":[]}}"#, policies.join(","));
    let files = [(
        "get-policy.json",
        of(&[
            policy("p1", "Partner", "permit_sender", domain),
            policy("p2", "Ann", "permit_sender", address),
            policy("p3", "Not Ann", "block_sender", address),
        ]),
    )];
    let audit = audited_with(&files, &[]);
    assert!(
        audit.all.iter().any(|one| one.name == "partner.example" && one.answer == Answer::Broad),
        "{:?}",
        told(&audit)
    );
    assert!(has_fault(&audit, "ann@partner.example", "contradicting"), "{:?}", told(&audit));
    assert!(has_fault(&audit, "ann@partner.example", "shadowed"), "{:?}", told(&audit));
    assert!(!has_fault(&audit, "partner.example", "contradicting"), "{:?}", told(&audit));
}

#[test]
fn ok_servers_of_ones_own() {
    let map = "ann@partner.example\t\tOK\npartner.example\t\tOK\n.campaign.example\t\tDUNNO\ncarl@other.example\t\tREJECT no\n";
    let other = "198.51.100.0/24\t\tpermit\n192.0.2.7\t\treject\n";
    for (name, files, expected) in [
        ("an access map", vec![("sender_access", map.to_owned())], vec!["partner.example", "ann@partner.example"]),
        (
            "two maps of different days are two lists",
            vec![("sender_access_2026-11-01", map.to_owned()), ("postscreen_access_2026-05-01.cidr", other.to_owned())],
            vec!["partner.example", "198.51.100.0/24", "ann@partner.example"],
        ),
        (
            "of one map the newer counts",
            vec![
                ("sender_access_2026-11-01", map.to_owned()),
                (
                    "sender_access_2026-11-08",
                    "# mended\nann@partner.example\t\tOK\nother.example\t\tREJECT no\n".to_owned(),
                ),
            ],
            vec!["ann@partner.example"],
        ),
    ] {
        let audit = audited_with(&files, &[]);
        let mut names: Vec<&str> = audit.all.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        let mut expected: Vec<&str> = expected;
        expected.sort_unstable();
        assert_eq!(names, expected, "{name}: {:?}", told(&audit));
    }
}

/// Two thousand entries that name each other's domains are compared in bounded time.
#[test]
fn long_lists_are_weighed_in_time() {
    let rows: Vec<String> = (0..1_000)
        .flat_map(|at| {
            let never = format!(r#""NoExpiration":true,{MADE}"#);
            [entry(&format!("a{at}@d{at}.example"), "Allow", &never), entry(&format!("d{at}.example"), "Allow", &never)]
        })
        .collect();
    let begun = std::time::Instant::now();
    let audit = audited_with(&[("allow_block_list.json", list(&rows))], &[]);
    assert_eq!(audit.all.len(), 2_000);
    assert_eq!(audit.all.iter().filter(|one| one.faults.iter().any(|fault| fault.id == "shadowed")).count(), 1_000);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
