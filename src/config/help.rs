//! Help that begins with a command's own flags.

use std::collections::BTreeSet;

use clap::{Args as _, Command};

use crate::config::settings::Config;

/// The end of the short help of commands that take settings.
const MORE: &str = "Every setting of the server is a flag too: `--help` lists them by area.";
/// The end of their long help.
const PAGE: &str = "docs/configuration.md lists the settings as a page.";

/// The same commands, whose short help leaves the settings to the long one, and whose usage names the same
/// flags whatever the environment holds.
pub fn own_flags_first(command: Command) -> Command {
    let settings = Config::augment_args(Command::new("settings"));
    let ids = settings.get_arguments().map(|arg| arg.get_id().to_string());
    let command = settings_aside(command, &ids.collect());
    // Only a command that was built knows its full name, and such a one takes no more arguments.
    let mut built = command.clone();
    built.build();
    with_usage(command, &built)
}

fn settings_aside(command: Command, settings: &BTreeSet<String>) -> Command {
    let is_setting = |arg: &clap::Arg| settings.contains(arg.get_id().as_str());
    let has_settings = command.get_arguments().any(is_setting);
    let command = command.mut_args(|arg| {
        if is_setting(&arg) {
            arg.hide_short_help(true)
        } else {
            arg
        }
    });
    let command = command.mut_subcommands(|deeper| settings_aside(deeper, settings));
    if has_settings {
        command.after_help(MORE).after_long_help(PAGE)
    } else {
        command
    }
}

/// Fixes the usage: that of an error would name every flag whose variable is set.
fn with_usage(command: Command, built: &Command) -> Command {
    let usage = built.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let command =
        command.mut_subcommands(|deeper| match built.find_subcommand(deeper.get_name()) {
            Some(built) => with_usage(deeper, built),
            None => deeper,
        });
    command.override_usage(usage)
}
