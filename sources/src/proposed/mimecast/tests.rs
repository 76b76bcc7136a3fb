use jiff::tz::TimeZone;

use super::*;

fn told(text: &str) -> Vec<String> {
    let zone_label = "UTC".to_owned();
    let reference = "2026-11-01T00:00:00Z".parse().expect("an instant");
    let clock = Clock { zone: TimeZone::UTC, zone_label, reference };
    let candidate = crate::proposed::read(&Input { name: "change.txt".into(), bytes: text.as_bytes() }, &clock);
    let steps = candidate.steps.into_iter().map(|step| {
        let about = match step.about {
            About::Act(act) => format!("act on {}", act.object.unwrap_or_default()),
            About::Setting(setting) => {
                let entry = setting.entry.map(|entry| format!(" {:?} {} {}", entry.says, entry.on, entry.value));
                let conditions: Vec<String> =
                    setting.conditions.iter().map(|one| format!(" {}={}", one.name, one.values.join(","))).collect();
                let to = setting.mailbox.map(|to| format!(" to {to}")).unwrap_or_default();
                format!("{:?}{}{}{to}", setting.class, entry.unwrap_or_default(), conditions.concat())
            }
        };
        format!("{} {:?} {} {about}", step.line, step.kind, step.operation)
    });
    let unread = candidate.unread.into_iter().map(|unread| format!("{} unread: {}", unread.line, unread.found));
    steps.chain(unread).collect()
}

const SENDER: &str = r#"{"data":[{"sender":"ann@partner.example","to":"bob@example.com","action":"permit"}]}"#;

#[test]
fn ok_requests() {
    let permitted = "Created permit-or-block-sender UserListEntry Allow sender ann@partner.example to bob@example.com";
    let curl = format!(
        "curl -X POST -H \"Authorization: Bearer $TOKEN\" \\\n  https://api.services.mimecast.com/api/managedsender/permit-or-block-sender \\\n  -d '{SENDER}'"
    );
    for (name, text, expected) in [
        ("JSON alone", SENDER.to_owned(), vec![format!("1 {permitted}")]),
        ("address first", format!("POST /api/managedsender/permit-or-block-sender\n\n{SENDER}"), vec![format!("3 {permitted}")]),
        ("with header fields", format!("POST /api/managedsender/permit-or-block-sender HTTP/1.1\r\nHost: eu-api.mimecast.com\r\n\r\n{SENDER}\r\n"), vec![format!("4 {permitted}")]),
        ("curl", curl, vec![format!("3 {permitted}")]),
        (
            "release",
            "POST /api/gateway/hold-release\n{\"data\":[{\"id\":\"eNp1\"},{\"id\":\"eNp2\"}]}".to_owned(),
            vec!["2 Other hold-release act on eNp1".to_owned(), "2 Other hold-release act on eNp2".to_owned()],
        ),
        (
            "release without an id",
            "POST /api/gateway/hold-release\n{\"data\":[{}]}".to_owned(),
            vec!["2 unread: none".to_owned()],
        ),
        (
            "link",
            r#"{"data":[{"url":"https://files.example/a","action":"permit","matchType":"explicit"}]}"#.to_owned(),
            vec!["1 Created create-managed-url ListEntry Allow URL https://files.example/a".to_owned()],
        ),
        (
            "domain of a link",
            "POST /api/ttp/url/create-managed-url\n{\"data\":[{\"url\":\"https://files.example\",\"action\":\"permit\",\"matchType\":\"domain\"}]}".to_owned(),
            vec!["2 Created create-managed-url ListEntry Allow domain https://files.example".to_owned()],
        ),
        (
            "policy for everyone",
            r#"{"data":[{"option":"permit_sender","policy":{"description":"all","fromPart":"both","from":{"type":"email_domain","emailDomain":"partner.example"},"to":{"type":"everyone"},"fromEternal":true,"toEternal":true}}]}"#.to_owned(),
            vec!["1 Created create-policy SenderPolicy Allow email_domain partner.example from (email_domain, both)=partner.example".to_owned()],
        ),
        (
            "policy of the newer form",
            "POST https://api.services.mimecast.com/policy-management/cloud-gateway/v1/greylisting/policies\n{\"option\":\"no_action\",\"description\":\"x\",\"fromPart\":\"envelope_from\",\"from\":{\"type\":\"individual_email_address\",\"emailAddress\":\"ann@partner.example\"},\"to\":{\"type\":\"internal_addresses\"}}".to_owned(),
            vec!["2 Created greylisting/policies GatewayPolicy(\"Greylisting\") from (individual_email_address, envelope_from)=ann@partner.example to (internal_addresses)=internal_addresses".to_owned()],
        ),
        (
            "policy taken away",
            "DELETE /policy-management/cloud-gateway/v1/blocked-senders/policies/eNoA".to_owned(),
            vec!["1 Removed blocked-senders/policies SenderPolicy".to_owned()],
        ),
        (
            "link taken away",
            "POST /api/ttp/url/delete-managed-url\n{\"data\":[{\"id\":\"eNoU\"}]}".to_owned(),
            vec!["2 Removed delete-managed-url ListEntry".to_owned()],
        ),
        (
            "member of a group",
            "POST /api/directory/add-group-member\n{\"data\":[{\"id\":\"eNg1\",\"domain\":\"partner.example\"}]}".to_owned(),
            vec!["2 Changed add-group-member Group".to_owned()],
        ),
        (
            "two requests",
            format!("POST /api/gateway/hold-release\n{{\"data\":[{{\"id\":\"eNp1\"}}]}}\nPOST /api/managedsender/permit-or-block-sender\n{SENDER}"),
            vec!["2 Other hold-release act on eNp1".to_owned(), format!("4 {permitted}")],
        ),
        (
            "unknown address",
            "POST /api/user/create-user\n{\"data\":[]}\nPOST /api/gateway/hold-release\n{\"data\":[{\"id\":\"a\"}]}".to_owned(),
            vec!["4 Other hold-release act on a".to_owned(), "1 unread: /api/user/create-user".to_owned()],
        ),
        (
            "body in a file",
            "curl https://eu-api.mimecast.com/api/gateway/hold-release -d @ids.json".to_owned(),
            vec!["1 unread: the name of a file".to_owned()],
        ),
        (
            "entry without a sender",
            "POST /api/managedsender/permit-or-block-sender\n{\"data\":[{\"to\":\"bob@example.com\",\"action\":\"permit\"}]}".to_owned(),
            vec!["2 unread: none; the row has other keys".to_owned()],
        ),
    ] {
        assert_eq!(told(&text), expected, "{name}");
    }
}
