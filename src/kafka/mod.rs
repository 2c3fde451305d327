//! Kafka as the playground needs it: offsets, records, clicks sent. Everything here blocks; async callers use
//! `tokio::task::spawn_blocking` or a thread.
