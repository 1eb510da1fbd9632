import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EmbeddedError } from './embedded-error.js';

/** The programs of the embedded servers. */
export type ServerProgram = 'temporal' | 'versitygw';

const PATH_VARIABLE = { temporal: 'TEMPORAL_CLI_PATH', versitygw: 'VERSITYGW_PATH' } as const;

// Three levels up, from both src/ and dist/.
const TOOLS_FOLDER = fileURLToPath(new URL('../../../tools/', import.meta.url));

/**
 * The program's path: from its environment variable, else PATH, else the cache that `npm run setup` fills.
 * `scripts/server-programs.mjs` checks the same places.
 * @throws EmbeddedError `server-missing` with the ways to get it.
 */
export function findServerProgram(name: ServerProgram, env: NodeJS.ProcessEnv = process.env): string {
  const path = lookUp(name, env);
  if (path === undefined) throw new EmbeddedError('server-missing', missingMessage([name]));
  return path;
}

/** @throws EmbeddedError `server-missing` that names all missing programs and the ways to get them. */
export function requireServerPrograms(
  names: readonly ServerProgram[],
  env: NodeJS.ProcessEnv = process.env,
): void {
  const missing = names.filter((name) => lookUp(name, env) === undefined);
  if (missing.length > 0) throw new EmbeddedError('server-missing', missingMessage(missing));
}

function lookUp(name: ServerProgram, env: NodeJS.ProcessEnv): string | undefined {
  const named = env[PATH_VARIABLE[name]];
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named;
    throw new EmbeddedError(
      'server-missing',
      `${PATH_VARIABLE[name]}=${named} is not an executable file. Fix it, or unset it to search for \`${name}\` on PATH and in the cache.`,
    );
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const onPath = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (onPath !== undefined) return onPath;
  const cached = join(cacheFolder(env), name);
  return isExecutable(cached) ? cached : undefined;
}

/** Where `npm run setup` builds to: each version of the servers has its own folder. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  const configured = env['XDG_CACHE_HOME'];
  const base =
    configured !== undefined && isAbsolute(configured)
      ? configured
      : join(env['HOME'] ?? homedir(), '.cache');
  const version = createHash('sha256')
    .update(readFileSync(join(TOOLS_FOLDER, 'go.sum')))
    .digest('hex')
    .slice(0, 16);
  return join(base, 'banana-batch', version);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function missingMessage(missing: readonly ServerProgram[]): string {
  const template = readFileSync(join(TOOLS_FOLDER, 'servers-missing.txt'), 'utf8').trimEnd();
  return template.replace('{names}', missing.map((name) => `\`${name}\``).join(' and '));
}
