//! The rules of `migrate` steps: each leads to a later version, no two start from the same one, and none is left out.

use std::collections::BTreeSet;

use crate::attr::{Migrate, Source};
use crate::errors::Errors;
use crate::model::Step;
use crate::tokens::text_of;
use crate::value::Number;

/// The steps in order; `None` unless they lead from every stored version to this one.
pub(super) fn connected(
    written: &[Migrate],
    version: Number,
    since: u32,
    errors: &mut Errors,
) -> Option<Vec<Step>> {
    let before = errors.count();
    let mut seen = Sources::default();
    for step in written {
        check_direction(step, version.value, since, errors);
        seen.add(step, errors);
    }
    // A wrong step often leaves a gap as well: one report is enough.
    if errors.count() == before {
        gaps(&seen, version, since, errors);
    }
    (errors.count() == before).then(|| in_order(written))
}

fn check_direction(step: &Migrate, version: u32, since: u32, errors: &mut Errors) {
    if let Source::Version(from) = step.source {
        starts_in_range(from, version, since, errors);
        if let Some(to) = step.to
            && to.value <= from.value
        {
            errors.at_span(to.span, "`to` must be above `from`");
        }
    }
    if let Some(to) = step.to
        && to.value > version
    {
        errors.at_span(to.span, "`to` cannot exceed `version`");
    }
}

fn starts_in_range(from: Number, version: u32, since: u32, errors: &mut Errors) {
    if from.value >= version {
        errors.at_span(from.span, "`from` must be below `version`");
    }
    if from.value < since {
        let message = format!(
            "`since = {since}` says versions below {since} are gone; remove this `migrate` or \
             lower `since`"
        );
        errors.at_span(from.span, message);
    }
}

/// The sources of the steps that were checked so far.
#[derive(Default)]
struct Sources {
    versions: BTreeSet<u32>,
    structs: Vec<String>,
}

impl Sources {
    fn add(&mut self, step: &Migrate, errors: &mut Errors) {
        match &step.source {
            Source::Version(from) if !self.versions.insert(from.value) => {
                let message =
                    format!("duplicate source: version {} already has a `migrate`", from.value);
                errors.at_span(from.span, message);
            }
            Source::Version(_) => {}
            Source::Struct(from) => {
                let name = text_of(from);
                if self.structs.contains(&name) {
                    let message = format!("duplicate source: `{name}` already has a `migrate`");
                    errors.at(from, message);
                } else if !self.structs.is_empty() {
                    let message = "only one `migrate` can start from a struct; its own chain \
                                   covers the versions below";
                    errors.at(from, message);
                }
                self.structs.push(name);
            }
        }
    }
}

/// Reports each run of versions that no step starts from.
///
/// The macro does not know the version of a struct, so the step from one is left to event-core's proof.
fn gaps(seen: &Sources, version: Number, since: u32, errors: &mut Errors) {
    let lowest = if seen.structs.is_empty() { Some(since) } else { seen.versions.first().copied() };
    let Some(mut next) = lowest else { return };
    for &from in seen.versions.iter().chain([&version.value]) {
        if from > next {
            let end = from - 1;
            let at_the_start = next == since && seen.structs.is_empty();
            errors.at_span(version.span, gap(version.value, next, end, at_the_start));
        }
        next = from + 1;
    }
}

fn gap(version: u32, first: u32, last: u32, at_the_start: bool) -> String {
    let (missing, were) = if first == last {
        (format!("version {first}"), "was")
    } else {
        (format!("versions {first} to {last}"), "were")
    };
    let since = if at_the_start {
        format!(", or `since = {}` if {missing} {were} never stored", last + 1)
    } else {
        String::new()
    };
    format!(
        "version {version} has no way from {missing}; add `migrate(from = {first}, with = path)`{since}"
    )
}

fn in_order(written: &[Migrate]) -> Vec<Step> {
    let mut ordered: Vec<&Migrate> = written.iter().collect();
    ordered.sort_by_key(|step| match step.source {
        Source::Struct(_) => 0,
        Source::Version(from) => from.value,
    });
    ordered.into_iter().map(checked).collect()
}

fn checked(step: &Migrate) -> Step {
    let to = step.to.map(|to| to.value);
    let with = step.with.clone();
    match &step.source {
        Source::Struct(from) => Step::FromStruct { from: from.clone(), to, with },
        Source::Version(from) => {
            Step::FromVersion { from: from.value, to: to.unwrap_or(from.value + 1), with }
        }
    }
}
