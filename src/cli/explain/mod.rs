//! `explain`: why somebody may do something, or may not.

mod told;

use std::{net::IpAddr, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::{CliError, check, log};
use crate::{
    authorise::Wanted,
    call::{Extent, Visit},
    config::Config,
    gateway::{self, Asker, Explained, Supposed},
    mcp::List,
    pipeline::{Attempt, Plan},
};
use told::Thing;

/// Who asks for what.
#[derive(Debug, Args)]
pub(super) struct Question {
    /// In which role; without it, in that of the key or certificate, or as somebody who shows nothing
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// With the key of this name
    #[arg(long, value_name = "NAME")]
    as_key: Option<String>,
    /// With a certificate that this table names
    #[arg(long, value_name = "NAME", alias = "as-certificate")]
    certificate: Option<String>,
    /// From this address [default: from this machine, which every `from` lets through]
    #[arg(long, value_name = "IP")]
    from: Option<IpAddr>,
    /// Under the path of this view [default: /mcp]
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
    /// The tool, as `mcpgate list` shows it, or as `server/tool`
    #[arg(long, value_name = "NAME", group = "target")]
    tool: Option<String>,
    /// The prompt, in the same ways
    #[arg(long, value_name = "NAME", group = "target")]
    prompt: Option<String>,
    /// The resource; with --offline as `server/uri`
    #[arg(long, value_name = "URI", group = "target")]
    resource: Option<String>,
    /// The arguments, one JSON object [default: none]
    #[arg(long, value_name = "JSON", requires = "target")]
    args: Option<String>,
    /// Connect to no server: decide on a `server/tool` by the patterns alone
    #[arg(long, requires = "target")]
    offline: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Question {
    fn target(&self) -> Option<(List, &str)> {
        let tool = self.tool.as_deref().map(|name| (List::Tools, name));
        let prompt = self.prompt.as_deref().map(|name| (List::Prompts, name));
        let resource = self.resource.as_deref();
        tool.or(prompt)
            .or(resource.map(|uri| (List::Resources, uri)))
    }

    fn asker(&self, config: &Config) -> Result<Asker, CliError> {
        let policy = &config.policy;
        let role = self.role.as_ref().map(|name| policy.role(name).cloned());
        let key = self.as_key.as_ref().map(|name| policy.key(name).cloned());
        let certificate = self.certificate.as_ref();
        let certificate = certificate.map(|name| policy.certificate(name).cloned());
        if let Some(view) = &self.view {
            policy.view(view).map_err(CliError::Usage)?;
        }
        Ok(Asker {
            role: role.transpose().map_err(CliError::Usage)?,
            key: key.transpose().map_err(CliError::Usage)?,
            certificate: certificate.transpose().map_err(CliError::Usage)?,
            from: self.from,
        })
    }

    fn extent(&self) -> Extent {
        let view = self.view.as_deref();
        view.map_or(Extent::All, |view| Extent::View(view.into()))
    }
}

pub(super) async fn run(config: Config, question: &Question) -> Result<ExitCode, CliError> {
    if let Some(args) = &question.args {
        super::call::arguments(std::slice::from_ref(args))?;
    }
    if question.offline {
        return offline(&config, question);
    }
    question.asker(&config)?;
    let gateway = check::started(config.clone()).await;
    let plan = gateway.pipeline().plan();
    let explained = answer(&plan, &config, question);
    let away = check::away(&plan.servers);
    gateway.stop().await;
    for words in away {
        log::say(&format!("{words}; what it offers is not known here"));
    }
    explained
}

fn offline(config: &Config, question: &Question) -> Result<ExitCode, CliError> {
    let (list, name) = question.target().unwrap_or((List::Tools, ""));
    let wanted =
        wanted(list, name).map_err(|words| CliError::Usage(format!("{words} (with --offline)")))?;
    let server = config.server(wanted.server.as_str());
    server.map_err(CliError::Usage)?;
    let Supposed { plan, exposed } = Supposed::new(&gateway::plan(config), config, &wanted);
    let asker = question.asker(config)?;
    let thing = Thing {
        list,
        exposed,
        own: wanted.name,
        server: wanted.server,
    };
    one(&plan, config, question, &asker, &thing)
}

/// What `--tool a/b` and the like name.
fn wanted(list: List, name: &str) -> Result<Wanted, &'static str> {
    let kind = match list {
        List::Tools => "",
        List::Prompts => "prompt:",
        List::Resources | List::Templates => "resource:",
    };
    format!("{kind}{name}").parse()
}

fn answer(plan: &Plan, config: &Config, question: &Question) -> Result<ExitCode, CliError> {
    let asker = question.asker(config)?;
    let Some((list, name)) = question.target() else {
        return all(plan, config, question, &asker);
    };
    let thing = find(plan, list, name)?;
    one(plan, config, question, &asker, &thing)
}

/// Where a name leads, whoever asks.
fn find(plan: &Plan, list: List, name: &str) -> Result<Thing, CliError> {
    let whole = plan.views.whole();
    let by_own = || {
        let wanted = wanted(list, name).ok()?;
        let mut names = whole.names(list).into_iter();
        names.find(|exposed| {
            let way = whole.way(list, exposed);
            way.is_some_and(|way| way.server == wanted.server && *way.key == *wanted.name)
        })
    };
    let exposed = whole.way(list, name).map(|_| name).or_else(by_own);
    if let Some((exposed, way)) = exposed.and_then(|name| Some((name, whole.way(list, name)?))) {
        return Ok(Thing {
            list,
            exposed: exposed.to_owned(),
            server: way.server.clone(),
            own: way.key.to_string(),
        });
    }
    // A resource need not be listed to be read.
    let server = whole.server_of(name).filter(|_| list == List::Resources);
    let server = server.ok_or_else(|| {
        let kind = list.plural().trim_end_matches('s');
        CliError::Answer(format!(
            "no server offers a {kind} `{name}`; `mcpgate list {}` shows them",
            list.plural()
        ))
    })?;
    Ok(Thing {
        list,
        exposed: name.to_owned(),
        server: server.clone(),
        own: name.to_owned(),
    })
}

fn attempt<'a>(visit: &Visit, thing: &'a Thing, arguments: Option<&'a str>) -> Attempt<'a> {
    Attempt {
        visit: visit.clone(),
        list: thing.list,
        name: &thing.exposed,
        arguments,
    }
}

fn one(
    plan: &Plan,
    config: &Config,
    question: &Question,
    asker: &Asker,
    thing: &Thing,
) -> Result<ExitCode, CliError> {
    let explained = match asker.visit(plan, question.extent()) {
        Ok(visit) => {
            let attempt = attempt(&visit, thing, question.args.as_deref());
            gateway::explain(plan, config, &attempt, &thing.server)
        }
        Err(why) => Explained::turned_away(why),
    };
    match question.json {
        true => log::print(&format!("{:#}", told::as_json(question, thing, &explained)))?,
        false => log::print(&told::as_text(question, thing, &explained))?,
    }
    Ok(code(explained.allowed))
}

/// The table of all tools.
fn all(
    plan: &Plan,
    config: &Config,
    question: &Question,
    asker: &Asker,
) -> Result<ExitCode, CliError> {
    let looks = asker.visit(plan, question.extent()).and_then(|visit| {
        let looked = plan.look(&visit).map_err(|refusal| refusal.to_string());
        looked.map(|_| visit)
    });
    let visit = match looks {
        Ok(visit) => visit,
        Err(why) => {
            let none = json!({"allowed": false, "reason": why, "tools": []});
            let text = format!("{}: refused: {why}", told::caller(question));
            log::print(&if question.json {
                format!("{none:#}")
            } else {
                text
            })?;
            return Ok(code(false));
        }
    };
    let mut rows = vec![
        ["TOOL", "SERVER", "DECISION", "BECAUSE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut tools = Vec::new();
    for name in plan.views.whole().names(List::Tools) {
        let thing = find(plan, List::Tools, name)?;
        let attempt = attempt(&visit, &thing, None);
        let explained = gateway::explain(plan, config, &attempt, &thing.server);
        tools.push(told::as_json(question, &thing, &explained));
        // Without arguments a condition may fail, which says nothing of it.
        let rule = explained.rule.as_ref().filter(|_| explained.conditional);
        let rule = rule.map(|rule| format!("{}, {}", rule.rule(), rule.place()));
        let decision = match (explained.allowed, explained.conditional) {
            (_, true) => "by arguments",
            (true, false) => "allowed",
            (false, false) => "refused",
        };
        rows.push(vec![
            thing.exposed,
            thing.server.to_string(),
            decision.to_owned(),
            rule.unwrap_or(explained.reason),
        ]);
    }
    match question.json {
        true => log::print(&format!("{:#}", json!({"allowed": true, "tools": tools})))?,
        false => log::print(&check::table(&rows))?,
    }
    Ok(code(true))
}

fn code(allowed: bool) -> ExitCode {
    match allowed {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    }
}
