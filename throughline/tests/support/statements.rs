//! The statements of an `expected` block (`cases/README.md`), each held against a report.

use serde_json::Value;

use super::{LAYERS, Run, findings_text, is_at, list, place, short, word};

/// Checks one statement; the error says what was found instead. `taken` holds the copies that earlier lines used up.
pub fn check(statement: &str, run: &Run, taken: &mut Vec<usize>) -> Result<(), String> {
    let report = &run.report;
    let (head, value) = statement.split_once(':').map_or((statement, ""), |(head, value)| (head.trim(), value.trim()));
    let words: Vec<&str> = head.split_whitespace().collect();
    match words.as_slice() {
        ["copy", address] => check_copy(report, address, value, taken),
        ["no", "copy", address] => match copies(report, address).next() {
            None => Ok(()),
            Some((_, copy)) => Err(format!("a copy with fate {}", word(copy, "fate"))),
        },
        ["layer", address, state] => check_layer(report, address, state),
        ["cause"] => check_cause(report, value),
        ["also"] => check_finding(report, value, |_| true),
        ["for", address] => check_finding(report, value, |who| who == "none" || who.eq_ignore_ascii_case(address)),
        ["never"] => check_never(report, value),
        ["messages"] => check_count(&report["several"]["messages"], value),
        ["not-counted"] => check_count(&report["several"]["not_counted"], value),
        ["not-followed"] => check_count(&report["several"]["not_followed"], value),
        ["exceptions"] => check_count(&Value::from(list(report, "exceptions").len()), value),
        ["fates"] => check_fates(report, value),
        ["shares"] => check_shares(report, value),
        ["exception"] => check_exception(report, value),
        ["symptom"] => check_symptom(report, value),
        ["no", "symptom"] => check_no_symptom(report, value),
        ["symptom", "cites"] => check_symptom_cites(report, value),
        ["apart"] => check_apart(report, value),
        ["picture"] => check_picture(report, value),
        ["cites"] => check_cites(report, value),
        ["asks"] => check_asks(report, value),
        ["step"] => check_steps(report, value),
        ["no", "step"] => check_no_step(report, value),
        ["no", "steps"] => match list(report, "next_steps").iter().find(|step| step["layer"].is_string()) {
            None => Ok(()),
            Some(_) => Err(steps_text(report)),
        },
        ["checked"] => check_checked(report, value),
        ["exit"] => {
            let found = run.exit.to_string();
            if value.split('|').any(|exit| exit == found) { Ok(()) } else { Err(format!("exit {found}")) }
        }
        _ => Err("a statement that `cases/README.md` does not know".to_owned()),
    }
}

/// The copies for an address with their position; `*` is every copy.
fn copies<'a>(report: &'a Value, address: &'a str) -> impl Iterator<Item = (usize, &'a Value)> {
    list(report, "copies")
        .iter()
        .enumerate()
        .filter(move |(_, copy)| address == "*" || word(copy, "envelope_recipient").eq_ignore_ascii_case(address))
}

fn check_copy(report: &Value, address: &str, value: &str, taken: &mut Vec<usize>) -> Result<(), String> {
    if address == "*" && list(report, "copies").len() != 1 {
        return Err(all_copies(report));
    }
    let holds = |copy: &Value| {
        value.split(',').all(|part| match part.trim().split_once('=') {
            Some((key @ ("fate" | "changed_layer"), allowed)) => allowed.split('|').any(|one| one == word(copy, key)),
            _ => false,
        })
    };
    match copies(report, address).find(|(at, copy)| !taken.contains(at) && holds(copy)) {
        Some((at, _)) => {
            taken.push(at);
            Ok(())
        }
        None => Err(all_copies(report)),
    }
}

fn all_copies(report: &Value) -> String {
    let copies: Vec<String> = list(report, "copies")
        .iter()
        .map(|copy| {
            let who = word(copy, "envelope_recipient");
            format!("{who}: fate={}, changed_layer={}", word(copy, "fate"), word(copy, "changed_layer"))
        })
        .collect();
    if copies.is_empty() { "no copies".to_owned() } else { copies.join("; ") }
}

fn check_layer(report: &Value, address: &str, statement: &str) -> Result<(), String> {
    let (layer, allowed) = statement.split_once('=').ok_or("a layer statement without `=`")?;
    if !LAYERS.contains(&layer) {
        return Err(format!("no layer is called `{layer}`"));
    }
    let states: Vec<&str> = copies(report, address)
        .flat_map(|(_, copy)| list(copy, "layers"))
        .filter(|entry| word(entry, "layer") == layer)
        .map(|entry| word(entry, "state"))
        .collect();
    if states.iter().any(|state| allowed.split('|').any(|one| one == *state)) {
        Ok(())
    } else {
        Err(format!("{layer}={states:?}"))
    }
}

/// Whether a finding is one of the phrases `id standing|standing | id standing`.
fn is_one_of(finding: &Value, phrases: &str) -> bool {
    phrases.split(" | ").any(|phrase| {
        let (id, standings) = phrase.trim().split_once(' ').unwrap_or((phrase.trim(), "proved|likely"));
        id == word(finding, "id") && standings.split('|').any(|standing| standing.trim() == word(finding, "standing"))
    })
}

fn is_shown(finding: &Value) -> bool {
    matches!(word(finding, "standing"), "proved" | "likely")
}

fn check_cause(report: &Value, value: &str) -> Result<(), String> {
    let causes = || list(report, "findings").iter().filter(|finding| word(finding, "kind") == "cause");
    let holds = match value {
        "none" => !causes().any(is_shown),
        "not_shown" => {
            !causes().any(is_shown)
                && list(report, "findings").iter().any(|finding| word(finding, "standing") == "not_shown")
        }
        phrases => causes().next().is_some_and(|first| is_one_of(first, phrases)),
    };
    if holds { Ok(()) } else { Err(findings_text(report)) }
}

fn symptoms(report: &Value) -> impl Iterator<Item = &Value> {
    list(report, "findings").iter().filter(|finding| word(finding, "kind") == "symptom")
}

fn symptoms_text(report: &Value) -> String {
    let line = |one: &Value| {
        let of = format!("{}/{}", word(one, "id"), word(one, "specific"));
        format!("\n      {of} {}: {}", word(one, "standing"), short(word(one, "statement")))
    };
    let told: String = symptoms(report).map(line).collect();
    if told.is_empty() { "no symptom".to_owned() } else { told }
}

/// `ID STANDING` or `ID/SPECIFIC STANDING`, with alternatives like a cause; `none`: no symptom is proved, likely or not shown.
fn check_symptom(report: &Value, value: &str) -> Result<(), String> {
    let is_one_of = |one: &Value, phrases: &str| {
        phrases.split(" | ").any(|phrase| {
            let (name, standings) = phrase.trim().split_once(' ').unwrap_or((phrase.trim(), "proved|likely"));
            let (id, specific) = name.split_once('/').map_or((name, None), |(id, specific)| (id, Some(specific)));
            id == word(one, "id")
                && specific.is_none_or(|specific| specific == word(one, "specific"))
                && standings.split('|').any(|standing| standing.trim() == word(one, "standing"))
        })
    };
    let holds = match value {
        "none" => symptoms(report).all(|one| word(one, "standing") == "refuted"),
        phrases => symptoms(report).any(|one| is_one_of(one, phrases)),
    };
    if holds { Ok(()) } else { Err(symptoms_text(report)) }
}

/// Of this id nothing is proved, likely or not shown.
fn check_no_symptom(report: &Value, id: &str) -> Result<(), String> {
    let mut own = symptoms(report).filter(|one| word(one, "id") == id);
    if own.all(|one| word(one, "standing") == "refuted") { Ok(()) } else { Err(symptoms_text(report)) }
}

/// `ID PLACE | PLACE`: findings of this symptom cite all these places.
fn check_symptom_cites(report: &Value, value: &str) -> Result<(), String> {
    let (id, places) = value.split_once(' ').ok_or("a symptom without places")?;
    let cites: Vec<&Value> =
        symptoms(report).filter(|one| word(one, "id") == id).flat_map(|one| list(one, "cites")).collect();
    match places.split(" | ").find(|wanted| !cites.iter().any(|cite| is_at(cite, wanted.trim()))) {
        None => Ok(()),
        Some(missing) => {
            let found: Vec<String> = cites.iter().map(|cite| place(cite)).collect();
            Err(format!("no cite at {missing}; there are {}{}", found.join(", "), symptoms_text(report)))
        }
    }
}

/// `ID/SPECIFIC STANDING`: how another cause of the symptom is said to stand.
fn check_apart(report: &Value, value: &str) -> Result<(), String> {
    let (name, standings) = value.split_once(' ').ok_or("a cause without a standing")?;
    let (id, specific) = name.split_once('/').ok_or("a symptom without a cause")?;
    let apart: Vec<&Value> =
        symptoms(report).filter(|one| word(one, "id") == id).flat_map(|one| list(one, "told_apart")).collect();
    let holds = |one: &&&Value| {
        word(one, "specific") == specific && standings.split('|').any(|standing| standing == word(one, "standing"))
    };
    if apart.iter().any(|one| holds(&one)) {
        return Ok(());
    }
    let told: Vec<String> =
        apart.iter().map(|one| format!("{} {}", word(one, "specific"), word(one, "standing"))).collect();
    Err(told.join(", "))
}

/// `ID "WORDS"`: a picture of the symptom shows these words or numbers.
fn check_picture(report: &Value, value: &str) -> Result<(), String> {
    let (id, words) = value.split_once(' ').ok_or("a picture without words")?;
    let words = words.strip_prefix('"').and_then(|words| words.strip_suffix('"')).ok_or("words without quotes")?;
    let pictures: Vec<String> = symptoms(report)
        .filter(|one| word(one, "id") == id)
        .map(|one| without_cites(&one["picture"]).to_string())
        .collect();
    let is_there = pictures.iter().any(|picture| picture.contains(&words.replace('"', "\\\"")));
    if is_there { Ok(()) } else { Err(pictures.join("; ")) }
}

/// A value without what its records say.
fn without_cites(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "cites")
            .map(|(key, one)| (key.clone(), without_cites(one)))
            .collect(),
        Value::Array(items) => items.iter().map(without_cites).collect(),
        other => other.clone(),
    }
}

fn check_finding(report: &Value, phrases: &str, fits: impl Fn(&str) -> bool) -> Result<(), String> {
    let there = list(report, "findings")
        .iter()
        .any(|finding| fits(word(finding, "envelope_recipient")) && is_one_of(finding, phrases));
    if there { Ok(()) } else { Err(findings_text(report)) }
}

fn check_never(report: &Value, phrase: &str) -> Result<(), String> {
    match list(report, "findings").iter().find(|finding| is_one_of(finding, phrase)) {
        None => Ok(()),
        Some(finding) => Err(format!("{}: {}", word(finding, "standing"), short(word(finding, "statement")))),
    }
}

fn check_asks(report: &Value, source: &str) -> Result<(), String> {
    let asks = list(report, "findings").iter().flat_map(|finding| list(finding, "ask_for"));
    if asks.filter_map(Value::as_str).any(|asked| asked == source) { Ok(()) } else { Err(findings_text(report)) }
}

/// `TIER "WORDS" > TIER "WORDS"`: steps that hold these words stand in this order, others may stand between them.
fn check_steps(report: &Value, wanted: &str) -> Result<(), String> {
    let mut steps = list(report, "next_steps").iter();
    for phrase in wanted.split(" > ") {
        let (tier, words) = phrase.trim().split_once(' ').ok_or("a step without a tier")?;
        let words =
            words.trim().strip_prefix('"').and_then(|words| words.strip_suffix('"')).ok_or("words without quotes")?;
        let tier: u64 = tier.parse().map_err(|_| format!("`{tier}` is no tier"))?;
        let is_meant = |step: &Value| step["tier"].as_u64() == Some(tier) && says(step, words);
        if !steps.any(is_meant) {
            return Err(format!("no step {phrase}; there are{}", steps_text(report)));
        }
    }
    Ok(())
}

fn check_no_step(report: &Value, words: &str) -> Result<(), String> {
    let words = words.strip_prefix('"').and_then(|words| words.strip_suffix('"')).ok_or("words without quotes")?;
    match list(report, "next_steps").iter().any(|step| says(step, words)) {
        false => Ok(()),
        true => Err(steps_text(report)),
    }
}

/// `CHECK` or `CHECK FILE:LINE`: it was already checked, by a record there.
fn check_checked(report: &Value, value: &str) -> Result<(), String> {
    let names = |checked: &Value| match value.strip_prefix(word(checked, "check")) {
        Some("") => true,
        Some(place) => place.starts_with(' ') && list(checked, "cites").iter().any(|cite| is_at(cite, place.trim())),
        None => false,
    };
    let done: Vec<&str> = list(report, "checked").iter().map(|checked| word(checked, "check")).collect();
    if list(report, "checked").iter().any(names) { Ok(()) } else { Err(format!("checked are {done:?}")) }
}

/// Whether a step holds words in its sentence, its command or its path, whatever the case.
fn says(step: &Value, words: &str) -> bool {
    let words = words.to_lowercase();
    ["step", "command", "where"].iter().any(|key| word(step, key).to_lowercase().contains(&words))
}

fn steps_text(report: &Value) -> String {
    let line = |step: &Value| {
        format!(
            "\n      tier {} {} | {} | {}",
            step["tier"],
            word(step, "step"),
            word(step, "where"),
            word(step, "command")
        )
    };
    list(report, "next_steps").iter().map(line).collect()
}

fn check_count(found: &Value, value: &str) -> Result<(), String> {
    if found.as_u64().is_some_and(|found| found.to_string() == value) { Ok(()) } else { Err(found.to_string()) }
}

/// `quarantined 5, delivered 1`: exactly these.
fn check_fates(report: &Value, value: &str) -> Result<(), String> {
    let mut found: Vec<String> = list(&report["several"], "fates")
        .iter()
        .map(|one| format!("{} {}", word(one, "fate"), one["copies"]))
        .collect();
    let mut wanted: Vec<String> = value.split(',').map(|one| one.trim().to_owned()).collect();
    found.sort();
    wanted.sort();
    if found == wanted { Ok(()) } else { Err(found.join(", ")) }
}

/// `FAMILY/SPECIFIC COUNT`, with `by TEXT` behind it if policy or reply hold this text; `none`.
fn check_shares(report: &Value, value: &str) -> Result<(), String> {
    let groups = list(report, "shared");
    let by = |group: &Value| {
        let cause = &group["cause"];
        [word(cause, "policy"), word(cause, "reply")]
            .into_iter()
            .find(|name| *name != "none")
            .unwrap_or("none")
            .to_owned()
    };
    let all = || -> Vec<String> {
        groups.iter().map(|one| format!("{} {} by {}", word(&one["cause"], "id"), one["messages"], by(one))).collect()
    };
    if value == "none" {
        return if groups.is_empty() { Ok(()) } else { Err(all().join("; ")) };
    }
    let (wanted, name) = value.split_once(" by ").map_or((value, None), |(wanted, name)| (wanted, Some(name)));
    let holds = groups.iter().any(|one| {
        wanted == format!("{} {}", word(&one["cause"], "id"), one["messages"])
            && name.is_none_or(|name| by(one).contains(name))
    });
    if holds { Ok(()) } else { Err(if groups.is_empty() { "none".to_owned() } else { all().join("; ") }) }
}

/// `MESSAGE-ID ADDRESS: fate=..., cause=...`, with `-` for a message without an id.
fn check_exception(report: &Value, value: &str) -> Result<(), String> {
    let (who, what) = value.split_once(": ").unwrap_or((value, ""));
    let (id, address) = who.split_once(' ').unwrap_or((who, "*"));
    let id = if id == "-" { "none" } else { id.trim_matches(['<', '>']) };
    let is_one = |one: &&Value| {
        word(one, "message_id") == id
            && (address == "*" || word(one, "envelope_recipient").eq_ignore_ascii_case(address))
    };
    let holds = |one: &Value| {
        what.split(',').all(|part| match part.trim().split_once('=') {
            Some((key @ ("fate" | "cause"), allowed)) => allowed.split('|').any(|wanted| wanted == word(one, key)),
            _ => false,
        })
    };
    let told = |one: &Value| {
        format!(
            "{} {} {} {}",
            word(one, "message_id"),
            word(one, "envelope_recipient"),
            word(one, "fate"),
            word(one, "cause")
        )
    };
    let exceptions = list(report, "exceptions");
    match exceptions.iter().filter(is_one).any(holds) {
        true => Ok(()),
        false => Err(exceptions.iter().map(told).collect::<Vec<_>>().join("; ")),
    }
}

fn check_cites(report: &Value, places: &str) -> Result<(), String> {
    let first = list(report, "findings").iter().find(|finding| word(finding, "kind") == "cause");
    let cites = first.map_or(&[][..], |finding| list(finding, "cites"));
    if places.split(" | ").any(|wanted| cites.iter().any(|cite| is_at(cite, wanted.trim()))) {
        Ok(())
    } else {
        Err(format!("cites {:?}", cites.iter().map(place).collect::<Vec<_>>()))
    }
}
