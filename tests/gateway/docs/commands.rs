//! `docs/COMMANDS.md`, from what the command line knows of itself.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};
use mcpgate::cli::Cli;

use super::generated;

const INTRO: &str = "# Commands

<!-- Written by a test: UPDATE_DOCS=1 cargo test docs -->

What `mcpgate --help` and `mcpgate <command> --help` say, on one page. `mcpgate` finds its config in \
the current folder, then in `~/.config/mcpgate`, then in `/etc/mcpgate`; results go to stdout, all \
else to stderr.

";

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// What is typed for an argument.
fn typed(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    let value = value.join(" ");
    if argument.is_positional() {
        return format!("`{}`", cell(&value));
    }
    let mut typed = String::new();
    if let Some(short) = argument.get_short() {
        write!(typed, "`-{short}`, ").unwrap();
    }
    let takes = argument.get_action().takes_values() && !value.is_empty();
    let value = if takes {
        format!(" {value}")
    } else {
        String::new()
    };
    let long = argument.get_long().unwrap_or_default();
    write!(typed, "`--{long}{}`", cell(&value)).unwrap();
    typed
}

/// What it means, and what it is where nobody says it.
fn meaning(argument: &Arg) -> String {
    let mut words = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let shown = argument.get_possible_values();
    let shown: Vec<_> = shown
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !shown.is_empty() && argument.get_action().takes_values() {
        write!(words, "; one of {}", shown.join(", ")).unwrap();
    }
    let defaults = argument.get_default_values();
    let defaults: Vec<_> = defaults
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        write!(words, " [default: `{}`]", defaults.join(" ")).unwrap();
    }
    if let Some(variable) = argument.get_env() {
        write!(words, " [env: `{}`]", variable.to_string_lossy()).unwrap();
    }
    cell(&words)
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows = arguments
        .filter(|argument| !argument.is_hide_set())
        .filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
        .map(|argument| format!("| {} | {} |\n", typed(argument), meaning(argument)));
    let rows: String = rows.collect();
    match rows.is_empty() {
        true => rows,
        false => format!("| | |\n|---|---|\n{rows}\n"),
    }
}

fn section(command: &mut Command, above: &str) -> String {
    let name = format!("{above} {}", command.get_name());
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut text = format!("## {name}\n\n{about}.\n\n");
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let usage = usage.strip_prefix("mcpgate ").unwrap_or(usage);
    let usage = match usage.starts_with(command.get_name()) {
        true => format!("{above} {usage}"),
        false => usage.to_owned(),
    };
    write!(text, "```text\n{usage}\n```\n\n").unwrap();
    text.push_str(&table(
        command
            .get_arguments()
            .filter(|argument| !argument.is_global_set()),
    ));
    if let Some(words) = command.get_after_help() {
        for line in words.to_string().lines() {
            write!(text, "{}\n\n", line.trim()).unwrap();
        }
    }
    for inner in command.get_subcommands_mut() {
        if !inner.is_hide_set() && inner.get_name() != "help" {
            text.push_str(&section(inner, &name).replacen("## ", "### ", 1));
        }
    }
    text
}

#[test]
fn every_command_and_option_stands_in_its_page() {
    let mut cli = Cli::command();
    let global = cli
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    let mut page = format!(
        "{INTRO}## What every command understands\n\n{}",
        table(global)
    );
    if let Some(words) = cli.get_after_help() {
        write!(page, "{words}\n\n").unwrap();
    }
    for command in cli.get_subcommands_mut() {
        if !command.is_hide_set() && command.get_name() != "help" {
            page.push_str(&section(command, "mcpgate"));
        }
    }
    generated("docs/COMMANDS.md", &format!("{}\n", page.trim_end()));
}
