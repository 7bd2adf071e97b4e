//! The help of every command: short enough to be read, long enough to hold everything.

use std::process::{Command, Output, Stdio};

/// More lines do not fit on a screen.
const SCREEN: usize = 40;

/// Runs the program on a narrow terminal, with no environment but these variables.
#[expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested"
)]
fn navi(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_navi"))
        .env_clear()
        .env("COLUMNS", "80")
        .envs(variables.iter().copied())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn help(command: &[String], flag: &str) -> String {
    let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    arguments.push(flag);
    let output = navi(&[], &arguments);
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every command, the program itself first, as their helps list them.
fn commands() -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = all.get(next).cloned() {
        let text = help(&command, "-h");
        let listed = text
            .split_once("\nCommands:\n")
            .map_or("", |(_, rest)| rest);
        let listed = listed.lines().take_while(|line| !line.is_empty());
        // Lines that are indented further continue a description.
        let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for name in names.filter_map(|line| line.split_whitespace().next()) {
            if name != "help" {
                all.push([command.clone(), vec![name.to_owned()]].concat());
            }
        }
        next += 1;
    }
    all
}

#[test]
fn the_short_help_of_every_command_fits_on_a_screen() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    let mut long = Vec::new();
    for command in &commands {
        let lines = help(command, "-h").lines().count();
        if lines >= SCREEN {
            long.push(format!("{}: {lines} lines", command.join(" ")));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn the_short_help_holds_the_commands_own_flags_and_the_long_one_the_settings_by_area() {
    let run = ["agent".to_owned(), "run".to_owned()];
    let short = help(&run, "-h");
    assert!(
        short.contains("--workspace") && short.contains("--help"),
        "{short}"
    );
    assert!(
        !short.contains("--database-url") && !short.contains("Vault:"),
        "{short}"
    );
    let long = help(&run, "--help");
    let place = |text: &str| {
        long.find(text)
            .unwrap_or_else(|| panic!("{text} in {long}"))
    };
    let areas = [
        "\nArguments:",
        "\nOptions:",
        "\nGeneral:",
        "\nServer:",
        "\nModel providers:",
    ];
    assert!(areas.map(place).is_sorted(), "{long}");
    assert!(place("--workspace") < place("\nGeneral:"));
    assert!(place("--database-url") > place("\nDatabase:"));
    assert!(place("--app-env") > place("\nGeneral:"));
}

#[test]
fn a_usage_never_names_what_only_a_variable_gave() {
    let variables = [
        ("JWT_SECRET", "planted-secret-planted-secret"),
        ("DATABASE_URL", "postgres://ada@db.example/navi"),
        ("APP_ENV", "development"),
    ];
    let refused = navi(&variables, &["token", "mint", "--org", "acme"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    let usage = "Usage: navi token mint [OPTIONS] --org <ID> --user <ID> --role <ROLE>\n";
    assert!(said.contains(usage), "{said}");
    assert!(
        said.contains("--user <ID>") && !said.contains("--jwt-secret"),
        "{said}"
    );

    let variables = [("NAVI_SERVER", "http://127.0.0.1:9")];
    let refused = navi(&variables, &["agent", "run"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("Usage: navi agent run [OPTIONS] <TASK>...\n"),
        "{said}"
    );
}

#[test]
fn a_flag_that_a_variable_gives_is_not_asked_for() {
    let variables = [("NAVI_SERVER", "http://127.0.0.1:9"), ("NAVI_TOKEN", "t")];
    let refused = navi(&variables, &["agent", "run"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("\n  <TASK>...\n") && !said.contains("--token"),
        "{said}"
    );
    assert!(
        said.contains("Usage: navi agent run [OPTIONS] <TASK>...\n"),
        "{said}"
    );
}
