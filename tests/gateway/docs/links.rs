//! Whatever a page points at is there.

use std::path::{Component, Path, PathBuf};

use super::markdown::{Page, here, pages};

/// Where a link of a page leads: a path in the repository, and an anchor there.
fn target(page: &str, link: &str) -> (PathBuf, Option<String>) {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if path.is_empty() {
        return (page.into(), anchor);
    }
    let mut target = Path::new(page).parent().unwrap().to_path_buf();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => assert!(target.pop(), "{page}: {link} leaves the repository"),
            Component::Normal(part) => target.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => {
                panic!("{page}: {link} is no relative path")
            }
        }
    }
    (target, anchor)
}

/// What is wrong with a link.
fn fault(page: &str, link: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"]
        .iter()
        .any(|start| link.starts_with(start))
    {
        return None;
    }
    let (path, anchor) = target(page, link);
    if !here(&path.to_string_lossy()).exists() {
        return Some(format!("there is no {}", path.display()));
    }
    let anchor = anchor.filter(|_| path.extension().is_some_and(|end| end == "md"))?;
    let there = Page::read(&path.to_string_lossy()).anchors();
    let missing = !there.contains(&anchor);
    missing.then(|| format!("{} has no #{anchor}", path.display()))
}

#[test]
fn every_link_and_anchor_of_the_book_leads_somewhere() {
    let (mut faults, mut followed) = (Vec::new(), 0);
    for path in pages(&["README.md", "CHANGELOG.md", "docs", "examples", "deploy"]) {
        for (line, link) in Page::read(&path).links() {
            followed += 1;
            faults.extend(fault(&path, &link).map(|fault| format!("{path}:{line}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(followed > 50, "{followed}");
}

#[test]
fn every_page_of_the_book_stands_in_its_index() {
    let index = Page::read("docs/README.md");
    let listed: Vec<_> = index.links().into_iter().map(|(_, link)| link).collect();
    for page in pages(&["docs"]) {
        let name = page.trim_start_matches("docs/");
        let is_listed = name == "README.md" || listed.iter().any(|link| link == name);
        assert!(is_listed, "docs/README.md does not name {name}");
    }
}

#[test]
fn every_promise_of_the_security_page_has_a_test() {
    let page = std::fs::read_to_string(here("docs/SECURITY.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("::"));
    let mut promises = 0;
    for row in rows {
        let tests = row.rsplit(" | ").next().unwrap();
        for test in tests.split('`').skip(1).step_by(2) {
            let (file, name) = test.rsplit_once("::").unwrap();
            let file = format!("tests/gateway/{}.rs", file.replace("::", "/"));
            let text = std::fs::read_to_string(here(&file)).unwrap_or_default();
            assert!(text.contains(&format!("fn {name}(")), "there is no {test}");
            promises += 1;
        }
    }
    assert!(promises > 25, "{promises}");
}
