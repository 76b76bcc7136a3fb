use jiff::tz::TimeZone;

use super::*;
use crate::Input;

fn told(text: &str) -> Vec<String> {
    let reference = "2026-11-01T00:00:00Z".parse().expect("an instant");
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC".to_owned(), reference };
    let candidate = crate::proposed::read(&Input { name: "change.txt".into(), bytes: text.as_bytes() }, &clock);
    let steps = candidate.steps.into_iter().map(|step| {
        let about = match step.about {
            About::Act(act) => format!("on {}", act.object.unwrap_or_default()),
            About::Setting(setting) => {
                let entry = setting.entry.map(|entry| format!(" {:?} {} {}", entry.says, entry.on, entry.value));
                let values: Vec<String> = setting
                    .properties
                    .iter()
                    .filter(|one| one.name != "directive" && one.name != "action")
                    .map(|one| format!(" {}={}", one.name, one.values.join(",")))
                    .collect();
                format!("{}{}{}", setting.name, entry.unwrap_or_default(), values.concat())
            }
        };
        format!("{} {:?} {:?} {}: {about}", step.line, step.product, step.kind, step.operation)
    });
    let unread = candidate.unread.into_iter().map(|unread| format!("{} unread: {}", unread.line, unread.found));
    steps.chain(unread).collect()
}

#[test]
fn ok_lines() {
    let entry = "Postfix Created access table entry";
    for (name, text, expected) in [
        (
            "one entry",
            "ann@partner.example OK",
            vec![format!("1 {entry}: ann@partner.example Allow address ann@partner.example")],
        ),
        ("a top level domain", "# why\n.com OK\n", vec![format!("2 {entry}: .com Allow domain .com")]),
        ("a single label", "com  OK\n", vec![format!("1 {entry}: com Allow domain com")]),
        ("anything", "/./ OK\n", vec![format!("1 {entry}: /./ Allow pattern /./")]),
        (
            "a directive",
            "whitelist_from *@partner.example",
            vec![
                "1 Amavis Created SpamAssassin directive: *@partner.example Allow sender *@partner.example".to_owned(),
            ],
        ),
        (
            "a parameter over two lines",
            "mynetworks = 127.0.0.0/8\n  0.0.0.0/0\n",
            vec!["1 Postfix Created Postfix parameter: mynetworks mynetworks=127.0.0.0/8,0.0.0.0/0".to_owned()],
        ),
        (
            "a snippet",
            "# local.d/multimap.conf\nA {\n type = \"ip\"; map = [\"192.0.2.1\"]; action = \"accept\";\n}\n",
            vec![
                "2 Rspamd Created rspamd snippet: A Allow connecting address 192.0.2.1 type=ip map=192.0.2.1"
                    .to_owned(),
            ],
        ),
        (
            "an entry, then the table is compiled",
            "partner.example OK\npostmap /etc/postfix/sender_access\n",
            vec![format!("1 {entry}: partner.example Allow domain partner.example")],
        ),
        ("prose", "let them in please\n", vec!["1 unread: no change".to_owned()]),
    ] {
        let found = told(text);
        assert!(
            found == expected || name == "prose" && found.len() == 1 && found[0].contains("unread"),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn ok_commands() {
    let mut wrong = Vec::new();
    for (name, text, expected) in [
        (
            "a line for a table",
            "echo 'ann@partner.example OK' >> /etc/postfix/sender_access && postmap /etc/postfix/sender_access && postfix reload",
            vec![
                "1 Postfix Created access table entry: ann@partner.example Allow address ann@partner.example table=/etc/postfix/sender_access",
            ],
        ),
        (
            "by another program",
            "printf '%s OK\\n' partner.example | sudo tee -a /etc/postfix/client_access >/dev/null",
            vec![
                "1 Postfix Created access table entry: partner.example Allow domain partner.example table=/etc/postfix/client_access",
            ],
        ),
        (
            "lines in place",
            "cat >> /etc/rspamd/local.d/settings.conf <<'EOF'\np { from = \"@p.example\"; apply { actions { reject = 30 } } }\nEOF\nsystemctl reload rspamd",
            vec!["2 Rspamd Created rspamd snippet: p apply.actions.reject=30 table=/etc/rspamd/local.d/settings.conf"],
        ),
        (
            "a value of a list",
            "echo partner.example >> /etc/rspamd/local.d/whitelist.map",
            vec![
                "1 Rspamd Created map entry: partner.example Other(\"map entry\") domain partner.example table=/etc/rspamd/local.d/whitelist.map",
            ],
        ),
        (
            "a parameter",
            "sudo postconf -e 'mynetworks = 127.0.0.0/8, 192.0.2.0/24'",
            vec!["1 Postfix Changed postconf -e: mynetworks mynetworks=127.0.0.0/8,192.0.2.0/24"],
        ),
        (
            "a parameter of one service",
            "postconf -P 'smtp/inet/content_filter='",
            vec!["1 Postfix Changed postconf -e: content_filter content_filter= service=smtp/inet"],
        ),
        (
            "a parameter that is taken back",
            "postconf -X smtpd_milters",
            vec!["1 Postfix Removed postconf -X: smtpd_milters smtpd_milters="],
        ),
        ("a parameter that does nothing here", "postconf -e 'smtpd_banner = $myhostname'", vec!["1 unread: no change"]),
        ("a parameter that is not known", "postconf -e 'made_up = 1'", vec!["1 unread: `made_up`"]),
        (
            "held messages",
            "postsuper -H 4C0FFEE12; postsuper -r ALL hold",
            vec!["1 Postfix Other postsuper -H: on 4C0FFEE12", "1 Postfix Other postsuper -r: on ALL"],
        ),
        (
            "a held message of amavis",
            "amavisd-release spam-aB3dE5gH7jK9.gz",
            vec!["1 Amavis Other amavisd-release: on spam-aB3dE5gH7jK9.gz"],
        ),
        ("a lesson", "rspamc learn_ham sample.eml", vec!["1 Rspamd Other rspamc learn_ham: on sample.eml"]),
        ("a filter is stopped", "systemctl stop rspamd.service", vec!["1 Rspamd Disabled stop: rspamd service=rspamd"]),
        (
            "a filter that is not ours",
            "postsuper -H X\nsystemctl stop cron",
            vec!["1 Postfix Other postsuper -H: on X", "2 unread: another"],
        ),
        (
            "what a shell puts in",
            "postsuper -H $(mailq | awk '{print $1}')",
            vec!["1 unread: `$(mailq`", "1 unread: another"],
        ),
        (
            "a command that nobody knows",
            "postsuper -H X\nrm -rf /etc/postfix\n",
            vec!["1 Postfix Other postsuper -H: on X", "2 unread: `rm -rf /etc/postfix`"],
        ),
        ("ids from elsewhere", "postsuper -H -", vec!["1 unread: standard input"]),
        (
            "entries on standard input",
            "echo 'partner.example OK' | postmap -i /etc/postfix/access",
            vec![
                "1 Postfix Created access table entry: partner.example Allow domain partner.example table=/etc/postfix/access",
            ],
        ),
        (
            "two lines of which one continues",
            "echo \"whitelist_from *@a.example\" \\\n  >> /etc/spamassassin/local.cf\nsa-learn --ham /tmp/x\n",
            vec![
                "1 Amavis Created SpamAssassin directive: *@a.example Allow sender *@a.example table=/etc/spamassassin/local.cf",
                "3 Amavis Other sa-learn --ham: on /tmp/x",
            ],
        ),
    ] {
        let found = told(text);
        if found != expected {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rubbish_ends() {
    for text in [
        "'",
        "echo '",
        "cat <<",
        "postconf -e",
        "| | >",
        "postsuper",
        "\\\n\\",
        "echo a >",
        "<<<",
        "postmap -i x <<EOF",
    ] {
        let _ = told(&text.repeat(500));
        let _ = told(text);
    }
}
