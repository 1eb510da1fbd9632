import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.mjs';
import { say } from './setup-error.mjs';

/**
 * Whether node_modules contains what package-lock.json requires, by npm's own record of the installation. npm writes
 * that record last, so an interrupted installation has none. Optional packages for other platforms may be missing.
 */
export function arePackagesInstalled(root) {
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'));
  if (installed === undefined) return false;
  return Object.entries(readPackages(join(root, 'package-lock.json')) ?? {}).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return wanted.optional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

export async function installPackages(root) {
  say('Installing the npm packages …');
  await runCommand(
    'Installing the npm packages',
    'npm',
    ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
    },
  );
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
