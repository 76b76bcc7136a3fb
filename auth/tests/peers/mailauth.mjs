// What mailauth says of messages: one JSON line a signature, and one each for the ARC chain, SPF and DMARC.
//
//     node mailauth.mjs FOLDER MESSAGES DNS [ROUNDS]
//
// FOLDER holds node_modules. MESSAGES has one object a line: {"name", "file", "zone", "at"}, and for SPF and DMARC the envelope:
// "client", "helo", "envelope_sender"; `at` is when the message was received, in seconds since 1970. DNS has answers in
// throughline's own spelling (sources/src/dns/answers/README.md), each with the `zone` in which it holds; every other name does
// not exist. No name is resolved. With ROUNDS the lines are the seconds that each round over all messages took instead.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { domainToASCII } from 'node:url';

const [folder, messagesFile, dnsFile, rounds] = process.argv.slice(2);
const require = createRequire(resolve(folder, 'here.js'));
// Part by part, without what fetches pictures and certificates over the network.
const { dkimVerify } = require('mailauth/lib/dkim/verify.js');
const { arc } = require('mailauth/lib/arc/index.js');
const { spf } = require('mailauth/lib/spf/index.js');
const { dmarc } = require('mailauth/lib/dmarc/index.js');
const parseField = require('mailauth/lib/parse-dkim-headers.js');
console.log = () => {}; // it prints while it verifies

const lines = file =>
    readFileSync(file, 'utf8')
        .split('\n')
        .filter(line => line)
        .map(line => JSON.parse(line));

const normal = name => {
    const text = name.replace(/\.$/, '').toLowerCase();
    // eslint-disable-next-line no-control-regex
    return /^[\x00-\x7f]*$/.test(text) ? text : domainToASCII(text);
};

const answers = new Map();
for (const answer of lines(dnsFile)) {
    answers.set(`${answer.zone} ${answer.type} ${normal(answer.name)}`, answer);
}

const resolverOf = zone => async (name, type) => {
    const answer = answers.get(`${zone} ${type} ${normal(name)}`) || { status: 'NXDOMAIN', data: [] };
    if (answer.status === 'NOERROR' && answer.data.length) {
        // As node's own resolver says it: the strings of a TXT record in a list.
        return type === 'TXT' ? answer.data.map(text => [text]) : answer.data;
    }
    const codes = { NOERROR: 'ENODATA', NXDOMAIN: 'ENOTFOUND', REFUSED: 'EREFUSED', TIMEOUT: 'ETIMEOUT' };
    const error = new Error(`query ${type} ${name}`);
    error.code = codes[answer.status] || 'ESERVFAIL';
    throw error;
};

const word = result => (['pass', 'none', 'temperror'].includes(result) ? result : 'fail');

const authenticate = async (entry, message) => {
    const resolver = resolverOf(entry.zone);
    const dkim = await dkimVerify(message, {
        resolver,
        sender: entry.envelope_sender,
        curTime: new Date(entry.at * 1000)
    });
    const chain = await arc(dkim.arc, { resolver });
    if (!entry.client) {
        return { dkim, chain };
    }
    const sender = await spf({
        resolver,
        ip: entry.client,
        helo: entry.helo,
        sender: entry.envelope_sender,
        mta: 'mx1.client.example'
    });
    const policy = await dmarc({
        headerFrom: dkim.headerFrom,
        spfDomains: [].concat((sender?.status.result === 'pass' && sender.domain) || []),
        dkimDomains: dkim.results
            .filter(one => one.status.result === 'pass')
            .map(one => ({ id: one.id, domain: one.signingDomain, aligned: one.status.aligned, underSized: one.status.underSized })),
        arcResult: chain,
        resolver
    });
    return { dkim, chain, sender, policy };
};

const said = async (entry, message) => {
    const out = [];
    try {
        const { dkim, chain, sender, policy } = await authenticate(entry, message);
        const fields = (dkim.headers?.parsed || []).filter(field => field.key === 'dkim-signature').map(field => parseField(field.line).parsed);
        // Signatures that it skips have no result; the others come in the order of the fields, the newest seal after them.
        const results = dkim.results.filter(result => result.signingDomain);
        fields.forEach((field, place) => {
            const fits =
                results.length &&
                results[0].signature === field.b?.value &&
                results[0].selector === field.s?.value &&
                results[0].bodyHashExpecting === field.bh?.value;
            const found = fits ? results.shift() : null;
            out.push({
                kind: 'dkim',
                place,
                result: word(found?.status.result),
                body: found ? found.bodyHash === found.bodyHashExpecting : null,
                why: found ? `${found.status.result}: ${found.status.comment || ''}` : 'left out'
            });
        });
        const sealed = dkim.arc?.lastEntry?.messageSignature;
        const body = sealed ? sealed.bodyHash === sealed.bodyHashExpecting : null;
        out.push({ kind: 'arc', place: 0, result: word(chain.status.result), body, why: `${chain.status.comment || ''}` });
        if (sender) {
            out.push({ kind: 'spf', place: 0, result: word(sender.status.result), body: null, why: `${sender.status.comment || ''}` });
            out.push({ kind: 'dmarc', place: 0, result: word(policy?.status?.result), body: null, why: `${policy?.status?.comment || ''}` });
        }
    } catch (error) {
        out.push({ kind: 'message', place: 0, result: 'fail', body: null, why: `${error.message}` });
    }
    return out;
};

const entries = lines(messagesFile).map(entry => ({ entry, message: readFileSync(entry.file) }));
for (let round = 0; round < Number(rounds || 0); round++) {
    const start = process.hrtime.bigint();
    for (const { entry, message } of entries) {
        await authenticate(entry, message);
    }
    process.stdout.write(JSON.stringify({ seconds: Number(process.hrtime.bigint() - start) / 1e9 }) + '\n');
}
if (!Number(rounds || 0)) {
    for (const { entry, message } of entries) {
        for (const found of await said(entry, message)) {
            process.stdout.write(JSON.stringify({ name: entry.name, ...found }) + '\n');
        }
    }
}
