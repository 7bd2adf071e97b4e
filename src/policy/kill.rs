//! The processes that a signal reaches.

use crate::policy::judge::call::{Call, Field, HOLE};

/// The processes that get a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Signalled {
    /// Those that the command started, or none.
    Own,
    /// Others.
    Others,
    /// All that can be reached, the first process, or the group that the agent itself is in.
    Everything,
}

/// Reads the words of `kill` as bash does: options come first, of these one is the signal, and from
/// the first other word on all are processes.
pub(super) fn signalled(call: &Call) -> Signalled {
    let mut signal: Option<&str> = None;
    let mut at = 0;
    while let Some(arg) = call.args.get(at) {
        let text = arg.text.as_str();
        match text {
            "-l" | "-L" | "--list" | "--table" => return Signalled::Own,
            "--" => {
                at += 1;
                break;
            }
            "-s" | "-n" | "--signal" | "-q" | "--queue" => {
                let value = call.args.get(at + 1).map_or("", |arg| arg.text.as_str());
                signal = signal.or((text != "-q" && text != "--queue").then_some(value));
                at += 2;
            }
            _ if text.starts_with('-') && signal.is_none() => {
                signal = Some(&text[1..]);
                at += 1;
            }
            _ => break,
        }
    }
    // Signal 0 only asks whether a process is there.
    if signal == Some("0") {
        return Signalled::Own;
    }
    let targets = call.args.get(at..).unwrap_or_default();
    // Some programs take a lone `-1` for all processes and not for a signal.
    let is_target = |signal: &str| signal == "1" || signal.contains(HOLE);
    if targets.is_empty() && signal.is_some_and(is_target) {
        return Signalled::Everything;
    }
    let reached = targets.iter().map(reached_by).max();
    reached.unwrap_or(Signalled::Own)
}

fn reached_by(target: &Field) -> Signalled {
    let text = target.text.trim();
    if text.starts_with('%') {
        return Signalled::Own;
    }
    // A group with an unknown number may be all of them, or the own one.
    if text.starts_with('-') && text.contains(HOLE) {
        return Signalled::Everything;
    }
    match text.parse::<i64>() {
        Ok(-1..=1) => Signalled::Everything,
        Ok(_) | Err(_) => Signalled::Others,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_reaches_what_its_words_say() {
        for (words, reached) in [
            ("%1", Signalled::Own),
            ("-9 %!", Signalled::Own),
            ("-l", Signalled::Own),
            ("-0 1", Signalled::Own),
            ("-s 0 -1", Signalled::Own),
            ("-9", Signalled::Own),
            ("", Signalled::Own),
            ("999999", Signalled::Others),
            ("-1 1234", Signalled::Others),
            ("-9 -- -1234", Signalled::Others),
            ("%1 1234", Signalled::Others),
            ("-9 -1", Signalled::Everything),
            ("-KILL -- -1", Signalled::Everything),
            ("-s KILL -1", Signalled::Everything),
            ("-n 9 -1", Signalled::Everything),
            ("-1 -1", Signalled::Everything),
            ("-1", Signalled::Everything),
            ("-\u{fffc}", Signalled::Everything),
            ("1", Signalled::Everything),
            ("-TERM 01", Signalled::Everything),
            ("-9 0", Signalled::Everything),
            ("-9 1234 1", Signalled::Everything),
            ("-- -\u{fffc}", Signalled::Everything),
            // Words after a process are none of these options.
            ("-9 -1 -l", Signalled::Everything),
            ("-9 -1 -0", Signalled::Everything),
        ] {
            let args = words.split_whitespace().map(Field::of).collect();
            let call = Call {
                args,
                ..Call::default()
            };
            assert_eq!(signalled(&call), reached, "kill {words}");
        }
    }
}
