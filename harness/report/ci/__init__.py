"""Results in the forms that CI services and reviewers read: annotations, JUnit XML, SARIF, Markdown."""
