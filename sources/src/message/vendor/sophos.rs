//! Sophos's statements: a probability, and never a verdict.

use evidence::{Product, System};

use crate::message::fields::Field;
use crate::message::headers_of::{Row, Sample, cut};

impl Sample<'_> {
    /// The probability of spam; the policy of the customer decides what follows from it.
    pub(crate) fn sophos_probability(&self, field: &Field) -> Row {
        if field.value.trim().is_empty() {
            return Row::PassedOver("vendor header not decoded");
        }
        let said = format!("{}: {}", field.name, cut(&field.value));
        self.note(&System::of(Product::Other("Sophos".to_owned())), said, "")
    }
}
