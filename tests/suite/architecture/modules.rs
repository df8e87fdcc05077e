//! The modules of a crate and the arrows between them, read from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};

use super::{root, texts};

/// A module by its path from the root of the crate; the root itself is empty.
pub(super) type Module = Vec<String>;

/// The modules of one crate.
pub(super) struct Modules {
    name: String,
    files: BTreeMap<Module, File>,
}

#[derive(Default)]
struct File {
    /// The paths that it names, from the root of the crate.
    named: Vec<Vec<String>>,
    /// What it imports or re-exports under a name, by its path from the root of the crate.
    imports: BTreeMap<String, Vec<String>>,
}

impl Modules {
    pub(super) fn of_crate(name: &str) -> Self {
        let src = root().join(name).join("src");
        let files = texts::sources(&src).into_iter().map(|(path, text)| {
            let module = module_of(path.strip_prefix(&src).unwrap());
            let parsed = syn::parse_file(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut reader = Reader { module: module.clone(), file: File::default() };
            reader.visit_file(&parsed);
            (module, reader.file)
        });
        Self { name: name.to_owned(), files: files.collect() }
    }

    /// Which module uses which. A folder and the files in it are one unit: arrows between its `mod.rs` and its files do
    /// not count, and neither do those of `lib.rs`.
    pub(super) fn arrows(&self) -> BTreeSet<(Module, Module)> {
        let mut arrows = BTreeSet::new();
        for (from, file) in self.files.iter().filter(|(module, _)| !module.is_empty()) {
            for path in &file.named {
                let to = self.resolve(path, 0);
                if !to.is_empty() && !to.starts_with(from) && !from.starts_with(&to) {
                    arrows.insert((from.clone(), to));
                }
            }
        }
        arrows
    }

    /// The modules that use one another in a circle, in words; none if there is no circle.
    pub(super) fn circle(&self) -> Option<String> {
        let mut arrows = self.arrows();
        loop {
            let sources: BTreeSet<_> = arrows.iter().map(|(from, _)| from.clone()).collect();
            let targets: BTreeSet<_> = arrows.iter().map(|(_, to)| to.clone()).collect();
            let before = arrows.len();
            // A module that uses none of the rest, or that none of the rest uses, is in no circle.
            arrows.retain(|(from, to)| sources.contains(to) && targets.contains(from));
            if arrows.is_empty() {
                return None;
            }
            if arrows.len() == before {
                let lines =
                    arrows.iter().map(|(a, b)| format!("{} -> {}", a.join("::"), b.join("::")));
                let lines: Vec<_> = lines.collect();
                return Some(format!("{}: {}", self.name, lines.join(", ")));
            }
        }
    }

    /// The module that defines what a path leads to; imports on the way are followed.
    fn resolve(&self, path: &[String], depth: usize) -> Module {
        let mut module = Module::new();
        for (at, segment) in path.iter().enumerate() {
            let mut child = module.clone();
            child.push(segment.clone());
            if self.files.contains_key(&child) {
                module = child;
                continue;
            }
            let import = self.files.get(&module).and_then(|file| file.imports.get(segment));
            return match import {
                Some(import) if depth < 8 => {
                    let mut target = import.clone();
                    target.extend_from_slice(&path[at + 1..]);
                    self.resolve(&target, depth + 1)
                }
                _ => module,
            };
        }
        module
    }
}

/// The module that a file holds, by its path below `src`.
fn module_of(file: &Path) -> Module {
    let mut module: Module =
        file.iter().map(|part| part.to_string_lossy().trim_end_matches(".rs").to_owned()).collect();
    if module.last().is_some_and(|name| name == "mod" || name == "lib" || name == "main") {
        module.pop();
    }
    module
}

/// Collects the paths that one file names.
struct Reader {
    module: Module,
    file: File,
}

impl Reader {
    /// A path from the root of the crate, if it is of this crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len().checked_sub(1)?].to_vec(),
            _ => return None,
        };
        let mut rest = rest;
        while let [word, more @ ..] = rest
            && word == "super"
        {
            base.pop();
            rest = more;
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn import(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| {
            let mut path = before.to_vec();
            path.push(name.to_string());
            path
        };
        let (path, name) = match tree {
            syn::UseTree::Path(path) => return self.import(&with(&path.ident), &path.tree),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|item| self.import(before, item));
            }
            syn::UseTree::Glob(_) => (before.to_vec(), None),
            syn::UseTree::Name(name) if name.ident == "self" => {
                (before.to_vec(), before.last().cloned())
            }
            syn::UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            syn::UseTree::Rename(rename) => (with(&rename.ident), Some(rename.rename.to_string())),
        };
        let Some(path) = self.absolute(&path) else { return };
        if let Some(name) = name {
            self.file.imports.insert(name, path.clone());
        }
        self.file.named.push(path);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(|attr| {
            attr.path().is_ident("cfg")
                && attr.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
        });
        if !is_test {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.file.named.push(path);
        }
        visit::visit_path(self, path);
    }
}
