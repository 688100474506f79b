// Starts the Chromium of this machine, without network services of its own: for the checks of pages beside this file.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

function onPath(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch { /* not there */ }
    }
  }
  throw new Error(`none of ${names.join(', ')} is on the PATH: install Chromium, or set CHROMIUM`);
}

/** A browser: $CHROMIUM, or the first Chromium on the PATH. */
export function launch() {
  const executablePath = process.env.CHROMIUM ?? onPath('chromium', 'chromium-browser', 'google-chrome');
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}
