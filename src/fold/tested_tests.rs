use super::*;

#[test]
fn commands_that_run_tests_are_told_from_those_that_talk_about_them() {
    for command in [
        "cargo test -q",
        "cargo +nightly test --locked",
        "cd app && npm test",
        "bash -lc 'cargo test --workspace 2>&1 | tail -5'",
        "/bin/bash -lc \"cd /w && pytest -x\"",
        "pytest -x -n 4",
        "uv run pytest tests",
        "poetry run python -m pytest",
        "RUST_LOG=debug cargo nextest run",
        "python -m pytest tests/",
        "python3 manage.py test",
        "./node_modules/.bin/jest",
        "npx vitest run",
        "npm run test:unit",
        "pnpm -r test",
        "make check",
        "make -j4 test",
        "just test-all",
        "./gradlew :app:test",
        "mvn -q verify",
        "timeout 60s go test ./...",
        "./run_tests.sh",
        "sh tests/run_tests.sh",
        "bash -x scripts/test.sh",
        "sh tests/run_tests.sh && git status --short && wc -l report.sh",
        "python3 tests/test_all.py",
        "time (cargo test)",
        "if cargo test; then echo yes; fi",
        "for i in 1 2; do cargo test; done",
        "node --test",
        "deno test -A",
        "bundle exec rspec",
        "cat <<EOF > a.txt\nhello\nEOF\ncargo test",
    ] {
        assert!(runs_tests(command), "{command}");
    }
    for command in [
        "cargo build",
        "cargo check",
        "cargo test --no-run",
        "pytest --collect-only",
        "cat pytest.ini",
        "grep -rn 'cargo test' .",
        "ls tests",
        "pip install pytest",
        "uv pip install pytest",
        "test -f x",
        "[ -f tests ] && echo yes",
        "git commit -m 'make test pass'",
        "echo run cargo test",
        "# cargo test",
        "bash -lc 'cat tests/test_a.py'",
        "cargo test-gen",
        "sh -n tests/run_tests.sh && grep -c '^check ' tests/run_tests.sh",
        "cat > run.txt <<'EOF'\ncargo test\nEOF",
        "chmod +x tests/run_tests.sh",
        "vim tests/a.rs",
        "go vet ./...",
        "npm install",
        "npm run lint",
    ] {
        assert!(!runs_tests(command), "{command}");
    }
}

#[test]
fn an_exit_code_counts_where_it_is_the_tests_own() {
    use Tested::{Failed, Passed, Unknown};
    for (command, code, output, expected) in [
        ("cargo test", Some(0), "", Passed),
        ("cargo test", Some(101), "", Failed),
        ("cargo test", None, "", Unknown),
        ("sh tests/run_tests.sh && git status", Some(0), "", Passed),
        ("cargo fmt --check && cargo test", Some(0), "", Passed),
        ("cargo test | tail -3", Some(0), "", Unknown),
        ("cargo test | tail -3", Some(0), "test result: ok. 3 passed; 0 failed", Passed),
        ("cargo test 2>&1 | tail -3", Some(0), "test result: FAILED. 3 passed; 1 failed", Failed),
        ("cargo test || true", Some(0), "", Unknown),
        ("cargo test; echo done", Some(0), "done", Unknown),
        ("pytest; echo $?", Some(0), "2 failed, 3 passed", Failed),
        ("(cd app && npm test)", Some(1), "", Failed),
        ("bash -lc 'pytest -q; true'", Some(0), "", Unknown),
        ("bash -lc 'pytest -q'", Some(0), "", Passed),
    ] {
        assert_eq!(tested(command, code, output), Some(expected), "{command} {output}");
    }
    assert_eq!(tested("cargo build", Some(0), "3 passed"), None);
}

#[test]
fn a_failure_is_read_from_the_output_and_no_failure_is_not() {
    for output in
        ["test result: FAILED. 3 passed; 1 failed", "=== 2 failed, 5 passed in 0.1s ===", "Tests: 1 failed"]
    {
        assert!(tells_failure(output), "{output}");
    }
    for output in ["test result: ok. 3 passed; 0 failed; 0 ignored", "5 passed", "0 failures"] {
        assert!(!tells_failure(output), "{output}");
    }
}

#[test]
fn hostile_commands_are_read_to_an_end() {
    for command in [
        "'",
        "\"",
        "\\",
        "<<",
        "cat <<EOF",
        "((((",
        "bash -c",
        &"(".repeat(100_000),
        &"bash -c '".repeat(5_000),
    ] {
        let _ = runs_tests(command);
    }
}
