//! A history of many versions compiles: no generic function of one version calls that of the version below, so the
//! recursion limit of this binary, which is far below their number, is never reached. The latest version stands first,
//! which is the order in which the compiler would nest them.

use event_core::event::decode_at;
use event_core::serde_json::value::RawValue;
use event_core::{Event, EventVersion, Registry};
use serde::{Deserialize, Serialize};

macro_rules! versions {
    ($($version:literal $this:ident $previous:ident),+) => {
        $(
            #[derive(Serialize, Deserialize, Event)]
            #[event(type = "long.history", version = $version, from = $previous, register = false)]
            struct $this {
                steps: u32,
            }

            impl From<$previous> for $this {
                fn from(old: $previous) -> Self {
                    Self { steps: old.steps + 1 }
                }
            }
        )+
    };
}

#[rustfmt::skip]
versions! {
    80 V80 V79, 79 V79 V78, 78 V78 V77, 77 V77 V76, 76 V76 V75, 75 V75 V74, 74 V74 V73, 73 V73 V72, 72 V72 V71, 71
    V71 V70, 70 V70 V69, 69 V69 V68, 68 V68 V67, 67 V67 V66, 66 V66 V65, 65 V65 V64, 64 V64 V63, 63 V63 V62, 62 V62
    V61, 61 V61 V60, 60 V60 V59, 59 V59 V58, 58 V58 V57, 57 V57 V56, 56 V56 V55, 55 V55 V54, 54 V54 V53, 53 V53 V52,
    52 V52 V51, 51 V51 V50, 50 V50 V49, 49 V49 V48, 48 V48 V47, 47 V47 V46, 46 V46 V45, 45 V45 V44, 44 V44 V43, 43
    V43 V42, 42 V42 V41, 41 V41 V40, 40 V40 V39, 39 V39 V38, 38 V38 V37, 37 V37 V36, 36 V36 V35, 35 V35 V34, 34 V34
    V33, 33 V33 V32, 32 V32 V31, 31 V31 V30, 30 V30 V29, 29 V29 V28, 28 V28 V27, 27 V27 V26, 26 V26 V25, 25 V25 V24,
    24 V24 V23, 23 V23 V22, 22 V22 V21, 21 V21 V20, 20 V20 V19, 19 V19 V18, 18 V18 V17, 17 V17 V16, 16 V16 V15, 15
    V15 V14, 14 V14 V13, 13 V13 V12, 12 V12 V11, 11 V11 V10, 10 V10 V9, 9 V9 V8, 8 V8 V7, 7 V7 V6, 6 V6 V5, 5 V5 V4,
    4 V4 V3, 3 V3 V2, 2 V2 V1
}

#[derive(Serialize, Deserialize, Event)]
#[event(type = "long.history", version = 1, register = false)]
struct V1 {
    steps: u32,
}

#[test]
fn a_history_longer_than_the_recursion_limit_compiles_and_decodes() {
    let stored = RawValue::from_string(r#"{"steps":0}"#.to_owned()).unwrap();
    let latest = decode_at::<V80>(EventVersion::FIRST, &stored).unwrap();
    assert_eq!(latest.steps, 79);
    let registry = Registry::builder().event::<V80>().build().unwrap();
    let any = registry.decode("long.history", EventVersion::FIRST, &stored).unwrap();
    assert_eq!(any.downcast_ref::<V80>().unwrap().steps, 79);
    assert_eq!(registry.path("long.history", EventVersion::FIRST, V80::VERSION).unwrap().len(), 79);
}
