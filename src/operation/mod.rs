//! What a person would do in several requests or commands, as one operation: every part is reported, every wait is
//! bounded, and no job is left stopped without saying where its state is.
//!
//! Each is observed, planned and carried out ([`plan`]), through Flink's REST API or through its command line ([`Via`]).

mod cancel;
pub mod channel;
mod come_up;
pub mod control;
mod exec;
mod execute;
pub mod expected;
pub mod jar;
pub mod marks;
pub mod model;
pub mod origin;
mod perform;
pub mod plan;
pub mod reach;
mod rescale;
pub mod restores;
pub mod resume;
pub mod savepoint;
pub mod scale;
mod slots;
mod start;
mod stop;
mod subject;
pub mod submit;
mod take;
pub mod up;
pub mod upgrade;
pub mod workload;

pub use channel::Via;
pub use control::{Control, PartNews};
pub use model::Operation;
