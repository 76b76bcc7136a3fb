# no requirements
if header :contains "subject" "x" {
  fileinto "A";
}
this is not sieve
