import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodeOf } from './run-command.mjs';
import { cacheFolder, missingMessage, SERVER_PROGRAMS, versionFolder } from './server-programs.mjs';
import { say, SetupError } from './setup-error.mjs';

const HEARTBEAT_MS = 15_000;

/** Throws the ways out unless there is a Go here that can build the servers. */
export function requireGo(names, root, env) {
  // Outside any module: there Go reports its own version instead of fetching the one that a module requires.
  const go = spawnSync('go', ['env', 'GOVERSION', 'GOTOOLCHAIN'], { cwd: tmpdir(), env, encoding: 'utf8' });
  if (go.status !== 0) throw new SetupError(missingMessage(names, root), 2);
  const [version = '', toolchain = ''] = go.stdout.split('\n');
  const wanted = /^go (\S+)$/m.exec(readFileSync(join(root, 'tools/go.mod'), 'utf8'))?.[1] ?? '';
  // From 1.21 on, Go fetches the toolchain that a module requires, unless configured not to.
  if (isAtLeast(version, wanted) || (isAtLeast(version, '1.21') && toolchain.trim() !== 'local')) return;
  const hint = isAtLeast(version, '1.21') ? ', and GOTOOLCHAIN=local keeps it from fetching a newer one' : '';
  throw new SetupError(
    `The installed Go is ${version}; the embedded servers need ${wanted} or newer${hint}.\n${missingMessage(names, root)}`,
    2,
  );
}

/** Builds the programs into the cache, where each appears only when it is complete. */
export async function buildServers(names, root, env) {
  const cache = cacheFolder(env);
  const target = versionFolder(root, env);
  const logFile = join(cache, 'build.log');
  mkdirSync(target, { recursive: true });
  removeAbandoned(cache);
  const unfinished = mkdtempSync(join(cache, 'building-'));
  say(`Building ${names.join(' and ')} with Go: 3 to 4 minutes, once for all checkouts. Log: ${logFile}`);
  const started = Date.now();
  const heartbeat = setInterval(() => say(`  still building, ${elapsed(started)} so far`), HEARTBEAT_MS);
  try {
    const code = await goBuild(names, unfinished, root, env, logFile);
    if (code !== 0) {
      throw new SetupError(
        `Building the servers failed (go exited with code ${code}). The end of ${logFile}:\n${lastLines(logFile)}`,
      );
    }
    for (const name of names) renameSync(join(unfinished, name), join(target, name));
    say(`Built in ${elapsed(started)}: ${target}`);
  } finally {
    clearInterval(heartbeat);
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function goBuild(names, folder, root, env, logFile) {
  const log = openSync(logFile, 'w');
  const sources = names.map((name) => SERVER_PROGRAMS[name].source);
  const args = [
    'build',
    '-mod=readonly',
    '-buildvcs=false',
    '-ldflags=-s -w',
    '-o',
    `${folder}/`,
    ...sources,
  ];
  try {
    return await exitCodeOf('go', args, {
      cwd: join(root, 'tools'),
      env: { ...env, GOWORK: 'off' },
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

/** The lock is ours, so any unfinished build was interrupted. */
function removeAbandoned(cache) {
  for (const name of readdirSync(cache)) {
    if (name.startsWith('building-')) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function lastLines(file) {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15);
  return lines.map((line) => `  ${line}`).join('\n');
}

function elapsed(since) {
  const seconds = Math.round((Date.now() - since) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Compares `1.26.4`, `go1.26.8` and `go1.27rc1` by their numbers. */
function isAtLeast(version, wanted) {
  const [have, want] = [numbers(version), numbers(wanted)];
  for (let index = 0; index < want.length; index += 1) {
    const difference = (have[index] ?? 0) - want[index];
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbers(version) {
  return (/\d+(\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number);
}
