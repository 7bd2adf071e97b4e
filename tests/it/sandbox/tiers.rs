use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use navi::exec::sandbox::wall::Tier;
use serde_json::json;

use crate::sandbox::attempts::{documented, escaped, run};
use crate::sandbox::machine::Machine;
use crate::tools::{Bench, sandbox};

/// Who commands become when the folder belongs to them; no account of any machine needs it.
const SOMEBODY: u32 = 65_534;

#[test]
fn a_weaker_wall_stops_no_more_than_a_stronger_one() {
    let levels = ["full", "7", "6", "4", "3", "1"];
    for pair in levels.windows(2) {
        let (strong, weak) = (documented(pair[0]), documented(pair[1]));
        assert!(strong.is_subset(&weak), "{pair:?}");
    }
    assert!(documented("full").is_empty());
}

fn give_away(path: &Path) {
    chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn as_root_commands_become_whom_the_folder_belongs_to() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let machine = Machine::new();
    open_to_all(machine.folder.path());
    let walls = machine.levels();
    for level in walls.iter().filter(|it| ["full", "1"].contains(&it.name)) {
        let bench = machine.bench(&level.sandbox, machine.port());
        open_to_all(bench.folder.path());
        give_away(bench.root());
        let command = json!({ "command": "id -u; id -g; id -G; grep -E '^(Cap(Prm|Eff|Bnd|Inh|Amb)|NoNewPrivs|Seccomp)' /proc/self/status; true" });
        let result = bench.result("run_command", command).await;
        let said = result["stdout"].as_str().unwrap();
        assert!(
            said.starts_with("65534\n65534\n65534\n"),
            "{}: {result:#?}",
            level.name
        );
        for script in ["reading", "writing", "processes", "network"] {
            let verdicts = run(&bench, script).await;
            let open = documented(level.name);
            let wrong: Vec<_> = escaped(&verdicts)
                .difference(&open)
                .map(|it| verdicts[*it].clone() + it)
                .collect();
            assert!(wrong.is_empty(), "{}: {wrong:#?}", level.name);
        }
        assert_eq!(bench.context.kill_everything().await, 0);
    }
}

#[tokio::test]
async fn as_root_commands_in_a_folder_of_root_become_a_user_without_rights() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let machine = Machine::new();
    let of_root = machine.path("tools/of_root");
    std::fs::write(&of_root, &machine.canary).unwrap();
    std::fs::set_permissions(&of_root, std::fs::Permissions::from_mode(0o600)).unwrap();
    let full = machine.sandbox(&[]);
    let bench = Bench::within(&full);
    bench.put("there", "before");
    let command = format!(
        "id -u; id -G; stat -c '%u %g' . there; echo more >> there; mkdir made; echo x > made/file; \
         chmod 700 made/file; stat -c %u made/file; cat {}",
        of_root.display()
    );
    let result = bench
        .result("run_command", json!({ "command": command }))
        .await;
    let own = "65534 65534\n";
    let expected = format!("65534\n65534\n{own}{own}65534\n");
    assert_eq!(result["stdout"], expected, "{result:#?}");
    for (path, mode) in [("there", 0o644), ("made", 0o755), ("made/file", 0o700)] {
        let found = std::fs::metadata(bench.root().join(path)).unwrap();
        assert_eq!((found.uid(), found.gid()), (0, 0), "{path}");
        assert_eq!(found.mode() & 0o777, mode, "{path}");
    }
}

#[tokio::test]
async fn a_command_has_no_capability_and_cannot_gain_one() {
    let bench = Bench::new();
    let command = json!({ "command": "grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'" });
    let result = bench.result("run_command", command).await;
    let none = "0000000000000000";
    let expected = format!(
        "CapInh:{none}\nCapPrm:{none}\nCapEff:{none}\nCapBnd:{none}\nCapAmb:{none}\nNoNewPrivs:1\nSeccomp:2\n"
    );
    assert_eq!(result["stdout"], expected);
}

#[tokio::test]
async fn a_link_in_the_way_of_a_folder_widens_nothing() {
    let machine = Machine::new();
    for level in machine.levels() {
        // A cache of the server lies in the workspace, where a command puts a link in its place.
        let bench = Bench::uncontained();
        let cache = bench.root().join("cache");
        std::fs::create_dir(&cache).unwrap();
        let setting = format!("--sandbox-write={}", cache.display());
        let wide = machine
            .sandbox(&[&setting])
            .weakened(level.sandbox.tier(), level.name.parse().ok());
        let inner = Bench::within(&wide);
        std::fs::remove_dir(&cache).unwrap();
        std::os::unix::fs::symlink(machine.path("outside"), &cache).unwrap();
        let command =
            json!({ "command": format!("cat {0}/secret; echo evil > {0}/new", cache.display()) });
        let result = inner.result("run_command", command).await;
        assert!(
            !result["stdout"].to_string().contains(&machine.canary),
            "{}",
            level.name
        );
        assert!(!machine.path("outside/new").exists(), "{}", level.name);
        inner.context.kill_everything().await;
    }
}

#[test]
fn a_wall_is_weakened_and_never_strengthened() {
    let weak = sandbox().weakened(Tier::NoNamespaces, Some(1));
    assert_eq!(weak.weakened(Tier::Full, None).tier(), Tier::NoNamespaces);
}
