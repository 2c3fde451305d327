//! Work that tells what it does while it is at it: whoever waits for it hears all that was told, to the last word, before
//! its end.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::mpsc::UnboundedReceiver;

/// What is heard next.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<N, T> {
    /// Something was told.
    News(N),
    /// It is done, and nothing more will be told.
    Done(T),
}

/// Work under way, and where it tells what it does.
pub struct Telling<'a, N, T> {
    work: Pin<Box<dyn Future<Output = T> + 'a>>,
    news: UnboundedReceiver<N>,
    /// What it came to, while there is still something to hear.
    done: Option<T>,
}

impl<'a, N, T> Telling<'a, N, T> {
    /// Begins when it is first listened to.
    pub fn new(news: UnboundedReceiver<N>, work: impl Future<Output = T> + 'a) -> Self {
        Self { work: Box::pin(work), news, done: None }
    }

    /// What is heard next. May be given up and asked again, as in a `select!`; not after the end.
    pub async fn next(&mut self) -> Heard<N, T> {
        if self.done.is_none() {
            tokio::select! {
                biased;
                Some(news) = self.news.recv() => return Heard::News(news),
                done = &mut self.work => self.done = Some(done),
            }
        }
        match (self.news.try_recv(), self.done.take()) {
            (Err(_), Some(done)) => Heard::Done(done),
            (Ok(news), done) => {
                self.done = done;
                Heard::News(news)
            }
            // The end was heard already.
            (Err(_), None) => std::future::pending().await,
        }
    }

    /// Passes on all that is told, and returns what it came to.
    pub async fn all(mut self, mut tell: impl FnMut(N)) -> T {
        loop {
            match self.next().await {
                Heard::News(news) => tell(news),
                Heard::Done(done) => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_told_in_the_moment_of_the_end_is_heard_before_it() {
        let (sender, news) = mpsc::unbounded_channel();
        let mut work = Telling::new(news, async move {
            sender.send(1).unwrap();
            tokio::task::yield_now().await;
            sender.send(2).unwrap();
            sender.send(3).unwrap();
            "done"
        });
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.push(work.next().await);
        }
        assert_eq!(heard, [Heard::News(1), Heard::News(2), Heard::News(3), Heard::Done("done")]);
    }

    #[tokio::test]
    async fn work_that_tells_nobody_ends_as_well() {
        let (sender, news) = mpsc::unbounded_channel::<u8>();
        drop(sender);
        assert_eq!(Telling::new(news, async { 7 }).all(|_| {}).await, 7);
    }
}
