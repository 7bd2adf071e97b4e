//! Paths that would leave the workspace, and races to leave it.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use navi::tools::outcome::ToolError;
use navi::workspace::error::WorkspaceError;
use navi::workspace::paths::Workspace;
use serde_json::json;

use super::Bench;

const SECRET: &str = "the secret outside";

/// A workspace full of traps beside a folder with a secret.
fn trapped() -> Bench {
    let bench = Bench::new();
    let outside = bench.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), SECRET).unwrap();
    // The name of a sibling begins with the workspace's.
    std::fs::create_dir(bench.folder.path().join("workspace-2")).unwrap();
    std::fs::write(bench.folder.path().join("workspace-2/secret"), SECRET).unwrap();
    bench.put("inside/file", "inside");
    let root = bench.root().to_owned();
    let link = |to: &str, name: &str| symlink(to, root.join(name)).unwrap();
    link(outside.to_str().unwrap(), "absolute");
    link("../outside", "relative");
    link("../outside/secret", "file");
    link("/proc/self/root", "procroot");
    link("/proc/self/cwd", "proccwd");
    link("/proc/self/fd", "procfd");
    link("/etc", "etc");
    link("chain-2", "chain-1");
    link("chain-3", "chain-2");
    link("../outside", "chain-3");
    link("loop-2", "loop-1");
    link("loop-1", "loop-2");
    link("inside/../../outside", "twisted");
    link("../../outside", "inside/up");
    link("/nowhere/at/all", "dangling-out");
    link("../outside/new", "dangling-sibling");
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    drop(UnixListener::bind(root.join("socket")).unwrap());
    link("/dev/zero", "zero");
    link("/dev/stdin", "stdin");
    bench
}

/// None of these may be read, listed, searched, written, edited or run in.
const OUTSIDE: &[&str] = &[
    "",
    "..",
    "../outside/secret",
    "../../etc/passwd",
    "inside/../../outside/secret",
    "./../outside/secret",
    "inside/./.././../outside/secret",
    "../workspace-2/secret",
    "/",
    "//",
    "/.",
    "/..",
    "/etc/passwd",
    "//etc/passwd",
    "/./etc/passwd",
    "/../etc/passwd",
    "/proc/self/environ",
    "/proc/self/root/etc/passwd",
    "/proc/self/cwd/Cargo.toml",
    "/proc/self/fd/0",
    "/proc/1/environ",
    "/dev/zero",
    "/dev/stdin",
    "/dev/tcp/127.0.0.1/80",
    "absolute/secret",
    "relative/secret",
    "absolute/sub/../../../outside/secret",
    "file",
    "file/",
    "procroot/etc/passwd",
    "proccwd/Cargo.toml",
    "procfd/0",
    "procfd/3",
    "etc/passwd",
    "chain-1/secret",
    "chain-2/secret",
    "loop-1",
    "loop-1/secret",
    "twisted/secret",
    "inside/up/secret",
    "inside/up/secret/x",
    "dangling-out",
    "dangling-sibling",
    "pipe",
    "socket",
    "zero",
    "stdin",
    "pipe/x",
    "inside/file/x",
    "a\0b",
    "inside/file\0",
    "\0",
    "../outside/secret\0.txt",
    "%WORKSPACE%-2/secret",
    "%WORKSPACE%/../outside/secret",
    "%WORKSPACE%/../workspace-2/secret",
    "%WORKSPACE%/absolute/secret",
    "/%WORKSPACE%/../outside/secret",
    "%WORKSPACE%/inside/../../outside/secret",
    "%LONG%",
    "%DEEP%",
    "inside/%LONG%",
    "..\u{2f}outside/secret",
    ".\u{2e}/outside/secret",
];

/// These look hostile but name something inside, mostly something that is not there.
const INSIDE: &[&str] = &[
    "~",
    "~/secret",
    "~root/.bashrc",
    "$HOME/secret",
    "${HOME}",
    "`id`",
    "$(id)",
    "..\\outside\\secret",
    "C:\\Windows\\win.ini",
    "\\\\server\\share",
    "..%2foutside%2fsecret",
    "%2e%2e/outside/secret",
    "．．/outside/secret",
    "‥/outside/secret",
    "..∕outside∕secret",
    "..／outside",
    "...",
    ".../secret",
    "file:///etc/passwd",
    "http://example.com",
    "-rf",
    "--help",
    "a\nb",
    "a\tb",
    "\u{202e}txt.exe",
    "\u{feff}file",
    " ",
    "*",
    "inside/../~x",
    "inside//name",
    "./././name",
];

fn spelled(path: &str, bench: &Bench) -> String {
    path.replace("%WORKSPACE%", bench.root().to_str().unwrap())
        .replace("%LONG%", &"n".repeat(300))
        .replace("%DEEP%", &"d/".repeat(3000))
}

#[tokio::test]
async fn no_path_leads_out_of_the_workspace() {
    assert!(OUTSIDE.len() + INSIDE.len() >= 90);
    let bench = trapped();
    for path in OUTSIDE {
        let path = spelled(path, &bench);
        let calls = [
            ("read_file", json!({ "path": path })),
            ("write_file", json!({ "path": path, "content": "x" })),
            (
                "edit_file",
                json!({ "path": path, "old_text": "secret", "new_text": "x" }),
            ),
        ];
        for (tool, arguments) in calls {
            bench.told(tool, arguments).await;
        }
        if !path.is_empty() {
            let search = json!({ "path": path, "pattern": "secret", "search_type": "content" });
            bench.told("search_files", search).await;
            bench.told("list_directory", json!({ "path": path })).await;
            bench
                .told("run_command", json!({ "command": "pwd", "cwd": path }))
                .await;
        }
    }
    untouched(&bench);
}

/// Asserts that the files outside are unchanged.
fn untouched(bench: &Bench) {
    for secret in ["outside/secret", "workspace-2/secret"] {
        let secret = std::fs::read_to_string(bench.folder.path().join(secret)).unwrap();
        assert_eq!(secret, SECRET);
    }
    let count = |folder: &str| {
        std::fs::read_dir(bench.folder.path().join(folder))
            .unwrap()
            .count()
    };
    assert_eq!((count("outside"), count("workspace-2")), (1, 1));
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 3);
}

#[tokio::test]
async fn what_only_looks_hostile_is_a_name_like_any_other() {
    let bench = trapped();
    for path in INSIDE {
        let told = bench.told("read_file", json!({ "path": path })).await;
        assert!(told.contains("does not exist"), "{path}: {told}");
        bench
            .result("write_file", json!({ "path": path, "content": "mine" }))
            .await;
        let read = bench.result("read_file", json!({ "path": path })).await;
        assert_eq!(read["content"], "mine", "{path}");
        let below = spelled("%WORKSPACE%/", &bench) + path;
        let read = bench.result("read_file", json!({ "path": below })).await;
        assert_eq!(read["content"], "mine", "{path}");
        std::fs::remove_file(bench.root().join(path)).unwrap();
    }
    untouched(&bench);
}

#[tokio::test]
async fn links_that_stay_inside_are_followed() {
    let bench = trapped();
    symlink("inside", bench.root().join("also")).unwrap();
    symlink("also/file", bench.root().join("here")).unwrap();
    for path in ["also/file", "here", "inside/../here"] {
        let read = bench.result("read_file", json!({ "path": path })).await;
        assert_eq!(read["content"], "inside", "{path}");
    }
    let written = bench
        .result("write_file", json!({ "path": "here", "content": "new" }))
        .await;
    assert_eq!(
        (&written["path"], &written["action"]),
        (&json!("inside/file"), &json!("modified"))
    );
    assert_eq!(bench.content("inside/file"), "new");
    assert!(bench.root().join("here").is_symlink());
    let search = json!({ "path": "also", "pattern": "new", "search_type": "content" });
    let found = bench.result("search_files", search).await;
    assert_eq!(found["matches"], json!(["inside/file:1:new"]));
}

#[tokio::test]
async fn gits_own_files_are_not_written() {
    let bench = trapped();
    bench.put(".git/config", "[core]\n");
    symlink(".git", bench.root().join("g")).unwrap();
    for path in [
        ".git/hooks/pre-commit",
        ".git/config",
        "g/hooks/post-checkout",
        "sub/.GIT/x",
        ".git",
    ] {
        bench
            .told("write_file", json!({ "path": path, "content": "x" }))
            .await;
    }
    bench
        .told(
            "edit_file",
            json!({ "path": "g/config", "old_text": "core", "new_text": "x" }),
        )
        .await;
    assert_eq!(bench.content(".git/config"), "[core]\n");
}

/// A directory that is swapped for a link to the outside, as fast as can be, while files below it
/// are read and written: what is read is never the secret, what is written never lands outside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_swapped_in_at_the_wrong_moment_is_not_followed() {
    let bench = trapped();
    let root = bench.root().to_owned();
    bench.put("swapped/secret", "harmless");
    symlink("../outside", root.join("evil")).unwrap();
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let swapping = {
        let (done, root) = (done.clone(), root.clone());
        tokio::task::spawn_blocking(move || {
            let at = nix::fcntl::AT_FDCWD;
            let (one, other) = (root.join("swapped"), root.join("evil"));
            let exchange = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
            while !done.load(Ordering::Relaxed) {
                nix::fcntl::renameat2(at, &one, at, &other, exchange).unwrap();
            }
        })
    };
    let (mut read, mut refused) = (0, 0);
    // The number of reads and of refusals depends on the scheduling of the two.
    for round in 0..100_000 {
        if round > 400 && read > 0 && refused > 0 {
            break;
        }
        match bench
            .call("read_file", json!({ "path": "swapped/secret" }))
            .await
        {
            Ok(outcome) => {
                assert_ne!(outcome.result["content"], SECRET);
                read += 1;
            }
            Err(ToolError::Tell(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
        let path = format!("swapped/{}", round % 7);
        let _refused = bench
            .call("write_file", json!({ "path": path, "content": "x" }))
            .await;
    }
    done.store(true, Ordering::Relaxed);
    swapping.await.unwrap();
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
    std::fs::remove_dir_all(root.join("swapped"))
        .or_else(|_| std::fs::remove_file(root.join("swapped")))
        .unwrap();
    untouched(&bench);
}

#[test]
fn what_is_no_directory_is_no_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let open = |path: &str| Workspace::open(path).map(|_| ());
    let file = file.to_str().unwrap();
    let missing = folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    assert_eq!(
        open(missing),
        Err(WorkspaceError::Missing(missing.to_owned()))
    );
    assert_eq!(
        open(file),
        Err(WorkspaceError::NotADirectory(file.to_owned()))
    );
    assert_eq!(open("/"), Err(WorkspaceError::TooBroad));
    assert_eq!(open("/tmp/.."), Err(WorkspaceError::TooBroad));
    for path in ["/etc", "/dev", "/dev/pts", "/usr", "/var"] {
        let refused = Err(WorkspaceError::OfTheSystem(path.to_owned()));
        assert_eq!(open(path), refused, "{path}");
    }
    for path in ["/proc", "/proc/self", "/proc/self/task", "/sys"] {
        let refused = Err(WorkspaceError::System(path.to_owned()));
        assert_eq!(open(path), refused, "{path}");
    }
    for path in ["", ".", "relative", "~", "/tmp/a\0b"] {
        assert_eq!(open(path), Err(WorkspaceError::Invalid), "{path}");
    }
    assert_eq!(
        open(&format!("/{}", "d/".repeat(3000))),
        Err(WorkspaceError::Invalid)
    );
}

#[test]
fn a_directory_that_may_not_be_read_is_no_workspace() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    let opened = Workspace::open(closed.to_str().unwrap());
    // The superuser may read everything.
    if nix::unistd::geteuid().is_root() {
        assert!(opened.is_ok());
    } else {
        assert!(matches!(opened, Err(WorkspaceError::Unreadable { .. })));
    }
}
