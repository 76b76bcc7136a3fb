// The pictures of docs/serve.md, drawn anew: PICTURES=docs/images BROWSER_TEST=pictures cargo test -p throughline --test serve_browser

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, folder, open, run, serve, write } from './workbench.mjs';

const into = process.env.PICTURES;

test('pictures', { skip: into ? false : 'only where PICTURES says into which folder' }, async (t) => {
  const made = folder(t);
  const store = join(made, 'store');
  const text = readFileSync(join(process.env.CASES, 'life/offers_held_as_spam.md'), 'utf8');
  const files = Object.fromEntries([...text.matchAll(/^```\S+ ((?:first|second)\/\S+)[^\n]*\n(.*?)^```$/gms)].map(([, file, body]) => [file, body]));
  write(join(made, 'evidence'), files);
  run('case', 'new', '--store', store, '--client', 'contoso', '--ticket', 'INC-4711', process.env.DEMO);
  run('case', 'new', '--store', store, '--client', 'contoso', '--ticket', 'INC-2001', '--user', 'lena.kurz@client.example', join(made, 'evidence'));
  const { links, base } = await serve(t, store, ['--now', '2026-11-20T08:00:00Z'], 'kim=engineer+security');
  const page = await (await browser(t)).enter(links[0]);
  mkdirSync(into, { recursive: true });
  for (const [name, address, width, height, colorScheme] of [
    ['way', '/cases/1/way/1/release#stage', 1200, 1150, 'light'],
    ['exception', '/cases/2/exception', 1200, 1150, 'light'],
    ['phone', '/cases/1', 360, 1150, 'dark'],
  ]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await open(page, `${base}${address}`);
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(into, `${name}.jpg`), type: 'jpeg', quality: 60 });
  }
});
