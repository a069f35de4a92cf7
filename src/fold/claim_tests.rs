use super::*;

#[test]
fn a_claim_is_told_from_a_plan_a_wish_a_denial_and_hearsay() {
    for text in [
        "All tests pass.",
        "Parser in place, all 14 tests are passing now.",
        "The test suite is green",
        "Done: all green!",
        "I fixed it. Unit tests passed.",
        "The tests now all succeed.",
        "tests/run_tests.sh was run after the change, and all four tests pass.",
        "Everything passes.",
        "14/14 tests passing",
        "The suite passes (0 failed).",
        "Result: 14 passed, 0 failed",
        "When I run it, all tests pass.",
        "**All tests pass**",
        "done (all of them pass, tests are green)",
    ] {
        assert!(claimed(text).is_some(), "{text}");
    }
    for text in [
        "Run the tests and make sure they pass.",
        "If the tests pass, commit.",
        "The tests do not pass yet.",
        "Do all tests pass?",
        "Two tests failed, three did not.",
        "I will check that tests pass",
        "Pass the test file as argument",
        "Once tests pass we are done.",
        "Write tests for the password form.",
        "s1 says that all tests pass, but it has run none. I run them myself.",
        "12 of 14 tests pass.",
        "Most tests pass.",
        "The tests don't pass.",
        "It must print ok and the tests should then pass.",
        "I ran the linter; everything about it is fine.",
        "Let me see whether all tests pass.",
        "Add a test that checks the passing of arguments",
    ] {
        assert_eq!(claimed(text), None, "{text}");
    }
}

const FIRST: SessionId = SessionId(uuid::Uuid::from_u128(1));
const SECOND: SessionId = SessionId(uuid::Uuid::from_u128(2));

#[test]
fn a_session_is_measured_by_its_own_runs_and_changes_and_the_orchestrator_by_all() {
    let mut proof = Proof::default();
    assert_eq!((proof.basis(None), proof.basis(Some(FIRST))), (Basis::NotRun, Basis::NotRun));
    proof.changed(1, FIRST);
    proof.ran(2, Some(FIRST), "cargo test", Some(0), "");
    assert_eq!((proof.basis(None), proof.basis(Some(FIRST))), (Basis::Shown, Basis::Shown));
    assert_eq!(proof.basis(Some(SECOND)), Basis::Shown, "a run of another counts where there is no own");
    proof.changed(3, SECOND);
    assert_eq!(proof.basis(Some(FIRST)), Basis::Shown, "another's change is not its own");
    assert_eq!(proof.basis(None), Basis::Outdated("cargo test".into()));
    proof.ran(4, Some(SECOND), "pytest", Some(1), "");
    assert_eq!(proof.basis(Some(FIRST)), Basis::Shown);
    assert_eq!(proof.basis(Some(SECOND)), Basis::Failed("pytest".into()));
    assert_eq!(proof.basis(None), Basis::Failed("pytest".into()));
}

#[test]
fn the_orchestrators_own_runs_count_once_they_have_returned() {
    let mut proof = Proof::default();
    let call = ToolCall {
        call_id: "c1".into(),
        name: "bash".into(),
        arguments: r#"{"command":"sh tests/run_tests.sh"}"#.into(),
    };
    proof.called(&call);
    proof.said(2, 4, None, 0, "All tests pass.");
    proof.returned(3, "c1", r#"{"success":true,"returncode":0,"stdout":"ok"}"#);
    assert_eq!(proof.basis(Some(FIRST)), Basis::Shown);
    proof.said(4, 6, None, 0, "All tests pass.");
    let bases: Vec<_> = proof.claims.iter().map(|claim| (&claim.basis, proof.tested_since(claim))).collect();
    assert_eq!(bases, [(&Basis::NotRun, true), (&Basis::Shown, false)]);
}
