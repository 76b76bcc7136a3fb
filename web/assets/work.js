// Commands of a sheet get a button that copies them. It stands behind them, so that the keyboard finds it there.
function withButtons(root) {
  for (const block of root.querySelectorAll('.sheet pre.command')) withButton(block);
}

function withButton(block) {
  const around = document.createElement('div');
  around.className = 'copy';
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  block.replaceWith(around);
  around.append(block, button);
  button.addEventListener('click', () => copy(block));
}

withButtons(document);

/** Copies the text of an element, or marks it where copying is not allowed. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    tell('Copied');
  } catch {
    getSelection().selectAllChildren(element);
    tell('Marked: copy it with the keyboard');
  }
}

// A preview follows its form: the same page is asked for, and the part that shows it is taken over.
for (const form of document.querySelectorAll('form[data-preview]')) {
  const id = form.dataset.preview;
  let latest = 0;
  let timer;
  const follow = async () => {
    const turn = ++latest;
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    document.getElementById(id).classList.add('waits');
    const answer = await fetch(address, { headers: { accept: 'text/html' } }).then((got) => got.text()).catch(() => '');
    if (turn !== latest) return;
    const fresh = new DOMParser().parseFromString(answer, 'text/html').getElementById(id);
    // No such part: the answer is still worked on, or there is none. The page itself says so.
    if (!fresh) return location.assign(address);
    document.getElementById(id).replaceWith(fresh);
    history.replaceState(null, '', address);
    for (const button of fresh.querySelectorAll('button[data-copy]')) {
      button.hidden = false;
      button.addEventListener('click', () => copy(button.parentElement.querySelector('pre')));
    }
    withButtons(fresh);
    tell('The preview is up to date');
  };
  form.addEventListener('change', follow);
  form.addEventListener('input', (event) => {
    if (event.target.type === 'text') {
      clearTimeout(timer);
      timer = setTimeout(follow, 300);
    }
  });
}
