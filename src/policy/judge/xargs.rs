//! Programs that give others the names they find or read.

use crate::policy::judge::call::{Call, Certainty, Field, Stdin};
use crate::policy::judge::reading::listed::ListedFiles;
use crate::policy::judge::walker::Walker;
use crate::policy::judge::wrappers::{SHELLS, after_options, run_words};
use crate::policy::paths::Place;

pub(super) fn xargs(walker: &mut Walker<'_>, call: &Call) {
    let valued = [
        "-I",
        "-n",
        "-P",
        "-d",
        "-a",
        "-L",
        "-s",
        "-E",
        "--max-args",
        "--max-procs",
        "--delimiter",
        "--arg-file",
        "--replace",
    ];
    // Without a program it shows what it reads.
    if let Some(names) = call.value(&["-a", "--arg-file"]) {
        walker.reads(&names, &call.program, &call.segment);
    }
    let mut words = after_options(&call.args, &valued, 0);
    if words.is_empty() {
        return;
    }
    let certainty = match call.stdin {
        Stdin::Unknown => Certainty::Unknown,
        Stdin::Text(_) | Stdin::File(_) | Stdin::Nothing => Certainty::Wild,
    };
    let mark = call.value(&["-I", "--replace"]).map(|mark| mark.text);
    let mark = mark.or_else(|| call.has(&["-i"]).then(|| "{}".to_owned()));
    match mark {
        Some(mark) if !mark.is_empty() => {
            for word in words.iter_mut().filter(|word| word.text.contains(&mark)) {
                word.text = word.text.replace(&mark, "\u{fffc}");
                word.certainty = word.certainty.max(certainty);
            }
        }
        _ => {
            let shell = SHELLS.contains(&words[0].text.rsplit('/').next().unwrap_or_default());
            let has_code = words
                .iter()
                .any(|word| word.text.starts_with('-') && word.text.contains('c'));
            // After the code, more words are only its parameters.
            if !shell || !has_code || words.len() < 3 {
                words.push(Field::hole(certainty));
            }
        }
    }
    let inner = Call {
        stdin: Stdin::Nothing,
        ..call.clone()
    };
    run_words(walker, &inner, words);
}

pub(super) fn parallel(walker: &mut Walker<'_>, call: &Call) {
    let valued = ["-j", "-n", "-a", "--jobs", "-S", "--sshlogin"];
    if call.has(&["-S", "--sshlogin"]) {
        walker.fact("code-not-static", "parallel", &call.segment);
    }
    let words = after_options(&call.args, &valued, 0);
    let end = words.iter().position(|word| word.text.starts_with(":::"));
    let (command, inputs) = words.split_at(end.unwrap_or(words.len()));
    if command.is_empty() || (command.len() == 1 && command[0].text.trim() == "{}") {
        // The inputs are the commands.
        if inputs.is_empty() {
            walker.fact("code-not-static", "parallel", &call.segment);
        }
        for input in inputs.iter().skip(1) {
            walker.code(&input.clone(), call);
        }
        return;
    }
    let mut command = command.to_vec();
    if command.len() > 1 {
        let replaced = command.iter().any(|word| word.text.contains('{'));
        for word in command.iter_mut().filter(|word| word.text.contains('{')) {
            word.certainty = word.certainty.max(Certainty::Unknown);
            word.text = word.text.replace("{}", "\u{fffc}");
        }
        if !replaced {
            command.push(Field::hole(Certainty::Unknown));
        }
        return run_words(walker, call, command);
    }
    for input in inputs.iter().skip(1).take(16) {
        let text = if command[0].text.contains("{}") {
            command[0].text.replace("{}", &input.text)
        } else {
            format!("{} {}", command[0].text, input.text)
        };
        walker.code(&Field::of(text), call);
    }
    if inputs.is_empty() {
        walker.fact("code-not-static", "parallel", &call.segment);
    }
}

/// `find -exec` and `fd -x`. What else they do is judged by rules.
pub(super) fn found_files(walker: &mut Walker<'_>, call: &Call) -> bool {
    let starts = [
        "-exec",
        "-execdir",
        "-ok",
        "-okdir",
        "-x",
        "--exec",
        "-X",
        "--exec-batch",
    ];
    let mut at = 0;
    while at < call.args.len() {
        if !starts.contains(&call.args[at].text.as_str()) {
            at += 1;
            continue;
        }
        let rest = &call.args[at + 1..];
        let length = rest
            .iter()
            .position(|arg| arg.text == ";" || arg.text == "+")
            .unwrap_or(rest.len());
        let mut words = rest[..length].to_vec();
        let certainty = found_certainty(walker, call);
        for word in words.iter_mut().filter(|word| word.text.contains("{}")) {
            word.text = word.text.replace("{}", "\u{fffc}");
            word.certainty = word.certainty.max(certainty);
        }
        if call.program != "find" && !words.iter().any(|word| word.text.contains('\u{fffc}')) {
            words.push(Field::hole(certainty));
        }
        let outer = walker.listed.take();
        let mut found = vec![Field::of(call.program.clone())];
        found.extend(call.args.iter().take(at).cloned());
        walker.listed = ListedFiles::by(&found);
        run_words(walker, call, words);
        walker.listed = outer;
        at += length + 1;
    }
    false
}

/// Files found below the workspace are inside it.
fn found_certainty(walker: &Walker<'_>, call: &Call) -> Certainty {
    let paths = call
        .args
        .iter()
        .take_while(|arg| !arg.is_option() && arg.text != "(" && arg.text != "!");
    let inside = paths
        .into_iter()
        .all(|path| matches!(walker.place(path), Place::Inside(_)));
    if inside && call.program == "find" && !walker.is_lost() && !call.has(&["-L"]) {
        Certainty::Tame
    } else {
        Certainty::Unknown
    }
}
