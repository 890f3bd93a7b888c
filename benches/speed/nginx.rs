//! nginx as a plain reverse proxy with connections that stay open: two workers, no log, buffering as
//! it comes, with buffers for large answers.

use std::{fs, net::SocketAddr};

use tempfile::TempDir;
use tokio::process::Command;

use super::rivals::{free_address, until_listening};
use crate::bed::{Failure, process::Process};

/// An nginx that runs.
pub(super) struct Nginx {
    /// The process.
    pub(super) process: Process,
    /// Where it listens.
    pub(super) address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// Starts one in front of `upstream`.
    pub(super) async fn start(upstream: SocketAddr) -> Result<Self, Failure> {
        let nginx = Self::launch(upstream)?;
        until_listening(nginx.address).await?;
        Ok(nginx)
    }

    /// Launches one.
    pub(super) fn launch(upstream: SocketAddr) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        // It cannot say which port it took, so one is picked for it.
        let address = free_address()?;
        let config = folder.path().join("nginx.conf");
        fs::write(&config, conf(address, upstream))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(&config);
        let process = Process::launch(&mut command)
            .map_err(|error| format!("nginx: {error} (Debian: apt-get install nginx-light)"))?;
        Ok(Self {
            process: process.with_workers(),
            address,
            _folder: folder,
        })
    }
}

fn conf(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "daemon off;\nworker_processes 2;\npid nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path body;\n  proxy_temp_path proxy;\n\
           fastcgi_temp_path fastcgi;\n  uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n\
           proxy_buffers 64 32k;\n  proxy_busy_buffers_size 64k;\n\
           upstream up {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}\n\
           server {{\n    listen {address};\n    keepalive_requests 100000000;\n\
             location / {{\n      proxy_pass http://up;\n      proxy_http_version 1.1;\n\
               proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n"
    )
}
