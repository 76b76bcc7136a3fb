//! Commands that change tables and parameters, stop a filter, teach it, or let a held message go.

use evidence::{Act, Actor, ChangeKind, Done, Effect, ListEntry, ListWord, Product, Property, Setting, SettingClass};

use super::super::About;
use super::super::shell::{self, Command, Word};
use super::Told;
use crate::postfix::configuration;
use crate::setup::parameter;
use crate::table::setting::bare;

/// Programs of which a command is read; what only looks or loads anew changes nothing.
const PROGRAMS: &[&str] = &[
    "postconf",
    "postmap",
    "postsuper",
    "postqueue",
    "postfix",
    "amavisd-release",
    "rspamc",
    "rspamadm",
    "sa-learn",
    "spamassassin",
    "spamc",
    "echo",
    "printf",
    "cat",
    "tee",
    "systemctl",
    "service",
];

/// Those that write or look at anything, not only at what is ours.
const COMMON: &[&str] = &["echo", "printf", "cat", "tee", "systemctl", "service"];

/// Parts of paths and units by which a common command is one of ours.
const OURS: &[&str] = &["postfix", "rspamd", "amavis", "spamassassin", "spamd", "spampd"];

/// Whether a line begins with a command that is read here.
pub(super) fn begins(line: &str) -> bool {
    let (commands, _) = shell::first_line(line, 1);
    commands.first().is_some_and(|command| PROGRAMS.contains(&command.name()) && !is_entry(line))
}

/// Whether a line is surely a command of ours.
pub(super) fn is_ours(line: &str) -> bool {
    let (commands, _) = shell::first_line(line, 1);
    let Some(first) = commands.first() else { return false };
    let is_common = COMMON.contains(&first.name());
    begins(line) && (!is_common || OURS.iter().any(|part| line.to_ascii_lowercase().contains(part)))
}

/// Whether a line is rather one of a table: `service OK`, `postfix REJECT`.
fn is_entry(line: &str) -> bool {
    crate::postfix::access_map::is_surely_an_entry(line)
}

/// Reads one command, which may be given a text; gives the text that it writes to whatever comes next.
pub(super) fn read(told: &mut Told, command: &Command, given: Option<(String, u64)>) -> Option<(String, u64)> {
    let arguments = command.arguments();
    if let Some(open) = arguments.iter().chain(&command.into).find(|word| word.is_open && !is_harmless(&word.text)) {
        let expected = "words that no shell changes";
        told.unread(&command.said, command.line, expected, &format!("`{}`", open.text));
        return None;
    }
    match command.name() {
        "echo" => {
            return written(told, command, echoed(arguments), arguments.first().map_or(command.line, |word| word.line));
        }
        "printf" => return written(told, command, printed(arguments), command.line),
        "cat" if arguments.is_empty() => {
            let (text, line) = given?;
            return written(told, command, text, line);
        }
        "tee" => {
            let (text, line) = given?;
            let into: Vec<&Word> = arguments.iter().filter(|word| !word.text.starts_with('-')).collect();
            into.iter().for_each(|into| told.lines(&text, line, Some(&into.text)));
            return None;
        }
        "postconf" => postconf(told, command),
        "postmap" => postmap(told, command, given),
        "postsuper" => postsuper(told, command),
        "postqueue" => act_of(told, command, &["-f", "-i", "-s"], Product::Postfix),
        "amavisd-release" => release(told, command),
        "rspamc" => act_of(told, command, &["learn_ham", "learn_spam", "fuzzy_add", "fuzzy_del"], Product::Rspamd),
        "sa-learn" => act_of(told, command, &["--ham", "--spam", "--forget", "--clear"], Product::Amavis),
        "spamassassin" => spamassassin(told, command),
        "systemctl" | "service" => service(told, command),
        "postfix" if has(arguments, &["reload", "check", "status", "start", "flush"]) => {}
        "rspamadm" if has(arguments, &["configdump", "configtest", "control", "pw", "signtool"]) => {}
        _ => told.unread(
            &command.said,
            command.line,
            "a command that changes a table, a parameter or a message",
            "another",
        ),
    }
    None
}

/// What looks like something a shell puts in, and is known not to be: a reference of Postfix to a parameter.
fn is_harmless(text: &str) -> bool {
    text.contains('=') && !text.contains(['`', '*', '?']) && !text.contains("$(")
        || text.starts_with('*') && text.contains('@')
}

fn has(arguments: &[Word], words: &[&str]) -> bool {
    arguments.iter().any(|word| words.contains(&word.text.as_str()))
}

/// A text that is written: into a file, or to whatever comes next.
fn written(told: &mut Told, command: &Command, text: String, line: u64) -> Option<(String, u64)> {
    if command.into.is_empty() {
        return Some((text, line));
    }
    command.into.iter().for_each(|into| told.lines(&text, line, Some(&into.text)));
    None
}

/// What `echo` writes.
fn echoed(arguments: &[Word]) -> String {
    let options = arguments.iter().take_while(|word| matches!(word.text.as_str(), "-e" | "-n" | "-ne" | "-en")).count();
    let is_escaped = arguments.iter().take(options).any(|word| word.text.contains('e'));
    let text = arguments.iter().skip(options).map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    if is_escaped { unescaped(&text) } else { text }
}

/// What `printf` writes, if its form holds `%s` at most.
fn printed(arguments: &[Word]) -> String {
    let Some(form) = arguments.first() else { return String::new() };
    let mut values = arguments.iter().skip(1);
    let mut text = String::new();
    for (place, part) in form.text.split("%s").enumerate() {
        if place > 0 {
            text.push_str(values.next().map_or("", |word| &word.text));
        }
        text.push_str(part);
    }
    unescaped(&text)
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

/// `postconf -e 'name = value'`: the value takes the place of what was there.
fn postconf(told: &mut Told, command: &Command) {
    let arguments = command.arguments();
    let is_service = has(arguments, &["-P"]);
    let takes_back = has(arguments, &["-X", "-#"]);
    let mut is_changed = false;
    for word in arguments.iter().filter(|word| !word.text.starts_with('-')) {
        let of_service = || word.text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let assigned = if is_service { of_service() } else { configuration::assignment(&word.text) };
        let (name, value) = match assigned {
            Some(assigned) => assigned,
            None if takes_back => (word.text.as_str(), ""),
            None => continue,
        };
        is_changed = true;
        let (service, name) =
            name.rsplit_once('/').filter(|_| is_service).map_or((None, name), |(service, name)| (Some(service), name));
        let Some(mut setting) = configuration::parameter(name, value, name.ends_with("_restrictions")) else {
            if !configuration::is_known(name) {
                told.unread(&command.said, word.line, "a parameter that is known", &format!("`{name}`"));
            }
            continue;
        };
        let service = service.map(|service| Property { name: "service".to_owned(), values: vec![service.to_owned()] });
        setting.properties.extend(service);
        let kind = if takes_back { ChangeKind::Removed } else { ChangeKind::Changed };
        let operation = if takes_back { "postconf -X" } else { "postconf -e" };
        told.step(&command.said, word.line, Product::Postfix, operation, kind, About::Setting(Box::new(setting)));
        if let Some(step) = told.candidate.steps.last_mut() {
            step.replaces.push(name.to_owned());
        }
    }
    let looks = has(arguments, &["-n", "-d", "-h", "-m", "-l", "-a", "-hn"])
        || arguments.iter().all(|word| !word.text.starts_with('-'));
    if !is_changed && !looks {
        told.unread(&command.said, command.line, "`name = value`", "none");
    }
}

/// `postmap -i` and `-r` take entries; without them a table is compiled.
fn postmap(told: &mut Told, command: &Command, given: Option<(String, u64)>) {
    let arguments = command.arguments();
    let into = arguments.iter().rev().find(|word| !word.text.starts_with('-')).map(|word| word.text.as_str());
    match (has(arguments, &["-i", "-r"]), given) {
        (true, Some((text, line))) => told.lines(&text, line, into),
        (true, None) => told.unread(&command.said, command.line, "the entries on its standard input", "none"),
        (false, _) if has(arguments, &["-d"]) => {
            let value = arguments.iter().skip_while(|word| word.text != "-d").nth(1).map(|word| word.text.clone());
            let value = value.unwrap_or_default();
            let mut gone = Setting {
                entry: Some(ListEntry {
                    says: ListWord::Other("removed".to_owned()),
                    on: "pattern".to_owned(),
                    value: value.clone(),
                }),
                ..bare(SettingClass::ListEntry, value)
            };
            super::kinds::put_table(&mut gone, into);
            let about = About::Setting(Box::new(gone));
            told.step(&command.said, command.line, Product::Postfix, "postmap -d", ChangeKind::Removed, about);
        }
        (false, _) => {}
    }
}

/// `postsuper -r ID`, `-H ID`, `-d ALL`: for each id one act.
fn postsuper(told: &mut Told, command: &Command) {
    const QUEUES: &[&str] = &["hold", "incoming", "active", "deferred"];
    let mut operation: Option<&str> = None;
    let mut is_done = false;
    let queues: Vec<String> = command
        .arguments()
        .iter()
        .filter(|word| QUEUES.contains(&word.text.as_str()))
        .map(|word| word.text.clone())
        .collect();
    for word in command.arguments() {
        match word.text.as_str() {
            option @ ("-r" | "-H" | "-h" | "-d" | "-e" | "-f") => operation = Some(option),
            "-" => told.unread(&command.said, word.line, "the ids of messages", "standard input"),
            queue if QUEUES.contains(&queue) => {}
            id => match operation {
                Some(option) if !id.starts_with('-') => {
                    is_done = true;
                    let details = if queues.is_empty() {
                        Vec::new()
                    } else {
                        vec![Property { name: "queue".to_owned(), values: queues.clone() }]
                    };
                    act(told, command, &format!("postsuper {option}"), Some(id.to_owned()), details, Product::Postfix);
                }
                _ => told.unread(&command.said, word.line, "`-r`, `-H`, `-h`, `-d` and an id", &format!("`{id}`")),
            },
        }
    }
    let is_unread = told.candidate.unread.iter().any(|unread| unread.line == command.line);
    if !is_done && !is_unread {
        told.unread(&command.said, command.line, "the id of a message", "none");
    }
}

/// `amavisd-release MAIL_ID [SECRET [RECIPIENT ...]]`.
fn release(told: &mut Told, command: &Command) {
    let mut words = command.arguments().iter().filter(|word| !word.text.starts_with('-') || word.text == "-");
    let Some(id) = words.next().filter(|word| word.text != "-") else {
        return told.unread(&command.said, command.line, "the id of a held message", "none");
    };
    let _secret = words.next();
    let recipients: Vec<String> = words.map(|word| word.text.clone()).collect();
    let details = if recipients.is_empty() {
        Vec::new()
    } else {
        vec![Property { name: "recipients".to_owned(), values: recipients }]
    };
    act(told, command, "amavisd-release", Some(id.text.clone()), details, Product::Amavis);
}

/// A command whose act is one of its words; what stands behind that is what it acts on.
fn act_of(told: &mut Told, command: &Command, acts: &[&str], product: Product) {
    let arguments = command.arguments();
    let Some(at) = arguments.iter().position(|word| acts.contains(&word.text.as_str())) else {
        let is_asking = arguments.iter().any(|word| {
            matches!(
                word.text.as_str(),
                "-p" | "stat" | "counters" | "ping" | "uptime" | "symbols" | "--dump" | "--sync" | "-j"
            )
        });
        if !is_asking {
            told.unread(&command.said, command.line, &format!("one of {}", acts.join(", ")), "another");
        }
        return;
    };
    let Some(word) = arguments.get(at) else { return };
    let operation = format!("{} {}", command.name(), word.text);
    let on: Vec<String> = arguments
        .iter()
        .skip(at + 1)
        .filter(|word| !word.text.starts_with('-'))
        .map(|word| word.text.clone())
        .collect();
    let object = (!on.is_empty()).then(|| on.join(" "));
    act(told, command, &operation, object, Vec::new(), product);
}

fn act(
    told: &mut Told,
    command: &Command,
    operation: &str,
    object: Option<String>,
    details: Vec<Property>,
    product: Product,
) {
    let act = Act { operation: operation.to_owned(), object, by: Actor::default(), done: Done::NotSaid, details };
    told.step(&command.said, command.line, product, operation, ChangeKind::Other, About::Act(act));
}

/// `spamassassin --add-addr-to-welcomelist=ann@example.com` changes what is remembered of a sender.
fn spamassassin(told: &mut Told, command: &Command) {
    let mut is_read = false;
    for word in command.arguments() {
        let Some((option, value)) = word.text.split_once('=') else { continue };
        let says = match option {
            "--add-addr-to-whitelist" | "--add-addr-to-welcomelist" => ListWord::Allow,
            "--add-addr-to-blacklist" | "--add-addr-to-blocklist" => ListWord::Block,
            "--remove-addr-from-whitelist" | "--remove-addr-from-welcomelist" => ListWord::Other("removed".to_owned()),
            _ => continue,
        };
        is_read = true;
        let entry = ListEntry { says, on: "sender".to_owned(), value: value.to_owned() };
        let properties =
            vec![Property { name: "directive".to_owned(), values: vec![option.trim_start_matches('-').to_owned()] }];
        let setting = Setting {
            effect: Effect::Acts,
            entry: Some(entry),
            properties,
            ..bare(SettingClass::ListEntry, value.to_owned())
        };
        let about = About::Setting(Box::new(setting));
        told.step(&command.said, word.line, Product::Amavis, option, ChangeKind::Created, about);
    }
    let is_test = has(command.arguments(), &["--lint", "-t", "-D", "--version"]);
    if !is_read && !is_test {
        told.unread(&command.said, command.line, "an address that is added to a list", "none");
    }
}

/// `systemctl stop rspamd`: the filter does not run any more. Starting and loading anew change nothing.
fn service(told: &mut Told, command: &Command) {
    let arguments = command.arguments();
    let stops = has(arguments, &["stop", "disable", "mask", "kill"]);
    let goes_on = has(
        arguments,
        &[
            "reload",
            "restart",
            "start",
            "status",
            "enable",
            "try-restart",
            "reload-or-restart",
            "daemon-reload",
            "is-active",
            "force-reload",
            "unmask",
        ],
    );
    if goes_on {
        return;
    }
    for word in arguments.iter().filter(|_| stops) {
        let unit = word.text.trim_end_matches(".service");
        let product = match unit {
            "rspamd" => Product::Rspamd,
            "amavis" | "amavisd" | "amavisd-new" | "spamassassin" | "spamd" | "spampd" => Product::Amavis,
            "postfix" | "postgrey" | "policyd-spf" | "opendmarc" | "opendkim" => Product::Postfix,
            _ => continue,
        };
        let off = Setting { effect: Effect::Off, ..parameter("service", vec![unit.to_owned()]) };
        let off = Setting { name: unit.to_owned(), ..off };
        told.step(&command.said, command.line, product, "stop", ChangeKind::Disabled, About::Setting(Box::new(off)));
        return;
    }
    told.unread(&command.said, command.line, "a service that is stopped or loaded anew", "another");
}
