//! The places where a type can be inside of an event.

/// Rows of one change in a type `P`, which is an object, at every place where an event can hold it.
macro_rules! held {
    ($(#[doc = $doc:literal])* $function:ident:
        $place:ident $attribute:literal $direction:ident $case:literal {$($before:tt)*} {$($now:tt)*} $payloads:expr $(, $limit:ident)?
    ) => {
        rows! {
            $(#[doc = $doc])*
            $function:
            $place $attribute $direction $case { $($before)* event! { struct T { a: P } } } { $($now)* event! { struct T { a: P } } } put(r#"{"a":%}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case { $($before)* event! { struct T { a: Vec<P> } } } { $($now)* event! { struct T { a: Vec<P> } } } put(r#"{"a":[%]}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case { $($before)* event! { struct T { a: Option<P> } } } { $($now)* event! { struct T { a: Option<P> } } } put(r#"{"a":%}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case { $($before)* event! { struct T { a: BTreeMap<String, P> } } } { $($now)* event! { struct T { a: BTreeMap<String, P> } } } put(r#"{"a":{"k":%}}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case { $($before)* event! { struct T(P); } } { $($now)* event! { struct T(P); } } put("%", $payloads) $(, $limit)?;
            $place $attribute $direction ($case " and flattened") { $($before)* event! { struct T { #[serde(flatten)] a: P, z: Option<u8> } } } { $($now)* event! { struct T { #[serde(flatten)] a: P, z: Option<u8> } } } put("%", $payloads) $(, $limit)?;
            $place $attribute $direction $case { $($before)* event! { struct T { a: (u8, P) } } } { $($now)* event! { struct T { a: (u8, P) } } } put(r#"{"a":[1,%]}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case { $($before)* event! { struct T { a: Option<Box<[P; 1]>> } } } { $($now)* event! { struct T { a: Option<Box<[P; 1]>> } } } put(r#"{"a":[%]}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case {
                $($before)* part! { enum E { One(P) } } event! { struct T { e: E } }
            } {
                $($now)* part! { enum E { One(P) } } event! { struct T { e: E } }
            } put(r#"{"e":{"One":%}}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case {
                $($before)* part! { enum E { One { p: P } } } event! { struct T { e: E } }
            } {
                $($now)* part! { enum E { One { p: P } } } event! { struct T { e: E } }
            } put(r#"{"e":{"One":{"p":%}}}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case {
                $($before)* part! { enum E { One(u8, P) } } event! { struct T { e: E } }
            } {
                $($now)* part! { enum E { One(u8, P) } } event! { struct T { e: E } }
            } put(r#"{"e":{"One":[1,%]}}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case {
                $($before)* part! { #[serde(tag = "k")] enum E { One(P) } } event! { struct T { e: E } }
            } {
                $($now)* part! { #[serde(tag = "k")] enum E { One(P) } } event! { struct T { e: E } }
            } put(r#"{"e":+"k":"One",%}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case {
                $($before)* part! { #[serde(tag = "k", content = "c")] enum E { One(P) } } event! { struct T { e: E } }
            } {
                $($now)* part! { #[serde(tag = "k", content = "c")] enum E { One(P) } } event! { struct T { e: E } }
            } put(r#"{"e":{"k":"One","c":%}}"#, $payloads) $(, $limit)?;
            $place $attribute $direction $case {
                $($before)* part! { #[serde(untagged)] enum E { One(P), Two(bool) } } event! { struct T { e: E } }
            } {
                $($now)* part! { #[serde(untagged)] enum E { One(P), Two(bool) } } event! { struct T { e: E } }
            } put(r#"{"e":%}"#, $payloads) $(, $limit)?;
        }
    };
}
pub(super) use held;

/// Puts payloads of a part into that of an event; after a `+` its keys stand beside others.
pub(super) fn put(event: &str, parts: &[&str]) -> Vec<String> {
    let put = |part: &&str| match event.split_once('+') {
        Some((before, after)) => {
            let keys = part.trim_start_matches('{').trim_end_matches('}');
            let after =
                if keys.is_empty() { after.replace(",%", "") } else { after.replace('%', keys) };
            format!("{before}{{{after}}}")
        }
        None => event.replace('%', part),
    };
    parts.iter().map(put).collect()
}
