import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.mjs';
import { runScript, say } from './setup-error.mjs';

/** Not compiled: sent to browsers unchanged. */
const PAGE_SCRIPTS = 'report/contact-sheet/page';

/** Whether dist/ was built from the present sources. */
export function isBuilt(root) {
  const stamp = stampFile(root);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digestOfSources(root);
}

/** Makes dist/ of src/: compiled modules, the workflows' bundle, and the commands' bundle. */
export async function build(root) {
  say('Building …');
  // Computed before: files that change during compilation are compiled again next time.
  const digest = digestOfSources(root);
  const node = (what, ...args) => runCommand(what, process.execPath, args, { cwd: root });
  await node('Compiling', join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json');
  await node('Bundling the workflows', join(root, 'scripts/bundle-workflows.mjs'));
  await node('Bundling the commands', join(root, 'scripts/bundle-commands.mjs'));
  cpSync(join(root, 'src', PAGE_SCRIPTS), join(root, 'dist', PAGE_SCRIPTS), { recursive: true });
  writeFileSync(stampFile(root), digest);
}

function stampFile(root) {
  return join(root, 'dist/.built-from');
}

function digestOfSources(root) {
  const hash = createHash('sha256');
  for (const file of [
    ...readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .map((name) => `src/${name}`)
      .sort(),
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
    'scripts/bundle-commands.mjs',
    'scripts/bundle-workflows.mjs',
  ]) {
    if (file.startsWith('src/') && !/\.[jt]s$/.test(file)) continue;
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(() => build(fileURLToPath(new URL('..', import.meta.url))));
}
