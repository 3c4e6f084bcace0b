//! Every target on its corpus and on 2,000 mutations of it, always the same ones.

use manifest_fuzz::{ALL, Budget, corpus, escaped, run};

#[test]
fn every_target_keeps_its_promises() {
    for target in ALL {
        let inputs = corpus(target).unwrap();
        assert!(!inputs.is_empty(), "{}", target.name);
        let summary = run(target, inputs, 1, Budget::Inputs(2_000));
        let failures: Vec<String> =
            summary.failures.iter().map(|failure| format!("{}: {}", failure.what, escaped(&failure.input))).collect();
        assert!(failures.is_empty(), "{}: {failures:#?}", target.name);
        assert!(summary.outcomes > 1, "{summary}");
    }
}
