// Evidence made by an attacker: what stands in it is shown, and never runs, loads or leads anywhere.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, crawl, folder, run, serve, write } from './workbench.mjs';

const HIT = 'window.hit=1;alert(1)';
const MARKUP = `<script>${HIT}</script><img src=x onerror="${HIT}"><svg/onload=${HIT}>"'><a href="javascript:${HIT}">x</a>{{7*7}}\${7*7}`;
const ID = `x<img/src=x/onerror=${HIT}>@attacker.example`;

const MAIL = [
  'Received: from mx.attacker.example (mx.attacker.example [203.0.113.66]) by mx1.client.example (Postfix)',
  ' with ESMTPS id 4ZkQ8m2vRzz1 for <ana@client.example>; Thu, 19 Nov 2026 09:00:02 +0000 (UTC)',
  `Authentication-Results: mx1.client.example; spf=fail (${MARKUP}) smtp.mailfrom=attacker.example`,
  `From: "${MARKUP.replaceAll('"', '\\"')}" <ceo@attacker.example>`,
  'To: ana@client.example',
  `Subject: ${MARKUP}`,
  'Date: Thu, 19 Nov 2026 09:00:00 +0000',
  `Message-ID: <${ID}>`,
  `X-Spam-Status: Yes, score=9 tests=${MARKUP}`,
  'MIME-Version: 1.0',
  'Content-Type: text/html; charset=utf-8',
  '',
  `<html><body onload="${HIT}"><script src="http://attacker.example/x.js"></script><img src="http://attacker.example/pixel.gif">`,
  `<iframe srcdoc="<script>parent.hit=1</script>"></iframe><form action="http://attacker.example/"><input autofocus onfocus="${HIT}"></form></body></html>`,
  '',
].join('\r\n');

const LOG = [
  'Nov 19 09:00:02 mx1 postfix/smtpd[911]: 4ZkQ8m2vRzz1: client=mx.attacker.example[203.0.113.66]',
  `Nov 19 09:00:02 mx1 postfix/cleanup[912]: 4ZkQ8m2vRzz1: message-id=<${ID}>`,
  'Nov 19 09:00:02 mx1 postfix/qmgr[900]: 4ZkQ8m2vRzz1: from=<ceo@attacker.example>, size=4321, nrcpt=1 (queue active)',
  `Nov 19 09:00:03 mx1 postfix/smtp[913]: 4ZkQ8m2vRzz1: to=<ana@client.example>, relay=next.client.example[198.51.100.9]:25, delay=1, delays=1/0/0/0, dsn=5.7.1, status=bounced (host next.client.example[198.51.100.9] said: 550 5.7.1 ${MARKUP} (in reply to end of DATA command))`,
  'Nov 19 09:00:03 mx1 postfix/qmgr[900]: 4ZkQ8m2vRzz1: removed',
  '',
].join('\n');

test('nothing of the evidence runs, loads or leads away', async (t) => {
  const made = folder(t);
  const store = join(made, 'store');
  write(join(made, 'evidence'), { [`mail <img src=x onerror=${HIT.slice(0, 12)}>.eml`]: MAIL, 'mail.log': LOG });
  const opened = run('case', 'new', '--store', store, '--client', MARKUP, '--ticket', MARKUP, '--words', MARKUP, join(made, 'evidence'));
  assert.equal(opened.status, 0, opened.err);
  const noted = run('case', 'note', '1', MARKUP, '--store', store);
  assert.equal(noted.status, 0, noted.err);
  const { links, base } = await serve(t, store, 'kim=engineer+security');
  const { enter } = await browser(t);
  const page = await enter(links[0]);
  const wrong = [];
  let shown = 0;
  await crawl(page, `${base}/`, 45, async (address) => {
    const state = await page.evaluate(() => ({
      hit: window.hit,
      foreign: [...document.querySelectorAll('script:not([src^="/assets/"]), iframe, object, embed, base')].map((one) => one.outerHTML.slice(0, 200)),
      handlers: [...document.querySelectorAll('*')].filter((one) => [...one.attributes].some((attribute) => attribute.name.startsWith('on'))).map((one) => one.outerHTML.slice(0, 200)),
      away: [...document.querySelectorAll('a[href], form[action]')].map((one) => one.href ?? one.action).filter((to) => new URL(to, location).origin !== location.origin),
      loads: [...document.querySelectorAll('img, link, source')].map((one) => one.src ?? one.href).filter((from) => from && new URL(from, location).origin !== location.origin),
      text: document.body.innerText,
    }));
    if (state.hit !== undefined) wrong.push(`${address}: it ran`);
    for (const one of [...state.foreign, ...state.handlers, ...state.away, ...state.loads]) wrong.push(`${address}: ${one}`);
    if (state.text.includes('onerror=')) shown += 1;
  });
  assert.ok(shown >= 3, `the text itself was shown on ${shown} pages only: the test looked at nothing`);
  assert.deepEqual([...wrong, ...page.wrong], []);
});
