//! For each page and window: what the job should have counted against what it emitted.
