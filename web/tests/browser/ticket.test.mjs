// A whole ticket by clicks, by an engineer and a security approver at once: from what the reporter says to the closing.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, folder, open, run, serve, settled, write } from './workbench.mjs';

/** The evidence that stands in a ticket of `cases/`: its fences with a name. */
function ticket(name) {
  const text = readFileSync(join(process.env.CASES, name), 'utf8');
  const files = {};
  for (const [, file, rest, body] of text.matchAll(/^```\S+ (\S+)([^\n]*)\n(.*?)^```$/gms)) {
    files[file] = rest.includes('crlf') ? body.replaceAll('\n', '\r\n') : body;
  }
  return files;
}

test('a whole ticket by clicks', async (t) => {
  const made = folder(t);
  const store = join(made, 'store');
  const files = ticket('life/offers_held_as_spam.md');
  const of = (lead) => write(join(made, 'evidence'), Object.fromEntries(Object.entries(files).filter(([name]) => name.startsWith(lead))));
  assert.ok(files['change.ps1'] && of('first/').length && of('second/').length && of('after/').length, 'the ticket has its evidence');
  const { links, base } = await serve(t, store, ['--now', '2026-11-20T08:00:00Z'], 'kim=engineer', 'sam=security');
  const { enter } = await browser(t);
  const [kim, sam] = [await enter(links[0]), await enter(links[1])];
  const part = async (page, name) => {
    await page.getByRole('navigation', { name: 'Parts of the case' }).getByRole('link', { name, exact: true }).click();
    await settled(page);
  };

  // What the reporter knows, with the first export dropped into the page.
  await kim.getByRole('link', { name: 'New case' }).click();
  await kim.getByLabel('Client').fill('contoso');
  await kim.getByLabel('Ticket', { exact: true }).fill('INC-2001');
  await kim.getByLabel('Who is affected').fill('lena.kurz@client.example');
  await kim.getByLabel('What they say, in their words').fill('The offers of the tool shop never reach me.');
  await kim.locator('#files').setInputFiles(of('first/'));
  await kim.getByText('1 file is ready to be added').waitFor();
  if (!(await kim.locator('#sender').isVisible())) await kim.locator('details:has(#sender) > summary').click();
  await kim.locator('#sender').fill('offers@tools.example');
  await kim.locator('#recipient').fill('lena.kurz@client.example');
  await kim.locator('#at').fill('2026-11-18T09:00');
  await kim.getByRole('button', { name: 'Open the case' }).click();
  await kim.waitForURL(/\/cases\/1/);
  await settled(kim);

  // What is missing is said, with how to fetch it.
  await part(kim, 'Triage');
  await kim.getByRole('heading', { name: /points are open/ }).waitFor();
  await kim.locator('#point-trace').getByText(/open$/).first().waitFor();

  // The rest of the evidence, all at once; each file with what it was recognised as.
  await part(kim, 'Evidence');
  await kim.locator('#files').setInputFiles(of('second/'));
  await kim.getByText('3 files are ready to be added').waitFor();
  await kim.getByRole('button', { name: 'Add to the case' }).click();
  await settled(kim);
  await kim.getByText(/Exchange Online message trace/).first().waitFor();

  // The way: a stage, its statement, its record with the cited bytes marked.
  await part(kim, 'The way');
  await kim.locator('#answer').getByText('content-verdict/spam').first().waitFor();
  await kim.locator('table.lanes a[href*="/quarantine"]').first().click();
  await kim.waitForURL(/\/way\/1\/quarantine/);
  await kim.locator('#stage').getByText(/quarantine/i).first().waitFor();
  assert.ok(await kim.locator('#stage mark').count(), 'what is cited is marked in the record');
  await kim.locator('#stage a.cite').first().click();
  await kim.waitForURL(/\/records\//);
  assert.ok(await kim.locator('mark').count());
  const record = kim.url();

  // Beside a delivered message of the same sender.
  await kim.goBack();
  await part(kim, 'Compare');
  await kim.getByText('tools.44@tools.example').first().waitFor();

  // The narrowest exception, and the guard on a wide one.
  await part(kim, 'Exception');
  await kim.locator('#wider > summary').click();
  await kim.locator('pre.command:visible', { hasText: 'New-TransportRule' }).first().waitFor();
  await kim.locator('#candidate').fill(files['wide.ps1']);
  await kim.getByRole('button', { name: 'What does the guard say?' }).click();
  await settled(kim);
  await kim.getByText(/It may not be made without an approval/).first().waitFor();
  assert.equal(await kim.getByRole('button', { name: 'Approve in my name' }).count(), 0, 'an engineer approves nothing');

  // The other user approves it, in a window of her own, for a reason and a sample.
  await open(sam, `${base}/cases/1/exception`);
  await sam.locator('#approved').fill(files['wide.ps1']);
  await sam.locator('#ends').fill('2026-12-01');
  await sam.locator('#reason').fill('Winter offers, until the vendor has looked at the sample.');
  await sam.getByRole('button', { name: 'Approve in my name' }).click();
  await settled(sam);
  assert.equal(await sam.getByRole('button', { name: 'Record that I made it' }).count(), 0, 'an approver works on nothing');

  // The narrow one is made all the same; that alone shows nothing.
  await part(kim, 'Exception');
  await kim.locator('#made').fill(files['change.ps1']);
  await kim.locator('#made_at').fill('2026-11-18T12:20Z');
  await kim.getByRole('button', { name: 'Record that I made it' }).click();
  await settled(kim);
  await part(kim, 'Verification');
  await kim.getByText('cannot tell').first().waitFor();

  // Two days later: what came since.
  await kim.getByRole('link', { name: 'Add evidence of the time after the change' }).click();
  assert.ok(await kim.locator('#verification').isChecked(), 'it is for the verification');
  await kim.locator('#files').setInputFiles(of('after/'));
  await kim.getByText('3 files are ready to be added').waitFor();
  await kim.getByRole('button', { name: 'Add to the case' }).click();
  await settled(kim);
  await part(kim, 'Verification');
  await kim.getByRole('button', { name: /Record this answer: held/ }).click();
  await settled(kim);

  // Notes: as they will read, redacted, copied.
  await part(kim, 'Notes');
  await kim.getByText('lena.kurz@client.example').first().waitFor();
  await kim.getByRole('button', { name: 'Copy' }).first().click();
  const copied = await kim.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /content-verdict\/spam/);
  await kim.getByLabel(/Other names for people/).check();
  if (await kim.getByRole('button', { name: 'Show', exact: true }).isVisible()) await kim.getByRole('button', { name: 'Show', exact: true }).click();
  await kim.locator('#preview').getByText('lena.kurz@client.example').first().waitFor({ state: 'detached' });

  // Given to the vendor, with a package.
  await part(kim, 'Escalation');
  await kim.getByLabel('To whom', { exact: true }).selectOption('vendor');
  await kim.getByLabel(/A reason that no record states/).fill('A wanted message was called spam; please look at the sample.');
  const show = kim.getByRole('button', { name: 'Show', exact: true });
  if (await show.isVisible()) await show.click();
  const give = kim.getByRole('button', { name: 'Give it away and download the package' });
  await give.waitFor();
  const [download] = await Promise.all([kim.waitForEvent('download'), give.click()]);
  assert.equal(download.suggestedFilename(), 'escalation-1.zip');
  assert.ok(statSync(await download.path()).size > 1000);

  // Closed, and found again by whatever somebody knows of it.
  await open(kim, `${base}/cases/1/journal`);
  await kim.locator('#resolution').fill('Released to Lena; a rule for this sender and recipient until 18 December.');
  await kim.getByRole('button', { name: 'Close the case' }).click();
  await kim.getByText('closed').first().waitFor();
  for (const words of ['tools.example', 'offers@tools.example', 'content-verdict/spam', 'INC-2001', 'Winter offer', 'contoso']) {
    await kim.goto(`${base}/`);
    await kim.getByRole('searchbox').fill(words);
    await kim.keyboard.press('Enter');
    await kim.getByRole('link', { name: '#1', exact: true }).waitFor();
  }

  // A link to a record leads whoever is signed in to the same place.
  await open(sam, record);
  assert.ok(await sam.locator('mark').count());

  // The journal has every deed in the name of who did it, and nothing was altered.
  const { out } = run('case', 'journal', '1', '--store', store, '--format', 'json');
  const who = Object.groupBy ? Object.groupBy(JSON.parse(out).entries, (entry) => entry.deed.deed) : JSON.parse(out).entries.reduce((all, entry) => ({ ...all, [entry.deed.deed]: [...(all[entry.deed.deed] ?? []), entry] }), {});
  for (const [deed, name] of [['opened', 'kim'], ['evidence_added', 'kim'], ['approved', 'sam'], ['change_made', 'kim'], ['verified', 'kim'], ['escalated', 'kim'], ['status_set', 'kim']]) {
    assert.deepEqual([...new Set((who[deed] ?? []).map((entry) => entry.who))], [name], deed);
  }
  assert.equal(run('case', 'verify-journal', '--store', store).status, 0);
  assert.deepEqual([...kim.wrong, ...sam.wrong], []);
});
