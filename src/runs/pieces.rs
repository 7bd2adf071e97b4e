//! Pieces of text, no two equal ones in a row: old clients drop a piece that equals the one before it.

/// Joins and splits pieces so that each differs from the one before it. The text stays the same.
#[derive(Debug, Default)]
pub struct Pieces {
    last: String,
    held: String,
}

impl Pieces {
    /// Adds a piece. Returns what can be sent now; the rest is held until more comes.
    ///
    /// A piece that cannot be split is held too: otherwise its repetition at the end of the text could
    /// be neither joined nor split.
    pub fn push(&mut self, piece: &str) -> Option<String> {
        self.held.push_str(piece);
        if split(&self.held).is_none() || self.held == self.last {
            return None;
        }
        Some(self.send())
    }

    /// The rest of a text that is over. More pieces belong to the next text.
    pub fn finish(&mut self) -> Vec<String> {
        if self.held.is_empty() {
            return Vec::new();
        }
        if self.held != self.last {
            return vec![self.send()];
        }
        let Some(at) = split(&self.held) else {
            // The whole text is one character, and so was the text before it: a paragraph of its own.
            self.held.insert(0, '\n');
            return vec![self.send()];
        };
        let rest = self.held.split_off(at);
        let first = std::mem::replace(&mut self.held, rest);
        vec![first, self.send()]
    }

    fn send(&mut self) -> String {
        self.last = std::mem::take(&mut self.held);
        self.last.clone()
    }
}

/// Where to split a text so that neither half equals the whole or the other half.
fn split(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    let (at, second) = chars.next()?;
    (first != second || chars.next().is_some()).then_some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(texts: &[Vec<String>]) -> Vec<String> {
        let mut pieces = Pieces::default();
        let mut sent = Vec::new();
        for text in texts {
            sent.extend(text.iter().filter_map(|piece| pieces.push(piece)));
            sent.extend(pieces.finish());
        }
        sent
    }

    fn texts(pieces: &[&[&str]]) -> Vec<Vec<String>> {
        let owned = |text: &&[&str]| text.iter().map(|piece| (*piece).to_owned()).collect();
        pieces.iter().map(owned).collect()
    }

    #[test]
    fn a_repeated_piece_is_joined_with_the_next_or_split() {
        for (pieces, expected) in [
            (&["a b", "c d"][..], &["a b", "c d"][..]),
            (
                &["0 ", "0 ", "0 ", "0 ", "end"],
                &["0 ", "0 0 ", "0 ", "end"],
            ),
            (&["ab", "ab"], &["ab", "a", "b"]),
            (&["0", "0"], &["00"]),
            (&["0"], &["0"]),
            (&[], &[]),
        ] {
            assert_eq!(sent(&texts(&[pieces])), expected);
        }
    }

    #[test]
    fn a_text_of_one_character_that_comes_again_is_a_paragraph() {
        assert_eq!(sent(&texts(&[&["0"], &["0"], &["0"]])), ["0", "\n0", "0"]);
        assert_eq!(
            sent(&texts(&[&["Done."], &["Done."]])),
            ["Done.", "D", "one."]
        );
    }

    proptest! {
        #[test]
        fn no_two_pieces_in_a_row_are_equal_and_nothing_is_lost(
            texts in prop::collection::vec(prop::collection::vec("[ab ]{0,3}", 0..8), 0..5),
        ) {
            let sent = sent(&texts);
            for pair in sent.windows(2) {
                prop_assert_ne!(&pair[0], &pair[1]);
            }
            let whole: String = texts.concat().concat();
            prop_assert_eq!(sent.concat().replace('\n', ""), whole);
            prop_assert!(sent.iter().all(|piece| !piece.is_empty()));
        }
    }
}
