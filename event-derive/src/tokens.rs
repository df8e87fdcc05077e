//! Tokens as text, the way a person writes them: for messages, docs and comparisons.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// The text of some tokens, independent of the spaces in the source and of the macros that passed them on.
pub(crate) fn text_of(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    push(tokens.to_token_stream(), &mut text);
    text
}

fn push(tokens: TokenStream, text: &mut String) {
    let mut word_before = false;
    for token in tokens {
        let word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        if word && word_before {
            text.push(' ');
        }
        match token {
            // What `$ty:ty` of a macro leaves behind.
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                push(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                text.push(punct.as_char());
                if matches!(punct.as_char(), ',' | ';') {
                    text.push(' ');
                }
            }
            token => text.push_str(&token.to_string()),
        }
        word_before = word;
    }
}
