//! The tables are whole, agree with the words' table, and tell whose a code is.

use evidence::{Peer, Reply};

use super::table::{FILES, Table, layers_of};
use super::*;

fn reply(text: &str) -> Reply {
    let words: Vec<&str> = text.split_whitespace().collect();
    let reply_code = words.first().and_then(|word| word.parse().ok()).filter(|code| (400..600).contains(code));
    let is_code = |word: &&str| word.split('.').count() == 3 && word.split('.').all(|part| part.parse::<u16>().is_ok());
    let enhanced_status_code = words.iter().copied().find(is_code).map(str::to_owned);
    Reply { reply_code, enhanced_status_code, text: text.to_owned() }
}

fn host(name: &str) -> Peer {
    Peer { name: Some(name.to_owned()), ..Peer::default() }
}

fn check(name: &str, host_name: &str, text: &str, list: List, cause: Option<&str>, owner: Option<Owner>) {
    let host = host(host_name);
    let found = explain(&reply(text), Some(&host).filter(|_| !host_name.is_empty())).expect(name);
    let meaning = &found.meaning;
    assert_eq!((meaning.list, meaning.cause.as_deref(), meaning.owner), (list, cause, owner), "{name}: {meaning:?}");
}

#[test]
fn ok_whose_code() {
    use List as L;
    use Owner as O;
    let eop = "client-example.mail.protection.outlook.com";
    let sender = Some(O::SenderAdministrator);
    for (name, host, text, list, cause, owner) in [
        (
            "by words",
            "",
            "550 5.7.64 TenantAttribution; Relay Access Denied",
            L::ExchangeOnline,
            Some("connector-routing/connector-restriction"),
            sender,
        ),
        (
            "unknown by edge",
            eop,
            "550 5.4.1 Recipient address rejected: Access denied.",
            L::ExchangeOnline,
            Some("connector-routing/recipient-unknown"),
            Some(O::RecipientAdministrator),
        ),
        (
            "relay by edge",
            eop,
            "550 5.4.1 Relay access denied",
            L::ExchangeOnline,
            Some("connector-routing/relay-denied"),
            Some(O::RecipientAdministrator),
        ),
        (
            "5.4.1 of nobody known",
            "mx.example.net",
            "550 5.4.1 no",
            L::Standards,
            None,
            Some(O::RecipientAdministrator),
        ),
        ("5.7.1 alone", "mx.example.net", "550 5.7.1 no", L::Standards, None, Some(O::RecipientAdministrator)),
        (
            "5.7.1 with words",
            "mx.example.net",
            "550 5.7.1 blocked using list.example",
            L::Words,
            Some("policy-scope-or-order/connection-filter"),
            sender,
        ),
        (
            "full by a mailbox server",
            "mx.example.net",
            "452 4.2.2 later",
            L::Standards,
            Some("connector-routing/mailbox-full"),
            Some(O::Recipient),
        ),
        (
            "Gmail's own meaning of a code of the registry",
            "gmail-smtp-in.l.google.com",
            "550 5.7.27 Your email has been blocked because SPF check failed",
            L::Google,
            Some("authentication-alignment/spf-fail"),
            sender,
        ),
        (
            "a user's list",
            "",
            "550 Envelope blocked - User Entry",
            L::Mimecast,
            Some("policy-scope-or-order/user-block-list"),
            Some(O::Recipient),
        ),
        ("a code that says nothing", "mx.example.net", "552 5.0.0 no", L::Standards, None, Some(O::Recipient)),
        ("no code, no words", "mx.example.net", "550 no", L::Standards, None, Some(O::RecipientAdministrator)),
        ("nobody lists it", "mx.example.net", "550 5.7.999 no", L::Numbers, None, None),
        ("another service's number", "mx1.pphosted.com", "550 5.7.505 no", L::Numbers, None, None),
        ("nobody's host, a product's number", "mx.example.net", "550 5.7.505 no", L::ExchangeOnline, None, sender),
        (
            "no code at all",
            "",
            "connect to mx.example.net[192.0.2.1]:25: Connection timed out",
            L::Words,
            Some("connector-routing/dead-next-hop"),
            sender,
        ),
    ] {
        check(name, host, text, list, cause, owner);
    }
}

#[test]
fn silent() {
    for text in ["", "250 2.1.5 fine", "we do not like it"] {
        assert_eq!(explain(&reply(text), None), None, "{text}");
    }
}

/// For every code of the words' table, each list names the same cause or says that the text decides.
#[test]
fn codes_agree_with_the_words_table() {
    let text = include_str!("../causes/stated/replies.toml");
    let table: toml::Value = toml::from_str(text).unwrap();
    let mut seen = 0;
    for entry in table["reply"].as_array().unwrap() {
        let codes = entry.get("codes").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for code in codes.iter().filter_map(toml::Value::as_str) {
            for code in ends(code) {
                seen += 1;
                agrees(&code);
            }
        }
    }
    assert!(seen > 80, "{seen} codes");
    for (_, entries) in all() {
        let own = entries.iter().flat_map(|(about, _)| about.split_whitespace().flat_map(ends).collect::<Vec<_>>());
        own.filter(|code| code.split('.').count() == 3).for_each(|code| agrees(&code));
    }
}

/// Both ends of a range, both classes of `X`.
fn ends(code: &str) -> Vec<String> {
    let classes = |code: &str| match code.strip_prefix("X.") {
        Some(rest) => vec![format!("4.{rest}"), format!("5.{rest}")],
        None => vec![code.to_owned()],
    };
    match code.rsplit_once('-') {
        None => classes(code),
        Some((low, high)) => {
            let head = low.rsplit_once('.').map_or("", |(head, _)| head);
            vec![low.to_owned(), format!("{head}.{high}")]
        }
    }
}

fn agrees(code: &str) {
    let bare = Reply { enhanced_status_code: Some(code.to_owned()), text: code.to_owned(), ..Reply::default() };
    let told = |speaker| cause_of(&bare, speaker).map(|(cause, _)| cause);
    for meaning in elsewhere(&bare, List::Numbers) {
        let own = meaning.cause.as_deref();
        let told = told(List::PRODUCTS.contains(&meaning.list).then_some(meaning.list));
        assert!(
            own.is_none() || told.is_none() || own == told,
            "{code}: {:?} says {own:?}, the words' table {told:?}",
            meaning.list
        );
    }
    let told = told(None);
    let explained = explain(&bare, None).map(|found| found.meaning.cause);
    assert!(told.is_none() || explained == Some(told.map(str::to_owned)), "{code}: {explained:?}, {told:?}");
}

/// The words of an entry name the same cause in the words' table.
#[test]
fn words_agree_with_the_words_table() {
    for list in List::PRODUCTS {
        for entry in entries(list) {
            for words in &entry.words {
                let code = entry.codes.first().map(|code| {
                    code.replace(
                        "X.",
                        if entry.cause.as_deref() == Some("connector-routing/greylisted") { "4." } else { "5." },
                    )
                });
                let said = Reply { enhanced_status_code: code, text: words.clone(), ..Reply::default() };
                let told = cause_of(&said, Some(list)).map(|(cause, _)| cause);
                let own = entry.cause.as_deref();
                assert!(own.is_none() || told.is_none() || own == told, "{list:?} {words}: {own:?}, {told:?}");
            }
        }
    }
}

#[test]
fn every_entry_is_whole() {
    for (list, text) in FILES {
        let table: Table = toml::from_str(text).unwrap();
        assert!(!table.code.is_empty(), "{list:?}");
        assert!(table.spoken.iter().all(|word| *word == word.to_lowercase()));
        for entry in &table.code {
            assert!(entry.source.contains(", read 20"), "{entry:?}");
            assert!(!entry.means.is_empty() && !entry.to_do.is_empty(), "{entry:?}");
            assert!(entry.words.iter().all(|word| *word == word.to_lowercase()), "{entry:?}");
            assert!(entry.exports.iter().all(|id| sources::source(id).is_some()), "{entry:?}");
            assert!(!entry.layers().is_empty(), "{entry:?}");
            let about = !entry.codes.is_empty() || !entry.words.is_empty() || !entry.reply_codes.is_empty();
            assert!(about || list == List::Words && entry.cause.is_some(), "{entry:?}");
            let broad = ["allow", "whitelist", "safelist", "bypass"];
            assert!(!broad.iter().any(|word| entry.to_do.to_lowercase().contains(word)), "{entry:?}");
        }
    }
}

/// Each cause that the words' table can name has a sentence of its own.
#[test]
fn every_cause_of_the_words_table_has_a_meaning() {
    let table: toml::Value = toml::from_str(include_str!("../causes/stated/replies.toml")).unwrap();
    for entry in table["reply"].as_array().unwrap() {
        let cause = entry["cause"].as_str().unwrap();
        assert!(in_words(cause).is_some(), "{cause}");
        assert_eq!(in_words(cause).unwrap().layers, layers_of(cause));
    }
}
