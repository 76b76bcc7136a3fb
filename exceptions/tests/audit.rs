//! What lets mail through already: what is listed, what is wrong with it, in which order.

use evidence::Identifier;
use exceptions::{Approval, Audit, Audited, World, audit};
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

#[test]
fn look() {
    let files = [
        ("transport_rules.json", r#"[{"Name":"Partner","Guid":"0f3e2d1c-0b1a-4c2d-8e3f-5a6b7c8d9e0f","State":"Enabled","Mode":"Enforce","Priority":0,"Conditions":null,"SenderDomainIs":["partner.example"],"SetSCL":"-1","WhenChanged":"2026-10-01T09:00:00Z"},{"Name":"Footer","Guid":"1f3e2d1c-0b1a-4c2d-8e3f-5a6b7c8d9e0f","State":"Enabled","Mode":"Enforce","Priority":1,"Conditions":null,"ApplyHtmlDisclaimerText":"x","WhenChanged":"2026-10-01T09:00:00Z"}]"#.to_owned()),
        ("policies.json", r#"[{"Name":"Default","IsDefault":true,"Guid":"3a0b1c2d-4e5f-4a6b-8c7d-9e0f1a2b3c4d","SpamAction":"MoveToJmf","HighConfidenceSpamAction":"Quarantine","PhishSpamAction":"Quarantine","BulkThreshold":7,"AllowedSenders":["news@example.net"],"AllowedSenderDomains":["example.org"],"WhenChangedUTC":"2026-10-20T09:00:00Z"}]"#.to_owned()),
        ("tabl.json", r#"[{"Value":"billing@vendor.example","Action":"Allow","ListType":"Sender","ListSubType":"Tenant","SubmissionID":"Non-Submission","ExpirationDate":"2026-12-01T08:00:00Z","CreatedDateTime":"2026-11-10T08:00:00Z","LastModifiedDateTime":"2026-11-10T08:00:00Z","ModifiedBy":"admin@example.com","Identity":"Rg1"}]"#.to_owned()),
    ];
    let Audit { all, scopes } = audited_with(&files, &[]);
    for Audited { name, answer, reasons, grants, made, faults, cites, .. } in &all {
        println!("{name} {answer:?} {made:?}");
        for reason in reasons { println!("    {} {:?} {}", reason.row, reason.level, reason.statement); }
        for grant in grants { println!("    > {:?} {} {} {:?}", grant.device, grant.name, grant.scope, grant.ends); }
        for fault in faults { println!("    ! {} {}", fault.id, fault.statement); }
        println!("    {}", cites.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    }
    for scope in scopes { println!("{scope}"); }
}
