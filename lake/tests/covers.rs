//! Whether an export would show something: it spans the instant and the service's lag, is not cut, and was not searched for
//! somebody else.

use std::collections::BTreeSet;

use evidence::{Address, Identifier};
use jiff::Timestamp;
use lake::Lake;
use sources::{Clock, Input, Message, NoProgress, read_all};

const HEADER: &str = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\",\"MessageTraceId\"";

/// A trace with a row for each of these minutes after 09:00 UTC, senders and recipients.
fn trace(rows: &[(u32, &str, &str)]) -> String {
    let row = |(at, (minute, sender, recipient)): (usize, &(u32, &str, &str))| {
        let (hour, minute) = (9 + minute / 60, minute % 60);
        format!(
            "\"2026-11-18T{hour:02}:{minute:02}:00Z\",\"{sender}\",\"{recipient}\",\"s\",\"Delivered\",\"\",\"192.0.2.61\",\"1\",\"<m.{at}@partner.example>\",\"3f6d2c1b-7a90-4e5d-f1c2-08de26f{at:05x}\""
        )
    };
    let rows: Vec<String> = rows.iter().enumerate().map(row).collect();
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

/// Whether the trace would show a message from `jobs@agency.example` for Ana at 09:15.
fn shows(traces: &[String]) -> bool {
    let name = |at: usize| format!("trace{at}.csv").as_str().into();
    let inputs: Vec<Input<'_>> =
        traces.iter().enumerate().map(|(at, trace)| Input { name: name(at), bytes: trace.as_bytes() }).collect();
    let ids = Identifier::message_id("<other@agency.example>").into_iter().collect();
    let clock = Clock { zone: jiff::tz::TimeZone::UTC, zone_label: "UTC".to_owned(), reference: Timestamp::UNIX_EPOCH };
    let message = Message { ids, ..Message::default() };
    let lake = Lake::of(read_all(&inputs, message, &clock, &NoProgress).expect("a message is named"));
    let set = |address: &str| BTreeSet::from([Address::new(address)]);
    let at: Timestamp = "2026-11-18T09:15:00Z".parse().expect("an instant");
    let recipients = set("ana@client.example");
    lake.would_show_copy("exchange-online/message-trace", at, &recipients, &set("jobs@agency.example"))
}

#[test]
fn ok_would_show() {
    const ANA: &str = "ana@client.example";
    const TIM: &str = "tim@client.example";
    const ULI: &str = "uli@client.example";
    const EVA: &str = "eva@client.example";
    const JOBS: &str = "jobs@agency.example";
    const DESK: &str = "desk@partner.example";
    let whole = [(0, DESK, TIM), (30, JOBS, ULI)];
    for (name, rows, expected) in [
        ("before and after, several people", &whole[..], true),
        ("searched for her", &[(0, DESK, ANA), (30, JOBS, ANA)], true),
        ("searched for the sender", &[(0, JOBS, TIM), (30, JOBS, ULI)], true),
        ("searched for somebody else", &[(0, DESK, TIM), (30, JOBS, TIM)], false),
        ("searched for another sender", &[(0, DESK, TIM), (30, DESK, ULI)], false),
        ("nobody of her domain", &[(0, DESK, "a@other.example"), (30, JOBS, "b@other.example")], false),
        ("her domain only sends", &[(0, TIM, "a@other.example"), (30, DESK, "b@other.example")], true),
        ("two searches for two others", &[(0, DESK, TIM), (1, JOBS, ULI), (40, JOBS, TIM), (50, DESK, ULI)], false),
        ("two others, one of them afterwards only", &[(0, DESK, TIM), (20, JOBS, ULI), (40, JOBS, TIM)], true),
        (
            "two others and a third",
            &[(0, DESK, TIM), (1, JOBS, ULI), (30, JOBS, EVA), (40, JOBS, TIM), (50, DESK, ULI)],
            true,
        ),
        ("ends before", &[(0, DESK, TIM), (14, JOBS, ULI)], false),
        ("starts after", &[(16, DESK, TIM), (40, JOBS, ULI)], false),
        ("ends within the lag of a trace", &[(0, DESK, TIM), (24, JOBS, ULI)], false),
        ("ends with the lag", &[(0, DESK, TIM), (25, JOBS, ULI)], true),
        ("one row", &[(15, DESK, TIM)], false),
    ] {
        assert_eq!(shows(&[trace(rows)]), expected, "{name}");
    }
}

/// Exactly as many rows as an export gives at most: the row may be among those that are missing.
#[test]
fn refused_cut_exports() {
    for (rows, expected) in [(999, true), (1_000, false), (1_001, true), (5_000, false)] {
        let recipients: Vec<String> = (0..rows).map(|at| format!("user{at}@client.example")).collect();
        let rows: Vec<(u32, &str, &str)> = recipients
            .iter()
            .enumerate()
            .map(|(at, to)| (at as u32 % 60, "desk@partner.example", to.as_str()))
            .collect();
        let mut rows = rows;
        rows[0].1 = "jobs@agency.example";
        assert_eq!(shows(&[trace(&rows)]), expected, "{} rows", rows.len());
    }
}

/// Files that overlap are one export; between two that do not, nothing is covered.
#[test]
fn ok_several_files() {
    const TIM: &str = "tim@client.example";
    const ULI: &str = "uli@client.example";
    const JOBS: &str = "jobs@agency.example";
    const DESK: &str = "desk@partner.example";
    for (name, first, second, expected) in [
        ("every second row", [(0, JOBS, TIM), (40, JOBS, TIM)], [(20, JOBS, ULI), (50, JOBS, ULI)], true),
        ("two searches for two others", [(0, DESK, TIM), (40, JOBS, TIM)], [(1, JOBS, ULI), (50, DESK, ULI)], false),
        ("one before, one after", [(0, JOBS, TIM), (10, JOBS, ULI)], [(40, JOBS, ULI), (50, JOBS, TIM)], false),
        ("they meet after it", [(0, JOBS, TIM), (20, JOBS, ULI)], [(20, JOBS, ULI), (50, JOBS, TIM)], true),
    ] {
        assert_eq!(shows(&[trace(&first), trace(&second)]), expected, "{name}");
    }
}
