//! What is counted.

use std::{
    convert::Infallible,
    future::pending,
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    process,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use mcpgate::{
    authorise,
    call::{Call, Client, Extent, Identity, Visit},
    config::{self, Paths},
    gateway::Gateway,
    home, limit,
    mcp::{Frame, List, Part, Revision},
    observe::{Outcome, Record, audit::Audit},
    pipeline::Pipeline,
    route::{self, Tasks},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Builder};

use crate::bed::{
    Failure, gateway,
    load::{self, Limit},
    upstream,
};

/// By name, the small before the large.
pub(crate) const ALL: [&str; 5] = ["parse", "splice", "decision", "record", "call"];

/// A call as clients write it.
const CALL: &[u8] = concat!(
    r#"{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"up__tool_100","#,
    r#""arguments":{"path":"/srv/data/reports/2026/march.csv","encoding":"utf-8","lines":[1,100]},"#,
    r#""_meta":{"progressToken":17}}}"#
)
.as_bytes();
const TOOL: &str = "up__tool_100";
const KEY: usize = gateway::KEYS / 2;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// No case takes longer.
const MINUTES: Duration = Duration::from_secs(300);

/// Runs a case so often and ends the program.
pub(crate) fn run(case: &str, times: u64) -> Result<Infallible, Failure> {
    match case {
        // Without a gateway: what its start has left free in the heap, and where, would count.
        "parse" => parse(times)?,
        "splice" => splice(times)?,
        _ => return run_there(case, times),
    }
    process::exit(0)
}

/// All on one thread: with several, who wakes whom is left to chance.
fn run_there(case: &str, times: u64) -> Result<Infallible, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // As one of the gateway's own.
    home::settle(runtime.handle().id());
    let there = runtime.block_on(There::start())?;
    match case {
        "decision" => runtime.block_on(decision(&there, times))?,
        "record" => runtime.block_on(record(&there, times))?,
        "call" => runtime.block_on(call(&there, times))?,
        _ => return Err(format!("no case `{case}`").into()),
    }
    there.folder.close()?;
    // To tear all the rest down is no part of a call.
    process::exit(0)
}

/// From here on callgrind counts. What is before, such as what is done the first time only,
/// differs from one start to the next.
#[inline(never)]
pub(crate) fn count_from_here() {
    black_box(());
}

/// A message is read.
fn parse(times: u64) -> Result<(), Failure> {
    count_from_here();
    for _ in 0..times {
        black_box(Frame::parse(black_box(Bytes::from_static(CALL)))?);
    }
    Ok(())
}

/// It is told to a child: under a number of ours, with the child's own name for the tool.
fn splice(times: u64) -> Result<(), Failure> {
    let frame = Frame::parse(Bytes::from_static(CALL))?;
    let edits: [(Part, &[u8]); 3] = [
        (Part::Id, b"1000017"),
        (Part::MetaToken, b"1000017"),
        (Part::Name, br#""tool_100""#),
    ];
    count_from_here();
    for _ in 0..times {
        black_box(black_box(&frame).with(black_box(&edits)));
    }
    Ok(())
}

/// From headers and a frame to a call that may be made: who it is, what it is about, whether they
/// may, whether there is room.
async fn decision(there: &There, times: u64) -> Result<(), Failure> {
    let (pipeline, tasks) = (there.pipeline(), Tasks::default());
    for time in 0..=times {
        let call = there.call().await?;
        let plan = pipeline.plan();
        let (_, view) = plan.look(&call.visit)?;
        let permitted = authorise::permit(&*view, &plan.policy.roles, call)?;
        let server = route::server(&view, &tasks, permitted.call());
        let tool = view.own_tool(&permitted.call().target);
        let limits = plan.policy.limits_of(&permitted.call().visit.caller);
        black_box(limit::admit(limits, permitted, server.as_ref(), tool).await?);
        if time == 0 {
            count_from_here();
        }
    }
    Ok(())
}

/// What is kept of a call: the numbers, and the line of the audit, until it is in the file.
async fn record(there: &There, times: u64) -> Result<(), Failure> {
    let pipeline = there.pipeline();
    let call = there.call().await?;
    let (_, view) = pipeline.look(&call.visit)?;
    let way = view.way(List::Tools, TOOL).ok_or("the tool is not there")?;
    for time in 0..=times {
        let mut record = Record::open(&pipeline.metrics);
        record.call(&call, pipeline.audit.as_ref())?;
        record.found(&way.server, &way.key, true);
        record.end(Outcome::Ok);
        record.sent(100);
        drop(record);
        if time == 0 {
            count_from_here();
        }
    }
    there.written(times + 1).await
}

/// A whole call over HTTP. A tenth of it is the client's and the server's.
async fn call(there: &There, times: u64) -> Result<(), Failure> {
    let listener = TcpListener::bind((HERE, 0)).await?;
    let aim = gateway::aim(listener.local_addr()?, true);
    let gateway = there.gateway.clone();
    tokio::spawn(async move { gateway.serve(listener, pending()).await });
    let clients = load::open(&aim, 1).await?;
    let limit = Limit {
        calls: usize::try_from(times)?,
        time: MINUTES,
    };
    count_from_here();
    load::run(clients, limit).await?;
    there.written(times + 1).await
}

/// A gateway with 50 roles, 500 keys and the audit log, in front of a server with 1,000 tools.
struct There {
    gateway: Arc<Gateway>,
    client: Arc<Client>,
    frame: Frame,
    headers: HeaderMap,
    folder: TempDir,
}

impl There {
    async fn start() -> Result<Self, Failure> {
        let servers = format!("[servers.up]\nurl = \"{}\"\n", upstream::serve_here()?);
        let folder = tempfile::tempdir()?;
        let config = gateway::write(folder.path(), "127.0.0.1:0", &servers, true)?;
        let config = config::load(&Paths::find(Some(config), None)?)?;
        let gateway = Gateway::audited(&config, Audit::start(&config.audit)?);
        gateway.pipeline().start.over().await;
        let session = Client::new("".into(), Identity::Anonymous, Revision::LATEST, "{}", "{}");
        let key = format!("Bearer {}", gateway::key(KEY));
        let headers = [(AUTHORIZATION, HeaderValue::from_str(&key)?)];
        Ok(Self {
            gateway: Arc::new(gateway),
            client: Arc::new(session),
            frame: Frame::parse(Bytes::from_static(CALL))?,
            headers: headers.into_iter().collect(),
            folder,
        })
    }

    fn pipeline(&self) -> &Arc<Pipeline> {
        self.gateway.pipeline()
    }

    /// A call that somebody with a key makes.
    async fn call(&self) -> Result<Box<Call>, Failure> {
        let pipeline = self.pipeline();
        let plan = pipeline.plan();
        let caller = pipeline
            .identify(&plan, HERE, (&self.headers, None))
            .await?;
        let visit = Visit::new(caller, Extent::All);
        Ok(Call::read(self.frame.clone(), self.client.clone(), visit)?)
    }

    /// Waits until the audit has a line for each call.
    async fn written(&self, calls: u64) -> Result<(), Failure> {
        let audit = self.pipeline().audit.as_ref().ok_or("there is no audit")?;
        audit.close().await;
        match audit.counters().written() == calls {
            true => Ok(()),
            false => Err("the audit does not have each call".into()),
        }
    }
}
