//! Signals as text: read by the grammar of CEL, held to what a signal may say, and prepared so that its work can be counted.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::PrattParser;
use regex::{Regex, RegexBuilder};

use super::{Fields, SignalError, Topic};

/// A signal is not longer, in characters.
const MAX_CHARS: usize = 4_000;
/// Nor are its parts nested deeper.
const MAX_DEPTH: u16 = 40;
/// Nor has it more parts.
const MAX_NODES: usize = 2_000;
/// A pattern takes no more memory, in bytes.
const PATTERN_BYTES: usize = 1 << 18;

/// What a signal may call, besides the operators.
const FUNCTIONS: [&str; 13] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "string",
    "lower",
    "minutes",
    "hours",
    "days",
    "time",
    operators::NOT_STRICTLY_FALSE,
];

const OPERATORS: [&str; 17] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
];

/// The name of the step counter around what is gone through.
pub(super) const EACH: &str = "@each";
/// The name of the size counter around what is made.
pub(super) const BOUNDED: &str = "@bounded";
/// The name of the function that tries a pattern that was read beforehand.
pub(super) const MATCHES: &str = "@matches";

/// A signal that was read.
#[derive(Debug)]
pub(super) struct Expression {
    /// What it gives.
    pub(super) root: Root,
    /// Its patterns, by number.
    pub(super) patterns: Vec<Regex>,
    /// The lists that it reads.
    pub(super) topics: BTreeSet<Topic>,
    /// The fields that it reads.
    pub(super) fields: BTreeSet<String>,
    /// The parts that pick items by themselves, wherever they stand: what they pick are the witnesses of a condition.
    pub(super) witnesses: Vec<Picked>,
}

/// What a signal gives.
#[derive(Debug)]
pub(super) enum Root {
    /// The items that are picked from lists; any of them fires.
    Items(Vec<Picked>),
    /// A condition, or a list that is made in another way.
    Other(IdedExpr),
}

/// Items of one list that meet conditions.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    /// Which list.
    pub(super) topic: Topic,
    /// The conditions, each with the name that it has for the item.
    pub(super) conditions: Vec<(String, IdedExpr)>,
}

impl Expression {
    /// Reads a signal.
    ///
    /// # Errors
    /// [`SignalError`] if it is no expression, or says what no signal may say.
    pub(super) fn read(text: &str) -> Result<Expression, SignalError> {
        let length = text.chars().count();
        if text.trim().is_empty() || length > MAX_CHARS {
            return Err(SignalError::Length { found: length, most: MAX_CHARS });
        }
        let parser = PrattParser::new().max_recursion_depth(MAX_DEPTH).max_expression_node_count(MAX_NODES);
        let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse(text)));
        let mut tree = match parsed {
            Ok(Ok(tree)) => tree,
            Ok(Err(errors)) => return Err(syntax(text, &errors)),
            Err(_) => {
                return Err(SignalError::Syntax { line: 1, column: 1, found: "what the parser gave up on".to_owned() });
            }
        };
        let mut reader = Reader::default();
        reader.look(&mut tree, 0)?;
        let Reader { patterns, topics, fields, .. } = reader;
        if topics.is_empty() {
            return Err(SignalError::Nothing);
        }
        let mut witnesses = Vec::new();
        find_witnesses(&tree, &mut witnesses);
        let root = match picks(&tree) {
            Some(picked) => Root::Items(picked),
            None => Root::Other(tree),
        };
        Ok(Expression { root, patterns, topics, fields, witnesses })
    }
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> SignalError {
    let first = errors.errors.first();
    let (line, column) = first.map_or((1, 1), |error| error.pos);
    let said = first.map_or("no expression".to_owned(), |error| error.msg.clone());
    let lines = text.lines().count().max(1);
    let line = usize::try_from(line).unwrap_or(1).clamp(1, lines);
    SignalError::Syntax { line, column: usize::try_from(column).unwrap_or(1).max(1), found: said }
}

/// Goes through an expression once: what it reads, what it may not say, and the counters around its work.
#[derive(Default)]
struct Reader {
    scope: Vec<String>,
    patterns: Vec<Regex>,
    topics: BTreeSet<Topic>,
    fields: BTreeSet<String>,
}

impl Reader {
    fn look(&mut self, at: &mut IdedExpr, depth: u16) -> Result<(), SignalError> {
        if depth > 2 * MAX_DEPTH {
            return Err(SignalError::Depth);
        }
        let depth = depth + 1;
        match &mut at.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                let is_lookup = is_lookup(&select.operand.expr);
                if is_lookup && select.test {
                    return Err(SignalError::HasOfLookup { field: select.field.clone() });
                }
                if !is_lookup {
                    self.field(&select.field)?;
                }
                self.look(&mut select.operand, depth)
            }
            Expr::List(list) => match list.elements.iter().all(is_constant) && list.optional_indices.is_empty() {
                true => Ok(()),
                false => Err(SignalError::NotAllowed { what: "a list of anything but constants".to_owned() }),
            },
            Expr::Call(_) => self.call(at, depth),
            Expr::Comprehension(_) => self.comprehension(at, depth),
            Expr::Map(_) => Err(SignalError::NotAllowed { what: "a map `{...}`".to_owned() }),
            Expr::Struct(_) => Err(SignalError::NotAllowed { what: "a message `Name{...}`".to_owned() }),
            Expr::Unspecified => Err(SignalError::NotAllowed { what: "an empty part".to_owned() }),
        }
    }

    fn name(&mut self, name: &str) -> Result<(), SignalError> {
        if self.scope.iter().any(|own| own == name) || name.starts_with('@') {
            return Ok(());
        }
        let topic = Topic::ALL.into_iter().find(|topic| topic.word() == name);
        let topic = topic.ok_or_else(|| SignalError::Name { found: name.to_owned() })?;
        self.topics.insert(topic);
        Ok(())
    }

    fn field(&mut self, name: &str) -> Result<(), SignalError> {
        if !Fields::is_known(name) {
            return Err(SignalError::Field { found: name.to_owned(), nearest: Fields::nearest(name) });
        }
        self.fields.insert(name.to_owned());
        Ok(())
    }

    fn call(&mut self, at: &mut IdedExpr, depth: u16) -> Result<(), SignalError> {
        let id = at.id;
        let Expr::Call(call) = &mut at.expr else { return Ok(()) };
        let name = call.func_name.clone();
        if name == "matches" {
            return self.pattern(call, depth);
        }
        if !FUNCTIONS.contains(&name.as_str()) && !OPERATORS.contains(&name.as_str()) && name != operators::IN {
            return Err(SignalError::Function { found: name });
        }
        if let Some(target) = &mut call.target {
            self.look(target, depth)?;
        }
        for argument in &mut call.args {
            self.look(argument, depth)?;
        }
        if name == operators::INDEX {
            self.index(at)?;
        } else if name == operators::ADD {
            let sum = std::mem::take(&mut at.expr);
            at.expr = wrapped(BOUNDED, IdedExpr { id, expr: sum });
        }
        Ok(())
    }

    /// `list[0]`, `item["field"]` and `item.to["Name"]`: what is asked for is known beforehand, but for names.
    fn index(&mut self, at: &IdedExpr) -> Result<(), SignalError> {
        let Expr::Call(CallExpr { args, .. }) = &at.expr else { return Ok(()) };
        let [operand, index] = args.as_slice() else { return Ok(()) };
        match &index.expr {
            _ if is_lookup(&operand.expr) => Ok(()),
            Expr::Literal(LiteralValue::String(field)) => self.field(field.inner()),
            Expr::Literal(LiteralValue::Int(_)) => Ok(()),
            _ => Err(SignalError::NotAllowed { what: "an index that is computed".to_owned() }),
        }
    }

    /// `text.matches("pattern")`: the pattern is read now.
    fn pattern(&mut self, call: &mut CallExpr, depth: u16) -> Result<(), SignalError> {
        let mut arguments: Vec<IdedExpr> = call.target.take().map(|target| *target).into_iter().collect();
        arguments.append(&mut call.args);
        let [text, IdedExpr { id, expr: Expr::Literal(LiteralValue::String(pattern)) }] = arguments.as_mut_slice()
        else {
            return Err(SignalError::NotAllowed {
                what: "`matches` with a pattern that is no text constant".to_owned(),
            });
        };
        let id = *id;
        let read = RegexBuilder::new(pattern.inner()).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
        let read = read.map_err(|error| SignalError::Pattern {
            found: pattern.inner().to_owned(),
            why: last_line(&error.to_string()),
        })?;
        let number = i64::try_from(self.patterns.len()).unwrap_or_default();
        self.patterns.push(read);
        self.look(text, depth)?;
        let text = std::mem::take(text);
        let number = IdedExpr { id, expr: Expr::Literal(LiteralValue::Int(number.into())) };
        *call = CallExpr { func_name: MATCHES.to_owned(), target: None, args: vec![text, number] };
        Ok(())
    }

    fn comprehension(&mut self, at: &mut IdedExpr, depth: u16) -> Result<(), SignalError> {
        let id = at.id;
        let Expr::Comprehension(made) = &mut at.expr else { return Ok(()) };
        self.look(&mut made.iter_range, depth)?;
        let range = std::mem::take(&mut made.iter_range);
        made.iter_range = IdedExpr { id, expr: wrapped(EACH, range) };
        self.scope.push(made.iter_var.clone());
        let looked = self.step(&mut made.loop_step, depth);
        self.scope.pop();
        looked
    }

    /// What is done with each item: the part that the macro made is left as it is, what the author wrote is looked at.
    fn step(&mut self, step: &mut IdedExpr, depth: u16) -> Result<(), SignalError> {
        let Expr::Call(call) = &mut step.expr else { return self.look(step, depth) };
        match (call.func_name.as_str(), call.args.as_mut_slice()) {
            // `@result + [x]` of map and filter.
            (operators::ADD, [accumulated, IdedExpr { expr: Expr::List(made), .. }]) if is_accumulated(accumulated) => {
                for one in &mut made.elements {
                    self.look(one, depth)?;
                    let id = one.id;
                    let inner = std::mem::take(one);
                    *one = IdedExpr { id, expr: wrapped(BOUNDED, inner) };
                }
                Ok(())
            }
            // `@result + 1` of exists_one.
            (operators::ADD, [accumulated, _]) if is_accumulated(accumulated) => Ok(()),
            // `@result || x` of exists, `@result && x` of all.
            (operators::LOGICAL_OR | operators::LOGICAL_AND, [accumulated, condition])
                if is_accumulated(accumulated) =>
            {
                self.look(condition, depth)
            }
            // `x ? @result + [y] : @result` of filter, map with a condition, and exists_one.
            (operators::CONDITIONAL, [condition, taken, accumulated]) if is_accumulated(accumulated) => {
                self.look(condition, depth)?;
                self.step(taken, depth)
            }
            _ => self.look(step, depth),
        }
    }
}

fn is_accumulated(expr: &IdedExpr) -> bool {
    matches!(&expr.expr, Expr::Ident(name) if name.starts_with('@'))
}

fn wrapped(function: &str, inner: IdedExpr) -> Expr {
    Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args: vec![inner] })
}

fn unwrapped(expr: &IdedExpr) -> &IdedExpr {
    match &expr.expr {
        Expr::Call(CallExpr { func_name, args, .. }) if [EACH, BOUNDED].contains(&func_name.as_str()) => {
            args.first().map_or(expr, unwrapped)
        }
        _ => expr,
    }
}

fn is_constant(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Literal(_) => true,
        Expr::Call(CallExpr { func_name, args, .. }) => func_name == operators::NEGATE && args.iter().all(is_constant),
        _ => false,
    }
}

/// Whether it is a field that holds names and values: any name may be asked of it.
fn is_lookup(expr: &Expr) -> bool {
    matches!(expr, Expr::Select(select) if Fields::LOOKUPS.contains(&select.field.as_str()))
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim().to_owned()
}

/// The items that an expression picks: `list.filter(x, ...)`, `list.exists(x, ...)`, and several of them joined by `||` or `+`.
fn picks(expr: &IdedExpr) -> Option<Vec<Picked>> {
    let expr = unwrapped(expr);
    match &expr.expr {
        Expr::Call(CallExpr { func_name, args, .. })
            if [operators::LOGICAL_OR, operators::ADD].contains(&func_name.as_str()) =>
        {
            let each: Option<Vec<Vec<Picked>>> = args.iter().map(picks).collect();
            Some(each?.into_iter().flatten().collect())
        }
        Expr::Comprehension(made) => Some(vec![picked(made)?]),
        _ => None,
    }
}

fn picked(made: &ComprehensionExpr) -> Option<Picked> {
    let Expr::Call(step) = &made.loop_step.expr else { return None };
    let condition = match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::LOGICAL_OR, [accumulated, condition]) if is_accumulated(accumulated) => condition,
        (operators::CONDITIONAL, [condition, taken, accumulated])
            if is_accumulated(accumulated) && is_kept(taken, &made.iter_var) =>
        {
            condition
        }
        _ => return None,
    };
    let mut picked = base(&made.iter_range)?;
    picked.conditions.push((made.iter_var.clone(), condition.clone()));
    Some(picked)
}

/// Whether a step keeps the item itself, as filter does.
fn is_kept(taken: &IdedExpr, var: &str) -> bool {
    let Expr::Call(CallExpr { func_name, args, .. }) = &taken.expr else { return false };
    let [_, IdedExpr { expr: Expr::List(made), .. }] = args.as_slice() else { return false };
    let is_var = |one: &IdedExpr| matches!(&unwrapped(one).expr, Expr::Ident(name) if name == var);
    func_name == operators::ADD && made.elements.len() == 1 && made.elements.iter().all(is_var)
}

/// Out of which list items are picked: a list itself, or what was picked from one.
fn base(range: &IdedExpr) -> Option<Picked> {
    let range = unwrapped(range);
    match &range.expr {
        Expr::Ident(name) => {
            let topic = Topic::ALL.into_iter().find(|topic| topic.word() == name && *topic != Topic::Counts)?;
            Some(Picked { topic, conditions: Vec::new() })
        }
        Expr::Comprehension(made) => {
            let is_filter =
                matches!(&made.loop_step.expr, Expr::Call(step) if step.func_name == operators::CONDITIONAL);
            picked(made).filter(|_| is_filter)
        }
        _ => None,
    }
}

/// The parts that pick items by themselves: not those within the condition of another one, whose names they may use.
fn find_witnesses(expr: &IdedExpr, found: &mut Vec<Picked>) {
    let expr = unwrapped(expr);
    match &expr.expr {
        Expr::Comprehension(made) => match picked(made) {
            Some(one) => found.push(one),
            None => find_witnesses(&made.iter_range, found),
        },
        // What is not so shows nothing.
        Expr::Call(call) if call.func_name == operators::LOGICAL_NOT => {}
        Expr::Call(call) => {
            call.target.iter().map(|target| &**target).chain(&call.args).for_each(|part| find_witnesses(part, found))
        }
        Expr::Select(select) => find_witnesses(&select.operand, found),
        _ => {}
    }
}
