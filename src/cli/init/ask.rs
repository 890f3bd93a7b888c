//! The questions, and who answers them: somebody at a terminal, or a pipe.

use std::{
    io::{self, BufRead, Write},
    net::SocketAddr,
};

use super::{address, answers::Users, server::Server};
use crate::cli::{CliError, log};

/// The questions. Where nothing is to be asked, each is answered as it proposes.
pub(super) struct Questions {
    silent: bool,
}

impl Questions {
    pub(super) fn new(silent: bool) -> Self {
        Self { silent }
    }

    pub(super) fn users(&mut self) -> Result<Users, CliError> {
        if self.silent {
            return Ok(Users::Me);
        }
        log::say("1. Who will use it?");
        for (index, users) in Users::ALL.iter().enumerate() {
            log::say(&format!(
                "   {} {:<8} {}",
                index + 1,
                users.name(),
                users.about()
            ));
        }
        self.until_understood("   [1] ", |answer| {
            let chosen = match answer {
                "" => Some(Users::Me),
                _ => Users::ALL
                    .into_iter()
                    .enumerate()
                    .find_map(|(index, users)| {
                        let meant = answer == users.name() || answer == (index + 1).to_string();
                        meant.then_some(users)
                    }),
            };
            chosen.ok_or_else(|| "1, 2 or 3, or its name".to_owned())
        })
    }

    pub(super) fn servers(&mut self) -> Result<Vec<Server>, CliError> {
        if self.silent {
            return Ok(vec![Server::example()]);
        }
        log::say(
            "2. Which servers? One in a line, and an empty line when there are no more:\n   \
             a folder (~/notes), a command line (npx -y @modelcontextprotocol/server-github),\n   \
             or a URL (https://mcp.example.com/mcp). Nothing: the built-in example, to try it with.",
        );
        let mut servers = Vec::new();
        loop {
            let server = self.until_understood("   > ", |answer| match answer {
                "" => Ok(None),
                answer => Server::read(answer).map(Some),
            })?;
            match server {
                Some(server) => servers.push(server),
                None if servers.is_empty() => return Ok(vec![Server::example()]),
                None => return Ok(servers),
            }
        }
    }

    pub(super) fn listen(&mut self, usual: SocketAddr) -> Result<SocketAddr, CliError> {
        if self.silent {
            return Ok(usual);
        }
        log::say(
            "3. Where does it listen? At 127.0.0.1 this machine alone reaches it, at 0.0.0.0 all do.",
        );
        self.until_understood(&format!("   [{usual}] "), |answer| match answer {
            "" => Ok(usual),
            _ => address(answer, usual)
                .ok_or_else(|| "an address and a port, such as 127.0.0.1:8765".to_owned()),
        })
    }

    /// Asks until the answer makes sense.
    fn until_understood<T>(
        &mut self,
        prompt: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, CliError> {
        loop {
            let mut error = io::stderr();
            // A closed stderr is no reason not to hear the answer.
            drop(
                error
                    .write_all(prompt.as_bytes())
                    .and_then(|()| error.flush()),
            );
            let mut line = String::new();
            if io::stdin().lock().read_line(&mut line)? == 0 {
                let words = "stdin has ended before all was answered; \
                             --yes takes what the questions propose";
                return Err(CliError::Usage(words.to_owned()));
            }
            match read(line.trim()) {
                Ok(answer) => return Ok(answer),
                Err(why) => log::say(&format!("   {why}")),
            }
        }
    }
}
