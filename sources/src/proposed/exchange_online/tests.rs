use evidence::{Condition, ListWord, Property, Setting};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::{About, read};
use super::*;
use crate::Input;

fn candidate(text: &str) -> Candidate {
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH };
    read(&Input { name: FileName::from("change.ps1".to_owned()), bytes: text.as_bytes() }, &clock)
}

fn list(properties: &[Property]) -> String {
    let one = |property: &Property| format!("{}={}", property.name, property.values.join("|"));
    properties.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn conditions(mark: &str, conditions: &[Condition]) -> String {
    conditions.iter().map(|one| format!(" {mark}{}={}", one.name, one.values.join("|"))).collect()
}

fn in_words(setting: &Setting) -> String {
    let mut said = format!("{:?} {}", setting.class, setting.name);
    if let Some(entry) = &setting.entry {
        let says = match &entry.says {
            ListWord::Allow => "allow",
            ListWord::Block => "block",
            ListWord::Other(word) => word,
        };
        said.push_str(&format!(" <{says} {} {}>", entry.on, entry.value));
    }
    said.push_str(&conditions("+", &setting.conditions));
    said.push_str(&conditions("-", &setting.exceptions));
    if let Some(expires) = &setting.expires {
        said.push_str(&format!(" until {}", expires.at));
    }
    if !setting.properties.is_empty() {
        said.push_str(&format!(" [{}]", list(&setting.properties)));
    }
    said
}

/// The steps and the unread parts of a text, a line each.
fn told(text: &str) -> Vec<String> {
    let candidate = candidate(text);
    let steps = candidate.steps.iter().map(|step| {
        let about = match &step.about {
            About::Setting(setting) => in_words(setting),
            About::Act(act) => format!("{} [{}]", act.object.as_deref().unwrap_or_default(), list(&act.details)),
        };
        let replaces =
            if step.replaces.is_empty() { String::new() } else { format!(" replaces {}", step.replaces.join(",")) };
        format!("{} {} {:?}: {about}{replaces}", step.line, step.operation, step.kind)
    });
    let unread =
        candidate.unread.iter().map(|one| format!("{} unread: {}, found {}", one.line, one.expected, one.found));
    steps.chain(unread).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected, "{text}");
}

#[test]
fn ok_entries() {
    check(
        "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries 'ann@vendor.example','bob@vendor.example' -RemoveAfter 45",
        &[
            "1 New-TenantAllowBlockListItems Created: ListEntry ann@vendor.example <allow sender ann@vendor.example> [Action=Allow ListType=Sender RemoveAfter=45]",
            "1 New-TenantAllowBlockListItems Created: ListEntry bob@vendor.example <allow sender bob@vendor.example> [Action=Allow ListType=Sender RemoveAfter=45]",
        ],
    );
}

#[test]
fn see() {
    for text in [
        // disguises
        "New-TransportRule x -From ‘a@b.example’ –SetSCL –1",
        "new-transportrule -name:x -senderdom 'vendor.example' -setscl:-1",
        "New-Trans`portRule x -From a@b.example",
        "New-TransportRule x `\r\n  -SenderDomainIs vendor.example `\r\n  -SetSCL -1\r\n",
        "$d = 'vendor.example'; New-TransportRule x -SenderDomainIs $d -SetSCL -1",
        "$d = 'vendor'; New-TransportRule x -SenderDomainIs \"$d.example\" -SetSCL -1",
        "New-TransportRule x -SenderDomainIs ('vendor' + '.example') -SetSCL -1",
        "New-TransportRule x -SenderDomainIs $unknown -SetSCL -1",
        "$l = @('a.example'\n'b.example')\nSet-HostedContentFilterPolicy Default -AllowedSenderDomains @{add=$l}",
        "$l = 'a.example','b.example'\n$l += 'c.example'\nNew-TransportRule x -SenderDomainIs $l",
        "& 'New-TransportRule' x",
        "& { New-TransportRule x }",
        "'a','b' | ForEach-Object { New-TransportRule $_ }",
        "foreach ($x in 1..3) { New-TransportRule $x }",
        "powershell -EncodedCommand SQBFAFgA",
        "Invoke-Expression \"New-TransportRule x\"",
        "$r = New-TransportRule x -From a@b.example | Out-Null",
        "New-TransportRule x -From a@b.example > $null 2>&1",
        "Connect-ExchangeOnline -UserPrincipalName a@example.com\nWrite-Host \"doing it\"\nSet-TransportRule x -Priority 0\nGet-TransportRule x | Format-List *",
        "Get-TransportRule | Where-Object {$_.Name -eq 'x'} | Format-Table",
        "New-TransportRule x -Comments @'\nit's \"fine\"; Remove-TransportRule y\n'@ -From a@b.example",
        "# New-TransportRule x\n<# Remove-TransportRule y #>\nRemove-TransportRule z",
        "New-TransportRule x -ExpiryDate (Get-Date).AddDays(30) -From a@b.example",
        "New-TransportRule x -ExpiryDate (Get-Date '9/20/2026 10:00').ToUniversalTime() -From a@b.example",
        "$end=(Get-Date).AddDays(30).ToUniversalTime(); New-TenantAllowBlockListItems -ListType Url -Allow -Entries 'vendor.example/a' -ExpirationDate $end",
        "New-TenantAllowBlockListItems -ListType IP -Block -Entries 2001:db8::/32 -NoExpiration",
        "New-TenantAllowBlockListItems -ListType Sender -Entries a@b.example",
        "Remove-TenantAllowBlockListItems -ListType Sender -Entries a@b.example",
        "Set-TenantAllowBlockListItems -ListType Sender -Ids RgAAA -NoExpiration",
        "Set-TenantAllowBlockListSpoofItems -Identity domain\\Default -Ids 123 -Action Allow",
        "Set-TransportRule x -F a@b.example",
        "Set-TransportRule x -SetSCL -1 -WhatIf",
        "Set-TransportRule -SetSCL -1",
        "Set-TransportRule x -SentTo @{Add='a@example.com'",
        "Set-TransportRule x -SentTo 'a@example.com",
        "-From a@b.example",
        "New-FooRule x",
        "PS C:\\> Remove-TransportRule x",
        "Set-TransportRule x -Enabled $false",
        "New-TransportRule x -Enabled $false -Mode Audit -From a@b.example",
        "Set-HostedContentFilterPolicy Default -AllowedSenderDomains $null",
        "Set-TransportRule x -ExpiryDate $null",
        "Release-QuarantineMessage -Identity a\\b -ReleaseToAll -AllowSender -Force",
        "Release-QuarantineMessage -Identities a\\b,c\\d -ReleaseToAll -Identity 0",
        "Get-QuarantineMessage -SenderAddress a@b.example | Release-QuarantineMessage -ReleaseToAll",
        "New-TransportRule x -From a@b.example && Disable-TransportRule y",
        "Set-HostedContentFilterPolicy Default -Allow a@b.example",
    ] {
        println!("{text}");
        for line in told(text) {
            println!("    {line}");
        }
    }
}
