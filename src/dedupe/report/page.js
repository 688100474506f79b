// The script of the page: shows the groups of the JSON blocks, a few at a time, and keeps decisions.
// All text of the plan is inserted as text nodes or values of fixed attributes; it is never parsed as markup.
'use strict';
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($('data').textContent);
  const album = JSON.parse($('pictures').textContent);
  for (const id of ['data', 'pictures']) $(id).remove(); // the text is no longer needed

  // ---- helpers

  /** An element: h('p', {class: 'x', onclick: f}, 'text', child). */
  function h(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  }
  const number = (n) => Number(n).toLocaleString('en-US', { maximumFractionDigits: 0 });
  const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
  function bytes(n) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let unit = 0;
    while (n >= 1000 && unit < 4) { n /= 1000; unit += 1; }
    return `${unit ? n.toFixed(1) : n}\u00a0${units[unit]}`;
  }
  /** A number with few digits: 0.0000012 is 1.2e-6. */
  function few(x) {
    if (x === null || x === undefined) return 'unknown';
    if (x === 0) return '0';
    if (Math.abs(x) >= 1000) return number(x);
    return Math.abs(x) < 0.001 ? x.toExponential(1).replace('.0e', 'e') : String(Number(x.toPrecision(3)));
  }
  const similar = (x) => (x === null ? '?' : (Math.floor(x * 1000) / 1000).toFixed(3));
  /** A rate as "1 in 1,000". */
  const oneIn = (rate) => (rate > 0 && rate < 1 ? `1 in ${number(Math.round(1 / rate))}` : few(rate));
  /** Writes out invisible characters, and those that change the direction of text. */
  const visible = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`);

  // ---- files, groups, near misses

  const hashes = [];
  const files = data.files.map((row, i) => {
    const [folder, name, size, mtime, hash, width, height, format, marks, label, picture] = row;
    hashes.push(hash === 0 ? hashes[i - 1] : hash);
    return {
      folder: data.folders[folder], name, size, mtime, hash: hashes[i], width, height, format, label, picture,
      entry: (marks & 1) > 0, reference: (marks & 2) > 0, exif: (marks & 4) > 0, damaged: (marks & 8) > 0,
    };
  });
  const pathOf = (file) => file.folder + file.name;
  const hexOf = (base64) => Array.from(atob(base64), (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  const wordsOf = (file) => (file.words ??= `${pathOf(file)}\n${file.label ?? ''}`.toLowerCase());

  /** The number of the file that is kept: the proposed one, or the one that was chosen. */
  function kept() {
    const chosen = chosenOf(this);
    return Math.max(0, chosen ? this.files.findIndex((file) => file.hash === chosen.hash && pathOf(file) === chosen.path) : 0);
  }
  const items = data.groups.map((row, i) => ({
    key: row.id, kind: row.kind, reason: row.reason, number: data.numbers[i], files: row.files.map((n) => files[n]), also: row.also,
    distances: row.distances, similarities: row.similarities, turned: row.turned ?? [],
    diameter: row.diameter, medoid: row.medoid, labels: row.labels ?? [], regions: row.regions ?? [], kept,
  })).concat(data.misses.map(([a, b, distance, similarity], i) => ({
    key: `${files[a].hash.slice(0, 12)}-${files[b].hash.slice(0, 12)}`, kind: 'miss', number: i + 1, files: [files[a], files[b]], also: 0,
    distances: [distance], similarities: [similarity], turned: [], diameter: null, medoid: null, labels: [], regions: [], kept,
  })));
  const distinct = (item) => [...new Set(item.files.map((file) => file.hash).filter(Boolean))];

  const KINDS = {
    bytes: { name: 'same bytes', title: 'Same bytes', about: 'files that are identical byte for byte' },
    pixels: { name: 'same pixels', title: 'Same pixels', about: 'the same pixels once decoded and turned upright' },
    near: { name: 'near', title: 'Near', about: 'the same picture to the eye' },
    edited: { name: 'edited', title: 'Edited', about: 'the same picture, of which a part differs or is missing, or which is mirrored or turned' },
    related: { name: 'related', title: 'Related', about: 'different pictures of one scene or template: nothing is proposed' },
    miss: { name: 'near misses', title: 'Near miss', about: 'just below the threshold, so not proposed as duplicates' },
  };

  const isCompared = ({ kind }) => kind !== 'bytes' && kind !== 'pixels' && kind !== 'miss'; // by similarity

  // ---- decisions: {key: {verdict: 'different' | 'keep-all'} or {others: [hash], keep: {hash, path}}}, kept by the browser if it
  // is allowed to

  const PLACE = `aesearch.dedupe.decisions:${data.base}`;
  let decisions = {};
  let lasting = true; // whether the browser keeps them
  let unsaved = false; // whether some were not downloaded
  try {
    decisions = JSON.parse(localStorage.getItem(PLACE) ?? '{}') ?? {};
    if (typeof decisions !== 'object' || Array.isArray(decisions)) decisions = {};
    localStorage.setItem(PLACE, JSON.stringify(decisions));
  } catch {
    lasting = false;
  }
  function remember() {
    unsaved = true;
    try {
      localStorage.setItem(PLACE, JSON.stringify(decisions));
      lasting = true;
    } catch {
      lasting = false;
    }
  }
  const verdictOf = (item) => decisions[item.key]?.verdict ?? null;
  const othersOf = (item) => decisions[item.key]?.others ?? [];
  const chosenOf = (item) => decisions[item.key]?.keep ?? null;
  const isDecided = (item) => Object.hasOwn(decisions, item.key);
  const NAMES = { different: 'not duplicates', 'keep-all': 'all kept' };

  function decide(item, decision) {
    if (decision) decisions[item.key] = decision;
    else delete decisions[item.key];
    remember();
    refresh(item);
    showProgress();
  }

  /** The document that `aesearch dedupe decide --import` reads. */
  function exported() {
    const list = [];
    const add = (verdict, some) => {
      const hashes = [...new Set(some.map((file) => file.hash).filter(Boolean))];
      if (hashes.length < (verdict === 'different' ? 2 : 1)) return false;
      list.push({ verdict, hashes: hashes.map(hexOf).sort(), paths: [...new Set(some.map(pathOf))].sort() });
      return true;
    };
    for (const item of items.filter(isDecided)) {
      const verdict = verdictOf(item);
      if (verdict) add(verdict, item.files);
      if (verdict === 'keep-all' && distinct(item).length > 1) {
        for (const hash of distinct(item)) {
          const same = item.files.filter((file) => file.hash === hash);
          if (same.length > 1) add(verdict, same);
        }
      }
      const others = new Set(othersOf(item));
      const rest = item.files.filter((file) => !others.has(file.hash));
      for (const hash of verdict ? [] : others) {
        const one = item.files.find((file) => file.hash === hash);
        const seen = new Set();
        for (const file of one ? rest : []) {
          if (!seen.has(file.hash)) add('different', [one, file]);
          seen.add(file.hash);
        }
      }
      const chosen = chosenOf(item);
      if (chosen && add('keep', rest)) list.at(-1).keep = { hash: hexOf(chosen.hash), path: chosen.path };
    }
    return { schema_version: list.some(({ verdict }) => verdict === 'keep') ? 2 : 1, command: 'dedupe decide', decisions: list };
  }

  function save() {
    const text = `${JSON.stringify(exported(), null, 2)}\n`;
    const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    const link = h('a', { href: address, download: 'aesearch-decisions.json', hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    unsaved = false;
    toast('Saved. Next: aesearch dedupe decide --import aesearch-decisions.json');
  }

  // ---- the head

  function showHead() {
    $('base').append(h('bdi', {}, visible(data.base)));
    const duplicates = data.groups.reduce((sum, row) => sum + row.files.length - 1 - row.also, 0);
    const space = items.filter((item) => item.kind !== 'miss').flatMap((item) => item.files.slice(1 + item.also))
      .reduce((sum, file) => sum + (file.entry || file.reference ? 0 : file.size), 0);
    const facts = [
      [number(data.images), data.images === 1 ? 'image compared' : 'images compared'],
      [number(data.groups.length + data.more.groups), 'groups'],
      [number(duplicates), data.more.groups ? 'duplicates listed here' : 'duplicates'],
      [bytes(space), 'in duplicate files'],
      [number(data.misses.length + data.more.misses), data.misses.length + data.more.misses === 1 ? 'near miss' : 'near misses'],
    ];
    $('facts').append(...facts.map(([value, name]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));

    const t = data.threshold;
    $('threshold').append(
      h('p', {}, 'Two pictures are near if their similarity is ', h('strong', {}, few(t.similarity)),
        ' or more: 1 minus how much they differ in the worst place, once they are aligned.'),
      h('p', {}, ...(t.null_pairs === 0 ? [] : ['At most ', h('strong', {}, oneIn(t.false_positive_rate)),
        ' compared pairs of different pictures should be called near. ']),
      `${count(t.pairs_tested, 'pair')} ${t.pairs_tested === 1 ? 'was' : 'were'} compared`,
      ...(t.expected_false_pairs === null ? ['.'] : [', so expect about ',
        h('strong', {}, few(t.expected_false_pairs)), ` false pair${t.expected_false_pairs === 1 ? '' : 's'}.`])),
      h('p', {}, t.null_pairs === 0
        ? 'There are no pairs to calibrate the threshold on: it is the default, and how many false pairs to expect is not known.'
        : `The threshold is calibrated on ${count(t.null_pairs, 'pair')} that were compared.`));

    if (t.recall.length === 0) $('recall').append(h('p', {}, 'Not measured in this scan.'));
    else {
      const rows = t.recall.map(({ copy, kind, copies, recall }) => {
        const bar = h('i', {});
        bar.style.width = `${Math.max(0, Math.min(1, recall)) * 100}%`;
        const percent = `${recall === 1 ? '100' : (Math.floor(recall * 1000) / 10).toFixed(1)}%`;
        return h('tr', { title: `${percent} of ${number(copies)} copies, found as ${kind}` }, h('th', { scope: 'row' }, copy),
          h('td', { 'aria-hidden': 'true' }, h('div', { class: 'track' }, bar)), h('td', { class: 'n' }, percent));
      });
      const least = Math.min(...t.recall.map((row) => row.copies));
      const most = Math.max(...t.recall.map((row) => row.copies));
      $('recall').append(
        h('table', { class: 'recall' }, h('caption', { class: 'sr' }, 'Share of copies that is found, by kind'), h('tbody', {}, ...rows)),
        h('p', {}, `Measured on copies made from these images, ${least === most ? number(most) : `${number(least)} to ${number(most)}`} of each kind.`));
    }

    const ABOUT = {
      whole: 'not enlarged, no border, no mark, not a part of another', camera: 'the EXIF data of a camera',
      generated: 'tells how it was generated', encoding: 'not encoded again', resolution: 'the most pixels',
      sidecar: 'has a file beside it that belongs to it', bytes: 'the largest file', oldest: 'the oldest file',
      shortest: 'the shortest path', format: 'the better format', quality: 'the higher quality of a JPEG', exif: 'with EXIF data',
    };
    $('keep').append(
      h('p', {}, 'The first of these in which the images of a group differ decides:'),
      h('ol', {}, ...data.keep.map((name) => h('li', {}, h('b', {}, name), ABOUT[name] ? `: ${ABOUT[name]}` : ''))),
      h('p', {}, 'Images of a reference, and those in containers, are never changed.'));

    const notices = [];
    if (data.pictureless > 0) {
      notices.push(`${count(data.pictureless, 'file')} of ${number(files.length)} ${data.pictureless === 1 ? 'is' : 'are'} listed without a picture: ${data.pictureless === 1 ? 'it' : 'they'} could not be read, or the page would have become too large.`);
    }
    if (data.more.groups > 0) notices.push(`${count(data.more.groups, 'more group')} did not fit into this page; the plan lists all of them.`);
    if (data.more.misses > 0) notices.push(`${count(data.more.misses, 'more near miss').replace('misss', 'misses')} only in the plan.`);
    $('notices').append(...notices.map((text) => h('p', { class: 'notice' }, text)));

    const skipped = data.skipped.length + data.more.skipped;
    if (skipped > 0) {
      $('skipped').hidden = false;
      $('skipped').querySelector('summary').append(`${count(skipped, 'image')} could not be compared`);
      $('skipped').querySelector('ul').append(
        ...data.skipped.map(({ path, reason: text }) => h('li', {}, h('bdi', {}, visible(path)), `: ${visible(text)}`)),
        ...(data.more.skipped ? [h('li', {}, `and ${number(data.more.skipped)} more, in the plan`)] : []));
    }
  }

  // ---- a group

  const BOX = 168; // the side of the box for a picture, in CSS pixels
  const SHOWN = 24; // files of a large group before "show all"

  /** The small picture of a file, as the text of an address. */
  const embedded = (file) => (file.picture === null ? null : album.heads[album.head_of[file.picture]] + album.tails[file.picture]);
  const onWindows = /^[A-Za-z]:[\\/]/;
  /** The address of the file itself, if it can have one: beside the page, or anywhere by its whole path. */
  function address(file) {
    if (file.entry || data.root === null) return null;
    const [path, base] = [pathOf(file), data.root].map((text) => (onWindows.test(data.base) ? text.replaceAll('\\', '/') : text));
    const encoded = (text) => text.split('/').map(encodeURIComponent).join('/');
    if (onWindows.test(path)) return `file:///${path.slice(0, 2)}${encoded(path.slice(2))}`;
    if (path.startsWith('/')) return `file://${encoded(path)}`;
    return encoded(base + path);
  }

  function picture(file, region) {
    const source = embedded(file);
    if (source === null) return h('span', { class: 'none' }, 'no picture');
    const image = h('img', { alt: '', decoding: 'async', src: source });
    const side = Math.max(file.width, file.height, 1);
    const enlarged = side <= BOX / 2 ? Math.floor(BOX / side) : Math.min(1, BOX / side);
    image.width = Math.max(1, Math.round(file.width * enlarged));
    image.height = Math.max(1, Math.round(file.height * enlarged));
    if (enlarged >= 2) image.classList.add('sharp');
    if (!region) return image;
    const [left, top, right, bottom] = region;
    const box = h('i', { class: 'region' });
    const percent = (share) => `${(100 * share).toFixed(2)}%`;
    Object.assign(box.style, { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) });
    return h('span', { class: 'marked' }, image, box);
  }
  const UPGRADED = 150; // pictures smaller than this are replaced by the files in the group that is looked at
  /** Shows the first images of a group from their files, where its pictures are very small. */
  function sharpen(item) {
    const article = item.element;
    if (!article || album.side >= UPGRADED || item.sharpened) return;
    item.sharpened = true;
    [...article.querySelectorAll('.pic')].slice(0, 6).forEach((element, i) => {
      const image = element.querySelector('img');
      const where = address(item.files[i]);
      if (!image || !where) return;
      const whole = new Image();
      whole.src = where;
      whole.decode().then(() => { image.src = where; }, () => {});
    });
  }

  /** What becomes of the i-th file: keep, dup, or stay. */
  function roleOf(item, i) {
    if (item.kind === 'miss') return 'dup';
    const all = verdictOf(item) === 'keep-all' || verdictOf(item) === 'different';
    return i === item.kept() || all || (i > 0 && i <= item.also) || (i === 0 && item.files[0].reference) ? 'keep' : 'dup';
  }
  function captionOf(item, i) {
    if (item.kind === 'miss') return i === 0 ? 'first' : 'second';
    if (i === item.kept()) return chosenOf(item) ? 'kept: your choice' : 'kept';
    if (i <= item.also && (i > 0 || item.files[0].reference)) return 'stays';
    if (i === 0) return 'goes';
    return isCompared(item) ? similar(item.similarities[i - 1]) : 'same';
  }
  const factsOf = (file) => [
    file.width ? `${file.width}\u00a0×\u00a0${file.height}` : '', file.format, file.entry ? 'in a container' : bytes(file.size), file.exif ? 'EXIF' : '', file.damaged ? 'damaged' : '',
  ].filter(Boolean).join(' · ');

  function figure(item, i) {
    const file = item.files[i];
    const miss = item.kind === 'miss';
    const role = roleOf(item, i);
    const caption = captionOf(item, i);
    const details = [];
    if (i > 0 && isCompared(item)) details.push(count(item.distances[i - 1], 'bit'));
    if (i > 0 && item.turned[i - 1]) details.push(item.turned[i - 1]);
    if (item.medoid === i && isCompared(item) && item.files.length > 2) details.push('most central');
    if (file.reference) details.push('reference');
    const figcaption = h('figcaption', {},
      h('span', { class: 'role' }, h('span', { class: 'is' }, caption), ...details.map((text) => h('small', {}, text))),
      h('span', { class: 'name', title: pathOf(file) }, h('bdi', {}, visible(file.name))),
      file.folder ? h('span', { class: 'dir' }, h('bdi', {}, visible(file.folder))) : null,
      h('span', {}, factsOf(file)),
      file.label !== null ? h('span', { class: `label${item.labels.length ? ' odd' : ''}` }, ` · label\u00a0${visible(file.label)}`) : null);
    const frame = h('button', { type: 'button', class: 'frame', tabindex: '-1', 'aria-label': `Compare ${visible(file.name)}`, onclick: () => { select(item, i); look(item, i); } }, picture(file, item.regions[i - 1]));
    const element = h('figure', { class: `pic ${role}`, 'data-file': i }, frame, figcaption);
    const buttons = h('div', { class: 'buttons' });
    figcaption.append(buttons);
    if (!miss && !file.reference) {
      buttons.append(h('button', { type: 'button', class: 'keep-toggle', title: 'Keep this one (t)', onclick: () => { select(item, i); keepThis(item, i); } }, 'keep this one'));
    }
    if (role === 'dup' && isCompared(item) && item.files.length > 2 && file.hash !== item.files[0].hash) {
      buttons.append(h('button', { type: 'button', class: 'other-toggle', 'data-hash': file.hash, onclick: () => toggleOther(item, file.hash) }, h('span', {}, 'not the same'), i - item.also <= 9 ? h('kbd', { 'aria-hidden': 'true' }, String(i - item.also)) : null));
    }
    return element;
  }

  function toggleOther(item, hash) {
    const others = new Set(othersOf(item));
    if (!others.delete(hash)) others.add(hash);
    const keep = chosenOf(item);
    decideParts(item, [...others], keep && !others.has(keep.hash) ? keep : null);
  }
  function decideParts(item, others, keep) {
    decide(item, others.length || keep ? { ...(others.length ? { others } : {}), ...(keep ? { keep } : {}) } : null);
  }
  /** Keeps the i-th file rather than the others of its group; again, what was proposed. */
  function keepThis(item, i) {
    const file = item.files[i];
    if (!file || item.kind === 'miss' || !file.hash) return;
    const again = chosenOf(item) && item.kept() === i;
    decideParts(item, othersOf(item).filter((hash) => hash !== file.hash), again ? null : { hash: file.hash, path: pathOf(file) });
    toast(`${nameOf(item)}: ${again ? 'as proposed' : `${visible(file.name)} is kept`}`);
  }

  function meta(item) {
    const duplicates = item.files.slice(1 + item.also);
    const parts = [];
    if (item.kind !== 'miss') parts.push(count(item.files.length, 'file'));
    const known = item.similarities.slice(item.also).filter((x) => x !== null);
    if (isCompared(item) && known.length) {
      const [least, most] = [Math.min(...known), Math.max(...known)].map(similar);
      parts.push(least === most ? `similarity ${least}` : `similarity ${least} to ${most}`);
      parts.push(`diameter ${few(item.diameter)}`);
    }
    if (item.kind === 'miss') parts.push(`similarity ${similar(item.similarities[0])}, ${count(item.distances[0], 'bit')}`);
    const space = duplicates.reduce((sum, file) => sum + (file.entry || file.reference ? 0 : file.size), 0);
    if (item.kind !== 'miss' && space > 0) parts.push(`${bytes(space)} in duplicates`);
    return parts.join(' · ');
  }

  function actions(item) {
    const button = (verdict, text, key) => h('button', {
      type: 'button', 'data-verdict': verdict, 'aria-pressed': 'false', 'aria-keyshortcuts': key,
      onclick: () => press(item, verdict),
    }, text, h('kbd', { 'aria-hidden': 'true' }, key));
    return h('div', { class: 'actions' },
      h('button', { type: 'button', class: 'compare', 'aria-keyshortcuts': 'v', onclick: () => look(item, selectedOf(item)) }, 'Compare', h('kbd', { 'aria-hidden': 'true' }, 'v')),
      item.kind === 'miss' ? null : h('button', { type: 'button', class: 'keep-this', 'aria-keyshortcuts': 't', onclick: () => keepThis(item, selectedOf(item)) }, 'Keep this one', h('kbd', { 'aria-hidden': 'true' }, 't')),
      distinct(item).length > 1 ? button('different', 'Not duplicates', 'd') : null,
      button('keep-all', 'Keep all', 'a'),
      h('button', { type: 'button', class: 'clear', 'aria-keyshortcuts': 'c', onclick: () => press(item, null) }, 'Clear', h('kbd', { 'aria-hidden': 'true' }, 'c')));
  }

  function card(item, position) {
    const { about, name } = KINDS[item.kind];
    const label = `t-${item.kind === 'miss' ? 'm' : 'g'}${item.number}`;
    const pics = h('div', { class: 'pics' }, ...item.files.slice(0, SHOWN).map((_, i) => figure(item, i)));
    if (item.files.length > SHOWN) {
      pics.append(h('button', { type: 'button', class: 'more', onclick: (event) => {
        event.target.replaceWith(...item.files.slice(SHOWN).map((_, i) => figure(item, SHOWN + i)));
        refresh(item);
      } }, `Show all ${number(item.files.length)}`));
    }
    const article = h('article', {
      class: 'group', tabindex: '-1', 'aria-labelledby': label, 'aria-posinset': position + 1, 'aria-setsize': view.length,
      onfocusin: () => become(position),
    },
    h('header', {},
      h('h3', { id: label }, `${item.kind === 'miss' ? 'Near miss' : 'Group'} ${number(item.number)}`),
      item.kind === 'miss' ? null : h('span', { class: `chip ${item.kind}`, title: about }, name),
      h('span', { class: 'meta' }, meta(item)),
      item.labels.length ? h('span', { class: 'chip warn' }, `labels disagree: ${visible(item.labels.join(', '))}`) : null,
      h('span', { class: 'chip verdict', hidden: true })),
    h('div', { class: 'body' }, pics, h('div', { class: 'side' },
      item.kind === 'miss' ? null : h('p', { class: 'why' }),
      actions(item))));
    item.element = article;
    refresh(item);
    return article;
  }

  /** Updates a group's card after a decision. */
  function refresh(item) {
    const article = item.element;
    if (!article) return;
    const verdict = verdictOf(item);
    const others = othersOf(item);
    article.classList.toggle('different', verdict === 'different');
    article.classList.toggle('keep-all', verdict === 'keep-all');
    for (const button of article.querySelectorAll('[data-verdict]')) button.setAttribute('aria-pressed', String(button.dataset.verdict === verdict));
    article.querySelector('.clear').disabled = !isDecided(item);
    const chip = article.querySelector('.verdict');
    chip.hidden = !isDecided(item);
    const parts = [chosenOf(item) ? 'your choice is kept' : '', others.length ? `${others.length} not the same` : ''];
    chip.textContent = verdict ? NAMES[verdict] : parts.filter(Boolean).join(', ');
    refreshKept(item, article);
    for (const button of article.querySelectorAll('.other-toggle')) {
      const on = others.includes(button.dataset.hash);
      button.setAttribute('aria-pressed', String(on));
      button.closest('.pic').classList.toggle('other', on);
    }
  }

  function refreshKept(item, article) {
    const at = item.kept();
    article.querySelector('.why')?.replaceChildren('Kept: ', h('b', {}, h('bdi', {}, visible(item.files[at].name))), h('br', {}), chosenOf(item) ? 'you chose it' : visible(item.reason));
    for (const element of article.querySelectorAll('.pic')) {
      const i = Number(element.dataset.file);
      const role = roleOf(item, i);
      element.classList.toggle('keep', role === 'keep');
      element.classList.toggle('dup', role === 'dup');
      element.querySelector('.is').textContent = captionOf(item, i);
      element.querySelector('.keep-toggle')?.setAttribute('aria-pressed', String(chosenOf(item) !== null && i === at));
    }
    showSelected(item);
    viewer.refresh();
  }

  // ---- one image of a group is selected, to be compared or kept

  const selectedOf = (item) => {
    if (item.selected !== undefined && item.selected < item.files.length) return item.selected;
    return item.kept() === 0 && item.files.length > 1 ? Math.min(1 + (item.kind === 'miss' ? 0 : item.also), item.files.length - 1) : 0;
  };
  function select(item, i) {
    item.selected = i;
    showSelected(item);
  }
  function showSelected(item) {
    for (const element of item.element?.querySelectorAll('.pic') ?? []) {
      element.classList.toggle('selected', Number(element.dataset.file) === selectedOf(item));
    }
  }
  /** The image before or after the selected one. */
  function selectNext(by) {
    const item = view[current];
    if (!item) return go(seen());
    const among = Math.min(item.files.length, item.element.querySelectorAll('.pic').length);
    select(item, (selectedOf(item) + by + among) % among);
    return item.element.querySelector('.pic.selected')?.scrollIntoView({ block: 'nearest' });
  }

  // ---- two images compared

  const viewer = viewerOf($('viewer'), {
    h, embedded, address,
    title: (item) => `${nameOf(item)} · ${KINDS[item.kind].name}`,
    caption: (item, i) => {
      const file = item.files[i];
      return { role: roleOf(item, i), words: [
        h('b', { class: 'is' }, captionOf(item, i)), h('bdi', { class: 'name', title: visible(pathOf(file)) }, visible(pathOf(file))), h('span', {}, factsOf(file)),
        item.turned[i - 1] ? h('span', {}, item.turned[i - 1]) : null,
      ].filter(Boolean) };
    },
    changed: (item, i) => {
      select(item, i);
      const position = view.indexOf(item);
      if (position >= 0 && position !== current) go(position, false);
      $('viewer').querySelector('footer').replaceChildren(...viewerActions(item));
    },
    closed: (item) => { if (view.includes(item)) go(view.indexOf(item)); },
    step: (item, by) => view[view.indexOf(item) + by] ?? null,
  });
  function viewerActions(item) {
    const button = (text, key, act) => h('button', { type: 'button', 'aria-keyshortcuts': key, onclick: act }, text, h('kbd', { 'aria-hidden': 'true' }, key));
    return [
      item.kind === 'miss' ? null : button('Keep this one', 't', () => keepThis(item, viewer.second)),
      distinct(item).length > 1 ? button('Not duplicates', 'd', () => pressThere('different')) : null,
      button('Keep all', 'a', () => pressThere('keep-all')),
      button('Clear', 'c', () => pressThere(null)),
      item.files.length > 2 ? h('span', {}, `${number(item.files.length)} images: ← → for others`) : null,
      h('span', { class: 'end' }, '↑ ↓ other groups'),
    ].filter(Boolean);
  }
  /** Opens the viewer: the i-th image beside the one that is kept, or the kept one beside the first other. */
  function look(item, i) {
    if (item.files.length > 1) viewer.open(item, i);
  }
  /** Decides about the group in the viewer, and goes on to the next. */
  function pressThere(verdict) {
    const item = viewer.item;
    const before = verdictOf(item);
    if (press(item, verdict) && verdict !== null && before !== verdict) viewer.stepTo(1);
  }

  // ---- the feed: chunks of groups, filled when they come near the window and emptied when they are far away

  const CHUNK = 4;
  const BUDGET_MS = 6; // of a frame, to fill chunks
  let view = []; // the items shown, in order
  let chunks = [];
  let current = -1; // position in view
  let sharpening = 0;
  const feed = $('feed');
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      if (!target.isConnected) continue; // late news about an earlier view
      if (isIntersecting) wanted.add(target.chunk);
      else {
        wanted.delete(target.chunk);
        if (!target.contains(document.activeElement)) empty(target.chunk, boundingClientRect.height);
      }
    }
    if (wanted.size > 0 && filling === 0) filling = requestAnimationFrame(fillWanted);
  }, { rootMargin: '1500px 0px' });
  const wanted = new Set(); // chunks to be filled
  let filling = 0;
  /** Fills some of the wanted chunks, those in the window first, and leaves the others to the next frames. */
  function fillWanted() {
    filling = 0;
    const until = performance.now() + BUDGET_MS;
    const middle = innerHeight / 2;
    const away = ({ element }) => {
      const { top, bottom } = element.getBoundingClientRect();
      return Math.max(0, top - middle, middle - bottom);
    };
    const ordered = [...wanted].filter((chunk) => !chunk.filled).map((chunk) => [away(chunk), chunk]).sort(([a], [b]) => a - b);
    wanted.clear();
    for (const [, chunk] of ordered) {
      if (performance.now() < until) fill(chunk);
      else wanted.add(chunk);
    }
    if (wanted.size > 0) filling = requestAnimationFrame(fillWanted);
  }

  /** The estimated height of a group that was not shown yet, in CSS pixels. */
  function guess(item) {
    const columns = Math.max(2, Math.floor((Math.min(feed.clientWidth || 1000, 1200) - (innerWidth < 900 ? 30 : 320)) / 218));
    return (innerWidth < 900 ? 170 : 70) + Math.ceil(Math.min(item.files.length, SHOWN) / columns) * 325;
  }
  function fill(chunk) {
    if (chunk.filled) return;
    chunk.filled = true;
    chunk.element.replaceChildren(...chunk.items.map((item, i) => card(item, chunk.start + i)));
    chunk.element.style.minHeight = '';
    if (current >= chunk.start && current < chunk.start + chunk.items.length) mark(current, true);
  }
  function empty(chunk, height) {
    if (!chunk.filled) return;
    chunk.element.style.minHeight = `${height}px`;
    chunk.filled = false;
    for (const item of chunk.items) Object.assign(item, { element: null, sharpened: false });
    chunk.element.replaceChildren();
  }
  function show() {
    observer.disconnect();
    wanted.clear();
    for (const item of items) Object.assign(item, { element: null, sharpened: false });
    view = items.filter(chosen());
    chunks = [];
    for (let start = 0; start < view.length; start += CHUNK) {
      const some = view.slice(start, start + CHUNK);
      const element = h('div', { role: 'none' });
      element.style.minHeight = `${some.reduce((sum, item) => sum + guess(item), 0)}px`;
      const chunk = { start, items: some, element, filled: false };
      element.chunk = chunk;
      chunks.push(chunk);
    }
    current = -1;
    feed.replaceChildren(...chunks.map((chunk) => chunk.element));
    for (const chunk of chunks.slice(0, 2)) fill(chunk);
    if (feed.getBoundingClientRect().top < 0) feed.scrollIntoView(); // a new selection starts at the top
    for (const chunk of chunks) observer.observe(chunk.element);
    $('empty').hidden = view.length > 0;
    showProgress();
  }

  function mark(position, on) {
    const article = view[position]?.element;
    if (!article) return;
    article.classList.toggle('current', on);
    article.setAttribute('tabindex', on ? '0' : '-1');
  }
  function become(position) {
    if (position === current) return;
    mark(current, false);
    current = position;
    mark(current, true);
    clearTimeout(sharpening);
    sharpening = setTimeout(() => { if (view[position]) sharpen(view[position]); }, 300);
  }
  function go(position, takesFocus = true) {
    if (view.length === 0) return;
    const to = Math.max(0, Math.min(view.length - 1, position));
    fill(chunks[Math.floor(to / CHUNK)]);
    become(to);
    const article = view[to].element;
    if (takesFocus) article.focus({ preventScroll: true });
    const tall = article.offsetHeight > innerHeight - 160;
    article.scrollIntoView({ block: tall ? 'start' : 'nearest' });
  }
  /** The first group in the window, for the first key press after scrolling. */
  function seen() {
    for (const chunk of chunks) {
      if (!chunk.filled) continue;
      for (let i = 0; i < chunk.items.length; i += 1) {
        if (chunk.items[i].element.getBoundingClientRect().bottom > 140) return chunk.start + i;
      }
    }
    return 0;
  }

  // ---- filters

  const filter = { kind: '', state: '', words: [] };
  const KIND_FILTERS = [
    ['', 'All', () => true],
    ['bytes', 'Same bytes', (item) => item.kind === 'bytes'],
    ['pixels', 'Same pixels', (item) => item.kind === 'pixels'],
    ['near', 'Near', (item) => item.kind === 'near'],
    ['edited', 'Edited', (item) => item.kind === 'edited'],
    ['labels', 'Labels disagree', (item) => item.labels.length > 0],
    ['miss', 'Near misses', (item) => item.kind === 'miss'],
  ];
  function chosen() {
    const [, , kind] = KIND_FILTERS.find(([key]) => key === filter.kind);
    const state = { '': () => true, open: (item) => !isDecided(item), decided: isDecided }[filter.state];
    const found = (item) => filter.words.every((word) => item.files.some((file) => wordsOf(file).includes(word)));
    return (item) => kind(item) && state(item) && found(item);
  }
  function showKinds() {
    for (const [key, name, test] of KIND_FILTERS) {
      const n = items.filter(test).length;
      if (n === 0 && key !== '') continue;
      $('kinds').append(h('button', { type: 'button', 'data-kind': key, 'aria-pressed': String(key === ''), onclick: () => {
        filter.kind = key;
        for (const button of $('kinds').children) button.setAttribute('aria-pressed', String(button.dataset.kind === key));
        show();
      } }, name, h('b', {}, number(n))));
    }
  }
  function showProgress() {
    const decided = items.filter(isDecided).length;
    $('progress').textContent = `${number(decided)} of ${number(items.length)} decided`;
    $('save').disabled = decided === 0;
    $('kept-where').textContent = lasting
      ? 'Until then, this browser keeps them for this page only.'
      : 'This browser does not keep them: download them before you close the page.';
  }
  function reset() {
    Object.assign(filter, { kind: '', state: '', words: [] });
    $('search').value = '';
    $('state').value = '';
    for (const button of $('kinds').children) button.setAttribute('aria-pressed', String(button.dataset.kind === ''));
    show();
  }

  // ---- keys

  let toasted = 0;
  function toast(text) {
    (viewer.item ? $('viewer') : document.body).append($('toast')); // above an open dialog
    $('toast').textContent = text;
    $('toast').classList.add('shown');
    clearTimeout(toasted);
    toasted = setTimeout(() => $('toast').classList.remove('shown'), 4500);
  }
  const nameOf = (item) => `${item.kind === 'miss' ? 'Near miss' : 'Group'} ${number(item.number)}`;

  function press(item, verdict) {
    if (verdict === 'different' && distinct(item).length < 2) {
      toast(`${nameOf(item)} consists of identical files: "keep all" (a) keeps them.`);
      return false;
    }
    const again = verdict !== null && verdictOf(item) === verdict;
    decide(item, verdict === null || again ? null : { verdict });
    toast(`${nameOf(item)}: ${verdict === null || again ? 'cleared' : NAMES[verdict]}`);
    return true;
  }
  /** Decides about the current group, and moves on to the next. */
  function pressHere(verdict) {
    if (current < 0) return go(seen());
    const position = current;
    const before = verdictOf(view[position]);
    if (press(view[position], verdict) && verdict !== null && before !== verdict) go(position + 1);
    return undefined;
  }
  function takeOut(digit) {
    const item = view[current];
    const file = item && isCompared(item) && item.files.length > 2 ? item.files[item.also + digit] : null;
    if (file && file.hash !== item.files[0].hash) toggleOther(item, file.hash);
  }
  function nextOpen() {
    for (let i = 1; i <= view.length; i += 1) {
      const position = (current + i + view.length) % view.length;
      if (!isDecided(view[position])) return go(position);
    }
    return toast('All groups shown are decided.');
  }
  const step = (by) => go(current < 0 ? seen() : current + by);
  const KEYS = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1), n: nextOpen,
    d: () => pressHere('different'), a: () => pressHere('keep-all'), c: () => pressHere(null),
    t: () => { const item = view[current]; if (item) keepThis(item, selectedOf(item)); else go(seen()); },
    v: () => { const item = view[current]; if (item) look(item, selectedOf(item)); else go(seen()); },
    ArrowLeft: () => selectNext(-1), ArrowRight: () => selectNext(1),
    g: () => go(0), G: () => go(view.length - 1),
    '/': () => { $('search').focus(); $('search').select(); },
    '?': () => $('help').showModal(),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { item } = viewer;
    if (item && !$('help').open) {
      const acts = { d: () => pressThere('different'), a: () => pressThere('keep-all'), c: () => pressThere(null), t: () => keepThis(item, viewer.second), '?': () => $('help').showModal() };
      if (viewer.press(event)) return;
      if (Object.hasOwn(acts, event.key)) { event.preventDefault(); acts[event.key](); }
      return;
    }
    if ($('help').open) {
      if (event.key === '?') { event.preventDefault(); $('help').close(); }
      return;
    }
    const typing = event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
    if (typing) {
      if (event.key === 'Escape' || (event.key === 'Enter' && event.target.id === 'search')) { event.target.blur(); if (event.key === 'Enter') go(0); }
      return;
    }
    const onButton = event.target instanceof HTMLButtonElement;
    if (event.key === 'Enter' && !onButton && current >= 0) { event.preventDefault(); KEYS.v(); return; }
    if (/^[1-9]$/.test(event.key)) { takeOut(Number(event.key)); return; }
    const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
    if (act) { event.preventDefault(); act(); }
  });
  let searching = 0;
  $('search').addEventListener('input', () => {
    clearTimeout(searching);
    searching = setTimeout(() => {
      filter.words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
      show();
    }, 120);
  });
  $('state').addEventListener('change', () => { filter.state = $('state').value; show(); });
  $('save').addEventListener('click', save);
  $('reset').addEventListener('click', reset);
  $('help-open').addEventListener('click', () => $('help').showModal());
  window.addEventListener('beforeunload', (event) => {
    if (unsaved && !lasting) event.preventDefault();
  });

  showHead();
  showKinds();
  show();
  document.documentElement.dataset.ready = 'true';
})();
