// Opens pages of `aesearch dedupe scan --report` in Chromium and uses them as a person would. No request may leave the page,
// and decisions must come out as a file that `aesearch dedupe decide --import` reads.
//
//   node report_check.mjs [--pictures DIR] REPORT.html...
//
// Needs playwright-core (package.json) and a Chromium, found on the PATH or named by $CHROMIUM. With --pictures, screenshots are
// written there, as REPORT-light.png and so on; the downloaded decisions lie beside them as REPORT-decisions.json.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launch } from './browser.mjs';

const LARGEST = 20_000_000; // bytes of a report
const FIRST_PAINT_MS = 2000;

/** A page with the report, and what it did that it must not. */
async function open(browser, path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  const address = pathToFileURL(path).href;
  const wrong = [];
  page.on('request', (request) => {
    const isFile = request.resourceType() === 'image' && request.url().startsWith('file:'); // of the collection
    if (request.url() !== address && !isFile && !/^(data|blob):/.test(request.url())) wrong.push(`request: ${request.url().slice(0, 200)}`);
  });
  page.on('console', (message) => {
    const isGone = message.text().includes('net::ERR_FILE_NOT_FOUND'); // a file is away: its small picture is shown
    if (['error', 'warning'].includes(message.type()) && !isGone) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(address);
  await page.waitForSelector('html[data-ready]', { timeout: 30_000 });
  return { context, page, wrong };
}

/** The element that has the keyboard's attention must be one of the groups; its position, from 1. */
const position = (page) => page.evaluate(() => Number(document.activeElement.getAttribute('aria-posinset')));

async function check(browser, path, pictures) {
  const name = basename(path, '.html');
  const size = statSync(path).size;
  assert.ok(size < LARGEST, `${size} bytes`);
  const shoot = (page, what) => page.screenshot({ path: join(pictures, `${name}-${what}.png`) });

  const { context, page, wrong } = await open(browser, path);
  assert.equal(await page.title(), 'Duplicates · aesearch', 'no name took the title');
  const paint = await page.evaluate(() => new Promise((done) => {
    const told = performance.getEntriesByName('first-contentful-paint')[0];
    if (told) done(told.startTime);
    new PerformanceObserver((list) => list.getEntriesByName('first-contentful-paint').forEach((entry) => done(entry.startTime)))
      .observe({ type: 'paint', buffered: true });
  }));
  const ready = await page.evaluate(() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd);
  assert.ok(paint < FIRST_PAINT_MS, `first paint after ${paint} ms`);
  const all = Number((await page.locator('#kinds button b').first().textContent()).replaceAll(',', ''));
  const rendered = await page.locator('article.group').count();
  assert.ok(all === 0 || rendered > 0, 'groups are rendered');
  assert.ok(rendered <= 200, `${rendered} of ${all} are rendered at once`);
  await page.evaluate(() => Promise.all([...document.images].filter((image) => image.src).map((image) => image.decode())));
  await shoot(page, 'light');
  console.log(`${name}: ${size} bytes, ${all} groups and near misses, first paint ${paint.toFixed(0)} ms, loaded ${ready.toFixed(0)} ms`);
  if (all === 0) {
    assert.deepEqual(wrong, []);
    return context.close();
  }

  // the policy holds: neither a script nor a picture from elsewhere gets in
  const refused = await page.evaluate(() => new Promise((done) => {
    const told = [];
    document.addEventListener('securitypolicyviolation', (event) => { told.push(event.effectiveDirective); if (told.length === 2) done(told.sort()); });
    document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = "taken"' }));
    document.body.append(Object.assign(document.createElement('img'), { src: 'https://elsewhere.invalid/a.png' }));
    setTimeout(() => done(told), 3000);
  }));
  assert.deepEqual(refused, ['img-src', 'script-src-elem']);
  wrong.length = 0; // those two were told on the console

  // keys: along the groups, decide, clear
  await page.keyboard.press('j');
  assert.equal(await position(page), 1);
  await page.keyboard.press('a');
  assert.match(await page.locator('#toast').textContent(), /all kept/);
  if (all > 1) {
    assert.equal(await position(page), 2, 'a decision goes on to the next group');
    if (all > 2) {
      await page.keyboard.press('ArrowDown');
      assert.equal(await position(page), 3);
      await page.keyboard.press('k');
    }
    await page.keyboard.press('k');
  }
  assert.equal(await position(page), 1);
  assert.match(await page.locator("article.current .verdict").textContent(), /all kept/);
  await page.keyboard.press('c');
  assert.match(await page.locator('#progress').textContent(), /^0 of /);
  await page.keyboard.press('a');
  await page.keyboard.press('G');
  assert.equal(await position(page), all, 'the last group');
  await page.keyboard.press('d');
  await page.waitForTimeout(100);
  await shoot(page, 'decided');
  let decided = Number((await page.locator('#progress').textContent()).split(' ')[0]);
  assert.ok(decided >= 1, 'something is decided');

  await page.keyboard.press('?');
  assert.ok(await page.locator('#help').isVisible());
  await shoot(page, 'help');
  await page.keyboard.press('Escape');
  assert.ok(!(await page.locator('#help').isVisible()));

  // one image of a larger near group is taken out of it
  const toggle = page.locator('.other-toggle').first();
  const nearOnes = page.locator('#kinds button[data-kind="near"]');
  if ((await nearOnes.count()) > 0) await nearOnes.click();
  await page.waitForTimeout(300);
  const takenOut = (await toggle.count()) > 0;
  if (takenOut) {
    await toggle.click();
    assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
    decided = Number((await page.locator('#progress').textContent()).split(' ')[0]);
    await toggle.scrollIntoViewIfNeeded();
    await shoot(page, 'taken-out');
  }

  // two images are compared: beside each other, in one place, by their difference, enlarged; one of them is kept
  await page.keyboard.press('g');
  const isPair = (await page.locator('article.current .pic').count()) > 1;
  if (isPair && (await page.locator('article.current .keep-this').count()) > 0) {
    await page.keyboard.press('c');
    await page.keyboard.press('v');
    await page.waitForTimeout(500);
    const views = await page.locator('#viewer .view').evaluateAll((all) => all.map((view) => Math.min(view.offsetWidth, view.offsetHeight)));
    assert.ok(views.every((side) => side >= 512), `${views}`);
    await shoot(page, 'side-by-side');
    for (const [key, mode] of [['b', 'blink'], ['x', 'difference'], ['s', 'side']]) {
      await page.keyboard.press(key);
      assert.equal(await page.locator('#viewer .stage').getAttribute('data-mode'), mode);
      await page.waitForTimeout(100);
      if (key === 'x') await shoot(page, 'difference');
    }
    await page.keyboard.press('+');
    assert.match(await page.locator('#viewer .stated').textContent(), /zoom/);
    await page.keyboard.press('t');
    assert.match(await page.locator('#viewer .second .is').textContent(), /your choice/);
    await page.keyboard.press('Escape');
    assert.ok(!(await page.locator('#viewer').isVisible()));
    assert.equal(await position(page), 1);
    assert.match(await page.locator('article.current .why').textContent(), /you chose it/);
    decided = Number((await page.locator('#progress').textContent()).split(' ')[0]);
  }

  // search and filters
  const word = await page.locator('article.group .name').first().textContent();
  await page.keyboard.press('/');
  await page.keyboard.type(word.slice(0, 12));
  await page.waitForTimeout(400);
  assert.ok((await page.locator('article.group').count()) > 0, `${word} is found`);
  await page.fill('#search', 'no path is called so');
  await page.waitForSelector('#empty:not([hidden])');
  await page.locator('#reset').click();
  await page.selectOption('#state', 'decided');
  await page.waitForTimeout(300);
  assert.equal(await page.locator('article.group').count(), Math.min(decided, 8));
  await page.selectOption('#state', '');

  // decisions come out as a file, and are there again after the page is loaded anew
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()]);
  assert.equal(download.suggestedFilename(), 'aesearch-decisions.json');
  const file = join(pictures, `${name}-decisions.json`);
  await download.saveAs(file);
  const document_ = JSON.parse(readFileSync(file, 'utf8'));
  const isNewer = document_.decisions.some(({ verdict }) => verdict === 'keep');
  assert.deepEqual([document_.schema_version, document_.command], [isNewer ? 2 : 1, 'dedupe decide']);
  assert.ok(document_.decisions.length >= decided);
  for (const { verdict, hashes, paths, keep } of document_.decisions) {
    assert.match(verdict, /^(different|keep-all|keep)$/);
    assert.ok(verdict !== 'keep' || (hashes.includes(keep.hash) && paths.includes(keep.path)));
    assert.ok(hashes.length >= (verdict === 'different' ? 2 : 1) && hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash)));
    assert.ok(paths.every((path_) => typeof path_ === 'string'));
  }
  const before = await page.locator('#progress').textContent();
  await page.reload();
  await page.waitForSelector('html[data-ready]');
  assert.equal(await page.locator('#progress').textContent(), before, 'decisions outlast the page');

  // scrolling through keeps few groups in the page
  for (let i = 0; i < 8; i += 1) {
    await page.mouse.wheel(0, 3000);
    await page.waitForTimeout(60);
  }
  await page.waitForTimeout(600);
  const there = await page.locator('article.group').count();
  assert.ok(there > 0 && there <= 240, `${there} groups after scrolling`);
  await shoot(page, 'scrolled');
  assert.deepEqual(wrong, []);
  await context.close();

  for (const [what, options] of [
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 390, height: 844 } }],
    ['narrow-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ]) {
    const other = await open(browser, path, options);
    const over = await other.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${what}: ${over} pixels wider than the window`);
    await shoot(other.page, what);
    await other.page.locator('article.group').first().scrollIntoViewIfNeeded();
    await other.page.mouse.wheel(0, 700);
    await other.page.waitForTimeout(200);
    await shoot(other.page, `${what}-groups`);
    assert.deepEqual(other.wrong, [], what);
    await other.context.close();
  }
  return undefined;
}

const args = process.argv.slice(2);
const at = args.indexOf('--pictures');
const [, folder] = at < 0 ? [] : args.splice(at, 2);
const pictures = resolve(folder ?? mkdtempSync(join(tmpdir(), 'report-')));
mkdirSync(pictures, { recursive: true });
assert.ok(args.length > 0, 'usage: node report_check.mjs [--pictures DIR] REPORT.html...');
const browser = await launch();
try {
  for (const path of args) await check(browser, resolve(path), pictures);
} finally {
  await browser.close();
}
console.log(`screenshots in ${pictures}`);
