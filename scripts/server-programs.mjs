import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { SetupError } from './setup-error.mjs';

/** The embedded servers: what they are built from, and the variable that names the user's own copy. */
export const SERVER_PROGRAMS = {
  temporal: { variable: 'TEMPORAL_CLI_PATH', source: 'github.com/temporalio/cli/cmd/temporal' },
  versitygw: { variable: 'VERSITYGW_PATH', source: 'github.com/versity/versitygw/cmd/versitygw' },
};

/** The program's path: from its environment variable, else PATH, else the cache. As src/local/servers/find-binary.ts does. */
export function findServerProgram(name, root, env) {
  const { variable } = SERVER_PROGRAMS[name];
  const named = env[variable];
  if (named) {
    if (isExecutable(named)) return named;
    throw new SetupError(
      `${variable}=${named} is not an executable file. Fix it, or unset it to search for \`${name}\` on PATH and in the cache.`,
      2,
    );
  }
  const folders = (env.PATH ?? '').split(delimiter).filter(isAbsolute);
  return [...folders, versionFolder(root, env)].map((folder) => join(folder, name)).find(isExecutable);
}

/** Outside the checkout, so that all checkouts share one build. */
export function cacheFolder(env) {
  const configured = env.XDG_CACHE_HOME;
  const base = configured && isAbsolute(configured) ? configured : join(env.HOME ?? homedir(), '.cache');
  return join(base, 'banana-batch');
}

/** The part of the cache that belongs to the servers' pinned versions. */
export function versionFolder(root, env) {
  const digest = createHash('sha256')
    .update(readFileSync(join(root, 'tools/go.sum')))
    .digest('hex');
  return join(cacheFolder(env), digest.slice(0, 16));
}

/** What is missing, and the options. */
export function missingMessage(names, root) {
  const template = readFileSync(join(root, 'tools/servers-missing.txt'), 'utf8').trimEnd();
  return template.replace('{names}', names.map((name) => `\`${name}\``).join(' and '));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
