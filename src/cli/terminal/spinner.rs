//! A sign of life behind the last line, while nothing else is written.

use std::io::{self, Write};
use std::time::Duration;

use crate::cli::terminal::words::{cut, width};

/// A silence that is shorter shows nothing.
const QUIET: Duration = Duration::from_millis(700);
/// The time that one picture stays.
const FRAME: u128 = 100;
const PICTURES: [char; 8] = ['⣾', '⣽', '⣻', '⢿', '⡿', '⣟', '⣯', '⣷'];

/// A spinner with the time. It moves the cursor by carriage returns and blanks alone, so that it goes
/// away where escapes are taken out, too.
#[derive(Debug, Default)]
pub struct Spinner {
    /// The columns that it takes now.
    shown: usize,
}

impl Spinner {
    /// Draws it behind `line`, in which the cursor stands, after a silence of this length.
    pub fn draw(
        &mut self,
        out: &mut impl Write,
        (line, columns): (&str, usize),
        about: &str,
        silence: Duration,
    ) -> io::Result<()> {
        let gap = usize::from(!line.is_empty());
        // The last column would bring the cursor into the next line.
        let room = columns.saturating_sub(width(line) + gap + 1);
        if silence < QUIET || room < 8 {
            return Ok(());
        }
        let picture = (silence.as_millis() / FRAME) % PICTURES.len() as u128;
        let picture = PICTURES[usize::try_from(picture).unwrap_or_default()];
        let text = cut(
            &format!("{picture} {} s · {about}", silence.as_secs()),
            room,
        );
        let took = gap + width(&text);
        let rest = self.shown.saturating_sub(took);
        self.shown = took;
        let (gap, rest) = (" ".repeat(gap), " ".repeat(rest));
        write!(out, "\r{line}{gap}{text}{rest}")?;
        out.flush()
    }

    /// Takes it away, with the cursor behind `line` again.
    pub fn clear(&mut self, out: &mut impl Write, line: &str) -> io::Result<()> {
        let shown = std::mem::take(&mut self.shown);
        if shown == 0 {
            return Ok(());
        }
        write!(out, "\r{line}{}\r{line}", " ".repeat(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture of a terminal after these bytes.
    fn seen(bytes: &[u8]) -> String {
        let mut line: Vec<char> = Vec::new();
        let mut at = 0;
        for c in std::str::from_utf8(bytes).unwrap().chars() {
            if c == '\r' {
                at = 0;
            } else {
                line.resize(line.len().max(at + 1), ' ');
                line[at] = c;
                at += 1;
            }
        }
        String::from_iter(line).trim_end().to_owned()
    }

    #[test]
    fn it_stands_behind_the_text_tells_the_time_and_goes_away() {
        let (mut spinner, mut bytes) = (Spinner::default(), Vec::new());
        let place = ("I look", 40);
        let mut draw = |bytes: &mut Vec<u8>, millis| {
            let silence = Duration::from_millis(millis);
            spinner
                .draw(bytes, place, "the model works", silence)
                .unwrap();
        };
        draw(&mut bytes, 300);
        assert_eq!(seen(&bytes), "");
        draw(&mut bytes, 800);
        assert_eq!(seen(&bytes), "I look ⣾ 0 s · the model works");
        draw(&mut bytes, 12_300);
        assert_eq!(seen(&bytes), "I look ⢿ 12 s · the model works");
        spinner.clear(&mut bytes, "I look").unwrap();
        assert_eq!(seen(&bytes), "I look");
    }

    #[test]
    fn it_never_fills_the_line() {
        for columns in [20, 21, 30] {
            let mut bytes = Vec::new();
            let silence = Duration::from_secs(3);
            let place = ("0123456789", columns);
            Spinner::default()
                .draw(&mut bytes, place, "a long command with words", silence)
                .unwrap();
            assert!(
                width(&seen(&bytes)) < columns,
                "{columns}: {:?}",
                seen(&bytes)
            );
        }
    }
}
