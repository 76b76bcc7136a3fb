//! Lines of a mail server about itself: it was started, or it read its configuration or its maps anew.

use std::sync::LazyLock;

use evidence::{Act, Actor, ActorKind, CopyKey, Done, Fact};

use super::Said;
use crate::codes::Codes;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("service.toml")));

/// What a line of a program says about the program itself; `None` if it says nothing of that kind.
///
/// `program` is its tag without instance and daemon, such as `postfix`. The act is `reload` or `start`; it is about no message.
pub(crate) fn of<'t>(program: &str, body: &'t str) -> Option<Said<'t>> {
    let mut codes = CODES.all.iter().filter(|code| code.field == program);
    let known = codes.find(|code| body.contains(&code.value))?;
    let at = body.find(&known.value)?;
    let act = Act {
        operation: known.means.clone(),
        object: None,
        by: Actor { kind: ActorKind::Application, ..Actor::default() },
        done: Done::Yes,
        details: Vec::new(),
    };
    let word = body.get(at..at + known.value.len()).unwrap_or(body);
    Some(Said { about: CopyKey::default(), fact: Fact::Act(act), word })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| ["reload", "start"].contains(&code.means.as_str()));
    }

    #[test]
    fn ok_lines_about_the_server() {
        for (program, body, expected) in [
            ("postfix", "reload -- version 3.7.11, configuration /etc/postfix", Some("reload")),
            (
                "postfix",
                "table hash:/etc/postfix/sender_access(0,lock|fold_fix) has changed -- restarting",
                Some("reload"),
            ),
            ("postfix", "daemon started -- version 3.7.11, configuration /etc/postfix", Some("start")),
            ("postfix", "refreshing the Postfix mail system", Some("reload")),
            ("postfix", "fatal: the Postfix mail system is not running", None),
            ("dovecot", "master: Warning: SIGHUP received - reloading configuration", Some("reload")),
            ("dovecot", "master: Dovecot v2.3.19.1 (9b53102964) starting up for imap, lmtp, sieve", Some("start")),
            ("rspamd", "main; rspamd_hup_handler: rspamd 3.4 is requested to reload configuration", Some("reload")),
            ("rspamd", "reload -- version", None),
            ("exim", "pid 812: SIGHUP received: re-exec daemon", Some("reload")),
            ("exim", "exim 4.98 daemon started: pid=812, -q30m, listening for SMTP on port 25", Some("start")),
        ] {
            let found = of(program, body).map(|said| match said.fact {
                Fact::Act(act) => act.operation,
                other => format!("{other:?}"),
            });
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }
}
