//! Moving data between stores: [`Export`] writes lines of JSON, [`Import`] reads them, [`CopyTo`] copies directly.
//!
//! All three work page by page between any two backends. They keep ids, times, stream versions, metadata and payloads byte for
//! byte, archived and deleted states, truncations and links. What the target already has is skipped, so an interrupted transfer
//! is simply repeated.

mod copy;
mod digest;
mod export;
mod failed;
mod import;
mod line;
mod selection;
mod source;
mod starts;

pub use self::copy::{Copied, CopyProgress, CopyTo};
pub use self::digest::{Digest, TakeDigest};
pub use self::export::Export;
pub use self::import::Import;
pub use self::selection::{Exported, Selection};
