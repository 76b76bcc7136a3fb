//! Counts what each scope would have let through.
//!
//! Messages of which the same holds are one [`Sort`]; a scope is asked once a sort, and only if one of its conditions holds there. Where none
//! does, nothing is sure, and what may be follows from what is stated alone.

use super::judged::{ALL, Fate};
use super::part::{Copy, NOBODY, Part};
use super::sets::{ByHash, EMPTY, Map, Sets};
use super::terms::{ScopeTerms, Terms, is_by_envelope};
use super::{Judged, Radius};

/// Copies of a message of which the same holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Class {
    /// Conditions that hold for the recipient.
    terms: u32,
    judged: Judged,
    is_kept_out: bool,
}

/// What holds of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Signature {
    /// Conditions that hold for the message.
    terms: u32,
    /// What is stated.
    stated: u16,
    /// Its copies, each sort once, in order.
    classes: Vec<Class>,
}

/// Messages of which the same holds.
#[derive(Debug, Default)]
struct Sort {
    messages: u64,
    /// Scopes in which they surely are: with which classes.
    sure: Vec<Sure>,
    /// Recipients by class, and senders; kept if `sure` is not empty.
    recipients: Vec<Distinct>,
    senders: Distinct,
}

/// A scope in which messages surely are.
#[derive(Debug)]
struct Sure {
    scope: u32,
    /// Numbers of the classes.
    classes: Vec<u32>,
    judged: Judged,
    is_kept_out: bool,
}

/// Numbers, each kept once, or little more often.
#[derive(Debug, Default)]
struct Distinct {
    all: Vec<u32>,
    settled: usize,
}

impl Distinct {
    fn put(&mut self, number: u32) {
        if self.all.last() == Some(&number) {
            return;
        }
        self.all.push(number);
        if self.all.len() > 2 * self.settled + 1024 {
            self.all.sort_unstable();
            self.all.dedup();
            self.settled = self.all.len();
        }
    }
}

/// Counts for every scope, in their order.
pub(super) fn radii(part: &Part, terms: &Terms) -> Vec<Radius> {
    let mut count = Count::new(part, terms);
    for message in part.copies.chunk_by(|one, next| one.key == next.key) {
        count.message(message);
    }
    count.finish()
}

struct Count<'a> {
    part: &'a Part,
    terms: &'a Terms,
    sets: Sets,
    sorts: Vec<Sort>,
    numbers: Map<Signature, u32>,
    /// The sort of a message that is one row, by the row's pattern.
    by_pattern: Vec<Option<u32>>,
    /// Messages by what is stated.
    by_stated: Map<u16, u64>,
    /// Scopes by the conditions that they name, and those that name none.
    naming: Vec<Vec<u32>>,
    without_terms: Vec<u32>,
    /// Senders by number: From address and envelope sender, each numbered anew.
    senders: Vec<[u32; 2]>,
    possible: Vec<u64>,
}

impl<'a> Count<'a> {
    fn new(part: &'a Part, terms: &'a Terms) -> Count<'a> {
        let mut naming = vec![Vec::new(); 2 * terms.len()];
        let mut without_terms = Vec::new();
        for (scope, number) in terms.scopes.iter().zip(0_u32..).filter(|(scope, _)| !scope.is_no_mail) {
            if scope.terms.is_empty() {
                without_terms.push(number);
            }
            for term in scope.terms.iter().chain(&scope.except) {
                for noted in [*term, terms.by_envelope(*term)] {
                    if let Some(scopes) = naming.get_mut(noted as usize) {
                        scopes.push(number);
                    }
                }
            }
        }
        Count {
            sets: part.sets.clone(),
            sorts: Vec::new(),
            numbers: Map::default(),
            by_pattern: vec![None; part.patterns.len()],
            by_stated: Map::default(),
            naming,
            without_terms,
            senders: senders(part),
            possible: vec![0; terms.scopes.len()],
            part,
            terms,
        }
    }

    fn message(&mut self, rows: &[Copy]) {
        let [row] = rows else { return self.of_several(rows) };
        let known = self.by_pattern.get(row.pattern as usize).copied().flatten();
        let sort = known.unwrap_or_else(|| {
            let (signature, _) = self.signature(rows);
            let sort = self.sort(signature);
            if let Some(known) = self.by_pattern.get_mut(row.pattern as usize) {
                *known = Some(sort);
            }
            sort
        });
        self.put(sort, rows, &[(row.recipient, 0)]);
    }

    fn of_several(&mut self, rows: &[Copy]) {
        let (signature, copies) = self.signature(rows);
        let number = |class: &Class| signature.classes.binary_search(class).unwrap_or_default() as u32;
        let copies: Vec<(u32, u32)> = copies.iter().map(|(recipient, class)| (*recipient, number(class))).collect();
        let sort = self.sort(signature);
        self.put(sort, rows, &copies);
    }

    /// What holds of a message, and of the copy of each recipient. Rows are in the order of recipients, those about all last.
    fn signature(&mut self, rows: &[Copy]) -> (Signature, Vec<(u32, Class)>) {
        let pattern = |row: &Copy| self.part.patterns.get(row.pattern as usize);
        let first = rows.first().and_then(pattern);
        let is_one_set = rows.iter().filter_map(pattern).all(|one| first.is_some_and(|first| first.terms == one.terms));
        let terms = if is_one_set {
            first.map_or(EMPTY, |first| first.terms)
        } else {
            let sets = rows.iter().filter_map(pattern).flat_map(|one| self.sets.members(one.terms));
            let mut members: Vec<u32> = sets.copied().collect();
            self.sets.of(&mut members)
        };
        let stated = rows.iter().filter_map(pattern).fold(0, |stated, one| stated | one.stated);
        let (all, named): (Vec<&Copy>, Vec<&Copy>) = rows.iter().partition(|row| row.recipient == NOBODY);
        let said = |rows: &mut dyn Iterator<Item = &Copy>| {
            rows.filter_map(pattern).fold((Judged::NotSaid, Fate::default()), |(judged, fate), one| {
                (judged.min(one.judged), fate.and(one.fate))
            })
        };
        let of_all = said(&mut all.iter().copied());
        let class = |terms: u32, (judged, fate): (Judged, Fate)| Class {
            terms,
            judged: judged.min(of_all.0),
            is_kept_out: fate.and(of_all.1).is_kept_out(),
        };
        let mut copies: Vec<(u32, Class)> = named
            .chunk_by(|one, next| one.recipient == next.recipient)
            .filter_map(|own| {
                let first = own.first()?;
                let terms = pattern(first).map_or(EMPTY, |pattern| pattern.of_recipient);
                Some((first.recipient, class(terms, said(&mut own.iter().copied()))))
            })
            .collect();
        if copies.is_empty() {
            copies.push((NOBODY, class(EMPTY, of_all)));
        }
        let mut classes: Vec<Class> = copies.iter().map(|(_, class)| *class).collect();
        classes.sort_unstable();
        classes.dedup();
        (Signature { terms, stated, classes }, copies)
    }

    /// The number of the sort; of a new one the scopes are asked.
    fn sort(&mut self, signature: Signature) -> u32 {
        if let Some(number) = self.numbers.get(&signature) {
            return *number;
        }
        let number = self.sorts.len() as u32;
        let sure = self.scopes_of(&signature).into_iter().filter_map(|(scope, terms)| {
            let mut sure = Sure { scope, classes: Vec::new(), judged: Judged::NotSaid, is_kept_out: false };
            for (class, number) in signature.classes.iter().zip(0_u32..) {
                if self.outcome(terms, &signature, class) == Outcome::Sure {
                    sure.classes.push(number);
                    sure.judged = sure.judged.min(class.judged);
                    sure.is_kept_out |= class.is_kept_out;
                }
            }
            (!sure.classes.is_empty()).then_some(sure)
        });
        let sure: Vec<Sure> = sure.collect();
        let recipients = signature.classes.iter().map(|_| Distinct::default()).collect();
        self.sorts.push(Sort { sure, recipients, ..Sort::default() });
        self.numbers.insert(signature, number);
        number
    }

    /// The scopes that may have something to do with it.
    fn scopes_of(&self, signature: &Signature) -> Vec<(u32, &'a ScopeTerms)> {
        let sets = signature.classes.iter().map(|class| class.terms).chain([signature.terms]);
        let terms = sets.flat_map(|set| self.sets.members(set));
        let mut scopes: Vec<u32> =
            terms.filter_map(|term| self.naming.get(*term as usize)).flatten().copied().collect();
        scopes.extend(&self.without_terms);
        scopes.sort_unstable();
        scopes.dedup();
        scopes.into_iter().filter_map(|scope| Some((scope, self.terms.scopes.get(scope as usize)?))).collect()
    }

    /// Whether copies of a class are in a scope.
    fn outcome(&self, scope: &ScopeTerms, signature: &Signature, class: &Class) -> Outcome {
        let noted = |term: u32| {
            [signature.terms, class.terms].iter().any(|set| self.sets.members(*set).binary_search(&term).is_ok())
        };
        let holds =
            |term: &u32| noted(*term) || is_by_envelope(signature.stated) && noted(self.terms.by_envelope(*term));
        let may_hold = |term: &u32| self.terms.may_hold(*term, signature.stated);
        if scope.is_no_mail || scope.except.iter().any(holds) || !scope.terms.iter().all(|t| holds(t) || may_hold(t)) {
            Outcome::No
        } else if scope.terms.iter().all(holds) && !scope.except.iter().any(may_hold) {
            Outcome::Sure
        } else {
            Outcome::Possible
        }
    }

    /// Counts a message, and keeps its recipients and senders if a scope wants them.
    fn put(&mut self, sort: u32, rows: &[Copy], copies: &[(u32, u32)]) {
        let Some(sort) = self.sorts.get_mut(sort as usize) else { return };
        sort.messages += 1;
        if sort.sure.is_empty() {
            return;
        }
        for (recipient, class) in copies.iter().filter(|(recipient, _)| *recipient != NOBODY) {
            if let Some(recipients) = sort.recipients.get_mut(*class as usize) {
                recipients.put(*recipient);
            }
        }
        let named = || rows.iter().filter_map(|row| self.senders.get(row.sender as usize));
        let is_from_stated = named().any(|[header, _]| *header != NOBODY);
        for [header, envelope] in named() {
            let sender = if is_from_stated { *header } else { *envelope };
            if sender != NOBODY {
                sort.senders.put(sender);
            }
        }
    }

    fn finish(mut self) -> Vec<Radius> {
        let numbers = std::mem::take(&mut self.numbers);
        for (signature, number) in &numbers {
            let Some(messages) = self.sorts.get(*number as usize).map(|sort| sort.messages) else { continue };
            *self.by_stated.entry(signature.stated).or_default() += messages;
            self.count_possible(signature, messages);
        }
        let mut scopes: Vec<Vec<(&Sort, &Sure)>> = vec![Vec::new(); self.terms.scopes.len()];
        for sort in &self.sorts {
            for sure in &sort.sure {
                if let Some(all) = scopes.get_mut(sure.scope as usize) {
                    all.push((sort, sure));
                }
            }
        }
        let names = self.senders.iter().flatten().filter(|name| **name != NOBODY).max().map_or(0, |most| *most + 1);
        let (mut recipients, mut senders) = (Tally::of(self.part.recipients.len()), Tally::of(names as usize));
        let blank = |scope: &ScopeTerms| !scope.is_no_mail && !scope.terms.is_empty();
        let each = scopes.iter().zip(&self.terms.scopes).zip(&self.possible);
        each.map(|((sorts, scope), possible)| {
            let base = self.by_stated.iter().filter(|(stated, _)| {
                blank(scope) && scope.terms.iter().all(|term| self.terms.may_hold(*term, **stated))
            });
            let base: u64 = base.map(|(_, messages)| messages).sum();
            Radius {
                recipients: recipients.count(sorts.iter().flat_map(|(sort, sure)| {
                    sure.classes.iter().filter_map(|class| sort.recipients.get(*class as usize))
                })),
                senders: senders.count(sorts.iter().map(|(sort, _)| &sort.senders)),
                possible: base.wrapping_add(*possible),
                ..counted(sorts)
            }
        })
        .collect()
    }

    /// Counts a sort for the scopes of which a condition holds there; the count that [`Count::finish`] makes for those of which none
    /// does is taken off again.
    fn count_possible(&mut self, signature: &Signature, messages: u64) {
        for (number, scope) in self.scopes_of(signature) {
            let outcomes = signature.classes.iter().map(|class| self.outcome(scope, signature, class));
            let is_possible = outcomes.min() == Some(Outcome::Possible);
            let may_hold = |term: &u32| self.terms.may_hold(*term, signature.stated);
            let is_in_base = !scope.terms.is_empty() && scope.terms.iter().all(may_hold);
            if let Some(possible) = self.possible.get_mut(number as usize) {
                let more = if is_possible { messages } else { 0 };
                // Never less than nothing in the end: the base counts these messages too.
                *possible = possible.wrapping_add(more).wrapping_sub(if is_in_base { messages } else { 0 });
            }
        }
    }
}

/// Whether messages are in a scope: the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Sure,
    Possible,
    No,
}

fn counted(sorts: &[(&Sort, &Sure)]) -> Radius {
    let mut radius = Radius::default();
    for (sort, sure) in sorts {
        radius.messages += sort.messages;
        *radius.judged.entry(sure.judged).or_default() += sort.messages;
        radius.kept_out += if sure.is_kept_out { sort.messages } else { 0 };
    }
    radius.judged.retain(|judged, messages| ALL.contains(judged) && *messages > 0);
    radius
}

/// Counts distinct numbers.
struct Tally {
    /// In which round each was met last.
    met: Vec<u32>,
    round: u32,
}

impl Tally {
    fn of(numbers: usize) -> Tally {
        Tally { met: vec![0; numbers], round: 0 }
    }

    fn count<'d>(&mut self, lists: impl Iterator<Item = &'d Distinct>) -> u64 {
        self.round += 1;
        let mut count = 0;
        for number in lists.flat_map(|list| &list.all) {
            if let Some(met) = self.met.get_mut(*number as usize).filter(|met| **met != self.round) {
                *met = self.round;
                count += 1;
            }
        }
        count
    }
}

/// From address and envelope sender of each number of senders, as numbers of addresses.
fn senders(part: &Part) -> Vec<[u32; 2]> {
    let mut numbers: ByHash<u32> = ByHash::default();
    let mut number = |key: u64| {
        let next = numbers.len() as u32;
        if key == 0 { NOBODY } else { *numbers.entry(key).or_insert(next) }
    };
    part.senders.iter().map(|one| [number(one.header), number(one.envelope)]).collect()
}
