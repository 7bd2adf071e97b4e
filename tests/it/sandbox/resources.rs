use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::sandbox::machine::{Machine, PYTHON};
use crate::tools::{Bench, alive};

/// Bombs: a name, what is used too much, and code in Python.
const MEMORY: &[(&str, &str)] = &[
    (
        "anonymous",
        "kept = []\nwhile True: kept.append(bytearray(8 << 20))",
    ),
    (
        "one map shared by none",
        "import mmap\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 32 << 20); m.write(b'x' * (32 << 20)); kept.append(m)",
    ),
    (
        "maps of several processes",
        "import mmap, os, time\nfor _ in range(12):\n    if os.fork() == 0: break\nm = mmap.mmap(-1, 48 << 20)\n\
         m.write(b'x' * (48 << 20))\ntime.sleep(60)",
    ),
    (
        "a file in memory",
        "import os, time\nf = os.memfd_create('x')\nfor _ in range(100): os.write(f, b'x' * (8 << 20))\ntime.sleep(60)",
    ),
    (
        "files in memory of children",
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0: break\nf = os.memfd_create('x')\n\
         for _ in range(12): os.write(f, b'x' * (8 << 20))\ntime.sleep(60)",
    ),
];

const PROCESSES: &[(&str, &str)] = &[
    (
        "children",
        "import os, time\nfor _ in range(400):\n    if os.fork() == 0: time.sleep(60)\ntime.sleep(60)",
    ),
    (
        "threads",
        "import threading, time\nfor _ in range(400): threading.Thread(target=time.sleep, args=(60,)).start()",
    ),
    (
        "orphans",
        "import os, time\nfor _ in range(400):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork(): os._exit(0)\n        time.sleep(60)\n    else: os.wait()\n\
         time.sleep(60)",
    ),
    (
        "a bomb",
        "import os\ngone = 0\nwhile gone < 12:\n    try:\n        os.fork()\n        gone += 1\n    except OSError: pass\nimport time; time.sleep(60)",
    ),
];

const DISK: &[(&str, &str)] = &[
    (
        "files",
        "for n in range(40):\n    with open(f'big{n}', 'wb') as f: f.write(b'x' * (16 << 20))\nimport time; time.sleep(60)",
    ),
    (
        "temporary files",
        "import tempfile, time\nkept = []\nfor n in range(40):\n    f = tempfile.TemporaryFile(); f.write(b'x' * (16 << 20)); f.flush(); kept.append(f)\ntime.sleep(60)",
    ),
    (
        "reserved room",
        "import os, time\nfor n in range(40):\n    f = os.open(f'room{n}', os.O_RDWR | os.O_CREAT); os.posix_fallocate(f, 0, 16 << 20)\ntime.sleep(60)",
    ),
    (
        "children that end",
        "import os, time\nfor n in range(40):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork(): os._exit(0)\n        open(f'child{n}', 'wb').write(b'x' * (16 << 20)); os._exit(0)\n    os.wait()\ntime.sleep(60)",
    ),
    (
        "a mapped file",
        "import mmap, os, time\nkept = []\nfor n in range(40):\n    f = os.open(f'map{n}', os.O_RDWR | os.O_CREAT); os.ftruncate(f, 16 << 20)\n\
         \x20   m = mmap.mmap(f, 16 << 20); m.write(b'x' * (16 << 20)); m.flush(); kept.append(m)\ntime.sleep(60)",
    ),
];

/// Names of levels on which every bomb is tried.
const LEVELS: &[&str] = &["full", "7"];

async fn ran(bench: &Bench, code: &str) -> Map<String, Value> {
    bench.put("bomb.py", code);
    let call = json!({ "command": format!("{PYTHON} bomb.py"), "timeout_seconds": 60 });
    bench.result("run_command", call).await
}

/// Lets bombs go off, and looks at whom they hit.
async fn go_off(settings: &[&str], bombs: &[(&str, &str)], expected: &str) {
    let machine = Machine::new();
    let strongest = machine.sandbox(settings);
    for level in machine
        .levels()
        .iter()
        .filter(|it| LEVELS.contains(&it.name))
    {
        let landlock = level.name.parse().ok();
        let mut sandbox = strongest.weakened(level.sandbox.tier(), landlock);
        if level.name != "full" {
            // There it is the watch alone that counts.
            sandbox = sandbox.without_control_groups();
        }
        for (bomb, code) in bombs {
            let bench = Bench::within(&sandbox);
            let result = ran(&bench, code).await;
            let (at, message) = (level.name, result["message"].as_str().unwrap());
            let said = format!("ended because it used more than {expected}");
            assert!(message.starts_with(&said), "{at}: {bomb}: {result:#?}");
            assert_eq!(bench.context.kill_everything().await, 0, "{at}: {bomb}");
            assert!(alive(machine.victim()), "{at}: {bomb}");
            assert_eq!(answer(machine.port()), machine.canary, "{at}: {bomb}");
        }
    }
}

/// The answer of a server of the machine.
fn answer(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[tokio::test]
async fn who_takes_too_much_memory_ends_alone() {
    go_off(&["--sandbox-memory-mb=192"], MEMORY, "192 MiB of memory").await;
}

#[tokio::test]
async fn who_starts_too_many_processes_ends_alone() {
    go_off(&["--sandbox-processes=64"], PROCESSES, "64 processes").await;
}

#[tokio::test]
async fn who_fills_the_disk_ends_alone() {
    go_off(&["--sandbox-disk-mb=128"], DISK, "128 MiB of disk").await;
}

#[tokio::test]
async fn who_makes_too_many_files_ends_alone() {
    let files = [(
        "files",
        "import os, time\nfor n in range(20000): os.close(os.open(f'f{n}', os.O_CREAT | os.O_WRONLY))\ntime.sleep(60)",
    )];
    go_off(&["--sandbox-disk-mb=32"], &files, "3200 new files").await;
}

#[tokio::test]
async fn what_the_kernel_bounds_fails_and_the_command_goes_on() {
    let machine = Machine::new();
    for level in machine
        .levels()
        .iter()
        .filter(|it| LEVELS.contains(&it.name))
    {
        let bench = Bench::within(&level.sandbox);
        let code = "import os, signal, socket\n\
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n\
            def fails(name, act):\n\
            \x20   try: act()\n\
            \x20   except OSError as error: print(name, 'fails')\n\
            fails('a huge sparse file', lambda: os.truncate(os.open('s', os.O_CREAT | os.O_RDWR), 1 << 40))\n\
            fails('all descriptors', lambda: [os.pipe() for _ in range(5000)])\n\
            fails('shared memory', lambda: [open('/dev/shm/x', 'ab').write(b'x' * (8 << 20)) for _ in range(20)])\n";
        let result = ran(&bench, code).await;
        let expected = "a huge sparse file fails\nall descriptors fails\nshared memory fails\n";
        assert_eq!(result["stdout"], expected, "{}: {result:#?}", level.name);
        assert_eq!(result["exit_code"], 0);
    }
}

#[tokio::test]
async fn a_flood_of_output_ends_with_its_time() {
    let bench = Bench::new();
    let call = json!({ "command": "trap '' TERM HUP INT; yes & yes >&2", "timeout_seconds": 1 });
    let result = bench.result("run_command", call).await;
    assert_eq!(result["exit_code"], -1);
    assert!(result["stdout"].as_str().unwrap().len() < 40 * 1024);
    assert_eq!(bench.context.kill_everything().await, 0);
}
