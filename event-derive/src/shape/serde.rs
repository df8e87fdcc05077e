//! serde's attributes, as far as they change the JSON. One that cannot be read is reported by serde's own derive.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Type};

use crate::shape::case::Case;

/// The keys of `#[serde(...)]` that change what is written or read: serde's two halves apart.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(crate) struct Serde {
    pub(crate) written_name: Option<String>,
    pub(crate) read_name: Option<String>,
    pub(crate) rename_all: Cases,
    pub(crate) rename_all_fields: Cases,
    pub(crate) aliases: Vec<String>,
    pub(crate) default: bool,
    /// The function that gives the value of a missing key.
    pub(crate) default_by: Option<String>,
    pub(crate) never_written: bool,
    pub(crate) never_read: bool,
    /// Omitted when written, on a condition.
    pub(crate) omitted: bool,
    pub(crate) flatten: bool,
    /// The module of both functions.
    pub(crate) with: Option<String>,
    pub(crate) written_with: Option<String>,
    pub(crate) read_with: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) untagged: bool,
    pub(crate) transparent: bool,
    pub(crate) other: bool,
    /// Unknown keys are an error.
    pub(crate) closed: bool,
    /// The type that is written in place of this one.
    pub(crate) into: Option<Type>,
    /// The type that is read in place of this one.
    pub(crate) from: Option<Type>,
    /// The conversion from that type can fail.
    pub(crate) fallible: bool,
    /// Keys that this list does not know, as they are written: they may change the JSON.
    pub(crate) unknown: Vec<String>,
}

/// How names are written, and how they are read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cases {
    pub(crate) written: Option<Case>,
    pub(crate) read: Option<Case>,
}

impl Cases {
    /// These, or where they say nothing the others.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { written: self.written.or(other.written), read: self.read.or(other.read) }
    }
}

impl Serde {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut keys = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let _ = attr.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                keys.entry(&key, &meta)
            });
        }
        keys
    }

    /// Neither written nor read.
    pub(crate) const fn is_skipped(&self) -> bool {
        self.never_written && self.never_read
    }

    fn entry(&mut self, key: &str, meta: &ParseNestedMeta) -> syn::Result<()> {
        match key {
            "rename" => {
                let (written, read) = names(meta)?;
                self.written_name = written.or(self.written_name.take());
                self.read_name = read.or(self.read_name.take());
            }
            "rename_all" => self.rename_all = cases(meta)?,
            "rename_all_fields" => self.rename_all_fields = cases(meta)?,
            "alias" => self.aliases.push(text(meta)?),
            "default" => {
                self.default = true;
                if meta.input.peek(syn::Token![=]) {
                    self.default_by = Some(text(meta)?);
                }
            }
            "skip" => (self.never_written, self.never_read) = (true, true),
            "skip_serializing" => self.never_written = true,
            "skip_deserializing" => self.never_read = true,
            "skip_serializing_if" => {
                self.omitted = true;
                drop(rest(meta)?);
            }
            "flatten" => self.flatten = true,
            "with" => self.with = Some(text(meta)?),
            "serialize_with" => self.written_with = Some(text(meta)?),
            "deserialize_with" => self.read_with = Some(text(meta)?),
            "tag" => self.tag = Some(text(meta)?),
            "content" => self.content = Some(text(meta)?),
            "untagged" => self.untagged = true,
            "transparent" => self.transparent = true,
            "other" => self.other = true,
            "deny_unknown_fields" => self.closed = true,
            "into" => self.into = meta.value()?.parse::<LitStr>()?.parse().ok(),
            "from" => self.from = meta.value()?.parse::<LitStr>()?.parse().ok(),
            "try_from" => {
                self.from = meta.value()?.parse::<LitStr>()?.parse().ok();
                self.fallible = true;
            }
            // Of the generated code only.
            "borrow" | "bound" | "crate" | "expecting" | "getter" | "remote" => drop(rest(meta)?),
            _ => self.unknown.push(format!("{key}{}", rest(meta)?)),
        }
        Ok(())
    }
}

/// The conventions of `rename_all`, which like `rename` can name both halves apart.
fn cases(meta: &ParseNestedMeta) -> syn::Result<Cases> {
    let (written, read) = names(meta)?;
    let case = |name: Option<String>| name.and_then(|name| Case::named(&name));
    Ok(Cases { written: case(written), read: case(read) })
}

/// `key = "a"`, or `key(serialize = "a", deserialize = "b")`: the name that is written, and the one that is read.
fn names(meta: &ParseNestedMeta) -> syn::Result<(Option<String>, Option<String>)> {
    if meta.input.peek(syn::Token![=]) {
        let name = text(meta)?;
        return Ok((Some(name.clone()), Some(name)));
    }
    let (mut written, mut read) = (None, None);
    meta.parse_nested_meta(|inner| {
        let name = Some(text(&inner)?);
        if inner.path.is_ident("serialize") {
            written = name;
        } else {
            read = name;
        }
        Ok(())
    })?;
    Ok((written, read))
}

fn text(meta: &ParseNestedMeta) -> syn::Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

/// Consumes a value, and returns its text.
fn rest(meta: &ParseNestedMeta) -> syn::Result<String> {
    if meta.input.peek(syn::Token![=]) {
        return Ok(format!(" = {}", meta.value()?.parse::<proc_macro2::TokenTree>()?));
    }
    if meta.input.peek(syn::token::Paren) {
        return Ok(meta.input.parse::<proc_macro2::Group>()?.to_string());
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// serde takes more keys than a shape shows; what follows them counts all the same.
    #[test]
    fn keys_behind_those_whose_value_is_passed_over_are_read() {
        let field: syn::Field = syn::parse_quote! {
            #[serde(skip_serializing_if = "is_zero", default, bound(serialize = "T: Copy"), alias = "b")]
            #[serde(later = 7, listed(x), bare, rename = "c")]
            field: u8
        };
        let keys = Serde::read(&field.attrs);
        assert!(keys.omitted && keys.default);
        assert_eq!(keys.aliases, ["b"]);
        assert_eq!(keys.unknown, ["later = 7", "listed(x)", "bare"]);
        assert_eq!(keys.written_name.as_deref(), Some("c"));
    }
}
