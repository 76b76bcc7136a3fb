
// Evidence: files that are dropped or picked are sent one by one, each with its progress; the form then adds them together.
for (const form of document.querySelectorAll('form[data-evidence]')) supply(form);

function supply(form) {
  const zone = form.querySelector('[data-drop]');
  const batch = form.elements.batch;
  const table = zone.querySelector('[data-queue]');
  const said = zone.querySelector('[data-said]');
  const [maxFiles, maxBytes] = [Number(zone.dataset.maxFiles), Number(zone.dataset.maxBytes)];
  const litter = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|__MACOSX)(\/|$)/i;
  const waiting = [];
  let opening = null;
  let running = 0;
  let isSent = false;
  for (const element of zone.querySelectorAll('[data-only-script]')) element.hidden = false;

  const say = (text) => { said.textContent = text; };
  const rows = () => [...table.tBodies[0].rows];
  const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);
  const post = (address) => fetch(address, { method: 'POST', headers: { 'x-csrf-token': csrf } });

  /** What a refusal says, as a problem or as the page of one. */
  const why = (status, text) => {
    try { return JSON.parse(text).detail; } catch { return status ? `refused (${status}); load the page again` : 'the connection ended before all of it was there'; }
  };

  const open = () => {
    opening ??= post('/uploads').then(async (answer) => {
      const text = await answer.text();
      if (!answer.ok) throw new Error(why(answer.status, text));
      batch.value = JSON.parse(text).batch;
    }).catch((error) => { opening = null; throw error; });
    return opening;
  };
  if (batch.value) opening = Promise.resolve();

  const cell = (row, label) => {
    const one = row.insertCell();
    one.dataset.label = label;
    return one;
  };

  const removable = (row, name, remove) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Remove';
    button.setAttribute('aria-label', `Remove ${name}`);
    button.addEventListener('click', () => {
      const next = row.nextElementSibling?.querySelector('button') ?? zone.querySelector('input[type=file]');
      remove();
      row.remove();
      table.hidden = rows().length === 0;
      next.focus();
      said.textContent = `${name} removed`;
    });
    (row.cells[3] ?? cell(row, 'remove')).append(button);
  };

  for (const row of rows()) {
    const name = row.cells[0].textContent;
    removable(row, name, () => post(`/uploads/${encodeURIComponent(batch.value)}/files/${row.dataset.number}/remove`));
  }

  const enqueue = (files) => {
    let left = maxFiles - rows().length;
    let dropped = 0;
    for (const { file, name } of files.filter(({ name }) => !litter.test(name))) {
      if (left-- <= 0) { dropped += 1; continue; }
      const row = table.tBodies[0].insertRow();
      const head = document.createElement('th');
      head.scope = 'row';
      head.textContent = name;
      row.append(head);
      const what = cell(row, 'what it is');
      const bytes = cell(row, 'size');
      bytes.className = 'number';
      bytes.textContent = size(file.size);
      const item = { file, name, row, what, request: null, isGone: false };
      removable(row, name, () => {
        item.isGone = true;
        item.request?.abort();
        const at = waiting.indexOf(item);
        if (at >= 0) waiting.splice(at, 1);
        if (row.dataset.number) post(`/uploads/${encodeURIComponent(batch.value)}/files/${row.dataset.number}/remove`);
      });
      if (file.size > maxBytes) {
        fail(item, `more than the ${size(maxBytes)} that are taken at once`);
      } else {
        what.textContent = 'waits';
        waiting.push(item);
      }
    }
    table.hidden = rows().length === 0;
    if (dropped) say(`${dropped} files were left out: at most ${maxFiles} at once. Pack them as a ZIP.`);
    pump();
  };

  const fail = (item, text) => {
    item.row.dataset.failed = 'yes';
    item.what.className = 'stopped';
    item.what.textContent = `✕ not taken: ${text}`;
  };

  /** Sends the next files, two at a time. */
  const pump = () => {
    while (running < 2 && waiting.length) {
      const item = waiting.shift();
      running += 1;
      send(item).catch((error) => { if (!item.isGone) fail(item, error.message); }).finally(() => {
        running -= 1;
        if (!running && !waiting.length) settled();
        pump();
      });
    }
  };

  const settled = () => {
    const failed = rows().filter((row) => row.dataset.failed).length;
    const there = rows().length - failed;
    const ready = `${there} ${there === 1 ? 'file is' : 'files are'} ready to be added`;
    if (failed) { say(`${ready}, ${failed} not taken`); isSent = false; return; }
    if (there) say(ready);
    if (isSent && there) form.requestSubmit();
  };

  const send = async (item) => {
    await open();
    if (item.isGone) return;
    const bar = document.createElement('progress');
    bar.max = Math.max(item.file.size, 1);
    bar.value = 0;
    bar.setAttribute('aria-label', `${item.name}: sent`);
    item.what.replaceChildren(bar);
    await new Promise((done, broken) => {
      const request = new XMLHttpRequest();
      item.request = request;
      request.open('POST', `/uploads/${encodeURIComponent(batch.value)}/files?name=${encodeURIComponent(item.name)}`);
      request.setRequestHeader('x-csrf-token', csrf);
      request.setRequestHeader('content-type', 'application/octet-stream');
      request.upload.addEventListener('progress', (event) => { bar.value = event.loaded; });
      request.addEventListener('load', () => {
        if (request.status !== 200) {
          if (request.status === 404) opening = null;
          broken(new Error(why(request.status, request.responseText)));
          return;
        }
        const taken = JSON.parse(request.responseText);
        item.row.dataset.number = taken.number;
        item.row.cells[0].textContent = taken.name;
        recognised(item, taken.recognised);
        done();
      });
      request.addEventListener('error', () => broken(new Error(why(0, ''))));
      request.addEventListener('abort', () => done());
      request.send(item.file);
    });
  };

  /** Shows what a file is, or what the files of an archive are. */
  const recognised = (item, all) => {
    const lines = all.slice(0, 20).map((one) => {
      const line = document.createElement('p');
      line.className = one.kind ? 'passed' : 'changed';
      const name = all.length > 1 ? `${one.file.slice(item.row.cells[0].textContent.length + 1)}: ` : '';
      line.textContent = one.kind ? `✓ ${name}${one.kind}` : `! ${name}${one.why ?? 'nobody reads it'}`;
      return line;
    });
    if (all.length > lines.length) lines.push(document.createTextNode(`and ${all.length - lines.length} more`));
    item.what.replaceChildren(...lines);
  };

  /** All files below what was dropped, with their names from there. */
  const walk = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((done, broken) => entry.file(done, broken));
      return [{ file, name: entry.fullPath.replace(/^\//, '') }];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((done, broken) => reader.readEntries(done, broken));
      if (!some.length) return found;
      for (const one of some) {
        found.push(...await walk(one));
        if (found.length > maxFiles * 2) return found;
      }
    }
  };

  for (const picker of zone.querySelectorAll('input[type=file]')) {
    picker.addEventListener('change', () => {
      const files = [...picker.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
      // They are sent one by one, so not once more with the form.
      picker.value = '';
      enqueue(files);
    });
  }

  for (const kind of ['dragover', 'drop']) {
    // A file that misses the zone would take the page's place.
    addEventListener(kind, (event) => { if (event.dataTransfer?.types.includes('Files')) event.preventDefault(); });
  }
  zone.addEventListener('dragover', () => zone.classList.add('over'));
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', async (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    // Entries have to be asked for before anything is waited for.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = [...event.dataTransfer.files].map((file) => ({ file, name: file.name }));
    try {
      enqueue(entries.length ? (await Promise.all(entries.map(walk))).flat() : files);
    } catch {
      say('A folder could not be read; pick it with the button, or pack it as a ZIP');
    }
  });

  form.addEventListener('submit', (event) => {
    if (running || waiting.length) {
      event.preventDefault();
      isSent = true;
      say('It is sent as soon as all files are here');
    }
  });
}
