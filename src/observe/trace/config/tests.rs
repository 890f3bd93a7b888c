//! What `[traces]` means, and what it cannot.

use super::*;

fn read(text: &str) -> Result<TracesConfig, String> {
    let config: TracesConfig = toml::from_str(text).map_err(|error| error.to_string())?;
    config.check().map_err(|fault| fault.to_string())?;
    Ok(config)
}

fn resolved(text: &str, variables: &[(&str, &str)]) -> Result<TracesConfig, String> {
    let mut config = read(text)?;
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    config
        .resolve(Path::new("/etc/mcpgate"), &variable)
        .map_err(|fault| fault.to_string())?;
    Ok(config)
}

#[test]
fn spans_go_to_the_path_of_otlp_wherever_the_collector_is() {
    let target = |text: &str| resolved(text, &[]).unwrap().target;
    assert_eq!(target(""), "http://127.0.0.1:4318/v1/traces");
    for (endpoint, wanted) in [
        (
            "https://otlp.example.com/otlp",
            "https://otlp.example.com/otlp/v1/traces",
        ),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        (
            "http://collector:4318/v1/traces",
            "http://collector:4318/v1/traces",
        ),
    ] {
        assert_eq!(target(&format!("endpoint = '{endpoint}'")), wanted);
    }
}

#[test]
fn what_the_file_does_not_say_is_in_the_environment() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20abc, x-team = blue",
        ),
        ("OTEL_SERVICE_NAME", "gate"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test,service.name=other",
        ),
    ];
    let config = resolved("", &variables).unwrap();
    assert_eq!(config.target, "http://collector:4318/v1/traces");
    let headers = config.headers.as_ref().unwrap();
    assert_eq!(headers["authorization"].reveal(), "Bearer abc");
    assert_eq!(headers["x-team"].reveal(), "blue");
    let mut facts = config.facts();
    facts.retain(|(key, _)| *key != "service.version");
    let wanted = [
        ("deployment.environment.name", "test"),
        ("service.name", "gate"),
    ];
    assert_eq!(facts, wanted);

    let target = [(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://collector/spans",
    )];
    assert_eq!(
        resolved("", &target).unwrap().target,
        "http://collector/spans"
    );
    let said = "endpoint = 'http://here'\nheaders = {}\nservice_name = 'mine'\nresource = {}";
    let config = resolved(said, &variables).unwrap();
    assert_eq!(config.target, "http://here/v1/traces");
    assert_eq!(config.facts()[0], ("service.name", "mine"));
    assert!(config.headers.unwrap().is_empty());
}

#[test]
fn the_authority_of_a_collector_is_in_the_file_or_in_the_environment() {
    let named = |text: &str, variables: &[(&str, &str)]| {
        let ca = resolved(text, variables).unwrap().ca;
        ca.map(|path| path.display().to_string())
    };
    let secure = "endpoint = 'https://collector'";
    let all = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/all.pem");
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/traces.pem");
    let said = format!("{secure}\nca = 'ca.pem'");
    assert_eq!(named(secure, &[]), None);
    assert_eq!(named(&said, &[all]).unwrap(), "/etc/mcpgate/ca.pem");
    assert_eq!(named(secure, &[all]).unwrap(), "/all.pem");
    assert_eq!(named(secure, &[all, traces]).unwrap(), "/traces.pem");
    // Nobody is asked for a certificate.
    assert_eq!(named("", &[all]), None);
}

#[test]
fn what_cannot_be_is_refused() {
    for (text, words) in [
        ("endpoint = 'collector:4318'", "OTLP over HTTP"),
        ("endpoint = 'grpc://collector:4317'", "OTLP over HTTP"),
        (
            "endpoint = 'http://me:secret@collector'",
            "put it into `headers`",
        ),
        (
            "endpoint = 'http://collector:4318'\nca = 'ca.pem'",
            "with https://",
        ),
        ("sample = 1.5", "0 (none) to 1 (all)"),
        ("sample = nan", "0 (none) to 1 (all)"),
        ("timeout = '0s'", "nothing would be sent"),
        ("queue = 0", "1 to 1048576"),
        ("headers = { 'a b' = 'c' }", "not a header's name"),
        (
            "headers = { X-Who = '{{caller.id}}' }",
            "the same of all callers",
        ),
        ("trust_parent = 'some'", "unknown variant"),
        ("samples = 1", "unknown field"),
    ] {
        let message = read(text).unwrap_err();
        assert!(message.contains(words), "{text}: {message}");
    }
    let variables = [("OTEL_EXPORTER_OTLP_HEADERS", "secret")];
    let message = resolved("", &variables).unwrap_err();
    assert!(
        message.contains("`OTEL_EXPORTER_OTLP_HEADERS`"),
        "{message}"
    );
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn what_is_sent_is_the_same_however_much_is_sampled() {
    let (all, some) = (read("sample = 1").unwrap(), read("sample = 0.5").unwrap());
    assert!(all.sends_as(&some));
    assert!(!all.sends_as(&read("queue = 10").unwrap()));
}
