// Starts the program and a browser, and gives both back. Every test ends them.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';

const program = process.env.THROUGHLINE;
// The packages stand where the setup put them, not beside this file.
const require = createRequire(process.env.BROWSER_PACKAGES + '/');
const { chromium } = require('playwright-core');
export const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** A folder that is removed when the test ends. */
export function folder(test) {
  const made = mkdtempSync(join(tmpdir(), 'throughline-browser-'));
  test.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Writes files into a folder; gives their paths. */
export function write(into, files) {
  return Object.entries(files).map(([name, content]) => {
    const path = join(into, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  });
}

/** Runs a command of the program; gives its output. */
export function run(...args) {
  const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return { status: done.status, out: done.stdout, err: done.stderr };
}

/** The workbench over a store, with a link for each user (`kim=engineer`); a list among them is options. */
export async function serve(test, store, ...all) {
  const users = all.filter((one) => typeof one === 'string');
  const options = [...all.filter(Array.isArray).flat(), ...users.flatMap((user) => ['--user', user])];
  const child = spawn(program, ['serve', '--store', store, '--listen', '127.0.0.1:0', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  test.after(() => child.kill('SIGINT'));
  const links = await new Promise((found, failed) => {
    let said = '';
    child.stdout.on('data', (data) => {
      said += data;
      const all = [...said.matchAll(/(https?:\/\/\S+\/login\/\S+)\n/g)].map((match) => match[1]);
      if (all.length >= users.length) found(all);
    });
    child.on('exit', (code) => failed(new Error(`the program ended with ${code}: ${said}`)));
  });
  return { links, base: new URL(links[0]).origin, process: child };
}

/** A browser that writes down what should never happen: an error of the page, a refused script, a call to another host, a dialog. */
export async function browser(test, looks = {}) {
  const running = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  test.after(() => running.close());
  return {
    running,
    /** A window of a user who is signed in by a link. */
    async enter(link, more = {}) {
      const context = await running.newContext({ viewport: { width: 1200, height: 900 }, acceptDownloads: true, ...looks, ...more });
      await context.grantPermissions(['clipboard-read', 'clipboard-write']);
      const page = await context.newPage();
      page.wrong = [];
      page.setDefaultTimeout(30_000);
      const own = new URL(link).origin;
      page.on('console', (said) => said.type() === 'error' && page.wrong.push(`console: ${said.text()}`));
      page.on('pageerror', (error) => page.wrong.push(`script: ${error.message}`));
      page.on('dialog', (dialog) => { page.wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
      page.on('request', (request) => {
        const url = new URL(request.url());
        if (url.origin !== own && !['data:', 'blob:'].includes(url.protocol)) page.wrong.push(`request: ${request.url()}`);
      });
      await page.goto(link);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { level: 1 }).waitFor();
      return page;
    },
  };
}

/** Waits until a page shows its answer instead of how far it is. */
export async function settled(page) {
  const end = Date.now() + 60_000;
  while (await page.locator('[data-working]').count()) {
    if (Date.now() > end) throw new Error(`${page.url()} still works`);
    await page.waitForTimeout(100);
  }
}

/** Goes to a page and waits for its answer. */
export async function open(page, address) {
  const answer = await page.goto(address);
  await settled(page);
  return answer;
}

/** The addresses of all pages that links lead to, from one on; at most `most`. */
export async function crawl(page, from, most, visit) {
  const own = new URL(from).origin;
  const known = new Set([from]);
  for (const address of known) {
    const answer = await open(page, address);
    await visit(address, answer);
    const found = await page.locator('a[href]').evaluateAll((links) => links.filter((link) => !link.hasAttribute('download')).map((link) => link.href));
    for (const link of found) {
      const url = new URL(link);
      url.hash = '';
      if (url.origin === own && !url.pathname.startsWith('/api/') && known.size < most) known.add(url.href);
    }
  }
  return [...known];
}
