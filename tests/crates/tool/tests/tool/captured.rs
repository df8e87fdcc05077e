//! `docs/cli.md` shows what the program prints today.

use crate::support::Shop;

const GUIDE: &str = include_str!("../../../../../docs/cli.md");

/// Whether a text has these parts in order, from its beginning to its end; `…` stands for what differs from run to run.
fn fits(expected: &str, text: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut is_open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        is_open = part.is_empty();
    }
    is_open || rest.is_empty()
}

#[test]
fn the_guide_shows_the_current_output() {
    let shop = Shop::empty();
    let order = r#"[{"type":"order_placed","event_version":1,"data":{"customer":"ann"}},
                    {"type":"order_shipped","data":{"parcels":2}}]"#;
    let wrong = r#"[{"type":"order_placed","data":{"customer":"","channel":"web"}},
                    {"type":"order_shipped","data":{"parcels":"two"}}]"#;
    std::fs::write(shop.path("order.json"), order).unwrap();
    std::fs::write(shop.path("wrong.json"), wrong).unwrap();
    let blocks = GUIDE.split("```text\n$ ").skip(1).map(|it| it.split("```").next().unwrap());
    let mut commands = 0;
    for command in blocks.flat_map(|block| block.split("\n$ ")) {
        let (line, expected) = command.split_once('\n').unwrap();
        let arguments: Vec<_> = line.split(' ').skip(1).collect();
        let ran = shop.run(&arguments);
        let printed = ran.stdout + &ran.stderr;
        let (printed, expected) = (printed.trim_end(), expected.trim_end());
        assert_eq!(printed.lines().count(), expected.lines().count(), "{line}:\n{printed}");
        for (printed, expected) in printed.lines().zip(expected.lines()) {
            assert!(fits(expected, printed), "{line}\nprints   {printed}\nexpected {expected}");
        }
        commands += 1;
    }
    assert!(commands >= 15, "{commands} commands");
}
