//! The project's Markdown files, as far as tests look into them: blocks of code, code in a line, links, headings.

use std::path::{Path, PathBuf};

/// A Markdown file.
pub struct Page {
    /// As in `docs/tour.md`.
    pub name: String,
    text: String,
}

/// A block of code.
pub struct Block {
    /// What stands behind the opening fence, as in `console`.
    pub language: String,
    pub lines: Vec<String>,
}

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Every page: those in the repository's folder, and those in `docs`.
pub fn pages() -> Vec<Page> {
    ["", "docs"].into_iter().flat_map(pages_in).collect()
}

fn pages_in(folder: &str) -> Vec<Page> {
    let files = std::fs::read_dir(root().join(folder)).expect("list a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let markdown = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let name = |path: PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut names: Vec<String> = markdown.map(name).collect();
    names.sort();
    let path = |name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    names.into_iter().map(|name| page(&path(name))).collect()
}

/// The page of this name.
pub fn page(name: &str) -> Page {
    let text = std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Page { name: name.to_owned(), text }
}

impl Page {
    /// The blocks of code, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open = false;
        for line in self.text.lines() {
            match (line.strip_prefix("```"), open) {
                (Some(language), false) => {
                    blocks.push(Block { language: language.to_owned(), lines: Vec::new() });
                    open = true;
                }
                (Some(_), true) => open = false,
                (None, true) => blocks.last_mut().expect("an open block").lines.push(line.to_owned()),
                (None, false) => {}
            }
        }
        assert!(!open, "{}: a block of code has no end", self.name);
        blocks
    }

    /// The lines outside of blocks of code.
    pub fn prose(&self) -> impl Iterator<Item = &str> {
        let mut open = false;
        self.text.lines().filter(move |line| {
            let fence = line.starts_with("```");
            open ^= fence;
            !open && !fence
        })
    }

    /// What stands in backticks, outside of blocks of code.
    pub fn code(&self) -> Vec<String> {
        let prose = self.prose().collect::<Vec<_>>().join("\n");
        prose.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " ")).collect()
    }

    /// Where its links lead.
    pub fn links(&self) -> Vec<String> {
        let prose = self.prose().collect::<Vec<_>>().join("\n");
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        targets.map(|(target, _)| target.to_owned()).collect()
    }

    /// The names under which its headings are reached: `## Your own` is `your-own`.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

/// As GitHub makes it.
pub fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
