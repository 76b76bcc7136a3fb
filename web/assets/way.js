
// way
