//! What may have been meant by a name that nothing has.

/// How many letters a name may be off.
const OFF: usize = 3;

/// As in `; did you mean 'failover'?`; nothing where no name is near.
#[must_use]
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = known.into_iter().map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    match near {
        Some((off, known)) if off <= OFF => format!("; did you mean '{known}'?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_is_near_is_meant() {
        let known = ["kafka", "taskmanager"];
        assert_eq!(did_you_mean("taskmanger", known), "; did you mean 'taskmanager'?");
        assert_eq!(did_you_mean("web-server", known), "");
        assert_eq!(did_you_mean("kafka", []), "");
    }
}
