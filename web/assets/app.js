// Comfort for pages that work without it: copying, dropping files, going on by itself. Nothing here makes markup out of text.
'use strict';

const csrf = document.querySelector('meta[name=csrf]')?.content ?? '';

/** Says something to everybody, screen readers too. */
function tell(text) {
  const told = document.getElementById('told');
  told.textContent = text;
  setTimeout(() => { if (told.textContent === text) told.textContent = ''; }, 4000);
}

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = (button.dataset.copy && document.getElementById(button.dataset.copy)) || button.parentElement.querySelector('pre, textarea');
    try {
      await navigator.clipboard.writeText(text.value ?? text.textContent);
      tell('Copied');
    } catch {
      getSelection().selectAllChildren(text);
      tell('Marked: copy it with the keyboard');
    }
  });
}

// Arrow keys go from stage to stage, as in a table.
for (const lanes of document.querySelectorAll('table.lanes')) {
  const rows = [...lanes.querySelectorAll('tr')].map((row) => [...row.querySelectorAll('a.state')]).filter((row) => row.length);
  lanes.addEventListener('keydown', (event) => {
    const at = rows.findIndex((row) => row.includes(event.target));
    if (at < 0) return;
    const column = rows[at].indexOf(event.target);
    const next = {
      ArrowRight: rows[at][column + 1],
      ArrowLeft: rows[at][column - 1],
      ArrowDown: rows[at + 1]?.[column],
      ArrowUp: rows[at - 1]?.[column],
      Home: rows[at][0],
      End: rows[at].at(-1),
    }[event.key];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
}

// A page that tells how far a work is looks again by itself, and gives way to the answer.
const working = document.querySelector('[data-working]');
if (working) {
  const again = async () => {
    const answer = await fetch(location.href).then((page) => page.text()).catch(() => null);
    const next = answer && new DOMParser().parseFromString(answer, 'text/html').querySelector('[data-working]');
    if (answer && !next) {
      location.reload();
      return;
    }
    const [bar, then] = [working.querySelector('progress'), next?.querySelector('progress')];
    if (bar && then) {
      bar.value = then.value;
      working.querySelector('p').textContent = next.querySelector('p').textContent;
    } else if (then) {
      location.reload();
      return;
    }
    setTimeout(again, 700);
  };
  setTimeout(again, 700);
}

// A form that answers with a file leaves its page as it was: look again what the journal says now.
for (const form of document.querySelectorAll('form[data-download]')) {
  form.addEventListener('submit', () => { tell('The package is being made'); setTimeout(() => location.reload(), 2500); });
}
