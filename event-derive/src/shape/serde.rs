//! serde's attributes, as far as they change the JSON. One that cannot be read is reported by serde's own derive.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Type};

use crate::shape::case::Case;

/// The keys of `#[serde(...)]` that change what is written or read.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(crate) struct Serde {
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) rename_all_fields: Option<Case>,
    pub(crate) aliases: Vec<String>,
    pub(crate) default: bool,
    /// Neither written nor read.
    pub(crate) skip: bool,
    /// Omitted when written, always or on a condition.
    pub(crate) omitted: bool,
    pub(crate) flatten: bool,
    pub(crate) with: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) untagged: bool,
    pub(crate) transparent: bool,
    pub(crate) other: bool,
    /// The type that is written in place of this one.
    pub(crate) via: Option<Type>,
}

impl Serde {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let mut keys = Self::default();
        let (mut never_written, mut never_read) = (false, false);
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let _ = attr.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                match key.as_str() {
                    "skip_serializing" => never_written = true,
                    "skip_deserializing" => never_read = true,
                    _ => keys.entry(&key, &meta)?,
                }
                Ok(())
            });
        }
        keys.skip |= never_written && never_read;
        keys.omitted |= never_written;
        keys.default |= never_read;
        keys
    }

    fn entry(&mut self, key: &str, meta: &ParseNestedMeta) -> syn::Result<()> {
        match key {
            "rename" => {
                let (written, read) = names(meta)?;
                if let (Some(written), Some(read)) = (&written, &read)
                    && written != read
                {
                    self.aliases.push(read.clone());
                }
                if written.is_none() {
                    self.aliases.extend(read);
                }
                self.rename = written.or(self.rename.take());
            }
            "rename_all" => self.rename_all = names(meta)?.0.and_then(|name| Case::named(&name)),
            "rename_all_fields" => {
                self.rename_all_fields = names(meta)?.0.and_then(|name| Case::named(&name));
            }
            "alias" => self.aliases.push(text(meta)?),
            "default" => {
                self.default = true;
                rest(meta)?;
            }
            "skip" => self.skip = true,
            "skip_serializing_if" => {
                self.omitted = true;
                rest(meta)?;
            }
            "flatten" => self.flatten = true,
            "with" | "serialize_with" | "deserialize_with" => self.with = Some(text(meta)?),
            "tag" => self.tag = Some(text(meta)?),
            "content" => self.content = Some(text(meta)?),
            "untagged" => self.untagged = true,
            "transparent" => self.transparent = true,
            "other" => self.other = true,
            // `from` and `try_from` do not count: the JSON in a store is the one that was written.
            "into" => self.via = meta.value()?.parse::<LitStr>()?.parse().ok(),
            _ => rest(meta)?,
        }
        Ok(())
    }
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

/// Consumes a value that does not change the JSON.
fn rest(meta: &ParseNestedMeta) -> syn::Result<()> {
    if meta.input.peek(syn::Token![=]) {
        meta.value()?.parse::<proc_macro2::TokenTree>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.input.parse::<proc_macro2::Group>()?;
    }
    Ok(())
}
