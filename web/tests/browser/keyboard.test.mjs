// The way of a ticket with nothing but the keyboard: everything can be reached, and it is always seen where one is.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, folder, run, serve, settled } from './workbench.mjs';

/** What has the focus: its role in short, its words, and whether that is seen. */
const focused = (page) => page.evaluate(() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const seen = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || one === document.body || one.id === 'main';
  return { tag: one.tagName, name: (one.labels?.[0]?.innerText || one.ariaLabel || one.innerText || one.value || '').trim(), seen, at: one.getBoundingClientRect().toJSON() };
});

/** Presses Tab until something of that name has the focus; says what was passed whose focus is not seen. */
async function tabTo(page, name, most = 120) {
  const unseen = [];
  for (let pressed = 0; pressed < most; pressed += 1) {
    await page.keyboard.press('Tab');
    const one = await focused(page);
    if (!one.seen) unseen.push(`${one.tag} ${one.name}`);
    if (one.name.match(name)) {
      assert.deepEqual(unseen, [], 'the focus is always seen');
      return one;
    }
  }
  throw new Error(`Tab never comes to ${name}; last ${JSON.stringify(await focused(page))}`);
}

test('a ticket by keyboard alone', async (t) => {
  const store = join(folder(t), 'store');
  assert.equal(run('case', 'new', '--store', store, '--client', 'contoso', '--ticket', 'INC-4711', process.env.DEMO).status, 0);
  const { links } = await serve(t, store, 'kim=engineer');
  const { running } = await browser(t);
  const page = await (await running.newContext()).newPage();
  page.setDefaultTimeout(30_000);
  const press = async (key, address) => {
    await Promise.all([address && page.waitForURL(address), page.keyboard.press(key)]);
    await settled(page);
  };

  await page.goto(links[0]);
  assert.match((await focused(page)).name, /Sign in/, 'the one thing to do has the focus');
  await press('Enter', /\/$/);

  // The first Tab leads past the navigation.
  await page.keyboard.press('Tab');
  assert.match((await focused(page)).name, /To the content/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^#1$/);
  await press('Enter', /\/cases\/1$/);

  // From stage to stage by arrows, and into one.
  await tabTo(page, /^passed\s/);
  for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowRight');
  assert.match((await focused(page)).name, /^stopped\s/);
  assert.ok((await focused(page)).seen);
  await page.keyboard.press('Home');
  assert.match((await focused(page)).name, /^passed\s/);
  await page.keyboard.press('End');
  assert.match((await focused(page)).name, /^not reached\s/);
  await page.keyboard.press('ArrowLeft');
  await press('Enter', /\/way\/1\/delivery#stage$/);
  await page.getByRole('heading', { name: /delivery/i }).first().waitFor();

  // A record, and back.
  await tabTo(page, /mimecast-siem\.json:\d+/);
  await press('Enter', /\/records\//);
  assert.ok(await page.locator('mark').count(), 'what is cited is marked');

  // Every part of the case.
  for (const part of ['Triage', 'Findings', 'Compare', 'Exception', 'Verification', 'Notes', 'Escalation', 'Evidence', 'Journal']) {
    await tabTo(page, new RegExp(`^${part}$`));
    await press('Enter', new RegExp(`/cases/1/${part.toLowerCase()}$`));
    assert.equal(await page.locator('nav.parts [aria-current=page]').innerText(), part);
  }

  // A note, written and kept.
  await tabTo(page, /^Note$/);
  await page.keyboard.type('Asked the supplier about the connector.');
  await tabTo(page, /^Note it$/);
  await press('Enter');
  await page.getByText('Asked the supplier about the connector.').first().waitFor();

  // Out again.
  await tabTo(page, /Sign out/);
  await press('Enter', /\/login$/);
});
