//! No circle of files inside a room: reading one file must not mean reading all of them.
//!
//! A `use` or a path counts for the file that *defines* the name, through re-exports; a re-export itself
//! counts for nothing, nor do tests. This reads Rust as the project writes it (items at the left margin, one
//! `use` a statement), not all of Rust.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;

/// A module's path from the crate's root: `["images", "walk"]`.
type Module = Vec<String>;

/// What the files of one crate define and import.
struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    path: String,
    /// The code without comments, `use` statements and tests.
    body: String,
    defines: BTreeSet<String>,
    imports: Vec<Import>,
}

struct Import {
    path: Vec<String>,
    /// What the path is called here.
    name: String,
    is_reexport: bool,
}

/// The circles among the files below `root` (`src` or `index/src`), each as a complaint. With `rooms`, files
/// of different top folders may not be in one circle anyway, as the layers forbid it.
pub(super) fn check_circles(sources: &[Source], root: &str) -> Vec<String> {
    let files = Crate::read(sources, root);
    let graph: BTreeMap<&Module, BTreeSet<Module>> =
        files.files.keys().filter(|module| !module.is_empty()).map(|m| (m, files.uses(m))).collect();
    let circles = strongly_connected(&graph);
    let name = |module: &Module| files.files[module].path.clone();
    circles
        .iter()
        .map(|circle| {
            format!("a circle of files: {}", circle.iter().map(|m| name(m)).collect::<Vec<_>>().join(", "))
        })
        .collect()
}

impl Crate {
    fn read(sources: &[Source], root: &str) -> Crate {
        let mut files = BTreeMap::new();
        for source in sources {
            let Some(inner) = source.path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let mut module: Module = inner.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if module.iter().any(|part| part == "tests") || module == ["main"] {
                continue;
            }
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            files.insert(module, File::read(source));
        }
        Crate { files }
    }

    /// The files that the file of `module` uses.
    fn uses(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.files[module];
        let imports = file.imports.iter().filter(|import| !import.is_reexport);
        let mut paths: Vec<Vec<String>> = imports.clone().map(|import| import.path.clone()).collect();
        for path in paths_in(&file.body) {
            let imported = imports.clone().find(|import| import.name == path[0]);
            match imported {
                Some(import) => paths.push(import.path.iter().chain(&path[1..]).cloned().collect()),
                None => paths.push(path),
            }
        }
        let mut found: BTreeSet<Module> =
            paths.iter().filter_map(|path| self.definition(module, path)).collect();
        found.remove(module);
        found.retain(|other| {
            !other.is_empty() && other[0] == module[0] || module.len() == 1 && other.len() == 1
        });
        found
    }

    /// The module whose file defines what `path` names in `module`; none for other crates.
    fn definition(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (base, rest) = self.absolute(module, path)?;
        self.walk(base, &rest, 0)
    }

    fn absolute(&self, module: &Module, path: &[String]) -> Option<(Module, Vec<String>)> {
        let mut rest = path.to_vec();
        let mut base = module.clone();
        match rest[0].as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop();
                    rest.remove(0);
                }
                return Some((base, rest));
            }
            first => {
                base.push(first.to_owned());
                return self.files.contains_key(&base).then(|| (module.clone(), rest));
            }
        }
        rest.remove(0);
        Some((base, rest))
    }

    fn walk(&self, mut base: Module, rest: &[String], depth: usize) -> Option<Module> {
        const DEEPEST: usize = 8;
        for (at, name) in rest.iter().enumerate() {
            base.push(name.clone());
            if self.files.contains_key(&base) {
                continue;
            }
            base.pop();
            let file = self.files.get(&base)?;
            if file.defines.contains(name) || depth >= DEEPEST {
                return Some(base);
            }
            let Some(import) = file.imports.iter().find(|import| import.name == *name) else {
                return Some(base);
            };
            let (other, mut inner) = self.absolute(&base, &import.path)?;
            inner.extend_from_slice(&rest[at + 1..]);
            return self.walk(other, &inner, depth + 1);
        }
        Some(base)
    }
}

impl File {
    fn read(source: &Source) -> File {
        let code = without_tests(&super::without_comments(&source.text));
        let (statements, body) = use_statements(&code);
        let mut imports = Vec::new();
        for (tree, is_reexport) in statements {
            leaves(&tree, &[], &mut |path, name| imports.push(Import { path, name, is_reexport }));
        }
        let defines = body.lines().filter_map(defined_name).collect();
        File { path: source.path.clone(), body, defines, imports }
    }
}

/// The code up to inline modules of tests at the left margin, and after them.
fn without_tests(code: &str) -> String {
    let mut kept = Vec::new();
    let (mut skipping, mut is_test) = (false, false);
    for line in code.lines() {
        skipping |= is_test && line.starts_with("mod ") && line.ends_with('{');
        if !skipping {
            kept.push(line);
        }
        skipping &= line != "}";
        is_test = line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
    }
    kept.join("\n")
}

/// The trees of all `use` statements, whether each is `pub`, and the code without them.
fn use_statements(code: &str) -> (Vec<(String, bool)>, String) {
    let (mut statements, mut body) = (Vec::new(), String::new());
    let mut open: Option<(String, bool)> = None;
    for line in code.lines() {
        let trimmed = line.trim_start();
        if open.is_none() {
            let plain = without_visibility(trimmed);
            match plain.strip_prefix("use ") {
                Some(tree) => open = Some((tree.to_owned(), plain != trimmed)),
                None => {
                    body.push_str(&remove_visibility(line));
                    body.push('\n');
                    continue;
                }
            }
        } else if let Some((tree, _)) = &mut open {
            tree.push_str(trimmed);
        }
        if line.trim_end().ends_with(';') {
            statements
                .extend(open.take().map(|(tree, is_pub)| (tree.trim_end_matches(';').to_owned(), is_pub)));
        }
    }
    (statements, body)
}

/// `pub(crate) fn f` -> `fn f`
fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else { return line };
    let rest = match rest.strip_prefix('(') {
        Some(inner) => inner.split_once(')').map_or(rest, |(_, rest)| rest),
        None => rest,
    };
    rest.strip_prefix(' ').unwrap_or(line)
}

/// `    pub(in crate::cli) x: u8` -> `    pub x: u8`, so that the path in it is none.
fn remove_visibility(line: &str) -> String {
    match (line.find("pub("), line.find(')')) {
        (Some(start), Some(end)) if start < end => format!("{}pub{}", &line[..start], &line[end + 1..]),
        _ => line.to_owned(),
    }
}

/// `a::{b, c::{self, d as e}}` -> (a::b, b), (a::c, c), (a::c::d, e)
fn leaves(tree: &str, prefix: &[String], found: &mut dyn FnMut(Vec<String>, String)) {
    let tree = tree.trim();
    if tree.is_empty() {
        return;
    }
    if let (Some(open), true) = (tree.find('{'), tree.ends_with('}')) {
        let mut path = prefix.to_vec();
        path.extend(tree[..open].split("::").filter(|part| !part.is_empty()).map(str::to_owned));
        for part in split_at_commas(&tree[open + 1..tree.len() - 1]) {
            leaves(part, &path, found);
        }
        return;
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.to_owned())),
        None => (tree, None),
    };
    let mut whole = prefix.to_vec();
    whole.extend(path.split("::").filter(|part| !part.is_empty()).map(str::to_owned));
    if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
        whole.pop();
    }
    let last = whole.last().cloned().unwrap_or_default();
    found(whole, alias.unwrap_or(last));
}

fn split_at_commas(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts
}

/// What a line at the left margin defines.
fn defined_name(line: &str) -> Option<String> {
    let mut rest = without_visibility(line);
    for word in ["const fn", "unsafe fn", "async fn", "unsafe extern \"C\" fn"] {
        if let Some(after) = rest.strip_prefix(word) {
            rest = after;
            return first_word(rest);
        }
    }
    let kinds =
        ["struct ", "enum ", "fn ", "trait ", "type ", "const ", "static ", "union ", "macro_rules! "];
    first_word(kinds.iter().find_map(|kind| rest.strip_prefix(kind))?)
}

fn first_word(text: &str) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word: String = text.trim_start().chars().take_while(|c| is_word(*c)).collect();
    (!word.is_empty()).then_some(word)
}

/// All paths `a::b::c` in code that begin with a lower-case name.
fn paths_in(code: &str) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("::") {
        let start = code[..at]
            .rfind(|c| !is_word(c))
            .map_or(0, |i| i + code[i..].chars().next().map_or(1, char::len_utf8));
        let before = &code[..start];
        if start == at || before.ends_with("::") || before.ends_with('.') {
            continue;
        }
        let end = code[at..].find(|c| !is_word(c) && c != ':').map_or(code.len(), |i| at + i);
        let path: Vec<String> =
            code[start..end].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        if path.len() > 1 && path[0].starts_with(|c: char| c.is_lowercase() || c == '_') {
            paths.push(path);
        }
    }
    paths
}

/// Groups of more than one module that all reach each other (Tarjan 1972).
fn strongly_connected<'a>(graph: &BTreeMap<&'a Module, BTreeSet<Module>>) -> Vec<Vec<&'a Module>> {
    let mut search = Search {
        graph,
        numbers: BTreeMap::new(),
        lowest: BTreeMap::new(),
        stack: Vec::new(),
        found: Vec::new(),
    };
    for module in graph.keys() {
        if !search.numbers.contains_key(module) {
            search.visit(module);
        }
    }
    search.found
}

struct Search<'a, 'b> {
    graph: &'b BTreeMap<&'a Module, BTreeSet<Module>>,
    numbers: BTreeMap<&'a Module, usize>,
    lowest: BTreeMap<&'a Module, usize>,
    stack: Vec<&'a Module>,
    found: Vec<Vec<&'a Module>>,
}

impl<'a> Search<'a, '_> {
    fn visit(&mut self, module: &'a Module) {
        let number = self.numbers.len();
        self.numbers.insert(module, number);
        self.lowest.insert(module, number);
        self.stack.push(module);
        for next in &self.graph[module] {
            let Some((&next, _)) = self.graph.get_key_value(next) else { continue };
            if !self.numbers.contains_key(next) {
                self.visit(next);
                let lowest = self.lowest[next].min(self.lowest[module]);
                self.lowest.insert(module, lowest);
            } else if self.stack.contains(&next) {
                let lowest = self.numbers[next].min(self.lowest[module]);
                self.lowest.insert(module, lowest);
            }
        }
        if self.lowest[module] == number {
            let at = self.stack.iter().position(|other| *other == module).expect("it was put there");
            let circle = self.stack.split_off(at);
            if circle.len() > 1 {
                self.found.push(circle);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> usize {
        let source =
            |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
        check_circles(&files.iter().map(source).collect::<Vec<_>>(), "src").len()
    }

    #[test]
    fn circles_are_found_through_reexports_and_paths() {
        let room = ("src/a/mod.rs", "mod b;\nmod c;\npub use b::B;\npub use c::{C, self as see};");
        assert_eq!(
            circles(&[room, ("src/a/b.rs", "use super::C;\npub struct B;"), ("src/a/c.rs", "pub struct C;")]),
            0
        );
        assert_eq!(
            circles(&[
                room,
                ("src/a/b.rs", "use super::C;\npub struct B;"),
                ("src/a/c.rs", "pub struct C;\nfn f() { crate::a::b::B; }")
            ]),
            1
        );
        assert_eq!(
            circles(&[
                room,
                ("src/a/b.rs", "use super::c;\npub struct B;\nfn f() { c::g() }"),
                ("src/a/c.rs", "use crate::a::{\n    B,\n};\npub fn g() {}")
            ]),
            1
        );
    }

    #[test]
    fn types_of_a_mod_file_make_a_circle_and_tests_do_not() {
        let user = ("src/a/b.rs", "use super::A;\npub struct B;");
        assert_eq!(circles(&[("src/a/mod.rs", "mod b;\npub use b::B;\npub struct A;"), user]), 0);
        assert_eq!(circles(&[("src/a/mod.rs", "mod b;\nuse b::B;\npub struct A(B);"), user]), 1);
        let tests = "mod b;\npub struct A;\n#[cfg(test)]\nmod tests {\n    use super::b::B;\n}";
        assert_eq!(circles(&[("src/a/mod.rs", tests), user]), 0);
    }
}
