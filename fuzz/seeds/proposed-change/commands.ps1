$p = @{ Name = 'T-1'; From = 'ann@vendor.example' }
New-TransportRule @p -SentTo bob@example.com -SetSCL -1 -ExpiryDate (Get-Date '9/20/2026').ToUniversalTime()
Set-HostedContentFilterPolicy Default -AllowedSenderDomains @{Add="$d.example",'b.example';Remove='c.example'} # note
Release-QuarantineMessage -Identity a\b `
  -User bob@example.com | Out-Null
New-TenantAllowBlockListItems -ListType Sender -Allow -Entries @('a@vendor.example') -Notes @"
it's
"@
Get-TransportRule | ForEach-Object { Remove-TransportRule $_ }
