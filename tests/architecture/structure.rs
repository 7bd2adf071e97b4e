//! Rules for what imports what: modules, folders and files.

use std::collections::{BTreeMap, BTreeSet};

use crate::circles::Graph;
use crate::house::{House, Module, Order};
use crate::tree::{Import, Source, Tree};

/// The most places shown of an import that is not allowed.
const MOST_PLACES: usize = 8;

impl Module {
    fn allowed(&self) -> BTreeSet<&str> {
        self.imports.split_whitespace().collect()
    }

    /// The row of the module in the table of `docs/architecture.md`.
    pub(crate) fn row(&self) -> String {
        let imports = match self.imports {
            "" => String::new(),
            imports => format!(" `{imports}`"),
        };
        format!("| {} | `{}` |{imports} |", self.floor, self.name)
    }
}

impl Import<'_> {
    /// The imported item, in short: its name in the file that it comes from.
    fn thing(&self) -> String {
        match self.item {
            [] => "the module".to_owned(),
            item => item.join("::"),
        }
    }

    fn place(&self, source: &Source) -> String {
        format!(
            "{}:{} names {}",
            source.path,
            self.line,
            self.path.join("::")
        )
    }
}

/// The beginning of a list, and how much is left.
fn beginning(items: &[String], most: usize, indent: &str) -> String {
    let mut lines: Vec<_> = items.iter().take(most).cloned().collect();
    if items.len() > most {
        lines.push(format!("and {} more", items.len() - most));
    }
    let lines = lines.iter().map(|line| format!("\n{indent}{line}"));
    lines.collect()
}

fn words<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(" ")
}

/// Which modules each module imports, besides `platform`, and where.
fn imported(tree: &Tree) -> BTreeMap<&str, BTreeMap<&str, Vec<String>>> {
    let mut found: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for source in tree.sources.iter().filter(|one| one.module() != "lib") {
        let own = found.entry(source.module()).or_default();
        for import in tree.imports(source) {
            let target = import.file.module();
            if target != source.module() && target != "platform" {
                own.entry(target).or_default().push(import.place(source));
            }
        }
    }
    found
}

/// Modules that import other modules than their row says.
pub(crate) fn imports(tree: &Tree, house: &House) -> Vec<String> {
    let found = imported(tree);
    let mut wrong = Vec::new();
    for (name, imports) in &found {
        if !house.modules.iter().any(|module| module.name == *name) {
            let imports = words(imports.keys().copied());
            wrong.push(format!(
                "{name} has no row; add it to MODULES on the floor where it stands: it imports \
                 `{imports}`"
            ));
        }
    }
    for module in house.modules {
        let name = module.name;
        let Some(found) = found.get(name) else {
            wrong.push(format!("src has no {name}; take it out of MODULES"));
            continue;
        };
        let allowed = module.allowed();
        let used: BTreeSet<&str> = found.keys().copied().collect();
        if allowed == used {
            continue;
        }
        let mut lines = vec![
            name.to_owned(),
            format!("    imports  {}", words(used.iter().copied())),
            format!("    allowed  {}", words(allowed.iter().copied())),
        ];
        for target in used.difference(&allowed) {
            let places = beginning(&found[target], MOST_PLACES, "        ");
            lines.push(format!(
                "    {name} may not import {target}: move what both need lower, or allow it in \
                 MODULES{places}"
            ));
        }
        for target in allowed.difference(&used) {
            lines.push(format!(
                "    {name} does not import {target}: take it out of MODULES"
            ));
        }
        wrong.push(lines.join("\n"));
    }
    wrong
}

/// Rows of the table of modules that contradict each other or the document.
pub(crate) fn table(document: &str, house: &House) -> Vec<String> {
    let mut wrong = Vec::new();
    let floor = |name: &str| {
        let module = house.modules.iter().find(|module| module.name == name);
        module.map(|module| module.floor)
    };
    for module in house.modules {
        let (name, own) = (module.name, module.floor);
        for target in module.allowed() {
            match floor(target) {
                Some(other) if other <= own => {}
                Some(other) => wrong.push(format!(
                    "{name} stands on floor {own} and may not be allowed {target}, which stands \
                     on floor {other}; imports point downwards"
                )),
                None => wrong.push(format!("{name} is allowed {target}, which has no row")),
            }
        }
        let sorted = words(module.allowed());
        if sorted != module.imports {
            wrong.push(format!("{name}: write its imports as `{sorted}`"));
        }
    }
    let heading = "| floor | module | may import |";
    let rows = document.lines().skip_while(|line| *line != heading).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<_> = house.modules.iter().map(Module::row).collect();
    if rows != expected {
        wrong.push(format!(
            "docs/architecture.md shows another table below `{heading}`; it must be\n{}",
            expected.join("\n")
        ));
    }
    wrong
}

/// The parts right below a folder that two files stand in, if they are not the same. At the top of
/// `src` files are parts too; elsewhere they are the face of their folder.
fn parts<'a>(folder: &str, from: &'a Source, to: &'a Source) -> Option<(&'a str, &'a str)> {
    let part = |source: &'a Source| {
        let below = match folder {
            "" => source.name(),
            _ => source.name().strip_prefix(folder)?.strip_prefix('/')?,
        };
        match below.split_once('/') {
            Some((part, _)) => Some(part),
            None if folder.is_empty() => Some(below),
            None => None,
        }
    };
    let (from, to) = (part(from)?, part(to)?);
    (from != to).then_some((from, to))
}

/// Circles between modules, and between the folders of a folder.
pub(crate) fn folder_circles(tree: &Tree, _: &House) -> Vec<String> {
    let folders = tree.sources.iter().flat_map(|source| {
        let parts = source.path.match_indices('/');
        parts.map(|(at, _)| &source.path[..at])
    });
    let folders: BTreeSet<&str> = folders.chain([""]).collect();
    let mut wrong = Vec::new();
    for folder in folders {
        let mut graph = Graph::default();
        for source in &tree.sources {
            for import in tree.imports(source) {
                if let Some((from, to)) = parts(folder, source, import.file) {
                    graph.add(from, to, import.place(source));
                }
            }
        }
        for knot in graph.knots() {
            let place = match folder {
                "" => "modules".to_owned(),
                folder => format!("folders of {folder}"),
            };
            wrong.push(format!(
                "circle of {} {place}: {}; move what both need into a lower one\n{}",
                knot.len(),
                words(knot.iter().map(String::as_str)),
                graph.shortest(&knot, &knot)
            ));
        }
    }
    wrong
}

impl Order {
    fn rank(&self, folder: &str) -> Option<usize> {
        self.folders.iter().position(|row| row.contains(&folder))
    }

    /// The folder right below the module that a file stands in.
    fn folder<'a>(&self, source: &'a Source) -> Option<&'a str> {
        let below = source.name().strip_prefix(self.module)?.strip_prefix('/')?;
        below.split_once('/').map(|(folder, _)| folder)
    }

    fn refuses(&self, source: &Source, import: &Import<'_>) -> Option<String> {
        let own = self.folder(source)?;
        let target = import.file;
        if target.module() != self.module || target.is_face() {
            return None;
        }
        let instead = match self.folder(target) {
            Some(other) if self.rank(own) >= self.rank(other) => return None,
            Some(other) => format!("{own} stands below {other}"),
            None if self.low.contains(&target.stem()) => return None,
            None => format!("folders may import {} only", self.low.join(", ")),
        };
        let place = import.place(source);
        Some(format!("{place}: in {}, {instead}", self.module))
    }
}

/// Folders that import what stands above them, where their module has an order.
pub(crate) fn orders(tree: &Tree, house: &House) -> Vec<String> {
    let mut wrong = BTreeSet::new();
    for order in house.orders {
        let module = order.module;
        let folders = tree
            .sources
            .iter()
            .filter_map(|source| order.folder(source));
        let folders: BTreeSet<&str> = folders.collect();
        for folder in folders.iter().filter(|folder| order.rank(folder).is_none()) {
            wrong.insert(format!("{module}/{folder} has no place in ORDERS; add it"));
        }
        for folder in order.folders.iter().flat_map(|row| row.iter()) {
            if !folders.contains(folder) {
                wrong.insert(format!(
                    "src has no {module}/{folder}; take it out of ORDERS"
                ));
            }
        }
        for file in order.low {
            let path = format!("{module}/{file}.rs");
            if !tree.sources.iter().any(|source| source.path == path) {
                wrong.insert(format!("src has no {path}; take it out of ORDERS"));
            }
        }
        for source in &tree.sources {
            let refused = tree
                .imports(source)
                .filter_map(|one| order.refuses(source, &one));
            wrong.extend(refused);
        }
    }
    wrong.into_iter().collect()
}

/// Circles between files, except those that are named, and names that are out of date.
pub(crate) fn file_circles(tree: &Tree, house: &House) -> Vec<String> {
    let mut graph = Graph::default();
    for source in &tree.sources {
        for import in tree.imports(source) {
            graph.add(source.name(), import.file.name(), import.thing());
        }
    }
    let named = |circle: &[&str]| circle.iter().map(|one| (*one).to_owned()).collect();
    let named: Vec<BTreeSet<String>> = house.circles.iter().map(|one| named(one)).collect();
    let mut wrong = Vec::new();
    for circle in &named {
        let still: BTreeSet<_> = graph.within(circle).knots().into_iter().flatten().collect();
        for file in circle.difference(&still) {
            wrong.push(format!(
                "{file} is in no circle with those beside it; take it out of CIRCLES"
            ));
        }
    }
    for knot in graph.knots() {
        let largest = named
            .iter()
            .max_by_key(|one| one.intersection(&knot).count());
        let known = largest.cloned().unwrap_or_default();
        let new: BTreeSet<_> = knot.difference(&known).cloned().collect();
        if !new.is_empty() {
            wrong.push(format!(
                "circle of {} files: {}; move what both need into a lower file\n{}",
                knot.len(),
                words(knot.iter().map(String::as_str)),
                graph.shortest(&knot, &new)
            ));
        }
    }
    wrong
}
