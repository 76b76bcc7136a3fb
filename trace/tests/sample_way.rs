//! A sample's hops, and whose word its results are, told from header fields as an engineer would paste them.

use evidence::{Fact, Observation};
use jiff::tz::TimeZone;
use sources::{Clock, Input, NoProgress, Query, Wanted};
use trace::{Phase, Took, Trust};

const AUTHOR: &str = "From: a@sender.example\nTo: b@ours.example\nSubject: x\nMessage-ID: <1@sender.example>\n\
                      Date: Thu, 19 Nov 2026 10:00:00 +0000\n\nbody\n";

/// Reads header fields as the program does.
fn observations(fields: &str) -> Vec<Observation> {
    let reference = "2026-06-01T00:00:00Z".parse().expect("an instant");
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference };
    let text = format!("{fields}{AUTHOR}");
    let input = Input { name: "sample.eml".into(), bytes: text.as_bytes() };
    let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
    let source = sources::recognise(input.bytes, &input.name).expect("a message");
    source.read(&input, &query).expect("it is read").observations
}

fn names(trusted: &[&str]) -> Vec<String> {
    trusted.iter().map(|name| (*name).to_owned()).collect()
}

/// `sender start | gateway 3 s | = 3 s`: oldest first.
fn hops(fields: &str, trusted: &[&str]) -> String {
    let observations = observations(fields);
    let sample: Vec<&Observation> = observations.iter().collect();
    let hops = trace::hops(&sample, &names(trusted));
    let told = |leg: &trace::Leg<'_>| {
        let phase = match leg.phase {
            Phase::Sender => "sender",
            Phase::Gateway => "gateway",
            Phase::OurSystem => "ours",
            Phase::Mailbox => "mailbox",
        };
        let took = match leg.took {
            Took::First => "start".to_owned(),
            Took::Delay(delay) => format!("{} s", delay.as_secs()),
            Took::Skew(skew) => format!("skew {} s", skew.as_secs()),
            Took::NotStated => "no time".to_owned(),
        };
        format!("{phase} {took}{}", if leg.may_be_zone() { " zone?" } else { "" })
    };
    let mut all: Vec<String> = hops.legs.iter().rev().map(told).collect();
    all.extend(hops.total.map(|total| format!("= {} s", total.as_secs())));
    all.join(" | ")
}

/// `spf=pass ours`, one a result.
fn trust(fields: &str, trusted: &[&str]) -> Vec<String> {
    let observations = observations(fields);
    let sample: Vec<&Observation> = observations.iter().collect();
    let hops = trace::hops(&sample, &names(trusted));
    let judged = trace::judge(&sample, &hops, &names(trusted));
    let told = judged.iter().filter_map(|judged| {
        let Fact::Authentication(result) = &judged.observation.fact else { return None };
        let whose = match judged.trust {
            Trust::Ours(_) => "ours",
            Trust::Gateway(_) => "gateway",
            Trust::NotTrusted(_) => "no",
        };
        Some(format!("{}={} {whose}", result.method.id(), result.result.word()))
    });
    told.collect()
}

fn received(from: &str, by: &str, with: &str, time: &str) -> String {
    format!("Received: from {from} by {by} {with}; Thu, 19 Nov 2026 {time}\n")
}

fn postfix(from: &str, by: &str, time: &str) -> String {
    received(from, by, "(Postfix) with ESMTPS id 4X1", time)
}

/// Our store took it from our border.
fn inside(time: &str) -> String {
    postfix("mx1.ours.example (mx1.ours.example [192.0.2.10])", "store.ours.example", time)
}

/// Our border took it from the sender.
fn border(time: &str) -> String {
    postfix("out.sender.example (out.sender.example [203.0.113.5])", "mx1.ours.example", time)
}

/// The sender's server took it from the author.
fn theirs(time: &str) -> String {
    postfix("pc (pc.sender.example [198.51.100.7])", "out.sender.example", time)
}

/// The service's edge took it.
fn edge(from: &str, time: &str) -> String {
    let with = "with Microsoft SMTP Server id 15.20.1.2 via Frontend Transport";
    received(from, "DB8EUR05FT012.mail.protection.outlook.com (198.51.100.36)", with, time)
}

/// The service moved it on within.
fn service(time: &str) -> String {
    let from = "DB8EUR05FT012.eop-eur05.prod.protection.outlook.com (2001:db8::1)";
    received(
        from,
        "AM0PR05MB1.eurprd05.prod.outlook.com (2001:db8::2)",
        "with Microsoft SMTP Server id 15.20.1.2",
        time,
    )
}

/// A filtering service took it from the sender.
fn gateway(time: &str) -> String {
    let from = "out.sender.example (out.sender.example [203.0.113.5])";
    received(from, "relay.mimecast.com", "with ESMTP id eu-mta-1-AbCdEfGhIjKlMnOpQrStUv-1", time)
}

#[test]
fn ok_hops() {
    for (name, fields, expected) in [
        (
            "in order",
            [inside("10:00:09 +0000"), border("10:00:04 +0000"), theirs("10:00:02 +0000")],
            "sender start | ours 2 s | ours 5 s | = 7 s",
        ),
        (
            "zones differ, instants do not",
            [inside("12:00:09 +0200"), border("05:00:04 -0500"), theirs("15:30:02 +0530")],
            "sender start | ours 2 s | ours 5 s | = 7 s",
        ),
        (
            "a clock behind in the middle is skew; no delay is made up behind it",
            [inside("10:00:09 +0000"), border("09:59:00 +0000"), theirs("10:00:02 +0000")],
            "sender start | ours skew -62 s | ours 7 s | = 7 s",
        ),
        (
            "an hour back is an hour of skew, never 23 hours of delay",
            [inside("10:00:09 +0000"), border("10:00:04 +0000"), theirs("11:00:04 +0000")],
            "sender skew 3600 s | ours start | ours 5 s | = 5 s",
        ),
        (
            "two clocks that disagree: ours counts",
            [border("10:00:04 +0000"), theirs("10:00:09 +0000"), String::new()],
            "sender skew 5 s | ours start | = 0 s",
        ),
        (
            "a delay of an hour may be a zone",
            [border("11:00:04 +0000"), theirs("10:00:02 +0000"), String::new()],
            "sender start | ours 3602 s zone? | = 3602 s",
        ),
        (
            "over midnight",
            [border("00:00:01 +0000").replace("Thu, 19", "Fri, 20"), theirs("23:59:59 +0000"), String::new()],
            "sender start | ours 2 s | = 2 s",
        ),
        (
            "a field without a time",
            [inside("10:00:09 +0000"), border("soon"), theirs("10:00:02 +0000")],
            "sender start | ours no time | ours 7 s | = 7 s",
        ),
        (
            "a filtering service in front",
            [
                edge("eu-smtp-inbound-delivery-1.mimecast.com (192.0.2.61)", "10:00:09 +0000"),
                gateway("10:00:04 +0000"),
                theirs("10:00:02 +0000"),
            ],
            "sender start | gateway 2 s | ours 5 s | = 7 s",
        ),
        (
            "LMTP to the store",
            [
                received("mx1.ours.example", "store.ours.example", "with LMTP id x", "10:00:09 +0000"),
                border("10:00:04 +0000"),
                String::new(),
            ],
            "ours start | mailbox 5 s | = 5 s",
        ),
    ] {
        assert_eq!(hops(&fields.concat(), &[]), expected, "{name}");
    }
}

#[test]
fn a_content_filter_on_the_same_machine_belongs_to_it() {
    let filter = "(amavis, port 10024) with ESMTP id A";
    let fields = postfix("localhost (localhost [127.0.0.1])", "mx1.ours.example", "10:00:09 +0000")
        + &received(
            "mx1.ours.example ([127.0.0.1])",
            "localhost (mx1.ours.example [127.0.0.1])",
            filter,
            "10:00:08 +0000",
        )
        + &border("10:00:04 +0000")
        + &theirs("10:00:02 +0000");
    assert_eq!(hops(&fields, &[]), "sender start | ours 2 s | ours 4 s | ours 1 s | = 7 s");
}

#[test]
fn servers_that_the_user_names_are_on_our_side() {
    let fields = postfix("mx.hoster.example (mx.hoster.example [192.0.2.9])", "mail.ours.example", "10:00:09 +0000")
        + &postfix("out.sender.example (out.sender.example [203.0.113.5])", "mx.hoster.example", "10:00:04 +0000");
    assert_eq!(hops(&fields, &[]), "sender start | ours 5 s | = 5 s");
    assert_eq!(hops(&fields, &["hoster.example"]), "gateway start | ours 5 s | = 5 s");
    assert_eq!(hops(&fields, &["oster.example"]), "sender start | ours 5 s | = 5 s", "a name is no part of a name");
}

#[test]
fn ok_trust() {
    let (border, theirs, service) = (border("10:00:04 +0000"), theirs("10:00:02 +0000"), service("10:00:09 +0000"));
    let edge = |from: &str| edge(from, "10:00:06 +0000");
    let gateway = gateway("10:00:03 +0000");
    let ar = |text: &str| format!("Authentication-Results: {text}\n");
    for (name, fields, trusted, expected) in [
        (
            "above our border",
            vec![ar("mx1.ours.example; spf=pass smtp.mailfrom=a@sender.example"), border.clone(), theirs.clone()],
            vec![],
            vec!["spf=pass ours"],
        ),
        (
            "a milter writes below its server's field",
            vec![border.clone(), ar("mx1.ours.example; dkim=pass header.d=sender.example"), theirs.clone()],
            vec![],
            vec!["dkim=pass ours"],
        ),
        (
            "our name, below the sender's own hop: it came with the message",
            vec![border.clone(), theirs.clone(), ar("mx1.ours.example; dkim=pass header.d=bank.example")],
            vec![],
            vec!["dkim=pass no"],
        ),
        (
            "our name in two fields above the sender's hop: the upper one is ours",
            vec![
                border.clone(),
                ar("mx1.ours.example; dmarc=fail header.from=bank.example"),
                ar("mx1.ours.example; dmarc=pass header.from=bank.example"),
                theirs.clone(),
            ],
            vec![],
            vec!["dmarc=fail ours", "dmarc=pass no"],
        ),
        (
            "a stranger's",
            vec![border.clone(), ar("mx.sender.example; spf=pass smtp.mailfrom=sender.example"), theirs.clone()],
            vec![],
            vec!["spf=pass no"],
        ),
        (
            "a stranger's that the user names",
            vec![border.clone(), ar("filter.hoster.example; spf=pass smtp.mailfrom=sender.example"), theirs.clone()],
            vec!["hoster.example"],
            vec!["spf=pass ours"],
        ),
        (
            "an id that is no host",
            vec![ar("mx1/ours; spf=pass smtp.mailfrom=sender.example"), border.clone(), theirs.clone()],
            vec![],
            vec!["spf=pass no"],
        ),
        (
            "the topmost without an id, and the service on top",
            vec![
                service.clone(),
                ar("spf=fail (sender IP is 203.0.113.5) smtp.mailfrom=sender.example; compauth=fail reason=001"),
                edge("out.sender.example (203.0.113.5)"),
                theirs.clone(),
            ],
            vec![],
            vec!["spf=fail ours", "compauth=fail ours"],
        ),
        (
            "without an id, but another system on top",
            vec![
                border.clone(),
                ar("spf=pass smtp.mailfrom=sender.example; compauth=pass reason=100"),
                theirs.clone(),
            ],
            vec![],
            vec!["spf=pass no", "compauth=pass no"],
        ),
        (
            "a second one without an id came with the message",
            vec![
                service.clone(),
                ar("spf=fail smtp.mailfrom=sender.example"),
                edge("out.sender.example (203.0.113.5)"),
                ar("spf=pass smtp.mailfrom=sender.example"),
                theirs.clone(),
            ],
            vec![],
            vec!["spf=fail ours", "spf=pass no"],
        ),
        (
            "gateway and service: two statements",
            vec![
                service.clone(),
                ar("spf=fail (sender IP is 192.0.2.61) smtp.mailfrom=sender.example"),
                edge("eu-smtp-inbound-delivery-1.mimecast.com (192.0.2.61)"),
                ar("relay.mimecast.com; spf=pass smtp.mailfrom=a@sender.example"),
                gateway,
                theirs.clone(),
            ],
            vec![],
            vec!["spf=fail ours", "spf=pass gateway"],
        ),
        (
            "the same gateway without a hop of its own is a stranger",
            vec![border.clone(), ar("relay.mimecast.com; spf=pass smtp.mailfrom=a@sender.example"), theirs.clone()],
            vec![],
            vec!["spf=pass no"],
        ),
        (
            "sealed words of an earlier system",
            vec![
                service.clone(),
                "ARC-Authentication-Results: i=1; mx.list.example; spf=pass smtp.mailfrom=sender.example\n".to_owned(),
                edge("mx.list.example (203.0.113.5)"),
            ],
            vec![],
            vec!["spf=pass no"],
        ),
        (
            "Received-SPF names its checker",
            vec![
                service.clone(),
                "Received-SPF: Fail (protection.outlook.com: domain of sender.example does not designate 203.0.113.5 as \
                 permitted sender) receiver=protection.outlook.com; client-ip=203.0.113.5\n"
                    .to_owned(),
                edge("out.sender.example (203.0.113.5)"),
            ],
            vec![],
            vec!["spf=fail ours"],
        ),
        (
            "no hop at all",
            vec![ar("mx1.ours.example; spf=pass smtp.mailfrom=sender.example")],
            vec![],
            vec!["spf=pass no"],
        ),
        (
            "no hop, but named",
            vec![ar("mx1.ours.example; spf=pass smtp.mailfrom=sender.example")],
            vec!["ours.example"],
            vec!["spf=pass ours"],
        ),
    ] {
        assert_eq!(trust(&fields.concat(), &trusted), expected, "{name}");
    }
}
