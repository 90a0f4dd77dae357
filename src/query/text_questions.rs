//! Conditions of filters, translated for the text index.

use crate::query::field::QueryField;
use crate::query::filter::Filter;
use crate::text::{Ask, Place};

/// Hands over each condition that the text index may be asked, with the question.
pub(crate) fn each<'f>(filter: &'f Filter, take: &mut dyn FnMut(&'f Filter, Ask<'f>)) {
    match filter {
        Filter::And(inner) | Filter::Or(inner) => inner.iter().for_each(|inner| each(inner, take)),
        Filter::Not(inner) => each(inner, take),
        Filter::Words { field, words } => {
            if let (Some(place), Some(parts)) = (place(field), words.parts()) {
                take(filter, Ask::Words(place, parts));
            }
        }
        Filter::Substring { field, text, negated } => {
            if let Some(Some(place @ (Place::Name | Place::Description | Place::Readme))) = place(field) {
                take(filter, Ask::Part { place, text, negated: *negated });
            }
        }
        _ => {}
    }
}

/// Where the texts of a field are; inside, none are all places together.
pub(crate) fn place(field: &QueryField) -> Option<Option<Place<'_>>> {
    Some(match field {
        QueryField::Text => None,
        QueryField::Name => Some(Place::Name),
        QueryField::Description => Some(Place::Description),
        QueryField::Readme => Some(Place::Readme),
        QueryField::Tags => Some(Place::Tags),
        QueryField::Attribute(key) => Some(Place::Value('a', key)),
        QueryField::Metric(key) => Some(Place::Value('m', key)),
        QueryField::Hyperparameter(key) => Some(Place::Value('h', key)),
        _ => return None,
    })
}
