use navi::exec::sandbox::wall::Tier;
use serde_json::{Value, json};

use crate::sandbox::machine::PYTHON;
use crate::tools::{Bench, sandbox};

/// A wheel, which is a zip archive, made without any package.
const WHEEL: &str = "import zipfile\n\
    w = zipfile.ZipFile('tiny-1.0-py3-none-any.whl', 'w')\n\
    w.writestr('tiny.py', 'answer = 42\\n')\n\
    w.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')\n\
    w.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
    w.writestr('tiny-1.0.dist-info/RECORD', 'tiny.py,,\\ntiny-1.0.dist-info/METADATA,,\\ntiny-1.0.dist-info/WHEEL,,\\ntiny-1.0.dist-info/RECORD,,\\n')\n\
    w.close()\n";

/// A program that it needs, what it does, and what it prints at its end.
const WORKS: &[(&str, &str, &str)] = &[
    (
        "cargo",
        "cd crate && env -u CARGO_TARGET_DIR cargo test --quiet --offline && env -u CARGO_TARGET_DIR cargo run --quiet --offline",
        "built 4",
    ),
    (
        "cargo",
        "cd fetched && env -u CARGO_TARGET_DIR cargo run --quiet --offline",
        "fetched 123",
    ),
    ("gcc", "gcc -O1 -o hello hello.c && ./hello", "compiled"),
    ("make", "make -s -j4 all", "made"),
    (
        "node",
        "node -e \"require('fs').writeFileSync('n', 'x'); console.log('node ' + require('os').cpus().length.toString().replace(/.*/, 'runs'))\"",
        "node runs",
    ),
    ("npm", "cd package && npm test --silent", "npm tested"),
    (
        "npm",
        "cd package && npm pack --silent && npm install --silent --offline --no-audit ./tiny-1.0.0.tgz --prefix ../other && echo installed",
        "installed",
    ),
    (
        "/usr/bin/python3",
        "/usr/bin/python3 -m unittest -q tests_of_python 2>&1 | tail -n 1",
        "OK",
    ),
    (
        "/usr/bin/python3",
        "/usr/bin/python3 wheel.py && /usr/bin/python3 -m venv venv && venv/bin/pip install -q --no-index tiny-1.0-py3-none-any.whl && venv/bin/python -c 'import tiny; print(tiny.answer)'",
        "42",
    ),
    (
        "pytest",
        "pytest -q -p no:cacheprovider tests_of_python.py && echo tested",
        "tested",
    ),
    ("go", "cd go && go run .", "went"),
    ("java", "cd java && java Hello.java", "brewed"),
    (
        "perl",
        "perl -MList::Util=sum -e 'print sum(1..4), \"\\n\"'",
        "10",
    ),
    (
        "git",
        "git init -q repo && cd repo && git config user.email e@example.com && git config user.name n && echo 1 > a && git add . && git commit -qm one && git branch two && git checkout -q two && echo 2 >> a && git stash -q && git stash pop -q && git commit -qam two && git merge -q - && git log --oneline | wc -l",
        "2",
    ),
    (
        "bash",
        "diff <(echo a) <(echo a) && mkfifo pipe && (echo through > pipe &) && cat pipe",
        "through",
    ),
    (
        "tar",
        "mkdir -p d/e && echo x > d/e/f && tar czf d.tgz d && rm -r d && tar xzf d.tgz && mv d/e/f . && cat f",
        "x",
    ),
];

/// Commands that need a namespace.
const WORKS_IN_NAMESPACES: &[(&str, &str, &str)] = &[
    (
        "/usr/bin/python3",
        "/usr/bin/python3 -c 'import multiprocessing as m\nif __name__ == \"__main__\": print(sum(m.Pool(2).map(abs, [-1, -2])))'",
        "3",
    ),
    (
        "/usr/bin/python3",
        "/usr/bin/python3 -c 'import pty, os; pty.spawn([\"/bin/echo\", \"terminal\"])' | tr -d '\\r'",
        "terminal",
    ),
    (
        "curl",
        "/usr/bin/python3 -m http.server --bind 127.0.0.1 8765 >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; curl -s --noproxy '*' http://127.0.0.1:8765/hello.c | head -n 1 | grep puts && break; done",
        "int puts(const char *);",
    ),
    ("bash", "echo x > /tmp/file && cat /proc/self/comm", "cat"),
];

fn prepared(bench: &Bench) {
    let files = [
        (
            "crate/Cargo.toml",
            "[package]\nname = \"tiny\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
        ),
        (
            "crate/src/main.rs",
            "fn main() { println!(\"built {}\", 2 + 2); }\n#[test]\nfn adds() { assert_eq!(2 + 2, 4); }\n",
        ),
        (
            "crate/build.rs",
            "fn main() { std::fs::write(format!(\"{}/x\", std::env::var(\"OUT_DIR\").unwrap()), \"x\").unwrap(); }\n",
        ),
        (
            "fetched/Cargo.toml",
            "[package]\nname = \"fetched\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\nitoa = \"1\"\n",
        ),
        (
            "fetched/src/main.rs",
            "fn main() { println!(\"fetched {}\", itoa::Buffer::new().format(123)); }\n",
        ),
        (
            "hello.c",
            "int puts(const char *);\nint main(void) { puts(\"compiled\"); return 0; }\n",
        ),
        (
            "Makefile",
            "all: a b\n\t@echo made\na b:\n\t@sleep 0.05; touch $@\n",
        ),
        (
            "package/package.json",
            "{ \"name\": \"tiny\", \"version\": \"1.0.0\", \"scripts\": { \"test\": \"node test.js\" } }\n",
        ),
        (
            "package/test.js",
            "require('assert').equal(1, 1); console.log('npm tested');\n",
        ),
        ("wheel.py", WHEEL),
        (
            "tests_of_python.py",
            "import unittest, tempfile, threading\nclass T(unittest.TestCase):\n    def test_it(self):\n        with tempfile.NamedTemporaryFile() as f: f.write(b'x')\n        t = threading.Thread(target=print); t.start(); t.join()\n",
        ),
        ("go/go.mod", "module tiny\n"),
        (
            "go/main.go",
            "package main\nfunc main() { println(\"went\") }\n",
        ),
        (
            "java/Hello.java",
            "class Hello { public static void main(String[] a) { System.out.println(\"brewed\"); } }\n",
        ),
    ];
    for (path, content) in files {
        bench.put(path, content);
    }
}

fn is_here(program: &str) -> bool {
    let looked = crate::sandbox::machine::outside("/bin/sh")
        .args(["-c", "command -v \"$0\"", program])
        .output();
    looked.unwrap().status.success()
}

async fn works(bench: &Bench, all: &[(&str, &str, &str)]) -> Vec<String> {
    prepared(bench);
    let mut broken = Vec::new();
    for (_, command, expected) in all.iter().filter(|(program, _, _)| is_here(program)) {
        let call = json!({ "command": command, "timeout_seconds": 120 });
        let result = bench.result("run_command", call).await;
        let last = result["stdout"]
            .as_str()
            .unwrap()
            .lines()
            .last()
            .unwrap_or_default();
        if result["exit_code"] != 0 || last.trim() != *expected {
            broken.push(format!("{command}: {result:#?}"));
        }
    }
    bench.context.kill_everything().await;
    broken
}

#[tokio::test]
async fn toolchains_work_within_the_strongest_wall() {
    let bench = Bench::new();
    let broken = works(&bench, WORKS).await;
    assert!(broken.is_empty(), "{broken:#?}");
    let broken = works(&bench, WORKS_IN_NAMESPACES).await;
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn toolchains_work_without_namespaces() {
    let bench = Bench::within(&sandbox().weakened(Tier::NoNamespaces, None));
    let broken = works(&bench, WORKS).await;
    assert!(broken.is_empty(), "{broken:#?}");
    // The compiler moves what it wrote to another folder, which the first Landlock cannot allow.
    let bench = Bench::within(&sandbox().weakened(Tier::NoNamespaces, Some(1)));
    let broken = works(&bench, WORKS).await;
    let (moves, others): (Vec<_>, Vec<_>) = broken.iter().partition(|it| it.contains("cargo"));
    assert!(others.is_empty() && !moves.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn servers_of_a_run_are_checked_as_far_as_the_tier_allows() {
    let walls = [
        (sandbox(), true),
        (sandbox().weakened(Tier::NoNamespaces, Some(7)), true),
        (sandbox().weakened(Tier::NoNamespaces, Some(3)), false),
    ];
    for (wall, answers) in walls {
        let bench = Bench::within(&wall);
        bench.put("page", "hello");
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let command = format!("exec {PYTHON} -m http.server --bind 127.0.0.1 $PORT");
        let call = json!({ "command": command, "port": port, "health_path": "/page" });
        let started = bench.result("start_server", call).await;
        assert_eq!(
            started["success"],
            answers,
            "{}: {started:#?}",
            wall.describe()
        );
        let url = format!("http://127.0.0.1:{port}/page");
        let checked = bench.result("check_endpoint", json!({ "url": url })).await;
        let expected = if answers { json!("hello") } else { Value::Null };
        let preview = checked.get("body_preview").cloned().unwrap_or_default();
        assert_eq!(preview, expected, "{}: {checked:#?}", wall.describe());
        bench.context.kill_everything().await;
    }
}
