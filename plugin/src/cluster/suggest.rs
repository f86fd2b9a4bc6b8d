/// Names most like the one that was given, best first: those that begin with it, then those with few
/// slips of the finger. All of them, if they are few.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<&str> = names.into_iter().collect();
    all.sort_by(|a, b| {
        let begins = |candidate: &str| !candidate.starts_with(name);
        begins(a)
            .cmp(&begins(b))
            .then_with(|| likeness(name, b).total_cmp(&likeness(name, a)))
            .then_with(|| a.cmp(b))
    });
    all.dedup();
    all.into_iter().take(5).map(str::to_owned).collect()
}

/// As [`nearest`], only names that may have been meant.
pub(crate) fn alike<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut near = nearest(name, names);
    near.retain(|candidate| {
        candidate.contains(name) || name.contains(candidate) || likeness(name, candidate) > 0.5
    });
    near
}

fn likeness(name: &str, candidate: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(name, candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_without_its_hash_comes_first() {
        let pods = ["cart-v2-1", "catalog-v2-78564fc9fd-4s79j", "catalog-v1-6b7d-x"];
        assert_eq!(nearest("catalog-v2", pods)[0], "catalog-v2-78564fc9fd-4s79j");
    }

    #[test]
    fn nothing_alike_is_nothing() {
        assert!(alike("catalog", ["zookeeper-0"]).is_empty());
    }
}
