//! Where a path leads, whether or not anything is there.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// The most links on the way, as the kernel counts.
const MAX_LINKS: usize = 40;

/// The place that an absolute path leads to. Links are resolved as far as the path exists; a part that is
/// missing or may not be looked at is taken by its letters. So a path has one place, with its end or
/// without it, and the answer about its owner reveals nothing of its content.
pub fn place_of(path: &Path) -> PathBuf {
    let mut place = PathBuf::from("/");
    let mut rest = names(path);
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            place.pop();
            continue;
        }
        let next = place.join(&name);
        let Ok(found) = next.symlink_metadata() else {
            place = next;
            continue;
        };
        let target = found.is_symlink().then(|| next.read_link().ok()).flatten();
        match target {
            Some(target) if links < MAX_LINKS => {
                links += 1;
                if target.is_absolute() {
                    place = PathBuf::from("/");
                }
                let mut ahead = names(&target);
                ahead.append(&mut rest);
                rest = ahead;
            }
            Some(_) | None => place = spelled(&place, &name, &found),
        }
    }
    place
}

/// The names in a path, `..` among them.
fn names(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    names.collect()
}

/// An entry of a folder under its one spelling: in small letters where the file system takes those for
/// the same name.
fn spelled(folder: &Path, name: &OsStr, found: &Metadata) -> PathBuf {
    let small = OsString::from_vec(name.as_bytes().to_ascii_lowercase());
    if small == name {
        return folder.join(name);
    }
    let identity = |found: &Metadata| (found.dev(), found.ino());
    let same = folder.join(&small);
    match same.symlink_metadata() {
        Ok(other) if identity(&other) == identity(found) => same,
        Ok(_) | Err(_) => folder.join(name),
    }
}

/// True if one of two places lies in the other, or both are the same.
pub fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        (folder, root)
    }

    #[test]
    fn a_place_is_where_the_kernel_finds_it() {
        let (_folder, root) = folder();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/file"), "").unwrap();
        symlink("a/b", root.join("near")).unwrap();
        symlink(root.join("a"), root.join("far")).unwrap();
        symlink("../../near", root.join("a/b/back")).unwrap();
        for path in [
            "",
            "a/b",
            "a/file",
            "near",
            "far/b",
            "far/./b/../b",
            "near/..",
            "a/b/back",
            "a//b/",
        ] {
            let path = root.join(path);
            assert_eq!(place_of(&path), path.canonicalize().unwrap(), "{path:?}");
        }
    }

    #[test]
    fn what_is_missing_is_taken_by_its_letters_behind_every_link() {
        let (_folder, root) = folder();
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::write(root.join("a/file"), "").unwrap();
        symlink(root.join("a/none"), root.join("dangling")).unwrap();
        symlink(root.join("a/file/x"), root.join("through")).unwrap();
        for (path, place) in [
            ("none/of/it", "none/of/it"),
            ("none/../a", "a"),
            ("dangling", "a/none"),
            ("dangling/b", "a/none/b"),
            ("through", "a/file/x"),
            ("a/file/x/y", "a/file/x/y"),
        ] {
            assert_eq!(place_of(&root.join(path)), root.join(place), "{path}");
        }
        assert_eq!(place_of(Path::new("/../..")), Path::new("/"));
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let (_folder, root) = folder();
        symlink("two", root.join("one")).unwrap();
        symlink("one", root.join("two")).unwrap();
        assert!(place_of(&root.join("one/x")).starts_with(&root));
    }

    #[test]
    fn names_that_differ_in_their_letters_are_two_where_the_file_system_has_two() {
        let (_folder, root) = folder();
        std::fs::create_dir(root.join("Acme")).unwrap();
        assert_eq!(place_of(&root.join("Acme/x")), root.join("Acme/x"));
        std::fs::create_dir(root.join("acme")).unwrap();
        assert_eq!(place_of(&root.join("Acme/x")), root.join("Acme/x"));
        // A file system that ignores the case shows one folder under both names.
        let found = root.join("acme").symlink_metadata().unwrap();
        assert_eq!(
            spelled(&root, OsStr::new("ACME"), &found),
            root.join("acme")
        );
    }

    #[test]
    fn places_overlap_by_whole_names() {
        for (one, other, is) in [
            ("/srv/a", "/srv/a", true),
            ("/srv/a/b", "/srv/a", true),
            ("/srv", "/srv/a", true),
            ("/srv/a", "/srv/ab", false),
        ] {
            assert_eq!(
                overlap(Path::new(one), Path::new(other)),
                is,
                "{one} {other}"
            );
        }
    }
}
