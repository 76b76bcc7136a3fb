//! What an expression sees of the evidence: values that read a field when it is asked for, and that count the work.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cel::ExecutionError;
use cel::common::traits::{Indexer, Iterable, Iterator, Sizer};
use cel::common::types::{CelBool, CelInt, CelList, CelString, LIST_TYPE, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};

use super::Topic;
use super::shown::{Field, Shown};

static LIST: Type = LIST_TYPE;
static MAP: Type = MAP_TYPE;

/// The field by which an item says which one it is; no expression can name it.
const WHICH: &str = "@which";
/// The name of the fault that a copy has to be followed first.
pub(super) const FOLLOW: &str = "@follow";
/// The name of the fault that there was too much to do.
pub(super) const SPENT: &str = "@spent";

/// How much work an expression may still do, and which copies it asked to have followed.
#[derive(Debug)]
pub(super) struct Meter {
    left: AtomicI64,
    to_follow: Mutex<BTreeSet<usize>>,
}

impl Meter {
    /// With room for so many steps.
    pub(super) fn new(steps: i64) -> Meter {
        Meter { left: AtomicI64::new(steps), to_follow: Mutex::default() }
    }

    /// Takes some steps away; whether there were enough.
    pub(super) fn take(&self, steps: usize) -> bool {
        let steps = i64::try_from(steps).unwrap_or(i64::MAX);
        self.left.fetch_sub(steps.min(self.left.load(Ordering::Relaxed).max(1)), Ordering::Relaxed) > 0
    }

    /// Whether nothing is left.
    pub(super) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) <= 0
    }

    fn wants(&self, copy: usize) {
        self.to_follow.lock().unwrap_or_else(PoisonError::into_inner).insert(copy);
    }

    /// The copies that were asked for since the last call.
    pub(super) fn wanted(&self) -> BTreeSet<usize> {
        std::mem::take(&mut self.to_follow.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One item of a list.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    shown: &'a Shown<'a>,
    meter: &'a Meter,
    topic: Topic,
    number: usize,
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.topic.word(), self.number)
    }
}

impl<'a> Item<'a> {
    /// An item of a list.
    pub(super) fn of(shown: &'a Shown<'a>, meter: &'a Meter, topic: Topic, number: usize) -> Item<'a> {
        Item { shown, meter, topic, number }
    }
}

/// Which item a value is; `None` if it is none.
pub(super) fn which(value: &dyn Val) -> Option<(Topic, usize)> {
    let key = CelString::from(WHICH);
    let said = value.as_indexer()?.get(&key).ok()?;
    let said = said.downcast_ref::<CelInt>()?;
    let said = usize::try_from(*said.inner()).ok()?;
    let topic = Topic::ALL.into_iter().nth(said % Topic::ALL.len())?;
    Some((topic, said / Topic::ALL.len()))
}

impl Val for Item<'_> {
    fn get_type(&self) -> &Type {
        &MAP
    }

    fn cel_type() -> &'static Type {
        &MAP
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        which(other) == Some((self.topic, self.number))
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl<'a> Item<'a> {
    fn value<'v>(&self, name: &str) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        'a: 'v,
    {
        if !self.meter.take(1) {
            return Err(ExecutionError::function_error(SPENT, name));
        }
        if name == WHICH {
            let topic = Topic::ALL.iter().position(|topic| *topic == self.topic).unwrap_or_default();
            let said = i64::try_from(self.number * Topic::ALL.len() + topic).unwrap_or_default();
            return Ok(Box::new(CelInt::from(said)));
        }
        let field = self.shown.field(self.topic, self.number, name);
        Ok(match field {
            None | Some(Field::NotStated) => return Err(ExecutionError::no_such_key(name)),
            Some(Field::NotFollowed) => {
                self.meter.wants(self.number);
                return Err(ExecutionError::function_error(FOLLOW, name));
            }
            Some(Field::Null) => Box::new(CelString::from("")),
            Some(Field::Text(text)) => Box::new(CelString::from(text)),
            Some(Field::Number(number)) => Box::new(CelInt::from(number)),
            Some(Field::Truth(truth)) => Box::new(CelBool::from(truth)),
            Some(Field::Texts(texts)) => Box::new(list(texts)),
            Some(Field::Codes(codes)) => {
                let values = codes.into_iter().map(|code| Box::new(CelInt::from(code)) as Box<dyn Val + 'v>);
                Box::new(CelList::from(values.collect::<Vec<_>>()))
            }
            Some(Field::Pairs(pairs)) => Box::new(Lookup::Texts(pairs)),
            Some(Field::Numbers(numbers)) => Box::new(Lookup::Numbers(numbers)),
        })
    }
}

fn list<'v>(texts: Vec<Cow<'v, str>>) -> CelList<'v> {
    let values = texts.into_iter().map(|text| Box::new(CelString::from(text)) as Box<dyn Val + 'v>);
    CelList::from(values.collect::<Vec<_>>())
}

impl Indexer for Item<'_> {
    fn get<'b, 'v>(&'b self, idx: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = name_of(idx)?;
        self.value(&name).map(CowVal::Owned)
    }

    fn steal<'v>(self: Box<Self>, idx: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = name_of(idx)?;
        self.value(&name)
    }
}

fn name_of(idx: &dyn Val) -> Result<String, ExecutionError> {
    let text = idx.downcast_ref::<CelString>().map(|text| text.inner().to_owned());
    text.ok_or_else(|| ExecutionError::UnexpectedType {
        got: idx.get_type().name().to_owned(),
        want: "the name of a field".to_owned(),
    })
}

/// The items of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items<'a>(pub(super) &'a [Item<'a>]);

impl Val for Items<'_> {
    fn get_type(&self) -> &Type {
        &LIST
    }

    fn cel_type() -> &'static Type {
        &LIST
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Iterable for Items<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Walk(self.0.iter()))
    }
}

struct Walk<'b, 'a>(std::slice::Iter<'b, Item<'a>>);

impl<'b, 'v, 'a: 'v> Iterator<'b, 'v> for Walk<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|item| item as &'b (dyn Val + 'v))
    }
}

impl Sizer for Items<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Indexer for Items<'_> {
    fn get<'b, 'v>(&'b self, idx: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let number = idx.downcast_ref::<CelInt>().and_then(|number| usize::try_from(*number.inner()).ok());
        let item = number.and_then(|number| self.0.get(number));
        item.map(|item| CowVal::owned(*item)).ok_or_else(|| ExecutionError::no_such_key("no item of that number"))
    }

    fn steal<'v>(self: Box<Self>, idx: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(idx).map(CowVal::into_owned)
    }
}

/// Names and what they are; a name that is not there is an empty text, or none. Letters' case of names aside.
#[derive(Clone, Debug)]
enum Lookup<'a> {
    Texts(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    Numbers(Vec<(String, i64)>),
}

impl Val for Lookup<'_> {
    fn get_type(&self) -> &Type {
        &MAP
    }

    fn cel_type() -> &'static Type {
        &MAP
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Lookup<'_> {
    fn get<'b, 'v>(&'b self, idx: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = name_of(idx)?;
        Ok(match self {
            Lookup::Texts(pairs) => {
                let found = pairs.iter().find(|(own, _)| own.eq_ignore_ascii_case(&name));
                CowVal::owned(CelString::from(found.map(|(_, text)| text.clone()).unwrap_or_default()))
            }
            Lookup::Numbers(numbers) => {
                let found = numbers.iter().find(|(own, _)| own.eq_ignore_ascii_case(&name));
                CowVal::owned(CelInt::from(found.map_or(0, |(_, number)| *number)))
            }
        })
    }

    fn steal<'v>(self: Box<Self>, idx: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(idx).map(CowVal::into_owned)
    }
}

/// A list of which every step through it is counted: when nothing is left, it ends.
#[derive(Debug)]
pub(super) struct Each<'a> {
    inner: Box<dyn Val + 'a>,
    meter: Arc<Meter>,
}

impl<'a> Each<'a> {
    /// Counts the steps through a list.
    pub(super) fn of(inner: Box<dyn Val + 'a>, meter: Arc<Meter>) -> Each<'a> {
        Each { inner, meter }
    }
}

impl Val for Each<'_> {
    fn get_type(&self) -> &Type {
        &LIST
    }

    fn cel_type() -> &'static Type {
        &LIST
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        self.inner.as_iterable().is_some().then_some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        self.inner.as_sizer()
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Each { inner: self.inner.clone_as_boxed(), meter: Arc::clone(&self.meter) })
    }
}

impl<'a> Iterable for Each<'a> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        let inner: Option<Box<dyn Iterator<'b, 'a> + 'b>> = self.inner.as_iterable().map(|inner| inner.iter());
        Box::new(Counted { inner, meter: &self.meter })
    }
}

struct Counted<'b, 'a> {
    inner: Option<Box<dyn Iterator<'b, 'a> + 'b>>,
    meter: &'b Meter,
}

impl<'b, 'v, 'a: 'v> Iterator<'b, 'v> for Counted<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        if !self.meter.take(1) {
            return None;
        }
        self.inner.as_mut()?.next()
    }
}

/// How large a value is: what it takes to copy it, as far as `most`.
pub(super) fn size(value: &dyn Val, most: usize) -> usize {
    if let Some(text) = value.downcast_ref::<CelString>() {
        return 1 + text.inner().len() / 16;
    }
    let Some(list) = value.downcast_ref::<CelList>() else { return 1 };
    let mut all = 1;
    for one in list.inner() {
        all += size(one.as_ref(), most.saturating_sub(all));
        if all > most {
            break;
        }
    }
    all
}
