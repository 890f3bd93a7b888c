//! How fast the gateway is beside no proxy at all, nginx as a plain reverse proxy, and mcp-proxy: in
//! turns, in one run. `benches/run` builds and installs what is needed, and makes the tables.
//!
//!   --quick         few and short rounds
//!   --only WORDS    what has one of these in its name (`http-100B,list,idle`)
//!   --train         measures nothing: has the gateway do a little of everything (`deploy/release`)
//!
//! `MCPGATE` names the program to measure, if not the one that cargo has built beside this one.
//! `ROUNDS` changes how many there are. Every answer is checked, everything has a time limit. The
//! gateway has 50 roles, 500 keys, metrics and the audit on. Only the ratios mean something
//! elsewhere. Figures go to target/bench/results.json; see `Round` for what they are.

#[path = "../bed/mod.rs"]
#[expect(dead_code, reason = "shared with the other benchmark")]
mod bed;
mod behind;
mod idle;
mod machine;
mod mcp_proxy;
mod nginx;
mod quiet;
mod rivals;
mod round;
mod rounds;
mod scenarios;
mod start;
mod train;

use std::{env, fs, io::Write, net::SocketAddr, path::Path, time::Duration};

use bed::{Failure, setting, upstream};
use behind::Upstream;
use rivals::Rivals;
use scenarios::Scenario;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// Makes this program the server on stdin and stdout.
pub(crate) const STDIO: &str = "serve-on-stdio";

/// What the thread of the clients is called.
pub(crate) const CLIENTS: &str = "clients";

/// How much is measured.
pub(crate) struct Settings {
    rounds: usize,
    /// How long a round is, and one to warm up.
    time: Duration,
    warm: Duration,
    /// How often somebody is started to be weighed, and to see how fast that is.
    fresh: usize,
    starts: usize,
    only: Vec<String>,
    quick: bool,
}

impl Settings {
    fn read() -> Self {
        let words: Vec<String> = env::args().skip(1).collect();
        let quick = words.iter().any(|word| word == "--quick");
        let only = words.iter().skip_while(|word| *word != "--only").nth(1);
        let only = only.map(|only| only.split(',').map(str::to_owned).collect());
        let milliseconds = Duration::from_millis;
        Self {
            rounds: setting("ROUNDS", if quick { 3 } else { 7 }),
            time: milliseconds(if quick { 150 } else { 500 }),
            warm: milliseconds(if quick { 50 } else { 200 }),
            fresh: if quick { 1 } else { 3 },
            starts: if quick { 3 } else { 11 },
            only: only.unwrap_or_default(),
            quick,
        }
    }

    /// A bar is worth twice as many.
    pub(crate) fn rounds(&self, bar: bool) -> usize {
        if bar { self.rounds * 2 } else { self.rounds }
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.contains(only.as_str()))
    }
}

fn main() -> Result<(), Failure> {
    if env::args().any(|word| word == STDIO) {
        return upstream::stdio::serve();
    }
    // Threads are told apart by their names.
    let clients = std::thread::Builder::new().name(CLIENTS.to_owned());
    let clients = clients.spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build()?;
        bed::load::threads::start(CLIENTS)?;
        if env::args().any(|word| word == "--train") {
            let address = upstream::address(&upstream::serve()?)?;
            return runtime.block_on(train::train(address));
        }
        runtime.block_on(measure(&Settings::read()))
    })?;
    clients
        .join()
        .unwrap_or_else(|_panic| Err("the clients have panicked".into()))
}

async fn measure(settings: &Settings) -> Result<(), Failure> {
    let (begun, before) = (Instant::now(), quiet::Time::now());
    let address = upstream::address(&upstream::serve()?)?;
    let mut results = Map::new();
    let mut keep = |name: &str, what: Value| drop(results.insert(name.to_owned(), what));
    keep("machine", machine::describe());
    keep("quick", json!(settings.quick));
    keep("whole", json!(settings.only.is_empty()));
    keep(
        "rounds",
        json!([settings.rounds(false), settings.rounds(true)]),
    );
    keep("round_ms", json!(settings.time.as_millis() as u64));
    keep("scenarios", in_turns(address, settings).await?);
    if settings.wants("idle") {
        say("idle");
        keep("idle", idle::memory(address, settings).await);
    }
    if settings.wants("beside") {
        say("beside");
        keep("beside", idle::beside(address, settings).await?);
    }
    if settings.wants("start") {
        say("start");
        keep("start", start::measure(address, settings).await?);
    }
    keep("stolen", json!(before.stolen()));
    keep("minutes", json!(begun.elapsed().as_secs_f64() / 60.0));
    let folder = Path::new("target/bench");
    fs::create_dir_all(folder)?;
    fs::write(
        folder.join("results.json"),
        serde_json::to_vec_pretty(&results)?,
    )?;
    Ok(())
}

/// Every scenario that is wanted, kind of server by kind of server.
async fn in_turns(address: SocketAddr, settings: &Settings) -> Result<Value, Failure> {
    let mut done = Vec::new();
    for upstream in Upstream::ALL {
        let wanted =
            |scenario: &Scenario| scenario.upstream == upstream && settings.wants(&scenario.name);
        let scenarios: Vec<_> = scenarios::all().into_iter().filter(wanted).collect();
        if scenarios.is_empty() {
            continue;
        }
        let mut rivals = Rivals::start(upstream, address).await?;
        for scenario in &scenarios {
            say(&scenario.name);
            done.push(rounds::compare(&mut rivals, scenario, settings).await?);
        }
    }
    Ok(Value::Array(done))
}

/// A line for whoever watches.
pub(crate) fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
