//! Parts of forms. Each carries the token of its session.

use maud::{Markup, html};

use crate::visit::Visit;

/// A form with one button.
pub(crate) fn button(visit: &Visit, address: &str, fields: &[(&str, &str)], label: &str) -> Markup {
    html! {
        form.one method="post" action=(address) {
            (token(visit))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button type="submit" { (label) }
        }
    }
}

/// The token of the visitor's session.
pub(crate) fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name="form_token" value=(visit.form_token()); }
}
