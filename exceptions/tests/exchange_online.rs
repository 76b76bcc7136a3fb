//! Changes of Exchange Online: which rows of the tables they are, as commands, as exports, as our own form, and disguised.

use std::collections::BTreeSet;

use evidence::{Address, Cite, Identifier, Place, Product, VerdictKind};
use exceptions::{ALL, Answer, Checked, Fit, Held, Level, Need, On, Scope, Term, Value, World, check};
use lake::Lake;
use sources::{Clock, Input, Message, NoProgress, proposed};

fn clock() -> Clock {
    let reference = "2026-11-22T08:00:00Z".parse().expect("an instant");
    Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference }
}

/// Evidence out of files of any kind.
fn lake(files: &[(&str, &str)]) -> Lake {
    let clock = clock();
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, text)| Input { name: (*name).into(), bytes: text.as_bytes() }).collect();
    let ids = [Identifier::MessageId("none@x.example".to_owned())].into();
    let message = Message { ids, ..Message::default() };
    Lake::of(sources::read_all(&inputs, message, &clock, &NoProgress).expect("readings"))
}

fn judged(text: &str, files: &[(&str, &str)], needs: &[Need]) -> Checked {
    let clock = clock();
    let lake = lake(files);
    let input = Input { name: "candidate".into(), bytes: text.as_bytes() };
    let world = World { lake: &lake, needs, now: Some(clock.reference) };
    check(&proposed::read(&input, &clock), &world)
}

/// A change, the evidence beside it, the answer, and the rows that it is.
struct Case {
    name: &'static str,
    text: String,
    files: Vec<(&'static str, &'static str)>,
    answer: Answer,
    rows: &'static [&'static str],
}

fn case(
    name: &'static str,
    text: impl Into<String>,
    files: &[(&'static str, &'static str)],
    answer: Answer,
    rows: &'static [&'static str],
) -> Case {
    Case { name, text: text.into(), files: files.to_vec(), answer, rows }
}

/// Judges all, and tells which rows were fired.
fn fired(cases: Vec<Case>, needs: &[Need]) -> BTreeSet<&'static str> {
    let (mut failures, mut fired) = (Vec::new(), BTreeSet::new());
    for case in cases {
        let checked = judged(&case.text, &case.files, needs);
        let found: BTreeSet<&'static str> = checked.reasons().map(|reason| reason.row).collect();
        if checked.answer != case.answer || !case.rows.iter().all(|row| found.contains(row)) {
            let why = checked.reasons().map(|reason| format!("{} {:?} {}", reason.row, reason.level, reason.statement));
            let why: Vec<String> = why.collect();
            failures.push(format!(
                "{}: {:?} {found:?}, not {:?} {:?}\n  {}\n  {:?}",
                case.name,
                checked.answer,
                case.answer,
                case.rows,
                why.join("\n  "),
                checked.unread
            ));
        }
        fired.extend(found);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    fired
}

const N: Answer = Answer::Narrow;
const B: Answer = Answer::Broad;
const U: Answer = Answer::Unknown;

const DOMAINS: (&str, &str) = (
    "accepted.json",
    r#"[{"DomainName":"example.com","DomainType":"Authoritative","Default":true,"Name":"example.com"}]"#,
);
const RULES: (&str, &str) = (
    "rules.json",
    r#"[
  {"Name":"Block invoices","State":"Enabled","Mode":"Enforce","Priority":3,"Conditions":["x"],"SubjectContainsWords":["invoice"],"Quarantine":true,"ExceptIfFrom":["old@vendor.example"]},
  {"Name":"Let ann in","State":"Enabled","Mode":"Enforce","Priority":4,"Conditions":["x"],"From":["ann@vendor.example"],"SentTo":["bob@example.com"],
   "HeaderContainsMessageHeader":"Authentication-Results","HeaderContainsWords":["dmarc=pass"],"SetSCL":"-1","SetHeaderName":"X-ETR","SetHeaderValue":"T-1","ExpiryDate":"2027-03-01T00:00:00Z"},
  {"Name":"External","State":"Enabled","Mode":"Enforce","Priority":5,"Conditions":["x"],"FromScope":"NotInOrganization","PrependSubject":"[EXT] "}
]"#,
);
const POLICIES: (&str, &str) = (
    "policies.json",
    r#"[
  {"Name":"Default","IsDefault":true,"SpamAction":"MoveToJmf","HighConfidenceSpamAction":"Quarantine","PhishSpamAction":"Quarantine","HighConfidencePhishAction":"Quarantine",
   "BulkThreshold":6,"SpamZapEnabled":true,"AllowedSenders":[],"AllowedSenderDomains":["old.example","older.example"],"BlockedSenders":["spam@bad.example"],"BlockedSenderDomains":["bad.example"]},
  {"Name":"Office365 AntiPhish Default","IsDefault":true,"Enabled":true,"PhishThresholdLevel":2,"AuthenticationFailAction":"MoveToJmf","EnableSpoofIntelligence":true,"HonorDmarcPolicy":true,"ExcludedSenders":[],"ExcludedDomains":[]},
  {"Name":"Malware","IsDefault":true,"EnableFileFilter":true,"FileTypes":["exe","js","iso"],"ZapEnabled":true},
  {"Name":"Links","EnableSafeLinksForEmail":true,"ScanUrls":true,"DeliverMessageAfterScan":true,"AllowClickThrough":false,"DisableUrlRewrite":false,"DoNotRewriteUrls":[]},
  {"Name":"Strict Preset Security Policy","State":"Enabled","Priority":0,"SentTo":null,"RecipientDomainIs":["example.com"],"HostedContentFilterPolicy":"Strict 1","AntiPhishPolicy":"Strict 2","MalwareFilterPolicy":"Strict 3"}
]"#,
);
const CONNECTORS: (&str, &str) = (
    "connectors.json",
    r#"[{"Name":"Gateway","Enabled":true,"ConnectorType":"Partner","SenderDomains":["smtp:*;1"],"SenderIPAddresses":["192.0.2.1","192.0.2.2"],"RestrictDomainsToIPAddresses":true,
  "RestrictDomainsToCertificate":false,"RequireTls":true,"TlsSenderCertificateName":null,"TreatMessagesAsInternal":false,"EFSkipLastIP":false,"EFSkipIPs":["192.0.2.1"]}]"#,
);
const SEALERS: (&str, &str) =
    ("arc.json", r#"[{"Identity":"Default","ArcTrustedSealers":["relay.example","lists.example"]}]"#);
const GROUPS: (&str, &str) = (
    "groups.json",
    r#"[{"DisplayName":"Finance","PrimarySmtpAddress":"finance@example.com","GroupType":"Universal","RequireSenderAuthenticationEnabled":true}]"#,
);
const LIST: (&str, &str) = (
    "list.json",
    r#"[
  {"Value":"vendor.example","Action":"Block","ListSubType":"Tenant","ExpirationDate":null,"ListType":"Sender","SubmissionID":"Non-Submission","Identity":"RgAAA"},
  {"Value":"ann@vendor.example","Action":"Allow","ListSubType":"Tenant","ExpirationDate":"2026-12-01T00:00:00Z","ListType":"Sender","SubmissionID":"Non-Submission","Identity":"RgBBB"}
]"#,
);
const MANAGED: (&str, &str) = (
    "managed.json",
    r#"{"meta":{"status":200},"data":[{"id":"MTOKEN:x","sender":"vendor.example","to":"bob@example.com","type":"Permit"}],"fail":[]}"#,
);

fn list_commands() -> Vec<Case> {
    let allow =
        |kind: &str, rest: &str| format!("New-TenantAllowBlockListItems -ListType {kind} -Allow -Entries {rest}");
    let pair = |user: &str, from: &str, action: &str| {
        format!(
            "New-TenantAllowBlockListSpoofItems -Identity Default -SpoofedUser {user} -SendingInfrastructure {from} -SpoofType External -Action {action}"
        )
    };
    vec![
        case(
            "N2",
            allow("Sender", "ann@vendor.example -ExpirationDate 2026-12-20 -Notes 'T-1'"),
            &[DOMAINS],
            N,
            &["N2"],
        ),
        case("N2 unused", allow("Sender", "ann@vendor.example -RemoveAfter 45"), &[DOMAINS], N, &["N2"]),
        case("N2 at a big provider", allow("Sender", "ann@gmail.com -RemoveAfter 45"), &[DOMAINS], N, &["N2"]),
        case("two", allow("Sender", "ann@vendor.example,bob@vendor.example -RemoveAfter 45"), &[], N, &["N2"]),
        case(
            "N2 in days",
            allow("Sender", "ann@vendor.example -ExpirationDate (Get-Date).AddDays(30)"),
            &[],
            N,
            &["N2"],
        ),
        case(
            "in too many days",
            allow("Sender", "ann@vendor.example -ExpirationDate (Get-Date).AddDays(300)"),
            &[],
            B,
            &["B7"],
        ),
        case("no end", allow("Sender", "ann@vendor.example -NoExpiration"), &[], B, &["B7"]),
        case("no end stated", allow("Sender", "ann@vendor.example"), &[], N, &["N2"]),
        case("late end", allow("Sender", "ann@vendor.example -ExpirationDate 2027-12-20"), &[], B, &["B7"]),
        case("domain", allow("Sender", "vendor.example -ExpirationDate 2026-12-20"), &[], B, &["B7"]),
        case("domain as @", allow("Sender", "'@vendor.example' -RemoveAfter 45"), &[], B, &["B7"]),
        case("domain as *@", allow("Sender", "'*@vendor.example' -RemoveAfter 45"), &[], B, &["B7"]),
        case("top-level domain", allow("Sender", "'*.com' -RemoveAfter 45"), &[], B, &["B7"]),
        case("top-level domain bare", allow("Sender", ".com -RemoveAfter 45"), &[], B, &["B7"]),
        case(
            "one a domain",
            allow("Sender", "'ann@vendor.example','vendor.example' -RemoveAfter 45"),
            &[],
            B,
            &["N2", "B7"],
        ),
        case("own address", allow("Sender", "ceo@example.com -RemoveAfter 45"), &[DOMAINS], B, &["M5"]),
        case("own domain", allow("Sender", "example.com -RemoveAfter 45"), &[DOMAINS], B, &["B7"]),
        case(
            "block",
            "New-TenantAllowBlockListItems -ListType Sender -Block -Entries vendor.example -NoExpiration",
            &[],
            N,
            &[],
        ),
        case("N3", allow("Url", "files.vendor.example/a/b -RemoveAfter 45"), &[], N, &["N3"]),
        case("N3 below a path", allow("Url", "'files.vendor.example/share/*' -RemoveAfter 45"), &[], N, &["N3"]),
        case("host", allow("Url", "'files.vendor.example/*' -RemoveAfter 45"), &[], B, &["B7"]),
        case("host bare", allow("Url", "files.vendor.example -RemoveAfter 45"), &[], B, &["B7"]),
        case("host and below", allow("Url", "'~vendor.example' -RemoveAfter 45"), &[], B, &["B7"]),
        case("link without end", allow("Url", "files.vendor.example/a/b -NoExpiration"), &[], B, &["B7"]),
        case("IPv6", allow("IP", "2001:db8::1 -NoExpiration"), &[], B, &["B5"]),
        case(
            "taken back",
            "Remove-TenantAllowBlockListItems -ListType Sender -Entries ann@vendor.example",
            &[LIST],
            N,
            &[],
        ),
        case(
            "block of a domain taken back",
            "Remove-TenantAllowBlockListItems -ListType Sender -Entries vendor.example",
            &[LIST],
            B,
            &["M3"],
        ),
        case("by id", "Remove-TenantAllowBlockListItems -ListType Sender -Ids RgBBB", &[LIST], N, &[]),
        case(
            "end by id",
            "Set-TenantAllowBlockListItems -ListType Sender -Ids RgBBB -NoExpiration",
            &[LIST],
            B,
            &["B7"],
        ),
        case("notes by id", "Set-TenantAllowBlockListItems -ListType Sender -Ids RgBBB -Notes x", &[LIST], N, &["N2"]),
        case("by an unknown id", "Remove-TenantAllowBlockListItems -ListType Sender -Ids RgZZZ", &[LIST], U, &[]),
        case(
            "end taken away",
            "Set-TenantAllowBlockListItems -ListType Sender -Entries ann@vendor.example -NoExpiration",
            &[LIST],
            B,
            &["B7"],
        ),
        case("N4", pair("vendor.example", "203.0.113.0/24", "Allow"), &[DOMAINS], N, &["N4"]),
        case("N4 by name", pair("vendor.example", "mailer.example", "Allow"), &[DOMAINS], N, &["N4"]),
        case("any infrastructure", pair("vendor.example", "*", "Allow"), &[], B, &["B8"]),
        case("any sender", pair("*", "mailer.example", "Allow"), &[], B, &["B8"]),
        case("shared infrastructure", pair("vendor.example", "amazonses.com", "Allow"), &[], B, &["B8"]),
        case("wide infrastructure", pair("vendor.example", "203.0.0.0/16", "Allow"), &[], B, &["B8"]),
        case("pair blocked", pair("vendor.example", "*", "Block"), &[], N, &[]),
    ]
}

fn list_exports() -> Vec<Case> {
    let entry = |value: &str, kind: &str, rest: &str| {
        format!(
            r#"[{{"Value":"{value}","Action":"Allow","ListType":"{kind}","ListSubType":"Tenant","Notes":"T-1",{rest}}}]"#
        )
    };
    let by_hand = r#""SubmissionID":"Non-Submission","ExpirationDate":"2026-12-10T00:00:00Z","RemoveAfter":null"#;
    let submitted = r#""SubmissionID":"0f3e2d1c-0b1a-4c2d-8e3f-5a6b7c8d9e0f","ExpirationDate":null,"RemoveAfter":45"#;
    let endless = r#""SubmissionID":"Non-Submission","ExpirationDate":null,"RemoveAfter":null"#;
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let spoof = |user: &str, from: &str| {
        format!(
            r#"[{{"Identity":"x","SpoofedUser":"{user}","SendingInfrastructure":"{from}","SpoofType":"External","Action":"Allow"}}]"#
        )
    };
    vec![
        case("N1", entry("ann@vendor.example", "Sender", submitted), &[], N, &["N1"]),
        case("N2", entry("ann@vendor.example", "Sender", by_hand), &[], N, &["N2"]),
        case("no end", entry("ann@vendor.example", "Sender", endless), &[], B, &["B7"]),
        case("N1 link", entry("files.vendor.example/a", "Url", submitted), &[], N, &["N1"]),
        case("N3", entry("files.vendor.example/a", "Url", by_hand), &[], N, &["N3"]),
        case("N1 file", entry(hash, "FileHash", submitted), &[], N, &["N1"]),
        case("submitted domain", entry("vendor.example", "Sender", submitted), &[], B, &["B7"]),
        case("domain upper case", entry("VENDOR.EXAMPLE", "Sender", by_hand), &[], B, &["B7"]),
        case("N4", spoof("vendor.example", "198.51.100.0/24"), &[], N, &["N4"]),
        case("B8", spoof("vendor.example", "*"), &[], B, &["B8"]),
        case("B8 top-level", spoof("vendor.example", "com"), &[], B, &["B8"]),
    ]
}

const N6: &str = "New-TransportRule -Name T-1 -From ann@vendor.example -SentTo bob@example.com -HeaderContainsMessageHeader Authentication-Results \
                  -HeaderContainsWords 'dmarc=pass' -SetSCL -1 -SetHeaderName X-ETR -SetHeaderValue T-1 -ExpiryDate 2026-12-20";
const N6_PROOF: &str = "-HeaderContainsMessageHeader Authentication-Results -HeaderContainsWords 'dmarc=pass'";

fn bypass_commands() -> Vec<Case> {
    let with = |from: &str, to: &str| {
        assert!(N6.contains(from), "{from}");
        N6.replace(from, to)
    };
    let from = "-From ann@vendor.example";
    let to = "bob@example.com";
    let words = "'dmarc=pass'";
    let signed = "'dkim=pass (signature was verified) header.d=vendor.example'";
    vec![
        case("N6", N6, &[DOMAINS], N, &["N6"]),
        case("a domain", with(from, "-SenderDomainIs vendor.example"), &[DOMAINS], B, &["M1"]),
        case("N6 in days", with("2026-12-20", "([datetime]::UtcNow.AddDays(60))"), &[DOMAINS], N, &["N6"]),
        case("no recipient", with("-SentTo bob@example.com ", ""), &[DOMAINS], B, &["B1"]),
        case("no authentication", with(N6_PROOF, ""), &[DOMAINS], B, &["B1"]),
        case("no end", with(" -ExpiryDate 2026-12-20", ""), &[DOMAINS], B, &["M2"]),
        case("a header that anybody sets", with("Authentication-Results", "X-Their-Results"), &[DOMAINS], B, &["B1"]),
        case("one word proves, the other not", with(words, "'dmarc=pass','spf=pass'"), &[DOMAINS], B, &["B1"]),
        case("half a word", with(words, "'dmarc'"), &[DOMAINS], B, &["B1"]),
        case("signed by the sender", with(words, signed), &[DOMAINS], N, &["N6"]),
        case("signed by another", with(words, "'dkim=pass header.d=other.example'"), &[DOMAINS], B, &["B1"]),
        case("everybody", with(to, "everyone@example.com"), &[DOMAINS], B, &["B1"]),
        case("a group", with(to, "finance@example.com"), &[DOMAINS, GROUPS], B, &["M1"]),
        case("a name that may be a group's", with(to, "Sales"), &[DOMAINS, GROUPS], U, &["N6"]),
        case("own address", with(from, "-From ceo@example.com"), &[DOMAINS], B, &["B2"]),
        case(
            "a domain as a pattern",
            with(from, "-FromAddressMatchesPatterns '.*@vendor\\.example$'"),
            &[DOMAINS],
            B,
            &["M1"],
        ),
        case(
            "an address as a pattern",
            with(from, "-FromAddressMatchesPatterns '^ann@vendor\\.example$'"),
            &[DOMAINS],
            N,
            &["N6"],
        ),
        case("a pattern", with(from, "-FromAddressMatchesPatterns 'vendor'"), &[DOMAINS], B, &["B1"]),
        case("a letter", with(from, "-FromAddressContainsWords a"), &[DOMAINS], B, &["B1"]),
        case("a subject", with(from, "-SubjectContainsWords invoice"), &[DOMAINS], B, &["B1"]),
        case("an address as proof", with(N6_PROOF, "-SenderIpRanges 203.0.113.7"), &[DOMAINS], B, &["M1"]),
        case("a network as proof", with(N6_PROOF, "-SenderIpRanges 203.0.0.0/8"), &[DOMAINS], B, &["B1"]),
        case("an end that is none", with("2026-12-20", "2099-12-20"), &[DOMAINS], B, &["M2"]),
        case("a top-level domain", with(from, "-SenderDomainIs .com"), &[DOMAINS], B, &["B1"]),
        case("two recipients", with(to, "bob@example.com,carl@example.com"), &[DOMAINS], N, &["N6"]),
        case("upper case", N6.to_uppercase(), &[DOMAINS], N, &["N6"]),
        case("over two lines", with(" -SetSCL", " `\n  -SetSCL"), &[DOMAINS], N, &["N6"]),
        case("with a colon", with("-SetSCL -1", "-SetSCL:-1 -Confirm:$false"), &[DOMAINS], N, &["N6"]),
        case("a big provider", with(from, "-SenderDomainIs gmail.com"), &[DOMAINS], B, &["B1"]),
        case(
            "splatted",
            "$p = @{ Name='T'; SenderDomainIs='vendor.example'; SetSCL=-1 }\nNew-TransportRule @p",
            &[DOMAINS],
            B,
            &["B1"],
        ),
        case("in front", with(" -Exp", " -StopRuleProcessing $true -Priority 0 -Exp"), &[DOMAINS, RULES], B, &["B9"]),
        case("a block", with("-SetSCL -1", "-SetSCL 6"), &[DOMAINS], N, &[]),
        case("switched off", with(" -Exp", " -Enabled $false -Exp"), &[DOMAINS], N, &[]),
        case("B1 addresses", "New-TransportRule x -SenderIpRanges 10.0.0.0/8 -SetSCL -1", &[DOMAINS], B, &["B1"]),
        case("B1 words", "New-TransportRule x -FromAddressContainsWords vendor -SetSCL -1", &[DOMAINS], B, &["B1"]),
        case("B2", "New-TransportRule x -SenderDomainIs example.com -SetSCL -1", &[DOMAINS], B, &["B2"]),
        case("B22", "New-TransportRule x -SenderDomainIs vendor.example -SetSCL -1", &[DOMAINS, MANAGED], B, &["B22"]),
    ]
}

fn rule_commands() -> Vec<Case> {
    let here = [DOMAINS, RULES];
    let skip = "X-MS-Exchange-Organization-SkipSafeLinksProcessing";
    vec![
        case(
            "B9 header",
            format!("New-TransportRule x -From ann@vendor.example -SetHeaderName {skip} -SetHeaderValue 1"),
            &here,
            B,
            &["B9"],
        ),
        case(
            "B9 route",
            "New-TransportRule x -From ann@vendor.example -RouteMessageOutboundConnector Out",
            &here,
            B,
            &["B9"],
        ),
        case(
            "B9 stop",
            "New-TransportRule x -Priority 0 -SenderDomainIs vendor.example -StopRuleProcessing $true",
            &here,
            B,
            &["B9"],
        ),
        case("a mark", "New-TransportRule x -FromScope NotInOrganization -PrependSubject '[EXT] '", &here, N, &[]),
        case(
            "a header of one's own",
            "New-TransportRule x -FromScope NotInOrganization -SetHeaderName X-Seen -SetHeaderValue 1",
            &here,
            N,
            &[],
        ),
        case(
            "N7",
            "Set-TransportRule 'Block invoices' -ExceptIfFrom old@vendor.example,ann@vendor.example",
            &here,
            N,
            &["N7"],
        ),
        case(
            "N7 that loses one",
            "Set-TransportRule 'Block invoices' -ExceptIfFrom ann@vendor.example",
            &here,
            B,
            &["N7", "R1"],
        ),
        case(
            "exception of an unknown rule",
            "Set-TransportRule Other -ExceptIfFrom ann@vendor.example",
            &here,
            U,
            &["N7"],
        ),
        case(
            "alternatives",
            "Set-TransportRule 'Block invoices' -ExceptIfFrom old@vendor.example,ann@vendor.example -ExceptIfSentTo bob@example.com",
            &here,
            B,
            &["N7", "M4"],
        ),
        case(
            "exception for a domain",
            "Set-TransportRule 'Block invoices' -ExceptIfSenderDomainIs vendor.example",
            &here,
            B,
            &["M4"],
        ),
        case(
            "exception of a bypass",
            "Set-TransportRule 'Let ann in' -ExceptIfSubjectContainsWords urgent",
            &here,
            N,
            &[],
        ),
        case("a shorter end", "Set-TransportRule 'Let ann in' -ExpiryDate 2026-12-01", &here, N, &[]),
        case("an end taken away", "Set-TransportRule 'Let ann in' -ExpiryDate $null", &here, B, &["M2"]),
        case("a recipient taken away", "Set-TransportRule 'Let ann in' -SentTo $null", &here, B, &["B1"]),
        case("a bypass switched off", "Disable-TransportRule 'Let ann in' -Confirm:$false", &here, N, &[]),
        case("a block switched off", "Disable-TransportRule 'Block invoices'", &here, B, &["B14"]),
        case("a block that only reports", "Set-TransportRule 'Block invoices' -Mode Audit", &here, B, &["B14"]),
        case(
            "a block that lets through",
            "Set-TransportRule 'Block invoices' -Quarantine $false -SetSCL -1",
            &here,
            B,
            &["B1"],
        ),
        case("an unknown rule removed", "Remove-TransportRule Other", &here, B, &["B14"]),
        case("an unknown rule altered", "Set-TransportRule Other -SetSCL -1", &here, U, &[]),
    ]
}

fn rule_exports() -> Vec<Case> {
    let rule = |more: &str| {
        format!(
            r#"[{{"Name":"T-1","State":"Enabled","Mode":"Enforce","Priority":9,"Conditions":["x"],"SetSCL":"-1","SetHeaderName":"X-ETR","SetHeaderValue":"T-1",{more}}}]"#
        )
    };
    let auth = r#""HeaderContainsMessageHeader":"Authentication-Results","HeaderContainsWords":["dmarc=pass"],"ExpiryDate":"2026-12-20T00:00:00Z""#;
    let block = |more: &str| {
        format!(
            r#"[{{"Name":"Block invoices","Mode":"Enforce","Priority":3,"Conditions":["x"],"SubjectContainsWords":["invoice"],"Quarantine":true,{more}}}]"#
        )
    };
    vec![
        case(
            "N6",
            rule(&format!(r#""From":["ann@vendor.example"],"SentTo":["bob@example.com"],{auth}"#)),
            &[DOMAINS],
            N,
            &["N6"],
        ),
        case("B1", rule(r#""SenderDomainIs":["vendor.example"]"#), &[DOMAINS], B, &["B1"]),
        case(
            "B1 everybody",
            rule(&format!(r#""From":["ann@vendor.example"],"SentToMemberOf":["Everyone"],{auth}"#)),
            &[DOMAINS],
            B,
            &["B1"],
        ),
        case("B1 an empty word", rule(r#""SubjectContainsWords":[""]"#), &[DOMAINS], B, &["B1"]),
        case(
            "N7",
            block(r#""State":"Enabled","ExceptIfFrom":["old@vendor.example","ann@vendor.example"]"#),
            &[DOMAINS, RULES],
            N,
            &["N7"],
        ),
        case("B14", block(r#""State":"Disabled""#), &[DOMAINS, RULES], B, &["B14"]),
    ]
}

fn anti_spam_commands() -> Vec<Case> {
    let set = |rest: &str| format!("Set-HostedContentFilterPolicy Default {rest}");
    let filter = |rest: &str| format!("Set-HostedConnectionFilterPolicy Default {rest}");
    let here = [DOMAINS, POLICIES];
    vec![
        case("B3", set("-AllowedSenderDomains @{Add='vendor.example'}"), &here, B, &["B3"]),
        case("B3 as *@", set("-AllowedSenders @{Add='*@vendor.example'}"), &here, B, &["B3"]),
        case("B3 that loses others", set("-AllowedSenderDomains vendor.example"), &here, B, &["B3", "R1"]),
        case("B4", set("-AllowedSenders @{Add='ann@vendor.example'}"), &here, B, &["B4"]),
        case("an allow taken back", set("-AllowedSenderDomains @{Remove='old.example'}"), &here, N, &[]),
        case("all allows taken back", set("-AllowedSenderDomains $null"), &here, N, &[]),
        case("a block added", set("-BlockedSenderDomains @{Add='worse.example'}"), &here, N, &[]),
        case("a block replaced", set("-BlockedSenderDomains worse.example"), &here, B, &["R1"]),
        case("a block repeated", set("-BlockedSenderDomains bad.example,worse.example"), &here, N, &[]),
        case("an unknown list", set("-BlockedSenderDomains worse.example"), &[DOMAINS], U, &[]),
        case("B5", filter("-IPAllowList @{Add='203.0.113.7'}"), &[], B, &["B5"]),
        case("B5 wide", filter("-IPAllowList @{Add='203.0.113.0/24'}"), &[], B, &["B5"]),
        case("B5 taken back", filter("-IPAllowList @{Remove='203.0.113.7'}"), &[], N, &[]),
        case("B6", filter("-EnableSafeList 1"), &[], B, &["B6"]),
        case("B6 off", filter("-EnableSafeList $false"), &[], N, &[]),
        case("B13 phish", set("-PhishSpamAction MoveToJmf"), &here, B, &["B13"]),
        case("B13 without the export", set("-PhishSpamAction MoveToJmf"), &[], B, &["B13"]),
        case("as it is now", set("-SpamAction MoveToJmf"), &here, N, &[]),
        case("stronger", set("-SpamAction Quarantine -BulkThreshold 5"), &here, N, &[]),
        case("B13 bulk", set("-BulkThreshold 9"), &here, B, &["B13"]),
        case("B13 purge", set("-SpamZapEnabled $false"), &here, B, &["B13"]),
        case(
            "B13 redirect",
            set("-HighConfidencePhishAction Redirect -RedirectToRecipients ann@example.com"),
            &here,
            B,
            &["B13"],
        ),
        case("not in the tables", set("-TestModeAction BccMessage"), &here, U, &[]),
    ]
}

fn policy_commands() -> Vec<Case> {
    let phish = |rest: &str| format!("Set-AntiPhishPolicy 'Office365 AntiPhish Default' {rest}");
    let preset =
        |verb: &str, rest: &str| format!("{verb}-EOPProtectionPolicyRule 'Strict Preset Security Policy' {rest}");
    let malware = |rest: &str| format!("Set-MalwareFilterPolicy Malware {rest}");
    let links = |rest: &str| format!("Set-SafeLinksPolicy Links {rest}");
    let simulation = |from: &str| {
        format!(
            "New-ExoPhishSimOverrideRule -Policy PhishSimOverridePolicy -Domains sim.example -SenderIpRanges {from}"
        )
    };
    let outbound =
        |rest: &str| format!("New-HostedOutboundSpamFilterRule Fwd -HostedOutboundSpamFilterPolicy Fwd {rest}");
    let here = [DOMAINS, POLICIES];
    vec![
        case("N5", phish("-ExcludedSenders @{Add='ann@vendor.example'}"), &here, N, &["N5"]),
        case("N5 as a domain", phish("-ExcludedSenders @{Add='@vendor.example'}"), &here, B, &["B15"]),
        case("B15", phish("-ExcludedDomains @{Add='gmail.com'}"), &here, B, &["B15"]),
        case("B13 dmarc", phish("-HonorDmarcPolicy $false"), &here, B, &["B13"]),
        case("B13 spoof", phish("-EnableSpoofIntelligence:$false"), &here, B, &["B13"]),
        case("B13 level", phish("-PhishThresholdLevel 1"), &here, B, &["B13"]),
        case("dmarc on", phish("-HonorDmarcPolicy $true"), &here, N, &[]),
        case("B14 off", phish("-Enabled $false"), &here, B, &["B14"]),
        case("B14 preset off", preset("Disable", ""), &here, B, &["B14"]),
        case("B14 domain of a preset", preset("Set", "-ExceptIfRecipientDomainIs example.com"), &here, B, &["B14"]),
        case("N16", preset("Set", "-ExceptIfSentTo ann@example.com"), &here, N, &["N16"]),
        case("preset on", preset("Enable", ""), &here, N, &[]),
        case("B21 off", malware("-EnableFileFilter $false"), &here, B, &["B21"]),
        case("B21 one type", malware("-FileTypes exe,js"), &here, B, &["B21"]),
        case("B21 taken out", malware("-FileTypes @{Remove='iso'}"), &here, B, &["B21"]),
        case("a type added", malware("-FileTypes exe,js,iso,vbs"), &here, N, &[]),
        case("unknown types", malware("-FileTypes exe,js"), &[], U, &[]),
        case("B16", links("-DoNotRewriteUrls @{Add='*.vendor.example/*'}"), &here, B, &["B16"]),
        case("N18", links("-DoNotRewriteUrls @{Add='https://files.vendor.example/share/1'}"), &here, N, &["N18"]),
        case("B13 click through", links("-AllowClickThrough $true"), &here, B, &["B13"]),
        case("B20", "Set-HostedOutboundSpamFilterPolicy Default -AutoForwardingMode On", &[], B, &["B20"]),
        case("forwarding off", "Set-HostedOutboundSpamFilterPolicy Default -AutoForwardingMode Off", &[], N, &[]),
        case(
            "N13",
            format!(
                "New-HostedOutboundSpamFilterPolicy Fwd -AutoForwardingMode On\n{}",
                outbound("-From ann@example.com")
            ),
            &[],
            N,
            &["N13"],
        ),
        case("forwarding of a domain", outbound("-SenderDomainIs example.com"), &[], B, &["B20"]),
        case("B20 remote domain", "Set-RemoteDomain Default -AutoForwardEnabled $true", &[], B, &["B20"]),
        case("N14", "Set-QuarantinePolicy Ask -EndUserQuarantinePermissionsValue 27", &[], N, &["N14"]),
        case("may release", "Set-QuarantinePolicy Ask -EndUserQuarantinePermissionsValue 23", &[], B, &["M11"]),
        case("N15", simulation("198.51.100.7"), &[], N, &["N15"]),
        case("simulation from anywhere", simulation("198.0.0.0/8"), &[], B, &["M12"]),
        case("unfiltered", "New-SecOpsOverridePolicy -Name SecOps -SentTo soc@example.com", &[], B, &["M13"]),
        case("B12", "Set-OrganizationConfig -RejectDirectSend $false", &[], B, &["B12"]),
        case("direct send refused", "Set-OrganizationConfig -RejectDirectSend $true", &[], N, &[]),
        case(
            "N11",
            "Set-ArcConfig -Identity Default -ArcTrustedSealers 'relay.example, lists.example, new.example'",
            &[SEALERS],
            N,
            &["N11"],
        ),
        case("sealers lost", "Set-ArcConfig -Identity Default -ArcTrustedSealers new.example", &[SEALERS], B, &["R1"]),
        case("unknown sealers", "Set-ArcConfig -Identity Default -ArcTrustedSealers new.example", &[], U, &[]),
    ]
}

fn connector_and_mailbox_commands() -> Vec<Case> {
    let set = |rest: &str| format!("Set-InboundConnector Gateway {rest}");
    let new = |rest: &str| format!("New-InboundConnector Vendor -ConnectorType Partner {rest}");
    let junk = |rest: &str| format!("Set-MailboxJunkEmailConfiguration ann@example.com {rest}");
    let by = "-SenderDomains * -RestrictDomainsToCertificate $true -TlsSenderCertificateName";
    let here = [CONNECTORS];
    vec![
        case("B10", set("-TreatMessagesAsInternal $true"), &here, B, &["B10"]),
        case("B10 off", set("-TreatMessagesAsInternal $false"), &here, N, &[]),
        case("N10", set("-EFSkipIPs 192.0.2.1,192.0.2.2"), &here, N, &["N10"]),
        case("N10 that loses one", set("-EFSkipIPs 192.0.2.2"), &here, B, &["R1"]),
        case("N10 unknown", "Set-InboundConnector Other -EFSkipIPs 192.0.2.2", &here, U, &[]),
        case("N10 wide", set("-EFSkipIPs @{Add='192.0.0.0/16'}"), &here, B, &["M10"]),
        case("N10 last", set("-EFSkipLastIP $true"), &here, N, &["N10"]),
        case("B11", set("-RestrictDomainsToIPAddresses $false"), &here, B, &["B11"]),
        case("B11 tls", set("-RequireTls 0"), &here, B, &["B11"]),
        case("B11 removed", "Remove-InboundConnector Gateway", &here, B, &["B11"]),
        case("believed headers", set("-CloudServicesMailEnabled $true"), &here, B, &["M9"]),
        case("N12", new(&format!("{by} mail.vendor.example -RequireTls $true")), &[], N, &["N12"]),
        case("N12 wildcard", new(&format!("{by} *.vendor.example")), &[], B, &["B11"]),
        case("N12 shared", new(&format!("{by} mail.prod.outlook.com")), &[], B, &["B11"]),
        case("limited by nothing", new("-SenderDomains vendor.example"), &[], B, &["B11"]),
        case("skips and is not limited", new("-SenderDomains * -EFSkipIPs 192.0.2.9"), &[], B, &["N10", "B11"]),
        case("B17", junk("-TrustedSendersAndDomains @{Add='vendor.example'}"), &[DOMAINS], B, &["B17"]),
        case("N17", junk("-TrustedSendersAndDomains @{Add='bob@vendor.example'}"), &[DOMAINS], N, &["N17"]),
        case("B17 only lists", junk("-TrustedListsOnly $true"), &[DOMAINS], B, &["B17"]),
        case("a block", junk("-BlockedSendersAndDomains @{Add='bad.example'}"), &[DOMAINS], N, &[]),
    ]
}

fn own_form() -> Vec<Case> {
    let form = |device: &str, conditions: &[&str], ends: &str| {
        format!(
            r#"{{"schema":"throughline.exception.v1","product":"exchange-online","device":"{device}","name":"T-1","conditions":[{}]{ends},"reason":"x"}}"#,
            conditions.join(",")
        )
    };
    let from = r#"{"on":"header_from","values":["ann@vendor.example"]}"#;
    let domain = r#"{"on":"header_from","values":["*@vendor.example"]}"#;
    let to = r#"{"on":"recipient","values":["bob@example.com"]}"#;
    let dmarc = r#"{"on":"dmarc","values":["pass"]}"#;
    let network = r#"{"on":"infrastructure","values":["203.0.113.0/24"]}"#;
    let wide = r#"{"on":"client","values":["203.0.0.0/8"]}"#;
    let end = r#","ends":"2026-12-10""#;
    vec![
        case("N6", form("rule", &[from, to, dmarc], end), &[], N, &["N6"]),
        case("no authentication", form("rule", &[from, to], end), &[], B, &["B1"]),
        case("no recipient", form("rule", &[from, dmarc], end), &[], B, &["B1"]),
        case("N2", form("list_entry", &[from], end), &[], N, &["N2"]),
        case("B7", form("list_entry", &[domain], end), &[], B, &["B7"]),
        case("B7 no end", form("list_entry", &[from], ""), &[], B, &["B7"]),
        case("B4", form("policy_sender", &[from], ""), &[], B, &["B4"]),
        case("N4", form("spoof_pair", &[domain, network], ""), &[], N, &["N4"]),
        case("B5", form("connecting_address", &[wide], ""), &[], B, &["B5"]),
    ]
}

const ID: &str = "c14401cf-aa9a-465b-cfd5-08d0f0ca37c5\\4c2ca98e-94ea-db3a-7eb8-3b63657d4db7";

fn need(verdict: VerdictKind) -> Need {
    let address = Address::new;
    let cite = Cite::new("quarantine.json".to_owned().into(), Place::Record(1), 0..1, "held");
    Need {
        product: Product::ExchangeOnline,
        verdict: Some(verdict),
        cause: "content-verdict/spam".to_owned(),
        is_shown: true,
        because: "the filter judged it so".to_owned(),
        cites: vec![cite.clone()],
        ask_for: Vec::new(),
        policy: None,
        envelope_recipients: [address("bob@example.com"), address("carl@example.com")].into(),
        held: vec![Held { envelope_recipient: address("bob@example.com"), id: Some(ID.to_owned()), cite }],
        header_from: Some(address("ann@vendor.example")),
        envelope_sender: Some(address("bounce@mailer.example")),
        client: "203.0.113.7".parse().ok(),
        client_is_disputed: false,
        is_behind_a_gateway: false,
        signed_by: ["vendor.example".to_owned()].into(),
        dmarc_passed: Some(true),
        message_id: Some("1@vendor.example".to_owned()),
        subject: Some("Invoice 12".to_owned()),
        urls: ["https://files.vendor.example/a/b?c=d".to_owned()].into(),
        attachments: BTreeSet::new(),
        at: None,
    }
}

/// Changes that a sample in the evidence does not speak of: what they are by themselves.
fn by_themselves() -> Vec<Case> {
    let n2 = "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries ann@vendor.example";
    let n6 = |rest: &str| format!("{N6} {rest}");
    let useless = Answer::Useless;
    let spoof = "Set-AntiPhishPolicy 'Office365 AntiPhish Default' -AuthenticationFailAction MoveToJmf";
    vec![
        case("over", format!("{n2} -ExpirationDate 2026-11-01"), &[], useless, &[]),
        case("not over", format!("{n2} -ExpirationDate 2026-12-01"), &[], N, &["N2"]),
        case("rule over", N6.replace("2026-12-20", "2026-11-01"), &[DOMAINS], useless, &[]),
        case("begins after its end", n6("-ActivationDate 2027-10-01"), &[DOMAINS], useless, &[]),
        case("begins before its end", n6("-ActivationDate 2026-11-24"), &[DOMAINS], N, &["N6"]),
        case("and a copy", n6("-BlindCopyTo eve@evil.example"), &[DOMAINS], B, &["B9"]),
        case("and elsewhere", n6("-RedirectMessageTo eve@evil.example"), &[DOMAINS], B, &["B9"]),
        case("and deleted", n6("-DeleteMessage $true"), &[DOMAINS], B, &["B9"]),
        case("and not deleted", n6("-DeleteMessage $false"), &[DOMAINS], N, &["N6"]),
        case("release to the outside", release("-User eve@evil.example"), &[DOMAINS], B, &["M7"]),
        case("release within", release("-User bob@example.com"), &[DOMAINS], N, &["N8"]),
        case("release to one", release("-User bob@example.com"), &[], N, &["N8"]),
        case("release to two", release("-User bob@example.com,all@example.com"), &[], U, &[]),
        case("phish threshold", "Set-AntiPhishPolicy d -PhishThresholdLevel 2", &[], B, &["B13"]),
        case("new phish threshold", "New-AntiPhishPolicy -Name p -PhishThresholdLevel 1", &[], B, &["B13"]),
        case("recommended threshold", "Set-AntiPhishPolicy d -PhishThresholdLevel 3", &[], N, &[]),
        case("forged to junk", "Set-AntiPhishPolicy d -AuthenticationFailAction MoveToJmf", &[], U, &[]),
        case("forged to junk as now", spoof, &[POLICIES], N, &[]),
        case("unknown rule", "Set-TransportRule 'Block exe' -ExceptIfFrom ann@vendor.example", &[], U, &[]),
        case("no end written", n2, &[DOMAINS], N, &["N2"]),
        case("no end wanted", format!("{n2} -NoExpiration"), &[DOMAINS], B, &["B7"]),
        case("in a year", format!("{n2} -ExpirationDate (Get-Date).AddYears(1)"), &[], B, &["B7"]),
        case(
            "allowed already",
            "Set-HostedContentFilterPolicy Default -AllowedSenderDomains old.example,older.example",
            &[POLICIES],
            N,
            &[],
        ),
        case(
            "not allowed yet",
            "Set-HostedContentFilterPolicy Default -AllowedSenderDomains old.example,older.example,new.example",
            &[POLICIES],
            B,
            &["B3"],
        ),
    ]
}

fn release(rest: &str) -> String {
    format!("Release-QuarantineMessage -Identity {ID} {rest}")
}

fn releases() -> Vec<Case> {
    let two =
        format!("Release-QuarantineMessage -Identities {ID},{} -ReleaseToAll", ID.replace("c14401cf", "d14401cf"));
    let search = "Get-QuarantineMessage -SenderAddress ann@vendor.example | Release-QuarantineMessage -ReleaseToAll";
    vec![
        case("N8", release("-User bob@example.com"), &[], N, &["N8"]),
        case("N9", release("-User bob@example.com -ReportFalsePositive"), &[], N, &["N9"]),
        case("to somebody else", release("-User eve@example.com"), &[], B, &["M7"]),
        case("to all", release("-ReleaseToAll"), &[], B, &["M8"]),
        case("B19", release("-User bob@example.com -AllowSender"), &[], B, &["B19"]),
        case("denied", release("-ActionType Deny -ReleaseToAll"), &[], N, &[]),
        case("several", two, &[], B, &["M6"]),
        case("by a search", search, &[], U, &[]),
    ]
}

/// All tables in one test, so that the rows that they fire can be counted.
#[test]
fn ok_every_row() {
    let mut all = list_commands();
    all.extend(list_exports());
    all.extend(bypass_commands());
    all.extend(rule_commands());
    all.extend(rule_exports());
    all.extend(anti_spam_commands());
    all.extend(policy_commands());
    all.extend(connector_and_mailbox_commands());
    all.extend(own_form());
    all.push(case("nothing shown, one recipient", release("-User bob@example.com"), &[], N, &["N8"]));
    all.push(case("nothing shown, all", release("-ReleaseToAll"), &[], B, &["B18"]));
    let mut rows = fired(all, &[]);
    rows.extend(fired(releases(), &[need(VerdictKind::Spam)]));
    let certain = [
        case("B18", release("-ReleaseToAll"), &[], B, &["B18"]),
        case("one recipient", release("-User bob@example.com"), &[], N, &["N8"]),
    ];
    rows.extend(fired(certain.into(), &[need(VerdictKind::HighConfidencePhish)]));
    let malware = [case("malware to one", release("-User bob@example.com"), &[], B, &["B18"])];
    rows.extend(fired(malware.into(), &[need(VerdictKind::Malware)]));

    let vendor = ALL.iter().find(|vendor| vendor.products().contains(&Product::ExchangeOnline)).expect("it is there");
    let missing: Vec<&str> = vendor.rows().all().map(|row| row.id.as_str()).filter(|id| !rows.contains(id)).collect();
    assert!(missing.is_empty(), "rows that no test fires: {missing:?}");
}

#[test]
fn ok_by_themselves() {
    fired(by_themselves(), &[]);
}

#[test]
fn ok_useless_beside_what_acted() {
    let n2 = "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries ann@vendor.example -RemoveAfter 45";
    let link = "New-TenantAllowBlockListItems -ListType Url -Allow -Entries files.vendor.example/a/b -RemoveAfter 45";
    let other_link = link.replace("files.", "other.");
    let hash =
        format!("New-TenantAllowBlockListItems -ListType FileHash -Allow -Entries {} -RemoveAfter 45", "ab".repeat(32));
    let n7 = "Set-TransportRule 'Block invoices' -ExceptIfFrom old@vendor.example,ann@vendor.example";
    let n5 = |policy: &str| format!("Set-AntiPhishPolicy '{policy}' -ExcludedSenders @{{Add='ann@vendor.example'}}");
    let of_rule = |name: &str| Need {
        cause: "policy-scope-or-order/transport-rule".to_owned(),
        policy: Some(name.to_owned()),
        ..need(VerdictKind::TransportRule)
    };
    let of_phish = || Need {
        because: "kept back by AntiPhishPolicy \"Strict\"".to_owned(),
        policy: Some("Strict".to_owned()),
        ..need(VerdictKind::Phish)
    };
    let url = || Need { cause: "content-verdict/url".to_owned(), ..need(VerdictKind::Url) };
    let off = format!("{N6} -Enabled $false");
    let audit = format!("{N6} -Mode Audit");
    for (name, text, need, expected) in [
        ("entry past a rule", n2.to_owned(), of_rule("Block invoices"), Answer::Useless),
        ("rule past a rule", N6.to_owned(), of_rule("Block invoices"), Answer::Useless),
        ("the rule", n7.to_owned(), of_rule("Block invoices"), Answer::Narrow),
        ("another rule", n7.to_owned(), of_rule("Hold invoices"), Answer::Useless),
        ("the policy", n5("Strict"), of_phish(), Answer::Narrow),
        ("another policy", n5("Other"), of_phish(), Answer::Useless),
        ("a link against spam", link.to_owned(), need(VerdictKind::Spam), Answer::Useless),
        ("its link", link.to_owned(), url(), Answer::Narrow),
        ("another link", other_link, url(), Answer::Useless),
        ("a link where none is shown", link.to_owned(), Need { urls: BTreeSet::new(), ..url() }, Answer::Narrow),
        ("a file by command", hash, need(VerdictKind::Attachment), Answer::Useless),
        ("off", off, need(VerdictKind::Spam), Answer::Useless),
        ("only reports", audit, need(VerdictKind::Spam), Answer::Useless),
        ("acts", N6.to_owned(), need(VerdictKind::Spam), Answer::Narrow),
    ] {
        let checked = judged(&text, &[DOMAINS, RULES], &[need]);
        assert_eq!(checked.answer, expected, "{name}: {:?}", checked.reasons().collect::<Vec<_>>());
    }
}

#[test]
fn ok_fits() {
    let need = need(VerdictKind::Spam);
    let term = |on: On, value: Value| Scope::of([Term::one(on, value)]);
    let party = |text: &str| Value::party(text, Value::Domain);
    let name = |text: &str| Value::Name(text.to_owned());
    let network = |text: &str| Value::network(text).expect("a network");
    for (title, scope, expected) in [
        ("its sender", term(On::HeaderFrom, party("ann@vendor.example")), "yes"),
        ("another sender", term(On::HeaderFrom, party("eve@vendor.example")), "no"),
        ("its domain", term(On::HeaderFrom, party("vendor.example")), "yes"),
        ("envelope of the other", term(On::EnvelopeSender, party("ann@vendor.example")), "no"),
        ("either", term(On::EitherSender, party("mailer.example")), "yes"),
        ("a pattern", term(On::HeaderFrom, Value::Pattern("ven.or".to_owned())), "not shown"),
        ("one of its recipients", term(On::Recipient, party("carl@example.com")), "yes"),
        ("another recipient", term(On::Recipient, party("dora@example.com")), "no"),
        ("a group", term(On::RecipientGroup, name("Finance")), "not shown"),
        ("its network", term(On::Client, network("203.0.113.0/24")), "yes"),
        ("another network", term(On::Client, network("198.51.100.0/24")), "no"),
        ("infrastructure by network", term(On::Infrastructure, network("203.0.113.0/24")), "yes"),
        ("infrastructure by name", term(On::Infrastructure, party("mailer.example")), "not shown"),
        ("passed", term(On::Dmarc, name("pass")), "yes"),
        ("its link", term(On::Url, name("files.vendor.example/a/b")), "yes"),
        ("a beginning of its path", term(On::Url, name("files.vendor.example/a")), "yes"),
        ("a like path", term(On::Url, name("files.vendor.example/a/bc")), "no"),
        ("its host", term(On::Url, Value::Domain("files.vendor.example".to_owned())), "yes"),
        ("no attachment is shown", term(On::Attachment, name("00")), "not shown"),
        ("its id", term(On::Message, name("<1@vendor.example>")), "yes"),
        ("its id in quarantine", term(On::Message, name(&ID.to_uppercase())), "yes"),
        ("another id", term(On::Message, name("2@vendor.example")), "no"),
        ("an id of another kind", term(On::Message, name("4711")), "not shown"),
        ("all mail", Scope::default(), "yes"),
        (
            "left out",
            Scope { except: [Term::one(On::Recipient, party("bob@example.com"))].into(), ..Scope::default() },
            "no",
        ),
    ] {
        let found = match need.fits(&scope) {
            Fit::Yes => "yes",
            Fit::No(_) => "no",
            Fit::NotShown(_) => "not shown",
        };
        assert_eq!(found, expected, "{title}: {:?}", need.fits(&scope));
    }
}

#[test]
fn ok_useless() {
    let n2 = "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries ann@vendor.example -RemoveAfter 45";
    let other = n2.replace("ann@", "other@");
    let pair = "New-TenantAllowBlockListSpoofItems -Identity Default -SpoofedUser vendor.example -SendingInfrastructure 203.0.113.0/24 -SpoofType External -Action Allow";
    let to_another = N6.replace("bob@example.com", "dora@example.com");
    let behind = Need { is_behind_a_gateway: true, ..need(VerdictKind::HighConfidencePhish) };
    let gateway = Need { product: Product::Mimecast, ..need(VerdictKind::Spam) };
    let not_shown = Need { is_shown: false, ..need(VerdictKind::Malware) };
    for (name, text, need, expected) in [
        ("against spam", n2, need(VerdictKind::Spam), Answer::Narrow),
        ("against malware", n2, need(VerdictKind::Malware), Answer::Useless),
        ("against certain phishing", n2, need(VerdictKind::HighConfidencePhish), Answer::Useless),
        ("behind a gateway", n2, behind, Answer::Narrow),
        ("rule against certain phishing", N6, need(VerdictKind::HighConfidencePhish), Answer::Useless),
        ("rule against spam", N6, need(VerdictKind::Spam), Answer::Narrow),
        ("pair against spam", pair, need(VerdictKind::Spam), Answer::Useless),
        ("pair against forging", pair, need(VerdictKind::Spoof), Answer::Narrow),
        ("another sender", &other, need(VerdictKind::Spam), Answer::Useless),
        ("another recipient", &to_another, need(VerdictKind::Spam), Answer::Useless),
        ("another system", n2, gateway, Answer::Useless),
        ("not shown", n2, not_shown, Answer::Narrow),
    ] {
        let checked = judged(text, &[DOMAINS], &[need]);
        assert_eq!(checked.answer, expected, "{name}: {:?}", checked.reasons().collect::<Vec<_>>());
        let told: Vec<_> = checked.reasons().filter(|reason| reason.level == Level::Useless).collect();
        assert_eq!(!told.is_empty(), expected == Answer::Useless, "{name}");
        assert!(told.iter().all(|reason| !reason.cites.is_empty()), "{name}");
    }
}
