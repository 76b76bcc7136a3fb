//! Signals over small exports: what fires, what looks alike and does not, and what cannot be told.

use std::time::Instant;

use findings::symptoms::{self, Survey};
use jiff::tz::TimeZone;
use lake::Ledger;
use sources::{Clock, Input, NoProgress};

use super::*;

const TRACE: &str = "Received,SenderAddress,RecipientAddress,Subject,Status,ToIP,FromIP,Size,MessageId,MessageTraceId
2026-11-04T16:20:00Z,billing@supplier.example,ana@client.example,Invoice 1,Delivered,,192.0.2.10,2048,<inv-1@supplier.example>,3f2a0001-6d1e-4c77-8b02-08de1a2b3c01
2026-11-05T02:04:00Z,billing@supplier.example,ana@client.example,Invoice 2,Quarantined,,192.0.2.10,2048,<inv-2@supplier.example>,3f2a0002-6d1e-4c77-8b02-08de1a2b3c02
2026-11-05T02:05:00Z,news@shop.example,bob@client.example,News,FilteredAsSpam,,192.0.2.11,2048,<news-1@shop.example>,3f2a0003-6d1e-4c77-8b02-08de1a2b3c03
2026-11-05T03:00:00Z,billing@supplier.example,bob@client.example,Invoice 3,Pending,,192.0.2.10,2048,<inv-3@supplier.example>,3f2a0004-6d1e-4c77-8b02-08de1a2b3c04
";

const AUDIT: &str = r#"CreationDate,UserIds,Operations,AuditData
2026-11-05T02:00:00,pusher@client.example,Set-HostedContentFilterPolicy,"{""CreationTime"":""2026-11-05T02:00:00"",""Id"":""0a000001-1111-4222-8333-444455556666"",""Operation"":""Set-HostedContentFilterPolicy"",""RecordType"":1,""ResultStatus"":""True"",""UserKey"":""1"",""UserType"":5,""Workload"":""Exchange"",""ObjectId"":""Default"",""UserId"":""pusher@client.example"",""Parameters"":[{""Name"":""Identity"",""Value"":""Default""},{""Name"":""SpamAction"",""Value"":""Quarantine""}]}"
2026-11-05T09:00:00,admin@client.example,Set-TransportRule,"{""CreationTime"":""2026-11-05T09:00:00"",""Id"":""0a000002-1111-4222-8333-444455556666"",""Operation"":""Set-TransportRule"",""RecordType"":1,""ResultStatus"":""True"",""UserKey"":""2"",""UserType"":2,""Workload"":""Exchange"",""ObjectId"":""Footer"",""UserId"":""admin@client.example"",""Parameters"":[{""Name"":""Identity"",""Value"":""Footer""},{""Name"":""Priority"",""Value"":""3""}]}"
"#;

/// Asks a signal about some files; `followed` is put down for every copy.
fn ask(files: &[(&str, &str)], signal: &Signal, needs: &[String], followed: Option<&FollowedCopy>) -> Checked {
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, text)| Input { name: (*name).into(), bytes: text.as_bytes() }).collect();
    let clock =
        Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference: "2026-11-05T00:00:00Z".parse().unwrap() };
    let ledger = Ledger::read(&inputs, &clock, &NoProgress);
    let survey = Survey::of(&ledger, None, None);
    let found = if signal.reads_symptoms() { symptoms::find(&survey) } else { Vec::new() };
    let mut shown = Shown::of(&survey, &found);
    if let Some(followed) = followed {
        (0..shown.len(Topic::Copies)).for_each(|copy| shown.follow(copy, followed.clone()));
    }
    signal.check(&shown, needs)
}

fn check(files: &[(&str, &str)], signal: &str) -> Checked {
    let signal = Signal::read(signal).unwrap_or_else(|error| panic!("{signal}: {error}"));
    ask(files, &signal, &[], None)
}

/// The answer in short: `fires 2`, `quiet`, or `cannot tell: export, export`.
fn short(checked: &Checked) -> String {
    match &checked.answer {
        Answer::Fires { events, undecided: 0, .. } => format!("fires {}", events.len()),
        Answer::Fires { events, undecided, .. } => format!("fires {}, {undecided} undecided", events.len()),
        Answer::Quiet { .. } => "quiet".to_owned(),
        Answer::CannotTell { because, ask_for } if ask_for.is_empty() => format!("cannot tell: {because}"),
        Answer::CannotTell { ask_for, .. } => format!("cannot tell: {}", ask_for.join(", ")),
    }
}

#[test]
fn what_a_signal_says() {
    const BOTH: &[(&str, &str)] = &[("trace.csv", TRACE), ("audit.csv", AUDIT)];
    const ONLY_TRACE: &[(&str, &str)] = &[("trace.csv", TRACE)];
    const ONLY_AUDIT: &[(&str, &str)] = &[("audit.csv", AUDIT)];
    let after_push = "copies.filter(c, c.fared == \"blocked\" && c.sender_domain == \"supplier.example\" && audit.exists(a, \
                      a.operation == \"Set-HostedContentFilterPolicy\" && a.at <= c.at && c.at - a.at < minutes(10)))";
    for (name, files, signal, expected) in [
        ("a copy is held", ONLY_TRACE, "copies.filter(c, c.fared == \"blocked\")", "fires 2"),
        ("by its state", ONLY_TRACE, "copies.filter(c, \"held\" in c.states)", "fires 1"),
        (
            "of another sender",
            ONLY_TRACE,
            "copies.filter(c, c.fared == \"blocked\" && c.sender_domain == \"other.example\")",
            "quiet",
        ),
        ("exists gives the same events", ONLY_TRACE, "copies.exists(c, c.fared == \"put_off\")", "fires 1"),
        (
            "two filters",
            ONLY_TRACE,
            "copies.filter(c, c.fared == \"blocked\").filter(d, d.recipient.startsWith(\"ana@\"))",
            "fires 1",
        ),
        (
            "one of two lists",
            BOTH,
            "copies.exists(c, c.fared == \"taken_away\") || audit.exists(a, a.object == \"Footer\")",
            "fires 1",
        ),
        (
            "lists one after the other",
            BOTH,
            "copies.filter(c, c.fared == \"put_off\") + audit.filter(a, a.class == \"transport_rule\")",
            "fires 2",
        ),
        ("held after a push", BOTH, after_push, "fires 1"),
        ("held after a push, without the audit log", ONLY_TRACE, after_push, "cannot tell: exchange-online/audit-log"),
        (
            "held after a push, without the trace",
            ONLY_AUDIT,
            after_push,
            "cannot tell: exchange-online/message-trace, exchange-online/message-trace-detail, exchange-online/quarantine, exchange-online/extended-report",
        ),
        ("a property was set", ONLY_AUDIT, "audit.filter(a, a.to[\"SpamAction\"] == \"Quarantine\")", "fires 1"),
        (
            "a property by its name",
            ONLY_AUDIT,
            "audit.filter(a, a.to.spamaction == \"Quarantine\" && \"SpamAction\" in a.properties)",
            "fires 1",
        ),
        ("another value", ONLY_AUDIT, "audit.filter(a, a.to[\"SpamAction\"] == \"MoveToJmf\")", "quiet"),
        (
            "who did it",
            ONLY_AUDIT,
            "audit.filter(a, a.who.endsWith(\"@client.example\") && a.who_kind != \"administrator\")",
            "fires 1",
        ),
        (
            "a policy that no trace names",
            ONLY_TRACE,
            "copies.filter(c, c.policy == \"Strict\")",
            "cannot tell: exchange-online/quarantine, exchange-online/message-trace-detail",
        ),
        ("a policy among those that are named", ONLY_TRACE, "copies.filter(c, \"Strict\" in c.policies)", "quiet"),
        ("a code among those that are named", ONLY_TRACE, "copies.filter(c, 451 in c.reply_codes)", "quiet"),
        ("rows of no class", ONLY_AUDIT, "audit.filter(a, a.class == \"list_entry\")", "quiet"),
        (
            "a policy, where the rest decides",
            ONLY_TRACE,
            "copies.filter(c, c.sender == \"x@y.example\" && c.policy == \"Strict\")",
            "quiet",
        ),
        (
            "the same turned round",
            ONLY_TRACE,
            "copies.filter(c, c.policy == \"Strict\" && c.sender == \"x@y.example\")",
            "quiet",
        ),
        ("whether it is named at all", ONLY_TRACE, "copies.filter(c, has(c.policy))", "quiet"),
        (
            "some fire, some cannot be told",
            ONLY_TRACE,
            "copies.filter(c, c.fared == \"put_off\" || c.policy == \"Strict\")",
            "fires 1, 3 undecided",
        ),
        ("counts", ONLY_TRACE, "counts.held >= 1", "fires 1"),
        ("counts that are lower", ONLY_TRACE, "counts.blocked > 2", "quiet"),
        (
            "counts of what no export shows",
            ONLY_TRACE,
            "counts.audit_rows == 0",
            "cannot tell: exchange-online/audit-log",
        ),
        ("more than so many", ONLY_TRACE, "size(copies.filter(c, c.fared == \"blocked\")) >= 2", "fires 1"),
        ("all of them", ONLY_TRACE, "copies.all(c, c.fared == \"through\")", "quiet"),
        ("not one", ONLY_TRACE, "!copies.exists(c, c.sender_domain == \"other.example\")", "fires 1"),
        (
            "a pattern",
            ONLY_TRACE,
            "copies.filter(c, c.message_id.matches(\"^inv-[0-9]+@\") && c.fared == \"blocked\")",
            "fires 1",
        ),
        ("an instant", ONLY_TRACE, "copies.filter(c, c.at >= time(\"2026-11-05T03:00:00Z\"))", "fires 1"),
        (
            "nothing but settings",
            ONLY_TRACE,
            "settings.exists(s, s.says == \"allow\")",
            "cannot tell: exchange-online/threat-policies, exchange-online/transport-rules, exchange-online/connectors, exchange-online/allow-block-list",
        ),
        (
            "a list of texts is no answer",
            ONLY_TRACE,
            "copies.map(c, c.sender)",
            "cannot tell: the expression does not fit the evidence: it gives neither a condition nor a list of items",
        ),
        (
            "a choice of lists",
            ONLY_TRACE,
            "size(copies) > 3 ? copies.filter(c, c.fared == \"put_off\") : []",
            "fires 1",
        ),
        (
            "a text where a number is",
            ONLY_TRACE,
            "copies.filter(c, c.at == 1 || c.sender > 5)",
            "cannot tell: the expression does not fit the evidence: found no matching overload for '_>_' applied to '(string, int)'",
        ),
        (
            "only following tells",
            ONLY_TRACE,
            "copies.filter(c, c.fared == \"blocked\" && c.cause == \"x/y\")",
            "cannot tell: there are more messages to follow for `fate`, `changed_layer` or `cause` than are followed; so it is for 2 of 4 items",
        ),
        (
            "symptoms are told",
            BOTH,
            "symptoms.filter(s, s.id == \"stale-search\" && s.standing == \"proved\")",
            "quiet",
        ),
    ] {
        let checked = check(files, signal);
        assert_eq!(short(&checked), expected, "{name}: {signal}\n{:?}", checked.answer);
        if let Answer::Fires { events, .. } = &checked.answer {
            let is_negative = signal.starts_with('!');
            assert!(
                events.iter().all(|event| event.key.len() == 64 && (is_negative || !event.cites.is_empty())),
                "{name}: an event without a record"
            );
        }
    }
}

#[test]
fn quiet_needs_the_exports_that_are_named() {
    let signal = Signal::read("copies.filter(c, c.sender_domain == \"other.example\")").unwrap();
    for (needs, expected) in [
        (&[][..], "quiet"),
        (&["exchange-online/message-trace"][..], "quiet"),
        (&["mimecast/held-queue", "exchange-online/message-trace"][..], "quiet"),
        (&["mimecast/held-queue"][..], "cannot tell: mimecast/held-queue"),
    ] {
        let needs: Vec<String> = needs.iter().map(|need| (*need).to_owned()).collect();
        assert_eq!(short(&ask(&[("trace.csv", TRACE)], &signal, &needs, None)), expected, "{needs:?}");
    }
}

#[test]
fn what_following_tells() {
    let signal =
        Signal::read("copies.filter(c, c.fared == \"blocked\" && c.cause == \"content-verdict/spam\")").unwrap();
    let first = ask(&[("trace.csv", TRACE)], &signal, &[], None);
    assert_eq!(first.to_follow.len(), 2, "those that are blocked, and no others");
    let told = |cause: Option<&str>, is_shown| FollowedCopy {
        cause: cause.map(str::to_owned),
        is_shown,
        ..FollowedCopy::default()
    };
    for (name, told, expected) in [
        ("that cause", told(Some("content-verdict/spam"), true), "fires 2"),
        ("another cause", told(Some("content-verdict/bulk"), true), "quiet"),
        ("it simply arrived", told(None, true), "quiet"),
        (
            "not shown",
            told(None, false),
            "cannot tell: exchange-online/message-trace-detail, exchange-online/quarantine",
        ),
    ] {
        assert_eq!(short(&ask(&[("trace.csv", TRACE)], &signal, &[], Some(&told))), expected, "{name}");
    }
}

/// The key of an event is the same whatever the file is called, in which order its rows stand, and how often they do.
#[test]
fn keys_stay() {
    let signal = "copies.filter(c, c.fared == \"blocked\")";
    let keys = |files: &[(&str, &str)], signal: &str| match check(files, signal).answer {
        Answer::Fires { events, .. } => events.into_iter().map(|event| event.key).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let turned = |text: &str| {
        let (head, rows) = text.split_once('\n').unwrap();
        let rows: Vec<&str> = rows.lines().rev().collect();
        format!("{head}\r\n{}\r\n", rows.join("\r\n"))
    };
    let doubled = |text: &str| {
        let (head, rows) = text.split_once('\n').unwrap();
        format!("{head}\n{rows}{rows}")
    };
    let halves = |text: &str| {
        let (head, rows) = text.split_once('\n').unwrap();
        let rows: Vec<&str> = rows.lines().collect();
        let (one, other) = rows.split_at(rows.len() / 2);
        [format!("{head}\n{}\n", one.join("\n")), format!("{head}\n{}\n", other.join("\n"))]
    };
    let released = TRACE.replace("Quarantined", "Delivered") + TRACE.split_once('\n').unwrap().1;
    for (signal, text) in [(signal, TRACE), ("audit.filter(a, a.kind == \"changed\")", AUDIT)] {
        let expected = keys(&[("a.csv", text)], signal);
        let (turned, doubled, [one, other]) = (turned(text), doubled(text), halves(text));
        for (name, files) in [
            ("another name", vec![("exports/b.csv", text)]),
            ("turned, CRLF", vec![("a.csv", turned.as_str())]),
            ("doubled", vec![("a.csv", doubled.as_str())]),
            ("two files", vec![("a.csv", one.as_str()), ("b.csv", other.as_str())]),
            ("twice", vec![("a.csv", text), ("b.csv", text)]),
        ] {
            assert_eq!(keys(&files, signal), expected, "{name}: {signal}");
        }
    }
    assert_eq!(
        keys(&[("later.csv", &released)], signal),
        keys(&[("a.csv", TRACE)], signal),
        "a later export that says more"
    );
}

#[test]
fn what_is_no_signal() {
    let deep = format!("{}copies.exists(c, true){}", "(".repeat(200), ")".repeat(200));
    let chain = format!("copies{}.exists(c, true)", ".filter(c, true)".repeat(200));
    let long = format!("copies.exists(c, c.sender == \"{}\")", "x".repeat(5_000));
    let wide = format!("copies.exists(c, {})", vec!["c.at > 1"; 390].join("||"));
    for (name, text, said) in [
        ("nothing", "", "expected 1 to 4000 characters"),
        ("no end", "copies.filter(c, c.at >", "expected an expression in CEL"),
        ("nothing is looked at", "1 == 1", "expected a look at copies"),
        ("another list", "mails.exists(c, true)", "found `mails`"),
        ("another field", "copies.exists(c, c.senders == \"x\")", "Perhaps `sender`"),
        ("another field by index", "copies.exists(c, c[\"colour\"] == \"x\")", "found `colour`"),
        ("an index that is made", "copies.exists(c, c[\"sen\" + \"der\"] == \"x\")", "found an index that is computed"),
        ("another function", "copies.exists(c, base64.decode(c.sender) == b\"\")", "expected one of size"),
        ("a map", "copies.exists(c, {\"a\": 1}[\"a\"] == 1)", "found a map"),
        ("a message", "copies.exists(c, Copy{a: 1} == c)", "found a message"),
        ("a list that is made", "copies.map(c, [c, c])", "found a list of anything but constants"),
        ("a pattern from the evidence", "copies.exists(c, c.sender.matches(c.recipient))", "no text constant"),
        ("a pattern that is none", "copies.exists(c, c.sender.matches(\"(\"))", "expected a regular expression"),
        (
            "a pattern that is huge",
            "copies.exists(c, c.sender.matches(\"(a{1000}){1000}\"))",
            "expected a regular expression",
        ),
        ("has of a property", "audit.exists(a, has(a.to.SpamAction))", "in x.properties"),
        ("optional", "copies.exists(c, c.?sender.hasValue())", "expected an expression in CEL"),
        ("deep", &deep, ""),
        ("a long chain", &chain, "expected"),
        ("long", &long, "expected 1 to 4000 characters"),
        ("wide", &wide, ""),
        ("controls", "copies.exists(c, \u{0}\u{1b})", "expected an expression in CEL"),
    ] {
        match Signal::read(text) {
            Err(error) => assert!(error.to_string().contains(said) && !said.is_empty(), "{name}: {error}"),
            Ok(signal) => {
                assert!(said.is_empty(), "{name}: it was read");
                ask(&[("trace.csv", TRACE)], &signal, &[], None);
            }
        }
    }
}

/// Whatever a signal does, it ends, and says that it was too much.
#[test]
fn work_is_bounded() {
    let rows: String = (0..1_500)
        .map(|number| format!("2026-11-05T02:04:00Z,a{number}@x.example,b@client.example,S,Quarantined,,192.0.2.1,1,<m{number}@x.example>,{number:08x}-6d1e-4c77-8b02-08de1a2b3c02\n"))
        .collect();
    let trace = format!("{}\n{rows}", TRACE.split_once('\n').unwrap().0);
    let double = ".map(s, s + s)".repeat(30);
    for signal in [
        "copies.exists(a, copies.exists(b, copies.exists(c, a.at + b.at + c.at < 0)))".to_owned(),
        "copies.all(a, copies.all(b, copies.all(c, copies.all(d, true))))".to_owned(),
        "size(copies.map(a, copies.map(b, copies.map(c, copies)))) < 0".to_owned(),
        format!("copies.map(c, c.sender){double}.exists(s, s == \"x\")"),
        format!("[copies[0].sender]{double} == []").replacen("[copies[0].sender]", "copies.filter(c, c.at > 0).map(c, c.sender)", 1),
        "size((copies.filter(c, true) + copies.filter(c, true)).map(a, (copies.filter(c, true) + copies.filter(c, true)).map(b, copies.filter(c, true)))) == 0".to_owned(),
        "size(copies.filter(c, true).map(l, copies.filter(c, true)).map(m, copies.filter(c, true).map(n, m))) == 0".to_owned(),
        "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, [1,2,3,4,5,6,7,8].all(c, [1,2,3,4,5,6,7,8].all(d, [1,2,3,4,5,6,7,8].all(e, [1,2,3,4,5,6,7,8].all(f, [1,2,3,4,5,6,7,8].all(g, [1,2,3,4,5,6,7,8].all(h, [1,2,3,4,5,6,7,8].all(i, size(copies) > 0)))))))))".to_owned(),
    ] {
        let began = Instant::now();
        let checked = check(&[("trace.csv", &trace)], &signal);
        let said = short(&checked);
        assert!(said.contains("more work"), "{signal}: {said}");
        assert!(began.elapsed().as_secs() < 60, "{signal}: {:?}", began.elapsed());
    }
}

/// Values of the evidence are values: they change no expression, no record and no key of another.
#[test]
fn hostile_values() {
    for value in [
        "\"||true||\"",
        "x\\\\\" || true",
        "'; drop",
        "${jndi}",
        "{cause}",
        "a@b\u{202e}.example",
        "🦀@x.example",
        ") || copies.exists(c, true",
        "\u{7}",
    ] {
        let given = Given {
            cause: value.to_owned(),
            sender_domain: Some(value.to_owned()),
            recipient: Some(value.to_owned()),
            ..Given::default()
        };
        for text in propose(&given) {
            let signal = Signal::read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let told =
                FollowedCopy { cause: Some("another/cause".to_owned()), is_shown: true, ..FollowedCopy::default() };
            assert_eq!(short(&ask(&[("trace.csv", TRACE)], &signal, &[], Some(&told))), "quiet", "{text}");
        }
        let equal = format!("copies.exists(c, {} == {} && c.at > 0)", literal(value), literal(value));
        assert_eq!(short(&check(&[("trace.csv", TRACE)], &equal)), "fires 4", "{equal}");
    }
}

#[test]
fn proposals_are_signals() {
    for cause in findings::catalogue().iter().map(|page| page.id.as_str()) {
        let given = Given {
            cause: cause.to_owned(),
            sender_domain: Some("supplier.example".to_owned()),
            recipient: Some("ana@client.example".to_owned()),
            ..Given::default()
        };
        let proposed = propose(&given);
        assert!(!proposed.is_empty(), "{cause}");
        proposed.iter().for_each(|text| drop(Signal::read(text).unwrap_or_else(|error| panic!("{text}: {error}"))));
        let (validation, rollback) = steps(&given);
        assert!(validation.len() > 40 && rollback.len() > 40, "{cause}");
    }
    for guide in symptoms::guides() {
        let given =
            Given { cause: guide.id.clone(), specific: Some("x".to_owned()), is_symptom: true, ..Given::default() };
        let proposed = propose(&given);
        assert_eq!(proposed.len(), 2, "{}", guide.id);
        proposed.iter().for_each(|text| drop(Signal::read(text).unwrap_or_else(|error| panic!("{text}: {error}"))));
    }
}

/// The tables name kinds that there are, and fields that items have.
#[test]
fn tables_are_whole() {
    for topic in Topic::ALL {
        assert!(!topic.kinds().is_empty(), "{}", topic.word());
        topic.kinds().iter().for_each(|kind| assert!(sources::source(kind).is_some(), "{kind}"));
    }
    for page in Fields::pages() {
        assert!(Topic::ALL.iter().any(|topic| topic.word() == page.of), "{}", page.of);
        assert!(["text", "number", "truth", "list", "names"].contains(&page.sort.as_str()), "{}", page.sort);
        page.ask_for.iter().for_each(|kind| assert!(sources::source(kind).is_some(), "{kind}"));
    }
    let has = |of: &str, name: &str| Fields::pages().iter().any(|page| page.of == of && page.name == name);
    for (topic, text) in [("copies", TRACE), ("audit", AUDIT)] {
        for page in Fields::pages().iter().filter(|page| page.of == topic && page.sure) {
            let signal = format!(
                "{topic}.exists(x, has(x.{})) || {topic}.exists(x, x.{} == x.{})",
                page.name, page.name, page.name
            );
            if Fields::LOOKUPS.contains(&page.name.as_str()) {
                continue;
            }
            let said = short(&check(&[("x.csv", text)], &signal));
            assert!(said.starts_with("fires") && !said.contains("undecided"), "{signal}: {said}");
        }
    }
    assert!(has("copies", "cause") && has("audit", "to"));
}

/// The page for people names every field; it is written anew with `THROUGHLINE_BLESS=1`.
#[test]
fn the_page_names_every_field() {
    let mut table = String::from("<!-- fields -->\n");
    for topic in Topic::ALL {
        table.push_str(&format!("\n**{}**\n\n| field | type | means |\n|---|---|---|\n", topic.word()));
        for page in Fields::pages().iter().filter(|page| page.of == topic.word()) {
            let mark = if page.sure { "*" } else { "" };
            table.push_str(&format!("| `{}`{mark} | {} | {} |\n", page.name, page.sort, page.means));
        }
    }
    table.push('\n');
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/runbook.md");
    let page = std::fs::read_to_string(path).expect("docs/runbook.md");
    let (before, rest) = page.split_once("<!-- fields -->\n").expect("a place for the fields");
    let (_, after) = rest.split_once("<!-- end of fields -->").expect("its end");
    let now = format!("{before}{table}<!-- end of fields -->{after}");
    if std::env::var_os("THROUGHLINE_BLESS").is_some() {
        std::fs::write(path, &now).expect("docs/ can be written");
    }
    assert!(
        std::fs::read_to_string(path).expect("docs/runbook.md") == now,
        "docs/runbook.md is stale; run with THROUGHLINE_BLESS=1"
    );
    // Its examples are signals.
    let blocks = now.split("```text\n").skip(1).filter_map(|block| block.split("```").next());
    let examples: Vec<&str> = blocks.filter(|block| !block.starts_with("+++")).flat_map(str::lines).collect();
    assert!(examples.len() >= 10, "{examples:?}");
    examples
        .iter()
        .for_each(|example| drop(Signal::read(example).unwrap_or_else(|error| panic!("{example}: {error}"))));
}

/// Whatever is put together from the parts of signals: it is refused or answered, and nothing gives up on it.
#[test]
fn soup_is_refused_or_answered() {
    const PARTS: [&str; 44] = [
        "copies",
        "audit",
        "counts",
        ".",
        "filter(",
        "exists(",
        "all(",
        "map(",
        "exists_one(",
        ")",
        "c",
        ", ",
        "c.sender",
        "c.at",
        "c.states",
        "c.policy",
        "c.cause",
        "==",
        "!=",
        "<",
        "&&",
        "||",
        "!",
        " in ",
        "+",
        "-",
        "*",
        "%",
        "? ",
        " : ",
        "[",
        "]",
        "0",
        "\"x\"",
        "'",
        "-9223372036854775808",
        "size(",
        "has(",
        ".matches(\"x\")",
        "minutes(",
        "1.5",
        "null",
        "true",
        ".to[\"X\"]",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % most as u64).unwrap_or_default()
    };
    let mut read = 0;
    for _ in 0..4_000 {
        let inner: String = (0..1 + next(9)).map(|_| PARTS[next(PARTS.len())]).collect();
        let text = match next(3) {
            0 => inner,
            1 => format!("copies.filter(c, {inner})"),
            _ => format!("copies.exists(c, c.at > 0 && ({inner}))"),
        };
        let Ok(signal) = Signal::read(&text) else { continue };
        read += 1;
        let said = short(&ask(&[("trace.csv", TRACE)], &signal, &[], None));
        assert!(!said.contains("could not be worked out"), "{text}: {said}");
    }
    assert!(read > 20, "only {read} were signals");
}
