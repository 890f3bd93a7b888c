//! Markdown, as far as the tests of the book need it: blocks of code, headings, links.

use std::{collections::BTreeSet, fs, path::PathBuf};

/// A fenced block of code, and what is said to the tests right before it.
#[derive(Debug)]
pub(super) struct Block {
    /// The line of its first fence, from 1.
    pub(super) line: usize,
    pub(super) language: String,
    pub(super) text: String,
    pub(super) note: Note,
}

/// What a comment right before a block says: readers do not see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Nothing.
    None,
    /// `<!-- not run: why -->`
    NotRun(String),
    /// `<!-- in the background until: words that it says -->`
    Background(String),
    /// `<!-- once this is in the file: path words -->`
    Once(String, String),
    /// `<!-- what runs has ended -->`: with Ctrl-C, a reader would have.
    Ended,
    /// `<!-- file: where it is written -->`
    File(String),
    /// `<!-- part of: what -->`: not something whole.
    Part,
}

impl Note {
    fn of(line: &str) -> Self {
        let Some(comment) = line.trim().strip_prefix("<!-- ") else {
            return Self::None;
        };
        let comment = comment.strip_suffix(" -->").unwrap_or(comment);
        if comment == "what runs has ended" {
            return Self::Ended;
        }
        match comment.split_once(": ") {
            Some(("not run", why)) => Self::NotRun(why.to_owned()),
            Some(("in the background until", words)) => Self::Background(words.to_owned()),
            Some(("once this is in the file", said)) => {
                let (path, words) = said.split_once(' ').expect("a path, and words");
                Self::Once(path.to_owned(), words.to_owned())
            }
            Some(("file", path)) => Self::File(path.to_owned()),
            Some(("part of", _)) => Self::Part,
            _ => panic!("a comment that says nothing to the tests: {line}"),
        }
    }
}

/// A page of the book.
#[derive(Debug)]
pub(super) struct Page {
    /// Its path in the repository.
    pub(super) path: String,
    text: String,
}

impl Page {
    pub(super) fn read(path: &str) -> Self {
        let text = fs::read_to_string(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let path = path.to_owned();
        Self { path, text }
    }

    /// Its lines, each with whether it is inside a block of code, fences included.
    fn lines(&self) -> impl Iterator<Item = (bool, &str)> {
        let mut fenced = false;
        self.text.lines().map(move |line| {
            let is_fence = line.trim_start().starts_with("```");
            fenced ^= is_fence;
            (fenced || is_fence, line)
        })
    }

    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let (mut open, mut before) = (None, "");
        for (index, line) in self.text.lines().enumerate() {
            let bare = line.trim_start();
            match (bare.strip_prefix("```"), open) {
                (Some(_), Some(_)) => open = None,
                (Some(language), None) => {
                    open = Some(line.len() - bare.len());
                    blocks.push(Block {
                        line: index + 1,
                        language: language.trim().to_owned(),
                        text: String::new(),
                        note: Note::of(before),
                    });
                }
                (None, Some(indent)) => {
                    let text = line.get(indent..).unwrap_or(bare);
                    let block = blocks.last_mut().unwrap();
                    block.text.push_str(&format!("{text}\n"));
                }
                (None, None) => {}
            }
            before = line;
        }
        assert!(open.is_none(), "{}: a block that does not end", self.path);
        blocks
    }

    /// What links may lead to within the page, as GitHub names headings.
    pub(super) fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for (fenced, line) in self.lines() {
            let heading = line.trim_start_matches('#');
            if !fenced && heading.len() < line.len() && heading.starts_with(' ') {
                let slug = slug(heading.trim());
                let taken = (1..).map(|times| format!("{slug}-{times}"));
                let mut names = std::iter::once(slug.clone()).chain(taken);
                anchors.insert(names.find(|name| !anchors.contains(name)).unwrap());
            }
            let ids = line.split("<a id=\"").skip(1);
            anchors.extend(ids.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
        anchors
    }

    /// Where its links lead, with the line of each.
    pub(super) fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (index, (fenced, line)) in self.lines().enumerate() {
            let prose = if fenced {
                String::new()
            } else {
                without_code(line)
            };
            let found = prose.split("](").skip(1);
            let found = found.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
            links.extend(found.map(|link| (index + 1, link)));
        }
        links
    }
}

/// A line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let kept = lower
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// A path in the repository.
pub(super) fn here(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every page below these files and folders, by its path in the repository.
pub(super) fn pages(places: &[&str]) -> Vec<String> {
    let mut pages = Vec::new();
    let mut open: Vec<String> = places.iter().map(|place| (*place).to_owned()).collect();
    while let Some(path) = open.pop() {
        if here(&path).is_dir() {
            let entries = fs::read_dir(here(&path)).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            open.extend(names.map(|name| format!("{path}/{name}")));
        } else if path.ends_with(".md") {
            pages.push(path);
        }
    }
    pages.sort();
    pages
}
