//! Workloads: a job, what it reads and writes, and what is right of its output, as values out of files ([`model`], [`catalog`]);
//! how their input is written ([`feed`], [`generator`]). How their records are read, [`oracle`](crate::oracle) knows.

pub mod alive;
pub mod catalog;
pub mod draft;
pub mod excerpt;
pub mod feed;
pub mod generator;
pub mod lines;
pub mod model;
pub mod pace;
pub mod parse;
pub mod place;
pub mod resume;
pub mod sequence;
pub mod template;

/// The feed of the usual workload, for tests of what writes feeds.
#[cfg(test)]
pub(crate) mod clicks {
    use super::catalog;
    use super::feed::Feed;
    use crate::oracle::Sent;

    /// The pages; a page's place is its partition.
    pub(crate) const PAGES: [&str; 6] = ["/help", "/index", "/shop", "/jobs", "/about", "/news"];

    pub(crate) fn feed() -> Feed {
        catalog::usual().unwrap().input.feed.unwrap()
    }

    /// Time and page of a click.
    pub(crate) fn decode(payload: &[u8]) -> Option<(i64, String)> {
        match catalog::usual().unwrap().oracle.reader().unwrap().sent(&crate::kafka::record::Record::of(payload))? {
            Sent::Counted(click) => Some((click.time, click.key.into_owned())),
            Sent::Record(_) | Sent::Nothing => None,
        }
    }
}
