
// work
