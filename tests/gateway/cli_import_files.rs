//! Each file in `tests/clients`, imported: it means what it meant, twice is once, and nothing is dropped
//! in silence.

use std::{fs, path::Path};

use mcpgate::{
    clients::{Machine, System, read::Fate},
    config::{self, Config, Environment, Paths},
    forward::ServerConfig,
};

use crate::cli_import::{files, ran};

/// Loads a file with every variable set to its own name, but for the one that has a default.
fn loaded(path: &Path) -> Config {
    let environment = Environment {
        variable: &|name| (name != "API_BASE_URL").then(|| format!("<{name}>")),
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(path.to_path_buf()), None).unwrap();
    config::load_with(&paths, &environment).unwrap_or_else(|error| panic!("{error}"))
}

/// What a client would do with a server, as far as we do it too.
fn meant(server: &ServerConfig) -> String {
    let command = server.command.as_ref().map(|text| text.as_str());
    let args: Vec<_> = server.args.iter().map(|text| text.as_str()).collect();
    let env: Vec<_> = server
        .env
        .iter()
        .map(|(name, value)| (name, value.reveal()))
        .collect();
    let headers: Vec<_> = server
        .headers
        .iter()
        .map(|(name, value)| (name, value.reveal()))
        .collect();
    let (url, transport) = (&server.url, server.transport);
    format!(
        "{command:?} {args:?} {env:?} {url:?} {transport:?} {headers:?} {}",
        server.disabled
    )
}

#[tokio::test]
async fn what_is_imported_means_what_the_file_meant() {
    for file in files() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        // What a file refers to by `${file:…}`.
        let copy = home.join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap();
        fs::write(home.join("token.txt"), "t0ken").unwrap();

        let (code, out, err) = ran(
            home,
            &["import", "--into", "servers.toml", copy.to_str().unwrap()],
        )
        .await;

        assert_eq!((code, err.as_str()), (Some(0), ""), "{file:?}");
        let (direct, imported) = (loaded(&copy), loaded(&home.join("servers.toml")));
        let names: Vec<_> = direct.servers.keys().collect();
        assert_eq!(
            names,
            imported.servers.keys().collect::<Vec<_>>(),
            "{file:?}"
        );
        // Where a secret stood there, a variable stands here: `Bearer abc` and `Bearer <X_TOKEN>`.
        let secrets = out
            .lines()
            .filter(|line| line.ends_with("looks like a secret"));
        let variables: Vec<&str> = secrets
            .map(|line| &line[line.find("${").unwrap() + 2..line.find('}').unwrap()])
            .collect();
        for (name, server) in &direct.servers {
            let (was, is) = (meant(server), meant(&imported.servers[name]));
            let hidden = variables
                .iter()
                .any(|variable| is.contains(&format!("<{variable}>")));
            assert!(was == is || hidden, "{file:?} {name}:\n{was}\n{is}");
        }
    }
}

#[tokio::test]
async fn a_second_import_changes_nothing() {
    for file in files() {
        let folder = tempfile::tempdir().unwrap();
        let words = ["import", "--into", "servers.toml", file.to_str().unwrap()];
        assert_eq!(ran(folder.path(), &words).await.0, Some(0), "{file:?}");
        let first = fs::read_to_string(folder.path().join("servers.toml")).unwrap();

        let (code, out, _) = ran(folder.path(), &words).await;

        assert_eq!(code, Some(0));
        assert!(
            out.contains("nothing to add") && !out.contains("kept"),
            "{file:?}: {out}"
        );
        let second = fs::read_to_string(folder.path().join("servers.toml")).unwrap();
        assert_eq!(first, second, "{file:?}");
    }
}

#[tokio::test]
async fn no_server_is_dropped_in_silence() {
    for file in files() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine {
            system: System::Linux,
            variable: &|_| None,
        };
        let text = fs::read_to_string(&file).unwrap();
        let taken = mcpgate::clients::read::read(&text, &file, &machine).unwrap();

        let (_, out, _) = ran(folder.path(), &["import", file.to_str().unwrap()]).await;

        for entry in &taken.entries {
            let line = out
                .lines()
                .find(|line| line.starts_with(&format!("  {}: ", entry.written)));
            let line = line.unwrap_or_else(|| panic!("{file:?}: {out}"));
            let is_taken = entry.fate == Fate::Taken;
            assert!(
                is_taken || out.contains(&format!("  {}: left out: ", entry.written)),
                "{line}"
            );
            for remark in &entry.left_out {
                assert!(
                    !is_taken || line.contains("left out") || out.contains(&remark.words),
                    "{out}"
                );
            }
        }
    }
}
