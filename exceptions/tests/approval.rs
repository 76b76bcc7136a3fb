//! What an approval covers, and what it does not.

use exceptions::{Approval, Broad, Ends, Exception, NotCovered, Refused, World, check};
use lake::Lake;
use proptest::prelude::*;
use sources::{Clock, Input, proposed};

const SAMPLE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn clock() -> Clock {
    let reference = "2026-05-02T12:00:00Z".parse().expect("an instant");
    Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference }
}

/// What the guard makes of a candidate.
fn judged(text: &str) -> Result<Exception, Box<Refused>> {
    let (lake, clock) = (Lake::default(), clock());
    let input = Input { name: "candidate".into(), bytes: text.as_bytes() };
    let world = World { lake: &lake, needs: &[], now: Some(clock.reference) };
    Exception::narrow(check(&proposed::read(&input, &clock), &world))
}

fn broad(text: &str) -> Broad {
    match judged(text).map_err(|refused| *refused) {
        Err(Refused::Broad(broad)) => broad,
        other => panic!("{text}: {other:?}"),
    }
}

/// An approval of these, until then.
fn approval_text(scope: &[&str], ends: &str) -> String {
    serde_json::json!({
        "schema": "throughline.approval.v1", "who": "Kim Vries", "role": "security officer", "when": "2026-05-01T09:00:00Z",
        "scope": scope, "ends": ends, "reason": "the supplier moves its mail", "sample_sha256": SAMPLE,
    })
    .to_string()
}

fn approval(scope: &[&str], ends: &str) -> Approval {
    let text = approval_text(scope, ends);
    let input = Input { name: "approval.json".into(), bytes: text.as_bytes() };
    Approval::recorded(&input, &clock()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn approved(candidate: &str, scope: &[&str], ends: &str) -> Result<Exception, Box<NotCovered>> {
    let now = Some(clock().reference);
    Exception::approved(broad(candidate), approval(scope, ends), &[SAMPLE.to_owned()], now)
}

/// A bypass policy: from whom, for whom, from which address, until when.
#[derive(Clone, Debug)]
struct Bypass {
    kind: &'static str,
    from: String,
    to: String,
    by: Option<String>,
    until: Option<String>,
}

impl Bypass {
    fn text(&self) -> String {
        let side = |text: &str, everybody: &str| match text {
            "" => serde_json::json!({ "type": everybody }),
            text if text.contains('@') => {
                serde_json::json!({ "type": "individual_email_address", "emailAddress": text })
            }
            text => serde_json::json!({ "type": "email_domain", "emailDomain": text }),
        };
        let mut policy = serde_json::json!({
            "description": "T-1", "fromPart": "both", "enabled": true, "override": false, "bidirectional": false, "fromEternal": true,
            "from": side(&self.from, "everyone"), "to": side(&self.to, "everyone"), "toEternal": self.until.is_none(),
        });
        if let Some(until) = &self.until {
            policy["toDate"] = serde_json::json!(format!("{until}T00:00:00+0000"));
        }
        if let Some(by) = &self.by {
            policy["conditions"] = serde_json::json!({ "sourceIPs": [by] });
        }
        serde_json::json!({ "data": [{ "id": "p1", "policyType": self.kind, "policy": policy }] }).to_string()
    }
}

/// A whole domain to one recipient by a network, for a month.
fn usual() -> Bypass {
    Bypass {
        kind: "Impersonation Protection Bypass",
        from: "vendor.example".to_owned(),
        to: "bob@example.com".to_owned(),
        by: Some("198.51.100.0/24".to_owned()),
        until: Some("2026-06-01".to_owned()),
    }
}

#[test]
fn ok_covered() {
    let to = |to: &str| to.to_owned();
    for (name, candidate, ends) in [
        ("exactly", usual(), "2026-06-01"),
        (
            "half the network",
            Bypass { by: Some(to("198.51.100.128/25")), ..usual() },
            "2026-06-01",
        ),
        ("one address", Bypass { by: Some(to("198.51.100.7")), ..usual() }, "2026-06-01"),
        ("sooner", Bypass { until: Some(to("2026-05-20")), ..usual() }, "2026-06-01"),
        ("approval is longer", usual(), "2026-12-01"),
    ] {
        let found = approved(&candidate.text(), &[&usual().text()], ends);
        assert!(found.is_ok(), "{name}: {found:?}");
    }
}

#[test]
fn err_wider() {
    let some = |text: &str| Some(text.to_owned());
    let of = |from: &str| Bypass { from: from.to_owned(), ..usual() };
    for (name, candidate) in [
        ("other domain", of("other.example")),
        ("domain above", of("example")),
        ("everyone", of("")),
        ("other recipient", Bypass { to: "eve@example.com".to_owned(), ..usual() }),
        ("recipients of the domain", Bypass { to: "example.com".to_owned(), ..usual() }),
        ("all recipients", Bypass { to: String::new(), ..usual() }),
        ("wider network", Bypass { by: some("198.51.100.0/23"), ..usual() }),
        ("other network", Bypass { by: some("203.0.113.0/24"), ..usual() }),
        ("any network", Bypass { by: None, ..usual() }),
        ("later", Bypass { until: some("2026-06-02"), ..usual() }),
        ("no end", Bypass { until: None, ..usual() }),
        ("other check", Bypass { kind: "URL Protection Bypass", ..usual() }),
        ("another device", Bypass { kind: "Permitted Senders", ..usual() }),
    ] {
        let found = approved(&candidate.text(), &[&usual().text()], "2026-06-01");
        let error = found.map(|_| ()).map_err(|error| *error);
        assert!(matches!(error, Err(NotCovered::Wider { .. })), "{name}: {error:?}");
    }
}

#[test]
fn err_ends_before_the_exception() {
    let error = approved(&usual().text(), &[&usual().text()], "2026-05-20").map(|_| ()).map_err(|error| *error);
    assert!(matches!(error, Err(NotCovered::Wider { .. })), "{error:?}");
}

/// Where the device knows no end, the very entry has to be approved.
#[test]
fn ok_without_an_end() {
    let entry = |sender: &str, to: &str| {
        format!(
            r#"{{"meta":{{"status":200}},"data":[{{"id":"MTOKEN:x","sender":"{sender}","to":"{to}","type":"Permit"}}]}}"#
        )
    };
    let domain = entry("vendor.example", "bob@example.com");
    assert!(approved(&domain, &[&domain], "2026-06-01").is_ok());
    let error = approved(&domain, &[&entry("vendor.example", "*")], "2026-06-01").map(|_| ()).map_err(|error| *error);
    assert!(matches!(error, Err(NotCovered::Wider { .. })), "{error:?}");
}

/// Two steps: the approval has to cover both.
#[test]
fn err_one_of_two() {
    let entry =
        |sender: &str| format!(r#"{{"id":"MTOKEN:x","sender":"{sender}","to":"bob@example.com","type":"Permit"}}"#);
    let file = |entries: &[String]| format!(r#"{{"meta":{{"status":200}},"data":[{}]}}"#, entries.join(","));
    let (one, both) = (file(&[entry("a.example")]), file(&[entry("a.example"), entry("b.example")]));
    assert!(approved(&both, &[&one], "2026-06-01").is_err());
    assert!(approved(&both, &[&one, &file(&[entry("b.example")])], "2026-06-01").is_ok());
}

#[test]
fn err_sample_and_clock() {
    let candidate = usual().text();
    let at = |text: &str| Some(text.parse().expect("an instant"));
    let asked = |samples: &[String], now| {
        let approval = approval(&[&candidate], "2026-06-01");
        Exception::approved(broad(&candidate), approval, samples, now).map(|_| ()).map_err(|error| *error)
    };
    let (right, other) = ([SAMPLE.to_uppercase()], ["b".repeat(64)]);
    assert_eq!(asked(&right, at("2026-05-02T12:00:00Z")), Ok(()));
    assert_eq!(asked(&right, None), Ok(()));
    assert!(matches!(asked(&other, None), Err(NotCovered::NoSample { .. })));
    assert!(matches!(asked(&[], None), Err(NotCovered::NoSample { .. })));
    assert!(matches!(asked(&right, at("2026-06-02T00:00:00Z")), Err(NotCovered::Ended { .. })));
}

/// What has ended is of no use, whoever approves it; what is not read cannot have been approved.
#[test]
fn err_useless_and_unread() {
    let passed = Bypass { until: Some("2026-04-01".to_owned()), ..usual() };
    let useless = approved(&passed.text(), &[&usual().text()], "2026-06-01").map(|_| ()).map_err(|error| *error);
    assert_eq!(useless, Err(NotCovered::Useless));
    let narrow = Bypass { from: "ann@vendor.example".to_owned(), ..passed };
    assert!(matches!(judged(&narrow.text()).map_err(|refused| *refused), Err(Refused::Useless(_))));
    let unread = approved("nobody reads this", &[&usual().text()], "2026-06-01").map(|_| ()).map_err(|error| *error);
    assert!(matches!(unread, Err(NotCovered::NotRead { line: 1 })), "{unread:?}");
}

#[test]
fn ok_narrow_needs_none() {
    let narrow = Bypass { from: "ann@vendor.example".to_owned(), ..usual() };
    let exception = judged(&narrow.text()).expect("narrow");
    assert!(exception.approval().is_none());
    assert!(judged(&usual().text()).is_err());
}

#[test]
fn err_forms() {
    let whole = approval_text(&[&usual().text()], "2026-06-01");
    let without = |key: &str| {
        let mut json: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        json.as_object_mut().expect("an object").remove(key);
        json.to_string()
    };
    let with = |key: &str, value: serde_json::Value| {
        let mut json: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        json[key] = value;
        json.to_string()
    };
    let keys = ["schema", "who", "role", "when", "scope", "ends", "reason", "sample_sha256"];
    let many = vec![usual().text(); 200];
    let deep = "[".repeat(100_000);
    let mut texts: Vec<(String, String)> = keys.iter().map(|key| (format!("without {key}"), without(key))).collect();
    texts.extend([
        ("no JSON".to_owned(), "approved by Kim".to_owned()),
        ("nothing".to_owned(), String::new()),
        ("a list".to_owned(), format!("[{whole}]")),
        ("twice".to_owned(), format!("{whole}{whole}")),
        ("unknown key".to_owned(), with("also", serde_json::json!("everything"))),
        ("other schema".to_owned(), with("schema", serde_json::json!("throughline.approval.v2"))),
        ("nobody".to_owned(), with("who", serde_json::json!("  "))),
        ("no role".to_owned(), with("role", serde_json::json!(""))),
        ("no reason".to_owned(), with("reason", serde_json::json!("\n"))),
        ("no date".to_owned(), with("when", serde_json::json!("yesterday"))),
        ("ends before it begins".to_owned(), with("ends", serde_json::json!("2026-04-01"))),
        ("never ends".to_owned(), with("ends", serde_json::json!("never"))),
        ("short hash".to_owned(), with("sample_sha256", serde_json::json!("abc"))),
        ("not hexadecimal".to_owned(), with("sample_sha256", serde_json::json!("z".repeat(64)))),
        ("empty scope".to_owned(), with("scope", serde_json::json!([]))),
        ("scope of nothing".to_owned(), with("scope", serde_json::json!([""]))),
        ("scope that is not read".to_owned(), with("scope", serde_json::json!(["whatever is needed"]))),
        ("scope of numbers".to_owned(), with("scope", serde_json::json!([7]))),
        ("scope as text".to_owned(), with("scope", serde_json::json!("all"))),
        ("very many".to_owned(), with("scope", serde_json::json!(many))),
        ("very large".to_owned(), with("reason", serde_json::json!("x".repeat(2 << 20)))),
        ("very deep".to_owned(), deep.clone()),
        ("very deep within".to_owned(), whole.replacen("\"scope\":", &format!("\"scope\":{deep}"), 1)),
        ("key twice".to_owned(), whole.replacen('{', "{\"who\":\"Eve\",", 1)),
    ]);
    for (name, text) in texts {
        let input = Input { name: "approval.json".into(), bytes: text.as_bytes() };
        assert!(Approval::recorded(&input, &clock()).is_err(), "{name}");
    }
    let marked = format!("\u{feff}{whole}");
    let input = Input { name: "approval.json".into(), bytes: marked.as_bytes() };
    let read = Approval::recorded(&input, &clock()).expect("an approval");
    assert_eq!((read.who(), read.role(), read.sample_sha256()), ("Kim Vries", "security officer", SAMPLE));
}

fn bypass() -> impl Strategy<Value = Bypass> {
    let from =
        prop::sample::select(vec!["", "vendor.example", "x.vendor.example", "ann@vendor.example", "bo@other.example"]);
    let to = prop::sample::select(vec!["", "example.com", "bob@example.com", "eve@example.com"]);
    let by = prop::option::of(prop::sample::select(vec![
        "198.51.100.0/24",
        "198.51.100.0/25",
        "198.51.100.7",
        "10.0.0.0/8",
        "0.0.0.0/0",
    ]));
    let until = prop::option::of(prop::sample::select(vec!["2026-05-10", "2026-06-01", "2026-07-01"]));
    let kind =
        prop::sample::select(vec!["Impersonation Protection Bypass", "URL Protection Bypass", "Permitted Senders"]);
    (kind, from, to, by, until).prop_map(|(kind, from, to, by, until)| Bypass {
        kind,
        from: from.to_owned(),
        to: to.to_owned(),
        by: by.map(str::to_owned),
        until: until.map(str::to_owned),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever an approval covers is within what was approved, by the same device, and ends no later than the approval.
    #[test]
    fn what_is_covered_is_within(candidate in bypass(), wide in bypass(), ends in prop::sample::select(vec!["2026-05-15", "2026-06-15", "2026-08-01"])) {
        let Err(refused) = judged(&candidate.text()) else { return Ok(()) };
        let Refused::Broad(broad) = *refused else { return Ok(()) };
        let now = Some(clock().reference);
        let approval = approval(&[&wide.text()], ends);
        let until = approval.ends();
        let approved = match judged(&wide.text()) {
            Ok(exception) => exception.checked().clone(),
            Err(refused) => match *refused {
                Refused::Broad(broad) => broad.checked().clone(),
                Refused::Useless(checked) => checked,
            },
        };
        let scopes: Vec<_> = approved.steps.iter().flat_map(|step| &step.grants).collect();
        if let Ok(exception) = Exception::approved(broad, approval, &[SAMPLE.to_owned()], now) {
            prop_assert_eq!(candidate.kind, wide.kind);
            for grant in exception.checked().steps.iter().flat_map(|step| &step.grants) {
                prop_assert!(scopes.iter().any(|wide| grant.scope.is_within(&wide.scope) && grant.device == wide.device));
                prop_assert!(grant.ends.is_by(Ends::At(until)));
            }
        }
    }

    /// No text is an approval by accident, and none brings the reader down.
    #[test]
    fn any_text_is_refused(text in ".{0,200}") {
        let input = Input { name: "approval.json".into(), bytes: text.as_bytes() };
        prop_assert!(Approval::recorded(&input, &clock()).is_err());
    }
}
