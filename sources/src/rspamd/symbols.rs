//! What rspamd's actions and symbols mean, whichever way they are written down.

use std::sync::LazyLock;

use evidence::{Action, AuthMethod, AuthResult, Authentication, Fact, PolicyRef, Scope, Verdict, VerdictKind};

use crate::codes::{Codes, action, verdict_kind};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// One symbol of a scan: its name, and its options as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// The name, such as `R_SPF_ALLOW`.
    pub(crate) name: String,
    /// The options, such as `client.example:s=sel`.
    pub(crate) options: Vec<String>,
    /// The symbol with its score and options, as written.
    pub(crate) said: String,
}

/// The symbols of an `X-Spamd-Result` field: `default: False [1.20 / 15.00]; SYMBOL(0.50)[option,option]; ...`.
pub(crate) fn of_header(value: &str) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
    while !rest.is_empty() {
        let start = rest.trim_start();
        let name_end = start.find(['(', '[', ';']).unwrap_or(start.len());
        let open = start[name_end..].find(['[', ';']).map_or(start.len(), |at| name_end + at);
        let mut options = Vec::new();
        let mut end = open;
        if start[open..].starts_with('[') {
            end = start[open..].find("];").map_or(start.trim_end().len(), |close| open + close + 1);
            let inside = start.get(open + 1..end.saturating_sub(1)).unwrap_or("");
            options = inside.split(',').map(|option| option.trim().to_owned()).filter(|o| !o.is_empty()).collect();
        }
        let name = start[..name_end].trim();
        if !name.is_empty() {
            let said = start[..end].split_whitespace().collect::<Vec<_>>().join(" ");
            symbols.push(Symbol { name: name.to_owned(), options, said });
        }
        rest = start[end..].find(';').map_or("", |next| &start[end + next + 1..]);
    }
    symbols
}

/// How much of the symbols a verdict repeats at most, in characters.
const SAID_MAX: usize = 200;

/// The verdict that an action stands for.
///
/// `said` are rspamd's own words; `forced` names the module that fixed the action, if one did.
pub(crate) fn verdict(name: &str, forced: Option<&str>, symbols: &[Symbol], said: &str) -> Verdict {
    let means = CODES.means("action", name).and_then(|means| means.split_once(' '));
    let (kind, action) = means
        .and_then(|(kind, done)| Some((verdict_kind(kind)?, action(done)?)))
        .unwrap_or((VerdictKind::Unknown, Action::NotSaid));
    let by_module = forced.and_then(module);
    let narrower = match kind {
        VerdictKind::Spam => by_module.or_else(|| virus(symbols)),
        // What a module that puts off would have found, it has not found yet.
        VerdictKind::Unknown if action == Action::Deferred => by_module.filter(|kind| *kind == VerdictKind::Greylisted),
        _ => None,
    };
    let policy = forced.map(|module| PolicyRef {
        kind: Some("rspamd module".to_owned()),
        name: Some(module.to_owned()),
        id: None,
    });
    let said = match said.char_indices().nth(SAID_MAX) {
        Some((at, _)) => said[..at].to_owned(),
        None => said.to_owned(),
    };
    Verdict { kind: narrower.unwrap_or(kind), action, said, policy, scope: Scope::Enforced }
}

fn module(name: &str) -> Option<VerdictKind> {
    match CODES.means("module", name)? {
        "spf" => Some(VerdictKind::Authentication(AuthMethod::Spf)),
        "dkim" => Some(VerdictKind::Authentication(AuthMethod::Dkim)),
        means => verdict_kind(means),
    }
}

/// Symbols of the antivirus module are named by the administrator, by default `CLAM_VIRUS` and the like.
fn virus(symbols: &[Symbol]) -> Option<VerdictKind> {
    symbols.iter().any(|symbol| symbol.name.ends_with("_VIRUS")).then_some(VerdictKind::Malware)
}

/// The authentication results that symbols stand for: one a signature where the options name several.
///
/// `sender_domain` is the domain of the envelope sender, which SPF is about.
pub(crate) fn authentication(symbols: &[Symbol], sender_domain: Option<&str>) -> Vec<(String, Fact)> {
    let mut facts = Vec::new();
    for symbol in symbols {
        let Some((method, result)) = CODES.means("symbol", &symbol.name).and_then(result) else { continue };
        let fact = |domain: Option<&str>, reason: Option<&str>| {
            Fact::Authentication(Authentication {
                method,
                result: result.clone(),
                domain: domain.map(str::to_owned).filter(|domain| !domain.is_empty()),
                authserv_id: None,
                arc_instance: None,
                client: None,
                fault: None,
                disposition: None,
                reason: reason.map(str::to_owned),
                said: symbol.said.clone(),
            })
        };
        let first = symbol.options.first().map(String::as_str);
        match method {
            AuthMethod::Spf => facts.push((symbol.name.clone(), fact(sender_domain, first))),
            AuthMethod::Dmarc => {
                let (domain, reason) = first.map_or((None, None), |first| match first.split_once(" : ") {
                    Some((domain, reason)) => (Some(domain), Some(reason)),
                    None => (Some(first), None),
                });
                let domain = domain.filter(|domain| domain.contains('.') && !domain.contains(' '));
                facts.push((symbol.name.clone(), fact(domain, reason.or(first.filter(|_| domain.is_none())))));
            }
            _ => {
                let signed: Vec<&str> =
                    symbol.options.iter().map(String::as_str).filter(|o| o.contains(":s=")).collect();
                if signed.is_empty() {
                    facts.push((symbol.name.clone(), fact(None, first)));
                }
                for option in signed {
                    facts.push((symbol.name.clone(), fact(option.split(':').next(), None)));
                }
            }
        }
    }
    facts
}

/// `spf pass`.
fn result(means: &str) -> Option<(AuthMethod, AuthResult)> {
    let (method, result) = means.split_once(' ')?;
    let method = match method {
        "spf" => AuthMethod::Spf,
        "dkim" => AuthMethod::Dkim,
        "dmarc" => AuthMethod::Dmarc,
        "arc" => AuthMethod::Arc,
        _ => return None,
    };
    Some((
        method,
        match result {
            "pass" => AuthResult::Pass,
            "fail" => AuthResult::Fail,
            "softfail" => AuthResult::SoftFail,
            "neutral" => AuthResult::Neutral,
            "none" => AuthResult::None,
            "temperror" => AuthResult::TempError,
            "permerror" => AuthResult::PermError,
            _ => return None,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_header() {
        let value = "default: False [1.20 / 15.00];\r\n\tR_SPF_ALLOW(-0.20)[+ip4:192.0.2.0/24];\r\n\tR_DKIM_ALLOW(-0.20)[a.example:s=one,b.example:s=two]; X(0.00)[]; PLAIN(1.00)[x;y]";
        let found = of_header(value);
        let names: Vec<&str> = found.iter().map(|symbol| symbol.name.as_str()).collect();
        assert_eq!(names, ["R_SPF_ALLOW", "R_DKIM_ALLOW", "X", "PLAIN"]);
        assert_eq!(authentication(&found, Some("a.example")).len(), 3);
        for value in ["", ";", "a; [", "a; b(", "a; ;;", "a; b[c"] {
            of_header(value);
        }
    }

    #[test]
    fn ok_every_code() {
        crate::codes::check_codes(&CODES, |code| match code.field.as_str() {
            "action" => code
                .means
                .split_once(' ')
                .is_some_and(|(kind, done)| verdict_kind(kind).is_some() && action(done).is_some()),
            "module" => module(&code.value).is_some(),
            "symbol" => result(&code.means).is_some(),
            _ => false,
        });
    }
}
