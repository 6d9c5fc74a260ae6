//! What the attributes say of what can't be built, and where. What they build is tested in `instrument/tests/macros.rs`.

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    trybuild::TestCases::new().compile_fail("tests/ui/wrong.rs");
}
