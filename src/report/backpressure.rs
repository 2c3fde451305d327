//! The page of `playground backpressure`, and how it is shown again and again.

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::ledger::clock;
use super::number::{counted, grouped};
use super::table::{Cell, Tone, lines, painted, plain};
use super::{Paint, Render, Terminal};
use crate::flink::pressure::{Bottleneck, Level, SPAN, Share, VertexPressure};

/// One look at a job.
#[derive(Debug, Clone, Serialize)]
pub struct Backpressure {
    /// When, in ms since the epoch.
    pub at: i64,
    /// The job's id.
    pub id: String,
    /// The job's name.
    pub name: String,
    /// As Flink names it, or `UNREACHABLE`.
    pub state: String,
    /// Subtasks that process records.
    pub running: u32,
    /// All subtasks.
    pub subtasks: u32,
    /// The bottleneck.
    pub bottleneck: Bottleneck,
    /// Sources first.
    pub vertices: Vec<VertexPressure>,
    /// How far the job is behind.
    pub lag: Lag,
    /// Why the vertices were not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Records of `input` that the job's group has not committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lag {
    /// Known, as a number of records.
    Records(u64),
    /// Not known, and why.
    Unknown(String),
}

impl Render for Backpressure {
    fn human(&self, paint: Paint) -> String {
        let seconds = SPAN.as_secs();
        let mut page = vec![format!("{}  {}  {}, the last {seconds} s", paint.bold(&self.name), self.id, self.state)];
        if !self.vertices.is_empty() {
            page.push(self.table(paint));
        }
        let (finding, tone) = self.finding();
        page.push(format!("pressure  {}", painted(paint, tone, &finding)));
        page.push(match &self.lag {
            Lag::Records(records) => {
                format!("lag       {} of input not committed (committed with checkpoints)", counted(*records, "record"))
            }
            Lag::Unknown(why) => format!("lag       unknown: {}", first_line(why)),
        });
        page.extend(self.web_ui().map(|note| format!("note      {note}")));
        page.join("\n")
    }
}

impl Backpressure {
    /// The look as one line.
    #[must_use]
    pub fn line(&self, paint: Paint) -> String {
        let shares: Vec<String> = self.vertices.iter().map(|vertex| percent(mean(vertex.back_pressured))).collect();
        let shares = if shares.is_empty() { "?".to_owned() } else { shares.join(", ") };
        let lag = match self.lag {
            Lag::Records(records) => grouped(records),
            Lag::Unknown(_) => "?".to_owned(),
        };
        let (finding, tone) = self.finding();
        let finding = painted(paint, tone, &finding);
        format!("{} UTC  back-pressured {shares}  lag {lag:>7}  {finding}", clock(self.at, "%T"))
    }

    fn table(&self, paint: Paint) -> String {
        let head = ["BUSY", "IDLE", "BACK-PRESSURED", "LEVEL", "QUEUE", "VERTEX"];
        let mut rows = vec![head.map(|title| (title.to_owned(), Tone::Dim)).to_vec()];
        rows.extend(self.vertices.iter().map(row));
        lines(&rows, paint)
    }

    fn finding(&self) -> (String, Tone) {
        match &self.bottleneck {
            Bottleneck::Nothing => ("no back pressure".to_owned(), Tone::Good),
            Bottleneck::Slow { vertex } => {
                (format!("bottleneck: {}, back-pressuring everything upstream", short(vertex)), Tone::Bad)
            }
            Bottleneck::Unseen { vertex } => {
                (format!("{} is back-pressured, but nothing downstream is busy", short(vertex)), Tone::Doubtful)
            }
            Bottleneck::Unknown => (format!("unknown: {}", self.silence()), Tone::Doubtful),
        }
    }

    fn silence(&self) -> String {
        let Self { state, running, subtasks, problem, .. } = self;
        match problem {
            Some(problem) => first_line(problem).to_owned(),
            None if running < subtasks || *subtasks == 0 => {
                format!("{running} of {subtasks} subtasks are RUNNING; the job is {state}")
            }
            None => format!("it takes {} s of metrics from every subtask", SPAN.as_secs()),
        }
    }

    /// Explains to somebody who has the web UI open as well why it shows something else.
    fn web_ui(&self) -> Option<String> {
        let worst = |pick: fn(&VertexPressure) -> Option<f64>| self.vertices.iter().filter_map(pick).reduce(f64::max);
        let now = worst(|vertex| vertex.back_pressured.map(|share| share.worst))?;
        let minute = worst(|vertex| vertex.web_ui)?;
        let differs = Level::of(now) != Level::of(minute);
        differs.then(|| {
            let (level, percent) = (Level::of(minute).name(), percent(Some(minute)));
            format!("the web UI shows {level}, {}: the mean of the last minute", percent.trim_start())
        })
    }
}

fn row(vertex: &VertexPressure) -> Vec<Cell> {
    let level = match vertex.level {
        Some(level @ Level::Ok) => (level.name().to_owned(), Tone::Good),
        Some(level @ Level::Low) => (level.name().to_owned(), Tone::Doubtful),
        Some(level @ Level::High) => (level.name().to_owned(), Tone::Bad),
        None => plain("?"),
    };
    let queue = vertex.output_queue.map_or_else(|| "?".to_owned(), |buffers| counted(buffers, "buffer"));
    vec![
        plain(percent(mean(vertex.busy))),
        plain(percent(mean(vertex.idle))),
        plain(with_worst(vertex.back_pressured)),
        level,
        plain(queue),
        plain(format!("{} × {}", vertex.parallelism, short(&vertex.name))),
    ]
}

fn mean(share: Option<Share>) -> Option<f64> {
    share.map(|share| share.mean)
}

/// As in `  7 %`; what is not known is no number at all.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "    ?".to_owned(), |share| format!("{:>3.0} %", share * 100.0))
}

/// The mean, and the worst subtask when it is worse.
fn with_worst(share: Option<Share>) -> String {
    let (mean, worst) = (percent(mean(share)), percent(share.map(|share| share.worst)));
    if mean == worst { mean } else { format!("{mean}, max {}", worst.trim_start()) }
}

/// The first operator of a vertex, which is what its user calls it; the JSON has the whole name.
fn short(name: &str) -> String {
    match name.split_once(" -> ") {
        Some((first, _)) => format!("{first} -> …"),
        None => name.to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Shows look after look: on a terminal in place, elsewhere a line each; as JSON, a document a line.
#[derive(Debug)]
pub struct Board {
    terminal: Terminal,
    page: Option<ProgressBar>,
    /// What is shown in place.
    shown: String,
}

impl Board {
    /// Nothing is shown yet.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        // Hidden where standard output is no terminal.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let page = (!terminal.is_json() && !bar.is_hidden()).then_some(bar);
        Self { terminal: *terminal, page, shown: String::new() }
    }

    /// Shows a look in place of the one before.
    pub fn show(&mut self, look: &Backpressure) -> Result<()> {
        if let Some(page) = &self.page {
            self.shown = look.human(self.terminal.paint());
            page.set_message(self.shown.clone());
            page.tick();
            return Ok(());
        }
        let line = if self.terminal.is_json() {
            serde_json::to_string(look).context("write the look as JSON")?
        } else {
            look.line(self.terminal.paint())
        };
        self.terminal.line(&line)
    }
}

impl Drop for Board {
    /// The last look stays, in lines that can be copied: those drawn in place are all as wide as the terminal.
    fn drop(&mut self) {
        if let Some(page) = &self.page {
            page.finish_and_clear();
            let _ = self.terminal.line(&self.shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(name: &str, busy: f64, back_pressured: Share) -> VertexPressure {
        VertexPressure {
            id: name.into(),
            name: name.into(),
            parallelism: 2,
            inputs: Vec::new(),
            busy: Some(Share { mean: busy, worst: busy }),
            back_pressured: Some(back_pressured),
            idle: Some(Share { mean: 1.0 - busy - back_pressured.mean, worst: 1.0 }),
            level: Some(Level::of(back_pressured.worst)),
            output_queue: Some(25),
            web_ui: Some(back_pressured.worst),
        }
    }

    fn look(source: Share) -> Backpressure {
        let none = Share { mean: 0.0, worst: 0.0 };
        Backpressure {
            at: 1_604_280_262_000,
            id: "0123456789abcdef0123456789abcdef".into(),
            name: "Click Event Count".into(),
            state: "RUNNING".into(),
            running: 6,
            subtasks: 6,
            bottleneck: Bottleneck::Slow { vertex: "Backpressure".into() },
            vertices: vec![
                vertex("Source: ClickEvent Source", 0.0, source),
                vertex("Backpressure", 1.0, none),
                vertex("ClickEvent Counter -> Sink: Writer -> Sink: Committer", 0.012, none),
            ],
            lag: Lag::Records(12_408),
            problem: None,
        }
    }

    fn quiet() -> Backpressure {
        Backpressure { bottleneck: Bottleneck::Nothing, ..look(Share { mean: 0.0, worst: 0.0 }) }
    }

    #[test]
    fn the_slow_vertex_is_named() {
        insta::assert_snapshot!(look(Share { mean: 0.52, worst: 1.0 }).human(Paint::Plain), @"
        Click Event Count  0123456789abcdef0123456789abcdef  RUNNING, the last 5 s
        BUSY   IDLE   BACK-PRESSURED    LEVEL  QUEUE       VERTEX
          0 %   48 %   52 %, max 100 %  HIGH   25 buffers  2 × Source: ClickEvent Source
        100 %    0 %    0 %             OK     25 buffers  2 × Backpressure
          1 %   99 %    0 %             OK     25 buffers  2 × ClickEvent Counter -> …
        pressure  bottleneck: Backpressure, back-pressuring everything upstream
        lag       12 408 records of input not committed (committed with checkpoints)
        ");
    }

    #[test]
    fn what_is_not_known_is_no_number() {
        let mut page = quiet();
        let unknown = VertexPressure {
            busy: None,
            back_pressured: None,
            idle: None,
            level: None,
            output_queue: None,
            web_ui: None,
            ..page.vertices[1].clone()
        };
        page.vertices = vec![unknown];
        page.bottleneck = Bottleneck::Unknown;
        page.lag =
            Lag::Unknown("the broker at 127.0.0.1:1 does not answer within 1 s: refused\n  playground ps".into());
        insta::assert_snapshot!(page.human(Paint::Plain), @"
        Click Event Count  0123456789abcdef0123456789abcdef  RUNNING, the last 5 s
        BUSY   IDLE   BACK-PRESSURED  LEVEL  QUEUE  VERTEX
            ?      ?      ?           ?      ?      2 × Backpressure
        pressure  unknown: it takes 5 s of metrics from every subtask
        lag       unknown: the broker at 127.0.0.1:1 does not answer within 1 s: refused
        ");
        page.running = 0;
        page.state = "RESTARTING".into();
        assert_eq!(page.finding().0, "unknown: 0 of 6 subtasks are RUNNING; the job is RESTARTING");
        page.problem = Some("the JobManager does not answer: refused".into());
        page.vertices.clear();
        insta::assert_snapshot!(page.line(Paint::Plain), @"01:24:22 UTC  back-pressured ?  lag       ?  unknown: the JobManager does not answer: refused");
    }

    #[test]
    fn another_word_of_the_web_ui_is_explained() {
        let mut page = quiet();
        assert_eq!(page.web_ui(), None);
        page.vertices[0].web_ui = Some(0.92);
        assert_eq!(page.web_ui().as_deref(), Some("the web UI shows HIGH, 92 %: the mean of the last minute"));
    }

    #[test]
    fn a_look_fits_into_a_line() {
        let lines = [quiet(), look(Share { mean: 1.0, worst: 1.0 })].map(|look| look.line(Paint::Plain));
        insta::assert_snapshot!(lines.join("\n"), @"
        01:24:22 UTC  back-pressured   0 %,   0 %,   0 %  lag  12 408  no back pressure
        01:24:22 UTC  back-pressured 100 %,   0 %,   0 %  lag  12 408  bottleneck: Backpressure, back-pressuring everything upstream
        ");
    }

    #[test]
    fn its_json_has_the_documented_fields() {
        let json = serde_json::to_value(look(Share { mean: 0.52, worst: 1.0 })).unwrap();
        assert_eq!(json["bottleneck"], serde_json::json!({ "found": "slow", "vertex": "Backpressure" }));
        assert_eq!(json["vertices"][0]["back_pressured"], serde_json::json!({ "mean": 0.52, "worst": 1.0 }));
        assert_eq!((&json["vertices"][0]["level"], &json["lag"]["records"]), (&"HIGH".into(), &12_408.into()));
        assert_eq!(json["vertices"][2]["name"], "ClickEvent Counter -> Sink: Writer -> Sink: Committer");
    }
}
