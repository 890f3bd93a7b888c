//! Does what a page says, as its reader would: block by block, in one shell, in a home of its own.

use std::{
    fmt::Write as _,
    fs,
    os::unix::{fs::symlink, process::CommandExt},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use super::{
    expected,
    markdown::{Block, Note, Page, here},
};

const STAND_IN: &str = "tests/gateway/docs/stand_in.py";
const CLIENT: &str = "tests/gateway/docs/client.py";
const DRIVE: &str = include_str!("drive.sh");
const HOSTS: &str = "127.0.0.1 localhost\n192.168.1.10 gate.lan\n192.168.1.20 laptop.lan\n";
/// What a checkout has that pages speak of.
const CHECKOUT: [&str; 4] = ["servers.toml", "policies", "examples", "deploy"];

/// Where a page is walked: a home, a checkout of the repository, and programs.
pub(super) struct World {
    folder: TempDir,
    /// Whether it has a network of its own.
    alone: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["home/Documents", "checkout", "bin", "run", "out", "tmp"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        for part in CHECKOUT {
            let copied = Command::new("cp")
                .arg("-r")
                .args([here(part), at("checkout")])
                .status();
            assert!(copied.unwrap().success());
        }
        symlink(env!("CARGO_BIN_EXE_mcpgate"), at("bin/mcpgate")).unwrap();
        for (program, script) in [("npx", STAND_IN), ("uvx", STAND_IN), ("client", CLIENT)] {
            symlink(here(script), at("bin").join(program)).unwrap();
        }
        fs::write(at("out/hosts"), HOSTS).unwrap();
        let mut probe = isolated();
        let alone = probe
            .args(["mount", "--bind"])
            .args([at("out/hosts"), "/etc/hosts".into()])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        Self { folder, alone }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Walks a page, beginning in a folder of this world, and `then` goes on in the same shell.
    pub(super) fn walk(&self, page: &Page, folder: &str, then: &str) {
        let blocks = page.blocks();
        let mut script = format!("{DRIVE}cd \"$out/../{folder}\"\n");
        for block in &blocks {
            self.prepare(block, &page.path, &mut script);
        }
        fs::write(self.path("out/then.sh"), self.in_here(then)).unwrap();
        script.push_str("here='what follows the page'\nsource \"$out/then.sh\" >\"$out/then\" 2>&1 </dev/null\n");
        fs::write(self.path("out/walk.sh"), script).unwrap();

        let output = self.run("out/walk.sh");
        if !output.status.success() {
            let failed = fs::read_to_string(self.path("out/failed")).unwrap_or_default();
            panic!(
                "{}",
                self.trouble(&page.path, &blocks, failed.trim(), &output)
            );
        }
        for block in blocks.iter().filter(|block| block.is_console()) {
            self.compare(block, &page.path);
        }
    }

    /// What a process of this world is run with.
    fn run(&self, script: &str) -> Output {
        let mut command = match self.alone {
            true => isolated(),
            false => command(&["setpriv", "--pdeathsig", "KILL"]),
        };
        let path = std::env::var("PATH").unwrap();
        command
            .arg("bash")
            .arg(self.path(script))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TMPDIR", self.path("tmp"))
            .env("LANG", "C.UTF-8")
            .env("out", self.path("out"))
            .env("turn", std::env::temp_dir().join("mcpgate-docs.lock"))
            .env("alone", if self.alone { "1" } else { "" })
            .stdin(Stdio::null())
            .process_group(0);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let group = format!("-{}", child.id());
        let output = child.wait_with_output().unwrap();
        // What it has left in the background.
        drop(
            Command::new("kill")
                .args(["-KILL", "--", &group])
                .stderr(Stdio::null())
                .status(),
        );
        output
    }

    /// Writes down what a block has done.
    fn prepare(&self, block: &Block, page: &str, script: &mut String) {
        let name = format!("{:05}", block.line);
        let mut add = |line: String| writeln!(script, "{line}").unwrap();
        let file = |text: &str, name: &str| {
            fs::write(self.path(&format!("out/{name}.sh")), self.in_here(text)).unwrap();
        };
        add(format!("here='{page}:{}'", block.line));
        if block.note == Note::Ended {
            add("ended".to_owned());
        }
        match &block.note {
            Note::NotRun(_) | Note::Part => {}
            Note::File(path) => {
                file(&block.text, &name);
                let path = path.replacen("~/", "$HOME/", 1);
                add(format!("mkdir -p \"$(dirname \"{path}\")\""));
                add(format!("cat \"$out/{name}.sh\" >\"{path}\""));
            }
            Note::Background(words) if block.is_shell() => {
                file(&block.text, &name);
                add(format!(": >\"$out/{name}\""));
                add(format!(
                    "( source \"$out/{name}.sh\" ) >\"$out/{name}\" 2>&1 </dev/null &"
                ));
                add(format!("said \"$out/{name}\" '{words}' $!"));
            }
            Note::None | Note::Background(_) | Note::Once(..) | Note::Ended
                if block.is_console() =>
            {
                if let Note::Once(path, words) = &block.note {
                    add(format!("said '{path}' '{words}' $$"));
                }
                for (index, step) in expected::steps(&block.text).iter().enumerate() {
                    file(&step.command, &format!("{name}-{index}"));
                    let at = format!("\"$out/{name}-{index}");
                    // What it says is compared; what it exits with is what it says.
                    add(format!(
                        "set +e; source {at}.sh\" >{at}\" 2>&1 </dev/null; set -e"
                    ));
                }
            }
            Note::None | Note::Ended if block.is_shell() => {
                file(&block.text, &name);
                add(format!(
                    "source \"$out/{name}.sh\" >\"$out/{name}\" 2>&1 </dev/null"
                ));
            }
            Note::None | Note::Background(_) | Note::Once(..) | Note::Ended => {}
        }
    }

    /// Text of the page, for this world.
    fn in_here(&self, text: &str) -> String {
        match self.alone {
            true => text.to_owned(),
            false => text
                .replace("DNS:gate.lan", "IP:127.0.0.1")
                .replace("gate.lan", "127.0.0.1"),
        }
    }

    fn compare(&self, block: &Block, page: &str) {
        if !matches!(block.note, Note::None | Note::Once(..) | Note::Ended) {
            return;
        }
        for (index, step) in expected::steps(&block.text).iter().enumerate() {
            let said = self.said(&format!("{:05}-{index}", block.line));
            let wanted = self.in_here(&step.output);
            let fits = expected::fits(&wanted, &said);
            assert!(
                fits,
                "{page}:{}: `{}` says\n{said}\nand not\n{wanted}",
                block.line,
                step.command.trim()
            );
        }
    }

    /// What a block has said.
    pub(super) fn said(&self, name: &str) -> String {
        let bytes = fs::read(self.path("out").join(name)).unwrap_or_default();
        let home = self.path("home").display().to_string();
        let checkout = self.path("checkout").display().to_string();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.replace(&home, "/home/you")
            .replace(&checkout, "/home/you/mcpgate")
    }

    fn trouble(&self, page: &str, blocks: &[Block], failed: &str, output: &Output) -> String {
        let line = failed
            .strip_prefix(page)
            .and_then(|rest| rest.strip_prefix(':'));
        let block = blocks
            .iter()
            .find(|block| Some(block.line.to_string().as_str()) == line);
        let text = block.map_or("", |block| &block.text);
        let name = block.map_or("then".to_owned(), |block| format!("{:05}", block.line));
        let mut words = format!(
            "{failed} does not work:\n{text}\nIt said:\n{}",
            self.said(&name)
        );
        for block in blocks
            .iter()
            .filter(|block| matches!(block.note, Note::Background(_)))
        {
            let said = self.said(&format!("{:05}", block.line));
            write!(words, "\n--- {page}:{} has said:\n{said}", block.line).unwrap();
        }
        write!(words, "\n--- {}", String::from_utf8_lossy(&output.stderr)).unwrap();
        words
    }
}

impl Block {
    pub(super) fn is_shell(&self) -> bool {
        self.language == "sh"
    }

    pub(super) fn is_console(&self) -> bool {
        self.language == "console"
    }
}

/// A command and its first arguments.
fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// Something that runs with a network, mounts and processes of its own, all of which end with us.
fn isolated() -> Command {
    let mut command = command(&[
        "setpriv",
        "--pdeathsig",
        "KILL",
        "unshare",
        "--map-root-user",
    ]);
    command.args([
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command
}
