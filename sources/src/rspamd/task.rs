//! The line that rspamd logs of each message (`rspamd_task_write_log`).

use evidence::{Address, CopyKey, Fact, Identifier, Identity};

use super::symbols::{self, Symbol};
use crate::lines::{Said, Seen};

/// What the line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Task<'t> {
    /// The Message-ID.
    pub(crate) message_id: Option<&'t str>,
    /// The queue id that the mail server gave.
    pub(crate) queue_id: Option<&'t str>,
    /// The envelope sender.
    pub(crate) from: Option<&'t str>,
    /// The envelope recipients.
    pub(crate) recipients: Vec<&'t str>,
    /// The action, such as `add header`.
    pub(crate) action: &'t str,
    /// The symbols.
    pub(crate) symbols: Vec<Symbol>,
    /// The module that fixed the action.
    pub(crate) forced: Option<&'t str>,
    /// Size in bytes.
    pub(crate) size_bytes: Option<u64>,
    /// Action, scores and symbols, as written.
    pub(crate) said: &'t str,
}

/// What stands in front of the fields.
const MARK: &str = "rspamd_task_write_log: ";

/// Reads the line's text; `None` if it is another line, or one of a format that names no action.
pub(crate) fn task(text: &str) -> Option<Task<'_>> {
    let text = &text[text.find(MARK)? + MARK.len()..];
    let open =
        text.find("(default: ").or_else(|| text.find(": [").and_then(|at| text[..at].rfind(": ").map(|_| at)))?;
    let (head, rest) = (&text[..open], &text[open..]);
    let (action, after) = rest.strip_prefix("(default: ")?.split_once(": [")?;
    // `T (reject)`; the letter says whether any action was taken.
    let action = action.split_once(" (")?.1.strip_suffix(')')?;
    let (_scores, after) = after.split_once("] [")?;
    let end = after.find("]), ").or_else(|| after.rfind("])")).unwrap_or(after.len());
    let said = &rest[..rest.len() - after.len() + (end + 2).min(after.len())];
    let tail = after.get(end..).unwrap_or("");
    let forced = tail.split_once("forced: ").and_then(|(_, forced)| {
        let open = forced.rfind('(')?;
        let module = forced[open + 1..].split(')').next()?;
        Some(module.strip_prefix("set by ").unwrap_or(module))
    });
    Some(Task {
        message_id: bracketed(head, "id: <").filter(|id| *id != "undef"),
        queue_id: bracketed(head, "qid: <").filter(|id| *id != "undef"),
        from: bracketed(head, " from: <").or_else(|| bracketed(head, "smtp_from: <")),
        recipients: bracketed(tail, " rcpts: <")
            .map(|list| list.split(',').filter(|to| !to.is_empty()).collect())
            .unwrap_or_default(),
        action,
        symbols: symbol_list(&after[..end]),
        forced: forced.filter(|module| !module.is_empty()),
        size_bytes: tail.split_once("len: ").and_then(|(_, len)| len.split(',').next()?.parse().ok()),
        said,
    })
}

/// The text between a key that ends in `<` and the next `>`.
fn bracketed<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let start = if text.starts_with(key) { key.len() } else { text.find(key)? + key.len() };
    text.get(start..start + text[start..].find('>')?)
}

/// `R_SPF_ALLOW(-0.20){+ip4:192.0.2.0/24;},BAYES_HAM(-1.00){96.3%;},MIME_GOOD`.
fn symbol_list(text: &str) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let name_end = rest.find(['(', '{', ',']).unwrap_or(rest.len());
        let mut end = name_end;
        if rest[end..].starts_with('(') {
            end = rest[end..].find(')').map_or(rest.len(), |close| end + close + 1);
        }
        let mut options = Vec::new();
        if rest[end..].starts_with('{') {
            let close = rest[end..].find('}').map_or(rest.len(), |close| end + close);
            options = rest[end + 1..close].split(';').filter(|o| !o.is_empty()).map(str::to_owned).collect();
            end = (close + 1).min(rest.len());
        }
        if name_end > 0 {
            symbols.push(Symbol { name: rest[..name_end].to_owned(), options, said: rest[..end].to_owned() });
        }
        let next = rest[end..].find(',').map_or(rest.len(), |comma| end + comma + 1);
        rest = &rest[next..];
    }
    symbols
}

/// Adds what the line says about ids and addresses.
pub(crate) fn see(task: &Task<'_>, seen: &mut Seen) {
    let id = task.message_id.and_then(Identifier::message_id);
    seen.message_ids.extend(id.map(|id| id.text().to_owned()));
    seen.borrowed.extend(task.queue_id.map(str::to_owned));
    seen.senders.extend(task.from.map(Address::new));
    seen.recipients.extend(task.recipients.iter().map(|to| Address::new(to)));
}

/// What the line states; `host` is the first label of the host's name, which the queue id belongs to.
pub(crate) fn facts<'t>(task: &Task<'t>, text: &'t str, host: &str) -> Vec<Said<'t>> {
    let mut ids: Vec<Identifier> = task.message_id.and_then(Identifier::message_id).into_iter().collect();
    // A queue id without its host names nothing for sure; it stands in for a Message-ID that is missing.
    let queue_id = task.queue_id.filter(|_| !host.is_empty() || ids.is_empty());
    ids.extend(queue_id.map(|id| Identifier::QueueId { host: host.to_owned(), id: id.to_owned() }));
    let about = CopyKey { ids, envelope_recipients: task.recipients.iter().map(|to| Address::new(to)).collect() };
    let from = task.from.map(Address::new);
    let identity = Identity { envelope_sender: from.clone(), size_bytes: task.size_bytes, ..Identity::default() };
    let said = |fact, word| Said { about: about.clone(), fact, word };
    let mut all = vec![said(Fact::Identity(identity), "")];
    for (name, fact) in symbols::authentication(&task.symbols, from.as_ref().and_then(Address::domain)) {
        let word = text.find(&format!("{name}(")).map_or("", |at| &text[at..at + name.len()]);
        all.push(said(fact, word));
    }
    let verdict = symbols::verdict(task.action, task.forced, &task.symbols, task.said);
    all.push(said(Fact::Verdict(verdict), task.action));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_lines() {
        let text = "<94f35d>; proxy; rspamd_task_write_log: id: <x@partner.example>, qid: <4C0FFEE>, ip: 192.0.2.7, user: ben, from: <a@partner.example>, (default: T (soft reject): [7.5/15.0] [R_SPF_ALLOW(-0.2){+ip4:192.0.2.0/24;},R_DKIM_REJECT(1.0){partner.example:s=one;other.example:s=two;},X(0.00){a, b (c) [d];},PLAIN]), len: 99, time: 9ms, dns req: 4, digest: <abc>, rcpts: <b@client.example,c@client.example>, mime_rcpts: <b@client.example>, forced: soft reject \"Try again later\"; score=nan (greylist)";
        let found = task(text).expect("a task");
        assert_eq!(found.message_id, Some("x@partner.example"));
        assert_eq!(found.queue_id, Some("4C0FFEE"));
        assert_eq!(found.from, Some("a@partner.example"));
        assert_eq!(found.recipients, ["b@client.example", "c@client.example"]);
        assert_eq!((found.action, found.forced, found.size_bytes), ("soft reject", Some("greylist"), Some(99)));
        let names: Vec<&str> = found.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
        assert_eq!(names, ["R_SPF_ALLOW", "R_DKIM_REJECT", "X", "PLAIN"]);
        assert_eq!(symbols::authentication(&found.symbols, None).len(), 3);
        for text in [
            "",
            "rspamd_task_write_log: ",
            "rspamd_task_write_log: (default: T (",
            "rspamd_task_write_log: (default: T (x): [1",
        ] {
            assert_eq!(task(text), None, "{text}");
        }
    }
}
