//! How many instructions the parts of a call take, counted by callgrind, and whether that is more
//! than it was.
//!
//!   cargo bench --bench instructions --profile instructions
//!   cargo bench --bench instructions --profile instructions -- --accept
//!
//! Needs valgrind. Exits 1 when a part takes over 5 % more than `baseline.toml` says; `--accept`
//! writes that file anew. Seconds hang on the machine, and on what else it does; these figures hang
//! on the compiler, a little on the C library and on valgrind, and jitter by about 1 %. So these stand
//! in the file, too, and where they differ it says so; it compares all the same.

#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

#[path = "../bed/mod.rs"]
#[expect(dead_code, reason = "shared with the other benchmarks")]
mod bed;
mod cases;

use std::{
    env, fs,
    process::{Command, ExitCode},
};

use bed::Failure;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The allocator of the binary: a call allocates often, and how costly that is hangs on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BASELINE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/benches/instructions/baseline.toml"
);
const ACCEPT: &str = "cargo bench --bench instructions --profile instructions -- --accept";
/// How much more is a failure, and how much less is worth a word, in per cent.
const MOST: f64 = 5.0;
/// How often a case is run: fewer than the audit has room for at once.
const TIMES: u64 = 2000;

/// What was counted, and with what.
#[derive(Serialize, Deserialize)]
struct Counts {
    tools: String,
    instructions: IndexMap<String, u64>,
}

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments = arguments.iter().map(String::as_str);
    // Cargo adds `--bench`.
    match *arguments
        .filter(|word| *word != "--bench")
        .collect::<Vec<_>>()
    {
        [] => compare(&Counts::read()?, &Counts::count()?),
        ["--accept"] => {
            let counts = toml::to_string(&Counts::count()?)?;
            fs::write(BASELINE, format!("# Written by `{ACCEPT}`.\n{counts}"))?;
            Ok(ExitCode::SUCCESS)
        }
        // What the two above run under callgrind.
        [case, times] => match cases::run(case, times.parse()?)? {},
        _ => Err("expected nothing, `--accept`, or a case and how often".into()),
    }
}

fn compare(before: &Counts, now: &Counts) -> Result<ExitCode, Failure> {
    let (mut costlier, mut cheaper) = (false, false);
    println!("instructions, before and now:");
    for (case, &now) in &now.instructions {
        let before = before.instructions.get(case);
        let &before = before.ok_or_else(|| format!("`{case}` is not in {BASELINE}: {ACCEPT}"))?;
        let change = (now as f64 / before as f64 - 1.0) * 100.0;
        let word = match change {
            change if change > MOST => "too much",
            change if change < -MOST => "much less",
            _ => "",
        };
        println!("  {case:<8} {before:>8} {now:>8} {change:>+6.1} %  {word}");
        costlier |= change > MOST;
        cheaper |= change < -MOST;
    }
    if before.tools != now.tools {
        println!("before: {}\nnow:    {}", before.tools, now.tools);
    }
    if costlier {
        println!("over {MOST} % more. If it is worth that, or only the tools differ: {ACCEPT}");
        return Ok(ExitCode::FAILURE);
    }
    if cheaper {
        println!("over {MOST} % less. So that it stays so: {ACCEPT}");
    }
    Ok(ExitCode::SUCCESS)
}

impl Counts {
    fn read() -> Result<Self, Failure> {
        let text = fs::read_to_string(BASELINE)?;
        Ok(toml::from_str(&text)?)
    }

    fn count() -> Result<Self, Failure> {
        let mut instructions = IndexMap::new();
        for case in cases::ALL {
            instructions.insert(case.to_owned(), count(case)?);
        }
        let tools = [
            words("rustc", &["--version"])?,
            words("valgrind", &["--version"])?,
            words("getconf", &["GNU_LIBC_VERSION"])?,
            env::consts::ARCH.to_owned(),
            profile()?,
        ];
        Ok(Self {
            tools: tools.join(", "),
            instructions,
        })
    }
}

/// What callgrind counts for one of many runs of a case.
fn count(case: &str) -> Result<u64, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg("--zero-before=*::count_from_here*");
    command
        .arg(env::current_exe()?)
        .args([case, &TIMES.to_string()]);
    let output = command.output();
    let output = output.map_err(|error| format!("valgrind is needed: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("`{case}` fails:\n{said}").into());
    }
    let count = said
        .split_once("Collected : ")
        .and_then(|(_, rest)| rest.lines().next());
    let count = count.ok_or_else(|| format!("callgrind counts nothing:\n{said}"))?;
    Ok(count.trim().parse::<u64>()? / TIMES)
}

/// The first line that a program says.
fn words(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program} is needed: {error}"))?;
    let said = String::from_utf8(output.stdout)?;
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

/// Cargo's profile that this is built in: it stands in `target/<profile>/deps`.
fn profile() -> Result<String, Failure> {
    let program = env::current_exe()?;
    let folder = program
        .ancestors()
        .nth(2)
        .and_then(|folder| folder.file_name());
    Ok(format!("profile {}", folder.unwrap_or_default().display()))
}
