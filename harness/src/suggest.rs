//! The word that was probably meant.

/// The known word that a written one was probably meant to be.
pub fn nearest<'a, S: AsRef<str>>(word: &str, known: &'a [S]) -> Option<&'a str> {
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(word, known.as_ref()), known.as_ref()))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_that_is_like_it_is_suggested() {
        assert_eq!(nearest("phse", &["pod", "phase"]), Some("phase"));
        assert_eq!(nearest("zzz", &["pod", "phase"]), None);
    }
}
