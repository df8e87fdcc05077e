//! Parts of pages.

use event_core::adapter::StreamState;
use event_core::subscription::SubscriptionStatus;
use event_core::{EventVersion, RecordedEvent};
use maud::{Markup, html};

use crate::links::Links;
use crate::text;

/// A message in a box: `good`, `warn` or `bad`.
pub(crate) fn notice(kind: &'static str, content: &Markup) -> Markup {
    html! { div class={ "notice " (kind) } { (content) } }
}

/// A small word with a colour: `good`, `warn`, `bad` or `quiet`.
pub(crate) fn badge(kind: &'static str, word: &str) -> Markup {
    html! { span class={ "badge " (kind) } { (word) } }
}

/// What stands where a list is empty.
pub(crate) fn nothing(text: &str) -> Markup {
    html! { p.nothing { (text) } }
}

/// A figure with its name.
pub(crate) fn figure(name: &str, value: &Markup, note: &Markup) -> Markup {
    html! { div.figure { dt { (name) } dd { span.value { (value) } span.note { (note) } } } }
}

/// A region that scrolls sideways, and by the keyboard.
pub(crate) fn scrolling(label: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (content) } }
}

/// The type of an event, with its version.
pub(crate) fn event_type(links: &Links, event_type: &str, version: EventVersion) -> Markup {
    html! {
        a.type href=(links.event_type(event_type)) { (text::name(event_type)) }
        " " span.version { (version) }
    }
}

/// The state of a stream, unless it is an ordinary one.
pub(crate) fn stream_state(state: StreamState) -> Markup {
    match state {
        StreamState::Active => badge("good", "active"),
        StreamState::Archived => badge("warn", "archived"),
        StreamState::SoftDeleted => badge("bad", "deleted"),
        StreamState::HardDeleted => badge("bad", "removed"),
    }
}

/// The state of a subscription.
pub(crate) fn subscription_status(status: SubscriptionStatus) -> Markup {
    match status {
        SubscriptionStatus::Running => badge("good", "running"),
        SubscriptionStatus::Paused => badge("warn", "paused"),
        SubscriptionStatus::Stopped => badge("bad", "stopped"),
        _ => badge("quiet", "idle"),
    }
}

/// Events in a list, each with its stream: the latest first. The script adds to it.
pub(crate) fn event_rows(links: &Links, events: &[RecordedEvent], shows_tenant: bool) -> Markup {
    html! {
        ol.rows data-rows {
            @for event in events {
                li {
                    span.when { (text::short_time(event.recorded_at())) }
                    a.what href=(links.event(event.tenant(), event.event_id())) {
                        (text::name(event.event_type())) " " span.version { (event.event_version()) }
                    }
                    a.where href=(links.stream(event.tenant(), event.stream_id())) {
                        @if shows_tenant { span.tenant { (text::name(event.tenant().as_str())) } " / " }
                        (text::name(event.stream_id().as_str()))
                        span.version { " #" (event.stream_version()) }
                    }
                    span.position { (text::number(event.position().get())) }
                }
            }
        }
    }
}

/// The switch of a live tail: the script shows it. Without a script the page can be reloaded.
pub(crate) fn tail(address: &str) -> Markup {
    html! {
        div.tail data-tail=(address) {
            button type="button" data-follow aria-pressed="false" hidden { "Follow" }
            span.quiet data-tail-state role="status" {}
            noscript { span.quiet { "Reload the page for newer events." } }
        }
    }
}

/// The form that asks for the token.
pub(crate) fn sign_in(links: &Links, is_wrong: bool, to: &str) -> Markup {
    html! {
        form.sign-in method="post" action=(links.to("/sign-in")) {
            @if is_wrong { p.wrong id="wrong" role="alert" { "The token is wrong." } }
            label for="token" { "Token" }
            @let described = is_wrong.then_some("wrong");
            input id="token" name="token" type="password" autocomplete="current-password" required
                aria-describedby=[described];
            input type="hidden" name="to" value=(to);
            button type="submit" { "Sign in" }
        }
    }
}
