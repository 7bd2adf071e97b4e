//! Rules for names: where methods stand, which names are retired, and which are taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::definitions::inherent_impls;
use crate::house::House;
use crate::tree::{Source, Tree};

/// Types that get methods outside their file, and permissions that are unused.
pub(crate) fn impls(tree: &Tree, house: &House) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut needed = BTreeSet::new();
    for source in &tree.sources {
        for (path, line) in inherent_impls(&source.tokens) {
            let Some(home) = home(tree, source, &path) else {
                continue;
            };
            let name = path.last().unwrap().as_str();
            let allowed = house.impls.iter().find(|(named, place)| {
                let is_below = source.path.starts_with(&format!("{place}/"));
                *named == name && (source.path == *place || is_below)
            });
            match allowed {
                Some(permission) => drop(needed.insert(permission)),
                None => wrong.push(format!(
                    "{}:{line}: {name} gets methods here and is defined in {home}; put them there, \
                     or make them functions",
                    source.path
                )),
            }
        }
    }
    for permission in house.impls.iter().filter(|one| !needed.contains(one)) {
        let (name, place) = permission;
        wrong.push(format!(
            "{name} gets no methods in {place} besides those in its file; take it out of IMPLS"
        ));
    }
    wrong
}

/// The path of the other file in which a type is defined; none if it is this one.
fn home(tree: &Tree, source: &Source, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let path = match source.names.aliases.get(first) {
        Some(meant) => [meant.as_slice(), rest].concat(),
        None => path.to_vec(),
    };
    let (file, _) = tree.find(path.strip_prefix(&["crate".to_owned()])?)?;
    (file.path != source.path).then(|| file.path.clone())
}

/// Names that were given up and are back.
pub(crate) fn retired(tree: &Tree, house: &House) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in &tree.sources {
        for definition in &source.definitions {
            let (name, kind, line) = (&definition.name, &definition.kind, definition.line);
            let retired = house.retired.iter().find(|(retired, _, place)| {
                retired == name && (place.is_empty() || source.module() == *place)
            });
            if let Some((_, instead, _)) = retired {
                wrong.push(format!(
                    "{}:{line}: {kind} {name} is a retired name; say what it is, as {instead} does",
                    source.path
                ));
            }
        }
    }
    wrong
}

/// The types that are imported outside their file, and every place where the name of one is given
/// to a type.
fn imported(tree: &Tree) -> BTreeMap<&str, Vec<String>> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in &tree.sources {
        for definition in source.definitions.iter().filter(|one| one.is_type()) {
            let place = format!("{}:{}", source.path, definition.line);
            places.entry(&definition.name).or_default().push(place);
        }
    }
    let mut imported: BTreeSet<&str> = BTreeSet::new();
    for source in &tree.sources {
        for import in tree.imports(source) {
            let types = import.file.definitions.iter().filter(|one| one.is_type());
            let mut names = types.map(|one| &one.name);
            if let Some(name) = import
                .item
                .first()
                .filter(|item| names.any(|name| name == *item))
            {
                imported.insert(name);
            }
        }
    }
    places.retain(|name, _| imported.contains(name));
    places
}

/// Types that others import although their name means something else in another file.
pub(crate) fn namesakes(tree: &Tree, house: &House) -> Vec<String> {
    let imported = imported(tree);
    let mut wrong = Vec::new();
    for (name, places) in &imported {
        let (count, shown) = (places.len(), places.join(", "));
        let ceiling = house.shared.iter().find(|(shared, _)| shared == name);
        match ceiling {
            None if count > 1 => wrong.push(format!(
                "{name} is imported and means {count} things; give each a name of its own: {shown}"
            )),
            Some((_, most)) if count > *most => wrong.push(format!(
                "{name} means {count} things, {most} at most; name the new one otherwise: {shown}"
            )),
            Some((_, most)) if (2..*most).contains(&count) => wrong.push(format!(
                "{name} means {count} things only; lower its number in SHARED from {most}"
            )),
            _ => {}
        }
    }
    for (name, _) in house.shared {
        if imported.get(name).is_none_or(|places| places.len() < 2) {
            wrong.push(format!("{name} means one thing; take it out of SHARED"));
        }
    }
    wrong
}
