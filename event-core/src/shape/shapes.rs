//! [`Shapes`]: the types whose forms are being built, so that a type may contain itself.

use crate::shape::Form;

/// The types whose forms are being built, outermost first; detects recursive types.
#[derive(Debug, Default)]
pub struct Shapes {
    enclosing: Vec<&'static str>,
}

impl Shapes {
    /// Builds the form of a named type; [`Form::Recursive`] if the type encloses itself.
    pub(super) fn enclosed(
        &mut self,
        path: &'static str,
        name: &'static str,
        form: impl FnOnce(&mut Self) -> Form,
    ) -> Form {
        if let Some(index) = self.enclosing.iter().position(|known| *known == path) {
            return Form::Recursive(self.enclosing.len() - index);
        }
        self.enclosing.push(path);
        let form = form(self);
        self.enclosing.pop();
        Form::Named(name, Box::new(form))
    }
}
