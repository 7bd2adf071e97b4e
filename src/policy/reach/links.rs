//! Following links as the system does.

use std::path::{Component, Path, PathBuf};

/// The most links that the way to one path may lead through.
const MAX_LINKS: usize = 40;

/// The path at which the system finds `path`, with every link on the way followed; what does not exist
/// lies where its folder is. None when the links lead in a circle.
pub fn real_path(path: &Path) -> Option<PathBuf> {
    follow(path, &mut { MAX_LINKS })
}

fn follow(path: &Path, left: &mut usize) -> Option<PathBuf> {
    let mut at = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                at.pop();
            }
            Component::Normal(name) => {
                let next = at.join(name);
                at = match std::fs::read_link(&next) {
                    Ok(target) => {
                        *left = left.checked_sub(1)?;
                        follow(&at.join(target), left)?
                    }
                    Err(_) => next,
                };
            }
        }
    }
    Some(at)
}
