/*
 * Makes a fresh checkout ready: npm packages, dist/, and the programs of the embedded servers. What is in place is
 * left alone, so a second time takes a moment. Writes to the checkout and to the user's cache folder, nowhere else.
 *
 *   node scripts/setup.mjs                 the servers that are not configured by environment or .env
 *   node scripts/setup.mjs --all-servers   both servers, for the tests
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as util from 'node:util';
import { build, isBuilt } from './build.mjs';
import { buildServers, requireGo } from './build-servers.mjs';
import { arePackagesInstalled, installPackages } from './installed-packages.mjs';
import { endCommands } from './run-command.mjs';
import { cacheFolder, findServerProgram } from './server-programs.mjs';
import { runScript, say, SetupError } from './setup-error.mjs';
import { takeLock } from './setup-lock.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function requireNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [, major, minor] = /(\d+)\.(\d+)/.exec(engines.node).map(Number);
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  throw new SetupError(
    `This is Node ${process.versions.node}; Node ${major}.${minor} or newer is needed (https://nodejs.org/, or your version manager).`,
    2,
  );
}

/** The servers that are not configured elsewhere. */
function serversWanted() {
  if (process.argv.includes('--all-servers')) return ['temporal', 'versitygw'];
  const dotEnv = join(root, '.env');
  const env = { ...(existsSync(dotEnv) ? util.parseEnv(readFileSync(dotEnv, 'utf8')) : {}), ...process.env };
  const hasTemporal = env.TEMPORAL_ADDRESS || env.TEMPORAL_PROFILE || env.TEMPORAL_CONFIG_FILE;
  return [...(hasTemporal ? [] : ['temporal']), ...(env.BANANA_BUCKET ? [] : ['versitygw'])];
}

function whatIsMissing() {
  return {
    packages: !arePackagesInstalled(root),
    servers: serversWanted().filter((name) => findServerProgram(name, root, process.env) === undefined),
    // Nothing can be built without the packages; with new packages dist/ must be built again.
    dist: !arePackagesInstalled(root) || !isBuilt(root),
  };
}

function isComplete({ packages, servers, dist }) {
  return !packages && !dist && servers.length === 0;
}

await runScript(async () => {
  requireNode();
  const before = whatIsMissing();
  if (isComplete(before)) return;
  // Before the first of several minutes: what the user has to do is reported at once.
  if (before.servers.length > 0) requireGo(before.servers, root, process.env);

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ]) {
    process.once(signal, () => {
      endCommands();
      process.exit(exitCode);
    });
  }
  const release = await takeLock(join(cacheFolder(process.env), 'setup.lock'));
  try {
    // Another setup may have done some of it meanwhile.
    const { packages, servers, dist } = whatIsMissing();
    if (packages) await installPackages(root);
    if (dist) await build(root);
    if (servers.length > 0) await buildServers(servers, root, process.env);
  } finally {
    release();
  }
  say('Ready.');
});
