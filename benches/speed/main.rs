//! How fast the gateway is beside nginx as a plain reverse proxy and beside no proxy at all: small
//! and large answers in 1, 16 and 64 sessions, in turns, in one run.
//!
//!   cargo bench --bench speed
//!
//! `ROUNDS` (default 5) changes how long it takes. Needs nginx (Debian: nginx-light). Every answer is
//! checked. The gateway has 50 roles, 500 keys, metrics and the audit log on. Only the
//! ratios mean something elsewhere.
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

#[path = "../bed/mod.rs"]
mod bed;
mod nginx;

use bed::{
    Failure, gateway, load,
    load::{Aim, Run},
    median,
    process::Process,
    setting, upstream,
};

/// One of those that are compared.
struct Rival<'a> {
    name: &'static str,
    aim: Aim,
    process: Option<&'a Process>,
}

/// One round of one rival.
struct Round {
    run: Run,
    cpu: f64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let upstream = upstream::serve().await?;
    let gateway = gateway::Running::start(&upstream, true).await?;
    let direct = Aim {
        address: upstream::address(&upstream)?,
        key: None,
        tool: "tool_100".to_owned(),
        answer: gateway.aim.answer.clone(),
    };
    let nginx = nginx::Nginx::start(direct.address).await?;
    let rivals = [
        Rival {
            name: "direct",
            aim: direct.clone(),
            process: None,
        },
        Rival {
            name: "nginx",
            aim: Aim {
                address: nginx.address,
                ..direct
            },
            process: Some(&nginx.process),
        },
        Rival {
            name: "mcpgate",
            aim: gateway.aim.clone(),
            process: Some(&gateway.process),
        },
    ];
    println!(
        "| answer | sessions | | calls/s | p50 µs | p99 µs | CPU µs | calls/s, nginx = 1 | CPU, nginx = 1 |"
    );
    println!("|---|--:|---|--:|--:|--:|--:|--:|--:|");
    for (size, calls) in [
        (None, 20_000),
        (Some(65_536), 4_000),
        (Some(1_048_576), 400),
    ] {
        for sessions in [1, 16, 64] {
            let calls = if sessions == 1 { calls / 4 } else { calls };
            compare(&rivals, size, sessions, calls).await?;
        }
    }
    for rival in &rivals {
        if let Some(process) = rival.process {
            println!("\n{}: {:.0} MiB at most", rival.name, process.memory()?);
        }
    }
    Ok(())
}

async fn compare(
    rivals: &[Rival<'_>],
    size: Option<usize>,
    sessions: usize,
    calls: usize,
) -> Result<(), Failure> {
    let rounds = setting("ROUNDS", 5);
    let mut done: Vec<Vec<Round>> = rivals.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        let mut turns: Vec<_> = rivals.iter().zip(&mut done).collect();
        // Who comes later finds the machine as the one before has left it.
        if round % 2 == 1 {
            turns.reverse();
        }
        for (rival, done) in turns {
            let ran = once(rival, size, sessions, calls).await?;
            // The first is to warm up.
            if round > 0 {
                done.push(ran);
            }
        }
    }
    let of = |rounds: &[Round], figure: &dyn Fn(&Round) -> f64| {
        median(rounds.iter().map(figure).collect())
    };
    let nginx = done.get(1).map_or(&[][..], Vec::as_slice);
    let (rate, cpu) = (
        of(nginx, &|round| round.run.rate()),
        of(nginx, &|round| round.cpu),
    );
    for (rival, done) in rivals.iter().zip(&done) {
        let own = (
            of(done, &|round| round.run.rate()),
            of(done, &|round| round.cpu),
        );
        println!(
            "| {} | {sessions} | {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.2} | {:.2} |",
            size.map_or("100 B".to_owned(), |size| format!("{} KiB", size / 1024)),
            rival.name,
            own.0,
            of(done, &|round| round.run.within(500)),
            of(done, &|round| round.run.within(990)),
            own.1,
            own.0 / rate,
            own.1 / cpu,
        );
    }
    Ok(())
}

async fn once(
    rival: &Rival<'_>,
    size: Option<usize>,
    sessions: usize,
    calls: usize,
) -> Result<Round, Failure> {
    let mut aim = rival.aim.clone();
    if let Some(size) = size {
        aim.tool = aim.tool.replace("tool_100", &format!("large_{size}"));
        aim.answer = "xxxx\"}".to_owned();
    }
    let used = |process: Option<&Process>| process.map_or(Ok(f64::NAN), Process::cpu);
    let before = used(rival.process)?;
    let run = load::run(&aim, sessions, calls).await?;
    let cpu = (used(rival.process)? - before) * 1e6 / calls as f64;
    Ok(Round { run, cpu })
}
