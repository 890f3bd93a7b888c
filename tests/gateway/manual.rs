//! Completions and man pages: of all commands there are, in words that shells and `man` understand.

use std::{collections::BTreeSet, fs, path::Path};

use tokio::process::Command;

use crate::{
    cli::{seen, stdout},
    pipe::{program, run, soon},
};

/// The commands that `--help` shows, but `help`.
async fn commands() -> BTreeSet<String> {
    let help = stdout(&run("", &["--help"]).await);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let list = list.split("\n\n").next().unwrap();
    // A line that goes on from the one before it is indented by more.
    let lines = list.lines().filter(|line| !line.starts_with("   "));
    let names = lines.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

async fn completions(shell: &str) -> String {
    let output = run("", &["completions", shell]).await;
    let (code, script, err) = seen(&output);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    script
}

#[tokio::test]
async fn every_shell_learns_all_commands_and_none_that_is_hidden() {
    let commands = commands().await;
    assert!(
        commands.contains("doctor") && !commands.contains("launch"),
        "{commands:?}"
    );
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = completions(shell).await;
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
        // By its name as a function, or by what it is said to do: others may say "launch", too.
        let hidden = ["__launch", "What servers are launched through"];
        assert!(
            hidden.iter().all(|words| !script.contains(words)),
            "{shell}"
        );
    }
}

#[tokio::test]
async fn bash_completes_commands_and_their_options() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mcpgate.bash");
    fs::write(&file, completions("bash").await).unwrap();
    let script = format!(
        "set -e; source '{}'; complete -p mcpgate\n\
         COMP_WORDS=(mcpgate doc); COMP_CWORD=1; _mcpgate mcpgate doc mcpgate; echo \"${{COMPREPLY[@]}}\"\n\
         COMP_WORDS=(mcpgate top --on); COMP_CWORD=2; _mcpgate mcpgate --on top; echo \"${{COMPREPLY[@]}}\"\n",
        file.display()
    );

    let output = Command::new("bash").args(["-c", &script]).output();
    let (code, out, err) = seen(&soon("bash", output).await.unwrap());

    assert_eq!((code, err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("-F _mcpgate"), "{out}");
    assert_eq!(lines[1..], ["doctor", "--once"]);
}

#[tokio::test]
async fn every_command_has_a_man_page_that_man_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().to_str().unwrap();

    let output = program(folder.path())
        .args(["man", "--dir", there])
        .output();
    let (code, _, err) = seen(&soon("man", output).await.unwrap());

    assert_eq!((code, err.as_str()), (Some(0), ""));
    let mut wanted: BTreeSet<String> = commands()
        .await
        .iter()
        .map(|name| format!("mcpgate-{name}.1"))
        .collect();
    wanted.insert("mcpgate.1".to_owned());
    let names = fs::read_dir(folder.path()).unwrap();
    let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.collect::<BTreeSet<_>>(), wanted);
    for name in &wanted {
        sound(&folder.path().join(name)).await;
    }
    let page = stdout(&run("", &["man"]).await);
    assert_eq!(
        page,
        fs::read_to_string(folder.path().join("mcpgate.1")).unwrap()
    );
}

/// A page is in the form of pages, and groff, where there is one, has nothing to say of it.
async fn sound(page: &Path) {
    let text = fs::read_to_string(page).unwrap();
    assert!(text.contains("\n.TH "), "{}", page.display());
    for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
        assert!(
            text.contains(section),
            "{} has no {section}",
            page.display()
        );
    }
    let mut groff = Command::new("groff");
    groff
        .args(["-Kutf8", "-man", "-Tutf8", "-ww", "-z"])
        .arg(page);
    let Ok(output) = soon("groff", groff.output()).await else {
        return;
    };
    let (code, _, err) = seen(&output);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{}", page.display());
}
