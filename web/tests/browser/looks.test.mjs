// Every page: no violation of accessibility, nothing wider than the window, nothing said on the console; dark and light, wide and narrow.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { axe, browser, crawl, folder, run, serve, write } from './workbench.mjs';

const MOST_PAGES = 70;

test('every page, dark and light, wide and narrow', async (t) => {
  const made = folder(t);
  const store = join(made, 'store');
  const opened = run('case', 'new', '--store', store, '--client', 'contoso', '--ticket', 'INC-4711', '--user', 'ana.duarte@client.example', process.env.DEMO);
  assert.equal(opened.status, 0, opened.err);
  // A second one, with an exception to be proposed.
  const text = readFileSync(join(process.env.CASES, 'life/offers_held_as_spam.md'), 'utf8');
  const files = Object.fromEntries([...text.matchAll(/^```\S+ ((?:first|second)\/\S+)[^\n]*\n(.*?)^```$/gms)].map(([, file, body]) => [file, body]));
  write(join(made, 'evidence'), files);
  assert.equal(run('case', 'new', '--store', store, '--client', 'contoso', '--ticket', 'INC-2001', join(made, 'evidence')).status, 0);
  const { links, base } = await serve(t, store, 'kim=engineer+security');
  const { enter } = await browser(t);
  const page = await enter(links[0]);
  const wrong = [];
  const visited = await crawl(page, `${base}/`, MOST_PAGES, async (address, answer) => {
    const place = new URL(address).pathname + new URL(address).search;
    if (answer.status() !== 200) wrong.push(`${place}: status ${answer.status()}`);
    for (const [colorScheme, width] of [['light', 1200], ['dark', 360]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) wrong.push(`${place}: ${wide} px wider than ${width} px`);
      await page.evaluate(`(() => { const module = undefined; ${axe} })()`);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      for (const one of found.violations) wrong.push(`${place} (${colorScheme}, ${width} px): ${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')}`);
    }
  });
  assert.ok(visited.length > 8, `only ${visited.length} pages were found`);
  assert.deepEqual([...wrong, ...page.wrong], []);
});
