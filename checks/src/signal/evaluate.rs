//! Asks a signal about evidence.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::types::{CelBool, CelInt, CelList, CelString};
use cel::common::value::{CowVal, Val};
use cel::{Context, Env, ExecutionError, FunctionContext, Value};
use evidence::{Cite, SourceId};
use regex::Regex;

use super::expression::{BOUNDED, EACH, Expression, MATCHES, Picked, Root};
use super::shown::{self, Shown};
use super::value::{self, Each, FOLLOW, Item, Items, Meter, SPENT};
use super::{Answer, Checked, Event, Fields, Topic};

/// A signal takes no more steps: a look at a field, a turn of a loop, a part of what is made.
const MAX_STEPS: i64 = if cfg!(test) { 1_000_000 } else { 20_000_000 };
/// What is made is not larger, in items or sixteen letters each.
const MAX_SIZE: usize = 1_000_000;
/// Room for an expression as deep as one may be, several times over.
const STACK_BYTES: usize = 64 << 20;
/// So many events are told.
const MAX_EVENTS: usize = 10_000;
/// So many records carry a condition.
const MAX_CITES: usize = 6;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// Why an expression has no value.
enum Unknown {
    /// A list that no export shows.
    Topic(Topic),
    /// A field that no record states.
    Field(String),
    /// A copy has to be followed first.
    NotFollowed,
    /// There was too much to do.
    Spent,
    /// It compares or calls what does not fit.
    Fault(String),
}

/// What a signal says about some evidence.
pub(super) fn check(text: &str, expression: &Expression, shown: &Shown<'_>, needs: &[String]) -> Checked {
    let meter = Arc::new(Meter::new(MAX_STEPS));
    let asked = Asked { expression, shown, meter: &meter, needs };
    // The parts of an expression are worked out within each other: how deep it may be must not hang on who asks.
    let answered = std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(STACK_BYTES);
        worker.spawn_scoped(scope, || asked.answer(text)).ok()?.join().ok()
    });
    answered.unwrap_or_else(|| {
        let because = "the expression could not be worked out".to_owned();
        Checked {
            answer: Answer::CannotTell { because, ask_for: Vec::new() },
            to_follow: BTreeSet::new(),
            left_aside: 0,
        }
    })
}

struct Asked<'a> {
    expression: &'a Expression,
    shown: &'a Shown<'a>,
    meter: &'a Arc<Meter>,
    needs: &'a [String],
}

/// The items of all lists, as values.
type Lists<'a> = Vec<(Topic, Vec<Item<'a>>)>;

/// What looking at each item of a list gave.
#[derive(Default)]
struct Looked {
    events: Vec<Event>,
    undecided: usize,
    why: Option<Unknown>,
    looked_at: usize,
    left_aside: usize,
    to_follow: BTreeSet<usize>,
}

impl<'a> Asked<'a> {
    fn answer(&self, text: &str) -> Checked {
        let lists: Lists<'a> = self.lists();
        let context = self.context(&lists);
        match &self.expression.root {
            Root::Items(picked) => {
                let mut looked = Looked::default();
                for one in picked {
                    self.look(one, &lists, &context, &mut looked);
                }
                self.of_items(looked)
            }
            Root::Other(tree) => self.of_other(text, tree, &lists, &context),
        }
    }

    fn lists(&self) -> Lists<'a> {
        let topics = self.expression.topics.iter().copied().filter(|topic| self.shown.shows(*topic));
        let items = |topic: Topic| {
            let count = if topic == Topic::Counts { 1 } else { self.shown.len(topic) };
            (0..count).map(|number| Item::of(self.shown, self.meter, topic, number)).collect()
        };
        topics.map(|topic| (topic, items(topic))).collect()
    }

    fn context<'v>(&self, lists: &'v [(Topic, Vec<Item<'v>>)]) -> Context<'v, 'v> {
        let mut context = Context::with_env(Arc::clone(&ENV));
        for (topic, items) in lists {
            match (topic, items.first()) {
                (Topic::Counts, Some(counts)) => context.add_variable_as_val(topic.word(), Box::new(*counts)),
                _ => context.add_variable_as_val(topic.word(), Box::new(Items(items))),
            }
        }
        add_functions(&mut context, self.meter, &self.expression.patterns);
        context
    }

    /// Looks at each item of a list by itself, so that one that cannot be told of does not hide the others.
    fn look<'v>(
        &self,
        picked: &Picked,
        lists: &'v [(Topic, Vec<Item<'v>>)],
        context: &Context<'_, 'v>,
        looked: &mut Looked,
    ) {
        let Some((topic, items)) = lists.iter().find(|(topic, _)| *topic == picked.topic) else {
            looked.undecided += 1;
            looked.why.get_or_insert(Unknown::Topic(picked.topic));
            return;
        };
        for (number, item) in items.iter().enumerate() {
            if self.shown.is_left_aside(*topic, number) {
                looked.left_aside += 1;
                continue;
            }
            looked.looked_at += 1;
            match meets(picked, *item, context, self.meter) {
                Ok(false) => drop(self.meter.wanted()),
                Ok(true) => {
                    drop(self.meter.wanted());
                    if looked.events.len() < MAX_EVENTS {
                        looked.events.extend(self.shown.event(*topic, number));
                    }
                }
                Err(why) => {
                    looked.undecided += 1;
                    if matches!(why, Unknown::NotFollowed) {
                        looked.to_follow.append(&mut self.meter.wanted());
                    }
                    // What is certainly wrong with the expression tells more than what is missing.
                    let is_worse = matches!(
                        (&looked.why, &why),
                        (None, _) | (Some(Unknown::NotFollowed), _) | (_, Unknown::Fault(_) | Unknown::Spent)
                    );
                    if is_worse {
                        looked.why = Some(why);
                    }
                }
            }
            if self.meter.is_spent() {
                looked.undecided += items.len() - number - 1;
                looked.why = Some(Unknown::Spent);
                return;
            }
        }
    }

    fn of_items(&self, looked: Looked) -> Checked {
        let Looked { events, undecided, why, looked_at, left_aside, to_follow } = looked;
        let answer = match why {
            why if !events.is_empty() => {
                let ask_for = why.map(|why| self.told(&why).1).unwrap_or_default();
                Answer::Fires { events: in_order(events), undecided, ask_for }
            }
            Some(why) => {
                let (because, ask_for) = self.told(&why);
                let because = match undecided {
                    0 | 1 => because,
                    _ if matches!(why, Unknown::Fault(_) | Unknown::Spent) => because,
                    count => format!("{because}; so it is for {count} of {looked_at} items"),
                };
                Answer::CannotTell { because, ask_for }
            }
            None => self.quiet(looked_at),
        };
        Checked { answer, to_follow, left_aside }
    }

    /// Nothing fired: that says something only if it would have been shown.
    fn quiet(&self, looked_at: usize) -> Answer {
        let topics = &self.expression.topics;
        if let Some(topic) = topics.iter().find(|topic| !self.shown.shows(**topic)) {
            let (because, ask_for) = self.told(&Unknown::Topic(*topic));
            return Answer::CannotTell { because, ask_for };
        }
        if let Some(because) = topics.iter().find_map(|topic| self.shown.lacks(*topic)) {
            let kinds: Vec<String> = topics.iter().flat_map(|topic| topic.kinds().iter().cloned()).collect();
            return Answer::CannotTell { because, ask_for: self.asked_for(&kinds) };
        }
        if !self.needs.is_empty() && !self.shown.has_any(self.needs) {
            let because = format!("none of the exports that it needs was supplied: {}", self.needs.join(", "));
            return Answer::CannotTell { because, ask_for: self.asked_for(self.needs) };
        }
        // An export without a row may be one that went wrong.
        if topics.contains(&Topic::Copies) && self.shown.len(Topic::Copies) == 0 {
            let because = "the exports show no message at all".to_owned();
            let kinds = if self.needs.is_empty() { Topic::Copies.kinds() } else { self.needs };
            return Answer::CannotTell { because, ask_for: self.asked_for(kinds) };
        }
        Answer::Quiet { looked_at }
    }

    fn of_other<'v>(
        &self,
        text: &str,
        tree: &'v IdedExpr,
        lists: &'v [(Topic, Vec<Item<'v>>)],
        context: &'v Context<'v, 'v>,
    ) -> Checked {
        let result = Value::resolve_val(tree, context).map_err(|error| self.why(error));
        let result = if self.meter.is_spent() { Err(Unknown::Spent) } else { result };
        let mut to_follow = BTreeSet::new();
        let answer = match result {
            Err(why) => {
                to_follow = self.meter.wanted();
                if matches!(why, Unknown::NotFollowed) {
                    let looked = self.witnesses(lists, context);
                    to_follow.extend(looked.to_follow);
                }
                let (because, ask_for) = self.told(&why);
                Answer::CannotTell { because, ask_for }
            }
            Ok(value) => match value.downcast_ref::<CelBool>().map(|truth| *truth.inner()) {
                Some(false) => self.quiet(lists.iter().map(|(_, items)| items.len()).sum()),
                Some(true) => {
                    let looked = self.witnesses(lists, context);
                    Answer::Fires { events: vec![self.condition(text, looked)], undecided: 0, ask_for: Vec::new() }
                }
                None => self.of_list(value.as_ref(), lists),
            },
        };
        Checked { answer, to_follow, left_aside: 0 }
    }

    /// A list that was made: of items, or it is no answer.
    fn of_list(&self, value: &dyn Val, lists: &[(Topic, Vec<Item<'_>>)]) -> Answer {
        let looked_at = lists.iter().map(|(_, items)| items.len()).sum();
        let which: Option<Vec<(Topic, usize)>> = match value.downcast_ref::<CelList>() {
            Some(list) => list.inner().iter().take(MAX_EVENTS).map(|one| value::which(one.as_ref())).collect(),
            None => value.as_iterable().and_then(|list| {
                let mut items = list.iter();
                let mut all = Vec::new();
                while let Some(one) = items.next() {
                    all.push(value::which(one)?);
                    if all.len() == MAX_EVENTS {
                        break;
                    }
                }
                Some(all)
            }),
        };
        match which {
            None => {
                let (because, ask_for) =
                    self.told(&Unknown::Fault("it gives neither a condition nor a list of items".to_owned()));
                Answer::CannotTell { because, ask_for }
            }
            Some(which) if which.is_empty() => self.quiet(looked_at),
            Some(which) => {
                let events = which.into_iter().filter_map(|(topic, number)| self.shown.event(topic, number));
                Answer::Fires { events: in_order(events.collect()), undecided: 0, ask_for: Vec::new() }
            }
        }
    }

    /// The items that the parts of a condition pick.
    fn witnesses<'v>(&self, lists: &'v [(Topic, Vec<Item<'v>>)], context: &Context<'_, 'v>) -> Looked {
        let mut looked = Looked::default();
        for picked in &self.expression.witnesses {
            self.look(picked, lists, context, &mut looked);
        }
        looked
    }

    fn condition(&self, text: &str, looked: Looked) -> Event {
        let mut events = in_order(looked.events);
        let counted = self.expression.fields.iter().filter(|field| super::COUNTED.contains(&field.as_str()));
        if events.is_empty() {
            events = counted.flat_map(|state| self.shown.with_state(state, MAX_CITES)).collect();
        }
        let at = events.iter().filter_map(|event| event.at).max();
        let statement = match events.first() {
            Some(first) => format!("the condition holds; {} of its records: {}", events.len(), first.statement),
            None => "the condition holds".to_owned(),
        };
        let mut cites: Vec<Cite> = events.into_iter().filter_map(|event| event.cites.into_iter().next()).collect();
        cites.truncate(MAX_CITES);
        let grounds = cites.clone();
        Event { key: shown::key(&["condition", text]), also: Vec::new(), lasts: true, at, statement, cites, grounds }
    }

    fn why(&self, error: ExecutionError) -> Unknown {
        why(error)
    }

    /// Why it cannot tell, and what would.
    fn told(&self, why: &Unknown) -> (String, Vec<SourceId>) {
        match why {
            Unknown::Topic(topic) => {
                let because = format!("no export that shows `{}` was supplied", topic.word());
                let kinds: Vec<String> =
                    self.needs.iter().filter(|need| topic.kinds().contains(need)).cloned().collect();
                let kinds = if kinds.is_empty() { topic.kinds() } else { &kinds };
                (because, self.asked_for(kinds))
            }
            Unknown::Field(field) => {
                let because = format!("no record states `{field}` of an item that the rest does not decide");
                (because, self.asked_for(&Fields::ask_for(field, &self.expression.topics)))
            }
            Unknown::NotFollowed => {
                let because =
                    "there are more messages to follow for `fate`, `changed_layer` or `cause` than are followed";
                (because.to_owned(), Vec::new())
            }
            Unknown::Spent => {
                let because = "the signal takes more work on this evidence than it may";
                (because.to_owned(), Vec::new())
            }
            Unknown::Fault(fault) => (format!("the expression does not fit the evidence: {fault}"), Vec::new()),
        }
    }

    fn asked_for(&self, kinds: &[String]) -> Vec<SourceId> {
        shown::ask_for(kinds, &self.shown.vendors())
    }
}

/// Whether an item meets all conditions; the first that says no decides, even if another one cannot tell.
fn meets<'v>(picked: &Picked, item: Item<'v>, context: &Context<'_, 'v>, meter: &Meter) -> Result<bool, Unknown> {
    let mut unknown = None;
    for (name, condition) in &picked.conditions {
        let mut inner = context.new_inner_scope();
        inner.add_variable_as_val(name.as_str(), Box::new(item));
        let truth = Value::resolve_val(condition, &inner).map_err(why).and_then(|value| {
            let truth = value.downcast_ref::<CelBool>().map(|truth| *truth.inner());
            truth.ok_or_else(|| Unknown::Fault("a condition is neither true nor false".to_owned()))
        });
        if meter.is_spent() {
            return Err(Unknown::Spent);
        }
        match truth {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(why) => unknown = unknown.or(Some(why)),
        }
    }
    unknown.map_or(Ok(true), Err)
}

fn why(error: ExecutionError) -> Unknown {
    match error {
        ExecutionError::UndeclaredReference(name) => match Topic::ALL.into_iter().find(|topic| topic.word() == *name) {
            Some(topic) => Unknown::Topic(topic),
            None => Unknown::Fault(format!("there is no `{name}`")),
        },
        ExecutionError::NoSuchKey(field) => Unknown::Field(field.to_string()),
        ExecutionError::FunctionError { function, .. } if function == FOLLOW => Unknown::NotFollowed,
        ExecutionError::FunctionError { function, .. } if function == SPENT => Unknown::Spent,
        ExecutionError::FunctionError { function, message } => Unknown::Fault(format!("{function}: {message}")),
        // The words of other faults may repeat what the evidence says at any length.
        other => Unknown::Fault(other.to_string().chars().take(200).collect()),
    }
}

/// By time, then by key; each once.
fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    events.dedup_by(|a, b| a.key == b.key);
    events
}

type Call = Box<
    dyn for<'context, 'call> Fn(
            &mut FunctionContext<'context, 'call>,
        ) -> Result<CowVal<'context, 'call>, ExecutionError>
        + Send
        + Sync,
>;

fn add_functions(context: &mut Context<'_, '_>, meter: &Arc<Meter>, patterns: &[Regex]) {
    let each_meter = Arc::clone(meter);
    let each: Call = Box::new(move |call| {
        let range = only(call)?.into_owned();
        if !each_meter.take(value::size(range.as_ref(), MAX_SIZE)) {
            return Err(ExecutionError::function_error(SPENT, EACH));
        }
        Ok(CowVal::owned(Each::of(range, Arc::clone(&each_meter))))
    });
    let bounded_meter = Arc::clone(meter);
    let bounded: Call = Box::new(move |call| {
        let made = only(call)?;
        let size = value::size(made.as_ref(), MAX_SIZE);
        if size > MAX_SIZE || !bounded_meter.take(size) {
            bounded_meter.take(usize::MAX);
            return Err(ExecutionError::function_error(SPENT, BOUNDED));
        }
        Ok(made)
    });
    let matches_meter = Arc::clone(meter);
    let patterns = patterns.to_vec();
    let matches: Call = Box::new(move |call| {
        let number = call.args.pop().and_then(|number| Some(*number.downcast_ref::<CelInt>()?.inner()));
        let pattern = number.and_then(|number| patterns.get(usize::try_from(number).ok()?));
        let text = only(call)?;
        let (Some(pattern), Some(text)) = (pattern, text.downcast_ref::<CelString>()) else {
            return Err(ExecutionError::function_error("matches", "expected a text"));
        };
        if !matches_meter.take(1 + text.inner().len() / 4) {
            return Err(ExecutionError::function_error(SPENT, MATCHES));
        }
        Ok(CowVal::owned(CelBool::from(pattern.is_match(text.inner()))))
    });
    let lower: Call = Box::new(|call| {
        let text = only(call)?;
        let text = text.downcast_ref::<CelString>().map(|text| text.inner().to_lowercase());
        let text = text.ok_or_else(|| ExecutionError::function_error("lower", "expected a text"))?;
        Ok(CowVal::owned(CelString::from(text)))
    });
    let time: Call = Box::new(|call| {
        let text = only(call)?;
        let at = text.downcast_ref::<CelString>().and_then(|text| text.inner().parse::<jiff::Timestamp>().ok());
        let at = at.ok_or_else(|| {
            ExecutionError::function_error("time", "expected an instant such as 2026-08-20T09:00:00Z")
        })?;
        Ok(CowVal::owned(CelInt::from(at.as_second())))
    });
    let mut functions = vec![(EACH, each), (BOUNDED, bounded), (MATCHES, matches), ("lower", lower), ("time", time)];
    functions.extend([("minutes", span(60)), ("hours", span(3_600)), ("days", span(86_400))]);
    for (name, function) in functions {
        // None of the names is one of the standard library.
        let _ = context.add_function(name, function);
    }
}

/// `minutes(5)`: a span in seconds.
fn span(seconds: i64) -> Call {
    Box::new(move |call| {
        let number = only(call)?;
        let number = number.downcast_ref::<CelInt>().and_then(|number| number.inner().checked_mul(seconds));
        let number = number.ok_or_else(|| ExecutionError::function_error("span", "expected a whole number"))?;
        Ok(CowVal::owned(CelInt::from(number)))
    })
}

/// The one argument of a call, or what it is called on.
fn only<'context, 'call>(
    call: &mut FunctionContext<'context, 'call>,
) -> Result<CowVal<'context, 'call>, ExecutionError> {
    match (call.this.take(), call.args.pop(), call.args.is_empty()) {
        (Some(this), None, true) => Ok(this),
        (None, Some(argument), true) => Ok(argument),
        _ => Err(ExecutionError::function_error(call.name, "expected one value")),
    }
}
