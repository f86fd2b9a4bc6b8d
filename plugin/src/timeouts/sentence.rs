//! What was found, in one sentence.

use std::time::Duration;

use meshsniff::problem::Span;

use super::defaults;
use super::field::Field;
use super::value::is_near;

/// Objects that are named; more help nobody.
const NAMED: usize = 6;

/// The fields that have the value, and how sure it is that they are for the route.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// They are for what the requests ask.
    Sure(Vec<&'a Field>),
    /// What the requests ask is not known.
    ByValue(Vec<&'a Field>),
    /// They are for others than this host, which none is for.
    ForOthers(Vec<&'a Field>, &'a str),
}

/// How many of the manifests were looked at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Looked {
    /// There are none.
    Nothing,
    /// Not all could be read.
    Part,
    All,
}

impl<'a> Found<'a> {
    pub(super) fn fields(&self) -> &[&'a Field] {
        match self {
            Self::Sure(fields) | Self::ByValue(fields) | Self::ForOthers(fields, _) => fields,
        }
    }

    pub(super) fn fields_mut(&mut self) -> &mut Vec<&'a Field> {
        match self {
            Self::Sure(fields) | Self::ByValue(fields) | Self::ForOthers(fields, _) => fields,
        }
    }
}

pub(super) fn sentence(value: Duration, found: &Found<'_>, looked: Looked) -> String {
    let objects = objects(value, found.fields());
    let span = Span(value);
    let (mut names, more) = match objects.split_at_checked(NAMED) {
        Some((named, more)) => (named.to_vec(), more.len()),
        None => (objects, 0),
    };
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let may =
        names.len() > 1 || found.fields().iter().any(|field| may_be_another(value, field, looked));
    let names = names.join(" or ");
    match found {
        _ if names.is_empty() => nothing(value, looked),
        Found::Sure(_) if may => format!("The {span} may come from {names}."),
        Found::Sure(_) => format!("The {span} come from {names}."),
        Found::ByValue(_) => format!(
            "The {span} may come from {names}: by the value alone, since the requests name no \
             service."
        ),
        Found::ForOthers(_, host) => format!(
            "The {span} may come from {names}: by the value alone, since no manifest with it is \
             for {host}."
        ),
    }
}

/// Whether something else may be the timeout, though this field is the best that was found: what
/// could not be read can only be better if this is not the very value.
fn may_be_another(value: Duration, field: &Field, looked: Looked) -> bool {
    let better = matches!(looked, Looked::Part) && field.value != value;
    better || field.of_connections || !is_near(field.value, value)
}

/// Each object once, with its fields: `VirtualService shop/catalog (spec.http[0].timeout)`.
fn objects(value: Duration, fields: &[&Field]) -> Vec<String> {
    let mut objects: Vec<(String, Vec<String>)> = Vec::new();
    for field in fields {
        let (object, words) = (field.object(), words(value, field));
        match objects.iter_mut().find(|(known, _)| *known == object) {
            Some((_, fields)) => fields.push(words),
            None => objects.push((object, vec![words])),
        }
    }
    let write =
        |(object, fields): (String, Vec<String>)| format!("{object} ({})", fields.join(" or "));
    objects.into_iter().map(write).collect()
}

/// The field, and what its path alone does not say.
fn words(value: Duration, field: &Field) -> String {
    let mut words = field.path.clone();
    if field.value != value {
        words += &format!(": {}", Span(field.value));
    }
    let each = ["perTryTimeout", "backendRequest"].iter().any(|name| words.contains(name));
    if field.of_connections {
        words += ", of connections, not of requests";
    }
    if each {
        words += ", of each try: a retry follows each give-up";
    }
    words
}

fn nothing(value: Duration, looked: Looked) -> String {
    let span = Span(value);
    let begin = match looked {
        Looked::Nothing => format!("No manifest was found that could give the {span}"),
        Looked::All => format!("No manifest read has {span} for these requests"),
        Looked::Part => format!("No manifest that could be read has {span} for these requests"),
    };
    let known = defaults::with(value).join("; ");
    match looked {
        _ if !known.is_empty() => format!("{begin}; what has it by default: {known}."),
        Looked::Part => format!("{begin}."),
        _ => {
            format!("{begin}, and nothing known has it by default: perhaps the client's own code.")
        }
    }
}
