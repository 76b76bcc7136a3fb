//! Reads the members of a JSON object into fields, in one pass and with as few copies as may be.

use std::fmt;
use std::rc::Rc;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::row::{Field, Held, Name, Names};

/// The members of the object that `text` spells; sidecar keys (`Name@data.type`) are left out.
///
/// Where the object is the record itself, its texts stay where they are; elsewhere (a cell whose quotes were doubled, a
/// string within a string) they are copied.
///
/// # Errors
/// The fault of the text, also if it is another JSON value.
pub(super) fn members(text: &str, where_it_is: Where, names: &mut Names) -> Result<Vec<Field>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let record = match where_it_is {
        Where::IsRecord => Some(text),
        Where::Elsewhere => None,
    };
    let fields = Members { names, record }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(fields)
}

/// Where the text of an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// It is the text of the record.
    IsRecord,
    /// It was taken out of the record, and unescaped.
    Elsewhere,
}

struct Members<'n, 't> {
    names: &'n mut Names,
    record: Option<&'t str>,
}

impl<'de> DeserializeSeed<'de> for Members<'_, '_> {
    type Value = Vec<Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Field>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, '_> {
    type Value = Vec<Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Field>, A::Error> {
        let mut fields = Vec::with_capacity(16);
        while let Some(name) = map.next_key_seed(Key(self.names))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            fields.push(map.next_value_seed(Member { name, record: self.record })?);
        }
        Ok(fields)
    }
}

/// A key; `None` for that of a sidecar.
struct Key<'n>(&'n mut Names);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<Rc<Name>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<Rc<Name>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok((!key.contains('@')).then(|| self.0.get(key)))
    }
}

/// The value of a member.
struct Member<'t> {
    name: Rc<Name>,
    record: Option<&'t str>,
}

impl Member<'_> {
    fn holds(self, held: Held) -> Field {
        Field { name: self.name, held, tree: None, range: None }
    }

    fn of_value(self, value: Value) -> Field {
        let (held, tree) = Held::of_value(value);
        Field { name: self.name, held, tree, range: None }
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(self.holds(Held::Nothing))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Field, E> {
        Ok(self.holds(Held::One(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Field, E> {
        Ok(self.holds(Held::One(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Field, E> {
        Ok(self.holds(Held::One(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Field, E> {
        let text = Number::from_f64(value).map_or_else(|| value.to_string(), |number| number.to_string());
        Ok(self.holds(Held::One(text)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Field, E> {
        Ok(self.holds(Held::One(value.to_owned())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Field, E> {
        // Without escapes the value is a piece of the text itself.
        let place = self.record.and_then(|record| {
            let start = (value.as_ptr() as usize).checked_sub(record.as_ptr() as usize)?;
            let range = start..start + value.len();
            (record.get(range.clone()) == Some(value)).then_some(range)
        });
        Ok(match place {
            Some(range) => Field { name: self.name, held: Held::AsWritten, tree: None, range: Some(range) },
            None => self.holds(Held::One(value.to_owned())),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<Field, A::Error> {
        let values: Vec<Value> = serde::Deserialize::deserialize(SeqAccessDeserializer::new(values))?;
        Ok(self.of_value(Value::Array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Field, A::Error> {
        let members: Map<String, Value> = serde::Deserialize::deserialize(MapAccessDeserializer::new(members))?;
        Ok(self.of_value(Value::Object(members)))
    }
}
