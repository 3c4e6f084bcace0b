use super::super::testing::digest;
use super::Guard;

#[test]
fn guards() {
    let (one, other) = (digest("one"), digest("other"));
    // Whether each holds for a tag that is not alive, that points there, and that points elsewhere.
    let check = |guard: Guard, expected: [bool; 3]| {
        let found = [None, Some(&one), Some(&other)].map(|current| guard.holds(current));
        assert_eq!(found, expected, "{guard:?}");
    };
    check(Guard::Any, [true, true, true]);
    check(Guard::Absent, [true, false, false]);
    check(Guard::Is(one), [false, true, false]);
    check(Guard::AbsentOrIs(one), [true, true, false]);
}
