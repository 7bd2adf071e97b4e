//! Repetitions at the end of a text.
//!
//! Read backwards, a text that ends with one part again and again begins with its repetitions. For each length of a part the Z-algorithm says how
//! far a text agrees with itself when it is shifted by that length, in time linear in the text (Gusfield,
//! *Algorithms on Strings, Trees, and Sequences*, 1997, section 1.4). So every part is found, whatever its
//! length and wherever it begins; nothing is hashed and nothing is guessed.

/// The longest part that is looked for, in bytes: about two paragraphs.
pub const MAX_PART: usize = 2_000;
/// The fewest times that a part must stand there.
const MIN_TIMES: usize = 6;
/// The shortest text that its repetitions must make together, in bytes.
pub const MIN_REPEATED: usize = 6_000;
/// The end of a text that must be kept to find the longest part.
pub const ENOUGH: usize = MAX_PART * MIN_TIMES + MIN_REPEATED;

/// The length of the shortest part that a text ends with so often that it is no coincidence, in bytes.
pub fn repeated_part(text: &[u8]) -> Option<usize> {
    if text.len() < MIN_REPEATED {
        return None;
    }
    let backwards: Vec<u8> = text.iter().rev().copied().collect();
    let agreement = z_values(&backwards, MAX_PART + 1);
    let longest = agreement.len().min(MAX_PART + 1);
    (1..longest).find(|part| part + agreement[*part] >= MIN_REPEATED.max(part * MIN_TIMES))
}

/// For each shift below `shifts`, the number of bytes for which a text agrees with itself from its beginning.
fn z_values(text: &[u8], shifts: usize) -> Vec<usize> {
    let mut values = vec![0; shifts.min(text.len())];
    // The part of the text from `left` on that is known to be like its beginning ends at `right`.
    let (mut left, mut right) = (0, 0);
    for shift in 1..values.len() {
        let known = if shift < right {
            values[shift - left].min(right - shift)
        } else {
            0
        };
        let rest = text[known..].iter().zip(&text[shift + known..]);
        let more = rest.take_while(|(one, other)| one == other).count();
        values[shift] = known + more;
        if shift + values[shift] > right {
            (left, right) = (shift, shift + values[shift]);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use proptest::{collection, prop_assert};

    use super::*;

    #[test]
    fn a_part_is_found_from_six_times_and_six_thousand_bytes_on() {
        let sentence = "I will look at the file again. ";
        let times = MIN_REPEATED / sentence.len() + 1;
        let text = format!("It began well.\n{}", sentence.repeat(times));
        assert_eq!(repeated_part(text.as_bytes()), Some(sentence.len()));
        let fewer = format!("It began well.\n{}", sentence.repeat(times - 2));
        assert_eq!(repeated_part(fewer.as_bytes()), None);
        // In the middle of its last repetition, too.
        assert_eq!(
            repeated_part(&text.as_bytes()[..text.len() - 7]),
            Some(sentence.len())
        );
        let end = format!("{text}Now it is done.");
        assert_eq!(repeated_part(end.as_bytes()), None);
    }

    #[test]
    fn a_long_part_counts_from_six_times_on() {
        let words: Vec<_> = (0..400).map(|n: u32| n.to_string()).collect();
        let mut paragraph = words.join(" ");
        paragraph.truncate(MAX_PART - 500);
        let five = paragraph.repeat(5);
        assert_eq!(repeated_part(five.as_bytes()), None);
        let six = paragraph.repeat(6);
        assert_eq!(repeated_part(six.as_bytes()), Some(paragraph.len()));
    }

    proptest! {
        #[test]
        fn the_z_values_are_those_of_a_search_letter_by_letter(
            text in collection::vec(0_u8..3, 0..200),
        ) {
            for (shift, value) in z_values(&text, text.len()).into_iter().enumerate().skip(1) {
                let agree = text.iter().zip(&text[shift..]).take_while(|(a, b)| a == b).count();
                prop_assert_eq!(value, agree);
            }
        }

        #[test]
        fn whatever_is_found_stands_there_so_often(
            head in collection::vec(any::<u8>(), 0..200),
            part in collection::vec(any::<u8>(), 1..300),
            times in 1_usize..200,
        ) {
            let text = [head, part.repeat(times)].concat();
            if let Some(found) = repeated_part(&text) {
                let repeated = (found * MIN_TIMES).max(MIN_REPEATED);
                let tail = &text[text.len() - repeated..];
                prop_assert!(tail.iter().zip(&tail[found..]).all(|(one, other)| one == other));
            } else {
                prop_assert!(part.len() * times < MIN_REPEATED.max(part.len() * MIN_TIMES));
            }
        }
    }
}
