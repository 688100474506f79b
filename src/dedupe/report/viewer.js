// The viewer of the page: two images of a group beside each other, one after the other in one place, or their difference, with
// zoom. Images come from the files where the browser can show them, else from the small pictures of the page.
'use strict';

const BLINK_MS = 700;
const AMPLIFIED = [1, 4, 16]; // what the difference is multiplied by
const LARGEST_ZOOM = 40;
/** Quarter turns to the right, and whether mirrored then, that take an orientation back. */
const TAKEN_BACK = {
  'turned right': [3, false], 'turned upside down': [2, false], 'turned left': [1, false], mirrored: [0, true],
  'mirrored and turned right': [3, true], flipped: [2, true], 'mirrored and turned left': [1, true],
};

/**
 * The viewer in a dialog. What it needs of the page: `h` makes elements; `embedded` and `address` give the addresses of a file's
 * picture and of the file itself, or null; `caption` says what a file is, and `title` what a group is; `changed` is called after
 * another image was chosen, `closed` with the last group; `step` gives the group before or after one.
 */
function viewerOf(dialog, { h, embedded, address, caption, title, changed, closed, step }) {
  const stage = dialog.querySelector('.stage');
  const stated = dialog.querySelector('.stated');
  const heading = dialog.querySelector('h2');
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  let item = null;
  let shown = [0, 1]; // the numbers of the two images in the group
  let mode = 'side';
  let amplified = 1; // position in AMPLIFIED
  let isOver = true; // blink: the second image is to be seen
  let zoom = { scale: 1, x: 0, y: 0 };
  let timer = 0;

  const panes = [0, 1].map((side) => {
    const image = h('img', { alt: '', draggable: 'false' });
    const region = h('div', { class: 'region', hidden: true });
    const turned = h('div', { class: 'turned' }, image, region);
    const sheet = h('div', { class: 'sheet' }, turned);
    const about = h('figcaption', {});
    const source = h('span', { class: 'source' });
    const pane = h('figure', { class: `pane ${side ? 'second' : 'first'}` }, h('div', { class: 'view' }, sheet), about);
    return { pane, sheet, turned, image, region, about, source, file: null, loading: 0 };
  });
  stage.replaceChildren(...panes.map(({ pane }) => pane));

  // ---- the images

  function load(pane, file) {
    pane.file = file;
    pane.loading += 1;
    const turn = pane.loading;
    const small = embedded(file);
    if (small) pane.image.src = small;
    else pane.image.removeAttribute('src');
    const where = address(file);
    pane.source.textContent = where ? 'loading the file …' : small ? 'small picture' : 'no picture';
    if (!where) return;
    const whole = new Image();
    whole.src = where;
    whole.decode().then(() => {
      if (pane.loading !== turn) return;
      pane.image.src = where;
      pane.source.textContent = '';
      place();
    }, () => {
      if (pane.loading === turn) pane.source.textContent = small ? 'small picture: the browser cannot show the file' : 'the browser cannot show the file';
    });
  }
  /** The size of the image, upright. */
  function sizeOf({ file, image }) {
    if (file.width > 0 && file.height > 0) return [file.width, file.height];
    return [image.naturalWidth || 1, image.naturalHeight || 1];
  }

  // ---- where they lie

  const viewOf = (pane) => pane.pane.querySelector('.view').getBoundingClientRect();
  const fitted = ([width, height], view) => {
    const by = Math.min(view.width / width, view.height / height);
    return [width * by, height * by];
  };
  function place() {
    if (!dialog.open || !item) return;
    const first = sizeOf(panes[0]);
    panes.forEach((pane, side) => {
      const view = viewOf(pane);
      const own = sizeOf(pane);
      const aligned = mode !== 'side' || zoom.scale > 1; // the second is turned back, and stretched to the size of the first
      const [quarters, mirrored] = (aligned && side === 1 && TAKEN_BACK[turnOf()]) || [0, false];
      // whole and even numbers: edges that lie between two pixels would be seen in the difference
      const [width, height] = fitted(aligned ? first : own, view).map((size) => 2 * Math.max(1, Math.round(size / 2)));
      Object.assign(pane.sheet.style, {
        width: `${width}px`, height: `${height}px`, left: `${Math.round((view.width - width) / 2)}px`, top: `${Math.round((view.height - height) / 2)}px`,
      });
      pane.sheet.style.transform = `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
      const [across, down] = quarters % 2 ? [height, width] : [width, height];
      Object.assign(pane.turned.style, { width: `${across}px`, height: `${down}px`, left: `${(width - across) / 2}px`, top: `${(height - down) / 2}px` });
      pane.turned.style.transform = `${mirrored ? 'scaleX(-1)' : ''} rotate(${quarters * 90}deg)`;
      const perPixel = (zoom.scale * width) / Math.max(1, pane.image.naturalWidth);
      pane.image.classList.toggle('sharp', perPixel >= 3 && pane.source.textContent === '');
    });
    const percent = (100 * zoom.scale * fitted(first, viewOf(panes[0]))[0]) / first[0];
    stated.textContent = [
      mode === 'difference' ? `black where both are the same, × ${AMPLIFIED[amplified]}` : '',
      zoom.scale > 1 ? `zoom ${percent >= 10 ? Math.round(percent) : percent.toFixed(1)} %` : '',
    ].filter(Boolean).join(' · ');
    stage.classList.toggle('zoomed', zoom.scale > 1);
  }
  /** Zooms by a factor, so that the point (x, y) of a view, from its centre, stays where it is. */
  function zoomBy(factor, x = 0, y = 0) {
    const scale = Math.min(LARGEST_ZOOM, Math.max(1, zoom.scale * factor));
    const by = scale / zoom.scale;
    zoom = { scale, x: x - (x - zoom.x) * by, y: y - (y - zoom.y) * by };
    pan(0, 0);
  }
  function pan(dx, dy) {
    const [width, height] = fitted(sizeOf(panes[0]), viewOf(panes[0]));
    const within = (value, size) => Math.max(-size, Math.min(size, value));
    zoom.x = within(zoom.x + dx, ((zoom.scale - 1) * width) / 2);
    zoom.y = within(zoom.y + dy, ((zoom.scale - 1) * height) / 2);
    place();
  }
  function zoomTo(scale) {
    zoom = { scale: 1, x: 0, y: 0 };
    zoomBy(scale);
  }
  function toPixels() {
    const [width] = sizeOf(panes[0]);
    zoomTo(width / fitted(sizeOf(panes[0]), viewOf(panes[0]))[0]);
  }

  // ---- how they are compared

  const turnOf = () => item.turned[shown[1] - 1] ?? null;
  function look(wanted) {
    mode = wanted;
    isOver = true;
    stage.dataset.mode = mode;
    for (const button of dialog.querySelectorAll('[data-mode]')) {
      if (button !== stage) button.setAttribute('aria-pressed', String(button.dataset.mode === mode));
    }
    stage.style.setProperty('--amplified', AMPLIFIED[amplified]);
    clearInterval(timer);
    if (mode === 'blink' && !still.matches) timer = setInterval(blink, BLINK_MS);
    over();
    place();
  }
  /** The difference; again, more of it. */
  function differ() {
    if (mode === 'difference') amplified = (amplified + 1) % AMPLIFIED.length;
    look('difference');
  }
  function over() {
    stage.classList.toggle('under', mode === 'blink' && !isOver);
  }
  function blink() {
    isOver = !isOver;
    over();
  }
  function blinkByHand() {
    if (mode !== 'blink') look('blink');
    clearInterval(timer);
    blink();
  }

  // ---- which two

  function describe() {
    heading.textContent = title(item);
    panes.forEach(({ about, source, pane, region }, side) => {
      const { role, words } = caption(item, shown[side]);
      pane.dataset.role = role;
      about.replaceChildren(...words, source);
      const box = side === 1 ? item.regions[shown[1] - 1] : null;
      region.hidden = !box;
      if (box) {
        const [left, top, right, bottom] = box.map((share) => `${(100 * share).toFixed(2)}%`);
        Object.assign(region.style, { left, top, width: `calc(${right} - ${left})`, height: `calc(${bottom} - ${top})` });
      }
    });
  }
  function show(group, second) {
    item = group;
    const first = item.kept();
    const others = item.files.map((_, i) => i).filter((i) => i !== first);
    shown = [first, others.includes(second) ? second : others[0] ?? first];
    zoom = { scale: 1, x: 0, y: 0 };
    panes.forEach((pane, side) => load(pane, item.files[shown[side]]));
    describe();
    look(mode);
    changed(item, shown[1]);
    for (const near of [step(item, 1)].filter(Boolean)) { // the next pair is loaded ahead
      for (const file of near.files.slice(0, 2)) {
        const where = address(file);
        if (where) new Image().src = where;
      }
    }
  }
  /** The image before or after the second one in the group. */
  function another(by) {
    const others = item.files.map((_, i) => i).filter((i) => i !== shown[0]);
    const at = others.indexOf(shown[1]);
    const next = others[(at + by + others.length) % others.length];
    if (next === undefined || next === shown[1]) return;
    shown[1] = next;
    load(panes[1], item.files[next]);
    describe();
    place();
    changed(item, next);
  }
  function stepTo(by) {
    const next = step(item, by);
    if (next) show(next, -1);
  }

  // ---- keys, wheel, pointer

  const PAN = 80;
  const KEYS = {
    s: () => look('side'), b: () => look('blink'), x: differ, ' ': blinkByHand,
    '+': () => zoomBy(1.5), '=': () => zoomBy(1.5), '-': () => zoomBy(1 / 1.5), 0: () => zoomTo(1), 1: toPixels,
    ArrowLeft: () => another(-1), ArrowRight: () => another(1), ArrowUp: () => stepTo(-1), ArrowDown: () => stepTo(1),
    k: () => stepTo(-1), j: () => stepTo(1), v: () => dialog.close(),
  };
  const SHIFTED = {
    ArrowLeft: () => pan(PAN, 0), ArrowRight: () => pan(-PAN, 0), ArrowUp: () => pan(0, PAN), ArrowDown: () => pan(0, -PAN),
  };
  /** Handles a key; false if it has another meaning. */
  function press(event) {
    if (event.target instanceof HTMLButtonElement && [' ', 'Enter'].includes(event.key)) return true;
    const keys = event.shiftKey && Object.hasOwn(SHIFTED, event.key) ? SHIFTED : KEYS;
    if (!Object.hasOwn(keys, event.key)) return false;
    event.preventDefault();
    keys[event.key]();
    return true;
  }
  /** Where the pointer is in the view below it, from its centre. */
  function fromCentre(event) {
    const view = viewOf(panes.find((pane) => inside(viewOf(pane), event)) ?? panes[0]);
    return [event.clientX - view.left - view.width / 2, event.clientY - view.top - view.height / 2];
  }
  const inside = (view, { clientX: x, clientY: y }) => x >= view.left && x <= view.right && y >= view.top && y <= view.bottom;
  stage.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoomBy(1.0015 ** -event.deltaY, ...fromCentre(event));
  }, { passive: false });
  stage.addEventListener('dblclick', (event) => {
    if (zoom.scale > 1) zoomTo(1);
    else zoomBy(4, ...fromCentre(event));
  });
  stage.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || zoom.scale <= 1) return;
    stage.setPointerCapture(event.pointerId);
    const move = (to) => pan(to.movementX, to.movementY);
    stage.addEventListener('pointermove', move);
    stage.addEventListener('lostpointercapture', () => stage.removeEventListener('pointermove', move), { once: true });
  });
  addEventListener('resize', () => pan(0, 0));
  dialog.addEventListener('close', () => {
    clearInterval(timer);
    for (const pane of panes) {
      pane.loading += 1;
      pane.image.removeAttribute('src'); // large images are not kept
    }
    closed(item);
  });
  for (const button of dialog.querySelectorAll('button[data-mode]')) button.addEventListener('click', () => (button.dataset.mode === 'difference' ? differ() : look(button.dataset.mode)));
  const CLICKS = { in: () => zoomBy(1.5), out: () => zoomBy(1 / 1.5), fit: () => zoomTo(1), close: () => dialog.close() };
  for (const button of dialog.querySelectorAll('[data-do]')) {
    if (Object.hasOwn(CLICKS, button.dataset.do)) button.addEventListener('click', CLICKS[button.dataset.do]);
  }

  return {
    open(group, second) {
      dialog.showModal();
      show(group, second);
    },
    press,
    refresh: () => { if (dialog.open && item) describe(); },
    stepTo,
    get item() { return dialog.open ? item : null; },
    get second() { return shown[1]; },
  };
}

