require ["fileinto","reject","envelope","copy","relational","comparator-i;ascii-numeric"];
# rule:[Lists]
if anyof (header :contains "list-id" ["announce.example.org", "talk.example.org"], address :domain :is "from" "lists.example.net")
{
	fileinto "Lists";
	stop;
}
# rule:[Old address]
if allof (envelope :is "to" "anna.old@example.com", not header :contains "X-Spam-Flag" "YES")
{
	redirect :copy "anna@partner.example";
}
elsif header :value "ge" :comparator "i;ascii-numeric" "X-Spam-Score" "14" { /* surely spam */
	discard;
} elsif size :over 10M {
	reject text:
Too large; send a link.
.
;
} else {
	if header :contains "subject" "[urgent]" {
		addflag "\\Flagged";
	}
}
keep;
