//! What a person would do in several requests or commands, as one: with every part told, every wait bounded, and no job
//! left stopped without a word of where its state is.
//!
//! Each works through Flink's REST API or through its command line ([`Via`]); the request or line is told as it is sent.

pub mod cancel;
pub mod control;
pub mod marks;
pub mod model;
pub mod perform;
pub mod reach;
pub mod rescale;
pub mod savepoint;
pub mod scale;
pub mod slots;
pub mod start;
pub mod stop;
pub mod submit;
pub mod up;
pub mod upgrade;

pub use control::{Control, News, Via};
pub use model::Operation;
