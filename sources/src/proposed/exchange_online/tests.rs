use evidence::{Condition, ListWord, Property, Setting};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::{About, read};
use super::*;
use crate::Input;

fn clock() -> Clock {
    Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH }
}

fn candidate(text: &str) -> Candidate {
    read(&Input { name: FileName::from("change.ps1".to_owned()), bytes: text.as_bytes() }, &clock())
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
    if let Some(policy) = &setting.policy {
        said.push_str(&format!(" of {policy}"));
    }
    if let Some(priority) = setting.priority {
        said.push_str(&format!(" #{priority}"));
    }
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
    for (text, expected) in [
        (
            "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries 'ann@vendor.example','bob@vendor.example' -ExpirationDate 2026-09-20 -Notes \"T-1\"",
            &[
                "1 New-TenantAllowBlockListItems Created: ListEntry ann@vendor.example <allow sender ann@vendor.example> until 2026-09-20T00:00:00Z [Action=Allow ExpirationDate=2026-09-20 ListType=Sender Notes=T-1]",
                "1 New-TenantAllowBlockListItems Created: ListEntry bob@vendor.example <allow sender bob@vendor.example> until 2026-09-20T00:00:00Z [Action=Allow ExpirationDate=2026-09-20 ListType=Sender Notes=T-1]",
            ][..],
        ),
        (
            "New-TenantAllowBlockListItems -ListType Url -Allow -Entries vendor.example/quotes -RemoveAfter 45",
            &[
                "1 New-TenantAllowBlockListItems Created: ListEntry vendor.example/quotes <allow url vendor.example/quotes> [Action=Allow ListType=Url RemoveAfter=45]",
            ][..],
        ),
        (
            "New-TenantAllowBlockListItems -ListType IP -Block -Entries 2001:db8::/32 -NoExpiration",
            &[
                "1 New-TenantAllowBlockListItems Created: ListEntry 2001:db8::/32 <block connecting address 2001:db8::/32> [Action=Block ListType=IP NoExpiration=true]",
            ][..],
        ),
        (
            "New-TenantAllowBlockListItems -ListType Sender -Allow:$true -Block:$false -Entries vendor.example -ExpirationDate '8/20/2026 9:30 AM'",
            &[
                "1 New-TenantAllowBlockListItems Created: ListEntry vendor.example <allow sender vendor.example> until 2026-08-20T09:30:00Z [Action=Allow ExpirationDate=8/20/2026 9:30 AM ListType=Sender]",
            ][..],
        ),
        (
            "$end = (Get-Date).AddDays(30).ToUniversalTime()\nNew-TenantAllowBlockListItems -ListType FileHash -Allow -Entries 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 -ExpirationDate $end",
            &[
                "2 New-TenantAllowBlockListItems Created: ListEntry 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 <allow file hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08> [Action=Allow ExpirationDate=(Get-Date).AddDays(30).ToUniversalTime() ListType=FileHash]",
            ][..],
        ),
        (
            "Set-TenantAllowBlockListItems -ListType Sender -Ids RgAAA -NoExpiration",
            &["1 Set-TenantAllowBlockListItems Changed: ListEntry RgAAA [ListType=Sender NoExpiration=true]"][..],
        ),
        (
            "Remove-TenantAllowBlockListItems -ListType Sender -Entries ann@vendor.example",
            &[
                "1 Remove-TenantAllowBlockListItems Removed: ListEntry ann@vendor.example < sender ann@vendor.example> [ListType=Sender]",
            ][..],
        ),
        (
            "New-TenantAllowBlockListSpoofItems -Identity Default -SpoofedUser vendor.example -SendingInfrastructure 203.0.113.0/24 -SpoofType External -Action Allow",
            &[
                "1 New-TenantAllowBlockListSpoofItems Created: SpoofEntry vendor.example, 203.0.113.0/24 <allow spoofed sender and sending infrastructure vendor.example, 203.0.113.0/24> +SpoofedUser=vendor.example +SendingInfrastructure=203.0.113.0/24 [Action=Allow SpoofType=External]",
            ][..],
        ),
        (
            "Set-TenantAllowBlockListSpoofItems -Identity domain\\Default -Ids 123 -Action Allow",
            &["1 Set-TenantAllowBlockListSpoofItems Changed: SpoofEntry 123 [Action=Allow]"][..],
        ),
        (
            "Remove-TenantAllowBlockListSpoofItems Default -Ids 123,124",
            &[
                "1 Remove-TenantAllowBlockListSpoofItems Removed: SpoofEntry 123",
                "1 Remove-TenantAllowBlockListSpoofItems Removed: SpoofEntry 124",
            ][..],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn ok_rules() {
    for (text, expected) in [
        (
            "New-TransportRule 'T-1' -From ann@vendor.example -SentTo bob@example.com -HeaderContainsMessageHeader Authentication-Results -HeaderContainsWords 'dmarc=pass' -SetSCL -1 -ExpiryDate '9/20/2026 10:00 AM' -Confirm:$false",
            &[
                "1 New-TransportRule Created: TransportRule T-1 +From=ann@vendor.example +SentTo=bob@example.com +HeaderContainsMessageHeader=Authentication-Results +HeaderContainsWords=dmarc=pass until 2026-09-20T10:00:00Z [ExpiryDate=9/20/2026 10:00 AM Mode=Enforce SetSCL=-1 State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x -Enabled $false -Mode Audit -Priority 0 -SenderDomainIs vendor.example",
            &[
                "1 New-TransportRule Created: TransportRule x #0 +SenderDomainIs=vendor.example [Mode=Audit State=Disabled]",
            ][..],
        ),
        (
            "Set-TransportRule x -ExceptIfFrom ann@vendor.example -Priority 3",
            &["1 Set-TransportRule Changed: TransportRule x #3 -ExceptIfFrom=ann@vendor.example replaces ExceptIfFrom"]
                [..],
        ),
        (
            "Set-TransportRule x -SentTo $null -ExceptIfFrom @{Remove='ann@vendor.example'}",
            &[
                "1 Set-TransportRule Changed: TransportRule x [SentTo=] replaces SentTo",
                "1 Set-TransportRule -ExceptIfFrom @{Remove} Other: TransportRule x -ExceptIfFrom=ann@vendor.example",
            ][..],
        ),
        (
            "Set-TransportRule x -SubjectContainsWords @{Add='a','b'} -Name y",
            &["1 Set-TransportRule Changed: TransportRule x +SubjectContainsWords=a|b [NewName=y]"][..],
        ),
        ("Set-TransportRule x -ExpiryDate $null", &["1 Set-TransportRule Changed: TransportRule x [ExpiryDate=]"][..]),
        (
            "Disable-TransportRule x; Enable-TransportRule y; Remove-TransportRule z",
            &[
                "1 Disable-TransportRule Disabled: TransportRule x",
                "1 Enable-TransportRule Enabled: TransportRule y",
                "1 Remove-TransportRule Removed: TransportRule z",
            ][..],
        ),
        (
            "New-TransportRule x -From ann@vendor.example && Disable-TransportRule y",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce State=Enabled]",
                "1 Disable-TransportRule Disabled: TransportRule y",
            ][..],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn ok_policies() {
    for (text, expected) in [
        (
            "Set-HostedContentFilterPolicy Default -AllowedSenderDomains @{Add='vendor.example';Remove='old.example'}",
            &[
                "1 Set-HostedContentFilterPolicy Changed: AntiSpam Default [AllowedSenderDomains=vendor.example]",
                "1 Set-HostedContentFilterPolicy Changed: SenderPolicy vendor.example of Default <allow sender domain vendor.example>",
                "1 Set-HostedContentFilterPolicy Removed: SenderPolicy old.example of Default <allow sender domain old.example>",
            ][..],
        ),
        (
            "Set-HostedContentFilterPolicy -Identity Default -AllowedSenders ann@vendor.example",
            &[
                "1 Set-HostedContentFilterPolicy Changed: AntiSpam Default [AllowedSenders=ann@vendor.example] replaces AllowedSenders",
                "1 Set-HostedContentFilterPolicy Changed: SenderPolicy ann@vendor.example of Default <allow sender ann@vendor.example> replaces AllowedSenders",
            ][..],
        ),
        (
            "Set-HostedContentFilterPolicy Default -AllowedSenderDomains $null",
            &[
                "1 Set-HostedContentFilterPolicy Changed: AntiSpam Default [AllowedSenderDomains=] replaces AllowedSenderDomains",
            ][..],
        ),
        (
            "Set-HostedContentFilterPolicy Default -PhishSpamAction MoveToJmf -PhishZapEnabled 0",
            &[
                "1 Set-HostedContentFilterPolicy Changed: AntiSpam Default [PhishSpamAction=MoveToJmf PhishZapEnabled=false]",
            ][..],
        ),
        (
            "Set-HostedConnectionFilterPolicy Default -IPAllowList @{Add='192.0.2.7'} -EnableSafeList 1",
            &[
                "1 Set-HostedConnectionFilterPolicy Changed: ConnectionFilter Default [EnableSafeList=true IPAllowList=192.0.2.7]",
                "1 Set-HostedConnectionFilterPolicy Changed: ConnectionFilter 192.0.2.7 of Default <allow connecting address 192.0.2.7>",
            ][..],
        ),
        (
            "New-HostedContentFilterRule x -HostedContentFilterPolicy p -SentTo bob@example.com",
            &["1 New-HostedContentFilterRule Created: AntiSpam x of p +SentTo=bob@example.com [State=Enabled]"][..],
        ),
        (
            "Set-AntiPhishPolicy p -ExcludedSenders @{Add='ann@vendor.example'}",
            &[
                "1 Set-AntiPhishPolicy Changed: AntiPhish p [ExcludedSenders=ann@vendor.example]",
                "1 Set-AntiPhishPolicy Changed: SenderPolicy ann@vendor.example of p <allow sender, from impersonation protection ann@vendor.example>",
            ][..],
        ),
        ("Disable-AntiPhishRule x", &["1 Disable-AntiPhishRule Disabled: AntiPhish x"][..]),
        (
            "Set-MalwareFilterPolicy Default -EnableFileFilter $false",
            &["1 Set-MalwareFilterPolicy Changed: AntiMalware Default [EnableFileFilter=false]"][..],
        ),
        (
            "Set-SafeLinksPolicy p -DoNotRewriteUrls @{Add='*.vendor.example/*'}",
            &["1 Set-SafeLinksPolicy Changed: UrlProtection p [DoNotRewriteUrls=*.vendor.example/*]"][..],
        ),
        (
            "Set-SafeLinksPolicy p -DoNotRewriteUrls @{Remove='*.vendor.example/*'}",
            &[
                "1 Set-SafeLinksPolicy -DoNotRewriteUrls @{Remove} Other: UrlProtection p [DoNotRewriteUrls=*.vendor.example/*]",
            ][..],
        ),
        (
            "Set-SafeAttachmentPolicy p -Enable $false",
            &["1 Set-SafeAttachmentPolicy Changed: AttachmentProtection p [Enable=false]"][..],
        ),
        (
            "New-HostedOutboundSpamFilterPolicy p -AutoForwardingMode On; New-HostedOutboundSpamFilterRule r -HostedOutboundSpamFilterPolicy p -From ann@example.com",
            &[
                "1 New-HostedOutboundSpamFilterPolicy Created: OutboundSpam p [AutoForwardingMode=On]",
                "1 New-HostedOutboundSpamFilterRule Created: OutboundSpam r of p +From=ann@example.com [State=Enabled]",
            ][..],
        ),
        (
            "Set-QuarantinePolicy p -EndUserQuarantinePermissionsValue 7",
            &["1 Set-QuarantinePolicy Changed: QuarantinePolicy p [EndUserQuarantinePermissionsValue=7]"][..],
        ),
        (
            "Disable-EOPProtectionPolicyRule 'Standard Preset Security Policy'; Set-ATPProtectionPolicyRule 'Strict Preset Security Policy' -ExceptIfSentTo bob@example.com",
            &[
                "1 Disable-EOPProtectionPolicyRule Disabled: Preset Standard Preset Security Policy",
                "1 Set-ATPProtectionPolicyRule Changed: Preset Strict Preset Security Policy -ExceptIfSentTo=bob@example.com replaces ExceptIfSentTo",
            ][..],
        ),
        (
            "New-PhishSimOverridePolicy PhishSimOverridePolicy; New-ExoPhishSimOverrideRule -Policy PhishSimOverridePolicy -Domains vendor.example -SenderIpRanges 192.0.2.1",
            &[
                "1 New-PhishSimOverridePolicy Created: Other(\"phishing simulation override policy\") PhishSimOverridePolicy",
                "1 New-ExoPhishSimOverrideRule Created: Other(\"phishing simulation override\") PhishSimOverridePolicy of PhishSimOverridePolicy +Domains=vendor.example +SenderIpRanges=192.0.2.1 [State=Enabled]",
            ][..],
        ),
        (
            "Set-ExoPhishSimOverrideRule q -AddDomains vendor.example -RemoveSenderIpRanges 192.0.2.1",
            &[
                "1 Set-ExoPhishSimOverrideRule Changed: Other(\"phishing simulation override\") q +Domains=vendor.example",
                "1 Set-ExoPhishSimOverrideRule -SenderIpRanges @{Remove} Other: Other(\"phishing simulation override\") q +SenderIpRanges=192.0.2.1",
            ][..],
        ),
        (
            "New-SecOpsOverridePolicy SecOpsOverridePolicy -SentTo soc@example.com",
            &[
                "1 New-SecOpsOverridePolicy Created: Other(\"security operations override\") SecOpsOverridePolicy [SentTo=soc@example.com]",
            ][..],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn ok_routes_and_mailboxes() {
    for (text, expected) in [
        (
            "Set-InboundConnector gateway -EFSkipIPs @{Add='192.0.2.1'}",
            &["1 Set-InboundConnector Changed: InboundConnector gateway [EFSkipIPs=192.0.2.1]"][..],
        ),
        (
            "Set-InboundConnector gateway -EFSkipIPs 192.0.2.1 -TreatMessagesAsInternal $true",
            &[
                "1 Set-InboundConnector Changed: InboundConnector gateway [EFSkipIPs=192.0.2.1 TreatMessagesAsInternal=true] replaces EFSkipIPs",
            ][..],
        ),
        (
            "New-InboundConnector gateway -ConnectorType Partner -SenderDomains * -RestrictDomainsToCertificate $true -TlsSenderCertificateName mx.vendor.example",
            &[
                "1 New-InboundConnector Created: InboundConnector gateway +SenderDomains=* +TlsSenderCertificateName=mx.vendor.example [ConnectorType=Partner Enabled=true RestrictDomainsToCertificate=true]",
            ][..],
        ),
        (
            "Set-OutboundConnector out -UseMXRecord $false -SmartHosts gate.example.net",
            &[
                "1 Set-OutboundConnector Changed: OutboundConnector out [SmartHosts=gate.example.net UseMXRecord=false] replaces SmartHosts",
            ][..],
        ),
        (
            "Set-ArcConfig -Identity Default -ArcTrustedSealers a.example,b.example",
            &[
                "1 Set-ArcConfig Changed: Other(\"trusted ARC sealers\") Default [ArcTrustedSealers=a.example|b.example] replaces ArcTrustedSealers",
            ][..],
        ),
        (
            "Set-OrganizationConfig -RejectDirectSend $false",
            &["1 Set-OrganizationConfig Changed: Organisation  [RejectDirectSend=false]"][..],
        ),
        (
            "Set-RemoteDomain Default -AutoForwardEnabled 1",
            &["1 Set-RemoteDomain Changed: RemoteDomain Default [AutoForwardEnabled=true Identity=Default]"][..],
        ),
        (
            "Set-MailboxJunkEmailConfiguration bob@example.com -TrustedSendersAndDomains @{Add='vendor.example'}",
            &[
                "1 Set-MailboxJunkEmailConfiguration Changed: JunkFilter bob@example.com [TrustedSendersAndDomains=vendor.example]",
                "1 Set-MailboxJunkEmailConfiguration Changed: UserListEntry vendor.example of bob@example.com <allow sender or sender domain vendor.example>",
            ][..],
        ),
        (
            "Set-Mailbox bob@example.com -ForwardingSmtpAddress ann@vendor.example -DeliverToMailboxAndForward $true",
            &[
                "1 Set-Mailbox Changed: Mailbox bob@example.com [DeliverToMailboxAndForward=true ForwardingSmtpAddress=ann@vendor.example]",
                "1 Set-Mailbox Changed: Forwarding ann@vendor.example [DeliverToMailboxAndForward=true ForwardingSmtpAddress=ann@vendor.example]",
            ][..],
        ),
        (
            "New-InboxRule -Mailbox bob@example.com -Name x -From ann@vendor.example -MoveToFolder 'bob@example.com:\\Inbox'",
            &[
                "1 New-InboxRule Created: MailboxRule x +From=ann@vendor.example [Enabled=true Mailbox=bob@example.com MoveToFolder=bob@example.com:\\Inbox]",
            ][..],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn ok_releases() {
    for (text, expected) in [
        (
            "Release-QuarantineMessage -Identity 'a\\b' -User bob@example.com -ReportFalsePositive",
            &["1 Release-QuarantineMessage Other: a\\b [Identity=a\\b User=bob@example.com ReportFalsePositive=True]"]
                [..],
        ),
        (
            "Release-QuarantineMessage a\\b -ReleaseToAll -AllowSender -Force",
            &["1 Release-QuarantineMessage Other: a\\b [ReleaseToAll=True AllowSender=True Force=True Identity=a\\b]"]
                [..],
        ),
        (
            "Release-QuarantineMessage -Identities a\\b,c\\d -ReleaseToAll -Identity 0",
            &[
                "1 Release-QuarantineMessage Other: a\\b [ReleaseToAll=True Identity=0]",
                "1 Release-QuarantineMessage Other: c\\d [ReleaseToAll=True Identity=0]",
            ][..],
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn ok_disguised() {
    for (text, expected) in [
        (
            "new-transportrule -name:x -senderdom 'vendor.example' -setscl:-1",
            &[
                "1 New-TransportRule Created: TransportRule x +SenderDomainIs=vendor.example [Mode=Enforce SetSCL=-1 State=Enabled]",
            ][..],
        ),
        (
            "New-Trans`portRule x -From 'ann@vendor.example'",
            &["1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce State=Enabled]"][..],
        ),
        (
            "New-TransportRule x –From ‘ann@vendor.example’ –SetSCL –1",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce SetSCL=-1 State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x `\r\n  -SenderDomainIs vendor.example `\r\n  -SetSCL -1\r\n",
            &[
                "1 New-TransportRule Created: TransportRule x +SenderDomainIs=vendor.example [Mode=Enforce SetSCL=-1 State=Enabled]",
            ][..],
        ),
        (
            "PS C:\\Users\\ann> New-TransportRule x -From ann@vendor.example",
            &["1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce State=Enabled]"][..],
        ),
        (
            "```powershell\nNew-TransportRule x -From ann@vendor.example\n```\n",
            &["2 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce State=Enabled]"][..],
        ),
        (
            "New-TransportRule x -From \"ann@vendor.example\" <# for a while #> -SetSCL -1 # T-1; Remove-TransportRule x",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce SetSCL=-1 State=Enabled]",
            ][..],
        ),
        (
            "$d = 'vendor'; New-TransportRule x -SenderDomainIs \"*.$d.example\"",
            &[
                "1 New-TransportRule Created: TransportRule x +SenderDomainIs=*.vendor.example [Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x -SenderDomainIs ('vendor' + '.example')",
            &[
                "1 New-TransportRule Created: TransportRule x +SenderDomainIs=vendor.example [Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "[string[]]$l = 'a.example','b.example'\n$l += 'c.example'\nNew-TransportRule x -SenderDomainIs $l",
            &[
                "3 New-TransportRule Created: TransportRule x +SenderDomainIs=a.example|b.example|c.example [Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "$l = @('a.example'\n  'b.example')\nSet-HostedContentFilterPolicy Default -AllowedSenderDomains @{add=$l}",
            &[
                "3 Set-HostedContentFilterPolicy Changed: AntiSpam Default [AllowedSenderDomains=a.example|b.example]",
                "3 Set-HostedContentFilterPolicy Changed: SenderPolicy a.example of Default <allow sender domain a.example>",
                "3 Set-HostedContentFilterPolicy Changed: SenderPolicy b.example of Default <allow sender domain b.example>",
            ][..],
        ),
        (
            "$p = @{\n  Name = 'x'\n  From = 'ann@vendor.example'; SetSCL = -1\n}\n$p.SentTo = 'bob@example.com'\n$p['ExpiryDate'] = '2026-09-20'\nNew-TransportRule @p -Confirm:$false",
            &[
                "7 New-TransportRule Created: TransportRule x +From=ann@vendor.example +SentTo=bob@example.com until 2026-09-20T00:00:00Z [ExpiryDate=2026-09-20 Mode=Enforce SetSCL=-1 State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x -Comments @'\nit's \"fine\"; Remove-TransportRule y\n'@ -From ann@vendor.example",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Comments=it's \"fine\"; Remove-TransportRule y Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x -From ann@vendor.example, bob@vendor.example,\n  eve@vendor.example",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example|bob@vendor.example|eve@vendor.example [Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x -ExpiryDate (Get-Date '9/20/2026 10:00').ToUniversalTime() -From ann@vendor.example",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example until 2026-09-20T10:00:00Z [ExpiryDate=9/20/2026 10:00 Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x -ExpiryDate ([datetime]'2026-09-20') -From ann@vendor.example",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example until 2026-09-20T00:00:00Z [ExpiryDate=2026-09-20 Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "New-TransportRule x -ExpiryDate (Get-Date).AddDays(30) -Comments \"by $env:USERNAME\" -From ann@vendor.example",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Comments=\"by $env:USERNAME\" ExpiryDate=(Get-Date).AddDays(30) Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "$r = New-TransportRule x -From ann@vendor.example | Out-Null",
            &["1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce State=Enabled]"][..],
        ),
        (
            "New-TransportRule x -From ann@vendor.example > $null 2>&1",
            &["1 New-TransportRule Created: TransportRule x +From=ann@vendor.example [Mode=Enforce State=Enabled]"][..],
        ),
        (
            "Connect-ExchangeOnline -UserPrincipalName admin@example.com\nWrite-Host \"Set-TransportRule comes (now)\"\nSet-TransportRule x -Priority 0 -ErrorAction Stop -Verbose\nGet-TransportRule x | Where-Object {$_.State -eq 'Enabled'} | Format-List *",
            &["3 Set-TransportRule Changed: TransportRule x #0"][..],
        ),
        (
            "# New-TransportRule x\n<# Remove-TransportRule y #>\nRemove-TransportRule z",
            &["3 Remove-TransportRule Removed: TransportRule z"][..],
        ),
        ("# T-1\rRemove-TransportRule z\r", &["2 Remove-TransportRule Removed: TransportRule z"][..]),
    ] {
        check(text, expected);
    }
}

#[test]
fn err_unread() {
    for (text, expected) in [
        (
            "Get-TransportRule | Set-TransportRule -SetSCL -1",
            &[
                "1 unread: what Set-TransportRule is to change, named in the command, found what `Get-TransportRule` hands over",
            ][..],
        ),
        (
            "Get-QuarantineMessage -SenderAddress ann@vendor.example | Release-QuarantineMessage -ReleaseToAll",
            &[
                "1 unread: what Release-QuarantineMessage is to change, named in the command, found what `Get-QuarantineMessage -SenderAddress ann@vendor.example` hands over",
            ][..],
        ),
        (
            "New-TransportRule x -SenderDomainIs $unknown",
            &["1 unread: a value of -SenderDomainIs that the text says, found $unknown"][..],
        ),
        (
            "New-TransportRule x -SenderDomainIs \"$unknown.example\"",
            &["1 unread: a value of -SenderDomainIs that the text says, found \"$unknown.example\""][..],
        ),
        (
            "New-TransportRule x -SenderDomainIs (Get-Content domains.txt)",
            &["1 unread: a value of -SenderDomainIs that the text says, found (Get-Content domains.txt)"][..],
        ),
        (
            "New-TransportRule x -From ann@vendor.example -Comments \"$(Remove-TransportRule y)\"",
            &["1 unread: a value of -Comments that runs no other command, found \"$(Remove-TransportRule y)\""][..],
        ),
        (
            "New-TransportRule x -From ann@vendor.example -ErrorAction (Remove-TransportRule y)",
            &["1 unread: a value of -ErrorAction that runs no other command, found (Remove-TransportRule y)"][..],
        ),
        (
            "New-TransportRule x -From ann@vendor.example > $(Remove-TransportRule y)",
            &["1 unread: the name of a file after `>`, found $(Remove-TransportRule y)"][..],
        ),
        ("New-TransportRule x -Exp 2026-01-01 -Foo y", &["1 unread: a parameter of New-TransportRule, found -Foo"][..]),
        (
            "Set-TransportRule x -F ann@vendor.example",
            &[
                "1 unread: a name that only one parameter begins with, found -F, which could be -From, -FromAddressContainsWords, -FromAddressMatchesPatterns, -FromMemberOf",
            ][..],
        ),
        (
            "Set-HostedContentFilterPolicy Default -Allow ann@vendor.example",
            &[
                "1 unread: a name that only one parameter begins with, found -Allow, which could be -AllowedSenderDomains, -AllowedSenders",
            ][..],
        ),
        (
            "New-TransportRule x -From ann@vendor.example -From bob@vendor.example",
            &["1 unread: each parameter once, found -From again"][..],
        ),
        ("New-TransportRule x y", &["1 unread: the name of a parameter before each value, found y"][..]),
        ("New-TransportRule x -From", &["1 unread: a value for -From, found none"][..]),
        (
            "Set-HostedContentFilterPolicy Default -PhishZapEnabled perhaps",
            &["1 unread: $true or $false for -PhishZapEnabled, found perhaps"][..],
        ),
        (
            "Set-HostedContentFilterPolicy Default -AllowedSenders @{Plus='ann@vendor.example'}",
            &["1 unread: Add or Remove for -AllowedSenders, found Plus"][..],
        ),
        (
            "Set-TransportRule x -SetSCL -1 -WhatIf",
            &["1 unread: a command that does something, found -WhatIf: it would only be tried"][..],
        ),
        (
            "Set-TransportRule -SetSCL -1",
            &["1 unread: what Set-TransportRule is to change, by its name, found no -Identity"][..],
        ),
        ("Set-TransportRule x -Enabled $false", &["1 unread: a parameter of Set-TransportRule, found -Enabled"][..]),
        (
            "New-TenantAllowBlockListItems -ListType Sender -Entries ann@vendor.example",
            &["1 unread: either -Allow or -Block, found neither"][..],
        ),
        (
            "New-TenantAllowBlockListItems -ListType Sender -Allow",
            &["1 unread: -Entries with the values of the list, found none"][..],
        ),
        (
            "New-TenantAllowBlockListSpoofItems -Identity Default -SpoofedUser vendor.example -Action Allow",
            &["1 unread: -SendingInfrastructure, found a pair without it"][..],
        ),
        (
            "Release-QuarantineMessage -User bob@example.com",
            &["1 unread: -Identity of the message that is released, found none"][..],
        ),
        (
            "New-FooRule x",
            &["1 unread: a cmdlet that is known to change a setting, or to change none, found New-FooRule"][..],
        ),
        ("& 'New-TransportRule' x", &["1 unread: a command by its name, found & 'New-TransportRule' x"][..]),
        ("& { New-TransportRule x }", &["1 unread: a command by its name, found & { New-TransportRule x }"][..]),
        (
            "'a','b' | ForEach-Object { New-TransportRule $_ }",
            &["1 unread: a cmdlet that is known to change a setting, or to change none, found ForEach-Object"][..],
        ),
        (
            "foreach ($x in 1..3) { New-TransportRule $x }",
            &["1 unread: a cmdlet that is known to change a setting, or to change none, found foreach"][..],
        ),
        (
            "if ($true) { New-TransportRule x }",
            &["1 unread: a cmdlet that is known to change a setting, or to change none, found if"][..],
        ),
        (
            "powershell -EncodedCommand SQBFAFgA",
            &["1 unread: a cmdlet that is known to change a setting, or to change none, found powershell"][..],
        ),
        (
            "iex 'New-TransportRule x'",
            &["1 unread: a cmdlet that is known to change a setting, or to change none, found iex"][..],
        ),
        (
            "$c = 'New-TransportRule x'; Invoke-Expression $c",
            &["1 unread: a cmdlet that is known to change a setting, or to change none, found Invoke-Expression"][..],
        ),
        (
            "$x = $(Remove-TransportRule y)",
            &["1 unread: a value, or a command by its name, found $(Remove-TransportRule y)"][..],
        ),
        (
            "Remove-TransportRule x\n$p.Add('From', 'ann@vendor.example')",
            &[
                "1 Remove-TransportRule Removed: TransportRule x",
                "2 unread: a command by its name, found $p.Add('From', 'ann@vendor.example')",
            ][..],
        ),
        (
            "Get-TransportRule -OutVariable d; $d = 'ann@vendor.example'; Get-TransportRule -ov d\nNew-TransportRule x -From $d",
            &["2 unread: a value of -From that the text says, found $d"][..],
        ),
        (
            "$d = 'broad.example'; $env:d = 'ann@vendor.example'; New-TransportRule x -From $env:d,$d",
            &[
                "1 New-TransportRule Created: TransportRule x +From=ann@vendor.example|broad.example [Mode=Enforce State=Enabled]",
            ][..],
        ),
        (
            "Set-TransportRule x -SentTo @{Add='bob@example.com'",
            &[
                "1 unread: the end of the quotes and brackets, found Set-TransportRule x -SentTo @{Add='bob@example.com'",
            ][..],
        ),
        (
            "Set-TransportRule x -SentTo 'bob@example.com\nRemove-TransportRule y",
            &[
                "1 unread: the end of the quotes and brackets, found Set-TransportRule x -SentTo 'bob@example.com\nRemove-TransportRule y",
            ][..],
        ),
        (
            "Set-TransportRule x -Comments a=#b; Remove-TransportRule y",
            &[
                "1 unread: the end of the quotes and brackets, found Set-TransportRule x -Comments a=#b",
                "1 unread: the end of the quotes and brackets, found Remove-TransportRule y",
            ][..],
        ),
        (
            "Set-TransportRule x -Comments [a; Remove-TransportRule y",
            &[
                "1 Set-TransportRule Changed: TransportRule x [Comments=[a]",
                "1 Remove-TransportRule Removed: TransportRule y",
            ][..],
        ),
        (
            "Set-TransportRule x --% ' \nRemove-TransportRule y '",
            &["1 unread: a parameter or a value, found --% ' \nRemove-TransportRule y '"][..],
        ),
        ("New-TransportRule x @unknown", &["1 unread: a hash table that the text assigns before, found @unknown"][..]),
        (
            "Get-TransportRule | Format-Table",
            &[
                "1 unread: a command, an entry, lines of a map, or throughline's own form of an exception, found commands that change nothing",
            ][..],
        ),
        (
            "Import-Module ./other.psm1; Remove-TransportRule x",
            &[
                "1 Remove-TransportRule Removed: TransportRule x",
                "1 unread: Import-Module with values that run no other command, found Import-Module ./other.psm1",
            ][..],
        ),
    ] {
        check(text, expected);
    }
}

/// Commands and what stands between them, as somebody could paste them.
const PARTS: &[&str] = &[
    "New-TransportRule x -From ann@vendor.example -SetSCL -1",
    "Set-HostedContentFilterPolicy Default -AllowedSenders @{Add='ann@vendor.example'}",
    "Remove-TransportRule z",
    "Get-TransportRule | Remove-TransportRule",
    "Release-QuarantineMessage a\\b -User bob@example.com",
    "iex 'x'",
    "$d = 'ann@vendor.example'",
    "Get-TransportRule",
    "# a note",
    "<# a note #>",
    "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries $d -RemoveAfter 45",
    "Set-TransportRule x -Comments 'a; b'",
    "Set-TransportRule x -Comments \"a; $(1)\"",
];

/// Pieces of which hostile texts are made.
const PIECES: &[&str] = &[
    "New-TransportRule",
    "Set-TransportRule",
    " ",
    "\n",
    "\r",
    ";",
    "|",
    "'",
    "\"",
    "`",
    "$",
    "$d",
    "${",
    "}",
    "(",
    ")",
    "@(",
    "@{",
    "@'\n",
    "\n'@",
    "@\"\n",
    "\n\"@",
    "<#",
    "#>",
    "#",
    ",",
    "=",
    "+",
    "-From",
    "-",
    "\u{2013}",
    "\u{2019}",
    "\u{201C}",
    "[",
    "]",
    "::",
    ".",
    ">",
    "2>&1",
    "&",
    "--%",
    "a@b.example",
    "\u{feff}",
    "\u{a0}",
    "@p",
    "$d = ",
    "Get-Date",
    "```",
    "PS C:\\> ",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_command_is_read_or_unread(
        parts in prop::collection::vec((0..PARTS.len(), prop::sample::select(vec![";", "\n", "\r\n", "\n\n", " && ", "\r"])), 1..12),
    ) {
        let text: String = parts.iter().map(|(part, end)| format!("{}{end}", PARTS[*part])).collect();
        let told = candidate(&text);
        let said: Vec<&str> = told.steps.iter().map(|step| step.said.as_str()).chain(told.unread.iter().map(|one| one.said.as_str())).collect();
        for (part, _) in &parts {
            let part = PARTS[*part];
            // A comment goes on to the end of its line, and what a variable may be stands before it.
            let changes = !part.starts_with(['#', '<', '$']) && part != "Get-TransportRule";
            if changes && !text.contains('#') {
                prop_assert!(said.contains(&part), "{part} in {said:?}");
            }
        }
    }

    #[test]
    fn any_text_is_read_or_unread(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        let text = pieces.concat();
        let told = candidate(&text);
        prop_assert!(!told.steps.is_empty() || !told.unread.is_empty());
        let read = PowerShell.read(&FileName::from("change.ps1".to_owned()), &text, &clock());
        let lines = text.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count() as u64 + 1;
        let of_steps = read.steps.iter().map(|step| step.line);
        prop_assert!(of_steps.chain(read.unread.iter().map(|one| one.line)).all(|line| (1..=lines).contains(&line)));
    }
}

#[test]
fn ok_in_linear_time() {
    for (name, text) in [
        ("open brackets", "New-TransportRule x -From ".to_owned() + &"(".repeat(300_000)),
        ("open lists", "New-TransportRule x -From ".to_owned() + &"@(".repeat(300_000)),
        ("open tables", "New-TransportRule x -From ".to_owned() + &"@{a=".repeat(200_000)),
        ("open strings in strings", "New-TransportRule x -From ".to_owned() + &"\"$(".repeat(200_000)),
        ("quotes", "New-TransportRule x -From ".to_owned() + &"'".repeat(500_001)),
        ("empty lines", "New-TransportRule x -From a@b.example".to_owned() + &"\n".repeat(500_000) + "| Out-Null"),
        ("here-strings", "@'\n".repeat(200_000)),
        ("no here-strings", "New-TransportRule x -From ".to_owned() + &"@''".repeat(200_000)),
        ("names in braces", "New-TransportRule x -From \"".to_owned() + &"${".repeat(300_000)),
        ("fences", "``` ".repeat(200_000)),
        ("casts", "New-TransportRule x -From (".to_owned() + &"[,".repeat(300_000)),
        ("sums", "New-TransportRule x -From (1".to_owned() + &"+$u".repeat(200_000)),
        ("senders", "Set-HostedContentFilterPolicy x -AllowedSenders a".to_owned() + &",a@b.example".repeat(1_400)),
        ("senders one by one", "Set-HostedContentFilterPolicy x -AllowedSenders @{Add='a@b.example'};".repeat(1_000)),
        ("statements", "x;".repeat(200_000)),
        ("arguments", "New-TransportRule x -From ".to_owned() + &"a@b.example,".repeat(50_000)),
        (
            "entries",
            "New-TenantAllowBlockListItems -Allow -ListType Sender -Entries a".to_owned() + &",a".repeat(300_000),
        ),
        ("doubled variables", "$a='aaaaaaaa'\n".to_owned() + &"$a=\"$a$a\"\n".repeat(200) + "New-TransportRule $a"),
        ("doubled lists", "$a='aaaaaaaa','b'\n".to_owned() + &"$a=$a,$a\n".repeat(200) + "New-TransportRule $a"),
        ("members", "$a=@{}\n".to_owned() + &(0..20_000).map(|n| format!("$a.k{n}='v'\n")).collect::<String>()),
    ] {
        let begun = std::time::Instant::now();
        let told = PowerShell.read(&FileName::from("change.ps1".to_owned()), &text, &clock());
        let taken = begun.elapsed();
        assert!(told.steps.len() < 100_000, "{name}");
        assert!(taken.as_secs() < 20, "{name}: {taken:?}");
    }
}
