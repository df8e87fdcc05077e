//! Moving what a store holds: [`Export`] to lines of JSON, [`Import`] from them, [`CopyTo`] without them.
//!
//! All three go page by page over the seam, between any two backends: ids, times, stream versions, metadata and payloads
//! byte for byte, archived and deleted states, truncations and links. What comes in is skipped where it is stored
//! already, so whatever was interrupted is done again from the start.

mod copy;
mod digest;
mod export;
mod import;
mod line;
mod selection;
mod source;

pub use self::copy::{Copied, CopyProgress, CopyTo};
pub use self::digest::Digest;
pub use self::export::Export;
pub use self::import::Import;
pub use self::selection::{Exported, Selection};
