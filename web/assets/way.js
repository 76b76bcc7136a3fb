
// way

// Whoever opened a stage is there, and Escape leads back to the lanes.
const stage = document.getElementById('stage');
if (stage) {
  if (location.hash === '#stage') stage.focus();
  stage.addEventListener('keydown', (event) => {
    const back = stage.querySelector('.back a');
    if (event.key === 'Escape' && back) back.click();
  });
}
// Back among the lanes, the stage that was left has the focus again.
if (location.hash.startsWith('#at-')) document.getElementById(location.hash.slice(1))?.focus();

// Arrow keys go from event to event along the axis of time.
for (const axis of document.querySelectorAll('.timeaxis')) {
  axis.addEventListener('keydown', (event) => {
    const dots = [...axis.querySelectorAll('a.dot')];
    const at = dots.indexOf(event.target);
    if (at < 0) return;
    const next = { ArrowRight: dots[at + 1], ArrowLeft: dots[at - 1], Home: dots[0], End: dots.at(-1) }[event.key];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });
}
