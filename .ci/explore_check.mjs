// Opens pages of `aesearch report` in Chromium and uses them as a person would, at a desk and on a phone, in light and dark: nothing may
// leave the page, all must be reached by keys, texts must be legible, and the map must keep up.
//
//   node explore_check.mjs [--pictures DIR] [--frame-ms N] PAGE.html...
//
// Needs playwright-core (package.json) and a Chromium, found on the PATH or named by $CHROMIUM. With --pictures, screenshots are written
// there, as PAGE-light.png and so on. --frame-ms is what a frame of the moving map may take at the median: 17 ms are 60 a second; machines
// that are shared need more.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launch } from './browser.mjs';

const LARGEST = 25_000_000; // bytes of a page
const FIRST_PAINT_MS = 2000;
const CONTRAST = 4.5; // of texts, as WCAG asks for

/** A page, and what it did that it must not. */
async function open(browser, path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const address = pathToFileURL(path).href;
  const wrong = [];
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) wrong.push(`request: ${request.url().slice(0, 200)}`);
  });
  page.on('console', (message) => {
    if (message.text().includes('willReadFrequently')) return; // this check reads pixels, the page does not
    if (['error', 'warning'].includes(message.type())) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(address);
  await page.waitForSelector('html[data-ready]', { timeout: 60_000 });
  return { context, page, wrong };
}

/** How many different colours the map shows, and which part of it is not its paper. */
const drawn = (page) => page.evaluate(() => {
  const canvas = document.getElementById('dots');
  const { data: bytes } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const values = new Uint32Array(bytes.buffer);
  const seen = new Map();
  for (const value of values) seen.set(value, (seen.get(value) ?? 0) + 1);
  return { colours: seen.size, part: 1 - Math.max(...seen.values()) / values.length };
});

/** Texts that are hard to read on what is behind them, and controls without a name. */
const faults = (page) => page.evaluate((least) => {
  const found = [];
  const numbers = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(numbers(style.color)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const what = `${element.tagName.toLowerCase()}.${element.className}`;
    if (contrast < least && !told.has(what)) {
      told.add(what);
      found.push(`contrast ${contrast.toFixed(2)}: ${what} ${walker.currentNode.data.trim().slice(0, 30)}`);
    }
  }
  for (const control of document.querySelectorAll('button, input, a[href], canvas[tabindex], [role=radio]')) {
    const labelled = control.getAttribute('aria-label') || control.textContent.trim() || [...(control.labels ?? [])].map((label) => label.textContent.trim()).join('');
    if (!labelled) found.push(`no name: ${control.outerHTML.slice(0, 100)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  for (const id of new Set(ids.filter((id_, i) => ids.indexOf(id_) !== i))) found.push(`two elements are called ${id}`);
  for (const element of document.querySelectorAll('[aria-labelledby], [aria-describedby]')) {
    for (const id of `${element.getAttribute('aria-labelledby') ?? ''} ${element.getAttribute('aria-describedby') ?? ''}`.split(' ').filter(Boolean)) {
      if (!document.getElementById(id)) found.push(`${element.tagName} is described by ${id}, which is not there`);
    }
  }
  const levels = [...document.querySelectorAll('main h2, main h3, main h4, h1')].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]));
  levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) found.push(`a heading of level ${level} follows one of ${levels[i - 1]}`); });
  return found;
}, CONTRAST);

/** The times of frames while the map is dragged and zoomed, ascending. */
async function frames(page) {
  const box = await page.locator('#marks').boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.evaluate(() => {
    window.frameTimes = [];
    let last = performance.now();
    const tick = (now) => { window.frameTimes.push(now - last); last = now; window.framing = requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
  });
  await page.mouse.move(x, y);
  for (let round = 0; round < 3; round += 1) {
    await page.mouse.down();
    for (let i = 0; i < 40; i += 1) await page.mouse.move(x + 90 * Math.sin(i / 6), y + 60 * Math.cos(i / 6));
    await page.mouse.up();
    for (let i = 0; i < 14; i += 1) await page.mouse.wheel(0, -60);
  }
  return page.evaluate(() => {
    cancelAnimationFrame(window.framing);
    return window.frameTimes.slice(1).sort((a, b) => a - b);
  });
}

async function check(browser, path, pictures, frameMs) {
  const name = basename(path, '.html');
  const size = statSync(path).size;
  assert.ok(size < LARGEST, `${size} bytes`);
  const shoot = (page, what) => page.screenshot({ path: join(pictures, `${name}-${what}.png`) });

  const { context, page, wrong } = await open(browser, path);
  assert.equal(await page.title(), 'Collection · aesearch', 'no name took the title');
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  const ready = await page.evaluate(() => performance.now());
  assert.ok(paint < FIRST_PAINT_MS, `first paint after ${paint} ms`);
  const images = Number((await page.locator('#facts dd').first().textContent()).replaceAll(',', ''));
  await page.waitForTimeout(1500); // which pictures have room is found out
  const { colours, part } = await drawn(page);
  assert.ok(colours > 5 && part > 0.002, `the map is drawn: ${colours} colours on ${part}`);
  await shoot(page, 'light');

  // the policy holds: neither a script nor a picture from elsewhere gets in
  const refused = await page.evaluate(() => new Promise((done) => {
    const told = [];
    document.addEventListener('securitypolicyviolation', (event) => { told.push(event.effectiveDirective); if (told.length === 2) done(told.sort()); });
    document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = "taken"' }));
    document.body.append(Object.assign(document.createElement('img'), { alt: '', src: 'file:///elsewhere.png' }));
    setTimeout(() => done(told), 3000);
  }));
  assert.deepEqual(refused, ['img-src', 'script-src-elem']);
  wrong.length = 0; // those two were told on the console

  // under the pointer an image shows itself; a click picks it, with its neighbours
  const place = await page.evaluate(() => { const row = order[0]; const box = $('marks').getBoundingClientRect(); return [box.left + toX(all.x[row]), box.top + toY(all.y[row])]; });
  await page.mouse.move(...place);
  await page.waitForSelector('#tip:not([hidden]) canvas, #tip:not([hidden]) .none');
  await page.waitForTimeout(400);
  const shown = await page.evaluate(() => [...document.querySelectorAll('#tip canvas')].every((canvas) => canvas.width > 1));
  assert.ok(shown, 'its picture is drawn');
  await shoot(page, 'hover');
  await page.mouse.click(...place);
  const wanted = Math.min(10, images - 1);
  await page.waitForFunction((n) => document.querySelectorAll('#picked .near').length === n, wanted);
  await page.waitForTimeout(400);
  await shoot(page, 'picked');
  const first = await page.locator('#picked h3').textContent();
  await page.locator('#picked .near').first().click();
  assert.notEqual(await page.locator('#picked h3').textContent(), first, 'a neighbour is picked in turn');

  // keys alone: zoom in, move, pick, step through the neighbours, clear
  await page.locator('#marks').focus();
  await page.keyboard.press('Escape');
  assert.match(await page.locator('#picked h3').textContent(), /No image selected/);
  await page.evaluate(() => go(all.x[order[1]], all.y[order[1]], view.fit, true));
  const scale = () => page.evaluate(() => view.scale / view.fit);
  for (let i = 0; i < 6; i += 1) await page.keyboard.press('+');
  assert.ok((await scale()) > 5);
  await page.keyboard.press('Enter');
  const picked = await page.locator('#picked h3').textContent();
  assert.doesNotMatch(picked, /No image selected/);
  assert.match(await page.locator('#said').textContent(), /Selected: /, 'it is said aloud');
  await page.keyboard.press('.');
  assert.notEqual(await page.locator('#picked h3').textContent(), picked);
  await page.keyboard.press(',');
  await page.keyboard.press('ArrowLeft');
  await page.waitForTimeout(1200);
  await shoot(page, 'near');
  await page.keyboard.press('0');
  assert.ok(Math.abs((await scale()) - 1) < 1e-6);
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  assert.ok(await page.locator('#help').isVisible());
  await shoot(page, 'help');
  await page.keyboard.press('Escape');
  assert.ok(!(await page.locator('#help').isVisible()));

  // colours and their legend
  for (const kind of await page.locator('#colour-by button').all()) {
    await kind.click();
    assert.equal(await kind.getAttribute('aria-checked'), 'true');
    await page.waitForTimeout(150);
    assert.ok((await drawn(page)).colours > 3);
    if ((await kind.textContent()) === 'Outlier score') await shoot(page, 'outlier-score');
  }
  await page.locator('#colour-by button').first().click();
  const group = page.locator('#legend .group').first();
  await group.click();
  assert.equal(await group.getAttribute('aria-pressed'), 'false');
  await group.press('o');
  assert.equal(await page.locator('#legend .group[aria-pressed=true]').count(), 1, 'it is shown alone');
  await page.locator('#legend-all').click();
  assert.equal(await page.locator('#legend .group[aria-pressed=false]').count(), 0);

  // search
  await page.keyboard.press('/');
  await page.keyboard.type('no path is called so');
  await page.waitForFunction(() => document.getElementById('found').textContent === 'nothing found');
  await page.fill('#search', await page.evaluate(() => split(names()[order[0]])[1].slice(-6)));
  await page.waitForFunction(() => /found$/.test(document.getElementById('found').textContent) && document.querySelectorAll('#picked .near').length > 0);
  await page.keyboard.press('Enter');
  await page.waitForTimeout(500);
  await shoot(page, 'search');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#found').textContent(), '');

  // from a list to the map, and back
  const card = page.locator('#outliers .card-image').first();
  await card.scrollIntoViewIfNeeded();
  await page.waitForTimeout(700);
  await shoot(page, 'outliers');
  const from = await page.evaluate(() => scrollY);
  await card.click();
  await page.waitForFunction(() => document.getElementById('map').getBoundingClientRect().bottom > innerHeight / 2, null, { timeout: 5000 });
  await page.waitForTimeout(1000);
  await page.getByText('Back to the list').click();
  await page.waitForFunction((top) => Math.abs(scrollY - top) < 4, from, { timeout: 5000 });

  // a page that is looked through keeps what was promised
  for (const id of await page.evaluate(() => [...document.querySelectorAll('main > section:not([hidden])')].map((section) => section.id))) {
    await page.evaluate((id_) => document.getElementById(id_).scrollIntoView({ behavior: 'instant' }), id);
    await page.waitForTimeout(500);
    await shoot(page, `part-${id}`);
  }
  assert.deepEqual(await faults(page), [], 'light');

  await page.evaluate(() => { scrollTo({ top: 0, behavior: 'instant' }); clearSelection(); showAll(true); });
  const times = await frames(page);
  const at = (part_) => times[Math.floor(part_ * (times.length - 1))];
  await page.waitForTimeout(1500);
  await shoot(page, 'moved');
  assert.ok(at(0.5) <= frameMs, `a frame takes ${at(0.5)} ms`);
  console.log(`${name}: ${size} bytes, ${images} images, first paint ${paint.toFixed(0)} ms, ready ${ready.toFixed(0)} ms; `
    + `${times.length} frames while dragged and zoomed: median ${at(0.5).toFixed(1)} ms, 95 of 100 within ${at(0.95).toFixed(1)} ms`);
  assert.deepEqual(wrong, []);
  await context.close();

  for (const [what, options] of [
    ['dark', { colorScheme: 'dark' }],
    ['phone', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }],
    ['phone-dark', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 380, height: 700 }, reducedMotion: 'reduce' }],
  ]) {
    const other = await open(browser, path, options);
    await other.page.waitForTimeout(1000);
    const over = await other.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${what}: ${over} pixels wider than the window`);
    assert.ok((await drawn(other.page)).part > 0.002, what);
    await shoot(other.page, what);
    if (options.hasTouch) {
      await other.page.locator('#marks').scrollIntoViewIfNeeded();
      const tap = await other.page.evaluate(() => { const row = order[0]; const box = $('marks').getBoundingClientRect(); return [box.left + toX(all.x[row]), box.top + toY(all.y[row])]; });
      await other.page.touchscreen.tap(...tap);
      await other.page.waitForFunction((n) => document.querySelectorAll('#picked .near').length === n, wanted);
      await other.page.locator('#picked').scrollIntoViewIfNeeded();
      await other.page.waitForTimeout(500);
      await shoot(other.page, `${what}-picked`);
    }
    await other.page.locator('#clusters').scrollIntoViewIfNeeded();
    await other.page.evaluate(() => document.getElementById('clusters-cards').scrollIntoView({ behavior: 'instant' }));
    await other.page.waitForTimeout(600);
    await shoot(other.page, `${what}-clusters`);
    assert.deepEqual(await faults(other.page), [], what);
    assert.deepEqual(other.wrong, [], what);
    await other.context.close();
  }

  // the button turns colours over, whatever the system says
  const turned = await open(browser, path);
  const paper = () => turned.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await paper();
  await turned.page.locator('#theme').click();
  await turned.page.locator('#theme').click();
  assert.notEqual(await paper(), before, 'dark');
  await turned.context.close();
}

const args = process.argv.slice(2);
const option = (name) => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
};
const pictures = resolve(option('--pictures') ?? mkdtempSync(join(tmpdir(), 'report-')));
const frameMs = Number(option('--frame-ms') ?? 17);
mkdirSync(pictures, { recursive: true });
assert.ok(args.length > 0, 'usage: node explore_check.mjs [--pictures DIR] [--frame-ms N] PAGE.html...');
const browser = await launch();
try {
  for (const path of args) await check(browser, resolve(path), pictures, frameMs);
} finally {
  await browser.close();
}
console.log(`screenshots in ${pictures}`);
