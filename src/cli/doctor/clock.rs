//! This machine's clock, beside those of its servers.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Empty;
use jiff::{Timestamp, fmt::rfc2822};
use tokio::time::timeout;

use super::{Finding, Report};
use crate::{
    config::Config,
    forward::{Trust, client},
};

/// How long a server may take to say what time it has.
const PATIENCE: Duration = Duration::from_secs(5);
/// By how many seconds a token may be off, by default (`leeway`).
const LEEWAY: i64 = 30;

/// Compares with the first server that says what time it has.
pub(super) async fn look(config: &Config, report: &mut Report) {
    for (name, server) in &config.servers {
        let Some(urls) = &server.url else { continue };
        let asked = timeout(PATIENCE, date(urls.first(), server.trust.as_ref())).await;
        let Some(theirs) = asked.ok().flatten() else {
            continue;
        };
        let ahead = Timestamp::now().as_second() - theirs.as_second();
        let words = match ahead {
            -2..=2 => format!("as {name} has it"),
            _ if ahead > 0 => format!("{ahead} s ahead of {name}"),
            _ => format!("{} s behind {name}", -ahead),
        };
        let fix = "`timedatectl set-ntp true` on the one that is wrong";
        let tokens = !config.policy.tokens.is_empty();
        return report.add(match ahead.abs() > LEEWAY {
            true if tokens => Finding::problem("clock", words + ": tokens may be refused", fix),
            true => Finding::warning("clock", words, fix),
            false => Finding::good("clock", words),
        });
    }
}

/// The time that whoever answers there has. What else is said does not matter.
async fn date(url: &str, trust: Option<&Trust>) -> Option<Timestamp> {
    let uri: http::Uri = url.parse().ok()?;
    let is_secure = uri.scheme_str() == Some("https");
    let client = client(is_secure, trust).await.ok()?;
    let request = Request::builder().method(Method::HEAD).uri(uri);
    let response = client
        .request(request.body(Empty::<Bytes>::new()).ok()?)
        .await
        .ok()?;
    let said = response.headers().get(header::DATE)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(said).ok()
}
