use std::os::unix::fs::symlink;

use super::*;

fn org(name: &str) -> OrgId {
    name.parse().unwrap()
}

fn refused(text: &str) -> String {
    Roots::from_str(text).unwrap_err().to_string()
}

/// Folders to work in, and what they are to organisations by a setting in which `ROOT` stands for them.
struct Disk {
    root: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    fn new(folders: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in folders {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        Self {
            root,
            _folder: folder,
        }
    }

    fn roots(&self, setting: &str) -> Roots {
        let setting = setting.replace("ROOT", self.root.to_str().unwrap());
        setting.parse().unwrap()
    }

    /// Those of the folders that an organisation may work in.
    fn admitted<'a>(&self, setting: &str, name: &str, folders: &[&'a str]) -> Vec<&'a str> {
        let roots = self.roots(setting);
        let admit = |folder: &&&str| roots.admit(&org(name), &place_of(&self.root.join(folder)));
        folders.iter().filter(admit).copied().collect()
    }
}

#[test]
fn every_form_is_read() {
    for text in [
        "/srv",
        "/srv/a:/srv/b",
        "/srv/{org}",
        "/srv/{org}/work:/mnt/{org}",
        "acme=/srv/a:acme=/srv/b:acme=/srv/a/b",
        "/srv/{org}:acme=/srv/a:acme=/srv/b:/srv/shared",
        "/srv:acme=/srv/acme",
        "acme=/srv",
        "a=b=/srv/a=/b",
        "/srv/{org}:acme=/srv/acme/more",
    ] {
        assert!(Roots::from_str(text).is_ok(), "{text}");
    }
    assert!(Roots::default().admit(&org("acme"), Path::new("/anywhere")));
}

#[test]
fn anything_else_is_refused_and_named() {
    for (text, named) in [
        ("", "entry is empty"),
        ("/srv:", "entry is empty"),
        ("srv", "`srv` is not an absolute path"),
        ("acme=srv", "`acme=srv` is not an absolute path"),
        ("=/srv", "`=/srv` names no organisation"),
        ("/srv/../etc", "`/srv/../etc` has `..`"),
        ("/srv/{organisation}", "`/srv/{organisation}` has a brace"),
        ("/srv/x-{org}", "has a brace"),
        ("/srv/{org}/{org}", "twice"),
        ("acme=/srv/{org}", "twice"),
        (
            "acme=/srv:globex=/srv/x",
            "`acme=/srv` and `globex=/srv/x` overlap",
        ),
        ("acme=/srv:globex=/srv", "overlap"),
        (
            "/srv/a/shared:acme=/srv/a",
            "`/srv/a/shared` lies in `acme=/srv/a`",
        ),
        ("acme=/srv/a:/srv/a", "`/srv/a` lies in `acme=/srv/a`"),
        (
            "/srv/{org}:/srv/acme/shared",
            "`/srv/acme/shared` lies in `/srv/{org}`",
        ),
        ("globex=/srv/acme/x:/srv/{org}", "lies in `/srv/{org}`"),
    ] {
        let said = refused(text);
        assert!(said.contains(named), "{text}: {said}");
    }
}

#[test]
fn a_folder_that_is_named_for_one_is_for_nobody_else() {
    let folders = ["", "a", "a/x", "b/x", "shared", "shared/x", "shared/acme/x"];
    let disk = Disk::new(&folders);
    let setting = "acme=ROOT/a:acme=ROOT/shared/acme:globex=ROOT/b:ROOT/shared";
    let ours = disk.admitted(setting, "acme", &folders);
    assert_eq!(ours, ["a", "a/x", "shared", "shared/x", "shared/acme/x"]);
    let theirs = disk.admitted(setting, "globex", &folders);
    assert_eq!(theirs, ["b/x", "shared/x"], "and none that holds it");
    assert_eq!(disk.admitted(setting, "Acme", &folders), ["shared/x"]);
}

#[test]
fn each_organisation_has_the_folder_of_its_name() {
    let folders = ["", "acme", "acme/x", "globex/x", "shared/x", "a/x", "none"];
    let disk = Disk::new(&folders[..6]);
    let setting = "ROOT/{org}:acme=ROOT/a:ROOT/shared";
    let ours = disk.admitted(setting, "acme", &folders);
    assert_eq!(ours, ["acme", "acme/x", "shared/x", "a/x"]);
    let theirs = disk.admitted(setting, "globex", &folders);
    assert_eq!(theirs, ["globex/x", "shared/x"]);
    // A folder that the setting names is no organisation's by chance.
    assert_eq!(disk.admitted(setting, "a", &folders), ["shared/x"]);
    assert_eq!(disk.admitted(setting, "shared", &folders), ["shared/x"]);
    assert_eq!(
        disk.admitted(setting, "none", &folders),
        ["shared/x", "none"]
    );
}

#[test]
fn a_root_around_the_folders_of_all_opens_none_of_them() {
    let folders = ["", "acme", "acme/team/x", "acme/notes", "other"];
    let disk = Disk::new(&folders);
    let setting = "ROOT:ROOT/{org}/team";
    let theirs = disk.admitted(setting, "globex", &folders);
    assert_eq!(
        theirs,
        ["acme/notes"],
        "none that is or holds the folder of a team"
    );
    let ours = disk.admitted(setting, "acme", &folders);
    assert_eq!(ours, ["acme", "acme/team/x", "acme/notes"]);
    let alone = disk.admitted("ROOT/{org}/team", "acme", &folders);
    assert_eq!(alone, ["acme/team/x"]);
}

#[test]
fn a_name_that_is_no_plain_folder_has_none() {
    let folders = ["", "..", "a", "a/b", ".git", "a b", "ACME"];
    let disk = Disk::new(&["a/b", ".git", "a b", "acme"]);
    for name in [
        "..", ".", "a/b", ".git", "a b", "a\\b", "*", "\u{e4}", "ACME/",
    ] {
        let admitted = disk.admitted("ROOT/{org}", name, &folders);
        assert!(admitted.is_empty(), "{name:?}: {admitted:?}");
    }
    assert!(disk.admitted("ROOT/{org}", "ACME", &["acme"]).is_empty());
}

#[test]
fn a_link_gives_nobody_what_is_for_another() {
    let folders = ["acme/x", "far/x", "b/x"];
    let disk = Disk::new(&["all/acme/x", "far/x", "named/x"]);
    let link = |from: &str, to: &str| symlink(disk.root.join(from), disk.root.join(to)).unwrap();
    // Their own folder leads into another one's, or to where no organisation has a folder.
    link("all/acme", "all/globex");
    link("far", "all/far");
    link("all/acme", "b");
    let all = |name: &str, place: &str| disk.admitted("ROOT/all/{org}", name, &[place]).len();
    assert_eq!(all("globex", "all/acme/x"), 0);
    assert_eq!(all("globex", "all/globex/x"), 0);
    assert_eq!(all("acme", "all/globex/x"), 1, "whichever way it is named");
    assert_eq!(all("far", "far/x"), 1, "an operator's link");
    assert_eq!(all("acme", "far/x"), 0);
    let named = disk.admitted("ROOT/all/{org}:globex=ROOT/b", "globex", &folders);
    assert!(named.is_empty(), "{named:?}");
}
