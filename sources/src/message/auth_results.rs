//! Authentication-Results (RFC 8601, 2.2) and its relatives, with comments nested, quotes, and no authserv-id as
//! Microsoft writes it; and the older Received-SPF (RFC 7208, 9.1).

use evidence::{AuthFault, AuthMethod, AuthResult, Authentication};

/// How many results of one field are taken.
const MAX_RESULTS: usize = 64;

/// What one Authentication-Results field says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    /// The authserv-id as written; `None` if the field has none.
    pub(crate) authserv_id: Option<String>,
    /// `i=` of an ARC set, where the field has it.
    pub(crate) instance: Option<String>,
    /// One entry a method and signature of the methods we follow.
    pub(crate) results: Vec<Authentication>,
    /// Whether it says that nothing was checked (`none`).
    pub(crate) none: bool,
}

/// A part of one result.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// `key=value`; the value is empty where nothing stands after the equals sign.
    Pair(String, String),
    /// A word without an equals sign.
    Word(String),
    /// A comment without its outer parentheses.
    Comment(String),
}

/// Cuts at `;` outside comments and quotes.
fn segments(value: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut quoted, mut escaped, mut start) = (0usize, false, false, 0);
    for (at, c) in value.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ';' if depth == 0 && !quoted => {
                found.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&value[start..]);
    found
}

/// Reads the pairs, words and comments of one segment.
fn tokens(segment: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = segment.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '(' {
            let (comment, after) = comment(rest);
            found.push(Token::Comment(comment));
            rest = after.trim_start();
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '(')).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let after = after.trim_start();
        match after.strip_prefix('=') {
            Some(after) => {
                let (text, after) = pair_value(after);
                found.push(Token::Pair(key.to_ascii_lowercase(), text));
                rest = after.trim_start();
            }
            None => {
                if !key.is_empty() {
                    found.push(Token::Word(key.to_owned()));
                }
                rest = after;
            }
        }
    }
    found
}

/// The text of a comment that stands at the start, and what follows it; an unclosed comment takes the rest.
fn comment(text: &str) -> (String, &str) {
    let (mut depth, mut escaped) = (0usize, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return (text[1..at].trim().to_owned(), &text[at + 1..]);
                }
            }
            _ => {}
        }
    }
    (text[1..].trim().to_owned(), "")
}

/// The value after an equals sign: quoted parts lose their quotes. A blank and then another `key=` is no value.
fn pair_value(text: &str) -> (String, &str) {
    let trimmed = text.trim_start();
    if trimmed.len() < text.len() {
        let word = trimmed.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("");
        if word.contains('=') {
            return (String::new(), trimmed);
        }
    }
    let mut value = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in trimmed.char_indices() {
        if escaped {
            value.push(c);
            escaped = false;
            continue;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted && (c.is_whitespace() || c == '(') => return (value, &trimmed[at..]),
            c => value.push(c),
        }
    }
    (value, "")
}

/// Calls `tell` with each pair of the field, and with each loose word that leads a segment; comments are left out.
pub(crate) fn each_part(value: &str, tell: &mut dyn FnMut(Option<&str>, &str)) {
    for segment in segments(value).into_iter().take(MAX_RESULTS) {
        let mut is_first = true;
        for token in tokens(segment) {
            match token {
                Token::Pair(key, value) => tell(Some(&key), &value),
                Token::Word(word) if is_first => tell(None, &word),
                Token::Word(_) | Token::Comment(_) => continue,
            }
            is_first = false;
        }
    }
}

/// Who wrote the field, without reading the rest of it.
pub(crate) fn authserv_id(value: &str) -> Option<String> {
    let end = segments(value).first().map_or(0, |segment| segment.len());
    parse(&value[..end]).authserv_id
}

fn method_of(name: &str) -> Option<AuthMethod> {
    match name.split('/').next().unwrap_or(name).trim() {
        "spf" => Some(AuthMethod::Spf),
        "dkim" => Some(AuthMethod::Dkim),
        "dmarc" => Some(AuthMethod::Dmarc),
        "arc" => Some(AuthMethod::Arc),
        "compauth" => Some(AuthMethod::CompAuth),
        _ => None,
    }
}

/// A result word; words outside RFC 8601, 2.7 are kept as written.
pub(crate) fn result_of(word: &str) -> AuthResult {
    match word.to_ascii_lowercase().as_str() {
        "pass" => AuthResult::Pass,
        "fail" | "hardfail" => AuthResult::Fail,
        "softfail" => AuthResult::SoftFail,
        "neutral" => AuthResult::Neutral,
        "none" => AuthResult::None,
        "policy" => AuthResult::Policy,
        "temperror" => AuthResult::TempError,
        "permerror" => AuthResult::PermError,
        _ => AuthResult::Other(word.to_owned()),
    }
}

/// The domain of an address, or the word itself; `None` if nothing, or the word `none`, stands there.
fn domain_of(said: &str) -> Option<String> {
    let said = said.trim_matches(['<', '>', ' ', '.']);
    let domain = said.rsplit_once('@').map_or(said, |(_, domain)| domain).to_ascii_lowercase();
    (!domain.is_empty() && domain != "none").then_some(domain)
}

/// Reads one field's value.
pub(crate) fn parse(value: &str) -> Results {
    let mut found = Results::default();
    for (at, segment) in segments(value).into_iter().enumerate() {
        let mut parts = tokens(segment);
        if let Some(Token::Pair(key, instance)) = parts.first()
            && key == "i"
            && at == 0
        {
            found.instance = Some(instance.clone());
            parts.remove(0);
        }
        let Some(lead) = parts.iter().find(|part| !matches!(part, Token::Comment(_))) else { continue };
        match lead {
            Token::Word(word) if word.eq_ignore_ascii_case("none") => found.none = true,
            Token::Word(word) => {
                let is_first = found.results.is_empty() && found.authserv_id.is_none();
                if is_first {
                    found.authserv_id = Some(word.clone());
                }
                // Some writers forget the `;` after their id.
                if let Some(from) =
                    parts.iter().position(|part| matches!(part, Token::Pair(key, _) if method_of(key).is_some()))
                {
                    push(&parts[from..], segment, &mut found);
                }
            }
            Token::Pair(..) => push(&parts, segment, &mut found),
            Token::Comment(_) => {}
        }
    }
    let id = found.authserv_id.clone();
    for result in &mut found.results {
        result.authserv_id.clone_from(&id);
    }
    found
}

/// Reads one `method=result` with its comments and properties.
fn push(parts: &[Token], segment: &str, found: &mut Results) {
    let mut parts = parts.iter().filter(|_| true);
    let mut comments = Vec::new();
    let mut result_word = String::new();
    let (method, result) = loop {
        match parts.next() {
            Some(Token::Pair(key, word)) => match method_of(key) {
                Some(method) => {
                    result_word.clone_from(word);
                    break (method, result_of(word));
                }
                None => return,
            },
            Some(Token::Comment(text)) => comments.push(text.clone()),
            _ => return,
        }
    };
    if found.results.len() >= MAX_RESULTS {
        return;
    }
    let mut property = Vec::new();
    for part in parts {
        match part {
            Token::Pair(key, value) => property.push((key.as_str(), value.as_str())),
            Token::Comment(text) => comments.push(text.clone()),
            Token::Word(_) => {}
        }
    }
    let get = |names: &[&str]| {
        names.iter().find_map(|name| {
            property.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| *value)
        })
    };
    let domain = match method {
        AuthMethod::Spf => get(&["smtp.mailfrom", "smtp.mail", "smtp.mfrom", "smtp.envelope-from"])
            .and_then(domain_of)
            .or_else(|| get(&["smtp.helo"]).and_then(domain_of)),
        AuthMethod::Dkim => get(&["header.d", "header.i"]).and_then(domain_of),
        AuthMethod::Dmarc => get(&["header.from"]).and_then(domain_of),
        AuthMethod::Arc => get(&["header.d", "smtp.remote-ip"]).and_then(domain_of),
        AuthMethod::CompAuth => None,
    };
    let disposition = (method == AuthMethod::Dmarc)
        .then(|| get(&["action"]).map(str::to_owned).or_else(|| comments.iter().find_map(|c| word_after(c, "dis="))))
        .flatten();
    let reason = get(&["reason"]).map(str::to_owned).or_else(|| comments.first().cloned());
    let client = (method == AuthMethod::Spf)
        .then(|| {
            get(&["smtp.remote-ip", "client-ip"])
                .and_then(address_in)
                .or_else(|| comments.iter().find_map(|c| address_in(c)))
        })
        .flatten();
    let said = segment.split_whitespace().collect::<Vec<_>>().join(" ");
    found.results.push(Authentication {
        method,
        result,
        domain,
        authserv_id: None,
        arc_instance: None,
        client,
        fault: fault_of(&comments, reason.as_deref(), &result_word),
        disposition,
        reason,
        said,
    });
}

/// What the comments of verifiers say (Microsoft, OpenDKIM, Google, Postfix milters, dkimpy, Mimecast; noted 2026-11-21).
const FAULTS: &[(&str, AuthFault)] = &[
    ("body hash did not verify", AuthFault::BodyChanged),
    ("body hash mismatch", AuthFault::BodyChanged),
    ("body hash fail", AuthFault::BodyChanged),
    ("bad body hash", AuthFault::BodyChanged),
    ("bodyhash", AuthFault::BodyChanged),
    ("body has been altered", AuthFault::BodyChanged),
    ("no key for signature", AuthFault::KeyMissing),
    ("no such key", AuthFault::KeyMissing),
    ("key not found", AuthFault::KeyMissing),
    ("no public key", AuthFault::KeyMissing),
    ("public key not available", AuthFault::KeyMissing),
    ("key query timeout", AuthFault::DnsFailed),
    ("key query failed", AuthFault::DnsFailed),
    ("dns timeout", AuthFault::DnsFailed),
    ("query timed out", AuthFault::DnsFailed),
    ("invalid public key", AuthFault::KeyUnusable),
    ("public key revoked", AuthFault::KeyUnusable),
    ("key revoked", AuthFault::KeyUnusable),
    ("ignored public key size", AuthFault::KeyUnusable),
    ("key too small", AuthFault::KeyUnusable),
    ("insecure key", AuthFault::KeyUnusable),
    ("signature timestamp ex", AuthFault::Expired), // the service writes `exipred`
    ("signature expired", AuthFault::Expired),
    ("expired signature", AuthFault::Expired),
    ("signature did not verify", AuthFault::SignatureWrong),
    ("signature verification failed", AuthFault::SignatureWrong),
    ("bad signature", AuthFault::SignatureWrong),
    ("oda=0", AuthFault::SealerNotTrusted), // Microsoft, Configure trusted ARC sealers
];

fn fault_of(comments: &[String], reason: Option<&str>, result: &str) -> Option<AuthFault> {
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        FAULTS.iter().find(|(words, _)| text.contains(words)).map(|(_, fault)| *fault)
    };
    let said = comments.iter().map(String::as_str).chain(reason).find_map(says);
    // Microsoft writes the time-out as a result of its own.
    said.or_else(|| result.eq_ignore_ascii_case("timeout").then_some(AuthFault::DnsFailed))
}

/// The first word of a text that is an address.
fn address_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '[' | ']' | '(' | ')'));
    let address = |word: &str| word.parse::<std::net::IpAddr>().ok().map(|_| word.to_ascii_lowercase());
    words.take(64).find_map(address)
}

fn word_after(text: &str, key: &str) -> Option<String> {
    let at = text.to_ascii_lowercase().find(key)?;
    let word: String = text.get(at + key.len()..)?.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
    (!word.is_empty()).then_some(word)
}

/// Reads a Received-SPF field: the result, who checked (`protection.outlook.com`, `mx.google.com`), and the domain.
pub(crate) fn received_spf(value: &str) -> Option<(Authentication, Option<String>)> {
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (word, rest) = value.split_at(end);
    if word.is_empty() {
        return None;
    }
    let rest = rest.trim_start();
    let (text, pairs) = if rest.starts_with('(') { comment(rest) } else { (String::new(), rest) };
    let pairs = tokens(&pairs.replace(';', " "));
    let get = |name: &str| {
        pairs.iter().find_map(|part| match part {
            Token::Pair(key, value) if key == name && !value.is_empty() => Some(value.as_str()),
            _ => None,
        })
    };
    let (checker, sentence) = match text.split_once(':') {
        Some((checker, sentence)) if !checker.contains(' ') => (Some(checker.to_owned()), sentence.trim()),
        _ => (None, text.as_str()),
    };
    let domain = get("envelope-from")
        .and_then(domain_of)
        .or_else(|| spf_domain(sentence))
        .or_else(|| get("helo").and_then(domain_of));
    let speaker = get("receiver").map(|receiver| receiver.trim_end_matches(',').to_owned()).or(checker);
    let client = get("client-ip").and_then(address_in).or_else(|| address_in(sentence));
    let reason = (!sentence.is_empty()).then(|| sentence.to_owned());
    let said = value.split_whitespace().collect::<Vec<_>>().join(" ");
    let result = Authentication {
        method: AuthMethod::Spf,
        result: result_of(word),
        domain,
        authserv_id: speaker.clone(),
        arc_instance: None,
        client,
        fault: None,
        disposition: None,
        reason,
        said,
    };
    Some((result, speaker))
}

/// The domain in the sentence that explains an SPF result.
fn spf_domain(sentence: &str) -> Option<String> {
    let after = ["domain of transitioning ", "domain of ", "lookup of "]
        .iter()
        .find_map(|lead| sentence.find(lead).and_then(|at| sentence.get(at + lead.len()..)))
        .or_else(|| sentence.contains("does not designate").then_some(sentence))?;
    let word = after.split(|c: char| c.is_whitespace() || c == ':').next()?;
    (word.contains('.') || word.contains('@')).then(|| domain_of(word)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_results() {
        for (name, value, expected) in [
            (
                "Microsoft, no id",
                "spf=pass (sender IP is 203.0.113.25) smtp.mailfrom=bounce.vendor.example; dkim=fail (body hash did \
                 not verify) header.d=vendor.example;dmarc=fail action=quarantine header.from=vendor.example;\
                 compauth=fail reason=000",
                vec![
                    "None Spf Pass bounce.vendor.example - sender IP is 203.0.113.25",
                    "None Dkim Fail vendor.example - body hash did not verify",
                    "None Dmarc Fail vendor.example quarantine -",
                    "None CompAuth Fail - - 000",
                ],
            ),
            (
                "nested comment with semicolon and quotes",
                "mx.example.com 1; dkim=pass (2048-bit key; (a;b=c) \"x) header.d=a.example header.b=\"x;y\"; spf=softfail \
                 smtp.mailfrom=\"a b\"@b.example",
                vec![
                    "Some(\"mx.example.com\") Dkim Pass a.example - 2048-bit key; (a;b=c) \"x",
                    "Some(\"mx.example.com\") Spf SoftFail b.example - -",
                ],
            ),
            (
                "empty mailfrom",
                "mx.example.com; spf=none smtp.mailfrom= smtp.helo=h.example; dmarc=pass (p=reject dis=none) header.from=b.example",
                vec![
                    "Some(\"mx.example.com\") Spf None h.example - -",
                    "Some(\"mx.example.com\") Dmarc Pass b.example none p=reject dis=none",
                ],
            ),
            (
                "arc",
                "i=1; mx.example.com 1; arc=none; dkim=timeout header.d=none",
                vec![
                    "Some(\"mx.example.com\") Arc None - - -",
                    "Some(\"mx.example.com\") Dkim Other(\"timeout\") - - -",
                ],
            ),
            ("only an id", "mx.example.com; none", vec![]),
            (
                "spaces",
                "h.example ; spf = fail (x) smtp.mailfrom = a.example",
                vec!["Some(\"h.example\") Spf Fail a.example - x"],
            ),
        ] {
            let show = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let found: Vec<String> = parse(value)
                .results
                .iter()
                .map(|r| {
                    format!(
                        "{:?} {:?} {:?} {} {} {}",
                        r.authserv_id,
                        r.method,
                        r.result,
                        show(&r.domain),
                        show(&r.disposition),
                        show(&r.reason)
                    )
                })
                .collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn ok_received_spf() {
        for (name, value, expected) in [
            (
                "pass",
                "Pass (protection.outlook.com: domain of a.example designates 192.0.2.1 as permitted sender) \
                 receiver=protection.outlook.com; client-ip=192.0.2.1; helo=h.example; pr=C",
                "Pass a.example protection.outlook.com",
            ),
            (
                "none",
                "None (protection.outlook.com: a.example does not designate permitted sender hosts)",
                "None a.example protection.outlook.com",
            ),
            (
                "google",
                "softfail (google.com: domain of transitioning u@b.example does not designate 192.0.2.1 as permitted \
                 sender) client-ip=192.0.2.1;",
                "SoftFail b.example google.com",
            ),
        ] {
            let (found, speaker) = received_spf(value).expect(name);
            assert_eq!(
                format!("{:?} {} {}", found.result, found.domain.unwrap_or_default(), speaker.unwrap_or_default()),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn no_panic_on_rubbish() {
        for value in ["", ";", "((((", "spf", "spf=", "=", "a=b=c=d", "\"", "i=", "spf=pass (", "ä=ö(ü"] {
            let _ = parse(value);
            let _ = received_spf(value);
        }
        let _ = parse(&"(".repeat(500_000));
        let _ = parse(&"spf=pass;".repeat(50_000));
    }
}
