//! What keys and answers do.

use event_core::subscription::OnFailure;
use event_core::{ExpectedVersion, Filter, NewEvent, RetryPolicy, StreamId};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::stage::{OrderShipped, Stage};
use crate::browse::request::{Action, Effect, Message, Problem};

fn problem(text: &str, is_transient: bool) -> Problem {
    Problem { text: text.to_owned(), is_transient }
}

#[test]
fn a_long_list_is_walked_by_pages() {
    let mut stage = Stage::new();
    for _ in 0..249 {
        stage.press("<down>");
    }
    assert!(stage.screen().contains("›order-250"), "{}", stage.screen());
    let loads = stage.effects.iter().filter(|it| matches!(it, Effect::Load(..))).count();
    assert!((3..=4).contains(&loads), "{loads} pages");
    stage.press("<home>");
    assert!(stage.screen().contains("›order-001"));
}

#[test]
fn streams_are_searched_by_any_part_of_their_name() {
    let mut stage = Stage::new();
    stage.press("/-24<tab><enter>");
    let screen = stage.screen();
    assert!(screen.contains("order-240") && !screen.contains("order-250"), "{screen}");
    stage.press("/<enter>");
    assert!(stage.screen().contains("order-001"));
    stage.press("/nothing<enter>");
    assert!(stage.screen().contains("no stream of such a name"));
}

#[test]
fn events_are_searched_by_a_part_of_their_type() {
    let mut stage = Stage::new();
    stage.press("2/");
    stage.shows("browse_order_shipped");
    stage.press("order_ship<enter>");
    let screen = stage.screen();
    assert!(
        screen.contains("browse_order_shipped v1") && !screen.contains("placed v1"),
        "{screen}"
    );
    stage.press("/no_such_type<enter>");
    assert!(stage.screen().contains("no events"));
    stage.press("/<enter>");
    assert!(stage.screen().contains("placed v1"));
}

#[test]
fn an_event_leads_to_its_neighbours_and_to_what_is_correlated() {
    let mut stage = Stage::new();
    stage.press("/order-007<enter><enter><enter>");
    assert!(stage.screen().contains(r#""channel": "shop""#));
    stage.press("v");
    assert!(stage.screen().contains("stored v1") && !stage.screen().contains("latest v2"));
    stage.press("v");
    assert!(stage.screen().contains("latest v2") && !stage.screen().contains("stored v1"));
    stage.press("c");
    let screen = stage.screen();
    assert!(screen.contains("correlated request-7") && screen.contains("order-247"), "{screen}");
    stage.press("<esc>n");
    assert!(stage.screen().contains(r#""parcels": 3"#), "{}", stage.screen());
    stage.press("<esc><esc>");
    assert!(stage.screen().contains("›order-007"));
    stage.press("<esc><esc><esc>");
    assert!(!stage.quit);
    stage.press("q");
    assert!(stage.quit);
}

#[test]
fn what_arrives_is_followed_and_can_be_stopped() {
    let mut stage = Stage::new();
    stage.press("3");
    stage.shows("order-250");
    stage.press(" ");
    let stream = StreamId::new("order-new").unwrap();
    let append = stage.store.append(&stream, ExpectedVersion::Any, [OrderShipped::new(1)]);
    stage.block_on(append).unwrap();
    stage.shows("stopped, 1 more since");
    assert!(!stage.screen().contains("order-new"));
    stage.press(" ");
    assert!(stage.screen().contains("›") && stage.screen().contains("order-new"));
}

#[test]
fn nothing_is_reset_before_the_answer_is_yes() {
    let mut stage = Stage::new();
    let acts = |stage: &Stage| {
        let acts = stage.effects.iter().filter(|it| matches!(it, Effect::Act(..)));
        acts.cloned().collect::<Vec<_>>()
    };
    stage.press("4R12 apples<enter>");
    assert!(stage.screen().contains("a position, which is a number"));
    stage.press("<esc>Rnow<enter>");
    assert!(stage.screen().contains("Reset mail to now?"));
    stage.press("n");
    assert!(stage.screen().contains("nothing was done"));
    assert_eq!(acts(&stage), []);
    stage.press("Rnow<enter>y");
    assert!(matches!(&acts(&stage)[..], [Effect::Act(_, Action::Reset(..))]));
    assert!(stage.screen().contains("mail is reset"), "{}", stage.screen());
    let list = stage.block_on(stage.store.subscriptions()).unwrap();
    assert_eq!(list[0].lag, 0);
    stage.press("p");
    assert!(stage.screen().contains("paused"));
    stage.press("p");
    assert!(stage.screen().contains("mail is resumed"));
}

#[test]
fn a_store_that_goes_away_is_said_and_read_again_when_it_is_back() {
    let mut stage = Stage::new();
    stage.take(Message::Key(KeyEvent::new(KeyCode::Char('2'), KeyModifiers::NONE)));
    let Some(Effect::Load(ticket, _)) = stage.effects.last().cloned() else { panic!("no load") };
    stage.take(Message::Reached(Err(problem("no route to host", true))));
    assert!(stage.screen().contains("store unreachable, trying again: no route to host"));
    stage.take(Message::Answer(ticket, Err(problem("no route to host", true))));
    // Nothing is asked while the store is away; keys still work.
    let before = stage.effects.len();
    stage.press("<down>?");
    assert_eq!(stage.effects.len(), before);
    stage.press("<esc>");
    stage.take(Message::Reached(Ok(())));
    assert!(stage.screen().contains("the store is back"));
    stage.settle();
    assert!(stage.screen().contains("order-250"), "{}", stage.screen());
}

#[test]
fn a_final_failure_stays_on_the_screen() {
    let mut stage = Stage::new();
    stage.take(Message::Key(KeyEvent::new(KeyCode::Char('5'), KeyModifiers::NONE)));
    let Some(Effect::Load(ticket, _)) = stage.effects.last().cloned() else { panic!("no load") };
    stage.take(Message::Answer(ticket, Err(problem("the backend has no projections", false))));
    let screen = stage.screen();
    assert!(screen.contains("could not be read, see below"), "{screen}");
    stage.take(Message::Reached(Ok(())));
    assert!(stage.screen().contains("could not be read"));
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let mut stage = Stage::new();
    let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    let back = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    stage.take(Message::Key(enter));
    let Some(Effect::Load(ticket, _)) = stage.effects.last().cloned() else { panic!("no load") };
    stage.take(Message::Key(back));
    assert_eq!(stage.effects.last(), Some(&Effect::Cancel(ticket)));
    let before = stage.screen();
    stage.take(Message::Answer(ticket, Err(problem("late", false))));
    assert_eq!(stage.screen(), before);
}

#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let mut stage = Stage::new();
    let customer = format!("\u{202e}\u{9b}2J<script>{}", "x".repeat(1 << 20));
    let data = serde_json::value::to_raw_value(&serde_json::json!({ "customer": customer }));
    let event = NewEvent::raw("a\u{202e}b\u{200b}", event_core::EventVersion::FIRST, data.unwrap());
    let stream = StreamId::new("0-hostile").unwrap();
    let append = stage.store.append(&stream, ExpectedVersion::Any, [event]);
    stage.block_on(append).unwrap();
    for (columns, rows) in [(20, 10), (80, 24), (200, 50)] {
        stage.resize(columns, rows);
        stage.press("1<enter>");
        assert!(stage.screen().contains(r"a\u{202e}b"), "{}", stage.screen());
        stage.press("<enter>");
        for _ in 0..6 {
            let screen = stage.screen();
            assert!(!screen.contains(['\u{202e}', '\u{9b}', '\u{200b}', '\u{1b}']), "{screen}");
            stage.press("v<pgdn>l");
        }
    }
}

#[test]
fn no_key_and_no_size_makes_it_panic() {
    const KEYS: [&str; 30] = [
        "1", "2", "3", "4", "5", "<enter>", "<esc>", "<up>", "<down>", "<pgdn>", "<end>", "<home>",
        "/", "x", "o", "d", "f", "v", "n", "p", "c", "s", "y", "R", "Y", "D", "?", "r", " ",
        "<tab>",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let mut stage = Stage::new();
    for _ in 0..1_500 {
        match random.u8(..10) {
            0 => stage.take(Message::Resize(random.u16(0..90), random.u16(0..30))),
            1 => stage.take(Message::Tick),
            2 => stage.settle(),
            _ => {
                let keys = KEYS[random.usize(..KEYS.len())];
                stage.press_only(keys);
            }
        }
        let _ = stage.screen();
    }
}

#[test]
fn parked_events_are_replayed_and_discarded_for_a_reason() {
    let mut stage = Stage::new();
    stage.block_on(async {
        let refuse = |_| async { Err::<(), _>("mailbox full") };
        let shipped = Filter::all().event_types(["browse_order_shipped"]);
        let letters = stage.store.subscription("letters").filter(shipped);
        let letters = letters.retry(RetryPolicy::never()).on_failing(OnFailure::Park);
        let consumer = letters.open().await.unwrap();
        let stopper = consumer.stopper();
        let running = tokio::spawn(consumer.run(refuse));
        while stage.store.subscription("letters").parked().await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stopper.stop();
        running.await.unwrap().unwrap();
    });
    stage.press("4<enter>");
    assert!(stage.screen().contains("mailbox full"), "{}", stage.screen());
    stage.press("<enter>");
    assert!(stage.screen().contains(r#""parcels": 3"#), "{}", stage.screen());
    stage.press("<esc>x<enter>");
    assert!(stage.screen().contains("why it is discarded is kept with it"));
    stage.press("gone<enter>");
    assert!(stage.screen().contains("Discard the parked event 8 of letters?"));
    stage.press("y");
    assert!(stage.screen().contains("1 parked events of letters are discarded"));
    assert!(stage.screen().contains("no parked events"), "{}", stage.screen());
}
