//! How far a job's event time has come.

use anyhow::Result;
use serde::Deserialize;

use super::Flink;
use super::job::Job;

/// One of `GET /jobs/:id/vertices/:id/watermarks`: a subtask's watermark, as text.
#[derive(Deserialize)]
struct Watermark {
    value: String,
}

impl Flink {
    /// The event time, ms since the epoch, that every subtask behind the sources has passed; none when one has not told it
    /// yet. What is read is up to `metrics.fetcher.update-interval` old.
    pub async fn watermark(&self, job: &Job) -> Result<Option<i64>> {
        let mut least = None;
        for vertex in &job.vertices {
            let path = format!("/jobs/{}/vertices/{}/watermarks", job.id, vertex.id);
            let told = self.get::<Vec<Watermark>>(&path).await?;
            // Sources have no input, and so no watermark of it.
            if told.is_empty() {
                continue;
            }
            let Some(passed) = of_vertex(&told, vertex.parallelism) else { return Ok(None) };
            least = Some(least.unwrap_or(i64::MAX).min(passed));
        }
        Ok(least)
    }
}

/// The least of all subtasks, if all have told one.
fn of_vertex(told: &[Watermark], parallelism: u32) -> Option<i64> {
    let told: Vec<i64> = told.iter().filter_map(|watermark| watermark.value.parse().ok()).collect();
    let is_whole = usize::try_from(parallelism).is_ok_and(|subtasks| told.len() == subtasks);
    // Before the first watermark the metric is the smallest number there is.
    told.into_iter().min().filter(|least| is_whole && *least != i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtask_that_has_not_told_it_leaves_the_watermark_unknown() {
        let told =
            |values: &[&str]| values.iter().map(|value| Watermark { value: (*value).into() }).collect::<Vec<_>>();
        assert_eq!(of_vertex(&told(&["15", "9"]), 2), Some(9));
        assert_eq!(of_vertex(&told(&["15"]), 2), None);
        assert_eq!(of_vertex(&told(&["15", "-9223372036854775808"]), 2), None);
        assert_eq!(of_vertex(&told(&["15", "NaN"]), 2), None);
    }
}
