//! The compose model: parse, validate, resolve. Pure: files come in as text.

/// A resolved stack: every variable filled in, every value checked, nothing left that the platform would not realise.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {}
