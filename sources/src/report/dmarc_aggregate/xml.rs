//! The elements of a DMARC report, read without trust: any namespace and prefix, elements left open, torn ends.

use std::ops::{ControlFlow, Range};

use quick_xml::Reader;
use quick_xml::events::Event;

/// How deep elements may lie within each other; what lies deeper is left out.
const DEPTH_MAX: usize = 32;
/// How many elements one element may hold.
const CHILDREN_MAX: usize = 1_000;
/// How much text of one element is kept.
const TEXT_MAX_BYTES: usize = 4_096;

/// After how many faults the rest is left alone: each may cost a look at all that follows.
const FAULTS_MAX: usize = 16;

/// Elements that are handed out by themselves, wherever they stand.
const UNITS: [&str; 3] = ["report_metadata", "policy_published", "record"];

/// One element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name without prefix, lower case.
    pub(super) name: String,
    /// Its text, trimmed.
    pub(super) text: String,
    /// The elements within.
    pub(super) children: Vec<Element>,
    /// Its place in the text.
    pub(super) span: Range<usize>,
}

/// What a report holds, in its order.
pub(super) enum Piece {
    /// One of the units.
    Unit(Element),
    /// A stretch that cannot be read, and why.
    Torn(Range<usize>, String),
}

impl Element {
    /// The first element of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All elements of this name.
    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text at the end of a path, if there is any.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        let end = path.iter().try_fold(self, |element, name| element.child(name))?;
        Some(end.text.as_str()).filter(|text| !text.is_empty())
    }

    fn close(mut self, end: usize) -> Element {
        self.text = self.text.trim().to_owned();
        self.span.end = end;
        self
    }
}

/// Where pieces go, one by one; it may ask to stop.
pub(super) type Taker<'t> = dyn FnMut(Piece) -> ControlFlow<()> + 't;

/// Reads the units of a report and hands each on. A fault tears what stands up to the next record; entities are never
/// expanded.
pub(super) fn pieces(text: &str, take: &mut Taker<'_>) {
    let mut from = 0;
    for _ in 0..FAULTS_MAX {
        match read(text, from, take) {
            Some(next) => from = next,
            None => return,
        }
    }
    let _ = take(Piece::Torn(from..text.len(), format!("more than {FAULTS_MAX} faults before it")));
}

/// Reads from an offset; gives the offset of the next record if a fault stood in the way.
fn read(text: &str, from: usize, out: &mut Taker<'_>) -> Option<usize> {
    let mut reader = Reader::from_str(&text[from..]);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut stack: Vec<Element> = Vec::new();
    let mut too_deep = 0usize;
    let place = |reader: &Reader<&[u8]>| {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        text.floor_char_boundary(from.saturating_add(at).min(text.len()))
    };
    loop {
        let at = place(&reader);
        match reader.read_event() {
            Ok(Event::Start(_)) if stack.len() >= DEPTH_MAX => too_deep += 1,
            Ok(Event::End(_)) if too_deep > 0 => too_deep -= 1,
            Ok(Event::Start(start)) => {
                let name = local(AsRef::<str>::as_ref(&start.name()));
                stack.push(Element { name, span: at..at, ..Element::default() });
            }
            Ok(Event::End(end)) => {
                let name = local(AsRef::<str>::as_ref(&end.name()));
                let after = place(&reader);
                // An element that was left open ends with the one around it.
                if let Some(open) = stack.iter().rposition(|element| element.name == name) {
                    while stack.len() > open {
                        let Some(element) = stack.pop() else { break };
                        if let Some(unit) = into_parent(element.close(after), &mut stack)
                            && out(Piece::Unit(unit)).is_break()
                        {
                            return None;
                        }
                    }
                }
            }
            Ok(Event::Text(words)) => append(&mut stack, words.as_ref()),
            Ok(Event::CData(words)) => append(&mut stack, words.as_ref()),
            Ok(Event::GeneralRef(named)) => {
                let reference = format!("&{};", AsRef::<str>::as_ref(&named));
                let plain = quick_xml::escape::unescape(&reference).map(|plain| plain.into_owned());
                append(&mut stack, &plain.unwrap_or(reference));
            }
            Ok(Event::Eof) => {
                let start = stack.iter().find(|element| UNITS.contains(&element.name.as_str()));
                if let Some(start) = start.map(|element| element.span.start) {
                    let more = text.get(start + 1..).and_then(|rest| rest.find("<record"));
                    let end = more.map_or(text.len(), |more| start + 1 + more);
                    let _ = out(Piece::Torn(start..end, "the end of the file".to_owned()));
                }
                return None;
            }
            Ok(_) => {}
            Err(error) => {
                let start = stack.iter().find(|element| UNITS.contains(&element.name.as_str()));
                let start = start.map_or(at, |element| element.span.start);
                let after = place(&reader).max(at);
                let next = text.get(after..).and_then(|rest| rest.find("<record")).map(|more| after + more);
                // The same place again would never end.
                let next = next.filter(|next| *next > start.max(from));
                let end = next.unwrap_or(text.len());
                if !text[start..end].trim().is_empty() {
                    let _ = out(Piece::Torn(start..end, error.to_string()));
                }
                return next;
            }
        }
    }
}

/// Gives a unit back, or puts an element into the one around it.
fn into_parent(element: Element, stack: &mut [Element]) -> Option<Element> {
    if UNITS.contains(&element.name.as_str()) {
        return Some(element);
    }
    if let Some(parent) = stack.last_mut()
        && parent.children.len() < CHILDREN_MAX
        // The root holds what is no unit only to be dropped.
        && parent.name != "feedback"
    {
        parent.children.push(element);
    }
    None
}

fn append(stack: &mut [Element], words: &str) {
    if let Some(element) = stack.last_mut() {
        let room = TEXT_MAX_BYTES.saturating_sub(element.text.len());
        element.text.push_str(&words[..words.floor_char_boundary(room.min(words.len()))]);
    }
}

/// A name without its prefix, lower case.
fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase()
}
