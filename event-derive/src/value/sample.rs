//! Samples: JSON, whose tokens are those of Rust.

use std::fmt::Write as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::ParseStream;
use syn::{Ident, Lit};

use crate::errors::Errors;
use crate::key::{next, skip};
use crate::value::literal::equals;

/// `sample = "1.50"`, `sample = { "amount": 5, "currency": "EUR" }`: returns the text of the JSON.
pub(crate) fn sample(key: &Ident, input: ParseStream, errors: &mut Errors) -> Option<String> {
    if !equals(key, &format!("{key} = \"...\""), input, errors) {
        return None;
    }
    let found = next(input);
    let json = json(&skip(input));
    if json.is_none() {
        errors.at_span(
            found.span,
            "a sample is JSON, like \"1.50\", 7 or { \"amount\": 5, \"currency\": \"EUR\" }",
        );
    }
    json
}

fn json(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Group(group)] => match group.delimiter() {
            Delimiter::Brace => Some(format!("{{{}}}", list(group.stream(), member)?)),
            Delimiter::Bracket => Some(format!("[{}]", list(group.stream(), json)?)),
            Delimiter::None => json(&group.stream().into_iter().collect::<Vec<_>>()),
            Delimiter::Parenthesis => None,
        },
        [TokenTree::Ident(word)] => {
            let word = word.to_string();
            ["true", "false", "null"].contains(&word.as_str()).then_some(word)
        }
        [TokenTree::Punct(sign), TokenTree::Literal(number)] if sign.as_char() == '-' => {
            Some(format!("-{}", self::number(&Lit::new(number.clone()))?))
        }
        [TokenTree::Literal(literal)] => match Lit::new(literal.clone()) {
            Lit::Str(text) => Some(quoted(&text.value())),
            literal => number(&literal),
        },
        _ => None,
    }
}

/// The items of a list or an object; a comma may follow the last.
fn list(items: TokenStream, item: fn(&[TokenTree]) -> Option<String>) -> Option<String> {
    let tokens: Vec<TokenTree> = items.into_iter().collect();
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let mut parts: Vec<&[TokenTree]> = tokens.split(is_comma).collect();
    if parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    let parts: Option<Vec<String>> = parts.into_iter().map(item).collect();
    Some(parts?.join(","))
}

/// `"key": value`
fn member(tokens: &[TokenTree]) -> Option<String> {
    let [TokenTree::Literal(key), TokenTree::Punct(colon), value @ ..] = tokens else {
        return None;
    };
    let Lit::Str(key) = Lit::new(key.clone()) else { return None };
    (colon.as_char() == ':').then_some(())?;
    Some(format!("{}:{}", quoted(&key.value()), json(value)?))
}

fn number(literal: &Lit) -> Option<String> {
    match literal {
        Lit::Int(number) if number.suffix().is_empty() => Some(number.base10_digits().to_owned()),
        Lit::Float(number) if number.suffix().is_empty() => Some(number.base10_digits().to_owned()),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn tokens_become_json() {
        let of = |tokens: TokenStream| json(&tokens.into_iter().collect::<Vec<_>>());
        for (tokens, text) in [
            (quote!("a\"\\\n"), r#""a\"\\\u000a""#),
            (quote!(-1.5), "-1.5"),
            (quote!({ "a": [1, true, null,], "b": {} }), r#"{"a":[1,true,null],"b":{}}"#),
        ] {
            assert_eq!(of(tokens).as_deref(), Some(text));
        }
        for tokens in
            [quote!(1u8), quote!(1.5f64), quote!(x), quote!({ a: 1 }), quote!((1)), quote!([1 2])]
        {
            assert_eq!(of(tokens), None);
        }
    }
}
