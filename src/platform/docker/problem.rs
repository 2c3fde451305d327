//! What went wrong, from what a program printed: of a Java stack trace its first and its root exception.

/// How many lines are enough when there is no exception.
const LINES: usize = 12;

/// The lines that tell most.
pub(super) fn essence(lines: &[String]) -> Vec<String> {
    let root = lines.iter().rposition(|line| line.trim_start().starts_with("Caused by: "));
    let Some(root) = root else {
        let told = lines.iter().filter(|line| !is_frame(line) && !line.trim().is_empty());
        let told: Vec<String> = told.map(|line| line.trim_end().to_owned()).collect();
        return told[told.len().saturating_sub(LINES)..].to_vec();
    };
    let first = lines[..root].iter().rposition(|line| is_exception(line)).map(|at| lines[at].trim().to_owned());
    // A message may go on over several lines; the frames below it end it.
    let message = lines[root..].iter().take_while(|line| !is_frame(line)).take(LINES);
    first.into_iter().chain(message.map(|line| line.trim().to_owned())).collect()
}

/// Where a stack trace begins: a class name, perhaps with a message, at the start of a line.
fn is_exception(line: &str) -> bool {
    let class = line.split([':', ' ']).next().unwrap_or_default();
    class.contains('.') && (class.ends_with("Exception") || class.ends_with("Error"))
}

fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at ") || (line.starts_with("... ") && line.ends_with(" more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        essence(&text.lines().map(str::to_owned).collect::<Vec<_>>()).join("\n")
    }

    #[test]
    fn of_a_stack_trace_first_and_root_are_told() {
        let text = "\
2026-01-01 INFO  starting
------------------------------------------------------------
 The program finished with the following exception:

org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: no
\tat org.apache.flink.client.program.PackagedProgram.callMainMethod(PackagedProgram.java:373)
Caused by: java.util.concurrent.ExecutionException: x
\tat java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:396)
\t... 12 more
Caused by: java.lang.IllegalArgumentException: unknown argument --chekpointing
usage: see README
\tat org.example.Main.main(Main.java:3)
\t... 3 more";
        insta::assert_snapshot!(of(text), @r"
        org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: no
        Caused by: java.lang.IllegalArgumentException: unknown argument --chekpointing
        usage: see README
        ");
    }

    #[test]
    fn without_one_the_last_lines_are_told() {
        let text = (1..=20).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n\n");
        assert!(of(&text).starts_with("line 9\n"));
        assert!(of(&text).ends_with("line 20"));
        assert_eq!(of(""), "");
    }
}
