
// evidence
